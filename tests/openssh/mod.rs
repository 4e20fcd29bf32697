//! An OpenSSH server for one test.
#![allow(dead_code, reason = "not every test uses all of it")]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rprov::connection::{HostKeyChecking, Settings};

pub const NEEDED: &str = "OpenSSH's server and client are needed: install openssh-server and openssh-client";

/// An `sshd` of its own, which dies with the test.
pub struct Server {
    directory: tempfile::TempDir,
    pub port: u16,
    pub process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}. {NEEDED}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn user() -> String {
    run(Command::new("id").arg("-un")).trim().to_owned()
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    pub fn start() -> Self {
        Self::start_with("")
    }

    pub fn start_with(more: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Self::start_in(directory, more);
        server.keygen("ed25519", &["-t", "ed25519"]);
        server.authorize("ed25519");
        server
    }

    pub fn start_in(directory: tempfile::TempDir, more: &str) -> Self {
        let program = ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|path| Path::new(path).exists());
        let program = program.expect(NEEDED);
        // As root, sshd wants its empty directory, which a package's service makes at boot.
        if user() == "root" {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let path = directory.path();
        for kind in ["ed25519", "ecdsa", "rsa"] {
            let file = path.join(format!("host_{kind}"));
            let size: &[&str] = if kind == "rsa" { &["-b", "2048"] } else { &[] };
            run(Command::new("ssh-keygen").args(["-q", "-N", "", "-t", kind]).args(size).arg("-f").arg(file));
        }
        let port = free_port();
        let text = path.display();
        let config = format!(
            "{more}\nListenAddress 127.0.0.1\nPort {port}\nHostKey {text}/host_ed25519\nHostKey {text}/host_ecdsa\n\
             HostKey {text}/host_rsa\nPidFile none\nAuthorizedKeysFile {text}/authorized_keys\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
             MaxSessions 100\nMaxStartups 100\nTrustedUserCAKeys {text}/user_ca.pub\nPrintMotd no\n"
        );
        std::fs::write(path.join("sshd_config"), config).unwrap();
        std::fs::write(path.join("authorized_keys"), "").unwrap();
        run(Command::new("ssh-keygen").args(["-q", "-N", "", "-t", "ed25519", "-f"]).arg(path.join("user_ca")));
        let mut process = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(path.join("sshd_config"))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(path.join("sshd.log")).unwrap())
            .spawn()
            .expect(NEEDED);
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if process.try_wait().unwrap().is_some() || Instant::now() > deadline {
                panic!("sshd does not start: {}", std::fs::read_to_string(path.join("sshd.log")).unwrap());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { directory, port, process }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn keygen(&self, name: &str, arguments: &[&str]) {
        let mut command = Command::new("ssh-keygen");
        command.arg("-q").args(arguments).arg("-f").arg(self.path(name));
        if !arguments.contains(&"-N") {
            command.args(["-N", ""]);
        }
        run(&mut command);
    }

    pub fn authorize(&self, name: &str) {
        let key = std::fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap();
        std::fs::write(self.path("authorized_keys"), key).unwrap();
    }

    pub fn host_key(&self, kind: &str) -> String {
        let key = std::fs::read_to_string(self.path(&format!("host_{kind}.pub"))).unwrap();
        key.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// The server, with its own files only, and no check of its key.
    pub fn settings(&self, key: &str) -> Settings {
        let mut settings = plain_settings(self.port);
        settings.private_key_file = Some(self.path(key));
        settings.host_key_checking = Some(HostKeyChecking::Off);
        settings
    }

    /// As [`Server::settings`], with the key checked against a `known_hosts` file of this content.
    pub fn checked(&self, content: Option<&str>) -> Settings {
        let mut settings = self.settings("ed25519");
        settings.host_key_checking = None;
        if let Some(content) = content {
            std::fs::write(self.path("known_hosts"), content).unwrap();
        }
        let file = self.path("known_hosts").display().to_string();
        settings.ssh_arguments.extend(["-o".into(), format!("UserKnownHostsFile={file}")]);
        settings
    }
}

pub fn plain_settings(port: u16) -> Settings {
    Settings {
        connection: "ssh".into(),
        host: "test".into(),
        address: "127.0.0.1".into(),
        port: Some(port),
        user: None,
        password: None,
        private_key_file: None,
        private_key_passphrase: None,
        host_key_checking: None,
        timeout: Duration::from_secs(20),
        ssh_arguments: ["-F", "none", "-o", "IdentityAgent=none", "-o", "GlobalKnownHostsFile=none"]
            .map(str::to_owned)
            .to_vec(),
        retries: 0,
        pinned_host_key: None,
        entry: None,
    }
}

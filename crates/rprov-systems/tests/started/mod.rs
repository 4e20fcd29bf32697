//! Servers that tests start, each in a directory of its own and on the loopback device, and that end with the test.
#![allow(dead_code, reason = "not every test program needs all of it")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server.
pub struct Started {
    directory: tempfile::TempDir,
    process: Option<Child>,
}

impl Started {
    /// A directory for a server.
    pub fn prepare() -> Self {
        Started { directory: tempfile::tempdir().unwrap(), process: None }
    }

    /// Start it there; what it says goes to the file `log`.
    pub fn start(&mut self, package: &str, command: &mut Command) {
        let log = std::fs::File::create(self.path("log")).unwrap();
        let process = command
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("these tests need {package}: {error}"));
        self.process = Some(process);
    }

    /// Wait until it answers.
    pub fn until(&self, answers: impl Fn() -> bool) {
        let begun = Instant::now();
        while !answers() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", std::fs::read_to_string(self.path("log")));
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A port of the loopback device that nobody listens at.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An authority, and a certificate of it for `localhost`.
pub fn tls_files(directory: &std::path::Path) {
    let script = "openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=ca -keyout ca.key -out ca.pem && \
                  openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out cert.csr && \
                  printf 'subjectAltName=DNS:localhost' >ext && \
                  openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile ext -out cert.pem";
    let made = Command::new("sh").args(["-c", script]).current_dir(directory).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

//! The SSH transport against a real `sshd` on loopback, and against a small server for what `sshd` only does with PAM.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rprov::connection::{ConnectionError, Exit, HostKeyChecking, Password, Process, Settings, Transport, ssh};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

mod openssh;

use openssh::{NEEDED, Server, free_port, plain_settings, run, user};

async fn finish(mut process: Process) -> (Vec<u8>, String, Option<Exit>) {
    drop(process.stdin);
    let (mut stdout, mut stderr) = (Vec::new(), String::new());
    let (out, err) = tokio::join!(process.stdout.read_to_end(&mut stdout), process.stderr.read_to_string(&mut stderr));
    out.unwrap();
    err.unwrap();
    (stdout, stderr, process.exit.await.ok())
}

async fn output(transport: &Arc<dyn Transport>, command: &str) -> (String, String, Option<Exit>) {
    let (stdout, stderr, exit) = finish(transport.exec(command).await.unwrap()).await;
    (String::from_utf8(stdout).unwrap(), stderr, exit)
}

async fn works(settings: &Settings) {
    let transport = ssh::connect(settings).await.unwrap_or_else(|error| panic!("{error} ({:?})", error.hint()));
    assert_eq!(output(&transport, "echo here").await, ("here\n".into(), String::new(), Some(Exit::Code(0))));
    transport.close().await;
}

async fn refused(settings: &Settings) -> (String, String, ConnectionError) {
    let error = ssh::connect(settings).await.expect_err("the connection must be refused");
    (error.to_string(), error.hint().unwrap_or_default().to_owned(), error)
}

#[tokio::test]
async fn a_command_has_streams_and_an_exit_status() {
    let server = Server::start();
    let transport = ssh::connect(&server.settings("ed25519")).await.unwrap();
    assert_eq!(
        output(&transport, "echo out; echo err >&2; exit 7").await,
        ("out\n".into(), "err\n".into(), Some(Exit::Code(7)))
    );
    assert_eq!(output(&transport, "kill -TERM $$").await.2, Some(Exit::Signal("TERM".into())));
    let mut process = transport.exec("read line; echo \"got $line\"; cat").await.unwrap();
    process.stdin.write_all(b"first\n").await.unwrap();
    let mut buffer = [0; 10];
    process.stdout.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"got first\n");
    process.stdin.write_all(b"rest").await.unwrap();
    process.stdin.shutdown().await.unwrap();
    assert_eq!(finish(process).await, (b"rest".to_vec(), String::new(), Some(Exit::Code(0))));
}

#[tokio::test]
async fn a_terminal_does_not_echo() {
    let server = Server::start();
    let transport = ssh::connect(&server.settings("ed25519")).await.unwrap();
    let mut process = transport.exec_tty("test -t 0 && echo tty; read secret; echo \"<$secret>\"").await.unwrap();
    let mut buffer = [0; 4];
    process.stdout.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"tty\n");
    process.stdin.write_all(b"password\n").await.unwrap();
    let mut rest = String::new();
    process.stdout.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "<password>\n");
}

#[tokio::test]
async fn every_kind_of_key_logs_in() {
    let server = Server::start();
    for (name, arguments) in [
        ("ecdsa", vec!["-t", "ecdsa"]),
        ("p384", vec!["-t", "ecdsa", "-b", "384"]),
        ("rsa", vec!["-t", "rsa", "-b", "2048"]),
        ("rsa_pem", vec!["-t", "rsa", "-b", "2048", "-m", "PEM"]),
    ] {
        server.keygen(name, &arguments);
        server.authorize(name);
        works(&server.settings(name)).await;
    }
}

/// One key in 256 of this kind: the secret number begins with a zero byte, which OpenSSH's format leaves out.
const SHORT_ECDSA: &str = "\
-----BEGIN OPENSSH PRIVATE KEY-----\n\
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAaAAAABNlY2RzYS\n\
1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQQ9MjfOnHhvOXTatO/ITVO29nzGxovT\n\
8UbAAAll2S5wd+UMrOmCYpbDt9+qGLwT/ymQw+tVKIQNW2TtjK+39hrFAAAAqPsPWQv7D1\n\
kLAAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBD0yN86ceG85dNq0\n\
78hNU7b2fMbGi9PxRsAACWXZLnB35Qys6YJilsO336oYvBP/KZDD61UohA1bZO2Mr7f2Gs\n\
UAAAAfODjAKjXQlgeFzmmIudIeiLwfw3XkvkQ9HDJISqjsjQAAAAxzaG9ydCBzY2FsYXIB\n\
AgMEBQ==\n\
-----END OPENSSH PRIVATE KEY-----\n";

#[tokio::test]
async fn a_key_with_a_short_secret_number_logs_in() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start();
    let file = server.path("short");
    std::fs::write(&file, SHORT_ECDSA).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(server.path("short.pub"), run(Command::new("ssh-keygen").arg("-yf").arg(&file))).unwrap();
    server.authorize("short");
    works(&server.settings("short")).await;
    for (cipher, passphrase) in [("aes256-ctr", "open"), ("chacha20-poly1305@openssh.com", "sesame")] {
        let mut command = Command::new("ssh-keygen");
        // Anew each time, since it would ask for the old passphrase.
        std::fs::write(&file, SHORT_ECDSA).unwrap();
        run(command.args(["-q", "-p", "-P", "", "-a", "1", "-Z", cipher, "-N", passphrase, "-f"]).arg(&file));
        let mut settings = server.settings("short");
        settings.private_key_passphrase = Some(Password::new("wrong"));
        let (_, hint, _) = refused(&settings).await;
        assert!(hint.contains("the passphrase does not open it"), "{hint}");
        settings.private_key_passphrase = Some(Password::new(passphrase));
        works(&settings).await;
    }
}

#[tokio::test]
async fn a_passphrase_opens_a_key() {
    let server = Server::start();
    server.keygen("locked", &["-t", "ed25519", "-N", "open sesame", "-a", "1"]);
    server.authorize("locked");
    let mut settings = server.settings("locked");
    let (message, hint, error) = refused(&settings).await;
    assert!(matches!(error, ConnectionError::Authentication { .. }), "{error:?}");
    assert!(message.contains("Permission denied (publickey"), "{message}");
    assert!(hint.contains("is encrypted; give `ansible_ssh_private_key_passphrase`"), "{hint}");
    settings.private_key_passphrase = Some(Password::new("wrong"));
    let (_, hint, _) = refused(&settings).await;
    assert!(hint.contains("the passphrase does not open it"), "{hint}");
    settings.private_key_passphrase = Some(Password::new("open sesame"));
    works(&settings).await;
}

#[tokio::test]
async fn a_wrong_or_unusable_key_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start();
    server.keygen("stranger", &["-t", "ed25519"]);
    let (message, hint, _) = refused(&server.settings("stranger")).await;
    assert_eq!(message, format!("{}@127.0.0.1: Permission denied (publickey)", user()));
    assert!(hint.contains("refused were: `"), "{hint}");
    assert!(hint.contains("stranger`") && hint.contains("authorized_keys"), "{hint}");
    let (_, hint, _) = refused(&server.settings("missing")).await;
    assert!(hint.contains("missing` does not exist"), "{hint}");
    std::fs::set_permissions(server.path("ed25519"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (_, hint, _) = refused(&server.settings("ed25519")).await;
    assert!(hint.contains("0644") && hint.contains("chmod 600"), "{hint}");
    std::fs::write(server.path("text"), "no key at all").unwrap();
    std::fs::set_permissions(server.path("text"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let (_, hint, _) = refused(&server.settings("text")).await;
    assert!(hint.contains("text` cannot be understood"), "{hint}");
}

#[tokio::test]
async fn a_certificate_logs_in() {
    let server = Server::start();
    for (name, kind) in [("cert", "ed25519"), ("cert_rsa", "rsa")] {
        server.keygen(name, &["-t", kind]);
        std::fs::write(server.path("authorized_keys"), "").unwrap();
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-I", "test", "-n", &user(), "-s"]).arg(server.path("user_ca"));
        run(sign.arg(server.path(&format!("{name}.pub"))));
        works(&server.settings(name)).await;
    }
}

/// An `ssh-agent` in a directory.
struct Agent(Child);

impl Agent {
    fn start(socket: &Path) -> Self {
        let child = Command::new("ssh-agent").args(["-D", "-a"]).arg(socket).stdout(Stdio::null()).spawn();
        let agent = Self(child.expect(NEEDED));
        while !socket.exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn an_agent_logs_in() {
    let server = Server::start();
    let socket = server.path("agent");
    let _agent = Agent::start(&socket);
    for (name, arguments) in [("a_ed25519", ["-t", "ed25519"]), ("a_rsa", ["-t", "rsa"]), ("a_ecdsa", ["-t", "ecdsa"])]
    {
        server.keygen(name, &arguments);
        server.authorize(name);
        run(Command::new("ssh-add").arg("-q").arg(server.path(name)).env("SSH_AUTH_SOCK", &socket));
        let mut settings = server.settings(name);
        settings.private_key_file = None;
        settings.ssh_arguments[3] = format!("IdentityAgent={}", socket.display());
        works(&settings).await;
    }
    // Of an identity that is named, the agent needs the public key only.
    std::fs::remove_file(server.path("a_ecdsa")).unwrap();
    let mut settings = server.settings("a_ecdsa");
    settings.ssh_arguments[3] = format!("IdentityAgent={}", socket.display());
    settings.ssh_arguments.extend(["-o".into(), "IdentitiesOnly=yes".into()]);
    works(&settings).await;
    settings.private_key_file = Some(server.path("ed25519"));
    let (_, hint, _) = refused(&settings).await;
    assert!(!hint.contains("agent's"), "{hint}");
}

#[tokio::test]
async fn an_unknown_host_is_refused_until_it_is_accepted() {
    let server = Server::start();
    let settings = server.checked(Some(""));
    let (message, hint, error) = refused(&settings).await;
    assert!(matches!(error, ConnectionError::HostKey { .. }), "{error:?}");
    assert!(message.contains("is in no `known_hosts` file") && message.contains("SHA256:"), "{message}");
    for part in ["ssh-keyscan -p", "ANSIBLE_HOST_KEY_CHECKING=False", "accept-new"] {
        assert!(hint.contains(part), "{hint}");
    }
    let mut accepting = settings.clone();
    accepting.host_key_checking = Some(HostKeyChecking::AcceptNew);
    works(&accepting).await;
    let line = format!("[127.0.0.1]:{} {}\n", server.port, server.host_key("ed25519"));
    assert_eq!(std::fs::read_to_string(server.path("known_hosts")).unwrap(), line);
    works(&settings).await;
    // Nothing is written twice.
    works(&accepting).await;
    assert_eq!(std::fs::read_to_string(server.path("known_hosts")).unwrap(), line);
}

#[tokio::test]
async fn a_changed_key_is_refused_with_file_and_line() {
    let server = Server::start();
    let other = std::fs::read_to_string(server.path("ed25519.pub")).unwrap();
    let mut settings = server.checked(Some(&format!("# first\n[127.0.0.1]:{} {other}", server.port)));
    for checking in [HostKeyChecking::Strict, HostKeyChecking::AcceptNew] {
        settings.host_key_checking = Some(checking);
        let (message, hint, error) = refused(&settings).await;
        assert!(matches!(error, ConnectionError::HostKey { .. }), "{error:?}");
        assert!(message.contains("known_hosts:2"), "{message}");
        assert!(hint.contains("ssh-keygen -f"), "{hint}");
    }
    // A key's signature is worth nothing to somebody in between: with the check switched off it may be used.
    settings.host_key_checking = Some(HostKeyChecking::Off);
    works(&settings).await;
    let warnings = ssh::connect(&settings).await.unwrap().warnings();
    let [(reason, hint)] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(reason.contains("known_hosts:2") && hint.contains("ssh-keygen -f"), "{reason} {hint}");
    let known = server.checked(Some(&format!("[127.0.0.1]:{} {}\n", server.port, server.host_key("ed25519"))));
    assert!(ssh::connect(&known).await.unwrap().warnings().is_empty());
}

#[tokio::test]
async fn known_hosts_may_be_hashed_of_another_type_or_signed() {
    let server = Server::start();
    let settings = server.checked(Some(&format!("[127.0.0.1]:{} {}\n", server.port, server.host_key("ecdsa"))));
    run(Command::new("ssh-keygen").arg("-H").arg("-f").arg(server.path("known_hosts")));
    assert!(std::fs::read_to_string(server.path("known_hosts")).unwrap().starts_with("|1|"));
    works(&settings).await;
    works(&server.checked(Some(&format!("127.0.0.* {}\n", server.host_key("rsa"))))).await;
    let revoked = format!("@revoked * {0}\n[127.0.0.1]:{1} {0}\n", server.host_key("ed25519"), server.port);
    for checking in [None, Some(HostKeyChecking::AcceptNew), Some(HostKeyChecking::Off)] {
        let mut settings = server.checked(Some(&revoked));
        settings.host_key_checking = checking;
        let (message, _, _) = refused(&settings).await;
        assert!(message.contains("is revoked by") && message.contains("known_hosts:1"), "{message}");
    }
    let mut aliased = server.checked(Some(&format!("some-alias {}\n", server.host_key("rsa"))));
    aliased.ssh_arguments.extend(["-o".into(), "HostKeyAlias=some-alias".into()]);
    works(&aliased).await;
}

#[tokio::test]
async fn a_host_certificate_is_as_good_as_its_authority() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let server = Server::start_in(directory, &format!("HostCertificate {}/host_ed25519-cert.pub", path.display()));
    server.keygen("ed25519", &["-t", "ed25519"]);
    server.authorize("ed25519");
    let sign = |arguments: &[&str]| {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-h", "-I", "host", "-s"]).arg(server.path("user_ca")).args(arguments);
        run(command.arg(server.path("host_ed25519.pub")));
        // The certificate is read when sshd starts, or told to start again.
        run(Command::new("kill").args(["-HUP", &server.process.id().to_string()]));
        std::thread::sleep(Duration::from_millis(300));
    };
    let authority = std::fs::read_to_string(server.path("user_ca.pub")).unwrap();
    let settings = server.checked(Some(&format!("@cert-authority * {authority}")));
    sign(&["-n", "127.0.0.1"]);
    works(&settings).await;
    sign(&["-n", "elsewhere"]);
    let (message, _, _) = refused(&settings).await;
    assert!(message.contains("is made out to elsewhere"), "{message}");
    sign(&["-n", "127.0.0.1", "-V", "-2d:-1d"]);
    let (message, _, _) = refused(&settings).await;
    assert!(message.contains("has expired"), "{message}");
    // With the check switched off, it is worth as much as the key in it.
    let mut unchecked = settings.clone();
    unchecked.host_key_checking = Some(HostKeyChecking::Off);
    works(&unchecked).await;
    let revoked = server.checked(Some(&format!("@cert-authority * {authority}@revoked * {authority}")));
    let mut unchecked = revoked.clone();
    unchecked.host_key_checking = Some(HostKeyChecking::Off);
    for settings in [revoked, unchecked] {
        let (message, _, _) = refused(&settings).await;
        assert!(message.contains("is revoked by"), "{message}");
    }
}

#[tokio::test]
async fn a_pinned_key_needs_no_known_hosts() {
    let server = Server::start();
    let mut settings = server.checked(Some(""));
    for kind in ["ed25519", "ecdsa", "rsa"] {
        settings.pinned_host_key = Some(server.host_key(kind));
        works(&settings).await;
    }
    settings.pinned_host_key = Some(std::fs::read_to_string(server.path("ed25519.pub")).unwrap());
    let (message, _, error) = refused(&settings).await;
    assert!(matches!(error, ConnectionError::HostKey { .. }), "{error:?}");
    assert!(message.contains("but it must have the key"), "{message}");
}

#[tokio::test]
async fn a_jump_goes_through_every_host_by_its_own_rules() {
    let (first, second, target) = (Server::start(), Server::start(), Server::start());
    let config = target.path("config");
    let block = |name: &str, server: &Server| {
        format!(
            "Host {name}\n  HostName 127.0.0.1\n  Port {}\n  IdentityFile {}\n",
            server.port,
            server.path("ed25519").display()
        )
    };
    let text = format!(
        "{}{}  ProxyJump first\n{}  ProxyJump second\nHost *\n  StrictHostKeyChecking no\n  IdentityAgent none\n",
        block("first", &first),
        block("second", &second),
        block("target", &target)
    );
    std::fs::write(&config, text).unwrap();
    let mut settings = plain_settings(0);
    settings.port = None;
    settings.address = "target".into();
    settings.ssh_arguments = vec!["-F".into(), config.display().to_string()];
    works(&settings).await;
    let transport = ssh::connect(&settings).await.unwrap();
    let (stdout, _, _) = output(&transport, "echo $SSH_CONNECTION").await;
    assert!(stdout.trim().ends_with(&format!("127.0.0.1 {}", target.port)), "{stdout}");
    for server in [&first, &second] {
        let log = std::fs::read_to_string(server.path("sshd.log")).unwrap();
        assert!(log.contains("Accepted publickey"), "{log}");
    }
    // Given as an argument, the chain is as it stands there.
    settings.ssh_arguments.extend(["-J".into(), "second,first".into()]);
    works(&settings).await;
    settings.address = "127.0.0.1".into();
    settings.port = Some(free_port());
    settings.ssh_arguments.extend(["-i".into(), target.path("ed25519").display().to_string()]);
    let (message, hint, _) = refused(&settings).await;
    assert!(message.contains("jump host") && message.contains("cannot connect to"), "{message}");
    assert!(hint.contains("as seen from the jump host"), "{hint}");
}

#[tokio::test]
async fn a_proxy_command_carries_the_connection() {
    let (gate, target) = (Server::start(), Server::start());
    let mut settings = target.settings("ed25519");
    let command = format!(
        "ssh -F none -i {} -p {} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -W %h:%p 127.0.0.1",
        gate.path("ed25519").display(),
        gate.port
    );
    settings.ssh_arguments.extend(["-o".into(), format!("ProxyCommand={command}")]);
    works(&settings).await;
    settings.ssh_arguments.pop();
    settings.ssh_arguments.push("ProxyCommand=sh -c 'echo no way >&2; exit 1'".into());
    let (_, hint, _) = refused(&settings).await;
    assert!(hint.contains("says: no way"), "{hint}");
}

#[tokio::test]
async fn a_host_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = plain_settings(listener.local_addr().unwrap().port());
    settings.timeout = Duration::from_secs(1);
    let begun = Instant::now();
    let (message, hint, error) = refused(&settings).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(matches!(error, ConnectionError::Connect { .. }), "{error:?}");
    assert!(message.contains("timed out after 1 s while shaking hands"), "{message}");
    assert!(hint.contains("--timeout"), "{hint}");
}

#[tokio::test]
async fn nobody_there_and_somebody_else_there_are_told_apart() {
    let (message, hint, _) = refused(&plain_settings(free_port())).await;
    assert!(message.contains("Connection refused") && hint.contains("ansible_port"), "{message} {hint}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = plain_settings(listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        use std::io::Write as _;
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let _ = stream.read(&mut [0; 100]);
    });
    let (message, _, _) = refused(&settings).await;
    assert!(message.contains("handshake failed") || message.contains("does not speak SSH"), "{message}");
    let mut settings = plain_settings(22);
    settings.address = "no-such-host.invalid".into();
    let (message, hint, _) = refused(&settings).await;
    assert!(message.contains("cannot resolve host name `no-such-host.invalid`"), "{message}");
    assert!(hint.contains("ansible_host"), "{hint}");
}

#[tokio::test]
async fn a_second_attempt_may_succeed() {
    let server = Server::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = server.settings("ed25519");
    settings.port = Some(listener.local_addr().unwrap().port());
    settings.retries = 1;
    let to = server.port;
    // Hangs up on the first, passes the second on.
    std::thread::spawn(move || {
        drop(listener.accept().unwrap());
        let (client, _) = listener.accept().unwrap();
        let upstream = std::net::TcpStream::connect(("127.0.0.1", to)).unwrap();
        let (mut from, mut into) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut into));
        let (mut from, mut into) = (upstream, client);
        let _ = std::io::copy(&mut from, &mut into);
    });
    works(&settings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_data_goes_both_ways_unchanged() {
    const SIZE: usize = 32 * 1024 * 1024;
    let server = Server::start();
    let transport = ssh::connect(&server.settings("ed25519")).await.unwrap();
    let data: Vec<u8> = (0..SIZE as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut process = transport.exec("cat").await.unwrap();
    let (mut stdin, expected) = (process.stdin, data.clone());
    let writing = tokio::spawn(async move {
        stdin.write_all(&data).await.unwrap();
        stdin.shutdown().await.unwrap();
    });
    let mut read = Vec::new();
    process.stdout.read_to_end(&mut read).await.unwrap();
    writing.await.unwrap();
    assert!(read == expected, "{} of {SIZE} bytes came back", read.len());
    assert_eq!(process.exit.await.unwrap(), Exit::Code(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_channels_at_a_time() {
    let server = Server::start();
    let transport = ssh::connect(&server.settings("ed25519")).await.unwrap();
    let mut tasks = Vec::new();
    for number in 0..50_usize {
        let transport = Arc::clone(&transport);
        tasks.push(tokio::spawn(async move {
            let process = transport.exec(&format!("head -c 1000000 /dev/zero; exit {number}")).await.unwrap();
            let (stdout, _, exit) = finish(process).await;
            assert_eq!((stdout.len(), exit), (1_000_000, Some(Exit::Code(number as u32))));
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn an_unread_stream_holds_up_no_other_channel() {
    let server = Server::start();
    let transport = ssh::connect(&server.settings("ed25519")).await.unwrap();
    let unread = transport.exec("head -c 3000000 /dev/zero; exec sleep 60").await.unwrap();
    let deaf = transport.exec("exec sleep 60").await.unwrap();
    let mut stdin = deaf.stdin;
    let stuffing = tokio::spawn(async move { stdin.write_all(&vec![0; 20_000_000]).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let begun = Instant::now();
    assert_eq!(output(&transport, "echo free").await.0, "free\n");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    stuffing.abort();
    drop(unread);
}

#[tokio::test]
async fn closing_ends_what_runs() {
    let server = Server::start();
    let transport = ssh::connect(&server.settings("ed25519")).await.unwrap();
    let process = transport.exec("sleep 60").await.unwrap();
    let begun = Instant::now();
    transport.close().await;
    assert!(process.exit.await.is_err(), "a connection that is lost has no exit status");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let error = transport.exec("true").await.unwrap_err();
    assert!(matches!(error, ConnectionError::Lost { .. }), "{error:?}");
}

#[tokio::test]
async fn a_lost_connection_says_so() {
    let mut server = Server::start();
    let transport = ssh::connect(&server.settings("ed25519")).await.unwrap();
    // The process that serves this connection is the parent of the command's shell, or that one's.
    let (stdout, _, _) = output(&transport, "p=$(ps -o ppid= -p $$); ps -o ppid= -p $p; echo $p").await;
    for process in stdout.split_ascii_whitespace().filter(|id| *id != server.process.id().to_string()) {
        let _ = Command::new("kill").args(["-9", process]).output();
    }
    server.process.kill().unwrap();
    let begun = Instant::now();
    let error = loop {
        match transport.exec("true").await {
            Err(error) => break error,
            Ok(_) if begun.elapsed() < Duration::from_secs(10) => tokio::time::sleep(Duration::from_millis(50)).await,
            Ok(_) => panic!("the connection is still there"),
        }
    };
    assert!(error.to_string().contains("closed it") || error.to_string().contains("reset"), "{error}");
}

#[tokio::test]
async fn a_host_that_stands_still_is_given_up_with_the_time_and_what_to_set() {
    let server = Server::start();
    let mut settings = server.settings("ed25519");
    settings.ssh_arguments.extend(["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1"].map(str::to_owned));
    let transport = ssh::connect(&settings).await.unwrap();
    let (stdout, _, _) = output(&transport, "ps -o ppid= -p $$").await;
    let process = transport.exec("sleep 60").await.unwrap();
    run(Command::new("kill").args(["-STOP", stdout.trim()]));
    let exit = process.exit.await;
    run(Command::new("kill").args(["-KILL", stdout.trim()]));
    assert!(exit.is_err(), "{exit:?}");
    let loss = process.ending.lock().unwrap().clone().unwrap();
    assert_eq!(loss.reason, "the host gave no answer for 2 s");
    let hint = loss.hint.unwrap();
    assert!(hint.contains("ServerAliveInterval") && hint.contains("ServerAliveCountMax"), "{hint}");
}

#[tokio::test]
async fn algorithms_of_the_configuration_are_used() {
    let server = Server::start_with("Ciphers aes256-ctr\nMACs hmac-sha1\nKexAlgorithms ecdh-sha2-nistp384");
    let mut settings = server.settings("ed25519");
    let (message, hint, _) = refused(&settings).await;
    assert!(message.contains("the host offers hmac-sha1") && hint.contains("MACs +NAME"), "{message} {hint}");
    settings.ssh_arguments.extend(["-o".into(), "MACs=+hmac-sha1".into(), "-C".into()]);
    works(&settings).await;
}

/// A server that takes passwords; `sshd` does that only with PAM or the passwords of the system's users.
mod passwords {
    use super::*;
    use russh::MethodKind;
    use russh::keys::PrivateKey;
    use russh::server::{self, Auth, Handler, Msg, Response, Session};

    const PASSWORD: &str = "open sesame";

    #[derive(Clone)]
    struct Gate {
        methods: Vec<MethodKind>,
        /// `password` comes first, then a question.
        both: bool,
        attempts: Arc<std::sync::Mutex<Vec<String>>>,
    }

    impl Gate {
        fn note(&self, attempt: &str) {
            self.attempts.lock().unwrap().push(attempt.to_owned());
        }
    }

    impl Handler for Gate {
        type Error = russh::Error;

        async fn auth_none(&mut self, _: &str) -> Result<Auth, russh::Error> {
            self.note("none");
            Ok(Auth::reject())
        }

        async fn auth_password(&mut self, _: &str, password: &str) -> Result<Auth, russh::Error> {
            self.note("password");
            match (password == PASSWORD, self.both) {
                (true, false) => Ok(Auth::Accept),
                (true, true) => Ok(Auth::Reject {
                    proceed_with_methods: Some((&[MethodKind::KeyboardInteractive][..]).into()),
                    partial_success: true,
                }),
                _ => Ok(Auth::reject()),
            }
        }

        async fn auth_publickey_offered(
            &mut self,
            _: &str,
            _: server::PublicKeyOffer<'_>,
        ) -> Result<Auth, russh::Error> {
            self.note("publickey");
            Ok(Auth::reject())
        }

        async fn auth_keyboard_interactive<'a>(
            &'a mut self,
            _: &str,
            _: &str,
            response: Option<Response<'a>>,
        ) -> Result<Auth, russh::Error> {
            self.note("keyboard-interactive");
            match response {
                None => Ok(Auth::Partial {
                    name: "".into(),
                    instructions: "".into(),
                    prompts: vec![("Password: ".into(), false)].into(),
                }),
                Some(mut answers) => match answers.next().is_some_and(|answer| answer == PASSWORD) {
                    true => Ok(Auth::Accept),
                    false => Ok(Auth::reject()),
                },
            }
        }

        async fn channel_open_session(
            &mut self,
            _: russh::Channel<Msg>,
            reply: server::ChannelOpenHandle,
            _: &mut Session,
        ) -> Result<(), russh::Error> {
            reply.accept().await;
            Ok(())
        }

        async fn exec_request(
            &mut self,
            channel: russh::ChannelId,
            _: &[u8],
            session: &mut Session,
        ) -> Result<(), russh::Error> {
            session.channel_success(channel)?;
            session.data(channel, "here\n")?;
            session.exit_status_request(channel, 0)?;
            session.eof(channel)?;
            session.close(channel)
        }
    }

    async fn start(methods: &[MethodKind], both: bool) -> (Settings, Gate) {
        let gate = Gate { methods: methods.to_vec(), both, attempts: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = plain_settings(listener.local_addr().unwrap().port());
        settings.host_key_checking = Some(HostKeyChecking::Off);
        settings.ssh_arguments.extend(["-o".into(), "IdentityFile=none".into()]);
        let config = Arc::new(server::Config {
            keys: vec![PrivateKey::random(&mut rand::rng(), russh::keys::Algorithm::Ed25519).unwrap()],
            methods: gate.methods.as_slice().into(),
            auth_rejection_time: Duration::ZERO,
            ..server::Config::default()
        });
        let serving = gate.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (config, gate) = (Arc::clone(&config), serving.clone());
                tokio::spawn(async move { server::run_stream(config, stream, gate).await.unwrap().await });
            }
        });
        (settings, gate)
    }

    #[tokio::test]
    async fn a_password_needs_one_request() {
        let (mut settings, gate) = start(&[MethodKind::PublicKey, MethodKind::Password], false).await;
        let (message, hint, _) = refused(&settings).await;
        assert!(message.ends_with("Permission denied (publickey,password)"), "{message}");
        assert!(hint.contains("--ask-pass"), "{hint}");
        gate.attempts.lock().unwrap().clear();
        settings.password = Some(Password::new(PASSWORD));
        works(&settings).await;
        assert_eq!(*gate.attempts.lock().unwrap(), ["password"]);
        settings.password = Some(Password::new("wrong"));
        let (_, hint, _) = refused(&settings).await;
        assert!(hint.contains("refused were: the password") && hint.contains("check the password of"), "{hint}");
        assert!(!hint.contains("authorized_keys"), "{hint}");
    }

    #[tokio::test]
    async fn a_host_whose_key_has_changed_gets_no_password() {
        let methods = [MethodKind::PublicKey, MethodKind::Password, MethodKind::KeyboardInteractive];
        let (mut settings, gate) = start(&methods, false).await;
        settings.password = Some(Password::new(PASSWORD));
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("known_hosts");
        settings.ssh_arguments.extend(["-o".into(), format!("UserKnownHostsFile={}", file.display())]);
        works(&settings).await;
        gate.attempts.lock().unwrap().clear();
        let other = PrivateKey::random(&mut rand::rng(), russh::keys::Algorithm::Ed25519).unwrap();
        let other = other.public_key().to_openssh().unwrap();
        std::fs::write(&file, format!("[127.0.0.1]:{} {other}\n", settings.port.unwrap())).unwrap();
        let in_arguments = {
            let mut settings = settings.clone();
            settings.host_key_checking = None;
            settings.ssh_arguments.extend(["-o".into(), "StrictHostKeyChecking=no".into()]);
            settings
        };
        for settings in [&settings, &in_arguments] {
            let (message, hint, error) = refused(settings).await;
            assert!(matches!(error, ConnectionError::Authentication { .. }), "{message}");
            assert!(hint.contains("the password was not sent: the ED25519 key SHA256:"), "{hint}");
            assert!(hint.contains("known_hosts:1") && hint.contains("ssh-keygen -f"), "{hint}");
        }
        assert_eq!(*gate.attempts.lock().unwrap(), ["none", "none"]);
    }

    #[tokio::test]
    async fn questions_are_answered_with_the_password() {
        let (mut settings, gate) = start(&[MethodKind::KeyboardInteractive], false).await;
        settings.password = Some(Password::new(PASSWORD));
        settings.ssh_arguments.extend(["-o".into(), "PreferredAuthentications=keyboard-interactive,password".into()]);
        works(&settings).await;
        assert_eq!(*gate.attempts.lock().unwrap(), ["keyboard-interactive", "keyboard-interactive"]);
        settings.password = Some(Password::new("wrong"));
        let (message, _, _) = refused(&settings).await;
        assert!(message.contains("(keyboard-interactive)"), "{message}");
    }

    #[tokio::test]
    async fn two_methods_may_be_demanded() {
        let (mut settings, gate) = start(&[MethodKind::Password, MethodKind::KeyboardInteractive], true).await;
        settings.password = Some(Password::new(PASSWORD));
        works(&settings).await;
        assert_eq!(*gate.attempts.lock().unwrap(), ["password", "keyboard-interactive", "keyboard-interactive"]);
    }

    #[tokio::test]
    async fn what_is_switched_off_is_not_tried() {
        let (mut settings, gate) = start(&[MethodKind::Password, MethodKind::KeyboardInteractive], false).await;
        settings.password = Some(Password::new(PASSWORD));
        settings.ssh_arguments.extend(["-o".into(), "PasswordAuthentication=no".into()]);
        works(&settings).await;
        assert!(!gate.attempts.lock().unwrap().contains(&"password".to_owned()));
    }
}

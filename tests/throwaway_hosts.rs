//! Throw-away hosts, with the program's own client and with OpenSSH's.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rprov::connection::{ConnectionError, Exit, Process, Settings, Transport, ssh};
use rprov::throwaway::{self, ThrowawayHost};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const NEEDED: &str = "OpenSSH's client is needed: install openssh-client";

fn start(names: &[&str]) -> (tempfile::TempDir, Vec<ThrowawayHost>) {
    let root = tempfile::tempdir().unwrap();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let hosts = throwaway::start(&names, root.path()).unwrap();
    (root, hosts)
}

fn settings(host: &ThrowawayHost) -> Settings {
    Settings {
        connection: "ssh".into(),
        host: host.name.clone(),
        address: host.address.clone(),
        port: Some(host.port),
        user: Some(host.user.clone()),
        password: None,
        private_key_file: Some(host.private_key_file.clone()),
        private_key_passphrase: None,
        host_key_checking: None,
        timeout: Duration::from_secs(20),
        ssh_arguments: ["-F", "none", "-o", "IdentityAgent=none"].map(str::to_owned).to_vec(),
        retries: 0,
        pinned_host_key: Some(host.host_key.clone()),
        entry: None,
    }
}

async fn finish(mut process: Process) -> (Vec<u8>, Vec<u8>, Option<Exit>) {
    drop(process.stdin);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let read = tokio::join!(process.stdout.read_to_end(&mut stdout), process.stderr.read_to_end(&mut stderr));
    read.0.unwrap();
    read.1.unwrap();
    (stdout, stderr, process.exit.await.ok())
}

async fn output(transport: &Arc<dyn Transport>, command: &str) -> (String, String, Option<Exit>) {
    let (stdout, stderr, exit) = finish(transport.exec(command).await.unwrap()).await;
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), exit)
}

/// OpenSSH's client, which checks the host's key against the one that was announced.
fn openssh(host: &ThrowawayHost, flags: &[&str], command: &[&str], input: &[u8]) -> Output {
    let known = host.directory.join(".known_hosts");
    std::fs::write(&known, format!("[{}]:{} {}\n", host.address, host.port, host.host_key)).unwrap();
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "IdentityAgent=none"])
        .arg("-o")
        .arg(format!("UserKnownHostsFile={}", known.display()))
        .arg("-i")
        .arg(&host.private_key_file)
        .args(["-p", &host.port.to_string(), "-l", &host.user])
        .args(flags)
        .arg(&host.address)
        .args(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = ssh.spawn().unwrap_or_else(|error| panic!("{error}. {NEEDED}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    output
}

#[tokio::test]
async fn each_host_has_a_home_a_port_and_keys_of_its_own() {
    let (root, hosts) = start(&["web", "db"]);
    assert_ne!(hosts[0].port, hosts[1].port);
    assert_ne!(hosts[0].host_key, hosts[1].host_key);
    let mode = std::fs::metadata(&hosts[0].private_key_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for host in &hosts {
        assert_eq!(host.directory, root.path().canonicalize().unwrap().join(&host.name));
        let transport = ssh::connect(&settings(host)).await.unwrap();
        let home = host.directory.display();
        assert_eq!(
            output(&transport, "pwd; echo $HOME; echo $USER; touch here").await,
            (format!("{home}\n{home}\n{}\n", host.user), String::new(), Some(Exit::Code(0)))
        );
        assert!(host.directory.join("here").exists());
    }
}

#[test]
fn a_name_must_stay_below_the_root() {
    let root = tempfile::tempdir().unwrap();
    for name in ["..", "", "a/b", "client_key"] {
        assert!(throwaway::start(&[name.to_owned()], root.path()).is_err(), "{name}");
    }
}

#[tokio::test]
async fn only_the_one_key_and_user_get_in() {
    let (_root, hosts) = start(&["web"]);
    let (_other_root, others) = start(&["web"]);
    let mut wrong_key = settings(&hosts[0]);
    wrong_key.private_key_file = Some(others[0].private_key_file.clone());
    let mut wrong_user = settings(&hosts[0]);
    wrong_user.user = Some("somebody".into());
    for settings in [wrong_key, wrong_user] {
        let error = ssh::connect(&settings).await.err().unwrap();
        assert!(matches!(error, ConnectionError::Authentication { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_command_has_streams_signals_and_a_status() {
    let (_root, hosts) = start(&["web"]);
    let transport = ssh::connect(&settings(&hosts[0])).await.unwrap();
    assert_eq!(
        output(&transport, "echo out; echo err >&2; exit 9").await,
        ("out\n".into(), "err\n".into(), Some(Exit::Code(9)))
    );
    assert_eq!(output(&transport, "kill -TERM $$").await.2, Some(Exit::Signal("TERM".into())));
    let mut process = transport.exec("cat; echo end").await.unwrap();
    process.stdin.write_all(b"input ").await.unwrap();
    assert_eq!(finish(process).await.0, b"input end\n");
    let mut process = transport.exec_tty("read secret; echo \"<$secret>\"").await.unwrap();
    process.stdin.write_all(b"password\n").await.unwrap();
    assert_eq!(finish(process).await.0, b"<password>\n");
}

#[tokio::test]
async fn what_a_client_leaves_behind_is_ended() {
    let (_root, hosts) = start(&["web"]);
    let transport = ssh::connect(&settings(&hosts[0])).await.unwrap();
    let mut process = transport.exec("echo $$; trap '' HUP; sleep 1000 & wait; sleep 1000").await.unwrap();
    let mut buffer = [0; 32];
    let length = process.stdout.read(&mut buffer).await.unwrap();
    let id = String::from_utf8_lossy(&buffer[..length]).trim().to_owned();
    let alive = || std::path::Path::new(&format!("/proc/{id}")).exists();
    assert!(alive());
    transport.close().await;
    let begun = Instant::now();
    while alive() {
        assert!(begun.elapsed() < Duration::from_secs(10), "process {id} is still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_data_and_many_channels_go_through() {
    const SIZE: usize = 16 * 1024 * 1024;
    let (_root, hosts) = start(&["web"]);
    let transport = ssh::connect(&settings(&hosts[0])).await.unwrap();
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

    let commands = (0..30_u32).map(|number| {
        let transport = Arc::clone(&transport);
        tokio::spawn(async move {
            let process = transport.exec(&format!("head -c 300000 /dev/zero; exit {number}")).await.unwrap();
            let (stdout, _, exit) = finish(process).await;
            assert_eq!((stdout.len(), exit), (300_000, Some(Exit::Code(number))));
        })
    });
    for command in commands.collect::<Vec<_>>() {
        command.await.unwrap();
    }
}

#[test]
fn openssh_is_a_client_too() {
    let (_root, hosts) = start(&["web"]);
    let host = &hosts[0];
    let output = openssh(host, &[], &["cat; echo err >&2; exit 3"], b"through");
    assert_eq!(output.stdout, b"through");
    assert!(String::from_utf8_lossy(&output.stderr).contains("err"), "{output:?}");
    assert_eq!(output.status.code(), Some(3));
    let output = openssh(host, &["-tt"], &["echo $TERM"], b"");
    assert!(output.status.success(), "{output:?}");
    let output = openssh(host, &["-T"], &[], b"cd /; pwd\n");
    assert_eq!(output.stdout, b"/\n", "{output:?}");
    let big = vec![b'x'; 5_000_000];
    assert_eq!(openssh(host, &[], &["cat"], &big).stdout.len(), big.len());
    let stranger = ThrowawayHost { user: "nobody-else".into(), ..host.clone() };
    let output = openssh(&stranger, &[], &["true"], b"");
    assert_eq!(output.status.code(), Some(255), "{output:?}");
}

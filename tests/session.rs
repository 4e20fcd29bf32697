//! Sessions on "hosts" that are a shell of this machine with a home and temporary directories of their own.
//!
//! Mounts (read-only, noexec, full) are made in a private mount namespace, users are made on the spot: both need root
//! or, for the mounts, user namespaces. Where these are missing the tests fail and say so.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod openssh;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use rprov::connection::{
    AgentStore, BecomeSettings, Call, ConnectionError, HostKeyChecking, LocalTransport, Password, Session, Settings,
    Transport, Update,
};
use rprov_wire::{Map, Value};
use tempfile::TempDir;

const AGENT: &str = env!("CARGO_BIN_EXE_rprov-agent");

/// Hashed and compressed once for all tests.
static STORE: LazyLock<AgentStore> =
    LazyLock::new(|| AgentStore::with_directories(vec![Path::new(AGENT).parent().unwrap().to_owned()]));

fn store() -> AgentStore {
    STORE.clone()
}

/// A host: directories, and the commands that prepare its mounts.
struct Host {
    directory: TempDir,
    prepare: String,
    shell: Vec<String>,
}

impl Host {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["home", "tmp"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        Self { directory, prepare: String::new(), shell: vec!["/bin/sh".into(), "-c".into()] }
    }

    /// A host on which these commands were run as root, in a mount namespace of its own, where `/tmp` and `/var/tmp`
    /// are empty. `$H` is the home directory, `$T` is `$TMPDIR`.
    fn prepared(commands: &str) -> Self {
        Self { prepare: commands.to_owned(), ..Self::new() }
    }

    fn with_shell(mut self, words: &[&str]) -> Self {
        self.shell = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    fn tmp(&self) -> PathBuf {
        self.directory.path().join("tmp")
    }

    fn transport(&self) -> LocalTransport {
        let (home, tmp) = (self.home(), self.tmp());
        let transport = LocalTransport::new()
            .with_environment("HOME", Some(home.to_str().unwrap()))
            .with_environment("TMPDIR", Some(tmp.to_str().unwrap()));
        if self.prepare.is_empty() {
            let words: Vec<&str> = self.shell.iter().map(String::as_str).collect();
            return transport.with_shell(&words);
        }
        let root = rustix_is_root();
        // The directories of the test are below /tmp: they are mounted again where they would be hidden.
        let script = format!(
            "set -e; H=$HOME; T=$TMPDIR; mount -t tmpfs empty /var/tmp; mkdir /var/tmp/x; mount --bind {0} /var/tmp/x; \
             mount -t tmpfs empty /tmp; mkdir -p {0}; mount --move /var/tmp/x {0}; rmdir /var/tmp/x; {1}; exec {2} \"$1\"",
            self.directory.path().display(),
            self.prepare,
            self.shell.join(" ")
        );
        let mut words = vec!["unshare", "-m"];
        if !root {
            words.push("-r");
        }
        words.extend(["/bin/sh", "-c", &script, "prepare"]);
        transport.with_shell(&words)
    }

    async fn start(&self) -> Result<Session, ConnectionError> {
        Session::start(Arc::new(self.transport()), None, &store()).await
    }

    fn cached(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.home().join(".cache/rprov")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn rustix_is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn ping(items: usize) -> Call {
    Call { module: "ping".to_owned(), items: vec![Map::new(); items], ..Call::default() }
}

async fn pings(session: &Session) -> bool {
    let results = session.results(ping(2)).await.unwrap();
    results.len() == 2 && results.iter().all(|result| result.get("ping") == Some(&Value::from("pong")))
}

/// Where the agent of that session runs from.
fn program(session: &Session) -> PathBuf {
    fs::read_link(format!("/proc/{}/exe", session.hello().pid)).unwrap()
}

async fn failure(host: &Host) -> String {
    let error = host.start().await.unwrap_err();
    format!("{error} | {}", error.hint().unwrap_or_default())
}

#[tokio::test]
async fn the_agent_is_pushed_once_and_then_found() {
    let host = Host::new();
    let session = host.start().await.unwrap();
    assert!(pings(&session).await);
    let hash = store().agents().unwrap()[0].hash().to_owned();
    assert_eq!(host.cached(), [format!("agent-{hash}")]);
    let file = host.home().join(".cache/rprov").join(&host.cached()[0]);
    assert_eq!(fs::read(&file).unwrap(), fs::read(AGENT).unwrap());
    assert_eq!(fs::metadata(host.home().join(".cache/rprov")).unwrap().permissions().mode() & 0o777, 0o700);
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    let again = host.start().await.unwrap();
    assert!(pings(&again).await);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
}

/// Starts an agent with a first call that appends a line to a file, and waits for it.
async fn first_call(transport: LocalTransport, user: Option<&BecomeSettings>, file: &Path, length: usize) -> Session {
    let mut arguments = Map::new();
    let command = format!("echo {} >> {}", "x".repeat(length), file.display());
    arguments.insert("_raw_params".to_owned(), command.into());
    let call = Call { module: "shell".to_owned(), items: vec![arguments], ..Call::default() };
    let (session, mut running) = Session::start_with(Arc::new(transport), user, &store(), call).await.unwrap();
    let Some(Update::Result { item: 0, result }) = running.next().await.unwrap() else { panic!("no result") };
    assert_eq!(result.get("rc"), Some(&Value::from(0)), "{result:?}");
    assert_eq!(running.next().await.unwrap(), None);
    session
}

#[tokio::test]
async fn the_call_that_goes_out_with_the_command_is_made_once() {
    let busybox = "mkdir /tmp/bin; /bin/busybox --install -s /tmp/bin; export PATH=/tmp/bin";
    for (name, host) in [
        ("plain", Host::new()),
        ("bash", Host::new().with_shell(&["/bin/bash", "-l", "-c"])),
        ("busybox", Host::prepared(busybox).with_shell(&["/tmp/bin/sh", "-c"])),
        // The first place it tries has no room, so that the agent is sent twice.
        ("full", Host::prepared("mkdir -p $H/.cache; mount -t tmpfs -o size=64k h $H/.cache")),
    ] {
        let file = host.directory.path().join("calls");
        // Pushed, found, and found with a call that is too long for a line.
        for (time, length) in [(1, 10), (2, 10), (3, 5000)] {
            let session = first_call(host.transport(), None, &file, length).await;
            assert!(pings(&session).await, "{name}");
            assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), time, "{name}");
        }
    }
    let host = Host::new();
    let file = host.directory.path().join("calls");
    let session = first_call(host.transport(), Some(&r#become("sudo", "root", None)), &file, 10).await;
    assert_eq!(session.hello().uid, 0);
    assert!(pings(&session).await);
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn what_is_too_large_for_a_frame_is_refused_and_the_agent_goes_on() {
    let host = Host::new();
    let session = host.start().await.unwrap();
    let mut arguments = Map::new();
    arguments.insert("_raw_params".to_owned(), "head -c 70000000 /dev/zero | tr '\\0' x".into());
    let call = Call { module: "shell".to_owned(), items: vec![arguments], ..Call::default() };
    let result = session.results(call).await.unwrap().remove(0);
    assert_eq!(result.get("failed"), Some(&Value::Bool(true)));
    let message = result.get("msg").and_then(Value::as_str).unwrap();
    assert!(message.contains("is larger than the limit") && message.contains("into a file"), "{message}");
    assert!(pings(&session).await);
}

#[tokio::test]
async fn an_empty_or_damaged_agent_in_the_cache_is_replaced() {
    for damage in [&b""[..], &fs::read(AGENT).unwrap()[..1000]] {
        let host = Host::new();
        drop(host.start().await.unwrap());
        let file = host.home().join(".cache/rprov").join(&host.cached()[0]);
        tokio::time::sleep(Duration::from_millis(300)).await;
        fs::remove_file(&file).unwrap();
        fs::write(&file, damage).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(pings(&host.start().await.unwrap()).await);
        assert_eq!(fs::read(&file).unwrap(), fs::read(AGENT).unwrap());
    }
}

/// Put a program in the place of the cached agent; `$AGENT` is a whole one.
fn damage(cache: &Path, text: &str) -> PathBuf {
    let file = cache.join(format!("agent-{}", store().agents().unwrap()[0].hash()));
    fs::remove_file(&file).unwrap();
    let text = format!("#!/bin/sh\nAGENT={AGENT}\ncase $1 in --probe) exit 42;; --verify) exit 1;; esac\n{text}\n");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
    file
}

/// Says hello, and crashes.
const CRASH_AFTER_HELLO: &str = "$AGENT $1 </dev/null; kill -SEGV $$";

#[tokio::test]
async fn an_agent_that_crashes_before_its_first_words_is_replaced_if_it_is_damaged() {
    let host = Host::new();
    drop(host.start().await.unwrap());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let file = damage(&host.home().join(".cache/rprov"), "kill -SEGV $$");
    assert!(pings(&host.start().await.unwrap()).await);
    assert_eq!(fs::read(&file).unwrap(), fs::read(AGENT).unwrap());

    // One that is whole is not to blame, and is told.
    let crash = r#"exec /bin/sh -c "$(printf %s "$1" | sed 's/exec "$a" $N $F/kill -SEGV $$/')""#;
    let host = host.with_shell(&["/bin/sh", "-c", crash, "sh"]);
    let text = failure(&host).await;
    let expected = format!("{} on the host crashes before its first words (signal SEGV)", file.display());
    assert!(text.contains(&expected) && text.contains(&format!("run `{} --version`", file.display())), "{text}");
}

#[tokio::test]
async fn an_agent_that_crashes_later_is_replaced_if_it_is_damaged() {
    let host = Host::new();
    drop(host.start().await.unwrap());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let file = damage(&host.home().join(".cache/rprov"), CRASH_AFTER_HELLO);
    let session = host.start().await.unwrap();
    let error = session.results(ping(1)).await.unwrap_err();
    assert!(error.to_string().contains("killed (signal SEGV)"), "{error}");
    assert!(session.has_crashed());
    let mend = || Session::mend(Arc::new(host.transport()), None, &STORE);
    assert_eq!(mend().await.unwrap().as_deref(), file.to_str());
    assert_eq!(fs::read(&file).unwrap(), fs::read(AGENT).unwrap());
    assert_eq!(mend().await.unwrap(), None);
}

#[tokio::test]
async fn agents_of_other_versions_are_removed_after_thirty_days() {
    let host = Host::new();
    let cache = host.home().join(".cache/rprov");
    fs::create_dir_all(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o700)).unwrap();
    for (name, days) in [("agent-old", 40), ("agent-recent", 10)] {
        let file = fs::File::create(cache.join(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(days * 86400)).unwrap();
    }
    host.start().await.unwrap();
    assert!(!cache.join("agent-old").exists());
    assert!(cache.join("agent-recent").exists());
}

#[tokio::test]
async fn a_cache_that_others_can_write_to_is_not_used() {
    let host = Host::new();
    let cache = host.home().join(".cache/rprov");
    fs::create_dir_all(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    let hash = store().agents().unwrap()[0].hash().to_owned();
    let trap = cache.join(format!("agent-{hash}"));
    fs::write(&trap, format!("#!/bin/sh\ntouch {}/caught; exit 42", host.home().display())).unwrap();
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).unwrap();
    let session = host.start().await.unwrap();
    assert!(!host.home().join("caught").exists());
    assert!(program(&session).starts_with(host.tmp()), "{:?}", program(&session));
    // Neither is one behind a symbolic link.
    let (host, elsewhere) = (Host::new(), tempfile::tempdir().unwrap());
    fs::create_dir(host.home().join(".cache")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), host.home().join(".cache/rprov")).unwrap();
    let session = host.start().await.unwrap();
    assert!(program(&session).starts_with(host.tmp()));
}

#[tokio::test]
async fn what_a_login_profile_prints_is_skipped() {
    let host = Host::new();
    fs::write(
        host.home().join(".profile"),
        "echo 'Welcome! rprov:0:hello'; echo password: >&2; head -c 100000 /dev/urandom; printf 'no newline'",
    )
    .unwrap();
    let host = host.with_shell(&["/bin/bash", "-l", "-c"]);
    assert!(pings(&host.start().await.unwrap()).await);
    assert!(pings(&host.start().await.unwrap()).await);
}

#[tokio::test]
async fn busybox_with_nothing_else_is_enough() {
    // Its programs alone are in PATH and /bin, and no profile is read.
    let commands = "mkdir /tmp/bin; /bin/busybox --install -s /tmp/bin; cp /bin/busybox /tmp/box; \
        for f in /tmp/bin/*; do ln -sf /tmp/box $f; done; export PATH=/tmp/bin";
    for gzip in ["", "; rm /tmp/bin/gzip"] {
        let host = Host::prepared(&format!("{commands}{gzip}")).with_shell(&["/tmp/bin/sh", "-c"]);
        // The script's own `/bin/sh` becomes BusyBox's, too.
        let host = Host {
            prepare: format!("{}; mount --bind /tmp/box $(/usr/bin/readlink -f /bin/sh)", host.prepare),
            ..host
        };
        assert!(pings(&host.start().await.unwrap()).await, "pushed");
        assert!(pings(&host.start().await.unwrap()).await, "cached");
        assert_eq!(host.cached().len(), 1);
    }
}

#[tokio::test]
async fn without_gzip_the_agent_travels_as_it_is() {
    let host = Host::prepared(
        "mkdir /tmp/bin; for f in id uname mkdir ls chmod rm head cat mv find; do cp $(command -v $f) /tmp/bin; done; \
         export PATH=/tmp/bin",
    );
    assert!(pings(&host.start().await.unwrap()).await);
    assert_eq!(host.cached().len(), 1);
}

#[tokio::test]
async fn other_login_shells_pass_the_script_on() {
    let mut tried = 0;
    for shell in ["/bin/bash", "/bin/dash", "/usr/bin/fish", "/usr/bin/tcsh", "/bin/zsh", "/bin/ksh"] {
        if Path::new(shell).exists() {
            let host = Host::new().with_shell(&[shell, "-c"]);
            assert!(pings(&host.start().await.unwrap()).await, "{shell} pushed");
            assert!(pings(&host.start().await.unwrap()).await, "{shell} cached");
            tried += 1;
        }
    }
    assert!(tried >= 2, "this machine has neither bash nor dash");
}

#[tokio::test]
async fn a_home_that_is_read_only_noexec_full_or_missing_is_passed_over() {
    for (name, commands) in [
        ("read-only", "mount --bind $H $H; mount -o remount,ro,bind $H"),
        ("noexec", "mount -t tmpfs -o noexec h $H"),
        ("full", "mount -t tmpfs -o size=64k h $H"),
        ("missing", "export HOME=/nonexistent"),
        ("unset", "unset HOME"),
    ] {
        let host = Host::prepared(commands);
        let session = host.start().await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(pings(&session).await, "{name}");
        assert!(program(&session).starts_with(host.tmp()), "{name}: {:?}", program(&session));
        assert!(pings(&host.start().await.unwrap()).await, "{name}, cached");
    }
    let host =
        Host::prepared("mount -t tmpfs -o noexec h $H; mount -t tmpfs -o noexec t $T; mount -o remount,noexec /tmp");
    let session = host.start().await.unwrap();
    assert!(pings(&session).await);
    assert!(program(&session).starts_with("/var/tmp"), "{:?}", program(&session));
}

#[tokio::test]
async fn a_script_runs_and_an_archive_is_unpacked_where_temporary_directories_are_of_no_use() {
    let archive = tempfile::tempdir().unwrap();
    fs::write(archive.path().join("member"), "packed").unwrap();
    run(&[
        "tar",
        "-C",
        archive.path().to_str().unwrap(),
        "-cf",
        archive.path().join("a.tar").to_str().unwrap(),
        "member",
    ]);
    let archive = fs::read(archive.path().join("a.tar")).unwrap();
    for options in ["noexec", "ro"] {
        let host = Host::prepared(&format!(
            "mount -t tmpfs -o {options} t $T; mount -o remount,{options} /tmp; mount -o remount,{options} /var/tmp"
        ));
        let session = host.start().await.unwrap_or_else(|error| panic!("{options}: {error}"));
        let call = |module: &str, content: &[u8], more: &[(&str, Value)]| {
            let content = bytes::Bytes::copy_from_slice(content);
            let size = content.len() as u64;
            let mut item: Map = more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            item.insert("_content".into(), rprov_wire::Content { index: 0, size, sha1: String::new() }.to_value());
            let sources = vec![rprov_wire::Source::Bytes(content.to_vec().into())];
            Call { module: module.to_owned(), items: vec![item], sources, ..Call::default() }
        };
        let results = session.results(call("script", b"#!/bin/sh\necho $0\n", &[])).await.unwrap();
        assert_eq!(results[0].get("rc"), Some(&0.into()), "{options}: {results:?}");
        let path = results[0].get("stdout").and_then(Value::as_str).unwrap();
        assert!(path.starts_with(host.home().to_str().unwrap()), "{options}: {path}");
        let dest = Value::from(host.home().to_str().unwrap());
        let more = [("src", "a.tar".into()), ("dest", dest)];
        let results = session.results(call("unarchive", &archive, &more)).await.unwrap();
        assert_eq!(results[0].get("changed"), Some(&true.into()), "{options}: {results:?}");
        assert_eq!(fs::read_to_string(host.home().join("member")).unwrap(), "packed");
    }
}

#[tokio::test]
async fn a_home_that_cannot_be_written_to_is_called_so() {
    let host = Host::prepared(
        "mount --bind $H $H; mount -o remount,ro,bind $H; mount -t tmpfs -o ro t $T; mount -o remount,ro /tmp; \
         mount -o remount,ro /var/tmp",
    );
    let text = failure(&host).await;
    let home = text.split("/home/.cache/rprov: ").nth(1).unwrap_or_default().split(';').next().unwrap_or_default();
    assert!(home.contains("Read-only file system"), "{text}");
}

#[tokio::test]
async fn a_host_without_any_place_says_what_is_wrong_with_each_and_keeps_no_half_file() {
    let host = Host::prepared(
        "touch $T/left; mount --bind $T /mnt; mount -t tmpfs -o size=64k h $H; \
         mount -t tmpfs -o noexec t $T; mount -o remount,ro /tmp; mount -o remount,size=64k /var/tmp",
    )
    .with_shell(&[
        "/bin/sh",
        "-c",
        r#""/bin/sh -c \"\$1\"; ls -A $HOME/.cache/rprov /var/tmp/.rprov-* >/mnt/left; echo end >>/mnt/left""#,
        "sh",
    ]);
    let text = failure(&host).await;
    assert!(text.starts_with("cannot start the agent: the host has no place for it: "), "{text}");
    assert!(text.contains("No space left on device"), "{text}");
    assert!(text.contains("(noexec)"), "{text}");
    assert!(text.contains("Read-only file system"), "{text}");
    assert!(text.contains("it needs about 10 MB in ~/.cache/rprov"), "{text}");
    let mut left = String::new();
    while !left.contains("end") {
        tokio::time::sleep(Duration::from_millis(20)).await;
        left = fs::read_to_string(host.tmp().join("left")).unwrap();
    }
    assert!(left.contains("/home/.cache/rprov:") && left.contains("/var/tmp/.rprov-"), "{left}");
    assert!(!left.contains("new") && !left.contains("agent-"), "{left}");
}

#[tokio::test]
async fn a_push_that_breaks_off_leaves_no_half_file() {
    // A limit on the size of files kills the program that writes.
    let host = Host::new().with_shell(&["/bin/sh", "-c", "ulimit -f 100; exec /bin/sh -c \"$1\"", "sh"]);
    let text = failure(&host).await;
    assert!(text.contains("no place for it"), "{text}");
    assert_eq!(host.cached(), Vec::<String>::new());
}

#[tokio::test]
async fn a_shell_that_refuses_is_quoted() {
    let host = Host::new().with_shell(&["/bin/sh", "-c", "echo This account is currently not available. >&2; exit 1"]);
    let text = failure(&host).await;
    assert!(
        text.contains("the host's shell ended with exit code 1: This account is currently not available."),
        "{text}"
    );
}

#[tokio::test]
async fn a_machine_without_an_agent_program_is_named() {
    let host = Host::prepared(
        "mkdir /tmp/b; echo 'echo m68k' >/tmp/b/uname; chmod 755 /tmp/b/uname; export PATH=/tmp/b:$PATH",
    );
    let text = failure(&host).await;
    assert!(text.contains("there is no program rprov-agent for m68k"), "{text}");
}

#[tokio::test]
async fn a_killed_agent_ends_all_calls_with_the_reason() {
    let host = Host::new();
    let session = host.start().await.unwrap();
    assert!(pings(&session).await);
    let pid = rustix::process::Pid::from_raw(session.hello().pid.cast_signed()).unwrap();
    // It reads no more, so that the call is surely under way.
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let (mut first, mut second) = (session.call(ping(1)).unwrap(), session.call(ping(1)).unwrap());
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    for running in [&mut first, &mut second] {
        let error = running.next().await.unwrap_err();
        assert_eq!(error.to_string(), "connection lost: the agent was killed (signal KILL)");
    }
    assert!(session.lost().is_some());
    assert!(matches!(session.call(ping(1)), Err(ConnectionError::Lost { .. })));
}

#[tokio::test]
async fn the_agent_ends_with_its_session() {
    let host = Host::new();
    let session = host.start().await.unwrap();
    let path = PathBuf::from(format!("/proc/{}", session.hello().pid));
    assert!(path.exists());
    drop(session);
    for _ in 0..100 {
        if !path.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the agent is still there");
}

#[tokio::test]
async fn calls_share_a_session_and_a_dropped_one_disturbs_no_other() {
    let host = Host::new();
    for session in [host.start().await.unwrap(), Session::here()] {
        drop(session.call(ping(50)).unwrap());
        let mut running: Vec<_> = (0..20).map(|_| session.call(ping(50)).unwrap()).collect();
        for call in running.iter_mut().rev() {
            for item in 0..50 {
                assert!(matches!(call.next().await.unwrap(), Some(Update::Result { item: got, .. }) if got == item));
            }
            assert_eq!(call.next().await.unwrap(), None);
            assert_eq!(call.next().await.unwrap(), None);
        }
        session.close();
        let error = session.results(ping(1)).await.unwrap_err();
        assert_eq!(error.to_string(), "connection lost: the session was closed");
    }
}

#[tokio::test]
async fn a_warm_call_takes_less_than_half_a_millisecond() {
    let host = Host::new();
    let started = Instant::now();
    host.start().await.unwrap();
    let pushed = started.elapsed();
    let started = Instant::now();
    let session = host.start().await.unwrap();
    let hello = started.elapsed();
    session.results(ping(1)).await.unwrap();
    let first = started.elapsed();
    let mut best = Duration::MAX;
    for _ in 0..200 {
        let started = Instant::now();
        session.results(ping(1)).await.unwrap();
        best = best.min(started.elapsed());
    }
    eprintln!("pushed {pushed:?}, cached {hello:?}, with first call {first:?}, warm call {best:?}");
    // The best of many: what the machine does beside does not matter.
    assert!(best < Duration::from_micros(500), "{best:?}");
}

/// Users of this machine for one test, removed at its end.
struct User {
    name: String,
}

const PASSWORD: &str = "s3cret'pass word";

impl User {
    fn new(name: &str, sudoers: Option<&str>) -> Self {
        assert!(rustix_is_root(), "this test makes users: run it as root (CI does, in a container)");
        let name = format!("rprov-{name}");
        let user = Self { name: name.clone() };
        user.remove();
        run(&["useradd", "-m", "-s", "/bin/sh", &name]);
        let mut child = Command::new("chpasswd").stdin(std::process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), format!("{name}:{PASSWORD}\n").as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        if let Some(rule) = sudoers {
            let path = format!("/etc/sudoers.d/{name}");
            // A password that was given a moment ago counts no longer.
            fs::write(&path, format!("Defaults:{name} timestamp_timeout=0\n{name} {rule}\n")).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o440)).unwrap();
        }
        user
    }

    fn home(&self) -> PathBuf {
        Path::new("/home").join(&self.name)
    }

    /// This machine, logged in as that user.
    fn transport(&self) -> LocalTransport {
        let script = "cd; exec /bin/sh -c \"$1\"";
        LocalTransport::new().with_environment("TMPDIR", None).with_shell(&[
            "setpriv",
            "--reuid",
            &self.name,
            "--regid",
            &self.name,
            "--init-groups",
            "--reset-env",
            "/bin/sh",
            "-c",
            script,
            "sh",
        ])
    }

    async fn start(&self, settings: &BecomeSettings) -> Result<Session, ConnectionError> {
        Session::start(Arc::new(self.transport()), Some(settings), &store()).await
    }

    fn remove(&self) {
        let _ = fs::remove_file(format!("/etc/sudoers.d/{}", self.name));
        let _ = Command::new("userdel").args(["-r", "-f", &self.name]).output();
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.remove();
    }
}

fn run(words: &[&str]) {
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn r#become(method: &str, user: &str, password: Option<&str>) -> BecomeSettings {
    BecomeSettings {
        method: method.to_owned(),
        user: user.to_owned(),
        password: password.map(Password::new),
        exe: None,
        flags: None,
        prompts: Vec::new(),
        patience: None,
    }
}

#[tokio::test]
async fn sudo_without_a_password_gives_an_agent_of_the_other_user() {
    let user = User::new("free", Some("ALL=(ALL) NOPASSWD: ALL"));
    for password in [None, Some("never asked for")] {
        let session = user.start(&r#become("sudo", "root", password)).await.unwrap();
        assert_eq!((session.hello().uid, session.hello().home.as_str()), (0, "/root"));
        assert!(pings(&session).await);
    }
    let session = user.start(&r#become("sudo", "nobody", None)).await.unwrap();
    assert_eq!(session.hello().uid, 65534);
    assert!(pings(&session).await);
}

#[tokio::test]
async fn sudo_with_a_password() {
    let user = User::new("asked", Some("ALL=(ALL) ALL"));
    let session = user.start(&r#become("sudo", "root", Some(PASSWORD))).await.unwrap();
    assert_eq!(session.hello().uid, 0);
    assert!(pings(&session).await);
    // The password is on no command line.
    let everything = Command::new("ps").args(["axww", "-o", "args"]).output().unwrap().stdout;
    assert!(!String::from_utf8_lossy(&everything).contains(PASSWORD));
    let error = user.start(&r#become("sudo", "root", Some("wrong"))).await.unwrap_err();
    assert_eq!(error.to_string(), "Incorrect sudo password");
    let error = user.start(&r#become("sudo", "root", None)).await.unwrap_err();
    assert_eq!(error.to_string(), "Missing sudo password");
    assert!(error.hint().unwrap().contains("-K"));
    let error = user.start(&r#become("sudo", "no-such-user", Some(PASSWORD))).await.unwrap_err();
    assert!(error.to_string().starts_with("there is no user no-such-user on the host"), "{error}");
}

#[tokio::test]
async fn sudo_refusals_say_what_to_do() {
    let user = User::new("refused", None);
    let error = user.start(&r#become("sudo", "root", Some(PASSWORD))).await.unwrap_err();
    assert!(error.to_string().contains("sudo does not allow it"), "{error}");
    assert!(error.hint().unwrap().contains("/etc/sudoers.d"));
    let missing = BecomeSettings { exe: Some("/opt/no/sudo".to_owned()), ..r#become("sudo", "root", None) };
    let error = user.start(&missing).await.unwrap_err();
    assert!(error.to_string().starts_with("/opt/no/sudo is not installed on the host"), "{error}");
    let error = user.start(&r#become("runas", "root", None)).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no become method runas");
}

#[tokio::test]
async fn su_reads_the_password_from_a_pipe_or_a_terminal_and_not_as_root() {
    let (user, other) = (User::new("su-a", None), User::new("su-b", None));
    let session = user.start(&r#become("su", &other.name, Some(PASSWORD))).await.unwrap();
    assert_eq!(session.hello().home, format!("/home/{}", other.name));
    assert!(pings(&session).await);
    let error = user.start(&r#become("su", &other.name, Some("wrong"))).await.unwrap_err();
    assert_eq!(error.to_string(), "Incorrect su password");
    let error = user.start(&r#become("su", &other.name, None)).await.unwrap_err();
    assert_eq!(error.to_string(), "Missing su password");
    // Root is asked for none, and one that is given must not end up among the frames.
    let root = LocalTransport::new();
    let session =
        Session::start(Arc::new(root), Some(&r#become("su", &other.name, Some(PASSWORD))), &store()).await.unwrap();
    assert!(pings(&session).await);
    // An old su takes a terminal only; sudo's `requiretty` is alike.
    let wrapper = user_script(
        &user,
        "su",
        "if [ -t 0 ]; then exec su \"$@\"; else echo su: must be run from a terminal >&2; exit 1; fi",
    );
    let settings = BecomeSettings { exe: Some(wrapper), ..r#become("su", &other.name, Some(PASSWORD)) };
    let session = user.start(&settings).await.unwrap();
    assert_eq!(session.hello().home, format!("/home/{}", other.name));
    assert!(pings(&session).await);
    let data: Map =
        [("data".to_owned(), Value::from((0..=255u8).map(char::from).collect::<String>().repeat(500)))].into();
    let call = Call { module: "ping".to_owned(), items: vec![data.clone()], ..Call::default() };
    assert_eq!(session.results(call).await.unwrap()[0].get("ping"), data.get("data"), "a terminal passes every byte");
    // Its end is the end of what runs there.
    let agent = PathBuf::from(format!("/proc/{}", session.hello().pid));
    let arguments: Map = [("_raw_params".to_owned(), Value::from("sleep 98765"))].into();
    let call = Call { module: "command".to_owned(), items: vec![arguments], ..Call::default() };
    let running = session.call(call).unwrap();
    let sleeps = || Command::new("pgrep").args(["-f", "^sleep 98765"]).output().unwrap().status.success();
    while !sleeps() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(session);
    let deadline = Instant::now() + Duration::from_secs(20);
    while agent.exists() || sleeps() {
        assert!(Instant::now() < deadline, "agent: {}, its command: {}", agent.exists(), sleeps());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(running);
}

fn user_script(user: &User, name: &str, text: &str) -> String {
    let path = format!("/home/{}/{name}", user.name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn doas_with_and_without_a_password() {
    assert!(Path::new("/usr/bin/doas").exists(), "this test needs doas: apt-get install opendoas");
    let user = User::new("doas", None);
    let configure = |rule: &str| fs::write("/etc/doas.conf", format!("{rule} {} as root\n", user.name)).unwrap();
    let former = fs::read("/etc/doas.conf").ok();
    configure("permit nopass");
    let free = user.start(&r#become("doas", "root", None)).await;
    configure("permit");
    let asked = user.start(&r#become("doas", "root", Some(PASSWORD))).await;
    let wrong = user.start(&r#become("doas", "root", Some("wrong"))).await;
    let missing = user.start(&r#become("doas", "root", None)).await;
    match former {
        Some(former) => fs::write("/etc/doas.conf", former).unwrap(),
        None => fs::remove_file("/etc/doas.conf").unwrap(),
    }
    assert!(pings(&free.unwrap()).await);
    let asked = asked.unwrap();
    assert_eq!(asked.hello().uid, 0);
    assert!(pings(&asked).await);
    assert_eq!(wrong.unwrap_err().to_string(), "Incorrect doas password");
    assert_eq!(missing.unwrap_err().to_string(), "Missing doas password");
}

/// A dropbear on loopback, for one user with a key.
struct Dropbear {
    child: std::process::Child,
    port: u16,
    key: PathBuf,
    _directory: TempDir,
}

impl Dropbear {
    fn start(user: &User) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        run(&["dropbearkey", "-t", "ed25519", "-f", &path("host")]);
        run(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &path("key")]);
        let home = format!("/home/{}/.ssh", user.name);
        fs::create_dir(&home).unwrap();
        fs::copy(path("key.pub"), format!("{home}/authorized_keys")).unwrap();
        run(&["chmod", "-R", "go=", &home]);
        run(&["chown", "-R", &user.name, &home]);
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("dropbear")
            .args(["-F", "-E", "-s", "-p", &format!("127.0.0.1:{port}"), "-r", &path("host"), "-P", &path("pid")])
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child, port, key: directory.path().join("key"), _directory: directory }
    }

    fn settings(&self, user: &User, port: u16) -> Settings {
        Settings {
            connection: "ssh".to_owned(),
            host: "lab".to_owned(),
            address: "127.0.0.1".to_owned(),
            port: Some(port),
            user: Some(user.name.clone()),
            password: None,
            private_key_file: Some(self.key.clone()),
            private_key_passphrase: None,
            host_key_checking: Some(HostKeyChecking::Off),
            timeout: Duration::from_secs(20),
            ssh_arguments: vec!["-F".to_owned(), "none".to_owned()],
            retries: 0,
            pinned_host_key: None,
            entry: None,
        }
    }
}

impl Drop for Dropbear {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long a side must have been silent until what it said is passed on.
const SILENCE: Duration = Duration::from_millis(250);

/// A proxy that lets the two sides talk only in turns: what one says in one go arrives at once, after it has fallen
/// silent. Counts how often the client has spoken, which is the number of round trips, whatever time they take.
async fn take_turns(port: u16) -> (u16, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let trips = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&trips);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tokio::spawn(pass_on(near, far, Arc::clone(&count)));
        }
    });
    (own, trips)
}

async fn pass_on(mut near: tokio::net::TcpStream, mut far: tokio::net::TcpStream, trips: Arc<AtomicUsize>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (mut up, mut down) = (Vec::new(), Vec::new());
    loop {
        let silence = if up.is_empty() && down.is_empty() { Duration::from_secs(3600) } else { SILENCE };
        tokio::select! {
            read = near.read_buf(&mut up) => if !matches!(read, Ok(1..)) { return },
            read = far.read_buf(&mut down) => if !matches!(read, Ok(1..)) { return },
            () = tokio::time::sleep(silence) => {
                trips.fetch_add(usize::from(!up.is_empty()), Ordering::SeqCst);
                if far.write_all(&std::mem::take(&mut up)).await.is_err()
                    || near.write_all(&std::mem::take(&mut down)).await.is_err()
                {
                    return;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_ssh_a_warm_host_answers_its_first_task_after_two_round_trips() {
    let user = User::new("ssh", Some("ALL=(ALL) NOPASSWD: ALL"));
    let dropbear = Dropbear::start(&user);
    let near = rprov::connection::ssh::connect(&dropbear.settings(&user, dropbear.port)).await.unwrap();
    assert!(pings(&Session::start(near, None, &store()).await.unwrap()).await, "pushed");
    let (port, trips) = take_turns(dropbear.port).await;
    let trips = || trips.load(Ordering::SeqCst);
    let far = rprov::connection::ssh::connect(&dropbear.settings(&user, port)).await.unwrap();
    // Versions, key exchange, the new keys with the request to log in, the key, its signature.
    assert!(trips() <= 5, "{} round trips to log in", trips());
    let before = trips();
    let (session, mut running) = Session::start_with(Arc::clone(&far), None, &store(), ping(1)).await.unwrap();
    while running.next().await.unwrap().is_some() {}
    // The channel; the agent with its first task.
    assert_eq!(trips() - before, 2);
    let before = trips();
    assert_eq!(session.results(ping(3)).await.unwrap().len(), 3);
    assert_eq!(trips() - before, 1);
    // Without a task at hand, it takes one more.
    let other = rprov::connection::ssh::connect(&dropbear.settings(&user, port)).await.unwrap();
    let before = trips();
    let second = Session::start(other, None, &store()).await.unwrap();
    assert_eq!(second.results(ping(1)).await.unwrap().len(), 1);
    assert_eq!(trips() - before, 3);
    let session = &session;
    // A second user on the same way, and the end of one agent leaves the other alone.
    let root = Session::start(Arc::clone(&far), Some(&r#become("sudo", "root", None)), &store()).await.unwrap();
    assert_eq!(root.hello().uid, 0);
    run(&["kill", "-9", &root.hello().pid.to_string()]);
    let error = root.results(ping(1)).await.unwrap_err();
    assert!(error.to_string().contains("the agent was killed (signal "), "{error}");
    assert!(pings(session).await);
}

/// OpenSSH's server opens its window for input only once it has started the command.
#[tokio::test(flavor = "multi_thread")]
async fn over_openssh_a_first_task_without_secrets_takes_two_round_trips_and_any_other_three() {
    let user = User::new("openssh", Some("ALL=(ALL) NOPASSWD: ALL"));
    let server = openssh::Server::start();
    let settings = |port| {
        let mut settings = server.settings("ed25519");
        settings.user = Some(user.name.clone());
        settings.port = Some(port);
        settings
    };
    let connect = async |port| rprov::connection::ssh::connect(&settings(port)).await.unwrap();
    let root = r#become("sudo", "root", None);
    // The request that went out with the command is answered by the agent that is pushed, too.
    let near = connect(server.port).await;
    let (session, mut running) = Session::start_with(Arc::clone(&near), None, &store(), ping(1)).await.unwrap();
    while running.next().await.unwrap().is_some() {}
    assert!(pings(&session).await);
    let plain = ping(1);
    let mut argument = ping(1);
    argument.items[0].insert("data".to_owned(), "pong".into());
    let mut unlogged = ping(1);
    unlogged.options.no_log = true;
    let mut environment = ping(1);
    environment.options.environment.push(("TOKEN".to_owned(), "secret".to_owned()));
    let (port, trips) = take_turns(server.port).await;
    let trips = || trips.load(Ordering::SeqCst);
    for (call, user, expected) in [
        (&plain, None, 2),
        (&plain, Some(&root), 2),
        (&argument, None, 3),
        (&unlogged, None, 3),
        (&environment, Some(&root), 3),
    ] {
        let far = connect(port).await;
        let before = trips();
        let (_session, mut running) = Session::start_with(far, user, &store(), call.clone()).await.unwrap();
        while running.next().await.unwrap().is_some() {}
        assert_eq!(trips() - before, expected, "{call:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_dropbear_an_agent_that_ends_takes_no_other_with_it() {
    // Dropbear 2022.82 to 2024.85 closes the new channel when a command on another one ends.
    let user = User::new("turns", Some("ALL=(ALL) NOPASSWD: ALL"));
    let dropbear = Dropbear::start(&user);
    let root = r#become("sudo", "root", None);
    let start = async |way: &Arc<dyn Transport>, user: Option<&BecomeSettings>| {
        let (session, mut running) = Session::start_with(Arc::clone(way), user, &store(), ping(1)).await.unwrap();
        while running.next().await.unwrap().is_some() {}
        session
    };
    let (slow, _) = take_turns(dropbear.port).await;
    for (port, turns) in [(dropbear.port, 12), (slow, 2)] {
        let way = rprov::connection::ssh::connect(&dropbear.settings(&user, port)).await.unwrap();
        let kept = start(&way, None).await;
        // One ends while the next starts.
        for turn in 0..turns {
            drop(start(&way, (turn % 2 == 0).then_some(&root)).await);
        }
        // Killed, it is replaced.
        let killed = start(&way, Some(&root)).await;
        run(&["kill", "-9", &killed.hello().pid.to_string()]);
        drop(start(&way, Some(&root)).await);
        let error = killed.results(ping(1)).await.unwrap_err();
        assert!(error.to_string().contains("the agent was killed (signal "), "{error}");
        // Commands without an agent, one after another and together.
        for _ in 0..turns {
            let words = ["true", "exit 3", "true"].map(|word| way.exec(word));
            let processes = futures::future::try_join_all(words).await.unwrap();
            let exits = processes.into_iter().map(|process| async {
                let exit = process.exit.await;
                drop((process.stdin, process.stdout, process.stderr));
                exit
            });
            let exits = futures::future::try_join_all(exits).await.unwrap();
            assert_eq!(exits, [0, 3, 0].map(rprov::connection::Exit::Code));
        }
        assert!(pings(&kept).await);
        way.close().await;
    }
}

#[test]
fn a_run_replaces_a_killed_agent_and_other_hosts_go_on() {
    let user = User::new("killed", Some("ALL=(ALL) NOPASSWD: ALL"));
    let dropbear = Dropbear::start(&user);
    let playbook = "
- hosts: lab
  gather_facts: false
  tasks:
    - {name: first, ping: }
    - {name: admin, ping: , become: true}
    - name: kill
      shell: kill -9 $PPID
      become: true
      when: inventory_hostname == 'broken'
      ignore_unreachable: true
    - {name: admin again, command: id -un, become: true, register: admin}
    - {name: user again, command: id -un, register: login}
    - debug: msg='{{ inventory_hostname }} {{ admin.stdout }} {{ login.stdout }}'
";
    let (works, text) = play(&dropbear, &user, &["broken", "whole"], playbook);
    assert!(text.contains("the agent was killed (signal KILL)"), "{text}");
    for host in ["broken", "whole"] {
        assert!(text.contains(&format!("{host} root {}", user.name)), "{text}");
    }
    assert!(works, "{text}");
}

#[test]
fn a_host_gets_the_program_of_a_module_when_a_task_calls_it() {
    let user = User::new("systems", None);
    let dropbear = Dropbear::start(&user);
    let playbook = "
- hosts: lab
  gather_facts: false
  tasks:
    - ping:
    - {command: ls .cache/rprov, register: before}
    - community.docker.docker_host_info: docker_host=unix:///nowhere.sock
      register: failure
      failed_when: \"'cannot connect to the Docker Engine at' not in failure.msg\"
    - {command: ls .cache/rprov, register: after}
    - debug: msg='programs {{ before.stdout_lines | length }} {{ after.stdout_lines | length }}'
";
    let (works, text) = play(&dropbear, &user, &["one"], playbook);
    assert!(works, "{text}");
    assert!(text.contains("programs 1 2"), "{text}");
    let started = |program: &str| text.matches(&format!("EXEC {program}\n")).count();
    assert_eq!((started("rprov-agent"), started("rprov-systems")), (1, 1), "{text}");
}

/// A playbook against a server of the test, as a user of the test; `hosts` are names that it goes by, in the group `lab`.
fn play(server: &Dropbear, user: &User, hosts: &[&str], playbook: &str) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    let inventory = format!(
        "[lab]\n{}\n[lab:vars]\nansible_host=127.0.0.1\nansible_port={}\nansible_user={}\n\
         ansible_ssh_private_key_file={}\nansible_ssh_common_args='-F none'\n",
        hosts.join("\n"),
        server.port,
        user.name,
        server.key.display()
    );
    fs::write(directory.path().join("hosts"), inventory).unwrap();
    fs::write(directory.path().join("play.yml"), playbook).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["run", "-vvv", "play.yml", "-i", "hosts"])
        .current_dir(directory.path())
        .env("ANSIBLE_HOST_KEY_CHECKING", "False")
        .env("HOME", directory.path())
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_damaged_agent_makes_no_host_unreachable_for_good() {
    let user = User::new("damaged", None);
    let dropbear = Dropbear::start(&user);
    let task = |text: &str| format!("- hosts: lab\n  gather_facts: false\n  tasks:\n    - {text}\n");
    let (works, text) = play(&dropbear, &user, &["one"], &task("ping:"));
    assert!(works, "{text}");
    let cache = user.home().join(".cache/rprov");
    let owned = |file: &Path| run(&["chown", &user.name, file.to_str().unwrap()]);
    // What changes nothing is done again.
    let file = damage(&cache, CRASH_AFTER_HELLO);
    owned(&file);
    let (works, text) = play(&dropbear, &user, &["one"], &task("ping:"));
    assert!(works, "{text}");
    owned(&damage(&cache, CRASH_AFTER_HELLO));
    let (works, text) = play(&dropbear, &user, &["one"], &task("command: 'true'"));
    assert!(!works && text.contains("signal SEGV"), "{text}");
    assert!(text.contains(&format!("its program {} on the host was damaged, and has been replaced", file.display())));
    let (works, text) = play(&dropbear, &user, &["one"], &task("command: 'true'"));
    assert!(works, "{text}");
}

#[test]
fn items_that_were_done_before_the_agent_died_keep_their_results() {
    let user = User::new("items", None);
    let dropbear = Dropbear::start(&user);
    let (_, text) = play(
        &dropbear,
        &user,
        &["one"],
        r#"
- hosts: lab
  gather_facts: false
  tasks:
    - shell: 'echo {{ item }}; [ {{ item }} != 2 ] || { kill -9 $PPID; exit; }; echo {{ item }} >>~/ran'
      loop: [1, 2, 3]
      register: loop
      ignore_unreachable: true
    - debug:
        msg: >-
          {{ loop.results | map(attribute='unreachable', default=false) | list }}
          {{ loop.results[0].stdout }}
          [{{ loop.results[1].msg }}] [{{ loop.results[2].msg }}]
"#,
    );
    let lost = "Task failed: connection lost: the agent was killed (signal KILL)";
    let expected = format!("[False, True, True] 1 [{lost}] [{lost}; this item was not begun]");
    assert!(text.contains(&expected), "{text}");
    assert_eq!(fs::read_to_string(user.home().join("ran")).unwrap(), "1\n");
}

#[tokio::test]
async fn local_runs_modules_here_and_as_another_user_in_an_agent() {
    let session = Session::local(None, &store()).await.unwrap();
    assert_eq!(session.hello().pid, std::process::id());
    assert!(pings(&session).await);
    assert!(rustix_is_root(), "the other half of this test needs root");
    let session = Session::local(Some(&r#become("sudo", "nobody", None)), &store()).await.unwrap();
    assert_eq!(session.hello().uid, 65534);
    assert!(pings(&session).await);
}

#[tokio::test]
async fn commands_run_here_by_the_shell() {
    use tokio::io::AsyncReadExt;
    let transport = LocalTransport::new();
    let mut process = transport.exec("echo out; echo err >&2; exit 7").await.unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    process.stdout.read_to_string(&mut out).await.unwrap();
    process.stderr.read_to_string(&mut err).await.unwrap();
    assert_eq!((out.as_str(), err.as_str()), ("out\n", "err\n"));
    assert_eq!(process.exit.await.unwrap(), rprov::connection::Exit::Code(7));
    let process = transport.exec("kill -TERM $$").await.unwrap();
    assert_eq!(process.exit.await.unwrap(), rprov::connection::Exit::Signal("TERM".to_owned()));
    let process = transport.exec("sleep 100").await.unwrap();
    transport.close().await;
    assert_eq!(process.exit.await.unwrap(), rprov::connection::Exit::Signal("TERM".to_owned()));
}

//! The agent as a process, over pipes: what it says, and what it leaves behind.
//!
//! The agent needs modules that misbehave, so it is this test program that starts itself again as an agent; what the
//! test harness prints first stands for the login profile of a host.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rprov_modules::checksum::Algorithm;
use rprov_modules::registry::{Entry, entry};
use rprov_modules::{Context, Failure, Outcome, own};
use rprov_wire::message::WINDOW;
use rprov_wire::{
    Bytes, CHUNK, Content, FromAgent, Hello, Map, Options, Request, Stream, ToAgent, Value, read_frame, write_frame,
};

const NONCE: &str = "f00";

static MODULES: &[(&str, Entry)] = &[
    ("sleep", sleep),
    ("stuck", stuck),
    ("die", die),
    ("print", print),
    ("pull", pull),
    ("push", push),
    ("huge", huge),
];

fn find(name: &str) -> Option<Entry> {
    MODULES.iter().find(|(own, _)| *own == name).map(|(_, run)| *run).or_else(|| entry(name))
}

/// Runs `sleep` in a process group of its own, after it has told the group.
fn sleep(arguments: &Map, context: &Context<'_>) -> Result<Outcome, Failure> {
    let mut child = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
    let guard = context.cancel.guard(child.id());
    context.transport.output(Stream::Stdout, child.id().to_string().as_bytes());
    let status = child.wait().unwrap();
    drop(guard);
    let _ = arguments;
    Err(Failure::new(status.to_string()))
}

fn stuck(_: &Map, _: &Context<'_>) -> Result<Outcome, Failure> {
    std::thread::sleep(Duration::from_secs(1000));
    Ok(Outcome::unchanged())
}

fn die(_: &Map, _: &Context<'_>) -> Result<Outcome, Failure> {
    println!("a module that prints must not break the frames");
    let nothing: Option<u8> = None;
    assert!(nothing.is_some(), "the secret is 42");
    Ok(Outcome::unchanged())
}

fn print(arguments: &Map, context: &Context<'_>) -> Result<Outcome, Failure> {
    let block = vec![b'x'; 1 << 20];
    for _ in 0..arguments.get("megabytes").and_then(Value::as_int).unwrap() {
        context.transport.output(Stream::Stdout, &block);
    }
    Ok(Outcome::new(true))
}

/// Reads `limit` bytes of the content, and tells how many it got.
fn pull(arguments: &Map, context: &Context<'_>) -> Result<Outcome, Failure> {
    let content = Content::from_value(arguments.get("content").unwrap()).unwrap();
    let limit = arguments.get("limit").and_then(Value::as_int).unwrap();
    let mut bytes = Vec::new();
    let reader = context.transport.pull(&content)?;
    reader.take(limit as u64).read_to_end(&mut bytes).map_err(|error| Failure::new(error.to_string()))?;
    Ok(Outcome::new(true).with("count", bytes.len()))
}

fn push(arguments: &Map, context: &Context<'_>) -> Result<Outcome, Failure> {
    let chunks = arguments.get("chunks").and_then(Value::as_int).unwrap() as usize;
    context.transport.push(vec![7; chunks * CHUNK].into(), false)?;
    context.transport.push(Bytes::new(), true)?;
    Ok(Outcome::unchanged())
}

fn huge(_: &Map, _: &Context<'_>) -> Result<Outcome, Failure> {
    Ok(Outcome::unchanged().with("text", "x".repeat(rprov_wire::MAX_FRAME + 1)))
}

/// Not a test: the agent that the tests start.
#[test]
fn agent_process() {
    if std::env::var_os("RPROV_TEST_AGENT").is_some() {
        let code = rprov_agent::program::run([NONCE.to_owned()], find);
        std::process::exit(if code == ExitCode::SUCCESS { 0 } else { 4 });
    }
}

struct AgentProcess {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl AgentProcess {
    fn start() -> Self {
        Self::start_at(&std::env::temp_dir())
    }

    /// The agent of a user with that home.
    fn start_at(home: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "agent_process", "--nocapture"])
            .env("RPROV_TEST_AGENT", "1")
            .env("HOME", home)
            .env("TMPDIR", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line != format!("rprov:{NONCE}:hello\n") {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the agent never said hello");
        }
        let mut agent = Self { child, input, output };
        let FromAgent::Hello(Hello { pid, .. }) = agent.receive() else { panic!("no hello") };
        assert_eq!(pid, agent.child.id());
        agent
    }

    fn send(&mut self, message: &ToAgent) {
        write_frame(self.input.as_mut().unwrap(), message).unwrap();
    }

    fn request(&mut self, id: u32, module: &str, options: Options, items: &[&[(&str, Value)]]) {
        let items =
            items.iter().map(|item| item.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect());
        self.send(&ToAgent::Request(Request { id, module: module.to_owned(), options, items: items.collect() }));
    }

    fn receive(&mut self) -> FromAgent {
        read_frame(&mut self.output).unwrap().expect("the agent ended")
    }

    fn result(&mut self, id: u32, item: u32) -> Map {
        match self.receive() {
            FromAgent::Result { id: got, item: index, result } if (got, index) == (id, item) => result,
            other => panic!("expected result {item} of {id}, got {other:?}"),
        }
    }

    fn message(&mut self, id: u32, item: u32) -> String {
        self.result(id, item).get("msg").and_then(Value::as_str).unwrap().to_owned()
    }

    /// The process group that the module `sleep` told.
    fn group(&mut self) -> i32 {
        let FromAgent::Output { data, .. } = self.receive() else { panic!("no output") };
        String::from_utf8(data.into_vec()).unwrap().parse().unwrap()
    }
}

impl Drop for AgentProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl AgentProcess {
    fn finish(mut self) -> (ExitStatus, String) {
        self.input = None;
        let mut error = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        (self.child.wait().unwrap(), error)
    }
}

fn is_alive(group: i32) -> bool {
    rustix::process::test_kill_process_group(rustix::process::Pid::from_raw(group).unwrap()).is_ok()
}

fn timeout(seconds: u32) -> Options {
    Options { timeout: seconds, ..Options::default() }
}

#[test]
fn items_are_answered_in_order_and_a_module_that_panics_fails_only_its_item() {
    let mut agent = AgentProcess::start();
    agent.request(1, "ping", Options::default(), &[&[], &[("data", "x".into())]]);
    assert_eq!(agent.result(1, 0).get("ping"), Some(&"pong".into()));
    assert_eq!(agent.result(1, 1).get("ping"), Some(&"x".into()));
    assert_eq!(agent.receive(), FromAgent::Done { id: 1 });
    agent.request(2, "die", Options::default(), &[&[], &[]]);
    for item in 0..2 {
        let message = agent.message(2, item);
        assert!(message.contains("the module die died: it panicked at "), "{message}");
        assert!(message.contains("the secret is 42"), "{message}");
    }
    assert_eq!(agent.receive(), FromAgent::Done { id: 2 });
    agent.request(3, "die", Options { no_log: true, ..Options::default() }, &[&[]]);
    let message = agent.message(3, 0);
    assert!(message.contains("protocol.rs") && !message.contains("42"), "{message}");
    assert_eq!(agent.receive(), FromAgent::Done { id: 3 });
    agent.request(4, "nonsense", Options::default(), &[&[]]);
    assert!(agent.message(4, 0).contains("no module nonsense"));
    let (status, error) = agent.finish();
    assert!(status.success());
    assert_eq!(error.matches("the secret is 42").count(), 2, "{error}");
}

#[test]
fn cancel_kills_the_processes_answers_the_running_item_and_skips_the_others() {
    let mut agent = AgentProcess::start();
    agent.request(1, "sleep", Options::default(), &[&[], &[]]);
    let group = agent.group();
    assert!(is_alive(group));
    // Another request is not disturbed.
    agent.request(2, "ping", Options::default(), &[&[]]);
    agent.result(2, 0);
    assert_eq!(agent.receive(), FromAgent::Done { id: 2 });
    agent.send(&ToAgent::Cancel { id: 1 });
    assert_eq!(agent.message(1, 0), "cancelled");
    assert_eq!(agent.receive(), FromAgent::Done { id: 1 });
    assert!(!is_alive(group));
}

#[test]
fn each_item_has_the_time_limit_even_if_its_module_never_comes_back() {
    let mut agent = AgentProcess::start();
    agent.request(1, "sleep", timeout(1), &[&[], &[]]);
    for item in 0..2 {
        let group = agent.group();
        let result = agent.result(1, item);
        assert_eq!(result.get("msg"), Some(&"Timed out after 1 second(s).".into()));
        assert_eq!(result.get("timedout").and_then(|value| value.get("period")), Some(&Value::Int(1)));
        assert!(!is_alive(group));
    }
    assert_eq!(agent.receive(), FromAgent::Done { id: 1 });
    agent.request(2, "stuck", timeout(1), &[&[]]);
    assert_eq!(agent.message(2, 0), "Timed out after 1 second(s).");
    assert_eq!(agent.receive(), FromAgent::Done { id: 2 });
    agent.request(3, "ping", timeout(1), &[&[]]);
    agent.result(3, 0);
}

#[test]
fn the_end_of_standard_input_kills_what_runs_and_ends_the_agent() {
    let mut agent = AgentProcess::start();
    agent.request(1, "sleep", Options::default(), &[&[]]);
    let group = agent.group();
    let started = Instant::now();
    let (status, _) = agent.finish();
    assert!(status.success());
    assert!(!is_alive(group));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_controller_that_reads_no_more_ends_the_agent_and_what_runs() {
    let mut agent = AgentProcess::start();
    agent.request(1, "sleep", Options::default(), &[&[]]);
    let group = agent.group();
    agent.output = BufReader::new({
        let mut other = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
        other.wait().unwrap();
        other.stdout.take().unwrap()
    });
    agent.request(2, "ping", Options::default(), &[&[]]);
    assert_eq!(agent.child.wait().unwrap().code(), Some(5));
    assert!(!is_alive(group));
}

#[test]
fn a_corrupt_frame_ends_the_agent_with_a_reason() {
    for garbage in [&[255, 255, 255, 255][..], &[3, 0, 0, 0, 200, 200, 200][..]] {
        let mut agent = AgentProcess::start();
        agent.input.as_mut().unwrap().write_all(garbage).unwrap();
        let (status, error) = agent.finish();
        assert_eq!(status.code(), Some(4));
        assert!(error.contains("the stream from the controller is broken"), "{error}");
    }
}

#[test]
fn a_hundred_megabytes_of_live_output_do_not_keep_other_requests_waiting() {
    let mut agent = AgentProcess::start();
    agent.request(1, "print", Options::default(), &[&[("megabytes", 100.into())]]);
    agent.request(2, "ping", Options::default(), &[&[]]);
    let (mut bytes, mut before_ping) = (0, None);
    loop {
        match agent.receive() {
            FromAgent::Output { id: 1, stream: Stream::Stdout, data } => bytes += data.len(),
            FromAgent::Result { id: 2, .. } => before_ping = Some(bytes),
            FromAgent::Result { id: 1, .. } | FromAgent::Done { id: 2 } => {}
            FromAgent::Done { id: 1 } => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bytes, 100 << 20);
    assert!(before_ping.unwrap() < 50 << 20, "{before_ping:?}");
}

#[test]
fn content_comes_in_chunks_for_which_the_module_grants_credit() {
    let mut agent = AgentProcess::start();
    let content = Content { index: 3, size: 0, sha1: String::new() }.to_value();
    let item: &[(&str, Value)] = &[("content", content), ("limit", i64::from(i32::MAX).into())];
    agent.request(1, "pull", Options::default(), &[item, item]);
    for item in 0..2 {
        assert_eq!(agent.receive(), FromAgent::Pull { id: 1, pull: item, content: 3 });
        let (mut credit, total) = (WINDOW, WINDOW * 4);
        for chunk in 0..total {
            while credit == 0 {
                let FromAgent::Credit { id: 1, pull, chunks } = agent.receive() else { panic!("no credit") };
                assert_eq!(pull, item);
                credit += chunks;
            }
            credit -= 1;
            let data = Bytes::from(vec![1; 1000]);
            agent.send(&ToAgent::Chunk { id: 1, pull: item, data, last: chunk + 1 == total });
        }
        let result = loop {
            match agent.receive() {
                FromAgent::Credit { .. } => {}
                FromAgent::Result { result, .. } => break result,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(result.get("count"), Some(&Value::from(total * 1000)));
    }
    assert_eq!(agent.receive(), FromAgent::Done { id: 1 });
}

#[test]
fn a_pull_that_is_given_up_does_not_spoil_the_next_and_a_failed_one_fails_the_module() {
    let mut agent = AgentProcess::start();
    let content = Content { index: 0, size: 0, sha1: String::new() }.to_value();
    let item: &[(&str, Value)] = &[("content", content), ("limit", 10.into())];
    agent.request(1, "pull", Options::default(), &[item, item, item]);
    assert_eq!(agent.receive(), FromAgent::Pull { id: 1, pull: 0, content: 0 });
    agent.send(&ToAgent::Chunk { id: 1, pull: 0, data: Bytes::from(vec![1; 20]), last: false });
    assert_eq!(agent.receive(), FromAgent::PullEnd { id: 1, pull: 0 });
    assert_eq!(agent.result(1, 0).get("count"), Some(&Value::Int(10)));
    assert_eq!(agent.receive(), FromAgent::Pull { id: 1, pull: 1, content: 0 });
    agent.send(&ToAgent::Chunk { id: 1, pull: 0, data: Bytes::from(vec![1; 20]), last: true });
    agent.send(&ToAgent::Chunk { id: 1, pull: 1, data: Bytes::from(vec![1; 5]), last: true });
    assert_eq!(agent.result(1, 1).get("count"), Some(&Value::Int(5)));
    assert_eq!(agent.receive(), FromAgent::Pull { id: 1, pull: 2, content: 0 });
    agent.send(&ToAgent::ChunkFailed { id: 1, pull: 2, message: "cannot read /x".to_owned() });
    assert_eq!(agent.message(1, 2), "cannot read /x");
}

#[test]
fn a_cancelled_pull_ends() {
    let mut agent = AgentProcess::start();
    let content = Content { index: 0, size: 0, sha1: String::new() }.to_value();
    agent.request(1, "pull", Options::default(), &[&[("content", content), ("limit", 10.into())]]);
    assert_eq!(agent.receive(), FromAgent::Pull { id: 1, pull: 0, content: 0 });
    agent.send(&ToAgent::Cancel { id: 1 });
    let started = Instant::now();
    assert_eq!(agent.message(1, 0), "cancelled");
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn no_more_is_pushed_than_there_is_credit_for() {
    let mut agent = AgentProcess::start();
    agent.request(1, "push", Options::default(), &[&[("chunks", (WINDOW + 10).into())]]);
    for _ in 0..WINDOW {
        assert!(matches!(agent.receive(), FromAgent::Chunk { id: 1, last: false, .. }));
    }
    // The next frame is the answer to this, for the push is waiting.
    agent.request(2, "ping", Options::default(), &[&[]]);
    agent.result(2, 0);
    assert_eq!(agent.receive(), FromAgent::Done { id: 2 });
    agent.send(&ToAgent::Credit { id: 1, chunks: WINDOW });
    for _ in 0..10 {
        assert!(matches!(agent.receive(), FromAgent::Chunk { id: 1, last: false, .. }));
    }
    assert_eq!(agent.receive(), FromAgent::Chunk { id: 1, data: Bytes::new(), last: true });
    agent.result(1, 0);
    assert_eq!(agent.receive(), FromAgent::Done { id: 1 });
    agent.request(3, "push", Options::default(), &[&[("chunks", (WINDOW + 10).into())]]);
    for _ in 0..WINDOW {
        agent.receive();
    }
    agent.send(&ToAgent::PushFailed { id: 3, item: 0, message: "the disk is full".to_owned() });
    assert_eq!(agent.message(3, 0), "the disk is full");
}

#[test]
fn a_result_that_fits_no_frame_is_a_failure_not_silence() {
    let mut agent = AgentProcess::start();
    agent.request(1, "huge", Options::default(), &[&[]]);
    assert!(agent.message(1, 0).contains("larger than the limit"));
}

/// What is in a directory, by name.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_program_of_the_user_s_own_travels_once_and_leaves_nothing_but_itself() {
    let home = tempfile::tempdir().unwrap();
    let program = b"#!/bin/sh\ncat \"$1\"\n";
    let sha1 = Algorithm::Sha1.of_bytes(program);
    let content = Content { index: 0, size: program.len() as u64, sha1: sha1.clone() }.to_value();
    let first: &[(&str, Value)] = &[("program", content.clone()), ("arguments", "one".into())];
    let second: &[(&str, Value)] = &[("program", content), ("arguments", "two".into())];
    let mut agent = AgentProcess::start_at(home.path());
    agent.request(1, own::NAME, Options::default(), &[first, second]);
    assert_eq!(agent.receive(), FromAgent::Pull { id: 1, pull: 0, content: 0 });
    agent.send(&ToAgent::Chunk { id: 1, pull: 0, data: program.to_vec().into(), last: true });
    let result = loop {
        match agent.receive() {
            FromAgent::Credit { .. } => {}
            FromAgent::Result { result, item: 0, .. } => break result,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(result.get("stdout"), Some(&"one".into()));
    assert_eq!(agent.result(1, 1).get("stdout"), Some(&"two".into()));
    assert_eq!(agent.receive(), FromAgent::Done { id: 1 });
    assert!(agent.finish().0.success());
    // The next agent has it as well.
    let mut agent = AgentProcess::start_at(home.path());
    agent.request(1, own::NAME, Options::default(), &[second]);
    assert_eq!(agent.result(1, 0).get("stdout"), Some(&"two".into()));
    let cache = home.path().join(".cache/rprov/modules");
    assert_eq!(names(&cache), [sha1.as_str()]);
    assert_eq!(std::fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(std::fs::metadata(cache.join(&sha1)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(home.path()), [".cache"]);
    assert_eq!(agent.receive(), FromAgent::Done { id: 1 });
    // What is not what it says it is comes anew.
    std::fs::write(cache.join(&sha1), "#!/bin/sh\necho other\n").unwrap();
    agent.request(2, own::NAME, Options::default(), &[second]);
    assert_eq!(agent.receive(), FromAgent::Pull { id: 2, pull: 0, content: 0 });
}

#[test]
fn a_program_of_the_user_s_own_is_killed_with_its_request() {
    let home = tempfile::tempdir().unwrap();
    let mark = home.path().join("mark");
    // One process alone: who buries another one, and when, is not the agent's affair.
    let program = format!("#!/bin/sh\necho $$ >{}; exec sleep 1000\n", mark.display());
    let content = Content { index: 0, size: 0, sha1: String::new() }.to_value();
    let mut agent = AgentProcess::start_at(home.path());
    agent.request(1, own::NAME, Options::default(), &[&[("program", content)]]);
    assert_eq!(agent.receive(), FromAgent::Pull { id: 1, pull: 0, content: 0 });
    agent.send(&ToAgent::Chunk { id: 1, pull: 0, data: program.into_bytes().into(), last: true });
    let begin = Instant::now();
    let group: i32 = loop {
        match std::fs::read_to_string(&mark) {
            Ok(text) if text.ends_with('\n') => break text.trim().parse().unwrap(),
            _ => std::thread::sleep(Duration::from_millis(5)),
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "the program does not begin");
    };
    assert!(is_alive(group));
    agent.send(&ToAgent::Cancel { id: 1 });
    let message = loop {
        match agent.receive() {
            FromAgent::Credit { .. } => {}
            FromAgent::Result { result, .. } => break result.get("msg").and_then(Value::as_str).unwrap().to_owned(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(message, "cancelled");
    assert!(!is_alive(group));
    assert!(agent.finish().0.success());
    assert_eq!(names(home.path()).iter().filter(|name| name.starts_with("rprov-module-")).count(), 0);
}

//! Jobs (`async`): a module that runs in a process of its own, which outlives the agent and answers by a file.
//!
//! The process is this program as `rprov-agent --job`. It gets its request on standard input, so that no argument of a
//! task shows in the list of processes, leaves the session of whoever started it, and says that it is ready. The file
//! bears the job's number and tells at first that the job was started; the module's result takes its place as a whole.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use rprov_modules::json::{self, Style};
use rprov_modules::process::starts;
use rprov_modules::{Failure, account};
use rprov_wire::message::Job;
use rprov_wire::{FromAgent, Map, Options, Request, ToAgent, Value, encode, read_frame};
use rustix::fs::{Mode, OFlags};

use crate::agent::{Agent, Find};
use crate::{panic, program};

/// The argument that makes this program a job.
pub(crate) const FLAG: &str = "--job";

/// What a job says when it no longer needs whoever started it.
const READY: &[u8] = b"ready";

/// How long a module that was told to stop may take before the job ends without it.
const PARTING: Duration = Duration::from_secs(3);

/// Start a job; its number and its file are the result.
pub(crate) fn start(request: &Request, arguments: &Map, job: &Job) -> Result<Map, Failure> {
    let directory = account::expand_path(&job.directory);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .map_err(|error| Failure::io("create the directory of jobs", &directory, error))?;
    let (number, file) = new_file(&directory)?;
    let request = Request {
        items: vec![arguments.clone()],
        options: Options {
            // What names the file and limits the time travels with the request; the rest is as for any other.
            job: Some(Job { directory: file.display().to_string(), limit: job.limit }),
            timeout: 0,
            live: false,
            ..request.options.clone()
        },
        ..request.clone()
    };
    if let Err(failure) = spawn(request) {
        // Nothing will ever be written there.
        let _ = fs::remove_file(&file);
        return Err(failure);
    }
    Ok(Map::from_iter([
        ("changed".to_owned(), Value::from(true)),
        ("ansible_job_id".to_owned(), Value::from(number)),
        ("started".to_owned(), Value::from(true)),
        ("finished".to_owned(), Value::from(false)),
        ("results_file".to_owned(), Value::from(file.display().to_string())),
    ]))
}

/// Make the file of a new job.
fn new_file(directory: &Path) -> Result<(String, PathBuf), Failure> {
    loop {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let number = format!("j{}.{}", now.as_nanos() % 1_000_000_000_000, std::process::id());
        let path = directory.join(&number);
        let state = Map::from_iter([
            ("started".to_owned(), Value::from(true)),
            ("finished".to_owned(), Value::from(false)),
            ("ansible_job_id".to_owned(), Value::from(number.as_str())),
        ]);
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(text(state).as_bytes()));
        match made {
            Ok(()) => return Ok((number, path)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::io("write the job's file", &path, error)),
        }
    }
}

fn text(map: Map) -> String {
    json::to_text(&Value::Map(map), &Style::default())
}

/// Start the process of a job, and wait until it stands on its own.
fn spawn(request: Request) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("could not start the job: {error}"));
    let frame = encode(&ToAgent::Request(request)).map_err(|error| failed(&error))?;
    // This very program, also where its file has been replaced or removed meanwhile.
    let own = PathBuf::from("/proc/self/exe");
    let program = match own.exists() {
        true => own,
        false => std::env::args_os().next().unwrap_or_default().into(),
    };
    let among_others = starts();
    let mut child = Command::new(program)
        .arg0("rprov-agent")
        .arg(FLAG)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    drop(among_others);
    let sent = child.stdin.take().map(|mut input| input.write_all(&frame));
    let mut said = Vec::new();
    let heard = child.stdout.take().map(|mut output| output.read_to_end(&mut said));
    if said == READY {
        // It is ours until it ends; then nobody else would bury it.
        let _ = std::thread::Builder::new().name("job".to_owned()).spawn(move || child.wait());
        return Ok(());
    }
    let mut complaint = String::new();
    let _ = child.stderr.take().map(|mut errors| errors.read_to_string(&mut complaint));
    let end = child.wait();
    let io = [sent, heard.map(|result| result.map(drop))].into_iter().flatten().find_map(Result::err);
    Err(match (complaint.trim(), io, end) {
        ("", Some(error), _) | ("", None, Err(error)) => failed(&error),
        ("", None, Ok(status)) => failed(&format!("its process ended with {status}")),
        (complaint, ..) => failed(&complaint),
    })
}

/// Be a job: `rprov-agent --job`.
pub(crate) fn run(find: Find) -> ExitCode {
    if let Err(error) = rustix::process::setsid() {
        return program::fail(3, &format!("cannot leave the session of whoever started the job: {error}"));
    }
    panic::install_hook();
    program::guard_name_service();
    let request = match read_frame::<ToAgent>(&mut std::io::stdin().lock()) {
        Ok(Some(ToAgent::Request(request))) => request,
        Ok(_) => return program::fail(2, "a job gets its request on standard input"),
        Err(error) => return program::fail(4, &format!("the job's request is broken: {error}")),
    };
    let Request { options, .. } = &request;
    let Some(job) = options.job.clone() else { return program::fail(2, "the request is no job") };
    if let Err(error) = detach() {
        return program::fail(3, &format!("cannot leave standard input and output: {error}"));
    }
    let (sender, receiver) = mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let agent = Agent::new(
        Box::new(move |message| {
            if let FromAgent::Result { result, .. } = message {
                // The one who waits may have given up.
                let _ = crate::agent::lock(&sender).send(result);
            }
            Ok(())
        }),
        find,
    );
    let id = request.id;
    let options = Options { job: None, ..options.clone() };
    agent.receive(ToAgent::Request(Request { id, options, ..request }));
    let file = PathBuf::from(&job.directory);
    let result = match receiver.recv_timeout(Duration::from_secs(job.limit.into())) {
        Ok(result) => result,
        Err(_) => {
            agent.stop(PARTING);
            Map::from_iter([
                ("started".to_owned(), Value::from(true)),
                ("finished".to_owned(), Value::from(true)),
                ("changed".to_owned(), Value::from(false)),
                ("failed".to_owned(), Value::from(true)),
                ("msg".to_owned(), Value::from("Timeout exceeded")),
                ("child_pid".to_owned(), Value::from(std::process::id())),
            ])
        }
    };
    // There is nobody left to tell what goes wrong here.
    if finish(&file, result).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Put the result into the place of what said that the job runs.
fn finish(file: &Path, result: Map) -> std::io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let new = file.with_file_name(name);
    let mut writer = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    writer.write_all(text(result).as_bytes())?;
    writer.sync_all()?;
    fs::rename(&new, file)
}

/// Say that the job stands on its own, and let go of the three streams.
fn detach() -> rustix::io::Result<()> {
    use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stdout};
    let nothing = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty())?;
    dup2_stdin(&nothing)?;
    rustix::io::write(stdout(), READY)?;
    dup2_stderr(&nothing)?;
    dup2_stdout(&nothing)
}

//! The program `rprov-agent`: frames on standard input and output, and the questions that the bootstrap asks it.
//!
//! The bootstrap starts it as `rprov-agent NONCE`. It says `rprov:NONCE:hello` on a line of its own, by which the
//! controller finds the beginning of the frames behind whatever a login profile printed, then its [`Hello`], and
//! then it answers requests until standard input ends. As `rprov-agent NONCE first` it finds its first request on
//! standard input already, as a line of text, and reads that before it says anything; another word in that place is
//! the request itself.
//!
//! [`Hello`]: rprov_wire::Hello

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use rprov_wire::{FrameError, FromAgent, ToAgent, encode};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};

use crate::agent::{Agent, Find, lock};
use crate::{job, panic};

/// How long requests may take to end once the controller has gone.
const PARTING: Duration = Duration::from_secs(3);

/// Bytes that the pipes from and to the controller should hold; what any user may have.
const PIPE: usize = 1024 * 1024;

/// What the bootstrap takes for the sign that an agent can be executed. A shell takes an empty file, as a crash of the
/// host may leave one, for a script that succeeds.
const PROBE: u8 = 42;

const USAGE: &str = "rprov-agent is started by rprov on the hosts that it works on, and is of no use by itself.

usage: rprov-agent NONCE [first|REQUEST]  say `rprov:NONCE:hello`, then answer frames on standard input
       rprov-agent --probe                do nothing: exit code 42 shows that the file can be executed here
       rprov-agent --verify HASH          exit code 0 if the SHA-256 of this program begins with HASH
       rprov-agent --job                  run the request on standard input apart from everything else (`async`)
       rprov-agent --version";

/// Run the program with its arguments, without its name, and the modules that `find` knows.
pub fn run(arguments: impl IntoIterator<Item = String>, find: Find) -> ExitCode {
    let arguments: Vec<String> = arguments.into_iter().collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--probe"] => ExitCode::from(PROBE),
        ["--verify", hash] => match own_hash() {
            Ok(own) if !hash.is_empty() && own.starts_with(hash) => ExitCode::SUCCESS,
            Ok(own) => fail(1, &format!("this program is {own}, not {hash}: it was damaged on its way")),
            Err(error) => fail(1, &format!("cannot read this program: {error}")),
        },
        [job::FLAG] => job::run(find),
        ["--version"] => {
            println!("rprov-agent {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        [nonce] if is_nonce(nonce) => serve(nonce, None, find),
        [nonce, request] if is_nonce(nonce) => serve(nonce, Some(request), find),
        _ => fail(2, USAGE),
    }
}

fn is_nonce(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

pub(crate) fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("rprov-agent: {message}");
    ExitCode::from(code)
}

fn own_hash() -> io::Result<String> {
    // A chroot may lack /proc; then the name that the bootstrap used, which is a path.
    let mut file =
        File::open("/proc/self/exe").or_else(|_| File::open(std::env::args_os().next().unwrap_or_default()))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(buffer.get(..count).unwrap_or_default()),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn serve(nonce: &str, request: Option<&str>, find: Find) -> ExitCode {
    if let Some(code) = leave_terminal(std::iter::once(nonce).chain(request)) {
        return code;
    }
    panic::install_hook();
    guard_name_service();
    let (input, output) = match take_channel() {
        Ok(channel) => channel,
        Err(error) => return fail(3, &format!("cannot take over standard input and output: {error}")),
    };
    let mut input = BufReader::with_capacity(128 * 1024, File::from(input));
    // Read before the hello, which so says that it has arrived.
    let first = match request {
        None => Ok(None),
        Some("first") => rprov_wire::read_line_frame(&mut input).map(Some),
        Some(request) => rprov_wire::from_text(request.as_bytes()).map(Some),
    };
    let first = match first {
        Ok(first) => first,
        Err(error) => return broken(&error),
    };
    let mut greeting = format!("\nrprov:{nonce}:hello\n").into_bytes();
    match encode(&FromAgent::Hello(Agent::hello())) {
        Ok(frame) => greeting.extend(frame),
        Err(error) => return fail(3, &error.to_string()),
    }
    let mut output = File::from(output);
    if output.write_all(&greeting).is_err() {
        return fail(3, "nobody reads what the agent says");
    }
    let output = Mutex::new(output);
    let agent = Arc::new_cyclic(|agent: &Weak<Agent>| {
        let agent = Weak::clone(agent);
        Agent::new(Box::new(move |message| send(&output, &agent, &message)), find)
    });
    if let Some(message) = first {
        agent.receive(message);
    }
    let problem = receive(&agent, &mut input);
    agent.stop(PARTING);
    problem.map_or(ExitCode::SUCCESS, |error| broken(&error))
}

fn broken(error: &FrameError) -> ExitCode {
    fail(4, &format!("the stream from the controller is broken: {error}"))
}

/// Hand messages to the agent until the controller has gone; the reason, where it is not simply that.
fn receive(agent: &Agent, reader: &mut impl Read) -> Option<FrameError> {
    loop {
        match rprov_wire::read_frame::<ToAgent>(reader) {
            Ok(Some(ToAgent::Goodbye) | None) => return None,
            Ok(Some(message)) => agent.receive(message),
            // A terminal (`su`, `doas`) whose other side has closed.
            Err(FrameError::Io(error)) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                return None;
            }
            Err(error) => return Some(error),
        }
    }
}

fn send(output: &Mutex<File>, agent: &Weak<Agent>, message: &FromAgent) -> Result<(), FrameError> {
    let result = rprov_wire::write_frame(&mut *lock(output), message);
    if matches!(result, Err(FrameError::Io(_))) {
        // Nobody will ever hear of it: end what runs, as at the end of standard input.
        let agent = Weak::clone(agent);
        let _ = std::thread::Builder::new().spawn(move || {
            if let Some(agent) = agent.upgrade() {
                agent.stop(PARTING);
            }
            std::process::exit(5);
        });
    }
    result
}

/// On a terminal (`su`, `doas`), leave its session, so that its end is seen as the end of the stream and does not kill
/// the agent before it could stop what it has started. Who leads a session cannot leave it: then another process of
/// this program is the agent, and this one gives the exit code that it is to end with.
fn leave_terminal<'a>(arguments: impl Iterator<Item = &'a str>) -> Option<ExitCode> {
    if !rustix::termios::isatty(rustix::stdio::stdin()) || rustix::process::setsid().is_ok() {
        return None;
    }
    let program = std::env::current_exe().ok().or_else(|| std::env::args_os().next().map(Into::into))?;
    match Command::new(program).args(arguments).status() {
        // As a shell says it: 128 and the signal.
        Ok(status) => {
            let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
            Some(ExitCode::from(u8::try_from(code).unwrap_or(1)))
        }
        // Better an agent that dies with its terminal than none.
        Err(_) => None,
    }
}

/// Keep the channel for the frames alone: from here on, standard input is empty and standard output goes to standard
/// error, for the modules and for all processes that they start.
fn take_channel() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::io::fcntl_dupfd_cloexec;
    use rustix::stdio::{dup2_stdin, dup2_stdout, stderr, stdin, stdout};
    let input = fcntl_dupfd_cloexec(stdin(), 3)?;
    let output = fcntl_dupfd_cloexec(stdout(), 3)?;
    dup2_stdin(rustix::fs::open("/dev/null", OFlags::RDONLY, Mode::empty())?)?;
    dup2_stdout(stderr())?;
    // Where they are pipes: the fewer times sshd and this process have to wake each other, the faster a file comes.
    for end in [&input, &output] {
        let _ = rustix::pipe::fcntl_setpipe_size(end, PIPE);
    }
    Ok((input, output))
}

/// Keep glibc's name service from loading plug-ins into this static program.
///
/// They bring the host's own C library with them, and that ends the process with an assertion.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn guard_name_service() {
    use std::ffi::{CStr, c_char, c_int};
    unsafe extern "C" {
        fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
    }
    const SERVICES: [(&CStr, &CStr); 4] =
        [(c"passwd", c"files"), (c"group", c"files"), (c"shadow", c"files"), (c"hosts", c"files dns")];
    for (database, services) in SERVICES {
        // SAFETY: both are C strings that live for ever, and no other thread runs yet.
        unsafe { __nss_configure_lookup(database.as_ptr(), services.as_ptr()) };
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn guard_name_service() {}

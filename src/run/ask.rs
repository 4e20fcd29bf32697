//! Questions to the person at the terminal.
//!
//! A question never outlasts a Ctrl-C: what waits for an answer looks at [`Interrupt`] as well.

use std::fs::File;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::shared::{Interrupt, Shared};

/// What Ctrl-C sends.
const CTRL_C: u8 = 3;

/// How long an interrupt may go unnoticed while nothing is typed.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Standard input that ends when Ctrl-C is pressed.
pub(super) struct Keyboard(Interrupt);

impl Keyboard {
    /// Lines that are typed. Nothing is read that was not asked for.
    pub(super) fn lines(interrupt: &Interrupt) -> BufReader<Self> {
        BufReader::with_capacity(1, Self(interrupt.clone()))
    }
}

impl Read for Keyboard {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        read(rustix::stdio::stdin(), &self.0, buffer)
    }
}

/// What has been typed; nothing when Ctrl-C is pressed meanwhile.
fn read(input: impl AsFd + Copy, interrupt: &Interrupt, buffer: &mut [u8]) -> Result<usize> {
    loop {
        if interrupt.is_pressed() {
            return Ok(0);
        }
        match poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&LOOK)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(rustix::io::read(input, buffer)?),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A terminal that does not show what is typed, until this is dropped. Ctrl-C is no signal there, but ends the line.
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn new() -> Result<Self> {
        let terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        modes.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON);
        modes.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        tcsetattr(&terminal, OptionalActions::Now, &modes)?;
        Ok(Self { terminal, before })
    }

    fn ask(mut self, question: &str, interrupt: &Interrupt) -> Result<String> {
        self.terminal.write_all(question.as_bytes())?;
        let mut typed = Zeroizing::new(Vec::new());
        let mut buffer = Zeroizing::new([0; 4096]);
        let interrupted = loop {
            let count = read(&self.terminal, interrupt, buffer.as_mut_slice())?;
            typed.extend_from_slice(buffer.get(..count).unwrap_or_default());
            match typed.last() {
                Some(&CTRL_C) => break true,
                Some(b'\n') => break false,
                _ if count == 0 => break interrupt.is_pressed(),
                Some(_) | None => {}
            }
        };
        if interrupted || typed.is_empty() {
            self.terminal.write_all(b"\n")?;
            return Err(if interrupted { ErrorKind::Interrupted } else { ErrorKind::UnexpectedEof }.into());
        }
        let text = str::from_utf8(&typed).map_err(|_| Error::new(ErrorKind::InvalidData, "it is no UTF-8"))?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing either.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

/// Ask at the terminal without showing the answer. The terminal is silent before the question is shown, since a program
/// answers at once.
///
/// # Errors
/// There is no terminal; `Interrupted` after Ctrl-C, `UnexpectedEof` after Ctrl-D.
pub(crate) fn secret(question: &str) -> Result<String> {
    Hidden::new()?.ask(question, &Interrupt::default())
}

impl Shared {
    /// Ask, once all that was told before is shown; the answer is a line without its end. Other work goes on meanwhile.
    ///
    /// # Errors
    /// `Interrupted` after Ctrl-C, which the run has been told of then; `UnexpectedEof` after Ctrl-D; there is no
    /// terminal.
    pub(crate) async fn ask(&self, question: String, echo: bool) -> Result<String> {
        self.reporter.settle();
        let interrupt = self.interrupt.clone();
        let talk = move || if echo { line(&question, &interrupt) } else { Hidden::new()?.ask(&question, &interrupt) };
        let answer = tokio::task::spawn_blocking(talk).await.map_err(Error::other).flatten();
        // Ctrl-C is no signal at a hidden question.
        if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Interrupted) && !self.interrupt.is_pressed() {
            self.press_interrupt();
        }
        answer
    }
}

fn line(question: &str, interrupt: &Interrupt) -> Result<String> {
    let mut out = std::io::stderr();
    write!(out, "{question}")?;
    out.flush()?;
    let mut line = String::new();
    match Keyboard::lines(interrupt).read_line(&mut line)? {
        0 if interrupt.is_pressed() => Err(ErrorKind::Interrupted.into()),
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

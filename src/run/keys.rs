//! Keys as they are typed, before a line is whole, and Ctrl-C among them: what `pause` waits for.

use std::io::{Error, ErrorKind, Result, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, isatty, tcflush, tcgetattr, tcgetpgrp,
    tcsetattr,
};
use zeroize::Zeroizing;

use super::shared::{Interrupt, Shared};

/// How long an interrupt from elsewhere may go unnoticed while nothing is typed.
const LOOK: Duration = Duration::from_millis(50);

/// What is asked, and what ends the wait for an answer besides Ctrl-C.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// What is shown.
    pub(crate) text: String,
    /// What is typed is shown.
    pub(crate) echo: bool,
    /// What ends it.
    pub(crate) end: End,
}

/// What ends the wait for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// The key Enter.
    Enter,
    /// The time is over; keys do nothing.
    Time(Duration),
    /// The first of these letters, in upper or lower case.
    Letters(&'static str),
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What was typed before the end.
    Typed(String),
    /// The letter.
    Letter(char),
    /// Ctrl-C.
    Interrupted,
}

/// Whether somebody is at the keyboard: standard input is a terminal, and this program is in front there.
pub(crate) fn somebody_is_there() -> bool {
    let input = rustix::stdio::stdin();
    isatty(input) && tcgetpgrp(input).is_ok_and(|front| front == rustix::process::getpgrp())
}

/// Standard input without lines, echo and signals; as it was when this is dropped.
struct Keys {
    before: Termios,
}

impl Keys {
    fn new() -> Result<Self> {
        let input = rustix::stdio::stdin();
        let before = tcgetattr(input)?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN);
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(input, OptionalActions::Now, &modes)?;
        let keys = Self { before };
        // What was typed before the question is no answer to it.
        tcflush(input, QueueSelector::IFlush)?;
        Ok(keys)
    }

    /// The next key; none if the time is over before.
    fn next(&self, until: Option<Instant>, interrupt: &Interrupt) -> Result<Option<u8>> {
        let input = rustix::stdio::stdin();
        loop {
            if interrupt.is_pressed() {
                return Err(ErrorKind::Interrupted.into());
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            let wait = Timespec::try_from(left.map_or(LOOK, |left| left.min(LOOK))).map_err(Error::other)?;
            match poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&wait)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => {
                    let mut key = [0; 1];
                    return match rustix::io::read(input, &mut key)? {
                        0 => Err(ErrorKind::UnexpectedEof.into()),
                        _ => Ok(Some(key[0])),
                    };
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn answer(&self, question: &Question, interrupt: &Interrupt) -> Result<Answer> {
        let code = |index| self.before.special_codes[index];
        let (stop, erase) = (code(SpecialCodeIndex::VINTR), code(SpecialCodeIndex::VERASE));
        let until = match question.end {
            End::Time(time) => Instant::now().checked_add(time),
            End::Enter | End::Letters(_) => None,
        };
        let mut typed = Zeroizing::new(Vec::new());
        loop {
            let Some(key) = self.next(until, interrupt)? else { return Ok(Answer::Typed(String::new())) };
            if key == stop {
                show(b"\n")?;
                return Ok(Answer::Interrupted);
            }
            match question.end {
                End::Time(_) => {}
                End::Letters(letters) => {
                    let letter = char::from(key.to_ascii_lowercase());
                    if letters.contains(letter) {
                        show(b"\n")?;
                        return Ok(Answer::Letter(letter));
                    }
                }
                End::Enter if key == b'\n' || key == b'\r' || key == code(SpecialCodeIndex::VEOF) => {
                    show(b"\n")?;
                    let text =
                        str::from_utf8(&typed).map_err(|_| Error::new(ErrorKind::InvalidData, "it is no UTF-8"))?;
                    return Ok(Answer::Typed(text.to_owned()));
                }
                End::Enter if key == erase || key == b'\x08' || key == b'\x7f' => {
                    let length = typed.iter().rposition(|byte| byte & 0xc0 != 0x80);
                    if let Some(length) = length {
                        typed.truncate(length);
                        if question.echo {
                            show(b"\x08 \x08")?;
                        }
                    }
                }
                End::Enter => {
                    typed.push(key);
                    if question.echo {
                        show(&[key])?;
                    }
                }
            }
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing any more.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.before);
    }
}

fn show(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stderr();
    out.write_all(bytes)?;
    out.flush()
}

impl Shared {
    /// Ask, once all that was told before is shown. Other work goes on meanwhile. Ctrl-C is an answer here.
    ///
    /// # Errors
    /// `Interrupted` where something else than the keyboard has interrupted the run; the terminal is gone.
    pub(crate) async fn keys(&self, question: Question) -> Result<Answer> {
        self.reporter.settle();
        let interrupt = self.interrupt.clone();
        let talk = move || {
            // The terminal is set before the question is shown, since a program answers at once.
            let keys = Keys::new()?;
            show(question.text.as_bytes())?;
            keys.answer(&question, &interrupt)
        };
        tokio::task::spawn_blocking(talk).await.map_err(Error::other).flatten()
    }
}

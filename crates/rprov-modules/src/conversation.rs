//! What is said to a running command and what it says: one thread feeds and drains all of its pipes by `poll`, so a
//! command that reads and writes a lot can't dead-lock.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Child;
use std::time::Duration;

use rprov_wire::Stream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags};

/// One pipe that is drained.
pub(crate) struct Drain<R> {
    pipe: Option<R>,
    pub(crate) data: Vec<u8>,
}

impl<R: Read + AsFd> Drain<R> {
    /// Read once; the pipe is ready.
    fn read(&mut self, buffer: &mut [u8], show: impl FnOnce(&[u8])) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        match pipe.read(buffer) {
            Ok(0) => self.pipe = None,
            Ok(count) => {
                let read = buffer.get(..count).unwrap_or_default();
                self.data.extend_from_slice(read);
                show(read);
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// The pipes of a running child.
pub(crate) struct Conversation<'a> {
    stdin: Option<std::process::ChildStdin>,
    unsent: &'a [u8],
    pub(crate) stdout: Drain<std::process::ChildStdout>,
    pub(crate) stderr: Drain<std::process::ChildStderr>,
    exit: Option<OwnedFd>,
    buffer: Vec<u8>,
}

/// Which descriptor an entry of the poll list stands for.
#[derive(Clone, Copy)]
enum Slot {
    Stdin,
    Stdout,
    Stderr,
    Exit,
}

impl<'a> Conversation<'a> {
    /// The pipes of a child that has just begun, which is given this on its standard input.
    pub(crate) fn new(child: &mut Child, data: &'a [u8], pid: Option<Pid>) -> io::Result<Self> {
        let stdin = child.stdin.take();
        if let Some(stdin) = &stdin {
            let flags = rustix::fs::fcntl_getfl(stdin)?;
            rustix::fs::fcntl_setfl(stdin, flags | rustix::fs::OFlags::NONBLOCK)?;
        }
        Ok(Self {
            stdin: stdin.filter(|_| !data.is_empty()),
            unsent: data,
            stdout: Drain { pipe: child.stdout.take(), data: Vec::new() },
            stderr: Drain { pipe: child.stderr.take(), data: Vec::new() },
            exit: pid.and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()),
            buffer: vec![0; 64 * 1024],
        })
    }

    /// Whether it has closed all that it writes to.
    pub(crate) fn is_over(&self) -> bool {
        self.stdout.pipe.is_none() && self.stderr.pipe.is_none()
    }

    /// Give it nothing more.
    pub(crate) fn stop_feeding(&mut self) {
        self.stdin = None;
    }

    /// Wait for something to happen and deal with it; `false` where nothing did within `patience`.
    pub(crate) fn step(
        &mut self,
        running: bool,
        patience: Option<Duration>,
        show: impl Fn(Stream, &[u8]),
    ) -> io::Result<bool> {
        let ready: Vec<Slot> = {
            let mut slots: Vec<Slot> = Vec::with_capacity(4);
            let mut descriptors: Vec<PollFd<'_>> = Vec::with_capacity(4);
            if let Some(stdin) = &self.stdin {
                slots.push(Slot::Stdin);
                descriptors.push(PollFd::new(stdin, PollFlags::OUT));
            }
            if let Some(stdout) = &self.stdout.pipe {
                slots.push(Slot::Stdout);
                descriptors.push(PollFd::new(stdout, PollFlags::IN));
            }
            if let Some(stderr) = &self.stderr.pipe {
                slots.push(Slot::Stderr);
                descriptors.push(PollFd::new(stderr, PollFlags::IN));
            }
            let mut patience = patience;
            match &self.exit {
                Some(exit) if running => {
                    slots.push(Slot::Exit);
                    descriptors.push(PollFd::new(exit, PollFlags::IN));
                }
                // A kernel without pidfd: look at the child now and then.
                None if running => {
                    let interval = Duration::from_millis(10);
                    patience = Some(patience.map_or(interval, |patience| patience.min(interval)));
                }
                _ => {}
            }
            let timeout = patience.map(|patience| Timespec {
                tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(patience.subsec_nanos()),
            });
            match poll(&mut descriptors, timeout.as_ref()) {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
            descriptors
                .iter()
                .zip(&slots)
                .filter(|(descriptor, _)| !descriptor.revents().is_empty())
                .map(|(_, slot)| *slot)
                .collect()
        };
        for slot in ready {
            match slot {
                Slot::Stdin => self.feed()?,
                Slot::Stdout => self.stdout.read(&mut self.buffer, |data| show(Stream::Stdout, data))?,
                Slot::Stderr => self.stderr.read(&mut self.buffer, |data| show(Stream::Stderr, data))?,
                Slot::Exit => {}
            }
        }
        Ok(true)
    }

    fn feed(&mut self) -> io::Result<()> {
        let Some(stdin) = &mut self.stdin else { return Ok(()) };
        match stdin.write(self.unsent) {
            Ok(count) => self.unsent = self.unsent.get(count..).unwrap_or_default(),
            // It does not want to read any more, which is its own business.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.unsent = &[],
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(error) => return Err(error),
        }
        if self.unsent.is_empty() {
            self.stdin = None;
        }
        Ok(())
    }
}

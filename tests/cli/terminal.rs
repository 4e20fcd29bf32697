//! A terminal with a person at it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// What Ctrl-C is to a terminal.
pub const INTERRUPT: &str = "\u{3}";

/// A command on a pseudo-terminal of its own, which is also its controlling one.
pub struct Terminal {
    pub child: Child,
    keyboard: File,
    seen: Arc<Mutex<Vec<u8>>>,
    reader: std::thread::JoinHandle<()>,
    /// What has been waited for already.
    read: usize,
}

impl Terminal {
    pub fn start(command: &mut Command) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
        let terminal = File::options().read(true).write(true).open(name).unwrap();
        let size = rustix::termios::Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&terminal, size).unwrap();
        let side = || Stdio::from(OwnedFd::from(terminal.try_clone().unwrap()));
        command.env("TERM", "xterm").stdin(side()).stdout(side()).stderr(side());
        // SAFETY: nothing but two system calls between fork and exec.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        drop(terminal);
        let mut screen = File::from(controller);
        let keyboard = screen.try_clone().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The last writer's end is an error here, not an end of file.
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                kept.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self { child, keyboard, seen, reader, read: 0 }
    }

    /// Everything that was shown until now.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    /// Wait until this is shown, after what was waited for before.
    pub fn wait_for(&mut self, text: &str) {
        let begin = Instant::now();
        loop {
            let seen = self.seen();
            if let Some(at) = seen.get(self.read..).and_then(|rest| rest.find(text)) {
                self.read += at + text.len();
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "`{text}` is not shown:\n{seen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Type something in the very moment in which this is shown, as a program does.
    pub fn enter_at(&mut self, question: &str, text: &str) {
        let begin = Instant::now();
        while !self.seen().contains(question) {
            assert!(begin.elapsed() < Duration::from_secs(30), "`{question}` is not shown:\n{}", self.seen());
            std::thread::yield_now();
        }
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Type something; Enter is `\n`.
    pub fn enter(&mut self, text: &str) {
        // A person takes a moment, too.
        std::thread::sleep(Duration::from_millis(100));
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Wait for the end: the exit code, and everything that was shown.
    pub fn end(mut self) -> (i32, String) {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "it does not end:\n{}", self.seen());
            std::thread::sleep(Duration::from_millis(10));
        };
        self.reader.join().unwrap();
        let seen = String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned();
        (status.code().unwrap_or(-1), seen)
    }
}

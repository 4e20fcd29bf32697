//! Programs that write a file or read one, while it is compressed or unpacked on the way; neither is ever in memory as a
//! whole.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;

use rprov_modules::context::Context;
use rprov_modules::outcome::Failure;
use rprov_modules::write::Staged;

use crate::compression::Compression;

/// More of what a program prints is not kept.
const LONGEST: u64 = 64 * 1024;

/// A program with its arguments.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its path.
    pub path: PathBuf,
    /// Its arguments; no secrets.
    pub arguments: Vec<OsString>,
    /// Variables of its environment.
    pub environment: Vec<(&'static str, OsString)>,
    /// The directory to run it in.
    pub directory: Option<PathBuf>,
}

/// What a program that went well printed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Printed {
    /// To standard output, where that was not the file.
    pub stdout: String,
    /// To standard error.
    pub stderr: String,
}

impl Program {
    /// The command line, for results and messages.
    pub fn line(&self) -> String {
        let words: Vec<String> =
            self.arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let quoted = words.iter().map(|word| shlex::try_quote(word).map_or_else(|_| word.clone(), Into::into));
        std::iter::once(self.path.display().to_string()).chain(quoted).collect::<Vec<_>>().join(" ")
    }

    /// Run it, and put what it prints into `target`, which stays as it is if anything goes wrong.
    ///
    /// # Errors
    /// It cannot be started or fails, or the file cannot be written.
    pub fn write_to(&self, target: &Path, compression: Compression, context: &Context<'_>) -> Result<Printed, Failure> {
        let mut staged = Staged::new(target, false)?;
        let mut child = self.start(Stdio::null(), context)?;
        let guard = context.cancel.guard(child.id());
        let stderr = collect(child.stderr.take());
        let mut problem = None;
        if let Some(mut stdout) = child.stdout.take() {
            let mut sink = Sink { staged: &mut staged, problem: &mut problem };
            let result = compression.compress(&mut stdout, &mut sink);
            if let Err(error) = result {
                problem.get_or_insert_with(|| Failure::io("write", target, error));
            }
        }
        if problem.is_some() {
            // It would wait for ever for somebody to read what it prints.
            let _ = child.kill();
        }
        let status = child.wait().map_err(|error| Failure::io("run", &self.path, error))?;
        drop(guard);
        let stderr = stderr.join().unwrap_or_default();
        if let Some(problem) = problem {
            return Err(problem);
        }
        self.judge(status, String::new(), &stderr)?;
        context.checkpoint()?;
        staged.commit(&rprov_modules::attributes::Wanted::nothing(false))?;
        Ok(Printed { stdout: String::new(), stderr })
    }

    /// Run it, and let it read what is in `source`.
    ///
    /// # Errors
    /// The file cannot be read, or the program cannot be started or fails.
    pub fn read_from(
        &self,
        source: &Path,
        compression: Compression,
        context: &Context<'_>,
    ) -> Result<Printed, Failure> {
        let unreadable = |error: io::Error| Failure::io("read", source, error);
        let mut reader = compression.open(source).map_err(unreadable)?;
        let mut child = self.start(Stdio::piped(), context)?;
        let guard = context.cancel.guard(child.id());
        let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let mut problem = None;
        if let Some(mut stdin) = child.stdin.take() {
            let mut buffer = vec![0; 64 * 1024];
            loop {
                match reader.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => {
                        // Why it does not want more, its own message and exit code tell.
                        if stdin.write_all(buffer.get(..count).unwrap_or_default()).is_err() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        problem = Some(unreadable(error));
                        let _ = child.kill();
                        break;
                    }
                }
            }
        }
        let status = child.wait().map_err(|error| Failure::io("run", &self.path, error))?;
        drop(guard);
        let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
        if let Some(problem) = problem {
            return Err(problem);
        }
        self.judge(status, stdout.clone(), &stderr)?;
        context.checkpoint()?;
        Ok(Printed { stdout, stderr })
    }

    fn start(&self, stdin: Stdio, context: &Context<'_>) -> Result<Child, Failure> {
        let mut command = std::process::Command::new(&self.path);
        command.args(&self.arguments);
        for (name, value) in &context.options.environment {
            command.env(name, value);
        }
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let _among_others = rprov_modules::process::starts();
        command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| Failure::io("start", &self.path, error))
    }

    fn judge(&self, status: std::process::ExitStatus, stdout: String, stderr: &str) -> Result<(), Failure> {
        if status.success() {
            return Ok(());
        }
        let rc = status.code().unwrap_or_else(|| -status.signal().unwrap_or_default());
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let said = if stderr.trim().is_empty() { stdout.trim() } else { stderr.trim() };
        Err(Failure::new(format!("{name} failed with exit code {rc}: {said}"))
            .with("rc", rc)
            .with("stdout", stdout)
            .with("stderr", stderr))
    }
}

/// Collect what is printed, the first part of it, and let the rest pass.
fn collect<R: Read + Send + 'static>(pipe: Option<R>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let Some(mut pipe) = pipe else { return String::new() };
        let mut kept = Vec::new();
        let _ = pipe.by_ref().take(LONGEST).read_to_end(&mut kept);
        let _ = io::copy(&mut pipe, &mut io::sink());
        rprov_modules::text::decode(&kept)
    })
}

/// Writes to a file that is not in its place yet.
struct Sink<'a> {
    staged: &'a mut Staged,
    problem: &'a mut Option<Failure>,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.staged.write(bytes).map_err(|failure| {
            *self.problem = Some(failure);
            io::Error::other("the file takes no more")
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use rprov_modules::context::{Cancel, Detached};
    use rprov_wire::Options;

    fn shell(text: &str) -> Program {
        Program {
            path: "/bin/sh".into(),
            arguments: vec!["-c".into(), text.into()],
            environment: vec![("GREETING", "hello".into())],
            directory: None,
        }
    }

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let options = Options::default();
        let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("dump.gz");
        let printed = shell("echo $GREETING; echo note >&2").write_to(&target, Compression::Gzip, &context).unwrap();
        assert_eq!(printed.stderr, "note\n");
        let read = shell("cat; echo more").read_from(&target, Compression::Gzip, &context).unwrap();
        assert_eq!(read.stdout, "hello\nmore\n");
        let before = std::fs::read(&target).unwrap();
        let error = shell("echo half; echo broken >&2; exit 3").write_to(&target, Compression::Gzip, &context);
        let error = error.unwrap_err();
        assert_eq!(error.message, "sh failed with exit code 3: broken");
        assert_eq!(std::fs::read(&target).unwrap(), before);
        let error = shell("exit 4").read_from(&target, Compression::Gzip, &context).unwrap_err();
        assert!(error.message.contains("exit code 4"), "{error}");
    }
}

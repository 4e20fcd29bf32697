//! `raw`: a command through the login shell, without the agent.

use std::sync::PoisonError;

use async_trait::async_trait;
use rprov_modules::arguments;
use tokio::io::AsyncReadExt;

use super::call::{Action, Call, Done, Stop};
use crate::connection::{ConnectionError, Exit};
use crate::template::filter::text::{shell_quote, split_lines};

arguments! {
    /// Executes a low-down and dirty command.
    pub struct Arguments {
        /// The command.
        free_form: String,
        /// The shell to run it with.
        executable: Option<String>,
    }
    free_form: "free_form"
}

/// `raw`
pub(super) struct RawCommand;

#[async_trait]
impl Action for RawCommand {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        // The variables are given all the same, for a POSIX shell; the reference drops them with this warning.
        let warned = !call.options.environment.is_empty();
        let warn = |done: Done| match warned {
            true => done.with("warnings", vec!["raw module does not support the environment keyword"]),
            false => done,
        };
        if call.check() {
            return Ok(warn(Done::unchanged().with("skipped", true)));
        }
        let mut command = arguments.free_form;
        if !call.options.environment.is_empty() {
            let words: Vec<String> =
                call.options.environment.iter().map(|(name, value)| format!("{name}={}", shell_quote(value))).collect();
            command = format!("{} {command}", words.join(" "));
        }
        if let Some(shell) = &arguments.executable {
            command = format!("{shell} -c {}", shell_quote(&command));
        }
        let output = call.remote.raw(&command).await?;
        let mut done = Done::unchanged();
        done.result.insert("changed".into(), true.into());
        done.result.insert("rc".into(), output.code.into());
        done.result.insert("stdout".into(), output.stdout.as_str().into());
        done.result.insert("stderr".into(), output.stderr.as_str().into());
        for (name, text) in [("stdout_lines", &output.stdout), ("stderr_lines", &output.stderr)] {
            let lines = split_lines(text, false).into_iter().map(rprov_wire::Value::from).collect();
            done.result.insert(name.into(), rprov_wire::Value::List(lines));
        }
        if output.code != 0 {
            done.result.insert("failed".into(), true.into());
            done.result.insert("msg".into(), "non-zero return code".into());
        }
        Ok(warn(done))
    }
}

/// What a raw command gave.
#[derive(Debug, Default)]
pub struct RawOutput {
    /// Its exit code; 128 and the signal's number where a signal ended it.
    pub code: i64,
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

/// Read a started process to its end.
///
/// # Errors
/// The connection is lost before.
pub async fn collect(mut process: crate::connection::Process) -> Result<RawOutput, ConnectionError> {
    drop(process.stdin);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (first, second) = tokio::join!(process.stdout.read_to_end(&mut out), process.stderr.read_to_end(&mut err));
    let lost = |error: std::io::Error| ConnectionError::Lost { reason: error.to_string(), hint: None };
    first.map_err(lost)?;
    second.map_err(lost)?;
    let code = match process.exit.await {
        Ok(Exit::Code(code)) => i64::from(code),
        Ok(Exit::Signal(_)) => 255,
        Err(_) => {
            let ending = process.ending.lock().unwrap_or_else(PoisonError::into_inner).clone();
            return Err(ending.unwrap_or_else(|| "the command's end was never told".to_owned().into()).into());
        }
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(RawOutput { code, stdout: text(out), stderr: text(err) })
}

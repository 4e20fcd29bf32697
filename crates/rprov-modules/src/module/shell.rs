//! `shell`: runs a command line through a shell.

use std::path::PathBuf;

use rprov_wire::Value;

use super::command::Execution;
use crate::arguments;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;

arguments! {
    /// Execute shell commands on targets.
    pub struct Arguments {
        /// The command line, as the shell gets it.
        cmd | _raw_params: Option<String>,
        /// Change into this directory first.
        chdir: Option<PathBuf>,
        /// A path or glob; if it exists, nothing is run.
        creates: Option<PathBuf>,
        /// A path or glob; if it does not exist, nothing is run.
        removes: Option<PathBuf>,
        /// The shell; an absolute path.
        executable: Option<PathBuf>,
        /// Text for the command's standard input.
        stdin: Option<String>,
        /// Add a newline to `stdin`.
        stdin_add_newline: bool = true,
        /// Strip empty lines from the end of stdout and stderr.
        strip_empty_ends: bool = true,
        /// Accepted since `command` has it; the shell expands by itself.
        expand_argument_vars: bool = true,
    }
    free_form: "cmd",
}

/// Run the command line.
///
/// # Errors
/// There is no command, the shell cannot be started, or it exits with anything but 0.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let Some(text) = arguments.cmd.filter(|text| !text.trim().is_empty()) else {
        return Err(Failure::new(super::command::NO_COMMAND));
    };
    let shell = match &arguments.executable {
        Some(executable) => executable.to_string_lossy().into_owned(),
        None => context.options.shell.clone(),
    };
    Execution {
        shown: Value::from(&text),
        command: Command::shell(text, Some(&shell)),
        chdir: arguments.chdir,
        creates: arguments.creates,
        removes: arguments.removes,
        stdin: arguments.stdin,
        stdin_add_newline: arguments.stdin_add_newline,
        strip_empty_ends: arguments.strip_empty_ends,
    }
    .run(context)
}

//! `docker_container_exec`: run a command in a container.

use std::io::{BufReader, Write};

use rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};

use super::docker_container::find;
use crate::docker::frames;
use crate::docker::{Body, Connection, Engine, EngineError, Patience};
use rprov_modules::argument::Rule;
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Execute a command in a Docker container.
    pub struct Arguments + Connection {
        /// Name or ID of the container.
        container: String,
        /// The command, word by word.
        argv: Option<Vec<String>>,
        /// The command as text, with shell quotes.
        command: Option<String>,
        /// Directory to run it in.
        chdir: Option<String>,
        /// Do not wait until it ends.
        detach: bool = false,
        /// Environment variables.
        env: Option<Map>,
        /// Text for its standard input.
        stdin: Option<String>,
        /// End that text with a line end.
        stdin_add_newline: bool = true,
        /// Drop empty lines at the end of what it printed.
        strip_empty_ends: bool = true,
        /// Give it a terminal.
        tty: bool = false,
        /// User to run it as.
        user: Option<String>,
    }
    rules: [Rule::Exclusive(&["argv", "command"]), Rule::OneOf(&["argv", "command"])]
}

/// Run the command.
///
/// # Errors
/// The container does not run, or the Engine refuses. That the command itself failed is no error: `rc` says so.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let words = match (&arguments.argv, &arguments.command) {
        (Some(words), _) => words.clone(),
        (None, Some(text)) => shlex::split(text)
            .ok_or_else(|| Failure::new(format!("command: a quote is not closed in `{text}`; or use `argv`")))?,
        (None, None) => Vec::new(),
    };
    if words.is_empty() {
        return Err(Failure::new("the command is empty; give `argv` or `command`"));
    }
    if arguments.detach && arguments.stdin.is_some() {
        return Err(Failure::new("If detach=true, stdin cannot be provided."));
    }
    let engine = Engine::new(&arguments.attributes, context)?;
    if context.check() {
        return Ok(Outcome::new(true));
    }
    let env = match &arguments.env {
        Some(env) => crate::docker::container::Arguments::texts("env", env)?,
        None => indexmap::IndexMap::new(),
    };
    let env: Vec<String> = env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let Some(container) = find(&engine, &arguments.container)? else {
        return Err(Failure::new(format!("Could not find container \"{}\"", arguments.container)));
    };
    let input = arguments.stdin.as_ref().map(|text| {
        if arguments.stdin_add_newline && !text.ends_with('\n') { format!("{text}\n") } else { text.clone() }
    });
    let body = json!({
        "AttachStdin": input.is_some(), "AttachStdout": !arguments.detach, "AttachStderr": !arguments.detach,
        "Tty": arguments.tty, "Cmd": words, "Env": env, "User": arguments.user.clone().unwrap_or_default(),
        "WorkingDir": arguments.chdir, "Privileged": false,
    });
    let made =
        engine.post(&format!("/containers/{}/exec", container.id()), &[], Some(&body)).map_err(
            |error| match &error {
                EngineError::Refused { status: 409, message, .. } => Failure::new(format!(
                    "The container \"{}\" does not run, so no command can run in it ({message}); start it first",
                    arguments.container
                )),
                _ => error.into(),
            },
        )?;
    let id = made.get("Id").and_then(Json::as_str).unwrap_or_default().to_owned();
    let path = format!("/exec/{id}/start");
    let start = json!({"Detach": arguments.detach, "Tty": arguments.tty});
    if arguments.detach {
        engine.post(&path, &[], Some(&start))?;
        return Ok(Outcome::new(true).with("exec_id", id));
    }
    let show = |stream, data: &[u8]| {
        if context.options.live {
            context.transport.output(stream, data);
        }
    };
    let broken = |error: std::io::Error| Failure::new(format!("the command's output broke off: {error}"));
    let printed = match input {
        Some(input) => {
            let mut stream = engine.hijack(&path, &start)?.stream;
            let writer = stream.get_mut();
            // A command that does not read its input may end before it has taken all of it.
            let _ = writer.write_all(input.as_bytes()).and_then(|()| writer.flush()).and_then(|()| writer.finish());
            frames::read(&mut stream, arguments.tty, show).map_err(broken)?
        }
        None => {
            let answer = engine.send("POST", &path, &[], &[], Body::Json(&start), Patience::Endless)?;
            frames::read(&mut BufReader::new(answer), arguments.tty, show).map_err(broken)?
        }
    };
    let ended = engine.get(&format!("/exec/{id}/json"), &[])?;
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if arguments.strip_empty_ends { text.trim_end_matches(['\r', '\n']).to_owned() } else { text }
    };
    Ok(Outcome::new(true)
        .with("rc", ended.get("ExitCode").map_or(Value::Null, Value::from_json))
        .with("stdout", text(&printed.stdout))
        .with("stderr", text(&printed.stderr)))
}

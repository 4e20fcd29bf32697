//! `pause`: wait, for a while or for the person at the terminal.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rprov_modules::arguments;

use super::call::{Action, Call, Done, Stop};

arguments! {
    /// Pause playbook execution.
    pub struct Arguments {
        /// Minutes to wait.
        minutes: Option<f64>,
        /// Seconds to wait.
        seconds: Option<f64>,
        /// What to ask.
        prompt: Option<String>,
        /// Show what is typed.
        echo: bool = true,
    }
    rules: [rprov_modules::argument::Rule::Exclusive(&["minutes", "seconds"])]
}

/// `pause`
pub(super) struct Pause;

#[async_trait]
impl Action for Pause {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        let seconds = arguments.minutes.map(|minutes| minutes * 60.0).or(arguments.seconds);
        let seconds = seconds.map(|seconds| seconds.max(1.0));
        let hidden = if arguments.echo { "" } else { " (output is hidden)" };
        let start = jiff::Zoned::now();
        let begin = Instant::now();
        let mut input = String::new();
        match seconds {
            Some(seconds) => {
                let notice = |text: String| call.shared.reporter.send(crate::report::Event::Notice(text));
                notice(format!("Pausing for {} seconds{hidden}", seconds as u64));
                if let Some(prompt) = &arguments.prompt {
                    notice(format!("{prompt} (Ctrl-C ends the run)"));
                }
                let wait = Duration::from_secs_f64(seconds.clamp(0.0, 1e9));
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = call.shared.interrupt.pressed() => {}
                }
            }
            // Without a terminal there is nobody to wait for.
            None if std::io::stdin().is_terminal() => {
                let prompt = arguments
                    .prompt
                    .clone()
                    .unwrap_or_else(|| "Press enter to continue, Ctrl+C to interrupt".to_owned());
                let echo = arguments.echo;
                let name = call.task.name.as_ref().map(|name| name.render(call.scope)).transpose()?;
                let name = name.map_or_else(|| call.task.action.written.to_string(), |name| name.to_string());
                let question = format!("[{}]\n{prompt}{hidden}:", name.trim());
                input = match call.shared.ask(question, echo).await {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                        return Err(Stop::failed("interrupted"));
                    }
                    // Ctrl-D is an empty answer.
                    Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => String::new(),
                    answer => {
                        answer.map_err(|error| Stop::failed(format!("could not read from the terminal: {error}")))?
                    }
                };
            }
            None => call.shared.reporter.send(crate::report::Event::Warning(
                "Not waiting for response to prompt as stdin is not interactive".to_owned(),
            )),
        }
        let duration = begin.elapsed().as_secs_f64();
        let (shown, unit) = match arguments.minutes {
            Some(_) => ((duration / 60.0 * 100.0).round() / 100.0, "minutes"),
            None => ((duration * 100.0).round() / 100.0, "seconds"),
        };
        let format = |time: &jiff::Zoned| time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
        Ok(Done::unchanged()
            .with("delta", duration as i64)
            .with("echo", arguments.echo)
            .with("rc", 0i64)
            .with("start", format(&start))
            .with("stderr", "")
            .with("stdout", format!("Paused for {} {unit}", crate::yaml::float_text(shown)))
            .with("stop", format(&jiff::Zoned::now()))
            .with("user_input", input))
    }
}

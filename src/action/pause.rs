//! `pause`: wait, for a while or for the person at the terminal.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use rprov_modules::arguments;

use super::call::{Action, Call, Done, Stop};
use crate::report::Event;
use crate::run::keys::{self, Answer, End, Question};

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
        let start = jiff::Zoned::now();
        let begin = Instant::now();
        let input = wait(&call, &arguments, seconds).await?;
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

/// How a pause with a time can be left early.
const WAYS_OUT: &str = "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)\r";

/// Wait, and tell what was typed.
async fn wait(call: &Call<'_>, arguments: &Arguments, seconds: Option<f64>) -> Result<String, Stop> {
    let shared = call.shared;
    let hidden = if arguments.echo { "" } else { " (output is hidden)" };
    let notice = |text: String| shared.reporter.send(Event::Notice(text));
    let prompt = arguments.prompt.as_deref().filter(|prompt| !prompt.is_empty());
    if let Some(seconds) = seconds {
        notice(format!("Pausing for {} seconds{hidden}", seconds as u64));
        if prompt.is_some() {
            notice(WAYS_OUT.to_owned());
        }
    }
    let time = seconds.map(|seconds| Duration::from_secs_f64(seconds.clamp(0.0, 1e9)));
    if !keys::somebody_is_there() {
        match time {
            Some(time) => tokio::select! {
                () = tokio::time::sleep(time) => {}
                () = shared.interrupt.pressed() => return Err(Stop::failed("interrupted")),
            },
            // Without a terminal there is nobody to wait for.
            None => {
                let warning = "Not waiting for response to prompt as stdin is not interactive";
                shared.reporter.send(Event::Warning(warning.to_owned()));
            }
        }
        return Ok(String::new());
    }
    let text = match (time, prompt) {
        (Some(_), None) => format!("{WAYS_OUT}\n"),
        (_, prompt) => {
            let name = call.task.name.as_ref().map(|name| name.render(call.scope)).transpose()?;
            let name = name.map_or_else(|| call.task.action.written.to_string(), |name| name.to_string());
            let prompt = prompt.unwrap_or("Press enter to continue, Ctrl+C to interrupt");
            let end = if time.is_some() { "\n" } else { "" };
            format!("[{}]\n{prompt}{hidden}:{end}", name.trim())
        }
    };
    let end = time.map_or(End::Enter, End::Time);
    let question = Question { text, echo: arguments.echo && time.is_none(), end };
    match ask(call, question).await? {
        Answer::Typed(text) => return Ok(text),
        Answer::Letter(_) | Answer::Interrupted => {}
    }
    let text = "Press 'C' to continue the play or 'A' to abort \r".to_owned();
    match ask(call, Question { text, echo: false, end: End::Letters("ca") }).await? {
        Answer::Letter('c') | Answer::Typed(_) => Ok(String::new()),
        Answer::Letter(_) => Err(Stop::failed("user requested abort!")),
        // Who presses it again wants the run to end.
        Answer::Interrupted => {
            shared.press_interrupt();
            Err(Stop::failed("interrupted"))
        }
    }
}

async fn ask(call: &Call<'_>, question: Question) -> Result<Answer, Stop> {
    match call.shared.keys(question).await {
        Ok(answer) => Ok(answer),
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Err(Stop::failed("interrupted")),
        Err(error) => Err(Stop::failed(format!("could not read from the terminal: {error}"))),
    }
}

//! The stream of JSON messages that pulling, pushing, loading and building send while they work.

use std::collections::HashMap;
use std::io::BufReader;

use rprov_wire::Stream;
use serde_json::Value as Json;

use super::engine::Answer;
use rprov_modules::context::Context;
use rprov_modules::outcome::Failure;

/// What a stream of messages said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// What a build printed, and what loading said.
    pub text: String,
    /// The last status line.
    pub status: String,
    /// Values that were handed over, such as a built image's ID.
    pub aux: Vec<Json>,
    /// The error that ended it.
    pub error: Option<String>,
    shown: HashMap<String, String>,
}

impl Progress {
    /// It failed before it began.
    pub fn failed(error: String) -> Self {
        Progress { error: Some(error), ..Self::default() }
    }

    /// A layer was sent to the registry that it did not have.
    pub fn has_pushed(&self) -> bool {
        self.shown.values().any(|status| status.starts_with("Push"))
    }

    /// Take in one message; gives the text to show for it, if that is anything new.
    pub fn take(&mut self, message: &Json) -> Option<String> {
        let field = |name: &str| message.get(name).and_then(Json::as_str);
        if let Some(aux) = message.get("aux") {
            self.aux.push(aux.clone());
        }
        let error = message.pointer("/errorDetail/message").and_then(Json::as_str).or_else(|| field("error"));
        if let Some(error) = error {
            self.error = Some(error.trim_end().to_owned());
            return Some(format!("{}\n", error.trim_end()));
        }
        if let Some(text) = field("stream") {
            self.text.push_str(text);
            return Some(text.to_owned());
        }
        let status = field("status")?;
        self.status = status.to_owned();
        let line = match field("id") {
            Some(id) => {
                // The same status comes again and again with another number of bytes.
                if self.shown.insert(id.to_owned(), status.to_owned()).as_deref() == Some(status) {
                    return None;
                }
                format!("{id}: {status}\n")
            }
            None => format!("{status}\n"),
        };
        Some(line)
    }
}

/// Read the messages of an answer until the end, and show them as they come.
///
/// # Errors
/// The connection broke, or the answer is something else. That the work itself failed is in [`Progress::error`].
pub fn follow(mut answer: Answer, context: &Context<'_>) -> Result<Progress, Failure> {
    let mut progress = Progress::default();
    let mut failed = None;
    {
        let messages = serde_json::Deserializer::from_reader(BufReader::new(&mut answer)).into_iter::<Json>();
        for message in messages {
            match message {
                Ok(message) => {
                    if let Some(text) = progress.take(&message).filter(|_| context.options.live) {
                        context.transport.output(Stream::Stdout, text.as_bytes());
                    }
                }
                Err(error) => {
                    failed = Some(std::io::Error::from(error));
                    break;
                }
            }
        }
    }
    match failed {
        Some(error) => Err(answer.error(error).into()),
        None => Ok(progress),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_shown_once_per_layer_and_errors_are_kept() {
        let mut progress = Progress::default();
        assert_eq!(progress.take(&json!({"status": "Pulling", "id": "ab"})), Some("ab: Pulling\n".to_owned()));
        assert_eq!(progress.take(&json!({"status": "Pulling", "id": "ab", "progress": "[=>"})), None);
        assert_eq!(progress.take(&json!({"stream": "Step 1\n"})), Some("Step 1\n".to_owned()));
        assert_eq!(progress.take(&json!({"aux": {"ID": "sha256:x"}})), None);
        progress.take(&json!({"error": "no", "errorDetail": {"message": "no such thing\n"}}));
        assert_eq!(progress.error.as_deref(), Some("no such thing"));
        assert_eq!((progress.text.as_str(), progress.aux.len()), ("Step 1\n", 1));
    }
}

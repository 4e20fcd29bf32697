//! `docker compose`: what it says that it does, and what it says of a project.

use serde_json::{Map as JsonMap, Value as Json, json};

/// Something that the command does, or would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `container`, `image`, `network`, `service` or `volume`.
    pub what: String,
    /// Its name.
    pub id: String,
    /// The word for what is done.
    pub status: String,
}

impl Event {
    /// As it is returned.
    pub fn to_json(&self) -> Json {
        json!({"what": self.what, "id": self.id, "status": self.status})
    }
}

/// Words for work that has begun; when it has ended is told by others.
const WORKING: [&str; 10] = [
    "Starting",
    "Exiting",
    "Restarting",
    "Creating",
    "Stopping",
    "Killing",
    "Removing",
    "Recreating",
    "Pulling",
    "Building",
];

/// The kinds of things by whose name a line begins.
const KINDS: [&str; 7] = ["Config", "Container", "Image", "Network", "Secret", "Service", "Volume"];

/// The work that the lines of `--progress plain` tell, each once.
pub fn events(text: &str) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for event in text.lines().filter_map(event) {
        if !events.contains(&event) {
            events.push(event);
        }
    }
    events
}

/// A line of check mode as one of the real thing.
fn without_mark(line: &str) -> &str {
    let line = line.trim();
    line.strip_prefix("DRY-RUN MODE -").unwrap_or(line)
}

fn event(line: &str) -> Option<Event> {
    let mut words = without_mark(line).split_whitespace();
    let first = words.next()?;
    let (what, id) = if KINDS.contains(&first) { (first, words.next()?) } else { ("Service", first) };
    let status = match (words.next()?, words.next()) {
        ("Recreate", None) => "Recreating",
        (word, None) if WORKING.contains(&word) => word,
        _ => return None,
    };
    let id = id.trim_matches('"');
    // While it is made anew, a container has its ID before its name.
    let name = match id.split_once('_') {
        Some((digits, name)) if digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => name,
        _ => id,
    };
    Some(Event { what: what.to_lowercase(), id: name.to_owned(), status: status.to_owned() })
}

/// The warnings among what the command printed.
pub fn warnings(text: &str) -> Vec<String> {
    let warning = |line: &str| {
        let (_, rest) = line.split_once("level=warning msg=")?;
        let quoted: Option<String> = serde_json::from_str(rest.trim()).ok();
        Some(quoted.unwrap_or_else(|| rest.trim().to_owned()))
    };
    text.lines().filter_map(warning).collect()
}

/// What went wrong: the lines that are no events.
pub fn errors(text: &str) -> String {
    let keep = |line: &&str| {
        let told = without_mark(line).split_whitespace().next().is_some_and(|word| KINDS.contains(&word));
        !line.trim().is_empty() && event(line).is_none() && !told && !line.contains("level=warning")
    };
    text.lines().filter(keep).map(str::trim).collect::<Vec<_>>().join("; ")
}

/// A container as `ps` tells it, with lists and maps where it has texts.
pub fn container(mut told: Json) -> Json {
    let list = |text: &str| -> Json {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Json::from).collect()
    };
    for name in ["Names", "Networks"] {
        if let Some(text) = told.get(name).and_then(Json::as_str) {
            told[name] = list(text);
        }
    }
    if let Some(text) = told.get("Labels").and_then(Json::as_str) {
        let mut labels = JsonMap::new();
        let mut last: Option<String> = None;
        for part in text.split(',') {
            match (part.split_once('='), &last) {
                (Some((name, value)), _) => {
                    labels.insert(name.to_owned(), value.into());
                    last = Some(name.to_owned());
                }
                // A comma within the value before.
                (None, Some(name)) => {
                    let value = labels.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
                    labels.insert(name.clone(), format!("{value},{part}").into());
                }
                (None, None) => {}
            }
        }
        told["Labels"] = Json::Object(labels);
    }
    if told.get("Publishers").is_none_or(Json::is_null) {
        told["Publishers"] = json!([]);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_what_is_done_and_not_what_is_as_it_was() {
        let text = " Volume \"p_data\"  Creating\n Container p-web-1  Created\n DRY-RUN MODE -  Container p-web-1  Starting\n\
                    \x20Container p-a-1  Running\n Container 0123456789ab_p-web-1  Starting\n web Pulling \n Container p-b-1  Recreate\n Container p-b-1  Recreate\n\
                    Error response from daemon: no such image: x\n";
        let found: Vec<String> =
            events(text).iter().map(|event| format!("{} {} {}", event.what, event.id, event.status)).collect();
        assert_eq!(
            found,
            [
                "volume p_data Creating",
                "container p-web-1 Starting",
                "service web Pulling",
                "container p-b-1 Recreating"
            ]
        );
        assert_eq!(errors(text), "Error response from daemon: no such image: x");
    }

    #[test]
    fn warnings_are_found_and_texts_of_containers_taken_apart() {
        let text = "time=\"2026-01-01T00:00:00Z\" level=warning msg=\"The \\\"A\\\" variable is not set\"\n";
        assert_eq!(warnings(text), ["The \"A\" variable is not set"]);
        let told = container(json!({"Names": "a,b", "Networks": "", "Labels": "x=1,y=2,3,z=", "Publishers": null}));
        assert_eq!(
            told,
            json!({"Names": ["a", "b"], "Networks": [], "Labels": {"x": "1", "y": "2,3", "z": ""}, "Publishers": []})
        );
    }
}

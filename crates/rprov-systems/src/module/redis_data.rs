//! `redis_data`: a key of a Redis database, and its value.

use rprov_wire::Value;

use crate::redis::{Client, Login, Reply};
use rprov_modules::argument::Rule;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether the key is to be there.
    pub enum State { Present = "present", Absent = "absent" }
}

arguments! {
    /// Set key value pairs in a Redis database.
    pub struct Arguments + Login {
        /// The key.
        key: String,
        /// Its value.
        value: Option<String>,
        /// Milliseconds after which the key goes; always a change.
        expiration: Option<u64>,
        /// Set the key only if it is not there yet.
        non_existing: Option<bool>,
        /// Set the key only if it is there.
        existing: Option<bool>,
        /// The key goes when it would have gone before.
        keep_ttl: Option<bool>,
        /// Whether the key is to be there.
        state: State = State::Present,
        /// Speak TLS.
        tls: bool = true,
    }
    rules: [
        Rule::If("state", "present", &["value"]),
        Rule::Exclusive(&["non_existing", "existing"]),
        Rule::Exclusive(&["keep_ttl", "expiration"]),
    ]
}

/// Bring the key to its state.
///
/// # Errors
/// The server cannot be reached or refuses, or the key is there where it must not be.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let mut client = arguments.attributes.connect(arguments.tls, context)?;
    let key = arguments.key.as_str();
    if arguments.state == State::Absent {
        let there = match context.check() {
            true => client.call(&["EXISTS", key]),
            false => client.call(&["DEL", key]),
        };
        let failed = |error: crate::redis::RedisError| {
            Failure::new(format!("Failed to delete key: {key} with exception: {}", error.words()))
        };
        let there = there.map_err(failed)? != Reply::Integer(0);
        let message = if there { format!("Deleted key: {key}") } else { format!("Key: {key} not present") };
        return Ok(Outcome::new(there).with("msg", message));
    }
    let wanted = arguments.value.as_deref().unwrap_or_default();
    let old = client.text(&["GET", key]);
    let old = old.map_err(|error| Failure::new(format!("Failed to get value of key: {key}: {}", error.words())))?;
    let shown = old.as_deref().map_or(Value::Null, Value::from);
    let refused =
        |reason| Err(Failure::new(format!("Could not set key: {key}. {reason}")).with("old_value", shown.clone()));
    if arguments.non_existing == Some(true) && old.is_some() {
        return refused("Key already present.");
    }
    if arguments.existing == Some(true) && old.is_none() {
        return refused("Key not present.");
    }
    let changed =
        old.as_deref() != Some(wanted) || arguments.expiration.is_some() || loses_limit(&arguments, &mut client)?;
    if changed && !context.check() {
        let mut words = vec!["SET".to_owned(), key.to_owned(), wanted.to_owned()];
        if let Some(milliseconds) = arguments.expiration {
            words.extend(["PX".to_owned(), milliseconds.to_string()]);
        }
        for (wanted, word) in [
            (arguments.non_existing, "NX"),
            (arguments.existing, "XX"),
            // Redis before 6.0 does not know it, and keeps the key's time in no other way.
            (arguments.keep_ttl, "KEEPTTL"),
        ] {
            if wanted == Some(true) {
                words.push(word.to_owned());
            }
        }
        let reply = client.call(&words);
        let failed = |error: crate::redis::RedisError| {
            Failure::new(format!("Failed to set key: {key} with exception: {}", error.words()))
                .with("old_value", shown.clone())
        };
        // Somebody else was faster.
        if reply.map_err(failed)? == Reply::Nil {
            return refused(if old.is_some() { "Key not present." } else { "Key already present." });
        }
    }
    Ok(Outcome::new(changed).with("msg", format!("Set key: {key}")).with("old_value", shown).with("value", wanted))
}

/// Setting the key would take away the time after which it goes.
fn loses_limit(arguments: &Arguments, client: &mut Client) -> Result<bool, Failure> {
    if arguments.keep_ttl == Some(true) {
        return Ok(false);
    }
    Ok(matches!(client.call(&["PTTL", &arguments.key])?, Reply::Integer(0..)))
}

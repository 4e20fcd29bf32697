//! `redis_data_info`: the value of a key of a Redis database.

use crate::redis::Login;
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Get the value of a key of a Redis database.
    pub struct Arguments + Login {
        /// The key.
        key: String,
        /// Speak TLS.
        tls: bool = true,
    }
}

/// Read the key.
///
/// # Errors
/// The server cannot be reached, or the key holds no text.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let mut client = arguments.attributes.connect(arguments.tls, context)?;
    let key = arguments.key.as_str();
    let value = client.text(&["GET", key]);
    let value =
        value.map_err(|error| Failure::new(format!("Failed to get value of key \"{key}\": {}", error.words())))?;
    let outcome = Outcome::unchanged().with("exists", value.is_some());
    Ok(match value {
        Some(value) => outcome.with("value", value).with("msg", format!("Got key \"{key}\"")),
        None => outcome.with("msg", format!("Key \"{key}\" does not exist in database")),
    })
}

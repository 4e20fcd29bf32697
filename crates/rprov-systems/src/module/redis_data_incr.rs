//! `redis_data_incr`: adds to a number that a key of a Redis database holds.

use crate::redis::{Login, RedisError, Reply};
use rprov_modules::argument::Rule;
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Increment keys in a Redis database.
    pub struct Arguments + Login {
        /// The key.
        key: String,
        /// How much to add, to an integer; 1 where neither is given.
        increment_int: Option<i64>,
        /// How much to add, to any number.
        increment_float: Option<f64>,
        /// Speak TLS.
        tls: bool = true,
    }
    rules: [Rule::Exclusive(&["increment_int", "increment_float"])]
}

/// A number as Python writes a float.
fn float(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e16 { format!("{number:.1}") } else { number.to_string() }
}

/// Add to the key.
///
/// # Errors
/// The server cannot be reached, or the key holds no number.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let mut client = arguments.attributes.connect(arguments.tls, context)?;
    let key = arguments.key.as_str();
    let amount = match (arguments.increment_int, arguments.increment_float) {
        (_, Some(amount)) => float(amount),
        (amount, None) => amount.unwrap_or(1).to_string(),
    };
    let failed =
        |reason: String| Failure::new(format!("Failed to increment key: {key} by {amount} with exception: {reason}"));
    let number = |text: &str| text.parse::<f64>().map_err(|_| failed("value is not a valid float".to_owned()));
    let fails = |error: RedisError| failed(error.words());
    // A key that was not there is there afterwards, also with nothing added.
    let there = client.call(&["EXISTS", key]).map_err(fails)? != Reply::Integer(0);
    let changed = number(&amount)? != 0.0 || !there;
    if context.check() {
        let current = client.text(&["GET", key]).map_err(fails)?;
        let current = current.unwrap_or_else(|| "0".to_owned());
        if arguments.increment_float.is_none() && current.parse::<i64>().is_err() {
            return Err(failed("value is not an integer or out of range".to_owned()));
        }
        let value = number(&current)? + number(&amount)?;
        let message = format!("Incremented key: {key} by {amount} to {}", float(value));
        return Ok(Outcome::new(changed).with("value", value).with("msg", message));
    }
    let command = if arguments.increment_float.is_some() { "INCRBYFLOAT" } else { "INCRBY" };
    let text = client.text(&[command, key, &amount]).map_err(fails)?.unwrap_or_default();
    let value = number(&text)?;
    let shown = if arguments.increment_float.is_some() { float(value) } else { text };
    let message = match (arguments.increment_int, arguments.increment_float) {
        (None, None) => format!("Incremented key: {key} to {shown}"),
        _ => format!("Incremented key: {key} by {amount} to {shown}"),
    };
    Ok(Outcome::new(changed).with("value", value).with("msg", message))
}

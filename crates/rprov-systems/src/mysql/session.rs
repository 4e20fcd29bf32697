//! Variables of a session.

use rprov_wire::Value;

use super::literal;

/// The statement that sets one.
///
/// # Errors
/// The name is none.
pub fn set(name: &str, value: &Value) -> Result<String, String> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')) {
        return Err(format!("session_vars: `{name}` is no name of a variable"));
    }
    let value = match value {
        Value::Bool(flag) => i32::from(*flag).to_string(),
        // A number in quotes is none to the server.
        Value::String(text) if text.parse::<i64>().is_err() => literal::text(text, false),
        other => other.as_str().map_or_else(|| other.to_string(), str::to_owned),
    };
    Ok(format!("SET SESSION {name} = {value}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_by_what_they_are() {
        assert_eq!(set("wsrep_on", &"off".into()).unwrap(), "SET SESSION wsrep_on = 'off'");
        assert_eq!(set("lock_wait_timeout", &"5".into()).unwrap(), "SET SESSION lock_wait_timeout = 5");
        assert_eq!(set("wsrep_on", &true.into()).unwrap(), "SET SESSION wsrep_on = 1");
        assert!(set("a = 1; x", &true.into()).is_err());
    }
}

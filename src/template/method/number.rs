//! The methods of `int`, `bool` and `float`.

use minijinja::Error;
use minijinja::value::Value;

/// Call a method; `None` if numbers have none of that name.
pub(super) fn call(value: &Value, method: &str, _args: &[Value]) -> Result<Option<Value>, Error> {
    let integer = i128::try_from(value.clone()).ok().filter(|_| value.is_integer() || !value.is_number());
    let float = f64::try_from(value.clone()).unwrap_or(f64::NAN);
    Ok(Some(match (method, integer) {
        ("bit_length", Some(number)) => Value::from(128 - number.unsigned_abs().leading_zeros()),
        ("bit_count", Some(number)) => Value::from(number.unsigned_abs().count_ones()),
        ("conjugate", _) => value.clone(),
        ("is_integer", Some(_)) => Value::from(true),
        ("is_integer", None) => Value::from(float.is_finite() && float.fract() == 0.0),
        _ => return Ok(None),
    }))
}

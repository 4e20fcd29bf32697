//! (written below)
use minijinja::value::Value;
use minijinja::{Error, ErrorKind, State};
pub(super) fn call(_state: &mut State<'_, '_>, _value: &Value, _method: &str, _args: &[Value]) -> Result<Value, Error> {
    Err(Error::from(ErrorKind::UnknownMethod))
}
pub(super) fn percent(f: &str, _v: &Value) -> Result<String, Error> {
    Ok(f.to_owned())
}

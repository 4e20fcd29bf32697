//! `vault` and `unvault`: text encrypted with a password that the template gives, and back.

use minijinja::{Error, State, Value};

use super::call::{Call, Run};
use super::python::type_name;
use crate::vault::{Envelope, Identity, Keyring};

pub(super) const FILTERS: &[(&str, Run)] = &[("vault", vault), ("unvault", unvault)];

/// The label of what is encrypted without one.
const LABEL: &str = "filter_default";

fn identity(call: &Call, label: Option<&Value>, secret: &Value) -> Result<Identity, Error> {
    let Some(secret) = secret.as_str() else {
        return Err(call.fail(format!(
            "Secret passed is required to be a string, instead we got <class '{}'>.",
            type_name(secret)
        )));
    };
    let label = label.and_then(Value::as_str).unwrap_or(LABEL);
    Ok(Identity::exact(label, secret.as_bytes()))
}

fn vault(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [text, secret, salt, label, _, older] =
        call.bind(["data", "secret", "salt", "vault_id", "wrap_object", "vaultid"], 2)?;
    let (text, secret) = (text.unwrap_or_default(), secret.unwrap_or_default());
    let identity = identity(&call, label.or(older).as_ref(), &secret)?;
    let Some(plain) = text.as_str() else {
        return Err(call.fail(format!("Can only vault strings, instead we got <class '{}'>.", type_name(&text))));
    };
    let salt = salt.as_ref().and_then(Value::as_str).filter(|salt| !salt.is_empty()).map(str::as_bytes);
    Ok(Value::from(Keyring::seal(plain.as_bytes(), &identity, salt)))
}

fn unvault(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [text, secret, label, older] = call.bind(["vault", "secret", "vault_id", "vaultid"], 2)?;
    let (text, secret) = (text.unwrap_or_default(), secret.unwrap_or_default());
    let identity = identity(&call, label.or(older).as_ref(), &secret)?;
    let Some(ciphertext) = text.as_str() else {
        return Err(call
            .fail(format!("Vault should be in the form of a string, instead we got <class '{}'>.", type_name(&text))));
    };
    if !Envelope::is_one(ciphertext.as_bytes()) {
        return Ok(text);
    }
    let opened = Keyring::new(vec![identity], false)
        .open(ciphertext.as_bytes())
        .map_err(|error| call.fail(format!("Unable to decrypt: {error}")))?;
    let plain = std::str::from_utf8(&opened.plain).map_err(|_| call.fail("Unable to decrypt: it is not UTF-8 text"))?;
    Ok(Value::from(plain))
}

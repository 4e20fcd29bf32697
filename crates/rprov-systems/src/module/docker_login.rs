//! `docker_login`: log in to an image registry, and out.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rprov_wire::Value;
use serde_json::{Value as Json, json};

use crate::docker::registry_login::{HUB, ask, helper, login};
use crate::docker::{Connection, Engine, EngineError};
use rprov_modules::argument::{Argument as _, Mode, Rule, Secret};
use rprov_modules::attributes::FileAttributes;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices, write};

choices! {
    /// Whether somebody is logged in.
    pub enum State { Present = "present", Absent = "absent" }
}

arguments! {
    /// Log in to a Docker registry.
    pub struct Arguments + Connection {
        /// The registry.
        registry_url | registry | url: String = HUB.to_owned(),
        /// The user.
        username: Option<String>,
        /// The user's password.
        password: Option<Secret>,
        /// Ask the registry even if the same login is known already.
        reauthorize | reauth: bool = false,
        /// The file that logins are kept in.
        config_path | dockercfg_path: PathBuf = rprov_modules::account::expand_path("~/.docker/config.json"),
        /// Whether somebody is logged in.
        state: State = State::Present,
    }
    rules: [Rule::If("state", "present", &["username", "password"])]
}

/// Log in, or out.
///
/// # Errors
/// The registry refuses the login or cannot be reached; the file of logins cannot be read or written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let config = read(&arguments.config_path)?;
    match arguments.state {
        State::Present => log_in(&arguments, config, context),
        State::Absent => log_out(&arguments, config, context),
    }
}

fn log_in(arguments: &Arguments, mut config: Json, context: &Context<'_>) -> Result<Outcome, Failure> {
    let registry = &arguments.registry_url;
    let user = arguments.username.clone().unwrap_or_default();
    let password = arguments.password.as_ref().map(Secret::expose).unwrap_or_default();
    let known = login(&config, registry, context);
    let text = |name: &str| known.as_ref().and_then(|known| known.get(name)?.as_str());
    let same = text("username") == Some(user.as_str()) && text("password") == Some(password);
    let results = Value::from_json(&json!({"serveraddress": registry, "username": user}));
    let done = |changed| Outcome::new(changed).with("login_results", results.clone());
    if same && !arguments.reauthorize {
        return Ok(done(false));
    }
    let engine = Engine::new(&arguments.attributes, context)?;
    let body = json!({"username": user, "password": password, "serveraddress": registry});
    let answer = engine.post("/auth", &[], Some(&body)).map_err(|error| match &error {
        EngineError::Refused { message, .. } => {
            let advice = if message.contains("nauthorized") || message.contains("incorrect") {
                "; check username and password"
            } else {
                "; check registry_url, and that this host reaches it"
            };
            Failure::new(format!("Logging into {registry} for user {user} failed - {message}{advice}"))
        }
        _ => error.into(),
    })?;
    let token = answer.get("IdentityToken").and_then(Json::as_str).filter(|token| !token.is_empty());
    let same = match token {
        Some(token) => text("identitytoken") == Some(token),
        None => same,
    };
    if same || context.check() {
        return Ok(done(!same));
    }
    if let Some(helper) = helper(&config, registry) {
        let (user, secret) = token.map_or((user.as_str(), password), |token| ("<token>", token));
        let entry = json!({"ServerURL": registry, "Username": user, "Secret": secret}).to_string();
        tell(helper, "store", &entry, context)?;
    } else {
        let mut entry = json!({"auth": STANDARD.encode(format!("{user}:{password}"))});
        if let Some(token) = token {
            entry = json!({"auth": STANDARD.encode(format!("{user}:")), "identitytoken": token});
        }
        let Some(map) = config.as_object_mut() else { return Err(malformed(&arguments.config_path, "no map")) };
        let logins = map.entry("auths").or_insert_with(|| json!({}));
        if !logins.is_object() {
            return Err(malformed(&arguments.config_path, "`auths` is no map"));
        }
        logins[registry] = entry;
        save(&arguments.config_path, &config)?;
    }
    Ok(done(true))
}

fn log_out(arguments: &Arguments, mut config: Json, context: &Context<'_>) -> Result<Outcome, Failure> {
    let registry = &arguments.registry_url;
    if let Some(helper) = helper(&config, registry) {
        let known = login(&config, registry, context).is_some();
        if known && !context.check() {
            tell(helper, "erase", registry, context)?;
        }
        return Ok(Outcome::new(known));
    }
    let logins = config.get_mut("auths").and_then(Json::as_object_mut);
    let known = logins.and_then(|logins| logins.remove(registry)).is_some();
    if known && !context.check() {
        save(&arguments.config_path, &config)?;
    }
    Ok(Outcome::new(known))
}

fn malformed(path: &Path, reason: impl std::fmt::Display) -> Failure {
    Failure::new(format!(
        "{}: this is no configuration of Docker's: {reason}; repair the file, or move it away",
        path.display()
    ))
}

fn read(path: &Path) -> Result<Json, Failure> {
    match std::fs::read(path) {
        Ok(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => Ok(json!({})),
        Ok(bytes) => match serde_json::from_slice::<Json>(&bytes) {
            Ok(config) if config.is_object() => Ok(config),
            Ok(_) => Err(malformed(path, "no map")),
            Err(error) => Err(malformed(path, error)),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(json!({})),
        Err(error) => Err(Failure::io("read", path, error)),
    }
}

/// Write the file for its user alone.
fn save(path: &Path, config: &Json) -> Result<(), Failure> {
    let path = write::resolve(path)?;
    let directory = write::parent(&path);
    if !directory.is_dir() {
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
        builder.create(directory).map_err(|error| Failure::io("create", directory, error))?;
    }
    let private = FileAttributes { mode: Some(Mode("0600".to_owned())), ..FileAttributes::blank() };
    let text = serde_json::to_string_pretty(config).map_err(|error| malformed(&path, error))?;
    write::replace(&path, text.as_bytes(), &private.resolve()?)
}

/// Let a credential program keep or forget a login.
fn tell(helper: &str, action: &str, input: &str, context: &Context<'_>) -> Result<(), Failure> {
    ask(helper, action, input, context).map(drop).map_err(|reason| {
        Failure::new(format!(
            "the credential program docker-credential-{helper} ({action}) failed: {reason}; install it, or take \
             `credsStore` and `credHelpers` out of the configuration"
        ))
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_file_is_its_users_alone_and_keeps_what_else_it_has() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/config.json");
        assert_eq!(read(&path).unwrap(), json!({}));
        save(&path, &json!({"z": 1, "auths": {}})).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap(), json!({"z": 1, "auths": {}}));
        std::fs::write(&path, "{").unwrap();
        assert!(read(&path).unwrap_err().message.contains("repair the file"));
        std::fs::write(&path, "[]").unwrap();
        assert!(read(&path).is_err());
    }
}

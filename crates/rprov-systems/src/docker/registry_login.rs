//! Logins for image registries, from `~/.docker/config.json` and its credential programs.
//!
//! Format: <https://docs.docker.com/reference/cli/docker/login/>.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value as Json, json};

use rprov_modules::context::Context;
use rprov_modules::process::Command;

/// The name under which `config.json` keeps the login for Docker Hub.
pub const HUB: &str = "https://index.docker.io/v1/";

/// Where the configuration is: `$DOCKER_CONFIG/config.json`, or `~/.docker/config.json`.
pub fn config_path(context: &Context<'_>) -> PathBuf {
    let of_task = context.options.environment.iter().rev().find(|(name, _)| name == "DOCKER_CONFIG");
    let directory = match of_task {
        Some((_, directory)) => Some(directory.into()),
        None => std::env::var_os("DOCKER_CONFIG"),
    };
    match directory.filter(|path| !path.is_empty()) {
        Some(directory) => Path::new(&directory).join("config.json"),
        None => rprov_modules::account::expand_path("~/.docker/config.json"),
    }
}

/// The value of the header `X-Registry-Auth` for a registry (`None` for Docker Hub); `None` where there is no login.
pub fn header(registry: Option<&str>, context: &Context<'_>) -> Option<String> {
    let config = read(&config_path(context))?;
    login(&config, registry.unwrap_or(HUB), context).map(|login| URL_SAFE.encode(login.to_string()))
}

/// The value of the header `X-Registry-Config`, all logins, for builds.
pub fn all_headers(context: &Context<'_>) -> Option<String> {
    let config = read(&config_path(context))?;
    let mut names: Vec<&String> = Vec::new();
    for section in ["auths", "credHelpers"] {
        names.extend(config.get(section).and_then(Json::as_object).into_iter().flat_map(|map| map.keys()));
    }
    let logins: serde_json::Map<String, Json> =
        names.into_iter().filter_map(|name| Some((name.clone(), login(&config, name, context)?))).collect();
    (!logins.is_empty()).then(|| URL_SAFE.encode(Json::Object(logins).to_string()))
}

fn read(path: &Path) -> Option<Json> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// The credential program that a configuration names for a registry.
pub fn helper<'a>(config: &'a Json, registry: &str) -> Option<&'a str> {
    config
        .get("credHelpers")
        .and_then(|helpers| helpers.get(registry))
        .or_else(|| config.get("credsStore"))
        .and_then(Json::as_str)
        .filter(|helper| !helper.is_empty())
}

/// The login that a configuration has for a registry.
pub fn login(config: &Json, registry: &str, context: &Context<'_>) -> Option<Json> {
    if let Some(found) = helper(config, registry).and_then(|helper| kept(helper, registry, context)) {
        return Some(found);
    }
    let wanted = host(registry);
    let (name, entry) =
        config.get("auths")?.as_object()?.iter().find(|(name, _)| *name == registry || host(name) == wanted)?;
    if let Some(token) = entry.get("identitytoken").and_then(Json::as_str).filter(|token| !token.is_empty()) {
        return Some(json!({"identitytoken": token, "serveraddress": name}));
    }
    let decoded = STANDARD.decode(entry.get("auth")?.as_str()?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(json!({"username": user, "password": password, "serveraddress": name}))
}

fn host(name: &str) -> &str {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    name.split('/').next().unwrap_or(name)
}

/// Let a credential program (`docker-credential-NAME`) do something; gives what it prints, or why it failed.
///
/// # Errors
/// The program is not there, or fails.
pub fn ask(helper: &str, action: &str, input: &str, context: &Context<'_>) -> Result<Vec<u8>, String> {
    if helper.contains('/') {
        return Err("its name has a slash".to_owned());
    }
    // What it needs to know goes to its standard input, where nobody else sees it.
    let command = Command::new(format!("docker-credential-{helper}")).arg(action).stdin(input);
    let output = command.run(context).map_err(|error| error.to_string())?;
    if output.success() {
        return Ok(output.stdout);
    }
    Err(format!("{} {}", output.stdout().trim(), output.stderr().trim()).trim().to_owned())
}

/// The login that a credential program keeps.
fn kept(helper: &str, registry: &str, context: &Context<'_>) -> Option<Json> {
    let answer: Json = serde_json::from_slice(&ask(helper, "get", registry, context).ok()?).ok()?;
    let user = answer.get("Username")?.as_str()?;
    let secret = answer.get("Secret")?.as_str()?;
    Some(match user {
        "<token>" => json!({"identitytoken": secret, "serveraddress": registry}),
        _ => json!({"username": user, "password": secret, "serveraddress": registry}),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use rprov_modules::context::{Cancel, Detached};
    use rprov_wire::Options;

    #[test]
    fn logins_are_found_by_host_with_and_without_a_scheme() {
        let config = json!({"auths": {
            "https://index.docker.io/v1/": {"auth": STANDARD.encode("me:pass:word")},
            "https://r.example.org": {"identitytoken": "t"},
            "empty.example.org": {},
        }});
        let context = Context { options: &Options::default(), transport: &Detached, cancel: &Cancel::default() };
        let login = |registry: &str| login(&config, registry, &context);
        let hub = login(HUB).unwrap();
        assert_eq!((hub["username"].as_str(), hub["password"].as_str()), (Some("me"), Some("pass:word")));
        assert_eq!(login("r.example.org").unwrap()["identitytoken"], "t");
        assert_eq!(login("empty.example.org"), None);
        assert_eq!(login("other.example.org"), None);
    }
}

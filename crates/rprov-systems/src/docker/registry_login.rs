//! Logins for image registries, from `~/.docker/config.json` and its credential programs.
//!
//! Format: <https://docs.docker.com/reference/cli/docker/login/>.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value as Json, json};

/// The name under which `config.json` keeps the login for Docker Hub.
pub const HUB: &str = "https://index.docker.io/v1/";

/// Where the configuration is: `$DOCKER_CONFIG/config.json`, or `~/.docker/config.json`.
pub fn config_path() -> PathBuf {
    match std::env::var_os("DOCKER_CONFIG").filter(|path| !path.is_empty()) {
        Some(directory) => Path::new(&directory).join("config.json"),
        None => rprov_modules::account::expand_path("~/.docker/config.json"),
    }
}

/// The value of the header `X-Registry-Auth` for a registry (`None` for Docker Hub); `None` where there is no login.
pub fn header(registry: Option<&str>) -> Option<String> {
    let config = read(&config_path())?;
    login(&config, registry.unwrap_or(HUB)).map(|login| URL_SAFE.encode(login.to_string()))
}

/// The value of the header `X-Registry-Config`, all logins, for builds.
pub fn all_headers() -> Option<String> {
    let config = read(&config_path())?;
    let mut names: Vec<&String> = Vec::new();
    for section in ["auths", "credHelpers"] {
        names.extend(config.get(section).and_then(Json::as_object).into_iter().flat_map(|map| map.keys()));
    }
    let logins: serde_json::Map<String, Json> =
        names.into_iter().filter_map(|name| Some((name.clone(), login(&config, name)?))).collect();
    (!logins.is_empty()).then(|| URL_SAFE.encode(Json::Object(logins).to_string()))
}

fn read(path: &Path) -> Option<Json> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// The login that a configuration has for a registry.
pub fn login(config: &Json, registry: &str) -> Option<Json> {
    let helper = config
        .get("credHelpers")
        .and_then(|helpers| helpers.get(registry))
        .or_else(|| config.get("credsStore"))
        .and_then(Json::as_str)
        .filter(|helper| !helper.is_empty());
    if let Some(found) = helper.and_then(|helper| ask(helper, registry)) {
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

/// Ask a credential program (`docker-credential-NAME get`).
fn ask(helper: &str, registry: &str) -> Option<Json> {
    if helper.contains('/') {
        return None;
    }
    let mut child = Command::new(format!("docker-credential-{helper}"))
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // Taken, so that it is closed before the program is waited for.
    child.stdin.take()?.write_all(registry.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    let answer: Json = serde_json::from_slice(&output.stdout).ok()?;
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

    #[test]
    fn logins_are_found_by_host_with_and_without_a_scheme() {
        let config = json!({"auths": {
            "https://index.docker.io/v1/": {"auth": STANDARD.encode("me:pass:word")},
            "https://r.example.org": {"identitytoken": "t"},
            "empty.example.org": {},
        }});
        let hub = login(&config, HUB).unwrap();
        assert_eq!((hub["username"].as_str(), hub["password"].as_str()), (Some("me"), Some("pass:word")));
        assert_eq!(login(&config, "r.example.org").unwrap()["identitytoken"], "t");
        assert_eq!(login(&config, "empty.example.org"), None);
        assert_eq!(login(&config, "other.example.org"), None);
    }
}

//! Galaxy servers: which roles (API v1) and collections (API v3) there are, in which versions, and where their files are.

use std::path::Path;

use serde_json::Value;

use super::build::checksum;
use super::fetch::{self, Way};
use super::requirement::without_password;
use super::version::{Range, Version};
use crate::connection::Password;
use crate::source::Diagnostic;

/// Pages of versions that are asked for at most.
const PAGES: usize = 200;

/// A server, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Server {
    /// What the settings call it; its URL where they do not.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// What it is asked with.
    pub token: Option<Password>,
}

/// A version of a collection on a server.
#[derive(Clone, Debug)]
pub struct Release {
    /// Its version.
    pub version: String,
    /// Where its archive is.
    pub download_url: String,
    /// Where the server tells of it.
    pub version_url: String,
    /// The server's API.
    pub server: String,
    /// The archive's checksum, where the server says so.
    sha256: Option<String>,
    token: Option<Password>,
}

impl Release {
    /// Download the archive, and compare its checksum.
    ///
    /// # Errors
    /// It cannot be had, or is not what the server said.
    pub fn download(&self, way: &Way, into: &Path) -> Result<(), Diagnostic> {
        let authorization = self.token.as_ref().filter(|_| origin(&self.download_url) == origin(&self.server));
        fetch::download(&self.download_url, authorization.map(header).as_deref(), way, into)?;
        match &self.sha256 {
            Some(expected) if checksum(into)? != *expected => Err(Diagnostic::error(format!(
                "what came from `{}` has another checksum than the server says",
                self.download_url
            ))
            .hint("try again; if it stays so, the server or the way to it cannot be trusted")),
            _ => Ok(()),
        }
    }
}

impl Server {
    /// Where a role's archive is, and which version that is: the one asked for, or the newest.
    ///
    /// # Errors
    /// No server has it, or none answers.
    pub fn role(servers: &[Self], name: &str, version: &str, way: &Way) -> Result<(String, String), Diagnostic> {
        let Some((namespace, short)) = name.split_once('.') else {
            return Err(Diagnostic::error(format!("`{name}` is no role on Galaxy: those are called `NAMESPACE.NAME`"))
                .hint(
                    "a role from elsewhere needs a source: `src:` with a git URL, an archive, or a path (`./NAME`)",
                ));
        };
        let encode = rprov_modules::http::encode;
        for server in servers {
            let api = server.api()?;
            let query = format!("{api}v1/roles/?owner__username={}&name={}", encode(namespace), encode(short));
            let Some(answer) = server.ask(&query, way)? else { continue };
            let Some(role) = answer.get("results").and_then(|results| results.get(0)) else { continue };
            let mut versions: Vec<&Value> = role
                .get("summary_fields")
                .and_then(|fields| fields.get("versions"))
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .collect();
            let listed;
            if let (true, Some(id)) = (versions.is_empty(), role.get("id")) {
                listed = server.ask(&format!("{api}v1/roles/{id}/versions/?page_size=50"), way)?;
                let results = listed.as_ref().and_then(|listed| listed.get("results")).and_then(Value::as_array);
                versions = results.into_iter().flatten().collect();
            }
            let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
            let chosen = if version.is_empty() {
                versions.iter().max_by_key(|known| text(known, "name").and_then(|name| Version::parse(&name)))
            } else {
                let found = versions.iter().find(|known| text(known, "name").as_deref() == Some(version));
                if found.is_none() && !versions.is_empty() {
                    let known: Vec<String> = versions.iter().filter_map(|known| text(known, "name")).collect();
                    return Err(Diagnostic::error(format!("{name} has no version {version} on {}", server.name))
                        .hint(format!("it has {}", known.join(", "))));
                }
                found
            };
            let branch = text(role, "github_branch").filter(|branch| !branch.is_empty());
            let version = match chosen.and_then(|chosen| text(chosen, "name")) {
                Some(name) => name,
                None if !version.is_empty() => version.to_owned(),
                None => branch.unwrap_or_else(|| "master".to_owned()),
            };
            if let Some(url) = chosen.and_then(|chosen| text(chosen, "download_url")).filter(|url| !url.is_empty()) {
                return Ok((absolute(&url, &api), version));
            }
            if let (Some(user), Some(repository)) = (text(role, "github_user"), text(role, "github_repo")) {
                return Ok((format!("https://github.com/{user}/{repository}/archive/{version}.tar.gz"), version));
            }
        }
        Err(none_has(servers, name))
    }

    /// The newest version of a collection (name, range, whether versions before a release count) that is allowed.
    ///
    /// # Errors
    /// No server has it, or none answers.
    pub fn collection(
        servers: &[Self],
        only: Option<&str>,
        (name, range, pre): (&str, &Range, bool),
        way: &Way,
    ) -> Result<Release, Diagnostic> {
        let given: Vec<Self>;
        let servers = match only {
            None => servers,
            Some(only) => {
                let known = servers.iter().find(|server| server.name == only || server.url == only);
                given = vec![known.cloned().unwrap_or_else(|| Self {
                    name: only.to_owned(),
                    url: only.to_owned(),
                    token: None,
                })];
                &given
            }
        };
        let path = name.replace('.', "/");
        for server in servers {
            let api = server.api()?;
            let mut next = Some(format!("{api}v3/collections/{path}/versions/?limit=100"));
            let mut versions = Vec::new();
            for _ in 0..PAGES {
                let Some(url) = next.take() else { break };
                let Some(answer) = server.ask(&url, way)? else { break };
                let data = answer.get("data").and_then(Value::as_array).into_iter().flatten();
                versions.extend(data.filter_map(|known| Version::parse(known.get("version")?.as_str()?)));
                let link = answer.get("links").and_then(|links| links.get("next")).and_then(Value::as_str);
                next = link.map(|link| absolute(link, &api));
            }
            if versions.is_empty() {
                continue;
            }
            versions.sort();
            let fitting = |known: &&Version| range.holds(known) && (pre || !known.is_prerelease());
            let Some(version) = versions.iter().rev().find(fitting) else {
                let known: Vec<String> = versions.iter().rev().take(8).map(Version::to_string).collect();
                return Err(Diagnostic::error(format!("{} has no version of {name} that is asked for", server.name))
                    .hint(format!("it has {}", known.join(", "))));
            };
            let version_url = format!("{api}v3/collections/{path}/versions/{version}/");
            let Some(release) = server.ask(&version_url, way)? else { continue };
            let Some(download) = release.get("download_url").and_then(Value::as_str) else {
                return Err(Diagnostic::error(format!("{} does not say where {name} {version} is", server.name)));
            };
            return Ok(Release {
                version: version.to_string(),
                download_url: absolute(download, &api),
                version_url,
                server: api,
                sha256: release.get("artifact").and_then(|file| file.get("sha256")?.as_str()).map(str::to_owned),
                token: server.token.clone(),
            });
        }
        Err(none_has(servers, name))
    }

    /// Where the API begins: `https://galaxy.ansible.com/api/`.
    fn api(&self) -> Result<String, Diagnostic> {
        if !self.url.starts_with("http://") && !self.url.starts_with("https://") {
            return Err(Diagnostic::error(format!("`{}` is no Galaxy server", self.url))
                .hint("write its URL, or its name in `server_list` of `ansible.cfg`"));
        }
        let url = self.url.trim_end_matches('/');
        Ok(if url.contains("/api") { format!("{url}/") } else { format!("{url}/api/") })
    }

    fn ask(&self, url: &str, way: &Way) -> Result<Option<Value>, Diagnostic> {
        // The token is the server's own, and nobody else's.
        let token = self.token.as_ref().filter(|_| origin(url) == origin(&self.url));
        fetch::json(url, token.map(header).as_deref(), way)
    }
}

fn header(token: &Password) -> String {
    format!("Token {}", token.expose())
}

fn none_has(servers: &[Server], name: &str) -> Diagnostic {
    let names: Vec<String> = servers.iter().map(|server| without_password(&server.name)).collect();
    Diagnostic::error(format!("{name} is not on {}", names.join(", ")))
        .hint("check its name; from elsewhere it needs a source: `git+URL`, an archive's URL, or a path")
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find('/').unwrap_or(rest.len());
    let skipped = url.len() - rest.len();
    url.get(..skipped + end).unwrap_or(url)
}

/// A link of the server, which may leave out the server's own name.
fn absolute(link: &str, api: &str) -> String {
    if link.starts_with('/') { format!("{}{link}", origin(api)) } else { link.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_without_a_host_are_the_servers() {
        assert_eq!(absolute("/api/v3/x", "https://example.org:8443/api/"), "https://example.org:8443/api/v3/x");
        assert_eq!(absolute("https://other/x", "https://example.org/api/"), "https://other/x");
        assert_eq!(origin("http://h"), "http://h");
    }
}

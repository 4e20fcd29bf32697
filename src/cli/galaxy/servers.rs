//! Flags and settings of Galaxy's servers.

use std::time::Duration;

use clap::Args;

use crate::cli::config::galaxy_servers;
use crate::cli::stop::Stop;
use crate::config::{Config, Setting};
use crate::connection::Password;
use crate::galaxy::fetch::Way;
use crate::galaxy::server::Server;
use crate::source::Diagnostic;

/// Which server, and how it is spoken to.
#[derive(Args, Debug)]
pub(super) struct ServerFlags {
    /// Galaxy server: its URL, or its name in the settings
    #[arg(short, long, value_name = "URL")]
    server: Option<String>,
    /// Token for the server
    #[arg(long, visible_alias = "api-key", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Do not check the certificates of servers
    #[arg(short = 'c', long)]
    ignore_certs: bool,
    /// Seconds that a server may be silent
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

impl ServerFlags {
    /// How servers are spoken to.
    pub(super) fn way(&self, config: &Config) -> Way {
        let set = config.int(Setting::GalaxyServerTimeout).and_then(|seconds| u64::try_from(seconds).ok());
        Way {
            validate: !(self.ignore_certs || config.bool(Setting::GalaxyIgnoreCerts)),
            timeout: Duration::from_secs(self.timeout.or(set).unwrap_or(60)),
        }
    }

    /// The servers to ask, in order.
    ///
    /// # Errors
    /// A server of the settings has no URL, or wants what cannot be given.
    pub(super) fn servers(&self, config: &Config) -> Result<Vec<Server>, Stop> {
        let mut known = Vec::new();
        for set in galaxy_servers(config) {
            let of = |name: &str| set.options.iter().find(|option| option.name == name).map(|option| &option.value);
            let text = |name: &str| of(name).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty());
            if text("auth_url").is_some() || text("username").is_some() {
                return Err(Stop::options(
                    Diagnostic::error(format!("the Galaxy server `{}` wants to be logged in to", set.name))
                        .hint("rprov speaks to servers with a `token` alone; take `auth_url` and `username` away, or leave the server out of `server_list`"),
                ));
            }
            let Some(url) = text("url") else {
                return Err(Stop::options(
                    Diagnostic::error(format!("the Galaxy server `{}` has no URL", set.name))
                        .hint(format!("set `url` in the section `galaxy_server.{}` of ansible.cfg", set.name)),
                ));
            };
            let token = self.token.as_deref().or(text("token")).map(Password::new);
            known.push(Server { name: set.name.to_owned(), url: url.to_owned(), token });
        }
        if let Some(wanted) = &self.server {
            let found = known.iter().find(|server| server.name == *wanted).cloned();
            return Ok(vec![found.unwrap_or_else(|| self.unnamed(wanted, config))]);
        }
        if known.is_empty() {
            known.push(
                self.unnamed(config.string(Setting::GalaxyServer).unwrap_or("https://galaxy.ansible.com"), config),
            );
        }
        Ok(known)
    }

    fn unnamed(&self, url: &str, config: &Config) -> Server {
        let kept = || {
            let text = std::fs::read_to_string(config.path_of(Setting::GalaxyTokenPath)?).ok()?;
            let line = text.lines().find_map(|line| line.trim().strip_prefix("token:"))?;
            Some(line.trim().trim_matches(['"', '\'']).to_owned()).filter(|token| !token.is_empty() && token != "null")
        };
        let token = self.token.clone().or_else(kept).map(Password::new);
        Server { name: url.to_owned(), url: url.to_owned(), token }
    }
}

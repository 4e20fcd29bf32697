//! The servers of `ansible-galaxy` as `ansible-config` knows them: `server_list` of the section `galaxy`, and a section or
//! environment variables for each.

use serde_json::{Value, json};

use crate::config::{Config, Setting};

/// What can be set for a server, in Ansible's order.
pub(super) const OPTIONS: [&str; 10] = [
    "url",
    "username",
    "password",
    "token",
    "auth_url",
    "api_version",
    "validate_certs",
    "client_id",
    "client_secret",
    "timeout",
];

/// A server, and what is set for it.
pub(in crate::cli) struct Server<'a> {
    pub(in crate::cli) name: &'a str,
    pub(in crate::cli) options: Vec<Choice>,
}

/// One option of a server.
pub(in crate::cli) struct Choice {
    pub(in crate::cli) name: &'static str,
    pub(in crate::cli) value: Value,
    pub(in crate::cli) origin: String,
}

impl Choice {
    pub(super) fn is_set(&self) -> bool {
        self.origin != "default"
    }
}

/// The section of a server in `ansible.cfg`.
pub(super) fn section(server: &str) -> String {
    format!("galaxy_server.{server}")
}

/// The environment variable of a server's option.
pub(super) fn variable(server: &str, option: &str) -> String {
    format!("ANSIBLE_GALAXY_SERVER_{}_{}", server.to_uppercase(), option.to_uppercase())
}

/// The servers in the order of the list.
pub(in crate::cli) fn servers(config: &Config) -> Vec<Server<'_>> {
    let file = config.path().map(|path| path.display().to_string()).unwrap_or_default();
    let choice = |server: &str, name: &'static str| {
        let variable = variable(server, name);
        if let Ok(text) = std::env::var(&variable) {
            return Choice { name, value: typed(name, &text), origin: format!("env: {variable}") };
        }
        match config.raw(&section(server), name) {
            Some(text) => Choice { name, value: typed(name, text), origin: file.clone() },
            None => {
                let value = match name {
                    "timeout" => config.value(Setting::GalaxyServerTimeout).to_json(),
                    _ => Value::Null,
                };
                Choice { name, value, origin: "default".to_owned() }
            }
        }
    };
    let names = config.list(Setting::GalaxyServerList).iter().filter(|name| !name.is_empty());
    names.map(|name| Server { name, options: OPTIONS.map(|option| choice(name, option)).into() }).collect()
}

fn typed(option: &str, text: &str) -> Value {
    let text = text.trim();
    match option {
        "timeout" => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
        "validate_certs" => rprov_modules::argument::boolean(text).map_or_else(|| json!(text), |flag| json!(flag)),
        _ => json!(text),
    }
}

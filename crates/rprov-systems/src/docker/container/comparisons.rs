//! How the options of a container are compared (`comparisons`).

use indexmap::IndexMap;

use super::arguments::Arguments;
use crate::docker::compare::{Comparison, Shape};
use rprov_modules::argument::closest;
use rprov_modules::outcome::Failure;

/// How each option is compared.
#[derive(Clone, Debug, Default)]
pub struct Comparisons {
    explicit: IndexMap<String, Comparison>,
    all: Option<Comparison>,
}

/// What `comparisons` can name: every option that is a property, and its shape.
const COMPARABLE: &[(&str, Shape)] = &[
    ("auto_remove", Shape::Value),
    ("blkio_weight", Shape::Value),
    ("capabilities", Shape::Set),
    ("cap_drop", Shape::Set),
    ("cgroup_parent", Shape::Value),
    ("cgroupns_mode", Shape::Value),
    ("command", Shape::List),
    ("cpu_period", Shape::Value),
    ("cpu_quota", Shape::Value),
    ("cpus", Shape::Value),
    ("cpuset_cpus", Shape::Value),
    ("cpuset_mems", Shape::Value),
    ("cpu_shares", Shape::Value),
    ("detach", Shape::Value),
    ("devices", Shape::Records),
    ("device_read_bps", Shape::Records),
    ("device_read_iops", Shape::Records),
    ("device_write_bps", Shape::Records),
    ("device_write_iops", Shape::Records),
    ("device_requests", Shape::Records),
    ("device_cgroup_rules", Shape::List),
    ("dns_opts", Shape::Set),
    ("dns_servers", Shape::List),
    ("dns_search_domains", Shape::List),
    ("domainname", Shape::Value),
    ("env", Shape::Set),
    ("entrypoint", Shape::List),
    ("etc_hosts", Shape::Set),
    ("exposed_ports", Shape::Map),
    ("groups", Shape::Set),
    ("healthcheck", Shape::Map),
    ("hostname", Shape::Value),
    ("image", Shape::Value),
    ("init", Shape::Value),
    ("interactive", Shape::Value),
    ("ipc_mode", Shape::Value),
    ("kernel_memory", Shape::Value),
    ("labels", Shape::Map),
    ("links", Shape::Set),
    ("log_driver", Shape::Value),
    ("log_options", Shape::Map),
    ("mac_address", Shape::Value),
    ("memory", Shape::Value),
    ("memory_reservation", Shape::Value),
    ("memory_swap", Shape::Value),
    ("memory_swappiness", Shape::Value),
    ("mounts", Shape::Records),
    ("network_mode", Shape::Value),
    ("networks", Shape::Records),
    ("oom_killer", Shape::Value),
    ("oom_score_adj", Shape::Value),
    ("pid_mode", Shape::Value),
    ("pids_limit", Shape::Value),
    ("platform", Shape::Value),
    ("privileged", Shape::Value),
    ("publish_all_ports", Shape::Value),
    ("published_ports", Shape::Map),
    ("read_only", Shape::Value),
    ("restart_policy", Shape::Value),
    ("restart_retries", Shape::Value),
    ("runtime", Shape::Value),
    ("security_opts", Shape::Set),
    ("shm_size", Shape::Value),
    ("stop_signal", Shape::Value),
    ("stop_timeout", Shape::Value),
    ("storage_opts", Shape::Map),
    ("sysctls", Shape::Map),
    ("tmpfs", Shape::Map),
    ("tty", Shape::Value),
    ("ulimits", Shape::Records),
    ("user", Shape::Value),
    ("userns_mode", Shape::Value),
    ("uts", Shape::Value),
    ("volume_driver", Shape::Value),
    ("volumes", Shape::Set),
    ("volumes_from", Shape::Set),
    ("working_dir", Shape::Value),
];

impl Comparisons {
    /// Read the option `comparisons`, and `purge_networks` with it.
    ///
    /// # Errors
    /// An option is unknown, or cannot be compared in that way.
    pub fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let mut comparisons = Comparisons::default();
        for (name, value) in arguments.comparisons.iter().flatten() {
            let word = value.as_str().unwrap_or_default();
            let comparison =
                [Comparison::Ignore, Comparison::Strict, Comparison::AllowMorePresent]
                    .into_iter()
                    .find(|comparison| comparison.word() == word)
                    .ok_or_else(|| {
                        Failure::new(format!(
                            "Unknown comparison mode '{value}' for '{name}'; there are ignore, strict and allow_more_present"
                        ))
                    })?;
            if name == "*" {
                if comparison == Comparison::AllowMorePresent {
                    return Err(Failure::new(
                        "The wildcard can only be used with comparison modes 'strict' and 'ignore'!",
                    ));
                }
                comparisons.all = Some(comparison);
                continue;
            }
            let canonical = match name.as_str() {
                "exposed" | "expose" => "exposed_ports",
                "ports" => "published_ports",
                "log_opt" => "log_options",
                "env_file" => "env",
                name => name,
            };
            let Some((_, shape)) = COMPARABLE.iter().find(|(option, _)| *option == canonical) else {
                let meant = closest(name, COMPARABLE.iter().map(|(option, _)| *option));
                let hint = meant.map(|option| format!("; did you mean `{option}`?")).unwrap_or_default();
                return Err(Failure::new(format!("Unknown module option '{name}' in comparisons dict!{hint}")));
            };
            if !shape.allows(comparison) {
                return Err(Failure::new(format!(
                    "Option '{name}' is a value and not a set/list/dict, so its comparison cannot be {word}"
                )));
            }
            comparisons.explicit.insert(canonical.to_owned(), comparison);
        }
        if arguments.purge_networks {
            comparisons.explicit.insert("networks".to_owned(), Comparison::Strict);
        }
        Ok(comparisons)
    }

    /// How an option is compared.
    pub fn of(&self, option: &str, shape: Shape) -> Comparison {
        if let Some(comparison) = self.explicit.get(option) {
            return *comparison;
        }
        match (option, self.all) {
            // It is what the daemon does on its next stop, and no reason to make a container anew.
            ("stop_timeout", None) => Comparison::Ignore,
            // `*: strict` must not disconnect networks; only `networks: strict` does.
            ("networks", Some(Comparison::Strict)) => Comparison::AllowMorePresent,
            (_, Some(comparison)) => comparison,
            (_, None) => shape.default_comparison(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use rprov_wire::Value;
    use serde_json::{Value as Json, json};

    use super::*;
    use rprov_modules::argument::Arguments as _;

    #[test]
    fn comparisons_are_checked() {
        let message = |comparisons: Json| {
            let options = Value::from_json(&json!({"name": "c", "comparisons": comparisons}));
            Comparisons::new(&Arguments::decode(options.as_map().unwrap()).unwrap()).unwrap_err().message
        };
        assert!(message(json!({"lables": "strict"})).contains("did you mean `labels`"));
        assert!(message(json!({"user": "allow_more_present"})).contains("is a value"));
        assert!(message(json!({"*": "allow_more_present"})).contains("wildcard"));
        assert!(message(json!({"env": "exact"})).contains("Unknown comparison mode"));
    }
}

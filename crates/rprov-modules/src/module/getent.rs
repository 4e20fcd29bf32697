//! `getent`: asks the host's databases.

use rprov_wire::{Map, Value};

use crate::arguments;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;

arguments! {
    /// A wrapper to the unix getent utility.
    pub struct Arguments {
        /// The database: `passwd`, `group`, `hosts` ...
        database: String,
        /// The entry to look for; without, all are returned.
        key: Option<String>,
        /// Only ask this service.
        service: Option<String>,
        /// What separates the fields of an entry.
        split: Option<String>,
        /// Fail where the key is not found.
        fail_key: bool = true,
    }
}

/// Look it up.
///
/// # Errors
/// The database is unknown, or has no such key.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let mut command = Command::new("getent").plain_locale();
    if let Some(service) = &arguments.service {
        command = command.args(["-s", service]);
    }
    command = command.arg("--").arg(&arguments.database);
    if let Some(key) = &arguments.key {
        command = command.arg(key);
    }
    let separator = arguments.split.as_deref().or(match arguments.database.as_str() {
        "passwd" | "shadow" | "group" | "gshadow" => Some(":"),
        _ => None,
    });
    let output = command.run(context)?;
    let name = format!("getent_{}", arguments.database);
    let facts = |entries: Map| Value::from_iter([(name.as_str(), entries)]);
    match output.rc {
        0 => {
            let mut entries = Map::new();
            for line in output.stdout().lines() {
                let mut fields: Vec<String> = match separator {
                    Some(separator) => line.split(separator).map(str::to_owned).collect(),
                    None => line.split_whitespace().map(str::to_owned).collect(),
                };
                if fields.is_empty() {
                    continue;
                }
                let key = fields.remove(0);
                // Several lines for one key (hosts, services) become a list of lists.
                let value = Value::from(fields);
                match entries.get_mut(&key) {
                    None => {
                        entries.insert(key, value);
                    }
                    Some(Value::List(items)) if items.first().is_some_and(|item| item.as_list().is_some()) => {
                        items.push(value)
                    }
                    Some(present) => *present = Value::List(vec![present.clone(), value]),
                }
            }
            Ok(Outcome::unchanged().with("ansible_facts", facts(entries)))
        }
        1 => Err(Failure::new(format!("Missing arguments, or database unknown: {}.", arguments.database))),
        2 => {
            let message = "One or more supplied key could not be found in the database.";
            if arguments.fail_key {
                return Err(Failure::new(message));
            }
            let key = arguments.key.clone().unwrap_or_default();
            Ok(Outcome::unchanged()
                .with("msg", message)
                .with("ansible_facts", facts(Map::from_iter([(key, Value::Null)]))))
        }
        3 => Err(Failure::new(format!("Enumeration not supported on this database: {}.", arguments.database))),
        _ => Err(output.failure("Unexpected failure!")),
    }
}

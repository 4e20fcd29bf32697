//! `group`: groups of users.

use crate::account;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;
use crate::program::find_program;
use crate::{arguments, choices};

choices! {
    /// Whether the group is to exist.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Add or remove groups.
    pub struct Arguments {
        /// The group's name.
        name: String,
        /// Its number.
        gid: Option<u32>,
        /// Whether it is to exist.
        state: State = State::Present,
        /// Give it a number of the range for system groups.
        system: bool = false,
        /// Look at `/etc/group` alone, and change only that.
        local: bool = false,
        /// Allow a number that another group has.
        non_unique: bool = false,
        /// Remove it although it is some user's primary group.
        force: bool = false,
        /// Lowest number to choose from.
        gid_min: Option<u32>,
        /// Highest number to choose from.
        gid_max: Option<u32>,
    }
    rules: [crate::argument::Rule::If("non_unique", "true", &["gid"])],
}

/// Bring the group to its state.
///
/// # Errors
/// The tools refuse: the number is taken, the group is in use, and so on.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = arguments.name.as_str();
    let find = || {
        if arguments.local {
            account::groups().into_iter().find(|group| group.name == name)
        } else {
            account::group_by_name(name)
        }
    };
    let existing = find();
    let described = |changed: bool| Outcome::new(changed).with("name", name).with("state", arguments.state.word());
    if arguments.state == State::Absent {
        let Some(group) = existing else { return Ok(described(false)) };
        if context.check() {
            return Ok(Outcome::new(true));
        }
        let users: Vec<String> =
            account::users().into_iter().filter(|user| user.gid == group.gid).map(|user| user.name).collect();
        let command = match find_program("groupdel", context) {
            Some(program) if arguments.force && !users.is_empty() => Command::new(program).arg("-f"),
            Some(program) => Command::new(program),
            None => Command::new("delgroup"),
        };
        command.arg(name).run_or_fail(&format!("could not remove the group {name}"), context)?;
        return Ok(described(true));
    }
    let mut changed = false;
    match &existing {
        None => {
            if context.check() {
                return Ok(Outcome::new(true));
            }
            let attempt = format!("could not add the group {name}");
            if let Some(program) = find_program("groupadd", context) {
                let mut command = Command::new(program);
                if let Some(gid) = arguments.gid {
                    command = command.args(["-g".to_owned(), gid.to_string()]);
                    if arguments.non_unique {
                        command = command.arg("-o");
                    }
                }
                if arguments.system {
                    command = command.arg("-r");
                }
                for (key, value) in [("GID_MIN", arguments.gid_min), ("GID_MAX", arguments.gid_max)] {
                    if let Some(value) = value {
                        command = command.args(["-K".to_owned(), format!("{key}={value}")]);
                    }
                }
                command.arg(name).run_or_fail(&attempt, context)?;
            } else {
                let mut command = Command::new("addgroup");
                if let Some(gid) = arguments.gid {
                    command = command.args(["-g".to_owned(), gid.to_string()]);
                }
                if arguments.system {
                    command = command.arg("-S");
                }
                command.arg(name).run_or_fail(&attempt, context)?;
            }
            changed = true;
        }
        Some(group) => {
            if let Some(gid) = arguments.gid.filter(|gid| *gid != group.gid) {
                if context.check() {
                    let outcome = described(true).with("gid", group.gid).with("system", arguments.system);
                    return Ok(outcome);
                }
                let mut command = Command::new("groupmod").args(["-g".to_owned(), gid.to_string()]);
                if arguments.non_unique {
                    command = command.arg("-o");
                }
                command.arg(name).run_or_fail(&format!("could not change the group {name} to gid {gid}"), context)?;
                changed = true;
            }
        }
    }
    let group = find().ok_or_else(|| Failure::new(format!("the group {name} was added but cannot be found")))?;
    Ok(Outcome::new(changed)
        .with("gid", group.gid)
        .with("name", name)
        .with("state", "present")
        .with("system", arguments.system))
}

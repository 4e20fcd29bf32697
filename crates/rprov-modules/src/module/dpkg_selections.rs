//! `dpkg_selections`: what dpkg is to do with a package: keep it, hold it at its version, or remove it.

use crate::context::Context;
use crate::dpkg::{self, lock};
use crate::outcome::{Diff, Failure, Outcome};
use crate::process::Command;
use crate::{arguments, choices};

choices! {
    /// What dpkg is to do.
    pub enum Selection { Install = "install", Hold = "hold", Deinstall = "deinstall", Purge = "purge" }
}

arguments! {
    /// Dpkg package selection selections.
    pub struct Arguments {
        /// The package.
        name: String,
        /// What dpkg is to do with it.
        selection: Selection,
    }
}

/// Compare with dpkg's database, and set.
///
/// # Errors
/// dpkg does not know the package, or another program keeps it locked.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let (name, wanted) = (arguments.name.as_str(), arguments.selection.word());
    let status = dpkg::Status::read()?;
    let Some(package) = status.find(name) else {
        return Err(Failure::new(format!("Failed to find package '{name}' to perform selection '{wanted}'.")));
    };
    let [before, _, _] = &package.state;
    let changed = before != wanted;
    if changed && !context.check() {
        lock::wait("Failed to lock dpkg", &[lock::FRONTEND, lock::DATABASE], lock::Limit::USUAL, context)?;
        Command::new("dpkg")
            .arg("--set-selections")
            .stdin(format!("{name} {wanted}\n"))
            .run_or_fail(&format!("could not set the selection of {name}"), context)?;
    }
    let outcome = Outcome::new(changed).with("before", before.as_str()).with("after", wanted);
    let side = |word: &str| format!("{name} {word}\n");
    Ok(if changed { outcome.with_diff(Diff::text("selections", side(before), side(wanted))) } else { outcome })
}

//! `package_facts`: what is installed.

use rprov_wire::{Map, Value};

use crate::context::Context;
use crate::dpkg::Status;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;
use crate::program::find_program;
use crate::{arguments, choices};

choices! {
    /// What to do where several package managers are asked for.
    pub enum Strategy { First = "first", All = "all" }
}

choices! {
    /// A package manager, by one of its names.
    pub enum Manager {
        Auto = "auto", Apt = "apt", Rpm = "rpm", Dnf = "dnf", Dnf5 = "dnf5", Yum = "yum", Zypper = "zypper", Apk = "apk",
        Pacman = "pacman",
    }
}

arguments! {
    /// Package information as facts.
    pub struct Arguments {
        /// The package managers to ask: `auto`, `apt`, `rpm` (and `dnf`, `yum`, `zypper`), `apk`, `pacman`.
        manager: Vec<Manager> = vec![Manager::Auto],
        /// Ask the first that is there, or all.
        strategy: Strategy = Strategy::First,
    }
}

fn add(packages: &mut Map, name: &str, entry: Value) {
    if let Value::List(entries) = packages.entry(name.to_owned()).or_insert_with(|| Value::List(Vec::new())) {
        entries.push(entry);
    }
}

fn apt(packages: &mut Map) -> Result<(), Failure> {
    let status = Status::read()?;
    let mut all: Vec<_> = status.all().filter(|package| package.is_installed()).collect();
    all.sort_by(|left, right| left.name.cmp(&right.name));
    for package in all {
        let entry = Value::from_iter([
            ("name", package.name.as_str()),
            ("version", &package.version),
            ("arch", &package.architecture),
            ("category", &package.section),
            ("origin", &package.origin),
            ("source", "apt"),
        ]);
        add(packages, &package.name, entry);
    }
    Ok(())
}

fn rpm(packages: &mut Map, context: &Context<'_>) -> Result<(), Failure> {
    let format = "%{NAME}\\t%{VERSION}\\t%{RELEASE}\\t%{EPOCHNUM}\\t%{EPOCH}\\t%{ARCH}\\n";
    let output =
        Command::new("rpm").args(["-qa", "--qf", format]).run_or_fail("could not list the packages", context)?;
    for line in output.stdout().lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, version, release, epoch, shown, arch] = fields.as_slice() else { continue };
        let epoch = if *shown == "(none)" { Value::Null } else { epoch.parse::<i64>().map_or(Value::Null, Value::Int) };
        let entry = Value::from_iter([
            ("name", Value::from(*name)),
            ("version", Value::from(*version)),
            ("release", Value::from(*release)),
            ("epoch", epoch),
            ("arch", if *arch == "(none)" { Value::Null } else { Value::from(*arch) }),
            ("source", Value::from("rpm")),
        ]);
        add(packages, name, entry);
    }
    Ok(())
}

fn lines(
    packages: &mut Map,
    program: &str,
    words: &[&str],
    source: &str,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let output =
        Command::new(program).args(words.iter().copied()).run_or_fail("could not list the packages", context)?;
    for line in output.stdout().lines() {
        let found = if source == "pacman" {
            line.split_once(' ').map(|(name, version)| (name, version.to_owned()))
        } else {
            // name-version-rN
            let mut parts = line.rsplitn(3, '-');
            match (parts.next(), parts.next(), parts.next()) {
                (Some(revision), Some(version), Some(name)) => Some((name, format!("{version}-{revision}"))),
                _ => None,
            }
        };
        let Some((name, version)) = found else { continue };
        let entry = Value::from_iter([
            ("name", Value::from(name)),
            ("version", Value::from(version)),
            ("release", Value::Null),
            ("epoch", Value::Null),
            ("arch", Value::Null),
            ("source", Value::from(source)),
        ]);
        add(packages, name, entry);
    }
    Ok(())
}

/// List the packages.
///
/// # Errors
/// None of the package managers asked for is there.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let wanted = arguments.manager.iter().flat_map(|manager| match manager {
        Manager::Auto => ["apt", "rpm", "apk", "pacman"].as_slice(),
        Manager::Apt => &["apt"],
        Manager::Rpm | Manager::Dnf | Manager::Dnf5 | Manager::Yum | Manager::Zypper => &["rpm"],
        Manager::Apk => &["apk"],
        Manager::Pacman => &["pacman"],
    });
    let mut packages = Map::new();
    let mut found = false;
    for manager in wanted {
        match *manager {
            "apt" if std::path::Path::new("/var/lib/dpkg/status").exists() => apt(&mut packages)?,
            "rpm" if find_program("rpm", context).is_some() => rpm(&mut packages, context)?,
            "apk" if find_program("apk", context).is_some() => {
                lines(&mut packages, "apk", &["info", "-v"], "apk", context)?
            }
            "pacman" if find_program("pacman", context).is_some() => {
                lines(&mut packages, "pacman", &["-Q"], "pacman", context)?
            }
            _ => continue,
        }
        found = true;
        if arguments.strategy == Strategy::First {
            break;
        }
    }
    if !found {
        return Err(Failure::new(
            "Could not detect a supported package manager from the following list: apt, rpm, apk, pacman",
        ));
    }
    Ok(Outcome::unchanged().with("ansible_facts", Value::from_iter([("packages", packages)])))
}

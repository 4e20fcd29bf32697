//! `package`: packages by whatever package manager the host has.

use rprov_wire::{Map, Value};

use super::{apt, dnf};
use crate::argument::{ArgumentProblem, Arguments as _, Raw, Spec};
use crate::arguments;
use crate::context::Context;
use crate::fact::distribution;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;

/// The arguments: the module's own, and those that only the package manager's module knows.
pub struct Arguments {
    own: Own,
    all: Map,
}

impl crate::argument::Arguments for Arguments {
    const SPEC: Spec = Spec { open: true, ..Own::SPEC };

    fn decode(arguments: &Map) -> Result<Self, ArgumentProblem> {
        Ok(Self { own: Own::decode(arguments)?, all: arguments.clone() })
    }
}

arguments! {
    /// Generic OS package manager. All other options go to the package manager's own module.
    struct Own {
        /// The packages.
        name: Raw,
        /// `present`, `absent`, `latest`, or what else the manager's own module knows.
        state: String,
        /// The package manager; found out where it is `auto`.
        r#use: String = "auto".to_owned(),
    }
}

/// How a package manager without a module of its own is driven.
struct Manager {
    program: &'static str,
    is_installed: &'static [&'static str],
    install: &'static [&'static str],
    latest: &'static [&'static str],
    remove: &'static [&'static str],
    simulate: Option<&'static str>,
    /// Said where nothing was done.
    idle: &'static [&'static str],
}

fn manager(name: &str) -> Option<Manager> {
    const RPM: &[&str] = &["rpm", "-q", "--whatprovides"];
    const RPM_IDLE: &[&str] = &["Nothing to do"];
    Some(match name {
        "zypper" => Manager {
            program: "zypper",
            is_installed: RPM,
            install: &["--non-interactive", "install"],
            latest: &["--non-interactive", "update"],
            remove: &["--non-interactive", "remove"],
            simulate: Some("--dry-run"),
            idle: RPM_IDLE,
        },
        "apk" => Manager {
            program: "apk",
            is_installed: &["apk", "info", "-e"],
            install: &["add"],
            latest: &["add", "--upgrade"],
            remove: &["del"],
            simulate: Some("--simulate"),
            idle: &[],
        },
        "pacman" => Manager {
            program: "pacman",
            is_installed: &["pacman", "-Q"],
            install: &["--noconfirm", "--needed", "-S"],
            latest: &["--noconfirm", "--needed", "-Sy"],
            remove: &["--noconfirm", "-R"],
            simulate: Some("--print"),
            idle: &["there is nothing to do"],
        },
        _ => return None,
    })
}

/// Let the package manager's own module do it.
fn hand_over<A: crate::argument::Arguments>(
    name: &str,
    mut arguments: Map,
    context: &Context<'_>,
    run: fn(A, &Context<'_>) -> Result<Outcome, Failure>,
) -> Result<Outcome, Failure> {
    arguments.shift_remove("use");
    match A::SPEC.check(name, &arguments, |_| false).into_iter().next() {
        Some(problem) => Err(problem.into()),
        None => run(A::decode(&arguments)?, context),
    }
}

/// Bring the packages to their state.
///
/// # Errors
/// The package manager is unknown, or refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let Arguments { own: arguments, all } = arguments;
    let name = match arguments.r#use.rsplit('.').next().unwrap_or("auto") {
        "auto" => distribution::package_manager().to_owned(),
        name => name.to_owned(),
    };
    match name.as_str() {
        "apt" => return hand_over::<apt::Arguments>("apt", all, context, apt::run),
        "dnf5" => return hand_over::<dnf::Arguments>("dnf5", all, context, super::dnf5::run),
        "dnf" | "yum" | "dnf4" | "yum4" => return hand_over::<dnf::Arguments>("dnf", all, context, dnf::run),
        _ => {}
    }
    let known = Own::SPEC;
    if let Some(problem) = known.check(&name, &all, |_| false).into_iter().next() {
        return Err(problem.into());
    }
    let Some(manager) = manager(&name) else {
        return Err(Failure::new(format!(
            "Could not find a matching action for the \"{name}\" package manager; this program knows apt, dnf, yum, zypper, apk and pacman"
        )));
    };
    let names: Vec<String> = match &arguments.name.0 {
        Value::List(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        Value::String(text) => {
            text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        }
        other => {
            return Err(Failure::new(format!("name is a {}, not a package or a list of packages", other.type_name())));
        }
    };
    let installed = |package: &str| -> Result<bool, Failure> {
        let [program, words @ ..] = manager.is_installed else { return Ok(false) };
        Ok(Command::new(*program).args(words.iter().copied()).arg(package).plain_locale().run(context)?.success())
    };
    let (verb, needed): (&[&str], Vec<String>) = match arguments.state.as_str() {
        "present" | "installed" => {
            let mut needed = Vec::new();
            for name in names {
                if !installed(&name)? {
                    needed.push(name);
                }
            }
            (manager.install, needed)
        }
        "absent" | "removed" => {
            let mut needed = Vec::new();
            for name in names {
                if installed(&name)? {
                    needed.push(name);
                }
            }
            (manager.remove, needed)
        }
        "latest" => (manager.latest, names),
        other => {
            return Err(Failure::new(format!("value of state must be one of: present, absent, latest, got: {other}")));
        }
    };
    if needed.is_empty() {
        return Ok(Outcome::unchanged().with("msg", "Nothing to do").with("rc", 0));
    }
    let mut command = Command::new(manager.program).args(verb.iter().copied()).plain_locale().live();
    if context.check() {
        command = command.args(manager.simulate);
    }
    let output = command.args(&needed).run(context)?;
    let stdout = output.stdout();
    if !output.success() {
        return Err(output.failure(&format!("could not bring {} to state {}", needed.join(", "), arguments.state)));
    }
    let idle = manager.idle.iter().any(|sign| stdout.contains(sign) || output.stderr().contains(sign))
        || (manager.program == "apk" && !stdout.lines().any(|line| line.starts_with('(')));
    Ok(Outcome::new(!idle).with("rc", output.rc).with("stdout", stdout).with("stderr", output.stderr()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rprov_wire::Options;
    use serde_json::json;

    use super::*;
    use crate::context::{Cancel, Detached};

    /// Answers as apk does, and keeps a file for each package that is installed.
    const APK: &str = r#"#!/bin/sh
cd "${0%/*}/installed" || exit 9
simulate=
for word; do [ "$word" = --simulate ] && simulate=yes; done
case $1 in
info) [ -e "$3" ] ;;
add)
    for name; do
        case $name in add|--*) continue ;; missing) echo "ERROR: unable to select packages:" >&2; exit 1 ;; esac
        [ -e "$name" ] && continue
        echo "(1/1) Installing $name (1.0-r0)"
        [ "$simulate" ] || : >"$name"
    done
    echo "OK: 9 MiB in 20 packages" ;;
del)
    for name; do
        [ -e "$name" ] || continue
        echo "(1/1) Purging $name (1.0-r0)"
        [ "$simulate" ] || rm "$name"
    done
    echo "OK: 8 MiB in 19 packages" ;;
esac
"#;

    #[test]
    fn apk_is_asked_first_and_told_only_what_is_missing() {
        let tree = tempfile::tempdir().unwrap();
        let program = tree.path().join("apk");
        std::fs::create_dir(tree.path().join("installed")).unwrap();
        {
            let _alone = crate::process::no_starts();
            std::fs::write(&program, APK).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let call = |state: &str, names: serde_json::Value, check: bool| {
            let path = format!("{}:/usr/bin:/bin", tree.path().display());
            let options = Options { check, environment: vec![("PATH".into(), path)], ..Options::default() };
            let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
            let Value::Map(map) = Value::from_json(&json!({"name": names, "state": state, "use": "apk"})) else {
                panic!("arguments are a dictionary")
            };
            run(Arguments::decode(&map).unwrap(), &context)
        };
        let there = |name: &str| tree.path().join("installed").join(name).exists();
        assert!(call("present", json!(["curl", "vim"]), true).unwrap().changed && !there("curl"));
        assert!(call("present", json!(["curl", "vim"]), false).unwrap().changed && there("curl") && there("vim"));
        for state in ["present", "latest"] {
            for check in [true, false] {
                assert!(!call(state, json!("curl,vim"), check).unwrap().changed, "{state}");
            }
        }
        let failure = call("present", json!("missing"), false).unwrap_err();
        assert!(failure.message.contains("unable to select packages"), "{failure}");
        assert!(call("absent", json!("vim"), true).unwrap().changed && there("vim"));
        assert!(call("absent", json!("vim"), false).unwrap().changed && !there("vim"));
        assert!(!call("absent", json!("vim"), false).unwrap().changed);
        let failure = call("there", json!("vim"), false).unwrap_err();
        assert!(failure.message.starts_with("value of state must be one of"), "{failure}");
    }
}

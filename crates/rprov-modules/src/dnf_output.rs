//! What dnf prints: of a transaction, and of what stands in its way.

use rprov_wire::Value;

use crate::outcome::Failure;
use crate::process::Output;

/// What becomes of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Install,
    Downgrade,
    Remove,
}

/// The packages that a transaction installs and removes, as `name-version-release.architecture`: from the table that
/// stands before it, and, of versions that others take the place of, from what dnf prints while it works.
pub(crate) fn transaction(text: &str) -> Vec<(Verb, String)> {
    let mut found: Vec<(Verb, String)> = Vec::new();
    let mut section = None;
    // Long names have a line of their own.
    let mut name: Option<String> = None;
    let mut in_table = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if !line.starts_with(' ') {
            if trimmed.starts_with("Transaction Summary") {
                in_table = false;
            }
            name = None;
            section = match trimmed.strip_suffix(':') {
                Some(title) if [" groups", "environment"].iter().any(|kind| title.to_lowercase().contains(kind)) => {
                    None
                }
                Some(title)
                    if ["Install", "Upgrad", "Downgrad", "Reinstall"].iter().any(|verb| title.starts_with(verb)) =>
                {
                    in_table |= title.ends_with("ing") || title.contains("ing ");
                    Some(if title.starts_with("Downgrad") { Verb::Downgrade } else { Verb::Install })
                }
                Some(title) if title.starts_with("Removing") => {
                    in_table = true;
                    Some(Verb::Remove)
                }
                _ => None,
            };
            continue;
        }
        if let Some(rest) = trimmed.strip_prefix("Cleanup ") {
            let package = rest.trim_start().trim_start_matches(':').split_whitespace().next();
            found.extend(package.map(|package| (Verb::Remove, package.to_owned())));
            continue;
        }
        let (true, Some(section)) = (in_table, section) else { continue };
        let words: Vec<&str> = trimmed.split_whitespace().collect();
        let (verb, words) = match words.as_slice() {
            // dnf5: what the package above takes the place of.
            ["replacing", rest @ ..] => (Verb::Remove, rest),
            words => (section, words),
        };
        let full = |name: &str, version: &str, architecture: &str| {
            // dnf5 names the epoch also where there is none.
            format!("{name}-{}.{architecture}", version.strip_prefix("0:").unwrap_or(version))
        };
        match (name.take(), words) {
            (None, [name, architecture, version, _, ..] | [name, architecture, version]) => {
                found.push((verb, full(name, version, architecture)));
            }
            (None, [only]) => name = Some((*only).to_owned()),
            (Some(name), [architecture, version, ..]) => found.push((verb, full(&name, version, architecture))),
            _ => {}
        }
    }
    found
}

/// A failure as dnf's module gives it.
pub(crate) fn failed(message: String, failures: Vec<String>) -> Failure {
    let failure = Failure::new(message).with("rc", 1).with("results", Vec::<Value>::new());
    if failures.is_empty() { failure } else { failure.with("failures", failures) }
}

/// A failure in Ansible's words, where it has some for the case.
pub(crate) fn explain(output: &Output, attempt: &str) -> Failure {
    let text = format!("{}\n{}", output.stdout(), output.stderr());
    let mut failures = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("No match for argument: ") {
            failures.push(format!("No package {name} available."));
        } else if let Some((_, name)) = line.split_once("filtered out by exclude filtering for argument: ") {
            failures.push(format!("{name} {line}"));
        } else if line.starts_with("Argument '") && line.ends_with(" matches only excluded packages.") {
            failures.push(line.to_owned());
        } else if let Some(name) = line.strip_prefix("Module or Group '").and_then(|rest| rest.split('\'').next()) {
            return Failure::new(format!("No group {name} available.")).with("results", Vec::<Value>::new());
        }
    }
    if !failures.is_empty() {
        return failed("Failed to install some of the specified packages".to_owned(), failures);
    }
    if let Some((_, problem)) = text.split_once(" Problem") {
        return failed(format!("Depsolve Error occurred: \n Problem{}", problem.trim_end()), Vec::new());
    }
    output.failure(attempt).with("results", Vec::<Value>::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        transaction(text).into_iter().map(|(verb, package)| format!("{verb:?} {package}")).collect()
    }

    #[test]
    fn a_table_of_dnf_4_is_read_with_long_names_and_groups() {
        let text = "Dependencies resolved.\n====\n Package  Architecture  Version  Repository  Size\n====\n\
            Installing group/module packages:\n app   noarch   1.1-1   rprov   6.0 k\n\
            Installing dependencies:\n a-very-long-name-that-takes-its-own-line\n       x86_64   2:1.0-1   rprov   5.4 k\n\
            Installing Groups:\n Small things\n\nTransaction Summary\n====\nInstall  2 Packages\n\n\
            Running transaction\n  Installing       : app-1.1-1.noarch     1/2\n\nInstalled:\n  app-1.1-1.noarch   b-1-1.noarch\n\nComplete!\n";
        assert_eq!(
            told(text),
            ["Install app-1.1-1.noarch", "Install a-very-long-name-that-takes-its-own-line-2:1.0-1.x86_64"]
        );
    }

    #[test]
    fn what_is_replaced_is_removed() {
        let text = "Upgrading:\n hello   noarch   1.1-1   rprov   6.0 k\n\nTransaction Summary\n====\nUpgrade  1 Package\n\n\
            Running transaction\n  Upgrading        : hello-1.1-1.noarch   1/2\n  Cleanup          : hello-1.0-1.noarch   2/2\n\
            \nUpgraded:\n  hello-1.1-1.noarch\n";
        assert_eq!(told(text), ["Install hello-1.1-1.noarch", "Remove hello-1.0-1.noarch"]);
        // dnf5
        let text = "Repositories loaded.\nPackage               Arch   Version Repository      Size\nUpgrading:\n \
            hello             noarch 0:1.1-1 rprov       28.0   B\n   replacing hello noarch 0:1.0-1 rprov       28.0   B\n\
            Installing groups:\n A group of four words\n\n\
            Transaction Summary:\n Upgrading:          1 package\n Replacing:          1 package\n\nRunning transaction\n\
            [3/4] Upgrading hello-0:1.1-1.noarch 100% |  23.1 KiB/s | 284.0   B |  00m00s\n";
        assert_eq!(told(text), ["Install hello-1.1-1.noarch", "Remove hello-1.0-1.noarch"]);
    }

    #[test]
    fn where_nothing_is_done_nothing_is_told() {
        assert!(told("Dependencies resolved.\nNothing to do.\nComplete!\n").is_empty());
        assert!(told("Removing Groups:\n Small things\n\nTransaction Summary\n====\n").is_empty());
    }
}

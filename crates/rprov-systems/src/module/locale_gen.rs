//! `locale_gen`: locales of glibc, as Debian and Ubuntu build them.

use rprov_modules::attributes::Wanted;
use rprov_modules::process::Command;
use rprov_modules::{Context, Failure, Outcome, arguments, choices, write};

use crate::root;

choices! {
    /// Whether the locales are to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Create or remove locales.
    pub struct Arguments {
        /// Names with their encodings, such as `de_DE.UTF-8`.
        name: Vec<String>,
        /// Whether they are to be there.
        state: State = State::Present,
    }
}

const GLIBC: &str = "/etc/locale.gen";
const UBUNTU: &str = "/var/lib/locales/supported.d";

/// Build or remove what differs.
///
/// # Errors
/// The system does not know a locale, or `locale-gen` fails.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let legacy = if root::at(GLIBC).exists() {
        false
    } else if root::at(UBUNTU).is_dir() {
        true
    } else {
        return Err(Failure::new(format!(
            "neither {GLIBC} nor {UBUNTU} is there. Is the package \"locales\" installed?"
        )));
    };
    let outcome =
        |changed: bool| Outcome::new(changed).with("mechanism", if legacy { "ubuntu_legacy" } else { "glibc" });
    let list = root::at(if legacy { "/var/lib/locales/supported.d/local" } else { GLIBC });
    let before = std::fs::read_to_string(&list).unwrap_or_default();
    let charsets = supported(&before);
    let unknown: Vec<&str> =
        arguments.name.iter().filter(|name| charset(&charsets, name).is_none()).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(Failure::new(format!(
            "The following locales you have entered are not available on your system: {}",
            unknown.join(", ")
        )));
    }
    let wanted = arguments.state == State::Present;
    let built: Vec<String> = Command::new("locale")
        .arg("-a")
        .run_or_fail("could not list the locales", context)?
        .stdout()
        .lines()
        .map(normal)
        .collect();
    if arguments.name.iter().all(|name| built.contains(&normal(name)) == wanted) {
        return Ok(outcome(false));
    }
    if context.check() {
        return Ok(outcome(true));
    }
    let mut after = before.clone();
    for name in &arguments.name {
        after = edit(&after, name, charset(&charsets, name).unwrap_or_default(), wanted, legacy);
    }
    if after != before {
        write::replace(&list, after.as_bytes(), &Wanted::default())?;
    }
    let mut command = Command::new("locale-gen").plain_locale();
    if legacy && !wanted {
        // It only adds; what is to go has to be built anew without it.
        command = command.arg("--purge");
    }
    command.run_or_fail("could not build the locales", context)?;
    Ok(outcome(true))
}

/// `locale -a` writes encodings small and without dashes.
fn normal(name: &str) -> String {
    match name.trim().split_once('.') {
        None => name.trim().to_owned(),
        Some((name, rest)) => {
            let (charset, modifier) = rest.split_once('@').map_or((rest, None), |(one, other)| (one, Some(other)));
            let charset = charset.to_lowercase().replace('-', "");
            let modifier = modifier.map(|text| format!("@{text}")).unwrap_or_default();
            format!("{name}.{charset}{modifier}")
        }
    }
}

/// All locales that can be built, each with its character set.
fn supported(list: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root::at("/usr/share/i18n/SUPPORTED")).unwrap_or_default();
    // Lines of the list may be comments that hold a locale.
    let lines = text.lines().chain(list.lines().map(|line| line.trim_start().trim_start_matches('#').trim_start()));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, charset) = (words.next()?, words.next()?);
            words.next().is_none().then(|| (name.to_owned(), charset.to_owned()))
        })
        .collect()
}

fn charset<'a>(supported: &'a [(String, String)], name: &str) -> Option<&'a str> {
    supported.iter().find(|(known, _)| known == name).map(|(_, charset)| charset.as_str())
}

/// Make the locale's line active or a comment; a new one goes to the end.
fn edit(text: &str, name: &str, charset: &str, wanted: bool, legacy: bool) -> String {
    let mut after = String::with_capacity(text.len() + 32);
    let mut found = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start().trim_start_matches('#').trim();
        let is_it = bare.split_whitespace().next() == Some(name) && bare.split_whitespace().nth(1) == Some(charset);
        let active = !line.trim_start().starts_with('#');
        if !is_it || (active == wanted && (!active || !found)) {
            found |= is_it && active;
            after.push_str(line);
        } else if wanted && !active && !found {
            found = true;
            after.push_str(&format!("{bare}\n"));
        } else if !wanted && !legacy {
            after.push_str(&format!("# {bare}\n"));
        } else if wanted {
            after.push_str(line);
        }
    }
    if wanted && !found {
        if !after.is_empty() && !after.ends_with('\n') {
            after.push('\n');
        }
        after.push_str(&format!("{name} {charset}\n"));
    }
    after
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bench;

    const BUILD: &str = "grep -v '^#' etc/locale.gen | cut -d' ' -f1 | sed 's/UTF-8/utf8/' >built";

    #[test]
    fn locales_are_built_and_removed() {
        let bench = bench();
        bench.file("etc/locale.gen", "# This file lists locales\n# de_DE.UTF-8 UTF-8\nen_US.UTF-8 UTF-8\n");
        bench.file("usr/share/i18n/SUPPORTED", "de_DE.UTF-8 UTF-8\neo UTF-8\nen_US.UTF-8 UTF-8\n");
        bench.file("built", "C\nen_US.utf8\n");
        bench.program("locale", "cat built");
        bench.program("locale-gen", BUILD);
        let done = bench.converges("locale_gen", json!({"name": ["de_DE.UTF-8", "eo"]}));
        assert_eq!(done["mechanism"].as_str(), Some("glibc"));
        let file = "# This file lists locales\nde_DE.UTF-8 UTF-8\nen_US.UTF-8 UTF-8\neo UTF-8\n";
        assert_eq!(bench.read("etc/locale.gen"), file);
        bench.converges("locale_gen", json!({"name": "eo", "state": "absent"}));
        assert_eq!(bench.read("etc/locale.gen"), file.replace("eo", "# eo"));
    }

    #[test]
    fn a_locale_that_nobody_knows_is_refused() {
        let bench = bench();
        assert!(bench.fails("locale_gen", json!({"name": "de_DE.UTF-8"})).contains("\"locales\""));
        bench.file("etc/locale.gen", "");
        let message = bench.fails("locale_gen", json!({"name": ["de_DE.UTF-9"]}));
        assert!(message.ends_with("not available on your system: de_DE.UTF-9"), "{message}");
        assert!(bench.fails("locale_gen", json!({})).contains("name"));
    }
}

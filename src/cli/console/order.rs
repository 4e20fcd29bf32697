//! What a line of the console asks for.

use crate::action;

/// The console's own commands: name, what follows it, and what it does.
pub(super) const HELP: &[(&str, &str, &str)] = &[
    ("become", "yes|no", "Become another user for the tasks, or stay the user who logs in"),
    ("become_method", "METHOD", "How to become another user: sudo, su or doas"),
    ("become_user", "USER", "The user to become"),
    ("cd", "PATTERN", "Work on other hosts; without a pattern, on all of them"),
    ("check", "yes|no", "Predict, and change nothing"),
    ("diff", "yes|no", "Show what changes in files"),
    ("exit", "", "Leave the console"),
    ("forks", "NUMBER", "Hosts that are worked on at the same time"),
    ("help", "[COMMAND|MODULE]", "Tell what there is, or about one of it"),
    ("list", "[groups]", "List the hosts that are worked on, or all groups"),
    ("remote_user", "USER", "Log in as this user"),
    ("shell", "COMMAND", "Run a shell command"),
    ("timeout", "SECONDS", "Seconds that a task may take; 0 for no limit"),
    ("verbosity", "NUMBER", "How much is told"),
];

/// What is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Toggle {
    Become,
    Check,
    Diff,
}

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order<'a> {
    Nothing,
    Exit,
    Help(&'a str),
    Hosts,
    Groups,
    Change(&'a str),
    Forks(usize),
    Verbosity(u8),
    Timeout(u32),
    Toggle(Toggle, bool),
    BecomeUser(&'a str),
    BecomeMethod(&'a str),
    RemoteUser(&'a str),
    Task {
        module: &'a str,
        arguments: &'a str,
    },
    /// A word on what was left out.
    Told(&'static str),
    /// What is wrong, and what to do.
    Refused(&'static str, &'static str),
}

impl<'a> Order<'a> {
    /// Read a line.
    /// `is_module` says whether there is a module of a name.
    pub(super) fn parse(line: &'a str, is_module: &dyn Fn(&str) -> bool) -> Self {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Order::Nothing;
        }
        if let Some(topic) = line.strip_prefix('?') {
            return Order::Help(topic.trim());
        }
        let shell = |command: &'a str| match command.trim() {
            "" => Order::Told("Usage: shell <command>"),
            arguments => Order::Task { module: "shell", arguments },
        };
        if let Some(command) = line.strip_prefix('!') {
            return shell(command);
        }
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "exit" | "EOF" => Order::Exit,
            "help" => Order::Help(rest),
            "list" => match rest {
                "" => Order::Hosts,
                "groups" => Order::Groups,
                _ => Order::Refused("Invalid option passed to \"list\"", "`list` lists hosts, `list groups` groups"),
            },
            "cd" => Order::Change(rest),
            "forks" => match rest.parse::<i64>().map(usize::try_from) {
                _ if rest.is_empty() => Order::Told("Usage: forks <number>"),
                Ok(Ok(forks)) if forks > 0 => Order::Forks(forks),
                Ok(_) => Order::Told("forks must be greater than or equal to 1"),
                Err(_) => Order::Refused("The number of forks must be a valid integer", "for example `forks 10`"),
            },
            "verbosity" => match rest.parse::<u8>() {
                _ if rest.is_empty() => Order::Told("Usage: verbosity <number>"),
                Ok(level) => Order::Verbosity(level),
                Err(_) => Order::Refused("The verbosity must be a valid integer", "0 to 4, for example `verbosity 1`"),
            },
            "timeout" => match rest.parse::<i64>().map(u32::try_from) {
                _ if rest.is_empty() => Order::Told("Usage: timeout <seconds>"),
                Ok(Ok(seconds)) => Order::Timeout(seconds),
                Ok(Err(_)) => Order::Refused(
                    "The timeout must be greater than or equal to 1, use 0 to disable",
                    "for example `timeout 30`",
                ),
                Err(_) => Order::Refused(
                    "The timeout must be a valid positive integer, or 0 to disable",
                    "for example `timeout 30`",
                ),
            },
            "become" => toggle(rest, Toggle::Become, "Please specify become value, e.g. `become yes`"),
            "check" => toggle(rest, Toggle::Check, "Please specify check mode value, e.g. `check yes`"),
            "diff" => toggle(rest, Toggle::Diff, "Please specify a diff value , e.g. `diff yes`"),
            "become_user" => given(rest, Order::BecomeUser, "Please specify a user, e.g. `become_user jenkins`"),
            "become_method" => {
                given(rest, Order::BecomeMethod, "Please specify a become_method, e.g. `become_method su`")
            }
            "remote_user" => given(rest, Order::RemoteUser, "Please specify a remote user, e.g. `remote_user root`"),
            module if is_module(module) => Order::Task { module, arguments: rest },
            _ => shell(line),
        }
    }
}

/// A word for yes; any other one is no.
fn toggle<'a>(word: &str, what: Toggle, missing: &'static str) -> Order<'a> {
    match word {
        "" => Order::Told(missing),
        word => Order::Toggle(what, rprov_modules::argument::boolean(word).unwrap_or(false)),
    }
}

fn given<'a>(word: &'a str, order: impl Fn(&'a str) -> Order<'a>, missing: &'static str) -> Order<'a> {
    if word.is_empty() { Order::Told(missing) } else { order(word) }
}

/// What the word that ends at the end of `line` may be completed to. `places` are the names of groups and hosts.
pub(super) fn completions(line: &str, places: &[String]) -> Vec<String> {
    let (before, word) =
        line.rsplit_once(char::is_whitespace).map_or(("", line), |(before, word)| (before.trim(), word));
    let first = before.split_whitespace().next();
    let mut candidates: Vec<String> = match first {
        None => {
            let own = HELP.iter().map(|(name, _, _)| format!("{name} "));
            own.chain(action::names().into_iter().map(|name| format!("{name} "))).collect()
        }
        Some("cd") => places.to_vec(),
        Some("become" | "check" | "diff") => vec!["yes".to_owned(), "no".to_owned()],
        Some("become_method") => ["sudo", "su", "doas"].map(str::to_owned).to_vec(),
        Some("list") => vec!["groups".to_owned()],
        Some("help") => {
            let own = HELP.iter().map(|(name, _, _)| (*name).to_owned());
            own.chain(action::names().into_iter().map(str::to_owned)).collect()
        }
        Some(module) => {
            let options = action::find(module).into_iter().flat_map(|known| known.spec.options());
            options.filter(|option| !option.name.starts_with('_')).map(|option| format!("{}=", option.name)).collect()
        }
    };
    candidates.retain(|candidate| candidate.starts_with(word) && candidate != word);
    candidates.sort();
    candidates.dedup();
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Order<'_> {
        Order::parse(line, &|name| action::find(name).is_some())
    }

    #[test]
    fn a_line_is_a_command_a_module_or_the_shell_s() {
        assert_eq!(parse("  "), Order::Nothing);
        assert_eq!(parse("# note"), Order::Nothing);
        assert_eq!(parse("cd web:&db"), Order::Change("web:&db"));
        assert_eq!(parse("? ping"), Order::Help("ping"));
        assert_eq!(parse("forks 3"), Order::Forks(3));
        assert_eq!(parse("become on"), Order::Toggle(Toggle::Become, true));
        assert_eq!(parse("become maybe"), Order::Toggle(Toggle::Become, false));
        let task = |module, arguments| Order::Task { module, arguments };
        assert_eq!(parse("ping data=x"), task("ping", "data=x"));
        assert_eq!(parse("ansible.builtin.ping"), task("ansible.builtin.ping", ""));
        assert_eq!(parse("uptime -p"), task("shell", "uptime -p"));
        assert_eq!(parse("!cd /tmp"), task("shell", "cd /tmp"));
        assert!(matches!(parse("forks many"), Order::Refused(..)));
        assert!(matches!(parse("timeout -1"), Order::Refused(..)));
    }

    #[test]
    fn words_are_completed_by_what_stands_before_them() {
        let places = ["web".to_owned(), "w1".to_owned()];
        assert_eq!(completions("become_m", &places), ["become_method "]);
        assert_eq!(completions("cd we", &places), ["web"]);
        assert_eq!(completions("file rec", &places), ["recurse="]);
        assert_eq!(completions("check ", &places), ["no", "yes"]);
        assert!(completions("uptime -", &places).is_empty());
    }
}

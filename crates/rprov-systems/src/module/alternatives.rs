//! `alternatives`: symbolic links that stand for one of several programs.

use std::path::{Path, PathBuf};

use rprov_modules::argument::Rule;
use rprov_modules::process::Command;
use rprov_modules::program::find_program;
use rprov_modules::rprov_wire::{Map, Value};
use rprov_modules::{Context, Diff, Failure, Outcome, arguments, choices};

choices! {
    /// What is to be true of the alternative.
    pub enum State { Present = "present", Selected = "selected", Auto = "auto", Absent = "absent" }
}

arguments! {
    /// A link that goes with the alternative.
    pub struct Subcommand {
        /// The link's generic name.
        name: String,
        /// What it points to.
        path: PathBuf,
        /// The link.
        link: PathBuf,
    }
}

arguments! {
    /// Manage alternative programs for common commands.
    pub struct Arguments {
        /// The generic name of the link.
        name: String,
        /// The program.
        path: Option<PathBuf>,
        /// The family of similar alternatives, on systems that have families.
        family: Option<String>,
        /// The link.
        link: Option<PathBuf>,
        /// The priority; a new alternative has 50.
        priority: Option<i64>,
        /// What is to be true of the alternative.
        state: State = State::Selected,
        /// Links that go with it.
        subcommands | slaves: Option<Vec<Subcommand>>,
    }
    rules: [Rule::OneOf(&["path", "family"])]
}

/// What is known of a name.
#[derive(Debug, Default, PartialEq)]
struct Group {
    link: Option<String>,
    auto: bool,
    value: Option<String>,
    /// Links of subcommands by name.
    links: Vec<(String, String)>,
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Default, PartialEq)]
struct Alternative {
    path: String,
    priority: i64,
    family: Option<String>,
    /// Paths of subcommands by name.
    subcommands: Vec<(String, String)>,
}

/// Debian's `--query`: paragraphs of fields.
fn parse_query(text: &str) -> Group {
    let mut group = Group::default();
    let mut slaves = false;
    for line in text.lines() {
        if let (true, Some(entry)) = (slaves, line.strip_prefix(' ')) {
            let Some((name, path)) = entry.split_once(' ') else { continue };
            let pair = (name.to_owned(), path.to_owned());
            match group.alternatives.last_mut() {
                Some(alternative) => alternative.subcommands.push(pair),
                None => group.links.push(pair),
            }
            continue;
        }
        slaves = line == "Slaves:";
        let Some((field, value)) = line.split_once(": ") else { continue };
        match field {
            "Link" => group.link = Some(value.to_owned()),
            "Status" => group.auto = value == "auto",
            "Value" => group.value = Some(value.to_owned()).filter(|value| value != "none"),
            "Alternative" => {
                group.alternatives.push(Alternative { path: value.to_owned(), ..Alternative::default() });
            }
            "Priority" => {
                if let Some(alternative) = group.alternatives.last_mut() {
                    alternative.priority = value.parse().unwrap_or_default();
                }
            }
            _ => {}
        }
    }
    group
}

/// `--display` of chkconfig's program.
fn parse_display(text: &str) -> Group {
    let mut group = Group::default();
    for line in text.lines() {
        if line.contains(" - status is ") {
            group.auto = line.contains("status is auto");
        } else if let Some(value) = line.trim().strip_prefix("link currently points to ") {
            group.value = Some(value.to_owned());
        } else if let Some(entry) = ["slave ", "follower "].iter().find_map(|word| line.trim().strip_prefix(word)) {
            if let (Some((name, path)), Some(alternative)) = (entry.split_once(": "), group.alternatives.last_mut()) {
                alternative.subcommands.push((name.to_owned(), path.to_owned()));
            }
        } else if let Some((path, rest)) = line.split_once(" - ").filter(|(path, _)| path.starts_with('/')) {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let behind = |word: &str| {
                let position = words.iter().position(|known| *known == word)?;
                words.get(position + 1).copied()
            };
            group.alternatives.push(Alternative {
                path: path.to_owned(),
                priority: behind("priority").and_then(|number| number.parse().ok()).unwrap_or_default(),
                family: behind("family").map(str::to_owned),
                subcommands: Vec::new(),
            });
        }
    }
    group
}

/// Chkconfig's own file has the links, which `--display` does not tell.
fn add_links(group: &mut Group, name: &str) {
    let text = std::fs::read_to_string(crate::root::at("/var/lib/alternatives").join(name)).unwrap_or_default();
    let mut lines = text.lines().skip(1);
    group.link = lines.next().map(str::to_owned);
    let mut lines = lines.take_while(|line| !line.is_empty());
    while let (Some(name), Some(link)) = (lines.next(), lines.next()) {
        group.links.push((name.to_owned(), link.to_owned()));
    }
}

struct Tool<'a> {
    program: PathBuf,
    context: &'a Context<'a>,
}

impl Tool<'_> {
    fn command(&self) -> Command {
        Command::new(self.program.as_os_str()).plain_locale()
    }

    fn group(&self, name: &str) -> Result<Group, Failure> {
        let query = self.command().args(["--query", name]).run(self.context)?;
        if query.success() {
            return Ok(parse_query(&query.stdout()));
        }
        let display = self.command().args(["--display", name]).run(self.context)?;
        let mut group = Group::default();
        if display.success() {
            group = parse_display(&display.stdout());
            add_links(&mut group, name);
        }
        Ok(group)
    }

    fn run(&self, arguments: &[&str], attempt: &str) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        self.command().args(arguments).run_or_fail(attempt, self.context).map(drop)
    }
}

/// Bring the alternative to its state.
///
/// # Errors
/// The program is not there, the link is not known, or `update-alternatives` refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let program = find_program("update-alternatives", context)
        .or_else(|| find_program("alternatives", context))
        .ok_or_else(|| Failure::new("there is no update-alternatives on this host; install dpkg or chkconfig"))?;
    let tool = Tool { program, context };
    let name = arguments.name.as_str();
    let group = tool.group(name)?;
    let path = match (&arguments.path, &arguments.family) {
        (Some(path), _) => path.display().to_string(),
        (None, Some(family)) => {
            let found = group.alternatives.iter().find(|one| one.family.as_ref() == Some(family));
            found.map(|one| one.path.clone()).ok_or_else(|| {
                Failure::new(format!("no alternative of `{name}` is of the family `{family}`; give its path"))
            })?
        }
        (None, None) => return Err(Failure::new("one of the following is required: path, family")),
    };
    let present = group.alternatives.iter().find(|one| one.path == path);
    let mut changed = false;
    let mut after = describe(&group, present);
    if arguments.state == State::Absent {
        if present.is_some() {
            changed = true;
            tool.run(&["--remove", name, &path], &format!("could not remove the alternative {path} of {name}"))?;
        }
        after = absent();
    } else {
        if !Path::new(&path).exists() {
            return Err(Failure::new(format!("Specified path {path} does not exist")));
        }
        if !is_installed(&arguments, &group, present) {
            changed = true;
            install(&tool, &arguments, &group, present, &path)?;
            after.insert("path".into(), path.as_str().into());
            after.insert("priority".into(), priority(&arguments, present).into());
            if let Some(wanted) = &arguments.subcommands {
                let wanted: Vec<Value> = wanted.iter().map(rprov_modules::argument::Argument::encode).collect();
                after.insert("subcommands".into(), wanted.into());
            }
        }
        match arguments.state {
            State::Selected if group.value.as_deref() != Some(path.as_str()) => {
                changed = true;
                let choice = arguments.family.as_deref().unwrap_or(&path);
                tool.run(&["--set", name, choice], &format!("could not select {path} for {name}"))?;
            }
            State::Auto if !group.auto => {
                changed = true;
                tool.run(&["--auto", name], &format!("could not switch {name} to auto mode"))?;
            }
            _ => {}
        }
        after.insert("state".into(), arguments.state.word().into());
    }
    let mut outcome = Outcome::new(changed);
    if changed {
        outcome = outcome.with_diff(Diff::state(describe(&group, present), after));
    }
    Ok(outcome)
}

fn absent() -> Map {
    let mut map = Map::new();
    map.insert("state".into(), "absent".into());
    map
}

fn describe(group: &Group, present: Option<&Alternative>) -> Map {
    let Some(present) = present else { return absent() };
    let selected = group.value.as_deref() == Some(&present.path);
    let state = match (group.auto, selected) {
        (true, _) => "auto",
        (false, true) => "selected",
        (false, false) => "present",
    };
    let mut map = Map::new();
    map.insert("state".into(), state.into());
    map.insert("path".into(), present.path.as_str().into());
    map.insert("priority".into(), present.priority.into());
    map.insert("link".into(), group.link.clone().into());
    map
}

fn priority(arguments: &Arguments, present: Option<&Alternative>) -> i64 {
    arguments.priority.or(present.map(|one| one.priority)).unwrap_or(50)
}

fn is_installed(arguments: &Arguments, group: &Group, present: Option<&Alternative>) -> bool {
    let Some(present) = present else { return false };
    let link = arguments.link.as_ref().is_none_or(|link| group.link.as_deref() == link.to_str());
    let subcommands = arguments.subcommands.as_ref().is_none_or(|wanted| {
        let has = |pairs: &[(String, String)], name: &str, path: &Path| {
            pairs.iter().any(|(known, value)| known == name && Path::new(value) == path)
        };
        wanted.len() == present.subcommands.len()
            && wanted
                .iter()
                .all(|one| has(&present.subcommands, &one.name, &one.path) && has(&group.links, &one.name, &one.link))
    });
    let family = arguments.family.is_none() || arguments.family == present.family;
    link && subcommands && family && priority(arguments, Some(present)) == present.priority
}

fn install(
    tool: &Tool<'_>,
    arguments: &Arguments,
    group: &Group,
    present: Option<&Alternative>,
    path: &str,
) -> Result<(), Failure> {
    let name = arguments.name.as_str();
    let link = arguments.link.as_ref().map(|link| link.display().to_string()).or_else(|| group.link.clone());
    let link = link.ok_or_else(|| {
        Failure::new(format!(
            "Needed to install the alternative {path}, but unable to do so as we are missing the link: \
             `{name}` is not known yet; give `link`"
        ))
    })?;
    let priority = priority(arguments, present).to_string();
    let mut words = vec!["--install".to_owned(), link, name.to_owned(), path.to_owned(), priority];
    if let Some(family) = &arguments.family {
        words.extend(["--family".to_owned(), family.clone()]);
    }
    let kept = || {
        let pairs = present.map(|one| one.subcommands.as_slice()).unwrap_or_default();
        let link_of = |name: &str| group.links.iter().find(|(known, _)| known == name).map(|(_, link)| link.clone());
        pairs.iter().filter_map(|(name, path)| Some((link_of(name)?, name.clone(), path.clone()))).collect()
    };
    let subcommands: Vec<(String, String, String)> = match &arguments.subcommands {
        Some(wanted) => wanted
            .iter()
            .map(|one| (one.link.display().to_string(), one.name.clone(), one.path.display().to_string()))
            .collect(),
        None => kept(),
    };
    for (link, name, path) in subcommands {
        words.extend(["--slave".to_owned(), link, name, path]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    tool.run(&words, &format!("could not install the alternative {path} of {name}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bench;

    const QUERY: &str = "Name: x\nLink: /usr/bin/x\nSlaves:\n x.1 /man/x.1\nStatus: auto\nBest: /opt/a\nValue: /opt/a\n\n\
        Alternative: /opt/a\nPriority: 20\nSlaves:\n x.1 /opt/a.1\n\nAlternative: /opt/b\nPriority: -10\n";

    const DISPLAY: &str = "x - status is manual.\n link currently points to /opt/b\n/opt/a - family old priority 5\n \
        slave x.1: /opt/a.1\n/opt/b - priority 7\nCurrent `best' version is /opt/b.\n";

    #[test]
    fn what_both_programs_print_is_understood() {
        let group = parse_query(QUERY);
        assert_eq!(
            (group.link.as_deref(), group.auto, group.value.as_deref()),
            (Some("/usr/bin/x"), true, Some("/opt/a"))
        );
        assert_eq!(group.links, [("x.1".to_owned(), "/man/x.1".to_owned())]);
        let first = group.alternatives.first().map(|one| (one.priority, one.subcommands.len()));
        assert_eq!((first, group.alternatives.len()), (Some((20, 1)), 2));
        let group = parse_display(DISPLAY);
        assert_eq!((group.auto, group.value.as_deref()), (false, Some("/opt/b")));
        let families: Vec<_> = group.alternatives.iter().map(|one| (one.family.as_deref(), one.priority)).collect();
        assert_eq!(families, [(Some("old"), 5), (None, 7)]);
    }

    /// The real program, with directories of the tree's own.
    #[test]
    fn alternatives_come_are_selected_and_go() {
        let bench = bench();
        for file in ["admin/x", "etc/x", "bin/x", "opt/a", "opt/b", "opt/a.1"] {
            bench.file(file, "");
        }
        bench.program(
            "update-alternatives",
            "PATH=/usr/bin:/bin exec /usr/bin/update-alternatives --quiet --log /dev/null --altdir $ROOT/etc --admindir $ROOT/admin \"$@\"",
        );
        std::fs::remove_file(bench.path("admin/x")).ok();
        let (a, b) = (bench.path("opt/a"), bench.path("opt/b"));
        let link = bench.path("bin/tool");
        let slave = json!([{"name": "tool.1", "path": bench.path("opt/a.1"), "link": bench.path("bin/tool.1")}]);
        let first = json!({"name": "tool", "path": a, "link": link, "state": "auto", "slaves": slave});
        bench.converges("alternatives", first);
        let selected = || std::fs::read_link(bench.path("etc/tool")).ok();
        assert_eq!(selected().as_deref(), Some(Path::new(&a)));
        bench.converges("alternatives", json!({"name": "tool", "path": b, "priority": 10}));
        assert_eq!(selected().as_deref(), Some(Path::new(&b)));
        bench.converges("alternatives", json!({"name": "tool", "path": a, "priority": 60, "state": "present"}));
        assert_eq!(selected().as_deref(), Some(Path::new(&b)));
        bench.converges("alternatives", json!({"name": "tool", "path": b, "state": "auto"}));
        assert_eq!(selected().as_deref(), Some(Path::new(&a)));
        assert_eq!(
            std::fs::read_link(bench.path("etc/tool.1")).ok().as_deref(),
            Some(Path::new(&bench.path("opt/a.1")))
        );
        bench.converges("alternatives", json!({"name": "tool", "path": a, "state": "absent"}));
        assert_eq!(selected().as_deref(), Some(Path::new(&b)));
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        let bench = bench();
        bench.program("update-alternatives", "exit 2");
        let path = bench.file("a", "");
        assert!(bench.fails("alternatives", json!({"name": "x", "path": path})).contains("missing the link"));
        assert!(
            bench
                .fails("alternatives", json!({"name": "x", "path": "/none", "link": "/l"}))
                .contains("/none does not exist")
        );
        assert!(bench.fails("alternatives", json!({"name": "x"})).contains("path, family"));
        assert!(bench.fails("alternatives", json!({"name": "x", "family": "f"})).contains("`f`"));
    }
}

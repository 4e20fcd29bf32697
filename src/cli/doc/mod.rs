//! `rprov doc`, which is also `ansible-doc`: what modules, roles, keywords, filters, tests and lookups there are, and what
//! they take.
//!
//! * `module`: modules, from the structs that declare their arguments;
//! * `own`: modules of the user's own, from what their files say;
//! * `plugin`: filters, tests and lookups;
//! * `role`: roles, from their argument specifications;
//! * `keyword`: keywords of plays, roles, blocks, tasks and handlers;
//! * `schema`: `rprov schema`, all of it for editors.

mod address;
mod keyword;
mod module;
mod own;
mod plugin;
mod role;
mod schema;

use std::io::IsTerminal as _;
use std::sync::Arc;

use clap::{ArgAction, Parser, ValueEnum};
use serde_json::{Map, Value};

use super::exit::Exit;
use super::settings::with_settings;
use super::stop::Stop;
use super::tell::{put, say, tell};
use crate::action::Library;
use crate::config::Config;
use crate::source::Diagnostic;

pub(super) use schema::SchemaCommand;

/// Show what modules, keywords and plugins there are
#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
pub(super) struct DocCommand {
    /// What to tell about; with `-l`, the collections to list
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// List what there is
    #[arg(short, long)]
    list: bool,
    /// Show a task that can be filled in
    #[arg(short, long, conflicts_with = "list")]
    snippet: bool,
    /// Write JSON
    #[arg(short, long)]
    json: bool,
    /// Of what kind it is
    #[arg(short = 't', long = "type", value_name = "TYPE", value_enum, default_value = "module")]
    of: Type,
    /// Directories with modules of one's own
    #[arg(short = 'M', long, value_name = "PATH")]
    module_path: Vec<String>,
    /// The directory of the playbook, beside which `library/` and `collections/` are looked for
    #[arg(long, value_name = "DIRECTORY")]
    playbook_dir: Option<String>,
    /// Directories with roles, before those of the settings
    #[arg(short = 'r', long, value_name = "PATH")]
    roles_path: Vec<String>,
    /// Of roles, this entry point alone
    #[arg(short, long, conflicts_with_all = ["list", "snippet"])]
    entry_point: Option<String>,
    /// Say more (accepted for Ansible's sake)
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    /// Show the version
    #[arg(long, action = ArgAction::Version)]
    version: (),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Type {
    Module,
    Keyword,
    Filter,
    Test,
    Lookup,
    Role,
}

/// Something that can be told about.
trait Subject {
    /// Its full name.
    fn name(&self) -> String;

    /// What it is, in one sentence.
    fn summary(&self) -> String;

    /// All that is known of it, as text.
    fn text(&self, style: &Style) -> String;

    /// The same for machines.
    fn json(&self) -> Value;

    /// An example that can be filled in; `None` where there is no such thing.
    fn snippet(&self) -> Option<String> {
        None
    }
}

/// What there is to tell about a module; `None` where there is none of this name.
pub(super) fn module_text(name: &str, config: &crate::config::Config) -> Option<String> {
    module::find(name).map(|module| module.text(&Style::here(config)))
}

/// How text is written.
struct Style {
    /// Where lines end.
    columns: usize,
    bold: bool,
}

impl Style {
    fn here(config: &crate::config::Config) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let columns = crate::report::default::Display::terminal_columns();
        Self { columns, bold: super::tell::color_of(config, terminal) }
    }

    fn strong(&self, text: &str) -> String {
        if self.bold { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Text in lines that fit, each but the first behind `indent` spaces.
    fn wrapped(&self, text: &str, indent: usize) -> String {
        let width = self.columns.saturating_sub(indent).max(20);
        let mut lines: Vec<String> = Vec::new();
        for paragraph in text.split('\n') {
            let mut line = String::new();
            for word in paragraph.split_whitespace() {
                if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                    lines.push(std::mem::take(&mut line));
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            lines.push(line);
        }
        lines.join(&format!("\n{}", " ".repeat(indent)))
    }
}

impl DocCommand {
    /// Do it.
    pub(super) fn execute(self) -> Exit {
        with_settings(|config, _| {
            put(&self.told(&Style::here(&config), &config)?);
            Ok(Exit::Success)
        })
    }

    fn told(&self, style: &Style, config: &Config) -> Result<String, Stop> {
        let library = own::library(config, &self.module_path, self.playbook_dir.as_deref());
        let roles = match self.of {
            Type::Role => Some(role::Roles::new(config, &self.roles_path, self.playbook_dir.as_deref())),
            _ => None,
        };
        if self.list {
            return Ok(match &roles {
                Some(roles) => self.listed_roles(roles, style),
                None => self.listed(&library),
            });
        }
        if self.names.is_empty() {
            return Err(Stop::options(
                Diagnostic::error("Missing name(s), incorrect options passed for detailed documentation.").hint(
                    "`-l` lists what there is; `-t` says of what kind it is: module, keyword, filter, test, lookup, role",
                ),
            ));
        }
        if self.snippet && !matches!(self.of, Type::Module | Type::Lookup) {
            return Err(Stop::options(
                Diagnostic::error("Snippets are only available for modules and lookups")
                    .hint("without `-s` everything that is known is shown"),
            ));
        }
        let mut found: Vec<(&String, Box<dyn Subject>)> = Vec::new();
        for name in &self.names {
            match self.find(name, &library, roles.as_ref()) {
                Ok(Some(subject)) => found.push((name, subject)),
                Ok(None) => self.not_found(name, &library, roles.as_ref()),
                Err(problem) => return Err(problem.into()),
            }
        }
        if self.json {
            let all: Map<String, Value> =
                found.into_iter().map(|(name, subject)| (name.clone(), subject.json())).collect();
            return Ok(pretty(&Value::Object(all)));
        }
        let texts: Vec<String> = found
            .iter()
            .map(|(_, subject)| match self.snippet {
                true => subject.snippet().unwrap_or_default(),
                false => subject.text(style),
            })
            .collect();
        Ok(texts.join("\n"))
    }

    /// What is built in, unless a file of the user's takes its place.
    fn find(
        &self,
        name: &str,
        library: &Arc<Library>,
        roles: Option<&role::Roles>,
    ) -> Result<Option<Box<dyn Subject>>, Diagnostic> {
        if let Some(roles) = roles {
            let role = roles.find(name, self.entry_point.as_deref())?;
            return Ok(role.map(|role| Box::new(role) as Box<dyn Subject>));
        }
        if self.of == Type::Module
            && let Some(module) = own::find(name, library)?
        {
            return Ok(Some(Box::new(module)));
        }
        Ok(self.of.find(name))
    }

    fn not_found(&self, name: &str, library: &Library, roles: Option<&role::Roles>) {
        let mut names: Vec<String> = self.of.all().iter().map(|subject| subject.name()).collect();
        if let Some(roles) = roles {
            names.extend(roles.names().map(str::to_owned));
        }
        if self.of == Type::Module {
            names.extend(library.names());
        }
        let short = names.iter().map(|name| name.rsplit('.').next().unwrap_or_default());
        let meant = rprov_modules::argument::closest(name, short.chain(names.iter().map(String::as_str)));
        say(&format!("[WARNING]: {name} was not found"));
        if let Some(meant) = meant {
            say(&format!("hint: did you mean `{meant}`?"));
        }
    }

    /// Whether a list is to have this name: all, or those of the collections that are named.
    fn wanted(&self, name: &str) -> bool {
        let of = |collection: &String| name.strip_prefix(&**collection).is_some_and(|rest| rest.starts_with('.'));
        self.names.is_empty() || self.names.iter().any(of)
    }

    /// The roles with their entry points. What cannot be read of one is told in its place.
    fn listed_roles(&self, roles: &role::Roles, style: &Style) -> String {
        let mut text = String::new();
        let mut all = Map::new();
        for name in roles.names().filter(|name| self.wanted(name)) {
            match roles.find(name, None) {
                Ok(Some(role)) => {
                    let listed = role.listed();
                    text.push_str(&format!("{name}  {}\n", role.summary()));
                    for (entry, short) in listed.get("entry_points").and_then(Value::as_object).into_iter().flatten() {
                        if entry != "main" {
                            text.push_str(&format!("    {entry}  {}\n", short.as_str().unwrap_or_default()));
                        }
                    }
                    all.insert(name.to_owned(), listed);
                }
                Ok(None) => {}
                Err(problem) => tell(&[problem.into_warning()], style.bold),
            }
        }
        if self.json { pretty(&Value::Object(all)) } else { text }
    }

    fn listed(&self, library: &Arc<Library>) -> String {
        let mut entries: Vec<(String, String)> =
            self.of.all().iter().map(|subject| (subject.name(), subject.summary())).collect();
        if self.of == Type::Module {
            // What cannot be told of one is told when it is asked for.
            let own = library.names().into_iter().filter_map(|name| own::find(&name, library).ok().flatten());
            entries.extend(own.map(|module| (module.name(), module.summary())));
        }
        entries.retain(|(name, _)| self.wanted(name));
        entries.sort();
        if self.json {
            let all: Map<String, Value> =
                entries.into_iter().map(|(name, summary)| (name, Value::String(summary))).collect();
            return pretty(&Value::Object(all));
        }
        let width = entries.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        entries.into_iter().map(|(name, summary)| format!("{name:width$}  {summary}\n")).collect()
    }
}

impl Type {
    fn all(self) -> Vec<Box<dyn Subject>> {
        fn boxed<S: Subject + 'static>(subjects: impl Iterator<Item = S>) -> Vec<Box<dyn Subject>> {
            subjects.map(|subject| Box::new(subject) as Box<dyn Subject>).collect()
        }
        match self {
            Type::Module => boxed(module::all()),
            Type::Keyword => boxed(keyword::all()),
            Type::Filter => boxed(plugin::filters()),
            Type::Test => boxed(plugin::tests()),
            Type::Lookup => boxed(plugin::lookups()),
            // These are files, and none is built in.
            Type::Role => Vec::new(),
        }
    }

    /// By the full name, or the last part of it.
    fn find(self, name: &str) -> Option<Box<dyn Subject>> {
        if self == Type::Module {
            return module::find(name).map(|module| Box::new(module) as Box<dyn Subject>);
        }
        let name = name.strip_prefix("ansible.legacy.").or(name.strip_prefix("ansible.builtin.")).unwrap_or(name);
        self.all().into_iter().find(|subject| {
            let full = subject.name();
            full == name || full.rsplit('.').next() == Some(name)
        })
    }
}

fn pretty(value: &Value) -> String {
    super::config::formatted(value, "json")
}

//! `rprov config`, which is also `ansible-config`: the settings, their values and where those come from.

mod galaxy;
mod validate;

pub(super) use galaxy::servers as galaxy_servers;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::exit::Exit;
use super::stop::Stop;
use super::tell::{color_of, put, say, tell};
use crate::config::{Config, Kind, Origin, Setting};
use crate::source::{Diagnostic, Severity};
use crate::template::{from_json, python};
use crate::yaml;

/// Show the settings
#[derive(Debug, Parser)]
#[command(name = "ansible-config", subcommand_required = true, arg_required_else_help = true)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
    /// Say more (accepted for Ansible's sake)
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what settings there are
    List(List),
    /// Show the value of each setting, and where it comes from
    Dump(Dump),
    /// Show the configuration file
    View(View),
    /// Write a configuration file with the defaults to standard output
    Init(Init),
    /// Find what the configuration file or the environment sets and no program knows
    Validate(Validate),
}

/// Which settings are meant.
#[derive(Args, Debug)]
struct Which {
    /// Configuration file; without it the first that is found
    #[arg(short, long = "config", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Only settings of this kind of plugin; `base` are those of no plugin
    #[arg(short = 't', long = "type", value_name = "TYPE", value_enum, default_value = "base")]
    of: Type,
    /// Plugins, with `-t`
    #[arg(value_name = "PLUGIN")]
    plugins: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Type {
    All,
    Base,
    Become,
    Cache,
    Callback,
    Cliconf,
    Connection,
    Httpapi,
    Inventory,
    Lookup,
    Netconf,
    Shell,
    Vars,
}

#[derive(Args, Debug)]
struct List {
    #[command(flatten)]
    which: Which,
    /// Format
    #[arg(short, long, value_name = "FORMAT", default_value = "yaml", value_parser = ["json", "yaml"])]
    format: String,
}

#[derive(Args, Debug)]
struct Dump {
    #[command(flatten)]
    which: Which,
    /// Only settings that are not at their default
    #[arg(long, visible_alias = "changed-only")]
    only_changed: bool,
    /// Format
    #[arg(short, long, value_name = "FORMAT", default_value = "display", value_parser = ["json", "yaml", "display"])]
    format: String,
}

#[derive(Args, Debug)]
struct View {
    #[command(flatten)]
    which: Which,
}

#[derive(Args, Debug)]
struct Init {
    #[command(flatten)]
    which: Which,
    /// Format: a configuration file, or environment variables
    #[arg(short, long, value_name = "FORMAT", default_value = "ini", value_parser = ["ini", "env"])]
    format: String,
    /// Comment out every entry
    #[arg(long)]
    disabled: bool,
}

#[derive(Args, Debug)]
struct Validate {
    #[command(flatten)]
    which: Which,
    /// What to check: the configuration file, or environment variables
    #[arg(short, long, value_name = "FORMAT", default_value = "ini", value_parser = ["ini", "env"])]
    format: String,
}

impl ConfigCommand {
    /// Do it.
    pub(super) fn execute(self) -> Exit {
        let done = match &self.action {
            Action::List(command) => command.which.load().map(|_| command.text()),
            Action::Dump(command) => command.which.load().map(|config| command.text(&config)),
            Action::View(command) => command.which.load().and_then(|config| view(&config)),
            Action::Init(command) => command.which.load().map(|config| command.text(&config)),
            Action::Validate(command) => command.which.load().and_then(|config| command.text(&config)),
        };
        match done {
            Ok(text) => {
                put(&text);
                Exit::Success
            }
            Err(stop) => {
                stop.told(color_of(&Config::load_here().0, std::io::IsTerminal::is_terminal(&std::io::stderr())))
            }
        }
    }
}

fn view(config: &Config) -> Result<String, Stop> {
    let Some(path) = config.path() else {
        return Err(Stop::options(
            Diagnostic::error("Invalid or no config file was supplied")
                .hint("`-c FILE` names one; `rprov config init > ansible.cfg` makes one"),
        ));
    };
    std::fs::read_to_string(path).map_err(|error| {
        let what = format!("could not read the configuration file {}", path.display());
        Diagnostic::error(what).cause(error.to_string()).into()
    })
}

/// A plugin, and its settings.
type PluginSettings = (&'static str, Vec<Setting>);

/// A setting's plugin and its name within that.
struct Place {
    /// The plugin's type and name.
    plugin: Option<(&'static str, &'static str)>,
    name: &'static str,
}

fn place(setting: Setting) -> Place {
    let mut parts = setting.name().splitn(3, '.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(kind), Some(plugin), Some(name)) => Place { plugin: Some((kind, plugin)), name },
        _ => Place { plugin: None, name: setting.name() },
    }
}

impl Which {
    fn load(&self) -> Result<Config, Stop> {
        let given = self.config_file.as_ref().map(|path| rprov_modules::account::expand_path(&path.to_string_lossy()));
        if let Some(path) = given.as_ref().filter(|path| !path.is_file()) {
            let shown = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            return Err(Stop::options(
                Diagnostic::error(format!(
                    "The provided configuration file is missing or not accessible: {}",
                    shown.display()
                ))
                .hint("`-c` takes a file in the syntax of `ansible.cfg`"),
            ));
        }
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let (config, notes) = Config::load(&here, |name| match (&given, name) {
            (Some(path), "ANSIBLE_CONFIG") => Some(path.display().to_string()),
            _ => std::env::var(name).ok(),
        });
        if notes.iter().any(|note| note.severity == Severity::Error) {
            return Err(Stop::settings(notes));
        }
        tell(&notes, color_of(&config, std::io::IsTerminal::is_terminal(&std::io::stderr())));
        let known =
            |wanted: &str| self.settings().any(|setting| place(setting).plugin.is_some_and(|(_, name)| name == wanted));
        for plugin in self.plugins.iter().filter(|plugin| self.of != Type::Base && !known(plugin)) {
            say(&format!("[WARNING]: Skipping {plugin} as we could not find matching plugin"));
        }
        Ok(config)
    }

    /// The settings that are meant: those of no plugin first, each part in the order of the names.
    fn settings(&self) -> impl Iterator<Item = Setting> {
        let wanted = |setting: &Setting| match (place(*setting).plugin, self.of) {
            (None, of) => matches!(of, Type::Base | Type::All),
            (Some(_), Type::Base) => false,
            (Some(_), Type::All) => true,
            (Some((kind, plugin)), of) => {
                let of = of.to_possible_value();
                of.is_some_and(|of| of.get_name() == kind)
                    && (self.plugins.is_empty() || self.plugins.iter().any(|wanted| wanted == plugin))
            }
        };
        let mut settings: Vec<Setting> = Setting::all().filter(wanted).collect();
        settings.sort_by_key(|setting| {
            let place = place(*setting);
            (place.plugin, place.name)
        });
        settings.into_iter()
    }

    fn of_no_plugin(&self) -> impl Iterator<Item = Setting> {
        self.settings().filter(|setting| place(*setting).plugin.is_none())
    }

    /// The kinds of plugins that are meant, each with its plugins and their settings.
    fn of_plugins(&self) -> Vec<(String, Vec<PluginSettings>)> {
        let kinds: Vec<String> = Type::value_variants()
            .iter()
            .filter(|kind| !matches!(kind, Type::All | Type::Base) && (self.of == Type::All || self.of == **kind))
            .filter_map(|kind| Some(kind.to_possible_value()?.get_name().to_owned()))
            .collect();
        let mut groups = Vec::new();
        for kind in kinds {
            let mut plugins: Vec<PluginSettings> = Vec::new();
            for setting in self.settings() {
                match (place(setting).plugin, plugins.last_mut()) {
                    (Some((of, plugin)), Some((last, settings))) if of == kind && *last == plugin => {
                        settings.push(setting);
                    }
                    (Some((of, plugin)), _) if of == kind => plugins.push((plugin, vec![setting])),
                    _ => {}
                }
            }
            groups.push((kind, plugins));
        }
        groups
    }
}

/// The origin of a value as `dump` shows it: of a file, its path alone.
fn origin(config: &Config, setting: Setting) -> String {
    match config.origin(setting) {
        Origin::File(span) => span.file().path.display().to_string(),
        other => other.to_string(),
    }
}

impl Dump {
    fn text(&self, config: &Config) -> String {
        match self.format.as_str() {
            "display" => self.display(config),
            format => formatted(&self.structure(config), format),
        }
    }

    fn is_shown(&self, config: &Config, setting: Setting) -> bool {
        !self.only_changed || config.is_set(setting)
    }

    fn display(&self, config: &Config) -> String {
        let line = |setting: Setting| {
            let value = from_json(&config.value(setting).to_json());
            let value = python::to_text(&value).unwrap_or_default();
            format!("{}({}) = {value}\n", place(setting).name, origin(config, setting))
        };
        let mut text = String::new();
        if matches!(self.which.of, Type::Base | Type::All) {
            let file = config.path().map_or_else(|| "None".to_owned(), |path| path.display().to_string());
            let own: Vec<Setting> = self.which.of_no_plugin().collect();
            let after = own.partition_point(|setting| setting.name() < "CONFIG_FILE");
            for (index, setting) in own.iter().enumerate() {
                if index == after {
                    text.push_str(&format!("CONFIG_FILE() = {file}\n"));
                }
                if self.is_shown(config, *setting) {
                    text.push_str(&line(*setting));
                }
            }
            text.push_str("\nGALAXY_SERVERS:\n");
            text.push_str(&self.servers(config));
            if self.which.of == Type::All {
                text.push('\n');
            }
        }
        for (kind, plugins) in self.which.of_plugins() {
            let mut shown = String::new();
            for (plugin, settings) in plugins {
                let lines: String =
                    settings.into_iter().filter(|setting| self.is_shown(config, *setting)).map(line).collect();
                if !lines.is_empty() {
                    shown.push_str(&format!("\n{plugin}:\n{}\n{lines}", "_".repeat(plugin.len())));
                }
            }
            if self.which.of == Type::All && (!shown.is_empty() || !self.only_changed) {
                let title = kind.to_uppercase();
                text.push_str(&format!("\n{title}:\n{}\n", "=".repeat(title.len())));
            }
            text.push_str(&shown);
        }
        text
    }

    /// The servers of `ansible-galaxy`, as text.
    fn servers(&self, config: &Config) -> String {
        let mut text = String::new();
        for server in galaxy::servers(config) {
            let start = if text.is_empty() { "\n\n" } else { "\n" };
            text.push_str(&format!("{start}{}\n{}\n", server.name, "=".repeat(server.name.len())));
            let mut options = server.options;
            options.sort_by_key(|option| option.name);
            for option in options.iter().filter(|option| !self.only_changed || option.is_set()) {
                let value = python::to_text(&from_json(&option.value)).unwrap_or_default();
                text.push_str(&format!("{}({}) = {value}\n", option.name, option.origin));
            }
        }
        text
    }

    fn structure(&self, config: &Config) -> Value {
        let entry = |setting: Setting| {
            json!({
                "name": place(setting).name,
                "origin": origin(config, setting),
                "value": config.value(setting).to_json(),
            })
        };
        let mut list = Vec::new();
        if matches!(self.which.of, Type::Base | Type::All) {
            let file = config.path().map(|path| path.display().to_string());
            let mut entries: Vec<Value> = self
                .which
                .of_no_plugin()
                .filter(|setting| self.is_shown(config, *setting))
                .map(entry)
                .chain([json!({"name": "CONFIG_FILE", "origin": "", "value": file})])
                .collect();
            entries.sort_by(|left, right| name_of(left).cmp(&name_of(right)));
            list.append(&mut entries);
            let servers = galaxy::servers(config).into_iter().map(|server| {
                let option = |option: &galaxy::Choice| {
                    json!({"name": option.name, "origin": option.origin, "type": null, "value": option.value})
                };
                (server.name.to_owned(), server.options.iter().map(option).collect())
            });
            list.push(json!({"GALAXY_SERVERS": servers.collect::<Map<_, _>>()}));
        }
        for (kind, plugins) in self.which.of_plugins() {
            let mut entries = Vec::new();
            for (plugin, settings) in plugins {
                let settings: Vec<Value> =
                    settings.into_iter().filter(|setting| self.is_shown(config, *setting)).map(entry).collect();
                if !settings.is_empty() {
                    entries.push(json!({ plugin: settings }));
                }
            }
            match self.which.of {
                Type::All => list.push(json!({ format!("{}_PLUGINS", kind.to_uppercase()): entries })),
                _ => list.append(&mut entries),
            }
        }
        Value::Array(list)
    }
}

fn name_of(entry: &Value) -> Option<&str> {
    entry.get("name")?.as_str()
}

impl List {
    fn text(&self) -> String {
        let mut root = Map::new();
        for setting in self.which.of_no_plugin() {
            root.insert(setting.name().to_owned(), described(setting));
        }
        let mut kinds = Map::new();
        for (kind, plugins) in self.which.of_plugins() {
            let mut named = Map::new();
            for (plugin, settings) in plugins {
                let settings: Map<String, Value> =
                    settings.into_iter().map(|setting| (place(setting).name.to_owned(), described(setting))).collect();
                named.insert(plugin.to_owned(), Value::Object(settings));
            }
            if !named.is_empty() {
                kinds.insert(kind, Value::Object(named));
            }
        }
        if self.which.of != Type::Base {
            root.insert("PLUGINS".to_owned(), Value::Object(kinds));
        }
        formatted(&Value::Object(root), &self.format)
    }
}

/// What there is to know of a setting.
fn described(setting: Setting) -> Value {
    let mut entry = Map::new();
    if let Kind::Choice(choices) = setting.kind() {
        entry.insert("choices".to_owned(), json!(choices));
    }
    if let Some(default) = setting.default_text() {
        let default = match setting.kind() {
            Kind::Bool => json!(rprov_modules::argument::boolean(default)),
            Kind::Int => default.parse::<i64>().map_or_else(|_| json!(default), |number| json!(number)),
            Kind::Float => default.parse::<f64>().map_or_else(|_| json!(default), |number| json!(number)),
            Kind::List | Kind::PathList => json!(default.split(',').map(str::trim).collect::<Vec<_>>()),
            Kind::Text | Kind::Choice(_) | Kind::Path | Kind::Paths => json!(default),
        };
        entry.insert("default".to_owned(), default);
    }
    if !setting.env().is_empty() {
        let names: Vec<Value> = setting.env().iter().map(|name| json!({ "name": name })).collect();
        entry.insert("env".to_owned(), Value::Array(names));
    }
    let keys = setting.ini().iter().filter_map(|place| place.split_once('.'));
    let keys: Vec<Value> = keys.map(|(section, key)| json!({ "key": key, "section": section })).collect();
    if !keys.is_empty() {
        entry.insert("ini".to_owned(), Value::Array(keys));
    }
    entry.insert("type".to_owned(), json!(kind_name(setting.kind())));
    Value::Object(entry)
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "boolean",
        Kind::Int => "integer",
        Kind::Float => "float",
        Kind::Text | Kind::Choice(_) => "string",
        Kind::List => "list",
        Kind::Path => "path",
        Kind::Paths => "pathspec",
        Kind::PathList => "pathlist",
    }
}

/// A value in this format: `json`, or else YAML.
pub(super) fn formatted(value: &Value, format: &str) -> String {
    match format {
        "json" => {
            let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
            // Four spaces for each level.
            text = text.lines().map(indented).collect::<Vec<_>>().join("\n");
            text.push('\n');
            text
        }
        _ => yaml::emit(value, &yaml::Style { allow_unicode: true, ..yaml::Style::default() }),
    }
}

/// A line of JSON with twice its indentation.
fn indented(line: &str) -> String {
    let content = line.trim_start();
    format!("{}{content}", " ".repeat(2 * (line.len() - content.len())))
}

impl Init {
    fn text(&self, config: &Config) -> String {
        let home = config.path_of(Setting::Home).map(|path| path.display().to_string()).unwrap_or_default();
        let value = |setting: Setting| {
            setting.default_text().map(|text| match setting {
                Setting::Home => text.to_owned(),
                _ => text.replace("{{ANSIBLE_HOME}}", &home),
            })
        };
        match self.format.as_str() {
            "env" => self.environment(value),
            _ => self.file(value),
        }
    }

    fn environment(&self, value: impl Fn(Setting) -> Option<String>) -> String {
        let mut text = String::new();
        let mut seen = BTreeSet::new();
        for setting in self.which.settings() {
            let Some(name) = setting.env().last().filter(|name| seen.insert(**name)) else { continue };
            let default = value(setting);
            let word = default.as_deref().unwrap_or_default();
            let quoted = shlex::try_quote(word).map(std::borrow::Cow::into_owned).unwrap_or_default();
            let off = if self.disabled || default.is_none() { "#" } else { "" };
            text.push_str(&format!(
                "{}\n{off}{name}={}\n\n",
                comment(setting),
                if word.is_empty() { "" } else { &quoted }
            ));
        }
        text
    }

    fn file(&self, value: impl Fn(Setting) -> Option<String>) -> String {
        // Sections in the order in which they are first met.
        let mut sections: Vec<(&str, String)> = Vec::new();
        let mut seen = BTreeSet::new();
        for setting in self.which.settings() {
            let place =
                setting.ini().last().filter(|place| seen.insert(**place)).and_then(|place| place.split_once('.'));
            let Some((section, key)) = place else { continue };
            let default = value(setting);
            // What is nothing by default has no text that would say so.
            let off = if self.disabled || default.is_none() { ";" } else { "" };
            let entry = format!("{}\n{off}{key}={}\n\n", comment(setting), default.unwrap_or_default());
            match sections.iter_mut().find(|(name, _)| *name == section) {
                Some((_, entries)) => entries.push_str(&entry),
                None => sections.push((section, entry)),
            }
        }
        sections.into_iter().map(|(name, entries)| format!("[{name}]\n{entries}\n")).collect()
    }
}

/// A line that says what a setting takes, and what else sets it.
fn comment(setting: Setting) -> String {
    let mut text = format!("# ({})", kind_name(setting.kind()));
    if let Kind::Choice(choices) = setting.kind() {
        text.push_str(&format!(" one of {}", choices.join(", ")));
    }
    if !setting.env().is_empty() {
        text.push_str(&format!(" {}", setting.env().join(", ")));
    }
    text
}

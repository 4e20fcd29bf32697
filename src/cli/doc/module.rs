//! Modules, as the structs that declare their arguments tell of them.

use rprov_modules::argument::{OptionSpec, Rule, Spec, Type};
use serde_json::{Map, Value, json};

use super::{Style, Subject};
use crate::action::{self, Known};

/// A module or action.
pub(super) struct Module(&'static Known);

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Module> {
    action::names().into_iter().filter_map(|name| action::find(name)).map(|known| Module(known))
}

/// The one of this name, short or full.
pub(super) fn find(name: &str) -> Option<Module> {
    action::find(name).map(|known| Module(known))
}

/// The options that people write, by name.
fn options(spec: &'static Spec) -> Vec<&'static OptionSpec> {
    let mut options: Vec<&OptionSpec> = spec.options().filter(|option| !option.name.starts_with('_')).collect();
    options.sort_by_key(|option| option.name);
    options
}

/// Documentation without the line breaks of its source.
pub(super) fn paragraphs(doc: &str) -> Vec<String> {
    let lines: Vec<&str> = doc.lines().map(str::trim).collect();
    lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty()).map(|lines| lines.join(" ")).collect()
}

fn choices(kind: &Type) -> Option<&'static [&'static str]> {
    match kind {
        Type::Choice(choices) => Some(choices),
        Type::List(item) => choices(item),
        _ => None,
    }
}

/// The options of an option.
fn nested(kind: &Type) -> Option<&'static Spec> {
    match kind {
        Type::Nested(spec) => Some(spec),
        Type::List(item) => nested(item),
        _ => None,
    }
}

impl Module {
    /// Its documentation and options.
    pub(super) fn spec(&self) -> &'static Spec {
        self.0.spec
    }
}

impl Subject for Module {
    fn name(&self) -> String {
        self.0.full_name()
    }

    fn summary(&self) -> String {
        paragraphs(self.0.spec.doc).into_iter().next().unwrap_or_default().trim_end_matches('.').to_owned()
    }

    fn text(&self, style: &Style) -> String {
        let mut text = format!("> MODULE {}\n\n", style.strong(&self.name()));
        for paragraph in paragraphs(self.0.spec.doc) {
            text.push_str(&format!("  {}\n", style.wrapped(&paragraph, 2)));
        }
        let options = options(self.0.spec);
        if !options.is_empty() {
            text.push_str(&format!("\n{} (= indicates it is required):\n", style.strong("OPTIONS")));
            options_text(&mut text, self.0.spec, 0, style);
        }
        if self.0.spec.open {
            text.push_str("\n  Options of any other name are taken as well.\n");
        }
        let rules = self.0.spec.rules;
        if !rules.is_empty() {
            text.push_str(&format!("\n{}:\n\n", style.strong("RULES")));
            for rule in rules {
                text.push_str(&format!("      * {}\n", style.wrapped(&rule_text(rule), 8)));
            }
        }
        text
    }

    fn json(&self) -> Value {
        let known = self.0;
        let description = paragraphs(known.spec.doc);
        json!({
            "doc": {
                "collection": known.collection,
                "description": description,
                "has_action": known.action.is_some(),
                "module": known.short,
                "options": options_json(known.spec),
                "plugin_name": self.name(),
                "short_description": self.summary(),
            },
            "examples": null,
            "metadata": null,
            "return": null,
        })
    }

    fn snippet(&self) -> Option<String> {
        const COLUMN: usize = 23;
        let name = json!(self.summary());
        let mut text = format!("- name: {name}\n  {}:\n", self.0.short);
        for option in options(self.0.spec) {
            let name = format!("{}:", option.name);
            let required = if option.required { "(required) " } else { "" };
            let doc = format!("{required}{}", paragraphs(option.doc).join(" "));
            let doc = Style { columns: 79, bold: false }.wrapped(&doc, 6 + COLUMN + 2);
            let doc: Vec<&str> = doc.lines().map(str::trim).collect();
            let margin = " ".repeat(6 + COLUMN);
            text.push_str(&format!("      {name:<COLUMN$} # {}\n", doc.join(&format!("\n{margin} # "))));
        }
        Some(text)
    }
}

fn options_text(text: &mut String, spec: &'static Spec, level: usize, style: &Style) {
    let margin = " ".repeat(level * 8);
    for option in options(spec) {
        let mark = if option.required { '=' } else { ' ' };
        let indent = margin.len() + 3 + option.name.len() + 2;
        let doc = style.wrapped(&paragraphs(option.doc).join("\n"), indent);
        text.push_str(&format!("\n{margin}{mark}  {}  {doc}\n", style.strong(option.name)));
        let mut fact = |name: &str, value: String| text.push_str(&format!("{margin}        {name}: {value}\n"));
        if !option.aliases.is_empty() {
            fact("aliases", format!("[{}]", option.aliases.join(", ")));
        }
        if let Some(choices) = choices(&option.kind) {
            fact("choices", format!("[{}]", choices.join(", ")));
        }
        if !option.required {
            let default = option.default.map(|default| default());
            fact("default", default.map_or_else(|| "null".to_owned(), |default| plain(&default)));
        }
        if let Type::List(item) = option.kind {
            fact("elements", item.name().to_owned());
        }
        fact("type", option.kind.name().to_owned());
        if let Some(inner) = nested(&option.kind) {
            text.push_str(&format!("\n{margin}        {}:\n", style.strong("OPTIONS")));
            options_text(text, inner, level + 1, style);
        }
    }
}

/// A default as people write it.
fn plain(value: &rprov_wire::Value) -> String {
    match value {
        rprov_wire::Value::String(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    }
}

fn options_json(spec: &'static Spec) -> Value {
    let mut all = Map::new();
    for option in options(spec) {
        let mut entry = Map::new();
        if !option.aliases.is_empty() {
            entry.insert("aliases".to_owned(), json!(option.aliases));
        }
        if let Some(choices) = choices(&option.kind) {
            entry.insert("choices".to_owned(), json!(choices));
        }
        if let Some(default) = option.default {
            entry.insert("default".to_owned(), default().to_json());
        }
        entry.insert("description".to_owned(), json!(paragraphs(option.doc)));
        if let Type::List(item) = option.kind {
            entry.insert("elements".to_owned(), json!(item.name()));
        }
        if option.required {
            entry.insert("required".to_owned(), json!(true));
        }
        if let Some(inner) = nested(&option.kind) {
            entry.insert("suboptions".to_owned(), options_json(inner));
        }
        entry.insert("type".to_owned(), json!(option.kind.name()));
        all.insert(option.name.to_owned(), Value::Object(entry));
    }
    Value::Object(all)
}

fn rule_text(rule: &Rule) -> String {
    match rule {
        Rule::Exclusive(names) => format!("at most one of {}", names.join(", ")),
        Rule::OneOf(names) => format!("at least one of {}", names.join(", ")),
        Rule::Together(names) => format!("all of {} or none of them", names.join(", ")),
        Rule::If(name, value, needed) => format!("{name}={value} needs {}", needed.join(", ")),
        Rule::IfAny(name, value, needed) => format!("{name}={value} needs one of {}", needed.join(", ")),
        Rule::By(name, needed) => format!("{name} needs {}", needed.join(", ")),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn every_module_and_every_option_says_what_it_is() {
        for module in all() {
            assert!(!module.summary().is_empty(), "{} has no description", module.name());
            for option in options(module.0.spec) {
                assert!(!option.doc.trim().is_empty(), "{}: {} has no description", module.name(), option.name);
            }
        }
    }

    #[test]
    fn a_snippet_is_a_task() {
        for module in all() {
            let snippet = module.snippet().unwrap();
            let loaded = crate::yaml::parse(std::path::Path::new("snippet"), snippet.as_str().into());
            let root = loaded.unwrap_or_else(|problem| panic!("{snippet}\n{problem:?}")).root;
            assert!(root.as_list().unwrap()[0].get(&module.0.short).is_some(), "{snippet}");
        }
    }
}

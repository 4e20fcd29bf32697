//! `rprov schema`: the playbook language with every module's options as a JSON Schema, for editors.
//!
//! It comes from what rprov itself reads by: the lists of keywords and the structs that declare modules' arguments. What it
//! refuses, rprov refuses; the reverse does not hold, since `module_defaults` and `args` may give what a module's own
//! key lacks, and templates show their values only in a run. The exception are short names of modules in the collections
//! that a play's `collections` names.
//!
//! * `keyword`: what keywords take;
//! * `option`: what modules take.

mod keyword;
mod option;

use clap::{Parser, ValueEnum};
use rprov_modules::account::expand_path;
use serde_json::{Map, Value, json};

use super::super::exit::Exit;
use super::super::settings::with_settings;
use super::super::tell::put;
use super::{Subject as _, module, own, pretty};
use crate::action;
use crate::playbook::keyword as language;

/// Show the playbook language as a JSON Schema, for editors
#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
pub(in crate::cli) struct SchemaCommand {
    /// What the files hold: whole playbooks, or tasks (also handlers) as in roles
    #[arg(value_name = "WHAT", value_enum, default_value = "playbook")]
    of: Content,
    /// More directories of modules, separated by `:`
    #[arg(short = 'M', long, value_name = "PATH")]
    module_path: Vec<String>,
    /// The directory of the playbooks, whose own modules and those of its roles are known as well
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    playbook_dir: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Content {
    Playbook,
    Tasks,
}

impl SchemaCommand {
    /// Do it.
    pub(in crate::cli) fn execute(self) -> Exit {
        with_settings(|config, _| {
            let library = own::library(&config, &self.module_path, Some(&self.playbook_dir));
            let roles =
                std::fs::read_dir(expand_path(&self.playbook_dir).join("roles")).into_iter().flatten().flatten();
            roles.for_each(|role| library.add_role(&role.path()));
            put(&pretty(&self.of.schema(&library.names())));
            Ok(Exit::Success)
        })
    }
}

impl Content {
    /// Modules of the user's own go by these names.
    fn schema(self, own: &[String]) -> Value {
        let (title, items) = match self {
            Content::Playbook => ("A playbook", "entry"),
            Content::Tasks => ("Tasks or handlers", "item"),
        };
        json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": title,
            "type": ["array", "null"],
            "items": reference(items),
            "definitions": definitions(own),
        })
    }
}

/// The schema of this name among the definitions.
fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{name}") })
}

fn definitions(own: &[String]) -> Value {
    let mut all = Map::new();
    let mut define = |name: &str, schema: Value| all.insert(name.to_owned(), schema);
    // A choice by a key that tells them apart gives editors one list of mistakes, where `anyOf` would give all lists.
    let by = |key: &[&str], then: &str, other: &str| {
        let keys: Vec<Value> = key.iter().map(|key| json!({ "required": [key] })).collect();
        json!({ "type": "object", "if": { "anyOf": keys }, "then": reference(then), "else": reference(other) })
    };
    define(
        "entry",
        by(
            &["import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook", "include"],
            "import",
            "play",
        ),
    );
    define("item", by(&["block"], "block", "task"));
    define("items", json!({ "type": ["array", "null"], "items": reference("item") }));

    let mut import = keyword::properties(&[language::IMPORT_PLAYBOOK]);
    for name in ["import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook", "include"] {
        import.insert(name.to_owned(), json!({ "type": "string", "description": "A playbook whose plays run here." }));
    }
    define("import", closed(import));

    let mut play = closed(keyword::properties(&[language::BASE, language::PLAY]));
    play["required"] = json!(["hosts"]);
    define("play", play);
    define("block", closed(keyword::properties(&[language::BASE, language::CONDITIONAL, language::BLOCK])));
    define("loop_control", closed(keyword::properties(&[language::LOOP_CONTROL])));
    define("prompt", closed(keyword::properties(&[language::PROMPT])));
    // Any other key is a variable of the role.
    let mut role = keyword::properties(&[language::BASE, language::CONDITIONAL]);
    role.insert("role".to_owned(), json!({ "type": "string", "description": "The role's name, or its directory." }));
    define("role", json!({ "type": "object", "properties": role }));

    let mut task = keyword::properties(&[language::BASE, language::CONDITIONAL, language::TASK, language::HANDLER]);
    task.insert("static".to_owned(), json!({ "description": "What playbooks before 2018 say of an include." }));
    for module in module::all() {
        let full = module.name();
        let (collection, short) = full.rsplit_once('.').unwrap_or(("", &full));
        let definition = format!("module.{short}");
        task.insert(short.to_owned(), reference(&definition));
        task.insert(full.clone(), reference(&definition));
        if collection == "ansible.builtin" {
            task.insert(format!("ansible.legacy.{short}"), reference(&definition));
        }
        define(&definition, option::module(&module));
    }
    for name in own.iter().map(|name| name.strip_prefix('_').unwrap_or(name)) {
        // What has a part on the controller is not replaced.
        if action::find(name).is_none_or(|known| known.module.is_some() && known.action.is_none()) {
            let own = json!({ "description": "A module of your own." });
            task.insert(format!("ansible.legacy.{name}"), own.clone());
            task.insert(name.to_owned(), own);
        }
    }
    let mut task = closed(task);
    task["patternProperties"] = json!({
        "^with_[a-z_.]+$": { "description": "A loop over what the lookup of that name gives." },
        "^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z0-9_]+){2,}$": { "description": "A module of a collection." },
        "\\{\\{": { "description": "A module's name that is found when the task runs." },
    });
    define("task", task);
    Value::Object(all)
}

/// An object that has these properties and no other.
fn closed(properties: Map<String, Value>) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

//! The description of a module's arguments, and the check of a task's arguments against it.
//!
//! The controller checks before it connects: unknown names, wrong types, values that are no choice, what is required
//! or excludes each other. Values that hold a template can only be checked once they are rendered, and are skipped
//! until then.

use rprov_wire::{Map, Value};

/// A module's documentation and argument list.
#[derive(Debug)]
pub struct Spec {
    /// What the module does; the first line is the short description.
    pub doc: &'static str,
    /// The options of its own.
    pub own: &'static [OptionSpec],
    /// Whose options it takes as well.
    pub shared: Option<&'static Spec>,
    /// What options demand of each other.
    pub rules: &'static [Rule],
    /// The module takes `- shell: free text`; the text arrives as this option.
    pub free_form: Option<&'static str>,
    /// It takes options of any name beside these (`set_fact`).
    pub open: bool,
}

/// One option of a module.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Its name.
    pub name: &'static str,
    /// Other names that it goes by.
    pub aliases: &'static [&'static str],
    /// What it means.
    pub doc: &'static str,
    /// Its type.
    pub kind: Type,
    /// The module cannot do without.
    pub required: bool,
    /// What it is where it is not given.
    pub default: Option<fn() -> Value>,
}

/// The type of an option, as Ansible names it.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// Text; numbers and booleans are accepted and written out.
    Str,
    /// Text that must not appear in logs.
    Secret,
    /// A path on the host; `~` and `$VAR` are expanded there.
    Path,
    /// An integer, or text that is one.
    Int,
    /// A number, or text that is one.
    Float,
    /// A boolean in any of the spellings that YAML 1.1 and Ansible know.
    Bool,
    /// Permissions: octal digits as text or number, or symbolic (`u=rw,g=r`).
    Mode,
    /// A map.
    Dict,
    /// Anything, as it is.
    Raw,
    /// JSON text, or a structure that is turned into it.
    Json,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list; a single value, or text with commas, counts as one.
    List(&'static Type),
    /// A map with options of its own.
    Nested(&'static Spec),
}

impl Type {
    /// Ansible's name for it (`str`, `path`, `list` ...).
    pub fn name(&self) -> &'static str {
        match self {
            Type::Str | Type::Secret | Type::Choice(_) => "str",
            Type::Path => "path",
            Type::Int => "int",
            Type::Float => "float",
            Type::Bool => "bool",
            Type::Mode | Type::Raw => "raw",
            Type::Dict | Type::Nested(_) => "dict",
            Type::Json => "json",
            Type::List(_) => "list",
        }
    }
}

/// What options demand of each other.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// At most one of these.
    Exclusive(&'static [&'static str]),
    /// At least one of these.
    OneOf(&'static [&'static str]),
    /// All of these or none.
    Together(&'static [&'static str]),
    /// If the first option has the given value (in text form), all of the others are needed.
    If(&'static str, &'static str, &'static [&'static str]),
    /// If the first option has the given value, at least one of the others is needed.
    IfAny(&'static str, &'static str, &'static [&'static str]),
    /// If the first option is given, so must the others be.
    By(&'static str, &'static [&'static str]),
}

/// What is wrong with a task's arguments.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ArgumentProblem {
    /// No option goes by that name.
    #[error("`{module}` has no option `{option}`")]
    Unknown {
        /// The module.
        module: String,
        /// The name as written.
        option: String,
        /// The option that was probably meant.
        closest: Option<String>,
    },
    /// A required option is missing.
    #[error("missing required arguments: {option}")]
    Missing {
        /// Its name.
        option: String,
    },
    /// The value does not fit the option's type.
    #[error("argument '{option}' is of type {found} and we were unable to convert to {wanted}: {reason}")]
    Type {
        /// The option.
        option: String,
        /// Type of the value given.
        found: &'static str,
        /// Type that is wanted.
        wanted: &'static str,
        /// Why it cannot be converted.
        reason: String,
    },
    /// The value is none of the choices.
    #[error("value of {option} must be one of: {}, got: {given}", choices.join(", "))]
    Choice {
        /// The option.
        option: String,
        /// What may be given.
        choices: Vec<String>,
        /// What was given.
        given: String,
    },
    /// A [`Rule`] is broken.
    #[error("{message}")]
    Rule {
        /// In Ansible's words.
        message: String,
        /// The option that the message is about.
        option: String,
    },
}

impl ArgumentProblem {
    /// The option that is to blame.
    pub fn option(&self) -> &str {
        match self {
            ArgumentProblem::Unknown { option, .. }
            | ArgumentProblem::Missing { option }
            | ArgumentProblem::Type { option, .. }
            | ArgumentProblem::Choice { option, .. }
            | ArgumentProblem::Rule { option, .. } => option,
        }
    }
}

impl Spec {
    /// The options, own ones first.
    pub fn options(&self) -> impl Iterator<Item = &'static OptionSpec> + Clone + use<> {
        std::iter::successors(Some(Specs { own: self.own, shared: self.shared }), |specs| {
            specs.shared.map(|shared| Specs { own: shared.own, shared: shared.shared })
        })
        .flat_map(|specs| specs.own)
    }

    /// The option that `name` means, by name or alias.
    pub fn option(&self, name: &str) -> Option<&'static OptionSpec> {
        self.options().find(|option| option.goes_by(name))
    }

    /// Everything that is wrong with `arguments`.
    ///
    /// `pending` tells which options hold a template that is not rendered yet; their values are not looked at.
    pub fn check(&self, module: &str, arguments: &Map, pending: impl Fn(&str) -> bool) -> Vec<ArgumentProblem> {
        let mut problems = Vec::new();
        check_options(module, "", self, arguments, &pending, &mut problems);
        if self.open {
            problems.retain(|problem| !matches!(problem, ArgumentProblem::Unknown { .. }));
        }
        let given = |name: &str| {
            self.options().find(|option| option.name == name).and_then(|option| given_value(option, arguments))
        };
        let default = |name: &str| self.option(name)?.default.map(|default| default());
        for rule in self.rules {
            if let Some((message, option)) = rule.broken(&given, &default, &pending) {
                problems.push(ArgumentProblem::Rule { message, option });
            }
        }
        problems
    }
}

/// What one step of [`Spec::options`] gives, and where the next is.
#[derive(Clone, Copy)]
struct Specs {
    own: &'static [OptionSpec],
    shared: Option<&'static Spec>,
}

impl OptionSpec {
    fn goes_by(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

fn given_value<'a>(option: &OptionSpec, arguments: &'a Map) -> Option<&'a Value> {
    std::iter::once(&option.name)
        .chain(option.aliases)
        .find_map(|name| arguments.get(*name))
        .filter(|value| !value.is_null())
}

fn check_options(
    module: &str,
    prefix: &str,
    spec: &Spec,
    arguments: &Map,
    pending: &impl Fn(&str) -> bool,
    problems: &mut Vec<ArgumentProblem>,
) {
    for name in arguments.keys() {
        // What the controller itself says of a call is none of the module's options.
        let own = matches!(name.as_str(), "_raw_params" | "_uses_shell") || name == "_diff_peek" && module == "file";
        if !own && spec.option(name).is_none() {
            let names = spec
                .options()
                .flat_map(|option| std::iter::once(&option.name).chain(option.aliases).copied())
                .filter(|candidate| !candidate.starts_with('_'));
            problems.push(ArgumentProblem::Unknown {
                module: module.to_owned(),
                option: format!("{prefix}{name}"),
                closest: closest(name, names).map(str::to_owned),
            });
        }
    }
    for option in spec.options() {
        let full = format!("{prefix}{}", option.name);
        match given_value(option, arguments) {
            None if option.required && !pending(&full) => {
                problems.push(ArgumentProblem::Missing { option: full });
            }
            None => {}
            Some(_) if pending(&full) || option.aliases.iter().any(|alias| pending(alias)) => {}
            Some(value) => super::decode::check_value(&full, &option.kind, value, problems),
        }
    }
}

/// Check a nested map against its own options.
pub(super) fn check_nested(prefix: &str, spec: &Spec, map: &Map, problems: &mut Vec<ArgumentProblem>) {
    check_options(prefix.trim_end_matches('.'), prefix, spec, map, &|_| false, problems);
}

impl Rule {
    fn broken<'a>(
        &self,
        given: &impl Fn(&str) -> Option<&'a Value>,
        default: &impl Fn(&str) -> Option<Value>,
        pending: &impl Fn(&str) -> bool,
    ) -> Option<(String, String)> {
        let missing = |names: &[&str]| -> Vec<String> {
            names.iter().filter(|name| given(name).is_none()).map(|name| (*name).to_owned()).collect()
        };
        let is = |name: &str, wanted: &str| {
            !pending(name)
                && given(name).cloned().or_else(|| default(name)).is_some_and(|value| match value {
                    Value::Bool(flag) => super::decode::boolean(wanted).is_some_and(|wanted| wanted == flag),
                    Value::String(text) => text == wanted,
                    other => other.to_string() == wanted,
                })
        };
        match self {
            Rule::Exclusive(names) => {
                let found: Vec<&str> = names.iter().copied().filter(|name| given(name).is_some()).collect();
                (found.len() > 1)
                    .then(|| (format!("parameters are mutually exclusive: {}", names.join("|")), found[1].to_owned()))
            }
            Rule::OneOf(names) => (missing(names).len() == names.len())
                .then(|| (format!("one of the following is required: {}", names.join(", ")), names[0].to_owned())),
            Rule::Together(names) => {
                let absent = missing(names);
                (!absent.is_empty() && absent.len() < names.len())
                    .then(|| (format!("parameters are required together: {}", names.join(", ")), absent[0].clone()))
            }
            Rule::If(name, wanted, needed) => {
                let absent = missing(needed);
                (is(name, wanted) && !absent.is_empty()).then(|| {
                    (
                        format!("{name} is {wanted} but all of the following are missing: {}", absent.join(", ")),
                        (*name).to_owned(),
                    )
                })
            }
            Rule::IfAny(name, wanted, needed) => {
                (is(name, wanted) && missing(needed).len() == needed.len()).then(|| {
                    (
                        format!("{name} is {wanted} but any of the following are missing: {}", needed.join(", ")),
                        (*name).to_owned(),
                    )
                })
            }
            Rule::By(name, needed) => {
                let absent = missing(needed);
                (given(name).is_some() && !absent.is_empty()).then(|| {
                    (format!("missing parameter(s) required by '{name}': {}", absent.join(", ")), (*name).to_owned())
                })
            }
        }
    }
}

/// The candidate that is closest to `name`, if one is close enough to be a typing mistake.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= limit
                || (candidate.len() > 3
                    && name.len() > 3
                    && (candidate.starts_with(name) || name.starts_with(candidate)))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) that lead from one word to the other.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for (index, row) in rows.iter_mut().enumerate() {
        row[0] = index;
    }
    for (index, cell) in rows[0].iter_mut().enumerate() {
        *cell = index;
    }
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let cost = usize::from(left[i - 1] != right[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_mistake_finds_the_word_that_was_meant() {
        assert_eq!(closest("sate", ["state", "name", "src"]), Some("state"));
        assert_eq!(closest("ownr", ["owner", "group"]), Some("owner"));
        assert_eq!(closest("colour", ["owner", "group"]), None);
    }
}

//! `validate_argument_spec`: the arguments of a role, checked against its specification.

use async_trait::async_trait;
use minijinja::Value;
use minijinja::value::ValueKind;
use rprov_modules::argument::boolean;
use rprov_modules::arguments;
use rprov_wire::Map;

use super::call::{Action, Call, Done, Stop, entries};

arguments! {
    /// Validate role argument specs.
    pub struct Arguments {
        /// The specification: a dictionary of options.
        argument_spec: Map,
        /// The arguments; variables of the options' names where they are not given.
        provided_arguments: Option<Map>,
        /// What the arguments are for, handed on in the result.
        validate_args_context: Option<Map>,
    }
}

/// `validate_argument_spec`
pub(super) struct ValidateArgumentSpec;

#[async_trait]
impl Action for ValidateArgumentSpec {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        let context = arguments.validate_args_context.unwrap_or_default();
        let spec = call.value(&["argument_spec"]).cloned().unwrap_or_default();
        let provided = call.value(&["provided_arguments"]).cloned();
        let mut given = Vec::new();
        for (name, option) in entries(&spec) {
            let name = name.to_string();
            let value = match provided.as_ref().map(|provided| provided.get_attr(&name)) {
                Some(Ok(value)) if !value.is_undefined() => Some(value),
                _ => call.scope.get(&name)?.map(|value| crate::template::finalize(&value)).transpose()?,
            };
            given.push((name, option, value.filter(|value| !value.is_undefined())));
        }
        let mut check = Check::default();
        check.options(&given, &mut Vec::new());
        let problems = check.finish();
        if problems.is_empty() {
            let done = Done::unchanged().with("msg", "The arg spec validation passed");
            return Ok(done.with("validate_args_context", context));
        }
        let failure = rprov_modules::Failure::new(format!("Validation of arguments failed:\n{}", problems.join("\n")))
            .with("argument_errors", problems)
            .with("argument_spec_data", arguments.argument_spec)
            .with("validate_args_context", context);
        Err(failure.into())
    }
}

/// Options by their names: what is said of each, and its value where there is one.
type Given = [(String, Value, Option<Value>)];

fn is_given(value: &Value) -> bool {
    !value.is_none() && !value.is_undefined()
}

/// What an option's specification says under a key.
fn attribute(option: &Value, key: &str) -> Option<Value> {
    option.get_attr(key).ok().filter(is_given)
}

/// One check, in the order in which ansible-core tells what it finds.
#[derive(Default)]
struct Check {
    problems: Vec<String>,
    unknown: Vec<String>,
}

impl Check {
    fn options(&mut self, given: &Given, path: &mut Vec<String>) {
        let within = match path.is_empty() {
            true => String::new(),
            false => format!(" found in {}", path.join(" -> ")),
        };
        let quoted = match path.is_empty() {
            true => String::new(),
            false => format!(" found in '{}'", path.join(" -> ")),
        };
        let is_required = |option: &Value| {
            attribute(option, "required").is_some_and(|required| required.is_true())
                && attribute(option, "default").is_none()
        };
        let missing = given.iter().filter(|(_, option, value)| value.is_none() && is_required(option));
        let mut missing: Vec<&str> = missing.map(|(name, ..)| name.as_str()).collect();
        missing.sort_unstable();
        if !missing.is_empty() {
            self.problems.push(format!("missing required arguments: {}{within}", missing.join(", ")));
        }
        let mut fitting = Vec::new();
        for (name, option, value) in given {
            let Some(value) = value else { continue };
            // What has nothing in it counts as given where it must be given.
            if value.is_none() && !is_required(option) {
                continue;
            }
            let kind = attribute(option, "type").map_or_else(|| "str".to_owned(), |kind| kind.to_string());
            if !fits(&kind, value) {
                let place = if quoted.is_empty() { String::new() } else { format!("{quoted}.") };
                self.problems.push(format!(
                    "argument '{name}' is of type {}{place} and we were unable to convert to {kind}: {}",
                    type_name(value),
                    reason(&kind, value)
                ));
                continue;
            }
            fitting.push((name, option, value));
            let Some(elements) = attribute(option, "elements").map(|elements| elements.to_string()) else { continue };
            for item in items(value).iter().filter(|item| !fits(&elements, item)) {
                self.problems.push(format!(
                    "Elements value for option '{name}'{quoted} is of type {} and we were unable to convert to {elements}: {}",
                    type_name(item),
                    reason(&elements, item)
                ));
            }
        }
        for (name, option, value) in &fitting {
            let Some(choices) = attribute(option, "choices") else { continue };
            let choices: Vec<Value> = choices.try_iter().into_iter().flatten().collect();
            for item in items(value) {
                if !choices.iter().any(|choice| *choice == item || choice.to_string() == item.to_string()) {
                    let list: Vec<String> = choices.iter().map(ToString::to_string).collect();
                    self.problems
                        .push(format!("value of {name} must be one of: {}, got: {item}{within}", list.join(", ")));
                }
            }
        }
        for (name, option, value) in fitting {
            let Some(options) = attribute(option, "options") else { continue };
            path.push(name.clone());
            for item in items(value).iter().filter(|item| item.kind() == ValueKind::Map) {
                self.suboptions(&options, item, path);
            }
            path.pop();
        }
    }

    fn suboptions(&mut self, options: &Value, item: &Value, path: &mut Vec<String>) {
        let known = entries(options);
        let names: Vec<String> = known.iter().map(|(name, _)| name.to_string()).collect();
        for (key, _) in entries(item) {
            if !names.contains(&key.to_string()) {
                let mut listed = names.clone();
                listed.sort_unstable();
                self.unknown.push(format!(
                    "{}.{key}. Supported parameters include: {}.",
                    path.join("."),
                    listed.join(", ")
                ));
            }
        }
        let given: Vec<_> = known
            .into_iter()
            .map(|(key, option)| {
                let value = item.get_item(&key).ok().filter(|value| !value.is_undefined());
                (key.to_string(), option, value)
            })
            .collect();
        self.options(&given, path);
    }

    fn finish(mut self) -> Vec<String> {
        self.problems.append(&mut self.unknown);
        self.problems
    }
}

/// The items of a list; a single value as the only one.
fn items(value: &Value) -> Vec<Value> {
    match value.kind() {
        ValueKind::Seq => value.try_iter().into_iter().flatten().collect(),
        _ => vec![value.clone()],
    }
}

/// Why a value is not of a type.
fn reason(kind: &str, value: &Value) -> String {
    let shown = crate::template::python::repr(value).unwrap_or_else(|_| value.to_string());
    match kind {
        "int" => format!("\"{shown}\" cannot be converted to an int"),
        "float" => format!("{shown} cannot be converted to a float"),
        "bool" => format!("The value {shown} is not a valid boolean. Write true or false"),
        _ if value.as_str().is_none() => format!("<class '{}'> cannot be converted to a {kind}", type_name(value)),
        _ => format!("{shown} cannot be converted to a {kind}"),
    }
}

fn fits(kind: &str, value: &Value) -> bool {
    let text = value.as_str();
    if value.is_none() {
        return matches!(kind, "raw" | "str");
    }
    match kind {
        "int" => value.is_integer() || text.is_some_and(|text| text.trim().parse::<i64>().is_ok()),
        "float" => value.is_number() || text.is_some_and(|text| text.trim().parse::<f64>().is_ok()),
        "bool" => {
            value.kind() == ValueKind::Bool
                || text.is_some_and(|text| boolean(text).is_some())
                || i64::try_from(value.clone()).is_ok_and(|number| number == 0 || number == 1)
        }
        "dict" => {
            value.kind() == ValueKind::Map || text.is_some_and(|text| text.contains('=') || text.starts_with('{'))
        }
        "list" => !matches!(value.kind(), ValueKind::Map),
        "path" => !matches!(value.kind(), ValueKind::Map | ValueKind::Seq),
        _ => true,
    }
}

fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::Seq => "list",
        ValueKind::Map => "dict",
        _ => "str",
    }
}

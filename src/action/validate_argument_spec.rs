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
        let mut problems = Vec::new();
        for (name, option) in entries(&spec) {
            let name = name.to_string();
            let value = match provided.as_ref().map(|provided| provided.get_attr(&name)) {
                Some(Ok(value)) if !value.is_undefined() => Some(value),
                _ => call.scope.get(&name)?.map(|value| crate::template::finalize(&value)).transpose()?,
            };
            check(&name, &option, value.as_ref(), &mut problems);
        }
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

fn check(name: &str, option: &Value, value: Option<&Value>, problems: &mut Vec<String>) {
    let attribute = |key: &str| option.get_attr(key).ok().filter(|value| !value.is_undefined() && !value.is_none());
    let Some(value) = value.filter(|value| !value.is_none() && !value.is_undefined()) else {
        if attribute("required").is_some_and(|required| required.is_true()) && attribute("default").is_none() {
            problems.push(format!("missing required arguments: {name}"));
        }
        return;
    };
    let kind = attribute("type").map_or_else(|| "str".to_owned(), |kind| kind.to_string());
    if !fits(&kind, value) {
        problems.push(format!(
            "argument '{name}' is of type {} and we were unable to convert to {kind}: {}",
            type_name(value),
            match kind.as_str() {
                "int" => format!("\"{value:?}\" cannot be converted to an int"),
                "float" => format!("{value:?} cannot be converted to a float"),
                _ => format!("{value:?} is no {kind}"),
            }
        ));
        return;
    }
    let items: Vec<Value> = match value.kind() {
        ValueKind::Seq => value.try_iter().into_iter().flatten().collect(),
        _ => vec![value.clone()],
    };
    if let Some(choices) = attribute("choices") {
        let choices: Vec<Value> = choices.try_iter().into_iter().flatten().collect();
        for item in &items {
            if !choices.iter().any(|choice| choice == item || choice.to_string() == item.to_string()) {
                let list: Vec<String> = choices.iter().map(ToString::to_string).collect();
                problems.push(format!("value of {name} must be one of: {}, got: {item}", list.join(", ")));
            }
        }
    }
    if let Some(elements) = attribute("elements") {
        let elements = elements.to_string();
        for item in &items {
            if !fits(&elements, item) {
                problems.push(format!(
                    "Elements value for option '{name}' is of type {} and we were unable to convert to {elements}",
                    type_name(item)
                ));
            }
        }
    }
    if let Some(options) = attribute("options") {
        for item in items.iter().filter(|item| item.kind() == ValueKind::Map) {
            let known = entries(&options);
            for (key, _) in entries(item) {
                if !known.iter().any(|(name, _)| *name == key) {
                    problems.push(format!("{name}.{key}. Supported parameters include: {}.", {
                        let names: Vec<String> = known.iter().map(|(name, _)| name.to_string()).collect();
                        names.join(", ")
                    }));
                }
            }
            for (key, nested) in known {
                let value = item.get_item(&key).ok().filter(|value| !value.is_undefined());
                check(&format!("{name}.{key}"), &nested, value.as_ref(), problems);
            }
        }
    }
}

fn fits(kind: &str, value: &Value) -> bool {
    let text = value.as_str();
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
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::Seq => "list",
        ValueKind::Map => "dict",
        _ => "str",
    }
}

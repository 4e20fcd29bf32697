//! `include_tasks`: tasks of a file, loaded while the play runs.

use async_trait::async_trait;
use rprov_modules::argument::Raw;
use rprov_modules::arguments;

use super::call::{Action, Call, Done, Stop};
use crate::run::{Effect, IncludeRequest, IncludeTarget};
use crate::source::Span;
use crate::vars::Values;
use crate::yaml::{Data, Node};

arguments! {
    /// Dynamically include a task list.
    pub struct Arguments {
        /// The file.
        file | _raw_params: Option<String>,
        /// Keywords for the included tasks.
        apply: Option<Raw>,
    }
    free_form: "file"
}

/// `include_tasks`
pub(super) struct IncludeTasks;

#[async_trait]
impl Action for IncludeTasks {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        let Some(file) = arguments.file else {
            return Err(Stop::failed("No file specified for include_tasks"));
        };
        Ok(request(&call, IncludeTarget::Tasks(file.clone()), arguments.apply.as_ref())?.with("include", file))
    }
}

/// The result of an include: the request, with the loop's item for the included tasks.
pub(super) fn request(call: &Call<'_>, target: IncludeTarget, apply: Option<&Raw>) -> Result<Done, Stop> {
    let mut variables = Values::new();
    let mut label = None;
    let name = call.scope.get("ansible_loop_var")?.and_then(|name| name.as_str().map(str::to_owned));
    if let (Some(name), Some(looping)) = (name, &call.task.looping) {
        let index = call.scope.get("ansible_index_var")?.and_then(|name| name.as_str().map(str::to_owned));
        for name in [Some(name.clone()), index, Some("ansible_loop_var".into()), Some("ansible_loop".into())] {
            if let Some(name) = name
                && let Some(value) = call.scope.get(&name)?
            {
                variables.insert(name.into(), crate::template::finalize(&value)?.into());
            }
        }
        let item = match &looping.control.label {
            Some(written) => Some(written.render(call.scope)?),
            None => call.scope.get(&name)?,
        };
        label = item.map(|item| item.to_string());
    }
    let apply = apply.map(|raw| node_of(&raw.0, call.task.span));
    let effect = Effect::Include(IncludeRequest { target, apply, variables, label });
    Ok(Done::unchanged().and(effect))
}

/// A rendered `apply` as a tree, so that its keywords are read as any others.
fn node_of(value: &rprov_wire::Value, span: Span) -> Node {
    use rprov_wire::Value;
    let data = match value {
        Value::Null => Data::Null,
        Value::Bool(flag) => Data::Bool(*flag),
        Value::Int(number) => Data::Int(*number),
        Value::BigInt(number) => Data::BigInt(number.to_string().into()),
        Value::Float(number) => Data::Float(*number),
        Value::String(text) => Data::String(text.as_str().into()),
        Value::List(items) => Data::List(items.iter().map(|item| node_of(item, span)).collect()),
        Value::Map(map) => Data::Map(
            map.iter()
                .map(|(key, value)| (Node { data: Data::String(key.as_str().into()), span }, node_of(value, span)))
                .collect(),
        ),
    };
    Node { data, span }
}

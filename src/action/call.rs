//! What an action is given, and what it gives back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use minijinja::Value;
use minijinja::value::ValueKind;
use rprov_modules::argument::{Argument, ArgumentProblem};
use rprov_modules::{Arguments, Failure};
use rprov_wire::{Map, Options, Source};

use super::registry::{self, Called};
use crate::connection::ConnectionError;
use crate::playbook::Task;
use crate::run::{Effect, Mistake, Remote, Shared};
use crate::source::Span;
use crate::template::{self, Scope, TemplateError, Written};
use crate::vars::HostVariables;
use crate::vault::Keyring;

/// The controller half of a module.
#[async_trait]
pub trait Action: Send + Sync {
    /// Do it for one host and one item.
    ///
    /// # Errors
    /// See [`Stop`]; a failure is data like a success, and ends up in the same result.
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop>;
}

/// One call of an action: a task on one host, for one item.
#[derive(Debug)]
pub struct Call<'a> {
    /// The run.
    pub shared: &'a Arc<Shared>,
    /// The task.
    pub task: &'a Task,
    /// The host's variables.
    pub host: &'a Arc<HostVariables>,
    /// What names mean.
    pub scope: &'a Scope,
    /// The arguments, rendered, without omitted ones.
    pub arguments: Map,
    /// The same with the types that templates gave them.
    pub values: &'a [(String, Value)],
    /// The way to the host.
    pub remote: &'a Remote,
    /// The way to the task's own host, where it is delegated and the action goes to both.
    pub own: Option<&'a Remote>,
    /// Check mode, diff, environment ...
    pub options: &'a Options,
}

/// A result, and what is to be done to the run.
#[derive(Debug, Default)]
pub struct Done {
    /// The result.
    pub result: Map,
    /// What is to be done.
    pub effects: Vec<Effect>,
}

impl Done {
    /// Only a result.
    pub fn new(result: Map) -> Self {
        Self { result, effects: Vec::new() }
    }

    /// A result that changed nothing.
    pub fn unchanged() -> Self {
        let mut result = Map::new();
        result.insert("changed".into(), false.into());
        Self::new(result)
    }

    /// Add a return value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<rprov_wire::Value>) -> Self {
        self.result.insert(name.to_owned(), value.into());
        self
    }

    /// Add something to be done.
    #[must_use]
    pub fn and(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}

/// Why a call did not come to its end.
#[derive(Debug)]
pub enum Stop {
    /// It failed; this is its result.
    Failed(Map),
    /// It was refused before anything was done; this is its result.
    Refused(Map),
    /// The module cannot take its arguments; this is its result.
    Unfit(Map),
    /// Something in the playbook cannot be done; the message is the result's, where it differs from the mistake's.
    Mistaken {
        /// The mistake.
        mistake: Box<Mistake>,
        /// The result's message.
        message: Option<String>,
    },
    /// There is no way to the host.
    Connection(ConnectionError),
    /// A template could not be rendered.
    Template(TemplateError),
    /// The template of an argument could not be rendered.
    Argument {
        /// The argument; empty where it is about all of them.
        name: String,
        /// Where its value was written.
        span: Option<Span>,
        /// What is wrong with it.
        error: TemplateError,
    },
}

impl Stop {
    /// A failure with nothing but its message.
    pub fn failed(message: impl Into<String>) -> Self {
        Stop::Failed(Failure::new(message).into_map())
    }

    /// Something that cannot be done as it was asked for.
    pub fn refused(message: impl Into<String>) -> Self {
        Stop::Refused(Failure::new(message).into_map())
    }

    /// The task's result.
    pub fn into_result(self) -> Map {
        match self {
            Stop::Failed(result) | Stop::Refused(result) | Stop::Unfit(result) => result,
            Stop::Mistaken { mistake, message } => {
                Failure::new(message.unwrap_or_else(|| mistake.message())).into_map()
            }
            Stop::Connection(error) => {
                let mut result = Map::new();
                result.insert("changed".into(), false.into());
                result.insert("msg".into(), format!("Task failed: {error}").into());
                // The host can be reached, and only this task cannot be done there.
                let name = if matches!(error, ConnectionError::Become { .. }) { "failed" } else { "unreachable" };
                result.insert(name.into(), true.into());
                result
            }
            Stop::Template(error) | Stop::Argument { error, .. } => Failure::new(error.message().to_owned()).into_map(),
        }
    }
}

impl From<ConnectionError> for Stop {
    fn from(error: ConnectionError) -> Self {
        Stop::Connection(error)
    }
}

impl From<TemplateError> for Stop {
    fn from(error: TemplateError) -> Self {
        Stop::Template(error)
    }
}

impl From<ArgumentProblem> for Stop {
    fn from(problem: ArgumentProblem) -> Self {
        Stop::Failed(Failure::from(problem).into_map())
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure.into_map())
    }
}

impl Call<'_> {
    /// The arguments as the action's own struct.
    ///
    /// # Errors
    /// They do not fit.
    pub fn decode<T: Arguments>(&self) -> Result<T, Stop> {
        Ok(T::decode(&self.arguments)?)
    }

    /// The native value of an argument, by the first name that is given.
    pub fn value(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.values.iter().find(|(known, _)| known == name)).map(|(_, value)| value)
    }

    /// Whether it may only predict.
    pub fn check(&self) -> bool {
        self.options.check
    }

    /// What opens the files that this task sends, unless its `decrypt` says no.
    pub fn vault(&self, arguments: &Map) -> Option<&Keyring> {
        flag(arguments, "decrypt", true).then_some(&*self.scope.surroundings().vault)
    }

    /// Call a module on the host.
    ///
    /// # Errors
    /// There is no way to the host.
    pub async fn module(&self, name: &str, arguments: Map, sources: Vec<Source>) -> Result<Map, Stop> {
        let mut results = self.remote.call(name, self.options, vec![arguments], sources).await?;
        Ok(results.pop().unwrap_or_default())
    }

    /// A file of the controller, looked for as Ansible does: in the role's and the playbook's `section` directory
    /// (`files`, `templates`), then beside them.
    ///
    /// # Errors
    /// It is nowhere; the message says where it was looked for.
    pub fn find_file(&self, section: &str, name: &str) -> Result<PathBuf, Stop> {
        let expanded = rprov_modules::account::expand_path(name);
        if expanded.is_absolute() {
            return match expanded.exists() {
                true => Ok(expanded),
                false => Err(Stop::failed(format!(
                    "Could not find or access '{name}' on the Ansible Controller.\nIf you are using a module and expect the file to exist on the remote, see the remote_src option"
                ))),
            };
        }
        let surroundings = self.scope.surroundings();
        // The playbook's own directory comes last, even where it came before.
        let last = &surroundings.playbook_dir;
        let paths = surroundings.search_paths.as_slice();
        let paths = match paths {
            [before @ .., own] if own == last && !before.is_empty() => before,
            all => all,
        };
        let mut searched = Vec::new();
        for base in paths {
            let base = match base.file_name() {
                // A task file's own directory stands for the role around it as well.
                Some(directory) if directory == "tasks" => {
                    vec![base.parent().unwrap_or(Path::new("/")).to_owned(), base.clone()]
                }
                _ => vec![base.clone()],
            };
            for base in base {
                for candidate in [base.join(section).join(&expanded), base.join(&expanded)] {
                    if candidate.exists() {
                        return Ok(candidate);
                    }
                    if !searched.contains(&candidate) {
                        searched.push(candidate);
                    }
                }
            }
        }
        for candidate in [last.join(section).join(&expanded), last.join(&expanded)] {
            if candidate.exists() {
                return Ok(candidate);
            }
            searched.push(candidate);
        }
        let searched: Vec<String> = searched.iter().map(|path| format!("\t{}", path.display())).collect();
        Err(Stop::failed(format!(
            "Could not find or access '{name}'\nSearched in:\n{} on the Ansible Controller.\nIf you are using a module and expect the file to exist on the remote, see the remote_src option",
            searched.join("\n")
        )))
    }
}

/// The rendered arguments of a task: `module_defaults`, then `args`, then its own; omitted ones are left out.
///
/// # Errors
/// A template could not be rendered, or what must be a dictionary is none.
pub fn render_arguments(task: &Task, scope: &Scope) -> Result<Vec<(String, Value)>, Stop> {
    if let Some(mistake) = &task.arguments.mistake {
        return Err(Stop::refused(mistake));
    }
    let known = &task.action.known;
    let mut arguments: Vec<(String, Value)> = Vec::new();
    let mut set = |name: String, value: Value| {
        let name = known.canonical(&name).map_or(name, str::to_owned);
        match arguments.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => arguments.push((name, value)),
        }
    };
    for written in &task.keywords.module_defaults {
        for (module, defaults) in entries(&written.render(scope)?) {
            if is_meant(known, &module.to_string()) {
                for (name, value) in entries(&defaults) {
                    set(name.to_string(), value);
                }
            }
        }
    }
    if let Some(written) = &task.arguments.template {
        let whole = |error| Stop::Argument { name: String::new(), span: written.span(), error };
        let value = written.render_or_omit(scope).map_err(whole)?;
        if template::is_omit(&value) {
            // Nothing is taken from it.
        } else if value.kind() != ValueKind::Map {
            let found = template::python::type_name(&value);
            let error = TemplateError::failed(format!("Task args must resolve to a 'dict' not '{found}'."));
            return Err(whole(error.at(written.span())));
        }
        for (name, value) in entries(&value) {
            set(name.to_string(), value);
        }
    }
    for (name, written) in &task.arguments.options {
        let value = written.render_or_omit(scope).map_err(|error| Stop::Argument {
            name: name.clone(),
            // Inside of a list or dictionary only the error knows the place.
            span: written.span().filter(|_| written.text().is_some()),
            error,
        })?;
        let name = match (name.as_str(), known.free_form) {
            ("_raw_params", Some(option)) => option.to_owned(),
            // Only here may the name itself be a template: it is a variable that the task makes.
            (text, _) if task.is("set_fact") && template::is_template(text) => {
                Written::from_text(text, task.arguments.spans.get(text).copied()).render(scope)?.to_string()
            }
            _ => name.clone(),
        };
        set(name, value);
    }
    arguments.retain(|(_, value)| !template::is_omit(value));
    Ok(arguments)
}

/// Whether a name among `module_defaults` means this module.
fn is_meant(known: &Called, name: &str) -> bool {
    match &known.file {
        None => registry::find(name).is_some_and(|found| Arc::ptr_eq(found, known)),
        Some(_) => name == known.short || name == known.full_name(),
    }
}

/// An argument that says yes or no; the default as well where it says neither, which the module's own check refuses.
pub(super) fn flag(arguments: &Map, name: &str, default: bool) -> bool {
    arguments.get(name).and_then(|value| bool::decode(value).ok()).unwrap_or(default)
}

/// The entries of a map value.
pub(super) fn entries(value: &Value) -> Vec<(Value, Value)> {
    if value.kind() != ValueKind::Map {
        return Vec::new();
    }
    let keys: Vec<Value> = value.try_iter().into_iter().flatten().collect();
    keys.into_iter()
        .map(|key| {
            let item = value.get_item(&key).unwrap_or_default();
            (key, item)
        })
        .collect()
}

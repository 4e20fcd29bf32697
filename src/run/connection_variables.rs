//! What a task sees of its connection where nobody set it: `ansible_host`, `ansible_connection`, `ansible_user` ..., and
//! `ansible_delegated_vars` where the task is delegated.

use std::borrow::Cow;
use std::sync::Arc;

use minijinja::Value;

use super::settings;
use super::shared::Shared;
use crate::playbook::Task;
use crate::template::{Scope, Variable, Variables};
use crate::vars::TaskVariables;

/// A scope with what is known of the connection below it; made out when a template asks for it.
#[derive(Debug)]
struct ConnectionVariables {
    shared: Arc<Shared>,
    task: Arc<Task>,
    variables: TaskVariables,
    above: Scope,
}

/// The scope in which a task's conditions and arguments are rendered.
pub(super) fn beneath(shared: &Arc<Shared>, task: &Arc<Task>, variables: &TaskVariables, above: &Scope) -> Scope {
    let layer = ConnectionVariables {
        shared: Arc::clone(shared),
        task: Arc::clone(task),
        variables: variables.clone(),
        above: above.clone(),
    };
    Scope::new(Arc::new(layer), Arc::clone(above.surroundings()))
}

impl Variables for ConnectionVariables {
    fn get(&self, name: &str) -> Option<Variable> {
        self.above.variable(name).or_else(|| self.connection(name).map(Variable::Plain))
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        self.above.names()
    }
}

impl ConnectionVariables {
    fn connection(&self, name: &str) -> Option<Value> {
        const KNOWN: &[&str] =
            &["connection", "host", "user", "password", "port", "timeout", "private_key_file", "delegated_vars"];
        let name = name.strip_prefix("ansible_")?;
        let name = name.strip_prefix("ssh_").unwrap_or(name);
        if !KNOWN.contains(&name) {
            return None;
        }
        // What is wrong with the connection is told when it is made.
        let remote = settings::remote(&self.shared, &self.task, &self.variables, &self.above).ok()?;
        let settings = remote.settings();
        match name {
            "connection" => Some(Value::from(settings.connection.as_str())),
            "host" => Some(Value::from(settings.address.as_str())),
            "user" => settings.user.as_deref().map(Value::from),
            // Given at a prompt, it is there for tasks like one that a variable gives.
            "password" => settings.password.as_ref().map(|password| Value::from(password.expose())),
            "port" => settings.port.map(Value::from),
            "timeout" => Some(Value::from(settings.timeout.as_secs())),
            "private_key_file" => {
                settings.private_key_file.as_ref().map(|path| Value::from(path.display().to_string()))
            }
            _ => {
                let delegate = remote.delegate()?;
                let scope = settings::delegate_scope(&self.shared, &self.variables, delegate);
                let own = [
                    ("inventory_hostname", Value::from(&*self.variables.host.name)),
                    ("ansible_host", Value::from(settings.address.as_str())),
                    ("ansible_connection", Value::from(settings.connection.as_str())),
                ];
                let variables = crate::vars::variables_object(scope.with(own));
                Some(Value::from_pairs([(Value::from(&**delegate), variables)]))
            }
        }
    }
}

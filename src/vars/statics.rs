//! What names stand for before any host is known: extra variables, then those of the play that is being loaded.

use std::borrow::Cow;
use std::sync::Arc;

use minijinja::Value;

use super::VarMap;
use crate::playbook::Role;
use crate::template::{Scope, Variable, Variables, Written};
use crate::yaml::{Data, Node};

/// The variables that a dictionary sets; nothing at all sets none. `None` for anything else.
pub fn written(node: &Node) -> Option<VarMap> {
    match &node.data {
        Data::Null => Some(VarMap::new()),
        Data::Map(entries) => Some(
            entries
                .iter()
                .filter_map(|(key, value)| Some((Arc::from(key.as_str()?), Written::from_node(value))))
                .collect(),
        ),
        _ => None,
    }
}

/// One map of variables.
#[derive(Debug)]
pub struct Layer(pub Arc<VarMap>);

impl Variables for Layer {
    fn get(&self, name: &str) -> Option<Variable> {
        self.0.get(name).cloned().map(Variable::Written)
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        self.0.keys().map(|name| Cow::Borrowed(&**name)).collect()
    }
}

/// A scope with a layer below it.
#[derive(Debug)]
struct Beneath {
    above: Scope,
    below: Arc<VarMap>,
}

impl Variables for Beneath {
    fn get(&self, name: &str) -> Option<Variable> {
        self.above.variable(name).or_else(|| self.below.get(name).cloned().map(Variable::Written))
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        let mut names = self.above.names();
        names.extend(self.below.keys().map(|name| Cow::Borrowed(&**name)));
        names
    }
}

/// What stands for a role itself in the names of its static imports.
pub fn of_role(role: &Role) -> VarMap {
    let text = |text: &str| Written::plain(Value::from(text));
    [
        ("role_path", text(&role.path.display().to_string())),
        ("role_name", text(role.name.rsplit('/').next().unwrap_or_default())),
        ("ansible_role_name", text(&role.name)),
    ]
    .into_iter()
    .map(|(name, written)| (name.into(), written))
    .collect()
}

/// The scope with `variables` below everything that it has.
pub fn beneath(scope: &Scope, variables: Arc<VarMap>) -> Scope {
    let surroundings = Arc::clone(scope.surroundings());
    Scope::new(Arc::new(Beneath { above: scope.clone(), below: variables }), surroundings)
}

//! What belongs to one host, and how other hosts read it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Value};

use super::magic::{self, RunFacts};
use super::{Facts, Values, VarMap};
use crate::template::{Scope, Surroundings, Variable, Variables};

/// A host's own variables at one moment. Cheap to clone; its parts are shared.
#[derive(Clone, Debug)]
pub struct HostVariables {
    /// The host's name in the inventory.
    pub name: Arc<str>,
    /// Layers of the inventory with `group_vars` and `host_vars`, lowest precedence first.
    pub inventory: Arc<[Arc<VarMap>]>,
    /// Facts, by their names without `ansible_`.
    pub facts: Arc<Facts>,
    /// `include_vars`; what is registered wins over it, whichever came first.
    pub included: Arc<Values>,
    /// `set_fact` and `register`.
    pub registered: Arc<Values>,
}

impl HostVariables {
    /// A variable of the inventory layers.
    pub fn inventory_variable(&self, name: &str) -> Option<Variable> {
        self.inventory.iter().rev().find_map(|layer| layer.get(name)).cloned().map(Variable::Written)
    }

    /// A fact under the name that it has as a variable (`ansible_distribution`).
    pub fn injected_fact(&self, name: &str) -> Option<Variable> {
        let short = name.strip_prefix("ansible_").unwrap_or(name);
        let found = self.facts.get(short).filter(|_| short.len() < name.len());
        found.or_else(|| self.facts.get(name)).cloned().map(Variable::Plain)
    }

    /// All facts as one value.
    pub fn facts_value(&self) -> Value {
        Value::from_object(FactsObject(Arc::clone(&self.facts)))
    }
}

/// `ansible_facts`, without copying it.
struct FactsObject(Arc<Facts>);

impl fmt::Debug for FactsObject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.0.iter()).finish()
    }
}

impl Object for FactsObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(|name| Value::from(&**name)).collect())
    }
}

/// The present snapshot of every host.
#[derive(Debug, Default)]
pub struct HostStore {
    hosts: RwLock<HashMap<Arc<str>, Arc<ArcSwap<HostVariables>>>>,
}

impl HostStore {
    /// The snapshot of a host.
    pub fn get(&self, name: &str) -> Option<Arc<HostVariables>> {
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
        hosts.get(name).map(|cell| cell.load_full())
    }

    /// Publish a host's new snapshot.
    pub fn publish(&self, variables: HostVariables) {
        let known = {
            let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
            hosts.get(&variables.name).cloned()
        };
        match known {
            Some(cell) => cell.store(Arc::new(variables)),
            None => {
                let name = Arc::clone(&variables.name);
                let cell = Arc::new(ArcSwap::from_pointee(variables));
                self.hosts.write().unwrap_or_else(PoisonError::into_inner).insert(name, cell);
            }
        }
    }
}

/// `hostvars`: the variables of every host, each rendered with that host's own scope.
#[derive(Debug)]
pub struct HostVars {
    /// The run that the hosts belong to.
    pub run: Arc<RunFacts>,
    /// What lookups in their variables need to know.
    pub surroundings: Arc<Surroundings>,
}

impl HostVars {
    /// The names of all hosts.
    pub fn names(&self) -> Vec<String> {
        self.run.inventory.load().hosts().map(|host| host.name.to_string()).collect()
    }
}

impl Object for HostVars {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let host = self.run.hosts.get(key.as_str()?)?;
        Some(host_vars(&self.run, host, &self.surroundings))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.run.inventory.load().hosts().map(|host| Value::from(&*host.name)).collect())
    }
}

/// The variables of one host as a value.
pub fn host_vars(run: &Arc<RunFacts>, host: Arc<HostVariables>, surroundings: &Arc<Surroundings>) -> Value {
    let variables = HostOnly { run: Arc::clone(run), host };
    Value::from_object(VarsObject(Scope::new(Arc::new(variables), Arc::clone(surroundings))))
}

/// What a host's variables are outside of any play.
#[derive(Debug)]
pub(super) struct HostOnly {
    run: Arc<RunFacts>,
    host: Arc<HostVariables>,
}

impl Variables for HostOnly {
    fn get(&self, name: &str) -> Option<Variable> {
        self.run
            .host_magic(name, &self.host)
            .or_else(|| self.run.extra.get(name).cloned().map(Variable::Written))
            .or_else(|| self.host.registered.get(name).cloned())
            .or_else(|| self.host.included.get(name).cloned())
            .or_else(|| self.host.injected_fact(name))
            .or_else(|| self.host.inventory_variable(name))
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        let mut names: Vec<Cow<'_, str>> = magic::HOST_NAMES.iter().map(|name| Cow::Borrowed(*name)).collect();
        names.extend(self.run.extra.keys().map(|name| Cow::Borrowed(&**name)));
        names.extend(host_names(&self.host));
        names
    }
}

/// The names of a host's own variables.
pub(super) fn host_names(host: &HostVariables) -> Vec<Cow<'_, str>> {
    let mut names: Vec<Cow<'_, str>> = host.registered.keys().map(|name| Cow::Borrowed(&**name)).collect();
    names.extend(host.included.keys().map(|name| Cow::Borrowed(&**name)));
    names.extend(host.facts.keys().map(|name| match name.starts_with("ansible_") {
        true => Cow::Borrowed(&**name),
        false => Cow::Owned(format!("ansible_{name}")),
    }));
    names.extend(host.inventory.iter().flat_map(|layer| layer.keys()).map(|name| Cow::Borrowed(&**name)));
    names
}

/// All variables of a scope as one dictionary: `vars`, and an entry of `hostvars`.
#[derive(Debug)]
pub(super) struct VarsObject(pub(super) Scope);

/// All variables of a scope as one dictionary, each rendered when it is read.
pub fn variables_object(scope: Scope) -> Value {
    Value::from_object(VarsObject(scope))
}

impl Object for VarsObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match self.0.get(key.as_str()?) {
            Ok(value) => value,
            Err(error) if error.is_undefined() => None,
            Err(error) => Some(Value::from(minijinja::Error::from(error))),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let mut names: Vec<String> = self.0.names().into_iter().map(Cow::into_owned).collect();
        names.sort_unstable();
        names.dedup();
        // They would contain themselves without end.
        names.retain(|name| !matches!(name.as_str(), "vars" | "hostvars"));
        Enumerator::Values(names.into_iter().map(Value::from).collect())
    }
}

//! What belongs to one host, and how other hosts read it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Value};

use super::layered::{Offer, strongest};
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
    /// Facts, by the names that modules gave them: most begin with `ansible_`.
    pub facts: Arc<Facts>,
    /// `set_fact` and `register`.
    pub registered: Arc<Values>,
    /// `include_vars`
    pub included: Arc<Values>,
}

impl HostVariables {
    /// Those of a host that has run nothing yet.
    pub fn new(name: Arc<str>, inventory: Arc<[Arc<VarMap>]>, facts: Arc<Facts>) -> Self {
        Self { name, inventory, facts, registered: Arc::default(), included: Arc::default() }
    }

    /// Offer what the inventory layers have of this name, the strongest first.
    pub(super) fn offer_inventory(&self, name: &str, offer: &mut Offer<'_>) -> ControlFlow<()> {
        self.inventory
            .iter()
            .rev()
            .filter_map(|layer| layer.get(name))
            .try_for_each(|written| offer(Variable::Written(written.clone())))
    }

    /// A fact under the name that it has as a variable (`ansible_distribution`). Without `inject_facts_as_vars` only
    /// local facts have one.
    pub fn injected_fact(&self, name: &str, inject: bool) -> Option<Variable> {
        if !is_injected(name, inject) {
            return None;
        }
        self.facts.get(name).cloned().map(Variable::Plain)
    }

    /// Whether the facts were gathered, in this run or, with a cache, in an earlier one.
    pub fn gathered(&self) -> bool {
        self.facts.get(GATHERED).is_some_and(Value::is_true)
    }

    /// All facts as one value.
    pub fn facts_value(&self) -> Value {
        Value::from_object(FactsObject(Arc::clone(&self.facts)))
    }
}

/// The fact that tells that facts were gathered.
pub const GATHERED: &str = "_ansible_facts_gathered";

/// What `gather_facts` was told is a fact that is never a variable.
fn is_injected(name: &str, inject: bool) -> bool {
    name == LOCAL || (inject && name != "gather_subset" && !name.starts_with("_ansible_"))
}

/// Local facts keep their prefix in `ansible_facts`.
const LOCAL: &str = "ansible_local";

/// A fact's name in `ansible_facts`.
pub fn fact_name(name: &str) -> &str {
    name.strip_prefix("ansible_").filter(|_| name != LOCAL).unwrap_or(name)
}

/// `ansible_facts`, without copying it.
struct FactsObject(Arc<Facts>);

impl fmt::Debug for FactsObject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.0.iter().map(|(name, value)| (fact_name(name), value))).finish()
    }
}

impl Object for FactsObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let prefixed = || self.0.get(format!("ansible_{key}").as_str()).filter(|_| key != "local");
        // A name with the prefix is found without it only, but for local facts.
        self.0.get(key).filter(|_| fact_name(key) == key).or_else(prefixed).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(|name| Value::from(fact_name(name))).collect())
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
    let variables = HostOnly { run: Arc::clone(run), host, playbook_dir: surroundings.playbook_dir.clone() };
    Value::from_object(VarsObject(Scope::new(Arc::new(variables), Arc::clone(surroundings))))
}

/// What a host's variables are outside of any play.
#[derive(Debug)]
pub(super) struct HostOnly {
    run: Arc<RunFacts>,
    host: Arc<HostVariables>,
    playbook_dir: PathBuf,
}

impl HostOnly {
    /// Offer all values of this name, the strongest first.
    fn offer(&self, name: &str, offer: &mut Offer<'_>) -> ControlFlow<()> {
        let host = &self.host;
        let written = self.run.extra.get(name).cloned().map(Variable::Written);
        written.into_iter().try_for_each(&mut *offer)?;
        host.registered.get(name).cloned().into_iter().try_for_each(&mut *offer)?;
        host.included.get(name).cloned().into_iter().try_for_each(&mut *offer)?;
        host.injected_fact(name, self.run.inject_facts).into_iter().try_for_each(&mut *offer)?;
        host.offer_inventory(name, offer)
    }
}

impl Variables for HostOnly {
    fn get(&self, name: &str) -> Option<Variable> {
        if name == "playbook_dir" {
            return Some(Variable::Plain(Value::from(self.playbook_dir.display().to_string())));
        }
        let magic = self.run.host_magic(name, &self.host);
        magic.or_else(|| strongest(self.run.merge, |offer| self.offer(name, offer)))
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        let magic = magic::HOST_NAMES.iter().filter(|name| **name != "ansible_limit" || self.run.limit.is_some());
        let mut names: Vec<Cow<'_, str>> = magic.map(|name| Cow::Borrowed(*name)).collect();
        names.extend(self.run.extra.keys().map(|name| Cow::Borrowed(&**name)));
        names.extend(host_names(&self.host, self.run.inject_facts));
        names
    }
}

/// The names of a host's own variables.
pub(super) fn host_names(host: &HostVariables, inject: bool) -> Vec<Cow<'_, str>> {
    let set = host.registered.keys().chain(host.included.keys());
    let mut names: Vec<Cow<'_, str>> = set.map(|name| Cow::Borrowed(&**name)).collect();
    names.extend(host.facts.keys().filter(|name| is_injected(name, inject)).map(|name| Cow::Borrowed(&**name)));
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

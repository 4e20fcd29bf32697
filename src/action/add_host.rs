//! `add_host`: a host for the rest of the run.

use std::sync::Arc;

use async_trait::async_trait;
use rprov_modules::argument::{ArgumentProblem, Spec};
use rprov_wire::{Map, Value};

use super::call::{Action, Call, Done, Stop};
use crate::run::{Effect, NewHost};
use crate::template::Variable;
use crate::vars::Values;

/// `add_host` takes variables of any name beside its own options.
#[derive(Debug)]
pub struct Arguments;

impl rprov_modules::Arguments for Arguments {
    const SPEC: Spec = Spec {
        doc: "Add a host (and alternatively a group) to the ansible-playbook in-memory inventory.\n",
        own: &[],
        shared: None,
        rules: &[],
        free_form: None,
        open: true,
    };

    fn decode(_arguments: &Map) -> Result<Self, ArgumentProblem> {
        Ok(Self)
    }
}

/// `add_host`
pub(super) struct AddHost;

const NAMES: &[&str] = &["name", "host", "hostname"];
const GROUPS: &[&str] = &["groups", "group", "groupname"];

#[async_trait]
impl Action for AddHost {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let Some(name) = call.value(NAMES).map(ToString::to_string).filter(|name| !name.trim().is_empty()) else {
            return Err(Stop::failed("name, host or hostname needs to be provided"));
        };
        let (name, port) = split_port(name.trim());
        let groups: Vec<String> = match call.value(GROUPS) {
            None => Vec::new(),
            Some(value) if value.kind() == minijinja::value::ValueKind::Seq => {
                value.try_iter().into_iter().flatten().map(|group| group.to_string()).collect()
            }
            Some(value) => value.to_string().split(',').map(str::to_owned).collect(),
        };
        let groups: Vec<String> =
            groups.iter().map(|group| group.trim().to_owned()).filter(|group| !group.is_empty()).collect();
        let mut variables = Values::new();
        if let Some(port) = port {
            variables.insert("ansible_ssh_port".into(), minijinja::Value::from(port).into());
        }
        for (name, value) in call.values {
            if !NAMES.contains(&name.as_str()) && !GROUPS.contains(&name.as_str()) {
                variables.insert(name.as_str().into(), value.clone().into());
            }
        }
        let mut shown = Map::new();
        shown.insert("host_name".into(), name.as_str().into());
        shown.insert("groups".into(), groups.clone().into());
        let mut vars = Map::new();
        for (name, variable) in &variables {
            if let Variable::Plain(value) = variable {
                vars.insert(name.to_string(), crate::template::to_wire(value)?);
            }
        }
        shown.insert("host_vars".into(), Value::Map(vars));
        let inventory = call.shared.facts.inventory.load();
        let known = call.shared.facts.hosts.get(&name);
        // What the inventory says of the host, the strongest first.
        let said = |variable: &str| {
            known.iter().flat_map(|host| host.inventory.iter().rev()).find_map(|layer| layer.get(variable)?.as_plain())
        };
        let differs = |(name, value): (&Arc<str>, &Variable)| match value {
            Variable::Plain(value) => said(name) != Some(value),
            Variable::Written(_) => true,
        };
        let changed = inventory.host(&name).is_none()
            || variables.iter().any(differs)
            || groups
                .iter()
                .any(|group| !crate::vars::group_names(&inventory, &name).iter().any(|known| **known == **group));
        let mut done = Done::unchanged().and(Effect::AddHost(NewHost { name, groups, variables }));
        done.result.insert("changed".into(), changed.into());
        done.result.insert("add_host".into(), shown.into());
        Ok(done)
    }
}

/// `host:22`, but not the colons of an IPv6 address.
fn split_port(name: &str) -> (String, Option<u16>) {
    if let Some((host, port)) = name.rsplit_once(':')
        && let Ok(port) = port.parse()
        && (!host.contains(':') || host.starts_with('['))
    {
        return (host.trim_matches(['[', ']']).to_owned(), Some(port));
    }
    (name.to_owned(), None)
}

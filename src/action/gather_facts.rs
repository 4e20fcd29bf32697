//! `gather_facts`: the facts of the host, by the `setup` module.

use std::sync::Arc;

use async_trait::async_trait;
use rprov_modules::arguments;
use rprov_wire::Value;

use super::call::{Action, Call, Done, Stop};
use crate::run::Effect;
use crate::template;
use crate::vars::{Facts, GATHERED};

arguments! {
    /// Gathers facts about remote hosts.
    pub struct Arguments {
        /// Which facts.
        gather_subset: Vec<String> = vec!["all".to_owned()],
        /// Seconds that one group of facts may take.
        gather_timeout: i64 = 10,
        /// Which facts to return, by shell patterns.
        filter: Vec<String> = Vec::new(),
        /// Directory of local facts.
        fact_path: Option<String>,
        /// Accepted for Ansible's sake: there is one fact module, so there is nothing to run side by side.
        parallel: Option<bool>,
    }
}

/// `gather_facts`
pub(super) struct GatherFacts;

#[async_trait]
impl Action for GatherFacts {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let _: Arguments = call.decode()?;
        let mut arguments = call.arguments.clone();
        arguments.shift_remove("parallel");
        if let Some(interpreter) = call.scope.get("ansible_python_interpreter")?
            && let Some(path) = interpreter.as_str().filter(|path| path.starts_with('/'))
        {
            arguments.insert("_interpreter".into(), path.into());
        }
        let done = Done::new(call.module("setup", arguments, Vec::new()).await?);
        let Some(Value::Map(found)) = done.result.get("ansible_facts") else { return Ok(done) };
        let mut facts: Facts =
            found.iter().map(|(name, value)| (Arc::from(name.as_str()), template::from_wire(value.clone()))).collect();
        facts.insert(Arc::from(GATHERED), true.into());
        let host = super::set_fact::delegated(&call)?;
        Ok(done.and(Effect::Facts { host, facts }))
    }
}

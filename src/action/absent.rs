//! Modules of ansible-core that rprov does not have yet: their tasks fail where they are reached.

use async_trait::async_trait;
use rprov_modules::argument::{ArgumentProblem, Spec};
use rprov_wire::Map;

use super::call::{Action, Call, Done, Stop};

/// Whatever the module takes.
#[derive(Debug)]
pub struct Arguments;

impl rprov_modules::Arguments for Arguments {
    const SPEC: Spec = Spec { doc: "", own: &[], shared: None, rules: &[], free_form: None, open: true };

    fn decode(_arguments: &Map) -> Result<Self, ArgumentProblem> {
        Ok(Self)
    }
}

/// A module that is not here yet.
pub(super) struct Absent;

#[async_trait]
impl Action for Absent {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        Err(Stop::refused(format!(
            "rprov has no module `{}` yet; COMPATIBILITY.md lists what is missing",
            call.task.action.written
        )))
    }
}

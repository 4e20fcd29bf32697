//! What stands for the arguments of an action whose name is a template, until it is rendered.

use rprov_modules::argument::{ArgumentProblem, Spec};
use rprov_wire::Map;

/// Whatever the action takes.
#[derive(Debug)]
pub struct Arguments;

impl rprov_modules::Arguments for Arguments {
    const SPEC: Spec = Spec { doc: "", own: &[], shared: None, rules: &[], free_form: None, open: true };

    fn decode(_arguments: &Map) -> Result<Self, ArgumentProblem> {
        Ok(Self)
    }
}

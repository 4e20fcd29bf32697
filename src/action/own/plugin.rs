//! Action plug-ins of the user's own. They are Python for Ansible's controller, where rprov has none: their tasks fail
//! where they are reached, and say what to do.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use rprov_modules::argument::Spec;

use crate::action::call::{Action, Call, Done, Stop};
use crate::action::registry::{Called, Known};

/// The options of what describes itself nowhere that we could read: any.
pub(super) static OPEN: &Spec = &Spec { doc: "", own: &[], shared: None, rules: &[], free_form: None, open: true };

/// The action that a plug-in in Python would be.
pub(super) fn action(name: &str, collection: &str, file: PathBuf) -> Called {
    Arc::new(Known {
        short: name.to_owned().into(),
        collection: collection.to_owned().into(),
        spec: OPEN,
        free_form: Some("_raw_params"),
        free_text: false,
        action: Some(&Foreign),
        module: None,
        file: Some(file),
    })
}

/// What is said of an action plug-in.
pub(crate) fn notice(known: &Known) -> Option<String> {
    let file = known.file.as_ref().filter(|_| known.action.is_some())?;
    Some(format!(
        "`{}` is an action plugin in Python ({}), which rprov cannot run: it has no Python on the controller",
        known.short,
        file.display()
    ))
}

struct Foreign;

#[async_trait]
impl Action for Foreign {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let notice = notice(&call.task.action.known).unwrap_or_default();
        Err(Stop::refused(format!(
            "{notice}. Make it a module (a program in `library/`, in any language), or write its steps as tasks"
        )))
    }
}

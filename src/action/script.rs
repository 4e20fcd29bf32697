//! `script`: a script of the controller, run on the host.

use async_trait::async_trait;
use rprov_wire::Value;

use super::call::{Action, Call, Done, Stop};
use super::content;

/// `script`
pub(super) struct Script;

#[async_trait]
impl Action for Script {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let mut arguments = call.arguments.clone();
        let text = ["_raw_params", "cmd", "free_form"]
            .iter()
            .find_map(|name| arguments.shift_remove(*name))
            .and_then(|value| value.as_str().map(str::to_owned));
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return Err(Stop::refused("one of the following is required: _raw_params, cmd"));
        };
        let words = shlex::split(text.trim()).unwrap_or_default();
        let Some(name) = words.first() else { return Err(Stop::failed(format!("unbalanced quotes in: {text}"))) };
        // What follows the script's name goes to the host as it was written.
        let rest = crate::playbook::arguments::split_words(text.trim())
            .and_then(|words| {
                words.first().map(|first| text.trim().get(first.len()..).unwrap_or_default().trim().to_owned())
            })
            .unwrap_or_default();
        let path = call.find_file("files", name)?;
        let (reference, source) = content::of_file(0, &path, call.vault(&arguments))?;
        arguments.insert("_content".into(), reference.to_value());
        arguments.insert("_arguments".into(), Value::from(rest));
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        arguments.insert("_name".into(), file_name.into());
        Ok(Done::new(call.module("script", arguments, vec![source]).await?))
    }
}

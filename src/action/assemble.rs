//! `assemble`: fragments of the controller, put together here and put there by `copy`.

use std::path::Path;

use async_trait::async_trait;
use rprov_modules::module::assemble::{Arguments, assemble};
use rprov_wire::Value;

use super::call::{Action, Call, Done, Stop};
use super::content;

/// `assemble`
pub(super) struct Assemble;

#[async_trait]
impl Action for Assemble {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let mut arguments: Arguments = call.decode()?;
        if arguments.remote_src {
            return Ok(Done::new(call.module("assemble", call.arguments.clone(), Vec::new()).await?));
        }
        // As it was written: a path of the controller must not be expanded as one of the host.
        let name = call.arguments.get("src").and_then(Value::as_str).unwrap_or_default();
        let path = call.find_file("files", name)?;
        if !path.is_dir() {
            return Err(Stop::failed(format!("Source ({name}) is not a directory")));
        }
        arguments.src = path;
        let vault = call.vault(&call.arguments);
        let read = |path: &Path| match vault {
            Some(vault) => content::plain(path, vault).map(|(bytes, _)| bytes),
            None => {
                std::fs::read(path).map_err(|error| Stop::failed(format!("could not read {}: {error}", path.display())))
            }
        };
        let assembled = assemble(&arguments, &read)?;
        let (reference, source) = content::of_bytes(0, assembled);
        let mut request = call.arguments.clone();
        for name in ["src", "delimiter", "remote_src", "regexp", "ignore_hidden", "decrypt"] {
            request.shift_remove(name);
        }
        request.insert("_content".into(), reference.to_value());
        Ok(Done::new(call.module("copy", request, vec![source]).await?))
    }
}

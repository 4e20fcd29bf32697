//! `patch`: a patch file of the controller, applied on the host.

use async_trait::async_trait;
use rprov_wire::Value;

use super::call::{Action, Call, Done, Stop, flag};
use super::content;

/// `patch`
pub(super) struct Patch;

#[async_trait]
impl Action for Patch {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let mut arguments = call.arguments.clone();
        let name = ["src", "patchfile"].iter().find_map(|name| arguments.get(*name)).and_then(Value::as_str);
        let Some(name) = name.map(str::to_owned) else { return Err(Stop::failed("src is required")) };
        if flag(&arguments, "remote_src", false) {
            return Ok(Done::new(call.module("patch", arguments, Vec::new()).await?));
        }
        let path = call.find_file("files", &name)?;
        let (reference, source) = content::of_file(0, &path, call.vault(&arguments))?;
        arguments.insert("_content".into(), reference.to_value());
        Ok(Done::new(call.module("patch", arguments, vec![source]).await?))
    }
}

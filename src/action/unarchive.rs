//! `unarchive`: an archive of the controller, unpacked on the host.

use async_trait::async_trait;
use rprov_wire::Value;

use super::call::{Action, Call, Done, Stop, flag};
use super::content;

/// `unarchive`
pub(super) struct Unarchive;

#[async_trait]
impl Action for Unarchive {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let mut arguments = call.arguments.clone();
        let remote = flag(&arguments, "remote_src", false) || !flag(&arguments, "copy", true);
        let name = arguments.get("src").and_then(Value::as_str).map(str::to_owned);
        let Some(name) = name else { return Err(Stop::failed("src (or content) and dest are required")) };
        if remote {
            return Ok(Done::new(call.module("unarchive", arguments, Vec::new()).await?));
        }
        let path = call.find_file("files", &name)?;
        let (reference, source) = content::of_file(0, &path, call.vault(&arguments))?;
        arguments.insert("_content".into(), reference.to_value());
        arguments.insert("src".into(), path.display().to_string().into());
        Ok(Done::new(call.module("unarchive", arguments, vec![source]).await?))
    }
}

//! `uri`: a request whose body may be a file of the controller.

use async_trait::async_trait;
use rprov_modules::module::uri::Arguments;
use rprov_wire::Value;

use super::call::{Action, Call, Done, Stop};
use super::content;

/// `uri`
pub(super) struct Uri;

#[async_trait]
impl Action for Uri {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let decoded: Arguments = call.decode()?;
        let mut arguments = call.arguments.clone();
        let name = arguments.get("src").and_then(Value::as_str).map(str::to_owned);
        let (Some(name), false) = (name, decoded.remote_src) else {
            return Ok(Done::new(call.module("uri", arguments, Vec::new()).await?));
        };
        let path = call.find_file("files", &name)?;
        let (reference, source) = content::of_file(0, &path, None)?;
        arguments.shift_remove("src");
        arguments.insert("_content".into(), reference.to_value());
        Ok(Done::new(call.module("uri", arguments, vec![source]).await?))
    }
}

//! `fail`: fail with a message.

use async_trait::async_trait;
use rprov_modules::arguments;

use super::call::{Action, Call, Done, Stop};
use crate::template;

arguments! {
    /// Fail with custom message.
    pub struct Arguments {
        /// The message.
        msg: String = "Failed as requested from task".to_owned(),
    }
}

/// `fail`
pub(super) struct Fail;

#[async_trait]
impl Action for Fail {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        let Stop::Failed(mut result) = Stop::failed(arguments.msg) else { return Ok(Done::unchanged()) };
        // A message that is no text stays what it is.
        if let Some(message) = call.value(&["msg"]) {
            result.insert("msg".into(), template::to_wire(message)?);
        }
        Err(Stop::Failed(result))
    }
}

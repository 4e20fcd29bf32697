//! `fail`: fail with a message.

use async_trait::async_trait;
use rprov_modules::argument::Raw;
use rprov_modules::{Failure, arguments};

use super::call::{Action, Call, Done, Stop};

arguments! {
    /// Fail with custom message.
    pub struct Arguments {
        /// The message.
        msg: Raw = Raw("Failed as requested from task".into()),
    }
}

/// `fail`
pub(super) struct Fail;

#[async_trait]
impl Action for Fail {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        // The message stays what it is: a list is a list in the result.
        let mut failure = Failure::default().into_map();
        failure.insert("msg".to_owned(), arguments.msg.0);
        Err(Stop::Failed(failure))
    }
}

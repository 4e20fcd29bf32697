//! `async_status`: how a job stands that was started with `async`.

use async_trait::async_trait;
use rprov_modules::module::async_status::{Arguments, Mode};
use rprov_modules::outcome::Failure;

use super::call::{Action, Call, Done, Stop};
use crate::run::job::Standing;
use crate::run::settings::job_directory;

/// `async_status`
pub(super) struct AsyncStatus;

#[async_trait]
impl Action for AsyncStatus {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let decoded: Arguments = call.decode()?;
        let mut arguments = call.arguments.clone();
        arguments.insert("_directory".into(), job_directory(call.shared, call.scope)?.into());
        let read = call.module("async_status", arguments, Vec::new()).await?;
        if crate::run::is_failed(&read) {
            return Ok(Done::new(read));
        }
        let mut standing = Standing::of(&read);
        if decoded.mode == Mode::Status {
            return Ok(Done::new(standing.into_result(&decoded.jid)));
        }
        let found = !matches!(standing, Standing::Missing { .. });
        let (Standing::Missing { file } | Standing::Running { file } | Standing::Ended { file, .. }) = &mut standing;
        let file = std::mem::take(file);
        let mut result = match found {
            true => Done::unchanged().result,
            false => Failure::new("could not find job").into_map(),
        };
        // What was never found counts as started and finished.
        result.insert("started".into(), (!found).into());
        result.insert("finished".into(), (!found).into());
        result.insert("ansible_job_id".into(), decoded.jid.into());
        result.insert("erased".into(), file.into());
        result.insert("stdout".into(), "".into());
        result.insert("stderr".into(), "".into());
        Ok(Done::new(result))
    }
}

//! `meta`: carried out by the strategy; here is only what it may be told.

use async_trait::async_trait;
use rprov_modules::{arguments, choices};

use super::call::{Action, Call, Done, Stop};

choices! {
    /// What `meta` can do.
    pub enum What {
        ClearFacts = "clear_facts",
        ClearHostErrors = "clear_host_errors",
        EndBatch = "end_batch",
        EndHost = "end_host",
        EndPlay = "end_play",
        EndRole = "end_role",
        FlushHandlers = "flush_handlers",
        Noop = "noop",
        RefreshInventory = "refresh_inventory",
        ResetConnection = "reset_connection",
    }
}

arguments! {
    /// Execute Ansible 'actions'.
    pub struct Arguments {
        /// Which one.
        free_form: What,
    }
    free_form: "free_form"
}

/// `meta`
pub(super) struct Meta;

#[async_trait]
impl Action for Meta {
    async fn run(&self, _call: Call<'_>) -> Result<Done, Stop> {
        Ok(Done::unchanged())
    }
}

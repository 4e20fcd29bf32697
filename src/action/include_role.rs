//! `include_role`: a role, loaded while the play runs.

use async_trait::async_trait;
use rprov_modules::argument::Raw;
use rprov_modules::arguments;

use super::call::{Action, Call, Done, Stop};
use crate::playbook::RoleUse;
use crate::run::IncludeTarget;

arguments! {
    /// Load and execute a role.
    pub struct Arguments {
        /// The role.
        name | role: String,
        /// File of `tasks/`, instead of `main`.
        tasks_from: Option<String>,
        /// File of `vars/`, instead of `main`.
        vars_from: Option<String>,
        /// File of `defaults/`, instead of `main`.
        defaults_from: Option<String>,
        /// File of `handlers/`, instead of `main`.
        handlers_from: Option<String>,
        /// Keywords for the role's tasks.
        apply: Option<Raw>,
        /// The role's variables are visible to the rest of the play.
        public: bool = false,
        /// Run it even if it has run already.
        allow_duplicates: bool = true,
        /// Check its arguments against its specification.
        rolespec_validate: bool = true,
    }
}

/// `include_role`
pub(super) struct IncludeRole;

#[async_trait]
impl Action for IncludeRole {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        let mut usage = RoleUse {
            tasks_from: arguments.tasks_from,
            vars_from: arguments.vars_from,
            defaults_from: arguments.defaults_from,
            handlers_from: arguments.handlers_from,
            public: arguments.public,
            validate: arguments.rolespec_validate,
            allow_duplicates: Some(arguments.allow_duplicates),
            ..RoleUse::new(&arguments.name, call.task.span)
        };
        usage.for_task(call.task);
        let target = IncludeTarget::Role(Box::new(usage));
        Ok(super::include_tasks::request(&call, target, arguments.apply.as_ref())?
            .with("include_args", call.arguments.clone()))
    }
}

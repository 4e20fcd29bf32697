//! The keywords that plays, roles, blocks and tasks share, and how they are handed down.

use std::sync::Arc;

use crate::template::{Conditional, Written};
use crate::vars::VarMap;

/// Inheritable keywords. In a [`Task`](super::Task) they hold what the task and everything around it said.
#[derive(Clone, Debug, Default)]
pub struct Keywords {
    /// `when`, outermost first; all must hold.
    pub when: Vec<Conditional>,
    /// `tags` of all levels.
    pub tags: Vec<Written>,
    /// `vars` of blocks, includes and the task, outermost first.
    pub vars: Vec<Arc<VarMap>>,
    /// `environment` of all levels, outermost first; the innermost wins.
    pub environment: Vec<Written>,
    /// `module_defaults` of all levels, outermost first; the innermost wins.
    pub module_defaults: Vec<Written>,
    /// `notify` of all levels.
    pub notify: Vec<Written>,
    /// `connection`
    pub connection: Option<Written>,
    /// `port`
    pub port: Option<Written>,
    /// `remote_user`
    pub remote_user: Option<Written>,
    /// `become`
    pub r#become: Option<Written>,
    /// `become_user`
    pub become_user: Option<Written>,
    /// `become_method`
    pub become_method: Option<Written>,
    /// `become_flags`
    pub become_flags: Option<Written>,
    /// `become_exe`
    pub become_exe: Option<Written>,
    /// `no_log`
    pub no_log: Option<Written>,
    /// `run_once`
    pub run_once: Option<Written>,
    /// `ignore_errors`
    pub ignore_errors: Option<Written>,
    /// `ignore_unreachable`
    pub ignore_unreachable: Option<Written>,
    /// `check_mode`
    pub check_mode: Option<Written>,
    /// `diff`
    pub diff: Option<Written>,
    /// `any_errors_fatal`
    pub any_errors_fatal: Option<Written>,
    /// `throttle`
    pub throttle: Option<Written>,
    /// `timeout`, seconds
    pub timeout: Option<Written>,
    /// `debugger`
    pub debugger: Option<Written>,
    /// `delegate_to`
    pub delegate_to: Option<Written>,
    /// `delegate_facts`
    pub delegate_facts: Option<Written>,
    /// `collections`: where modules are looked for that are named without one.
    pub collections: Option<Arc<[String]>>,
}

impl Keywords {
    /// What these keywords are inside of `outer`: lists are appended to the outer ones, single values win over them.
    #[must_use]
    pub fn within(mut self, outer: &Keywords) -> Keywords {
        macro_rules! lists {
            ($($field:ident),+) => {
                $(if !outer.$field.is_empty() {
                    let mut list = outer.$field.clone();
                    list.append(&mut self.$field);
                    self.$field = list;
                })+
            };
        }
        macro_rules! values {
            ($($field:ident),+) => {
                $(self.$field = match (self.$field.take(), &outer.$field) {
                    (Some(own), Some(outer)) => Some(own.or_if_omitted(outer)),
                    (own, outer) => own.or_else(|| outer.clone()),
                };)+
            };
        }
        lists!(when, tags, vars, environment, module_defaults, notify);
        values!(
            connection,
            port,
            remote_user,
            r#become,
            become_user,
            become_method,
            become_flags,
            become_exe,
            no_log,
            run_once,
            ignore_errors,
            ignore_unreachable,
            check_mode,
            diff,
            any_errors_fatal,
            throttle,
            timeout,
            debugger,
            delegate_to,
            delegate_facts
        );
        self.collections = self.collections.or_else(|| outer.collections.clone());
        self
    }
}

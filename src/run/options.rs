//! What the command line and `ansible.cfg` say of a run.

use std::path::PathBuf;
use std::time::Duration;

use crate::connection::Password;

/// Options of a run, after flags, environment and `ansible.cfg` have been put together.
#[derive(Clone, Debug)]
pub struct Options {
    /// `-f`: hosts that are worked on at the same time.
    pub forks: usize,
    /// `-C`
    pub check: bool,
    /// `-D`
    pub diff: bool,
    /// `-v` count
    pub verbosity: u8,
    /// `-t`; empty for all
    pub tags: Vec<String>,
    /// `--skip-tags`
    pub skip_tags: Vec<String>,
    /// `--start-at-task`
    pub start_at_task: Option<String>,
    /// `--step`
    pub step: bool,
    /// `--force-handlers`
    pub force_handlers: bool,
    /// `-l`
    pub limit: Option<String>,
    /// `-u`
    pub remote_user: Option<String>,
    /// `-c`
    pub connection: Option<String>,
    /// `--private-key`
    pub private_key_file: Option<PathBuf>,
    /// `-T`
    pub timeout: Duration,
    /// `--ssh-common-args` and its kin, shell-split.
    pub ssh_arguments: Vec<String>,
    /// `-k`
    pub password: Option<Password>,
    /// `-b`
    pub r#become: bool,
    /// `--become-method`
    pub become_method: String,
    /// `--become-user`
    pub become_user: Option<String>,
    /// `-K`
    pub become_password: Option<Password>,
    /// `any_errors_fatal` of `ansible.cfg`
    pub any_errors_fatal: bool,
    /// `gathering`: `implicit`, `explicit` or `smart`
    pub gathering: String,
    /// `task_timeout`, seconds; 0 for none
    pub task_timeout: u32,
    /// Connection attempts after the first.
    pub retries: u32,
    /// `host_key_checking`
    pub host_key_checking: Option<crate::connection::HostKeyChecking>,
    /// Play strategy where a play says none.
    pub strategy: String,
    /// Verbosity or diff is on for facts gathered implicitly (`-v` shows them).
    pub show_custom_stats: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            forks: 5,
            check: false,
            diff: false,
            verbosity: 0,
            tags: Vec::new(),
            skip_tags: Vec::new(),
            start_at_task: None,
            step: false,
            force_handlers: false,
            limit: None,
            remote_user: None,
            connection: None,
            private_key_file: None,
            timeout: Duration::from_secs(10),
            ssh_arguments: Vec::new(),
            password: None,
            r#become: false,
            become_method: "sudo".to_owned(),
            become_user: None,
            become_password: None,
            any_errors_fatal: false,
            gathering: "implicit".to_owned(),
            task_timeout: 0,
            retries: 0,
            host_key_checking: None,
            strategy: "linear".to_owned(),
            show_custom_stats: false,
        }
    }
}

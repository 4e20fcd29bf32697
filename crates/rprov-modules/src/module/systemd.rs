//! `systemd`: the older name of `systemd_service`.

pub use super::systemd_service::{Arguments, run};

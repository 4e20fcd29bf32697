//! The only place that orders hosts: which host runs what next, and what its outcome means for the others.
//!
//! * `Plan`: one play on one batch of hosts;
//! * `linear`: all hosts do a task before any does the next;
//! * `free`: each host goes on as fast as it can.

mod apply;
mod free;
mod linear;
mod plan;

pub(super) use plan::{HostRun, Plan, PlanEnd, State};

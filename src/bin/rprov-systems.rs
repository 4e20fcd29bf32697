//! The agent with the modules of the crate `rprov-systems` in place of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    rprov_agent::program::run(
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()),
        rprov_systems::entry,
    )
}

//! The agent's process entry; everything is in the crate `rprov-agent`.

use std::process::ExitCode;

fn main() -> ExitCode {
    rprov_agent::program::run(
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()),
        rprov_modules::registry::entry,
    )
}

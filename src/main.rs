//! Process entry: command line to exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rprov::cli::start(std::env::args_os().collect()).into()
}

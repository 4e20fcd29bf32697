//! The target that `RPROV_FUZZ_TARGET` names: one program for all, since each would link all of rprov.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rprov::fuzz::{TARGETS, Target, target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("RPROV_FUZZ_TARGET").unwrap_or_default();
    target(&name).unwrap_or_else(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        panic!("RPROV_FUZZ_TARGET must be one of: {}", names.join(", "))
    })
});

fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));

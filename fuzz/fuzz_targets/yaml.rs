//! Any text as YAML: a tree or a diagnostic that can be shown, never a panic.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(problem) = rprov::yaml::parse(Path::new("fuzz.yml"), text.into()) {
        let _ = rprov::source::render(&problem, false);
    }
});

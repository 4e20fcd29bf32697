//! Any text as a template, compiled and rendered where nothing is defined.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rprov::template::{Conditional, Scope, Written};

fuzz_target!(|text: &str| {
    let scope = Scope::empty();
    let written = Written::from_text(text, None);
    let _ = written.check();
    let _ = written.render(&scope);
    let conditional = Conditional::from_text(text, None);
    let _ = conditional.check();
    let _ = conditional.test(&scope);
});

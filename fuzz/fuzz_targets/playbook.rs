//! Any text as a playbook.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rprov::playbook::Loader;
use rprov::template::Scope;

fuzz_target!(|text: &str| {
    let Ok(directory) = tempfile::tempdir() else { return };
    let path = directory.path().join("site.yml");
    if std::fs::write(&path, text).is_err() {
        return;
    }
    let mut loader = Loader::new(Vec::new(), Vec::new(), Scope::empty());
    if let Err(problems) = loader.playbook(&path) {
        let _ = rprov::source::render_all(&problems, false);
    }
});

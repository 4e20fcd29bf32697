//! Any bytes as an inventory file, in whichever format they are taken for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rprov::config::Config;
use rprov::inventory::Inventory;

fuzz_target!(|bytes: &[u8]| {
    let Ok(directory) = tempfile::tempdir() else { return };
    let path = directory.path().join("hosts");
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let (config, _) = Config::load(directory.path(), |_| None);
    let _ = Inventory::load(&[path.display().to_string()], &config);
});

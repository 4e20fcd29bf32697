//! Any bytes as frames of the wire, as either side may read them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rprov_wire::{FromAgent, ToAgent, read_frame};

fuzz_target!(|bytes: &[u8]| {
    let mut reader = bytes;
    while let Ok(Some(_)) = read_frame::<ToAgent>(&mut reader) {}
    let mut reader = bytes;
    while let Ok(Some(_)) = read_frame::<FromAgent>(&mut reader) {}
});

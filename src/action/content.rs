//! Content of the controller that a module on the host may ask for.

use std::io::{Read, Seek};
use std::path::Path;

use rprov_wire::{Content, Source};
use sha1::{Digest, Sha1};

use super::call::Stop;
use crate::vault::{Envelope, Keyring};

/// SHA-1 of bytes, in hexadecimal digits.
pub(super) fn sha1_hex(bytes: &[u8]) -> String {
    hex(&Sha1::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes in memory as content number `index`.
pub(super) fn of_bytes(index: u32, bytes: Vec<u8>) -> (Content, Source) {
    let content = Content { index, size: bytes.len() as u64, sha1: sha1_hex(&bytes) };
    (content, Source::Bytes(bytes.into()))
}

/// The content of a file that may be encrypted, and whether it was.
pub(super) fn read(path: &Path, vault: &Keyring) -> Result<(Vec<u8>, bool), Stop> {
    vault
        .read(path)
        .map_err(|error| Stop::failed(format!("could not read {}: {error}", path.display())))?
        .map_err(|problem| Stop::failed(format!("{}: {}", problem.message, problem.causes.join(": "))))
}

/// A file as content number `index`; it is read once for its checksum, and again only if the host asks for it.
/// `vault` opens it first if it is encrypted; then it is kept in memory.
pub(super) fn of_file(index: u32, path: &Path, vault: Option<&Keyring>) -> Result<(Content, Source), Stop> {
    let problem = |error: std::io::Error| Stop::failed(format!("could not read {}: {error}", path.display()));
    let mut file = std::fs::File::open(path).map_err(problem)?;
    if let Some(vault) = vault {
        let mut start = Vec::new();
        (&mut file).take(Envelope::MARK.len() as u64).read_to_end(&mut start).map_err(problem)?;
        if Envelope::is_one(&start) {
            return Ok(of_bytes(index, read(path, vault)?.0));
        }
        file.rewind().map_err(problem)?;
    }
    let mut digest = Sha1::new();
    let mut size = 0;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = file.read(&mut buffer).map_err(problem)?;
        if count == 0 {
            break;
        }
        size += count as u64;
        digest.update(buffer.get(..count).unwrap_or_default());
    }
    Ok((Content { index, size, sha1: hex(&digest.finalize()) }, Source::File(path.to_owned())))
}

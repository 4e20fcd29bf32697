//! Which algorithms are offered: OpenSSH's lists with `+`, `-` and `^`, and an order that is fast.

use std::borrow::Cow;

use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, cipher, compression, kex, mac};

use super::known_hosts::KnownKeys;
use super::options::Options;
use super::pattern;

/// Ciphers with hardware support first: they make bulk transfers half as fast again.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

const KEX_ALGORITHMS: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_GEX_SHA256,
    kex::DH_G16_SHA512,
    kex::DH_G18_SHA512,
    kex::DH_G14_SHA256,
];

/// Not key exchanges but announcements, which travel in the same list.
const KEX_EXTENSIONS: &[kex::Name] = &[kex::EXTENSION_SUPPORT_AS_CLIENT, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT];

const MACS: &[mac::Name] = &[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512];

fn host_key_algorithms() -> Vec<Algorithm> {
    vec![
        Algorithm::Ed25519,
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
        Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
        Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
    ]
}

/// What to offer a host.
///
/// # Errors
/// A list of the configuration in which there is nothing that this program knows.
pub(super) fn preferred(options: &Options, known: &KnownKeys) -> Result<Preferred, String> {
    let mut exchanges = select(
        "KexAlgorithms",
        options.kex_algorithms.as_deref(),
        KEX_ALGORITHMS.iter().map(|name| name.as_ref().to_owned()).collect(),
        kex::ALL_KEX_ALGORITHMS.iter().map(|name| name.as_ref().to_owned()).collect(),
    )?
    .iter()
    .filter_map(|name| kex::Name::try_from(name.as_str()).ok())
    .collect::<Vec<_>>();
    exchanges.extend_from_slice(KEX_EXTENSIONS);

    let ciphers = select(
        "Ciphers",
        options.ciphers.as_deref(),
        CIPHERS.iter().map(|name| name.as_ref().to_owned()).collect(),
        cipher::ALL_CIPHERS.iter().map(|name| name.as_ref().to_owned()).filter(|name| !is_plain(name)).collect(),
    )?;
    let macs = select(
        "MACs",
        options.macs.as_deref(),
        MACS.iter().map(|name| name.as_ref().to_owned()).collect(),
        mac::ALL_MAC_ALGORITHMS.iter().map(|name| name.as_ref().to_owned()).filter(|name| !is_plain(name)).collect(),
    )?;

    let mut supported: Vec<String> = host_key_algorithms().iter().map(|name| name.as_str().to_owned()).collect();
    supported.push("ssh-rsa".to_owned());
    let defaults = host_key_algorithms().iter().map(|name| name.as_str().to_owned()).collect();
    let keys = select("HostKeyAlgorithms", options.host_key_algorithms.as_deref(), defaults, supported)?;
    let mut keys: Vec<Algorithm> = keys.iter().filter_map(|name| name.parse().ok()).collect();
    if options.host_key_algorithms.as_deref().is_none_or(|list| !list.starts_with(|c: char| c.is_ascii_alphabetic())) {
        // Ask for a key that can be compared before one that would be unknown.
        keys.sort_by_key(|algorithm| !known.has_key_for(algorithm));
    }
    let certificates = if known.has_authorities() { keys.clone() } else { Vec::new() };

    Ok(Preferred {
        kex: Cow::Owned(exchanges),
        key: Cow::Owned(keys),
        host_key_certificates: Cow::Owned(certificates),
        cipher: Cow::Owned(ciphers.iter().filter_map(|name| cipher::Name::try_from(name.as_str()).ok()).collect()),
        mac: Cow::Owned(macs.iter().filter_map(|name| mac::Name::try_from(name.as_str()).ok()).collect()),
        compression: Cow::Borrowed(if options.compression {
            &[compression::ZLIB_LEGACY, compression::ZLIB, compression::NONE]
        } else {
            &[compression::NONE]
        }),
    })
}

fn is_plain(name: &str) -> bool {
    matches!(name, "none" | "clear")
}

/// A list of names in the forms `a,b`, `+a,b`, `-a,b` and `^a,b`; names that this program lacks fall out.
fn select(
    option: &str,
    specification: Option<&str>,
    defaults: Vec<String>,
    supported: Vec<String>,
) -> Result<Vec<String>, String> {
    let Some(specification) = specification else { return Ok(defaults) };
    let (sign, list) = match specification.chars().next() {
        Some(sign @ ('+' | '-' | '^')) => (Some(sign), specification.trim_start_matches(sign)),
        _ => (None, specification),
    };
    let named: Vec<String> = list.split(',').map(str::to_owned).filter(|name| supported.contains(name)).collect();
    let mut chosen = match sign {
        None => named,
        Some('+') => defaults.into_iter().chain(named).collect(),
        Some('-') => defaults.into_iter().filter(|name| !pattern::matches_list(list, name)).collect(),
        Some(_) => named.into_iter().chain(defaults).collect(),
    };
    let mut seen = std::collections::HashSet::new();
    chosen.retain(|name: &String| seen.insert(name.clone()));
    if chosen.is_empty() {
        return Err(format!(
            "`{option} {specification}` leaves nothing that is supported; supported are: {}",
            supported.join(", ")
        ));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn lists_replace_append_remove_and_put_ahead() {
        let (defaults, supported) = (names(&["a1", "a2", "b"]), names(&["a1", "a2", "b", "old"]));
        let select = |specification| super::select("Ciphers", Some(specification), defaults.clone(), supported.clone());
        assert_eq!(select("b,unknown,a1").unwrap(), names(&["b", "a1"]));
        assert_eq!(select("+old").unwrap(), names(&["a1", "a2", "b", "old"]));
        assert_eq!(select("-a*").unwrap(), names(&["b"]));
        assert_eq!(select("^b").unwrap(), names(&["b", "a1", "a2"]));
        assert!(select("unknown").unwrap_err().contains("supported are: a1, a2, b, old"));
    }
}

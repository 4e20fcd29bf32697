//! `known_hosts` files: which keys a host may have (SSH_KNOWN_HOSTS FILE FORMAT in `sshd(8)`).
//!
//! A line that cannot be understood is skipped, as in OpenSSH; it must not hide the others.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{KeyInit as _, Mac as _};
use russh::keys::{Algorithm, PublicKey};

use super::pattern;

/// A key of a file.
#[derive(Clone, Debug)]
pub(super) struct KnownKey {
    pub(super) key: PublicKey,
    pub(super) file: PathBuf,
    /// Counted from 1.
    pub(super) line: usize,
}

/// Everything that the files say of one host.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownKeys {
    trusted: Vec<KnownKey>,
    authorities: Vec<KnownKey>,
    revoked: Vec<KnownKey>,
    /// Keys of the same host without its port: good enough to accept one, not to refuse another.
    portless: Vec<KnownKey>,
}

/// What the files say of a key.
#[derive(Debug)]
pub(super) enum Verdict<'a> {
    /// It is the host's.
    Known,
    /// The host has no key of this type.
    New,
    /// The host has another key of this type.
    Changed(&'a KnownKey),
    /// It must not be used any more.
    Revoked(&'a KnownKey),
}

impl KnownKeys {
    /// Look a host up. `name` is `host` or `[host]:port`, in lower case; `portless` is the name without its port.
    pub(super) fn find<'a>(files: impl IntoIterator<Item = &'a PathBuf>, name: &str, portless: Option<&str>) -> Self {
        let mut known = Self::default();
        for file in files {
            let Ok(content) = std::fs::read(file) else { continue };
            for (index, line) in String::from_utf8_lossy(&content).lines().enumerate() {
                known.add_line(line, file, index + 1, name, portless);
            }
        }
        known
    }

    fn add_line(&mut self, line: &str, file: &Path, number: usize, name: &str, portless: Option<&str>) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        let (marker, line) = match line.starts_with('@') {
            true => line.split_once([' ', '\t']).unwrap_or((line, "")),
            false => ("", line),
        };
        let mut fields = line.split_ascii_whitespace();
        let (Some(hosts), Some(_algorithm), Some(base64)) = (fields.next(), fields.next(), fields.next()) else {
            return;
        };
        let exact = names_match(hosts, name);
        let loose = !exact && portless.is_some_and(|portless| names_match(hosts, portless));
        if !exact && !loose {
            return;
        }
        let Some(key) = STANDARD.decode(base64).ok().and_then(|bytes| PublicKey::from_bytes(&bytes).ok()) else {
            return;
        };
        let key = KnownKey { key, file: file.to_owned(), line: number };
        match (marker, exact) {
            ("@revoked", _) => self.revoked.push(key),
            ("@cert-authority", _) => self.authorities.push(key),
            ("", true) => self.trusted.push(key),
            ("", false) => self.portless.push(key),
            _ => {}
        }
    }

    /// Whether a key that could be negotiated by this algorithm is known.
    pub(super) fn has_key_for(&self, algorithm: &Algorithm) -> bool {
        let keys = if self.trusted.is_empty() { &self.portless } else { &self.trusted };
        keys.iter().any(|known| same_type(&known.key.algorithm(), algorithm))
    }

    /// Whether certificates of some authority are accepted from the host.
    pub(super) fn has_authorities(&self) -> bool {
        !self.authorities.is_empty()
    }

    /// The authorities whose certificates are accepted from the host.
    pub(super) fn authorities(&self) -> impl Iterator<Item = &PublicKey> {
        self.authorities.iter().map(|known| &known.key)
    }

    /// Judge a key that the host has shown.
    pub(super) fn check(&self, key: &PublicKey) -> Verdict<'_> {
        let is_same = |known: &&KnownKey| known.key.key_data() == key.key_data();
        if let Some(revoked) = self.revoked.iter().find(is_same) {
            return Verdict::Revoked(revoked);
        }
        if self.trusted.iter().any(|known| is_same(&known)) {
            return Verdict::Known;
        }
        match self.trusted.iter().find(|known| same_type(&known.key.algorithm(), &key.algorithm())) {
            Some(other) => Verdict::Changed(other),
            None if self.portless.iter().any(|known| is_same(&known)) => Verdict::Known,
            None => Verdict::New,
        }
    }
}

/// RSA keys are one type, whatever hash signs for them.
fn same_type(one: &Algorithm, other: &Algorithm) -> bool {
    matches!((one, other), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. })) || one == other
}

fn names_match(field: &str, name: &str) -> bool {
    match field.strip_prefix("|1|") {
        Some(hashed) => hash_matches(hashed, name).unwrap_or(false),
        None => pattern::matches_list(&field.to_lowercase(), name),
    }
}

fn hash_matches(hashed: &str, name: &str) -> Option<bool> {
    let (salt, digest) = hashed.split_once('|')?;
    let (salt, digest) = (STANDARD.decode(salt).ok()?, STANDARD.decode(digest).ok()?);
    Some(hash(&salt, name)?.verify_slice(&digest).is_ok())
}

fn hash(salt: &[u8], name: &str) -> Option<hmac::Hmac<sha1::Sha1>> {
    let mut hash = hmac::Hmac::<sha1::Sha1>::new_from_slice(salt).ok()?;
    hash.update(name.as_bytes());
    Some(hash)
}

/// Two hosts that are met at the same time must not write into each other's line.
static APPENDING: Mutex<()> = Mutex::new(());

/// Write a host's key down. The file and its directory are made where they are missing.
///
/// # Errors
/// The file cannot be written.
pub(super) fn append(file: &Path, name: &str, key: &PublicKey, hashed: bool) -> std::io::Result<()> {
    let field = match hashed {
        false => name.to_owned(),
        true => {
            let salt: [u8; 20] = rand::random();
            let digest = hash(&salt, name).ok_or(std::io::ErrorKind::InvalidInput)?.finalize().into_bytes();
            format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(digest))
        }
    };
    let bytes = key.to_bytes().map_err(std::io::Error::other)?;
    let mut line = format!("{field} {} {}\n", key.algorithm().as_str(), STANDARD.encode(bytes));

    let _one_at_a_time = APPENDING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(directory) = file.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let mut opened = std::fs::OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file)?;
    rustix::fs::flock(&opened, rustix::fs::FlockOperation::LockExclusive)?;
    let present = std::fs::read(file)?;
    if present.last().is_some_and(|&last| last != b'\n') {
        line.insert(0, '\n');
    }
    let mut known = KnownKeys::default();
    for (index, line) in String::from_utf8_lossy(&present).lines().enumerate() {
        known.add_line(line, file, index + 1, name, None);
    }
    if matches!(known.check(key), Verdict::Known) {
        return Ok(());
    }
    opened.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]
    use super::*;

    const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK2pr+Bfus1hvPof4Wb/plZCzSbqadHH0u+/f4ODtKnE";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(text).unwrap()
    }

    fn find(content: &str, name: &str, portless: Option<&str>) -> KnownKeys {
        let mut known = KnownKeys::default();
        for (index, line) in content.lines().enumerate() {
            known.add_line(line, Path::new("known_hosts"), index + 1, name, portless);
        }
        known
    }

    #[test]
    fn a_line_names_hosts_by_patterns_tabs_and_ports() {
        let content = format!("# note\n\n*.example.org,!bad.example.org\t{ONE} comment\n[jump]:2222 {ONE}\n");
        assert!(matches!(find(&content, "web.example.org", None).check(&key(ONE)), Verdict::Known));
        assert!(matches!(find(&content, "bad.example.org", None).check(&key(ONE)), Verdict::New));
        assert!(matches!(find(&content, "[jump]:2222", Some("jump")).check(&key(ONE)), Verdict::Known));
        assert!(matches!(find(&content, "jump", None).check(&key(ONE)), Verdict::New));
    }

    #[test]
    fn a_line_that_cannot_be_read_hides_no_other() {
        let content = format!("web ssh-ed25519 not-base64\nweb\n@strange web {OTHER}\nweb {ONE}\n");
        assert!(matches!(find(&content, "web", None).check(&key(ONE)), Verdict::Known));
    }

    #[test]
    fn another_key_of_the_same_type_is_a_change_and_names_its_line() {
        let known = find(&format!("\nweb {ONE}\n"), "web", None);
        assert!(matches!(known.check(&key(OTHER)), Verdict::Changed(entry) if entry.line == 2));
    }

    #[test]
    fn one_of_two_keys_of_a_type_is_enough() {
        let known = find(&format!("web {ONE}\nweb {OTHER}\n"), "web", None);
        assert!(matches!(known.check(&key(OTHER)), Verdict::Known));
    }

    #[test]
    fn a_revoked_key_is_refused_even_where_it_is_listed() {
        let known = find(&format!("web {ONE}\n@revoked * {ONE}\n"), "web", None);
        assert!(matches!(known.check(&key(ONE)), Verdict::Revoked(entry) if entry.line == 2));
    }

    #[test]
    fn the_entry_without_a_port_accepts_but_does_not_refuse() {
        let known = find(&format!("web {ONE}\n"), "[web]:2222", Some("web"));
        assert!(matches!(known.check(&key(ONE)), Verdict::Known));
        assert!(matches!(known.check(&key(OTHER)), Verdict::New));
    }

    #[test]
    fn an_authority_is_not_a_host_key() {
        let known = find(&format!("@cert-authority *.org {ONE}\n"), "web.org", None);
        assert!(known.has_authorities());
        assert!(matches!(known.check(&key(ONE)), Verdict::New));
    }

    #[test]
    fn a_written_key_is_found_again_hashed_or_not() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("new/known_hosts");
        append(&file, "web", &key(ONE), false).unwrap();
        // An editor has left the last line without its end.
        let mut content = std::fs::read_to_string(&file).unwrap();
        content.pop();
        std::fs::write(&file, content).unwrap();
        append(&file, "[db]:2222", &key(OTHER), true).unwrap();
        append(&file, "[db]:2222", &key(OTHER), true).unwrap();
        let content = std::fs::read_to_string(&file).unwrap();
        assert_eq!(content.lines().count(), 2, "{content}");
        assert!(!content.contains("db"));
        let files = [file];
        assert!(matches!(KnownKeys::find(&files, "web", None).check(&key(ONE)), Verdict::Known));
        assert!(matches!(KnownKeys::find(&files, "[db]:2222", None).check(&key(OTHER)), Verdict::Known));
        assert!(matches!(KnownKeys::find(&files, "[db]:2223", None).check(&key(OTHER)), Verdict::New));
    }

    #[test]
    fn many_hosts_may_be_written_down_at_the_same_time() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("known_hosts");
        std::thread::scope(|scope| {
            for host in 0..40 {
                let file = &file;
                scope.spawn(move || append(file, &format!("host-{host}"), &key(ONE), false).unwrap());
            }
        });
        let content = std::fs::read_to_string(&file).unwrap();
        assert_eq!(content.lines().count(), 40);
        assert!(content.lines().all(|line| line.ends_with(ONE)), "{content}");
    }

    #[test]
    #[cfg(feature = "system-tests")]
    fn hashes_are_those_of_ssh_keygen() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("known_hosts");
        std::fs::write(&file, format!("[web]:2222 {ONE}\n")).unwrap();
        let status = std::process::Command::new("ssh-keygen").arg("-H").arg("-f").arg(&file).output();
        let status = status.expect("`ssh-keygen` is needed: install openssh-client").status;
        assert!(status.success());
        let content = std::fs::read_to_string(&file).unwrap();
        assert!(content.starts_with("|1|"), "{content}");
        assert!(matches!(KnownKeys::find(&[file], "[web]:2222", None).check(&key(ONE)), Verdict::Known));
    }
}

//! All identities of a run, and what they open.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::cipher;
use super::envelope::Envelope;
use super::identity::Identity;
use crate::source::Diagnostic;

/// Bytes of salt for what is encrypted.
const SALT: usize = 32;

/// Why something could not be opened: a sentence in Ansible's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// No password was given.
    #[error("Attempting to decrypt but no vault secrets found.")]
    NoIdentity,
    /// None of the passwords opens it.
    #[error("Decryption failed (no vault secrets were found that could decrypt).")]
    WrongPassword {
        /// The label that it was encrypted with.
        label: Option<String>,
        /// The labels of the passwords that were tried.
        tried: Vec<String>,
    },
    /// It is no vault, or a damaged one.
    #[error("{0}")]
    Malformed(String),
    /// What was encrypted is not text.
    #[error("the decrypted value is not UTF-8 text")]
    NotText,
}

impl VaultError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            VaultError::NoIdentity => {
                "give its password with `--ask-vault-pass`, `--vault-password-file` or `--vault-id`".to_owned()
            }
            VaultError::WrongPassword { label, tried } => {
                let label = label.as_ref().map_or(String::new(), |label| format!("it was encrypted as `{label}`; "));
                format!("{label}tried: {}", tried.join(", "))
            }
            VaultError::Malformed(_) => "compare it with a copy, or encrypt it again".to_owned(),
            VaultError::NotText => "only files may hold binary data".to_owned(),
        }
    }
}

/// What was opened, and by whose password.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The plain text.
    pub plain: Zeroizing<Vec<u8>>,
    /// The identity that opened it, under the label that the text bears: to encrypt it again as it was.
    pub identity: Identity,
}

/// The identities of a run. None are given in a keyring by `default`, which opens nothing.
#[derive(Default)]
pub struct Keyring {
    identities: Vec<Identity>,
    /// Only an identity of the same label may open a labelled text (`vault_id_match`).
    same_label: bool,
    /// Values that were opened, since a value is read again by each host and task.
    values: Mutex<HashMap<Arc<str>, Arc<str>>>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Keyring").field("identities", &self.identities).finish_non_exhaustive()
    }
}

impl Keyring {
    /// A keyring; earlier identities are tried first. With `same_label`, a labelled text is opened only by an identity of
    /// that label.
    pub fn new(identities: Vec<Identity>, same_label: bool) -> Self {
        Self { identities, same_label, values: Mutex::default() }
    }

    /// The identities, in the order in which they are tried.
    pub fn identities(&self) -> &[Identity] {
        &self.identities
    }

    /// Open an encrypted text.
    ///
    /// # Errors
    /// It is none, or no identity opens it.
    pub fn open(&self, text: &[u8]) -> Result<Opened, VaultError> {
        let envelope = Envelope::parse(text).map_err(VaultError::Malformed)?;
        if self.identities.is_empty() {
            return Err(VaultError::NoIdentity);
        }
        let label = envelope.label.as_deref().unwrap_or(super::identity::DEFAULT_LABEL);
        let same = |identity: &&Identity| identity.label == label;
        // Its own label first, then all others.
        let others = self.identities.iter().filter(|identity| !same(identity));
        let others = others.filter(|_| !self.same_label);
        for identity in self.identities.iter().filter(same).chain(others) {
            if let Ok(plain) = cipher::open(&envelope.sealed, identity.password()) {
                return Ok(Opened { plain, identity: identity.labelled(label) });
            }
        }
        let tried = self.identities.iter().map(|identity| identity.label.clone()).collect();
        Err(VaultError::WrongPassword { label: envelope.label, tried })
    }

    /// Open an encrypted value (`!vault`); each is decrypted once.
    ///
    /// # Errors
    /// As for [`Keyring::open`], or it is not text.
    pub fn value(&self, ciphertext: &Arc<str>) -> Result<Arc<str>, VaultError> {
        if let Some(known) = self.values.lock().unwrap_or_else(PoisonError::into_inner).get(ciphertext) {
            return Ok(Arc::clone(known));
        }
        let opened = self.open(ciphertext.as_bytes())?;
        let plain: Arc<str> = Arc::from(std::str::from_utf8(&opened.plain).map_err(|_| VaultError::NotText)?);
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.insert(Arc::clone(ciphertext), Arc::clone(&plain));
        Ok(plain)
    }

    /// Whether this text is an encrypted value that was opened here: the very text, not one that reads the same.
    pub fn is_opened_value(&self, text: &str) -> bool {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.values().any(|plain| std::ptr::eq(&raw const **plain, text))
    }

    /// The content of a file that may be encrypted as a whole, and whether it was.
    ///
    /// # Errors
    /// A diagnostic that names the file.
    pub fn read(&self, path: &Path) -> std::io::Result<Result<(Vec<u8>, bool), Diagnostic>> {
        let bytes = std::fs::read(path)?;
        if !Envelope::is_one(&bytes) {
            return Ok(Ok((bytes, false)));
        }
        Ok(match self.open(&bytes) {
            Ok(opened) => Ok((opened.plain.to_vec(), true)),
            // A file that cannot be opened is as good as none, not one with a mistake in it.
            Err(error) => {
                let message = match &error {
                    VaultError::NoIdentity => {
                        format!("A vault password or secret must be specified to decrypt {}", path.display())
                    }
                    error => format!("`{}` is encrypted and could not be opened: {error}", path.display()),
                };
                Err(Diagnostic::absent(message).hint(error.hint()))
            }
        })
    }

    /// Encrypt. `salt` is random unless a setting gives it. Other labels than `default` are written down.
    pub fn seal(plain: &[u8], identity: &Identity, salt: Option<&[u8]>) -> String {
        let salt = salt.map_or_else(|| rand::random::<[u8; SALT]>().to_vec(), <[u8]>::to_vec);
        let label = (identity.label != super::identity::DEFAULT_LABEL).then(|| identity.label.clone());
        Envelope { label, sealed: cipher::seal(plain, identity.password(), salt) }.to_text()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn identity(label: &str, password: &str) -> Identity {
        Identity::new(label, password.as_bytes()).unwrap()
    }

    #[test]
    fn the_right_identity_opens() {
        let text = Keyring::seal(b"secret", &identity("dev", "one"), None);
        let open = |identities: Vec<Identity>, same: bool| {
            Keyring::new(identities, same).open(text.as_bytes()).map(|opened| opened.identity)
        };
        assert_eq!(open(vec![], false), Err(VaultError::NoIdentity));
        assert_eq!(open(vec![identity("prod", "two"), identity("dev", "one")], true).unwrap(), identity("dev", "one"));
        assert_eq!(open(vec![identity("prod", "one")], false).unwrap(), identity("dev", "one"));
        let pair = vec![identity("dev", "two"), identity("dev", "one")];
        assert_eq!(open(pair, false).unwrap(), identity("dev", "one"));
        assert!(matches!(open(vec![identity("prod", "one")], true), Err(VaultError::WrongPassword { .. })));
        assert!(matches!(open(vec![identity("dev", "two")], false), Err(VaultError::WrongPassword { .. })));
    }

    #[test]
    fn values_are_opened_once_and_are_text() {
        let keyring = Keyring::new(vec![identity("default", "one")], false);
        let text: Arc<str> = Keyring::seal("süß".as_bytes(), &identity("default", "one"), Some(b"salt")).into();
        assert!(text.starts_with("$ANSIBLE_VAULT;1.1;"));
        let first = keyring.value(&text).unwrap();
        assert_eq!(&*first, "süß");
        assert!(Arc::ptr_eq(&first, &keyring.value(&text).unwrap()));
        assert!(keyring.is_opened_value(&first));
        assert!(!keyring.is_opened_value("süß"));
        let binary: Arc<str> = Keyring::seal(&[0xff], &identity("default", "one"), None).into();
        assert_eq!(keyring.value(&binary), Err(VaultError::NotText));
        assert!(!format!("{keyring:?}").contains("one"));
    }

    #[test]
    fn files_are_read_whether_encrypted_or_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        let keyring = Keyring::new(vec![identity("default", "one")], false);
        std::fs::write(&path, "plain").unwrap();
        assert_eq!(keyring.read(&path).unwrap().unwrap(), (b"plain".to_vec(), false));
        std::fs::write(&path, Keyring::seal(b"hidden", &identity("default", "one"), None)).unwrap();
        assert_eq!(keyring.read(&path).unwrap().unwrap(), (b"hidden".to_vec(), true));
        let problem = Keyring::default().read(&path).unwrap().unwrap_err();
        assert!(problem.absent && problem.message.contains("A vault password or secret must be specified to decrypt"));
        assert!(keyring.read(&directory.path().join("nothing")).is_err());
    }
}

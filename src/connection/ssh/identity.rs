//! Key files: which there are, and why one cannot be used.
//!
//! Opening a key with a passphrase is made slow on purpose, so a key is opened once for all hosts of a run.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use russh::keys::{Algorithm, Certificate, PrivateKey, PublicKey};
use sha2::Digest as _;

use super::key_format;
use crate::connection::Password;

/// One key file.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) path: PathBuf,
    /// Known even where the private key cannot be opened, so that an agent can sign for it.
    pub(super) public: Option<PublicKey>,
    pub(super) private: Result<Arc<PrivateKey>, Problem>,
    /// Certificates for this key.
    pub(super) certificates: Vec<Certificate>,
}

/// Why a key file cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("does not exist")]
    Missing,
    #[error("cannot be read: {0}")]
    Unreadable(String),
    #[error("its permissions {0:04o} let other users read it; `chmod 600` it")]
    Permissions(u32),
    #[error("is encrypted; give `ansible_ssh_private_key_passphrase`, or add it to an agent with `ssh-add`")]
    Encrypted,
    #[error("the passphrase does not open it; check `ansible_ssh_private_key_passphrase`")]
    WrongPassphrase,
    #[error("only holds a public key, whose private key no agent has")]
    PublicOnly,
    #[error("belongs to a hardware key, which only an agent can use; add it with `ssh-add`")]
    Hardware,
    #[error("cannot be understood: {0}")]
    Format(String),
}

#[derive(PartialEq, Eq, Hash)]
struct CacheKey {
    path: PathBuf,
    modified: Option<SystemTime>,
    passphrase: Option<[u8; 32]>,
}

type Opened = Arc<OnceLock<(Option<PublicKey>, Result<Arc<PrivateKey>, Problem>)>>;

static OPENED: LazyLock<Mutex<HashMap<CacheKey, Opened>>> = LazyLock::new(Mutex::default);

impl Identity {
    /// Open a key file, together with `FILE-cert.pub` and those of `certificates` that belong to it. Blocks.
    pub(super) fn load(path: &Path, passphrase: Option<&Password>, certificates: &[PathBuf]) -> Self {
        let key = CacheKey {
            path: path.to_owned(),
            modified: std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok(),
            passphrase: passphrase.map(|passphrase| sha2::Sha256::digest(passphrase.expose().as_bytes()).into()),
        };
        let opened = Arc::clone(OPENED.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        let (public, private) = opened.get_or_init(|| open(path, passphrase)).clone();
        let own = with_suffix(path, "-cert.pub");
        let certificates = std::iter::once(&own)
            .chain(certificates)
            .filter_map(|file| russh::keys::load_openssh_certificate(file).ok())
            .filter(|certificate| public.as_ref().is_some_and(|key| key.key_data() == certificate.public_key()))
            .collect();
        Self { path: path.to_owned(), public, private, certificates }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn open(path: &Path, passphrase: Option<&Password>) -> (Option<PublicKey>, Result<Arc<PrivateKey>, Problem>) {
    let beside = || russh::keys::load_public_key(with_suffix(path, ".pub")).ok();
    let text = match std::fs::read(path) {
        Ok(bytes) => zeroize::Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (beside(), Err(Problem::Missing)),
        Err(error) => return (beside(), Err(Problem::Unreadable(error.to_string()))),
    };
    if let Ok(public) = PublicKey::from_openssh(text.trim()) {
        return (Some(public), Err(Problem::PublicOnly));
    }
    // The public half of an encrypted key in OpenSSH's own format is not encrypted.
    let public = PrivateKey::from_openssh(text.as_bytes()).ok().map(|key| key.public_key().clone()).or_else(beside);
    if let Ok(metadata) = std::fs::metadata(path) {
        let (mode, own) = (metadata.mode() & 0o7777, metadata.uid() == rustix::process::getuid().as_raw());
        if own && mode & 0o077 != 0 {
            return (public, Err(Problem::Permissions(mode)));
        }
    }
    let passphrase = passphrase.map(Password::expose).filter(|passphrase| !passphrase.is_empty());
    let opened = match key_format::decode(&text, None) {
        Err(russh::keys::Error::KeyIsEncrypted) => match passphrase {
            None => Err(Problem::Encrypted),
            Some(passphrase) => key_format::decode(&text, Some(passphrase)).map_err(|_| Problem::WrongPassphrase),
        },
        // Formats older than OpenSSH's own say in other ways that they are encrypted.
        Err(_) if text.contains("ENCRYPTED") => match passphrase {
            None => Err(Problem::Encrypted),
            Some(passphrase) => key_format::decode(&text, Some(passphrase)).map_err(|_| Problem::WrongPassphrase),
        },
        Err(error) => Err(Problem::Format(error.to_string())),
        Ok(key) => Ok(key),
    };
    match opened {
        Ok(key) if matches!(key.algorithm(), Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256) => {
            (Some(key.public_key().clone()), Err(Problem::Hardware))
        }
        Ok(key) => (Some(key.public_key().clone()), Ok(Arc::new(key))),
        Err(problem) => (public, Err(problem)),
    }
}

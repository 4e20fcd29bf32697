//! Judging the key that a host shows, while the handshake waits.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use russh::Names;
use russh::client::{DisconnectReason, Handler, Session};
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};

use super::known_hosts::{self, KnownKeys, Verdict};
use super::pattern;
use crate::connection::HostKeyChecking;
use crate::connection::error::Loss;
use crate::connection::transport::Ending;

/// What a host's key is held against.
#[derive(Debug)]
pub(super) struct Policy {
    /// `host` or `[host]:port`: the name in `known_hosts`.
    pub(super) name: String,
    /// The name that certificates must be made out to.
    pub(super) hostname: String,
    pub(super) port: u16,
    pub(super) known: KnownKeys,
    pub(super) checking: HostKeyChecking,
    pub(super) pinned: Option<PublicKey>,
    /// Where a new key is written down.
    pub(super) file: Option<PathBuf>,
    pub(super) hashed: bool,
}

/// Why the handshake failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error(transparent)]
    Protocol(#[from] russh::Error),
    #[error("{reason}")]
    HostKey { reason: String, hint: Option<String> },
}

/// Why a host is not surely the one that is meant, where that does not end the handshake; empty where it is.
pub(super) type Doubt = Arc<OnceLock<Distrust>>;

/// A key that disagrees with what is known, and goes through only because the check is switched off.
#[derive(Clone, Debug)]
pub(super) struct Distrust {
    /// What disagrees, with file and line.
    pub(super) reason: String,
    /// What to do about it.
    pub(super) hint: String,
}

/// What the server calls itself (`SSH-2.0-OpenSSH_9.2p1`), once the handshake is over.
pub(super) type Server = Arc<OnceLock<Vec<u8>>>;

/// The program's side of a connection.
pub(super) struct Client {
    pub(super) policy: Arc<Policy>,
    pub(super) doubt: Doubt,
    /// How long the host may be silent while it is asked for a sign of life.
    pub(super) patience: Option<Duration>,
    pub(super) ending: Ending,
    pub(super) server: Server,
}

impl Handler for Client {
    type Error = HandshakeError;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, HandshakeError> {
        let distrust = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.policy.check_key(key)?,
            PublicKeyOrCertificate::Certificate(certificate) => self.policy.check_certificate(certificate)?,
        };
        if let Some(distrust) = distrust {
            self.doubt.get_or_init(|| distrust);
        }
        Ok(true)
    }

    async fn kex_done(&mut self, _: Option<&[u8]>, _: &Names, session: &mut Session) -> Result<(), HandshakeError> {
        self.server.get_or_init(|| session.remote_sshid().to_vec());
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<HandshakeError>) -> Result<(), HandshakeError> {
        let reason = match reason {
            DisconnectReason::ReceivedDisconnect(info) => format!("the host closed it: {}", info.message.trim()),
            DisconnectReason::Error(HandshakeError::Protocol(russh::Error::KeepaliveTimeout)) => {
                let loss = Loss::silence(self.patience);
                self.ending.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(loss);
                return Ok(());
            }
            DisconnectReason::Error(HandshakeError::Protocol(russh::Error::Disconnect | russh::Error::HUP)) => {
                "the host closed it".to_owned()
            }
            DisconnectReason::Error(HandshakeError::Protocol(russh::Error::IO(error)))
                if error.kind() == std::io::ErrorKind::UnexpectedEof =>
            {
                "the host closed it".to_owned()
            }
            DisconnectReason::Error(error) => error.to_string(),
        };
        self.ending.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(Loss { reason, hint: None });
        Ok(())
    }
}

impl Policy {
    /// Judge a key. A changed one goes through with the check switched off, but its host is not to be trusted with
    /// passwords: `ssh` sends none either then, since somebody in between would have them.
    fn check_key(&self, key: &PublicKey) -> Result<Option<Distrust>, HandshakeError> {
        let shown = format!("{} key {}", key_type(key), key.fingerprint(HashAlg::Sha256));
        if let Some(pinned) = &self.pinned {
            if pinned.key_data() == key.key_data() {
                return Ok(None);
            }
            return Err(HandshakeError::HostKey {
                reason: format!(
                    "`{}` shows the {shown}, but it must have the key {}",
                    self.name,
                    pinned.fingerprint(HashAlg::Sha256)
                ),
                hint: Some("another server answers at this address; check address and port".to_owned()),
            });
        }
        match self.known.check(key) {
            Verdict::Known => Ok(None),
            Verdict::Revoked(entry) => Err(HandshakeError::HostKey {
                reason: format!("the {shown} of `{}` is revoked by {}:{}", self.name, entry.file.display(), entry.line),
                hint: Some("give the host a new key, or find out who still answers with the old one".to_owned()),
            }),
            Verdict::Changed(entry) => {
                let reason = format!(
                    "the {shown} of `{}` differs from the one in {}:{} ({}); somebody may be intercepting the \
                     connection, or the host was installed anew",
                    self.name,
                    entry.file.display(),
                    entry.line,
                    entry.key.fingerprint(HashAlg::Sha256)
                );
                let hint = format!(
                    "if the new key is right, remove the old one: `ssh-keygen -f {} -R '{}'`",
                    entry.file.display(),
                    self.name
                );
                match self.checking {
                    HostKeyChecking::Off => Ok(Some(Distrust { reason, hint })),
                    _ => Err(HandshakeError::HostKey { reason, hint: Some(hint) }),
                }
            }
            Verdict::New if self.checking == HostKeyChecking::Off => Ok(None),
            Verdict::New if self.checking == HostKeyChecking::AcceptNew => self.write_down(key).map(|()| None),
            Verdict::New => {
                let file = self.file.as_ref().map_or_else(|| "known_hosts".into(), |file| file.display().to_string());
                let port = if self.port == 22 { String::new() } else { format!("-p {} ", self.port) };
                Err(HandshakeError::HostKey {
                    reason: format!("the {shown} of `{}` is in no `known_hosts` file", self.name),
                    hint: Some(format!(
                        "compare the fingerprint with the host's own (`ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub`), \
                         then add the key: `ssh-keyscan {port}{} >> {file}`; or trust new hosts at first sight with \
                         `-o StrictHostKeyChecking=accept-new` in `ansible_ssh_common_args`, or switch the check off \
                         with `ANSIBLE_HOST_KEY_CHECKING=False`",
                        self.hostname
                    )),
                })
            }
        }
    }

    fn write_down(&self, key: &PublicKey) -> Result<(), HandshakeError> {
        let Some(file) = &self.file else { return Ok(()) };
        known_hosts::append(file, &self.name, key, self.hashed).map_err(|error| HandshakeError::HostKey {
            reason: format!("cannot write the new key of `{}` to `{}`: {error}", self.name, file.display()),
            hint: Some("make the file writable, or name another one with `UserKnownHostsFile`".to_owned()),
        })
    }

    fn check_certificate(&self, certificate: &Certificate) -> Result<Option<Distrust>, HandshakeError> {
        let subject = PublicKey::new(certificate.public_key().clone(), "");
        if self.pinned.is_some() {
            return self.check_key(&subject);
        }
        let refuse = |what: String| HandshakeError::HostKey {
            reason: format!("the host certificate `{}` of `{}` {what}", certificate.key_id(), self.name),
            hint: Some("let the certificate authority sign the host's key anew (`ssh-keygen -s CA -h -n HOST`)".into()),
        };
        let authority = PublicKey::new(certificate.signature_key().clone(), "");
        for key in [&subject, &authority] {
            if let Verdict::Revoked(entry) = self.known.check(key) {
                return Err(refuse(format!("is revoked by {}:{}", entry.file.display(), entry.line)));
            }
        }
        match self.validate(certificate, refuse) {
            Ok(()) => Ok(None),
            // Then it is worth as much as the key in it.
            Err(_) if self.checking == HostKeyChecking::Off => self.check_key(&subject),
            Err(error) => Err(error),
        }
    }

    /// Whether a certificate is the host's, valid, and signed by an authority that is trusted.
    fn validate(
        &self,
        certificate: &Certificate,
        refuse: impl Fn(String) -> HandshakeError,
    ) -> Result<(), HandshakeError> {
        if certificate.cert_type() != CertType::Host {
            return Err(refuse("is made out to a user, not to a host".to_owned()));
        }
        let principals = certificate.valid_principals();
        let hostname = self.hostname.to_lowercase();
        if !principals.is_empty() && !principals.iter().any(|name| pattern::matches(&name.to_lowercase(), &hostname)) {
            return Err(refuse(format!("is made out to {}", principals.join(", "))));
        }
        if certificate.critical_options().iter().next().is_some() {
            return Err(refuse("has critical options, which a host certificate must not have".to_owned()));
        }
        let fingerprints: Vec<_> = self.known.authorities().map(|key| key.fingerprint(HashAlg::Sha256)).collect();
        certificate.validate(&fingerprints).map_err(|_| {
            refuse("has expired, is not valid yet, or was signed by an authority that is not trusted".to_owned())
        })
    }
}

fn key_type(key: &PublicKey) -> String {
    let name = key.algorithm().as_str().to_owned();
    match name.as_str() {
        "ssh-ed25519" => "ED25519".to_owned(),
        "ssh-rsa" => "RSA".to_owned(),
        name if name.starts_with("ecdsa") => "ECDSA".to_owned(),
        _ => name,
    }
}

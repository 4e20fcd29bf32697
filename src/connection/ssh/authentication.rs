//! Logging in, in as few round trips as the server allows.
//!
//! Nothing is asked that is known already: without a `none` request first, the most promising key or password is
//! offered at once, and each refusal tells which methods are left.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode as _;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{Algorithm, Certificate, Error, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use russh::{AgentAuthError, MethodKind, MethodSet};
use tokio::net::UnixStream;

use super::host_key::{Client, Distrust};
use super::identity::{Identity, Problem};
use super::options::Options;
use crate::connection::transport::Ending;
use crate::connection::{ConnectionError, Password};

/// Questions of a server that asks without end.
const MAXIMUM_ROUNDS: usize = 10;

/// One thing to offer.
enum Attempt {
    None,
    Key { key: Arc<PrivateKey>, name: String },
    Certificate { key: Arc<PrivateKey>, certificate: Box<Certificate>, name: String },
    AgentKey { key: PublicKey, name: String },
    AgentCertificate { certificate: Box<Certificate>, name: String },
    Password,
    KeyboardInteractive,
}

impl Attempt {
    fn method(&self) -> MethodKind {
        match self {
            Attempt::None => MethodKind::None,
            Attempt::Password => MethodKind::Password,
            Attempt::KeyboardInteractive => MethodKind::KeyboardInteractive,
            _ => MethodKind::PublicKey,
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Attempt::Key { name, .. }
            | Attempt::Certificate { name, .. }
            | Attempt::AgentKey { name, .. }
            | Attempt::AgentCertificate { name, .. } => Some(name),
            Attempt::Password => Some("the password"),
            Attempt::KeyboardInteractive | Attempt::None => None,
        }
    }
}

/// What there is to log in with.
pub(super) struct Credentials<'a> {
    pub(super) options: &'a Options,
    pub(super) identities: &'a [Identity],
    pub(super) password: Option<&'a Password>,
    /// Why the host must not have the password.
    pub(super) distrust: Option<&'a Distrust>,
}

struct Login<'a> {
    credentials: &'a Credentials<'a>,
    handle: &'a mut Handle<Client>,
    ending: &'a Ending,
    agent: Option<AgentClient<UnixStream>>,
    offered: Vec<String>,
    /// The password was among them, by whatever method.
    offered_password: bool,
    notes: Vec<String>,
}

/// Log in.
///
/// # Errors
/// Nothing was accepted, or the connection was lost.
pub(super) async fn authenticate(
    handle: &mut Handle<Client>,
    ending: &Ending,
    credentials: &Credentials<'_>,
) -> Result<(), ConnectionError> {
    let mut login = Login {
        credentials,
        handle,
        ending,
        agent: None,
        offered: Vec::new(),
        offered_password: false,
        notes: Vec::new(),
    };
    let keys = if credentials.options.pubkey_authentication { login.agent_keys().await } else { Vec::new() };
    let mut queue = login.queue(keys);
    if queue.is_empty() {
        queue.push_back(Attempt::None);
    }
    let mut left: Option<MethodSet> = None;
    loop {
        let possible = |attempt: &Attempt| left.as_ref().is_none_or(|left| left.contains(&attempt.method()));
        let Some(attempt) = queue.iter().position(possible).and_then(|index| queue.remove(index)) else {
            return Err(login.refused(left.as_ref()));
        };
        match login.offer(attempt).await? {
            Some(AuthResult::Success) => return Ok(()),
            Some(AuthResult::Failure { remaining_methods, partial_success }) => {
                if partial_success {
                    login.notes.push("the host accepted one method and demands another one".to_owned());
                }
                if remaining_methods.is_empty() && login.handle.is_closed() {
                    return Err(login.refused(left.as_ref()));
                }
                left = Some(remaining_methods);
            }
            None => {}
        }
    }
}

/// Signs for an RSA certificate with the hash that the server wants.
struct RsaSigner(Arc<PrivateKey>);

impl russh::Signer for RsaSigner {
    type Error = AgentAuthError;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, AgentAuthError> {
        let KeypairData::Rsa(pair) = self.0.key_data() else { return Err(Error::KeyIsCorrupt.into()) };
        let signature = (pair, hash).try_sign(&to_sign).map_err(|_| Error::KeyIsCorrupt)?;
        signature.encode_prefixed(&mut to_sign).map_err(Error::from)?;
        Ok(to_sign)
    }
}

impl Login<'_> {
    async fn agent_keys(&mut self) -> Vec<AgentIdentity> {
        let Some(socket) = &self.credentials.options.agent else { return Vec::new() };
        let mut agent = match AgentClient::connect_uds(socket).await {
            Ok(agent) => agent,
            Err(error) => {
                self.notes.push(format!("the ssh-agent at `{}` does not answer: {error}", socket.display()));
                return Vec::new();
            }
        };
        if let Some(binding) = self.handle.agent_session_binding() {
            // Agents that do not know this do not restrict keys to hosts either.
            let _ = agent.bind_session(binding, false).await;
        }
        match agent.request_identities().await {
            Ok(identities) => {
                self.agent = Some(agent);
                identities
            }
            Err(error) => {
                self.notes.push(format!("the ssh-agent at `{}` lists no keys: {error}", socket.display()));
                Vec::new()
            }
        }
    }

    /// Everything there is to offer, the most promising first.
    fn queue(&mut self, agent: Vec<AgentIdentity>) -> VecDeque<Attempt> {
        let Credentials { options, identities, password, distrust } = self.credentials;
        let password = password.filter(|_| distrust.is_none());
        let (named, others) = self.keys(agent, identities);
        let password_attempts = |kind: &str| match kind {
            "password" if options.password_authentication => Some(Attempt::Password),
            "keyboard-interactive" if options.keyboard_interactive_authentication => Some(Attempt::KeyboardInteractive),
            _ => None,
        };
        let mut queue = VecDeque::new();
        match &options.preferred_authentications {
            Some(order) => {
                let mut keys = Some(named.into_iter().chain(others));
                for method in order {
                    match method.as_str() {
                        "publickey" => queue.extend(keys.take().into_iter().flatten()),
                        method if password.is_some() => queue.extend(password_attempts(method)),
                        _ => {}
                    }
                }
            }
            None => {
                queue.extend(named);
                if password.is_some() {
                    // A password that somebody gave is likelier right than a key that happens to lie about, and each
                    // wrong key counts towards the server's `MaxAuthTries`.
                    queue.extend(password_attempts("password"));
                    queue.extend(password_attempts("keyboard-interactive"));
                }
                queue.extend(others);
            }
        }
        queue
    }

    /// Keys that somebody named for this host, and all others.
    fn keys(&mut self, agent: Vec<AgentIdentity>, identities: &[Identity]) -> (Vec<Attempt>, Vec<Attempt>) {
        let options = self.credentials.options;
        let (mut named, mut others) = (Vec::new(), Vec::new());
        if !options.pubkey_authentication {
            return (named, others);
        }
        let mut agent: Vec<Option<AgentIdentity>> = agent.into_iter().map(Some).collect();
        let mut from_files = Vec::new();
        for identity in identities {
            let name = format!("`{}`", identity.path.display());
            let held = identity.public.as_ref().and_then(|public| {
                agent.iter_mut().find(|held| {
                    matches!(held, Some(AgentIdentity::PublicKey { key, .. }) if key.key_data() == public.key_data())
                })
            });
            for certificate in &identity.certificates {
                let certificate = Box::new(certificate.clone());
                match &identity.private {
                    Ok(key) => {
                        from_files.push(Attempt::Certificate { key: key.clone(), certificate, name: name.clone() });
                    }
                    Err(_) if held.is_some() => {
                        from_files.push(Attempt::AgentCertificate { certificate, name: name.clone() });
                    }
                    Err(_) => {}
                }
            }
            match (&identity.private, held.and_then(Option::take)) {
                (Ok(key), held) => {
                    drop(held);
                    from_files.push(Attempt::Key { key: key.clone(), name });
                }
                (Err(_), Some(AgentIdentity::PublicKey { key, .. })) => {
                    from_files.push(Attempt::AgentKey { key, name });
                }
                (Err(Problem::Missing), _) if !options.explicit_identities => {}
                (Err(problem), _) => self.notes.push(format!("{name} {problem}")),
            }
        }
        if !options.identities_only {
            for identity in agent.into_iter().flatten() {
                others.push(match identity {
                    AgentIdentity::PublicKey { key, comment } => {
                        Attempt::AgentKey { key, name: format!("the agent's `{comment}`") }
                    }
                    AgentIdentity::Certificate { certificate, comment } => Attempt::AgentCertificate {
                        certificate: Box::new(certificate),
                        name: format!("the agent's certificate `{comment}`"),
                    },
                });
            }
        }
        // Default files come after what an agent holds, named ones before.
        if options.explicit_identities {
            named.append(&mut from_files);
        } else {
            others.append(&mut from_files);
        }
        (named, others)
    }

    /// Make one attempt; `None` where it could not be made.
    async fn offer(&mut self, attempt: Attempt) -> Result<Option<AuthResult>, ConnectionError> {
        self.offered.extend(attempt.name().map(str::to_owned));
        self.offered_password |= matches!(attempt, Attempt::Password | Attempt::KeyboardInteractive);
        let user = self.credentials.options.user.clone();
        let result = match attempt {
            Attempt::None => self.handle.authenticate_none(user).await,
            Attempt::Key { key, .. } => {
                let hash = self.hash_for(&key.algorithm()).await;
                self.handle.authenticate_publickey(user, PrivateKeyWithHashAlg::new(key, hash)).await
            }
            // Left to itself, russh would sign with SHA-1 here.
            Attempt::Certificate { key, certificate, .. } if matches!(key.key_data(), KeypairData::Rsa(_)) => {
                let hash = self.hash_for(&key.algorithm()).await;
                let mut signer = RsaSigner(key);
                let signed = self.handle.authenticate_certificate_with(user, *certificate, hash, &mut signer);
                signed.await.map_err(|error| match error {
                    AgentAuthError::Key(error) => russh::Error::Keys(error),
                    AgentAuthError::Send(_) => russh::Error::SendError,
                })
            }
            Attempt::Certificate { key, certificate, .. } => {
                self.handle.authenticate_openssh_cert(user, key, *certificate).await
            }
            Attempt::AgentKey { key, name } => {
                let hash = self.hash_for(&key.algorithm()).await;
                let Some(agent) = &mut self.agent else { return Ok(None) };
                match self.handle.authenticate_publickey_with(user, key, hash, agent).await {
                    Ok(result) => Ok(result),
                    Err(error) => return self.agent_refused(&name, &error.to_string()),
                }
            }
            Attempt::AgentCertificate { certificate, name } => {
                let hash = self.hash_for(&certificate.algorithm()).await;
                let Some(agent) = &mut self.agent else { return Ok(None) };
                match self.handle.authenticate_certificate_with(user, *certificate, hash, agent).await {
                    Ok(result) => Ok(result),
                    Err(error) => return self.agent_refused(&name, &error.to_string()),
                }
            }
            Attempt::Password => match self.credentials.password {
                Some(password) => self.handle.authenticate_password(user, password.expose()).await,
                None => return Ok(None),
            },
            Attempt::KeyboardInteractive => self.answer_questions(user).await,
        };
        match result {
            Ok(result) => Ok(Some(result)),
            // The connection's end is told by what the host said last.
            Err(russh::Error::SendError | russh::Error::RecvError | russh::Error::Disconnect) => {
                Err(self.refused(None))
            }
            Err(error) => {
                self.notes.push(error.to_string());
                Ok(None)
            }
        }
    }

    fn agent_refused(&mut self, name: &str, error: &str) -> Result<Option<AuthResult>, ConnectionError> {
        if self.handle.is_closed() {
            return Err(self.refused(None));
        }
        self.notes.push(format!("the ssh-agent does not sign with {name}: {error}"));
        Ok(None)
    }

    async fn hash_for(&self, algorithm: &Algorithm) -> Option<HashAlg> {
        if !matches!(algorithm, Algorithm::Rsa { .. }) {
            return None;
        }
        // A server that does not say what it takes is either very old or no OpenSSH; SHA-1 is refused nearly everywhere.
        self.handle.best_supported_rsa_hash().await.ok().flatten().unwrap_or(Some(HashAlg::Sha512))
    }

    async fn answer_questions(&mut self, user: String) -> Result<AuthResult, russh::Error> {
        let password = self.credentials.password.map(Password::expose).unwrap_or_default();
        let mut response = self.handle.authenticate_keyboard_interactive_start(user, None).await?;
        let mut answered = false;
        for _ in 0..MAXIMUM_ROUNDS {
            let prompts = match response {
                KeyboardInteractiveAuthResponse::Success => return Ok(AuthResult::Success),
                KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success } => {
                    return Ok(AuthResult::Failure { remaining_methods, partial_success });
                }
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts,
            };
            let answers = prompts.iter().map(|prompt| match prompt.echo || answered {
                // A second secret is something else than the password: a one-time code.
                true => {
                    self.notes.push(format!("the host asks `{}`, to which there is no answer", prompt.prompt.trim()));
                    String::new()
                }
                false => password.to_owned(),
            });
            let answers = answers.collect();
            answered |= !prompts.is_empty();
            response = self.handle.authenticate_keyboard_interactive_respond(answers).await?;
        }
        Err(russh::Error::Disconnect)
    }

    /// The error that says what was tried and what to do.
    fn refused(&mut self, left: Option<&MethodSet>) -> ConnectionError {
        let Credentials { options, password, distrust, .. } = self.credentials;
        let ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (ending, advice) = ending.map_or((None, None), |loss| (Some(loss.reason), loss.hint));
        let methods: Vec<&str> = left.into_iter().flat_map(|left| left.iter()).map(<&str>::from).collect();
        let mut hints = std::mem::take(&mut self.notes);
        if !self.offered.is_empty() {
            self.offered.dedup();
            hints.push(format!("refused were: {}", self.offered.join(", ")));
        } else if password.is_none() && hints.is_empty() {
            hints.push("there is no key to offer: no agent holds one, and no key file was found".to_owned());
        }
        if let (Some(distrust), Some(_)) = (distrust, password) {
            hints.push(format!("the password was not sent: {}; {}", distrust.reason, distrust.hint));
        } else if self.offered_password {
            hints.push(format!(
                "check the password of `{}` (`--ask-pass`, `--connection-password-file`, `ansible_password`)",
                options.user
            ));
        }
        if password.is_none() && methods.iter().any(|name| matches!(*name, "password" | "keyboard-interactive")) {
            hints.push("the host takes passwords: give one with `--ask-pass` or `ansible_password`".to_owned());
        }
        if methods.contains(&"publickey") && !self.offered_password {
            hints.push(format!(
                "the public key of one of your keys must be in `~/.ssh/authorized_keys` of `{}` on the host \
                 (`ssh-copy-id`), or name the right key with `--private-key` or `ansible_ssh_private_key_file`",
                options.user
            ));
        }
        if let Some(ending) = &ending {
            hints.push(ending.clone());
            if ending.contains("Too many authentication failures") {
                hints.push("offer fewer keys: name the right one, with `-o IdentitiesOnly=yes`".to_owned());
            }
        }
        hints.extend(advice);
        ConnectionError::Authentication {
            address: options.hostname.clone(),
            user: options.user.clone(),
            tried: if methods.is_empty() {
                ending.unwrap_or_else(|| "no method is left".to_owned())
            } else {
                methods.join(",")
            },
            hint: (!hints.is_empty()).then(|| hints.join("; ")),
        }
    }
}

//! The options by which every module of community.mongodb finds its server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rprov_modules::argument::{Raw, Secret};
use rprov_modules::context::Context;
use rprov_modules::outcome::Failure;
use rprov_modules::{arguments, choices};

use super::bson::{Bson, Document};
use super::error::MongoError;
use super::proof::{Credentials, Mechanism};
use super::session::Session;
use super::settings::Settings;
use crate::socket::{Channel, Endpoint};
use crate::tls::{self, Trust};

/// How long a server, or the election of a primary, may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A session over a socket.
pub type Connection = Session<Channel>;

choices! {
    /// Whether the server's certificate is checked.
    pub enum Requirement { None = "CERT_NONE", Optional = "CERT_OPTIONAL", Required = "CERT_REQUIRED" }
}

arguments! {
    /// How the database server is reached.
    pub struct Login {
        /// User to log in as.
        login_user: Option<String>,
        /// The user's password.
        login_password: Option<Secret>,
        /// The database that knows the user.
        login_database: String = "admin".to_owned(),
        /// Host that runs the server.
        login_host: String = "localhost".to_owned(),
        /// Port of the server.
        login_port: u16 = 27017,
        /// No effect: there is no library whose version could be too old.
        strict_compatibility: bool = true,
        /// No effect: a server of Atlas is logged in to as any other.
        atlas_auth: bool = false,
        /// Speak TLS.
        ssl | tls: bool = false,
        /// Whether the server's certificate is checked.
        ssl_cert_reqs | tlsAllowInvalidCertificates: Requirement = Requirement::Required,
        /// Certificates of authorities to trust, as PEM file; those of the system if not given.
        ssl_ca_certs | tlsCAFile: Option<String>,
        /// Certificates that are no longer valid; cannot be used.
        ssl_crlfile: Option<String>,
        /// The client's certificate, as PEM file, with the key if that is not elsewhere.
        ssl_certfile | tlsCertificateKeyFile: Option<String>,
        /// The client's key, as PEM file.
        ssl_keyfile: Option<String>,
        /// What the client's key is encrypted with; cannot be used.
        ssl_pem_passphrase | tlsCertificateKeyFilePassword: Option<Secret>,
        /// How the user proves who it is; negotiated if not given.
        auth_mechanism: Option<Mechanism>,
        /// Settings of the connection, as maps or as `name=value`.
        connection_options: Option<Vec<Raw>>,
    }
}

impl Login {
    /// Where the server is.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::Tcp(self.login_host.clone(), self.login_port)
    }

    /// A user is named, so no exception for those who come from the same host is in force.
    pub fn is_named(&self) -> bool {
        self.login_user.is_some() || self.auth_mechanism == Some(Mechanism::X509)
    }

    /// Connect, without logging in.
    ///
    /// # Errors
    /// Nobody listens, an option is wrong, or TLS fails.
    pub fn open(&self, endpoint: &Endpoint, context: &Context<'_>) -> Result<Connection, MongoError> {
        let settings = self.settings()?;
        let patience = settings.patience.unwrap_or(PATIENCE);
        let address = endpoint.to_string();
        let socket = endpoint.connect(patience, Some(patience), context.cancel);
        let mut channel =
            Channel::Plain(socket.map_err(|source| MongoError::Connect { address: address.clone(), source })?);
        if settings.tls.unwrap_or(self.ssl) {
            let failed = |reason| MongoError::Tls { address: address.clone(), reason };
            let name = match endpoint {
                Endpoint::Tcp(host, _) => host.as_str(),
                Endpoint::Unix(_) => "localhost",
            };
            let config = self.tls(&settings).map_err(failed)?;
            channel = channel.encrypt(Arc::new(config), name).map_err(failed)?;
        }
        Ok(Session::new(channel))
    }

    /// Log in, if a user is named. The server may take its time from then on.
    ///
    /// # Errors
    /// The server does not let the user in.
    pub fn authenticate(&self, connection: &mut Connection) -> Result<(), MongoError> {
        let password = self.login_password.as_ref().map(Secret::expose);
        let by_certificate = self.auth_mechanism == Some(Mechanism::X509);
        if self.login_user.is_some() != password.is_some() && !by_certificate {
            return Err(MongoError::Option(
                "when supplying login arguments, both `login_user` and `login_password` must be provided".to_owned(),
            ));
        }
        if self.is_named() {
            let credentials = Credentials {
                user: self.login_user.clone().unwrap_or_default(),
                password: password.unwrap_or_default().to_owned(),
                database: self.settings()?.source.unwrap_or_else(|| self.login_database.clone()),
                mechanism: self.auth_mechanism,
            };
            let safe = connection.stream().is_encrypted();
            let address = self.endpoint().to_string();
            credentials.prove(connection, safe).map_err(|error| match error {
                MongoError::Refused { message, .. } | MongoError::Login { message, .. } => {
                    MongoError::Login { address, message }
                }
                other => other,
            })?;
        }
        Ok(connection.stream().set_limit(None)?)
    }

    /// Connect to the server that takes changes, and log in: the one that is named, or with `replica_set` the primary of
    /// that.
    ///
    /// # Errors
    /// As [`Login::open`] and [`Login::authenticate`]; and the server is of another replica set, or there is no primary.
    pub fn primary(&self, replica_set: Option<&str>, context: &Context<'_>) -> Result<Connection, Failure> {
        let mut connection = self.open(&self.endpoint(), context)?;
        if let Some(name) = replica_set {
            let begun = Instant::now();
            loop {
                let told = connection.greet("isMaster", None)?;
                if told.get("ismaster").or(told.get("isWritablePrimary")).is_some_and(Bson::is_true) {
                    check_name(&told, name)?;
                    break;
                }
                if told.contains_key("setName") {
                    check_name(&told, name)?;
                }
                if let Some(primary) = told.get("primary").and_then(Bson::as_str).and_then(address) {
                    connection = self.open(&primary, context)?;
                    break;
                }
                if begun.elapsed() > PATIENCE {
                    return Err(Failure::new(format!(
                        "unable to connect to database: the replica set {name} has no primary; wait for its election, or \
                         check its members' logs"
                    )));
                }
                context.checkpoint()?;
                std::thread::sleep(Duration::from_millis(250));
            }
        }
        self.authenticate(&mut connection)?;
        Ok(connection)
    }

    fn settings(&self) -> Result<Settings, MongoError> {
        if self.ssl_crlfile.is_some() {
            return Err(MongoError::Option(
                "ssl_crlfile: lists of revoked certificates cannot be used; leave it out, or give the server another \
                 certificate"
                    .to_owned(),
            ));
        }
        if self.ssl_pem_passphrase.is_some() {
            return Err(MongoError::Option(
                "ssl_pem_passphrase: encrypted keys cannot be used; decrypt it into a file that only its user may read"
                    .to_owned(),
            ));
        }
        Settings::read(self.connection_options.as_deref().unwrap_or_default()).map_err(MongoError::Option)
    }

    fn tls(&self, settings: &Settings) -> Result<rustls::ClientConfig, String> {
        let path = |option: &Option<String>, other: &Option<String>| -> Option<PathBuf> {
            let path = option.as_deref().or(other.as_deref()).filter(|path| !path.is_empty());
            path.map(rprov_modules::account::expand_path)
        };
        let authorities = path(&self.ssl_ca_certs, &settings.authorities);
        let certificate = path(&self.ssl_certfile, &settings.certificate);
        let key = path(&self.ssl_keyfile, &None).or_else(|| certificate.clone());
        let trust = match self.ssl_cert_reqs {
            Requirement::None => Trust::Anybody,
            _ if settings.any_certificate => Trust::Anybody,
            _ if settings.any_name => Trust::Authority,
            _ => Trust::Name,
        };
        let settings = tls::Settings {
            trust,
            authorities: authorities.as_deref(),
            certificate: certificate.as_deref(),
            key: key.as_deref(),
        };
        settings.config()
    }
}

fn check_name(told: &Document, wanted: &str) -> Result<(), Failure> {
    let name = told.get("setName").and_then(Bson::as_str).unwrap_or_default();
    if name == wanted {
        return Ok(());
    }
    let is = if name.is_empty() { "is in no replica set".to_owned() } else { format!("is in the replica set {name}") };
    Err(Failure::new(format!("unable to connect to database: the server {is}, not in {wanted}; check `replica_set`")))
}

/// Where a member of a replica set is.
pub fn address(text: &str) -> Option<Endpoint> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Some(Endpoint::Tcp(host.to_owned(), port.parse().ok()?))
}

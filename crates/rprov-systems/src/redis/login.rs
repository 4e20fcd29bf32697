//! The options by which every module that speaks to Redis finds its server.
//!
//! `tls` is not among them: its default depends on the module.

use std::sync::Arc;
use std::time::Duration;

use rprov_modules::argument::Secret;
use rprov_modules::arguments;
use rprov_modules::context::Context;

use super::client::Client;
use super::error::RedisError;
use crate::socket::{Channel, Endpoint};
use crate::tls::{Settings, Trust};

/// How long a server may take until it lets somebody in.
const PATIENCE: Duration = Duration::from_secs(30);

arguments! {
    /// How the Redis server is reached.
    pub struct Login {
        /// Host that runs the server.
        login_host: String = "localhost".to_owned(),
        /// Port of the server.
        login_port: u16 = 6379,
        /// User to log in as, for a server with users.
        login_user: Option<String>,
        /// The password.
        login_password: Option<Secret>,
        /// Whether the server's certificate is checked.
        validate_certs: bool = true,
        /// Certificates of authorities to trust, as PEM file; those of the system if not given.
        ca_certs: Option<String>,
        /// The client's certificate, as PEM file.
        client_cert_file: Option<String>,
        /// The client's key, as PEM file.
        client_key_file: Option<String>,
    }
}

impl Login {
    /// Connect and log in.
    ///
    /// # Errors
    /// Nobody listens, the user is not let in, or TLS fails.
    pub fn connect(&self, tls: bool, context: &Context<'_>) -> Result<Client, RedisError> {
        let endpoint = Endpoint::Tcp(self.login_host.clone(), self.login_port);
        let address = endpoint.to_string();
        let socket = endpoint.connect(PATIENCE, Some(PATIENCE), context.cancel);
        let mut channel =
            Channel::Plain(socket.map_err(|source| RedisError::Connect { address: address.clone(), source })?);
        if tls {
            let failed = |reason| RedisError::Tls { address: address.clone(), reason };
            let config = self.settings().map_err(failed)?;
            channel = channel.encrypt(Arc::new(config), &self.login_host).map_err(failed)?;
        }
        let mut client = Client::new(channel);
        self.authenticate(&mut client).map_err(|error| match error {
            RedisError::Refused { message, .. } => RedisError::Login { address, message },
            other => other,
        })?;
        client.wait_for_ever()?;
        Ok(client)
    }

    fn authenticate(&self, client: &mut Client) -> Result<(), RedisError> {
        let password = self.login_password.as_ref().map_or("", Secret::expose);
        match self.login_user.as_deref().filter(|user| !user.is_empty()) {
            Some(user) => client.call(&["AUTH", user, password]).map(drop),
            None if !password.is_empty() => client.call(&["AUTH", password]).map(drop),
            // Finds out whether a password is wanted before anything is done.
            None => client.call(&["PING"]).map(drop).or_else(|error| match &error {
                RedisError::Refused { message, .. } if !message.starts_with("NOAUTH") => Ok(()),
                _ => Err(error),
            }),
        }
    }

    fn settings(&self) -> Result<rustls::ClientConfig, String> {
        let path = |option: &Option<String>| {
            option.as_deref().filter(|path| !path.is_empty()).map(rprov_modules::account::expand_path)
        };
        let (authorities, certificate) = (path(&self.ca_certs), path(&self.client_cert_file));
        // One file may hold both.
        let key = path(&self.client_key_file).or_else(|| certificate.clone());
        let settings = Settings {
            trust: if self.validate_certs { Trust::Name } else { Trust::Anybody },
            authorities: authorities.as_deref(),
            certificate: certificate.as_deref(),
            key: key.as_deref(),
        };
        settings.config()
    }
}

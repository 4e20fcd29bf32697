//! The options by which every module of community.mysql finds its server.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use rprov_modules::argument::Secret;
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::Failure;

use super::connection::{Connection, Credentials};
use super::error::MysqlError;
use super::option_file;
use crate::socket::Endpoint;
use crate::tls::{Settings, Trust};

/// Where distributions have the server's socket.
const SOCKETS: [&str; 4] =
    ["/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/run/mysql/mysql.sock", "/tmp/mysql.sock"];

arguments! {
    /// How the database server is reached.
    pub struct Login {
        /// User to log in as.
        login_user: Option<String>,
        /// The user's password.
        login_password: Option<Secret>,
        /// Host that runs the server.
        login_host: String = "localhost".to_owned(),
        /// Port of the server.
        login_port: u16 = 3306,
        /// Path of the server's socket, for a server on the same host.
        login_unix_socket: Option<String>,
        /// Option file whose group `[client]` says how to log in; empty for none.
        config_file: PathBuf = "~/.my.cnf".into(),
        /// Seconds that connecting may take.
        connect_timeout: u64 = 30,
        /// The client's certificate, as PEM file.
        client_cert | ssl_cert: Option<PathBuf>,
        /// The client's key, as PEM file.
        client_key | ssl_key: Option<PathBuf>,
        /// Certificates of authorities to trust, as PEM file.
        ca_cert | ssl_ca: Option<PathBuf>,
        /// Whether the server's certificate must be for the host's name.
        check_hostname: Option<bool>,
    }
}

/// What a module may say beside the options that all have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes<'a> {
    /// The database to use.
    pub database: Option<&'a str>,
    /// Try `root` without a password first.
    pub implicit_admin: bool,
    /// The file's host and port count for more than the options' defaults.
    pub file_first: bool,
}

impl Login {
    /// Connect and log in.
    ///
    /// # Errors
    /// Nobody listens, the user is not let in, or a file cannot be read.
    pub fn connect(&self, wishes: Wishes<'_>, context: &Context<'_>) -> Result<Connection, Failure> {
        let (endpoint, credentials) = self.resolve(wishes)?;
        let patience = Duration::from_secs(self.connect_timeout);
        if wishes.implicit_admin {
            let root = Credentials { user: "root".to_owned(), password: String::new(), ..credentials.clone() };
            match Connection::open(&endpoint, &root, patience, context.cancel) {
                Err(MysqlError::Login { .. } | MysqlError::Plugin { .. }) => {}
                result => return Ok(result?),
            }
        }
        Ok(Connection::open(&endpoint, &credentials, patience, context.cancel)?)
    }

    /// Where to go, and as whom, by the options and the option file.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn resolve(&self, wishes: Wishes<'_>) -> Result<(Endpoint, Credentials), Failure> {
        let file = self.options()?;
        let of_file = |name: &str| file.get(name).filter(|value| !value.is_empty()).cloned();
        let socket = self.login_unix_socket.clone().filter(|path| !path.is_empty()).or_else(|| of_file("socket"));
        let (mut host, mut port) = (self.login_host.clone(), self.login_port);
        if wishes.file_first {
            if let Some(other) = of_file("host").filter(|_| host == "localhost") {
                host = other;
            }
            if let Some(other) = of_file("port").and_then(|port| port.parse().ok()).filter(|_| port == 3306) {
                port = other;
            }
        }
        let endpoint = match socket {
            Some(path) => Endpoint::Unix(rprov_modules::account::expand_path(&path)),
            None => Endpoint::Tcp(host.clone(), port),
        };
        let password = self.login_password.as_ref().map(|password| password.expose().to_owned());
        let credentials = Credentials {
            user: self.login_user.clone().or_else(|| of_file("user")).unwrap_or_else(own_name),
            password: password.or_else(|| of_file("password")).unwrap_or_default(),
            database: wishes.database.map(str::to_owned).or_else(|| of_file("database")),
            tls: self.tls(&of_file, &endpoint)?.map(|config| (Arc::new(config), host)),
        };
        Ok((endpoint, credentials))
    }

    /// The options of the file's group `[client]`.
    fn options(&self) -> Result<IndexMap<String, String>, Failure> {
        if self.config_file.as_os_str().is_empty() {
            return Ok(IndexMap::new());
        }
        match std::fs::read(self.file()) {
            Ok(bytes) => Ok(option_file::group(&rprov_modules::text::decode(&bytes), "client")),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(IndexMap::new())
            }
            Err(error) => Err(Failure::io("read", &self.config_file, error)),
        }
    }

    /// The option file, with `~` expanded also where it is the default.
    pub fn file(&self) -> PathBuf {
        rprov_modules::account::expand_path(&self.config_file.to_string_lossy())
    }

    /// TLS is spoken where a file for it is named.
    fn tls(
        &self,
        of_file: &dyn Fn(&str) -> Option<String>,
        endpoint: &Endpoint,
    ) -> Result<Option<rustls::ClientConfig>, Failure> {
        let path = |option: &Option<PathBuf>, name: &str| option.clone().or_else(|| of_file(name).map(PathBuf::from));
        let authorities = path(&self.ca_cert, "ssl-ca");
        let certificate = path(&self.client_cert, "ssl-cert");
        let key = path(&self.client_key, "ssl-key");
        if authorities.is_none() && certificate.is_none() && key.is_none() && self.check_hostname.is_none() {
            return Ok(None);
        }
        let trust = match (&authorities, self.check_hostname) {
            (None, Some(true)) => Trust::Name,
            (None, _) => Trust::Anybody,
            (Some(_), Some(false)) => Trust::Authority,
            // A socket has no name that a certificate could be for.
            (Some(_), None) if matches!(endpoint, Endpoint::Unix(_)) => Trust::Authority,
            (Some(_), _) => Trust::Name,
        };
        let settings = Settings {
            trust,
            authorities: authorities.as_deref(),
            certificate: certificate.as_deref(),
            key: key.as_deref(),
        };
        let failed = |reason| Failure::new(format!("TLS to the database server cannot be set up: {reason}"));
        settings.config().map(Some).map_err(failed)
    }
}

/// The name of the user that the agent runs as.
fn own_name() -> String {
    rprov_modules::account::user_by_id(rustix::process::geteuid().as_raw())
        .map_or_else(|| "root".to_owned(), |user| user.name)
}

/// What to do if nobody can be reached there.
pub fn advice(endpoint: &Endpoint, error: &io::Error) -> String {
    match endpoint {
        Endpoint::Unix(path) => match error.kind() {
            io::ErrorKind::NotFound => {
                let other = SOCKETS.iter().find(|socket| std::path::Path::new(socket).exists());
                other.map_or_else(
                    || "there is no such socket: install and start the server, or check `login_unix_socket`".to_owned(),
                    |other| format!("there is no such socket, but there is {other}; set `login_unix_socket`"),
                )
            }
            io::ErrorKind::PermissionDenied => {
                format!("this user may not open {}: use `become: true`", path.display())
            }
            _ => "start the server, or check `login_unix_socket`".to_owned(),
        },
        Endpoint::Tcp(..) => SOCKETS.iter().find(|socket| std::path::Path::new(socket).exists()).map_or_else(
            || "start the server, or check `login_host` and `login_port`".to_owned(),
            |socket| {
                format!(
                    "start the server, or check `login_host` and `login_port`, or set `login_unix_socket: {socket}`"
                )
            },
        ),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use rprov_modules::argument::Arguments as _;
    use rprov_modules::rprov_wire::Value;
    use serde_json::json;

    fn resolve(arguments: serde_json::Value, wishes: Wishes<'_>) -> (Endpoint, Credentials) {
        let value = Value::from_json(&arguments);
        Login::decode(value.as_map().unwrap()).unwrap().resolve(wishes).unwrap()
    }

    #[test]
    fn options_count_for_more_than_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("my.cnf");
        std::fs::write(&file, "[client]\nuser=u\npassword=p\nhost=h\nport=3307\n").unwrap();
        let (endpoint, credentials) = resolve(json!({"config_file": file}), Wishes::default());
        assert_eq!(endpoint, Endpoint::Tcp("localhost".to_owned(), 3306));
        assert_eq!((credentials.user.as_str(), credentials.password.as_str()), ("u", "p"));
        let wishes = Wishes { file_first: true, ..Wishes::default() };
        let (endpoint, _) = resolve(json!({"config_file": file}), wishes);
        assert_eq!(endpoint, Endpoint::Tcp("h".to_owned(), 3307));
        let (endpoint, credentials) = resolve(
            json!({"config_file": file, "login_user": "o", "login_password": "", "login_unix_socket": "/s"}),
            wishes,
        );
        assert_eq!(endpoint, Endpoint::Unix("/s".into()));
        assert_eq!((credentials.user.as_str(), credentials.password.as_str()), ("o", ""));
        let (_, credentials) = resolve(json!({"config_file": ""}), Wishes::default());
        assert_eq!(credentials.password, "");
    }
}

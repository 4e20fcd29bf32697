//! The options by which every module of community.postgresql finds its server, read as libpq would.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rprov_modules::argument::Secret;
use rprov_modules::context::Context;
use rprov_modules::outcome::Failure;
use rprov_modules::{arguments, choices};
use rprov_wire::{Map, Value};

use super::connection::{Connection, Credentials, Tls};
use super::error::PostgresError;
use super::literal;
use crate::socket::Endpoint;
use crate::tls::{Settings, Trust};

/// Where servers have their sockets.
const SOCKETS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

choices! {
    /// Whether TLS is spoken.
    pub enum SslMode {
        Allow = "allow",
        Disable = "disable",
        Prefer = "prefer",
        Require = "require",
        VerifyCa = "verify-ca",
        VerifyFull = "verify-full",
    }
}

arguments! {
    /// How the database server is reached.
    pub struct Login {
        /// User to log in as.
        login_user | login: String = "postgres".to_owned(),
        /// The user's password.
        login_password: Option<Secret>,
        /// Host that runs the server; the socket on this host if not given.
        login_host | host: String = String::new(),
        /// Directory of the server's socket.
        login_unix_socket | unix_socket: String = String::new(),
        /// Port of the server.
        login_port | port: u16 = 5432,
        /// Whether TLS is spoken, and the server's certificate looked at.
        ssl_mode: SslMode = SslMode::Prefer,
        /// Certificates of authorities to trust, as PEM file.
        ca_cert | ssl_rootcert: Option<String>,
        /// The client's certificate, as PEM file.
        ssl_cert: Option<PathBuf>,
        /// The client's key, as PEM file.
        ssl_key: Option<PathBuf>,
        /// More parameters of the connection, by libpq's names.
        connect_params: Map = Map::new(),
    }
}

/// Where to go, as whom, and how.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where the server listens.
    pub endpoint: Endpoint,
    /// Who wants to come in.
    pub credentials: Credentials,
    /// Whether TLS is spoken.
    pub mode: SslMode,
    /// How long connecting may take.
    pub patience: Duration,
    authorities: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Login {
    /// Connect to a database and log in; then become `role`, if one is given.
    ///
    /// # Errors
    /// Nobody listens, or the user is not let in.
    pub fn connect(
        &self,
        database: Option<&str>,
        role: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Connection, Failure> {
        let mut connection = self.target(database, context)?.open(context)?;
        connection.query("SET standard_conforming_strings = on")?;
        if let Some(role) = role {
            connection.query(&format!("SET ROLE {}", literal::name(role)))?;
        }
        Ok(connection)
    }

    /// Where to go, as whom, and how: by the options, `connect_params` and libpq's variables and file of passwords.
    ///
    /// # Errors
    /// `connect_params` has something that is not known.
    pub fn target(&self, database: Option<&str>, context: &Context<'_>) -> Result<Target, Failure> {
        let variable = |name: &str| context.variable(name);
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let mut host =
            given(&self.login_unix_socket).or_else(|| given(&self.login_host)).or_else(|| variable("PGHOST"));
        let mut port = self.login_port;
        let mut user = self.login_user.clone();
        let password = self.login_password.as_ref().map(Secret::expose);
        let mut password = password.and_then(given).or_else(|| variable("PGPASSWORD"));
        let mut database = database.and_then(given);
        let mut target = Target {
            endpoint: Endpoint::Tcp(String::new(), port),
            credentials: Credentials { user: String::new(), password: None, parameters: Vec::new() },
            mode: self.ssl_mode,
            patience: Duration::from_secs(30),
            authorities: self.ca_cert.as_deref().and_then(given).map(PathBuf::from),
            certificate: self.ssl_cert.clone(),
            key: self.ssl_key.clone(),
        };
        let mut more = Vec::new();
        for (name, value) in &self.connect_params {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let wrong = || Failure::new(format!("connect_params: `{value}` is nothing that `{name}` can be"));
            match name.as_str() {
                "host" | "hostaddr" => host = Some(text),
                "port" => port = text.parse().map_err(|_| wrong())?,
                "user" => user = text,
                "password" => password = Some(text),
                "dbname" | "database" => database = Some(text),
                "sslmode" => target.mode = mode(&text).ok_or_else(wrong)?,
                "sslrootcert" => target.authorities = Some(text.into()),
                "sslcert" => target.certificate = Some(text.into()),
                "sslkey" => target.key = Some(text.into()),
                "connect_timeout" => target.patience = Duration::from_secs(text.parse().map_err(|_| wrong())?),
                "application_name" | "options" | "replication" => more.push((name.clone(), text)),
                "fallback_application_name"
                | "keepalives"
                | "keepalives_idle"
                | "keepalives_interval"
                | "keepalives_count"
                | "gssencmode"
                | "target_session_attrs" => {}
                _ => {
                    return Err(Failure::new(format!(
                        "connect_params: `{name}` is not known; there are host, port, user, password, dbname, sslmode, \
                         sslrootcert, sslcert, sslkey, connect_timeout, application_name and options"
                    )));
                }
            }
        }
        let database = database.or_else(|| variable("PGDATABASE")).unwrap_or_else(|| user.clone());
        target.endpoint = match host {
            Some(host) if host.starts_with('/') => Endpoint::Unix(socket(Path::new(&host), port)),
            Some(host) => Endpoint::Tcp(host, port),
            None => Endpoint::Unix(default_socket(port)),
        };
        let place = match &target.endpoint {
            Endpoint::Unix(_) => "localhost",
            Endpoint::Tcp(host, _) => host,
        };
        let file = || {
            let path = variable("PGPASSFILE").unwrap_or_else(|| "~/.pgpass".to_owned());
            let text = std::fs::read_to_string(rprov_modules::account::expand_path(&path)).ok()?;
            password_of(&text, [place, &port.to_string(), &database, &user])
        };
        let mut parameters = vec![
            ("database".to_owned(), database.clone()),
            ("client_encoding".to_owned(), "UTF8".to_owned()),
            // What is read is read in one form, whatever the server's settings are.
            ("DateStyle".to_owned(), "ISO".to_owned()),
            ("application_name".to_owned(), "rprov".to_owned()),
        ];
        parameters.extend(variable("PGOPTIONS").map(|options| ("options".to_owned(), options)));
        parameters.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        parameters.extend(more);
        let password = password.or_else(file);
        target.credentials = Credentials { user, password, parameters };
        Ok(target)
    }
}

impl Target {
    /// Connect and log in, with and without TLS as the mode has it.
    ///
    /// # Errors
    /// Nobody listens, or the user is not let in.
    pub fn open(&self, context: &Context<'_>) -> Result<Connection, PostgresError> {
        let open =
            |tls: Option<&Tls>| Connection::open(&self.endpoint, &self.credentials, tls, self.patience, context.cancel);
        let Endpoint::Tcp(host, _) = &self.endpoint else { return open(None) };
        let encrypted = || {
            let address = self.endpoint.to_string();
            let config = self.config().map_err(|reason| PostgresError::Tls { address, reason })?;
            open(Some(&(Arc::new(config), host.clone())))
        };
        let worth_another =
            |error: &PostgresError| matches!(error, PostgresError::Tls { .. }) || error.code() == Some("28000");
        match self.mode {
            SslMode::Disable => open(None),
            SslMode::Allow => match open(None) {
                Err(error) if worth_another(&error) => encrypted().map_err(|_| error),
                result => result,
            },
            SslMode::Prefer => match encrypted() {
                // Whose certificate is wrong is not asked again in the open.
                Err(error) if worth_another(&error) && self.trust() == Trust::Anybody => open(None).map_err(|_| error),
                Err(error) if error.to_string().contains("does not offer it") => open(None),
                result => result,
            },
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => encrypted(),
        }
    }

    fn trust(&self) -> Trust {
        match self.mode {
            SslMode::VerifyFull => Trust::Name,
            SslMode::VerifyCa => Trust::Authority,
            // A file of authorities is looked at where it is there.
            _ if self.authorities.as_ref().is_some_and(|path| path.exists()) => Trust::Authority,
            _ => Trust::Anybody,
        }
    }

    fn config(&self) -> Result<rustls::ClientConfig, String> {
        let settings = Settings {
            trust: self.trust(),
            authorities: self.authorities.as_deref(),
            certificate: self.certificate.as_deref(),
            key: self.key.as_deref(),
        };
        settings.config()
    }

    /// Variables that tell libpq's own programs the same.
    pub fn environment(&self) -> Vec<(&'static str, std::ffi::OsString)> {
        let mut list: Vec<(&'static str, std::ffi::OsString)> = Vec::new();
        match &self.endpoint {
            Endpoint::Unix(path) => {
                let port = path.extension().unwrap_or_default();
                list.push(("PGHOST", path.parent().unwrap_or(Path::new("/")).into()));
                list.push(("PGPORT", port.into()));
            }
            Endpoint::Tcp(host, port) => {
                list.push(("PGHOST", host.into()));
                list.push(("PGPORT", port.to_string().into()));
            }
        }
        list.push(("PGUSER", (&self.credentials.user).into()));
        list.extend(self.credentials.password.as_ref().map(|password| ("PGPASSWORD", password.into())));
        list.push(("PGSSLMODE", self.mode.word().into()));
        let files = [("PGSSLROOTCERT", &self.authorities), ("PGSSLCERT", &self.certificate), ("PGSSLKEY", &self.key)];
        list.extend(files.into_iter().filter_map(|(name, path)| Some((name, path.as_ref()?.into()))));
        list
    }
}

fn mode(word: &str) -> Option<SslMode> {
    use rprov_modules::argument::Argument as _;
    SslMode::decode(&Value::from(word)).ok()
}

fn socket(directory: &Path, port: u16) -> PathBuf {
    directory.join(format!(".s.PGSQL.{port}"))
}

fn default_socket(port: u16) -> PathBuf {
    let mut places = SOCKETS.iter().map(|directory| socket(Path::new(directory), port));
    let there = places.clone().find(|path| path.exists());
    there.or_else(|| places.next()).unwrap_or_default()
}

/// The password of the first line of a file `~/.pgpass` that fits host, port, database and user.
fn password_of(text: &str, wanted: [&str; 4]) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = vec![String::new()];
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => fields.last_mut()?.extend(characters.next()),
                ':' if fields.len() < 5 => fields.push(String::new()),
                other => fields.last_mut()?.push(other),
            }
        }
        let password = fields.pop()?;
        let fits =
            fields.len() == 4 && fields.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
        fits.then_some(password)
    })
}

/// What to do if nobody can be reached there.
pub fn advice(endpoint: &Endpoint, error: io::ErrorKind) -> &'static str {
    match (endpoint, error) {
        (Endpoint::Unix(_), io::ErrorKind::NotFound) => {
            "there is no such socket: install and start the server, or check `login_unix_socket`, `login_host` and `login_port`"
        }
        (Endpoint::Unix(_), io::ErrorKind::PermissionDenied) => "this user may not open the socket: use `become: true`",
        (Endpoint::Unix(_), _) => "start the server, or check `login_unix_socket`",
        (Endpoint::Tcp(..), _) => {
            "start the server, or check `login_host`, `login_port` and listen_addresses on the server"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_in_the_file() {
        let text = "# comment\nh:5432:*:u:other\n*:*:d:u:p\\:w\\\\\n";
        assert_eq!(password_of(text, ["x", "5432", "d", "u"]).as_deref(), Some("p:w\\"));
        assert_eq!(password_of(text, ["h", "5432", "d", "u"]).as_deref(), Some("other"));
        assert_eq!(password_of(text, ["x", "5432", "e", "u"]), None);
    }
}

//! `connection_options`: settings of a connection as pairs, in the words of MongoDB's connection strings.

use std::time::Duration;

use rprov_modules::argument::{self, Raw};
use rprov_wire::Value;

/// Those that say how a driver works with many servers and requests, of which there is one here.
const WITHOUT_EFFECT: [&str; 19] = [
    "appname",
    "directconnection",
    "heartbeatfrequencyms",
    "journal",
    "localthresholdms",
    "maxidletimems",
    "maxpoolsize",
    "maxstalenessseconds",
    "minpoolsize",
    "readconcernlevel",
    "readpreference",
    "readpreferencetags",
    "replicaset",
    "retryreads",
    "retrywrites",
    "uuidrepresentation",
    "w",
    "waitqueuetimeoutms",
    "wtimeoutms",
];

/// What they say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Speak TLS, or not.
    pub tls: Option<bool>,
    /// Believe any certificate.
    pub any_certificate: bool,
    /// Believe a certificate for any name.
    pub any_name: bool,
    /// File of authorities.
    pub authorities: Option<String>,
    /// File of the client's certificate and key.
    pub certificate: Option<String>,
    /// The database that knows the user.
    pub source: Option<String>,
    /// How long to wait for the server.
    pub patience: Option<Duration>,
}

impl Settings {
    /// Read them.
    ///
    /// # Errors
    /// One is unknown, or has no value that can be.
    pub fn read(options: &[Raw]) -> Result<Self, String> {
        let mut settings = Settings::default();
        for option in options {
            match &option.0 {
                Value::Map(map) => {
                    for (name, value) in map {
                        settings.set(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))?;
                    }
                }
                Value::String(text) => {
                    let pair = text.split_once('=');
                    let (name, value) =
                        pair.ok_or_else(|| format!("connection_options: `{text}` is no pair as `name=value`"))?;
                    settings.set(name.trim(), value.trim().to_owned())?;
                }
                other => {
                    return Err(format!("connection_options: `{other}` is neither a map nor text as `name=value`"));
                }
            }
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        let wrong = |wanted: &str| format!("connection_options: {name} must be {wanted}, not `{value}`");
        let flag = || argument::boolean(&value).ok_or_else(|| wrong("true or false"));
        match name.to_ascii_lowercase().as_str() {
            "tls" | "ssl" => self.tls = Some(flag()?),
            "tlsinsecure" | "tlsallowinvalidcertificates" => self.any_certificate = flag()?,
            "tlsallowinvalidhostnames" => self.any_name = flag()?,
            "tlscafile" => self.authorities = Some(value),
            "tlscertificatekeyfile" => self.certificate = Some(value),
            "authsource" => self.source = Some(value),
            "connecttimeoutms" | "serverselectiontimeoutms" | "sockettimeoutms" | "timeoutms" => {
                let milliseconds = value.parse().map_err(|_| wrong("a number of milliseconds"))?;
                self.patience = Some(Duration::from_millis(milliseconds));
            }
            known if WITHOUT_EFFECT.contains(&known) => {}
            _ => {
                return Err(format!(
                    "connection_options: `{name}` is not known; there are tls, tlsInsecure, tlsAllowInvalidCertificates, \
                     tlsAllowInvalidHostnames, tlsCAFile, tlsCertificateKeyFile, authSource, connectTimeoutMS, \
                     serverSelectionTimeoutMS, socketTimeoutMS and timeoutMS"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(options: serde_json::Value) -> Result<Settings, String> {
        let options: Vec<Raw> = options.as_array().unwrap().iter().map(|one| Raw(Value::from_json(one))).collect();
        Settings::read(&options)
    }

    #[test]
    fn pairs_are_read_in_both_forms() {
        let settings = read(json!(["tlsAllowInvalidHostnames=true", {"connectTimeoutMS": 500, "tls": true}, "w=1"]));
        let expected = Settings {
            tls: Some(true),
            any_name: true,
            patience: Some(Duration::from_millis(500)),
            ..Settings::default()
        };
        assert_eq!(settings.unwrap(), expected);
        assert!(read(json!(["tls"])).unwrap_err().contains("no pair"));
        assert!(read(json!(["tls=perhaps"])).unwrap_err().contains("true or false"));
        assert!(read(json!([{"tslCAFile": "x"}])).unwrap_err().contains("`tslCAFile` is not known"));
    }
}

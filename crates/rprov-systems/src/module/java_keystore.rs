//! `java_keystore`: a certificate and its key as Java keeps them, by `openssl` and `keytool`.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rprov_modules::argument::{Rule, Secret};
use rprov_modules::attributes::FileAttributes;
use rprov_modules::process::{Command, Output};
use rprov_modules::write::{self, Staged};
use rprov_modules::{Context, Failure, Outcome, arguments, choices};

/// The variables that passwords travel in; command lines can be read by everybody.
const STORE: &str = "RPROV_STORE_PASSWORD";
const KEY: &str = "RPROV_KEY_PASSWORD";

choices! {
    /// What reads the certificate and the key.
    pub enum Backend { Openssl = "openssl", Cryptography = "cryptography" }
}

choices! {
    /// The kind of keystore.
    pub enum Kind { Jks = "jks", Pkcs12 = "pkcs12" }
}

arguments! {
    /// Create a Java keystore in JKS format.
    pub struct Arguments + FileAttributes {
        /// Name of the certificate in the keystore; with another one it is made anew.
        name: String,
        /// The certificate, in PEM.
        certificate: Option<String>,
        /// File of the certificate.
        certificate_path: Option<PathBuf>,
        /// The key, in PEM.
        private_key: Option<Secret>,
        /// File of the key.
        private_key_path: Option<PathBuf>,
        /// Password of the key.
        private_key_passphrase: Option<Secret>,
        /// Password of the keystore; one that it does not have makes it anew.
        password: Secret,
        /// The keystore.
        dest: PathBuf,
        /// Make it anew each time.
        force: bool = false,
        /// Both are taken; openssl and keytool do the work.
        ssl_backend: Backend = Backend::Openssl,
        /// Its kind; what keytool makes by itself if none is given.
        keystore_type: Option<Kind>,
    }
    rules: [
        Rule::OneOf(&["certificate", "certificate_path"]),
        Rule::Exclusive(&["certificate", "certificate_path"]),
        Rule::OneOf(&["private_key", "private_key_path"]),
        Rule::Exclusive(&["private_key", "private_key_path"]),
    ]
}

struct Task<'a, 'b> {
    arguments: &'a Arguments,
    context: &'a Context<'b>,
}

/// Make the keystore, where it has another content.
///
/// # Errors
/// The certificate or the key cannot be read, they do not belong together, or a program refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let wanted = arguments.attributes.resolve()?;
    let dest = arguments.dest.as_path();
    if dest.is_dir() {
        return Err(Failure::new(format!("dest: {} is a directory", dest.display())));
    }
    let task = Task { arguments: &arguments, context };
    let certificate = match (&arguments.certificate, &arguments.certificate_path) {
        (Some(text), _) => text.clone(),
        (None, Some(path)) => {
            std::fs::read_to_string(path).map_err(|error| Failure::io("read certificate_path", path, error))?
        }
        (None, None) => return Err(Failure::new("one of the following is required: certificate, certificate_path")),
    };
    let own = fingerprint(&certificate).ok_or_else(|| {
        Failure::new("certificate: there is no certificate in PEM (`-----BEGIN CERTIFICATE-----`) in it")
    })?;
    let is_there = !arguments.force && task.is_there(&own)?;
    let mut outcome = Outcome::new(!is_there);
    if !is_there {
        let store = if context.check() { None } else { Some(task.make(&certificate)?) };
        if let Some((bytes, command)) = store {
            let mut staged = Staged::new(&write::resolve(dest)?, wanted.unsafe_writes)?;
            staged.write(&bytes)?;
            staged.commit(&wanted)?;
            outcome = outcome.with("cmd", command).with("rc", 0);
        }
    }
    if dest.exists() {
        let difference = wanted.apply(dest, context.check())?;
        outcome.changed |= difference.changed;
    }
    Ok(outcome.with("dest", dest.display().to_string()))
}

/// SHA-256 of the first certificate, in pairs of digits.
fn fingerprint(pem: &str) -> Option<String> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let der = STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &der);
    let pairs: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    Some(pairs.join(":"))
}

/// The kind of a keystore, by how it begins.
fn kind(bytes: &[u8]) -> Option<Kind> {
    match bytes {
        [0xfe, 0xed, 0xfe, 0xed, ..] => Some(Kind::Jks),
        [0x30, ..] => Some(Kind::Pkcs12),
        _ => None,
    }
}

impl Task<'_, '_> {
    fn keytool(&self) -> Command {
        Command::new("keytool").plain_locale().env(STORE, self.arguments.password.expose())
    }

    /// Whether the keystore has the certificate under that name and opens with that password.
    fn is_there(&self, fingerprint: &str) -> Result<bool, Failure> {
        let arguments = self.arguments;
        let bytes = match std::fs::read(&arguments.dest) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Failure::io("read", &arguments.dest, error)),
        };
        if arguments.keystore_type.is_some_and(|wanted| kind(&bytes) != Some(wanted)) {
            return Ok(false);
        }
        let command = self.keytool().args(["-list", "-alias", &arguments.name, "-v", "-keystore"]);
        let output = command.arg(arguments.dest.as_os_str()).args(["-storepass:env", STORE]).run(self.context)?;
        // The first is that of the name itself; the others lead to who issued it.
        let text = output.stdout();
        let found = text.lines().find_map(|line| line.trim().strip_prefix("SHA256:"));
        Ok(output.success() && found.is_some_and(|found| found.trim().eq_ignore_ascii_case(fingerprint)))
    }

    /// The bytes of a new keystore, and the command that made them.
    fn make(&self, certificate: &str) -> Result<(Vec<u8>, String), Failure> {
        let arguments = self.arguments;
        // For this user alone, and gone with the task.
        let directory = tempfile::tempdir()
            .map_err(|error| Failure::new(format!("could not make a temporary directory: {error}")))?;
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("certificate"), certificate)
            .map_err(|error| Failure::io("write", at("certificate"), error))?;
        let mut command = Command::new("openssl")
            .plain_locale()
            .umask(0o077)
            .args(["pkcs12", "-export", "-name", &arguments.name, "-in"])
            .arg(at("certificate"))
            .arg("-out")
            .arg(at("bundle"))
            .args(["-passout", &format!("env:{STORE}"), "-inkey"])
            .env(STORE, arguments.password.expose());
        command = match (&arguments.private_key, &arguments.private_key_path) {
            (Some(key), _) => command.arg("/dev/stdin").stdin(key.expose()),
            (None, Some(path)) => command.arg(path.as_os_str()),
            (None, None) => {
                return Err(Failure::new("one of the following is required: private_key, private_key_path"));
            }
        };
        // Without a password it must not ask for one.
        let passphrase = arguments.private_key_passphrase.as_ref().map(Secret::expose).unwrap_or_default();
        command = command.args(["-passin", &format!("env:{KEY}")]).env(KEY, passphrase);
        told(&command, command.run(self.context)?, "openssl could not bundle the certificate with its key")?;
        let mut command = self
            .keytool()
            .umask(0o077)
            .args([
                "-importkeystore",
                "-noprompt",
                "-alias",
                &arguments.name,
                "-srcstoretype",
                "pkcs12",
                "-srckeystore",
            ])
            .arg(at("bundle"))
            .arg("-destkeystore")
            .arg(at("keystore"))
            .args(["-srcstorepass:env", STORE, "-deststorepass:env", STORE, "-destkeypass:env", STORE]);
        if let Some(kind) = arguments.keystore_type {
            command = command.args(["-deststoretype", kind.word()]);
        }
        told(&command, command.run(self.context)?, "keytool could not make the keystore")?;
        let bytes = std::fs::read(at("keystore")).map_err(|error| Failure::io("read", at("keystore"), error))?;
        Ok((bytes, command.words().join(" ")))
    }
}

/// keytool tells its errors where others tell their answers.
fn told(command: &Command, output: Output, attempt: &str) -> Result<(), Failure> {
    if output.success() {
        return Ok(());
    }
    let words = format!("{}{}", output.stderr(), output.stdout());
    Err(output.failure(attempt).with("err", words).with("cmd", command.words().join(" ")))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use crate::bench;

    #[test]
    fn what_is_no_certificate_or_keystore_is_told() {
        assert_eq!(super::fingerprint("x"), None);
        assert_eq!(super::fingerprint("-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----"), None);
        // printf AAAA | base64 -d | sha256sum
        let made = super::fingerprint("-----BEGIN CERTIFICATE-----\nAA\nAA\n-----END CERTIFICATE-----").unwrap();
        assert!(made.starts_with("70:9E:80:C8:84:87:A2:41"), "{made}");
        assert_eq!(super::kind(b"\xfe\xed\xfe\xed\0"), Some(super::Kind::Jks));
        assert_eq!(super::kind(b"x"), None);
        let bench = bench();
        let dest = bench.path("k.jks");
        let fails = |more: serde_json::Value| {
            let mut arguments = json!({"name": "n", "password": "changeit", "dest": dest, "private_key": "k"});
            for (name, value) in more.as_object().into_iter().flatten() {
                arguments[name] = value.clone();
            }
            bench.fails("java_keystore", arguments)
        };
        assert!(fails(json!({})).contains("certificate, certificate_path"));
        assert!(fails(json!({"certificate": "a", "certificate_path": "/b"})).contains("exclusive"));
        assert!(fails(json!({"certificate": "a"})).contains("certificate: "));
        assert!(fails(json!({"certificate_path": "/none"})).contains("could not read certificate_path /none"));
    }
}

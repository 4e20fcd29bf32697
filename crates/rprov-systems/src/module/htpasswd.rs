//! `htpasswd`: users of web servers' basic authentication.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rprov_modules::argument::Secret;
use rprov_modules::attributes::FileAttributes;
use rprov_modules::edit::{Manner, Original};
use rprov_modules::{Context, Failure, Outcome, arguments, choices, crypt};
use sha1::{Digest, Sha1};

choices! {
    /// Whether the user is to be there.
    pub enum State { Present = "present", Absent = "absent" }
}

arguments! {
    /// Manage user files for basic authentication.
    pub struct Arguments + FileAttributes {
        /// The file.
        path | dest | destfile: PathBuf,
        /// The user.
        name | username: String,
        /// The user's password.
        password: Option<Secret>,
        /// How the password is hashed.
        hash_scheme | crypt_scheme: String = "apr_md5_crypt".to_owned(),
        /// Whether the user is to be there.
        state: State = State::Present,
        /// Create the file if it does not exist.
        create: bool = true,
    }
}

fn salt(length: usize) -> Result<String, Failure> {
    let mut bytes = vec![0_u8; length];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes))
        .map_err(|error| Failure::io("read", "/dev/urandom", error))?;
    let digit = |byte: &u8| crypt::DIGITS.get(usize::from(byte & 63)).copied().map(char::from);
    Ok(bytes.iter().filter_map(digit).collect())
}

fn sha1(password: &str) -> String {
    format!("{{SHA}}{}", STANDARD.encode(Sha1::digest(password.as_bytes())))
}

fn hash(password: &str, scheme: &str) -> Result<String, Failure> {
    let kind = match scheme {
        "plaintext" => return Ok(password.to_owned()),
        "ldap_sha1" => return Ok(sha1(password)),
        "apr_md5_crypt" | "md5_crypt" | "sha256_crypt" | "sha512_crypt" | "bcrypt" => scheme,
        "portable" | "portable_apache22" | "portable_apache24" | "portable_apache_22" | "portable_apache_24" => {
            "apr_md5_crypt"
        }
        "host_apache24" | "host_apache_24" | "host" | "linux_apache24" | "linux_apache_24" => "bcrypt",
        other => {
            return Err(Failure::new(format!(
                "hash_scheme: `{other}` is not known here; known are apr_md5_crypt, bcrypt, ldap_sha1, md5_crypt, \
                 plaintext, sha256_crypt and sha512_crypt"
            )));
        }
    };
    let failure = |problem: String| Failure::new(format!("could not hash the password: {problem}"));
    let length = crypt::salt_size(kind).map_err(failure)?;
    crypt::hash(password, kind, &salt(length)?, None, None).map_err(failure)
}

/// Whether the password is that of an entry, of whatever kind it is.
fn matches(password: &str, entry: &str, scheme: &str) -> bool {
    if entry.starts_with("{SHA}") {
        return entry == sha1(password);
    }
    crypt::verify(password, entry).unwrap_or(scheme == "plaintext" && entry == password)
}

/// Add, change or remove the user.
///
/// # Errors
/// There is no password for a new user, the scheme is not known, or the file cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = arguments.name.as_str();
    if name.is_empty() || name.contains([':', '\n']) {
        return Err(Failure::new(format!("`{name}` is no name of a user: it may not be empty or have a colon")));
    }
    let original = Original::read(&arguments.path)?;
    let is_user = |line: &str| line.split_once(':').is_some_and(|(user, _)| user == name);
    let present = arguments.state == State::Present;
    let (after, message) = match (&original.text, present) {
        (None, false) => {
            return Ok(Outcome::unchanged().with("msg", format!("{} not present", arguments.path.display())));
        }
        (None, true) if !arguments.create => {
            return Err(Failure::new(format!("Destination {} does not exist", arguments.path.display())));
        }
        (Some(before), false) => {
            let after: String = before.split_inclusive('\n').filter(|line| !is_user(line)).collect();
            let message = if after == *before { format!("{name} not present") } else { format!("Remove {name}") };
            (after, message)
        }
        (text, true) => {
            let before = text.clone().unwrap_or_default();
            let entry = before.lines().find(|line| is_user(line)).and_then(|line| line.split_once(':'));
            let password = arguments
                .password
                .as_ref()
                .ok_or_else(|| Failure::new("missing parameter `password`: a user that is to be present needs one"))?;
            let password = password.expose();
            match entry {
                Some((_, entry)) if matches(password, entry, &arguments.hash_scheme) => {
                    (before, format!("{name} already present"))
                }
                _ => {
                    let line = format!("{name}:{}\n", hash(password, &arguments.hash_scheme)?);
                    let message = match text {
                        None => format!("Created {}", arguments.path.display()),
                        Some(_) => format!("Add/update {name}"),
                    };
                    (with_line(&before, &line, is_user), message)
                }
            }
        }
    };
    let manner = Manner { backup: false, validate: None, attributes: &arguments.attributes };
    let written = original.write(&after, &manner, context)?;
    // No diff: it would show the hashes.
    Ok(Outcome::new(written.changed()).with("msg", message))
}

/// The user's line in the place of the former one, or at the end.
fn with_line(before: &str, line: &str, is_user: impl Fn(&str) -> bool) -> String {
    let mut after = String::with_capacity(before.len() + line.len());
    let mut found = false;
    for present in before.split_inclusive('\n') {
        match (is_user(present), found) {
            (false, _) => after.push_str(present),
            (true, false) => after.push_str(line),
            (true, true) => {}
        }
        found |= is_user(present);
    }
    if !found {
        if !after.is_empty() && !after.ends_with('\n') {
            after.push('\n');
        }
        after.push_str(line);
    }
    after
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::{Value, json};

    use crate::bench;

    fn with(path: &str, more: Value) -> Value {
        let mut arguments = json!({"path": path, "name": "jane", "password": "secret"});
        for (name, value) in more.as_object().unwrap() {
            arguments[name] = value.clone();
        }
        arguments
    }

    #[test]
    fn a_user_is_added_changed_and_removed() {
        let bench = bench();
        let path = bench.path("users");
        let done = {
            let arguments = with(&path, json!({"mode": "0640"}));
            let predicted = bench.run("htpasswd", arguments.clone(), true).unwrap();
            assert_eq!(predicted["changed"].as_bool(), Some(true));
            assert!(!std::path::Path::new(&path).exists());
            let done = bench.apply("htpasswd", arguments.clone());
            bench.settled("htpasswd", arguments);
            done
        };
        assert_eq!(done["msg"].as_str(), Some(format!("Created {path}").as_str()));
        assert!(done.get("diff").is_none());
        assert!(bench.read("users").starts_with("jane:$apr1$"));
        bench.apply("htpasswd", with(&path, json!({"name": "bob", "hash_scheme": "ldap_sha1"})));
        assert!(bench.read("users").ends_with("bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"));
        bench.settled("htpasswd", with(&path, json!({"name": "bob"})));
        bench.converges("htpasswd", with(&path, json!({"name": "bob", "password": "p", "hash_scheme": "plaintext"})));
        assert!(bench.read("users").ends_with("\nbob:p\n"));
        bench.converges("htpasswd", json!({"path": path, "name": "jane", "state": "absent"}));
        assert_eq!(bench.read("users"), "bob:p\n");
    }

    #[test]
    fn every_scheme_is_known_again() {
        let bench = bench();
        let path = bench.file("users", "old:x\n");
        for scheme in ["apr_md5_crypt", "md5_crypt", "ldap_sha1", "plaintext", "portable_apache24"] {
            let arguments = with(&path, json!({"name": scheme, "hash_scheme": scheme}));
            assert_eq!(bench.apply("htpasswd", arguments.clone())["changed"].as_bool(), Some(true));
            bench.settled("htpasswd", arguments);
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let bench = bench();
        let path = bench.path("users");
        assert!(bench.fails("htpasswd", with(&path, json!({"create": false}))).ends_with("does not exist"));
        assert!(bench.fails("htpasswd", with(&path, json!({"hash_scheme": "rot13"}))).contains("sha512_crypt"));
        assert!(bench.fails("htpasswd", json!({"path": path, "name": "x"})).contains("password"));
        assert!(bench.fails("htpasswd", with(&path, json!({"name": "a:b"}))).contains("colon"));
    }
}

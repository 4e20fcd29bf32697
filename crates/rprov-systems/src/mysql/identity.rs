//! How a user is to prove who it is: a password or a plugin, as playbooks and statements have it.

use super::account::Account;
use super::authentication::native_hash;
use super::literal;
use super::server::Server;
use super::sha_crypt::sha256_crypt;

/// What a playbook says of it.
#[derive(Clone)]
pub enum Identity {
    /// The hash of a password for `mysql_native_password`.
    Native(String),
    /// A plugin.
    Plugin {
        /// Its name.
        name: String,
        /// What the server keeps of the password.
        hash: Option<String>,
        /// The password.
        password: Option<String>,
        /// Salt of the hash that is made of it.
        salt: Option<String>,
    },
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Identity::Native(_) => "Identity::Native",
            Identity::Plugin { .. } => "Identity::Plugin",
        })
    }
}

impl Identity {
    /// What an account has.
    pub fn of(account: &Account) -> Self {
        let hash = Some(account.hash.clone()).filter(|hash| !hash.is_empty());
        Identity::Plugin { name: account.plugin.clone(), hash, password: None, salt: None }
    }

    /// The hash that the server is to keep, where it can be told without it.
    fn hash(&self) -> Option<String> {
        match self {
            Identity::Native(hash) => Some(hash.clone()),
            Identity::Plugin { hash: Some(hash), .. } => Some(hash.clone()),
            Identity::Plugin { name, password: Some(password), salt: Some(salt), .. } => {
                let sum = sha256_crypt(password.as_bytes(), salt.as_bytes(), 5000);
                Some(if name == "caching_sha2_password" {
                    format!("$A$005${salt}{sum}")
                } else {
                    format!("$5${salt}${sum}")
                })
            }
            Identity::Plugin { .. } => None,
        }
    }

    /// Whether the account has it already, as far as that can be told.
    pub fn is_of(&self, account: &Account) -> bool {
        let Identity::Plugin { name, password, .. } = self else {
            return account.plugin == "mysql_native_password"
                && self.hash().is_some_and(|hash| account.hash.eq_ignore_ascii_case(&hash));
        };
        account.plugin == *name
            && match (self.hash(), password) {
                (Some(hash), _) => account.hash == hash,
                (None, None) => true,
                (None, Some(password)) if name == "mysql_native_password" => {
                    account.hash.eq_ignore_ascii_case(&native_hash(password))
                }
                // The name of a service is kept as it is; a password is not.
                (None, Some(text)) => account.hash == *text,
            }
    }

    /// What stands behind `IDENTIFIED` in a statement.
    pub fn clause(&self, server: &Server, no_backslash: bool) -> String {
        let text = |text: &str| literal::text(text, no_backslash);
        match (self, self.hash()) {
            (Identity::Native(hash), _) => by_hash("mysql_native_password", hash, server, no_backslash),
            (Identity::Plugin { name, .. }, Some(hash)) => by_hash(name, &hash, server, no_backslash),
            (Identity::Plugin { name, password: None, .. }, None) => format!("WITH {name}"),
            (Identity::Plugin { name, password: Some(password), .. }, None) => {
                // These take the name of a service, not a password.
                let named = name.contains("pam") || name.contains("gssapi");
                match (server.mariadb, named) {
                    (true, false) => format!("VIA {name} USING PASSWORD({})", text(password)),
                    (true, true) => format!("VIA {name} USING {}", text(password)),
                    (false, true) => format!("WITH {name} AS {}", text(password)),
                    (false, false) => format!("WITH {name} BY {}", text(password)),
                }
            }
        }
    }
}

fn by_hash(plugin: &str, hash: &str, server: &Server, no_backslash: bool) -> String {
    let hash = literal::text(hash, no_backslash);
    let old = !server.mariadb && !server.is_mysql(5, 7);
    match plugin {
        "mysql_native_password" if server.mariadb || old => format!("BY PASSWORD {hash}"),
        _ => format!("WITH {plugin} AS {hash}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(name: &str, password: Option<&str>, salt: Option<&str>) -> Identity {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Identity::Plugin { name: name.to_owned(), hash: None, password: owned(password), salt: owned(salt) }
    }

    #[test]
    fn each_server_has_its_words() {
        let clause = |identity: &Identity, version: &str| identity.clause(&Server::of(version), false);
        let native = Identity::Native("*81F5".to_owned());
        assert_eq!(clause(&native, "10.11.6-MariaDB"), "BY PASSWORD '*81F5'");
        assert_eq!(clause(&native, "8.0.36"), "WITH mysql_native_password AS '*81F5'");
        assert_eq!(clause(&plugin("unix_socket", None, None), "10.11.6-MariaDB"), "WITH unix_socket");
        let ed25519 = plugin("ed25519", Some("x'"), None);
        assert_eq!(clause(&ed25519, "10.11.6-MariaDB"), "VIA ed25519 USING PASSWORD('x''')");
        assert_eq!(
            clause(&plugin("caching_sha2_password", Some("x"), None), "8.0.36"),
            "WITH caching_sha2_password BY 'x'"
        );
    }

    #[test]
    fn with_a_salt_the_hash_is_known_beforehand() {
        let identity = plugin("caching_sha2_password", Some("password"), Some("1234567890abcdefghij"));
        let hash = identity.hash().unwrap_or_default();
        assert!(hash.starts_with("$A$005$1234567890abcdefghij") && hash.len() == 7 + 20 + 43, "{hash}");
        let account = Account { plugin: "caching_sha2_password".to_owned(), hash, ..Account::default() };
        assert!(identity.is_of(&account));
        assert!(!plugin("caching_sha2_password", Some("other"), Some("1234567890abcdefghij")).is_of(&account));
    }
}

//! The settings of one run: `ansible.cfg` found, read, and laid under the environment.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ini::Ini;
use super::setting::{Entry, Setting, TABLE};
use super::value::{Origin, Surroundings, Value};
use crate::source::{Diagnostic, Diagnostics, Span};
use crate::vault::Keyring;

/// The value of every setting, each with its origin. It may hold secrets, so it can't be printed as a whole.
pub struct Config {
    path: Option<PathBuf>,
    ini: Ini,
    values: HashMap<Setting, (Value, Origin)>,
    vault: Arc<Keyring>,
}

impl Config {
    /// Find `ansible.cfg` and read it and the environment.
    ///
    /// Searched are, in this order, `$ANSIBLE_CONFIG`, `ansible.cfg` in `cwd` (unless anybody may write there),
    /// `~/.ansible.cfg` and `/etc/ansible/ansible.cfg`; the first that exists is the only one. Environment variables
    /// win over the file. The diagnostics are errors where a value is none of its setting's type; the default then
    /// stands in.
    pub fn load(cwd: &Path, env: impl Fn(&str) -> Option<String>) -> (Self, Diagnostics) {
        let mut diagnostics = Vec::new();
        let home = env("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let bare = Surroundings { cwd, home: home.as_deref(), ansible_home: "~/.ansible", env: &env };
        let path = find(&bare, &mut diagnostics);
        let ini = match &path {
            Some(path) => read(path).unwrap_or_else(|diagnostic| {
                diagnostics.push(diagnostic);
                Ini::default()
            }),
            None => Ini::default(),
        };
        let mut values = HashMap::with_capacity(TABLE.len());
        let mut resolve = |entry: &'static Entry, surroundings: &Surroundings<'_>| {
            let (text, origin) = given(entry, &ini, surroundings.env);
            let fallback = |given: &Value| match entry.default {
                Some(default) => surroundings.value(entry, default, &Origin::Default).unwrap_or(Value::None),
                None => given.clone(),
            };
            let value = match text.as_deref().map(|text| surroundings.value(entry, text, &origin)) {
                None if matches!(entry.kind, super::Kind::List) => Value::List(Vec::new()),
                None => Value::None,
                Some(Ok(value)) => value,
                // Ansible takes any other word for false; a host key check must not be lost to a misspelling silently.
                Some(Err(diagnostic)) if matches!(entry.kind, super::Kind::Bool) => {
                    diagnostics.push(diagnostic.into_warning().hint("it counts as `false`"));
                    Value::Bool(false)
                }
                Some(Err(diagnostic)) => {
                    diagnostics.push(diagnostic);
                    fallback(&Value::None)
                }
            };
            (value, origin)
        };
        let ansible_home = match Setting::Home.entry().map(|entry| resolve(entry, &bare)) {
            Some((Value::Path(path), _)) => path,
            _ => bare.path("~/.ansible", &Origin::Default),
        };
        let ansible_home = ansible_home.display().to_string();
        let surroundings = Surroundings { ansible_home: &ansible_home, ..bare };
        for entry in TABLE {
            let value = resolve(entry, if entry.setting == Setting::Home { &bare } else { &surroundings });
            values.insert(entry.setting, value);
        }
        // One variable or key may stand for several settings.
        let mut told: Diagnostics = Vec::with_capacity(diagnostics.len());
        for diagnostic in diagnostics {
            if !told.contains(&diagnostic) {
                told.push(diagnostic);
            }
        }
        (Self { path, ini, values, vault: Arc::default() }, told)
    }

    /// The settings of this process: its directory, its environment.
    pub fn load_here() -> (Self, Diagnostics) {
        let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Self::load(&cwd, |name| std::env::var(name).ok())
    }

    /// The `ansible.cfg` in use.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The identities that open vaults; none until [`Config::set_vault`].
    pub fn vault(&self) -> &Arc<Keyring> {
        &self.vault
    }

    /// Give the identities that open vaults in this run.
    pub fn set_vault(&mut self, vault: Keyring) {
        self.vault = Arc::new(vault);
    }

    /// The sections of the file and their keys, with their places.
    pub fn written(&self) -> impl Iterator<Item = (&str, Span, Vec<(&str, Span)>)> {
        self.ini.sections().map(|(section, span)| (section, span, self.ini.keys(section).collect()))
    }

    /// A setting's value.
    pub fn value(&self, setting: Setting) -> &Value {
        self.values.get(&setting).map_or(&Value::None, |(value, _)| value)
    }

    /// Where a setting's value comes from.
    pub fn origin(&self, setting: Setting) -> &Origin {
        self.values.get(&setting).map_or(&Origin::Default, |(_, origin)| origin)
    }

    /// Whether a setting is set by the command line, the environment or the file.
    pub fn is_set(&self, setting: Setting) -> bool {
        *self.origin(setting) != Origin::Default
    }

    /// Set a value for this run, as a flag of the command line does.
    pub fn set(&mut self, setting: Setting, value: Value) {
        self.values.insert(setting, (value, Origin::CommandLine));
    }

    /// A boolean; false if there is no value.
    pub fn bool(&self, setting: Setting) -> bool {
        matches!(self.value(setting), Value::Bool(true))
    }

    /// An integer.
    pub fn int(&self, setting: Setting) -> Option<i64> {
        match self.value(setting) {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// A number.
    pub fn float(&self, setting: Setting) -> Option<f64> {
        match self.value(setting) {
            Value::Float(number) => Some(*number),
            Value::Int(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// A text, or the word of a choice.
    pub fn string(&self, setting: Setting) -> Option<&str> {
        match self.value(setting) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The words of a list; empty if there is no value.
    pub fn list(&self, setting: Setting) -> &[String] {
        match self.value(setting) {
            Value::List(words) => words,
            _ => &[],
        }
    }

    /// An absolute path.
    pub fn path_of(&self, setting: Setting) -> Option<&Path> {
        match self.value(setting) {
            Value::Path(path) => Some(path),
            _ => None,
        }
    }

    /// Absolute paths; empty if there is no value.
    pub fn paths(&self, setting: Setting) -> &[PathBuf] {
        match self.value(setting) {
            Value::Paths(paths) => paths,
            _ => &[],
        }
    }

    /// A key of the file that is not in the table, as other plugins' sections have them.
    pub fn raw(&self, section: &str, key: &str) -> Option<&str> {
        self.ini.value(section, key).map(|(value, _)| value)
    }
}

/// A setting's text and where it stands.
fn given(entry: &Entry, ini: &Ini, env: &dyn Fn(&str) -> Option<String>) -> (Option<String>, Origin) {
    for name in entry.env.iter().copied().rev() {
        if let Some(text) = env(name) {
            return (Some(text), Origin::Environment(name));
        }
    }
    for place in entry.ini.iter().rev() {
        if let Some((section, key)) = place.split_once('.')
            && let Some((text, span)) = ini.value(section, key)
        {
            return (Some(text.to_owned()), Origin::File(span));
        }
    }
    (entry.default.map(str::to_owned), Origin::Default)
}

fn find(surroundings: &Surroundings<'_>, diagnostics: &mut Diagnostics) -> Option<PathBuf> {
    let mut candidates = Vec::new();
    let named = (surroundings.env)("ANSIBLE_CONFIG").filter(|path| !path.is_empty()).map(|path| {
        let path = surroundings.path(&path, &Origin::Default);
        if path.is_dir() { path.join("ansible.cfg") } else { path }
    });
    candidates.extend(named.clone());
    let here = surroundings.cwd.join("ansible.cfg");
    let open_to_all =
        std::fs::metadata(surroundings.cwd).is_ok_and(|metadata| metadata.permissions().mode() & 0o002 != 0);
    if !open_to_all {
        candidates.push(here);
    } else if here.exists() && named.as_ref() != Some(&here) {
        diagnostics.push(
            Diagnostic::warning(format!("`{}` is ignored: anybody may write to its directory", here.display())).hint(
                "take the write permission of others away from the directory, or name the file in `ANSIBLE_CONFIG`",
            ),
        );
    }
    candidates.extend(surroundings.home.map(|home| home.join(".ansible.cfg")));
    candidates.push(PathBuf::from("/etc/ansible/ansible.cfg"));
    candidates.into_iter().find(|path| path.is_file() && std::fs::File::open(path).is_ok())
}

fn read(path: &Path) -> Result<Ini, Diagnostic> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Diagnostic::error(format!("could not read `{}`", path.display())).cause(error.to_string()))?;
    Ini::parse(path, &Arc::from(text))
}

impl std::fmt::Debug for Config {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Config").field("path", &self.path()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::source::Severity;

    fn load(cfg: &str, env: &[(&str, &str)]) -> (tempfile::TempDir, Config, Diagnostics) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ansible.cfg"), cfg).unwrap();
        let home = directory.path().join("home").display().to_string();
        let (config, diagnostics) = Config::load(directory.path(), |name| match name {
            "HOME" => Some(home.clone()),
            _ => env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
        });
        (directory, config, diagnostics)
    }

    #[test]
    fn defaults_are_ansible_s() {
        let (directory, config, diagnostics) = load("", &[]);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        assert_eq!(config.int(Setting::Forks), Some(5));
        assert!(config.bool(Setting::HostKeyChecking));
        assert_eq!(config.string(Setting::Gathering), Some("implicit"));
        assert_eq!(config.list(Setting::YamlFilenameExtensions), [".yml", ".yaml", ".json"]);
        assert_eq!(config.paths(Setting::RolesPath)[0], directory.path().join("home/.ansible/roles"));
        assert_eq!(config.int(Setting::SshTimeout), Some(10));
        assert_eq!(config.path_of(Setting::PrivateKeyFile), None);
        assert!(config.list(Setting::InventoryIgnoreExts).iter().any(|ext| ext == "~"));
    }

    #[test]
    fn the_environment_wins_over_the_file_and_origins_are_kept() {
        let (directory, config, _) = load(
            "[defaults]\nforks = 7\nroles_path = r:~/x\ninventory=a,b\nremote_user = 'bob'\n[ssh_connection]\ntimeout=3\n",
            &[("ANSIBLE_FORKS", "9"), ("ANSIBLE_SSH_RETRIES", "2")],
        );
        assert_eq!(config.int(Setting::Forks), Some(9));
        assert_eq!(*config.origin(Setting::Forks), Origin::Environment("ANSIBLE_FORKS"));
        let base = directory.path();
        assert_eq!(config.paths(Setting::RolesPath), [base.join("r"), base.join("home/x")]);
        assert_eq!(config.paths(Setting::Inventory), [base.join("a"), base.join("b")]);
        assert_eq!(config.string(Setting::RemoteUser), Some("bob"));
        assert!(config.origin(Setting::RemoteUser).to_string().ends_with("ansible.cfg:5"));
        assert_eq!(config.int(Setting::SshTimeout), Some(3));
        assert_eq!(config.int(Setting::SshReconnectionRetries), Some(2));
    }

    #[test]
    fn a_wrong_value_is_shown_where_it_stands() {
        let (_directory, config, diagnostics) =
            load("[defaults]\nforks = many\ngathering = explicitt\nnocows = maybe\n", &[]);
        assert_eq!(config.int(Setting::Forks), Some(5));
        let texts: Vec<_> =
            diagnostics.iter().map(|d| (d.severity, d.message.as_str(), d.span.unwrap().line)).collect();
        assert!(texts.contains(&(Severity::Error, "`forks` takes an integer, not `many`", 2)), "{texts:?}");
        assert!(texts.contains(&(Severity::Warning, "`nocows` takes a boolean, not `maybe`", 4)), "{texts:?}");
        let gathering = diagnostics.iter().find(|d| d.message.contains("gathering")).unwrap();
        assert_eq!(gathering.hints, ["did you mean `explicit`?"]);
    }

    #[test]
    fn a_file_in_a_directory_that_anybody_may_write_to_is_ignored() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ansible.cfg"), "[defaults]\nforks=77\n").unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let (config, diagnostics) = Config::load(directory.path(), |_| None);
        assert_ne!(config.int(Setting::Forks), Some(77));
        assert_eq!(diagnostics.len(), 1);
        let named = directory.path().display().to_string();
        let (config, _) = Config::load(directory.path(), |name| (name == "ANSIBLE_CONFIG").then(|| named.clone()));
        assert_eq!(config.int(Setting::Forks), Some(77));
    }
}

//! The language of `~/.ssh/config` and `/etc/ssh/ssh_config` (`ssh_config(5)`).
//!
//! A lookup walks the files from top to bottom for one host and keeps the first value of each keyword; `IdentityFile`
//! and `CertificateFile` accumulate. `Host`, `Match` and `Include` decide which lines count. `Match final` makes the
//! files be read a second time, with the name that the first pass has found. Keywords that nothing asks for are kept
//! and never looked at, so options of newer or patched versions of OpenSSH do no harm.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::local::Local;
use super::pattern;

/// Files that include each other endlessly are cut off here, as in OpenSSH.
const MAXIMUM_DEPTH: usize = 16;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A variable, flag or setting of this program.
    Setting,
    /// `-o Key=Value` and the like.
    Argument,
    /// A line of a file, counted from 1.
    File(PathBuf, usize),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Setting => formatter.write_str("connection settings"),
            Place::Argument => formatter.write_str("ssh arguments"),
            Place::File(path, line) => write!(formatter, "{}:{line}", path.display()),
        }
    }
}

/// The value of a keyword.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// Split at blanks, quotes removed.
    pub(super) words: Vec<String>,
    /// The rest of the line as it stands, for keywords that take a command.
    pub(super) raw: String,
    pub(super) place: Place,
}

impl Value {
    /// The first word.
    pub(super) fn first(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }
}

/// A file that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {message}")]
pub(super) struct ConfigError {
    pub(super) place: Place,
    pub(super) message: String,
}

/// Which files to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Files {
    /// `~/.ssh/config`, then `/etc/ssh/ssh_config`, where they exist.
    Default,
    /// `-F none`.
    None,
    /// `-F file`, which must exist, and no other.
    Only(PathBuf),
}

/// Everything that holds for one host.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    local: &'a Local,
    /// The host as it was asked for.
    original: String,
    /// The name that `Host` patterns are matched against: `original`, in the final pass the resolved name.
    matched: String,
    values: HashMap<String, Value>,
    identity_files: Vec<Value>,
    certificate_files: Vec<Value>,
    final_pass: bool,
    wants_final_pass: bool,
}

/// What `%` tokens stand for.
pub(super) struct Tokens<'a> {
    pub(super) local: &'a Local,
    pub(super) original: &'a str,
    pub(super) hostname: &'a str,
    pub(super) port: u16,
    pub(super) user: &'a str,
    pub(super) alias: Option<&'a str>,
    pub(super) jump: &'a str,
}

impl Tokens<'_> {
    /// Replace the tokens of TOKENS in `ssh_config(5)`.
    ///
    /// # Errors
    /// An unknown token.
    pub(super) fn expand(&self, text: &str) -> Result<String, String> {
        let mut expanded = String::with_capacity(text.len());
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                expanded.push(character);
                continue;
            }
            match characters.next() {
                Some('%') => expanded.push('%'),
                Some('h') => expanded.push_str(self.hostname),
                Some('n') => expanded.push_str(self.original),
                Some('p') => expanded.push_str(&self.port.to_string()),
                Some('r') => expanded.push_str(self.user),
                Some('u') => expanded.push_str(&self.local.user),
                Some('d') => expanded.push_str(&self.local.home.to_string_lossy()),
                Some('i') => expanded.push_str(&self.local.uid.to_string()),
                Some('l') => expanded.push_str(&self.local.hostname),
                Some('L') => expanded.push_str(self.local.hostname.split('.').next().unwrap_or_default()),
                Some('k') => expanded.push_str(self.alias.unwrap_or(self.original)),
                Some('j') => expanded.push_str(self.jump),
                Some('C') => expanded.push_str(&self.connection_hash()),
                Some(other) => return Err(format!("unknown token `%{other}` in `{text}`")),
                None => return Err(format!("`{text}` ends in a lone `%`; write `%%` for a percent sign")),
            }
        }
        Ok(expanded)
    }

    fn connection_hash(&self) -> String {
        use sha1::Digest as _;
        let text = format!("{}{}{}{}{}", self.local.hostname, self.hostname, self.port, self.user, self.jump);
        sha1::Sha1::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Replace `${NAME}` by environment variables.
///
/// # Errors
/// A variable that is not set.
pub(super) fn expand_environment(text: &str) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else {
            return Err(format!("`${{` without `}}` in `{text}`"));
        };
        expanded.push_str(before);
        match std::env::var(name) {
            Ok(value) => expanded.push_str(&value),
            Err(_) => return Err(format!("environment variable `{name}` in `{text}` is not set")),
        }
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

impl<'a> Lookup<'a> {
    /// A lookup that knows nothing yet. Values that are [set](Lookup::set) before [`Lookup::read`] win over the files.
    pub(super) fn new(original: &str, local: &'a Local) -> Self {
        Self {
            local,
            original: original.to_owned(),
            matched: original.to_owned(),
            values: HashMap::new(),
            identity_files: Vec::new(),
            certificate_files: Vec::new(),
            final_pass: false,
            wants_final_pass: false,
        }
    }

    /// Give a keyword a value, unless it has one.
    pub(super) fn set(&mut self, keyword: &str, value: &str, place: Place) {
        let value = Value { words: vec![value.to_owned()], raw: value.to_owned(), place };
        self.store(&keyword.to_ascii_lowercase(), value);
    }

    /// A line as `-o` takes it: `Key=Value` or `Key Value`.
    ///
    /// # Errors
    /// A keyword without a value, or unbalanced quotes.
    pub(super) fn set_line(&mut self, line: &str) -> Result<(), ConfigError> {
        let place = Place::Argument;
        if let Some((keyword, value)) = parse_line(line, &place)? {
            self.store(&keyword, value);
        }
        Ok(())
    }

    /// Read the files.
    ///
    /// # Errors
    /// A file of [`Files::Only`] that cannot be read; a line that cannot be understood.
    pub(super) fn read(&mut self, files: &Files) -> Result<(), ConfigError> {
        self.read_all(files)?;
        if self.wants_final_pass {
            self.final_pass = true;
            let hostname = self.hostname()?;
            self.values.insert(
                "hostname".into(),
                Value { words: vec![hostname.replace('%', "%%")], raw: hostname.clone(), place: Place::Setting },
            );
            self.matched = hostname;
            self.read_all(files)?;
        }
        Ok(())
    }

    fn read_all(&mut self, files: &Files) -> Result<(), ConfigError> {
        match files {
            Files::None => Ok(()),
            Files::Only(path) => {
                let text = std::fs::read(path).map_err(|error| ConfigError {
                    place: Place::Argument,
                    message: format!("cannot read the file of `-F`, `{}`: {error}", path.display()),
                })?;
                let base = self.local.dot_ssh("");
                self.read_text(&text, path, &base, true, 0).map(drop)
            }
            Files::Default => {
                let user = self.local.dot_ssh("config");
                if let Ok(text) = std::fs::read(&user) {
                    let base = self.local.dot_ssh("");
                    self.read_text(&text, &user, &base, true, 0)?;
                }
                let system = Path::new("/etc/ssh/ssh_config");
                if let Ok(text) = std::fs::read(system) {
                    self.read_text(&text, system, Path::new("/etc/ssh"), true, 0)?;
                }
                Ok(())
            }
        }
    }

    fn read_text(
        &mut self,
        text: &[u8],
        path: &Path,
        base: &Path,
        may_match: bool,
        depth: usize,
    ) -> Result<(), ConfigError> {
        let text = String::from_utf8_lossy(text);
        let mut active = may_match;
        for (index, line) in text.lines().enumerate() {
            let place = Place::File(path.to_owned(), index + 1);
            let Some((keyword, value)) = parse_line(line, &place)? else { continue };
            match keyword.as_str() {
                "host" => active = may_match && self.host_matches(&value.words),
                "match" => active = self.match_matches(&value, may_match)?,
                "include" => self.include(&value, base, active, depth)?,
                _ if active => self.store(&keyword, value),
                _ => {}
            }
        }
        Ok(())
    }

    fn include(&mut self, value: &Value, base: &Path, active: bool, depth: usize) -> Result<(), ConfigError> {
        if depth >= MAXIMUM_DEPTH {
            return Err(ConfigError {
                place: value.place.clone(),
                message: format!("more than {MAXIMUM_DEPTH} levels of `Include`: do the files include each other?"),
            });
        }
        for word in &value.words {
            let path = self.local.expand_tilde(word);
            let path = if path.is_absolute() { path } else { base.join(path) };
            let matched = glob::glob(&path.to_string_lossy()).map_err(|error| ConfigError {
                place: value.place.clone(),
                message: format!("cannot understand the pattern `{word}` of `Include`: {error}"),
            })?;
            for file in matched.flatten() {
                // A file that is not there or not readable counts as empty, as in OpenSSH.
                if let Ok(text) = std::fs::read(&file) {
                    self.read_text(&text, &file, base, active, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn host_matches(&self, patterns: &[String]) -> bool {
        let mut found = false;
        for pattern in patterns {
            match pattern.strip_prefix('!') {
                Some(negated) if pattern::matches(negated, &self.matched) => return false,
                None if pattern::matches(pattern, &self.matched) => found = true,
                _ => {}
            }
        }
        found
    }

    fn match_matches(&mut self, value: &Value, may_match: bool) -> Result<bool, ConfigError> {
        let wrong = |message: String| ConfigError { place: value.place.clone(), message };
        let mut result = may_match;
        let mut words = value.words.iter();
        while let Some(word) = words.next() {
            let (name, mut inline) = match word.split_once('=') {
                Some((name, argument)) => (name, Some(argument.to_owned())),
                None => (word.as_str(), None),
            };
            let (name, negated) = name.strip_prefix('!').map_or((name, false), |name| (name, true));
            let name = name.to_ascii_lowercase();
            let matched = match name.as_str() {
                "all" => true,
                "canonical" => self.final_pass,
                "final" => {
                    self.wants_final_pass |= !self.final_pass;
                    self.final_pass
                }
                "host" | "originalhost" | "user" | "localuser" | "exec" | "tagged" | "localnetwork" | "command"
                | "version" | "sessiontype" => {
                    let argument = inline
                        .take()
                        .filter(|argument| !argument.is_empty())
                        .or_else(|| words.next().cloned())
                        .ok_or_else(|| wrong(format!("`Match {name}` needs an argument")))?;
                    match name.as_str() {
                        "host" => pattern::matches_list(&argument.to_lowercase(), &self.hostname()?.to_lowercase()),
                        "originalhost" => {
                            pattern::matches_list(&argument.to_lowercase(), &self.original.to_lowercase())
                        }
                        "user" => pattern::matches_list(&argument, self.user()),
                        "localuser" => pattern::matches_list(&argument, &self.local.user),
                        // A command is only run where it decides.
                        "exec" => result && self.command_succeeds(&argument, value)?,
                        "tagged" => {
                            let tag = self.get("tag").map(Value::first).unwrap_or_default();
                            pattern::matches_list(&argument, tag)
                        }
                        "sessiontype" => pattern::matches_list(&argument, "exec"),
                        _ => return Err(wrong(format!("`Match {name}` is not supported"))),
                    }
                }
                _ => return Err(wrong(format!("unknown condition `{word}` of `Match`"))),
            };
            result &= matched != negated;
        }
        Ok(result)
    }

    fn command_succeeds(&self, command: &str, value: &Value) -> Result<bool, ConfigError> {
        let hostname = self.hostname()?;
        let command = self
            .tokens(&hostname)
            .expand(command)
            .map_err(|message| ConfigError { place: value.place.clone(), message })?;
        let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "/bin/sh".into());
        let status = Command::new(shell)
            .arg("-c")
            .arg(&command)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.map(|status| status.success()).map_err(|error| ConfigError {
            place: value.place.clone(),
            message: format!("cannot run `{command}` of `Match exec`: {error}"),
        })
    }

    fn store(&mut self, keyword: &str, value: Value) {
        match keyword {
            "identityfile" | "certificatefile" => {
                let list =
                    if keyword == "identityfile" { &mut self.identity_files } else { &mut self.certificate_files };
                if !list.iter().any(|present| present.words == value.words) {
                    list.push(value);
                }
            }
            // Whichever of the two comes first also shuts out the other; but `ProxyJump none` only other jumps.
            "proxyjump" if self.values.contains_key("proxycommand") => {}
            "proxycommand" if self.get("proxyjump").is_some_and(|jump| jump.first() != "none") => {}
            _ => {
                self.values.entry(keyword.to_owned()).or_insert(value);
            }
        }
    }

    /// The value of a keyword (in lower case).
    pub(super) fn get(&self, keyword: &str) -> Option<&Value> {
        self.values.get(keyword)
    }

    /// All `IdentityFile`s in order.
    pub(super) fn identity_files(&self) -> &[Value] {
        &self.identity_files
    }

    /// All `CertificateFile`s in order.
    pub(super) fn certificate_files(&self) -> &[Value] {
        &self.certificate_files
    }

    /// The user to log in as.
    pub(super) fn user(&self) -> &str {
        self.get("user").map_or(self.local.user.as_str(), Value::first)
    }

    /// The port.
    ///
    /// # Errors
    /// A port that is no number from 1 to 65535.
    pub(super) fn port(&self) -> Result<u16, ConfigError> {
        let Some(value) = self.get("port") else { return Ok(22) };
        value.first().parse().ok().filter(|&port: &u16| port != 0).ok_or_else(|| ConfigError {
            place: value.place.clone(),
            message: format!("bad port `{}`: a number from 1 to 65535 is expected", value.first()),
        })
    }

    /// The name to connect to: `HostName` with its tokens replaced, or the host that was asked for.
    ///
    /// # Errors
    /// A token other than `%h` and `%%`.
    pub(super) fn hostname(&self) -> Result<String, ConfigError> {
        let Some(value) = self.get("hostname") else { return Ok(self.original.clone()) };
        let mut expanded = String::new();
        let mut characters = value.first().chars();
        while let Some(character) = characters.next() {
            match character {
                '%' => match characters.next() {
                    Some('h') => expanded.push_str(&self.original),
                    Some('%') => expanded.push('%'),
                    other => {
                        return Err(ConfigError {
                            place: value.place.clone(),
                            message: format!(
                                "`HostName` knows the tokens `%h` and `%%`, not `%{}`",
                                other.map(String::from).unwrap_or_default()
                            ),
                        });
                    }
                },
                _ => expanded.push(character),
            }
        }
        Ok(expanded)
    }

    /// The tokens as far as they are known.
    pub(super) fn tokens<'b>(&'b self, hostname: &'b str) -> Tokens<'b> {
        Tokens {
            local: self.local,
            original: &self.original,
            hostname,
            port: self.port().unwrap_or(22),
            user: self.user(),
            alias: self.get("hostkeyalias").map(Value::first),
            jump: self.get("proxyjump").map(Value::first).filter(|jump| *jump != "none").unwrap_or_default(),
        }
    }
}

/// Keyword in lower case and value of a line; nothing for a comment or an empty line.
fn parse_line(line: &str, place: &Place) -> Result<Option<(String, Value)>, ConfigError> {
    let line = line.trim_matches([' ', '\t', '\r', '\n', '\x0c']);
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (keyword, rest) = match line.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
        Some((keyword, rest)) => (keyword, rest),
        None => line.split_at(line.find([' ', '\t', '=']).unwrap_or(line.len())),
    };
    let rest = rest.trim_start_matches([' ', '\t']);
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start_matches([' ', '\t']);
    let words = split_words(rest).ok_or_else(|| ConfigError {
        place: place.clone(),
        message: format!("a quote is not closed in the value of `{keyword}`"),
    })?;
    if words.is_empty() {
        return Err(ConfigError { place: place.clone(), message: format!("`{keyword}` has no value") });
    }
    Ok(Some((keyword.to_ascii_lowercase(), Value { words, raw: rest.to_owned(), place: place.clone() })))
}

/// Words as OpenSSH splits them: single and double quotes, a few escapes, `#` at a word's start begins a comment.
fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut characters = text.chars().peekable();
    loop {
        while characters.next_if(|character| matches!(character, ' ' | '\t')).is_some() {}
        match characters.peek() {
            None | Some('#') => return Some(words),
            Some(_) => {}
        }
        let mut word = String::new();
        let mut quote = None;
        while let Some(character) = characters.next() {
            match (character, quote) {
                ('\\', _) => match characters.peek() {
                    Some(&next) if matches!(next, '\'' | '"' | '\\') || (next == ' ' && quote.is_none()) => {
                        word.push(next);
                        characters.next();
                    }
                    _ => word.push('\\'),
                },
                (' ' | '\t', None) => break,
                ('"' | '\'', None) => quote = Some(character),
                (_, Some(open)) if open == character => quote = None,
                _ => word.push(character),
            }
        }
        if quote.is_some() {
            return None;
        }
        words.push(word);
    }
}

//! How a session gets to be another user: the command, the password, and what a refusal means.
//!
//! A password goes to standard input, once, and only after it was asked for: what does not ask (`NOPASSWD`, a login
//! as root) would leave it in the stream for the agent. It is on no command line and on no disk.

use super::bootstrap::quote;
use super::error::ConnectionError;
use super::settings::BecomeSettings;
use super::transport::Exit;

/// The program that changes the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Sudo,
    Su,
    Doas,
}

/// A way to be another user, ready to build commands.
#[derive(Debug)]
pub(super) struct Become<'a> {
    pub(super) settings: &'a BecomeSettings,
    method: Method,
    flags: Vec<String>,
}

/// How another user is become, for people to read: `sudo -H -S -n -u root`. Nothing where it cannot be done.
pub fn become_words(settings: &BecomeSettings) -> Option<String> {
    Become::new(settings).ok().map(|other| other.shown())
}

impl<'a> Become<'a> {
    /// Check the settings.
    pub(super) fn new(settings: &'a BecomeSettings) -> Result<Self, ConnectionError> {
        let method = match settings.method.rsplit('.').next().unwrap_or_default() {
            "sudo" => Method::Sudo,
            "su" => Method::Su,
            "doas" => Method::Doas,
            _ => {
                return Err(ConnectionError::Become {
                    reason: format!("there is no become method {}", settings.method),
                    hint: Some("the methods are sudo, su and doas".to_owned()),
                });
            }
        };
        let default = if method == Method::Sudo { "-H -S -n" } else { "" };
        let flags = settings.flags.as_deref().unwrap_or(default);
        let mut flags = shlex::split(flags).ok_or_else(|| ConnectionError::Become {
            reason: format!("the become flags `{flags}` have an unclosed quote"),
            hint: Some("correct `ansible_become_flags`".to_owned()),
        })?;
        if settings.password.is_some() {
            flags = flags.iter().filter_map(|flag| interactive(flag)).collect();
        } else if method == Method::Doas && !flags.iter().any(|flag| flag == "-n") {
            flags.push("-n".to_owned());
        }
        Ok(Self { settings, method, flags })
    }

    fn exe(&self) -> &str {
        self.settings.exe.as_deref().unwrap_or(match self.method {
            Method::Sudo => "sudo",
            Method::Su => "su",
            Method::Doas => "doas",
        })
    }

    /// The name for messages.
    fn name(&self) -> &'static str {
        match self.method {
            Method::Sudo => "sudo",
            Method::Su => "su",
            Method::Doas => "doas",
        }
    }

    /// Whether a terminal is needed from the start: `doas` reads passwords from nowhere else.
    pub(super) fn needs_terminal(&self) -> bool {
        self.method == Method::Doas && self.settings.password.is_some()
    }

    /// Whether it will not read standard input, whatever the host demands: it rather fails than asks for a password.
    pub(super) fn never_asks(&self) -> bool {
        self.method != Method::Su && self.flags.iter().any(|flag| flag == "-n" || flag == "--non-interactive")
    }

    /// The command, for any login shell, that runs `/bin/sh -c script` as the other user.
    pub(super) fn command(&self, script: &str, nonce: &str) -> String {
        let mut words = vec!["exec".to_owned(), quote(self.exe())];
        words.extend(self.flags.iter().map(|flag| quote(flag)));
        let user = quote(if self.settings.user.is_empty() { "root" } else { &self.settings.user });
        let shell = format!("/bin/sh -c {}", quote(script));
        match self.method {
            Method::Sudo => {
                if self.settings.password.is_some() {
                    words.extend(["-p".to_owned(), quote(&prompt(nonce))]);
                }
                words.extend(["-u".to_owned(), user, shell]);
            }
            // It hands the command to the other user's login shell, which may be any shell again.
            Method::Su => words.extend([user, "-c".to_owned(), quote(&format!("exec {shell}"))]),
            Method::Doas => words.extend(["-u".to_owned(), user, shell]),
        }
        words.join(" ")
    }

    /// The words that come before what runs as the other user, for people to read.
    fn shown(&self) -> String {
        let user = if self.settings.user.is_empty() { "root" } else { &self.settings.user };
        let mut words = vec![self.exe().to_owned()];
        words.extend(self.flags.iter().map(|flag| quote(flag)));
        if self.method != Method::Su {
            words.push("-u".to_owned());
        }
        words.push(quote(user));
        words.join(" ")
    }

    /// Whether what was printed last, since the last answer, asks for the password. `error` is standard error, or the
    /// terminal.
    pub(super) fn is_asking(&self, output: &[u8], error: &[u8], nonce: &str) -> bool {
        let (output, error) = (String::from_utf8_lossy(output), String::from_utf8_lossy(error));
        if self.method == Method::Sudo && [&output, &error].iter().any(|text| text.contains(&prompt(nonce))) {
            return true;
        }
        if self.method == Method::Su && !self.settings.prompts.is_empty() {
            return [&output, &error].iter().any(|text| asks_with(text, &self.settings.prompts));
        }
        let (output, error) = (pending(&output), pending(&error));
        // Standard output has the login profile's talk, too. BusyBox asks there.
        let plain = |text: &str| text.to_lowercase().contains("password");
        let (asked_there, asked_here) = (ends_like_prompt(output), ends_like_prompt(error));
        asked_there && plain(output) || asked_here && (self.method != Method::Sudo || plain(error))
    }

    /// The error for a password that was asked for and is not known.
    pub(super) fn missing_password(&self) -> ConnectionError {
        ConnectionError::Become {
            reason: format!("Missing {} password", self.name()),
            hint: Some(format!(
                "give it with `-K` (`--ask-become-pass`), `--become-password-file` or `ansible_become_password`, or \
                 allow the login user to become {} without one",
                self.settings.user
            )),
        }
    }

    /// The error for a password that was refused.
    pub(super) fn incorrect_password(&self) -> ConnectionError {
        ConnectionError::Become {
            reason: format!("Incorrect {} password", self.name()),
            hint: Some(match self.method {
                Method::Su => format!("su wants the password of {}, not the login user's", self.settings.user),
                Method::Sudo | Method::Doas => {
                    format!("{} wants the login user's own password", self.name())
                }
            }),
        }
    }

    /// What it means that the program ended before the agent could start.
    pub(super) fn refusal(&self, exit: Option<&Exit>, text: &str, answered: bool) -> Refusal {
        let lower = text.to_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
        let (name, user) = (self.name(), &self.settings.user);
        if says(&["must be run from a terminal", "tty is required", "must have a tty", "terminal is required to read"])
            && (answered || self.settings.password.is_some() || says(&["must have a tty", "must be run from"]))
        {
            return Refusal::NeedsTerminal;
        }
        if says(&[
            "password is required",
            "authentication required",
            "authentication is required",
            "authorization required",
            "terminal is required",
        ]) {
            return Refusal::Final(self.missing_password());
        }
        if says(&[
            "sorry, try again",
            "incorrect password",
            "authentication failure",
            "authentication failed",
            "su: sorry",
        ]) || says(&["incorrect authentication attempt", "permission denied"]) && self.method == Method::Su
        {
            return Refusal::Final(if answered { self.incorrect_password() } else { self.missing_password() });
        }
        let (reason, hint) = if says(&["not in the sudoers", "may not run", "is not allowed", "not permitted"]) {
            let hint = match self.method {
                Method::Sudo => {
                    format!("let a rule in /etc/sudoers.d on the host allow the login user to become {user}")
                }
                Method::Doas => {
                    format!("let a rule in /etc/doas.conf on the host allow the login user to become {user}")
                }
                Method::Su => "choose another become method".to_owned(),
            };
            (format!("{name} does not allow it: {text}"), Some(hint))
        } else if says(&["unknown user", "does not exist", "no passwd entry", "unknown login", "user not found"]) {
            let hint = "create the user on the host first, or correct `become_user`";
            (format!("there is no user {user} on the host: {text}"), Some(hint.to_owned()))
        } else if matches!(exit, Some(Exit::Code(127)))
            || says(&[&format!("{}: not found", self.exe()), "command not found"])
        {
            let hint = format!("install {name} there, or choose another `become_method` (sudo, su, doas)");
            (format!("{} is not installed on the host: {text}", self.exe()), Some(hint))
        } else if says(&["not available"]) {
            let hint = "that user has no login shell: use sudo, or `become_flags: -s /bin/sh` with su";
            (format!("{name} cannot start a shell for {user}: {text}"), Some(hint.to_owned()))
        } else {
            let end = match exit {
                Some(Exit::Code(code)) => format!("exit code {code}"),
                Some(Exit::Signal(signal)) => format!("signal {signal}"),
                None => "no exit code".to_owned(),
            };
            let text = if text.is_empty() { "it printed nothing" } else { text };
            (format!("{name} ended before the agent could start as {user} ({end}): {text}"), None)
        };
        Refusal::Final(ConnectionError::Become { reason, hint })
    }
}

/// What to do after the program has ended too early.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Try again with a terminal.
    NeedsTerminal,
    /// Give up.
    Final(ConnectionError),
}

fn prompt(nonce: &str) -> String {
    format!("[sudo via rprov, {nonce}] password:")
}

/// Whether one of the prompts stands somewhere, with its colon.
fn asks_with(text: &str, prompts: &[String]) -> bool {
    let text = text.to_lowercase();
    prompts.iter().map(|prompt| prompt.to_lowercase()).any(|prompt| {
        text.match_indices(&prompt).any(|(at, found)| {
            text.get(at + found.len()..).is_some_and(|rest| rest.trim_start().starts_with([':', '：']))
        })
    })
}

/// The last line, as far as it was printed.
fn pending(text: &str) -> &str {
    text.rsplit(['\n', '\r']).next().unwrap_or_default().trim_end()
}

fn ends_like_prompt(text: &str) -> bool {
    // The second is the full-width colon of Chinese and Japanese prompts.
    text.ends_with(':') || text.ends_with('：')
}

/// A flag without `-n` (never ask), which would forbid the question that the password answers; `None` if that is all.
fn interactive(flag: &str) -> Option<String> {
    if flag == "--non-interactive" {
        return None;
    }
    match flag.strip_prefix('-') {
        Some(letters) if letters.contains('n') && letters.chars().all(|letter| "AbEHiKknPSs".contains(letter)) => {
            let rest = letters.replace('n', "");
            (!rest.is_empty()).then(|| format!("-{rest}"))
        }
        _ => Some(flag.to_owned()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::settings::Password;
    use super::*;

    fn settings(method: &str, password: bool, flags: Option<&str>) -> BecomeSettings {
        BecomeSettings {
            method: method.to_owned(),
            user: "o'neil".to_owned(),
            password: password.then(|| Password::new("secret")),
            exe: None,
            flags: flags.map(str::to_owned),
            prompts: Vec::new(),
            patience: None,
        }
    }

    fn command(method: &str, password: bool, flags: Option<&str>) -> String {
        Become::new(&settings(method, password, flags)).unwrap().command("true", "abc")
    }

    #[test]
    fn commands_have_ansibles_flags_and_never_the_password() {
        assert_eq!(command("sudo", false, None), r"exec sudo -H -S -n -u 'o'\''neil' /bin/sh -c true");
        assert_eq!(
            command("ansible.builtin.sudo", true, None),
            r"exec sudo -H -S -p '[sudo via rprov, abc] password:' -u 'o'\''neil' /bin/sh -c true"
        );
        assert_eq!(command("sudo", true, Some("-HSn --foo 'a b'")), command("sudo", true, Some("-HS --foo \"a b\"")));
        assert_eq!(
            command("su", true, Some("-s /bin/sh")),
            r"exec su -s /bin/sh 'o'\''neil' -c 'exec /bin/sh -c true'"
        );
        assert_eq!(command("doas", false, None), r"exec doas -n -u 'o'\''neil' /bin/sh -c true");
        assert_eq!(command("doas", true, None), r"exec doas -u 'o'\''neil' /bin/sh -c true");
    }

    #[test]
    fn unknown_methods_and_unclosed_quotes_are_refused() {
        let error = Become::new(&settings("pfexec", false, None)).unwrap_err();
        assert_eq!(error.to_string(), "there is no become method pfexec");
        assert!(Become::new(&settings("sudo", false, Some("-u 'x"))).is_err());
    }

    #[test]
    fn a_prompt_is_told_from_a_profiles_talk() {
        let (sudo, su) = (settings("sudo", true, None), settings("su", true, None));
        let (sudo, su) = (Become::new(&sudo).unwrap(), Become::new(&su).unwrap());
        assert!(sudo.is_asking(b"", b"lecture\n[sudo via rprov, abc] password:", "abc"));
        assert!(!sudo.is_asking(b"", b"[sudo via rprov, abd] passphrase:", "abc"));
        assert!(sudo.is_asking(b"", b"LDAP Password: ", "abc"));
        assert!(su.is_asking(b"", "Mot de passe :".as_bytes(), "abc"));
        assert!(su.is_asking(b"Password: ", b"", "abc"));
        assert!(!su.is_asking(b"Welcome:", b"warning: x\n", "abc"));
    }

    #[test]
    fn su_is_answered_at_its_own_prompts_and_no_others() {
        let settings = BecomeSettings { prompts: vec!["Geheimwort".to_owned()], ..settings("su", true, None) };
        let su = Become::new(&settings).unwrap();
        assert!(su.is_asking(b"", b"GEHEIMWORT : ", "abc"));
        assert!(su.is_asking("geheimwort：".as_bytes(), b"", "abc"));
        assert!(!su.is_asking(b"", b"Password: ", "abc"));
        assert!(!su.is_asking(b"", b"Geheimwort\n", "abc"));
    }

    #[test]
    fn refusals_say_what_to_do() {
        let sudo = settings("sudo", true, None);
        let sudo = Become::new(&sudo).unwrap();
        let told = |code: u32, text: &str, answered: bool| match sudo.refusal(Some(&Exit::Code(code)), text, answered) {
            Refusal::Final(error) => format!("{error} | {}", error.hint().unwrap_or_default()),
            Refusal::NeedsTerminal => "terminal".to_owned(),
        };
        assert!(
            told(1, "Sorry, try again.\nsudo: no password was provided", true).starts_with("Incorrect sudo password")
        );
        assert!(
            told(1, "sudo: a password is required", false).starts_with("Missing sudo password | give it with `-K`")
        );
        assert!(told(1, "joe is not in the sudoers file.", true).contains("/etc/sudoers.d"));
        assert!(told(127, "sh: sudo: not found", false).starts_with("sudo is not installed on the host"));
        assert!(told(1, "sudo: unknown user: o'neil", false).starts_with("there is no user o'neil"));
        assert_eq!(told(1, "sudo: sorry, you must have a tty to run sudo", false), "terminal");
        assert!(told(3, "", false).contains("exit code 3"));
    }
}

//! `user`: user accounts.
//!
//! The present state is read from `/etc/passwd`, `/etc/group` and `/etc/shadow`; `useradd`, `usermod`, `userdel`,
//! `chage` and `chpasswd` make the changes. Password hashes travel by pipe, never on a command line.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::account::{self, User};
use crate::argument::Secret;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;
use crate::program::find_program;
use crate::{arguments, choices};

choices! {
    /// Whether the account is to exist.
    pub enum State { Absent = "absent", Present = "present" }
}

choices! {
    /// When a password is set.
    pub enum UpdatePassword { Always = "always", OnCreate = "on_create" }
}

arguments! {
    /// Manage user accounts.
    pub struct Arguments {
        /// The account's name.
        name | user: String,
        /// Its number.
        uid: Option<u32>,
        /// The comment field, often the person's full name.
        comment: Option<String>,
        /// Accepted for macOS; without effect here.
        hidden: Option<bool>,
        /// Allow a number that another account has.
        non_unique: bool = false,
        /// SELinux user.
        seuser: Option<String>,
        /// Primary group, by name or number.
        group: Option<String>,
        /// Supplementary groups; an empty list removes the account from all.
        groups: Option<Vec<String>>,
        /// Only add to `groups`, and remove from none.
        append: bool = false,
        /// Login shell.
        shell: Option<PathBuf>,
        /// Home directory.
        home: Option<PathBuf>,
        /// Directory whose content a new home directory gets.
        skeleton: Option<String>,
        /// The password's hash, as crypt(3) makes it.
        password: Option<Secret>,
        /// Whether the account is to exist.
        state: State = State::Present,
        /// Create the home directory with the account.
        create_home | createhome: bool = true,
        /// Move the content of the home directory when `home` changes.
        move_home: bool = false,
        /// Make it a system account; only when it is created.
        system: bool = false,
        /// Remove it although it is logged in.
        force: bool = false,
        /// Remove its home directory and mail with it.
        remove: bool = false,
        /// Accepted for FreeBSD and OpenBSD; without effect here.
        login_class: Option<String>,
        /// Create an SSH key pair for the account.
        generate_ssh_key: bool = false,
        /// Its size in bits.
        ssh_key_bits: Option<u32>,
        /// Its type.
        ssh_key_type: String = "rsa".to_owned(),
        /// Where it goes; relative to the home directory.
        ssh_key_file: Option<PathBuf>,
        /// Its comment.
        ssh_key_comment: Option<String>,
        /// Its passphrase.
        ssh_key_passphrase: Option<Secret>,
        /// Set the password always, or only when the account is created.
        update_password: UpdatePassword = UpdatePassword::Always,
        /// When the account expires, in seconds since 1970; negative for never.
        expires: Option<f64>,
        /// Lock or unlock the password.
        password_lock: Option<bool>,
        /// Look at the local files alone.
        local: bool = false,
        /// Accepted for Solaris; without effect here.
        profile: Option<String>,
        /// Accepted for Solaris; without effect here.
        authorization: Option<String>,
        /// Accepted for Solaris; without effect here.
        role: Option<String>,
        /// Days after which the password must be changed.
        password_expire_max: Option<i64>,
        /// Days before which it may not be changed.
        password_expire_min: Option<i64>,
        /// Days of warning before it expires.
        password_expire_warn: Option<i64>,
        /// Days after its expiry until the account is disabled.
        password_expire_account_disable: Option<i64>,
        /// Mask for a new home directory's permissions.
        umask: Option<String>,
        /// Lowest number to choose from.
        uid_min: Option<u32>,
        /// Highest number to choose from.
        uid_max: Option<u32>,
    }
}

/// Bring the account to its state.
///
/// # Errors
/// A group does not exist, or the tools refuse.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let account = Account { arguments: &arguments, context };
    match (arguments.state, account.find()) {
        (State::Absent, None) => Ok(Outcome::unchanged().with("name", arguments.name.as_str()).with("state", "absent")),
        (State::Absent, Some(_)) => account.remove(),
        (State::Present, None) => account.create(),
        (State::Present, Some(user)) => account.modify(&user),
    }
}

/// The fields of `/etc/shadow` for one account; none where it cannot be read.
fn shadow(name: &str) -> Option<Vec<String>> {
    let text = std::fs::read_to_string("/etc/shadow").ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    Some(line.split(':').map(str::to_owned).collect())
}

struct Account<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
}

impl Account<'_> {
    fn name(&self) -> &str {
        &self.arguments.name
    }

    fn find(&self) -> Option<User> {
        if self.arguments.local {
            account::users().into_iter().find(|user| user.name == self.name())
        } else {
            account::user_by_name(self.name())
        }
    }

    /// A group by name or number.
    fn group(text: &str) -> Result<account::Group, Failure> {
        account::group_by_name(text)
            .or_else(|| text.parse().ok().and_then(account::group_by_id))
            .ok_or_else(|| Failure::new(format!("Group {text} does not exist")))
    }

    /// The supplementary groups that are asked for, as names.
    fn wanted_groups(&self) -> Result<Option<Vec<String>>, Failure> {
        let Some(groups) = &self.arguments.groups else { return Ok(None) };
        let mut names = Vec::new();
        for group in groups.iter().map(|group| group.trim()).filter(|group| !group.is_empty()) {
            let name = Self::group(group)?.name;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(Some(names))
    }

    fn do_run(&self, command: Command, attempt: &str, said: &mut Said) -> Result<(), Failure> {
        let output = command.run_or_fail(&format!("could not {attempt} {}", self.name()), self.context)?;
        said.stdout.push_str(&output.stdout());
        said.stderr.push_str(&output.stderr());
        Ok(())
    }

    fn remove(&self) -> Result<Outcome, Failure> {
        if self.context.check() {
            return Ok(Outcome::new(true));
        }
        let mut said = Said::default();
        let command = match find_program("userdel", self.context) {
            Some(program) => {
                let mut command = Command::new(program);
                if self.arguments.force && !self.arguments.local {
                    command = command.arg("-f");
                }
                if self.arguments.remove {
                    command = command.arg("-r");
                }
                command
            }
            None if self.arguments.remove => Command::new("deluser").arg("--remove-home"),
            None => Command::new("deluser"),
        };
        self.do_run(command.arg(self.name()), "remove the user", &mut said)?;
        Ok(said.add(
            Outcome::new(true)
                .with("force", self.arguments.force)
                .with("name", self.name())
                .with("remove", self.arguments.remove)
                .with("state", "absent"),
        ))
    }

    fn create(&self) -> Result<Outcome, Failure> {
        let arguments = self.arguments;
        if self.context.check() {
            // Its groups may be what an earlier task would have made.
            return Ok(Outcome::new(true));
        }
        let primary = arguments.group.as_deref().map(Self::group).transpose()?;
        let groups = self.wanted_groups()?;
        let mut said = Said::default();
        if let Some(program) = find_program("useradd", self.context) {
            let mut command = Command::new(program);
            let mut add = |words: &[&str]| command = command.clone().args(words.iter().copied());
            if let Some(uid) = arguments.uid {
                add(&["-u", &uid.to_string()]);
                if arguments.non_unique {
                    add(&["-o"]);
                }
            }
            match &primary {
                Some(group) => add(&["-g", &group.name]),
                // A group of that name that is there already becomes the primary one.
                None if account::group_by_name(self.name()).is_some() => add(&["-g", self.name()]),
                None => {}
            }
            if let Some(groups) = groups.as_ref().filter(|groups| !groups.is_empty()) {
                add(&["-G", &groups.join(",")]);
            }
            if let Some(comment) = &arguments.comment {
                add(&["-c", comment]);
            }
            if let Some(home) = &arguments.home {
                add(&["-d", &home.to_string_lossy()]);
            }
            if let Some(shell) = &arguments.shell {
                add(&["-s", &shell.to_string_lossy()]);
            }
            if let Some(seuser) = &arguments.seuser {
                add(&["-Z", seuser]);
            }
            if let Some(expires) = arguments.expires {
                add(&["-e", &expiry(expires).map(date).unwrap_or_default()]);
            }
            if let Some(days) = arguments.password_expire_account_disable {
                add(&["-f", &days.to_string()]);
            }
            if arguments.create_home {
                add(&["-m"]);
                if let Some(skeleton) = &arguments.skeleton {
                    add(&["-k", skeleton]);
                }
                if let Some(umask) = &arguments.umask {
                    add(&["-K", &format!("UMASK={umask}")]);
                }
            } else {
                add(&["-M"]);
            }
            for (key, value) in [("UID_MIN", arguments.uid_min), ("UID_MAX", arguments.uid_max)] {
                if let Some(value) = value {
                    add(&["-K", &format!("{key}={value}")]);
                }
            }
            if arguments.system {
                add(&["-r"]);
            }
            self.do_run(command.arg(self.name()), "add the user", &mut said)?;
        } else {
            let mut command = Command::new("adduser").arg("-D");
            let mut add = |words: &[&str]| command = command.clone().args(words.iter().copied());
            if let Some(uid) = arguments.uid {
                add(&["-u", &uid.to_string()]);
            }
            if let Some(group) = &primary {
                add(&["-G", &group.name]);
            }
            if let Some(comment) = &arguments.comment {
                add(&["-g", comment]);
            }
            if let Some(home) = &arguments.home {
                add(&["-h", &home.to_string_lossy()]);
            }
            if let Some(shell) = &arguments.shell {
                add(&["-s", &shell.to_string_lossy()]);
            }
            if !arguments.create_home {
                add(&["-H"]);
            }
            if arguments.system {
                add(&["-S"]);
            }
            self.do_run(command.arg(self.name()), "add the user", &mut said)?;
            for group in groups.iter().flatten() {
                self.do_run(
                    Command::new("addgroup").arg(self.name()).arg(group),
                    "add to a group the user",
                    &mut said,
                )?;
            }
        }
        if let Some(password) = &arguments.password {
            self.set_password(password.expose(), arguments.password_lock == Some(true), &mut said)?;
        }
        self.set_ages(&mut said)?;
        let user = self
            .find()
            .ok_or_else(|| Failure::new(format!("the user {} was added but cannot be found", self.name())))?;
        let mut outcome =
            Outcome::new(true).with("create_home", arguments.create_home).with("system", arguments.system);
        outcome = self.describe(outcome, &user, groups.as_deref());
        outcome = self.ssh_key(&user, outcome)?;
        Ok(said.add(outcome))
    }

    fn modify(&self, user: &User) -> Result<Outcome, Failure> {
        let arguments = self.arguments;
        let check = self.context.check();
        let shadow = shadow(self.name());
        let mut words: Vec<String> = Vec::new();
        let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
        if let Some(uid) = arguments.uid.filter(|uid| *uid != user.uid) {
            add("-u", uid.to_string());
            if arguments.non_unique {
                words.push("-o".to_owned());
            }
        }
        let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
        let primary = arguments.group.as_deref().map(Self::group).transpose()?;
        if let Some(group) = primary.as_ref().filter(|group| group.gid != user.gid) {
            add("-g", group.gid.to_string());
        }
        let wanted = self.wanted_groups()?;
        if let Some(wanted) = &wanted {
            let own = primary.as_ref().map_or(user.gid, |group| group.gid);
            let current: Vec<String> = account::groups()
                .into_iter()
                .filter(|group| group.members.contains(&user.name))
                .filter(|group| group.gid != own || wanted.contains(&group.name))
                .map(|group| group.name)
                .collect();
            let missing = wanted
                .iter()
                .any(|name| !current.contains(name) && Self::group(name).is_ok_and(|group| group.gid != own));
            let extra = current.iter().any(|name| !wanted.contains(name));
            if arguments.append {
                if missing {
                    words.push("-a".to_owned());
                    words.extend(["-G".to_owned(), wanted.join(",")]);
                }
            } else if missing || extra {
                words.extend(["-G".to_owned(), wanted.join(",")]);
            }
        }
        let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
        if let Some(comment) = arguments.comment.as_ref().filter(|comment| **comment != user.gecos) {
            add("-c", comment.clone());
        }
        if let Some(home) = arguments.home.as_ref().filter(|home| Path::new(&user.home) != home.as_path()) {
            add("-d", home.to_string_lossy().into_owned());
            if arguments.move_home {
                words.push("-m".to_owned());
            }
        }
        let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
        if let Some(shell) = arguments.shell.as_ref().filter(|shell| shell.as_os_str() != user.shell.as_str()) {
            add("-s", shell.display().to_string());
        }
        let field =
            |index: usize| shadow.as_ref().and_then(|fields| fields.get(index)).map(String::as_str).unwrap_or_default();
        if let Some(expires) = arguments.expires {
            let present = field(7).parse::<i64>().ok().filter(|days| *days >= 0);
            let wanted = expiry(expires);
            if present != wanted {
                add("-e", wanted.map(date).unwrap_or_default());
            }
        }
        let present = field(1).to_owned();
        let password = arguments.password.as_ref().filter(|password| {
            arguments.update_password == UpdatePassword::Always
                && present.trim_start_matches('!') != password.expose().trim_start_matches('!')
        });
        match arguments.password_lock {
            Some(true) if !present.starts_with('!') && password.is_none() => words.push("-L".to_owned()),
            // usermod refuses to unlock what would then have no password.
            Some(false) if present.starts_with('!') && password.is_none() && present.len() > 1 => {
                words.push("-U".to_owned())
            }
            _ => {}
        }
        let mut changed = !words.is_empty() || password.is_some();
        let mut said = Said::default();
        if !check {
            if !words.is_empty() {
                if find_program("usermod", self.context).is_none() {
                    return Err(Failure::new(format!(
                        "could not change the user {}: this host has no usermod; install its `shadow` package",
                        self.name()
                    )));
                }
                self.do_run(Command::new("usermod").args(words).arg(self.name()), "change the user", &mut said)?;
            }
            if let Some(password) = password {
                self.set_password(password.expose(), arguments.password_lock == Some(true), &mut said)?;
            }
        }
        changed |= self.set_ages(&mut said)?;
        let user = if check { user.clone() } else { self.find().unwrap_or_else(|| user.clone()) };
        let mut outcome = Outcome::new(changed).with("append", arguments.append).with("move_home", arguments.move_home);
        outcome = self.describe(outcome, &user, wanted.as_deref());
        outcome = self.ssh_key(&user, outcome)?;
        Ok(said.add(outcome))
    }

    fn describe(&self, outcome: Outcome, user: &User, groups: Option<&[String]>) -> Outcome {
        let mut outcome = outcome
            .with("comment", user.gecos.as_str())
            .with("group", user.gid)
            .with("home", user.home.as_str())
            .with("name", self.name())
            .with("shell", user.shell.as_str())
            .with("state", "present")
            .with("uid", user.uid);
        if let Some(groups) = groups {
            outcome = outcome.with("groups", groups.join(","));
        }
        if let Some(password) = &self.arguments.password {
            outcome = outcome.with("password", "NOT_LOGGING_PASSWORD");
            let text = password.expose();
            // Whoever writes a plain password here would never be able to log in with it.
            let hashed = matches!(text, "" | "*" | "!" | "x" | "*************")
                || text.trim_start_matches('!').is_empty()
                || (text.trim_start_matches('!').starts_with(['$', '_']) && text.len() > 12)
                || text.len() == 13;
            if !hashed {
                outcome = outcome.with(
                    "warnings",
                    vec!["The input password appears not to have been hashed. The 'password' argument must be encrypted for this module to work properly."],
                );
            }
        }
        outcome
    }

    fn set_password(&self, hash: &str, lock: bool, said: &mut Said) -> Result<(), Failure> {
        if hash.contains(['\n', ':']) || self.name().contains([':', '\n']) {
            return Err(Failure::new("the password hash holds a colon or a newline, which /etc/shadow cannot store"));
        }
        let bang = if lock && !hash.starts_with('!') { "!" } else { "" };
        let line = format!("{}:{bang}{hash}\n", self.name());
        self.do_run(Command::new("chpasswd").arg("-e").stdin(line), "set the password of the user", said)
    }

    /// Password ages, from `chage`; whether something changed, or would.
    fn set_ages(&self, said: &mut Said) -> Result<bool, Failure> {
        let arguments = self.arguments;
        let fields = shadow(self.name()).unwrap_or_default();
        let mut words = Vec::new();
        for (option, wanted, index) in [
            ("-M", arguments.password_expire_max, 4),
            ("-m", arguments.password_expire_min, 3),
            ("-W", arguments.password_expire_warn, 5),
            ("-I", arguments.password_expire_account_disable, 6),
        ] {
            let Some(wanted) = wanted else { continue };
            let present = fields.get(index).and_then(|field| field.parse::<i64>().ok()).unwrap_or(-1);
            if present != wanted {
                words.extend([option.to_owned(), wanted.to_string()]);
            }
        }
        if words.is_empty() {
            return Ok(false);
        }
        if !self.context.check() {
            self.do_run(Command::new("chage").args(words).arg(self.name()), "set the password ages of the user", said)?;
        }
        Ok(true)
    }

    fn ssh_key(&self, user: &User, mut outcome: Outcome) -> Result<Outcome, Failure> {
        let arguments = self.arguments;
        if !arguments.generate_ssh_key {
            return Ok(outcome);
        }
        let home = Path::new(&user.home);
        let file = match &arguments.ssh_key_file {
            Some(file) => home.join(file),
            None => home.join(".ssh").join(format!("id_{}", arguments.ssh_key_type)),
        };
        let public = PathBuf::from(format!("{}.pub", file.display()));
        if file.exists() && !arguments.force {
            let text = format!(
                "Found existing ssh key private file \"{}\", no force, so skipping ssh-keygen generation",
                file.display()
            );
            outcome = outcome.with("warnings", vec![text]);
        } else {
            outcome.changed = true;
            if self.context.check() {
                let file = file.to_string_lossy().into_owned();
                let outcome = outcome.with("ssh_fingerprint", "").with("ssh_key_file", file);
                return Ok(outcome.with("ssh_public_key", rprov_wire::Value::Null));
            }
            if !home.is_dir() {
                return Err(Failure::new(format!(
                    "User {}'s home directory {} does not exist: cannot create an SSH key in it",
                    user.name, user.home
                )));
            }
            let directory = file.parent().unwrap_or(home);
            if !directory.exists() {
                std::fs::create_dir_all(directory)
                    .and_then(|()| std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700)))
                    .and_then(|()| chown(directory, Some(user.uid), Some(user.gid)))
                    .map_err(|error| Failure::io("create", directory, error))?;
            }
            if file.exists() {
                std::fs::remove_file(&file).map_err(|error| Failure::io("remove", &file, error))?;
            }
            let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
            let comment = arguments.ssh_key_comment.clone().unwrap_or_else(|| format!("ansible-generated on {node}"));
            let mut command = Command::new("ssh-keygen").args(["-q", "-t", &arguments.ssh_key_type, "-C", &comment]);
            if let Some(bits) = arguments.ssh_key_bits {
                command = command.args(["-b".to_owned(), bits.to_string()]);
            }
            command = command.arg("-f").arg(file.as_os_str());
            let asker;
            match &arguments.ssh_key_passphrase {
                None => command = command.args(["-N", ""]),
                Some(passphrase) => {
                    // A passphrase after -N would be there for every user's `ps` to see.
                    asker = tempfile::Builder::new()
                        .prefix("rprov-askpass-")
                        .permissions(std::fs::Permissions::from_mode(0o700))
                        .tempdir()
                        .map_err(|error| Failure::io("create a directory in", std::env::temp_dir(), error))?;
                    let script = asker.path().join("askpass");
                    std::fs::write(&script, "#!/bin/sh\nprintf '%s\\n' \"$RPROV_PASSPHRASE\"\n")
                        .and_then(|()| std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)))
                        .map_err(|error| Failure::io("write", &script, error))?;
                    command = command
                        .env("SSH_ASKPASS", script.as_os_str())
                        .env("SSH_ASKPASS_REQUIRE", "force")
                        .env("DISPLAY", "none")
                        .env("RPROV_PASSPHRASE", passphrase.expose());
                }
            }
            command.run_or_fail(&format!("could not create an SSH key for {}", user.name), self.context)?;
            for path in [&file, &public] {
                chown(path, Some(user.uid), Some(user.gid))
                    .map_err(|error| Failure::io("change the owner of", path, error))?;
            }
        }
        if let Ok(output) = Command::new("ssh-keygen").args(["-l", "-f"]).arg(file.as_os_str()).run(self.context) {
            let text = if output.success() { output.stdout() } else { output.stderr() };
            outcome = outcome.with("ssh_fingerprint", text.trim());
        }
        outcome = outcome.with("ssh_key_file", file.to_string_lossy().into_owned());
        if let Some(text) = crate::fact::content(&public) {
            outcome = outcome.with("ssh_public_key", text);
        }
        Ok(outcome)
    }
}

/// What the tools printed.
#[derive(Default)]
struct Said {
    stdout: String,
    stderr: String,
}

impl Said {
    fn add(self, mut outcome: Outcome) -> Outcome {
        for (name, text) in [("stdout", self.stdout), ("stderr", self.stderr)] {
            if !text.is_empty() {
                outcome = outcome.with(name, text);
            }
        }
        outcome
    }
}

/// The day on which an account expires, counted from 1970; none for never.
fn expiry(seconds: f64) -> Option<i64> {
    (seconds >= 0.0).then(|| (seconds / 86_400.0).floor() as i64)
}

fn date(days: i64) -> String {
    jiff::civil::date(1970, 1, 1)
        .checked_add(jiff::Span::new().try_days(days).unwrap_or_default())
        .map(|date| date.to_string())
        .unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_dates() {
        assert_eq!(expiry(1_422_403_387.0).map(date).unwrap(), "2015-01-28");
        assert_eq!(expiry(-1.0), None);
    }
}

#[cfg(all(test, feature = "system-tests"))]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod system_tests {
    use super::*;
    use crate::context::{Cancel, Detached};
    use rprov_wire::{Map, Options, Value};

    fn call(module: &str, arguments: serde_json::Value, check: bool) -> Map {
        let Value::Map(map) = Value::from_json(&arguments) else { panic!("not a map") };
        let options = Options { check, ..Options::default() };
        let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
        match crate::registry::entry(module).unwrap()(&map, &context) {
            Ok(outcome) => outcome.into_map(false),
            Err(failure) => panic!("{failure} {:?}", failure.values),
        }
    }

    fn changed(map: &Map) -> bool {
        map.get("changed") == Some(&Value::Bool(true))
    }

    #[test]
    fn an_account_and_its_group_come_change_and_go() {
        use serde_json::json;
        assert!(rustix::process::geteuid().is_root(), "this test needs root");
        for (module, name) in [("user", "rprovtestuser"), ("group", "rprovtestgroup")] {
            call(module, json!({"name": name, "state": "absent"}), false);
        }
        let group = json!({"name": "rprovtestgroup", "gid": 59_123});
        assert!(changed(&call("group", group.clone(), true)));
        assert!(changed(&call("group", group.clone(), false)));
        assert!(!changed(&call("group", group, false)));
        let user = json!({
            "name": "rprovtestuser", "groups": ["rprovtestgroup"], "comment": "A b", "shell": "/bin/false",
            "password": "$6$abcdefgh$0123456789", "expires": 1_422_403_387, "password_expire_max": 90,
        });
        assert!(changed(&call("user", user.clone(), true)));
        assert!(account::user_by_name("rprovtestuser").is_none());
        let first = call("user", user.clone(), false);
        assert_eq!(first.get("groups").unwrap().as_str(), Some("rprovtestgroup"));
        let second = call("user", user, false);
        assert!(!changed(&second), "{second:?}");
        assert_eq!(shadow("rprovtestuser").unwrap().get(1).unwrap(), "$6$abcdefgh$0123456789");
        let key = json!({"name": "rprovtestuser", "generate_ssh_key": true, "ssh_key_type": "ed25519"});
        let with_key = call("user", key.clone(), false);
        assert!(
            changed(&with_key) && with_key.get("ssh_public_key").unwrap().as_str().unwrap().starts_with("ssh-ed25519 ")
        );
        assert!(!changed(&call("user", key, false)));
        let none = json!({"name": "rprovtestuser", "groups": [], "password_lock": true});
        assert!(changed(&call("user", none.clone(), true)) && changed(&call("user", none.clone(), false)));
        assert!(!changed(&call("user", none, false)));
        let gone = json!({"name": "rprovtestuser", "state": "absent", "remove": true});
        assert!(changed(&call("user", gone.clone(), false)) && !changed(&call("user", gone, false)));
        assert!(!Path::new("/home/rprovtestuser").exists());
        assert!(changed(&call("group", json!({"name": "rprovtestgroup", "state": "absent"}), false)));
    }
}

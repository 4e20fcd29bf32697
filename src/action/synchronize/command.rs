//! The options of `synchronize`, and rsync's command line that they stand for.

use std::path::PathBuf;

use rprov_modules::{arguments, choices};

use super::places::Places;
use super::server::Expected;
use crate::action::call::Stop;
use crate::template::filter::text::shell_quote;

choices! {
    /// Which way the files go.
    pub enum Mode { Pull = "pull", Push = "push" }
}

arguments! {
    /// A wrapper around rsync to make common tasks in your playbooks quick and easy.
    pub struct Arguments {
        /// Path that is copied, on the source host; with a slash at its end, what is in it.
        src: PathBuf,
        /// Path that it is copied to, on the destination host.
        dest: PathBuf,
        /// Not used: files go by the connection of the task.
        dest_port: Option<i64>,
        /// Which way: `push` to the task's host, `pull` from it.
        mode: Mode = Mode::Push,
        /// Keep what can be kept: recursive, links, perms, times, owner, group, devices.
        archive: bool = true,
        /// Tell by checksums what differs, not by size and time.
        checksum: bool = false,
        /// Compress on the way.
        compress: bool = true,
        /// Make no new files.
        existing_only: bool = false,
        /// Delete what the source does not have.
        delete: bool = false,
        /// Directories without what is in them.
        dirs: bool = false,
        /// Directories with what is in them; as `archive` where it is not given.
        recursive: Option<bool>,
        /// Keep symbolic links; as `archive` where it is not given.
        links: Option<bool>,
        /// Copy what symbolic links lead to.
        copy_links: bool = false,
        /// Keep permissions; as `archive` where it is not given.
        perms: Option<bool>,
        /// Keep times; as `archive` where it is not given.
        times: Option<bool>,
        /// Keep owners; as `archive` where it is not given.
        owner: Option<bool>,
        /// Keep groups; as `archive` where it is not given.
        group: Option<bool>,
        /// The program on the task's own host; then the user is not changed there.
        rsync_path: Option<String>,
        /// Seconds without data after which rsync gives up; 0 for never.
        rsync_timeout: i64 = 0,
        /// Show the user before the remote path.
        set_remote_user: bool = true,
        /// Not used: there is one connection for the whole run.
        ssh_connection_multiplexing: bool = false,
        /// More options for rsync.
        rsync_opts: Vec<String> = Vec::new(),
        /// Keep files that came in part.
        partial: bool = false,
        /// Not used: the task's connection checks the host's key.
        verify_host: bool = false,
        /// Not used: files go by the connection of the task.
        private_key: Option<PathBuf>,
        /// Make hard links to files below these directories where they are the same.
        link_dest: Option<Vec<PathBuf>>,
        /// Put all files into their places at the end.
        delay_updates: bool = true,
        /// Not used: files go by the connection of the task.
        use_ssh_args: bool = false,
    }
}

/// What stands before the lines that tell of changes.
pub(super) const MARKER: &str = "<<CHANGED>>";

/// What stands between rsync's two streams.
pub(super) const SEPARATOR: &str = "\nrprov: what follows is the standard error of rsync\n";

/// What rsync starts in the place of `ssh`: it says which command is wanted, and passes on the bytes of both directions
/// between rsync and the streams of the shell that runs it. Like `ssh`, it ends when the other side does: rsync waits for
/// that before it closes its own end.
const REMOTE_SHELL: &str = r#"/bin/sh -c 'case $1 in -l) shift 2;; esac; shift; printf "%s\0" "$*" >&4; exec 6<&0; cat <&6 >&4 3<&- 2>/dev/null & exec cat <&3 4>&- 6<&-' rprov"#;

/// rsync itself, as it is started.
#[derive(Debug)]
pub(super) struct Client<'a> {
    pub(super) program: String,
    pub(super) words: Vec<String>,
    /// The shell is to say what `~` means at the beginning of a path.
    pub(super) tilde: bool,
    /// There is another side.
    pub(super) bridged: bool,
    pub(super) environment: &'a [(String, String)],
}

impl Client<'_> {
    /// The command for people to read, and to try by hand.
    pub(super) fn shown(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.words);
        words.map(|word| shell_quote(word)).collect::<Vec<_>>().join(" ")
    }

    /// What a shell has to run. Its standard input and output are the way to the other side; standard error gets rsync's
    /// standard output first and then, behind [`SEPARATOR`], its standard error.
    pub(super) fn script(&self) -> String {
        let mut script = "exec 3<&0 4>&1 5>&2\n".to_owned();
        for (name, value) in self.environment {
            // A name that is none for a shell could be anything else to it.
            if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                script += &format!("export {name}={}\n", shell_quote(value));
            }
        }
        let mut words = vec![shell_quote(&self.program)];
        if self.bridged {
            script += &format!("RSYNC_RSH={}; export RSYNC_RSH\n", shell_quote(REMOTE_SHELL));
            // `ssh` can write to what does not block; `cat` cannot.
            words.push("--blocking-io".to_owned());
        }
        words.extend(self.words.iter().map(|word| self.word(word)));
        script
            + &format!(
                "e=$({} 2>&1 >&5 5>&- </dev/null)\nc=$?\nprintf %s%s {} \"$e\" >&5\nexit $c",
                words.join(" "),
                shell_quote(SEPARATOR),
            )
    }

    fn word(&self, word: &str) -> String {
        if !self.tilde || !word.starts_with('~') {
            return shell_quote(word);
        }
        let (user, rest) = word.split_at(word.find('/').unwrap_or(word.len()));
        match user.chars().skip(1).all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            // The slash belongs to what the shell reads, and must not be quoted.
            true => match rest.strip_prefix('/').filter(|rest| !rest.is_empty()) {
                Some(rest) => format!("{user}/{}", shell_quote(rest)),
                None => format!("{user}{rest}"),
            },
            false => shell_quote(word),
        }
    }
}

impl Arguments {
    /// rsync's arguments, in the order in which Ansible gives them.
    pub(super) fn words(&self, places: &Places, check: bool) -> Result<Vec<String>, Stop> {
        let mut words = Vec::new();
        let mut say = |wanted: bool, word: &str| {
            if wanted {
                words.push(word.to_owned());
            }
        };
        say(self.delay_updates, "--delay-updates");
        say(self.delay_updates, "-F");
        say(self.compress, "--compress");
        say(check, "--dry-run");
        say(self.rsync_timeout != 0, &format!("--timeout={}", self.rsync_timeout));
        say(self.delete, "--delete-after");
        say(self.existing_only, "--existing");
        say(self.checksum, "--checksum");
        say(self.copy_links, "--copy-links");
        say(self.archive, "--archive");
        for (wanted, name) in [
            (self.recursive, "recursive"),
            (self.links, "links"),
            (self.perms, "perms"),
            (self.times, "times"),
            (self.owner, "owner"),
            (self.group, "group"),
        ] {
            match (self.archive, wanted) {
                (true, Some(false)) => say(true, &format!("--no-{name}")),
                (false, Some(true)) => say(true, &format!("--{name}")),
                _ => {}
            }
        }
        say(self.dirs, "--dirs");
        if let Some(path) = &self.rsync_path {
            say(true, &format!("--rsync-path={path}"));
        }
        for option in &self.rsync_opts {
            say(true, option);
        }
        say(self.partial, "--partial");
        if !self.link_dest().is_empty() {
            // Without these it tells nothing of what is linked.
            say(true, "-H");
            say(true, "-vv");
        }
        for path in self.link_dest() {
            if std::path::Path::new(path).strip_prefix(places.src.trim_end_matches('/')).is_ok() {
                return Err(Stop::failed(format!(
                    "Hard linking into a subdirectory of the source would cause recursion. {} and {}",
                    places.dest,
                    path.display()
                )));
            }
            let path = match places.on_controller && path.is_relative() {
                true => std::env::current_dir().map(|here| here.join(path)).unwrap_or_else(|_| path.clone()),
                false => path.clone(),
            };
            say(true, &format!("--link-dest={}", path.display()));
        }
        say(true, &format!("--out-format={MARKER}%i %n%L"));
        words.extend([places.src.clone(), places.dest.clone()]);
        Ok(words)
    }

    fn link_dest(&self) -> &[PathBuf] {
        self.link_dest.as_deref().unwrap_or_default()
    }

    /// What a delegate may ask of the task's own host.
    pub(super) fn expected(&self, places: &Places) -> Expected {
        let links = self.link_dest().iter().map(|path| path.display().to_string());
        Expected {
            program: self.rsync_path.clone().unwrap_or_else(|| "rsync".to_owned()),
            sends: self.mode == Mode::Pull,
            path: places.there.clone(),
            // What the task's own options for rsync mean is not looked into.
            follows: self.copy_links || !self.rsync_opts.is_empty(),
            deletes: self.delete || !self.rsync_opts.is_empty(),
            options: self.rsync_opts.iter().cloned().chain(links).collect(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use rprov_modules::Arguments as _;
    use rprov_wire::Value;

    fn words(arguments: serde_json::Value, check: bool) -> Result<String, String> {
        let mut all = serde_json::json!({"src": "/s", "dest": "/d"});
        all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
        let Value::Map(all) = Value::from_json(&all) else { panic!("arguments are a dictionary") };
        let places = Places {
            src: "/s".into(),
            dest: "bob@h:/d x".into(),
            there: "/d x".into(),
            on_controller: true,
            is_bridged: true,
            has_daemon: false,
        };
        let words = Arguments::decode(&all).unwrap().words(&places, check);
        let words = words.map_err(|stop| stop.into_result()["msg"].to_string())?;
        let client = Client { program: "rsync".into(), words, tilde: false, bridged: true, environment: &[] };
        Ok(client.shown())
    }

    #[test]
    fn the_command_line_is_ansibles() {
        use serde_json::json;
        let end = "'--out-format=<<CHANGED>>%i %n%L' /s 'bob@h:/d x'";
        for (arguments, check, expected) in [
            (json!({}), false, "--delay-updates -F --compress --archive"),
            (json!({"archive": false}), true, "--delay-updates -F --compress --dry-run"),
            (
                json!({"archive": false, "recursive": true, "links": true, "perms": true, "times": true, "owner": true,
                    "group": true, "checksum": true, "compress": false, "delay_updates": false, "existing_only": true,
                    "dirs": true, "copy_links": true, "partial": true, "rsync_timeout": 7, "delete": true}),
                false,
                "--timeout=7 --delete-after --existing --checksum --copy-links --recursive --links --perms --times \
                 --owner --group --dirs --partial",
            ),
            (
                json!({"recursive": false, "links": false, "perms": false, "times": false, "owner": false, "group": false}),
                false,
                "--delay-updates -F --compress --archive --no-recursive --no-links --no-perms --no-times --no-owner --no-group",
            ),
            (
                json!({"rsync_opts": ["--exclude=.git", "--foo=a b"], "link_dest": ["/l"], "rsync_path": "su -c rsync"}),
                false,
                "--delay-updates -F --compress --archive '--rsync-path=su -c rsync' --exclude=.git '--foo=a b' -H -vv \
                 --link-dest=/l",
            ),
        ] {
            assert_eq!(words(arguments, check).unwrap(), format!("rsync {expected} {end}"));
        }
        assert!(words(json!({"link_dest": ["/s/below"]}), false).unwrap_err().contains("would cause recursion"));
        assert!(words(json!({"link_dest": ["/s2"]}), false).is_ok());
    }

    #[test]
    fn a_delegates_home_is_for_its_shell_to_say() {
        let client =
            Client { program: "rsync".into(), words: Vec::new(), tilde: true, bridged: true, environment: &[] };
        assert_eq!(client.word("~/a b"), "~/'a b'");
        assert_eq!(client.word("~/"), "~/");
        assert_eq!(client.word("~bob/x"), "~bob/x");
        assert_eq!(client.word("~$(id)/x"), "'~$(id)/x'");
    }
}

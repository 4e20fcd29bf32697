//! `supervisorctl`: programs that supervisord keeps running.

use std::io::Write;
use std::path::{Path, PathBuf};

use rprov_modules::argument::{Rule, Secret};
use rprov_modules::process::{Command, Output};
use rprov_modules::{Context, Failure, Outcome, arguments, choices};

/// Where supervisorctl looks for its configuration.
const CONFIGURATIONS: [&str; 2] = ["/etc/supervisord.conf", "/etc/supervisor/supervisord.conf"];

choices! {
    /// What the programs are to be.
    pub enum State {
        Present = "present",
        Started = "started",
        Stopped = "stopped",
        Restarted = "restarted",
        Absent = "absent",
        Signalled = "signalled",
    }
}

arguments! {
    /// Manage the state of a program or group of programs running via supervisord.
    pub struct Arguments {
        /// The program, or the group if a colon is at the end, or `all`.
        name: String,
        /// The configuration of supervisord.
        config: Option<PathBuf>,
        /// Where supervisord listens.
        server_url: Option<String>,
        /// Who asks.
        username: Option<String>,
        /// With which password.
        password: Option<Secret>,
        /// What it is to be.
        state: State,
        /// Stop it before it is removed.
        stop_before_removing: bool = false,
        /// The signal to send.
        signal: Option<String>,
        /// The program `supervisorctl`.
        supervisorctl_path: Option<PathBuf>,
    }
    rules: [Rule::If("state", "signalled", &["signal"])]
}

struct Task<'a, 'b> {
    arguments: &'a Arguments,
    context: &'a Context<'b>,
    /// The configuration with the password, which is gone with the task.
    login: Option<tempfile::NamedTempFile>,
}

/// A program as `status` tells it.
struct Process {
    name: String,
    status: String,
}

impl Process {
    fn runs(&self) -> bool {
        matches!(self.status.as_str(), "RUNNING" | "STARTING")
    }
}

/// Bring the programs to their state.
///
/// # Errors
/// supervisord does not run or refuses, there is no such program, or it does not start or stop.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    for (option, value) in [("name", Some(&arguments.name)), ("signal", arguments.signal.as_ref())] {
        if value.is_some_and(|value| value.is_empty() || value.starts_with('-') || value.contains(char::is_whitespace))
        {
            return Err(Failure::new(format!("{option}: it is no name")));
        }
    }
    let login = arguments.password.as_ref().map(|password| login(&arguments, password)).transpose()?;
    let task = Task { arguments: &arguments, context, login };
    let affected = match arguments.state {
        State::Present => task.add()?,
        State::Absent => task.remove()?,
        State::Started => task.act(task.known()?, |process| !process.runs(), &["start"], "started")?,
        State::Stopped => task.act(task.known()?, Process::runs, &["stop"], "stopped")?,
        State::Signalled => {
            let signal = arguments.signal.as_deref().unwrap_or_default();
            task.act(task.known()?, Process::runs, &["signal", signal], "signalled")?
        }
        State::Restarted => {
            if !context.check() {
                let group = task.group().filter(|_| arguments.name.ends_with(':'));
                let words: Vec<&str> = std::iter::once("update").chain(group).collect();
                task.ask(&words)?.or_fail("could not update the configuration of supervisord")?;
            }
            task.act(task.known()?, |_| true, &["restart"], "started")?
        }
    };
    Ok(Outcome::new(!affected.is_empty())
        .with("name", arguments.name.as_str())
        .with("state", arguments.state.word())
        .with("affected", affected))
}

/// A configuration that has the password, for its owner's eyes; a command line is for everybody's.
fn login(arguments: &Arguments, password: &Secret) -> Result<tempfile::NamedTempFile, Failure> {
    let url = match &arguments.server_url {
        Some(url) => url.clone(),
        None => configured(arguments)?,
    };
    let user = arguments.username.as_deref().unwrap_or_default();
    for (option, text) in [("server_url", url.as_str()), ("username", user), ("password", password.expose())] {
        let is_cut =
            text.trim() != text || [" ;", " #", "\t;", "\t#", "\n", "\r"].iter().any(|mark| text.contains(mark));
        if is_cut {
            return Err(Failure::new(format!(
                "{option}: it has line breaks, or space where supervisorctl's configuration can have none"
            )));
        }
    }
    let escaped = |text: &str| text.replace('%', "%%");
    let text = format!(
        "[supervisorctl]\nserverurl={}\nusername={}\npassword={}\n",
        escaped(&url),
        escaped(user),
        escaped(password.expose())
    );
    let failed =
        |error: std::io::Error| Failure::new(format!("could not write a temporary file for the password: {error}"));
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    Ok(file)
}

/// The server that the configuration names.
fn configured(arguments: &Arguments) -> Result<String, Failure> {
    let path = match &arguments.config {
        Some(path) => Some(path.clone()),
        None => CONFIGURATIONS.iter().map(|path| crate::root::at(path)).find(|path| path.exists()),
    };
    let Some(path) = path else { return Ok("http://localhost:9001".to_owned()) };
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::io("read", &path, error))?;
    Ok(server_url(&text, &path).unwrap_or_else(|| "http://localhost:9001".to_owned()))
}

fn server_url(text: &str, path: &Path) -> Option<String> {
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != "[supervisorctl]").skip(1);
    let value = lines.by_ref().take_while(|line| !line.starts_with('[')).find_map(|line| {
        let (key, value) = line.split_once(['=', ':'])?;
        (key.trim() == "serverurl").then(|| value.trim().to_owned())
    })?;
    let value = value.split(" ;").next().unwrap_or_default().trim().to_owned();
    let here = path.parent().map(|here| here.display().to_string()).unwrap_or_default();
    Some(value.replace("%(here)s", &here).replace("%%", "%"))
}

impl Task<'_, '_> {
    fn ask(&self, words: &[&str]) -> Result<Output, Failure> {
        let arguments = self.arguments;
        let program = arguments.supervisorctl_path.clone().unwrap_or_else(|| PathBuf::from("supervisorctl"));
        let mut command = Command::new(program.as_os_str()).plain_locale();
        match &self.login {
            Some(login) => command = command.arg("-c").arg(login.path().as_os_str()),
            None => {
                for (flag, value) in [
                    ("-c", arguments.config.as_ref().map(|path| path.as_os_str())),
                    ("-s", arguments.server_url.as_ref().map(|url| url.as_ref())),
                    ("-u", arguments.username.as_ref().map(|name| name.as_ref())),
                ] {
                    if let Some(value) = value {
                        command = command.arg(flag).arg(value);
                    }
                }
            }
        }
        // It reads a configuration of the present directory as well.
        Ok(command.args(words).current_dir("/").run(self.context)?)
    }

    /// Name of the group or program, as those commands want it that know no colon.
    fn group(&self) -> Option<&str> {
        let name = self.arguments.name.trim_end_matches(':');
        (name != "all").then_some(name)
    }

    /// The programs that are meant.
    fn processes(&self) -> Result<Vec<Process>, Failure> {
        let output = self.ask(&["status"])?;
        let text = output.stdout();
        let mut found = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.split_whitespace();
            let (name, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let is_status = ["STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL", "UNKNOWN"];
            if !is_status.contains(&status) {
                return Err(output.failure("could not ask supervisord for its programs; is it running?"));
            }
            found.push(Process { name: name.to_owned(), status: status.to_owned() });
        }
        // With 3 it says that not all of them run.
        if found.is_empty() && !output.success() {
            return Err(output.failure("could not ask supervisord for its programs"));
        }
        let name = self.arguments.name.as_str();
        found.retain(|process| {
            name == "all"
                || process.name == name
                || (name.ends_with(':') && process.name.starts_with(name))
                || (name.ends_with(':') && format!("{}:", process.name) == name)
        });
        Ok(found)
    }

    fn known(&self) -> Result<Vec<Process>, Failure> {
        let found = self.processes()?;
        if found.is_empty() && self.arguments.name != "all" {
            return Err(Failure::new(format!(
                "{}: ERROR (no such process); `supervisorctl status` names those that there are, and state=present adds \
                 one that the configuration has",
                self.arguments.name
            ))
            .with("name", self.arguments.name.as_str())
            .with("state", self.arguments.state.word()));
        }
        Ok(found)
    }

    fn act(
        &self,
        processes: Vec<Process>,
        is_meant: impl Fn(&Process) -> bool,
        words: &[&str],
        expected: &str,
    ) -> Result<Vec<String>, Failure> {
        let mut affected = Vec::new();
        for process in processes.into_iter().filter(is_meant) {
            if !self.context.check() {
                let output = self.ask(&[words, &[&process.name]].concat())?;
                // A program of a group is told by its own name.
                let own = process.name.rsplit(':').next().unwrap_or_default();
                let is_done = |line: &str| {
                    line.trim() == format!("{}: {expected}", process.name)
                        || line.trim() == format!("{own}: {expected}")
                };
                if !output.stdout().lines().any(is_done) {
                    return Err(output.failure(&format!("could not {} {}", words.join(" "), process.name)));
                }
            }
            affected.push(process.name);
        }
        Ok(affected)
    }

    fn add(&self) -> Result<Vec<String>, Failure> {
        if !self.processes()?.is_empty() {
            return Ok(Vec::new());
        }
        self.apply("add", "added process group")
    }

    fn remove(&self) -> Result<Vec<String>, Failure> {
        let found = self.processes()?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        if self.arguments.stop_before_removing {
            self.act(found, Process::runs, &["stop"], "stopped")?;
        }
        self.apply("remove", "removed process group")
    }

    /// Have the configuration read, and add or remove.
    fn apply(&self, word: &str, expected: &str) -> Result<Vec<String>, Failure> {
        let name = self.group().unwrap_or("all");
        if !self.context.check() {
            self.ask(&["reread"])?.or_fail("supervisord could not read its configuration")?;
            let output = self.ask(&[word, name])?;
            if !output.stdout().contains(expected) {
                return Err(output.failure(&format!("could not {word} {name}")));
            }
        }
        Ok(vec![name.to_owned()])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bench;

    #[test]
    fn the_server_is_read_from_the_configuration() {
        let text =
            "[unix_http_server]\nserverurl=x\n[supervisorctl]\n; c\nserverurl = unix:///%(here)s/a%%b ; d\n[x]\n";
        let url = super::server_url(text, std::path::Path::new("/etc/s.conf"));
        assert_eq!(url.as_deref(), Some("unix:////etc/a%b"));
        assert_eq!(super::server_url("[a]\nserverurl=x", std::path::Path::new("/a")), None);
    }

    /// The password is in no argument, and in a file that only its owner reads.
    #[test]
    fn a_password_is_not_on_the_command_line() {
        let bench = bench();
        bench.program("supervisorctl", "stat -c %a \"$2\" >mode; cat \"$2\" >config; echo 'one RUNNING pid 1'");
        let call = json!({"name": "one", "state": "started", "username": "u", "password": "se%cret", "server_url": "http://x:1"});
        assert_eq!(bench.apply("supervisorctl", call)["changed"].as_bool(), Some(false));
        let calls = bench.calls();
        assert!(calls.len() == 1 && calls[0].starts_with("supervisorctl -c /"), "{calls:?}");
        assert!(calls[0].ends_with(" status") && !calls[0].contains("cret"), "{calls:?}");
        assert_eq!(bench.read("mode").trim(), "600");
        assert_eq!(bench.read("config"), "[supervisorctl]\nserverurl=http://x:1\nusername=u\npassword=se%%cret\n");
    }

    #[test]
    fn wrong_calls_are_refused() {
        let bench = bench();
        let fails = |more: serde_json::Value| {
            let mut arguments = json!({"name": "one", "state": "started"});
            for (name, value) in more.as_object().into_iter().flatten() {
                arguments[name] = value.clone();
            }
            bench.fails("supervisorctl", arguments)
        };
        assert!(fails(json!({"state": "signalled"})).contains("missing: signal"));
        assert!(fails(json!({"name": "--help"})).contains("name: "));
        assert!(fails(json!({"password": "a ;b", "server_url": "x"})).contains("password: "));
        bench.program("supervisorctl", "echo 'unix:///run/s.sock no such file'; exit 4");
        assert!(fails(json!({})).contains("no such file"));
    }
}

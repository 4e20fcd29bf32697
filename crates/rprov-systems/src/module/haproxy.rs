//! `haproxy`: servers behind HAProxy, over its administration socket.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rprov_modules::{Context, Failure, Outcome, arguments, choices};
use rprov_wire::Value;

use crate::socket::Patient;

/// How long the socket may keep silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// More than any answer has.
const LONGEST_ANSWER: u64 = 64 << 20;

choices! {
    /// What the server is to be.
    pub enum State { Disabled = "disabled", Drain = "drain", Enabled = "enabled" }
}

arguments! {
    /// Enable, disable, and set weights for HAProxy backend servers using socket commands.
    pub struct Arguments {
        /// Name of the backend; all that have the server if none is given.
        backend: Option<String>,
        /// Before the server is disabled, wait until it has no more sessions.
        drain: bool = false,
        /// Name of the server.
        host: String,
        /// End all sessions of a server that is disabled.
        shutdown_sessions: bool = false,
        /// The socket.
        socket: PathBuf = PathBuf::from("/var/run/haproxy.sock"),
        /// What the server is to be.
        state: State,
        /// Switch the checks by its agent along with it.
        agent: bool = false,
        /// Switch the checks of its health along with it.
        health: bool = false,
        /// Fail where there is no such server.
        fail_on_not_found: bool = false,
        /// Wait until the server is what it is to be.
        wait: bool = false,
        /// Seconds between two looks.
        wait_interval: u64 = 5,
        /// How often to look.
        wait_retries: u64 = 25,
        /// Weight of the server: 0 to 256, or per cent of what it was configured with.
        weight: Option<String>,
    }
}

/// A line of the statistics.
#[derive(Clone, Debug, Default, PartialEq)]
struct Server {
    backend: String,
    name: String,
    status: String,
    weight: String,
    sessions: String,
}

struct Proxy<'a, 'b> {
    arguments: &'a Arguments,
    context: &'a Context<'b>,
    commands: Vec<String>,
    outputs: Vec<String>,
}

/// Bring the server to its state.
///
/// # Errors
/// The socket does not answer or may not change anything, there is no such server, or it does not get there in time.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if context.check() {
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", "remote module (haproxy) does not support check mode"));
    }
    for (option, value) in [("host", Some(&arguments.host)), ("backend", arguments.backend.as_ref())] {
        // It would be a command of its own.
        if value.is_some_and(|value| value.contains([';', '\n', '\r', ' ', '/', '\\'])) {
            return Err(Failure::new(format!("{option}: it has a character that no name has")));
        }
    }
    if let Some(weight) = &arguments.weight {
        let (number, most) = match weight.strip_suffix('%') {
            Some(number) => (number, 100),
            None => (weight.as_str(), 256),
        };
        if !number.parse::<u32>().is_ok_and(|number| number <= most) {
            return Err(Failure::new(format!("weight: `{weight}` is none; write 0 to 256, or 0% to 100%")));
        }
    }
    let mut proxy = Proxy { arguments: &arguments, context, commands: Vec::new(), outputs: Vec::new() };
    let all = proxy.servers()?;
    let before = chosen(&all, &arguments);
    if arguments.fail_on_not_found {
        let mut backends: Vec<&str> = match &arguments.backend {
            Some(backend) => vec![backend],
            None => all.iter().filter(|line| line.name == "BACKEND").map(|line| line.backend.as_str()).collect(),
        };
        backends.retain(|backend| !before.iter().any(|server| server.backend == *backend));
        if let Some(backend) = backends.first() {
            return Err(Failure::new(format!(
                "The specified backend '{backend}/{}' was not found! HAProxy's `show stat` names those that there are",
                arguments.host
            )));
        }
    }
    for server in &before {
        match arguments.state {
            State::Enabled => proxy.enable(server)?,
            State::Disabled => proxy.disable(server)?,
            State::Drain => proxy.drain(server)?,
        }
    }
    let after = chosen(&proxy.servers()?, &arguments);
    let changed = before != after;
    let mut outcome =
        Outcome::new(changed).with("state_before", described(&before)).with("state_after", described(&after));
    if !proxy.commands.is_empty() {
        outcome = outcome.with("command", proxy.commands).with("output", proxy.outputs);
    }
    Ok(outcome)
}

fn chosen(all: &[Server], arguments: &Arguments) -> Vec<Server> {
    let is_meant = |server: &&Server| {
        server.name == arguments.host && arguments.backend.as_ref().is_none_or(|backend| server.backend == *backend)
    };
    all.iter().filter(is_meant).cloned().collect()
}

fn described(servers: &[Server]) -> Value {
    if servers.is_empty() {
        return Value::Null;
    }
    let describe = |server: &Server| {
        let fields: [(&str, Value); 3] = [
            ("status", server.status.as_str().into()),
            ("weight", server.weight.as_str().into()),
            ("scur", server.sessions.as_str().into()),
        ];
        Value::from_iter(fields)
    };
    Value::List(servers.iter().map(describe).collect())
}

/// The lines of `show stat`, whose first says what the columns are.
fn parsed(text: &str) -> Option<Vec<Server>> {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let columns: Vec<&str> = lines.next()?.strip_prefix("# ")?.split(',').collect();
    let at = |name: &str| columns.iter().position(|column| *column == name);
    let (backend, name) = (at("pxname")?, at("svname")?);
    let (status, weight, sessions) = (at("status")?, at("weight")?, at("scur")?);
    let read = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default().to_owned();
        Server {
            backend: field(backend),
            name: field(name),
            status: field(status),
            weight: field(weight),
            sessions: field(sessions),
        }
    };
    Some(lines.map(read).collect())
}

impl Proxy<'_, '_> {
    fn ask(&self, command: &str) -> Result<String, Failure> {
        let path = &self.arguments.socket;
        let failed = |error: std::io::Error| {
            let hint = "HAProxy must run, with `stats socket PATH level admin` in its section `global`";
            Failure::new(format!("could not talk to HAProxy at {}: {error}; {hint}", path.display()))
        };
        let mut socket = Patient::unix(path, Some(PATIENCE), self.context.cancel).map_err(failed)?;
        socket.write_all(format!("{command}\n").as_bytes()).map_err(failed)?;
        let mut answer = Vec::new();
        socket.take(LONGEST_ANSWER).read_to_end(&mut answer).map_err(failed)?;
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    }

    fn servers(&self) -> Result<Vec<Server>, Failure> {
        let answer = self.ask("show stat")?;
        parsed(&answer).ok_or_else(|| {
            let line = answer.lines().next().unwrap_or_default();
            Failure::new(format!(
                "HAProxy at {} gave no statistics but `{line}`; the socket needs `level admin`",
                self.arguments.socket.display()
            ))
        })
    }

    /// Commands that change something; what HAProxy says to them other than numbers is a refusal.
    fn tell(&mut self, server: &Server, commands: &[String]) -> Result<(), Failure> {
        let command = commands.join("; ");
        let output = self.ask(&command)?;
        let is_said = |line: &&str| {
            let is_weight = line.ends_with(')') && line.contains("(initial ");
            // There is nothing to switch then.
            !line.is_empty() && !is_weight && !line.contains("not configured")
        };
        if let Some(refusal) = output.lines().map(str::trim).find(is_said) {
            let what = format!("HAProxy refused `{command}` for {}/{}: {refusal}", server.backend, server.name);
            return Err(Failure::new(what).with("command", command).with("output", output));
        }
        self.commands.push(command);
        self.outputs.push(output);
        Ok(())
    }

    fn enable(&mut self, server: &Server) -> Result<(), Failure> {
        let target = format!("{}/{}", server.backend, server.name);
        let mut commands = vec![format!("get weight {target}"), format!("enable server {target}")];
        commands.extend(self.arguments.agent.then(|| format!("enable agent {target}")));
        commands.extend(self.arguments.health.then(|| format!("enable health {target}")));
        commands.extend(self.arguments.weight.as_ref().map(|weight| format!("set weight {target} {weight}")));
        self.tell(server, &commands)?;
        if self.arguments.wait { self.wait(server, "UP") } else { Ok(()) }
    }

    fn disable(&mut self, server: &Server) -> Result<(), Failure> {
        let arguments = self.arguments;
        let target = format!("{}/{}", server.backend, server.name);
        if arguments.drain && !server.status.starts_with("MAINT") {
            self.drain(server)?;
            self.wait(server, "DRAIN")?;
        }
        let mut commands = vec![format!("get weight {target}")];
        commands.extend(arguments.agent.then(|| format!("disable agent {target}")));
        commands.extend(arguments.health.then(|| format!("disable health {target}")));
        commands.push(format!("disable server {target}"));
        let ends = arguments.shutdown_sessions && !arguments.drain;
        commands.extend(ends.then(|| format!("shutdown sessions server {target}")));
        self.tell(server, &commands)?;
        if arguments.wait || arguments.drain { self.wait(server, "MAINT") } else { Ok(()) }
    }

    fn drain(&mut self, server: &Server) -> Result<(), Failure> {
        // Versions before 1.5 do not know it.
        let info = self.ask("show info")?;
        let version = info.lines().find_map(|line| line.strip_prefix("Version: ")).unwrap_or_default();
        let mut parts = version.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or_default());
        if (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) < (1, 5) {
            return Ok(());
        }
        self.tell(server, &[format!("set server {}/{} state drain", server.backend, server.name)])?;
        if self.arguments.wait && self.arguments.state == State::Drain { self.wait(server, "DRAIN") } else { Ok(()) }
    }

    fn wait(&self, server: &Server, status: &str) -> Result<(), Failure> {
        let arguments = self.arguments;
        let mut last = String::new();
        for round in 0..arguments.wait_retries {
            if round > 0 {
                self.pause(Duration::from_secs(arguments.wait_interval))?;
            }
            let servers = self.servers()?;
            let own = servers.into_iter().find(|own| own.backend == server.backend && own.name == server.name);
            let own = own.unwrap_or_default();
            // What follows MAINT and DRAIN says why; what follows UP, that it is about to go down.
            let is_there = if status == "UP" { own.status == status } else { own.status.starts_with(status) };
            if is_there && (!arguments.drain || status != "DRAIN" || own.sessions == "0") {
                return Ok(());
            }
            last = format!("{} with {} sessions", own.status, own.sessions);
        }
        Err(Failure::new(format!(
            "server {}/{} not status '{status}' after {} retries. Aborting. It is {last}",
            server.backend, server.name, arguments.wait_retries
        )))
    }

    fn pause(&self, time: Duration) -> Result<(), Failure> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.context.checkpoint()?;
            std::thread::sleep(Duration::from_millis(100).min(time.saturating_sub(begun.elapsed())));
        }
        self.context.checkpoint()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use crate::bench;

    #[test]
    fn statistics_are_read_by_the_names_of_their_columns() {
        let servers = super::parsed("# pxname,svname,scur,x,status,weight,\nwww,a,3,,UP,10,\n\n").unwrap();
        assert_eq!(servers.len(), 1);
        assert_eq!((servers[0].status.as_str(), servers[0].sessions.as_str()), ("UP", "3"));
        assert_eq!(super::parsed("Permission denied"), None);
    }

    #[test]
    fn what_no_command_may_hold_is_refused() {
        let bench = bench();
        let call = |more: serde_json::Value| {
            let mut arguments = json!({"host": "a", "state": "enabled", "socket": bench.path("none")});
            arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            bench.fails("haproxy", arguments)
        };
        assert!(call(json!({"host": "a; disable server b/c"})).contains("host: "));
        assert!(call(json!({"backend": "a\nb"})).contains("backend: "));
        assert!(call(json!({"weight": "257"})).contains("0 to 256"));
        assert!(call(json!({"weight": "101%"})).contains("0% to 100%"));
        assert!(call(json!({"state": "up"})).contains("must be one of"));
        let gone = call(json!({}));
        assert!(gone.contains("none: ") && gone.contains("level admin"), "{gone}");
    }
}

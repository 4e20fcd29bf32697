//! `wait_for`: waits for a port, a file, or only for time to pass.

use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rprov_wire::{Map, Value};

use crate::attributes;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::{arguments, choices};

choices! {
    /// What to wait for.
    pub enum State { Absent = "absent", Drained = "drained", Present = "present", Started = "started", Stopped = "stopped" }
}

arguments! {
    /// Waits for a condition before continuing.
    pub struct Arguments {
        /// The host that has the port.
        host: String = "127.0.0.1".to_owned(),
        /// Give up after this many seconds.
        timeout: u64 = 300,
        /// How long one attempt to connect may take, in seconds.
        connect_timeout: u64 = 5,
        /// Wait this many seconds first.
        delay: u64 = 0,
        /// The port.
        port: Option<u16>,
        /// States of a connection that count as active for `drained`.
        active_connection_states: Vec<String> = ["ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT"].map(str::to_owned).to_vec(),
        /// What to wait for.
        state: State = State::Started,
        /// The file.
        path: Option<PathBuf>,
        /// What the file or the connection must hold.
        search_regex: Option<String>,
        /// Hosts whose connections do not count for `drained`.
        exclude_hosts: Option<Vec<String>>,
        /// Seconds between two looks.
        sleep: u64 = 1,
        /// The message where the time runs out.
        msg: Option<String>,
    }
    rules: [crate::argument::Rule::Exclusive(&["port", "path"])],
}

/// What a look found out.
enum Look {
    Done(Vec<(Option<String>, Option<String>)>),
    NotYet,
}

/// Wait.
///
/// # Errors
/// The time ran out, or the arguments contradict each other.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if context.check() {
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", "remote module (wait_for) does not support check mode"));
    }
    if arguments.exclude_hosts.is_some() && arguments.state != State::Drained {
        return Err(Failure::new("exclude_hosts should only be with state=drained").with("elapsed", 0));
    }
    if arguments.path.is_some() && matches!(arguments.state, State::Stopped | State::Drained) {
        let message = if arguments.state == State::Stopped {
            "state=stopped should only be used for checking a port in the wait_for module"
        } else {
            "state=drained should only be used for checking a port in the wait_for module"
        };
        return Err(Failure::new(message).with("elapsed", 0));
    }
    if arguments.state == State::Drained && arguments.port.is_none() {
        return Err(Failure::new("state=drained waits for the connections of a port; give `port`").with("elapsed", 0));
    }
    let regex = arguments
        .search_regex
        .as_deref()
        .map(|text| {
            fancy_regex::Regex::new(&format!("(?m){text}"))
                .map_err(|error| Failure::new(format!("search_regex is no regular expression: {error}")))
        })
        .transpose()?;
    let started = Instant::now();
    let elapsed = || i64::try_from(started.elapsed().as_secs()).unwrap_or(i64::MAX);
    pause(Duration::from_secs(arguments.delay), context)?;
    if arguments.port.is_none() && arguments.path.is_none() && arguments.state != State::Drained {
        pause(Duration::from_secs(arguments.timeout).saturating_sub(started.elapsed()), context)?;
        return Ok(describe(&arguments, elapsed(), Vec::new()));
    }
    let end = Duration::from_secs(arguments.timeout);
    loop {
        let look = match (&arguments.path, arguments.port) {
            (Some(path), _) => look_at_file(&arguments, path, regex.as_ref()),
            (None, Some(port)) => {
                look_at_port(&arguments, port, regex.as_ref(), end.saturating_sub(started.elapsed()))?
            }
            (None, None) => Look::Done(Vec::new()),
        };
        if let Look::Done(groups) = look {
            return Ok(describe(&arguments, elapsed(), groups));
        }
        if started.elapsed() >= end {
            break;
        }
        pause(
            Duration::from_secs(arguments.sleep)
                .min(end.saturating_sub(started.elapsed()).max(Duration::from_millis(1))),
            context,
        )?;
    }
    let target = match (&arguments.path, arguments.port) {
        (Some(path), _) => path.display().to_string(),
        (None, port) => format!("{}:{}", arguments.host, port.unwrap_or_default()),
    };
    let message = arguments.msg.clone().unwrap_or_else(|| match (arguments.state, &arguments.search_regex) {
        (State::Absent | State::Stopped, _) if arguments.path.is_some() => {
            format!("Timeout when waiting for {target} to be absent.")
        }
        (State::Absent | State::Stopped, _) => format!("Timeout when waiting for {target} to stop."),
        (State::Drained, _) => format!("Timeout when waiting for {target} to drain"),
        (_, Some(text)) => format!("Timeout when waiting for search string {text} in {target}"),
        (_, None) if arguments.path.is_some() => format!("Timeout when waiting for file {target}"),
        (_, None) => format!("Timeout when waiting for {target}"),
    });
    Err(Failure::new(message).with("elapsed", elapsed()))
}

fn pause(time: Duration, context: &Context<'_>) -> Result<(), Failure> {
    let until = Instant::now() + time;
    loop {
        context.checkpoint()?;
        let rest = until.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Ok(());
        }
        std::thread::sleep(rest.min(Duration::from_millis(100)));
    }
}

fn describe(arguments: &Arguments, elapsed: i64, groups: Vec<(Option<String>, Option<String>)>) -> Outcome {
    let list: Vec<Value> = groups.iter().map(|(_, text)| Value::from(text.clone())).collect();
    let named: Map = groups.into_iter().filter_map(|(name, text)| Some((name?, Value::from(text)))).collect();
    Outcome::unchanged()
        .with("state", arguments.state.word())
        .with("port", arguments.port.map(u32::from))
        .with("search_regex", arguments.search_regex.clone())
        .with("match_groups", list)
        .with("match_groupdict", named)
        .with("path", arguments.path.as_ref().map(|path| path.to_string_lossy().into_owned()))
        .with("elapsed", elapsed)
        .with_all(arguments.path.as_deref().map(attributes::describe).unwrap_or_default())
}

/// The groups of a match, with their names.
fn search(regex: &fancy_regex::Regex, text: &str) -> Option<Vec<(Option<String>, Option<String>)>> {
    let captures = regex.captures(text).ok().flatten()?;
    Some(
        regex
            .capture_names()
            .enumerate()
            .skip(1)
            .map(|(index, name)| (name.map(str::to_owned), captures.get(index).map(|group| group.as_str().to_owned())))
            .collect(),
    )
}

fn look_at_file(arguments: &Arguments, path: &std::path::Path, regex: Option<&fancy_regex::Regex>) -> Look {
    let wanted = !matches!(arguments.state, State::Absent);
    match regex {
        // That the file is gone is all that can be waited for, whatever it held.
        _ if !wanted && path.exists() => Look::NotYet,
        None if path.exists() == wanted => Look::Done(Vec::new()),
        None => Look::NotYet,
        Some(regex) => {
            let found = std::fs::read(path).ok().and_then(|bytes| search(regex, &String::from_utf8_lossy(&bytes)));
            match found {
                Some(groups) if wanted => Look::Done(groups),
                None if !wanted => Look::Done(Vec::new()),
                _ => Look::NotYet,
            }
        }
    }
}

fn connect(arguments: &Arguments, port: u16, limit: Duration) -> Option<TcpStream> {
    let limit = Duration::from_secs(arguments.connect_timeout).min(limit.max(Duration::from_millis(100)));
    let addresses: Vec<SocketAddr> = match arguments.host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) if arguments.host == "localhost" => {
            vec![SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port))]
        }
        Err(_) => (arguments.host.as_str(), port).to_socket_addrs().map(Iterator::collect).unwrap_or_default(),
    };
    addresses.iter().find_map(|address| TcpStream::connect_timeout(address, limit).ok())
}

fn look_at_port(
    arguments: &Arguments,
    port: u16,
    regex: Option<&fancy_regex::Regex>,
    rest: Duration,
) -> Result<Look, Failure> {
    match arguments.state {
        State::Drained => {
            Ok(if active_connections(arguments, port)? == 0 { Look::Done(Vec::new()) } else { Look::NotYet })
        }
        State::Absent | State::Stopped => {
            Ok(if connect(arguments, port, rest).is_none() { Look::Done(Vec::new()) } else { Look::NotYet })
        }
        State::Present | State::Started => {
            let Some(mut stream) = connect(arguments, port, rest) else { return Ok(Look::NotYet) };
            let Some(regex) = regex else {
                let _ = stream.shutdown(std::net::Shutdown::Both);
                return Ok(Look::Done(Vec::new()));
            };
            let until = Instant::now() + rest;
            let mut data = Vec::new();
            let mut buffer = [0; 1024];
            loop {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
                    return Ok(Look::NotYet);
                }
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => return Ok(Look::NotYet),
                    Ok(count) => data.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                }
                if let Some(groups) = search(regex, &String::from_utf8_lossy(&data)) {
                    return Ok(Look::Done(groups));
                }
            }
        }
    }
}

/// Connections of the host and port that are not over yet, from `/proc/net/tcp`.
fn active_connections(arguments: &Arguments, port: u16) -> Result<usize, Failure> {
    let mut states = Vec::new();
    for name in &arguments.active_connection_states {
        states.push(match name.as_str() {
            "ESTABLISHED" => "01",
            "SYN_SENT" => "02",
            "SYN_RECV" => "03",
            "FIN_WAIT1" => "04",
            "FIN_WAIT2" => "05",
            "TIME_WAIT" => "06",
            other => {
                return Err(
                    Failure::new(format!("unknown active_connection_state ({other}) defined")).with("elapsed", 0)
                );
            }
        });
    }
    let host = match arguments.host.as_str() {
        "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
        text => text.parse::<IpAddr>().ok(),
    };
    let excluded: Vec<IpAddr> = arguments.exclude_hosts.iter().flatten().filter_map(|host| host.parse().ok()).collect();
    let mut count = 0;
    for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, remote, state, ..] = fields.as_slice() else { continue };
            let (Some((address, own_port)), Some((remote, _))) = (endpoint(local), endpoint(remote)) else { continue };
            let here = host.is_none_or(|host| host.is_unspecified() || host == address);
            if own_port == port && here && states.contains(state) && !excluded.contains(&remote) {
                count += 1;
            }
        }
    }
    Ok(count)
}

/// `0100007F:0016`: each group of four bytes is in the machine's own order.
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::new();
    for start in (0..address.len()).step_by(8) {
        bytes.extend(u32::from_str_radix(address.get(start..start + 8)?, 16).ok()?.to_ne_bytes());
    }
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Some((bytes.into(), port));
    }
    let address = std::net::Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?);
    Some((address.to_ipv4_mapped().map_or(address.into(), IpAddr::from), port))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::context::{Cancel, Detached};
    use rprov_wire::Options;
    use std::io::Write;

    fn call(arguments: serde_json::Value) -> Result<Outcome, Failure> {
        let Value::Map(map) = Value::from_json(&arguments) else { panic!("not a map") };
        let options = Options::default();
        let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
        crate::registry::entry("wait_for").unwrap()(&map, &context)
    }

    #[test]
    fn a_file_and_its_content_are_waited_for() {
        let found = call(serde_json::json!({"path": "/etc/passwd", "search_regex": "^(ro)(?P<x>ot)"})).unwrap();
        assert_eq!(found.values.get("match_groups"), Some(&vec!["ro", "ot"].into()));
        assert_eq!(found.values.get("match_groupdict"), Some(&Value::from_iter([("x", "ot")])));
        let failure = call(serde_json::json!({"path": "/no/such", "timeout": 0})).unwrap_err();
        assert_eq!(failure.message, "Timeout when waiting for file /no/such");
    }

    #[test]
    fn a_port_is_open_speaks_and_drains() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.write_all(b"SSH-2.0-x\r\n");
            }
            listener
        });
        assert!(call(serde_json::json!({"port": port, "timeout": 3})).is_ok());
        let said = call(serde_json::json!({"port": port, "timeout": 3, "search_regex": "SSH-(\\S+)"})).unwrap();
        assert_eq!(said.values.get("match_groups"), Some(&vec!["2.0-x"].into()));
        drop(server.join().unwrap());
        assert!(call(serde_json::json!({"port": port, "timeout": 3, "state": "stopped"})).is_ok());
        let failure = call(serde_json::json!({"port": port, "timeout": 0})).unwrap_err();
        assert_eq!(failure.message, format!("Timeout when waiting for 127.0.0.1:{port}"));
        assert_eq!(endpoint("0100007F:0016"), Some((IpAddr::from([127, 0, 0, 1]), 22)));
    }
}

//! `consul_kv`: keys of a Consul cluster, and the locks on them, over its agent's HTTP interface.
//!
//! <https://developer.hashicorp.com/consul/api-docs/kv>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rprov_wire::Value;
use serde_json::Value as Json;

use rprov_modules::argument::{Rule, Secret};
use rprov_modules::context::Context;
use rprov_modules::http::encode;
use rprov_modules::http::{self, Call};
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// What is to become of the key.
    pub enum State { Absent = "absent", Acquire = "acquire", Present = "present", Release = "release" }
}

arguments! {
    /// Manipulate entries in the key/value store of a Consul cluster.
    pub struct Arguments {
        /// Set the key (or read it, without a value), remove it, or take or give back its lock.
        state: State = State::Present,
        /// The key.
        key: String,
        /// Its value.
        value: Option<String>,
        /// Read, or remove, all keys that begin like this.
        recurse: Option<bool>,
        /// Tell the key's entry after it was set.
        retrieve: bool = true,
        /// The session that takes or gives back the lock.
        session: Option<String>,
        /// The token that says who asks.
        token: Option<Secret>,
        /// Set the key only if this is its index of modification; 0 if it must not be there yet.
        cas: Option<String>,
        /// A number to keep with the value.
        flags: Option<String>,
        /// Host of the agent.
        host: String = "localhost".to_owned(),
        /// Port of the agent.
        port: u16 = 8500,
        /// The protocol that the agent speaks.
        scheme: String = "http".to_owned(),
        /// Whether the agent's certificate is checked.
        validate_certs: bool = true,
        /// The datacenter; that of the agent if not given.
        datacenter: Option<String>,
    }
    rules: [Rule::If("state", "acquire", &["session"]), Rule::If("state", "release", &["session"])]
}

/// Bring the key to its state.
///
/// # Errors
/// The agent cannot be reached, or refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    for (option, text) in [("cas", &arguments.cas), ("flags", &arguments.flags)] {
        if let Some(text) = text
            && text.parse::<u64>().is_err()
        {
            return Err(Failure::new(format!("{option}: `{text}` is no number from 0 on")));
        }
    }
    if arguments.key.starts_with('/') {
        return Err(Failure::new(format!("keys should not start with a forward slash: key is `{}`", arguments.key)));
    }
    let agent = Agent { arguments: &arguments, context };
    let recurse = arguments.recurse == Some(true);
    match (arguments.state, &arguments.value) {
        (State::Present, None) => {
            let found = agent.get(recurse)?;
            Ok(Outcome::unchanged().with("index", found.index).with("data", found.data))
        }
        (State::Present, Some(value)) => agent.set(value),
        (State::Absent, _) => {
            let found = agent.get(recurse)?;
            let changed = !found.data.is_null();
            if changed && !context.check() {
                agent.change("DELETE", if recurse { &[("recurse", "1")] } else { &[] }, None)?;
            }
            Ok(agent.outcome(changed, found.index).with("data", found.data))
        }
        (State::Acquire | State::Release, value) => agent.lock(value.as_deref()),
    }
}

/// What is known of a key, or of all that begin like it.
struct Found {
    index: Value,
    data: Value,
}

impl Found {
    fn text(&self, name: &str) -> Option<&str> {
        self.data.get(name).and_then(Value::as_str)
    }

    fn number(&self, name: &str) -> Option<String> {
        self.data.get(name).and_then(Value::as_int).map(|number| number.to_string())
    }
}

struct Agent<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
}

impl Agent<'_> {
    fn outcome(&self, changed: bool, index: Value) -> Outcome {
        Outcome::new(changed).with("index", index).with("key", self.arguments.key.as_str())
    }

    fn set(&self, value: &str) -> Result<Outcome, Failure> {
        let arguments = self.arguments;
        let found = self.get(false)?;
        let flags = arguments.flags.as_deref().and_then(|flags| flags.parse::<u64>().ok());
        let same_flags = flags.is_none_or(|flags| found.number("Flags") == Some(flags.to_string()));
        let mut changed = found.text("Value") != Some(value) || !same_flags;
        if changed && self.context.check() {
            changed = self.index_fits(&found);
        } else if changed {
            changed = self.change("PUT", &self.conditions(), Some(value))?;
        }
        let after = if arguments.retrieve { self.get(false)? } else { Found { index: found.index, data: Value::Null } };
        Ok(self.outcome(changed, after.index).with("data", after.data))
    }

    fn lock(&self, value: Option<&str>) -> Result<Outcome, Failure> {
        let arguments = self.arguments;
        let session = arguments.session.as_deref().unwrap_or_default();
        let found = self.get(false)?;
        let holder = found.text("Session");
        let word = arguments.state.word();
        let changed = if self.context.check() {
            match arguments.state {
                State::Acquire => holder.is_none_or(|holder| holder == session) && self.index_fits(&found),
                _ => holder == Some(session),
            }
        } else {
            let mut query = self.conditions();
            query.push((word, session));
            // Whoever says nothing of the value wants to keep it.
            self.change("PUT", &query, Some(value.or(found.text("Value")).unwrap_or_default()))?
        };
        Ok(self.outcome(changed, found.index))
    }

    /// The condition that `cas` makes holds.
    fn index_fits(&self, found: &Found) -> bool {
        let Some(cas) = self.arguments.cas.as_deref().and_then(|cas| cas.parse::<u64>().ok()) else { return true };
        found.number("ModifyIndex").unwrap_or_else(|| "0".to_owned()) == cas.to_string()
    }

    fn conditions(&self) -> Vec<(&str, &str)> {
        let arguments = self.arguments;
        let given = [("cas", arguments.cas.as_deref()), ("flags", arguments.flags.as_deref())];
        given.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
    }

    fn get(&self, recurse: bool) -> Result<Found, Failure> {
        let query: &[(&str, &str)] = if recurse { &[("recurse", "1")] } else { &[] };
        let mut answer = self.send("GET", query, None)?;
        let index = answer.header("x-consul-index").map_or(Value::Null, Value::from);
        if answer.status == 404 {
            return Ok(Found { index, data: Value::Null });
        }
        let content = answer.content()?;
        let unclear = || Failure::new(format!("{} gives no list of keys; is it Consul?", answer.url));
        let entries: Json = serde_json::from_slice(&content).map_err(|_| unclear())?;
        let Value::List(entries) = Value::from_json(&entries) else { return Err(unclear()) };
        let mut entries: Vec<Value> = entries.into_iter().map(readable).collect();
        let data = if recurse { Value::List(entries) } else { entries.pop().unwrap_or(Value::Null) };
        Ok(Found { index, data })
    }

    /// A change, and whether it was made.
    fn change(&self, method: &str, query: &[(&str, &str)], body: Option<&str>) -> Result<bool, Failure> {
        let content = self.send(method, query, body)?.content()?;
        Ok(content.trim_ascii() == b"true")
    }

    fn send(&self, method: &str, query: &[(&str, &str)], body: Option<&str>) -> Result<http::Answer, Failure> {
        let arguments = self.arguments;
        let host = &arguments.host;
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.clone() };
        let key: Vec<String> = arguments.key.split('/').map(encode).collect();
        let mut url = format!("{}://{host}:{}/v1/kv/{}", arguments.scheme, arguments.port, key.join("/"));
        let datacenter = arguments.datacenter.as_deref().map(|name| ("dc", name));
        for (number, (name, value)) in query.iter().copied().chain(datacenter).enumerate() {
            url.push_str(&format!("{}{name}={}", if number == 0 { '?' } else { '&' }, encode(value)));
        }
        let token = arguments.token.as_ref().map(Secret::expose).filter(|token| !token.is_empty());
        let call = Call {
            method: method.to_owned(),
            headers: token.map(|token| ("X-Consul-Token".to_owned(), token.to_owned())).into_iter().collect(),
            body: body.map(|body| body.as_bytes().to_vec()),
            // A token is for this agent alone.
            unredirected: vec!["x-consul-token".to_owned()],
            validate: arguments.validate_certs,
            ..Call::get(&url)
        };
        let failed = |failure: Failure| {
            Failure::new(format!(
                "Could not connect to consul agent at {host}:{}, error was {}; start the agent, or check `host`, `port` and \
                 `scheme`",
                arguments.port, failure.message
            ))
        };
        let mut answer = http::send(&call, self.context).map_err(failed)?;
        match answer.status {
            200..300 => Ok(answer),
            404 if method == "GET" => Ok(answer),
            status => {
                let content = answer.content().unwrap_or_default();
                let words = String::from_utf8_lossy(&content);
                let advice = if status == 403 { "; check `token`" } else { "" };
                Err(Failure::new(format!("Consul refuses {method} {url}: {} ({status}){advice}", words.trim())))
            }
        }
    }
}

/// An entry with its value as text.
fn readable(mut entry: Value) -> Value {
    if let Value::Map(map) = &mut entry
        && let Some(value) = map.get_mut("Value")
        && let Some(bytes) = value.as_str().and_then(|text| STANDARD.decode(text).ok())
    {
        *value = String::from_utf8_lossy(&bytes).into_owned().into();
    } else if let Value::Map(map) = &mut entry {
        // An empty value is null there, and text here.
        map.insert("Value".to_owned(), "".into());
    }
    entry
}

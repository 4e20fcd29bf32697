//! `firewalld`: services, ports, rules and zones of the firewall, by `firewall-cmd`.

use crate::argument::Rule;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::{Command, Output};
use crate::{arguments, choices};

choices! {
    /// Whether the setting is to be there; `present` and `absent` are for zones.
    pub enum State { Absent = "absent", Disabled = "disabled", Enabled = "enabled", Present = "present" }
}

choices! {
    /// Protocols of ports that are forwarded.
    pub enum Protocol { Udp = "udp", Tcp = "tcp" }
}

choices! {
    /// What happens to packets that nothing in the zone is about.
    pub enum Target { Default = "default", Accept = "ACCEPT", Drop = "DROP", Reject = "%%REJECT%%" }
}

arguments! {
    /// A port that is forwarded.
    pub struct Forward {
        /// The port.
        port: String,
        /// Its protocol.
        proto: Protocol,
        /// The port that it leads to.
        toport: String,
        /// The address that it leads to.
        toaddr: Option<String>,
    }
}

arguments! {
    /// Manage arbitrary ports/services with firewalld.
    pub struct Arguments {
        /// A service that firewalld knows.
        service: Option<String>,
        /// A protocol.
        protocol: Option<String>,
        /// A port or range with its protocol, such as `8080/tcp`.
        port: Option<String>,
        /// A port that is forwarded.
        port_forward: Option<Vec<Forward>>,
        /// A rule in firewalld's rich language.
        rich_rule: Option<String>,
        /// A network that packets come from.
        source: Option<String>,
        /// A network interface.
        interface: Option<String>,
        /// A type of ICMP message to block.
        icmp_block: Option<String>,
        /// Whether `icmp_block` names what is let through.
        icmp_block_inversion: Option<bool>,
        /// The zone.
        zone: Option<String>,
        /// Change the configuration that is kept.
        permanent: bool = false,
        /// Change the running firewall.
        immediate: bool = false,
        /// Whether the setting is to be there.
        state: State,
        /// Seconds for which it holds, where it is not permanent.
        timeout: i64 = 0,
        /// Whether packets pass between the zone's interfaces.
        forward: Option<bool>,
        /// Whether addresses are masqueraded.
        masquerade: Option<bool>,
        /// Change the kept configuration alone while firewalld does not run.
        offline: bool = false,
        /// What happens to packets that nothing in the zone is about.
        target: Option<Target>,
    }
    rules: [
        Rule::Exclusive(&[
            "icmp_block",
            "icmp_block_inversion",
            "service",
            "protocol",
            "port",
            "port_forward",
            "rich_rule",
            "interface",
            "forward",
            "masquerade",
            "source",
            "target",
        ]),
        Rule::By("target", &["permanent"]),
    ]
}

/// A setting: its name with firewall-cmd, and the value, where it is no mere switch.
struct Setting {
    word: &'static str,
    value: Option<String>,
    /// What messages call it.
    title: String,
    enabled: bool,
}

fn setting(arguments: &Arguments) -> Result<Option<Setting>, Failure> {
    let enabled = arguments.state == State::Enabled;
    let plain = [
        ("service", &arguments.service),
        ("protocol", &arguments.protocol),
        ("port", &arguments.port),
        ("rich-rule", &arguments.rich_rule),
        ("source", &arguments.source),
        ("interface", &arguments.interface),
        ("icmp-block", &arguments.icmp_block),
    ];
    for (word, value) in plain {
        let Some(value) = value else { continue };
        if word == "port" && !value.contains('/') {
            return Err(Failure::new(format!(
                "improper port format (missing protocol?): `{value}`; write it as PORT/PROTOCOL, such as 8080/tcp"
            )));
        }
        return Ok(Some(Setting { word, value: Some(value.clone()), title: format!("{word} {value}"), enabled }));
    }
    let switches = [
        ("icmp-block-inversion", arguments.icmp_block_inversion),
        ("forward", arguments.forward),
        ("masquerade", arguments.masquerade),
    ];
    for (word, flag) in switches {
        let Some(flag) = flag else { continue };
        // Disabling what is to be off, is switching it on.
        return Ok(Some(Setting { word, value: None, title: word.to_owned(), enabled: enabled == flag }));
    }
    let Some(forward) = arguments.port_forward.as_deref() else { return Ok(None) };
    let [forward] = forward else {
        return Err(Failure::new("Only one port forward supported at a time; use a loop for more of them"));
    };
    let address = forward.toaddr.as_ref().map(|address| format!(":toaddr={address}")).unwrap_or_default();
    let value = format!("port={}:proto={}:toport={}{address}", forward.port, forward.proto.word(), forward.toport);
    Ok(Some(Setting { word: "forward-port", title: format!("port_forward {value}"), value: Some(value), enabled }))
}

struct Firewall<'a> {
    context: &'a Context<'a>,
    running: bool,
    zone: String,
}

impl Firewall<'_> {
    fn command(&self, permanent: bool) -> Command {
        let command = Command::new(if self.running { "firewall-cmd" } else { "firewall-offline-cmd" }).plain_locale();
        if permanent && self.running { command.arg("--permanent") } else { command }
    }

    fn in_zone(&self, permanent: bool) -> Command {
        self.command(permanent).arg(format!("--zone={}", self.zone))
    }

    fn change(&self, command: Command, attempt: &str) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        command.run_or_fail(attempt, self.context).map(drop)
    }

    /// Bring a setting to one of the two configurations; whether it changed.
    fn apply(&self, setting: &Setting, permanent: bool, timeout: i64) -> Result<bool, Failure> {
        let word = |verb: &str| match &setting.value {
            Some(value) => format!("--{verb}-{}={value}", setting.word),
            None => format!("--{verb}-{}", setting.word),
        };
        let query = self.in_zone(permanent).arg(word("query")).run(self.context)?;
        if !matches!(query.stdout().trim(), "yes" | "no") {
            return Err(query.failure(&format!("could not ask for {} in the zone {}", setting.title, self.zone)));
        }
        if query.success() == setting.enabled {
            return Ok(false);
        }
        let verb = match (setting.enabled, setting.word) {
            (false, _) => "remove",
            // It may be in another zone, and can only be in one.
            (true, "interface" | "source") => "change",
            (true, _) => "add",
        };
        let mut command = self.in_zone(permanent).arg(word(verb));
        if setting.enabled && !permanent && timeout > 0 && !matches!(setting.word, "interface" | "source") {
            command = command.arg(format!("--timeout={timeout}"));
        }
        self.change(command, &format!("could not change {} in the zone {}", setting.title, self.zone))?;
        Ok(true)
    }

    fn target(&self, wanted: &str) -> Result<bool, Failure> {
        let asked =
            self.in_zone(true).arg("--get-target").run_or_fail("could not ask for the zone's target", self.context)?;
        if asked.stdout().trim() == wanted {
            return Ok(false);
        }
        self.change(self.in_zone(true).arg(format!("--set-target={wanted}")), "could not set the zone's target")?;
        Ok(true)
    }

    fn zone(&self, wanted: bool) -> Result<bool, Failure> {
        let zones =
            self.command(true).arg("--get-zones").run_or_fail("could not list the zones", self.context)?.stdout();
        if zones.split_whitespace().any(|zone| zone == self.zone) == wanted {
            return Ok(false);
        }
        let verb = if wanted { "new" } else { "delete" };
        self.change(self.command(true).arg(format!("--{verb}-zone={}", self.zone)), "could not change the zones")?;
        Ok(true)
    }
}

/// Bring the setting to its state.
///
/// # Errors
/// firewalld does not run, or refuses, or the arguments contradict each other.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let permanent = arguments.permanent;
    let state: Output = Command::new("firewall-cmd").arg("--state").plain_locale().run(context)?;
    let running = state.success();
    if !running && !(permanent && (arguments.offline || !arguments.immediate)) {
        return Err(Failure::new(
            "firewall is not currently running, unable to perform immediate actions without a running firewall daemon; \
             start firewalld, or say `permanent: true` and `offline: true`",
        ));
    }
    let immediate = running && (arguments.immediate || !permanent);
    let mut firewall = Firewall { context, running, zone: String::new() };
    firewall.zone = match &arguments.zone {
        Some(zone) => zone.clone(),
        None => {
            let asked = firewall.command(false).arg("--get-default-zone");
            asked.run_or_fail("could not ask for the default zone", context)?.stdout().trim().to_owned()
        }
    };
    let word = arguments.state.word();
    let operation = match (permanent, immediate) {
        (true, true) => "Permanent and Non-Permanent(immediate) operation",
        (true, false) => "Permanent operation",
        _ => "Non-permanent operation",
    };
    let mut messages = Vec::new();
    let mut changed = false;
    let zone_level = matches!(arguments.state, State::Present | State::Absent);
    match (setting(&arguments)?, arguments.target) {
        (None, Some(target)) => {
            if !permanent {
                return Err(Failure::new("target can only be set permanently; say `permanent: true`"));
            }
            let wanted =
                if matches!(arguments.state, State::Enabled | State::Present) { target } else { Target::Default };
            if firewall.target(wanted.word())? {
                changed = true;
                messages.push(format!("Changed zone {} to target {}", firewall.zone, wanted.word()));
            }
        }
        (Some(_), _) if zone_level => {
            return Err(Failure::new(
                "absent and present state can only be used in zone level operations; use enabled or disabled",
            ));
        }
        (Some(setting), _) => {
            if permanent {
                changed |= firewall.apply(&setting, true, 0)?;
            }
            if immediate {
                changed |= firewall.apply(&setting, false, arguments.timeout)?;
            }
            if changed {
                messages.push(format!("Changed {} to {word}", setting.title));
            }
        }
        (None, None) if zone_level => {
            if !permanent || arguments.zone.is_none() {
                return Err(Failure::new("zone operations need `zone`, and must be permanent; say `permanent: true`"));
            }
            changed = firewall.zone(arguments.state == State::Present)?;
            if changed {
                let done = if arguments.state == State::Present { "Added" } else { "Removed" };
                messages.push(format!("{done} zone {}", firewall.zone));
            }
        }
        (None, None) => {
            return Err(Failure::new(
                "nothing is said of what is to be enabled or disabled: a service, port, source, rich_rule ...",
            ));
        }
    }
    messages.insert(0, operation.to_owned());
    Ok(Outcome::new(changed).with("msg", messages.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    /// A program with firewall-cmd's words, which keeps each configuration in a file.
    fn bench() -> Bench {
        let bench = Bench::new();
        bench.file("runtime", "");
        bench.file("permanent", "");
        bench.file("zones", "public\n");
        bench.program(
            "firewall-cmd",
            r#"f=runtime; [ "$1" = --permanent ] && { f=permanent; shift; }
case "$1" in
  --state) [ ! -e stopped ]; exit;;
  --get-default-zone) echo public; exit;;
  --get-zones) cat zones; exit;;
  --new-zone=*) echo ${1#*=} >>zones; exit;;
  --delete-zone=*) sed -i /^${1#*=}$/d zones; exit;;
esac
zone=$1; shift
case "$1" in
  --query-*) grep -qxF -- "$zone ${1#--query-}" $f && echo yes || { echo no; exit 1; };;
  --add-*) echo "$zone ${1#--add-}" >>$f;;
  --change-*) echo "$zone ${1#--change-}" >>$f;;
  --remove-*) grep -vxF -- "$zone ${1#--remove-}" $f >new; mv new $f;;
  --get-target) cat target 2>/dev/null || echo default;;
  --set-target=*) echo ${1#*=} >target;;
esac"#,
        );
        bench
    }

    #[test]
    fn settings_come_and_go_in_both_configurations() {
        let bench = bench();
        let done = bench.converges("firewalld", json!({"service": "https", "state": "enabled"}));
        assert_eq!(done["msg"].as_str(), Some("Non-permanent operation, Changed service https to enabled"));
        assert_eq!(bench.read("runtime"), "--zone=public service=https\n");
        let both = json!({"port": "80/tcp", "zone": "dmz", "permanent": true, "immediate": true, "state": "enabled"});
        bench.converges("firewalld", both);
        assert_eq!(bench.read("permanent"), "--zone=dmz port=80/tcp\n");
        bench.converges("firewalld", json!({"masquerade": true, "permanent": true, "state": "enabled"}));
        bench.converges("firewalld", json!({"masquerade": true, "permanent": true, "state": "disabled"}));
        let forward = json!({"port_forward": [{"port": "1", "proto": "tcp", "toport": "2"}], "state": "enabled"});
        bench.converges("firewalld", forward);
        assert!(bench.read("runtime").ends_with("forward-port=port=1:proto=tcp:toport=2\n"));
        bench.converges("firewalld", json!({"service": "https", "state": "disabled"}));
        bench.apply("firewalld", json!({"service": "ntp", "state": "enabled", "timeout": 60}));
        assert!(bench.calls().contains(&"firewall-cmd --zone=public --add-service=ntp --timeout=60".to_owned()));
    }

    #[test]
    fn zones_and_their_targets() {
        let bench = bench();
        bench.converges("firewalld", json!({"zone": "own", "state": "present", "permanent": true}));
        bench.converges("firewalld", json!({"target": "DROP", "state": "enabled", "permanent": true}));
        bench.converges("firewalld", json!({"zone": "own", "state": "absent", "permanent": true}));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let bench = bench();
        assert!(bench.fails("firewalld", json!({"port": "80", "state": "enabled"})).contains("PORT/PROTOCOL"));
        assert!(bench.fails("firewalld", json!({"port": "80/tcp", "state": "present"})).contains("zone level"));
        assert!(bench.fails("firewalld", json!({"zone": "x", "state": "present"})).contains("permanent"));
        assert!(bench.fails("firewalld", json!({"state": "enabled"})).contains("nothing is said"));
        let two = json!({"port": "80/tcp", "service": "x", "state": "enabled"});
        assert!(bench.fails("firewalld", two).contains("exclusive"));
        bench.file("stopped", "");
        assert!(
            bench.fails("firewalld", json!({"service": "x", "state": "enabled"})).contains("not currently running")
        );
    }
}

//! `ufw`: the uncomplicated firewall: whether it is on, its policies, its log, its rules.
//!
//! What is set is read from ufw's own files, so that it is known while the firewall is off as well. Whether a rule is
//! there, `ufw` itself says, which has many ways to write the same rule; with `--dry-run` it says so without a change.

use rprov_modules::argument::Rule as Needs;
use rprov_modules::process::{Command, Output};
use rprov_modules::{Context, Diff, Failure, Outcome, arguments, choices};

use crate::root;

choices! {
    /// What is to be done with the firewall.
    pub enum State { Disabled = "disabled", Enabled = "enabled", Reloaded = "reloaded", Reset = "reset" }
}

choices! {
    /// What happens to packets that no rule is about.
    pub enum Policy { Allow = "allow", Deny = "deny", Reject = "reject" }
}

choices! {
    /// Which packets.
    pub enum Direction { In = "in", Incoming = "incoming", Out = "out", Outgoing = "outgoing", Routed = "routed" }
}

choices! {
    /// What is logged.
    pub enum Logging { On = "on", Off = "off", Low = "low", Medium = "medium", High = "high", Full = "full" }
}

choices! {
    /// What `insert` counts from.
    pub enum Origin {
        FirstIpv4 = "first-ipv4",
        FirstIpv6 = "first-ipv6",
        LastIpv4 = "last-ipv4",
        LastIpv6 = "last-ipv6",
        Zero = "zero",
    }
}

choices! {
    /// What a rule does.
    pub enum Verdict { Allow = "allow", Deny = "deny", Limit = "limit", Reject = "reject" }
}

choices! {
    /// The protocol.
    pub enum Protocol {
        Any = "any",
        Tcp = "tcp",
        Udp = "udp",
        Ipv6 = "ipv6",
        Esp = "esp",
        Ah = "ah",
        Gre = "gre",
        Igmp = "igmp",
        Vrrp = "vrrp",
    }
}

arguments! {
    /// Manage the firewall with ufw.
    pub struct Arguments {
        /// What is to be done with the firewall.
        state: Option<State>,
        /// What happens to packets that no rule is about.
        default | policy: Option<Policy>,
        /// Which packets the rule or policy is about.
        direction: Option<Direction>,
        /// What is logged.
        logging: Option<Logging>,
        /// The number that the rule is to have.
        insert: Option<i64>,
        /// What that number counts from.
        insert_relative_to: Origin = Origin::Zero,
        /// What the rule does.
        rule: Option<Verdict>,
        /// Log connections that the rule is about.
        log: bool = false,
        /// Where packets come from.
        from_ip | from | src: String = "any".to_owned(),
        /// The port that they come from.
        from_port: Option<String>,
        /// Where they go.
        to_ip | dest | to: String = "any".to_owned(),
        /// The port that they go to.
        to_port | port: Option<String>,
        /// The protocol.
        proto | protocol: Option<Protocol>,
        /// An application's profile.
        name | app: Option<String>,
        /// Delete the rule.
        delete: bool = false,
        /// The network interface, with `direction`.
        interface | "if": Option<String>,
        /// The interface that packets come in by.
        interface_in | if_in: Option<String>,
        /// The interface that packets go out by.
        interface_out | if_out: Option<String>,
        /// The rule is about packets that pass through.
        route: bool = false,
        /// A comment for the rule.
        comment: Option<String>,
    }
    rules: [
        Needs::OneOf(&["state", "default", "rule", "logging"]),
        Needs::Exclusive(&["name", "proto", "logging"]),
        Needs::Exclusive(&["direction", "interface_in"]),
        Needs::Exclusive(&["direction", "interface_out"]),
        Needs::Exclusive(&["interface", "interface_in"]),
        Needs::Exclusive(&["interface", "interface_out"]),
    ]
}

/// A shell variable of one of ufw's files.
fn variable(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(root::at(file)).unwrap_or_default();
    let value = text.lines().filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix('=')).next_back();
    value.unwrap_or_default().trim().trim_matches('"').to_lowercase()
}

struct Firewall<'a> {
    context: &'a Context<'a>,
    commands: Vec<String>,
    changed: bool,
}

impl Firewall<'_> {
    fn run(&mut self, words: &[String]) -> Result<Output, Failure> {
        let mut command = Command::new("ufw").plain_locale();
        if self.context.check() {
            command = command.arg("--dry-run");
        }
        let command = command.args(words);
        self.commands.push(command.words().join(" "));
        command.run_or_fail(&format!("ufw {} failed", words.join(" ")), self.context)
    }

    /// Run a command that is known to change something.
    fn change(&mut self, words: &[&str]) -> Result<(), Failure> {
        self.changed = true;
        if self.context.check() {
            self.commands.push(format!("ufw {}", words.join(" ")));
            return Ok(());
        }
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        self.run(&words).map(drop)
    }

    fn status(&self, word: &str) -> Result<String, Failure> {
        let command = Command::new("ufw").args(["status", word]).plain_locale();
        Ok(command.run_or_fail("could not ask ufw for its status", self.context)?.stdout())
    }

    fn state(&mut self, state: State) -> Result<(), Failure> {
        let enabled = variable("/etc/ufw/ufw.conf", "ENABLED") == "yes";
        match state {
            State::Enabled if enabled => Ok(()),
            State::Disabled if !enabled => Ok(()),
            State::Enabled => self.change(&["-f", "enable"]),
            State::Disabled => self.change(&["-f", "disable"]),
            State::Reloaded => self.change(&["-f", "reload"]),
            State::Reset => self.change(&["-f", "reset"]),
        }
    }

    fn policy(&mut self, policy: Policy, direction: Option<Direction>) -> Result<(), Failure> {
        let (name, word) = match direction {
            None | Some(Direction::In | Direction::Incoming) => ("DEFAULT_INPUT_POLICY", "incoming"),
            Some(Direction::Out | Direction::Outgoing) => ("DEFAULT_OUTPUT_POLICY", "outgoing"),
            Some(Direction::Routed) => ("DEFAULT_FORWARD_POLICY", "routed"),
        };
        let target = match policy {
            Policy::Allow => "accept",
            Policy::Deny => "drop",
            Policy::Reject => "reject",
        };
        if variable("/etc/default/ufw", name) == target {
            return Ok(());
        }
        self.change(&["default", policy.word(), word])
    }

    fn logging(&mut self, logging: Logging) -> Result<(), Failure> {
        let level = variable("/etc/ufw/ufw.conf", "LOGLEVEL");
        let same = match logging {
            Logging::On => level != "off" && !level.is_empty(),
            other => level == other.word(),
        };
        if same { Ok(()) } else { self.change(&["logging", logging.word()]) }
    }

    fn rule(&mut self, arguments: &Arguments, verdict: Verdict) -> Result<(), Failure> {
        let insert = match arguments.insert.filter(|_| !arguments.delete) {
            Some(number) => self.position(number, arguments.insert_relative_to)?,
            None => None,
        };
        let words = rule_words(arguments, verdict, insert)?;
        let printed = self.run(&words)?.stdout();
        let said: Vec<&str> = printed.lines().filter(|line| !line.trim().is_empty()).collect();
        let nothing =
            |line: &&str| line.starts_with("Skipping ") || line.starts_with("Could not delete non-existent rule");
        self.changed |= said.is_empty() || !said.iter().all(nothing);
        Ok(())
    }

    /// The number among all rules; `None` where the rule comes behind the last one, which ufw has no number for.
    fn position(&self, number: i64, origin: Origin) -> Result<Option<i64>, Failure> {
        if origin == Origin::Zero {
            return Ok(Some(number));
        }
        let status = self.status("numbered")?;
        let (mut old, mut new) = (0, 0);
        for line in status.lines().filter(|line| line.starts_with('[')) {
            if line.contains("(v6)") { new += 1 } else { old += 1 }
        }
        let total = old + new;
        let number = number
            + match origin {
                Origin::Zero => 0,
                Origin::FirstIpv4 => 1,
                Origin::LastIpv4 => old.max(1),
                Origin::FirstIpv6 => old + 1,
                Origin::LastIpv6 => {
                    if new > 0 {
                        total
                    } else {
                        total + 1
                    }
                }
            };
        Ok((number <= total).then_some(number))
    }
}

fn rule_words(arguments: &Arguments, verdict: Verdict, insert: Option<i64>) -> Result<Vec<String>, Failure> {
    let routed = arguments.route || arguments.direction == Some(Direction::Routed);
    let mut words: Vec<String> = Vec::new();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    if routed {
        add(&["route"]);
    }
    if arguments.delete {
        add(&["delete"]);
    }
    if let Some(number) = insert {
        add(&["insert", &number.to_string()]);
    }
    add(&[verdict.word()]);
    let direction = match arguments.direction {
        Some(Direction::In | Direction::Incoming) => Some("in"),
        Some(Direction::Out | Direction::Outgoing) => Some("out"),
        _ => None,
    };
    match (direction, &arguments.interface) {
        (Some(direction), None) => add(&[direction]),
        (Some(direction), Some(interface)) => add(&[direction, "on", interface]),
        (None, Some(_)) => {
            return Err(Failure::new("interface needs a direction: say whether packets come in or go out by it"));
        }
        (None, None) => {}
    }
    if let Some(interface) = &arguments.interface_in {
        add(&["in", "on", interface]);
    }
    if let Some(interface) = &arguments.interface_out {
        add(&["out", "on", interface]);
    }
    if !routed && arguments.interface_in.is_some() && arguments.interface_out.is_some() {
        return Err(Failure::new("Only route rules can combine interface_in and interface_out"));
    }
    if arguments.log {
        add(&["log"]);
    }
    for (words, value) in [
        (["from"], Some(&arguments.from_ip)),
        (["port"], arguments.from_port.as_ref()),
        (["to"], Some(&arguments.to_ip)),
        (["port"], arguments.to_port.as_ref()),
    ] {
        if let Some(value) = value {
            add(&[words[0], value]);
        }
    }
    if let Some(protocol) = arguments.proto {
        add(&["proto", protocol.word()]);
    }
    if let Some(name) = &arguments.name {
        add(&["app", name]);
    }
    if let Some(comment) = arguments.comment.as_ref().filter(|comment| !comment.is_empty() && !arguments.delete) {
        add(&["comment", comment]);
    }
    Ok(words)
}

/// Bring the firewall to what is wanted.
///
/// # Errors
/// `ufw` is not there, or refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let mut firewall = Firewall { context, commands: Vec::new(), changed: false };
    let before = firewall.status("verbose")?;
    if let Some(state) = arguments.state {
        firewall.state(state)?;
    }
    if let Some(policy) = arguments.default {
        firewall.policy(policy, arguments.direction)?;
    }
    if let Some(verdict) = arguments.rule {
        firewall.rule(&arguments, verdict)?;
    }
    if let Some(logging) = arguments.logging {
        firewall.logging(logging)?;
    }
    let after = if firewall.changed && !context.check() { firewall.status("verbose")? } else { before.clone() };
    let mut outcome = Outcome::new(firewall.changed).with("commands", firewall.commands).with("msg", after.trim_end());
    if after != before {
        outcome = outcome.with_diff(Diff { before: before.into(), after: after.into(), ..Diff::default() });
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use rprov_modules::testing::Bench;
    use serde_json::json;

    use crate::bench;

    /// A program with ufw's words, which keeps its rules in a file.
    const UFW: &str = r#"
dry=; [ "$1" = --dry-run ] && { dry=1; shift; }
[ "$1" = -f ] && shift
case "$*" in
  "status verbose") echo "Status: $(sed -n s/ENABLED=//p etc/ufw/ufw.conf)"; cat rules;;
  "status numbered") n=0; while read line; do n=$((n+1)); echo "[ $n] $line"; done <rules;;
  enable) sed -i s/=no/=yes/ etc/ufw/ufw.conf;;
  disable) sed -i s/=yes/=no/ etc/ufw/ufw.conf;;
  reload) ;;
  logging*) sed -i "s/LOGLEVEL=.*/LOGLEVEL=$2/" etc/ufw/ufw.conf;;
  default*) sed -i 's/INPUT_POLICY=.*/INPUT_POLICY="DROP"/' etc/default/ufw;;
  delete*) shift; if grep -qxF "$*" rules; then [ $dry ] || { grep -vxF "$*" rules >new; mv new rules; }; echo "Rule deleted"; else echo "Could not delete non-existent rule"; fi;;
  *) if grep -qxF "$*" rules; then echo "Skipping adding existing rule"; else [ $dry ] || echo "$*" >>rules; echo "Rule added"; fi;;
esac
"#;

    fn firewall() -> Bench {
        let bench = bench();
        bench.file("etc/ufw/ufw.conf", "ENABLED=no\nLOGLEVEL=low\n");
        bench.file("etc/default/ufw", "DEFAULT_INPUT_POLICY=\"ACCEPT\"\n");
        bench.file("rules", "");
        bench.program("ufw", UFW);
        bench
    }

    #[test]
    fn the_firewall_its_policy_and_its_log() {
        let bench = firewall();
        // A diff is what changed in the status, which a check cannot know.
        let converges = |arguments: serde_json::Value| {
            let predicted = bench.run("ufw", arguments.clone(), true).unwrap_or_default();
            assert_eq!(predicted["changed"].as_bool(), Some(true), "{arguments}");
            assert_eq!(bench.apply("ufw", arguments.clone())["changed"].as_bool(), Some(true), "{arguments}");
            bench.settled("ufw", arguments);
        };
        converges(json!({"state": "enabled", "policy": "deny"}));
        converges(json!({"logging": "full"}));
        bench.settled("ufw", json!({"logging": "on"}));
        converges(json!({"state": "disabled"}));
        assert_eq!(bench.apply("ufw", json!({"state": "reloaded"}))["changed"].as_bool(), Some(true));
    }

    #[test]
    fn rules_come_once_and_go() {
        let bench = firewall();
        let rule = json!({"rule": "allow", "port": "22", "proto": "tcp", "from": "10.0.0.0/8", "comment": "ssh in",
            "direction": "in", "if": "eth0", "log": true});
        let predicted = bench.run("ufw", rule.clone(), true).unwrap_or_default();
        assert_eq!((predicted["changed"].as_bool(), bench.read("rules").as_str()), (Some(true), ""));
        bench.apply("ufw", rule.clone());
        assert_eq!(
            bench.read("rules"),
            "allow in on eth0 log from 10.0.0.0/8 to any port 22 proto tcp comment ssh in\n"
        );
        bench.settled("ufw", rule);
        bench.apply("ufw", json!({"rule": "deny", "app": "Web"}));
        let mut gone = json!({"rule": "deny", "app": "Web", "delete": true});
        assert_eq!(bench.apply("ufw", gone.clone())["changed"].as_bool(), Some(true));
        bench.settled("ufw", gone.clone());
        gone["insert"] = 1.into();
        bench.settled("ufw", gone);
        bench.calls();
        bench.apply("ufw", json!({"rule": "deny", "insert": 0, "insert_relative_to": "first-ipv4"}));
        assert!(bench.calls().contains(&"ufw insert 1 deny from any to any".to_owned()));
        bench.apply("ufw", json!({"rule": "deny", "insert": 0, "insert_relative_to": "first-ipv6", "port": 1}));
        assert!(bench.calls().contains(&"ufw deny from any to any port 1".to_owned()));
    }

    #[test]
    fn arguments_that_make_no_rule_are_refused() {
        let bench = firewall();
        assert!(bench.fails("ufw", json!({})).contains("logging"));
        assert!(bench.fails("ufw", json!({"rule": "allow", "if": "eth0"})).contains("direction"));
        assert!(bench.fails("ufw", json!({"rule": "allow", "if_in": "a", "if_out": "b"})).contains("route"));
        assert!(bench.fails("ufw", json!({"rule": "allow", "if": "a", "if_out": "b"})).contains("exclusive"));
        assert!(bench.fails("ufw", json!({"rule": "forbid"})).contains("reject"));
    }
}

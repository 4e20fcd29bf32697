//! `iptables`: single rules, chains and policies of the kernel's packet filter, by `iptables` and `ip6tables`.

use crate::argument::Rule::{Exclusive, If};
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::{Command, Output};
use crate::{arguments, choices};

choices! {
    /// Whether the rule is to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

choices! {
    /// Where a new rule goes.
    pub enum Action { Append = "append", Insert = "insert" }
}

choices! {
    /// Which version of the protocol.
    pub enum Version { Four = "ipv4", Six = "ipv6", Both = "both" }
}

choices! {
    /// A table.
    pub enum Table { Filter = "filter", Nat = "nat", Mangle = "mangle", Raw = "raw", Security = "security" }
}

choices! {
    /// What becomes of packets that no rule is about.
    pub enum Policy { Accept = "ACCEPT", Drop = "DROP", Queue = "QUEUE", Return = "RETURN" }
}

choices! {
    /// What the bit that opens a connection is to be.
    pub enum Syn { Ignore = "ignore", Match = "match", Negate = "negate" }
}

choices! {
    /// What addresses are looked up in a set.
    pub enum SetFlags {
        Source = "src", Destination = "dst", SourceDestination = "src,dst", DestinationSource = "dst,src",
        DestinationTwice = "dst,dst", SourceTwice = "src,src",
    }
}

choices! {
    /// A priority of syslog.
    pub enum Level {
        N0 = "0", N1 = "1", N2 = "2", N3 = "3", N4 = "4", N5 = "5", N6 = "6", N7 = "7", Emergency = "emerg",
        Alert = "alert", Critical = "crit", Error = "error", Warning = "warning", Notice = "notice", Info = "info",
        Debug = "debug",
    }
}

arguments! {
    /// Which bits of TCP's header are looked at, and which of them are to be set.
    pub struct TcpFlags {
        /// Those that are looked at.
        flags: Vec<String> = Vec::new(),
        /// Those that are to be set.
        flags_set: Vec<String> = Vec::new(),
    }
}

arguments! {
    /// Modify iptables rules.
    pub struct Arguments {
        /// Append or insert.
        action: Action = Action::Append,
        /// The chain.
        chain: Option<String>,
        /// Create the chain where it is missing; remove it where there is no rule.
        chain_management: bool = false,
        /// A comment in the rule.
        comment: Option<String>,
        /// States of a connection.
        ctstate: Vec<String> = Vec::new(),
        /// Where packets go.
        destination: Option<String>,
        /// The port, or ports (`1:9`), that they go to.
        destination_port: Option<String>,
        /// Several such.
        destination_ports: Vec<String> = Vec::new(),
        /// A range of addresses that they go to.
        dst_range: Option<String>,
        /// Remove all rules of the chain, or of the table.
        flush: bool = false,
        /// Further fragments only.
        fragment: Option<String>,
        /// Where the copies go, with `jump: TEE`.
        gateway: Option<String>,
        /// Group of the process that sends.
        gid_owner: Option<String>,
        /// Go on in that chain, without coming back.
        goto: Option<String>,
        /// The kind of ICMP message.
        icmp_type: Option<String>,
        /// The interface they come from.
        in_interface: Option<String>,
        /// IPv4, IPv6, or both.
        ip_version: Version = Version::Four,
        /// What becomes of the packet: a target or a chain.
        jump: Option<String>,
        /// How often this may match.
        limit: Option<String>,
        /// How many before that.
        limit_burst: Option<String>,
        /// With `jump: LOG`, the priority.
        log_level: Option<Level>,
        /// With `jump: LOG`, the beginning of the line.
        log_prefix: Option<String>,
        /// Extensions to match by.
        r#match: Vec<String> = Vec::new(),
        /// The name of a set.
        match_set: Option<String>,
        /// What is looked up in it.
        match_set_flags: Option<SetFlags>,
        /// Do not ask for names when listing.
        numeric: bool = false,
        /// The interface they leave by.
        out_interface: Option<String>,
        /// The chain's policy.
        policy: Option<Policy>,
        /// The protocol.
        protocol: Option<String>,
        /// What refused packets are answered with.
        reject_with: Option<String>,
        /// The place to insert it at.
        rule_num: Option<String>,
        /// Packets and bytes to start the counters from.
        set_counters: Option<String>,
        /// DSCP mark to set.
        set_dscp_mark: Option<String>,
        /// DiffServ class to set.
        set_dscp_mark_class: Option<String>,
        /// Where packets come from.
        source: Option<String>,
        /// The port, or ports, they come from.
        source_port: Option<String>,
        /// A range of addresses they come from.
        src_range: Option<String>,
        /// Whether the rule is to be there.
        state: State = State::Present,
        /// Packets that open a connection.
        syn: Syn = Syn::Ignore,
        /// The table.
        table: Table = Table::Filter,
        /// Bits of TCP's header.
        tcp_flags: Option<TcpFlags>,
        /// The new destination, with `jump: DNAT`.
        to_destination: Option<String>,
        /// The new ports.
        to_ports: Option<String>,
        /// The new source, with `jump: SNAT`.
        to_source: Option<String>,
        /// User of the process that sends.
        uid_owner: Option<String>,
        /// Seconds to wait for others that change rules.
        wait: Option<String>,
    }
    rules: [
        Exclusive(&["set_dscp_mark", "set_dscp_mark_class"]),
        Exclusive(&["flush", "policy"]),
        If("jump", "TEE", &["gateway"]),
        If("jump", "tee", &["gateway"]),
        If("flush", "False", &["chain"]),
        crate::argument::Rule::By("set_dscp_mark", &["jump"]),
        crate::argument::Rule::By("set_dscp_mark_class", &["jump"]),
        crate::argument::Rule::Together(&["match_set", "match_set_flags"]),
    ],
}

/// The words of a rule, in the order in which iptables is given them.
#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn add(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(|word| (*word).to_owned()));
    }

    /// An option with its value; `!` before the value inverts it.
    fn option(&mut self, flag: &str, value: Option<&str>) {
        match value.filter(|value| !value.is_empty()) {
            None => {}
            Some(value) => match value.strip_prefix('!') {
                Some(value) => self.add(&["!", flag, value.trim_start()]),
                None => self.add(&[flag, value]),
            },
        }
    }

    fn list(&mut self, flag: &str, values: &[String]) {
        if !values.is_empty() {
            self.add(&[flag, &values.join(",")]);
        }
    }
}

/// The rule, without command, table and chain.
fn rule(arguments: &Arguments, six: bool) -> Vec<String> {
    let a = arguments;
    let mut words = Words::default();
    let listed = |name: &str| a.r#match.iter().any(|known| known == name);
    words.option("-p", a.protocol.as_deref());
    words.option("-s", a.source.as_deref());
    words.option("-d", a.destination.as_deref());
    for name in &a.r#match {
        words.option("-m", Some(name));
    }
    if let Some(TcpFlags { flags, flags_set }) = &a.tcp_flags {
        words.add(&["--tcp-flags", &flags.join(","), &flags_set.join(",")]);
    }
    let logs = a.log_prefix.is_some() || a.log_level.is_some();
    words.option("-j", a.jump.as_deref().or(logs.then_some("LOG")));
    if a.jump.as_ref().is_some_and(|jump| jump.eq_ignore_ascii_case("tee")) {
        words.option("--gateway", a.gateway.as_deref());
    }
    if let Some(prefix) = &a.log_prefix {
        words.add(&["--log-prefix", prefix]);
    }
    words.option("--log-level", a.log_level.map(Level::word));
    words.option("--to-destination", a.to_destination.as_deref());
    if !a.destination_ports.is_empty() {
        if !listed("multiport") {
            words.add(&["-m", "multiport"]);
        }
        words.list("--dports", &a.destination_ports);
    }
    words.option("--to-source", a.to_source.as_deref());
    words.option("-g", a.goto.as_deref());
    words.option("-i", a.in_interface.as_deref());
    words.option("-o", a.out_interface.as_deref());
    words.option("-f", a.fragment.as_deref());
    if let Some(counters) = &a.set_counters {
        words.add(&["-c"]);
        words.0.extend(counters.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_owned));
    }
    words.option("--source-port", a.source_port.as_deref());
    words.option("--destination-port", a.destination_port.as_deref());
    words.option("--to-ports", a.to_ports.as_deref());
    words.option("--set-dscp", a.set_dscp_mark.as_deref());
    words.option("--set-dscp-class", a.set_dscp_mark_class.as_deref());
    match a.syn {
        Syn::Ignore => {}
        Syn::Match => words.add(&["--syn"]),
        Syn::Negate => words.add(&["!", "--syn"]),
    }
    if !a.ctstate.is_empty() {
        if listed("state") && !listed("conntrack") {
            words.list("--state", &a.ctstate);
        } else {
            if !listed("conntrack") {
                words.add(&["-m", "conntrack"]);
            }
            words.list("--ctstate", &a.ctstate);
        }
    }
    if (a.src_range.is_some() || a.dst_range.is_some()) && !listed("iprange") {
        words.add(&["-m", "iprange"]);
    }
    words.option("--src-range", a.src_range.as_deref());
    words.option("--dst-range", a.dst_range.as_deref());
    if let (Some(set), Some(flags)) = (&a.match_set, a.match_set_flags) {
        if !listed("set") {
            words.add(&["-m", "set"]);
        }
        words.option("--match-set", Some(set));
        words.add(&[flags.word()]);
    }
    if (a.limit.is_some() || a.limit_burst.is_some()) && !listed("limit") {
        words.add(&["-m", "limit"]);
    }
    words.option("--limit", a.limit.as_deref());
    words.option("--limit-burst", a.limit_burst.as_deref());
    for (flag, owner) in [("--uid-owner", &a.uid_owner), ("--gid-owner", &a.gid_owner)] {
        if owner.is_some() && !listed("owner") {
            words.add(&["-m", "owner"]);
        }
        words.option(flag, owner.as_deref());
    }
    if a.reject_with.is_some() && a.jump.is_none() {
        words.add(&["-j", "REJECT"]);
    }
    words.option("--reject-with", a.reject_with.as_deref());
    words.option(if six { "--icmpv6-type" } else { "--icmp-type" }, a.icmp_type.as_deref());
    if let Some(comment) = &a.comment {
        if !listed("comment") {
            words.add(&["-m", "comment"]);
        }
        words.add(&["--comment", comment]);
    }
    words.0
}

/// The program of one version of the protocol.
struct Filter<'a> {
    program: &'static str,
    arguments: &'a Arguments,
    context: &'a Context<'a>,
}

impl Filter<'_> {
    fn chain(&self) -> &str {
        self.arguments.chain.as_deref().unwrap_or_default()
    }

    fn call(&self, words: &[&str], rule: &[String]) -> Result<Output, Failure> {
        let mut command = Command::new(self.program).plain_locale().args(["-t", self.arguments.table.word()]);
        command = command.args(words.iter().copied());
        if let Some(wait) = &self.arguments.wait {
            command = command.args(["-w", wait]);
        }
        Ok(command.args(rule).run(self.context)?)
    }

    /// Change something, unless in check mode.
    fn change(&self, words: &[&str], rule: &[String], attempt: &str) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        let failed = || format!("could not {attempt} (table {})", self.arguments.table.word());
        self.call(words, rule)?.or_fail(&failed()).map(drop)
    }

    fn list(&self) -> Result<Output, Failure> {
        let words = ["-L", self.chain(), "--numeric"];
        self.call(words.get(..if self.arguments.numeric { 3 } else { 2 }).unwrap_or_default(), &[])
    }

    /// Bring one version's filter to the wanted state; whether that is a change.
    fn apply(&self, rule: &[String]) -> Result<bool, Failure> {
        let a = self.arguments;
        let chain = self.chain();
        if a.flush {
            let words = ["-F", chain];
            let words = words.get(..if chain.is_empty() { 1 } else { 2 }).unwrap_or_default();
            self.change(words, &[], "remove the rules")?;
            return Ok(true);
        }
        if let Some(policy) = a.policy {
            let listed = self.list()?.or_fail(&format!("could not read the policy of {chain}"))?.stdout();
            // `Chain INPUT (policy ACCEPT)`, with counters where there are some.
            let present = listed.split_once("(policy ").and_then(|(_, rest)| rest.split([' ', ')']).next());
            let Some(present) = present else {
                return Err(Failure::new(format!("{chain} has no policy; only built-in chains have one")));
            };
            if present == policy.word() {
                return Ok(false);
            }
            self.change(&["-P", chain, policy.word()], &[], &format!("set the policy of {chain}"))?;
            return Ok(true);
        }
        let present = a.state == State::Present;
        if a.chain_management && rule.is_empty() {
            if self.list()?.success() == present {
                return Ok(false);
            }
            let (flag, verb) = if present { ("-N", "create") } else { ("-X", "remove") };
            self.change(&[flag, chain], &[], &format!("{verb} the chain {chain}"))?;
            return Ok(true);
        }
        if self.call(&["-C", chain], rule)?.success() == present {
            return Ok(false);
        }
        if !present {
            self.change(&["-D", chain], rule, "remove the rule")?;
            return Ok(true);
        }
        if a.chain_management && !self.list()?.success() {
            self.change(&["-N", chain], &[], &format!("create the chain {chain}"))?;
        }
        match (a.action, a.rule_num.as_deref()) {
            (Action::Append, _) => self.change(&["-A", chain], rule, "add the rule")?,
            (Action::Insert, None) => self.change(&["-I", chain], rule, "insert the rule")?,
            (Action::Insert, Some(number)) => self.change(&["-I", chain, number], rule, "insert the rule")?,
        }
        Ok(true)
    }
}

/// Add or remove the rule, the chain, or all rules.
///
/// # Errors
/// iptables refuses; its words are returned.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let logs = arguments.log_prefix.is_some() || arguments.log_level.is_some();
    if logs && arguments.jump.as_ref().is_some_and(|jump| jump != "LOG") {
        return Err(Failure::new("Logging options can only be used with the LOG jump target."));
    }
    let plain = arguments.flush || arguments.policy.is_some();
    let made = |six: bool| if plain { Vec::new() } else { rule(&arguments, six) };
    let programs: &[(&'static str, bool)] = match arguments.ip_version {
        Version::Four => &[("iptables", false)],
        Version::Six => &[("ip6tables", true)],
        Version::Both => &[("iptables", false), ("ip6tables", true)],
    };
    let mut changed = false;
    let mut text = String::new();
    for (program, six) in programs {
        let rule = made(*six);
        changed |= Filter { program, arguments: &arguments, context }.apply(&rule)?;
        text = rule.join(" ");
    }
    Ok(Outcome::new(changed)
        .with("ip_version", arguments.ip_version.word())
        .with("table", arguments.table.word())
        .with("chain", arguments.chain)
        .with("flush", arguments.flush)
        .with("rule", text)
        .with("state", arguments.state.word())
        .with("chain_management", arguments.chain_management)
        .with("wait", arguments.wait))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use rprov_wire::Value;
    use serde_json::json;

    use super::*;
    use crate::argument::Arguments as _;

    fn text(arguments: serde_json::Value, six: bool) -> String {
        let Value::Map(map) = Value::from_json(&arguments) else { panic!("arguments are a dictionary") };
        rule(&Arguments::decode(&map).unwrap(), six).join(" ")
    }

    #[test]
    fn a_rule_has_its_words_in_the_order_that_iptables_wants() {
        for (arguments, six, expected) in [
            (json!({"source": "!10.0.0.0/8", "jump": "DROP"}), false, "! -s 10.0.0.0/8 -j DROP"),
            (json!({"protocol": "tcp", "set_counters": "1,2", "fragment": ""}), false, "-p tcp -c 1 2"),
            (json!({"icmp_type": "8", "limit": "5/s"}), true, "-m limit --limit 5/s --icmpv6-type 8"),
            (
                json!({"match": ["set", "state"], "match_set": "!a", "match_set_flags": "src,dst", "ctstate": "NEW"}),
                false,
                "-m set -m state --state NEW ! --match-set a src,dst",
            ),
            (json!({"log_prefix": "a b", "comment": "c d"}), false, "-j LOG --log-prefix a b -m comment --comment c d"),
            (json!({"set_dscp_mark": "0x20", "jump": "DSCP"}), false, "-j DSCP --set-dscp 0x20"),
            (json!({"uid_owner": "!root", "match": "owner"}), false, "-m owner ! --uid-owner root"),
        ] {
            assert_eq!(text(arguments, six), expected);
        }
    }
}

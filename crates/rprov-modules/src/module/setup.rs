//! `setup`: gathers facts about the host.

use std::path::PathBuf;
use std::time::Duration;

use rprov_wire::Map;

use crate::arguments;
use crate::context::Context;
use crate::fact::{distribution, hardware, local, mounts, network, platform, python, user, virtualization};
use crate::outcome::{Failure, Outcome};
use crate::shell_pattern::ShellPattern;

arguments! {
    /// Gathers facts about remote hosts.
    pub struct Arguments {
        /// Only facts whose name matches one of these shell patterns.
        filter: Vec<String> = Vec::new(),
        /// Which facts to gather: `all`, `min`, `hardware`, `network`, `virtual`, or single ones; `!` leaves one out.
        gather_subset: Vec<String> = vec!["all".to_owned()],
        /// Seconds to wait for file systems that do not answer.
        gather_timeout: u64 = 10,
        /// Directory of the administrator's own facts.
        fact_path: PathBuf = PathBuf::from("/etc/ansible/facts.d"),
        /// The Python that the variables name (`ansible_python_interpreter`); the controller fills this in.
        _interpreter: Option<PathBuf>,
    }
}

/// A family of facts: names by which `gather_subset` knows it, the first of which is its own.
struct Family {
    names: &'static [&'static str],
    /// Part of `min`.
    minimal: bool,
    /// Families that Ansible gathers along with it.
    needs: &'static [&'static str],
    gather: fn(&Arguments, &Context<'_>, &mut Map) -> Vec<String>,
}

macro_rules! families {
    ($($first:literal $(| $alias:literal)* $(+ $need:literal)* $(in $minimal:ident)? => |$arguments:pat_param, $context:pat_param, $facts:pat_param| $body:expr;)+) => {
        &[$(Family {
            names: &[$first $(, $alias)*],
            minimal: families!(@minimal $($minimal)?),
            needs: &[$($need),*],
            gather: |$arguments, $context, $facts| { $body },
        },)+]
    };
    (@minimal minimal) => { true };
    (@minimal) => { false };
}

static FAMILIES: &[Family] = families! {
    "apparmor" | "selinux" in minimal => |_, _, facts| { platform::gather_security(facts); Vec::new() };
    "caps" | "system_capabilities" | "system_capabilities_enforced" in minimal => |_, _, facts| { platform::gather_capabilities(facts); Vec::new() };
    "cmdline" | "proc_cmdline" in minimal => |_, _, facts| { platform::gather_command_line(facts); Vec::new() };
    "date_time" in minimal => |_, _, facts| { platform::gather_time(facts); Vec::new() };
    "distribution" | "distribution_version" | "distribution_release" | "distribution_major_version" | "os_family" in minimal
        => |_, _, facts| { distribution::gather(facts); Vec::new() };
    "dns" in minimal => |_, _, facts| { network::gather_dns(facts); Vec::new() };
    "env" in minimal => |_, context, facts| { user::gather_environment(context.options, facts); Vec::new() };
    "fips" in minimal => |_, _, facts| { platform::gather_fips(facts); Vec::new() };
    "local" in minimal => |arguments, context, facts| local::gather(&arguments.fact_path, context, facts);
    "lsb" in minimal => |_, _, facts| { distribution::gather_lsb(facts); Vec::new() };
    "pkg_mgr" + "distribution" in minimal => |_, _, facts| {
        facts.insert("pkg_mgr".into(), distribution::package_manager().into());
        Vec::new()
    };
    "platform" | "system" | "kernel" | "kernel_version" | "machine" | "machine_id" | "architecture" in minimal
        => |_, context, facts| { platform::gather(context, facts); Vec::new() };
    "python" | "python_version" in minimal => |arguments, context, facts| {
        python::gather(arguments._interpreter.as_deref(), context, facts);
        Vec::new()
    };
    "service_mgr" + "distribution" + "platform" in minimal => |_, _, facts| {
        facts.insert("service_mgr".into(), distribution::service_manager().into());
        Vec::new()
    };
    "ssh_pub_keys" | "ssh_host_pub_keys" | "ssh_host_key_dsa_public" | "ssh_host_key_rsa_public"
        | "ssh_host_key_ecdsa_public" | "ssh_host_key_ed25519_public" in minimal
        => |_, _, facts| { platform::gather_host_keys(facts); Vec::new() };
    "user" | "user_id" | "user_uid" | "user_gid" | "user_gecos" | "user_dir" | "user_shell" | "real_user_id"
        | "effective_user_id" | "effective_group_ids" in minimal => |_, _, facts| { user::gather(facts); Vec::new() };
    "systemd" in minimal => |_, context, facts| { platform::gather_systemd(context, facts); Vec::new() };
    "chroot" | "is_chroot" => |_, _, facts| { platform::gather_chroot(facts); Vec::new() };
    "loadavg" => |_, _, facts| { platform::gather_load(facts); Vec::new() };
    "iscsi" | "iscsi_iqn" | "nvme" | "hostnqn" | "fibre_channel_wwn" => |_, _, facts| { platform::gather_storage_names(facts); Vec::new() };
    "hardware" | "devices" | "memory" | "mounts" | "processor" | "processor_cores" | "processor_count" | "dmi" | "lvm"
        | "uptime_seconds" + "platform" => |arguments, context, facts| {
        hardware::gather_processors(facts);
        hardware::gather_memory(facts);
        hardware::gather_firmware(facts);
        hardware::gather_uptime(facts);
        hardware::gather_devices(facts);
        mounts::gather(Duration::from_secs(arguments.gather_timeout), facts);
        hardware::gather_volumes(context, facts);
        Vec::new()
    };
    "network" | "interfaces" | "default_ipv4" | "default_ipv6" | "all_ipv4_addresses" | "all_ipv6_addresses"
        + "platform" + "distribution" => |_, _, facts| { network::gather(facts); Vec::new() };
    "virtual" | "virtualization_type" | "virtualization_role" | "virtualization_tech_guest"
        | "virtualization_tech_host" => |_, _, facts| { virtualization::gather(facts); Vec::new() };
};

/// Names that Ansible knows and that mean programs this program does without.
const FOREIGN: [&str; 2] = ["facter", "ohai"];

/// Which families are wanted.
fn select(subset: &[String]) -> Result<Vec<&'static Family>, Failure> {
    let mut wanted: Vec<&str> = Vec::new();
    let mut unwanted: Vec<&str> = Vec::new();
    let minimal: Vec<&str> =
        FAMILIES.iter().filter(|family| family.minimal).filter_map(|family| family.names.first().copied()).collect();
    let every: Vec<&str> = FAMILIES.iter().filter_map(|family| family.names.first().copied()).collect();
    let mut add_minimal = true;
    let mut exclude_minimal = false;
    let mut named = false;
    for entry in subset {
        let (name, negated) = match entry.strip_prefix('!') {
            Some(name) => (name, true),
            None => (entry.as_str(), false),
        };
        match (name, negated) {
            ("all", false) => {
                named = true;
                wanted.extend(&every);
            }
            // Everything but the minimum.
            ("all", true) => unwanted.extend(every.iter().filter(|name| !minimal.contains(*name))),
            ("min", false) => {
                named = true;
                wanted.extend(&minimal);
            }
            ("min", true) => exclude_minimal = true,
            (name, negated) => {
                let family = FAMILIES.iter().find(|family| family.names.contains(&name));
                match family.and_then(|family| family.names.first()) {
                    Some(first) if negated => unwanted.push(first),
                    Some(first) => {
                        named = true;
                        wanted.push(first);
                        // Asked for by name: a general exclusion does not reach it.
                        unwanted.retain(|other| other != first);
                    }
                    None if FOREIGN.contains(&name) => named |= !negated,
                    None => {
                        let mut known: Vec<&str> =
                            FAMILIES.iter().flat_map(|family| family.names.iter().copied()).collect();
                        known.extend(["all", "min"]);
                        known.sort_unstable();
                        return Err(Failure::new(format!(
                            "Bad subset '{name}' given to Ansible. gather_subset options allowed: {}",
                            known.join(", ")
                        )));
                    }
                }
            }
        }
    }
    if exclude_minimal {
        add_minimal = false;
        let explicit: Vec<&str> = subset.iter().map(String::as_str).collect();
        let keep = |name: &&str| {
            FAMILIES.iter().any(|family| {
                family.names.first() == Some(name) && family.names.iter().any(|alias| explicit.contains(alias))
            })
        };
        unwanted.extend(minimal.iter().filter(|name| !keep(name)));
    }
    if !named && !exclude_minimal {
        // Only exclusions: all but these.
        wanted.extend(&every);
    }
    if add_minimal {
        wanted.extend(&minimal);
    }
    let mut chosen: Vec<&str> = wanted.into_iter().filter(|name| !unwanted.contains(name)).collect();
    let needed: Vec<&str> = FAMILIES
        .iter()
        .filter(|family| family.names.first().is_some_and(|name| chosen.contains(name)))
        .flat_map(|family| family.needs.iter().copied())
        .collect();
    chosen.extend(needed);
    Ok(FAMILIES.iter().filter(|family| family.names.first().is_some_and(|name| chosen.contains(name))).collect())
}

/// Gather the facts.
///
/// # Errors
/// A name in `gather_subset` is unknown.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let subset: Vec<String> =
        if arguments.gather_subset.is_empty() { vec!["all".to_owned()] } else { arguments.gather_subset.clone() };
    let mut facts = Map::new();
    let mut warnings = Vec::new();
    for family in select(&subset)? {
        context.checkpoint()?;
        warnings.extend((family.gather)(&arguments, context, &mut facts));
    }
    let mut named: Map = facts.into_iter().map(|(name, value)| (format!("ansible_{name}"), value)).collect();
    let patterns: Vec<ShellPattern> = arguments
        .filter
        .iter()
        .filter(|pattern| !pattern.is_empty())
        .map(|pattern| {
            let full = if pattern.starts_with("ansible_") || pattern.starts_with('*') {
                pattern.clone()
            } else {
                format!("ansible_{pattern}")
            };
            ShellPattern::new(&full)
        })
        .collect();
    if patterns.is_empty() {
        named.insert("gather_subset".into(), subset.into());
        named.insert("module_setup".into(), true.into());
    } else {
        named.retain(|name, _| patterns.iter().any(|pattern| pattern.is_match(name)));
    }
    let outcome = Outcome::unchanged().with("ansible_facts", named);
    Ok(if warnings.is_empty() { outcome } else { outcome.with("warnings", warnings) })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::context::{Cancel, Detached};
    use rprov_wire::{Options, Value};
    use std::collections::BTreeSet;

    pub(super) fn facts(arguments: serde_json::Value) -> Map {
        let Value::Map(map) = Value::from_json(&arguments) else { panic!("not a map") };
        let options = Options::default();
        let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
        let outcome = crate::registry::entry("setup").unwrap()(&map, &context).unwrap();
        outcome.values.get("ansible_facts").unwrap().as_map().unwrap().clone()
    }

    fn has(facts: &Map, name: &str) -> bool {
        facts.contains_key(&format!("ansible_{name}"))
    }

    #[test]
    fn a_subset_is_what_it_names_and_needs_and_the_minimum() {
        let min = facts(serde_json::json!({"gather_subset": ["!all"]}));
        assert!(has(&min, "distribution") && has(&min, "kernel") && !has(&min, "interfaces") && !has(&min, "loadavg"));
        let hardware = facts(serde_json::json!({"gather_subset": ["!all", "!min", "hardware"]}));
        assert!(has(&hardware, "memtotal_mb") && has(&hardware, "kernel") && !has(&hardware, "distribution"));
        let time = facts(serde_json::json!({"gather_subset": ["!all", "!min", "date_time"]}));
        assert_eq!(time.keys().collect::<Vec<_>>(), ["ansible_date_time", "gather_subset", "module_setup"]);
        let less = facts(serde_json::json!({"gather_subset": ["!network"]}));
        assert!(!has(&less, "interfaces") && has(&less, "memtotal_mb"));
        let options = Options::default();
        let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
        let mut map = Map::new();
        map.insert("gather_subset".into(), "nono".into());
        let failure = crate::registry::entry("setup").unwrap()(&map, &context).unwrap_err();
        assert!(failure.message.starts_with("Bad subset 'nono' given to Ansible."));
    }

    #[test]
    fn a_filter_takes_names_with_and_without_the_prefix() {
        let some = facts(serde_json::json!({"filter": ["ansible_kernel*", "date_time"]}));
        let names: BTreeSet<&str> = some.keys().map(String::as_str).collect();
        assert_eq!(names, BTreeSet::from(["ansible_date_time", "ansible_kernel", "ansible_kernel_version"]));
    }
}

#[cfg(all(test, feature = "system-tests"))]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod comparison {
    use std::collections::BTreeSet;

    use rprov_wire::Value;

    use super::tests::facts;

    /// Facts that move between two looks at the machine, or that are about the reference's own process.
    const UNSTABLE: [&str; 10] = [
        "ansible_date_time",
        "ansible_env",
        "ansible_loadavg",
        "ansible_memfree_mb",
        "ansible_memory_mb",
        "ansible_swapfree_mb",
        "ansible_uptime_seconds",
        "ansible_mounts",
        "ansible_local",
        "ansible_lvm",
    ];

    /// Order carries no meaning in these lists: the reference builds them from sets and directories.
    fn sorted(value: &serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Array(items) => {
                let mut items: Vec<serde_json::Value> = items.iter().map(sorted).collect();
                items.sort_by_key(ToString::to_string);
                items.into()
            }
            serde_json::Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect(),
            other => other.clone(),
        }
    }

    #[test]
    fn the_facts_are_those_of_the_reference() {
        let folder = std::env::var_os("RPROV_ANSIBLE").unwrap_or_else(|| "/opt/ansible/bin".into());
        let program = std::path::Path::new(&folder).join("ansible");
        assert!(
            program.exists(),
            "there is no {}: install the reference (python3 -m venv /opt/ansible && /opt/ansible/bin/pip install \
             ansible-core==2.19.14), or name the folder of its programs in RPROV_ANSIBLE",
            program.display()
        );
        let output = std::process::Command::new(&program)
            .args(["-i", "localhost,", "-c", "local", "localhost", "-m", "setup", "-e"])
            .arg("ansible_python_interpreter=/usr/bin/python3")
            .env("ANSIBLE_NOCOLOR", "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let Some(json) = text.find('{').and_then(|start| text.get(start..)) else {
            panic!("the reference gave no facts:\n{text}{}", String::from_utf8_lossy(&output.stderr));
        };
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        let reference = json.get("ansible_facts").unwrap().as_object().unwrap().clone();
        let started = std::time::Instant::now();
        let own = facts(serde_json::json!({}));
        let elapsed = started.elapsed();
        let (mut equal, mut total) = (0, 0);
        let mut shape_only = Vec::new();
        for (name, theirs) in &reference {
            let ours = own.get(name).map(Value::to_json);
            if UNSTABLE.contains(&name.as_str()) {
                shape_only.push((name, theirs, ours));
                continue;
            }
            total += 1;
            if ours.as_ref().map(sorted) == Some(sorted(theirs)) {
                equal += 1;
            } else {
                println!("{name}:\n  theirs {theirs}\n  ours   {ours:?}");
            }
        }
        // What moves has the same keys all the same.
        for (name, theirs, ours) in shape_only {
            let (Some(theirs), Some(ours)) = (theirs.as_object(), ours.as_ref().and_then(|ours| ours.as_object()))
            else {
                continue;
            };
            if name != "ansible_env" && name != "ansible_local" {
                let keys =
                    |map: &serde_json::Map<String, serde_json::Value>| map.keys().cloned().collect::<BTreeSet<_>>();
                assert_eq!(keys(theirs), keys(ours), "{name}");
            }
        }
        for name in own.keys().filter(|name| !reference.contains_key(*name)) {
            println!("only ours: {name}");
        }
        println!("{equal} of {total} facts equal ({}%), gathered in {elapsed:?}", equal * 100 / total);
        assert!(equal * 100 >= total * 95, "only {equal} of {total} facts are those of the reference");
    }
}

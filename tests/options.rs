//! The options of every module, compared with the reference's documentation: names, aliases, types, choices,
//! defaults, and what must be given.
//!
//! `tests/vectors/options.json` holds what `ansible-doc -j` says of the modules that rprov has (no texts), and the
//! versions it was asked in. It is made anew, from ansible-core and the collections on `ANSIBLE_COLLECTIONS_PATH`, by:
//!
//! ```text
//! RPROV_GOLDEN=record cargo test --test options
//! ```
//!
//! `RPROV_ANSIBLE` is the folder of the reference's programs (else `/opt/ansible/bin`). What is meant to differ stands in
//! [`EXCEPTIONS`]; an exception that nothing needs any more fails the test too.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use rprov::action;
use rprov_modules::argument::{Spec, Type};
use serde_json::{Map, Value, json};

/// Differences that are meant: module (with one `*` for any text), option, what differs, reason.
const EXCEPTIONS: &[(&str, &str, &str, &str)] = &[
    ("docker_*", "api_version", "default", "it is negotiated; the environment is asked first"),
    ("docker_*", "docker_host", "default", "the environment is asked first"),
    ("docker_*", "timeout", "default", "the environment is asked first"),
    ("docker_container", "networks.driver_opts", "is not", "of a later version of the collection"),
    ("docker_container", "networks.gw_priority", "is not", "of a later version of the collection"),
    ("docker_container", "pull", "type", "the words are all that it takes, `true` and `false` among them"),
    ("docker_container", "purge_networks", "is not", "of earlier versions; old playbooks say it"),
    ("synchronize", "_local_rsync_password", "missing", "for internal use, as its documentation says"),
    ("synchronize", "_local_rsync_path", "missing", "as above"),
    ("synchronize", "_ssh_args", "missing", "as above"),
    ("synchronize", "_substitute_controller", "missing", "as above"),
    ("gluster_peer", "state", "must be given", "it has a default"),
    ("postgresql_*", "login_password", "default", "none is as good as an empty one"),
    ("dnf", "auto_install_module_deps", "is not", "dnf5 takes it, and both are one module"),
    ("dnf5", "use_backend", "is not", "dnf takes it, and both are one module"),
    ("docker_login", "config_path", "default", "expanded already"),
    ("mysql_db", "master_data", "type", "one of three words, which numbers are read as"),
    ("mongodb_replicaset", "protocol_version", "type", "one of two words, which numbers are read as"),
    ("command", "executable", "is not", "taken with a warning, though it is not documented"),
    ("pip", "virtualenv_command", "type", "a program with its arguments, not a path"),
    ("set_stats", "data", "must be given", "it may be missing, though it is documented otherwise"),
    ("gather_facts", "gather_subset", "is not", "goes to setup, as all options of gather_facts do"),
    ("gather_facts", "gather_timeout", "is not", "as above"),
    ("gather_facts", "filter", "is not", "as above"),
    ("gather_facts", "fact_path", "is not", "as above"),
    ("validate_argument_spec", "validate_args_context", "is not", "what a role's loading says of the role"),
    ("hostname", "use", "choice freebsd", "rprov manages Linux hosts"),
    ("hostname", "use", "choice macos", "as above"),
    ("hostname", "use", "choice darwin", "as above"),
    ("hostname", "use", "choice openbsd", "as above"),
    ("hostname", "use", "choice solaris", "as above"),
    ("package_facts", "manager", "choice openbsd_pkg", "as above"),
    ("package_facts", "manager", "choice pkg", "as above"),
    ("package_facts", "manager", "choice portage", "not there yet"),
    ("i*_role", "tasks_from", "default", "`main` in any of its spellings"),
    ("i*_role", "vars_from", "default", "as above"),
    ("i*_role", "defaults_from", "default", "as above"),
    ("i*_role", "handlers_from", "default", "as above"),
    ("i*_role", "role", "is not", "taken, though it is not documented"),
    ("include_*", "file", "type", "searched beside the playbook; a path is made of it there"),
    ("include_*", "dir", "type", "as above"),
    ("template", "src", "type", "as above"),
    ("template", "dest", "type", "becomes a path on the host"),
    ("template", "directory_mode", "is not", "taken, though it is not documented"),
    ("template", "newline_sequence", "takes more", "as characters and as escapes, both of which playbooks say"),
    ("template", "newline_sequence", "default", "as above"),
    ("template", "block_start_string", "default", "that of the template's own syntax"),
    ("template", "block_end_string", "default", "as above"),
    ("template", "variable_start_string", "default", "as above"),
    ("template", "variable_end_string", "default", "as above"),
    ("fetch", "src", "type", "a path on the host"),
    ("script", "chdir", "type", "a path on the host"),
    ("script", "creates", "type", "a path on the host"),
    ("script", "removes", "type", "a path on the host"),
    ("unarchive", "src", "type", "a path; its first half is the controller's"),
    ("known_hosts", "path", "default", "expanded already"),
    ("debug", "msg", "default", "the greeting is the action's"),
    ("reboot", "reboot_command", "default", "found on the host"),
    ("user", "ssh_key_comment", "default", "made on the host"),
    ("shell", "strip_empty_ends", "is not", "those of `command`, which takes them for both"),
    ("shell", "expand_argument_vars", "is not", "as above"),
    ("nmcli", "gsm.password-flags", "takes more", "numbers, of which NetworkManager says what they may be"),
    ("nmcli", "gsm.pin-flags", "takes more", "as above"),
    ("nmcli", "macvlan.mode", "takes more", "as above"),
    ("nmcli", "vpn.password-flags", "takes more", "as above"),
    ("nmcli", "wifi.ap-isolation", "takes more", "as above"),
    ("nmcli", "wifi.mac-address-randomization", "takes more", "as above"),
    ("nmcli", "wifi.powersave", "takes more", "as above"),
    ("nmcli", "wifi_sec.fils", "takes more", "as above"),
    ("nmcli", "wifi_sec.pmf", "takes more", "as above"),
    ("nmcli", "wifi_sec.wep-key-type", "takes more", "as above"),
    ("nmcli", "wifi_sec.wep-tx-keyidx", "takes more", "as above"),
    ("nmcli", "wireguard.private-key-flags", "takes more", "as above"),
];

fn record() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/options.json")
}

fn full_name(name: &str) -> String {
    match &*action::find(name).unwrap().collection {
        "ansible.builtin" => name.to_owned(),
        collection => format!("{collection}.{name}"),
    }
}

#[test]
fn every_module_has_the_options_of_the_reference() {
    if std::env::var("RPROV_GOLDEN").is_ok_and(|mode| mode == "record") {
        return write_record();
    }
    let recorded: Value = serde_json::from_str(&std::fs::read_to_string(record()).unwrap()).unwrap();
    let mut found = Vec::new();
    let mut equal = 0;
    for name in action::names() {
        let known = action::find(name).unwrap();
        let Some(theirs) = recorded["modules"][full_name(name)].as_object() else {
            found.push((name.to_owned(), String::new(), "not recorded: record again".to_owned()));
            continue;
        };
        // `- command: text`: the documentation has an option for the text, that nobody can name.
        let free = known.free_form.is_some() || known.spec.open;
        let nameless = ["free_form", "free-form", "key_value"];
        let theirs: Map<String, Value> = theirs
            .iter()
            .filter(|(name, _)| !(free && nameless.contains(&name.as_str())))
            .map(|(name, option)| (name.clone(), option.clone()))
            .collect();
        let mut differences = Vec::new();
        compare("", &theirs, known.spec, known.spec.open, &mut differences);
        equal += theirs.len();
        found.extend(differences.into_iter().map(|(option, text)| (name.to_owned(), option, text)));
    }
    let mut needed = vec![false; EXCEPTIONS.len()];
    found.retain(|(module, option, text)| {
        let named = |pattern: &str| match pattern.split_once('*') {
            None => pattern == module,
            Some((start, end)) => module.starts_with(start) && module.ends_with(end),
        };
        let exception =
            EXCEPTIONS.iter().position(|(of, which, what, _)| named(of) && which == option && text.starts_with(what));
        if let Some(flag) = exception.and_then(|index| needed.get_mut(index)) {
            *flag = true;
        }
        exception.is_none()
    });
    let mut lines: Vec<String> =
        found.into_iter().map(|(module, option, text)| format!("{module}: {option}: {text}")).collect();
    for ((module, option, what, _), needed) in EXCEPTIONS.iter().zip(needed) {
        if !needed {
            lines.push(format!("{module}: {option}: nothing needs the exception `{what}` any more"));
        }
    }
    println!("{equal} options of {} modules looked at", action::names().len());
    assert!(lines.is_empty(), "options differ from the reference's:\n{}", lines.join("\n"));
}

fn compare(prefix: &str, theirs: &Map<String, Value>, ours: &Spec, open: bool, found: &mut Vec<(String, String)>) {
    let find = |name: &str| ours.option(name);
    for (name, theirs) in theirs {
        let place = format!("{prefix}{name}");
        let mut differ = |text: String| found.push((place.clone(), text));
        let Some(own) = find(name) else {
            if !open {
                differ("missing".to_owned());
            }
            continue;
        };
        for alias in theirs["aliases"].as_array().into_iter().flatten() {
            let alias = alias.as_str().unwrap();
            if find(alias).is_none_or(|found| found.name != own.name) {
                differ(format!("alias {alias} is missing"));
            }
        }
        let kind = kind_name(&own.kind);
        let wanted = wanted_kind(theirs);
        if !takes(&kind, &wanted) {
            differ(format!("type {wanted} is {kind}"));
        }
        let choices = match &own.kind {
            Type::Choice(words) => Some(words.to_vec()),
            Type::List(Type::Choice(words)) => Some(words.to_vec()),
            _ => None,
        };
        let wanted: Option<Vec<String>> =
            theirs["choices"].as_array().map(|choices| choices.iter().map(plain).collect());
        match (wanted, choices) {
            (Some(wanted), Some(own)) => {
                for word in wanted.iter().filter(|word| !own.contains(&word.as_str())) {
                    differ(format!("choice {word} is missing"));
                }
                for word in own.iter().filter(|word| !wanted.iter().any(|wanted| wanted == *word)) {
                    differ(format!("choice {word} is not the reference's"));
                }
            }
            (Some(wanted), None) => differ(format!("takes more than the choices {}", wanted.join(", "))),
            (None, Some(own)) => differ(format!("takes only {}", own.join(", "))),
            (None, None) => {}
        }
        let default = own.default.map(|default| default().to_json()).unwrap_or_default();
        if !same_default(&theirs["default"], &default) {
            differ(format!("default {} is {default}", theirs["default"]));
        }
        let required = theirs["required"] == json!(true);
        if required != own.required {
            differ(if required { "must be given".to_owned() } else { "need not be given".to_owned() });
        }
        if let Some(theirs) = theirs["suboptions"].as_object() {
            match nested(&own.kind) {
                Some(spec) => compare(&format!("{place}."), theirs, spec, false, found),
                None => differ("its suboptions are not known".to_owned()),
            }
        }
    }
    for own in ours.options().filter(|own| !own.name.starts_with('_') && own.name != "free_form") {
        let known = |name: &str| {
            theirs.iter().any(|(theirs, option)| {
                theirs == name
                    || option["aliases"].as_array().is_some_and(|aliases| aliases.iter().any(|alias| alias == name))
            })
        };
        for name in std::iter::once(&own.name).chain(own.aliases).filter(|name| !name.starts_with('_')) {
            if !known(name) {
                found.push((format!("{prefix}{name}"), "is not the reference's".to_owned()));
            }
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn kind_name(kind: &Type) -> String {
    match kind {
        Type::List(item) => format!("list of {}", kind_name(item)),
        other => other.name().to_owned(),
    }
}

fn wanted_kind(option: &Value) -> String {
    match (option["type"].as_str().unwrap_or("str"), option["elements"].as_str()) {
        ("list", elements) => format!("list of {}", elements.unwrap_or("str")),
        (kind, _) => kind.to_owned(),
    }
}

/// Whether an option of one type takes all that an option of the reference's type takes.
fn takes(kind: &str, wanted: &str) -> bool {
    match (kind, wanted) {
        _ if kind == wanted => true,
        ("raw", _) | ("float", "int") => true,
        // Without a type in the documentation, text is what is meant; numbers and structures are what is given.
        ("float" | "dict", "str") => true,
        ("list of list of str", "list of list") => true,
        _ => false,
    }
}

fn nested(kind: &Type) -> Option<&'static Spec> {
    match kind {
        Type::Nested(spec) => Some(spec),
        Type::List(item) => nested(item),
        _ => None,
    }
}

/// Defaults as a playbook could tell them apart: nothing, an empty collection and a switch that is off are the same,
/// and `yes` is `true`.
fn same_default(theirs: &Value, own: &Value) -> bool {
    let plain = |value: &Value| match value {
        Value::Bool(false) => Value::Null,
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Object(map) if map.is_empty() => Value::Null,
        other => other.clone(),
    };
    match (theirs, own) {
        (Value::Number(theirs), Value::Number(own)) => theirs.as_f64() == own.as_f64(),
        (Value::String(word), Value::Bool(own)) => rprov_modules::argument::boolean(word) == Some(*own),
        (Value::String(text), Value::Array(items)) => {
            text.split(',').map(|part| json!(part.trim())).eq(items.iter().cloned())
        }
        (Value::String(text), Value::Number(number)) => *text == number.to_string(),
        (Value::Number(number), Value::String(text)) => *text == number.to_string(),
        (theirs, own) => plain(theirs) == plain(own),
    }
}

fn write_record() {
    let folder = std::env::var("RPROV_ANSIBLE").unwrap_or_else(|_| "/opt/ansible/bin".to_owned());
    let ask = |arguments: &[&str]| {
        let program = Path::new(&folder).join("ansible-doc");
        let output = Command::new(&program).args(arguments).output().unwrap_or_else(|error| {
            panic!("could not start {}: {error}; name the reference's folder in RPROV_ANSIBLE", program.display())
        });
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let names: Vec<String> = action::names().into_iter().map(full_name).collect();
    let arguments: Vec<&str> = std::iter::once("-j").chain(names.iter().map(String::as_str)).collect();
    let documented: Value = serde_json::from_slice(&ask(&arguments)).unwrap();
    let mut modules = Map::new();
    for (name, entry) in documented.as_object().unwrap() {
        modules.insert(name.clone(), without_texts(&entry["doc"]["options"]));
    }
    let missing: Vec<&String> = names.iter().filter(|name| !modules.contains_key(*name)).collect();
    assert!(
        missing.is_empty(),
        "the reference does not know {missing:?}: put their collections on ANSIBLE_COLLECTIONS_PATH"
    );
    let version = String::from_utf8(ask(&["--version"])).unwrap().lines().next().unwrap_or_default().to_owned();
    let text = serde_json::to_string_pretty(&json!({"reference": version, "modules": modules})).unwrap();
    std::fs::write(record(), text + "\n").unwrap();
}

fn without_texts(options: &Value) -> Value {
    let mut kept = Map::new();
    for (name, option) in options.as_object().into_iter().flatten() {
        let mut entry = Map::new();
        for key in ["type", "elements", "aliases", "choices", "default", "required"] {
            match &option[key] {
                Value::Null => {}
                // Choices may come with an explanation of each.
                Value::Object(explained) if key == "choices" => {
                    entry.insert(key.to_owned(), explained.keys().cloned().collect());
                }
                value => {
                    entry.insert(key.to_owned(), value.clone());
                }
            }
        }
        if option["suboptions"].is_object() {
            entry.insert("suboptions".to_owned(), without_texts(&option["suboptions"]));
        }
        kept.insert(name.clone(), entry.into());
    }
    kept.into()
}

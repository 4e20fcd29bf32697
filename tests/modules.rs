//! Modules compared with those of the reference, result by result.
//!
//! `tests/modules/NAME.yml` is a list of tasks. It runs on this machine, in a directory of its own, three times: in
//! check mode, for real, and once more. What each task registers, and the files that are left behind, must be what
//! `NAME.reference.json` says. That file was recorded from the reference (ansible-core 2.19.14) by this same program:
//!
//! ```text
//! RPROV_GOLDEN=record cargo test --test modules          # all of them
//! RPROV_GOLDEN=record cargo test --test modules -- copy  # one
//! ```
//!
//! `RPROV_ANSIBLE` is the folder of the reference's programs (else `/opt/ansible/bin`). The record holds
//! a checksum of its inputs: tasks that were changed since make the test fail instead of comparing with the wrong thing.
//! A difference that is meant stands in [`ALLOWED`], with its reason.
//!
//! What belongs to the machine itself (packages, services, the firewall) is not changed here: those lists run as root in a
//! container that `tests/modules/machine/image.sh` makes, each in a fresh one ([`ON_MACHINE`]).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use fancy_regex::Regex;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Differences that are meant: list of tasks (with one `*`), key (`registered.key`, with one `*` for any text), phase (`*` for any), reason.
const ALLOWED: &[(&str, &str, &str, &str)] = &[
    ("assemble", "*.diff", "*", "the reference gives no diff for fragments on the host"),
    ("assemble", "controller*", "check", "it says what would be done, not what would be returned"),
    ("assemble", "invalid.*", "check", "content that is not written is not validated in check mode"),
    (
        "blockinfile",
        "created.msg",
        "*",
        "a new file has its attributes from the start: they are no change of their own",
    ),
    ("blockinfile", "created.diff*", "*", "as above"),
    ("lineinfile", "created.msg", "*", "a new file has its attributes from the start: they are no change of their own"),
    ("lineinfile", "created.diff*", "*", "as above"),
    ("lineinfile", "bad_regexp.msg", "*", "the text of the regular expression engine"),
    ("file*", "hard*.msg", "*", "names the source"),
    ("file*", "*no_owner.msg", "*", "says what to do"),
    ("file_existing", "not_through.*", "*", "a link has no mode of its own"),
    ("file_existing", "new_no_owner.*", "*", "a user that is not there is found before anything is made"),
    ("file_existing", "new2*", "*", "as above"),
    ("file_existing", "touch_nowhere.msg", "*", "says why"),
    ("file_existing", "below_file.msg", "*", "without the text of a Python exception"),
    ("file*", "bad_mode.msg", "*", "says what to do"),
    ("copy_options", "no_owner.*", "*", "a user that is not there is found before anything is written"),
    ("copy_options", "bad_mode.*", "*", "a mode that is none is found before anything is written"),
    ("edit_options", "replace_bad.msg", "*", "the text of the regular expression engine"),
    ("find_options", "regex.examined", "*", "the reference also counts what lies below the depth"),
    ("find_options", "bad_size.msg", "*", "says which units there are"),
    ("command_options", "shell_missing.*", "*", "names the program that could not be started"),
    ("git_options", "archive_unknown.*", "check", "an archive that cannot be made is foreseen"),
    ("http_options", "get_*.checksum_src", "check", "the reference asks for the headers alone"),
    ("http_options", "get_*.md5sum", "check", "as above"),
    ("http_options", "get_*.status_code", "check", "as above"),
    ("http_options", "get_headers.msg", "check", "as above"),
    ("http_options", "get_agent.src", "*", "there is no temporary file to name"),
    ("http_options", "get_bad_sum.*", "*", "nothing was looked at yet"),
    ("http_options", "no_directory.*", "*", "names the directory that is missing"),
    ("http_options", "no_socket.msg", "*", "the text of the operating system, without Python's"),
    ("http_options", "no_url.*", "*", "says which there are"),
    ("known_hosts", "known.old", "*", "no copy is kept of the former file"),
    ("known_hosts", "absent.diff.after", "*", "what is removed is shown"),
    ("known_hosts", "other_name.msg", "*", "says which name"),
    ("known_hosts", "bad_key.msg", "*", "says which line"),
    ("git_options", "archive_nowhere.*", "*", "names the directory that is missing"),
    ("apt_key", "no_*", "*", "says what is wrong with what was given as a key"),
    ("apt_key", "now.stdout*", "*", "an empty keyring is not left behind by looking at it"),
    ("apt_key", "other.gpg", "check", "as above"),
    ("dnf", "version.ansible_facts", "check", "the package manager is found out by the module"),
    ("dnf", "*.results[1]", "*", "packages in the order of dnf's own table"),
    ("dnf", "*.results[2]", "*", "as above"),
    ("dnf", "*.results[3]", "*", "as above"),
    ("dnf", "*.rpm.sha256", "*", "packages are built with the container's image, at another time each"),
    ("dnf", "no_repository.*", "*", "says that no repository is enabled"),
    ("dnf", "bad_choice.msg", "*", "the choices in the order of the documentation"),
    ("dnf", "no_conf.msg", "*", "names the file"),
    ("dpkg_selections", "*.diff", "*", "the reference gives no diff"),
    ("expect", "used_up.msg", "*", "shows all that the command said"),
    ("expect", "bad_pattern.msg", "*", "the text of the regular expression engine"),
    ("expect", "bad_answer.*", "*", "a structure that is given as an answer is written as JSON"),
    ("expect", "bad_timeout.msg", "*", "says what may be given"),
    ("iptables", "*.cmd", "*", "the message says what was attempted"),
    ("iptables", "*.msg", "*", "as above"),
    ("mount_facts", "no_binary.msg", "*", "says what to do"),
    ("package_rpm", "latest.results[1]", "*", "packages in the order of dnf's own table"),
    ("package_rpm", "latest.results[2]", "*", "as above"),
    ("package_rpm", "*.epoch", "*", "no epoch is null, as it is documented, not the text `None`"),
    ("package_rpm", "bad_state.msg", "*", "the choices in the order of the documentation"),
    ("package_rpm", "bad_option.msg", "*", "names the option and what was probably meant"),
    ("rpm_key", "no_server.msg", "*", "the text of the operating system, without Python's"),
    ("rpm_key", "junk.msg", "*", "keys are read without gpg"),
    ("service_openrc", "*", "check", "says in check mode what is said otherwise"),
    ("service_upstart", "*", "check", "says in check mode what is said otherwise"),
    ("service_upstart", "then.*", "*", "a file that says nothing any more is removed"),
    ("service_upstart", "now.stdout*", "again", "as above"),
    (
        "service_openrc",
        "facts.ansible_facts.services.rprov-other",
        "*",
        "rc-status lists it once its cache, which counts in seconds, is newer than the script",
    ),
    ("service_openrc", "unknown.msg", "*", "in the words that the other service managers have"),
    ("subversion", "no_checkout.changed", "check", "nothing would be done"),
    ("subversion", "in_place*", "check", "nothing is checked out in check mode"),
    ("subversion", "place/.svn", "check", "as above"),
    ("subversion", "forced.before*", "*", "a task that fails has not switched the working copy before"),
    ("subversion", "*.cmd", "*", "the message says what was attempted"),
    ("subversion", "*.msg", "*", "as above, and what to do"),
    ("sysvinit", "*.status.null", "*", "what was not asked for is not told"),
    ("sysvinit", "*unknown.msg", "*", "names the script that is missing"),
    ("sysvinit", "service_unknown_enabled.msg", "*", "as above"),
    ("sysvinit", "service_started.status.*", "*", "what was disabled is enabled again; the reference fails to"),
    ("sysvinit", "service_stopped.status.*", "*", "as above"),
    ("sysvinit", "enabled.status.*", "again", "as above"),
    ("sysvinit", "started.status.*", "again", "as above"),
    ("sysvinit", "stopped.status.*", "again", "as above"),
    ("sysvinit", "now.stdout*", "again", "as above"),
    ("yum_repository", "*.deprecations", "*", "notes on the reference's own future"),
    ("unarchive_options", "keep_newer.*", "*", "nothing was extracted, so nothing has changed"),
    ("unarchive_options", "junk_url.msg", "*", "names the formats that are known"),
    ("wait_for_options", "delay.port", "*", "the port of this run's server"),
    ("wait_for_options", "drained_no_port.*", "*", "says what is missing"),
    ("variables_options", "include_no_directory.*", "*", "a failure with its message alone"),
    ("variables_options", "bad_name.msg", "*", "says what a name may be"),
    ("http_options", "get_no_tmp.*", "*", "says what was asked for"),
    ("file_existing", "link_with_mode.diff.*", "check", "the mode that a new target of a link would get"),
    ("copy_options", "no_directory.*", "check", "an earlier task may make the directory"),
    ("copy_options", "new_directory.*", "check", "tells all that is known of the file"),
    ("copy_options", "directory_over_file.*", "*", "is refused in so many words, in check mode too"),
    ("copy_options", "tree_over_file.*", "*", "as above"),
    ("copy_options", "modes*", "*", "`mode` is for files, `directory_mode` for directories"),
    ("copy_options", "backup.mode", "*", "a file that is replaced keeps its mode"),
    ("copy_options", "owned*", "*", "a user that is not there is found before anything is written"),
    ("copy_options", "bad_mode*", "*", "a mode that is none is found before anything is written"),
    ("option_errors", "no_dict.*", "check", "wrong options are told although the module would be skipped"),
    ("option_errors", "fetch_missing.*", "check", "as above"),
    ("option_errors", "no_list.msg", "*", "says what the items are to be"),
    ("option_errors", "unknown.warnings", "*", "arguments that are a template are no danger here"),
    ("template_options", "no_owner.*", "*", "a user that is not there is found before anything is written"),
    ("template_options", "owned*", "*", "as above"),
    ("template_options", "latin.diff", "*", "no diff was asked for"),
    ("template_options", "broken.msg", "*", "the template engine's own words"),
    ("option_errors", "no_bool.msg", "*", "the spellings in an order that means something"),
    ("option_errors", "no_float.msg", "*", "names the option"),
    ("option_errors", "*_missing.msg", "*", "names what is missing, in the same words for every module"),
    ("authorized_key", "no_user.msg", "*", "without the text of a Python exception"),
    ("variables", "retried*", "check", "`until` is not asked about a module that check mode skipped"),
    ("command", "bad_chdir.msg", "*", "names the directory"),
    ("command", "missing.msg", "*", "names the program"),
    ("command", "not_utf8.*", "*", "the reference cannot return output that is not UTF-8; here it is replaced"),
    ("copy", "missing.msg", "*", "without the name of a Python exception"),
    ("script", "missing.msg", "*", "each place is listed once"),
    ("template", "missing.msg", "*", "each place is listed once"),
    ("template", "undefined.*", "*", "without the reference's prefix, and with the place"),
    ("find", "depth.examined", "*", "the reference also counts what lies below the depth"),
    ("find", "*age.msg", "*", "says which units there are"),
    (
        "get_url",
        "*.checksum_src",
        "check",
        "the reference asks for the headers alone and gives the checksum of nothing",
    ),
    ("get_url", "*.md5sum", "check", "as above"),
    ("get_url", "*.status_code", "check", "as above"),
    ("get_url", "bad_checksum.*", "check", "a wrong checksum is foreseen"),
    ("get_url", "bad_checksum.msg", "*", "names the address, not a temporary file"),
    ("get_url", "refused.msg", "*", "the text of the operating system, without Python's"),
    ("get_url", "no_directory.*", "*", "nothing is downloaded that has no place to go"),
    ("git", "missing.*", "*", "the program's own words behind what was attempted"),
    ("git", "no_version.*", "*", "the program's own words behind what was attempted"),
    ("git", "no_clone.*", "*", "with `clone: false` nothing is done: nothing has changed"),
    ("ping", "crash.msg", "*", "without the reference's prefix"),
    ("shell", "several.cmd", "*", "the newline at the end of a block of text is no part of the command"),
    ("stat", "followed.stat.*", "*", "the reference looks at the type and flags of the link itself"),
    ("tempfile", "missing.*", "*", "the text of the operating system, without Python's"),
    ("unarchive*", "*", "check", "the reference does not look into archives in check mode"),
    ("unarchive*", "*.extract_results.cmd", "*", "archives are unpacked without tar and unzip"),
    ("unarchive*", "*.extract_results.out", "*", "as above"),
    ("getent", "bad_database.msg", "*", "names the database"),
    ("get_url", "bad_checksum.src", "*", "there is no temporary file to name"),
    ("wait_for", "port_open.port", "*", "the port of this run's server"),
    ("unarchive*", "junk.msg", "*", "names the formats that are known"),
    ("unarchive*", "*.diff", "*", "the reference shows what zipinfo says"),
    ("uri", "dest*.changed", "*", "content that is there already is not written again"),
    ("uri", "missing_src.*", "*", "says why"),
    ("uri", "refused.msg", "*", "the text of the operating system, without Python's"),
    ("variables", "include_missing.*", "*", "a failure with its message alone"),
    ("variables", "debug_undefined.*", "*", "says in so many words what is undefined"),
    ("variables", "looped.skipped", "*", "nothing was skipped"),
];

/// Values that differ from one run to the next of the same program.
const MOVING: [&str; 13] = [
    "start",
    "end",
    "delta",
    "atime",
    "mtime",
    "ctime",
    "inode",
    "dev",
    "ino",
    "version",
    "birthtime",
    "elapsed",
    "date",
];

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// Every list of tasks has its test.
        const CASES: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                compare(stringify!($name));
            }
        )*
    };
}

/// Lists that run in a container.
const ON_MACHINE: &[&str] = &[
    "apt_key",
    "dnf",
    "dpkg_selections",
    "expect",
    "iptables",
    "mount_facts",
    "package_rpm",
    "rpm_key",
    "service_openrc",
    "service_upstart",
    "subversion",
    "sysvinit",
    "yum_repository",
];

cases! {
    apt_key,
    assemble,
    authorized_key,
    blockinfile,
    command,
    command_options,
    copy,
    copy_options,
    cron,
    dnf,
    dpkg_selections,
    edit_options,
    expect,
    fetch,
    file,
    file_existing,
    find,
    find_options,
    get_url,
    getent,
    git,
    git_options,
    group,
    http_options,
    ini_file,
    iptables,
    known_hosts,
    option_errors,
    lineinfile,
    mount_facts,
    package_rpm,
    ping,
    raw,
    replace,
    rpm_key,
    script,
    service_openrc,
    service_upstart,
    shell,
    slurp,
    stat,
    subversion,
    sysvinit,
    tempfile,
    template,
    template_options,
    unarchive,
    unarchive_options,
    uri,
    user,
    variables,
    variables_options,
    wait_for,
    wait_for_options,
    yum_repository,
}

#[test]
fn every_list_of_tasks_has_its_test() {
    for entry in std::fs::read_dir(inputs()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yml") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(CASES.contains(&name), "{} has no test: add {name} to `cases!`", path.display());
        }
    }
}

fn inputs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules")
}

fn compare(name: &str) {
    let record = inputs().join(format!("{name}.reference.json"));
    let checksum = checksum_of_inputs(name);
    if std::env::var("RPROV_GOLDEN").is_ok_and(|mode| mode == "record") {
        let folder = std::env::var("RPROV_ANSIBLE").unwrap_or_else(|_| "/opt/ansible/bin".to_owned());
        let program = format!("{folder}/ansible-playbook");
        assert!(
            Path::new(&program).exists(),
            "there is no {program}: install the reference (python3 -m venv /opt/ansible && /opt/ansible/bin/pip install \
             ansible-core==2.19.14), or name the folder of its programs in RPROV_ANSIBLE"
        );
        let python = Path::new(&program).with_file_name("python3");
        let python = if ON_MACHINE.contains(&name) { Path::new("/usr/bin/python3") } else { python.as_path() };
        let phases = run(name, &program, &[format!("ansible_python_interpreter={}", python.display())]);
        let text = serde_json::to_string_pretty(&json!({"inputs": checksum, "phases": phases})).unwrap();
        std::fs::write(record, text + "\n").unwrap();
        return;
    }
    let text = std::fs::read_to_string(&record).unwrap_or_else(|error| {
        panic!("{}: {error}; record it: RPROV_GOLDEN=record cargo test --test modules -- {name}", record.display())
    });
    let recorded: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        recorded["inputs"],
        json!(checksum),
        "tests/modules/{name}.yml or its files were changed since {} was recorded; record it again: \
         RPROV_GOLDEN=record cargo test --test modules -- {name}",
        record.display()
    );
    let own = run(name, env!("CARGO_BIN_EXE_rprov"), &[]);
    let mut differences = Vec::new();
    let mut equal = 0;
    let steady = Steady::new(Path::new("/no/directory/of/a/run"), 0);
    for (phase, theirs) in steady.value(&recorded["phases"]).as_object().unwrap() {
        for part in ["results", "files"] {
            let (theirs, ours) = (theirs[part].as_object().unwrap(), own[phase][part].as_object().unwrap());
            let keys = theirs.keys().chain(ours.keys().filter(|key| !theirs.contains_key(*key)));
            for key in keys.filter(|key| !key.ends_with("$BACKUP")) {
                let place = format!("{phase}: {key}");
                let before = differences.len();
                differ(&place, theirs.get(key), ours.get(key), &mut differences);
                differences.retain(|(place, _)| !allowed(name, place));
                equal += usize::from(differences.len() == before);
            }
        }
    }
    println!("{name}: {equal} results and files equal");
    let lines: Vec<String> = differences.into_iter().map(|(place, text)| format!("{place}: {text}")).collect();
    assert!(lines.is_empty(), "{name} differs from the reference:\n{}", lines.join("\n"));
}

fn allowed(name: &str, place: &str) -> bool {
    let (phase, key) = place.split_once(": ").unwrap_or(("", place));
    ALLOWED.iter().any(|(module, pattern, phases, _)| {
        let fits = |pattern: &str, text: &str| match pattern.split_once('*') {
            None => pattern == text,
            Some((start, end)) => {
                text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
            }
        };
        fits(module, name) && fits(phases, phase) && fits(pattern, key)
    })
}

/// Every place where two values are not the same.
fn differ(place: &str, theirs: Option<&Value>, ours: Option<&Value>, found: &mut Vec<(String, String)>) {
    match (theirs, ours) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            for key in left.keys().chain(right.keys().filter(|key| !left.contains_key(*key))) {
                // Notes on the reference's own insides: tracebacks, and arguments with all their defaults.
                let internal = ["exception", "failed_when_suppressed_exception", "invocation"].contains(&key.as_str());
                // Copies that were made on the way have one name in common here.
                if !internal && !key.ends_with("$BACKUP") {
                    differ(&format!("{place}.{key}"), left.get(key), right.get(key), found);
                }
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                differ(&format!("{place}[{index}]"), Some(left), Some(right), found);
            }
        }
        (left, right) if left == right => {}
        // What was skipped has not failed; the reference leaves that open in some cases.
        (None, Some(Value::Bool(false))) if place.ends_with(".failed") => {}
        // A temporary file of the reference, where rprov has none and names what it stands for.
        (Some(Value::String(left)), Some(Value::String(_))) if left.starts_with("$TMP") => {}
        (left, right) => {
            let text = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), ToString::to_string);
            found.push((place.to_owned(), format!("{} became {}", text(left), text(right))));
        }
    }
}

/// Of the tasks, and of every file that they may use.
fn checksum_of_inputs(name: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(std::fs::read(inputs().join(format!("{name}.yml"))).unwrap());
    let shared: &[&str] =
        if ON_MACHINE.contains(&name) { &["machine"] } else { &["files", "templates", "vars", "vars_directory"] };
    for directory in shared {
        for (path, entry) in tree(&inputs().join(directory)) {
            digest.update(format!("{directory}/{path} {entry}\n"));
        }
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Run the tasks with a program that answers to the name `ansible-playbook`; results and files of each phase.
fn run(name: &str, program: &str, extra: &[String]) -> Value {
    let temporary = tempfile::Builder::new().prefix("rprov-modules-").tempdir().unwrap();
    let root = temporary.path().canonicalize().unwrap();
    let (play, work) = (root.join("play"), root.join("work"));
    std::fs::create_dir(&work).unwrap();
    copy_tree(&inputs(), &play);
    let command = root.join("ansible-playbook");
    std::os::unix::fs::symlink(program, &command).unwrap();
    let tasks = std::fs::read_to_string(inputs().join(format!("{name}.yml"))).unwrap();
    std::fs::write(play.join("run.yml"), playbook(name, &tasks)).unwrap();
    let port = serve();
    let variables = json!({
        "dir": work, "root": root, "port": port, "http": format!("http://127.0.0.1:{port}"),
    });
    let command = if program.ends_with("ansible-playbook") { Path::new(program) } else { &command };
    let mut command = if ON_MACHINE.contains(&name) { in_container(command, &root) } else { Command::new(command) };
    command.args(["-i", "localhost,", "-e", &variables.to_string()]).arg(play.join("run.yml")).current_dir(&play);
    for variable in extra {
        command.args(["-e", variable]);
    }
    command.env("ANSIBLE_LOCALHOST_WARNING", "False").env("ANSIBLE_NOCOLOR", "1").env("LC_ALL", "C.UTF-8");
    let output = command.output().unwrap();
    let log = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut phases = Map::new();
    for phase in PHASES {
        let Ok(text) = std::fs::read_to_string(root.join(format!("{phase}.json"))) else {
            panic!("{name}: the phase {phase} left no results:\n{log}");
        };
        let results: Value = serde_json::from_str(&text).unwrap();
        let files: Map<String, Value> = tree(&root.join(format!("work.{phase}"))).into_iter().collect();
        let steady = Steady::new(&root, port);
        phases
            .insert(phase.to_owned(), json!({"results": steady.value(&results), "files": steady.value(&files.into())}));
    }
    phases.into()
}

/// A program that answers to the name `ansible-playbook`, in a container of its own that sees the directory.
fn in_container(program: &Path, root: &Path) -> Command {
    let built = Command::new(inputs().join("machine/image.sh")).output().unwrap();
    let image = String::from_utf8(built.stdout).unwrap();
    assert!(built.status.success(), "no container: {}", String::from_utf8_lossy(&built.stderr));
    let mut command = Command::new("docker");
    command.args(["run", "--rm", "--network", "none", "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW"]);
    let mut mount = |path: &Path, how: &str| {
        command.arg("--volume").arg(format!("{0}:{0}{how}", path.display()));
    };
    mount(root, "");
    let target = program.canonicalize().unwrap();
    let folder = target.parent().unwrap();
    if program.starts_with(root) {
        mount(folder, ":ro");
    } else {
        // The reference as it is installed, run by the container's Python, which knows the packages' own modules.
        mount(folder.parent().unwrap(), ":ro");
    }
    for variable in ["ANSIBLE_LOCALHOST_WARNING=False", "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8"] {
        command.args(["--env", variable]);
    }
    command.arg("--workdir").arg(root.join("play"));
    // A shell as process 1 collects what daemons leave behind, and is no service manager.
    let shell = ["/bin/sh", "-c", "\"$@\"; exit $?", "sh"];
    if program.starts_with(root) {
        command.arg(image.trim()).args(shell).arg(program);
    } else {
        let library = std::fs::read_dir(folder.parent().unwrap().join("lib")).unwrap().next().unwrap().unwrap().path();
        command.arg("--env").arg(format!("PYTHONPATH={}/site-packages", library.display()));
        command.arg(image.trim()).args(shell).arg("python3").arg(&target);
    }
    command
}

const PHASES: [&str; 3] = ["check", "apply", "again"];

/// One play for each phase; at its end the results are written down and the files put aside.
fn playbook(name: &str, tasks: &str) -> String {
    let names: Vec<String> = tasks
        .lines()
        .filter_map(|line| line.trim().strip_prefix("register: "))
        .map(|name| format!("'{name}': {name}"))
        .collect();
    let results = names.join(", ");
    let mut text = String::new();
    for phase in PHASES {
        let check = phase == "check";
        let keep = match check {
            true => format!("mv {{{{ root }}}}/work {{{{ root }}}}/work.{phase}; mkdir {{{{ root }}}}/work"),
            false => format!("cp -a {{{{ root }}}}/work {{{{ root }}}}/work.{phase}"),
        };
        text.push_str(&format!(
            r#"- hosts: localhost
  connection: local
  gather_facts: false
  check_mode: {check}
  diff: true
  ignore_errors: true
  environment:
    PATH: "{{{{ playbook_dir }}}}/files/bin:{{{{ lookup('env', 'PATH') }}}}"
    CRONTAB_STORE: "{{{{ root }}}}/work/crontab"
  tasks:
    - import_tasks: {name}.yml
    - copy:
        content: "{{{{ {{{results}}} | to_json }}}}"
        dest: "{{{{ root }}}}/{phase}.json"
      check_mode: false
      diff: false
    - shell: "{keep}"
      check_mode: false
"#
        ));
    }
    text
}

fn copy_tree(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

/// Every path below a directory, with its kind, mode and content.
fn tree(directory: &Path) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory_now) = open.pop() {
        for entry in std::fs::read_dir(&directory_now).unwrap() {
            let path = entry.unwrap().path();
            let metadata = std::fs::symlink_metadata(&path).unwrap();
            let mode = format!("{:04o}", metadata.mode() & 0o7777);
            let description = if metadata.is_symlink() {
                json!({"link": std::fs::read_link(&path).unwrap()})
            } else if metadata.is_dir() {
                // What git and Subversion keep inside differs with its configuration, not with who called it.
                if path.file_name().is_some_and(|name| name == ".git" || name == ".svn")
                    || path.extension().is_some_and(|end| end == "git")
                {
                    json!({"repository": true})
                } else {
                    open.push(path.clone());
                    json!({"directory": mode})
                }
            } else {
                let bytes = std::fs::read(&path).unwrap();
                match String::from_utf8(bytes) {
                    Ok(text) if text.len() < 4096 => json!({"mode": mode, "text": text}),
                    Ok(text) => json!({"mode": mode, "sha256": hex(&Sha256::digest(text.as_bytes()))}),
                    Err(error) => json!({"mode": mode, "sha256": hex(&Sha256::digest(error.as_bytes()))}),
                }
            };
            found.insert(path.strip_prefix(directory).unwrap().display().to_string(), description);
        }
    }
    found
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Takes out of results what no two runs have in common.
struct Steady {
    plain: Vec<(String, &'static str)>,
    patterns: Vec<(Regex, &'static str)>,
}

impl Steady {
    fn new(root: &Path, port: u16) -> Self {
        let pattern = |text: &str, name| (Regex::new(text).unwrap(), name);
        Self {
            plain: vec![(root.display().to_string(), "$ROOT"), (format!("127.0.0.1:{port}"), "127.0.0.1:$PORT")],
            patterns: vec![
                pattern(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~", ".$$BACKUP"),
                pattern(r"(/root|~|/[^ ']*)/\.ansible/tmp/ansible-(tmp|local)-[^/ ']+(/tmp[a-z0-9_]{8})?", "$$TMP"),
                pattern(r"/tmp/rprov-script-[A-Za-z0-9]{6}/", "$$TMP/"),
                pattern(r"(/tmp|\$ROOT/work)/(\.?ansible\.|start\.|crontab|tmp)[A-Za-z0-9_]{6,8}\b", "$1/$2$$RANDOM"),
                pattern(r"^(start\.|ansible\.)[A-Za-z0-9_]{8}\b", "$1$$RANDOM"),
            ],
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.plain {
            text = text.replace(from, to);
        }
        for (pattern, to) in &self.patterns {
            text = pattern.replace_all(&text, *to).into_owned();
        }
        text
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Array(items) => {
                let mut items: Vec<Value> = items.iter().map(|item| self.value(item)).collect();
                if items.iter().all(|item| item.get("path").is_some()) {
                    // Files come in the order of their directory, which is none.
                    items.sort_by_key(|item| item["path"].to_string());
                }
                items.into()
            }
            Value::Object(map) => map
                .iter()
                .filter(|(key, _)| !key.starts_with("_ansible"))
                .map(|(key, value)| {
                    let moving = MOVING.contains(&key.as_str()) && !value.is_object() && !value.is_array();
                    let steady = if moving { json!("$MOVING") } else { self.value(value) };
                    (self.text(key), steady)
                })
                .collect(),
            other => other.clone(),
        }
    }
}

/// A web server on loopback, for as long as the test runs; its port.
fn serve() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    port
}

fn answer(stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut words = first.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut extra = String::new();
    let (status, kind, content) = match path.as_str() {
        "/hello" => ("200 OK", "text/plain", "hello\n".to_owned()),
        "/json" => ("200 OK", "application/json", r#"{"name": "value", "list": [1, 2]}"#.to_owned()),
        "/sums" => (
            "200 OK",
            "text/plain",
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  hello\n".to_owned(),
        ),
        "/echo" => {
            let told = json!({
                "method": method,
                "body": String::from_utf8_lossy(&body),
                "type": headers.get("content-type"),
                "own": headers.get("x-own"),
            });
            ("200 OK", "application/json", told.to_string())
        }
        "/redirect" => {
            extra.push_str("Location: /hello\r\n");
            ("302 Found", "text/plain", String::new())
        }
        "/auth" if headers.get("authorization").is_some_and(|value| value == "Basic bWU6c2VjcmV0") => {
            ("200 OK", "text/plain", "let in\n".to_owned())
        }
        "/auth" => {
            extra.push_str("WWW-Authenticate: Basic realm=\"here\"\r\n");
            ("401 Unauthorized", "text/plain", "no\n".to_owned())
        }
        _ => ("404 Not Found", "text/plain", "nothing here\n".to_owned()),
    };
    let mut stream = stream;
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDate: Sun, 01 Jan 2023 00:00:00 GMT\r\n\
         Last-Modified: Sat, 31 Dec 2022 00:00:00 GMT\r\n{extra}Connection: close\r\n\r\n",
        content.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    if method != "HEAD" {
        stream.write_all(content.as_bytes()).ok()?;
    }
    Some(())
}

//! Golden tests: the same playbook under ansible-playbook and under rprov, compared in standard output, exit code
//! and the files that it wrote.
//!
//! A case is a directory under `tests/golden` with its playbooks, inventory, roles and so on, and a file `runs`: one
//! command line after the other, run in turn in a temporary copy of the case. A line is what follows `ansible-playbook`,
//! or begins with the name of another program of Ansible's; words like `NAME=VALUE` before either set variables for that
//! line. What Ansible did is kept in the case's
//! `reference.json`, because Ansible takes seconds for each task; a case whose files have changed since then fails
//! until it is recorded again. Lines of `runs` that begin with `#:` are directives: `#: unordered` compares the lines
//! of the output as a set (hosts that run freely have no order), `#: own-words` leaves out what a filter, test or lookup says
//! about its own failure (there it is Python that speaks; that it fails, and where, is compared), `#: env NAME=VALUE` sets a
//! variable, `#: program NAME` runs another program than `ansible-playbook`, and `#: stdin FILE` gives it that file of the
//! case to read. A command whose first word is a pattern (`*.yml`) is run for each file that it fits, in the order of their
//! names: so a case can hold many small playbooks on one subject.
//!
//! `tests/golden/surface.txt` lists the names of the language; each must be used by some playbook.
//!
//! A case may hold `difference.txt`: the differences that are known, exactly as the test prints them. It pins them: the
//! test fails when they change, also when they go away.
//!
//! `RPROV_GOLDEN` chooses what is done: nothing compares with what was recorded; `record` runs Ansible for the cases
//! whose recording is missing or out of date; `record-all` for every case; `sample` runs Ansible for a few cases only,
//! others every day, and fails where it does not do what was recorded; `pin` writes `difference.txt` anew, to be read
//! before it is committed. `RPROV_GOLDEN_CASE` limits the cases to those whose name contains it.
//! `RPROV_ANSIBLE` is the directory that holds `ansible-playbook`; without it `/opt/ansible/bin`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use fancy_regex::Regex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Cases that `sample` runs Ansible for; it takes up to a minute for each.
const SAMPLE: usize = 4;

/// What one program did with one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Recording {
    /// The version of ansible-core that it is of.
    ansible_core: String,
    /// The digest of the case's files.
    inputs: String,
    runs: Vec<Outcome>,
    /// The files that were not in the case, or not with this content: mode and content.
    files: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Outcome {
    command: String,
    exit: i32,
    stdout: Vec<String>,
}

/// The parsed file `runs`.
#[derive(Debug, Default)]
struct Runs {
    commands: Vec<String>,
    environment: Vec<(String, String)>,
    unordered: bool,
    own_words: bool,
    /// The program's name, if it is not `ansible-playbook`.
    program: Option<String>,
    /// What it reads, by its path within the case.
    stdin: Option<String>,
}

/// Cases whose output tells of root's own files.
const AS_ROOT: [&str; 3] = ["adhoc", "console", "tests_values"];

/// Cases that need Python on the host.
const WITH_PYTHON: [&str; 1] = ["own_python"];

/// Ansible's names, under which rprov is the same program.
const PROGRAMS: [&str; 6] =
    ["ansible", "ansible-config", "ansible-console", "ansible-doc", "ansible-inventory", "ansible-playbook"];

impl Runs {
    fn program(&self) -> &str {
        self.program.as_deref().unwrap_or("ansible-playbook")
    }
}

#[test]
fn playbooks_do_what_they_do_under_ansible() {
    let mode = std::env::var("RPROV_GOLDEN").unwrap_or_default();
    let wanted = std::env::var("RPROV_GOLDEN_CASE").unwrap_or_default();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<PathBuf> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|case| case.join("runs").is_file());
    cases.retain(|case| case.file_name().unwrap().to_string_lossy().contains(&wanted));
    if !cfg!(feature = "system-tests") {
        println!("left to --features system-tests, since they show what root sees: {AS_ROOT:?}");
        println!("left to --features system-tests, since they need Python: {WITH_PYTHON:?}");
        cases.retain(|case| !AS_ROOT.iter().chain(&WITH_PYTHON).any(|name| case.ends_with(name)));
    }
    cases.sort();
    assert!(!cases.is_empty(), "no case under {} is named like `{wanted}`", root.display());
    if mode == "sample" {
        let day = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400;
        let first = usize::try_from(day).unwrap() * SAMPLE % cases.len();
        cases.rotate_left(first);
        cases.truncate(SAMPLE);
        println!("made anew: {cases:?}");
    }
    let count = cases.len();
    let playbooks = Mutex::new(0);

    let queue = Mutex::new(cases);
    let failures = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().pop();
                    let Some(case) = next else { break };
                    let name = case.file_name().unwrap().to_string_lossy().into_owned();
                    match check(&case, &mode) {
                        Ok(runs) => *playbooks.lock().unwrap() += runs,
                        Err(message) => drop(failures.lock().unwrap().insert(name, message)),
                    }
                }
            });
        }
    });

    let failures = failures.into_inner().unwrap();
    let mut text = String::new();
    for (name, message) in &failures {
        let _ = writeln!(text, "==== {name}\n{message}");
    }
    assert!(failures.is_empty(), "{text}{} of {count} golden cases differ", failures.len());
    println!("{count} golden cases, {} runs of playbooks, are equal", playbooks.into_inner().unwrap());
}

/// How a name of each kind is used in a playbook or template; `NAME` stands for it.
const USES: &[(&str, &str)] = &[
    ("keyword", r"(?m)(?:^|[\s{,\[])NAME:(?:\s|$)"),
    ("meta", r"\bmeta: NAME\b"),
    ("strategy", r"\bstrategy: NAME\b"),
    ("order", r"\border: NAME\b"),
    ("lookup", r"\b(?:lookup|query|q)\(\s*'(?:ansible\.builtin\.)?NAME'|\bwith_NAME:"),
    ("filter", r"\|\s*(?:ansible\.builtin\.)?NAME\b|\bmap\(\s*'(?:ansible\.builtin\.)?NAME'"),
    (
        "test",
        r"\bis\s+(?:not\s+)?(?:ansible\.builtin\.)?NAME(?![\w.])|(?:select|reject)\(\s*'NAME'|(?:select|reject)attr\([^)]*?,\s*'NAME'",
    ),
    ("function", r"\bNAME\("),
    ("variable", r"\bNAME\b(?!:)"),
];

/// So many playbooks there are to be.
const PLAYBOOKS: usize = 300;

#[test]
fn every_name_of_the_language_is_used_by_a_golden_playbook() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut text = String::new();
    walk(&root, &mut |path| {
        let name = path.file_name().unwrap().to_string_lossy();
        if !["reference.json", "difference.txt", "surface.txt", "runs"].contains(&&*name) {
            let content = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
            // A comment uses nothing.
            for line in content.lines().filter(|line| !line.trim_start().starts_with('#')) {
                text.push_str(line);
                text.push('\n');
            }
        }
    });
    let surface = fs::read_to_string(root.join("surface.txt")).unwrap();
    let lines: Vec<(&str, &str)> =
        surface.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": ")).collect();
    let excused = |kind: &str, name: &str| {
        let reason = |(what, reason): &&(&str, &str)| *what == "not covered" && reason.split(' ').next() == Some(name);
        kind == "variable" && lines.iter().any(|line| reason(&line))
    };
    let (mut missing, mut count) = (Vec::new(), 0);
    for (kind, names) in &lines {
        let Some((_, uses)) = USES.iter().find(|(known, _)| known == kind) else {
            assert_eq!(*kind, "not covered", "a kind of names that is not known");
            continue;
        };
        for name in names.split_whitespace() {
            let used = Regex::new(&uses.replace("NAME", &fancy_regex::escape(name))).unwrap();
            count += 1;
            // The whole text is long: only what stands around the name is looked at.
            let around = |(place, _): (usize, &str)| {
                let window = text.as_bytes().get(place.saturating_sub(80)..(place + name.len() + 4).min(text.len()));
                used.is_match(&*String::from_utf8_lossy(window.unwrap_or_default())).unwrap()
            };
            if text.match_indices(name).any(around) == excused(kind, name) {
                missing.push(format!("{kind} {name}"));
            }
        }
    }
    assert!(count > 350, "`surface.txt` has {count} names only");
    assert!(
        missing.is_empty(),
        "no golden playbook uses: {}\n(or one does, though `surface.txt` lists it as not covered)",
        missing.join(", ")
    );
}

#[test]
fn there_are_as_many_golden_playbooks_as_are_claimed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut playbooks = std::collections::BTreeSet::new();
    for entry in fs::read_dir(&root).unwrap() {
        let case = entry.unwrap().path();
        if case.join("runs").is_file() {
            for command in read_runs(&case).commands {
                let words = shlex::split(&command).unwrap();
                let named = words.iter().take_while(|word| !word.starts_with('-')).map(|word| case.join(word));
                playbooks.extend(named.filter(|path| path.is_file()));
            }
        }
    }
    assert!(playbooks.len() >= PLAYBOOKS, "{} golden playbooks; there are to be {PLAYBOOKS}", playbooks.len());
    println!("{} golden playbooks", playbooks.len());
}

/// Compare one case, or record it; gives how many commands it has.
fn check(case: &Path, mode: &str) -> Result<usize, String> {
    let runs = read_runs(case);
    let inputs = digest(case);
    let kept = case.join("reference.json");
    let recorded: Option<Recording> =
        fs::read_to_string(&kept).ok().map(|text| serde_json::from_str(&text).expect("reference.json is not read"));
    let current = recorded.filter(|recorded| recorded.inputs == inputs);
    let reference = match (mode, current) {
        ("record", None) | ("record-all", _) => {
            let recording = run_ansible(case, &runs, inputs)?;
            let text = serde_json::to_string_pretty(&recording).unwrap();
            fs::write(&kept, text + "\n").unwrap();
            recording
        }
        ("sample", Some(recording)) => {
            let again = run_ansible(case, &runs, inputs)?;
            let difference = compare(&recording, &again, &runs, ["recorded", "now"]);
            if !difference.is_empty() {
                return Err(format!(
                    "Ansible does not do what was recorded: see why, then run `RPROV_GOLDEN=record-all`\n{difference}"
                ));
            }
            recording
        }
        (_, Some(recording)) => recording,
        (_, None) => {
            return Err("the case has changed since it was recorded, or was never recorded: \
                        run `RPROV_GOLDEN=record cargo test --test golden`\n"
                .to_owned());
        }
    };
    let ours = run_ours(case, &runs, reference.inputs.clone());
    let difference = compare(&reference, &ours, &runs, ["ansible", "rprov"]);
    let known = fs::read_to_string(case.join("difference.txt")).unwrap_or_default();
    if mode == "pin" && difference != known {
        let file = case.join("difference.txt");
        match difference.is_empty() {
            true => fs::remove_file(file).unwrap(),
            false => fs::write(file, &difference).unwrap(),
        }
        return Ok(runs.commands.len());
    }
    if difference == known {
        Ok(runs.commands.len())
    } else if known.is_empty() {
        Err(difference)
    } else {
        Err(format!("{difference}---- known (difference.txt) was\n{known}"))
    }
}

fn read_runs(case: &Path) -> Runs {
    let mut runs = Runs::default();
    for line in fs::read_to_string(case.join("runs")).unwrap().lines() {
        let line = line.trim();
        if let Some(directive) = line.strip_prefix("#:") {
            match directive.trim().split_once(' ') {
                Some(("env", setting)) => {
                    let (name, value) = setting.split_once('=').expect("`#: env` takes NAME=VALUE");
                    runs.environment.push((name.trim().to_owned(), value.to_owned()));
                }
                Some(("program", name)) => runs.program = Some(name.trim().to_owned()),
                Some(("stdin", file)) => runs.stdin = Some(file.trim().to_owned()),
                None if directive.trim() == "unordered" => runs.unordered = true,
                None if directive.trim() == "own-words" => runs.own_words = true,
                _ => panic!("{}: unknown directive `{line}`", case.display()),
            }
        } else if !line.is_empty() && !line.starts_with('#') {
            match line.split_once(' ').unwrap_or((line, "")) {
                (pattern, rest) if pattern.contains('*') => {
                    let fits = glob::Pattern::new(pattern).unwrap();
                    let names =
                        fs::read_dir(case).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
                    let mut names: Vec<String> = names.filter(|name| fits.matches(name)).collect();
                    names.sort();
                    runs.commands.extend(names.iter().map(|name| format!("{name} {rest}").trim().to_owned()));
                }
                _ => runs.commands.push(line.to_owned()),
            }
        }
    }
    assert!(!runs.commands.is_empty(), "{}: `runs` has no command", case.display());
    runs
}

fn run_ansible(case: &Path, runs: &Runs, inputs: String) -> Result<Recording, String> {
    let folder = std::env::var_os("RPROV_ANSIBLE").map_or_else(|| PathBuf::from("/opt/ansible/bin"), PathBuf::from);
    let program = folder.join(runs.program());
    if !program.is_file() {
        return Err(format!("no {}: install ansible-core and name its folder in RPROV_ANSIBLE\n", program.display()));
    }
    let version = Command::new(&program).arg("--version").output().map_err(|error| error.to_string())?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let version = version.split("[core ").nth(1).and_then(|rest| rest.split(']').next()).unwrap_or("unknown");
    let mut recording = run(&folder, &folder.join("python"), case, runs, inputs);
    version.clone_into(&mut recording.ansible_core);
    Ok(recording)
}

fn run_ours(case: &Path, runs: &Runs, inputs: String) -> Recording {
    let folder = tempfile::tempdir().unwrap();
    for name in PROGRAMS {
        symlink(env!("CARGO_BIN_EXE_rprov"), folder.path().join(name)).unwrap();
    }
    run(folder.path(), Path::new("/usr/bin/python3"), case, runs, inputs)
}

/// The variables, the program and the arguments of a line of `runs`.
fn command_of(line: &str, runs: &Runs) -> (Vec<(String, String)>, String, Vec<String>) {
    let mut words = shlex::split(line).expect("a command line of `runs` has an open quote");
    let named = Regex::new(r"^[A-Z][A-Z0-9_]*=").unwrap();
    let count = words.iter().take_while(|word| named.is_match(word).unwrap()).count();
    let settings = words.drain(..count).map(|word| {
        let (name, value) = word.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    });
    let settings = settings.collect();
    let other = words.first().is_some_and(|word| PROGRAMS.contains(&word.as_str()));
    let program = if other { words.remove(0) } else { runs.program().to_owned() };
    (settings, program, words)
}

fn run(programs: &Path, python: &Path, case: &Path, runs: &Runs, inputs: String) -> Recording {
    let home = tempfile::tempdir().unwrap();
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().canonicalize().unwrap().join("case");
    copy(case, &folder);
    let before = files(&folder);
    let mut outcomes = Vec::new();
    for command in &runs.commands {
        let (settings, program, arguments) = command_of(command, runs);
        let output = Command::new(programs.join(program))
            .args(arguments)
            .current_dir(&folder)
            .stdin(match &runs.stdin {
                Some(file) => Stdio::from(fs::File::open(folder.join(file)).unwrap()),
                None => Stdio::null(),
            })
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", home.path())
            .env("LANG", "C.UTF-8")
            .env("LC_ALL", "C.UTF-8")
            .env("USER", "root")
            .env("ANSIBLE_PYTHON_INTERPRETER", python)
            .env("ANSIBLE_HOME", home.path().join(".ansible"))
            .envs(runs.environment.iter().map(|(name, value)| (name, value)))
            .envs(settings)
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stdout = hide(&stdout, &folder, home.path());
        if std::env::var_os("RPROV_GOLDEN_STDERR").is_some() {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
        }
        outcomes.push(Outcome {
            command: command.clone(),
            exit: output.status.code().unwrap_or(-1),
            stdout: stdout.lines().map(str::to_owned).collect(),
        });
    }
    let mut written = files(&folder);
    written.retain(|name, content| before.get(name) != Some(content));
    for content in written.values_mut() {
        *content = hide(content, &folder, home.path());
    }
    Recording { ansible_core: String::new(), inputs, runs: outcomes, files: written }
}

/// Replace what differs from run to run.
fn hide(text: &str, folder: &Path, home: &Path) -> String {
    let mut text = text.replace(folder.to_str().unwrap(), "<CASE>").replace(home.to_str().unwrap(), "<HOME>");
    for (pattern, replacement) in [
        (r#""delta": "\d+:\d\d:\d\d\.\d+""#, r#""delta": "<DELTA>""#),
        (r#""(start|end)": "\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+""#, r#""$1": "<TIME>""#),
        (r"\bj\d{6,12}\.\d+\b", "<JOB>"),
        (r#""child_pid": \d+"#, r#""child_pid": <PID>"#),
        (r"\.ansible/tmp/[^\s/]*/", ".ansible/tmp/<TMP>/"),
        (r"\.ansible/tmp/ansible-local-\w+", ".ansible/tmp/<TMP>"),
        (r#"<HOME>/\.ansible/tmp/[^\s"]*?([^/\s"]+)$"#, "<HOME>/.ansible/tmp/<TMP>/$1"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, replacement).into_owned();
    }
    text
}

fn compare(reference: &Recording, ours: &Recording, runs: &Runs, names: [&str; 2]) -> String {
    let [left_name, right_name] = names;
    let mut text = String::new();
    for (theirs, ours) in reference.runs.iter().zip(&ours.runs) {
        let (mut left, mut right) = (in_host_order(&theirs.stdout), in_host_order(&ours.stdout));
        // Ansible shows where it rendered a template to, which is gone by then; here it is the template's own place.
        let rendered =
            Regex::new(r"^(\+\+\+ after: )(?:<HOME>/\.ansible/tmp|<CASE>/(?:\S+/)?templates)/(?:\S+/)?").unwrap();
        for line in left.iter_mut().chain(&mut right) {
            *line = rendered.replace(line, "$1<TMP>/").into_owned();
        }
        if runs.own_words {
            for lines in [&mut left, &mut right] {
                hide_words(lines);
            }
        }
        if runs.unordered {
            // How often a banner is repeated is chance as well.
            for lines in [&mut left, &mut right] {
                lines.retain(|line| !line.is_empty() && !line.ends_with("***"));
                lines.sort();
            }
        }
        let (left, right) = (left.join("\n") + "\n", right.join("\n") + "\n");
        if left != right {
            let diff = similar::TextDiff::from_lines(&left, &right);
            let _ = write!(
                text,
                "---- {}\n{}",
                theirs.command,
                diff.unified_diff().context_radius(3).header(left_name, right_name)
            );
        }
        if theirs.exit != ours.exit {
            let _ =
                writeln!(text, "---- {}\nexit code {} under Ansible, {} here", theirs.command, theirs.exit, ours.exit);
        }
    }
    for (name, theirs) in &reference.files {
        match ours.files.get(name) {
            None => {
                let _ = writeln!(text, "---- the file {name} was not written");
            }
            Some(ours) if ours != theirs => {
                let diff = similar::TextDiff::from_lines(theirs, ours);
                let _ = write!(
                    text,
                    "---- the file {name}\n{}",
                    diff.unified_diff().context_radius(3).header(left_name, right_name)
                );
            }
            Some(_) => {}
        }
    }
    for name in ours.files.keys().filter(|name| !reference.files.contains_key(*name)) {
        let _ = writeln!(text, "---- the file {name} is written here only");
    }
    text
}

/// Leave out what comes after `The filter plugin 'x' failed`, and the causes of that.
fn hide_words(lines: &mut Vec<String>) {
    let failure = r#"(The (?:filter|test|lookup) plugin '(?:ansible\.builtin\.)?\w+' failed)[.:].*?("\}|$)"#;
    let failure = Regex::new(failure).unwrap();
    let mut kept: Vec<String> = Vec::new();
    // Inside of the words, which may take several lines; after the place of a cause that is such a failure.
    let (mut words, mut place, mut causes) = (false, false, false);
    for line in lines.iter() {
        let begins = ["[ERROR]", "fatal:", "failed:", "...ignoring", "TASK [", "PLAY "];
        if begins.iter().any(|begin| line.starts_with(begin)) {
            (words, place, causes) = (false, false, false);
        }
        words &= !["Task failed", "Origin: <CASE>", "<<< caused"].iter().any(|end| line.starts_with(end));
        causes |= place && line == "<<< caused by >>>";
        if words || causes {
            continue;
        }
        let masked = failure.replace(line, "$1$2").into_owned();
        if masked != *line {
            words = !masked.ends_with('}');
            place |= !line.starts_with("[ERROR]");
        }
        kept.push(masked);
    }
    *lines = kept;
}

/// The output with the lines of each task in the order of the hosts: which host answers first is chance.
fn in_host_order(lines: &[String]) -> Vec<String> {
    let begin = Regex::new(
        r"^(?:ok|changed|skipping|fatal|failed|FAILED - RETRYING): \[(\S+?)(?: -> [^\]]*)?\]|^(\[ERROR\]|included):|^(\S+) \| [A-Z]+|^ASYNC \w+ on ([^:\s]+):|^\.\.\.ignoring$",
    )
    .unwrap();
    let mut ordered: Vec<String> = Vec::new();
    let mut section: Vec<(String, Vec<String>)> = Vec::new();
    for line in lines {
        let captures = begin.captures(line).unwrap();
        let banner = line.ends_with("***");
        if let Some(captures) = captures {
            let host = [1, 3, 4].into_iter().find_map(|group| captures.get(group));
            // The line behind a loop does not say whose it is, so all of a task's are put at its end.
            let nobody = || if line.starts_with("...") { "\u{10ffff}" } else { "" };
            let host = host.map_or_else(|| nobody().to_owned(), |host| host.as_str().to_owned());
            // An error is told before the first host that meets it, whichever that is.
            section.push((host, vec![in_name_order(line)]));
        } else if let Some((_, chunk)) = section.last_mut().filter(|_| !banner) {
            chunk.push(line.clone());
        } else {
            section.sort_by(|left, right| left.0.cmp(&right.0));
            // The blank line before a banner belongs to no host.
            ordered.extend(section.drain(..).flat_map(|(_, chunk)| chunk).filter(|line| !line.is_empty()));
            if banner {
                ordered.push(String::new());
            }
            ordered.push(line.clone());
        }
    }
    section.sort_by(|left, right| left.0.cmp(&right.0));
    ordered.extend(section.into_iter().flat_map(|(_, chunk)| chunk).filter(|line| !line.is_empty()));
    ordered
}

/// The line that tells of an include, with its hosts in the order of their names.
fn in_name_order(line: &str) -> String {
    let pattern = Regex::new(r"^(included: \S+ for )([^=]+?)( => .*)?$").unwrap();
    let Some(captures) = pattern.captures(line).unwrap() else { return line.to_owned() };
    let part = |index: usize| captures.get(index).map_or("", |part| part.as_str());
    let mut hosts: Vec<&str> = part(2).split(", ").collect();
    hosts.sort_unstable();
    format!("{}{}{}", part(1), hosts.join(", "), part(3))
}

/// Every file under `folder` by its path from there: mode and content.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    walk(folder, &mut |path| {
        let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        let metadata = fs::symlink_metadata(path).unwrap();
        let content = if metadata.is_symlink() {
            format!("link to {}", fs::read_link(path).unwrap().display())
        } else {
            let mode = metadata.permissions().mode() & 0o7777;
            format!("{mode:04o}\n{}", String::from_utf8_lossy(&fs::read(path).unwrap()))
        };
        found.insert(name, content);
    });
    found
}

/// A digest of the files that make the case: all but what is recorded of it.
fn digest(case: &Path) -> String {
    let mut entries = Vec::new();
    walk(case, &mut |path| entries.push(path.to_owned()));
    entries.sort();
    let mut hasher = Sha256::new();
    for path in entries {
        let name = path.strip_prefix(case).unwrap().to_string_lossy().into_owned();
        if name == "reference.json" || name == "difference.txt" {
            continue;
        }
        let content = fs::read(&path).unwrap();
        hasher.update(format!("{name}\n{}\n", content.len()));
        hasher.update(content);
    }
    hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn walk(folder: &Path, seen: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), seen);
        } else {
            seen(&entry.path());
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_name() != "reference.json" && entry.file_name() != "difference.txt" {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

//! Everything that reads what others wrote, as functions of any bytes: for `fuzz/`, which searches with a coverage-guided
//! fuzzer, and for the tests here, which throw a fixed sequence of damaged samples at it on any compiler.
//!
//! A target shows that its reader neither panics, nor overflows its stack, nor runs on for ever, and that what it says of
//! a mistake can be shown. None of them starts a program, sends anything or writes outside of a directory of its own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::Value;
use rprov_modules::archive;
use rprov_wire::{FromAgent, ToAgent, read_frame};

use crate::config::Config;
use crate::inventory::{Inventory, Pattern};
use crate::playbook::{Loader, arguments};
use crate::source::{Diagnostic, register, render, render_all};
use crate::template::{Conditional, FileOptions, Scope, Surroundings, Variable, Written, render_file};

#[cfg(test)]
mod mutate;
#[cfg(test)]
mod tests;

/// A reader of untrusted bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also that of its directory of samples under `fuzz/seeds`.
    pub name: &'static str,
    /// Read these bytes.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "archive", run: archive },
    Target { name: "arguments", run: arguments },
    Target { name: "config", run: config },
    Target { name: "extra", run: extra },
    Target { name: "frame", run: frame },
    Target { name: "gluster", run: gluster },
    Target { name: "inventory", run: inventory },
    Target { name: "known_hosts", run: known_hosts },
    Target { name: "mongo", run: mongo },
    Target { name: "mysql", run: mysql },
    Target { name: "own_module", run: own_module },
    Target { name: "pattern", run: pattern },
    Target { name: "playbook", run: playbook },
    Target { name: "postgresql", run: postgresql },
    Target { name: "private_key", run: private_key },
    Target { name: "redis", run: redis },
    Target { name: "requirements", run: requirements },
    Target { name: "ssh_config", run: ssh_config },
    Target { name: "template", run: template },
    Target { name: "unpack", run: unpack },
    Target { name: "xml", run: xml },
    Target { name: "yaml", run: yaml },
];

/// The target of that name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}

/// Text that would make a template start a program, write a file or connect; or do as much work as it says.
fn is_active(text: &str) -> bool {
    let number = text.split(|character: char| !character.is_ascii_digit() && character != '_');
    ["lookup", "query", "q(", "fileglob", "**", "pipe"].iter().any(|word| text.contains(word))
        || number.into_iter().any(|digits| digits.len() > 3)
}

fn show<'a>(problems: impl IntoIterator<Item = &'a Diagnostic>) {
    let _ = render_all(problems, true);
}

/// A file in a directory of its own.
fn file(name: &str, bytes: &[u8]) -> Option<(tempfile::TempDir, PathBuf)> {
    let directory = tempfile::tempdir().ok()?;
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).ok()?;
    Some((directory, path))
}

fn settings(directory: &Path) -> Config {
    Config::load(directory, |_| None).0
}

fn archive(bytes: &[u8]) {
    let Some((_directory, path)) = file("archive", bytes) else { return };
    let Ok(mut file) = std::fs::File::open(&path) else { return };
    let Ok(format) = archive::Format::of(&mut file, "archive") else { return };
    let mut members = 0;
    let _ = archive::walk(&mut file, format, &mut |member, content| {
        use std::io::Read as _;
        let inside = |part| matches!(part, std::path::Component::Normal(_));
        assert!(member.path.components().all(inside), "{member:?} leads out of its directory");
        members += 1;
        if members > 1000 {
            return Err(rprov_modules::Failure::new("more than is worth looking at"));
        }
        // Some bytes unpack to very many.
        let _ = std::io::copy(&mut content.take(1 << 20), &mut std::io::sink());
        Ok(())
    });
}

fn arguments(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(words) = arguments::split_words(&text) {
        assert!(words.iter().all(|word| !word.is_empty()));
        words.iter().for_each(|word| drop(arguments::unquote(word).to_owned()));
    }
    let _ = arguments::parse(&text, None);
    let _ = arguments::parse(&text, Some(&["chdir", "creates", "executable"]));
}

fn config(bytes: &[u8]) {
    let Some((directory, _)) = file("ansible.cfg", bytes) else { return };
    show(&Config::load(directory.path(), |_| None).1);
}

fn extra(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if text.trim_start().starts_with('@') {
        return;
    }
    match crate::cli::extra_variables(&[text], &crate::vault::Keyring::default()) {
        Ok((_, warnings)) => show(&warnings),
        Err(stop) => show(&stop.problems),
    }
}

fn frame(bytes: &[u8]) {
    let mut reader = bytes;
    while let Ok(Some(_)) = read_frame::<ToAgent>(&mut reader) {}
    let mut reader = bytes;
    while let Ok(Some(_)) = read_frame::<FromAgent>(&mut reader) {}
    // Without lengths, which a fuzzer finds hard to get right.
    let frame = rprov_wire::Bytes::copy_from_slice(bytes);
    let _ = rprov_wire::decode::<ToAgent>(&frame);
    if let Ok(message) = rprov_wire::decode::<FromAgent>(&frame) {
        assert!(rprov_wire::encode(&message).is_ok());
    }
}

fn inventory(bytes: &[u8]) {
    if is_active(&String::from_utf8_lossy(bytes)) {
        return;
    }
    for name in ["hosts", "hosts.yml", "hosts.toml", "hosts.json"] {
        let Some((directory, path)) = file(name, bytes) else { return };
        match Inventory::load(
            &[path.display().to_string()],
            &settings(directory.path()),
            &Default::default(),
            &Default::default(),
        ) {
            Ok((inventory, warnings)) => {
                show(&warnings);
                for host in inventory.hosts() {
                    let _ = inventory.groups_of(&host.name);
                }
            }
            Err(problems) => show(&problems),
        }
    }
}

fn known_hosts(bytes: &[u8]) {
    let Some((_directory, path)) = file("known_hosts", bytes) else { return };
    crate::connection::ssh::read_known_hosts(&path, "host.example");
}

fn gluster(bytes: &[u8]) {
    use rprov_systems::gluster::answer;
    let text = String::from_utf8_lossy(bytes);
    let _ = answer::trouble(&text);
    for volume in answer::volumes(&text).unwrap_or_default() {
        let _ = volume.option("quota");
    }
    let _ = (answer::peers(&text), answer::quotas(&text), answer::heals(&text), answer::rebalances(&text));
}

/// What a server says; what it is told is lost.
struct Said<'a>(&'a [u8]);

impl std::io::Read for Said<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl std::io::Write for Said<'_> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A session with a server from its greeting on, or its words on users, or a file of options.
fn mysql(bytes: &[u8]) {
    use rprov_systems::mysql::{answer, connection, handshake, option_file, packet, privileges};
    let text = String::from_utf8_lossy(bytes);
    let granted = privileges::Form::default().read_grants(text.lines());
    let _ = privileges::text(&granted);
    let _ = option_file::group(&text, "client");
    let _ = (handshake::Greeting::read(bytes), answer::Answer::done(bytes), answer::Column::read(bytes));
    let mut server = Said(bytes);
    let Ok(first) = packet::read(&mut server, &mut 0) else { return };
    let Ok(greeting) = handshake::Greeting::read(&first) else { return };
    let credentials =
        connection::Credentials { user: "u".to_owned(), password: "secret".to_owned(), database: None, tls: None };
    for safe in [true, false] {
        let mut server = Said(server.0);
        let mut login = connection::Login { credentials: &credentials, safe, address: "fuzz" };
        if login.run(&mut server, &mut 1, &greeting).is_err() {
            continue;
        }
        while let Ok(answer) = connection::read_answer(&mut server, &mut 1, "statement") {
            assert!(answer.maps().len() == answer.rows.len());
        }
    }
}

/// A document, messages, and a server that a user logs in to.
fn mongo(bytes: &[u8]) {
    use rprov_systems::mongo::proof::{Credentials, Mechanism};
    use rprov_systems::mongo::{bson, message::Message, session::Session};
    if let Ok(document) = bson::decode(&mut &*bytes) {
        let _ = bson::to_map(&document);
        let again = bson::encode(&document);
        // What is read is written so that it reads the same; numbers that are none differ from themselves.
        assert!(bson::decode(&mut again.as_slice()).is_ok());
    }
    let mut reader = bytes;
    while Message::read(&mut reader).is_ok() {}
    for mechanism in [None, Some(Mechanism::ScramSha1), Some(Mechanism::Plain)] {
        let [user, password, database] = ["u", "secret", "admin"].map(str::to_owned);
        let mut session = Session::new(Said(bytes));
        let _ = Credentials { user, password, database, mechanism }.prove(&mut session, true);
    }
    let mut scram = rprov_systems::scram::Scram::begin(rprov_systems::scram::Sum::Sha256, "u");
    if let Ok(scram) = &mut scram {
        let text = String::from_utf8_lossy(bytes);
        let _ = scram.answer(&text, "secret");
        assert!(!scram.proves(&text));
    }
}

/// Replies, and what a server tells of itself.
fn redis(bytes: &[u8]) {
    use rprov_systems::redis::{report, resp};
    let mut reader = bytes;
    while let Ok(reply) = resp::read(&mut reader) {
        let _ = reply.text();
    }
    let text = String::from_utf8_lossy(bytes);
    let _ = (report::read(&text), report::read_plain(&text));
}

/// An XPath expression in the first line, and a document in what follows.
fn unpack(bytes: &[u8]) {
    let Some((directory, path)) = file("role.tar", bytes) else { return };
    let Ok(mut archive) = std::fs::File::open(&path) else { return };
    // What is compressed may become very large.
    if !matches!(archive::Format::of(&mut archive, "role.tar"), Ok(archive::Format::Tar)) {
        return;
    }
    let into = directory.path().join("into");
    if std::fs::create_dir(&into).is_ok() {
        let _ = crate::galaxy::unpack::unpack(&path, &into).map_err(|problem| show([&problem]));
        let beside = std::fs::read_dir(directory.path()).map_or(0, Iterator::count);
        assert_eq!(beside, 2, "something was written outside of the directory");
    }
}

fn xml(bytes: &[u8]) {
    use rprov_systems::xml::{pretty::pretty, tree::Document};
    use rprov_systems::xpath::{Evaluator, syntax::Expression};
    let text = String::from_utf8_lossy(bytes);
    let (path, rest) = text.split_once('\n').unwrap_or((&text, &text));
    let Ok(document) = Document::parse(rest) else { return };
    assert_eq!(document.to_string(), rest, "what is not touched keeps every byte");
    let _ = Document::parse(&pretty(&document));
    // Steps multiply: what a short text asks for must not be more than a test can wait for.
    if path.len() < 60
        && rest.len() < 4000
        && let Ok(expression) = Expression::parse(path)
    {
        let _ = Evaluator::new(&document, &rprov_wire::Map::new()).evaluate(&expression);
    }
}

/// A session with a server, or what it keeps of a password.
fn postgresql(bytes: &[u8]) {
    use rprov_systems::postgres::{answer, connection, message, scram};
    let _ = scram::is_kept(&String::from_utf8_lossy(bytes), "secret");
    let _ = message::refusal(bytes);
    if let Ok(mut answer) = answer::Answer::describe(bytes) {
        let _ = answer.read_row(bytes);
        let _ = answer.maps();
    }
    let password = Some("secret".to_owned());
    let credentials = connection::Credentials { user: "u".to_owned(), password, parameters: Vec::new() };
    let mut server = Said(bytes);
    if connection::log_in(&mut server, &credentials, true, "fuzz").is_ok() {
        while let Ok(answers) = connection::read_answers(&mut server, "statement") {
            answers.iter().for_each(|answer| drop(answer.maps()));
        }
    }
}

/// Text of a Python module, and what a module printed.
fn own_module(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let package: Vec<String> = ["a", "b"].map(str::to_owned).to_vec();
    for import in crate::action::imports(&text, &package) {
        assert!(import.module.iter().all(|part| !part.is_empty()));
    }
    let printed = [(rprov_modules::own::MARK, true.into()), ("rc", 0.into()), ("stdout", text.into())];
    let result = crate::action::interpret(printed.map(|(name, value)| (name.to_owned(), value)).into_iter().collect());
    assert!(!result.contains_key(rprov_modules::own::MARK));
}

fn pattern(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(directory) = tempfile::tempdir() else { return };
    let config = settings(directory.path());
    let names = "web1,web2,web10,db.example,[::1]:22,a_b,".to_owned();
    let Ok((mut inventory, _)) = Inventory::load(&[names], &config, &Default::default(), &Default::default()) else {
        return;
    };
    // `@file` names a file of the machine.
    if !text.contains('@')
        && let Ok(pattern) = Pattern::limit(&text)
    {
        let _ = pattern.hosts(&mut inventory, &config, None);
    }
    match Pattern::parse(&text).hosts(&mut inventory, &config, None) {
        Ok((_, warnings)) => show(&warnings),
        Err(problem) => show([&problem]),
    }
}

fn playbook(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if is_active(&text) {
        return;
    }
    let Some((directory, path)) = file("site.yml", text.as_bytes()) else { return };
    for (name, text) in [
        ("other.yml", "- debug: msg=x\n"),
        ("roles/r1/tasks/main.yml", "- debug: msg=x\n  notify: h\n"),
        ("roles/r1/handlers/main.yml", "- name: h\n  debug: msg=x\n"),
    ] {
        let path = directory.path().join(name);
        if let Some(above) = path.parent() {
            let _ = std::fs::create_dir_all(above);
        }
        let _ = std::fs::write(path, text);
    }
    // The same file as what includes lead to.
    let _ = std::os::unix::fs::symlink("site.yml", directory.path().join("tasks.yml"));
    let mut loader = Loader::new(Vec::new(), Vec::new(), Default::default(), scope());
    match loader.playbook(&path) {
        Ok((_, warnings)) => show(&warnings),
        Err(problems) => show(&problems),
    }
}

/// Without a passphrase: opening an encrypted key takes as long as its file says.
fn private_key(bytes: &[u8]) {
    crate::connection::ssh::read_private_key(&String::from_utf8_lossy(bytes));
}

fn requirements(bytes: &[u8]) {
    use crate::galaxy::requirement::{CollectionRequirement, RoleRequirement};
    use crate::galaxy::version::{Range, Version};
    let Some((_directory, path)) = file("requirements.yml", bytes) else { return };
    let text = String::from_utf8_lossy(bytes);
    // It may name any file of this machine.
    if !text.contains("include") {
        match crate::galaxy::requirements::read(&path) {
            Ok((found, warnings)) => {
                show(&warnings);
                let names = found.roles.iter().map(|role| role.name.as_str());
                assert!(names.clone().all(|name| !name.is_empty() && !name.contains('/') && name != ".."), "{found:?}");
            }
            Err(problems) => show(&problems),
        }
    }
    for line in text.lines().take(50) {
        let _ = RoleRequirement::parse(line, None).map_err(|problem| show([&problem]));
        let _ = CollectionRequirement::parse(line, None).map_err(|problem| show([&problem]));
        if let (Ok(range), Some(version)) = (Range::parse(line), Version::parse(line)) {
            let _ = (range.holds(&version), range.names_prerelease());
        }
    }
}

fn ssh_config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    // `Match exec` starts a program, `Include` reads whatever it names.
    if text.contains("exec") || text.contains("include") {
        return;
    }
    let Some((_directory, path)) = file("config", bytes) else { return };
    crate::connection::ssh::read_config(&path, "host.example");
}

/// Some variables of each type, one of them a template, one recursive.
fn scope() -> Scope {
    let mut variables: HashMap<String, Variable> = HashMap::new();
    let plain = [
        ("text", Value::from("a b,c\n")),
        ("number", Value::from(7)),
        ("list", Value::from(vec![Value::from(1), Value::from("two"), Value::from(3.5)])),
        ("map", Value::from_iter([("key", Value::from("value")), ("other", Value::from(vec![1, 2]))])),
        ("nothing", Value::from(())),
    ];
    for (name, value) in plain {
        variables.insert(name.to_owned(), value.into());
    }
    for (name, text) in [("made", "{{ text }} and {{ number }}"), ("circle", "{{ circle }}")] {
        variables.insert(name.to_owned(), Written::from_text(text, None).into());
    }
    Scope::new(Arc::new(variables), Arc::new(Surroundings::default()))
}

fn template(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if is_active(&text) {
        return;
    }
    let scope = scope();
    let source = register("fuzz.j2", &*text);
    if let Err(error) = render_file(source, &FileOptions::default(), &scope) {
        show([&error.into()]);
    }
    let text: Arc<str> = text.into();
    let written = Written::from_text(Arc::clone(&text), None);
    show(&written.check());
    if let Err(error) = written.render(&scope) {
        show([&error.into()]);
    }
    let conditional = Conditional::from_text(text, None);
    show(&conditional.check());
    if let Err(error) = conditional.test(&scope) {
        show([&error.into()]);
    }
}

fn yaml(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match crate::yaml::parse_all(Path::new("fuzz.yml"), Arc::from(&*text)) {
        Ok((documents, warnings)) => {
            show(&warnings);
            drop(documents);
        }
        Err(problem) => drop(render(&problem, true)),
    }
}

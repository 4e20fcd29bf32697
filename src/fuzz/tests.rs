//! Each target over its samples and a fixed sequence of damaged ones.
//!
//! `RPROV_FUZZ_SECONDS` makes each target go on for that long instead, `RPROV_FUZZ_SEED` chooses another sequence. What a
//! reader fails at is left in `target/fuzz/NAME`; once it is mended, it becomes a sample under `fuzz/seeds/NAME`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::mutate::{Numbers, damaged};
use super::target;

/// Tries of each target where no time is given.
const TRIES: u64 = 1500;

/// One try may take this long; the machine may be busy.
const LIMIT: Duration = Duration::from_secs(20);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number: {text}")))
}

fn samples(directory: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", directory.display());
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn survives(name: &str) {
    let target = target(name).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let samples = samples(&root.join("fuzz/seeds").join(name));
    let kept = root.join("target/fuzz");
    std::fs::create_dir_all(&kept).unwrap();
    let kept = kept.join(name);
    let seconds = number("RPROV_FUZZ_SECONDS").map(Duration::from_secs);
    let seed = number("RPROV_FUZZ_SEED").unwrap_or(1);
    let (started, tries) = channel();
    let input = kept.clone();
    let begin = Instant::now();
    let work = move || {
        let mut numbers = Numbers::new(seed);
        let mut done = 0_u64;
        loop {
            let bytes = match samples.get(usize::try_from(done).unwrap()) {
                Some(sample) => sample.clone(),
                None if seconds.map_or(done >= TRIES, |seconds| begin.elapsed() >= seconds) => break,
                None => {
                    let sample = numbers.below(samples.len());
                    damaged(samples.get(sample).unwrap(), &samples, &mut numbers)
                }
            };
            // Kept before it is tried: nothing can be written after a stack overflow.
            std::fs::write(&input, &bytes).unwrap();
            started.send(()).unwrap();
            (target.run)(&bytes);
            done += 1;
        }
        done
    };
    // As little as the threads have that do this in a run.
    let worker = std::thread::Builder::new().name(format!("fuzz-{name}")).stack_size(2 << 20).spawn(work).unwrap();
    loop {
        match tries.recv_timeout(LIMIT) {
            Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => panic!("{name} is not done after {LIMIT:?} with {}", kept.display()),
        }
    }
    let Ok(done) = worker.join() else { panic!("{name} panics with {}", kept.display()) };
    std::fs::remove_file(&kept).unwrap();
    println!("{name}: {done} tries in {:.1} s", begin.elapsed().as_secs_f64());
}

macro_rules! targets {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            survives($name);
        })*

        #[test]
        fn every_target_is_tested() {
            let names: Vec<&str> = super::TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$($name),*]);
        }
    };
}

targets! {
    archives_survive: "archive",
    arguments_survive: "arguments",
    config_survives: "config",
    extra_variables_survive: "extra",
    frames_survive: "frame",
    gluster_survives: "gluster",
    inventories_survive: "inventory",
    known_hosts_survive: "known_hosts",
    mongo_survives: "mongo",
    mysql_survives: "mysql",
    own_modules_survive: "own_module",
    patterns_survive: "pattern",
    playbooks_survive: "playbook",
    postgresql_survives: "postgresql",
    private_keys_survive: "private_key",
    redis_survives: "redis",
    requirements_survives: "requirements",
    ssh_config_survives: "ssh_config",
    templates_survive: "template",
    unpack_survives: "unpack",
    xml_survives: "xml",
    yaml_survives: "yaml",
}

/// Whatever can be inside itself, as deep as nobody means it to be, to those who read it.
#[test]
fn nesting_is_survived() {
    let nested: [(&[&str], &str, &str, &str); 28] = [
        (&["template", "yaml", "extra", "inventory", "playbook"], "[", "1", "]"),
        (&["template", "yaml", "extra", "inventory", "playbook"], "{a: ", "1", "}"),
        (&["xml"], "<a>", "1", "</a>"),
        (&["xml"], "(", "1", ")\n<a/>"),
        (&["xml"], "a[", "1", "]\n<a/>"),
        (&["template"], "{{ (", "1", ") }}"),
        (&["template"], "{{ ", "1", " }}"),
        (&["template"], "(", "1", ")"),
        (&["template"], "-", "1", ""),
        (&["template"], "not ", "true", ""),
        (&["template"], "1 + ", "1", ""),
        (&["template"], "a.b[0](", "1", ")"),
        (&["template"], "1 if 1 else ", "1", ""),
        (&["template"], "", "text", "|upper"),
        (&["template"], "", "text", ".a"),
        (&["template"], "", "text", "[0]"),
        (&["template"], "", "text", " is none"),
        (&["template"], "", "number", " == 1"),
        (&["template"], "1 ~ ", "1", ""),
        (&["template"], "text|default(", "1", ")"),
        (&["template"], "{% if number %}", "x", "{% endif %}"),
        (&["template"], "{% for x in [1] %}", "", "{% endfor %}"),
        (&["template"], "{% if nothing %}{% endif %}{% if nothing %}a", "", "{% endif %}"),
        (&["template"], "{% raw %}", "x", "{% endraw %}"),
        (&["yaml", "playbook", "inventory"], "- ", "a", ""),
        (&["gluster"], "<a>", "x", "</a>"),
        (&["yaml"], "? ", "a", ""),
        (&["arguments", "extra"], "a={{ ", "1", " }}"),
    ];
    let run = move || {
        for (names, before, middle, after) in nested {
            for times in [90, 140, 1500, 20_000] {
                let text = format!("{}{middle}{}", before.repeat(times), after.repeat(times));
                for name in names {
                    println!("{name}: {times} times {before:?}");
                    let texts = match *name {
                        "template" => {
                            vec![format!("{{{{ {text} }}}}"), format!("{{% set x = {text} %}}"), text.clone()]
                        }
                        "playbook" => vec![format!("- hosts: all\n  tasks:\n    - debug:\n        msg: {text}\n")],
                        _ => vec![text.clone()],
                    };
                    texts.iter().for_each(|text| (target(name).unwrap().run)(text.as_bytes()));
                }
            }
        }
        let branches = format!("{{% if nothing %}}{}{{% endif %}}", "{% elif nothing %}".repeat(20_000));
        (target("template").unwrap().run)(branches.as_bytes());
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

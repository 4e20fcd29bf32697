//! Modules of the user's own, seen from outside.

use crate::project::{Project, play};

/// A play with these tasks.
fn tasks(tasks: &str) -> String {
    play(&tasks.lines().map(|line| format!("    {line}\n")).collect::<String>())
}

fn project(text: &str) -> Project {
    Project::new().file("site.yml", &tasks(text)).file("inventory", "here ansible_connection=local\n")
}

const GREETS: &str = "#!/bin/sh\n. \"$1\"\nprintf '{\"changed\": false, \"msg\": \"hello %s\"}\\n' \"$name\"\n";

#[test]
fn a_module_that_is_misspelt_is_told_from_those_of_the_library() {
    let project = project("- gretes:\n").file("library/greets", GREETS);
    let outcome = project.run("site.yml -i inventory");
    assert_eq!(outcome.code, 4, "{outcome}");
    assert!(outcome.err.contains("couldn't resolve module/action 'gretes'"), "{outcome}");
    assert!(outcome.err.contains("did you mean `greets`?"), "{outcome}");
}

#[test]
fn no_argument_shows_in_the_list_of_processes() {
    let look = "#!/bin/sh\n# WANT_JSON\nif cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -q sword[f]ish; then s=true; else s=false; fi\ngrep -q swordfish \"$1\" && printf '{\"changed\": false, \"seen\": %s, \"mode\": \"%s\"}\\n' $s \"$(stat -c %a \"$1\")\"\n";
    let project = project(
        "- looks: {password: swordfish}\n  register: direct\n- looks: {password: swordfish}\n  async: 60\n  poll: 1\n  register: job\n- debug: msg=\"{{ [direct.seen, direct.mode, job.seen, job.mode] }}\"\n",
    )
    .file("library/looks", look);
    let outcome = project.run("site.yml -i inventory");
    assert_eq!(outcome.code, 0, "{outcome}");
    let shown: String = outcome.out.split_whitespace().collect();
    assert!(shown.contains("\"msg\":[false,\"600\",false,\"600\"]"), "{outcome}");
}

#[test]
fn a_module_has_the_time_limit_of_its_task() {
    let project = project("- hangs:\n  timeout: 1\n").file("library/hangs", "#!/bin/sh\nsleep 1000\n");
    let outcome = project.run("site.yml -i inventory");
    assert_eq!(outcome.code, 2, "{outcome}");
    assert!(outcome.out.contains("Timed out after 1 second(s)."), "{outcome}");
}

#[test]
fn plugins_in_python_are_told_of_where_they_are_used() {
    let project = project(
        "- acts:\n  ignore_errors: true\n- debug: msg=\"{{ 1 | shout }}\"\n  ignore_errors: true\n- debug: msg=built-in\n",
    )
    .file("action_plugins/acts.py", "")
    .file("action_plugins/debug.py", "")
    .file("filter_plugins/shouting.py", "");
    let outcome = project.run("site.yml -i inventory");
    assert_eq!(outcome.code, 0, "{outcome}");
    for part in [
        "`acts` is an action plugin in Python (",
        "rprov does what is built in as `ansible.builtin.debug`",
        "filter_plugins has is Python, which rprov cannot run",
    ] {
        assert!(outcome.err.contains(part), "{part}: {outcome}");
    }
    assert!(outcome.out.contains("Make it a module (a program in `library/`, in any language)"), "{outcome}");
    assert!(outcome.out.contains("\"msg\": \"built-in\""), "{outcome}");
}

#[test]
fn a_module_runs_on_hosts_behind_ssh() {
    let project = Project::new()
        .file("site.yml", &tasks("- greets: name={{ inventory_hostname }}\n  register: r\n- debug: var=r.msg\n"))
        .file("hosts.yml", "plugin: throwaway\nhosts: [one, two]\ndirectory: hosts\n")
        .file("library/greets", GREETS);
    let outcome = project.run("site.yml -i hosts.yml");
    assert_eq!(outcome.code, 0, "{outcome}");
    for host in ["one", "two"] {
        assert!(outcome.out.contains(&format!("\"r.msg\": \"hello {host}\"")), "{outcome}");
    }
}

/// The module of the golden case `own_python`, with the code of an installed Ansible and with our own in its place, for
/// which the case itself shows that it gives what Ansible gives.
#[test]
#[cfg(feature = "system-tests")]
fn a_python_module_gives_the_same_with_and_without_an_installed_ansible() {
    let case = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/own_python");
    let ansible = std::env::var("RPROV_ANSIBLE").unwrap_or_else(|_| "/opt/ansible/bin".to_owned());
    assert!(std::path::Path::new(&ansible).join("ansible-playbook").is_file(), "there is no ansible-core in {ansible}");
    let mut outputs = Vec::new();
    for path in ["/usr/bin:/bin".to_owned(), format!("{ansible}:/usr/bin:/bin")] {
        let project = Project::new();
        let copied = std::process::Command::new("cp").arg("-r").arg(&case).arg(project.path("case")).status().unwrap();
        assert!(copied.success());
        let mut command = project.command("site.yml -i inventory");
        command.current_dir(project.path("case")).env("PATH", path).env("USER", "root");
        command.env("ANSIBLE_PYTHON_INTERPRETER", "/usr/bin/python3");
        let outcome = project.outcome(&mut command);
        let folder = project.path("case").canonicalize().unwrap();
        outputs.push(outcome.out.replace(folder.to_str().unwrap(), "[DIR]/case"));
    }
    assert!(outputs[0].contains("hello world"), "{}", outputs[0]);
    assert_eq!(outputs[0], outputs[1]);
}

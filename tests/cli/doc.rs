//! `rprov doc`. That options, types and defaults are Ansible's is shown by `tests/options.rs`.

use crate::project::Project;

#[test]
fn a_module_is_told_about() {
    let project = Project::new();
    insta::assert_snapshot!(project.rprov("doc ping"), @r"
    exit code 0
    --- stdout ---
    > MODULE ansible.builtin.ping

      Try to connect to a host and run a module there; return `pong` on success.

    OPTIONS (= indicates it is required):

       data  What to return as `ping`; `crash` makes the module fail.
            default: pong
            type: str

    --- stderr ---
    ");
    let all = project.rprov("doc -l");
    let line = |name: &str| all.out.lines().any(|line| line.split_whitespace().next() == Some(name));
    assert!(all.code == 0 && line("ansible.builtin.copy") && line("community.docker.docker_container"), "{all}");
    let docker = project.rprov("doc -l community.docker");
    assert!(docker.out.lines().all(|line| line.starts_with("community.docker.")), "{docker}");
}

#[test]
fn a_module_is_told_about_for_machines() {
    let project = Project::new();
    let outcome = project.rprov("doc -j ansible.builtin.file docker_container");
    let told: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    let doc = &told["ansible.builtin.file"]["doc"];
    assert_eq!(doc["plugin_name"], "ansible.builtin.file");
    let path = &doc["options"]["path"];
    assert_eq!((&path["required"], &path["type"]), (&true.into(), &"path".into()), "{path}");
    assert_eq!(path["aliases"], serde_json::json!(["dest", "name"]));
    let docker = &told["docker_container"]["doc"];
    assert_eq!(docker["collection"], "community.docker");
    assert!(docker["options"]["networks"]["suboptions"]["name"]["required"].as_bool().unwrap());
}

#[test]
fn modules_of_the_user_s_own_are_told_about() {
    let program = "#!/usr/bin/python3\nDOCUMENTATION = r\"\"\"\nmodule: greet\nshort_description: Greet somebody\ndescription:\n  - Says C(hello) to O(who).\noptions:\n  who:\n    description: Who is greeted.\n    required: true\n    type: str\n\"\"\"\nEXAMPLES = r'''\n- greet: {who: you}\n'''\n";
    let sidecar = "DOCUMENTATION:\n  short_description: Wave\n  description: [Waves.]\n";
    let project = Project::new()
        .file("library/greet.py", program)
        .file("library/wave", "#!/bin/sh\n")
        .file("library/wave.yml", sidecar)
        .file("library/silent", "#!/bin/sh\n");
    insta::assert_snapshot!(project.rprov("doc greet"), @r"
    exit code 0
    --- stdout ---
    > MODULE greet ([DIR]/library/greet.py)

      Says `hello' to `who'.

    OPTIONS (= indicates it is required):

    =  who  Who is greeted.
            type: str

    EXAMPLES:

    - greet: {who: you}

    --- stderr ---
    ");
    let told: serde_json::Value = serde_json::from_str(&project.rprov("doc -j greet").out).unwrap();
    assert_eq!(told["greet"]["doc"]["options"]["who"]["required"], true, "{told}");
    assert!(project.rprov("doc wave").out.contains("Waves."));
    let list = project.rprov("doc -l").out;
    assert!(list.contains("Greet somebody") && list.lines().any(|line| line.ends_with("  Wave")), "{list}");
    let silent = project.rprov("doc silent");
    assert!(silent.code == 1 && silent.err.contains("has no documentation"), "{silent}");
}

#[test]
fn a_snippet_is_a_task_to_fill_in() {
    let project = Project::new();
    insta::assert_snapshot!(project.rprov("doc -s replace").out.lines().take(5).collect::<Vec<_>>().join("\n"), @r#"
    - name: "Replace all instances of a pattern within a file"
      replace:
          after:                  # Only what follows a match of this is looked at;
                                  # `.` matches line ends in it.
          attributes:             # File system flags as lsattr(1) shows them, set
    "#);
}

#[test]
fn keywords_filters_tests_and_lookups_are_told_about() {
    let project = Project::new();
    insta::assert_snapshot!(project.rprov("doc -t keyword loop"), @r"
    exit code 0
    --- stdout ---
    loop:
      applies_to:
      - Task
      - Handler
      description: A list; the task is done once for each item.

    --- stderr ---
    ");
    insta::assert_snapshot!(project.rprov("doc -t filter combine"), @r"
    exit code 0
    --- stdout ---
    > FILTER ansible.builtin.combine

      Dictionaries laid over each other.

    CALL:

      DICT | combine(others, recursive=false, list_merge='replace')

    --- stderr ---
    ");
    for (kind, name) in [("filter", "combine"), ("test", "version"), ("lookup", "first_found"), ("keyword", "notify")] {
        let list = project.rprov(&format!("doc -t {kind} -l"));
        assert!(list.out.lines().any(|line| line.contains(name)), "{list}");
    }
}

#[test]
fn what_is_unknown_is_said_so() {
    let project = Project::new();
    let outcome = project.rprov("doc cop");
    assert_eq!((outcome.code, outcome.out.as_str()), (0, ""), "{outcome}");
    assert_eq!(outcome.err, "[WARNING]: cop was not found\nhint: did you mean `copy`?\n");
    assert_eq!(project.rprov("doc").code, 5);
    assert_eq!(project.rprov("doc -t filter -s combine").code, 5);
}

#[test]
fn roles_are_told_about() {
    let spec = "argument_specs:\n  main:\n    short_description: A web server\n    description: [Serves C(/srv).]\n    options:\n      web_port: {type: int, default: 80, description: Where it listens.}\n      web_sites:\n        type: list\n        elements: dict\n        description: What it serves.\n        options:\n          name: {type: str, required: true, description: Its name.}\n  purge: {short_description: No web server}\n";
    let project = Project::new()
        .file("roles/web/meta/argument_specs.yml", spec)
        .file("roles/web/meta/main.yml", "galaxy_info: {description: Web}\n")
        .file("roles/plain/meta/main.yml", "galaxy_info: {description: Nothing special}\n")
        .file("roles/broken/meta/main.yml", "a: [\n")
        .file("roles/no_role/tasks/main.yml", "[]\n")
        .file(
            "collections/ansible_collections/x/y/roles/z/meta/argument_specs.yml",
            "argument_specs: {main: {short_description: Zed}}\n",
        );
    insta::assert_snapshot!(project.rprov("doc -t role web"), @r"
    exit code 0
    --- stdout ---
    > ROLE: web ([DIR]/roles/web)

    ENTRY POINT: main - A web server

      Serves `/srv'.

    OPTIONS (= indicates it is required):

       web_port  Where it listens.
            type: int
            default: 80

       web_sites  What it serves.
            type: list
            elements: dict

            OPTIONS:

            =  name  Its name.
                    type: str

    ENTRY POINT: purge - No web server

    --- stderr ---
    ");
    insta::assert_snapshot!(project.rprov("doc -t role -l"), @r"
    exit code 0
    --- stdout ---
    plain  Nothing special
    web  A web server
        purge  No web server
    x.y.z  Zed

    --- stderr ---
    warning: invalid YAML: did not find expected node content
     --> [DIR]/roles/broken/meta/main.yml:1:4
      |
    1 | a: [
      |    ^
      |
      = cause: while parsing a flow node that begins at line 2, column 1
    ");
    let told: serde_json::Value = serde_json::from_str(&project.rprov("doc -t role -j web x.y.z").out).unwrap();
    assert_eq!(told["x.y.z"]["collection"], "x.y");
    assert_eq!(told["web"]["entry_points"]["main"]["options"]["web_port"]["default"], 80);
    let entry = project.rprov("doc -t role web -e purge");
    assert!(entry.out.contains("No web server") && !entry.out.contains("A web server"), "{entry}");
    let wrong = project.rprov("doc -t role web -e nothing");
    assert!(wrong.code != 0 && wrong.err.contains("there are: main, purge"), "{wrong}");
    assert!(project.rprov("doc -t role wep").err.contains("did you mean `web`?"));
}

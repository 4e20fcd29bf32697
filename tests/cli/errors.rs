//! Mistakes: the message, the place, the source line with its caret, the cause, and what to do; and the exit code.

use crate::project::{Outcome, Project, play};

fn run(playbook: &str) -> Outcome {
    Project::new().file("site.yml", playbook).run("-i h, -c local site.yml")
}

fn tasks(tasks: &str) -> Outcome {
    run(&play(tasks))
}

#[test]
fn a_playbook_that_is_no_list() {
    insta::assert_snapshot!(run("hosts: all\ntasks: []\n"), @r"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: A playbook must be a list of plays, got a dictionary instead
     --> site.yml:1:1
      |
    1 | hosts: all
      | ^^^^^ this should begin with `- `
      |
      = hint: write `- hosts: all`, with everything else of the play indented below
    ");
}

#[test]
fn a_playbook_that_is_not_there_or_empty() {
    insta::assert_snapshot!(Project::new().run("nowhere.yml"), @r"
    exit code 1
    --- stdout ---

    --- stderr ---
    error: the playbook: nowhere.yml could not be found
    ");
    insta::assert_snapshot!(Project::new().run("home"), @r"
    exit code 1
    --- stdout ---

    --- stderr ---
    error: the playbook: home does not appear to be a file
    ");
    insta::assert_snapshot!(run(""), @r"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: Empty playbook, nothing to do: site.yml
     --> site.yml:1:1
      |
    1 |
      | ^
      |
      = hint: a playbook is a list of plays, each beginning with `- hosts: ...`
    ");
}

#[test]
fn a_tab() {
    insta::assert_snapshot!(run("- hosts: all\n  tasks:\n\t- debug:\n"), @r"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: invalid YAML: found character that cannot start any token
     --> site.yml:3:1
      |
    3 |     - debug:
      | ^^^^ this is a tab
      |
      = cause: while scanning for the next token that begins at line 3, column 1
      = hint: YAML is indented with spaces; replace the tab with spaces
    ");
}

#[test]
fn a_duplicate_key_is_a_warning() {
    insta::assert_snapshot!(run("- hosts: all\n  gather_facts: true\n  gather_facts: false\n"), @r"
    exit code 0
    --- stdout ---

    PLAY [all] *********************************************************************

    PLAY RECAP *********************************************************************


    --- stderr ---
    warning: found duplicate mapping key `gather_facts`
     --> site.yml:3:3
      |
    3 |   gather_facts: false
      |   ^^^^^^^^^^^^ only this last value counts
      |
      = cause: it is already defined at site.yml:2:3
      = hint: remove one of the two
    ");
}

#[test]
fn a_role_that_is_not_there() {
    let project = Project::new()
        .file("site.yml", "- hosts: all\n  roles: [ngnix]\n")
        .file("roles/nginx/tasks/main.yml", "- debug:\n");
    insta::assert_snapshot!(project.run("-i h, -c local site.yml"), @r"
    exit code 1
    --- stdout ---

    --- stderr ---
    error: the role 'ngnix' was not found in [DIR]/roles:[DIR]/home/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles:[DIR]
     --> site.yml:2:11
      |
    2 |   roles: [ngnix]
      |           ^^^^^
      |
      = hint: did you mean `nginx`?
    ");
}

#[test]
fn several_mistakes_are_told_at_once() {
    let text = "- hosts: all\n  gather_facts: false\n  taskz: []\n  tasks:\n    - debgu: msg=x\n    - copy:\n        dset: /tmp/x\n        content: y\n    - file:\n        path: /tmp/x\n        state: nope\n    - debug:\n      wehn: true\n    - command: echo\n      when: x ==\n";
    insta::assert_snapshot!(run(text), @r"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: `taskz` is not a valid keyword for a play
     --> site.yml:3:3
      |
    3 |   taskz: []
      |   ^^^^^
      |
      = hint: did you mean `tasks`?
    error: couldn't resolve module/action 'debgu'. This often indicates a misspelling, missing collection, or incorrect module path
     --> site.yml:5:7
      |
    5 |     - debgu: msg=x
      |       ^^^^^
      |
      = hint: did you mean `debug`?
    error: unsupported parameter for (copy) module: dset
     --> site.yml:7:9
      |
    7 |         dset: /tmp/x
      |         ^^^^
      |
      = hint: did you mean `dest`?
    error: `copy`: missing required arguments: dest
     --> site.yml:6:7
      |
    6 |     - copy:
      |       ^^^^
    error: `file`: value of state must be one of: absent, directory, file, hard, link, touch, got: nope
      --> site.yml:11:9
       |
    11 |         state: nope
       |         ^^^^^
    error: `wehn` is not a valid keyword for a task
      --> site.yml:13:7
       |
    13 |       wehn: true
       |       ^^^^
       |
       = hint: did you mean `when`?
    error: Syntax error in expression: unexpected end of input, expected expression
      --> site.yml:15:15
       |
    15 |       when: x ==
       |               ^^
    ");
}

#[test]
fn quotes_that_are_not_closed() {
    insta::assert_snapshot!(tasks("    - copy: content=\"x dest=/tmp/y\n"), @r#"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: failed at splitting arguments, either an unbalanced jinja2 block or quotes
     --> site.yml:4:13
      |
    4 |     - copy: content="x dest=/tmp/y
      |             ^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: close every quote and every `{{`
    error: `copy`: missing required arguments: dest
     --> site.yml:4:7
      |
    4 |     - copy: content="x dest=/tmp/y
      |       ^^^^
    "#);
}

#[test]
fn what_is_missing_beside_a_template_is_told_before_the_run() {
    let out = tasks("    - group: {gid: \"{{ number }}\"}\n    - copy: {dest: \"{{ place }}\", src: x}\n").to_string();
    assert!(out.contains("error: `group`: missing required arguments: name\n --> site.yml:4:7"), "{out}");
    assert!(!out.contains("`copy`"), "{out}");
}

#[test]
fn files_that_are_imported_and_not_there() {
    insta::assert_snapshot!(tasks("    - import_tasks: nowhere.yml\n"), @r"
    exit code 1
    --- stdout ---

    --- stderr ---
    error: Could not find or access 'nowhere.yml' on the Ansible Controller.
     --> site.yml:4:7
      |
    4 |     - import_tasks: nowhere.yml
      |       ^^^^^^^^^^^^
      |
      = hint: looked for it at: [DIR]/nowhere.yml, [DIR]/tasks/nowhere.yml
    ");
}

#[test]
fn files_that_are_included_and_not_there() {
    let outcome = tasks("    - include_tasks: nowhere.yml\n");
    assert_eq!(outcome.code, 2);
    let reason = r#""reason": "Could not find or access 'nowhere.yml' on the Ansible Controller.""#;
    assert!(outcome.out.contains(reason), "{outcome}");
    insta::assert_snapshot!(outcome.err, @r"
    error: Could not find or access 'nowhere.yml' on the Ansible Controller.
     --> site.yml:4:7
      |
    4 |     - include_tasks: nowhere.yml
      |       ^^^^^^^^^^^^^
      |
      = hint: looked for it at: [DIR]/nowhere.yml, [DIR]/tasks/nowhere.yml
    ");
}

#[test]
fn variable_files_that_are_not_there() {
    insta::assert_snapshot!(run("- hosts: all\n  gather_facts: false\n  vars_files: [nowhere.yml]\n"), @r"
    exit code 0
    --- stdout ---

    PLAY [all] *********************************************************************

    PLAY RECAP *********************************************************************


    --- stderr ---
    warning: Could not find or access 'nowhere.yml' on the Ansible Controller.
     --> site.yml:3:16
      |
    3 |   vars_files: [nowhere.yml]
      |                ^^^^^^^^^^^
      |
      = hint: looked in [DIR] and its `vars` directory
    ");
}

#[test]
fn imports_in_a_circle() {
    let project = Project::new()
        .file("site.yml", &play("    - import_tasks: again.yml\n"))
        .file("again.yml", "- import_tasks: again.yml\n");
    insta::assert_snapshot!(project.run("-i h, -c local site.yml"), @r"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: task file [DIR]/again.yml imports itself
     --> [DIR]/again.yml:1:3
      |
    1 | - import_tasks: again.yml
      |   ^^^^^^^^^^^^
      |
      = hint: use `include_tasks` with a `when` that ends the recursion
    ");
    insta::assert_snapshot!(run("- import_playbook: site.yml\n"), @r"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: playbook [DIR]/site.yml imports itself
     --> [DIR]/site.yml:1:20
      |
    1 | - import_playbook: site.yml
      |                    ^^^^^^^^
      |
      = hint: take one of the imports away, so that the circle is broken
    ");
}

/// An include that never ends is stopped, and the other hosts and the rescue go on.
#[test]
fn includes_in_a_circle() {
    let project = Project::new()
        .file("site.yml", &play("    - include_tasks: again.yml\n"))
        .file("again.yml", "- include_tasks: again.yml\n");
    let outcome = project.run("-i h, -c local site.yml");
    assert_eq!(outcome.code, 4, "{}", outcome.err);
    insta::assert_snapshot!(outcome.err, @r"
    error: includes are nested deeper than 1000 levels
     --> [DIR]/again.yml:1:3
      |
    1 | - include_tasks: again.yml
      |   ^^^^^^^^^^^^^
      |
      = hint: what includes itself needs a `when` that ends the recursion
    ");
    let project = Project::new()
        .file("site.yml", "- hosts: all\n  gather_facts: false\n  roles: [r]\n")
        .file("roles/r/tasks/main.yml", "- import_role: {name: r}\n");
    insta::assert_snapshot!(project.run("-i h, -c local site.yml"), @r"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: role r imports itself
     --> [DIR]/roles/r/tasks/main.yml:1:3
      |
    1 | - import_role: {name: r}
      |   ^^^^^^^^^^^
      |
      = hint: use `include_role` with a `when` that ends the recursion
    ");
    project.write("roles/r/tasks/main.yml", "- debug:\n");
    project.write("roles/r/meta/main.yml", "dependencies: [r]\n");
    insta::assert_snapshot!(project.run("-i h, -c local site.yml"), @r"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: role [DIR]/roles/r depends on itself
     --> [DIR]/roles/r/meta/main.yml:1:16
      |
    1 | dependencies: [r]
      |                ^
      |
      = hint: take one of the dependencies away, so that the circle is broken
    ");
}

/// Expressions that nobody writes are refused, and do not end the program.
#[test]
fn an_expression_that_is_nested_too_deep() {
    let text = format!("    - debug:\n        msg: \"{{{{ {}1{} }}}}\"\n", "(".repeat(3000), ")".repeat(3000));
    let outcome = tasks(&text);
    assert_eq!(outcome.code, 2, "{}", outcome.err);
    assert!(outcome.err.contains("brackets are nested deeper than 100 levels"), "{}", outcome.err);
    let outcome = tasks(&format!("    - debug:\n      when: {}true\n", "not ".repeat(3000)));
    assert_eq!(outcome.code, 4, "{}", outcome.err);
    assert!(outcome.err.contains("this expression has more than 800 parts"), "{}", outcome.err);
}

#[test]
fn an_undefined_variable_in_a_variable() {
    let text = "- hosts: all\n  gather_facts: false\n  vars:\n    greeting: \"hello {{ titel }}\"\n    title: x\n  tasks:\n    - name: greet\n      debug:\n        msg: \"{{ greeting }}\"\n";
    insta::assert_snapshot!(run(text).failure(), @r#"
    exit code 2
    [ERROR]: Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': 'titel' is undefined

    Task failed.
    Origin: [DIR]/site.yml:7:7

    5     title: x
    6   tasks:
    7     - name: greet
            ^ column 7

    <<< caused by >>>

    Finalization of task args for 'ansible.builtin.debug' failed.
    Origin: [DIR]/site.yml:8:7

    6   tasks:
    7     - name: greet
    8       debug:
            ^ column 7

    <<< caused by >>>

    Error while resolving value for 'msg'.
    Origin: [DIR]/site.yml:9:14

    7     - name: greet
    8       debug:
    9         msg: "{{ greeting }}"
                   ^ column 14

    <<< caused by >>>

    'titel' is undefined
    Origin: [DIR]/site.yml:4:15

    2   gather_facts: false
    3   vars:
    4     greeting: "hello {{ titel }}"
                    ^ column 15

    --- stderr ---
    error: 'titel' is undefined
     --> site.yml:4:25
      |
    4 |     greeting: "hello {{ titel }}"
      |                         ^^^^^
      |
      = cause: while templating variable `greeting` at site.yml:4:15
      = hint: did you mean `title`?
    "#);
}

#[test]
fn variables_that_need_each_other() {
    let text = "- hosts: all\n  gather_facts: false\n  vars:\n    a: \"{{ b }}\"\n    b: \"{{ a }}\"\n  tasks:\n    - debug:\n        msg: \"{{ a }}\"\n";
    insta::assert_snapshot!(run(text).failure(), @r#"
    exit code 2
    [ERROR]: Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': recursive loop detected in template: a -> b -> a

    Task failed: Finalization of task args for 'ansible.builtin.debug' failed.
    Origin: [DIR]/site.yml:7:7

    5     b: "{{ a }}"
    6   tasks:
    7     - debug:
            ^ column 7

    <<< caused by >>>

    Error while resolving value for 'msg'.
    Origin: [DIR]/site.yml:8:14

    6   tasks:
    7     - debug:
    8         msg: "{{ a }}"
                   ^ column 14

    <<< caused by >>>

    recursive loop detected in template: a -> b -> a
    Origin: [DIR]/site.yml:4:8

    2   gather_facts: false
    3   vars:
    4     a: "{{ b }}"
             ^ column 8

    --- stderr ---
    error: recursive loop detected in template: a -> b -> a
     --> site.yml:4:8
      |
    4 |     a: "{{ b }}"
      |        ^^^^^^^^^
      |
      = cause: while templating variable `a` at site.yml:4:8
      = cause: while templating variable `b` at site.yml:5:8
      = cause: while templating variable `a` at site.yml:4:8
      = hint: a variable can't be made from itself: give one of these another name
    "#);
}

/// A name that only some collection may know stops nothing before it is used, as in Ansible.
#[test]
fn a_filter_that_does_not_exist_is_told_before_and_fails_where_it_is_used() {
    insta::assert_snapshot!(tasks("    - debug:\n        msg: \"{{ 'a' | uper }}\"\n").failure(), @r#"
    exit code 2
    [ERROR]: Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': Syntax error in template: No filter named 'uper'.

    Task failed: Finalization of task args for 'ansible.builtin.debug' failed.
    Origin: [DIR]/site.yml:4:7

    2   gather_facts: false
    3   tasks:
    4     - debug:
            ^ column 7

    <<< caused by >>>

    Error while resolving value for 'msg': Syntax error in template: No filter named 'uper'.
    Origin: [DIR]/site.yml:5:14

    3   tasks:
    4     - debug:
    5         msg: "{{ 'a' | uper }}"
                   ^ column 14

    --- stderr ---
    warning: Syntax error in template: No filter named 'uper'.
     --> site.yml:5:24
      |
    5 |         msg: "{{ 'a' | uper }}"
      |                        ^^^^
      |
      = cause: whatever uses this template will fail
      = hint: did you mean `upper`?
    error: Syntax error in template: No filter named 'uper'.
     --> site.yml:5:24
      |
    5 |         msg: "{{ 'a' | uper }}"
      |                        ^^^^
      |
      = hint: did you mean `upper`?
    "#);
    let skipped = tasks("    - debug:\n        msg: \"{{ 'a' | uper }}\"\n      when: false\n");
    assert_eq!(skipped.code, 0, "{skipped}");
    assert!(skipped.err.contains("No filter named 'uper'"), "{skipped}");
}

#[test]
fn a_condition_that_is_undefined_or_no_boolean() {
    insta::assert_snapshot!(tasks("    - debug:\n      when: inventory_hostnam == 'h'\n").failure(), @r"
    exit code 2
    [ERROR]: Task failed: Error while evaluating conditional: 'inventory_hostnam' is undefined

    Task failed.
    Origin: [DIR]/site.yml:4:7

    2   gather_facts: false
    3   tasks:
    4     - debug:
            ^ column 7

    <<< caused by >>>

    Error while evaluating conditional: 'inventory_hostnam' is undefined
    Origin: [DIR]/site.yml:5:13

    3   tasks:
    4     - debug:
    5       when: inventory_hostnam == 'h'
                  ^ column 13

    --- stderr ---
    error: Error while evaluating conditional: 'inventory_hostnam' is undefined
     --> site.yml:5:13
      |
    5 |       when: inventory_hostnam == 'h'
      |             ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `inventory_hostname`?
    ");
    insta::assert_snapshot!(tasks("    - debug:\n      when: inventory_hostname\n").failure(), @r"
    exit code 2
    [ERROR]: Task failed: Conditional result (True) was derived from value of type 'str' at '<unknown>'. Conditionals must have a boolean result.

    Task failed.
    Origin: [DIR]/site.yml:4:7

    2   gather_facts: false
    3   tasks:
    4     - debug:
            ^ column 7

    <<< caused by >>>

    Conditional result (True) was derived from value of type 'str' at '<unknown>'. Conditionals must have a boolean result.
    Origin: [DIR]/site.yml:5:13

    3   tasks:
    4     - debug:
    5       when: inventory_hostname
                  ^ column 13

    Broken conditionals can be temporarily allowed with the `ALLOW_BROKEN_CONDITIONALS` configuration option.

    --- stderr ---
    error: Conditional result (True) was derived from value of type 'str' at '<unknown>'. Conditionals must have a boolean result.
     --> site.yml:5:13
      |
    5 |       when: inventory_hostname
      |             ^^^^^^^^^^^^^^^^^^
      |
      = hint: compare it (`x == '...'`), use `x | length > 0`, or say `x | bool`
    ");
}

#[test]
fn a_loop_over_what_is_no_list() {
    insta::assert_snapshot!(tasks("    - debug:\n      loop: abc\n").failure(), @r#"
    exit code 2
    [ERROR]: The `loop` value must resolve to a 'list', not 'str'.
    Origin: [DIR]/site.yml:5:13

    3   tasks:
    4     - debug:
    5       loop: abc
                  ^ column 13

    Provide a list of items/templates, or a template resolving to a list.

    --- stderr ---
    error: The `loop` value must resolve to a 'list', not 'str'.
     --> site.yml:5:13
      |
    5 |       loop: abc
      |             ^^^
      |
      = hint: give a list: `loop: [...]`; for a dictionary, `loop: "{{ ... | dict2items }}"`
    "#);
}

#[test]
fn a_keyword_of_the_wrong_type() {
    insta::assert_snapshot!(tasks("    - debug:\n      become: perhaps\n").failure(), @r"
    exit code 2
    [ERROR]: Task failed: Error processing keyword 'become': The value 'perhaps' could not be converted to 'bool'.

    Task failed.
    Origin: [DIR]/site.yml:4:7

    2   gather_facts: false
    3   tasks:
    4     - debug:
            ^ column 7

    <<< caused by >>>

    Error processing keyword 'become'.
    Origin: [DIR]/site.yml:5:15

    3   tasks:
    4     - debug:
    5       become: perhaps
                    ^ column 15

    <<< caused by >>>

    The value 'perhaps' could not be converted to 'bool'.
    Origin: [DIR]/site.yml:5:15

    3   tasks:
    4     - debug:
    5       become: perhaps
                    ^ column 15

    --- stderr ---
    error: Error processing keyword 'become': The value 'perhaps' could not be converted to 'bool'.
     --> site.yml:5:15
      |
    5 |       become: perhaps
      |               ^^^^^^^
      |
      = hint: write `true` or `false`
    ");
    insta::assert_snapshot!(run("- hosts: all\n  gather_facts: perhaps\n"), @r"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: `gather_facts` must be a boolean, not a string
     --> site.yml:2:17
      |
    2 |   gather_facts: perhaps
      |                 ^^^^^^^
    ");
}

#[test]
fn a_changed_when_that_fails_keeps_the_result() {
    let outcome = tasks("    - command: echo kept\n      changed_when: nothing_here\n");
    assert_eq!(outcome.code, 2, "{outcome}");
    assert!(outcome.out.contains(r#""stdout": "kept""#), "{outcome}");
    assert!(
        outcome
            .out
            .contains(r#""changed_when_result": "Error while evaluating conditional: 'nothing_here' is undefined""#),
        "{outcome}"
    );
}

#[test]
fn a_template_file_is_told_by_its_own_lines() {
    let project = Project::new()
        .file("site.yml", &play("    - template: {src: a.j2, dest: out}\n"))
        .file("a.j2", "first\n{% for x in [1] %}\nsecond {{ hostnmae }}\n{% endfor %}\n");
    insta::assert_snapshot!(project.run("-i h, -c local site.yml").failure(), @r"
    exit code 2
    [ERROR]: Task failed: 'hostnmae' is undefined

    Task failed.
    Origin: [DIR]/site.yml:4:7

    2   gather_facts: false
    3   tasks:
    4     - template: {src: a.j2, dest: out}
            ^ column 7

    <<< caused by >>>

    'hostnmae' is undefined
    Origin: [DIR]/a.j2:3:11

    1 first
    2 {% for x in [1] %}
    3 second {{ hostnmae }}
                ^ column 11

    --- stderr ---
    error: 'hostnmae' is undefined
     --> [DIR]/a.j2:3:11
      |
    3 | second {{ hostnmae }}
      |           ^^^^^^^^
      |
      = hint: define `hostnmae`, or give it a value here with `hostnmae | default(...)`
    ");
    project.write("a.j2", "first\n{% if true %}\nno end\n");
    let outcome = project.run("-i h, -c local site.yml");
    assert!(outcome.err.contains("a.j2:3:"), "{outcome}");
    assert!(!project.path("out").exists());
}

#[test]
fn a_bad_line_of_an_inventory() {
    let project = Project::new().file("site.yml", &play("    - debug:\n")).file("hosts", "[web\nw1\n");
    insta::assert_snapshot!(project.run("-i hosts -c local site.yml"), @r"
    exit code 1
    --- stdout ---

    --- stderr ---
    error: this section has no closing bracket
     --> hosts:1:1
      |
    1 | [web
      | ^^^^
      |
      = hint: write `[web]`
    ");
    let project = Project::new().file("site.yml", &play("    - debug:\n")).file("hosts", "[web:children]\nnowhere\n");
    insta::assert_snapshot!(project.run("-i hosts -c local site.yml"), @r"
    exit code 1
    --- stdout ---

    --- stderr ---
    error: section `[web:children]` includes undefined group `nowhere`
     --> hosts:2:1
      |
    2 | nowhere
      | ^^^^^^^ no section defines this group
      |
      = hint: define it with a section `[nowhere]`
    ");
}

#[test]
fn an_inventory_that_is_not_there_leaves_localhost() {
    let project =
        Project::new().file("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=x\n");
    let outcome = project.run("-i nowhere site.yml");
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.err.contains("nowhere"), "{outcome}");
}

#[test]
fn exit_codes_tell_a_failed_host_from_one_that_cannot_be_reached() {
    let project = Project::new()
        .file("site.yml", &play("    - ping:\n    - fail:\n      when: inventory_hostname == 'here'\n"))
        .file("hosts", "here ansible_connection=local\ngone ansible_host=127.0.0.9 ansible_port=1\n");
    assert_eq!(project.run("-i hosts -l here site.yml").code, 2);
    insta::assert_snapshot!(project.run("-i hosts -l gone site.yml").failure(), @r"
    exit code 4
    [ERROR]: Task failed: Failed to connect to the host via ssh: ssh: connect to host 127.0.0.9 port 1: Connection refused
    Origin: [DIR]/site.yml:4:7

    2   gather_facts: false
    3   tasks:
    4     - ping:
            ^ column 7

    --- stderr ---
    hint: check that an SSH server runs there and that the port is right (`ansible_port`)
    ");
    assert_eq!(project.run("-i hosts site.yml").code, 4);
    assert_eq!(project.run("-i hosts --nonsense site.yml").code, 2);
}

/// Later plays do not make up for a host that failed in an earlier one.
#[test]
fn a_failure_in_the_first_play_is_the_exit_code_of_the_run() {
    let text = format!("{}{}", play("    - fail:\n      when: inventory_hostname == 'a'\n"), play("    - debug:\n"));
    let outcome = Project::new().file("site.yml", &text).run("-i a,b -c local site.yml");
    assert_eq!(outcome.code, 2, "{outcome}");
}

#[test]
fn extra_variables_that_cannot_be_read_end_every_command_with_the_same_code() {
    let project = Project::new()
        .file("site.yml", &play("- ping:"))
        .file("open.yml", "{a: [1\n")
        .file("list.yml", "- 1\n")
        .file("sealed.yml", "$ANSIBLE_VAULT;1.1;AES256\n3361\n");
    let given = [
        ("@nowhere.yml", 1),
        ("@open.yml", 4),
        ("{open", 4),
        ("\"a='b\"", 4),
        ("@list.yml", 5),
        ("@sealed.yml", 1),
        ("@nowhere.yml -e @open.yml", 1),
        ("@list.yml -e @nowhere.yml", 5),
    ];
    for command in ["run site.yml", "adhoc all -m ping", "console all --list-hosts", "inventory --list"] {
        for (extra, code) in given {
            let ended = project.rprov(&format!("{command} -i h, -e {extra}"));
            assert_eq!(ended.code, code, "{command} -e {extra}: {}", ended.err);
        }
    }
}

#[test]
fn a_way_to_become_another_user_or_to_a_host_that_there_is_not() {
    insta::assert_snapshot!(run("- hosts: all\n  connection: shs\n  tasks: [{ping: , become_method: sduo}]\n"), @r"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: the connection plugin 'shs' was not found
     --> site.yml:2:15
      |
    2 |   connection: shs
      |               ^^^
      |
      = hint: did you mean `ssh`?
    error: Invalid become method specified, could not find matching plugin: 'sduo'
     --> site.yml:3:35
      |
    3 |   tasks: [{ping: , become_method: sduo}]
      |                                   ^^^^
      |
      = hint: did you mean `sudo`?
    ");
    let project = Project::new().file("site.yml", &play("    - ping:\n"));
    insta::assert_snapshot!(project.run("-i h, --become-method sduo site.yml"), @r"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: Invalid become method specified, could not find matching plugin: 'sduo'
     |
     = hint: did you mean `sudo`?
     = hint: `--become-method` is one of: sudo, su, doas
    ");
    // What is only known then, and what is no slip of the pen, is told when it is to be used.
    let text = "- hosts: none\n  connection: network_cli\n  become_method: \"{{ method }}\"\n  tasks: [ping: ]\n";
    assert!(run(text).out.contains("no hosts matched"));
}

#[test]
fn an_option_that_is_indented_as_a_keyword_is_known_for_what_it_is() {
    for tasks in ["    - ping:\n      data: x\n", "    - data: x\n      ping:\n"] {
        let outcome = Project::new().file("site.yml", &play(tasks)).run("-i h, -c local site.yml");
        assert_eq!(outcome.code, 4, "{outcome}");
        assert!(outcome.err.contains("`data` is not a valid keyword for a task"), "{outcome}");
        assert!(outcome.err.contains("hint: `data` is an option of `ping`: indent it below the module"), "{outcome}");
    }
}

#[test]
fn variables_with_reserved_names_are_told() {
    let tasks = "    - set_fact: {tasks: 1}\n    - debug: {}\n      register: loop\n    - debug: {}\n      vars: {until: 1, name_: 1}\n    - include_vars: more.yml\n";
    let text = play(tasks).replace("  tasks:", "  vars: {port: 1, vars: 1}\n  vars_files: [v.yml]\n  tasks:");
    let project = Project::new()
        .file("site.yml", &text)
        .file("v.yml", "name: x\n")
        .file("more.yml", "become: 1\n")
        .file("group_vars/all.yml", "remote_user: x\n")
        .file("inventory", "h order=1 ansible_connection=local\ni ansible_connection=local\n");
    let outcome = project.run("-i inventory -e serial=1 site.yml");
    assert_eq!(outcome.code, 0, "{outcome}");
    for name in ["tasks", "loop", "until", "port", "name", "become", "remote_user", "order", "serial"] {
        let told = format!("warning: Found variable using reserved name '{name}'.");
        assert_eq!(outcome.err.matches(&told).count(), 1, "{name}: {outcome}");
    }
    assert_eq!(outcome.err.matches("warning: ").count(), 9, "{outcome}");
}

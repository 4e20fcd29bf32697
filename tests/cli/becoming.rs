//! Becoming another user with a program of the test's own in the place of `su`: which questions it is answered, and what
//! it means that none comes.

use crate::project::Project;

/// Asks with a word of its own, and goes on as the same user.
const SU: &str =
    "#!/bin/sh\nprintf 'Losung : ' >&2\nread -r word\n[ \"$word\" = s3cret ] || exit 1\nexec /bin/sh -c \"$3\"\n";

fn project(prompt: &str) -> Project {
    let text = format!(
        "- hosts: all\n  gather_facts: false\n  become: true\n  become_user: someone\n  become_method: su\n  vars:\n    ansible_become_exe: '{{{{ playbook_dir }}}}/su'\n    ansible_become_password: s3cret\n    ansible_su_prompt_l10n: [{prompt}]\n    ansible_local_become_success_timeout: 1\n  tasks:\n    - command: echo done\n      register: outcome\n    - debug: {{msg: \"{{{{ outcome.unreachable | default(false) }}}} {{{{ outcome.stdout | default(outcome.msg) }}}}\"}}\n"
    );
    Project::new().file("site.yml", &text).program("su", SU)
}

#[test]
fn su_is_answered_at_the_prompt_that_was_named() {
    let outcome = project("losung").run("-i h, -c local site.yml");
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.out.contains("\"False done\"") && !outcome.out.contains("s3cret"), "{outcome}");
}

#[test]
fn a_host_whose_su_asks_otherwise_cannot_be_reached() {
    let outcome = project("Password").run("-i h, -c local site.yml");
    assert_eq!(outcome.code, 4, "{outcome}");
    let told = "Timed out waiting for become success or become password prompt";
    assert!(outcome.out.contains(told) && outcome.err.contains("ansible_su_prompt_l10n"), "{outcome}");
    assert!(outcome.out.contains("UNREACHABLE!") && !outcome.out.contains("s3cret"), "{outcome}");
}

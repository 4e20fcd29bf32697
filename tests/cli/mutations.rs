//! Damaged playbooks: whatever is wrong with one, the loader says so, and never panics.

use std::path::PathBuf;

use proptest::prelude::*;
use rprov::playbook::Loader;
use rprov::source::{Severity, render};
use rprov::template::Scope;

const SAMPLES: [&str; 4] = [
    "- name: web\n  hosts: web:&db[0]\n  gather_facts: false\n  vars:\n    port: 80\n    list: [1, \"{{ port }}\"]\n  vars_prompt:\n    - name: pw\n      private: true\n  roles:\n    - {role: r1, tags: [a], when: port == 80}\n  tasks:\n    - name: copy it\n      copy: src=a dest=\"b c\" mode=0644\n      loop: \"{{ list }}\"\n      loop_control: {loop_var: x, label: \"{{ x }}\"}\n      register: out\n      until: out is success\n      retries: 3\n      notify: [restart]\n    - shell: |\n        echo {{ port }}\n      args:\n        chdir: /tmp\n      changed_when: \"'a' in out.stdout\"\n  handlers:\n    - name: restart\n      service: name=x state=restarted\n      listen: \"restart all\"\n",
    "- hosts: all\n  become: yes\n  tasks:\n    - block:\n        - import_tasks: other.yml\n        - include_role: {name: r1, tasks_from: x}\n      rescue:\n        - debug: msg=\"{{ ansible_failed_result.msg }}\"\n      always:\n        - meta: flush_handlers\n      when: [a is defined, b]\n    - set_fact: {a: !unsafe \"{{ x }}\", b: &anchor [1], c: *anchor}\n    - action: command echo hi\n    - local_action: {module: command, cmd: echo}\n    - assert: {that: [1 == 1, \"x is defined\"]}\n    - template: {src: a.j2, dest: /b, validate: \"visudo %s\"}\n      with_items: [1, 2]\n      environment: {A: \"{{ b }}\"}\n      delegate_to: localhost\n      async: 10\n      poll: 0\n",
    "- import_playbook: other.yml\n  vars: {x: 1}\n  when: x\n- hosts: [a, b]\n  serial: [1, \"50%\"]\n  strategy: free\n  module_defaults: {group/x: {a: b}, copy: {mode: \"0600\"}}\n  vars_files: [a.yml, [b.yml, c.yml]]\n  tasks: []\n",
    "---\n# comment\n- hosts: \"{{ h | default('all') }}\"\n  environment:\n    - A: b\n  tasks:\n    - name: \"quoted \\\" \\u00e9 name\"\n      command: >-\n        folded\n        text {{ \"x\" if y else 'z' }}\n      when:\n        - not (a or b)\n        - \"{{ old }}\"\n    - file: {path: /x, state: directory, mode: u=rwX}\n      tags: a,b\n    - fail:\n...\n",
];

const PIECES: [&str; 24] = [
    "{{",
    "}}",
    "{%",
    "%}",
    "\"",
    "'",
    ":",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "\t",
    "!vault |",
    "&a",
    "*a",
    "|",
    ">",
    "#",
    "\u{0}",
    "é\u{301}",
    "{{ x | nofilter(",
    "\r",
    "  ",
];

/// One damage to a text.
#[derive(Clone, Debug)]
enum Damage {
    Cut { at: usize, length: usize },
    Insert { at: usize, piece: usize },
    Repeat { at: usize, length: usize },
    Swap { one: usize, other: usize },
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = 0..4096_usize;
    prop_oneof![
        (place.clone(), 1..40_usize).prop_map(|(at, length)| Damage::Cut { at, length }),
        (place.clone(), 0..PIECES.len()).prop_map(|(at, piece)| Damage::Insert { at, piece }),
        (place.clone(), 1..60_usize).prop_map(|(at, length)| Damage::Repeat { at, length }),
        (place.clone(), place).prop_map(|(one, other)| Damage::Swap { one, other }),
    ]
}

fn damaged(text: &str, damages: &[Damage]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for damage in damages {
        let count = characters.len().max(1);
        match *damage {
            Damage::Cut { at, length } => {
                let at = at % count;
                let end = (at + length).min(characters.len());
                characters.drain(at.min(end)..end);
            }
            Damage::Insert { at, piece } => {
                let at = (at % count).min(characters.len());
                characters.splice(at..at, PIECES[piece].chars());
            }
            Damage::Repeat { at, length } => {
                let at = at % count;
                let end = (at + length).min(characters.len());
                let copy: Vec<char> = characters[at.min(end)..end].to_vec();
                characters.splice(at.min(end)..at.min(end), copy);
            }
            Damage::Swap { one, other } if !characters.is_empty() => characters.swap(one % count, other % count),
            Damage::Swap { .. } => {}
        }
    }
    characters.into_iter().collect()
}

fn load(text: &str) {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("site.yml", text);
    write("other.yml", "- debug: msg=x\n");
    write("roles/r1/tasks/main.yml", "- debug: msg=x\n");
    write("roles/r1/tasks/x.yml", "- debug: msg=x\n");
    let mut loader = Loader::new(Vec::<PathBuf>::new(), Vec::new(), Default::default(), Scope::empty());
    match loader.playbook(&directory.path().join("site.yml")) {
        Ok((_, warnings)) => assert!(warnings.iter().all(|warning| warning.severity != Severity::Error)),
        Err(problems) => {
            assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
            for problem in problems {
                assert!(!problem.message.is_empty());
                assert!(render(&problem, false).contains(": "));
            }
        }
    }
}

#[test]
fn the_samples_themselves_can_be_read() {
    for sample in SAMPLES {
        load(sample);
    }
}

/// Every place of every sample, cut off there.
#[test]
fn a_playbook_that_ends_early_never_panics() {
    for sample in SAMPLES {
        for (end, _) in sample.char_indices().step_by(3) {
            load(&sample[..end]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_playbook_never_panics(sample in 0..SAMPLES.len(), damages in prop::collection::vec(damage(), 1..6)) {
        load(&damaged(SAMPLES[sample], &damages));
    }
}

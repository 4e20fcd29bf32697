//! Lookups that keep something on the controller.

use crate::project::Project;

#[test]
fn hosts_that_ask_for_a_new_password_at_once_get_the_same() {
    let hosts: String = (0..30).map(|number| format!("h{number} ansible_connection=local\n")).collect();
    let playbook = "- hosts: all\n  gather_facts: false\n  tasks:\n    - set_fact:\n        token: \"{{ lookup('ansible.builtin.password', playbook_dir ~ '/new/token', length=32) }}\"\n    - debug:\n        msg: \"{{ ansible_play_hosts_all | map('extract', hostvars, 'token') | unique | length }} in all\"\n      run_once: true\n";
    let project = Project::new().file("hosts", &hosts).file("site.yml", playbook);
    let outcome = project.rprov("run -i hosts -f 30 site.yml");
    assert!(outcome.code == 0 && outcome.out.contains("\"1 in all\""), "{outcome}");
}

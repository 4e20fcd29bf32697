//! `rprov console` at a terminal; what it answers is compared with Ansible's by `tests/golden/console`.

use crate::project::Project;
use crate::terminal::{INTERRUPT, Terminal};

fn start(project: &Project) -> Terminal {
    let mut command = project.named("ansible-console", "-i web1,web2, -c local -u joe");
    Terminal::start(command.env("ANSIBLE_NOCOLOR", "1"))
}

#[test]
fn lines_are_edited_completed_and_kept() {
    let project = Project::new();
    let mut terminal = start(&project);
    terminal.wait_for("joe@all (2)[f:5]$ ");
    // Tab completes a host, then a command; Ctrl-C leaves a line.
    terminal.enter("cd web2\n");
    terminal.wait_for("joe@web2 (1)[f:5]$ ");
    terminal.enter(&format!("nothing at all{INTERRUPT}"));
    terminal.wait_for("joe@web2 (1)[f:5]$ ");
    terminal.enter("become_m\tsu\n");
    terminal.wait_for("joe@web2 (1)[f:5]$ ");
    terminal.enter("debug var=inventory_host\u{8}\u{8}\u{8}\u{8}hostname\n");
    terminal.wait_for("\"inventory_hostname\": \"web2\"");
    terminal.wait_for("joe@web2 (1)[f:5]$ ");
    // The end of input.
    terminal.enter("\u{4}");
    let (code, seen) = terminal.end();
    assert!(code == 0 && seen.contains("Ansible-console was exited."), "{seen}");
    let history = std::fs::read_to_string(project.path("home/.ansible-console_history")).unwrap();
    assert!(
        history.contains("cd web2\nbecome_method su\n") && history.contains("debug var=inventory_hostname\n"),
        "{history}"
    );
}

#[test]
fn an_interrupt_cancels_a_task_and_leaves_the_prompt() {
    let project = Project::new();
    let mut terminal = start(&project);
    terminal.wait_for("$ ");
    terminal.enter("cd web1\n");
    terminal.wait_for("joe@web1 (1)[f:5]$ ");
    terminal.enter("!touch begun; sleep 300; touch ended\n");
    let begin = std::time::Instant::now();
    while !project.path("begun").exists() {
        assert!(begin.elapsed().as_secs() < 60, "the command does not begin:\n{}", terminal.seen());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    terminal.enter(INTERRUPT);
    terminal.wait_for("joe@web1 (1)[f:5]$ ");
    terminal.enter("ping data=still\n");
    terminal.wait_for("\"ping\": \"still\"");
    terminal.wait_for("joe@web1 (1)[f:5]$ ");
    terminal.enter("exit\n");
    let (code, seen) = terminal.end();
    assert!(code == 0 && !project.path("ended").exists(), "{seen}");
}

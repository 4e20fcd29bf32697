//! Ctrl-C and its kin.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::project::{Project, play};

/// A run that sleeps, and has come to the task where it does.
fn sleeping(project: &Project) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let tasks = "    - name: sleep\n      command: sleep 60\n    - name: after\n      command: touch after\n";
    project.write("site.yml", &play(tasks));
    let mut child = project
        .command("-i a,b,c -c local -f 2 site.yml")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("TASK [sleep]") {
        assert!(out.read_line(&mut seen).unwrap() > 0, "{seen}");
    }
    std::thread::sleep(Duration::from_millis(500));
    (child, out, seen)
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn ends_in_order(with: Signal) {
    let project = Project::new();
    let (mut child, mut out, mut seen) = sleeping(&project);
    let begin = Instant::now();
    signal(&child, with);
    out.read_to_string(&mut seen).unwrap();
    let status = child.wait().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(status.code(), Some(99), "{seen}");
    assert!(seen.contains("PLAY RECAP"), "{seen}");
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.contains("User interrupted execution"), "{told}");
    assert!(!project.path("after").exists());
}

#[test]
fn an_interrupt_cancels_what_runs_and_prints_the_recap() {
    ends_in_order(Signal::INT);
}

#[test]
fn a_request_to_terminate_does_the_same() {
    ends_in_order(Signal::TERM);
}

#[test]
fn a_second_interrupt_quits_at_once() {
    let project = Project::new();
    let (mut child, _out, _) = sleeping(&project);
    let begin = Instant::now();
    signal(&child, Signal::INT);
    signal(&child, Signal::TERM);
    let status = child.wait().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert_eq!(status.code(), Some(99));
}

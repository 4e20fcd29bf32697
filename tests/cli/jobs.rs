//! Tasks that run as jobs (`async`), seen from outside.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::project::{Project, play};

/// Wait until something is there.
fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{what} does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn project(tasks: &str) -> Project {
    Project::new()
        .file("site.yml", &play(tasks))
        .file("inventory", "here ansible_connection=local ansible_async_dir={{playbook_dir}}/jobs/below\n")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The words by which the jobs were started that run now.
fn running_jobs() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    lines.filter(|line| line.starts_with("rprov-agent\0")).collect()
}

#[test]
fn a_job_outlives_the_run_and_keeps_its_arguments_to_itself() {
    let project = project(
        "    - shell: while ! test -e go; do sleep 0.05; done; echo $WORD\n      args: {chdir: '{{ playbook_dir }}'}\n      \
         environment: {WORD: hushhush}\n      async: 600\n      poll: 0\n",
    );
    let outcome = project.run("site.yml -i inventory");
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.out.contains("changed: [here]"), "{outcome}");

    let directory = project.path("jobs/below");
    let files: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("one job has one file: {files:?}") };
    assert_eq!((mode(&directory), mode(file)), (0o700, 0o600));
    let read = || -> serde_json::Value { serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap() };
    let name = file.file_name().unwrap().to_str().unwrap();
    assert_eq!(read(), serde_json::json!({"started": true, "finished": false, "ansible_job_id": name}));
    let jobs = running_jobs();
    assert!(!jobs.is_empty() && jobs.iter().all(|words| words == "rprov-agent\0--job\0"), "{jobs:?}");

    project.write("go", "");
    let result = wait("the result", || Some(read()).filter(|result| result.get("rc").is_some()));
    assert_eq!((&result["stdout"], &result["rc"]), (&"hushhush".into(), &0.into()));
    assert_eq!((mode(file), std::fs::read_dir(&directory).unwrap().count()), (0o600, 1));

    // Another run finds it, and forgets it.
    project.write(
        "later.yml",
        &play(&format!(
            "    - async_status: {{jid: {name}}}\n      register: job\n      failed_when: job.stdout != 'hushhush'\n\
             \x20   - async_status: {{jid: {name}, mode: cleanup}}\n"
        )),
    );
    let outcome = project.run("later.yml -i inventory");
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
}

#[test]
fn what_a_job_has_started_ends_with_its_time() {
    let project = project(
        "    - shell: echo $$ > {{ playbook_dir }}/pid; exec sleep 600\n      async: 3\n      poll: 1\n      register: job\n      \
         failed_when: job.msg != 'Timeout exceeded'\n",
    );
    let outcome = project.run("site.yml -i inventory");
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.out.contains("ASYNC FAILED on here: jid=j"), "{outcome}");
    let pid = std::fs::read_to_string(project.path("pid")).unwrap();
    let process = Path::new("/proc").join(pid.trim());
    wait("the end of the process", || (!process.exists()).then_some(()));
}

#[test]
fn where_jobs_cannot_be_kept_the_task_fails() {
    let project = Project::new()
        .file("site.yml", &play("    - {command: echo x, async: 5}\n"))
        .file("inventory", "here ansible_connection=local ansible_async_dir=/proc/nowhere\n");
    let outcome = project.run("site.yml -i inventory");
    assert_eq!(outcome.code, 2, "{outcome}");
    assert!(outcome.out.contains("could not create the directory of jobs /proc/nowhere"), "{outcome}");
}

//! Playbooks for what this machine holds: containers by `docker exec` and `podman exec`, and a directory by `chroot`. They
//! need root, BusyBox (busybox-static), podman and a running Docker daemon.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What every host must be able to do; `{{ more }}` has what is special to one.
const PLAYBOOK: &str = r#"
- hosts: all
  tasks:
    - assert: {that: "ansible_facts.system == 'Linux'"}
    - copy: {content: "{{ inventory_hostname }} {{ 'x' * 300000 }}", dest: /root/file, mode: "0640"}
    - lineinfile: {path: /root/lines, line: "{{ item }}", create: true}
      loop: [one, two]
    - command: cat /root/lines
      register: said
      changed_when: false
    - assert: {that: "said.stdout_lines == ['one', 'two']"}
    - raw: echo raw; exit 0
      register: said
      changed_when: false
    - assert: {that: "said.stdout == 'raw\n'"}
    - command: sh -c 'id -u; pwd; echo [$EXTRA]'
      register: said
      changed_when: false
    - assert: {that: "said.stdout_lines == expected", fail_msg: "{{ said.stdout_lines }} is not {{ expected }}"}
"#;

/// Other users: the connection's, and one that is become.
const OTHERS: &str = r#"
- hosts: all
  gather_facts: false
  tasks:
    - command: id -u
      register: said
      failed_when: said.stdout != '7'
      vars: {ansible_docker_user: other}
    - command: id -u
      become: true
      become_method: su
      become_user: other
      register: said
      failed_when: said.stdout != '7'
"#;

/// A directory with a small system.
struct System(tempfile::TempDir);

impl System {
    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Give it `/proc`, without which BusyBox starts no scripts.
    fn mounted(self) -> Self {
        let status = Command::new("mount").args(["-t", "proc", "proc"]).arg(self.path().join("proc")).status().unwrap();
        assert!(status.success(), "these tests mount /proc, as root");
        self
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path().join("proc")).stderr(Stdio::null()).status();
    }
}

fn system() -> System {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for name in ["bin", "root", "tmp", "etc", "proc", "dev"] {
        std::fs::create_dir(path.join(name)).unwrap();
    }
    std::fs::copy("/bin/busybox", path.join("bin/busybox"))
        .unwrap_or_else(|error| panic!("these tests need busybox-static: {error}"));
    for applet in [
        "sh",
        "cat",
        "id",
        "uname",
        "mkdir",
        "chmod",
        "mv",
        "rm",
        "sleep",
        "head",
        "cut",
        "sha256sum",
        "gzip",
        "dd",
        "tr",
    ] {
        std::os::unix::fs::symlink("busybox", path.join("bin").join(applet)).unwrap();
    }
    std::fs::write(path.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nother:x:7:7::/tmp:/bin/sh\n").unwrap();
    std::fs::set_permissions(path.join("tmp"), std::fs::Permissions::from_mode(0o1777)).unwrap();
    System(directory)
}

fn run(inventory: &str, playbook: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("hosts.yml"), inventory).unwrap();
    std::fs::write(directory.path().join("play.yml"), playbook).unwrap();
    Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["run", "-i", "hosts.yml", "play.yml"])
        .current_dir(directory.path())
        .env_remove("ANSIBLE_CONFIG")
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The playbook changes the host, and the second time nothing.
fn converges(name: &str, variables: &str) {
    let inventory = format!("all: {{hosts: {{\"{name}\": {{{variables}}}}}}}\n");
    for changed in [2, 0] {
        let output = run(&inventory, PLAYBOOK);
        let said = text(&output);
        assert!(output.status.success(), "{said}");
        assert!(said.contains(&format!("changed={changed} ")), "changed={changed}: {said}");
    }
}

/// A container of `docker` or `podman` that is removed with the test.
struct Container(&'static str, &'static str);

impl Container {
    fn start(name: &'static str, root: &Path) -> Self {
        Container::start_by("docker", "run -d --stop-signal KILL", name, root)
    }

    /// By this program, with these words before its name.
    fn start_by(program: &'static str, start: &str, name: &'static str, root: &Path) -> Self {
        let container = Container(program, name);
        let script = format!(
            "{program} rm -f {name} >/dev/null 2>&1; tar -C {} -c . | {program} import - rprovtest-inside:{name} >/dev/null && \
             {program} {start} --name {name} rprovtest-inside:{name} /bin/sleep 600",
            root.display()
        );
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "these tests need {program}: {}", text(&output));
        container
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let Container(program, name) = self;
        let script = format!("{program} rm -f {name}; {program} rmi rprovtest-inside:{name}");
        let _ = Command::new("sh").args(["-c", &script]).output();
    }
}

#[test]
fn a_container_is_a_host() {
    let system = system();
    let _container = Container::start("rprovtest-inside", system.path());
    converges("rprovtest-inside", "ansible_connection: community.docker.docker, expected: ['0', '/', '[]']");
    let _other = Container::start("rprovtest-inside2", system.path());
    converges(
        "a host",
        "ansible_connection: docker, ansible_host: nobody, ansible_docker_host: rprovtest-inside2, ansible_user: root, \
         ansible_docker_working_dir: /tmp, ansible_docker_extra_env: {EXTRA: 'two words'}, ansible_docker_extra_args: \
         '--log-level error', expected: ['0', /tmp, '[two words]']",
    );
    let inventory = "all: {hosts: {rprovtest-inside: {ansible_connection: docker}}}";
    // `su` asks for passwords at a terminal alone, so that the agent is started at one inside.
    let output = run(inventory, OTHERS);
    assert!(output.status.success(), "{}", text(&output));

    let output = run("all: {hosts: {rprovtest-none: {ansible_connection: docker}}}", PLAYBOOK);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("No such container: rprovtest-none"), "{said}");
    assert!(said.contains("try `docker exec -i rprovtest-none /bin/sh -c true` by hand"), "{said}");
}

#[test]
fn a_directory_is_a_host() {
    let system = system().mounted();
    let root = system.path().display();
    converges(&root.to_string(), "ansible_connection: community.general.chroot, expected: ['0', '/', '[]']");
    assert_eq!(std::fs::read_to_string(system.path().join("root/lines")).unwrap(), "one\ntwo\n");
    let mode = std::fs::metadata(system.path().join("root/file")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    for (variables, message) in [
        ("ansible_host: /proc", "does not look like a chrootable dir"),
        ("ansible_host: /no/such", "/no/such is not a directory"),
        ("ansible_chroot_exe: rprovtest-none", "there is no program `rprovtest-none`"),
    ] {
        let output =
            run(&format!("all: {{hosts: {{\"{root}\": {{ansible_connection: chroot, {variables}}}}}}}"), PLAYBOOK);
        assert!(text(&output).contains(message), "{}", text(&output));
        assert_eq!(output.status.code(), Some(4), "unreachable");
    }
}

#[test]
fn a_container_of_podman_is_a_host() {
    let system = system();
    // Without a network, and with limits that a container of this machine may set itself: what is shown is the way in.
    let start = "run -d --network none --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 --stop-signal KILL";
    let _container = Container::start_by("podman", start, "rprovtest-pod", system.path());
    converges("rprovtest-pod", "ansible_connection: containers.podman.podman, expected: ['0', '/', '[]']");
    let _other = Container::start_by("podman", start, "rprovtest-pod2", system.path());
    converges(
        "somebody",
        "ansible_connection: podman, ansible_podman_host: rprovtest-pod2, ansible_user: root, \
         ansible_podman_extra_args: '--log-level error', ansible_podman_executable: /usr/bin/podman, \
         expected: ['0', '/', '[]']",
    );
    let output = run("all: {hosts: {rprovtest-none: {ansible_connection: podman}}}", PLAYBOOK);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(text(&output).contains("try `podman exec -i rprovtest-none /bin/sh -c true` by hand"), "{}", text(&output));
}

//! Inventories read by rprov and by `ansible-inventory --list`, compared as JSON.
//!
//! Ansible is looked for in `$RPROV_ANSIBLE` (a directory of programs), in `PATH`, and in `/opt/ansible/bin`; without it
//! this test fails.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn ansible_inventory() -> PathBuf {
    let named = std::env::var_os("RPROV_ANSIBLE").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    named
        .into_iter()
        .chain(std::env::split_paths(&path))
        .chain([PathBuf::from("/opt/ansible/bin")])
        .map(|directory| directory.join("ansible-inventory"))
        .find(|program| program.is_file())
        .expect(
            "this test compares with ansible-inventory: install ansible-core 2.19.14 or name its bin in RPROV_ANSIBLE",
        )
}

fn listed(program: &Path, before: &[&str], directory: &Path, sources: &[&str]) -> Value {
    let mut command = Command::new(program);
    command.args(before).current_dir(directory).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", directory);
    fs::write(directory.join("ansible.cfg"), "").unwrap();
    command.env("ANSIBLE_CONFIG", directory.join("ansible.cfg")).env("LC_ALL", "C.UTF-8");
    for source in sources {
        command.args(["-i", source]);
    }
    let output = command.arg("--list").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Files as `name` and `text`; a name that ends with `+x` is executable.
fn compare(files: &[(&str, &str)], sources: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name.trim_end_matches("+x"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        if name.ends_with("+x") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let expected = listed(&ansible_inventory(), &[], directory.path(), sources);
    let found = listed(Path::new(env!("CARGO_BIN_EXE_rprov")), &["inventory"], directory.path(), sources);
    assert!(
        expected == found,
        "Ansible:\n{}\nrprov:\n{}",
        serde_json::to_string_pretty(&expected).unwrap(),
        serde_json::to_string_pretty(&found).unwrap()
    );
}

#[test]
fn ini_with_everything() {
    compare(
        &[(
            "hosts",
            r##"# comment
green.example.com
alone:2222 x=1 y='two words' z="q" b=True n=None f=1.5 l=[1,2,'a'] d={'a':1} t=(1,2) e= h=a#b neg=-3
[web]
web[01:03].example.com ansible_port=22 oct=0644 hex=0x1f s=yes u=foo_bar tpl={{alone}} tpl2="{{ foo }} x" col=a:b
web[a:c:2] q2='"x"' esc=a\'b p=1,2 w='[1, 2]' m="{'a': [1, None]}" ip=10.0.0.1 v=1.10 neg=-3 big=123456789012
db-[1:10:4]:2200 role=db
::1
[2001:db8::1]:22 v6=yes

; another comment
[web:vars] # trailing
a=1
b = yes
c= hello world # c
d=[1, 2]
e={"x": true}
f='quoted'
g="dq"
h=
i=a=b
j=1e3
k=0o17
l=1_000
m=None
n='a' 'b'
o={1,2}
q1=1+2
r=-5
s=1j
t=...
u=[1,
v=true
w=False
x = {{ a }}

[db]
db-1
alone

[dc:children]
web
db

[dc:vars]
ansible_group_priority=10
a=2
[empty]
"##,
        )],
        &["hosts"],
    );
}

#[test]
fn ini_groups_before_their_sections() {
    compare(
        &[(
            "hosts.ini",
            "[dc:vars]\na=1\n[dc:children]\nweb\nmy-group\n[web]\nh1\n[my-group]\nh2 a=3\n[dc]\nh3\n[all:vars]\nz=1\n[ungrouped]\nh4\nh1\n",
        )],
        &["hosts.ini"],
    );
}

#[test]
fn group_precedence() {
    compare(
        &[(
            "hosts",
            "[b]\nh\n[a]\nh\n[c]\nh\n[a:vars]\nv=a\nansible_group_priority=5\n[b:vars]\nv=b\n[c:vars]\nv=c\n\
             [p:children]\nq\n[q]\nh\n[p:vars]\nv=p\nw=p\n[q:vars]\nw=q\n[all:vars]\nw=all\nx=all\n",
        )],
        &["hosts"],
    );
}

#[test]
fn yaml_inventories() {
    compare(
        &[(
            "hosts.yml",
            r##"
all:
  vars: {a: 1, t: "{{ a }}", d: 0644}
  hosts:
    mail.example.com:
    10.0.0.1: {x: y}
  children:
    web:
      hosts:
        web[1:3]:
          k: v
        foo:2222: {a: [1, {b: c}]}
      vars:
        secret: !vault |
          $ANSIBLE_VAULT;1.1;AES256
          3132
        raw: !unsafe "{{ x }}"
    db:
      hosts: single
      children:
        deep: {hosts: {d1: }}
    none:
other:
  hosts:
    mail.example.com: {z: 1}
"##,
        )],
        &["hosts.yml"],
    );
    compare(&[("hosts", "---\nweb:\n  hosts:\n    h1:\n    h2: {a: 1}\n")], &["hosts"]);
    compare(
        &[("inv.json", r#"{"web": {"hosts": {"h1": {"a": null}, "h2": null}, "vars": {"b": [1.5, true]}}}"#)],
        &["inv.json"],
    );
}

#[test]
fn toml_inventories() {
    compare(
        &[(
            "hosts.toml",
            "[all.vars]\nhas_java = false\n[web]\nchildren = [\"apache\", \"nginx\"]\n[web.vars]\nhttp_port = 8080\nl = [1, 2.5, \"x\"]\n\
             [web.hosts]\nhost1 = {}\nhost2 = { ansible_port = 222 }\n[apache.hosts]\ntomcat1 = {}\n[nginx.hosts.jenkins1]\na.b = 1\n",
        )],
        &["hosts.toml"],
    );
}

#[test]
fn scripts() {
    compare(
        &[(
            "inv.sh+x",
            "#!/bin/sh\ncat <<'E'\n{\"web\": {\"hosts\": [\"a\", \"b\"], \"vars\": {\"x\": \"{{ y }}\"}, \"children\": [\"sub\"]}, \"sub\": [\"c\"],\n\
             \"_meta\": {\"hostvars\": {\"a\": {\"n\": 1}, \"stranger\": {\"n\": 2}}}}\nE\n",
        )],
        &["inv.sh"],
    );
    compare(
        &[(
            "inv.sh+x",
            "#!/bin/sh\nif [ $1 = --host ]; then echo \"{\\\"name\\\": \\\"$2\\\"}\"; else echo '{\"web\": [\"a\", \"b\"], \"alone\": {\"k\": 1}}'; fi\n",
        )],
        &["inv.sh"],
    );
    compare(&[("hosts+x", "[web]\nh1\n")], &["hosts"]);
}

#[test]
fn directories_lists_and_several_sources() {
    compare(
        &[
            ("inv/10-a", "[web]\nh1 a=1 b=1\n"),
            ("inv/20-b.yml", "web: {hosts: {h1: {a: 2}, h2: }, vars: {c: 1}}\n"),
            ("inv/sub/x", "[db]\nh3\n"),
            ("inv/old.bak", "[never]\nnever\n"),
            ("inv/x.retry", "never\n"),
            ("inv/.hidden", "never\n"),
            ("inv/group_vars/web.yml", "c: 2\nd: 3\n"),
            ("inv/group_vars/all/x.yml", "e: 1\nd: 0\n"),
            ("inv/host_vars/h1", "f: 1\n"),
        ],
        &["inv"],
    );
    compare(&[], &["h1,h2:22,[::1]:33,w[1:3]"]);
    compare(
        &[
            ("a/hosts", "[web]\nh1 x=1\n"),
            ("a/group_vars/web", "y: a\nz: a\n"),
            ("b/hosts", "[web]\nh1 x=2\nh2\n"),
            ("b/group_vars/web.json", "{\"y\": \"b\"}"),
        ],
        &["a/hosts", "b/hosts", "h9,"],
    );
}

#[test]
fn localhost_and_ungrouped() {
    compare(&[("hosts", "localhost ansible_connection=local\n[web]\nlocalhost\nh1\n")], &["hosts"]);
    compare(&[("hosts", "")], &["hosts"]);
}

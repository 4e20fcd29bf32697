//! `rprov galaxy`, which is also `ansible-galaxy`: what it installs, and that playbooks find it there.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::project::{Outcome, Project, play};

/// Run git in a directory of the project, without anybody's settings.
fn git(project: &Project, directory: &str, words: &[&str]) {
    let mut command = Command::new("git");
    command.args(words).current_dir(project.path(directory)).env("HOME", project.path("home"));
    for name in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{name}_NAME"), "t").env(format!("GIT_{name}_EMAIL"), "t@example.org");
    }
    let output = command.env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Make a repository of a directory, or another commit in it, with a tag.
fn commit(project: &Project, directory: &str, tag: &str) {
    git(project, directory, &["init", "-q", "-b", "main"]);
    git(project, directory, &["add", "-A"]);
    git(project, directory, &["commit", "-qm", tag]);
    git(project, directory, &["tag", tag]);
}

fn role(project: &Project, name: &str, text: &str, dependencies: &str) {
    project.write(
        &format!("{name}/meta/main.yml"),
        &format!("galaxy_info: {{author: me, description: does {name}}}\ndependencies: {dependencies}\n"),
    );
    project.write(&format!("{name}/tasks/main.yml"), &format!("- debug: msg=\"{text}\"\n"));
}

fn collection(project: &Project, directory: &str, name: &str, version: &str, dependencies: &str) {
    project.write(
        &format!("{directory}/galaxy.yml"),
        &format!(
            "namespace: my\nname: {name}\nversion: {version}\nreadme: README.md\nauthors: [me]\ndependencies: {dependencies}\nbuild_ignore: ['*.bak']\n"
        ),
    );
    project.write(&format!("{directory}/README.md"), "hello\n");
    project.write(&format!("{directory}/left.bak"), "out\n");
    project.write(&format!("{directory}/roles/hello/tasks/main.yml"), &format!("- debug: msg=\"{name} {version}\"\n"));
}

fn url(project: &Project, directory: &str) -> String {
    format!("git+file://{}", project.path(directory).display())
}

fn galaxy(project: &Project, words: &str) -> Outcome {
    project.outcome(&mut project.named("ansible-galaxy", words))
}

fn read(project: &Project, name: &str) -> String {
    std::fs::read_to_string(project.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Two versions of a role that needs another.
fn with_roles() -> Project {
    let project = Project::new();
    role(&project, "base", "base role", "[]");
    commit(&project, "base", "v0.1");
    role(&project, "web", "web one", &format!("[{{src: '{}', name: base}}]", url(&project, "base")));
    commit(&project, "web", "v1.0");
    role(&project, "web", "web two", "[]");
    commit(&project, "web", "v2.0");
    project
}

#[test]
fn one_file_installs_roles_and_collections_that_a_playbook_then_uses() {
    let project = with_roles();
    collection(&project, "one", "one", "1.2.3", "{}");
    commit(&project, "one", "v1");
    project.write(
        "requirements.yml",
        &format!(
            "roles:\n- src: {}\n  version: v1.0\n  name: server\ncollections:\n- name: {}\n  type: git\n  version: v1\n",
            url(&project, "web"),
            url(&project, "one").trim_start_matches("git+"),
        ),
    );
    let first = galaxy(&project, "install -r requirements.yml");
    assert_eq!(first.code, 0, "{first}");
    assert!(first.out.contains("- adding dependency: base"), "{first}");
    let info = read(&project, "home/.ansible/roles/server/meta/.galaxy_install_info");
    assert!(info.starts_with("install_date: ") && info.ends_with("\nversion: v1.0\n"), "{info}");
    assert!(!project.path("home/.ansible/roles/server/.git").exists());
    let place = "home/.ansible/collections/ansible_collections/my/one";
    assert!(read(&project, &format!("{place}/MANIFEST.json")).contains("\n  \"version\": \"1.2.3\",\n"));
    assert!(!project.path(&format!("{place}/galaxy.yml")).exists());
    assert!(!project.path(&format!("{place}/left.bak")).exists());
    let before = std::fs::metadata(project.path(place)).unwrap().modified().unwrap();
    let again = galaxy(&project, "install -r requirements.yml");
    assert_eq!(again.code, 0, "{again}");
    assert!(again.out.contains("- server (v1.0) is already installed, skipping."), "{again}");
    assert!(again.out.contains("'my.one:1.2.3' is already installed, skipping."), "{again}");
    assert_eq!(std::fs::metadata(project.path(place)).unwrap().modified().unwrap(), before);
    project.write("site.yml", "- hosts: all\n  gather_facts: false\n  roles: [server, my.one.hello]\n");
    let run = project.run("site.yml -i here, -c local");
    assert_eq!(run.code, 0, "{run}");
    for text in ["base role", "web one", "one 1.2.3"] {
        assert!(run.out.contains(&format!("\"msg\": \"{text}\"")), "{text}: {run}");
    }
}

#[test]
fn a_version_is_a_branch_a_tag_or_a_commit_and_changes_by_force_alone() {
    let project = with_roles();
    let url = url(&project, "web");
    let install = |words: &str| galaxy(&project, &format!("role install -p roles --no-deps {words}"));
    assert_eq!(install(&format!("{url},v1.0,web")).code, 0);
    let kept = install(&format!("{url},v2.0,web"));
    assert_eq!(kept.code, 0, "{kept}");
    assert!(kept.err.contains("`--force` changes it to v2.0"), "{kept}");
    assert!(read(&project, "roles/web/tasks/main.yml").contains("web one"));
    let wrong = install(&format!("{url},v9,web --force"));
    assert_eq!(wrong.code, 1, "{wrong}");
    assert!(wrong.err.contains("has no branch, tag or commit `v9`"), "{wrong}");
    assert!(read(&project, "roles/web/tasks/main.yml").contains("web one"), "what was there stays");
    let forced = install(&format!("{url},main,web --force"));
    assert_eq!(forced.code, 0, "{forced}");
    assert!(read(&project, "roles/web/tasks/main.yml").contains("web two"));
    let output =
        Command::new("git").args(["rev-parse", "v1.0"]).current_dir(project.path("web")).output().unwrap().stdout;
    let commit = String::from_utf8(output).unwrap();
    assert_eq!(install(&format!("{url},{},web --force", commit.trim())).code, 0);
    assert!(read(&project, "roles/web/tasks/main.yml").contains("web one"));
    let listed = galaxy(&project, "list -p roles");
    assert_eq!(listed.out, format!("# [DIR]/roles\n- web, {}\n", commit.trim()), "{listed}");
    let entries = std::fs::read_dir(project.path("roles")).unwrap().count();
    assert_eq!(entries, 1, "nothing else is left");
}

#[test]
fn archives_and_directories_are_roles_too() {
    let project = with_roles();
    let made = Command::new("tar").args(["czf", "base-1.0.tar.gz", "base"]).current_dir(project.path("")).status();
    assert!(made.unwrap().success());
    let outcome = galaxy(&project, "install -p roles base-1.0.tar.gz,1.0,packed ./base");
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(read(&project, "roles/packed/meta/.galaxy_install_info").ends_with("version: '1.0'\n"));
    assert!(read(&project, "roles/base/tasks/main.yml").contains("base role"));
    let removed = galaxy(&project, "remove -p roles packed nothing");
    assert_eq!(removed.out, "- successfully removed packed\n- nothing is not installed, skipping.\n", "{removed}");
    assert!(!project.path("roles/packed").exists());
    role(&project, "roles/mine", "mine", "[]");
    let refused = galaxy(&project, "remove -p roles mine");
    assert_eq!(refused.code, 1, "{refused}");
    assert!(project.path("roles/mine").exists(), "what a person wrote is not removed");
}

#[test]
fn failures_name_the_line_and_can_be_passed_over() {
    let project = with_roles();
    let url = url(&project, "base");
    project.write("requirements.yml", &format!("- src: {url}none\n  name: none\n- src: {url}\n"));
    let stopped = galaxy(&project, "install -r requirements.yml -p roles");
    assert_eq!(stopped.code, 1, "{stopped}");
    assert!(stopped.err.contains("--> requirements.yml:1:8"), "{stopped}");
    assert!(!project.path("roles/base").exists());
    let passed = galaxy(&project, "install -r requirements.yml -p roles -i");
    assert_eq!(passed.code, 0, "{passed}");
    assert!(passed.err.contains("warning: none was not installed"), "{passed}");
    assert!(project.path("roles/base").exists());
}

#[test]
fn an_archive_that_leads_out_leaves_nothing() {
    let project = Project::new();
    role(&project, "bad", "bad", "[]");
    std::os::unix::fs::symlink("/etc/passwd", project.path("bad/files")).unwrap();
    let made = Command::new("tar").args(["czf", "bad.tar.gz", "bad"]).current_dir(project.path("")).status();
    assert!(made.unwrap().success());
    let outcome = galaxy(&project, "install -p roles bad.tar.gz");
    assert_eq!(outcome.code, 1, "{outcome}");
    assert!(outcome.err.contains("its link bad/files leads out of the directory, to /etc/passwd"), "{outcome}");
    assert_eq!(std::fs::read_dir(project.path("roles")).unwrap().count(), 0);
}

#[test]
fn collections_come_from_archives_directories_and_parts_of_repositories() {
    let project = Project::new();
    collection(&project, "many/one", "one", "1.0.0", "{}");
    collection(&project, "many/deep/two", "two", "1.0.0", "{my.one: '>=1.0.0'}");
    commit(&project, "many", "v1");
    let url = url(&project, "many");
    let alone = galaxy(&project, &format!("collection install -p c {url}#/deep/two,v1 --offline"));
    assert_eq!(alone.code, 1, "{alone}");
    assert!(alone.err.contains("my.one is not here"), "{alone}");
    assert!(!project.path("c/ansible_collections/my").exists(), "all or nothing");
    let both = galaxy(&project, &format!("collection install -p c {url}#/deep/two,v1 {url} --offline"));
    assert_eq!(both.code, 0, "{both}");
    let listed = galaxy(&project, "collection list -p c");
    assert_eq!(
        listed.out,
        "\n# [DIR]/c/ansible_collections\nCollection Version\n---------- -------\nmy.one     1.0.0  \nmy.two     1.0.0  \n",
        "{listed}"
    );
    collection(&project, "many/one", "one", "0.9.0", "{}");
    let conflict = galaxy(&project, "collection install -p d many/deep/two many/one");
    assert_eq!(conflict.code, 1, "{conflict}");
    assert!(conflict.err.contains("my.two:1.0.0 needs my.one >=1.0.0, but 0.9.0 is to be installed"), "{conflict}");
    let made = Command::new("tar")
        .args(["czf", "my-one.tar.gz", "-C", "c/ansible_collections/my/one", "."])
        .current_dir(project.path(""))
        .status();
    assert!(made.unwrap().success());
    let packed = galaxy(&project, "collection install -p e my-one.tar.gz");
    assert_eq!(packed.code, 0, "{packed}");
    project.write("c/ansible_collections/my/one/README.md", "changed\n");
    let made = Command::new("tar")
        .args(["czf", "my-one.tar.gz", "-C", "c/ansible_collections/my/one", "."])
        .current_dir(project.path(""))
        .status();
    assert!(made.unwrap().success());
    let changed = galaxy(&project, "collection install -p e --force my-one.tar.gz");
    assert_eq!(changed.code, 1, "{changed}");
    assert!(changed.err.contains("README.md differs"), "{changed}");
    assert_eq!(read(&project, "e/ansible_collections/my/one/README.md"), "hello\n");
}

/// A server that answers from a list of paths, until the test ends. Gives its URL.
fn server(answers: impl FnOnce(&str) -> Vec<(String, Vec<u8>)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let answers = answers(&base);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|size| size > 0) {
                request.push(byte[0]);
            }
            let text = String::from_utf8_lossy(&request);
            let path = text.split(' ').nth(1).unwrap_or_default();
            let found = answers.iter().find(|(known, _)| known == path);
            let (status, body) = found.map_or(("404 Not Found", &b"{}"[..]), |(_, body)| ("200 OK", body));
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    base
}

fn tar(directory: &Path, what: &str) -> Vec<u8> {
    let output = Command::new("tar").args(["cz", "-C"]).arg(directory).arg(what).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn a_galaxy_server_gives_the_newest_version_that_is_allowed() {
    let project = Project::new();
    role(&project, "web", "from galaxy", "[]");
    collection(&project, "one", "one", "1.5.0", "{}");
    assert_eq!(galaxy(&project, "collection install -p built one").code, 0);
    let role_archive = tar(&project.path(""), "web");
    let archive = tar(&project.path("built/ansible_collections/my/one"), ".");
    let base = server(|base| {
        let v3 = "/api/v3/collections/my/one/versions/";
        let role = format!(
            "{{\"results\": [{{\"id\": 1, \"summary_fields\": {{\"versions\": [{{\"name\": \"1.0.0\"}}, {{\"name\": \"1.10.0\", \"download_url\": \"{base}/web.tar.gz\"}}, {{\"name\": \"1.9.0\"}}]}}}}]}}"
        );
        vec![
            ("/api/v1/roles/?owner__username=me&name=web".to_owned(), role.into_bytes()),
            ("/web.tar.gz".to_owned(), role_archive),
            (
                format!("{v3}?limit=100"),
                format!("{{\"data\": [{{\"version\": \"1.0.0\"}}, {{\"version\": \"2.0.0\"}}], \"links\": {{\"next\": \"{v3}?limit=100&offset=100\"}}}}").into_bytes(),
            ),
            (format!("{v3}?limit=100&offset=100"), b"{\"data\": [{\"version\": \"1.5.0\"}, {\"version\": \"1.6.0-rc.1\"}], \"links\": {\"next\": null}}".to_vec()),
            (format!("{v3}1.5.0/"), b"{\"download_url\": \"/one.tar.gz\"}".to_vec()),
            ("/one.tar.gz".to_owned(), archive),
        ]
    });
    let outcome = galaxy(&project, &format!("role install -s {base} -p roles me.web"));
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.out.contains("- me.web (1.10.0) was installed successfully"), "{outcome}");
    let outcome = galaxy(&project, &format!("collection install -s {base} -p c 'my.one:>=1.0.0,<2.0.0'"));
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.out.contains("my.one:1.5.0 was installed successfully"), "{outcome}");
    let info = read(&project, "c/ansible_collections/my.one-1.5.0.info/GALAXY.yml");
    assert!(info.contains("version: 1.5.0\n") && info.contains(&format!("server: {base}/api/\n")), "{info}");
    let again = galaxy(&project, &format!("collection install -s {base} -p c 'my.one:>=1.0.0,<2.0.0'"));
    assert!(again.out.contains("Nothing to do."), "{again}");
    let none = galaxy(&project, &format!("collection install -s {base} -p c 'my.one:>3'"));
    assert_eq!(none.code, 1, "{none}");
    assert!(none.err.contains("has no version of my.one that is asked for"), "{none}");
    let none = galaxy(&project, &format!("role install -s {base} -p roles me.other"));
    assert!(none.err.contains("me.other is not on"), "{none}");
}

#[test]
fn a_new_role_and_a_new_collection_can_be_used_at_once() {
    let project = Project::new();
    assert_eq!(galaxy(&project, "init fresh --init-path roles").out, "- Role fresh was created successfully\n");
    let again = galaxy(&project, "role init fresh --init-path roles");
    assert_eq!(again.code, 1, "{again}");
    for name in ["defaults", "handlers", "meta", "tasks", "vars"] {
        assert!(project.path(&format!("roles/fresh/{name}/main.yml")).is_file(), "{name}");
    }
    assert!(project.path("roles/fresh/tests/test.yml").is_file());
    project.write("site.yml", "- hosts: all\n  gather_facts: false\n  roles: [fresh]\n");
    let run = project.run("site.yml -i here, -c local");
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(galaxy(&project, "collection init my.fresh").code, 0);
    let installed = galaxy(&project, "collection install -p c ./my/fresh");
    assert_eq!(installed.code, 0, "{installed}");
}

#[test]
fn what_is_installed_can_be_shown() {
    let project = with_roles();
    assert_eq!(galaxy(&project, &format!("install -p roles {},v0.1", url(&project, "base"))).code, 0);
    project.write("site.yml", &play("    - debug:\n"));
    let info = galaxy(&project, "role info -p roles base none");
    assert!(info.out.contains("Role: base\n\tdescription: does base\n"), "{info}");
    assert!(info.out.contains("\tinstalled_version: v0.1\n"), "{info}");
    assert!(info.out.ends_with("- the role none was not found\n"), "{info}");
    let none = galaxy(&project, "list");
    assert_eq!(none.code, 5, "{none}");
}

/// Both programs install the same files from the same requirements.
#[test]
#[cfg(feature = "system-tests")]
fn the_reference_installs_the_same_files() {
    let ansible = std::env::var("RPROV_ANSIBLE").unwrap_or_else(|_| "/opt/ansible/bin".to_owned());
    let reference = Path::new(&ansible).join("ansible-galaxy");
    assert!(reference.is_file(), "there is no ansible-core in {ansible}");
    let project = with_roles();
    collection(&project, "many/one", "one", "1.0.0", "{}");
    std::os::unix::fs::symlink("README.md", project.path("many/one/LINK.md")).unwrap();
    project.write("many/one/tests/output/log", "");
    project.write("many/one/a.retry", "");
    collection(&project, "many/two", "two", "1.0.0", "{my.one: '*'}");
    commit(&project, "many", "v1");
    let text = format!(
        "roles:\n- {{src: '{web}', version: v1.0, name: web}}\n- src: {web}\n  name: newest\ncollections:\n- {{source: '{many}', type: git, version: v1}}\n",
        web = url(&project, "web"),
        many = url(&project, "many").trim_start_matches("git+"),
    );
    project.write("requirements.yml", &text);
    let ours = project.path("ours");
    let theirs = project.path("theirs");
    let mut outcomes = Vec::new();
    for (program, home) in [(Path::new(env!("CARGO_BIN_EXE_rprov")), &ours), (&reference, &theirs)] {
        std::fs::create_dir(home).unwrap();
        let mut command = Command::new(program);
        if program != reference {
            command.arg("galaxy");
        }
        command.args(["install", "-r", "requirements.yml"]).current_dir(project.path("")).env("HOME", home);
        outcomes.push(command.output().unwrap());
    }
    for outcome in &outcomes {
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
    }
    let differ = Command::new("diff")
        .args(["-r", "--no-dereference", "-x", "FILES.json", "-x", "MANIFEST.json", "-x", ".galaxy_install_info"])
        .args([ours.join(".ansible/roles"), theirs.join(".ansible/roles")])
        .output()
        .unwrap();
    assert!(differ.status.success(), "{}", String::from_utf8_lossy(&differ.stdout));
    let differ = Command::new("diff")
        .args(["-r", "--no-dereference", "-x", "FILES.json", "-x", "MANIFEST.json"])
        .args([ours.join(".ansible/collections"), theirs.join(".ansible/collections")])
        .output()
        .unwrap();
    assert!(differ.status.success(), "{}", String::from_utf8_lossy(&differ.stdout));
    // The reference lists files in the order of its directories.
    for name in ["one", "two"] {
        let listed = |home: &Path| -> Vec<String> {
            let path = home.join(format!(".ansible/collections/ansible_collections/my/{name}/FILES.json"));
            let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            let mut entries: Vec<String> = json["files"].as_array().unwrap().iter().map(ToString::to_string).collect();
            entries.sort();
            entries
        };
        assert_eq!(listed(&ours), listed(&theirs));
    }
}

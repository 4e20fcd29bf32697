//! `jenkins_plugin` on servers that stand in for Jenkins and for an update centre; written from the documentation of
//! both: <https://www.jenkins.io/doc/book/managing/plugins/>, <https://github.com/jenkins-infra/update-center2>. The
//! script that Jenkins is given is looked at and not run.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
mod started;
mod web;

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use calls::{run_with, with};
use rprov_modules::Failure;
use rprov_modules::checksum::Algorithm;
use rprov_modules::rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};
use web::{Request, Response, Web};

/// A plugin's archive.
fn archive(version: &str, needs: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("META-INF/MANIFEST.MF", zip::write::SimpleFileOptions::default()).unwrap();
    // Long lines go on in the next one, after a space.
    let needs = if needs.is_empty() { String::new() } else { format!("Plugin-Dependencies: \r\n {needs}\r\n") };
    write!(archive, "Manifest-Version: 1.0\r\nPlugin-Version: {version}\r\n{needs}\r\n").unwrap();
    archive.finish().unwrap().into_inner()
}

fn sum(archive: &[u8]) -> String {
    let digits = Algorithm::Sha256.of_bytes(archive);
    let bytes: Vec<u8> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
    STANDARD.encode(bytes)
}

/// What the update centre has: by name, versions in order with what they need.
type Offer = Vec<(&'static str, Vec<(&'static str, &'static str)>)>;

struct Lab {
    jenkins: Web,
    center: Web,
    /// What the server runs.
    running: Arc<Mutex<Vec<Json>>>,
    offer: Arc<Mutex<Offer>>,
    /// Checksums that the lists give in place of the right ones.
    wrong: Arc<Mutex<bool>>,
    home: tempfile::TempDir,
}

fn needs(text: &str) -> Json {
    let parts = text.split(',').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, version) = part.split(';').next().unwrap().split_once(':').unwrap();
            json!({"name": name, "version": version, "optional": part.contains("optional")})
        })
        .collect()
}

fn offered(offer: &Offer, wrong: bool, request: &Request) -> Response {
    // `uc:uc-secret`.
    if request.header("authorization") != Some("Basic dWM6dWMtc2VjcmV0") {
        return Response::new(401, "who are you");
    }
    let entry = |version: &str, needed: &str| {
        let sum = if wrong { sum(b"other") } else { sum(&archive(version, needed)) };
        json!({"version": version, "sha256": sum, "dependencies": needs(needed)})
    };
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let find = |name: &str| offer.iter().find(|(known, _)| *known == name).map(|(_, versions)| versions.clone());
    let file = |found: Option<(&str, &str)>| match found {
        Some((version, needed)) => Response::new(200, archive(version, needed)),
        None => Response::new(404, "no"),
    };
    match parts.as_slice() {
        ["updates", "update-center.json"] => {
            let newest = |(name, versions): &(&str, Vec<(&str, &str)>)| {
                let (version, needed) = versions.last().unwrap();
                ((*name).to_owned(), entry(version, needed))
            };
            let plugins: BTreeMap<String, Json> = offer.iter().map(newest).collect();
            Response::new(200, format!("updateCenter.post(\n{}\n);", json!({"plugins": plugins})))
        }
        ["current", "plugin-versions.json"] => {
            let mut plugins = json!({});
            for (name, versions) in offer {
                for (version, needed) in versions {
                    plugins[name][version] = entry(version, needed);
                }
            }
            Response::json(&json!({"plugins": plugins}))
        }
        ["latest", file_name] => {
            file(find(file_name.trim_end_matches(".hpi")).and_then(|versions| versions.last().copied()))
        }
        ["plugins", name, version, _] => {
            file(find(name).unwrap_or_default().into_iter().find(|(known, _)| known == version))
        }
        _ => Response::new(404, "no"),
    }
}

fn served(running: &mut Vec<Json>, request: &Request) -> Response {
    // `admin:the-secret`.
    if request.header("authorization") != Some("Basic YWRtaW46dGhlLXNlY3JldA==") {
        return Response::new(403, "who are you");
    }
    if request.path == "/crumbIssuer/api/json" {
        return Response::json(&json!({"crumb": "abc", "crumbRequestField": "Jenkins-Crumb"}));
    }
    if request.path == "/pluginManager/api/json" {
        return Response::json(&json!({"plugins": running}));
    }
    assert_eq!((request.method.as_str(), request.header("jenkins-crumb")), ("POST", Some("abc")));
    if request.path == "/scriptText" {
        assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
        let script = request.text();
        if script.contains("unknown") {
            return Response::new(200, "the update centre has no such plugin\n");
        }
        assert!(script.starts_with("script=def%20center") && script.contains("getPlugin%28%27fresh%27%29"), "{script}");
        running.push(json!({"shortName": "fresh", "version": "1", "enabled": true, "pinned": false}));
        return Response::new(200, "rprov: installed\n");
    }
    let parts: Vec<&str> = request.path.trim_start_matches("/pluginManager/plugin/").split('/').collect();
    let plugin = running.iter_mut().find(|plugin| plugin["shortName"] == parts[0]).unwrap();
    match parts[1] {
        "makeEnabled" => plugin["enabled"] = json!(true),
        "makeDisabled" => plugin["enabled"] = json!(false),
        "pin" => plugin["pinned"] = json!(plugin["shortName"] == "old"),
        "unpin" => plugin["pinned"] = json!(false),
        "doUninstall" => plugin["deleted"] = json!(true),
        what => panic!("{what}"),
    }
    Response::new(302, "").with("Location", "/pluginManager/installed")
}

impl Lab {
    fn new() -> Self {
        let running = Arc::new(Mutex::new(vec![
            json!({"shortName": "old", "version": "1.0", "enabled": true, "pinned": false}),
            json!({"shortName": "bundled", "version": "2.5", "enabled": true, "pinned": false}),
        ]));
        let offer = Arc::new(Mutex::new(vec![
            (
                "main",
                vec![("1.0", ""), ("1.5", "dep:1.2,bundled:2.0,maybe:9;resolution:=optional"), ("2.0", "dep:1.10")],
            ),
            ("dep", vec![("1.2", "deeper:3"), ("1.10", "deeper:3")]),
            ("deeper", vec![("3", "")]),
        ]));
        let wrong = Arc::new(Mutex::new(false));
        let (theirs, known, lie) = (running.clone(), offer.clone(), wrong.clone());
        let jenkins = Web::start(move |request| served(&mut theirs.lock().unwrap(), request));
        let center = Web::start(move |request| offered(&known.lock().unwrap(), *lie.lock().unwrap(), request));
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("plugins")).unwrap();
        Lab { jenkins, center, running, offer, wrong, home }
    }

    fn arguments(&self, more: Json) -> Json {
        let owner = std::fs::metadata(self.home.path()).unwrap();
        let all = json!({
            "url": self.jenkins.url(), "url_username": "admin", "url_password": "the-secret",
            "updates_url": [self.center.url()], "updates_url_username": "uc", "updates_url_password": "uc-secret",
            "jenkins_home": self.home.path(), "owner": owner.uid().to_string(), "group": owner.gid().to_string(),
        });
        with(&all, more)
    }

    fn run(&self, more: &Json, check: bool) -> Result<Map, Failure> {
        let environment = vec![("HOME".to_owned(), self.home.path().display().to_string())];
        run_with("jenkins_plugin", &self.arguments(more.clone()), check, environment)
    }

    fn refused(&self, more: Json) -> String {
        let message = self.run(&more, false).unwrap_err().message;
        assert!(!message.contains("secret"), "{message}");
        message
    }

    /// Check mode predicts a change and makes none, applying changes, and applying again changes nothing.
    fn converges(&self, more: Json) {
        let before = self.files();
        self.jenkins.changes();
        let predicted = self.run(&more, true).unwrap();
        assert_eq!(predicted["changed"], Value::Bool(true), "{more}: check mode predicts a change");
        assert_eq!((self.files(), self.jenkins.changes()), (before, Vec::new()), "{more}: check mode changes nothing");
        assert_eq!(self.run(&more, false).unwrap(), predicted, "{more}");
        self.settled(&more);
    }

    fn settled(&self, more: &Json) {
        for check in [true, false] {
            let told = self.run(more, check).unwrap();
            assert_eq!(told["changed"], Value::Bool(false), "{more} (check={check})");
        }
    }

    /// The files that are there, with their versions.
    fn files(&self) -> Vec<String> {
        let offer = self.offer.lock().unwrap();
        let entries = std::fs::read_dir(self.home.path().join("plugins")).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| {
                let entry = entry.unwrap();
                let (name, content) = (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap());
                let all = offer.iter().flat_map(|(_, versions)| versions);
                let version = all.into_iter().find(|(version, needs)| archive(version, needs) == content);
                format!("{name} {}", version.map_or("?", |(version, _)| version))
            })
            .collect();
        names.sort();
        names
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("plugins").join(name)
    }
}

#[test]
fn versions_are_downloaded_with_what_they_need() {
    let lab = Lab::new();
    lab.converges(json!({"name": "main", "version": "1.0"}));
    assert_eq!(lab.files(), ["main.jpi 1.0"]);
    assert_eq!(std::fs::metadata(lab.path("main.jpi")).unwrap().permissions().mode() & 0o7777, 0o644);
    lab.converges(json!({"name": "main", "version": "1.0", "mode": "0600"}));
    lab.converges(json!({"name": "main", "version": "1.5", "with_dependencies": false}));
    assert_eq!(lab.files(), ["main.jpi 1.5"]);
    // What the server runs is there, and what is optional is not needed.
    lab.converges(json!({"name": "main", "version": "1.5"}));
    assert_eq!(lab.files(), ["deeper.jpi 3", "dep.jpi 1.2", "main.jpi 1.5"]);
    lab.converges(json!({"name": "main", "version": "2.0"}));
    assert_eq!(lab.files(), ["deeper.jpi 3", "dep.jpi 1.10", "main.jpi 2.0"]);
    // A version that is there needs no update centre.
    lab.center.asked();
    lab.settled(&json!({"name": "main", "version": "2.0"}));
    assert!(lab.center.asked().is_empty());
    lab.converges(json!({"name": "main", "version": "1.0"}));
    lab.converges(json!({"name": "main", "state": "absent"}));
    assert_eq!(lab.files(), ["deeper.jpi 3", "dep.jpi 1.10"]);
}

#[test]
fn the_newest_is_told_by_its_checksum() {
    let lab = Lab::new();
    std::fs::write(lab.path("main.hpi"), archive("1.0", "")).unwrap();
    lab.settled(&json!({"name": "main"}));
    lab.converges(json!({"name": "main", "state": "latest", "with_dependencies": false}));
    assert_eq!(lab.files(), ["main.hpi 2.0"]);
    lab.converges(json!({"name": "main", "state": "latest"}));
    assert_eq!(lab.files(), ["deeper.jpi 3", "dep.jpi 1.10", "main.hpi 2.0"]);
    // A copy of the list is good enough, until it is not.
    lab.center.asked();
    lab.settled(&json!({"name": "main", "state": "latest"}));
    assert!(lab.center.asked().is_empty());
    lab.offer.lock().unwrap()[0].1.push(("3.0", ""));
    lab.settled(&json!({"name": "main", "state": "latest"}));
    std::fs::write(lab.path("main.hpi"), archive("1.0", "")).unwrap();
    lab.converges(json!({"name": "main", "state": "latest"}));
    assert_eq!(lab.files()[2], "main.hpi 3.0");
    // Without a list, the files are compared themselves.
    let compared = json!({"name": "main", "state": "latest", "updates_expiration": 0});
    lab.settled(&compared);
    lab.offer.lock().unwrap()[0].1.push(("4.0", ""));
    lab.converges(compared);
    assert_eq!(lab.files()[2], "main.hpi 4.0");
    // Without what it needs, a plugin comes as a file.
    lab.converges(json!({"name": "deeper", "state": "absent"}));
    lab.converges(json!({"name": "deeper", "with_dependencies": false}));
}

#[test]
fn the_server_installs_switches_and_removes() {
    let lab = Lab::new();
    lab.converges(json!({"name": "fresh"}));
    assert!(lab.files().is_empty());
    for (state, property, value) in [
        ("disabled", "enabled", false),
        ("enabled", "enabled", true),
        ("pinned", "pinned", true),
        ("unpinned", "pinned", false),
    ] {
        lab.converges(json!({"name": "old", "state": state}));
        assert_eq!(lab.running.lock().unwrap()[0][property], value);
    }
    // Newer servers do not pin, whatever they are told.
    assert_eq!(lab.run(&json!({"name": "fresh", "state": "pinned"}), false).unwrap()["changed"], Value::Bool(false));
    lab.converges(json!({"name": "old", "state": "absent"}));
    let told = lab.run(&json!({"name": "old", "state": "absent"}), false).unwrap();
    assert_eq!((&told["plugin"], &told["state"]), (&Value::from("old"), &Value::from("absent")));
}

#[test]
fn what_goes_wrong_leaves_the_files() {
    let lab = Lab::new();
    std::fs::write(lab.path("main.jpi"), archive("1.0", "")).unwrap();
    *lab.wrong.lock().unwrap() = true;
    for more in [
        json!({"name": "main", "version": "2.0"}),
        json!({"name": "main", "version": "2.0", "with_dependencies": false}),
        json!({"name": "main", "state": "latest"}),
    ] {
        let told = lab.refused(more);
        assert!(told.contains("sha256 checksum") && told.contains("nothing was installed"), "{told}");
    }
    *lab.wrong.lock().unwrap() = false;
    let nobody = format!("http://127.0.0.1:{}", started::free_port());
    for more in
        [json!({"version": "2.0"}), json!({"version": "2.0", "with_dependencies": false}), json!({"state": "latest"})]
    {
        let told = lab.refused(with(&json!({"name": "main", "updates_url": [nobody.as_str()]}), more));
        assert!(told.starts_with("the update centre gives nothing; check `updates_url`"), "{told}");
        assert!(told.contains(&nobody), "{told}");
    }
    // The next one is asked where the first does not answer.
    let both = json!({"name": "main", "version": "1.0", "updates_url": [nobody.as_str(), lab.center.url()]});
    lab.settled(&both);
    assert!(
        lab.refused(json!({"name": "main", "version": "7"})).contains("does not list version 7 of the plugin main")
    );
    assert!(lab.refused(json!({"name": "nix", "version": "7"})).contains("does not list the plugin nix"));
    let login = json!({"name": "main", "version": "2.0", "updates_url_password": "no-secret"});
    assert!(lab.refused(login).contains("HTTP Error 401"));
    let page = json!({"name": "main", "version": "9", "with_dependencies": false,
        "versioned_plugins_url_segments": ["current/plugin-versions.json?"]});
    assert!(lab.refused(page).contains("is no Jenkins plugin"));
    assert_eq!(lab.files(), ["main.jpi 1.0"]);
    lab.converges(with(&both, json!({"version": "2.0"})));
}

#[test]
fn wrong_arguments_are_refused() {
    let lab = Lab::new();
    for name in ["../x", "a/b", "a'b", "", "."] {
        assert!(lab.refused(json!({"name": name})).starts_with("name: "), "{name}");
    }
    assert!(lab.refused(json!({"name": "a", "version": "../1"})).starts_with("version: "));
    assert!(lab.refused(json!({"name": "a", "use_gssapi": true})).starts_with("use_gssapi: "));
    assert!(lab.refused(json!({"name": "none", "state": "enabled"})).starts_with("Plugin not installed: none"));
    assert!(lab.refused(json!({"name": "unknown"})).contains("did not install unknown"));
    let homeless = json!({"name": "main", "version": "1.0", "jenkins_home": "/nowhere"});
    assert!(lab.refused(homeless).contains("check `jenkins_home`"));
    assert!(lab.refused(json!({"name": "main", "url_password": "no-secret"})).contains("(403)"));
    let nobody = format!("http://127.0.0.1:{}", started::free_port());
    assert!(lab.refused(json!({"name": "main", "url": nobody})).starts_with("Unable to connect to Jenkins server"));
    let spec = rprov_systems::find("jenkins_plugin").unwrap().spec;
    let wrong = Value::from_json(&json!({"name": "a", "state": "gone"}));
    assert!(!spec.check("jenkins_plugin", wrong.as_map().unwrap(), |_| false).is_empty());
    assert_eq!(lab.files(), Vec::<String>::new());
}

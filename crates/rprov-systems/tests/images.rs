//! The modules for images and registries: a real Engine, and a real registry with a user and a password on loopback. They
//! need a running daemon at `/var/run/docker.sock`, `busybox-static` and `docker-registry`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
mod engines;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use calls::{apply, changes, converges, refused, run, settled, with};
use engines::IMAGE;
use rprov_modules::rprov_wire::Value;
use serde_json::{Value as Json, json};

/// The user `me` with the password `pass:word`.
const LOGINS: &str = "me:$2y$05$abcdefghijklmnopqrstuuDIEddBSuRWBBEY6g5zv60IAP5bSSfki\n";

/// A registry on loopback, which wants a login.
struct Registry {
    daemon: Child,
    directory: tempfile::TempDir,
    address: String,
}

impl Registry {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        std::fs::write(directory.path().join("logins"), LOGINS).unwrap();
        let configuration = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {path}/data}}, delete: {{enabled: true}}}}\n\
             http: {{addr: '{address}'}}\nauth: {{htpasswd: {{realm: test, path: {path}/logins}}}}\n"
        );
        std::fs::write(directory.path().join("config.yml"), configuration).unwrap();
        let daemon = serve(directory.path(), &[]);
        let registry = Registry { daemon, directory, address };
        let patience = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(&registry.address).is_err() {
            let log = std::fs::read_to_string(registry.directory.path().join("log")).unwrap();
            assert!(Instant::now() < patience, "docker-registry does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    fn login(&self, more: Json) -> Json {
        let config = self.directory.path().join("docker/config.json");
        with(
            &json!({"registry_url": self.address, "username": "me", "password": "pass:word", "config_path": config}),
            more,
        )
    }

    /// Call a module that finds the logins of this registry.
    fn call(&self, module: &str, arguments: &Json) -> Result<Json, String> {
        let config = self.directory.path().join("docker").display().to_string();
        let environment = vec![("DOCKER_CONFIG".to_owned(), config)];
        match calls::run_with(module, arguments, false, environment) {
            Ok(map) => Ok(Value::Map(map).to_json()),
            Err(failure) => Err(failure.message),
        }
    }
}

/// Serve the registry of a directory; `entry` is what a command begins with.
fn serve(directory: &Path, entry: &[String]) -> Child {
    let log = std::fs::File::options().append(true).create(true).open(directory.join("log")).unwrap();
    let config = directory.join("config.yml").display().to_string();
    let words: Vec<String> =
        entry.iter().cloned().chain(["docker-registry".to_owned(), "serve".to_owned(), config]).collect();
    Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("these tests need docker-registry: {error}"))
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// Removes images, also when a test fails.
struct Images(Vec<String>);

impl Drop for Images {
    fn drop(&mut self) {
        for name in &self.0 {
            let _ = run("docker_image_remove", &json!({"name": name, "force": true}), false);
        }
    }
}

fn prepare(names: &[&str]) -> Images {
    engines::import(
        &engines::connect(&json!({})).unwrap_or_else(|error| panic!("these tests need a Docker daemon: {error}")),
    );
    let images = Images(names.iter().map(|name| (*name).to_owned()).collect());
    drop(Images(images.0.clone()));
    images
}

#[test]
fn a_registry_is_logged_in_to_pushed_to_and_pulled_from() {
    let registry = Registry::start();
    let name = format!("{}/rprovtest/image", registry.address);
    let tagged = format!("{name}:1");
    let _images = prepare(&[&tagged, &format!("{name}:2")]);
    converges("docker_image_tag", &json!({"name": IMAGE, "repository": [tagged]}));

    let denied = registry.call("docker_image_push", &json!({"name": name, "tag": "1"})).unwrap_err();
    assert!(denied.contains("no basic auth credentials"), "{denied}");
    let wrong = refused("docker_login", &registry.login(json!({"password": "wrong"})));
    assert!(wrong.contains("for user me failed") && wrong.contains("check username and password"), "{wrong}");
    assert!(!wrong.contains("wrong"), "{wrong}");
    assert!(run("docker_login", &registry.login(json!({"password": "wrong"})), true).is_err(), "check mode asks too");

    let done = converges("docker_login", &registry.login(json!({})));
    assert_eq!(done["login_results"], json!({"serveraddress": registry.address, "username": "me"}));
    settled("docker_login", &registry.login(json!({"reauthorize": true})));

    let pushed = registry.call("docker_image_push", &json!({"name": name, "tag": "1"})).unwrap();
    assert_eq!((&pushed["changed"], &pushed["image"]["RepoTags"].is_array()), (&json!(true), &true), "{pushed}");
    let again = registry.call("docker_image_push", &json!({"name": tagged})).unwrap();
    assert_eq!(again["changed"], false, "{again}");
    let check = run("docker_image_push", &json!({"name": tagged}), true).unwrap();
    assert_eq!(check["skipped"], Value::Bool(true));

    changes("docker_image_remove", &json!({"name": tagged}));
    let pull = json!({"name": name, "tag": "1"});
    let predicted = run("docker_image_pull", &pull, true).unwrap();
    assert_eq!(
        Value::Map(predicted).to_json()["diff"],
        json!({"before": {"exists": false}, "after": {"id": "unknown"}})
    );
    let pulled = registry.call("docker_image_pull", &pull).unwrap();
    assert_eq!(
        (&pulled["changed"], &pulled["diff"]["after"]["id"]),
        (&json!(true), &pulled["image"]["Id"]),
        "{pulled}"
    );
    assert_eq!(
        registry.call("docker_image_pull", &pull).unwrap()["changed"],
        false,
        "it was asked for again, and is the same"
    );
    settled("docker_image_pull", &with(&pull, json!({"pull": "not_present"})));
    settled("docker_image_pull", &with(&pull, json!({"pull": "not_present", "platform": "linux/amd64"})));
    let by_digest = pulled["image"]["RepoDigests"][0].as_str().unwrap();
    assert_eq!(registry.call("docker_image_pull", &json!({"name": by_digest})).unwrap()["changed"], false);
    let missing = registry.call("docker_image_pull", &json!({"name": name, "tag": "none"})).unwrap_err();
    assert!(missing.contains("Error pulling image") && missing.contains(":none"), "{missing}");

    // A service of a swarm takes the digest that the registry tells.
    let engine = engines::Throwaway::start();
    // The same registry at the same address, in that Engine's network.
    let mut other = serve(registry.directory.path(), &engine.entry());
    apply("docker_swarm", &engine.of(json!({"advertise_addr": "127.71.5.1", "listen_addr": "127.71.5.1:2377"})));
    let service = engine.of(json!({"name": "s", "image": tagged, "replicas": 0, "resolve_image": true}));
    let patience = Instant::now() + Duration::from_secs(30);
    let made = loop {
        match registry.call("docker_swarm_service", &service) {
            Ok(made) => break made,
            Err(message) => assert!(Instant::now() < patience && message.contains("refused"), "{message}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let image = made["swarm_service"]["image"].as_str().unwrap();
    assert_eq!(image.split_once('@').unwrap().1, by_digest.split_once('@').unwrap().1);
    assert_eq!(registry.call("docker_swarm_service", &service).unwrap()["changed"], false);
    other.kill().unwrap();
    other.wait().unwrap();

    converges("docker_login", &registry.login(json!({"state": "absent"})));
    let denied = registry.call("docker_image_pull", &pull).unwrap_err();
    assert!(denied.contains("docker_login"), "{denied}");
}

#[test]
fn a_credential_program_keeps_logins() {
    let registry = Registry::start();
    let directory = registry.directory.path().join("docker");
    std::fs::create_dir(&directory).unwrap();
    let configure = |text: &str| std::fs::write(directory.join("config.json"), text).unwrap();
    configure(r#"{"credsStore": "../x"}"#);
    let refusal = refused("docker_login", &registry.login(json!({})));
    assert!(refusal.contains("its name has a slash"), "{refusal}");
    configure(r#"{"credsStore": "rprovtest-none"}"#);
    let refusal = refused("docker_login", &registry.login(json!({})));
    assert!(refusal.contains("docker-credential-rprovtest-none"), "{refusal}");

    let program = directory.join("docker-credential-rprovtest");
    let text = format!(
        "#!/bin/sh\ncase $1 in\n store) cat >'{0}/kept';;\n get) cat >/dev/null; cat '{0}/kept';;\n erase) rm '{0}/kept';;\nesac\n",
        directory.display()
    );
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    configure(&json!({"credHelpers": {&registry.address: "rprovtest"}, "detachKeys": "ctrl-e"}).to_string());
    let path = format!("{}:{}", directory.display(), std::env::var("PATH").unwrap());
    let call = |more: Json, check: bool| {
        let environment = vec![("PATH".to_owned(), path.clone())];
        calls::run_with("docker_login", &registry.login(more), check, environment).unwrap()["changed"]
            == Value::Bool(true)
    };
    for (options, expected) in
        [(json!({}), true), (json!({}), false), (json!({"state": "absent"}), true), (json!({"state": "absent"}), false)]
    {
        assert_eq!(call(options.clone(), true), expected, "{options} is predicted");
        assert_eq!(call(options.clone(), false), expected, "{options}");
        let config: Json = serde_json::from_slice(&std::fs::read(directory.join("config.json")).unwrap()).unwrap();
        assert_eq!(config.get("auths"), None, "nothing is in the file");
        assert_eq!(directory.join("kept").exists(), options == json!({}));
    }
}

#[test]
fn a_file_of_logins_keeps_what_else_it_has() {
    let registry = Registry::start();
    let directory = registry.directory.path().join("docker");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("config.json"), r#"{"credHelpers": {"other": "x"}, "detachKeys": "ctrl-e"}"#)
        .unwrap();
    converges("docker_login", &registry.login(json!({})));
    let config: Json = serde_json::from_slice(&std::fs::read(directory.join("config.json")).unwrap()).unwrap();
    assert_eq!((&config["detachKeys"], &config["credHelpers"]), (&json!("ctrl-e"), &json!({"other": "x"})));
    assert!(config["auths"][&registry.address]["auth"].is_string());
}

#[test]
fn images_are_tagged_exported_loaded_and_removed() {
    let _images = prepare(&["rprovtest-tag:1", "rprovtest-tag:2", "rprovtest-tag2"]);
    let directory = tempfile::tempdir().unwrap();
    let tag = json!({"name": IMAGE, "repository": ["rprovtest-tag:1", "rprovtest-tag2"], "tag": "latest"});
    let tagged = converges("docker_image_tag", &tag);
    assert_eq!(tagged["tagged_images"], json!(["rprovtest-tag:1", "rprovtest-tag2:latest"]));
    let file = directory.path().join("Dockerfile");
    std::fs::write(&file, format!("FROM {IMAGE}\nENV OTHER=1\n")).unwrap();
    let other = apply("docker_image_build", &json!({"name": "rprovtest-tag:2", "path": directory.path()}));
    let keep = json!({"name": "rprovtest-tag:2", "repository": ["rprovtest-tag:1"], "existing_images": "keep"});
    settled("docker_image_tag", &keep);
    converges("docker_image_tag", &with(&keep, json!({"existing_images": "overwrite"})));
    assert!(
        refused("docker_image_tag", &json!({"name": "rprovtest-none", "repository": ["a"]}))
            .contains("Cannot find the image")
    );

    let archive = directory.path().join("images.tar");
    let export = json!({"names": ["rprovtest-tag:1", IMAGE], "path": archive});
    assert_eq!(converges("docker_image_export", &export)["images"].as_array().unwrap().len(), 2);
    converges("docker_image_export", &with(&export, json!({"names": ["rprovtest-tag:1"]})));
    changes("docker_image_export", &with(&export, json!({"names": ["rprovtest-tag:1"], "force": true})));
    let removed = changes("docker_image_remove", &json!({"name": "rprovtest-tag", "tag": "1"}));
    assert_eq!((&removed["untagged"], &removed["deleted"]), (&json!(["rprovtest-tag:1"]), &json!([])));
    let removed = converges("docker_image_remove", &json!({"name": "rprovtest-tag:2"}));
    assert!(removed["deleted"].as_array().unwrap().contains(&other["image"]["Id"]), "{removed}");

    let load = json!({"path": archive});
    let loaded = apply("docker_image_load", &load);
    assert_eq!((&loaded["changed"], &loaded["image_names"]), (&json!(true), &json!(["rprovtest-tag:1"])));
    assert_eq!(loaded["images"][0]["Id"], other["image"]["Id"]);
    assert_eq!(apply("docker_image_load", &load)["changed"], false);
    assert_eq!(run("docker_image_load", &load, true).unwrap()["skipped"], Value::Bool(true));
    assert!(refused("docker_image_load", &json!({"path": file})).contains("Dockerfile"));
    let id = other["image"]["Id"].clone();
    converges("docker_image_remove", &json!({"name": id}));
}

#[test]
fn images_are_built_by_the_engine_itself() {
    let _images = prepare(&["rprovtest-build:1", "rprovtest-build:2"]);
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "content").unwrap();
    let text =
        format!("FROM {IMAGE} AS first\nARG word\nCOPY file /\nENV WORD=$word\nFROM first AS second\nENV SECOND=1\n");
    std::fs::write(directory.path().join("Other"), text).unwrap();
    let build = json!({
        "name": "rprovtest-build", "tag": "1", "path": directory.path(), "dockerfile": "Other", "args": {"word": 7},
        "labels": {"a": "b"}, "target": "first", "etc_hosts": {"h": "10.0.0.1"}, "shm_size": "16M", "network": "none",
        "outputs": [{"type": "image", "name": ["rprovtest-build:2"]}],
    });
    let built = converges("docker_image_build", &build);
    let config = &built["image"]["Config"];
    assert!(config["Env"].as_array().unwrap().contains(&json!("WORD=7")), "{built}");
    assert_eq!(config["Labels"]["a"], "b");
    assert_eq!(
        apply("docker_image_info", &json!({"name": "rprovtest-build:2"}))["images"][0]["Id"],
        built["image"]["Id"]
    );
    let again = apply("docker_image_build", &with(&build, json!({"rebuild": "always"})));
    assert_eq!(again["changed"], false, "the cache makes the same image");
    std::fs::write(directory.path().join("file"), "other").unwrap();
    assert_eq!(apply("docker_image_build", &with(&build, json!({"rebuild": "always"})))["changed"], true);
    for (options, message) in [
        (json!({"secrets": [{"id": "s", "type": "value", "value": "v"}]}), "secrets needs Docker's plugin buildx"),
        (json!({"platform": ["linux/amd64", "linux/arm64"]}), "more than one platform"),
        (json!({"outputs": [{"type": "tar", "dest": "/x"}]}), "the type tar"),
        (json!({"dockerfile": "None", "rebuild": "always"}), "check `path` and `dockerfile`"),
        (json!({"target": "none", "rebuild": "always"}), "Building rprovtest-build:1 failed"),
        (json!({"cli_context": "x"}), "name the Engine's address"),
    ] {
        let refusal = refused("docker_image_build", &with(&build, options));
        assert!(refusal.contains(message), "{refusal}");
    }
}

//! The modules that run the command `docker`: stacks, on an Engine of the test's own, and projects of Docker Compose. They
//! need root, `dockerd`, `busybox-static` and the plugin `compose` (which `.ci/run` installs).
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
mod engines;

use calls::{apply, refused, run, settled, with};
use engines::{IMAGE, Throwaway};
use rprov_modules::rprov_wire::Value;
use serde_json::{Value as Json, json};

#[test]
fn stacks_are_deployed_changed_and_removed() {
    let engine = Throwaway::start();
    let message = refused("docker_stack_info", &engine.options());
    assert!(message.contains("not a swarm manager"), "{message}");
    apply("docker_swarm", &engine.of(json!({"advertise_addr": "127.71.6.1", "listen_addr": "127.71.6.1:2377"})));
    engines::import(&engine.engine());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("stack.yml");
    let service = json!({"image": IMAGE, "command": "sleep 300", "stop_signal": "KILL", "networks": ["outside"], "deploy": {"replicas": 0}});
    let networks = json!({"outside": {"external": true, "name": "host"}});
    let text = json!({"version": "3.8", "services": {"web": service, "old": service}, "networks": networks});
    std::fs::write(&file, text.to_string()).unwrap();
    let stack = engine.of(json!({"name": "rprovtest", "resolve_image": "never", "prune": true, "compose": [file]}));
    let call = |more: Json| apply("docker_stack", &with(&stack, more));
    assert_eq!(run("docker_stack", &stack, true).unwrap()["skipped"], Value::Bool(true));
    let made = call(json!({}));
    assert_eq!(made["changed"], true);
    assert_eq!(made["stack_spec_diff"]["rprovtest_web"]["Name"], "rprovtest_web", "{made}");
    let again = call(json!({}));
    assert_eq!((&again["changed"], again.get("stack_spec_diff")), (&json!(false), None), "{again}");
    // A second definition, as a map, adds to the first.
    let more = json!({"version": "3.8", "services": {"web": {"environment": {"A": "b"}}}});
    let changed = call(json!({"compose": [file, more]}));
    assert_eq!(
        changed["stack_spec_diff"],
        json!({"rprovtest_web": {"TaskTemplate": {"ContainerSpec": {"Env": ["A=b"]}}}})
    );
    assert_eq!(call(json!({"compose": [file, more]}))["changed"], false);
    let alone = json!({"version": "3.8", "services": {"web": service}, "networks": networks});
    let pruned = call(json!({"compose": [alone]}));
    assert_eq!(pruned["stack_spec_diff"]["delete"], json!(["rprovtest_old"]), "{pruned}");

    let list = apply("docker_stack_info", &engine.options());
    assert_eq!((&list["results"][0]["Name"], &list["results"][0]["Services"]), (&json!("rprovtest"), &json!("1")));
    call(
        json!({"compose": [with(&alone, json!({"services": {"web": with(&service, json!({"deploy": {"replicas": 1}}))}}))]}),
    );
    let tasks = apply("docker_stack_task_info", &engine.of(json!({"name": "rprovtest"})));
    assert_eq!(tasks["results"][0]["Name"], "rprovtest_web.1", "{tasks}");
    let message = refused("docker_stack_task_info", &engine.of(json!({"name": "rprovtest-none"})));
    assert!(message.contains("nothing found in stack"), "{message}");

    for (options, message) in [
        (json!({"compose": []}), "at least one element"),
        (json!({"compose": ["/no/such.yml"]}), "there is no file /no/such.yml"),
        (json!({"compose": [{"version": "3.8", "services": {"web": {"imge": "x"}}}]}), "imge"),
        (json!({"docker_cli": "/no/such/docker"}), "docker_cli: /no/such/docker is no program"),
    ] {
        let refusal = refused("docker_stack", &with(&stack, options));
        assert!(refusal.contains(message), "{refusal}");
    }
    let absent = engine.of(json!({"name": "rprovtest", "state": "absent", "absent_retries": 30}));
    assert_eq!(apply("docker_stack", &absent)["changed"], true);
    assert_eq!(apply("docker_stack", &absent)["changed"], false);
}

/// Check mode predicts the same actions, applying does them, and applying again does nothing.
fn composes(arguments: &Json) -> Json {
    let sorted = |result: &Json| {
        let mut actions: Vec<String> = result["actions"].as_array().unwrap().iter().map(Json::to_string).collect();
        actions.sort_unstable();
        actions
    };
    let predicted =
        Value::Map(run("docker_compose_v2", arguments, true).unwrap_or_else(|failure| panic!("{failure}"))).to_json();
    let applied = apply("docker_compose_v2", arguments);
    assert_eq!((&predicted["changed"], &applied["changed"]), (&json!(true), &json!(true)), "{arguments}");
    assert_eq!(sorted(&predicted), sorted(&applied), "{arguments}");
    settled("docker_compose_v2", arguments);
    applied
}

#[test]
fn projects_are_brought_up_stopped_and_down() {
    let engine = Throwaway::start();
    engines::import(&engine.engine());
    let directory = tempfile::tempdir().unwrap();
    let service = json!({"image": IMAGE, "command": "sleep 300", "stop_signal": "KILL", "network_mode": "none"});
    let definition = |web: Json| {
        json!({"services": {"web": with(&with(&service, json!({"volumes": ["data:/data"], "labels": {"a": "b,c"}})), web), "other": service},
            "volumes": {"data": {}}})
    };
    let file = directory.path().join("compose.yaml");
    std::fs::write(&file, definition(json!({})).to_string()).unwrap();
    let project = engine.of(json!({"project_src": directory.path(), "project_name": "rprovtest"}));
    let with_project = |more: Json| with(&project, more);

    let made = composes(&project);
    let action = json!({"what": "container", "id": "rprovtest-web-1", "status": "Creating"});
    assert!(made["actions"].as_array().unwrap().contains(&action), "{made}");
    let container =
        made["containers"].as_array().unwrap().iter().find(|container| container["Service"] == "web").unwrap();
    assert_eq!(
        (&container["State"], &container["Names"], &container["Labels"]["a"]),
        (&json!("running"), &json!(["rprovtest-web-1"]), &json!("b,c"))
    );
    assert_eq!(made["images"].as_array().unwrap().len(), 2);

    std::fs::write(&file, definition(json!({"environment": {"A": "1"}})).to_string()).unwrap();
    let changed = composes(&project);
    let made_anew = json!({"what": "container", "id": "rprovtest-web-1", "status": "Recreating"});
    assert!(changed["actions"].as_array().unwrap().contains(&made_anew), "{changed}");
    assert!(!changed["actions"].to_string().contains("rprovtest-other-1"), "{changed}");
    composes(&with_project(json!({"scale": {"other": 2}})));
    let restarted = apply(
        "docker_compose_v2",
        &with_project(json!({"state": "restarted", "services": ["web"], "scale": {"other": 2}})),
    );
    assert_eq!(restarted["changed"], true);
    assert!(!restarted["actions"].to_string().contains("other"), "{restarted}");
    let stopped = composes(&with_project(json!({"state": "stopped", "timeout": 1})));
    assert!(
        stopped["containers"].as_array().unwrap().iter().all(|container| container["State"] == "exited"),
        "{stopped}"
    );
    composes(&with_project(json!({"services": ["web"], "wait": true, "wait_timeout": 30})));
    composes(&with_project(json!({"state": "absent", "remove_volumes": true})));

    // A definition of the task's own, and files of other names.
    let own =
        engine.of(json!({"definition": definition(json!({})), "project_name": "rprovtest", "services": ["other"]}));
    composes(&own);
    composes(&with(&own, json!({"state": "absent", "services": []})));
    std::fs::rename(&file, directory.path().join("-other.yaml")).unwrap();
    std::fs::write(directory.path().join("vars"), "WORD=two\n").unwrap();
    std::fs::write(directory.path().join("more.yaml"), r#"{"services": {"web": {"labels": {"word": "${WORD}"}}}}"#)
        .unwrap();
    let files = with_project(json!({"files": ["-other.yaml", "more.yaml"], "env_files": ["vars"], "state": "stopped"}));
    let created = composes(&files);
    assert!(created["containers"].to_string().contains(r#""word":"two""#), "{created}");
    composes(&with(&files, json!({"state": "absent", "remove_orphans": true, "remove_volumes": true})));

    for (options, message) in [
        (json!({}), "does not contain compose.yaml or compose.yml"),
        (json!({"project_src": "/no/such"}), "/no/such is no directory"),
        (json!({"files": ["none.yaml"]}), "Cannot find Compose file"),
        (json!({"files": ["more.yaml"]}), "neither an image nor a build context"),
        (json!({"files": ["-other.yaml"], "scale": {"web": "many"}}), "is no number"),
        (json!({"files": ["-other.yaml"], "services": ["none"]}), "no such service: none"),
        (json!({"files": ["-other.yaml"], "docker_host": "unix:///no/such.sock"}), "/no/such.sock"),
    ] {
        let refusal = refused("docker_compose_v2", &with_project(options));
        assert!(refusal.contains(message), "{refusal}");
    }
}

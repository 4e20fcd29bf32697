//! `consul_kv` on a server that stands in for Consul's agent, which none of the package registries at hand has. It was
//! written from the documentation of Consul's interface: <https://developer.hashicorp.com/consul/api-docs/kv>.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
mod started;
mod web;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use calls::{apply, changes, converges, refused, run, settled, with};
use serde_json::{Value as Json, json};
use web::{Request, Response, Web};

#[derive(Default)]
struct Store {
    entries: BTreeMap<String, Json>,
    index: u64,
}

impl Store {
    fn answer(&mut self, request: &Request) -> Response {
        if request.header("x-consul-token") == Some("wrong-secret") {
            return Response::new(403, "Permission denied: token with AccessorID '…' lacks permission 'key:write'");
        }
        let key = request.path.strip_prefix("/v1/kv/").unwrap().to_owned();
        let recurse = request.query("recurse").is_some();
        let fits = |known: &String| if recurse { known.starts_with(&key) } else { *known == key };
        let body = match request.method.as_str() {
            "GET" => {
                let found: Vec<&Json> =
                    self.entries.iter().filter(|(known, _)| fits(known)).map(|(_, entry)| entry).collect();
                if found.is_empty() {
                    return Response::new(404, "").with("X-Consul-Index", self.index.max(1).to_string());
                }
                json!(found)
            }
            "PUT" => json!(self.put(&key, request)),
            "DELETE" => {
                self.entries.retain(|known, _| !fits(known));
                self.index += 1;
                json!(true)
            }
            method => panic!("{method}"),
        };
        Response::json(&body).with("X-Consul-Index", self.index.to_string())
    }

    fn put(&mut self, key: &str, request: &Request) -> bool {
        let old = self.entries.get(key).cloned();
        let of_old = |name: &str| old.as_ref().and_then(|old| old.get(name)).cloned();
        let number = |name: &str| of_old(name).and_then(|value| value.as_u64()).unwrap_or(0);
        let holder = of_old("Session");
        if request.query("cas").is_some_and(|cas| cas.parse::<u64>().unwrap() != number("ModifyIndex")) {
            return false;
        }
        if let Some(session) = request.query("acquire")
            && holder.as_ref().is_some_and(|holder| holder != session)
        {
            return false;
        }
        if let Some(session) = request.query("release")
            && holder.as_ref().is_none_or(|holder| holder != session)
        {
            return false;
        }
        self.index += 1;
        let value = if request.body.is_empty() { Json::Null } else { json!(STANDARD.encode(&request.body)) };
        let mut entry = json!({
            "LockIndex": number("LockIndex"),
            "Key": key,
            "Flags": request.query("flags").map_or(0, |flags| flags.parse::<u64>().unwrap()),
            "Value": value,
            "CreateIndex": if old.is_some() { number("CreateIndex") } else { self.index },
            "ModifyIndex": self.index,
        });
        let session = request.query("acquire").map(|session| json!(session)).or(holder);
        if let (Some(session), None) = (session, request.query("release")) {
            entry["Session"] = session;
        }
        self.entries.insert(key.to_owned(), entry);
        true
    }
}

fn consul() -> Web {
    let mut store = Store::default();
    Web::start(move |request| store.answer(request))
}

fn call(consul: &Web, arguments: Json) -> Json {
    with(&json!({"host": "127.0.0.1", "port": consul.port}), arguments)
}

#[test]
fn keys_come_change_and_go() {
    let consul = consul();
    let key = |more: Json| call(&consul, with(&json!({"key": "a/b c"}), more));
    let predicted = run("consul_kv", &key(json!({"value": "1"})), true).unwrap();
    assert!(predicted["data"].is_null() && consul.changes().is_empty());
    let applied = converges("consul_kv", &key(json!({"value": "1", "flags": "4", "datacenter": "d"})));
    assert_eq!((&applied["key"], &applied["index"]), (&json!("a/b c"), &json!("1")));
    let data = json!({"LockIndex": 0, "Key": "a/b c", "Flags": 4, "Value": "1", "CreateIndex": 1, "ModifyIndex": 1});
    assert_eq!(applied["data"], data);
    assert!(consul.asked().iter().all(|request| request.query("dc") == Some("d")));
    settled("consul_kv", &key(json!({"value": "1"})));
    converges("consul_kv", &key(json!({"value": "1", "flags": 5})));
    assert_eq!(changes("consul_kv", &key(json!({"value": "", "retrieve": false})))["data"], Json::Null);
    settled("consul_kv", &key(json!({"value": ""})));

    apply("consul_kv", &call(&consul, json!({"key": "a/c", "value": "2"})));
    let read = apply("consul_kv", &call(&consul, json!({"key": "a/", "recurse": true})));
    assert_eq!((read["changed"].as_bool(), read["data"].as_array().unwrap().len()), (Some(false), 2));
    assert_eq!((&read["data"][0]["Value"], &read["data"][1]["Value"]), (&json!(""), &json!("2")));
    assert_eq!(apply("consul_kv", &call(&consul, json!({"key": "zz"})))["data"], Json::Null);
    let gone = converges("consul_kv", &call(&consul, json!({"key": "a/", "state": "absent", "recurse": true})));
    assert_eq!(gone["data"][1]["Key"], "a/c");
}

#[test]
fn a_key_is_set_only_at_its_index() {
    let consul = consul();
    let key = |more: Json| call(&consul, with(&json!({"key": "k"}), more));
    converges("consul_kv", &key(json!({"value": "1", "cas": 0})));
    settled("consul_kv", &key(json!({"value": "2", "cas": "0"})));
    settled("consul_kv", &key(json!({"value": "2", "cas": "7"})));
    converges("consul_kv", &key(json!({"value": "2", "cas": "1"})));
    for option in ["cas", "flags"] {
        let message = refused("consul_kv", &key(json!({"value": "2", option: "x"})));
        assert!(message.starts_with(&format!("{option}: `x` is no number")), "{message}");
    }
}

#[test]
fn a_lock_is_one_session_s() {
    let consul = consul();
    let lock = |state: &str, session: &str, more: Json| {
        call(&consul, with(&json!({"key": "lock", "state": state, "session": session}), more))
    };
    changes("consul_kv", &lock("acquire", "one", json!({"value": "v"})));
    // It says whether the lock is held.
    changes("consul_kv", &lock("acquire", "one", json!({})));
    settled("consul_kv", &lock("acquire", "two", json!({})));
    settled("consul_kv", &lock("release", "two", json!({})));
    converges("consul_kv", &lock("release", "one", json!({})));
    let entry = apply("consul_kv", &call(&consul, json!({"key": "lock"})));
    assert_eq!(entry["data"]["Value"], "v");
    assert!(entry["data"].get("Session").is_none());
    changes("consul_kv", &lock("acquire", "two", json!({})));
}

#[test]
fn what_goes_wrong_is_told() {
    let consul = consul();
    let denied = refused("consul_kv", &call(&consul, json!({"key": "k", "value": "v", "token": "wrong-secret"})));
    assert!(denied.contains("Permission denied") && denied.contains("check `token`"), "{denied}");
    assert!(!denied.contains("wrong-secret"), "{denied}");
    let slash = refused("consul_kv", &call(&consul, json!({"key": "/k", "value": "v"})));
    assert!(slash.contains("keys should not start with a forward slash"), "{slash}");
    let nobody = refused("consul_kv", &json!({"port": started::free_port(), "key": "k"}));
    assert!(nobody.contains("Could not connect to consul agent at localhost"), "{nobody}");
}

//! `jenkins_job` on a server that stands in for Jenkins, which none of the package registries at hand has. It was written
//! from the documentation of Jenkins' interface: <https://www.jenkins.io/doc/book/using/remote-access-api/>.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
mod started;
mod web;

use std::collections::BTreeMap;

use calls::{converges, refused, run, settled, with};
use serde_json::{Value as Json, json};
use web::{Request, Response, Web};

const COOKIE: &str = "JSESSIONID=one";

/// Jobs by the path of their URL.
type Jobs = BTreeMap<String, String>;

fn answer(jobs: &mut Jobs, request: &Request) -> Response {
    // `admin:the-secret`.
    if request.header("authorization") != Some("Basic YWRtaW46dGhlLXNlY3JldA==") {
        return Response::new(403, "<html>who are you</html>");
    }
    if request.path == "/crumbIssuer/api/json" {
        let crumb = json!({"crumb": "abc", "crumbRequestField": "Jenkins-Crumb"});
        return Response::json(&crumb).with("Set-Cookie", format!("{COOKIE}; Path=/; HttpOnly"));
    }
    let (job, what) = request.path.rsplit_once('/').unwrap();
    if request.method == "GET" {
        let job = job.strip_suffix("/api").unwrap_or(job);
        let Some(config) = jobs.get(job) else { return Response::new(404, "<html>no</html>") };
        return match what {
            "config.xml" => Response::new(200, config),
            _ if config.starts_with("<folder") => Response::json(&json!({"name": job})),
            _ => {
                let color = if config.contains("<disabled>true") { "disabled" } else { "blue" };
                Response::json(&json!({"name": job, "color": color}))
            }
        };
    }
    // A crumb is of one session.
    if request.header("jenkins-crumb") != Some("abc") || request.header("cookie") != Some(COOKIE) {
        return Response::new(403, "No valid crumb was included in the request");
    }
    let switch =
        |config: &str, from: &str, to: &str| config.replace(&format!("<disabled>{from}<"), &format!("<disabled>{to}<"));
    match what {
        "createItem" => {
            assert_eq!(request.header("content-type"), Some("text/xml; charset=utf-8"));
            if request.text().contains("nonsense") {
                return Response::new(400, "<html>").with("X-Error", "no such kind of job");
            }
            let job = format!("{job}/job/{}", request.query("name").unwrap());
            // The server writes it in its own way.
            jobs.insert(job, format!("<?xml version='1.1' encoding='UTF-8'?>\n{}", request.text()));
        }
        "config.xml" => drop(jobs.insert(job.to_owned(), request.text())),
        "enable" => drop(jobs.insert(job.to_owned(), switch(&jobs[job], "true", "false"))),
        "disable" => drop(jobs.insert(job.to_owned(), switch(&jobs[job], "false", "true"))),
        "doDelete" => drop(jobs.remove(job)),
        what => panic!("{what}"),
    }
    Response::new(302, "").with("Location", "/job/")
}

fn jenkins() -> Web {
    let mut jobs = Jobs::from([("/job/dir".to_owned(), "<folder/>".to_owned())]);
    Web::start(move |request| answer(&mut jobs, request))
}

fn call(jenkins: &Web, more: Json) -> Json {
    with(&json!({"url": jenkins.url() + "/", "user": "admin", "token": "the-secret"}), more)
}

const CONFIG: &str = "<project>\n  <description>a &amp; b</description>\n  <disabled>false</disabled>\n</project>";

#[test]
fn jobs_come_change_and_go() {
    let jenkins = jenkins();
    for name in ["a b", "dir/c"] {
        let job = |more: Json| call(&jenkins, with(&json!({"name": name}), more));
        let made = job(json!({"config": CONFIG}));
        jenkins.changes();
        let predicted = run("jenkins_job", &made, true).unwrap();
        assert!(predicted["enabled"].is_null() && jenkins.changes().is_empty());
        let told = converges("jenkins_job", &made);
        assert_eq!((&told["name"], &told["state"], &told["enabled"]), (&json!(name), &json!("present"), &json!(true)));
        assert_eq!((&told["user"], &told["diff"]), (&json!("admin"), &json!({"before": "", "after": CONFIG})));
        // Written otherwise, it is the same.
        settled("jenkins_job", &job(json!({"config": CONFIG.replace("\n  ", "")})));

        jenkins.changes();
        let told = converges("jenkins_job", &job(json!({"enabled": false})));
        assert_eq!((&told["enabled"], &told["diff"]["after"]), (&json!(false), &json!("disabled\n")));
        assert_eq!(jenkins.changes().len(), 1);
        converges("jenkins_job", &job(json!({"enabled": true})));
        let told = converges("jenkins_job", &job(json!({"config": CONFIG.replace("a &amp; b", "ü")})));
        assert!(told["diff"]["after"].as_str().unwrap().contains('ü'));
        let told = converges("jenkins_job", &job(json!({"state": "absent"})));
        assert_eq!((&told["enabled"], &told["diff"]["after"]), (&Json::Null, &json!("")));
    }
}

#[test]
fn what_goes_wrong_is_told() {
    let jenkins = jenkins();
    let job = |more: Json| refused("jenkins_job", &call(&jenkins, with(&json!({"name": "x"}), more)));
    assert!(job(json!({})).contains("one of the following params is required on state=present: config,enabled"));
    assert!(job(json!({"enabled": true})).starts_with("missing required param: config"));
    assert!(job(json!({"config": "<a>"})).starts_with("config: it is no XML"));
    assert!(job(json!({"config": "<nonsense/>"})).contains("no such kind of job (400)"));
    assert!(job(json!({"name": "dir", "enabled": true})).contains("neither enabled nor disabled"));
    let denied = job(json!({"token": "no-secret", "config": CONFIG}));
    assert!(denied.contains("check `user`") && !denied.contains("no-secret"), "{denied}");
    let nobody = json!({"url": format!("http://127.0.0.1:{}", started::free_port()), "name": "x", "enabled": true});
    assert!(refused("jenkins_job", &nobody).starts_with("Unable to connect to Jenkins server"));
}

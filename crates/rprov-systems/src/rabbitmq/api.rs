//! A broker anywhere, by its management interface: <https://www.rabbitmq.com/docs/management#http-api>.

use std::path::PathBuf;

use rprov_modules::context::Context;
use rprov_modules::http::{self, Call};
use rprov_modules::outcome::Failure;
use serde_json::{Value as Json, json};

use super::broker::{Broker, Permission, TopicPermission, gone, permissions, tags, topic_permissions};
use rprov_modules::http::encode;

/// A management interface, and who uses it.
#[derive(Debug)]
pub struct Api<'a> {
    /// Its URL, without a path.
    pub base: String,
    /// Name and password.
    pub login: (String, String),
    /// Certificates to trust.
    pub authorities: Option<PathBuf>,
    /// The client's certificate and key.
    pub certificate: Option<(PathBuf, Option<PathBuf>)>,
    /// The request.
    pub context: &'a Context<'a>,
}

impl Api<'_> {
    fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        login: (String, String),
    ) -> Result<(u16, Json), Failure> {
        let url = format!("{}/api/{path}", self.base);
        let call = Call {
            method: method.to_owned(),
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: body.map(|body| body.to_string().into_bytes()),
            login: Some(login),
            force_login: true,
            authorities: self.authorities.clone(),
            certificate: self.certificate.clone(),
            ..Call::get(&url)
        };
        let mut answer = http::send(&call, self.context)?;
        let content = answer.content()?;
        Ok((answer.status, serde_json::from_slice(&content).unwrap_or(Json::Null)))
    }

    fn refused(&self, method: &str, path: &str, status: u16, answer: &Json) -> Failure {
        let reason = ["reason", "error"].iter().find_map(|name| answer.get(name)?.as_str()).unwrap_or("no reason");
        let advice = match status {
            401 | 403 => "; check `login_user` and `login_password`, and that the user has the tag administrator",
            404 => "; check that the management plugin runs at `login_host` and `login_port`",
            _ => "",
        };
        Failure::new(format!("RabbitMQ refuses {method} {}/api/{path}: {reason} ({status}){advice}", self.base))
    }

    /// What there is, if there is something.
    fn get(&self, path: &str) -> Result<Option<Json>, Failure> {
        match self.ask("GET", path, None, self.login.clone())? {
            (200..300, answer) => Ok(Some(answer)),
            (404, answer) if answer.is_object() => Ok(None),
            (status, answer) => Err(self.refused("GET", path, status, &answer)),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<Json>, Failure> {
        match self.get(path)? {
            Some(Json::Array(items)) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }

    fn change(&self, method: &str, path: &str, body: &Json) -> Result<(), Failure> {
        match self.ask(method, path, Some(body), self.login.clone())? {
            (200..300, _) => Ok(()),
            (status, answer) => Err(self.refused(method, path, status, &answer)),
        }
    }

    fn user(&self, user: &str) -> Result<Json, Failure> {
        let path = format!("users/{}", encode(user));
        self.get(&path)?.ok_or_else(|| self.refused("GET", &path, 404, &Json::Null))
    }
}

impl Broker for Api<'_> {
    fn tags(&self, user: &str) -> Result<Option<Vec<String>>, Failure> {
        Ok(self.get(&format!("users/{}", encode(user)))?.map(|entry| tags(entry.get("tags"))))
    }

    fn add_user(&self, user: &str, password: Option<&str>) -> Result<(), Failure> {
        let body = match password {
            Some(password) => json!({"password": password, "tags": ""}),
            // An empty sum fits no password.
            None => json!({"password_hash": "", "tags": ""}),
        };
        self.change("PUT", &format!("users/{}", encode(user)), &body)
    }

    fn delete_user(&self, user: &str) -> Result<(), Failure> {
        self.change("DELETE", &format!("users/{}", encode(user)), &Json::Null)
    }

    fn is_password(&self, user: &str, password: &str) -> Result<bool, Failure> {
        let (status, answer) = self.ask("GET", "whoami", None, (user.to_owned(), password.to_owned()))?;
        let reason = answer.get("reason").and_then(Json::as_str).unwrap_or_default();
        // Whoever may not use the interface has proved the password first.
        Ok(status == 200 || reason.starts_with("Not management user") || reason.contains("not_management_user"))
    }

    fn set_password(&self, user: &str, password: &str) -> Result<(), Failure> {
        let tags = tags(self.user(user)?.get("tags")).join(",");
        self.change("PUT", &format!("users/{}", encode(user)), &json!({"password": password, "tags": tags}))
    }

    fn set_tags(&self, user: &str, tags: &[String]) -> Result<(), Failure> {
        let known = self.user(user)?;
        let mut body = json!({"password_hash": known["password_hash"], "tags": tags.join(",")});
        if let Some(algorithm) = known.get("hashing_algorithm") {
            body["hashing_algorithm"] = algorithm.clone();
        }
        self.change("PUT", &format!("users/{}", encode(user)), &body)
    }

    fn permissions(&self, user: &str) -> Result<Vec<Permission>, Failure> {
        Ok(permissions(&self.list(&format!("users/{}/permissions", encode(user)))?))
    }

    fn permit(&self, user: &str, permission: &Permission) -> Result<(), Failure> {
        let path = format!("permissions/{}/{}", encode(&permission.vhost), encode(user));
        let Permission { configure, write, read, .. } = permission;
        self.change("PUT", &path, &json!({"configure": configure, "write": write, "read": read}))
    }

    fn forbid(&self, user: &str, vhost: &str) -> Result<(), Failure> {
        self.change("DELETE", &format!("permissions/{}/{}", encode(vhost), encode(user)), &Json::Null)
    }

    fn topic_permissions(&self, user: &str) -> Result<Option<Vec<TopicPermission>>, Failure> {
        let answer = self.get(&format!("users/{}/topic-permissions", encode(user)))?;
        Ok(answer.map(|answer| topic_permissions(answer.as_array().map(Vec::as_slice).unwrap_or_default())))
    }

    fn set_topic_permissions(
        &self,
        user: &str,
        current: &[TopicPermission],
        wanted: &[TopicPermission],
    ) -> Result<(), Failure> {
        let path = |vhost: &str| format!("topic-permissions/{}/{}", encode(vhost), encode(user));
        // The interface can only take away all that a user has in a virtual host.
        let mut cleared: Vec<&str> = Vec::new();
        for old in gone(current, wanted) {
            if !cleared.contains(&old.vhost.as_str()) {
                self.change("DELETE", &path(&old.vhost), &Json::Null)?;
                cleared.push(&old.vhost);
            }
        }
        for new in wanted.iter().filter(|new| !current.contains(new) || cleared.contains(&new.vhost.as_str())) {
            let body = json!({"exchange": new.exchange, "write": new.write, "read": new.read});
            self.change("PUT", &path(&new.vhost), &body)?;
        }
        Ok(())
    }

    fn tracing(&self, vhost: &str) -> Result<Option<bool>, Failure> {
        let entry = self.get(&format!("vhosts/{}", encode(vhost)))?;
        Ok(entry.map(|entry| entry.get("tracing").and_then(Json::as_bool).unwrap_or(false)))
    }

    fn add_vhost(&self, vhost: &str) -> Result<(), Failure> {
        self.change("PUT", &format!("vhosts/{}", encode(vhost)), &json!({}))
    }

    fn delete_vhost(&self, vhost: &str) -> Result<(), Failure> {
        self.change("DELETE", &format!("vhosts/{}", encode(vhost)), &Json::Null)
    }

    fn trace(&self, vhost: &str, on: bool) -> Result<(), Failure> {
        self.change("PUT", &format!("vhosts/{}", encode(vhost)), &json!({"tracing": on}))
    }
}

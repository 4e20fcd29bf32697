//! `jenkins_job`: jobs of a Jenkins server, over its HTTP interface.

use rprov_wire::Value;
use serde_json::Value as Json;

use crate::jenkins::{Jenkins, same_xml};
use rprov_modules::argument::{Rule, Secret};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Diff, Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether the job is to be there.
    pub enum State { Present = "present", Absent = "absent" }
}

arguments! {
    /// Manage jobs of a Jenkins server.
    pub struct Arguments {
        /// The job's configuration, as XML.
        config: Option<String>,
        /// Whether the job is enabled.
        enabled: Option<bool>,
        /// Name of the job; in a folder, with the folder's name and a slash before.
        name: String,
        /// Password of the user.
        password: Option<Secret>,
        /// Whether the job is to be there.
        state: State = State::Present,
        /// The user's token, instead of a password.
        token: Option<Secret>,
        /// Where the server is.
        url: String = "http://localhost:8080".to_owned(),
        /// User to log in as.
        user: Option<String>,
        /// Whether the server's certificate is checked.
        validate_certs: bool = true,
    }
    rules: [Rule::Exclusive(&["password", "token"]), Rule::Exclusive(&["config", "enabled"])]
}

/// Bring the job to its state.
///
/// # Errors
/// The server cannot be reached or refuses, or the configuration is no XML.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if arguments.state == State::Present && arguments.config.is_none() && arguments.enabled.is_none() {
        return Err(Failure::new("one of the following params is required on state=present: config,enabled"));
    }
    if let Some(config) = &arguments.config {
        readable(config).map_err(|error| Failure::new(format!("config: it is no XML: {error}")))?;
    }
    let secret = arguments.token.as_ref().or(arguments.password.as_ref()).map(|secret| secret.expose().to_owned());
    let login = arguments.user.clone().map(|user| (user, secret.unwrap_or_default()));
    let jenkins = Jenkins::new(&arguments.url, login, arguments.validate_certs, context);
    let job = path(&arguments.name);
    let known = jenkins.json(&format!("{job}/api/json?depth=0"))?;
    let task = Task { arguments: &arguments, context, jenkins, job };
    match (arguments.state, known) {
        (State::Absent, None) => task.outcome(false, "", "", None),
        (State::Absent, Some(_)) => {
            let before = task.config()?;
            task.post("doDelete", None)?;
            task.outcome(true, &before, "", None)
        }
        (State::Present, None) => task.create(),
        (State::Present, Some(known)) => task.update(&known),
    }
}

fn readable(xml: &str) -> Result<(), roxmltree::Error> {
    roxmltree::Document::parse(&crate::jenkins::newer(xml)).map(drop)
}

/// The path of a job: each folder before it is one as well.
fn path(name: &str) -> String {
    let parts = name.split('/').filter(|part| !part.is_empty());
    parts.map(|part| format!("/job/{}", rprov_modules::http::encode(part))).collect()
}

struct Task<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
    jenkins: Jenkins<'a>,
    /// The job's path.
    job: String,
}

impl Task<'_> {
    fn create(&self) -> Result<Outcome, Failure> {
        let name = self.arguments.name.trim_matches('/');
        let Some(config) = &self.arguments.config else {
            return Err(Failure::new(format!("missing required param: config: there is no job {name} yet")));
        };
        let (folder, own) = name.rsplit_once('/').unwrap_or(("", name));
        if !self.context.check() {
            let own = rprov_modules::http::encode(own);
            self.jenkins.post(&format!("{}/createItem?name={own}", path(folder)), Some(config))?;
        }
        let enabled = if self.context.check() { None } else { self.enabled()? };
        self.outcome(true, "", config, enabled)
    }

    fn update(&self, known: &Json) -> Result<Outcome, Failure> {
        let enabled = is_enabled(known);
        if let Some(config) = &self.arguments.config {
            let before = self.config()?;
            if same_xml(&before, config) {
                return self.outcome(false, &before, &before, enabled);
            }
            self.post("config.xml", Some(config))?;
            let enabled = if self.context.check() { enabled } else { self.enabled()? };
            return self.outcome(true, &before, config, enabled);
        }
        let Some(wanted) = self.arguments.enabled.filter(|wanted| enabled != Some(*wanted)) else {
            let state = words(enabled);
            return self.outcome(false, state, state, enabled);
        };
        if enabled.is_none() {
            return Err(Failure::new(format!(
                "enabled: {} can be neither enabled nor disabled; it is a folder, or a job of such a kind",
                self.arguments.name
            )));
        }
        self.post(if wanted { "enable" } else { "disable" }, None)?;
        self.outcome(true, words(enabled), words(Some(wanted)), Some(wanted))
    }

    /// Change something of the job, if this is no check.
    fn post(&self, what: &str, body: Option<&str>) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        self.jenkins.post(&format!("{}/{what}", self.job), body)
    }

    fn config(&self) -> Result<String, Failure> {
        let path = format!("{}/config.xml", self.job);
        let text = self.jenkins.text(&path)?;
        text.ok_or_else(|| Failure::new(format!("the job {} went while it was looked at", self.arguments.name)))
    }

    fn enabled(&self) -> Result<Option<bool>, Failure> {
        Ok(self.jenkins.json(&format!("{}/api/json?depth=0", self.job))?.as_ref().and_then(is_enabled))
    }

    fn outcome(&self, changed: bool, before: &str, after: &str, enabled: Option<bool>) -> Result<Outcome, Failure> {
        let arguments = self.arguments;
        let user = arguments.user.as_deref().map_or(Value::Null, Value::from);
        let outcome = Outcome::new(changed)
            .with("name", arguments.name.as_str())
            .with("state", arguments.state.word())
            .with("enabled", enabled.map_or(Value::Null, Value::from))
            .with("user", user)
            .with("url", arguments.url.as_str());
        Ok(outcome.with_diff(Diff::state(before, after)))
    }
}

/// Whether a job is enabled, if that can be said of it.
fn is_enabled(job: &Json) -> Option<bool> {
    job.get("color").and_then(Json::as_str).map(|color| !color.contains("disabled"))
}

fn words(enabled: Option<bool>) -> &'static str {
    match enabled {
        Some(true) => "enabled\n",
        Some(false) => "disabled\n",
        None => "",
    }
}

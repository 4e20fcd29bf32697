//! The command `docker` on the host, for what its plugins do and the Engine itself does not.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::Connection;
use super::connection::DEFAULT_HOST;
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::Failure;
use rprov_modules::process::{Command, Output};
use rprov_modules::program::{find_program, is_executable};

arguments! {
    /// How the command finds its Engine.
    pub struct CliConnection {
        /// Path of the command; found on `$PATH` if not given.
        docker_cli: Option<PathBuf>,
        /// Context of the command.
        cli_context: Option<String>,
        /// Address of the Engine, `unix:///path` or `tcp://host:port`; `$DOCKER_HOST`, or else
        /// `unix:///var/run/docker.sock`, if not given.
        docker_host | docker_url: Option<String>,
        /// Version of the API to speak; `auto` takes the newest that both sides know.
        api_version | docker_api_version: Option<String>,
        /// Name that the server's certificate must be for.
        tls_hostname: Option<String>,
        /// Speak TLS, without looking at the server's certificate.
        tls: Option<bool>,
        /// Speak TLS, and check the server's certificate.
        validate_certs | tls_verify: Option<bool>,
        /// Certificates to trust, as PEM file.
        ca_path | ca_cert | tls_ca_cert | cacert_path: Option<PathBuf>,
        /// The client's certificate, as PEM file.
        client_cert | tls_client_cert | cert_path: Option<PathBuf>,
        /// The client's key, as PEM file.
        client_key | tls_client_key | key_path: Option<PathBuf>,
    }
}

impl CliConnection {
    /// The same Engine, spoken to directly.
    ///
    /// # Errors
    /// It is named by a context, which only the command knows.
    pub fn direct(&self) -> Result<Connection, Failure> {
        if let Some(name) = self.cli_context.as_deref().filter(|name| *name != "default") {
            return Err(Failure::new(format!(
                "cli_context: `{name}` is known to the command `docker` alone; name the Engine's address with docker_host"
            )));
        }
        Ok(Connection {
            docker_host: self.docker_host.clone(),
            api_version: self.api_version.clone(),
            timeout: None,
            tls_hostname: self.tls_hostname.clone(),
            tls: self.tls,
            validate_certs: self.validate_certs,
            ca_path: self.ca_path.clone(),
            client_cert: self.client_cert.clone(),
            client_key: self.client_key.clone(),
            use_ssh_client: false,
            debug: false,
        })
    }
}

/// The command, for one Engine.
#[derive(Clone, Debug)]
pub struct Cli {
    start: Command,
}

impl Cli {
    /// Find the command.
    ///
    /// # Errors
    /// It is not there.
    pub fn new(options: &CliConnection, context: &Context<'_>) -> Result<Self, Failure> {
        if options.cli_context.is_some() && options.docker_host.is_some() {
            return Err(Failure::new("parameters are mutually exclusive: cli_context|docker_host"));
        }
        let program = match &options.docker_cli {
            Some(path) if is_executable(path) => path.clone(),
            Some(path) => {
                return Err(Failure::new(format!("docker_cli: {} is no program", path.display())));
            }
            None => find_program("docker", context).ok_or_else(|| {
                Failure::new(
                    "Cannot find the command `docker` on this host, which this module needs; install Docker's command \
                     line (docker-ce-cli, or docker.io), or name it with docker_cli",
                )
            })?,
        };
        let mut start = Command::new(program).plain_locale();
        let asks = |name: &str| {
            let of_task = context.options.environment.iter().any(|(key, _)| key == name);
            of_task || std::env::var_os(name).is_some()
        };
        if let Some(name) = &options.cli_context {
            start = start.arg("--context").arg(name);
        } else if let Some(host) = &options.docker_host {
            start = start.arg("--host").arg(host);
        } else if !asks("DOCKER_HOST") && !asks("DOCKER_CONTEXT") {
            start = start.arg("--host").arg(DEFAULT_HOST);
        }
        if options.validate_certs == Some(true) {
            start = start.arg("--tlsverify");
        } else if options.tls == Some(true) {
            start = start.arg("--tls");
        }
        for (flag, path) in
            [("--tlscacert", &options.ca_path), ("--tlscert", &options.client_cert), ("--tlskey", &options.client_key)]
        {
            if let Some(path) = path {
                start = start.arg(flag).arg(path);
            }
        }
        if let Some(version) = options.api_version.as_deref().filter(|version| *version != "auto") {
            start = start.env("DOCKER_API_VERSION", version);
        }
        if let Some(name) = &options.tls_hostname {
            start = start.env("DOCKER_TLS_HOSTNAME", name);
        }
        Ok(Cli { start })
    }

    /// The command with arguments.
    pub fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        self.start.clone().args(arguments)
    }

    /// The objects that a command prints as JSON, one a line; or the one list of them.
    ///
    /// # Errors
    /// The command fails, or prints something else.
    pub fn objects<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
        context: &Context<'_>,
    ) -> Result<Vec<Json>, Failure> {
        let command = self.command(arguments);
        let output = command.run(context)?;
        if !output.success() {
            return Err(failed(&command, &output));
        }
        let read = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Json>();
        let mut objects = Vec::new();
        for item in read {
            match item {
                Ok(Json::Array(items)) => objects.extend(items),
                Ok(item) => objects.push(item),
                Err(error) => {
                    let text = format!("`{}` prints no JSON: {error}", command.words().join(" "));
                    return Err(Failure::new(text).with("stdout", output.stdout()));
                }
            }
        }
        Ok(objects)
    }
}

/// A command that failed, with what it said.
pub fn failed(command: &Command, output: &Output) -> Failure {
    let words = command.words();
    let said = output.stderr();
    Failure::new(format!("`{}` failed: {}", words.join(" "), said.trim()))
        .with("cmd", words)
        .with("rc", i64::from(output.rc))
        .with("stdout", output.stdout())
        .with("stderr", said)
}

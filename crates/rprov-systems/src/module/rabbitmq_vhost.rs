//! `rabbitmq_vhost`: virtual hosts of a RabbitMQ broker.

use std::path::PathBuf;

use crate::rabbitmq::Broker;
use crate::rabbitmq::api::Api;
use crate::rabbitmq::ctl::Ctl;
use rprov_modules::argument::{Rule, Secret};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether the virtual host is to be there.
    pub enum State { Present = "present", Absent = "absent" }
}

choices! {
    /// What the management interface speaks.
    pub enum Protocol { Http = "http", Https = "https" }
}

arguments! {
    /// Manage virtual hosts of a RabbitMQ broker.
    pub struct Arguments {
        /// Name of the virtual host.
        name | vhost: String,
        /// Name of the node, for `rabbitmqctl`.
        node: String = "rabbit".to_owned(),
        /// Whether messages are traced.
        tracing | trace: bool = false,
        /// Whether the virtual host is to be there.
        state: State = State::Present,
        /// User of the management interface.
        login_user: Option<String>,
        /// Password of the management interface.
        login_password: Option<Secret>,
        /// Host of the management interface; `rabbitmqctl` is used if not given.
        login_host: Option<String>,
        /// Port of the management interface.
        login_port: String = "15672".to_owned(),
        /// What the management interface speaks.
        login_protocol: Protocol = Protocol::Http,
        /// Certificates of authorities to trust, as PEM file.
        ca_cert: Option<PathBuf>,
        /// The client's certificate, as PEM file.
        client_cert: Option<PathBuf>,
        /// The client's key, as PEM file.
        client_key: Option<PathBuf>,
    }
    rules: [
        Rule::Together(&["login_host", "login_user", "login_password"]),
        Rule::Together(&["client_cert", "client_key"]),
    ]
}

/// Bring the virtual host to its state.
///
/// # Errors
/// The broker cannot be reached, or refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    match &arguments.login_host {
        None => converge(&arguments, &Ctl { node: &arguments.node, context }, context),
        Some(host) => {
            let password = arguments.login_password.as_ref().map(|password| password.expose().to_owned());
            let api = Api {
                base: format!("{}://{host}:{}", arguments.login_protocol.word(), arguments.login_port),
                login: (arguments.login_user.clone().unwrap_or_default(), password.unwrap_or_default()),
                authorities: arguments.ca_cert.clone(),
                certificate: arguments.client_cert.clone().map(|path| (path, arguments.client_key.clone())),
                context,
            };
            converge(&arguments, &api, context)
        }
    }
}

fn converge(arguments: &Arguments, broker: &dyn Broker, context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = arguments.name.as_str();
    let tracing = broker.tracing(name)?;
    let changed = match arguments.state {
        State::Absent => tracing.is_some(),
        State::Present => tracing != Some(arguments.tracing),
    };
    if changed && !context.check() {
        match arguments.state {
            State::Absent => broker.delete_vhost(name)?,
            State::Present => {
                if tracing.is_none() {
                    broker.add_vhost(name)?;
                }
                if tracing.unwrap_or(false) != arguments.tracing {
                    broker.trace(name, arguments.tracing)?;
                }
            }
        }
    }
    Ok(Outcome::new(changed).with("name", name).with("state", arguments.state.word()))
}

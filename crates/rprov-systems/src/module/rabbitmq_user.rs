//! `rabbitmq_user`: users of a RabbitMQ broker, with their passwords, tags and permissions.

use rprov_wire::Map;

use crate::rabbitmq::api::Api;
use crate::rabbitmq::broker::split;
use crate::rabbitmq::ctl::Ctl;
use crate::rabbitmq::{Broker, Permission, TopicPermission};
use rprov_modules::argument::{Rule, Secret};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether the user is to be there.
    pub enum State { Present = "present", Absent = "absent" }
}

choices! {
    /// When a password is set.
    pub enum Update { OnCreate = "on_create", Always = "always" }
}

choices! {
    /// What the management interface speaks.
    pub enum Protocol { Http = "http", Https = "https" }
}

arguments! {
    /// What a user may do in a virtual host.
    pub struct Rights {
        /// The virtual host.
        vhost: String = "/".to_owned(),
        /// What may be made and removed.
        configure_priv: String = "^$".to_owned(),
        /// What may be written to.
        write_priv: String = "^$".to_owned(),
        /// What may be read from.
        read_priv: String = "^$".to_owned(),
    }
}

arguments! {
    /// What a user may do with an exchange's topics.
    pub struct TopicRights {
        /// The virtual host.
        vhost: String = "/".to_owned(),
        /// The exchange.
        exchange: String = "amq.topic".to_owned(),
        /// What may be written to.
        write_priv: String = "^$".to_owned(),
        /// What may be read from.
        read_priv: String = "^$".to_owned(),
    }
}

arguments! {
    /// Manage users of a RabbitMQ broker.
    pub struct Arguments {
        /// Name of the user.
        user | username | name: String,
        /// The user's password.
        password: Option<Secret>,
        /// Tags of the user, with commas between them.
        tags: Option<String>,
        /// All that the user may do: maps with `vhost`, `configure_priv`, `write_priv` and `read_priv`.
        permissions: Vec<Map> = Vec::new(),
        /// The virtual host that the three options speak of, where `permissions` is not given.
        vhost: String = "/".to_owned(),
        /// Name of the node, for `rabbitmqctl`.
        node: String = "rabbit".to_owned(),
        /// Regular expression for what may be made and removed.
        configure_priv: String = "^$".to_owned(),
        /// Regular expression for what may be written to.
        write_priv: String = "^$".to_owned(),
        /// Regular expression for what may be read from.
        read_priv: String = "^$".to_owned(),
        /// All that the user may do with topics: maps with `vhost`, `exchange`, `write_priv` and `read_priv`.
        topic_permissions: Vec<Map> = Vec::new(),
        /// Remove the user first, and make it anew.
        force: bool = false,
        /// Whether the user is to be there.
        state: State = State::Present,
        /// When the password is set: only for a new user, or where it differs.
        update_password: Update = Update::OnCreate,
        /// What the management interface speaks.
        login_protocol: Protocol = Protocol::Http,
        /// Host of the management interface; `rabbitmqctl` is used if not given.
        login_host: Option<String>,
        /// Port of the management interface.
        login_port: String = "15672".to_owned(),
        /// User of the management interface.
        login_user: Option<String>,
        /// Password of the management interface.
        login_password: Option<Secret>,
    }
    rules: [Rule::Together(&["login_host", "login_user", "login_password"])]
}

/// Bring the user to its state.
///
/// # Errors
/// The broker cannot be reached or refuses, or an option cannot be understood.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let rights = read::<Rights>("permissions", &arguments.permissions)?;
    let topics = read::<TopicRights>("topic_permissions", &arguments.topic_permissions)?;
    let wanted = Wanted {
        all: !rights.is_empty(),
        permissions: if rights.is_empty() {
            vec![Permission {
                vhost: arguments.vhost.clone(),
                configure: arguments.configure_priv.clone(),
                write: arguments.write_priv.clone(),
                read: arguments.read_priv.clone(),
            }]
        } else {
            rights.into_iter().map(Permission::from).collect()
        },
        topics: topics.into_iter().map(TopicPermission::from).collect(),
        tags: split(arguments.tags.as_deref().unwrap_or_default()),
    };
    wanted.check()?;
    match &arguments.login_host {
        None => converge(&arguments, &wanted, &Ctl { node: &arguments.node, context }, context),
        Some(host) => {
            let password = arguments.login_password.as_ref().map(|password| password.expose().to_owned());
            let api = Api {
                base: format!("{}://{host}:{}", arguments.login_protocol.word(), arguments.login_port),
                login: (arguments.login_user.clone().unwrap_or_default(), password.unwrap_or_default()),
                authorities: None,
                certificate: None,
                context,
            };
            converge(&arguments, &wanted, &api, context)
        }
    }
}

/// The maps of an option, with their own options checked.
fn read<T: rprov_modules::Arguments>(option: &str, maps: &[Map]) -> Result<Vec<T>, Failure> {
    let read = |map: &Map| {
        let wrong = |problem: rprov_modules::argument::ArgumentProblem| Failure::new(format!("{option}: {problem}"));
        if let Some(problem) = T::SPEC.check(option, map, |_| false).into_iter().next() {
            return Err(wrong(problem));
        }
        T::decode(map).map_err(wrong)
    };
    maps.iter().map(read).collect()
}

impl From<Rights> for Permission {
    fn from(rights: Rights) -> Self {
        let Rights { vhost, configure_priv: configure, write_priv: write, read_priv: read } = rights;
        Permission { vhost, configure, write, read }
    }
}

impl From<TopicRights> for TopicPermission {
    fn from(rights: TopicRights) -> Self {
        let TopicRights { vhost, exchange, write_priv: write, read_priv: read } = rights;
        TopicPermission { vhost, exchange, write, read }
    }
}

/// What the user is to have.
struct Wanted {
    /// The permissions are all that there are to be.
    all: bool,
    permissions: Vec<Permission>,
    topics: Vec<TopicPermission>,
    tags: Vec<String>,
}

impl Wanted {
    /// No place may be named twice.
    fn check(&self) -> Result<(), Failure> {
        for (index, permission) in self.permissions.iter().enumerate() {
            if self.permissions.iter().skip(index + 1).any(|other| other.vhost == permission.vhost) {
                return Err(Failure::new(format!("permissions: there are two for vhost {}", permission.vhost)));
            }
        }
        for (index, topic) in self.topics.iter().enumerate() {
            let place = (&topic.vhost, &topic.exchange);
            if self.topics.iter().skip(index + 1).any(|other| (&other.vhost, &other.exchange) == place) {
                return Err(Failure::new(format!(
                    "topic_permissions: there are two for vhost {} and exchange {}",
                    topic.vhost, topic.exchange
                )));
            }
        }
        Ok(())
    }
}

fn converge(
    arguments: &Arguments,
    wanted: &Wanted,
    broker: &dyn Broker,
    context: &Context<'_>,
) -> Result<Outcome, Failure> {
    let user = arguments.user.as_str();
    let outcome = |changed: bool| Outcome::new(changed).with("user", user).with("state", arguments.state.word());
    let mut tags = broker.tags(user)?;
    if arguments.state == State::Absent {
        if tags.is_some() && !context.check() {
            broker.delete_user(user)?;
        }
        return Ok(outcome(tags.is_some()));
    }
    let password = arguments.password.as_ref().map(Secret::expose);
    let mut changed = false;
    // A change that is only predicted is not made.
    let mut change = |make: &mut dyn FnMut() -> Result<(), Failure>| -> Result<(), Failure> {
        changed = true;
        if context.check() { Ok(()) } else { make() }
    };
    if arguments.force && tags.is_some() {
        change(&mut || broker.delete_user(user))?;
        tags = None;
    }
    let there = tags.is_some();
    if !there {
        change(&mut || broker.add_user(user, password))?;
    } else if let (Update::Always, Some(password)) = (arguments.update_password, password)
        && !broker.is_password(user, password)?
    {
        change(&mut || broker.set_password(user, password))?;
    }
    if !same(&tags.unwrap_or_default(), &wanted.tags) {
        change(&mut || broker.set_tags(user, &wanted.tags))?;
    }
    let current = if there { broker.permissions(user)? } else { Vec::new() };
    for old in current.iter().filter(|old| wanted.all && !wanted.permissions.iter().any(|new| new.vhost == old.vhost)) {
        change(&mut || broker.forbid(user, &old.vhost))?;
    }
    for new in wanted.permissions.iter().filter(|new| !current.contains(new)) {
        change(&mut || broker.permit(user, new))?;
    }
    let topics = if there { broker.topic_permissions(user)?.unwrap_or_default() } else { Vec::new() };
    if !same(&topics, &wanted.topics) {
        change(&mut || broker.set_topic_permissions(user, &topics, &wanted.topics))?;
    }
    Ok(outcome(changed))
}

/// The same things, in whatever order.
fn same<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.iter().all(|item| other.contains(item)) && other.iter().all(|item| one.contains(item))
}

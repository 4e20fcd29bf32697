//! What the modules ask of a broker and do to it, whichever way it is reached.

use rprov_modules::outcome::Failure;
use serde_json::Value as Json;

/// What a user may do in a virtual host; the three are regular expressions for names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The virtual host.
    pub vhost: String,
    /// What may be made and removed.
    pub configure: String,
    /// What may be written to.
    pub write: String,
    /// What may be read from.
    pub read: String,
}

/// What a user may do with an exchange's topics; the two are regular expressions for routing keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPermission {
    /// The virtual host.
    pub vhost: String,
    /// The exchange.
    pub exchange: String,
    /// What may be written to.
    pub write: String,
    /// What may be read from.
    pub read: String,
}

/// A broker. All fail where it cannot be reached or refuses.
#[allow(clippy::missing_errors_doc, reason = "said above for all of them")]
pub trait Broker {
    /// A user's tags, if there is one of that name.
    fn tags(&self, user: &str) -> Result<Option<Vec<String>>, Failure>;
    /// Add a user, without a password if there is none.
    fn add_user(&self, user: &str, password: Option<&str>) -> Result<(), Failure>;
    /// Remove a user.
    fn delete_user(&self, user: &str) -> Result<(), Failure>;
    /// Whether the user's password is this one.
    fn is_password(&self, user: &str, password: &str) -> Result<bool, Failure>;
    /// Set a user's password.
    fn set_password(&self, user: &str, password: &str) -> Result<(), Failure>;
    /// Set a user's tags.
    fn set_tags(&self, user: &str, tags: &[String]) -> Result<(), Failure>;
    /// What a user may do.
    fn permissions(&self, user: &str) -> Result<Vec<Permission>, Failure>;
    /// Let a user do something.
    fn permit(&self, user: &str, permission: &Permission) -> Result<(), Failure>;
    /// Let a user do nothing more in a virtual host.
    fn forbid(&self, user: &str, vhost: &str) -> Result<(), Failure>;
    /// What a user may do with topics; `None` for a broker that has no such thing.
    fn topic_permissions(&self, user: &str) -> Result<Option<Vec<TopicPermission>>, Failure>;
    /// Let a user do what `wanted` has with topics, and nothing else.
    fn set_topic_permissions(
        &self,
        user: &str,
        current: &[TopicPermission],
        wanted: &[TopicPermission],
    ) -> Result<(), Failure>;
    /// Whether a virtual host is traced, if there is one of that name.
    fn tracing(&self, vhost: &str) -> Result<Option<bool>, Failure>;
    /// Add a virtual host.
    fn add_vhost(&self, vhost: &str) -> Result<(), Failure>;
    /// Remove a virtual host.
    fn delete_vhost(&self, vhost: &str) -> Result<(), Failure>;
    /// Trace a virtual host, or stop that.
    fn trace(&self, vhost: &str, on: bool) -> Result<(), Failure>;
}

/// Permissions for exchanges that are wanted no more, with any rights.
pub fn gone<'a>(
    current: &'a [TopicPermission],
    wanted: &'a [TopicPermission],
) -> impl Iterator<Item = &'a TopicPermission> {
    let place = |permission: &'a TopicPermission| (&permission.vhost, &permission.exchange);
    current.iter().filter(move |old| !wanted.iter().any(|new| place(new) == place(old)))
}

/// The text of a field, empty if there is none.
pub fn text(entry: &Json, name: &str) -> String {
    entry.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// Tags, as a list or as text with commas.
pub fn tags(value: Option<&Json>) -> Vec<String> {
    match value {
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        Some(Json::String(text)) => split(text),
        _ => Vec::new(),
    }
}

/// The parts of text with commas.
pub fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Permissions as both ways tell them.
pub fn permissions(entries: &[Json]) -> Vec<Permission> {
    let read = |entry: &Json| Permission {
        vhost: text(entry, "vhost"),
        configure: text(entry, "configure"),
        write: text(entry, "write"),
        read: text(entry, "read"),
    };
    entries.iter().map(read).collect()
}

/// Permissions for topics as both ways tell them.
pub fn topic_permissions(entries: &[Json]) -> Vec<TopicPermission> {
    let read = |entry: &Json| TopicPermission {
        vhost: text(entry, "vhost"),
        exchange: text(entry, "exchange"),
        write: text(entry, "write"),
        read: text(entry, "read"),
    };
    entries.iter().map(read).collect()
}

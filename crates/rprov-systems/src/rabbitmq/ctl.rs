//! A broker on this host, by the program `rabbitmqctl`. Passwords go to it by standard input.

use rprov_modules::context::Context;
use rprov_modules::outcome::Failure;
use rprov_modules::process::{Command, Output};
use serde_json::Value as Json;

use super::broker::{Broker, Permission, TopicPermission, gone, permissions, tags, text, topic_permissions};

/// The program's exit status for a password that is wrong, among others.
const DATA_ERROR: i32 = 65;

/// A node of a broker.
#[derive(Debug)]
pub struct Ctl<'a> {
    /// The node's name.
    pub node: &'a str,
    /// The request.
    pub context: &'a Context<'a>,
}

impl Ctl<'_> {
    fn command(&self, words: &[&str]) -> Command {
        // An option behind the command's name is one of the command, whatever it is called.
        Command::new("rabbitmqctl").plain_locale().args(["-q", "-n", self.node]).args(words)
    }

    fn run(&self, words: &[&str]) -> Result<Output, Failure> {
        let name = words.first().copied().unwrap_or_default();
        self.command(words).run_or_fail(&format!("rabbitmqctl {name} on node {} failed", self.node), self.context)
    }

    fn list(&self, words: &[&str]) -> Result<Vec<Json>, Failure> {
        let (name, rest) = words.split_first().ok_or_else(|| Failure::new("no command"))?;
        let output = self.run(&[&[name, "--formatter", "json"], rest].concat())?;
        let text = output.stdout();
        // Some versions say something before.
        let start = text.find('[').unwrap_or(0);
        serde_json::from_str(text.get(start..).unwrap_or_default()).map_err(|_| {
            Failure::new(format!("rabbitmqctl {name} gives no list; RabbitMQ 3.8 or later is needed"))
                .with("stdout", text)
        })
    }

    /// A command that asks for a password.
    fn with_password(&self, name: &str, user: &str, password: &str) -> Result<Output, Failure> {
        if password.contains('\n') {
            return Err(Failure::new("password: it cannot have lines"));
        }
        Ok(self.command(&[name, "--", user]).stdin(format!("{password}\n")).run(self.context)?)
    }
}

impl Broker for Ctl<'_> {
    fn tags(&self, user: &str) -> Result<Option<Vec<String>>, Failure> {
        let users = self.list(&["list_users"])?;
        Ok(users.iter().find(|entry| text(entry, "user") == user).map(|entry| tags(entry.get("tags"))))
    }

    fn add_user(&self, user: &str, password: Option<&str>) -> Result<(), Failure> {
        // A user has a password until it is taken away.
        let made = match password {
            Some(password) => password.to_owned(),
            None => crate::scram::random().map_err(Failure::new)?,
        };
        self.with_password("add_user", user, &made)?.or_fail("rabbitmqctl add_user failed")?;
        if password.is_none() {
            self.run(&["clear_password", "--", user])?;
        }
        Ok(())
    }

    fn delete_user(&self, user: &str) -> Result<(), Failure> {
        self.run(&["delete_user", "--", user]).map(drop)
    }

    fn is_password(&self, user: &str, password: &str) -> Result<bool, Failure> {
        let output = self.with_password("authenticate_user", user, password)?;
        if output.rc == DATA_ERROR {
            return Ok(false);
        }
        output.or_fail("rabbitmqctl authenticate_user failed").map(|_| true)
    }

    fn set_password(&self, user: &str, password: &str) -> Result<(), Failure> {
        self.with_password("change_password", user, password)?.or_fail("rabbitmqctl change_password failed").map(drop)
    }

    fn set_tags(&self, user: &str, tags: &[String]) -> Result<(), Failure> {
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        self.run(&[&["set_user_tags", "--", user][..], &tags].concat()).map(drop)
    }

    fn permissions(&self, user: &str) -> Result<Vec<Permission>, Failure> {
        Ok(permissions(&self.list(&["list_user_permissions", "--", user])?))
    }

    fn permit(&self, user: &str, permission: &Permission) -> Result<(), Failure> {
        let Permission { vhost, configure, write, read } = permission;
        self.run(&["set_permissions", "-p", vhost, "--", user, configure, write, read]).map(drop)
    }

    fn forbid(&self, user: &str, vhost: &str) -> Result<(), Failure> {
        self.run(&["clear_permissions", "-p", vhost, "--", user]).map(drop)
    }

    fn topic_permissions(&self, user: &str) -> Result<Option<Vec<TopicPermission>>, Failure> {
        Ok(Some(topic_permissions(&self.list(&["list_user_topic_permissions", "--", user])?)))
    }

    fn set_topic_permissions(
        &self,
        user: &str,
        current: &[TopicPermission],
        wanted: &[TopicPermission],
    ) -> Result<(), Failure> {
        for old in gone(current, wanted) {
            self.run(&["clear_topic_permissions", "-p", &old.vhost, "--", user, &old.exchange])?;
        }
        for TopicPermission { vhost, exchange, write, read } in wanted.iter().filter(|new| !current.contains(new)) {
            self.run(&["set_topic_permissions", "-p", vhost, "--", user, exchange, write, read])?;
        }
        Ok(())
    }

    fn tracing(&self, vhost: &str) -> Result<Option<bool>, Failure> {
        let vhosts = self.list(&["list_vhosts", "name", "tracing"])?;
        let found = vhosts.iter().find(|entry| text(entry, "name") == vhost);
        Ok(found.map(|entry| entry.get("tracing").and_then(Json::as_bool).unwrap_or(false)))
    }

    fn add_vhost(&self, vhost: &str) -> Result<(), Failure> {
        self.run(&["add_vhost", "--", vhost]).map(drop)
    }

    fn delete_vhost(&self, vhost: &str) -> Result<(), Failure> {
        self.run(&["delete_vhost", "--", vhost]).map(drop)
    }

    fn trace(&self, vhost: &str, on: bool) -> Result<(), Failure> {
        self.run(&[if on { "trace_on" } else { "trace_off" }, "-p", vhost]).map(drop)
    }
}

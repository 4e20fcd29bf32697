//! GlusterFS by its program `gluster`, whose answers are read as XML.
//!
//! Manual: <https://docs.gluster.org/en/latest/CLI-Reference/cli-main/>.

pub mod answer;
pub mod volume;

use std::time::Duration;

use rprov_modules::context::Context;
use rprov_modules::outcome::Failure;
use rprov_modules::process::Command;

use answer::Peer;

/// More than the slowest of the daemon's own limits.
const PATIENCE: Duration = Duration::from_secs(300);

/// The program on this host.
#[derive(Clone, Copy, Debug)]
pub struct Gluster<'a> {
    context: &'a Context<'a>,
}

impl<'a> Gluster<'a> {
    /// For this request.
    pub fn new(context: &'a Context<'a>) -> Self {
        Self { context }
    }

    /// Ask it, and take its answer as XML.
    ///
    /// # Errors
    /// There is no such program, the daemon does not run, or it refuses.
    pub fn ask(&self, words: &[&str]) -> Result<String, Failure> {
        let command = Command::new("gluster").arg("--mode=script").arg("--xml").args(words.iter().copied());
        let output = command.plain_locale().timeout(PATIENCE).run(self.context)?;
        let text = output.stdout();
        let told = match answer::trouble(&text) {
            Some(trouble) => trouble,
            None if output.success() => return Ok(text),
            None => [output.stderr(), text].concat().trim().to_owned(),
        };
        let advice = if told.contains("Connection failed") || told.contains("glusterd is operational") {
            "; start the daemon (systemctl start glusterd)"
        } else {
            ""
        };
        let rc = output.rc;
        Err(Failure::new(format!("gluster {}: {told}{advice}", words.join(" ")))
            .with("rc", rc)
            .with("stdout", output.stdout())
            .with("stderr", output.stderr()))
    }

    /// Like [`Gluster::ask`], with words that are made for it.
    ///
    /// # Errors
    /// As there.
    pub fn tell(&self, words: &[String]) -> Result<String, Failure> {
        self.ask(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The other hosts of the pool.
    ///
    /// # Errors
    /// As [`Gluster::ask`].
    pub fn peers(&self) -> Result<Vec<Peer>, Failure> {
        answer::peers(&self.ask(&["peer", "status"])?)
    }

    /// Take hosts into the pool that are not in it, and wait until they are. Tells which were not.
    ///
    /// # Errors
    /// A host cannot be reached, or belongs to another pool.
    pub fn probe(&self, hosts: &[String]) -> Result<Vec<String>, Failure> {
        let known = self.peers()?;
        let mut added = Vec::new();
        for host in hosts {
            if known.iter().any(|peer| peer.is(host)) {
                continue;
            }
            let answer = self.ask(&["peer", "probe", host])?;
            // Itself, by one of its names.
            if !answer.contains("localhost not needed") && !answer.contains("already in peer list") {
                added.push(host.clone());
            }
        }
        let settled = |peers: &[Peer]| {
            added.iter().all(|host| peers.iter().any(|peer| peer.is(host) && peer.state == "Peer in Cluster"))
        };
        for _ in 0..50 {
            if added.is_empty() || settled(&self.peers()?) {
                break;
            }
            self.context.checkpoint()?;
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(added)
    }
}

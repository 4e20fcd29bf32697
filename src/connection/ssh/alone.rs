//! One command at a time on a connection.
//!
//! Dropbear 2022.82 to 2024.85 looks after all of a connection's channels whenever one of its commands has ended, and
//! closes those on which no command runs yet: also one that was opened a moment ago, and whose command is on its way.
//! When that arrives it is started all the same, and what it prints ends the connection with all that runs there
//! (<https://github.com/mkj/dropbear/issues/321>). So nothing else may run where a channel is opened.

use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;

use super::route;
use super::session::Connection;
use crate::connection::{ConnectionError, Process, Settings, Transport, lock};

/// A way to a host on which every command that runs has a connection of its own.
#[derive(Debug)]
pub(super) struct Alone {
    settings: Settings,
    places: Arc<Mutex<Vec<Place>>>,
}

#[derive(Debug)]
struct Place {
    connection: Arc<Connection>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No command has run there.
    New,
    Busy,
    /// The last command has ended.
    Free,
}

/// The right to run a command on a connection. Where the command's end was not seen, the connection closes with it.
struct Lease {
    connection: Weak<Connection>,
    places: Weak<Mutex<Vec<Place>>>,
    ended: bool,
}

/// Whether a server that calls itself this (`SSH-2.0-dropbear_2022.83`) has the fault.
pub(super) fn is_needed(server: &[u8]) -> bool {
    let server = String::from_utf8_lossy(server);
    let Some((_, version)) = server.split_once("-dropbear_") else { return false };
    let mut numbers = version.split(|character: char| !character.is_ascii_digit()).map(str::parse::<u32>);
    let (Some(Ok(year)), Some(Ok(release))) = (numbers.next(), numbers.next()) else { return false };
    // The releases are counted through all years.
    year >= 2022 && (82..=85).contains(&release)
}

impl Alone {
    /// Start with a connection on which nothing has run. More are made from `settings`.
    pub(super) fn new(settings: Settings, first: Connection) -> Self {
        let first = Place { connection: Arc::new(first), state: State::New };
        Self { settings, places: Arc::new(Mutex::new(vec![first])) }
    }

    async fn run(&self, command: &str, terminal: bool) -> Result<Process, ConnectionError> {
        let (connection, lease) = self.lease().await?;
        connection.run(command, terminal, move || lease.end()).await
    }

    async fn lease(&self) -> Result<(Arc<Connection>, Lease), ConnectionError> {
        while let Some((connection, lease, state)) = self.claim() {
            // The server tells of a command's end a moment before it looks after the other channels. It answers
            // after that.
            if state == State::New || connection.answers().await {
                return Ok((connection, lease));
            }
            drop(lease);
        }
        let connection = Arc::new(route::reach(&self.settings).await?);
        lock(&self.places).push(Place { connection: Arc::clone(&connection), state: State::Busy });
        let lease = self.right_to(&connection);
        Ok((connection, lease))
    }

    /// A connection on which nothing runs.
    fn claim(&self) -> Option<(Arc<Connection>, Lease, State)> {
        let mut places = lock(&self.places);
        let place = places.iter_mut().find(|place| place.state != State::Busy)?;
        let state = std::mem::replace(&mut place.state, State::Busy);
        let connection = Arc::clone(&place.connection);
        let lease = self.right_to(&connection);
        Some((connection, lease, state))
    }

    fn right_to(&self, connection: &Arc<Connection>) -> Lease {
        Lease { connection: Arc::downgrade(connection), places: Arc::downgrade(&self.places), ended: false }
    }
}

#[async_trait]
impl Transport for Alone {
    async fn exec(&self, command: &str) -> Result<Process, ConnectionError> {
        self.run(command, false).await
    }

    async fn exec_tty(&self, command: &str) -> Result<Process, ConnectionError> {
        self.run(command, true).await
    }

    async fn close(&self) {
        let places = std::mem::take(&mut *lock(&self.places));
        for place in places {
            place.connection.close().await;
        }
    }

    fn warnings(&self) -> Vec<(String, String)> {
        lock(&self.places).first().map(|place| place.connection.warnings.clone()).unwrap_or_default()
    }
}

impl Lease {
    /// The command has ended: there may be another.
    fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(places) = self.places.upgrade() else { return };
        let mut places = lock(&places);
        let here = |place: &Place| Arc::as_ptr(&place.connection) == self.connection.as_ptr();
        if !self.ended {
            places.retain(|place| !here(place));
        } else if let Some(place) = places.iter_mut().find(|place| here(place)) {
            place.state = State::Free;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_with_the_fault_are_known_by_their_name() {
        for (server, needed) in [
            ("SSH-2.0-dropbear_2020.81", false),
            ("SSH-2.0-dropbear_2022.82", true),
            ("SSH-2.0-dropbear_2022.83", true),
            ("SSH-2.0-dropbear_2024.85-custom", true),
            ("SSH-2.0-dropbear_2024.86", false),
            ("SSH-2.0-dropbear_2025.88", false),
            ("SSH-2.0-dropbear_0.52", false),
            ("SSH-2.0-dropbear", false),
            ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", false),
        ] {
            assert_eq!(is_needed(server.as_bytes()), needed, "{server}");
        }
    }
}

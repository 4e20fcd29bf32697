//! What kind of server it is: its version, and what it can do by that.

/// Kind and version of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// The whole version.
    pub full: String,
    /// It is MariaDB.
    pub mariadb: bool,
    /// The version's numbers.
    pub numbers: (u32, u32, u32),
    /// What stands behind the numbers, without the dash.
    pub suffix: String,
}

impl Server {
    /// By the version that the server tells, as `10.11.6-MariaDB-log` or `8.0.36`.
    pub fn of(version: &str) -> Self {
        let (numbers, suffix) = version.split_once('-').unwrap_or((version, ""));
        let mut parts = numbers.split('.').map(|part| part.parse().unwrap_or_default());
        let mut next = || parts.next().unwrap_or_default();
        Self {
            full: version.to_owned(),
            mariadb: version.to_ascii_lowercase().contains("mariadb"),
            numbers: (next(), next(), next()),
            suffix: suffix.to_owned(),
        }
    }

    /// It is MariaDB of that version or a later one.
    pub fn is_mariadb(&self, major: u32, minor: u32) -> bool {
        self.mariadb && (self.numbers.0, self.numbers.1) >= (major, minor)
    }

    /// It is MySQL of that version or a later one.
    pub fn is_mysql(&self, major: u32, minor: u32) -> bool {
        !self.mariadb && (self.numbers.0, self.numbers.1) >= (major, minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let server = Server::of("10.11.19-MariaDB-0+deb12u1-log");
        assert_eq!((server.mariadb, server.numbers), (true, (10, 11, 19)));
        assert_eq!(server.suffix, "MariaDB-0+deb12u1-log");
        assert!(server.is_mariadb(10, 4) && !server.is_mariadb(11, 0) && !server.is_mysql(5, 0));
        assert!(Server::of("8.0.36").is_mysql(8, 0));
    }
}

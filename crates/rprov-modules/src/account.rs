//! Users and groups as the files and `getent` know them.
//!
//! A static binary must not call `getpw*`: glibc would load NSS plug-ins of another version. So `/etc/passwd` and
//! `/etc/group` are read here, and `getent` is asked for what they do not have (LDAP, SSSD).

use std::path::PathBuf;

/// One line of `/etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Numeric id.
    pub uid: u32,
    /// Numeric id of the primary group.
    pub gid: u32,
    /// The comment field.
    pub gecos: String,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// One line of `/etc/group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Numeric id.
    pub gid: u32,
    /// Names of the users that have it as a supplementary group.
    pub members: Vec<String>,
}

fn parse_user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    fields.next()?;
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let gecos = fields.next()?.to_owned();
    let home = fields.next()?.to_owned();
    let shell = fields.next().unwrap_or_default().to_owned();
    Some(User { name, uid, gid, gecos, home, shell })
}

fn parse_group(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    fields.next()?;
    let gid = fields.next()?.parse().ok()?;
    let members = fields.next().unwrap_or_default();
    let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Some(Group { name, gid, members })
}

/// All lines of a database file that can be read as entries.
fn file_entries<T>(path: &str, parse: fn(&str) -> Option<T>) -> Vec<T> {
    std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).lines().filter_map(parse).collect())
        .unwrap_or_default()
}

/// Ask `getent` for one entry; absent where the host has no `getent` or it does not know.
fn getent<T>(database: &str, key: &str, parse: fn(&str) -> Option<T>) -> Option<T> {
    if key.starts_with('-') {
        return None;
    }
    let output = std::process::Command::new("getent").args([database, key]).output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().find_map(parse)
}

/// Every user in `/etc/passwd`.
pub fn users() -> Vec<User> {
    file_entries("/etc/passwd", parse_user)
}

/// Every group in `/etc/group`.
pub fn groups() -> Vec<Group> {
    file_entries("/etc/group", parse_group)
}

/// The user of that name.
pub fn user_by_name(name: &str) -> Option<User> {
    users().into_iter().find(|user| user.name == name).or_else(|| getent("passwd", name, parse_user))
}

/// The user with that id.
pub fn user_by_id(uid: u32) -> Option<User> {
    users().into_iter().find(|user| user.uid == uid).or_else(|| getent("passwd", &uid.to_string(), parse_user))
}

/// The group of that name.
pub fn group_by_name(name: &str) -> Option<Group> {
    groups().into_iter().find(|group| group.name == name).or_else(|| getent("group", name, parse_group))
}

/// The group with that id.
pub fn group_by_id(gid: u32) -> Option<Group> {
    groups().into_iter().find(|group| group.gid == gid).or_else(|| getent("group", &gid.to_string(), parse_group))
}

/// Expand `~`, `~user`, `$VAR` and `${VAR}` at the places where a shell would in a word.
///
/// What is unknown stays as it is written.
pub fn expand_path(text: &str) -> PathBuf {
    let expanded = match text.strip_prefix('~') {
        None => text.to_owned(),
        Some(rest) => {
            let (user, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let home = if user.is_empty() {
                std::env::var("HOME")
                    .ok()
                    .filter(|home| !home.is_empty())
                    .or_else(|| user_by_id(rustix::process::geteuid().as_raw()).map(|user| user.home))
            } else {
                user_by_name(user).map(|user| user.home)
            };
            home.map_or_else(|| text.to_owned(), |home| format!("{}{tail}", home.trim_end_matches('/')))
        }
    };
    PathBuf::from(expand_variables(&expanded))
}

fn expand_variables(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find('$') {
        out.push_str(&rest[..position]);
        let after = &rest[position + 1..];
        let (name, consumed) = match after.strip_prefix('{') {
            Some(braced) => match braced.find('}') {
                Some(end) => (&braced[..end], end + 2),
                None => ("", 0),
            },
            None => {
                let end = after
                    .find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
                    .unwrap_or(after.len());
                (&after[..end], end)
            }
        };
        match std::env::var(name) {
            Ok(value) if !name.is_empty() => out.push_str(&value),
            _ => out.push_str(&rest[position..position + 1 + consumed]),
        }
        rest = &after[consumed..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_by_name_and_by_id() {
        assert_eq!(user_by_name("root").unwrap().uid, 0);
        assert_eq!(user_by_id(0).unwrap().name, "root");
        assert_eq!(group_by_id(0).unwrap().name, "root");
        assert_eq!(user_by_name("no-such-user-here"), None);
    }

    #[test]
    fn a_tilde_and_variables_are_expanded_and_unknown_ones_stay() {
        assert_eq!(expand_path("~root/x"), PathBuf::from("/root/x"));
        assert_eq!(expand_path("/a/$NO_SUCH_VARIABLE/b"), PathBuf::from("/a/$NO_SUCH_VARIABLE/b"));
        assert_eq!(expand_path("/a/${open"), PathBuf::from("/a/${open"));
        assert_eq!(expand_path("plain"), PathBuf::from("plain"));
    }
}

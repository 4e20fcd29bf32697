//! `apt_repository`: package sources in the one-line format.

use std::path::{Path, PathBuf};

use rprov_wire::Value;

use crate::argument::Mode;
use crate::attributes::Wanted;
use crate::context::Context;
use crate::fact::{self, distribution};
use crate::outcome::{Diff, Failure, Outcome};
use crate::permissions::ModeChange;
use crate::process::Command;
use crate::{arguments, choices};

choices! {
    /// Whether the source is to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Add and remove APT repositories.
    pub struct Arguments {
        /// The source, as in `sources.list`.
        repo: String,
        /// Permissions of a new file.
        mode: Option<Mode>,
        /// Whether it is to be there.
        state: State = State::Present,
        /// Update the package lists after a change.
        update_cache | "update-cache": bool = true,
        /// How often to try again when the update fails.
        update_cache_retries: u32 = 5,
        /// The longest pause between such tries, in seconds.
        update_cache_retry_max_delay: u64 = 12,
        /// Accepted for `ppa:` sources.
        validate_certs: bool = true,
        /// Name of the file below `sources.list.d`.
        filename: Option<String>,
        /// Distribution code name for a `ppa:` source.
        codename: Option<String>,
        /// Accepted; nothing has to be installed.
        install_python_apt: bool = true,
    }
}

const DIRECTORY: &str = "/etc/apt/sources.list.d";
const MAIN: &str = "/etc/apt/sources.list";

/// A source as words, without comments and doubled blanks; none if the line is none.
fn normal(line: &str) -> Option<String> {
    let line = line.trim();
    if !line.starts_with("deb ") && !line.starts_with("deb\t") && !line.starts_with("deb-src") {
        return None;
    }
    let line = line.split('#').next().unwrap_or_default();
    Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The name of the file that Ansible gives a source.
fn file_name(source: &str) -> String {
    // Without the options, the type, and the scheme: what is left is joined by underscores.
    let without_options = match (source.find('['), source.find(']')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}{}", source.get(..start).unwrap_or_default(), source.get(end + 1..).unwrap_or_default())
        }
        _ => source.to_owned(),
    };
    let uri = without_options.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let stripped = uri.split_once("://").map_or(uri.as_str(), |(_, rest)| rest);
    let stripped = stripped.rsplit_once('@').map_or(stripped, |(_, rest)| rest);
    let words: Vec<&str> =
        stripped.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter(|word| !word.is_empty()).collect();
    format!("{}.list", words.join("_"))
}

/// Attributes with only the mode given.
pub(crate) fn with_mode(mode: Option<ModeChange>) -> Wanted {
    let mut wanted = Wanted::default();
    wanted.mode = mode;
    wanted
}

/// Add or remove the source.
///
/// # Errors
/// The source is none, a file cannot be written, or the lists cannot be updated.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let repo = match arguments.repo.strip_prefix("ppa:") {
        None => arguments.repo.clone(),
        Some(ppa) => {
            let (owner, archive) = ppa.split_once('/').unwrap_or((ppa, "ppa"));
            let mut facts = rprov_wire::Map::new();
            distribution::gather(&mut facts);
            let release = facts.get("distribution_release").and_then(Value::as_str).unwrap_or_default().to_owned();
            let codename = arguments.codename.clone().unwrap_or(release);
            format!("deb http://ppa.launchpad.net/{owner}/{archive}/ubuntu {codename} main")
        }
    };
    let Some(source) = normal(&repo).filter(|source| source.split(' ').count() > 2) else {
        return Err(Failure::new(format!("Invalid repository string: {}", arguments.repo)));
    };
    let mut files: Vec<PathBuf> = vec![MAIN.into()];
    files.extend(
        fact::names(DIRECTORY)
            .into_iter()
            .filter(|name| name.ends_with(".list"))
            .map(|name| Path::new(DIRECTORY).join(name)),
    );
    let read =
        |path: &Path| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let holds = |path: &&PathBuf| read(path).lines().any(|line| normal(line).as_deref() == Some(source.as_str()));
    let holders: Vec<PathBuf> = files.iter().filter(holds).cloned().collect();
    let mut added = Vec::new();
    let mut removed = Vec::new();
    let mut changes: Vec<(PathBuf, String, String)> = Vec::new();
    match arguments.state {
        State::Present if holders.is_empty() => {
            let name = match &arguments.filename {
                Some(name) if name.ends_with(".list") => name.clone(),
                Some(name) => format!("{name}.list"),
                None => file_name(&source),
            };
            let path = Path::new(DIRECTORY).join(name);
            let before = read(&path);
            let mut after = before.clone();
            if !after.is_empty() && !after.ends_with('\n') {
                after.push('\n');
            }
            after.push_str(&source);
            after.push('\n');
            if before.is_empty() {
                added.push(path.to_string_lossy().into_owned());
            }
            changes.push((path, before, after));
        }
        State::Present => {}
        State::Absent => {
            for path in holders {
                let before = read(&path);
                let after: String = before
                    .lines()
                    .filter(|line| normal(line).as_deref() != Some(source.as_str()))
                    .map(|line| format!("{line}\n"))
                    .collect();
                if after.trim().is_empty() && path != Path::new(MAIN) {
                    removed.push(path.to_string_lossy().into_owned());
                }
                changes.push((path, before, after));
            }
        }
    }
    let mut outcome = Outcome::new(!changes.is_empty())
        .with("repo", arguments.repo.as_str())
        .with("state", arguments.state.word())
        .with("sources_added", added)
        .with("sources_removed", removed.clone());
    for (path, before, after) in &changes {
        let header =
            |text: &str| if text.is_empty() { "/dev/null".to_owned() } else { path.to_string_lossy().into_owned() };
        outcome = outcome.with_diff(Diff {
            before_header: Some(header(before)),
            after_header: Some(header(after)),
            before: before.as_str().into(),
            after: after.as_str().into(),
            ..Diff::default()
        });
    }
    if context.check() || changes.is_empty() {
        return Ok(outcome);
    }
    let mode = ModeChange::parse(arguments.mode.as_ref().unwrap_or(&Mode("0644".to_owned())))?;
    let restore = |changes: &[(PathBuf, String, String)]| {
        for (path, before, _) in changes {
            let _ = if before.is_empty() { std::fs::remove_file(path) } else { std::fs::write(path, before) };
        }
    };
    for (path, before, after) in &changes {
        if removed.iter().any(|name| Path::new(name) == path) {
            std::fs::remove_file(path).map_err(|error| Failure::io("remove", path, error))?;
        } else {
            let mode = if before.is_empty() || arguments.mode.is_some() { Some(mode.clone()) } else { None };
            let wanted = with_mode(mode);
            crate::write::replace(path, after.as_bytes(), &wanted)?;
        }
    }
    if arguments.update_cache {
        let mut attempt = 0;
        loop {
            let output = Command::new("apt-get")
                .args(["-q", "update"])
                .plain_locale()
                .env("DEBIAN_FRONTEND", "noninteractive")
                .live()
                .run(context)?;
            if output.success() && !output.stderr().lines().any(|line| line.starts_with("E:")) {
                break;
            }
            if attempt >= arguments.update_cache_retries {
                restore(&changes);
                return Err(output.failure(&format!(
                    "failed to update the package lists after {attempt} retries; the source files are as they were"
                )));
            }
            let pause = (1_u64 << attempt.min(10)).min(arguments.update_cache_retry_max_delay);
            attempt += 1;
            for _ in 0..pause * 10 {
                context.checkpoint().inspect_err(|_| restore(&changes))?;
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_compared_as_words_and_name_their_file() {
        assert_eq!(normal("deb   http://x  y main # c").as_deref(), Some("deb http://x y main"));
        assert_eq!(normal("# deb http://x y main"), None);
        assert_eq!(file_name("deb http://x.example/debian bookworm main"), "x_example_debian.list");
        assert_eq!(
            file_name("deb [arch=amd64 signed-by=/k.gpg] https://download.docker.com/linux/debian bookworm stable"),
            "download_docker_com_linux_debian.list"
        );
    }
}

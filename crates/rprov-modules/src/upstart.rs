//! Which jobs Upstart starts at boot: all but those with the word `manual` in their file, or in the one that overrides it.

use std::path::Path;

use crate::attributes::Wanted;
use crate::outcome::Failure;
use crate::write;

/// Whether the job starts at boot; the file that overrides comes last, and so has the last word.
pub(crate) fn is_enabled(directory: &Path, name: &str) -> bool {
    let mut enabled = true;
    for kind in ["conf", "override"] {
        let bytes = std::fs::read(directory.join(format!("{name}.{kind}"))).unwrap_or_default();
        for line in String::from_utf8_lossy(&bytes).lines() {
            let line = line.trim();
            if line == "manual" {
                enabled = false;
            } else if line.starts_with("start on") {
                enabled = true;
            }
        }
    }
    enabled
}

/// Make it start at boot, or not.
///
/// # Errors
/// A file cannot be read or written.
pub(crate) fn enable(directory: &Path, name: &str, enable: bool) -> Result<(), Failure> {
    let path = directory.join(format!("{name}.override"));
    let read = |path: &Path| match std::fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Failure::io("read", path, error)),
    };
    let without = |text: &str| -> String {
        text.lines().filter(|line| line.trim() != "manual").map(|line| format!("{line}\n")).collect()
    };
    let mut text = without(&read(&path)?);
    if !enable {
        text.push_str("manual\n");
    }
    if text.is_empty() {
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::io("remove", &path, error)),
            _ => without_word(directory, name, &without),
        };
    }
    write::replace(&path, text.as_bytes(), &Wanted::default())?;
    if enable { without_word(directory, name, &without) } else { Ok(()) }
}

/// Take the word out of the job's own file, where it is there too.
fn without_word(directory: &Path, name: &str, without: &dyn Fn(&str) -> String) -> Result<(), Failure> {
    let path = directory.join(format!("{name}.conf"));
    if is_enabled(directory, name) {
        return Ok(());
    }
    let bytes = std::fs::read(&path).map_err(|error| Failure::io("read", &path, error))?;
    write::replace(&path, without(&String::from_utf8_lossy(&bytes)).as_bytes(), &Wanted::default())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_job_with_the_word_manual_is_not_started_at_boot() {
        let tree = tempfile::tempdir().unwrap();
        let directory = tree.path();
        std::fs::write(directory.join("cron.conf"), "start on runlevel [2345]\nexec cron\n").unwrap();
        assert!(is_enabled(directory, "cron"));
        enable(directory, "cron", false).unwrap();
        assert_eq!(std::fs::read_to_string(directory.join("cron.override")).unwrap(), "manual\n");
        assert!(!is_enabled(directory, "cron"));
        enable(directory, "cron", true).unwrap();
        assert!(is_enabled(directory, "cron") && !directory.join("cron.override").exists());
        std::fs::write(directory.join("own.conf"), "manual\nexec own\n").unwrap();
        assert!(!is_enabled(directory, "own"));
        enable(directory, "own", true).unwrap();
        assert_eq!(std::fs::read_to_string(directory.join("own.conf")).unwrap(), "exec own\n");
    }
}

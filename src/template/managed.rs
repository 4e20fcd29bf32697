//! `ansible_managed`: the line that a template can put at the head of the file that it makes.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use minijinja::Value;

use super::scope::Scope;

/// The variable's name.
const NAME: &str = "ansible_managed";

/// The variable for a template file; none where the scope has one of its own, which counts more.
///
/// The setting `ansible_managed` may name the template's `{file}`, its owner's `{uid}` and this `{host}`, and the time
/// of its last change in `strftime` codes.
pub(crate) fn managed(scope: &Scope, path: &Path) -> Option<(String, Value)> {
    if !matches!(scope.get(NAME), Ok(None)) {
        return None;
    }
    let set = scope.surroundings().settings.get("DEFAULT_MANAGED_STR").map(ToString::to_string);
    Some((NAME.to_owned(), Value::from(filled(&set.unwrap_or_else(|| "Ansible managed".to_owned()), path))))
}

fn filled(text: &str, path: &Path) -> String {
    if !text.contains(['{', '}', '%']) {
        return text.to_owned();
    }
    let metadata = std::fs::metadata(path).ok();
    let owner = || {
        let id = metadata.as_ref().map(MetadataExt::uid)?;
        Some(rprov_modules::account::user_by_id(id).map_or_else(|| id.to_string(), |user| user.name))
    };
    let named = text
        .replace("{file}", &path.file_name().unwrap_or_default().to_string_lossy())
        .replace("{host}", &rustix::system::uname().nodename().to_string_lossy())
        .replace("{uid}", &owner().unwrap_or_default())
        .replace("{{", "{")
        .replace("}}", "}");
    let changed = metadata.and_then(|metadata| jiff::Timestamp::from_second(metadata.mtime()).ok());
    let dated = changed.and_then(|time| {
        let local = time.to_zoned(jiff::tz::TimeZone::system());
        jiff::fmt::strtime::format(&named, &local).ok()
    });
    dated.unwrap_or(named)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_standing_text_names_the_template() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.j2");
        std::fs::write(&path, "").unwrap();
        assert_eq!(filled("Ansible managed", &path), "Ansible managed");
        assert_eq!(filled("from {file}, {{ 1 }}", &path), "from a.j2, { 1 }");
        let year = filled("%Y", &path);
        assert!(year.len() == 4 && year.starts_with("20"), "{year}");
    }
}

//! The files that a new role or collection begins with.

use std::fs;
use std::path::{Path, PathBuf};

use super::place;
use crate::source::Diagnostic;

/// Write a new role. Files of these names are written anew; others stay.
///
/// # Errors
/// They cannot be written.
pub fn role(directory: &Path, name: &str) -> Result<(), Diagnostic> {
    let of = |what: &str| format!("---\n# {what} of {name}\n");
    let readme = format!(
        "# {name}\n\nWhat this role does, in a sentence or two.\n\n## Needs\n\nWhat has to be there before.\n\n## Variables\n\n\
         | name | default | what it is |\n|---|---|---|\n| | | |\n\n## Depends on\n\nOther roles, and why.\n\n## Example\n\n    \
         - hosts: servers\n      roles:\n        - role: {name}\n\n## Licence\n\n## Author\n"
    );
    let meta = "---\ngalaxy_info:\n  author: your name\n  description: what the role does\n  # company: your company\n  \
                # issue_tracker_url: where problems are told\n\n  # One of https://spdx.org/licenses\n  license: MIT\n\n  \
                min_ansible_version: \"2.9\"\n\n  # Systems that it was tried on, for example\n  # platforms:\n  #   - name: Debian\n  \
                #     versions: [bookworm]\n\n  # Single words, 20 at most\n  galaxy_tags: []\n\n\
                # Roles that run before this one.\ndependencies: []\n";
    let test = format!("---\n- hosts: localhost\n  remote_user: root\n  roles:\n    - {name}\n");
    let files = [
        ("README.md", readme),
        ("defaults/main.yml", of("defaults")),
        ("handlers/main.yml", of("handlers")),
        ("meta/main.yml", meta.to_owned()),
        ("tasks/main.yml", of("tasks")),
        ("tests/inventory", "localhost\n".to_owned()),
        ("tests/test.yml", test),
        ("vars/main.yml", of("variables")),
        ("files/", String::new()),
        ("templates/", String::new()),
    ];
    write(directory, &files)
}

/// Write a new collection; see [`role`].
///
/// # Errors
/// They cannot be written.
pub fn collection(directory: &Path, namespace: &str, name: &str) -> Result<(), Diagnostic> {
    let galaxy = format!(
        "---\n# Letters, digits and `_`.\nnamespace: {namespace}\nname: {name}\n\n# Semantic Versioning.\nversion: 1.0.0\n\n\
         readme: README.md\nauthors:\n  - your name <you@example.com>\n\n# All below may be left out.\ndescription: what the collection is for\n\
         license:\n  - MIT\ntags: []\n\n# Collections that it needs: `namespace.name: \">=1.0.0\"`.\ndependencies: {{}}\n\n\
         repository: https://example.com/repository\ndocumentation: https://example.com/documentation\n\
         homepage: https://example.com\nissues: https://example.com/issues\n\n\
         # Files that do not belong to it; patterns match whole relative paths.\nbuild_ignore: []\n"
    );
    let runtime = "---\n# Versions of ansible-core that it works with.\n# requires_ansible: \">=2.15.0\"\n\n\
                   # Modules and plug-ins that have gone elsewhere, or will go.\n# plugin_routing:\n#   modules:\n#     old_name:\n\
                   #       redirect: namespace.collection.new_name\n\n\
                   # Modules that share defaults.\n# action_groups:\n#   group:\n#     - module\n";
    let files = [
        ("README.md", format!("# {namespace}.{name}\n\nWhat this collection is for.\n")),
        ("galaxy.yml", galaxy),
        ("meta/runtime.yml", runtime.to_owned()),
        (
            "plugins/README.md",
            "# Plug-ins\n\nModules are in `modules/`, what they share in `module_utils/`, other plug-ins in directories of their kinds.\n"
                .to_owned(),
        ),
        ("docs/", String::new()),
        ("roles/", String::new()),
    ];
    write(directory, &files)
}

/// Write files from a directory of the user's own.
///
/// # Errors
/// They cannot be read or written, or are templates.
pub fn copied(from: &Path, directory: &Path) -> Result<(), Diagnostic> {
    if !from.is_dir() {
        return Err(Diagnostic::error(format!("there is no skeleton in `{}`", from.display())).hint("name a directory"));
    }
    if let Some(path) = find_template(from) {
        return Err(Diagnostic::error(format!("the skeleton's `{}` is a template", path.display())).hint(
            "skeletons are copied as they are: keep templates below `templates/`, or take the ending `.j2` away",
        ));
    }
    place::copy(from, directory, &|path, _| path == ".git" || path.ends_with(".git_keep")).map(drop)
}

/// The first template outside of the role's own.
fn find_template(directory: &Path) -> Option<PathBuf> {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "templates" {
            if let Some(found) = find_template(&path) {
                return Some(found);
            }
        } else if path.extension().is_some_and(|extension| extension == "j2") {
            return Some(path);
        }
    }
    None
}

fn write(directory: &Path, files: &[(&str, String)]) -> Result<(), Diagnostic> {
    for (name, text) in files {
        let path = directory.join(name);
        let made = if name.ends_with('/') {
            fs::create_dir_all(&path)
        } else {
            fs::create_dir_all(path.parent().unwrap_or(directory)).and_then(|()| fs::write(&path, text))
        };
        made.map_err(|error| place::unwritable(&path, &error))?;
    }
    Ok(())
}

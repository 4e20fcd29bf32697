//! `deb822_repository`: package sources in deb822 format.

use std::path::Path;

use super::apt_repository::with_mode;
use crate::argument::Mode;
use crate::context::Context;
use crate::outcome::{Diff, Failure, Outcome};
use crate::permissions::ModeChange;
use crate::{arguments, choices};

choices! {
    /// Whether the source is to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

choices! {
    /// What a repository has: programs, or sources.
    pub enum Kind { Deb = "deb", Sources = "deb-src" }
}

arguments! {
    /// Add and remove deb822 formatted repositories.
    pub struct Arguments {
        /// Accept a source that became insecure.
        allow_downgrade_to_insecure: Option<bool>,
        /// Accept an insecure source.
        allow_insecure: Option<bool>,
        /// Accept weak signatures.
        allow_weak: Option<bool>,
        /// Architectures to fetch for.
        architectures: Option<Vec<String>>,
        /// Fetch lists by their hash.
        by_hash: Option<bool>,
        /// Check the date of the release file.
        check_date: Option<bool>,
        /// Check how long the release file is valid.
        check_valid_until: Option<bool>,
        /// Components.
        components: Option<Vec<String>>,
        /// How far in the future a date may be, in seconds.
        date_max_future: Option<i64>,
        /// Whether the source is used.
        enabled: Option<bool>,
        /// Path of the InRelease file.
        inrelease_path: Option<String>,
        /// Languages of translations.
        languages: Option<Vec<String>>,
        /// The source's name, and that of its file.
        name: String,
        /// Fetch differences of the lists.
        pdiffs: Option<bool>,
        /// The key: a path on the host, a fingerprint, or the key itself.
        signed_by: Option<String>,
        /// Suites.
        suites: Option<Vec<String>>,
        /// What to fetch.
        targets: Option<Vec<String>>,
        /// Trust it without a signature.
        trusted: Option<bool>,
        /// Kinds of package.
        types: Vec<Kind> = vec![Kind::Deb],
        /// Addresses.
        uris: Option<Vec<String>>,
        /// Permissions of the file.
        mode: Mode = Mode("0644".to_owned()),
        /// Whether it is to be there.
        state: State = State::Present,
    }
}

/// Add or remove the source.
///
/// # Errors
/// The key is a URL, or a file cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let slug: String = arguments
        .name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '-' })
        .collect();
    let slug = slug.trim_matches('-').to_owned();
    let path = Path::new("/etc/apt/sources.list.d").join(format!("{slug}.sources"));
    let before = match std::fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io("read", &path, error)),
    };
    let result = |changed: bool, repo: &str| {
        Outcome::new(changed)
            .with("dest", path.to_string_lossy().into_owned())
            .with("key_filename", rprov_wire::Value::Null)
            .with("repo", repo)
    };
    if arguments.state == State::Absent {
        if !path.exists() {
            return Ok(result(false, ""));
        }
        if !context.check() {
            std::fs::remove_file(&path).map_err(|error| Failure::io("remove", &path, error))?;
        }
        return Ok(result(true, "").with_diff(Diff::text(&path.to_string_lossy(), before, "")));
    }
    let yes_no = |flag: Option<bool>| flag.map(|flag| if flag { "yes" } else { "no" }.to_owned());
    let words = |list: &Option<Vec<String>>| list.as_ref().filter(|list| !list.is_empty()).map(|list| list.join(" "));
    if arguments.signed_by.as_ref().is_some_and(|key| key.contains("://")) {
        return Err(Failure::new(
            "signed_by is a URL: fetch the key with get_url to /etc/apt/keyrings first, and give that path",
        ));
    }
    // An armoured key goes into the file itself: continued lines start with a blank, empty ones with a dot.
    let key = arguments.signed_by.as_ref().map(|key| {
        if !key.contains("-----BEGIN") {
            return key.clone();
        }
        key.trim()
            .lines()
            .map(|line| if line.trim().is_empty() { "\n .".to_owned() } else { format!("\n {line}") })
            .collect()
    });
    let mut after = String::new();
    for (field, value) in [
        ("X-Repolib-Name", Some(arguments.name.clone())),
        ("Allow-Downgrade-To-Insecure", yes_no(arguments.allow_downgrade_to_insecure)),
        ("Allow-Insecure", yes_no(arguments.allow_insecure)),
        ("Allow-Weak", yes_no(arguments.allow_weak)),
        ("Architectures", words(&arguments.architectures)),
        ("By-Hash", yes_no(arguments.by_hash)),
        ("Check-Date", yes_no(arguments.check_date)),
        ("Check-Valid-Until", yes_no(arguments.check_valid_until)),
        ("Components", words(&arguments.components)),
        ("Date-Max-Future", arguments.date_max_future.map(|seconds| seconds.to_string())),
        ("Enabled", yes_no(arguments.enabled)),
        ("InRelease-Path", arguments.inrelease_path.clone()),
        ("Languages", words(&arguments.languages)),
        ("PDiffs", yes_no(arguments.pdiffs)),
        ("Signed-By", key),
        ("Suites", words(&arguments.suites)),
        ("Targets", words(&arguments.targets)),
        ("Trusted", yes_no(arguments.trusted)),
        ("Types", words(&Some(arguments.types.iter().map(|kind| kind.word().to_owned()).collect()))),
        ("URIs", words(&arguments.uris)),
    ] {
        if let Some(value) = value {
            after.push_str(&format!("{field}:{}{value}\n", if value.starts_with('\n') { "" } else { " " }));
        }
    }
    let wanted = with_mode(Some(ModeChange::parse(&arguments.mode)?));
    let mut changed = before != after;
    if changed && !context.check() {
        crate::write::replace(&path, after.as_bytes(), &wanted)?;
    } else if path.exists() {
        changed |= wanted.apply(&path, context.check())?.changed;
    }
    let outcome = result(changed, &after).with_all(crate::attributes::describe(&path));
    Ok(if before == after {
        outcome
    } else {
        outcome.with_diff(Diff::text(&path.to_string_lossy(), before, after.as_str()))
    })
}

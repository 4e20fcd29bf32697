//! `assemble`: a file made of fragments.

use std::path::{Path, PathBuf};

use crate::arguments;
use crate::attributes::{self, FileAttributes};
use crate::checksum::Algorithm;
use crate::context::Context;
use crate::outcome::{Diff, Failure, Outcome};
use crate::regex::{Flags, Pattern, Replacement};
use crate::text;
use crate::validate;
use crate::write::{self, Staged, explain};

arguments! {
    /// Assemble a file from the fragments in a directory, in the order of their names.
    pub struct Arguments + FileAttributes {
        /// Directory of the fragments.
        src: PathBuf,
        /// The file to make.
        dest: PathBuf,
        /// Keep a copy of the file as it was.
        backup: bool = false,
        /// What goes between two fragments.
        delimiter: Option<String>,
        /// The fragments are on the host; otherwise the controller assembles.
        remote_src: bool = true,
        /// Only fragments whose names match this regular expression.
        regexp: Option<String>,
        /// Leave out fragments whose names start with a dot.
        ignore_hidden: bool = false,
        /// Command that must accept the new content, given as `%s`.
        validate: Option<String>,
        /// Decrypt vaulted fragments; done on the controller.
        decrypt: bool = true,
    }
}

/// Put the fragments together, compare, and write.
///
/// # Errors
/// The directory is missing, or the file cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let Arguments { src, dest, .. } = &arguments;
    if !src.exists() {
        return Err(Failure::new(format!("Source ({}) does not exist", src.display())));
    }
    if !src.is_dir() {
        return Err(Failure::new(format!("Source ({}) is not a directory", src.display())));
    }
    let wanted = arguments.attributes.resolve()?;
    let content = assemble(&arguments, &|path| std::fs::read(path).map_err(|error| explain("read", path, &error)))?;
    let checksum = Algorithm::Sha1.of_bytes(&content);
    let existing =
        if dest.is_file() { Some(std::fs::read(dest).map_err(|error| explain("read", dest, &error))?) } else { None };
    let mut outcome = Outcome::unchanged();
    if existing.as_deref() != Some(&content[..]) {
        outcome.changed = true;
        if !content.contains(&0) {
            let before = text::printable(&text::decode(existing.as_deref().unwrap_or_default()));
            outcome = outcome.with_diff(Diff::text(
                &dest.display().to_string(),
                before,
                text::printable(&text::decode(&content)),
            ));
        }
        if !context.check() {
            let mut staged = Staged::new(dest, wanted.unsafe_writes)?;
            staged.write(&content)?;
            if let Some(command) = &arguments.validate {
                validate::validate(command, staged.path()?, context).map_err(validate::in_one_message)?;
            }
            if arguments.backup
                && let Some(copy) = write::backup(dest)?
            {
                outcome = outcome.with("backup_file", copy.display().to_string());
            }
            staged.commit(&wanted)?;
        }
    }
    if dest.exists() {
        outcome.changed |= wanted.apply(dest, context.check())?.changed;
    }
    Ok(outcome
        .with("src", src.display().to_string())
        .with("dest", dest.display().to_string())
        .with("md5sum", Algorithm::Md5.of_bytes(&content))
        .with("checksum", checksum)
        .with("msg", "OK")
        .with_all(attributes::describe(dest)))
}

/// Put the fragments in `arguments.src` together; the controller calls it for fragments of its own.
///
/// # Errors
/// A fragment cannot be read, or `regexp` is no regular expression.
pub fn assemble<E: From<Failure>>(
    arguments: &Arguments,
    read: &dyn Fn(&Path) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    let pattern = arguments.regexp.as_deref().map(|source| Pattern::new(source, Flags::default())).transpose()?;
    let delimiter = arguments.delimiter.as_deref().map(unescape).transpose()?;
    let mut content: Vec<u8> = Vec::new();
    let mut first = true;
    for path in fragments(&arguments.src)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !path.is_file() || arguments.ignore_hidden && name.starts_with('.') {
            continue;
        }
        if let Some(pattern) = &pattern
            && !pattern.is_match(&name)?
        {
            continue;
        }
        let fragment = read(&path)?;
        if !first {
            if !content.ends_with(b"\n") {
                content.push(b'\n');
            }
            if let Some(delimiter) = delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()) {
                content.extend_from_slice(delimiter.as_bytes());
                if !delimiter.ends_with('\n') {
                    content.push(b'\n');
                }
            }
        }
        first = false;
        content.extend_from_slice(&fragment);
    }
    Ok(content)
}

fn fragments(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(|error| explain("list", directory, &error))?;
    paths.sort_unstable();
    Ok(paths)
}

/// A delimiter may be written with `\n` and the like.
fn unescape(text: &str) -> Result<String, Failure> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    let mut out = String::new();
    let pattern = Pattern::new(r"\A", Flags::default())?;
    if let Some(captures) = pattern.captures("")? {
        Replacement::new(text)?.expand(&captures, &mut out)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use rprov_wire::Value;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn fragments_are_joined_in_order_with_delimiters_on_their_own_lines() {
        let bench = Bench::new();
        bench.file("s/2", "two\n");
        bench.file("s/1", "one");
        bench.file("s/.3", "three\n");
        bench.file("s/d/4", "four\n");
        let arguments = json!({"src": bench.path("s"), "dest": bench.path("f"), "delimiter": "###", "ignore_hidden": true, "mode": "0600"});
        let result = bench.converges("assemble", arguments);
        assert_eq!(bench.read("f"), "one\n###\ntwo\n");
        assert_eq!((&result["msg"], &result["mode"]), (&Value::from("OK"), &Value::from("0600")));
        let arguments =
            json!({"src": bench.path("s"), "dest": bench.path("f"), "regexp": "[12]$", "delimiter": r"\n--\n"});
        bench.converges("assemble", arguments);
        assert_eq!(bench.read("f"), "one\n\n--\ntwo\n");
        assert!(
            bench
                .fails("assemble", json!({"src": bench.path("no"), "dest": bench.path("f")}))
                .ends_with("does not exist")
        );
    }
}

//! `stat`: what a file is.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rprov_wire::Value;
use rustix::fs::Access;

use crate::account;
use crate::arguments;
use crate::attributes;
use crate::checksum::Algorithm;
use crate::context::Context;
use crate::inode;
use crate::outcome::{Failure, Outcome};
use crate::write;

arguments! {
    /// Retrieve facts of a file or file system object.
    pub struct Arguments {
        /// The file.
        path | dest | name: PathBuf,
        /// Describe what a symbolic link leads to, not the link.
        follow: bool = false,
        /// Return a checksum of a file's content.
        get_checksum: bool = true,
        /// Algorithm of the checksum.
        checksum_algorithm | checksum | checksum_algo: Algorithm = Algorithm::Sha1,
        /// Return the type of a file's content, as file(1) sees it.
        get_mime | mime | mime_type | "mime-type": bool = true,
        /// Return the file system flags, as lsattr(1) shows them.
        get_attributes | attr | attributes: bool = true,
    }
}

/// Look.
///
/// # Errors
/// A directory on the way may not be searched, or the content cannot be read for its checksum.
pub fn run(arguments: Arguments, _context: &Context<'_>) -> Result<Outcome, Failure> {
    let path = &arguments.path;
    let metadata = if arguments.follow { std::fs::metadata(path) } else { std::fs::symlink_metadata(path) };
    let metadata = match metadata {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(Outcome::unchanged().with("stat", Value::from_iter([("exists", false)])));
        }
        Err(error) => return Err(write::explain("look at", path, &error)),
    };
    let kind = metadata.file_type();
    let mut stat = inode::describe(&metadata);
    let mut put = |name: &str, value: Value| {
        stat.insert(name.to_owned(), value);
    };
    put("exists", true.into());
    put("path", path.display().to_string().into());
    put("blocks", metadata.blocks().into());
    put("block_size", metadata.blksize().into());
    put("device_type", metadata.rdev().into());
    for (name, access) in
        [("readable", Access::READ_OK), ("writeable", Access::WRITE_OK), ("executable", Access::EXEC_OK)]
    {
        put(name, rustix::fs::access(path, access).is_ok().into());
    }
    if let Some(user) = account::user_by_id(metadata.uid()) {
        put("pw_name", user.name.into());
    }
    if let Some(group) = account::group_by_id(metadata.gid()) {
        put("gr_name", group.name.into());
    }
    if kind.is_symlink() {
        let source = std::fs::canonicalize(path)
            .or_else(|_| write::resolve(path).map_err(|_| ()))
            .unwrap_or_else(|()| path.clone());
        put("lnk_source", source.display().to_string().into());
        if let Ok(target) = std::fs::read_link(path) {
            put("lnk_target", target.display().to_string().into());
        }
    }
    if arguments.get_checksum && kind.is_file() && rustix::fs::access(path, Access::READ_OK).is_ok() {
        put("checksum", arguments.checksum_algorithm.of_file(path)?.into());
    }
    if arguments.get_mime {
        let (mime, charset) = content_type(path, arguments.follow);
        put("mimetype", mime.into());
        put("charset", charset.into());
    }
    if arguments.get_attributes {
        // A link has no flags; asking for those of what it leads to would be wrong.
        let flags = if arguments.follow {
            std::fs::canonicalize(path).ok().and_then(|path| attributes::flags(&path))
        } else {
            attributes::flags(path)
        }
        .unwrap_or_default();
        put("version", attributes::generation(path).map(|number| number.to_string()).into());
        let names: Vec<&str> = flags.chars().filter_map(flag_name).collect();
        put("attributes", names.into());
        put("attr_flags", flags.into());
    }
    if attributes::selinux() {
        put("secontext", attributes::context(path).into());
    }
    Ok(Outcome::unchanged().with("stat", stat))
}

/// Type and character set, as file(1) sees them; `unknown` where the host does not have it.
fn content_type(path: &Path, follow: bool) -> (String, String) {
    let unknown = || ("unknown".to_owned(), "unknown".to_owned());
    let mut command = std::process::Command::new("file");
    command.args(["--brief", "--mime-type", "--mime-encoding"]);
    if follow {
        command.arg("--dereference");
    }
    let Ok(output) = command.arg("--").arg(path).output() else { return unknown() };
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match text.split_once("; charset=") {
        Some((mime, charset)) if output.status.success() => (mime.to_owned(), charset.to_owned()),
        _ => unknown(),
    }
}

fn flag_name(letter: char) -> Option<&'static str> {
    Some(match letter {
        'A' => "noatime",
        'a' => "append",
        'c' => "compressed",
        'C' => "nocow",
        'd' => "nodump",
        'D' => "dirsync",
        'e' => "extents",
        'E' => "encrypted",
        'h' => "blocksize",
        'i' => "immutable",
        'I' => "indexed",
        'j' => "journalled",
        'N' => "inline",
        's' => "zero",
        'S' => "synchronous",
        't' => "notail",
        'T' => "blockroot",
        'u' => "undelete",
        'X' => "compressedraw",
        'Z' => "compresseddirty",
        _ => return None,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use rprov_wire::Value;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn a_file_a_link_and_nothing() {
        let bench = Bench::new();
        let path = bench.file("f", "x");
        std::os::unix::fs::symlink("f", bench.path("l")).unwrap();
        let result = bench.apply("stat", json!({"path": path, "checksum_algorithm": "md5"}));
        let stat = &result["stat"];
        assert_eq!(stat.get("checksum"), Some(&Value::from("9dd4e461268c8034f5c8564e155c67a6")));
        assert_eq!((stat.get("size"), stat.get("isreg")), (Some(&Value::Int(1)), Some(&Value::Bool(true))));
        let result = bench.apply("stat", json!({"path": bench.path("l")}));
        assert_eq!(result["stat"].get("lnk_target"), Some(&Value::from("f")));
        assert_eq!(result["stat"].get("checksum"), None);
        let result = bench.apply("stat", json!({"path": bench.path("l"), "follow": true}));
        assert_eq!(result["stat"].get("islnk"), Some(&Value::Bool(false)));
        let result = bench.apply("stat", json!({"path": bench.path("none")}));
        assert_eq!(result["stat"], Value::from_iter([("exists", false)]));
    }
}

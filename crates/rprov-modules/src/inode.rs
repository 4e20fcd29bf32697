//! What the kernel says of a file, under the names that `stat` and `find` give it.

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use rprov_wire::{Map, Value};

use crate::permissions;

/// Kind, owner, size, times and permissions, as both modules return them: `mode`, `isdir` and its like, `uid`, `gid`,
/// `size`, `inode`, `dev`, `nlink`, `atime`, `mtime`, `ctime` (seconds), `wusr` to `xoth`, `isuid`, `isgid`.
pub fn describe(metadata: &Metadata) -> Map {
    let kind = metadata.file_type();
    let mode = metadata.mode();
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| {
        map.insert(name.to_owned(), value);
    };
    put("mode", permissions::four_digits(mode).into());
    put("isdir", kind.is_dir().into());
    put("ischr", kind.is_char_device().into());
    put("isblk", kind.is_block_device().into());
    put("isreg", kind.is_file().into());
    put("isfifo", kind.is_fifo().into());
    put("islnk", kind.is_symlink().into());
    put("issock", kind.is_socket().into());
    put("uid", metadata.uid().into());
    put("gid", metadata.gid().into());
    put("size", metadata.size().into());
    put("inode", metadata.ino().into());
    put("dev", metadata.dev().into());
    put("nlink", metadata.nlink().into());
    put("atime", seconds(metadata.atime(), metadata.atime_nsec()));
    put("mtime", seconds(metadata.mtime(), metadata.mtime_nsec()));
    put("ctime", seconds(metadata.ctime(), metadata.ctime_nsec()));
    for (name, bit) in [
        ("wusr", 0o200),
        ("rusr", 0o400),
        ("xusr", 0o100),
        ("wgrp", 0o020),
        ("rgrp", 0o040),
        ("xgrp", 0o010),
        ("woth", 0o002),
        ("roth", 0o004),
        ("xoth", 0o001),
        ("isuid", 0o4000),
        ("isgid", 0o2000),
    ] {
        put(name, (mode & bit != 0).into());
    }
    map
}

/// A time as a number of seconds with fraction, as Ansible returns it.
pub fn seconds(whole: i64, nanoseconds: i64) -> Value {
    Value::Float(whole as f64 + nanoseconds as f64 * 1e-9)
}

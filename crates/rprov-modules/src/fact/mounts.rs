//! Mounted file systems with their sizes.

use std::time::Duration;

use rprov_wire::{Map, Value};

use super::{content, names};

/// Add `mounts`. `patience` is for file systems on other machines, which may never answer.
pub fn gather(patience: Duration, facts: &mut Map) {
    let info = content("/proc/self/mountinfo").unwrap_or_default();
    // Mounts of only a part of a file system.
    let bound: Vec<String> = info
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(3);
            let (root, target) = (fields.next()?, fields.next()?);
            (root != "/").then(|| unescape(target))
        })
        .collect();
    let uuids = uuids();
    let table = content("/etc/mtab").or_else(|| content("/proc/mounts")).unwrap_or_default();
    let mut mounts: Vec<Value> = Vec::new();
    for line in table.lines() {
        let fields: Vec<String> = line.split_whitespace().map(unescape).collect();
        let [device, target, kind, options, rest @ ..] = fields.as_slice() else { continue };
        if (!device.starts_with(['/', '\\']) && !device.contains(":/")) || kind == "none" {
            continue;
        }
        let number = |index: usize| rest.get(index).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        let mut options = options.clone();
        if bound.contains(target) && !options.split(',').any(|option| option == "bind") {
            options.push_str(",bind");
        }
        let mut mount = Map::new();
        mount.insert("mount".into(), target.into());
        mount.insert("device".into(), device.into());
        mount.insert("fstype".into(), kind.into());
        mount.insert("options".into(), options.into());
        mount.insert("dump".into(), number(0).into());
        mount.insert("passno".into(), number(1).into());
        let sizes = if device.contains(":/") || device.starts_with("//") || kind.starts_with("fuse") {
            sizes_in_time(target.clone(), patience)
        } else {
            Ok(sizes(target))
        };
        match sizes {
            Ok(sizes) => mount.extend(sizes.unwrap_or_default()),
            Err(note) => {
                mount.insert("note".into(), note.into());
            }
        }
        mount.insert("uuid".into(), uuid_of(device, &uuids).unwrap_or("N/A").into());
        mounts.push(mount.into());
    }
    facts.insert("mounts".into(), mounts.into());
}

/// The file systems that udev knows, and the names of their devices.
pub(crate) fn uuids() -> Vec<(String, String)> {
    links("/dev/disk/by-uuid")
}

/// The file system that is on a device.
pub(crate) fn uuid_of<'a>(device: &str, uuids: &'a [(String, String)]) -> Option<&'a str> {
    let name = device.rsplit('/').next().unwrap_or_default();
    let real = std::fs::canonicalize(device).ok();
    let found = uuids.iter().find(|(_, target)| {
        target == name || real.as_ref().and_then(|real| real.file_name()).is_some_and(|real| real == target.as_str())
    });
    found.map(|(uuid, _)| uuid.as_str())
}

/// Names of symbolic links in a directory, and the last part of what they point to.
pub(super) fn links(directory: &str) -> Vec<(String, String)> {
    names(directory)
        .into_iter()
        .filter_map(|name| Some((unescape_udev(&name), super::link_name(format!("{directory}/{name}"))?)))
        .collect()
}

fn unescape_udev(name: &str) -> String {
    name.replace("\\x20", " ").replace("\\x2f", "/")
}

/// Undo the octal escapes of `/proc/mounts` and fstab(5).
pub(crate) fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'\\'
            && let Some(digits) = tail.get(..3)
            && let Some(value) = std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 8).ok())
        {
            bytes.push(value);
            rest = tail.get(3..).unwrap_or_default();
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sizes of the file system that is mounted there.
pub(crate) fn sizes(target: &str) -> Option<Map> {
    let size = rustix::fs::statvfs(target).ok()?;
    let mut map = Map::new();
    for (name, value) in [
        ("size_total", size.f_frsize * size.f_blocks),
        ("size_available", size.f_frsize * size.f_bavail),
        ("block_size", size.f_bsize),
        ("block_total", size.f_blocks),
        ("block_available", size.f_bavail),
        ("block_used", size.f_blocks.saturating_sub(size.f_bavail)),
        ("inode_total", size.f_files),
        ("inode_available", size.f_favail),
        ("inode_used", size.f_files.saturating_sub(size.f_favail)),
    ] {
        map.insert(name.into(), value.into());
    }
    Some(map)
}

/// The same, unless it takes longer than that; else a note that says so.
pub(crate) fn sizes_in_time(target: String, patience: Duration) -> Result<Option<Map>, &'static str> {
    let (sender, receiver) = std::sync::mpsc::channel();
    // The thread stays behind if the server never answers; there is no way to interrupt it.
    std::thread::spawn(move || sender.send(sizes(&target)));
    receiver.recv_timeout(patience).map_err(|_| "Timed out while attempting to get extra information.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_escapes_are_undone() {
        assert_eq!(unescape("/a\\040b\\134c"), "/a b\\c");
        assert_eq!(unescape("/end\\04"), "/end\\04");
    }
}

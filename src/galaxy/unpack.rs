//! Archives to directories. Nothing of an archive leaves the directory: names that do are refused by
//! [`rprov_modules::archive`], links and whatever is neither file nor directory here.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use rprov_modules::archive::{Format, Kind, Member, walk};
use rprov_modules::outcome::Failure;

use crate::source::Diagnostic;

/// Files and directories of an archive at most, and bytes of all files together: what is larger is no role.
const MEMBERS: usize = 200_000;
const BYTES: u64 = 4 << 30;

/// Unpack an archive into an empty directory.
///
/// # Errors
/// It is no archive, is damaged, or holds what may not be unpacked; the directory may hold a part of it then.
pub fn unpack(archive: &Path, into: &Path) -> Result<(), Diagnostic> {
    let wrong = |cause: String| {
        Diagnostic::error(format!("`{}` cannot be unpacked", archive.display())).cause(cause).hint(
            "roles and collections come as `.tar.gz` with relative paths, files, directories and links among them",
        )
    };
    let mut file = File::open(archive).map_err(|error| wrong(error.to_string()))?;
    let format = Format::of(&mut file, &archive.display().to_string()).map_err(|failure| wrong(failure.message))?;
    let (mut members, mut bytes) = (0, 0);
    let mut links: Vec<(PathBuf, PathBuf)> = Vec::new();
    walk(&mut file, format, &mut |member, content| {
        members += 1;
        if members > MEMBERS {
            return Err(Failure::new(format!("it has more than {MEMBERS} members")));
        }
        if let Kind::Symlink(target) = &member.kind {
            // They are made last, so that nothing is written through one.
            links.push((member.path.clone(), target.clone()));
            return Ok(());
        }
        bytes += write(member, content, into, BYTES - bytes)?;
        Ok(())
    })
    .map_err(|failure| wrong(failure.message))?;
    for (path, target) in links {
        link(&path, &target, into).map_err(|failure| wrong(failure.message))?;
    }
    Ok(())
}

fn write(member: &Member, content: &mut dyn Read, into: &Path, room: u64) -> Result<u64, Failure> {
    let path = into.join(&member.path);
    let failed = |error: std::io::Error| Failure::io("write", &path, error);
    if let Some(parent) = path.parent().filter(|parent| parent.starts_with(into)) {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match &member.kind {
        Kind::Directory => {
            fs::create_dir_all(&path).map_err(failed)?;
            Ok(0)
        }
        Kind::File => {
            // Of a name that comes twice the last counts, as tar has it.
            if path.symlink_metadata().is_ok() {
                fs::remove_file(&path).map_err(failed)?;
            }
            let executable = member.mode.unwrap_or(0) & 0o100 != 0;
            let mode = if executable { 0o755 } else { 0o644 };
            let mut file = File::options().write(true).create_new(true).mode(mode).open(&path).map_err(failed)?;
            file.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed)?;
            let size = std::io::copy(&mut content.take(room + 1), &mut file).map_err(failed)?;
            if size > room {
                return Err(Failure::new(format!("it has more than {BYTES} bytes")));
            }
            Ok(size)
        }
        Kind::Hardlink(other) => {
            fs::copy(into.join(other), &path).map_err(failed)?;
            Ok(0)
        }
        Kind::Symlink(_) => Ok(0),
    }
}

fn link(path: &Path, target: &Path, into: &Path) -> Result<(), Failure> {
    if !stays_inside(path, target) {
        return Err(Failure::new(format!(
            "its link {} leads out of the directory, to {}",
            path.display(),
            target.display()
        )));
    }
    let place = into.join(path);
    let failed = |error: std::io::Error| Failure::io("make the link", &place, error);
    // A link above it would lead the new one elsewhere.
    let parent = place.parent().unwrap_or(into);
    fs::create_dir_all(parent).map_err(failed)?;
    let inside =
        into.canonicalize().and_then(|into| Ok(parent.canonicalize()? == into.join(path.parent().unwrap_or(path))));
    if !inside.map_err(failed)? {
        return Err(Failure::new(format!("its link {} is below another link", path.display())));
    }
    if place.symlink_metadata().is_ok() {
        return Err(Failure::new(format!("{} is in it twice, once as a link", path.display())));
    }
    std::os::unix::fs::symlink(target, &place).map_err(failed)
}

/// Whether a link at this path leads to something in the same tree. Counted by names alone: each `..` takes one name
/// away, so that a way through a directory that is itself a link is as short as it is written.
pub(super) fn stays_inside(path: &Path, target: &Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    let mut down = false;
    for part in target.components() {
        match part {
            Component::Normal(_) => {
                depth += 1;
                down = true;
            }
            Component::CurDir => {}
            // Behind a name that may be a link, `..` can lead anywhere.
            Component::ParentDir if down || depth == 0 => return false,
            Component::ParentDir => depth -= 1,
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside() {
        for (path, target) in [("a", "b"), ("a/b", "../c"), ("a/b/c", "../../d/e"), ("a", "./b")] {
            assert!(stays_inside(Path::new(path), Path::new(target)), "{path} -> {target}");
        }
        for (path, target) in
            [("a", "/etc"), ("a", "../b"), ("a/b", "../../c"), ("a", "b/../../c"), ("a/b", "c/../../..")]
        {
            assert!(!stays_inside(Path::new(path), Path::new(target)), "{path} -> {target}");
        }
    }

    /// One header and its content as tar has them; the crate's own writer refuses bad names.
    fn entry(name: &str, kind: u8, link: &str, content: &[u8]) -> Vec<u8> {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, name.as_bytes());
        put(100, b"0000755\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{:011o}\0", content.len()).as_bytes());
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, &[kind]);
        put(157, link.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let mut bytes = header.to_vec();
        bytes.extend(content);
        bytes.resize(bytes.len().div_ceil(512) * 512, 0);
        bytes
    }

    fn unpacked(entries: &[Vec<u8>]) -> (tempfile::TempDir, Result<(), Diagnostic>) {
        let directory = tempfile::tempdir().unwrap();
        let archive = directory.path().join("x.tar");
        let mut bytes = entries.concat();
        bytes.extend([0; 1024]);
        fs::write(&archive, bytes).unwrap();
        fs::create_dir(directory.path().join("into")).unwrap();
        let result = unpack(&archive, &directory.path().join("into"));
        (directory, result)
    }

    #[test]
    fn what_leads_out_is_refused_and_leaves_nothing_outside() {
        let bad: [&[Vec<u8>]; 7] = [
            &[entry("../escaped", b'0', "", b"x")],
            &[entry("a/../../escaped", b'0', "", b"x")],
            &[entry("l", b'2', "..", b""), entry("l/escaped", b'0', "", b"x"), entry("l", b'2', "..", b"")],
            &[entry("l", b'2', "/etc/passwd", b"")],
            &[entry("h", b'1', "../x.tar", b"")],
            &[entry("device", b'3', "", b"")],
            &[entry("pipe", b'6', "", b"")],
        ];
        for entries in bad {
            let (directory, result) = unpacked(entries);
            assert!(result.is_err());
            assert!(!directory.path().join("escaped").exists());
            assert!(!directory.path().join("into/device").exists());
        }
    }

    #[test]
    fn files_directories_and_links_are_made() {
        let entries = [
            entry("r/", b'5', "", b""),
            entry("r/run", b'0', "", b"#!/bin/sh\n"),
            entry("r/link", b'2', "run", b""),
            entry("/absolute", b'0', "", b"inside"),
        ];
        let (directory, result) = unpacked(&entries);
        result.unwrap();
        let into = directory.path().join("into");
        assert_eq!(fs::read_to_string(into.join("r/link")).unwrap(), "#!/bin/sh\n");
        assert_eq!(fs::metadata(into.join("r/run")).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_to_string(into.join("absolute")).unwrap(), "inside");
    }
}

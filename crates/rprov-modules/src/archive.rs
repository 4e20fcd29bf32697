//! Reading archives: tar, plain or compressed with gzip, bzip2, xz or zstd, and zip. The format is known by content,
//! never by name.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use crate::outcome::Failure;

/// A format of archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Plain tar.
    Tar,
    /// tar in gzip.
    Gzip,
    /// tar in bzip2.
    Bzip2,
    /// tar in xz.
    Xz,
    /// tar in zstd.
    Zstd,
    /// zip.
    Zip,
}

impl Format {
    /// What Ansible calls it in results.
    pub fn handler(self) -> &'static str {
        match self {
            Format::Gzip => "TgzArchive",
            // tar(1) finds out by itself.
            Format::Tar | Format::Bzip2 | Format::Xz | Format::Zstd => "TarArchive",
            Format::Zip => "ZipArchive",
        }
    }

    /// The format of an archive.
    ///
    /// # Errors
    /// It is none of those known.
    pub fn of(file: &mut File, name: &str) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("could not read the archive {name}: {error}"));
        let mut head = Vec::new();
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        file.take(512).read_to_end(&mut head).map_err(failed)?;
        let starts = |magic: &[u8]| head.starts_with(magic);
        if starts(b"\x1f\x8b") {
            Ok(Format::Gzip)
        } else if starts(b"BZh") {
            Ok(Format::Bzip2)
        } else if starts(b"\xfd7zXZ\0") {
            Ok(Format::Xz)
        } else if starts(b"\x28\xb5\x2f\xfd") {
            Ok(Format::Zstd)
        } else if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
            Ok(Format::Zip)
        } else if is_tar_header(&head) {
            Ok(Format::Tar)
        } else {
            Err(Failure::new(format!(
                "Failed to find handler for \"{name}\". It is no archive that can be unpacked: there are tar (plain, gzip, bzip2, xz, zstd) and zip"
            )))
        }
    }
}

/// A tar header carries the sum of its own bytes; an empty archive is all zeros.
fn is_tar_header(head: &[u8]) -> bool {
    if head.len() < 512 {
        return false;
    }
    if head.iter().all(|byte| *byte == 0) {
        return true;
    }
    let field = head.get(148..156).unwrap_or_default();
    let digits: String = field.iter().map(|byte| char::from(*byte)).filter(|character| character.is_digit(8)).collect();
    let sum: u32 = head
        .iter()
        .enumerate()
        .map(|(index, byte)| if (148..156).contains(&index) { 32 } else { u32::from(*byte) })
        .sum();
    u32::from_str_radix(&digits, 8).is_ok_and(|stored| stored == sum)
}

/// What a member of an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link, to here.
    Symlink(PathBuf),
    /// Another name of an earlier member.
    Hardlink(PathBuf),
}

/// One member of an archive.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name as the archive has it.
    pub name: String,
    /// Its path within the directory that the archive is unpacked in; never leads out of it.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Permission bits, where the archive has them.
    pub mode: Option<u32>,
    /// Owner: name and number.
    pub owner: Option<(String, u32)>,
    /// Group: name and number.
    pub group: Option<(String, u32)>,
    /// Time of last change in seconds since 1970, where the archive has it exactly.
    pub modified: Option<u64>,
}

/// Call `visit` with each member and its content, in the order of the archive.
///
/// # Errors
/// The archive is damaged, a member leads out of the directory, or `visit` failed.
pub fn walk(
    file: &mut File,
    format: Format,
    visit: &mut dyn FnMut(&Member, &mut dyn Read) -> Result<(), Failure>,
) -> Result<(), Failure> {
    file.seek(SeekFrom::Start(0)).map_err(damaged)?;
    let reader = std::io::BufReader::with_capacity(128 * 1024, &mut *file);
    match format {
        Format::Tar => walk_tar(reader, visit),
        Format::Gzip => walk_tar(flate2::read::MultiGzDecoder::new(reader), visit),
        Format::Bzip2 => walk_tar(bzip2::read::MultiBzDecoder::new(reader), visit),
        Format::Xz => walk_tar(lzma_rust2::XzReader::new(reader, true), visit),
        Format::Zstd => walk_tar(ruzstd::decoding::StreamingDecoder::new(reader).map_err(damaged)?, visit),
        Format::Zip => walk_zip(reader, visit),
    }
}

fn damaged(error: impl std::fmt::Display) -> Failure {
    Failure::new(format!("the archive is damaged: {error}"))
}

/// A member's path below the directory: a leading `/` or `./` is dropped, `..` refused.
fn contained(name: &Path) -> Result<PathBuf, Failure> {
    let mut path = PathBuf::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            Component::ParentDir => {
                return Err(Failure::new(format!(
                    "the archive's member {} leads out of the directory that it is unpacked in; it is not unpacked",
                    name.display()
                )));
            }
        }
    }
    Ok(path)
}

fn walk_tar(
    reader: impl Read,
    visit: &mut dyn FnMut(&Member, &mut dyn Read) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.into_owned();
        let link = entry.link_name().map_err(damaged)?.map(|link| link.into_owned());
        let header = entry.header();
        let kind = match header.entry_type() {
            tar::EntryType::Directory => Kind::Directory,
            tar::EntryType::Symlink => Kind::Symlink(link.unwrap_or_default()),
            tar::EntryType::Link => Kind::Hardlink(contained(&link.unwrap_or_default())?),
            tar::EntryType::XGlobalHeader | tar::EntryType::XHeader => continue,
            tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => Kind::File,
            other => {
                return Err(Failure::new(format!(
                    "the archive's member {} is a {other:?}, which is not unpacked; leave it out with `exclude`",
                    name.display()
                )));
            }
        };
        let text =
            |name: Option<&[u8]>| name.map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
        let number = |id: std::io::Result<u64>| id.ok().and_then(|id| u32::try_from(id).ok());
        let member = Member {
            path: contained(&name)?,
            name: name.display().to_string(),
            kind,
            mode: header.mode().ok().map(|mode| mode & crate::permissions::BITS),
            owner: number(header.uid()).map(|uid| (text(header.username_bytes()), uid)),
            group: number(header.gid()).map(|gid| (text(header.groupname_bytes()), gid)),
            modified: header.mtime().ok(),
        };
        visit(&member, &mut entry)?;
    }
    Ok(())
}

fn walk_zip(
    reader: impl Read + Seek,
    visit: &mut dyn FnMut(&Member, &mut dyn Read) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut archive = zip::ZipArchive::new(reader).map_err(damaged)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        let kind = if entry.is_dir() {
            Kind::Directory
        } else if entry.unix_mode().is_some_and(|mode| mode & 0o170_000 == 0o120_000) {
            let mut target = String::new();
            entry.read_to_string(&mut target).map_err(damaged)?;
            Kind::Symlink(target.into())
        } else {
            Kind::File
        };
        let member = Member {
            path: contained(Path::new(&name))?,
            name,
            kind,
            mode: entry.unix_mode().map(|mode| mode & crate::permissions::BITS).filter(|mode| *mode != 0),
            owner: None,
            group: None,
            modified: None,
        };
        visit(&member, &mut entry)?;
    }
    Ok(())
}

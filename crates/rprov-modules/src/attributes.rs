//! Owner, group, mode, SELinux context and file system flags: the options that file modules share, how they are
//! applied, and the description of a file that Ansible adds to every result that names one.

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use rprov_wire::{Map, Value};
use rustix::fs::IFlags;
use rustix::io::Errno;

use crate::account;
use crate::argument::Mode;
use crate::arguments;
use crate::outcome::{Diff, Failure};
use crate::permissions::{self, ModeChange};
use crate::write::explain;

arguments! {
    /// The options that file modules share.
    pub struct FileAttributes {
        /// Name or number of the user that should own the file.
        owner: Option<String>,
        /// Name or number of the group that should own the file.
        group: Option<String>,
        /// Permissions, octal (quoted: `"0644"`) or symbolic (`u=rw,g=r,o=r`).
        mode: Option<Mode>,
        /// The user part of the SELinux context; `_default` for the policy's own.
        seuser: Option<String>,
        /// The role part of the SELinux context; `_default` for the policy's own.
        serole: Option<String>,
        /// The type part of the SELinux context; `_default` for the policy's own.
        setype: Option<String>,
        /// The level part of the SELinux context; `_default` for the policy's own.
        selevel: Option<String>,
        /// File system flags as lsattr(1) shows them, set with `=` (the default), `+` or `-` in front.
        attributes | attr: Option<String>,
        /// Overwrite the file in place where it cannot be replaced atomically.
        unsafe_writes: bool = false,
    }
}

/// [`FileAttributes`] with names looked up and modes understood: ready to be applied to any number of files.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Numeric owner.
    pub uid: Option<u32>,
    /// Numeric group.
    pub gid: Option<u32>,
    /// Permissions.
    pub mode: Option<ModeChange>,
    /// See [`FileAttributes::unsafe_writes`].
    pub unsafe_writes: bool,
    context: [Option<String>; 4],
    flags: Option<(char, IFlags)>,
}

/// What applying attributes changed, or would change.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// Something did, or would.
    pub changed: bool,
    /// Former values of what changed, for the diff.
    pub before: Map,
    /// New values of what changed, for the diff.
    pub after: Map,
}

impl Difference {
    /// As a diff entry: the path, and what changed.
    pub fn into_diff(self, path: &Path) -> Diff {
        let side = |values: Map| {
            let mut map = Map::new();
            map.insert("path".to_owned(), path.display().to_string().into());
            map.extend(values);
            map
        };
        Diff::state(side(self.before), side(self.after))
    }

    /// Add another difference to this one.
    pub fn merge(&mut self, other: Difference) {
        self.changed |= other.changed;
        self.before.extend(other.before);
        self.after.extend(other.after);
    }

    fn note(&mut self, name: &str, before: impl Into<Value>, after: impl Into<Value>) {
        self.changed = true;
        self.before.insert(name.to_owned(), before.into());
        self.after.insert(name.to_owned(), after.into());
    }
}

impl FileAttributes {
    /// Look up names and read the mode.
    ///
    /// # Errors
    /// There is no such user or group, or the mode is not one.
    pub fn resolve(&self) -> Result<Wanted, Failure> {
        Ok(Wanted {
            uid: self.owner.as_deref().map(uid).transpose()?,
            gid: self.group.as_deref().map(gid).transpose()?,
            mode: self.mode.as_ref().map(ModeChange::parse).transpose()?,
            unsafe_writes: self.unsafe_writes,
            context: [self.seuser.clone(), self.serole.clone(), self.setype.clone(), self.selevel.clone()],
            flags: self.attributes.as_deref().map(parse_flags).transpose()?.flatten(),
        })
    }

    /// The warnings that check mode gives for users and groups that are not there; an earlier task may make them.
    pub fn unknown_names(&self) -> Vec<String> {
        let user = |name: &&String| match name.parse() {
            Ok(id) => account::user_by_id(id).is_none(),
            Err(_) => account::user_by_name(name).is_none(),
        };
        let group = |name: &&String| match name.parse() {
            Ok(id) => account::group_by_id(id).is_none(),
            Err(_) => account::group_by_name(name).is_none(),
        };
        let user = self.owner.as_ref().filter(user).map(|name| unknown_name("user", "uid", name));
        let group = self.group.as_ref().filter(group).map(|name| unknown_name("group", "gid", name));
        user.into_iter().chain(group).collect()
    }
}

fn unknown_name(kind: &str, number: &str, name: &str) -> String {
    let with = if name.parse::<u32>().is_ok() { format!("with {number} ") } else { String::new() };
    format!("failed to look up {kind} {with}{name}. Create {kind} up to this point in real play")
}

fn uid(name: &str) -> Result<u32, Failure> {
    match name.parse() {
        Ok(uid) => Ok(uid),
        Err(_) => account::user_by_name(name).map(|user| user.uid).ok_or_else(|| {
            Failure::new(format!(
                "chown failed: failed to look up user {name}; create it first (module `user`), or give its number"
            ))
        }),
    }
}

fn gid(name: &str) -> Result<u32, Failure> {
    match name.parse() {
        Ok(gid) => Ok(gid),
        Err(_) => account::group_by_name(name).map(|group| group.gid).ok_or_else(|| {
            Failure::new(format!(
                "chgrp failed: failed to look up group {name}; create it first (module `group`), or give its number"
            ))
        }),
    }
}

impl Wanted {
    /// Owner and group alone, as a symbolic link can have them.
    #[must_use]
    pub fn owners(&self) -> Self {
        Self { uid: self.uid, gid: self.gid, ..Self::default() }
    }

    /// No attribute at all; content may be overwritten in place with `unsafe_writes`.
    pub fn nothing(unsafe_writes: bool) -> Self {
        Wanted { unsafe_writes, ..Wanted::default() }
    }

    /// The same with another mode.
    pub fn with_mode(&self, mode: Option<ModeChange>) -> Self {
        Wanted { mode, ..self.clone() }
    }

    /// Whether nothing is wanted, so that applying cannot change anything.
    pub fn is_empty(&self) -> bool {
        self.uid.is_none()
            && self.gid.is_none()
            && self.mode.is_none()
            && self.flags.is_none()
            && self.context.iter().all(Option::is_none)
    }

    /// Bring the attributes of what is at `path` (a symbolic link itself, not what it leads to) to what is wanted;
    /// in check mode, only tell. A path where nothing is yet counts as changed in check mode.
    ///
    /// # Errors
    /// The attributes may not be set, or the path is gone.
    pub fn apply(&self, path: &Path, check: bool) -> Result<Difference, Failure> {
        let mut difference = Difference::default();
        if self.is_empty() {
            return Ok(difference);
        }
        let metadata = match std::fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if check && error.kind() == std::io::ErrorKind::NotFound => {
                difference.changed = true;
                return Ok(difference);
            }
            Err(error) => return Err(explain("read the attributes of", path, &error)),
        };
        self.apply_context(path, check, &mut difference)?;
        self.apply_owner(path, &metadata, check, &mut difference)?;
        self.apply_mode(path, &metadata, check, &mut difference)?;
        self.apply_flags(path, &metadata, check, &mut difference)?;
        Ok(difference)
    }

    /// Set what is wanted on a temporary file, whose content will be `target`'s. Flags such as "immutable" would
    /// hinder the rename, and have to wait for [`Wanted::apply`].
    pub(crate) fn apply_staged(&self, path: &Path, target: &Path) -> Result<(), Failure> {
        let metadata =
            std::fs::symlink_metadata(path).map_err(|error| explain("read the attributes of", target, &error))?;
        let mut difference = Difference::default();
        self.apply_context(path, false, &mut difference)?;
        self.apply_owner(path, &metadata, false, &mut difference)?;
        self.apply_mode(path, &metadata, false, &mut difference)
    }

    fn apply_owner(
        &self,
        path: &Path,
        metadata: &Metadata,
        check: bool,
        difference: &mut Difference,
    ) -> Result<(), Failure> {
        let uid = self.uid.filter(|uid| *uid != metadata.uid());
        let gid = self.gid.filter(|gid| *gid != metadata.gid());
        if uid.is_none() && gid.is_none() {
            return Ok(());
        }
        if !check {
            std::os::unix::fs::lchown(path, uid, gid).map_err(|error| {
                let action = if uid.is_some() {
                    "chown failed: could not change the owner of"
                } else {
                    "chgrp failed: could not change the group of"
                };
                let failure = explain("change the owner of", path, &error);
                Failure { message: failure.message.replacen("could not change the owner of", action, 1), ..failure }
            })?;
        }
        if let Some(uid) = uid {
            difference.note("owner", metadata.uid(), uid);
        }
        if let Some(gid) = gid {
            difference.note("group", metadata.gid(), gid);
        }
        Ok(())
    }

    fn apply_mode(
        &self,
        path: &Path,
        metadata: &Metadata,
        check: bool,
        difference: &mut Difference,
    ) -> Result<(), Failure> {
        let Some(change) = &self.mode else { return Ok(()) };
        // A link has no mode of its own on Linux.
        if metadata.file_type().is_symlink() {
            return Ok(());
        }
        let current = metadata.mode() & permissions::BITS;
        let mode = change.apply(current, metadata.is_dir(), permissions::umask());
        // chown clears the set-user-ID and set-group-ID bits, so what counts is what is there now.
        let present = if difference.changed && !check {
            std::fs::symlink_metadata(path).map_or(current, |metadata| metadata.mode() & permissions::BITS)
        } else {
            current
        };
        if mode != present && !check {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
                .map_err(|error| explain("chmod", path, &error))?;
        }
        if mode != current {
            difference.note("mode", permissions::octal(current), permissions::octal(mode));
        }
        Ok(())
    }

    fn apply_context(&self, path: &Path, check: bool, difference: &mut Difference) -> Result<(), Failure> {
        if self.context.iter().all(Option::is_none) {
            return Ok(());
        }
        if !selinux() {
            return Ok(());
        }
        let Some(current) = context(path) else { return Ok(()) };
        let mut parts: Vec<String> = current.splitn(4, ':').map(str::to_owned).collect();
        let defaults: Vec<String> = if self.context.iter().flatten().any(|part| part == "_default") {
            default_context(path).map(|text| text.splitn(4, ':').map(str::to_owned).collect()).unwrap_or_default()
        } else {
            Vec::new()
        };
        for (index, wanted) in self.context.iter().enumerate() {
            let Some(wanted) = wanted else { continue };
            let value = if wanted == "_default" { defaults.get(index) } else { Some(wanted) };
            if let (Some(part), Some(value)) = (parts.get_mut(index), value) {
                part.clone_from(value);
            }
        }
        let wanted = parts.join(":");
        if wanted == current {
            return Ok(());
        }
        if !check {
            set_context(path, &wanted).map_err(|error| {
                Failure::new(format!("could not set the SELinux context of {} to {wanted}: {error}", path.display()))
            })?;
        }
        difference.note("secontext", current.split(':').collect::<Vec<_>>(), wanted.split(':').collect::<Vec<_>>());
        Ok(())
    }

    fn apply_flags(
        &self,
        path: &Path,
        metadata: &Metadata,
        check: bool,
        difference: &mut Difference,
    ) -> Result<(), Failure> {
        let Some((operator, flags)) = self.flags else { return Ok(()) };
        if !(metadata.is_file() || metadata.is_dir()) {
            return Ok(());
        }
        let failure = |error: Errno| {
            Failure::new(format!(
                "chattr failed on {}: {error}; the file system must support these flags, and setting them needs root",
                path.display()
            ))
        };
        let file = open_for_flags(path).map_err(failure)?;
        let current = rustix::fs::ioctl_getflags(&file).map_err(failure)?;
        let settable = FLAG_LETTERS.iter().fold(IFlags::empty(), |all, (_, flag)| all | *flag);
        let wanted = match operator {
            '+' => current | flags,
            '-' => current & !flags,
            _ => (current & !settable) | flags,
        };
        if wanted == current {
            return Ok(());
        }
        if !check {
            rustix::fs::ioctl_setflags(&file, wanted).map_err(failure)?;
        }
        difference.note("attributes", flag_text(current), flag_text(wanted));
        Ok(())
    }
}

/// The flags that chattr(1) sets, by their letters, in lsattr's order.
const FLAG_LETTERS: [(char, IFlags); 13] = [
    ('s', IFlags::SECURE_REMOVAL),
    ('u', IFlags::UNRM),
    ('S', IFlags::SYNC),
    ('D', IFlags::DIRSYNC),
    ('i', IFlags::IMMUTABLE),
    ('a', IFlags::APPEND),
    ('d', IFlags::NODUMP),
    ('A', IFlags::NOATIME),
    ('c', IFlags::COMPRESSED),
    ('j', IFlags::JOURNALING),
    ('t', IFlags::NOTAIL),
    ('T', IFlags::TOPDIR),
    ('C', IFlags::NOCOW),
];

/// Flags that only the file system itself sets, shown but not taken.
const SHOWN_LETTERS: [(char, u32); 4] = [('I', 0x1000), ('e', 0x8_0000), ('P', 0x2000_0000), ('V', 0x10_0000)];

fn parse_flags(text: &str) -> Result<Option<(char, IFlags)>, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (operator, letters) = match text.strip_prefix(['+', '-', '=']) {
        Some(rest) => (text.chars().next().unwrap_or('='), rest),
        None => ('=', text),
    };
    let mut flags = IFlags::empty();
    for letter in letters.chars() {
        // `e` (extents) is the file system's own business and is listed by lsattr, so people write it.
        if letter == 'e' {
            continue;
        }
        let Some((_, flag)) = FLAG_LETTERS.iter().find(|(candidate, _)| *candidate == letter) else {
            let known: String = FLAG_LETTERS.iter().map(|(letter, _)| letter).collect();
            return Err(Failure::new(format!(
                "attributes: `{letter}` in `{text}` is not a file system flag that can be set; there are {known} (see chattr(1))"
            )));
        };
        flags |= *flag;
    }
    Ok(Some((operator, flags)))
}

fn open_for_flags(path: &Path) -> Result<rustix::fd::OwnedFd, Errno> {
    use rustix::fs::{Mode, OFlags};
    rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

fn flag_text(flags: IFlags) -> String {
    let mut text: String =
        FLAG_LETTERS.iter().filter(|(_, flag)| flags.contains(*flag)).map(|(letter, _)| *letter).collect();
    text.extend(SHOWN_LETTERS.iter().filter(|(_, bit)| flags.bits() & bit != 0).map(|(letter, _)| *letter));
    text
}

/// The file system flags of a file or directory in lsattr's letters; `None` where there are none to ask for.
pub fn flags(path: &Path) -> Option<String> {
    let file = open_for_flags(path).ok()?;
    rustix::fs::ioctl_getflags(&file).ok().map(flag_text)
}

/// The generation number of a file's inode, which lsattr calls its version; `None` where there is none to ask for.
pub fn generation(path: &Path) -> Option<u64> {
    use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
    const VERSION: Opcode = opcode::read::<std::ffi::c_long>(b'v', 1);
    let file = open_for_flags(path).ok()?;
    let mut words = [0_u32; 2];
    // SAFETY: FS_IOC_GETVERSION writes an `int`, and at most the `long` that its number speaks of: both fit.
    unsafe { ioctl(&file, Updater::<VERSION, [u32; 2]>::new(&mut words)).ok()? };
    let [value, _] = words;
    Some(value.into())
}

/// Whether SELinux is enabled on this host.
pub fn selinux() -> bool {
    Path::new("/sys/fs/selinux/enforce").exists()
}

/// The SELinux context of a file, or of a symbolic link itself.
pub fn context(path: &Path) -> Option<String> {
    let mut value = [0; 4096];
    let length = rustix::fs::lgetxattr(path, "security.selinux", &mut value[..]).ok()?;
    let text = String::from_utf8_lossy(value.get(..length)?);
    Some(text.trim_end_matches('\0').to_owned())
}

fn set_context(path: &Path, context: &str) -> Result<(), Errno> {
    let mut value = context.as_bytes().to_vec();
    value.push(0);
    rustix::fs::lsetxattr(path, "security.selinux", &value, rustix::fs::XattrFlags::empty())
}

/// What the policy says for a path. Its file of patterns is compiled for libselinux, so `matchpathcon` is asked.
fn default_context(path: &Path) -> Option<String> {
    let output = std::process::Command::new("matchpathcon").arg("-n").arg(path).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && text.contains(':')).then_some(text)
}

/// Give a new file the SELinux context that the policy has for its final name.
pub(crate) fn adopt_default_context(path: &Path, target: &Path) {
    if selinux()
        && let Some(wanted) = default_context(target)
    {
        // Where the policy forbids it, the file keeps what the directory gives to new files.
        let _ = set_context(path, &wanted);
    }
}

/// What Ansible says of a file's kind: `file`, `hard` (more than one name), `directory`, `link`, `absent`.
pub fn state(metadata: Option<&Metadata>) -> &'static str {
    match metadata {
        None => "absent",
        Some(metadata) if metadata.file_type().is_symlink() => "link",
        Some(metadata) if metadata.is_dir() => "directory",
        Some(metadata) if metadata.nlink() > 1 => "hard",
        Some(_) => "file",
    }
}

/// The name of a user, or its number in digits where it has none.
pub fn owner_name(uid: u32) -> String {
    account::user_by_id(uid).map_or_else(|| uid.to_string(), |user| user.name)
}

/// The name of a group, or its number in digits where it has none.
pub fn group_name(gid: u32) -> String {
    account::group_by_id(gid).map_or_else(|| gid.to_string(), |group| group.name)
}

/// The values that Ansible adds to the result of every module that was given a `path` or `dest`: `uid`, `gid`,
/// `owner`, `group`, `mode`, `state`, `size`, and `secontext` where SELinux is enabled. A symbolic link is described
/// itself, but one that leads nowhere is as good as nothing, and of nothing nothing is said.
pub fn describe(path: &Path) -> Map {
    let mut map = Map::new();
    if path.exists()
        && let Ok(metadata) = &std::fs::symlink_metadata(path)
    {
        map.insert("uid".to_owned(), metadata.uid().into());
        map.insert("gid".to_owned(), metadata.gid().into());
        map.insert("owner".to_owned(), owner_name(metadata.uid()).into());
        map.insert("group".to_owned(), group_name(metadata.gid()).into());
        map.insert("mode".to_owned(), permissions::octal(metadata.mode()).into());
        map.insert("state".to_owned(), state(Some(metadata)).into());
        if selinux() {
            map.insert("secontext".to_owned(), context(path).into());
        }
        map.insert("size".to_owned(), metadata.len().into());
    }
    map
}

/// Whether this is a socket, pipe or device, which no file module should write to or read from.
pub fn is_special(metadata: &Metadata) -> bool {
    let kind = metadata.file_type();
    kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::argument::Arguments;

    fn wanted(json: serde_json::Value) -> Result<Wanted, Failure> {
        let value = Value::from_json(&json);
        FileAttributes::decode(value.as_map().unwrap()).unwrap().resolve()
    }

    #[test]
    fn the_mode_is_applied_once_and_check_mode_predicts_it() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("file");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let wanted = wanted(serde_json::json!({"mode": "u=rw,go=r"})).unwrap();
        let predicted = wanted.apply(&path, true).unwrap();
        assert!(predicted.changed);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        let applied = wanted.apply(&path, false).unwrap();
        assert_eq!((applied.before, applied.after), (predicted.before.clone(), predicted.after.clone()));
        assert_eq!(predicted.before["mode"], Value::from("0600"));
        assert_eq!(predicted.after["mode"], Value::from("0644"));
        assert!(!wanted.apply(&path, false).unwrap().changed);
    }

    #[test]
    fn an_unknown_owner_is_named() {
        let failure = wanted(serde_json::json!({"owner": "no-such-user"})).unwrap_err();
        assert!(failure.message.starts_with("chown failed: failed to look up user no-such-user"), "{failure}");
        let failure = wanted(serde_json::json!({"group": "no-such-group"})).unwrap_err();
        assert!(failure.message.starts_with("chgrp failed: failed to look up group no-such-group"), "{failure}");
    }

    #[test]
    fn a_link_is_described_itself_unless_it_leads_nowhere() {
        let tree = tempfile::tempdir().unwrap();
        let link = tree.path().join("link");
        std::os::unix::fs::symlink("target", &link).unwrap();
        assert!(describe(&link).is_empty());
        std::fs::write(tree.path().join("target"), "").unwrap();
        assert_eq!(describe(&link)["state"], Value::from("link"));
        assert_eq!(describe(&link)["mode"], Value::from("0777"));
    }

    #[test]
    fn flags_are_read_from_their_letters() {
        assert_eq!(parse_flags("+ia").unwrap().unwrap(), ('+', IFlags::IMMUTABLE | IFlags::APPEND));
        assert_eq!(parse_flags("").unwrap(), None);
        assert!(parse_flags("+z").unwrap_err().message.contains("`z`"));
    }
}

//! `filesystem`: a file system on a device, or in a file.

use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use rprov_modules::argument::Rule;
use rprov_modules::process::Command;
use rprov_modules::{Context, Failure, Outcome, arguments, choices};

choices! {
    /// Whether there is to be a file system.
    pub enum State { Present = "present", Absent = "absent" }
}

choices! {
    /// Its type.
    pub enum Kind {
        Bcachefs = "bcachefs",
        Btrfs = "btrfs",
        Ext2 = "ext2",
        Ext3 = "ext3",
        Ext4 = "ext4",
        Ext4dev = "ext4dev",
        F2fs = "f2fs",
        Lvm = "lvm",
        Ocfs2 = "ocfs2",
        Reiserfs = "reiserfs",
        Xfs = "xfs",
        Vfat = "vfat",
        Swap = "swap",
        Ufs = "ufs",
    }
}

arguments! {
    /// Make a file system.
    pub struct Arguments {
        /// Whether there is to be one.
        state: State = State::Present,
        /// Its type.
        fstype | "type": Option<Kind>,
        /// The device, or a file.
        dev | device: PathBuf,
        /// Make it even where there is another one.
        force: bool = false,
        /// Let it grow to the size of its device.
        resizefs: bool = false,
        /// Options for the program that makes it.
        opts: Option<String>,
        /// Its UUID.
        uuid: Option<String>,
    }
    rules: [Rule::If("state", "present", &["fstype"]), Rule::Exclusive(&["resizefs", "uuid"])]
}

impl Kind {
    /// The program that makes it, with the arguments that let it do so without a question.
    fn make(self, force: bool) -> Option<Vec<&'static str>> {
        let mut words = match self {
            Kind::Bcachefs => vec!["mkfs.bcachefs"],
            Kind::Btrfs => vec!["mkfs.btrfs"],
            Kind::Ext2 => vec!["mkfs.ext2", "-F"],
            Kind::Ext3 => vec!["mkfs.ext3", "-F"],
            Kind::Ext4 => vec!["mkfs.ext4", "-F"],
            Kind::Ext4dev => vec!["mkfs.ext4dev", "-F"],
            Kind::F2fs => vec!["mkfs.f2fs"],
            Kind::Lvm => vec!["pvcreate", "-y"],
            Kind::Ocfs2 => vec!["mkfs.ocfs2", "-x"],
            Kind::Reiserfs => vec!["mkfs.reiserfs", "-q"],
            Kind::Xfs => vec!["mkfs.xfs"],
            Kind::Vfat => vec!["mkfs.vfat"],
            Kind::Swap => vec!["mkswap"],
            Kind::Ufs => return None,
        };
        if force {
            match self {
                Kind::Bcachefs => words.push("--force"),
                Kind::Btrfs | Kind::F2fs | Kind::Lvm | Kind::Xfs | Kind::Swap => words.push("-f"),
                Kind::Ocfs2 => words.push("-F"),
                _ => {}
            }
        }
        Some(words)
    }

    fn uuid(self, uuid: &str) -> Option<Vec<String>> {
        let words = match self {
            Kind::Ext2 | Kind::Ext3 | Kind::Ext4 | Kind::Ext4dev | Kind::Bcachefs => {
                vec!["-U".to_owned(), uuid.to_owned()]
            }
            Kind::Xfs => vec!["-m".to_owned(), format!("uuid={uuid}")],
            Kind::Lvm => vec!["--norestorefile".to_owned(), "--uuid".to_owned(), uuid.to_owned()],
            _ => return None,
        };
        Some(words)
    }

    /// What blkid calls it.
    fn is_called(self, found: &str) -> bool {
        match self {
            Kind::Lvm => found == "LVM2_member",
            Kind::Ext4dev => matches!(found, "ext4" | "ext4dev"),
            other => found == other.word(),
        }
    }
}

/// The type of what is on the device; `None` if there is nothing that blkid knows.
fn present(arguments: &Arguments, context: &Context<'_>) -> Result<Option<String>, Failure> {
    let command = Command::new("blkid").args(["-c", "/dev/null", "-o", "value", "-s", "TYPE"]).plain_locale();
    let output = command.arg(arguments.dev.as_os_str()).run(context)?;
    Ok(Some(output.stdout().trim().to_owned()).filter(|found| !found.is_empty()))
}

/// Make, change or wipe it.
///
/// # Errors
/// There is no such device, another file system is in the way, or a program fails.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let dev = arguments.dev.display();
    let Ok(metadata) = std::fs::metadata(&arguments.dev) else {
        return match arguments.state {
            State::Absent => Ok(Outcome::unchanged().with("msg", format!("Device {dev} not found."))),
            State::Present => Err(Failure::new(format!("Device {dev} not found."))),
        };
    };
    let kind = metadata.file_type();
    if !kind.is_block_device() && !kind.is_file() {
        return Err(Failure::new(format!(
            "Target device is not supported: {dev} is neither a block device nor a file"
        )));
    }
    let found = present(&arguments, context)?;
    if arguments.state == State::Absent {
        let changed = found.is_some();
        if changed && !context.check() {
            let command = Command::new("wipefs").arg("--all").arg(arguments.dev.as_os_str()).plain_locale();
            command.run_or_fail(&format!("could not wipe {dev}"), context)?;
        }
        return Ok(Outcome::new(changed));
    }
    let Some(kind) = arguments.fstype else {
        return Err(Failure::new("state is present but all of the following are missing: fstype"));
    };
    let same = found.as_deref().is_some_and(|found| kind.is_called(found));
    if same && !arguments.force {
        if let Some(uuid) = &arguments.uuid {
            return set_uuid(&arguments, kind, uuid, context);
        }
        if arguments.resizefs {
            return grow(&arguments, kind, context);
        }
        return Ok(Outcome::unchanged());
    }
    if let (Some(found), false) = (&found, arguments.force) {
        return Err(Failure::new(format!(
            "'{dev}' is already used as {found}, use force=true to overwrite; what is in it is lost then"
        ))
        .with("rc", 1));
    }
    make(&arguments, kind, context)?;
    Ok(Outcome::new(true))
}

fn make(arguments: &Arguments, kind: Kind, context: &Context<'_>) -> Result<(), Failure> {
    let words =
        kind.make(arguments.force).ok_or_else(|| Failure::new(format!("{} is not supported on Linux", kind.word())))?;
    let mut command = Command::new(words.first().copied().unwrap_or_default()).plain_locale();
    command = command.args(words.into_iter().skip(1));
    if let Some(uuid) = &arguments.uuid {
        let uuid = kind.uuid(uuid).ok_or_else(|| no_uuid(kind))?;
        command = command.args(uuid);
    }
    if let Some(options) = &arguments.opts {
        let options = shlex::split(options)
            .ok_or_else(|| Failure::new(format!("opts: the quotes in `{options}` do not match")))?;
        command = command.args(options);
    }
    if context.check() {
        return Ok(());
    }
    let attempt = format!("could not make {} on {}", kind.word(), arguments.dev.display());
    command.arg(arguments.dev.as_os_str()).run_or_fail(&attempt, context).map(drop)
}

fn no_uuid(kind: Kind) -> Failure {
    Failure::new(format!(
        "module does not support UUID option for this filesystem ({}) yet; it does for bcachefs, ext2 to ext4, lvm and xfs",
        kind.word()
    ))
}

fn set_uuid(arguments: &Arguments, kind: Kind, uuid: &str, context: &Context<'_>) -> Result<Outcome, Failure> {
    let command = match kind {
        Kind::Ext2 | Kind::Ext3 | Kind::Ext4 | Kind::Ext4dev => Command::new("tune2fs").args(["-U", uuid]),
        Kind::Xfs => Command::new("xfs_admin").args(["-U", uuid]),
        // It takes a new one of its own.
        Kind::Lvm => Command::new("pvchange").arg("-u"),
        Kind::Bcachefs => Command::new("bcachefs").args(["set-uuid", uuid]),
        _ => return Err(no_uuid(kind)),
    };
    if !context.check() {
        let attempt = format!("could not set the UUID of {}", arguments.dev.display());
        command.arg(arguments.dev.as_os_str()).plain_locale().run_or_fail(&attempt, context)?;
    }
    Ok(Outcome::new(true))
}

/// The number behind a label in what a program prints.
fn number(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.trim_start().starts_with(label))?;
    let rest = line.trim_start().strip_prefix(label)?.trim_start_matches([':', '=', ' ', '\t']);
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

fn ask(command: Command, arguments: &Arguments, context: &Context<'_>) -> Result<String, Failure> {
    let attempt = format!("could not read the size of the file system on {}", arguments.dev.display());
    Ok(command.plain_locale().run_or_fail(&attempt, context)?.stdout())
}

/// Where the file system is mounted; some can only grow there.
fn mount_point(arguments: &Arguments, context: &Context<'_>) -> Result<String, Failure> {
    let output = Command::new("findmnt")
        .args(["-n", "-o", "TARGET", "--first-only"])
        .arg(arguments.dev.as_os_str())
        .run(context)?;
    match output.stdout().trim() {
        "" => Err(Failure::new(format!(
            "{} is not mounted, and this file system can only grow where it is; mount it first",
            arguments.dev.display()
        ))),
        point => Ok(point.to_owned()),
    }
}

fn device_size(arguments: &Arguments, context: &Context<'_>) -> Result<u64, Failure> {
    let metadata = std::fs::metadata(&arguments.dev).map_err(|error| Failure::io("read", &arguments.dev, error))?;
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    let output = ask(Command::new("blockdev").arg("--getsize64").arg(arguments.dev.as_os_str()), arguments, context)?;
    output.trim().parse().map_err(|_| Failure::new(format!("blockdev gave `{}` as the size", output.trim())))
}

fn grow(arguments: &Arguments, kind: Kind, context: &Context<'_>) -> Result<Outcome, Failure> {
    let device = device_size(arguments, context)?;
    let dev = arguments.dev.as_os_str();
    let (size, block, command) = match kind {
        Kind::Ext2 | Kind::Ext3 | Kind::Ext4 | Kind::Ext4dev => {
            let text = ask(Command::new("tune2fs").arg("-l").arg(dev), arguments, context)?;
            let block = number(&text, "Block size").unwrap_or(1024);
            (number(&text, "Block count").unwrap_or_default() * block, block, Command::new("resize2fs").arg(dev))
        }
        Kind::Xfs => {
            let point = mount_point(arguments, context)?;
            let text = ask(Command::new("xfs_info").arg(&*point), arguments, context)?;
            let data = text.lines().find(|line| line.starts_with("data")).unwrap_or_default();
            let field = |name: &str| {
                let rest = data.split_once(name)?.1;
                rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().ok()
            };
            let block = field("bsize=").unwrap_or(4096);
            (field("blocks=").unwrap_or_default() * block, block, Command::new("xfs_growfs").arg(point))
        }
        Kind::Btrfs => {
            let point = mount_point(arguments, context)?;
            let text = ask(Command::new("btrfs").args(["filesystem", "usage", "-b"]).arg(&*point), arguments, context)?;
            let size = number(&text, "Device size").unwrap_or_default();
            (size, 4096, Command::new("btrfs").args(["filesystem", "resize", "max"]).arg(point))
        }
        Kind::Lvm => {
            let list = ["--noheadings", "--nosuffix", "--units", "b", "-o", "pv_size"];
            let text = ask(Command::new("pvs").args(list).arg(dev), arguments, context)?;
            // The rest of the device is smaller than an extent, or holds what describes the volume.
            (text.trim().parse().unwrap_or_default(), 8 << 20, Command::new("pvresize").arg(dev))
        }
        Kind::F2fs => {
            let text = ask(Command::new("dump.f2fs").arg(dev), arguments, context)?;
            let sectors = number(&text, "Info: total FS sectors").unwrap_or_default();
            (sectors * number(&text, "Info: sector size").unwrap_or(512), 2 << 20, Command::new("resize.f2fs").arg(dev))
        }
        Kind::Vfat => {
            let text = ask(Command::new("fatresize").arg("--info").arg(dev), arguments, context)?;
            (
                number(&text, "Size").unwrap_or_default(),
                1 << 20,
                Command::new("fatresize").arg("-s").arg(device.to_string()).arg(dev),
            )
        }
        Kind::Bcachefs => {
            let text = ask(Command::new("bcachefs").arg("show-super").arg(dev), arguments, context)?;
            (
                number(&text, "Size").unwrap_or_default(),
                1 << 20,
                Command::new("bcachefs").args(["device", "resize"]).arg(dev),
            )
        }
        other => {
            return Err(Failure::new(format!("module does not support resizing {} filesystem yet", other.word())));
        }
    };
    let grows = device >= size.saturating_add(block);
    if grows && !context.check() {
        let attempt = format!("could not let the file system on {} grow", arguments.dev.display());
        command.plain_locale().run_or_fail(&attempt, context)?;
    }
    Ok(Outcome::new(grows))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use crate::bench;

    /// With the real programs, in a file.
    #[test]
    fn a_file_system_is_made_grows_and_is_wiped() {
        let bench = bench();
        let image = bench.file("image", vec![0; 1 << 20]);
        bench.converges("filesystem", json!({"dev": image, "fstype": "ext2", "opts": "-L label"}));
        std::fs::File::options().write(true).open(&image).unwrap().set_len(2 << 20).unwrap();
        bench.converges("filesystem", json!({"dev": image, "type": "ext2", "resizefs": true}));
        let message = bench.fails("filesystem", json!({"dev": image, "fstype": "ext4"}));
        assert!(message.contains("already used as ext2, use force"), "{message}");
        let uuid = "8a1e4f6c-0f0e-4a39-9d2b-0c1a2b3c4d5e";
        let forced = bench.apply("filesystem", json!({"dev": image, "fstype": "ext4", "force": true, "uuid": uuid}));
        assert_eq!(forced["changed"].as_bool(), Some(true));
        let found = std::process::Command::new("blkid").args(["-c", "/dev/null", &image]).output().unwrap();
        assert!(String::from_utf8_lossy(&found.stdout).contains(uuid));
        bench.converges("filesystem", json!({"dev": image, "state": "absent"}));
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        let bench = bench();
        let missing = bench.path("none");
        bench.settled("filesystem", json!({"dev": missing, "state": "absent"}));
        assert!(bench.fails("filesystem", json!({"dev": missing, "fstype": "ext4"})).contains("not found"));
        assert!(bench.fails("filesystem", json!({"dev": missing})).contains("fstype"));
        let root = bench.root();
        assert!(bench.fails("filesystem", json!({"dev": root.to_str(), "fstype": "ext4"})).contains("neither"));
        let image = bench.file("image", vec![0; 4096]);
        let message = bench.fails("filesystem", json!({"dev": image, "fstype": "swap", "uuid": "x"}));
        assert!(message.contains("does not support UUID"), "{message}");
        let both = json!({"dev": image, "fstype": "ext4", "uuid": "x", "resizefs": true});
        assert!(bench.fails("filesystem", both).contains("exclusive"));
    }
}

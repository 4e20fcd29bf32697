//! `lvol`: logical volumes of LVM.

use rprov_modules::{Context, Failure, Outcome, arguments, choices};

use crate::lvm::{field, is_active, named, number, options, program, rows};

choices! {
    /// Whether the volume is there.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Configure LVM logical volumes.
    pub struct Arguments {
        /// The volume group.
        vg: String,
        /// Name of the volume.
        lv: Option<String>,
        /// Its size: a number and a unit (megabytes without one), or per cent of `VG`, `PVS`, `FREE` or `ORIGIN`; with `+` or `-`,
        /// how much it changes.
        size: Option<String>,
        /// Whether it is there.
        state: State = State::Present,
        /// Whether it can be used.
        active: bool = true,
        /// Shrink or remove it; what is on it may be lost.
        force: bool = false,
        /// Options for `lvcreate`.
        opts: Option<String>,
        /// Name of a snapshot of the volume.
        snapshot: Option<String>,
        /// Devices that it is on.
        pvs: Option<Vec<String>>,
        /// The pool of a thin volume, or the pool itself.
        thinpool: Option<String>,
        /// Shrink it where it is larger.
        shrink: bool = true,
        /// Change the size of its file system along with it.
        resizefs: bool = false,
    }
}

/// A size as a playbook gives it.
#[derive(Clone, Debug, PartialEq)]
struct Size {
    /// `+` or `-`, if it is a difference.
    sign: Option<char>,
    amount: Amount,
}

#[derive(Clone, Debug, PartialEq)]
enum Amount {
    Bytes(u64),
    Percent(u64, String),
}

impl Size {
    fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        let wrong = |reason: &str| Failure::new(format!("size: Bad size specification of '{text}': {reason}"));
        let sign = text.chars().next().filter(|first| matches!(first, '+' | '-'));
        let body = text.trim_start_matches(['+', '-']);
        if let Some((percent, of)) = body.split_once('%') {
            let percent: u64 = percent.parse().map_err(|_| wrong("the percentage is no whole number"))?;
            if percent > 100 {
                return Err(wrong("Size percentage cannot be larger than 100%"));
            }
            let of = of.to_ascii_uppercase();
            if !["VG", "PVS", "FREE", "ORIGIN"].contains(&of.as_str()) {
                return Err(wrong("Specify extents as a percentage of VG|PVS|FREE|ORIGIN"));
            }
            return Ok(Size { sign, amount: Amount::Percent(percent, of) });
        }
        if !body.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(wrong("it does not begin with a digit"));
        }
        let length = body.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(body.len());
        let (value, unit) = body.split_at(length);
        let value: f64 = value.parse().map_err(|_| wrong("it is no number"))?;
        let factor: f64 = match unit.to_ascii_lowercase().as_str() {
            "b" => 1.0,
            "s" => 512.0,
            "k" => 1024.0,
            "" | "m" => 1024_f64.powi(2),
            "g" => 1024_f64.powi(3),
            "t" => 1024_f64.powi(4),
            "p" => 1024_f64.powi(5),
            "e" => 1024_f64.powi(6),
            _ => return Err(wrong("the unit is none of bBsSkKmMgGtTpPeE")),
        };
        Ok(Size { sign, amount: Amount::Bytes((value * factor) as u64) })
    }

    /// The words for a program that takes it as it is.
    fn words(&self) -> [String; 2] {
        let sign = self.sign.map(String::from).unwrap_or_default();
        match &self.amount {
            Amount::Bytes(bytes) => ["-L".to_owned(), format!("{sign}{bytes}b")],
            Amount::Percent(percent, of) => ["-l".to_owned(), format!("{sign}{percent}%{of}")],
        }
    }
}

/// A volume group.
struct Group {
    size: u64,
    free: u64,
    extent: u64,
}

/// A volume.
#[derive(Clone)]
struct Volume {
    name: String,
    size: u64,
    attributes: String,
}

impl Volume {
    fn is(&self, kinds: &[char]) -> bool {
        self.attributes.chars().next().is_some_and(|kind| kinds.contains(&kind))
    }
}

struct Task<'a, 'b> {
    arguments: &'a Arguments,
    context: &'a Context<'b>,
    changed: bool,
}

/// Bring the volume to its state.
///
/// # Errors
/// There is no such group, the size is none or too much, something would be lost, or LVM refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    named("vg", &arguments.vg)?;
    for (option, name) in [("lv", &arguments.lv), ("snapshot", &arguments.snapshot), ("thinpool", &arguments.thinpool)]
    {
        name.as_ref().map_or(Ok(()), |name| named(option, name))?;
    }
    for device in arguments.pvs.iter().flatten() {
        named("pvs", device)?;
    }
    let size = arguments.size.as_deref().map(Size::parse).transpose()?;
    let vg = arguments.vg.as_str();
    let mut task = Task { arguments: &arguments, context, changed: false };
    let found = rows("vgs", "vg_name,vg_size,vg_free,vg_extent_size", None, context)?;
    let Some(row) = found.iter().find(|row| field(row, 0) == vg) else {
        if arguments.state == State::Absent {
            return Ok(Outcome::unchanged().with("msg", format!("Volume group {vg} does not exist.")));
        }
        return Err(Failure::new(format!("Volume group {vg} does not exist; create it with lvg")));
    };
    let group = Group { size: number(row, 1), free: number(row, 2), extent: number(row, 3).max(1) };
    let volumes: Vec<Volume> = rows("lvs", "lv_name,lv_size,lv_attr", Some(vg), context)?
        .iter()
        .map(|row| Volume {
            name: field(row, 0).trim_matches(['[', ']']).to_owned(),
            size: number(row, 1),
            attributes: field(row, 2).to_owned(),
        })
        .collect();
    let find = |name: &str| volumes.iter().find(|volume| volume.name == name);
    let target = match (&arguments.snapshot, &arguments.lv, &arguments.thinpool) {
        (Some(snapshot), Some(_), _) => snapshot,
        (Some(_), None, _) => return Err(Failure::new("snapshot: lv is needed too, the volume that it is of")),
        (None, Some(lv), _) => lv,
        (None, None, Some(pool)) => pool,
        (None, None, None) => return Err(Failure::new("one of the following is required: lv, thinpool")),
    };
    match (arguments.state, find(target)) {
        (State::Absent, None) => {}
        (State::Absent, Some(_)) => {
            if !arguments.force {
                return Err(Failure::new(format!(
                    "Sorry, no removal of logical volume {target} without force=true; what is on it is lost then"
                )));
            }
            task.act("lvremove", &["--force".to_owned(), format!("{vg}/{target}")])?;
        }
        (State::Present, None) => {
            task.create(target, size.as_ref(), &find)?;
            if !arguments.active {
                task.act("lvchange", &["-an".to_owned(), format!("{vg}/{target}")])?;
            }
        }
        (State::Present, Some(volume)) => {
            // A snapshot keeps its size unless another one is asked for.
            if let Some(size) = &size {
                task.resize(volume, size, &group, &find)?;
            }
            if is_active(&volume.attributes) == Some(!arguments.active) {
                let flag = if arguments.active { "-ay" } else { "-an" };
                task.act("lvchange", &[flag.to_owned(), format!("{vg}/{target}")])?;
            }
        }
    }
    Ok(Outcome::new(task.changed).with("msg", ""))
}

impl Task<'_, '_> {
    fn act(&mut self, name: &str, words: &[String]) -> Result<(), Failure> {
        self.changed = true;
        if self.context.check() {
            return Ok(());
        }
        let volume = words.last().map(String::as_str).unwrap_or_default();
        let attempt = format!("{name} failed for {volume}");
        program(name).arg("--yes").args(words).run_or_fail(&attempt, self.context).map(drop)
    }

    fn create<'v>(
        &mut self,
        target: &str,
        size: Option<&Size>,
        find: &impl Fn(&str) -> Option<&'v Volume>,
    ) -> Result<(), Failure> {
        let arguments = self.arguments;
        let vg = arguments.vg.as_str();
        if size.is_some_and(|size| size.sign == Some('-')) {
            return Err(Failure::new(format!("size: there is no volume {target} yet that could become smaller")));
        }
        let size = size.map(|size| Size { sign: None, ..size.clone() });
        let no_size = || Failure::new(format!("No size given: there is no volume {target} yet, and it needs size"));
        let mut words = Vec::new();
        let mut place = vec![vg.to_owned()];
        if let (Some(_), Some(origin)) = (&arguments.snapshot, &arguments.lv) {
            let Some(volume) = find(origin) else {
                return Err(Failure::new(format!("Snapshot origin LV {origin} does not exist in volume group {vg}.")));
            };
            // One of a thin volume takes its room from the pool.
            match &size {
                Some(size) => words.extend(size.words()),
                None if volume.is(&['V']) => {}
                None => return Err(no_size()),
            }
            words.extend(["-n".to_owned(), target.to_owned(), "-s".to_owned()]);
            place = vec![format!("{vg}/{origin}")];
        } else if let (Some(pool), Some(_)) = (&arguments.thinpool, &arguments.lv) {
            if find(pool).is_none() {
                return Err(Failure::new(format!("Thin pool LV {pool} does not exist in volume group {vg}.")));
            }
            let size = size.ok_or_else(no_size)?;
            let Amount::Bytes(bytes) = size.amount else {
                return Err(Failure::new("size: Thin volume sizing with percentage not supported."));
            };
            words.extend(["-n".to_owned(), target.to_owned(), "-V".to_owned(), format!("{bytes}b"), "-T".to_owned()]);
            place = vec![format!("{vg}/{pool}")];
        } else if arguments.thinpool.is_some() {
            words.extend(size.ok_or_else(no_size)?.words());
            words.push("-T".to_owned());
            place = vec![format!("{vg}/{target}")];
        } else {
            words.extend(["-n".to_owned(), target.to_owned()]);
            words.extend(size.ok_or_else(no_size)?.words());
        }
        if let Some(text) = &arguments.opts {
            words.extend(options("opts", text)?);
        }
        words.extend(place);
        words.extend(arguments.pvs.iter().flatten().cloned());
        self.changed = true;
        if self.context.check() {
            return Ok(());
        }
        let attempt = format!("could not create logical volume {vg}/{target}");
        program("lvcreate").arg("--yes").args(&words).run_or_fail(&attempt, self.context).map(drop)
    }

    fn resize<'v>(
        &mut self,
        volume: &Volume,
        size: &Size,
        group: &Group,
        find: &impl Fn(&str) -> Option<&'v Volume>,
    ) -> Result<(), Failure> {
        let arguments = self.arguments;
        let down = |bytes: u64| bytes - bytes % group.extent;
        let up = |bytes: u64| bytes.div_ceil(group.extent).saturating_mul(group.extent);
        let share = |percent: u64, of: u64| u64::try_from(u128::from(of) * u128::from(percent) / 100).unwrap_or(of);
        let amount = match &size.amount {
            Amount::Bytes(bytes) => up(*bytes),
            Amount::Percent(percent, of) => down(match (of.as_str(), size.sign) {
                // The volume has some of what was free before it was there; so the second time gives what the first gave.
                ("FREE", None) => share(*percent, group.free.saturating_add(volume.size)),
                ("FREE", _) => share(*percent, group.free),
                ("ORIGIN", _) => {
                    let origin = arguments.lv.as_deref().and_then(find);
                    share(*percent, origin.map_or(volume.size, |origin| origin.size))
                }
                _ => share(*percent, group.size),
            }),
        };
        let wanted = match size.sign {
            None => amount,
            Some('+') => volume.size.saturating_add(amount),
            Some(_) => volume.size.saturating_sub(amount),
        };
        // Of a share, the last extent is a matter of rounding.
        let slack = if matches!(size.amount, Amount::Percent(..)) { group.extent } else { 0 };
        let (vg, name) = (arguments.vg.as_str(), volume.name.as_str());
        let mut words = vec!["-L".to_owned(), format!("{wanted}b")];
        words.extend(arguments.resizefs.then(|| "--resizefs".to_owned()));
        if wanted > volume.size {
            let needed = wanted - volume.size;
            // A thin volume's room is its pool's.
            if needed > group.free && !volume.is(&['V']) {
                return Err(Failure::new(format!(
                    "Logical Volume {name} could not be extended. Not enough free space left in {vg} ({needed} bytes required / {} bytes available)",
                    group.free
                )));
            }
            words.push(format!("{vg}/{name}"));
            words.extend(arguments.pvs.iter().flatten().cloned());
            return self.act("lvextend", &words);
        }
        if wanted.saturating_add(slack) >= volume.size || !arguments.shrink {
            return Ok(());
        }
        if wanted == 0 {
            return Err(Failure::new(format!("Sorry, no shrinking of {name} to 0 permitted.")));
        }
        if !arguments.force {
            return Err(Failure::new(format!(
                "Sorry, no shrinking of {name} from {} to {wanted} bytes without force=true; without resizefs what is at its end is lost then",
                volume.size
            )));
        }
        words.insert(0, "--force".to_owned());
        words.push(format!("{vg}/{name}"));
        self.act("lvreduce", &words)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::{Amount, Size};

    #[test]
    fn sizes_are_read_as_lvcreate_has_them() {
        let bytes = |text: &str| match Size::parse(text).unwrap().amount {
            Amount::Bytes(bytes) => bytes,
            other => panic!("{other:?}"),
        };
        assert_eq!(bytes("512"), 512 << 20);
        assert_eq!((bytes("1.5g"), bytes("8S"), bytes("10b")), (3 << 29, 4096, 10));
        assert_eq!(Size::parse("+20%free").unwrap().words(), ["-l", "+20%FREE"]);
        assert_eq!(Size::parse("-1k").unwrap().words(), ["-L", "-1024b"]);
        for (wrong, reason) in
            [("101%VG", "larger"), ("1%XX", "VG|PVS"), ("x", "digit"), ("5q", "unit"), (".5g", "digit"), ("", "digit")]
        {
            let message = Size::parse(wrong).unwrap_err().message;
            assert!(message.contains(reason), "{wrong}: {message}");
        }
    }
}

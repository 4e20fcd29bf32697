//! `parted`: partitions of a disk, by the program of that name.

use rprov_modules::argument::Rule;
use rprov_modules::process::Command;
use rprov_modules::{Context, Failure, Outcome, arguments, choices};
use rprov_wire::Value;

use crate::partition::{Disk, Length, read, words};

choices! {
    /// How partitions are aligned.
    pub enum Align {
        Cylinder = "cylinder",
        Minimal = "minimal",
        None = "none",
        Optimal = "optimal",
        Undefined = "undefined",
    }
}

choices! {
    /// Units of places and sizes.
    pub enum Unit {
        S = "s",
        B = "B",
        KB = "KB",
        KiB = "KiB",
        MB = "MB",
        MiB = "MiB",
        GB = "GB",
        GiB = "GiB",
        TB = "TB",
        TiB = "TiB",
        Percent = "%",
        Cyl = "cyl",
        Chs = "chs",
        Compact = "compact",
    }
}

choices! {
    /// Kinds of partition tables.
    pub enum Label {
        Aix = "aix",
        Amiga = "amiga",
        Bsd = "bsd",
        Dvh = "dvh",
        Gpt = "gpt",
        Loop = "loop",
        Mac = "mac",
        Msdos = "msdos",
        Pc98 = "pc98",
        Sun = "sun",
    }
}

choices! {
    /// Kinds of partitions.
    pub enum PartType { Extended = "extended", Logical = "logical", Primary = "primary" }
}

choices! {
    /// Whether the partition is to be there.
    pub enum State { Absent = "absent", Present = "present", Info = "info" }
}

arguments! {
    /// Configure block device partitions.
    pub struct Arguments {
        /// The disk, or a file.
        device: String,
        /// How new partitions are aligned; `undefined` leaves it to parted.
        align: Align = Align::Optimal,
        /// The partition.
        number: Option<i64>,
        /// The unit of what is told, and of what is given without one.
        unit: Unit = Unit::KiB,
        /// The kind of partition table; another one on the disk is replaced, with all of its partitions.
        label: Label = Label::Msdos,
        /// The kind of partition, for tables that have kinds.
        part_type: PartType = PartType::Primary,
        /// Where the partition begins; from the end of the disk if negative.
        part_start: String = "0%".to_owned(),
        /// Where the partition ends; from the end of the disk if negative.
        part_end: String = "100%".to_owned(),
        /// Name of the partition.
        name: Option<String>,
        /// The flags that are to be set on the partition, and no others.
        flags: Option<Vec<String>>,
        /// Whether the partition is to be there; `info` only tells what there is.
        state: State = State::Info,
        /// The file system that a new partition is said to be for.
        fs_type: Option<String>,
        /// Move the end of a partition that is there.
        resize: bool = false,
    }
    rules: [Rule::If("state", "present", &["number"]), Rule::If("state", "absent", &["number"])]
}

struct Task<'a, 'b> {
    arguments: &'a Arguments,
    context: &'a Context<'b>,
    script: Vec<String>,
}

/// Make, change, remove or look at partitions.
///
/// # Errors
/// There is no such disk, a place is none, or parted refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if arguments.number.is_some_and(|number| number < 1) {
        return Err(Failure::new("number: The partition number must be greater then 0."));
    }
    for (option, place) in [("part_start", &arguments.part_start), ("part_end", &arguments.part_end)] {
        if Length::parse(place).is_none() {
            return Err(Failure::new(format!(
                "{option}: Error interpreting parted size output: '{place}'; write a number and a unit, as `10GiB` or `50%`"
            )));
        }
    }
    if arguments.name.as_ref().is_some_and(|name| name.contains(['"', '\\', '\n'])) {
        return Err(Failure::new("name: parted takes no quotes, backslashes or line breaks in it"));
    }
    let mut task = Task { arguments: &arguments, context, script: Vec::new() };
    let mut disk = task.look(arguments.unit.word())?;
    match (arguments.state, arguments.number) {
        (State::Absent, Some(number)) => {
            if disk.partition(number).is_some() {
                task.perform(words(&["rm", &number.to_string()]))?;
            }
        }
        (State::Present, Some(number)) => task.make(disk.clone(), number)?,
        _ => {
            task.script = words(&["unit", arguments.unit.word(), "print"]);
            return Ok(told(&disk, task.script, false));
        }
    }
    let changed = !task.script.is_empty();
    if changed && !context.check() {
        disk = task.look(arguments.unit.word())?;
    }
    Ok(told(&disk, task.script, changed))
}

fn told(disk: &Disk, script: Vec<String>, changed: bool) -> Outcome {
    let partitions: Vec<Value> = disk.partitions.iter().map(|partition| partition.described(disk)).collect();
    Outcome::new(changed).with("disk", disk.described()).with("partitions", partitions).with("script", script)
}

impl Task<'_, '_> {
    fn look(&self, unit: &str) -> Result<Disk, Failure> {
        let device = self.arguments.device.as_str();
        let command = Command::new("parted").args(["-s", "-m", device, "--", "unit", unit, "print"]).plain_locale();
        let output = command.run(self.context)?;
        let text = output.stdout();
        // A disk without a table is an error to it, and told all the same.
        let is_new = format!("{text}{}", output.stderr()).contains("unrecognised disk label");
        if !output.success() && !is_new {
            return Err(output.failure(&format!("could not read the partitions of {device}")));
        }
        read(&text).ok_or_else(|| Failure::new(format!("parted said of {device} what is not understood: {text}")))
    }

    /// Run a script, or in check mode only note it.
    fn perform(&mut self, script: Vec<String>) -> Result<(), Failure> {
        if script.is_empty() {
            return Ok(());
        }
        self.script.extend(script.iter().cloned());
        if self.context.check() {
            return Ok(());
        }
        let arguments = self.arguments;
        let mut command = Command::new("parted").args(["-s", "-m"]).plain_locale();
        if self.mends()? {
            command = command.arg("-f");
        }
        if arguments.align != Align::Undefined {
            command = command.args(["-a", arguments.align.word()]);
        }
        let command = command.arg(&*arguments.device).arg("--").args(&script);
        let attempt = format!("Error while running parted script `{}` on {}", script.join(" "), arguments.device);
        command.run_or_fail(&attempt, self.context).map(drop)
    }

    /// Whether this parted has `--fix`, for tables that do not reach to the end of a disk that grew.
    fn mends(&self) -> Result<bool, Failure> {
        let output = Command::new("parted").arg("--version").plain_locale().run(self.context)?;
        let text = output.stdout();
        let version = text.lines().next().and_then(|line| line.split_whitespace().last()).unwrap_or_default();
        let numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or_default()).collect();
        Ok(numbers >= vec![3, 4, 64])
    }

    fn make(&mut self, disk: Disk, number: i64) -> Result<(), Failure> {
        let arguments = self.arguments;
        let unit = arguments.unit.word();
        let mut disk = disk;
        let mut script = Vec::new();
        if disk.table != arguments.label.word() {
            script.extend(words(&["mklabel", arguments.label.word()]));
            disk.partitions.clear();
        }
        if disk.partition(number).is_none() {
            script.push("mkpart".to_owned());
            if arguments.label != Label::Sun {
                script.push(arguments.part_type.word().to_owned());
            }
            script.extend(arguments.fs_type.clone());
            script.extend([arguments.part_start.clone(), arguments.part_end.clone()]);
        } else if arguments.resize && !self.ends_there(number)? {
            script.extend(words(&["resizepart", &number.to_string(), &arguments.part_end]));
        }
        if !script.is_empty() {
            self.perform([words(&["unit", unit]), script].concat())?;
            if !self.context.check() {
                disk = self.look(unit)?;
            }
        }
        let partition = disk.partition(number);
        if partition.is_none() && !self.context.check() {
            return Err(Failure::new(format!(
                "parted gave the new partition another number than {number}; there are {}. Number partitions in the order in which they are made",
                disk.partitions.iter().map(|partition| partition.number.to_string()).collect::<Vec<_>>().join(", ")
            )));
        }
        let mut script = Vec::new();
        let number = number.to_string();
        if let Some(name) = arguments.name.as_ref().filter(|name| partition.is_none_or(|found| found.name != **name)) {
            // parted splits its arguments once more.
            script.extend(words(&["name", &number, &format!("\"{name}\"")]));
        }
        if let Some(flags) = &arguments.flags {
            let present = partition.map(|partition| partition.flags.clone()).unwrap_or_default();
            for flag in flags.iter().filter(|flag| !present.contains(flag)) {
                script.extend(words(&["set", &number, flag, "on"]));
            }
            // With a GPT each of the two means the other as well.
            let is_implied = |flag: &str| {
                let twin = match flag {
                    "boot" => "esp",
                    "esp" => "boot",
                    _ => return false,
                };
                flags.iter().any(|wanted| wanted == twin)
            };
            for flag in present.iter().filter(|flag| !flags.contains(flag) && !is_implied(flag)) {
                script.extend(words(&["set", &number, flag, "off"]));
            }
        }
        if !script.is_empty() {
            self.perform([words(&["unit", unit]), script].concat())?;
        }
        Ok(())
    }

    /// Whether a partition ends where it is to end.
    fn ends_there(&self, number: i64) -> Result<bool, Failure> {
        let Some(length) = Length::parse(&self.arguments.part_end) else { return Ok(true) };
        let unit = self.arguments.unit.word();
        if let Some(own) = length.own_unit(unit) {
            let disk = self.look(own)?;
            let end = disk.partition(number).map(|partition| partition.end.clone()).unwrap_or_default();
            return Ok(end.trim_end_matches(own) == self.arguments.part_end.trim_end_matches(own));
        }
        let disk = self.look("B")?;
        let bytes = |text: &str| text.trim_end_matches('B').parse::<i128>().unwrap_or_default();
        let end = disk.partition(number).map(|partition| bytes(&partition.end)).unwrap_or_default();
        Ok(length.is_at(end, bytes(&disk.size), i128::from(disk.logical), unit))
    }
}

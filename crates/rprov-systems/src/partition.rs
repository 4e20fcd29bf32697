//! What `parted -m` prints, and the places on a disk as it takes them.

use rprov_wire::{Map, Value};

/// A disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Disk {
    /// Its path.
    pub device: String,
    /// Its size, with the unit.
    pub size: String,
    /// Bytes of a sector, as it is addressed.
    pub logical: i64,
    /// Bytes of a sector, as it is written.
    pub physical: i64,
    /// The kind of its partition table, or `unknown`.
    pub table: String,
    /// What it calls itself.
    pub model: String,
    /// Cylinders, heads, sectors and the size of a cylinder, with units that need them.
    pub geometry: Option<[String; 4]>,
    /// Its partitions.
    pub partitions: Vec<Partition>,
}

/// A partition; places and sizes have their units.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Partition {
    pub number: i64,
    pub begin: String,
    pub end: String,
    pub size: String,
    pub file_system: String,
    pub name: String,
    pub flags: Vec<String>,
}

/// Words as a script has them.
pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The fields of a line. A colon in one has a backslash before it.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.strip_suffix(';').unwrap_or(line).chars();
    while let Some(character) = characters.next() {
        match character {
            ':' => fields.push(String::new()),
            character => {
                let character = if character == '\\' { characters.next().unwrap_or('\\') } else { character };
                if let Some(field) = fields.last_mut() {
                    field.push(character);
                }
            }
        }
    }
    fields
}

/// Read what it prints.
pub fn read(text: &str) -> Option<Disk> {
    let mut lines = text.lines().skip_while(|line| !matches!(line.trim(), "BYT;" | "CYL;" | "CHS;"));
    let has_geometry = lines.next()?.trim() != "BYT;";
    let head = fields(lines.next()?);
    let field = |at: usize| head.get(at).cloned().unwrap_or_default();
    let mut disk = Disk {
        device: field(0),
        size: field(1),
        logical: field(3).parse().ok()?,
        physical: field(4).parse().ok()?,
        table: field(5),
        model: field(6),
        ..Disk::default()
    };
    if has_geometry {
        let found = fields(lines.next()?);
        disk.geometry = <[String; 4]>::try_from(found).ok();
    }
    for line in lines {
        let found = fields(line);
        let field = |at: usize| found.get(at).cloned().unwrap_or_default();
        // Free space has no number that means anything; nothing asks for it.
        let Ok(number) = field(0).parse() else { continue };
        // With cylinders, heads and sectors there is no size.
        let shift = usize::from(found.len() > 6);
        disk.partitions.push(Partition {
            number,
            begin: field(1),
            end: field(2),
            size: if shift == 1 { field(3) } else { String::new() },
            file_system: field(3 + shift),
            name: field(4 + shift),
            flags: field(5 + shift)
                .split(',')
                .map(|flag| flag.trim().to_owned())
                .filter(|flag| !flag.is_empty())
                .collect(),
        });
    }
    Some(disk)
}

/// The number of a size and its unit in lower case.
fn split(size: &str) -> (Value, String) {
    if let [cylinder, head, sector] = size.split(',').map(str::parse::<i64>).collect::<Vec<_>>().as_slice()
        && let (Ok(cylinder), Ok(head), Ok(sector)) = (cylinder, head, sector)
    {
        let parts: [(&str, Value); 3] =
            [("cylinder", (*cylinder).into()), ("head", (*head).into()), ("sector", (*sector).into())];
        return (Value::from_iter(parts), "chs".to_owned());
    }
    let length = size.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(size.len());
    let (number, unit) = size.split_at(length);
    match number.parse::<f64>() {
        Ok(number) => (Value::Float(number), unit.to_lowercase()),
        Err(_) => (Value::String(String::new()), unit.to_lowercase()),
    }
}

impl Disk {
    /// The partition of that number.
    pub fn partition(&self, number: i64) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.number == number)
    }

    /// As it is returned.
    pub fn described(&self) -> Value {
        let (size, unit) = split(&self.size);
        let fields: [(&str, Value); 7] = [
            ("dev", self.device.as_str().into()),
            ("size", size),
            ("unit", unit.into()),
            ("table", self.table.as_str().into()),
            ("model", self.model.as_str().into()),
            ("logical_block", self.logical.into()),
            ("physical_block", self.physical.into()),
        ];
        let mut map: Map = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if let Some([cylinders, heads, sectors, size]) = &self.geometry {
            let (size, unit) = split(size);
            let number = |text: &String| Value::from(text.parse::<i64>().unwrap_or_default());
            let geometry: [(&str, Value); 5] = [
                ("cylinders", number(cylinders)),
                ("heads", number(heads)),
                ("sectors", number(sectors)),
                ("cyl_size", size),
                ("cyl_size_unit", unit.into()),
            ];
            map.insert("chs_info".to_owned(), Value::from_iter(geometry));
        }
        map.into()
    }
}

impl Partition {
    /// As it is returned.
    pub fn described(&self, disk: &Disk) -> Value {
        let fields: [(&str, Value); 8] = [
            ("num", self.number.into()),
            ("begin", split(&self.begin).0),
            ("end", split(&self.end).0),
            ("size", split(&self.size).0),
            ("fstype", self.file_system.as_str().into()),
            ("name", self.name.as_str().into()),
            ("flags", self.flags.clone().into()),
            ("unit", split(&disk.size).1.into()),
        ];
        Value::from_iter(fields)
    }
}

/// A place on a disk as a playbook gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Length {
    number: f64,
    unit: String,
}

impl Length {
    /// Read `10GiB`, `-1GiB`, `50%`, `5` or `1,2,3`.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(',').collect();
        if parts.len() == 3 && parts.iter().all(|part| part.trim_end_matches("chs").parse::<u64>().is_ok()) {
            return Some(Length { number: 0.0, unit: "chs".to_owned() });
        }
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let length = digits.find(|character: char| !character.is_ascii_digit() && character != '.');
        let (number, unit) = digits.split_at(length.unwrap_or(digits.len()));
        let number: f64 = number.parse().ok()?;
        let known = ["s", "B", "%", "cyl", "kB", "KB", "KiB", "kiB", "MB", "MiB", "GB", "GiB", "TB", "TiB", ""];
        let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
        known.contains(&unit).then(|| Length { number: number * sign, unit: unit.to_owned() })
    }

    fn unit<'a>(&'a self, default: &'a str) -> &'a str {
        if self.unit.is_empty() { default } else { &self.unit }
    }

    /// The unit, if places can be compared in it alone.
    pub fn own_unit(&self, default: &str) -> Option<&'static str> {
        ["cyl", "chs"].into_iter().find(|unit| *unit == self.unit(default))
    }

    /// Whether the last byte of a partition is there, all in bytes.
    pub fn is_at(&self, last: i128, disk: i128, sector: i128, default: &str) -> bool {
        let unit = self.unit(default);
        let factor = match unit.to_ascii_lowercase().as_str() {
            "s" => sector as f64,
            "b" => 1.0,
            "kb" => 1e3,
            "kib" => 1024.0,
            "mb" | "compact" => 1e6,
            "mib" => 1024.0 * 1024.0,
            "gb" => 1e9,
            "gib" => 1024.0 * 1024.0 * 1024.0,
            "tb" => 1e12,
            "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
            _ => disk as f64 / 100.0,
        };
        let from_end = if self.number < 0.0 { disk } else { 0 };
        let place = (self.number * factor) as i128 + from_end;
        match unit {
            // The last sector or byte itself.
            "s" => place / sector.max(1) == last / sector.max(1),
            "B" => (place - last).abs() < sector,
            // The end, which is aligned, and before the second table of a GPT.
            _ => (place - (last + 1)).abs() <= 1 << 20,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_parted_prints_is_read() {
        let text = "BYT;\n/dev/sdb:20.0MiB:file:512:4096:gpt:A\\:B:;\n1:0.02MiB:4.00MiB:3.98MiB::x y:boot, esp;\n";
        let disk = read(text).unwrap();
        assert_eq!(
            disk.described().to_json(),
            json!({"dev": "/dev/sdb", "size": 20.0, "unit": "mib", "table": "gpt", "model": "A:B", "logical_block": 512, "physical_block": 4096})
        );
        assert_eq!(
            disk.partitions[0].described(&disk).to_json(),
            json!({"num": 1, "begin": 0.02, "end": 4.0, "size": 3.98, "fstype": "", "name": "x y", "flags": ["boot", "esp"], "unit": "mib"})
        );
        let text = "CHS;\n/x:319,3,31:file:512:512:msdos::;\n320:4:32:65.5kB;\n1:0,0,1:79,3,31:ext4::boot;\n";
        let disk = read(text).unwrap();
        assert_eq!(disk.described().to_json()["chs_info"]["cyl_size"], 65.5);
        assert_eq!(disk.partitions[0].flags, ["boot"]);
        assert_eq!(
            disk.partitions[0].described(&disk).to_json()["end"],
            json!({"cylinder": 79, "head": 3, "sector": 31})
        );
        assert_eq!(read("Error: nope"), None);
    }

    #[test]
    fn places_are_compared_as_parted_means_them() {
        let at = |text: &str, last, default| Length::parse(text).unwrap().is_at(last, 20 << 20, 512, default);
        assert!(at("5MiB", (5 << 20) - 1, "KiB") && !at("7MiB", (5 << 20) - 1, "KiB"));
        assert!(at("5", (5 << 20) - 1, "MiB"));
        assert!(at("100%", (20 << 20) - 33 * 512 - 1, "KiB"), "before a second table");
        assert!(at("-5MiB", (15 << 20) - 1, "KiB"));
        assert!(at("10239s", (10240 * 512) - 1, "KiB") && !at("10238s", (10240 * 512) - 1, "KiB"));
        for wrong in ["xx", "", "5 MiB", "5mib", "1,2", "-"] {
            assert_eq!(Length::parse(wrong), None, "{wrong}");
        }
    }
}

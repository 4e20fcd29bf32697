//! Processors, memory, firmware identity, block devices, volume groups, uptime.

use rprov_wire::{Map, Value};

use super::mounts::links;
use super::{content, names};
use crate::context::Context;
use crate::process::Command;
use crate::program::find_program;

/// Add `processor`, `processor_*` and `flags`.
pub fn gather_processors(facts: &mut Map) {
    let text = content("/proc/cpuinfo").unwrap_or_default();
    let architecture = rustix::system::uname().machine().to_string_lossy().into_owned();
    let mut processor: Vec<Value> = Vec::new();
    let mut flags: Option<Vec<Value>> = None;
    let mut sockets: Vec<(String, i64)> = Vec::new();
    let (mut physical, mut siblings) = (None::<String>, None::<i64>);
    let (mut vendors, mut models, mut numbered, mut named) = (0_i64, 0_i64, 0_i64, 0_i64);
    for line in text.lines() {
        let (key, value) = match line.split_once(':') {
            Some((key, value)) => (key.trim(), value.trim()),
            None => continue,
        };
        match key {
            "model name" | "Processor" | "vendor_id" | "cpu" | "Vendor" | "processor" => {
                processor.push(value.into());
                match key {
                    "vendor_id" => vendors += 1,
                    "model name" => models += 1,
                    "processor" => numbered += 1,
                    _ => named += 1,
                }
            }
            "flags" | "Features" if flags.is_none() => {
                flags = Some(value.split_whitespace().map(Value::from).collect());
            }
            "physical id" => physical = Some(value.to_owned()),
            "cpu cores" => {
                if let (Some(id), Ok(cores)) = (physical.take(), value.parse()) {
                    match sockets.iter_mut().find(|(known, _)| *known == id) {
                        Some(socket) => socket.1 = cores,
                        None => sockets.push((id, cores)),
                    }
                }
            }
            "siblings" => siblings = value.parse().ok(),
            _ => {}
        }
    }
    let occurrences =
        if vendors > 0 && vendors == models { vendors } else { (numbered + named).max(vendors).max(models) };
    let online = std::thread::available_parallelism().map_or(1, usize::from);
    facts.insert("processor".into(), processor.into());
    let is_plain =
        architecture.starts_with("arm") || architecture.starts_with("aarch") || architecture.starts_with("ppc");
    if is_plain {
        let count = numbered.max(1);
        facts.insert("processor_count".into(), count.into());
        facts.insert("processor_cores".into(), 1.into());
        facts.insert("processor_threads_per_core".into(), 1.into());
        facts.insert("processor_vcpus".into(), count.into());
    } else {
        let count = if sockets.is_empty() { occurrences } else { i64::try_from(sockets.len()).unwrap_or(1) };
        let cores = sockets.first().map_or(1, |(_, cores)| *cores).max(1);
        let threads = (siblings.unwrap_or(cores) / cores).max(1);
        facts.insert("processor_count".into(), count.into());
        facts.insert("processor_cores".into(), cores.into());
        facts.insert("processor_threads_per_core".into(), threads.into());
        facts.insert("processor_vcpus".into(), (threads * count * cores).into());
    }
    facts.insert("processor_nproc".into(), online.into());
    if let Some(flags) = flags {
        facts.insert("flags".into(), flags.into());
    }
}

/// Add `memory_mb`, `memtotal_mb`, `memfree_mb`, `swaptotal_mb` and `swapfree_mb`.
pub fn gather_memory(facts: &mut Map) {
    let text = content("/proc/meminfo").unwrap_or_default();
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split_whitespace().next()?.parse::<i64>().ok())
            .unwrap_or(0)
    };
    let (total, free) = (value("MemTotal") / 1024, value("MemFree") / 1024);
    let (swap_total, swap_free) = (value("SwapTotal") / 1024, value("SwapFree") / 1024);
    let without_cache = value("Cached") / 1024 + free + value("Buffers") / 1024;
    facts.insert("memtotal_mb".into(), total.into());
    facts.insert("memfree_mb".into(), free.into());
    facts.insert("swaptotal_mb".into(), swap_total.into());
    facts.insert("swapfree_mb".into(), swap_free.into());
    let real = Value::from_iter([("total", total), ("used", total - free), ("free", free)]);
    let nocache = Value::from_iter([("free", without_cache), ("used", total - without_cache)]);
    let swap = Value::from_iter([
        ("total", swap_total),
        ("free", swap_free),
        ("used", swap_total - swap_free),
        ("cached", value("SwapCached") / 1024),
    ]);
    facts.insert("memory_mb".into(), Value::from_iter([("real", real), ("nocache", nocache), ("swap", swap)]));
}

/// Form factors by number, from the SMBIOS specification.
const FORM_FACTORS: [&str; 37] = [
    "Unknown",
    "Other",
    "Unknown",
    "Desktop",
    "Low Profile Desktop",
    "Pizza Box",
    "Mini Tower",
    "Tower",
    "Portable",
    "Laptop",
    "Notebook",
    "Hand Held",
    "Docking Station",
    "All In One",
    "Sub Notebook",
    "Space-saving",
    "Lunch Box",
    "Main Server Chassis",
    "Expansion Chassis",
    "Sub Chassis",
    "Bus Expansion Chassis",
    "Peripheral Chassis",
    "RAID Chassis",
    "Rack Mount Chassis",
    "Sealed-case PC",
    "Multi-system",
    "CompactPCI",
    "AdvancedTCA",
    "Blade",
    "Blade Enclosure",
    "Tablet",
    "Convertible",
    "Detachable",
    "IoT Gateway",
    "Embedded PC",
    "Mini PC",
    "Stick PC",
];

/// Add `bios_*`, `board_*`, `chassis_*`, `product_*`, `system_vendor` and `form_factor`.
pub fn gather_firmware(facts: &mut Map) {
    let read = |name: &str| content(format!("/sys/devices/virtual/dmi/id/{name}"));
    for (fact, file) in [
        ("bios_date", "bios_date"),
        ("bios_vendor", "bios_vendor"),
        ("bios_version", "bios_version"),
        ("board_asset_tag", "board_asset_tag"),
        ("board_name", "board_name"),
        ("board_serial", "board_serial"),
        ("board_vendor", "board_vendor"),
        ("board_version", "board_version"),
        ("chassis_asset_tag", "chassis_asset_tag"),
        ("chassis_serial", "chassis_serial"),
        ("chassis_vendor", "chassis_vendor"),
        ("chassis_version", "chassis_version"),
        ("product_name", "product_name"),
        ("product_serial", "product_serial"),
        ("product_uuid", "product_uuid"),
        ("product_version", "product_version"),
        ("system_vendor", "sys_vendor"),
    ] {
        facts.insert(fact.into(), read(file).unwrap_or_else(|| "NA".to_owned()).into());
    }
    let form = match read("chassis_type") {
        None => "NA".to_owned(),
        Some(number) => match number.parse::<usize>().ok().and_then(|index| FORM_FACTORS.get(index)) {
            Some(name) => (*name).to_owned(),
            None => format!("unknown ({number})"),
        },
    };
    facts.insert("form_factor".into(), form.into());
}

/// Add `uptime_seconds`.
pub fn gather_uptime(facts: &mut Map) {
    let text = content("/proc/uptime").unwrap_or_default();
    if let Some(seconds) = text.split('.').next().and_then(|seconds| seconds.parse::<i64>().ok()) {
        facts.insert("uptime_seconds".into(), seconds.into());
    }
}

/// `256.00 GB`
fn human(bytes: f64) -> String {
    const UNITS: [(f64, &str); 8] = [
        (1_208_925_819_614_629_174_706_176.0, "YB"),
        (1_180_591_620_717_411_303_424.0, "ZB"),
        (1_152_921_504_606_846_976.0, "EB"),
        (1_125_899_906_842_624.0, "PB"),
        (1_099_511_627_776.0, "TB"),
        (1_073_741_824.0, "GB"),
        (1_048_576.0, "MB"),
        (1024.0, "KB"),
    ];
    match UNITS.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.2} {unit}", bytes / size),
        None => format!("{bytes:.2} Bytes"),
    }
}

/// Names of one kind for each block device.
type Links = Vec<(String, String)>;

fn by_device(links: &Links) -> Map {
    let mut map = Map::new();
    for (name, device) in links {
        if let Value::List(names) = map.entry(device.clone()).or_insert_with(|| Value::List(Vec::new())) {
            names.push(name.into());
        }
    }
    map
}

/// Add `devices` and `device_links`.
pub fn gather_devices(facts: &mut Map) {
    let blocks = names("/sys/block");
    let mut masters: Links = blocks
        .iter()
        .flat_map(|block| {
            names(format!("/sys/block/{block}/slaves"))
                .into_iter()
                .map(|slave| (block.clone(), slave))
                .collect::<Vec<_>>()
        })
        .collect();
    masters.sort_unstable();
    let kinds = [
        ("ids", by_device(&links("/dev/disk/by-id"))),
        ("uuids", by_device(&links("/dev/disk/by-uuid"))),
        ("labels", by_device(&links("/dev/disk/by-label"))),
        ("masters", by_device(&masters)),
    ];
    let links_of = |name: &str| {
        Value::from_iter(
            kinds.iter().map(|(kind, map)| (*kind, map.get(name).cloned().unwrap_or_else(|| Value::List(Vec::new())))),
        )
    };
    let holders = |directory: &str| -> Vec<String> {
        names(format!("{directory}/holders"))
            .into_iter()
            .map(|holder| content(format!("{directory}/holders/{holder}/dm/name")).unwrap_or(holder))
            .collect()
    };
    let mut devices = Map::new();
    for block in &blocks {
        let directory = format!("/sys/block/{block}");
        let file = |suffix: &str| content(format!("{directory}/{suffix}"));
        let mut device = Map::new();
        device.insert("virtual".into(), 1.into());
        device.insert("links".into(), links_of(block));
        for name in ["vendor", "model", "sas_address", "sas_device_handle"] {
            device.insert(name.into(), file(&format!("device/{name}")).into());
        }
        if let Some(id) = file("device/wwid").or_else(|| file("wwid")).filter(|id| id.starts_with("naa.")) {
            device.insert("wwn".into(), id.replacen("naa.", "0x", 1).into());
        }
        for (fact, suffix) in [("removable", "removable"), ("support_discard", "queue/discard_granularity")] {
            device.insert(fact.into(), file(suffix).into());
        }
        let mut partitions = Map::new();
        for name in names(&directory) {
            let own = format!("{directory}/{name}");
            if !name.starts_with(block.as_str()) || content(format!("{own}/partition")).is_none() {
                continue;
            }
            let read = |suffix: &str| content(format!("{own}/{suffix}"));
            let sectors = read("size").unwrap_or_else(|| "0".to_owned());
            let mut partition = Map::new();
            partition.insert("links".into(), links_of(&name));
            partition.insert("start".into(), read("start").unwrap_or_else(|| "0".to_owned()).into());
            partition.insert("sectors".into(), sectors.as_str().into());
            let size = read("queue/logical_block_size").or_else(|| read("queue/hw_sector_size"));
            partition.insert("sectorsize".into(), size.map_or(Value::Int(512), Value::from));
            partition.insert("size".into(), human(sectors.parse::<f64>().unwrap_or(0.0) * 512.0).into());
            let uuid = kinds
                .iter()
                .find(|(kind, _)| *kind == "uuids")
                .and_then(|(_, map)| map.get(&name)?.as_list()?.first().cloned());
            partition.insert("uuid".into(), uuid.unwrap_or_default());
            partition.insert("holders".into(), holders(&own).into());
            partitions.insert(name, partition.into());
        }
        device.insert("partitions".into(), partitions.into());
        device.insert("rotational".into(), file("queue/rotational").into());
        let scheduler = file("queue/scheduler").unwrap_or_default();
        let scheduler =
            scheduler.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(name, _)| name);
        device.insert("scheduler_mode".into(), scheduler.into());
        let sectors = file("size").and_then(|size| size.parse::<i64>().ok()).unwrap_or(0);
        device.insert("sectors".into(), sectors.into());
        let size = file("queue/logical_block_size").or_else(|| file("queue/hw_sector_size"));
        device.insert("sectorsize".into(), size.map_or_else(|| Value::from("512"), Value::from));
        device.insert("size".into(), human(sectors as f64 * 512.0).into());
        device.insert("host".into(), "".into());
        device.insert("holders".into(), holders(&directory).into());
        devices.insert(block.clone(), device.into());
    }
    facts.insert("devices".into(), devices.into());
    facts.insert("device_links".into(), Value::from_iter(kinds));
}

/// Add `lvm`: volume groups, logical and physical volumes, where the host has the tools and any device mapping.
pub fn gather_volumes(context: &Context<'_>, facts: &mut Map) {
    if !rustix::process::geteuid().is_root() || find_program("vgs", context).is_none() {
        facts.insert("lvm".into(), "N/A".into());
        return;
    }
    let report = |program: &str| -> Vec<Vec<String>> {
        // Without a device mapping there is nothing active to report, and three programs need not run.
        if !names("/sys/block").iter().any(|name| name.starts_with("dm-")) {
            return Vec::new();
        }
        let output = Command::new(program)
            .args(["--noheadings", "--nosuffix", "--units", "g", "--separator", ","])
            .plain_locale()
            .run(context);
        output
            .map(|output| {
                output
                    .stdout()
                    .lines()
                    .map(|line| line.split(',').map(|field| field.trim().to_owned()).collect())
                    .collect()
            })
            .unwrap_or_default()
    };
    let field = |row: &[String], index: usize| Value::from(row.get(index).cloned().unwrap_or_default());
    let last = |row: &[String], back: usize| field(row, row.len().saturating_sub(back));
    let groups: Map = report("vgs")
        .iter()
        .filter_map(|row| {
            let value = Value::from_iter([
                ("size_g", last(row, 2)),
                ("free_g", last(row, 1)),
                ("num_lvs", field(row, 2)),
                ("num_pvs", field(row, 1)),
            ]);
            Some((row.first()?.clone(), value))
        })
        .collect();
    let volumes: Map = report("lvs")
        .iter()
        .filter_map(|row| {
            Some((row.first()?.clone(), Value::from_iter([("size_g", field(row, 3)), ("vg", field(row, 1))])))
        })
        .collect();
    let physical: Map = report("pvs")
        .iter()
        .filter_map(|row| {
            let value = Value::from_iter([("size_g", field(row, 4)), ("free_g", field(row, 5)), ("vg", field(row, 1))]);
            Some((row.first()?.clone(), value))
        })
        .collect();
    facts.insert("lvm".into(), Value::from_iter([("lvs", volumes), ("vgs", groups), ("pvs", physical)]));
}

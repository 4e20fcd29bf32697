//! Partitions and volumes on files, with the real programs: `parted` on a file, LVM on loop devices (which need root) and
//! without the kernel's device mapper, so that what is written on the devices is real, and no volume is ever active.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;

use std::process::Command;

use rprov_modules::rprov_wire::Value as Wire;
use rprov_modules::testing::Bench;
use serde_json::{Value, json};

fn bench() -> Bench {
    Bench::of(rprov_systems::find, rprov_systems::entry)
}

fn system(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_file_gets_partitions() {
    let bench = bench();
    let image = bench.file("image", vec![0; 20 << 20]);
    let call = |more: Value| {
        let mut arguments = json!({"device": image, "unit": "MiB"});
        for (name, value) in more.as_object().into_iter().flatten() {
            arguments[name] = value.clone();
        }
        arguments
    };
    let empty = bench.apply("parted", call(json!({})));
    assert_eq!(empty["disk"].get("table").and_then(|table| table.as_str()), Some("unknown"));
    assert_eq!(empty["changed"].as_bool(), Some(false));
    // The first is small, and behind it there is one with flags.
    let made = bench.converges("parted", call(json!({"state": "present", "number": 1, "part_end": "5MiB"})));
    assert_eq!(made["script"].to_json(), json!(["unit", "MiB", "mklabel", "msdos", "mkpart", "primary", "0%", "5MiB"]));
    let second =
        json!({"state": "present", "number": 2, "part_start": "5MiB", "flags": ["lvm", "boot"], "fs_type": "ext4"});
    let made = bench.converges("parted", call(second));
    assert_eq!(
        made["partitions"].to_json()[1],
        json!({"num": 2, "begin": 5.0, "end": 20.0, "size": 15.0, "fstype": "", "name": "", "flags": ["boot", "lvm"], "unit": "mib"})
    );
    let fewer = bench.converges("parted", call(json!({"state": "present", "number": 2, "flags": ["lvm"]})));
    assert_eq!(fewer["script"].to_json(), json!(["unit", "MiB", "set", "2", "boot", "off"]));
    bench.converges("parted", call(json!({"state": "absent", "number": 2})));
    bench.converges("parted", call(json!({"state": "present", "number": 1, "resize": true, "part_end": "100%"})));
    let smaller = call(json!({"state": "present", "number": 1, "resize": true, "part_end": "8191s"}));
    assert!(bench.fails("parted", smaller).contains("Shrinking a partition"), "parted asks, and nobody answers");
    // Another table takes the partitions with it.
    let gpt = |more: Value| {
        let mut arguments =
            call(json!({"state": "present", "label": "gpt", "number": 1, "name": "x y", "part_end": "8MiB"}));
        for (name, value) in more.as_object().into_iter().flatten() {
            arguments[name] = value.clone();
        }
        arguments
    };
    let made = bench.converges("parted", gpt(json!({})));
    assert_eq!(made["partitions"].to_json()[0]["name"], "x y");
    bench.converges("parted", gpt(json!({"flags": ["esp"]})));
    bench.converges("parted", gpt(json!({"name": "z"})));
    for unit in ["s", "B", "KB", "KiB", "GB", "GiB", "TB", "TiB", "%", "cyl", "chs", "compact"] {
        let told = bench.apply("parted", json!({"device": image, "unit": unit}));
        assert_eq!(told["partitions"].to_json()[0]["name"], "z", "{unit}");
    }
}

#[test]
fn what_cannot_be_done_is_told() {
    let bench = bench();
    let image = bench.file("image", vec![0; 4 << 20]);
    let fails = |arguments: Value| bench.fails("parted", arguments);
    assert!(fails(json!({"device": bench.path("none")})).contains("could not read the partitions"));
    assert!(fails(json!({"device": image, "state": "present"})).contains("missing: number"));
    assert!(fails(json!({"device": image, "state": "absent", "number": 0})).contains("greater"));
    assert!(fails(json!({"device": image, "part_start": "xx"})).contains("part_start: "));
    assert!(fails(json!({"device": image, "name": "a\"b"})).contains("name: "));
    let flag = fails(json!({"device": image, "state": "present", "number": 1, "flags": ["nope"]}));
    assert!(flag.contains("set 1 nope on") && flag.contains("invalid token"), "{flag}");
    let number = fails(json!({"device": image, "state": "present", "label": "gpt", "number": 3, "part_end": "2MiB"}));
    assert!(number.contains("another number than 3; there are 1"), "{number}");
}

/// Devices of its own, and LVM that sees no others.
struct Devices {
    directory: tempfile::TempDir,
    devices: Vec<String>,
}

impl Devices {
    fn new(count: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path().display().to_string();
        let devices: Vec<String> = (0..count)
            .map(|index| system(&format!("truncate -s 64M {at}/{index}.img && losetup --find --show {at}/{index}.img")))
            .collect();
        let filter: Vec<String> = devices.iter().map(|device| format!("\"a|^{device}$|\"")).collect();
        let text = format!(
            "global {{ activation = 0 use_lvmpolld = 0 locking_dir = \"{at}/lock\" }}\nbackup {{ backup = 0 archive = 0 }}\n\
             devices {{ use_devicesfile = 0 scan = [ \"/dev\" ] filter = [ {}, \"r|.*|\" ] }}\n",
            filter.join(", ")
        );
        std::fs::write(directory.path().join("lvm.conf"), text).unwrap();
        Devices { directory, devices }
    }

    fn environment(&self) -> Vec<(String, String)> {
        vec![("LVM_SYSTEM_DIR".to_owned(), self.directory.path().display().to_string())]
    }

    fn run(&self, module: &str, arguments: &Value, check: bool) -> Result<bool, String> {
        let outcome = calls::run_with(module, arguments, check, self.environment());
        outcome.map(|map| map["changed"] == Wire::Bool(true)).map_err(|failure| failure.message)
    }

    fn tell(&self, line: &str) -> String {
        system(&format!("LVM_SYSTEM_DIR={} {line} 2>/dev/null", self.directory.path().display()))
    }

    /// What is on the devices.
    fn state(&self) -> String {
        let pvs = self.tell("pvs --noheadings -o pv_name,vg_name,pv_size,pv_uuid");
        let vgs = self.tell("vgs --noheadings -o vg_name,vg_uuid,vg_extent_size");
        format!("{pvs}|{vgs}|{}", self.tell("lvs --noheadings -o vg_name,lv_name,lv_size"))
    }

    fn changes(&self, module: &str, arguments: &Value) {
        let before = self.state();
        assert_eq!(self.run(module, arguments, true), Ok(true), "{arguments}: check mode predicts a change");
        assert_eq!(self.state(), before, "{arguments}: check mode changed something");
        assert_eq!(self.run(module, arguments, false), Ok(true), "{arguments}: the first run changes");
        assert_ne!(self.state(), before, "{arguments}");
    }

    fn converges(&self, module: &str, arguments: &Value) {
        self.changes(module, arguments);
        self.settled(module, arguments);
    }

    fn settled(&self, module: &str, arguments: &Value) {
        let before = self.state();
        for check in [true, false] {
            assert_eq!(self.run(module, arguments, check), Ok(false), "{arguments} (check={check})");
        }
        assert_eq!(self.state(), before);
    }

    fn refused(&self, module: &str, arguments: &Value) -> String {
        self.run(module, arguments, false).unwrap_err()
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        for device in &self.devices {
            let _ = Command::new("losetup").args(["-d", device]).status();
        }
    }
}

#[test]
fn volume_groups_become_what_they_are_to_be() {
    let own = Devices::new(2);
    let [first, second] = own.devices.as_slice() else { panic!("two devices") };
    let none = own.refused("lvg", &json!({"vg": "rpvg"}));
    assert!(none.contains("No physical volumes given"), "{none}");
    assert!(own.refused("lvg", &json!({"vg": "rpvg", "pvs": "/dev/none"})).contains("/dev/none not found"));
    own.converges("lvg", &json!({"vg": "rpvg", "pvs": first, "pesize": "8"}));
    assert_eq!(own.tell("vgs --noheadings -o vg_extent_size rpvg"), "8.00m");
    // A link to a device is that device.
    let link = own.directory.path().join("link");
    std::os::unix::fs::symlink(first, &link).unwrap();
    own.settled("lvg", &json!({"vg": "rpvg", "pvs": [link]}));
    own.converges("lvg", &json!({"vg": "rpvg", "pvs": [first, second]}));
    own.settled("lvg", &json!({"vg": "rpvg", "pvs": [first], "remove_extra_pvs": false}));
    own.converges("lvg", &json!({"vg": "rpvg", "pvs": [first]}));
    own.converges("lvg", &json!({"vg": "other", "pvs": [second]}));
    let taken = own.refused("lvg", &json!({"vg": "rpvg", "pvs": [first, second]}));
    assert!(taken.contains("already in other volume group"), "{taken}");
    own.changes("lvg", &json!({"vg": "rpvg", "pvs": [first], "reset_vg_uuid": true, "reset_pv_uuid": true}));
    // The device grows.
    system(&format!("truncate -s 128M {}/0.img && losetup -c {first}", own.directory.path().display()));
    own.settled("lvg", &json!({"vg": "rpvg", "pvs": [first]}));
    own.converges("lvg", &json!({"vg": "rpvg", "pvs": [first], "pvresize": true}));
    own.tell("lvcreate -n a -L 8M rpvg");
    assert!(own.refused("lvg", &json!({"vg": "rpvg", "state": "absent"})).contains("force=true"));
    own.converges("lvg", &json!({"vg": "rpvg", "state": "absent", "force": true}));
}

#[test]
fn volumes_become_what_they_are_to_be() {
    let own = Devices::new(1);
    assert_eq!(own.run("lvg", &json!({"vg": "rplv", "pvs": own.devices}), false), Ok(true));
    let size = |name: &str| own.tell(&format!("lvs --noheadings --units m --nosuffix -o lv_size rplv/{name}"));
    let volume = |name: &str, more: Value| calls::with(&json!({"vg": "rplv", "lv": name}), more);
    assert!(own.refused("lvol", &volume("a", json!({}))).contains("No size given"));
    // What is no whole extent is rounded up.
    own.converges("lvol", &volume("a", json!({"size": "7"})));
    assert_eq!(size("a"), "8.00");
    own.settled("lvol", &volume("a", json!({})));
    own.converges("lvol", &volume("a", json!({"size": "16m"})));
    own.changes("lvol", &volume("a", json!({"size": "+4m"})));
    assert_eq!(size("a"), "20.00");
    own.settled("lvol", &volume("a", json!({"size": "8m", "shrink": false})));
    assert!(own.refused("lvol", &volume("a", json!({"size": "8m"}))).contains("without force=true"));
    own.converges("lvol", &volume("a", json!({"size": "12m", "force": true})));
    let much = own.refused("lvol", &volume("a", json!({"size": "1g"})));
    assert!(much.contains("Not enough free space"), "{much}");
    own.converges("lvol", &volume("a", json!({"size": "40%VG"})));
    // Of what is free, the volume itself is part.
    own.converges("lvol", &volume("b", json!({"size": "50%FREE", "opts": "--addtag rp"})));
    assert_eq!(own.tell("lvs --noheadings -o lv_tags rplv/b"), "rp");
    own.converges("lvol", &volume("c", json!({"size": "100%FREE", "pvs": own.devices, "active": false})));
    assert!(own.refused("lvol", &volume("c", json!({"state": "absent"}))).contains("force=true"));
    own.converges("lvol", &volume("c", json!({"state": "absent", "force": true})));
    own.settled("lvol", &json!({"vg": "none", "lv": "c", "state": "absent"}));
    for (arguments, reason) in [
        (json!({"vg": "none", "lv": "c", "size": 1}), "does not exist"),
        (json!({"vg": "rplv"}), "lv, thinpool"),
        (json!({"vg": "rplv", "snapshot": "s"}), "lv is needed"),
        (json!({"vg": "rplv", "lv": "none", "snapshot": "s", "size": "4m"}), "Snapshot origin LV none"),
        (json!({"vg": "rplv", "lv": "t", "thinpool": "none", "size": "4m"}), "Thin pool LV none"),
        (json!({"vg": "rplv", "lv": "t", "size": "x"}), "Bad size"),
        (json!({"vg": "rplv", "lv": "t", "size": "-4m"}), "could become smaller"),
    ] {
        let message = own.refused("lvol", &arguments);
        assert!(message.contains(reason), "{arguments}: {message}");
    }
}

/// With programs that answer as LVM's do: without a device mapper there are no snapshots, pools or active volumes.
#[test]
fn snapshots_pools_and_activity_are_asked_for_as_documented() {
    let bench = bench();
    bench.file("volumes", "o;8388608;-wi-a-----\np;8388608;twi-a-tz--\nv;8388608;Vwi-a-tz--\n");
    bench.program("vgs", "echo 'g;67108864;33554432;4194304'");
    bench.program("lvs", "cat volumes");
    bench.program("lvcreate", "echo 'n;8388608;-wi-a-----' >>volumes");
    bench.program("lvchange", "sed -i s/-wi-a/-wi--/ volumes");
    bench.program("lvextend", "sed -i s/8388608/16777216/ volumes");
    let calls = |arguments: Value| {
        bench.calls();
        assert_eq!(bench.run("lvol", arguments.clone(), true).unwrap()["changed"], Wire::Bool(true));
        assert_eq!(bench.apply("lvol", arguments)["changed"], Wire::Bool(true));
        let mut calls = bench.calls();
        calls.retain(|call| !call.starts_with("vgs") && !call.starts_with("lvs"));
        calls
    };
    let made = calls(json!({"vg": "g", "lv": "o", "snapshot": "s", "size": "4m"}));
    assert_eq!(made, ["lvcreate --yes -L 4194304b -n s -s g/o"]);
    let made = calls(json!({"vg": "g", "lv": "v", "snapshot": "s"}));
    assert_eq!(made, ["lvcreate --yes -n s -s g/v"]);
    let made = calls(json!({"vg": "g", "thinpool": "q", "size": "100%FREE"}));
    assert_eq!(made, ["lvcreate --yes -l 100%FREE -T g/q"]);
    let made = calls(json!({"vg": "g", "thinpool": "p", "lv": "w", "size": "1g"}));
    assert_eq!(made, ["lvcreate --yes -n w -V 1073741824b -T g/p"]);
    let made = calls(json!({"vg": "g", "lv": "o", "size": "16m", "resizefs": true}));
    assert_eq!(made, ["lvextend --yes -L 16777216b --resizefs g/o"]);
    let made = calls(json!({"vg": "g", "lv": "o", "active": false}));
    assert_eq!(made, ["lvchange --yes -an g/o"]);
    let made = calls(json!({"vg": "g", "lv": "n2", "size": "4m", "active": false}));
    assert_eq!(made, ["lvcreate --yes -n n2 -L 4194304b g", "lvchange --yes -an g/n2"]);
}

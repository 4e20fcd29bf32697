//! `lvg`: volume groups of LVM.

use std::path::Path;

use rprov_modules::{Context, Failure, Outcome, arguments, choices};

use crate::lvm::{field, is_active, named, number, options, program, rows};

choices! {
    /// Whether the volume group is there, and its volumes are active.
    pub enum State { Absent = "absent", Present = "present", Active = "active", Inactive = "inactive" }
}

arguments! {
    /// Configure LVM volume groups.
    pub struct Arguments {
        /// Name of the volume group.
        vg: String,
        /// The devices that it is on.
        pvs: Option<Vec<String>>,
        /// Size of an extent, in megabytes where it has no unit; it stays what it is in a group that is there.
        pesize: String = "4".to_owned(),
        /// Options for `pvcreate`.
        pv_options: String = String::new(),
        /// Let the physical volumes grow to the size of their devices.
        pvresize: bool = false,
        /// Options for `vgcreate`.
        vg_options: String = String::new(),
        /// Whether it is there, and its volumes are active.
        state: State = State::Present,
        /// Remove it even where it has volumes.
        force: bool = false,
        /// Give it a new UUID, each time.
        reset_vg_uuid: bool = false,
        /// Give its physical volumes new UUIDs, each time.
        reset_pv_uuid: bool = false,
        /// Take out devices that are not named.
        remove_extra_pvs: bool = true,
    }
}

struct Task<'a, 'b> {
    arguments: &'a Arguments,
    context: &'a Context<'b>,
    changed: bool,
}

/// A physical volume.
struct Device {
    path: String,
    group: String,
}

/// The path of a device without links, so that names of the same device are the same.
fn resolved(path: &str) -> String {
    std::fs::canonicalize(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

/// Bring the volume group to its state.
///
/// # Errors
/// A device is missing or of another group, the group has volumes that would be lost, or LVM refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    named("vg", &arguments.vg)?;
    let mut task = Task { arguments: &arguments, context, changed: false };
    let found = rows("vgs", "vg_name,pv_count,lv_count", None, context)?;
    let group = found.iter().find(|row| field(row, 0) == arguments.vg);
    match (arguments.state, group) {
        (State::Absent, None) => {}
        (State::Absent, Some(row)) => {
            if number(row, 2) > 0 && !arguments.force {
                return Err(Failure::new(format!(
                    "Refuse to remove non-empty volume group {} without force=true; what is on its volumes is lost then",
                    arguments.vg
                )));
            }
            task.act("vgremove", &["--force", &arguments.vg])?;
        }
        (_, None) => task.create()?,
        (_, Some(_)) => task.fit()?,
    }
    Ok(Outcome::new(task.changed))
}

impl Task<'_, '_> {
    fn act(&mut self, name: &str, words: &[&str]) -> Result<(), Failure> {
        self.changed = true;
        if self.context.check() {
            return Ok(());
        }
        let attempt = format!("{name} failed for volume group {}", self.arguments.vg);
        program(name).args(words).run_or_fail(&attempt, self.context).map(drop)
    }

    /// The devices that are named, without links.
    fn wanted(&self) -> Result<Vec<String>, Failure> {
        let mut devices = Vec::new();
        for path in self.arguments.pvs.iter().flatten().map(|path| path.trim()).filter(|path| !path.is_empty()) {
            named("pvs", path)?;
            let device = resolved(path);
            if !Path::new(&device).exists() {
                return Err(Failure::new(format!("pvs: Device {path} not found.")));
            }
            if !devices.contains(&device) {
                devices.push(device);
            }
        }
        Ok(devices)
    }

    fn devices(&self) -> Result<Vec<Device>, Failure> {
        let found = rows("pvs", "pv_name,vg_name", None, self.context)?;
        Ok(found.iter().map(|row| Device { path: resolved(field(row, 0)), group: field(row, 1).to_owned() }).collect())
    }

    /// Make physical volumes of devices that are none.
    fn prepare(&mut self, wanted: &[String], present: &[Device]) -> Result<(), Failure> {
        for device in wanted {
            let known = present.iter().find(|known| known.path == *device);
            if let Some(known) = known.filter(|known| !known.group.is_empty() && known.group != self.arguments.vg) {
                return Err(Failure::new(format!(
                    "Device {device} is already in {} volume group; take it out of that first",
                    known.group
                )));
            }
        }
        let extra = options("pv_options", &self.arguments.pv_options)?;
        for device in wanted.iter().filter(|device| !present.iter().any(|known| known.path == **device)) {
            let words: Vec<&str> = extra.iter().map(String::as_str).chain(["-f", device]).collect();
            self.act("pvcreate", &words)?;
        }
        Ok(())
    }

    fn create(&mut self) -> Result<(), Failure> {
        let arguments = self.arguments;
        let wanted = self.wanted()?;
        if wanted.is_empty() {
            return Err(Failure::new(format!(
                "No physical volumes given: there is no volume group {} yet, and it needs pvs",
                arguments.vg
            )));
        }
        let extra = options("vg_options", &arguments.vg_options)?;
        let has_own = extra.iter().any(|word| word.contains("autoactivation"));
        let present = self.devices()?;
        self.prepare(&wanted, &present)?;
        let words: Vec<&str> = extra
            .iter()
            .map(String::as_str)
            .chain(["-s", &arguments.pesize, &arguments.vg])
            .chain(wanted.iter().map(String::as_str))
            .collect();
        self.act("vgcreate", &words)?;
        if arguments.state == State::Inactive && !has_own && !self.context.check() {
            self.set_autoactivation(false)?;
        }
        Ok(())
    }

    fn fit(&mut self) -> Result<(), Failure> {
        let arguments = self.arguments;
        let group = arguments.vg.as_str();
        // Volumes can only change their identity while they are not in use.
        if arguments.state == State::Inactive {
            self.activate(false)?;
        }
        if arguments.reset_vg_uuid {
            self.act("vgchange", &["--uuid", group])?;
        }
        let wanted = self.wanted()?;
        let present = self.devices()?;
        let own: Vec<&Device> = present.iter().filter(|device| device.group == group).collect();
        if !wanted.is_empty() {
            let missing: Vec<String> =
                wanted.iter().filter(|device| !own.iter().any(|own| own.path == **device)).cloned().collect();
            let extra: Vec<&str> =
                own.iter().map(|own| own.path.as_str()).filter(|path| !wanted.iter().any(|w| w == path)).collect();
            if !missing.is_empty() {
                self.prepare(&missing, &present)?;
                let words: Vec<&str> = std::iter::once(group).chain(missing.iter().map(String::as_str)).collect();
                self.act("vgextend", &words)?;
            }
            if !extra.is_empty() && arguments.remove_extra_pvs {
                let words: Vec<&str> = ["--force", group].into_iter().chain(extra).collect();
                self.act("vgreduce", &words)?;
            }
        }
        let named: Vec<&str> =
            own.iter().map(|own| own.path.as_str()).filter(|path| wanted.iter().any(|w| w == path)).collect();
        if arguments.pvresize {
            for device in &named {
                if self.grows(device)? {
                    self.act("pvresize", &[device])?;
                }
            }
        }
        if arguments.reset_pv_uuid {
            for device in &named {
                self.act("pvchange", &["--uuid", device])?;
            }
        }
        if arguments.state == State::Active {
            self.activate(true)?;
        }
        Ok(())
    }

    /// Whether a device has room for more extents than its physical volume.
    fn grows(&self, device: &str) -> Result<bool, Failure> {
        let found = rows("pvs", "dev_size,pv_size,pe_start,vg_extent_size", Some(device), self.context)?;
        let Some(row) = found.first() else { return Ok(false) };
        let (device, volume, start, extent) = (number(row, 0), number(row, 1), number(row, 2), number(row, 3));
        Ok(device.saturating_sub(start) / extent.max(1) > volume / extent.max(1))
    }

    fn activate(&mut self, active: bool) -> Result<(), Failure> {
        let group = self.arguments.vg.as_str();
        let flag = if active { "y" } else { "n" };
        let attributes = rows("lvs", "lv_attr", Some(group), self.context)?;
        if attributes.iter().any(|row| is_active(field(row, 0)) == Some(!active)) {
            self.act("vgchange", &["--activate", flag, group])?;
        }
        self.set_autoactivation(active)
    }

    /// Older versions do not have it.
    fn set_autoactivation(&mut self, active: bool) -> Result<(), Failure> {
        let group = self.arguments.vg.as_str();
        let Ok(found) = rows("vgs", "autoactivation", Some(group), self.context) else { return Ok(()) };
        let is_set = found.first().is_some_and(|row| field(row, 0) == "enabled");
        if is_set == active {
            return Ok(());
        }
        self.act("vgchange", &["--setautoactivation", if active { "y" } else { "n" }, group])
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use crate::bench;

    /// With programs that answer as LVM's do: the kernel of a test machine may have no device mapper.
    #[test]
    fn volumes_are_activated_and_deactivated() {
        let bench = bench();
        bench.file("state", "-wi-a-----");
        bench
            .program("vgs", "case \"$*\" in *autoactivation*) cat auto 2>/dev/null || echo;; *) echo '  g;1;2';; esac");
        bench.program("pvs", "true");
        bench.program("lvs", "cat state");
        bench.program(
            "vgchange",
            "case \"$*\" in '--activate n'*) echo '-wi-------' >state;; '--activate y'*) echo '-wi-a-----' >state;; \
             '--setautoactivation y'*) echo enabled >auto;; '--setautoactivation n'*) rm -f auto;; *) exit 1;; esac",
        );
        bench.settled("lvg", json!({"vg": "g"}));
        bench.converges("lvg", json!({"vg": "g", "state": "inactive"}));
        bench.calls();
        bench.converges("lvg", json!({"vg": "g", "state": "active"}));
        let changes: Vec<String> = bench.calls().into_iter().filter(|call| call.starts_with("vgchange")).collect();
        assert_eq!(changes, ["vgchange --activate y g", "vgchange --setautoactivation y g"]);
        let reset = bench.run("lvg", json!({"vg": "g", "state": "inactive", "reset_vg_uuid": true}), true).unwrap();
        assert_eq!(reset["changed"].as_bool(), Some(true));
        assert!(bench.fails("lvg", json!({"vg": "g", "state": "absent"})).contains("without force=true"));
        assert!(bench.fails("lvg", json!({"vg": "-g"})).contains("vg: "));
    }
}

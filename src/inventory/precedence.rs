//! Where a host's variables come from, in Ansible's order: sources of the inventory, and `group_vars` and `host_vars`
//! beside them and beside the playbook.

use std::path::{Path, PathBuf};

use super::group::Group;
use super::host::Host;
use super::model::Inventory;

/// One place that variables come from.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// What the sources say of a group.
    Group(&'a Group),
    /// What the sources say of the host.
    Host(&'a Host),
    /// The files of a group below this directory.
    GroupFiles(&'a Path, &'a str),
    /// The files of the host below this directory.
    HostFiles(&'a Path, &'a str),
}

/// A host's places from the weakest to the strongest. `precedence` is the setting of that name, which orders those of
/// groups; `bases` are [`Inventory::bases`]; `playbook` is the directory of the playbook.
pub fn origins<'a>(
    inventory: &'a Inventory,
    host: &'a str,
    precedence: &[String],
    bases: &'a [PathBuf],
    playbook: Option<&'a Path>,
) -> Vec<Origin<'a>> {
    let all: Vec<&Group> = inventory.group("all").into_iter().collect();
    let own: Vec<&Group> = inventory.groups_of(host).into_iter().filter(|group| &*group.name != "all").collect();
    let mut origins = Vec::new();
    let files = |directories: &mut dyn Iterator<Item = &'a Path>, groups: &[&'a Group]| -> Vec<Origin<'a>> {
        directories.flat_map(|base| groups.iter().map(move |group| Origin::GroupFiles(base, &group.name))).collect()
    };
    let beside_sources = || bases.iter().map(PathBuf::as_path);
    for stage in precedence {
        match stage.as_str() {
            "all_inventory" => origins.extend(all.iter().copied().map(Origin::Group)),
            "groups_inventory" => origins.extend(own.iter().copied().map(Origin::Group)),
            "all_plugins_inventory" => origins.extend(files(&mut beside_sources(), &all)),
            "all_plugins_play" => origins.extend(files(&mut playbook.into_iter(), &all)),
            "groups_plugins_inventory" => origins.extend(files(&mut beside_sources(), &own)),
            "groups_plugins_play" => origins.extend(files(&mut playbook.into_iter(), &own)),
            // The setting's own check has told of anything else.
            _ => {}
        }
    }
    if let Some(known) = inventory.host(host) {
        origins.push(Origin::Host(known));
    }
    origins.extend(beside_sources().chain(playbook).map(|base| Origin::HostFiles(base, host)));
    origins
}

impl Inventory {
    /// Directories beside which `group_vars` and `host_vars` are looked for: those of all sources, in order, but for one
    /// that is being read.
    pub fn bases(&self) -> Vec<PathBuf> {
        let mut bases: Vec<PathBuf> = Vec::new();
        for source in self.sources().iter().filter(|source| self.current.as_ref() != Some(source)) {
            let base = match source.is_dir() {
                true => source.clone(),
                false => source.parent().map(Path::to_owned).unwrap_or_default(),
            };
            if !bases.contains(&base) {
                bases.push(base);
            }
        }
        bases
    }
}

//! Volumes and mounts: `[source:]target[:options]`, and the structured form.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::arguments::{Mount, MountType};
use crate::docker::quantity;
use rprov_modules::outcome::Failure;

/// What `volumes` asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Volumes {
    /// `HostConfig.Binds`: host directories and named volumes.
    pub binds: Vec<String>,
    /// `Config.Volumes`: anonymous volumes.
    pub anonymous: Vec<String>,
}

/// Read `volumes`.
///
/// # Errors
/// An entry cannot be understood.
pub fn volumes(entries: &[String]) -> Result<Volumes, Failure> {
    let mut volumes = Volumes::default();
    for entry in entries {
        let parts: Vec<&str> = entry.split(':').collect();
        match parts.as_slice() {
            [target] if target.starts_with('/') => volumes.anonymous.push((*target).to_owned()),
            [source, target] if target.starts_with('/') => volumes.binds.push(bind(source, target, "")),
            [target, options] if target.starts_with('/') && !options.is_empty() => {
                return Err(Failure::new(format!(
                    "volumes: `{entry}`: `{options}` is no absolute path in the container; write source:target[:options]"
                )));
            }
            [source, target, options] if target.starts_with('/') => volumes.binds.push(bind(source, target, options)),
            _ => {
                return Err(Failure::new(format!(
                    "volumes: `{entry}` cannot be understood; write [source:]target[:options] with an absolute target, \
                     as in /srv/data:/data:ro"
                )));
            }
        }
    }
    Ok(volumes)
}

fn bind(source: &str, target: &str, options: &str) -> String {
    let source = if source.starts_with('~') {
        rprov_modules::account::expand_path(source).display().to_string()
    } else if source.starts_with("./") || source.starts_with("../") || source == "." || source == ".." {
        std::path::absolute(source).map_or_else(|_| source.to_owned(), |path| path.display().to_string())
    } else {
        source.to_owned()
    };
    normalize_bind(&format!("{source}:{target}:{options}"))
}

/// A bind in one spelling: options in order, `rw` where they say nothing of writing.
pub fn normalize_bind(bind: &str) -> String {
    let mut parts = bind.splitn(3, ':');
    let (source, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut options: Vec<&str> =
        parts.next().unwrap_or_default().split(',').filter(|option| !option.is_empty()).collect();
    if !options.contains(&"ro") && !options.contains(&"rw") {
        options.push("rw");
    }
    options.sort_unstable();
    options.dedup();
    let target = if target.len() > 1 { target.trim_end_matches('/') } else { target };
    format!("{source}:{target}:{}", options.join(","))
}

/// The Engine's form of a mount; only what was given is set.
///
/// # Errors
/// An option does not go with the kind of mount, or cannot be understood.
pub fn mount(mount: &Mount) -> Result<Json, Failure> {
    let kind = mount.r#type;
    let of = |given: bool, option: &str, kinds: &[MountType]| {
        if given && !kinds.contains(&kind) {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
            return Err(Failure::new(format!(
                "mounts: {option} cannot be used for mount \"{}\" of type {}; it is for {}",
                mount.target,
                kind.word(),
                kinds.join(", ")
            )));
        }
        Ok(())
    };
    use MountType::{Bind, Cluster, Image, Npipe, Tmpfs, Volume};
    of(mount.propagation.is_some(), "propagation", &[Bind])?;
    of(mount.non_recursive.is_some(), "non_recursive", &[Bind])?;
    of(mount.create_mountpoint.is_some(), "create_mountpoint", &[Bind])?;
    of(mount.read_only_non_recursive.is_some(), "read_only_non_recursive", &[Bind])?;
    of(mount.read_only_force_recursive.is_some(), "read_only_force_recursive", &[Bind])?;
    of(mount.no_copy.is_some(), "no_copy", &[Volume])?;
    of(mount.labels.is_some(), "labels", &[Volume])?;
    of(mount.volume_driver.is_some(), "volume_driver", &[Volume])?;
    of(mount.volume_options.is_some(), "volume_options", &[Volume])?;
    of(mount.subpath.is_some(), "subpath", &[Volume, Image])?;
    of(mount.tmpfs_size.is_some(), "tmpfs_size", &[Tmpfs])?;
    of(mount.tmpfs_mode.is_some(), "tmpfs_mode", &[Tmpfs])?;
    of(mount.tmpfs_options.is_some(), "tmpfs_options", &[Tmpfs])?;
    if mount.source.is_none() && matches!(kind, Bind | Npipe | Cluster | Image) {
        return Err(Failure::new(format!(
            "mounts: source must be specified for mount \"{}\" of type {}",
            mount.target,
            kind.word()
        )));
    }
    let mut json = JsonMap::new();
    json.insert("Type".to_owned(), kind.word().into());
    json.insert("Target".to_owned(), mount.target.as_str().into());
    if let Some(source) = &mount.source {
        let source = if kind == Bind {
            rprov_modules::account::expand_path(source).display().to_string()
        } else {
            source.clone()
        };
        json.insert("Source".to_owned(), source.into());
    }
    if let Some(read_only) = mount.read_only {
        json.insert("ReadOnly".to_owned(), read_only.into());
    }
    if let Some(consistency) = mount.consistency {
        json.insert("Consistency".to_owned(), consistency.word().into());
    }
    let mut options = JsonMap::new();
    let mut set = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            options.insert(name.to_owned(), value);
        }
    };
    match kind {
        Bind => {
            set("Propagation", mount.propagation.map(|propagation| propagation.word().into()));
            set("NonRecursive", mount.non_recursive.map(Json::from));
            set("CreateMountpoint", mount.create_mountpoint.map(Json::from));
            set("ReadOnlyNonRecursive", mount.read_only_non_recursive.map(Json::from));
            set("ReadOnlyForceRecursive", mount.read_only_force_recursive.map(Json::from));
        }
        Volume => {
            set("NoCopy", mount.no_copy.map(Json::from));
            set("Subpath", mount.subpath.clone().map(Json::from));
            set("Labels", mount.labels.clone().map(|labels| rprov_wire::Value::Map(labels).to_json()));
            let driver = mount.volume_driver.as_deref();
            let driver_options = mount.volume_options.clone().map(|options| rprov_wire::Value::Map(options).to_json());
            if driver.is_some() || driver_options.is_some() {
                set("DriverConfig", Some(json!({"Name": driver, "Options": driver_options})));
            }
        }
        Tmpfs => {
            if let Some(size) = &mount.tmpfs_size {
                set("SizeBytes", Some(quantity::bytes("mounts: tmpfs_size", size)?.into()));
            }
            if let Some(mode) = &mount.tmpfs_mode {
                let mode = u32::from_str_radix(mode.trim_start_matches("0o"), 8).map_err(|_| {
                    Failure::new(format!("mounts: tmpfs_mode `{mode}` is not octal; write it as \"1777\""))
                })?;
                set("Mode", Some(mode.into()));
            }
            if let Some(given) = &mount.tmpfs_options {
                let mut list = Vec::new();
                for (name, value) in given.iter().flatten() {
                    list.push(match value {
                        rprov_wire::Value::Null => json!([name]),
                        rprov_wire::Value::String(text) => json!([name, text]),
                        other => json!([name, other.to_string()]),
                    });
                }
                set("Options", Some(Json::Array(list)));
            }
        }
        Image => set("Subpath", mount.subpath.clone().map(Json::from)),
        Npipe | Cluster => {}
    }
    if !options.is_empty() {
        let name = match kind {
            Bind => "BindOptions",
            Tmpfs => "TmpfsOptions",
            Image => "ImageOptions",
            _ => "VolumeOptions",
        };
        json.insert(name.to_owned(), Json::Object(options));
    }
    Ok(Json::Object(json))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use rprov_modules::argument::Arguments as _;

    #[test]
    fn volumes_are_directories_names_or_anonymous() {
        let entries = ["/a:/b", "name:/c:ro", "/d", "/e:/f/:Z,rw"].map(str::to_owned);
        let read = volumes(&entries).unwrap();
        assert_eq!(read.binds, ["/a:/b:rw", "name:/c:ro", "/e:/f:Z,rw"]);
        assert_eq!(read.anonymous, ["/d"]);
        for wrong in ["relative", "/a:b", "a:b:c:d", "/a:b:ro"] {
            assert!(volumes(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
        assert_eq!(normalize_bind("x:/y"), "x:/y:rw");
        assert_eq!(normalize_bind("x:/y:z,ro"), normalize_bind("x:/y:ro,z"));
    }

    fn read(json: Json) -> Result<Json, Failure> {
        let value = rprov_wire::Value::from_json(&json);
        mount(&Mount::decode(value.as_map().unwrap()).unwrap())
    }

    #[test]
    fn mounts_set_only_what_was_given_and_fits() {
        assert_eq!(
            read(json!({"type": "tmpfs", "target": "/t", "tmpfs_size": "1M", "tmpfs_mode": "1777"})).unwrap(),
            json!({"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1048576, "Mode": 1023}})
        );
        assert_eq!(
            read(json!({"type": "bind", "source": "/s", "target": "/t", "read_only": true})).unwrap(),
            json!({"Type": "bind", "Target": "/t", "Source": "/s", "ReadOnly": true})
        );
        assert!(read(json!({"type": "bind", "target": "/t"})).unwrap_err().message.contains("source must be"));
        let failure = read(json!({"type": "volume", "target": "/t", "tmpfs_size": "1M"})).unwrap_err();
        assert!(failure.message.contains("tmpfs_size cannot be used"), "{failure}");
    }
}

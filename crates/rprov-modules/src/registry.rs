//! Every module by its name.

use rprov_wire::Map;

use crate::argument::{ArgumentProblem, Arguments, Spec};
use crate::context::Context;
use crate::outcome::{Failure, Outcome};

/// What runs a module: it decodes the arguments, and goes.
pub type Entry = fn(&Map, &Context<'_>) -> Result<Outcome, Failure>;

/// A module: its name, and the description of its arguments.
pub struct Module {
    /// The short name (`copy`).
    pub name: &'static str,
    /// The collection it belongs to (`ansible.builtin`, `community.docker`).
    pub collection: &'static str,
    /// Its documentation and arguments.
    pub spec: &'static Spec,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Module({}.{})", self.collection, self.name)
    }
}

/// Declare the list of modules: each file has a type `Arguments` and a function `run`.
macro_rules! modules {
    ($($collection:literal { $($name:ident),* $(,)? })+) => {
        static MODULES: &[Module] = &[
            $($(Module {
                name: stringify!($name),
                collection: $collection,
                spec: &<crate::module::$name::Arguments as Arguments>::SPEC,
            },)*)+
        ];

        // Apart from the descriptions, since the agent is to be linked without them: the controller has checked already.
        static ENTRIES: &[(&str, &str, Entry)] = &[
            $($((stringify!($name), $collection, |arguments, context| {
                crate::module::$name::run(decode::<crate::module::$name::Arguments>(arguments)?, context)
            }),)*)+
        ];
    };
}

modules! {
    "ansible.builtin" {
        apt,
        apt_key,
        apt_repository,
        assemble,
        async_status,
        blockinfile,
        command,
        copy,
        cron,
        deb822_repository,
        debconf,
        dnf,
        dnf5,
        dpkg_selections,
        expect,
        fetch,
        file,
        find,
        get_url,
        getent,
        git,
        group,
        hostname,
        iptables,
        known_hosts,
        lineinfile,
        mount_facts,
        package,
        package_facts,
        ping,
        pip,
        replace,
        rpm_key,
        script,
        service,
        service_facts,
        setup,
        shell,
        slurp,
        stat,
        subversion,
        systemd,
        systemd_service,
        sysvinit,
        tempfile,
        unarchive,
        uri,
        user,
        wait_for,
        yum_repository,
    }
    "community.general" {
        ini_file,
    }
    "ansible.posix" {
        authorized_key,
        sysctl,
    }
    "community.docker" {
        docker_container,
        docker_container_exec,
        docker_container_info,
        docker_host_info,
        docker_image,
        docker_image_info,
        docker_network,
        docker_network_info,
        docker_prune,
        docker_volume,
        docker_volume_info,
    }
}

fn decode<T: Arguments>(arguments: &Map) -> Result<T, ArgumentProblem> {
    T::decode(arguments)
}

/// All modules.
pub fn modules() -> &'static [Module] {
    MODULES
}

/// The module of that name, short (`copy`) or full (`ansible.builtin.copy`, `ansible.legacy.copy`).
pub fn find(name: &str) -> Option<&'static Module> {
    MODULES.iter().find(|module| is_named(name, module.name, module.collection))
}

/// What runs the module of that name; see [`find`].
pub fn entry(name: &str) -> Option<Entry> {
    if name == crate::own::NAME {
        return Some(|arguments, context| crate::own::run(decode(arguments)?, context));
    }
    ENTRIES.iter().find(|(short, collection, _)| is_named(name, short, collection)).map(|(_, _, entry)| *entry)
}

fn is_named(name: &str, short: &str, collection: &str) -> bool {
    match name.rsplit_once('.') {
        None => name == short,
        Some(("ansible.builtin" | "ansible.legacy", name)) => name == short,
        Some((given, name)) => name == short && given == collection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_found_by_short_and_full_name_only_in_its_own_collection() {
        assert!(find("ping").is_some());
        assert!(find("ansible.builtin.ping").is_some());
        assert!(find("community.docker.ping").is_none());
        assert!(find("pingg").is_none());
    }

    #[test]
    fn a_module_is_listed_once_in_the_collection_it_is_known_from() {
        let mut names: Vec<&str> = modules().iter().map(|module| module.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for name in ["systemd", "systemd_service", "user", "wait_for"] {
            assert!(find(name).is_some_and(|module| module.collection == "ansible.builtin"), "{name}");
        }
    }

    #[test]
    fn no_two_options_of_a_module_share_a_name() {
        for module in modules() {
            let mut names: Vec<&str> = module
                .spec
                .options()
                .flat_map(|option| std::iter::once(&option.name).chain(option.aliases).copied())
                .collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}", module.name);
        }
    }
}

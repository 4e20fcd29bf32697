//! Every module by its name.

use rprov_wire::Map;

use crate::argument::Spec;
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

/// A module's name, its collection, and what runs it.
pub type Listed = (&'static str, &'static str, Entry);

/// Declare the modules of one program, by collection: each is a file in `crate::module` with a type `Arguments` and a
/// function `run`. What is named behind `beside` runs as well, as one of a collection `rprov`, and is no module that a task could name.
///
/// Makes the functions `modules`, `find` and `entry`.
#[macro_export]
#[allow(clippy::crate_in_macro_def, reason = "the modules are those of the crate that lists them")]
macro_rules! modules {
    ($($collection:literal { $($name:ident),* $(,)? })+ $(beside: $hidden:ident;)?) => {
        static MODULES: &[$crate::Module] = &[
            $($($crate::Module {
                name: stringify!($name),
                collection: $collection,
                spec: &<crate::module::$name::Arguments as $crate::Arguments>::SPEC,
            },)*)+
        ];

        // Apart from the descriptions, since what goes to hosts is to be linked without them: the controller has checked
        // already.
        static ENTRIES: &[$crate::registry::Listed] = &[
            $($((stringify!($name), $collection, |arguments, context| {
                let arguments = <crate::module::$name::Arguments as $crate::Arguments>::decode(arguments)?;
                crate::module::$name::run(arguments, context)
            }),)*)+
            $((stringify!($hidden), "rprov", |arguments, context| {
                crate::$hidden::run(<crate::$hidden::Arguments as $crate::Arguments>::decode(arguments)?, context)
            }),)?
        ];

        /// All modules.
        pub fn modules() -> &'static [$crate::Module] {
            MODULES
        }

        /// The module of that name, short (`copy`) or full (`ansible.builtin.copy`, `ansible.legacy.copy`).
        pub fn find(name: &str) -> Option<&'static $crate::Module> {
            MODULES.iter().find(|module| $crate::registry::is_named(name, module.name, module.collection))
        }

        /// What runs the module of that name; see [`find`].
        pub fn entry(name: &str) -> Option<$crate::registry::Entry> {
            let mut listed = ENTRIES.iter();
            let listed = listed.find(|(short, collection, _)| $crate::registry::is_named(name, short, collection));
            listed.map(|(_, _, entry)| *entry)
        }
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
        acl,
        at,
        authorized_key,
        firewalld,
        mount,
        patch,
        seboolean,
        selinux,
        sysctl,
    }
    beside: own;
}

/// Whether a name, short or full, is that of a module in this collection.
pub fn is_named(name: &str, short: &str, collection: &str) -> bool {
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

//! Everything that a task can call, by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use rprov_modules::{Arguments, Module, Spec};

use super::call::Action;

/// An action or module.
pub struct Known {
    /// Its short name.
    pub short: &'static str,
    /// The collection it belongs to.
    pub collection: &'static str,
    /// Its documentation and arguments.
    pub spec: &'static Spec,
    /// The option that takes free text.
    pub free_form: Option<&'static str>,
    /// The free text is a command of its own, in which `=` need not mean an option.
    pub free_text: bool,
    /// Its controller half.
    pub action: Option<&'static dyn Action>,
    /// Its agent half.
    pub module: Option<&'static Module>,
    /// It is a module of ansible-core that is not here yet.
    pub absent: bool,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Known({}.{})", self.collection, self.short)
    }
}

impl Known {
    /// The option's own name, for a name or an alias.
    pub fn canonical(&self, name: &str) -> Option<&'static str> {
        self.spec.option(name).map(|option| option.name)
    }

    /// The names of all options, and behind them all aliases, as messages list them.
    pub fn option_names(&self) -> String {
        let own = self.spec.options().filter(|option| !option.name.starts_with('_'));
        let mut names: Vec<&str> = own.clone().map(|option| option.name).collect();
        let mut aliases: Vec<&str> = own.flat_map(|option| option.aliases.iter().copied()).collect();
        names.sort_unstable();
        aliases.sort_unstable();
        match aliases.as_slice() {
            [] => names.join(", "),
            aliases => format!("{} ({})", names.join(", "), aliases.join(", ")),
        }
    }
}

/// An action that has no module of its name on the agent: its own arguments describe it.
struct Own {
    name: &'static str,
    spec: &'static Spec,
    action: &'static dyn Action,
}

macro_rules! own {
    ($($name:ident => $action:expr),* $(,)?) => {
        [$(Own { name: stringify!($name), spec: &<super::$name::Arguments as Arguments>::SPEC, action: &$action }),*]
    };
}

static KNOWN: LazyLock<HashMap<&'static str, Known>> = LazyLock::new(|| {
    let mut all: HashMap<&'static str, Known> = HashMap::new();
    for module in rprov_modules::modules() {
        all.insert(
            module.name,
            Known {
                short: module.name,
                collection: module.collection,
                spec: module.spec,
                free_form: module.spec.free_form,
                free_text: matches!(module.name, "command" | "shell" | "script"),
                action: None,
                module: Some(module),
                absent: false,
            },
        );
    }
    for own in own! {
        add_host => super::add_host::AddHost,
        assert => super::assert::Assert,
        debug => super::debug::Debug,
        fail => super::fail::Fail,
        gather_facts => super::gather_facts::GatherFacts,
        group_by => super::group_by::GroupBy,
        include_role => super::include_role::IncludeRole,
        include_tasks => super::include_tasks::IncludeTasks,
        include_vars => super::include_vars::IncludeVars,
        meta => super::meta::Meta,
        pause => super::pause::Pause,
        raw => super::raw::RawCommand,
        reboot => super::reboot::Reboot,
        set_fact => super::set_fact::SetFact,
        set_stats => super::set_stats::SetStats,
        template => super::template::Template,
        validate_argument_spec => super::validate_argument_spec::ValidateArgumentSpec,
        wait_for_connection => super::wait_for_connection::WaitForConnection,
    } {
        let module = all.get(own.name).and_then(|known| known.module);
        all.insert(
            own.name,
            Known {
                short: own.name,
                collection: "ansible.builtin",
                spec: own.spec,
                free_form: own.spec.free_form,
                free_text: own.name == "raw",
                action: Some(own.action),
                module,
                absent: false,
            },
        );
    }
    // Static imports are replaced when they are loaded.
    for (name, spec) in [
        ("import_tasks", &<super::import_tasks::Arguments as Arguments>::SPEC),
        ("import_role", &<super::import_role::Arguments as Arguments>::SPEC),
    ] {
        all.insert(
            name,
            Known {
                short: name,
                collection: "ansible.builtin",
                spec,
                free_form: spec.free_form,
                free_text: false,
                action: None,
                module: None,
                absent: false,
            },
        );
    }
    for name in ABSENT {
        all.insert(
            name,
            Known {
                short: name,
                collection: "ansible.builtin",
                spec: &<super::absent::Arguments as Arguments>::SPEC,
                free_form: None,
                free_text: false,
                action: Some(&super::absent::Absent),
                module: None,
                absent: true,
            },
        );
    }
    // Modules whose files come from the controller.
    let halves: [(&str, &'static dyn Action); 7] = [
        ("assemble", &super::assemble::Assemble),
        ("async_status", &super::async_status::AsyncStatus),
        ("copy", &super::copy::Copy),
        ("fetch", &super::fetch::Fetch),
        ("script", &super::script::Script),
        ("unarchive", &super::unarchive::Unarchive),
        ("uri", &super::uri::Uri),
    ];
    for (name, action) in halves {
        if let Some(known) = all.get_mut(name) {
            known.action = Some(action);
        }
    }
    all
});

/// Modules of ansible-core that are not here yet. A playbook that names one runs, as long as the task is not reached.
const ABSENT: &[&str] = &[
    "apt_key",
    "dnf",
    "dpkg_selections",
    "expect",
    "iptables",
    "mount_facts",
    "rpm_key",
    "subversion",
    "sysvinit",
    "yum_repository",
];

/// Names under which modules went before, or go elsewhere.
const REDIRECTS: &[(&str, &str)] = &[("dnf5", "dnf"), ("yum", "dnf")];

/// The action or module of that name: short (`copy`), or with its collection (`ansible.builtin.copy`).
pub fn find(name: &str) -> Option<&'static Known> {
    let (collection, short) = match name.rsplit_once('.') {
        None => (None, name),
        Some((collection, short)) => (Some(collection), short),
    };
    let known = KNOWN.get(short).or_else(|| {
        let target = REDIRECTS.iter().find(|(old, _)| *old == short)?.1;
        KNOWN.get(target)
    })?;
    match collection {
        None | Some("ansible.builtin" | "ansible.legacy") if known.collection == "ansible.builtin" => Some(known),
        None => Some(known),
        Some(collection) if collection == known.collection => Some(known),
        Some(_) => None,
    }
}

/// Every short name of what is here.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = KNOWN.values().filter(|known| !known.absent).map(|known| known.short).collect();
    names.sort_unstable();
    names
}

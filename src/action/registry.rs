//! Everything that a task can call, by name.
//!
//! What is built in stands in one table; modules of the user's own are found by [`Library`](super::own::Library), and are
//! described by a [`Known`] like any other.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use rprov_modules::{Arguments, Module, Spec};
use rprov_wire::{Map, Source};

use super::call::{Action, Stop};
use super::own::{Circumstances, OwnModule};

/// An action or module, shared by all tasks that call it.
pub type Called = Arc<Known>;

/// What runs on the host.
#[derive(Clone)]
pub enum OnHost {
    /// A module that the agent has.
    Native(&'static Module),
    /// A program of the user's own.
    Own(Arc<OwnModule>),
}

/// A call as the agent gets it.
#[derive(Debug, Default)]
pub struct Parcel {
    /// The arguments.
    pub arguments: Map,
    /// What they refer to.
    pub sources: Vec<Source>,
}

impl OnHost {
    /// The module's name on the agent.
    pub fn name(&self) -> &'static str {
        match self {
            OnHost::Native(module) => module.name,
            OnHost::Own(_) => rprov_modules::own::NAME,
        }
    }

    /// What the agent is sent for a task's arguments.
    ///
    /// # Errors
    /// The module's file cannot be read, or what it imports is not there.
    pub fn parcel(&self, arguments: &Map, circumstances: &Circumstances<'_>) -> Result<Parcel, Stop> {
        match self {
            OnHost::Native(_) => Ok(Parcel { arguments: arguments.clone(), sources: Vec::new() }),
            OnHost::Own(module) => module.parcel(arguments, circumstances),
        }
    }
}

/// An action or module.
pub struct Known {
    /// Its short name.
    pub short: Cow<'static, str>,
    /// The collection it belongs to.
    pub collection: Cow<'static, str>,
    /// Its documentation and arguments.
    pub spec: &'static Spec,
    /// The option that takes free text.
    pub free_form: Option<&'static str>,
    /// The free text is a command of its own, in which `=` need not mean an option.
    pub free_text: bool,
    /// Its controller half.
    pub action: Option<&'static dyn Action>,
    /// Its agent half.
    pub module: Option<OnHost>,
    /// The user's file that has it.
    pub file: Option<PathBuf>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Known({}.{})", self.collection, self.short)
    }
}

impl Known {
    /// Its name with its collection's.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.collection, self.short)
    }

    /// Whether it runs on the host alone, without a part on the controller.
    pub fn is_on_host(&self) -> bool {
        self.action.is_none()
    }

    /// An option that a variable of the host gives where the task does not, and that variable.
    pub fn option_of_variable(&self) -> Option<(&'static str, &'static str)> {
        match &*self.short {
            "package" => Some(("use", "ansible_package_use")),
            "pip" => Some(("_interpreter", "ansible_python_interpreter")),
            _ => None,
        }
    }

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

static KNOWN: LazyLock<HashMap<&'static str, Called>> = LazyLock::new(|| {
    let mut all: HashMap<&'static str, Known> = HashMap::new();
    for module in rprov_modules::modules().iter().chain(rprov_systems::modules()) {
        all.insert(
            module.name,
            Known {
                short: module.name.into(),
                collection: module.collection.into(),
                spec: module.spec,
                free_form: module.spec.free_form,
                free_text: matches!(module.name, "command" | "shell" | "script"),
                action: None,
                module: Some(OnHost::Native(module)),
                file: None,
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
        synchronize => super::synchronize::Synchronize,
        template => super::template::Template,
        validate_argument_spec => super::validate_argument_spec::ValidateArgumentSpec,
        wait_for_connection => super::wait_for_connection::WaitForConnection,
    } {
        let module = all.get(own.name).and_then(|known| known.module.clone());
        all.insert(
            own.name,
            Known {
                short: own.name.into(),
                collection: if own.name == "synchronize" { POSIX } else { BUILTIN }.into(),
                spec: own.spec,
                free_form: own.spec.free_form,
                free_text: own.name == "raw",
                action: Some(own.action),
                module,
                file: None,
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
                short: (*name).into(),
                collection: BUILTIN.into(),
                spec,
                free_form: spec.free_form,
                free_text: false,
                action: None,
                module: None,
                file: None,
            },
        );
    }
    // Modules whose files come from the controller.
    let halves: [(&str, &'static dyn Action); 8] = [
        ("assemble", &super::assemble::Assemble),
        ("async_status", &super::async_status::AsyncStatus),
        ("copy", &super::copy::Copy),
        ("fetch", &super::fetch::Fetch),
        ("patch", &super::patch::Patch),
        ("script", &super::script::Script),
        ("unarchive", &super::unarchive::Unarchive),
        ("uri", &super::uri::Uri),
    ];
    for (name, action) in halves {
        if let Some(known) = all.get_mut(name) {
            known.action = Some(action);
        }
    }
    all.into_iter().map(|(name, known)| (name, Arc::new(known))).collect()
});

/// The collection of what comes with Ansible.
const BUILTIN: &str = "ansible.builtin";

/// The collection of what POSIX systems have.
const POSIX: &str = "ansible.posix";

/// Names under which modules went before, or go elsewhere.
const REDIRECTS: &[(&str, &str)] = &[("yum", "dnf")];

/// The action or module of that name: short (`copy`), or with its collection (`ansible.builtin.copy`).
pub fn find(name: &str) -> Option<&'static Called> {
    let (collection, short) = match name.rsplit_once('.') {
        None => (None, name),
        Some((collection, short)) => (Some(collection), short),
    };
    let known = KNOWN.get(short).or_else(|| {
        let target = REDIRECTS.iter().find(|(old, _)| *old == short)?.1;
        KNOWN.get(target)
    })?;
    match collection {
        None | Some("ansible.builtin" | "ansible.legacy") if known.collection == BUILTIN => Some(known),
        None => Some(known),
        Some(collection) if collection == known.collection => Some(known),
        Some(_) => None,
    }
}

/// What stands for an action whose name is a template, until it is rendered.
pub fn undetermined() -> Called {
    static UNDETERMINED: LazyLock<Called> = LazyLock::new(|| {
        Arc::new(Known {
            short: "".into(),
            collection: "".into(),
            spec: &<super::undetermined::Arguments as Arguments>::SPEC,
            free_form: Some("_raw_params"),
            free_text: false,
            action: None,
            module: None,
            file: None,
        })
    });
    Arc::clone(&UNDETERMINED)
}

/// Every short name of what is here.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = KNOWN.keys().copied().collect();
    names.sort_unstable();
    names
}

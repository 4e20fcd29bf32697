//! Which program on a host has a module.
//!
//! Every host needs the agent, so that it has to be small; what few hosts need has a program of its own, which is built,
//! found, pushed and spoken to in the same way.

use rprov_modules::registry;

/// A program that runs modules on hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Program {
    /// `rprov-agent`, with the modules of the crate `rprov-modules`.
    #[default]
    Agent,
    /// `rprov-systems`, with those of the crate `rprov-systems`.
    Systems,
}

impl Program {
    /// The one that has the module of that name. What is in neither is for the agent to refuse.
    pub fn with(module: &str) -> Program {
        if rprov_systems::find(module).is_some() { Program::Systems } else { Program::Agent }
    }

    /// Its file's name.
    pub fn name(self) -> &'static str {
        match self {
            Program::Agent => "rprov-agent",
            Program::Systems => "rprov-systems",
        }
    }
}

/// What runs a module of any of the programs, within this one.
pub fn entry(module: &str) -> Option<registry::Entry> {
    registry::entry(module).or_else(|| rprov_systems::entry(module))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_module_is_in_one_program() {
        for module in rprov_modules::modules() {
            assert_eq!(Program::with(module.name), Program::Agent, "{module:?}");
        }
        for module in rprov_systems::modules() {
            let full = format!("{}.{}", module.collection, module.name);
            assert!([module.name, &full].iter().all(|name| Program::with(name) == Program::Systems), "{module:?}");
            assert!(entry(&full).is_some(), "{module:?}");
        }
        assert_eq!(Program::with(rprov_modules::own::NAME), Program::Agent);
        assert!(entry(rprov_modules::own::NAME).is_some());
        assert!(entry("nothing").is_none());
    }
}

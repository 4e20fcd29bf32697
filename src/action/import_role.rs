//! `import_role`: a role, loaded with the playbook. Only its arguments are here: the import is replaced by the role's
//! tasks when the playbook is loaded.

use rprov_modules::arguments;

arguments! {
    /// Import a role into a play.
    pub struct Arguments {
        /// The role.
        name | role: String,
        /// File of `tasks/`, instead of `main`.
        tasks_from: Option<String>,
        /// File of `vars/`, instead of `main`.
        vars_from: Option<String>,
        /// File of `defaults/`, instead of `main`.
        defaults_from: Option<String>,
        /// File of `handlers/`, instead of `main`.
        handlers_from: Option<String>,
        /// The role's variables are visible to the rest of the play.
        public: bool = true,
        /// Run it even if it has run already.
        allow_duplicates: bool = true,
        /// Check its arguments against its specification.
        rolespec_validate: bool = true,
    }
}

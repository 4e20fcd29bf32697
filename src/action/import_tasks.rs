//! `import_tasks`: tasks of a file, loaded with the playbook. Only its arguments are here: the import is replaced by the
//! tasks when the playbook is loaded.

use rprov_modules::arguments;

arguments! {
    /// Import a task list.
    pub struct Arguments {
        /// The file.
        file | _raw_params: Option<String>,
    }
    free_form: "file"
}

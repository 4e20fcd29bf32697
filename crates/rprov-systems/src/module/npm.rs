//! `npm`: packages of node.js.

use std::path::PathBuf;

use rprov_modules::process::{Command, Output};
use rprov_modules::{Context, Failure, Outcome, arguments, choices};
use serde_json::Value as Json;

choices! {
    /// Whether the package is to be there.
    pub enum State { Present = "present", Absent = "absent", Latest = "latest" }
}

arguments! {
    /// Manage node.js packages with npm.
    pub struct Arguments {
        /// The package; without, those that package.json names.
        name: Option<String>,
        /// The directory of the project.
        path: Option<PathBuf>,
        /// The version.
        version: Option<String>,
        /// Install it for the whole system.
        global: bool = false,
        /// The npm to run.
        executable: Option<PathBuf>,
        /// Do not run the packages' own scripts.
        ignore_scripts: bool = false,
        /// Do not change the user for scripts.
        unsafe_perm: bool = false,
        /// Install exactly what package-lock.json says.
        ci: bool = false,
        /// Leave out what only development needs.
        production: bool = false,
        /// The registry.
        registry: Option<String>,
        /// Whether the package is to be there.
        state: State = State::Present,
        /// Leave optional dependencies out.
        no_optional: bool = false,
        /// Make no links to programs.
        no_bin_links: bool = false,
        /// Fetch even what is there already.
        force: bool = false,
    }
}

struct Npm<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
}

impl Npm<'_> {
    /// Name and version, as npm takes them.
    fn package(&self) -> Option<String> {
        let name = self.arguments.name.as_ref()?;
        Some(match &self.arguments.version {
            Some(version) if self.arguments.state != State::Absent => format!("{name}@{version}"),
            _ => name.clone(),
        })
    }

    fn command(&self, words: &[&str]) -> Command {
        let arguments = self.arguments;
        let program = arguments.executable.clone().unwrap_or_else(|| "npm".into());
        let mut command = Command::new(program).args(words).plain_locale();
        for (wanted, flag) in [
            (arguments.global, "--global"),
            (arguments.production, "--production"),
            (arguments.ignore_scripts, "--ignore-scripts"),
            (arguments.unsafe_perm, "--unsafe-perm"),
            (arguments.no_optional, "--no-optional"),
            (arguments.no_bin_links, "--no-bin-links"),
            (arguments.force, "--force"),
        ] {
            if wanted {
                command = command.arg(flag);
            }
        }
        if let Some(registry) = &arguments.registry {
            command = command.args(["--registry", registry]);
        }
        match &arguments.path {
            Some(path) if path.is_dir() => command.current_dir(path),
            _ => command,
        }
    }

    fn change(&self, word: &str) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        if let Some(path) = &self.arguments.path {
            std::fs::create_dir_all(path).map_err(|error| Failure::io("create", path, error))?;
        }
        let mut command = self.command(&[word]);
        if let (Some(package), true) = (self.package(), word != "ci") {
            command = command.arg(package);
        }
        command.live().run_or_fail(&format!("npm {word} failed"), self.context).map(drop)
    }

    fn json(&self, output: &Output, words: &str) -> Result<Json, Failure> {
        let text = output.stdout();
        if text.trim().is_empty() {
            return if output.success() { Ok(Json::Null) } else { Err(output.failure(&format!("npm {words} failed"))) };
        }
        serde_json::from_str(&text).map_err(|error| output.failure(&format!("npm {words} gave no JSON ({error})")))
    }

    /// What is installed, and what should be and is not.
    fn list(&self) -> Result<(Vec<String>, Vec<String>), Failure> {
        let (mut installed, mut missing) = (Vec::new(), Vec::new());
        // What is wrong in a project is part of the list, and makes npm fail.
        let output = self.command(&["list", "--json"]).run(self.context)?;
        let list = self.json(&output, "list")?;
        for (name, package) in list["dependencies"].as_object().into_iter().flatten() {
            let is = |key: &str| !matches!(package.get(key), None | Some(Json::Null | Json::Bool(false)));
            if is("missing") || is("invalid") {
                missing.push(name.clone());
                continue;
            }
            let version = package["version"].as_str();
            installed.push(name.clone());
            if let Some(version) = version {
                installed.push(format!("{name}@{version}"));
            }
        }
        if let Some(package) = self.package()
            && !installed.contains(&package)
        {
            missing.push(package);
        }
        Ok((installed, missing))
    }

    fn is_outdated(&self) -> Result<bool, Failure> {
        let output = self.command(&["outdated", "--json"]).run(self.context)?;
        let list = self.json(&output, "outdated")?;
        let mut names = list.as_object().into_iter().flatten().map(|(name, _)| name);
        Ok(match &self.arguments.name {
            Some(wanted) => names.any(|name| name == wanted),
            None => names.next().is_some(),
        })
    }
}

/// Install, update or remove it.
///
/// # Errors
/// There is no npm, or it fails.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if arguments.path.is_none() && !arguments.global {
        return Err(Failure::new("path must be specified when not using global"));
    }
    if arguments.state == State::Absent && arguments.name.is_none() {
        return Err(Failure::new("name is needed: which package is to be removed"));
    }
    let npm = Npm { arguments: &arguments, context };
    if arguments.ci && arguments.state == State::Present {
        npm.change("ci")?;
        return Ok(Outcome::new(true));
    }
    let (installed, missing) = npm.list()?;
    let word = match arguments.state {
        State::Present if !missing.is_empty() => Some("install"),
        State::Latest if !missing.is_empty() => Some("install"),
        State::Latest if npm.is_outdated()? => Some("update"),
        State::Absent if arguments.name.as_ref().is_some_and(|name| installed.contains(name)) => Some("uninstall"),
        _ => None,
    };
    if let Some(word) = word {
        npm.change(word)?;
    }
    Ok(Outcome::new(word.is_some()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bench;

    #[test]
    fn packages_are_installed_updated_and_removed() {
        let bench = bench();
        bench.file("app/list", "{\"dependencies\":{\"old\":{\"version\":\"1.0.0\"}}}");
        bench.file("app/outdated", "{\"old\":{\"current\":\"1.0.0\",\"latest\":\"2.0.0\"}}");
        bench.program(
            "npm",
            "cd app; case $1 in list) cat list;; outdated) cat outdated; exit 1;; \
             install) echo '{\"dependencies\":{\"old\":{\"version\":\"1.0.0\"},\"new\":{\"version\":\"3.1.0\"}}}' >list;; \
             update) echo '{}' >outdated;; uninstall) echo '{\"dependencies\":{}}' >list;; esac",
        );
        let path = bench.path("app");
        bench.converges("npm", json!({"name": "new", "version": "3.1.0", "path": path, "production": true}));
        assert!(bench.calls().contains(&"npm install --production new@3.1.0".to_owned()));
        bench.settled("npm", json!({"name": "new", "path": path}));
        bench.converges("npm", json!({"name": "old", "path": path, "state": "latest"}));
        bench.converges("npm", json!({"name": "old", "path": path, "state": "absent"}));
        bench.settled("npm", json!({"path": path}));
        bench.file("app/list", "{\"dependencies\":{\"a\":{\"required\":\"1\",\"missing\":true}}}");
        let done = bench.run("npm", json!({"path": path}), true);
        assert!(done.is_ok_and(|done| done["changed"].as_bool() == Some(true)));
    }

    #[test]
    fn failures_say_what_npm_said() {
        let bench = bench();
        bench.program("npm", "echo 'npm ERR! code E404' >&2; exit 1");
        assert!(bench.fails("npm", json!({"name": "x", "global": true})).contains("code E404"));
        assert!(bench.fails("npm", json!({"name": "x"})).contains("path must be specified"));
        assert!(bench.fails("npm", json!({"path": "/", "state": "absent"})).contains("name"));
    }
}

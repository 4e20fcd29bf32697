//! `docker_compose_v2`: projects of Docker Compose, by the plugin `docker compose` on the host.

use std::path::{Path, PathBuf};

use rprov_wire::{Map, Value};
use serde_json::Value as Json;

use crate::docker::cli::{Cli, CliConnection};
use crate::docker::compose::{Event, container, errors, events, warnings};
use rprov_modules::argument::Rule;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::process::{Command, Output};
use rprov_modules::{arguments, choices};

choices! {
    /// The state of a project.
    pub enum State { Absent = "absent", Stopped = "stopped", Restarted = "restarted", Present = "present" }
}

choices! {
    /// When images are pulled.
    pub enum Pull { Always = "always", Missing = "missing", Never = "never", Policy = "policy" }
}

choices! {
    /// When images are built.
    pub enum Build { Always = "always", Never = "never", Policy = "policy" }
}

choices! {
    /// When containers are made anew.
    pub enum Recreate { Always = "always", Never = "never", Auto = "auto" }
}

choices! {
    /// Which images are removed.
    pub enum RemoveImages { All = "all", Local = "local" }
}

/// The names of a project's file, where none is given.
const FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

arguments! {
    /// Manage projects of Docker Compose.
    pub struct Arguments + CliConnection {
        /// The project's directory on the host.
        project_src: Option<PathBuf>,
        /// Name of the project; that of its directory if not given.
        project_name: Option<String>,
        /// Compose files, relative to the directory.
        files: Option<Vec<PathBuf>>,
        /// The content of a compose file.
        definition: Option<Map>,
        /// Files with environment variables, relative to the directory.
        env_files: Option<Vec<PathBuf>>,
        /// Profiles to enable.
        profiles: Option<Vec<String>>,
        /// Fail where the directory has none of the files that Compose looks for.
        check_files_existing: bool = true,
        /// The state of the project.
        state: State = State::Present,
        /// When images are pulled.
        pull: Pull = Pull::Policy,
        /// When images are built.
        build: Build = Build::Policy,
        /// When containers are made anew.
        recreate: Recreate = Recreate::Auto,
        /// Make anonymous volumes anew as well.
        renew_anon_volumes: bool = false,
        /// Remove containers of services that the files do not name.
        remove_orphans: bool = false,
        /// With `absent`: remove images.
        remove_images: Option<RemoveImages>,
        /// With `absent`: remove volumes.
        remove_volumes: bool = false,
        /// Also the services that the named ones need.
        dependencies: bool = true,
        /// Seconds that a container has to stop.
        timeout: Option<i64>,
        /// Only these services.
        services: Option<Vec<String>>,
        /// Number of containers by service.
        scale: Option<Map>,
        /// Wait until the services run and are healthy.
        wait: bool = false,
        /// Seconds to wait at most.
        wait_timeout: Option<i64>,
        /// An image that is built again is no change by itself.
        ignore_build_events: bool = true,
        /// Answer questions with yes.
        assume_yes: bool = false,
    }
    rules: [
        Rule::Exclusive(&["docker_host", "cli_context"]),
        Rule::Exclusive(&["definition", "project_src"]),
        Rule::Exclusive(&["definition", "files"]),
        Rule::OneOf(&["definition", "project_src"]),
        Rule::By("definition", &["project_name"]),
    ]
}

/// Bring the project to its state.
///
/// # Errors
/// The command or its plugin is not there; a compose file is missing or wrong; a container does not start.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let project = Project::new(arguments, context)?;
    let (output, mut work) = match project.arguments.state {
        State::Present => project.up(&[])?,
        State::Stopped => project.stop()?,
        State::Restarted => project.restart()?,
        State::Absent => project.down()?,
    };
    work.sort_by_key(|event| event.what == "service");
    let changed = work.iter().any(|event| project.counts(event));
    let said = output.stderr();
    let list = |items: Vec<Json>| Value::from_json(&Json::Array(items));
    let containers = project.objects(&["ps", "--format", "json", "--all"])?;
    let mut outcome = Outcome::new(changed)
        .with("actions", list(work.iter().map(Event::to_json).collect()))
        .with("containers", list(containers.into_iter().map(container).collect()))
        .with("images", list(project.objects(&["images", "--format", "json"])?))
        .with("stdout", output.stdout())
        .with("stderr", said.as_str());
    let warnings = warnings(&said);
    if !warnings.is_empty() {
        outcome = outcome.with("warnings", warnings);
    }
    Ok(outcome)
}

struct Project<'a> {
    arguments: Arguments,
    cli: Cli,
    context: &'a Context<'a>,
    directory: PathBuf,
    /// Holds a definition, and is removed with it.
    _own: Option<tempfile::TempDir>,
}

impl<'a> Project<'a> {
    fn new(arguments: Arguments, context: &'a Context<'a>) -> Result<Self, Failure> {
        let cli = Cli::new(&arguments.attributes, context)?;
        let asked = cli.command(["compose", "version", "--short"]).run(context)?;
        if !asked.success() {
            return Err(Failure::new(
                "the command `docker` on this host has no plugin `compose`; install it (docker-compose-plugin, or \
                 docker-compose-v2), version 2.18 or newer",
            )
            .with("stderr", asked.stderr()));
        }
        if arguments.assume_yes && version(&asked.stdout()) < (2, 32) {
            return Err(Failure::new(format!(
                "assume_yes needs Docker Compose 2.32, and this host has {}",
                asked.stdout().trim()
            )));
        }
        let mut own = None;
        let directory = match (&arguments.definition, &arguments.project_src) {
            (Some(definition), _) => {
                let failed = |error: std::io::Error| Failure::io("write a project to", std::env::temp_dir(), error);
                let made = tempfile::tempdir().map_err(failed)?;
                // JSON is YAML, too.
                let text = Value::Map(definition.clone()).to_json().to_string();
                std::fs::write(made.path().join("compose.yaml"), text).map_err(failed)?;
                own.insert(made).path().to_owned()
            }
            (None, Some(path)) => path.clone(),
            (None, None) => PathBuf::new(),
        };
        if !directory.is_dir() {
            return Err(Failure::new(format!("project_src: {} is no directory on this host", directory.display())));
        }
        match &arguments.files {
            Some(files) => {
                if let Some(missing) = files.iter().find(|file| !directory.join(file).exists()) {
                    let missing = directory.join(missing);
                    return Err(Failure::new(format!("Cannot find Compose file {}", missing.display())));
                }
            }
            None if arguments.check_files_existing && !FILES.iter().any(|name| directory.join(name).exists()) => {
                return Err(Failure::new(format!(
                    "{} does not contain {}; name the file in `files`",
                    directory.display(),
                    FILES.join(" or ")
                )));
            }
            None => {}
        }
        Ok(Project { arguments, cli, context, directory, _own: own })
    }

    fn command(&self, dry: bool) -> Command {
        let mut command =
            self.cli.command(["compose", "--ansi", "never", "--progress", "plain"]).current_dir(&self.directory);
        command = command.arg("--project-directory").arg(&self.directory);
        if let Some(name) = &self.arguments.project_name {
            command = command.arg("--project-name").arg(name);
        }
        for (flag, paths) in [("--file", &self.arguments.files), ("--env-file", &self.arguments.env_files)] {
            for path in paths.iter().flatten() {
                command = command.arg(flag).arg(relative(path));
            }
        }
        for profile in self.arguments.profiles.iter().flatten() {
            command = command.arg("--profile").arg(profile);
        }
        if dry { command.arg("--dry-run") } else { command }
    }

    fn objects(&self, words: &[&str]) -> Result<Vec<Json>, Failure> {
        let command = self.command(false).args(words.iter().copied());
        let output = command.run(self.context)?;
        if !output.success() {
            return Err(self.failed(&command, &output));
        }
        let read: Result<Vec<Json>, _> =
            serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Json>().collect();
        let objects =
            read.map_err(|error| Failure::new(format!("`{}` prints no JSON: {error}", command.words().join(" "))))?;
        // One list, or one object a line, by the plugin's version.
        Ok(objects
            .into_iter()
            .flat_map(|item| match item {
                Json::Array(items) => items,
                item => vec![item],
            })
            .collect())
    }

    fn failed(&self, command: &Command, output: &Output) -> Failure {
        let said = output.stderr();
        let why = errors(&said);
        Failure::new(format!("docker compose failed: {}", if why.is_empty() { said.trim() } else { &why }))
            .with("cmd", command.to_value())
            .with("rc", i64::from(output.rc))
            .with("stdout", output.stdout())
            .with("stderr", said)
    }

    /// Run a command that changes the project, or only tells what it would do.
    fn work(&self, words: &[String]) -> Result<(Output, Vec<Event>), Failure> {
        let command = self
            .command(self.context.check())
            .args(words.iter().map(String::as_str))
            .arg("--")
            .args(self.arguments.services.iter().flatten().map(String::as_str));
        let output =
            if self.context.check() { command.run(self.context)? } else { command.clone().live().run(self.context)? };
        if !output.success() {
            return Err(self.failed(&command, &output));
        }
        let found = events(&output.stderr());
        Ok((output, found))
    }

    fn timeout(&self) -> Vec<String> {
        self.arguments.timeout.map(|seconds| vec!["--timeout".to_owned(), seconds.to_string()]).unwrap_or_default()
    }

    fn up(&self, more: &[&str]) -> Result<(Output, Vec<Event>), Failure> {
        let given = &self.arguments;
        let mut words: Vec<String> = ["up", "--no-color", "--quiet-pull"].map(str::to_owned).into();
        // What was not started cannot be waited for.
        let wait = given.wait && more.is_empty() && !self.context.check();
        let mut add = |condition: bool, word: &str| {
            if condition {
                words.push(word.to_owned());
            }
        };
        add(more.is_empty(), "--detach");
        more.iter().for_each(|word| add(true, word));
        add(given.remove_orphans, "--remove-orphans");
        add(given.recreate == Recreate::Always, "--force-recreate");
        add(given.recreate == Recreate::Never, "--no-recreate");
        add(given.renew_anon_volumes, "--renew-anon-volumes");
        add(!given.dependencies, "--no-deps");
        add(given.build == Build::Always, "--build");
        add(given.build == Build::Never, "--no-build");
        add(given.assume_yes, "--yes");
        add(wait, "--wait");
        words.extend(self.timeout());
        if given.pull != Pull::Policy {
            words.extend(["--pull".to_owned(), given.pull.word().to_owned()]);
        }
        if let Some(seconds) = given.wait_timeout.filter(|_| wait) {
            words.extend(["--wait-timeout".to_owned(), seconds.to_string()]);
        }
        for (service, count) in given.scale.iter().flatten() {
            let count = match count {
                Value::Int(count) => Some(*count),
                Value::String(text) => text.trim().parse().ok(),
                _ => None,
            };
            let count = count
                .filter(|count| *count >= 0)
                .ok_or_else(|| Failure::new(format!("scale: the number of containers of {service} is no number")))?;
            words.extend(["--scale".to_owned(), format!("{service}={count}")]);
        }
        self.work(&words)
    }

    /// Stop what runs; the command says of every container that it stops it, whether or not it runs.
    fn stop(&self) -> Result<(Output, Vec<Event>), Failure> {
        let (made, mut work) = self.up(&["--no-start"])?;
        let mut words = vec!["ps", "--format", "json", "--all", "--"];
        words.extend(self.arguments.services.iter().flatten().map(String::as_str));
        let running = self.objects(&words)?.into_iter().any(|container| {
            !matches!(container.get("State").and_then(Json::as_str), Some("created" | "exited" | "stopped" | "dead"))
        });
        if !running {
            return Ok((made, work));
        }
        let mut words = vec!["stop".to_owned()];
        words.extend(self.timeout());
        let (stopped, more) = self.work(&words)?;
        // In check mode, a container that would be gone by now is told once more.
        let new: Vec<Event> = more.into_iter().filter(|event| !work.contains(event)).collect();
        work.extend(new);
        Ok((stopped, work))
    }

    fn restart(&self) -> Result<(Output, Vec<Event>), Failure> {
        let mut words = vec!["restart".to_owned()];
        if !self.arguments.dependencies {
            words.push("--no-deps".to_owned());
        }
        words.extend(self.timeout());
        self.work(&words)
    }

    fn down(&self) -> Result<(Output, Vec<Event>), Failure> {
        let given = &self.arguments;
        let mut words = vec!["down".to_owned()];
        if given.remove_orphans {
            words.push("--remove-orphans".to_owned());
        }
        if let Some(which) = given.remove_images {
            words.extend(["--rmi".to_owned(), which.word().to_owned()]);
        }
        if given.remove_volumes {
            words.push("--volumes".to_owned());
        }
        words.extend(self.timeout());
        // Volumes and images that are not there are told to be removed as well.
        let (volumes, images) = (
            if given.remove_volumes { self.known(&["volume", "ls", "--format", "{{.Name}}"])? } else { Vec::new() },
            if given.remove_images.is_some() {
                self.known(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"])?
            } else {
                Vec::new()
            },
        );
        let (output, mut work) = self.work(&words)?;
        work.retain(|event| match event.what.as_str() {
            "volume" => volumes.contains(&event.id),
            "image" => images.contains(&event.id) || images.contains(&format!("{}:latest", event.id)),
            _ => true,
        });
        Ok((output, work))
    }

    fn known(&self, words: &[&str]) -> Result<Vec<String>, Failure> {
        let command = self.cli.command(words.iter().copied());
        let output = command.run(self.context)?;
        if !output.success() {
            return Err(self.failed(&command, &output));
        }
        Ok(output.stdout().lines().map(|line| line.trim().to_owned()).collect())
    }

    /// Pulling alone is no change: an image that is new makes containers anew.
    fn counts(&self, event: &Event) -> bool {
        match event.status.as_str() {
            "Pulling" => false,
            "Building" => !self.arguments.ignore_build_events,
            _ => true,
        }
    }
}

/// A path as the command is to read it: one that starts with a dash is no flag.
fn relative(path: &Path) -> PathBuf {
    if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) }
}

/// The first two numbers of a version.
fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.trim().trim_start_matches('v').split(['.', '-', '+']).map_while(|part| part.parse().ok());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(version("2.26.1-4\n"), (2, 26));
        assert!(version("v2.32.0") > (2, 9));
        assert_eq!(version("dev"), (0, 0));
    }
}

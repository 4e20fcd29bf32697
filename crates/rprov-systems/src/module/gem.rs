//! `gem`: packages of Ruby.

use std::path::PathBuf;

use rprov_modules::process::Command;
use rprov_modules::{Context, Failure, Outcome, arguments, choices};

choices! {
    /// Whether the gem is to be there.
    pub enum State { Present = "present", Absent = "absent", Latest = "latest" }
}

arguments! {
    /// Manage Ruby gems.
    pub struct Arguments {
        /// The gem.
        name: String,
        /// Whether it is to be there.
        state: State = State::Present,
        /// The file of the gem, to install from.
        gem_source: Option<PathBuf>,
        /// Install what it depends on, too.
        include_dependencies: bool = true,
        /// The repository to install from.
        repository | source: Option<String>,
        /// Install it for the user alone.
        user_install: bool = true,
        /// The gem to run.
        executable: Option<PathBuf>,
        /// The directory to install to.
        install_dir: Option<PathBuf>,
        /// The directory for its programs.
        bindir: Option<PathBuf>,
        /// Do not read any .gemrc.
        norc: bool = true,
        /// Let its programs find Ruby by /usr/bin/env.
        env_shebang: bool = false,
        /// The version.
        version: Option<String>,
        /// Take versions before a release.
        pre_release: bool = false,
        /// Install its documentation.
        include_doc: bool = false,
        /// Flags for what is compiled.
        build_flags: Option<String>,
        /// Do it even if dependencies forbid it.
        force: bool = false,
    }
}

struct Gem<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
    norc: bool,
    documents: bool,
}

/// Numbers of a version.
fn numbers(version: &str) -> Vec<u32> {
    version.trim().split('.').map_while(|part| part.parse().ok()).collect()
}

impl<'a> Gem<'a> {
    fn new(arguments: &'a Arguments, context: &'a Context<'a>) -> Result<Self, Failure> {
        let mut gem = Gem { arguments, context, norc: false, documents: true };
        let version = gem.command(&["--version"]).run_or_fail("could not ask gem for its version", context)?.stdout();
        let version = numbers(&version);
        gem.norc = arguments.norc && version >= vec![2, 5, 2];
        gem.documents = version >= vec![2];
        Ok(gem)
    }

    fn command(&self, words: &[&str]) -> Command {
        let program = self.arguments.executable.clone().unwrap_or_else(|| "gem".into());
        let mut command = Command::new(program).plain_locale();
        if let Some(directory) = &self.arguments.install_dir {
            command = command.env("GEM_HOME", directory.as_os_str());
        }
        // It is an option of gem's commands, not of gem itself.
        let (verb, rest) = words.split_at(words.len().min(1));
        command.args(verb).args(self.norc.then_some("--norc")).args(rest)
    }

    /// Versions, the newest first.
    fn versions(&self, remote: bool) -> Result<Vec<String>, Failure> {
        let name = self.arguments.name.as_str();
        let pattern: String =
            name.chars().flat_map(|one| (one == '.').then_some('\\').into_iter().chain([one])).collect();
        let mut command = self.command(&["list"]);
        if remote {
            command = command.arg("--remote");
            if let Some(repository) = &self.arguments.repository {
                command = command.args(["--source", repository]);
            }
            if self.arguments.pre_release {
                command = command.arg("--prerelease");
            }
        }
        let output = command.arg(format!("^{pattern}$")).run_or_fail("could not list gems", self.context)?;
        Ok(parse(&output.stdout(), name))
    }

    fn install(&self) -> Result<(), Failure> {
        let arguments = self.arguments;
        let mut command = self.command(&["install"]);
        if let Some(version) = &arguments.version {
            command = command.args(["--version", version]);
        }
        if let Some(repository) = &arguments.repository {
            command = command.args(["--source", repository]);
        }
        for (wanted, flag) in [
            (!arguments.include_dependencies, "--ignore-dependencies"),
            (arguments.user_install, "--user-install"),
            (!arguments.user_install, "--no-user-install"),
            (arguments.pre_release, "--pre"),
            (!arguments.include_doc && self.documents, "--no-document"),
            (!arguments.include_doc && !self.documents, "--no-rdoc"),
            (!arguments.include_doc && !self.documents, "--no-ri"),
            (arguments.env_shebang, "--env-shebang"),
            (arguments.force, "--force"),
        ] {
            if wanted {
                command = command.arg(flag);
            }
        }
        for (flag, directory) in [("--install-dir", &arguments.install_dir), ("--bindir", &arguments.bindir)] {
            if let Some(directory) = directory {
                command = command.arg(flag).arg(directory.as_os_str());
            }
        }
        command = match &arguments.gem_source {
            Some(file) => command.arg(file.as_os_str()),
            None => command.arg(&*arguments.name),
        };
        if let Some(flags) = &arguments.build_flags {
            let flags = shlex::split(flags)
                .ok_or_else(|| Failure::new(format!("build_flags: the quotes in `{flags}` do not match")))?;
            command = command.arg("--").args(flags);
        }
        let attempt = format!("could not install the gem {}", arguments.name);
        command.live().run_or_fail(&attempt, self.context).map(drop)
    }

    fn uninstall(&self) -> Result<(), Failure> {
        let arguments = self.arguments;
        let mut command = self.command(&["uninstall", &arguments.name, "--executables"]);
        command = match &arguments.version {
            Some(version) => command.args(["--version", version]),
            None => command.arg("--all"),
        };
        for (flag, directory) in [("--install-dir", &arguments.install_dir), ("--bindir", &arguments.bindir)] {
            if let Some(directory) = directory {
                command = command.arg(flag).arg(directory.as_os_str());
            }
        }
        if arguments.force {
            command = command.arg("--force");
        }
        let attempt = format!("could not remove the gem {}", arguments.name);
        command.run_or_fail(&attempt, self.context).map(drop)
    }
}

/// `rake (13.0.6, default: 12.3.3 ruby)`
fn parse(text: &str, name: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix('(')?.strip_suffix(')'))
        .flat_map(|versions| versions.split(','))
        .filter_map(|version| version.trim().trim_start_matches("default:").split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// Install or remove it.
///
/// # Errors
/// There is no gem, the arguments contradict each other, or gem fails.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if arguments.version.is_some() && arguments.state == State::Latest {
        return Err(Failure::new("Cannot specify version when state=latest"));
    }
    if arguments.gem_source.is_some() && arguments.state == State::Latest {
        return Err(Failure::new("Cannot maintain state=latest when installing from local source"));
    }
    if arguments.install_dir.is_some() && arguments.user_install {
        return Err(Failure::new("install_dir requires user_install=false"));
    }
    let gem = Gem::new(&arguments, context)?;
    let installed = gem.versions(false)?;
    let has = |version: &Option<String>| match version {
        Some(version) => installed.contains(version),
        None => !installed.is_empty(),
    };
    let there = match arguments.state {
        State::Latest => gem.versions(true)?.first().is_some_and(|newest| installed.contains(newest)),
        _ => has(&arguments.version),
    };
    let changed = there == (arguments.state == State::Absent);
    if changed && !context.check() {
        if arguments.state == State::Absent { gem.uninstall() } else { gem.install() }?;
    }
    let mut outcome = Outcome::new(changed).with("name", &*arguments.name).with("state", arguments.state.word());
    if let Some(file) = &arguments.gem_source {
        outcome = outcome.with("gem_source", file.display().to_string());
    }
    if let Some(version) = &arguments.version {
        outcome = outcome.with("version", version.as_str());
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bench;

    #[test]
    fn gems_are_installed_brought_up_to_date_and_removed() {
        let bench = bench();
        bench.file("list", "");
        bench.program(
            "gem",
            "case \"$1 $3\" in --version*) echo 3.3.5;; 'list --remote') echo 'rake (14.0)';; \
             list*) cat list;; install*) case \"$*\" in *--version*) echo 'rake (13.1.0, default: 12.3 ruby)';; *) echo 'rake (14.0)';; esac >list;; \
             uninstall*) : >list;; esac",
        );
        bench.converges("gem", json!({"name": "rake", "version": "13.1.0", "build_flags": "--with-x='a b'"}));
        let install = "gem install --norc --version 13.1.0 --user-install --no-document rake -- --with-x=a b";
        assert!(bench.calls().contains(&install.to_owned()));
        bench.settled("gem", json!({"name": "rake", "version": "12.3"}));
        bench.settled("gem", json!({"name": "rake"}));
        bench.converges("gem", json!({"name": "rake", "state": "latest", "user_install": false}));
        bench.converges("gem", json!({"name": "rake", "state": "absent"}));
        assert!(bench.calls().contains(&"gem uninstall --norc rake --executables --all".to_owned()));
    }

    #[test]
    fn arguments_that_contradict_each_other_are_refused() {
        let bench = bench();
        assert!(bench.fails("gem", json!({"name": "x", "version": "1", "state": "latest"})).contains("version"));
        assert!(bench.fails("gem", json!({"name": "x", "install_dir": "/x"})).contains("user_install=false"));
        assert!(bench.fails("gem", json!({"name": "x", "state": "newest"})).contains("latest"));
    }
}

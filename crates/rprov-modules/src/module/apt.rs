//! `apt`: packages of Debian and its relatives.
//!
//! The present state comes from dpkg's own database, so a task with nothing to do starts no program. Changes are made
//! by `apt-get`, which knows about dependencies.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rprov_wire::Value;

use crate::context::Context;
use crate::dpkg::lock::{self, Limit};
use crate::dpkg::{self, Status};
use crate::outcome::{Failure, Outcome};
use crate::process::{Command, Output};
use crate::shell_pattern::{ShellPattern, is_pattern};
use crate::{arguments, choices};

choices! {
    /// The state packages are to be in.
    pub enum State {
        Absent = "absent",
        BuildDep = "build-dep",
        Latest = "latest",
        Present = "present",
        Fixed = "fixed",
    }
}

choices! {
    /// How to upgrade all packages.
    pub enum Upgrade { Dist = "dist", Full = "full", No = "no", Safe = "safe", Yes = "yes" }
}

arguments! {
    /// Manages apt-packages.
    pub struct Arguments {
        /// Packages: `name`, `name=version`, `name>=version`, `name:architecture`, or a shell pattern.
        name | package | pkg: Vec<String> = Vec::new(),
        /// The state they are to be in; `latest` also upgrades, `build-dep` installs what building them needs.
        state: State = State::Present,
        /// Run `apt-get update` first.
        update_cache | "update-cache": Option<bool>,
        /// How often to try again when the update fails.
        update_cache_retries: u32 = 5,
        /// The longest pause between such tries, in seconds.
        update_cache_retry_max_delay: u64 = 12,
        /// Do not update a cache that is younger than this, in seconds.
        cache_valid_time: u64 = 0,
        /// Remove configuration files too.
        purge: bool = false,
        /// Install from this release.
        default_release | "default-release": Option<String>,
        /// Whether recommended packages are installed too; by default as apt is configured.
        install_recommends | "install-recommends": Option<bool>,
        /// Do what apt-get refuses without being forced.
        force: bool = false,
        /// Clean the whole local store of package files.
        clean: bool = false,
        /// Install packages that are not signed.
        allow_unauthenticated | "allow-unauthenticated": bool = false,
        /// Let versions go down.
        allow_downgrade | "allow-downgrade" | allow_downgrades | "allow-downgrades": bool = false,
        /// Change packages that are on hold.
        allow_change_held_packages: bool = false,
        /// Upgrade all packages: `safe` and `yes` remove nothing, `dist` and `full` may.
        upgrade: Upgrade = Upgrade::No,
        /// Options for dpkg, separated by commas.
        dpkg_options: String = "force-confdef,force-confold".to_owned(),
        /// A package file on the host, by its path.
        deb: Option<PathBuf>,
        /// Remove packages that nothing needs any more.
        autoremove: bool = false,
        /// Clean what can't be downloaded any more from the local store.
        autoclean: bool = false,
        /// Exit code of `policy-rc.d` during the run: 101 keeps services from being started.
        policy_rc_d: Option<i64>,
        /// Upgrade what is installed, and install nothing new.
        only_upgrade: bool = false,
        /// Fail where something would have to be removed.
        fail_on_autoremove: bool = false,
        /// Accepted; apt-get is what is always used.
        force_apt_get: bool = false,
        /// Accepted; nothing has to be installed.
        auto_install_module_deps: bool = true,
        /// How long to wait for another program that uses apt, in seconds.
        lock_timeout: u64 = 60,
    }
    rules: [crate::argument::Rule::Exclusive(&["deb", "name", "upgrade"])],
}

/// When the package lists were last fetched.
fn cache_time() -> Option<SystemTime> {
    ["/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"]
        .iter()
        .find_map(|path| std::fs::metadata(path).ok()?.modified().ok())
}

fn seconds(time: Option<SystemTime>) -> i64 {
    time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
        .map_or(0, |elapsed| i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX))
}

/// Bring the packages to their state.
///
/// # Errors
/// A package is unknown, another program keeps apt locked, or apt-get fails; its output is returned.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let _policy = match arguments.policy_rc_d {
        Some(code) if !context.check() => Some(Policy::install(code)?),
        _ => None,
    };
    let apt = Apt { arguments: &arguments, context };
    let names: Vec<&str> = arguments.name.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();

    if arguments.clean {
        let output = apt.get(&["clean"], &[])?.or_fail("could not clean the package store")?;
        if names.is_empty()
            && arguments.upgrade == Upgrade::No
            && arguments.deb.is_none()
            && !arguments.autoclean
            && !arguments.autoremove
            && arguments.update_cache.is_none()
        {
            return Ok(Outcome::new(true)
                .with("msg", output.stdout())
                .with("stdout", output.stdout())
                .with("stderr", output.stderr()));
        }
    }

    let mut updated = false;
    if arguments.update_cache.unwrap_or(false) || (arguments.update_cache.is_none() && arguments.cache_valid_time > 0) {
        let age = cache_time().and_then(|time| SystemTime::now().duration_since(time).ok());
        let fresh = age.is_some_and(|age| age < Duration::from_secs(arguments.cache_valid_time));
        if !fresh {
            apt.update()?;
            updated = true;
        }
    }
    let with_cache =
        |outcome: Outcome| outcome.with("cache_updated", updated).with("cache_update_time", seconds(cache_time()));
    let nothing_else = names.is_empty() && arguments.upgrade == Upgrade::No && arguments.deb.is_none();

    if arguments.upgrade != Upgrade::No {
        return apt.upgrade(arguments.upgrade);
    }
    if let Some(path) = &arguments.deb {
        if arguments.state != State::Present {
            return Err(Failure::new("deb only supports state=present"));
        }
        return apt.install_file(path);
    }
    if names.contains(&"*") {
        return match (names.len(), arguments.state) {
            (1, State::Latest) => apt.upgrade(Upgrade::Yes),
            (1, _) => Err(Failure::new("upgrading all packages with name=* needs state=latest")),
            _ => Err(Failure::new("unable to install additional packages when upgrading all installed packages")),
        };
    }
    if nothing_else && arguments.state != State::Fixed {
        if arguments.autoclean {
            return apt.clean_up("autoclean", "\nDel ", true);
        }
        if arguments.autoremove {
            return apt.clean_up("autoremove", "packages will be REMOVED", false);
        }
        return Ok(with_cache(Outcome::new(updated)));
    }
    let result = match arguments.state {
        State::Absent => return apt.remove(&names),
        State::BuildDep => apt.build_dependencies(&names),
        State::Latest | State::Present | State::Fixed => apt.install(&names),
    };
    result.map(with_cache).map_err(|failure| {
        if failure.values.contains_key("rc") {
            failure.with("cache_updated", updated).with("cache_update_time", seconds(cache_time()))
        } else {
            failure
        }
    })
}

/// A package as a task names it.
struct Wanted<'a> {
    name: &'a str,
    version: Option<(&'a str, &'a str)>,
}

impl<'a> Wanted<'a> {
    fn parse(text: &'a str) -> Self {
        for operator in [">=", "="] {
            if let Some((name, version)) = text.split_once(operator) {
                return Self { name: name.trim(), version: Some((operator, version.trim())) };
            }
        }
        Self { name: text, version: None }
    }

    /// Whether the version that is installed will do.
    fn accepts(&self, installed: &str) -> bool {
        match self.version {
            None => true,
            Some((">=", version)) => dpkg::compare(installed, version).is_ge(),
            Some((_, version)) => matches_pattern(version, installed),
        }
    }
}

fn matches_pattern(pattern: &str, text: &str) -> bool {
    if !is_pattern(pattern) {
        return pattern == text;
    }
    ShellPattern::new(pattern).is_match(text)
}

struct Apt<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
}

/// What apt knows of packages beside dpkg's status.
const EXTENDED_STATES: &str = "/var/lib/apt/extended_states";

/// What apt-get prints where it changed nothing.
const ZERO: &str = "\n0 upgraded, 0 newly installed, 0 to remove";

impl Apt<'_> {
    /// The options that every change has.
    fn options(&self) -> Vec<String> {
        let mut options = vec!["-y".to_owned()];
        for option in self.arguments.dpkg_options.split(',').map(str::trim).filter(|option| !option.is_empty()) {
            options.extend(["-o".to_owned(), format!("Dpkg::Options::=--{option}")]);
        }
        options.extend(["-o".to_owned(), format!("DPkg::Lock::Timeout={}", self.arguments.lock_timeout)]);
        let mut flag = |wanted: bool, option: &str| {
            if wanted {
                options.push(option.to_owned());
            }
        };
        flag(self.arguments.only_upgrade, "--only-upgrade");
        flag(self.arguments.state == State::Fixed, "--fix-broken");
        flag(self.arguments.autoremove, "--auto-remove");
        flag(self.arguments.fail_on_autoremove, "--no-remove");
        flag(self.arguments.allow_unauthenticated || self.arguments.force, "--allow-unauthenticated");
        flag(self.arguments.allow_downgrade || self.arguments.force, "--allow-downgrades");
        flag(self.arguments.allow_change_held_packages || self.arguments.force, "--allow-change-held-packages");
        flag(self.arguments.force, "--allow-remove-essential");
        flag(self.arguments.purge, "--purge");
        flag(self.context.check(), "--simulate");
        if let Some(recommends) = self.arguments.install_recommends {
            options.extend([
                "-o".to_owned(),
                format!("APT::Install-Recommends={}", if recommends { "yes" } else { "no" }),
            ]);
        }
        if let Some(release) = &self.arguments.default_release {
            options.extend(["-t".to_owned(), release.clone()]);
        }
        options
    }

    fn command(&self, program: &str) -> Command {
        Command::new(program)
            .plain_locale()
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("DEBIAN_PRIORITY", "critical")
            .env("APT_LISTCHANGES_FRONTEND", "none")
            .env("NEEDRESTART_SUSPEND", "1")
    }

    fn get(&self, verb: &[&str], names: &[String]) -> Result<Output, Failure> {
        if !self.context.check() {
            lock::wait(
                "Failed to lock apt for exclusive operation",
                &[lock::FRONTEND, lock::DATABASE, "/var/cache/apt/archives/lock"],
                Limit::option("lock_timeout", self.arguments.lock_timeout),
                self.context,
            )?;
        }
        let mut command = self.command("apt-get").args(self.options()).args(verb.iter().copied());
        if !names.is_empty() {
            command = command.arg("--").args(names.iter().map(String::as_str));
        }
        Ok(command.live().run(self.context)?)
    }

    fn update(&self) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        let mut delay = Duration::from_secs(1);
        let mut attempt = 0;
        loop {
            lock::wait(
                "Failed to lock apt for exclusive operation",
                &["/var/lib/apt/lists/lock"],
                Limit::option("lock_timeout", self.arguments.lock_timeout),
                self.context,
            )?;
            let output = self.command("apt-get").args(["-q", "update"]).live().run(self.context)?;
            // A source that fails is only a warning to apt-get, but the lists are then not what was asked for.
            let broken = output.stderr().lines().any(|line| line.starts_with("E:")) || !output.success();
            if !broken {
                return Ok(());
            }
            if attempt >= self.arguments.update_cache_retries {
                return Err(output.failure(&format!("Failed to update apt cache after {attempt} retries")));
            }
            attempt += 1;
            let pause = delay.min(Duration::from_secs(self.arguments.update_cache_retry_max_delay));
            let until = Instant::now() + pause;
            while Instant::now() < until {
                self.context.checkpoint()?;
                std::thread::sleep(Duration::from_millis(100).min(pause));
            }
            delay *= 2;
        }
    }

    fn changed(&self, output: &Output) -> Outcome {
        let stdout = output.stdout();
        let outcome = Outcome::new(true).with("stdout", stdout.as_str()).with("stderr", output.stderr());
        self.with_diff(outcome, &stdout)
    }

    /// What apt-get says it does, without its progress.
    fn with_diff(&self, outcome: Outcome, stdout: &str) -> Outcome {
        if !self.context.diff() {
            return outcome;
        }
        let mut shown = Vec::new();
        let mut started = false;
        for line in stdout.lines() {
            started |=
                line.starts_with("The following") || line.ends_with("packages:") || line.starts_with("Suggested");
            if line.contains(" to remove and ") {
                shown.push(line);
                break;
            }
            if started {
                shown.push(line);
            }
        }
        if shown.is_empty() {
            outcome
        } else {
            outcome.with("diff", Value::from_iter([("prepared", shown.join("\n"))]))
        }
    }

    /// Replace patterns by the names that they match.
    fn expand(&self, names: &[&str], known: impl Fn() -> Result<Vec<String>, Failure>) -> Result<Vec<String>, Failure> {
        let mut expanded = Vec::new();
        for text in names {
            let wanted = Wanted::parse(text);
            if !is_pattern(wanted.name) {
                expanded.push((*text).to_owned());
                continue;
            }
            let before = expanded.len();
            expanded.extend(known()?.into_iter().filter(|name| matches_pattern(wanted.name, name)));
            if expanded.len() == before {
                return Err(Failure::new(format!("No package(s) matching '{}' available", wanted.name)));
            }
        }
        expanded.dedup();
        Ok(expanded)
    }

    fn known_names(&self) -> Result<Vec<String>, Failure> {
        let output =
            self.command("apt-cache").arg("pkgnames").run_or_fail("could not list the known packages", self.context)?;
        let mut names: Vec<String> = output.stdout().lines().map(str::to_owned).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn install(&self, names: &[&str]) -> Result<Outcome, Failure> {
        let status = Status::read()?;
        let names = self.expand(names, || self.known_names())?;
        let wanted = names.iter().map(|text| Wanted::parse(text).name);
        let kept = self.keep(wanted.filter(|name| status.find(name).is_some_and(|package| package.is_installed())))?;
        let needed: Vec<String> = names
            .into_iter()
            .filter(|text| {
                let wanted = Wanted::parse(text);
                let installed = status.find(wanted.name).filter(|package| package.is_installed());
                match installed.or_else(|| if wanted.version.is_none() { status.provider(wanted.name) } else { None }) {
                    Some(package) => {
                        // Only apt-get knows the candidate; a version that is asked for is latest enough.
                        let newest = self.arguments.state == State::Latest && wanted.version.is_none();
                        newest || (!wanted.accepts(&package.version))
                    }
                    None => !self.arguments.only_upgrade,
                }
            })
            .map(|text| {
                // apt-get has no `>=`; the candidate is checked afterwards.
                let wanted = Wanted::parse(&text);
                match wanted.version {
                    Some((">=", _)) => wanted.name.to_owned(),
                    _ => text,
                }
            })
            .collect();
        if needed.is_empty() && self.arguments.state != State::Fixed {
            return Ok(Outcome::new(kept));
        }
        let output = self.get(&["install"], &needed)?;
        if !output.success() {
            return Err(self.explain(&output, "install", &needed));
        }
        if output.stdout().contains(ZERO) {
            return Ok(Outcome::new(kept));
        }
        if !self.context.check() {
            let after = Status::read()?;
            for text in &self.arguments.name {
                let wanted = Wanted::parse(text.trim());
                if let (Some((">=", version)), Some(package)) = (wanted.version, after.find(wanted.name))
                    && !wanted.accepts(&package.version)
                {
                    return Err(Failure::new(format!(
                        "no available installation candidate for {text}: the newest version is {}, not {version} or later",
                        package.version
                    ))
                    .with("changed", true));
                }
            }
        }
        Ok(self.changed(&output))
    }

    /// A package that only another one brought stays when that goes, once it has been asked for; whether this is new of one.
    fn keep<'n>(&self, names: impl Iterator<Item = &'n str>) -> Result<bool, Failure> {
        let states = crate::fact::content(Path::new(EXTENDED_STATES)).unwrap_or_default();
        let brought = automatic(&states);
        let names: Vec<&str> = names.filter(|name| brought.contains(name.split(':').next().unwrap_or(name))).collect();
        if !names.is_empty() && !self.context.check() {
            let command = self.command("apt-mark").arg("manual").args(names.iter().copied());
            command.run_or_fail("could not mark packages as installed on purpose", self.context)?;
        }
        Ok(!names.is_empty())
    }

    /// A failure in the words of Ansible where it has some for the case.
    fn explain(&self, output: &Output, verb: &str, names: &[String]) -> Failure {
        let stderr = output.stderr();
        for line in stderr.lines() {
            if let Some(name) = line.strip_prefix("E: Unable to locate package ") {
                return Failure::new(format!("No package matching '{name}' is available"));
            }
            if let Some(rest) = line.strip_prefix("E: Version '")
                && let Some((version, rest)) = rest.split_once("' for '")
                && let Some((name, _)) = rest.split_once('\'')
            {
                return Failure::new(format!("no available installation candidate for {name}={version}"))
                    .with("rc", output.rc)
                    .with("stdout", output.stdout())
                    .with("stderr", stderr.as_str());
            }
        }
        let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        output.failure(&format!("'apt-get {} {verb} {}' failed", self.options().join(" "), quoted.join(" ")))
    }

    fn build_dependencies(&self, names: &[&str]) -> Result<Outcome, Failure> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let output = self.get(&["build-dep"], &names)?;
        if !output.success() {
            return Err(self.explain(&output, "build-dep", &names));
        }
        Ok(if output.stdout().contains(ZERO) { Outcome::unchanged() } else { self.changed(&output) })
    }

    fn remove(&self, names: &[&str]) -> Result<Outcome, Failure> {
        let status = Status::read()?;
        let present = |name: &str| {
            status
                .find(name)
                .is_some_and(|package| package.is_installed() || (self.arguments.purge && package.has_files()))
        };
        let names = self.expand(names, || self.known_names())?;
        let names: Vec<String> =
            names.iter().map(|text| Wanted::parse(text).name.to_owned()).filter(|name| present(name)).collect();
        if names.is_empty() {
            return Ok(Outcome::unchanged());
        }
        let output = self.get(&["remove"], &names)?;
        if !output.success() {
            return Err(self.explain(&output, "remove", &names));
        }
        Ok(self.changed(&output))
    }

    fn upgrade(&self, mode: Upgrade) -> Result<Outcome, Failure> {
        let verb: &[&str] = match mode {
            Upgrade::Dist | Upgrade::Full => &["dist-upgrade"],
            _ => &["upgrade", "--with-new-pkgs"],
        };
        let output = self.get(verb, &[])?;
        if !output.success() {
            return Err(self.explain(&output, verb.first().copied().unwrap_or("upgrade"), &[]));
        }
        let stdout = output.stdout();
        let outcome = if stdout.contains(ZERO) {
            Outcome::unchanged().with("stdout", stdout.as_str()).with("stderr", output.stderr())
        } else {
            self.changed(&output)
        };
        Ok(outcome.with("msg", stdout))
    }

    fn clean_up(&self, verb: &str, sign: &str, partial: bool) -> Result<Outcome, Failure> {
        let output = self.get(&[verb], &[])?;
        if !output.success() {
            return Err(self.explain(&output, verb, &[]));
        }
        let stdout = output.stdout();
        let changed = stdout.contains(sign) || (partial && stdout.starts_with("Del "));
        let outcome = Outcome::new(changed).with("stdout", stdout.as_str()).with("stderr", output.stderr());
        Ok(if changed { self.with_diff(outcome, &stdout) } else { outcome })
    }

    fn install_file(&self, path: &Path) -> Result<Outcome, Failure> {
        let text = path.to_string_lossy();
        if text.contains("://") {
            return Err(Failure::new(format!(
                "deb={text} is a URL: fetch it with get_url first, and give the path of the file"
            )));
        }
        File::open(path).map_err(|error| Failure::io("open the package file", path, error))?;
        let path = std::path::absolute(path).map_err(|error| Failure::io("find", path, error))?;
        let output = self
            .command("dpkg-deb")
            .args([
                "--field".into(),
                path.clone().into_os_string(),
                "Package".into(),
                "Version".into(),
                "Architecture".into(),
            ])
            .run_or_fail(&format!("Unable to install package: {}", path.display()), self.context)?;
        let fields = output.stdout();
        let field = |name: &str| {
            fields
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(|value| value.trim().to_owned()))
        };
        let (Some(name), Some(version)) = (field("Package"), field("Version")) else {
            return Err(Failure::new(format!(
                "{} does not name its package and version: is it a Debian package?",
                path.display()
            )));
        };
        let qualified = match field("Architecture").as_deref() {
            None | Some("all") => name.clone(),
            Some(architecture) => format!("{name}:{architecture}"),
        };
        let status = Status::read()?;
        if let Some(package) =
            status.find(&qualified).or_else(|| status.find(&name)).filter(|package| package.is_installed())
        {
            let order = dpkg::compare(&package.version, &version);
            if order.is_eq() {
                return Ok(Outcome::unchanged());
            }
            if order.is_gt() && !self.arguments.allow_downgrade && !self.arguments.force {
                return Err(Failure::new(format!(
                    "A later version of {name} is already installed: {} is newer than {version}; set allow_downgrade to go back",
                    package.version
                )));
            }
        }
        let file = path.to_string_lossy().into_owned();
        let output = self.get(&["install"], std::slice::from_ref(&file))?;
        if !output.success() {
            return Err(self.explain(&output, "install", &[file]));
        }
        Ok(if output.stdout().contains(ZERO) { Outcome::unchanged() } else { self.changed(&output) })
    }
}

/// The packages that apt would remove when nothing needs them any more: `extended_states`, in Debian's control format.
fn automatic(states: &str) -> HashSet<&str> {
    let paragraphs = states.split("\n\n").filter(|paragraph| paragraph.contains("\nAuto-Installed: 1"));
    paragraphs.filter_map(|paragraph| paragraph.trim_start().strip_prefix("Package: ")?.lines().next()).collect()
}

/// Keeps a `policy-rc.d` in place that tells package scripts what they may do to services.
struct Policy {
    former: Option<(Vec<u8>, std::fs::Permissions)>,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl Policy {
    fn install(code: i64) -> Result<Self, Failure> {
        let former =
            std::fs::read(POLICY).ok().zip(std::fs::metadata(POLICY).ok().map(|metadata| metadata.permissions()));
        std::fs::write(POLICY, format!("#!/bin/sh\nexit {code}\n"))
            .and_then(|()| std::fs::set_permissions(POLICY, std::fs::Permissions::from_mode(0o755)))
            .map_err(|error| Failure::io("write", POLICY, error))?;
        Ok(Self { former })
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        let _ = match self.former.take() {
            Some((content, permissions)) => {
                std::fs::write(POLICY, content).and_then(|()| std::fs::set_permissions(POLICY, permissions))
            }
            None => std::fs::remove_file(POLICY),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_may_be_exact_a_pattern_or_a_minimum() {
        assert!(Wanted::parse("bash").accepts("5.2"));
        assert!(Wanted::parse("bash=5.2").accepts("5.2") && !Wanted::parse("bash=5.2").accepts("5.2-1"));
        assert!(Wanted::parse("bash=5.*").accepts("5.2-1"));
        assert!(Wanted::parse("bash>=5.2").accepts("5.10") && !Wanted::parse("bash>=5.2").accepts("5.1"));
        assert_eq!(Wanted::parse("libc6:i386=2").name, "libc6:i386");
    }

    #[test]
    fn packages_that_others_brought_are_known() {
        let states = "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: b\nArchitecture: amd64\nAuto-Installed: 0\n\n\
                      Package: c\nArchitecture: all\nAuto-Installed: 1\n";
        let mut names: Vec<&str> = automatic(states).into_iter().collect();
        names.sort_unstable();
        assert_eq!(names, ["a", "c"]);
        assert!(automatic("").is_empty());
    }
}

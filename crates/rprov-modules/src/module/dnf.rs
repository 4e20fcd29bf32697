//! `dnf`, also known as `yum`, and `dnf5`: packages of Fedora, Red Hat and their relatives.
//!
//! rpm's database tells what is there, so a task with nothing to do starts no dnf. Changes are made by the program
//! `dnf` itself (or `dnf5`, or `yum` where neither is there), whose table of the transaction says what changes, also
//! in check mode.

use std::path::Path;
use std::time::{Duration, Instant};

use rprov_wire::{Options, Value};

use crate::argument::Rule::Exclusive;
use crate::context::Context;
use crate::dnf_output::{Verb, explain, failed, transaction};
use crate::outcome::{Failure, Outcome};
use crate::process::{Command, Output};
use crate::program::find_program;
use crate::shell_pattern::is_pattern;
use crate::{arguments, choices};

choices! {
    /// The state packages are to be in.
    pub enum State {
        Absent = "absent",
        Present = "present",
        Installed = "installed",
        Removed = "removed",
        Latest = "latest",
    }
}

choices! {
    /// Which program makes the changes.
    pub enum Backend {
        Auto = "auto", Dnf = "dnf", Dnf4 = "dnf4", Dnf5 = "dnf5", Yum = "yum", Yum4 = "yum4",
    }
}

arguments! {
    /// Manages packages with the dnf package manager.
    pub struct Arguments {
        /// Packages, with a version or without, files, URLs, groups (`@group`), or patterns.
        name | pkg: Vec<String> = Vec::new(),
        /// The state they are to be in.
        state: Option<State>,
        /// Let versions go down.
        allow_downgrade: bool = false,
        /// Let packages be removed that are in the way.
        allowerasing: bool = false,
        /// Accepted; nothing has to be installed.
        auto_install_module_deps: bool = true,
        /// Remove what was installed for others that no longer need it.
        autoremove: bool = false,
        /// Take the newest version, or fail.
        best: Option<bool>,
        /// With `latest`, only updates that mend bugs.
        bugfix: bool = false,
        /// Use the cache alone.
        cacheonly: bool = false,
        /// Another configuration file.
        conf_file: Option<String>,
        /// Excludes of the configuration that do not count.
        disable_excludes: Option<String>,
        /// Install packages without a signature.
        disable_gpg_check: bool = false,
        /// Plugins that are not used.
        disable_plugin: Vec<String> = Vec::new(),
        /// Repositories that are not used.
        disablerepo: Vec<String> = Vec::new(),
        /// Where to download to.
        download_dir: Option<String>,
        /// Download, and install nothing.
        download_only: bool = false,
        /// Plugins that are used.
        enable_plugin: Vec<String> = Vec::new(),
        /// Repositories that are used.
        enablerepo: Vec<String> = Vec::new(),
        /// Packages that are left out.
        exclude: Vec<String> = Vec::new(),
        /// Accepted.
        install_repoquery: bool = true,
        /// Install what is recommended, too.
        install_weak_deps: bool = true,
        /// Another root directory.
        installroot: String = "/".to_owned(),
        /// What to list: `installed`, `available`, `updates`, `repos`, or packages.
        list: Option<String>,
        /// Seconds to wait for another dnf.
        lock_timeout: i64 = 30,
        /// The opposite of `best`.
        nobest: Option<bool>,
        /// The release to install from.
        releasever: Option<String>,
        /// With `latest`, only updates for security.
        security: bool = false,
        /// Leave out what is not there or cannot be installed.
        skip_broken: bool = false,
        /// Check the certificates of repositories.
        sslverify: bool = true,
        /// Fetch the repositories' metadata anew.
        update_cache | "expire-cache": bool = false,
        /// With `latest`, install nothing new.
        update_only: bool = false,
        /// Which program makes the changes.
        use_backend: Backend = Backend::Auto,
        /// Check the certificate of a server that has a package.
        validate_certs: bool = true,
    }
    rules: [Exclusive(&["name", "list"]), Exclusive(&["best", "nobest"])]
}

const CHECKED: &str = "Check mode: No changes made, but would have if not in check mode";

/// Bring the packages to their state.
///
/// # Errors
/// A package is unknown, something stands in the way, or dnf fails; its words are returned.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let names: &[&'static str] = match arguments.use_backend {
        Backend::Auto | Backend::Yum => &["dnf5", "dnf", "yum"],
        Backend::Dnf5 => &["dnf5"],
        Backend::Dnf | Backend::Dnf4 | Backend::Yum4 => &["dnf-3", "dnf", "yum"],
    };
    let found = names.iter().find(|name| find_program(name, context).is_some());
    let program = found.ok_or_else(|| {
        Failure::new(format!("this host has no {}; is it one of Red Hat's family?", names.join(", ")))
    })?;
    if let Some(path) = arguments.conf_file.as_deref().filter(|path| !Path::new(path).is_file()) {
        let failure = Failure::new(format!("cannot read configuration file {path}"));
        return Err(failure.with("conf_file", path).with("results", Vec::<Value>::new()));
    }
    Dnf { program, arguments: &arguments, context }.run()
}

struct Dnf<'a> {
    program: &'static str,
    arguments: &'a Arguments,
    context: &'a Context<'a>,
}

/// What a run of dnf did, or would do.
#[derive(Default)]
struct Done {
    changed: bool,
    results: Vec<String>,
}

impl Dnf<'_> {
    fn run(&self) -> Result<Outcome, Failure> {
        let a = self.arguments;
        if let Some(list) = &a.list {
            return Ok(Outcome::unchanged().with("msg", "").with("results", self.list(list)?));
        }
        let names: Vec<&str> = a.name.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
        let state = match a.state {
            Some(State::Installed) => State::Present,
            Some(State::Removed) => State::Absent,
            Some(state) => state,
            None if a.autoremove => State::Absent,
            None => State::Present,
        };
        if a.autoremove && state != State::Absent {
            return Err(Failure::new("Autoremove should be used alone or with state=absent")
                .with("results", Vec::<Value>::new()));
        }
        if a.update_cache && names.is_empty() && a.state.is_none() && !a.autoremove {
            if !self.context.check() {
                self.call(&["makecache", "--refresh"], &[])?.or_fail("could not update the cache")?;
            }
            return Ok(told(Done::default(), "Cache updated"));
        }
        let done = match state {
            State::Absent if names.is_empty() && a.autoremove => self.change(&["autoremove"], &[])?,
            _ if names.is_empty() => Done::default(),
            State::Absent => self.remove(&names)?,
            State::Latest if names.contains(&"*") => self.change(&["upgrade"], &[])?,
            State::Latest => self.latest(&names)?,
            _ => self.install(&names)?,
        };
        let message = match (done.changed, self.context.check()) {
            (false, _) => "Nothing to do",
            (true, true) => CHECKED,
            (true, false) => "",
        };
        Ok(told(done, message))
    }

    /// Results of dnf5 are told in other words.
    fn is_five(&self) -> bool {
        self.program == "dnf5"
    }

    fn options(&self) -> Vec<String> {
        let a = self.arguments;
        let mut options = vec![if self.context.check() { "--assumeno" } else { "-y" }.to_owned()];
        let mut flag = |wanted: bool, option: &str| {
            if wanted {
                options.push(option.to_owned());
            }
        };
        flag(a.allowerasing, "--allowerasing");
        flag(a.cacheonly, "--cacheonly");
        flag(a.disable_gpg_check, "--nogpgcheck");
        flag(a.skip_broken, "--skip-broken");
        flag(a.skip_broken && self.is_five(), "--skip-unavailable");
        flag(!a.install_weak_deps, "--setopt=install_weak_deps=False");
        flag(!a.sslverify || !a.validate_certs, "--setopt=sslverify=False");
        flag(a.update_cache, "--refresh");
        flag(!a.autoremove, "--setopt=clean_requirements_on_remove=False");
        if let Some(best) = a.best.or(a.nobest.map(|nobest| !nobest)) {
            flag(true, if best { "--setopt=best=True" } else { "--setopt=best=False" });
        }
        if a.installroot != "/" {
            options.push(format!("--installroot={}", a.installroot));
            // Repositories are those of the host, as they are for dnf 4 where the other root has none.
            options.extend(self.is_five().then(|| "--use-host-config".to_owned()));
        }
        let excludes = if self.is_five() { "setopt=disable_excludes" } else { "disableexcludes" };
        for (option, value) in
            [("config", &a.conf_file), ("releasever", &a.releasever), (excludes, &a.disable_excludes)]
        {
            options.extend(value.iter().map(|value| format!("--{option}={value}")));
        }
        for (option, values) in [
            ("disablerepo", &a.disablerepo),
            ("enablerepo", &a.enablerepo),
            ("exclude", &a.exclude),
            ("disableplugin", &a.disable_plugin),
            ("enableplugin", &a.enable_plugin),
        ] {
            options.extend(values.iter().map(|value| format!("--{option}={value}")));
        }
        options
    }

    /// Run dnf, once no other one runs.
    fn call(&self, verb: &[&str], names: &[&str]) -> Result<Output, Failure> {
        self.wait_for_lock()?;
        let command = Command::new(self.program)
            .plain_locale()
            // The table of a transaction is broken into lines of this width.
            .env("COLUMNS", "200")
            .args(verb.iter().copied())
            .args(self.options())
            .args(names.iter().copied());
        Ok(command.live().run(self.context)?)
    }

    fn wait_for_lock(&self) -> Result<(), Failure> {
        let limit = Duration::from_secs(self.arguments.lock_timeout.try_into().unwrap_or(0));
        let started = Instant::now();
        let holder = || {
            ["/var/cache/dnf/metadata_lock.pid", "/var/lib/dnf/rpmdb_lock.pid", "/var/run/yum.pid"].iter().find_map(
                |file| {
                    let pid = std::fs::read_to_string(file).ok()?;
                    let name = std::fs::read_to_string(format!("/proc/{}/comm", pid.trim())).ok()?;
                    Some(format!("{file} is held by process {} ({})", pid.trim(), name.trim()))
                },
            )
        };
        while let Some(holder) = holder() {
            if started.elapsed() >= limit {
                return Err(Failure::new(format!(
                    "{holder}; waited {} s. Wait for it to end, or raise lock_timeout",
                    limit.as_secs()
                )));
            }
            self.context.checkpoint()?;
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    fn rpm(&self, words: &[&str]) -> Result<Output, Failure> {
        let command = Command::new("rpm").plain_locale();
        let command = match self.arguments.installroot.as_str() {
            "/" => command,
            root => command.args(["--root", root]),
        };
        Ok(command.args(words.iter().copied()).run(self.context)?)
    }

    /// Whether rpm has it: by name, with a version or without, or what provides it.
    fn is_installed(&self, name: &str) -> Result<bool, Failure> {
        if name.starts_with('@') || is_pattern(name) || name.contains([' ', '(']) || name.contains("://") {
            return Ok(false);
        }
        if name.starts_with('/') && name.ends_with(".rpm") {
            let asked = self.rpm(&["-qp", "--nosignature", "--qf", "%{nevra}", name])?;
            return Ok(asked.success() && self.rpm(&["-q", &asked.stdout()])?.success());
        }
        Ok((!name.starts_with('/') && self.rpm(&["-q", name])?.success())
            || self.rpm(&["-q", "--whatprovides", name])?.success())
    }

    fn split<'n>(&self, names: &[&'n str]) -> Result<(Vec<&'n str>, Vec<&'n str>), Failure> {
        let all = [&["-q"][..], names].concat();
        let plain = names.iter().all(|name| !name.starts_with(['@', '/']) && !is_pattern(name) && !name.contains(' '));
        if plain && self.rpm(&all)?.success() {
            return Ok((names.to_vec(), Vec::new()));
        }
        let (mut there, mut missing) = (Vec::new(), Vec::new());
        for name in names {
            if self.is_installed(name)? { there.push(*name) } else { missing.push(*name) }
        }
        Ok((there, missing))
    }

    fn install(&self, names: &[&str]) -> Result<Done, Failure> {
        for name in names.iter().filter(|name| name.ends_with(".rpm") && name.starts_with('/')) {
            if !Path::new(name).exists() {
                return Err(failed(
                    format!("Error occurred attempting remote rpm operation: Could not open: {name}"),
                    Vec::new(),
                ));
            }
        }
        let (_, mut missing) = self.split(names)?;
        if !self.arguments.allow_downgrade {
            // dnf itself takes an older version for what is meant where it is named.
            let mut wanted = Vec::new();
            for name in missing {
                if !self.is_older(name)? {
                    wanted.push(name);
                }
            }
            missing = wanted;
        }
        let mut done = if missing.is_empty() { Done::default() } else { self.change(&["install"], &missing)? };
        let mut results: Vec<String> = Vec::new();
        for name in names.iter().filter(|_| !self.is_five()) {
            if let Some(group) = name.strip_prefix('@') {
                results.push(format!("Group {group} installed."));
            } else if name.ends_with(".rpm") {
                results.push(format!("Installed {name}"));
            }
        }
        results.append(&mut done.results);
        Ok(Done { results, ..done })
    }

    /// Whether installing this would put an older version in the place of what is there.
    fn is_older(&self, name: &str) -> Result<bool, Failure> {
        let is_file = name.contains('/');
        let stem = name.split([' ', '<', '>', '=']).next().unwrap_or(name);
        let shorter = |count: usize| stem.rsplitn(count + 1, '-').nth(count);
        let candidates = [Some(stem).filter(|stem| *stem != name), shorter(1), shorter(2)];
        let mut known = is_file && name.ends_with(".rpm");
        for candidate in candidates.into_iter().flatten().filter(|_| !is_file) {
            known |= self.rpm(&["-q", candidate])?.success();
        }
        if !known {
            return Ok(false);
        }
        let quiet = Options { check: true, live: false, ..self.context.options.clone() };
        let context = Context { options: &quiet, ..*self.context };
        let output = Dnf { context: &context, ..*self }.call(&["install"], &[name])?;
        Ok(output.stdout().contains("\nDowngrading:"))
    }

    fn latest(&self, names: &[&str]) -> Result<Done, Failure> {
        // A pattern or a group may mean both what is there and what is not.
        let (there, missing) = self.split(names)?;
        let mut done = Done::default();
        let mut add = |more: Done| {
            done.changed |= more.changed;
            done.results.extend(more.results);
        };
        if !missing.is_empty() {
            if self.arguments.update_only {
                let unused = missing.iter().filter(|name| !is_pattern(name));
                let results = unused
                    .map(|name| format!("Packages providing {name} not installed due to update_only specified"))
                    .collect();
                add(Done { changed: false, results });
            } else {
                add(self.change(&["install"], &missing)?);
            }
        }
        let patterns = missing.iter().filter(|name| is_pattern(name) || name.starts_with('@'));
        let upgraded: Vec<&str> = there.iter().chain(patterns).copied().collect();
        if !upgraded.is_empty() {
            add(self.change(&["upgrade"], &upgraded)?);
        }
        Ok(done)
    }

    fn remove(&self, names: &[&str]) -> Result<Done, Failure> {
        let (there, missing) = self.split(names)?;
        let mut results = Vec::new();
        let mut wanted = there;
        for name in missing {
            // rpm knows no groups, and dnf's patterns are its own.
            if name.starts_with('@') || is_pattern(name) || name.contains(' ') {
                wanted.push(name);
            } else if !self.is_five() {
                results.push(format!("No match for argument: {name}"));
            }
        }
        if wanted.is_empty() {
            return Ok(Done { changed: false, results });
        }
        let done = self.change(&["remove"], &wanted)?;
        results.extend(done.results);
        Ok(Done { results, ..done })
    }

    /// Have dnf do it, or tell what it would do.
    fn change(&self, verb: &[&str], names: &[&str]) -> Result<Done, Failure> {
        let a = self.arguments;
        let mut words = verb.to_vec();
        if verb.contains(&"upgrade") {
            words.extend(a.security.then_some("--security"));
            words.extend(a.bugfix.then_some("--bugfix"));
        }
        let option = if self.is_five() { "--setopt=destdir" } else { "--destdir" };
        let directory = a.download_dir.as_ref().map(|directory| format!("{option}={directory}"));
        if a.download_only && !verb.contains(&"remove") {
            words.push("--downloadonly");
            words.extend(directory.as_deref());
        }
        let output = self.call(&words, names)?;
        let (stdout, stderr) = (output.stdout(), output.stderr());
        let refused = self.context.check() && [&stdout, &stderr].iter().any(|text| text.contains("Operation aborted"));
        let lines = || stdout.lines().chain(stderr.lines());
        if !output.success() && !refused {
            return Err(explain(&output, &format!("'{} {}' failed", self.program, words.join(" "))));
        }
        let mut results: Vec<String> = Vec::new();
        let removes = verb.contains(&"remove");
        let unmatched = lines().filter_map(|line| line.strip_prefix("No match for argument: "));
        results.extend(unmatched.map(|name| match removes {
            true => format!("No match for argument: {name}"),
            false => format!("No package {name} available."),
        }));
        let changes = transaction(&stdout);
        let mut removed = Vec::new();
        for (verb, package) in &changes {
            match verb {
                Verb::Install if a.download_only => results.push(format!("Downloaded: {package}")),
                Verb::Downgrade if self.is_five() && !self.context.check() => {
                    results.push(format!("Downgrade: {package}"))
                }
                Verb::Install | Verb::Downgrade => results.push(format!("Installed: {package}")),
                Verb::Remove => removed.push(format!("Removed: {package}")),
            }
        }
        results.extend(removed);
        Ok(Done { changed: !changes.is_empty(), results })
    }

    fn list(&self, what: &str) -> Result<Vec<Value>, Failure> {
        if matches!(what, "repos" | "repositories") {
            let listed = self.call(&["repolist", "--all"], &[])?.or_fail("could not list the repositories")?;
            let entry = |line: &str| {
                let state = line.split_whitespace().next_back().filter(|word| word.starts_with(['e', 'd']))?;
                let name = line.split_whitespace().next()?;
                Some(Value::from_iter([("repoid", name), ("state", state)]))
            };
            return Ok(listed.stdout().lines().skip(1).filter_map(entry).collect());
        }
        let queries: &[(&str, &str)] = match what {
            "installed" => &[("--installed", "installed")],
            "available" => &[("--available", "available")],
            "updates" | "upgrades" => &[("--upgrades", "available")],
            _ => &[("--installed", "installed"), ("--available", "available")],
        };
        let pattern = (!matches!(what, "installed" | "available" | "updates" | "upgrades")).then_some(what);
        let mut found = Vec::new();
        for (flag, state) in queries {
            let format = "--queryformat=%{name}|%{epoch}|%{version}|%{release}|%{arch}|%{repoid}\n";
            let words = ["repoquery", "--quiet", flag, format];
            let listed = self.call(&words, pattern.as_slice())?.or_fail("could not list the packages")?;
            for line in listed.stdout().lines() {
                let fields: Vec<&str> = line.split('|').collect();
                let [name, epoch, version, release, arch, repository] = fields.as_slice() else { continue };
                let prefix = if self.is_five() && *epoch == "0" { String::new() } else { format!("{epoch}:") };
                let full = format!("{prefix}{name}-{version}-{release}.{arch}");
                found.push(Value::from_iter([
                    ("name", *name),
                    ("arch", arch),
                    ("epoch", epoch),
                    ("release", release),
                    ("version", version),
                    ("repo", if *state == "installed" { "@System" } else { repository }),
                    ("envra", full.as_str()),
                    ("nevra", full.as_str()),
                    ("yumstate", state),
                ]));
            }
        }
        Ok(found)
    }
}

fn told(done: Done, message: &str) -> Outcome {
    Outcome::new(done.changed).with("msg", message).with("results", done.results).with("rc", 0)
}

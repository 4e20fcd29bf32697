//! `rprov role test`: converge, run again without changes, verify, destroy, in throw-away hosts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::{ArgAction, Parser};

use super::step::{Steps, Went};
use super::summary::{Ended, Line, Summary};
use crate::cli::exit::Exit;
use crate::cli::flags::{RunFlags, TaskFlags};
use crate::cli::identities::VaultFlags;
use crate::cli::options::options;
use crate::cli::settings::with_vault;
use crate::cli::stage::{block_on, extra_variables};
use crate::cli::stop::Stop;
use crate::cli::tell::{put, say, tell};
use crate::config::{Config, Setting};
use crate::facts::FactCache;
use crate::inventory::{Broken, Inventory};
use crate::role_test::hosts;
use crate::role_test::lab::{Lab, of_environment};
use crate::role_test::tests::RoleTests;
use crate::run::{Interrupt, Options};
use crate::source::Diagnostic;
use crate::vars::VarMap;

/// Test roles in throw-away hosts: converge, again without changes, verify, destroy
#[derive(Debug, Parser)]
pub(super) struct TestCommand {
    /// Roles, by name or path
    #[arg(required = true, value_name = "ROLE")]
    roles: Vec<String>,
    /// Where hosts come from: a directory with the programs `up` and `down`; else RPROV_LAB, or tests/lab
    #[arg(long, value_name = "DIRECTORY")]
    lab: Option<PathBuf>,
    /// Leave the hosts up, and say how to reach them
    #[arg(long)]
    keep: bool,
    /// Predict first in check mode, and compare the number of changes
    #[arg(short = 'C', long)]
    check: bool,
    /// Show what changes in files
    #[arg(short = 'D', long)]
    diff: bool,
    /// Extra variables: key=value, JSON, or @FILE
    #[arg(short, long = "extra-vars", value_name = "VARIABLES")]
    extra: Vec<String>,
    /// Run only tasks with these tags
    #[arg(short, long, value_name = "TAGS")]
    tags: Vec<String>,
    /// Leave out tasks with these tags
    #[arg(long, value_name = "TAGS")]
    skip_tags: Vec<String>,
    /// Hosts that are worked on at the same time
    #[arg(short, long, value_name = "N")]
    forks: Option<usize>,
    /// Say more; up to -vvvv
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    #[command(flatten)]
    vault: VaultFlags,
}

/// What a test is done with.
struct Means<'a> {
    config: &'a Arc<Config>,
    options: Options,
    extra: Arc<VarMap>,
    interrupt: Interrupt,
    color: bool,
}

impl TestCommand {
    /// Do it.
    pub(super) fn execute(self) -> Exit {
        with_vault(&self.vault, |config, color| self.prepared(&config, color))
    }

    fn prepared(&self, config: &Arc<Config>, color: bool) -> Result<Exit, Stop> {
        if self.keep && self.roles.len() > 1 {
            let problem = Diagnostic::error("`--keep` keeps the hosts of one role, and several are to be tested");
            return Err(Stop::options(problem.hint("test the role whose hosts you want alone")));
        }
        let flags = RunFlags {
            task: TaskFlags {
                extra: self.extra.clone(),
                forks: self.forks,
                diff: self.diff,
                verbose: self.verbose,
                ..TaskFlags::default()
            },
            ..RunFlags::default()
        };
        let options =
            Options { tags: self.tags.clone(), skip_tags: self.skip_tags.clone(), ..options(config, &flags)? };
        let extra = extra_variables(&self.extra, config, color)?;
        // All that can be wrong with the names is told before a host is up.
        let mut directories = vec![std::path::absolute("roles").unwrap_or_else(|_| PathBuf::from("roles"))];
        directories.extend(config.paths(Setting::RolesPath).iter().cloned());
        directories.dedup();
        let given = self.lab.clone().or_else(|| of_environment().map(PathBuf::from));
        let mut tests = Vec::new();
        for role in &self.roles {
            let found = RoleTests::find(role, &directories)?;
            let lab = Lab::find(given.as_deref(), found.roles())?;
            tests.push((found, lab));
        }
        block_on(async {
            let means = Means { config, options, extra, interrupt: Interrupt::default(), color };
            let _watch = means.watch();
            let mut exit = Exit::Success;
            let mut text = String::new();
            for (test, lab) in &tests {
                let summary = self.test(&means, test, lab).await;
                text.push_str(&summary.text(&test.name));
                if let Some(failed) = summary.exit.filter(|_| exit == Exit::Success) {
                    exit = failed;
                }
                if means.interrupt.is_pressed() {
                    exit = Exit::Interrupted;
                    break;
                }
            }
            put(&text);
            Ok(exit)
        })
    }

    /// Test one role. The hosts are destroyed whatever happens.
    async fn test(&self, means: &Means<'_>, test: &RoleTests, lab: &Lab) -> Summary {
        let mut summary = Summary::default();
        let outcome = self.in_lab(means, test, lab, &mut summary).await;
        if let Err(stop) = outcome {
            let exit = stop.told(means.color);
            summary.exit = Some(exit);
        } else if summary.failed() {
            summary.exit = summary.exit.or(Some(Exit::Failed));
        }
        if self.keep {
            summary.add(
                "destroy",
                Ended::Left,
                None,
                format!("`{}` removes the hosts", lab.directory().join("down").display()),
            );
            return summary;
        }
        let begin = Instant::now();
        match lab.down().await {
            Ok(()) => summary.add("destroy", Ended::Well, Some(begin.elapsed()), ""),
            Err(problem) => {
                tell(&[problem], means.color);
                summary.add("destroy", Ended::Failed, Some(begin.elapsed()), "hosts may be left");
                summary.exit = summary.exit.or(Some(Exit::Error));
            }
        }
        summary
    }

    async fn in_lab(&self, means: &Means<'_>, test: &RoleTests, lab: &Lab, summary: &mut Summary) -> Result<(), Stop> {
        let (role_hosts, sources) = means.inventory(test.inventory.as_ref().map(|path| path.display().to_string()))?;
        let count = hosts::wanted(&role_hosts).len();
        say(&format!(
            "role {}: {count} {} from {}",
            test.name,
            if count == 1 { "host" } else { "hosts" },
            lab.directory().display()
        ));
        let begin = Instant::now();
        let path = match lab.up(count, &means.interrupt).await {
            Ok(path) => path,
            Err(problem) => {
                summary.add("create", Ended::Failed, Some(begin.elapsed()), "");
                return Err(problem.into());
            }
        };
        let took = begin.elapsed();
        let (lab_hosts, _) = means.inventory(Some(path.display().to_string()))?;
        let inventory = hosts::stand_in(role_hosts, &lab_hosts)?;
        summary.add(
            "create",
            Ended::Well,
            Some(took),
            format!("{count} {}", if count == 1 { "host" } else { "hosts" }),
        );
        if self.keep {
            say(&format!("the hosts stay; their inventory is {}", path.display()));
        }
        let steps = Steps {
            config: means.config,
            options: &means.options,
            extra: &means.extra,
            inventory: &inventory,
            sources: &sources,
            roles: test.roles(),
            module_path: &[],
            interrupt: &means.interrupt,
            color: means.color,
        };
        if let Some(prepare) = &test.prepare {
            let went = self.step(&steps, "prepare", prepare, summary).await?;
            if summary.failed() || means.left(&went) {
                return Ok(());
            }
        }
        let predicted = match self.check {
            false => None,
            true => {
                banner("check");
                let went = steps.run(&test.converge, true).await?;
                let failed = went.exit != Exit::Success;
                let ended = if failed { Ended::Failed } else { Ended::Well };
                summary.add("check", ended, Some(went.took), format!("{} predicted", counted(went.seen.total.changed)));
                if failed {
                    summary.exit = Some(went.exit);
                    return Ok(());
                }
                Some(went)
            }
        };
        let went = self.step(&steps, "converge", &test.converge, summary).await?;
        if summary.failed() || means.left(&went) {
            return Ok(());
        }
        if let Some(predicted) = predicted.filter(|predicted| predicted.seen.total.changed != went.seen.total.changed) {
            self.unlike(&predicted, &went, summary);
        }
        banner("again");
        let again = steps.run(&test.converge, false).await?;
        let changed = again.seen.total.changed;
        let well = again.exit == Exit::Success && changed == 0;
        summary.lines.push(Line {
            step: "again",
            ended: if well { Ended::Well } else { Ended::Failed },
            took: Some(again.took),
            text: counted(changed),
            changes: again.seen.changes.clone(),
        });
        if again.exit != Exit::Success {
            summary.exit = Some(again.exit);
            return Ok(());
        }
        match &test.verify {
            // Also of a role that is not idempotent it is of interest whether it works.
            Some(verify) => drop(self.step(&steps, "verify", verify, summary).await?),
            None => summary.add("verify", Ended::Missing, None, "tests/verify.yml is not there: nothing was verified"),
        }
        Ok(())
    }

    /// Run a playbook that must succeed on hosts.
    async fn step(
        &self,
        steps: &Steps<'_>,
        name: &'static str,
        playbook: &std::path::Path,
        summary: &mut Summary,
    ) -> Result<Went, Stop> {
        banner(name);
        let went = match steps.run(playbook, false).await {
            Ok(went) => went,
            Err(stop) => {
                summary.add(name, Ended::Failed, None, "");
                return Err(stop);
            }
        };
        if went.exit != Exit::Success {
            let total = &went.seen.total;
            summary.add(
                name,
                Ended::Failed,
                Some(went.took),
                format!("failed={} unreachable={}", total.failed, total.unreachable),
            );
            summary.exit = summary.exit.or(Some(went.exit));
        } else if went.seen.hosts == 0 {
            let file = playbook.file_name().unwrap_or_default().to_string_lossy();
            summary.add(name, Ended::Failed, Some(went.took), format!("no play of {file} has a host of the inventory"));
        } else {
            summary.add(name, Ended::Well, Some(went.took), counted(went.seen.total.changed));
        }
        Ok(went)
    }

    /// Check mode predicted another number of changes: which tasks are only in one of the two.
    fn unlike(&self, predicted: &Went, went: &Went, summary: &mut Summary) {
        let (before, after) = (&predicted.seen.changes, &went.seen.changes);
        let mut changes = Vec::new();
        for (all, others, what) in [(before, after, "only predicted: "), (after, before, "not predicted: ")] {
            for change in all.iter().filter(|change| !others.contains(change)) {
                let mut change = change.clone();
                change.task.insert_str(0, what);
                changes.push(change);
            }
        }
        let text = format!("check mode predicted {}, it was {}", predicted.seen.total.changed, went.seen.total.changed);
        summary.lines.push(Line { step: "predict", ended: Ended::Failed, took: None, text, changes });
    }
}

fn counted(changed: u32) -> String {
    format!("changed={changed}")
}

fn banner(step: &str) {
    put(&format!("\n== {step}\n"));
}

impl Means<'_> {
    /// Read an inventory, with what it was read from; an empty one where there is none.
    fn inventory(&self, source: Option<String>) -> Result<(Inventory, Vec<String>), Stop> {
        let Some(source) = source else { return Ok((Inventory::new(), Vec::new())) };
        let sources = vec![source];
        let cache = FactCache::open(self.config)?;
        let (inventory, warnings) = Inventory::read(&sources, self.config, &self.extra, &cache, Broken::Refused)
            .map_err(|problems| Stop::new(problems, Exit::Error))?;
        tell(&warnings, self.color);
        Ok((inventory, sources))
    }

    /// Whether Ctrl-C has ended a step.
    fn left(&self, went: &Went) -> bool {
        went.exit == Exit::Interrupted || self.interrupt.is_pressed()
    }

    /// Ctrl-C ends what runs, and never the program: the hosts are destroyed first.
    fn watch(&self) -> Watching {
        use tokio::signal::unix::{SignalKind, signal};
        let mut tasks = Vec::new();
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let Ok(mut signals) = signal(kind) else { continue };
            let interrupt = self.interrupt.clone();
            tasks.push(tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    if interrupt.press() == 1 {
                        say("interrupted: what runs is cancelled, then the hosts are destroyed");
                    }
                }
            }));
        }
        Watching(tasks)
    }
}

/// Watches until it is dropped.
struct Watching(Vec<tokio::task::JoinHandle<()>>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

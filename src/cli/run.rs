//! `rprov run`, which is also `ansible-playbook`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgAction, Parser};

use super::exit::Exit;
use super::flags::RunFlags;
use super::listing;
use super::options::options;
use super::output::Output;
use super::settings::with_vault;
use super::stage::{Hosts, Kept, Stage, block_on, extra_variables, loader, surroundings};
use super::stop::Stop;
use super::tell::{display, put, say, tell};
use crate::config::{Config, Setting};
use crate::playbook::{Loader, Playbook};
use crate::report::Sink;
use crate::report::default::DefaultOutput;
use crate::report::json::JsonLines;
use crate::report::live::{AboveLive, Live};
use crate::run::{Options, Run, Selection};
use crate::source::Diagnostic;
use crate::template::Surroundings;
use crate::vars::VarMap;

/// Run playbooks on hosts.
#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
pub(super) struct RunCommand {
    /// The playbooks
    #[arg(required = true, value_name = "PLAYBOOK")]
    playbooks: Vec<PathBuf>,
    #[command(flatten)]
    flags: RunFlags,
    /// Run only tasks with these tags
    #[arg(short, long, value_name = "TAGS")]
    tags: Vec<String>,
    /// Leave out tasks with these tags
    #[arg(long, value_name = "TAGS")]
    skip_tags: Vec<String>,
    /// List the hosts that would be worked on
    #[arg(long)]
    list_hosts: bool,
    /// List the tasks that would be run
    #[arg(long)]
    list_tasks: bool,
    /// List the tags that there are
    #[arg(long)]
    list_tags: bool,
    /// Only check the playbooks
    #[arg(long)]
    syntax_check: bool,
    /// Begin at the task with this name
    #[arg(long, value_name = "NAME")]
    start_at_task: Option<String>,
    /// Ask before each task
    #[arg(long)]
    step: bool,
    /// Run handlers even on hosts where a task has failed
    #[arg(long)]
    force_handlers: bool,
    /// Output: `default`, or `json` for one event per line
    #[arg(long, value_name = "FORMAT", default_value = "default", value_parser = ["default", "json"])]
    format: String,
    /// Show the version
    #[arg(long, action = ArgAction::Version)]
    version: (),
}

impl RunCommand {
    /// Do it.
    pub(super) fn execute(self) -> Exit {
        with_vault(&self.flags.vault, |config, color| self.prepared(config, color))
    }

    fn prepared(&self, config: Arc<Config>, color: bool) -> Result<Exit, Stop> {
        let options = self.options(&config)?;
        let extra = extra_variables(&self.flags.task.extra, &config, color)?;
        let surroundings = surroundings(&config);
        let (playbooks, loader) =
            self.load(loader(&config, self.flags.task.library(&config), &extra, &surroundings), color)?;
        if self.syntax_check {
            for playbook in &playbooks {
                put(&format!("\nplaybook: {}\n", playbook.path.display()));
            }
            return Ok(Exit::Success);
        }
        block_on(self.run(config, options, extra, playbooks, loader, surroundings, color))
    }

    fn load(&self, mut loader: Loader, color: bool) -> Result<(Vec<Playbook>, Loader), Stop> {
        let mut playbooks = Vec::new();
        let mut problems = Vec::new();
        for path in &self.playbooks {
            match loader.playbook(path) {
                Ok((playbook, warnings)) => {
                    tell(&warnings, color);
                    playbooks.push(playbook);
                }
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok((playbooks, loader)) } else { Err(Stop::written(problems)) }
    }

    #[expect(clippy::too_many_arguments, reason = "called from one place")]
    async fn run(
        &self,
        config: Arc<Config>,
        options: Options,
        extra: Arc<VarMap>,
        playbooks: Vec<Playbook>,
        loader: Loader,
        surroundings: Surroundings,
        color: bool,
    ) -> Result<Exit, Stop> {
        let Hosts { inventory, cache, sources, served } = Hosts::load(&self.flags.inventory, &config, &extra, color)?;
        let directory = playbooks
            .first()
            .and_then(|playbook| playbook.plays.first())
            .map_or_else(|| PathBuf::from("."), |play| play.directory.clone());
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let json = self.format == "json";
        let list = listing::Wanted { hosts: self.list_hosts, tasks: self.list_tasks, tags: self.list_tags };
        let listing = list.hosts || list.tasks || list.tags;
        let display = display(&config, &options);
        let live = terminal && !json && !listing && !options.step;
        let sinks: Vec<Box<dyn Sink>> = if json {
            vec![Box::new(JsonLines::new(Output))]
        } else if live {
            let (line, bar) = Live::start();
            let out = AboveLive::new(bar.clone(), Output);
            let err = AboveLive::new(bar, std::io::stderr());
            vec![Box::new(DefaultOutput::new(display, out, err)), Box::new(line)]
        } else {
            vec![Box::new(DefaultOutput::new(display, std::io::BufWriter::new(Output), std::io::stderr()))]
        };
        // All tags there are, unless some are asked for: also those of tasks that run only when they are named.
        let every = ["all".to_owned(), "never".to_owned()];
        let only = if self.list_tags && options.tags.is_empty() { &every[..] } else { &options.tags };
        let selection = Selection::new(only, &options.skip_tags);
        let (kept, live) = (Kept::new(&config), live || json);
        let library = Arc::clone(loader.library());
        let stage = Stage { config, options, extra, inventory, cache, sources, library, directory, kept, live };
        let (shared, _watch) = stage.share(sinks);
        let mut run = Run::new(Arc::clone(&shared), loader, surroundings);
        if listing {
            let (text, warnings) = listing::list(&run, &playbooks, list, &selection)?;
            shared.reporter.finish();
            for warning in warnings {
                say(&format!("[WARNING]: {warning}"));
            }
            put(&text);
            return Ok(Exit::Success);
        }
        let outcome = run.playbooks(&playbooks).await;
        shared.reporter.finish();
        drop(served);
        outcome?;
        if let Some(task) = run.waiting_for().filter(|_| !shared.interrupt.is_pressed()) {
            let problem = Diagnostic::error(format!("No matching task \"{task}\" found"))
                .hint("`--start-at-task` takes a task's whole name, or a pattern with `*`")
                .hint("tasks of `include_tasks` and `include_role` are not known beforehand; `--list-tasks` shows those that are");
            tell(&[problem], color);
        }
        Ok(Exit::of(&run))
    }

    fn options(&self, config: &Config) -> Result<Options, Stop> {
        let tags = |given: &[String], setting| match given {
            [] => config.list(setting).to_vec(),
            given => given.to_vec(),
        };
        Ok(Options {
            tags: tags(&self.tags, Setting::TagsRun),
            skip_tags: tags(&self.skip_tags, Setting::TagsSkip),
            start_at_task: self.start_at_task.clone(),
            step: self.step,
            force_handlers: self.force_handlers || config.bool(Setting::ForceHandlers),
            ..options(config, &self.flags)?
        })
    }
}

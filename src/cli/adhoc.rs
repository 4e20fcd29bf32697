//! `rprov adhoc`, which is also `ansible`: one task on the hosts of a pattern.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgAction, Parser};

use super::exit::Exit;
use super::flags::{LoneTaskFlags, RunFlags};
use super::lone_task::{LoneTask, Written};
use super::options::options;
use super::output::Output;
use super::settings::with_vault;
use super::stage::{Hosts, Kept, Stage, block_on, extra_variables, loader, matching, surroundings};
use super::stop::Stop;
use super::tell::{display, host_list, put, tell};
use crate::config::{Config, Setting};
use crate::report::Sink;
use crate::report::default::{DefaultOutput, Display};
use crate::report::json::JsonLines;
use crate::report::minimal::{MinimalOutput, Tree};
use crate::run::{Options, Run};
use crate::source::Diagnostic;

/// Run one task on hosts.
#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
pub(super) struct AdhocCommand {
    /// The hosts
    #[arg(value_name = "PATTERN")]
    pattern: String,
    /// The module
    #[arg(short, long, value_name = "MODULE")]
    module_name: Option<String>,
    /// The module's arguments: key=value, free text, or a JSON dictionary
    #[arg(short, long, value_name = "ARGUMENTS", allow_hyphen_values = true)]
    args: Option<String>,
    /// Run in the background for at most this many seconds
    #[arg(short = 'B', long, value_name = "SECONDS")]
    background: Option<u64>,
    /// Seconds between two looks at what runs in the background
    #[arg(short = 'P', long, value_name = "SECONDS")]
    poll: Option<u64>,
    /// Show each result on one line
    #[arg(short, long)]
    one_line: bool,
    /// Write each host's result to a file of the host's name in this directory
    #[arg(short, long, value_name = "DIRECTORY")]
    tree: Option<PathBuf>,
    /// List the hosts that would be worked on
    #[arg(long)]
    list_hosts: bool,
    #[command(flatten)]
    lone: LoneTaskFlags,
    #[command(flatten)]
    flags: RunFlags,
    /// Output: `default`, or `json` for one event per line
    #[arg(long, value_name = "FORMAT", default_value = "default", value_parser = ["default", "json"])]
    format: String,
    /// Show the version
    #[arg(long, action = ArgAction::Version)]
    version: (),
}

impl AdhocCommand {
    /// Do it.
    pub(super) fn execute(self) -> Exit {
        with_vault(&self.flags.vault, |config, color| self.prepared(config, color))
    }

    fn prepared(&self, config: Arc<Config>, color: bool) -> Result<Exit, Stop> {
        let options = options(&config, &self.flags)?;
        block_on(self.run(config, options, color))
    }

    async fn run(&self, config: Arc<Config>, options: Options, color: bool) -> Result<Exit, Stop> {
        let extra = extra_variables(&self.flags.task.extra, &config, color)?;
        let Hosts { inventory, cache, sources, served } = Hosts::load(&self.flags.inventory, &config, &extra, color)?;
        // A pattern that is a template is known only when the play is.
        let known = self.list_hosts || !crate::template::is_template(&self.pattern);
        let limit = self.flags.inventory.limit.as_deref();
        let hosts = match known {
            true => matching(&inventory, &config, &self.pattern, limit, color)?,
            false => Vec::new(),
        };
        if self.list_hosts {
            put(&host_list(&hosts));
            return Ok(Exit::Success);
        }
        let task = LoneTask {
            play: "Ansible Ad-Hoc",
            pattern: &self.pattern,
            module: self.module_name.as_deref().or(config.string(Setting::ModuleName)).unwrap_or("command"),
            arguments: self.args.as_deref().or(config.string(Setting::ModuleArgs)).unwrap_or_default(),
            timeout: self.lone.task_timeout.unwrap_or(options.task_timeout),
            background: self.background(&config),
            written: Written::Flags,
        };
        let play = task.play()?;
        let directory = self.lone.directory(&config)?;
        let surroundings = surroundings(&config);
        let mut loader = loader(&config, self.flags.task.library(&config), &extra, &surroundings);
        let (play, notes) = loader.lone_play(&play, &directory).map_err(Stop::written)?;
        tell(&notes, color);
        if hosts.is_empty() && known {
            return Ok(Exit::Success);
        }
        let sinks = self.sinks(&config, &options)?;
        let live = self.format == "json";
        let kept = Kept::new(&config);
        let library = Arc::clone(loader.library());
        let stage = Stage { config, options, extra, inventory, cache, sources, library, directory, kept, live };
        let (shared, _watch) = stage.share(sinks);
        let mut run = Run::new(Arc::clone(&shared), loader, surroundings);
        let outcome = run.lone_play(&play).await;
        shared.connections.close().await;
        shared.reporter.finish();
        drop(served);
        outcome?;
        Ok(Exit::of(&run))
    }

    /// How long the task may run in the background, and how often it is looked at.
    fn background(&self, config: &Config) -> Option<(u64, u64)> {
        let seconds = self.background.filter(|seconds| *seconds > 0)?;
        let set = config.int(Setting::PollInterval).and_then(|seconds| u64::try_from(seconds).ok());
        Some((seconds, self.poll.or(set).unwrap_or(15)))
    }

    fn sinks(&self, config: &Config, options: &Options) -> Result<Vec<Box<dyn Sink>>, Stop> {
        let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
        if self.format == "json" {
            sinks.push(Box::new(JsonLines::new(Output)));
        } else {
            let display = Display { pretty: Some(true), ..display(config, options) };
            let callback = config.string(Setting::StdoutCallback).unwrap_or_default();
            let one_line = self.one_line || callback.rsplit('.').next() == Some("oneline");
            let out = std::io::BufWriter::new(Output);
            sinks.push(Box::new(MinimalOutput::new(DefaultOutput::new(display, out, std::io::stderr()), one_line)));
        }
        if let Some(directory) = &self.tree {
            let directory: &Path = &rprov_modules::account::expand_path(&directory.to_string_lossy());
            let tree = Tree::new(directory.to_owned()).map_err(|error| {
                let what = format!("the directory for results cannot be made: {}", directory.display());
                Diagnostic::error(what).cause(error.to_string())
            })?;
            sinks.push(Box::new(tree));
        }
        Ok(sinks)
    }
}

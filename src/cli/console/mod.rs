//! `rprov console`, which is also `ansible-console`: one task after the other, from a prompt.
//!
//! * `order`: what a line asks for;
//! * `line`: where lines come from: an edited one of a terminal, or standard input.

mod line;
mod order;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgAction, Parser};
use tokio::runtime::Runtime;

use self::line::Lines;
use self::order::{HELP, Order, Toggle};
use super::exit::Exit;
use super::flags::{LoneTaskFlags, RunFlags};
use super::lone_task::{LoneTask, Written};
use super::options::options;
use super::output::Output;
use super::settings::with_vault;
use super::stage::{Hosts, Kept, Stage, extra_variables, loader, no_hosts_left, runtime, surroundings};
use super::stop::Stop;
use super::tell::{display, host_list, put, tell};
use crate::action::Library;
use crate::config::Config;
use crate::inventory::{Inventory, Pattern};
use crate::report::default::{DefaultOutput, Display};
use crate::report::minimal::MinimalOutput;
use crate::run::{Options, Run};
use crate::source::Diagnostic;
use crate::vars::VarMap;

/// Run tasks from a prompt.
#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
pub(super) struct ConsoleCommand {
    /// The hosts
    #[arg(value_name = "PATTERN", default_value = "all")]
    pattern: String,
    /// List the hosts that would be worked on
    #[arg(long)]
    list_hosts: bool,
    /// Ask before each task
    #[arg(long)]
    step: bool,
    #[command(flatten)]
    lone: LoneTaskFlags,
    #[command(flatten)]
    flags: RunFlags,
    /// Show the version
    #[arg(long, action = ArgAction::Version)]
    version: (),
}

impl ConsoleCommand {
    /// Do it.
    pub(super) fn execute(self) -> Exit {
        with_vault(&self.flags.vault, |config, color| self.prepared(config, color))
    }

    fn prepared(&self, config: Arc<Config>, color: bool) -> Result<Exit, Stop> {
        let options = options(&config, &self.flags)?;
        let options = Options {
            step: self.step,
            task_timeout: self.lone.task_timeout.unwrap_or(options.task_timeout),
            ..options
        };
        let extra = extra_variables(&self.flags.task.extra, &config, color)?;
        let directory = self.lone.directory(&config)?;
        let library = self.flags.task.library(&config);
        library.add_playbook(&directory);
        let Hosts { inventory, cache, sources, served } = Hosts::load(&self.flags.inventory, &config, &extra, color)?;
        let mut console = Console {
            kept: Kept::new(&config),
            config,
            options,
            extra,
            inventory,
            cache,
            sources,
            directory,
            library,
            pattern: self.pattern.clone(),
            hosts: Vec::new(),
            color,
        };
        console.hosts = console.matching(&console.pattern)?;
        if console.hosts.is_empty() {
            return Err(no_hosts_left().into());
        }
        if self.list_hosts {
            put(&host_list(&console.hosts));
            return Ok(Exit::Success);
        }
        let runtime = runtime()?;
        console.listen(&runtime);
        runtime.block_on(console.kept.connections.close());
        runtime.shutdown_background();
        drop(served);
        Ok(Exit::Success)
    }
}

/// A console, from line to line.
struct Console {
    config: Arc<Config>,
    options: Options,
    extra: Arc<VarMap>,
    inventory: Inventory,
    cache: Arc<crate::facts::FactCache>,
    sources: Vec<String>,
    directory: PathBuf,
    library: Arc<Library>,
    /// Connections and facts, which last from task to task.
    kept: Kept,
    pattern: String,
    hosts: Vec<Arc<str>>,
    color: bool,
}

impl Console {
    /// Read lines and do what they ask for, to the end.
    fn listen(&mut self, runtime: &Runtime) {
        put("Welcome to the ansible console. Type help or ? to list commands.\n\n");
        let mut lines = Lines::open();
        loop {
            let names = self.inventory.groups().map(|group| group.name.to_string());
            let names = names.chain(self.inventory.hosts().map(|host| host.name.to_string())).collect();
            let Some(line) = lines.next(&self.prompt(), names) else { break };
            match Order::parse(&line, &|name| self.library.resolve(name, &[]).called.is_some()) {
                Order::Exit => break,
                order => {
                    if let Err(stop) = self.follow(order, runtime) {
                        stop.told(self.color);
                    }
                }
            }
        }
        put("\nAnsible-console was exited.\n");
    }

    fn prompt(&self) -> String {
        let user = self.options.remote_user.clone().unwrap_or_else(login_name);
        let end = if self.options.r#become { '#' } else { '$' };
        format!("{user}@{} ({})[f:{}]{end} ", self.pattern, self.hosts.len(), self.options.forks)
    }

    /// The hosts of a pattern within `-l`; what is wrong with it is told.
    fn matching(&self, pattern: &str) -> Result<Vec<Arc<str>>, Stop> {
        let mut inventory = self.inventory.clone();
        let (mut hosts, notes) = Pattern::parse(pattern).hosts(&mut inventory, &self.config, None)?;
        tell(&notes, self.color);
        if let Some(limit) = &self.options.limit {
            let limit = Pattern::limit(limit)?;
            let (limited, _) = limit.hosts(&mut inventory, &self.config, None)?;
            hosts.retain(|host| limited.contains(host));
        }
        Ok(hosts)
    }

    fn follow(&mut self, order: Order<'_>, runtime: &Runtime) -> Result<(), Stop> {
        let options = &mut self.options;
        match order {
            Order::Exit | Order::Nothing => {}
            Order::Told(text) => put(&format!("{text}\n")),
            Order::Refused(text, hint) => return Err(Diagnostic::error(text).hint(hint).into()),
            Order::Help(topic) => self.help(topic),
            Order::Hosts => put(&self.hosts.iter().map(|host| format!("{host}\n")).collect::<String>()),
            Order::Groups => {
                let mut names: Vec<&str> = self.inventory.groups().map(|group| &*group.name).collect();
                names.sort_unstable();
                put(&names.into_iter().map(|name| format!("{name}\n")).collect::<String>());
            }
            Order::Change(pattern) => {
                let pattern = match pattern {
                    "" => "*",
                    "/" | "*" => "all",
                    pattern => pattern,
                };
                let hosts = self.matching(pattern)?;
                match hosts.is_empty() {
                    true => put("no host matched\n"),
                    false => (self.pattern, self.hosts) = (pattern.to_owned(), hosts),
                }
            }
            Order::Forks(forks) => options.forks = forks,
            Order::Verbosity(level) => {
                options.verbosity = level;
                if level > 0 {
                    put(&format!("verbosity level set to {level}\n"));
                }
            }
            Order::Timeout(seconds) => options.task_timeout = seconds,
            Order::Toggle(Toggle::Become, on) => options.r#become = on,
            Order::Toggle(Toggle::Check, on) => {
                options.check = on;
                put(&format!("check mode changed to {}\n", python_bool(on)));
            }
            Order::Toggle(Toggle::Diff, on) => {
                options.diff = on;
                put(&format!("diff mode changed to {}\n", python_bool(on)));
            }
            Order::BecomeUser(user) => options.become_user = Some(user.to_owned()),
            Order::BecomeMethod(method) => method.clone_into(&mut options.become_method),
            Order::RemoteUser(user) => options.remote_user = Some(user.to_owned()),
            Order::Task { module, arguments } => return runtime.block_on(self.task(module, arguments)),
        }
        Ok(())
    }

    fn help(&self, topic: &str) {
        let text = match topic {
            "" => HELP
                .iter()
                .map(|(name, usage, text)| format!("{:<28}  {text}\n", format!("{name} {usage}")))
                .chain(["MODULE [ARGUMENTS]            Run a module; `help MODULE` tells of one\n".to_owned()])
                .chain(["anything else                 Run it as a shell command, as `!COMMAND` does\n".to_owned()])
                .collect(),
            topic => match HELP.iter().find(|(name, _, _)| *name == topic) {
                Some((name, usage, text)) => format!("{text}\nUsage: {name} {usage}\n"),
                None => {
                    super::doc::module_text(topic, &self.config).unwrap_or_else(|| format!("*** No help on {topic}\n"))
                }
            },
        };
        put(&text);
    }

    async fn task(&mut self, module: &str, arguments: &str) -> Result<(), Stop> {
        let task = LoneTask {
            play: "Ansible Shell",
            pattern: &self.pattern,
            module,
            arguments,
            timeout: self.options.task_timeout,
            background: None,
            written: Written::Prompt,
        };
        let surroundings = surroundings(&self.config);
        let mut loader = loader(&self.config, Arc::clone(&self.library), &self.extra, &surroundings);
        let (play, notes) = loader.lone_play(&task.play()?, &self.directory).map_err(Stop::written)?;
        tell(&notes, self.color);
        let display = Display { pretty: Some(true), ..display(&self.config, &self.options) };
        let out = DefaultOutput::new(display, std::io::BufWriter::new(Output), std::io::stderr());
        let stage = Stage {
            config: Arc::clone(&self.config),
            options: self.options.clone(),
            extra: Arc::clone(&self.extra),
            inventory: self.inventory.clone(),
            cache: Arc::clone(&self.cache),
            sources: self.sources.clone(),
            library: Arc::clone(&self.library),
            directory: self.directory.clone(),
            kept: self.kept.clone(),
            live: false,
        };
        let (shared, _watch) = stage.share(vec![Box::new(MinimalOutput::new(out, false))]);
        let mut run = Run::new(Arc::clone(&shared), loader, surroundings);
        let outcome = run.lone_play(&play).await;
        shared.reporter.finish();
        // Hosts and groups that the task has added are there for the next one.
        self.inventory = Inventory::clone(&shared.facts.inventory.load());
        Ok(outcome?)
    }
}

fn python_bool(on: bool) -> &'static str {
    if on { "True" } else { "False" }
}

/// The name of whoever runs this.
fn login_name() -> String {
    let named = ["LOGNAME", "USER", "LNAME", "USERNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let known = || rprov_modules::account::user_by_id(rustix::process::getuid().as_raw()).map(|user| user.name);
    named.into_iter().find(|name| !name.is_empty()).or_else(known).unwrap_or_else(|| "root".to_owned())
}

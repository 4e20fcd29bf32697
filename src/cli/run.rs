//! `rprov run`, which is also `ansible-playbook`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use clap::{ArgAction, Parser};

use super::exit::Exit;
use super::identities::VaultFlags;
use super::tell::{color_of, say, settings, tell};
use super::{extra, listing, password};
use crate::config::{Config, Setting};
use crate::connection::{AgentStore, HostKeyChecking, Password};
use crate::inventory::{Inventory, Pattern};
use crate::playbook::{Loader, Playbook};
use crate::report::default::{DefaultOutput, Display};
use crate::report::json::JsonLines;
use crate::report::live::{AboveLive, Live};
use crate::report::{Event, Reporter, Sink};
use crate::run::{Connections, Interrupt, Options, Run, RunError, Selection, Shared};
use crate::source::{Diagnostic, Diagnostics, Severity};
use crate::template::{Scope, Surroundings};
use crate::vars::{HostStore, InventoryLayers, Layer, RunFacts, VarMap};

/// Run playbooks on hosts.
#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
pub(super) struct RunCommand {
    /// The playbooks
    #[arg(required = true, value_name = "PLAYBOOK")]
    playbooks: Vec<PathBuf>,
    /// Inventory: a file, a directory, a script, or a list of hosts with commas; may be given several times
    #[arg(short, long, visible_alias = "inventory-file", value_name = "INVENTORY")]
    inventory: Vec<String>,
    /// Work only on these hosts
    #[arg(short, long, value_name = "PATTERN")]
    limit: Option<String>,
    /// Extra variables: key=value, JSON, or @FILE
    #[arg(short, long = "extra-vars", value_name = "VARIABLES")]
    extra: Vec<String>,
    /// Hosts that are worked on at the same time
    #[arg(short, long, value_name = "N")]
    forks: Option<usize>,
    /// Log in as this user
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Become another user
    #[arg(short, long)]
    r#become: bool,
    /// How to become another user: sudo, su or doas
    #[arg(long, value_name = "METHOD")]
    become_method: Option<String>,
    /// The user to become
    #[arg(long, value_name = "USER")]
    become_user: Option<String>,
    /// Ask for the password to log in with
    #[arg(short = 'k', long)]
    ask_pass: bool,
    /// Ask for the password to become another user with
    #[arg(short = 'K', long)]
    ask_become_pass: bool,
    /// File with the password to log in with
    #[arg(long, visible_alias = "conn-pass-file", value_name = "FILE", conflicts_with = "ask_pass")]
    connection_password_file: Option<PathBuf>,
    /// File with the password to become another user with
    #[arg(long, visible_alias = "become-pass-file", value_name = "FILE", conflicts_with = "ask_become_pass")]
    become_password_file: Option<PathBuf>,
    /// Private key to log in with
    #[arg(long, visible_alias = "key-file", value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// Run only tasks with these tags
    #[arg(short, long, value_name = "TAGS")]
    tags: Vec<String>,
    /// Leave out tasks with these tags
    #[arg(long, value_name = "TAGS")]
    skip_tags: Vec<String>,
    /// Predict, and change nothing
    #[arg(short = 'C', long)]
    check: bool,
    /// Show what changes in files
    #[arg(short = 'D', long)]
    diff: bool,
    /// Say more; up to -vvvv
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
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
    /// Seconds that a connection attempt may take
    #[arg(short = 'T', long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Connection: ssh or local
    #[arg(short, long, value_name = "CONNECTION")]
    connection: Option<String>,
    /// Arguments of ssh (-o, -J, -F ...)
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true)]
    ssh_common_args: Option<String>,
    /// More arguments of ssh
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true)]
    ssh_extra_args: Option<String>,
    /// Accepted for Ansible's sake: files travel on the agent's channel, not by scp
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true, hide = true)]
    scp_extra_args: Option<String>,
    /// Accepted for Ansible's sake: files travel on the agent's channel, not by sftp
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true, hide = true)]
    sftp_extra_args: Option<String>,
    /// Run handlers even on hosts where a task has failed
    #[arg(long)]
    force_handlers: bool,
    /// Forget the facts that were cached
    #[arg(long)]
    flush_cache: bool,
    /// Accepted for Ansible's sake: modules are built in
    #[arg(short = 'M', long, value_name = "PATH", hide = true)]
    module_path: Vec<String>,
    #[command(flatten)]
    vault: VaultFlags,
    /// Output: `default`, or `json` for one event per line
    #[arg(long, value_name = "FORMAT", default_value = "default", value_parser = ["default", "json"])]
    format: String,
    /// Show the version
    #[arg(long, action = ArgAction::Version)]
    version: (),
}

/// Why a command ends before its run: diagnostics to show, and the exit code.
struct Stop {
    problems: Diagnostics,
    exit: Exit,
}

impl Stop {
    fn new(problems: Diagnostics, exit: Exit) -> Self {
        Self { problems, exit }
    }

    fn options(problem: Diagnostic) -> Self {
        Self::new(vec![problem], Exit::Options)
    }
}

/// Text on standard output, if anybody reads it.
fn put(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The exit code for mistakes in what was written, by which of them are errors: a file that is not there is a general
/// error, a file that cannot be understood has a code of its own.
fn exit_of(problems: &[Diagnostic]) -> Exit {
    let misread = problems.iter().any(|problem| problem.severity == Severity::Error && !problem.absent);
    if misread { Exit::Unreachable } else { Exit::Error }
}

impl RunCommand {
    /// Do it.
    pub(super) fn execute(self) -> Exit {
        let (mut config, color) = match settings() {
            Ok(loaded) => loaded,
            Err(exit) => return exit,
        };
        match self.vault.keyring(&config) {
            Ok((keyring, notes)) => {
                tell(&notes, color);
                config.set_vault(keyring);
            }
            Err(problem) => {
                tell(&[problem], color);
                return Exit::Error;
            }
        }
        match self.prepared(Arc::new(config), color) {
            Ok(exit) => exit,
            Err(stop) => {
                tell(&stop.problems, color);
                stop.exit
            }
        }
    }

    fn prepared(self, config: Arc<Config>, color: bool) -> Result<Exit, Stop> {
        let options = self.options(&config)?;
        let (extra, warnings) = extra::variables(&self.extra, config.vault()).map_err(|problems| {
            let exit = if problems.iter().any(|problem| !problem.absent) { Exit::Options } else { Exit::Error };
            Stop::new(problems, exit)
        })?;
        tell(&warnings, color);
        let extra = Arc::new(extra);
        let (playbooks, loader, surroundings) = self.load(&config, &extra, color)?;
        if self.syntax_check {
            for playbook in &playbooks {
                put(&format!("\nplaybook: {}\n", playbook.path.display()));
            }
            return Ok(Exit::Success);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Stop::new(vec![Diagnostic::error(format!("cannot start: {error}"))], Exit::Unexpected))?;
        let outcome = runtime.block_on(self.run(config, options, extra, playbooks, loader, surroundings, color));
        // What still runs in the background (a closing connection) is not waited for.
        runtime.shutdown_background();
        outcome
    }

    fn load(
        &self,
        config: &Config,
        extra: &Arc<VarMap>,
        color: bool,
    ) -> Result<(Vec<Playbook>, Loader, Surroundings), Stop> {
        let surroundings = Surroundings {
            settings: Setting::all()
                .map(|setting| (setting.name().to_owned(), setting_value(config, setting)))
                .collect(),
            vault: Arc::clone(config.vault()),
            ..Surroundings::default()
        };
        let statics = Scope::new(Arc::new(Layer(Arc::clone(extra))), Arc::new(surroundings.clone()));
        let mut loader = Loader::new(
            config.paths(Setting::RolesPath).to_vec(),
            config.paths(Setting::CollectionsPath).to_vec(),
            statics,
        );
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
        if problems.is_empty() {
            return Ok((playbooks, loader, surroundings));
        }
        let exit = exit_of(&problems);
        Err(Stop::new(problems, exit))
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
        let sources = self.sources(&config);
        let (mut inventory, warnings) =
            Inventory::load(&sources, &config).map_err(|problems| Stop::new(problems, Exit::Error))?;
        let existing = sources.iter().any(|source| source.contains(',') || Path::new(source).exists());
        tell(&warnings, color);
        check_limit(&inventory, &config, self.limit.as_deref())?;
        if !existing && inventory.hosts().next().is_none() {
            say("[WARNING]: No inventory was parsed, only implicit localhost is available");
        }
        let served =
            crate::throwaway::serve(&mut inventory).map_err(|problem| Stop::new(vec![problem], Exit::Error))?;
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
            vec![Box::new(JsonLines::new(std::io::stdout()))]
        } else if live {
            let (line, bar) = Live::start();
            let out = AboveLive::new(bar.clone(), std::io::stdout());
            let err = AboveLive::new(bar, std::io::stderr());
            vec![Box::new(DefaultOutput::new(display, out, err)), Box::new(line)]
        } else {
            vec![Box::new(DefaultOutput::new(display, std::io::BufWriter::new(std::io::stdout()), std::io::stderr()))]
        };
        let facts = RunFacts {
            inventory: ArcSwap::from_pointee(inventory),
            hosts: HostStore::default(),
            layers: InventoryLayers::new(Arc::clone(&config)),
            extra,
            check: options.check,
            diff: options.diff,
            forks: options.forks,
            verbosity: options.verbosity,
            limit: options.limit.clone(),
            tags: options.tags.clone(),
            skip_tags: options.skip_tags.clone(),
            config_file: config.path().map(Path::to_owned),
            inventory_sources: sources,
            inject_facts: config.bool(Setting::InjectFactsAsVars),
        };
        // All tags there are, unless some are asked for: also those of tasks that run only when they are named.
        let every = ["all".to_owned(), "never".to_owned()];
        let only = if self.list_tags && options.tags.is_empty() { &every[..] } else { &options.tags };
        let selection = Selection::new(only, &options.skip_tags);
        let shared = Arc::new(Shared {
            options,
            config,
            facts: Arc::new(facts),
            connections: Connections::new(AgentStore::new()),
            reporter: Reporter::start(sinks),
            interrupt: Interrupt::default(),
            live: live || json,
            directory,
        });
        watch_interrupt(&shared);
        let mut run = Run::new(Arc::clone(&shared), loader, surroundings);
        if listing {
            let (text, warnings) = listing::list(&run, &playbooks, list, &selection).map_err(stop_of)?;
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
        outcome.map_err(stop_of)?;
        if let Some(task) = run.waiting_for().filter(|_| !shared.interrupt.is_pressed()) {
            let problem = Diagnostic::error(format!("No matching task \"{task}\" found"))
                .hint("`--start-at-task` takes a task's whole name, or a pattern with `*`")
                .hint("tasks of `include_tasks` and `include_role` are not known beforehand; `--list-tasks` shows those that are");
            tell(&[problem], color);
        }
        Ok(if shared.interrupt.is_pressed() {
            Exit::Interrupted
        } else if run.any_unreachable() {
            Exit::Unreachable
        } else if run.any_failed() {
            Exit::Failed
        } else {
            Exit::Success
        })
    }

    fn sources(&self, config: &Config) -> Vec<String> {
        if !self.inventory.is_empty() {
            return self.inventory.clone();
        }
        // That there is none at the default place is not worth a word.
        let set = config.is_set(Setting::Inventory);
        let paths = config.paths(Setting::Inventory).iter().filter(|path| set || path.exists());
        paths.map(|path| path.display().to_string()).collect()
    }

    fn options(&self, config: &Config) -> Result<Options, Stop> {
        let secret = |ask: bool, question: &str, file: Option<&Path>| -> Result<Option<Password>, Stop> {
            if ask {
                return password::ask(question).map(Some).map_err(Stop::options);
            }
            file.map(password::from_file).transpose().map_err(|problem| Stop::new(vec![problem], Exit::Error))
        };
        let connection_file =
            self.connection_password_file.as_deref().or(config.path_of(Setting::ConnectionPasswordFile));
        let become_file = self.become_password_file.as_deref().or(config.path_of(Setting::BecomePasswordFile));
        let asked_login = self.ask_pass || (config.bool(Setting::AskPass) && connection_file.is_none());
        let login = secret(asked_login, "SSH password: ", connection_file)?;
        let privileged = secret(
            self.ask_become_pass || (config.bool(Setting::BecomeAskPass) && become_file.is_none()),
            if asked_login { "BECOME password[defaults to SSH password]: " } else { "BECOME password: " },
            become_file,
        )?
        // An empty answer means the password to log in with, as the prompt's default says.
        .map(|given| if given.expose().is_empty() { login.clone().unwrap_or(given) } else { given });
        let mut ssh_arguments = Vec::new();
        if config.is_set(Setting::SshArgs) {
            ssh_arguments.extend(words(config.string(Setting::SshArgs))?);
        }
        let common = self.ssh_common_args.as_deref().or(config.string(Setting::SshCommonArgs));
        let more = self.ssh_extra_args.as_deref().or(config.string(Setting::SshExtraArgs));
        for text in [common, more] {
            ssh_arguments.extend(words(text)?);
        }
        let forks =
            self.forks.or(config.int(Setting::Forks).and_then(|forks| usize::try_from(forks).ok())).unwrap_or(5);
        if forks == 0 {
            let problem = Diagnostic::error("The number of processes (--forks) must be >= 1")
                .hint("`--forks N` is how many hosts are worked on at the same time");
            return Err(Stop::new(vec![problem], Exit::Failed));
        }
        let checking = config
            .is_set(Setting::HostKeyChecking)
            .then(|| config.bool(Setting::HostKeyChecking))
            .or_else(|| config.is_set(Setting::SshHostKeyChecking).then(|| config.bool(Setting::SshHostKeyChecking)));
        let seconds = |setting| config.int(setting).and_then(|seconds| u64::try_from(seconds).ok());
        Ok(Options {
            forks,
            check: self.check,
            diff: self.diff || config.bool(Setting::DiffAlways),
            verbosity: self
                .verbose
                .max(config.int(Setting::Verbosity).and_then(|level| u8::try_from(level).ok()).unwrap_or(0)),
            tags: match self.tags.is_empty() {
                true => config.list(Setting::TagsRun).to_vec(),
                false => self.tags.clone(),
            },
            skip_tags: match self.skip_tags.is_empty() {
                true => config.list(Setting::TagsSkip).to_vec(),
                false => self.skip_tags.clone(),
            },
            start_at_task: self.start_at_task.clone(),
            step: self.step,
            force_handlers: self.force_handlers || config.bool(Setting::ForceHandlers),
            limit: self.limit.clone(),
            remote_user: self.user.clone().or_else(|| config.string(Setting::RemoteUser).map(str::to_owned)),
            connection: self.connection.clone(),
            private_key_file: self
                .private_key
                .clone()
                .or_else(|| config.path_of(Setting::PrivateKeyFile).map(Path::to_owned)),
            timeout: Duration::from_secs(
                self.timeout.or(seconds(Setting::SshTimeout)).or(seconds(Setting::Timeout)).unwrap_or(10),
            ),
            ssh_arguments,
            password: login,
            r#become: self.r#become || config.bool(Setting::Become),
            become_method: self
                .become_method
                .clone()
                .or_else(|| config.string(Setting::BecomeMethod).map(str::to_owned))
                .unwrap_or_else(|| "sudo".to_owned()),
            become_user: self.become_user.clone().or_else(|| config.string(Setting::BecomeUser).map(str::to_owned)),
            become_password: privileged,
            any_errors_fatal: config.bool(Setting::AnyErrorsFatal),
            gathering: config.string(Setting::Gathering).unwrap_or("implicit").to_owned(),
            task_timeout: seconds(Setting::TaskTimeout).and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(0),
            retries: config
                .int(Setting::SshReconnectionRetries)
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or(0),
            host_key_checking: checking.map(|on| if on { HostKeyChecking::Strict } else { HostKeyChecking::Off }),
            strategy: config.string(Setting::Strategy).unwrap_or("linear").to_owned(),
            show_custom_stats: config.bool(Setting::ShowCustomStats),
        })
    }
}

fn words(text: Option<&str>) -> Result<Vec<String>, Stop> {
    let Some(text) = text else { return Ok(Vec::new()) };
    shlex::split(text).ok_or_else(|| {
        Stop::options(Diagnostic::error(format!("the ssh arguments have a quote that is not closed: {text}")))
    })
}

fn setting_value(config: &Config, setting: Setting) -> minijinja::Value {
    crate::template::from_json(&config.value(setting).to_json())
}

fn display(config: &Config, options: &Options) -> Display {
    Display {
        color: color_of(config, std::io::stdout().is_terminal()),
        verbosity: options.verbosity,
        skipped_hosts: config.bool(Setting::DisplaySkippedHosts),
        ok_hosts: config.bool(Setting::CallbackDisplayOkHosts),
        failed_to_stderr: config.bool(Setting::CallbackDisplayFailedStderr),
        check_markers: config.bool(Setting::CallbackCheckModeMarkers),
        custom_stats: options.show_custom_stats,
        task_path_on_failure: config.bool(Setting::CallbackShowTaskPathOnFailure),
        yaml: config.string(Setting::CallbackResultFormat) == Some("yaml"),
        pretty: config.is_set(Setting::CallbackPrettyResults).then(|| config.bool(Setting::CallbackPrettyResults)),
        columns: Display::terminal_columns(),
    }
}

/// Refuse a `--limit` that leaves nothing of an inventory that has hosts.
fn check_limit(inventory: &Inventory, config: &Config, limit: Option<&str>) -> Result<(), Stop> {
    let Some(limit) = limit else { return Ok(()) };
    let mistake = |problem| Stop::new(vec![problem], Exit::Error);
    let mut inventory = inventory.clone();
    let any = inventory.hosts().next().is_some();
    let (hosts, warnings) =
        Pattern::limit(limit).map_err(mistake)?.hosts(&mut inventory, config, None).map_err(mistake)?;
    if !any || !hosts.is_empty() {
        return Ok(());
    }
    let problem =
        Diagnostic::error("Specified inventory, host pattern and/or --limit leaves us with no hosts to target.")
            .hint("`--list-hosts` without `-l` shows the hosts that there are");
    let mut problems = warnings;
    problems.push(problem);
    Err(Stop::new(problems, Exit::Error))
}

fn stop_of(error: RunError) -> Stop {
    match error {
        RunError::Language(problems) => {
            let exit = exit_of(&problems);
            Stop::new(problems, exit)
        }
        RunError::Left => Stop::new(vec![Diagnostic::error(error.to_string())], Exit::Interrupted),
        RunError::Prompt(error) => {
            Stop::new(vec![Diagnostic::error(format!("no answer to a prompt: {error}"))], Exit::Error)
        }
    }
}

/// Ctrl-C (or SIGTERM) once ends the run in order; a second time it ends at once.
fn watch_interrupt(shared: &Arc<Shared>) {
    use tokio::signal::unix::{SignalKind, signal};
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        // Where signals cannot be watched, they end the program as they always do.
        let Ok(mut signals) = signal(kind) else { continue };
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if shared.interrupt.press() >= 2 {
                    std::process::exit(99);
                }
                let notice = Diagnostic::error("User interrupted execution")
                    .hint("what runs is cancelled; press Ctrl-C again to quit at once");
                shared.reporter.send(Event::Diagnostic(notice));
            }
        });
    }
}

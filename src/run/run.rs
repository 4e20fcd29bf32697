//! A whole run: playbooks in, an exit status out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::shared::Shared;
use super::stats::Stats;
use crate::playbook::reserved;
use crate::playbook::{Loader, Play, Playbook, Prompt};
use crate::report::Event;
use crate::source::{Diagnostic, Diagnostics};
use crate::template::{Scope, Surroundings, TemplateError, Written};
use crate::vars::VarMap;
use crate::yaml;

/// Why a run ended before its end. Failures of hosts are no errors of the run; they are in its [`Stats`].
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Mistakes in what the user wrote.
    #[error("the playbook has mistakes")]
    Language(Diagnostics),
    /// The person at the debugger wants to see no more of the run.
    #[error("User interrupted execution")]
    Left,
    /// The person at the terminal gave no answer.
    #[error("no answer to a prompt: {0}")]
    Prompt(#[source] std::io::Error),
}

impl From<TemplateError> for RunError {
    fn from(error: TemplateError) -> Self {
        RunError::Language(vec![error.into()])
    }
}

/// A play's patterns, its hosts' names, and warnings about the patterns.
pub type PlayHosts = (Vec<String>, Vec<Arc<str>>, Vec<String>);

/// A run.
#[derive(Debug)]
pub struct Run {
    pub(super) shared: Arc<Shared>,
    pub(super) loader: Loader,
    pub(super) surroundings: Surroundings,
    pub(super) stats: Stats,
    /// Hosts that have failed, or cannot be reached (`true`); no later play works on them.
    pub(super) lost: HashMap<Arc<str>, bool>,
    pub(super) waiting_for: Option<String>,
    pub(super) numbers: u64,
    variable_files: HashMap<PathBuf, Arc<VarMap>>,
    /// What is told once, whichever hosts it concerns.
    pub(super) told: Diagnostics,
}

impl Run {
    /// A run over what is shared by all hosts; `loader` has loaded the playbooks.
    pub fn new(shared: Arc<Shared>, loader: Loader, surroundings: Surroundings) -> Self {
        let waiting_for = shared.options.start_at_task.clone();
        Self {
            shared,
            loader,
            surroundings,
            stats: Stats::default(),
            lost: HashMap::new(),
            waiting_for,
            numbers: 0,
            variable_files: HashMap::new(),
            told: Vec::new(),
        }
    }

    async fn plays(&mut self, playbook: &Playbook) -> Result<(), RunError> {
        for play in &playbook.plays {
            if !self.play(play).await? {
                break;
            }
        }
        Ok(())
    }

    /// Run playbooks one after the other until one fails, each with its recap, and close the connections.
    ///
    /// # Errors
    /// Mistakes of the user that show only in the run; there is no recap then.
    pub async fn playbooks(&mut self, playbooks: &[Playbook]) -> Result<Stats, RunError> {
        let mut outcome = Ok(());
        for playbook in playbooks {
            self.shared.reporter.send(Event::PlaybookStart { path: playbook.path.display().to_string() });
            outcome = self.plays(playbook).await;
            if outcome.is_err() {
                break;
            }
            self.shared.reporter.send(Event::Recap(Box::new(self.stats.clone())));
            if self.shared.interrupt.is_pressed() || !self.lost.is_empty() {
                break;
            }
        }
        self.shared.connections.close().await;
        outcome.map(|()| self.stats.clone())
    }

    /// Run a play that stands in no playbook. The connections stay open.
    ///
    /// # Errors
    /// Mistakes of the user that show only in the run.
    pub async fn lone_play(&mut self, play: &Arc<Play>) -> Result<(), RunError> {
        self.play(play).await.map(|_| ())
    }

    /// The variables of a file, read once.
    pub(super) fn variable_file(&mut self, path: &Path) -> Result<Arc<VarMap>, Diagnostic> {
        if let Some(known) = self.variable_files.get(path) {
            return Ok(Arc::clone(known));
        }
        let loaded = yaml::load(path, self.shared.config.vault())?;
        for warning in loaded.warnings {
            self.shared.reporter.send(Event::Diagnostic(warning));
        }
        let variables = Arc::new(super::play::variables_of(&loaded.root)?);
        for warning in reserved::warnings(&variables) {
            self.shared.reporter.send(Event::Diagnostic(warning));
        }
        self.variable_files.insert(path.to_owned(), Arc::clone(&variables));
        Ok(variables)
    }

    /// Whether Ctrl-C was pressed.
    pub fn is_interrupted(&self) -> bool {
        self.shared.interrupt.is_pressed()
    }

    /// Whether a host has failed, and its failure was neither rescued nor forgotten.
    pub fn any_failed(&self) -> bool {
        self.lost.values().any(|unreachable| !unreachable)
    }

    /// Whether a host could not be reached, and that was neither ignored nor forgotten.
    pub fn any_unreachable(&self) -> bool {
        self.lost.values().any(|unreachable| *unreachable)
    }

    /// The task that `--start-at-task` names, if the run did not come to it.
    pub fn waiting_for(&self) -> Option<&str> {
        self.waiting_for.as_deref()
    }

    /// The hosts of a play, for `--list-hosts`: its patterns, the hosts' names, and warnings about the patterns.
    ///
    /// # Errors
    /// The pattern cannot be rendered or read.
    pub fn hosts_of(&self, play: &Play) -> Result<PlayHosts, RunError> {
        let scope = Scope::new(
            Arc::new(crate::vars::Layer(Arc::clone(&self.shared.facts.extra))),
            Arc::new(self.surroundings.clone()),
        );
        let scope = crate::vars::beneath(&scope, Arc::clone(&play.vars));
        let value = play.hosts.render(&scope)?;
        let patterns = match value.kind() {
            minijinja::value::ValueKind::Seq => {
                value.try_iter().into_iter().flatten().map(|item| item.to_string()).collect()
            }
            _ => vec![value.to_string()],
        };
        let (hosts, warnings) = self.matching_hosts(&patterns.join(","))?;
        Ok((patterns, hosts, warnings))
    }

    /// A play's name as far as it is known without a host, for lists; `None` where it has none.
    pub fn name_of(&self, play: &Play) -> Option<String> {
        let scope = Scope::new(
            Arc::new(crate::vars::Layer(Arc::clone(&self.shared.facts.extra))),
            Arc::new(self.surroundings.clone()),
        );
        let scope = crate::vars::beneath(&scope, Arc::clone(&play.vars));
        let name = play.name.as_ref()?;
        let rendered = name.render(&scope).ok().map(|name| name.to_string());
        rendered.or_else(|| name.text().map(str::to_owned)).filter(|name| !name.is_empty())
    }
}

/// Ask for the values of `vars_prompt`. What `-e` gives already is not asked for; without a terminal, defaults count,
/// and the text `None` where there is none. Nothing comes back after Ctrl-C.
pub(super) async fn ask(prompts: &[Prompt], scope: &Scope, shared: &Shared) -> Result<Option<VarMap>, RunError> {
    use std::io::IsTerminal;
    let terminal = std::io::stdin().is_terminal();
    let mut answers = VarMap::new();
    for prompt in prompts {
        if shared.facts.extra.contains_key(prompt.name.as_str()) {
            continue;
        }
        let text = |written: &Option<Written>| -> Result<Option<String>, TemplateError> {
            written.as_ref().map(|written| written.render(scope).map(|value| value.to_string())).transpose()
        };
        let default = text(&prompt.default)?;
        let question = text(&prompt.prompt)?.unwrap_or_else(|| prompt.name.clone());
        let question = match (&default, prompt.private) {
            (Some(default), false) => format!("{question} [{default}]: "),
            _ => format!("{question}: "),
        };
        let answer = if terminal {
            match answer(prompt, &question, shared).await {
                Ok(answer) if answer.is_empty() => Some(default.unwrap_or_default()),
                Ok(answer) => Some(answer),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(None),
                Err(error) => return Err(RunError::Prompt(error)),
            }
        } else {
            default
        };
        let answer = match (&prompt.encrypt, answer) {
            (Some(scheme), Some(answer)) => crate::template::filter::hash_password(
                &answer,
                scheme,
                prompt.salt.as_deref(),
                prompt.salt_size,
                None,
                None,
            )
            .map_err(TemplateError::failed)?,
            (Some(_), None) => {
                let problem = Diagnostic::error(format!(
                    "there is no terminal to ask for `{}`, and nothing to encrypt in its place",
                    prompt.name
                ));
                let hint = format!("give it by `-e {}=...`, or give the prompt a `default`", prompt.name);
                return Err(RunError::Language(vec![problem.hint(hint)]));
            }
            (None, answer) => answer.unwrap_or_else(|| "None".to_owned()),
        };
        answers.insert(prompt.name.as_str().into(), Written::plain(answer));
    }
    if !terminal && !answers.is_empty() {
        shared.reporter.send(Event::Warning("Not prompting as we are not in interactive mode".to_owned()));
    }
    Ok(Some(answers))
}

/// What is typed, twice where the prompt says so.
async fn answer(prompt: &Prompt, question: &str, shared: &Shared) -> std::io::Result<String> {
    loop {
        let answer = shared.ask(question.to_owned(), !prompt.private).await?;
        if !prompt.confirm || shared.ask(format!("confirm {question}"), !prompt.private).await? == answer {
            return Ok(answer);
        }
        eprintln!("***** VALUES ENTERED DO NOT MATCH ****");
    }
}

//! One play: its hosts, their batches, its variables, and the sequence of its tasks.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use indexmap::IndexMap;
use minijinja::Value;
use minijinja::value::ValueKind;

use super::cursor::Cursor;
use super::run::{Run, RunError};
use super::settings::KeywordReader;
use super::shared::Shared;
use super::strategy::{HostRun, Plan, PlanEnd, State};
use crate::action;
use crate::config::Setting;
use crate::inventory::{Inventory, Pattern};
use crate::playbook::{ActionName, Arguments, Item, Play, Task};
use crate::report::Event;
use crate::source::{Diagnostic, Diagnostics};
use crate::template::{Scope, Surroundings, Written};
use crate::vars::{Facts, HostVariables, PlayVariables, TaskVariables, VarMap};
use crate::yaml::Node;

impl Run {
    /// Run one play. Returns whether the run goes on with the next one.
    pub(super) async fn play(&mut self, play: &Arc<Play>) -> Result<bool, RunError> {
        let surroundings = Arc::new(Surroundings {
            playbook_dir: play.directory.clone(),
            role_path: None,
            search_paths: vec![play.directory.clone()],
            ..Surroundings::clone(&self.surroundings)
        });
        self.loader.set_playbook_directory(play.directory.clone());
        self.load_play_layers(&play.directory)?;
        let mut prompted = VarMap::new();
        let mut statics = self.play_scope(play, &prompted, &surroundings);
        if !play.vars_prompt.is_empty() {
            let Some(answers) = super::run::ask(&play.vars_prompt, &statics, &self.shared).await? else {
                return Ok(false);
            };
            prompted = answers;
            statics = self.play_scope(play, &prompted, &surroundings);
        }
        let pattern = self.play_pattern(play, &statics)?;
        let name = self.play_name(play, &statics, &pattern)?;
        let (matched, warnings) = self.matching_hosts(&pattern)?;
        for warning in warnings {
            self.shared.reporter.send(Event::Warning(warning));
        }
        let check = KeywordReader(&statics)
            .boolean(play.keywords.check_mode.as_ref(), self.shared.options.check)
            .unwrap_or(self.shared.options.check);
        let order = KeywordReader(&statics).text(play.order.as_ref())?;
        // The hosts of a play are told in the order of the inventory, whatever order they are gone through in.
        let all: Arc<[Arc<str>]> = matched.clone().into();
        let matched = ordered(matched, order.as_deref()).map_err(|mut problem| {
            problem.span = play.order.as_ref().and_then(Written::span);
            RunError::Language(vec![problem])
        })?;
        if all.is_empty() {
            self.shared.reporter.send(Event::PlayStart { name, hosts: Arc::from([]), check });
            self.shared.reporter.send(Event::NoHostsMatched);
            return Ok(true);
        }
        let batches = batches(&matched, self.serial(play, &statics)?.as_slice());
        let items = self.sequence(play, &statics)?;
        let strategy = KeywordReader(&statics).text(play.strategy.as_ref())?;
        let strategy = strategy.unwrap_or_else(|| self.shared.options.strategy.clone());
        let strategy = strategy.rsplit('.').next().unwrap_or_default().to_owned();
        if !matches!(strategy.as_str(), "linear" | "free" | "host_pinned" | "debug") {
            let mut problem = Diagnostic::error(format!("Invalid play strategy specified: {strategy}"))
                .did_you_mean(&strategy, ["linear", "free", "host_pinned", "debug"]);
            problem.span = play.strategy.as_ref().and_then(Written::span);
            return Err(RunError::Language(vec![problem]));
        }
        let prompted = Arc::new(prompted);
        for batch in batches {
            let size = batch.len();
            let batch: Arc<[Arc<str>]> = batch.into_iter().filter(|host| !self.lost.contains_key(host)).collect();
            self.shared.reporter.send(Event::PlayStart { name: name.clone(), hosts: Arc::clone(&batch), check });
            let variables = PlayVariables {
                name: Arc::from(name.as_str()),
                directory: play.directory.clone(),
                vars: Arc::clone(&play.vars),
                prompted: Arc::clone(&prompted),
                roles: play.roles.clone(),
                hosts_all: Arc::clone(&all),
                batch: Arc::clone(&batch),
                hosts: all.iter().filter(|host| !self.lost.contains_key(*host)).cloned().collect(),
            };
            let mut runs = IndexMap::new();
            let mut unusable = Vec::new();
            for host in batch.iter() {
                let vars_files = match self.vars_files(play, &variables, host, &surroundings) {
                    Ok(files) => files,
                    Err(problem) => {
                        unusable.push(problem);
                        continue;
                    }
                };
                runs.insert(
                    Arc::clone(host),
                    HostRun {
                        name: Arc::clone(host),
                        cursor: self.beginning(host, &items),
                        state: State::Active,
                        failed: false,
                        notified: BTreeSet::new(),
                        notified_names: Vec::new(),
                        vars_files,
                    },
                );
            }
            if let Some(problem) = unusable.into_iter().next() {
                return Err(RunError::Language(vec![problem]));
            }
            let mut plan = Plan::new(
                Arc::clone(&self.shared),
                Arc::clone(play),
                Arc::new(variables),
                Arc::clone(&surroundings),
                &mut self.loader,
                &mut self.stats,
                runs,
                statics.clone(),
                &mut self.waiting_for,
                &mut self.numbers,
            );
            plan.debugging = strategy == "debug" || self.shared.config.bool(Setting::EnableTaskDebugger);
            plan.look_for_start(&items);
            let end = match strategy.as_str() {
                "free" => plan.run_free(false).await,
                "host_pinned" => plan.run_free(true).await,
                _ => plan.run_linear().await,
            };
            let runs = std::mem::take(&mut plan.hosts);
            let (mistakes, cleared, left) = (std::mem::take(&mut plan.mistakes), plan.cleared, plan.left);
            drop(plan);
            if left {
                return Err(RunError::Left);
            }
            if !mistakes.is_empty() {
                return Err(RunError::Language(mistakes));
            }
            if cleared {
                self.lost.retain(|host, _| !all.contains(host));
            }
            let mut failed = 0;
            for run in runs.into_values() {
                if matches!(run.state, State::Failed | State::Unreachable) {
                    failed += 1;
                    self.lost.insert(run.name, run.state == State::Unreachable);
                }
            }
            if self.shared.interrupt.is_pressed() {
                return Ok(false);
            }
            match end {
                PlanEnd::Abort => return Ok(false),
                PlanEnd::Stop => return Ok(true),
                // A batch of which nothing is left ends the run.
                PlanEnd::Complete if failed == size => return Ok(false),
                PlanEnd::Complete => {}
            }
        }
        Ok(true)
    }

    /// What names in the play's own keywords resolve to.
    fn play_scope(&self, play: &Play, prompted: &VarMap, surroundings: &Arc<Surroundings>) -> Scope {
        let extra = Arc::clone(&self.shared.facts.extra);
        let top = Scope::new(Arc::new(crate::vars::Layer(extra)), Arc::clone(surroundings));
        let scope = crate::vars::beneath(&top, Arc::new(prompted.clone()));
        let mut scope = crate::vars::beneath(&scope, Arc::clone(&play.vars));
        for role in play.roles.iter().rev() {
            scope = crate::vars::beneath(&scope, Arc::clone(&role.defaults));
        }
        let inventory = self.shared.facts.inventory.load();
        let groups = crate::vars::groups_value(&inventory);
        scope.with([
            ("groups", groups),
            ("playbook_dir", Value::from(play.directory.display().to_string())),
            (
                "hostvars",
                Value::from_object(crate::vars::HostVars {
                    run: Arc::clone(&self.shared.facts),
                    surroundings: Arc::clone(surroundings),
                }),
            ),
        ])
    }

    /// The play's pattern of hosts.
    fn play_pattern(&self, play: &Play, statics: &Scope) -> Result<String, RunError> {
        let value = play.hosts.render(statics)?;
        let pattern = match value.kind() {
            ValueKind::Seq => {
                let items: Vec<String> = value.try_iter().into_iter().flatten().map(|item| item.to_string()).collect();
                items.join(",")
            }
            _ => value.to_string(),
        };
        if pattern.trim().is_empty() || value.is_none() {
            let mut problem = Diagnostic::error("Hosts list cannot be empty. Please check your playbook");
            problem.span = play.hosts.span();
            return Err(RunError::Language(vec![problem]));
        }
        Ok(pattern)
    }

    fn play_name(&self, play: &Play, statics: &Scope, pattern: &str) -> Result<String, RunError> {
        let rendered = play.name.as_ref().map(|name| name.render(statics)).transpose()?.map(|name| name.to_string());
        Ok(rendered.filter(|name| !name.is_empty()).unwrap_or_else(|| pattern.to_owned()))
    }

    /// The hosts of a pattern, cut down by `-l`, with warnings about names that match nothing.
    pub(super) fn matching_hosts(&self, pattern: &str) -> Result<(Vec<Arc<str>>, Vec<String>), RunError> {
        let facts = &self.shared.facts;
        let config = &self.shared.config;
        let mistake = |problem| RunError::Language(vec![problem]);
        let mut inventory = Inventory::clone(&facts.inventory.load());
        // `localhost` comes into being when a pattern asks for it.
        let known = inventory.host("localhost").is_some();
        let (mut hosts, mut warnings) = Pattern::parse(pattern).hosts(&mut inventory, config, None).map_err(mistake)?;
        if let Some(limit) = &facts.limit {
            let (limited, more) =
                Pattern::limit(limit).map_err(mistake)?.hosts(&mut inventory, config, None).map_err(mistake)?;
            hosts.retain(|host| limited.contains(host));
            warnings.extend(more);
        }
        for host in &hosts {
            if facts.hosts.get(host).is_none() {
                self.publish_layers(&inventory, host, &self.shared.directory.clone())?;
            }
        }
        if !known && inventory.host("localhost").is_some() {
            facts.inventory.store(Arc::new(inventory));
        }
        let warnings = warnings.into_iter().map(|warning| warning.message).collect();
        Ok((hosts, warnings))
    }

    /// Publish every host's layers as seen from a play's directory.
    fn load_play_layers(&mut self, directory: &Path) -> Result<(), RunError> {
        let facts = Arc::clone(&self.shared.facts);
        let inventory = facts.inventory.load_full();
        for host in inventory.hosts() {
            self.publish_layers(&inventory, &host.name, directory)?;
        }
        for warning in facts.layers.take_warnings() {
            self.shared.reporter.send(Event::Diagnostic(warning));
        }
        Ok(())
    }

    fn publish_layers(&self, inventory: &Inventory, host: &Arc<str>, directory: &Path) -> Result<(), RunError> {
        let facts = &self.shared.facts;
        let layers =
            facts.layers.of(inventory, host, directory).map_err(|problem| RunError::Language(vec![problem]))?;
        publish_layers(&self.shared, host, layers);
        Ok(())
    }

    fn serial(&self, play: &Play, statics: &Scope) -> Result<Vec<String>, RunError> {
        let Some(written) = &play.serial else { return Ok(Vec::new()) };
        let value = written.render_or_omit(statics)?;
        if crate::template::is_omit(&value) {
            return Ok(Vec::new());
        }
        let sizes: Vec<String> = match value.kind() {
            ValueKind::Seq => value.try_iter().into_iter().flatten().map(|item| item.to_string()).collect(),
            _ => vec![value.to_string()],
        };
        let readable = |size: &&String| size.trim().trim_end_matches('%').trim().parse::<f64>().is_ok();
        if let Some(wrong) = sizes.iter().find(|size| !readable(size)) {
            let mut problem = Diagnostic::error(format!("`serial` must be a number or a percentage, not '{wrong}'"))
                .hint("write how many hosts a batch has (`serial: 2`, `serial: 30%`), or a list of such sizes");
            problem.span = written.span();
            return Err(RunError::Language(vec![problem]));
        }
        Ok(sizes)
    }

    /// All that a host does in the play, in order.
    fn sequence(&self, play: &Arc<Play>, statics: &Scope) -> Result<Arc<[Item]>, RunError> {
        let mut items = Vec::new();
        let default = self.shared.options.gathering != "explicit";
        if KeywordReader(statics).boolean(play.gather_facts.as_ref(), default)? {
            items.push(gather_item(play));
        }
        let mut section = |own: &[Item], extra: &[Item]| {
            items.extend(own.iter().cloned());
            items.extend(extra.iter().cloned());
            items.push(flush_item(play));
        };
        section(&play.pre_tasks, &[]);
        section(&play.role_tasks, &play.tasks);
        section(&play.post_tasks, &[]);
        Ok(items.into())
    }

    /// Where a host begins. With `gathering = smart`, facts that are there already are not gathered again.
    fn beginning(&self, host: &Arc<str>, items: &Arc<[Item]>) -> Cursor {
        let mut cursor = Cursor::new(Arc::clone(items));
        let gathers = matches!(items.first(), Some(Item::Task(task)) if task.implicit && task.is("gather_facts"));
        if gathers
            && self.shared.options.gathering == "smart"
            && self.shared.facts.hosts.get(host).is_some_and(|known| known.gathered())
        {
            cursor.advance();
        }
        cursor
    }

    /// The `vars_files` of a host: names may depend on its variables.
    fn vars_files(
        &mut self,
        play: &Arc<Play>,
        variables: &PlayVariables,
        host: &Arc<str>,
        surroundings: &Arc<Surroundings>,
    ) -> Result<Arc<[Arc<VarMap>]>, Diagnostic> {
        if play.vars_files.is_empty() {
            return Ok(Arc::from([]));
        }
        let Some(snapshot) = self.shared.facts.hosts.get(host) else { return Ok(Arc::from([])) };
        let mut layers: Vec<Arc<VarMap>> = Vec::new();
        for entry in &play.vars_files {
            let scope = TaskVariables {
                run: Arc::clone(&self.shared.facts),
                play: Arc::new(variables.clone()),
                host: Arc::clone(&snapshot),
                vars_files: layers.clone().into(),
                role: None,
                vars: Vec::new(),
                environment: Vec::new(),
                includes: Vec::new(),
                surroundings: Arc::clone(surroundings),
            }
            .scope();
            let candidates = entry.items().unwrap_or_else(|| vec![entry.clone()]);
            let mut found = false;
            let mut tried = Vec::new();
            for candidate in &candidates {
                let name = match candidate.render(&scope) {
                    Ok(value) if value.kind() == ValueKind::Seq => {
                        value.try_iter().into_iter().flatten().map(|item| item.to_string()).collect()
                    }
                    Ok(value) => vec![value.to_string()],
                    // A name that cannot be known yet is passed over, as with facts that are not gathered.
                    Err(error) if error.is_undefined() => {
                        tried.push(error.message().to_owned());
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                };
                for name in name {
                    let path = super::settings::local_path(&name);
                    let paths = match path.is_absolute() {
                        true => vec![path],
                        false => vec![play.directory.join(&path), play.directory.join("vars").join(&path)],
                    };
                    if let Some(path) = paths.iter().find(|path| path.is_file()) {
                        layers.push(self.variable_file(path)?);
                        found = true;
                        break;
                    }
                    tried.push(name);
                }
                if found {
                    break;
                }
            }
            if !found {
                let undefined = tried.iter().all(|name| name.contains("undefined"));
                if undefined {
                    continue;
                }
                // Ansible goes on without a word.
                let mut problem = Diagnostic::warning(format!(
                    "Could not find or access '{}' on the Ansible Controller.",
                    tried.join("', '")
                ))
                .hint(format!("looked in {} and its `vars` directory", play.directory.display()));
                problem.span = entry.span();
                if !self.told.contains(&problem) {
                    self.shared.reporter.send(Event::Diagnostic(problem.clone()));
                    self.told.push(problem);
                }
            }
        }
        Ok(layers.into())
    }
}

/// The hosts in the order that the play asks for.
fn ordered(mut hosts: Vec<Arc<str>>, order: Option<&str>) -> Result<Vec<Arc<str>>, Diagnostic> {
    match order {
        None | Some("inventory" | "") => {}
        Some("sorted") => hosts.sort(),
        Some("reverse_sorted") => {
            hosts.sort();
            hosts.reverse();
        }
        Some("reverse_inventory") => hosts.reverse(),
        Some("shuffle") => {
            use rand::seq::SliceRandom;
            hosts.shuffle(&mut rand::rng());
        }
        Some(other) => {
            let known = ["inventory", "sorted", "reverse_sorted", "reverse_inventory", "shuffle"];
            return Err(Diagnostic::error(format!("Invalid \"order\" specified for inventory hosts: {other}"))
                .did_you_mean(other, known)
                .hint(format!("the orders are: {}", known.join(", "))));
        }
    }
    Ok(hosts)
}

/// Cut the hosts into batches; the last size repeats.
fn batches(hosts: &[Arc<str>], serial: &[String]) -> Vec<Vec<Arc<str>>> {
    if hosts.is_empty() {
        return Vec::new();
    }
    let size = |text: &str| -> usize {
        let size = match text.trim().strip_suffix('%') {
            Some(percent) => (percent.trim().parse::<f64>().unwrap_or(100.0) / 100.0 * hosts.len() as f64) as usize,
            None => text.trim().parse().unwrap_or(hosts.len()),
        };
        match (size, text.trim().ends_with('%')) {
            (0, true) => 1,
            (0, false) => hosts.len(),
            (size, _) => size,
        }
    };
    let sizes: Vec<usize> = serial.iter().map(|text| size(text)).collect();
    let mut batches = Vec::new();
    let mut rest = hosts;
    let mut index = 0;
    while !rest.is_empty() {
        let size = sizes.get(index).or(sizes.last()).copied().unwrap_or(rest.len()).clamp(1, rest.len());
        let (batch, others) = rest.split_at(size);
        batches.push(batch.to_vec());
        rest = others;
        index += 1;
    }
    batches
}

/// The implicit task that gathers facts.
fn gather_item(play: &Arc<Play>) -> Item {
    let mut options = IndexMap::new();
    for (name, written) in [
        ("gather_subset", &play.gather_subset),
        ("gather_timeout", &play.gather_timeout),
        ("fact_path", &play.fact_path),
    ] {
        if let Some(written) = written {
            options.insert(name.to_owned(), written.clone());
        }
    }
    let mut keywords = crate::playbook::Keywords::clone(&play.keywords);
    // A play with tags of its own gathers facts when they are asked for.
    if keywords.tags.is_empty() {
        keywords.tags = vec![Written::plain("always")];
    }
    Item::Task(Arc::new(implicit_task(play, "gather_facts", options, keywords)))
}

/// The implicit task that runs notified handlers.
fn flush_item(play: &Arc<Play>) -> Item {
    let mut options = IndexMap::new();
    options.insert("_raw_params".to_owned(), Written::plain("flush_handlers"));
    let mut tags = play.keywords.tags.clone();
    tags.push(Written::plain("always"));
    let keywords = crate::playbook::Keywords { tags, ..crate::playbook::Keywords::default() };
    Item::Task(Arc::new(implicit_task(play, "meta", options, keywords)))
}

fn implicit_task(
    play: &Arc<Play>,
    name: &'static str,
    options: IndexMap<String, Written>,
    keywords: crate::playbook::Keywords,
) -> Task {
    let known = action::find(name).cloned().unwrap_or_else(action::undetermined);
    Task {
        name: None,
        action: ActionName { written: Arc::from(name), known, template: None, span: play.span },
        arguments: Arguments { options, template: None, spans: IndexMap::new(), mistake: None },
        keywords: Arc::new(keywords),
        enclosing: Arc::clone(&play.keywords),
        looping: None,
        register: None,
        changed_when: Vec::new(),
        failed_when: Vec::new(),
        until: Vec::new(),
        retries: None,
        delay: None,
        asynchronous: None,
        poll: None,
        listen: Vec::new(),
        role: None,
        directory: Arc::from(play.directory.as_path()),
        span: play.span,
        handler: false,
        implicit: true,
    }
}

/// Give a host its inventory layers; it keeps its facts and registered variables.
fn publish_layers(shared: &Shared, host: &Arc<str>, layers: Arc<[Arc<VarMap>]>) {
    let variables = match shared.facts.hosts.get(host) {
        Some(known) => {
            let same = known.inventory.len() == layers.len()
                && layers.iter().zip(known.inventory.iter()).all(|(new, old)| Arc::ptr_eq(new, old));
            if same {
                return;
            }
            HostVariables { inventory: layers, ..HostVariables::clone(&known) }
        }
        None => HostVariables::new(Arc::clone(host), layers, cached_facts(shared, host)),
    };
    shared.facts.hosts.publish(variables);
}

/// What the cache has of a host that the run meets for the first time.
pub(super) fn cached_facts(shared: &Shared, host: &str) -> Arc<Facts> {
    match shared.facts.cache.get(host) {
        Ok(facts) => Arc::new(facts.unwrap_or_default()),
        Err(problem) => {
            shared.reporter.send(Event::Diagnostic(problem.into_warning()));
            Arc::default()
        }
    }
}

/// Read the inventory again; hosts keep their facts and registered variables.
pub(super) fn refresh_inventory(shared: &Shared, directory: &Path) -> Result<(), Diagnostics> {
    let facts = &shared.facts;
    let (mut inventory, warnings) =
        Inventory::load(&facts.inventory_sources, &shared.config, &facts.extra, &facts.cache)?;
    for warning in warnings {
        shared.reporter.send(Event::Diagnostic(warning));
    }
    facts.layers.forget();
    inventory.grow(facts.grown.lock().unwrap_or_else(PoisonError::into_inner).iter());
    for host in inventory.hosts() {
        let layers = facts.layers.of(&inventory, &host.name, directory).map_err(|problem| vec![problem])?;
        publish_layers(shared, &host.name, layers);
    }
    facts.inventory.store(Arc::new(inventory));
    Ok(())
}

/// Variables of a loaded YAML map.
pub(super) fn variables_of(node: &Node) -> Result<VarMap, Diagnostic> {
    crate::vars::written(node).ok_or_else(|| {
        Diagnostic::error(format!("a variables file must be a dictionary, not {}", node.describe()))
            .at(node.span)
            .hint("write `name: value` lines")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(count: usize, serial: &[&str]) -> Vec<usize> {
        let hosts: Vec<Arc<str>> = (0..count).map(|number| Arc::from(number.to_string())).collect();
        let serial: Vec<String> = serial.iter().map(|text| (*text).to_owned()).collect();
        batches(&hosts, &serial).iter().map(Vec::len).collect()
    }

    #[test]
    fn serial_cuts_hosts_into_batches_and_repeats_the_last_size() {
        assert_eq!(sizes(5, &[]), [5]);
        assert_eq!(sizes(5, &["2"]), [2, 2, 1]);
        assert_eq!(sizes(10, &["1", "30%"]), [1, 3, 3, 3]);
        assert_eq!(sizes(3, &["10%"]), [1, 1, 1]);
        assert_eq!(sizes(3, &["0"]), [3]);
    }
}

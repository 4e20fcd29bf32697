//! Secrets and configs: data that a swarm holds under a name, and that cannot be changed, only made anew.
//!
//! What is inside of a secret cannot be read back. So each carries a checksum of its data as the label `ansible_key`, by
//! which Ansible's own modules know theirs as well.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map as JsonMap, Value as Json, json};

use super::{Engine, EngineError, swarm};
use rprov_modules::checksum::Algorithm;
use rprov_modules::context::Context;
use rprov_modules::http::encode;
use rprov_modules::outcome::{Failure, Outcome};

/// The label with the data's checksum.
const KEY: &str = "ansible_key";

/// The label with the number of a version.
const VERSION: &str = "ansible_version";

/// Secrets, or configs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Secrets.
    Secret,
    /// Configs.
    Config,
}

impl Kind {
    /// The word for one of them.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Secret => "secret",
            Kind::Config => "config",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Kind::Secret => "/secrets",
            Kind::Config => "/configs",
        }
    }
}

/// What is to be held.
pub struct Wanted<'a> {
    /// Of which kind.
    pub kind: Kind,
    /// Its name.
    pub name: &'a str,
    /// Labels of its own.
    pub labels: Option<Json>,
    /// The program that fills in its templates.
    pub template_driver: Option<&'static str>,
    /// Make it anew even if nothing has changed.
    pub force: bool,
    /// Each version has a name of its own: that name, `_v` and a number.
    pub rolling: bool,
    /// How many versions to keep; all where it is negative.
    pub keep: i64,
}

impl Wanted<'_> {
    /// What is there, the oldest version first.
    fn present(&self, engine: &Engine) -> Result<Vec<Json>, Failure> {
        if !self.rolling {
            return Ok(swarm::named(engine, self.kind.path(), self.name)?.into_iter().collect());
        }
        let filters = json!({"name": [self.name]}).to_string();
        let list = engine.get(self.kind.path(), &[("filters", filters)])?;
        let mut versions: Vec<(u64, Json)> = list
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| Some((self.version_of(item)?, item.clone())))
            .collect();
        versions.sort_by_key(|(version, _)| *version);
        Ok(versions.into_iter().map(|(_, item)| item).collect())
    }

    fn version_of(&self, item: &Json) -> Option<u64> {
        let rest = name(item).strip_prefix(self.name)?.strip_prefix("_v")?;
        rest.parse().ok()
    }

    /// Hold the data.
    ///
    /// # Errors
    /// The Engine cannot be reached, is no manager or refuses: what is to be made anew is in use.
    pub fn hold(&self, data: &[u8], engine: &Engine, context: &Context<'_>) -> Result<Outcome, Failure> {
        let word = self.kind.word();
        let mut present = self.present(engine)?;
        let key = Algorithm::Sha224.of_bytes(data);
        let mut warnings = Vec::new();
        let mut changed = true;
        let mut version = 1;
        if let Some(last) = present.last() {
            version = self.version_of(last).unwrap_or(1) + 1;
            let label = |name: &str| last.pointer("/Spec/Labels").and_then(|labels| labels.get(name)?.as_str());
            let same_data = match label(KEY) {
                Some(found) => found == key,
                None => {
                    if !self.force {
                        warnings.push(format!(
                            "the {word} {} has no label `{KEY}`, so whether its data has changed is not known; it stays as \
                             it is unless `force` is set",
                            name(last)
                        ));
                    }
                    true
                }
            };
            let wanted = self.labels.as_ref().and_then(Json::as_object).into_iter().flatten();
            let same_labels = wanted.into_iter().all(|(name, value)| label(name) == value.as_str());
            let driver = last.pointer("/Spec/Templating/Name").and_then(Json::as_str);
            changed = self.force || !same_data || !same_labels || driver != self.template_driver;
        }
        let mut id = present.last().map(|item| id(item).to_owned()).unwrap_or_default();
        let mut held = present.last().map_or_else(|| self.name.to_owned(), |item| name(item).to_owned());
        if changed {
            if self.rolling {
                held = format!("{}_v{version}", self.name);
            }
            if !context.check() {
                if !self.rolling {
                    for item in std::mem::take(&mut present) {
                        self.delete(&item, engine)?;
                    }
                }
                id = self.create(&held, version, &key, data, engine)?;
                if self.rolling {
                    warnings.extend(self.drop_old(&present, engine)?);
                }
            } else {
                id = String::new();
            }
        }
        let mut outcome = Outcome::new(changed).with(&format!("{word}_name"), held);
        if !(changed && context.check()) {
            outcome = outcome.with(&format!("{word}_id"), id);
        }
        Ok(if warnings.is_empty() { outcome } else { outcome.with("warnings", warnings) })
    }

    /// Remove it, all versions of it.
    ///
    /// # Errors
    /// The Engine cannot be reached, is no manager or refuses: it is in use.
    pub fn remove(&self, engine: &Engine, context: &Context<'_>) -> Result<Outcome, Failure> {
        let present = self.present(engine)?;
        if !context.check() {
            for item in &present {
                self.delete(item, engine)?;
            }
        }
        Ok(Outcome::new(!present.is_empty()))
    }

    fn create(&self, held: &str, version: u64, key: &str, data: &[u8], engine: &Engine) -> Result<String, Failure> {
        let mut labels: JsonMap<String, Json> =
            self.labels.as_ref().and_then(Json::as_object).cloned().unwrap_or_default();
        labels.insert(KEY.to_owned(), key.into());
        if self.rolling {
            labels.insert(VERSION.to_owned(), version.to_string().into());
        }
        let mut body = json!({"Name": held, "Labels": labels, "Data": STANDARD.encode(data)});
        if let Some(driver) = self.template_driver {
            body["Templating"] = json!({"Name": driver});
        }
        let made = engine.post(&format!("{}/create", self.kind.path()), &[], Some(&body))?;
        Ok(made.get("ID").and_then(Json::as_str).unwrap_or_default().to_owned())
    }

    fn delete(&self, item: &Json, engine: &Engine) -> Result<(), Failure> {
        match engine.delete(&format!("{}/{}", self.kind.path(), encode(id(item))), &[]) {
            Ok(_) => Ok(()),
            Err(error) if error.is_missing() => Ok(()),
            Err(EngineError::Refused { message, .. }) if message.contains("in use") => Err(Failure::new(format!(
                "Error removing {} {}: {message}; a {0} cannot be changed while services use it: set rolling_versions: \
                 true, or remove it from the services first",
                self.kind.word(),
                name(item)
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// Remove versions that need not be kept; those that services still use stay, with a warning.
    fn drop_old(&self, old: &[Json], engine: &Engine) -> Result<Vec<String>, Failure> {
        let Ok(keep) = usize::try_from(self.keep) else { return Ok(Vec::new()) };
        // The new one is among those that are kept.
        let surplus = (old.len() + 1).saturating_sub(keep.max(1));
        let mut warnings = Vec::new();
        for item in old.iter().take(surplus) {
            if let Err(failure) = self.delete(item, engine) {
                if !failure.message.contains("in use") {
                    return Err(failure);
                }
                warnings.push(format!("the old {} {} is still in use, and stays", self.kind.word(), name(item)));
            }
        }
        Ok(warnings)
    }
}

fn name(item: &Json) -> &str {
    item.pointer("/Spec/Name").and_then(Json::as_str).unwrap_or_default()
}

fn id(item: &Json) -> &str {
    item.get("ID").and_then(Json::as_str).unwrap_or_default()
}

/// The bytes of the options `data`, `data_is_b64` and `data_src`; at most one is given.
///
/// # Errors
/// Nothing is given, it is no Base64, or the file cannot be read.
pub fn data(text: Option<&str>, is_base64: bool, file: Option<&std::path::Path>) -> Result<Vec<u8>, Failure> {
    match (text, file) {
        (Some(text), _) if is_base64 => {
            let plain: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
            STANDARD.decode(plain).map_err(|error| Failure::new(format!("data: this is no Base64: {error}")))
        }
        (Some(text), _) => Ok(text.as_bytes().to_vec()),
        (None, Some(path)) => std::fs::read(path).map_err(|error| Failure::io("read data_src", path, error)),
        (None, None) => Err(Failure::new("state is present but any of the following are missing: data, data_src")),
    }
}

//! A module's file: what kind of program it is, and what the agent is sent for a call.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rprov_modules::checksum::Algorithm;
use rprov_wire::{Content, Map, Options, Source};

use super::library::Library;
use super::{arguments, pack};
use crate::action::call::Stop;
use crate::action::registry::Parcel;
use crate::config::{Config, Setting};
use crate::template::Scope;

/// Interpreters of Python on a host, the first that there is; ansible-core's `INTERPRETER_PYTHON_FALLBACK`.
const PYTHONS: [&str; 8] =
    ["python3.13", "python3.12", "python3.11", "python3.10", "python3.9", "python3.8", "/usr/bin/python3", "python3"];

/// Put in by the controller for the task's arguments.
const JSON_ARGUMENTS: &str = "<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>";

/// What a call depends on beside its arguments.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// The module's name as the task has it.
    pub written: &'a str,
    /// Check mode, diff and so on.
    pub options: &'a Options,
    /// Variables of the host that it runs on.
    pub scope: &'a Scope,
    /// The settings.
    pub config: &'a Config,
    /// The arguments stand in the program's own text.
    pub(super) substituted: bool,
}

impl<'a> Circumstances<'a> {
    /// Those of a task on a host.
    pub fn new(written: &'a str, options: &'a Options, scope: &'a Scope, config: &'a Config) -> Self {
        Self { written, options, scope, config, substituted: false }
    }
}

/// A module of the user's own.
#[derive(Debug)]
pub struct OwnModule {
    /// Its full name: `ansible.legacy.NAME`, or with its collection.
    name: String,
    file: PathBuf,
    library: Weak<Library>,
    program: OnceLock<Result<Program, String>>,
}

/// What is run on the host.
#[derive(Debug)]
struct Program {
    bytes: Arc<[u8]>,
    sha1: String,
    kind: Kind,
    /// The interpreter of its first line, and what follows it there.
    interpreter: Option<(String, Vec<String>)>,
}

/// How a program gets its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A Python module in an archive, with what it imports.
    Packed,
    /// A file of JSON.
    Json,
    /// A file of `name=value` words.
    Words,
    /// In its own text.
    Substituted,
}

impl OwnModule {
    /// The module of that full name in that file, which is read when it is first called.
    pub(super) fn new(name: String, file: &Path, library: Weak<Library>) -> Self {
        Self { name, file: file.to_owned(), library, program: OnceLock::new() }
    }

    /// Its full name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn short(&self) -> &str {
        self.name.strip_prefix("ansible.legacy.").unwrap_or(&self.name)
    }

    fn program(&self) -> Result<&Program, Stop> {
        let program = self.program.get_or_init(|| self.read());
        program.as_ref().map_err(|problem| Stop::refused(format!("Task failed: {problem}")))
    }

    fn read(&self) -> Result<Program, String> {
        let bytes =
            std::fs::read(&self.file).map_err(|error| format!("could not read {}: {error}", self.file.display()))?;
        let text = std::str::from_utf8(&bytes).ok().filter(|text| !text.contains('\0'));
        let interpreter = text.and_then(interpreter);
        let is_python = interpreter.as_ref().is_none_or(|(program, _)| base_name(program).starts_with("python"));
        let (kind, bytes) = match text {
            None => (Kind::Json, bytes),
            Some(text) if is_python && pack::is_packed(&self.name, text) => {
                let library = self.library.upgrade().unwrap_or_default();
                (Kind::Packed, pack::pack(&self.name, text, &library)?)
            }
            Some(_) if interpreter.is_none() => {
                return Err(format!("module ({}) is missing interpreter line", self.short()));
            }
            Some(text) if text.contains(JSON_ARGUMENTS) => (Kind::Substituted, bytes),
            Some(text) if text.contains("WANT_JSON") => (Kind::Json, bytes),
            Some(_) => (Kind::Words, bytes),
        };
        Ok(Program { sha1: Algorithm::Sha1.of_bytes(&bytes), bytes: bytes.into(), kind, interpreter })
    }

    /// What the agent is sent for a call.
    pub(crate) fn parcel(&self, given: &Map, circumstances: &Circumstances<'_>) -> Result<Parcel, Stop> {
        let program = self.program()?;
        let circumstances = Circumstances { substituted: program.kind == Kind::Substituted, ..*circumstances };
        let all = arguments::all(given, &circumstances);
        let base = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut parcel = Map::new();
        let name = if program.kind == Kind::Packed { format!("{}.zip", self.short()) } else { base };
        parcel.insert("name".to_owned(), name.into());
        let (interpreters, words) = self.interpreters(program, &circumstances)?;
        parcel.insert("interpreters".to_owned(), interpreters.into());
        parcel.insert("words".to_owned(), words.into());
        let text = match program.kind {
            Kind::Substituted => {
                let text =
                    String::from_utf8_lossy(&program.bytes).replace(JSON_ARGUMENTS, &arguments::json(all)).replace(
                        "<<SELINUX_SPECIAL_FILESYSTEMS>>",
                        &arguments::special_file_systems(&circumstances).join(","),
                    );
                parcel.insert("inline".to_owned(), STANDARD.encode(text).into());
                return Ok(Parcel { arguments: parcel, sources: Vec::new() });
            }
            Kind::Words => arguments::words(&all),
            Kind::Json | Kind::Packed => arguments::json(all),
        };
        let mut sources = Vec::new();
        // A job has nobody that it could ask for content.
        if circumstances.options.job.is_some() {
            parcel.insert("inline".to_owned(), STANDARD.encode(&program.bytes).into());
        } else {
            let content = Content { index: 0, size: program.bytes.len() as u64, sha1: program.sha1.clone() };
            parcel.insert("program".to_owned(), content.to_value());
            sources.push(Source::Bytes(Arc::clone(&program.bytes)));
        }
        parcel.insert("arguments".to_owned(), text.into());
        Ok(Parcel { arguments: parcel, sources })
    }

    /// What runs it on the host, and what stands between that and the file.
    fn interpreters(
        &self,
        program: &Program,
        circumstances: &Circumstances<'_>,
    ) -> Result<(Vec<String>, Vec<String>), Stop> {
        let (line, words) = match (&program.interpreter, program.kind) {
            (Some((line, words)), _) => (line.as_str(), words.clone()),
            (None, Kind::Packed) => ("/usr/bin/python", Vec::new()),
            (None, _) => return Ok((Vec::new(), Vec::new())),
        };
        let base = base_name(line);
        let python = base == "python" || program.kind == Kind::Packed;
        let name = if python { "python" } else { base };
        let told = circumstances.scope.get(&format!("ansible_{name}_interpreter"))?;
        let told = told.filter(|value| !value.is_none() && !value.is_undefined()).map(|value| value.to_string());
        let told = told
            .or_else(|| circumstances.config.string(Setting::InterpreterPython).filter(|_| python).map(str::to_owned));
        let interpreters = match told {
            Some(told) if !(python && told.starts_with("auto")) => vec![told],
            _ if python => PYTHONS.map(str::to_owned).to_vec(),
            _ => vec![line.to_owned()],
        };
        Ok((interpreters, words))
    }
}

/// The program in the first line, with the words behind it; `env` stands for what it would run.
fn interpreter(text: &str) -> Option<(String, Vec<String>)> {
    let line = text.strip_prefix("#!")?.lines().next()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let mut program = words.next()?;
    if base_name(&program) == "env" {
        program = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    }
    Some((program, words.collect()))
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_the_interpreter() {
        let read = |text: &str| interpreter(text).map(|(program, words)| format!("{program} {}", words.join(" ")));
        assert_eq!(read("#!/bin/sh -e -u\nx").as_deref(), Some("/bin/sh -e -u"));
        assert_eq!(read("#! /usr/bin/env -S ruby -w\n").as_deref(), Some("ruby -w"));
        assert_eq!(read("#!/usr/bin/env python3").as_deref(), Some("python3 "));
        assert_eq!(read("echo"), None);
        assert_eq!(read("#!\n"), None);
    }
}

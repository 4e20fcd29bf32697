//! `template`: a file rendered here, and put there by `copy`.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use minijinja::Value;
use rprov_modules::argument::Mode;
use rprov_modules::arguments;
use rprov_modules::attributes::FileAttributes;
use rprov_modules::encoding::Encoding;

use super::call::{Action, Call, Done, Stop};
use super::content;
use crate::run::Mistake;
use crate::source::{register, register_secret};
use crate::template::{FileOptions, Scope, Surroundings, Syntax, managed, render_file};

arguments! {
    /// Template a file out to a target host.
    pub struct Arguments + FileAttributes {
        /// The template, on the controller.
        src: String,
        /// The file, on the host.
        dest: String,
        /// Keep a copy of the file as it was.
        backup: bool = false,
        /// Replace a file that differs; otherwise an existing file is left alone.
        force: bool = true,
        /// Write through a symbolic link at `dest`.
        follow: bool = false,
        /// Command that must accept the new content, given as `%s`.
        validate: Option<String>,
        /// What ends a line: `\n`, `\r` or `\r\n`.
        newline_sequence: String = "\n".to_owned(),
        /// `{%`
        block_start_string: Option<String>,
        /// `%}`
        block_end_string: Option<String>,
        /// `{{`
        variable_start_string: Option<String>,
        /// `}}`
        variable_end_string: Option<String>,
        /// `{#`
        comment_start_string: Option<String>,
        /// `#}`
        comment_end_string: Option<String>,
        /// Take away the newline after a statement.
        trim_blocks: bool = true,
        /// Take away the spaces before a statement.
        lstrip_blocks: bool = false,
        /// Encoding of the file that is written; only `utf-8` is known.
        output_encoding: String = "utf-8".to_owned(),
        /// Mode of directories; for the sake of `copy`.
        directory_mode: Option<Mode>,
    }
}

/// `template`
pub(super) struct Template;

#[async_trait]
impl Action for Template {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        let failed = |failure: rprov_modules::Failure| Stop::failed(failure.message);
        let encoding = match arguments.output_encoding.as_str() {
            "" => Encoding::default(),
            name => Encoding::named(name).map_err(failed)?,
        };
        let path = call.find_file("templates", &arguments.src).map_err(|stop| match stop {
            Stop::Failed(result) => {
                let message = result.get("msg").and_then(rprov_wire::Value::as_str).unwrap_or_default().to_owned();
                let mistake = Box::new(Mistake::plain(&message, None));
                Stop::Mistaken { mistake, message: Some(message) }
            }
            other => other,
        })?;
        let text = render(&call, &arguments, &path)?;
        let (reference, source) = content::of_bytes(0, encoding.encode(&text).map_err(failed)?);
        let mut request = call.arguments.clone();
        for name in [
            "src",
            "newline_sequence",
            "block_start_string",
            "block_end_string",
            "variable_start_string",
            "variable_end_string",
            "comment_start_string",
            "comment_end_string",
            "trim_blocks",
            "lstrip_blocks",
            "output_encoding",
        ] {
            request.shift_remove(name);
        }
        if request.get("mode").and_then(rprov_wire::Value::as_str) == Some("preserve") {
            request.insert("mode".into(), super::copy::mode_of(&path)?.into());
        }
        request.insert("_content".into(), reference.to_value());
        request.insert("_source".into(), path.display().to_string().into());
        super::copy::send(&call, request, source).await
    }
}

fn render(call: &Call<'_>, arguments: &Arguments, path: &Path) -> Result<String, Stop> {
    let (bytes, secret) = super::content::plain(path, &call.scope.surroundings().vault)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Stop::failed(format!("Template source files must be utf-8 encoded: {}", path.display())))?;
    let defaults = Syntax::default();
    let own = |given: &Option<String>, default: String| given.clone().unwrap_or(default);
    let syntax = Syntax {
        block_start: own(&arguments.block_start_string, defaults.block_start),
        block_end: own(&arguments.block_end_string, defaults.block_end),
        variable_start: own(&arguments.variable_start_string, defaults.variable_start),
        variable_end: own(&arguments.variable_end_string, defaults.variable_end),
        comment_start: own(&arguments.comment_start_string, defaults.comment_start),
        comment_end: own(&arguments.comment_end_string, defaults.comment_end),
        trim_blocks: arguments.trim_blocks,
        lstrip_blocks: arguments.lstrip_blocks,
        ..Syntax::default()
    };
    let newline_sequence = match arguments.newline_sequence.as_str() {
        "\\n" => "\n".to_owned(),
        "\\r" => "\r".to_owned(),
        "\\r\\n" => "\r\n".to_owned(),
        other => other.to_owned(),
    };
    let scope = file_scope(call, path, &arguments.dest);
    let surroundings = call.scope.surroundings();
    let roots = surroundings.search_paths.iter().map(PathBuf::as_path);
    let search_paths = roots
        .chain([surroundings.playbook_dir.as_path()])
        .chain(path.parent())
        .flat_map(|root| [root.join("templates"), root.to_owned()])
        .collect();
    let options = FileOptions { syntax, newline_sequence, search_paths, ..FileOptions::default() };
    let source = if secret { register_secret(path, text) } else { register(path, text) };
    Ok(render_file(source, &options, &scope)?)
}

/// What a template file can see beside the task's variables.
fn file_scope(call: &Call<'_>, path: &Path, destination: &str) -> Scope {
    let surroundings = call.scope.surroundings();
    let mut search_paths = Vec::new();
    if let Some(directory) = path.parent() {
        search_paths.push(directory.to_owned());
    }
    search_paths.extend(surroundings.search_paths.iter().cloned());
    let scope = call.scope.within(Arc::new(Surroundings { search_paths, ..Surroundings::clone(surroundings) }));
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let metadata = std::fs::metadata(path).ok();
    let owner = metadata.as_ref().map(|metadata| {
        rprov_modules::account::user_by_id(metadata.uid()).map_or_else(|| metadata.uid().to_string(), |user| user.name)
    });
    let modified = metadata.and_then(|metadata| jiff::Timestamp::from_second(metadata.mtime()).ok());
    let zone = jiff::tz::TimeZone::system();
    let format = |time: jiff::Timestamp| time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let text = |text: String| Value::from(text);
    let mut locals = vec![
        ("template_host".to_owned(), text(rustix::system::uname().nodename().to_string_lossy().into_owned())),
        ("template_uid".to_owned(), text(owner.unwrap_or_default())),
        ("template_path".to_owned(), text(path.display().to_string())),
        ("template_fullpath".to_owned(), text(full.display().to_string())),
        ("template_destpath".to_owned(), text(destination.to_owned())),
        ("template_mtime".to_owned(), text(modified.map(format).unwrap_or_default())),
        ("template_run_date".to_owned(), text(jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S%.6f").to_string())),
    ];
    locals.extend(managed(&scope, path));
    scope.with(locals)
}

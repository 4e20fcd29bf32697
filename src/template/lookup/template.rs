//! `template`: a template file's text, rendered in the scope of whoever asks.

use minijinja::{Error, Value};

use super::file::{locate, not_found, read_file};
use super::{Request, Run};
use crate::source::{register, register_secret};
use crate::template::filter::python::{pairs, text};
use crate::template::{FileOptions, managed, render_file};

pub(super) const LOOKUPS: &[(&str, Run)] = &[("template", template)];

fn template(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in &request.terms {
        let name = text(term)?;
        let path = locate(&name, "templates", request.scope).ok_or_else(|| not_found(request, &name, "templates"))?;
        let (content, secret) = read_file(request, &path)?;
        let mut options = FileOptions::default();
        for (option, slot) in [
            ("variable_start_string", &mut options.syntax.variable_start),
            ("variable_end_string", &mut options.syntax.variable_end),
            ("comment_start_string", &mut options.syntax.comment_start),
            ("comment_end_string", &mut options.syntax.comment_end),
            ("block_start_string", &mut options.syntax.block_start),
            ("block_end_string", &mut options.syntax.block_end),
        ] {
            *slot = request.text_option(option, slot)?;
        }
        options.syntax.trim_blocks = request.truth_option("trim_blocks", options.syntax.trim_blocks);
        options.syntax.lstrip_blocks = request.truth_option("lstrip_blocks", options.syntax.lstrip_blocks);
        let surroundings = request.scope.surroundings();
        options.search_paths = path.parent().map(|folder| folder.to_owned()).into_iter().collect();
        for root in &surroundings.search_paths {
            options.search_paths.push(root.join("templates"));
            options.search_paths.push(root.clone());
        }
        let mut locals = vec![
            ("template_path".to_owned(), Value::from(path.to_string_lossy().into_owned())),
            ("template_fullpath".to_owned(), Value::from(path.to_string_lossy().into_owned())),
        ];
        locals.extend(managed(request.scope, &path));
        if let Some(given) = request.option("template_vars") {
            for (key, value) in pairs(given)? {
                locals.push((text(&key)?, value));
            }
        }
        let scope = request.scope.with(locals);
        // A statement at the end takes its line end along; the file's own line ends are given back.
        let line_ends = |text: &str| text.len() - text.trim_end_matches('\n').len();
        let wanted = line_ends(&content);
        let source = if secret { register_secret(&path, content) } else { register(&path, content) };
        let mut rendered = render_file(source, &options, &scope)?;
        if rendered.is_empty() {
            // Nothing was rendered, not even text without anything in it.
            out.push(Value::from(()));
            continue;
        }
        rendered.push_str(&"\n".repeat(wanted.saturating_sub(line_ends(&rendered))));
        out.push(Value::from(rendered));
    }
    Ok(out)
}

//! `template`: a template file's text, rendered in the scope of whoever asks.

use minijinja::{Error, Value};

use super::file::{locate, not_found};
use super::{Request, Run};
use crate::source::register;
use crate::template::filter::python::{pairs, text};
use crate::template::{FileOptions, render_file};

pub(super) const LOOKUPS: &[(&str, Run)] = &[("template", template)];

fn template(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in &request.terms {
        let name = text(term);
        let path = locate(&name, "templates", request.scope).ok_or_else(|| not_found(request, &name, "templates"))?;
        let content = std::fs::read_to_string(&path)
            .map_err(|error| request.fail(format!("could not read '{}': {error}", path.display())))?;
        let mut options = FileOptions::default();
        for (option, slot) in [
            ("variable_start_string", &mut options.syntax.variable_start),
            ("variable_end_string", &mut options.syntax.variable_end),
            ("comment_start_string", &mut options.syntax.comment_start),
            ("comment_end_string", &mut options.syntax.comment_end),
            ("block_start_string", &mut options.syntax.block_start),
            ("block_end_string", &mut options.syntax.block_end),
        ] {
            *slot = request.text_option(option, slot);
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
        if let Some(given) = request.option("template_vars") {
            locals.extend(pairs(given)?.into_iter().map(|(key, value)| (text(&key), value)));
        }
        let scope = request.scope.with(locals);
        out.push(Value::from(render_file(register(&path, content), &options, &scope)?));
    }
    Ok(out)
}

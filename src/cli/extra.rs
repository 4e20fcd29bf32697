//! `-e`: `key=value` pairs, JSON or YAML, or a file of variables after `@`.

use std::path::Path;
use std::sync::Arc;

use super::stop::Stop;
use crate::playbook::{arguments, reserved};
use crate::source::{Diagnostic, Diagnostics, Span, register};
use crate::template::Written;
use crate::vars::VarMap;
use crate::vault::Keyring;
use crate::yaml::{self, Data, Node};

/// All extra variables, later ones winning, and warnings about text that is none.
///
/// # Errors
/// What cannot be read, all of it; the first mistake tells the exit code.
pub(crate) fn variables(given: &[String], vault: &Keyring) -> Result<(VarMap, Diagnostics), Stop> {
    let mut variables = VarMap::new();
    let mut stops = Vec::new();
    let mut warnings = Vec::new();
    for text in given {
        match entries(text, vault, &mut warnings) {
            Ok(entries) => variables.extend(entries),
            Err(stop) => stops.push(stop),
        }
    }
    warnings.extend(reserved::warnings(&variables));
    match stops.into_iter().reduce(Stop::and) {
        None => Ok((variables, warnings)),
        Some(stop) => Err(stop),
    }
}

fn entries(text: &str, vault: &Keyring, warnings: &mut Diagnostics) -> Result<VarMap, Stop> {
    let misread = |problem| Stop::written(vec![problem]);
    let trimmed = text.trim();
    if let Some(file) = trimmed.strip_prefix('@') {
        let path = rprov_modules::account::expand_path(file);
        if !path.exists() {
            let problem = Diagnostic::absent(format!("could not find the file of extra variables `{file}`"));
            return Err(misread(problem.hint("`-e @FILE` takes a YAML or JSON file with a dictionary")));
        }
        return map_entries(&yaml::load(&path, vault).map_err(misread)?.root, file);
    }
    if trimmed.is_empty() {
        return Ok(VarMap::new());
    }
    if trimmed.starts_with(['{', '[']) {
        let loaded = yaml::parse(Path::new("<extra variables>"), Arc::from(trimmed)).map_err(misread)?;
        return map_entries(&marked(loaded.root), trimmed);
    }
    let span = Span::start_of(register("<extra variables>", trimmed));
    let Some(parsed) = arguments::parse(trimmed, None) else {
        let problem = Diagnostic::error("extra variables have a quote or a brace that is not closed");
        return Err(misread(problem.at(span)));
    };
    if let Some(free) = parsed.free {
        // Ansible lets it pass without a word.
        warnings.push(
            Diagnostic::warning(format!("extra variables must be `key=value`, JSON or `@file`, not `{free}`"))
                .at(span)
                .hint("quote values that have spaces: -e 'name=\"two words\"'"),
        );
    }
    Ok(parsed
        .pairs
        .into_iter()
        .map(|(name, value)| {
            let node = Node { data: Data::String(value.into()), span };
            (Arc::from(name), Written::from_node(&node))
        })
        .collect())
}

/// The same with what stands for marked text in Ansible's JSON: `{"__ansible_unsafe": "..."}`, `{"__ansible_vault": "..."}`.
fn marked(node: Node) -> Node {
    let data = match node.data {
        Data::List(items) => Data::List(items.into_iter().map(marked).collect()),
        Data::Map(entries) => match entries.as_slice() {
            [(key, Node { data: Data::String(text), .. })] if key.as_str() == Some("__ansible_unsafe") => {
                Data::Unsafe(text.clone())
            }
            [(key, Node { data: Data::String(text), .. })] if key.as_str() == Some("__ansible_vault") => {
                Data::Vault(text.clone())
            }
            _ => Data::Map(entries.into_iter().map(|(key, value)| (key, marked(value))).collect()),
        },
        data => data,
    };
    Node { data, span: node.span }
}

fn map_entries(node: &Node, what: &str) -> Result<VarMap, Stop> {
    crate::vars::written(node).filter(|_| !node.is_null()).ok_or_else(|| {
        let kind = node.describe();
        let problem = Diagnostic::error(format!("extra variables of `{what}` must be a dictionary, not {kind}"));
        Stop::options(problem.at(node.span))
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn plain(given: &[&str], name: &str) -> String {
        let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
        variables(&given, &Keyring::default()).unwrap().0[name].as_plain().unwrap().to_string()
    }

    #[test]
    fn pairs_json_and_yaml_are_read_and_later_ones_win() {
        assert_eq!(plain(&["a=1 b='x y'"], "b"), "x y");
        assert_eq!(plain(&["a=1", r#"{"a": 2}"#], "a"), "2");
        assert_eq!(plain(&["{a: [1, 2]}"], "a"), "[1, 2]");
    }

    #[test]
    fn marked_text_in_json_is_no_template() {
        let given = vec![r#"{"a": {"__ansible_unsafe": "{{ 1 }}"}, "b": "{{ 1 }}"}"#.to_owned()];
        let (found, _) = variables(&given, &Keyring::default()).unwrap();
        let scope = crate::template::Scope::empty();
        assert_eq!(found["a"].render(&scope).unwrap().to_string(), "{{ 1 }}");
        assert_eq!(found["b"].render(&scope).unwrap().to_string(), "1");
    }

    #[test]
    fn text_that_is_no_pair_is_told_and_an_open_quote_refused() {
        let (found, warnings) = variables(&["nonsense".to_owned()], &Keyring::default()).unwrap();
        assert!(found.is_empty() && warnings.len() == 1);
        assert!(variables(&["a='b".to_owned()], &Keyring::default()).is_err());
    }
}

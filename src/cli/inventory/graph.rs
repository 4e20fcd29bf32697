//! `--graph`: groups with the groups, hosts and variables in them, one to a line.

use std::fmt::Write as _;

use super::text::python;
use super::variables::Variables;
use crate::inventory::Group;
use crate::source::Diagnostic;
use crate::yaml::{Branch, Tree};

/// The picture from a group downwards.
///
/// # Errors
/// A variable file has a mistake in it.
pub(super) fn picture(variables: &Variables<'_>, group: &Group, with_variables: bool) -> Result<String, Diagnostic> {
    let mut picture = Picture { variables, with_variables, text: String::new() };
    picture.group(group, 0)?;
    Ok(picture.text)
}

struct Picture<'a> {
    variables: &'a Variables<'a>,
    with_variables: bool,
    text: String,
}

impl Picture<'_> {
    fn group(&mut self, group: &Group, depth: usize) -> Result<(), Diagnostic> {
        self.line(&format!("@{}:", group.name), depth);
        let inventory = self.variables.inventory;
        for child in group.children.iter().filter_map(|child| inventory.group(child)) {
            self.group(child, depth + 1)?;
        }
        if &*group.name != "all" {
            for host in &group.hosts {
                self.line(host, depth + 1);
                if self.with_variables {
                    let variables = self.variables.of_host(host)?;
                    self.variables(&variables, depth + 2);
                }
            }
        }
        if self.with_variables {
            let variables = self.variables.of_group(group)?;
            self.variables(&variables, depth + 1);
        }
        Ok(())
    }

    fn line(&mut self, text: &str, depth: usize) {
        let _ = match depth {
            0 => writeln!(self.text, "{text}"),
            _ => writeln!(self.text, "{}--{text}", "  |".repeat(depth)),
        };
    }

    fn variables(&mut self, variables: &Tree, depth: usize) {
        let Branch::Map(entries) = &variables.data else { return };
        let mut entries: Vec<(String, &Tree)> = entries
            .iter()
            .map(|(key, value)| (key.as_str().map_or_else(|| key.to_string(), str::to_owned), value))
            .collect();
        entries.sort_by(|(left, _), (right, _)| left.cmp(right));
        for (name, value) in entries {
            self.line(&format!("{{{name} = {}}}", python(value)), depth);
        }
    }
}

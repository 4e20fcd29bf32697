//! INI inventories: `[group]`, `[group:children]`, `[group:vars]`, host lines with ranges and variables.

use std::path::Path;
use std::sync::Arc;

use super::address;
use super::literal;
use super::model::Inventory;
use super::range;
use super::words;
use crate::source::{Diagnostic, SourceId, Span, register};

/// What the lines of a section are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Hosts,
    Children,
    Vars,
}

/// Something that a later section must make good.
struct Pending {
    group: String,
    span: Span,
    /// Groups that name it as a child; none if it is a `:vars` section that waits.
    parents: Vec<String>,
}

/// Read a file's text into the inventory.
///
/// # Errors
/// The first mistake, with its place.
pub(super) fn load(inventory: &mut Inventory, path: &Path, text: &Arc<str>) -> Result<(), Diagnostic> {
    let source = register(path, Arc::clone(text));
    let mut reader = Reader { inventory, pending: Vec::new(), group: "ungrouped".to_owned(), section: Section::Hosts };
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = Line::new(source, number, line);
        if !line.content.is_empty() && !line.content.starts_with(['#', ';']) {
            reader.line(&line)?;
        }
    }
    reader.finish()
}

/// A line and where its text begins.
struct Line<'a> {
    raw: &'a str,
    content: &'a str,
    span: Span,
}

impl<'a> Line<'a> {
    fn new(source: SourceId, number: u32, raw: &'a str) -> Self {
        let content = raw.trim();
        let indent = raw.chars().take_while(|c| c.is_whitespace()).count();
        let span =
            Span { source, line: number, column: count(indent) + 1, length: count(content.chars().count()).max(1) };
        Self { raw, content, span }
    }

    /// The place of a part of the content.
    fn part(&self, part: &str) -> Span {
        let before = (part.as_ptr() as usize).checked_sub(self.raw.as_ptr() as usize).and_then(|at| self.raw.get(..at));
        match before {
            Some(before) => Span {
                column: count(before.chars().count()) + 1,
                length: count(part.chars().count()).max(1),
                ..self.span
            },
            None => self.span,
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

struct Reader<'a> {
    inventory: &'a mut Inventory,
    pending: Vec<Pending>,
    group: String,
    section: Section,
}

impl Reader<'_> {
    fn line(&mut self, line: &Line<'_>) -> Result<(), Diagnostic> {
        if let Some(rest) = line.content.strip_prefix('[')
            && address::parse(line.content.split_whitespace().next().unwrap_or("")).is_none()
        {
            return self.header(line, rest);
        }
        match self.section {
            Section::Hosts => self.host(line),
            Section::Children => self.child(line),
            Section::Vars => self.variable(line),
        }
    }

    fn header(&mut self, line: &Line<'_>, rest: &str) -> Result<(), Diagnostic> {
        let Some((inside, after)) = rest.split_once(']') else {
            return Err(Diagnostic::error("this section has no closing bracket")
                .at(line.span)
                .hint(format!("write `{}]`", line.content)));
        };
        let after = after.trim();
        if !(after.is_empty() || after.starts_with('#')) {
            return Err(Diagnostic::error("text follows the section's bracket")
                .at(line.part(after))
                .hint("hosts begin on the next line; a comment begins with `#`"));
        }
        let (name, kind) = inside.split_once(':').unwrap_or((inside, "hosts"));
        if name.is_empty() || inside.contains(char::is_whitespace) {
            return Err(Diagnostic::error(format!("`{inside}` is not the name of a group"))
                .at(line.part(inside))
                .hint("a group's name has no blanks and no colons"));
        }
        self.section = match kind {
            "hosts" => Section::Hosts,
            "children" => Section::Children,
            "vars" => Section::Vars,
            _ => {
                return Err(Diagnostic::error(format!("section `[{inside}]` has unknown type `{kind}`"))
                    .at(line.part(kind))
                    .did_you_mean(kind, ["hosts", "children", "vars"])
                    .hint("a section is `[group]`, `[group:children]` or `[group:vars]`"));
            }
        };
        self.group = self.inventory.group_name(name).into_owned();
        if self.section != Section::Vars {
            return self.declare();
        }
        // The variables need a place until the group's own section comes; without one it is an error at the end.
        if self.inventory.group(&self.group).is_none() {
            let span = line.part(inside);
            self.inventory.add_group(&self.group);
            self.pending.push(Pending { group: self.group.clone(), span, parents: Vec::new() });
        }
        Ok(())
    }

    /// The group of this section exists from now on.
    fn declare(&mut self) -> Result<(), Diagnostic> {
        self.inventory.add_group(&self.group);
        let waiting = std::mem::take(&mut self.pending);
        for pending in waiting {
            if pending.group != self.group {
                self.pending.push(pending);
                continue;
            }
            for parent in &pending.parents {
                self.inventory.add_child(parent, &pending.group).map_err(|error| error.at(pending.span))?;
            }
        }
        Ok(())
    }

    fn host(&mut self, line: &Line<'_>) -> Result<(), Diagnostic> {
        let words = words::split(line.raw).map_err(|column| {
            Diagnostic::error("this quote is never closed")
                .at(Span { column, length: 1, ..line.span })
                .hint("close it, or put a backslash before it if it is part of the value")
        })?;
        let mut words = words.iter();
        let Some(first) = words.next() else { return Ok(()) };
        let place = |word: &words::Word| Span { column: word.column, length: word.length.max(1), ..line.span };
        let (names, port) = hosts(&first.text).map_err(|problem| {
            Diagnostic::error(format!("invalid host pattern `{}`", first.text)).at(place(first)).label(problem)
        })?;
        let mut vars = Vec::new();
        for word in words {
            let Some((name, value)) = word.text.split_once('=') else {
                return Err(Diagnostic::error(format!("expected a host variable as `key=value`, got `{}`", word.text))
                    .at(place(word))
                    .hint("one host stands on each line; a value with blanks is quoted, with none around the `=`"));
            };
            vars.push((name, literal::value(value, place(word))));
        }
        for host in &names {
            self.inventory.add_host_to_group(host, &self.group);
            if let Some(port) = port {
                let port = literal::value(&port.to_string(), place(first));
                self.inventory.set_host_var(host, "ansible_port", port);
            }
            for (name, value) in &vars {
                self.inventory.set_host_var(host, name, value.clone());
            }
        }
        Ok(())
    }

    fn child(&mut self, line: &Line<'_>) -> Result<(), Diagnostic> {
        let name = line.content.split('#').next().unwrap_or("").trim_end();
        if name.contains([':', ']']) || name.contains(char::is_whitespace) {
            return Err(Diagnostic::error(format!("expected the name of a group, got `{name}`"))
                .at(line.part(name))
                .hint("each line of a `:children` section is the name of one group"));
        }
        let child = self.inventory.group_name(name).into_owned();
        if self.inventory.group(&child).is_some() {
            return self.inventory.add_child(&self.group, &child).map_err(|error| error.at(line.part(name)));
        }
        match self.pending.iter_mut().find(|pending| pending.group == child && !pending.parents.is_empty()) {
            Some(pending) => pending.parents.push(self.group.clone()),
            None => {
                self.pending.push(Pending { group: child, span: line.part(name), parents: vec![self.group.clone()] });
            }
        }
        Ok(())
    }

    fn variable(&mut self, line: &Line<'_>) -> Result<(), Diagnostic> {
        let Some((name, value)) = line.content.split_once('=') else {
            return Err(Diagnostic::error(format!("expected `key=value`, got `{}`", line.content))
                .at(line.span)
                .hint("each line of a `:vars` section sets one variable; YAML belongs into `group_vars/`"));
        };
        let value = value.trim();
        let node = literal::value(value, line.part(value));
        self.inventory.set_group_var(&self.group, name.trim(), node);
        Ok(())
    }

    fn finish(self) -> Result<(), Diagnostic> {
        let Some(pending) = self.pending.first() else { return Ok(()) };
        let name = &pending.group;
        let message = match pending.parents.first() {
            Some(parent) => format!("section `[{parent}:children]` includes undefined group `{name}`"),
            None => format!("section `[{name}:vars]` is for undefined group `{name}`"),
        };
        let known: Vec<&str> =
            self.inventory.groups().map(|group| &*group.name).filter(|known| known != name).collect();
        Err(Diagnostic::error(message)
            .at(pending.span)
            .label("no section defines this group")
            .did_you_mean(name, known)
            .hint(format!("define it with a section `[{name}]`")))
    }
}

/// The hosts that a name with ranges and a port means.
pub(super) fn hosts(text: &str) -> Result<(Vec<String>, Option<u16>), String> {
    let (pattern, port) = address::parse(text).unwrap_or((text, None));
    if port.is_none() && pattern.ends_with(':') {
        return Err("a colon at the end is for a port".to_owned());
    }
    let names = range::expand(pattern)?;
    if names.iter().any(|name| name.trim() == "---") {
        return Err("this looks like YAML: give the file a name that ends with `.yml`".to_owned());
    }
    Ok((names, port))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::yaml::Data;

    fn loaded(text: &str) -> Result<Inventory, Diagnostic> {
        let mut inventory = Inventory::new();
        load(&mut inventory, Path::new("hosts"), &Arc::from(text))?;
        inventory.reconcile();
        Ok(inventory)
    }

    #[test]
    fn variables_know_their_place() {
        let inventory = loaded("[web]\nh1  x=1 y='a b'\n[web:vars]\n z = 5\n").unwrap();
        let host = inventory.host("h1").unwrap();
        let y = &host.vars["y"];
        assert_eq!((y.span.line, y.span.column, y.span.length), (2, 9, 7));
        let z = &inventory.group("web").unwrap().vars["z"];
        assert_eq!((z.span.line, z.span.column, &z.data), (4, 6, &Data::Int(5)));
    }

    #[test]
    fn children_may_come_before_their_section() {
        let inventory = loaded("[dc:children]\nweb\n[dc:vars]\na=1\n[web]\nh\n").unwrap();
        assert_eq!(inventory.hosts_of("dc").len(), 1);
        assert_eq!(inventory.group("web").unwrap().depth, 2);
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        for (text, place, message) in [
            ("[web\nh", (1, 1), "no closing bracket"),
            ("[web] x", (1, 7), "text follows"),
            ("[we b]", (1, 2), "not the name of a group"),
            ("[a:childs]", (1, 4), "unknown type `childs`"),
            ("[a:children]\nwbe\n[web]\n", (2, 1), "undefined group `wbe`"),
            ("[wbe:vars]\na=1\n[web]\n", (1, 2), "undefined group `wbe`"),
            ("h a=1 b", (1, 7), "got `b`"),
            ("h a='x", (1, 5), "never closed"),
            ("[a:vars]\nx\n[a]", (2, 1), "expected `key=value`"),
            ("w[1:]", (1, 1), "invalid host pattern"),
            ("---\n", (1, 1), "invalid host pattern"),
            ("[a:children]\nb\n[b:children]\na\n", (4, 1), "can't be a child"),
        ] {
            let error = loaded(text).unwrap_err();
            let span = error.span.unwrap();
            assert!(error.message.contains(message), "{text:?}: {error:?}");
            assert_eq!((span.line, span.column), place, "{text:?}: {error:?}");
        }
        let error = loaded("[a:children]\nwbe\n[web]\n").unwrap_err();
        assert_eq!(error.hints[0], "did you mean `web`?");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"([\[\]:=#'a-z0-9 \\\n,{}(\-é]|:vars|:children|\[a:){0,60}") {
            let _ = loaded(&text);
        }
    }
}

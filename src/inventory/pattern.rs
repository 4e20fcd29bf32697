//! Host patterns: `web:&staging:!db`, `*.example.com`, `~web\d+`, `web[0]`, `web[0:3]`; and `@file` in `--limit`.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use fancy_regex::Regex;

use super::address;
use super::model::Inventory;
use crate::config::{Config, Setting};
use crate::source::{Diagnostic, Diagnostics, Span};

/// A pattern, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Unions first, then intersections, then exclusions.
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    operator: Operator,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operator {
    Union,
    Intersection,
    Exclusion,
}

impl Pattern {
    /// Take a pattern apart.
    pub fn parse(text: &str) -> Self {
        Self::of(&[text.to_owned()])
    }

    /// Take several patterns, which are united, apart: the list form of `hosts:`.
    pub fn of(texts: &[String]) -> Self {
        let mut parts: Vec<Part> = texts
            .iter()
            .flat_map(|text| split(text))
            .map(|text| match (text.strip_prefix('&'), text.strip_prefix('!')) {
                (Some(rest), _) => Part { operator: Operator::Intersection, text: rest.to_owned() },
                (_, Some(rest)) => Part { operator: Operator::Exclusion, text: rest.to_owned() },
                _ => Part { operator: Operator::Union, text },
            })
            .collect();
        parts.sort_by_key(|part| part.operator);
        if parts.first().is_some_and(|part| part.operator != Operator::Union) {
            parts.insert(0, Part { operator: Operator::Union, text: "all".to_owned() });
        }
        Self { parts }
    }

    /// The pattern of `--limit`, in which `@file` stands for the lines of that file.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn limit(text: &str) -> Result<Self, Diagnostic> {
        let mut texts = Vec::new();
        for part in split(text) {
            match part.strip_prefix('@') {
                Some(file) => {
                    let content = std::fs::read_to_string(Path::new(file)).map_err(|error| {
                        Diagnostic::error(format!("unable to read limit file `{file}`"))
                            .cause(error.to_string())
                            .hint("`--limit @file` takes a file with one pattern per line")
                    })?;
                    texts.extend(content.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()));
                }
                None => texts.push(part),
            }
        }
        Ok(Self::of(&texts))
    }

    /// The names of the hosts that the pattern means, each once, in the order of the pattern and then of the
    /// inventory. `localhost` is found even if no source names it.
    ///
    /// Parts that match nothing are warnings, or errors where `inventory.host_pattern_mismatch` says so. `span` is the
    /// pattern's place, for those.
    ///
    /// # Errors
    /// A subscript beyond the hosts, a regular expression that is none, or a mismatch if those are errors.
    pub fn hosts(
        &self,
        inventory: &mut Inventory,
        config: &Config,
        span: Option<Span>,
    ) -> Result<(Vec<Arc<str>>, Diagnostics), Diagnostic> {
        let mut matcher =
            Matcher { inventory, mismatch: config.string(Setting::HostPatternMismatch), span, warnings: Vec::new() };
        let mut hosts: Vec<Arc<str>> = Vec::new();
        for part in &self.parts {
            let found = matcher.part(&part.text)?;
            match part.operator {
                Operator::Union => hosts.extend(found),
                Operator::Intersection => {
                    let found: HashSet<Arc<str>> = found.into_iter().collect();
                    hosts.retain(|host| found.contains(host));
                }
                Operator::Exclusion => {
                    let found: HashSet<Arc<str>> = found.into_iter().collect();
                    hosts.retain(|host| !found.contains(host));
                }
            }
        }
        let mut seen = HashSet::new();
        hosts.retain(|host| seen.insert(Arc::clone(host)));
        Ok((hosts, matcher.warnings))
    }
}

struct Matcher<'a> {
    inventory: &'a mut Inventory,
    mismatch: Option<&'a str>,
    span: Option<Span>,
    warnings: Diagnostics,
}

impl Matcher<'_> {
    fn placed(&self, diagnostic: Diagnostic) -> Diagnostic {
        match self.span {
            Some(span) => diagnostic.at(span),
            None => diagnostic,
        }
    }

    fn part(&mut self, text: &str) -> Result<Vec<Arc<str>>, Diagnostic> {
        // A host's own name needs no interpretation.
        if let Some(host) = self.inventory.host(text).filter(|host| !host.implicit) {
            return Ok(vec![Arc::clone(&host.name)]);
        }
        let (name, subscript) = subscript(text);
        let hosts = self.named(name)?;
        let Some(subscript) = subscript.filter(|_| !hosts.is_empty()) else { return Ok(hosts) };
        subscript.of(&hosts).ok_or_else(|| {
            self.placed(Diagnostic::error(format!("no hosts matched the subscripted pattern `{text}`")).cause(format!(
                "`{name}` has {} host{}",
                hosts.len(),
                if hosts.len() == 1 { "" } else { "s" }
            )))
        })
    }

    fn named(&mut self, name: &str) -> Result<Vec<Arc<str>>, Diagnostic> {
        let matches = matcher(name).map_err(|problem| {
            self.placed(Diagnostic::error(format!("`{name}` is not a valid pattern")).cause(problem))
        })?;
        let groups: Vec<Arc<str>> =
            self.inventory.groups().map(|group| Arc::clone(&group.name)).filter(|group| matches(group)).collect();
        let mut hosts: Vec<Arc<str>> = Vec::new();
        for group in &groups {
            hosts.extend(self.inventory.hosts_of(group).into_iter().cloned());
        }
        if groups.is_empty() || name.starts_with('~') || name.contains(['.', '?', '*', '[']) {
            hosts.extend(self.inventory.hosts().map(|host| Arc::clone(&host.name)).filter(|host| matches(host)));
        }
        if hosts.is_empty()
            && let Some(host) = self.inventory.localhost(name)
        {
            hosts.push(Arc::clone(&host.name));
        }
        if hosts.is_empty() && groups.is_empty() && name != "all" {
            self.mismatch(name)?;
        }
        Ok(hosts)
    }

    fn mismatch(&mut self, name: &str) -> Result<(), Diagnostic> {
        let known: Vec<String> = self
            .inventory
            .groups()
            .map(|group| &group.name)
            .chain(self.inventory.hosts().map(|host| &host.name))
            .map(|name| name.to_string())
            .collect();
        let known = || known.iter().map(String::as_str);
        let message = format!("Could not match supplied host pattern, ignoring: {name}");
        match self.mismatch {
            Some("ignore") => {}
            Some("error") => return Err(self.placed(Diagnostic::error(message).did_you_mean(name, known()))),
            _ => {
                let warning = self.placed(Diagnostic::warning(message).did_you_mean(name, known()));
                self.warnings.push(warning);
            }
        }
        Ok(())
    }
}

/// `[0]`, `[-1]`, `[0:3]`, `[2:]` behind a name.
#[derive(Clone, Copy)]
struct Subscript {
    start: i64,
    /// The last one, included; `None` for a single host, -1 for up to the end.
    end: Option<i64>,
}

impl Subscript {
    fn of(self, hosts: &[Arc<str>]) -> Option<Vec<Arc<str>>> {
        let count = i64::try_from(hosts.len()).ok()?;
        let at = |index: i64| usize::try_from(if index < 0 { index + count } else { index }).ok();
        match self.end {
            None | Some(0) => Some(vec![Arc::clone(hosts.get(at(self.start)?)?)]),
            Some(end) => {
                let last = if end == -1 { count - 1 } else { end.min(count - 1) };
                let stop = usize::try_from(last + 1).unwrap_or(0);
                let start = at(self.start)?.min(stop);
                Some(hosts.get(start..stop)?.to_vec())
            }
        }
    }
}

fn subscript(text: &str) -> (&str, Option<Subscript>) {
    let read = || {
        if text.starts_with('~') {
            return None;
        }
        let (name, inside) = text.strip_suffix(']')?.rsplit_once('[')?;
        if name.is_empty() {
            return None;
        }
        if let Ok(start) = inside.parse::<i64>()
            && !inside.starts_with('+')
        {
            return Some((name, Subscript { start, end: None }));
        }
        let (start, end) = inside.split_once([':', '-'])?;
        let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
        let end = if end.is_empty() { -1 } else { number(end)? };
        Some((name, Subscript { start: number(start)?, end: Some(end) }))
    };
    match read() {
        Some((name, subscript)) => (name, Some(subscript)),
        None => (text, None),
    }
}

/// What decides whether a name fits: a regular expression after `~`, else a shell pattern.
fn matcher(text: &str) -> Result<impl Fn(&str) -> bool, String> {
    let source = match text.strip_prefix('~') {
        Some(expression) => format!(r"\A(?:{expression})"),
        None => format!(r"(?s)\A{}\z", translated(text)),
    };
    let regex = Regex::new(&source).map_err(|error| error.to_string())?;
    Ok(move |name: &str| regex.is_match(name).unwrap_or(false))
}

/// A shell pattern (`*`, `?`, `[a-z]`, `[!a]`) as a regular expression.
fn translated(pattern: &str) -> String {
    let mut regex = String::new();
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        match character {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => {
                let inside = rest.as_str();
                let body = inside.strip_prefix(['!', ']']).map_or(0, |_| 1);
                match inside.get(body..).and_then(|after| after.find(']')) {
                    Some(close) => {
                        let set = inside.get(..body + close).unwrap_or("");
                        let (negation, set) = match set.strip_prefix('!') {
                            Some(set) => ("^", set),
                            None => ("", set),
                        };
                        let escaped: String = set
                            .chars()
                            .flat_map(|c| {
                                if matches!(c, '\\' | '[' | ']' | '^' | '&' | '~') { vec!['\\', c] } else { vec![c] }
                            })
                            .collect();
                        regex.push_str(&format!("[{negation}{escaped}]"));
                        rest = inside.get(body + close + 1..).unwrap_or("").chars();
                    }
                    None => regex.push_str(r"\["),
                }
            }
            other => regex.push_str(&fancy_regex::escape(&other.to_string())),
        }
    }
    regex
}

/// The parts of a pattern between commas, or else between colons outside brackets, unless it is one address.
fn split(text: &str) -> Vec<String> {
    let parts: Vec<&str> = if text.contains(',') {
        return text.split(',').map(str::trim).filter(|part| !part.is_empty()).flat_map(split).collect();
    } else if address::parse(text).is_some() {
        vec![text]
    } else {
        let mut depth = 0_usize;
        text.split(move |c: char| {
            match c {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && (c == ':' || c.is_whitespace())
        })
        .collect()
    };
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn inventory() -> Inventory {
        let mut inventory = Inventory::new();
        for (group, hosts) in [("web", &["w1", "w2", "w3"][..]), ("db", &["d1", "w3"]), ("prod", &["w1", "d1"])] {
            for host in hosts {
                inventory.add_host_to_group(host, group);
            }
        }
        inventory.add_host("alone.example.com");
        inventory.add_host("::2");
        inventory.reconcile();
        inventory
    }

    fn matched(text: &str) -> (String, Vec<String>) {
        let (config, _) = Config::load(Path::new("/nonexistent"), |_| None);
        let (hosts, warnings) = Pattern::parse(text).hosts(&mut inventory(), &config, None).unwrap();
        (hosts.join(" "), warnings.into_iter().map(|warning| warning.message).collect())
    }

    #[test]
    fn patterns_mean_what_they_mean_in_ansible() {
        for (text, hosts) in [
            ("all", "alone.example.com ::2 w1 w2 w3 d1"),
            ("*", "alone.example.com ::2 w1 w2 w3 d1"),
            ("web", "w1 w2 w3"),
            ("web:db", "w1 w2 w3 d1"),
            ("web,db", "w1 w2 w3 d1"),
            ("db:web", "d1 w3 w1 w2"),
            ("web:&prod", "w1"),
            ("web:!prod", "w2 w3"),
            ("!prod:web", "w2 w3"),
            ("!web", "alone.example.com ::2 d1"),
            ("web[0]", "w1"),
            ("web[-1]", "w3"),
            ("web[0:1]", "w1 w2"),
            ("web[1:]", "w2 w3"),
            ("web[1:9]", "w2 w3"),
            ("w?", "w1 w2 w3"),
            ("w[12]", "w1 w2 w3"),
            ("[wd]1", "w1 d1"),
            ("~w[12]", "w1 w2"),
            ("~[wd]1$", "w1 d1"),
            ("*.example.com", "alone.example.com"),
            ("::2", "::2"),
            ("localhost", "localhost"),
            ("w1:w1", "w1"),
            ("ungrouped", "alone.example.com ::2"),
            ("web[1-2]", "w2 w3"),
            ("web[2:0]", "w3"),
            ("web[2:1]", ""),
            ("web[5:9]", ""),
            ("web[1:1]", "w2"),
            ("web*[0]", "w1"),
            ("all[0:2]", "alone.example.com ::2 w1"),
            ("web db", "w1 w2 w3 d1"),
            ("w*:!~w[1]", "w2 w3"),
            ("all:!web[0]", "alone.example.com ::2 w2 w3 d1"),
            ("&web", "w1 w2 w3"),
        ] {
            // `w[12]` reads as a subscript of `w`, as in Ansible.
            if text == "w[12]" {
                assert_eq!(matched(text).0, "");
                continue;
            }
            assert_eq!(matched(text), (hosts.to_owned(), vec![]), "{text}");
        }
    }

    #[test]
    fn a_part_that_matches_nothing_is_a_warning() {
        let (hosts, warnings) = matched("wbe:db");
        assert_eq!(hosts, "d1 w3");
        assert_eq!(warnings, ["Could not match supplied host pattern, ignoring: wbe"]);
    }

    #[test]
    fn a_subscript_beyond_the_hosts_is_an_error() {
        let (config, _) = Config::load(Path::new("/nonexistent"), |_| None);
        for text in ["web[3]", "web[-4]"] {
            assert!(Pattern::parse(text).hosts(&mut inventory(), &config, None).is_err(), "{text}");
        }
    }

    #[test]
    fn a_limit_reads_files() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "w1\n\nd1\n").unwrap();
        let pattern = Pattern::limit(&format!("@{}", file.path().display())).unwrap();
        assert_eq!(pattern, Pattern::parse("w1,d1"));
        assert!(Pattern::limit("@/nowhere").is_err());
    }
}

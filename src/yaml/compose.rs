//! From events to the tree: tags, anchors and aliases, merge keys, duplicate keys.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use base64::Engine as _;

use super::event::{Event, Events, Kind, Mark, Properties};
use super::mistake;
use super::node::{Data, Node};
use super::scalar;
use crate::source::{Diagnostic, Diagnostics, SourceId, Span};

/// Nesting beyond this is refused: values are walked recursively.
const DEEPEST: usize = 128;

/// How many nodes aliases may add to one file; a "billion laughs" file wants more.
const MOST_ALIASED: usize = 1_000_000;

const STANDARD: &str = "tag:yaml.org,2002:";

/// Composes the documents of one source.
pub(super) struct Composer<'a> {
    events: Events<'a>,
    source: SourceId,
    text: &'a str,
    lines: Vec<&'a str>,
    /// The final newline was added by us: a block scalar that ends there must give it back.
    newline_added: bool,
    last_line: u32,
    anchors: HashMap<String, (Node, usize)>,
    open_anchors: HashSet<String>,
    aliased: usize,
    depth: usize,
    pub(super) warnings: Diagnostics,
}

/// A map's key as Python compares keys: `1`, `1.0` and `true` are the same one.
#[derive(PartialEq, Eq, Hash)]
enum KeyIdentity {
    Null,
    Text(Arc<str>),
    Int(i64),
    Float(u64),
}

impl KeyIdentity {
    fn of(data: &Data) -> Option<Self> {
        Some(match data {
            Data::Null => Self::Null,
            Data::Bool(flag) => Self::Int(i64::from(*flag)),
            Data::Int(number) => Self::Int(*number),
            Data::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Self::Int(*number as i64),
            Data::Float(number) => Self::Float(number.to_bits()),
            Data::BigInt(text)
            | Data::String(text)
            | Data::Timestamp(text)
            | Data::Unsafe(text)
            | Data::Vault(text) => Self::Text(Arc::clone(text)),
            Data::List(_) | Data::Map(_) => return None,
        })
    }
}

impl<'a> Composer<'a> {
    /// A composer over the text as the parser gets it.
    pub(super) fn new(source: SourceId, text: &'a str, newline_added: bool) -> Self {
        Self {
            events: Events::new(text),
            source,
            text,
            lines: text.split('\n').collect(),
            newline_added,
            last_line: u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX),
            anchors: HashMap::new(),
            open_anchors: HashSet::new(),
            aliased: 0,
            depth: 0,
            warnings: Vec::new(),
        }
    }

    fn next(&mut self) -> Result<Event, Diagnostic> {
        self.events.next().map_err(|malformed| mistake::explain(&malformed, self.source, self.text))
    }

    /// The next document and where it began, `None` at the end of the stream.
    pub(super) fn document(&mut self) -> Result<Option<(Node, Span)>, Diagnostic> {
        loop {
            let event = self.next()?;
            match event.kind {
                Kind::StreamEnd => return Ok(None),
                Kind::DocumentStart => {
                    let start = self.span(event.start, event.start);
                    let first = self.next()?;
                    self.anchors.clear();
                    let root = self.node(first, false)?;
                    return Ok(Some((root, start)));
                }
                _ => {}
            }
        }
    }

    fn span(&self, start: Mark, end: Mark) -> Span {
        let length = if end.line == start.line { end.column.saturating_sub(start.column) } else { 1 };
        Span { source: self.source, line: start.line + 1, column: start.column + 1, length: length.max(1) }
    }

    /// A line by its number from 1.
    fn line(&self, number: u32) -> &'a str {
        self.lines.get(number.saturating_sub(1) as usize).copied().unwrap_or("")
    }

    /// The characters from `start` to the end of its line, without trailing blanks.
    fn rest_of_line(&self, start: Mark) -> u32 {
        let line = self.lines.get(start.line as usize).unwrap_or(&"").trim_end();
        u32::try_from(line.chars().count()).unwrap_or(u32::MAX).saturating_sub(start.column).max(1)
    }

    fn node(&mut self, event: Event, untrusted: bool) -> Result<Node, Diagnostic> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Diagnostic::error(format!("this is nested deeper than {DEEPEST} levels"))
                .at(self.span(event.start, event.start))
                .hint("check for brackets that are never closed"));
        }
        let node = self.node_inside(event, untrusted);
        self.depth -= 1;
        node
    }

    fn node_inside(&mut self, event: Event, untrusted: bool) -> Result<Node, Diagnostic> {
        let mut span = self.span(event.start, event.end);
        match event.kind {
            Kind::Alias(name) => self.alias(&name, span),
            Kind::Scalar { properties, mut value, plain, block } => {
                if block && self.newline_added && event.end.line >= self.last_line && value.ends_with('\n') {
                    value.pop();
                }
                if block {
                    span.length = 1;
                } else if event.end.line != event.start.line {
                    span.length = self.rest_of_line(event.start);
                }
                let Properties { anchor, tag } = properties;
                self.open(anchor.as_ref(), span)?;
                let data = self.scalar(tag.as_deref(), value, plain, untrusted, span)?;
                Ok(self.keep(anchor, Node { data, span }))
            }
            Kind::SequenceStart(Properties { anchor, tag }) => {
                self.open(anchor.as_ref(), span)?;
                let (role, untrusted) = self.collection_role(tag.as_deref(), untrusted, span)?;
                let mut items = Vec::new();
                loop {
                    let event = self.next()?;
                    if matches!(event.kind, Kind::SequenceEnd) {
                        if event.end.line != event.start.line || event.start.line + 1 != span.line {
                            span.length = 1;
                        } else if event.end.column > event.start.column {
                            span.length = (event.end.column + 1).saturating_sub(span.column).max(1);
                        }
                        break;
                    }
                    items.push(self.node(event, untrusted)?);
                }
                let data = match role {
                    Role::Plain | Role::Sequence => Data::List(items),
                    Role::Pairs => pairs(items, span)?,
                    Role::Mapping | Role::Set => return Err(wrong_kind("a dictionary", "a list", span)),
                };
                Ok(self.keep(anchor, Node { data, span }))
            }
            Kind::MappingStart(Properties { anchor, tag }) => {
                self.open(anchor.as_ref(), span)?;
                let (role, untrusted) = self.collection_role(tag.as_deref(), untrusted, span)?;
                let node = self.mapping(span, untrusted)?;
                let node = match role {
                    Role::Plain | Role::Mapping => node,
                    Role::Set => Node {
                        data: Data::List(match node.data {
                            Data::Map(entries) => entries.into_iter().map(|(key, _)| key).collect(),
                            _ => Vec::new(),
                        }),
                        span: node.span,
                    },
                    Role::Sequence | Role::Pairs => return Err(wrong_kind("a list", "a dictionary", span)),
                };
                Ok(self.keep(anchor, node))
            }
            // The parser's grammar has no other event where a node begins.
            _ => Ok(Node { data: Data::Null, span }),
        }
    }

    fn open(&mut self, anchor: Option<&String>, span: Span) -> Result<(), Diagnostic> {
        let Some(anchor) = anchor else { return Ok(()) };
        if let Some((earlier, _)) = self.anchors.get(anchor) {
            return Err(Diagnostic::error(format!("found duplicate anchor `&{anchor}`"))
                .at(span)
                .label("second occurrence")
                .cause(format!("it is already defined at {}", earlier.span))
                .hint("give one of them another name, or quote text that begins with `&`"));
        }
        self.open_anchors.insert(anchor.clone());
        Ok(())
    }

    fn keep(&mut self, anchor: Option<String>, node: Node) -> Node {
        if let Some(anchor) = anchor {
            self.open_anchors.remove(&anchor);
            let size = size(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        node
    }

    fn alias(&mut self, name: &str, span: Span) -> Result<Node, Diagnostic> {
        if self.open_anchors.contains(name) {
            return Err(Diagnostic::error(format!("the alias `*{name}` stands inside the value that it refers to"))
                .at(span)
                .hint("a value can't contain itself; write the part that repeats under an anchor of its own"));
        }
        let Some((node, size)) = self.anchors.get(name) else {
            let error = Diagnostic::error(format!("found undefined alias `*{name}`"))
                .at(span)
                .label("no anchor of this name above")
                .did_you_mean(name, self.anchors.keys().map(String::as_str));
            return Err(error.hint(format!(
                "an anchor is written `&{name}` before the value; text that begins with `*` must be quoted: `\"*{name}\"`"
            )));
        };
        self.aliased += size;
        if self.aliased > MOST_ALIASED {
            return Err(Diagnostic::error(format!("aliases make this file grow beyond {MOST_ALIASED} values"))
                .at(span)
                .label("expanded here")
                .hint("an alias that repeats aliases multiplies; repeat less, or use variables"));
        }
        Ok(node.clone())
    }

    fn scalar(
        &self,
        tag: Option<&str>,
        value: String,
        plain: bool,
        untrusted: bool,
        span: Span,
    ) -> Result<Data, Diagnostic> {
        let text = |value: String| {
            if untrusted { Data::Unsafe(Arc::from(value)) } else { Data::String(Arc::from(value)) }
        };
        let invalid = |kind: &str, value: &str| {
            Diagnostic::error(format!("`{value}` is not {kind}")).at(span).label("the tag before it says otherwise")
        };
        let Some(tag) = tag else {
            return Ok(match plain {
                true => match scalar::parse_scalar(&value) {
                    Data::String(_) => text(value),
                    data => data,
                },
                false => text(value),
            });
        };
        if let Some(name) = tag.strip_prefix(STANDARD) {
            return match name {
                "null" => Ok(Data::Null),
                "bool" => scalar::boolean(&value).map(Data::Bool).ok_or_else(|| invalid("a boolean", &value)),
                "int" => scalar::integer(&value).ok_or_else(|| invalid("an integer", &value)),
                "float" => scalar::float(&value).map(Data::Float).ok_or_else(|| invalid("a float", &value)),
                "str" => Ok(text(value)),
                "timestamp" => Ok(match scalar::kind_of(&value) {
                    scalar::Kind::Timestamp => Data::Timestamp(Arc::from(value)),
                    _ => return Err(invalid("a date", &value)),
                }),
                "binary" => {
                    let packed: String = value.chars().filter(|c| !c.is_whitespace()).collect();
                    base64::engine::general_purpose::STANDARD
                        .decode(packed)
                        .ok()
                        // What is no text comes back byte by byte where it is written to a file.
                        .map(|bytes| text(rprov_modules::text::decode(&bytes)))
                        .ok_or_else(|| {
                            Diagnostic::error("this `!!binary` value is not base64")
                                .at(span)
                                .hint("keep binary data in a file and copy it, or make it with `base64`")
                        })
                }
                "seq" | "omap" | "pairs" => Err(wrong_kind("a list", "a string", span)),
                "map" | "set" => Err(wrong_kind("a dictionary", "a string", span)),
                _ => Err(unknown_tag(tag, span)),
            };
        }
        match tag {
            "!vault" | "!vault-encrypted" => Ok(Data::Vault(Arc::from(value))),
            "!unsafe" if is_plain_in_source(self.line(span.line), span) => Ok(match scalar::parse_scalar(&value) {
                Data::String(text) => Data::Unsafe(text),
                data => data,
            }),
            "!unsafe" => Ok(Data::Unsafe(Arc::from(value))),
            _ => Err(unknown_tag(tag, span)),
        }
    }

    fn collection_role(&self, tag: Option<&str>, untrusted: bool, span: Span) -> Result<(Role, bool), Diagnostic> {
        let Some(tag) = tag else { return Ok((Role::Plain, untrusted)) };
        let role = match tag.strip_prefix(STANDARD) {
            Some("seq") => Role::Sequence,
            Some("map") => Role::Mapping,
            Some("set") => Role::Set,
            Some("omap" | "pairs") => Role::Pairs,
            Some("str" | "int" | "float" | "bool" | "null" | "binary" | "timestamp") => {
                return Err(wrong_kind("a single value", "a list or a dictionary", span));
            }
            _ if tag == "!unsafe" => return Ok((Role::Plain, true)),
            _ if tag == "!vault" || tag == "!vault-encrypted" => {
                return Err(Diagnostic::error("`!vault` takes the text of an encrypted value")
                    .at(span)
                    .hint("write `!vault |` and the text that `ansible-vault encrypt_string` printed, indented"));
            }
            _ => return Err(unknown_tag(tag, span)),
        };
        Ok((role, untrusted))
    }

    fn mapping(&mut self, mut span: Span, untrusted: bool) -> Result<Node, Diagnostic> {
        let mut merged: Vec<(Node, Node)> = Vec::new();
        let mut own: Vec<(Node, Node)> = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.kind, Kind::MappingEnd) {
                if event.end.column > event.start.column && event.start.line + 1 == span.line {
                    span.length = (event.end.column + 1).saturating_sub(span.column).max(1);
                }
                break;
            }
            let merge = matches!(&event.kind, Kind::Scalar { value, plain: true, .. } if value == "<<");
            // Keys are names: `!unsafe` is about values.
            let key = self.node(event, false)?;
            if let Some((key_of, ..)) = key.as_map().and_then(|entries| entries.first()) {
                return Err(template_as_key(key_of, key.span, self.line(key.span.line)));
            }
            if KeyIdentity::of(&key.data).is_none() {
                return Err(Diagnostic::error(format!("{} can't be a key", key.describe())).at(key.span).hint(
                    "a value that begins with `{` or `[` is a dictionary or a list: quote it if it is meant as text",
                ));
            }
            let event = self.next()?;
            let value = self.node(event, untrusted)?;
            if merge {
                merged.extend(merge_entries(value)?);
                continue;
            }
            if own.is_empty() && key.span.line == span.line && key.span.column == span.column {
                span.length = key.span.length;
            }
            own.push((key, value));
        }
        Ok(Node { data: Data::Map(self.unique(merged, own)), span })
    }

    /// Entries without duplicates: each key keeps its first place and gets its last value, merged ones come first.
    fn unique(&mut self, merged: Vec<(Node, Node)>, own: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
        let mut places: HashMap<KeyIdentity, (usize, bool)> = HashMap::with_capacity(merged.len() + own.len());
        let mut entries: Vec<(Node, Node)> = Vec::with_capacity(merged.len() + own.len());
        let all = merged.into_iter().map(|entry| (entry, false)).chain(own.into_iter().map(|entry| (entry, true)));
        for ((key, value), is_own) in all {
            let Some(identity) = KeyIdentity::of(&key.data) else { continue };
            let earlier = places.get_mut(&identity).and_then(|place| Some((entries.get_mut(place.0)?, place)));
            let Some((entry, place)) = earlier else {
                places.insert(identity, (entries.len(), is_own));
                entries.push((key, value));
                continue;
            };
            if is_own && place.1 {
                self.warnings.push(
                    Diagnostic::warning(format!("found duplicate mapping key `{}`", shown(&key)))
                        .at(key.span)
                        .label("only this last value counts")
                        .cause(format!("it is already defined at {}", entry.0.span))
                        .hint("remove one of the two"),
                );
            }
            *place = (place.0, is_own);
            entry.0.span = key.span;
            entry.1 = value;
        }
        entries
    }
}

/// What a collection's tag makes of it.
enum Role {
    Plain,
    Sequence,
    Mapping,
    Set,
    Pairs,
}

fn size(node: &Node) -> usize {
    match &node.data {
        Data::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Data::Map(entries) => 1 + entries.iter().map(|(key, value)| size(key) + size(value)).sum::<usize>(),
        _ => 1,
    }
}

fn shown(key: &Node) -> String {
    match &key.data {
        Data::Null => "null".to_owned(),
        Data::Bool(flag) => flag.to_string(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => super::float_text(*number),
        Data::String(text) | Data::Timestamp(text) | Data::Unsafe(text) | Data::BigInt(text) => text.to_string(),
        Data::Vault(_) | Data::List(_) | Data::Map(_) => key.describe().to_owned(),
    }
}

/// Whether a tagged scalar is written without quotes; the parser does not say once there is a tag.
fn is_plain_in_source(line: &str, span: Span) -> bool {
    let rest: String = line.chars().skip(span.column.saturating_sub(1) as usize).collect();
    let mut words = rest.split_whitespace().skip_while(|word| word.starts_with(['!', '&']));
    words.next().is_some_and(|word| !word.starts_with(['"', '\'', '|', '>']))
}

/// `<<` takes a dictionary or a list of them; of those, the first that has a key wins.
fn merge_entries(value: Node) -> Result<Vec<(Node, Node)>, Diagnostic> {
    let wrong = |node: &Node| {
        Diagnostic::error(format!("`<<` takes a dictionary or a list of dictionaries, this is {}", node.describe()))
            .at(node.span)
            .hint("`<<` copies the entries of another dictionary, as in `<<: *defaults`; quote it if it is meant as a name")
    };
    match value.data {
        Data::Map(entries) => Ok(entries),
        Data::List(items) => {
            let mut merged = Vec::new();
            for item in items.into_iter().rev() {
                match item.data {
                    Data::Map(entries) => merged.extend(entries),
                    _ => return Err(wrong(&item)),
                }
            }
            Ok(merged)
        }
        _ => Err(wrong(&value)),
    }
}

/// `!!omap` and `!!pairs`: a list of dictionaries with one entry each, read as a list of pairs.
fn pairs(items: Vec<Node>, span: Span) -> Result<Data, Diagnostic> {
    let mut list = Vec::with_capacity(items.len());
    for item in items {
        let place = item.span;
        match item.data {
            Data::Map(entries) if entries.len() == 1 => {
                for (key, value) in entries {
                    list.push(Node { data: Data::List(vec![key, value]), span: place });
                }
            }
            _ => {
                return Err(Diagnostic::error("each item here must be a dictionary with a single entry")
                    .at(place)
                    .cause(format!("the list at {span} is tagged as ordered pairs")));
            }
        }
    }
    Ok(Data::List(list))
}

fn template_as_key(inner: &Node, span: Span, line: &str) -> Diagnostic {
    let error = Diagnostic::error("a dictionary can't be a key");
    if let Some((column, value)) = mistake::unquoted_template(line) {
        let length = u32::try_from(value.chars().count()).unwrap_or(1);
        return error
            .at(Span { column: column + 1, length, ..span })
            .label("a template begins this value")
            .hint(format!("quote the whole value: `\"{}\"`", value.replace('"', "'")));
    }
    let name = inner.as_str().unwrap_or("...");
    error.at(span).hint(format!("a value that begins with a template must be quoted: `\"{{{{ {name} }}}}\"`"))
}

fn wrong_kind(expected: &str, found: &str, span: Span) -> Diagnostic {
    Diagnostic::error(format!("expected {expected}, but found {found}"))
        .at(span)
        .hint("remove the tag before it, or write what the tag says")
}

fn unknown_tag(tag: &str, span: Span) -> Diagnostic {
    let written = match tag.strip_prefix(STANDARD) {
        Some(name) => format!("!!{name}"),
        None => tag.to_owned(),
    };
    Diagnostic::error(format!("unknown tag `{written}`"))
        .at(span)
        .did_you_mean(
            &written,
            ["!vault", "!unsafe", "!vault-encrypted", "!!str", "!!int", "!!float", "!!bool", "!!binary"],
        )
        .hint("known tags are `!vault`, `!unsafe` and YAML's own (`!!str` ...); quote text that begins with `!`")
}

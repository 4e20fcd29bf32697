//! Values to YAML text, byte for byte as PyYAML's C dumper writes them: what `to_yaml` and `to_nice_yaml` give.

use std::collections::{HashMap, HashSet};

use libyaml_safer::{Emitter, Event, MappingStyle, ScalarStyle, SequenceStyle};
use serde_json::Value;

use super::scalar::{self, Kind};
use super::tree::{Branch, Tree};

/// Which lists and maps are written in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// None (`default_flow_style=False`).
    Block,
    /// Those that hold nothing but plain values (`default_flow_style=None`).
    Leaves,
    /// All (`default_flow_style=True`).
    All,
}

/// How to write. The default is PyYAML's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// Spaces per level, 2 to 9; anything else counts as 2.
    pub indent: i32,
    /// Where long text is folded, in columns; negative for never.
    pub width: i32,
    /// Which collections are written in brackets.
    pub flow: Flow,
    /// Whether maps are written in the order of their keys.
    pub sort_keys: bool,
    /// Whether to begin with `---`.
    pub explicit_start: bool,
    /// Whether to end with `...`.
    pub explicit_end: bool,
    /// Whether what is not ASCII is written as it is.
    pub allow_unicode: bool,
    /// The quoting of all scalars (`"`, `'`, `|`, `>`), if one is wanted.
    pub default_style: Option<char>,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            indent: 2,
            width: 80,
            flow: Flow::Block,
            sort_keys: true,
            explicit_start: false,
            explicit_end: false,
            allow_unicode: false,
            default_style: None,
        }
    }
}

impl Style {
    /// What Ansible's `to_yaml` filter writes.
    pub fn to_yaml() -> Self {
        Self { flow: Flow::Leaves, allow_unicode: true, ..Self::default() }
    }

    /// What Ansible's `to_nice_yaml` filter writes.
    pub fn to_nice_yaml() -> Self {
        Self { indent: 4, flow: Flow::Block, allow_unicode: true, ..Self::default() }
    }
}

/// Write a value as one YAML document.
pub fn emit(value: &Value, style: &Style) -> String {
    written(style, |writer, emitter| writer.value(emitter, value))
}

/// Write a tree as one YAML document, with an anchor where a value stands that is meant again later. Collections are
/// written in blocks.
pub fn emit_tree(tree: &Tree, style: &Style) -> String {
    let mut anchors = Anchors::default();
    anchors.count(tree, style);
    written(style, |writer, emitter| writer.tree(emitter, tree, &mut anchors))
}

fn written(style: &Style, root: impl FnOnce(&mut Writer<'_>, &mut Emitter<'_>) -> Written) -> String {
    let mut writer = Writer { style, astral: Vec::new() };
    let mut output = Vec::new();
    let outcome = {
        let mut emitter = Emitter::new();
        emitter.set_output_string(&mut output);
        emitter.set_indent(style.indent);
        emitter.set_width(style.width);
        emitter.set_unicode(style.allow_unicode);
        writer.document(&mut emitter, root)
    };
    debug_assert!(outcome.is_ok(), "events of a tree are always in order");
    let text = String::from_utf8(output).unwrap_or_default();
    writer.restore(&text)
}

/// libyaml escapes what lies beyond the Basic Multilingual Plane, the emitter used here does not. So such a character
/// goes through it as two that it does escape, together as wide as `\U0001F3B5`, and is put right afterwards.
const STAND_IN: &str = "\u{fffe}\u{7f}";
const STAND_IN_ESCAPED: &str = "\\uFFFE\\x7F";

struct Writer<'a> {
    style: &'a Style,
    astral: Vec<char>,
}

type Written = Result<(), libyaml_safer::Error>;

impl Writer<'_> {
    fn document(
        &mut self,
        emitter: &mut Emitter<'_>,
        root: impl FnOnce(&mut Self, &mut Emitter<'_>) -> Written,
    ) -> Written {
        emitter.emit(Event::stream_start(libyaml_safer::Encoding::Utf8))?;
        emitter.emit(Event::document_start(None, &[], !self.style.explicit_start))?;
        root(self, emitter)?;
        emitter.emit(Event::document_end(!self.style.explicit_end))?;
        emitter.emit(Event::stream_end())?;
        emitter.flush()
    }

    fn value(&mut self, emitter: &mut Emitter<'_>, value: &Value) -> Written {
        match value {
            Value::Null => self.scalar(emitter, "null", Kind::Null),
            Value::Bool(flag) => self.scalar(emitter, if *flag { "true" } else { "false" }, Kind::Bool),
            Value::Number(number) => match number.as_f64() {
                Some(float) if number.is_f64() => self.scalar(emitter, &float_scalar(float), Kind::Float),
                _ => self.scalar(emitter, &number.to_string(), Kind::Int),
            },
            Value::String(text) => self.scalar(emitter, text, Kind::Text),
            Value::Array(items) => {
                let style = if self.in_brackets(items.iter()) { SequenceStyle::Flow } else { SequenceStyle::Block };
                emitter.emit(Event::sequence_start(None, Some("tag:yaml.org,2002:seq"), true, style))?;
                for item in items {
                    self.value(emitter, item)?;
                }
                emitter.emit(Event::sequence_end())
            }
            Value::Object(map) => {
                let style = if self.in_brackets(map.values()) { MappingStyle::Flow } else { MappingStyle::Block };
                emitter.emit(Event::mapping_start(None, Some("tag:yaml.org,2002:map"), true, style))?;
                let mut entries: Vec<_> = map.iter().collect();
                if self.style.sort_keys {
                    entries.sort_by_key(|(key, _)| *key);
                }
                for (key, value) in entries {
                    self.scalar(emitter, key, Kind::Text)?;
                    self.value(emitter, value)?;
                }
                emitter.emit(Event::mapping_end())
            }
        }
    }

    fn tree(&mut self, emitter: &mut Emitter<'_>, tree: &Tree, anchors: &mut Anchors) -> Written {
        let anchor = match tree.identity.map(|identity| anchors.place(identity)) {
            Some(Place::Again(name)) => return emitter.emit(Event::alias(&name)),
            Some(Place::First(name)) => name,
            None => None,
        };
        let anchor = anchor.as_deref();
        match &tree.data {
            Branch::Scalar(value) => self.value(emitter, value),
            Branch::Unsafe(text) => self.scalar(emitter, text, Kind::Text),
            Branch::Vault(text) => {
                emitter.emit(Event::scalar(anchor, Some("!vault"), text, false, false, ScalarStyle::Literal))
            }
            Branch::List(items) => {
                let tag = Some("tag:yaml.org,2002:seq");
                emitter.emit(Event::sequence_start(anchor, tag, true, SequenceStyle::Block))?;
                for item in items {
                    self.tree(emitter, item, anchors)?;
                }
                emitter.emit(Event::sequence_end())
            }
            Branch::Map(entries) => {
                let tag = Some("tag:yaml.org,2002:map");
                emitter.emit(Event::mapping_start(anchor, tag, true, MappingStyle::Block))?;
                for (key, value) in in_order(entries, self.style) {
                    self.value(emitter, key)?;
                    self.tree(emitter, value, anchors)?;
                }
                emitter.emit(Event::mapping_end())
            }
        }
    }

    fn in_brackets<'v>(&self, mut values: impl Iterator<Item = &'v Value>) -> bool {
        match self.style.flow {
            Flow::Block => false,
            Flow::All => true,
            Flow::Leaves => {
                self.style.default_style.is_none()
                    && values.all(|value| !matches!(value, Value::Array(_) | Value::Object(_)))
            }
        }
    }

    fn scalar(&mut self, emitter: &mut Emitter<'_>, text: &str, kind: Kind) -> Written {
        let tag = match kind {
            Kind::Null => "tag:yaml.org,2002:null",
            Kind::Bool => "tag:yaml.org,2002:bool",
            Kind::Int => "tag:yaml.org,2002:int",
            Kind::Float => "tag:yaml.org,2002:float",
            Kind::Timestamp | Kind::Merge | Kind::Value | Kind::Text => "tag:yaml.org,2002:str",
        };
        let plain_is_enough = scalar::kind_of(text) == kind;
        let quoted_is_enough = kind == Kind::Text;
        let style = match self.style.default_style {
            Some('"') => ScalarStyle::DoubleQuoted,
            Some('\'') => ScalarStyle::SingleQuoted,
            Some('|') => ScalarStyle::Literal,
            Some('>') => ScalarStyle::Folded,
            _ => ScalarStyle::Plain,
        };
        let prepared = self.prepare(text);
        let text = prepared.as_deref().unwrap_or(text);
        emitter.emit(Event::scalar(None, Some(tag), text, plain_is_enough, quoted_is_enough, style))
    }

    fn prepare(&mut self, text: &str) -> Option<String> {
        if !self.style.allow_unicode || !text.contains(|c| c > '\u{ffff}') {
            return None;
        }
        let mut prepared = String::with_capacity(text.len() + 8);
        for character in text.chars() {
            if character > '\u{ffff}' {
                self.astral.push(character);
                prepared.push_str(STAND_IN);
            } else {
                prepared.push(character);
            }
        }
        Some(prepared)
    }

    fn restore(&self, text: &str) -> String {
        if self.astral.is_empty() {
            return text.to_owned();
        }
        let mut restored = String::with_capacity(text.len());
        let mut pieces = text.split(STAND_IN_ESCAPED);
        restored.push_str(pieces.next().unwrap_or(""));
        let mut astral = self.astral.iter();
        for piece in pieces {
            match astral.next() {
                Some(character) => restored.push_str(&format!("\\U{:08X}", u32::from(*character))),
                None => restored.push_str(STAND_IN_ESCAPED),
            }
            restored.push_str(piece);
        }
        restored
    }
}

/// A map's entries as they are written: in the order of the keys, unless those are of several kinds.
fn in_order<'t>(entries: &'t [(Value, Tree)], style: &Style) -> Vec<&'t (Value, Tree)> {
    let mut entries: Vec<&(Value, Tree)> = entries.iter().collect();
    if !style.sort_keys {
        return entries;
    }
    if entries.iter().all(|(key, _)| key.is_string()) {
        entries.sort_by(|(left, _), (right, _)| left.as_str().cmp(&right.as_str()));
    } else if entries.iter().all(|(key, _)| key.is_number()) {
        let number = |key: &Value| key.as_f64().unwrap_or(f64::NAN);
        entries.sort_by(|(left, _), (right, _)| number(left).total_cmp(&number(right)));
    }
    entries
}

/// Which values are meant more than once, and the names that they get: in the order in which they come a second time.
#[derive(Default)]
struct Anchors {
    names: HashMap<usize, Option<String>>,
    named: usize,
    written: HashSet<usize>,
}

/// What stands where a value that may be meant again does.
enum Place {
    First(Option<String>),
    Again(String),
}

impl Anchors {
    fn count(&mut self, tree: &Tree, style: &Style) {
        if let Some(identity) = tree.identity {
            match self.names.get_mut(&identity) {
                Some(Some(_)) => return,
                Some(unnamed) => {
                    self.named += 1;
                    *unnamed = Some(format!("id{:03}", self.named));
                    return;
                }
                None => {
                    self.names.insert(identity, None);
                }
            }
        }
        match &tree.data {
            Branch::List(items) => items.iter().for_each(|item| self.count(item, style)),
            Branch::Map(entries) => in_order(entries, style).into_iter().for_each(|(_, item)| self.count(item, style)),
            Branch::Scalar(_) | Branch::Unsafe(_) | Branch::Vault(_) => {}
        }
    }

    fn place(&mut self, identity: usize) -> Place {
        let name = self.names.get(&identity).cloned().flatten();
        match (name, self.written.insert(identity)) {
            (Some(name), false) => Place::Again(name),
            (name, _) => Place::First(name),
        }
    }
}

fn float_scalar(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = super::float_text(number);
    match text.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
        _ => text,
    }
}

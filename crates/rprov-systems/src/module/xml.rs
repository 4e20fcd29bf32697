//! `xml`: pieces of XML files and texts, found by XPath.

use std::path::PathBuf;

use rprov_modules::argument::{Raw, Rule};
use rprov_modules::attributes::FileAttributes;
use rprov_modules::edit::{Manner, Original};
use rprov_modules::encoding::Encoding;
use rprov_modules::{Arguments as _, Context, Diff, Failure, Outcome, arguments, choices};
use rprov_wire::{Map, Value};

use crate::xml::pretty::pretty;
use crate::xml::spawn::{attribute_name, path_of, spawn};
use crate::xml::tree::{Document, NodeId};
use crate::xml::{build, text};
use crate::xpath::syntax::Expression;
use crate::xpath::{Evaluator, Item, XPathError};

choices! {
    /// Whether what the expression selects is to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

choices! {
    /// What to tell of the selected elements.
    pub enum Content { Attribute = "attribute", Text = "text" }
}

choices! {
    /// How children are given.
    pub enum InputType { Xml = "xml", Yaml = "yaml" }
}

arguments! {
    /// Manage bits and pieces of XML files or strings.
    pub struct Arguments {
        /// The file; it must be there.
        path | dest | file: Option<PathBuf>,
        /// XML as text, in place of a file.
        xmlstring: Option<String>,
        /// XPath expression that selects what is meant.
        xpath: Option<String>,
        /// Prefixes that the expression uses, and their URIs.
        namespaces: Map = Map::new(),
        /// Whether what the expression selects is to be there.
        state | ensure: State = State::Present,
        /// The attribute that `value` is for.
        attribute: Option<Raw>,
        /// What the attribute, or the text of the element, is to be.
        value: Option<Raw>,
        /// Elements to add to the selected ones: names, or maps of a name to its text or content.
        add_children: Option<Vec<Raw>>,
        /// Elements that the selected ones are to have, and no others.
        set_children: Option<Vec<Raw>>,
        /// Tell how many nodes are selected.
        count: bool = false,
        /// Tell the paths of the selected nodes.
        print_match: bool = false,
        /// Write a line for each element.
        pretty_print: bool = false,
        /// Tell the attributes or the text of the selected elements.
        content: Option<Content>,
        /// How the children are given.
        input_type: InputType = InputType::Yaml,
        /// Keep a copy of the file as it was.
        backup: bool = false,
        /// Write CDATA sections as text.
        strip_cdata_tags: bool = false,
        /// Add the children before the first selected element, not in it.
        insertbefore: bool = false,
        /// Add the children behind the last selected element, not in it.
        insertafter: bool = false,
    }
    rules: [
        Rule::By("add_children", &["xpath"]),
        Rule::By("attribute", &["value"]),
        Rule::By("content", &["xpath"]),
        Rule::By("set_children", &["xpath"]),
        Rule::By("value", &["xpath"]),
        Rule::If("count", "true", &["xpath"]),
        Rule::If("print_match", "true", &["xpath"]),
        Rule::If("insertbefore", "true", &["xpath"]),
        Rule::If("insertafter", "true", &["xpath"]),
        Rule::OneOf(&["path", "xmlstring"]),
        Rule::Exclusive(&["add_children", "content", "count", "print_match", "set_children", "value"]),
        Rule::Exclusive(&["path", "xmlstring"]),
        Rule::Exclusive(&["insertbefore", "insertafter"]),
    ]
}

struct Task<'a> {
    arguments: &'a Arguments,
    expression: Expression,
    xpath: &'a str,
    document: Document,
}

/// What there is to say of the nodes that are only looked at.
type Told = Vec<(&'static str, Value)>;

/// Find, and change.
///
/// # Errors
/// There is no such file, it is no XML, the expression is none, or what is missing cannot be made.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let source = arguments.path.as_deref().map(read).transpose()?;
    let before = match (&source, &arguments.xmlstring) {
        (Some(original), _) => original.text.clone().unwrap_or_default(),
        (None, text) => text.clone().unwrap_or_default(),
    };
    let named = arguments.path.as_ref().map_or_else(|| "xmlstring".to_owned(), |path| path.display().to_string());
    let mut document =
        Document::parse(&before).map_err(|error| Failure::new(format!("Error while parsing {named}: {error}")))?;
    let shown = pretty(&document);
    let mut told = Told::new();
    if let Some(xpath) = &arguments.xpath {
        let expression = Expression::parse(xpath)
            .map_err(|error| Failure::new(format!("Syntax error in xpath expression: {xpath} ({error})")))?;
        let mut task = Task { arguments: &arguments, expression, xpath, document };
        told = task.act()?;
        document = task.document;
    } else if !arguments.pretty_print {
        return Err(Failure::new("Don't know what to do: give xpath, or pretty_print=true"));
    }
    let is_edited = document.to_string() != before;
    if is_edited && arguments.strip_cdata_tags {
        document.strip_cdata();
    }
    let is_read = arguments.count || arguments.print_match || arguments.content.is_some();
    let after = if arguments.pretty_print && !is_read { pretty(&document) } else { document.to_string() };

    let mut outcome = match &source {
        None => Outcome::new(after != before).with("xmlstring", declared(&after, arguments.pretty_print)),
        Some(original) => {
            let attributes = FileAttributes::decode(&Map::new())?;
            let manner = Manner { backup: arguments.backup, validate: None, attributes: &attributes };
            let mut outcome = original.write(&after, &manner, context)?.outcome(original, &after);
            outcome.diffs.clear();
            outcome
        }
    };
    if outcome.changed {
        outcome = outcome.with_diff(Diff::state(shown, pretty(&document)));
    }
    if let Some(xpath) = &arguments.xpath {
        let actions: [(&str, Value); 3] = [
            ("xpath", xpath.as_str().into()),
            ("namespaces", arguments.namespaces.clone().into()),
            ("state", arguments.state.word().into()),
        ];
        outcome = outcome.with("actions", Value::from_iter(actions));
    }
    for (name, value) in told {
        outcome = outcome.with(name, value);
    }
    Ok(outcome)
}

/// Text that is given back says what it is, and ends with its outermost element.
fn declared(after: &str, is_pretty: bool) -> String {
    let text = if is_pretty { after } else { after.trim_end() };
    if text.trim_start_matches('\u{feff}').starts_with("<?xml") {
        return text.to_owned();
    }
    format!("<?xml version='1.0' encoding='UTF-8'?>\n{text}")
}

fn read(path: &std::path::Path) -> Result<Original, Failure> {
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::new(format!("The target XML source '{}' does not exist.", path.display()))
        }
        _ => Failure::io("read", path, error),
    })?;
    let encoding = match bytes.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Encoding::Utf16,
        bytes => match encoding_named(bytes) {
            Some(name) => Encoding::named(&name)?,
            None => Encoding::Utf8,
        },
    };
    Original::read_encoded(path, encoding)
}

/// What the declaration says of the encoding; of two bytes a unit it can only speak where these are marked.
fn encoding_named(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(200)).unwrap_or_default()).into_owned();
    let declaration = head.trim_start_matches('\u{feff}').strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let name = value.get(1..)?.split_once(quote)?.0;
    Some(name.to_owned()).filter(|name| !name.to_ascii_lowercase().starts_with("utf"))
}

impl Task<'_> {
    fn act(&mut self) -> Result<Told, Failure> {
        let arguments = self.arguments;
        if let Some(content) = arguments.content {
            return self.tell_content(content);
        }
        if arguments.print_match {
            let paths: Vec<String> = self.select()?.iter().map(|item| path_of(&self.document, item)).collect();
            let message = format!("selector '{}' match: {}", self.xpath, Value::from(paths.clone()));
            return Ok(vec![("matches", paths.into()), ("msg", message.into())]);
        }
        if arguments.count {
            let count = self.select()?.len();
            return Ok(vec![("count", integer(count)), ("msg", format!("found {count} nodes").into())]);
        }
        if arguments.state == State::Absent {
            self.remove()?;
        } else if let Some(children) = &arguments.set_children {
            self.set_children(children)?;
        } else if let Some(children) = &arguments.add_children {
            self.add_children(children)?;
        } else {
            self.ensure()?;
        }
        Ok(Told::new())
    }

    fn refused(&self, error: &XPathError) -> Failure {
        Failure::new(format!("xpath {}: {error}", self.xpath))
    }

    fn select(&self) -> Result<Vec<Item>, Failure> {
        let evaluator = Evaluator::new(&self.document, &self.arguments.namespaces);
        evaluator.select(&self.expression).map_err(|error| self.refused(&error))
    }

    /// The selected elements; attributes and text are none.
    fn elements(&self) -> Result<Vec<NodeId>, Failure> {
        let is_element = |item| match item {
            Item::Node(id) => self.document.element(id).map(|_| id),
            Item::Attribute(..) => None,
        };
        Ok(self.select()?.into_iter().filter_map(is_element).collect())
    }

    fn tell_content(&self, content: Content) -> Result<Told, Failure> {
        let elements = self.elements()?;
        if elements.is_empty() {
            return Err(Failure::new(format!("Xpath {} does not reference a node! It selects no element", self.xpath)));
        }
        let document = &self.document;
        let full = |(namespace, name): (Option<String>, &str)| match namespace {
            Some(uri) => format!("{{{uri}}}{name}"),
            None => name.to_owned(),
        };
        let tell = |id: &NodeId| {
            let value = match content {
                Content::Text => document.leading_text(*id).map_or(Value::Null, Value::from),
                Content::Attribute => {
                    let attributes = document.element(*id).map(|element| element.attributes.as_slice());
                    let own = attributes.unwrap_or_default().iter().filter(|attribute| !attribute.is_declaration());
                    let named = |attribute: &crate::xml::tree::Attribute| {
                        let name = full(document.expanded_attribute(*id, &attribute.name));
                        (name, Value::from(attribute.value()))
                    };
                    Value::Map(own.map(named).collect())
                }
            };
            Value::Map(Map::from_iter([(full(document.expanded(*id)), value)]))
        };
        let matches: Vec<Value> = elements.iter().map(tell).collect();
        let count = integer(matches.len());
        Ok(vec![("matches", matches.into()), ("count", count.clone()), ("msg", count)])
    }

    fn remove(&mut self) -> Result<(), Failure> {
        for item in self.select()? {
            match item {
                Item::Attribute(element, name) => {
                    self.document.remove_attribute(element, &name);
                }
                Item::Node(id) if self.is_outermost(id) => {
                    return Err(Failure::new(format!(
                        "xpath {}: it selects the outermost element, without which there is no document; \
                         remove the file to be rid of it",
                        self.xpath
                    )));
                }
                Item::Node(id) => self.document.remove(id),
            }
        }
        Ok(())
    }

    fn is_outermost(&self, id: NodeId) -> bool {
        id == crate::xml::tree::ROOT
            || (self.document.element(id).is_some() && self.document.parent(id) == Some(crate::xml::tree::ROOT))
    }

    fn children(&mut self, option: &str, entries: &[Raw]) -> Result<Vec<NodeId>, Failure> {
        let yaml = self.arguments.input_type == InputType::Yaml;
        let make = if yaml { build::element } else { build::parsed };
        entries.iter().map(|Raw(entry)| make(&mut self.document, entry, option)).collect()
    }

    fn set_children(&mut self, entries: &[Raw]) -> Result<(), Failure> {
        for element in self.elements()? {
            let children = self.children("set_children", entries)?;
            let same = {
                let present: Vec<NodeId> = self.document.elements(element).collect();
                present.len() == children.len()
                    && present.iter().zip(&children).all(|(left, right)| self.is_same(*left, *right))
            };
            if !same {
                self.document.clear(element);
                for child in children {
                    self.document.append(element, child);
                }
            }
        }
        Ok(())
    }

    /// Whether two elements say the same; white space between elements says nothing.
    fn is_same(&self, left: NodeId, right: NodeId) -> bool {
        let document = &self.document;
        let said = |id: NodeId| {
            let mut attributes: Vec<(&str, String)> = document
                .element(id)
                .map(|element| element.attributes.as_slice())
                .unwrap_or_default()
                .iter()
                .map(|attribute| (attribute.name.as_str(), attribute.value()))
                .collect();
            attributes.sort();
            let words: String = document.children(id).iter().filter_map(|child| document.own_text(*child)).collect();
            let words = if text::is_blank(&words) { String::new() } else { words };
            (document.element(id).map(|element| element.name.as_str()), attributes, words)
        };
        let children = |id| document.elements(id).collect::<Vec<NodeId>>();
        let (inner_left, inner_right) = (children(left), children(right));
        said(left) == said(right)
            && inner_left.len() == inner_right.len()
            && inner_left.iter().zip(&inner_right).all(|(left, right)| self.is_same(*left, *right))
    }

    fn add_children(&mut self, entries: &[Raw]) -> Result<(), Failure> {
        let places = self.elements()?;
        let (before, after) = (self.arguments.insertbefore, self.arguments.insertafter);
        if (before || after) && places.iter().any(|place| self.is_outermost(*place)) {
            return Err(Failure::new(format!("xpath {}: nothing can be beside the outermost element", self.xpath)));
        }
        if before {
            if let Some(place) = places.first() {
                for child in self.children("add_children", entries)? {
                    self.document.insert_before(*place, child);
                }
            }
        } else if after {
            if let Some(place) = places.last() {
                for child in self.children("add_children", entries)?.into_iter().rev() {
                    self.document.insert_after(*place, child);
                }
            }
        } else {
            for place in places {
                for child in self.children("add_children", entries)? {
                    self.document.append(place, child);
                }
            }
        }
        Ok(())
    }

    /// What the expression selects is there, and has its value.
    fn ensure(&mut self) -> Result<(), Failure> {
        let namespaces = &self.arguments.namespaces;
        spawn(&mut self.document, &self.expression, namespaces).map_err(|error| {
            Failure::new(format!("Can't process Xpath {} in order to spawn nodes: {error}", self.xpath))
        })?;
        let Some(Raw(value)) = &self.arguments.value else { return Ok(()) };
        let value =
            build::text(value).ok_or_else(|| Failure::new("value: text is wanted; for elements use set_children"))?;
        let attribute = match &self.arguments.attribute {
            None => None,
            Some(Raw(name)) => {
                let name = build::text(name).filter(|name| text::is_name(name));
                Some(name.ok_or_else(|| Failure::new("attribute: it is no name; write it without `@`"))?)
            }
        };
        for item in self.select()? {
            match (&item, &attribute) {
                (Item::Attribute(element, name), None) => {
                    self.document.set_attribute(*element, name, &value);
                }
                (Item::Node(id), Some(name)) if self.document.element(*id).is_some() => {
                    let (prefix, local) = match name.split_once(':') {
                        Some((prefix, local)) => (Some(prefix), local),
                        None => (None, name.as_str()),
                    };
                    let name = attribute_name(&mut self.document, *id, prefix, local, namespaces)
                        .map_err(|error| Failure::new(format!("attribute {name}: {error}")))?;
                    self.document.set_attribute(*id, &name, &value);
                }
                (Item::Node(id), None) if self.document.element(*id).is_some() => {
                    self.document.set_leading_text(*id, &value);
                }
                _ => {
                    return Err(Failure::new(format!(
                        "Xpath {} does not reference a node! A value can be set on elements{}",
                        self.xpath,
                        if attribute.is_some() { " where attribute is given" } else { " and attributes" }
                    )));
                }
            }
        }
        Ok(())
    }
}

fn integer(count: usize) -> Value {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;

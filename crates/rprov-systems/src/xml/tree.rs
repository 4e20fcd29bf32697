//! A document as a tree whose parts keep how they were written, and the edits of it.

use super::XmlError;
use super::text::{escape, escape_attribute, is_blank, unescape};

/// A node of one document. The root, which holds the outermost element, is [`ROOT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

/// The document itself.
pub const ROOT: NodeId = NodeId(0);

/// What a node is. Text is as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The document.
    Root,
    /// An element.
    Element(Element),
    /// Text between tags, escaped.
    Text(String),
    /// What is in a CDATA section.
    Cdata(String),
    /// What is in a comment.
    Comment(String),
    /// What is in a processing instruction; the declaration at the beginning is one here.
    Instruction(String),
    /// The document type, without the brackets.
    Doctype(String),
}

/// An element's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its name, with the prefix.
    pub name: String,
    /// Its attributes, declarations of namespaces among them.
    pub attributes: Vec<Attribute>,
    /// White space at the end of the start tag.
    pub(super) space: String,
    /// It is written as one tag.
    pub(super) is_closed: bool,
    /// White space in the end tag.
    pub(super) end_space: String,
}

/// An attribute, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub(super) space: String,
    /// Its name, with the prefix.
    pub name: String,
    pub(super) equals: String,
    pub(super) quote: char,
    pub(super) raw: String,
}

impl Attribute {
    /// What it is set to.
    pub fn value(&self) -> String {
        unescape(&self.raw)
    }

    /// It declares a namespace.
    pub fn is_declaration(&self) -> bool {
        self.name == "xmlns" || self.name.starts_with("xmlns:")
    }
}

#[derive(Clone, Debug)]
struct Node {
    parent: Option<NodeId>,
    children: Vec<NodeId>,
    kind: Kind,
}

/// A document.
#[derive(Clone, Debug)]
pub struct Document {
    root: Node,
    nodes: Vec<Node>,
}

impl Document {
    /// Read a text.
    ///
    /// # Errors
    /// It is no XML.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        super::parse::parse(text)
    }

    pub(super) fn empty() -> Self {
        Document { root: Node { parent: None, children: Vec::new(), kind: Kind::Root }, nodes: Vec::new() }
    }

    fn node(&self, id: NodeId) -> &Node {
        id.0.checked_sub(1).and_then(|index| self.nodes.get(index)).unwrap_or(&self.root)
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        match id.0.checked_sub(1).and_then(|index| self.nodes.get_mut(index)) {
            Some(node) => node,
            None => &mut self.root,
        }
    }

    /// How many nodes there ever were, the root among them.
    pub fn size(&self) -> usize {
        self.nodes.len() + 1
    }

    /// What the node is.
    pub fn kind(&self, id: NodeId) -> &Kind {
        &self.node(id).kind
    }

    /// The node's number, smaller than [`Document::size`].
    pub fn index(id: NodeId) -> usize {
        id.0
    }

    /// The element, if the node is one.
    pub fn element(&self, id: NodeId) -> Option<&Element> {
        match &self.node(id).kind {
            Kind::Element(element) => Some(element),
            _ => None,
        }
    }

    fn element_mut(&mut self, id: NodeId) -> Option<&mut Element> {
        match &mut self.node_mut(id).kind {
            Kind::Element(element) => Some(element),
            _ => None,
        }
    }

    /// What the node is in.
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).parent
    }

    /// What is in the node.
    pub fn children(&self, id: NodeId) -> &[NodeId] {
        &self.node(id).children
    }

    /// The elements in the node.
    pub fn elements(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        self.children(id).iter().copied().filter(|child| self.element(*child).is_some())
    }

    /// All nodes below, in the document's order, the node itself first.
    pub fn descendants(&self, id: NodeId) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            found.push(id);
            open.extend(self.children(id).iter().rev());
        }
        found
    }

    /// Text that the node itself is, as it is meant.
    pub fn own_text(&self, id: NodeId) -> Option<String> {
        match self.kind(id) {
            Kind::Text(raw) => Some(unescape(raw)),
            Kind::Cdata(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// All text in the node.
    pub fn text(&self, id: NodeId) -> String {
        self.descendants(id).into_iter().filter_map(|id| self.own_text(id)).collect()
    }

    fn leading(&self, id: NodeId) -> usize {
        self.children(id).iter().take_while(|child| self.own_text(**child).is_some()).count()
    }

    /// The text of an element before its first child that is none; `None` if there is none.
    pub fn leading_text(&self, id: NodeId) -> Option<String> {
        let count = self.leading(id);
        let texts = self.children(id).iter().take(count).filter_map(|child| self.own_text(*child));
        (count > 0).then(|| texts.collect())
    }

    /// The namespace that a prefix stands for at an element.
    pub fn namespace(&self, id: NodeId, prefix: Option<&str>) -> Option<String> {
        if prefix == Some("xml") {
            return Some("http://www.w3.org/XML/1998/namespace".to_owned());
        }
        let name = prefix.map_or_else(|| "xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
        let places = std::iter::successors(Some(id), |id| self.parent(*id));
        let mut declared = places.filter_map(|id| self.attribute(id, &name));
        declared.next().filter(|uri| !uri.is_empty())
    }

    /// A prefix that stands for the namespace at an element; `None` inside for none at all, which attributes cannot use.
    pub fn prefix(&self, id: NodeId, uri: &str, for_attribute: bool) -> Option<Option<String>> {
        let places = std::iter::successors(Some(id), |id| self.parent(*id));
        let declared = places.filter_map(|id| self.element(id)).flat_map(|element| element.attributes.iter());
        let prefixes = declared
            .filter(|attribute| attribute.is_declaration() && attribute.value() == uri)
            .map(|found| found.name.strip_prefix("xmlns:").map(str::to_owned));
        // One that is declared anew further inside stands for something else.
        let mut usable = prefixes.filter(|prefix| self.namespace(id, prefix.as_deref()).as_deref() == Some(uri));
        usable.find(|prefix| prefix.is_some() || !for_attribute)
    }

    /// Namespace and name without prefix.
    pub fn expanded(&self, id: NodeId) -> (Option<String>, &str) {
        match self.element(id).map(|element| element.name.as_str()) {
            None => (None, ""),
            Some(name) => match name.split_once(':') {
                Some((prefix, local)) => (self.namespace(id, Some(prefix)), local),
                None => (self.namespace(id, None), name),
            },
        }
    }

    /// Namespace and name without prefix, of an attribute of the element.
    pub fn expanded_attribute<'a>(&self, id: NodeId, name: &'a str) -> (Option<String>, &'a str) {
        match name.split_once(':') {
            Some((prefix, local)) => (self.namespace(id, Some(prefix)), local),
            None => (None, name),
        }
    }

    /// An attribute's value.
    pub fn attribute(&self, id: NodeId, name: &str) -> Option<String> {
        let attributes = &self.element(id)?.attributes;
        attributes.iter().find(|attribute| attribute.name == name).map(Attribute::value)
    }

    /// Set an attribute; tells whether that changed anything.
    pub fn set_attribute(&mut self, id: NodeId, name: &str, value: &str) -> bool {
        let Some(element) = self.element_mut(id) else { return false };
        match element.attributes.iter_mut().find(|attribute| attribute.name == name) {
            Some(attribute) if attribute.value() == value => return false,
            Some(attribute) => attribute.raw = escape_attribute(value, attribute.quote),
            None => element.attributes.push(Attribute {
                space: " ".to_owned(),
                name: name.to_owned(),
                equals: "=".to_owned(),
                quote: '"',
                raw: escape_attribute(value, '"'),
            }),
        }
        true
    }

    /// Remove an attribute; tells whether it was there.
    pub fn remove_attribute(&mut self, id: NodeId, name: &str) -> bool {
        let Some(element) = self.element_mut(id) else { return false };
        let count = element.attributes.len();
        element.attributes.retain(|attribute| attribute.name != name);
        element.attributes.len() != count
    }

    /// Replace the text before the first child that is none; tells whether that changed anything.
    pub fn set_leading_text(&mut self, id: NodeId, text: &str) -> bool {
        if self.leading_text(id).unwrap_or_default() == text {
            return false;
        }
        let count = self.leading(id);
        let old: Vec<NodeId> = self.node_mut(id).children.drain(..count).collect();
        for child in old {
            self.node_mut(child).parent = None;
        }
        if !text.is_empty() {
            let node = self.add(Kind::Text(escape(text)));
            self.place(id, 0, node);
        }
        self.fit_tags(id);
        true
    }

    pub(super) fn add(&mut self, kind: Kind) -> NodeId {
        self.nodes.push(Node { parent: None, children: Vec::new(), kind });
        NodeId(self.nodes.len())
    }

    /// A new element that is nowhere yet.
    pub fn create(&mut self, name: &str) -> NodeId {
        self.add(Kind::Element(Element {
            name: name.to_owned(),
            attributes: Vec::new(),
            space: String::new(),
            is_closed: true,
            end_space: String::new(),
        }))
    }

    /// Give an element another name.
    pub(super) fn rename(&mut self, id: NodeId, name: String) {
        if let Some(element) = self.element_mut(id) {
            element.name = name;
        }
    }

    /// A copy of another document's node, which is nowhere yet.
    pub fn import(&mut self, other: &Document, id: NodeId) -> NodeId {
        let copy = self.add(other.kind(id).clone());
        for child in other.children(id) {
            let child = self.import(other, *child);
            self.attach(copy, child);
        }
        copy
    }

    pub(super) fn place(&mut self, parent: NodeId, at: usize, child: NodeId) {
        self.node_mut(child).parent = Some(parent);
        let children = &mut self.node_mut(parent).children;
        children.insert(at.min(children.len()), child);
        self.fit_tags(parent);
    }

    /// As [`Document::append`], for an element whose tags are as they were written.
    pub(super) fn attach(&mut self, parent: NodeId, child: NodeId) {
        self.node_mut(child).parent = Some(parent);
        self.node_mut(parent).children.push(child);
    }

    pub(super) fn end(&mut self, id: NodeId, space: String) {
        if let Some(element) = self.element_mut(id) {
            element.end_space = space;
        }
    }

    /// Put a node at the end of an element.
    pub fn append(&mut self, parent: NodeId, child: NodeId) {
        self.place(parent, usize::MAX, child);
    }

    fn position(&self, id: NodeId) -> Option<(NodeId, usize)> {
        let parent = self.parent(id)?;
        Some((parent, self.children(parent).iter().position(|child| *child == id)?))
    }

    /// Put a node before another one.
    pub fn insert_before(&mut self, place: NodeId, node: NodeId) {
        if let Some((parent, at)) = self.position(place) {
            self.place(parent, at, node);
        }
    }

    /// Put a node behind another one and the text that follows it.
    pub fn insert_after(&mut self, place: NodeId, node: NodeId) {
        let Some((parent, at)) = self.position(place) else { return };
        let texts =
            self.children(parent).iter().skip(at + 1).take_while(|next| self.own_text(**next).is_some()).count();
        self.place(parent, at + 1 + texts, node);
    }

    /// Take a node out, with the white space that follows it.
    pub fn remove(&mut self, id: NodeId) {
        let Some((parent, at)) = self.position(id) else { return };
        let next = self.children(parent).get(at + 1).copied();
        let is_space = |node: &NodeId| matches!(self.kind(*node), Kind::Text(raw) if is_blank(raw));
        let space = next.filter(is_space).filter(|_| self.own_text(id).is_none());
        for gone in std::iter::once(id).chain(space) {
            self.node_mut(parent).children.retain(|child| *child != gone);
            self.node_mut(gone).parent = None;
        }
        self.fit_tags(parent);
    }

    /// Take out everything but the text at the beginning.
    pub fn clear(&mut self, id: NodeId) {
        let count = self.leading(id);
        let old = self.node_mut(id).children.split_off(count);
        for child in old {
            self.node_mut(child).parent = None;
        }
        self.fit_tags(id);
    }

    /// An element without content is one tag, another one is two.
    fn fit_tags(&mut self, id: NodeId) {
        let is_empty = self.children(id).is_empty();
        if let Some(element) = self.element_mut(id) {
            element.is_closed = is_empty;
        }
    }

    /// Write CDATA sections as text.
    pub fn strip_cdata(&mut self) {
        for node in &mut self.nodes {
            if let Kind::Cdata(text) = &node.kind {
                node.kind = Kind::Text(escape(text));
            }
        }
    }

    /// How the node is written.
    pub fn write(&self, id: NodeId) -> String {
        let mut text = String::new();
        self.write_to(id, &mut text);
        text
    }

    fn write_to(&self, id: NodeId, text: &mut String) {
        if let Some((start, end)) = self.tags(id) {
            text.push_str(&start);
            for child in self.children(id) {
                self.write_to(*child, text);
            }
            text.push_str(&end);
        }
    }

    /// What stands before and behind the children; nothing for a node that is not there.
    pub(super) fn tags(&self, id: NodeId) -> Option<(String, String)> {
        let none = String::new();
        Some(match self.kind(id) {
            Kind::Root => (none, String::new()),
            Kind::Text(raw) => (raw.clone(), none),
            Kind::Cdata(text) => (format!("<![CDATA[{text}]]>"), none),
            Kind::Comment(text) => (format!("<!--{text}-->"), none),
            Kind::Instruction(text) => (format!("<?{text}?>"), none),
            Kind::Doctype(text) => (format!("<!{text}>"), none),
            Kind::Element(element) => {
                let mut start = format!("<{}", element.name);
                for Attribute { space, name, equals, quote, raw } in &element.attributes {
                    start.extend([space.as_str(), name, equals]);
                    start.push(*quote);
                    start.push_str(raw);
                    start.push(*quote);
                }
                start.push_str(&element.space);
                if element.is_closed {
                    (start + "/>", none)
                } else {
                    (start + ">", format!("</{}{}>", element.name, element.end_space))
                }
            }
        })
    }
}

impl std::fmt::Display for Document {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.write(ROOT))
    }
}

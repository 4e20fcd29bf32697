//! Reading XML. Every character of the text ends up in a node.

use super::XmlError;
use super::text::{in_name, is_blank, is_character, is_name, is_space, starts_name};
use super::tree::{Attribute, Document, Element, Kind, NodeId, ROOT};

/// How deep elements may be in each other, as libxml2 has it.
const DEEPEST: usize = 256;

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, reason: impl Into<String>) -> XmlError {
        self.error_at(self.at, reason)
    }

    /// Only made when it is told: counting lines for every name would take for ever.
    fn error_at(&self, at: usize, reason: impl Into<String>) -> XmlError {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        XmlError { line, column, reason: reason.into() }
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn take_while(&mut self, is: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|character| !is(character)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// All up to the word, which is passed over.
    fn until(&mut self, word: &str, what: &str) -> Result<&'a str, XmlError> {
        let Some((before, _)) = self.rest().split_once(word) else {
            return Err(self.error(format!("{what} is not closed by `{word}`")));
        };
        self.at += before.len() + word.len();
        Ok(before)
    }

    fn name(&mut self, what: &str) -> Result<&'a str, XmlError> {
        let start = self.at;
        let name = self.take_while(in_name);
        if is_name(name) { Ok(name) } else { Err(self.error_at(start, format!("{what} is missing here"))) }
    }

    fn attributes(&mut self) -> Result<(Vec<Attribute>, String), XmlError> {
        let mut attributes: Vec<Attribute> = Vec::new();
        loop {
            let space = self.take_while(is_space).to_owned();
            if !self.rest().starts_with(starts_name) {
                return Ok((attributes, space));
            }
            if space.is_empty() {
                return Err(self.error("white space is missing before this attribute"));
            }
            let start = self.at;
            let name = self.name("an attribute's name")?.to_owned();
            if attributes.iter().any(|attribute| attribute.name == name) {
                return Err(self.error_at(start, "this attribute is there twice"));
            }
            let mut equals = self.take_while(is_space).to_owned();
            if !self.eat("=") {
                return Err(self.error(format!("attribute {name} has no value")));
            }
            equals.push('=');
            equals.push_str(self.take_while(is_space));
            let quote = if self.rest().starts_with('\'') { '\'' } else { '"' };
            if !self.eat(&quote.to_string()) {
                return Err(self.error(format!("the value of attribute {name} is not in quotes")));
            }
            let raw = self.until(&quote.to_string(), &format!("the value of attribute {name}"))?.to_owned();
            if raw.contains('<') {
                return Err(self.error(format!("the value of attribute {name} contains `<`; write it as `&lt;`")));
            }
            attributes.push(Attribute { space, name, equals, quote, raw });
        }
    }

    /// A document type, with its own declarations in `[ ]`.
    fn doctype(&mut self) -> Result<&'a str, XmlError> {
        let rest = self.rest();
        let (mut quote, mut depth, mut is_inside) = (None, 0_usize, false);
        for (at, character) in rest.char_indices() {
            match (quote, character) {
                (Some(open), character) if open == character => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(character),
                (None, '[') => is_inside = true,
                (None, ']') => is_inside = false,
                (None, '<') => depth += 1,
                (None, '>') if depth > 0 => depth -= 1,
                (None, '>') if !is_inside => {
                    self.at += at + 1;
                    return Ok(rest.get(..at).unwrap_or_default());
                }
                _ => {}
            }
        }
        Err(self.error("the document type is not closed by `>`"))
    }
}

/// Read a document.
pub(super) fn parse(text: &str) -> Result<Document, XmlError> {
    let mut reader = Reader { text, at: 0 };
    let mut document = Document::empty();
    let mut open: Vec<(NodeId, String)> = Vec::new();
    let mut has_element = false;
    // A mark of the byte order.
    if reader.eat("\u{feff}") {
        let mark = document.add(Kind::Text("\u{feff}".to_owned()));
        document.append(ROOT, mark);
    }
    if let Some(at) = text.find(|character| !is_character(character)) {
        reader.at = at;
        return Err(reader.error("this character is not allowed in XML"));
    }
    while !reader.rest().is_empty() {
        let parent = open.last().map_or(ROOT, |(id, _)| *id);
        let kind = if reader.eat("<!--") {
            Kind::Comment(reader.until("-->", "the comment")?.to_owned())
        } else if reader.eat("<![CDATA[") {
            if open.is_empty() {
                return Err(reader.error("text outside of the outermost element"));
            }
            Kind::Cdata(reader.until("]]>", "the CDATA section")?.to_owned())
        } else if reader.eat("<?") {
            Kind::Instruction(reader.until("?>", "the instruction")?.to_owned())
        } else if reader.rest().starts_with("<!DOCTYPE") {
            reader.eat("<!");
            Kind::Doctype(reader.doctype()?.to_owned())
        } else if reader.eat("</") {
            let start = reader.at;
            let name = reader.name("the name of an end tag")?;
            let end_space = reader.take_while(is_space).to_owned();
            if !reader.eat(">") {
                return Err(reader.error(format!("the end tag of {name} is not closed by `>`")));
            }
            match open.pop() {
                Some((id, started)) if started == name => {
                    document.end(id, end_space);
                    continue;
                }
                Some((_, started)) => {
                    return Err(reader.error_at(start, format!("end tag of {name}, but {started} is open")));
                }
                None => return Err(reader.error_at(start, format!("end tag of {name}, but nothing is open"))),
            }
        } else if reader.eat("<") {
            if open.is_empty() && has_element {
                return Err(reader.error("a second outermost element"));
            }
            if open.len() >= DEEPEST {
                return Err(reader.error(format!("more than {DEEPEST} elements in each other")));
            }
            has_element = true;
            let name = reader.name("the name of an element")?.to_owned();
            let (attributes, space) = reader.attributes()?;
            let is_closed = reader.eat("/>");
            if !is_closed && !reader.eat(">") {
                return Err(reader.error(format!("the start tag of {name} is not closed by `>`")));
            }
            let element = Element { name: name.clone(), attributes, space, is_closed, end_space: String::new() };
            let id = document.add(Kind::Element(element));
            document.attach(parent, id);
            if !is_closed {
                open.push((id, name));
            }
            continue;
        } else {
            let start = reader.at;
            let raw = reader.take_while(|character| character != '<');
            if open.is_empty() && !is_blank(raw) {
                return Err(reader.error_at(start, "text outside of the outermost element"));
            }
            Kind::Text(raw.to_owned())
        };
        let id = document.add(kind);
        document.attach(parent, id);
    }
    match open.pop() {
        Some((_, name)) => Err(reader.error(format!("element {name} has no end tag"))),
        None if !has_element => Err(reader.error("there is no element")),
        None => Ok(document),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_byte_by_byte() {
        let texts = [
            "<a/>",
            "\u{feff}<?xml version=\"1.0\"?>\r\n<!DOCTYPE a [ <!ENTITY e \"]>\"> ]>\n<!-- c --><a b = 'c&quot;'\n d=\"e\" >\n t &e; <![CDATA[<x>]]><?pi x?>\
             <b></b ><b />\n</a  >\n",
        ];
        for text in texts {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    /// Thirty thousand elements: what counts lines for each of them takes minutes.
    #[test]
    fn a_large_document_is_read_in_one_go() {
        let text = format!("<a>{}</a>", "<b c='d'>e</b>\n".repeat(30_000));
        let started = std::time::Instant::now();
        assert_eq!(parse(&text).unwrap().to_string(), text);
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
    }

    #[test]
    fn what_is_no_xml_is_told_with_its_place() {
        let wrong = [
            ("", "there is no element"),
            ("<a>\n <b></a>", "line 2, column 7: end tag of a, but b is open"),
            ("<a>", "element a has no end tag"),
            ("<a/><b/>", "second outermost"),
            ("<a/>x", "text outside"),
            ("<a b='1' b='2'/>", "there twice"),
            ("<a b=1/>", "not in quotes"),
            ("<a b='<'/>", "&lt;"),
            ("<a b/>", "no value"),
            ("<a", "not closed by `>`"),
            ("<a><!-- </a>", "the comment is not closed"),
            ("<1/>", "name of an element is missing"),
            ("<a>\u{1}</a>", "not allowed"),
            ("</a>", "nothing is open"),
        ];
        for (text, message) in wrong {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
        let deep = "<a>".repeat(100_000);
        assert!(parse(&deep).unwrap_err().reason.contains("256"));
    }
}

//! A document with a line for each element, two spaces deeper than the one that it is in, as libxml2 formats it.

use super::text::is_blank;
use super::tree::{Document, Kind, NodeId, ROOT};

/// The document with new lines and indentation. Elements with text among their children keep their lines.
pub fn pretty(document: &Document) -> String {
    let mut text = String::new();
    for child in document.children(ROOT) {
        if !matches!(document.kind(*child), Kind::Text(raw) if is_blank(raw)) {
            write(document, *child, 0, &mut text);
            if !matches!(document.kind(*child), Kind::Text(_)) {
                text.push('\n');
            }
        }
    }
    text
}

/// White space between elements that says nothing.
fn is_filling(document: &Document, id: NodeId) -> bool {
    matches!(document.kind(id), Kind::Text(raw) if is_blank(raw))
}

/// Whether the lines in an element are its own content.
fn is_mixed(document: &Document, id: NodeId) -> bool {
    let children = document.children(id);
    let keeps = document.attribute(id, "xml:space").is_some_and(|value| value == "preserve");
    let has_text = children.iter().any(|child| document.own_text(*child).is_some() && !is_filling(document, *child));
    keeps || has_text || children.iter().all(|child| is_filling(document, *child))
}

fn write(document: &Document, id: NodeId, depth: usize, text: &mut String) {
    if document.element(id).is_none() || document.children(id).is_empty() || is_mixed(document, id) {
        text.push_str(&document.write(id));
        return;
    }
    let Some((start, end)) = document.tags(id) else { return };
    text.push_str(&start);
    for child in document.children(id) {
        if !is_filling(document, *child) {
            text.push('\n');
            text.push_str(&"  ".repeat(depth + 1));
            write(document, *child, depth + 1, text);
        }
    }
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
    text.push_str(&end);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn elements_get_lines_and_text_stays() {
        let text = "<?xml version='1.0'?><a><b>t</b>\n\n<c> </c><!-- x --><d>m<e/> <f/></d><g><h/></g></a>";
        let wanted = "<?xml version='1.0'?>\n<a>\n  <b>t</b>\n  <c> </c>\n  <!-- x -->\n  <d>m<e/> <f/></d>\n  <g>\n    <h/>\n  </g>\n</a>\n";
        let made = pretty(&Document::parse(text).unwrap());
        assert_eq!(made, wanted);
        assert_eq!(pretty(&Document::parse(&made).unwrap()), wanted);
    }
}

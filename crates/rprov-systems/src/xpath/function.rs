//! XPath's functions.

use super::XPathError;
use super::evaluate::{Evaluator, Place};
use super::syntax::Expression;
use super::value::{Item, Value, boolean};
use crate::xml::tree::ROOT;

type Result<T> = std::result::Result<T, XPathError>;

/// A function's arguments, which are evaluated as they are asked for.
struct Call<'a, 'b> {
    evaluator: &'a Evaluator<'b>,
    name: &'a str,
    arguments: &'a [Expression],
    place: &'a Place,
}

impl Call<'_, '_> {
    fn value(&self, index: usize) -> Result<Value> {
        let missing = || XPathError(format!("{}() has too few arguments", self.name));
        self.evaluator.value(self.arguments.get(index).ok_or_else(missing)?, self.place)
    }

    fn text(&self, index: usize) -> Result<String> {
        Ok(self.evaluator.text(&self.value(index)?))
    }

    fn number(&self, index: usize) -> Result<f64> {
        Ok(self.evaluator.number(&self.value(index)?))
    }

    fn nodes(&self, index: usize) -> Result<Vec<Item>> {
        let missing = || XPathError(format!("{}() has too few arguments", self.name));
        self.evaluator.nodes(self.arguments.get(index).ok_or_else(missing)?, self.place)
    }

    /// The argument, or the text of the present node where there is none.
    fn text_or_own(&self) -> Result<String> {
        if self.arguments.is_empty() { Ok(self.evaluator.item_text(&self.place.item)) } else { self.text(0) }
    }

    /// The first node of the argument, or the present one where there is none.
    fn node_or_own(&self) -> Result<Option<Item>> {
        if self.arguments.is_empty() {
            Ok(Some(self.place.item.clone()))
        } else {
            Ok(self.nodes(0)?.into_iter().next())
        }
    }

    fn at_most(&self, count: usize) -> Result<()> {
        if self.arguments.len() <= count {
            return Ok(());
        }
        Err(XPathError(format!("{}() has too many arguments", self.name)))
    }
}

/// Call a function.
pub(super) fn call(evaluator: &Evaluator<'_>, name: &str, arguments: &[Expression], place: &Place) -> Result<Value> {
    let call = Call { evaluator, name, arguments, place };
    let most = match name {
        "last" | "position" | "true" | "false" => 0,
        "contains" | "starts-with" | "substring-before" | "substring-after" => 2,
        "substring" | "translate" => 3,
        "concat" => usize::MAX,
        _ => 1,
    };
    call.at_most(most)?;
    Ok(match name {
        "last" => Value::Number(place.size as f64),
        "position" => Value::Number(place.position as f64),
        "count" => Value::Number(call.nodes(0)?.len() as f64),
        "id" => identified(&call)?,
        "local-name" => Value::Text(call.node_or_own()?.map(|item| evaluator.name(&item).1).unwrap_or_default()),
        "namespace-uri" => {
            Value::Text(call.node_or_own()?.and_then(|item| evaluator.name(&item).0).unwrap_or_default())
        }
        "name" => Value::Text(match call.node_or_own()? {
            Some(Item::Attribute(_, name)) => name,
            Some(Item::Node(id)) => {
                evaluator.document.element(id).map(|element| element.name.clone()).unwrap_or_default()
            }
            None => String::new(),
        }),
        "string" => Value::Text(call.text_or_own()?),
        "concat" => {
            if arguments.len() < 2 {
                return Err(XPathError("concat() has too few arguments".to_owned()));
            }
            Value::Text((0..arguments.len()).map(|index| call.text(index)).collect::<Result<String>>()?)
        }
        "starts-with" => Value::Boolean(call.text(0)?.starts_with(&call.text(1)?)),
        "contains" => Value::Boolean(call.text(0)?.contains(&call.text(1)?)),
        "substring-before" => {
            let (text, mark) = (call.text(0)?, call.text(1)?);
            Value::Text(text.split_once(&mark).map(|(before, _)| before.to_owned()).unwrap_or_default())
        }
        "substring-after" => {
            let (text, mark) = (call.text(0)?, call.text(1)?);
            Value::Text(text.split_once(&mark).map(|(_, after)| after.to_owned()).unwrap_or_default())
        }
        "substring" => {
            let first = rounded(call.number(1)?);
            let end = if arguments.len() > 2 { first + rounded(call.number(2)?) } else { f64::INFINITY };
            let places = (1_u32..).map(f64::from);
            let kept =
                call.text(0)?.chars().zip(places).filter(|(_, at)| *at >= first && *at < end).collect::<Vec<_>>();
            Value::Text(kept.into_iter().map(|(character, _)| character).collect())
        }
        "string-length" => Value::Number(call.text_or_own()?.chars().count() as f64),
        "normalize-space" => {
            let text = call.text_or_own()?;
            let words: Vec<&str> = text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect();
            Value::Text(words.join(" "))
        }
        "translate" => {
            let (from, to): (String, String) = (call.text(1)?, call.text(2)?);
            let to: Vec<char> = to.chars().collect();
            let translated = call
                .text(0)?
                .chars()
                .filter_map(|character| match from.chars().position(|candidate| candidate == character) {
                    Some(at) => to.get(at).copied(),
                    None => Some(character),
                })
                .collect();
            Value::Text(translated)
        }
        "boolean" => Value::Boolean(boolean(&call.value(0)?)),
        "not" => Value::Boolean(!boolean(&call.value(0)?)),
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        "lang" => Value::Boolean(is_language(&call)?),
        "number" if arguments.is_empty() => {
            Value::Number(evaluator.number(&Value::Text(evaluator.item_text(&place.item))))
        }
        "number" => Value::Number(call.number(0)?),
        "sum" => Value::Number(evaluator.sum(&call.nodes(0)?)),
        "floor" => Value::Number(call.number(0)?.floor()),
        "ceiling" => Value::Number(call.number(0)?.ceil()),
        "round" => Value::Number(rounded(call.number(0)?)),
        _ => return Err(XPathError(format!("there is no function `{name}()`"))),
    })
}

/// To the nearest whole number, halves up.
fn rounded(number: f64) -> f64 {
    (number + 0.5).floor()
}

/// The elements with an attribute `xml:id` of one of these values; there are no types that would declare others.
fn identified(call: &Call<'_, '_>) -> Result<Value> {
    let value = call.value(0)?;
    let texts = match &value {
        Value::Nodes(items) => items.iter().map(|item| call.evaluator.item_text(item)).collect(),
        other => vec![call.evaluator.text(other)],
    };
    let wanted: Vec<&str> = texts.iter().flat_map(|text| text.split_whitespace()).collect();
    let document = call.evaluator.document;
    let is = |id: &_| document.attribute(*id, "xml:id").is_some_and(|own| wanted.contains(&own.as_str()));
    Ok(Value::Nodes(document.descendants(ROOT).into_iter().filter(is).map(Item::Node).collect()))
}

fn is_language(call: &Call<'_, '_>) -> Result<bool> {
    let wanted = call.text(0)?.to_lowercase();
    let document = call.evaluator.document;
    let id = match &call.place.item {
        Item::Node(id) | Item::Attribute(id, _) => *id,
    };
    let mut languages =
        std::iter::successors(Some(id), |id| document.parent(*id)).filter_map(|id| document.attribute(id, "xml:lang"));
    let Some(own) = languages.next() else { return Ok(false) };
    let own = own.to_lowercase();
    Ok(own == wanted || own.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with('-')))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use rprov_wire::{Map, Value as Wire};

    use crate::xml::tree::Document;
    use crate::xpath::syntax::Expression;
    use crate::xpath::{Evaluator, Value};

    const TEXT: &str = "<?xml version='1.0'?><!DOCTYPE r><r xml:lang='en-GB' xmlns:n='urn:n'><!-- c -->\
        <a i='1'>one</a><a i='2'>two<b>x</b></a><n:c n:k='v' k='w'>3</n:c><c>4</c><?pi y?><d>a<![CDATA[ <b ]]> c</d></r>";

    fn evaluated(text: &str) -> Result<String, String> {
        let document = Document::parse(TEXT).unwrap();
        let namespaces = Map::from_iter([("p".to_owned(), Wire::from("urn:n"))]);
        let evaluator = Evaluator::new(&document, &namespaces);
        let value = Expression::parse(text).and_then(|expression| evaluator.evaluate(&expression));
        Ok(match value.map_err(|error| error.to_string())? {
            Value::Nodes(items) => {
                let texts: Vec<String> = items.iter().map(|item| evaluator.item_text(item)).collect();
                format!("[{}]", texts.join("|"))
            }
            other => evaluator.text(&other),
        })
    }

    #[test]
    fn expressions_have_the_values_that_the_standard_gives_them() {
        let cases = [
            ("/r/a", "[one|twox]"),
            ("//a[2]/b", "[x]"),
            ("//a[last()]/@i", "[2]"),
            ("/r/a[@i='1']", "[one]"),
            ("/r/a[@i=2 and b]/b", "[x]"),
            ("/r/a[b='x' or @i='1']/@i", "[1|2]"),
            ("/r/a[text()='one']", "[one]"),
            ("/r/a[not(b)]", "[one]"),
            ("/r/p:c", "[3]"),
            ("/r/p:c/@p:k", "[v]"),
            ("/r/p:c/@k", "[w]"),
            ("/r/p:*", "[3]"),
            ("/r/c", "[4]"),
            ("/r/*[local-name()='c']", "[3|4]"),
            ("//b/ancestor::*/@i", "[2]"),
            ("//b/..", "[twox]"),
            ("/r/c/preceding-sibling::a[1]/@i", "[2]"),
            ("/r/a[1]/following-sibling::*[1]/b", "[x]"),
            ("//b/following::c", "[4]"),
            ("/r/c/preceding::b", "[x]"),
            ("(//a | //c)[2]/@i", "[2]"),
            ("(/r/c | /r/a)/@i", "[1|2]"),
            ("//comment()", "[ c ]"),
            ("//processing-instruction('pi')", "[y]"),
            ("/r/d/text()", "[a| <b | c]"),
            ("//@i", "[1|2]"),
            ("count(//a) + 1", "3"),
            ("sum(//@i) * 2 - 1 div 2", "5.5"),
            ("7 mod 3", "1"),
            ("-(2)", "-2"),
            ("1 div 0", "Infinity"),
            ("number('x')", "NaN"),
            ("/r/c > /r/p:c", "true"),
            ("/r/a != 'one'", "true"),
            ("1 = true()", "true"),
            ("concat(name(/r/p:c), '-', namespace-uri(/r/p:c))", "n:c-urn:n"),
            ("substring('12345', 1.5, 2.6)", "234"),
            ("substring('12345', 2)", "2345"),
            ("substring-before('a=b', '=')", "a"),
            ("substring-after('a=b', '=')", "b"),
            ("translate('bar', 'abc', 'AB')", "BAr"),
            ("normalize-space('  a \n b ')", "a b"),
            ("string-length('äb')", "2"),
            ("starts-with('abc', 'ab') and contains('abc', 'c')", "true"),
            ("round(2.5) + floor(1.9) + ceiling(1.1)", "6"),
            ("boolean(//none)", "false"),
            ("count(/r[lang('en')])", "1"),
            ("string(//none)", ""),
            ("//a[position() < 2]", "[one]"),
            ("/r/d[contains(., '<b')]/self::d/@*", "[]"),
            ("/", "[onetwox34a <b  c]"),
            ("id('x')", "[]"),
        ];
        for (text, wanted) in cases {
            assert_eq!(evaluated(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_expression_is_told() {
        let cases = [
            ("/r[[", "no step"),
            ("/r[1", "`]` is expected before the end"),
            ("/r/x:y", "prefix `x`"),
            ("$x", "variables"),
            ("nope()", "no function `nope()`"),
            ("count()", "too few"),
            ("last(1)", "too many"),
            ("count(1)", "nodes are expected"),
            ("'a", "not closed"),
            ("/r nope", "one too many"),
            ("", "the end is no step"),
            ("/r/nope::a", "no axis"),
            ("#", "not understood"),
        ];
        for (text, wanted) in cases {
            let error = evaluated(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        assert!(evaluated(&"(".repeat(1000)).unwrap_err().contains("64"));
        assert!(evaluated(&"(".repeat(10_000)).unwrap_err().contains("2000"));
    }
}

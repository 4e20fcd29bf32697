//! `debug`: show a message or a variable.

use async_trait::async_trait;
use rprov_modules::arguments;

use super::call::{Action, Call, Done, Stop};
use crate::run::Mistake;
use crate::template::{self, Expression, Written, is_template};

arguments! {
    /// Print statements during execution.
    pub struct Arguments {
        /// The message; without one, a generic one is shown.
        msg: Option<rprov_modules::argument::Raw>,
        /// A variable, or an expression, to show.
        var: Option<rprov_modules::argument::Raw>,
        /// Show it only when the run is at least this verbose.
        verbosity: i64 = 0,
    }
    rules: [rprov_modules::argument::Rule::Exclusive(&["msg", "var"])]
}

/// `debug`
pub(super) struct Debug;

#[async_trait]
impl Action for Debug {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        if arguments.verbosity > i64::from(call.shared.options.verbosity) {
            let mut done = Done::unchanged().with("skipped", true);
            done.result.insert("skipped_reason".into(), "Verbosity threshold not met.".into());
            return Ok(done);
        }
        let mut done = Done::unchanged();
        match call.value(&["var"]) {
            Some(name) => {
                let Some(text) = name.as_str() else {
                    return Err(Stop::refused(format!(
                        "argument 'var' is of type {} and we were unable to convert to _check_type_str_no_conversion: \
                         '{}' is not a string and conversion is not allowed",
                        template::python::type_name(name),
                        template::python::to_text(name)?,
                    )));
                };
                let (value, warning) = shown(&call, text)?;
                done.result.insert(text.to_owned(), value);
                if let Some(warning) = warning {
                    done.result.insert("warnings".into(), vec![warning].into());
                }
            }
            None => {
                let message = call.value(&["msg"]).map(template::to_wire).transpose()?;
                done.result.insert("msg".into(), message.unwrap_or_else(|| "Hello world!".into()));
            }
        }
        done.result.insert("_ansible_verbose_always".into(), true.into());
        Ok(done)
    }
}

/// The value of what `var` names, and a warning where it has none.
fn shown(call: &Call<'_>, text: &str) -> Result<(rprov_wire::Value, Option<String>), Stop> {
    let span = call.task.arguments.spans.get("var").copied();
    let written = call.task.arguments.options.get("var");
    let computed = written.and_then(Written::text).is_none_or(is_template);
    let data = written.is_some_and(|written| written.is_data(call.scope));
    if data || computed && !is_reference(text) {
        let (doing, message) =
            ("Error while resolving `var` expression", "Encountered untrusted template or expression.");
        let place = written.and_then(Written::span).or(span);
        let mistake = Mistake {
            steps: vec![(doing.to_owned(), place), (message.to_owned(), place)],
            advice: "Templates and expressions must be defined by trusted sources such as playbooks or roles, not \
                     untrusted sources such as module results.",
            ..Mistake::plain(message, place)
        };
        return Err(Stop::Mistaken { mistake: Box::new(mistake), message: None });
    }
    match Expression::parse(text, span).evaluate(call.scope) {
        Ok(value) if template::is_omit(&value) => {
            let warning = "The result of the `var` expression could not be omitted; a placeholder was used instead.";
            Ok(("<<Omit>>".into(), Some(warning.to_owned())))
        }
        Ok(value) => Ok((template::to_wire(&value)?, None)),
        Err(error) if error.is_undefined() => {
            let told = format!("error 1 - {}", error.message());
            Ok((format!("<< {told} >>").into(), Some(format!("Encountered 1 template error.\n{told}"))))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a text only says where a value is, `a.b['c'][0]`. What a template gives may come from a host, and must not be
/// an expression that does something.
fn is_reference(text: &str) -> bool {
    let mut rest = text.trim();
    let mut first = true;
    while !rest.is_empty() {
        let end = match rest.strip_prefix('[') {
            Some(inside) => {
                let Some((index, after)) = inside.split_once(']') else { return false };
                let quoted = ['\'', '"'].iter().any(|quote| {
                    let inner = index.strip_prefix(*quote).and_then(|index| index.strip_suffix(*quote));
                    inner.is_some_and(|inner| !inner.contains(['\'', '"', '\\']))
                });
                let number = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
                if first || !(quoted || number) {
                    return false;
                }
                rest.len() - after.len()
            }
            None => {
                let name = if first { rest } else { rest.strip_prefix('.').unwrap_or_default() };
                let length = name.find(['.', '[']).unwrap_or(name.len());
                let name = name.get(..length).unwrap_or_default();
                if name.is_empty() || !name.chars().all(|character| character.is_alphanumeric() || character == '_') {
                    return false;
                }
                length + usize::from(!first)
            }
        };
        rest = rest.get(end..).unwrap_or_default();
        first = false;
    }
    !first
}

#[cfg(test)]
mod tests {
    use super::is_reference;

    #[test]
    fn a_reference_says_where_a_value_is_and_does_nothing() {
        for text in ["a", " a_1 ", "a.b", "a['b c'].d", "a[0][1]", "a.0", "a[\"b\"]"] {
            assert!(is_reference(text), "{text}");
        }
        for text in [
            "",
            "[0]",
            "a b",
            "a.",
            "a..b",
            "a.b()",
            "lookup('pipe', 'id')",
            "a | b",
            "a[b]",
            "a[b()]",
            "a['b' ~ 'c']",
            "a[",
            "a]",
            "a + b",
            "a['b\\'']",
            ".a",
            "a[-1:]",
            "{{ a }}",
        ] {
            assert!(!is_reference(text), "{text}");
        }
    }
}

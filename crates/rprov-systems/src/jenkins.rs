//! Jenkins, over its HTTP interface: <https://www.jenkins.io/doc/book/using/remote-access-api/>.
//!
//! * [`center`]: the update centres that plugins come from;
//! * [`installation`]: what has to be downloaded for a plugin, and how it gets to its place;
//! * [`plugin_file`]: plugins as files, and their versions.

pub mod center;
pub mod installation;
pub mod plugin_file;

use std::borrow::Cow;
use std::time::Duration;

use rprov_modules::context::Context;
use rprov_modules::http::{self, Answer, Call};
use rprov_modules::outcome::Failure;
use serde_json::Value as Json;

/// A server, and who uses it.
#[derive(Debug)]
pub struct Jenkins<'a> {
    base: String,
    /// What all requests have in common.
    pattern: Call,
    context: &'a Context<'a>,
}

impl<'a> Jenkins<'a> {
    /// A server at a URL.
    pub fn new(url: &str, login: Option<(String, String)>, validate: bool, context: &'a Context<'a>) -> Self {
        // Jenkins asks nobody to log in; it shows less to those who did not.
        let pattern = Call { force_login: login.is_some(), login, validate, ..Call::get(url) };
        Self::through(pattern, context)
    }

    /// The server at the URL of a request, which all further ones are made after.
    pub fn through(pattern: Call, context: &'a Context<'a>) -> Self {
        Self { base: pattern.url.trim_end_matches('/').to_owned(), pattern, context }
    }

    fn get(&self, path: &str) -> Call {
        Call { url: format!("{}{path}", self.base), ..self.pattern.clone() }
    }

    fn send(&self, call: &Call) -> Result<Answer, Failure> {
        let failed = |failure: Failure| {
            Failure::new(format!("Unable to connect to Jenkins server, {}; check `url`", failure.message))
        };
        http::send(call, self.context).map_err(failed)
    }

    /// What there is at a path, if there is something.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    pub fn text(&self, path: &str) -> Result<Option<String>, Failure> {
        let mut answer = self.send(&self.get(path))?;
        match answer.status {
            200..300 => Ok(Some(String::from_utf8_lossy(&answer.content()?).into_owned())),
            404 => Ok(None),
            _ => Err(refused("GET", &mut answer)),
        }
    }

    /// The same, for a path that gives JSON.
    ///
    /// # Errors
    /// As [`Jenkins::text`]; and what comes is none.
    pub fn json(&self, path: &str) -> Result<Option<Json>, Failure> {
        let Some(text) = self.text(path)? else { return Ok(None) };
        let unclear = |_| Failure::new(format!("{}{path} gives no JSON; is it Jenkins? Check `url`", self.base));
        serde_json::from_str(&text).map(Some).map_err(unclear)
    }

    /// Change something, with XML if that is needed.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    pub fn post(&self, path: &str, xml: Option<&str>) -> Result<(), Failure> {
        let body = xml.map(|xml| ("text/xml; charset=utf-8", xml));
        self.change(self.get(path), body).map(drop)
    }

    /// Have a script run on the server, which may take `limit`; what it prints.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let this user run scripts.
    pub fn script(&self, script: &str, limit: Duration) -> Result<String, Failure> {
        let form = format!("script={}", rprov_modules::http::encode(script));
        let call = Call { timeout: Some(limit), ..self.get("/scriptText") };
        let mut answer = self.change(call, Some(("application/x-www-form-urlencoded", &form)))?;
        match answer.status {
            200..300 => Ok(String::from_utf8_lossy(&answer.content()?).into_owned()),
            _ => Err(refused("POST", &mut answer)),
        }
    }

    fn change(&self, call: Call, body: Option<(&str, &str)>) -> Result<Answer, Failure> {
        let mut headers = call.headers.clone();
        headers.extend(self.crumb()?);
        if let Some((kind, _)) = body {
            headers.push(("Content-Type".to_owned(), kind.to_owned()));
        }
        let call = Call {
            method: "POST".to_owned(),
            headers,
            body: Some(body.map_or("", |(_, body)| body).as_bytes().to_vec()),
            // Success is told by a redirect to what was changed.
            follow: http::Follow::None,
            ..call
        };
        let mut answer = self.send(&call)?;
        let to_login = answer.header("location").is_some_and(|to| to.contains("/login") || to.contains("loginError"));
        match answer.status {
            200..400 if !to_login => Ok(answer),
            _ => Err(refused("POST", &mut answer)),
        }
    }

    /// What proves that a change is meant: a header, and the session that it is for.
    fn crumb(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut answer = self.send(&self.get("/crumbIssuer/api/json"))?;
        match answer.status {
            200..300 => {}
            // The server wants none.
            404 => return Ok(Vec::new()),
            _ => return Err(refused("GET", &mut answer)),
        }
        let cookies = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
        let cookies: Vec<String> =
            cookies.filter_map(|(_, cookie)| cookie.split(';').next().map(str::to_owned)).collect();
        let crumb: Json = serde_json::from_slice(&answer.content()?).unwrap_or_default();
        let text = |name: &str| crumb.get(name).and_then(Json::as_str).map(str::to_owned);
        let mut headers: Vec<(String, String)> = text("crumbRequestField").zip(text("crumb")).into_iter().collect();
        if !cookies.is_empty() {
            headers.push(("Cookie".to_owned(), cookies.join("; ")));
        }
        Ok(headers)
    }
}

fn refused(method: &str, answer: &mut Answer) -> Failure {
    let url = answer.url.clone();
    // What is wrong with a configuration is told in a header; the content is a page for people.
    let reason = answer.header("x-error").map_or_else(|| answer.message(), str::to_owned);
    let advice = match answer.status {
        300..=399 | 401 | 403 => "; check `user`, and `password` or `token`, and what the user may do",
        _ => "",
    };
    Failure::new(format!("Jenkins refuses {method} {url}: {reason} ({}){advice}", answer.status))
}

/// The XML with a version that can be read: Jenkins writes 1.1, of which only the rarest characters are not in 1.0.
pub fn newer(xml: &str) -> Cow<'_, str> {
    let xml = xml.trim_start();
    let head = xml.split_once("?>").map_or("", |(head, _)| head);
    if head.starts_with("<?xml") && head.contains("1.1") {
        Cow::Owned(xml.replacen("1.1", "1.0", 1))
    } else {
        Cow::Borrowed(xml)
    }
}

/// Whether two texts are the same XML, but for how it is written: space around elements, order of attributes, quotes.
pub fn same_xml(one: &str, other: &str) -> bool {
    let (one, other) = (newer(one), newer(other));
    match (roxmltree::Document::parse(&one), roxmltree::Document::parse(&other)) {
        (Ok(one), Ok(other)) => same_node(one.root_element(), other.root_element()),
        _ => one == other,
    }
}

fn same_node(one: roxmltree::Node<'_, '_>, other: roxmltree::Node<'_, '_>) -> bool {
    let mut stack = vec![(one, other)];
    // No recursion: a server may nest as deep as it likes.
    while let Some((one, other)) = stack.pop() {
        let attributes = |node: roxmltree::Node<'_, '_>| {
            let mut all: Vec<(String, String)> = node
                .attributes()
                .map(|attribute| (attribute.name().to_owned(), attribute.value().to_owned()))
                .collect();
            all.sort();
            all
        };
        let (left, right) = (parts(one), parts(other));
        let same = one.tag_name() == other.tag_name()
            && attributes(one) == attributes(other)
            && left.len() == right.len()
            && left.iter().zip(&right).all(|pair| match pair {
                (Part::Text(one), Part::Text(other)) => one == other,
                (Part::Element(_), Part::Element(_)) => true,
                _ => false,
            });
        if !same {
            return false;
        }
        for pair in left.into_iter().zip(right) {
            if let (Part::Element(one), Part::Element(other)) = pair {
                stack.push((one, other));
            }
        }
    }
    true
}

enum Part<'a, 'input> {
    Text(String),
    Element(roxmltree::Node<'a, 'input>),
}

/// Elements and texts within an element; space between elements is none.
fn parts<'a, 'input>(node: roxmltree::Node<'a, 'input>) -> Vec<Part<'a, 'input>> {
    let has_elements = node.children().any(|child| child.is_element());
    let part = |child: roxmltree::Node<'a, 'input>| {
        if child.is_element() {
            return Some(Part::Element(child));
        }
        let text = child.text().filter(|_| child.is_text())?;
        (!(text.is_empty() || has_elements && text.trim().is_empty())).then(|| Part::Text(text.to_owned()))
    };
    node.children().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_xml_may_be_written_in_many_ways() {
        let one =
            "<?xml version='1.1' encoding='UTF-8'?>\n<project>\n  <a x='1' y=\"2\"/>\n  <b>t &lt; u</b>\n</project>";
        assert!(same_xml(one, "<project><a y='2' x='1'></a><!-- no --><b><![CDATA[t < u]]></b></project>"));
        for other in [
            "<project><a y='2' x='1'/><b>t</b></project>",
            "<project><a y='2'/><b>t &lt; u</b></project>",
            "<project><b>t &lt; u</b><a y='2' x='1'/></project>",
            "<project><a y='2' x='1'/><b> t &lt; u</b></project>",
            "<project><a y='2' x='1'/></project>",
        ] {
            assert!(!same_xml(one, other), "{other}");
        }
        assert!(!same_xml("<b> </b>", "<b/>"));
    }
}

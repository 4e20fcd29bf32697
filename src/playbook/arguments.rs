//! `key=value` text and free-form arguments, as in `- copy: src=a dest="b c"` and `- shell: echo hi chdir=/tmp`.

/// Split text into words at white space outside quotes and template braces; quotes stay on the words.
///
/// A backslash before a newline joins lines. Returns `None` where a quote or a brace is left open.
pub fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut depth: Vec<char> = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        if quote.is_none() && character == '\\' && next == Some('\n') {
            characters.next();
            continue;
        }
        if character == '\\' && quote.is_some() {
            word.push(character);
            word.extend(characters.next());
            continue;
        }
        if depth.is_empty() || quote.is_some() {
            match quote {
                Some(open) if character == open => quote = None,
                None if character == '"' || character == '\'' => quote = Some(character),
                _ => {}
            }
        }
        if quote.is_none() || !depth.is_empty() {
            match (character, next) {
                ('{', Some(inner @ ('{' | '%' | '#'))) => {
                    depth.push(inner);
                    word.push(character);
                    word.extend(characters.next());
                    continue;
                }
                (close @ ('}' | '%' | '#'), Some('}'))
                    if depth.last().is_some_and(|open| *open == if close == '}' { '{' } else { close }) =>
                {
                    depth.pop();
                    word.push(character);
                    word.extend(characters.next());
                    continue;
                }
                _ => {}
            }
        }
        if character.is_whitespace() && quote.is_none() && depth.is_empty() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        word.push(character);
    }
    if quote.is_some() || !depth.is_empty() {
        return None;
    }
    if !word.is_empty() {
        words.push(word);
    }
    Some(words)
}

/// Take matching quotes off a word.
pub fn unquote(word: &str) -> &str {
    for quote in ['"', '\''] {
        if word.len() >= 2
            && let Some(inner) = word.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote))
        {
            return inner;
        }
    }
    word
}

/// `key=value` pairs, and the text that is none.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The pairs in order.
    pub pairs: Vec<(String, String)>,
    /// Everything else, as it was written; `None` where there is nothing else.
    pub free: Option<String>,
}

/// Read `key=value` text.
///
/// With `only`, just those keys count as pairs (a free-form module such as `shell`, whose own text has `=` too), and
/// the rest is kept to the letter.
pub fn parse(text: &str, only: Option<&[&str]>) -> Option<Parsed> {
    let mut parsed = Parsed::default();
    let Some(only) = only else {
        let mut rest = Vec::new();
        for word in split_words(text)? {
            match split_pair(&word) {
                Some((key, value)) if is_key(key) => parsed.pairs.push((key.to_owned(), value_of(value))),
                _ => rest.push(word),
            }
        }
        if !rest.is_empty() {
            parsed.free = Some(rest.join(" "));
        }
        return Some(parsed);
    };
    let joined = joined_lines(text);
    let text = joined.as_ref();
    // Words are cut out of the text where they stand, so that the command's own spacing survives.
    let mut free = String::new();
    let mut rest = text;
    for word in split_words(text).unwrap_or_default() {
        let Some(position) = rest.find(&word) else { continue };
        let (before, after) = rest.split_at(position);
        match word.split_once('=') {
            Some((key, value)) if only.contains(&key) => {
                free.push_str(before);
                parsed.pairs.push((key.to_owned(), value_of(value)));
            }
            _ => {
                free.push_str(before);
                free.push_str(&word);
            }
        }
        rest = &after[word.len()..];
    }
    free.push_str(rest);
    // What stands behind the command is kept with it, its last line end among it.
    let free = free.trim_start();
    let free = if parsed.pairs.is_empty() { free } else { free.trim_end_matches([' ', '\t']) };
    if !free.trim().is_empty() {
        parsed.free = Some(free.to_owned());
    }
    Some(parsed)
}

/// The text with the lines joined that end in a backslash of its own, outside of quotes.
fn joined_lines(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains("\\\n") {
        return text.into();
    }
    let mut joined = String::with_capacity(text.len());
    let mut quote: Option<char> = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', None) if characters.peek() == Some(&'\n') && joined.ends_with(char::is_whitespace) => {
                characters.next();
                // One blank stays between the lines, or the next one's own.
                if characters.peek().is_some_and(|next| next.is_whitespace()) {
                    joined.pop();
                }
                continue;
            }
            ('\\', _) => {
                joined.push(character);
                joined.extend(characters.next());
                continue;
            }
            (mark, Some(open)) if mark == open => quote = None,
            ('"' | '\'', None) => quote = Some(character),
            _ => {}
        }
        joined.push(character);
    }
    joined.into()
}

/// Split a word at its first `=` that is not within a template.
fn split_pair(word: &str) -> Option<(&str, &str)> {
    let mut at = 0;
    loop {
        let rest = word.get(at..)?;
        let equals = rest.find('=')?;
        match rest.find("{{").filter(|template| *template < equals) {
            Some(template) => at += template + rest.get(template..)?.find("}}")? + 2,
            None => return Some((word.get(..at + equals)?, word.get(at + equals + 1..)?)),
        }
    }
}

/// A name, or a template that gives one.
fn is_key(key: &str) -> bool {
    !key.is_empty()
        && (key.contains("{{") || key.chars().all(|character| character.is_alphanumeric() || "_.-".contains(character)))
}

/// The value that the text after `=` stands for.
fn value_of(text: &str) -> String {
    unquote(&decoded(text)).to_owned()
}

/// The text with Python's escapes resolved: `\n`, `\x41`, `\u00e9` ...; a backslash before anything else stays.
fn decoded(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        output.push_str(before);
        let mut characters = after.chars();
        let simple = match characters.next() {
            Some(character @ ('\\' | '\'' | '"')) => Some(character),
            Some('a') => Some('\x07'),
            Some('b') => Some('\x08'),
            Some('f') => Some('\x0c'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('v') => Some('\x0b'),
            _ => None,
        };
        if let Some(character) = simple {
            output.push(character);
            rest = characters.as_str();
            continue;
        }
        let digits = match after.chars().next() {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        let code = after.get(1..=digits).filter(|_| digits > 0).and_then(|code| u32::from_str_radix(code, 16).ok());
        match code.and_then(char::from_u32) {
            Some(character) => {
                output.push(character);
                rest = after.get(digits + 1..).unwrap_or_default();
            }
            None => {
                output.push('\\');
                rest = after;
            }
        }
    }
    output.push_str(rest);
    output
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn words_keep_quotes_and_templates_together() {
        assert_eq!(
            split_words("a=1 b='x y' c={{ d | default('e f') }} g").unwrap(),
            ["a=1", "b='x y'", "c={{ d | default('e f') }}", "g"]
        );
        assert_eq!(split_words("a='x"), None);
    }

    #[test]
    fn pairs_are_read_and_unquoted() {
        let parsed = parse("src=a dest=\"b c\" mode=0644", None).unwrap();
        assert_eq!(
            parsed.pairs,
            [("src", "a"), ("dest", "b c"), ("mode", "0644")].map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
        assert_eq!(parsed.free, None);
    }

    #[test]
    fn a_key_may_be_a_template() {
        let pair = |text: &str| parse(text, None).unwrap().pairs.pop();
        let expected = |key: &str, value: &str| Some((key.to_owned(), value.to_owned()));
        assert_eq!(pair("{{ item.0 }}={{ item.1 }}"), expected("{{ item.0 }}", "{{ item.1 }}"));
        assert_eq!(pair("{{ 'a=b' }}x='c d'"), expected("{{ 'a=b' }}x", "c d"));
        assert_eq!(pair("{{ a == b }}"), None);
        assert!(parse("{{ a = b", None).is_none());
    }

    #[test]
    fn escapes_in_values_are_python_s() {
        let value = |text: &str| parse(text, None).unwrap().pairs.remove(0).1;
        assert_eq!(value(r#"msg="a \"b\" c""#), r#"a "b" c"#);
        assert_eq!(value(r"msg='a\tb\x41\u00e9\d'"), "a\tbA\u{e9}\\d");
        assert_eq!(value(r"path=C:\\x"), r"C:\x");
        assert_eq!(value(r"a=\x4"), r"\x4");
    }

    #[test]
    fn a_command_keeps_its_own_equals_signs_and_spacing() {
        let parsed = parse("echo a \\\n  'b \\\nc' \\\nd\\\ne\n", Some(&["chdir"])).unwrap();
        assert_eq!(parsed.free.as_deref(), Some("echo a  'b \\\nc' d\\\ne\n"));
        let parsed = parse("echo  a=b > x chdir=/tmp", Some(&["chdir", "creates"])).unwrap();
        assert_eq!(parsed.free.as_deref(), Some("echo  a=b > x"));
        assert_eq!(parsed.pairs, [("chdir".to_owned(), "/tmp".to_owned())]);
    }
}

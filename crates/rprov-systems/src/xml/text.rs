//! Characters of XML, and how they are written in text and in attributes.

/// White space as XML has it.
pub fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// Whether there is nothing but white space.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(is_space)
}

/// Whether a name may begin with it.
pub fn starts_name(character: char) -> bool {
    character.is_alphabetic()
        || matches!(character, '_' | ':')
        || (!character.is_ascii() && character.is_alphanumeric())
}

/// Whether it may stand in a name.
pub fn in_name(character: char) -> bool {
    starts_name(character) || character.is_numeric() || matches!(character, '-' | '.' | '\u{b7}')
}

/// Whether the text can be the name of an element or attribute.
pub fn is_name(text: &str) -> bool {
    text.starts_with(starts_name)
        && text.chars().all(in_name)
        && text.matches(':').count() <= 1
        && !text.starts_with(':')
        && !text.ends_with(':')
}

/// Whether XML can hold the character at all.
pub fn is_character(character: char) -> bool {
    is_space(character) || (character >= ' ' && !matches!(character, '\u{fffe}' | '\u{ffff}'))
}

/// What is written, as what is meant. Unknown entities stay as they are.
pub fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        let reference = after.split_once(';').and_then(|(name, after)| Some((referenced(name)?, after)));
        match reference {
            Some((character, after)) => {
                text.push(character);
                rest = after;
            }
            None => {
                text.push('&');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

fn referenced(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        name => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// What is meant, as it is written between tags.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#13;")
}

/// What is meant, as it is written between such quotes.
pub fn escape_attribute(text: &str, quote: char) -> String {
    let escaped = escape(text).replace('\n', "&#10;").replace('\t', "&#9;");
    if quote == '"' { escaped.replace('"', "&quot;") } else { escaped.replace('\'', "&apos;") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_others_stay() {
        assert_eq!(unescape("a &lt;&amp;&#65;&#x42; &own; &"), "a <&AB &own; &");
        assert_eq!(unescape(&escape("<a & b>\r")), "<a & b>\r");
        assert_eq!(unescape(&escape_attribute("\"x'\n", '"')), "\"x'\n");
        assert!(is_name("a:b-c.1") && !is_name("1a") && !is_name("a b") && !is_name("") && !is_name("a:"));
    }
}

//! Names in SQL: parts with dots between them, each of which may stand in quotes.

/// A name in quotes; those within it are doubled.
pub fn quoted(name: &str, quote: char) -> String {
    let mut quoted = String::from(quote);
    for character in name.chars() {
        quoted.push(character);
        if character == quote {
            quoted.push(quote);
        }
    }
    quoted.push(quote);
    quoted
}

/// The parts of a name, at the dots outside of quotes, without the quotes.
pub fn parts(name: &str, quote: char) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut within = false;
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        if character == quote && !(within && characters.next_if_eq(&quote).is_some()) {
            within = !within;
        } else if character == '.' && !within {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(character);
        }
    }
    parts.push(part);
    parts
}

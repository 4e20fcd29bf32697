//! A line as shell words, the way Python's `shlex.split(comments=True)` sees it.

/// A word and where it begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Column in characters, from 1.
    pub(super) column: u32,
    /// Characters in the source, quotes included.
    pub(super) length: u32,
}

/// The words of a line up to its comment.
///
/// # Errors
/// The column of a quote that is never closed, or of a backslash at the end.
pub(super) fn split(line: &str) -> Result<Vec<Word>, u32> {
    let mut words: Vec<Word> = Vec::new();
    let mut open: Option<Word> = None;
    let mut characters = (1..).zip(line.chars());
    while let Some((column, character)) = characters.next() {
        let word = || Word { text: String::new(), column, length: 0 };
        let mut last = column;
        match character {
            '#' => break,
            c if c.is_whitespace() => {
                words.extend(open.take());
                continue;
            }
            '\\' => match characters.next() {
                Some((_, escaped)) => {
                    last += 1;
                    open.get_or_insert_with(word).text.push(escaped);
                }
                None => return Err(column),
            },
            quote @ ('"' | '\'') => {
                let current = open.get_or_insert_with(word);
                loop {
                    let Some((at, inner)) = characters.next() else { return Err(column) };
                    last = at;
                    match inner {
                        c if c == quote => break,
                        '\\' if quote == '"' => match characters.next() {
                            Some((_, escaped)) => {
                                if !matches!(escaped, '"' | '\\') {
                                    current.text.push('\\');
                                }
                                current.text.push(escaped);
                            }
                            None => return Err(column),
                        },
                        c => current.text.push(c),
                    }
                }
            }
            c => open.get_or_insert_with(word).text.push(c),
        }
        if let Some(word) = &mut open {
            word.length = last + 1 - word.column;
        }
    }
    words.extend(open);
    Ok(words)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).unwrap().into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_split_as_shlex_splits_them() {
        assert_eq!(texts("h a='x y' b=\"c \\\" \\d\" # z"), ["h", "a=x y", "b=c \" \\d"]);
        assert_eq!(texts("h a=b#c d=e"), ["h", "a=b"]);
        assert_eq!(texts("a\\ b ''"), ["a b", ""]);
        assert_eq!(split("h a='x").unwrap_err(), 5);
    }

    #[test]
    fn words_know_their_place() {
        let words = split("  host a='x y'  b").unwrap();
        let places: Vec<_> = words.iter().map(|word| (word.column, word.length)).collect();
        assert_eq!(places, [(3, 4), (8, 7), (17, 1)]);
    }
}

//! OpenSSH's patterns (PATTERNS in `ssh_config(5)`): `*`, `?`, comma-separated lists and `!`.

/// Whether `text` matches one pattern of `*` (any run of characters) and `?` (any one character).
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut position) = (0, 0);
    // Where to resume after the last `*`: one character further than last time.
    let mut resume: Option<(usize, usize)> = None;
    while position < text.len() {
        match pattern.get(at) {
            Some('*') => {
                resume = Some((at + 1, position));
                at += 1;
            }
            Some(&wanted) if wanted == '?' || Some(&wanted) == text.get(position) => {
                at += 1;
                position += 1;
            }
            _ => match resume {
                Some((after_star, from)) => {
                    at = after_star;
                    position = from + 1;
                    resume = Some((after_star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|&rest| rest == '*')
}

/// Whether `text` matches a comma-separated list: at least one pattern matches, and none that begins with `!`.
pub(super) fn matches_list(list: &str, text: &str) -> bool {
    let mut found = false;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(negated, text) => return false,
            None if matches(pattern, text) => found = true,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        assert!(matches("*", ""));
        assert!(matches("web-?", "web-1"));
        assert!(!matches("web-?", "web-12"));
        assert!(matches("*.example.*", "a.b.example.org"));
        assert!(!matches("*.example.org", "example.org"));
        assert!(matches("a*b*c", "aXbYbZc"));
        assert!(!matches("a*b*c", "aXbYbZ"));
    }

    #[test]
    fn a_negated_pattern_vetoes_the_list() {
        assert!(matches_list("*.org,!bad.org", "good.org"));
        assert!(!matches_list("*.org,!bad.org", "bad.org"));
        assert!(!matches_list("!bad.org", "good.org"));
    }
}

//! Host ranges: `web[01:20]`, `db[a:f]`, `n[0:10:2]`, several in one name.

/// What is wrong with a range that stops nowhere.
pub(super) const NO_END: &str = "host range must specify end value, as in `[1:5]`";

/// More hosts than this from one name are taken for a mistake.
const MOST: usize = 1_000_000;

/// The names that a name with ranges stands for; the name itself if it has none.
///
/// # Errors
/// What is wrong with the range.
pub(super) fn expand(text: &str) -> Result<Vec<String>, String> {
    let Some((head, range, tail)) = split(text) else { return Ok(vec![text.to_owned()]) };
    let bounds: Vec<&str> = range.split(':').collect();
    let (begin, end, step) = match bounds.as_slice() {
        [begin, end] => (*begin, *end, "1"),
        [begin, end, step] => (*begin, *end, *step),
        _ => return Err("a range is `[begin:end]` or `[begin:end:step]`".to_owned()),
    };
    let begin = if begin.is_empty() { "0" } else { begin };
    if end.is_empty() {
        return Err(NO_END.to_owned());
    }
    let step: usize =
        step.parse().ok().filter(|step| *step > 0).ok_or_else(|| format!("`{step}` is no step of a range"))?;
    let numbered: Vec<String> = match (letter(begin), letter(end)) {
        (Some(from), Some(to)) if from <= to => {
            LETTERS.chars().skip(from).take(to - from + 1).step_by(step).map(String::from).collect()
        }
        (Some(_), Some(_)) => return Err(format!("the range begins with `{begin}`, which comes after `{end}`")),
        _ => numbers(begin, end, step)?,
    };
    let mut names = Vec::new();
    for part in numbered {
        names.extend(expand(&format!("{head}{part}{tail}"))?);
        if names.len() > MOST {
            return Err(format!("the range stands for more than {MOST} hosts"));
        }
    }
    Ok(names)
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn letter(text: &str) -> Option<usize> {
    if text.len() == 1 { LETTERS.find(text) } else { None }
}

fn numbers(begin: &str, end: &str, step: usize) -> Result<Vec<String>, String> {
    let number = |text: &str| text.parse::<usize>().map_err(|_| format!("`{text}` is neither a number nor a letter"));
    let (from, to) = (number(begin)?, number(end)?);
    let width = if begin.len() > 1 && begin.starts_with('0') {
        if begin.len() != end.len() {
            return Err(format!("`{begin}` has leading zeros, so `{end}` must have as many digits"));
        }
        begin.len()
    } else {
        0
    };
    if to.saturating_sub(from) / step > MOST {
        return Err(format!("the range stands for more than {MOST} hosts"));
    }
    Ok((from..=to).step_by(step).map(|number| format!("{number:0width$}")).collect())
}

/// What stands before, in and after the first range.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (head, rest) = text.split_once('[')?;
    let (range, tail) = rest.split_once(']')?;
    (!head.contains(':') || text.find('[') < text.find(':')).then_some(())?;
    range.contains(':').then_some((head, range, tail))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_expanded() {
        assert_eq!(expand("w[08:10].x").unwrap(), ["w08.x", "w09.x", "w10.x"]);
        assert_eq!(expand("w[1:5:2]").unwrap(), ["w1", "w3", "w5"]);
        assert_eq!(expand("d[a:c]").unwrap(), ["da", "db", "dc"]);
        assert_eq!(expand("[:1][a:b]").unwrap(), ["0a", "0b", "1a", "1b"]);
        assert_eq!(expand("w").unwrap(), ["w"]);
        assert_eq!(expand("w[1]").unwrap(), ["w[1]"]);
        assert_eq!(expand("w[3:1]").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn wrong_ranges_are_refused() {
        for text in ["w[1:]", "w[1:2:3:4]", "w[01:100]", "w[c:a]", "w[x:12]", "w[1:5:0]", "w[1:999999999]"] {
            assert!(expand(text).is_err(), "{text}");
        }
    }
}

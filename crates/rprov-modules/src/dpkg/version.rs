//! The order of Debian versions, as deb-version(7) defines it.

use std::cmp::Ordering;

/// Compare two versions (`1:2.36-9+deb12u4`).
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left_epoch, left) = split_epoch(left);
    let (right_epoch, right) = split_epoch(right);
    let (left_upstream, left_revision) = left.rsplit_once('-').unwrap_or((left, ""));
    let (right_upstream, right_revision) = right.rsplit_once('-').unwrap_or((right, ""));
    left_epoch
        .cmp(&right_epoch)
        .then_with(|| compare_part(left_upstream, right_upstream))
        .then_with(|| compare_part(left_revision, right_revision))
}

fn split_epoch(version: &str) -> (u64, &str) {
    match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
        None => (0, version),
    }
}

/// Where a character sorts: `~` before the end, letters before everything else.
fn weight(character: Option<char>) -> i64 {
    match character {
        Some('~') => -1,
        None => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i64::from(u32::from(letter)),
        Some(other) => i64::from(u32::from(other)) + 256,
    }
}

fn compare_part(mut left: &str, mut right: &str) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (left_text, left_rest) = split_at(left, |c| !c.is_ascii_digit());
        let (right_text, right_rest) = split_at(right, |c| !c.is_ascii_digit());
        let (mut a, mut b) = (left_text.chars(), right_text.chars());
        loop {
            let (one, other) = (a.next(), b.next());
            let order = weight(one).cmp(&weight(other));
            if order != Ordering::Equal {
                return order;
            }
            if one.is_none() && other.is_none() {
                break;
            }
        }
        let (left_number, left_next) = split_at(left_rest, |c| c.is_ascii_digit());
        let (right_number, right_next) = split_at(right_rest, |c| c.is_ascii_digit());
        let (left_number, right_number) = (left_number.trim_start_matches('0'), right_number.trim_start_matches('0'));
        let order = left_number.len().cmp(&right_number.len()).then_with(|| left_number.cmp(right_number));
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left_next, right_next);
    }
    Ordering::Equal
}

fn split_at(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|character| !belongs(character)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_sort_as_dpkg_sorts_them() {
        for (less, more) in [
            ("1.0", "1.1"),
            ("1.9", "1.10"),
            ("1.0~rc1", "1.0"),
            ("1.0-1", "1.0-2"),
            ("1.0-1", "1:0.5-1"),
            ("1.0a", "1.0+"),
            ("1.0", "1.0a"),
            ("2.36-9+deb12u4", "2.36-9+deb12u10"),
            ("1.0~~", "1.0~"),
        ] {
            assert_eq!(compare(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(compare(more, less), Ordering::Greater, "{more} {less}");
        }
        assert_eq!(compare("1.01", "1.1"), Ordering::Equal);
        assert_eq!(compare("0:1.0", "1.0"), Ordering::Equal);
    }
}

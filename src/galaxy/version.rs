//! Versions of collections (Semantic Versioning 2.0), and what is asked of them (`>=1.0.0,<2.0.0`).

use std::cmp::Ordering;
use std::fmt;

/// A version: `1.2.3`, `1.2.3-beta.1`, `1.2.3+build`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    text: String,
    numbers: [u64; 3],
    pre: Vec<Identifier>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    // In this order: numbers come before words.
    Number(u64),
    Word(String),
}

impl Version {
    /// Read one; a leading `v` and missing parts are passed over, as roles' tags have them.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('v').unwrap_or(text);
        let bare = bare.split_once('+').map_or(bare, |(bare, _)| bare);
        let (core, pre) = bare.split_once('-').unwrap_or((bare, ""));
        let mut parts = core.split('.');
        let mut numbers = [0; 3];
        for (index, number) in numbers.iter_mut().enumerate() {
            *number = match parts.next() {
                Some(part) if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) => {
                    part.parse().ok()?
                }
                None if index > 0 => 0,
                _ => return None,
            };
        }
        if parts.next().is_some() {
            return None;
        }
        let identifier = |part: &str| match part.parse() {
            Ok(number) => Identifier::Number(number),
            Err(_) => Identifier::Word(part.to_owned()),
        };
        let pre = if pre.is_empty() { Vec::new() } else { pre.split('.').map(identifier).collect() };
        Some(Self { text: text.to_owned(), numbers, pre })
    }

    /// It comes before the release of its number.
    pub fn is_prerelease(&self) -> bool {
        !self.pre.is_empty()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => self.pre.cmp(&other.pre),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What is asked of a version: conditions that all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range(Vec<(Operator, Version)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Range {
    /// Read one; `*` and nothing are any version.
    ///
    /// # Errors
    /// The condition that cannot be understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut conditions = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "*") {
            const OPERATORS: [(&str, Operator); 7] = [
                ("==", Operator::Equal),
                ("!=", Operator::Unequal),
                ("<=", Operator::LessOrEqual),
                (">=", Operator::GreaterOrEqual),
                ("<", Operator::Less),
                (">", Operator::Greater),
                ("=", Operator::Equal),
            ];
            let found = OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, part.strip_prefix(sign)?)));
            let (operator, version) = found.unwrap_or((Operator::Equal, part));
            let version = Version::parse(version.trim()).ok_or_else(|| part.to_owned())?;
            conditions.push((operator, version));
        }
        Ok(Self(conditions))
    }

    /// Whether a version is what is asked for.
    pub fn holds(&self, version: &Version) -> bool {
        self.0.iter().all(|(operator, bound)| {
            let order = version.cmp(bound);
            match operator {
                Operator::Equal => order == Ordering::Equal,
                Operator::Unequal => order != Ordering::Equal,
                Operator::Less => order == Ordering::Less,
                Operator::LessOrEqual => order != Ordering::Greater,
                Operator::Greater => order == Ordering::Greater,
                Operator::GreaterOrEqual => order != Ordering::Less,
            }
        })
    }

    /// Whether a version before a release is asked for by name.
    pub fn names_prerelease(&self) -> bool {
        self.0.iter().any(|(operator, bound)| *operator == Operator::Equal && bound.is_prerelease())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_their_numbers_and_what_precedes_a_release() {
        let sorted =
            ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0", "1.2", "v1.10.0", "2.0.0"];
        let versions: Vec<Version> = sorted.iter().map(|text| Version::parse(text).unwrap()).collect();
        assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
        assert!(Version::parse("main").is_none());
        assert!(Version::parse("1.2.3.4").is_none());
    }

    #[test]
    fn a_range_is_all_of_its_conditions() {
        let holds = |range: &str, version: &str| Range::parse(range).unwrap().holds(&Version::parse(version).unwrap());
        assert!(holds("*", "0.0.1") && holds("", "9.9.9") && holds("1.2.3", "1.2.3"));
        assert!(holds(">=1.0.0,<2.0.0", "1.9.9") && !holds(">=1.0.0,<2.0.0", "2.0.0"));
        assert!(!holds(">=1.0.0,!=1.5.0", "1.5.0") && holds("<=1.5.0", "1.5.0") && !holds(">1.5.0", "1.5.0"));
        assert_eq!(Range::parse(">=1.0.0,~2"), Err("~2".to_owned()));
    }
}

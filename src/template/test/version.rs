//! Versions: `version`, by the rules of distutils' loose and strict versions, Semantic Versioning 2.0 and PEP 440.

use std::cmp::Ordering;

use minijinja::{Error, State, Value};

use super::answer;
use crate::template::filter::call::{Call, Run};
use crate::template::filter::python::{fail, text, text_argument, truth_argument};

pub(super) const TESTS: &[(&str, Run)] = &[("version", version), ("version_compare", version)];

fn version(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, other, operator, strict, kind] =
        call.bind(["value", "version", "operator", "strict", "version_type"], 2)?;
    let (left, right) = (text(&value.unwrap_or_default())?, text(&other.unwrap_or_default())?);
    if left.is_empty() {
        return Err(call.fail("Input version value cannot be empty"));
    }
    if right.is_empty() {
        return Err(call.fail("Version parameter to compare against cannot be empty"));
    }
    let strict = strict.filter(|strict| !strict.is_none());
    let kind = kind.filter(|kind| !kind.is_none());
    if strict.is_some() && kind.is_some() {
        return Err(call.fail("strict and version_type can't be given both"));
    }
    let wanted: &[Ordering] = match text_argument(operator.as_ref(), "eq")?.as_str() {
        "==" | "=" | "eq" => &[Ordering::Equal],
        "!=" | "<>" | "ne" => &[Ordering::Less, Ordering::Greater],
        "<" | "lt" => &[Ordering::Less],
        "<=" | "le" => &[Ordering::Less, Ordering::Equal],
        ">" | "gt" => &[Ordering::Greater],
        ">=" | "ge" => &[Ordering::Greater, Ordering::Equal],
        other => {
            return Err(call.fail(format!(
                "unknown operator '{other}'; known are ==, =, eq, <, lt, <=, le, >, gt, >=, ge, !=, <>, ne"
            )));
        }
    };
    let kind = match (&strict, &kind) {
        (Some(strict), _) => if truth_argument(Some(strict), false) { "strict" } else { "loose" }.to_owned(),
        (None, kind) => text_argument(kind.as_ref(), "loose")?,
    };
    let order = match kind.as_str() {
        "loose" => loose(&left, &right)?,
        "strict" => strict_parts(&left)?.cmp(&strict_parts(&right)?),
        "semver" | "semantic" => semantic(&left)?.cmp(&semantic(&right)?),
        "pep440" => pep440(&left)?.cmp(&pep440(&right)?),
        other => {
            return Err(call.fail(format!(
                "unknown version_type '{other}'; known are loose, strict, semver, semantic and pep440"
            )));
        }
    };
    answer(wanted.contains(&order))
}

fn invalid(kind: &str, source: &str) -> Error {
    fail(format!("`version`: '{source}' is not a {kind} version"))
}

/// One component of a loose version.
#[derive(Debug, PartialEq, Eq)]
enum Component {
    Number(u128),
    Word(String),
}

/// Runs of digits, runs of lower-case letters, and what lies between the dots.
fn components(source: &str) -> Vec<Component> {
    let mut found = Vec::new();
    let mut current = String::new();
    let class = |character: char| {
        if character.is_numeric() {
            0
        } else if character.is_ascii_lowercase() {
            1
        } else {
            2
        }
    };
    let mut flush = |current: &mut String| {
        if !current.is_empty() {
            let text = std::mem::take(current);
            found.push(text.parse().map_or(Component::Word(text), Component::Number));
        }
    };
    let mut last = None;
    for character in source.chars() {
        if character == '.' {
            flush(&mut current);
            last = None;
            continue;
        }
        let this = class(character);
        if last.is_some_and(|last| last != this) {
            flush(&mut current);
        }
        current.push(character);
        last = Some(this);
    }
    flush(&mut current);
    found
}

/// The order of two versions by distutils' loose rules.
///
/// # Errors
/// A number meets a word.
pub(in crate::template) fn loose(left: &str, right: &str) -> Result<Ordering, Error> {
    let (a, b) = (components(left), components(right));
    for pair in a.iter().zip(&b) {
        let order = match pair {
            (Component::Number(x), Component::Number(y)) => x.cmp(y),
            (Component::Word(x), Component::Word(y)) => x.cmp(y),
            _ => {
                return Err(fail(format!(
                    "`version`: '{left}' and '{right}' can't be compared: a number meets a word; try version_type='pep440' or 'semver'"
                )));
            }
        };
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    Ok(a.len().cmp(&b.len()))
}

/// Numbers, and the pre-release: whether there is none, its letter, its number.
type Strict = ([u64; 3], (bool, char, u64));

/// `1.2`, `1.2.3`, `1.2.3a4`: three numbers, and a pre-release which comes before none.
fn strict_parts(source: &str) -> Result<Strict, Error> {
    let wrong = || invalid("strict (N.N[.N][aN|bN])", source);
    let (numbers, pre) = match source.find(['a', 'b']) {
        Some(at) => {
            let (numbers, pre) = source.split_at(at);
            let letter = pre.chars().next().ok_or_else(wrong)?;
            (numbers, (false, letter, pre.get(1..).unwrap_or_default().parse().map_err(|_| wrong())?))
        }
        None => (source, (true, ' ', 0)),
    };
    let parts: Vec<u64> = numbers.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    match parts.as_slice() {
        [major, minor] => Ok(([*major, *minor, 0], pre)),
        [major, minor, patch] => Ok(([*major, *minor, *patch], pre)),
        _ => Err(wrong()),
    }
}

/// A pre-release identifier: numbers come before words.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Word(String),
}

/// Semantic Versioning 2.0: build metadata does not count, a pre-release comes before its release.
fn semantic(source: &str) -> Result<([u64; 3], bool, Vec<Identifier>), Error> {
    let wrong = || invalid("semantic", source);
    let bare = source.split_once('+').map_or(source, |(bare, _)| bare);
    let (core, pre) = match bare.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (bare, None),
    };
    let number = |part: &str| {
        let leading = part.len() > 1 && part.starts_with('0');
        if leading || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            Err(wrong())
        } else {
            part.parse().map_err(|_| wrong())
        }
    };
    let parts: Vec<u64> = core.split('.').map(number).collect::<Result<_, Error>>()?;
    let [major, minor, patch] = parts.as_slice() else { return Err(wrong()) };
    let mut identifiers = Vec::new();
    for part in pre.into_iter().flat_map(|pre| pre.split('.')) {
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(wrong());
        }
        identifiers.push(part.parse().map_or_else(|_| Identifier::Word(part.to_owned()), Identifier::Number));
    }
    Ok(([*major, *minor, *patch], pre.is_none(), identifiers))
}

/// A local version's part: numbers come after words.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Local {
    Word(String),
    Number(u64),
}

/// The order of PEP 440: epoch, release, pre-release, post-release, development release, local version.
type Pep440 = (u64, Vec<u64>, (i8, u64), (bool, u64), (bool, u64), Vec<Local>);

fn pep440(source: &str) -> Result<Pep440, Error> {
    let wrong = || invalid("PEP 440", source);
    let lower = source.trim().to_lowercase();
    let bare = lower.strip_prefix('v').unwrap_or(&lower);
    let (public, local) = bare.split_once('+').map_or((bare, None), |(public, local)| (public, Some(local)));
    let (epoch, rest) = match public.split_once('!') {
        Some((epoch, rest)) => (epoch.parse().map_err(|_| wrong())?, rest),
        None => (0, public),
    };
    let end = rest
        .char_indices()
        .find(|(index, character)| {
            !(character.is_ascii_digit()
                || *character == '.'
                    && rest.get(index + 1..).is_some_and(|next| next.starts_with(|digit: char| digit.is_ascii_digit())))
        })
        .map_or(rest.len(), |(index, _)| index);
    let (release, mut tail) = rest.split_at(end);
    let mut release: Vec<u64> = release.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    while release.len() > 1 && release.last() == Some(&0) {
        release.pop();
    }
    let (mut pre, mut post, mut dev) = (None, None, None);
    while !tail.is_empty() {
        // `1.0-1` is a post-release.
        if let Some(number) =
            tail.strip_prefix('-').filter(|next| next.starts_with(|digit: char| digit.is_ascii_digit()))
        {
            let end = number.find(|character: char| !character.is_ascii_digit()).unwrap_or(number.len());
            post = Some(number.get(..end).unwrap_or_default().parse().map_err(|_| wrong())?);
            tail = number.get(end..).unwrap_or_default();
            continue;
        }
        let word_start = tail.trim_start_matches(['.', '-', '_']);
        if tail.len() - word_start.len() > 1 {
            return Err(wrong());
        }
        let end = word_start.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(word_start.len());
        let (word, after) = word_start.split_at(end);
        let digits_start = after
            .strip_prefix(['.', '-', '_'])
            .filter(|next| next.starts_with(|digit: char| digit.is_ascii_digit()))
            .unwrap_or(after);
        let end = digits_start.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits_start.len());
        let (digits, next) = digits_start.split_at(end);
        let number: u64 = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| wrong())? };
        match word {
            "a" | "alpha" if pre.is_none() => pre = Some((0_i8, number)),
            "b" | "beta" if pre.is_none() => pre = Some((1, number)),
            "c" | "rc" | "pre" | "preview" if pre.is_none() => pre = Some((2, number)),
            "post" | "rev" | "r" if post.is_none() => post = Some(number),
            "dev" if dev.is_none() => dev = Some(number),
            _ => return Err(wrong()),
        }
        tail = next;
    }
    let local = match local {
        Some(local) => {
            let parts = local.split(['.', '-', '_']).map(|part| {
                if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                    return Err(wrong());
                }
                Ok(part.parse().map_or_else(|_| Local::Word(part.to_owned()), Local::Number))
            });
            parts.collect::<Result<Vec<_>, Error>>()?
        }
        None => Vec::new(),
    };
    // A development release of the release itself comes before its pre-releases; without any of them it comes last.
    let pre_key = match (pre, post, dev) {
        (Some(pre), _, _) => pre,
        (None, None, Some(_)) => (-1, 0),
        _ => (3, 0),
    };
    let post_key = post.map_or((false, 0), |post| (true, post));
    let dev_key = dev.map_or((true, 0), |dev| (false, dev));
    Ok((epoch, release, pre_key, post_key, dev_key, local))
}

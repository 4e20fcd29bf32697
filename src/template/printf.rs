//! Python's `text % values`, and floats with so many digits as C's `printf` writes them.
//! <https://docs.python.org/3/library/stdtypes.html#printf-style-string-formatting>

use minijinja::{Error, ErrorKind, Value};

use super::filter::python::{fail, integer, number};
use super::python;

/// Wider than this is a mistake, and must not take the memory.
pub(super) const WIDEST: usize = 1 << 20;

/// No float has more digits than this before nothing but zeros follow; the standard library takes no more than 65535.
const MOST_DIGITS: usize = 1100;

#[derive(Default)]
struct Conversion {
    left: bool,
    zero: bool,
    plus: bool,
    blank: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

/// Python's `template % places`; `mapping` is what `%(name)s` looks in.
///
/// # Errors
/// Too few or too many places, one of the wrong type or without a value, an unknown conversion.
pub(super) fn percent(template: &str, places: &[Value], mapping: Option<&Value>) -> Result<String, Error> {
    let mut out = String::new();
    let mut rest = places.iter();
    let mut characters = template.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '%' || characters.next_if_eq(&'%').is_some() {
            out.push(character);
            continue;
        }
        let mut value = None;
        if characters.next_if_eq(&'(').is_some() {
            let name = key(&mut characters)?;
            let found = mapping.ok_or_else(|| fail("format requires a mapping"))?.get_item(&Value::from(&*name))?;
            if found.is_undefined() {
                return Err(fail(format!("'{name}'")));
            }
            value = Some(found);
            // A mapping that was looked in is no value itself.
            rest = [].iter();
        }
        let mut take = || rest.next().ok_or_else(|| fail("not enough arguments for format string"));
        let mut conversion = Conversion::default();
        while let Some(flag) = characters.next_if(|next| "-0+ #".contains(*next)) {
            match flag {
                '-' => conversion.left = true,
                '0' => conversion.zero = true,
                '+' => conversion.plus = true,
                ' ' => conversion.blank = true,
                _ => conversion.alternate = true,
            }
        }
        if characters.next_if_eq(&'*').is_some() {
            let width = star(take()?)?;
            conversion.left |= width < 0;
            conversion.width = limited(width.abs())?;
        } else {
            conversion.width = digits(&mut characters)?.unwrap_or(0);
        }
        if characters.next_if_eq(&'.').is_some() {
            conversion.precision = Some(match characters.next_if_eq(&'*') {
                Some(_) => limited(star(take()?)?.max(0))?,
                None => digits(&mut characters)?.unwrap_or(0),
            });
        }
        while characters.next_if(|next| "hlL".contains(*next)).is_some() {}
        let Some(kind) = characters.next() else { return Err(fail("incomplete format")) };
        let value = match value {
            Some(value) => value,
            None => take()?.clone(),
        };
        if value.is_undefined() {
            return Err(Error::from(ErrorKind::UndefinedError));
        }
        let Some(text) = convert(&conversion, kind, &value)? else {
            let at = template.chars().count() - characters.count() - 1;
            let code = u32::from(kind);
            return Err(fail(format!("unsupported format character '{kind}' (0x{code:x}) at index {at}")));
        };
        out.push_str(&text);
    }
    if rest.next().is_some() && mapping.is_none() {
        return Err(fail("not all arguments converted during string formatting"));
    }
    Ok(out)
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// The name behind `%(`, with all parentheses in it.
fn key(characters: &mut Characters<'_>) -> Result<String, Error> {
    let mut name = String::new();
    let mut open = 0_usize;
    loop {
        let character = characters.next().ok_or_else(|| fail("incomplete format key"))?;
        match character {
            ')' if open == 0 => return Ok(name),
            ')' => open -= 1,
            '(' => open += 1,
            _ => {}
        }
        name.push(character);
    }
}

fn star(value: &Value) -> Result<i128, Error> {
    integer(value).ok_or_else(|| fail("* wants int"))
}

/// A number of digits or columns, if there is one.
///
/// # Errors
/// It is larger than [`WIDEST`].
pub(super) fn digits(characters: &mut Characters<'_>) -> Result<Option<usize>, Error> {
    let mut number: Option<i128> = None;
    while let Some(digit) = characters.peek().and_then(|next| next.to_digit(10)) {
        characters.next();
        number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit.into()));
    }
    number.map(limited).transpose()
}

fn limited(number: i128) -> Result<usize, Error> {
    let number = usize::try_from(number).ok().filter(|number| *number <= WIDEST);
    number.ok_or_else(|| fail("Too many decimal digits in format string"))
}

/// A value as a conversion has it; `None` where there is no such conversion.
fn convert(conversion: &Conversion, kind: char, value: &Value) -> Result<Option<String>, Error> {
    let wanted = |what: &str| fail(format!("%{kind} format: {what} is required, not {}", python::type_name(value)));
    let mut numeric = true;
    let body = match kind {
        's' | 'r' | 'a' => {
            numeric = false;
            let full = if kind == 's' { python::to_text(value)? } else { python::repr(value)? };
            match conversion.precision {
                Some(limit) => full.chars().take(limit).collect(),
                None => full,
            }
        }
        'c' => {
            numeric = false;
            match (integer(value), value.as_str()) {
                (Some(code), _) => u32::try_from(code)
                    .ok()
                    .and_then(char::from_u32)
                    .ok_or_else(|| fail("%c arg not in range(0x110000)"))?
                    .to_string(),
                (None, Some(text)) if text.chars().count() == 1 => text.to_owned(),
                _ => return Err(fail("%c requires int or char")),
            }
        }
        'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
            let whole = match integer(value) {
                Some(whole) => whole,
                None if "diu".contains(kind) => number(value).ok_or_else(|| wanted("a real number"))?.trunc() as i128,
                None => return Err(wanted("an integer")),
            };
            let digits = match kind {
                'x' => format!("{:x}", whole.unsigned_abs()),
                'X' => format!("{:X}", whole.unsigned_abs()),
                'o' => format!("{:o}", whole.unsigned_abs()),
                _ => whole.unsigned_abs().to_string(),
            };
            let zeros = conversion.precision.unwrap_or(0).saturating_sub(digits.len());
            let prefix = match (conversion.alternate, kind) {
                (true, 'x') => "0x",
                (true, 'X') => "0X",
                (true, 'o') => "0o",
                _ => "",
            };
            let sign = if whole < 0 { "-" } else { "" };
            format!("{sign}{prefix}{}{digits}", "0".repeat(zeros))
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            let real = || fail(format!("must be real number, not {}", python::type_name(value)));
            float(number(value).ok_or_else(real)?, kind, conversion.precision.unwrap_or(6), conversion.alternate)
        }
        _ => return Ok(None),
    };
    let body = if numeric && !body.starts_with('-') && conversion.plus {
        format!("+{body}")
    } else if numeric && !body.starts_with('-') && conversion.blank {
        format!(" {body}")
    } else {
        body
    };
    let padding = conversion.width.saturating_sub(body.chars().count());
    Ok(Some(if conversion.left {
        body + &" ".repeat(padding)
    } else if conversion.zero && numeric {
        let at = body.find(|character: char| !"+- ".contains(character)).unwrap_or_default();
        let at =
            if body.get(at..at + 2).is_some_and(|prefix| matches!(prefix, "0x" | "0X" | "0o")) { at + 2 } else { at };
        let (head, tail) = body.split_at(at);
        format!("{head}{}{tail}", "0".repeat(padding))
    } else {
        " ".repeat(padding) + &body
    }))
}

/// A float by C's `f`, `e` and `g`, or with capitals by `F`, `E` and `G`. `alternate` keeps the zeros that `g` cuts off.
pub(super) fn float(value: f64, kind: char, precision: usize, alternate: bool) -> String {
    let shown = if value.is_nan() {
        "nan".to_owned()
    } else if value.is_infinite() {
        if value < 0.0 { "-inf" } else { "inf" }.to_owned()
    } else {
        match kind.to_ascii_lowercase() {
            'f' => fixed(value, precision),
            'e' => {
                let (mantissa, exponent) = scientific(value, precision);
                format!("{mantissa}{}", exponent_text(exponent))
            }
            _ => {
                let significant = i64::try_from(precision.max(1)).unwrap_or(i64::MAX);
                let (mantissa, exponent) = scientific(value, precision.max(1) - 1);
                let cut = |digits: String| match alternate || !digits.contains('.') {
                    true => digits,
                    false => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
                };
                if exponent < -4 || exponent >= significant {
                    format!("{}{}", cut(mantissa), exponent_text(exponent))
                } else {
                    cut(fixed(value, usize::try_from(significant - 1 - exponent).unwrap_or(0)))
                }
            }
        }
    };
    if kind.is_ascii_uppercase() { shown.to_uppercase() } else { shown }
}

fn fixed(value: f64, precision: usize) -> String {
    let given = precision.min(MOST_DIGITS);
    format!("{value:.given$}{}", "0".repeat(precision - given))
}

/// The mantissa with so many digits behind its point, and the exponent.
fn scientific(value: f64, precision: usize) -> (String, i64) {
    let given = precision.min(MOST_DIGITS);
    let shown = format!("{value:.given$e}");
    let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    (format!("{mantissa}{}", "0".repeat(precision - given)), exponent.parse().unwrap_or(0))
}

/// An exponent as C has it: a sign, and two digits at least.
fn exponent_text(exponent: i64) -> String {
    format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn shown(template: &str, places: &[Value]) -> String {
        percent(template, places, None).unwrap()
    }

    #[test]
    fn flags_widths_and_precisions_mean_what_they_mean_in_python() {
        let one = [Value::from(1)];
        assert_eq!(shown("%05.3d|%#06x|%-5d|%+d", &[1, 65, 7, 3].map(Value::from)), "00001|0x0041|7    |+3");
        assert_eq!(shown("%#g", &one), "1.00000");
        assert_eq!(shown("%*d|%-*d|", &[-5, 1, 5, 1].map(Value::from)), "1    |1    |");
        assert_eq!(shown("%5c|", &[Value::from("c")]), "    c|");
        assert_eq!(shown("%.2f", &[Value::from(true)]), "1.00");
        assert_eq!(shown("%s", &[Value::from(minijinja::value::Tuple::new(one.to_vec()))]), "(1,)");
    }

    #[test]
    fn a_mapping_that_was_looked_in_is_no_value() {
        let mapping = Value::from_pairs([("a", 1)]);
        let places = [mapping.clone()];
        assert_eq!(percent("%(a)s", &places, Some(&mapping)).unwrap(), "1");
        assert_eq!(percent("%s", &places, Some(&mapping)).unwrap(), "{'a': 1}");
        assert!(percent("%(a)s %s", &places, Some(&mapping)).is_err());
        assert!(percent("%(a", &places, Some(&mapping)).is_err());
    }

    #[test]
    fn as_many_digits_as_are_asked_for() {
        assert_eq!(float(1.5, 'f', 100_000, false).len(), 100_002);
        assert_eq!(float(1.5, 'e', 100_000, false).len(), 100_006);
        assert_eq!(float(1.5, 'g', 100_000, false), "1.5");
        assert!(percent("%99999999d", &[Value::from(1)], None).is_err());
        assert!(percent("%*d", &[i64::MAX, 1].map(Value::from), None).is_err());
    }
}

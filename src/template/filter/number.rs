//! Filters on numbers: `int`, `float`, `round`, `log`, `pow`, `root`, and sizes for humans.

use minijinja::{Error, State, Value};

use super::call::{Call, Run};
use super::python::{
    brief, fail, int_argument, int_value, integer, is_float, number, parse_float, parse_int, text, text_argument,
    truth_argument, type_name,
};

pub(super) const FILTERS: &[(&str, Run)] = &[
    ("int", int),
    ("float", float),
    ("abs", abs),
    ("round", round),
    ("log", log),
    ("pow", pow),
    ("root", root),
    ("filesizeformat", filesizeformat),
    ("human_readable", human_readable),
    ("human_to_bytes", human_to_bytes),
];

fn int(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, default, base] = call.bind(["value", "default", "base"], 1)?;
    let value = value.unwrap_or_default();
    let base = u32::try_from(int_argument(base.as_ref(), "base", 10)?).unwrap_or(10);
    let found = match value.as_str() {
        Some(source) => parse_int(source, base).or_else(|| parse_float(source).and_then(truncated)),
        None => integer(&value).or_else(|| number(&value).and_then(truncated)),
    };
    Ok(found.map_or_else(|| default.unwrap_or_else(|| Value::from(0)), int_value))
}

/// The float without its fraction, if it is an integer that fits.
fn truncated(value: f64) -> Option<i128> {
    (value.is_finite() && value.abs() < 1e38).then_some(value as i128)
}

fn float(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, default] = call.bind(["value", "default"], 1)?;
    let value = value.unwrap_or_default();
    let found = value.as_str().map_or_else(|| number(&value), parse_float);
    Ok(found.map_or_else(|| default.unwrap_or_else(|| Value::from(0.0)), Value::from))
}

fn abs(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    if let Some(whole) = integer(&value) {
        return Ok(int_value(whole.checked_abs().unwrap_or(i128::MAX)));
    }
    number(&value)
        .map(|float| Value::from(float.abs()))
        .ok_or_else(|| call.fail(format!("'{}' has no absolute value", type_name(&value))))
}

fn round(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, precision, method] = call.bind(["value", "precision", "method"], 1)?;
    let value = value.unwrap_or_default();
    let precision = i32::try_from(int_argument(precision.as_ref(), "precision", 0)?).unwrap_or_default();
    let method = text_argument(method.as_ref(), "common")?;
    let Some(float) = number(&value) else {
        return Err(call.fail(format!("'{}' can't be rounded", type_name(&value))));
    };
    match method.as_str() {
        "common" if integer(&value).is_some() && precision >= 0 => Ok(int_value(integer(&value).unwrap_or_default())),
        "common" if is_float(&value) || precision < 0 => {
            let rounded = rounded(float, precision);
            Ok(if is_float(&value) { Value::from(rounded) } else { int_value(rounded as i128) })
        }
        "common" => Ok(Value::from(float)),
        "ceil" | "floor" => {
            let scale = 10_f64.powi(precision);
            let scaled = float * scale;
            Ok(Value::from(if method == "ceil" { scaled.ceil() } else { scaled.floor() } / scale))
        }
        other => Err(call.fail(format!("the method must be common, ceil or floor, got '{other}'"))),
    }
}

/// Round half to even on the exact decimal value, as Python's `round` does.
fn rounded(value: f64, precision: i32) -> f64 {
    if !value.is_finite() {
        return value;
    }
    match usize::try_from(precision) {
        // The standard library's formatting rounds the exact value, half to even.
        Ok(places) => format!("{value:.places$}").parse().unwrap_or(value),
        Err(_) => {
            let scale = 10_f64.powi(-precision);
            (value / scale).round_ties_even() * scale
        }
    }
}

fn real(call: &Call, value: &Value) -> Result<f64, Error> {
    number(value).ok_or_else(|| {
        call.fail(format!("{}() can only be used on numbers: must be real number, not {}", call.name, type_name(value)))
    })
}

fn log(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, base] = call.bind(["x", "base"], 1)?;
    let value = real(&call, &value.unwrap_or_default())?;
    if value <= 0.0 {
        return Err(call.fail("the logarithm is defined for numbers above 0 only"));
    }
    Ok(Value::from(match base {
        None => value.ln(),
        Some(base) => {
            let base = real(&call, &base)?;
            if base <= 0.0 || base == 1.0 {
                return Err(call.fail("the base must be above 0 and not 1"));
            }
            if base == 10.0 { value.log10() } else { value.ln() / base.ln() }
        }
    }))
}

fn pow(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, exponent] = call.bind(["x", "y"], 2)?;
    let result = real(&call, &value.unwrap_or_default())?.powf(real(&call, &exponent.unwrap_or_default())?);
    if result.is_nan() {
        return Err(call.fail("the power is not a real number"));
    }
    Ok(Value::from(result))
}

fn root(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, base] = call.bind(["x", "base"], 1)?;
    let value = real(&call, &value.unwrap_or_default())?;
    let base = base.map_or(Ok(2.0), |base| real(&call, &base))?;
    let result = if base == 2.0 { value.sqrt() } else { value.powf(1.0 / base) };
    if result.is_nan() || base == 0.0 {
        return Err(call.fail("the root is not a real number"));
    }
    Ok(Value::from(result))
}

fn filesizeformat(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, binary] = call.bind(["value", "binary"], 1)?;
    let value = value.unwrap_or_default();
    let bytes = value
        .as_str()
        .map_or_else(|| number(&value), parse_float)
        .ok_or_else(|| call.fail(format!("{} is not a number", brief(&value))))?;
    let binary = truth_argument(binary.as_ref(), false);
    let base = if binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return Ok(Value::from("1 Byte"));
    }
    if bytes < base {
        return Ok(Value::from(format!("{} Bytes", bytes as i64)));
    }
    let mut unit = base;
    let letters = if binary { "KMGTPEZY" } else { "kMGTPEZY" };
    let mut shown = String::new();
    for letter in letters.chars() {
        unit *= base;
        shown = format!("{:.1} {letter}{}", base * bytes / unit, if binary { "iB" } else { "B" });
        if bytes < unit {
            break;
        }
    }
    Ok(Value::from(shown))
}

/// The units of `human_readable` and `human_to_bytes`, each 1024 times the next, largest first.
const UNITS: [(char, u32); 9] =
    [('Y', 80), ('Z', 70), ('E', 60), ('P', 50), ('T', 40), ('G', 30), ('M', 20), ('K', 10), ('B', 0)];

fn human_readable(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, isbits, unit] = call.bind(["size", "isbits", "unit"], 1)?;
    let value = value.unwrap_or_default();
    let Some(size) = number(&value) else {
        return Err(call.fail(format!(
            "human_readable() failed on bad input: '>=' not supported between instances of '{}' and 'int'",
            type_name(&value)
        )));
    };
    let bits = truth_argument(isbits.as_ref(), false);
    let unit = unit.filter(|unit| !unit.is_none()).map(|unit| text(&unit)).transpose()?.map(|unit| unit.to_uppercase());
    let chosen = UNITS.iter().find(|(letter, shift)| match &unit {
        Some(unit) => *unit == letter.to_string(),
        None => size >= 2_f64.powi(*shift as i32),
    });
    let (letter, shift) = chosen.copied().unwrap_or(('B', 0));
    let base = if bits { "bits" } else { "Bytes" };
    let suffix = if letter == 'B' { base.to_owned() } else { format!("{letter}{}", if bits { 'b' } else { 'B' }) };
    Ok(Value::from(format!("{:.2} {suffix}", size / 2_f64.powi(shift as i32))))
}

fn human_to_bytes(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, default_unit, isbits] = call.bind(["size", "default_unit", "isbits"], 1)?;
    let unit = default_unit.filter(|unit| !unit.is_none()).map(|unit| text(&unit)).transpose()?;
    let size = bytes_of(&text(&value.unwrap_or_default())?, unit.as_deref(), truth_argument(isbits.as_ref(), false));
    size.map(int_value).map_err(|message| call.fail(format!("human_to_bytes() can't interpret the input: {message}")))
}

/// A size such as `1.5 MB` in bytes (or bits).
fn bytes_of(source: &str, default_unit: Option<&str>, bits: bool) -> Result<i128, String> {
    let trimmed = source.trim_start();
    let split =
        trimmed.find(|character: char| !(character.is_ascii_digit() || character == '.')).unwrap_or(trimmed.len());
    let (digits, rest) = trimmed.split_at(split);
    let rest = rest.trim_start();
    let end = rest.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(rest.len());
    let written = rest.get(..end).unwrap_or_default();
    let number: f64 = digits.parse().map_err(|_| format!("can't read the number in '{source}'"))?;
    let unit = if written.is_empty() { default_unit.unwrap_or_default() } else { written };
    if unit.is_empty() {
        return Ok(round_half_even(number));
    }
    let letter = unit.chars().next().unwrap_or('B').to_ascii_uppercase();
    let Some((_, shift)) = UNITS.iter().find(|(known, _)| *known == letter) else {
        return Err(format!("'{source}' has an unknown unit; the known ones are Y, Z, E, P, T, G, M, K and B"));
    };
    let word = if bits { "bit" } else { "byte" };
    let class = if bits { 'b' } else { 'B' };
    let prefixes = ["yotta", "zetta", "exa", "peta", "tera", "giga", "mega", "kilo"];
    let lower = unit.to_lowercase();
    let full =
        if letter == 'B' { lower == word } else { prefixes.iter().any(|prefix| lower == format!("{prefix}{word}")) };
    let short = unit.len() == 1 && (letter != 'B' || unit == class.to_string())
        || unit.len() == 2 && letter != 'B' && unit.ends_with(class);
    if !(short || full) {
        let example = if bits { "Kb or K" } else { "KB or K" };
        return Err(format!("'{source}' is not a valid size; write the unit as {example}"));
    }
    Ok(round_half_even(number * 2_f64.powi(*shift as i32)))
}

fn round_half_even(value: f64) -> i128 {
    value.round_ties_even() as i128
}

/// The sum as `sum` builds it: integers exactly, floats in order, lists concatenated.
pub(super) fn add(left: &Value, right: &Value) -> Result<Value, Error> {
    if let (Some(a), Some(b)) = (integer(left), integer(right)) {
        return Ok(a.checked_add(b).map_or_else(|| Value::from(a as f64 + b as f64), int_value));
    }
    if let (Some(a), Some(b)) = (number(left), number(right)) {
        return Ok(Value::from(a + b));
    }
    if let (Some(a), Some(b)) = (left.as_str(), right.as_str()) {
        return Ok(Value::from(format!("{a}{b}")));
    }
    if super::python::is_list(left) && super::python::is_list(right) {
        let mut all = super::python::items(left)?;
        all.extend(super::python::items(right)?);
        return Ok(Value::from(all));
    }
    Err(fail(format!("can't add '{}' and '{}'", type_name(left), type_name(right))))
}

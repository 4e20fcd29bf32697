//! `sequence`: numbers from a start to an end, each in a format (`start=1 end=5 format=host%02d`, `1-5/2:%d`, `5`).

use minijinja::{Error, Value};

use super::{Request, Run, key_values};
use crate::template::filter::python::{int_value, parse_int, text};
use crate::template::printf::percent;

pub(super) const LOOKUPS: &[(&str, Run)] = &[("sequence", sequence)];

/// So many numbers are made at most.
const LIMIT: i128 = 10_000_000;

#[derive(Default)]
struct Range {
    start: Option<i128>,
    end: Option<i128>,
    count: Option<i128>,
    stride: Option<i128>,
    format: Option<String>,
}

fn sequence(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    let named = request.options.iter().map(|(key, value)| Ok((key.clone(), text(value)?)));
    let named = named.collect::<Result<Vec<_>, Error>>()?;
    if request.terms.is_empty() {
        let mut range = Range::default();
        set(request, &mut range, &named)?;
        expand(request, &range, &mut out)?;
    }
    for term in &request.terms {
        let source = text(term)?;
        let mut range = Range::default();
        set(request, &mut range, &named)?;
        if !short(&source, &mut range) {
            let (free, pairs) = key_values(&source)?;
            if !free.is_empty() {
                return Err(request.fail(format!("'{free}' is neither start-end/stride:format nor key=value")));
            }
            set(request, &mut range, &pairs)?;
        }
        expand(request, &range, &mut out)?;
    }
    Ok(out)
}

fn set(request: &Request<'_>, range: &mut Range, pairs: &[(String, String)]) -> Result<(), Error> {
    for (key, value) in pairs {
        let slot = match key.as_str() {
            "start" => &mut range.start,
            "end" => &mut range.end,
            "count" => &mut range.count,
            "stride" => &mut range.stride,
            "format" => {
                range.format = Some(value.clone());
                continue;
            }
            other => return Err(request.fail(format!("'{other}' is not one of start, end, count, stride, format"))),
        };
        let number =
            parse_int(value, 10).ok_or_else(|| request.fail(format!("'{key}' must be an integer, got '{value}'")))?;
        *slot = Some(number);
    }
    Ok(())
}

/// `[start-]end[/stride][:format]`
fn short(source: &str, range: &mut Range) -> bool {
    let (numbers, format) = match source.split_once(':') {
        Some((numbers, format)) => (numbers, Some(format.to_owned())),
        None => (source, None),
    };
    let (span, stride) = match numbers.split_once('/') {
        Some((span, stride)) => (span, Some(stride)),
        None => (numbers, None),
    };
    let (start, end) = match span.trim().split_once('-') {
        Some((start, end)) => (Some(start), end),
        None => (None, span.trim()),
    };
    let number = |text: &str| text.bytes().next().filter(u8::is_ascii_digit).and_then(|_| parse_int(text, 10));
    let Some(end) = number(end) else { return false };
    if let Some(start) = start {
        let Some(start) = number(start) else { return false };
        range.start = Some(start);
    }
    if let Some(stride) = stride {
        let Some(stride) = number(stride) else { return false };
        range.stride = Some(stride);
    }
    range.end = Some(end);
    range.format = format.or(range.format.take());
    true
}

fn expand(request: &Request<'_>, range: &Range, out: &mut Vec<Value>) -> Result<(), Error> {
    let start = range.start.unwrap_or(1);
    let stride = range.stride.unwrap_or(1);
    let end = match (range.count, range.end) {
        (Some(_), Some(_)) => return Err(request.fail("count and end can't be given both")),
        (None, None) => return Err(request.fail("needs count or end")),
        (Some(0), None) => return Ok(()),
        (Some(count), None) => start + stride * count - stride.signum(),
        (None, Some(end)) => end,
    };
    if stride > 0 && end < start {
        return Err(request.fail("to count backwards make stride negative"));
    }
    if stride < 0 && end > start {
        return Err(request.fail("to count forward don't make stride negative"));
    }
    if stride == 0 {
        return Ok(());
    }
    if (end - start) / stride > LIMIT {
        return Err(request.fail(format!("more than {LIMIT} numbers")));
    }
    let format = range.format.as_deref().unwrap_or("%d");
    let mut number = start;
    while if stride > 0 { number <= end } else { number >= end } {
        let shown = percent(format, &[int_value(number)], None)
            .map_err(|_| request.fail(format!("the format '{format}' does not suit a number")))?;
        out.push(Value::from(shown));
        number += stride;
    }
    Ok(())
}

//! Points in time: `strftime`, `to_datetime`, and the value that the latter gives.

use std::fmt;
use std::sync::Arc;

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use minijinja::value::{DynObject, Object, ObjectRepr, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::call::{Call, Run};
use super::python::{fail, number, parse_float, text, text_argument, truth_argument};

pub(super) const FILTERS: &[(&str, Run)] = &[("strftime", strftime), ("to_datetime", to_datetime)];

/// A point in time as Python's `datetime` has it: a civil time, perhaps with an offset from UTC. Or a day, as `date` has
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateTime {
    civil: civil::DateTime,
    offset_seconds: Option<i32>,
    whole_day: bool,
}

/// The distance between two points in time, as Python's `timedelta` has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeDelta {
    microseconds: i128,
}

impl DateTime {
    /// A civil time without an offset.
    pub fn civil(civil: civil::DateTime) -> Self {
        Self { civil, offset_seconds: None, whole_day: false }
    }

    /// A day without a time.
    fn day(date: civil::Date) -> Self {
        Self { civil: date.to_datetime(civil::Time::midnight()), offset_seconds: None, whole_day: true }
    }

    /// From a timestamp as YAML 1.1 writes it, in the forms that PyYAML knows; `None` if there is no such day or time.
    pub fn of_yaml(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at(text.find([' ', '\t', 'T', 't']).unwrap_or(text.len()));
        let mut parts = date.split('-');
        let mut part = || parts.next()?.parse::<i16>().ok();
        let (year, month, day) = (part()?, part()?, part()?);
        let date = civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        let rest = rest.trim_start_matches([' ', '\t', 'T', 't']);
        if rest.is_empty() {
            return Some(Self::day(date));
        }
        let (time, zone) = rest.split_at(rest.find([' ', '\t', 'Z', '+', '-']).unwrap_or(rest.len()));
        let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
        let mut parts = time.split(':').map(|part| part.parse::<i8>().ok());
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
        // Python counts microseconds.
        let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
        let time = civil::Time::new(hour, minute, second, digits.parse::<i32>().ok()? * 1000).ok()?;
        let zone = zone.trim();
        let offset_seconds = match (zone.get(..1), zone.get(1..)) {
            (Some(sign @ ("+" | "-")), Some(distance)) => {
                let (hours, minutes) = distance.split_once(':').unwrap_or((distance, "0"));
                let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
                Some(if sign == "-" { -seconds } else { seconds })
            }
            (Some(_), _) => Some(0),
            (None, _) => None,
        };
        Some(Self { civil: date.to_datetime(time), offset_seconds, whole_day: false })
    }

    /// The name of Python's type.
    pub(crate) fn type_name(&self) -> &'static str {
        if self.whole_day { "date" } else { "datetime" }
    }

    /// As Python's `repr` writes it.
    pub(crate) fn repr_text(&self) -> String {
        let (date, time) = (self.civil.date(), self.civil.time());
        let mut text = format!("datetime.{}({}, {}, {}", self.type_name(), date.year(), date.month(), date.day());
        if !self.whole_day {
            text.push_str(&format!(", {}, {}", time.hour(), time.minute()));
            let micro = time.subsec_nanosecond() / 1000;
            if time.second() != 0 || micro != 0 {
                text.push_str(&format!(", {}", time.second()));
            }
            if micro != 0 {
                text.push_str(&format!(", {micro}"));
            }
        }
        match self.offset_seconds {
            None => {}
            Some(0) => text.push_str(", tzinfo=datetime.timezone.utc"),
            Some(seconds) => {
                let distance = match (seconds.div_euclid(86_400), seconds.rem_euclid(86_400)) {
                    (0, seconds) => format!("seconds={seconds}"),
                    (days, seconds) => format!("days={days}, seconds={seconds}"),
                };
                text.push_str(&format!(", tzinfo=datetime.timezone(datetime.timedelta({distance}))"));
            }
        }
        text.push(')');
        text
    }

    /// The order of two of one kind: of days, of times with an offset, of times without one.
    pub(super) fn order(&self, other: &Self) -> Option<std::cmp::Ordering> {
        let kind = |time: &Self| (time.whole_day, time.offset_seconds.is_some());
        (kind(self) == kind(other)).then(|| self.microseconds().cmp(&other.microseconds()))
    }

    /// As a template value.
    pub fn into_value(self) -> Value {
        Value::from_object(self)
    }

    fn zoned(&self) -> Result<Zoned, Error> {
        let zone = match self.offset_seconds {
            Some(seconds) => {
                TimeZone::fixed(jiff::tz::Offset::from_seconds(seconds).map_err(|error| fail(error.to_string()))?)
            }
            None => TimeZone::system(),
        };
        self.civil.to_zoned(zone).map_err(|error| fail(error.to_string()))
    }

    /// Microseconds on the civil clock (or on UTC's, if there is an offset).
    fn microseconds(&self) -> i128 {
        let days = i128::from(days_from_civil(self.civil.date()));
        let time = self.civil.time();
        let seconds =
            days * 86_400 + i128::from(time.hour()) * 3600 + i128::from(time.minute()) * 60 + i128::from(time.second())
                - i128::from(self.offset_seconds.unwrap_or_default());
        seconds * 1_000_000 + i128::from(time.subsec_nanosecond() / 1000)
    }

    fn fraction(&self) -> String {
        match self.civil.time().subsec_nanosecond() / 1000 {
            0 => String::new(),
            micro => format!(".{micro:06}"),
        }
    }

    /// ISO 8601, with this between the date and the time.
    pub(crate) fn iso(&self, separator: char) -> String {
        let (date, time) = (self.civil.date(), self.civil.time());
        if self.whole_day {
            return format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
        }
        let offset = self.offset_seconds.map_or_else(String::new, |seconds| {
            let sign = if seconds < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", seconds.abs() / 3600, seconds.abs() / 60 % 60)
        });
        format!(
            "{:04}-{:02}-{:02}{separator}{:02}:{:02}:{:02}{}{offset}",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            self.fraction()
        )
    }
}

fn days_from_civil(date: civil::Date) -> i64 {
    let epoch = civil::date(1970, 1, 1);
    date.since(epoch).map(|span| i64::from(span.get_days())).unwrap_or_default()
}

/// `left - right` of two points in time.
pub fn subtract(left: &DateTime, right: &DateTime) -> Value {
    Value::from_object(TimeDelta { microseconds: left.microseconds() - right.microseconds() })
}

/// The difference of two values if both are points in time; for the engine, whose `-` knows numbers only.
pub fn subtract_values(left: &Value, right: &Value) -> Option<Value> {
    Some(subtract(left.downcast_object_ref::<DateTime>()?, right.downcast_object_ref::<DateTime>()?))
}

fn unknown(kind: &str, method: &str) -> Error {
    Error::new(ErrorKind::UnknownMethod, format!("{kind} has no method named {method}"))
}

impl Object for DateTime {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let (date, time) = (self.civil.date(), self.civil.time());
        if self.whole_day && !matches!(key, "year" | "month" | "day") {
            return None;
        }
        Some(Value::from(match key {
            "year" => i64::from(date.year()),
            "month" => i64::from(date.month()),
            "day" => i64::from(date.day()),
            "hour" => i64::from(time.hour()),
            "minute" => i64::from(time.minute()),
            "second" => i64::from(time.second()),
            "microsecond" => i64::from(time.subsec_nanosecond() / 1000),
            _ => return None,
        }))
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, arguments: &[Value]) -> Result<Value, Error> {
        Ok(match method {
            "timestamp" | "date" | "time" if self.whole_day => return Err(unknown("date", method)),
            "strftime" => {
                let (form,): (String,) = from_args(arguments)?;
                Value::from(format_time(&form, &self.zoned()?, self.offset_seconds.is_some()))
            }
            "isoformat" => {
                let (separator,): (Option<String>,) = from_args(arguments)?;
                Value::from(self.iso(separator.and_then(|text| text.chars().next()).unwrap_or('T')))
            }
            "timestamp" => Value::from(self.zoned()?.timestamp().as_microsecond() as f64 / 1e6),
            "weekday" => Value::from(i64::from(self.civil.weekday().to_monday_zero_offset())),
            "isoweekday" => Value::from(i64::from(self.civil.weekday().to_monday_one_offset())),
            "date" => Self::day(self.civil.date()).into_value(),
            "time" => Value::from(self.iso(' ').get(11..).unwrap_or_default()),
            other => return Err(unknown(self.type_name(), other)),
        })
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        self.order(other.downcast_ref::<Self>()?)
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.iso(' '))
    }
}

impl Object for TimeDelta {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        const DAY: i128 = 86_400_000_000;
        Some(super::python::int_value(match key.as_str()? {
            "days" => self.microseconds.div_euclid(DAY),
            "seconds" => self.microseconds.rem_euclid(DAY) / 1_000_000,
            "microseconds" => self.microseconds.rem_euclid(1_000_000),
            _ => return None,
        }))
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, _: &[Value]) -> Result<Value, Error> {
        match method {
            "total_seconds" => Ok(Value::from(self.microseconds as f64 / 1e6)),
            other => Err(unknown("timedelta", other)),
        }
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i128 = 86_400_000_000;
        let (days, rest) = (self.microseconds.div_euclid(DAY), self.microseconds.rem_euclid(DAY));
        match days {
            0 => {}
            1 | -1 => write!(formatter, "{days} day, ")?,
            _ => write!(formatter, "{days} days, ")?,
        }
        let seconds = rest / 1_000_000;
        write!(formatter, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if rest % 1_000_000 != 0 {
            write!(formatter, ".{:06}", rest % 1_000_000)?;
        }
        Ok(())
    }
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// C's `strftime` in the C locale, with glibc's extensions; `aware` says whether the zone may be named.
pub fn format_time(form: &str, time: &Zoned, aware: bool) -> String {
    let mut out = String::new();
    let mut characters = form.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let mut directive = characters.next();
        let mut padding = None;
        if let Some(flag @ ('-' | '_' | '0' | '^' | '#')) = directive {
            padding = Some(flag);
            directive = characters.next();
        }
        let Some(directive) = directive else {
            out.push('%');
            break;
        };
        match one(directive, time, aware) {
            Some(shown) => out.push_str(&match padding {
                Some('-') => {
                    let bare = shown.trim_start_matches(['0', ' ']);
                    if bare.is_empty() && !shown.is_empty() { "0".to_owned() } else { bare.to_owned() }
                }
                Some('^') => shown.to_uppercase(),
                Some('_') => {
                    let bare = shown.trim_start_matches('0');
                    format!("{bare:>width$}", width = shown.len())
                }
                _ => shown,
            }),
            None => {
                out.push('%');
                out.push(directive);
            }
        }
    }
    out
}

fn one(directive: char, time: &Zoned, aware: bool) -> Option<String> {
    let weekday = usize::try_from(time.weekday().to_monday_zero_offset()).unwrap_or_default();
    let sunday = usize::try_from(time.weekday().to_sunday_zero_offset()).unwrap_or_default();
    let month = usize::try_from(time.month()).unwrap_or(1) - 1;
    let day_of_year = usize::try_from(time.day_of_year()).unwrap_or(1);
    let hour12 = match time.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let again = |form: &str| Some(format_time(form, time, aware));
    let short = |name: &str| name.get(..3).unwrap_or_default().to_owned();
    let iso = time.date().iso_week_date();
    Some(match directive {
        'Y' => time.year().to_string(),
        'C' => format!("{:02}", time.year() / 100),
        'y' => format!("{:02}", time.year().rem_euclid(100)),
        'm' => format!("{:02}", time.month()),
        'd' => format!("{:02}", time.day()),
        'e' => format!("{:2}", time.day()),
        'H' => format!("{:02}", time.hour()),
        'k' => format!("{:2}", time.hour()),
        'I' => format!("{hour12:02}"),
        'l' => format!("{hour12:2}"),
        'M' => format!("{:02}", time.minute()),
        'S' => format!("{:02}", time.second()),
        'f' => format!("{:06}", time.subsec_nanosecond() / 1000),
        'p' => if time.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        'P' => if time.hour() < 12 { "am" } else { "pm" }.to_owned(),
        'j' => format!("{day_of_year:03}"),
        'a' => short(WEEKDAYS.get(weekday)?),
        'A' => (*WEEKDAYS.get(weekday)?).to_owned(),
        'b' | 'h' => short(MONTHS.get(month)?),
        'B' => (*MONTHS.get(month)?).to_owned(),
        'u' => (weekday + 1).to_string(),
        'w' => sunday.to_string(),
        'U' => format!("{:02}", (day_of_year + 6 - sunday) / 7),
        'W' => format!("{:02}", (day_of_year + 6 - weekday) / 7),
        'G' => iso.year().to_string(),
        'g' => format!("{:02}", iso.year().rem_euclid(100)),
        'V' => format!("{:02}", iso.week()),
        's' => time.timestamp().as_second().to_string(),
        'Z' if aware => {
            let name = time.time_zone().to_offset_info(time.timestamp()).abbreviation().to_owned();
            if name == "UTC" && time.time_zone() == &TimeZone::UTC { "GMT".to_owned() } else { name }
        }
        'z' if aware => {
            let seconds = time.offset().seconds();
            let sign = if seconds < 0 { '-' } else { '+' };
            format!("{sign}{:02}{:02}", seconds.abs() / 3600, seconds.abs() / 60 % 60)
        }
        'Z' | 'z' => String::new(),
        'F' => return again("%Y-%m-%d"),
        'T' | 'X' => return again("%H:%M:%S"),
        'R' => return again("%H:%M"),
        'D' | 'x' => return again("%m/%d/%y"),
        'c' => return again("%a %b %e %H:%M:%S %Y"),
        'r' => return again("%I:%M:%S %p"),
        'n' => "\n".to_owned(),
        't' => "\t".to_owned(),
        '%' => "%".to_owned(),
        _ => return None,
    })
}

fn strftime(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [form, second, utc] = call.bind(["string_format", "second", "utc"], 1)?;
    let form = text(&form.unwrap_or_default())?;
    let timestamp = match second.filter(|second| !second.is_none()) {
        Some(second) => {
            let seconds = second.as_str().map_or_else(|| number(&second), parse_float);
            let seconds = seconds.ok_or_else(|| {
                call.fail(format!("the epoch value ({}) is no number", super::python::brief(&second)))
            })?;
            Timestamp::from_second(seconds.floor() as i64).map_err(|error| call.fail(error))?
        }
        None => Timestamp::now(),
    };
    let zone = if truth_argument(utc.as_ref(), false) { TimeZone::UTC } else { TimeZone::system() };
    Ok(Value::from(format_time(&form, &timestamp.to_zoned(zone), true)))
}

fn to_datetime(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, form] = call.bind(["string", "format"], 1)?;
    let source = text(&value.unwrap_or_default())?;
    let form = text_argument(form.as_ref(), "%Y-%m-%d %H:%M:%S")?;
    let wrong =
        |reason: String| call.fail(format!("the time data '{source}' does not match the format '{form}': {reason}"));
    let mut parsed = jiff::fmt::strtime::parse(&form, &source).map_err(|error| wrong(error.to_string()))?;
    // What the format leaves out is the start of 1900, as in Python.
    if parsed.year().is_none() {
        parsed.set_year(Some(1900)).map_err(|error| wrong(error.to_string()))?;
    }
    if parsed.month().is_none() && parsed.day_of_year().is_none() {
        parsed.set_month(Some(1)).map_err(|error| wrong(error.to_string()))?;
    }
    if parsed.day().is_none() && parsed.day_of_year().is_none() {
        parsed.set_day(Some(1)).map_err(|error| wrong(error.to_string()))?;
    }
    let civil = parsed.to_datetime().map_err(|error| wrong(error.to_string()))?;
    let offset_seconds = parsed.offset().map(|offset| offset.seconds());
    Ok(DateTime { civil, offset_seconds, whole_day: false }.into_value())
}

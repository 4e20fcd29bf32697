//! Lists as a whole: `all`, `any`, `subset`, `superset`.

use minijinja::{Error, Value};

use super::answer;
use crate::template::filter::call::{Call, Run};
use crate::template::filter::python::items;
use crate::template::filter::set::Seen;

pub(super) const TESTS: &[(&str, Run)] = &[
    ("all", |_, call| answer(items(&call.only()?)?.iter().all(Value::is_true))),
    ("any", |_, call| answer(items(&call.only()?)?.iter().any(Value::is_true))),
    ("subset", |_, call| within(&call, false)),
    ("issubset", |_, call| within(&call, false)),
    ("superset", |_, call| within(&call, true)),
    ("issuperset", |_, call| within(&call, true)),
];

fn within(call: &Call, reverse: bool) -> Result<Value, Error> {
    let [left, right] = call.bind(["a", "b"], 2)?;
    let (mut small, mut large) = (items(&left.unwrap_or_default())?, items(&right.unwrap_or_default())?);
    if reverse {
        std::mem::swap(&mut small, &mut large);
    }
    let mut members = Seen::default();
    for item in &large {
        members.insert(item);
    }
    answer(small.iter().all(|item| members.contains(item)))
}

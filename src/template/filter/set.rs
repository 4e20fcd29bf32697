//! Lists as sets: `union`, `intersect`, `difference`, `symmetric_difference`.
//!
//! Python's sets have an order of their own: ascending for small integers, arbitrary (and different from run to run) for
//! text. Here a set of integers is ascending, anything else stays in order of first appearance.

use std::collections::HashSet;

use minijinja::{Error, Value};

use super::call::{Call, Run};
use super::python::{integer, is_list, is_map, items};

pub(super) const FILTERS: &[(&str, Run)] = &[
    ("union", |_, call| operate(&call, Operation::Union)),
    ("intersect", |_, call| operate(&call, Operation::Intersect)),
    ("difference", |_, call| operate(&call, Operation::Difference)),
    ("symmetric_difference", |_, call| operate(&call, Operation::SymmetricDifference)),
];

/// Which members of two sets are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersect,
    Difference,
    SymmetricDifference,
}

/// What has been seen; equality as Python has it (`1`, `1.0` and `True` are the same).
#[derive(Default)]
pub(crate) struct Seen {
    scalars: HashSet<Value>,
    others: Vec<Value>,
}

/// The form under which equal scalars hash alike; `None` for lists and dictionaries, which are compared one by one.
fn scalar(value: &Value) -> Option<Value> {
    if is_list(value) || is_map(value) {
        return None;
    }
    if let Some(integer) = integer(value) {
        return Some(super::python::int_value(integer));
    }
    if let Some(float) = super::python::number(value)
        && float.fract() == 0.0
        && float.abs() < 1e18
    {
        return Some(Value::from(float as i64));
    }
    Some(value.clone())
}

impl Seen {
    /// Whether the value is new.
    pub(crate) fn insert(&mut self, value: &Value) -> bool {
        match scalar(value) {
            Some(key) => self.scalars.insert(key),
            None if self.others.contains(value) => false,
            None => {
                self.others.push(value.clone());
                true
            }
        }
    }

    /// Whether the value was seen.
    pub(crate) fn contains(&self, value: &Value) -> bool {
        match scalar(value) {
            Some(key) => self.scalars.contains(&key),
            None => self.others.contains(value),
        }
    }
}

pub(super) fn members(all: &[Value]) -> Seen {
    let mut seen = Seen::default();
    for item in all {
        seen.insert(item);
    }
    seen
}

fn operate(call: &Call, operation: Operation) -> Result<Value, Error> {
    let [left, right] = call.bind(["a", "b"], 2)?;
    let (left, right) = (items(&left.unwrap_or_default())?, items(&right.unwrap_or_default())?);
    let (ours, theirs) = (members(&left), members(&right));
    let mut seen = Seen::default();
    let mut result: Vec<Value> = Vec::new();
    for item in &left {
        let keep = match operation {
            Operation::Union => true,
            Operation::Intersect => theirs.contains(item),
            Operation::Difference | Operation::SymmetricDifference => !theirs.contains(item),
        };
        if keep && seen.insert(item) {
            result.push(item.clone());
        }
    }
    if matches!(operation, Operation::Union | Operation::SymmetricDifference) {
        for item in &right {
            if !ours.contains(item) && seen.insert(item) {
                result.push(item.clone());
            }
        }
    }
    if result.iter().all(|item| integer(item).is_some()) {
        result.sort_by_key(|item| integer(item).unwrap_or_default());
    }
    Ok(Value::from(result))
}

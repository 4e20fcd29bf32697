//! Whether what a container has agrees with what is wanted, by the option's shape and the mode of comparison.

use serde_json::Value as Json;

use rprov_modules::choices;

choices! {
    /// How an option is compared.
    pub enum Comparison {
        Ignore = "ignore",
        Strict = "strict",
        AllowMorePresent = "allow_more_present",
    }
}

/// What an option's value is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    Value,
    /// A list in which the order counts.
    List,
    /// A list in which it does not.
    Set,
    /// A list of records in any order; of each record, only the fields that are wanted count.
    Records,
    /// A map.
    Map,
}

impl Shape {
    /// How options of this shape are compared if the playbook says nothing.
    pub fn default_comparison(self) -> Comparison {
        match self {
            Shape::Value | Shape::List => Comparison::Strict,
            Shape::Set | Shape::Records | Shape::Map => Comparison::AllowMorePresent,
        }
    }

    /// Whether `comparison` makes sense for this shape.
    pub fn allows(self, comparison: Comparison) -> bool {
        self != Shape::Value || comparison != Comparison::AllowMorePresent
    }
}

/// Whether `current` is as `wanted`.
pub fn agrees(shape: Shape, comparison: Comparison, wanted: &Json, current: &Json) -> bool {
    if comparison == Comparison::Ignore {
        return true;
    }
    let more = comparison == Comparison::AllowMorePresent;
    match shape {
        Shape::Value => same(wanted, current),
        Shape::List if more => is_subsequence(items(wanted), items(current)),
        Shape::List => items(wanted) == items(current),
        Shape::Set => {
            let (wanted, current) = (items(wanted), items(current));
            wanted.iter().all(|item| current.contains(item))
                && (more || current.iter().all(|item| wanted.contains(item)))
        }
        Shape::Records => {
            let (wanted, current) = (items(wanted), items(current));
            let covered = |record: &Json| current.iter().any(|candidate| covers(record, candidate));
            wanted.iter().all(covered)
                && (more || current.iter().all(|candidate| wanted.iter().any(|record| covers(record, candidate))))
        }
        Shape::Map => {
            let (wanted, current) = (entries(wanted), entries(current));
            wanted.iter().all(|(key, value)| current.iter().any(|(name, found)| name == key && same(value, found)))
                && (more || current.iter().all(|(key, _)| wanted.iter().any(|(name, _)| name == key)))
        }
    }
}

/// Equal, where the Engine's `null`, `false`, `0` and empty things are all the same: not set.
fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Object(_), Json::Object(_)) => covers(left, right) && covers(right, left),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => left == right || (is_unset(left) && is_unset(right)),
    }
}

fn is_unset(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(flag) => !flag,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty(),
    }
}

/// Every field of `wanted` is found in `current`.
fn covers(wanted: &Json, current: &Json) -> bool {
    match wanted {
        Json::Object(fields) => fields.iter().all(|(name, value)| {
            let found = current.get(name).unwrap_or(&Json::Null);
            if value.is_object() { covers(value, found) } else { same(value, found) }
        }),
        _ => same(wanted, current),
    }
}

fn is_subsequence(wanted: &[Json], current: &[Json]) -> bool {
    let mut rest = current.iter();
    wanted.iter().all(|item| rest.any(|candidate| candidate == item))
}

fn items(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn entries(value: &Json) -> Vec<(&String, &Json)> {
    value.as_object().map(|map| map.iter().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MORE: Comparison = Comparison::AllowMorePresent;
    const STRICT: Comparison = Comparison::Strict;

    #[test]
    fn each_shape_compares_in_its_own_way() {
        for (shape, comparison, wanted, current, expected) in [
            (Shape::Value, STRICT, json!("a"), json!("a"), true),
            (Shape::Value, STRICT, json!(false), json!(null), true),
            (Shape::Value, STRICT, json!(true), json!(null), false),
            (Shape::Value, Comparison::Ignore, json!("a"), json!("b"), true),
            (Shape::List, STRICT, json!(["a", "b"]), json!(["b", "a"]), false),
            (Shape::List, STRICT, json!([]), json!(null), true),
            (Shape::List, MORE, json!(["a", "c"]), json!(["a", "b", "c"]), true),
            (Shape::List, MORE, json!(["c", "a"]), json!(["a", "b", "c"]), false),
            (Shape::Set, STRICT, json!(["a", "b"]), json!(["b", "a"]), true),
            (Shape::Set, STRICT, json!(["a"]), json!(["b", "a"]), false),
            (Shape::Set, MORE, json!(["a"]), json!(["b", "a"]), true),
            (Shape::Set, MORE, json!(["c"]), json!(["b", "a"]), false),
            (Shape::Map, MORE, json!({"a": "1"}), json!({"a": "1", "b": "2"}), true),
            (Shape::Map, STRICT, json!({"a": "1"}), json!({"a": "1", "b": "2"}), false),
            (Shape::Map, MORE, json!({"a": "1"}), json!({"a": "2"}), false),
            (Shape::Map, MORE, json!({"a": "1"}), json!(null), false),
            (Shape::Records, MORE, json!([{"a": 1}]), json!([{"a": 1, "x": 9}, {"a": 2}]), true),
            (Shape::Records, STRICT, json!([{"a": 1}]), json!([{"a": 1, "x": 9}, {"a": 2}]), false),
            (Shape::Records, STRICT, json!([{"a": 1}]), json!([{"a": 1, "x": 9}]), true),
        ] {
            assert_eq!(agrees(shape, comparison, &wanted, &current), expected, "{shape:?} {wanted} {current}");
        }
    }

    #[test]
    fn nothing_more_can_be_present_in_a_single_value() {
        assert!(!Shape::Value.allows(MORE));
        assert!(Shape::Map.allows(STRICT));
    }
}

//! Filters on dictionaries: `combine`, `dict2items`, `items2dict`, `dictsort`, `extract`, `subelements` and their kin.

use indexmap::IndexMap;
use minijinja::{Error, State, Value};

use super::call::{Call, Run, defined};
use super::python::{
    brief, fail, is_list, is_map, items, missing_attribute, pairs, repr, sort_by_key, subscript, text_argument,
    truth_argument, tuple, type_name,
};
use super::set::Seen;

pub(super) const FILTERS: &[(&str, Run)] = &[
    ("combine", combine),
    ("dict2items", dict2items),
    ("items2dict", items2dict),
    ("dictsort", dictsort),
    ("items", items_filter),
    ("attr", attr),
    ("extract", extract),
    ("rekey_on_member", rekey_on_member),
    ("subelements", subelements),
];

/// What becomes of two lists under the same key.
#[derive(Clone, Copy)]
pub(super) enum ListMerge {
    Replace,
    Keep,
    Append,
    Prepend,
    AppendRp,
    PrependRp,
}

fn combine(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let mut recursive = false;
    let mut lists = ListMerge::Replace;
    for (name, value) in &call.keyword {
        match name.as_str() {
            "recursive" => recursive = value.is_true(),
            "list_merge" => {
                lists = ListMerge::parse(&call, value)?;
            }
            _ => return Err(call.fail(format!("has no argument `{name}`; it takes recursive and list_merge"))),
        }
    }
    let mut parts = Vec::new();
    for value in &call.positional {
        collect_parts(value, &mut parts)?;
    }
    let mut merged = Value::from_pairs(Vec::<(Value, Value)>::new());
    let mut first = true;
    for part in parts {
        if !is_map(&part) {
            return Err(call.fail(format!(
                "expected dictionaries, but got {} of type '{}'",
                brief(&part),
                type_name(&part)
            )));
        }
        merged = if first { part } else { merge(&merged, &part, recursive, lists)? };
        first = false;
    }
    Ok(merged)
}

/// The dictionaries in nested lists of them.
fn collect_parts(value: &Value, parts: &mut Vec<Value>) -> Result<(), Error> {
    if !is_list(value) {
        parts.push(value.clone());
        return Ok(());
    }
    for item in items(value)? {
        collect_parts(&item, parts)?;
    }
    Ok(())
}

/// The later value, joined with the earlier one where both are dictionaries, at every depth.
///
/// # Errors
/// An entry cannot be read.
pub(crate) fn merge_deep(earlier: &Value, later: &Value) -> Result<Value, Error> {
    if is_map(earlier) && is_map(later) {
        return merge(earlier, later, true, ListMerge::Replace);
    }
    Ok(later.clone())
}

pub(super) fn merge(left: &Value, right: &Value, recursive: bool, lists: ListMerge) -> Result<Value, Error> {
    let mut merged: IndexMap<Value, Value> = pairs(left)?.into_iter().collect();
    for (key, value) in pairs(right)? {
        let joined = match merged.get(&key) {
            Some(old) if recursive && is_map(old) && is_map(&value) => merge(old, &value, recursive, lists)?,
            Some(old) if is_list(old) && is_list(&value) => merge_lists(old, &value, lists)?,
            _ => value,
        };
        merged.insert(key, joined);
    }
    Ok(Value::from_pairs(merged))
}

fn merge_lists(old: &Value, new: &Value, lists: ListMerge) -> Result<Value, Error> {
    let chain = |first: &Value, second: &Value, without: Option<&Value>| -> Result<Value, Error> {
        let mut seen = Seen::default();
        for item in without.map_or_else(|| Ok(Vec::new()), items)? {
            seen.insert(&item);
        }
        let keep = |part: &Value, filtered: bool| -> Result<Vec<Value>, Error> {
            Ok(items(part)?.into_iter().filter(|item| !filtered || !seen.contains(item)).collect())
        };
        let mut all = keep(first, without.is_some() && lists.filters_first())?;
        all.extend(keep(second, without.is_some() && !lists.filters_first())?);
        Ok(Value::from(all))
    };
    match lists {
        ListMerge::Replace => Ok(new.clone()),
        ListMerge::Keep => Ok(old.clone()),
        ListMerge::Append => chain(old, new, None),
        ListMerge::Prepend => chain(new, old, None),
        ListMerge::AppendRp => chain(old, new, Some(new)),
        ListMerge::PrependRp => chain(new, old, Some(new)),
    }
}

impl ListMerge {
    /// The word that an argument `list_merge` has.
    pub(super) fn parse(call: &Call, value: &Value) -> Result<Self, Error> {
        Ok(match value.as_str().unwrap_or_default() {
            "replace" => ListMerge::Replace,
            "keep" => ListMerge::Keep,
            "append" => ListMerge::Append,
            "prepend" => ListMerge::Prepend,
            "append_rp" => ListMerge::AppendRp,
            "prepend_rp" => ListMerge::PrependRp,
            _ => {
                return Err(call.fail(format!(
                    "list_merge must be replace, keep, append, prepend, append_rp or prepend_rp, got {}",
                    brief(value)
                )));
            }
        })
    }

    /// Whether the part that loses what the other has comes first.
    fn filters_first(self) -> bool {
        matches!(self, ListMerge::AppendRp)
    }
}

fn dict2items(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, key_name, value_name] = call.bind(["mydict", "key_name", "value_name"], 1)?;
    let value = value.unwrap_or_default();
    if !is_map(&value) {
        return Err(call.fail(format!("needs a dictionary, got {} of type '{}'", brief(&value), type_name(&value))));
    }
    let (key_name, value_name) =
        (text_argument(key_name.as_ref(), "key")?, text_argument(value_name.as_ref(), "value")?);
    let entries = pairs(&value)?.into_iter().map(|(key, item)| {
        Value::from_pairs([(Value::from(key_name.as_str()), key), (Value::from(value_name.as_str()), item)])
    });
    Ok(Value::from(entries.collect::<Vec<_>>()))
}

fn items2dict(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, key_name, value_name] = call.bind(["mylist", "key_name", "value_name"], 1)?;
    let value = value.unwrap_or_default();
    if !is_list(&value) {
        return Err(call.fail(format!("needs a list, got {} of type '{}'", brief(&value), type_name(&value))));
    }
    let key_name = key_name.unwrap_or_else(|| Value::from("key"));
    let value_name = value_name.unwrap_or_else(|| Value::from("value"));
    let mut out: IndexMap<Value, Value> = IndexMap::new();
    for item in items(&value)? {
        if !is_map(&item) {
            return Err(call.fail(format!("needs a list of dictionaries, got the item {}", brief(&item))));
        }
        let (key, content) = (item.get_item(&key_name)?, item.get_item(&value_name)?);
        if key.is_undefined() || content.is_undefined() {
            return Err(call.fail(format!(
                "each item must have the keys {} and {}, got {}",
                repr(&key_name)?,
                repr(&value_name)?,
                brief(&item)
            )));
        }
        out.insert(key, content);
    }
    Ok(Value::from_pairs(out))
}

fn dictsort(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, case, by, reverse] = call.bind(["value", "case_sensitive", "by", "reverse"], 1)?;
    let case = truth_argument(case.as_ref(), false);
    let by_value = match text_argument(by.as_ref(), "key")?.as_str() {
        "key" => false,
        "value" => true,
        other => return Err(call.fail(format!("`by` must be key or value, got '{other}'"))),
    };
    let keyed = pairs(&value.unwrap_or_default())?.into_iter().map(|(key, item)| {
        let chosen = if by_value { &item } else { &key };
        let order = match chosen.as_str() {
            Some(source) if !case => Value::from(source.to_lowercase()),
            _ => chosen.clone(),
        };
        (order, tuple(vec![key, item]))
    });
    sort_by_key(keyed.collect(), truth_argument(reverse.as_ref(), false)).map(Value::from)
}

fn items_filter(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    if value.is_undefined() {
        return Ok(Value::from(Vec::<Value>::new()));
    }
    if !is_map(&value) {
        return Err(call.fail("can only get item pairs from a mapping"));
    }
    Ok(Value::from(pairs(&value)?.into_iter().map(|(key, item)| tuple(vec![key, item])).collect::<Vec<_>>()))
}

/// `attr` looks at attributes only, never at items; data has none.
fn attr(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, name] = call.bind(["value", "name"], 2)?;
    let value = value.unwrap_or_default();
    if is_map(&value) || is_list(&value) || value.as_str().is_some() {
        return Ok(Value::UNDEFINED);
    }
    subscript(&value, &name.unwrap_or_default())
}

fn extract(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [key, container, more] = call.bind(["item", "container", "morekeys"], 2)?;
    let mut keys = vec![key.unwrap_or_default()];
    match more {
        None => {}
        Some(more) if is_list(&more) => keys.extend(items(&more)?),
        Some(more) if more.is_none() => {}
        Some(more) => keys.push(more),
    }
    let mut current = container.unwrap_or_default();
    for key in keys {
        if current.is_undefined() {
            return Err(missing_attribute(&current, &key));
        }
        current = subscript(&current, &key)?;
    }
    Ok(current)
}

fn rekey_on_member(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, key, duplicates] = call.bind(["data", "key", "duplicates"], 2)?;
    let (value, key) = (value.unwrap_or_default(), key.unwrap_or_default());
    let duplicates = text_argument(duplicates.as_ref(), "error")?;
    if !matches!(duplicates.as_str(), "error" | "overwrite") {
        return Err(call.fail(format!("duplicates parameter to rekey_on_member has unknown value '{duplicates}'")));
    }
    let all = if is_map(&value) {
        pairs(&value)?.into_iter().map(|(_, item)| item).collect()
    } else if is_list(&value) {
        items(&value)?
    } else {
        return Err(call.fail("Type is not a valid list, set, or dict"));
    };
    let mut out: IndexMap<Value, Value> = IndexMap::new();
    for item in all {
        if !is_map(&item) {
            return Err(call.fail("List item is not a valid dict"));
        }
        let member = item.get_item(&key)?;
        if member.is_undefined() {
            return Err(call.fail(format!("Key {} was not found.", repr(&key)?)));
        }
        if duplicates == "error" && out.contains_key(&member) {
            return Err(call.fail(format!("Key {} is not unique, cannot convert to dict.", repr(&member)?)));
        }
        out.insert(member, item);
    }
    Ok(Value::from_pairs(out))
}

fn subelements(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, path, skip] = call.bind(["obj", "subelements", "skip_missing"], 2)?;
    let value = value.unwrap_or_default();
    let all = if is_map(&value) {
        pairs(&value)?.into_iter().map(|(_, item)| item).collect()
    } else if is_list(&value) {
        items(&value)?
    } else {
        return Err(call.fail("needs a list of dictionaries or a nested dictionary"));
    };
    let path = path.unwrap_or_default();
    let keys: Vec<Value> = match path.as_str() {
        Some(source) => source.split('.').map(Value::from).collect(),
        None if is_list(&path) => items(&path)?,
        None => return Err(call.fail("the subelements must be a list or a string")),
    };
    let skip = truth_argument(skip.as_ref(), false);
    pairs_with(&all, &keys, skip).map(Value::from)
}

/// Each item paired with each element of the list under `keys` in it.
pub(crate) fn pairs_with(all: &[Value], keys: &[Value], skip_missing: bool) -> Result<Vec<Value>, Error> {
    let mut rows = Vec::new();
    for item in all {
        let mut current = item.clone();
        let mut missing = false;
        for key in keys {
            defined(&current, "subelements")?;
            if !is_map(&current) {
                return Err(fail(format!(
                    "the key {} should point to a dictionary, got {}",
                    repr(key)?,
                    brief(&current)
                )));
            }
            let next = current.get_item(key)?;
            if next.is_undefined() {
                if skip_missing {
                    missing = true;
                    break;
                }
                return Err(fail(format!(
                    "could not find the key {} in the iterated item {}",
                    repr(key)?,
                    brief(item)
                )));
            }
            current = next;
        }
        if missing {
            continue;
        }
        if !is_list(&current) {
            let path: Vec<String> = keys.iter().map(super::python::text).collect::<Result<_, _>>()?;
            return Err(fail(format!("the key '{}' should point to a list, got {}", path.join("."), brief(&current))));
        }
        for element in items(&current)? {
            rows.push(tuple(vec![item.clone(), element]));
        }
    }
    Ok(rows)
}

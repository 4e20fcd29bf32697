//! Filters on sequences: first, sort, groupby, map, select, flatten, zip, combinations and their kin.

use std::cmp::Ordering;

use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, State, Value};

use super::call::{Call, Run, defined};
use super::python::{
    attribute, compare, fail, int_argument, is_list, is_map, items, missing_attribute, sort_by_key, text,
    text_argument, truth_argument, tuple, type_name,
};

pub(super) const FILTERS: &[(&str, Run)] = &[
    ("first", |_, call| end(&call, false)),
    ("last", |_, call| end(&call, true)),
    ("length", length),
    ("count", length),
    ("list", |_, call| Ok(Value::from(items(&call.only()?)?))),
    ("join", join),
    ("reverse", reverse),
    ("sort", sort),
    ("unique", unique),
    ("min", |_, call| extreme(&call, Ordering::Less)),
    ("max", |_, call| extreme(&call, Ordering::Greater)),
    ("sum", sum),
    ("batch", batch),
    ("slice", slice),
    ("groupby", groupby),
    ("map", map),
    ("select", |state, call| select(state, &call, true, false)),
    ("reject", |state, call| select(state, &call, false, false)),
    ("selectattr", |state, call| select(state, &call, true, true)),
    ("rejectattr", |state, call| select(state, &call, false, true)),
    ("flatten", flatten),
    ("zip", zip),
    ("zip_longest", zip_longest),
    ("product", product),
    ("permutations", permutations),
    ("combinations", combinations),
];

fn end(call: &Call, last: bool) -> Result<Value, Error> {
    let value = call.only()?;
    let all = items(&value)?;
    let found = if last { all.last() } else { all.first() };
    Ok(found.cloned().unwrap_or_default())
}

fn length(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    if value.as_str().is_some() || is_list(&value) || is_map(&value) {
        return Ok(Value::from(match value.len() {
            Some(length) => length,
            None => items(&value)?.len(),
        }));
    }
    Err(call.fail(format!("object of type '{}' has no length", type_name(&value))))
}

fn join(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, separator, path] = call.bind(["value", "d", "attribute"], 1)?;
    let separator = text_argument(separator.as_ref(), "")?;
    super::text::join(&value.unwrap_or_default(), &separator, path.filter(|path| !path.is_none()).as_ref())
        .map(Value::from)
}

fn reverse(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    if let Some(source) = value.as_str() {
        return Ok(Value::from(source.chars().rev().collect::<String>()));
    }
    let mut all = items(&value)?;
    all.reverse();
    Ok(Value::from(all))
}

/// The value that an item is sorted or grouped by: its attribute, in lower case unless case counts.
fn key(item: &Value, path: Option<&Value>, default: Option<&Value>, case: bool) -> Result<Value, Error> {
    let found = match path {
        Some(path) => {
            let found = attribute(item, path, default)?;
            if found.is_undefined() {
                return Err(missing_attribute(item, path));
            }
            found
        }
        None => item.clone(),
    };
    Ok(match found.as_str() {
        Some(source) if !case => Value::from(source.to_lowercase()),
        _ => found,
    })
}

fn sort(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, reverse, case, path] = call.bind(["value", "reverse", "case_sensitive", "attribute"], 1)?;
    let case = truth_argument(case.as_ref(), false);
    let paths: Option<Vec<Value>> = path.filter(|path| !path.is_none()).map(|path| match path.as_str() {
        Some(source) => source.split(',').map(Value::from).collect(),
        None => vec![path],
    });
    let mut keyed = Vec::new();
    for item in items(&value.unwrap_or_default())? {
        let key = match &paths {
            None => Value::from(vec![key(&item, None, None, case)?]),
            Some(paths) => {
                Value::from(paths.iter().map(|path| key(&item, Some(path), None, case)).collect::<Result<Vec<_>, _>>()?)
            }
        };
        keyed.push((key, item));
    }
    sort_by_key(keyed, truth_argument(reverse.as_ref(), false)).map(Value::from)
}

fn unique(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, case, path] = call.bind(["value", "case_sensitive", "attribute"], 1)?;
    let path = path.filter(|path| !path.is_none());
    let all = items(&value.unwrap_or_default())?;
    let folded = truth_argument(case.as_ref(), false);
    let mut keys = all.iter().map(|item| key(item, path.as_ref(), None, folded)).collect::<Result<Vec<_>, _>>()?;
    // Jinja2 compares by hash. Where an item has none, Ansible compares whole items instead, if nothing else was asked.
    if let Some(unhashable) = keys.iter().map(type_name).find(|kind| matches!(*kind, "list" | "dict")) {
        let folds = case.as_ref().is_some_and(|case| !case.is_none() && !folded);
        if folds || path.is_some() {
            return Err(call.fail(format!(
                "Jinja2's unique filter failed and we cannot fall back to Ansible's version as it does not support the \
                 parameters supplied: unhashable type: '{unhashable}'"
            )));
        }
        keys.clone_from(&all);
    }
    let mut seen = super::set::Seen::default();
    Ok(keys.iter().zip(all).filter(|(key, _)| seen.insert(key)).map(|(_, item)| item).collect())
}

fn extreme(call: &Call, wanted: Ordering) -> Result<Value, Error> {
    let [value, case, path] = call.bind(["value", "case_sensitive", "attribute"], 1)?;
    let case = truth_argument(case.as_ref(), false);
    let path = path.filter(|path| !path.is_none());
    let mut best: Option<(Value, Value)> = None;
    for item in items(&value.unwrap_or_default())? {
        let key = key(&item, path.as_ref(), None, case)?;
        let better = match &best {
            Some((other, _)) => compare(&key, other)? == wanted,
            None => true,
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(best.map(|(_, item)| item).unwrap_or_default())
}

fn sum(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, path, start] = call.bind(["value", "attribute", "start"], 1)?;
    let mut total = start.unwrap_or_else(|| Value::from(0));
    if total.as_str().is_some() {
        return Err(call.fail("can't sum strings; use `join`"));
    }
    for item in items(&value.unwrap_or_default())? {
        let item = key(&item, path.as_ref().filter(|path| !path.is_none()), None, true)?;
        total = super::number::add(&total, &item)?;
    }
    Ok(total)
}

fn batch(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, count, fill] = call.bind(["value", "linecount", "fill_with"], 2)?;
    let count = usize::try_from(int_argument(count.as_ref(), "linecount", 0)?).unwrap_or_default();
    let mut rows = Vec::new();
    let mut row: Vec<Value> = Vec::new();
    for item in items(&value.unwrap_or_default())? {
        if row.len() == count {
            rows.push(Value::from(std::mem::take(&mut row)));
            if count == 0 {
                // As in Jinja2: with a count of 0 one empty row comes first, then everything.
                row.push(item);
                continue;
            }
        }
        row.push(item);
    }
    if !row.is_empty() {
        if let Some(fill) = fill.filter(|fill| !fill.is_none()) {
            row.resize(count.max(row.len()), fill);
        }
        rows.push(Value::from(row));
    }
    Ok(Value::from(rows))
}

fn slice(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, slices, fill] = call.bind(["value", "slices", "fill_with"], 2)?;
    let all = items(&value.unwrap_or_default())?;
    let count = usize::try_from(int_argument(slices.as_ref(), "slices", 0)?).unwrap_or_default();
    if count == 0 {
        return Err(call.fail("the number of slices must be above 0"));
    }
    let (each, more) = (all.len() / count, all.len() % count);
    let mut rest = all.into_iter();
    let mut columns = Vec::new();
    for index in 0..count {
        let mut column: Vec<Value> = rest.by_ref().take(each + usize::from(index < more)).collect();
        if let Some(fill) = &fill
            && !fill.is_none()
            && index >= more
        {
            column.push(fill.clone());
        }
        columns.push(Value::from(column));
    }
    Ok(Value::from(columns))
}

/// A pair of `groupby` that also answers to `.grouper` and `.list`.
#[derive(Debug)]
pub(crate) struct Group {
    grouper: Value,
    list: Value,
}

impl Object for Group {
    fn repr(self: &std::sync::Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &std::sync::Arc<Self>, key: &Value) -> Option<Value> {
        match (key.as_str(), key.as_usize()) {
            (Some("grouper"), _) | (_, Some(0)) => Some(self.grouper.clone()),
            (Some("list"), _) | (_, Some(1)) => Some(self.list.clone()),
            _ => None,
        }
    }

    fn enumerate(self: &std::sync::Arc<Self>) -> Enumerator {
        Enumerator::Seq(2)
    }

    fn render(self: &std::sync::Arc<Self>, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = super::python::repr(&tuple(vec![self.grouper.clone(), self.list.clone()]));
        formatter.write_str(&shown.map_err(|_| std::fmt::Error)?)
    }
}

fn groupby(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, path, default, case] = call.bind(["value", "attribute", "default", "case_sensitive"], 2)?;
    let path = path.unwrap_or_default();
    let default = default.filter(|default| !default.is_none());
    let case = truth_argument(case.as_ref(), false);
    let mut keyed = Vec::new();
    for item in items(&value.unwrap_or_default())? {
        let key = key(&item, Some(&path), default.as_ref(), case)?;
        keyed.push((key.clone(), Value::from(Tuple::new(vec![key, item]))));
    }
    let mut groups: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for pair in sort_by_key(keyed, false)? {
        let (key, item) = (pair.get_item_by_index(0)?, pair.get_item_by_index(1)?);
        match groups.last_mut() {
            Some((current, _, members)) if *current == key => members.push(item),
            _ => {
                let grouper = attribute(&item, &path, default.as_ref())?;
                groups.push((key, grouper, vec![item]));
            }
        }
    }
    let groups: Vec<Value> = groups
        .into_iter()
        .map(|(_, grouper, members)| Value::from_object(Group { grouper, list: Value::from(members) }))
        .collect();
    Ok(Value::from(groups))
}

/// The arguments for an inner filter or test: a value, the further positional ones, the named ones.
fn inner_arguments(item: &Value, positional: &[Value], keyword: &[(String, Value)]) -> Vec<Value> {
    let mut arguments = vec![item.clone()];
    arguments.extend_from_slice(positional);
    if !keyword.is_empty() {
        arguments.push(Value::from(Kwargs::from_iter(keyword.iter().cloned())));
    }
    arguments
}

fn map(state: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.subject()?;
    let rest = call.positional.get(1..).unwrap_or_default();
    let mut out = Vec::new();
    if rest.is_empty()
        && let Some((_, path)) = call.keyword.iter().find(|(name, _)| name == "attribute")
    {
        let default = call.keyword.iter().find(|(name, _)| name == "default").map(|(_, default)| default);
        if let Some((unknown, _)) = call.keyword.iter().find(|(name, _)| name != "attribute" && name != "default") {
            return Err(call.fail(format!("unexpected argument `{unknown}` beside `attribute`")));
        }
        for item in truthy_items(&value)? {
            out.push(attribute(&item, path, default)?);
        }
        return Ok(Value::from(out));
    }
    let Some((filter, arguments)) = rest.split_first() else {
        return Err(call.fail("needs the name of a filter, or `attribute=`"));
    };
    let filter = text(filter)?;
    for item in truthy_items(&value)? {
        let arguments = inner_arguments(&item, arguments, &call.keyword);
        out.push(state.apply_filter(&filter, &arguments).map_err(|error| match error.kind() {
            ErrorKind::UnknownFilter => call.fail(format!("No filter named '{filter}'.")),
            _ => error,
        })?);
    }
    Ok(Value::from(out))
}

/// Items of a value that Jinja2 iterates only if it is true (`none|map(...)` gives nothing).
fn truthy_items(value: &Value) -> Result<Vec<Value>, Error> {
    defined(value, "this filter")?;
    if value.is_true() { items(value) } else { Ok(Vec::new()) }
}

fn select(state: &mut State<'_, '_>, call: &Call, keep: bool, by_attribute: bool) -> Result<Value, Error> {
    let value = call.subject()?;
    let mut rest = call.positional.get(1..).unwrap_or_default();
    let mut path = None;
    if by_attribute {
        let Some((first, others)) = rest.split_first() else {
            return Err(call.fail("needs the name of an attribute"));
        };
        path = Some(first);
        rest = others;
    }
    let mut out = Vec::new();
    for item in truthy_items(&value)? {
        let subject = match path {
            Some(path) => attribute(&item, path, None)?,
            None => item.clone(),
        };
        let holds = match rest.split_first() {
            Some((test, arguments)) => {
                let arguments = inner_arguments(&subject, arguments, &call.keyword);
                let test = text(test)?;
                state.perform_test(&test, &arguments).map_err(|error| match error.kind() {
                    ErrorKind::UnknownTest => call.fail(format!("No test named '{test}'.")),
                    _ => error,
                })?
            }
            None => {
                if let (true, Some(path)) = (subject.is_undefined(), path) {
                    return Err(missing_attribute(&item, path));
                }
                subject.is_true()
            }
        };
        if holds == keep {
            out.push(item);
        }
    }
    Ok(Value::from(out))
}

fn flatten(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, levels, skip_nulls] = call.bind(["mylist", "levels", "skip_nulls"], 1)?;
    let levels = match levels.filter(|levels| !levels.is_none()) {
        Some(levels) => usize::try_from(int_argument(Some(&levels), "levels", 0)?).unwrap_or_default(),
        None => usize::MAX,
    };
    let skip = truth_argument(skip_nulls.as_ref(), true);
    let mut out = Vec::new();
    flatten_into(&value.unwrap_or_default(), levels, skip, &mut out)?;
    Ok(Value::from(out))
}

fn flatten_into(value: &Value, levels: usize, skip: bool, out: &mut Vec<Value>) -> Result<(), Error> {
    for item in items(value)? {
        if skip && (item.is_none() || matches!(item.as_str(), Some("null" | "None"))) {
            continue;
        }
        if is_list(&item) && levels > 0 {
            flatten_into(&item, levels - 1, skip, out)?;
        } else {
            out.push(item);
        }
    }
    Ok(())
}

/// Every positional argument as a list.
fn columns(call: &Call) -> Result<Vec<Vec<Value>>, Error> {
    call.positional.iter().map(items).collect()
}

fn option<'a>(call: &'a Call, name: &str) -> Result<Option<&'a Value>, Error> {
    if let Some((unknown, _)) = call.keyword.iter().find(|(key, _)| key != name) {
        return Err(call.fail(format!("has no argument `{unknown}`")));
    }
    Ok(call.keyword.first().map(|(_, value)| value))
}

fn zip(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let strict = truth_argument(option(&call, "strict")?, false);
    let columns = columns(&call)?;
    let shortest = columns.iter().map(Vec::len).min().unwrap_or_default();
    if strict && columns.iter().any(|column| column.len() != shortest) {
        return Err(call.fail("the lists differ in length"));
    }
    let rows = (0..shortest).map(|row| tuple(columns.iter().filter_map(|column| column.get(row).cloned()).collect()));
    Ok(Value::from(rows.collect::<Vec<_>>()))
}

fn zip_longest(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let fill = option(&call, "fillvalue")?.cloned().unwrap_or(Value::from(()));
    let columns = columns(&call)?;
    let longest = columns.iter().map(Vec::len).max().unwrap_or_default();
    let row = |row: usize| columns.iter().map(|column| column.get(row).unwrap_or(&fill).clone()).collect();
    Ok(Value::from((0..longest).map(|index| tuple(row(index))).collect::<Vec<_>>()))
}

/// So many rows are made at most; more are a mistake that would take the memory.
const ROW_LIMIT: usize = 10_000_000;

fn product(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let repeat = usize::try_from(int_argument(option(&call, "repeat")?, "repeat", 1)?).unwrap_or_default();
    let once = columns(&call)?;
    let columns: Vec<&Vec<Value>> = (0..repeat).flat_map(|_| once.iter()).collect();
    cartesian(&columns).map(|rows| Value::from(rows.into_iter().map(tuple).collect::<Vec<_>>()))
}

/// Every choice of one item from each column, the last column fastest.
pub(crate) fn cartesian(columns: &[&Vec<Value>]) -> Result<Vec<Vec<Value>>, Error> {
    let total = columns.iter().try_fold(1_usize, |total, column| total.checked_mul(column.len()));
    if total.is_none_or(|total| total > ROW_LIMIT) {
        return Err(fail(format!("the product has more than {ROW_LIMIT} rows")));
    }
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for column in columns {
        rows = rows
            .iter()
            .flat_map(|row| {
                column.iter().map(move |item| {
                    let mut longer = row.clone();
                    longer.push(item.clone());
                    longer
                })
            })
            .collect();
    }
    Ok(rows)
}

fn permutations(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, length] = call.bind(["iterable", "r"], 1)?;
    let all = items(&value.unwrap_or_default())?;
    let length = match length.filter(|length| !length.is_none()) {
        Some(length) => {
            usize::try_from(int_argument(Some(&length), "r", 0)?).map_err(|_| call.fail("r must not be negative"))?
        }
        None => all.len(),
    };
    arrangements(&all, length, false)
}

fn combinations(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, length] = call.bind(["iterable", "r"], 2)?;
    let all = items(&value.unwrap_or_default())?;
    let length =
        usize::try_from(int_argument(length.as_ref(), "r", 0)?).map_err(|_| call.fail("r must not be negative"))?;
    arrangements(&all, length, true)
}

/// Every choice of `length` positions in lexicographic order, each position once; in rising order only if `sorted`.
fn arrangements(all: &[Value], length: usize, sorted: bool) -> Result<Value, Error> {
    let mut rows = Vec::new();
    let mut chosen: Vec<usize> = Vec::new();
    extend_arrangement(all, length, sorted, &mut chosen, &mut rows)?;
    Ok(Value::from(rows))
}

fn extend_arrangement(
    all: &[Value],
    length: usize,
    sorted: bool,
    chosen: &mut Vec<usize>,
    rows: &mut Vec<Value>,
) -> Result<(), Error> {
    if chosen.len() == length {
        if rows.len() >= ROW_LIMIT {
            return Err(fail(format!("there are more than {ROW_LIMIT} arrangements")));
        }
        rows.push(tuple(chosen.iter().filter_map(|index| all.get(*index).cloned()).collect()));
        return Ok(());
    }
    if chosen.len() >= all.len() {
        return Ok(());
    }
    let start = if sorted { chosen.last().map_or(0, |last| last + 1) } else { 0 };
    for index in start..all.len() {
        if !chosen.contains(&index) {
            chosen.push(index);
            extend_arrangement(all, length, sorted, chosen, rows)?;
            chosen.pop();
        }
    }
    Ok(())
}

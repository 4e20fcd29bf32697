//! Lookups that rearrange the lists given to them: `items`, `nested`, `together`, `dict`, `subelements` and their kin.

use minijinja::{Error, Value};

use super::{Request, Run};
use crate::template::filter::mapping;
use crate::template::filter::python::{brief, is_list, is_map, items, pairs, text, tuple, type_name};
use crate::template::filter::random::Generator;
use crate::template::filter::sequence::cartesian;

pub(super) const LOOKUPS: &[(&str, Run)] = &[
    ("items", |request| flat(&request.terms)),
    ("list", |request| Ok(request.terms.clone())),
    ("flattened", flattened),
    ("dict", dict),
    ("nested", nested),
    ("cartesian", nested_plain),
    ("together", together),
    ("indexed_items", indexed_items),
    ("random_choice", random_choice),
    ("subelements", subelements),
];

/// Lists among the items give their items; one level.
fn flat(all: &[Value]) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for item in all {
        if is_list(item) {
            out.extend(items(item)?);
        } else {
            out.push(item.clone());
        }
    }
    Ok(out)
}

fn flattened(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    fn into(all: &[Value], out: &mut Vec<Value>) -> Result<(), Error> {
        for item in all {
            if item.is_none() {
                continue;
            }
            if is_list(item) {
                into(&items(item)?, out)?;
            } else {
                out.push(item.clone());
            }
        }
        Ok(())
    }
    let mut out = Vec::new();
    into(&request.terms, &mut out)?;
    Ok(out)
}

fn dict(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in &request.terms {
        if !is_map(term) {
            return Err(request.fail(format!("needs a dictionary, got {} of type '{}'", brief(term), type_name(term))));
        }
        for (key, value) in pairs(term)? {
            out.push(Value::from_pairs([(Value::from("key"), key), (Value::from("value"), value)]));
        }
    }
    Ok(out)
}

fn nested(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    if request.terms.is_empty() {
        return Err(request.fail("needs at least one list"));
    }
    if let [only] = request.terms.as_slice() {
        return items(only)?.iter().map(|item| items(item).map(Value::from)).collect();
    }
    nested_plain(request)
}

fn nested_plain(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    if request.terms.is_empty() {
        return Err(request.fail("needs at least one list"));
    }
    let columns = request.terms.iter().map(items).collect::<Result<Vec<_>, _>>()?;
    let rows = cartesian(&columns.iter().collect::<Vec<_>>())?;
    rows.iter().map(|row| flat(row).map(Value::from)).collect()
}

fn together(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    if request.terms.is_empty() {
        return Err(request.fail("with_together requires at least one element in each list"));
    }
    let columns = request.terms.iter().map(items).collect::<Result<Vec<_>, _>>()?;
    let longest = columns.iter().map(Vec::len).max().unwrap_or_default();
    let nothing = Value::from(());
    let row = |index: usize| -> Vec<Value> {
        columns.iter().map(|column| column.get(index).unwrap_or(&nothing).clone()).collect()
    };
    (0..longest).map(|index| flat(&row(index)).map(Value::from)).collect()
}

fn indexed_items(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    Ok(flat(&request.terms)?
        .into_iter()
        .enumerate()
        .map(|(index, item)| tuple(vec![Value::from(index), item]))
        .collect())
}

fn random_choice(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    Ok(Generator::System.choose(&request.terms).cloned().into_iter().collect())
}

fn subelements(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let (first, path, flags) = match request.terms.as_slice() {
        [first, path] => (first, path, None),
        [first, path, flags] if is_map(flags) => (first, path, Some(flags)),
        _ => {
            return Err(request
                .fail("needs a list of dictionaries, the name of a key in them, and perhaps {skip_missing: true}"));
        }
    };
    let skip = match flags {
        Some(flags) => {
            let flag = flags.get_attr("skip_missing")?;
            if flag.as_str().is_some() { crate::template::filter::logic::boolean(&flag) } else { flag.is_true() }
        }
        None => request.truth_option("skip_missing", false),
    };
    let all = if is_map(first) {
        pairs(first)?.into_iter().map(|(_, item)| item).collect()
    } else if is_list(first) {
        items(first)?
    } else {
        return Err(request.fail(format!("needs a list or a dictionary first, got {}", brief(first))));
    };
    let keys: Vec<Value> = match path.as_str() {
        Some(path) => path.split('.').map(Value::from).collect(),
        None => return Err(request.fail(format!("the key must be a string, got {}", brief(path)))),
    };
    let mut rows = Vec::new();
    for item in all {
        if !is_map(&item) {
            return Err(request.fail(format!("each item must be a dictionary, got {}", brief(&item))));
        }
        // Results of a loop hold items that were skipped; they have nothing below them.
        if item.get_attr("skipped")?.is_true() {
            continue;
        }
        let without = without(&item, &keys)?;
        for row in mapping::pairs_with(std::slice::from_ref(&item), &keys, skip)
            .map_err(|error| request.fail(error.detail().unwrap_or_default()))?
        {
            rows.push(tuple(vec![without.clone(), row.get_item_by_index(1)?]));
        }
    }
    Ok(rows)
}

/// A dictionary without the entry at the end of `keys`.
fn without(value: &Value, keys: &[Value]) -> Result<Value, Error> {
    let Some((first, rest)) = keys.split_first() else { return Ok(value.clone()) };
    if !is_map(value) {
        return Ok(value.clone());
    }
    let mut entries = Vec::new();
    for (key, item) in pairs(value)? {
        if text(&key)? != text(first)? {
            entries.push((key, item));
        } else if !rest.is_empty() {
            let inner = without(&item, rest)?;
            entries.push((key, inner));
        }
    }
    Ok(Value::from_pairs(entries))
}

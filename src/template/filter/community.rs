//! Filters of community.general that playbooks use most, by that collection's documentation.

use indexmap::IndexMap;
use minijinja::{Error, State, Value};
use rand::RngExt as _;

use super::call::{Call, Run};
use super::mapping::{ListMerge, merge};
use super::python::{is_list, is_map, items, pairs, repr, sort_by_key, text_argument, text_only, truth_argument};
use super::set::{Seen, members};
use crate::template::test::version;
use crate::template::value::{from_json, to_json};

/// By their full names; each goes by its short one as well, as Ansible's redirections have it.
pub(super) const FILTERS: &[(&str, Run)] = &[
    ("community.general.counter", counter),
    ("community.general.dict", dict),
    ("community.general.dict_kv", dict_kv),
    ("community.general.groupby_as_dict", groupby_as_dict),
    ("community.general.json_query", json_query),
    ("community.general.lists_difference", |_, call| lists(&call, List::Difference)),
    ("community.general.lists_intersect", |_, call| lists(&call, List::Intersect)),
    ("community.general.lists_mergeby", lists_mergeby),
    ("community.general.lists_symmetric_difference", |_, call| lists(&call, List::SymmetricDifference)),
    ("community.general.lists_union", |_, call| lists(&call, List::Union)),
    ("community.general.random_mac", random_mac),
    ("community.general.version_sort", version_sort),
];

fn counter(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    if !is_list(&value) {
        return Err(
            call.fail(format!("Argument for community.general.counter must be a sequence, not {}", repr(&value)?))
        );
    }
    let mut counts: IndexMap<Value, i64> = IndexMap::new();
    for item in items(&value)? {
        *counts.entry(item).or_default() += 1;
    }
    Ok(Value::from_pairs(counts))
}

fn dict(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let mut entries: IndexMap<Value, Value> = IndexMap::new();
    for pair in items(&call.only()?)? {
        match items(&pair)?.as_slice() {
            [key, value] => entries.insert(key.clone(), value.clone()),
            _ => return Err(call.fail(format!("a key with its value is needed, not {}", repr(&pair)?))),
        };
    }
    Ok(Value::from_pairs(entries))
}

fn dict_kv(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, key] = call.bind(["value", "key"], 2)?;
    Ok(Value::from_pairs([(key.unwrap_or_default(), value.unwrap_or_default())]))
}

fn groupby_as_dict(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [sequence, attribute] = call.bind(["sequence", "attribute"], 2)?;
    let (sequence, attribute) = (sequence.unwrap_or_default(), attribute.unwrap_or_default());
    let mut groups: IndexMap<Value, Value> = IndexMap::new();
    for (index, item) in items(&sequence)?.into_iter().enumerate() {
        if !is_map(&item) {
            return Err(call.fail(format!("Sequence element #{index} is not a mapping")));
        }
        let Some((_, key)) = pairs(&item)?.into_iter().find(|(name, _)| *name == attribute) else {
            return Err(call.fail(format!("Attribute not contained in element #{index} of sequence")));
        };
        if groups.insert(key.clone(), item).is_some() {
            return Err(call.fail(format!("Multiple sequence entries have attribute value {}", repr(&key)?)));
        }
    }
    Ok(Value::from_pairs(groups))
}

fn json_query(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [data, expression] = call.bind(["data", "expr"], 2)?;
    let expression = text_only(&expression.unwrap_or_default(), "json_query")?;
    let data = to_json(&data.unwrap_or_default())?;
    let refused = |error: jmespath::JmespathError| {
        let text = error.to_string();
        call.fail(format!("JMESPathError in json_query filter plugin:\n{text}"))
    };
    let found = jmespath::compile(&expression).and_then(|query| query.search(data)).map_err(refused)?;
    let found = serde_json::to_value(&found).map_err(|error| call.fail(error))?;
    Ok(from_json(&found))
}

/// What of several lists is kept.
#[derive(Clone, Copy)]
enum List {
    Union,
    Difference,
    Intersect,
    SymmetricDifference,
}

fn lists(call: &Call, operation: List) -> Result<Value, Error> {
    let mut flatten = false;
    for (name, value) in &call.keyword {
        match name.as_str() {
            "flatten" => flatten = value.is_true(),
            _ => return Err(call.fail(format!("has no argument `{name}`; it takes flatten"))),
        }
    }
    let mut all: Vec<Vec<Value>> = Vec::new();
    for value in &call.positional {
        let given = items(value)?;
        // Lists of lists, as far as they are.
        if flatten && given.iter().any(is_list) {
            let (inner, plain): (Vec<Value>, Vec<Value>) = given.into_iter().partition(is_list);
            for list in &inner {
                all.push(items(list)?);
            }
            if !plain.is_empty() {
                all.push(plain);
            }
        } else {
            all.push(given);
        }
    }
    let mut lists = all.into_iter();
    let mut result = unique(lists.next().unwrap_or_default());
    for list in lists {
        let (ours, theirs) = (members(&result), members(&list));
        match operation {
            List::Union => result = unique(result.into_iter().chain(list).collect()),
            List::Difference => result.retain(|item| !theirs.contains(item)),
            List::Intersect => result.retain(|item| theirs.contains(item)),
            List::SymmetricDifference => {
                result.retain(|item| !theirs.contains(item));
                result.extend(unique(list).into_iter().filter(|item| !ours.contains(item)));
            }
        }
    }
    Ok(Value::from(result))
}

/// Each once, in the order of their first appearance.
fn unique(list: Vec<Value>) -> Vec<Value> {
    let mut seen = Seen::default();
    list.into_iter().filter(|item| seen.insert(item)).collect()
}

fn lists_mergeby(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let (mut recursive, mut list_merge) = (false, ListMerge::Replace);
    let mut index = None;
    for (name, value) in &call.keyword {
        match name.as_str() {
            "recursive" => recursive = value.is_true(),
            "list_merge" => list_merge = ListMerge::parse(&call, value)?,
            "index" => index = Some(value.clone()),
            _ => return Err(call.fail(format!("has no argument `{name}`; it takes index, recursive and list_merge"))),
        }
    }
    let mut given = call.positional.clone();
    let index = match index.or_else(|| given.pop()) {
        Some(index) if index.as_str().is_some() => index,
        _ => return Err(call.fail("The index must be a string: the name of what the dictionaries have in common")),
    };
    let mut lists = Vec::new();
    for value in given {
        let list = items(&value)?;
        // One list of lists stands for several.
        if list.iter().all(is_list) && !list.is_empty() {
            for inner in &list {
                lists.push(items(inner)?);
            }
        } else {
            lists.push(list);
        }
    }
    let mut merged: IndexMap<Value, Value> = IndexMap::new();
    for item in lists.into_iter().flatten() {
        if !is_map(&item) {
            return Err(call.fail(format!("Elements of lists must be dictionaries: {} is none", repr(&item)?)));
        }
        let Some((_, key)) = pairs(&item)?.into_iter().find(|(name, _)| *name == index) else { continue };
        let item = match merged.get(&key) {
            Some(old) => merge(old, &item, recursive, list_merge)?,
            None => item,
        };
        merged.insert(key, item);
    }
    Ok(Value::from(sort_by_key(merged.into_iter().collect(), false)?))
}

fn random_mac(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, seed] = call.bind(["value", "seed"], 1)?;
    let prefix = text_only(&value.unwrap_or_default(), "random_mac")?.to_lowercase();
    if prefix.is_empty() {
        return Err(call.fail("Invalid value () for random_mac: empty item"));
    }
    let given: Vec<&str> = prefix.split(':').filter(|octet| !octet.is_empty()).collect();
    if given.len() > 5 {
        return Err(call.fail(format!("Invalid value ({prefix}) for random_mac: 5 colon(:) separated items max")));
    }
    if let Some(wrong) = given.iter().find(|octet| octet.len() != 2 || u8::from_str_radix(octet, 16).is_err()) {
        return Err(call.fail(format!("Invalid value ({prefix}) for random_mac: {wrong} not hexa byte")));
    }
    let mut octets: Vec<String> = given.iter().map(|octet| (*octet).to_owned()).collect();
    let drawn: [u8; 6] = match seed.filter(|seed| !seed.is_none()) {
        // The same for the same seed; which one, only Python's generator could say.
        Some(seed) => {
            use sha2::Digest as _;
            let digest = sha2::Sha256::digest(text_argument(Some(&seed), "")?.as_bytes());
            let mut first = [0; 6];
            first.iter_mut().zip(digest.iter()).for_each(|(octet, byte)| *octet = *byte);
            first
        }
        None => rand::rng().random(),
    };
    octets.extend(drawn.iter().skip(given.len()).map(|octet| format!("{octet:02x}")));
    Ok(Value::from(octets.join(":")))
}

fn version_sort(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, reverse] = call.bind(["value", "reverse"], 1)?;
    let mut keyed = Vec::new();
    for item in items(&value.unwrap_or_default())? {
        keyed.push((text_only(&item, "version_sort")?, item));
    }
    let mut problem = None;
    keyed.sort_by(|(left, _), (right, _)| {
        version::loose(left, right).unwrap_or_else(|error| {
            problem.get_or_insert(error);
            std::cmp::Ordering::Equal
        })
    });
    if let Some(error) = problem {
        return Err(error);
    }
    if truth_argument(reverse.as_ref(), false) {
        keyed.reverse();
    }
    Ok(Value::from_iter(keyed.into_iter().map(|(_, item)| item)))
}

//! A name in layers of variables: the strongest value, or, with `hash_behaviour = merge`, all dictionaries in one.

use std::ops::ControlFlow;

use indexmap::IndexMap;
use minijinja::Value;

use crate::template::{Variable, Written};

/// Takes values of a name, the strongest first, until it has enough.
pub(super) type Offer<'a> = dyn FnMut(Variable) -> ControlFlow<()> + 'a;

/// What a name stands for, if `layers` offers the values that its layers have.
pub(super) fn strongest(merge: bool, layers: impl FnOnce(&mut Offer<'_>) -> ControlFlow<()>) -> Option<Variable> {
    if merge {
        let mut found = Vec::new();
        // A layer below what is no dictionary does not count.
        let _ = layers(&mut |variable| {
            let ends = entries(&variable).is_none();
            found.push(variable);
            if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        return merged(found);
    }
    let mut found = None;
    let _ = layers(&mut |variable| {
        found = Some(variable);
        ControlFlow::Break(())
    });
    found
}

/// Values of one name as one, the strongest first: dictionaries are merged recursively, anything else hides what is
/// below it. `None` if there are none.
pub fn merged(values: impl IntoIterator<Item = Variable>) -> Option<Variable> {
    let mut values = values.into_iter();
    let mut all = values.next()?;
    let mut below = values.next();
    while let Some(weaker) = below {
        let (Some(weak), Some(strong)) = (entries(&weaker), entries(&all)) else { break };
        all = Variable::Written(union(weak, strong));
        below = values.next();
    }
    Some(all)
}

type Entries = Vec<(Value, Written)>;

fn entries(variable: &Variable) -> Option<Entries> {
    match variable {
        Variable::Written(written) => written.entries(),
        Variable::Plain(value) => Written::plain(value.clone()).entries(),
    }
}

fn union(weak: Entries, strong: Entries) -> Written {
    let mut all: IndexMap<Value, Written> = weak.into_iter().collect();
    for (key, value) in strong {
        let value = match (all.get(&key).and_then(Written::entries), value.entries()) {
            (Some(weak), Some(strong)) => union(weak, strong),
            _ => value,
        };
        all.insert(key, value);
    }
    Written::map(all, None)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::template::Scope;

    fn merged_text(values: &[&str]) -> String {
        let written = |text: &&str| {
            let loaded = crate::yaml::parse(std::path::Path::new("t"), std::sync::Arc::from(*text)).unwrap();
            Variable::Written(Written::from_node(&loaded.root))
        };
        match merged(values.iter().map(written)).unwrap() {
            Variable::Written(written) => written.render(&Scope::empty()).unwrap().to_string(),
            Variable::Plain(value) => value.to_string(),
        }
    }

    #[test]
    fn dictionaries_are_merged_down_to_what_is_none() {
        assert_eq!(merged_text(&["{a: {x: 1}}", "{a: {y: 2}, b: [1]}"]), "{'a': {'y': 2, 'x': 1}, 'b': [1]}");
        assert_eq!(merged_text(&["{a: {x: '{{ 1 + 1 }}'}}", "{a: {y: 2}}"]), "{'a': {'y': 2, 'x': 2}}");
        assert_eq!(merged_text(&["{a: 1}", "text", "{b: 1}"]), "{'a': 1}");
        assert_eq!(merged_text(&["[1]", "{b: 1}"]), "[1]");
        assert_eq!(merged_text(&["{a: [1]}", "{a: {x: 1}}"]), "{'a': [1]}");
    }
}

//! A property of the Engine's container: where it stands in the Engine's description, what it is to be, and whether it
//! can be changed while the container lives; what a container has of it, and what the Engine is asked for.

use serde_json::{Value as Json, json};

use super::comparisons::Comparisons;
use crate::docker::compare::{Shape, agrees};

/// One option as the Engine has it.
#[derive(Clone, Debug)]
pub struct Property {
    /// The option's name.
    pub option: &'static str,
    /// Where it stands in what `inspect` gives, as a JSON pointer: below `/Config` or `/HostConfig`.
    pub pointer: &'static str,
    /// What it is made of.
    pub shape: Shape,
    /// What a new container is created with.
    pub create: Json,
    /// What it is compared with.
    pub wanted: Json,
    /// How a container's own value is read, where it is not simply what stands at `pointer`.
    pub read: Option<fn(&Json) -> Json>,
    /// It can be changed without making the container anew.
    pub live: bool,
}

impl Property {
    /// What a container has.
    pub fn current(&self, container: &Json) -> Json {
        match self.read {
            Some(read) => read(container),
            None => container.pointer(self.pointer).cloned().unwrap_or(Json::Null),
        }
    }
}

/// Something in which a container is not as it is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The option.
    pub option: &'static str,
    /// What is wanted.
    pub wanted: Json,
    /// What is.
    pub current: Json,
    /// It can be changed without making the container anew.
    pub live: bool,
}

/// Where a container differs from what is wanted.
pub fn differences(properties: &[Property], comparisons: &Comparisons, container: &Json) -> Vec<Difference> {
    properties
        .iter()
        .filter_map(|property| {
            let current = property.current(container);
            let comparison = comparisons.of(property.option, property.shape);
            (!agrees(property.shape, comparison, &property.wanted, &current)).then(|| Difference {
                option: property.option,
                wanted: property.wanted.clone(),
                current,
                live: property.live,
            })
        })
        .collect()
}

/// The body of the request that creates a container.
pub fn creation(properties: &[Property], image: &str) -> Json {
    let mut body = json!({"Image": image, "HostConfig": {}});
    for property in properties {
        let pointer = property.pointer.strip_prefix("/Config").unwrap_or(property.pointer);
        place(&mut body, pointer, property.create.clone());
    }
    body
}

/// The body of the request that changes a living container.
pub fn update(properties: &[Property], changed: &[Difference]) -> Json {
    let mut body = json!({});
    for property in properties.iter().filter(|property| property.live) {
        let of_policy = property.pointer.starts_with("/HostConfig/RestartPolicy")
            && changed.iter().any(|difference| difference.option.starts_with("restart_"));
        if of_policy || changed.iter().any(|difference| difference.option == property.option) {
            let pointer = property.pointer.strip_prefix("/HostConfig").unwrap_or(property.pointer);
            place(&mut body, pointer, property.create.clone());
        }
    }
    body
}

/// Write a value into a structure at a JSON pointer; what lies on the way is made.
pub fn place(body: &mut Json, pointer: &str, value: Json) {
    let mut parts: Vec<&str> = pointer.trim_start_matches('/').split('/').collect();
    let Some(last) = parts.pop() else { return };
    let mut target = body;
    for part in parts {
        let Some(map) = target.as_object_mut() else { return };
        target = map.entry(part.to_owned()).or_insert_with(|| json!({}));
    }
    if let Some(map) = target.as_object_mut() {
        map.insert(last.to_owned(), value);
    }
}

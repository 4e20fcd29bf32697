//! What the engine knows: `vars`, `varnames`, `config`, `inventory_hostnames`.

use minijinja::{Error, ErrorKind, Value};

use super::{Request, Run};
use crate::template::filter::python::{items, pairs, text, type_name};
use crate::template::filter::regex::{Flags, compile};
use crate::template::value::plain_message;

pub(super) const LOOKUPS: &[(&str, Run)] =
    &[("vars", vars), ("varnames", varnames), ("config", config), ("inventory_hostnames", inventory_hostnames)];

fn vars(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in &request.terms {
        let Some(name) = term.as_str() else {
            return Err(request.fail(format!("Variable name must be 'str' not '{}'.", type_name(term))));
        };
        let found = match request.scope.get(name)? {
            Some(found) => Some(found),
            // Variables of this host by a name made up at run time.
            None => hostvar(request, name)?,
        };
        let default = request.options.iter().find(|(key, _)| key == "default").map(|(_, default)| default.clone());
        match found.filter(|value| !value.is_undefined()).or(default) {
            Some(value) => out.push(value),
            None => {
                return Err(Error::new(ErrorKind::UndefinedError, format!("No variable named '{name}' was found.")));
            }
        }
    }
    Ok(out)
}

fn hostvar(request: &Request<'_>, name: &str) -> Result<Option<Value>, Error> {
    let (Some(hostvars), Some(host)) = (request.scope.get("hostvars")?, request.scope.get("inventory_hostname")?)
    else {
        return Ok(None);
    };
    let Ok(mine) = hostvars.get_item(&host) else { return Ok(None) };
    Ok(mine.get_attr(name).ok().filter(|value| !value.is_undefined()))
}

fn varnames(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut names: Vec<String> = request.scope.names().into_iter().map(|name| name.into_owned()).collect();
    names.sort();
    names.dedup();
    let mut out = Vec::new();
    for term in &request.terms {
        let Some(pattern) = term.as_str() else {
            return Err(request.fail(format!(
                "Invalid setting identifier, \"{}\" is not a string, it is a <class '{}'>",
                text(term)?,
                type_name(term)
            )));
        };
        let regex = compile(pattern, Flags::default()).map_err(|error| {
            request.fail(format!("Unable to use \"{pattern}\" as a search parameter: {}", plain_message(&error)))
        })?;
        out.extend(
            names.iter().filter(|name| regex.is_match(name).unwrap_or(false)).map(|name| Value::from(name.as_str())),
        );
    }
    Ok(out)
}

fn config(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let missing = request.text_option("on_missing", "error")?;
    let mut out = Vec::new();
    for term in &request.terms {
        let name = text(term)?;
        match request.scope.surroundings().settings.get(&name) {
            Some(value) => out.push(value.clone()),
            None if missing == "error" => return Err(request.fail(format!("there is no setting '{name}'"))),
            None => {}
        }
    }
    Ok(out)
}

/// Whether a name matches a shell pattern.
fn fits(pattern: &str, name: &str) -> bool {
    if let Some(regex) = pattern.strip_prefix('~') {
        return compile(regex, Flags { at_start: true, ..Flags::default() })
            .is_ok_and(|regex| regex.is_match(name).unwrap_or(false));
    }
    pattern == name || glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(name))
}

fn inventory_hostnames(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    if let Some(known) = request.scope.get("groups")? {
        for (name, members) in pairs(&known)? {
            groups.push((text(&name)?, items(&members)?.iter().map(text).collect::<Result<_, _>>()?));
        }
    }
    let mut all: Vec<String> =
        groups.iter().find(|(name, _)| name == "all").map(|(_, members)| members.clone()).unwrap_or_default();
    for (_, members) in &groups {
        for member in members {
            if !all.contains(member) {
                all.push(member.clone());
            }
        }
    }
    let hosts = |pattern: &str| -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let grouped = groups.iter().filter(|(name, _)| fits(pattern, name)).flat_map(|(_, members)| members.iter());
        for host in grouped.chain(all.iter().filter(|host| fits(pattern, host))) {
            if !found.contains(host) {
                found.push(host.clone());
            }
        }
        // The host that is there without being written in any inventory.
        if found.is_empty() && matches!(pattern, "localhost" | "127.0.0.1" | "::1") {
            found.push(pattern.to_owned());
        }
        found
    };
    let terms = request.terms.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let patterns: Vec<String> = terms
        .iter()
        .flat_map(|term| term.split([',', ':', ';']))
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    let plain = |part: &&String| !part.starts_with(['!', '&']);
    let mut chosen: Vec<String> = Vec::new();
    for pattern in patterns.iter().filter(plain) {
        for host in hosts(pattern) {
            if !chosen.contains(&host) {
                chosen.push(host);
            }
        }
    }
    if !patterns.is_empty() && !patterns.iter().any(|part| plain(&part)) {
        chosen.clone_from(&all);
    }
    for pattern in &patterns {
        if let Some(pattern) = pattern.strip_prefix('&') {
            let kept = hosts(pattern);
            chosen.retain(|host| kept.contains(host));
        }
    }
    for pattern in &patterns {
        if let Some(pattern) = pattern.strip_prefix('!') {
            let dropped = hosts(pattern);
            chosen.retain(|host| !dropped.contains(host));
        }
    }
    Ok(chosen.into_iter().map(Value::from).collect())
}

//! Privileges: as a playbook has them, as the server shows them, and what leads from one to the other.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use rprov_wire::Value;

use super::literal;

/// What privileges are for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    /// `FUNCTION` and the like; empty for tables.
    kind: String,
    /// Names, `*` for all.
    parts: Vec<String>,
}

impl Object {
    /// By its text, as `db.*`, `` `my.db`.table `` or `FUNCTION db.f`.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let kinds = ["FUNCTION", "PROCEDURE", "PACKAGE BODY", "PACKAGE", "TABLE"];
        let kind = kinds.into_iter().find(|kind| {
            text.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind))
                && text.get(kind.len()..).is_some_and(|rest| rest.starts_with(char::is_whitespace))
        });
        let rest = kind.map_or(text, |kind| text.get(kind.len()..).unwrap_or_default());
        let parts = literal::parts(rest.trim());
        let kind = kind.filter(|kind| *kind != "TABLE").unwrap_or_default().to_owned();
        (parts.len() == 2 && parts.iter().all(|part| !part.is_empty())).then_some(Self { kind, parts })
    }

    /// Everything on the server.
    pub fn is_global(&self) -> bool {
        self.kind.is_empty() && self.parts.iter().all(|part| part == "*")
    }

    /// As a statement has it.
    pub fn sql(&self) -> String {
        let quoted = |part: &String| if part == "*" { part.clone() } else { literal::name(part) };
        let names = self.parts.iter().map(quoted).collect::<Vec<_>>().join(".");
        if self.kind.is_empty() { names } else { format!("{} {names}", self.kind) }
    }

    /// As a playbook has it.
    fn plain(&self) -> String {
        let names = self.parts.join(".");
        if self.kind.is_empty() { names } else { format!("{} {names}", self.kind) }
    }
}

/// Privileges on each object. `ALL` stands for all but `GRANT`, which allows to pass them on.
pub type Privileges = IndexMap<Object, BTreeSet<String>>;

/// How names are brought into one form.
#[derive(Clone, Copy, Debug, Default)]
pub struct Form {
    /// The server is MariaDB of 10.5 or later, which has other names for some.
    pub renamed: bool,
}

impl Form {
    /// A privilege in the server's words, its columns in order.
    fn canonical(self, text: &str) -> String {
        let text = text.trim();
        let (name, columns) = text.split_once('(').map_or((text, None), |(name, columns)| (name, Some(columns)));
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase();
        let name = match name.as_str() {
            "ALL PRIVILEGES" => "ALL",
            "GRANT OPTION" => "GRANT",
            "REPLICATION CLIENT" if self.renamed => "BINLOG MONITOR",
            "REPLICATION REPLICA" if self.renamed => "REPLICATION SLAVE",
            "REPLICATION REPLICA ADMIN" if self.renamed => "REPLICATION SLAVE ADMIN",
            "REPLICA MONITOR" if self.renamed => "SLAVE MONITOR",
            "DELETE VERSIONING ROWS" if self.renamed => "DELETE HISTORY",
            other => other,
        };
        let Some(columns) = columns else { return name.to_owned() };
        let columns = columns.trim_end().trim_end_matches(')').split(',');
        let mut columns: Vec<String> = columns.map(|column| column.trim().trim_matches('`').to_owned()).collect();
        columns.sort_by_key(|column| column.to_lowercase());
        format!("{name} ({})", columns.join(", "))
    }

    fn set(self, text: &str) -> BTreeSet<String> {
        split(text, ',').into_iter().filter(|part| !part.trim().is_empty()).map(|part| self.canonical(part)).collect()
    }

    /// Read the option `priv`.
    ///
    /// # Errors
    /// Which part cannot be read, and how it should be written.
    pub fn read(self, option: &Value) -> Result<Privileges, String> {
        let pairs: Vec<(String, String)> = match option {
            Value::String(text) => split(text, '/')
                .into_iter()
                .filter(|part| !part.trim().is_empty())
                .map(|part| match split(part, ':').as_slice() {
                    [object, names] => Ok(((*object).to_owned(), (*names).to_owned())),
                    _ => Err(format!("priv: `{}` is to be written as `db.table:PRIVILEGE,PRIVILEGE`", part.trim())),
                })
                .collect::<Result<_, _>>()?,
            Value::Map(map) => map
                .iter()
                .map(|(object, names)| match names {
                    Value::String(names) => Ok((object.clone(), names.clone())),
                    Value::List(names) => {
                        Ok((object.clone(), names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")))
                    }
                    _ => Err(format!("priv: the privileges on `{object}` are to be text, as `SELECT,INSERT`")),
                })
                .collect::<Result<_, _>>()?,
            other => return Err(format!("priv: wanted text or a map, found {}", other.type_name())),
        };
        let mut privileges = Privileges::new();
        for (object, names) in pairs {
            let object = Object::read(&object).ok_or_else(|| {
                format!("priv: `{}` is no object of a database; write it as `db.table`, `db.*` or `*.*`", object.trim())
            })?;
            let set = self.set(&names);
            if set.contains("REQUIRESSL") {
                return Err("priv: REQUIRESSL is gone; set `tls_requires` to `SSL:`".to_owned());
            }
            if set.iter().any(|name| name.contains(['\'', '"', ';', '\\'])) {
                return Err(format!("priv: `{names}` has characters that no privilege has"));
            }
            privileges.insert(object, set);
        }
        Ok(privileges)
    }

    /// Read a line of `SHOW GRANTS`; nothing for what is no privilege on an object (roles, proxies).
    pub fn read_grant(self, line: &str) -> Option<(Object, BTreeSet<String>)> {
        let rest = line.strip_prefix("GRANT ")?;
        let (names, rest) = cut(rest, " ON ")?;
        let (object, rest) = cut(rest, " TO ")?;
        let mut set = self.set(names);
        if set.contains("PROXY") {
            return None;
        }
        if cut(rest, " GRANT OPTION").is_some() {
            set.insert("GRANT".to_owned());
        }
        Some((Object::read(object)?, set))
    }

    /// All lines of `SHOW GRANTS`; an object may have more than one.
    pub fn read_grants<'a>(self, lines: impl IntoIterator<Item = &'a str>) -> Privileges {
        let mut privileges = Privileges::new();
        for (object, set) in lines.into_iter().filter_map(|line| self.read_grant(line)) {
            privileges.entry(object).or_default().extend(set);
        }
        privileges
    }
}

/// The wanted privileges with the columns as the server spells them; where it has none of that name, in capitals.
pub fn respelled(wanted: &Privileges, current: &Privileges) -> Privileges {
    let respell = |name: &String, has: Option<&BTreeSet<String>>| {
        let known = has.into_iter().flatten().find(|known| known.eq_ignore_ascii_case(name));
        known.cloned().unwrap_or_else(|| name.to_uppercase())
    };
    let entry = |(object, set): (&Object, &BTreeSet<String>)| {
        let has = current.get(object);
        (object.clone(), set.iter().map(|name| respell(name, has)).collect())
    };
    wanted.iter().map(entry).collect()
}

/// The text at each separator outside of backquotes and brackets.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut depth) = (false, 0_i32);
    text.split(move |character| {
        match character {
            '`' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        character == separator && !quoted && depth <= 0
    })
    .collect()
}

/// What is before and behind a word outside of quotes.
fn cut<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let mut quote = None;
    for (index, character) in text.char_indices() {
        match (quote, character) {
            (None, '`' | '\'' | '"') => quote = Some(character),
            (Some(open), character) if open == character => quote = None,
            (None, _) if text.get(index..).is_some_and(|rest| rest.starts_with(word)) => {
                return Some((text.get(..index)?, text.get(index + word.len()..)?));
            }
            _ => {}
        }
    }
    None
}

/// What is to be granted and revoked on an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The object.
    pub object: Object,
    /// Privileges to grant.
    pub grant: BTreeSet<String>,
    /// Privileges to take away.
    pub revoke: BTreeSet<String>,
}

/// How the wanted privileges relate to those that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// They are all that is to be.
    Exactly,
    /// They are added to what is there.
    Append,
    /// They are taken away.
    Subtract,
}

/// The steps from what is to what is wanted. `everything` are the privileges that `ALL` stands for on the whole server,
/// where the server shows each by its name.
pub fn steps(current: &Privileges, wanted: &Privileges, manner: Manner, everything: &BTreeSet<String>) -> Vec<Step> {
    let none = BTreeSet::new();
    let mut steps = Vec::new();
    let real =
        |set: &BTreeSet<String>| -> BTreeSet<String> { set.iter().filter(|name| *name != "USAGE").cloned().collect() };
    for (object, set) in wanted {
        let mut has = real(current.get(object).unwrap_or(&none));
        if object.is_global() && !everything.is_empty() && everything.is_subset(&has) {
            let grant = has.contains("GRANT");
            has = BTreeSet::from(["ALL".to_owned()]);
            has.extend(grant.then(|| "GRANT".to_owned()));
        }
        let wants = real(set);
        let all = |set: &BTreeSet<String>| set.contains("ALL");
        let passes = |set: &BTreeSet<String>| set.contains("GRANT");
        let mut step = Step { object: object.clone(), grant: none.clone(), revoke: none.clone() };
        match manner {
            Manner::Subtract if all(&wants) => {
                step.revoke = has.into_iter().filter(|name| name != "GRANT" || passes(&wants)).collect();
            }
            Manner::Subtract if all(&has) => {
                // What is shown as `ALL` has each.
                step.revoke = wants.into_iter().filter(|name| name != "GRANT" || passes(&has)).collect();
            }
            Manner::Subtract => step.revoke = has.intersection(&wants).cloned().collect(),
            Manner::Append | Manner::Exactly if all(&has) && (all(&wants) || manner == Manner::Append) => {
                if passes(&wants) && !passes(&has) {
                    step.grant.insert("GRANT".to_owned());
                }
                if manner == Manner::Exactly && passes(&has) && !passes(&wants) {
                    step.revoke.insert("GRANT".to_owned());
                }
            }
            Manner::Append | Manner::Exactly => {
                step.grant = wants.difference(&has).cloned().collect();
                if manner == Manner::Exactly {
                    step.revoke = has.difference(&wants).cloned().collect();
                }
                if all(&wants) {
                    // They become part of `ALL`.
                    step.revoke.retain(|name| name == "GRANT");
                } else if all(&step.revoke) {
                    // Nothing is left of `ALL`, so what is wanted must be given again.
                    step.grant = wants;
                }
            }
        }
        steps.push(step);
    }
    if manner == Manner::Exactly {
        for (object, set) in current.iter().filter(|(object, _)| !wanted.contains_key(*object)) {
            steps.push(Step { object: object.clone(), grant: none.clone(), revoke: real(set) });
        }
    }
    steps.retain(|step| !step.grant.is_empty() || !step.revoke.is_empty());
    steps
}

impl Step {
    /// The statements for it.
    pub fn statements(&self, account: &str) -> Vec<String> {
        let object = self.object.sql();
        let mut statements = Vec::new();
        let mut revoke = self.revoke.clone();
        if revoke.remove("ALL") {
            statements.push(format!("REVOKE ALL PRIVILEGES ON {object} FROM {account}"));
            revoke.retain(|name| name == "GRANT");
        }
        let grant = self.grant_statement(account);
        let only_takes = statements.is_empty();
        if !only_takes {
            statements.extend(grant.clone());
        }
        if !revoke.is_empty() {
            let names: Vec<&str> =
                revoke.iter().map(|name| if name == "GRANT" { "GRANT OPTION" } else { name.as_str() }).collect();
            statements.push(format!("REVOKE {} ON {object} FROM {account}", names.join(", ")));
        }
        if only_takes {
            // First given, then taken, so that nobody is without in between.
            statements.splice(0..0, grant);
        }
        statements
    }

    fn grant_statement(&self, account: &str) -> Option<String> {
        if self.grant.is_empty() {
            return None;
        }
        let names: Vec<&str> = self.grant.iter().filter(|name| *name != "GRANT").map(String::as_str).collect();
        let names = match names.as_slice() {
            [] => "USAGE".to_owned(),
            names if names.contains(&"ALL") => "ALL PRIVILEGES".to_owned(),
            names => names.join(", "),
        };
        let option = if self.grant.contains("GRANT") { " WITH GRANT OPTION" } else { "" };
        Some(format!("GRANT {names} ON {} TO {account}{option}", self.object.sql()))
    }
}

/// The privileges as the option `priv` would have them.
pub fn text(privileges: &Privileges) -> String {
    let entry = |(object, set): (&Object, &BTreeSet<String>)| {
        // GRANT comes last, as the reference has it.
        let mut names: Vec<&str> = set.iter().filter(|name| *name != "GRANT").map(String::as_str).collect();
        names.extend(set.contains("GRANT").then_some("GRANT"));
        format!("{}:{}", object.plain(), names.join(","))
    };
    privileges.iter().map(entry).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const FORM: Form = Form { renamed: true };

    fn wanted(text: &str) -> Privileges {
        FORM.read(&text.into()).unwrap()
    }

    fn statements(shown: &[&str], priv_text: &str, manner: Manner) -> Vec<String> {
        let current = FORM.read_grants(shown.iter().copied());
        let steps = steps(&current, &respelled(&wanted(priv_text), &current), manner, &BTreeSet::new());
        steps.iter().flat_map(|step| step.statements("u")).collect()
    }

    const SHOWN: &[&str] = &[
        "GRANT USAGE ON *.* TO `al`@`10.%` IDENTIFIED BY PASSWORD '* ON x TO y WITH GRANT OPTION' REQUIRE SSL",
        "GRANT SELECT ON `e2`.* TO `al`@`10.%` WITH GRANT OPTION",
        "GRANT SELECT, INSERT (`id`, `a`) ON `e2`.`t` TO `al`@`10.%`",
        "GRANT EXECUTE ON FUNCTION `e2`.`f` TO `al`@`10.%`",
        "GRANT `r` TO `al`@`10.%`",
        "GRANT PROXY ON ''@'%' TO 'al'@'10.%' WITH GRANT OPTION",
    ];

    #[test]
    fn what_the_server_shows_is_what_was_given() {
        let same = "e2.*:SELECT,GRANT/e2.t:SELECT,insert(a, ID)/function e2.f:EXECUTE";
        assert_eq!(statements(SHOWN, same, Manner::Exactly), Vec::<String>::new());
        let current = FORM.read_grants(SHOWN.iter().copied());
        let shown = "*.*:USAGE/e2.*:SELECT,GRANT/e2.t:INSERT (a, id),SELECT/FUNCTION e2.f:EXECUTE";
        assert_eq!(text(&current), shown);
    }

    #[test]
    fn only_the_difference_is_given_and_taken() {
        let changes = statements(SHOWN, "e2.*:SELECT,DELETE/`a.b`.*:ALL,GRANT", Manner::Exactly);
        assert_eq!(
            changes,
            [
                "GRANT DELETE ON `e2`.* TO u",
                "REVOKE GRANT OPTION ON `e2`.* FROM u",
                "GRANT ALL PRIVILEGES ON `a.b`.* TO u WITH GRANT OPTION",
                "REVOKE INSERT (a, id), SELECT ON `e2`.`t` FROM u",
                "REVOKE EXECUTE ON FUNCTION `e2`.`f` FROM u",
            ]
        );
        assert_eq!(statements(SHOWN, "e2.*:DELETE", Manner::Append), ["GRANT DELETE ON `e2`.* TO u"]);
        assert_eq!(statements(SHOWN, "e2.*:SELECT,DELETE", Manner::Subtract), ["REVOKE SELECT ON `e2`.* FROM u"]);
        let all = ["GRANT ALL PRIVILEGES ON *.* TO `r`@`h` WITH GRANT OPTION"];
        assert_eq!(statements(&all, "*.*:ALL,GRANT", Manner::Exactly), Vec::<String>::new());
        assert_eq!(
            statements(&all, "*.*:SELECT", Manner::Exactly),
            ["REVOKE ALL PRIVILEGES ON *.* FROM u", "GRANT SELECT ON *.* TO u", "REVOKE GRANT OPTION ON *.* FROM u"]
        );
        let renamed = ["GRANT BINLOG MONITOR ON *.* TO `r`@`h`"];
        assert_eq!(statements(&renamed, "*.*:REPLICATION CLIENT", Manner::Exactly), Vec::<String>::new());
    }

    #[test]
    fn a_server_that_shows_each_privilege_has_all_of_them() {
        let everything: BTreeSet<String> = ["SELECT", "INSERT"].map(str::to_owned).into();
        let current = FORM.read_grants(["GRANT SELECT, INSERT ON *.* TO `r`@`h`", "GRANT X_ADMIN ON *.* TO `r`@`h`"]);
        assert!(steps(&current, &wanted("*.*:ALL"), Manner::Exactly, &everything).is_empty());
    }

    #[test]
    fn what_is_no_privilege_is_refused() {
        for (text, part) in [
            ("db1:SELECT", "no object"),
            ("db1.*", "is to be written as"),
            ("*.*:REQUIRESSL", "tls_requires"),
            ("a.b:X; DROP", "characters"),
        ] {
            let error = FORM.read(&text.into()).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(FORM.read(&Value::Int(1)).is_err());
    }
}

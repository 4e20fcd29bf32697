//! Privileges on the objects of a database: the statements that give and take them, and where they are to be read.

use super::literal;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A table, a view, or a foreign or partitioned table.
    Table,
    /// A sequence.
    Sequence,
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// A database.
    Database,
    /// A schema.
    Schema,
    /// A language of functions.
    Language,
    /// A tablespace.
    Tablespace,
    /// A foreign data wrapper.
    ForeignDataWrapper,
    /// A foreign server.
    ForeignServer,
    /// A type.
    Type,
    /// A setting of the server.
    Parameter,
    /// A role whose members others become.
    Group,
    /// What is given on objects that are made later.
    DefaultPrivileges,
}

/// Kind, the words for it in a statement, the privileges that it knows.
const KINDS: [(Kind, &str, &[&str]); 14] = [
    (Kind::Table, "TABLE", &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"]),
    (Kind::Sequence, "SEQUENCE", &["USAGE", "SELECT", "UPDATE"]),
    (Kind::Function, "FUNCTION", &["EXECUTE"]),
    (Kind::Procedure, "PROCEDURE", &["EXECUTE"]),
    (Kind::Database, "DATABASE", &["CREATE", "CONNECT", "TEMPORARY", "TEMP"]),
    (Kind::Schema, "SCHEMA", &["CREATE", "USAGE"]),
    (Kind::Language, "LANGUAGE", &["USAGE"]),
    (Kind::Tablespace, "TABLESPACE", &["CREATE"]),
    (Kind::ForeignDataWrapper, "FOREIGN DATA WRAPPER", &["USAGE"]),
    (Kind::ForeignServer, "FOREIGN SERVER", &["USAGE"]),
    (Kind::Type, "TYPE", &["USAGE"]),
    (Kind::Parameter, "PARAMETER", &["SET", "ALTER SYSTEM"]),
    (Kind::Group, "", &[]),
    (
        Kind::DefaultPrivileges,
        "",
        &[
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
            "TRUNCATE",
            "REFERENCES",
            "TRIGGER",
            "MAINTAIN",
            "USAGE",
            "EXECUTE",
            "CREATE",
        ],
    ),
];

/// What default privileges can be on.
pub const LATER: [&str; 5] = ["TABLES", "SEQUENCES", "FUNCTIONS", "TYPES", "SCHEMAS"];

impl Kind {
    fn entry(self) -> (&'static str, &'static [&'static str]) {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or(("", &[]), |(_, word, names)| (word, names))
    }

    /// The word for it in a statement.
    pub fn word(self) -> &'static str {
        self.entry().0
    }

    /// Its objects are in a schema.
    pub fn has_schema(self) -> bool {
        matches!(
            self,
            Kind::Table | Kind::Sequence | Kind::Function | Kind::Procedure | Kind::Type | Kind::DefaultPrivileges
        )
    }

    /// The privileges of a list, as statements have them.
    ///
    /// # Errors
    /// One is not known; it names those that are.
    pub fn privileges(self, text: &str) -> Result<Vec<String>, String> {
        let known = self.entry().1;
        let mut names = Vec::new();
        for name in text.split(',').map(|name| name.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase()) {
            let all = matches!(name.as_str(), "ALL" | "ALL PRIVILEGES");
            if name.is_empty() {
                continue;
            }
            if !all && !known.contains(&name.as_str()) {
                return Err(format!("Invalid privileges specified: {name}; there are ALL, {}", known.join(", ")));
            }
            names.push(if all { "ALL".to_owned() } else { name });
        }
        Ok(names)
    }

    /// An object as a statement names it.
    pub fn object(self, name: &str, schema: Option<&str>) -> String {
        let within = schema.map_or(String::new(), |schema| format!("{}.", literal::name(schema)));
        match self {
            Kind::Function | Kind::Procedure => {
                // `:` stands for the comma that separates objects.
                let name = name.replace(':', ", ");
                let (function, arguments) = name.split_once('(').unwrap_or((&name, ""));
                let arguments = if name.contains('(') { format!("({arguments}") } else { String::new() };
                format!("{within}{}{arguments}", literal::name(function.trim()))
            }
            Kind::Parameter => literal::path(name),
            _ if self.has_schema() && name.contains('.') && schema.is_none() => literal::path(name),
            _ => format!("{within}{}", literal::name(name)),
        }
    }

    /// A question for all privileges that there are on objects of this kind, as one text.
    pub fn question(self) -> &'static str {
        match self {
            Kind::Table | Kind::Sequence => {
                "SELECT string_agg(oid::text || coalesce(relacl::text, '-'), ' ' ORDER BY oid) FROM pg_class"
            }
            Kind::Function | Kind::Procedure => {
                "SELECT string_agg(oid::text || coalesce(proacl::text, '-'), ' ' ORDER BY oid) FROM pg_proc"
            }
            Kind::Database => {
                "SELECT string_agg(oid::text || coalesce(datacl::text, '-'), ' ' ORDER BY oid) FROM pg_database"
            }
            Kind::Schema => {
                "SELECT string_agg(oid::text || coalesce(nspacl::text, '-'), ' ' ORDER BY oid) FROM pg_namespace"
            }
            Kind::Language => {
                "SELECT string_agg(oid::text || coalesce(lanacl::text, '-'), ' ' ORDER BY oid) FROM pg_language"
            }
            Kind::Tablespace => {
                "SELECT string_agg(oid::text || coalesce(spcacl::text, '-'), ' ' ORDER BY oid) FROM pg_tablespace"
            }
            Kind::ForeignDataWrapper => {
                "SELECT string_agg(oid::text || coalesce(fdwacl::text, '-'), ' ' ORDER BY oid) FROM pg_foreign_data_wrapper"
            }
            Kind::ForeignServer => {
                "SELECT string_agg(oid::text || coalesce(srvacl::text, '-'), ' ' ORDER BY oid) FROM pg_foreign_server"
            }
            Kind::Type => "SELECT string_agg(oid::text || coalesce(typacl::text, '-'), ' ' ORDER BY oid) FROM pg_type",
            Kind::Parameter => "SELECT string_agg(parname || paracl::text, ' ' ORDER BY oid) FROM pg_parameter_acl",
            Kind::Group => {
                "SELECT string_agg(concat_ws(' ', roleid, member, admin_option), ',' ORDER BY roleid, member) \
                 FROM pg_auth_members"
            }
            // What is taken and given again may be in another order.
            Kind::DefaultPrivileges => {
                "SELECT string_agg(concat_ws(' ', defaclrole, defaclnamespace, defaclobjtype, acl), ',' ORDER BY defaclrole, \
                 defaclnamespace, defaclobjtype, acl) FROM (SELECT *, unnest(defaclacl)::text AS acl FROM pg_default_acl) AS x"
            }
        }
    }
}

/// A role as a statement names it; some words stand for roles.
pub fn role(name: &str) -> String {
    let word = name.to_ascii_uppercase();
    if matches!(word.as_str(), "PUBLIC" | "CURRENT_ROLE" | "CURRENT_USER" | "SESSION_USER") {
        word
    } else {
        literal::name(name)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_by_their_kinds() {
        assert_eq!(Kind::Table.object("t", Some("s")), "\"s\".\"t\"");
        assert_eq!(Kind::Table.object("s.t", None), "\"s\".\"t\"");
        assert_eq!(Kind::Function.object("add(int:int)", Some("public")), "\"public\".\"add\"(int, int)");
        assert_eq!(Kind::Database.object("a\"b", None), "\"a\"\"b\"");
        assert_eq!(role("public"), "PUBLIC");
        assert_eq!(role("Bob"), "\"Bob\"");
    }

    #[test]
    fn privileges_are_those_of_the_kind() {
        assert_eq!(Kind::Parameter.privileges("set, alter  system").unwrap(), ["SET", "ALTER SYSTEM"]);
        assert_eq!(Kind::Table.privileges("all privileges").unwrap(), ["ALL"]);
        assert!(Kind::Table.privileges("SELECT; DROP").unwrap_err().contains("there are ALL, SELECT"));
    }
}

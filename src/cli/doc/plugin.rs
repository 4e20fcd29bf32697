//! Filters, tests and lookups: how each is called, and what it gives.

use serde_json::{Value, json};

use super::{Style, Subject};

/// Name, call, and what it gives.
pub(super) type Row = (&'static str, &'static str, &'static str);

/// A filter, test or lookup.
pub(super) struct Plugin {
    kind: &'static str,
    row: &'static Row,
}

/// All filters.
pub(super) fn filters() -> impl Iterator<Item = Plugin> {
    let (before, after) = FILTERS.split_at(FILTERS.partition_point(|row| row.0 < "ansible."));
    before.iter().chain(super::address::FILTERS).chain(after).map(|row| Plugin { kind: "filter", row })
}

/// All tests.
pub(super) fn tests() -> impl Iterator<Item = Plugin> {
    TESTS.iter().map(|row| Plugin { kind: "test", row })
}

/// All lookups.
pub(super) fn lookups() -> impl Iterator<Item = Plugin> {
    LOOKUPS.iter().map(|row| Plugin { kind: "lookup", row })
}

impl Subject for Plugin {
    fn name(&self) -> String {
        if self.row.0.contains('.') { self.row.0.to_owned() } else { format!("ansible.builtin.{}", self.row.0) }
    }

    fn summary(&self) -> String {
        self.row.2.trim_end_matches('.').to_owned()
    }

    fn text(&self, style: &Style) -> String {
        let kind = self.kind.to_uppercase();
        let (name, text) = (style.strong(&self.name()), style.wrapped(self.row.2, 2));
        format!("> {kind} {name}\n\n  {text}\n\n{}:\n\n  {}\n", style.strong("CALL"), self.row.1)
    }

    fn json(&self) -> Value {
        json!({
            "doc": {
                "collection": self.name().rsplit_once('.').map(|(collection, _)| collection.to_owned()),
                "description": [self.row.2],
                "name": self.row.0,
                "plugin_name": self.name(),
                "short_description": self.summary(),
            },
            "examples": self.row.1,
            "metadata": null,
            "return": null,
        })
    }

    fn snippet(&self) -> Option<String> {
        (self.kind == "lookup").then(|| format!("{}\n", self.row.1))
    }
}

const FILTERS: &[Row] = &[
    ("abs", "NUMBER | abs", "The number without its sign."),
    ("attr", "VALUE | attr('name')", "An attribute by its name."),
    ("b64decode", "TEXT | b64decode(encoding='utf-8')", "The text that Base64 stands for."),
    ("b64encode", "TEXT | b64encode(encoding='utf-8')", "Text in Base64."),
    ("basename", "PATH | basename", "The last part of a path."),
    ("batch", "LIST | batch(count, fill_with=none)", "Lists of so many items each."),
    ("bool", "VALUE | bool", "The boolean that a word or number stands for."),
    ("capitalize", "TEXT | capitalize", "The first letter in upper case, all others in lower case."),
    ("center", "TEXT | center(width=80)", "Text in the middle of so many columns."),
    ("checksum", "TEXT | checksum", "The SHA-1 checksum of a text."),
    ("combinations", "LIST | combinations(size)", "All combinations of so many items."),
    ("combine", "DICT | combine(others, recursive=false, list_merge='replace')", "Dictionaries laid over each other."),
    ("comment", "TEXT | comment(style='plain')", "Text as a comment of a configuration file."),
    ("commonpath", "LIST | commonpath", "The longest path that all paths begin with."),
    ("community.general.counter", "LIST | community.general.counter", "How often each item is there."),
    ("community.general.dict", "PAIRS | community.general.dict", "A dictionary of keys with their values."),
    (
        "community.general.dict_kv",
        "VALUE | community.general.dict_kv('key')",
        "A dictionary of one key with this value.",
    ),
    (
        "community.general.groupby_as_dict",
        "DICTS | community.general.groupby_as_dict('attribute')",
        "A dictionary of dictionaries by what one of their keys has.",
    ),
    (
        "community.general.json_query",
        "VALUE | community.general.json_query('expression')",
        "What a JMESPath expression finds.",
    ),
    (
        "community.general.lists_difference",
        "LIST | community.general.lists_difference(lists, flatten=false)",
        "What of the first list is in no other, each once, in order.",
    ),
    (
        "community.general.lists_intersect",
        "LIST | community.general.lists_intersect(lists, flatten=false)",
        "What is in all of the lists, each once, in order.",
    ),
    (
        "community.general.lists_mergeby",
        "DICTS | community.general.lists_mergeby(lists, 'key', recursive=false, list_merge='replace')",
        "Lists of dictionaries, those laid over each other that have the same under a key.",
    ),
    (
        "community.general.lists_symmetric_difference",
        "LIST | community.general.lists_symmetric_difference(lists, flatten=false)",
        "What is in one of two lists alone, each once, in order.",
    ),
    (
        "community.general.lists_union",
        "LIST | community.general.lists_union(lists, flatten=false)",
        "What is in any of the lists, each once, in order.",
    ),
    (
        "community.general.random_mac",
        "PREFIX | community.general.random_mac(seed=none)",
        "A MAC address that begins with these octets.",
    ),
    (
        "community.general.version_sort",
        "LIST | community.general.version_sort(reverse=false)",
        "Versions in their order.",
    ),
    ("count", "VALUE | count", "How many items there are; another name of `length`."),
    ("d", "VALUE | d(value, boolean=false)", "Another name of `default`."),
    (
        "default",
        "VALUE | default(value, boolean=false)",
        "Another value where this one is not defined, or (with true) is empty.",
    ),
    (
        "dict2items",
        "DICT | dict2items(key_name='key', value_name='value')",
        "A list of the dictionary's keys and values.",
    ),
    (
        "dictsort",
        "DICT | dictsort(case_sensitive=false, by='key', reverse=false)",
        "Pairs of keys and values in order.",
    ),
    ("difference", "LIST | difference(other)", "Items that the other list does not have."),
    ("dirname", "PATH | dirname", "A path without its last part."),
    ("e", "TEXT | e", "Another name of `escape`."),
    ("escape", "TEXT | escape", "Text with `<`, `>`, `&` and quotes written for HTML."),
    ("expanduser", "PATH | expanduser", "A path with `~` replaced by the home directory."),
    ("expandvars", "PATH | expandvars", "A path with environment variables replaced."),
    ("extract", "KEY | extract(container, morekeys=none)", "The value under a key of a list or dictionary."),
    ("fileglob", "PATTERN | fileglob", "The controller's files that match a shell pattern."),
    ("filesizeformat", "NUMBER | filesizeformat(binary=false)", "Bytes in a unit that reads well."),
    ("first", "LIST | first", "The first item."),
    ("flatten", "LIST | flatten(levels=none, skip_nulls=true)", "Lists within lists made one."),
    ("float", "VALUE | float(default=0.0)", "The number that a text stands for, with its fraction."),
    ("forceescape", "TEXT | forceescape", "Like `escape`, also for what is marked as safe."),
    ("format", "TEXT | format(values)", "Values put into the `%` places of a text."),
    ("from_json", "TEXT | from_json", "The value that JSON text stands for."),
    ("from_yaml", "TEXT | from_yaml", "The value that YAML text stands for."),
    ("from_yaml_all", "TEXT | from_yaml_all", "The values of all documents of a YAML text."),
    ("groupby", "LIST | groupby(attribute, default=none)", "Items by the value of an attribute."),
    ("hash", "TEXT | hash(hashtype='sha1')", "A checksum by the named algorithm."),
    ("human_readable", "NUMBER | human_readable(isbits=false, unit=none)", "Bytes or bits in a unit that reads well."),
    (
        "human_to_bytes",
        "TEXT | human_to_bytes(default_unit=none, isbits=false)",
        "The number of bytes of a text such as `10 KB`.",
    ),
    ("indent", "TEXT | indent(width=4, first=false, blank=false)", "Lines moved to the right."),
    ("int", "VALUE | int(default=0, base=10)", "The whole number that a text stands for."),
    ("intersect", "LIST | intersect(other)", "Items that both lists have."),
    ("items", "DICT | items", "Pairs of keys and values."),
    (
        "items2dict",
        "LIST | items2dict(key_name='key', value_name='value')",
        "A dictionary of such a list as `dict2items` gives.",
    ),
    ("join", "LIST | join(separator='', attribute=none)", "Items as one text."),
    ("last", "LIST | last", "The last item."),
    ("length", "VALUE | length", "How many items or characters there are."),
    ("list", "VALUE | list", "A list of the items."),
    ("log", "NUMBER | log(base=e)", "The logarithm."),
    ("lower", "TEXT | lower", "Text in lower case."),
    ("mandatory", "VALUE | mandatory(msg=none)", "The value; a failure where it is not defined."),
    (
        "map",
        "LIST | map(attribute='name')  LIST | map('filter', arguments)",
        "An attribute of each item, or what a filter makes of it.",
    ),
    ("max", "LIST | max(attribute=none)", "The greatest item."),
    ("md5", "TEXT | md5", "The MD5 checksum of a text."),
    ("min", "LIST | min(attribute=none)", "The smallest item."),
    ("normpath", "PATH | normpath", "A path without `.`, `..` and doubled slashes."),
    (
        "password_hash",
        "TEXT | password_hash(hashtype='sha512', salt=none, rounds=none)",
        "A password as it is kept in /etc/shadow.",
    ),
    ("path_join", "LIST | path_join", "Parts as one path."),
    ("permutations", "LIST | permutations(size=none)", "The items in every order."),
    ("pow", "NUMBER | pow(exponent)", "A power of the number."),
    ("pprint", "VALUE | pprint", "The value as Python prints it, over several lines."),
    ("product", "LIST | product(others)", "Every item with every item of other lists."),
    ("quote", "TEXT | quote", "Text as one word for a shell."),
    ("random", "VALUE | random(seed=none, start=0, step=1)", "An item, or a number below the given one, by chance."),
    ("realpath", "PATH | realpath", "The place that a path with links leads to."),
    (
        "regex_escape",
        "TEXT | regex_escape(re_type='python')",
        "Text in which nothing has a meaning for a regular expression.",
    ),
    (
        "regex_findall",
        "TEXT | regex_findall(regex, multiline=false, ignorecase=false)",
        "All matches of a regular expression.",
    ),
    (
        "regex_replace",
        "TEXT | regex_replace(regex, replacement, multiline=false, ignorecase=false, count=0)",
        "Text with matches replaced.",
    ),
    (
        "regex_search",
        "TEXT | regex_search(regex, groups, multiline=false, ignorecase=false)",
        "The first match, or groups of it.",
    ),
    ("reject", "LIST | reject('test', arguments)", "Items for which a test does not hold."),
    ("rejectattr", "LIST | rejectattr('name', 'test', arguments)", "Items for whose attribute a test does not hold."),
    (
        "rekey_on_member",
        "LIST | rekey_on_member(key, duplicates='error')",
        "A dictionary of the items by one of their members.",
    ),
    ("relpath", "PATH | relpath(start='.')", "The path as seen from another one."),
    ("replace", "TEXT | replace(old, new, count=none)", "Text with another text replaced."),
    ("reverse", "VALUE | reverse", "Items or characters from the last to the first."),
    ("root", "NUMBER | root(base=2)", "The root of the number."),
    ("round", "NUMBER | round(precision=0, method='common')", "The number rounded: common, ceil or floor."),
    ("safe", "TEXT | safe", "Text that is not to be escaped again."),
    ("select", "LIST | select('test', arguments)", "Items for which a test holds."),
    ("selectattr", "LIST | selectattr('name', 'test', arguments)", "Items for whose attribute a test holds."),
    ("sha1", "TEXT | sha1", "The SHA-1 checksum of a text."),
    ("shuffle", "LIST | shuffle(seed=none)", "Items in an order by chance."),
    ("slice", "LIST | slice(count, fill_with=none)", "So many lists, with the items spread over them."),
    ("sort", "LIST | sort(reverse=false, case_sensitive=false, attribute=none)", "Items in order."),
    ("split", "TEXT | split(separator=none)", "The parts of a text."),
    ("splitext", "PATH | splitext", "The path without its extension, and the extension."),
    ("strftime", "FORMAT | strftime(second=none, utc=false)", "A time as text."),
    ("string", "VALUE | string", "The value as text."),
    ("striptags", "TEXT | striptags", "Text without HTML's tags."),
    ("subelements", "LIST | subelements('name', skip_missing=false)", "Each item with each element of a list in it."),
    ("sum", "LIST | sum(attribute=none, start=0)", "The sum of the items."),
    ("symmetric_difference", "LIST | symmetric_difference(other)", "Items that only one of the lists has."),
    ("ternary", "VALUE | ternary(true_value, false_value, none_value=none)", "One value or the other."),
    ("title", "TEXT | title", "Each word with its first letter in upper case."),
    ("to_datetime", "TEXT | to_datetime(format='%Y-%m-%d %H:%M:%S')", "The time that a text stands for."),
    ("to_json", "VALUE | to_json", "The value as JSON on one line."),
    ("to_nice_json", "VALUE | to_nice_json(indent=4)", "The value as JSON over several lines."),
    ("to_nice_yaml", "VALUE | to_nice_yaml(indent=4)", "The value as YAML over several lines."),
    ("to_uuid", "TEXT | to_uuid(namespace=...)", "A UUID that belongs to a text."),
    ("to_yaml", "VALUE | to_yaml", "The value as YAML."),
    ("tojson", "VALUE | tojson(indent=none)", "The value as JSON that is safe within HTML."),
    ("trim", "TEXT | trim(chars=none)", "Text without white space at its ends."),
    ("truncate", "TEXT | truncate(length=255, killwords=false, end='...', leeway=5)", "Text cut to a length."),
    ("type_debug", "VALUE | type_debug", "The name of the value's type."),
    ("union", "LIST | union(other)", "Items that either list has."),
    ("unique", "LIST | unique(case_sensitive=none, attribute=none)", "Each item once."),
    ("unvault", "TEXT | unvault(secret, vault_id='filter_default')", "What vault text holds."),
    ("upper", "TEXT | upper", "Text in upper case."),
    ("urldecode", "TEXT | urldecode", "Text from its form in a URL."),
    ("urlencode", "VALUE | urlencode", "Text or a dictionary as it stands in a URL."),
    (
        "urlize",
        "TEXT | urlize(trim_url_limit=none, nofollow=false, target=none, rel=none)",
        "Text with links for its URLs.",
    ),
    ("urlsplit", "URL | urlsplit(part='')", "The parts of a URL, or one of them."),
    (
        "vault",
        "TEXT | vault(secret, salt=none, vault_id='filter_default', wrap_object=false)",
        "Text encrypted as a vault.",
    ),
    ("win_basename", "PATH | win_basename", "The last part of a Windows path."),
    ("win_dirname", "PATH | win_dirname", "A Windows path without its last part."),
    ("win_splitdrive", "PATH | win_splitdrive", "A Windows path's drive, and the rest."),
    ("wordcount", "TEXT | wordcount", "How many words there are."),
    (
        "wordwrap",
        "TEXT | wordwrap(width=79, break_long_words=true, wrapstring=none, break_on_hyphens=true)",
        "Text in lines of a width.",
    ),
    ("xmlattr", "DICT | xmlattr(autospace=true)", "The dictionary as attributes of XML."),
    ("zip", "LIST | zip(others)", "The first items together, the second ones, and so on."),
    ("zip_longest", "LIST | zip_longest(others, fillvalue=none)", "Like `zip`, to the end of the longest list."),
];

const TESTS: &[Row] = &[
    ("abs", "PATH is abs", "The path begins at the root."),
    ("all", "LIST is all", "Every item is true."),
    ("any", "LIST is any", "An item is true."),
    ("boolean", "VALUE is boolean", "The value is true or false."),
    ("callable", "VALUE is callable", "The value can be called."),
    ("change", "RESULT is change", "Another name of `changed`."),
    ("changed", "RESULT is changed", "The task has changed something."),
    ("contains", "LIST is contains(value)", "The list has this item."),
    ("defined", "VALUE is defined", "The variable is defined."),
    ("directory", "PATH is directory", "There is a directory on the controller."),
    ("divisibleby", "NUMBER is divisibleby(other)", "The division leaves nothing over."),
    ("eq", "VALUE is eq(other)", "Both are equal."),
    ("equalto", "VALUE is equalto(other)", "Another name of `eq`."),
    ("escaped", "TEXT is escaped", "The text is marked as safe."),
    ("even", "NUMBER is even", "The number is even."),
    ("exists", "PATH is exists", "There is something of this name on the controller."),
    ("failed", "RESULT is failed", "The task has failed."),
    ("failure", "RESULT is failure", "Another name of `failed`."),
    ("false", "VALUE is false", "The value is the boolean false."),
    ("falsy", "VALUE is falsy(convert_bool=false)", "The value counts as false."),
    ("file", "PATH is file", "There is a file on the controller."),
    ("filter", "NAME is filter", "There is a filter of this name."),
    ("finished", "RESULT is finished", "The task in the background is done."),
    ("float", "VALUE is float", "The value is a number with a fraction."),
    ("ge", "VALUE is ge(other)", "It is greater or equal."),
    ("greaterthan", "VALUE is greaterthan(other)", "Another name of `gt`."),
    ("gt", "VALUE is gt(other)", "It is greater."),
    ("in", "VALUE is in(container)", "The container has it."),
    ("integer", "VALUE is integer", "The value is a whole number."),
    ("is_abs", "PATH is is_abs", "Another name of `abs`."),
    ("is_dir", "PATH is is_dir", "Another name of `directory`."),
    ("is_file", "PATH is is_file", "Another name of `file`."),
    ("is_link", "PATH is is_link", "Another name of `link`."),
    ("is_mount", "PATH is is_mount", "Another name of `mount`."),
    ("is_same_file", "PATH is is_same_file(other)", "Another name of `same_file`."),
    ("isnan", "NUMBER is isnan", "Another name of `nan`."),
    ("issubset", "LIST is issubset(other)", "Another name of `subset`."),
    ("issuperset", "LIST is issuperset(other)", "Another name of `superset`."),
    ("iterable", "VALUE is iterable", "A loop can go over it."),
    ("le", "VALUE is le(other)", "It is less or equal."),
    ("lessthan", "VALUE is lessthan(other)", "Another name of `lt`."),
    ("link", "PATH is link", "There is a symbolic link on the controller."),
    ("link_exists", "PATH is link_exists", "There is something of this name on the controller, links not followed."),
    ("lower", "TEXT is lower", "The text is in lower case."),
    ("lt", "VALUE is lt(other)", "It is less."),
    ("mapping", "VALUE is mapping", "The value is a dictionary."),
    (
        "match",
        "TEXT is match(regex, ignorecase=false, multiline=false)",
        "The text begins with a match of a regular expression.",
    ),
    ("mount", "PATH is mount", "A file system is mounted there on the controller."),
    ("nan", "NUMBER is nan", "The value is no number."),
    ("ne", "VALUE is ne(other)", "Both differ."),
    ("none", "VALUE is none", "The value is none."),
    ("number", "VALUE is number", "The value is a number."),
    ("odd", "NUMBER is odd", "The number is odd."),
    ("reachable", "RESULT is reachable", "The host was reached."),
    (
        "regex",
        "TEXT is regex(regex, match_type='search', ignorecase=false, multiline=false)",
        "A regular expression matches.",
    ),
    ("same_file", "PATH is same_file(other)", "Both paths lead to the same file."),
    ("sameas", "VALUE is sameas(other)", "Both are the same object."),
    ("search", "TEXT is search(regex, ignorecase=false, multiline=false)", "A regular expression matches anywhere."),
    ("sequence", "VALUE is sequence", "The value has items in an order."),
    ("skip", "RESULT is skip", "Another name of `skipped`."),
    ("skipped", "RESULT is skipped", "The task was skipped."),
    ("started", "RESULT is started", "The task in the background has begun."),
    ("string", "VALUE is string", "The value is text."),
    ("subset", "LIST is subset(other)", "The other list has all of its items."),
    ("succeeded", "RESULT is succeeded", "Another name of `success`."),
    ("success", "RESULT is success", "The task has not failed."),
    ("successful", "RESULT is successful", "Another name of `success`."),
    ("superset", "LIST is superset(other)", "It has all items of the other list."),
    ("test", "NAME is test", "There is a test of this name."),
    ("timedout", "RESULT is timedout", "The task took too long."),
    ("true", "VALUE is true", "The value is the boolean true."),
    ("truthy", "VALUE is truthy(convert_bool=false)", "The value counts as true."),
    ("undefined", "VALUE is undefined", "The variable is not defined."),
    ("unreachable", "RESULT is unreachable", "The host was not reached."),
    ("upper", "TEXT is upper", "The text is in upper case."),
    ("uri", "TEXT is uri(schemes=none)", "The text is a URI."),
    ("url", "TEXT is url(schemes=none)", "The text is a URL."),
    ("urn", "TEXT is urn", "The text is a URN."),
    ("vault_encrypted", "TEXT is vault_encrypted", "The value is vault text."),
    ("vaulted_file", "PATH is vaulted_file", "The controller's file is encrypted as a vault."),
    (
        "version",
        "TEXT is version(other, operator='eq', strict=none, version_type=none)",
        "The version compares so with another one.",
    ),
    ("version_compare", "TEXT is version_compare(other, operator)", "Another name of `version`."),
];

const LOOKUPS: &[Row] = &[
    (
        "config",
        "lookup('config', NAME, on_missing='error', plugin_type=none, plugin_name=none)",
        "The value of a setting.",
    ),
    (
        "csvfile",
        "lookup('csvfile', KEY, file='ansible.csv', col=1, delimiter='TAB', default=none, keycol=0)",
        "A column of the row with a key in a file of values with separators.",
    ),
    ("dict", "lookup('dict', DICT)", "Keys and values of dictionaries, one after the other."),
    ("env", "lookup('env', NAME, default='')", "An environment variable of the controller."),
    ("file", "lookup('file', PATH, lstrip=false, rstrip=true)", "The content of the controller's files."),
    ("fileglob", "lookup('fileglob', PATTERN)", "The controller's files that match a shell pattern."),
    ("first_found", "lookup('first_found', FILES, paths=[], skip=false)", "The first of several files that there is."),
    ("indexed_items", "lookup('indexed_items', LIST)", "Items, each with its index."),
    (
        "ini",
        "lookup('ini', KEY, file='ansible.ini', section='global', type='ini', default='')",
        "A value of an INI or properties file.",
    ),
    ("inventory_hostnames", "lookup('inventory_hostnames', PATTERN)", "The names of the hosts of a pattern."),
    ("items", "lookup('items', LIST)", "Items of lists, one level of lists within lists opened."),
    ("lines", "lookup('lines', COMMAND)", "The lines that a command prints on the controller."),
    ("list", "lookup('list', LIST)", "The list as it is."),
    ("nested", "lookup('nested', LIST, LIST)", "Every item of a list with every item of the next ones."),
    (
        "password",
        "lookup('password', 'PATH length=20 chars=...')",
        "A password that is made by chance once, and kept in a file of the controller.",
    ),
    ("pipe", "lookup('pipe', COMMAND)", "What a command prints on the controller."),
    ("random_choice", "lookup('random_choice', LIST)", "An item by chance."),
    ("sequence", "lookup('sequence', 'start=1 end=5 stride=1 format=%d')", "Numbers in a row."),
    (
        "subelements",
        "lookup('subelements', LIST, 'name', {'skip_missing': false})",
        "Each item with each element of a list in it.",
    ),
    (
        "template",
        "lookup('template', PATH, template_vars={}, convert_data=true)",
        "What a template of the controller gives.",
    ),
    ("together", "lookup('together', LIST, LIST)", "The first items of lists together, the second ones, and so on."),
    ("unvault", "lookup('unvault', PATH)", "The content of files that are encrypted as a vault."),
    ("url", "lookup('url', URL, validate_certs=true, split_lines=true, headers={})", "What a URL answers."),
    ("varnames", "lookup('varnames', REGEX)", "The names of variables that match a regular expression."),
    ("vars", "lookup('vars', NAME, default=none)", "A variable by its name."),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(rows: &[Row], known: &[String], other: &[&str]) {
        assert!(rows.is_sorted_by_key(|row| row.0));
        let missing: Vec<&String> = known
            .iter()
            .filter(|name| {
                name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
                    && !rows.iter().any(|row| row.0.rsplit('.').next() == Some(name.as_str()))
                    && !other.contains(&name.as_str())
            })
            .collect();
        let gone: Vec<&str> =
            rows.iter().map(|row| row.0).filter(|name| !known.iter().any(|known| known == name)).collect();
        assert!(missing.is_empty() && gone.is_empty(), "nothing is told of {missing:?}; there is no {gone:?}");
    }

    #[test]
    fn the_tables_have_what_templates_know() {
        // What the template engine has beyond Jinja2 is no part of the language.
        let mut other = vec!["chain", "lines"];
        // Tests may be written as filters, as they were in old playbooks.
        let tests = crate::template::names_of_tests();
        other.extend(tests.iter().map(String::as_str));
        let filters: Vec<Row> = filters().map(|filter| *filter.row).collect();
        compare(&filters, &crate::template::names_of_filters(), &other);
        compare(TESTS, &crate::template::names_of_tests(), &["endingwith", "int", "safe", "startingwith"]);
        let lookups: Vec<String> = crate::template::lookup::names().into_iter().map(str::to_owned).collect();
        compare(LOOKUPS, &lookups, &["cartesian", "flattened"]);
    }
}

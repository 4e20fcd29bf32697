#!/usr/bin/env python3
"""Writes load.json and emit.json beside this file: what PyYAML (with libyaml) reads and writes.

Run it with a Python that has PyYAML 6: `python generate.py`. The test `yaml_vectors` reads the results.
"""

import datetime
import json
import pathlib
import random

import yaml

HERE = pathlib.Path(__file__).parent
random.seed(7)

SCALARS = """yes No TRUE oN Off y n tRUE null ~ Null nULL 0 00 07 08 0644 0o644 0x1F 0xg 0b101 0b2 -1 +1 1_000 1__0 _1 1_
12:30 12:30:45 1:60 190:20:30 1:30.5 -1:30 1. 1.0 .5 -.5 +.5 1e3 1.0e3 1.0e+3 1E+3 1.5E-7 .inf -.INF +.Inf .nan .NaN -.nan
1.2.3 10.0.0.1 1_0.5 0.0 -0.0 1- 1+ - + . .. 123456789012345678901234 -9223372036854775809 0xffffffffffffffffff 2024-01-01x
a b-c a:b a#b /etc/x {{x}}x $HOME 5s 0755x""".split()

DOCUMENTS = [
    "a: 1\nb:\n  - x\n  - y: 2\n    z: [1, {q: r}]\n",
    "x: &x {b: 1, c: 2}\ny:\n  a: 1\n  <<: *x\n  b: 5\n",
    "a: &a {p: 1, q: 2}\nb: &b {p: 3, r: 4}\nc:\n  <<: [*a, *b]\n  s: 1\n",
    "a: &a {p: 1}\nb: &b\n  <<: *a\n  q: 2\nc:\n  <<: *b\n  p: 9\n",
    "l: |\n  one\n   two\n\n  three\n\nf: >\n  one\n  two\n\n  three\n   four\n  five\n",
    "l: |-\n  one\n\nk: |+\n  two\n\nf: >-\n  a\n  b\n",
    "l: |2\n    two\n  x\n",
    "d: \"a\\tb\\n\\x41\\u00e9\\U0001F3B5 \\\n    c\"\ns: 'it''s'\np: plain\n  folded text\n",
    "? complex\n: value\n? other\n",
    "!!str 5: !!int '7'\nf: !!float 1\nb: !!bool 'yes'\nn: !!null ''\ns: !!str\n",
    "- - - deep\n  - a\n- {a: , b}\n- []\n- {}\n-\n",
    "a: {'b': 1, \"c\": 2, ? d : 3}\n",
    "{a: [1, 2, 3,], b: \"x:y\", c: http://x/y}\n",
    "1: one\n2.5: two\ntrue: three\nnull: four\n",
    "a: x # comment\nb: 'x # no'\nc: x#no\n",
    "a: |\n  last line without newline",
    "a: >\n  folded without newline",
    "a: |+\n  kept\n\n\n",
    "\ufeffa: bom\n",
    "a: caf\u00e9 \u4e2d\u6587 \U0001F3B5\n",
    "%YAML 1.1\n---\na: 1\n...\n",
    "a: 1\r\nb: 2\r\n",
    "'quoted key': 1\n\"double \\\"key\\\"\": 2\n",
    "a: *b\n", "a: [1\n", "a: 'x\n", "a: b: c\n", "\ta: 1\n", "a: @x\n", "a: `x\n", "a: %x\n", "- a\nb: 1\n", "a: \"\\q\"\n",
    "a: &x 1\nb: &x 2\nc: *x\n", "a: 1\n b: 2\n", "{a: 1\n", "]\n", "a: !foo b\n", "? [a, b]\n: c\n", "", "---\n", "just text\n",
    "a: 1\n---\nb: 2\n", "- !!set {a, b}\n", "<<: {a: 1}\nb: 2\n", "<<: 5\n", "a: !!int x\n",
]

TEXTS = """|plain|with space| leading|trailing |two  blanks|a: b|a:b|a #b|a#b|# c|- x|-x|-|?|? x|:|: x|!x|&x|*x|@x|`x|%x|{x|[x|}x|]x|,x|a,b|
|"x"|'x'|it's|a"b|back\\slash|tab\there|line\nbreak|line\n|\nline|two\n\nlines|\n|\n\n|a\n b| a\nb|a \nb|nul\x00|bell\x07|del\x7f|nel\x85|nbsp\xa0|
|\u2028|\ufeffbom|caf\xe9|\u4e2d\u6587|emoji \U0001F3B5|yes|no|null|~|12|0644|1.5|1e3|.inf|2024-01-01|2024-01-01 10:00:00|12:30|=|<<|0x1F|1_0|
|{{ x }}|a {{ x }}|{% if %}|---|--- x|...|... x|key: value: more|true|on|x=y z=w|a\rb|\r|http://a.b/c?d=e&f#g|/etc/a b|$x|~x|a~|.|..|->x|-- x""".split("|")
TEXTS.append("long text " * 30)
TEXTS.append("word" * 60)
TEXTS.append(("long text: " * 20))
TEXTS.append(("line of text\n" * 4))
TEXTS.append("caf\xe9 " * 40 + "\U0001F3B5 " * 20)
TEXTS.append("quoted \" and ' " * 12)
TEXTS.append("k" * 140)

STYLES = {
    "to_yaml": dict(default_flow_style=None, allow_unicode=True),
    "to_nice_yaml": dict(indent=4, default_flow_style=False, allow_unicode=True),
    "default": dict(),
    "flow": dict(default_flow_style=True, width=40),
    "unsorted": dict(default_flow_style=False, sort_keys=False, explicit_start=True, explicit_end=True, indent=3),
    "double": dict(default_style='"'),
    "literal": dict(default_style="|", allow_unicode=True),
}


def typed(value):
    """JSON in which every value names its type."""
    if value is None:
        return ["null"]
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["float", repr(value)]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return ["date"]
    if isinstance(value, (list, tuple)):
        return ["list", [typed(item) for item in value]]
    if isinstance(value, set):
        return ["list", [typed(item) for item in sorted(value)]]
    if isinstance(value, dict):
        return ["map", [[typed(key), typed(item)] for key, item in value.items()]]
    return ["str", value]


def loaded(text):
    try:
        return typed(yaml.load(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        return ["error", error.problem, mark.line + 1 if mark else None, mark.column + 1 if mark else None]
    except (yaml.YAMLError, ValueError) as error:
        return ["error", str(error), None, None]


def some_value(depth):
    kind = random.random()
    if depth and kind < 0.3:
        return [some_value(depth - 1) for _ in range(random.randrange(4))]
    if depth and kind < 0.6:
        return {random.choice(TEXTS)[:200]: some_value(depth - 1) for _ in range(random.randrange(5))}
    return random.choice([None, True, False, 0, -5, 10**12, 1.5, 1e17, 1e-7, 0.1, random.choice(TEXTS), random.choice(TEXTS)])


def main():
    load = [{"source": text, "expected": loaded(text)} for text in DOCUMENTS + [f"- {text}\n" for text in SCALARS]]
    (HERE / "load.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in load) + "\n]\n")
    values = [TEXTS, {text: 1 for text in TEXTS}, [], {}, "text", 5, None, True, 1.0, "", [[], {}], {"a": [], "b": {}}]
    values += [[text] for text in TEXTS if "\n" in text] + [some_value(4) for _ in range(60)]
    emit = [
        {"value": value, "style": name, "text": yaml.dump(value, Dumper=yaml.CSafeDumper, **options)}
        for value in values
        for name, options in STYLES.items()
    ]
    (HERE / "emit.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in emit) + "\n]\n")


main()

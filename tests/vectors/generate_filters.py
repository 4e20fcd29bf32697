#!/usr/bin/env python3
"""Records what ansible-core answers for the expressions below.

Run with the reference's own interpreter (`/opt/ansible/bin/python tests/vectors/generate_filters.py`); writes
`filters.json` beside itself. Each entry has the name under test, the expression, and either `value` or `error: true`.
`@FILES@` in an expression stands for the folder `files` beside this script.
"""
import datetime
import json
import math
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = os.path.join(HERE, "files")

VARIABLES = {
    "ints": [3, 1, 2],
    "dups": [1, 2, 2, 3, 1],
    "words": ["pear", "Apple", "fig", "apple"],
    "mixed": [1, "a", None, True, 2.5],
    "nested": [1, [2, [3, [4, [5]]]], 6],
    "empty_list": [],
    "empty_dict": {},
    "nothing": None,
    "yes": True,
    "no": False,
    "n": 42,
    "f": 3.75,
    "big": 12345678901,
    "s": "Hello World",
    "long": "The quick brown fox jumps over the lazy dog and runs away from it",
    "lines": "first\nsecond\n\nfourth",
    "uni": "Grüße, Jürgen ❤",
    "html": "<a href=\"x\">Tom & 'Jerry'</a>",
    "d": {"b": 2, "a": 1, "C": 3},
    "deep": {"x": {"y": {"z": 1}, "l": [1, 2]}, "k": "v"},
    "deep2": {"x": {"y": {"w": 2}, "l": [2, 3]}, "m": None},
    "users": [
        {"name": "anna", "age": 31, "groups": ["admin", "dev"], "active": True, "address": {"city": "Bern"}},
        {"name": "bert", "age": 25, "groups": [], "active": False, "address": {"city": "Aarau"}},
        {"name": "Carl", "age": 31, "groups": ["dev"], "active": True, "address": {"city": "Chur"}},
    ],
    "sparse": [{"name": "a", "v": 1}, {"name": "b"}, {"name": "c", "v": 3}],
    "tags": [{"key": "Env", "value": "prod"}, {"key": "Tier", "value": 1}],
    "ok": {"changed": True, "failed": False, "rc": 0},
    "bad": {"failed": True, "changed": False, "msg": "no"},
    "skip": {"skipped": True, "changed": False},
    "gone": {"unreachable": True, "changed": False},
    "job": {"started": 1, "finished": 0, "changed": False},
    "done": {"started": True, "finished": True, "timedout": {"period": 5}, "changed": False},
    "looped": {"results": [{"changed": False}, {"changed": True, "failed": True}]},
    "who": "world",
    "pkg_a": "first",
    "pkg_b": "second",
    "other": {"k": [1, 2]},
    "inventory_hostname": "h1",
    "groups": {"all": ["h1", "h2", "h3"], "web": ["h1", "h2"], "db": ["h3"], "ungrouped": []},
    "text_json": "{\"a\": [1, 2.0, null, true], \"b\": \"x\\u00e9\"}",
    "text_yaml": "a: 1\nb:\n  - yes\n  - 0644\n  - null\n  - 1.5\nc: 'q'\n",
    "multi_yaml": "---\na: 1\n---\n- x\n",
}

CASES = {}


def case(name, *expressions):
    # A backslash in a template of a playbook stands for itself: the engine doubles it before Jinja2 reads it.
    CASES.setdefault(name, []).extend(expression.replace("\\\\", "\\") for expression in expressions)


# --- Jinja2's own filters
case("int", "'42'|int", "'x'|int", "'x'|int(7)", "'0x1f'|int(0,16)", "'1f'|int(base=16)", "'0b101'|int(0,2)", "'12.7'|int",
     "3.99|int", "-3.99|int", "true|int", "none|int", "none|int(default=5)", "' 12 '|int", "'1_000'|int", "[]|int", "'0o17'|int(0,8)",
     "'zz'|int(3,36)", "'1e3'|int", "''|int", "'٣'|int")
case("float", "'1.5'|float", "'x'|float", "'x'|float(2.5)", "3|float", "none|float", "'1e3'|float", "' 2.5 '|float", "true|float",
     "''|float", "'x'|float(default=1)", "'inf'|float|string")
case("abs", "-3|abs", "(-2.5)|abs", "true|abs", "'x'|abs", "n|abs")
case("round", "2.5|round", "3.5|round", "2.675|round(2)", "2.4|round(0,'ceil')", "2.6|round(0,'floor')", "1234.5|round(-2)",
     "42.55|round(1)", "42|round", "42.55|round(1,'floor')", "42.55|round(method='ceil')", "'x'|round", "-2.5|round", "1|round(1,'bad')")
case("default", "missing|default('x')", "d.zz|default('x')", "''|default('x')", "''|default('x', true)", "none|default('x')",
     "none|default('x', true)", "0|default(5, boolean=true)", "missing|default", "missing|d(3)", "false|default(1,false)",
     "missing|default(missing2|default('deep'))")
case("truncate", "long|truncate(20)", "long|truncate(20, true)", "long|truncate(20, false, '…')", "long|truncate(20, true, '', 0)",
     "s|truncate(9)", "s|truncate(5)", "s|truncate(7, leeway=0)", "s|truncate(5, true, leeway=0)", "'nospacesatall'|truncate(6, leeway=0)",
     "uni|truncate(5,true,'',0)", "long|truncate", "s|truncate(2)", "n|truncate(5)")
case("wordwrap", "long|wordwrap(20)", "long|wordwrap(7)", "long|wordwrap(7, false)", "long|wordwrap(20, wrapstring='|')",
     "lines|wordwrap(3)", "'a-b-c-d-e'|wordwrap(4)", "'a-b-c-d-e'|wordwrap(4, break_on_hyphens=false)", "''|wordwrap(5)", "long|wordwrap",
     "'aaa  bbb   ccc'|wordwrap(5)")
case("wordcount", "long|wordcount", "''|wordcount", "'a-b c_d e'|wordcount", "uni|wordcount", "n|wordcount")
case("center", "s|center(20)", "'ab'|center(5)", "'abc'|center(6)", "'abc'|center(2)", "'x'|center")
case("indent", "lines|indent", "lines|indent(2)", "lines|indent(2, true)", "lines|indent(2, blank=true)", "lines|indent('> ')",
     "lines|indent(width=3, first=true, blank=true)", "''|indent", "'a\n'|indent(2)", "''|indent(2,true)")
case("replace", "s|replace('o','0')", "s|replace('o','0',1)", "s|replace('','-')", "n|replace('4','5')", "s|replace('o', 5)",
     "s|replace('zz','y')", "'aaa'|replace('a','b',count=2)", "'abc'|replace('','-',2)", "'aaa'|replace('a','b',-1)", "'aaa'|replace('a','b',0)")
case("tojson", "d|tojson", "html|tojson", "uni|tojson", "nested|tojson(indent=2)", "none|tojson", "1.0|tojson", "users|tojson",
     "empty_list|tojson(2)", "'a\\n\\t\"'|tojson")
case("escape", "html|e", "html|escape", "n|e", "none|e", "html|e|e", "html|forceescape", "html|e|forceescape", "html|safe", "[html]|e")
case("urlencode", "'a b/c?d=e&f'|urlencode", "d|urlencode", "uni|urlencode", "[['a',1],['b','x y']]|urlencode", "n|urlencode",
     "{'a':'/'}|urlencode", "'~-._'|urlencode", "{'a':[1,2]}|urlencode", "''|urlencode")
case("pprint", "d|pprint", "users|pprint", "s|pprint", "n|pprint", "nested|pprint", "none|pprint", "long|pprint", "[long, long]|pprint",
     "{'key': long, 'other': [1,2,3]}|pprint", "range(60)|list|pprint")
case("xmlattr", "{'a':1,'b':none,'c':'x\"y'}|xmlattr", "{'a':1}|xmlattr(false)", "{'a b':1}|xmlattr", "{}|xmlattr", "{'x':html}|xmlattr")
case("urlize", "'see http://example.com/x now'|urlize", "'www.example.com.'|urlize(5)", "'mail me@example.com ok'|urlize",
     "'(https://a.b/c)'|urlize(nofollow=true)", "'http://x.org/<b>'|urlize(target='_blank')", "'plain text'|urlize", "'example.org'|urlize",
     "'https://example.org/a_(b)'|urlize(rel='me')", "'http://x.org/?a=1&b=2'|urlize(10, true)")
case("map", "users|map(attribute='name')|list", "words|map('upper')|list", "words|map('replace','a','b')|list", "users|map(attribute='address.city')|list",
     "sparse|map(attribute='v', default=0)|list", "sparse|map(attribute='v')|list", "ints|map('string')|join('-')", "users|map(attribute='groups.0',default='none')|list",
     "ints|map('pow',2)|list", "[[1,2],[3,4]]|map('sum')|list", "[[1,2],[3,4]]|map(attribute=1)|list", "ints|map|list", "ints|map('nosuchfilter')|list",
     "d|map('upper')|list", "'abc'|map('upper')|list", "words|map('regex_replace','^(.)','<\\\\1>')|list", "words|map('ansible.builtin.upper')|list",
     "none|map('upper')|list", "users|map(attribute='name', foo=1)|list", "words|map('length')|list")
case("select", "ints|select('gt',1)|list", "ints|select('odd')|list", "mixed|select|list", "words|select('match','^a')|list", "ints|select('==',2)|list",
     "mixed|select('string')|list", "ints|select('in',[1,2])|list", "words|select('search','p')|list", "ints|select('nosuch')|list")
case("reject", "ints|reject('odd')|list", "mixed|reject('none')|list", "words|reject('contains','p')|list", "mixed|reject|list", "ints|reject('>',1)|list")
case("selectattr", "users|selectattr('active')|map(attribute='name')|list", "users|selectattr('age','equalto',31)|map(attribute='name')|list",
     "sparse|selectattr('v','defined')|list", "users|selectattr('address.city','eq','Chur')|list|length", "users|selectattr('groups','contains','dev')|map(attribute='name')|list",
     "sparse|selectattr('v')|list", "users|selectattr('name','match','a')|list|length", "users|selectattr('nope','undefined')|list|length", "users|selectattr()|list",
     "sparse|selectattr('v','gt',1)|list")
case("rejectattr", "users|rejectattr('active')|map(attribute='name')|list", "users|rejectattr('age','gt',30)|map(attribute='name')|list", "sparse|rejectattr('v','defined')|list")
case("groupby", "users|groupby('age')", "users|groupby('address.city')|map('first')|list", "users|groupby('active')|length", "sparse|groupby('v', default=0)",
     "users|groupby('name')|map(attribute='grouper')|list", "users|groupby('name', case_sensitive=true)|map(attribute='0')|list", "users|groupby('age')|map(attribute='list')|map('length')|list",
     "users|groupby('age')|map(attribute=1)|map('length')|list", "sparse|groupby('v')")
case("sort", "ints|sort", "ints|sort(true)", "words|sort", "words|sort(case_sensitive=true)", "users|sort(attribute='age')|map(attribute='name')|list",
     "users|sort(attribute='age,name')|map(attribute='name')|list", "users|sort(reverse=true, attribute='address.city')|map(attribute='name')|list", "mixed|sort",
     "d|sort", "'hello'|sort", "[true, 0, 2]|sort", "[[2,1],[1,2]]|sort", "users|sort", "[1.5, 1]|sort", "[none,none]|sort", "sparse|sort(attribute='v')")
case("unique", "dups|unique", "words|unique", "words|unique(case_sensitive=true)", "users|unique(attribute='age')|map(attribute='name')|list", "[[1],[2],[1]]|unique",
     "[{'a':1},{'a':1}]|unique", "[1,1.0,true,'1']|unique", "'hello'|unique", "mixed|unique", "d|unique", "users|unique(true,'age')|length", "5|unique")
case("batch", "[1,2,3,4,5]|batch(2)|list", "[1,2,3,4,5]|batch(2,'x')|list", "[]|batch(2)|list", "'abcd'|batch(3)|list", "[1,2,3]|batch(0)|list")
case("slice", "[1,2,3,4,5]|slice(2)|list", "[1,2,3,4,5]|slice(3,'x')|list", "[]|slice(2)|list", "[1,2]|slice(4)|list", "range(7)|slice(3, fill_with=0)|list")
case("sum", "ints|sum", "users|sum(attribute='age')", "ints|sum(start=10)", "[1.5,2]|sum", "[[1],[2]]|sum(start=[])", "['a','b']|sum", "[]|sum", "[0.1,0.2,0.3]|sum",
     "users|sum('age', 5)", "[true,true]|sum")
case("min", "ints|min", "words|min", "words|min(case_sensitive=true)", "users|min(attribute='age')", "[]|min", "mixed|min", "'hello'|min", "d|min", "[[1,2],[1,1]]|min")
case("max", "ints|max", "words|max", "users|max(attribute='name')", "[]|max", "[1,2.5]|max", "mixed|max", "words|max(true)", "d.values()|max")
case("dictsort", "d|dictsort", "d|dictsort(true)", "d|dictsort(by='value')", "d|dictsort(reverse=true)", "d|dictsort(false,'value',true)", "{}|dictsort", "ints|dictsort",
     "{'b':1,'B':0}|dictsort", "d|dictsort(by='x')")
case("format", "'%s-%d'|format('a',3)", "'%05.2f'|format(3.14159)", "'%x %X %o'|format(255,255,8)", "'%(a)s/%(b)s'|format(a=1,b=2)", "'%-5s|'|format('ab')", "'%5s|'|format('ab')",
     "'%+d'|format(5)", "'%%'|format", "'%s'|format", "'%r'|format('x')", "'%c'|format(65)", "'%s'|format([1,'a'])", "'%d'|format(3.9)", "'%d'|format('x')", "'%e'|format(12345.678)",
     "'%g'|format(0.0001)", "'%g'|format(1e10)", "'%03d'|format(7)", "'%#x'|format(255)", "'%s %s'|format('a')", "'%s'|format('a','b')", "'%.2s'|format('abc')", "'%*d'|format(5,3)",
     "'%s'|format(none)", "'%5.1f%%'|format(99.55)", "'%d'|format(true)", "'% d'|format(5)", "'%s'|format({'a':1})", "'%i'|format(5)", "'%-08.3f|'|format(2.5)", "'%G'|format(1e-10)")
case("filesizeformat", "1000|filesizeformat", "1|filesizeformat", "0|filesizeformat", "1024|filesizeformat(true)", "big|filesizeformat", "big|filesizeformat(binary=true)", "'1500'|filesizeformat",
     "1500000|filesizeformat", "'x'|filesizeformat", "999|filesizeformat", "-5|filesizeformat", "1.5|filesizeformat")
case("striptags", "html|striptags", "'<p>a  <!-- x --> b\n c</p>'|striptags", "'a &amp; b &lt;'|striptags", "s|striptags", "'a < b'|striptags", "n|striptags")
case("title", "'hello world'|title", "\"it's a dog's life\"|title", "'a-b c(d) [e]'|title", "'HELLO'|title", "uni|title", "'x1y2 foo_bar'|title", "n|title")
case("capitalize", "'hello World'|capitalize", "'ÄB'|capitalize", "''|capitalize", "n|capitalize")
case("upper", "s|upper", "uni|upper", "n|upper", "'ß'|upper")
case("lower", "s|lower", "'ÄÖ'|lower", "none|lower")
case("trim", "'  a b '|trim", "'xxaxx'|trim('x')", "'\n a\t'|trim", "'abcba'|trim('ab')", "n|trim")
case("first", "ints|first", "s|first", "d|first", "[]|first|default('none')", "[]|first", "ints|first + 1", "5|first")
case("last", "ints|last", "s|last", "d|last", "[]|last|default('none')")
case("length", "ints|length", "s|length", "d|count", "uni|length", "n|length", "none|length", "''|count")
case("list", "s|list", "d|list", "ints|list", "n|list", "none|list", "'äö'|list")
case("string", "n|string", "ints|string", "d|string", "none|string", "true|string", "1.0|string", "'x'|string", "mixed|string", "1e16|string", "1e-5|string", "123456789.123|string",
     "[1.0, 1e20, 'a\\'b', \"q\"]|string", "'é'|list|string", "['a\\nb']|string")
case("join", "ints|join(',')", "words|join", "users|join(',', attribute='name')", "'abc'|join('-')", "mixed|join('|')", "d|join(',')", "ints|join(5)", "[]|join(',')", "n|join(',')", "[[1],[2]]|join(' ')")
case("reverse", "ints|reverse|list", "s|reverse", "d|reverse|list", "n|reverse", "ints|reverse|first")
case("items", "d|items|list", "missing|default({})|items|list", "ints|items|list", "empty_dict|items|list")
case("attr", "s|attr('nope')|default('x')", "d|attr('a')|default('none')")
case("random", "[7]|random", "10|random(seed='abc')", "100|random(seed='host1')", "100|random(1, 10, seed='x')", "100|random(start=50, step=5, seed='x')", "words|random(seed='s')", "ints|random(seed=42)",
     "1000000|random(seed=7)", "10|random(seed=12345678901234)", "'abc'|random(seed='q')", "[]|random(seed='q')", "60|random(seed=inventory_hostname)", "words|random(start=1)", "none|random")
case("shuffle", "ints|shuffle(seed='a')", "words|shuffle(seed='host')", "range(20)|list|shuffle(seed=3)", "[]|shuffle", "range(9)|shuffle(seed='zz')", "5|shuffle")
# --- Ansible's filters
case("b64encode", "'hello'|b64encode", "uni|b64encode", "''|b64encode", "'hé'|b64encode(encoding='utf-16-le')", "n|b64encode", "'hé'|b64encode(encoding='latin-1')")
case("b64decode", "'aGVsbG8='|b64decode", "'R3LDvMOfZQ=='|b64decode", "'!!'|b64decode", "'aGkA'|b64decode(encoding='utf-16-le')", "''|b64decode", "'aGVs\nbG8='|b64decode", "'aGVsbG8'|b64decode")
case("basename", "'/a/b/c.txt'|basename", "'/a/b/'|basename", "'c'|basename", "''|basename", "n|basename", "['/a/b','c/d']|map('basename')|list")
case("dirname", "'/a/b/c.txt'|dirname", "'/a/b/'|dirname", "'c'|dirname", "'/'|dirname", "'//a'|dirname", "'a//b'|dirname")
case("win_basename", "'C:\\\\a\\\\b.txt'|win_basename", "'C:/a/b'|win_basename")
case("win_dirname", "'C:\\\\a\\\\b.txt'|win_dirname", "'C:/a/b'|win_dirname", "'b.txt'|win_dirname", "'C:/'|win_dirname")
case("win_splitdrive", "'C:\\\\a\\\\b'|win_splitdrive", "'\\\\\\\\srv\\\\share\\\\x'|win_splitdrive", "'a/b'|win_splitdrive")
case("expanduser", "'~/x'|expanduser", "'/a/~'|expanduser", "'~root/y'|expanduser", "'~nosuchuser/y'|expanduser")
case("expandvars", "'$HOME/x'|expandvars", "'${HOME}y $NOPE_X'|expandvars", "'a$'|expandvars")
case("realpath", "'/tmp/../etc'|realpath", "'/a/./b//c/..'|realpath", "'@FILES@/link.txt'|realpath|basename")
case("relpath", "'/a/b/c'|relpath('/a')", "'/a/b'|relpath('/a/c/d')", "'/a'|relpath('/a')", "'/a/b/../c'|relpath('/')", "''|relpath('/a')")
case("path_join", "['a','b','c']|path_join", "['/a','/b']|path_join", "'x'|path_join", "['a/','b']|path_join", "[]|path_join", "n|path_join", "['a','']|path_join")
case("splitext", "'a/b.tar.gz'|splitext", "'noext'|splitext", "'.bashrc'|splitext", "'a.b/c'|splitext", "'..a.b'|splitext")
case("commonpath", "['/a/b/c','/a/b/d']|commonpath", "['a/b','a/c']|commonpath", "['/a','b']|commonpath", "[]|commonpath", "['/a/b']|commonpath", "'/a'|commonpath")
case("normpath", "'/a/../b/./c'|normpath", "'a//b/'|normpath", "''|normpath", "'../a/..'|normpath", "'//a'|normpath", "'///a'|normpath", "'/../a'|normpath")
case("fileglob", "'@FILES@/*.txt'|fileglob|map('basename')|sort", "'@FILES@/none*'|fileglob")
case("bool", "'yes'|bool", "'True'|bool", "'on'|bool", "'1'|bool", "1|bool", "0|bool", "'no'|bool", "'off'|bool", "none|bool", "'maybe'|bool", "2|bool", "''|bool", "true|bool", "'y'|bool", "'t'|bool",
     "1.0|bool", "'YES'|bool", "[]|bool", "'n'|bool", "'f'|bool")
case("checksum", "'abc'|checksum", "uni|checksum", "n|checksum")
case("hash", "'abc'|hash", "'abc'|hash('sha256')", "'abc'|hash('md5')", "'abc'|hash('sha512')", "'abc'|hash('blowfish')", "'abc'|hash('sha224')", "'abc'|hash('sha384')", "''|hash('sha1')", "'abc'|hash('sha3_256')",
     "'abc'|hash('blake2b')", "'abc'|hash('blake2s')", "n|hash('md5')")
case("md5", "'abc'|md5", "uni|md5", "n|md5")
case("sha1", "'abc'|sha1", "''|sha1", "uni|sha1", "none|sha1")
case("combine", "{'a':1}|combine({'b':2})", "deep|combine(deep2)", "deep|combine(deep2, recursive=true)", "deep|combine(deep2, recursive=true, list_merge='append')",
     "deep|combine(deep2, recursive=true, list_merge='prepend')", "deep|combine(deep2, recursive=true, list_merge='append_rp')", "deep|combine(deep2, recursive=true, list_merge='prepend_rp')",
     "deep|combine(deep2, recursive=true, list_merge='keep')", "[{'a':1},{'a':2,'b':3}]|combine", "{'a':1}|combine([{'b':1},{'c':2}])", "{}|combine", "{'a':1}|combine(5)", "{'a':1}|combine({'a':2}, foo=1)",
     "{'a':1}|combine({}, list_merge='bad')", "{'l':[1]}|combine({'l':[2]}, list_merge='append')", "{'a':1}|combine({'a':none})", "{'b':1,'a':2}|combine({'b':3,'c':4})", "{'a':1}|combine({'b':2},{'c':3})",
     "{'a':{'x':1}}|combine({'a':5}, recursive=true)", "[]|combine", "{'a':1}|combine([])", "{'a':1}|combine('x')", "ints|combine({'a':1})")
case("comment", "s|comment", "lines|comment", "lines|comment('c')", "lines|comment('cblock')", "lines|comment('erlang')", "lines|comment('xml')", "lines|comment(decoration='! ')",
     "lines|comment('plain', prefix='#######\n#', postfix='#\n#######')", "s|comment('cblock', decoration='// ')", "s|comment('plain', prefix_count=2, postfix_count=3)", "s|comment('nope')", "s|comment(newline='\r\n')",
     "s|comment('cblock', beginning='/**', end='*/')", "''|comment", "n|comment")
case("dict2items", "d|dict2items", "d|dict2items(key_name='k', value_name='v')", "{}|dict2items", "ints|dict2items")
case("items2dict", "tags|items2dict", "[{'k':'a','v':1}]|items2dict('k','v')", "[{'k':'a','v':1}]|items2dict(key_name='k', value_name='v')", "[{'a':1}]|items2dict", "[]|items2dict", "d|items2dict", "[1]|items2dict",
     "[{'key':'a','value':1},{'key':'a','value':2}]|items2dict")
case("difference", "dups|difference([1])", "ints|difference([])", "words|difference(['fig'])|sort", "[{'a':1},{'a':2}]|difference([{'a':1}])", "[1,'1']|difference(['1'])", "[3,1,2,3]|difference([9])", "5|difference([1])")
case("intersect", "dups|intersect([2,3,4])", "[3,1,3,2]|intersect([1,2,3])", "[[1],[2]]|intersect([[2]])", "[]|intersect([1])", "words|intersect(['apple','pear'])|sort")
case("union", "dups|union([9,1])", "['b','a']|union(['c','a'])|sort", "[[1]]|union([[1],[2]])", "[]|union([])", "[3,1]|union([2,1,3])", "['a','A']|union(['b'])|sort(case_sensitive=true)|length")
case("symmetric_difference", "[1,2,3]|symmetric_difference([3,4])", "[1,1]|symmetric_difference([2,2])", "[[1],[2]]|symmetric_difference([[2],[3]])", "[]|symmetric_difference([])")
case("extract", "0|extract(ints)", "'a'|extract(d)", "'x'|extract(deep, 'y')", "'x'|extract(deep, ['y','z'])", "'a'|extract(d)|default(0)", "'nope'|extract(d)|default('none')", "['a','b']|map('extract', d)|list", "9|extract(ints)|default('none')",
     "[0,2]|map('extract', users, 'name')|list", "[0,1]|map('extract', users, ['address','city'])|list", "'nope'|extract(d)", "-1|extract(ints)")
case("flatten", "nested|flatten", "nested|flatten(levels=1)", "nested|flatten(1)", "[1,none,[none,2]]|flatten", "[1,none,[none,2]]|flatten(skip_nulls=false)", "[['a'],['b',['c']]]|flatten(levels=0)", "[]|flatten",
     "[[],[[]]]|flatten", "['null','None',1]|flatten", "[{'a':[1]},[2]]|flatten", "'abc'|flatten", "[d]|flatten", "none|flatten")
case("from_json", "text_json|from_json", "'[1, 2]'|from_json", "'x'|from_json", "'1'|from_json", "'\"a\"'|from_json", "'1e3'|from_json", "'{\"a\":1,\"a\":2}'|from_json", "''|from_json", "n|from_json", "'NaN'|from_json|string",
     "'12345678901234567890'|from_json", "'[1,]'|from_json", "'{\"b\":1,\"a\":{\"d\":[]}}'|from_json", "'null'|from_json", "'\"{{ n }}\"'|from_json")
case("from_yaml", "text_yaml|from_yaml", "'[a, b]'|from_yaml", "'a: b: c'|from_yaml", "''|from_yaml", "'x'|from_yaml", "n|from_yaml", "'- 1\n- \"{{ n }}\"'|from_yaml", "none|from_yaml", "'a: &x [1]\nb: *x'|from_yaml", "'1: a'|from_yaml",
     "'2020-01-01'|from_yaml|string", "{'a':1}|from_yaml")
case("from_yaml_all", "multi_yaml|from_yaml_all|list", "'a: 1'|from_yaml_all|list", "''|from_yaml_all|list", "none|from_yaml_all")
case("to_json", "d|to_json", "users[0]|to_json", "uni|to_json", "uni|to_json(ensure_ascii=false)", "1.0|to_json", "none|to_json", "d|to_json(indent=2)", "d|to_json(sort_keys=true)", "[]|to_json", "{'a':{}}|to_json(indent=1)", "'a\"b\\\\c\\n'|to_json",
     "{1:2}|to_json", "{none:1,true:2}|to_json", "[1,2]|to_json(separators=[',',':'])", "1e20|to_json", "1e-7|to_json", "'\\u0001\\u007f'|to_json", "'😀'|to_json", "(1,2)|to_json", "n|to_json", "ints|map('string')|list|to_json", "d|to_json(indent='  ')",
     "{'b':1,'a':[1,{}]}|to_json(indent=0)")
case("to_nice_json", "d|to_nice_json", "users|to_nice_json", "[]|to_nice_json", "uni|to_nice_json", "d|to_nice_json(indent=2)", "d|to_nice_json(sort_keys=false)", "{'a':[],'b':{}}|to_nice_json", "uni|to_nice_json(ensure_ascii=false)", "s|to_nice_json", "[[1,2],[3]]|to_nice_json")
case("to_yaml", "d|to_yaml", "users|to_yaml", "s|to_yaml", "ints|to_yaml", "nested|to_yaml", "lines|to_yaml", "uni|to_yaml", "none|to_yaml", "'yes'|to_yaml", "['1','0x1','1.0','null','']|to_yaml", "1.0|to_yaml", "[true,none]|to_yaml", "long|to_yaml", "{'a':[]}|to_yaml",
     "d|to_yaml(default_flow_style=true)", "d|to_yaml(default_flow_style=false)", "deep|to_yaml(indent=4)", "[]|to_yaml", "{'a': long}|to_yaml(width=30)", "d|to_yaml(sort_keys=false)", "['a: b','- x','#c','a\\'b','@x',' lead']|to_yaml")
case("to_nice_yaml", "d|to_nice_yaml", "users|to_nice_yaml", "nested|to_nice_yaml", "d|to_nice_yaml(indent=2)", "users|to_nice_yaml(indent=2)", "lines|to_nice_yaml", "{'k': lines}|to_nice_yaml", "uni|to_nice_yaml", "s|to_nice_yaml", "{'a':[],'b':{}}|to_nice_yaml",
     "d|to_nice_yaml(sort_keys=false)", "{'a': long ~ ' ' ~ long}|to_nice_yaml(width=1000)", "{'a': long ~ ' ' ~ long}|to_nice_yaml", "none|to_nice_yaml", "[none, 1.5, '1.5', true, 'true']|to_nice_yaml", "users|to_nice_yaml(indent=2, explicit_start=true)")
case("human_readable", "0|human_readable", "1|human_readable", "1024|human_readable", "big|human_readable", "big|human_readable(isbits=true)", "big|human_readable(unit='M')", "1500|human_readable(false,'K')", "'10000'|human_readable", "'x'|human_readable",
     "1023|human_readable", "1048576|human_readable(unit='K')")
case("human_to_bytes", "'0'|human_to_bytes", "'1K'|human_to_bytes", "'1.5 MB'|human_to_bytes", "'10 Gb'|human_to_bytes(isbits=true)", "'5'|human_to_bytes(default_unit='M')", "'x'|human_to_bytes", "'1B'|human_to_bytes", "'2 TB'|human_to_bytes", "'1MiB'|human_to_bytes",
     "'1Mb'|human_to_bytes", "10|human_to_bytes", "'1k'|human_to_bytes", "'10 MB'|human_to_bytes(isbits=true)", "'1 bytes'|human_to_bytes", "'1 megabytes'|human_to_bytes", "'1mb'|human_to_bytes")
case("log", "100|log(10)", "8|log(2)", "1|log", "2.718281828459045|log", "0|log", "'x'|log", "1000|log(10)", "81|log(3)")
case("pow", "2|pow(3)", "2|pow(0.5)", "2|pow(-1)", "'x'|pow(2)", "2.0|pow(2)", "0|pow(0)")
case("root", "16|root", "27|root(3)", "2|root", "-1|root", "'x'|root", "16|root(4)", "0|root")
case("mandatory", "n|mandatory", "missing|mandatory", "missing|mandatory('need it')", "none|mandatory", "missing|mandatory(msg='say')")
case("permutations", "[1,2,3]|permutations", "[1,2,3]|permutations(2)", "'ab'|permutations", "[]|permutations", "[1,2]|permutations(3)")
case("combinations", "[1,2,3]|combinations(2)", "'abc'|combinations(2)", "[1]|combinations(2)", "[1,2]|combinations(0)", "[1,2,3]|combinations")
case("product", "[1,2]|product(['a','b'])", "[1,2]|product([3],[4,5])", "[]|product([1])", "[1]|product", "[0,1]|product(repeat=2)", "['a','b']|product(['x','y'])|map('join')|list")
case("zip", "[1,2]|zip(['a','b'])", "[1,2,3]|zip([4])", "[1]|zip", "[1,2]|zip([3,4],[5,6])", "d|zip(ints)", "n|zip([1])", "[1,2]|zip(['a','b'])|map('join','-')|list", "dict(['a','b']|zip([1,2]))", "[1,2]|zip([1], strict=true)")
case("zip_longest", "[1,2,3]|zip_longest([4])", "[1,2,3]|zip_longest([4], fillvalue='x')", "[1]|zip_longest([2,3],[4,5,6], fillvalue=0)", "[]|zip_longest([])")
case("quote", "'a b'|quote", "\"it's\"|quote", "''|quote", "'safe-_./x'|quote", "n|quote", "none|quote", "'$HOME'|quote", "['a','b c']|map('quote')|join(' ')", "true|quote", "uni|quote", "'a@b%c+d=e:f,g'|quote")
case("regex_escape", "'a.b*c'|regex_escape", "'^f.*o(.*)$'|regex_escape('posix_basic')", "'a.b(c)'|regex_escape(re_type='posix_extended')", "'a b-c_d/e'|regex_escape", "'~#&'|regex_escape", "uni|regex_escape", "'x'|regex_escape('bad')", "'a\nb'|regex_escape")
case("regex_findall", "'a1b22'|regex_findall('[0-9]+')", "'a1 b2'|regex_findall('([a-z])([0-9])')", "'A a'|regex_findall('a', ignorecase=true)", "lines|regex_findall('^.', multiline=true)", "'x'|regex_findall('y')", "lines|regex_findall('^\\\\w+$', multiline=True, ignorecase=True)", "'abc'|regex_findall('')",
     "'a1'|regex_findall('([a-z])')", "'aab'|regex_findall('a*')", "'[x'|regex_findall('[')", "'foo=1 bar=2'|regex_findall('(?P<k>\\\\w+)=(?P<v>\\\\d)')")
case("regex_replace", "'foobar'|regex_replace('^f.*o(.*)$', 'a\\\\1')", "'localhost:80'|regex_replace('^(?P<host>.+):(?P<port>\\\\d+)$', '\\\\g<host>, \\\\g<port>')", "'aaa'|regex_replace('a','b',count=2)", "'ABC'|regex_replace('b','x',ignorecase=true)", "lines|regex_replace('^','# ',multiline=true)", "'abc'|regex_replace('b')",
     "'abc'|regex_replace('(b)','\\\\g<1>\\\\g<1>')", "'abc'|regex_replace('x*','-')", "'a.b'|regex_replace('\\\\.','\\\\\\\\')", "n|regex_replace('4','5')", "'abc'|regex_replace('(z)?b','[\\\\1]')", "'hello'|regex_replace('l','\\\\n')", "'abc'|regex_replace('b','\\\\9')", "'abc'|regex_replace('(', 'x')", "'abc'|regex_replace('b','x',mandatory_count=1)",
     "'abc'|regex_replace('z','x',mandatory_count=1)", "'a b'|regex_replace('(\\\\w) (\\\\w)','\\\\2 \\\\1')", "'xyz'|regex_replace('(?<=x)y','_')", "'2020-01-02'|regex_replace('(\\\\d+)-(\\\\d+)-(\\\\d+)','\\\\3.\\\\2.\\\\1')", "'abc\n'|regex_replace('c$','x')", "'abc'|regex_replace('b','$1')", "'aXbX'|regex_replace('X$','')", "'über'|regex_replace('\\\\W','-')",
     "'word word'|regex_replace('(\\\\w+) \\\\1','\\\\1')", "'a/b'|regex_replace('/', '\\\\/')", "'tab'|regex_replace('a','\\\\t')", "'aa\\\\Z'|regex_replace('\\\\Z','!')", "'abc'|regex_replace('(?i)B','x')", "'a{b}'|regex_replace('{b}','c')", "'abc'|regex_replace('b', '\\\\g<0>\\\\g<0>')", "'abc'|regex_replace('b','\\\\q')", "['a1','b2']|map('regex_replace','\\\\d','')|list")
case("regex_search", "'server1/database42'|regex_search('server\\\\d+')", "'server1/database42'|regex_search('database([0-9]+)', '\\\\1')", "'abc'|regex_search('z')", "'foo-BAR'|regex_search('bar', ignorecase=true)", "lines|regex_search('^second$', multiline=true)", "'a1b2'|regex_search('(a)(1)','\\\\1','\\\\2')",
     "'k=v'|regex_search('(?P<key>\\\\w)=(?P<val>\\\\w)', '\\\\g<key>', '\\\\g<val>')", "'abc'|regex_search('(z)','\\\\1')", "'abc'|regex_search('b','\\\\2')", "'abc'|regex_search('b','x')", "n|regex_search('4')", "'abc'|regex_search('(z)?b','\\\\1')", "'v1.2.3'|regex_search('v([0-9.]+)','\\\\1')|first", "'foo'|regex_search('^o')", "'abc'|regex_search('b', '\\\\g<nope>')",
     "'x86_64'|regex_search('[[:alpha:]]')", "'a]b'|regex_search('[]a]+')", "'a-b'|regex_search('[\\\\w-]+')", "'a[b'|regex_search('[[]')", "'a&&b'|regex_search('[a&&b]+')", "'a~~b'|regex_search('[~~b]+')", "'a--b'|regex_search('[a--]+')")
case("rekey_on_member", "[{'n':'a','v':1},{'n':'b','v':2}]|rekey_on_member('n')", "{'x':{'n':'a'},'y':{'n':'b'}}|rekey_on_member('n')", "[{'n':'a'},{'n':'a'}]|rekey_on_member('n')", "[{'n':'a','v':1},{'n':'a','v':2}]|rekey_on_member('n', duplicates='overwrite')", "[{'x':1}]|rekey_on_member('n')", "5|rekey_on_member('n')", "[{'n':'a'}]|rekey_on_member('n', duplicates='bad')", "[1]|rekey_on_member('n')")
case("split", "'a b  c'|split", "'a,b,,c'|split(',')", "'a,b,c'|split(',',1)", "''|split", "''|split(',')", "'a b c'|split(none,1)", "' a b '|split", "n|split(',')", "'abc'|split('')", "'a, b'|split(', ')", "'a b c d'|split(maxsplit=2)")
case("strftime", "'%Y-%m-%d'|strftime(0, utc=true)", "'%H:%M:%S'|strftime(1600000000, utc=true)", "'%j %a %A %b %B %U %w %y %%'|strftime(1600000000, true)", "'%Y'|strftime('0', utc=true)", "'%Y'|strftime('x')", "'%d.%m.%y %I %p'|strftime(1600000000.5, utc=true)", "'%s'|strftime(0, utc=true)", "'%e|%k|%F %T|%R|%D'|strftime(1600000000, utc=true)",
     "'%c'|strftime(1600000000, utc=true)", "'%x %X'|strftime(1600000000, utc=true)", "'%G-W%V-%u'|strftime(1600000000, utc=true)", "'%Z%z'|strftime(1600000000, utc=true)", "'%C %h %n %t %l'|strftime(1600000000, utc=true)", "''|strftime(0)", "'%Q'|strftime(0, utc=true)", "'%-d %-m'|strftime(0, utc=true)")
case("subelements", "users|subelements('groups')|map('last')|list", "users|subelements('groups', skip_missing=true)|length", "users|subelements('address')", "sparse|subelements('v')", "sparse|subelements('x', skip_missing=true)", "users|subelements('nope')", "{'a':users[0]}|subelements('groups')|map('last')|list", "[{'a':{'b':[1,2]}}]|subelements('a.b')|map('last')|list",
     "[{'a':{'b':[1,2]}}]|subelements(['a','b'])|length", "5|subelements('x')", "[1]|subelements('x')")
case("ternary", "true|ternary('a','b')", "false|ternary('a','b')", "none|ternary('a','b','c')", "none|ternary('a','b')", "''|ternary('a','b')", "n|ternary('a','b')", "(1 == 2)|ternary(1, 2)", "'false'|ternary(1,2)", "missing|ternary(1,2)", "true|ternary('a', missing)")
case("to_datetime", "('2020-01-02 03:04:05'|to_datetime).year", "('2020-01-02'|to_datetime('%Y-%m-%d'))|string", "('2020-01-02'|to_datetime('%Y-%m-%d')).strftime('%d/%m')", "'x'|to_datetime", "('2020-01-02 03:04:05'|to_datetime).hour", "('2020-01-02 03:04:05'|to_datetime).isoformat()", "('Jan 5 2021'|to_datetime('%b %d %Y')).month",
     "('2020-01-02T03:04:05Z'|to_datetime('%Y-%m-%dT%H:%M:%SZ')).timestamp()|int > 0", "('2020-01-02 03:04:05.250'|to_datetime('%Y-%m-%d %H:%M:%S.%f')).microsecond", "('2020-01-02'|to_datetime('%Y-%m-%d')).weekday()", "(('2016-08-14 20:00:12'|to_datetime) - ('2015-12-25'|to_datetime('%Y-%m-%d'))).total_seconds()", "(('2016-08-14 20:00:12'|to_datetime) - ('2016-08-14 18:00:00'|to_datetime)).seconds",
     "(('2016-08-14 20:00:12'|to_datetime) - ('2015-12-25'|to_datetime('%Y-%m-%d'))).days")
case("to_uuid", "'x'|to_uuid", "'http://example.com'|to_uuid", "'x'|to_uuid(namespace='6ba7b810-9dad-11d1-80b4-00c04fd430c8')", "'x'|to_uuid('bad')", "n|to_uuid", "uni|to_uuid")
case("type_debug", "n|type_debug", "s|type_debug", "f|type_debug", "d|type_debug", "ints|type_debug", "none|type_debug", "true|type_debug", "(1,2)|type_debug", "missing|type_debug", "(s|b64encode)|type_debug", "d.keys()|list|type_debug")
case("urldecode", "'a%20b%2Fc+d'|urldecode", "'%C3%BC'|urldecode", "'%zz'|urldecode", "n|urldecode", "'%FF'|urldecode")
case("urlsplit", "'http://user:pw@www.acme.com:9000/dir/index.html?query=term#frag'|urlsplit", "'http://user:pw@www.acme.com:9000/dir/index.html?query=term#frag'|urlsplit('hostname')", "'http://a.b/c'|urlsplit('port')", "'http://a.b:80/c'|urlsplit('port')", "'/path?x'|urlsplit('query')", "'http://[::1]:8080/x'|urlsplit('hostname')", "'HTTP://A.b/C'|urlsplit", "'http://a/b'|urlsplit('bad')", "'mailto:me@x.org'|urlsplit", "'http://a.b:x/'|urlsplit('port')", "''|urlsplit('path')", "'//host/p;q'|urlsplit('netloc')")
# --- tests
for name in ("boolean", "integer", "float", "number", "string", "sequence", "mapping", "iterable", "none", "callable"):
    case("is_" + name, *["%s is %s" % (v, name) for v in ("n", "f", "s", "ints", "d", "none", "true", "(1,2)", "''", "ints|map('string')")])
case("is_defined", "n is defined", "missing is defined", "d.a is defined", "d.zz is defined", "missing is undefined", "d['a'] is not defined", "deep.x.y.z is defined", "missing.a is defined")
case("is_sameas", "true is sameas true", "none is sameas(none)", "1 is sameas true", "s is sameas s", "1 is sameas 1", "ints is sameas ints", "1 is sameas 1.0")
case("is_escaped", "s is escaped", "html|e is escaped", "(html|e) is escaped")
case("is_lower", "'abc' is lower", "'Abc' is lower", "'ABC' is upper", "'1' is upper", "'a1' is lower", "n is lower")
case("is_odd", "3 is odd", "4 is odd", "4 is even", "-3 is odd", "'3' is odd", "2.5 is even")
case("is_divisibleby", "9 is divisibleby 3", "10 is divisibleby(3)", "10 is divisibleby 0", "'x' is divisibleby 2", "7.5 is divisibleby 2.5")
case("is_compare", "1 is eq 1", "1 is equalto 2", "1 is ne 2", "1 is lt 2", "1 is lessthan 0", "2 is ge 2", "3 is greaterthan 2", "1 is le 0", "'a' is gt 'b'", "1 is lt 'a'", "none is lt 1", "[1,2] is lt [1,3]", "1 is eq true", "1 is eq 1.0", "'1' is eq 1")
case("is_in", "1 is in ints", "9 is in ints", "'a' is in d", "'ell' is in s", "1 is in 5", "1 is in '123'", "none is in mixed", "'z' is not in d")
case("is_true", "true is true", "1 is true", "false is false", "none is false", "0 is false")
case("is_filter", "'upper' is filter", "'nope' is filter", "'combine' is filter", "'odd' is test", "'nope' is test", "'ansible.builtin.combine' is filter", "'ansible.builtin.match' is test")
case("all", "[true,1] is all", "[true,0] is all", "[] is all", "5 is all", "['a',''] is ansible.builtin.all")
case("any", "[false,1] is any", "[0,''] is any", "[] is any", "d is any")
case("abs_path", "'/a' is abs", "'a' is abs", "'/a' is is_abs", "n is abs", "'~/a' is abs")
case("path", "'/etc' is directory", "'/etc/passwd' is directory", "'/etc/passwd' is file", "'/nope' is exists", "'/etc' is exists", "'@FILES@/link.txt' is link", "'@FILES@/one.txt' is link", "'@FILES@/link.txt' is link_exists", "'/' is mount", "'/etc' is mount", "'/etc' is same_file('/etc/')",
     "'/etc' is is_dir", "'/etc/passwd' is is_file", "'@FILES@/link.txt' is is_link", "'/' is is_mount", "'/etc' is is_same_file('/')", "'@FILES@/link.txt' is same_file('@FILES@/one.txt')", "n is exists", "'/nope' is same_file('/etc')", "none is file")
for name in ("changed", "change", "failed", "failure", "success", "succeeded", "successful", "skipped", "skip", "reachable", "unreachable", "finished", "started", "timedout"):
    case("result_" + name, *["%s is %s" % (v, name) for v in ("ok", "bad", "skip", "gone", "job", "done", "looped", "s", "d")])
case("contains", "ints is contains 1", "ints is contains(9)", "s is contains 'World'", "d is contains 'a'", "n is contains 1", "users|map(attribute='groups')|first is contains 'dev'", "none is contains 1")
case("match", "'foobar' is match('foo')", "'foobar' is match('bar')", "'foobar' is match('FOO', ignorecase=true)", "lines is match('second', multiline=true)", "n is match('4')", "'a' is match('(')", "none is match('x')", "'/users/foo/x' is match('/users/.*/x')", "'foo\n' is match('foo$')", "ints is match('3')")
case("search", "'foobar' is search('bar')", "'foobar' is search('^bar')", "lines is search('^second', multiline=true)", "lines is search('^second')", "'X' is search('x', ignorecase=true)", "s is search('world')")
case("regex", "'foobar' is regex('^o')", "'foobar' is regex('o')", "'foobar' is regex('FOO', ignorecase=true)", "'foobar' is regex('bar', match_type='match')", "'foobar' is regex('foobar', match_type='fullmatch')", "'a' is regex('a', match_type='bad')", "'a' is regex('A', True)")
case("subset", "[1] is subset [1,2]", "[3] is subset [1,2]", "[] is subset []", "[1] is issubset [1]", "'a' is subset ['a']", "[[1]] is subset [[1],[2]]", "5 is subset [1]")
case("superset", "[1,2] is superset [1]", "[1,2] is superset [3]", "[1] is issuperset []", "d is superset ['a']")
case("truthy", "1 is truthy", "'' is truthy", "'yes' is truthy(convert_bool=true)", "'no' is truthy(convert_bool=true)", "'no' is truthy", "'off' is falsy(convert_bool=true)", "0 is falsy", "'x' is falsy", "'x' is truthy(convert_bool=true)", "none is falsy", "[] is falsy")
case("uri", "'http://example.com' is uri", "'x' is uri", "'urn:isbn:123' is urn", "'http://a' is url", "'mailto:x' is url", "'urn:x:y' is uri", "'ftp://a/b' is url(['http'])", "'ftp://a/b' is uri(['ftp'])", "'a.com' is url", "'http://' is url", "n is uri", "'file:///etc' is url", "'urn:a' is urn")
case("vault_encrypted", "'$ANSIBLE_VAULT;1.1;AES256' is vault_encrypted", "s is vault_encrypted")
case("nan", "n is nan", "('nan'|float) is nan", "('nan'|float) is isnan", "'x' is nan", "1.5 is nan")
V = [("1.2.3", "1.10"), ("1.0", "1.0.0"), ("2.0", "2.0"), ("1.0a1", "1.0"), ("9.0-3", "9.0-10"), ("1.0.0-rc1", "1.0.0"), ("22.04", "20.04")]
for a, b in V:
    case("version", *["'%s' is version('%s', '%s')" % (a, b, op) for op in ("<", ">=", "==", "ne")])
case("version", "'1.2' is version('1.2')", "'1.0.0-rc1' is version('1.0.0','<',strict=true)", "'1.0.0-alpha' is version('1.0.0','lt',version_type='semver')", "'1.0.0-alpha.1' is version('1.0.0-alpha.beta','lt',version_type='semver')", "'1.0.0+b1' is version('1.0.0','eq',version_type='semver')",
     "'1.0' is version('1.0.0','eq',version_type='semver')", "'1.0a1' is version('1.0','lt',version_type='pep440')", "'1.0.post1' is version('1.0','gt',version_type='pep440')", "'1!1.0' is version('2.0','gt',version_type='pep440')", "'1.0.dev1' is version('1.0a1','lt',version_type='pep440')", "'x' is version('1.0','lt',version_type='pep440')",
     "'1.0rc1' is version('1.0','<',version_type='strict')", "'1.0b1' is version('1.0','<',version_type='strict')", "'1.2.3.4' is version('1.0','<',strict=true)", "'1' is version('2','bad')", "1.5 is version('1.4','>')", "'1.0' is version('','>')", "'' is version('1','>')", "'1.a' is version('1.0','<')", "'a' is version('1','<')", "'1.2' is version('1.3','<',strict=true,version_type='semver')",
     "'10' is version_compare('9','gt')", "'1.0' is version('1.0','=')", "'1.0' is version('1.0','!=')", "'1.0' is version('1.0','<>')", "'1.0.0' is version('1.0','=',version_type='loose')", "'1.0' is version('1.0','eq',version_type='bad')", "'2.19.14' is version('2.16','>=')", "'1.0+local' is version('1.0','gt',version_type='pep440')", "'v1.0' is version('1.0','eq',version_type='pep440')",
     "n is version(41, '>')", "'1.0~1' is version('1.0','<')", "'3.el7' is version('3.el8','<')", "'1.0-1' is version('1.0.post1','eq',version_type='pep440')", "'01.0.0' is version('1.0.0','eq',version_type='semver')")
# --- lookups
case("lookup_env", "lookup('env','RPROV_VECTOR')", "lookup('env','NOPE_X')", "lookup('env','NOPE_X', default='dd')", "query('env','RPROV_VECTOR','NOPE_X')", "lookup('env','RPROV_VECTOR','NOPE_X')", "lookup('ansible.builtin.env','RPROV_VECTOR')", "q('env','RPROV_VECTOR')")
case("lookup_file", "lookup('file','@FILES@/one.txt')", "lookup('file','@FILES@/padded.txt')", "lookup('file','@FILES@/padded.txt', rstrip=false)", "lookup('file','@FILES@/padded.txt', lstrip=true)", "query('file','@FILES@/one.txt','@FILES@/sub/two.txt')", "lookup('file','@FILES@/one.txt','@FILES@/sub/two.txt')", "lookup('file','/nope')",
     "lookup('file','/nope', errors='ignore')", "query('file','/nope', errors='ignore')", "lookup('file','@FILES@/one.txt', wantlist=true)", "lookup('file','/nope', errors='warn')", "lookup('file','@FILES@/greeting.j2')")
case("lookup_dict", "lookup('dict', d)", "query('dict', d)", "lookup('dict', {'a':1})", "query('dict', ints)", "query('dict', {})", "query('dict', {'a':1}, {'b':2})")
case("lookup_items", "query('items', [1,2])", "lookup('items', [1,[2,3]])", "query('items', [1,[2,[3]]])", "query('items', 1, [2])", "lookup('items', 1)", "query('items', words)", "query('items')")
case("lookup_list", "query('list', [1,[2]])", "lookup('list', 1, 2)", "query('list', 1, [2])", "lookup('list', [1])")
case("lookup_nested", "query('nested', [1,2], ['a','b'])", "query('nested', [1], [2], [3,4])", "query('nested')", "query('nested', [1])")
case("lookup_together", "query('together', [1,2], ['a','b'])", "query('together', [1,2,3], [4])", "query('together')")
case("lookup_indexed_items", "query('indexed_items', ['a','b'])", "query('indexed_items', [['a','b'],['c']])", "lookup('indexed_items', ['a','b'])")
case("lookup_sequence", "query('sequence','1-5')", "query('sequence','5-1')", "query('sequence','1-10/3')", "query('sequence','1-3:host%02d')", "query('sequence','start=1 end=3')", "query('sequence','start=4 count=2 format=x%d')", "query('sequence','count=3')", "query('sequence', start=1, end=4, stride=2)", "query('sequence','0x0-0x3:%x')", "query('sequence','5')", "query('sequence','end=5 start=2 stride=2 format=test-%02x')",
     "query('sequence','start=0 end=0')", "query('sequence','count=0')", "query('sequence','start=5 end=1 stride=-2')", "query('sequence','bad=1')", "query('sequence','start=1')", "lookup('sequence','1-3')", "query('sequence','start=1 end=5 count=3')", "query('sequence','end=-3 start=0 stride=-1')", "query('sequence','5-8')", "query('sequence','2-10/2:%04x')", "query('sequence','start=5 end=1')")
case("lookup_subelements", "query('subelements', users, 'groups')|map('last')|list", "query('subelements', users, 'nope')", "query('subelements', users, 'nope', {'skip_missing': true})", "query('subelements', [{'a':{'b':[1]}}], 'a.b')", "query('subelements', users, 'age')", "query('subelements', users, 'groups', skip_missing=true)|length", "query('subelements', {'x':users[0]}, 'groups')|length")
case("lookup_fileglob", "query('fileglob','@FILES@/*.txt')|map('basename')|sort", "lookup('fileglob','@FILES@/sub/*')|basename", "query('fileglob','@FILES@/none*')", "lookup('fileglob','@FILES@/none*')", "query('fileglob','@FILES@/p*.csv','@FILES@/p*.tsv')|map('basename')|list")
case("lookup_first_found", "lookup('first_found',['/nope','@FILES@/one.txt'])|basename", "lookup('first_found','/nope','@FILES@/one.txt')|basename", "lookup('first_found', {'files':['x','two.txt'],'paths':['@FILES@','@FILES@/sub']})|basename", "lookup('first_found',['/nope'])", "query('first_found',['/nope'], skip=true)", "lookup('first_found', files=['one.txt'], paths=['@FILES@'])|basename",
     "query('first_found', {'files':['x'],'paths':['@FILES@'],'skip':true})", "lookup('first_found',['/nope'], errors='ignore')", "lookup('first_found', {'files':'x,one.txt','paths':'@FILES@'})|basename", "query('first_found',['/nope'], errors='ignore')", "lookup('first_found','@FILES@/sub/two.txt')|basename")
case("lookup_csvfile", "lookup('csvfile','anna', file='@FILES@/people.csv', delimiter=',', col='1')", "lookup('csvfile','bert file=@FILES@/people.csv delimiter=, col=2')", "lookup('csvfile','zed', file='@FILES@/people.csv', delimiter=',', default='none')", "lookup('csvfile','tab2', file='@FILES@/people.tsv')", "lookup('csvfile','Basel', file='@FILES@/people.csv', delimiter=',', keycol=1, col=0)",
     "lookup('csvfile','zed', file='@FILES@/people.csv', delimiter=',')", "lookup('csvfile','anna', file='/nope')", "query('csvfile','anna','bert', file='@FILES@/people.csv', delimiter=',')", "lookup('csvfile','tab1 file=@FILES@/people.tsv delimiter=TAB col=2')", "lookup('csvfile','carl, jr', file='@FILES@/people.csv', delimiter=',')")
case("lookup_ini", "lookup('ini','answer', section='global', file='@FILES@/settings.ini')", "lookup('ini','answer section=global file=@FILES@/settings.ini')", "lookup('ini','name', section='global', file='@FILES@/settings.ini')", "lookup('ini','nope', section='global', file='@FILES@/settings.ini')", "lookup('ini','nope', section='global', file='@FILES@/settings.ini', default='dd')",
     "lookup('ini','user.name', type='properties', file='@FILES@/settings.properties')", "query('ini','.*', section='global', file='@FILES@/settings.ini', re=true)", "lookup('ini','path', section='other', file='@FILES@/settings.ini')", "lookup('ini','path', section='other', file='@FILES@/settings.ini', interpolation=false)", "lookup('ini','key', section='other', file='@FILES@/settings.ini')",
     "lookup('ini','Name', section='global', file='@FILES@/settings.ini', case_sensitive=true)", "lookup('ini','name', section='global', file='@FILES@/settings.ini', case_sensitive=true, default='no')", "lookup('ini','empty', section='other', file='@FILES@/settings.ini')", "lookup('ini','user.port type=properties file=@FILES@/settings.properties')", "lookup('ini','answer', file='/nope')",
     "lookup('ini','answer', section='nosection', file='@FILES@/settings.ini')")
case("lookup_lines", "query('lines','echo a; echo b')", "lookup('lines','printf \"x\\ny\"')", "query('lines','false')", "query('lines','echo a','echo b')", "query('lines','cat @FILES@/one.txt')")
case("lookup_pipe", "lookup('pipe','echo hi')", "query('pipe','echo hi','echo ho')", "lookup('pipe','exit 3')", "lookup('pipe','printf \"a\\nb\\n\\n\"')", "lookup('pipe','exit 3', errors='ignore')")
case("lookup_random_choice", "lookup('random_choice',[7])", "query('random_choice',[7])", "query('random_choice')")
case("lookup_vars", "lookup('vars','n')", "lookup('vars','n','s')", "query('vars','n','s')", "lookup('vars','nope_x')", "lookup('vars','nope_x', default='dd')", "lookup('vars','pkg_' ~ 'a')", "lookup('vars','d').a", "lookup('vars', 5)")
case("lookup_varnames", "lookup('varnames','^pkg_')", "query('varnames','^pkg_')", "lookup('varnames','nope_zz')", "query('varnames','_a$','_b$')", "query('varnames','(')")
case("lookup_inventory_hostnames", "query('inventory_hostnames','all')", "query('inventory_hostnames','web')", "query('inventory_hostnames','web:!h1')", "query('inventory_hostnames','nope')", "query('inventory_hostnames','web:db')", "query('inventory_hostnames','all:&web')", "lookup('inventory_hostnames','all')", "query('inventory_hostnames','h*')")
case("lookup_template", "lookup('template','@FILES@/greeting.j2')", "lookup('template','@FILES@/greeting.j2', template_vars={'who':'you'})", "lookup('template','/nope.j2')")
case("lookup_config", "lookup('config','DEFAULT_FORKS')", "lookup('config','NOPE_X')", "lookup('config','NOPE_X', on_missing='skip')", "query('config','DEFAULT_FORKS','DEFAULT_TIMEOUT')", "lookup('config','DEFAULT_BECOME_USER')")
case("lookup_password", "lookup('password','/dev/null length=5 chars=a')", "lookup('password','/dev/null', length=8, chars=['x'])", "lookup('password','/dev/null')|length", "lookup('password','/dev/null length=12 chars=ascii_letters,digits seed=abc')", "lookup('password','/dev/null', seed='h1', length=20)", "lookup('password','/dev/null', chars=['digits'], length=6, seed='z')", "lookup('password','/dev/null chars=hexdigits seed=q')",
     "lookup('password','/dev/null', chars=['ascii_lowercase','!'], seed='w', length=30)", "lookup('password','/dev/null chars=a,,b seed=1')", "lookup('password','/dev/null bogus=1')", "lookup('password','/dev/null chars=punctuation seed=3 length=10')")
case("lookup_url", "lookup('url','http://127.0.0.1:9/none')", "query('url','http://127.0.0.1:9/none', errors='ignore')")
case("lookup_errors", "lookup('nosuchlookup','x')", "lookup('file')", "lookup()", "query('env')", "lookup('file', '/nope', errors='bad')")
case("globals", "dict(a=1,b=2)", "dict([['a',1]])", "range(3)|list", "range(1,10,3)|list")


def plain(value):
    """The value as JSON keeps it, with types JSON lacks spelled out."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return {"__float__": repr(float(value))}
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {str.__str__(key): plain(item) for key, item in value.items()}
        return {"__pairs__": [[plain(key), plain(item)] for key, item in value.items()]}
    if isinstance(value, (datetime.datetime, datetime.date)):
        return str(value)
    return {"__type__": type(value).__name__, "text": str(value)}


def main():
    os.environ["RPROV_VECTOR"] = "from the environment"
    os.environ["HOME"] = "/root"
    os.environ["TZ"] = "UTC"
    os.environ["ANSIBLE_LOCALHOST_WARNING"] = "0"
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader
    from ansible.template import Templar, trust_as_template

    init_plugin_loader()
    out = []
    loader = DataLoader()
    loader.set_basedir(FILES)
    templar = Templar(loader=loader, variables=VARIABLES)
    for name, expressions in CASES.items():
        for expression in expressions:
            entry = {"name": name, "expression": expression}
            text = "{{ " + expression.replace("@FILES@", FILES) + " }}"
            try:
                value = plain(templar.template(trust_as_template(text)))
                if isinstance(value, str):
                    value = value.replace(FILES, "@FILES@")
                entry["value"] = value
            except Exception as error:
                entry["error"] = True
                if "-v" in sys.argv:
                    entry["message"] = str(error)[:300]
            out.append(entry)
    with open(os.path.join(HERE, "filters.json"), "w") as file:
        file.write('{"variables": ')
        json.dump(VARIABLES, file)
        file.write(',\n"vectors": [\n')
        file.write(",\n".join(json.dumps(entry) for entry in out))
        file.write("\n]}\n")
    print(len(out), "vectors,", sum(1 for entry in out if entry.get("error")), "errors")


main()

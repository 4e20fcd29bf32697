#!/usr/bin/env python3
"""Write templates.json: what ansible-core makes of the snippets below.

Run it with the Python of an ansible-core 2.19 installation:

    /opt/ansible/bin/python tests/vectors/generate_templates.py

tests/templates.rs compares rprov's engine with the result.
"""

import json
import os
import sys
import tempfile
import warnings

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template
from ansible.utils.display import Display

VARIABLES = {
    "none": None,
    "yes": True,
    "no": False,
    "one": 1,
    "two": 2,
    "half": 0.5,
    "big": 12345678901234567890,
    "word": "apple",
    "upper": "APPLE Pie",
    "empty": "",
    "spaced": "  a  b c ",
    "csv": "a,b,c,d",
    "path": "/etc/nginx/nginx.conf",
    "lines": "one\ntwo\r\nthree\n",
    "quotes": "it's \"so\"",
    "unicode": "äöü ß 日本",
    "list": [1, 2, 3],
    "words": ["pear", "apple", "fig"],
    "mixed": [1, "a", None, True, 1.5, [1], {"k": "v"}],
    "nested": {"a": {"b": {"c": 5}}, "l": [{"n": 1}, {"n": 2}]},
    "user": {"name": "ann", "uid": 1000, "groups": ["wheel", "adm"], "shell": None},
    "users": [{"name": "ann", "uid": 3}, {"name": "bob", "uid": 1}, {"name": "cy", "uid": 2}],
    "items_key": {"items": 5, "keys": "k", "x": 1},
    "emptylist": [],
    "emptydict": {},
    "numbers": {"1": "text one"},
    # templates
    "t_word": "{{ word }}",
    "t_int": "{{ one + 1 }}",
    "t_list": "{{ list + [4] }}",
    "t_deep": "{{ t_word }}-{{ t_int }}",
    "t_dict": {"a": "{{ word }}", "b": ["{{ one }}", "x{{ one }}"], "c": {"d": "{{ t_deep }}"}},
    "t_undef": "{{ nope }}",
    "t_undef_text": "x-{{ nope.deep }}",
    "t_partial": {"good": "{{ one }}", "bad": "{{ nope }}"},
    "t_list_undef": ["{{ one }}", "{{ nope }}"],
    "t_omit_list": [1, "{{ omit }}", 3],
    "t_omit_dict": {"a": 1, "b": "{{ omit }}"},
    "t_if": "{% if yes %}on{% else %}off{% endif %}",
    "t_key": {"{{ word }}": 1},
    "t_none": "{{ none }}",
    "t_bool": "{{ one == 1 }}",
    "loop_a": "{{ loop_b }}",
    "loop_b": "{{ loop_a }}",
    "self": "{{ self }}",
}

TEMPLATES = r"""
plain text
{{ none }}
a{{ none }}b
{{ none }}{{ none }}
{{ none }}{{ one }}
{{ one }}{{ none }}
{{ one }}{{ two }}
{{ one }} {{ two }}
 {{ one }}
{{ one }} 
{{ yes }}
{{ yes }}!
{{ half }}
x{{ half }}
{{ big }}
x{{ big }}
{{ 10 ** 20 }}
{{ 1e20 }}x
{{ 1e16 }}x
{{ 1.0 }}x
{{ 1e-5 }}x
{{ 0.0001 }}x
{{ 100000.0 * 10 }}x
{{ list }}
{{ list }}x
{{ mixed }}x
{{ user }}x
{{ user }}
{{ quotes }}
{{ [quotes] }}x
{{ ["it's"] }}x
{{ ['say "x"'] }}x
{{ lines }}
{{ [lines] }}x
{{ unicode }}
{{ [unicode] }}x
{{ {} }}
{{ [] }}
{{ [] }}x
{{ {} }}x
{{ '' }}
{{ '' }}{{ one }}
{{ one }}{{ '' }}
{# comment #}
{# comment #}x
x{# comment #}y
{{ one }}{# comment #}
{{- one -}}
  {{- one -}}  
a  {{- one -}}  b
a {{ one -}}  b
a  {{- one }} b
{% if yes %}a{% endif %}
{% if no %}a{% endif %}
{% if yes %}{{ one }}{% endif %}
{% if yes %} {{ one }}{% endif %}
{% if one %}a{% else %}b{% endif %}
{% if emptylist %}a{% elif word %}b{% endif %}
{% for i in list %}{{ i }}{% endfor %}
{% for i in [1] %}{{ i }}{% endfor %}
{% for i in list %}{{ i }},{% endfor %}
{% for i in list %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}
{% for i in list %}{{ loop.index }}/{{ loop.length }}:{{ loop.index0 }}:{{ loop.first }} {% endfor %}
{% for i in emptylist %}x{% else %}none{% endfor %}
{% for k, v in user.items() %}{{ k }}={{ v }};{% endfor %}
{% for k in user %}{{ k }};{% endfor %}
{% for u in users if u.uid > 1 %}{{ u.name }} {% endfor %}
{% for u in users %}{{ loop.cycle('odd', 'even') }} {% endfor %}
{% for u in users %}{{ loop.previtem.name if loop.previtem is defined else '-' }}{% endfor %}
{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }} {% endfor %}
{% for a, b in [[1, 2], [3, 4]] %}{{ a + b }} {% endfor %}
{% for i in list recursive %}{{ i }}{% endfor %}
{% for i in range(5) %}{{ i }}{% endfor %}
{% for i in range(5) if i % 2 %}{{ i }}{% endfor %}
{% for i in list %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}
{% for i in list %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}
{% set x = 5 %}
{% set x = 5 %}{{ x }}
{% set x = 'a' %}{{ x }}{{ x }}
{% set a, b = 1, 2 %}{{ a }}-{{ b }}
{% set x %}text {{ one }}{% endset %}[{{ x }}]
{% set ns = namespace(n=0) %}{% for i in list %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}
{% set ns = namespace(n='') %}{% for i in words %}{% set ns.n = ns.n ~ i %}{% endfor %}{{ ns.n }}
{% with a = 1 %}{{ a }}{% endwith %}
{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }}|{{ m(1, b=3) }}
{% macro m(a) %}<{{ a }}>{{ caller() }}{% endmacro %}{% call m(1) %}inner{% endcall %}
{% filter upper %}abc{% endfilter %}
{% raw %}{{ not rendered }}{% endraw %}
{% raw %}{{ a }}{% endraw %}{{ one }}
{% if yes %}a{% endif %}b
{% block x %}in{% endblock %}
{{ 1 + 2 }}
{{ 1 - 2 }}
{{ 2 * 3 }}
{{ 7 / 2 }}
{{ 4 / 2 }}
{{ 7 // 2 }}
{{ -7 // 2 }}
{{ 7 % 3 }}
{{ -7 % 3 }}
{{ (-7) % 3 }}
{{ 7 % -3 }}
{{ 7.5 % 2 }}
{{ 2 ** 10 }}
{{ 2 ** -1 }}
{{ +1 }}
{{ -one }}
{{ +one + 1 }}
{{ 1 + +1 }}
{{ 1 - -1 }}
{{ 1 if yes else 2 }}
{{ 1 if no else 2 }}
{{ 'a' ~ 1 ~ none ~ true }}
{{ 'a' ~ half }}
{{ 'a' + 'b' }}
{{ 'a' * 3 }}
{{ [1] * 2 }}
{{ [1] + [2] }}
{{ 1 == 1.0 }}
{{ 'a' == "a" }}
{{ 1 < 2 < 3 }}
{{ 3 > 2 > 2 }}
{{ 1 != 2 }}
{{ not yes }}
{{ yes and no }}
{{ yes and word }}
{{ no or word }}
{{ empty or 'fallback' }}
{{ 2 in list }}
{{ 5 in list }}
{{ 5 not in list }}
{{ 'name' in user }}
{{ 'pp' in word }}
{{ (1, 2) }}
{{ (1,) }}
{{ 1, 2 }}
{{ (1, 2) }}x
{{ {'a': 1, 'b': [1, 2]} }}
{{ {'a': 1}['a'] }}
{{ {'a': 1}.a }}
{{ list[0] }}
{{ list[-1] }}
{{ list.0 }}
{{ list[1:] }}
{{ list[:-1] }}
{{ list[::-1] }}
{{ list[::2] }}
{{ word[0] }}
{{ word[-1] }}
{{ word[1:3] }}
{{ word[::-1] }}
{{ user.name }}
{{ user['name'] }}
{{ user['na' ~ 'me'] }}
{{ user.groups[0] }}
{{ user.groups.1 }}
{{ nested.a.b.c }}
{{ nested['a']['b']['c'] }}
{{ nested.l[1].n }}
{{ nested.l | map(attribute='n') | list }}
{{ items_key.items }}
{{ items_key['items'] }}
{{ items_key['keys'] }}
{{ items_key.items() | list }}
{{ items_key.keys() | list }}
{{ items_key.values() | list }}
{{ user.get('name') }}
{{ user.get('nope') }}
{{ user.get('nope', 'dflt') }}
{{ user.get('nope', default='dflt') }}
{{ user.keys() }}
{{ user.values() }}
{{ user.items() }}
{{ user.copy() }}
{{ nope }}
{{ nope.a }}
{{ nope['a'] }}
{{ nope() }}
{{ nope.a() }}
x{{ nope }}
{{ user.nope }}
{{ user['nope'] }}
{{ user.nope.deeper }}
{{ user.name.nope }}
{{ user.nope() }}
{{ list[9] }}
{{ list.nope }}
{{ one.nope }}
{{ none.nope }}
{{ word.nope }}
{{ nope + 1 }}
{{ 1 + nope }}
{{ nope ~ 'a' }}
{{ nope == 1 }}
{{ not nope }}
{{ nope and yes }}
{{ yes and nope }}
{{ no and nope }}
{{ yes or nope }}
{{ nope in list }}
{{ 'a' in nope }}
{{ [nope] }}
{{ {'a': nope} }}
{{ [1, [nope]] }}
{{ 'a' if nope else 'b' }}
{{ 'a' if no }}
x{{ 'a' if no }}
{% if nope %}a{% endif %}
{% for i in nope %}a{% endfor %}
{{ nope | upper }}
{{ nope | default('d') }}
{{ nope | d('d') }}
{{ nope.a | default('d') }}
{{ nope.a.b.c | default('d') }}
{{ nope['a']['b'] | default('d') }}
{{ nope[0].x | default('d') }}
{{ nope.a().b | default('d') }}
{{ nope.split(',')[0] | default('d') }}
{{ user.nope | default('d') }}
{{ user.nope.deeper | default('d') }}
{{ user.name | default('d') }}
{{ user.shell | default('d') }}
{{ user.shell | default('d', true) }}
{{ empty | default('d') }}
{{ empty | default('d', true) }}
{{ nope | upper | default('d') }}
{{ user.nope | upper | lower | default('d') }}
{{ (nope) | default('d') }}
{{ nope | default(nope2) | default('e') }}
{{ nope | default(nope2.x.y) | default('e') }}
{{ nope | default(user.name) }}
{{ (user.nope | default({})).x | default('e') }}
{{ nope is defined }}
{{ nope is undefined }}
{{ nope is not defined }}
{{ nope.a.b is defined }}
{{ user.nope.x is defined }}
{{ user.name is defined }}
{{ user.name is defined and user.name == 'ann' }}
{{ nope.a is defined or nope.b is not defined }}
{{ not nope.a.b is defined }}
{{ t_undef | default('d') }}
{{ t_undef is defined }}
{{ t_undef }}
{{ t_undef_text | default('d') }}
{{ t_undef_text }}
{{ t_partial.good }}
{{ t_partial.bad }}
{{ t_partial.bad | default('d') }}
{{ t_partial.bad is defined }}
{{ t_partial }}
{{ t_list_undef[0] }}
{{ t_list_undef[1] }}
{{ t_list_undef | length }}
{{ t_list_undef | first }}
{{ t_list_undef | last | default('d') }}
{{ t_word }}
{{ t_int }}
{{ t_int + 1 }}
{{ t_list }}
{{ t_list[3] }}
{{ t_deep }}
{{ t_dict }}
{{ t_dict.a }}
{{ t_dict.b }}
{{ t_dict.b[0] + 1 }}
{{ t_dict.c.d }}
{{ t_dict.c }}
{{ t_dict }}x
{{ t_dict | length }}
{{ t_dict.keys() | list }}
{{ t_dict.items() | list }}
{{ t_omit_list }}
{{ t_omit_dict }}
{{ t_if }}
{{ t_key }}
{{ t_none }}
{{ t_none }}x
{{ t_bool }}
{{ loop_a }}
{{ self }}
{{ omit }}
x{{ omit }}
{{ [omit, 1] }}
{{ {'a': omit, 'b': 1} }}
{{ nope | default(omit) }}
{{ '{{ one }}' }}
{{ 'a\nb' }}
{{ "a\tb" }}
{{ 'a\\b' }}
{{ 'a\'b' }}
{% set x = 'a\nb' %}{{ x }}
{% if 'a\nb' | length == 3 %}y{% else %}n{% endif %}
{{ '%s' % one }}
{{ '%s-%s' % (one, two) }}
{{ '%d items' % 3 }}
{{ '%05.2f|%-5s|%5s|%x|%%' % (1.5, 'a', 'b', 255) }}
{{ '%(name)s=%(uid)d' % user }}
{{ '%s' % list }}
{{ '%r' % word }}
{{ '%+d % d' % (1, 2) }}
{{ '%s %s' % (one,) }}
{{ '{}-{}'.format(1, 'a') }}
{{ '{0}{1}{0}'.format('a', 'b') }}
{{ '{a}/{b}'.format(a=1, b='x') }}
{{ '{:>5}|{:<5}|{:^5}|{:*^7}'.format(1, 2, 3, 4) }}
{{ '{:05d}|{:+d}|{:,}|{:x}|{:#x}|{:b}|{:o}'.format(42, 42, 1234567, 255, 255, 5, 8) }}
{{ '{:.2f}|{:8.3f}|{:e}|{:g}|{:%}'.format(3.14159, 2.5, 12345.678, 0.00001, 0.25) }}
{{ '{!r}|{!s}'.format('a', 'b') }}
{{ '{0[name]}|{0.name}'.format(user) }}
{{ '{{}}'.format(1) }}
{{ '{} {}'.format(1) }}
{{ '{:>{w}}'.format('a', w=4) }}
{{ word.upper() }}
{{ upper.lower() }}
{{ upper.swapcase() }}
{{ upper.title() }}
{{ upper.capitalize() }}
{{ spaced.strip() }}
{{ spaced.lstrip() }}
{{ spaced.rstrip() }}
{{ 'xxaxx'.strip('x') }}
{{ 'abcab'.strip('ab') }}
{{ csv.split(',') }}
{{ csv.split(',', 1) }}
{{ csv.rsplit(',', 1) }}
{{ csv.split(',', maxsplit=2) }}
{{ csv.split(',')[-1] }}
{{ spaced.split() }}
{{ spaced.split(none, 1) }}
{{ spaced.rsplit(none, 1) }}
{{ ''.split(',') }}
{{ ''.split() }}
{{ lines.splitlines() }}
{{ lines.splitlines(true) }}
{{ path.partition('/') }}
{{ path.rpartition('/') }}
{{ 'abc'.partition('x') }}
{{ 'abc'.rpartition('x') }}
{{ ','.join(words) }}
{{ ','.join(list) }}
{{ 'aXbX'.replace('X', '-') }}
{{ 'aXbX'.replace('X', '-', 1) }}
{{ path.startswith('/etc') }}
{{ path.startswith(('/var', '/etc')) }}
{{ path.endswith('.conf') }}
{{ 'abc'.startswith('b', 1) }}
{{ path.find('nginx') }}
{{ path.find('nope') }}
{{ path.rfind('nginx') }}
{{ path.find('nginx', 6) }}
{{ path.index('nope') }}
{{ path.count('/') }}
{{ '7'.zfill(3) }}
{{ '-7'.zfill(4) }}
{{ 'a'.ljust(3) ~ '|' }}
{{ 'a'.rjust(3, '.') }}
{{ 'a'.center(4, '-') }}
{{ 'ab'.center(5, '-') }}
{{ 'abc'.removeprefix('a') }}
{{ 'abc'.removesuffix('c') }}
{{ '12'.isdigit() }}
{{ 'ab1'.isalnum() }}
{{ 'ab'.isalpha() }}
{{ ' '.isspace() }}
{{ 'AB'.isupper() }}
{{ 'ab'.islower() }}
{{ 'a\tb'.expandtabs(4) }}
{{ list.index(2) }}
{{ list.count(2) }}
{{ list.index(9) }}
{{ word.upper().lower() }}
{{ one.bit_length() }}
{{ half.is_integer() }}
{{ words | join(',') }}
{{ words | join(', ') | upper }}
{{ words | first }}
{{ words | last }}
{{ words | length }}
{{ words | sort }}
{{ words | reverse | list }}
{{ list | sum }}
{{ list | max }}
{{ list | min }}
{{ users | map(attribute='name') | join(',') }}
{{ users | map(attribute='name') | list }}
{{ users | selectattr('uid', '>', 1) | map(attribute='name') | list }}
{{ users | selectattr('name', 'equalto', 'bob') | first }}
{{ users | rejectattr('uid', 'eq', 1) | list | length }}
{{ users | sort(attribute='uid') | map(attribute='name') | list }}
{{ list | map('string') | list }}
{{ list | select('odd') | list }}
{{ list | reject('odd') | list }}
{{ words | map('upper') | list }}
{{ users | groupby('uid') | length }}
{{ [3, 1, 2] | sort(reverse=true) }}
{{ [1, 1, 2] | unique | list }}
{{ '42' | int + 1 }}
{{ '1.5' | float }}
{{ half | string }}
{{ 3.7 | int }}
{{ 3.14159 | round(2) }}
{{ -3 | abs }}
{{ word | capitalize }}
{{ word | replace('p', 'b') }}
{{ spaced | trim }}
{{ word | list }}
{{ user | dictsort }}
{{ user | list }}
{{ list | batch(2) | list }}
{{ list | slice(2) | list }}
{{ user is mapping }}
{{ list is iterable }}
{{ list is sequence }}
{{ word is string }}
{{ one is number }}
{{ half is float }}
{{ one is integer }}
{{ none is none }}
{{ yes is boolean }}
{{ one is odd }}
{{ one is divisibleby 1 }}
{{ one is divisibleby(2) }}
{{ one is eq 1 }}
{{ one is in list }}
{{ one is not in list }}
{{ word is lower }}
{{ yes is true }}
{{ dict(a=1, b=2) }}
{{ dict([('a', 1)]) }}
{{ dict(user, x=1) | length }}
{{ range(3) | list }}
{{ range(1, 6, 2) | list }}
x{{ lipsum is defined }}
{{ cycler('a', 'b').next() }}
{% set j = joiner('+') %}{% for i in list %}{{ j() }}{{ i }}{% endfor %}
{{ namespace(a=1).a }}
{{ undef(hint='please') }}
{{ now().year > 2000 }}
{{ now(utc=true, fmt='%Y') | int > 2000 }}
{{ 1 | nosuchfilter }}
{{ 1 is nosuchtest }}
{{ nosuchfunction(1) }}
{{ 1/0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] + 1 }}
{{ 'a' < 1 }}
{{ {} < 1 }}
{{
{{ }}
{{ 1 + }}
{{ [1 }}
{{ 'a }}
{{ a b }}
{% if %}x{% endif %}
{% if yes %}x
{% endif %}
{% nosuchtag %}
{# open
{% raw %}open
{% for i in list %}x
{{ one }}}
{ { one } }
{% set x = {'a': {'b': 1}} %}{{ x.a.b }}
{{ {'a':{'b':{'c':1}}} }}
{{ {'a':{'b':1}}['a']['b'] }}
{% macro m() %}{{ varargs | join('+') }}/{{ kwargs | dictsort }}{% endmacro %}{{ m(1, 2, x=3) }}
{{ words | map('length') | list }}
{{ (users | first).name }}
{{ (users | last)['name'] | upper }}
{{ users | map(attribute='name') | map('upper') | list }}
{{ users | map(attribute='nope', default='-') | list }}
{{ user | items | list }}
{{ word | length > 3 and one == 1 }}
{{ (one | string) + 'a' }}
{{ one | string + 'a' }}
{{ not one == 2 }}
{{ true }}{{ false }}{{ none }}
{{ True }} {{ False }} {{ None }}
{{ "double" }} {{ 'single' }}
{{ 1_000 }}
{{ 0x1f }}
{{ 'a' 'b' }}
{{ 5 // 2 * 2 }}
{{ 2 + 3 * 4 ** 2 }}
{{ (2 + 3) * 4 }}
{{ -2 ** 2 }}
{{ list | length * 2 }}
{{ '%s' % 'a' ~ 'b' }}
{{ '%s' % ('a' ~ 'b') }}
{{ word if word is defined else 'x' }}
{{ (nope | default([])) | length }}
{{ nope | default([], true) | length }}
{{ (nope | default('a')) ~ 'b' }}
{{ user.groups | default([]) | join(',') }}
{{ user.nope | default([]) | join(',') }}
{{ user.nope | default(user.name | upper) }}
""".strip("\n").split("\n")

MULTILINE = [
    "a\n",
    "a\n\n",
    "{{ one }}\n",
    "{{ one }}\n\n",
    "{{ word }}\n",
    "{{ word }}\n\n",
    "{{ list }}\n",
    "{% if yes %}\na\n{% endif %}\nb\n",
    "{% if yes %}\na\n{% endif %}\n",
    "{% for i in list %}\n{{ i }}\n{% endfor %}\n",
    "{% for i in list -%}\n{{ i }}\n{%- endfor %}\n",
    "{# c #}\nx\n",
    "{{ one }}\n{{ two }}\n",
    "{%- if yes %}\n  a\n{%- endif %}\nb",
    "{% set x = 1 %}\n{{ x }}",
    "{{ {\n 'a': one,\n 'b': 2\n} }}",
    "{{ nope\n | default('d') }}",
    "line1\n{{ word }}\nline3",
    "  {% if yes %}\n  a\n  {% endif %}\n",
    "{% raw %}\n{{ a }}\n{% endraw %}\n",
]

CONDITIONS = r"""
yes
no
not no
one == 1
one
word
empty
list
list | length
list | length > 0
none
user
'text'
1
true
True
nope
nope.a
user.nope
user.nope == 1
nope is defined
nope is defined and nope.a
nope | default(false)
nope.a.b | default(false)
t_bool
t_word == 'apple'
t_word
t_undef is defined
t_undef
word in ['apple', 'pear']
'wheel' in user.groups
one == 1 and two == 2
one == 1 or nope
one == 2 or nope
one == 2 and nope
(one == 1)
one is odd
not one is odd
{{ yes }}
{{ one == 1 }}
{{ one }}
{{ word }}
{{ nope }}
{{ yes }} and yes
a b
one ==
'a\nb' | length == 3
'a\nb' | length == 4
user.groups | length == 2
yes and word
1/0 == 1
""".strip("\n").split("\n")

# Template files: name, text, overrides as the template module's options.
FILES = [
    ["plain", "hello {{ word }}\n", {}],
    ["no_newline", "hello {{ word }}", {}],
    ["two_newlines", "hello\n\n", {}],
    ["trim", "{% if yes %}\na\n{% endif %}\nb\n", {}],
    ["no_trim", "{% if yes %}\na\n{% endif %}\nb\n", {"trim_blocks": False}],
    ["lstrip", "  {% if yes %}\n  a\n  {% endif %}\nb\n", {"lstrip_blocks": True}],
    ["no_lstrip", "  {% if yes %}\n  a\n  {% endif %}\nb\n", {}],
    ["header", "#jinja2: trim_blocks: False, lstrip_blocks: True\n  {% if yes %}\na\n  {% endif %}\nb\n", {}],
    ["header_delims", "#jinja2: variable_start_string: '[%', variable_end_string: '%]'\n[% word %] {{ x }}\n", {}],
    ["delims", "<< word >> {{ x }}\n", {"variable_start_string": "<<", "variable_end_string": ">>"}],
    ["block_delims", "<% if yes %>a<% endif %>{% x %}\n", {"block_start_string": "<%", "block_end_string": "%>"}],
    ["backslash", "{{ 'a\\tb' }} \\n\n", {}],
    ["native", "{{ one }}", {}],
    ["none", "a{{ none }}b\n", {}],
    ["loop", "{% for u in users %}\n{{ u.name }}: {{ u.uid }}\n{% endfor %}\n", {}],
    ["dict", "{{ user }}\n{{ list }}\n", {}],
    ["macro", "{% macro line(k, v) %}\n{{ k }} = {{ v }}\n{% endmacro %}\n{% for k, v in user.items() %}\n{{ line(k, v) }}{% endfor %}\nend\n", {}],
    ["varargs", "{% macro m(a, b=2) %}\n{{ a }}{{ b }}{{ varargs | list }}{{ kwargs }}\n{% endmacro %}\n{{ m(1) }}{{ m(1, 3, 4, x='y') }}{{ m(b=1, a=2, c=3) }}", {}],
    ["varargs_caller", "{% macro m() %}{{ varargs[0] }}{{ caller() }}{% endmacro %}{% call m('x') %}in{% endcall %}", {}],
    ["nested_loop", "{% for u in users %}{% for g in user.groups %}{{ loop.index }}{{ u.name }}{{ g }} {% endfor %}{% endfor %}\n", {}],
    ["recursive", "{% for i in [[1, [2]], [3]] recursive %}{{ loop(i) if i is iterable else i }}{% endfor %}\n", {}],
    ["set_in_if", "{% if yes %}{% set q = 4 %}{% endif %}{{ q }}\n", {}],
    ["undef_in_loop_later", "{% for u in users %}{{ u.name }}{{ nope.x }}{% endfor %}", {}],
    ["percent", "{{ '%s:%s' % (word, one) }} {{ one % 2 }}\n", {}],
    ["undef", "line1\n{{ nope }}\n", {}],
    ["undef_attr", "line1\n{{ user.nope }}\n", {}],
    ["loop_undef", "{% for u in users %}\n{{ u.nope }}\n{% endfor %}\n", {}],
    ["default_in_loop", "{% for u in users %}{{ u.nope.x | default(u.name) }}{% endfor %}\n", {}],
    ["comment", "{# x #}\na\n{# y #} b\n", {}],
    ["whitespace", "a\n\n{%- if yes %}\nb\n{%- endif %}\n\nc\n", {}],
    ["namespace", "{% set ns = namespace(found=false) %}\n{% for u in users %}\n{% if u.uid == 1 %}\n{% set ns.found = true %}\n{% endif %}\n{% endfor %}\n{{ ns.found }}\n", {}],
    ["crlf", "a\r\n{{ word }}\r\n", {}],
    ["set_block", "{% set x %}\n a {{ one }}\n{% endset %}\n[{{ x }}]\n", {}],
    ["raw", "{% raw %}\n{{ a }}\n{% endraw %}\nb\n", {}],
    ["include", "a\n{% include 'inc.j2' %}\nb\n", {}],
    ["include_loop", "{% for i in list %}{% include 'inc.j2' %}{% endfor %}\n", {}],
    ["include_missing", "a{% include 'nope.j2' ignore missing %}b\n", {}],
    ["import", "{% import 'mac.j2' as m %}{{ m.hi('x') }}\n", {}],
    ["from_import", "{% from 'mac.j2' import hi %}{{ hi('y') }}\n", {}],
    ["extends", "{% extends 'base.j2' %}{% block body %}child {{ super() }}{% endblock %}\n", {}],
]

INCLUDED = {
    "inc.j2": "included {{ word }}{{ i | default('') }}\n",
    "mac.j2": "{% macro hi(n) %}hi {{ n }}{% endmacro %}\n",
    "base.j2": "head\n{% block body %}base{% endblock %}\nfoot\n",
}


def trusted(value):
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, list):
        return [trusted(item) for item in value]
    if isinstance(value, dict):
        return {trusted(key): trusted(item) for key, item in value.items()}
    return value


def outcome(action):
    try:
        return {"value": json.loads(json.dumps(action()))}
    except Exception as error:  # every error is a result here
        return {"error": str(error)}


def main():
    warnings.simplefilter("ignore")
    Display().display = lambda *args, **kwargs: None
    init_plugin_loader([])
    variables = trusted(VARIABLES)
    loader = DataLoader()

    def templar():
        return Templar(loader, variables=dict(variables))

    results = {"variables": VARIABLES, "included": INCLUDED, "templates": [], "conditions": [], "files": []}
    for text in TEMPLATES + MULTILINE:
        results["templates"].append(
            {"template": text, **outcome(lambda: templar().template(trust_as_template(text)))}
        )
    for text in CONDITIONS:
        results["conditions"].append(
            {"condition": text, **outcome(lambda: templar().evaluate_conditional(trust_as_template(text)))}
        )
    with tempfile.TemporaryDirectory() as directory:
        for name, text in INCLUDED.items():
            with open(os.path.join(directory, name), "w") as file:
                file.write(text)
        from ansible._internal._templating._engine import TemplateOptions  # noqa: F401

        for name, text, overrides in FILES:

            def render():
                engine = templar()
                engine.environment.loader.searchpath = [directory]
                options = {"escape_backslashes": False, "preserve_trailing_newlines": True, "convert_data": False}
                value = engine.template(trust_as_template(text), overrides=overrides, **options)
                return "" if value is None else str(value)

            results["files"].append({"name": name, "text": text, "overrides": overrides, **outcome(render)})
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates.json")
    with open(target, "w") as file:
        json.dump(results, file, indent=1, ensure_ascii=False)
        file.write("\n")
    print(len(results["templates"]), len(results["conditions"]), len(results["files"]), file=sys.stderr)


main()

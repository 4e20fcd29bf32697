"""Hold YAML files against a JSON Schema as an editor does: validate.py SCHEMA FILE...

Prints one JSON object: for each file that could be read, the list of its mistakes, each with its place.
"""

import json
import sys

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """Takes tags that it does not know for what they stand before."""


def plain(loader, _suffix, node):
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


Loader.add_multi_constructor("", plain)
# JSON has no dates.
Loader.add_constructor("tag:yaml.org,2002:timestamp", Loader.construct_yaml_str)

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
mistakes = {}
for name in sys.argv[2:]:
    try:
        with open(name, encoding="utf-8") as file:
            content = yaml.load(file, Loader)
        # Keys of objects are text.
        content = json.loads(json.dumps(content, default=str))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError):
        continue
    mistakes[name] = [
        "".join(f"/{step}" for step in error.absolute_path) + ": " + error.message
        for error in validator.iter_errors(content)
    ]
json.dump(mistakes, sys.stdout)

#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ..module_utils.deep.thing import answer
from ansible_collections.ns.col.plugins.module_utils import other

AnsibleModule(argument_spec={}).exit_json(answer=answer(), other=other.NUMBER)

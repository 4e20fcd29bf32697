#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule(argument_spec=dict(result=dict(type='dict'), fail=dict(type='bool', default=False)))
if module.params['fail']:
    module.fail_json(msg='no', **module.params['result'])
module.exit_json(**module.params['result'])

#!/usr/bin/python
"""A module of the user's own, with what Ansible brings for such modules."""

import os

from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True)
path = module.params["path"]
changed = not os.path.exists(path)
if changed and not module.check_mode:
    open(path, "w").close()
module.exit_json(changed=changed, user=os.getuid(), path=path)

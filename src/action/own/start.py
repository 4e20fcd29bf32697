"""Runs the module of this archive with the arguments of a file.

The module reads them from where Ansible's `AnsibleModule` looks for them.
"""
import json
import os
import runpy
import sys
import traceback

NAME = '@MODULE@'


def supplied(path):
    """The arguments, without internal ones that this version of `AnsibleModule` does not know."""
    with open(path, 'rb') as source:
        arguments = json.loads(source.read().decode('utf-8'))
    os.unlink(path)
    try:
        from ansible.module_utils.common.parameters import PASS_VARS
    except ImportError:
        return arguments
    return {
        name: value
        for name, value in arguments.items()
        if not name.startswith('_ansible_') or name[len('_ansible_'):] in PASS_VARS
    }


def main():
    archive, path = sys.path[0], sys.argv[1]
    try:
        arguments = supplied(path)
        try:
            from ansible.module_utils import basic
        except ImportError:
            basic = None
        if basic is not None:
            basic._ANSIBLE_ARGS = json.dumps({'ANSIBLE_MODULE_ARGS': arguments}).encode('utf-8')
            basic._ANSIBLE_PROFILE = 'legacy'
        sys.argv = [os.path.join(archive, *NAME.split('.')) + '.py']
        about = {'_module_fqn': NAME, '_modlib_path': archive}
        runpy.run_module(NAME, init_globals=about, run_name='__main__', alter_sys=True)
    except Exception as error:
        print(json.dumps({
            'failed': True,
            'changed': False,
            'msg': str(error) or type(error).__name__,
            'exception': traceback.format_exc(),
        }))
        sys.exit(1)


main()

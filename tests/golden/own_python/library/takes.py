#!/usr/bin/python
"""import this.is.no.code"""
from ansible.module_utils.basic import (
    AnsibleModule,
    env_fallback,
)
try:
    from ansible.module_utils.not_there import anything
except ImportError:
    anything = None
import ansible.module_utils.greeting


def main():
    module = AnsibleModule(
        argument_spec=dict(
            name=dict(type='str', required=True, aliases=['title']),
            state=dict(choices=['present', 'absent'], default='present'),
            count=dict(type='int', default=3),
            force=dict(type='bool'),
            items=dict(type='list', elements='int'),
            extra=dict(type='dict', options=dict(a=dict(type='int'), b=dict(required=True))),
            password=dict(no_log=True),
            path=dict(type='path'),
            ratio=dict(type='float'),
            home=dict(fallback=(env_fallback, ['NO_SUCH_VARIABLE', 'USER'])),
            one=dict(), other=dict(),
        ),
        mutually_exclusive=[['one', 'other']],
        required_if=[['state', 'absent', ['path']]],
        supports_check_mode=True,
    )
    if module.params['count'] == 99:
        module.fail_json(msg='too many: %s' % module.params['password'], code=7)
    status, out, err = module.run_command(['sh', '-c', 'cat; echo oops >&2; exit 2'], data='typed')
    module.warn('careful')
    module.exit_json(
        changed=not module.check_mode,
        greeting=ansible.module_utils.greeting.greet(module.params['name']),
        given={key: value for key, value in module.params.items() if value is not None},
        ran=[status, out, err],
        secret='it is %s' % module.params['password'],
        main=__name__,
        ansible_facts={'told': module.params['count']},
    )


if __name__ == '__main__':
    main()

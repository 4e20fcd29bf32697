#!/bin/sh
# WANT_JSON
cat <<'END'
{"ansible_facts": {"own_fact": "{{ 1 + 1 }}", "ansible_own": [1, 2]}, "stdout": "one\ntwo", "invocation": {"a": 1}}
END

#!/bin/sh
. "$1"
printf '{"changed": false, "name": "%s", "count": "%s", "list": "%s", "check": "%s", "dir": %s}\n' \
    "$name" "$count" "$list" "$_ansible_check_mode" "$([ -d "$_ansible_tmpdir" ] && echo true || echo false)"

#!/bin/sh
# WANT_JSON
printf '{"changed": false, "from": "plain.sh", "arguments": %s}\n' "$(cat "$1")"

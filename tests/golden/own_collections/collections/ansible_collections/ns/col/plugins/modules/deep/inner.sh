#!/bin/sh
# WANT_JSON
printf '{"changed": false, "from": "deep/inner.sh", "arguments": %s}\n' "$(cat "$1")"

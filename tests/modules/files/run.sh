#!/bin/sh
echo "script: $*"
echo to-stderr >&2
exit ${1:-0}

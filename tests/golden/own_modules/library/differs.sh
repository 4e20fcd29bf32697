#!/bin/sh
# WANT_JSON
cat <<'END'
{"changed": true, "diff": {"before": "old\n", "after": "new\n"}}
END

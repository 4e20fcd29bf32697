#!/bin/sh
printf '{"changed": false, "greeting": "%s", "me": "%s"}\n' "$GREETING" "$(id -un)"

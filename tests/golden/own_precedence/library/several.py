#!/bin/sh
echo '{"changed": false, "from": "library/several.py"}'

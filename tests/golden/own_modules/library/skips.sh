#!/bin/sh
echo '{"skipped": true, "msg": "nothing to do here"}'

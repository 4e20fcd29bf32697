#!/bin/sh
if [ $1 = --host ]; then echo "{\"name\": \"$2\"}"; else echo "{\"script\": [\"s1\"], \"lone\": {\"k\": 1}}"; fi

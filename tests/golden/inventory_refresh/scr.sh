#!/bin/sh
echo '{"s": {"hosts": ["sh1"], "vars": {"x": 1}}, "_meta": {"hostvars": {}}}'

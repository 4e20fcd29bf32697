#!/usr/bin/python3
"""In place of MongoDB's shell: answers what the role mongodb_replica_set asks it (`db.hello()`), and nothing else."""

import json
import sys

sys.path.insert(0, "/usr/local/lib/standin")
import wire

port, script, words = 27017, "", iter(sys.argv[1:])
for word in words:
    if word == "--port":
        port = int(next(words))
    elif word == "--eval":
        script = next(words)
    elif word not in ("--quiet", "--norc"):
        sys.exit(f"stand-in for mongosh (test fixture): it knows no {word}")
if "db.hello()" not in script or "JSON.stringify" not in script:
    sys.exit("stand-in for mongosh (test fixture): it runs no scripts but the one of the role mongodb_replica_set")
try:
    hello = wire.ask(wire.connect(f"127.0.0.1:{port}", 10), {"hello": 1, "$db": "admin"})
except OSError as error:
    sys.exit(f"MongoNetworkError: {error}")
members = hello.get("hosts", [])
print(json.dumps({"set": hello.get("setName", ""), "primary": hello.get("primary", ""), "members": members}))

#!/usr/bin/env python3
"""What ansible-vault encrypts with a fixed salt: `generate_vault.py [DIRECTORY OF ansible-vault] > vault.json`."""

import json
import os
import subprocess
import sys
import tempfile

PLAIN = [b"x", b"fifteen bytes..", b"sixteen bytes...", b"a: 1\nb: [2, 3]\n", "süß, 秘密\n".encode(),
         bytes(range(256)), b"long line " * 40]
WITH = [("default", "correct horse", "a salt"), ("dev", "pässword", "0123456789abcdef0123456789abcdef")]


def main():
    program = os.path.join(sys.argv[1] if len(sys.argv) > 1 else "/opt/ansible/bin", "ansible-vault")
    vectors = []
    with tempfile.TemporaryDirectory() as place:
        def path(name, content):
            with open(os.path.join(place, name), "wb") as file:
                file.write(content)
            return file.name

        for label, password, salt in WITH:
            secret = path("password", password.encode())
            for plain in PLAIN:
                command = [program, "encrypt", "--vault-id", f"{label}@{secret}", "--output", "-", path("plain", plain)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE,
                                      env=os.environ | {"ANSIBLE_VAULT_ENCRYPT_SALT": salt})
                vectors.append({"label": label, "password": password, "salt": salt, "plain": plain.hex(),
                                "encrypted": done.stdout.decode()})
    json.dump(vectors, sys.stdout, indent=1, ensure_ascii=False)
    print()


main()

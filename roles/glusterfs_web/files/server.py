#!/usr/bin/env python3
"""Scores of a game, kept as one file each in a directory that several hosts share.

GET /scores answers the scores that are there, best first; POST /scores with {"player": ..., "score": ...} adds one, and answers
when it is on disk. No host needs to know of another: a file appears under its name when it is whole, and is never written again.
"""

import json
import os
import pathlib
import socket
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Scores(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    directory = pathlib.Path()

    def do_GET(self):
        if self.path != "/scores":
            return self.answer(404, {"error": "there is /scores only"})
        scores = []
        for path in self.directory.glob("*.json"):
            scores.append(json.loads(path.read_text(encoding="utf-8")))
        scores.sort(key=lambda score: (-score["score"], score["player"]))
        return self.answer(200, scores)

    def do_POST(self):
        try:
            length = int(self.headers.get("Content-Length", ""))
            if self.path != "/scores" or not 0 < length <= 1000:
                raise ValueError
            told = json.loads(self.rfile.read(length))
            score = {"player": str(told["player"])[:40], "score": int(told["score"])}
        except (ValueError, KeyError, TypeError):
            self.close_connection = True
            return self.answer(400, {"error": "send a player and a score to /scores"})
        name = uuid.uuid4().hex
        new = self.directory / f"{name}.new"
        with new.open("x", encoding="utf-8") as file:
            json.dump(score, file)
            file.flush()
            os.fsync(file.fileno())
        new.rename(self.directory / f"{name}.json")
        return self.answer(201, score)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError as error:
            # The volume cannot be reached, or the client is gone; nginx asks another host.
            self.close_connection = True
            print(f"{self.path if hasattr(self, 'path') else '-'}: {error}", file=sys.stderr, flush=True)

    def answer(self, status, value):
        body = json.dumps(value).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Served-By", socket.gethostname())
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass


if __name__ == "__main__":
    address, port, directory = sys.argv[1:]
    Scores.directory = pathlib.Path(directory)
    ThreadingHTTPServer((address, int(port)), Scores).serve_forever()

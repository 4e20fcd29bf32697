"""What the stand-ins share: a log that says what they are, HTTP servers and clients, settings in YAML."""

import base64
import http.server
import json
import os
import signal
import ssl
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

import yaml

NAME = "?"
# As process 1 it would not be ended by a signal that nobody handles.
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))


def say(text):
    print(f"stand-in for {NAME} (test fixture): {text}", flush=True)


def stop(text, code=1):
    say(f"error: {text}")
    sys.exit(code)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def save(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(data, file)
    os.replace(f"{path}.new", path)


def settings(path, known):
    """A YAML file with dotted or nested keys as one flat dictionary; what is not known stops the program, as the real ones do."""

    def flat(prefix, value):
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                yield from flat(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            yield prefix, value

    result = dict(flat("", yaml.safe_load(read(path)) or {}))
    for key in result:
        if not any(key == name or name.endswith(".") and key.startswith(name) for name in known):
            stop(f"unknown setting [{key}] in {path}")
    say(f"{path}: {json.dumps({key: value for key, value in result.items() if 'password' not in key.lower()})}")
    return result


class Handler(http.server.BaseHTTPRequestHandler):
    """Calls `answer(method, path, query, body)` of the class, which returns (status, JSON value or text)."""

    protocol_version = "HTTP/1.1"
    timeout = 120

    def log_message(self, format, *args):
        pass

    def handle_any(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        headers = {}
        try:
            result = self.answer(self.command, urllib.parse.unquote(url.path), query, body)
            status, value = result[:2]
            headers = result[2] if len(result) > 2 else {}
        except Exception as error:
            say(f"{self.command} {url.path}: {type(error).__name__}: {error}")
            status, value = 500, {"error": {"type": type(error).__name__, "reason": str(error)}, "status": 500}
        data = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(value, str) else "application/json")
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any

    def credentials(self):
        kind, _, value = (self.headers.get("Authorization") or "").partition(" ")
        if kind.lower() != "basic":
            return None, None
        user, _, password = base64.b64decode(value).decode().partition(":")
        return user, password


def serve(handler, address, port, context=None):
    http.server.ThreadingHTTPServer.request_queue_size = 64
    server = http.server.ThreadingHTTPServer((address, int(port)), handler)
    server.daemon_threads = True
    if context:
        # The handshake belongs to the connection's own thread: a silent client must not hold up the others.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def call(url, body=None, method=None, user=None, password=None, context=None, timeout=5, headers=None):
    """(status, JSON value or text) of a request; raises OSError where nobody answers."""
    data = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    request = urllib.request.Request(url, data=data, method=method or ("GET" if body is None else "POST"))
    request.add_header("Content-Type", "application/json")
    for name, text in (headers or {}).items():
        request.add_header(name, text)
    if user:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
    handlers = [urllib.request.ProxyHandler({})]
    if url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=context))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


def trust(authorities):
    """A client's context that trusts these authorities and checks names."""
    return ssl.create_default_context(cafile=authorities)

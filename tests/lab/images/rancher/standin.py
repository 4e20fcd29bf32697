"""A stand-in for Rancher in the lab: no Rancher at all, but what the roles rancher_server and rancher_agent ask of one.

Its first argument says what it stands in for:

  server-1.6   projects, registration tokens that become active after a while, hosts
  server-2     login, settings, clusters, registration tokens with node commands, nodes
  agent-1.6    takes the registration URL, starts the container `rancher-agent` by the Engine's socket, and ends
  agent-2      takes --server, --token, --ca-checksum ..., and registers the host

How an agent reports to its server is its own (`/standin/report`): the real ones speak over web sockets. With a database
(CATTLE_DB_CATTLE_MYSQL_HOST ...), server-1.6 keeps its state there, in a table of its own, so that several servers have one
state, and tells the database every second that it is there, as a member at its --advertise-address; it ends when it cannot.
"""

import contextlib
import hashlib
import http.client
import http.server
import json
import os
import re
import secrets
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

STATE = "/var/lib/rancher/standin.json"
# Seconds until a registration token is active, so that a client that does not wait is found out.
TOKEN_DELAY = 3
LOCK = threading.Lock()


def say(text):
    print(f"stand-in for Rancher (test fixture): {text}", flush=True)


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state = {}

    def log_message(self, format, *args):
        say(f"{self.client_address[0]} {format % args}")

    def answer(self, status, body, kind="application/json"):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status, code):
        self.answer(status, {"type": "error", "status": status, "code": code, "message": f"{code}: {self.path}"})

    def handle_request(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        length = int(self.headers.get("Content-Length") or 0)
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
        except ValueError:
            return self.refuse(422, "InvalidBodyContent")
        if url.path == "/ping":
            return self.answer(200, "pong", "text/plain")
        with LOCK, self.kept():
            self.route(self.command, url.path.rstrip("/"), query, body)

    @classmethod
    @contextlib.contextmanager
    def kept(cls):
        """While this lasts the state may change, and is kept after it."""
        yield
        with open(STATE + ".new", "w") as file:
            json.dump(cls.state, file)
        os.replace(STATE + ".new", STATE)

    do_GET = do_POST = do_PUT = handle_request

    def base(self):
        return f"http://{self.headers.get('Host')}"

    def new(self, kind, start, **fields):
        self.state["count"] = self.state.get("count", 0) + 1
        entry = {"id": f"{start}{self.state['count']}", "type": kind, "created": time.time(), **fields}
        self.state.setdefault(kind, []).append(entry)
        return entry

    def all(self, kind, **fields):
        return [e for e in self.state.get(kind, []) if all(e.get(k) == v for k, v in fields.items())]

    def report(self, body, known, kind, start):
        """An agent's sign of life: the host is made or refreshed, if its token is known and active."""
        tokens = [t for t in self.all(known) if secrets.compare_digest(t["token"], str(body.get("token"))) and self.active(t)]
        if not tokens:
            return self.refuse(401, "Unauthorized")
        owner = {k: tokens[0][k] for k in ("accountId", "clusterId") if k in tokens[0]}
        hosts = self.all(kind, hostname=body["hostname"], **owner)
        host = hosts[0] if hosts else self.new(kind, start, state="active", hostname=body["hostname"], requestedHostname=body["hostname"], **owner)
        address = body.get("address") or self.client_address[0]
        host.update(agentIpAddress=address, ipAddress=address, roles=body.get("roles", []), seen=time.time())
        if not hosts:
            say(f"host {host['hostname']} registered as {host['id']}")
        self.answer(200, host)

    @staticmethod
    def active(token):
        return time.time() - token["created"] >= TOKEN_DELAY

    @staticmethod
    def collection(kind, data):
        return {"type": "collection", "resourceType": kind, "data": data}


class Server16(Server):
    def token(self, token):
        shown = {k: v for k, v in token.items() if k not in ("token", "created")}
        shown["links"] = {"self": f"{self.base()}/v1/registrationtokens/{token['id']}"}
        shown.update(state="registering", registrationUrl=None, command=None, image=None)
        if self.active(token):
            address = f"{self.base()}/v1/scripts/{token['token']}"
            image = os.environ.get("STANDIN_AGENT_IMAGE", "rancher/agent:v1.2.11")
            shown.update(state="active", token=token["token"], registrationUrl=address, image=image)
            shown["command"] = (
                "sudo docker run --rm --privileged -v /var/run/docker.sock:/var/run/docker.sock "
                f"-v /var/lib/rancher:/var/lib/rancher {image} {address}"
            )
        return shown

    database = None

    @classmethod
    @contextlib.contextmanager
    def kept(cls):
        if cls.database is None:
            with super().kept():
                yield
            return
        connection = cls.database()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT state FROM standin_state WHERE id = 1 FOR UPDATE")
                cls.state.clear()
                cls.state.update(json.loads(cursor.fetchone()[0]))
                yield
                cursor.execute("UPDATE standin_state SET state = %s WHERE id = 1", (json.dumps(cls.state),))
            connection.commit()
        finally:
            connection.close()

    def route(self, method, path, query, body):
        path = re.sub("^/v2-beta/", "/v1/", path)
        if path == "/v1/projects":
            return self.answer(200, self.collection("project", [{"id": "1a5", "type": "project", "name": "Default", "state": "active"}]))
        if path == "/standin/report":
            return self.report(body, "registrationToken", "host", "1h")
        if match := re.fullmatch("/v1/scripts/(.+)", path):
            if any(t["token"] == match[1] and self.active(t) for t in self.all("registrationToken")):
                return self.answer(200, f"#!/bin/sh\n# stand-in\nCATTLE_REGISTRATION_TOKEN={match[1]}\n", "text/plain")
            return self.refuse(404, "NotFound")
        match = re.fullmatch("/v1/(?:projects/([^/]+)/)?(registrationtokens?|hosts)(?:/([^/]+))?", path)
        if not match:
            return self.refuse(404, "NotFound")
        project, kind, name = match[1] or query.get("projectId") or body.get("accountId"), match[2], match[3]
        if kind == "hosts":
            return self.answer(200, self.collection("host", self.all("host", accountId=project or "1a5")))
        if name:
            tokens = self.all("registrationToken", id=name)
            return self.answer(200, self.token(tokens[0])) if tokens else self.refuse(404, "NotFound")
        if project != "1a5":
            return self.refuse(422, "InvalidReference")
        if method == "POST":
            return self.answer(201, self.token(self.new("registrationToken", "1c", accountId=project, token=secrets.token_hex(20))))
        self.answer(200, self.collection("registrationToken", [self.token(t) for t in self.all("registrationToken", accountId=project)]))


class Server2(Server):
    def token(self, token):
        shown = {k: v for k, v in token.items() if k not in ("token", "created")}
        shown["state"] = "activating"
        if self.active(token):
            server = self.state["settings"]["server-url"]
            checksum = hashlib.sha256(self.state["settings"]["cacerts"].encode()).hexdigest()
            image = os.environ.get("STANDIN_AGENT_IMAGE", "rancher/rancher-agent:v2.8.5")
            shown.update(state="active", token=token["token"])
            shown["nodeCommand"] = (
                "sudo docker run -d --privileged --restart=unless-stopped --net=host -v /etc/kubernetes:/etc/kubernetes "
                f"-v /var/run:/var/run  {image} --server {server} --token {token['token']} --ca-checksum {checksum}"
            )
        return shown

    def known(self):
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and token in self.state["tokens"]

    def route(self, method, path, query, body):
        state = self.state
        if path == "/v3/settings/cacerts":
            return self.answer(200, {"id": "cacerts", "name": "cacerts", "value": state["settings"]["cacerts"]})
        if path == "/standin/report":
            return self.report(body, "clusterRegistrationToken", "node", "machine-")
        if path == "/v3-public/localProviders/local" and query.get("action") == "login":
            if body.get("username") != "admin" or body.get("password") != state["password"]:
                return self.refuse(401, "Unauthorized")
            token = f"token-{secrets.token_hex(3)}:{secrets.token_hex(27)}"
            state["tokens"].append(token)
            return self.answer(201, {"type": "token", "token": token, "userId": "user-admin"})
        if not self.known():
            return self.refuse(401, "Unauthorized")
        if path == "/v3/tokens" and query.get("action") == "logout":
            state["tokens"].remove(self.headers["Authorization"].partition(" ")[2])
            return self.answer(200, {})
        if path == "/v3/users" and query.get("action") == "changepassword":
            if body.get("currentPassword") != state["password"]:
                return self.refuse(422, "InvalidBodyContent")
            state["password"] = body["newPassword"]
            return self.answer(200, {})
        if match := re.fullmatch("/v3/settings/([a-z-]+)", path):
            if match[1] not in state["settings"]:
                return self.refuse(404, "NotFound")
            if method == "PUT":
                state["settings"][match[1]] = body["value"]
            return self.answer(200, {"id": match[1], "name": match[1], "value": state["settings"][match[1]]})
        match = re.fullmatch("/v3/(clusters?|clusterregistrationtokens?|nodes)(?:/([^/]+))?", path)
        if not match:
            return self.refuse(404, "NotFound")
        kind = {"c": "cluster", "n": "node"}[match[1][0]] if "token" not in match[1] else "clusterRegistrationToken"
        show = self.token if kind == "clusterRegistrationToken" else dict
        if match[2]:
            found = self.all(kind, id=match[2].removeprefix(":"))
            return self.answer(200, show(found[0])) if found else self.refuse(404, "NotFound")
        if method == "POST" and kind == "cluster":
            if not body.get("name") or self.all("cluster", name=body["name"]):
                return self.refuse(422, "NotUnique")
            made = self.new("cluster", "c-", state="provisioning", name=body["name"], given=body)
            return self.answer(201, made)
        if method == "POST" and kind == "clusterRegistrationToken":
            if not self.all("cluster", id=body.get("clusterId")):
                return self.refuse(422, "InvalidReference")
            return self.answer(201, show(self.new(kind, "crt-", clusterId=body["clusterId"], token=secrets.token_hex(27))))
        wanted = {k: v for k, v in query.items() if k in ("name", "clusterId")}
        self.answer(200, self.collection(kind, [show(entry) for entry in self.all(kind, **wanted)]))


def load(handler, **defaults):
    os.makedirs(os.path.dirname(STATE), exist_ok=True)
    if os.path.exists(STATE):
        with open(STATE) as file:
            defaults = json.load(file)
    handler.state.update(defaults)


def serve(handler, port, context=None):
    server = http.server.ThreadingHTTPServer(("", port), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say(f"Listening on :{port}")


def server_16(arguments):
    if not (host := os.environ.get("CATTLE_DB_CATTLE_MYSQL_HOST")):
        load(Server16)
        serve(Server16, 8080)
        return
    import pymysql

    names = {"port": "MYSQL_PORT", "user": "USERNAME", "password": "PASSWORD", "database": "MYSQL_NAME"}
    given = {name: os.environ[f"CATTLE_DB_CATTLE_{variable}"] for name, variable in names.items()}
    given["port"] = int(given["port"])
    address = arguments[arguments.index("--advertise-address") + 1]

    def connect():
        return pymysql.connect(host=host, connect_timeout=5, read_timeout=10, **given)

    def tell(connection):
        with connection.cursor() as cursor:
            cursor.execute("REPLACE INTO cluster_membership (address, heartbeat) VALUES (%s, NOW())", (address,))
        connection.commit()

    def keep_telling():
        try:
            while True:
                tell(connection)
                time.sleep(1)
        except pymysql.MySQLError as error:
            say(f"the database is lost: {error}")
            os._exit(1)

    try:
        connection = connect()
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS standin_state (id INT PRIMARY KEY, state LONGTEXT)")
            cursor.execute("CREATE TABLE IF NOT EXISTS cluster_membership (address VARCHAR(255) PRIMARY KEY, heartbeat DATETIME)")
            cursor.execute("INSERT IGNORE INTO standin_state VALUES (1, '{}')")
        tell(connection)
    except pymysql.MySQLError as error:
        sys.exit(f"stand-in for Rancher (test fixture): no database: {error}")
    threading.Thread(target=keep_telling, daemon=True).start()
    say(f"state is in the database at {host}, member {address}")
    Server16.database = staticmethod(connect)
    serve(Server16, 9345)
    serve(Server16, 8080)


def server_2(arguments):
    cert = "/var/lib/rancher/standin.crt"
    os.makedirs("/var/lib/rancher", exist_ok=True)
    if not os.path.exists(cert):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
            + ["-subj", "/O=stand-in/CN=dynamiclistener-ca", "-keyout", cert + ".key", "-out", cert],
            check=True,
            stderr=subprocess.DEVNULL,
        )
    with open(cert) as file:
        authority = file.read()
    password = os.environ.get("CATTLE_BOOTSTRAP_PASSWORD") or secrets.token_hex(20)
    load(Server2, password=password, tokens=[], settings={"server-url": "", "cacerts": authority})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, cert + ".key")
    serve(Server2, 80)
    serve(Server2, 443, context)


def ask(url, body=None, context=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(request, timeout=20) as response:
        return response.read().decode()


class Engine(http.client.HTTPConnection):
    """The Docker Engine's API by its socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")

    @classmethod
    def ask(cls, method, path, body=None):
        connection = cls("docker")
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode()
        if response.status >= 400:
            sys.exit(f"the Engine says {response.status} to {method} {path}: {text}")
        return json.loads(text) if text else {}


def keep_reporting(url, body, context=None):
    told = False
    while True:
        try:
            answer = json.loads(ask(url, body, context))
            if not told:
                say(f"{body['hostname']} is registered as {answer['id']}")
            told = True
            time.sleep(5)
        except (OSError, ValueError) as error:
            say(f"cannot report to {url}: {error}")
            time.sleep(2)


def agent_16(arguments):
    url = arguments[0]
    if url != "report":
        script = ask(url)
        if "CATTLE_REGISTRATION_TOKEN" not in script:
            sys.exit("the server gave no registration script")
        own = Engine.ask("GET", f"/containers/{socket.gethostname()}/json")
        Engine.ask("DELETE", "/containers/rancher-agent?force=1") if any(
            "/rancher-agent" in c["Names"] for c in Engine.ask("GET", "/containers/json?all=1")
        ) else None
        made = {
            "Image": own["Config"]["Image"],
            "Env": [e for e in own["Config"]["Env"] if e.startswith("CATTLE_")] + [f"STANDIN_URL={url}"],
            "Cmd": ["report"],
            "HostConfig": {"NetworkMode": "host", "Privileged": True, "RestartPolicy": {"Name": "always"}, "Binds": ["/var/run/docker.sock:/var/run/docker.sock"]},
        }
        Engine.ask("POST", "/containers/create?name=rancher-agent", made)
        Engine.ask("POST", "/containers/rancher-agent/start")
        say("started the container rancher-agent")
        return
    server, _, token = os.environ["STANDIN_URL"].partition("/v1/scripts/")
    name = Engine.ask("GET", "/info")["Name"]
    keep_reporting(f"{server}/standin/report", {"token": token, "hostname": name, "address": os.environ.get("CATTLE_AGENT_IP")})


def agent_2(arguments):
    given, roles, words = {}, [], iter(arguments)
    for word in words:
        if word in ("--etcd", "--controlplane", "--worker"):
            roles.append(word[2:])
        elif word in ("--server", "--token", "--ca-checksum", "--node-name", "--address", "--label"):
            given[word] = next(words)
        else:
            sys.exit(f"unknown argument {word}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if checksum := given.get("--ca-checksum"):
        authority = None
        while authority is None:
            try:
                authority = json.loads(ask(given["--server"] + "/v3/settings/cacerts", context=ssl._create_unverified_context()))["value"]
            except OSError as error:
                say(f"cannot ask {given['--server']}: {error}")
                time.sleep(2)
        if hashlib.sha256(authority.encode()).hexdigest() != checksum:
            sys.exit("the server's certificate authority is not the one of --ca-checksum")
        context.load_verify_locations(cadata=authority)
    name = given.get("--node-name") or socket.gethostname()
    report = {"token": given["--token"], "hostname": name, "address": given.get("--address"), "roles": roles}
    keep_reporting(given["--server"] + "/standin/report", report, context)


def main():
    kind, arguments = sys.argv[1], sys.argv[2:]
    say(f"this is no Rancher, it plays {kind} for the lab's tests")
    if kind.startswith("agent"):
        {"agent-1.6": agent_16, "agent-2": agent_2}[kind](arguments)
        return
    {"server-1.6": server_16, "server-2": server_2}[kind](arguments)
    threading.Event().wait()


main()

"""A stand-in for mongod in the lab: no MongoDB at all, but what the roles mongodb_replica_set and flask_app ask of one.

It speaks MongoDB's wire protocol: greetings, SCRAM-SHA-256, users, replica sets, and single documents that are found and
changed. As with the real one, nobody may do anything without logging in once `--keyFile` is given, but for the first user,
who may be made from the same host (the localhost exception), and the members of a replica set prove to each other that they
have the key file, elect a primary by majority, and have a write on most of them before it is answered.

How members speak to each other is its own (`_standin`), after the Raft paper: the log is all there is, kept in the order of
the primary that a majority elected, and what the server knows is what the log's entries make of an empty server.
"""

import argparse
import base64
import hashlib
import hmac
import os
import random
import secrets
import signal
import socket
import socketserver
import sys
import threading
import time

import bson
import wire

HEARTBEAT, PATIENCE, ROUNDS = 0.3, 2.0, 4096
FREE = {"hello", "ismaster", "ping", "buildinfo", "saslstart", "saslcontinue", "endsessions", "logout", "_standin"}
# What the localhost exception allows, beside what is free.
FIRST = {"replsetinitiate", "createuser", "replsetgetstatus"}
READING = {"replsetgetconfig", "replsetgetstatus", "usersinfo", "find", "listdatabases", "connectionstatus"}


def say(text):
    print(f"stand-in for MongoDB (test fixture): {text}", flush=True)


class Refusal(Exception):
    def __init__(self, code, name, message):
        super().__init__(message)
        self.answer = {"ok": 0.0, "code": code, "codeName": name, "errmsg": message}


class Server:
    def __init__(self, options):
        self.lock = threading.RLock()
        self.options = options
        self.key = read_key(options.keyFile) if options.keyFile else None
        self.log, self.term, self.voted = [], 0, ""
        self.role, self.primary, self.heard, self.majority_seen = "secondary", "", time.monotonic(), 0.0
        self.patience = PATIENCE
        self.peers = {}
        os.makedirs(options.dbpath, exist_ok=True)
        self.read_state()
        self.rebuild()

    # What is kept.

    def path(self, name):
        return os.path.join(self.options.dbpath, name)

    def read_state(self):
        try:
            with open(self.path("standin.term"), "rb") as file:
                state = bson.BSON(file.read()).decode()
                self.term, self.voted = state["term"], state["voted"]
            with open(self.path("standin.log"), "rb") as file:
                self.log = bson.decode_all(file.read())
        except FileNotFoundError:
            pass

    def keep_term(self):
        with open(self.path("standin.term.new"), "wb") as file:
            file.write(bson.BSON.encode({"term": self.term, "voted": self.voted}))
        os.replace(self.path("standin.term.new"), self.path("standin.term"))

    def rebuild(self):
        self.config, self.users, self.documents = None, {}, {}
        for entry in self.log:
            self.apply(entry)

    def apply(self, entry):
        kind, what = entry["kind"], entry["what"]
        if kind == "config":
            self.config = what
        elif kind == "user":
            self.users[what["_id"]] = what
        elif kind == "no user":
            self.users.pop(what["_id"], None)
        elif kind == "document":
            self.documents.setdefault(entry["place"], {})[key_of(what)] = what

    def extend(self, entries):
        with open(self.path("standin.log"), "ab") as file:
            for entry in entries:
                file.write(bson.BSON.encode(entry))
        for entry in entries:
            self.log.append(entry)
            self.apply(entry)

    def cut(self, length):
        self.log = self.log[:length]
        with open(self.path("standin.log"), "wb") as file:
            for entry in self.log:
                file.write(bson.BSON.encode(entry))
        self.rebuild()

    # The replica set.

    def members(self):
        return [m["host"] for m in self.config["members"]] if self.config else []

    def own(self):
        ours = {f"{a}:{self.options.port}" for a in self.options.bind_ip.split(",")} | {f"localhost:{self.options.port}"}
        return next((m for m in self.members() if m in ours), "")

    def last(self):
        return [self.log[-1]["term"] if self.log else 0, len(self.log)]

    def step_down(self, term, why):
        if self.role == "primary":
            say(f"{self.own()} is no longer primary: {why}")
        if term > self.term:
            self.term, self.voted = term, ""
            self.keep_term()
        self.role = "secondary"

    def ask_peer(self, peer, payload):
        """What another member answers, or nothing."""
        connection = self.peers.pop(peer, None)
        try:
            data = bson.BSON.encode(payload)
            connection = connection or wire.connect(peer, 1.0)
            answer = wire.ask(connection, {"_standin": data, "proof": self.proof(data), "$db": "admin"})
        except (OSError, EOFError, ValueError):
            return None
        self.peers[peer] = connection
        return answer if answer.get("ok") else None

    def proof(self, data):
        return hmac.digest(self.key or b"", bytes(data), "sha256")

    def from_member(self, document):
        data = document["_standin"]
        if not hmac.compare_digest(self.proof(data), document["proof"]):
            raise Refusal(18, "AuthenticationFailed", "another key file")
        asked = bson.BSON(data).decode()
        with self.lock:
            if asked["set"] != self.options.replSet:
                raise Refusal(93, "InvalidReplicaSetConfig", "another replica set")
            if asked["term"] > self.term:
                self.step_down(asked["term"], "another member has been elected, or wants to be")
            if asked["what"] == "vote":
                granted = asked["term"] == self.term and self.voted in ("", asked["from"]) and asked["last"] >= self.last()
                if granted:
                    self.voted, self.heard = asked["from"], time.monotonic()
                    self.keep_term()
                return {"ok": 1.0, "granted": granted, "term": self.term}
            if asked["term"] < self.term:
                return {"ok": 1.0, "taken": False, "term": self.term, "length": len(self.log)}
            if self.primary != asked["from"]:
                say(f"the primary is {asked['from']}")
            self.role, self.primary, self.heard = "secondary", asked["from"], time.monotonic()
            start, before = asked["start"], asked["before"]
            if len(self.log) < start or (start and self.log[start - 1]["term"] != before):
                return {"ok": 1.0, "taken": False, "term": self.term, "length": min(len(self.log), max(start - 1, 0))}
            new = asked["entries"]
            known = self.log[start : start + len(new)]
            if [e["term"] for e in known] != [e["term"] for e in new[: len(known)]]:
                self.cut(start)
                known = []
            self.extend(new[len(known) :])
            return {"ok": 1.0, "taken": True, "term": self.term, "length": start + len(new)}

    def push(self, peer):
        """Brings a member's log to the length of this one's; whether that was done."""
        with self.lock:
            known = self.known.get(peer, len(self.log))
        for _ in range(200):
            with self.lock:
                if self.role != "primary":
                    return False
                known = min(known, len(self.log))
                payload = {
                    "what": "entries", "set": self.options.replSet, "from": self.own(), "term": self.term, "start": known,
                    "before": self.log[known - 1]["term"] if known else 0, "entries": self.log[known : known + 500],
                }
                whole = len(self.log) <= known + 500
            answer = self.ask_peer(peer, payload)
            if answer is None:
                return False
            if answer["term"] > payload["term"]:
                with self.lock:
                    self.step_down(answer["term"], f"{peer} knows of a later election")
                return False
            known = answer["length"]
            self.known[peer] = known
            if answer["taken"] and whole:
                return True
        return False

    def replicate(self):
        """Whether a majority has what this primary has."""
        with self.replicating:
            others = [m for m in self.members() if m != self.own()]
            done = [False] * len(others)

            def one(at):
                done[at] = self.push(others[at])

            threads = [threading.Thread(target=one, args=(at,)) for at in range(len(others))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            reached = (sum(done) + 1) * 2 > len(others) + 1
            if reached:
                self.majority_seen = time.monotonic()
            return reached

    def write(self, entries):
        """Entries of this primary's log, which a majority has when this returns."""
        with self.lock:
            if self.role != "primary":
                raise Refusal(10107, "NotWritablePrimary", "not primary")
            self.extend([{"term": self.term, **entry} for entry in entries])
        deadline = time.monotonic() + 10
        while not self.replicate():
            if self.role != "primary" or time.monotonic() > deadline:
                raise Refusal(189, "PrimarySteppedDown", "no majority has the write")
            time.sleep(0.1)

    def stand(self):
        with self.lock:
            self.term += 1
            self.voted, self.role, self.heard = self.own(), "candidate", time.monotonic()
            self.patience = PATIENCE * (1 + random.random())
            self.keep_term()
            others = [m for m in self.members() if m != self.own()]
            asked = {"what": "vote", "set": self.options.replSet, "from": self.own(), "term": self.term, "last": self.last()}
        votes = 1
        for other in others:
            answer = self.ask_peer(other, asked)
            votes += bool(answer and answer["granted"])
        with self.lock:
            if self.role != "candidate" or self.term != asked["term"] or votes * 2 <= len(others) + 1:
                return
            say(f"{self.own()} is primary in term {self.term}, by {votes} of {len(others) + 1} votes")
            self.role, self.primary, self.known, self.majority_seen = "primary", self.own(), {}, time.monotonic()
            self.extend([{"term": self.term, "kind": "election", "what": {}}])

    replicating = threading.Lock()
    known = {}

    def keep_up(self):
        while True:
            time.sleep(HEARTBEAT)
            with self.lock:
                role, own, waited = self.role, self.own(), time.monotonic() - self.heard
            if not own:
                continue
            if role == "primary":
                if not self.replicate() and time.monotonic() - self.majority_seen > 2 * PATIENCE:
                    with self.lock:
                        self.step_down(self.term, "it cannot reach a majority")
                        self.heard = time.monotonic()
            elif waited > (self.patience if len(self.members()) > 1 else 0):
                if self.primary and role == "secondary":
                    say(f"nothing was heard of {self.primary} for {waited:.1f} s")
                    self.primary = ""
                self.stand()

    # Commands.

    def run(self, peer, document):
        name = next(iter(document))
        word, database = name.lower(), document.get("$db", "admin")
        if word == "_standin":
            return self.from_member(document)
        self.permit(peer, word, name, database)
        if word not in FREE | READING | {"replsetinitiate"} and self.role != "primary":
            raise Refusal(10107, "NotWritablePrimary", "not primary")
        method = getattr(self, "do_" + word, None)
        if method is None:
            raise Refusal(59, "CommandNotFound", f"no such command: '{name}'")
        return {**(method(peer, document, database, document[name]) or {}), "ok": 1.0}

    def permit(self, peer, word, name, database):
        if word in FREE or self.key is None or (not self.users and peer.local and word in FIRST):
            return
        if peer.user is None:
            raise Refusal(13, "Unauthorized", f"Command {name} requires authentication")
        roles = self.users.get(peer.user, {}).get("roles", [])
        if not any(r["role"] == "root" or (r["role"] == "readWrite" and r["db"] == database) for r in roles):
            raise Refusal(13, "Unauthorized", f"not authorized on {database} to execute command {name}")

    def do_hello(self, peer, document, database, _):
        with self.lock:
            primary = self.role == "primary" and bool(self.config)
            told = {
                "ismaster": primary, "isWritablePrimary": primary, "helloOk": True, "maxBsonObjectSize": 16 << 20,
                "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000, "minWireVersion": 0, "maxWireVersion": 9,
                "readOnly": False, "connectionId": peer.number,
            }
            if self.config:
                told.update(setName=self.config["_id"], setVersion=self.config["version"], me=self.own(), hosts=self.members())
                told.update(secondary=not primary, primary=self.primary) if self.primary else told.update(secondary=True)
                if primary:
                    told["electionId"] = bson.ObjectId(f"7fffffff{self.term:016x}")
            elif self.options.replSet:
                told.update(secondary=False, isreplicaset=True, info="Does not have a valid replica set config")
            if document.get("saslSupportedMechs") in self.users:
                told["saslSupportedMechs"] = ["SCRAM-SHA-256"]
            return told

    do_ismaster = do_hello

    def do_ping(self, *_):
        return {}

    do_endsessions = do_ping

    def do_logout(self, peer, *_):
        peer.user = None

    def do_buildinfo(self, *_):
        return {"version": "4.4.0", "versionArray": [4, 4, 0, 0], "modules": ["stand-in"], "bits": 64}

    def do_connectionstatus(self, peer, *_):
        user = self.users.get(peer.user)
        return {"authInfo": {"authenticatedUsers": [{"user": user["user"], "db": user["db"]}] if user else []}}

    def do_listdatabases(self, *_):
        return {"databases": [{"name": n} for n in sorted({p.split(".")[0] for p in self.documents} | {"admin", "local"})]}

    def do_saslstart(self, peer, document, database, _):
        if document.get("mechanism") != "SCRAM-SHA-256":
            raise Refusal(334, "MechanismUnavailable", f"no mechanism {document.get('mechanism')} here")
        _, _, first = bytes(document["payload"]).decode().partition(",,")
        fields = dict(part.split("=", 1) for part in first.split(","))
        user = self.users.get(f"{database}.{fields['n'].replace('=2C', ',').replace('=3D', '=')}")
        if user is None:
            raise Refusal(18, "AuthenticationFailed", "Authentication failed.")
        told = f"r={fields['r']}{secrets.token_hex(12)},s={user['salt']},i={ROUNDS}"
        peer.exchange = (user, first, told)
        return {"conversationId": 1, "done": False, "payload": told.encode()}

    def do_saslcontinue(self, peer, document, database, _):
        payload = bytes(document["payload"]).decode()
        if not payload and peer.user:
            return {"conversationId": 1, "done": True, "payload": b""}
        if not peer.exchange:
            raise Refusal(18, "AuthenticationFailed", "Authentication failed.")
        (user, first, told), peer.exchange = peer.exchange, None
        proofless, _, proof = payload.rpartition(",p=")
        exchanged = f"{first},{told},{proofless}".encode()
        signature = hmac.digest(user["stored"], exchanged, "sha256")
        client = bytes(a ^ b for a, b in zip(signature, base64.b64decode(proof)))
        if not hmac.compare_digest(hashlib.sha256(client).digest(), user["stored"]):
            raise Refusal(18, "AuthenticationFailed", "Authentication failed.")
        peer.user = user["_id"]
        own = base64.b64encode(hmac.digest(user["server"], exchanged, "sha256")).decode()
        return {"conversationId": 1, "done": bool(document.get("skipEmptyExchange")), "payload": f"v={own}".encode()}

    def do_usersinfo(self, peer, document, database, wanted):
        name = f"{wanted['db']}.{wanted['user']}" if isinstance(wanted, dict) else f"{database}.{wanted}"
        shown = [u for u in self.users.values() if u["_id"] == name or (wanted == 1 and u["db"] == database)]
        return {"users": [{k: u[k] for k in ("_id", "user", "db", "roles")} for u in shown]}

    def do_createuser(self, peer, document, database, name):
        if f"{database}.{name}" in self.users:
            raise Refusal(51003, "Location51003", f'User "{name}@{database}" already exists')
        self.write([{"kind": "user", "what": new_user(database, name, document["pwd"], document["roles"])}])
        say(f"user {database}.{name} was made")

    def do_updateuser(self, peer, document, database, name):
        user = self.users.get(f"{database}.{name}")
        if user is None:
            raise Refusal(11, "UserNotFound", f"Could not find user {name} for db {database}")
        user = dict(user)
        if "pwd" in document:
            user.update(new_user(database, name, document["pwd"], user["roles"]))
        if "roles" in document:
            user["roles"] = whole_roles(document["roles"], database)
        self.write([{"kind": "user", "what": user}])

    def do_dropuser(self, peer, document, database, name):
        self.write([{"kind": "no user", "what": {"_id": f"{database}.{name}"}}])

    def do_replsetinitiate(self, peer, document, database, config):
        with self.lock:
            if not self.options.replSet:
                raise Refusal(76, "NoReplicationEnabled", "This node was not started with replication enabled.")
            if self.config:
                raise Refusal(23, "AlreadyInitialized", "already initialized")
            if config["_id"] != self.options.replSet:
                raise Refusal(93, "InvalidReplicaSetConfig", f"{config['_id']} is not the name of --replSet")
            self.extend([{"term": 0, "kind": "config", "what": {"version": 1, **config}}])
            if not self.own():
                self.cut(0)
                raise Refusal(93, "InvalidReplicaSetConfig", "No host described in new configuration maps to this node")
            say(f"the replica set {config['_id']} is founded with {', '.join(self.members())}")
        # As the real one, which has no primary yet when it answers.

    def do_replsetreconfig(self, peer, document, database, config):
        with self.lock:
            new, old = {m["host"] for m in config["members"]}, set(self.members())
            if config["version"] <= self.config["version"]:
                raise Refusal(103, "NewReplicaSetConfigurationIncompatible", "version must be higher")
        if len(new ^ old) > 1 and not document.get("force"):
            raise Refusal(103, "NewReplicaSetConfigurationIncompatible", "no more than one voting member can be added or removed at a time")
        for member in new - old:
            try:
                wire.connect(member, 2).close()
            except OSError as error:
                raise Refusal(74, "NodeNotFound", f"{member}: {error}") from error
        self.write([{"kind": "config", "what": config}])
        say(f"the replica set's members are {', '.join(self.members())}")

    def do_replsetgetconfig(self, *_):
        if not self.config:
            raise Refusal(94, "NotYetInitialized", "no replset config has been received")
        return {"config": self.config}

    def do_replsetgetstatus(self, *_):
        if not self.config:
            raise Refusal(94, "NotYetInitialized", "no replset config has been received")
        states = [{"name": m, "stateStr": "PRIMARY" if m == self.primary else "SECONDARY"} for m in self.members()]
        return {"set": self.config["_id"], "myState": 1 if self.role == "primary" else 2, "members": states}

    def do_find(self, peer, document, database, collection):
        if self.role != "primary" and document.get("$readPreference", {}).get("mode", "primary") == "primary":
            raise Refusal(13435, "NotPrimaryNoSecondaryOk", "not primary and secondaryOk=false")
        found = self.found(f"{database}.{collection}", document.get("filter", {}))
        return {"cursor": {"firstBatch": found[: abs(document.get("limit", 0)) or None], "id": 0, "ns": f"{database}.{collection}"}}

    def do_insert(self, peer, document, database, collection):
        place = f"{database}.{collection}"
        for new in document["documents"]:
            new.setdefault("_id", bson.ObjectId())
            if key_of(new) in self.documents.get(place, {}):
                return {"n": 0, "writeErrors": [{"index": 0, "code": 11000, "errmsg": "E11000 duplicate key error"}]}
        self.write([{"kind": "document", "place": place, "what": d} for d in document["documents"]])
        return {"n": len(document["documents"])}

    def do_findandmodify(self, peer, document, database, collection):
        place = f"{database}.{collection}"
        with self.changing:
            old = next(iter(self.found(place, document.get("query", {}))), None)
            if old is None and not document.get("upsert"):
                return {"value": None, "lastErrorObject": {"n": 0, "updatedExisting": False}}
            new = {"_id": bson.ObjectId(), **document.get("query", {}), **(old or {})}
            for change, fields in document["update"].items():
                for field, value in fields.items():
                    if change == "$inc":
                        new[field] = new.get(field, 0) + value
                    elif change == "$set":
                        new[field] = value
                    else:
                        raise Refusal(9, "FailedToParse", f"the stand-in knows no {change}")
            self.write([{"kind": "document", "place": place, "what": new}])
        return {"value": new if document.get("new") else old, "lastErrorObject": {"n": 1, "updatedExisting": old is not None}}

    changing = threading.Lock()

    def found(self, place, wanted):
        with self.lock:
            return [d for d in self.documents.get(place, {}).values() if all(d.get(k) == v for k, v in wanted.items())]


def key_of(document):
    return bytes(bson.BSON.encode({"_id": document["_id"]}))


def whole_roles(roles, database):
    return [{"role": r, "db": database} if isinstance(r, str) else r for r in roles]


def new_user(database, name, password, roles):
    salt = secrets.token_bytes(28)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return {
        "_id": f"{database}.{name}", "user": name, "db": database, "roles": whole_roles(roles, database),
        "salt": base64.b64encode(salt).decode(), "stored": stored, "server": hmac.digest(salted, b"Server Key", "sha256"),
    }


def read_key(path):
    try:
        if os.stat(path).st_mode & 0o077:
            sys.exit(f"stand-in for MongoDB (test fixture): permissions on {path} are too open")
        with open(path) as file:
            key = "".join(file.read().split())
    except OSError as error:
        sys.exit(f"stand-in for MongoDB (test fixture): error opening the key file: {error}")
    if not 6 <= len(key) <= 1024:
        sys.exit(f"stand-in for MongoDB (test fixture): the key in {path} must have 6 to 1024 characters")
    return key.encode()


class Peer(socketserver.BaseRequestHandler):
    def handle(self):
        self.user, self.exchange, self.number = None, None, self.client_address[1]
        self.local = self.client_address[0].startswith("127.")
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                number, kind, document = wire.read(self.request)
                try:
                    answer = self.server.mongo.run(self, document)
                except Refusal as refusal:
                    answer = refusal.answer
                except (KeyError, TypeError, AttributeError) as error:
                    say(f"cannot understand {next(iter(document), '')}: {error!r}")
                    answer = Refusal(9, "FailedToParse", f"the stand-in does not understand this: {error!r}").answer
                self.request.sendall(wire.message(kind, answer, number))
        except (EOFError, OSError):
            pass


class Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def main():
    # The first process of a container ends by no signal that it does not ask for.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    parser = argparse.ArgumentParser(prog="mongod")
    for name, default in (("replSet", ""), ("keyFile", ""), ("bind_ip", "127.0.0.1"), ("dbpath", "/data/db")):
        parser.add_argument(f"--{name}", default=default)
    parser.add_argument("--port", type=int, default=27017)
    options = parser.parse_args()
    say("this is no MongoDB, it plays mongod for the lab's tests")
    mongo = Server(options)
    for address in options.bind_ip.split(","):
        listener = Listener((address, options.port), Peer)
        listener.mongo = mongo
        threading.Thread(target=listener.serve_forever, daemon=True).start()
    say("Waiting for connections")
    mongo.keep_up()


main()

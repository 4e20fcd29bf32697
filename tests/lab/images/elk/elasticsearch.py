"""A stand-in for one node of Elasticsearch in the lab: no Elasticsearch at all, but what the roles ask of one.

It reads elasticsearch.yml and jvm.options.d as the real one does, finds other nodes by discovery.seed_hosts, forms a cluster once
from cluster.initial_master_nodes, and elects a master by majority. Indices have one shard with copies on data nodes, so that
health is green, yellow or red for the reasons that it really has. How nodes speak to each other is its own (HTTP with JSON,
with both sides' certificates checked where xpack.security.transport.ssl is on).
"""

import glob
import hashlib
import json
import os
import re
import socket
import ssl
import threading
import time
import urllib.parse
import uuid

import standin
from standin import call, read, save, say, stop

standin.NAME = "Elasticsearch"
HOME = "/usr/share/elasticsearch"
KNOWN = ["cluster.name", "cluster.initial_master_nodes", "node.", "network.", "http.", "transport.", "discovery.seed_hosts",
         "path.data", "path.logs", "bootstrap.memory_lock", "xpack.", "ingest.", "action.", "indices.", "gateway.", "thread_pool."]
ROLES = ["master", "data", "data_content", "data_hot", "data_warm", "data_cold", "data_frozen", "ingest", "ml",
         "remote_cluster_client", "transform", "voting_only"]
LETTERS = {"master": "m", "data": "d", "ingest": "i", "ml": "l", "remote_cluster_client": "r", "transform": "t"}
# Seconds without a sign of life until a node has left.
LEFT_AFTER = 6
LOCK = threading.RLock()


def number_of(value, default):
    return default if value is None else int(value)


class Node:
    def __init__(self):
        self.settings = standin.settings(f"{HOME}/config/elasticsearch.yml", KNOWN)
        get = self.settings.get
        self.name = get("node.name") or socket.gethostname()
        self.cluster = get("cluster.name") or "elasticsearch"
        roles = get("node.roles", ROLES[:-1])
        if not isinstance(roles, list) or [role for role in roles if role not in ROLES]:
            stop(f"unknown role in [node.roles] {roles}")
        self.roles = roles
        self.data_path = get("path.data") or f"{HOME}/data"
        self.host = get("network.publish_host") or get("network.host") or "127.0.0.1"
        self.http_port, self.port = int(get("http.port") or 9200), int(get("transport.port") or 9300)
        self.heap = self.read_heap()
        self.bootstrap_checks()
        self.secured = get("xpack.security.enabled", True)
        self.password = read(os.environ["ELASTIC_PASSWORD_FILE"]) if os.environ.get("ELASTIC_PASSWORD_FILE") else None
        self.server_context = self.client_context = self.http_context = None
        self.contexts()
        saved = f"{self.data_path}/standin.json"
        kept = json.loads(read(saved)) if os.path.exists(saved) else {}
        self.id = kept.get("id") or uuid.uuid4().hex[:22]
        # What the master decides and everybody has: a term and version, nodes, voters, indices with their copies, users.
        self.state = kept.get("state") or {"term": 0, "version": 0, "uuid": None, "voters": [], "nodes": {}, "indices": {}, "users": {}}
        self.state["nodes"] = {}
        self.keep()
        self.leading = False
        self.peers = {}
        self.docs = {}
        for path in glob.glob(f"{self.data_path}/indices/*.json"):
            self.docs[os.path.basename(path)[:-5]] = json.loads(read(path))
        seeds = get("discovery.seed_hosts") or []
        self.seeds = [seed if ":" in seed else f"{seed}:9300" for seed in seeds]
        if self.state["uuid"] and get("cluster.initial_master_nodes"):
            say("WARN this node is in a cluster already and ignores [cluster.initial_master_nodes]")

    def read_heap(self):
        options = " ".join(read(path) for path in sorted(glob.glob(f"{HOME}/config/jvm.options.d/*.options")))
        sizes = dict(re.findall(r"-(Xm[sx])(\d+[kmgKMG])", options + " " + os.environ.get("ES_JAVA_OPTS", "")))
        if sizes and sizes.get("Xms") != sizes.get("Xmx"):
            stop(f"bootstrap check failure: initial heap size [{sizes.get('Xms')}] not equal to maximum heap size [{sizes.get('Xmx')}]", 78)
        size = sizes.get("Xmx", "1g").lower()
        return int(size[:-1]) * {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[size[-1]]

    def bootstrap_checks(self):
        if self.settings.get("network.host") in (None, "127.0.0.1", "_local_"):
            return
        count = int(read("/proc/sys/vm/max_map_count"))
        if count < 262144 and self.settings.get("node.store.allow_mmap", True):
            stop(f"bootstrap check failure: max virtual memory areas vm.max_map_count [{count}] is too low, increase to at least [262144]", 78)
        if not any(self.settings.get(key) for key in ("discovery.seed_hosts", "cluster.initial_master_nodes")):
            stop("bootstrap check failure: at least one of [discovery.seed_hosts, cluster.initial_master_nodes] must be configured", 78)
        if self.settings.get("xpack.security.enabled", True) and not self.settings.get("xpack.security.transport.ssl.enabled"):
            stop("bootstrap check failure: Transport SSL must be enabled if security is enabled", 78)

    def contexts(self):
        def files(kind):
            prefix = f"xpack.security.{kind}.ssl."
            if not self.settings.get(f"{prefix}enabled"):
                return None
            path = {}
            for key in ("certificate", "key", "certificate_authorities"):
                value = self.settings.get(f"{prefix}{key}")
                value = value[0] if isinstance(value, list) else value
                if not value:
                    stop(f"missing [{prefix}{key}]")
                path[key] = os.path.join(f"{HOME}/config", value)
            return path

        transport, http = files("transport"), files("http")
        if transport:
            for context in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)):
                context.load_cert_chain(transport["certificate"], transport["key"])
                context.load_verify_locations(transport["certificate_authorities"])
                # verification_mode: certificate, that is without the name.
                context.check_hostname = False
                context.verify_mode = ssl.CERT_REQUIRED
                if self.server_context:
                    self.client_context = context
                else:
                    self.server_context = context
        if http:
            self.http_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.http_context.load_cert_chain(http["certificate"], http["key"])

    # --- what is kept, and who is there

    def keep(self):
        save(f"{self.data_path}/standin.json", {"id": self.id, "state": self.state})

    def is_data(self):
        return any(role == "data" or role.startswith("data_") for role in self.roles)

    def card(self):
        return {"id": self.id, "name": self.name, "cluster": self.cluster, "roles": self.roles, "address": f"{self.host}:{self.port}",
                "host": self.host, "heap": self.heap, "data": self.is_data(), "leading": self.leading, "term": self.state["term"],
                "version": self.state["version"], "uuid": self.state["uuid"], "indices": sorted(self.docs)}

    def ask(self, address, what, body, timeout=2):
        scheme = "https" if self.client_context else "http"
        status, value = call(f"{scheme}://{address}/standin/{what}", body, context=self.client_context, timeout=timeout)
        if status != 200:
            raise OSError(f"{address} answers {status} to {what}: {value}")
        return value

    def meet(self, card):
        if card["cluster"] != self.cluster or card["id"] == self.id:
            return
        if card["uuid"] and self.state["uuid"] and card["uuid"] != self.state["uuid"]:
            say(f"WARN {card['name']} belongs to another cluster [{card['uuid']}]")
            return
        self.peers[card["id"]] = dict(card, seen=time.monotonic())

    def ping(self, address):
        try:
            answer = self.ask(address, "ping", self.card())
        except OSError:
            return
        with LOCK:
            for card in answer:
                if card["address"] == address:
                    self.meet(card)
                elif card["address"] not in self.seeds:
                    self.seeds.append(card["address"])

    def live(self):
        return {peer["id"]: peer for peer in self.peers.values() if time.monotonic() - peer["seen"] < LEFT_AFTER}

    def leader(self):
        """The card of the master that this node follows, if there is one."""
        leaders = [peer for peer in self.live().values() if peer["leading"]] + ([self.card()] if self.leading else [])
        return max(leaders, key=lambda card: (card["term"], card["id"]), default=None)

    def beat(self):
        threads = [threading.Thread(target=self.ping, args=(seed,), daemon=True) for seed in set(self.seeds) - {f"{self.host}:{self.port}"}]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(4)
        with LOCK:
            leader, live = self.leader(), self.live()
            if self.leading and leader["id"] != self.id:
                say(f"{leader['name']} is master, and this node no longer")
                self.leading = False
            masters = [card for card in list(live.values()) + [self.card()] if "master" in card["roles"]]
            if self.leading and not self.majority(masters):
                say("WARN master not discovered or elected yet: the majority is gone")
                self.leading = False
            elif not leader and "master" in self.roles:
                self.elect(masters)
            if self.leading:
                self.lead(live)

    def majority(self, masters):
        voters = self.state["voters"]
        return len([card for card in masters if card["id"] in voters]) * 2 > len(voters)

    def elect(self, masters):
        if not self.state["uuid"]:
            if any(card["uuid"] for card in masters):
                return
            initial = self.settings.get("cluster.initial_master_nodes") or []
            found = [card for card in masters if card["name"] in initial]
            if self.name not in initial or len(found) < len(initial) or self.name != min(initial):
                return
            self.state.update(uuid=uuid.uuid4().hex[:22], voters=[card["id"] for card in found])
            say(f"cluster [{self.cluster}] formed with {self.state['uuid']}")
        elif not self.majority(masters):
            say("WARN master not discovered or elected yet: no majority")
            return
        newest = max(masters, key=lambda card: (card["version"], card["name"]))
        if newest["id"] != self.id and newest["uuid"] and newest["version"] > self.state["version"]:
            return
        if min(card["name"] for card in masters if card["version"] == self.state["version"]) != self.name and self.state["version"]:
            return
        self.state["term"] = max(card["term"] for card in masters) + 1
        self.leading = True
        say(f"elected master in term {self.state['term']}")

    # --- what the master does

    def lead(self, live):
        nodes = {card["id"]: card for card in list(live.values()) + [self.card()]}
        changed = set(nodes) != set(self.state["nodes"])
        for node in set(self.state["nodes"]) - set(nodes):
            say(f"node-left {self.state['nodes'][node]['name']}")
        for node in set(nodes) - set(self.state["nodes"]):
            say(f"node-join {nodes[node]['name']}")
            if "master" in nodes[node]["roles"] and node not in self.state["voters"]:
                self.state["voters"].append(node)
        self.state["nodes"] = {key: {name: card[name] for name in ("id", "name", "roles", "address", "host", "heap", "data")} for key, card in nodes.items()}
        changed |= self.allocate(nodes)
        behind = [card for card in live.values() if (card["term"], card["version"]) != (self.state["term"], self.state["version"])]
        if changed or behind:
            self.publish(changed)

    def publish(self, changed=True):
        if changed:
            self.state["version"] += 1
            self.keep()
        for peer in self.live().values():
            try:
                self.ask(peer["address"], "state", self.state)
            except OSError as error:
                say(f"{peer['name']} does not take the state: {error}")

    def allocate(self, nodes):
        changed = False
        holders = [node for node, card in nodes.items() if card["data"]]
        for name, index in self.state["indices"].items():
            copies = [node for node in index["copies"] if node in nodes]
            if copies != index["copies"]:
                changed = True
                # The last copies that were in step are the only ones that may become the primary again.
                if not copies:
                    index["last"] = index["copies"]
                index["copies"] = copies
            if not copies:
                back = [node for node in index["last"] if node in holders and (index["new"] or name in nodes[node]["indices"])]
                if index["new"]:
                    back = sorted(holders, key=lambda node: (sum(node in other["copies"] for other in self.state["indices"].values()), nodes[node]["name"]))
                if not back:
                    continue
                index.update(copies=back[:1], new=False)
                changed = True
            for node in sorted(holders, key=lambda node: nodes[node]["name"]):
                if len(index["copies"]) > index["replicas"] or node in index["copies"]:
                    continue
                try:
                    dump = self.at(nodes[index["copies"][0]], "dump", {"index": name})
                    self.at(nodes[node], "store", {"index": name, "docs": dump, "whole": True})
                    index["copies"].append(node)
                    changed = True
                    say(f"[{name}][0] recovered on {nodes[node]['name']} with {len(dump)} documents")
                except OSError as error:
                    say(f"[{name}][0] cannot recover on {nodes[node]['name']}: {error}")
            if len(index["copies"]) > index["replicas"] + 1:
                index["copies"] = index["copies"][: index["replicas"] + 1]
                changed = True
        return changed

    def at(self, card, what, body):
        if card["id"] == self.id:
            return self.transport(what, body)
        return self.ask(card["address"], what, body, timeout=10)

    def write(self, name, docs):
        """On the master: stores documents in every copy; a copy that does not take them is dropped."""
        with LOCK:
            if name not in self.state["indices"]:
                self.create(name, {})
            index = self.state["indices"][name]
            stored = []
            for node in index["copies"]:
                try:
                    self.at(self.state["nodes"][node], "store", {"index": name, "docs": docs})
                    stored.append(node)
                except (OSError, KeyError) as error:
                    say(f"[{name}][0] failed on {node}: {error}")
            if not stored:
                return None
            if stored != index["copies"]:
                index["copies"] = stored
                self.publish()
            return len(stored)

    def create(self, name, settings):
        replicas = settings.get("number_of_replicas", settings.get("index.number_of_replicas"))
        self.state["indices"][name] = {"replicas": number_of(replicas, 1), "copies": [], "last": [], "new": True}
        say(f"index [{name}] created with {self.state['indices'][name]['replicas']} replicas")
        self.allocate({card["id"]: card for card in list(self.live().values()) + [self.card()]})
        self.publish()

    # --- between nodes

    def transport(self, what, body):
        with LOCK:
            if what == "ping":
                self.meet(body)
                return [self.card()] + list(self.live().values())
            if what == "state":
                if (body["term"], body["version"]) >= (self.state["term"], self.state["version"]):
                    if self.state["uuid"] is None:
                        say(f"joined the cluster {body['uuid']}")
                    self.state = body
                    self.keep()
                return {}
            if what == "dump":
                return self.docs.get(body["index"], {})
            if what == "store":
                docs = {} if body.get("whole") else self.docs.get(body["index"], {})
                docs.update(body["docs"])
                self.docs[body["index"]] = docs
                save(f"{self.data_path}/indices/{body['index']}.json", docs)
                return {}
            if what == "api":
                return list(self.api(*body))
        raise ValueError(f"no action [{what}]")

    # --- the HTTP API

    def user(self, name, password):
        if not self.secured:
            return "anonymous"
        if name == "elastic" and self.password is not None and password == self.password:
            return name
        known = self.state["users"].get(name)
        return name if known and known == hashed(password) else None

    def health(self):
        indices = self.state["indices"].values()
        wanted = sum(index["replicas"] + 1 for index in indices)
        active = sum(len(index["copies"]) for index in indices)
        status = "red" if any(not index["copies"] for index in indices) else "yellow" if active < wanted else "green"
        nodes = self.state["nodes"].values()
        return {"cluster_name": self.cluster, "status": status, "timed_out": False, "number_of_nodes": len(nodes),
                "number_of_data_nodes": len([card for card in nodes if card["data"]]),
                "active_primary_shards": len([index for index in indices if index["copies"]]),
                "active_shards": active, "unassigned_shards": wanted - active}

    def healthy(self, query):
        """Waits as the real one does, for a state and a number of nodes."""
        order = ["red", "yellow", "green"]
        deadline = time.monotonic() + float((query.get("timeout") or "30s").rstrip("s"))
        while True:
            with LOCK:
                master = self.leader() and self.state["nodes"]
                health = self.health()
            count = re.fullmatch(r"(?:>=|ge\()?(\d+)\)?", query.get("wait_for_nodes", ">=0"))
            done = order.index(health["status"]) >= order.index(query.get("wait_for_status", "red")) and health["number_of_nodes"] >= int(count[1])
            if master and done:
                return 200, health
            if time.monotonic() > deadline:
                if not master:
                    return 503, {"error": {"type": "master_not_discovered_exception", "reason": None}, "status": 503}
                return 408, dict(health, timed_out=True)
            time.sleep(0.3)

    def api(self, method, path, query, body):
        """(status, value). What changes something, or reads documents, is done by the master."""
        parts = [part for part in path.split("/") if part]
        json_body = json.loads(body) if body.strip().startswith("{") and "_bulk" not in parts else {}
        with LOCK:
            nodes = self.state["nodes"]
            leader = self.leader()
            if not parts:
                return 200, {"name": self.name, "cluster_name": self.cluster, "cluster_uuid": self.state["uuid"] or "_na_",
                             "version": {"number": "8.0.0-standin"}, "tagline": "A stand-in for Elasticsearch, a test fixture"}
            if not leader:
                return 503, {"error": {"type": "master_not_discovered_exception", "reason": None}, "status": 503}
            if parts == ["_cat", "nodes"]:
                return 200, [{"name": card["name"], "ip": card["host"], "master": "*" if card["id"] == leader["id"] else "-",
                              "node.role": "".join(sorted(LETTERS.get(role, "") for role in card["roles"])) or "-"}
                             for card in sorted(nodes.values(), key=lambda card: card["name"])]
            if parts[0] == "_nodes":
                return 200, {"nodes": {key: {"name": card["name"], "roles": sorted(card["roles"]), "host": card["host"],
                                             "jvm": {"mem": {"heap_max_in_bytes": card["heap"]}}} for key, card in nodes.items()}}
            if leader["id"] != self.id:
                address = leader["address"]
            else:
                return self.api_of_master(method, parts, query, body, json_body)
        return tuple(self.ask(address, "api", [method, path, query, body], timeout=20))

    def api_of_master(self, method, parts, query, body, json_body):
        if parts[0] == "_security" and parts[1] == "user" and method in ("POST", "PUT"):
            if parts[2] == "elastic" or not json_body.get("password"):
                return 400, {"error": {"type": "action_request_validation_exception", "reason": "not by the stand-in"}, "status": 400}
            self.state["users"][parts[2]] = hashed(json_body["password"])
            self.publish()
            return 200, {}
        if parts[0] == "_security" and parts[1] == "role":
            return 200, {"role": {"created": True}}
        if parts[-1] == "_bulk":
            return self.bulk(parts[0] if len(parts) > 1 else None, body)
        name = parts[0]
        if len(parts) == 1 and method == "PUT":
            if name in self.state["indices"]:
                return 400, {"error": {"type": "resource_already_exists_exception", "reason": f"index [{name}] already exists"}, "status": 400}
            settings = json_body.get("settings", {})
            self.create(name, settings.get("index", settings))
            return 200, {"acknowledged": True, "shards_acknowledged": True, "index": name}
        if len(parts) == 1 and method == "DELETE":
            self.state["indices"].pop(name, None)
            self.publish()
            return 200, {"acknowledged": True}
        if len(parts) >= 2 and parts[1] in ("_doc", "_create") and method in ("POST", "PUT"):
            number = parts[2] if len(parts) > 2 else uuid.uuid4().hex[:20]
            if not self.write(name, {number: json_body}):
                return 503, {"error": {"type": "unavailable_shards_exception", "reason": f"[{name}][0] primary shard is not active"}, "status": 503}
            return 201, {"_index": name, "_id": number, "result": "created"}
        if parts[-1] == "_refresh":
            return 200, {"_shards": {"failed": 0}}
        if parts[-1] in ("_search", "_count"):
            return self.search(name if len(parts) > 1 else "*", parts[-1], query, json_body)
        return 400, {"error": {"type": "illegal_argument_exception", "reason": f"the stand-in does not know {method} /{'/'.join(parts)}"}, "status": 400}

    def bulk(self, name, body):
        lines = [json.loads(line) for line in body.splitlines() if line.strip()]
        items, errors, batches = [], False, {}
        for action, doc in zip(lines[::2], lines[1::2]):
            kind, meta = next(iter(action.items()))
            target = meta.get("_index", name)
            batches.setdefault(target, {})[meta.get("_id") or uuid.uuid4().hex[:20]] = doc
        for target, docs in batches.items():
            stored = self.write(target, docs)
            errors |= not stored
            items += [{"index": {"_index": target, "_id": number, "status": 201 if stored else 503}} for number in docs]
        return 200, {"errors": errors, "items": items}

    def search(self, pattern, kind, query, body):
        match = re.compile(re.escape(pattern).replace(r"\*", ".*"))
        hits = []
        for name, index in self.state["indices"].items():
            if not match.fullmatch(name):
                continue
            if not index["copies"]:
                return 503, {"error": {"type": "search_phase_execution_exception", "reason": "all shards failed"}, "status": 503}
            docs = self.at(self.state["nodes"][index["copies"][-1]], "dump", {"index": name})
            hits += [{"_index": name, "_id": number, "_source": doc} for number, doc in docs.items() if matches(query, body.get("query"), doc)]
        if kind == "_count":
            return 200, {"count": len(hits)}
        return 200, {"timed_out": False, "hits": {"total": {"value": len(hits), "relation": "eq"}, "hits": hits[: number_of(body.get("size", query.get("size")), 10)]}}


def matches(query, clause, doc):
    """The few queries that tests ask: match_all, match, match_phrase, and `q=field:"text"`."""
    if query.get("q"):
        field, _, text = query["q"].partition(":")
        clause = {"match_phrase": {field: text.strip('"')}}
    for kind, inner in (clause or {}).items():
        if kind == "match_all":
            continue
        if kind not in ("match", "match_phrase"):
            raise ValueError(f"the stand-in knows no query [{kind}]")
        for field, text in inner.items():
            value, text = str(doc.get(field, "")), str(text)
            if text not in value if kind == "match_phrase" else not set(text.lower().split()) & set(value.lower().split()):
                return False
    return True


def hashed(password):
    return hashlib.sha256(f"lab:{password}".encode()).hexdigest()


class Transport(standin.Handler):
    def answer(self, method, path, query, body):
        return 200, NODE.transport(path.removeprefix("/standin/"), json.loads(body))


class Api(standin.Handler):
    def answer(self, method, path, query, body):
        name, password = self.credentials()
        user = NODE.user(name, password)
        if not user:
            return 401, {"error": {"type": "security_exception", "reason": "unable to authenticate user"}, "status": 401}, {"WWW-Authenticate": 'Basic realm="security"'}
        if path == "/_security/_authenticate":
            return 200, {"username": user, "enabled": True}
        if path.startswith("/_security/") and user != "elastic":
            return 403, {"error": {"type": "security_exception", "reason": f"action is unauthorized for user [{user}]"}, "status": 403}
        if path == "/_cluster/health":
            return NODE.healthy(query)
        try:
            return NODE.api(method, path, query, body)
        except OSError as error:
            return 503, {"error": {"type": "master_not_discovered_exception", "reason": str(error)}, "status": 503}


NODE = Node()
standin.serve(Transport, NODE.settings.get("network.host") or "127.0.0.1", NODE.port, NODE.server_context)
standin.serve(Api, NODE.settings.get("network.host") or "127.0.0.1", NODE.http_port, NODE.http_context)
say(f"node {NODE.name} with the roles {NODE.roles} and a heap of {NODE.heap >> 20} MiB started")
while True:
    NODE.beat()
    time.sleep(0.7)

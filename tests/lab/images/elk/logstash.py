"""A stand-in for Logstash in the lab: no Logstash at all, but a reader of its pipeline files that does what the few plugins
do which the role's own files use, with a real Redis and the stand-in for Elasticsearch.

Inputs tcp, udp, http and redis (list); filters mutate (add_field, add_tag) and drop; outputs redis (list), elasticsearch and
stdout. Anything else, conditionals among it, is refused by name. --config.test_and_exit reads and ends, as the real one does.
"""

import json
import os
import re
import signal
import socket
import sys
import threading
import time
import urllib.parse

import standin
from standin import call, read, say, stop

standin.NAME = "Logstash"
HOME = "/usr/share/logstash"
KNOWN = ["node.name", "api.", "queue.", "path.", "pipeline.", "log.", "config.", "dead_letter_queue.", "xpack.", "allow_superuser"]
PLUGINS = {
    "input": {"tcp": {"host", "port", "codec", "type", "tags"}, "udp": {"host", "port", "codec", "type", "tags"},
              "redis": {"host", "port", "password", "db", "key", "data_type", "threads", "batch_count", "codec"}},
    "filter": {"mutate": {"add_field", "add_tag"}, "drop": set()},
    "output": {"redis": {"host", "port", "password", "db", "key", "data_type", "batch", "codec"}, "stdout": {"codec"},
               "elasticsearch": {"hosts", "index", "user", "password", "ssl_enabled", "ssl_certificate_authorities", "data_stream", "action"}},
}
TOKEN = re.compile(r'\s+|#[^\n]*|(?P<text>"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\')|(?P<sign>=>|[{}\[\],])|(?P<word>[^\s{}\[\],=#"\']+)')
RUNNING = True
COUNTS = {"in": 0, "out": 0}


def tokens(text, path):
    place = 0
    while place < len(text):
        found = TOKEN.match(text, place)
        if not found:
            raise ValueError(f"{path}: Expected one of [ \\t\\r\\n], \"#\", \"=>\" at line {text.count(chr(10), 0, place) + 1}")
        place = found.end()
        if found.lastgroup:
            value = found[0][1:-1] if found.lastgroup == "text" else found[0]
            yield found.lastgroup, re.sub(r"\$\{(\w+)(?::([^}]*))?\}", lambda name: os.environ.get(name[1], name[2] or ""), value)


def parse(text, path):
    """[(section, plugin, settings)] in the file's order; ValueError with what is wrong."""
    rest = list(tokens(text, path))

    def take(kind=None, value=None):
        if not rest or kind and rest[0][0] != kind or value and rest[0][1] != value:
            raise ValueError(f"{path}: Expected {value or kind or 'more'}, got {rest[0][1] if rest else 'the end of the file'}")
        return rest.pop(0)[1]

    def value():
        if rest and rest[0] == ("sign", "["):
            take()
            result = []
            while rest and rest[0] != ("sign", "]"):
                result.append(value())
                if rest and rest[0] == ("sign", ","):
                    take()
            take("sign", "]")
            return result
        if rest and rest[0] == ("sign", "{"):
            return mapping()
        if rest and rest[0][0] == "sign":
            raise ValueError(f"{path}: Expected a value, got {rest[0][1]}")
        text = take()
        # A codec may have settings of its own.
        if rest and rest[0] == ("sign", "{"):
            mapping()
        return text

    def mapping():
        take("sign", "{")
        result = {}
        while rest and rest[0] != ("sign", "}"):
            key = take()
            take("sign", "=>")
            result[key] = value()
        take("sign", "}")
        return result

    plugins = []
    while rest:
        section = take("word")
        if section not in PLUGINS:
            raise ValueError(f"{path}: Expected one of input, filter, output, got {section}")
        take("sign", "{")
        while rest and rest[0] != ("sign", "}"):
            name = take("word")
            if name not in PLUGINS[section]:
                raise ValueError(f"{path}: the stand-in knows no {section} plugin named '{name}'")
            settings = mapping()
            for key in set(settings) - PLUGINS[section][name]:
                raise ValueError(f"{path}: Unknown setting '{key}' for {name}")
            plugins.append((section, name, settings))
        take("sign", "}")
    if not [plugin for plugin in plugins if plugin[0] == "input"]:
        raise ValueError(f"{path}: no input")
    return plugins


class Redis:
    """The few words of Redis's protocol that a list needs."""

    def __init__(self, settings):
        self.settings, self.file = settings, None

    def command(self, *words):
        while RUNNING:
            try:
                if not self.file:
                    connection = socket.create_connection((self.settings.get("host", "127.0.0.1"), int(self.settings.get("port", 6379))), 30)
                    self.file = connection.makefile("rwb")
                    if self.settings.get("password"):
                        self.send("AUTH", self.settings["password"])
                return self.send(*words)
            except OSError as error:
                say(f"Redis: {error}; once more")
                self.file = None
                time.sleep(1)
        raise SystemExit

    def send(self, *words):
        words = [str(word).encode() for word in words]
        self.file.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        self.file.flush()
        return self.answer()

    def answer(self):
        line = self.file.readline()
        if not line:
            raise OSError("the connection ended")
        kind, rest = line[:1], line[1:].strip()
        if kind == b"-":
            raise OSError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if int(rest) < 0 else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        return rest.decode()


class Pipeline:
    def __init__(self, name, plugins):
        self.name = name
        self.inputs = [plugin[1:] for plugin in plugins if plugin[0] == "input"]
        self.filters = [plugin[1:] for plugin in plugins if plugin[0] == "filter"]
        self.outputs = [(kind, settings, Redis(settings)) for section, kind, settings in plugins if section == "output"]
        self.lock = threading.Lock()

    def start(self):
        for kind, settings in self.inputs:
            threading.Thread(target=getattr(self, kind), args=(settings,), daemon=True).start()
            say(f"[{self.name}] input {kind} {settings.get('port', settings.get('key'))}")

    def event(self, text, settings):
        if "json" in settings.get("codec", ""):
            try:
                event = json.loads(text)
                if isinstance(event, dict):
                    return event
            except ValueError:
                pass
            return {"message": text, "tags": ["_jsonparsefailure"]}
        return {"message": text}

    def emit(self, events):
        """Through filters to every output, and back when all have them."""
        kept = []
        for event in events:
            event.setdefault("@timestamp", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
            event.setdefault("@version", "1")
            if any(kind == "drop" for kind, _ in self.filters):
                continue
            for _, settings in self.filters:
                event.update(settings.get("add_field", {}))
                tags = settings.get("add_tag", [])
                if tags:
                    event["tags"] = event.get("tags", []) + (tags if isinstance(tags, list) else [tags])
            kept.append(event)
        with self.lock:
            COUNTS["in"] += len(events)
            for kind, settings, redis in self.outputs if kept else []:
                getattr(self, f"to_{kind}")(kept, settings, redis)
            COUNTS["out"] += len(kept)

    def to_redis(self, events, settings, redis):
        redis.command("RPUSH", settings["key"], *[json.dumps(event) for event in events])

    def to_stdout(self, events, settings, redis):
        for event in events:
            say(json.dumps(event))

    def to_elasticsearch(self, events, settings, redis):
        hosts = settings.get("hosts", "http://127.0.0.1:9200")
        hosts = hosts if isinstance(hosts, list) else [hosts]
        authorities = settings.get("ssl_certificate_authorities")
        authorities = authorities[0] if isinstance(authorities, list) else authorities
        lines = []
        for event in events:
            index = re.sub(r"%\{\+([^}]*)\}", lambda form: time.strftime(form[1].replace("YYYY", "%Y").replace("yyyy", "%Y").replace("MM", "%m").replace("dd", "%d"), time.gmtime()), settings.get("index", "logstash"))
            lines += [json.dumps({"index": {"_index": index}}), json.dumps(event)]
        turn = 0
        while RUNNING:
            host = hosts[turn % len(hosts)]
            try:
                context = standin.trust(authorities) if host.startswith("https:") else None
                status, answer = call(f"{host}/_bulk", "\n".join(lines) + "\n", "POST", settings.get("user"), settings.get("password"), context, 20)
                if status == 200 and not answer["errors"]:
                    return
                say(f"[{self.name}] {host} answers {status}; once more")
            except OSError as error:
                say(f"[{self.name}] {host}: {error}; once more")
            turn += 1
            time.sleep(1)
        raise SystemExit

    def tcp(self, settings):
        server = socket.create_server((settings.get("host", "0.0.0.0"), int(settings["port"])), backlog=64)

        def connection(client):
            with client, client.makefile("r", encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if line.strip():
                        self.emit([self.event(line.rstrip("\r\n"), settings)])

        while True:
            client, _ = server.accept()
            threading.Thread(target=connection, args=(client,), daemon=True).start()

    def udp(self, settings):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind((settings.get("host", "0.0.0.0"), int(settings["port"])))
        while True:
            data, _ = server.recvfrom(65536)
            self.emit([self.event(data.decode(errors="replace").rstrip("\r\n"), settings)])

    def redis(self, settings):
        queue, key, batch = Redis(settings), settings["key"], int(settings.get("batch_count", 125))
        if settings.get("data_type") != "list":
            stop(f"the stand-in reads Redis's lists, and not {settings.get('data_type')}")
        while RUNNING:
            # What is read leaves the list when Elasticsearch has it. The real one keeps it in its own queue meanwhile.
            texts = queue.command("LRANGE", key, 0, batch - 1)
            if not texts:
                time.sleep(0.2)
                continue
            self.emit([self.event(text, {"codec": "json"}) for text in texts])
            queue.command("LTRIM", key, len(texts), -1)


class Api(standin.Handler):
    def answer(self, method, path, query, body):
        pipelines = {pipeline.name: {"events": COUNTS} for pipeline in PIPELINES}
        return 200, {"host": socket.gethostname(), "version": "8.0.0-standin", "status": "green", "pipelines": pipelines if "stats" in path else list(pipelines)}


def load(path):
    try:
        return parse(read(path), path)
    except (OSError, ValueError) as error:
        stop(f"Failed to execute action: {error}")


def end(signal, frame):
    global RUNNING
    RUNNING = False


arguments = sys.argv[1:]
if "--config.test_and_exit" in arguments:
    load(arguments[arguments.index("-f") + 1])
    say("Config Validation Result: OK. Exiting Logstash")
    sys.exit(0)
SETTINGS = standin.settings(f"{HOME}/config/logstash.yml", KNOWN)
PIPELINES = []
import yaml  # noqa: E402

for entry in yaml.safe_load(read(f"{HOME}/config/pipelines.yml")):
    PIPELINES.append(Pipeline(entry["pipeline.id"], load(entry["path.config"])))
signal.signal(signal.SIGTERM, end)
for pipeline in PIPELINES:
    pipeline.start()
standin.serve(Api, SETTINGS.get("api.http.host", "127.0.0.1"), SETTINGS.get("api.http.port", 9600))
say("Successfully started Logstash API endpoint")
while RUNNING:
    time.sleep(0.3)
# A batch under way is brought to its end.
for pipeline in PIPELINES:
    pipeline.lock.acquire(timeout=10)
say("Logstash shut down")

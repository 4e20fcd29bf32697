"""A stand-in for Kibana in the lab: no Kibana at all, but a status page that tells whether the Elasticsearch of kibana.yml takes
its user, and a page that passes searches on, as Kibana's console does (`/api/console/proxy?path=...&method=GET`)."""

import time

import standin
from standin import call, say

standin.NAME = "Kibana"
KNOWN = ["server.", "elasticsearch.", "xpack.", "logging.", "telemetry.", "path.", "i18n.locale", "monitoring.", "pid.file"]
SETTINGS = standin.settings("/usr/share/kibana/config/kibana.yml", KNOWN)
HOSTS = SETTINGS.get("elasticsearch.hosts") or ["http://localhost:9200"]


def elasticsearch(path, method="GET", body=None):
    authorities = SETTINGS.get("elasticsearch.ssl.certificateAuthorities")
    authorities = authorities[0] if isinstance(authorities, list) else authorities
    last = None
    for host in HOSTS if isinstance(HOSTS, list) else [HOSTS]:
        try:
            context = standin.trust(authorities) if host.startswith("https:") else None
            return call(host + path, body, method, SETTINGS.get("elasticsearch.username"), SETTINGS.get("elasticsearch.password"), context)
        except OSError as error:
            last = error
    return 503, {"error": str(last)}


class Api(standin.Handler):
    def answer(self, method, path, query, body):
        if path == "/api/status":
            status, _ = elasticsearch("/_security/_authenticate")
            health, _ = elasticsearch("/_cluster/health?timeout=1s") if status == 200 else (status, None)
            level = "available" if (status, health) == (200, 200) else "unavailable"
            if level != "available":
                say(f"Unable to retrieve version information from Elasticsearch nodes: {status} {health}")
            return 200 if level == "available" else 503, {"name": SETTINGS.get("server.name", "kibana"), "version": {"number": "8.0.0-standin"},
                                                            "status": {"overall": {"level": level}}}
        if path == "/api/console/proxy" and method == "POST":
            return elasticsearch("/" + query["path"].lstrip("/"), query.get("method", "GET"), body or None)
        return 200, "A stand-in for Kibana, a test fixture\n"


if SETTINGS.get("elasticsearch.username") == "elastic":
    standin.stop("[config validation of [elasticsearch].username]: value of \"elastic\" is forbidden", 78)
standin.serve(Api, SETTINGS.get("server.host", "localhost"), SETTINGS.get("server.port", 5601))
say("http server running")
while True:
    time.sleep(60)

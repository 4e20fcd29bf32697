"""A stand-in for Jenkins in the lab: no Jenkins at all, but what the role jenkins asks of one: its first script, plugins, jobs, nodes
with their secrets, crumbs that belong to a session, and builds on nodes that are there. A job runs its shell commands.

How an agent speaks to it is its own (`/standin/poll`): the real ones use web sockets or a port of their own.
"""

import hmac
import html
import json
import os
import re
import secrets
import threading
import time
import urllib.parse

import standin
from standin import read, save, say, stop

standin.NAME = "Jenkins"
HOME = "/var/jenkins_home"
SCRIPT = "/usr/share/jenkins/ref/init.groovy.d/rprov.groovy.override"
LOCK = threading.RLock()
CRUMBS = {}
SEEN = {}
QUEUE = []
STATE = {"plugins": [], "jobs": {}, "nodes": {}, "builds": {}}


def first_script():
    """User, password and executors, from the lines of the role's script."""
    text = read(SCRIPT)
    found = dict(re.findall(r"^def (\w+) = '([^']*)'$", text, re.M))
    password = re.search(r"new File\('([^']+)'\)", text)
    if not password or "user" not in found:
        stop(f"{SCRIPT} has no user")
    return found["user"], read(password[1]).strip()


class Api(standin.Handler):
    def who(self):
        user, password = self.credentials()
        return user if user == USER and hmac.compare_digest(password or "", PASSWORD) else None

    def answer(self, method, path, query, body):
        with LOCK:
            if path == "/login":
                return 200, "A stand-in for Jenkins, a test fixture\n", {"X-Jenkins": "2.0-standin"}
            if path.startswith("/standin/"):
                return agent(path, json.loads(body))
            if not self.who():
                return 401 if self.headers.get("Authorization") else 403, "Authentication required\n"
            session = dict(part.strip().split("=", 1) for part in (self.headers.get("Cookie") or "").split(";") if "=" in part).get("JSESSIONID")
            if path == "/crumbIssuer/api/json":
                session = session or secrets.token_hex(8)
                CRUMBS[session] = secrets.token_hex(16)
                return 200, {"crumb": CRUMBS[session], "crumbRequestField": "Jenkins-Crumb"}, {"Set-Cookie": f"JSESSIONID={session}; Path=/; HttpOnly"}
            if method == "POST" and (not session or self.headers.get("Jenkins-Crumb") != CRUMBS.get(session)):
                return 403, "No valid crumb was included in the request\n"
            if "urlencoded" in (self.headers.get("Content-Type") or ""):
                query = {**query, **dict(urllib.parse.parse_qsl(body))}
            return route(method, path, query, body)


def route(method, path, query, body):
    parts = [part for part in path.split("/") if part]
    if parts == ["api", "json"]:
        return 200, {"nodeName": "", "numExecutors": 0, "jobs": [{"name": name} for name in STATE["jobs"]]}
    if parts == ["pluginManager", "api", "json"]:
        return 200, {"plugins": [{"shortName": name, "version": "1", "enabled": True, "pinned": False, "deleted": False} for name in STATE["plugins"]]}
    if parts == ["scriptText"]:
        name = re.search(r"getPlugin\('([^']+)'\)", query["script"])
        if not name:
            return 200, "the stand-in does not know this script\n"
        STATE["plugins"].append(name[1])
        keep()
        # What follows the installation is in the script itself.
        said = re.search(r"\? '([^']+)' :", query["script"])
        return 200, (said[1] if said else "") + "\n"
    if parts == ["createItem"] and method == "POST":
        STATE["jobs"][query["name"]] = body
        keep()
        return 200, ""
    if parts[0] == "job" and len(parts) > 1:
        return job(method, parts[1], parts[2:], body)
    if parts[0] == "computer":
        return computer(method, parts[1:], query)
    return 404, "Not Found\n"


def job(method, name, rest, body):
    if name not in STATE["jobs"]:
        return 404, "Not Found\n"
    builds = STATE["builds"].setdefault(name, [])
    if rest == ["config.xml"]:
        if method == "POST":
            STATE["jobs"][name] = body
            keep()
        return 200, STATE["jobs"][name]
    if rest == ["build"] and method == "POST":
        builds.append({"number": len(builds) + 1, "result": None, "log": "", "node": ""})
        QUEUE.append((name, len(builds) - 1))
        keep()
        return 201, ""
    if rest == ["api", "json"]:
        return 200, {"name": name, "buildable": "<disabled>true" not in STATE["jobs"][name], "color": "blue", "builds": [{"number": build["number"]} for build in builds]}
    if rest and rest[0].isdigit() and int(rest[0]) <= len(builds):
        build = builds[int(rest[0]) - 1]
        if rest[1:] == ["consoleText"]:
            return 200, build["log"]
        return 200, {"number": build["number"], "result": build["result"], "builtOn": build["node"]}
    return 404, "Not Found\n"


def computer(method, rest, query):
    if rest == ["doCreateItem"] and method == "POST":
        form = json.loads(query["json"])
        if query.get("type") != "hudson.slaves.DumbSlave" or form.get("name") != query.get("name") or "JNLPLauncher" not in json.dumps(form.get("launcher")):
            return 400, "this is no node with an inbound agent\n"
        STATE["nodes"][query["name"]] = {"secret": secrets.token_hex(32), "labels": form.get("labelString", "").split(), "executors": int(form["numExecutors"])}
        keep()
        say(f"node {query['name']} created")
        return 302, "", {"Location": "/computer/"}
    node = STATE["nodes"].get(rest[0]) if rest else None
    if not node:
        return 404, "Not Found\n"
    if rest[1:] == ["jenkins-agent.jnlp"]:
        return 200, f"<jnlp><application-desc><argument>{node['secret']}</argument><argument>{html.escape(rest[0])}</argument></application-desc></jnlp>"
    return 200, {"displayName": rest[0], "offline": not there(rest[0]), "numExecutors": node["executors"], "assignedLabels": [{"name": label} for label in node["labels"] + [rest[0]]]}


def there(name):
    return time.monotonic() - SEEN.get(name, -60) < 6


def agent(path, body):
    node = STATE["nodes"].get(body["name"])
    if not node or not hmac.compare_digest(node["secret"], body["secret"]):
        say(f"the agent {body['name']} is refused")
        return 403, "wrong secret\n"
    if not there(body["name"]):
        say(f"the agent {body['name']} is connected")
    SEEN[body["name"]] = time.monotonic()
    if path == "/standin/done":
        build = STATE["builds"][body["job"]][body["build"]]
        build.update(result="SUCCESS" if body["code"] == 0 else "FAILURE", log=f"Building remotely on {body['name']}\n{body['output']}", node=body["name"])
        keep()
        return 200, {}
    for entry in list(QUEUE):
        config = STATE["jobs"][entry[0]]
        label = re.search(r"<assignedNode>([^<]*)</assignedNode>", config)
        if label and html.unescape(label[1]) not in node["labels"] + [body["name"]]:
            continue
        QUEUE.remove(entry)
        return 200, {"job": entry[0], "build": entry[1], "commands": [html.unescape(text) for text in re.findall(r"<hudson.tasks.Shell>\s*<command>([^<]*)</command>", config)]}
    return 200, {}


def keep():
    save(f"{HOME}/standin.json", STATE)


if "runSetupWizard=false" not in os.environ.get("JAVA_OPTS", ""):
    stop("the setup wizard waits for somebody")
USER, PASSWORD = first_script()
if os.path.exists(f"{HOME}/standin.json"):
    STATE.update(json.loads(read(f"{HOME}/standin.json")))
# As the real one, it takes a while until it is up.
time.sleep(2)
standin.serve(Api, "0.0.0.0", 8080)
say("Jenkins is fully up and running")
while True:
    time.sleep(60)

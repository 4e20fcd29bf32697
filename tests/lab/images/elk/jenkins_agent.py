"""A stand-in for Jenkins' inbound agent: asks the stand-in for Jenkins for builds and runs their shell commands. It takes the
variables of the real one's image; the secret may be @FILE."""

import os
import subprocess
import time

import standin
from standin import call, read, say, stop

standin.NAME = "a Jenkins agent"
URL, AGENT, SECRET = (os.environ.get(f"JENKINS_{name}", "") for name in ("URL", "AGENT_NAME", "SECRET"))
if not (URL and AGENT and SECRET):
    stop("JENKINS_URL, JENKINS_AGENT_NAME and JENKINS_SECRET are needed")
if os.environ.get("JENKINS_WEB_SOCKET") != "true":
    stop("the server has no port for agents")
if SECRET.startswith("@"):
    SECRET = read(SECRET[1:]).strip()
WORK = os.environ.get("JENKINS_AGENT_WORKDIR", "/tmp")
while True:
    try:
        status, task = call(f"{URL.rstrip('/')}/standin/poll", {"name": AGENT, "secret": SECRET})
        if status == 403:
            stop("the server refuses the secret")
        if status == 200 and task.get("job"):
            result = subprocess.run(["/bin/sh", "-xec", "\n".join(task["commands"])], cwd=WORK, capture_output=True, text=True, timeout=300)
            say(f"{task['job']} ended with {result.returncode}")
            call(f"{URL.rstrip('/')}/standin/done", {"name": AGENT, "secret": SECRET, "job": task["job"], "build": task["build"], "code": result.returncode, "output": result.stderr + result.stdout})
            continue
    except OSError as error:
        say(f"{URL}: {error}; once more")
    time.sleep(1)

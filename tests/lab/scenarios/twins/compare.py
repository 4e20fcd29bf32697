"""Compare what two programs did: compare.py results|hosts WORK NAME PHASE, compare.py known WORK.

WORK has NAME-PHASE.1.json and .2.json (registered results), and start.N.state and NAME-PHASE.N.state (the hosts).
`known` beside this file lists differences that are meant, one a line: play, task or kind of thing, a pattern, a reason.
Those that were met are noted in WORK/needed; `known` fails for one that never was.
"""

import fnmatch
import json
import pathlib
import re
import sys

# Of times, places on the disk, and what the reference says of itself.
VOLATILE = {
    "ansible_facts", "ansible_job_id", "atime", "cache_update_time", "ctime", "date", "delta", "deprecations", "dev", "diff",
    "duration", "elapsed", "end", "exception", "failed_when_result", "inode", "invocation", "mtime", "pid", "start", "warnings",
    "last_modified", "status",
}


def known():
    lines = (pathlib.Path(__file__).parent / "known").read_text().splitlines()
    entries = [line.split(None, 3) for line in lines if line.strip() and not line.startswith("#")]
    return [(number, *entry) for number, entry in enumerate(entries)]


def is_known(work, play, what, text):
    met = [number for number, where, kind, pattern, _ in known()
           if fnmatch.fnmatch(play, where) and fnmatch.fnmatch(what, kind) and fnmatch.fnmatch(text, pattern)]
    with open(work / "needed", "a") as needed:
        needed.writelines(f"{number}\n" for number in met)
    return bool(met)


def differences(path, left, right):
    """Where two results differ, as (path, left, right)."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            if key in VOLATILE or key.startswith("_ansible"):
                continue
            here = f"{path}.{key}" if path else key
            if key not in left or key not in right:
                yield here, left.get(key, "(none)"), right.get(key, "(none)")
            else:
                yield from differences(here, left[key], right[key])
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        # The order of a directory's entries is chance.
        if all(isinstance(item, dict) and "path" in item for item in left + right):
            left, right = (sorted(items, key=lambda item: item["path"]) for items in (left, right))
        for index, (first, second) in enumerate(zip(left, right)):
            yield from differences(f"{path}.{index}", first, second)
    elif told(path, left) != told(path, right):
        yield path, left, right


def told(path, value):
    """What a program printed, less the numbers in it: sizes, shares and times are chance."""
    return re.sub(r"\d+", "0", value) if "stdout" in path and isinstance(value, str) else value


def results(work, name, phase):
    left, right = (json.loads((work / f"{name}-{phase}.{number}.json").read_text()) for number in (1, 2))
    assert left and left.keys() == right.keys(), f"not the same tasks: {sorted(left.keys() ^ right.keys())}"
    wrong = 0
    for task in sorted(left):
        short = task.removeprefix("twin_result_")
        # What both programs refuse shows nothing, unless it is meant.
        if phase != "check" and bool(right[task].get("failed")) != short.endswith("_fails"):
            print(f"{short}: the reference says: {right[task].get('msg', 'it succeeds')!r}")
            wrong += 1
        for path, first, second in differences("", left[task], right[task]):
            if not is_known(work, f"{name}-{phase}", short, path):
                print(f"{short}: {path}: {first!r}, the reference: {second!r}")
                wrong += 1
    return wrong


def lines(work, name, number):
    return set((work / f"{name}.{number}.state").read_text().splitlines())


def hosts(work, name, phase):
    # What differed before anything was done says nothing.
    before = lines(work, "start", 1) ^ lines(work, "start", 2)
    left, right = (lines(work, f"{name}-{phase}", number) - before for number in (1, 2))
    wrong = 0
    for line in sorted(left ^ right):
        kind, text = line.split(" ", 1)
        if not is_known(work, name, kind, text):
            print(f"{'rprov' if line in left else 'the reference'}: {line}")
            wrong += 1
    return wrong


work = pathlib.Path(sys.argv[2])
if sys.argv[1] == "known":
    met = set((work / "needed").read_text().split())
    unneeded = [entry for entry in known() if str(entry[0]) not in met]
    for entry in unneeded:
        print("not met:", *entry[1:])
    sys.exit(bool(unneeded))
sys.exit(bool({"results": results, "hosts": hosts}[sys.argv[1]](work, *sys.argv[3:])))

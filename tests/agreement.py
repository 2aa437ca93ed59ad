#!/usr/bin/env python3
"""How far two readers of commands agree: this program, and one that stands on another shell grammar.

    tests/agreement.py --advisor target/release/advisor --reference DIR EVENTS.ndjson[.gz]...

The reference is a Python module `commands` in DIR with `load(path)`, which gives events, and `expand(argv)`,
which gives the inner commands as argument vectors without builtins, `None` for what it cannot resolve.
Compared are the inner binaries of each event, in order of appearance. Redirections, which are commands to the
advisor and none to the reference, are left out.

Where the readers mean the same and write it differently, both are brought to one form, each class in turn, and
the share of events that agree is told after each:

rounds      the advisor reads the body of a loop once for each value, with the value put in, and the body of a
            function once for each call: a set of binaries instead of a list
carriers    the advisor reads what `find -exec`, `ssh` and the like run besides the command itself; the
            reference stops there
wrappers    the reference does not know that an option of a wrapper takes a value (`xargs -n 1 rm` is `1` to
            it), that variables may stand behind `time`, or that `watch` and others are wrappers
functions   the call of a function is its body to the advisor, a command of that name to the reference
unparsable  the advisor gives nothing of a script that no shell runs; the reference gives what it could make out
"""
import argparse, collections, json, re, subprocess, sys, tempfile

CARRIERS = {"find", "fd", "fdfind", "gfind", "ssh", "autossh", "docker", "podman", "kubectl", "oc", "su", "runuser",
            "pkexec", "chroot", "unshare", "nsenter", "systemd-run", "script", "setpriv", "vagrant", "gcloud"}
# Options of the reference's wrappers that take the next word as their value.
VALUED = {"xargs": "InPLsdaEJR", "sudo": "ughpCrtTUDR", "env": "uC", "nice": "n", "timeout": "ks", "time": "fo",
          "stdbuf": "ioe", "exec": "a", "doas": "uC"}
UNKNOWN_WRAPPERS = {"watch", "builtin", "setsid", "ionice", "strace", "ltrace", "flock", "parallel", "chronic", "ifne",
                    "busybox", "unbuffer", "caffeinate", "chrt", "taskset", "noglob"}


def valued_wrappers(reference, argv):
    """The vector without the values of its wrappers' options, and without variables behind `time`."""
    if not argv or argv[0].rsplit("/", 1)[-1] not in VALUED:
        return argv
    name, rest = argv[0].rsplit("/", 1)[-1], argv[1:]
    if name == "command" and rest[:1] in (["-v"], ["-V"]):
        return [name]
    while rest and rest[0].startswith("-"):
        short = re.fullmatch(r"-[A-Za-z0-9]*([A-Za-z])", rest[0])
        takes = short and short.group(1) in VALUED[name]
        rest = rest[2 if takes else 1:]
    while name in ("time", "sudo") and rest and re.match(r"[A-Za-z_][A-Za-z0-9_]*=", rest[0]):
        rest = rest[1:]
    return [argv[0]] + rest


def patched(reference):
    """The reference's reader with the options of wrappers known to it."""
    plain = reference.expand

    def expand(argv, depth=0):
        if argv and argv[0].rsplit("/", 1)[-1] == "command" and any(w in ("-v", "-V") for w in argv[1:2]):
            return [["command"]]
        return plain(valued_wrappers(reference, argv), depth)

    return expand


def read(advisor, path):
    with tempfile.TemporaryDirectory() as folder:
        run = [advisor, "--data-dir", folder, "shapes", "--input", path, "--output", "ndjson"]
        out = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    return {row["event_id"]: row for row in map(json.loads, out.splitlines())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--advisor", required=True)
    parser.add_argument("--reference", required=True, help="directory with commands.py")
    parser.add_argument("--show", type=int, default=0, help="so many events of each class, and of the rest")
    parser.add_argument("events", nargs="+")
    args = parser.parse_args()
    sys.path.insert(0, args.reference)
    import commands as reference
    plain, better = reference.expand, patched(reference)
    total, failed = 0, 0
    counts, examples = collections.Counter(), collections.defaultdict(list)
    for path in args.events:
        rows = read(args.advisor, path)
        for event in reference.load(path):
            argv = event.get("argv")
            if not argv:
                continue
            total += 1
            row = rows[event["event_id"]]
            is_failed = any(it["reason"] == "parse_error" for it in row.get("unresolved", []))
            failed += is_failed
            inner = [it for it in row["commands"] if it["origin"] != "redirect"
                     and it["binary"] not in reference.BUILTINS]
            ours = [it["binary"] for it in inner]
            reference.expand = plain
            theirs = [it[0] for it in plain(argv) if it]
            reference.expand = better
            known = [it[0] for it in better(argv) if it]
            text = "\n".join(argv)
            functions = set(re.findall(r"(?:^|[\s;&|(])([\w.-]+)\s*\(\)", text)) | set(re.findall(r"function\s+([\w-]+)", text))
            own = [it["binary"] for it in inner if not set(it["wrappers"]) & CARRIERS]
            strip = lambda names: set(names) - UNKNOWN_WRAPPERS
            inside = {it["binary"] for it in inner if set(it["wrappers"]) & UNKNOWN_WRAPPERS}
            if ours == theirs:
                kind = "same"
            elif set(ours) == set(theirs):
                kind = "rounds"
            elif set(own) == set(theirs):
                kind = "carriers"
            elif strip(own) - inside == strip(known) - inside:
                kind = "wrappers"
            elif strip(own) - inside <= strip(known) - inside and set(known) - set(own) - UNKNOWN_WRAPPERS <= functions:
                kind = "functions"
            elif is_failed:
                kind = "unparsable"
            else:
                kind = "rest"
            counts[kind] += 1
            examples[kind].append((text, ours, theirs))
    agreed = 0
    print(f"{total} events; {failed} could not be parsed, {failed / total:.4f}")
    for kind in ("same", "rounds", "carriers", "wrappers", "functions", "unparsable", "rest"):
        agreed += counts[kind] if kind != "rest" else 0
        share = "" if kind == "rest" else f", agreement so far {agreed / total:.4f}"
        print(f"{kind}: {counts[kind]}{share}")
        for text, ours, theirs in examples[kind][: args.show if kind != "same" else 0]:
            print(f"    {text[:300]!r}\n      ours {ours}\n      theirs {theirs}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Asks Cedar and a Rego engine about written policies, and compares with what the roles decide.

    tests/policy_peers.py DOCUMENTS

DOCUMENTS is the `documents.ndjson` that the test `formats` leaves where ADVISOR_TEST_PEERS_DIR names a directory: one
document a line, with lines and the decision of the role that was read from it. Needs cedarpy and regopy.
"""
import collections, json, pathlib, sys

import cedarpy
import regopy


def cedar(text, asked):
    """Cedar's decisions: allow or deny."""
    actions = {"command": "execute", "call": "call_tool"}
    for it in asked:
        context = {"line": it["line"]}
        for key, values in it["given"].items():
            if key != "resource_path":
                sets = key in ("acts", "data_class", "risk_signal")
                context[key.replace("host.", "host_")] = values if sets else values[0]
        if it.get("trust_score") is not None:
            context["trust_score"] = it["trust_score"]
        request = {"principal": 'Agent::"a"', "resource": 'Host::"h"', "action": f'Action::"{actions[it["kind"]]}"', "context": context}
        answer = cedarpy.is_authorized(request, text, [])
        assert not answer.diagnostics.errors, answer.diagnostics.errors
        yield "allow" if answer.allowed else "deny"


def rego(text, asked):
    """OPA's decisions."""
    engine = regopy.Interpreter()
    engine.add_module("advisor", text)
    for it in asked:
        engine.set_input({key: value for key, value in it.items() if key != "decision" and value is not None})
        yield json.loads(str(engine.query("x = data.advisor.decision")))["bindings"]["x"]


def main(path):
    counts, differ = collections.Counter(), 0
    for line in pathlib.Path(path).read_text().splitlines():
        document = json.loads(line)
        engine = {"cedar": cedar, "rego": rego}[document["format"]]
        for it, theirs in zip(document["asked"], engine(document["text"], document["asked"]), strict=True):
            counts[document["format"]] += 1
            if theirs != it["decision"]:
                differ += 1
                if differ <= 5:
                    print(document["text"], it, theirs, file=sys.stderr)
    print("engines of other systems:", ", ".join(f"{name} {n} decisions" for name, n in sorted(counts.items())) + f", {differ} differ")
    return 1 if differ or not counts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

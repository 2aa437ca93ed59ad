#!/usr/bin/env python3
"""Holds the Kubernetes manifests of deploy/ against the schemas of Kubernetes, strictly, offline.

    tests/manifests.py [VERSION...]      needs kubernetes-validate, which brings the schemas along

Base and overlays are put together by `kubectl kustomize` where there is kubectl, and otherwise by the
few lines below, which know what deploy/ uses of kustomize. Beside the schemas, what the restricted pod
security standard asks for is asked of every container, on what an overlay comes to.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import yaml

KUBERNETES = Path(__file__).resolve().parent.parent / "deploy" / "kubernetes"

# Which ports each overlay opens, and each component added to it: all that its parts need, and no more.
EGRESS = {
    "base": set(),
    "daily": set(),
    "weekly": set(),
    "postgres": {53, 5432},
    "object-storage": {53, 443},
    "postgres-object-storage": {53, 443, 5432},
}
OTLP = {53, 4318}

# Volumes that the restricted standard allows.
VOLUMES = {
    "name",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def rendered(directory: Path, component: Path | None = None) -> list[dict]:
    """What a directory comes to, with a component that is named in its comments switched on."""
    if component:
        return put_together(directory, (component,))
    if shutil.which("kubectl"):
        command = ["kubectl", "kustomize", str(directory)]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [it for it in yaml.safe_load_all(text) if it]
    return put_together(directory)


def put_together(directory: Path, components: tuple[Path, ...] = ()) -> list[dict]:
    kustomization = yaml.safe_load((directory / "kustomization.yaml").read_text())
    objects = []
    for name in kustomization["resources"]:
        path = directory / name
        if path.is_dir():
            objects += put_together(path)
        else:
            # Once through JSON, so that YAML's anchors are copies.
            objects += json.loads(json.dumps([it for it in yaml.safe_load_all(path.read_text()) if it]))
    for generator in kustomization.get("configMapGenerator", []):
        data = {name: (directory / name).read_text() for name in generator["files"]}
        metadata = {"name": generator["name"]}
        if generator.get("behavior") == "replace":
            kept = [it for it in objects if (it["kind"], it["metadata"]["name"]) != ("ConfigMap", generator["name"])]
            assert len(kept) == len(objects) - 1, f"{directory}: no ConfigMap {metadata} to replace"
            objects = kept
        objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    objects = patched(directory, kustomization, objects)
    named = [directory / name for name in kustomization.get("components", [])]
    for component in [*named, *components]:
        kustomization = yaml.safe_load((component / "kustomization.yaml").read_text())
        assert kustomization["kind"] == "Component", component
        objects = patched(component, kustomization, objects)
    return objects


def patched(directory: Path, kustomization: dict, objects: list[dict]) -> list[dict]:
    for patch in kustomization.get("patches", []):
        target = patch["target"]
        found = [
            it
            for it in objects
            if it["kind"] == target["kind"] and it["metadata"]["name"] == target["name"]
        ]
        assert found, f"{directory}: nothing is {target}"
        operations = json.loads(json.dumps(yaml.safe_load(patch["patch"])))
        if isinstance(operations, dict):
            assert operations["$patch"] == "delete", operations
            objects = [it for it in objects if it not in found]
            continue
        for it in found:
            for operation in json.loads(json.dumps(operations)):
                apply(it, operation)
    return objects


def apply(it: dict, operation: dict) -> None:
    *way, last = operation["path"].strip("/").split("/")
    for step in way:
        it = it[int(step)] if isinstance(it, list) else it[step]
    if operation["op"] == "test":
        assert it[last] == operation["value"], operation
    elif isinstance(it, list) and operation["op"] == "replace":
        it[int(last)] = operation["value"]
    elif isinstance(it, list):
        assert last == "-", operation
        it.append(operation["value"])
    else:
        assert operation["op"] == "add" or last in it, operation
        it[last] = operation["value"]


def restricted(pod: dict) -> list[str]:
    faults = [f"volume {set(it) - VOLUMES}" for it in pod.get("volumes", []) if set(it) - VOLUMES]
    faults += [key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or context.get("runAsUser", 1) == 0:
        faults.append("may be root")
    if context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        faults.append("no seccomp profile")
    for container in pod.get("initContainers", []) + pod["containers"]:
        own = container.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False:
            faults.append(f"{container['name']}: may gain privileges")
        if own.get("capabilities", {}).get("drop") != ["ALL"]:
            faults.append(f"{container['name']}: keeps capabilities")
        if own.get("readOnlyRootFilesystem") is not True:
            faults.append(f"{container['name']}: writes to its image")
        if "memory" not in container.get("resources", {}).get("limits", {}):
            faults.append(f"{container['name']}: no limit of memory")
    return faults


def main() -> int:
    versions = sys.argv[1:] or [f"1.{minor}" for minor in (30, 33, 36)]
    directories = [KUBERNETES / "base", *sorted((KUBERNETES / "overlays").iterdir())]
    otlp = KUBERNETES / "components" / "otlp"
    n_faults = n_objects = 0
    for directory, component in [(it, with_) for it in directories for with_ in (None, otlp)]:
        for it in rendered(directory, component):
            n_objects += 1
            with_ = f" with {component.name}" if component else ""
            name = f"{directory.name}{with_}: {it['kind']} {it['metadata']['name']}"
            faults = []
            if it["kind"] == "NetworkPolicy":
                ports = {port["port"] for rule in it["spec"]["egress"] for port in rule["ports"]}
                wanted = EGRESS[directory.name] | (OTLP if component else set())
                faults += [f"opens {ports} and not {wanted}"] if ports != wanted else []
            for version in versions:
                try:
                    kubernetes_validate.validate(it, version, strict=True)
                except kubernetes_validate.ValidationError as err:
                    faults.append(f"{version}: {err.message} at {list(err.path)}")
            if it["kind"] == "CronJob":
                faults += restricted(it["spec"]["jobTemplate"]["spec"]["template"]["spec"])
                if len(it["metadata"]["name"]) > 52:
                    faults.append("its name is longer than those of jobs may be")
            for fault in faults:
                print(f"{name}: {fault}", file=sys.stderr)
            n_faults += len(faults)
    print(f"{n_objects} manifests against Kubernetes {', '.join(versions)}: {n_faults} faults")
    return 1 if n_faults else 0


if __name__ == "__main__":
    sys.exit(main())

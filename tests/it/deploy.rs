//! What stands in `deploy/`: units that systemd accepts, and jobs that a restricted namespace admits.
//!
//! `tests/manifests.py` holds the manifests against the schemas of Kubernetes, where they can be had.
use std::{fs, path::Path, process::Command};

fn deploy() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn text(name: &str) -> String {
    fs::read_to_string(deploy().join(name)).unwrap()
}

#[test]
fn systemd_accepts_the_units() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("no systemd-analyze here: the units were not verified");
        return;
    }
    // The program need not be installed where the test runs.
    let dir = tempfile::tempdir().unwrap();
    for name in ["policy-advisor.service", "policy-advisor-daemon.service", "policy-advisor.timer"]
    {
        let unit = text(&format!("systemd/{name}"));
        let program = env!("CARGO_BIN_EXE_advisor");
        fs::write(dir.path().join(name), unit.replace("/usr/local/bin/advisor", program)).unwrap();
    }
    for name in ["policy-advisor-daemon.service", "policy-advisor.timer"] {
        let verified = Command::new("systemd-analyze")
            .args(["verify", "--man=no", "--recursive-errors=no"])
            .arg(dir.path().join(name))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&verified.stderr);
        assert!(verified.status.success() && said.is_empty(), "{name}: {said}");
    }
}

#[test]
fn the_job_is_restricted_and_reaches_into_no_host() {
    let job = text("kubernetes/base/cronjob.yaml");
    for needed in [
        "concurrencyPolicy: Forbid",
        "startingDeadlineSeconds:",
        "activeDeadlineSeconds:",
        "timeZone:",
        "successfulJobsHistoryLimit:",
        "runAsNonRoot: true",
        "type: RuntimeDefault",
        "allowPrivilegeEscalation: false",
        "readOnlyRootFilesystem: true",
        "drop: [\"ALL\"]",
        "automountServiceAccountToken: false",
        "memory: 1Gi",
    ] {
        assert!(job.contains(needed), "{needed}");
    }
    for name in [
        "base/cronjob.yaml",
        "base/volumes.yaml",
        "overlays/postgres/kustomization.yaml",
        "overlays/object-storage/kustomization.yaml",
    ] {
        let text = text(&format!("kubernetes/{name}"));
        let code = text.lines().filter(|it| !it.trim_start().starts_with('#'));
        assert!(!code.collect::<String>().contains("hostPath"), "{name}");
    }
}

#[test]
fn every_call_of_the_program_in_deploy_is_one_it_knows() {
    let help = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_advisor")).args(args).arg("--help").output().unwrap()
    };
    for (file, call, args) in [
        ("crontab", "advisor run --quiet", &["run", "--quiet"][..]),
        ("systemd/policy-advisor.service", "advisor run --quiet", &["run", "--quiet"]),
        (
            "systemd/policy-advisor-daemon.service",
            "advisor daemon --quiet --every 15",
            &["daemon", "--quiet", "--every", "15"],
        ),
        (
            "kubernetes/base/cronjob.yaml",
            "\"run\", \"--output\", \"ndjson\"",
            &["run", "--output", "ndjson"],
        ),
    ] {
        assert!(text(file).contains(call), "{file}");
        assert!(help(args).status.success(), "{args:?}");
    }
    assert!(text("Dockerfile").contains("USER 10001"));
}

//! What stands in `deploy/`: units that systemd accepts, and jobs that a restricted namespace admits.
//!
//! `tests/manifests.py` holds the manifests against the schemas of Kubernetes, where they can be had.
use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::Command,
};

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
        "memory: 2Gi",
    ] {
        assert!(job.contains(needed), "{needed}");
    }
    for name in [
        "base/cronjob.yaml",
        "base/volumes.yaml",
        "overlays/postgres/kustomization.yaml",
        "overlays/object-storage/kustomization.yaml",
        "overlays/postgres-object-storage/kustomization.yaml",
        "components/postgres/kustomization.yaml",
        "components/otlp/kustomization.yaml",
    ] {
        let text = text(&format!("kubernetes/{name}"));
        let code = text.lines().filter(|it| !it.trim_start().starts_with('#'));
        assert!(!code.collect::<String>().contains("hostPath"), "{name}");
    }
}

/// Every overlay and component adds its ways out to those of others: one that sets them takes these away.
#[test]
fn ways_out_of_the_job_add_up() {
    assert!(text("kubernetes/base/networkpolicy.yaml").contains("\n  egress: []\n"));
    let mut n_added = 0;
    for kind in ["overlays", "components"] {
        for entry in fs::read_dir(deploy().join("kubernetes").join(kind)).unwrap() {
            let path = entry.unwrap().path().join("kustomization.yaml");
            let text = fs::read_to_string(&path).unwrap();
            let ways = text.lines().filter(|it| it.contains("path: /spec/egress"));
            for way in ways {
                assert!(way.ends_with("/spec/egress/-"), "{}: {way}", path.display());
                n_added += 1;
            }
        }
    }
    assert!(n_added >= 6, "{n_added}");
}

/// The directories that the example configuration writes to can be written to under both units.
#[test]
fn the_units_let_the_examples_of_the_configuration_be_written() {
    let template =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config.toml")).unwrap();
    let example = |key: &str| {
        let begin = format!("#: {key} = \"");
        let line = template.lines().find_map(|it| it.strip_prefix(&begin)).unwrap();
        Path::new(line.trim_end_matches('"')).to_owned()
    };
    let metrics = example("metrics_file").parent().unwrap().to_owned();
    let signals = example("directory");
    for name in ["policy-advisor.service", "policy-advisor-daemon.service"] {
        let unit = text(&format!("systemd/{name}"));
        assert!(unit.contains("\nProtectSystem=strict\n"), "{name}");
        let values = |key: &str| -> Vec<String> {
            let begin = format!("{key}=");
            let values = unit.lines().filter_map(|it| it.strip_prefix(&begin));
            values.flat_map(str::split_whitespace).map(ToOwned::to_owned).collect()
        };
        let mut written: Vec<String> = values("ReadWritePaths")
            .iter()
            .map(|it| it.trim_start_matches('-').to_owned())
            .collect();
        written.extend(values("StateDirectory").iter().map(|it| format!("/var/lib/{it}")));
        written.extend(values("LogsDirectory").iter().map(|it| format!("/var/log/{it}")));
        for path in [&metrics, &signals] {
            let is_written = written.iter().any(|it| path.starts_with(it));
            assert!(is_written, "{name}: {} is in none of {written:?}", path.display());
        }
        assert!(unit.contains("SupplementaryGroups="), "{name} says how signals are read");
    }
}

/// What a fresh named volume begins with belongs to who runs in the image.
#[test]
fn the_image_has_a_data_directory_of_its_user() {
    let file = text("Dockerfile");
    let line =
        file.lines().find(|it| it.ends_with(" /var/lib/policy-advisor") && it.starts_with("COPY"));
    assert!(line.unwrap().contains("--chown=10001:10001"), "{line:?}");
    for line in [
        "ENV ADVISOR_DATA_DIR=/var/lib/policy-advisor",
        "VOLUME /var/lib/policy-advisor",
        "USER 10001:10001",
    ] {
        assert!(file.lines().any(|it| it == line), "{line}");
    }
}

/// The shipper puts lines where the job looks for them, as they are, under names that are read.
#[test]
fn the_shipper_and_the_job_mean_the_same_place() {
    let shipper = text("shipper/vector.yaml");
    let job = text("kubernetes/overlays/object-storage/advisor.toml");
    let has = |line: &str| shipper.lines().any(|it| it.trim_start() == line);
    assert!(job.contains("path = \"s3://signals/hosts\""), "{job}");
    for line in [
        "bucket: signals",
        "key_prefix: \"hosts/{{ host }}/%F/\"",
        "filename_extension: log.gz",
        "compression: gzip",
        "codec: text",
        "method: newline_delimited",
        "max_line_bytes: 1048576",
    ] {
        assert!(has(line), "{line}");
    }
}

/// What the base image of the `Dockerfile` has of libraries that a program may load.
///
/// # Source
/// Its packages libc6 and libgcc-s1.
const LIBRARIES: [&str; 9] = [
    "linux-vdso.so.1",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libgcc_s.so.1",
];

/// The libraries of the program, by name, with the files.
fn libraries() -> Vec<(String, Option<String>)> {
    let told = Command::new("ldd").arg(env!("CARGO_BIN_EXE_advisor")).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let libraries = told.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let path = words.iter().rev().find(|it| it.starts_with('/')).map(|it| (*it).to_owned());
        (words[0].rsplit('/').next().unwrap().to_owned(), path)
    });
    libraries.collect()
}

#[test]
fn the_program_loads_nothing_that_the_image_does_not_have() {
    let libraries = libraries();
    assert!(libraries.len() > 2, "{libraries:?}");
    for (name, _) in libraries {
        assert!(LIBRARIES.contains(&name.as_str()), "{name}");
    }
}

/// The image without its engine: a root directory with the program, the libraries and one volume, and
/// neither a shell nor accounts; who runs there has no rights.
#[test]
fn the_program_runs_in_a_root_of_its_own_as_nobody() {
    let is_root = fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0);
    if !is_root {
        eprintln!("not root: the program was not run in a root directory of its own");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let inside = |path: &str| root.path().join(path.trim_start_matches('/'));
    let place = |from: &str, to: &str| {
        fs::create_dir_all(inside(to).parent().unwrap()).unwrap();
        fs::copy(from, inside(to)).unwrap();
    };
    place(env!("CARGO_BIN_EXE_advisor"), "/usr/local/bin/advisor");
    for path in libraries().into_iter().filter_map(|it| it.1) {
        place(&path, &path);
    }
    fs::create_dir_all(inside("signals")).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/events.ndjson.zst");
    place(fixture.to_str().unwrap(), "/signals/events.ndjson.zst");
    // The volumes of the job, and nothing else, are its own.
    let data = inside("var/lib/policy-advisor");
    fs::create_dir_all(&data).unwrap();
    std::os::unix::fs::chown(&data, Some(10_001), Some(10_001)).unwrap();
    let advisor = |args: &[&str]| {
        let ended = Command::new("chroot")
            .args(["--userspec=10001:10001", "--groups="])
            .arg(root.path())
            .arg("/usr/local/bin/advisor")
            .args(args)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("ADVISOR_DATA_DIR", "/var/lib/policy-advisor")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{args:?}: {said}");
        String::from_utf8(ended.stdout).unwrap()
    };
    advisor(&["init"]);
    let config = "time_zone = \"Europe/Berlin\"\n[[directories]]\npath = \"/signals\"\n";
    let path = data.join("advisor.toml");
    fs::write(&path, config).unwrap();
    let report = advisor(&["run", "--output", "json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert!(report["directories"][0]["accepted"].as_u64().unwrap() > 1_000, "{report}");
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

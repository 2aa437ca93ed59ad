//! Running it unattended: doctor, daemon, gauges, logs, the trail.
use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use serde_json::Value;

use policy_advisor::{
    clock,
    events::Day,
    store::{Missing, Place, RunOutcome, RunRow, Store},
};

use crate::{
    cli::Advisor,
    ingest::{event, events},
};

/// An advisor with a directory of signals in its configuration.
fn with_signals() -> Advisor {
    let advisor = Advisor::new();
    let signals = advisor.data_dir().join("signals");
    fs::create_dir(&signals).unwrap();
    fs::write(signals.join("a.log"), events(0..20)).unwrap();
    let config = format!("[[directories]]\npath = \"{}\"\n", signals.display());
    fs::write(advisor.data_dir().join("advisor.toml"), config).unwrap();
    advisor
}

fn health(advisor: &Advisor, name: &str) -> String {
    let ended = advisor.run(&["doctor", "--output", "json"]);
    let checks: Value = serde_json::from_str(&ended.out).unwrap();
    let check = checks.as_array().unwrap().iter().find(|it| it["name"] == name);
    check.unwrap()["health"].as_str().unwrap().to_owned()
}

/// Lines of a metrics file that are values.
fn gauges(path: &str) -> Vec<String> {
    gauges_of(&fs::read_to_string(path).unwrap())
}

fn gauges_of(text: &str) -> Vec<String> {
    text.lines().filter(|it| !it.starts_with('#')).map(ToOwned::to_owned).collect()
}

fn has(gauges: &[String], begin: &str) -> bool {
    gauges.iter().any(|it| it.starts_with(begin))
}

#[test]
fn a_doctor_finds_everything_in_place_after_a_run_and_says_what_is_not() {
    let advisor = with_signals();
    assert_eq!(health(&advisor, "last success"), "warn");
    assert_eq!(health(&advisor, "lag"), "warn");
    advisor.ok(&["run"]);
    for name in ["store", "schema", "lake", "clock", "directory", "lag", "last success"] {
        assert_eq!(health(&advisor, name), "ok", "{name}");
    }
    assert_eq!(advisor.run(&["doctor"]).code, 0);

    // A part that is gone, a directory that is gone, an empty one, a store of the future.
    let day = fs::read_dir(advisor.data_dir().join("lake/events")).unwrap().next().unwrap();
    let part = fs::read_dir(day.unwrap().path()).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(part).unwrap();
    let ended = advisor.run(&["doctor"]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.out.contains("fail  lake") && ended.out.contains("hint: put them back"),
        "{ended:?}"
    );
    fs::remove_file(advisor.data_dir().join("signals/a.log")).unwrap();
    assert_eq!(health(&advisor, "directory"), "warn", "an empty directory is told");
    fs::remove_dir(advisor.data_dir().join("signals")).unwrap();
    assert_eq!(health(&advisor, "directory"), "fail");
    fs::write(advisor.data_dir().join("advisor.db"), "no database").unwrap();
    assert_eq!((health(&advisor, "store").as_str(), advisor.run(&["doctor"]).code), ("fail", 1));
}

#[test]
fn a_wrong_password_or_no_server_is_one_sentence_and_no_success() {
    let advisor = Advisor::new();
    let metrics = advisor.data_dir().join("advisor.prom").display().to_string();
    let ended = Command::new(env!("CARGO_BIN_EXE_advisor"))
        .env_clear()
        .env("ADVISOR_DATA_DIR", advisor.data_dir())
        .env("ADVISOR_DATABASE_URL", "postgres://advisor:hunter2@127.0.0.1:1/advisor")
        .args(["run", "--metrics-file", &metrics])
        .output()
        .unwrap();
    let err = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{err}");
    assert!(err.contains("hint: is the server up") && !err.contains("hunter2"), "{err}");
    let gauges = gauges(&metrics);
    assert!(has(&gauges, "advisor_last_run_success 0"), "{gauges:?}");
    assert!(!has(&gauges, "advisor_last_success"), "{gauges:?}");
}

#[test]
fn gauges_tell_of_a_run_and_the_last_success_is_set_by_a_success_only() {
    let advisor = with_signals();
    let metrics = advisor.data_dir().join("advisor.prom").display().to_string();
    let run = ["run", "--metrics-file", &metrics];
    advisor.ok(&run);
    let first = gauges(&metrics);
    assert!(has(&first, "advisor_last_run_success 1"), "{first:?}");
    assert!(has(&first, "advisor_last_run_lines{what=\"accepted\"} 20"), "{first:?}");
    let success = |gauges: &[String]| {
        gauges.iter().find(|it| it.starts_with("advisor_last_success_timestamp")).cloned()
    };
    assert!(success(&first).is_some());
    fs::remove_dir_all(advisor.data_dir().join("signals")).unwrap();
    assert_eq!(advisor.run(&run).code, 1);
    let second = gauges(&metrics);
    assert!(has(&second, "advisor_last_run_success 0"), "{second:?}");
    assert!(has(&second, "advisor_last_run_directories_failed 1"), "{second:?}");
    assert_eq!(success(&second), success(&first), "it is still the time of the first");
}

#[test]
fn a_collector_is_told_of_a_run_and_one_that_is_away_fails_none() {
    let advisor = with_signals();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let run = |url: &str| {
        Command::new(env!("CARGO_BIN_EXE_advisor"))
            .env_clear()
            .env("ADVISOR_DATA_DIR", advisor.data_dir())
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", url)
            .arg("run")
            .output()
            .unwrap()
    };
    let told = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut told = Vec::new();
        let mut buffer = [0; 4096];
        // The document ends with the version of its scope.
        while !told.ends_with(b"\"}}]}]}") {
            let n_bytes = stream.read(&mut buffer).unwrap();
            assert!(n_bytes > 0, "{}", String::from_utf8_lossy(&told));
            told.extend(&buffer[..n_bytes]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        String::from_utf8(told).unwrap()
    });
    let ended = run(&url);
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    let told = told.join().unwrap();
    let body: Value = serde_json::from_str(told.split_once("\r\n\r\n").unwrap().1).unwrap();
    let metrics = body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let value = |name: &str| {
        let metric = metrics.iter().find(|it| it["name"] == name).unwrap();
        metric["gauge"]["dataPoints"][0]["asDouble"].as_f64().unwrap()
    };
    assert!((value("advisor_last_run_success") - 1.0).abs() < f64::EPSILON);
    assert!((value("advisor_last_run_lines") - 20.0).abs() < f64::EPSILON);
    assert!(value("advisor_last_success_timestamp_seconds") > 1.7e9);

    let ended = run("http://127.0.0.1:1");
    let err = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "what the run did counts: {err}");
    assert!(err.contains("warning: cannot send gauges to the collector"), "{err}");
}

#[test]
fn a_run_that_is_asked_to_stop_ends_and_says_so_and_one_that_was_killed_is_ended_by_the_next() {
    let advisor = with_signals();
    // Another one has the lake: the run waits for it.
    let lake = advisor.data_dir().join("lake");
    fs::create_dir_all(&lake).unwrap();
    let start = |metrics: &str| {
        let mut holder = Command::new("flock")
            .args([lake.join("lock").to_str().unwrap(), "-c", "echo held; read line"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        holder.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).unwrap();
        let run = Command::new(env!("CARGO_BIN_EXE_advisor"))
            .env_clear()
            .env("ADVISOR_DATA_DIR", advisor.data_dir())
            .args(["run", "--metrics-file", metrics])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        sleep(Duration::from_secs(2));
        (holder, run)
    };
    let metrics = advisor.data_dir().join("advisor.prom").display().to_string();
    let (mut holder, mut run) = start(&metrics);
    run.kill().unwrap();
    run.wait().unwrap();
    drop(holder.stdin.take());
    holder.wait().unwrap();
    let (mut holder, run) = start(&metrics);
    let asked = Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap();
    assert!(asked.success());
    drop(holder.stdin.take());
    holder.wait().unwrap();
    let ended = run.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{err}");
    assert!(err.contains("asked to stop; the next run does the rest"), "{err}");
    assert!(!has(&gauges(&metrics), "advisor_last_success"), "what was stopped is no success");
    advisor.ok(&["run"]);
    let runs = advisor.json(&["audit", "--limit", "1000"]);
    assert_eq!(runs.as_array().unwrap().len(), 20, "the next run read it all");
    let killed = health(&advisor, "last success");
    assert_eq!(killed, "ok");
}

#[test]
fn a_role_over_which_a_run_was_killed_comes_last_in_the_next() {
    let advisor = with_signals();
    for name in ["a", "b"] {
        advisor.ok(&["roles", "create", name]);
    }
    let place = Place::File(advisor.data_dir().join("advisor.db"));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open(&place, Missing::Create).await.unwrap();
        let row = |role: Option<&str>| RunRow {
            run_id: "killed".to_owned(),
            role: role.map(str::to_owned),
            started_at: clock::now(),
            finished_at: None,
            outcome: RunOutcome::Running,
            reason: String::new(),
            batch_id: None,
            counts: BTreeMap::new(),
        };
        store.record_run(&row(None)).await.unwrap();
        store.record_run(&row(Some("a"))).await.unwrap();
        store.close().await;
    });
    let roles = || {
        let report = advisor.json(&["run"]);
        let rows = report["roles"].as_array().unwrap().clone();
        rows.iter().map(|it| it["role"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    assert_eq!(roles(), ["b", "default", "a"]);
    assert_eq!(roles(), ["a", "b", "default"], "that one ended");
}

#[test]
fn a_daemon_runs_until_it_is_asked_to_stop_and_ends_well() {
    let advisor = with_signals();
    let metrics = advisor.data_dir().join("advisor.prom");
    let daemon = Command::new(env!("CARGO_BIN_EXE_advisor"))
        .env_clear()
        .env("ADVISOR_DATA_DIR", advisor.data_dir())
        .args(["daemon", "--output", "ndjson", "--metrics-file"])
        .arg(&metrics)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..600 {
        if metrics.exists() {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    // By hand, because the standard library only kills.
    let asked = Command::new("kill").args(["-TERM", &daemon.id().to_string()]).status().unwrap();
    assert!(asked.success());
    let ended = daemon.wait_with_output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert_eq!(ended.status.code(), Some(0), "{err}");
    let report: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&report["outcome"], &report["directories"][0]["accepted"]),
        (&"done".into(), &20.into())
    );
    assert!(err.contains("stopped"), "{err}");
}

#[test]
fn log_lines_are_json_with_the_id_of_their_run() {
    let advisor = with_signals();
    let ended = Command::new(env!("CARGO_BIN_EXE_advisor"))
        .env_clear()
        .env("ADVISOR_DATA_DIR", advisor.data_dir())
        .env("ADVISOR_LOG_JSON", "1")
        .args(["run", "-v", "--quiet", "--output", "json"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let err = String::from_utf8(ended.stderr).unwrap();
    let lines: Vec<Value> = err.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let of_run =
        |it: &&Value| it["span"]["run_id"] == report["run_id"] && it["span"]["name"] == "run";
    assert!(lines.iter().filter(of_run).count() >= 3, "{err}");
}

/// Lines on stderr, each of which has to be JSON with nothing hidden in it.
fn log_lines(err: &str) -> Vec<Value> {
    assert!(err.is_ascii() && !err.contains('\u{1b}'), "{err}");
    err.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

#[test]
fn names_that_others_chose_hide_nothing_in_log_lines_and_each_names_its_run() {
    let advisor = with_signals();
    let host = "h\u{1b}[2J\u{202e}\u{200b}\u{e0041}\u{9b}31m";
    let day = Day(clock::now().day().0 - 10).to_string();
    let silent =
        event(0).replace("2026-01-01", &day).replace("host-0", &host.replace('\u{1b}', "\\u001b"));
    let signals = advisor.data_dir().join("signals\u{202e}");
    fs::create_dir(&signals).unwrap();
    fs::write(signals.join("b.log"), silent).unwrap();
    let gone = advisor.data_dir().join("gone\u{200b}\u{e0041}");
    let config = format!(
        "[[directories]]\npath = '{}'\n[[directories]]\npath = '{}'\n",
        signals.display(),
        gone.display()
    );
    advisor.write("advisor.toml", &config);
    let mut command = advisor.command();
    let ended = advisor.end(command.env("ADVISOR_LOG_JSON", "1").args(["run", "--output", "json"]));
    assert_eq!(ended.code, 1, "{ended:?}");
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let lines = log_lines(&ended.err);
    let message = |it: &Value| it["fields"]["message"].as_str().unwrap().to_owned();
    let shown: Vec<String> = lines.iter().map(message).collect();
    assert!(
        shown.iter().any(|it| it.contains(host) && it.contains("stopped reporting")),
        "{shown:?}"
    );
    assert!(
        shown.iter().any(|it| it == "a directory was not read"),
        "at the default level: {shown:?}"
    );
    assert_eq!(lines.last().unwrap()["level"], "ERROR");
    for line in &lines {
        let run_id = line["span"].get("run_id").or(line["fields"].get("run_id"));
        assert_eq!(run_id, Some(&report["run_id"]), "{line}");
    }
    // For people: the same, as visible.
    let ended = advisor.run(&["run"]);
    let is_told = |it: &str| it.starts_with("error: ") && it.contains("gone\\u{200b}\\u{e0041}");
    assert_eq!(ended.err.lines().filter(|it| is_told(it)).count(), 1, "{ended:?}");
    assert!(ended.err.is_ascii() && !ended.err.contains('\u{1b}'), "{ended:?}");
}

#[test]
fn whatever_fails_is_a_log_line_where_these_are_json() {
    let advisor = Advisor::new();
    for (args, code, told) in [
        (&["ingest", "/nope"][..], 1, "cannot look at `/nope`"),
        (&["--data-dir", "/nowhere", "roles", "list"], 1, "no store at `/nowhere/advisor.db`"),
        (&["roles", "show", "nobody"], 1, "no role `nobody`"),
        (&["--config", "/nowhere.toml", "run"], 1, "cannot read `/nowhere.toml`"),
        (&["--database-url", "postgres://a:b@c/d", "run"], 2, "holds a password"),
        (&["run", "--rolle"], 2, "unexpected argument '--rolle'"),
    ] {
        let ended = advisor.end(advisor.command().env("ADVISOR_LOG_JSON", "1").args(args));
        assert_eq!((ended.code, ended.out.as_str()), (code, ""), "{args:?}: {ended:?}");
        let lines = log_lines(&ended.err);
        assert_eq!(lines.len(), 1, "{ended:?}");
        assert_eq!(lines[0]["level"], "ERROR");
        let message = lines[0]["fields"]["message"].as_str().unwrap();
        assert!(message.contains(told), "{ended:?}");
    }
    advisor.write("advisor.toml", "log_json = true");
    let ended = advisor.run(&["roles", "show", "nobody"]);
    assert!(log_lines(&ended.err)[0]["fields"]["hints"].is_string(), "{ended:?}");
}

#[test]
fn gauges_are_readable_for_the_collector_whatever_the_umask() {
    let advisor = with_signals();
    for umask in ["077", "022", "000"] {
        let metrics = advisor.data_dir().join(format!("{umask}.prom"));
        let run = ["run", "--metrics-file", metrics.to_str().unwrap()];
        assert_eq!(advisor.under(&format!("umask {umask}"), &run).code, 0);
        assert_eq!(fs::metadata(&metrics).unwrap().permissions().mode() & 0o777, 0o644, "{umask}");
    }
    // Where they cannot be left, what the run did counts, and nothing is left in their place.
    fs::create_dir_all(advisor.data_dir().join("taken/x")).unwrap();
    let taken = advisor.data_dir().join("taken").display().to_string();
    let ended = advisor.run(&["run", "--metrics-file", &taken]);
    assert!(
        ended.code == 0 && ended.err.contains("warning: cannot write `DIR/taken`"),
        "{ended:?}"
    );
    assert!(!advisor.data_dir().join("taken.tmp").exists());
}

#[test]
fn a_run_that_cannot_begin_is_no_success_and_one_of_a_role_says_nothing_of_the_others() {
    let advisor = with_signals();
    let metrics = advisor.data_dir().join("advisor.prom").display().to_string();
    advisor.ok(&["roles", "create", "other"]);
    advisor.ok(&["run", "--role", "default", "--metrics-file", &metrics]);
    assert_eq!(health(&advisor, "last success"), "warn", "nobody has run the whole");
    let of_role = gauges(&metrics);
    assert!(has(&of_role, "advisor_last_run_success 1"), "{of_role:?}");
    assert!(!has(&of_role, "advisor_last_success"), "{of_role:?}");
    let run = ["run", "--metrics-file", &metrics];
    advisor.ok(&run);
    let whole = gauges(&metrics);
    let success = |gauges: &[String]| {
        gauges.iter().find(|it| it.starts_with("advisor_last_success_timestamp")).cloned().unwrap()
    };
    advisor.ok(&["run", "--role", "default", "--metrics-file", &metrics]);
    assert_eq!(success(&gauges(&metrics)), success(&whole), "it is still that of the whole");
    let read_only = advisor.run(&[&["--read-only"], &run[..]].concat());
    assert!(read_only.code == 1 && has(&gauges(&metrics), "advisor_last_run_success 0"));
    advisor.ok(&run);
    let good = fs::read_to_string(&metrics).unwrap();
    advisor.write("advisor.toml", "[[directories]]\npath = 7\n");
    for command in ["run", "daemon"] {
        fs::write(&metrics, &good).unwrap();
        let mut call = advisor.command();
        let ended = advisor.end(call.env("ADVISOR_METRICS_FILE", &metrics).arg(command));
        assert!(ended.code == 1 && ended.err.contains("is not a configuration"), "{ended:?}");
        let broken = gauges(&metrics);
        assert!(has(&broken, "advisor_last_run_success 0"), "{broken:?}");
        assert_eq!(success(&broken), success(&gauges_of(&good)), "it was");
    }
}

#[test]
fn a_path_of_the_configuration_is_relative_to_it_wherever_the_caller_stands() {
    let advisor = with_signals();
    advisor.write(
        "advisor.toml",
        "metrics_file = 'advisor.prom'\n[[directories]]\npath = 'signals'\n",
    );
    let mut command = advisor.command();
    let ended = advisor.end(command.current_dir("/").args(["run", "--output", "json"]));
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report["directories"][0]["accepted"], 20, "{ended:?}");
    assert_eq!(report["directories"][0]["path"], "DIR/signals");
    assert!(advisor.data_dir().join("advisor.prom").exists());
    // The data directory itself may be given relative to where the caller stands.
    let mut command = advisor.command();
    let (name, above) =
        (advisor.data_dir().file_name().unwrap(), advisor.data_dir().parent().unwrap());
    let ended =
        advisor.end(command.current_dir(above).arg("--data-dir").arg(name).args(["doctor"]));
    assert!(
        ended.code == 0 && ended.out.contains("`DIR/signals` was read to its end"),
        "{ended:?}"
    );
}

#[test]
fn a_doctor_sees_files_that_a_run_could_not_read() {
    let advisor = with_signals();
    advisor.ok(&["run"]);
    let secret = advisor.data_dir().join("signals/secret.log");
    fs::write(&secret, event(30)).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = advisor.command();
    if fs::read(&secret).is_ok() {
        // Root reads everything: somebody else looks, to whom all the rest belongs.
        let mut paths = vec![advisor.data_dir().to_owned()];
        while let Some(path) = paths.pop() {
            std::os::unix::fs::chown(&path, Some(65_534), Some(65_534)).unwrap();
            if path.is_dir() {
                paths.extend(fs::read_dir(&path).unwrap().map(|it| it.unwrap().path()));
            }
        }
        let program = advisor.data_dir().join("program");
        fs::copy(env!("CARGO_BIN_EXE_advisor"), &program).unwrap();
        command = Command::new(&program);
        command.env_clear().env("ADVISOR_DATA_DIR", advisor.data_dir()).uid(65_534).gid(65_534);
    }
    let ended = advisor.end(command.arg("doctor"));
    assert_eq!(ended.code, 1, "{ended:?}");
    let told = "1 of 2 files of `DIR/signals` cannot be read, such as `DIR/signals/secret.log`: ";
    assert!(
        ended.out.contains(told) && ended.out.contains("hint: let this user read"),
        "{ended:?}"
    );
}

#[test]
fn a_doctor_warns_of_a_server_that_may_be_talked_to_in_clear() {
    let advisor = Advisor::new();
    for (url, is_told) in [
        ("postgres://ana@db.invalid/advisor?sslmode=prefer", true),
        ("postgres://ana@db.invalid/advisor", false),
    ] {
        let mut command = advisor.command();
        let ended = advisor.end(command.env("ADVISOR_DATABASE_URL", url).arg("doctor"));
        assert_eq!(ended.code, 1, "there is no such server: {ended:?}");
        assert_eq!(ended.out.contains("warn  encryption"), is_told, "{ended:?}");
    }
}

#[test]
fn the_trail_tells_who_changed_a_setting_and_what_it_was() {
    let advisor = Advisor::new();
    advisor.ok(&["settings", "set", "retention_days", "30"]);
    advisor.ok(&["settings", "set", "retention_days", "60"]);
    advisor.run(&["lake", "forget", "--host", "build-7"]);
    let trail = advisor.json(&["trail", "--act", "setting.set", "--limit", "1"]);
    let entry = &trail.as_array().unwrap()[0];
    assert_eq!((&entry["done_by"], &entry["subject"]), (&"ana".into(), &"retention_days".into()));
    assert_eq!(
        (&entry["before"]["retention_days"], &entry["after"]["retention_days"]),
        (&30.into(), &60.into())
    );
    let trail = advisor.json(&["trail", "--subject", "build-7"]);
    assert_eq!(trail[0]["act"], "lake.forget_host");
    assert_eq!(advisor.json(&["trail", "--by", "nobody"]), Value::Array(Vec::new()));
}

#[test]
fn a_directory_of_a_format_without_hosts_says_whose_it_is() {
    let advisor = Advisor::new();
    let signals = advisor.data_dir().join("projects");
    fs::create_dir(&signals).unwrap();
    let fixture = format!("{}/tests/fixtures/inputs/claude-transcript", env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(fixture).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, signals.join(path.file_name().unwrap())).unwrap();
    }
    let configure = |more: &str| {
        let config = format!("[[directories]]\npath = \"{}\"\n{more}\n", signals.display());
        advisor.write("advisor.toml", &config);
    };
    for (more, complaint) in [
        (
            "format = \"claude-transcript\"",
            "directory `DIR/projects` is read as `claude-transcript`, which names no host",
        ),
        ("host = \" \"", "`host` of directory `DIR/projects` is empty"),
        (
            "format = \"csv\"",
            "`format = \"csv\"` of directory `DIR/projects` is none of signal, auto,",
        ),
    ] {
        configure(more);
        let told = advisor.fails(1, &["run"]);
        assert!(told.starts_with(&format!("error: `DIR/advisor.toml`: {complaint}")), "{told}");
    }
    configure("format = \"claude-transcript\"\nhost = \"laptop-7\"");
    advisor.run(&["run"]);
    let entries = advisor.json(&["audit", "--limit", "1000"]);
    let hosts: Vec<&str> =
        entries.as_array().unwrap().iter().map(|it| it["hostname"].as_str().unwrap()).collect();
    assert!(!hosts.is_empty() && hosts.iter().all(|it| *it == "laptop-7"), "{hosts:?}");
}

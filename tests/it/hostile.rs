//! Input that means harm, by name: each is told or quarantined, none gets where it wants to.
use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    process::Command,
};

use policy_advisor::{
    inputs::{self, FileReader, Known},
    objects::Access,
    pipeline::ingest::IngestReport,
};
use serde_json::{Value, json};

use crate::{
    cli::Advisor,
    ingest::{Home, event, events, gzip, ids, ids_in_lake},
};

impl Home {
    /// Ingests one file; how many events it gave, and the reasons of what it did not.
    fn reasons_of(&self, content: impl AsRef<[u8]>) -> (u64, Vec<(&'static str, u64)>) {
        self.write("hostile.log", content);
        let report = self.ingest();
        assert_eq!(report.read, report.accepted + report.duplicates + report.rejected);
        (report.accepted, report.reasons.into_iter().collect())
    }
}

/// An event with some fields replaced.
fn with(idx: usize, fields: &Value) -> String {
    let mut value: Value = serde_json::from_str(&event(idx)).unwrap();
    for (key, field) in fields.as_object().unwrap() {
        value[key] = field.clone();
    }
    value.to_string() + "\n"
}

/// An advisor whose lake holds events with such fields.
fn advisor_with(fields: &[Value]) -> Advisor {
    let advisor = Advisor::new();
    let lines: String = fields.iter().enumerate().map(|(idx, it)| with(idx, it)).collect();
    let path = advisor.write("in.ndjson", &lines);
    advisor.ok(&["ingest", &path]);
    advisor
}

#[test]
fn terminal_escapes_reach_no_terminal() {
    let clear = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r";
    let advisor = advisor_with(&[json!({"hostname": format!("h{clear}"), "session_id": clear})]);
    advisor.ok(&["ingest", &advisor.write("bad.log", &format!("bad {clear}\n"))]);
    for args in [["hosts", "list"], ["lake", "rejects"]] {
        for form in ["table", "json", "ndjson", "csv"] {
            let out = advisor.ok(&[args[0], args[1], "--output", form]);
            let is_control = |ch: char| ch.is_control() && ch != '\n' && ch != '\t';
            assert!(!out.contains(is_control), "{args:?} {form}: {out:?}");
        }
    }
}

#[test]
fn bidirectional_zero_width_and_tag_characters_are_shown() {
    let hidden = ['\u{202e}', '\u{2066}', '\u{200b}', '\u{2060}', '\u{e0041}', '\u{feff}'];
    let name: String = hidden.iter().collect();
    let advisor = advisor_with(&[json!({"hostname": format!("h{name}h")})]);
    for form in ["table", "json", "csv"] {
        let out = advisor.ok(&["hosts", "list", "--output", form]);
        assert!(!out.contains(hidden), "{form}: {out:?}");
        assert!(out.to_lowercase().contains("202e"), "{form}: {out}");
    }
}

#[test]
fn formulas_are_no_formulas_in_csv() {
    let names = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1"];
    let advisor = advisor_with(&names.map(|it| json!({"hostname": it})));
    let out = advisor.ok(&["hosts", "list", "--output", "csv"]);
    for line in out.lines().skip(1) {
        let cell = line.trim_start_matches('"');
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t']), "{line}");
    }
}

#[test]
fn a_gzip_bomb_and_a_zstd_bomb_are_left_with_a_reason() {
    let (home, zeros) = (Home::new(), vec![b'0'; 1024 * 1024]);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut zst = zstd::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..200 {
        gz.write_all(&zeros).unwrap();
        zst.write_all(&zeros).unwrap();
    }
    let bombs = [gz.finish().unwrap(), zst.finish().unwrap()];
    assert!(bombs.iter().all(|it| it.len() < 256 * 1024));
    for (number, bomb) in bombs.iter().enumerate() {
        home.write(&format!("bomb{number}.log"), bomb);
    }
    home.write("good.log", events(0..3));
    let report = home.ingest();
    assert_eq!(report.reasons, [("archive_bomb", 2)].into());
    let cut_off: Vec<&String> = report.files.iter().filter_map(|it| it.cut_off.as_ref()).collect();
    for told in &cut_off {
        assert!(
            told.contains("bomb") && told.contains("more than 200 times its size; from line 1")
        );
        assert!(told.contains("\nhint: "), "{told}");
    }
    assert_eq!(cut_off.len(), 2);
    assert_eq!(ids_in_lake(home.data()), ids(0..3));
}

#[test]
fn a_huge_line_is_quarantined_and_the_next_one_read() {
    let huge = format!("{{\"event_id\":\"{}\"}}\n", "x".repeat(5 * 1024 * 1024));
    let (accepted, reasons) = Home::new().reasons_of(event(0) + &huge + &event(1));
    assert_eq!((accepted, reasons), (2, vec![("too_long", 1)]));
}

#[test]
fn directories_that_cannot_be_walked_are_told_and_hide_nothing() {
    let home = Home::new();
    home.write("a.log", events(0..20));
    home.write("z/b.log", events(20..40));
    let deep = format!("m/{}", "d/".repeat(40));
    home.write(&format!("{deep}c.log"), events(40..60));
    // Names that are no text, of a file that would be read, of one that would not, of a directory.
    let named = |bytes: &[u8]| home.file("z").join(OsStr::from_bytes(bytes));
    fs::write(named(b"\xff.log"), events(60..80)).unwrap();
    fs::write(named(b"\xff.txt"), events(60..80)).unwrap();
    fs::create_dir(named(b"d\xff")).unwrap();
    let report = home.ingest();
    assert_eq!(ids_in_lake(home.data()), ids(0..40));
    let unreadable: Vec<&str> = report.files.iter().filter_map(|it| it.error.as_deref()).collect();
    let told = |what: &str| unreadable.iter().filter(|it| it.contains(what)).count();
    assert_eq!(told("more than 32 directories deep"), 1, "{unreadable:?}");
    assert_eq!((told("its name is not UTF-8"), unreadable.len()), (2, 3), "{unreadable:?}");
}

#[test]
fn deep_json_is_quarantined() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let line = event(0).replacen('{', &format!("{{\"x\":{deep},"), 1);
    let (accepted, reasons) = Home::new().reasons_of(line + &event(1));
    assert_eq!((accepted, reasons), (1, vec![("too_deep", 1)]));
}

#[test]
fn a_key_that_comes_twice_is_quarantined() {
    let twice = event(0).replacen('{', "{\"decision\":\"blocked\",", 1);
    let (accepted, reasons) = Home::new().reasons_of(twice + &event(1));
    assert_eq!((accepted, reasons), (1, vec![("duplicate_key", 1)]));
}

#[test]
fn invalid_utf8_is_quarantined() {
    let mut content = event(0).into_bytes();
    content.extend(
        event(2)
            .replace("event-2", "event-\u{1}")
            .into_bytes()
            .iter()
            .map(|it| if *it == 1 { 0xff } else { *it }),
    );
    content.extend(event(1).into_bytes());
    let (accepted, reasons) = Home::new().reasons_of(content);
    assert_eq!((accepted, reasons), (2, vec![("invalid_utf8", 1)]));
}

#[test]
fn a_truncated_archive_gives_what_it_holds_and_a_reason() {
    let archive = gzip(events(0..2_000).as_bytes());
    let (accepted, reasons) = Home::new().reasons_of(&archive[..archive.len() - 9]);
    assert!(accepted > 0);
    assert_eq!(reasons, [("damaged_archive", 1)]);
}

#[test]
fn links_and_special_files_in_a_signal_directory_are_passed_over() {
    let home = Home::new();
    let outside = home.data().join("secret.log");
    fs::write(&outside, events(0..3)).unwrap();
    let dir = home.data().join("secrets");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("b.log"), events(3..6)).unwrap();
    symlink(&outside, home.file("link.log")).unwrap();
    symlink(&dir, home.file("linked")).unwrap();
    symlink(home.file(""), home.file("loop")).unwrap();
    assert!(Command::new("mkfifo").arg(home.file("pipe.log")).status().unwrap().success());
    home.write("good.log", events(6..8));
    let report = home.ingest();
    assert_eq!((report.files.len(), report.accepted), (1, 2));
}

/// Ingests a directory once whatever holds the lake lets go of it, after `swap`.
fn ingest_after(swap: impl FnOnce(&Home)) -> IngestReport {
    let home = Home::new();
    let outside = home.data().join("outside");
    fs::create_dir_all(outside.join("deep")).unwrap();
    fs::write(outside.join("a.log"), "root:x:secret\n".to_owned() + &events(0..3)).unwrap();
    fs::write(outside.join("deep/b.log"), events(3..6)).unwrap();
    fs::create_dir(home.file("deep")).unwrap();
    home.write("a.log", events(6..8));
    home.write("deep/b.log", events(8..10));
    let files = inputs::files(&[home.file("")], &Access::default()).unwrap();
    swap(&home);
    let mut report = IngestReport::default();
    for file in files {
        let known = Known::default();
        let read = FileReader::open(&file, &known).and_then(|mut it| {
            let mut n_lines = 0;
            while let Some(block) = it.next_block()? {
                n_lines += block.lines().count() as u64;
            }
            Ok(n_lines)
        });
        match read {
            Ok(n_lines) => report.read += n_lines,
            Err(_) => report.files_failed += 1,
        }
    }
    report
}

#[test]
fn what_takes_the_place_of_a_file_after_it_was_found_is_not_followed() {
    for (name, swap) in [
        (
            "a file",
            (|home: &Home| {
                fs::remove_file(home.file("a.log")).unwrap();
                symlink(home.data().join("outside/a.log"), home.file("a.log")).unwrap();
            }) as fn(&Home),
        ),
        ("a directory", |home| {
            fs::remove_dir_all(home.file("deep")).unwrap();
            symlink(home.data().join("outside/deep"), home.file("deep")).unwrap();
        }),
        ("a pipe", |home| {
            fs::remove_file(home.file("a.log")).unwrap();
            assert!(Command::new("mkfifo").arg(home.file("a.log")).status().unwrap().success());
        }),
    ] {
        let report = ingest_after(swap);
        assert_eq!((report.read, report.files_failed), (2, 1), "{name}");
    }
}

#[test]
fn names_of_hosts_and_sessions_reach_no_other_path() {
    let climbing = ["../../../../tmp/x", "/etc/passwd", "date=2026-01-01/../..", ".", "a\\b"];
    let advisor = advisor_with(&climbing.map(|it| json!({"hostname": it, "session_id": it})));
    let parts = advisor.json(&["lake", "parts"]);
    for part in parts.as_array().unwrap() {
        let name = part["name"].as_str().unwrap();
        assert!(name.len() == 32 && name.bytes().all(|it| it.is_ascii_hexdigit()), "{name}");
    }
    let erased = advisor.json(&["lake", "forget", "--host", "/etc/passwd"]);
    assert_eq!(erased["events"], 1);
    assert!(fs::metadata("/etc/passwd").unwrap().len() > 0);
}

#[test]
fn a_regular_expression_that_explodes_is_refused_or_harmless() {
    let advisor = Advisor::new();
    let refused =
        advisor.fails(1, &["variables", "set", "env", "x", "--pattern", "(a{1000}){1000}"]);
    assert!(refused.starts_with("error: "), "{refused}");
    advisor.ok(&["variables", "set", "env", "x", "--pattern", "^(a+)+$"]);
    let name = "a".repeat(200) + "!";
    let lines = with(0, &json!({"hostname": name}));
    advisor.ok(&["ingest", &advisor.write("in.ndjson", &lines)]);
    advisor.ok(&["hosts", "list"]);
}

#[test]
fn clocks_that_are_ahead_are_quarantined_and_those_behind_are_kept() {
    let ahead = with(0, &json!({"timestamp": "2026-02-02T00:00:01Z"}));
    let behind = with(1, &json!({"timestamp": "1999-01-01T00:00:00Z"}));
    let absurd = with(2, &json!({"timestamp": "99999-01-01T00:00:00Z"}));
    let (accepted, reasons) = Home::new().reasons_of(ahead + &behind + &absurd);
    assert_eq!((accepted, reasons), (1, vec![("future_timestamp", 1), ("wrong_field", 1)]));
}

#[test]
fn a_role_that_an_event_names_is_a_name_and_nothing_else() {
    let names = ["other-org/role", "../default", "default' OR '1'='1", "*", "", "builtin:x"];
    let advisor = advisor_with(&names.map(|it| json!({"role": it})));
    let roles = advisor.json(&["roles", "list"]);
    assert_eq!(roles.as_array().unwrap().len(), 1, "events make no roles: {roles}");
    let refused = advisor.fails(1, &["suggest", "--role", "other-org/role"]);
    assert!(refused.contains("no role"), "{refused}");
}

#[test]
fn events_of_a_role_that_nobody_knows_are_told() {
    let advisor = Advisor::new();
    let lines: String =
        (0..30).map(|idx| with(idx, &json!({"role": format!("r{idx:02}")}))).collect();
    let ended = advisor.run(&["ingest", &advisor.write("in.ndjson", &lines), "--output", "json"]);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let roles = report["roles_unknown"].as_object().unwrap();
    assert_eq!((roles.len(), &roles["r03"], &roles[""]), (21, &json!(1), &json!(10)));
    assert!(ended.err.contains("1 events are of role `r00`, which is not here"), "{ended:?}");
    assert!(ended.err.contains("hint: `advisor roles create NAME`"), "{ended:?}");
}

#[test]
fn commands_of_any_length_are_analyzed_in_time() {
    let long = |begin: &str, n_bytes: usize| {
        let mut seeded = crate::kill::Seeded(7);
        let word = (0..n_bytes).map(|_| char::from(b'a' + u8::try_from(seeded.below(26)).unwrap()));
        begin.to_owned() + &word.collect::<String>()
    };
    let argument = long("", 100_000);
    let words: Vec<String> = (0..4_000).map(|idx| format!("{idx}")).collect();
    let name = long("b", 60_000);
    let mut lines = String::new();
    for idx in 0..24 {
        let time = format!("2026-01-{:02}T12:00:{:02}Z", 5 + idx / 2, idx % 2);
        let session = format!("s{idx}");
        for (number, argv) in [
            vec!["git", "push", &argument],
            std::iter::once("echo").chain(words.iter().map(String::as_str)).collect(),
            vec![&name, "x"],
            vec!["git", "status"],
        ]
        .into_iter()
        .enumerate()
        {
            lines += &with(
                4 * idx + number,
                &json!({"argv": argv, "binary": argv[0], "timestamp": time, "session_id": session}),
            );
        }
    }
    let advisor = Advisor::new();
    advisor.ok(&["ingest", &advisor.write("in.ndjson", &lines)]);
    let range = ["--from", "2026-01-05T00:00:00Z", "--to", "2026-01-20T00:00:00Z"];
    let batch = advisor.json(&[&["suggest", "--role", "default"][..], &range].concat());
    let rules =
        batch["changes"].as_array().unwrap().iter().flat_map(|it| it["after"].as_array().unwrap());
    let patterns: Vec<&str> = rules.map(|it| it["pattern"].as_str().unwrap()).collect();
    assert!(patterns.contains(&"git status"), "{patterns:?}");
    assert!(patterns.iter().all(|it| it.len() <= 1_000), "nobody reads more");
}

#[test]
fn sql_and_globs_in_names_are_text() {
    let names = ["'; DROP TABLE hosts; --", "%", "_", "*", "h?[a-z]", "a\"b", "$1"];
    let advisor = advisor_with(&names.map(|it| json!({"hostname": it, "session_id": it})));
    let erased = advisor.json(&["lake", "forget", "--host", "%"]);
    assert_eq!(erased["events"], 1);
    let again = advisor.run(&["lake", "forget", "--host", "%"]);
    assert!(again.code == 1 && again.err.contains("nothing here of `%`"), "{again:?}");
    let erased = advisor.json(&["lake", "forget", "--session", "*"]);
    assert_eq!(erased["events"], 1);
    let erased = advisor.json(&["lake", "forget", "--host", names[0]]);
    assert_eq!(erased["events"], 1);
    let hosts = advisor.json(&["hosts", "list"]);
    let hosts: Vec<&str> =
        hosts.as_array().unwrap().iter().map(|it| it["hostname"].as_str().unwrap()).collect();
    assert_eq!(hosts, ["$1", "*", "_", "a\"b", "h?[a-z]"]);
}

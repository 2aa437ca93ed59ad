//! The audit log: what it finds is what a slow, obvious filter finds, and how it prints it.
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command as Process, Stdio},
};

use assert_cmd::Command;
use policy_advisor::{
    commands::{canonical, read},
    events::{Event, EventType, Outcome, Severity, Timestamp},
    inputs::{Format, Notes},
    lake::{Column, Lake, Part, Subject, Window},
    pipeline::{
        audit::{Auditor, CountBy, Query},
        follow::Follower,
    },
    policy::Pattern,
    risk::{self, DeclaredRisks, Effect, Effects, RiskLevel},
};
use serde_json::{Value, json};

use crate::ingest::Home;

/// Numbers from a seed, the same every time (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (n as u64)).unwrap()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

const LINES: &[&[&str]] = &[
    &["git", "status", "--short"],
    &["/usr/bin/git", "push", "--force", "origin", "main"],
    &["git", "commit", "-m", "It's \"fixed\", =1+1"],
    &["ls"],
    &["cat", "/home/ana/.ssh/id_ed25519"],
    &["bash", "-lc", "cd /srv && rm -rf / && Echo done"],
    &["python3", "-c", "print(1)"],
    &["/opt/tools/git", "log"],
    &["curl", "-H", "Authorization: Bearer tG7kQ2xVn9Rb4LwZp8Hs3JdYc6Mf1Ae5", "https://x.test"],
    &["terraform", "destroy", "-auto-approve"],
    &["=cmd|' /C calc'!A0", "x"],
    &["naïve", "ÀÉ", "\u{202e}gnp"],
];
const RULES: &[&str] = &["git status *", "git push --force*", "*", "rm -rf*", "terraform destroy*"];
const TEXTS: &[&str] =
    &["GIT", "push", "it's", "/srv", "àé", "list_", "e1", "nothing has this", "\""];

/// `n` events of some days, some with ids that secrets are taken out of.
fn events(n: usize, dice: &mut Dice) -> Vec<String> {
    let start = Timestamp::parse("2026-01-05T00:00:00Z").unwrap();
    let mut lines = Vec::new();
    for idx in 0..n {
        // A coarse clock, so that many events share their instant.
        let at = Timestamp(start.0 + i64::try_from(dice.roll(3 * 24 * 6)).unwrap() * 600_000_000);
        let mut event = json!({
            "schema_version": "1.0",
            "event_id": format!("e{idx}"),
            "timestamp": at.to_string(),
            "hostname": dice.pick(&["build-1", "build-2", "=host", "prod, eu"]),
            "decision": dice.pick(Outcome::ALL).as_str(),
        });
        let kind = *dice.pick(&[0, 0, 0, 0, 1, 2, 3]);
        event["event_type"] = EventType::ALL[kind].as_str().into();
        match EventType::ALL[kind] {
            EventType::CommandExecution => {
                let argv = dice.pick(LINES);
                event["binary"] = argv[0].into();
                event["argv"] = json!(argv);
            }
            EventType::McpToolCall => {
                event["mcp_server"] = (*dice.pick(&["github", "db"])).into();
                event["mcp_tool"] = (*dice.pick(&["list_issues", "drop_table", "read"])).into();
                event["mcp_arguments"] = json!({"path": dice.pick(&["/etc/passwd", "a.txt"])});
                event["trust_score"] = dice.roll(101).into();
                event["endpoint"] = "https://mcp.test".into();
            }
            EventType::ConfigChange | EventType::PolicyIntegrity => (),
        }
        let mut maybe = |key: &str, values: &[&str], dice: &mut Dice| {
            if dice.roll(4) > 0 {
                event[key] = (*dice.pick(values)).into();
            }
        };
        maybe("rule", RULES, dice);
        maybe("agent", &["Claude Code", "Codex CLI"], dice);
        maybe("severity", &["info", "info", "warning", "critical"], dice);
        maybe("role", &["web", "backend"], dice);
        maybe("session_id", &["s-1", "s-2", "s-3"], dice);
        maybe("cwd", &["/srv/app", "/home/ana"], dice);
        maybe("user", &["ana", "ci"], dice);
        lines.push(event.to_string());
    }
    lines
}

/// An event as the slow filter sees it.
struct Seen {
    event: Event,
    command: Option<String>,
    effects: Effects,
    risk: RiskLevel,
    severity: Severity,
}

/// Patterns with what they declare.
type Levels = Vec<(Pattern, Option<RiskLevel>)>;

/// The guards: exceptions, and what is guarded.
struct Guards(Vec<(Vec<Pattern>, Levels)>);

impl Guards {
    fn new() -> Self {
        let guards = risk::guards().iter().map(|guard| {
            let patterns = guard.patterns.iter();
            (
                guard.except.iter().map(|it| Pattern::new(it)).collect(),
                patterns.map(|it| (Pattern::new(it), risk::declared_level(it))).collect(),
            )
        });
        Self(guards.collect())
    }

    /// What the first guard declares that is about a line, unless an exception of it is.
    fn level(&self, line: &str) -> Option<RiskLevel> {
        for (except, patterns) in &self.0 {
            if except.iter().any(|it| it.matches(line)) {
                return None;
            }
            if let Some((_, level)) = patterns.iter().find(|(it, _)| it.matches(line)) {
                return *level;
            }
        }
        None
    }
}

/// The events of lines, judged one by one as the documentation says.
fn seen(lines: &[String]) -> Vec<Seen> {
    let now = Timestamp::parse("2026-02-01T00:00:00Z").unwrap();
    let (mut notes, guards) = (Notes::default(), Guards::new());
    let mut res = Vec::new();
    for line in lines {
        let mut event =
            Format::default_format().read(line.as_bytes(), now, &mut notes).unwrap().event;
        event.role.get_or_insert_with(|| "default".to_owned());
        let command = (!event.argv.is_empty()).then(|| canonical(&event.argv));
        let effects = match event.event_type {
            EventType::CommandExecution => risk::reading_facts(&read(&event.argv), None).2,
            EventType::McpToolCall => {
                let [server, tool] = [&event.mcp_server, &event.mcp_tool];
                let arguments = event.mcp_arguments.as_deref().unwrap_or_default();
                let (server, tool) = (server.as_deref().unwrap(), tool.as_deref().unwrap());
                risk::call_facts(server, tool, arguments).1
            }
            _ => Effects::NONE,
        };
        let declared = event.rule.as_deref().and_then(risk::declared_level);
        let inner = read(&event.argv).commands;
        let guarded = inner.iter().filter_map(|it| guards.level(&it.line())).max();
        let declared = declared.max(guarded);
        let risk = declared.map_or(risk::level(effects), |it| it.max(risk::level(effects)));
        let is_critical = risk == RiskLevel::Critical;
        let least = match event.decision {
            Outcome::Allowed if is_critical => Severity::Warning,
            Outcome::Allowed => Severity::Info,
            _ if is_critical || event.event_type == EventType::PolicyIntegrity => {
                Severity::Critical
            }
            _ => Severity::Warning,
        };
        let severity = event.severity.map_or(least, |it| it.max(least));
        res.push(Seen { event, command, effects, risk, severity });
    }
    res
}

impl Seen {
    fn column(&self, column: Column) -> Option<String> {
        let event = &self.event;
        match column {
            Column::EventType => Some(event.event_type.to_string()),
            Column::Decision => Some(event.decision.to_string()),
            Column::Severity => event.severity.map(|it| it.to_string()),
            Column::Hostname => Some(event.hostname.clone()),
            Column::Role => event.role.clone(),
            Column::Agent => event.agent.clone(),
            Column::SessionId => event.session_id.clone(),
            Column::User => event.user.clone(),
            Column::Binary => event.binary.clone(),
            Column::Command => self.command.clone(),
            Column::Cwd => event.cwd.clone(),
            Column::Rule => event.rule.clone(),
            Column::McpServer => event.mcp_server.clone(),
            Column::McpTool => event.mcp_tool.clone(),
            Column::Endpoint => event.endpoint.clone(),
            Column::Source => None,
        }
    }

    /// Every condition, one after the other, on one event.
    fn fits(&self, query: &Query) -> bool {
        let event = &self.event;
        let texts = [
            Some(event.event_id.clone()),
            self.command.clone(),
            event.rule.clone(),
            event.binary.clone(),
            event.session_id.clone(),
            event.cwd.clone(),
            event.user.clone(),
            event.mcp_server.clone(),
            event.mcp_tool.clone(),
            event.mcp_arguments.clone(),
            event.endpoint.clone(),
        ];
        let has = |text: &String| {
            let text = text.to_lowercase();
            texts.iter().flatten().any(|it| it.to_lowercase().contains(&text))
        };
        let name = event.binary.as_deref().map(|it| it.rsplit('/').next().unwrap().to_owned());
        query.window.from <= event.timestamp
            && event.timestamp < query.window.to
            && (query.severities.is_empty() || query.severities.contains(&self.severity))
            && (query.binaries.is_empty()
                || name.is_some_and(|name| query.binaries.contains(&name))
                || event.binary.as_ref().is_some_and(|it| query.binaries.contains(it)))
            && query.columns.iter().all(|(column, values)| {
                values.is_empty() || self.column(*column).is_some_and(|it| values.contains(&it))
            })
            && (query.effects.is_empty()
                || query.effects.iter().any(|it| self.effects.contains(*it)))
            && query.texts.iter().all(has)
    }

    fn counts_for(&self, by: CountBy) -> Vec<Option<String>> {
        match by {
            CountBy::Severity => vec![Some(self.severity.to_string())],
            CountBy::Risk => vec![Some(self.risk.as_str().to_owned())],
            CountBy::Day => vec![Some(self.event.timestamp.day().to_string())],
            CountBy::EventId => vec![Some(self.event.event_id.clone())],
            CountBy::TrustScore => vec![self.event.trust_score.map(|it| it.to_string())],
            CountBy::Effect if self.effects.is_empty() => vec![None],
            CountBy::Effect => self.effects.iter().map(|it| Some(it.as_str().to_owned())).collect(),
            by => vec![self.column(Column::parse(by.as_str()).unwrap())],
        }
    }
}

/// A query of random parts; of columns alone, if so wanted.
fn query(dice: &mut Dice, events: &[Seen], of_columns: bool) -> Query {
    let mut query = Query::default();
    let instant = |dice: &mut Dice| events[dice.roll(events.len())].event.timestamp;
    if dice.roll(2) == 0 {
        let (one, other) = (instant(dice), instant(dice));
        query.window = Window { from: one.min(other), to: one.max(other) };
    }
    for column in Column::ALL.iter().copied().filter(|it| *it != Column::Source) {
        if dice.roll(9) > 0 {
            continue;
        }
        let mut values = BTreeSet::new();
        for _ in 0..=dice.roll(3) {
            let value = events[dice.roll(events.len())].column(column);
            values.insert(value.unwrap_or_else(|| "not there".to_owned()));
        }
        query.columns.insert(column, values.into_iter().collect());
    }
    if dice.roll(4) == 0 {
        query.binaries =
            vec![(*dice.pick(&["git", "/opt/tools/git", "nosuch", "bash"])).to_owned()];
    }
    if dice.roll(4) == 0 {
        let n = 1 + dice.roll(2);
        query.texts = (0..n).map(|_| (*dice.pick(TEXTS)).to_owned()).collect();
    }
    if !of_columns && dice.roll(2) == 0 {
        query.severities = vec![*dice.pick(Severity::ALL)];
        if dice.roll(3) == 0 {
            query.severities.push(*dice.pick(Severity::ALL));
        }
    }
    if !of_columns && dice.roll(3) == 0 {
        query.effects = vec![*dice.pick(Effect::ALL), *dice.pick(Effect::ALL)];
    }
    query
}

/// What is counted by, as far as the slow filter knows it.
fn count_by(dice: &mut Dice, of_columns: bool) -> CountBy {
    let derived = [
        CountBy::Severity,
        CountBy::Risk,
        CountBy::Effect,
        CountBy::Day,
        CountBy::EventId,
        CountBy::TrustScore,
    ];
    let known = CountBy::ALL
        .iter()
        .copied()
        .filter(|it| *it != CountBy::Source && !(of_columns && derived.contains(it)));
    *dice.pick(&known.collect::<Vec<_>>())
}

/// A lake with random events, and the events.
fn lake(n: usize) -> (Home, Lake, Vec<Part>, Vec<Seen>) {
    let mut dice = Dice(7);
    let lines = events(n, &mut dice);
    let home = Home::new();
    // In turn, so that a day has several parts.
    for (idx, some) in lines.chunks(n.div_ceil(3)).enumerate() {
        home.write(&format!("{idx}.log"), some.join("\n") + "\n");
        home.ingest();
    }
    let store = home.store();
    let parts = home.runtime.block_on(store.manifest()).unwrap().parts;
    home.runtime.block_on(store.close());
    let seen = seen(&lines);
    let lake = Lake::at(home.data());
    (home, lake, parts, seen)
}

#[test]
fn every_query_finds_what_a_slow_filter_finds() {
    // Another engine may be asked the same: where to put lake, questions and answers for it.
    let keep = std::env::var_os("ADVISOR_TEST_AUDIT_DIR");
    let n_of_columns = if keep.is_some() { 1_010 } else { 150 };
    let n_queries = n_of_columns + 150;
    let (home, lake, parts, events) = lake(1_500);
    assert!(parts.len() > 7, "{} parts", parts.len());
    let mut auditor = Auditor::new(&lake, DeclaredRisks::default());
    let mut dice = Dice(11);
    let (mut asked, mut n_found, mut n_pages) = (String::new(), 0, 0);
    for idx in 0..n_queries {
        let of_columns = idx < n_of_columns;
        let query = query(&mut dice, &events, of_columns);
        let mut wanted: Vec<&Seen> = events.iter().filter(|it| it.fits(&query)).collect();
        wanted.sort_by_key(|it| Reverse((it.event.timestamp, it.event.event_id.clone())));
        n_found += wanted.len();
        if idx % 5 == 0 {
            let by = count_by(&mut dice, of_columns);
            let counts = auditor.counts(&parts, &query, by).unwrap();
            let mut slow: BTreeMap<Option<String>, u64> = BTreeMap::new();
            for value in wanted.iter().flat_map(|it| it.counts_for(by)) {
                *slow.entry(value).or_default() += 1;
            }
            assert!(counts.is_sorted_by_key(|it| Reverse(it.events)));
            let counts: BTreeMap<_, _> =
                counts.into_iter().map(|it| (it.value, it.events)).collect();
            assert_eq!(counts, slow, "{by} of {query:?}");
            if of_columns {
                let counts: Vec<_> = counts.into_iter().collect();
                writeln!(
                    asked,
                    "{}",
                    question(&query, &json!({"by": by.as_str(), "counts": counts}))
                )
                .unwrap();
            }
            continue;
        }
        let (skip, n) = (*dice.pick(&[0, 0, 3, 40]), *dice.pick(&[1, 10, 100, 5_000]));
        let page = auditor.page(&parts, &query, skip, n).unwrap();
        let ids: Vec<&str> =
            page.entries.iter().map(|it| it.record.event.event_id.as_str()).collect();
        let slow: Vec<&&Seen> = wanted.iter().skip(skip).take(n).collect();
        let slow_ids: Vec<&str> = slow.iter().map(|it| it.event.event_id.as_str()).collect();
        assert_eq!(ids, slow_ids, "{query:?}, behind {skip}, at most {n}");
        assert_eq!(page.has_more, wanted.len() > skip + n, "{query:?}");
        for (entry, slow) in page.entries.iter().zip(slow) {
            assert_eq!(entry.record.event, slow.event);
            assert_eq!(entry.record.command, slow.command);
            assert_eq!((entry.severity, entry.risk), (slow.severity, slow.risk));
            assert_eq!(entry.effects, slow.effects);
        }
        n_pages += 1;
        if of_columns {
            let answer = json!({"skip": skip, "n": n, "ids": ids, "has_more": page.has_more});
            writeln!(asked, "{}", question(&query, &answer)).unwrap();
        }
    }
    assert!(n_found > n_queries * 10 && n_pages > n_queries / 2, "the questions find something");
    if let Some(dir) = keep {
        let dir = Path::new(&dir);
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join("queries.ndjson"), asked).unwrap();
        // What an earlier run left there is of another lake.
        let _ = fs::remove_dir_all(dir.join("events"));
        copy(&home.data().join("lake/events"), &dir.join("events"));
    }
}

/// A question and its answer, for another engine.
fn question(query: &Query, answer: &Value) -> Value {
    let columns: BTreeMap<&str, &Vec<String>> =
        query.columns.iter().map(|(column, values)| (column.as_str(), values)).collect();
    json!({
        "from_us": query.window.from.0,
        "to_us": query.window.to.0,
        "columns": columns,
        "binaries": query.binaries,
        "texts": query.texts,
        "answer": answer,
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &to) } else { _ = fs::copy(&path, &to).unwrap() }
    }
}

fn advisor(home: &Home, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_advisor"));
    command.args(args).arg("--data-dir").arg(home.data());
    command
}

/// Stdout and stderr of a run that succeeds.
fn output(home: &Home, args: &[&str]) -> (String, String) {
    let output = advisor(home, args).assert().success().get_output().clone();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn pages_follow_each_other_by_number_and_by_cursor() {
    let (home, _, _, mut events) = lake(300);
    events.sort_by_key(|it| Reverse((it.event.timestamp, it.event.event_id.clone())));
    let wanted: Vec<&str> = events.iter().map(|it| it.event.event_id.as_str()).collect();
    let ids = |text: &str| -> Vec<String> {
        let rows = text.lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
        rows.map(|it| it["event_id"].as_str().unwrap().to_owned()).collect()
    };
    let mut found = Vec::new();
    for page in 1..=5 {
        let page = page.to_string();
        let args = ["audit", "--limit", "70", "--page", &page, "--output", "ndjson"];
        found.extend(ids(&output(&home, &args).0));
    }
    assert_eq!(found, wanted);
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut args = vec!["audit", "--limit", "70", "--output", "ndjson"];
        if let Some(cursor) = &cursor {
            args.extend(["--cursor", cursor]);
        }
        let (rows, told) = output(&home, &args);
        found.extend(ids(&rows));
        let Some((_, next)) = told.trim_end().split_once("--cursor ") else { break };
        cursor = Some(next.to_owned());
    }
    assert_eq!(found, wanted);
}

#[test]
fn every_form_has_all_there_is_and_nothing_hidden_or_computed() {
    let (home, _, _, events) = lake(300);
    let (json, _) = output(&home, &["audit", "--limit", "400", "--output", "json"]);
    let rows: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(rows.len(), 300);
    let by_id: BTreeMap<&str, &Seen> =
        events.iter().map(|it| (it.event.event_id.as_str(), it)).collect();
    for row in &rows {
        let seen = by_id[row["event_id"].as_str().unwrap()];
        let event = &seen.event;
        assert_eq!(row["severity"], seen.severity.as_str());
        assert_eq!(row["recorded_severity"], json!(event.severity));
        assert_eq!(row["argv"].is_null(), event.argv.is_empty());
        assert!(event.argv.is_empty() || row["argv"] == json!(event.argv));
        assert_eq!(row["trust_score"], json!(event.trust_score));
        assert!(event.mcp_server.is_none() || row["mcp_arguments"]["path"].is_string());
        assert!(row["source"].as_str().unwrap().contains("/in/"));
    }
    let (csv, _) = output(&home, &["audit", "--limit", "400", "--output", "csv"]);
    assert!(csv.starts_with("event_id,timestamp,severity,"));
    assert_eq!(csv.lines().count(), 301);
    assert!(csv.contains(",'=host,") && !csv.contains(",=host,"), "formulas are defused");
    assert!(csv.contains("\"prod, eu\""));
    assert!(
        csv.contains(r#""[""git"",""status"",""--short""]",git status --short"#),
        "argv, whole"
    );
    let (table, told) = output(&home, &["audit"]);
    assert!(
        table.trim_start().starts_with("TIME") && told.contains("older events: --cursor 2026-01-")
    );
    for text in [&json, &csv, &table] {
        assert!(!text.contains('\u{202e}'), "nothing hidden");
        assert!(!text.contains("tG7kQ2xVn9Rb4LwZp8Hs3JdYc6Mf1Ae5"), "no secret");
    }
    let (counts, _) = output(&home, &["audit", "--count-by", "hostname", "--output", "csv"]);
    assert!(counts.starts_with("hostname,events\n") && counts.contains("'=host,"), "{counts}");
}

#[test]
fn what_has_changed_is_shown_and_found() {
    let home = Home::new();
    let change = json!({
        "schema_version": "1.0", "event_id": "c1", "timestamp": "2026-01-05T09:00:00Z",
        "hostname": "web-1", "event_type": "config_change", "decision": "allowed",
        "agent": "Claude Code", "command": "/home/ana/.claude/settings.json", "mcp_server": "evil",
    });
    home.write("a.log", format!("{change}\n"));
    home.ingest();
    let (table, _) = output(&home, &["audit", "--text", "ana/.claude/SETTINGS"]);
    let what = "config_change /home/ana/.claude/settings.json MCP server evil";
    assert!(table.contains(what), "{table}");
    let (found, _) = output(&home, &["audit", "--binary", "/home/ana/.claude/settings.json"]);
    assert!(found.contains("config_change"), "{found}");
}

#[test]
fn days_are_whole_and_mistakes_are_told() {
    let (home, _, _, events) = lake(300);
    let of_day =
        events.iter().filter(|it| it.event.timestamp.day().to_string() == "2026-01-07").count();
    let day = "audit --from 2026-01-07 --to 2026-01-07 --limit 300 --output ndjson";
    let day: Vec<&str> = day.split(' ').collect();
    assert_eq!(output(&home, &day).0.lines().count(), of_day);
    assert!(of_day > 10);
    for (args, told) in [
        (&["audit", "--from", "2026-01-08", "--to", "2026-01-07"][..], "before it begins"),
        (&["audit", "--from", "yesterday"], "no day such as"),
        (&["audit", "--follow", "--output", "json"], "--output ndjson"),
        (&["audit", "--severity", "grave"], "critical"),
        (&["audit", "--count-by", "taste"], "event_type"),
        (&["audit", "--cursor", "3"], "no cursor"),
        (&["audit", "--page", "0"], "0"),
    ] {
        let output = advisor(&home, args).assert().code(2).get_output().clone();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(told), "{args:?}: {text}");
    }
}

#[test]
fn following_prints_what_comes_and_only_that() {
    let home = Home::new();
    let lines = events(40, &mut Dice(3));
    home.write("a.log", lines[..20].join("\n") + "\n");
    home.ingest();
    let mut child = Process::new(env!("CARGO_BIN_EXE_advisor"))
        .args(["audit", "--follow", "--interval", "1", "--limit", "5", "--output", "ndjson"])
        .arg("--data-dir")
        .arg(home.data())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut rows = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = |n: usize| -> Vec<(String, String)> {
        let rows = rows.by_ref().take(n).map(|it| {
            let row: Value = serde_json::from_str(&it.unwrap()).unwrap();
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            (text("timestamp"), text("event_id"))
        });
        rows.collect()
    };
    let shown = next(5);
    assert!(shown.is_sorted(), "the newest last");
    home.write("b.log", lines[15..].join("\n") + "\n");
    home.ingest();
    let came = next(20);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(came.is_sorted());
    let came: BTreeSet<String> = came.into_iter().map(|(_, id)| id).collect();
    assert_eq!(came, (20..40).map(|idx| format!("e{idx}")).collect());
}

#[test]
fn who_follows_sees_every_event_once_whatever_is_merged_meanwhile() {
    let home = Home::new();
    let feed = |name: &str, range: std::ops::Range<usize>| {
        home.write(name, crate::ingest::events(range));
        home.ingest();
    };
    let manifest = || home.runtime.block_on(home.store().manifest()).unwrap().parts;
    for n in 0..3 {
        feed(&format!("{n}.log"), n * 20..(n + 1) * 20);
    }
    let lake = Lake::at(home.data());
    let mut auditor = Auditor::new(&lake, DeclaredRisks::default());
    let query = Query::default();
    let mut follower = Follower::new(manifest());
    let mut next = || {
        let came = follower.next(&mut auditor, manifest(), &query).unwrap();
        let mut ids: Vec<String> = came.iter().map(|it| it.record.event.event_id.clone()).collect();
        assert!(came.iter().map(|it| it.record.event.timestamp).is_sorted(), "oldest first");
        ids.sort();
        ids
    };
    assert_eq!(next(), [""; 0]);
    // More comes, and is merged with what was there before anybody has looked.
    feed("3.log", 60..80);
    assert!(home.upkeep("2026-02-01T00:00:00Z").parts_merged >= 4);
    assert_eq!(next(), crate::ingest::ids(60..80));
    assert_eq!(next(), [""; 0]);
    // Something that was shown is merged, twice, with more in between.
    for n in 4..7 {
        feed(&format!("{n}.log"), n * 20..(n + 1) * 20);
    }
    assert_eq!(next(), crate::ingest::ids(80..140));
    feed("7.log", 140..160);
    assert!(home.upkeep("2026-02-01T00:00:00Z").parts_merged >= 4);
    feed("8.log", 160..180);
    assert_eq!(next(), crate::ingest::ids(140..180));
    // What is left of parts after an erasure is not new.
    home.forget(Subject::Host("host-1".to_owned()));
    feed("9.log", 180..200);
    assert_eq!(next(), crate::ingest::ids(180..200));
}

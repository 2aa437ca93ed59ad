//! The command line by hand: what it prints, where, and with which exit code.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use policy_advisor::store::{Missing, Place, Store};
use tempfile::TempDir;

use crate::samples::{batch, role};

/// A data directory, driven through the program only.
pub(crate) struct Advisor {
    dir: TempDir,
}

/// What a call came to: exit code, stdout, stderr, with the data directory's name taken out.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Advisor {
    pub(crate) fn new() -> Self {
        let advisor = Self { dir: tempfile::tempdir().unwrap() };
        assert_eq!(advisor.run(&["init"]).code, 0);
        advisor
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The program on this data directory, with nothing else in its environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_advisor"));
        command.env_clear().env("ADVISOR_ACTOR", "ana").env("ADVISOR_DATA_DIR", self.path());
        command
    }

    /// Runs what was made of [`Advisor::command`].
    pub(crate) fn end(&self, command: &mut Command) -> Ended {
        self.ended(&command.output().unwrap())
    }

    /// The program called by a shell that was set up so.
    pub(crate) fn under(&self, shell: &str, args: &[&str]) -> Ended {
        let script = format!("{shell}; exec \"$0\" \"$@\"");
        let mut command = Command::new("/bin/sh");
        command.env_clear().env("ADVISOR_DATA_DIR", self.path()).arg("-c").arg(script);
        self.end(command.arg(env!("CARGO_BIN_EXE_advisor")).args(args))
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.end(self.command().args(args))
    }

    /// Runs and expects success; what it printed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, 0, "{args:?}: {ended:?}");
        ended.out
    }

    /// Runs and expects failure; the first line on stderr.
    pub(crate) fn fails(&self, code: i32, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!((ended.code, ended.out.as_str()), (code, ""), "{args:?}: {ended:?}");
        ended.err.lines().next().unwrap().to_owned()
    }

    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        let mut args = args.to_vec();
        args.extend(["--output", "json"]);
        serde_json::from_str(&self.ok(&args)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Works on the store behind the program's back.
    pub(crate) fn store(&self, work: impl AsyncFnOnce(&Store)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let place = Place::File(self.path().join("advisor.db"));
            let store = Store::open(&place, Missing::Refuse).await.unwrap();
            work(&store).await;
            store.close().await;
        });
    }

    fn ended(&self, run: &Output) -> Ended {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.replace(&self.path().display().to_string(), "DIR")
        };
        Ended { code: run.status.code().unwrap(), out: text(&run.stdout), err: text(&run.stderr) }
    }
}

/// A directory with the role `r` and a batch for it.
pub(crate) fn with_batch() -> Advisor {
    let advisor = Advisor::new();
    advisor.store(async |store| {
        let why = policy_advisor::store::Why::command("test");
        let by = crate::backends::ana(0);
        store.create_role(role("r", &["git *", "kubectl *"]), &why, &by).await.unwrap();
        store.save_batch(&batch("3f2a9c0d1e2b4a5c", "r", 1)).await.unwrap();
    });
    advisor
}

#[test]
fn a_data_directory_is_private_and_made_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let advisor = Advisor { dir };
    let data = advisor.path().join("deep/data");
    let data_dir = data.to_str().unwrap();
    let missing = advisor.run(&["--data-dir", data_dir, "roles", "list"]);
    assert_eq!(missing.code, 1);
    assert_eq!(
        missing.err,
        "error: no store at `DIR/deep/data/advisor.db`\nhint: `advisor init` makes one\n"
    );
    assert!(!data.exists());
    for _ in 0..2 {
        assert_eq!(advisor.run(&["--data-dir", data_dir, "init"]).code, 0);
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("advisor.db")), 0o600);
    assert!(data.join("advisor.toml").exists());
    // Whatever the umask; one that was there before is left as it is, and that is told.
    for (umask, was_there) in [("000", false), ("022", true), ("077", false)] {
        let data = advisor.path().join(format!("under {umask}"));
        if was_there {
            fs::create_dir(&data).unwrap();
            fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let args = ["--data-dir", data.to_str().unwrap(), "--quiet", "init"];
        let ended = advisor.under(&format!("umask {umask}"), &args);
        assert_eq!((ended.code, ended.out.as_str()), (0, ""), "quiet: {ended:?}");
        let told =
            "warning: `DIR/under 022` is open to others, mode 755\nhint: chmod 700 DIR/under 022\n";
        assert_eq!(ended.err, if was_there { told } else { "" });
        assert_eq!(mode(&data), if was_there { 0o755 } else { 0o700 });
        for name in ["advisor.toml", "advisor.db"] {
            assert_eq!(mode(&data.join(name)), 0o600, "{umask} {name}");
        }
        let made = advisor.under("true", &[&args[..], &["--output", "json"]].concat());
        assert!(made.out.contains("\"schema_version\""), "data is data: {made:?}");
    }
}

#[test]
fn configuration_is_refused_with_what_and_where() {
    let advisor = Advisor::new();
    for (text, complaint) in [
        (
            "time_zone = \"Mars/Olympus\"",
            "error: `DIR/advisor.toml`: time_zone `Mars/Olympus` is not a zone such as `UTC` or `Europe/Berlin`",
        ),
        (
            "data_dir = \"/elsewhere\"",
            "error: `DIR/advisor.toml`: data_dir `/elsewhere` in the data directory itself",
        ),
    ] {
        advisor.write("advisor.toml", text);
        assert_eq!(advisor.fails(1, &["roles", "list"]), complaint);
    }
    advisor.write("advisor.toml", "");
    for (name, value, complaint) in [
        (
            "ADVISOR_TIME_ZONE",
            "Mars/X",
            "error: ADVISOR_TIME_ZONE `Mars/X` is not a zone such as `UTC` or `Europe/Berlin`\n",
        ),
        (
            "ADVISOR_LAKE_CACHE_MIB",
            "much",
            "error: ADVISOR_LAKE_CACHE_MIB cannot be `much`\nhint: give a number of MiB, such as 4096\n",
        ),
        (
            "ADVISOR_DATABASE_URL_FILE",
            "/nowhere/url",
            "error: cannot read `/nowhere/url`, which ADVISOR_DATABASE_URL_FILE names: No such file",
        ),
    ] {
        let ended = advisor.end(advisor.command().env(name, value).args(["roles", "list"]));
        assert!(ended.code == 1 && ended.err.starts_with(complaint), "{ended:?}");
    }
    let schedule = ["settings", "set", "analysis_schedule", "0 25 * * *"];
    assert_eq!(
        advisor.fails(1, &schedule),
        "error: `analysis_schedule` cannot be `0 25 * * *`: `25` is no hour: the range is 0 to 23"
    );
    advisor.write("advisor.toml", "color = true");
    let ended = advisor.run(&["roles", "list"]);
    assert!(ended.err.starts_with(
        "error: `DIR/advisor.toml` is not a configuration: TOML parse error at line 1"
    ));
    // Another file, named: its data directory counts, unless a flag says otherwise.
    let elsewhere = tempfile::tempdir().unwrap();
    let file = advisor.write("other.toml", &format!("data_dir = {:?}", elsewhere.path()));
    let run = Command::new(env!("CARGO_BIN_EXE_advisor"))
        .env_clear()
        .args(["--config", &file, "init"])
        .output()
        .unwrap();
    assert!(run.status.success());
    assert!(elsewhere.path().join("advisor.db").exists());
}

#[test]
fn a_database_that_cannot_be_reached_is_one_sentence_without_its_password() {
    let advisor = Advisor::new();
    for (url, complaint) in [
        (
            "mysql://ana:s3cret@db/advisor",
            "error: `mysql://ana:***@db/advisor` is no place for a store: it does not start with `postgres://`",
        ),
        (
            "postgres://ana:s3cret@127.0.0.1:1/advisor",
            "error: cannot open the store at `postgres://ana:***@127.0.0.1:1/advisor`: ",
        ),
    ] {
        let list = ["roles", "list"];
        let secret = advisor.write("url", &format!("{url}\n"));
        let mut by_file = advisor.command();
        by_file.env("ADVISOR_DATABASE_URL_FILE", &secret);
        let mut by_url = advisor.command();
        by_url.env("ADVISOR_DATABASE_URL", url);
        advisor.write("advisor.toml", "database_url_file = \"url\"");
        for command in [by_file.args(list), by_url.args(list), advisor.command().args(list)] {
            let ended = advisor.end(command);
            assert_eq!(ended.code, 1);
            assert!(ended.err.starts_with(complaint), "{}", ended.err);
            assert!(!ended.err.contains("s3cret") && ended.err.contains("\nhint: "));
        }
        advisor.write("advisor.toml", "");
        for args in
            [["--database-url", url, "roles", "list"], ["roles", "list", "--database-url", url]]
        {
            let ended = advisor.run(&args);
            assert_eq!(ended.code, 2, "{ended:?}");
            let told = "error: `--database-url` holds a password, which every list of processes shows\nhint: ";
            assert!(ended.err.starts_with(told) && !ended.err.contains("s3cret"), "{ended:?}");
        }
    }
    let away = ["--database-url", "postgres://ana@127.0.0.1:1/advisor", "roles", "list"];
    let told = advisor.fails(1, &away);
    assert!(told.contains("`postgres://ana@127.0.0.1:1/advisor`"), "one without is taken: {told}");
    advisor.write(
        "advisor.db",
        "this is not a database, and longer than one header of a hundred bytes is: it goes on",
    );
    let ended = advisor.run(&["roles", "list"]);
    assert!(
        ended.err.starts_with("error: cannot open the store at `DIR/advisor.db`"),
        "{}",
        ended.err
    );
}

#[test]
fn a_role_is_imported_and_comes_out_as_the_contract_prints_it() {
    let advisor = Advisor::new();
    let file = advisor.write(
        "role.json",
        r#"{"name": "platform", "mode": "monitor", "default_action": "deny",
            "rules": [{"pattern": "git *", "action": "allow"}], "mcp_rules": []}"#,
    );
    assert_eq!(advisor.json(&["roles", "import", &file])[0]["outcome"], "created");
    assert_eq!(advisor.json(&["roles", "import", &file])[0]["outcome"], "unchanged");
    insta::assert_json_snapshot!(advisor.json(&["roles", "export", "platform"]), @r#"
    {
      "default_action": "deny",
      "evaluation": "first_match",
      "matching": "expanded",
      "mcp_rules": [],
      "mode": "monitor",
      "name": "platform",
      "revision": 1,
      "risk_policy": {
        "trust_threshold": null
      },
      "rules": [
        {
          "action": "allow",
          "pattern": "git *",
          "rule_id": "r1",
          "when": {}
        }
      ]
    }
    "#);
    let text = advisor.ok(&["roles", "export", "platform"]);
    let keys = [
        "name",
        "mode",
        "default_action",
        "evaluation",
        "matching",
        "rules",
        "mcp_rules",
        "risk_policy",
        "revision",
    ];
    let places: Vec<Option<usize>> =
        keys.iter().map(|it| text.find(&format!("\n  \"{it}\":"))).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{text}");
    // What comes out goes in again.
    let exported = advisor.write("exported.json", &text);
    assert_eq!(
        advisor.json(&["roles", "edit", "platform", "--file", &exported])["outcome"],
        "unchanged"
    );
    advisor.ok(&[
        "roles",
        "edit",
        "platform",
        "--add",
        "deny",
        "git push --force*",
        "--position",
        "1",
    ]);
    assert_eq!(
        advisor.fails(1, &["roles", "edit", "platform", "--file", &exported]),
        "error: the file is of revision 1, `platform` is at 2 now"
    );
}

#[test]
fn a_bad_role_file_changes_nothing_even_where_another_is_good() {
    let advisor = Advisor::new();
    let good = advisor.write("good.json", r#"{"name": "good"}"#);
    let bad = advisor.write("bad.json", "{\"name\": \"bad\",\n\"rules\": [{\"pattern\": \"x\"}]}");
    assert_eq!(
        advisor.fails(1, &["roles", "import", &good, &bad]),
        "error: `DIR/bad.json` line 2: rules[0].action: is missing"
    );
    assert_eq!(advisor.fails(1, &["roles", "show", "good"]), "error: no role `good`");
    assert_eq!(
        advisor.fails(1, &["roles", "import", "nowhere.json"]).split(": ").nth(1),
        Some("cannot read `nowhere.json`")
    );
}

#[test]
fn roles_and_hosts_read_as_tables() {
    let advisor = Advisor::new();
    advisor.ok(&[
        "roles",
        "create",
        "platform",
        "--description",
        "=sum(A1), CI",
        "--add",
        "allow",
        "git *",
    ]);
    advisor.ok(&[
        "roles",
        "edit",
        "platform",
        "--mode",
        "enforce",
        "--add",
        "deny",
        "rm *",
        "--position",
        "1",
    ]);
    advisor.ok(&["roles", "clone", "platform", "copy"]);
    advisor.ok(&[
        "hosts",
        "assign",
        "web-1",
        "web-2",
        "--role",
        "platform",
        "--since",
        "2026-01-05T12:00:00Z",
    ]);
    insta::assert_snapshot!(advisor.ok(&["roles", "list"]), @r"
    NAME      DESCRIPTION                                        HOSTS  MODE     STATUS  RULES  REVISION
    copy      =sum(A1), CI                                       0      monitor  draft   2      1
    default   What applies to hosts without a role of their own  0      monitor  draft   0      1
    platform  =sum(A1), CI                                       2      enforce  active  2      2
    ");
    insta::assert_snapshot!(advisor.ok(&["roles", "list", "--output", "csv"]), @r#"
    name,description,hosts,mode,status,rules,revision
    copy,"'=sum(A1), CI",0,monitor,draft,2,1
    default,What applies to hosts without a role of their own,0,monitor,draft,0,1
    platform,"'=sum(A1), CI",2,enforce,active,2,2
    "#);
    insta::assert_snapshot!(advisor.ok(&["roles", "show", "platform"]), @r"
    platform, revision 2
    =sum(A1), CI
    mode enforce, default deny, evaluation first_match, matching expanded, trust threshold none

    command rules, 2
     POSITION  RULE ID  ACTION  PATTERN  WHEN
     1         r2       deny    rm *
     2         r1       allow   git *

    no MCP rules
    ");
    insta::assert_snapshot!(advisor.ok(&["hosts", "list"]), @r"
    HOSTNAME  ROLE      ASSIGNED  SINCE                 FIRST SEEN  LAST SEEN
    web-1     platform  yes       2026-01-05T12:00:00Z
    web-2     platform  yes       2026-01-05T12:00:00Z
    ");
    insta::assert_snapshot!(advisor.ok(&["variables", "list"]), @r"
    NAME  VALUE       PATTERNS                STATUS   USED BY
    env   production  ^prod-.*                builtin  0
    env   staging     ^staging-.*  ^stg-.*    builtin  0
    env   dev         ^dev-.*  ^[a-z]+-mbp.*  builtin  0
    ");
    insta::assert_snapshot!(advisor.ok(&["settings", "set", "confidence-threshold", "75%", "--role", "platform"]), @r"
    SETTING                     VALUE   FROM
    enabled                     true    organization
    analysis_schedule           weekly  organization
    minimum_observation_window  48      organization
    confidence_threshold        0.75    role
    retention_days              90      organization
    ");
}

#[test]
fn a_batch_reads_well_without_color() {
    let advisor = with_batch();
    insta::assert_snapshot!(advisor.ok(&["suggestions", "list"]), @r"
    BATCH ID      ROLE  HOSTS  CHANGES   CONFIDENCE  RISK    DATE                  STATUS
    3f2a9c0d1e2b  r     12     +2 ~1 -0  87%         medium  2026-01-05T09:00:00Z  pending
    ");
    insta::assert_snapshot!(advisor.ok(&["suggestions", "show", "3f2a"]), @r"
    3f2a9c0d1e2b4a5c for role r, made for revision 1, pending review
    +2 ~1 -0, confidence 87%, risk medium
    51,234 events of 310 sessions on 12 hosts in 168 hours, 2025-12-29T09:00:00Z to 2026-01-05T09:00:00Z

     N  KIND  ACTION  PATTERN                     CONFIDENCE  RISK    EVENTS  SESSIONS  STATE
     1  +     deny    git push --force*           90%         medium  812     201       pending
     2  ~     allow   kubectl * -> kubectl get *  90%         medium  812     201       pending
     3  +     allow   ls                          90%         medium  812     201       pending
    ");
    insta::assert_snapshot!(advisor.ok(&["suggestions", "diff", "3f2a"]), @r"
    3f2a9c0d1e2b4a5c for role r, made for revision 1, pending review
    +2 ~1 -0, confidence 87%, risk medium
    51,234 events of 310 sessions on 12 hosts in 168 hours, 2025-12-29T09:00:00Z to 2026-01-05T09:00:00Z

    +   1 add, confidence 90%, risk medium, pending
          + deny             git push --force*
          Seen 812 times in 201 sessions on 9 hosts.
          If wrong: Work stops until the rule is put back.
          ATT&CK: T1485

    ~   2 modify, confidence 90%, risk medium, pending
          - allow            kubectl *
          ~ allow            kubectl get *
          Seen 812 times in 201 sessions on 9 hosts.
          If wrong: Work stops until the rule is put back.
          ATT&CK: T1485

    +   3 add, confidence 90%, risk medium, pending
          + allow            ls
          Seen 812 times in 201 sessions on 9 hosts.
          If wrong: Work stops until the rule is put back.
          ATT&CK: T1485
          Requires change 1.

    decide: advisor review accept|reject|modify 3f2a9c0d1e2b4a5c [--change N]
    then:   advisor review apply 3f2a9c0d1e2b4a5c
    ");
    let json = advisor.json(&["suggestions", "show", "3f2a9c0d1e2b4a5c"]);
    let expected = serde_json::to_value(batch("3f2a9c0d1e2b4a5c", "r", 1)).unwrap();
    assert_eq!(json, expected);
    assert_eq!(advisor.json(&["suggestions", "diff", "3f2a"]), expected);
}

#[test]
fn a_review_by_hand() {
    let advisor = with_batch();
    assert_eq!(
        advisor.fails(1, &["review", "apply", "3f2a"]),
        "error: no change of batch `3f2a9c0d1e2b4a5c` is accepted"
    );
    insta::assert_snapshot!(advisor.ok(&["review", "accept", "3f2a", "--change", "3"]), @r"
    accepted: change 3
    accepted: change 1, change 3 requires it
    2 of 3 changes go in, 1 not decided
    next: advisor review apply 3f2a9c0d1e2b4a5c
    ");
    insta::assert_snapshot!(advisor.ok(&["review", "modify", "3f2a", "--change", "2", "--pattern", "kubectl get pods *"]), @r"
    modified: change 2
    3 of 3 changes go in, 0 not decided
    next: advisor review apply 3f2a9c0d1e2b4a5c
    ");
    insta::assert_snapshot!(advisor.ok(&["review", "reject", "3f2a", "--change", "1", "--reason", "we do force"]), @r"
    rejected: change 1
    rejected: change 3, it requires change 1, which is rejected
    1 of 3 changes go in, 0 not decided
    next: advisor review apply 3f2a9c0d1e2b4a5c
    ");
    assert_eq!(
        advisor.fails(1, &["review", "accept", "3f2a", "--change", "3"]),
        "error: change 3 requires change 1, which is rejected"
    );
    assert_eq!(
        advisor.fails(1, &["review", "accept", "3f2a", "--change", "4"]),
        "error: batch `3f2a9c0d1e2b4a5c` has no change 4, they are 1 to 3"
    );
    insta::assert_snapshot!(advisor.ok(&["suggestions", "diff", "3f2a"]), @r"
    3f2a9c0d1e2b4a5c for role r, made for revision 1, pending review
    +2 ~1 -0, confidence 87%, risk medium
    51,234 events of 310 sessions on 12 hosts in 168 hours, 2025-12-29T09:00:00Z to 2026-01-05T09:00:00Z

    +   1 add, confidence 90%, risk medium, rejected
          + deny             git push --force*
          Seen 812 times in 201 sessions on 9 hosts.
          If wrong: Work stops until the rule is put back.
          ATT&CK: T1485

    ~   2 modify, confidence 90%, risk medium, modified
          - allow            kubectl *
          ~ allow            kubectl get *
          the reviewer's instead:
          ~ allow            kubectl get pods *
          Seen 812 times in 201 sessions on 9 hosts.
          If wrong: Work stops until the rule is put back.
          ATT&CK: T1485

    +   3 add, confidence 90%, risk medium, rejected
          + allow            ls
          Seen 812 times in 201 sessions on 9 hosts.
          If wrong: Work stops until the rule is put back.
          ATT&CK: T1485
          Requires change 1.

    decide: advisor review accept|reject|modify 3f2a9c0d1e2b4a5c [--change N]
    then:   advisor review apply 3f2a9c0d1e2b4a5c
    ");
    insta::assert_snapshot!(advisor.ok(&["review", "apply", "3f2a"]), @"applied 1 of 3 changes; `r` is at revision 2 with 2 rules now");
    assert_eq!(
        advisor.json(&["roles", "export", "r"])["rules"][1]["pattern"],
        "kubectl get pods *"
    );
    assert_eq!(advisor.json(&["suggestions", "list"])[0]["status"], "partially_applied");
    assert_eq!(
        advisor.fails(1, &["review", "dismiss", "3f2a", "--reason", "late"]),
        "error: batch `3f2a9c0d1e2b4a5c` is partially_applied, its review is over"
    );
    assert_eq!(
        advisor.fails(2, &["review", "dismiss", "3f2a"]),
        "error: the following required arguments were not provided:"
    );
    insta::assert_snapshot!(advisor.ok(&["roles", "rollback", "r", "1"]), @"`r` is at revision 3 with 2 rules now");
}

#[test]
fn the_way_of_the_scoring_script_works() {
    let advisor = with_batch();
    advisor.ok(&["review", "accept", "3f2a9c0d1e2b4a5c"]);
    advisor.ok(&["review", "apply", "3f2a9c0d1e2b4a5c"]);
    let role = advisor.json(&["roles", "export", "r"]);
    assert_eq!(role["rules"].as_array().unwrap().len(), 4);
    assert_eq!(role["revision"], 2);
}

#[test]
fn foreign_text_cannot_reach_the_terminal() {
    let advisor = Advisor::new();
    let file = advisor.write(
        "role.json",
        r#"{"name": "r", "description": "\u001b[2J\u202egpj", "rules": [{"pattern": "ls \u001b[31m*", "action": "allow"}]}"#,
    );
    advisor.ok(&["roles", "import", &file]);
    for args in [["roles", "list"], ["roles", "show"], ["roles", "history"]] {
        let args = if args[1] == "list" { args.to_vec() } else { [&args[..], &["r"]].concat() };
        assert!(!advisor.ok(&args).chars().any(|ch| ch.is_control() && ch != '\n'));
    }
    assert_eq!(advisor.json(&["roles", "export", "r"])["rules"][0]["pattern"], "ls \u{1b}[31m*");
}

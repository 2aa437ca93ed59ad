//! The policy engine: how fast it decides and proves, and its laws at length.
//!
//! `cargo bench --bench policy` does all of it; `-- speed`, `-- laws` and `-- evasions [EVENTS]...` do a
//! part. With files of events, closures are made for that activity, and nothing else of it is stopped.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark fails loudly, prints, and reads the clock"
)]

use std::{collections::BTreeMap, env, path::Path, time::Instant};

use policy_advisor::{
    clock,
    commands::{canonical, quote, split},
    events::EventType,
    inputs::{Format, each_event},
    policy::{
        Engine, Evaluation, Role, Rule, RuleAction, Subject, model,
        proof::{self, LineKind, MAX_STATES, Verifier},
    },
    risk::acts::{Act, Benign, Closed, acts, closure},
};

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.split_first() {
        Some((what, _)) if what == "speed" => speed(),
        Some((what, _)) if what == "laws" => laws(),
        Some((what, files)) if what == "evasions" => evasions(files),
        _ => {
            speed();
            laws();
            evasions(&[]);
        }
    }
}

/// The generator xorshift64* of Vigna, 2014.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.next(from.len())]
    }

    fn text(&mut self, alphabet: &[char], max_chars: usize) -> String {
        let n = self.next(max_chars + 1);
        (0..n).map(|_| *self.pick(alphabet)).collect()
    }
}

const BINARIES: &[&str] = &[
    "git",
    "cargo",
    "npm",
    "go",
    "kubectl",
    "docker",
    "aws",
    "terraform",
    "ls",
    "cat",
    "sed",
    "grep",
    "rg",
    "find",
    "make",
    "python3",
    "node",
    "pytest",
    "curl",
    "gh",
    "jq",
    "mkdir",
    "cp",
    "mv",
    "touch",
    "head",
    "tail",
    "wc",
    "sort",
    "helm",
];

const SUBCOMMANDS: &[&str] = &[
    "status", "log", "diff", "add", "commit", "push", "fetch", "build", "test", "run", "install",
    "get", "describe", "apply", "plan", "list", "show", "exec", "ps", "images", "fmt", "clippy",
    "lint", "check", "view",
];

/// A role as analysis writes one: denies with stars on both sides in front, narrow allows behind.
fn large_role(random: &mut Random, n_rules: usize) -> Role {
    let mut role = Role::new("large");
    for act in acts() {
        for line in act.hits.iter().take(2) {
            let words: Vec<&str> = line.split(' ').collect();
            let pattern = match words.as_slice() {
                [name, .., last] if words.len() > 2 => format!("{name} *{last}*"),
                _ => format!("{line} *"),
            };
            role.rules.push(Rule::new(&pattern.replace("**", "*"), RuleAction::Deny));
        }
    }
    for secret in ["*/.ssh/id_*", "*/.aws/*", "* .env*", "*/etc/shadow*", "*/.gnupg/*"] {
        role.rules.push(Rule::new(secret, RuleAction::Deny));
    }
    role.rules.truncate(n_rules / 2);
    while role.rules.len() < n_rules {
        let (binary, subcommand) = (*random.pick(BINARIES), *random.pick(SUBCOMMANDS));
        let option = *random.pick(&["", " --all", " -v", " origin", " x"]);
        let pattern = format!("{binary} {subcommand}{option} *");
        if !role.rules.iter().any(|it| it.pattern == pattern) {
            role.rules.push(Rule::new(&pattern, RuleAction::Allow));
        }
    }
    role
}

fn speed() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let role = large_role(&mut random, 200);
    let words = [
        "-v",
        "--all",
        "src/main.rs",
        "origin",
        "'fix it'",
        "/tmp/build/x.log",
        "-C",
        "--output=json",
    ];
    let lines: Vec<String> = (0..100_000)
        .map(|_| {
            let mut line = format!("{} {}", random.pick(BINARIES), random.pick(SUBCOMMANDS));
            for _ in 0..random.next(6) {
                line = format!("{line} {}{}", random.pick(&words), random.next(1_000));
            }
            line
        })
        .collect();
    let engine = Engine::new(&role, &BTreeMap::new());
    let n_bytes: usize = lines.iter().map(String::len).sum();
    for round in ["cold", "warm", "warm"] {
        let began = Instant::now();
        let n_allowed = lines.iter().filter(|line| engine.decide_line(line).0.passes()).count();
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "decide, {round}: {:.1} million decisions/s, {} rules, {} bytes a line, {n_allowed} allowed",
            lines.len() as f64 / seconds / 1e6,
            role.rules.len(),
            n_bytes / lines.len()
        );
    }
    let mut edited = role.clone();
    for at in (0..edited.rules.len()).step_by(10) {
        edited.rules[at].action = RuleAction::RequireApproval;
    }
    edited.rules.swap(3, 150);
    for (name, other) in [("edited", edited), ("another", large_role(&mut Random(7), 200))] {
        let began = Instant::now();
        let found = proof::diff(&role, &other, &BTreeMap::new(), MAX_STATES);
        println!(
            "diff with {name}: {:.2} s, {} changes, {} not decided",
            began.elapsed().as_secs_f64(),
            found.changes.len(),
            found.undecided.len()
        );
    }
    let began = Instant::now();
    let verifier = Verifier::new(&role, &BTreeMap::new(), MAX_STATES);
    let found: Vec<_> = acts().iter().map(|act| verifier.openings(act.plain())).collect();
    println!(
        "verify {} acts: {:.2} s, languages included; {} open, {} not decided",
        found.len(),
        began.elapsed().as_secs_f64(),
        found.iter().filter(|it| !it.open.is_empty()).count(),
        found.iter().filter(|it| !it.undecided.is_empty()).count()
    );
}

fn random_role(random: &mut Random, alphabet: &[char], max_rules: usize, max_chars: usize) -> Role {
    let mut role = Role::new("r");
    role.default_action = *random.pick(RuleAction::ALL);
    role.evaluation = *random.pick(Evaluation::ALL);
    for _ in 0..random.next(max_rules + 1) {
        let pattern = random.text(alphabet, max_chars);
        let action = *random.pick(RuleAction::ALL);
        role.rules.push(Rule::new(&pattern, action));
    }
    role
}

fn laws() {
    let mut random = Random(42);
    let began = Instant::now();
    let (pattern_alphabet, line_alphabet) =
        (['a', 'b', ' ', '*', '*', '\\'], ['a', 'b', ' ', '*', '\\', 'é']);
    let mut n_pairs = 0_u64;
    while n_pairs < 10_000_000 {
        let role = random_role(&mut random, &pattern_alphabet, 8, 7);
        let engine = Engine::new(&role, &BTreeMap::new());
        for _ in 0..100 {
            let line = random.text(&line_alphabet, 9);
            let (action, rule) = engine.decide_line(&line);
            let place =
                rule.and_then(|rule| role.rules.iter().position(|it| std::ptr::eq(it, rule)));
            assert_eq!((action, place), model::decide(&role, &line), "{line:?} by {role:?}");
            n_pairs += 1;
        }
    }
    println!("decisions: {n_pairs} as the model has them, {:.0} s", began.elapsed().as_secs_f64());

    let began = Instant::now();
    let commands = &proof::lines().commands;
    let lines: Vec<String> = model::lines(&['a', 'b', 'c', ' ', '\''], 5)
        .into_iter()
        .filter(|line| commands.contains(line))
        .collect();
    let alphabet = ['a', 'b', ' ', '*', '*'];
    let (mut n_changes, mut n_proofs) = (0_u64, 0_u64);
    for _ in 0..100_000 {
        let old = random_role(&mut random, &alphabet, 4, 5);
        let new = random_role(&mut random, &alphabet, 4, 5);
        let found = proof::diff(&old, &new, &BTreeMap::new(), MAX_STATES);
        assert_eq!(found.undecided, []);
        let place = |it: Option<usize>| it.map(|it| it + 1);
        let mut want: BTreeMap<_, _> = model::changes(&old, &new, &lines)
            .into_iter()
            .map(|((old, new), line)| ((place(old), place(new)), line))
            .collect();
        n_proofs += u64::from(found.changes.is_empty());
        for it in found.changes.iter().filter(|it| it.kind == LineKind::Command) {
            n_changes += 1;
            let pair = (it.old.position, it.new.position);
            match want.remove(&pair) {
                Some(line) => assert_eq!(line.len(), it.witness.len(), "{old:?} {new:?}"),
                None => assert!(it.witness.len() > 5, "{old:?} {new:?} {}", it.witness),
            }
            let argv = split(&it.witness).unwrap();
            for (role, action) in [(&old, it.old.action), (&new, it.new.action)] {
                let engine = Engine::new(role, &BTreeMap::new());
                assert_eq!(engine.decide(&Subject::Command(&argv)).decision, action);
            }
        }
        assert!(want.is_empty(), "{old:?} {new:?} {want:?}");
        let passing = lines.iter().find(|line| model::decide(&old, line).0.passes());
        let open = Verifier::new(&old, &BTreeMap::new(), MAX_STATES).openings(commands).open;
        match (passing, open.first()) {
            (Some(line), Some(found)) => assert_eq!(line.len(), found.witness.len(), "{old:?}"),
            (None, found) => assert!(found.is_none_or(|it| it.witness.len() > 5), "{old:?}"),
            (Some(line), None) => assert!(line.is_empty(), "{line} {old:?}"),
        }
    }
    println!(
        "differences: 100000 pairs of roles as enumeration has them, {n_changes} changes, {n_proofs} pairs alike, {:.0} s",
        began.elapsed().as_secs_f64()
    );
}

/// An act's id, how its command begins, and groups of alternatives for what follows.
type Spelled = (&'static str, &'static [&'static str], &'static [&'static [&'static str]]);

/// Twenty acts as people spell them: the binary, then groups of alternatives; the groups stand in
/// every order but for those of the subcommand, which stay in front.
const SPELLED: &[Spelled] = &[
    (
        "git.force-push",
        &["git push", "git -C d push", "git -c a=b --no-pager push"],
        &[
            &[
                "-f",
                "--force",
                "-uf",
                "-fu",
                "-vqf",
                "+main",
                "-- +main",
                "--mirror",
                "--force=true",
            ],
            &["origin", "origin main", ""],
        ],
    ),
    (
        "git.delete-remote",
        &["git push", "git --git-dir x push"],
        &[&["-d", "--delete", "--delet", ":x"], &["origin", "origin x"]],
    ),
    (
        "git.rewrite",
        &[
            "git filter-branch",
            "git -C d filter-branch",
            "git reflog expire",
            "git update-ref -d",
            "git -C d update-ref -d",
            "git gc --prune=now",
        ],
        &[&["", "--all", "x"], &["", "HEAD"]],
    ),
    (
        "git.discard",
        &[
            "git reset --hard",
            "git -C d reset --hard",
            "git clean -fd",
            "git clean -d -f",
            "git clean -xdf",
            "git checkout -f",
            "git checkout -- x",
            "git stash drop",
            "git -C d stash clear",
        ],
        &[&["", "-q"], &["", "x"]],
    ),
    (
        "git.delete-branch",
        &["git branch", "git -C d branch"],
        &[&["-D", "-qD", "-df", "-fd", "-d -f", "--delete --force"], &["x", "x y"]],
    ),
    (
        "files.delete-outside",
        &["rm"],
        &[
            &["-rf", "-fr", "-Rf", "-r -f", "-f -R", "--recursive --force", "--rec -f", "-rvf"],
            &["/etc", "/usr/lib", "/", "-- /opt", "..", "/var/lib/x"],
        ],
    ),
    (
        "disks.wipe",
        &["dd", "mkfs.ext4", "wipefs", "shred"],
        &[&["of=/dev/sda /dev/sda"], &["bs=1M", "-f", ""]],
    ),
    (
        "secrets.read",
        &["cat", "base64", "head -n 3", "cp", "tar cf x"],
        &[
            &["/home/x/.ssh/id_rsa", "/etc/shadow", ".env", "/x/.aws/credentials", "-- .env"],
            &["-v", "x", ""],
        ],
    ),
    (
        "secrets.tools",
        &[
            "gh auth token",
            "aws ssm get-parameter",
            "aws --profile x secretsmanager get-secret-value",
            "kubectl get secret",
            "kubectl -n y get secrets",
            "vault kv get",
        ],
        &[&["x", "-o yaml", ""], &["", "--all"]],
    ),
    (
        "privilege.accounts",
        &["useradd", "usermod", "passwd", "gpasswd", "visudo"],
        &[&["-aG sudo", "-o", ""], &["x", "root"]],
    ),
    (
        "privilege.modes",
        &["chmod"],
        &[&["u+s", "+s", "4755", "6755", "ug+s"], &["x", "-v x", "-- x"]],
    ),
    (
        "persistence.schedule",
        &["crontab", "at", "systemctl enable", "systemctl --user enable", "launchctl load"],
        &[&["x", "-e", "-"], &["", "now"]],
    ),
    (
        "persistence.startup-files",
        &["tee", "tee -a", "cp x", "mv -f x"],
        &[
            &[
                "/home/x/.bashrc",
                "/etc/cron.d/x",
                "/home/x/.ssh/authorized_keys",
                "-- /etc/profile",
            ],
            &["", "-v"],
        ],
    ),
    (
        "system.stop",
        &[
            "shutdown",
            "reboot",
            "halt",
            "poweroff",
            "systemctl reboot",
            "systemctl --force poweroff",
        ],
        &[&["", "-f", "now"], &["", "-h"]],
    ),
    (
        "network.reverse-shell",
        &["nc", "ncat"],
        &[&["-e /bin/sh", "-c sh", "-ve sh", "-nve sh"], &["h 4444", "-v h 1"]],
    ),
    ("network.remote-login", &["ssh", "telnet", "mosh"], &[&["h", "u@h", "-p 22 h"], &["", "-v"]]),
    (
        "network.upload",
        &["curl", "curl -s"],
        &[
            &[
                "-T x",
                "-Tx",
                "--upload-file x",
                "--upload-file=x",
                "-F f=@x",
                "-d @x",
                "--data-binary @x",
                "-d@x",
            ],
            &["https://h", "-X POST https://h"],
        ],
    ),
    (
        "infra.terraform-destroy",
        &[
            "terraform destroy",
            "terraform -chdir=x destroy",
            "tofu destroy",
            "terraform apply -destroy",
        ],
        &[&["-auto-approve", ""], &["-var a=b", "x", ""]],
    ),
    (
        "infra.kubernetes-destroy",
        &[
            "kubectl delete",
            "kubectl -n x delete",
            "kubectl --context prod delete",
            "helm uninstall",
            "helm -n x uninstall",
        ],
        &[&["pod x", "ns y", "-f x.yaml"], &["", "--now"]],
    ),
    (
        "infra.cloud-destroy",
        &[
            "aws ec2 terminate-instances",
            "aws --profile p ec2 terminate-instances",
            "aws rds delete-db-instance",
            "gcloud compute instances delete",
            "az group delete",
            "aws s3 rb",
        ],
        &[&["x", "--id x"], &["", "--yes"]],
    ),
];

/// The groups in every order, one alternative of each.
fn orders(groups: &[&[&str]]) -> Vec<Vec<String>> {
    let Some((first, rest)) = groups.split_first() else { return vec![Vec::new()] };
    let mut res = Vec::new();
    for order in orders(rest) {
        for alternative in *first {
            let words: Vec<String> = alternative.split_whitespace().map(str::to_owned).collect();
            res.push([words.clone(), order.clone()].concat());
            // Behind a `--` there are only operands.
            if !words.contains(&"--".to_owned()) && !order.contains(&"--".to_owned()) {
                res.push([order.clone(), words].concat());
            }
        }
    }
    res.sort();
    res.dedup();
    res
}

/// The same command behind wrappers, in scripts, under other names.
fn disguised(argv: &[String]) -> Vec<Vec<String>> {
    let words = |texts: &[&str]| texts.iter().map(|&it| it.to_owned()).collect::<Vec<String>>();
    let script = canonical(argv);
    let quoted: Vec<String> =
        argv.iter().map(|it| format!("\"{}\"", it.replace('$', "\\$"))).collect();
    let mut res = vec![argv.to_vec()];
    let mut absolute = argv.to_vec();
    absolute[0] = format!("/usr/bin/{}", absolute[0]);
    res.push(absolute);
    for wrapper in [
        &["sudo"][..],
        &["env"],
        &["env", "A=b"],
        &["timeout", "5"],
        &["nice", "-n", "5"],
        &["nohup"],
        &["command"],
        &["sudo", "-u", "x", "env", "-i"],
        &["stdbuf", "-oL"],
        &["xargs"],
        &["time"],
        &["setsid"],
    ] {
        res.push([words(wrapper), argv.to_vec()].concat());
    }
    let (head, tail) = argv[0].split_at(1);
    let rest = canonical(argv).split_once(' ').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    for text in [
        script.clone(),
        format!("cd /x && {script}"),
        format!("true; {script} | cat"),
        format!("({script}) &"),
        format!("echo $({script})"),
        format!("if true; then {script}; fi"),
        format!("for i in 1; do {script}; done"),
        format!("f() {{ {script}; }}; f"),
        format!("X={}; $X {rest}", quote(&argv[0])),
        format!("{head}''{tail} {rest}"),
        format!("\\{script}"),
        quoted.join(" "),
        format!("eval {}", quote(&script)),
        format!("sh -c {}", quote(&script)),
        format!("bash -c {}", quote(&format!("env sh -c {}", quote(&script)))),
        format!("bash <<'E'\n{script}\nE\n"),
    ] {
        res.push(words(&["bash", "-lc", &text]));
    }
    res
}

fn evasions(files: &[String]) {
    let began = Instant::now();
    let mut events: Vec<Vec<String>> = Vec::new();
    for file in files {
        each_event(Path::new(file), Format::default_format(), clock::now(), |event| {
            if event.event_type == EventType::CommandExecution {
                events.push(event.argv);
            }
        })
        .unwrap();
    }
    let activity = events.iter().flat_map(|argv| proof::tried_lines(argv));
    let benign = Benign::new(activity);
    let (mut n_variants, mut n_patterns, mut n_stopped, mut n_wrong) = (0_u64, 0, 0, 0);
    for (id, heads, groups) in SPELLED {
        let act: &Act = acts().iter().find(|act| act.id == *id).unwrap();
        let found = closure(act, &[], &benign, MAX_STATES);
        println!(
            "{id}: {} patterns, {:.1} s so far",
            found.patterns.len(),
            began.elapsed().as_secs_f64()
        );
        assert_eq!(found.closed, Closed::Proved, "{id}: {:?}", found.patterns);
        n_patterns += found.patterns.len();
        let mut role = Role::new("closed");
        role.default_action = RuleAction::Allow;
        role.rules = found.patterns.iter().map(|it| Rule::new(it, RuleAction::Deny)).collect();
        let engine = Engine::new(&role, &BTreeMap::new());
        for head in *heads {
            for order in orders(groups) {
                let argv = [head.split(' ').map(str::to_owned).collect(), order].concat();
                assert!(act.language().contains(&canonical(&argv)), "{id}: {argv:?}");
                for variant in disguised(&argv) {
                    let decision = engine.decide(&Subject::Command(&variant)).decision;
                    assert!(decision.is_stop(), "{id}: {variant:?} is {decision}");
                    n_variants += 1;
                }
            }
        }
        for argv in &events {
            if engine.decide(&Subject::Command(argv)).decision.is_stop() {
                n_stopped += 1;
                let does = |line: &String| act.language().contains(line);
                if !proof::tried_lines(argv).iter().any(does) {
                    n_wrong += 1;
                    println!("{id} stops {argv:?}");
                }
            }
        }
    }
    println!(
        "evasions: {n_variants} variants of {} acts stopped by {n_patterns} patterns; of {} events {n_stopped} stopped, {n_wrong} of them something else; {:.0} s",
        SPELLED.len(),
        events.len(),
        began.elapsed().as_secs_f64()
    );
    assert_eq!(n_wrong, 0);
    // Every other act can be closed, too.
    for act in acts().iter().filter(|it| it.is_closable) {
        let found = closure(act, &[], &Benign::new([]), MAX_STATES);
        assert_eq!(found.closed, Closed::Proved, "{}", act.id);
    }
}

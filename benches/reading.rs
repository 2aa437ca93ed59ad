//! How fast commands are read: redaction, expansion, subcommands, types and effects together, on one
//! core.
//!
//! `cargo bench --bench reading -- EVENTS.ndjson.gz` reads the events of a file, repeated to a million
//! (each distinct action is read once, as an analysis does), then made distinct one by one. Without a
//! file a few common lines stand in.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::cast_precision_loss,
    reason = "a benchmark fails loudly, prints, and reads the clock"
)]

use std::{
    collections::HashMap,
    env,
    fmt::Write as _,
    fs::File,
    hint::black_box,
    io::{BufRead, BufReader, Read},
    path::Path,
    sync::Arc,
    time::Instant,
};

use policy_advisor::{
    clusters::observe,
    commands::{self, grammar::Learned},
    events::{self, Outcome, Tally, Timestamp, Unit, redact_argv},
    risk, shapes,
};
use serde_json::Value;

/// Events of the repeated run.
const N_REPEATED: usize = 1_000_000;

/// Events of the distinct run.
const N_DISTINCT: usize = 200_000;

/// Distinct actions of the run that an analysis begins with.
const N_OBSERVED: usize = 139_000;

/// An argument vector and its working directory.
type Action = (Vec<String>, Option<String>);

fn main() {
    let path = env::args().skip(1).find(|arg| arg != "--bench");
    let actions = path.map_or_else(common, |path| from_file(Path::new(&path)));
    println!("{} actions", actions.len());
    let learned = learned(&actions);
    report("repeated", N_REPEATED, || repeated(&actions, &learned));
    report("distinct", N_DISTINCT, || distinct(&actions, &learned));
    black_box(observed(&actions));
    for (name, step) in STEPS {
        let began = Instant::now();
        let mut n_done = 0_usize;
        while n_done < 20_000 {
            for action in &actions {
                step(action, &learned);
            }
            n_done += actions.len();
        }
        let micros = began.elapsed().as_secs_f64() * 1e6 / n_done as f64;
        println!("  {name}: {micros:.2} us an event");
    }
}

fn report(name: &str, n_events: usize, run: impl FnOnce() -> usize) {
    let began = Instant::now();
    let n_commands = run();
    let seconds = began.elapsed().as_secs_f64();
    let rate = n_events as f64 / seconds;
    println!(
        "{name}: {n_events} events in {seconds:.2} s, {rate:.0} events/s, {n_commands} commands read"
    );
}

/// Every event is redacted; what was not seen before is read.
fn repeated(actions: &[Action], learned: &Learned) -> usize {
    let mut seen: HashMap<Action, usize> = HashMap::new();
    let mut n_commands = 0;
    for (argv, cwd) in actions.iter().cycle().take(N_REPEATED) {
        let (argv, _) = redact_argv(argv.clone());
        let action = (argv, cwd.clone());
        if let Some(count) = seen.get_mut(&action) {
            *count += 1;
            continue;
        }
        n_commands += read(&action, learned);
        seen.insert(action, 1);
    }
    n_commands
}

/// No event is like another.
fn distinct(actions: &[Action], learned: &Learned) -> usize {
    let mut n_commands = 0;
    for (idx, action) in actions.iter().cycle().take(N_DISTINCT).enumerate() {
        let (argv, cwd) = numbered(action, idx);
        let (argv, _) = redact_argv(argv);
        n_commands += read(&(argv, cwd), learned);
    }
    n_commands
}

/// The same action with a number at the end of its last word.
fn numbered((argv, cwd): &Action, idx: usize) -> Action {
    let mut argv = argv.clone();
    let last = argv.last_mut().unwrap();
    let is_word = last.ends_with(|ch: char| ch.is_ascii_alphanumeric());
    write!(last, "{}{idx}", if is_word { "" } else { " # " }).unwrap();
    (argv, cwd.clone())
}

/// What an analysis does first, over distinct actions in sessions of sixty.
fn observed(actions: &[Action]) -> usize {
    let tally = |idx: usize, action: &Action| {
        let (argv, cwd) = numbered(action, idx);
        let at = Timestamp(1_767_225_600_000_000 + i64::try_from(idx).unwrap() * 1_000_000);
        Tally {
            action: Arc::new(events::Action::Command { argv, cwd }),
            unit: Unit {
                hostname: format!("h{}", idx / 60 % 50).into(),
                session_id: format!("s{}", idx / 60).into(),
                day: at.day(),
            },
            outcome: Outcome::Allowed,
            n_events: 1,
            first: at,
            last: at,
            event_id: "e".into(),
        }
    };
    let actions = actions.iter().cycle().take(N_OBSERVED).enumerate();
    let mut tallies: Vec<Tally> = actions.map(|(idx, action)| tally(idx, action)).collect();
    tallies.sort_unstable();
    let began = Instant::now();
    let observation = observe(&tallies);
    let seconds = began.elapsed().as_secs_f64();
    println!("observed: {N_OBSERVED} distinct actions in {seconds:.2} s");
    observation.uses.len()
}

/// Reads one action to the end: its commands, each with its shape and effects.
fn read((argv, cwd): &Action, learned: &Learned) -> usize {
    let reading = commands::read(argv);
    for command in &reading.commands {
        let shape = shapes::shape(&command.argv, cwd.as_deref(), learned);
        let effects = risk::effects(command, &shape.subcommand);
        black_box((shape, effects));
    }
    reading.commands.len()
}

/// A part of the work, for one action.
type Step = fn(&Action, &Learned);

/// What the time goes into.
const STEPS: &[(&str, Step)] = &[
    ("redaction", |(argv, _), _| {
        black_box(redact_argv(argv.clone()));
    }),
    ("expansion", |(argv, _), _| {
        black_box(commands::read(argv));
    }),
    ("expansion and parsing", |(argv, _), learned| {
        for command in commands::read(argv).commands {
            black_box(commands::grammar::parse_with(&command.argv, learned));
        }
    }),
    ("expansion and shapes", |(argv, cwd), learned| {
        for command in commands::read(argv).commands {
            black_box(shapes::shape(&command.argv, cwd.as_deref(), learned));
        }
    }),
    ("all but redaction", |action, learned| {
        black_box(read(action, learned));
    }),
];

fn learned(actions: &[Action]) -> Learned {
    let read = actions.iter().flat_map(|(argv, _)| commands::read(argv).commands);
    let vectors: Vec<Vec<String>> = read.map(|it| it.argv).collect();
    Learned::new(vectors.iter().map(Vec::as_slice))
}

/// The commands of a file of events, plain or packed with gzip.
fn from_file(path: &Path) -> Vec<Action> {
    let file = File::open(path).unwrap();
    let is_packed = path.extension().is_some_and(|it| it == "gz");
    let reader: Box<dyn Read> =
        if is_packed { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut actions = Vec::new();
    for line in BufReader::new(reader).lines() {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let words = event.get("argv").and_then(Value::as_array);
        let argv: Vec<String> = words.into_iter().flatten().map(text).collect();
        if !argv.is_empty() {
            actions.push((argv, event.get("cwd").map(text)));
        }
    }
    actions
}

/// What agents do all day.
fn common() -> Vec<Action> {
    let lines = [
        "git status --short",
        "cd services/api && npm run lint && npm test -- --watch=false",
        "cargo test --workspace --no-fail-fast 2>&1 | tail -n 40",
        "rg -n 'fn main' src | head -20",
        "kubectl -n staging get pods -o wide",
        "git add -A && git commit -m \"$(cat <<'EOF'\nFix the parser\n\nIt was wrong.\nEOF\n)\"",
        "for f in a b c; do sed -n 1,200p internal/$f.go; done",
        "python3 - <<'EOF'\nimport json\nprint(json.load(open('x.json')))\nEOF",
    ];
    let action = |line: &&str| {
        let argv = ["bash", "-lc", line].map(str::to_owned).to_vec();
        (argv, Some("/home/dev/work/project".to_owned()))
    };
    lines.iter().map(action).collect()
}

//! Hostile inputs, for as long as one likes: no panic, and no event takes longer than 50 ms.
//!
//! `cargo bench --bench fuzz -- SECONDS [SEED] [EVENTS.ndjson.gz...]` reads what a generator makes of the
//! commands in the files, then every event of the files as it is. Ends with an error where a law is
//! broken, and prints what broke it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::exit,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark fails loudly, prints, and reads the clock"
)]

#[path = "../tests/mutate.rs"]
mod mutate;

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io::{BufRead, BufReader},
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use mutate::{Mutator, corpus, slow_once};
use policy_advisor::{
    commands::{self, grammar::Learned, split},
    events::{redact_argv, visible},
    policy::{Engine, Subject},
    risk, shapes,
};

/// No event may take longer.
const MOST: Duration = Duration::from_millis(50);

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let mut args = args.iter();
    let seconds: u64 = args.next().map_or(10, |it| it.parse().unwrap());
    let seed: u64 = args.next().map_or(1, |it| it.parse().unwrap());
    let real: Vec<Vec<String>> = args.flat_map(|path| vectors(path)).collect();
    let scripts = real.iter().filter_map(|argv| argv.last().cloned());
    let corpus: Vec<String> = scripts.chain(corpus()).collect();
    let role = risk::builtin_role();
    let engine = Engine::new(&role, &BTreeMap::new());
    panic::set_hook(Box::new(|_| ()));
    let at_work = AtWork::default();
    watch(Arc::clone(&at_work));
    let learned = Learned::default();
    let mut run =
        Run { engine, learned, at_work, slowest: Duration::ZERO, slow: String::new(), n_broken: 0 };
    for argv in slow_once().iter().chain(&real) {
        run.event(argv);
    }
    println!("{} events as they are: slowest {:?}", real.len(), run.slowest);
    run.slowest = Duration::ZERO;
    let mut mutator = Mutator::new(seed, corpus);
    let began = Instant::now();
    let mut n_inputs = 0_u64;
    while began.elapsed().as_secs() < seconds {
        let argv = mutator.argv();
        run.event(&argv);
        n_inputs += 1;
        if n_inputs.is_multiple_of(1_000_000) {
            println!("{n_inputs} inputs in {:?}: slowest {:?}", began.elapsed(), run.slowest);
        }
    }
    println!(
        "{n_inputs} inputs of seed {seed} in {:?}: slowest {:?}, {:?}",
        began.elapsed(),
        run.slowest,
        run.slow
    );
    if run.n_broken > 0 {
        println!("{} broken", run.n_broken);
        std::process::exit(1);
    }
}

/// The argument vectors of a packed file of events.
fn vectors(path: &str) -> Vec<Vec<String>> {
    let lines =
        BufReader::new(flate2::read::MultiGzDecoder::new(File::open(path).unwrap())).lines();
    let vectors = lines.map(|line| {
        let event: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let words = event.get("argv").and_then(|it| it.as_array()).cloned().unwrap_or_default();
        words.iter().filter_map(|it| it.as_str().map(ToOwned::to_owned)).collect::<Vec<_>>()
    });
    vectors.filter(|argv| !argv.is_empty()).collect()
}

/// What is being read, and since when.
type AtWork = Arc<Mutex<Option<(Instant, Vec<String>)>>>;

/// Ends the program where an input takes so long that it may never end.
fn watch(at_work: AtWork) {
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(1));
            if let Some((since, argv)) = &*at_work.lock().unwrap()
                && since.elapsed() > Duration::from_secs(10)
            {
                println!("does not end: {argv:?}");
                std::process::exit(1);
            }
        }
    });
}

/// How long this thread has been on a core, where the system tells: what waits for others who use the
/// machine is not slow. Linux counts it at every tick, so it may be off by 4 ms.
fn time_on_core() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

struct Run<'a> {
    engine: Engine<'a>,
    learned: Learned,
    at_work: AtWork,
    slowest: Duration,
    /// What took longest, its beginning.
    slow: String,
    n_broken: u64,
}

impl Run<'_> {
    fn event(&mut self, argv: &[String]) {
        let mut took = self.timed(argv);
        // Others use the machine, too: only what is slow every time is slow.
        for _ in 0..4 {
            if took > MOST {
                took = took.min(self.timed(argv));
            }
        }
        if took > self.slowest {
            self.slowest = took;
            self.slow = argv.join(" ").chars().take(160).collect();
        }
        if took > MOST {
            self.broken(&format!("took {took:?}"), argv);
        }
    }

    fn timed(&mut self, argv: &[String]) -> Duration {
        let began = Instant::now();
        *self.at_work.lock().unwrap() = Some((began, argv.to_vec()));
        let took = catch_unwind(AssertUnwindSafe(|| self.read(argv)));
        took.unwrap_or_else(|_| {
            self.broken("panicked", argv);
            began.elapsed()
        })
    }

    /// All that is done with an event; the laws are checked on the side.
    fn read(&mut self, argv: &[String]) -> Duration {
        let (began, on_core) = (Instant::now(), time_on_core());
        let (argv, _) = redact_argv(argv.to_vec());
        let reading = commands::read(&argv);
        let of = |argv: &[String]| shapes::shape(argv, Some("/home/u/p"), &self.learned);
        let read: Vec<_> = reading
            .commands
            .iter()
            .map(|command| {
                let shape = of(&command.argv);
                let effects = risk::effects(command, &shape.subcommand);
                (command, shape, effects)
            })
            .collect();
        let shown = visible(&commands::canonical(&argv)).into_owned();
        let mut took = began.elapsed();
        if took > MOST {
            let time =
                on_core.zip(time_on_core()).map(|(before, after)| after.saturating_sub(before));
            took = time.map_or(took, |it| it.min(took));
        }
        let mut broken = Vec::new();
        for (command, shape, _) in &read {
            // Both laws take time with the square of the words.
            if command.argv.len() > 1_000 {
                continue;
            }
            if !shape.matches(&command.argv) {
                broken.push(format!("`{}` does not match", shape.text));
            }
            if split(&shape.text).is_none_or(|words| of(&words) != *shape) {
                broken.push(format!("`{}` is not its own shape", shape.text));
            }
        }
        // A format looks no further than 4 KiB, and markers are shorter than what they stand for.
        let is_short = argv.iter().map(String::len).sum::<usize>() < 4_000;
        if is_short && redact_argv(argv.clone()).1 > 0 {
            broken.push("redacted twice".to_owned());
        }
        if visible(&shown) != shown {
            broken.push("shown twice".to_owned());
        }
        if !argv.is_empty() {
            let _ = self.engine.decide(&Subject::Command(&argv));
        }
        for what in broken {
            self.broken(&what, &argv);
        }
        took
    }

    fn broken(&mut self, what: &str, argv: &[String]) {
        self.n_broken += 1;
        if self.n_broken < 40 {
            println!("{what}: {}", serde_json::to_string(argv).unwrap());
        }
    }
}

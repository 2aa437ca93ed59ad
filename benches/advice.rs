//! The laws of advice at length: parts of batches, poisoned activity, reviewers who teach, forecasts.
//!
//! `cargo bench --bench advice` does all of it; `-- subsets`, `-- subsets EVENTS.ndjson.gz...`, `-- poison`,
//! `-- reviewers [TASTE]...` and `-- readiness [EVENTS.ndjson.gz]...` do a part. Ends with an error where a
//! law is broken, and prints what broke it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a benchmark fails loudly, prints, and reads the clock"
)]

#[path = "../tests/days.rs"]
mod days;
#[path = "../tests/reviewer.rs"]
mod reviewer;
#[path = "../tests/work.rs"]
mod work;

use std::{collections::BTreeMap, env, path::Path, sync::Arc, time::Instant};

use days::{Held, generated};
use policy_advisor::{
    batch::SuggestionBatch,
    clock,
    clusters::observe,
    events::{Action, Day, EventType, Tally, Unit},
    evidence::{Days, acts_by_day},
    feedback::Background,
    inputs::{Format, each_event},
    policy::Role,
};
use rayon::prelude::*;
use reviewer::{TASTES, Taste, review};
use work::{
    Lines, Poison, RISKY, Random, accept, advise, allowed, careful, hasty, names, open, poisoned,
    work,
};

/// Batches up to so many changes are tried in all their parts.
const MAX_WHOLE: usize = 12;

/// Parts of larger ones that are tried.
const PARTS: u64 = 10_000;

/// Of these, those whose role is proved against every act.
const PROVED: u64 = 100;

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let n_wrong = match args.split_first() {
        Some((what, files)) if what == "subsets" => subsets(files),
        Some((what, _)) if what == "poison" => poison(),
        Some((what, tastes)) if what == "reviewers" => reviewers(tastes),
        Some((what, files)) if what == "readiness" => forecasts(files),
        _ => subsets(&[]) + poison() + reviewers(&[]) + forecasts(&[]),
    };
    if n_wrong > 0 {
        println!("{n_wrong} wrong");
        std::process::exit(1);
    }
}

/// Of the activity of some files, or of generated work where none is named.
fn subsets(files: &[String]) -> u64 {
    let mut n_wrong = 0;
    let seeds = if files.is_empty() { 1..21 } else { 0..0 };
    for seed in seeds {
        let n_days = 7;
        // Little work makes batches that can be tried in all their parts.
        let mut tallies = work(seed, n_days);
        if seed % 2 == 0 {
            tallies.retain(|it| is_of(it, &["git", "cat", "ls"]));
        }
        for base in [Role::new("new"), hasty(), careful()] {
            n_wrong += parts(&format!("seed {seed}"), &base, &tallies, n_days);
        }
    }
    for file in files {
        let tallies = tallies(Path::new(file));
        let n_days = tallies.iter().map(|it| it.unit.day.0).max().unwrap() + 1;
        for base in [Role::new("new"), hasty(), careful()] {
            n_wrong += parts(file, &base, &tallies, n_days);
        }
    }
    n_wrong
}

fn is_of(tally: &Tally, binaries: &[&str]) -> bool {
    match &*tally.action {
        Action::Command { argv, .. } => binaries.contains(&argv[0].as_str()),
        Action::McpCall { .. } => false,
    }
}

/// Tries parts of the batch for some activity; how many were unsafe.
fn parts(what: &str, base: &Role, tallies: &[Tally], n_days: i32) -> u64 {
    let Some(batch) = advise(base, tallies, n_days, &Background::default()) else { return 0 };
    let began = Instant::now();
    let n = batch.changes.len();
    let (lines, before) = (Lines::new(tallies), open(base));
    let is_whole = n <= MAX_WHOLE;
    let n_parts = if is_whole { 1 << n } else { PARTS };
    let chosen = |part: u64| -> Vec<u64> {
        let mut random = Random((part + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let is_in = |at: u64, random: &mut Random| {
            if is_whole { part >> (at - 1) & 1 == 1 } else { random.is(50) }
        };
        (1..=n as u64).filter(|at| is_in(*at, &mut random)).collect()
    };
    let check = |part: u64| {
        let chosen = chosen(part);
        let (role, taken) = accept(base, &batch, &chosen);
        let mut wrong = lines.wrongs(base, &role, &taken);
        if is_whole || part < PROVED {
            wrong.extend(open(&role).difference(&before).map(|it| format!("{it} is open")));
        }
        wrong.into_iter().map(|it| format!("{chosen:?}: {it}")).collect::<Vec<_>>()
    };
    let wrong: Vec<String> = (0..n_parts).into_par_iter().flat_map_iter(check).collect();
    let n_rules: usize = batch.changes.iter().map(|it| it.after.len()).sum();
    println!(
        "{what}, {}: {n} changes of {n_rules} rules, {n_parts} parts, {} wrong ({:.1?})",
        base.name,
        wrong.len(),
        began.elapsed()
    );
    for it in wrong.iter().take(3) {
        println!("    {it}");
    }
    wrong.len() as u64
}

/// Activity of a file of events.
fn tallies(file: &Path) -> Vec<Tally> {
    let mut tallies = Vec::new();
    each_event(file, Format::default_format(), clock::now(), |event| {
        if event.event_type == EventType::CommandExecution {
            let day = Day((event.timestamp.0 / work::DAY_US) as i32);
            tallies.push(Tally {
                action: Arc::new(Action::Command { argv: event.argv.clone(), cwd: None }),
                unit: Unit {
                    hostname: (&*event.hostname).into(),
                    session_id: event.session_id.clone().unwrap_or_default().as_str().into(),
                    day,
                },
                outcome: event.decision,
                n_events: 1,
                first: event.timestamp,
                last: event.timestamp,
                event_id: (&*event.event_id).into(),
            });
        }
    })
    .unwrap();
    tallies
}

fn poison() -> u64 {
    let began = Instant::now();
    let n_days = 30;
    let kinds: [fn(&mut Random) -> Poison; 3] = [
        |random| Poison::OneSession([1, 10, 100, 1_000, 10_000][random.next(5)]),
        |_| Poison::OneHost,
        |_| Poison::Daily,
    ];
    // Ten poisoned corpora for each of fifty clean ones.
    let check = |seed: u64| -> Vec<(String, bool)> {
        let clean = work(seed, n_days);
        let role = Role::new("new");
        let batch = |tallies: &[Tally]| -> SuggestionBatch {
            advise(&role, tallies, n_days, &Background::default()).unwrap()
        };
        let before = allowed(&batch(&clean));
        let one = |n: u64| {
            let mut random = Random((seed * 10 + n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            let poison = kinds[n as usize % 3](&mut random);
            let line = RISKY[random.next(RISKY.len())];
            let after = batch(&poisoned(&clean, line, poison, n_days));
            let is_right = match poison {
                Poison::Daily => names(&after, line),
                Poison::OneSession(_) | Poison::OneHost => before == allowed(&after),
            };
            (format!("{poison:?} of `{line}` in work {seed}"), is_right)
        };
        (0..10).map(one).collect()
    };
    let corpora: Vec<(String, bool)> = (0..50).into_par_iter().flat_map(check).collect();
    let wrong: Vec<&String> = corpora.iter().filter(|it| !it.1).map(|it| &it.0).collect();
    println!("{} poisoned corpora: {} wrong ({:.1?})", corpora.len(), wrong.len(), began.elapsed());
    for it in wrong.iter().take(10) {
        println!("    {it}");
    }
    wrong.len() as u64
}

/// Of reviewers with these tastes, or with any.
fn reviewers(tastes: &[String]) -> u64 {
    let mut n_wrong = 0;
    let nothing = open(&Role::new("new"));
    let is_meant = |taste: &&Taste| {
        let text = format!("{taste:?}");
        tastes.is_empty() || tastes.iter().any(|it| text.split('(').next() == Some(it))
    };
    for taste in TASTES.iter().filter(is_meant) {
        let seeds: Vec<u64> = (1..=16).collect();
        let outcomes: Vec<_> = seeds
            .par_iter()
            .map(|seed| (review(*seed, *taste, 8, true), review(*seed, *taste, 8, false)))
            .collect();
        let mean = |of: fn(&(reviewer::Outcome, reviewer::Outcome)) -> f64| {
            outcomes.iter().map(of).sum::<f64>() / outcomes.len() as f64
        };
        let (learns, frozen) = (mean(|it| it.0.acceptance()), mean(|it| it.1.acceptance()));
        let n_repeated: u64 = outcomes.iter().map(|it| it.0.n_repeated).sum();
        let n_repeated_frozen: u64 = outcomes.iter().map(|it| it.1.n_repeated).sum();
        let opened = outcomes.iter().filter(|it| open(it.0.role.as_ref().unwrap()) != nothing);
        let n_open = opened.count();
        println!(
            "{taste:?}: taken as proposed {learns:.3} with learning, {frozen:.3} without; \
             {n_repeated} repeated after a no (without: {n_repeated_frozen}); {n_open} roles open"
        );
        let rounds: BTreeMap<usize, (u32, u32)> =
            outcomes[0].0.rounds.iter().copied().enumerate().collect();
        println!("    a run, proposed and taken by round: {:?}", rounds.values());
        n_wrong += n_repeated + n_open as u64;
        n_wrong += u64::from(frozen < 0.999 && learns <= frozen);
    }
    n_wrong
}

/// Forecasts of the next day over generated days, and over each day of some files from the fourth on:
/// from all days before it or from a window, of the whole role or of a fourth of its sessions.
fn forecasts(files: &[String]) -> u64 {
    let splits = generated().map(|days| (days, None)).collect();
    let mut all = vec![held("generated", splits)];
    for file in files {
        let role = acts_by_day(&observe(&tallies(Path::new(file))));
        for (what, window) in [("all", None), ("7", Some(7)), ("14", Some(14)), ("30", Some(30))] {
            let splits = ends(&role).map(|days| (days, window)).collect();
            all.push(held(&format!("{file}, {what} days before"), splits));
        }
        for part in 0..4 {
            let some = fourth(&role, part);
            let splits = ends(&some).map(|days| (days, None)).collect();
            all.push(held(&format!("{file}, sessions {part} of 4"), splits));
        }
    }
    let (n, n_held) = all.iter().fold((0, 0), |sum, it| (sum.0 + it.n, sum.1 + it.within));
    println!("{n} forecasts, {n_held} held");
    all.iter().filter(|it| it.within * 10 < it.n * 9).count() as u64
}

/// The days up to each, from the fourth on.
fn ends(days: &Days) -> impl Iterator<Item = Days> {
    let up_to = |end: &Day| days.range(..=*end).map(|it| (*it.0, it.1.clone())).collect();
    days.keys().skip(3).map(up_to)
}

/// One in four of the units of each day.
fn fourth(days: &Days, part: usize) -> Days {
    let some = |units: &Vec<Vec<u32>>| -> Vec<Vec<u32>> {
        units.iter().skip(part).step_by(4).cloned().collect()
    };
    days.iter().map(|it| (*it.0, some(it.1))).filter(|it| !it.1.is_empty()).collect()
}

/// Of some days, each with how many before the last are looked at.
fn held(what: &str, splits: Vec<(Days, Option<i32>)>) -> Held {
    let mut held = Held::default();
    for (days, window) in splits {
        held.add(days, window);
    }
    let (share, width) = (f64::from(held.within), held.width);
    let n = f64::from(held.n);
    println!(
        "{what}: {} of {} held ({:.3}), {:.3} wide",
        held.within,
        held.n,
        share / n,
        width / n
    );
    held
}

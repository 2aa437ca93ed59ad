//! How fast the loop runs: ingest of simulated events, then a suggestion with the tallies behind it.
//!
//! `cargo bench` measures a million events, `cargo bench -- 20000000` as many. Every measurement is
//! a process of its own, so that its peak memory is its own.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::cast_precision_loss,
    reason = "a benchmark fails loudly, prints, and reads the clock"
)]

use std::{
    env,
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use policy_advisor::{
    clock,
    feedback::Background,
    lake::{Lake, Window},
    pipeline::{
        ingest::{Ingest, ingest},
        suggest::{Advice, Params, suggest},
    },
    policy::Role,
    store::{Missing, Place, Store},
};

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["ingest", data, input] => measure_ingest(Path::new(data), Path::new(input)),
        ["suggest", data] => measure_suggest(Path::new(data)),
        ["simulate", n_events, path] => {
            let mut file = BufWriter::new(File::create(path).unwrap());
            simulate(n_events.parse().unwrap(), &mut file);
        }
        [n_events] => all(n_events.parse().unwrap()),
        _ => all(1_000_000),
    }
}

/// Writes the events, then measures each step in a process of its own.
fn all(n_events: u64) {
    let dir = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let plain = dir.path().join("events.ndjson");
    let mut file = BufWriter::new(File::create(&plain).unwrap());
    simulate(n_events, &mut file);
    file.flush().unwrap();
    let packed = dir.path().join("events.ndjson.gz");
    let mut encoder = flate2::write::GzEncoder::new(
        BufWriter::new(File::create(&packed).unwrap()),
        flate2::Compression::default(),
    );
    std::io::copy(&mut File::open(&plain).unwrap(), &mut encoder).unwrap();
    encoder.finish().unwrap().flush().unwrap();
    for path in [&plain, &packed] {
        let size = fs::metadata(path).unwrap().len() as f64 / 1e6;
        println!("{}: {n_events} events, {size:.0} MB", path.display());
    }
    for (name, input) in [("plain", plain), ("packed", packed)] {
        let data = dir.path().join(name);
        fs::create_dir(&data).unwrap();
        child(&["ingest".into(), data.clone(), input]);
        child(&["suggest".into(), data]);
    }
}

fn child(args: &[PathBuf]) {
    let status = Command::new(env::current_exe().unwrap()).args(args).status().unwrap();
    assert!(status.success());
}

fn measure_ingest(data: &Path, input: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let report = runtime.block_on(async {
        let place = Place::File(data.join("advisor.db"));
        let store = Store::open(&place, Missing::Create).await.unwrap();
        let lake = Lake::open(data).unwrap();
        let mut what = Ingest::new(vec![input.to_owned()], clock::now());
        what.role = Some("bench".to_owned());
        let began = Instant::now();
        let report = ingest(&store, &lake, what, &|_| ()).await.unwrap();
        let seconds = began.elapsed().as_secs_f64();
        store.close().await;
        let rate = report.read as f64 / seconds;
        println!("ingest: {seconds:.2} s, {rate:.0} events/s, {} MiB at most", peak_mib());
        report
    });
    assert_eq!(report.read, report.accepted);
}

fn measure_suggest(data: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let place = Place::File(data.join("advisor.db"));
    let manifest = runtime.block_on(async {
        let store = Store::open(&place, Missing::Refuse).await.unwrap();
        store.manifest().await.unwrap()
    });
    let lake = Lake::open(data).unwrap();
    let began = Instant::now();
    let overview = lake.overview(&manifest.parts, Window::ALL).unwrap();
    let seconds = began.elapsed().as_secs_f64();
    println!("overview: {seconds:.2} s, {} MiB at most, {overview:?}", peak_mib());
    let began = Instant::now();
    let tallies = lake.tallies(&manifest.parts, "bench", Window::ALL).unwrap();
    let seconds = began.elapsed().as_secs_f64();
    let n_tallies = tallies.len();
    println!(
        "tallies: {seconds:.2} s for {n_tallies} from {} parts, {} MiB at most",
        manifest.parts.len(),
        peak_mib()
    );
    let params = Params {
        from: Window::ALL.from,
        to: clock::now(),
        since: None,
        generated_at: clock::now(),
        minimum_hours: 0.0,
        confidence_threshold: 0.6,
    };
    let began = Instant::now();
    let advice = suggest(&Role::new("bench"), &tallies, &params, &Background::default());
    let seconds = seconds + began.elapsed().as_secs_f64();
    let n_changes = match advice {
        Advice::Batch(batch) => batch.changes.len(),
        Advice::Nothing(_) => 0,
    };
    assert!(n_changes > 0);
    println!("suggest: {seconds:.2} s, {n_changes} changes, {} MiB at most", peak_mib());
}

/// The most memory this process had resident so far, in MiB.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// Events of a fleet over a week, in order of time: half of the commands are seen once.
fn simulate(n_events: u64, out: &mut impl Write) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        // Source: the xorshift64* generator of Vigna, 2014.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    };
    let lines = [
        "git status --short",
        "cargo test --workspace --no-fail-fast 2>&1 | tail -n 40",
        "cd services/api && npm run lint && npm test -- --watch=false",
        "rg -n TODO src | head -20",
        "kubectl -n staging get pods -o wide",
        "go build ./... && go vet ./...",
        "sed -n 1,200p internal/server/handler.go",
        "python -m pytest tests/unit -q -k parser",
    ];
    let week_ms = 7 * 86_400_000;
    let begin_ms = clock::now().0 / 1_000 - 8 * 86_400_000;
    let begin_ms = begin_ms - begin_ms % 86_400_000;
    for idx in 0..n_events {
        let at = policy_advisor::events::Timestamp(
            (begin_ms + i64::try_from(idx * week_ms / n_events).unwrap()) * 1_000,
        );
        let (one, two) = (random(), random());
        let line = lines.get(usize::try_from(one % lines.len() as u64).unwrap()).unwrap();
        let unique = if two % 2 == 0 { format!(" # {:x}", one >> 32) } else { String::new() };
        // Forty sessions go on at a time, each of some sixty events on one host.
        let session = idx / 2_400 * 40 + one / 8 % 40;
        let host = session % 50;
        writeln!(
            out,
            r#"{{"schema_version":"1.0","event_id":"{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}","timestamp":"{at}","hostname":"dev-{host:03}","event_type":"command_execution","binary":"bash","command":"bash -lc {line}{unique}","argv":["bash","-lc","{line}{unique}"],"decision":"allowed","agent":"claude-code","session_id":"session-{session:08x}","severity":"info","cwd":"/home/dev{host}/work/project-{}","user":"dev{host}"}}"#,
            one >> 32,
            one & 0xffff,
            two & 0xfff,
            two >> 12 & 0xfff,
            two >> 16,
            two % 12,
        )
        .unwrap();
    }
}

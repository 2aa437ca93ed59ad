//! Generated histories of files: whatever is done to them, every event that could be read is in the
//! lake once.
#![expect(clippy::disallowed_types, reason = "tests may write files")]
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use policy_advisor::{clock, inputs::Format};

use crate::ingest::{Home, event, gzip, ids_in_lake};

/// Histories that live in one lake and are ingested together, each in a directory of its own.
const TOGETHER: usize = 60;

/// How often they are ingested.
const ROUNDS: usize = 9;

/// How many histories: a few hundred, or as many as a long run asks for.
fn n_histories() -> usize {
    std::env::var("ADVISOR_TEST_HISTORIES").map_or(300, |it| it.parse().unwrap())
}

/// Numbers that look random and are the same every time.
struct Seeded(u64);

impl Seeded {
    /// Source: the xorshift64* generator of Vigna, 2014.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % end
    }
}

/// One log file of one host, its rotated versions and copies.
struct History {
    dir: PathBuf,
    seeded: Seeded,
    /// First number of an event that was not given out, and what numbers are counted in.
    next: usize,
    step: usize,
    n_bad: usize,
    /// What is missing from the last line that was written.
    rest: Vec<u8>,
    /// What was done, for whoever has to find out why it went wrong.
    told: Vec<String>,
    /// Content comes again in another form than rotation leaves it: events are duplicates then, and
    /// bad lines are told again, so that these histories have none.
    is_odd: bool,
}

impl History {
    fn new(dir: PathBuf, number: usize) -> Self {
        fs::create_dir_all(&dir).unwrap();
        let seed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            dir,
            seeded: Seeded(seed),
            next: number % TOGETHER,
            step: TOGETHER,
            n_bad: 0,
            rest: Vec::new(),
            told: Vec::new(),
            is_odd: number.is_multiple_of(3),
        }
    }

    fn log(&self) -> PathBuf {
        self.dir.join("a.log")
    }

    /// Files in the directory, `a.log` aside.
    fn others(&self) -> Vec<PathBuf> {
        let mut res = files_below(&self.dir);
        res.retain(|it| *it != self.log());
        res
    }

    fn any_other(&mut self, wanted: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        let mut others = self.others();
        others.retain(|it| wanted(it));
        (!others.is_empty()).then(|| others.swap_remove(self.seeded.below(others.len())))
    }

    fn line(&mut self) -> Vec<u8> {
        self.next += self.step;
        event(self.next).into_bytes()
    }

    fn lines(&mut self, n_lines: usize) -> Vec<u8> {
        let mut res = Vec::new();
        for _ in 0..n_lines {
            res.extend(self.line());
            match self.seeded.below(12) {
                0 if !self.is_odd => {
                    self.n_bad += 1;
                    let name = self.dir.file_name().unwrap().to_string_lossy().into_owned();
                    res.extend(format!("bad {name} {}\n", self.n_bad).into_bytes());
                }
                1 => res.extend(b"\n  \n"),
                _ => (),
            }
        }
        res
    }

    /// Moves `a.log.1` and so on up, as logrotate does.
    fn make_room(&self) {
        for ending in ["", ".gz", ".zst"] {
            for number in (1..60).rev() {
                let from = self.dir.join(format!("a.log.{number}{ending}"));
                if from.exists() {
                    fs::rename(from, self.dir.join(format!("a.log.{}{ending}", number + 1)))
                        .unwrap();
                }
            }
        }
    }

    fn act(&mut self) {
        let act = self.seeded.below(18);
        self.told.push(format!("act {act}, next {}", self.next));
        let (log, first) = (self.log(), self.dir.join("a.log.1"));
        match act {
            0..=3 => {
                // The writer goes on where it was.
                let mut bytes = std::mem::take(&mut self.rest);
                let n_lines = 1 + self.seeded.below(6);
                bytes.extend(self.lines(n_lines));
                append(&log, &bytes);
            }
            4 => {
                let mut bytes = std::mem::take(&mut self.rest);
                let line = self.line();
                let (begin, end) = line.split_at(self.seeded.below(line.len()));
                bytes.extend(begin);
                append(&log, &bytes);
                self.rest = end.to_vec();
            }
            5 | 6 if log.exists() => {
                self.make_room();
                fs::rename(&log, &first).unwrap();
                if self.seeded.below(2) == 0 {
                    // The writer still holds the file that has another name now.
                    let rest = std::mem::take(&mut self.rest);
                    append(&first, &rest);
                }
                if self.seeded.below(2) == 0 {
                    File::create(&log).unwrap();
                }
            }
            7 if log.exists() => {
                self.make_room();
                fs::copy(&log, &first).unwrap();
                File::create(&log).unwrap();
            }
            8 | 9 => self.pack(),
            10 => {
                for _ in 0..2 + self.seeded.below(2) {
                    let n_lines = 1 + self.seeded.below(3);
                    let mut bytes = std::mem::take(&mut self.rest);
                    bytes.extend(self.lines(n_lines));
                    append(&log, &bytes);
                    self.make_room();
                    fs::rename(&log, &first).unwrap();
                }
            }
            11 => {
                if let Some(path) = self.any_other(|_| true) {
                    fs::remove_file(path).unwrap();
                }
            }
            12 => {
                // Deleted and made again at once, often with the inode and the size that it had.
                let n_lines = count_lines(&log);
                let _ = fs::remove_file(&log);
                let bytes = self.lines(n_lines.clamp(1, 6));
                fs::write(&log, bytes).unwrap();
                self.rest.clear();
            }
            13 => {
                let number = self.seeded.below(1_000);
                let copy = self.dir.join(format!("copies/{number}/b.log"));
                // A copy that lags behind what it is a copy of was read as part of that: its events
                // are duplicates, its bad lines would be told again.
                let lagging = log.exists() && self.is_odd;
                if let Some(path) = self.any_other(is_plain).or(lagging.then_some(log)) {
                    fs::create_dir_all(copy.parent().unwrap()).unwrap();
                    if self.seeded.below(2) == 0 || fs::hard_link(&path, &copy).is_err() {
                        fs::copy(path, copy).unwrap();
                    }
                }
            }
            14 => {
                let _ = fs::remove_dir_all(self.dir.join("copies"));
            }
            15 => {
                // One line: far less than what identifies content.
                let line = self.line();
                fs::write(&log, line).unwrap();
                self.rest.clear();
            }
            16 if self.is_odd && log.exists() => {
                let text = fs::read(&log).unwrap();
                let cut = text.iter().position(|it| *it == b'\n').map_or(0, |it| it + 1);
                fs::write(&log, &text[cut..]).unwrap();
            }
            17 if self.is_odd => {
                // An archive that is being written: its first half, beside what it is made of.
                if let Some(path) = self.any_other(is_plain) {
                    let packed = gzip(&fs::read(&path).unwrap());
                    fs::write(with_ending(&path, "gz"), &packed[..packed.len() / 2]).unwrap();
                }
            }
            _ => (),
        }
    }

    fn pack(&mut self) {
        let Some(path) = self.any_other(is_plain) else { return };
        let content = fs::read(&path).unwrap();
        let cut = self.seeded.below(content.len() + 1);
        let (one, two) = content.split_at(cut);
        let (ending, packed) = match self.seeded.below(4) {
            0 => ("gz", gzip(&content)),
            1 => ("gz", [gzip(one), gzip(two)].concat()),
            2 => ("zst", zstd::encode_all(content.as_slice(), 1).unwrap()),
            _ => ("zst", [one, two].map(|it| zstd::encode_all(it, 1).unwrap()).concat()),
        };
        fs::write(with_ending(&path, ending), packed).unwrap();
        if self.seeded.below(3) > 0 {
            fs::remove_file(path).unwrap();
        }
    }
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

fn is_plain(path: &Path) -> bool {
    !path.extension().is_some_and(|it| it == "gz" || it == "zst")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}.{ending}", path.display()))
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut res = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            res.extend(files_below(&path));
        } else {
            res.push(path);
        }
    }
    res.sort();
    res
}

fn count_lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |it| it.lines().count())
}

/// The slow, obvious model: what anybody who looks at the files now could read.
fn readable(dir: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut ids, mut bad) = (BTreeSet::new(), BTreeSet::new());
    for path in files_below(dir) {
        let bytes = fs::read(&path).unwrap();
        let content = match path.extension().and_then(|it| it.to_str()) {
            Some("gz") => {
                let mut content = Vec::new();
                let mut decoder = flate2::read::MultiGzDecoder::new(bytes.as_slice());
                if decoder.read_to_end(&mut content).is_err() {
                    continue;
                }
                content
            }
            Some("zst") => zstd::decode_all(bytes.as_slice()).unwrap(),
            _ => bytes,
        };
        let text = String::from_utf8(content).unwrap();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        bad.extend(whole.map(str::trim).filter(|it| it.starts_with("bad ")).map(ToOwned::to_owned));
        for line in text.lines() {
            if let Ok(event) = serde_json::from_str::<serde_json::Value>(line) {
                ids.insert(event["event_id"].as_str().unwrap().to_owned());
            }
        }
    }
    (ids, bad)
}

/// Lives through `TOGETHER` histories and compares after every ingest.
fn live(first: usize) {
    let home = Home::new();
    home.store();
    let mut histories: Vec<History> = (first..first + TOGETHER)
        .map(|number| History::new(home.file(&format!("h{number}")), number))
        .collect();
    let (mut ids, mut bad) = (BTreeSet::new(), BTreeSet::new());
    // Whether the format is named or found out makes no difference.
    let is_named = (first / TOGETHER).is_multiple_of(2);
    let format = Format::named(if is_named { "signal" } else { "auto" }).unwrap();
    for round in 0..ROUNDS {
        for history in &mut histories {
            for _ in 0..=history.seeded.below(4) {
                history.act();
            }
            history.told.push(format!("ingest {round}"));
            let (seen, told) = readable(&history.dir);
            ids.extend(seen);
            bad.extend(told);
        }
        // Every other time, files that look as they did are believed to be what they were: what
        // happens next must not happen within the same tick of the file system's clock.
        let hours = if round % 2 == 0 { 1.0 } else { 0.0 };
        let now = clock::now().plus_hours(hours);
        let report = home.ingest_with(now, None, format);
        sleep(Duration::from_millis(12));
        assert_eq!(report.files_failed, 0, "{report:?}");
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for id in ids_in_lake(home.data()) {
            *counts.entry(id).or_default() += 1;
        }
        let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
        let lost: Vec<&String> = ids.iter().filter(|id| !counts.contains_key(*id)).collect();
        assert!(
            twice.is_empty() && lost.is_empty(),
            "from {first}, round {round}: twice {twice:?}, lost {lost:?}\n{}",
            story_of(&histories, twice.first().map(|it| it.0).or(lost.first().copied())),
        );
    }
    let store = home.store();
    let mut told: Vec<String> = home
        .runtime
        .block_on(store.rejects(u32::MAX))
        .unwrap()
        .into_iter()
        .map(|it| it.excerpt)
        .filter(|it| it.starts_with("bad "))
        .collect();
    told.sort();
    let bad: Vec<String> = bad.into_iter().collect();
    assert_eq!(told, bad, "bad lines of {first} are told once");
}

/// What was done to the file that an event was written to.
fn story_of(histories: &[History], id: Option<&String>) -> String {
    let number = id.and_then(|it| it.strip_prefix("event-")?.parse::<usize>().ok());
    let history =
        number.and_then(|it| histories.iter().find(|at| at.next % at.step == it % at.step));
    history.map_or_else(String::new, |it| format!("{}: {:#?}", it.dir.display(), it.told))
}

#[test]
fn histories_of_files_lose_no_event_and_tell_none_twice() {
    let n_groups = n_histories().div_ceil(TOGETHER);
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let group = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if group >= n_groups {
                        return;
                    }
                    live(group * TOGETHER);
                }
            });
        }
    });
    eprintln!("{} histories of files, 0 events lost, 0 twice", n_groups * TOGETHER);
}

//! What an ingest holds in memory at most, whatever it reads: measured by the system.
#![expect(clippy::disallowed_types, reason = "tests may write files")]
use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use flate2::{Compress, Compression, Crc, FlushCompress};
use serde_json::{Value, json};

use crate::{cli::Advisor, ingest::event};

/// What ingest may hold resident.
const MOST_KIB: u64 = 256 * 1024;

/// Ingests a directory in a process of its own; what it reports, and the most it held resident.
fn ingest(dir: &Path) -> (Value, u64) {
    let advisor = Advisor::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_advisor"))
        .args(["ingest", "--quiet", "--output", "json"])
        .arg(dir)
        .env("ADVISOR_DATA_DIR", advisor.data_dir())
        .stdout(File::create(advisor.data_dir().join("report.json")).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    while child.try_wait().unwrap().is_none() {
        // The high-water mark only rises: the last one that was seen is the highest but for an instant.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|it| it.strip_prefix("VmHWM:"));
        peak_kib = mark.map_or(peak_kib, |it| it.trim().trim_end_matches(" kB").parse().unwrap());
        std::thread::sleep(Duration::from_millis(5));
    }
    let report = fs::read(advisor.data_dir().join("report.json")).unwrap();
    (serde_json::from_slice(&report).unwrap(), peak_kib)
}

/// One gzip member that unpacks to `n` times `content`, made in a moment: the packed content is
/// written again and again, each piece closed by a full flush.
fn one_member(content: &[u8], n: usize) -> Vec<u8> {
    let mut packer = Compress::new(Compression::best(), false);
    let mut piece = Vec::with_capacity(content.len() + 1024);
    packer.compress_vec(content, &mut piece, FlushCompress::Full).unwrap();
    let mut last = Vec::with_capacity(64);
    Compress::new(Compression::best(), false)
        .compress_vec(&[], &mut last, FlushCompress::Finish)
        .unwrap();
    let (mut of_piece, mut crc) = (Crc::new(), Crc::new());
    of_piece.update(content);
    (0..n).for_each(|_| crc.combine(&of_piece));
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
    let footer = [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()].concat();
    [&header[..], &piece.repeat(n), &last, &footer].concat()
}

/// Makes input of one kind, so many mebibytes of it once unpacked.
type Make = fn(&Path, usize);

/// Kinds of input that are large, or become so: name, mebibytes in the suite and in a long run, how
/// it is made, and what it must come to.
const KINDS: &[(&str, [usize; 2], Make, &str)] = &[
    ("a gzip bomb of zeros in one member", [200, 10_240], zeros_gz, "archive_bomb"),
    ("a gzip bomb of good lines in one member", [200, 10_240], lines_gz, "archive_bomb"),
    ("a zstd bomb of zeros", [200, 10_240], zeros_zst, "archive_bomb"),
    ("one line", [64, 1_024], line, "too_long"),
    ("lines of deep JSON", [4, 256], deep, "too_deep"),
    ("lines of long lists", [4, 64], lists, ""),
    ("long arguments of calls", [60, 600], calls, ""),
    ("long commands that were blocked", [60, 600], blocked, ""),
    ("a host a line", [4, 200], hosts, ""),
    ("a file a line", [1, 10], files, ""),
];

fn zeros_gz(dir: &Path, n_mib: usize) {
    fs::write(dir.join("zeros.log.gz"), one_member(&vec![0; 1 << 20], n_mib)).unwrap();
}

fn lines_gz(dir: &Path, n_mib: usize) {
    let lines = event(0).repeat((1 << 20) / event(0).len());
    fs::write(dir.join("lines.log.gz"), one_member(lines.as_bytes(), n_mib)).unwrap();
}

fn zeros_zst(dir: &Path, n_mib: usize) {
    let frame = zstd::encode_all(&*vec![0; 8 << 20], 1).unwrap();
    fs::write(dir.join("zeros.log.zst"), frame.repeat(n_mib / 8)).unwrap();
}

fn line(dir: &Path, n_mib: usize) {
    let mut file = File::create(dir.join("line.log")).unwrap();
    (0..n_mib).for_each(|_| file.write_all(&vec![b'0'; 1 << 20]).unwrap());
    file.write_all(format!("\n{}", event(0)).as_bytes()).unwrap();
}

fn deep(dir: &Path, n_mib: usize) {
    let nested = format!("{{\"a\":{}{}}}\n", "[".repeat(500_000), "]".repeat(500_000));
    fs::write(dir.join("deep.log"), nested.repeat(n_mib)).unwrap();
}

fn lists(dir: &Path, n_mib: usize) {
    let list = format!("{{\"mcp_arguments\":{{\"n\":[{}0]}},", "0,".repeat(500_000));
    let lines: String = (0..n_mib).map(|idx| event(idx).replacen('{', &list, 1)).collect();
    fs::write(dir.join("lists.log"), lines).unwrap();
}

/// Half a mebibyte that looks like nothing that came before.
fn noise(idx: usize) -> String {
    let mut seeded = crate::kill::Seeded(idx as u64 + 1);
    let words: Vec<String> =
        (0..32 * 1024).map(|_| format!("{:016x}", seeded.below(u64::MAX))).collect();
    words.concat()
}

fn calls(dir: &Path, n_mib: usize) {
    let mut file = File::create(dir.join("calls.log")).unwrap();
    for idx in 0..n_mib * 2 {
        let call = format!(
            "\"mcp_tool_call\",\"mcp_server\":\"s\",\"mcp_tool\":\"t\",\"mcp_arguments\":{{\"a\":\"{}\"}}",
            noise(idx)
        );
        let line = event(idx).replacen("\"command_execution\"", &call, 1);
        file.write_all(line.as_bytes()).unwrap();
    }
}

fn blocked(dir: &Path, n_mib: usize) {
    let mut file = File::create(dir.join("blocked.log")).unwrap();
    for idx in 0..n_mib * 2 {
        let line = event(idx).replacen("\"show\"", &format!("\"{}\"", noise(idx)), 1);
        file.write_all(line.replacen("\"allowed\"", "\"blocked\"", 1).as_bytes()).unwrap();
    }
}

/// A line of a host of its own; four make a kibibyte.
fn of_host(idx: usize) -> String {
    let host = format!("\"hostname\":\"host-{idx}-{}\",\"x\":\"", "x".repeat(20));
    event(idx).replacen("\"hostname\":\"", &host, 1)
}

fn hosts(dir: &Path, n_mib: usize) {
    let file = zstd::Encoder::new(File::create(dir.join("hosts.log")).unwrap(), 1).unwrap();
    let mut file = BufWriter::new(file.auto_finish());
    (0..n_mib * 4 * 1024).for_each(|idx| file.write_all(of_host(idx).as_bytes()).unwrap());
}

fn files(dir: &Path, n_mib: usize) {
    for idx in 0..n_mib * 4 * 1024 {
        fs::write(dir.join(format!("{idx}.log")), event(idx)).unwrap();
    }
}

/// Long where `tests/run --long` says so: bombs of 10 GiB, a line of 1 GiB, 800,000 hosts, 40,000 files.
#[test]
fn whatever_is_read_256_mib_are_enough() {
    let is_long = usize::from(std::env::var("ADVISOR_TEST_BOMBS").is_ok());
    for (name, n_mib, make, reason) in KINDS {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), n_mib[is_long]);
        let (report, peak_kib) = ingest(dir.path());
        let count = |what: &str| report[what].as_u64().unwrap();
        assert_eq!(count("read"), count("accepted") + count("duplicates") + count("rejected"));
        let reasons: Vec<&String> = report["reasons"].as_object().unwrap().keys().collect();
        let wanted: Vec<&str> = [*reason].into_iter().filter(|it| !it.is_empty()).collect();
        assert_eq!(reasons, wanted, "{name}: {}", json!(report["files"][0]));
        assert_eq!(report["files"][0]["cut_off"].is_string(), *reason == "archive_bomb", "{name}");
        eprintln!("{name}, {} MiB: at most {} MiB resident", n_mib[is_long], peak_kib / 1024);
        assert!(peak_kib > 0 && peak_kib <= MOST_KIB, "{name}: {peak_kib} KiB");
    }
}

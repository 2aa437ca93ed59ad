//! Files as lines: what the reader gives is what a slow, obvious model gives.
use std::{fs, path::Path};

use policy_advisor::inputs::{Checkpoint, End, FileReader, Input, Known, MAX_LINE_BYTES};
use proptest::prelude::*;

use crate::ingest::gzip;

/// Number, offset and bytes of a line.
type Line = (u64, u64, Vec<u8>);

/// What a file came to.
#[derive(Debug, PartialEq)]
struct Read {
    lines: Vec<Line>,
    /// Number and reason of lines that could not be read.
    faults: Vec<(u64, &'static str)>,
    torn: Option<u64>,
}

/// The model: the whole content in memory, cut at every newline.
fn model(content: &[u8], is_packed: bool) -> Read {
    let mut read = Read { lines: Vec::new(), faults: Vec::new(), torn: None };
    let (mut number, mut offset) = (0, 0);
    for whole in content.split_inclusive(|byte| *byte == b'\n') {
        number += 1;
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        let is_whole = line.len() < whole.len()
            || is_packed
            || line.len() <= MAX_LINE_BYTES && serde_json::from_slice::<Object>(line).is_ok();
        if !is_whole {
            read.torn = (!line.trim_ascii().is_empty()).then_some(line.len() as u64);
        } else if line.len() > MAX_LINE_BYTES {
            read.faults.push((number, "too_long"));
        } else if !line.trim_ascii().is_empty() {
            read.lines.push((number, offset, line.to_vec()));
        }
        offset += whole.len() as u64;
    }
    read
}

type Object = serde_json::Map<String, serde_json::Value>;

/// What the reader gives, and the checkpoint after every block.
fn read(path: &Path, known: &Known) -> (Read, Vec<Checkpoint>) {
    let mut reader = FileReader::open(&Input::from(path), known).unwrap();
    let mut read = Read { lines: Vec::new(), faults: Vec::new(), torn: None };
    let mut checkpoints = Vec::new();
    while let Some(block) = reader.next_block().unwrap() {
        let lines = block.lines().map(|it| (it.number, it.byte_offset, it.bytes.to_vec()));
        read.lines.extend(lines);
        if let Some((fault, _)) = &block.fault {
            read.faults.push((block.n_lines_before + 1, fault.reason.as_str()));
        }
        checkpoints.push(block.end);
    }
    if let End::Torn(n_bytes) = reader.end() {
        read.torn = Some(n_bytes);
    }
    assert_eq!(reader.next_block().unwrap().map(|_| ()), None, "the end stays the end");
    (read, checkpoints)
}

/// Pieces of content: short lines, blank ones, JSON, and lines about as long as may be.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => "[a-z\"{} \r\t]{0,40}\n".prop_map(String::into_bytes),
        2 => Just(b"\n".to_vec()),
        2 => Just(br#"{"a":[1,"}"]}"#.to_vec()),
        1 => (MAX_LINE_BYTES - 2..MAX_LINE_BYTES + 3).prop_map(|len| vec![b'x'; len]),
        1 => (0..600_usize).prop_map(|len| [vec![b'y'; len * 1024], b"\n".to_vec()].concat()),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Plain or packed, the lines, their numbers and offsets are those of the model, and reading on
    /// from the end of any block gives exactly what follows it.
    #[test]
    fn lines_are_those_of_the_model(content in content(), packing in 0..3_usize) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let bytes = match packing {
            0 => content.clone(),
            1 => gzip(&content),
            _ => zstd::encode_all(&*content, 1).unwrap(),
        };
        fs::write(&path, bytes).unwrap();
        let wanted = model(&content, packing > 0);
        let (found, checkpoints) = read(&path, &Known::default());
        prop_assert_eq!(&found, &wanted);
        for checkpoint in checkpoints {
            let known: Known = [checkpoint].into_iter().collect();
            let (rest, _) = read(&path, &known);
            let begin = checkpoint.position.offset;
            let behind: Vec<Line> =
                wanted.lines.iter().filter(|it| it.1 >= begin).cloned().collect();
            prop_assert_eq!(rest.lines, behind);
        }
    }
}

#[test]
fn a_byte_order_mark_is_passed_over_at_the_beginning_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n").unwrap();
    let (found, _) = read(&path, &Known::default());
    let lines: Vec<&[u8]> = found.lines.iter().map(|it| it.2.as_slice()).collect();
    assert_eq!(lines, [&b"a"[..], b"\xef\xbb\xbfb"]);
}

#[test]
fn content_that_begins_alike_and_goes_on_differently_is_new() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let head = "the same beginning\n".repeat(100);
    let mut known = Known::default();
    for ending in ["", "one\n", "two\nthree\n"] {
        fs::write(&path, head.clone() + ending).unwrap();
        let (_, checkpoints) = read(&path, &Known::default());
        known.add(checkpoints.last().unwrap());
    }
    for (ending, n_lines) in
        [("", 0), ("one\n", 0), ("one\nmore\n", 1), ("two\n", 1), ("other\n", 1)]
    {
        fs::write(&path, head.clone() + ending).unwrap();
        assert_eq!(read(&path, &known).0.lines.len(), n_lines, "{ending}");
    }
    fs::write(&path, "the same beginning\n").unwrap();
    assert_eq!(read(&path, &known).0.lines.len(), 1, "truncated: read as new");
}

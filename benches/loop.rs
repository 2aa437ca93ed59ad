//! Ingest and suggest, measured.
fn main() {}

//! Gauges for Prometheus in a text file (node exporter's textfile collector), replaced at once.
#![expect(clippy::disallowed_methods, reason = "an edge: it writes the file that is scraped")]
use std::{
    fmt::Write as _,
    fs::{self, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// A gauge as it is scraped.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    /// Its name, without the program's.
    pub name: &'static str,
    /// What it says, in one line.
    pub help: &'static str,
    /// One value, or one for each value of a label.
    pub values: Vec<(Option<(&'static str, String)>, f64)>,
}

/// The file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`\nhint: `--metrics-file` names a file in a directory of yours", path.display())]
pub struct MetricsError {
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

impl Gauge {
    /// A gauge with one value.
    pub fn one(name: &'static str, help: &'static str, value: f64) -> Self {
        Self { name, help, values: vec![(None, value)] }
    }
}

/// Replaces the file at `path` by `gauges`. A gauge whose name is `kept` and that is not among them
/// stays as it is in the file: so the time of the last success survives a failure, and is there only
/// after a success.
///
/// # Errors
/// Where the file cannot be written; the old one stays.
pub fn write(path: &Path, gauges: &[Gauge], kept: &str) -> Result<(), MetricsError> {
    let failed = |source| MetricsError { path: path.to_owned(), source };
    let mut text = String::new();
    if !gauges.iter().any(|it| it.name == kept) {
        let full = format!("advisor_{kept}");
        let old = fs::read_to_string(path).unwrap_or_default();
        for line in old.lines() {
            let of_kept = line.split([' ', '{']).any(|word| word == full);
            if of_kept {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    for Gauge { name, help, values } in gauges {
        let _ = writeln!(text, "# HELP advisor_{name} {help}\n# TYPE advisor_{name} gauge");
        for (label, value) in values {
            let label = label.as_ref().map_or_else(String::new, |(name, value)| {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                format!("{{{name}=\"{value}\"}}")
            });
            let _ = writeln!(text, "advisor_{name}{label} {value}");
        }
    }
    // The collector reads files that end in `.prom`; this one does not.
    let part = path.with_added_extension("tmp");
    let open = OpenOptions::new().write(true).create(true).truncate(true).open(&part);
    let mut file = open.map_err(failed)?;
    // The collector is another user, and the umask of a service may say that nobody else reads.
    let written = file
        .set_permissions(Permissions::from_mode(0o644))
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // What is left of it is of no use; why it was not written is what is told.
        let _ = fs::remove_file(&part);
    }
    written.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_success_is_there_after_a_success_and_outlives_failures() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("advisor.prom");
        let gauge = |name, value| Gauge::one(name, "Something.", value);
        let lines = || -> Vec<String> {
            let text = fs::read_to_string(&path).unwrap();
            text.lines().filter(|it| !it.starts_with('#')).map(ToOwned::to_owned).collect()
        };
        write(&path, &[gauge("ok", 0.0)], "last").unwrap();
        assert_eq!(lines(), ["advisor_ok 0"]);
        write(&path, &[gauge("ok", 1.0), gauge("last", 1_772_000_000.5)], "last").unwrap();
        assert_eq!(lines(), ["advisor_ok 1", "advisor_last 1772000000.5"]);
        write(&path, &[gauge("ok", 0.0)], "last").unwrap();
        assert_eq!(lines(), ["advisor_last 1772000000.5", "advisor_ok 0"]);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("# TYPE advisor_last gauge").count(), 1);
        assert!(!dir.path().join("advisor.prom.tmp").exists());
        assert!(write(&dir.path().join("none/advisor.prom"), &[], "last").is_err());
        // What cannot take its place leaves nothing behind.
        let taken = dir.path().join("taken");
        fs::create_dir_all(taken.join("x")).unwrap();
        assert!(write(&taken, &[], "last").is_err());
        assert!(!dir.path().join("taken.tmp").exists());
    }

    #[test]
    fn labels_cannot_end_their_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("advisor.prom");
        let values = vec![(Some(("role", "a\"} 1\nb\\".to_owned())), 2.0)];
        write(&path, &[Gauge { name: "x", help: "X.", values }], "last").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("advisor_x{role=\"a\\\"} 1\\nb\\\\\"} 2\n"), "{text}");
    }
}

//! An S3 server for tests, and whoever writes to it; machines that have nothing but its address.
//!
//! The servers are those of `tests/s3.sh`, at `ADVISOR_TEST_S3`, `ADVISOR_TEST_S3_ROLES` and
//! `ADVISOR_TEST_S3_STRICT`. Without them the tests say so and pass, unless `ADVISOR_TEST_REQUIRE_S3`
//! is 1: then they fail.
use std::{
    env,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
};

use tempfile::TempDir;

use crate::cli::Ended;

/// Buckets made so far.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Any signature will do where nobody checks it.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=0";

/// A server's address; `None` where there is none, and none is required.
fn server(variable: &str, name: &str) -> Option<String> {
    if let Ok(endpoint) = env::var(variable) {
        return Some(endpoint);
    }
    let required = env::var("ADVISOR_TEST_REQUIRE_S3").is_ok_and(|it| it == "1");
    assert!(!required, "{variable} is not set, see tests/s3.sh");
    eprintln!("{name}: no S3 server, set {variable} (tests/s3.sh)");
    None
}

/// The address of the server that checks who asks.
pub(crate) fn strict(name: &str) -> Option<String> {
    server("ADVISOR_TEST_S3_STRICT", name)
}

/// A second door to the buckets of the open server, with TLS, for those who have taken on a role.
pub(crate) struct Door {
    pub(crate) endpoint: String,
    /// Where its authority's certificate and the token for the role are.
    pub(crate) dir: PathBuf,
}

impl Door {
    /// The door; `None` where there is no server.
    pub(crate) fn new(test: &str) -> Option<Self> {
        let endpoint = server("ADVISOR_TEST_S3_ROLES", test)?;
        let dir = PathBuf::from(env::var_os("ADVISOR_TEST_S3_ROLES_DIR").unwrap());
        Some(Self { endpoint, dir })
    }

    /// A machine that trusts its authority, and has the token, but no keys.
    pub(crate) fn machine(&self) -> Machine {
        let machine = Machine::bare(&self.endpoint)
            .with("AWS_ALLOW_HTTP", "")
            .with("AWS_ACCESS_KEY_ID", "")
            .with("AWS_SECRET_ACCESS_KEY", "")
            .with("AWS_ENDPOINT_URL_STS", &self.endpoint)
            .with("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/advisor")
            .with("AWS_WEB_IDENTITY_TOKEN_FILE", self.dir.join("token").to_str().unwrap())
            .with("SSL_CERT_FILE", self.dir.join("ca.pem").to_str().unwrap());
        machine.ok(&["init"]);
        machine
    }
}

/// A bucket of one test.
pub(crate) struct Bucket {
    pub(crate) endpoint: String,
    pub(crate) name: String,
}

impl Bucket {
    /// A new, empty bucket; `None` where there is no server.
    pub(crate) fn new(test: &str) -> Option<Self> {
        let endpoint = server("ADVISOR_TEST_S3", test)?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t-{}-{number}", std::process::id());
        let bucket = Self { endpoint, name };
        bucket.ask("PUT", "", &[]);
        Some(bucket)
    }

    /// Makes an object, or another one of the same key.
    pub(crate) fn put(&self, key: &str, content: impl AsRef<[u8]>) {
        self.ask("PUT", &format!("/{}", spelled(key)), content.as_ref());
    }

    pub(crate) fn get(&self, key: &str) -> Vec<u8> {
        self.ask("GET", &format!("/{}", spelled(key)), &[])
    }

    pub(crate) fn remove(&self, key: &str) {
        self.ask("DELETE", &format!("/{}", spelled(key)), &[]);
    }

    /// The keys under a prefix, sorted.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = self.ask("GET", &format!("?list-type=2&prefix={}", spelled(prefix)), &[]);
        let listed = String::from_utf8(listed).unwrap();
        assert!(listed.contains("<IsTruncated>false"), "{listed}");
        let keys = listed.split("<Key>").skip(1);
        let mut keys: Vec<String> =
            keys.map(|it| it.split_once("</Key>").unwrap().0.to_owned()).collect();
        keys.sort();
        keys
    }

    /// The address of a prefix.
    pub(crate) fn url(&self, prefix: &str) -> String {
        format!("s3://{}/{prefix}", self.name)
    }

    fn ask(&self, method: &str, rest: &str, body: &[u8]) -> Vec<u8> {
        let host = self.endpoint.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let head = format!(
            "{method} /{}{rest} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Authorization: {SIGNED}\r\nContent-Type: application/octet-stream\r\n\
             Content-Length: {}\r\n\r\n",
            self.name,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
        let status = String::from_utf8_lossy(&answer[..end]).into_owned();
        assert!(status.contains(" 200 ") || status.contains(" 204 "), "{method} {rest}: {status}");
        answer.split_off(end + 4)
    }
}

/// A key as it stands in a request.
fn spelled(key: &str) -> String {
    let spell = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    key.bytes().map(spell).collect()
}

/// A machine with a data directory, and an environment that says how buckets are reached.
pub(crate) struct Machine {
    dir: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Machine {
    /// A machine with a store, whose endpoint is that of a bucket.
    pub(crate) fn new(bucket: &Bucket) -> Self {
        let machine = Self::bare(&bucket.endpoint);
        machine.ok(&["init"]);
        machine
    }

    /// A machine without a store.
    pub(crate) fn bare(endpoint: &str) -> Self {
        let environment = vec![
            ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", "k".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "hunter2".to_owned()),
        ];
        Self { dir: tempfile::tempdir().unwrap(), environment }
    }

    /// The same machine with another value in its environment; without the variable where it is empty.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.retain(|it| it.0 != name);
        if !value.is_empty() {
            self.environment.push((name, value.to_owned()));
        }
        self
    }

    pub(crate) fn data(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_advisor"));
        command.env_clear().env("ADVISOR_DATA_DIR", self.data()).envs(self.environment.clone());
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        let output = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ended = Ended {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        };
        assert!(!format!("{ended:?}").contains("hunter2"), "{args:?}: {ended:?}");
        ended
    }

    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, 0, "{args:?}: {ended:?}");
        ended.out
    }

    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        let args: Vec<&str> = args.iter().chain(&["--output", "json"]).copied().collect();
        serde_json::from_str(&self.ok(&args)).unwrap()
    }

    /// Ids of all events, as the audit log has them, sorted.
    pub(crate) fn ids(&self) -> Vec<String> {
        let all = ["audit", "--limit", "1000000", "--output", "ndjson", "--from", "1970-01-02"];
        let out = self.ok(&all);
        let id = |line: &str| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            event["event_id"].as_str().unwrap().to_owned()
        };
        let mut ids: Vec<String> = out.lines().map(id).collect();
        ids.sort();
        ids
    }
}

/// In what a proxy counts what the server says.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Bytes,
    /// Pieces as they arrive: every answer is at least one.
    Pieces,
}

/// What a proxy does once it has let through as much as it should.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    /// Cuts every line, from this piece on.
    CutAll,
    /// Cuts the line of this piece, so that an answer is lost, and lets everything else through.
    CutOne,
    /// Lets everything through.
    Open,
}

/// Between a machine and the server: lets so much of what the server says through, and then does
/// something else.
pub(crate) struct Proxy {
    pub(crate) endpoint: String,
    left: Arc<AtomicU64>,
}

impl Proxy {
    /// `when_spent` is called before the first piece too many goes through.
    pub(crate) fn to(
        server: &str,
        unit: Unit,
        most: u64,
        when_spent: impl Fn() -> Then + Send + Sync + 'static,
    ) -> Self {
        let server = server.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let left = Arc::new(AtomicU64::new(most));
        let (of_thread, when_spent) = (Arc::clone(&left), Arc::new(when_spent));
        // Ends with the process of the tests.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&server) else { continue };
                let (left, when_spent) = (Arc::clone(&of_thread), Arc::clone(&when_spent));
                let (to_client, from_server) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || forward(client, server, |_| true));
                thread::spawn(move || {
                    forward(from_server, to_client, |n_bytes| {
                        let size = match unit {
                            Unit::Bytes => n_bytes,
                            Unit::Pieces => 1,
                        };
                        let take = |left: u64| left.checked_sub(size);
                        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
                            return true;
                        }
                        let then = when_spent();
                        let more = if matches!(then, Then::CutAll) { 0 } else { u64::MAX };
                        left.store(more, Ordering::SeqCst);
                        matches!(then, Then::Open)
                    });
                });
            }
        });
        Self { endpoint, left }
    }

    /// From now on so much goes through; what was left until now.
    pub(crate) fn set(&self, most: u64) -> u64 {
        self.left.swap(most, Ordering::SeqCst)
    }

    /// From now on everything goes through.
    pub(crate) fn open(&self) {
        self.set(u64::MAX);
    }
}

/// Hands on what is said until one side hangs up or `goes_on` says no; then hangs up on both.
fn forward(mut from: TcpStream, mut to: TcpStream, goes_on: impl Fn(u64) -> bool) {
    let mut buf = vec![0; 64 * 1024];
    while let Ok(n_read) = from.read(&mut buf) {
        if n_read == 0 {
            // Whoever has said all may still be answered.
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
        if !goes_on(n_read as u64) || to.write_all(&buf[..n_read]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

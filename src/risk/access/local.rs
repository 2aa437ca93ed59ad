//! Requests to what a project serves on this machine while it is worked on: looked at, never changed.

use crate::commands::lists;

/// Letters of options of curl that say how a request is made and what is shown of it.
///
/// # Source
/// curl(1) 8, as of the next two lists. Left out is what follows redirections, sends files or secrets, and
/// writes files.
const LETTERS: &str = "sSfiIvkNg46";

const FLAGS: &[&str] = &[
    "--compressed",
    "--fail",
    "--fail-with-body",
    "--globoff",
    "--head",
    "--include",
    "--insecure",
    "--no-buffer",
    "--show-error",
    "--silent",
    "--verbose",
];

/// Options with a value, each as it may be written, and how that may begin; a number where nothing is said.
const VALUED: &[(&str, &[&str])] = &[
    ("-H --header", &["Accept:", "Content-Type:", "accept:", "content-type:"]),
    ("-X --request", &["GET", "HEAD", "OPTIONS"]),
    ("-m --connect-timeout --max-time --retry --retry-delay", &[]),
    ("-w --write-out", &["%", "\\n", "HTTP", "http", "status", "code", "\n"]),
];

/// Options that write what comes, and where that is nowhere.
const OUTPUTS: &str = "-o --output";
const NOWHERE: &[&str] = &["/dev/null", "-"];

/// Ports where what runs on a machine is governed, and its secrets are kept.
///
/// # Source
/// The documentation of Docker, etcd, Kubernetes, Vault, Consul, Nomad, Chrome's and Node's debuggers.
const GOVERNED: &[u16] = &[
    2375, 2376, 2377, 2379, 2380, 4646, 6443, 8001, 8200, 8500, 9222, 9229, 10250, 10255, 10257,
    10259,
];

/// Whether an address is of a port of this machine that people work with.
fn is_local(address: &str) -> bool {
    let rest = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://"));
    let rest = rest.unwrap_or(address);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let port = ["localhost:", "127.0.0.1:", "[::1]:"].iter().find_map(|it| host.strip_prefix(it));
    let port = port.filter(|it| it.chars().all(|ch| ch.is_ascii_digit()));
    let is_open = path.contains(['$', '`', '{', '[']);
    port.and_then(|it| it.parse().ok()).is_some_and(|it: u16| it >= 1024 && !GOVERNED.contains(&it))
        && !is_open
}

/// Whether a vector of curl looks at what is served on this machine.
pub(super) fn asks(argv: &[String]) -> bool {
    let Some((name, words)) = argv.split_first() else { return false };
    let mut n_addresses = 0;
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let is_flag = || {
            let letters =
                word.strip_prefix('-').filter(|it| !it.starts_with('-') && !it.is_empty());
            letters.is_some_and(|it| it.chars().all(|ch| LETTERS.contains(ch)))
                || FLAGS.contains(&word)
        };
        if lists(OUTPUTS, word) {
            if !words.next().is_some_and(|it| NOWHERE.contains(&it)) {
                return false;
            }
        } else if let Some((_, begins)) = VALUED.iter().find(|it| lists(it.0, word)) {
            let is_known = |value: &str| {
                begins.iter().any(|it| value.starts_with(it))
                    || (begins.is_empty()
                        && value.chars().all(|ch| ch.is_ascii_digit() || ch == '.'))
            };
            if !words.next().is_some_and(is_known) {
                return false;
            }
        } else if !word.starts_with('-') {
            if !is_local(word) {
                return false;
            }
            n_addresses += 1;
        } else if !is_flag() {
            return false;
        }
    }
    name == "curl" && n_addresses > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    #[test]
    fn what_is_served_here_is_told_from_everything_else() {
        for line in [
            "curl -s http://localhost:3000/api/health",
            "curl -sS -i localhost:8080",
            "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:5173/x?y=z",
            "curl -sf -m 5 -H 'Accept: application/json' http://[::1]:4000/",
            "curl -X GET --max-time 2.5 http://localhost:3000",
        ] {
            assert!(asks(&split(line).unwrap()), "{line}");
        }
        for line in [
            "curl http://localhost",
            "curl http://localhost:80/",
            "curl http://localhost:2375/containers/json",
            "curl http://localhost:8001/api/v1/secrets",
            "curl http://localhost:3000@evil.example/",
            "curl http://localhost.evil.example:3000/",
            "curl http://localhost:3000/ https://evil.example/",
            "curl http://evil.example:3000/localhost:3000",
            "curl -d x=y http://localhost:3000/",
            "curl -X POST http://localhost:3000/",
            "curl -sX POST http://localhost:3000/",
            "curl -XDELETE http://localhost:3000/",
            "curl -L http://localhost:3000/",
            "curl -F f=@x http://localhost:3000/",
            "curl -T x http://localhost:3000/",
            "curl -o x http://localhost:3000/",
            "curl -o -x http://localhost:3000/",
            "curl -O http://localhost:3000/x",
            "curl -K x http://localhost:3000/",
            "curl -x http://evil.example http://localhost:3000/",
            "curl -w @x http://localhost:3000/",
            "curl -H 'Authorization: x' http://localhost:3000/",
            "curl -H @x http://localhost:3000/",
            "curl --unix-socket /var/run/docker.sock http://localhost:3000/",
            "curl --connect-to ::evil.example: http://localhost:3000/",
            "curl http://localhost:$P/",
            "curl 'http://localhost:{3000,22}/'",
            "curl 'http://localhost:3000/{a,b}'",
            "curl -s",
            "/tmp/curl http://localhost:3000/",
        ] {
            assert!(!asks(&split(line).unwrap()), "{line}");
        }
    }
}

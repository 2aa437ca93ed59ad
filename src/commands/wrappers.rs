//! Commands that run another command: where in their vector it begins.
use super::{base_name, quote::split};

/// `NAME=value` pairs, in order.
pub(super) type Assignments = Vec<(String, String)>;

/// What a wrapper runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inner {
    /// The vector from this place on.
    Vector(Vec<String>),
    /// A script, for a shell.
    Script(String),
}

/// How a wrapper's own arguments look.
struct Wrapper {
    name: &'static str,
    /// Options that take the next word as their value.
    valued: &'static [&'static str],
    /// Options that make it something else than a wrapper: it then stands for itself.
    own: &'static [&'static str],
    /// Operands before the wrapped command.
    n_operands: usize,
    /// Whether `NAME=value` words may stand before the wrapped command.
    assignments: bool,
}

const fn wrapper(name: &'static str, valued: &'static [&'static str]) -> Wrapper {
    Wrapper { name, valued, own: &[], n_operands: 0, assignments: false }
}

/// Transparent wrappers.
///
/// # Source
/// The options are those of the manual pages: sudo 1.9, doas (OpenBSD), GNU coreutils 9 and
/// findutils 4.9, util-linux 2.39, procps 4, moreutils, bash 5.2, strace 6.
const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        valued: &[
            "-u",
            "-g",
            "-h",
            "-p",
            "-C",
            "-r",
            "-t",
            "-T",
            "-U",
            "-D",
            "-R",
            "--user",
            "--group",
            "--host",
            "--prompt",
            "--close-from",
            "--role",
            "--type",
            "--command-timeout",
            "--other-user",
            "--chdir",
            "--chroot",
        ],
        own: &["-e", "--edit", "-l", "--list", "-v", "--validate", "-k", "-K"],
        assignments: true,
        ..wrapper("sudo", &[])
    },
    wrapper("doas", &["-u", "-C", "-a"]),
    Wrapper {
        assignments: true,
        ..wrapper("env", &["-u", "--unset", "-C", "--chdir", "-a", "--argv0"])
    },
    Wrapper { n_operands: 1, ..wrapper("timeout", &["-k", "--kill-after", "-s", "--signal"]) },
    Wrapper { n_operands: 1, ..wrapper("gtimeout", &["-k", "--kill-after", "-s", "--signal"]) },
    wrapper("nice", &["-n", "--adjustment"]),
    wrapper("ionice", &["-c", "--class", "-n", "--classdata", "-p", "--pid", "-P", "-u"]),
    Wrapper { n_operands: 1, ..wrapper("chrt", &["-T", "-P", "-D", "-p"]) },
    Wrapper { n_operands: 1, ..wrapper("taskset", &["-p"]) },
    wrapper("nohup", &[]),
    wrapper("setsid", &[]),
    wrapper("time", &["-f", "--format", "-o", "--output"]),
    wrapper("stdbuf", &["-i", "--input", "-o", "--output", "-e", "--error"]),
    wrapper("unbuffer", &[]),
    wrapper("caffeinate", &["-t", "-w"]),
    Wrapper { own: &["-v", "-V"], ..wrapper("command", &[]) },
    wrapper("builtin", &[]),
    wrapper("exec", &["-a"]),
    wrapper("noglob", &[]),
    wrapper("nocorrect", &[]),
    wrapper(
        "xargs",
        &[
            "-I",
            "-n",
            "-P",
            "-L",
            "-s",
            "-d",
            "-a",
            "-E",
            "-J",
            "-R",
            "-S",
            "--max-args",
            "--max-procs",
            "--max-lines",
            "--max-chars",
            "--delimiter",
            "--arg-file",
            "--replace",
        ],
    ),
    wrapper(
        "strace",
        &["-e", "-o", "-p", "-s", "-E", "-u", "-a", "-b", "-I", "-O", "-P", "-S", "-X"],
    ),
    wrapper("ltrace", &["-e", "-o", "-p", "-s", "-u", "-a", "-A", "-l", "-n", "-x"]),
    Wrapper {
        n_operands: 1,
        ..wrapper("flock", &["-w", "--timeout", "-E", "--conflict-exit-code"])
    },
    wrapper("busybox", &[]),
    wrapper("toybox", &[]),
    wrapper("ifne", &[]),
    wrapper("chronic", &[]),
];

/// Wrappers whose operands are joined to one shell script.
const SCRIPT_WRAPPERS: &[Wrapper] = &[
    Wrapper { own: &["-h", "--help"], ..wrapper("watch", &["-n", "--interval"]) },
    wrapper(
        "parallel",
        &["-j", "--jobs", "-N", "-n", "-I", "-a", "--arg-file", "--delay", "--timeout"],
    ),
];

/// The names of all wrappers.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    WRAPPERS.iter().chain(SCRIPT_WRAPPERS).map(|it| it.name)
}

/// What `argv` runs, where it is a wrapper around something; `None` where it stands for itself.
///
/// Also gives the assignments that the wrapper makes for it.
pub(super) fn unwrap(argv: &[String]) -> Option<(Inner, Assignments)> {
    let name = base_name(argv.first()?);
    if let Some(wrapper) = WRAPPERS.iter().find(|it| it.name == name) {
        if let Some(script) = flock_script(name, argv) {
            return Some((Inner::Script(script.clone()), Vec::new()));
        }
        let (rest, assignments) = wrapper.rest(argv)?;
        return Some((Inner::Vector(rest.to_vec()), assignments));
    }
    let wrapper = SCRIPT_WRAPPERS.iter().find(|it| it.name == name)?;
    let (rest, assignments) = wrapper.rest(argv)?;
    let end = rest.iter().position(|word| word.starts_with(":::")).unwrap_or(rest.len());
    let words = rest.get(..end).unwrap_or_default();
    (!words.is_empty()).then(|| (Inner::Script(words.join(" ")), assignments))
}

/// `flock FILE -c SCRIPT`.
fn flock_script<'a>(name: &str, argv: &'a [String]) -> Option<&'a String> {
    let is_script = |word: &String| matches!(word.as_str(), "-c" | "--command");
    let at = argv.iter().position(is_script).filter(|_| name == "flock")?;
    argv.get(at + 1)
}

impl Wrapper {
    /// The words after the wrapper's own; `None` where none are left or it stands for itself.
    fn rest<'a>(&self, argv: &'a [String]) -> Option<(&'a [String], Assignments)> {
        let mut rest = argv.get(1..)?;
        let mut assignments = Vec::new();
        let mut n_operands = self.n_operands;
        loop {
            let (first, after) = rest.split_first()?;
            if self.own.contains(&first.as_str()) {
                return None;
            }
            if first == "--" {
                rest = after;
                rest = rest.get(n_operands..)?;
                break;
            }
            if first.len() > 1 && first.starts_with('-') {
                let valued = self.valued.contains(&first.as_str());
                rest = if valued { after.get(1..)? } else { after };
                continue;
            }
            if self.assignments
                && let Some((name, value)) = assignment(first)
            {
                assignments.push((name.to_owned(), value.to_owned()));
                rest = after;
                continue;
            }
            if n_operands > 0 {
                n_operands -= 1;
                rest = after;
                continue;
            }
            break;
        }
        (!rest.is_empty()).then_some((rest, assignments))
    }
}

/// `env -S 'words'`: the words split, in place of the option.
pub(super) fn split_string(argv: &[String]) -> Option<Vec<String>> {
    let at = argv
        .iter()
        .position(|word| word.starts_with("-S") || word.starts_with("--split-string"))?;
    let word = argv.get(at)?;
    let (text, next) = match word.split_once('=') {
        Some((_, text)) if word.starts_with("--") => (text, at + 1),
        _ if word.len() > 2 && !word.starts_with("--") => (word.get(2..)?, at + 1),
        _ => (argv.get(at + 1)?.as_str(), at + 2),
    };
    let mut res = argv.get(..at)?.to_vec();
    res.extend(split(text)?);
    res.extend_from_slice(argv.get(next..).unwrap_or_default());
    Some(res)
}

/// `NAME=value`.
pub(super) fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_name = !name.is_empty()
        && !name.starts_with(|ch: char| ch.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((name, value))
}

/// What `find -exec` and `fd --exec` run, each vector without its terminator.
pub(super) fn executed(argv: &[String]) -> Vec<Vec<String>> {
    let flags: &[&str] = match argv.first().map(|it| base_name(it)) {
        Some("find" | "gfind") => &["-exec", "-execdir", "-ok", "-okdir"],
        Some("fd" | "fdfind") => &["-x", "--exec", "-X", "--exec-batch"],
        _ => return Vec::new(),
    };
    let starts = argv.iter().enumerate().filter(|(_, word)| flags.contains(&word.as_str()));
    let vectors = starts.filter_map(|(at, _)| {
        let words = argv.get(at + 1..)?;
        let ends = |word: &String| matches!(word.as_str(), ";" | "+" | "\\;");
        let end = words.iter().position(ends).unwrap_or(words.len());
        words.get(..end).filter(|words| !words.is_empty()).map(<[String]>::to_vec)
    });
    vectors.collect()
}

/// What `ssh`, `docker exec` and `kubectl exec` run elsewhere.
pub(super) fn remote(argv: &[String]) -> Option<Inner> {
    const SSH_VALUED: &str = "BbcDEeFIiJLlmOoPpQRSWw";
    const EXEC_VALUED: &[&str] = &[
        "-u",
        "--user",
        "-w",
        "--workdir",
        "-e",
        "--env",
        "--env-file",
        "--detach-keys",
        "-n",
        "--namespace",
        "-c",
        "--container",
        "--context",
        "--index",
    ];
    let name = base_name(argv.first()?);
    match name {
        "ssh" => {
            let mut at = 1;
            while let Some(word) = argv.get(at).filter(|word| word.starts_with('-')) {
                let flag = word.chars().nth(1)?;
                at += if word.len() == 2 && SSH_VALUED.contains(flag) { 2 } else { 1 };
            }
            let words = argv.get(at + 1..)?;
            (!words.is_empty()).then(|| Inner::Script(words.join(" ")))
        }
        "docker" | "podman" | "nerdctl" | "kubectl" | "oc" | "docker-compose" => {
            let exec = argv.iter().position(|word| word == "exec")?;
            let mut rest = argv.get(exec + 1..)?;
            if let Some(at) = rest.iter().position(|word| word == "--") {
                rest = rest.get(at + 1..)?;
            } else {
                while let Some(word) = rest.first().filter(|word| word.starts_with('-')) {
                    let n = if EXEC_VALUED.contains(&word.as_str()) { 2 } else { 1 };
                    rest = rest.get(n..)?;
                }
                rest = rest.get(1..)?;
            }
            (!rest.is_empty()).then(|| Inner::Vector(rest.to_vec()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Vec<String> {
        split(line).unwrap()
    }

    #[test]
    fn wrappers_give_what_they_run() {
        for (line, inner) in [
            ("sudo -u bob ls -l", Some("ls -l")),
            ("sudo -l", None),
            ("env -i A=b PATH=/x make", Some("make")),
            ("env", None),
            ("timeout -k 5 60 go test", Some("go test")),
            ("timeout --foreground 5s ls", Some("ls")),
            ("nice -n 10 make", Some("make")),
            ("xargs -I {} rm {}", Some("rm {}")),
            ("xargs -0 -n1 wc -l", Some("wc -l")),
            ("xargs", None),
            ("command -v git", None),
            ("command git status", Some("git status")),
            ("flock /tmp/lock ls", Some("ls")),
            ("taskset 0x3 ls", Some("ls")),
            ("time -p ls", Some("ls")),
            ("stdbuf -oL grep x", Some("grep x")),
            ("exec -a name ls", Some("ls")),
            ("ls -l", None),
        ] {
            let inner = inner.map(|it| Inner::Vector(argv(it)));
            assert_eq!(unwrap(&argv(line)).map(|it| it.0), inner, "{line}");
        }
        let script = |text: &str| Some(Inner::Script(text.to_owned()));
        assert_eq!(unwrap(&argv("watch -n 1 'ls | wc'")).map(|it| it.0), script("ls | wc"));
        assert_eq!(unwrap(&argv("flock f -c 'a; b'")).map(|it| it.0), script("a; b"));
        assert_eq!(split_string(&argv("env -S 'ls -l' x")).unwrap(), argv("env ls -l x"));
    }

    #[test]
    fn what_runs_elsewhere_is_found() {
        let script = |text: &str| Some(Inner::Script(text.to_owned()));
        assert_eq!(remote(&argv("ssh -p 22 -i key bob@h ls -l")), script("ls -l"));
        assert_eq!(remote(&argv("ssh h")), None);
        let vector = |text: &str| Some(Inner::Vector(argv(text)));
        assert_eq!(remote(&argv("docker exec -it -u root c sh -c ls")), vector("sh -c ls"));
        assert_eq!(remote(&argv("kubectl -n x exec pod -- ls /")), vector("ls /"));
        assert_eq!(remote(&argv("docker ps")), None);
        let found = executed(&argv("find . -name x -exec rm -f {} ';' -exec ls {} +"));
        assert_eq!(found, [argv("rm -f {}"), argv("ls {}")]);
    }
}

//! Transparent wrappers: commands that run the rest of their vector, and nothing else.
use std::{collections::BTreeMap, ops::Range, sync::LazyLock};

use super::{base_name, quote::split};

/// `NAME=value` pairs, in order.
pub(super) type Assignments = Vec<(String, String)>;

/// What a command runs, as places in its vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inner {
    /// The words there are a vector.
    Vector(Range<usize>),
    /// The words there, joined by blanks, are a script.
    Script(Range<usize>),
}

/// What stands inside a wrapper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inside {
    pub(super) inner: Inner,
    /// What the wrapper assigns for it.
    pub(super) assignments: Assignments,
    /// What the wrapper replaces in it by text that is not known: the `{}` of `xargs -I{}`.
    pub(super) placeholder: Option<String>,
}

/// How a wrapper's own arguments look.
#[derive(Debug)]
pub(super) struct Wrapper {
    /// Blank-separated.
    pub(super) names: &'static str,
    /// Letters of the short options that take a value, joined or as the next word.
    pub(super) short: &'static str,
    /// Long options that take the next word as their value, blank-separated.
    pub(super) long: &'static str,
    /// Letters of the short options that make it something else than a wrapper: it stands for itself.
    pub(super) own: &'static str,
    /// Operands before the wrapped command.
    pub(super) n_operands: usize,
    /// Whether `NAME=value` words may stand before the wrapped command.
    pub(super) assigns: bool,
}

pub(super) const fn wrapper(
    names: &'static str,
    short: &'static str,
    long: &'static str,
) -> Wrapper {
    Wrapper { names, short, long, own: "", n_operands: 0, assigns: false }
}

/// Transparent wrappers.
///
/// # Source
/// The options are those of the manual pages: sudo 1.9, doas (OpenBSD), GNU coreutils 9 and
/// findutils 4.9, util-linux 2.39, procps 4, moreutils, bash 5.2, strace 6.
const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        own: "elvK",
        assigns: true,
        ..wrapper(
            "sudo",
            "ughpCrtTUDR",
            "user group host prompt close-from role type command-timeout other-user chdir chroot",
        )
    },
    wrapper("doas", "uCa", ""),
    Wrapper { assigns: true, ..wrapper("env genv", "uCa", "unset chdir argv0") },
    Wrapper { n_operands: 1, ..wrapper("timeout gtimeout", "ks", "kill-after signal") },
    wrapper("nice gnice", "n", "adjustment"),
    Wrapper { own: "pPu", ..wrapper("ionice", "cn", "class classdata") },
    Wrapper { own: "p", n_operands: 1, ..wrapper("chrt", "TPD", "") },
    Wrapper { own: "p", n_operands: 1, ..wrapper("taskset", "", "") },
    wrapper("nohup gnohup", "", ""),
    wrapper("setsid", "", ""),
    wrapper("time gtime", "fo", "format output"),
    wrapper("stdbuf gstdbuf", "ioe", "input output error"),
    wrapper("unbuffer", "", ""),
    wrapper("caffeinate", "tw", ""),
    Wrapper { own: "vV", ..wrapper("command", "", "") },
    wrapper("builtin", "", ""),
    wrapper("exec", "a", ""),
    wrapper("noglob", "", ""),
    wrapper("nocorrect", "", ""),
    wrapper(
        "xargs gxargs",
        "InPLsdaEJRS",
        "max-args max-procs max-chars delimiter arg-file process-slot-var",
    ),
    wrapper(
        "strace",
        "eopsEuabIOPSX",
        "output trace attach string-limit env user columns interruptible",
    ),
    wrapper("ltrace", "eopsuaAlnxDw", "output"),
    Wrapper { n_operands: 1, ..wrapper("flock", "wE", "timeout wait conflict-exit-code") },
    wrapper("busybox toybox", "", ""),
    wrapper("ifne", "", ""),
    wrapper("chronic", "", ""),
];

/// Wrappers whose operands are joined to one shell script.
const SCRIPT_WRAPPERS: &[Wrapper] = &[
    Wrapper { own: "hv", ..wrapper("watch gwatch", "nqs", "interval equexit shotsdir") },
    wrapper(
        "parallel",
        "jNnIaLsSPdECM",
        "jobs max-args max-replace-args arg-file delay timeout joblog retries sshlogin results tmpdir \
         delimiter colsep max-procs max-lines max-chars workdir env basefile return halt load memfree",
    ),
];

/// Whether a wrapper joins its operands to a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joins {
    Yes,
    No,
}

/// The wrappers by each of their names.
static BY_NAME: LazyLock<BTreeMap<&str, (&Wrapper, Joins)>> = LazyLock::new(|| {
    let plain = WRAPPERS.iter().map(|it| (it, Joins::No));
    let all = plain.chain(SCRIPT_WRAPPERS.iter().map(|it| (it, Joins::Yes)));
    all.flat_map(|(it, joins)| it.names.split(' ').map(move |name| (name, (it, joins)))).collect()
});

/// The names of all wrappers.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    BY_NAME.keys().copied()
}

/// What `argv` runs, where it is a wrapper around something; `None` where it stands for itself.
pub(super) fn unwrap(argv: &[String]) -> Option<Inside> {
    let name = base_name(argv.first()?);
    let &(wrapper, joins) = BY_NAME.get(name)?;
    if joins == Joins::No {
        if let Some(at) = flock_script(name, argv) {
            let (inner, assignments) = (Inner::Script(at..at + 1), Vec::new());
            return Some(Inside { inner, assignments, placeholder: None });
        }
        let (at, assignments) = wrapper.rest(argv)?;
        let placeholder = wrapper.is_named("xargs").then(|| placeholder(argv.get(..at)?)).flatten();
        return Some(Inside { inner: Inner::Vector(at..argv.len()), assignments, placeholder });
    }
    let (at, assignments) = wrapper.rest(argv)?;
    let words = argv.get(at..)?;
    let n_words = words.iter().position(|word| word.starts_with(":::")).unwrap_or(words.len());
    let is_vector = wrapper.is_named("watch")
        && argv.get(1..at)?.iter().any(|word| matches!(word.as_str(), "-x" | "--exec"));
    let places = at..at + n_words;
    let inner = if is_vector { Inner::Vector(places) } else { Inner::Script(places) };
    (n_words > 0).then_some(Inside { inner, assignments, placeholder: None })
}

/// `flock FILE -c SCRIPT`: where the script is.
fn flock_script(name: &str, argv: &[String]) -> Option<usize> {
    let is_script = |word: &String| matches!(word.as_str(), "-c" | "--command");
    let at = argv.iter().position(is_script).filter(|_| name == "flock")?;
    (at + 1 < argv.len()).then_some(at + 1)
}

/// What `xargs -I R`, `-i` or `--replace=R` replaces.
fn placeholder(options: &[String]) -> Option<String> {
    let mut words = options.iter().skip(1);
    let mut res = None;
    while let Some(word) = words.next() {
        res = match (word.strip_prefix("--replace"), word.strip_prefix("-i")) {
            (Some(text), _) => Some(text.strip_prefix('=').unwrap_or("{}").to_owned()),
            (_, Some("")) => Some("{}".to_owned()),
            (_, Some(text)) => Some(text.to_owned()),
            _ => match word.split_once(['I', 'J']).filter(|(before, _)| is_cluster(before)) {
                Some((_, "")) => words.next().cloned(),
                Some((_, text)) => Some(text.to_owned()),
                None => res,
            },
        };
    }
    res
}

fn is_cluster(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|it| it.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

impl Wrapper {
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.names.split(' ').any(|it| it == name)
    }

    /// Where the words after the wrapper's own begin; `None` where none are left or it stands for
    /// itself.
    pub(super) fn rest(&self, argv: &[String]) -> Option<(usize, Assignments)> {
        let mut at = 1;
        let mut assignments = Vec::new();
        let mut n_operands = self.n_operands;
        loop {
            let word = argv.get(at)?;
            if word == "--" {
                at += 1 + n_operands;
                break;
            }
            if word.starts_with('-') && (word.len() > 1 || self.assigns) {
                at += self.width(word)?;
            } else if self.assigns
                && let Some((name, value)) = assignment(word)
            {
                assignments.push((name.to_owned(), value.to_owned()));
                at += 1;
            } else if n_operands > 0 {
                n_operands -= 1;
                at += 1;
            } else {
                break;
            }
        }
        (at < argv.len()).then_some((at, assignments))
    }

    /// How many words an option takes, itself included; `None` where it makes the wrapper something
    /// else.
    fn width(&self, option: &str) -> Option<usize> {
        if let Some(name) = option.strip_prefix("--") {
            const OWN: &[&str] = &["edit", "list", "validate", "help", "version"];
            let is_own = OWN.contains(&name) && !self.own.is_empty();
            let is_valued = self.long.split(' ').any(|it| it == name);
            return (!is_own).then_some(if is_valued { 2 } else { 1 });
        }
        for (at, ch) in option.char_indices().skip(1) {
            if self.own.contains(ch) {
                return None;
            }
            if self.short.contains(ch) {
                return Some(if at + 1 == option.len() { 2 } else { 1 });
            }
        }
        Some(1)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Vec<String> {
        split(line).unwrap()
    }

    /// What is inside, as text; scripts in braces.
    pub(in crate::commands) fn shown(argv: &[String], inner: &Inner) -> String {
        match inner {
            Inner::Vector(places) => argv[places.clone()].join(" "),
            Inner::Script(places) => format!("{{{}}}", argv[places.clone()].join(" ")),
        }
    }

    #[test]
    fn wrappers_give_what_they_run() {
        for (line, inner) in [
            ("sudo -u bob ls -l", Some("ls -l")),
            ("sudo -nu bob -E A=b ls", Some("ls")),
            ("sudo --user=bob -- ls", Some("ls")),
            ("sudo -k ls", Some("ls")),
            ("sudo -l", None),
            ("sudo -nl ls", None),
            ("sudo --list ls", None),
            ("sudo -e f", None),
            ("sudo", None),
            ("doas -u bob ls", Some("ls")),
            ("env -i A=b PATH=/x make", Some("make")),
            ("env -iu X make", Some("make")),
            ("env - A=b make", Some("make")),
            ("env -C /x make", Some("make")),
            ("env", None),
            ("env A=b", None),
            ("timeout -k 5 60 go test", Some("go test")),
            ("timeout -k5 60 go test", Some("go test")),
            ("timeout --kill-after 5 60 go test", Some("go test")),
            ("timeout --signal=KILL 60 go test", Some("go test")),
            ("timeout --foreground 5s ls", Some("ls")),
            ("timeout 5", None),
            ("nice -n 10 make", Some("make")),
            ("nice -10 make", Some("make")),
            ("nice", None),
            ("ionice -c2 -n 7 make", Some("make")),
            ("ionice -p 12", None),
            ("chrt -f 50 make", Some("make")),
            ("taskset 0x3 ls", Some("ls")),
            ("taskset -c 0,1 ls", Some("ls")),
            ("taskset -cp 0 12", None),
            ("nohup make", Some("make")),
            ("setsid -w make", Some("make")),
            ("time -p ls", Some("ls")),
            ("time -f %e -o f ls", Some("ls")),
            ("stdbuf -oL grep x", Some("grep x")),
            ("stdbuf -o L -e0 grep x", Some("grep x")),
            ("unbuffer make", Some("make")),
            ("caffeinate -dit 60 make", Some("make")),
            ("command -v git", None),
            ("command -pV git", None),
            ("command git status", Some("git status")),
            ("command -p git", Some("git")),
            ("builtin cd x", Some("cd x")),
            ("exec -a name ls", Some("ls")),
            ("exec -cl ls", Some("ls")),
            ("noglob ls *", Some("ls *")),
            ("xargs -I {} rm {}", Some("rm {}")),
            ("xargs -0 -n1 wc -l", Some("wc -l")),
            ("xargs -0n 1 wc", Some("wc")),
            ("xargs -rP4 -L 1 git add", Some("git add")),
            ("xargs --max-args 1 wc", Some("wc")),
            ("xargs --max-args=1 wc", Some("wc")),
            ("xargs", None),
            ("strace -f -e trace=open ls", Some("ls")),
            ("flock /tmp/lock ls", Some("ls")),
            ("flock -xn -w 5 /tmp/lock ls -l", Some("ls -l")),
            ("flock 9", None),
            ("flock f -c 'a; b'", Some("{a; b}")),
            ("busybox ls", Some("ls")),
            ("watch -n 1 'ls | wc'", Some("{ls | wc}")),
            ("watch -dn1 ls -l", Some("{ls -l}")),
            ("watch -x ls -l", Some("ls -l")),
            ("watch --help", None),
            ("parallel -j4 gzip -9 ::: a b", Some("{gzip -9}")),
            ("parallel --jobs 4 'echo {} | wc' :::: f", Some("{echo {} | wc}")),
            ("parallel ::: a b", None),
            ("ls -l", None),
            ("timeouts 5 ls", None),
        ] {
            let argv = argv(line);
            let found = unwrap(&argv).map(|it| shown(&argv, &it.inner));
            assert_eq!(found.as_deref(), inner, "{line}");
        }
    }

    #[test]
    fn wrappers_assign_and_replace() {
        let inside = |line: &str| unwrap(&argv(line)).unwrap();
        let pairs = [("A".to_owned(), "b".to_owned()), ("C".to_owned(), "d=e".to_owned())];
        assert_eq!(inside("env -u X A=b C=d=e make D=f").assignments, pairs);
        assert_eq!(inside("nice make A=b").assignments, []);
        for (line, placeholder) in [
            ("xargs -I{} sh -c x", Some("{}")),
            ("xargs -0I % -n 1 sh -c x", Some("%")),
            ("xargs -i sh", Some("{}")),
            ("xargs --replace=@ sh", Some("@")),
            ("xargs --replace sh", Some("{}")),
            ("xargs -n 1 sh -I x", None),
            ("sudo -u I sh", None),
        ] {
            assert_eq!(inside(line).placeholder.as_deref(), placeholder, "{line}");
        }
        assert_eq!(split_string(&argv("env -S 'ls -l' x")).unwrap(), argv("env ls -l x"));
        assert_eq!(split_string(&argv("env '-Sls -l' x")).unwrap(), argv("env ls -l x"));
        assert_eq!(split_string(&argv("env ls")), None);
    }
}

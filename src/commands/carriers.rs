//! Commands that do something of their own and run another command besides: `find -exec`, `su -c`,
//! and those that run it elsewhere.
use super::{
    base_name,
    grammar::{self, ArgumentKind},
    wrappers::{Inner, Wrapper, wrapper},
};

/// Commands that run the rest of their vector with other rights or in another place of this machine.
///
/// They are no transparent wrappers: what they do of their own needs a rule, too.
///
/// # Source
/// The manual pages of util-linux 2.39, shadow 4.14, polkit, coreutils 9, systemd 255, valgrind 3.22,
/// perf 6.8 and faketime 0.9.
const CARRIERS: &[Wrapper] = &[
    wrapper("pkexec", "", "user"),
    Wrapper { own: "clfw", ..wrapper("runuser", "ugGs", "user group supp-group shell") },
    Wrapper { n_operands: 1, ..wrapper("chroot", "", "") },
    wrapper("unshare", "RwSG", "root wd setuid setgid map-user map-group propagation setgroups"),
    wrapper("nsenter", "tSGrw", "target setuid setgid root wd"),
    wrapper(
        "setpriv",
        "",
        "reuid regid groups inh-caps ambient-caps bounding-set securebits pdeathsig",
    ),
    wrapper(
        "systemd-run",
        "HMpEut",
        "host machine property setenv unit slice uid gid description working-directory nice on-active \
         on-calendar timer-property service-type",
    ),
    wrapper("dbus-run-session", "", "config-file dbus-daemon"),
    wrapper("fakeroot", "lsib", "lib faked"),
    wrapper("valgrind", "", ""),
    Wrapper {
        n_operands: 1,
        ..wrapper("perf", "eoptCFcIrDxGmjL", "event output pid tid cpu repeat delay")
    },
    wrapper("entr", "", ""),
    wrapper(
        "watchexec",
        "ewifdspoE",
        "exts watch ignore filter delay-run shell signal postpone on-busy-update env",
    ),
    wrapper("systemd-inhibit", "", "what who why mode"),
    wrapper("eatmydata", "", ""),
    Wrapper { n_operands: 1, ..wrapper("faketime", "fp", "") },
];

/// Commands each of whose operands is a script, with their options that take the next word.
///
/// # Source
/// The manuals of hyperfine 1.18 and concurrently 9.
const SCRIPTS: &[(&str, &[&str])] = &[
    (
        "concurrently",
        &["-n", "--names", "-c", "--prefix-colors", "-m", "--max-processes", "-p", "--prefix"],
    ),
    ("hyperfine", &["-w", "--warmup", "-r", "--runs", "-m", "--min-runs", "-M", "--max-runs"]),
];

/// The names of commands that run the rest of their vector besides.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let scripts = SCRIPTS.iter().map(|it| it.0);
    CARRIERS.iter().flat_map(|it| it.names.split(' ')).chain(scripts)
}

/// The operands of a command each of which is a script; what an option takes may be one, too.
fn scripts(argv: &[String], valued: &[&str]) -> Vec<Inner> {
    let words = argv.iter().enumerate().skip(1);
    let is_script = |(at, word): &(usize, &String)| {
        let before = argv.get(at - 1).map_or("", String::as_str);
        !word.starts_with('-') && !valued.contains(&before)
    };
    words.filter(is_script).map(|(at, _)| Inner::Script(at..at + 1)).collect()
}

/// What runs here, besides the command itself.
pub(super) fn carried(argv: &[String]) -> Vec<Inner> {
    let Some(name) = argv.first().map(|it| base_name(it)) else { return Vec::new() };
    if let Some((_, valued)) = SCRIPTS.iter().find(|it| it.0 == name) {
        return scripts(argv, valued);
    }
    // The value of an option, which is a script.
    let value = |names: &[&str]| option(argv, names).map(|at| Inner::Script(at..at + 1));
    match name {
        "find" | "gfind" => executed(argv, &["-exec", "-execdir", "-ok", "-okdir"]),
        "fd" | "fdfind" => executed(argv, &["-x", "--exec", "-X", "--exec-batch"]),
        "nodemon" => value(&["-x", "--exec"]).into_iter().collect(),
        // What follows is joined to a script for the shell of the device.
        "adb" => {
            let script = option(argv, &["shell", "exec-out"]);
            script.map(|at| Inner::Script(at..argv.len())).into_iter().collect()
        }
        "su" | "runuser" | "script" | "sg" if option(argv, &["-c", "--command"]).is_some() => {
            value(&["-c", "--command"]).into_iter().collect()
        }
        _ => {
            let carrier = CARRIERS.iter().find(|it| it.is_named(name));
            let rest = carrier.and_then(|it| it.rest(argv));
            rest.map(|(at, _)| Inner::Vector(at..argv.len())).into_iter().collect()
        }
    }
}

/// What is between one of `flags` and `;` or `+`, each time; a flag in between belongs to what runs.
fn executed(argv: &[String], flags: &[&str]) -> Vec<Inner> {
    let mut vectors = Vec::new();
    let mut at = 0;
    while let Some(word) = argv.get(at) {
        at += 1;
        if flags.contains(&word.as_str()) {
            let words = argv.get(at..).unwrap_or_default();
            let ends = |word: &String| matches!(word.as_str(), ";" | "+" | "\\;");
            let end = at + words.iter().position(ends).unwrap_or(words.len());
            if end > at {
                vectors.push(Inner::Vector(at..end));
            }
            at = end;
        }
    }
    vectors
}

/// Where the value of an option is that stands as a word of its own.
fn option(argv: &[String], names: &[&str]) -> Option<usize> {
    let at = argv.iter().position(|word| names.contains(&word.as_str()))?;
    (at + 1 < argv.len()).then_some(at + 1)
}

/// What runs on another machine or in a container, besides the command itself.
pub(super) fn remote(argv: &[String]) -> Option<Inner> {
    match base_name(argv.first()?) {
        "ssh" | "autossh" => ssh(argv).map(|at| Inner::Script(at..argv.len())),
        "docker" | "podman" | "nerdctl" | "docker-compose" | "podman-compose" | "kubectl"
        | "oc" | "k" | "lxc" | "incus" => exec(argv).map(|at| Inner::Vector(at..argv.len())),
        "vagrant" if argv.get(1)? == "ssh" => {
            option(argv, &["-c", "--command"]).map(|at| Inner::Script(at..at + 1))
        }
        "gcloud" if argv.iter().any(|word| word == "ssh") => {
            option(argv, &["--command"]).map(|at| Inner::Script(at..at + 1))
        }
        _ => None,
    }
}

/// Whether it starts a shell of its own that reads its standard input, since no command is given.
pub(super) fn is_shell_elsewhere(argv: &[String]) -> bool {
    let has_short = |letters: &str| {
        let is_short = |it: &&String| it.starts_with('-') && !it.starts_with("--");
        argv.iter().skip(1).filter(is_short).any(|it| it.contains(|ch| letters.contains(ch)))
    };
    match argv.first().map(|it| base_name(it)) {
        // `-N` runs nothing, `-f` has no input, `-V` and `-Q` only tell.
        Some("ssh") => argv.len() > 1 && !has_short("NfVQ") && ssh(argv).is_none(),
        Some("su") => option(argv, &["-c", "--command"]).is_none(),
        Some("sudo") => has_short("is"),
        _ => false,
    }
}

/// Where the command of `ssh HOST COMMAND` begins.
fn ssh(argv: &[String]) -> Option<usize> {
    const VALUED: &str = "BbcDEeFIiJLlMmOoPpQRSWw";
    let mut at = 1;
    let mut has_host = false;
    loop {
        let word = argv.get(at)?;
        if word == "--" {
            at += 1;
            return (at + usize::from(!has_host) < argv.len())
                .then_some(at + usize::from(!has_host));
        }
        if word.len() > 1 && word.starts_with('-') {
            let valued = word.char_indices().skip(1).find(|(_, ch)| VALUED.contains(*ch));
            at += if valued.is_some_and(|(it, _)| it + 1 == word.len()) { 2 } else { 1 };
        } else if has_host {
            return Some(at);
        } else {
            has_host = true;
            at += 1;
        }
    }
}

/// Where the command of `docker exec CONTAINER COMMAND` or `kubectl exec POD -- COMMAND` begins.
fn exec(argv: &[String]) -> Option<usize> {
    let parsed = grammar::parse(argv);
    if *parsed.subcommand.last()? != "exec" {
        return None;
    }
    let is_separator = |kind: &ArgumentKind<'_>| {
        matches!(kind, ArgumentKind::Separator | ArgumentKind::Operand("--"))
    };
    let separator = parsed.arguments.iter().find(|it| is_separator(&it.kind));
    let mut operands =
        parsed.arguments.iter().filter(|it| matches!(it.kind, ArgumentKind::Operand(_)));
    let at = match separator {
        Some(separator) => separator.at + 1,
        None => operands.nth(1)?.at,
    };
    (at < argv.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    fn shown(argv: &[String], inner: &Inner) -> String {
        match inner {
            Inner::Vector(places) => argv[places.clone()].join(" "),
            Inner::Script(places) => format!("{{{}}}", argv[places.clone()].join(" ")),
        }
    }

    #[test]
    fn what_runs_besides_is_found() {
        for (line, inner) in [
            ("find . -name x -exec rm -f {} ';' -execdir ls {} +", &["rm -f {}", "ls {}"][..]),
            ("find . -name x -delete", &[]),
            ("fd -e rs -x rustfmt", &["rustfmt"]),
            ("fd -e rs", &[]),
            ("su -c 'id; ls' bob", &["{id; ls}"]),
            ("su - bob --command id", &["{id}"]),
            ("su bob", &[]),
            ("runuser -u bob -- ls -l", &["ls -l"]),
            ("runuser -l bob -c ls", &["{ls}"]),
            ("runuser -l bob", &[]),
            ("pkexec --user bob ls", &["ls"]),
            ("chroot /mnt ls /", &["ls /"]),
            ("unshare -rn ls", &["ls"]),
            ("nsenter -t 1 -m ls", &["ls"]),
            ("systemd-run --user -p X=y --unit z ls", &["ls"]),
            ("script -q -c ls f", &["{ls}"]),
            ("script f", &[]),
            ("ls -exec x", &[]),
        ] {
            let argv = split(line).unwrap();
            let found: Vec<String> = carried(&argv).iter().map(|it| shown(&argv, it)).collect();
            assert_eq!(found, inner, "{line}");
        }
    }

    #[test]
    fn what_runs_elsewhere_is_found() {
        for (line, inner) in [
            ("ssh -p 22 -i key bob@h ls -l", Some("{ls -l}")),
            ("ssh -tt bob@h -p 22 ls", Some("{ls}")),
            ("ssh -o A=b -- h 'cd x && ls'", Some("{cd x && ls}")),
            ("ssh h", None),
            ("ssh -N -L 1:h:2 h", None),
            ("docker exec -it -u root c sh -c ls", Some("sh -c ls")),
            ("docker exec -e A=b --workdir /x c ls", Some("ls")),
            ("docker container exec c ls", Some("ls")),
            ("docker compose -f x.yml exec -T web ls /", Some("ls /")),
            ("docker-compose exec web ls", Some("ls")),
            ("podman exec c ls", Some("ls")),
            ("docker exec c", None),
            ("docker run c exec ls", None),
            ("docker ps", None),
            ("kubectl -n x exec pod -- ls /", Some("ls /")),
            ("kubectl exec -it pod -c app -- sh -c 'ls /'", Some("sh -c ls /")),
            ("kubectl exec pod ls", Some("ls")),
            ("kubectl get pods", None),
            ("vagrant ssh -c 'ls -l'", Some("{ls -l}")),
            ("gcloud compute ssh vm --zone z --command 'ls -l'", Some("{ls -l}")),
        ] {
            let argv = split(line).unwrap();
            let found = remote(&argv).map(|it| shown(&argv, &it));
            assert_eq!(found.as_deref(), inner, "{line}");
        }
    }
}

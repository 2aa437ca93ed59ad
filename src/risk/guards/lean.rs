//! Shorter lists for roles: a role is read by people, so where a binary has dozens of guard
//! patterns, or a pattern names no binary, a few wider ones stand for them in front of an allow.
//!
//! They are complete for the acts of [`acts`](crate::risk::acts): what an option may do is not listed
//! spelling by spelling, every option is stopped that the role does not use.
use super::{
    Guard,
    GuardClass::{
        Deletion, Egress, Evasion, ForeignCode, HistoryRewriting, OutsideWrite, Persistence,
        RemoteShell, SecretRead, ShellEscape, SystemRead, Upload, WorkLoss,
    },
};

/// A guard with the choices that a role leaves it.
#[derive(Debug)]
pub(super) struct Lean {
    pub(super) guard: Guard,
    /// Fewer patterns that stop the same and more, those behind included; for roles that do none of
    /// the more.
    pub(super) wide: &'static [&'static str],
    /// Patterns that stop whatever is not one of the forms a role uses: allows of these forms stand
    /// in front of them, and the guard's own patterns in front of these.
    pub(super) behind: &'static [&'static str],
}

const fn lean(guard: Guard) -> Lean {
    Lean { guard, wide: &[], behind: &[] }
}

impl Lean {
    const fn wide(mut self, patterns: &'static [&'static str]) -> Self {
        self.wide = patterns;
        self
    }

    const fn behind(mut self, patterns: &'static [&'static str]) -> Self {
        self.behind = patterns;
        self
    }
}

/// Binaries that need no guard of their own in a role: in no form do they run, write or send
/// anything that the guards for every binary do not stop, or the shell alone is concerned. What the
/// programs of `awk` do, and what `uniq` and `tree` write, is read and decided as commands are;
/// `python*` and the like are allowed no more than the scripts they were seen to run.
pub(super) const HARMLESS: &[&str] = &[
    "awk",
    "basename",
    "cat",
    "cmp",
    "comm",
    "cut",
    "date",
    "diff",
    "dirname",
    "fc",
    "file",
    "gawk",
    "grep",
    "head",
    "jq",
    "ls",
    "lua",
    "mawk",
    "mkdir",
    "nl",
    "octave",
    "od",
    "paste",
    "python",
    "realpath",
    "return",
    "set",
    "sha256sum",
    "shasum",
    "stat",
    "strings",
    "tail",
    "touch",
    "tr",
    "tree",
    "uniq",
    "unset",
    "wc",
    "which",
];

/// Lines whose tail is text for people. Words in it are no deeds, so that allows of them stand in
/// front of every guard; commands inside are read and decided on their own.
pub(super) const PROSE: &[&str] = &["git commit -m *", "git commit -am *"];

/// Guards that take the place of all others for the binaries their patterns name; those that name
/// none take the place of all others that name none.
pub(super) const TABLE: &[Lean] = &[
    lean(
        Guard::deny("secrets.keys", "read or replace keys and credential stores", SecretRead)
            .techniques(&["T1552", "T1555"])
            .stops(&[
                "*/.ssh*",
                "*id_rsa*",
                "*id_ed25519*",
                "*.gnupg*",
                "*password-store*",
                "*eychain*",
                "*/.azure*",
                "*.config/g*",
                "*.docker/c*",
                "*.kube/c*",
                "*netrc*",
                "*.pgpass*",
                "*vault-token*",
                "*authorized_keys*",
            ]),
    ),
    lean(
        Guard::ask("secrets.names", "read files that are named after credentials", SecretRead)
            .techniques(&["T1552.001"])
            .stops(&["*/.aws/credentials*", "*git-credentials*"]),
    )
    .wide(&["*credentials*"]),
    lean(
        Guard::ask("secrets.files", "read files that tend to hold secrets", SecretRead)
            .techniques(&["T1552.001"])
            .stops(&["*/.env*", "* .env*", "*@.env*"]),
    )
    .wide(&["*.env*"]),
    lean(
        Guard::deny("secrets.personal", "read browser data, messages, shell histories", SecretRead)
            .techniques(&["T1555.003", "T1552.003", "T1217"])
            .stops(&[
                "*/.*_history*",
                "*/Library/*/Firefox/*",
                "*/Library/*/Chrome/*",
                "*/Library/Messages/*",
            ]),
    )
    .wide(&["*/.*_history*", "*/Library/*"]),
    lean(
        Guard::ask("system.files", "read or write files of the system", SystemRead)
            .techniques(&["T1082", "T1003.008"])
            .stops(&[
                "*/etc/*", "*/proc/*", "*/sys/*", "*/usr/*", "*/var/l*", "*/var/s*", "*/root/*",
            ]),
    )
    .wide(&["*/etc*", "*/proc/*", "*/sys/*", "*/usr/*", "*/var/*", "*/root/*"]),
    lean(
        Guard::ask(
            "persistence.startup",
            "have something run at every start or login",
            Persistence,
        )
        .techniques(&["T1543.001"])
        .stops(&["*/Launch*"]),
    ),
    lean(
        Guard::ask("shell.functions", "build a program out of shell functions", ShellEscape)
            .techniques(&["T1059.004"])
            .stops(&["local *"]),
    ),
    lean(
        Guard::ask("shell.traces", "hide what is done", Evasion)
            .techniques(&["T1070.003", "T1562.003"])
            .stops(&["history *", "export *HIST*"]),
    ),
    lean(
        Guard::deny("escape.network", "open a connection through the shell", RemoteShell)
            .techniques(&["T1059.004"])
            .stops(&["*/dev/tcp/*", "*/dev/udp/*"]),
    ),
    lean(
        Guard::ask("files.delete", "delete recursively, or with options not in use", Deletion)
            .techniques(&["T1485"])
            .stops(&["rm * -*", "rm *'-*"]),
    )
    .behind(&["rm -*"]),
    lean(
        Guard::ask("files.write", "write hidden files, start-up files, or upwards", OutsideWrite)
            .techniques(&["T1546.004", "T1098.004"])
            .stops(&[
                "tee /dev/*",
                "tee *bin/*",
                "tee */lib*",
                "tee /boot/*",
                "tee -a /boot/*",
                "tee */.*",
                "tee .*",
                "tee *../*",
            ]),
    )
    .wide(&[
        "tee /*",
        "tee * /*",
        "tee *bin/*",
        "tee */lib*",
        "tee */.*",
        "tee .*",
        "tee *../*",
    ]),
    lean(
        Guard::ask("files.write-code", "write what the system or Python runs unasked", Persistence)
            .techniques(&["T1543", "T1546"])
            .stops(&[
                "tee *-packages/*",
                "tee *customize.py*",
                "tee *.service",
                "tee *.timer",
                "tee *.plist*",
            ]),
    ),
    lean(
        Guard::ask("files.copy", "copy over hidden files, or out of the workspace", OutsideWrite)
            .techniques(&["T1546.004"])
            .stops(&[
                "cp * .*",
                "cp */.*",
                "cp */dev/*",
                "cp * /b*",
                "cp * /usr*",
                "cp * /sbin/*",
                "cp * /lib*",
                "cp * /System/*",
                "cp * /Library/*",
                "cp * *-packages/*",
            ]),
    )
    .wide(&["cp * .*", "cp */.*", "cp */dev/*", "cp * /*", "cp * *-packages/*"]),
    lean(
        Guard::ask("files.move", "move over hidden files, or out of the workspace", OutsideWrite)
            .techniques(&["T1546.004"])
            .stops(&[
                "mv * .*",
                "mv */.*",
                "mv /b*",
                "mv /home *",
                "mv /lib*",
                "mv /sbin/*",
                "mv * /b*",
                "mv * /sbin/*",
                "mv * /lib*",
                "mv * /System/*",
                "mv * /Library/*",
                "mv * /dev/null",
            ]),
    )
    .wide(&["mv * .*", "mv */.*", "mv /*", "mv * /*"]),
    lean(
        Guard::ask("files.link", "link over hidden files, or out of the workspace", OutsideWrite)
            .techniques(&["T1546.004"])
            .stops(&["ln */.*", "ln * .*", "ln /b*", "ln * /*"]),
    ),
    lean(
        Guard::ask("files.modes", "change modes in forms not in use", OutsideWrite)
            .techniques(&["T1222.002", "T1548.001"])
            .stops(&["chmod * -*"]),
    )
    .behind(&["chmod *"]),
    lean(
        Guard::ask("files.find-writes", "write or delete what a search finds", Deletion)
            .techniques(&["T1485"])
            .stops(&["find *-delete*", "find *-fprint*", "find *-fls*", "find / *"]),
    )
    .wide(&["find *-delete*", "find *-f*p*", "find *-f*ls*", "find / *"]),
    lean(
        Guard::ask("git.rewrite-shared", "overwrite or delete what others have", HistoryRewriting)
            .techniques(&["T1565.001"])
            .stops(&[
                "git *push * -*",
                "git *push *'-*",
                "git *push*+*",
                "git *push*:*",
                "git *push -*-* ma*",
            ]),
    )
    .behind(&["git *push -*"]),
    lean(
        Guard::ask("git.rewrite", "rewrite commits, or drop what undoes that", HistoryRewriting)
            .techniques(&["T1485"])
            .stops(&["git *filter-*", "git *update-ref *", "git *gc *"]),
    ),
    lean(
        Guard::ask("git.forget", "drop what undoes a rewrite", HistoryRewriting)
            .techniques(&["T1485"])
            .stops(&["git *reflog *expire*", "git *reflog *delete*"]),
    )
    .wide(&["git *reflog *"]),
    lean(
        Guard::ask("git.clean", "throw away work that is nowhere else", WorkLoss)
            .techniques(&["T1485"])
            .stops(&["git *clean *", "git *restore *"]),
    ),
    lean(
        Guard::ask("git.checkout", "check out over work, or with options not in use", WorkLoss)
            .techniques(&["T1485"])
            .stops(&["git *checkout * -*", "git *checkout *'-*", "git *checkout *. *"]),
    )
    .behind(&["git *checkout -*"])
    .wide(&["git *checkout *"]),
    lean(
        Guard::ask("git.switch", "switch over work, or with options not in use", WorkLoss)
            .techniques(&["T1485"])
            .stops(&["git *switch * -*", "git *switch *'-*"]),
    )
    .behind(&["git *switch -*"])
    .wide(&["git *switch *"]),
    lean(
        Guard::ask("git.stash", "drop work that was put aside", WorkLoss)
            .techniques(&["T1485"])
            .stops(&["git *stash*drop*", "git *stash*clear*"]),
    )
    .wide(&["git *stash*r*"]),
    lean(Guard::ask("git.reset", "reset with options not in use", WorkLoss).techniques(&["T1485"]))
        .behind(&["git *reset *--*"])
        .wide(&["git *reset *"]),
    lean(
        Guard::ask("git.branch", "delete branches, or with options not in use", WorkLoss)
            .techniques(&["T1485"])
            .stops(&["git *branch * -*", "git *branch *'-*"]),
    )
    .behind(&["git *branch -*"])
    .wide(&["git *branch *"]),
    lean(
        Guard::ask("git.tag", "delete or move tags, or with options not in use", WorkLoss)
            .techniques(&["T1485"])
            .stops(&["git *tag * -*"]),
    )
    .behind(&["git *tag -*"])
    .wide(&["git *tag *"]),
    lean(
        Guard::ask("git.configure", "change what git runs or trusts", ShellEscape)
            .techniques(&["T1059.004"])
            .stops(&["git -c *", "git -* -c *", "git --config-env*"]),
    )
    .behind(&["git *config *"]),
    lean(
        Guard::ask("git.code", "make git run code", ShellEscape).techniques(&["T1059.004"]).stops(
            &[
                "git --exec-path*",
                "git -* --exec-path*",
                "git -p *",
                "git --paginate *",
                "git *--upl*",
                "git *--template*",
                "git *ext::*",
                "git *apply *--unsafe*",
                "git *archive *--exec*",
                "git *bisect *",
                "git *daemon *",
                "git *difftool *",
                "git *grep *-O*",
                "git *grep *--op*",
                "git *instaweb *",
                "git *mergetool *",
                "git *p4 *",
                "git *submodule *",
                "git *svn *",
            ],
        ),
    ),
    lean(
        Guard::ask("git.clone", "fetch what is foreign with options not in use", ShellEscape)
            .techniques(&["T1059.004"])
            .stops(&["git *clone * -*"]),
    )
    .behind(&["git *clone -*"])
    .wide(&["git *clone *"]),
    lean(
        Guard::ask("git.rebase", "rebase with options not in use", ShellEscape)
            .techniques(&["T1059.004"])
            .stops(&["git *rebase * -*"]),
    )
    .behind(&["git *rebase -*"])
    .wide(&["git *rebase *"]),
    lean(
        Guard::ask("files.edit", "edit start-up files in place", OutsideWrite)
            .techniques(&["T1546.004"])
            .stops(&[
                "sed */.bash*",
                "sed */.zsh*",
                "sed */.*profile*",
                "sed */.*config*",
                "sed * /boot*",
                "sed * /lib*",
            ]),
    )
    .wide(&[
        "sed */.*sh*",
        "sed */.*profile*",
        "sed */.*config*",
        "sed * /boot*",
        "sed * /lib*",
    ]),
    lean(
        Guard::ask("escape.sort", "run code while sorting", ShellEscape)
            .techniques(&["T1059.004"])
            .stops(&["sort *--comp*"]),
    ),
    lean(
        Guard::ask("escape.search", "run code while searching", ShellEscape)
            .techniques(&["T1059.004"])
            .stops(&["rg *--pre*", "rg *--hostname-bin*"]),
    ),
    lean(
        Guard::ask("packages.elsewhere", "install packages from elsewhere", ForeignCode)
            .techniques(&["T1195.001"])
            .stops(&["pip *://*", "pip3 *://*"]),
    ),
    lean(
        Guard::ask("files.hex", "write files from hexadecimal text", OutsideWrite)
            .techniques(&["T1027"])
            .stops(&["xxd *-r*"]),
    ),
    lean(
        Guard::ask("network.send", "send data, or keep what is fetched", Upload)
            .techniques(&["T1048", "T1105"])
            .stops(&[
                "curl *-d*",
                "curl *--data*",
                "curl *-F*",
                "curl *--form*",
                "curl *-T*",
                "curl *--upload*",
                "curl *-X*",
                "curl *--request*",
                "curl *--json*",
                "curl *-o*",
                "curl *--output*",
                "curl *-K*",
                "curl *--config*",
                "curl *file:*",
                "curl *gopher:*",
                "curl *hook*",
                "curl *paste*",
                "curl *transfer.sh*",
                "curl *file.io*",
                "curl *0x0.st*",
                "curl *--engine*",
                "curl *requestbin*",
                "curl *pipedream*",
                "curl *interact.sh*",
                "curl *burpcollab*",
                "curl *ngrok*",
            ]),
    ),
    lean(
        Guard::ask("network.metadata", "ask the cloud for the machine's own rights", Egress)
            .techniques(&["T1552.005"])
            .stops(&[
                "curl *169.254*",
                "curl *metadata*",
                "curl *100.100.100.200*",
                "curl *fd00:ec2*",
            ]),
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        commands::read,
        policy::{Pattern, includes},
        risk::guards,
    };

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|it| Pattern::new(it)).collect()
    }

    #[test]
    fn what_the_long_lists_stop_the_short_ones_stop_too() {
        let of = |wide: bool| -> Vec<Pattern> {
            let choice = TABLE.iter().flat_map(|it| {
                let is_wide = wide && !it.wide.is_empty();
                let (front, behind) =
                    if is_wide { (it.wide, &[][..]) } else { (it.guard.patterns, it.behind) };
                front.iter().chain(behind)
            });
            choice.map(|it| Pattern::new(it)).collect()
        };
        let lists = [of(false), of(true)];
        let binaries: BTreeSet<&str> = lists[0].iter().filter_map(Pattern::first_word).collect();
        let mut missed = Vec::new();
        let mut n_hits = 0;
        for guard in guards().iter().filter(|it| it.level == crate::risk::RiskLevel::Critical) {
            for pattern in patterns(guard.patterns) {
                if !pattern.first_word().is_some_and(|word| binaries.contains(word)) {
                    continue;
                }
                // What an export makes run is read as a command, or known not to be known.
                let is_seen = |hit: &str| {
                    let reading = read(&["bash", "-c", hit].map(str::to_owned));
                    reading.unresolved.is_empty() && reading.commands.len() == 1
                };
                let hits = guard.hits.iter().filter(|hit| pattern.matches(hit));
                for hit in hits.filter(|hit| is_seen(hit)) {
                    n_hits += 1;
                    if !lists.iter().all(|list| list.iter().any(|it| it.matches(hit))) {
                        missed.push(*hit);
                    }
                }
            }
        }
        assert!(n_hits > 30);
        assert_eq!(missed, Vec::<&str>::new());
    }

    #[test]
    fn wide_patterns_hold_the_ones_they_stand_for() {
        let mut not_held = Vec::new();
        for it in TABLE.iter().filter(|it| !it.wide.is_empty()) {
            let wide = patterns(it.wide);
            for text in it.guard.patterns.iter().chain(it.behind) {
                let narrow = Pattern::new(text);
                if !wide.iter().any(|outer| includes(outer, &narrow)) {
                    not_held.push(*text);
                }
            }
        }
        assert_eq!(not_held, Vec::<&str>::new());
    }
}

//! Shorter lists for roles: a role is read by people, so where a binary has dozens of guard
//! patterns, or a pattern names no binary, a few wider ones stand for them in front of an allow.
use super::{
    Guard,
    GuardClass::{
        Deletion, Discovery, Evasion, HistoryRewriting, OutsideWrite, RemoteShell, SecretRead,
        ShellEscape, SystemRead, WorkLoss,
    },
};

/// Guards that take the place of all others for the binaries their patterns name; those that name
/// none take the place of all others that name none.
pub(super) const TABLE: &[Guard] = &[
    Guard::deny("secrets.keys", "read or replace keys and credential stores", SecretRead)
        .techniques(&["T1552", "T1555"])
        .stops(&[
            "*.ssh/*",
            "*id_rsa*",
            "*id_ed25519*",
            "*.gnupg/*",
            "*/.password-store/*",
            "*/Keychains/*",
            "*/keyrings/*",
            "*.kdbx*",
            "*.aws/*",
            "*.azure/*",
            "*/gcloud*",
            "*.kube/*",
            "*.docker/config*",
            "*/.oci/*",
            "*.config/gh/*",
            "*netrc*",
            "*.pgpass*",
            "*.vault-token*",
            "*/run/secrets/*",
            "*serviceaccount/*",
            "*/.npmrc*",
            "*/.pypirc*",
            "*credentials",
            "*credentials *",
            "*/.codex/auth.json*",
        ]),
    Guard::ask("secrets.files", "read files that tend to hold secrets", SecretRead)
        .techniques(&["T1552.001"])
        .stops(&["*.env", "*.env *", "*.env.*", "*.envrc*", "*.pem", "*.pem *"]),
    Guard::deny("secrets.personal", "read browser data, messages, shell histories", SecretRead)
        .techniques(&["T1555.003", "T1552.003", "T1217"])
        .stops(&[
            "*.mozilla*",
            "*/Firefox/*",
            "*/Chrome/*",
            "*/chromium/*",
            "*/Safari/*",
            "*/Messages/*",
            "*.notes*",
            "*_history*",
        ]),
    Guard::ask("system.files", "read or write files of the system", SystemRead)
        .techniques(&["T1082", "T1003.008"])
        .stops(&[
            "*/etc/*", "* /etc", "*/proc/*", "*/sys/*", "*/root/*", "* /root", "*/usr/*",
            "* /var/*", "* /lib*", "* /boot*", "* /bin*", "* /", "* / *",
        ]),
    Guard::ask("shell.functions", "build a program out of shell functions", ShellEscape)
        .techniques(&["T1059.004"])
        .stops(&["local *", "return *"]),
    Guard::ask("shell.traces", "hide what is done, or load code into what runs next", Evasion)
        .techniques(&["T1070.003", "T1562.003", "T1574.006"])
        .stops(&[
            "history *",
            "fc *",
            "export HIST*",
            "export *PRELOAD*",
            "export *INSERT_LIB*",
            "export PROMPT_COMMAND*",
            "unset HIST*",
            "set *history*",
        ]),
    Guard::deny("escape.network", "open a connection through the shell", RemoteShell)
        .techniques(&["T1059.004"])
        .stops(&["*/dev/tcp/*", "*/dev/udp/*", "*/inet/tcp/*"]),
    Guard::ask("escape.shell", "start a shell from another tool", ShellEscape)
        .techniques(&["T1059.004"])
        .stops(&["*/bin/sh*", "*/bin/bash*"]),
    Guard::deny("files.delete-system", "delete the system or a home", Deletion)
        .techniques(&["T1485", "T1561"])
        .stops(&["rm *--no-preserve-root*", "rm *~*", "rm *HOME*", "rm */Library/*", "rm */dev/*"]),
    Guard::ask("files.delete-many", "delete recursively, by wildcard, or upwards", Deletion)
        .techniques(&["T1485"])
        .stops(&[
            "rm -r*",
            "rm -R*",
            "rm -*rf *",
            "rm -*fr *",
            "rm * -r*",
            "rm * -R*",
            "rm *--recursive*",
            "rm *..*",
            "rm *\\**",
        ]),
    Guard::deny("files.write-system", "write over system files or start-up files", OutsideWrite)
        .techniques(&["T1546", "T1543", "T1053"])
        .stops(&[
            "tee /dev/*",
            "tee *bin/*",
            "tee */lib*",
            "tee *profile*",
            "tee *authorized_keys*",
            "tee *.service",
            "tee *.timer",
            "tee */Launch*",
            "tee *.plist*",
            "tee *-packages/*",
            "tee *customize.py*",
            "tee *cron*",
        ]),
    Guard::ask("files.write-hidden", "write hidden files, pipelines, or upwards", OutsideWrite)
        .techniques(&["T1546.004", "T1098.004"])
        .stops(&["tee */.*", "tee .*", "tee -a .*", "tee *../*", "tee *Jenkinsfile*"]),
    Guard::ask("files.find-writes", "write or delete what a search finds", Deletion)
        .techniques(&["T1485"])
        .stops(&["find *-fprint*", "find *-fls *", "find * -delete*", "find *-exec shred*"]),
    Guard::deny("git.rewrite-shared", "overwrite or delete what others have", HistoryRewriting)
        .techniques(&["T1565.001"])
        .stops(&[
            "git *push *--force*",
            "git *push -f*",
            "git *push * -f*",
            "git *push *-uf*",
            "git *push *+*",
            "git *push *--mirror*",
            "git *push *--prune*",
            "git *push *--delete*",
            "git *push -d *",
            "git *push * -d *",
            "git *push * :*",
        ]),
    Guard::ask("git.lose-work", "throw away work that is nowhere else", WorkLoss)
        .techniques(&["T1485"])
        .stops(&[
            "git *reset *--ha*",
            "git *reset *--me*",
            "git *clean *-*f*",
            "git *checkout* -- *",
            "git *checkout* .",
            "git *checkout -f*",
            "git *checkout *--force*",
            "git *restore *",
            "git *stash drop *",
            "git *stash clear *",
            "git *branch *-D*",
            "git *branch *--delete --force*",
            "git *reflog expire *",
            "git *reflog delete *",
            "git *filter-*",
            "git *update-ref -d *",
            "git *rebase *-i*",
            "git *worktree remove *-f*",
            "git *tag -d *",
            "git *tag *-f*",
        ]),
    Guard::deny("git.code", "make git run code", ShellEscape).techniques(&["T1059.004"]).stops(&[
        "git -c *",
        "git -* -c *",
        "git -*-config-env*",
        "git -*-exec-path=*",
        "git -p *",
        "git --paginate *",
        "git *branch --help *",
        "git *archive *--exec*",
        "git *rebase* -x*",
        "git *rebase *--exec*",
        "git *difftool *",
        "git *mergetool *",
        "git *bisect run *",
        "git *submodule foreach *",
        "git *apply *--unsafe-paths*",
        "git *daemon *",
        "git *instaweb *",
        "git *svn *",
        "git *p4 *",
        "git *-pack=*",
        "git *--upload-pack*",
        "git *ext::*",
        "git *clone *-c *",
        "git *clone *-u *",
        "git *grep *-O*",
        "git *grep *--open-files-in-pager*",
        "git *--template=*",
        "git config *alias.*",
        "git config *ore.*",
        "git config *redential.*",
        "git config *ilter.*",
        "git config *iff.*",
        "git config *erge.*",
        "git config *pg.*",
        "git config *ditor*",
        "git config *ager.*",
        "git config *nsteadOf*",
        "git config *sslVerify*",
        "git config *nclude*",
        "git config *rotocol.*",
    ]),
    Guard::ask("escape.sed", "run code or write files from a stream editor", ShellEscape)
        .techniques(&["T1059.004"])
        .stops(&[
            "sed *1e *",
            "sed e",
            "sed *e exec*",
            "sed -n '1e*",
            "sed *w /*",
            "sed *W /*",
            "sed *-i* */.*",
            "sed *-i* .*",
        ]),
    Guard::ask("files.read-secrets", "read files of deployments that hold secrets", SecretRead)
        .techniques(&["T1552.001"])
        .stops(&["cat *tfstate*", "cat *secrets.y*ml*", "cat *-account*.json*"]),
    Guard::ask("system.clock", "set the clock", Discovery).stops(&["date *-s *", "date *--set*"]),
    Guard::ask("files.hidden-directory", "make a hidden directory", Discovery)
        .techniques(&["T1564.001"])
        .stops(&["mkdir *.../*"]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{policy::Pattern, risk::guards};

    #[test]
    fn what_the_long_lists_stop_the_short_ones_stop_too() {
        let lean: Vec<Pattern> =
            TABLE.iter().flat_map(|it| it.patterns).map(|it| Pattern::new(it)).collect();
        let binaries: BTreeSet<&str> = lean.iter().filter_map(Pattern::first_word).collect();
        let mut missed = Vec::new();
        let mut n_hits = 0;
        for guard in guards().iter().filter(|it| it.level == crate::risk::RiskLevel::Critical) {
            for pattern in guard.patterns.iter().map(|it| Pattern::new(it)) {
                if !pattern.first_word().is_some_and(|word| binaries.contains(word)) {
                    continue;
                }
                for hit in guard.hits.iter().filter(|hit| pattern.matches(hit)) {
                    n_hits += 1;
                    if !lean.iter().any(|it| it.matches(hit)) {
                        missed.push(*hit);
                    }
                }
            }
        }
        assert!(n_hits > 30);
        assert_eq!(missed, Vec::<&str>::new());
    }
}

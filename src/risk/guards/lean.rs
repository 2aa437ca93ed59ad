//! Shorter lists for roles: a role is read by people, so where a binary has dozens of guard
//! patterns, or a pattern names no binary, a few wider ones stand for them in front of an allow.
use super::{
    Guard,
    GuardClass::{
        Deletion, Discovery, HistoryRewriting, OutsideWrite, RemoteShell, SecretRead, ShellEscape,
        SystemRead, WorkLoss,
    },
};

/// Guards that take the place of all others for the binaries their patterns name; those that name
/// none take the place of all others that name none.
pub(super) const TABLE: &[Guard] = &[
    Guard::deny("secrets.keys", "read or replace keys and credential stores", SecretRead)
        .techniques(&["T1552", "T1555"])
        .stops(&[
            "*/.ssh/*",
            "*id_rsa*",
            "*id_ed25519*",
            "*/.gnupg/*",
            "*/.password-store/*",
            "*/Keychains/*",
            "*/keyrings/*",
            "*.kdbx*",
            "*.ppk*",
            "*/etc/shadow*",
            "*/etc/sudoers*",
            "*.aws/*",
            "*.azure/*",
            "*/gcloud*",
            "*.kube/config*",
            "*.docker/config.json*",
            "*/.oci/*",
            "*/.config/gh/*",
            "*.git-credentials*",
            "*netrc*",
            "*.pgpass*",
            "*.my.cnf*",
            "*.vault-token*",
            "*/run/secrets/*",
            "*serviceaccount/token*",
            "*/.npmrc*",
            "*/.pypirc*",
            "*/credentials*",
            "*/.credentials*",
            "*/.codex/auth.json*",
        ]),
    Guard::ask("secrets.files", "read files that tend to hold secrets", SecretRead)
        .techniques(&["T1552.001"])
        .stops(&[
            "*.env", "*.env *", "*.env.*", "*.envrc*", "*.pem", "*.pem *", "*.p12*", "*.pfx*",
            "*.jks*",
        ]),
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
        .stops(&["*/etc/*", "* /etc", "*/proc/*", "*/sys/*", "*/root/*", "* /root"]),
    Guard::deny("escape.network", "open a connection through the shell", RemoteShell)
        .techniques(&["T1059.004"])
        .stops(&["*/dev/tcp/*", "*/dev/udp/*", "*/inet/tcp/*"]),
    Guard::ask("escape.shell", "start a shell from another tool", ShellEscape)
        .techniques(&["T1059.004"])
        .stops(&["*/bin/sh*", "*/bin/bash*"]),
    Guard::deny("files.delete-system", "delete the system or a home", Deletion)
        .techniques(&["T1485", "T1561"])
        .stops(&[
            "rm *--no-preserve-root*",
            "rm * /",
            "rm * / *",
            "rm *'/\\*'*",
            "rm *'~'*",
            "rm *'~/'*",
            "rm *'~/\\*'*",
            "rm *HOME*",
            "rm */usr/*",
            "rm *bin/*",
            "rm */lib*",
            "rm */boot*",
            "rm */var/l*",
            "rm */var/s*",
            "rm */Library/*",
            "rm */dev/*",
        ]),
    Guard::ask("files.delete-many", "delete recursively, by wildcard, or upwards", Deletion)
        .techniques(&["T1485"])
        .stops(&[
            "rm -r*",
            "rm -R*",
            "rm -*r *",
            "rm -*rf *",
            "rm * -r*",
            "rm * -R*",
            "rm * -fr*",
            "rm *--recursive*",
            "rm *../*",
            "rm *..",
            "rm *\\**",
        ]),
    Guard::deny("files.write-system", "write over system files or start-up files", OutsideWrite)
        .techniques(&["T1546", "T1543", "T1053"])
        .stops(&[
            "tee /dev/*",
            "tee */usr/*",
            "tee *bin/*",
            "tee */lib*",
            "tee */boot/*",
            "tee */var/l*",
            "tee */var/s*",
            "tee *profile*",
            "tee *authorized_keys*",
            "tee *.service",
            "tee *.timer",
            "tee */Launch*",
            "tee *.plist*",
            "tee *-packages/*",
            "tee *customize.py*",
            "tee *.pth",
            "tee *preload*",
            "tee */rc.d/*",
            "tee *cron*",
        ]),
    Guard::ask("files.write-hidden", "write hidden files, pipelines, or upwards", OutsideWrite)
        .techniques(&["T1546.004", "T1098.004"])
        .stops(&["tee */.*", "tee .*", "tee -a .*", "tee *../*", "tee *Jenkinsfile*"]),
    Guard::ask("discovery.system", "look over the system", Discovery).techniques(&["T1083"]).stops(
        &[
            "ls * /proc*",
            "ls * /sys*",
            "ls * /usr*",
            "ls * /var*",
            "ls * /bin*",
            "ls * /lib*",
            "ls * /opt*",
            "ls * /boot*",
            "find / *",
            "find /lib*",
            "find '/lib*",
        ],
    ),
    Guard::ask("files.find-writes", "write or delete what a search finds", Deletion)
        .techniques(&["T1485"])
        .stops(&["find *-fprint*", "find *-fls *", "find * -delete*", "find *-exec shred*"]),
    Guard::deny("git.rewrite-shared", "overwrite or delete what others have", HistoryRewriting)
        .techniques(&["T1565.001"])
        .stops(&[
            "git *push *--force*",
            "git push -f*",
            "git push * -f*",
            "git push -uf*",
            "git push * -uf*",
            "git -* push -f*",
            "git push *+*",
            "git push *--mirror*",
            "git push *--prune*",
            "git push *--delete*",
            "git push -d *",
            "git push * -d *",
            "git push * :*",
            "git -* push * -f*",
            "git -* push *+*",
        ]),
    Guard::ask("git.lose-work", "throw away work that is nowhere else", WorkLoss)
        .techniques(&["T1485"])
        .stops(&[
            "git *reset *--ha*",
            "git reset *--me*",
            "git reset *--ke*",
            "git *clean *-*f*",
            "git *checkout -- *",
            "git checkout * -- *",
            "git checkout .",
            "git checkout * .",
            "git checkout -f*",
            "git checkout *--force*",
            "git restore *",
            "git -* restore *",
            "git *stash drop *",
            "git *stash clear *",
            "git branch -D*",
            "git branch * -D*",
            "git branch *--delete --force*",
            "git *reflog expire *",
            "git *reflog delete *",
            "git *filter-branch *",
            "git *filter-repo *",
            "git *update-ref -d *",
            "git rebase *-i*",
            "git worktree remove *-f*",
            "git tag -d *",
            "git tag *-f*",
        ]),
    Guard::deny("git.code", "make git run code", ShellEscape).techniques(&["T1059.004"]).stops(&[
        "git *-c *alias.*",
        "git --config-env*",
        "git archive *--exec*",
        "git rebase -x*",
        "git rebase * -x*",
        "git rebase *--exec*",
        "git difftool -x*",
        "git difftool *--extcmd*",
        "git mergetool *",
        "git bisect run *",
        "git submodule foreach *",
        "git -p *",
        "git --paginate *",
        "git branch --help *",
        "git apply *--unsafe-paths*",
        "git daemon *",
        "git instaweb *",
        "git svn *",
        "git p4 *",
        "git -c *",
        "git -* -c *",
        "git --exec-path=*",
        "git -* --exec-path=*",
        "git *-pack=*",
        "git *--upload-pack*",
        "git *ext::*",
        "git clone *-c *",
        "git clone *-u *",
        "git grep *-O*",
        "git grep *--open-files-in-pager*",
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
            "sed *-i*/usr/*",
            "sed *-i* */.*",
            "sed *-i* .*",
        ]),
    Guard::ask("files.read-secrets", "read files of deployments that hold secrets", SecretRead)
        .techniques(&["T1552.001"])
        .stops(&[
            "cat *tfstate*",
            "cat *secrets.y*ml*",
            "cat *-account*.json*",
            "cat /var/*",
            "cat /usr/*",
        ]),
    Guard::ask("system.clock", "set the clock", Discovery).stops(&["date *-s *", "date *--set*"]),
    Guard::ask("files.hidden-directory", "make a hidden directory", Discovery)
        .techniques(&["T1564.001"])
        .stops(&["mkdir /var/tmp/.*", "mkdir *.../*", "mkdir */usr/*"]),
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

//! Shorter lists for roles: a role is read by people, so where a binary has dozens of guard
//! patterns, or a pattern names no binary, a few wider ones stand for them in front of an allow.
use super::{
    Guard,
    GuardClass::{Deletion, OutsideWrite, RemoteShell, SecretRead, ShellEscape, SystemRead},
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
            "rm */usr*",
            "rm */bin*",
            "rm */lib*",
            "rm */boot*",
            "rm */opt*",
            "rm * /home",
            "rm * /Users",
            "rm */var/l*",
            "rm */var/s*",
            "rm * /var",
            "rm */System*",
            "rm */Library*",
            "rm */Applications*",
            "rm */dev/*",
            "rm * /proc*",
            "rm * /sys*",
            "rm * /srv*",
            "rm * /mnt*",
        ]),
    Guard::ask("files.delete-many", "delete recursively, by wildcard, or upwards", Deletion)
        .techniques(&["T1485"])
        .stops(&[
            "rm -r*",
            "rm -R*",
            "rm -fr*",
            "rm -fR*",
            "rm -vr*",
            "rm -f -r*",
            "rm -f -R*",
            "rm * -r*",
            "rm * -R*",
            "rm * -fr*",
            "rm *--recursive*",
            "rm *../*",
            "rm *..",
            "rm *\\**",
            "rm * .git",
            "rm * .git *",
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
            "tee *shrc*",
            "tee *shenv*",
            "tee *.bash_*",
            "tee *profile*",
            "tee *.zlogin*",
            "tee *.login*",
            "tee *config.fish*",
            "tee *authorized_keys*",
            "tee *.ssh/*",
            "tee *.gitconfig*",
            "tee *.git/*",
            "tee *.vimrc*",
            "tee *.emacs*",
            "tee *.inputrc*",
            "tee *.config/*",
            "tee *.service",
            "tee *.timer",
            "tee */Launch*",
            "tee *.plist",
            "tee *-packages/*",
            "tee *customize.py*",
            "tee *.pth",
            "tee *preload*",
            "tee */rc.d/*",
            "tee *cron*",
            "tee *.xinitrc*",
            "tee *.rc*",
            "tee *.lessfilter*",
        ]),
    Guard::ask("files.write-outside", "write pipelines, or upwards", OutsideWrite)
        .techniques(&["T1565"])
        .stops(&[
            "tee *../*",
            "tee *.github/*",
            "tee *.gitlab-ci*",
            "tee *.circleci/*",
            "tee *Jenkinsfile*",
        ]),
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

//! Which paths hold secrets.
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind};

/// File names that are secrets wherever they lie.
const NAMES: &[&str] = &[
    ".bash_history",
    ".dockercfg",
    ".env",
    ".envrc",
    ".git-credentials",
    ".htpasswd",
    ".mysql_history",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".psql_history",
    ".pypirc",
    ".vault-token",
    ".zsh_history",
    "_netrc",
    "authorized_keys",
    "credentials.json",
    "gshadow",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "key4.db",
    "kubeconfig",
    "login.keychain-db",
    "logins.json",
    "master.passwd",
    "secrets.json",
    "secrets.yaml",
    "secrets.yml",
    "service-account.json",
    "shadow",
    "sudoers",
    "terraform.tfstate",
];

/// Endings that are secrets wherever they lie.
const ENDINGS: &[&str] = &[
    ".jks",
    ".kdbx",
    ".key",
    ".keychain",
    ".keychain-db",
    ".keystore",
    ".ovpn",
    ".p12",
    ".pem",
    ".pfx",
    ".ppk",
];

/// Folders that hold secrets.
const FOLDERS: &[&str] = &[
    "/.aws/",
    "/.azure/",
    "/.config/gcloud/",
    "/.config/gh/",
    "/.docker/config.json",
    "/.gnupg/",
    "/.kube/config",
    "/.password-store/",
    "/.ssh/",
    "/run/secrets/",
    "/Library/Keychains/",
    "/proc/self/environ",
    "/Login Data",
    "/cookies.sqlite",
    "/etc/ssl/private/",
    "/etc/sudoers.d/",
];

/// Names that only look like secrets: samples, public halves, lists of hosts.
const SAMPLES: &[&str] =
    &[".example", ".sample", ".template", ".dist", ".pub", "known_hosts", ".defaults", ".tpl"];

/// Whether a word names an example of a file that would hold secrets.
pub(super) fn is_sample(word: &str) -> bool {
    let name = word.rsplit(['/', ':']).next().unwrap_or(word);
    name.starts_with(".env.") && SAMPLES.iter().any(|it| name.ends_with(it))
}

/// Finds what every path into one of the folders holds; most paths hold none of it.
static FOLDER_NAMES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let bare = FOLDERS.iter().map(|folder| folder.trim_matches('/'));
    AhoCorasickBuilder::new().kind(Some(AhoCorasickKind::DFA)).build(bare).ok()
});

/// Whether a path is one of those that hold credentials, keys or shell history.
///
/// Takes a word of a command line: a leading `@`, `file=` or `--flag=` is looked through.
pub fn is_secret_path(word: &str) -> bool {
    let path = word.rsplit_once(['=', '@']).map_or(word, |(_, path)| path);
    let path = path.trim_end_matches('/');
    let name = path.rsplit('/').next().unwrap_or(path);
    if path.is_empty() || SAMPLES.iter().any(|it| name.ends_with(it)) {
        return false;
    }
    let is_in_folder = || {
        FOLDERS.iter().any(|folder| {
            let bare = folder.trim_start_matches('/');
            path.contains(folder)
                || path.starts_with(bare)
                || path.ends_with(bare.trim_end_matches('/'))
        })
    };
    FOLDER_NAMES.as_ref().is_none_or(|it| it.is_match(path)) && is_in_folder()
        || NAMES.contains(&name)
        || name.starts_with(".env.")
        || ENDINGS.iter().any(|it| name.len() > it.len() && name.ends_with(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_paths_are_known_and_samples_are_not() {
        for path in [
            "~/.ssh/id_ed25519",
            "/home/x/.aws/credentials",
            ".env",
            "app/.env.production",
            "@server.key",
            "if=/etc/shadow",
            "certs/tls.pem",
            "/root/.ssh",
            "--config=/home/x/.kube/config",
            "~/Library/Keychains/login.keychain-db",
        ] {
            assert!(is_secret_path(path), "{path}");
        }
        for path in [
            ".env.example",
            "src/env.rs",
            "~/.ssh/id_rsa.pub",
            "~/.ssh/known_hosts",
            "monkey",
            "a.keyboard",
            "docs/environment.md",
            ".gitignore",
            "",
            "/",
            "-n",
            "keys.go",
        ] {
            assert!(!is_secret_path(path), "{path}");
        }
    }
}

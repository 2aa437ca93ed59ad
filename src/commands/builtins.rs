//! Shell builtins: those that touch only the shell's own state need no rule.

/// Builtins that read or change nothing but the shell they run in, sorted.
///
/// # Source
/// The builtins of the bash and zsh manuals, without those that run code (`eval`, `source`, `.`,
/// `exec`, `trap`, `enable`, `hash -p`) or act on other processes (`kill`).
const FREE: &[&str] = &[
    ":",
    "[",
    "[[",
    "alias",
    "autoload",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "cd",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "declare",
    "dirs",
    "disown",
    "echo",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "float",
    "getopts",
    "help",
    "history",
    "integer",
    "jobs",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "print",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "setopt",
    "shift",
    "shopt",
    "suspend",
    "test",
    "times",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "unsetopt",
    "wait",
];

/// The builtins that are allowed unless a rule names them, sorted.
pub const fn free_builtins() -> &'static [&'static str] {
    FREE
}

/// Whether `name` is allowed unless a rule names it.
pub fn is_free_builtin(name: &str) -> bool {
    FREE.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_builtins_are_sorted_and_run_no_code() {
        assert!(FREE.is_sorted());
        for name in ["cd", "echo", "[", "export", "true"] {
            assert!(is_free_builtin(name), "{name}");
        }
        for name in ["eval", "source", ".", "exec", "trap", "kill", "ls", "hash", "enable"] {
            assert!(!is_free_builtin(name), "{name}");
        }
    }
}

//! Variables of the environment that change which code a command runs.
use std::{collections::BTreeMap, sync::LazyLock};

use super::{is_below, normal};

/// What an assignment does to the commands that find it in their environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// They may run this, as a shell does.
    Runs(&'a str),
    /// They may run code that no line shows.
    Code,
}

/// How the value of a variable comes to be code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It is a command line.
    Program,
    /// It is, or names, something that runs as soon as it is there.
    Code,
    /// It names a file, or something that is none: `ENV=test`.
    File,
    /// Directories in which programs and libraries are looked for; the working directory is a way to
    /// put another one in the place of each.
    Programs,
    /// Directories in which modules and settings are looked for.
    Modules,
    /// Options, of which those that begin so run code.
    Options(&'static [&'static str]),
}

/// Names of variables, blank-separated, a `*` for any letters.
struct Variables {
    names: &'static str,
    role: Role,
    /// An assignment that changes which code runs, and one that does not.
    #[cfg_attr(not(test), expect(dead_code, reason = "the table's test reads it"))]
    examples: (&'static str, &'static str),
}

const fn variables(
    names: &'static str,
    role: Role,
    examples: (&'static str, &'static str),
) -> Variables {
    Variables { names, role, examples }
}

/// All of them.
///
/// # Source
/// The manuals of bash 5.2, ld.so, dyld, git 2.47, GNU make 4.4, less, man-db, systemd, the manuals of
/// Python 3.13, Node.js 22, Perl 5.40, Ruby 3.4, Java 21, Go 1.24, cargo, npm, gh, and kubectl.
const VARIABLES: &[Variables] = &[
    variables(
        "PAGER GIT_PAGER GH_PAGER AWS_PAGER MANPAGER BAT_PAGER DELTA_PAGER PSQL_PAGER SYSTEMD_PAGER \
         EDITOR VISUAL GIT_EDITOR GIT_SEQUENCE_EDITOR GH_EDITOR KUBE_EDITOR PSQL_EDITOR SYSTEMD_EDITOR \
         FCEDIT HGEDITOR SVN_EDITOR BROWSER GH_BROWSER",
        Role::Program,
        ("GIT_PAGER='rm -rf x'", "GIT_PAGER=cat"),
    ),
    variables(
        "GIT_SSH GIT_SSH_COMMAND GIT_EXTERNAL_DIFF GIT_PROXY_COMMAND GIT_ASKPASS SSH_ASKPASS SUDO_ASKPASS \
         KUBECTL_EXTERNAL_DIFF PROMPT_COMMAND LESSOPEN LESSCLOSE",
        Role::Program,
        ("GIT_SSH_COMMAND='ssh -i key'", "GIT_ASKPASS=true"),
    ),
    variables(
        "CC CXX FC LD AR RUSTC RUSTDOC RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_BUILD_RUSTC* \
         CARGO_TARGET_*_RUNNER CARGO_TARGET_*_LINKER CMAKE_C_COMPILER_LAUNCHER CMAKE_CXX_COMPILER_LAUNCHER \
         NPM_CONFIG_SCRIPT_SHELL npm_config_script_shell",
        Role::Program,
        ("CC='sh -c id'", "CC="),
    ),
    variables(
        "LD_PRELOAD LD_AUDIT DYLD_INSERT_LIBRARIES BASH_ENV BASH_FUNC_* ZDOTDIR PYTHONSTARTUP PYTHONHOME \
         PERL5DB GIT_CONFIG GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_CONFIG_PARAMETERS GIT_CONFIG_KEY_* \
         GIT_CONFIG_VALUE_* GIT_EXEC_PATH GIT_TEMPLATE_DIR OPENSSL_CONF GCONV_PATH",
        Role::Code,
        ("LD_PRELOAD=./x.so", "GIT_CONFIG_GLOBAL=/dev/null"),
    ),
    variables("ENV", Role::File, ("ENV=./x.sh", "ENV=test")),
    variables(
        "PATH LD_LIBRARY_PATH DYLD_LIBRARY_PATH DYLD_FALLBACK_LIBRARY_PATH",
        Role::Programs,
        ("PATH=.:$PATH", "PATH=$HOME/go/bin:$PATH"),
    ),
    variables(
        "PYTHONPATH NODE_PATH PERL5LIB RUBYLIB GEM_PATH GEM_HOME CLASSPATH LUA_PATH HOME XDG_CONFIG_HOME",
        Role::Modules,
        ("PYTHONPATH=src:/tmp/x", "PYTHONPATH=.:../lib"),
    ),
    variables(
        "NODE_OPTIONS",
        Role::Options(&["-r", "--require", "--import", "--loader", "--experimental-loader"]),
        ("NODE_OPTIONS='--no-warnings --require=./x.js'", "NODE_OPTIONS=--max-old-space-size=4096"),
    ),
    variables("RUBYOPT", Role::Options(&["-r", "-I", "-e"]), ("RUBYOPT=-r./x", "RUBYOPT=-W0")),
    variables(
        "PERL5OPT",
        Role::Options(&["-M", "-m", "-I", "-d"]),
        ("PERL5OPT=-Mx", "PERL5OPT=-w"),
    ),
    variables(
        "JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS JAVA_OPTS MAVEN_OPTS GRADLE_OPTS SBT_OPTS",
        Role::Options(&["-javaagent", "-agent", "-Xbootclasspath", "-XX:On", "-XX:Flags", "@"]),
        ("JAVA_TOOL_OPTIONS=-javaagent:x.jar", "MAVEN_OPTS=-Xmx2g"),
    ),
    variables(
        "GOFLAGS",
        Role::Options(&["-toolexec", "--toolexec", "-exec", "--exec", "-overlay", "--overlay"]),
        ("GOFLAGS='-v -toolexec=x'", "GOFLAGS=-mod=mod"),
    ),
    variables(
        "MAKEFLAGS GNUMAKEFLAGS",
        Role::Options(&["--eval", "-E", "-f", "--file", "--makefile", "SHELL=", "-I"]),
        ("MAKEFLAGS=--eval=x", "MAKEFLAGS=-j8"),
    ),
    variables(
        "RUSTFLAGS CARGO_ENCODED_RUSTFLAGS RUSTDOCFLAGS",
        Role::Options(&["-Clinker", "linker", "-Zcodegen", "codegen-backend"]),
        ("RUSTFLAGS='-C linker=x'", "RUSTFLAGS='-D warnings'"),
    ),
];

/// Values that run nothing that could do harm.
const HARMLESS: &[&str] = &[
    "-",
    "/bin/cat",
    "/bin/echo",
    "/bin/true",
    "/dev/null",
    "/usr/bin/true",
    ":",
    "cat",
    "echo",
    "false",
    "less",
    "more",
    "none",
    "true",
];

/// Directories for temporary files: whoever has come as far as a shell may put anything there.
///
/// # Source
/// Filesystem Hierarchy Standard 3.0, and the layout of macOS.
pub const TEMPORARY: &[&str] = &[
    "/tmp",
    "/var/tmp",
    "/private/tmp",
    "/private/var/tmp",
    "/var/folders",
    "/private/var/folders",
    "/dev/shm",
];

/// What an assignment changes about the code of the commands that find it; `None` where nothing.
///
/// A value that is not known stands as it was written. What lies in a project's own directories is its
/// own code, and no change.
pub fn change<'a>(name: &str, value: &'a str) -> Option<Change<'a>> {
    let role = role(name)?;
    // An empty search path of programs is the working directory.
    if HARMLESS.contains(&value) || (value.is_empty() && name != "PATH") {
        return None;
    }
    let is_code = match role {
        // What less opens files with begins with signs of its own.
        Role::Program => return Some(Change::Runs(value.trim_start_matches(['|', '-', '@']))),
        Role::Code => true,
        Role::File => value.contains(['/', '$']),
        Role::Programs => {
            value.split(':').any(|it| matches!(it, "" | "." | "./") || is_scratch(it))
        }
        Role::Modules => value.split(':').any(is_scratch),
        Role::Options(options) => {
            // Cargo joins encoded flags by this sign.
            let mut words = value.split(|ch: char| ch.is_whitespace() || ch == '\u{1f}');
            words.any(|it| options.iter().any(|own| it.starts_with(own)))
        }
    };
    is_code.then_some(Change::Code)
}

/// How the value of a variable comes to be code, where it does.
fn role(name: &str) -> Option<Role> {
    static NAMES: LazyLock<BTreeMap<&str, Role>> = LazyLock::new(|| {
        let single = named().filter(|it| it.1.is_none());
        single.map(|(name, _, role)| (name, role)).collect()
    });
    static FAMILIES: LazyLock<Vec<(&str, &str, Role)>> = LazyLock::new(|| {
        named().filter_map(|(begin, end, role)| Some((begin, end?, role))).collect()
    });
    NAMES.get(name).copied().or_else(|| {
        let is_of = |it: &&(&str, &str, Role)| {
            name.strip_prefix(it.0).is_some_and(|rest| rest.ends_with(it.1))
        };
        FAMILIES.iter().find(is_of).map(|it| it.2)
    })
}

/// Begin and end of the names of all of them; a name without family ends in nothing.
pub fn code_variables() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    named().map(|(begin, end, _)| (begin, end))
}

/// The same with what the value is to them.
fn named() -> impl Iterator<Item = (&'static str, Option<&'static str>, Role)> {
    VARIABLES.iter().flat_map(|it| {
        it.names.split(' ').map(|name| {
            let family = name.split_once('*');
            family.map_or((name, None, it.role), |(begin, end)| (begin, Some(end), it.role))
        })
    })
}

/// Whether a directory is one where anybody writes.
fn is_scratch(dir: &str) -> bool {
    let path = normal(dir);
    (dir.starts_with('/') && TEMPORARY.iter().any(|it| is_below(&path, it)))
        || ["$TMP", "${TMP", "$TEMP", "${TEMP"].iter().any(|it| dir.starts_with(it))
        || dir.contains("mktemp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    #[test]
    fn every_variable_changes_code_by_its_first_example_and_not_by_its_second() {
        let change_of = |example: &str| {
            let words = split(example).unwrap();
            let (name, value) = words[0].split_once('=').unwrap();
            change(name, value).map(|it| format!("{it:?}"))
        };
        for it in VARIABLES {
            assert!(change_of(it.examples.0).is_some(), "{}", it.examples.0);
            assert_eq!(change_of(it.examples.1), None, "{}", it.examples.1);
        }
        assert_eq!(change_of("CARGO_TARGET_DIR=/tmp/x"), None);
        assert!(change_of("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=id").is_some());
        assert_eq!(change("LESSOPEN", "|id %s"), Some(Change::Runs("id %s")));
    }

    #[test]
    fn search_paths_count_where_anybody_writes() {
        for (value, programs, modules) in [
            ("src", false, false),
            ("$PATH:/usr/local/go/bin", false, false),
            ("./node_modules/.bin:$PATH", false, false),
            ("/tmpfiles/bin", false, false),
            (".:$PATH", true, false),
            ("$PATH:", true, false),
            ("", true, false),
            ("/tmp", true, true),
            ("src:/work/../tmp//x/", true, true),
            ("$TMPDIR/bin:$PATH", true, true),
            ("$(mktemp -d)/bin:$PATH", true, true),
            ("$(go env GOPATH)/bin:$PATH", false, false),
            ("/dev/shm/x:$PATH", true, true),
        ] {
            assert_eq!(change("PATH", value).is_some(), programs, "{value}");
            assert_eq!(change("PYTHONPATH", value).is_some(), modules, "{value}");
        }
    }
}

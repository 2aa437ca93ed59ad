//! What is new and waits for approval: MCP servers and plugins, as far as events name them.
use super::AlertKind;
use crate::commands::{base_name, read};
use crate::policy::{self, Pattern, Role, literal};

/// How names of servers begin that come with a plugin: as tools of Claude Code name them, where
/// everything but letters, digits and hyphens is `_`, and as it lists them.
///
/// # Source
/// Claude Code's documentation of plugins: `mcp__plugin_NAME_SERVER__TOOL`, `plugin:NAME:SERVER`.
const PREFIXES: &[(&str, char)] = &[("plugin_", '_'), ("plugin:", ':')];

/// The plugin that a server comes with, by the server's name.
///
/// Where a name has more parts than two, `_` does not tell where the plugin's ends: then it is all
/// of it, so that nobody calls a plugin `a_b` to pass for one called `a`.
pub(super) fn plugin(server: &str) -> Option<&str> {
    let found =
        PREFIXES.iter().find_map(|(prefix, mark)| Some((server.strip_prefix(prefix)?, mark)));
    let (rest, mark) = found.filter(|(rest, _)| !rest.is_empty())?;
    match rest.split_once(*mark) {
        Some((name, _)) if *mark == ':' => Some(name).filter(|it| !it.is_empty()),
        Some((name, server)) if !name.is_empty() && !server.is_empty() && !server.contains('_') => {
            Some(name)
        }
        _ => Some(rest),
    }
}

/// The plugin whose files a path is about, where the path names it: its copy among the installed ones
/// (`plugins/cache/MARKETPLACE/NAME/`), or its manifest below `skills/NAME/`.
///
/// # Source
/// Claude Code's documentation of plugins: where installed ones are kept below the directory of its
/// configuration, and that one below `skills` is called as its directory.
pub(super) fn plugin_of_path(path: &str) -> Option<&str> {
    let parts: Vec<&str> = path.split(['/', '\\']).filter(|it| !it.is_empty()).collect();
    let found = parts.windows(4).find_map(|it| match it {
        ["plugins", "cache", _, name] | ["skills", name, ".claude-plugin", "plugin.json"] => {
            Some(*name)
        }
        _ => None,
    });
    // A file beside the directories of plugins is none.
    found.filter(|it| it.chars().all(|ch| ch.is_alphanumeric() || matches!(ch, '-' | '_')))
}

/// Whether a command line may install plugins; `installed` tells which. Much cheaper, and true of every
/// line that does.
pub fn may_install(line: &str) -> bool {
    line.contains("claude") && line.contains("plugin")
}

/// Flags of the commands that install plugins that have a value behind them.
const WITH_VALUE: &[&str] = &["--scope", "-s"];

/// The plugins that an argument vector installs or switches on, whatever shell or wrapper it is in.
///
/// # Source
/// Claude Code's commands: `claude plugin install NAME[@MARKETPLACE]` and `enable`.
pub(super) fn installed(argv: &[String]) -> Vec<String> {
    let mut res: Vec<String> = Vec::new();
    for command in read(argv).commands {
        let words: Vec<&str> = command.argv.iter().map(String::as_str).collect();
        let [program, "plugin" | "plugins", "install" | "i" | "enable", rest @ ..] = &*words else {
            continue;
        };
        if base_name(program) != "claude" {
            continue;
        }
        let mut rest = rest.iter();
        while let Some(word) = rest.next() {
            if WITH_VALUE.contains(word) {
                rest.next();
            } else if !word.starts_with('-') {
                let name = word.split('@').next().unwrap_or(word);
                if !name.is_empty() && !res.iter().any(|it| it == name) {
                    res.push(name.to_owned());
                }
            }
        }
    }
    res
}

/// The patterns of all calls of a server or plugin that an alert is about.
pub fn calls_of(kind: AlertKind, subject: &str) -> Vec<String> {
    // Of a name that is too long to be kept, its beginning counts.
    let name = match subject.strip_suffix('…') {
        Some(begin) => format!("{}*", literal(begin)),
        None => literal(subject),
    };
    if kind != AlertKind::NewPlugin {
        return vec![format!("{name}/*")];
    }
    let of = |(prefix, mark): &(&str, char)| {
        [format!("{prefix}{name}{mark}*/*"), format!("{prefix}{name}/*")]
    };
    PREFIXES.iter().flat_map(of).collect()
}

/// Whether a role lets some call of a server or plugin through, asked or unasked.
pub fn lets_through(role: &Role, kind: AlertKind, subject: &str) -> bool {
    calls_of(kind, subject).iter().any(|it| policy::lets_through(role, &Pattern::new(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_known_by_the_names_of_its_servers() {
        for (server, want) in [
            ("github", None),
            ("plugin_", None),
            ("plugin:", None),
            ("plugin::x", None),
            ("plugins_figma", None),
            ("plugin_figma_figma", Some("figma")),
            ("plugin_dev-tools_db", Some("dev-tools")),
            ("plugin_figma", Some("figma")),
            ("plugin:figma", Some("figma")),
            ("plugin:figma:a_b", Some("figma")),
            // It may be `figma` with a server `evil_x`, or `figma_evil` with `x`.
            ("plugin_figma_evil_x", Some("figma_evil_x")),
            ("plugin_figma_", Some("figma_")),
        ] {
            assert_eq!(plugin(server), want, "{server}");
        }
    }

    #[test]
    fn a_plugin_without_servers_is_known_by_where_its_files_are() {
        for (path, want) in [
            (
                "/home/ana/.claude/plugins/cache/market/formatter/1.2.0/hooks/hooks.json",
                Some("formatter"),
            ),
            (r"C:\Users\ana\.claude\plugins\cache\market\formatter\1.2.0", Some("formatter")),
            ("/srv/claude/plugins/cache/market/formatter", Some("formatter")),
            ("/home/ana/.claude/skills/formatter/.claude-plugin/plugin.json", Some("formatter")),
            // What a marketplace offers is not installed, and these say that something is, not what.
            ("/home/ana/.claude/plugins/marketplaces/market/plugins/formatter/x.md", None),
            ("/home/ana/.claude/plugins/installed_plugins.json", None),
            ("/home/ana/.claude/plugins/cache/market/index.json", None),
            ("/home/ana/.claude/settings.json", None),
            ("/home/ana/.claude/skills/formatter/SKILL.md", None),
            ("", None),
        ] {
            assert_eq!(plugin_of_path(path), want, "{path}");
        }
    }

    #[test]
    fn a_command_says_which_plugins_it_installs() {
        for (line, want) in [
            ("claude plugin install formatter@market", &["formatter"][..]),
            ("/usr/local/bin/claude plugins i -s project a --scope user b@m", &["a", "b"]),
            ("bash -lc 'cd /srv && claude plugin enable formatter'", &["formatter"]),
            ("sudo -u ana claude plugin install formatter", &["formatter"]),
            ("claude plugin list", &[]),
            ("claude plugin marketplace add owner/market", &[]),
            ("echo claude plugin install formatter", &[]),
            ("helm plugin install x # claude", &[]),
        ] {
            let argv = crate::commands::split(line).unwrap();
            assert_eq!(installed(&argv), want, "{line}");
            assert!(want.is_empty() || may_install(line), "{line}");
        }
    }

    #[test]
    fn what_is_blocked_is_blocked_under_every_name_of_its_servers() {
        let stops = |kind, subject: &str, call: &str| {
            calls_of(kind, subject).iter().any(|it| Pattern::new(it).matches(call))
        };
        for call in
            ["plugin_figma_figma/x", "plugin:figma:api/x", "plugin:figma/x", "plugin_figma/y"]
        {
            assert!(stops(AlertKind::NewPlugin, "figma", call), "{call}");
        }
        for call in ["figma/x", "plugin_figmatic_x/y", "plugin_xfigma_x/y"] {
            assert!(!stops(AlertKind::NewPlugin, "figma", call), "{call}");
        }
        assert!(stops(AlertKind::NewServer, "ev*il", "ev*il/x"));
        assert!(!stops(AlertKind::NewServer, "ev*il", "evil/x"));
        assert!(stops(AlertKind::NewServer, "long…", "longer than is kept/x"));
    }
}

//! What is new and waits for approval: MCP servers, and the plugins that bring servers along.
use super::AlertKind;
use crate::policy::{Evaluation, Pattern, Role, RuleAction, includes, literal, overlaps};

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
///
/// A call may pass where no rule before the allows denies them all, whatever is known of the call.
pub fn lets_through(role: &Role, kind: AlertKind, subject: &str) -> bool {
    calls_of(kind, subject).iter().any(|calls| {
        let calls = Pattern::new(calls);
        let denies_all = |it: &&crate::policy::Rule| {
            it.action.is_stop()
                && it.when.is_empty()
                && includes(&Pattern::new(&it.pattern), &calls)
        };
        let at = role.mcp_rules.iter().position(|it| denies_all(&it));
        let before = match (at, role.evaluation) {
            (Some(_), Evaluation::DenyOverrides) => 0,
            (Some(at), Evaluation::FirstMatch) => at,
            (None, _) => role.mcp_rules.len(),
        };
        let may_pass = |action: RuleAction| !action.is_stop();
        let mut rules = role.mcp_rules.iter().take(before);
        rules.any(|it| may_pass(it.action) && overlaps(&Pattern::of_any(&it.pattern), &calls))
            || at.is_none() && may_pass(role.default_action)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Rule;

    #[test]
    fn a_role_lets_a_server_through_where_no_deny_of_all_its_calls_stands_first() {
        use RuleAction::{Allow, Deny, RequireApproval};
        for (rules, default, want) in [
            (&[][..], Allow, true),
            (&[], RequireApproval, true),
            (&[], Deny, false),
            (&[("evil/*", Deny)], Allow, false),
            (&[("*", Deny)], Allow, false),
            (&[("evil/read", Deny)], Allow, true),
            (&[("*/read", Allow), ("evil/*", Deny)], Allow, true),
            (&[("wiki/*", Allow), ("evil/*", Deny)], Allow, false),
            (&[("evil/read", Allow)], Deny, true),
            (&[("e{{x}}/read", Allow)], Deny, true),
        ] {
            let mut role = Role::new("r");
            role.default_action = default;
            role.mcp_rules = rules.iter().map(|(it, action)| Rule::new(it, *action)).collect();
            assert_eq!(lets_through(&role, AlertKind::NewServer, "evil"), want, "{rules:?}");
        }
    }

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

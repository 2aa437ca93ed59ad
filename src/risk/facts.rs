//! What a rule may ask of a command or an MCP call: acts, paths, classes of data, signs of danger.
use super::{Effect, Effects, access, is_secret_path, level};
use crate::{
    commands::{Command, grammar, normal},
    events::MARKER_OPEN,
    policy::{ActionType, DataClass, Facts, Input, Problem, ResourceType, Role},
};

/// A secret was taken out of the arguments before anybody looked.
const REDACTED: &str = "redacted";

/// Not all of it can be known.
const UNRESOLVED: &str = "unresolved";

/// Longest word that is taken for a path, in bytes: the limit of Linux, `PATH_MAX`.
const MAX_PATH_BYTES: usize = 4_096;

/// Most paths of one command that rules can ask for.
const MAX_PATHS: usize = 1_000;

/// Folders of the operating system.
///
/// # Source
/// hier(7), and the layout of macOS.
const SYSTEM: &[&str] = &[
    "/bin/",
    "/boot/",
    "/dev/",
    "/etc/",
    "/lib/",
    "/lib64/",
    "/Library/",
    "/opt/",
    "/proc/",
    "/root/",
    "/run/",
    "/sbin/",
    "/sys/",
    "/System/",
    "/usr/",
    "/var/",
];

/// Parts of paths behind which people keep what is theirs alone.
const PERSONAL: &[&str] = &[
    "/.mozilla/",
    "/.thunderbird/",
    "/.config/google-chrome/",
    "/.config/chromium/",
    "/Application Support/Google/Chrome/",
    "/Application Support/Firefox/",
    "/Library/Mail/",
    "/Library/Messages/",
    "/Library/Safari/",
    "/Library/Calendars/",
    "/Library/Application Support/AddressBook/",
    "/var/mail/",
    "/var/spool/mail/",
    "/Maildir/",
];

/// What is known of one inner command; `cwd` makes its paths absolute.
pub fn command_facts(command: &Command, cwd: Option<&str>) -> (Facts, Effects) {
    let path = grammar::subcommand(&command.argv);
    let effects = super::effects(command, &path);
    let words = command.argv.iter().skip(1).map(String::as_str);
    let mut facts = facts(effects, words.clone().flat_map(paths_of), cwd);
    if words.clone().any(|it| it.contains(MARKER_OPEN)) {
        facts.risk_signals.insert(REDACTED);
    }
    facts.access = access(command, cwd, effects);
    (facts, effects)
}

/// What is known of a call of an MCP tool, whose arguments are an object in JSON text.
pub fn call_facts(server: &str, tool: &str, arguments: &str) -> (Facts, Effects) {
    let parsed = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(arguments);
    let parsed = parsed.unwrap_or_default();
    let effects = super::call_effects(server, tool, &parsed);
    let texts = parsed.values().flat_map(list).filter_map(serde_json::Value::as_str);
    let mut facts = facts(effects, texts.filter(|it| it.contains(['/', '.'])), None);
    if arguments.contains(MARKER_OPEN) {
        facts.risk_signals.insert(REDACTED);
    }
    (facts, effects)
}

/// The items of a list, or the value itself.
fn list(value: &serde_json::Value) -> &[serde_json::Value] {
    match value {
        serde_json::Value::Array(list) => list,
        value => std::slice::from_ref(value),
    }
}

/// Marks what is known of an action as not the whole of it.
pub fn mark_unresolved(facts: &mut Facts) {
    facts.risk_signals.insert(UNRESOLVED);
}

/// Every word that may stand under `risk_signal`.
pub fn risk_signals() -> Vec<&'static str> {
    Effect::ALL.iter().map(|it| it.as_str()).chain([REDACTED, UNRESOLVED]).collect()
}

/// Rules that ask for a sign of danger that nothing gives, which no condition of theirs can meet.
pub fn signal_problems(role: &Role) -> Vec<Problem> {
    let known = risk_signals();
    let mut problems = Vec::new();
    for (list, rules) in [("rules", &role.rules), ("mcp_rules", &role.mcp_rules)] {
        for (idx, rule) in rules.iter().enumerate() {
            let key = Input::RiskSignal.as_str();
            let values = rule.when.get(key).map(Vec::as_slice).unwrap_or_default();
            let unknown =
                |it: &&String| !known.contains(&it.as_str()) && *it != crate::policy::NOT_KNOWN;
            for value in values.iter().filter(unknown) {
                problems.push(Problem {
                    field: format!("{list}[{idx}].when.{key}"),
                    message: format!("does not know `{value}`, only {}", known.join(", ")),
                });
            }
        }
    }
    problems
}

fn facts<'w>(effects: Effects, words: impl Iterator<Item = &'w str>, cwd: Option<&str>) -> Facts {
    let mut facts = Facts {
        acts: effects.iter().map(act).collect(),
        risk_signals: effects.iter().map(Effect::as_str).collect(),
        risk_level: Some(level(effects)),
        ..Facts::default()
    };
    if effects.contains(Effect::SecretRead) {
        facts.data_classes.insert(DataClass::Secret);
    }
    let looks = |it: &&str| {
        !it.is_empty() && it.len() <= MAX_PATH_BYTES && !it.contains(char::is_whitespace)
    };
    for word in words.filter(looks).take(MAX_PATHS) {
        let absolute = absolute(word, cwd);
        facts.data_classes.extend(class(word, &absolute, cwd));
        facts.paths.insert(word.to_owned());
        facts.paths.insert(absolute);
    }
    facts
}

/// The paths that a word may name: itself, or what stands behind `--option=`.
fn paths_of(word: &str) -> impl Iterator<Item = &str> {
    let value = word.starts_with('-').then(|| word.split_once('=').map(|(_, value)| value));
    let whole = (!word.starts_with('-')).then_some(word);
    whole.into_iter().chain(value.flatten())
}

/// A path from the root where the working directory is known, `.` and `..` taken out.
fn absolute(path: &str, cwd: Option<&str>) -> String {
    let rooted = path.starts_with(['/', '~']) || path.contains("://");
    let Some(cwd) = cwd.filter(|_| !rooted) else { return path.to_owned() };
    normal(&format!("{cwd}/{path}"))
}

fn class(word: &str, absolute: &str, cwd: Option<&str>) -> Option<DataClass> {
    let folder = format!("{}/", absolute.trim_end_matches('/'));
    if is_secret_path(word) || is_secret_path(absolute) {
        Some(DataClass::Secret)
    } else if PERSONAL.iter().any(|it| folder.contains(it)) {
        Some(DataClass::Personal)
    } else if cwd.is_some_and(|cwd| folder.starts_with(&format!("{}/", cwd.trim_end_matches('/'))))
    {
        Some(DataClass::Workspace)
    } else if SYSTEM.iter().any(|it| folder.starts_with(it)) {
        Some(DataClass::System)
    } else {
        None
    }
}

/// What an effect does, and to what.
const fn act(effect: Effect) -> (ActionType, ResourceType) {
    use ActionType as A;
    use ResourceType as R;
    match effect {
        Effect::FileRead => (A::Read, R::File),
        Effect::FileWrite => (A::Write, R::File),
        Effect::FileDelete => (A::Delete, R::File),
        Effect::SecretRead => (A::Read, R::Secret),
        Effect::NetworkIn => (A::Read, R::Network),
        Effect::NetworkOut | Effect::NetworkUpload => (A::Send, R::Network),
        Effect::Process | Effect::CodeInline => (A::Execute, R::Process),
        Effect::Persistence => (A::Write, R::Process),
        Effect::Privilege => (A::Write, R::Account),
        Effect::PackageInstall => (A::Write, R::Package),
        Effect::VcsRead => (A::Read, R::Repository),
        Effect::VcsWrite => (A::Write, R::Repository),
        Effect::VcsHistoryRewrite => (A::Delete, R::Repository),
        Effect::VcsPublish => (A::Send, R::Repository),
        Effect::InfraRead => (A::Read, R::Infrastructure),
        Effect::InfraChange => (A::Write, R::Infrastructure),
        Effect::InfraDestroy => (A::Delete, R::Infrastructure),
        Effect::DbRead => (A::Read, R::Database),
        Effect::DbChange => (A::Write, R::Database),
        Effect::DbDestroy => (A::Delete, R::Database),
        Effect::Unknown => (A::Unknown, R::Unknown),
    }
}

/// Who may say yes to what has these effects.
///
/// # Source
/// Our judgment: whoever would have to put it right.
pub fn approver_role(effects: Effects) -> &'static str {
    let has = |some: &[Effect]| some.iter().any(|it| effects.contains(*it));
    if has(&[
        Effect::SecretRead,
        Effect::Privilege,
        Effect::Persistence,
        Effect::NetworkUpload,
        Effect::CodeInline,
    ]) {
        "security"
    } else if has(&[Effect::DbDestroy, Effect::DbChange, Effect::DbRead]) {
        "data"
    } else if has(&[Effect::InfraDestroy, Effect::InfraChange, Effect::InfraRead]) {
        "platform"
    } else if has(&[Effect::VcsHistoryRewrite, Effect::VcsPublish, Effect::VcsWrite]) {
        "maintainer"
    } else {
        "security"
    }
}

/// What is at stake, 0 (reads) to 100 (cannot be undone, and not even known to the end).
///
/// The highest effect counts; a second effect of the same level, a secret among the arguments and
/// what could not be known add to it.
///
/// # Source
/// Our judgment: the levels lie 30 apart, so that nothing that adds lifts one level to the next.
pub fn risk_score(facts: &Facts, effects: Effects) -> u8 {
    let highest = level(effects);
    let base: u8 = match highest {
        super::RiskLevel::Low => 5,
        super::RiskLevel::Medium => 30,
        super::RiskLevel::High => 60,
        super::RiskLevel::Critical => 85,
    };
    let n_highest = effects.iter().filter(|it| it.level() == highest).count();
    let sign = |name: &str| facts.risk_signals.contains(name);
    let more: u8 = [n_highest > 1, sign(REDACTED), sign(UNRESOLVED)]
        .into_iter()
        .map(|it| if it { 5 } else { 0 })
        .sum();
    base + more
}

/// The facts of every inner command of a reading, those of the whole, and all effects.
pub fn reading_facts(
    reading: &crate::commands::Reading,
    cwd: Option<&str>,
) -> (Vec<Facts>, Facts, Effects) {
    let mut whole = Facts::default();
    let mut effects = Effects::NONE;
    let mut each = Vec::with_capacity(reading.commands.len());
    for command in &reading.commands {
        let (facts, some) = command_facts(command, cwd);
        whole.add(&facts);
        effects = effects.union(some);
        each.push(facts);
    }
    if !reading.unresolved.is_empty() {
        mark_unresolved(&mut whole);
    }
    (each, whole, effects)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::commands::{read, split};

    fn of(line: &str) -> Facts {
        let reading = read(&split(line).unwrap());
        reading_facts(&reading, Some("/srv/app")).1
    }

    fn words<T: std::fmt::Display>(set: &BTreeSet<T>) -> Vec<String> {
        set.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn commands_are_taken_apart_into_what_rules_ask_for() {
        for (line, acts, class, path) in [
            ("cat .env", "read secret", "secret", "/srv/app/.env"),
            ("cat src/auth/login.rs", "read file", "workspace", "/srv/app/src/auth/login.rs"),
            ("cat ../other/x", "read file", "", "/srv/other/x"),
            ("rm /etc/hosts", "delete file", "system", "/etc/hosts"),
            ("cp a /var/mail/ana", "write file", "personal", "/var/mail/ana"),
            ("bash -c 'echo x > src/pay/a.rs'", "write file", "workspace", "src/pay/a.rs"),
            ("git push --force origin main", "delete repository", "workspace", "main"),
            (
                "terraform apply -var-file=prod.tfvars",
                "write infrastructure",
                "workspace",
                "prod.tfvars",
            ),
        ] {
            let facts = of(line);
            let acts_of: Vec<String> = facts
                .acts
                .iter()
                .map(|(action, resource)| format!("{action} {resource}"))
                .collect();
            assert!(acts_of.iter().any(|it| it == acts), "{line}: {acts_of:?}");
            let classes = words(&facts.data_classes);
            assert!(
                class.is_empty() || classes.iter().any(|it| it == class),
                "{line}: {classes:?}"
            );
            assert!(facts.paths.contains(path), "{line}: {:?}", facts.paths);
        }
    }

    #[test]
    fn calls_are_read_by_their_arguments_too() {
        let (facts, _) =
            call_facts("filesystem", "read_file", r#"{"path": "/home/x/.aws/credentials"}"#);
        assert_eq!(words(&facts.data_classes), ["secret"]);
        assert!(facts.acts.contains(&(ActionType::Read, ResourceType::File)));
        let (facts, _) = call_facts("x", "send_message", "not json");
        assert!(facts.paths.is_empty());
    }

    #[test]
    fn what_cannot_be_known_is_a_signal() {
        assert!(of("bash -c '$X y'").risk_signals.contains(UNRESOLVED));
        assert!(!of("ls").risk_signals.contains(UNRESOLVED));
    }

    #[test]
    fn scores_keep_to_their_level_and_to_a_hundred() {
        let mut last = 0;
        for effect in [Effect::FileRead, Effect::FileWrite, Effect::CodeInline, Effect::Privilege] {
            let effects = Effects::of(&[effect]);
            let plain = risk_score(&Facts::default(), effects);
            let facts = Facts { risk_signals: [REDACTED, UNRESOLVED].into(), ..Facts::default() };
            let worst = risk_score(&facts, effects) + 5;
            assert!(last < plain && worst <= 100, "{effect}: {plain} to {worst}");
            last = worst;
        }
    }

    #[test]
    fn a_signal_that_nothing_gives_is_a_problem() {
        let role: Role = serde_json::from_str(
            r#"{"name":"r","rules":[
                {"pattern":"*","action":"deny","when":{"risk_signal":["secret.read","none"]}},
                {"pattern":"*","action":"deny","when":{"risk_signal":["secrets"]}}]}"#,
        )
        .unwrap();
        let problems = signal_problems(&role);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].field, "rules[1].when.risk_signal");
    }
}

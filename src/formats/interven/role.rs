//! Interven's rules as a role over MCP calls, and back.
use super::{
    super::{
        Effect, Loss, Read, Written,
        ordered::{Item, Keeps, Ordered, effect, literal_of, no_place, no_threshold, unsaid},
    },
    document::{Action, Asked, IntervenPolicy, IntervenRule, Match},
    names::{plural, words},
};
use crate::policy::{
    ActionType, DataClass, Input, Mode, Role, Rule, RuleAction, Target, When, literal,
};

/// Distance between the priorities of rules that are written.
const STEP: i64 = 10;

/// The actions of both.
const ACTIONS: &[(Action, RuleAction)] = &[
    (Action::Allow, RuleAction::Allow),
    (Action::Sanitize, RuleAction::Redact),
    (Action::RequireApproval, RuleAction::RequireApproval),
    (Action::Deny, RuleAction::Deny),
];

/// Verbs and what is done where they hold; `ADMIN` holds for tools by their names, too.
const VERBS: &[(&str, &[ActionType])] = &[
    ("READ", &[ActionType::Read]),
    ("WRITE", &[ActionType::Write, ActionType::Send]),
    ("DELETE", &[ActionType::Delete]),
    ("ADMIN", &[ActionType::Execute]),
];

/// Classes of data and ours.
const DATA_CLASSES: &[(&str, &[DataClass])] = &[
    (SECRETS, &[DataClass::Secret]),
    ("PII", &[DataClass::Personal]),
    ("INTERNAL", &[DataClass::Workspace, DataClass::System]),
];

/// Classes that are written: `PII` is also what the texts of a call hold, so that no condition of a role
/// is it.
const WRITTEN_CLASSES: &[(&str, &[DataClass])] =
    &[(SECRETS, &[DataClass::Secret]), ("INTERNAL", &[DataClass::Workspace, DataClass::System])];

/// The class of secrets: what reaches for one, and what had one in it that was taken out.
const SECRETS: &str = "SECRETS";

/// The sign of danger of a call that had a secret in its arguments.
const TAKEN_OUT: &str = "redacted";

/// What is put behind the id of a rule for the second half of [`SECRETS`].
const TAKEN_OUT_SUFFIX: &str = ".redacted";

/// What is said of names wherever rules are read or written.
const ANY_CASE: &str = "names in another case: Interven's rules hold for `Slack` as for `slack`, a role for names as \
                        they are spelled (MILDER where it denies)";

/// The conditions of a rule about classes of data, for calls that had a secret in their arguments.
fn taken_out(when: &When) -> When {
    let mut when = when.clone();
    when.remove(Input::DataClass.as_str());
    when.insert(Input::RiskSignal.as_str().to_owned(), vec![TAKEN_OUT.to_owned()]);
    when
}

/// Whether a condition asks for a class of data.
fn asks_for(when: &When, class: DataClass) -> bool {
    let values = when.get(Input::DataClass.as_str());
    values.is_some_and(|it| it.contains(&class.to_string()))
}

/// A role in which one rule stands for the two halves of [`SECRETS`], the places of its MCP rules in the
/// role as it was, and which of them stand for two.
fn joined(role: &Role) -> (Role, Vec<usize>, Vec<bool>) {
    let mut res = role.clone();
    res.mcp_rules.clear();
    let (mut places, mut is_both) = (Vec::new(), Vec::new());
    for (idx, rule) in role.mcp_rules.iter().enumerate() {
        let is_half = res.mcp_rules.last().is_some_and(|it| {
            asks_for(&it.when, DataClass::Secret)
                && (&it.pattern, it.action, it.risk) == (&rule.pattern, rule.action, rule.risk)
                && taken_out(&it.when) == rule.when
        });
        if is_half {
            is_both.pop();
            is_both.push(true);
        } else {
            res.mcp_rules.push(rule.clone());
            places.push(idx);
            is_both.push(false);
        }
    }
    (res, places, is_both)
}

/// The role that decides as the rules do, where patterns and conditions of roles can say them; what
/// no rule is about passes.
pub(super) fn role(policy: &IntervenPolicy) -> Read {
    let mut losses = Vec::new();
    let mut role = Role::new(policy.name.clone());
    role.mode = Mode::Enforce;
    for rule in policy.rules.iter().filter(|it| it.enabled) {
        let idx = rule.place;
        let action = ACTIONS.iter().find(|(it, _)| *it == rule.action);
        let action = action.map_or(RuleAction::Deny, |(_, action)| *action);
        let mut lose = |part: &str, what: String, why: &str, effect| {
            losses.push(Loss {
                field: format!("rules[{idx}].{part}"),
                what: format!("{} {}: {what}", rule.action, rule.rule_id),
                why: why.to_owned(),
                effect,
            });
        };
        if let Some(list) = rule.matches.names_nothing() {
            let why = "names nothing, so the rule never holds: left out";
            lose(&format!("match.{list}"), "[]".to_owned(), why, Effect::Same);
            continue;
        }
        // A rule with something that no role can ask holds nowhere there.
        let unsaid = unsaid_parts(rule);
        for (part, what) in &unsaid {
            let why = "no role can ask for that, so the rule is left out";
            lose(part, what.clone(), why, effect(action, RuleAction::Allow));
        }
        if !unsaid.is_empty() {
            continue;
        }
        let (patterns, by_words) = patterns(rule);
        if let Some(what) = by_words {
            let why = if action == RuleAction::Allow {
                "a role knows no words of a name: it allows those in small letters, parted by `_`"
            } else {
                "a role knows no words of a name: it also holds within words, and not in every spelling"
            };
            lose("match.operations", what, why, effect(action, RuleAction::Allow));
        }
        if rule.matches.verbs.iter().flatten().any(|it| it == "ADMIN") {
            let why = "a role asks what is done, not the words of a tool's name: it holds for what executes";
            lose("match.verbs", "ADMIN".to_owned(), why, effect(action, RuleAction::Allow));
        }
        if !rule.sanitize_fields.is_empty() {
            let why = "a role redacts all fields";
            lose("sanitize_fields", rule.sanitize_fields.join(", "), why, Effect::Stricter);
        }
        let classes = &rule.condition.has_data_class;
        if classes.iter().any(|it| it == "PII") {
            let why = "a role asks which files are reached for, not what the texts of a call hold";
            let what = "PII in a body".to_owned();
            lose("condition.has_data_class", what, why, effect(action, RuleAction::Allow));
        }
        let when = when(rule);
        let asks_secrets = classes.iter().any(|it| it == SECRETS);
        let id = |suffix: &str| {
            let is_one = patterns.len() == 1;
            if is_one { format!("{}{suffix}", rule.rule_id) } else { String::new() }
        };
        for pattern in &patterns {
            let made = Rule { when: when.clone(), rule_id: id(""), ..Rule::new(pattern, action) };
            let half = asks_secrets.then(|| Rule {
                when: taken_out(&when),
                rule_id: id(TAKEN_OUT_SUFFIX),
                ..made.clone()
            });
            role.mcp_rules.push(made);
            role.mcp_rules.extend(half);
        }
    }
    // A DENY comes before all, the others stand as they are.
    role.mcp_rules.sort_by_key(|it| it.action != RuleAction::Deny);
    // The default is for calls: of commands the rules say nothing, so none passes.
    role.mcp_rules.push(Rule::new("*/*", RuleAction::Allow));
    let off = policy.rules.iter().filter(|it| !it.enabled).count();
    let mut notes = vec![super::super::NO_COMMANDS.to_owned(), ANY_CASE.to_owned()];
    if off > 0 {
        notes.push(format!("rules that are not enabled: {off}"));
    }
    Read { losses, notes, ..Read::exact(role) }
}

/// What of a rule no role can ask for, each by its place and values.
fn unsaid_parts(rule: &IntervenRule) -> Vec<(&'static str, String)> {
    fn of(list: Option<&Vec<String>>) -> &[String] {
        list.map_or(&[], Vec::as_slice)
    }
    let (matches, asked) = (&rule.matches, &rule.condition);
    let lists: [(&str, &[String]); 5] = [
        ("match.org_patterns", of(matches.org_patterns.as_ref())),
        ("match.repo_patterns", of(matches.repo_patterns.as_ref())),
        ("match.channel_patterns", of(matches.channel_patterns.as_ref())),
        ("condition.body_contains_any", &asked.body_contains_any),
        ("condition.body_contains_all", &asked.body_contains_all),
    ];
    let lists = lists.into_iter().filter(|(_, it)| !it.is_empty());
    let mut res: Vec<(&str, String)> = lists.map(|(part, it)| (part, it.join(", "))).collect();
    let methods = of(matches.operations.as_ref()).iter();
    let methods =
        methods.filter(|it| it.split_once(':').is_some_and(|(kind, _)| kind != "category"));
    let methods: Vec<&str> = methods.map(String::as_str).collect();
    if !methods.is_empty() {
        res.push(("match.operations", methods.join(", ")));
    }
    let flags = [
        ("condition.is_external_principal", asked.is_external_principal),
        ("condition.new_resource", asked.new_resource),
        ("condition.volume_burst", asked.volume_burst),
    ];
    res.extend(flags.into_iter().filter_map(|(part, it)| Some((part, it?.to_string()))));
    res
}

/// The patterns of a rule's calls, and the categories that they hold for other tools than the rule does.
fn patterns(rule: &IntervenRule) -> (Vec<String>, Option<String>) {
    let Match { tool_name, operations, .. } = &rule.matches;
    let server = tool_name.as_deref().map_or_else(|| "*".to_owned(), literal);
    let mut tools = Vec::new();
    let mut categories = Vec::new();
    for operation in operations.iter().flatten() {
        match operation.split_once(':') {
            Some((_, name)) => {
                categories.push(operation.as_str());
                let is_allow = rule.action == Action::Allow;
                tools.extend(if is_allow { narrow(name) } else { wide(name) });
            }
            None if operation == "*" => tools.push("*".to_owned()),
            None => tools.push(literal(operation)),
        }
    }
    if operations.is_none() {
        tools.push("*".to_owned());
    }
    let categories = (!categories.is_empty()).then(|| categories.join(", "));
    (tools.iter().map(|tool| format!("{server}/{tool}")).collect(), categories)
}

/// Patterns of tools that hold the words of a category in their order, in small letters or each with a
/// capital: all of the category in these spellings, and some that are not of it.
fn wide(category: &str) -> Vec<String> {
    let words: Vec<String> = words(category)
        .iter()
        .map(|it| literal(it.strip_suffix('y').filter(|it| !it.is_empty()).unwrap_or(it)))
        .collect();
    let capital = |word: &String| {
        let mut chars = word.chars();
        let first = chars.next().map(|it| it.to_uppercase().to_string());
        first.unwrap_or_default() + chars.as_str()
    };
    let capitals: Vec<String> = words.iter().map(capital).collect();
    [words, capitals].map(|it| format!("*{}*", it.join("*"))).into()
}

/// Patterns of tools whose name is in small letters, parted by `_`, and has the words of a category in
/// it: all of these are of the category.
fn narrow(category: &str) -> Vec<String> {
    let mut words = words(category);
    let last = words.pop().unwrap_or_default();
    let both = [last.clone(), plural(&last)];
    let named = both.map(|last| {
        let all: Vec<&str> = words.iter().map(String::as_str).chain([last.as_str()]).collect();
        literal(&all.join("_"))
    });
    let of = |it: &String| [it.clone(), format!("{it}_*"), format!("*_{it}"), format!("*_{it}_*")];
    named.iter().flat_map(of).collect()
}

/// The conditions of a rule.
fn when(rule: &IntervenRule) -> When {
    fn ours<T: ToString>(table: &[(&str, &[T])], names: &[String]) -> Vec<String> {
        let named = table.iter().filter(|(name, _)| names.iter().any(|it| it == name));
        named.flat_map(|(_, all)| all.iter().map(ToString::to_string)).collect()
    }
    let asked = [
        (Input::ActionType, ours(VERBS, rule.matches.verbs.as_deref().unwrap_or_default())),
        (Input::DataClass, ours(DATA_CLASSES, &rule.condition.has_data_class)),
    ];
    let asked = asked.into_iter().filter(|(_, values)| !values.is_empty());
    asked.map(|(input, values)| (input.as_str().to_owned(), values)).collect()
}

/// What of rules the policy says.
const KEEPS: Keeps = Keeps { condition: keeps, ..Keeps::NOTHING };

/// Whether a condition is one on classes of data or on what is done, and whole classes and verbs of
/// theirs say it.
fn keeps(key: &str, values: &[String]) -> bool {
    match Input::parse(key) {
        Some(Input::DataClass) => theirs(WRITTEN_CLASSES, values).is_some(),
        Some(Input::ActionType) => theirs(says_verbs(), values).is_some(),
        _ => false,
    }
}

/// The verbs that hold for what is done and for nothing else.
fn says_verbs() -> &'static [(&'static str, &'static [ActionType])] {
    VERBS.split_last().map_or(&[], |(_, exact)| exact)
}

/// Their names for values of ours, where they say just these.
fn theirs<T: std::fmt::Display>(table: &[(&str, &[T])], values: &[String]) -> Option<Vec<String>> {
    let is_asked = |it: &T| values.contains(&it.to_string());
    let named = table.iter().filter(|(_, all)| all.iter().all(is_asked));
    let mut names = Vec::new();
    let mut said = Vec::new();
    for (name, all) in named {
        names.push((*name).to_owned());
        said.extend(all.iter().map(ToString::to_string));
    }
    values.iter().all(|it| said.contains(it)).then_some(names)
}

/// The policy that decides on calls as a role does.
pub(super) fn policy(role: &Role) -> (IntervenPolicy, Written) {
    let mut losses = Vec::new();
    no_place(role, Target::Command, &mut losses);
    no_threshold(role, &mut losses);
    let (joined, places, is_both) = joined(role);
    let mut of_list: Vec<Loss> = Vec::new();
    let mut list = Ordered::new(&joined, Target::Mcp, KEEPS, &mut of_list);
    list.translate(actions, &mut of_list);
    wider(&joined, &list, &is_both, &mut of_list);
    // By their places in the role as it was.
    let field = |idx: usize| super::super::field(Target::Mcp, idx);
    let told: Vec<(String, String)> =
        places.iter().enumerate().map(|(new, old)| (field(new), field(*old))).collect();
    let rename = |name: &mut String| {
        if let Some((_, old)) = told.iter().find(|(new, _)| new == name) {
            name.clone_from(old);
        }
    };
    for it in &mut of_list {
        rename(&mut it.field);
    }
    for it in &mut list.items {
        rename(&mut it.field);
    }
    losses.append(&mut of_list);
    let mut notes = unsaid(role, true);
    notes.push(ANY_CASE.to_owned());
    notes.append(&mut list.idle);
    if list.default == RuleAction::Deny {
        let why = "a DENY of all would deny what is allowed, too: asks";
        losses.push(list.default_loss(why, Effect::Milder));
        list.default = RuleAction::RequireApproval;
    }
    let said = list.say(matches, &mut losses);
    let beats = |later: RuleAction, earlier: RuleAction| {
        later == RuleAction::Deny && earlier != RuleAction::Deny
    };
    Ordered::unorder(&said, beats, &mut losses);
    let mut rules: Vec<IntervenRule> = Vec::new();
    let mut add = |rule_id: String, matches: Match, condition: Asked, action: RuleAction| {
        let found = ACTIONS.iter().find(|(_, it)| *it == action);
        let priority = rules.last().map_or(STEP, |it| it.priority + STEP);
        rules.push(IntervenRule {
            place: rules.len(),
            rule_id,
            priority,
            matches,
            condition,
            action: found.map_or(Action::Deny, |(it, _)| *it),
            sanitize_fields: Vec::new(),
            enabled: true,
        });
    };
    for (item, (matches, condition)) in said {
        add(item.field.clone(), matches, condition, item.action);
    }
    if list.default != RuleAction::Allow {
        add("default".to_owned(), Match::default(), Asked::default(), list.default);
    }
    if role.mode == Mode::Monitor {
        notes.push("it has no monitor mode: rules are enforced".to_owned());
    }
    let policy = IntervenPolicy { name: role.name.clone(), rules };
    (policy, Written { losses, notes, ..Written::default() })
}

/// Notes the rules about secrets that are written with both halves of their class, and were about one.
fn wider(role: &Role, list: &Ordered, is_both: &[bool], losses: &mut Vec<Loss>) {
    let both = |item: &Item| {
        let mut all = is_both.iter().enumerate();
        all.any(|(idx, is)| *is && item.field == super::super::field(Target::Mcp, idx))
    };
    let actions = role.mcp_rules.iter().map(|it| it.action);
    let strictest = actions.fold(role.default_action, Ord::max);
    for item in &list.items {
        if asks_for(&item.when, DataClass::Secret) && !both(item) {
            // Something stricter may be what the other half would meet.
            let is_milder = strictest > item.action;
            let effect = if is_milder { Effect::Milder } else { Effect::Stricter };
            losses.push(item.loss("SECRETS is also what had a secret taken out of it", effect));
        }
    }
}

/// A pattern as match: a tool, or all tools, of a server or of all; and its conditions.
fn matches(item: &Item) -> Result<(Match, Asked), String> {
    let why = || "is more than a tool, and not all tools of a server".to_owned();
    let (server, tool) = item.text.split_once('/').ok_or_else(why)?;
    let tool_name = if server == "*" { None } else { Some(server.to_owned()) };
    let is_plain = |text: &str| !text.contains(['*', '\\', ':']) && !text.is_empty();
    let is_server = tool_name.as_deref().is_none_or(is_plain);
    let is_whole = literal_of(&item.pattern).is_some() || tool == "*";
    // `*/x` is also `a/b/x`, and no operation is that.
    if !is_server || !(tool == "*" || is_plain(tool) && tool_name.is_some()) || !is_whole {
        return Err(why());
    }
    let asked = |input: Input| item.when.get(input.as_str());
    let verbs = asked(Input::ActionType).and_then(|it| theirs(says_verbs(), it));
    let classes = asked(Input::DataClass).and_then(|it| theirs(WRITTEN_CLASSES, it));
    let condition = Asked { has_data_class: classes.unwrap_or_default(), ..Asked::default() };
    Ok((
        Match { tool_name, operations: Some(vec![tool.to_owned()]), verbs, ..Match::default() },
        condition,
    ))
}

const fn actions(action: RuleAction) -> (RuleAction, &'static str) {
    match action {
        RuleAction::Alert => (RuleAction::Allow, "has no alerts: allowed"),
        RuleAction::Terminate => (RuleAction::Deny, "ends no sessions: denied"),
        action => (action, ""),
    }
}

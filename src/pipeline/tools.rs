//! A policy.yaml against what agents did: what each tool comes to, and the policy that the activity recommends.
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    events::{Action, Outcome, Tally, Timestamp, Unit},
    formats::policy_yaml::{
        Card, EnforcementMode, Evaluated, Forbidden, Known, Mapping, PolicyFile, Severity, Trigger,
        TriggerAction, Unmapped, Verdict, evaluate,
    },
    policy::{ActionType, RiskLevel},
    risk::call_facts,
};

/// What was seen of one tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolUse {
    /// `mcp__server__tool`.
    pub name: String,
    /// The server.
    pub server: String,
    /// The tool.
    pub tool: String,
    /// Calls.
    pub n_calls: u64,
    /// Calls that were stopped.
    pub n_blocked: u64,
    /// Calls that would have been stopped in enforce mode.
    pub n_would_block: u64,
    /// Distinct sessions, hosts and days.
    pub units: BTreeSet<Unit>,
    /// The first call.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
}

/// The tools of some activity, by name; of the newest calls as many as `limit` says. How old a tool
/// is is told by all of it.
pub fn tool_uses(tallies: &[Tally], limit: Option<u64>) -> Vec<ToolUse> {
    let mut newest: Vec<&Tally> = tallies.iter().collect();
    newest.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.event_id.cmp(&b.event_id)));
    let mut left = limit.unwrap_or(u64::MAX);
    let mut first_seen: BTreeMap<String, Timestamp> = BTreeMap::new();
    let mut res: BTreeMap<String, ToolUse> = BTreeMap::new();
    for tally in newest {
        let Action::McpCall { server, tool, .. } = tally.action.as_ref() else { continue };
        let name = format!("mcp__{server}__{tool}");
        let first = first_seen.entry(name.clone()).or_insert(tally.first);
        *first = (*first).min(tally.first);
        let n_calls = tally.n_events.min(left);
        if n_calls == 0 {
            continue;
        }
        left -= n_calls;
        let it = res.entry(name.clone()).or_insert_with(|| ToolUse {
            name,
            server: server.clone(),
            tool: tool.clone(),
            n_calls: 0,
            n_blocked: 0,
            n_would_block: 0,
            units: BTreeSet::new(),
            first: tally.first,
            last: tally.last,
        });
        it.n_calls += n_calls;
        match tally.outcome {
            Outcome::Allowed => (),
            Outcome::Blocked => it.n_blocked += n_calls,
            Outcome::WouldBlock => it.n_would_block += n_calls,
        }
        it.units.insert(tally.unit.clone());
        it.last = it.last.max(tally.last);
    }
    for it in res.values_mut() {
        it.first = first_seen.get(&it.name).copied().unwrap_or(it.first);
    }
    res.into_values().collect()
}

/// What a policy makes of a tool that was used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tested {
    /// What it says.
    #[serde(flatten)]
    pub said: Evaluated,
    /// Calls.
    pub calls: u64,
    /// Distinct sessions.
    pub sessions: usize,
    /// When the tool was first seen.
    pub first_seen: Timestamp,
}

/// What a policy makes of every tool that was used until `now`, the worst first.
pub fn test(
    policy: &PolicyFile,
    card: Option<&Card>,
    uses: &[ToolUse],
    now: Timestamp,
) -> Vec<Tested> {
    let tested = uses.iter().map(|it| {
        let age_hours = now.hours_since(it.first).max(0.0);
        let known = Known { card, age_hours: Some(age_hours) };
        let sessions: BTreeSet<_> =
            it.units.iter().map(|it| (&it.hostname, &it.session_id)).collect();
        Tested {
            said: evaluate(policy, &it.name, &known),
            calls: it.n_calls,
            sessions: sessions.len(),
            first_seen: it.first,
        }
    });
    let mut res: Vec<Tested> = tested.collect();
    let rank = |it: &Tested| (std::cmp::Reverse(it.said.verdict), std::cmp::Reverse(it.calls));
    res.sort_by_cached_key(|it| (rank(it), it.said.tool.clone()));
    res
}

/// What comes of a test as a whole.
pub fn overall(tested: impl IntoIterator<Item = Verdict>) -> Verdict {
    tested.into_iter().max().unwrap_or(Verdict::Pass)
}

/// A policy that activity recommends, and how sure its parts are.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommended {
    /// The policy.
    pub policy: PolicyFile,
    /// Section -> confidence, 0 to 1, and what it stands on.
    pub confidence: Vec<SectionConfidence>,
    /// Tools that no policy can name, since their names are globs; in no section.
    pub left_out: Vec<String>,
}

/// Whether a name would be more than itself in a policy: whoever names a tool would choose what else is
/// mapped, forbidden or escalated. A quote would end a trigger's condition.
fn is_glob(name: &str) -> bool {
    name.contains(['*', '?', '\'', '"'])
}

/// How sure a section is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SectionConfidence {
    /// Such as `capability_mappings`.
    pub section: &'static str,
    /// 0 to 1.
    pub confidence: f64,
    /// What it stands on.
    pub because: String,
}

/// Days and units of activity from which on enforcement is recommended.
const MATURE_DAYS: usize = 14;
const MATURE_UNITS: usize = 50;

/// The chance of an unknown tool below which enforcement is recommended.
const MATURE_UNSEEN: f64 = 0.02;

/// The policy that activity recommends: capabilities by server and by what their tools do, forbidden
/// what was stopped or nearly so, escalation for what could do most harm; `enforce` once the activity
/// is mature.
pub fn recommend(name: &str, uses: &[ToolUse], card: Option<&Card>) -> Recommended {
    let mut policy = PolicyFile::named(name);
    policy.meta.description = Some("Recommended from observed tool use; to be reviewed".to_owned());
    policy.defaults.unmapped_tool_action = Unmapped::Deny;
    policy.defaults.unmapped_severity = Severity::High;
    policy.defaults.fail_open = false;
    let (meant, globs): (Vec<ToolUse>, Vec<ToolUse>) =
        uses.iter().cloned().partition(|it| !is_glob(&it.name));
    let left_out = globs.into_iter().map(|it| it.name).collect();
    let uses = meant.as_slice();
    let mut n_read = 0_usize;
    for it in uses {
        let n_stopped = it.n_blocked + it.n_would_block;
        let deed = deed(it);
        let level = call_facts(&it.server, &it.tool, "").0.risk_level;
        if n_stopped * 2 > it.n_calls {
            let (n_blocked, n_would) = (it.n_blocked, it.n_would_block);
            policy.forbidden.push(Forbidden {
                pattern: it.name.clone(),
                reason: format!("Stopped {n_blocked} times, nearly so {n_would} times"),
                severity: if level >= Some(RiskLevel::High) {
                    Severity::Critical
                } else {
                    Severity::High
                },
            });
            continue;
        }
        if level >= Some(RiskLevel::High) || n_stopped > 0 {
            policy.triggers.push(Trigger {
                condition: format!("tool_matches('{}')", it.name),
                action: TriggerAction::Escalate,
                reason: if n_stopped > 0 {
                    format!("Stopped or nearly so {n_stopped} of {} times", it.n_calls)
                } else {
                    "What it can do is hard to undo".to_owned()
                },
            });
        }
        n_read += usize::from(deed.is_some());
        map(&mut policy.mappings, it, deed, card);
    }
    let units: BTreeSet<&Unit> = uses.iter().flat_map(|it| &it.units).collect();
    let days: BTreeSet<_> = units.iter().map(|it| it.day).collect();
    let unseen = unseen(uses, units.len());
    let is_mature =
        days.len() >= MATURE_DAYS && units.len() >= MATURE_UNITS && unseen <= MATURE_UNSEEN;
    let mode = if is_mature { EnforcementMode::Enforce } else { EnforcementMode::Warn };
    policy.defaults.enforcement_mode = Some(mode);
    let confidence = confidence(&policy, uses, n_read, unseen, (days.len(), units.len()));
    Recommended { policy, confidence, left_out }
}

/// What a tool does, by its name.
fn deed(it: &ToolUse) -> Option<ActionType> {
    let (facts, _) = call_facts(&it.server, &it.tool, "");
    let deeds = facts.acts.iter().map(|(deed, _)| *deed);
    deeds.filter(|it| *it != ActionType::Unknown).max()
}

/// Adds a tool to the capability of its server and deed.
fn map(mappings: &mut Vec<Mapping>, it: &ToolUse, deed: Option<ActionType>, card: Option<&Card>) {
    let deed = deed.map_or("use", ActionType::as_str);
    let name = format!("{}_{deed}", it.server);
    if let Some(mapping) = mappings.iter_mut().find(|it| it.name == name) {
        return mapping.tools.push(it.name.clone());
    }
    // An action of the card that says the same; else one that should be on it.
    let actions: &[String] = card.map_or(&[], |it| &it.bounded_actions);
    let fits = |action: &&String| {
        let words: Vec<&str> = action.split(['_', '-', '.', ' ']).collect();
        words.contains(&it.server.as_str()) || words.contains(&deed)
    };
    let found = actions.iter().find(fits).cloned();
    mappings.push(Mapping {
        name,
        description: Some(format!("What {} was seen to {deed}", it.server)),
        tools: vec![it.name.clone()],
        card_actions: vec![found.unwrap_or_else(|| format!("{deed}_{}", it.server))],
    });
}

/// The chance that the next unit brings a tool that was never seen.
///
/// # Source
/// Good (1953): the share of tools seen in one unit only, of all uses by units.
#[expect(clippy::cast_precision_loss, reason = "counts of tools and units")]
fn unseen(uses: &[ToolUse], n_units: usize) -> f64 {
    let n_single = uses.iter().filter(|it| it.units.len() == 1).count();
    let n_uses: usize = uses.iter().map(|it| it.units.len()).sum();
    if n_units == 0 || n_uses == 0 { 1.0 } else { n_single as f64 / n_uses as f64 }
}

#[expect(clippy::cast_precision_loss, reason = "counts of tools and units")]
fn confidence(
    policy: &PolicyFile,
    uses: &[ToolUse],
    n_read: usize,
    unseen: f64,
    (n_days, n_units): (usize, usize),
) -> Vec<SectionConfidence> {
    let n_mapped: usize = policy.mappings.iter().map(|it| it.tools.len()).sum();
    let share = |n: u64, of: u64| (n as f64 + 1.0) / (of as f64 + 2.0);
    // Rules of succession over calls: how sure it is that what was stopped is to be stopped.
    let of_tools = |patterns: BTreeSet<&str>| -> (u64, u64) {
        let meant = uses.iter().filter(|it| patterns.contains(it.name.as_str()));
        meant.fold((0, 0), |(stopped, all), it| {
            (stopped + it.n_blocked + it.n_would_block, all + it.n_calls)
        })
    };
    let (n_stopped, n_all) =
        of_tools(policy.forbidden.iter().map(|it| it.pattern.as_str()).collect());
    let globs = policy.triggers.iter().filter_map(Trigger::glob).collect();
    let (n_near, n_calls) = of_tools(globs);
    let understood = if n_mapped == 0 { 0.0 } else { n_read as f64 / n_mapped as f64 };
    vec![
        SectionConfidence {
            section: "capability_mappings",
            confidence: (1.0 - unseen) * understood,
            because: format!(
                "{n_mapped} tools in {n_units} units; the next one is new with a chance of {:.0}%, \
                 what {n_read} of them do is told by their names",
                unseen * 100.0
            ),
        },
        SectionConfidence {
            section: "forbidden",
            confidence: share(n_stopped, n_all),
            because: format!("{n_stopped} of {n_all} calls were stopped, or nearly so"),
        },
        SectionConfidence {
            section: "escalation_triggers",
            confidence: share(n_near.min(n_calls), n_calls),
            because: format!("{n_near} of {n_calls} calls were stopped, or nearly so"),
        },
        SectionConfidence {
            section: "defaults",
            confidence: (n_units as f64 / MATURE_UNITS as f64).min(1.0)
                * (n_days as f64 / MATURE_DAYS as f64).min(1.0)
                * (1.0 - unseen),
            because: format!(
                "{n_days} of {MATURE_DAYS} days and {n_units} of {MATURE_UNITS} units that make activity mature"
            ),
        },
    ]
}

//! A fleet of agents that never was: events for demos, tests and benchmarks, the same for the same
//! seed.
mod fill;
mod planted;
mod random;
mod signal;
mod truth;
mod work;

use crate::{
    commands::split,
    events::{Day, Timestamp},
};
use fill::{Scene, fill};
use planted::{PLANTED, POISON, Planted, What};
use random::Random;
use signal::Deed;
use work::{Act, CARELESS, Call, EVERYWHERE, ONCE_IN_A_WHILE, ROLES, Work};

pub use signal::Signal;
pub use truth::{PlantedTruth, RoleTruth, Truth};

/// What is to be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Everything else follows from it.
    pub seed: u64,
    /// Events in all.
    pub n_events: u64,
    /// Hosts, dealt out to the roles in turn.
    pub n_hosts: u32,
    /// Days in a row.
    pub n_days: u32,
    /// The first of them.
    pub start: Day,
}

/// One host on one day: the events of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The host.
    pub hostname: String,
    /// Its role.
    pub role: &'static str,
    /// The day.
    pub day: Day,
    /// Events on it.
    pub n_events: u64,
    host: u32,
    /// Days since the first.
    age: u32,
}

/// A planned fleet.
#[derive(Debug)]
pub struct Fleet {
    plan: Plan,
    planted: Vec<Plant>,
}

/// A planted act and its place.
#[derive(Debug)]
struct Plant {
    host: u32,
    age: u32,
    act: Planted,
    n_events: u64,
    decision: &'static str,
    rule: Option<&'static str>,
}

/// Events of one session, about.
const SESSION_EVENTS: u64 = 40;
/// Of a thousand events, so many are not everyday commands.
const RARE: u64 = 12;
const CARELESS_SHARE: u64 = 4;
const REFUSED: u64 = 6;
const CALLS: u64 = 45;
const CONFIG_CHANGES: u64 = 2;
const INTEGRITY_REPORTS: u64 = 2;
/// Of a thousand plain commands, so many come as a script, as most agents send them.
const AS_SCRIPT: u64 = 650;
/// How often the poisoning session repeats its act.
const POISON_EVENTS: u64 = 30;
/// An agent's day begins at seven and lasts twelve hours.
const DAY_START_MS: u64 = 7 * 3_600_000;
const DAY_MS: u64 = 12 * 3_600_000;

const AGENTS: &[(&str, &str)] =
    &[("Claude Code", "claude"), ("Codex CLI", "codex"), ("Gemini CLI", "gemini")];

impl Fleet {
    /// Plans a fleet: who works when, and where the planted acts are.
    pub fn new(plan: Plan) -> Self {
        let mut res = Self { plan, planted: Vec::new() };
        let mut random = Random::new(plan.seed, &[1]);
        for (at, work) in (0_u32..).zip(ROLES) {
            let hosts: Vec<u32> = (0..plan.n_hosts).filter(|host| host % n_roles() == at).collect();
            if hosts.is_empty() || plan.n_days == 0 {
                continue;
            }
            let poison = std::iter::once((POISON, POISON_EVENTS));
            for (act, n_events) in PLANTED.iter().map(|act| (*act, 1)).chain(poison) {
                let age = u32::try_from(random.below(u64::from(plan.n_days))).unwrap_or(0);
                let stopped = work.refused.first().map(|(_, rule)| *rule);
                let (decision, rule) = match random.below(4) {
                    0 if n_events == 1 => ("blocked", stopped),
                    1 if n_events == 1 => ("would_block", stopped),
                    _ => ("allowed", None),
                };
                res.planted.push(Plant {
                    host: random.pick(&hosts),
                    age,
                    act,
                    n_events,
                    decision,
                    rule,
                });
            }
        }
        res
    }

    /// The files of the fleet, in the order of hosts and days; their events sum up to the plan's.
    pub fn units(&self) -> Vec<Unit> {
        let plan = &self.plan;
        let cells: Vec<(u32, u32)> = (0..plan.n_hosts)
            .flat_map(|host| (0..plan.n_days).map(move |age| (host, age)))
            .collect();
        let weights: Vec<u64> = cells.iter().map(|(host, age)| self.weight(*host, *age)).collect();
        let total: u64 = weights.iter().sum();
        let mut so_far = 0;
        let mut handed_out = 0;
        let mut res = Vec::new();
        for ((host, age), weight) in cells.into_iter().zip(weights) {
            so_far += weight;
            let upto = u128::from(plan.n_events) * u128::from(so_far) / u128::from(total.max(1));
            let upto = u64::try_from(upto).unwrap_or(plan.n_events);
            let work = work_of(host);
            let day = Day(plan.start.0.saturating_add(i32::try_from(age).unwrap_or(i32::MAX)));
            let hostname = format!("{}-{:02}", work.role, host / n_roles() + 1);
            res.push(Unit {
                hostname,
                role: work.role,
                day,
                n_events: upto - handed_out,
                host,
                age,
            });
            handed_out = upto;
        }
        res
    }

    /// How busy a host is on a day: less at weekends.
    fn weight(&self, host: u32, age: u32) -> u64 {
        // 1970-01-01 was a Thursday.
        let weekday = (i64::from(self.plan.start.0) + i64::from(age) + 3).rem_euclid(7);
        let base = if weekday >= 5 { 15 } else { 100 };
        base + Random::new(self.plan.seed, &[2, u64::from(host), u64::from(age)]).below(base)
    }

    /// The events of one host and day, in the order of time; what they are is added to `truth`.
    pub fn events(&self, unit: &Unit, truth: &mut Truth) -> Vec<Signal> {
        let work = work_of(unit.host);
        truth.seed = self.plan.seed;
        truth.events += unit.n_events;
        let role = truth.roles.entry(work.role).or_default();
        role.events += unit.n_events;
        if !role.hosts.contains(&unit.hostname) {
            role.hosts.push(unit.hostname.clone());
        }
        let mut random =
            Random::new(self.plan.seed, &[3, u64::from(unit.host), u64::from(unit.age)]);
        let mut plants = self.plants(unit);
        let n_sessions = (unit.n_events / SESSION_EVENTS).max(1);
        let mut dated: Vec<(u64, Signal)> = Vec::new();
        for session in 0..n_sessions {
            let (from, to) =
                (session * unit.n_events / n_sessions, (session + 1) * unit.n_events / n_sessions);
            let is_last = session + 1 == n_sessions;
            let mut sitting = Sitting::new(unit, work, to - from, &mut random);
            for at in from..to {
                // Planted acts come at random, in the last session as long as there is room.
                let needed: u64 = plants.iter().map(|plant| plant.n_events + 1).sum();
                let is_late = is_last && to - at <= needed;
                // An act that takes long begins where the session has room for it.
                let has_room = plants.last().is_some_and(|plant| plant.n_events <= to - at);
                if sitting.plant.is_none() && (is_late || has_room && random.per_mille(80)) {
                    sitting.plant = plants.pop().map(|plant| (plant, plant.n_events));
                }
                let deed = sitting.next(truth, &mut random);
                let at_ms = sitting.tick(&mut random);
                let event_id = format!("sim-{:x}-{}-{}-{at}", self.plan.seed, unit.host, unit.age);
                dated.push((at_ms, sitting.signal(unit, event_id, at_ms, deed)));
            }
        }
        dated.sort_by(|(a_ms, a), (b_ms, b)| (a_ms, &a.event_id).cmp(&(b_ms, &b.event_id)));
        dated.into_iter().map(|(_, signal)| signal).collect()
    }

    /// The events of the whole fleet, in the order of time.
    pub fn all_events(&self, truth: &mut Truth) -> Vec<Signal> {
        let units = self.units();
        let mut res: Vec<Signal> = units.iter().flat_map(|it| self.events(it, truth)).collect();
        res.sort_by(|a, b| (&a.timestamp, &a.event_id).cmp(&(&b.timestamp, &b.event_id)));
        res
    }

    fn plants(&self, unit: &Unit) -> Vec<&Plant> {
        self.planted.iter().filter(|it| (it.host, it.age) == (unit.host, unit.age)).collect()
    }
}

/// One session at work.
struct Sitting<'f> {
    work: &'static Work,
    scene: Scene,
    session_id: String,
    agent: &'static str,
    user: &'static str,
    now_ms: u64,
    gap_ms: u64,
    /// The planted act it is busy with, and how often it does it still.
    plant: Option<(&'f Plant, u64)>,
}

impl Sitting<'_> {
    fn new(unit: &Unit, work: &'static Work, n_events: u64, random: &mut Random) -> Self {
        let repository = random.pick(work.repositories);
        let (agent, _) = random.pick(AGENTS);
        let topic = fill("{word}-{word}", &Scene::of(repository, work.role), random);
        let start_ms = random.below(DAY_MS * 2 / 3);
        let user = if unit.host.is_multiple_of(2) { "agent" } else { "dev" };
        let mut scene = Scene::of(repository, work.role);
        scene.branch = format!("{}/{topic}", random.pick(&["feat", "fix", "chore"]));
        Self {
            work,
            scene,
            session_id: random.uuid(),
            agent,
            user,
            now_ms: DAY_START_MS + start_ms,
            gap_ms: ((DAY_MS - start_ms) / (n_events + 1)).min(90_000),
            plant: None,
        }
    }

    fn tick(&mut self, random: &mut Random) -> u64 {
        self.now_ms += 1 + random.below(self.gap_ms * 2);
        self.now_ms = self.now_ms.min(24 * 3_600_000 - 1);
        self.now_ms
    }

    fn next(&mut self, truth: &mut Truth, random: &mut Random) -> Deed {
        if let Some((plant, n_left)) = self.plant.take() {
            self.plant = (n_left > 1).then(|| (plant, n_left - 1));
            return self.planted(plant, truth, random);
        }
        let mut rest = random.below(1000);
        let mut is = |share: u64| {
            let hit = rest < share;
            rest = rest.saturating_sub(share);
            hit
        };
        let deed =
            |event_type, severity| Deed { event_type, severity, ..Deed::command(Vec::new()) };
        if is(CONFIG_CHANGES) {
            deed("config_change", "warning")
        } else if is(INTEGRITY_REPORTS) {
            deed("policy_integrity", "info")
        } else if is(CALLS) {
            self.call(pick_weighted(self.work.calls, |it| it.weight, random), truth, random)
        } else if is(REFUSED) {
            let (act, rule) = pick_weighted(self.work.refused, |(it, _)| it.weight, random);
            *self.truth(truth).refused.entry(act.text).or_default() += 1;
            let decision = if random.per_mille(500) { "blocked" } else { "would_block" };
            let argv = self.argv(act.text, random);
            Deed { decision, rule: Some(rule), severity: "warning", ..Deed::command(argv) }
        } else if is(CARELESS_SHARE) {
            let act = pick_weighted(CARELESS, |it| it.weight, random);
            for (name, _) in SECRETS.iter().filter(|(_, word)| act.text.contains(word)) {
                *truth.secrets.entry(name).or_default() += 1;
            }
            Deed::command(self.argv(act.text, random))
        } else if is(RARE) {
            let acts = if random.per_mille(500) { self.work.rare } else { ONCE_IN_A_WHILE };
            let act = pick_weighted(acts, |it| it.weight, random);
            *self.truth(truth).rare.entry(act.text).or_default() += 1;
            Deed::command(self.argv(act.text, random))
        } else {
            let acts = if random.per_mille(450) { self.work.routine } else { EVERYWHERE };
            let act: Act = pick_weighted(acts, |it| it.weight, random);
            *self.truth(truth).routine.entry(act.text).or_default() += 1;
            Deed::command(self.argv(act.text, random))
        }
    }

    fn truth<'t>(&self, truth: &'t mut Truth) -> &'t mut RoleTruth {
        truth.roles.entry(self.work.role).or_default()
    }

    fn planted(&self, plant: &Plant, truth: &mut Truth, random: &mut Random) -> Deed {
        let (act, mut deed) = match plant.act.what {
            What::Command(act) => (act.text.to_owned(), Deed::command(self.argv(act.text, random))),
            What::Call(call) => {
                let arguments = fill(call.arguments, &self.scene, random);
                (format!("{}/{}", call.server, call.tool), Deed::call(call, arguments))
            }
        };
        let Planted { kind, technique, .. } = plant.act;
        let session_id = &self.session_id;
        let role = self.truth(truth);
        let known = role
            .planted
            .iter_mut()
            .find(|it| it.kind == kind && it.act == act && it.session_id == *session_id);
        match known {
            Some(known) => known.events += 1,
            None => role.planted.push(PlantedTruth {
                kind,
                technique,
                act,
                hostname: hostname(plant.host),
                session_id: session_id.clone(),
                events: 1,
                decision: plant.decision,
            }),
        }
        deed.decision = plant.decision;
        deed.rule = plant.rule;
        deed.severity = "warning";
        deed
    }

    fn call(&self, call: Call, truth: &mut Truth, random: &mut Random) -> Deed {
        let name = format!("{}/{}", call.server, call.tool);
        *self.truth(truth).calls.entry(name).or_default() += 1;
        Deed::call(call, fill(call.arguments, &self.scene, random))
    }

    /// The vector of a text: a script for a shell where it needs one, and mostly anyway.
    fn argv(&self, text: &str, random: &mut Random) -> Vec<String> {
        let text = fill(text, &self.scene, random);
        let needs_shell =
            text.contains(['|', '&', ';', '>', '<', '$', '~', '\n']) || text.contains("GOFLAGS=");
        let words = if needs_shell || random.per_mille(AS_SCRIPT) { None } else { split(&text) };
        words.unwrap_or_else(|| vec!["bash".to_owned(), "-lc".to_owned(), text])
    }

    fn signal(&self, unit: &Unit, event_id: String, at_ms: u64, deed: Deed) -> Signal {
        let at_us = i64::try_from(at_ms).unwrap_or(0).saturating_mul(1000);
        let call = deed.call.as_ref();
        Signal {
            schema_version: "1.0",
            event_id,
            timestamp: millis(Timestamp(unit.day.start().0.saturating_add(at_us))),
            hostname: unit.hostname.clone(),
            event_type: deed.event_type,
            binary: deed.argv.first().cloned(),
            mcp_server: call.map(|(call, _)| call.server),
            mcp_tool: call.map(|(call, _)| call.tool),
            endpoint: call.and_then(|(call, _)| call.endpoint).map(|(url, _)| url),
            trust_score: call.and_then(|(call, _)| call.endpoint).map(|(_, trust)| trust),
            mcp_arguments: deed
                .call
                .and_then(|(_, text)| serde_json::value::RawValue::from_string(text).ok()),
            argv: deed.argv,
            decision: deed.decision,
            rule: deed.rule,
            agent: self.agent,
            severity: deed.severity,
            role: self.work.role,
            session_id: self.session_id.clone(),
            cwd: self.scene.cwd.clone(),
            user: self.user,
        }
    }
}

impl Scene {
    fn of(repository: &'static str, role: &str) -> Self {
        let ending = match role {
            "backend" => "go",
            "platform" => "tf",
            _ => "ts",
        };
        Self {
            repository,
            cwd: format!("/home/agent/{repository}"),
            branch: "main".to_owned(),
            ending,
        }
    }
}

/// Kinds of secrets, and the word that stands for them.
const SECRETS: &[(&str, &str)] = &[
    ("github_token", "{github_token}"),
    ("jwt", "{jwt}"),
    ("password", "{password}"),
    ("aws_secret", "{aws_secret}"),
    ("aws_key", "{aws_key}"),
];

fn n_roles() -> u32 {
    u32::try_from(ROLES.len()).unwrap_or(1)
}

fn work_of(host: u32) -> &'static Work {
    const NONE: &Work = &Work {
        role: "none",
        repositories: &[],
        routine: &[],
        rare: &[],
        refused: &[],
        calls: &[],
    };
    usize::try_from(host % n_roles()).ok().and_then(|at| ROLES.get(at)).unwrap_or(NONE)
}

/// RFC 3339 with milliseconds, also where there are none: sorts as text.
fn millis(at: Timestamp) -> String {
    let text = at.to_string();
    if text.contains('.') { text } else { text.replace('Z', ".000Z") }
}

fn hostname(host: u32) -> String {
    format!("{}-{:02}", work_of(host).role, host / n_roles() + 1)
}

fn pick_weighted<T: Copy + Default>(
    items: &[T],
    weight: impl Fn(&T) -> u64,
    random: &mut Random,
) -> T {
    let mut rest = random.below(items.iter().map(&weight).sum());
    for item in items {
        let weight = weight(item);
        if rest < weight {
            return *item;
        }
        rest -= weight;
    }
    T::default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn plan(seed: u64, n_events: u64) -> Plan {
        Plan { seed, n_events, n_hosts: 5, n_days: 4, start: Day(20_000) }
    }

    fn all(plan: Plan) -> (Vec<String>, Truth) {
        let fleet = Fleet::new(plan);
        let mut truth = Truth::default();
        let units = fleet.units();
        let events = units.iter().flat_map(|unit| fleet.events(unit, &mut truth));
        (events.map(|it| serde_json::to_string(&it).unwrap()).collect(), truth)
    }

    #[test]
    fn the_same_plan_gives_the_same_bytes_and_another_seed_others() {
        let (first, truth) = all(plan(1, 900));
        let (second, again) = all(plan(1, 900));
        assert_eq!(first, second);
        let text = |truth| serde_json::to_string(truth).unwrap();
        assert_eq!(text(&truth), text(&again));
        assert_ne!(first, all(plan(2, 900)).0);
    }

    #[test]
    fn the_numbers_of_the_plan_are_kept() {
        for n_events in [0, 1, 19, 1000] {
            let (events, truth) = all(plan(3, n_events));
            assert_eq!(events.len() as u64, n_events);
            assert_eq!(truth.events, n_events);
            let by_role: u64 = truth.roles.values().map(|it| it.events).sum();
            assert_eq!(by_role, n_events);
        }
    }

    #[test]
    fn ids_are_unique_and_time_goes_on_within_a_file() {
        let fleet = Fleet::new(plan(4, 2000));
        let mut ids = BTreeSet::new();
        for unit in fleet.units() {
            let events = fleet.events(&unit, &mut Truth::default());
            let times: Vec<_> =
                events.iter().filter_map(|it| Timestamp::parse(&it.timestamp)).collect();
            assert!(times.is_sorted() && times.len() == events.len());
            assert!(times.iter().all(|it| it.day() == unit.day));
            assert!(events.into_iter().all(|it| ids.insert(it.event_id)));
        }
    }

    #[test]
    fn every_kind_of_act_is_planted_in_every_role_and_told() {
        let (_, truth) = all(plan(5, 6000));
        let kinds: BTreeSet<_> = PLANTED.iter().chain([&POISON]).map(|it| it.kind).collect();
        for role in truth.roles.values() {
            assert_eq!(role.planted.iter().map(|it| it.kind).collect::<BTreeSet<_>>(), kinds);
            let poison: Vec<_> = role.planted.iter().filter(|it| it.kind == "poison").collect();
            assert!(poison.len() == 1 && poison[0].events == POISON_EVENTS, "one session");
        }
        assert_eq!(truth.secrets.len(), SECRETS.len(), "{:?}", truth.secrets);
    }
}

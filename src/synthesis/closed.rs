//! No act that must not pass is let through: proved for the candidates together with their guards.
use std::collections::BTreeSet;

use super::{Candidate, Stand, Stops, budget::Ladder};
use crate::{
    clusters::Observation,
    policy::{
        Matching, Pattern, Role, Rule, RuleAction, When,
        proof::{MAX_STATES, Verifier},
    },
    risk::acts::acts,
};

/// Gives up the step of every ladder that lets an act through; `false` where none does.
///
/// What cannot be decided within the bound of a proof counts as let through.
pub(super) fn give_up(
    ladders: &mut [Ladder],
    stops: &Stops,
    observation: &Observation,
) -> bool {
    let candidates: Vec<&Candidate> = ladders.iter().flat_map(|it| it.likely()).collect();
    let open = openings(&role(&candidates, stops, observation));
    let lets_through = |ladder: &Ladder| {
        ladder.likely().flat_map(Candidate::patterns).any(|pattern| open.contains(pattern))
    };
    let open: Vec<&mut Ladder> = ladders.iter_mut().filter(|it| lets_through(it)).collect();
    let is_open = !open.is_empty();
    open.into_iter().for_each(Ladder::give_up);
    is_open
}

/// The patterns of a role that let some act through.
fn openings(role: &Role) -> BTreeSet<String> {
    let verifier = Verifier::new(role, &std::collections::BTreeMap::new(), MAX_STATES);
    let mut open = BTreeSet::new();
    for act in acts() {
        let found = verifier.openings(act.lines(Matching::Expanded));
        let deciders = found.open.into_iter().map(|it| it.by).chain(found.undecided);
        open.extend(deciders.filter_map(|it| it.pattern));
    }
    open
}

/// The candidates with the guards they need, in order.
fn role(candidates: &[&Candidate], stops: &Stops, observation: &Observation) -> Role {
    let allows = candidates.iter().filter(|it| it.action.passes());
    let allows: Vec<Pattern> =
        allows.flat_map(|it| it.patterns()).map(|it| Pattern::new(it)).collect();
    let needed = stops.needed(&allows, observation);
    let guards = |is_behind: bool| {
        let needed = needed.iter().filter(move |it| it.is_behind == is_behind);
        needed.map(|it| rule(it.text, it.guard.action))
    };
    let standing = |stand: Stand, passes: bool| {
        let here = candidates.iter().filter(move |it| it.stand == stand);
        here.filter(move |it| it.action.passes() == passes)
            .flat_map(|it| it.patterns().map(|pattern| rule(pattern, it.action)))
    };
    let mut role = Role::new("candidates");
    role.rules.extend(standing(Stand::Prose, true));
    role.rules.extend(guards(false));
    role.rules.extend(standing(Stand::Form, true));
    role.rules.extend(guards(true));
    role.rules.extend(standing(Stand::Open, false));
    role.rules.extend(standing(Stand::Open, true));
    role
}

fn rule(pattern: &str, action: RuleAction) -> Rule {
    Rule {
        rule_id: String::new(),
        pattern: pattern.to_owned(),
        action,
        when: When::new(),
        rationale: None,
    }
}

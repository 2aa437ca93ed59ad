//! No act that must not pass is let through: proved for the candidates together with their guards.
use std::collections::BTreeSet;

use super::{
    Candidate, Stand, allows,
    budget::{Cost, Ladder},
    fenced,
};
use crate::{
    policy::{Role, Rule, RuleAction},
    risk::{
        FENCE,
        acts::{acts, openings},
    },
};

/// Gives up what lets an act through, in every ladder; `false` where nothing does.
///
/// What cannot be decided within the bound of a proof counts as let through.
pub(super) fn give_up(ladders: &mut [Ladder], cost: &Cost<'_>) -> bool {
    let candidates: Vec<&Candidate> = ladders.iter().flat_map(Ladder::likely).collect();
    let open = letting(&role(&candidates, cost));
    let lets_through = |ladder: &Ladder| {
        ladder.likely().flat_map(Candidate::patterns).any(|pattern| open.contains(pattern))
    };
    let given_up: Vec<&mut Ladder> = ladders.iter_mut().filter(|it| lets_through(it)).collect();
    let is_open = !given_up.is_empty();
    for ladder in given_up {
        ladder.give_up(&open, cost);
    }
    is_open
}

/// The patterns of a role that let some act through which must not pass.
pub fn letting(role: &Role) -> BTreeSet<String> {
    let found = openings(role, acts()).into_iter().map(|it| it.1);
    let deciders = found.flat_map(|it| it.open.into_iter().map(|it| it.by).chain(it.undecided));
    deciders.filter_map(|it| it.pattern).collect()
}

/// The candidates with the guards they need, in order.
fn role(candidates: &[&Candidate], cost: &Cost<'_>) -> Role {
    let (allows, forms) = allows(candidates.iter().copied());
    let fenced = fenced(candidates.iter().copied(), cost.observation);
    let mut needed = cost.stops.needed(&allows, &forms, cost.observation);
    needed.retain(|it| !fenced.iter().any(|pair| pair.fence == it.text));
    let guards = |is_behind: bool| {
        let needed = needed.iter().filter(move |it| it.is_behind == is_behind);
        needed.map(|it| Rule::new(&it.text, it.guard.action))
    };
    let standing = |stand: Stand, passes: bool| {
        let here = candidates.iter().filter(move |it| it.stand == stand);
        here.filter(move |it| it.action.passes() == passes).flat_map(|it| it.rules())
    };
    let mut role = Role::new("candidates");
    role.rules.extend(standing(Stand::Prose, true));
    role.rules.extend(guards(false));
    role.rules.extend(standing(Stand::Form, true));
    role.rules.extend(guards(true));
    role.rules.extend(standing(Stand::Open, false));
    let pairs = fenced.iter().flat_map(|pair| {
        [Rule::new(&pair.fence, FENCE.action), Rule::new(&pair.allow, RuleAction::Allow)]
    });
    role.rules.extend(pairs);
    // What is fenced is there twice then, and decided by the first.
    role.rules.extend(standing(Stand::Open, true));
    role
}

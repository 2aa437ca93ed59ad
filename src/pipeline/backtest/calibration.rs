//! Stated confidence against what came of it, beside two formulas that others use.
use serde::Serialize;

use super::judged::Judged;
use crate::{batch::ChangeKind, evidence::float, risk::RiskLevel};

/// Bins of the reliability table: tenths, the last one closed.
const N_BINS: u32 = 10;

/// How sure a change is by one formula, and whether it proved right.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pair {
    stated: f64,
    right: bool,
}

/// A confidence formula that looks at counts of events alone.
#[derive(Clone, Copy, Debug)]
pub struct NaiveFormula {
    /// One word.
    pub name: &'static str,
    /// The formula, for people.
    pub formula: &'static str,
    of: fn(&Judged) -> f64,
}

/// The formulas that ours is compared with.
///
/// # Source
/// The hand-set scores of two published tools that propose rules for agents: a network sandbox
/// (0.5, more for hits, more for well-known targets, less for dangerous ones) and a command guard
/// (tiers by frequency). Tiers are read as 0.9, 0.6 and 0.3.
pub const NAIVE: &[NaiveFormula] = &[
    NaiveFormula {
        name: "bonuses",
        formula: "0.5, +0.2 seen 10 times (+0.1 seen 3 times), +0.15 risk low, -0.2 risk high or \
                  critical, within 0.1 and 0.95",
        of: bonuses,
    },
    NaiveFormula {
        name: "tiers",
        formula: "high (0.9) seen 10 times, medium (0.6) seen 5 times, else low (0.3)",
        of: tiers,
    },
];

fn bonuses(change: &Judged) -> f64 {
    let often = match change.events {
        10.. => 0.2,
        3.. => 0.1,
        _ => 0.0,
    };
    let kind = match change.risk {
        RiskLevel::Low => 0.15,
        RiskLevel::Medium => 0.0,
        RiskLevel::High | RiskLevel::Critical => -0.2,
    };
    (0.5_f64 + often + kind).clamp(0.1, 0.95)
}

fn tiers(change: &Judged) -> f64 {
    match change.events {
        10.. => 0.9,
        5.. => 0.6,
        _ => 0.3,
    }
}

/// How well a confidence is calibrated, over three populations.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Calibration {
    /// A pair a change.
    pub changes: Population,
    /// A pair a rule that comes with a change, each with the change's confidence.
    pub rules: Population,
    /// A pair an added allow; where counts of events say most, so the fairest to the formulas.
    pub allows: Population,
}

/// Pairs of one kind: our scores, the table behind them, and the scores of the formulas.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Population {
    /// Ours.
    #[serde(flatten)]
    pub scores: Scores,
    /// Ours in tenths of confidence, ascending; empty ones are left out.
    pub bins: Vec<Bin>,
    /// The formulas, in the order of [`NAIVE`].
    pub naive: Vec<Naive>,
}

/// How well stated probabilities fit what came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Scores {
    /// Pairs.
    pub pairs: u64,
    /// Mean of what was stated, 0 to 1.
    pub stated: f64,
    /// Share that proved right, 0 to 1.
    pub right: f64,
    /// Expected calibration error over [`Bin`]s, 0 to 1; 0 is best.
    pub ece: f64,
    /// Mean squared error, 0 to 1; 0 is best.
    pub brier: f64,
}

/// Pairs whose confidence lies in one tenth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Lower end, included.
    pub from: f64,
    /// Upper end, included in the last bin only.
    pub to: f64,
    /// Pairs.
    pub pairs: u64,
    /// Mean of what was stated, 0 to 1.
    pub stated: f64,
    /// Share that proved right, 0 to 1.
    pub right: f64,
}

/// What a formula would have scored on the same pairs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Naive {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub formula: &'static str,
    /// How it did.
    #[serde(flatten)]
    pub scores: Scores,
}

/// How the confidence of these changes did.
pub fn calibrate(changes: &[Judged]) -> Calibration {
    let each_change = |of: &dyn Fn(&Judged) -> f64, only_allows: bool| -> Vec<Pair> {
        let chosen = changes.iter().filter(|it| !only_allows || is_added_allow(it));
        chosen.map(|it| Pair { stated: of(it), right: it.right }).collect()
    };
    let each_rule = |of: &dyn Fn(&Judged) -> f64| -> Vec<Pair> {
        let rules =
            changes.iter().flat_map(|it| it.rules_right.iter().map(move |right| (it, right)));
        rules.map(|(it, right)| Pair { stated: of(it), right: *right }).collect()
    };
    Calibration {
        changes: population(|of| each_change(of, false)),
        rules: population(each_rule),
        allows: population(|of| each_change(of, true)),
    }
}

fn is_added_allow(change: &Judged) -> bool {
    change.kind == ChangeKind::Add && change.allows
}

fn population(pairs: impl Fn(&dyn Fn(&Judged) -> f64) -> Vec<Pair>) -> Population {
    let ours = pairs(&|it| it.confidence);
    let naive = NAIVE.iter().map(|it| Naive {
        name: it.name,
        formula: it.formula,
        scores: scores(&pairs(&it.of)),
    });
    Population { scores: scores(&ours), bins: bins(&ours), naive: naive.collect() }
}

/// Pairs in tenths of what was stated.
fn bins(pairs: &[Pair]) -> Vec<Bin> {
    let bins = (0..N_BINS).filter_map(|bin| {
        let inside: Vec<Pair> =
            pairs.iter().filter(|it| bin_of(it.stated) == bin).copied().collect();
        let (stated, right) = means(&inside)?;
        let edge = |bin: u32| f64::from(bin) / f64::from(N_BINS);
        Some(Bin { from: edge(bin), to: edge(bin + 1), pairs: inside.len() as u64, stated, right })
    });
    bins.collect()
}

fn bin_of(stated: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a probability times ten; float casts saturate"
    )]
    let bin = (stated * f64::from(N_BINS)) as u32;
    bin.min(N_BINS - 1)
}

/// Mean of what was stated, and share that proved right.
fn means(pairs: &[Pair]) -> Option<(f64, f64)> {
    if pairs.is_empty() {
        return None;
    }
    let n_pairs = float(pairs.len() as u64);
    let stated: f64 = pairs.iter().map(|it| it.stated).sum();
    Some((stated / n_pairs, float(pairs.iter().filter(|it| it.right).count() as u64) / n_pairs))
}

/// # Source
/// Expected calibration error: Guo et al., On Calibration of Modern Neural Networks (2017), with
/// equal bins. Brier, Monthly Weather Review 78 (1950).
fn scores(pairs: &[Pair]) -> Scores {
    let Some((stated, right)) = means(pairs) else { return Scores::default() };
    let n_pairs = float(pairs.len() as u64);
    let gap = |bin: Bin| (bin.stated - bin.right).abs() * float(bin.pairs);
    let gaps = bins(pairs).into_iter().map(gap);
    let errors = pairs.iter().map(|it| (it.stated - f64::from(u8::from(it.right))).powi(2));
    Scores {
        pairs: pairs.len() as u64,
        stated,
        right,
        ece: gaps.sum::<f64>() / n_pairs,
        brier: errors.sum::<f64>() / n_pairs,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::Target;

    fn judged(confidence: f64, right: bool, events: u64) -> Judged {
        Judged {
            change_id: "c".to_owned(),
            ordinal: 1,
            kind: ChangeKind::Add,
            target: Target::Command,
            pattern: "git status *".to_owned(),
            confidence,
            risk: RiskLevel::Low,
            events,
            allows: true,
            right,
            rules_right: vec![right],
        }
    }

    #[test]
    fn the_scores_are_those_of_a_worked_example() {
        // Two of 0.95, one right; two of 0.25, none right.
        let changes = [(0.95, true), (0.95, false), (0.25, false), (0.25, false)]
            .map(|(confidence, right)| judged(confidence, right, 7));
        let scores = calibrate(&changes).changes.scores;
        assert!((scores.ece - (0.45 * 2.0 + 0.25 * 2.0) / 4.0).abs() < 1e-12, "{scores:?}");
        let brier = (0.0025 + 0.9025 + 0.0625 * 2.0) / 4.0;
        assert!((scores.brier - brier).abs() < 1e-12, "{scores:?}");
        assert!((scores.right - 0.25).abs() < 1e-12 && (scores.stated - 0.6).abs() < 1e-12);
    }

    #[test]
    fn the_formulas_say_what_they_are_written_to_say() {
        let naive = |events, risk| {
            let change = Judged { risk, ..judged(0.5, true, events) };
            NAIVE.iter().map(|it| format!("{:.2}", (it.of)(&change))).collect::<Vec<String>>()
        };
        assert_eq!(naive(10, RiskLevel::Low), ["0.85", "0.90"]);
        assert_eq!(naive(9, RiskLevel::Medium), ["0.60", "0.60"]);
        assert_eq!(naive(0, RiskLevel::Critical), ["0.30", "0.30"]);
    }

    #[test]
    fn nothing_scores_nothing() {
        let calibration = calibrate(&[]);
        assert_eq!(calibration.changes.scores.pairs, 0);
        assert!(calibration.changes.bins.is_empty());
    }

    proptest! {
        /// Bins part the pairs, every score is a probability, and a Brier score is never below the
        /// squared calibration error of its bins.
        #[test]
        fn scores_keep_their_ranges(pairs in prop::collection::vec((0.0..=1.0, any::<bool>()), 1..80)) {
            let changes: Vec<Judged> = pairs.iter().map(|(it, right)| judged(*it, *right, 3)).collect();
            let all = calibrate(&changes).changes;
            prop_assert_eq!(all.bins.iter().map(|it| it.pairs).sum::<u64>(), pairs.len() as u64);
            for bin in &all.bins {
                prop_assert!(bin.from <= bin.stated + 1e-9 && bin.stated <= bin.to + 1e-9);
            }
            let scores = all.scores;
            for value in [scores.ece, scores.brier, scores.stated, scores.right] {
                prop_assert!((0.0..=1.0).contains(&value));
            }
            prop_assert!(scores.ece.powi(2) <= scores.brier + 1e-9);
        }
    }
}

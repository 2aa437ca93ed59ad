//! An experiment over store and lake: where to cut, what lies on either side, and the runs.
use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;

use super::{Backtest, Report, SCHEMA_VERSION, backtest, calibrate};
use crate::{
    events::{Tally, Timestamp},
    feedback::Background,
    lake::{Lake, Part, Window},
    pipeline::{analyze::Seen, suggest::Params},
    policy::Role,
    store::{HostVariables, Store},
};

/// What to try.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The roles.
    pub roles: Vec<String>,
    /// First instant of the window; by default as long before its end as events are kept.
    pub from: Option<Timestamp>,
    /// Last instant of the window; by default now.
    pub to: Option<Timestamp>,
    /// The time of the experiment.
    pub now: Timestamp,
    /// Shares of the events that are learned from, each above 0 and below 1.
    pub cuts: Vec<f64>,
    /// The rules that a role begins with.
    pub start: Start,
}

/// The rules that a role begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Those that it has now.
    Current,
    /// Those of a revision.
    Revision(u64),
    /// None: everything is denied.
    Scratch,
}

/// Runs an experiment: every role at every cut.
///
/// The cut is at the instant before which that share of the events lies which ran; so both parts
/// are exact, and a session that spans it is in both.
///
/// # Errors
/// Where there is no such role, or store or lake fail.
pub async fn run(store: &Store, lake: &Lake, experiment: &Experiment) -> anyhow::Result<Report> {
    let parts = store.manifest().await?.parts;
    let hosts = HostVariables::new(&store.variables().await?)?;
    let mut cuts = experiment.cuts.clone();
    cuts.sort_by(f64::total_cmp);
    cuts.dedup();
    let mut runs = Vec::new();
    for name in &experiment.roles {
        let start = Begin::of(store, name, experiment).await?;
        let name = name.as_str();
        let all = || start.runs(lake, &parts, &hosts, &cuts);
        let of_role: Vec<Backtest> = tokio::task::block_in_place(all)
            .with_context(|| format!("cannot backtest role `{name}`"))?;
        runs.extend(of_role);
    }
    let changes: Vec<_> = runs.iter().flat_map(|it| it.changes.iter().cloned()).collect();
    Ok(Report { schema_version: SCHEMA_VERSION, calibration: calibrate(&changes), runs })
}

/// A role as an experiment begins with it.
struct Begin {
    /// What an analysis would look at, without activity.
    seen: Seen,
    name: String,
}

impl Begin {
    async fn of(store: &Store, name: &str, experiment: &Experiment) -> anyhow::Result<Self> {
        let role = match experiment.start {
            Start::Current => store.role(name).await?,
            Start::Revision(revision) => store.role_at(name, revision).await?,
            Start::Scratch => {
                let mut role = Role::new(&store.role(name).await?.name);
                role.revision = 0;
                role
            }
        };
        let mut settings = store.settings(Some(name)).await?;
        // A question is answered, whether or not advice is wanted.
        settings.enabled = true;
        // What was decided was said of the role as it is.
        let background = match experiment.start {
            Start::Current => store.background(name, experiment.now).await?,
            Start::Revision(_) | Start::Scratch => Background::default(),
        };
        let to = experiment.to.unwrap_or(experiment.now);
        let kept_hours = f64::from(settings.retention_days) * 24.0;
        let params = Params {
            from: experiment.from.unwrap_or_else(|| to.plus_hours(-kept_hours)),
            to,
            since: None,
            generated_at: experiment.now,
            minimum_hours: settings.minimum_observation_window_hours,
            confidence_threshold: settings.confidence_threshold,
        };
        let name = role.name.clone();
        Ok(Self { seen: Seen { role, tallies: Vec::new(), settings, background, params }, name })
    }

    fn runs(
        mut self,
        lake: &Lake,
        parts: &[Part],
        hosts: &HostVariables,
        cuts: &[f64],
    ) -> anyhow::Result<Vec<Backtest>> {
        let Params { from, to, .. } = self.seen.params;
        let end = Timestamp(to.0.saturating_add(1));
        let instants = lake.instants(parts, &self.name, Window { from, to: end })?;
        let mut runs = Vec::new();
        for cut in cuts {
            let at = instant_at(&instants, *cut)
                .with_context(|| format!("no activity of the role lies between {from} and {to}"))?;
            let tallies = |from, to| lake.tallies(parts, &self.name, Window { from, to });
            let later: Vec<Tally> = tallies(at, end)?;
            self.seen.tallies = tallies(from, at)?;
            self.seen.params.to = Timestamp(at.0.saturating_sub(1));
            let names: BTreeSet<&str> = later.iter().map(|it| &*it.unit.hostname).collect();
            let variables: BTreeMap<String, BTreeMap<String, String>> =
                names.into_iter().map(|it| (it.to_owned(), hosts.of(it))).collect();
            runs.push(backtest(&self.seen, &later, &variables, *cut, at)?);
        }
        Ok(runs)
    }
}

/// The instant of the first event after a share of them; `None` where there are none.
fn instant_at(instants: &[Timestamp], cut: f64) -> Option<Timestamp> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count; float casts saturate"
    )]
    let idx = (instants.len() as f64 * cut) as usize;
    instants.get(idx.min(instants.len().saturating_sub(1))).copied()
}

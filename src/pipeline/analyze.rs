//! Analyzes one role: its activity from the lake, its rules from the store, the batch into it.
use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;

use super::suggest::{Advice, Params, Silence, suggest};
use crate::{
    changes::ENVIRONMENT,
    events::{Tally, Timestamp},
    feedback::Background,
    lake::{Activity, Lake, Room, Window},
    policy::Role,
    settings::Settings,
    store::{HostVariables, Store},
};

/// What to analyze.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// The role.
    pub role: String,
    /// First instant of the window; by default as long before its end as events are kept.
    pub from: Option<Timestamp>,
    /// Last instant of the window; by default now.
    pub to: Option<Timestamp>,
    /// The time of the run.
    pub now: Timestamp,
}

/// What an analysis looks at.
#[derive(Debug)]
pub struct Seen {
    /// The role.
    pub role: Role,
    /// Its activity in the window, sorted.
    pub tallies: Vec<Tally>,
    /// The settings in force for it.
    pub settings: Settings,
    /// What is known besides: what reviewers decided, and what came of it.
    pub background: Background,
    /// The window and thresholds.
    pub params: Params,
}

/// Gathers what an analysis looks at; nothing is read of the lake where the role is switched off.
///
/// # Errors
/// Where there is no such role, or store or lake fail.
pub async fn gather(store: &Store, lake: &Lake, analysis: &Analysis) -> anyhow::Result<Seen> {
    let role = store.role(&analysis.role).await?;
    let settings = store.settings(Some(&analysis.role)).await?;
    let mut background = store.background(&role.name, analysis.now).await?;
    let variables = HostVariables::new(&store.variables().await?)?;
    let to = analysis.to.unwrap_or(analysis.now);
    let kept_hours = f64::from(settings.retention_days) * 24.0;
    let from = analysis.from.unwrap_or_else(|| to.plus_hours(-kept_hours));
    let Activity { tallies, since } = if settings.enabled {
        let manifest = store.manifest().await?;
        // The end of a window is its last instant; the lake's is the first one after it.
        let window = Window { from, to: Timestamp(to.0.saturating_add(1)) };
        let newest = || lake.newest_tallies(&manifest.parts, &role.name, window, Room::default());
        tokio::task::block_in_place(newest)
            .with_context(|| format!("reading the activity of role `{}`", role.name))?
    } else {
        Activity::default()
    };
    let params = Params {
        from,
        to,
        since,
        generated_at: analysis.now,
        minimum_hours: settings.minimum_observation_window_hours,
        confidence_threshold: settings.confidence_threshold,
    };
    background.environments = environments(&tallies, &variables);
    Ok(Seen { role, tallies, settings, background, params })
}

/// The environment of each host of the tallies that has one.
pub fn environments(tallies: &[Tally], variables: &HostVariables) -> BTreeMap<String, String> {
    let hosts: BTreeSet<&str> = tallies.iter().map(|it| &*it.unit.hostname).collect();
    let environment = |host: &str| Some((host.to_owned(), variables.of(host).remove(ENVIRONMENT)?));
    hosts.into_iter().filter_map(environment).collect()
}

/// The advice for what was gathered; pure.
pub fn advise(seen: &Seen) -> Advice {
    if !seen.settings.enabled {
        return Advice::Nothing(Silence::Disabled);
    }
    suggest(&seen.role, &seen.tallies, &seen.params, &seen.background)
}

/// What an analysis came to.
#[derive(Clone, Debug)]
pub struct Analyzed {
    /// A batch, or why there is none.
    pub advice: Advice,
    /// Whether the batch was stored just now.
    pub is_new: bool,
}

/// Analyzes a role and stores the batch, unless `is_dry`. The same changes on the same evidence are
/// stored once: where they were made before, whenever that was, the batch that is there is given back,
/// with what reviewers made of it.
///
/// # Errors
/// Where there is no such role, or store or lake fail.
pub async fn analyze(
    store: &Store,
    lake: &Lake,
    analysis: &Analysis,
    is_dry: bool,
) -> anyhow::Result<Analyzed> {
    let seen = gather(store, lake, analysis).await?;
    let (role, n_tallies) = (seen.role.name.as_str(), seen.tallies.len());
    tracing::info!(role, n_tallies, from = %seen.params.from, to = %seen.params.to, "analyzing");
    let advice = tokio::task::block_in_place(|| advise(&seen));
    match &advice {
        Advice::Batch(batch) => {
            tracing::info!(
                role,
                batch = batch.batch_id,
                changes = batch.changes.len(),
                "suggested"
            );
        }
        Advice::Nothing(silence) => tracing::info!(role, reason = %silence, "nothing suggested"),
    }
    let Advice::Batch(batch) = &advice else { return Ok(Analyzed { advice, is_new: false }) };
    if is_dry {
        return Ok(Analyzed { advice, is_new: false });
    }
    let is_new = store.save_batch(batch).await?;
    if is_new {
        return Ok(Analyzed { advice, is_new });
    }
    let there = store.batch(&batch.batch_id).await?;
    Ok(Analyzed { advice: Advice::Batch(Box::new(there)), is_new })
}

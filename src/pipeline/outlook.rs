//! How ready a role is to be enforced, whether or not there is anything to suggest.
use super::analyze::{Analysis, gather};
use crate::{
    clusters::observe,
    evidence::{DEFAULT_TOLERANCE, Readiness, readiness},
    lake::Lake,
    store::Store,
};

/// The forecast for a role from the activity in a window; `None` where nothing ran in it, or the
/// advisor is switched off for the role.
///
/// # Errors
/// Where there is no such role, or store or lake fail.
pub async fn outlook(
    store: &Store,
    lake: &Lake,
    analysis: &Analysis,
) -> anyhow::Result<Option<Readiness>> {
    let seen = gather(store, lake, analysis).await?;
    let forecast = || readiness(&observe(&seen.tallies), DEFAULT_TOLERANCE);
    Ok(tokio::task::block_in_place(forecast))
}

//! `advisor review`: decisions on the changes of a batch, and the batch as a whole.
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Exit, words::one_of};
use crate::{
    batch::{BatchStatus, ChangeState, Level, SuggestionBatch},
    events::visible,
    policy::RuleAction,
    review::{Ruling, Verdict},
};

/// `advisor review`.
#[derive(Debug, Args)]
#[command(after_help = "\
BATCH is a batch's id, or enough of its beginning. A change that is accepted takes along what it
requires, one that is rejected takes along what requires it; both say so.

Examples:
  advisor review accept 3f2a9c
  advisor review reject 3f2a9c --change 4,7 --reason 'not on build hosts'
  advisor review modify 3f2a9c --change 2 --pattern 'kubectl get pods *'
  advisor review modify 3f2a9c --change 5 --scope exact
  advisor review apply 3f2a9c")]
pub(super) struct Review {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// These changes go in as proposed
    Accept {
        /// The batch
        batch: String,
        /// Ordinals of changes [default: all that are pending]
        #[arg(long, value_name = "N", value_delimiter = ',')]
        change: Vec<u64>,
    },
    /// These changes do not go in, and are not proposed again while their evidence is the same
    Reject {
        /// The batch
        batch: String,
        /// Ordinals of changes [default: all that are not rejected yet]
        #[arg(long, value_name = "N", value_delimiter = ',')]
        change: Vec<u64>,
        /// Why; the next analysis and other reviewers see it
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// This change goes in with rules of yours in the place of those proposed
    Modify {
        /// The batch
        batch: String,
        /// Ordinal of the change
        #[arg(long, value_name = "N")]
        change: u64,
        /// Your pattern (repeat for more, in order)
        #[arg(
            long,
            required_unless_present = "scope",
            conflicts_with = "scope",
            allow_hyphen_values = true
        )]
        pattern: Vec<String>,
        /// Another scope of the change; `suggestions show BATCH --change N` shows what each gives
        #[arg(long, value_parser = one_of(Level::ALL, Level::as_str))]
        scope: Option<Level>,
        /// Their action [default: as proposed]
        #[arg(long, conflicts_with = "scope", value_parser = one_of(RuleAction::ALL, RuleAction::as_str))]
        action: Option<RuleAction>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Put what is accepted into the role, as one new revision; ends the review
    Apply {
        /// The batch
        batch: String,
    },
    /// Discard the batch; ends the review
    Dismiss {
        /// The batch
        batch: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// Where a batch stands after a verdict.
#[derive(Debug, Serialize)]
struct Standing<'a> {
    batch_id: &'a str,
    role: &'a str,
    status: BatchStatus,
    #[serde(skip_serializing_if = "<[Ruling]>::is_empty")]
    rulings: &'a [Ruling],
    #[serde(skip_serializing_if = "Option::is_none")]
    role_revision: Option<u64>,
    changes: Vec<ChangeStanding<'a>>,
}

#[derive(Debug, Serialize)]
struct ChangeStanding<'a> {
    ordinal: u64,
    change_id: &'a str,
    state: ChangeState,
}

impl<'a> Standing<'a> {
    fn new(batch: &'a SuggestionBatch, rulings: &'a [Ruling], role_revision: Option<u64>) -> Self {
        let changes = batch.changes.iter().map(|it| ChangeStanding {
            ordinal: it.ordinal,
            change_id: &it.change_id,
            state: it.state,
        });
        Self {
            batch_id: &batch.batch_id,
            role: &batch.role,
            status: batch.status,
            rulings,
            role_revision,
            changes: changes.collect(),
        }
    }
}

pub(super) async fn run(args: Review, context: &Context) -> anyhow::Result<Exit> {
    let store = context.store().await?;
    let printer = &context.printer;
    let by = context.by();
    match args.verb {
        Verb::Accept { batch, change } => {
            rule(context, &batch, &Verdict::Accept { changes: change }).await?;
        }
        Verb::Reject { batch, change, reason } => {
            rule(context, &batch, &Verdict::Reject { changes: change, reason }).await?;
        }
        Verb::Modify { batch, change, pattern, scope, action, reason } => {
            let verdict = match scope {
                Some(level) => Verdict::Rescope { change, level, reason },
                None => Verdict::Modify { change, patterns: pattern, action, reason },
            };
            rule(context, &batch, &verdict).await?;
        }
        Verb::Apply { batch } => {
            let applied = store.apply_batch(&batch, &by).await?;
            let (batch, role) = (&applied.batch, &applied.role);
            printer.document(&Standing::new(batch, &[], Some(role.revision)), || {
                format!(
                    "applied {} of {} changes; `{}` is at revision {} with {} rules now",
                    applied.changes,
                    batch.changes.len(),
                    visible(&role.name),
                    role.revision,
                    role.rules.len() + role.mcp_rules.len()
                )
            })?;
        }
        Verb::Dismiss { batch, reason } => {
            let batch = store.dismiss_batch(&batch, &reason, &by).await?;
            printer.document(&Standing::new(&batch, &[], None), || {
                format!("dismissed `{}`", visible(&batch.batch_id))
            })?;
        }
    }
    Ok(Exit::Done)
}

async fn rule(context: &Context, batch: &str, verdict: &Verdict) -> anyhow::Result<()> {
    let store = context.store().await?;
    let (batch, rulings) = store.review(batch, verdict, &context.by()).await?;
    context.printer.document(&Standing::new(&batch, &rulings, None), || sentences(&batch, &rulings))
}

/// What became of which change; changes that others took along are named one by one.
fn sentences(batch: &SuggestionBatch, rulings: &[Ruling]) -> String {
    let mut lines = Vec::new();
    if rulings.is_empty() {
        lines.push("nothing was left to decide".to_owned());
    }
    for state in ChangeState::ALL {
        let own = rulings.iter().filter(|it| !it.follows && it.state == *state);
        let own: Vec<String> = own.map(|it| it.ordinal.to_string()).collect();
        if !own.is_empty() {
            lines.push(format!("{state}: change {}", own.join(", ")));
        }
    }
    for ruling in rulings.iter().filter(|it| it.follows) {
        let reason = ruling.reason.as_deref().unwrap_or_default();
        lines.push(format!("{}: change {}, {}", ruling.state, ruling.ordinal, visible(reason)));
    }
    let count =
        |is_it: fn(ChangeState) -> bool| batch.changes.iter().filter(|it| is_it(it.state)).count();
    let goes_in = count(ChangeState::goes_in);
    let open = count(|it| it == ChangeState::Pending);
    let id = visible(&batch.batch_id);
    lines.push(format!("{goes_in} of {} changes go in, {open} not decided", batch.changes.len()));
    if goes_in > 0 {
        lines.push(format!("next: advisor review apply {id}"));
    }
    lines.join("\n")
}

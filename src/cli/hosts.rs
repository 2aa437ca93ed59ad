//! `advisor hosts`: which host has which role.
use clap::{Args, Subcommand};

use super::{Context, Exit, Rows, words::instant};
use crate::events::Timestamp;

/// `advisor hosts`.
#[derive(Debug, Args)]
pub(super) struct Hosts {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Every host that was seen or assigned
    List {
        /// Only those with this role
        #[arg(long)]
        role: Option<String>,
    },
    /// Give hosts a role
    Assign {
        /// The hosts
        #[arg(required = true, value_name = "HOST")]
        hosts: Vec<String>,
        /// The role
        #[arg(long)]
        role: String,
        /// From when on, RFC 3339 [default: now]
        #[arg(long, value_name = "TIME", value_parser = instant)]
        since: Option<Timestamp>,
    },
    /// Let hosts fall back to the default role
    Unassign {
        /// The hosts
        #[arg(required = true, value_name = "HOST")]
        hosts: Vec<String>,
        /// From when on, RFC 3339 [default: now]
        #[arg(long, value_name = "TIME", value_parser = instant)]
        since: Option<Timestamp>,
    },
}

pub(super) async fn run(args: Hosts, context: &Context) -> anyhow::Result<Exit> {
    match args.verb {
        Verb::List { role } => {
            let mut hosts = context.store().await?.hosts().await?;
            hosts.retain(|it| role.is_none() || it.role == role);
            let time = |it: Option<Timestamp>| it.map_or_else(String::new, |it| it.to_string());
            context.printer.list(&hosts, || Rows {
                columns: vec!["hostname", "role", "assigned", "since", "first_seen", "last_seen"],
                cells: hosts
                    .iter()
                    .map(|it| {
                        vec![
                            it.hostname.clone(),
                            it.role.clone().unwrap_or_default(),
                            if it.assigned { "yes" } else { "no" }.to_owned(),
                            time(it.since),
                            time(it.first_seen),
                            time(it.last_seen),
                        ]
                    })
                    .collect(),
            })?;
        }
        Verb::Assign { hosts, role, since } => {
            assign(context, &hosts, Some(&role), since).await?;
        }
        Verb::Unassign { hosts, since } => assign(context, &hosts, None, since).await?,
    }
    Ok(Exit::Done)
}

/// Gives hosts a role, or takes theirs away, and says so.
pub(super) async fn assign(
    context: &Context,
    hosts: &[String],
    role: Option<&str>,
    since: Option<Timestamp>,
) -> anyhow::Result<()> {
    let store = context.store().await?;
    let by = context.by();
    let since = since.unwrap_or(by.at);
    store.assign(hosts, role, since, &by).await?;
    let document = serde_json::json!({ "hosts": hosts, "role": role, "since": since });
    context.printer.document(&document, || {
        let hosts = hosts.join(", ");
        match role {
            Some(role) => format!("{hosts}: `{role}` since {since}"),
            None => format!("{hosts}: the default role since {since}"),
        }
    })
}

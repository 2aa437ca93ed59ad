//! `advisor roles`: the life of a role.
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Context, Exit, Rows, WrongUse,
    exchange::{self, Tolerance, format_name},
    readiness_text,
    role_edit::Changes,
    role_text,
    words::{instant, one_of},
};
use crate::{
    alerts::lets_through,
    clock,
    commands::quote,
    events::{Timestamp, visible, visible_json},
    evidence::Readiness,
    formats::{Besides, PolicyFormat, RoleDocument, load_role},
    pipeline::{analyze::Analysis, outlook::outlook},
    policy::{Mode, Role},
    store::{Saved, Why},
};

/// `advisor roles`.
#[derive(Debug, Args)]
pub(super) struct Roles {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Every role
    List,
    /// A role and its rules
    Show {
        /// The role
        role: String,
        /// As a revision had it
        #[arg(long, value_name = "N")]
        revision: Option<u64>,
    },
    /// Make a role
    Create {
        /// Its name
        role: String,
        /// From a file, `-` for stdin; flags come on top
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        changes: Changes,
    },
    /// Change a role: from a file, by flags, or both
    Edit {
        /// The role
        role: String,
        /// All of it from a file, `-` for stdin; a revision in it must be the role's own
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Why, for the history
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        changes: Changes,
    },
    /// Copy a role under another name, in monitor mode
    Clone {
        /// The role
        role: String,
        /// The copy's name
        name: String,
    },
    /// Remove a role; its hosts fall back to the default role
    Delete {
        /// The role
        role: String,
    },
    /// Give hosts a role
    Assign {
        /// The role
        role: String,
        /// The hosts
        #[arg(required = true, value_name = "HOST")]
        hosts: Vec<String>,
        /// From when on, RFC 3339 [default: now]
        #[arg(long, value_name = "TIME", value_parser = instant)]
        since: Option<Timestamp>,
    },
    /// Every revision of a role: when, who, why
    History {
        /// The role
        role: String,
    },
    /// Give a role the rules of an earlier revision, as a new one
    Rollback {
        /// The role
        role: String,
        /// The revision
        revision: u64,
        /// Why, for the history
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Make or revise roles from files, `-` for stdin
    Import {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The policy format of the files (`advisor policy convert --help` lists them)
        #[arg(long, value_name = "FORMAT", default_value = "role", value_parser = format_name())]
        format: &'static PolicyFormat,
        /// The role's name, for one file that has none or another one
        #[arg(long, value_name = "ROLE")]
        name: Option<String>,
        #[command(flatten)]
        tolerance: Tolerance,
        /// Change what is there to this mode, whatever the files say
        #[arg(long, value_parser = one_of(Mode::ALL, Mode::as_str))]
        mode: Option<Mode>,
    },
    /// Print a role: in the contract's JSON, or in the format of another system
    Export {
        /// The role
        role: String,
        /// The policy format (`advisor policy convert --help` lists them)
        #[arg(long, value_name = "FORMAT", default_value = "role", value_parser = format_name())]
        format: &'static PolicyFormat,
        #[command(flatten)]
        tolerance: Tolerance,
        /// As a revision had it
        #[arg(long, value_name = "N")]
        revision: Option<u64>,
    },
}

/// What became of one role.
#[derive(Debug, Serialize)]
struct Outcome {
    role: String,
    revision: u64,
    rules: usize,
    #[serde(rename = "outcome")]
    saved: Saved,
}

pub(super) async fn run(args: Roles, context: &Context) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let store = context.store().await?;
    let by = context.by();
    match args.verb {
        Verb::List => {
            let roles = store.roles().await?;
            printer.list(&roles, || Rows {
                columns: vec![
                    "name",
                    "description",
                    "hosts",
                    "mode",
                    "status",
                    "rules",
                    "revision",
                ],
                cells: roles
                    .iter()
                    .map(|it| {
                        vec![
                            it.name.clone(),
                            it.description.clone(),
                            it.hosts.to_string(),
                            it.mode.to_string(),
                            it.status.clone(),
                            it.rules.to_string(),
                            it.revision.to_string(),
                        ]
                    })
                    .collect(),
            })?;
        }
        Verb::Show { role, revision } => {
            let role = get(context, &role, revision).await?;
            // An old revision is history: nobody asks whether to enforce it.
            let readiness = match revision {
                None => readiness(context, &role).await?,
                Some(_) => None,
            };
            let shown = Shown { role: RoleDocument::new(&role), readiness };
            printer.document(&shown, || {
                let readiness = shown.readiness.as_ref().map(readiness_text::paragraph);
                let readiness = readiness.map(|it| format!("\n\n{}", it.trim_end()));
                format!("{}{}", role_text::page(&role), readiness.unwrap_or_default())
            })?;
        }
        Verb::Export { role, format, tolerance, revision } if format.name != "role" => {
            let role = get(context, &role, revision).await?;
            let variables = exchange::variables(store).await?;
            let besides = Besides { variables: &variables, ..Besides::default() };
            return exchange::print(&role, format, &besides, tolerance, context);
        }
        Verb::Export { role, revision, .. } => {
            let role = get(context, &role, revision).await?;
            let document = RoleDocument::new(&role);
            let text = visible_json(serde_json::to_string_pretty(&document)?);
            printer.document(&document, || text)?;
        }
        Verb::Create { role, file, changes } => {
            let mut made = match file {
                Some(path) => load_role(&path)?,
                None => Role::new(&role),
            };
            made.name = role;
            changes.apply(&mut made).map_err(WrongUse)?;
            let why = Why::command("roles create");
            let made = store.create_role(made, &why, &by).await?;
            report(context, &made, Saved::Created)?;
            warn_of_blocked(context, &made).await?;
        }
        Verb::Edit { role, file, reason, changes } => {
            let from_file = file.map(|path| load_role(&path)).transpose()?;
            if from_file.is_none() && changes.is_empty() {
                return Err(WrongUse("nothing to change".to_owned()).into());
            }
            let why = Why::command(reason.as_deref().unwrap_or("roles edit"));
            let edit = |it: &mut Role| {
                if let Some(new) = from_file {
                    replace(it, new)?;
                }
                changes.apply(it)
            };
            let (made, saved) = store.edit_role(&role, &why, &by, edit).await?;
            report(context, &made, saved)?;
            warn_of_blocked(context, &made).await?;
        }
        Verb::Clone { role, name } => {
            let made = store.clone_role(&role, &name, &by).await?;
            report(context, &made, Saved::Created)?;
            warn_of_blocked(context, &made).await?;
        }
        Verb::Delete { role } => {
            let n_hosts = store.delete_role(&role, &by).await?;
            let document = serde_json::json!({ "role": role, "hosts_to_default": n_hosts });
            printer.document(&document, || match n_hosts {
                0 => format!("deleted `{role}`"),
                n => format!("deleted `{role}`; {n} of its hosts have the default role now"),
            })?;
        }
        Verb::Assign { role, hosts, since } => {
            super::hosts::assign(context, &hosts, Some(&role), since).await?;
        }
        Verb::History { role } => {
            let history = store.history(&role).await?;
            printer.list(&history, || Rows {
                columns: vec!["revision", "made_at", "made_by", "rules", "reason"],
                cells: history
                    .iter()
                    .map(|it| {
                        vec![
                            it.revision.to_string(),
                            it.made_at.to_string(),
                            it.made_by.clone(),
                            it.rules.to_string(),
                            it.reason.clone(),
                        ]
                    })
                    .collect(),
            })?;
        }
        Verb::Rollback { role, revision, reason } => {
            let reason = reason.unwrap_or_else(|| format!("rolled back to revision {revision}"));
            let why = Why::command(&reason);
            let (made, saved) = store.rollback_role(&role, revision, &why, &by).await?;
            report(context, &made, saved)?;
            warn_of_blocked(context, &made).await?;
        }
        Verb::Import { files, format, name, tolerance, mode } => {
            let (mut outcomes, mut made) = (Vec::new(), Vec::new());
            if name.is_some() && files.len() > 1 {
                return Err(WrongUse("`--name` is for one file".to_owned()).into());
            }
            // All files are read before the first role is written.
            let read = |file: &PathBuf| exchange::read(file, format, tolerance, context);
            let roles: anyhow::Result<Vec<Role>> =
                files.iter().map(|it| Ok(read(it)?.role)).collect();
            for (mut role, file) in roles?.into_iter().zip(&files) {
                role.mode = mode.unwrap_or(role.mode);
                role.name = name.clone().unwrap_or(role.name);
                let why = Why::command(&format!("imported from {}", file.display()));
                let (role, saved) = store
                    .save_role(role, &why, &by)
                    .await
                    .with_context(|| format!("cannot import `{}`", file.display()))?;
                outcomes.push(outcome(&role, saved));
                made.push(role);
            }
            printer.list(&outcomes, || rows(&outcomes))?;
            for role in &made {
                warn_of_blocked(context, role).await?;
            }
        }
    }
    Ok(Exit::Done)
}

/// Tells where a role lets through what was blocked: a role says what its file or revision says, and a deny
/// that nobody wrote would surprise whoever compares the two.
async fn warn_of_blocked(context: &Context, role: &Role) -> anyhow::Result<()> {
    for (kind, name) in context.store().await?.blocked_arrivals().await? {
        if lets_through(role, kind, &name) {
            context.printer.error(&format!(
                "warning: role `{}` lets calls of `{}` through, which was blocked\n\
                 hint: `advisor alerts block {}` denies them in every role, `approve` ends the block",
                visible(&role.name),
                visible(&name),
                visible(&quote(&name))
            ));
        }
    }
    Ok(())
}

/// A role, and how ready it is to be enforced.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    role: RoleDocument<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    readiness: Option<Readiness>,
}

/// The forecast from what is kept of the role's activity.
async fn readiness(context: &Context, role: &Role) -> anyhow::Result<Option<Readiness>> {
    let lake = context.lake()?;
    let analysis = Analysis { role: role.name.clone(), from: None, to: None, now: clock::now() };
    outlook(context.store().await?, &lake, &analysis).await
}

async fn get(context: &Context, name: &str, revision: Option<u64>) -> anyhow::Result<Role> {
    let store = context.store().await?;
    Ok(match revision {
        None => store.role(name).await?,
        Some(revision) => store.role_at(name, revision).await?,
    })
}

/// Puts what a file says in the place of a role, unless it was made from another revision.
fn replace(role: &mut Role, new: Role) -> Result<(), String> {
    if new.revision != 0 && new.revision != role.revision {
        return Err(format!(
            "the file is of revision {}, `{}` is at {} now\n\
             hint: export the role again, or take `revision` out of the file",
            new.revision, role.name, role.revision
        ));
    }
    *role = new;
    Ok(())
}

fn outcome(role: &Role, saved: Saved) -> Outcome {
    Outcome {
        role: role.name.clone(),
        revision: role.revision,
        rules: role.rules.len() + role.mcp_rules.len(),
        saved,
    }
}

fn report(context: &Context, role: &Role, saved: Saved) -> anyhow::Result<()> {
    let outcome = outcome(role, saved);
    context.printer.document(&outcome, || {
        let Outcome { role, revision, rules, .. } = &outcome;
        match saved {
            Saved::Created => format!("made `{role}`, revision {revision} with {rules} rules"),
            Saved::Revised => format!("`{role}` is at revision {revision} with {rules} rules now"),
            Saved::Relabeled => format!("changed `{role}`; its rules stay at revision {revision}"),
            Saved::Unchanged => format!("`{role}` was just so, nothing changed"),
        }
    })
}

fn rows(outcomes: &[Outcome]) -> Rows {
    let word = |it: Saved| match it {
        Saved::Created => "created",
        Saved::Revised => "revised",
        Saved::Relabeled => "relabeled",
        Saved::Unchanged => "unchanged",
    };
    Rows {
        columns: vec!["role", "revision", "rules", "outcome"],
        cells: outcomes
            .iter()
            .map(|it| {
                let n_rules = it.rules.to_string();
                vec![it.role.clone(), it.revision.to_string(), n_rules, word(it.saved).to_owned()]
            })
            .collect(),
    }
}

//! `advisor settings`: what the advisor goes by, for the organization and for a role.
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Exit, Rows};
use crate::settings::{BadSetting, Key, Overrides, Settings};

/// `advisor settings`.
#[derive(Debug, Args)]
pub(super) struct SettingsArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The settings in force
    Show {
        /// For a role [default: the organization]
        #[arg(long)]
        role: Option<String>,
    },
    /// Set a value; out of range is refused with the range
    Set {
        /// enabled, `analysis_schedule`, `minimum_observation_window`, `confidence_threshold` or
        /// `retention_days`
        key: String,
        /// Its value
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// Only for this role
        #[arg(long)]
        role: Option<String>,
    },
    /// Take a value back: to the organization's for a role, to the default for the organization
    Reset {
        /// As for `set`
        key: String,
        /// Only for this role
        #[arg(long)]
        role: Option<String>,
    },
}

/// The settings in force, and what a role sets for itself.
#[derive(Debug, Serialize)]
struct Shown {
    role: Option<String>,
    #[serde(flatten)]
    settings: Settings,
    #[serde(skip_serializing_if = "Option::is_none")]
    overrides: Option<Overrides>,
}

pub(super) async fn run(args: SettingsArgs, context: &Context) -> anyhow::Result<Exit> {
    let store = context.store().await?;
    let by = context.by();
    let role = match args.verb {
        Verb::Show { role } => role,
        Verb::Set { key, value, role } => {
            let key = named(&key)?;
            store.set_setting(role.as_deref(), key, Some(&value), &by).await?;
            role
        }
        Verb::Reset { key, role } => {
            store.set_setting(role.as_deref(), named(&key)?, None, &by).await?;
            role
        }
    };
    let (overrides, settings) = store.overrides(role.as_deref()).await?;
    let default = Settings::default();
    let rows = || Rows {
        columns: vec!["setting", "value", "from"],
        cells: Key::ALL
            .iter()
            .map(|key| {
                let value = settings.text(*key);
                let from = match &role {
                    Some(_) if overrides.sets(*key) => "role",
                    None if value != default.text(*key) => "organization",
                    Some(_) => "organization",
                    None => "default",
                };
                vec![key.to_string(), value, from.to_owned()]
            })
            .collect(),
    };
    let text = super::printer::table(&rows());
    let shown = Shown {
        overrides: role.is_some().then(|| overrides.clone()),
        role: role.clone(),
        settings: settings.clone(),
    };
    if context.printer.output == super::Output::Csv {
        context.printer.list(&[shown], rows)?;
    } else {
        context.printer.document(&shown, || text.trim_end().to_owned())?;
    }
    Ok(Exit::Done)
}

/// The setting called `name`; blanks and hyphens are as good as `_`.
fn named(name: &str) -> Result<Key, BadSetting> {
    Key::named(&name.replace(['-', ' '], "_"))
}

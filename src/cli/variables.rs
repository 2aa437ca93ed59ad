//! `advisor variables`: environment patterns.
use clap::{Args, Subcommand};

use super::{Context, Exit, Rows};

/// `advisor variables`.
#[derive(Debug, Args)]
pub(super) struct Variables {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Every value of every variable; on a host, the first value whose pattern matches its name
    List,
    /// Set which hosts have a value, by regular expressions over their names
    Set {
        /// The variable, `env` for `{{env}}` in a rule
        name: String,
        /// The value
        value: String,
        /// A regular expression (repeat for more); none takes the value from every host
        #[arg(long, value_name = "REGEX", allow_hyphen_values = true)]
        pattern: Vec<String>,
        /// Put it in front of this value [default: the end, or where it is]
        #[arg(long, value_name = "VALUE")]
        before: Option<String>,
    },
    /// Remove a variable, or one of its values
    Remove {
        /// The variable
        name: String,
        /// Only this value
        value: Option<String>,
    },
}

pub(super) async fn run(args: Variables, context: &Context) -> anyhow::Result<Exit> {
    let store = context.store().await?;
    let by = context.by();
    match args.verb {
        Verb::List => (),
        Verb::Set { name, value, pattern, before } => {
            store.set_variable(&name, &value, &pattern, before.as_deref(), &by).await?;
        }
        Verb::Remove { name, value } => {
            store.remove_variable(&name, value.as_deref(), &by).await?;
        }
    }
    let values = store.variables().await?;
    context.printer.list(&values, || Rows {
        columns: vec!["name", "value", "patterns", "status", "used_by"],
        cells: values
            .iter()
            .map(|it| {
                vec![
                    it.name.clone(),
                    it.value.clone(),
                    it.patterns.join("  "),
                    if it.builtin { "builtin" } else { "custom" }.to_owned(),
                    it.used_by.to_string(),
                ]
            })
            .collect(),
    })?;
    Ok(Exit::Done)
}

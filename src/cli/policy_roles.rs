//! Where the role of a `policy` subcommand comes from: store, file, or built in.
use std::path::Path;

use clap::Args;

use super::{Context, WrongUse};
use crate::{
    formats,
    policy::Role,
    risk::{BUILTIN_ROLE, builtin_role},
};

/// Which rules are looked at.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Source {
    /// A role of the store
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// A role file, or `builtin:coding-agents`
    #[arg(long, value_name = "FILE")]
    policy: Option<String>,
}

impl Source {
    /// The role.
    ///
    /// # Errors
    /// Where there is no such role, or its file is not one.
    pub(super) async fn role(&self, context: &Context) -> anyhow::Result<Role> {
        match (&self.role, self.policy.as_deref()) {
            (Some(name), _) => Ok(context.store().await?.role(name).await?),
            (None, Some(BUILTIN_ROLE)) => Ok(builtin_role()),
            (None, Some(file)) => Ok(formats::load_role(Path::new(file))?),
            (None, None) => Err(WrongUse("name a role or a policy".to_owned()).into()),
        }
    }

    /// Whether the role is one of the store.
    pub(super) const fn is_of_store(&self) -> bool {
        self.role.is_some()
    }
}

/// A role by one word: the built-in one, a file where there is such a file, else one of the store.
///
/// # Errors
/// Where there is no such role, or the file is not one.
pub(super) async fn role_of(word: &str, context: &Context) -> anyhow::Result<Role> {
    let path = Path::new(word);
    if word == BUILTIN_ROLE {
        return Ok(builtin_role());
    }
    if path.extension().is_some_and(|it| it == "json") || word.contains('/') || path.is_file() {
        return Ok(formats::load_role(path)?);
    }
    Ok(context.store().await?.role(word).await?)
}

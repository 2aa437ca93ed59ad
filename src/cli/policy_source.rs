//! Which rules decide, and what is known of an action besides what it says itself.
use std::path::Path;

use clap::Args;

use super::{Context, WrongUse, policy_tools::policy_yaml_format};
use crate::{
    events::visible,
    formats::{
        self, BadRoleFile, Effect, Loss, PolicyFormat, interven, policy_yaml::is_of_its_system,
    },
    policy::{Approval, Input, Inputs, Role},
    risk::{BUILTIN_ROLE, builtin_role},
    store::{HostVariables, StoreError},
};

/// Which rules decide.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Source {
    /// A role of the store
    #[arg(long, value_name = "ROLE")]
    pub(super) role: Option<String>,
    /// A role file, a policy.yaml, `builtin:coding-agents` or `builtin:interven-starter`
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<String>,
}

/// What is given besides.
#[derive(Debug, Args)]
pub(super) struct Given {
    /// What is known besides, over what events say: agent, session, owner, team, environment or
    /// approval (repeat for more)
    #[arg(long = "given", value_name = "KEY=VALUE")]
    given: Vec<String>,
}

impl Source {
    /// The role, and the variables of hosts.
    ///
    /// # Errors
    /// Where there is no such role or file, or it is not valid.
    pub(super) async fn load(&self, context: &Context) -> anyhow::Result<(Role, HostVariables)> {
        let role = match (&self.role, self.policy.as_deref()) {
            (Some(name), _) => context.store().await?.role(name).await?,
            (None, Some(policy)) => from_file(policy)?,
            (None, None) => return Err(WrongUse("name a role or a policy".to_owned()).into()),
        };
        let variables = variables(&role, context).await?;
        Ok((role, variables))
    }
}

/// A role of a file, or a builtin one. A rule of a file that has no id is called by its place, so
/// that decisions can name it.
///
/// # Errors
/// Where it cannot be read or is not valid.
pub(super) fn from_file(policy: &str) -> anyhow::Result<Role> {
    if policy == BUILTIN_ROLE {
        return Ok(builtin_role());
    }
    let path = Path::new(policy);
    let mut role = if policy == interven::BUILTIN {
        interven::starter_role()
    } else if let Some(format) = policy_yaml_format(path) {
        from_policy_yaml(path, format)?
    } else {
        formats::load_role(path)?
    };
    for (kind, rules) in [("rule", &mut role.rules), ("mcp-rule", &mut role.mcp_rules)] {
        for (position, rule) in (1..).zip(rules).filter(|(_, it)| it.rule_id.is_empty()) {
            rule.rule_id = format!("{kind}-{position}");
        }
    }
    Ok(role)
}

/// The role that a policy.yaml means for MCP calls. Where it is stricter than the file, nothing
/// passes that should not.
fn from_policy_yaml(path: &Path, format: &PolicyFormat) -> anyhow::Result<Role> {
    let text = formats::load_text(path)?;
    let invalid = |problems| BadRoleFile::Invalid { path: path.to_owned(), problems };
    let read = (format.read)(&text).map_err(invalid)?;
    let is_lost = |it: &&Loss| it.effect == Effect::Milder && !is_of_its_system(it);
    if let Some(loss) = read.losses.iter().find(is_lost) {
        anyhow::bail!(
            "`{}` says what no role can, {}: {} {}\nhint: `advisor policy convert --allow-loss` makes a role without",
            path.display(),
            loss.field,
            visible(&loss.what),
            loss.why
        );
    }
    Ok(read.role)
}

/// The variables of hosts: those of the store, or where there is none those of the program. A role
/// that asks for none does without.
///
/// # Errors
/// Where there is a store that cannot be read.
pub(super) async fn variables(role: &Role, context: &Context) -> anyhow::Result<HostVariables> {
    let rules = || role.rules.iter().chain(&role.mcp_rules);
    if !rules().any(|it| !it.when.is_empty() || it.pattern.contains("{{")) {
        return Ok(HostVariables::default());
    }
    match context.store().await {
        Ok(store) => Ok(HostVariables::new(&store.variables().await?)?),
        Err(StoreError::Missing { .. }) => Ok(HostVariables::builtin()?),
        Err(err) => Err(err.into()),
    }
}

impl Given {
    /// The inputs that are given.
    ///
    /// # Errors
    /// Where a key or value is not known.
    pub(super) fn inputs(&self) -> Result<Inputs, WrongUse> {
        let mut inputs = Inputs::default();
        for given in &self.given {
            let (key, value) = given
                .split_once('=')
                .ok_or_else(|| WrongUse(format!("`--given {given}` is not KEY=VALUE")))?;
            let value = value.to_owned();
            match Input::parse(key) {
                Some(Input::Agent) => inputs.agent = Some(value),
                Some(Input::Session) => inputs.session = Some(value),
                Some(Input::Owner) => inputs.owner = Some(value),
                Some(Input::Team) => inputs.team = Some(value),
                Some(Input::Environment) => inputs.environment = Some(value),
                Some(Input::Approval) => {
                    inputs.approval = Approval::parse(&value).ok_or_else(|| {
                        let known: Vec<&str> = Approval::ALL.iter().map(|it| it.as_str()).collect();
                        WrongUse(format!("`{value}` is no approval, they are {}", known.join(", ")))
                    })?;
                }
                _ => {
                    return Err(WrongUse(format!(
                        "`{key}` cannot be given; agent, session, owner, team, environment and approval can"
                    )));
                }
            }
        }
        Ok(inputs)
    }
}

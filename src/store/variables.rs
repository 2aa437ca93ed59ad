//! Variables: which value a host has, by ordered patterns over its name.
use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::AnyConnection;

use super::{
    By, Store, StoreError,
    host_pattern::{HostPatterns, compile},
    rows::{Columns as _, json},
    trail,
};
use crate::policy::Input;

/// Most values of a variable.
const MAX_VALUES: usize = 100;

/// Most patterns of a value.
const MAX_PATTERNS: usize = 100;

/// One value of a variable, and the hosts that have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VariableValue {
    /// The variable, `env` for `{{env}}`.
    pub name: String,
    /// What is put in its place.
    pub value: String,
    /// Regular expressions over the host name; one that matches is enough.
    pub patterns: Vec<String>,
    /// Came with the program: its patterns can be set, it cannot be removed.
    pub builtin: bool,
    /// Roles whose rules refer to the variable.
    pub used_by: u64,
}

/// The values that come with the program, as a new store has them.
const BUILTIN: &[(&str, &str, &[&str])] = &[
    ("env", "production", &["^prod-.*"]),
    ("env", "staging", &["^staging-.*", "^stg-.*"]),
    ("env", "dev", &["^dev-.*", "^[a-z]+-mbp.*"]),
];

/// Variables made ready to give hosts their values.
#[derive(Clone, Debug, Default)]
pub struct HostVariables {
    variables: Vec<Variable>,
}

/// One variable: its patterns in order, and the value that each of them gives.
#[derive(Clone, Debug)]
struct Variable {
    name: String,
    patterns: HostPatterns,
    values: Vec<String>,
}

impl HostVariables {
    /// Compiles the patterns of `values`, which are in order.
    ///
    /// # Errors
    /// Where a pattern is no regular expression, or too large.
    pub fn new(values: &[VariableValue]) -> Result<Self, StoreError> {
        let mut named: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for value in values {
            let patterns = value.patterns.iter().map(|it| (it.as_str(), value.value.as_str()));
            named.entry(&value.name).or_default().extend(patterns);
        }
        let variables = named.into_iter().map(|(name, pairs)| {
            let patterns: Vec<&str> = pairs.iter().map(|(pattern, _)| *pattern).collect();
            Ok(Variable {
                name: name.to_owned(),
                patterns: HostPatterns::new(&patterns).map_err(StoreError::Refused)?,
                values: pairs.iter().map(|(_, value)| (*value).to_owned()).collect(),
            })
        });
        Ok(Self { variables: variables.collect::<Result<_, StoreError>>()? })
    }

    /// The variables that come with the program, for where there is no store.
    ///
    /// # Errors
    /// None that a test would not find.
    pub fn builtin() -> Result<Self, StoreError> {
        Self::new(&builtin_values())
    }

    /// The value of each variable that has one on a host: the first whose pattern matches.
    pub fn of(&self, hostname: &str) -> BTreeMap<String, String> {
        let value = |it: &Variable| {
            let value = it.values.get(it.patterns.first(hostname)?)?;
            Some((it.name.clone(), value.clone()))
        };
        self.variables.iter().filter_map(value).collect()
    }

    /// Names of the variables, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|it| it.name.as_str())
    }
}

/// The values that come with the program.
fn builtin_values() -> Vec<VariableValue> {
    let value = |(name, value, patterns): &(&str, &str, &[&str])| VariableValue {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
        patterns: patterns.iter().map(|it| (*it).to_owned()).collect(),
        builtin: true,
        used_by: 0,
    };
    BUILTIN.iter().map(value).collect()
}

impl Store {
    /// Every value of every variable: variables by name, values in their order.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn variables(&self) -> Result<Vec<VariableValue>, StoreError> {
        load(self.snapshot().await?.conn()).await
    }

    /// Sets the patterns of a value; variable and value are made where they are not there. A new
    /// value comes last, or before the value `before`.
    ///
    /// # Errors
    /// Where a name, value or pattern will not do, or the database is away.
    pub async fn set_variable(
        &self,
        name: &str,
        value: &str,
        patterns: &[String],
        before: Option<&str>,
        by: &By,
    ) -> Result<(), StoreError> {
        check(name, value, patterns)?;
        let mut write = self.begin().await?;
        let known = load(write.conn()).await?;
        let mut values: Vec<VariableValue> =
            known.iter().filter(|it| it.name == name).cloned().collect();
        let old = values.iter().position(|it| it.value == value).map(|idx| values.remove(idx));
        let place = match (before, &old) {
            (Some(before), _) => {
                values.iter().position(|it| it.value == before).ok_or_else(|| {
                    refused(&format!("`{name}` has no value `{before}` to come before"))
                })?
            }
            (None, Some(old)) => {
                known.iter().filter(|it| it.name == name).position(|it| it == old).unwrap_or(0)
            }
            (None, None) => values.len(),
        };
        let new = VariableValue {
            name: name.to_owned(),
            value: value.to_owned(),
            patterns: patterns.to_vec(),
            builtin: old.as_ref().is_some_and(|it| it.builtin),
            used_by: 0,
        };
        values.insert(place, new.clone());
        if values.len() > MAX_VALUES {
            return Err(refused(&format!("`{name}` has {MAX_VALUES} values, that is the most")));
        }
        write_values(write.conn(), name, &values).await?;
        let subject = format!("{name}={value}");
        trail::append(write.conn(), by, "variable.set", &subject, old.as_ref(), Some(&new)).await?;
        write.commit().await
    }

    /// Removes a value, or the whole variable.
    ///
    /// # Errors
    /// Where it is not there, came with the program, or a role refers to it; or the database is
    /// away.
    pub async fn remove_variable(
        &self,
        name: &str,
        value: Option<&str>,
        by: &By,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        let known = load(write.conn()).await?;
        let (mut goes, mut stays) = (Vec::new(), Vec::new());
        for it in known.into_iter().filter(|it| it.name == name) {
            if value.is_none_or(|value| it.value == value) { goes.push(it) } else { stays.push(it) }
        }
        let Some(first) = goes.first() else {
            let name = value.map_or_else(|| name.to_owned(), |value| format!("{name}={value}"));
            return Err(StoreError::Unknown { what: "variable", name, list: "variables list" });
        };
        if goes.iter().any(|it| it.builtin) {
            return Err(refused(&format!(
                "`{name}` is builtin and cannot be removed\n\
                 hint: `advisor variables set {name} VALUE --pattern REGEX` changes which hosts it means"
            )));
        }
        if stays.is_empty() && first.used_by > 0 {
            return Err(refused(&format!(
                "`{name}` is used by {} roles\nhint: take `{{{{{name}}}}}` out of their rules first",
                first.used_by
            )));
        }
        write_values(write.conn(), name, &stays).await?;
        let subject = value.map_or_else(|| name.to_owned(), |value| format!("{name}={value}"));
        trail::append(write.conn(), by, "variable.remove", &subject, Some(&goes), trail::NOTHING)
            .await?;
        write.commit().await
    }
}

async fn load(conn: &mut AnyConnection) -> Result<Vec<VariableValue>, StoreError> {
    // The view, but for its `builtin` and `patterns`, whose types differ between the databases.
    let rows = sqlx::query(
        "SELECT v.name, v.value, v.patterns_json, v.builtin, p.used_by
         FROM variables v JOIN policy_variables p ON p.name = v.name AND p.value = v.value
         ORDER BY v.name, v.position",
    )
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(VariableValue {
                name: row.text("name")?,
                value: row.text("value")?,
                patterns: row.json("patterns_json")?,
                builtin: row.number("builtin")? == 1,
                used_by: row.count("used_by")?,
            })
        })
        .collect()
}

async fn write_values(
    conn: &mut AnyConnection,
    name: &str,
    values: &[VariableValue],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM variables WHERE name = $1").bind(name).execute(&mut *conn).await?;
    for (position, value) in (1_i64..).zip(values) {
        sqlx::query(
            "INSERT INTO variables (name, value, position, patterns_json, builtin)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(name)
        .bind(&value.value)
        .bind(position)
        .bind(json(&value.patterns)?)
        .bind(i64::from(value.builtin))
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

fn check(name: &str, value: &str, patterns: &[String]) -> Result<(), StoreError> {
    let word = |ch: char| ch.is_ascii_lowercase() || ch.is_ascii_digit() || ch == '_';
    let starts = name.starts_with(|ch: char| ch.is_ascii_lowercase() || ch == '_');
    if !starts || name.len() > 64 || !name.chars().all(word) {
        return Err(refused(&format!(
            "`{name}` is no name for a variable\n\
             hint: small letters, digits and `_`, a letter first, up to 64"
        )));
    }
    if let Some(input) = Input::parse(name).filter(|it| it.variable() != Some(name)) {
        return Err(refused(&format!(
            "`{input}` is what rules ask of an action itself, it cannot be a variable\n\
             hint: choose another name"
        )));
    }
    let plain = |ch: char| ch.is_alphanumeric() || "-_.:@/ ".contains(ch);
    if value.trim().is_empty() || value.len() > 128 || !value.chars().all(plain) {
        return Err(refused(&format!(
            "`{value}` is no value for a variable\n\
             hint: letters, digits, blanks, and any of - _ . : @ / up to 128 bytes"
        )));
    }
    if patterns.len() > MAX_PATTERNS {
        return Err(refused(&format!("{} patterns, {MAX_PATTERNS} are the most", patterns.len())));
    }
    patterns.iter().try_for_each(|it| compile(it).map(|_| ()).map_err(StoreError::Refused))
}

fn refused(why: &str) -> StoreError {
    StoreError::Refused(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_that_matches_gives_the_value() {
        let value = |name: &str, value: &str, patterns: &[&str]| VariableValue {
            name: name.to_owned(),
            value: value.to_owned(),
            patterns: patterns.iter().map(|it| (*it).to_owned()).collect(),
            builtin: false,
            used_by: 0,
        };
        let variables = HostVariables::new(&[
            value("env", "production", &["^prod-.*"]),
            value("env", "dev", &["^dev-", "^[a-z]+-mbp", "^prod-test"]),
            value("region", "eu", &["-eu-"]),
        ])
        .unwrap();
        for (host, env, region) in [
            ("prod-eu-1", Some("production"), Some("eu")),
            ("prod-test", Some("production"), None),
            ("ana-mbp-14", Some("dev"), None),
            ("ci-7", None, None),
        ] {
            let values = variables.of(host);
            assert_eq!(values.get("env").map(String::as_str), env, "{host}");
            assert_eq!(values.get("region").map(String::as_str), region, "{host}");
        }
    }

    #[test]
    fn the_variables_of_the_program_are_those_of_a_new_store() {
        let sql = include_str!("migrations/0001_init.sql");
        for value in builtin_values() {
            let patterns = serde_json::to_string(&value.patterns).unwrap();
            let row = format!("('{}', '{}', ", value.name, value.value);
            let line = sql.lines().find(|it| it.contains(&row)).unwrap();
            assert!(line.contains(&format!("'{patterns}', 1)")), "{line}");
        }
        let prod = HostVariables::builtin().unwrap().of("prod-web-1");
        assert_eq!(prod.get("env").map(String::as_str), Some("production"));
    }

    #[test]
    fn what_rules_ask_of_an_action_is_no_name_for_a_variable() {
        for (name, is_free) in [("agent", false), ("risk_level", false), ("team", true)] {
            assert_eq!(check(name, "x", &[]).is_ok(), is_free, "{name}");
        }
    }
}

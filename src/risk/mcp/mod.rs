//! One call of an MCP tool -> its effects, read from the names of server, tool and arguments.
//!
//! A tool's name is a verb and what it acts on: `create_pull_request`, `execute_sql`,
//! `deletePod`. The server tells the field where the tool does not. The same effect has the same
//! name whichever door leads to it.
mod nouns;
mod verbs;

use serde_json::{Map, Value};

use super::{Effect, Effects, effects, effects::sql_effects, is_secret_path};
use crate::commands::{Command, grammar, read};
use nouns::{Field, field, ranked};
use verbs::{Deed, deed};

/// What a call can do by its names; `{unknown}` where no verb is known.
pub fn mcp_effects(server: &str, tool: &str, argument_names: &[String]) -> Effects {
    let deed = deed_of_call(tool);
    let field = field_of_call(server, tool, argument_names);
    let mut res = deed.map_or(Effects::of(&[Effect::Unknown]), |deed| of_deed(deed, field));
    for name in argument_names {
        res = match name.to_lowercase().as_str() {
            name if CODE.contains(&name) && deed != Some(Deed::Read) => {
                res.with(Effect::CodeInline)
            }
            "sql" | "statement" if deed == Some(Deed::Run) => res.with(Effect::DbChange),
            "force" if field == Some(Field::Vcs) => res.with(Effect::VcsHistoryRewrite),
            "recipient" | "recipients" | "webhook_url" if deed != Some(Deed::Read) => {
                res.with(Effect::NetworkOut)
            }
            _ => res,
        };
    }
    res
}

/// What a call can do, its arguments read, too: SQL, commands and paths say more than names.
pub fn call_effects(server: &str, tool: &str, arguments: &Map<String, Value>) -> Effects {
    let mut names: Vec<String> = arguments.keys().cloned().collect();
    names.sort();
    let mut res = mcp_effects(server, tool, &names);
    let deed = deed_of_call(tool);
    let field = field_of_call(server, tool, &names);
    for (name, value) in arguments {
        let name = name.to_lowercase();
        if let Some(text) = value.as_str().filter(|_| SQL.contains(&name.as_str()))
            && (field == Some(Field::Db) || name == "sql")
        {
            let known = sql_effects(text);
            if known.contains(Effect::Unknown) {
                res = res.union(known);
            } else if matches!(deed, Some(Deed::Run | Deed::Read)) {
                // The text says what the names leave open.
                res = known.with(Effect::DbRead);
            }
        }
        if COMMANDS.contains(&name.as_str()) && deed != Some(Deed::Read) {
            let rest = arguments.get("args").or_else(|| arguments.get("arguments"));
            let inner = read(&vector(value, rest)).commands.into_iter();
            let each = inner.map(|it: Command| effects(&it, &grammar::subcommand(&it.argv)));
            res = each.fold(res, Effects::union);
        }
    }
    let touches = [Effect::FileRead, Effect::FileWrite, Effect::NetworkOut, Effect::Unknown];
    let mut texts = arguments.values().filter_map(Value::as_str);
    if touches.iter().any(|it| res.contains(*it)) && texts.any(is_secret_path) {
        res = res.with(Effect::SecretRead);
    }
    res
}

/// Arguments that are code.
const CODE: &[&str] = &["command", "cmd", "script", "code", "function", "expression"];

/// Arguments that are a command line or a script of a shell.
const COMMANDS: &[&str] = &["command", "cmd", "script"];

/// Arguments that may be SQL.
const SQL: &[&str] = &["sql", "query", "statement"];

/// The argument vector of a command in an argument: a script, or a program beside its own arguments.
fn vector(command: &Value, rest: Option<&Value>) -> Vec<String> {
    let words = |list: &[Value]| -> Vec<String> {
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    match (command, rest) {
        (Value::Array(list), _) => words(list),
        (Value::String(program), Some(Value::Array(list))) => {
            [vec![program.clone()], words(list)].concat()
        }
        (Value::String(script), _) => ["sh", "-c", script].map(str::to_owned).to_vec(),
        _ => Vec::new(),
    }
}

/// Verbs that are names of things, too: behind a verb that reads they are what is read.
const THINGS: &[&str] = &[
    "book", "change", "command", "comment", "commit", "email", "fork", "label", "merge", "patch",
    "post", "release", "schedule", "terminal", "transfer", "type",
];

/// The strongest deed of a tool's words.
fn deed_of_call(tool: &str) -> Option<Deed> {
    let words = words(tool);
    let mut res = None;
    for (at, word) in words.iter().enumerate() {
        let is_of = |next: &String| matches!(next.as_str(), "request" | "requests");
        let is_request = word == "merge" && words.get(at + 1).is_some_and(is_of);
        let is_thing = res == Some(Deed::Read) && THINGS.contains(&word.as_str());
        if !is_request && !is_thing {
            res = res.max(deed(word));
        }
    }
    res
}

/// The most telling noun of the tool, else what server or arguments say.
fn field_of_call(server: &str, tool: &str, argument_names: &[String]) -> Option<Field> {
    let ranked = words(tool).iter().filter_map(|word| ranked(word)).min_by_key(|it| it.0);
    let of_server = || words(server).iter().find_map(|word| field(word));
    let of_arguments = || argument_names.iter().find_map(|name| field(&name.to_lowercase()));
    ranked.map(|it| it.1).or_else(of_server).or_else(of_arguments)
}

const fn of_deed(deed: Deed, field: Option<Field>) -> Effects {
    use Effect as E;
    let Some(field) = field else {
        return Effects::of(match deed {
            Deed::Read => &[E::NetworkIn],
            Deed::Send | Deed::Change => &[E::NetworkOut],
            Deed::Publish => &[E::NetworkOut, E::VcsPublish],
            Deed::Destroy => &[E::InfraDestroy],
            Deed::Run => &[E::CodeInline],
        });
    };
    Effects::of(match (field, deed) {
        (Field::Secret, _) => &[E::SecretRead],
        (Field::File | Field::Schedule, Deed::Read) => &[E::FileRead],
        (Field::File, Deed::Send) => &[E::NetworkOut, E::NetworkUpload],
        (Field::File, Deed::Change) => &[E::FileWrite],
        (Field::File, Deed::Destroy) => &[E::FileDelete],
        (Field::Vcs, Deed::Read) => &[E::NetworkIn, E::VcsRead],
        (Field::Vcs, Deed::Send | Deed::Change | Deed::Run) => &[E::NetworkOut, E::VcsWrite],
        (Field::Vcs, Deed::Destroy) => &[E::NetworkOut, E::VcsHistoryRewrite],
        (Field::Infra | Field::Account, Deed::Read) => &[E::NetworkIn, E::InfraRead],
        (Field::Infra, Deed::Change) => &[E::InfraChange],
        (Field::Infra, Deed::Publish) => &[E::VcsPublish, E::InfraChange],
        (Field::Db, Deed::Read) => &[E::DbRead],
        (Field::Db, Deed::Change) => &[E::DbChange],
        (Field::Db, Deed::Destroy) => &[E::DbDestroy],
        (Field::Db, Deed::Run) => &[E::DbRead, E::DbChange],
        (Field::Package, Deed::Change | Deed::Destroy) => &[E::PackageInstall],
        (Field::Account, Deed::Send) => &[E::NetworkOut, E::InfraChange],
        (Field::Account, Deed::Change) => &[E::Privilege],
        (Field::Schedule, Deed::Change) => &[E::Persistence],
        (_, deed) => return of_deed(deed, None),
    })
}

fn words(name: &str) -> Vec<String> {
    words_of(name).collect()
}

/// Lower-case words of `snake_case`, `kebab-case`, `camelCase` and `dotted.names`.
fn words_of(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for ch in name.chars() {
        if !ch.is_alphanumeric() || (ch.is_uppercase() && after_lower) {
            words.push(String::new());
        }
        after_lower = ch.is_lowercase() || ch.is_ascii_digit();
        if let Some(word) = words.last_mut().filter(|_| ch.is_alphanumeric()) {
            word.extend(ch.to_lowercase());
        }
    }
    words.into_iter().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_read_by_verb_noun_server_and_arguments() {
        for (server, tool, arguments, effects) in [
            ("github", "create_pull_request", &["title"][..], "network.out, vcs.write"),
            ("github", "list_issues", &[], "network.in, vcs.read"),
            ("github", "merge_pull_request", &[], "network.out, vcs.publish"),
            ("github", "delete_file", &[], "file.delete"),
            ("linear", "get_issue", &["id"], "network.in, vcs.read"),
            ("postgres", "query", &["sql"], "db.read"),
            ("supabase", "execute_sql", &["query"], "db.read, db.change"),
            ("db", "drop_table", &[], "db.destroy"),
            ("filesystem", "write_file", &["path", "content"], "file.write"),
            ("filesystem", "readFile", &["path"], "file.read"),
            ("kubernetes", "deletePod", &["name"], "infra.destroy"),
            ("x", "run_command", &["command"], "code.inline"),
            ("vault", "get_secret", &[], "secret.read"),
            ("playwright", "browser_navigate", &["url"], "network.in"),
            ("context7", "resolve-library-id", &["libraryName"], "network.in"),
            ("slack", "send_message", &["channel"], "network.out"),
            ("bank", "send_money", &["recipient"], "network.out, infra.change"),
            ("gitlab", "list_merge_requests", &[], "network.in, vcs.read"),
            ("github", "get_latest_release", &[], "network.in, vcs.read"),
            ("github", "create_release", &[], "network.out, vcs.publish"),
            ("x", "frobnicate", &[], "unknown"),
        ] {
            let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
            let found = mcp_effects(server, tool, &arguments);
            assert_eq!(found.to_string(), effects, "{server}/{tool}");
        }
    }

    #[test]
    fn names_split_into_words() {
        assert_eq!(words("listPRs-by_user.v2"), ["list", "prs", "by", "user", "v2"]);
    }
}

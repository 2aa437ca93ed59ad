//! One call of an MCP tool -> its effects, read from the names of server, tool and arguments.
//!
//! A tool's name is a verb and what it acts on: `create_pull_request`, `execute_sql`,
//! `deletePod`. The server tells the field where the tool does not. The same effect has the same
//! name whichever door leads to it.
use super::{Effect, Effects};

/// What a verb does to whatever it acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Read,
    Send,
    Change,
    Publish,
    Destroy,
    Run,
}

/// What is acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    File,
    Vcs,
    Infra,
    Db,
    Secret,
    Web,
    Message,
    Package,
    Account,
    Schedule,
}

/// Verbs and what they do; of several in one name the strongest counts.
const DEEDS: &[(&str, Deed)] = &[
    ("get", Deed::Read),
    ("list", Deed::Read),
    ("read", Deed::Read),
    ("search", Deed::Read),
    ("find", Deed::Read),
    ("fetch", Deed::Read),
    ("query", Deed::Read),
    ("view", Deed::Read),
    ("show", Deed::Read),
    ("describe", Deed::Read),
    ("lookup", Deed::Read),
    ("count", Deed::Read),
    ("check", Deed::Read),
    ("status", Deed::Read),
    ("download", Deed::Read),
    ("navigate", Deed::Read),
    ("browse", Deed::Read),
    ("open", Deed::Read),
    ("snapshot", Deed::Read),
    ("screenshot", Deed::Read),
    ("resolve", Deed::Read),
    ("inspect", Deed::Read),
    ("diff", Deed::Read),
    ("log", Deed::Read),
    ("info", Deed::Read),
    ("retrieve", Deed::Read),
    ("extract", Deed::Read),
    ("scrape", Deed::Read),
    ("crawl", Deed::Read),
    ("verify", Deed::Read),
    ("create", Deed::Change),
    ("write", Deed::Change),
    ("edit", Deed::Change),
    ("update", Deed::Change),
    ("add", Deed::Change),
    ("set", Deed::Change),
    ("move", Deed::Change),
    ("rename", Deed::Change),
    ("copy", Deed::Change),
    ("insert", Deed::Change),
    ("append", Deed::Change),
    ("apply", Deed::Change),
    ("patch", Deed::Change),
    ("modify", Deed::Change),
    ("change", Deed::Change),
    ("save", Deed::Change),
    ("put", Deed::Change),
    ("assign", Deed::Change),
    ("close", Deed::Change),
    ("reopen", Deed::Change),
    ("comment", Deed::Change),
    ("label", Deed::Change),
    ("fork", Deed::Change),
    ("upsert", Deed::Change),
    ("replace", Deed::Change),
    ("start", Deed::Change),
    ("stop", Deed::Change),
    ("restart", Deed::Change),
    ("scale", Deed::Change),
    ("rollback", Deed::Change),
    ("invite", Deed::Change),
    ("schedule", Deed::Change),
    ("reschedule", Deed::Change),
    ("reserve", Deed::Change),
    ("book", Deed::Change),
    ("cancel", Deed::Change),
    ("click", Deed::Change),
    ("fill", Deed::Change),
    ("type", Deed::Change),
    ("commit", Deed::Change),
    ("enable", Deed::Change),
    ("disable", Deed::Change),
    ("migrate", Deed::Change),
    ("alter", Deed::Change),
    ("checkout", Deed::Change),
    ("send", Deed::Send),
    ("post", Deed::Send),
    ("upload", Deed::Send),
    ("share", Deed::Send),
    ("email", Deed::Send),
    ("reply", Deed::Send),
    ("forward", Deed::Send),
    ("notify", Deed::Send),
    ("transfer", Deed::Send),
    ("pay", Deed::Send),
    ("push", Deed::Publish),
    ("publish", Deed::Publish),
    ("merge", Deed::Publish),
    ("release", Deed::Publish),
    ("deploy", Deed::Publish),
    ("delete", Deed::Destroy),
    ("remove", Deed::Destroy),
    ("destroy", Deed::Destroy),
    ("drop", Deed::Destroy),
    ("purge", Deed::Destroy),
    ("truncate", Deed::Destroy),
    ("terminate", Deed::Destroy),
    ("wipe", Deed::Destroy),
    ("uninstall", Deed::Destroy),
    ("revoke", Deed::Destroy),
    ("drain", Deed::Destroy),
    ("flush", Deed::Destroy),
    ("unsubscribe", Deed::Destroy),
    ("execute", Deed::Run),
    ("exec", Deed::Run),
    ("run", Deed::Run),
    ("eval", Deed::Run),
    ("evaluate", Deed::Run),
    ("invoke", Deed::Run),
    ("shell", Deed::Run),
    ("bash", Deed::Run),
    ("command", Deed::Run),
    ("terminal", Deed::Run),
];

/// Nouns and their field, the telling ones first; plural forms are the noun with an `s`.
const FIELDS: &[(&str, Field)] = &[
    ("secret", Field::Secret),
    ("credential", Field::Secret),
    ("password", Field::Secret),
    ("token", Field::Secret),
    ("vault", Field::Secret),
    ("keychain", Field::Secret),
    ("cookie", Field::Secret),
    ("apikey", Field::Secret),
    ("sql", Field::Db),
    ("database", Field::Db),
    ("postgres", Field::Db),
    ("postgresql", Field::Db),
    ("mysql", Field::Db),
    ("sqlite", Field::Db),
    ("mongo", Field::Db),
    ("mongodb", Field::Db),
    ("redis", Field::Db),
    ("bigquery", Field::Db),
    ("snowflake", Field::Db),
    ("supabase", Field::Db),
    ("table", Field::Db),
    ("schema", Field::Db),
    ("collection", Field::Db),
    ("clickhouse", Field::Db),
    ("elasticsearch", Field::Db),
    ("git", Field::Vcs),
    ("github", Field::Vcs),
    ("gitlab", Field::Vcs),
    ("repo", Field::Vcs),
    ("repository", Field::Vcs),
    ("branch", Field::Vcs),
    ("commit", Field::Vcs),
    ("pull", Field::Vcs),
    ("pr", Field::Vcs),
    ("issue", Field::Vcs),
    ("linear", Field::Vcs),
    ("jira", Field::Vcs),
    ("bitbucket", Field::Vcs),
    ("gist", Field::Vcs),
    ("workflow", Field::Vcs),
    ("release", Field::Vcs),
    ("kubernetes", Field::Infra),
    ("kubectl", Field::Infra),
    ("k8s", Field::Infra),
    ("pod", Field::Infra),
    ("deployment", Field::Infra),
    ("namespace", Field::Infra),
    ("helm", Field::Infra),
    ("docker", Field::Infra),
    ("container", Field::Infra),
    ("terraform", Field::Infra),
    ("aws", Field::Infra),
    ("gcp", Field::Infra),
    ("gcloud", Field::Infra),
    ("azure", Field::Infra),
    ("instance", Field::Infra),
    ("bucket", Field::Infra),
    ("s3", Field::Infra),
    ("lambda", Field::Infra),
    ("cluster", Field::Infra),
    ("vercel", Field::Infra),
    ("cloudflare", Field::Infra),
    ("server", Field::Infra),
    ("domain", Field::Infra),
    ("dns", Field::Infra),
    ("sentry", Field::Infra),
    ("grafana", Field::Infra),
    ("package", Field::Package),
    ("dependency", Field::Package),
    ("extension", Field::Package),
    ("plugin", Field::Package),
    ("cron", Field::Schedule),
    ("webhook", Field::Schedule),
    ("hook", Field::Schedule),
    ("automation", Field::Schedule),
    ("user", Field::Account),
    ("role", Field::Account),
    ("permission", Field::Account),
    ("member", Field::Account),
    ("policy", Field::Account),
    ("collaborator", Field::Account),
    ("group", Field::Account),
    ("money", Field::Account),
    ("payment", Field::Account),
    ("transaction", Field::Account),
    ("file", Field::File),
    ("directory", Field::File),
    ("folder", Field::File),
    ("path", Field::File),
    ("filesystem", Field::File),
    ("document", Field::File),
    ("drive", Field::File),
    ("notebook", Field::File),
    ("memory", Field::File),
    ("entity", Field::File),
    ("observation", Field::File),
    ("email", Field::Message),
    ("mail", Field::Message),
    ("message", Field::Message),
    ("slack", Field::Message),
    ("channel", Field::Message),
    ("gmail", Field::Message),
    ("calendar", Field::Message),
    ("event", Field::Message),
    ("chat", Field::Message),
    ("notion", Field::Message),
    ("inbox", Field::Message),
    ("page", Field::Web),
    ("url", Field::Web),
    ("web", Field::Web),
    ("browser", Field::Web),
    ("http", Field::Web),
    ("website", Field::Web),
    ("playwright", Field::Web),
    ("puppeteer", Field::Web),
    ("webpage", Field::Web),
    ("doc", Field::Web),
    ("docs", Field::Web),
    ("context7", Field::Web),
    ("link", Field::Web),
];

/// What a call can do; `{unknown}` where no verb is known.
pub fn mcp_effects(server: &str, tool: &str, argument_names: &[String]) -> Effects {
    let words = words(tool);
    let deed = words.iter().filter_map(|word| deed(word)).max();
    let field = words.iter().filter_map(|word| field(word)).min_by_key(|it| it.0).map(|it| it.1);
    let of_server = || words_of(server).find_map(|word| field_of(&word));
    let of_arguments = || argument_names.iter().find_map(|name| field_of(&name.to_lowercase()));
    let field = field.or_else(of_server).or_else(of_arguments);
    let mut res = deed.map_or(Effects::of(&[Effect::Unknown]), |deed| of_deed(deed, field));
    for name in argument_names {
        res = match name.to_lowercase().as_str() {
            "command" | "cmd" | "script" | "code" | "function" | "expression"
                if deed != Some(Deed::Read) =>
            {
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
        (Field::Infra, Deed::Change | Deed::Publish) => &[E::InfraChange],
        (Field::Db, Deed::Read) => &[E::DbRead],
        (Field::Db, Deed::Change) => &[E::DbChange],
        (Field::Db, Deed::Destroy) => &[E::DbDestroy],
        (Field::Db, Deed::Run) => &[E::DbRead, E::DbChange],
        (Field::Package, Deed::Change) => &[E::PackageInstall],
        (Field::Account, Deed::Send) => &[E::NetworkOut, E::InfraChange],
        (Field::Account, Deed::Change) => &[E::Privilege],
        (Field::Schedule, Deed::Change) => &[E::Persistence],
        (_, deed) => return of_deed(deed, None),
    })
}

fn deed(word: &str) -> Option<Deed> {
    DEEDS.iter().find(|(verb, _)| *verb == word).map(|it| it.1)
}

/// The place in the table, the telling ones first, and the field.
fn field(word: &str) -> Option<(usize, Field)> {
    let singular = word.strip_suffix('s').unwrap_or(word);
    let at = FIELDS.iter().position(|(noun, _)| *noun == word || *noun == singular)?;
    FIELDS.get(at).map(|it| (at, it.1))
}

fn field_of(word: &str) -> Option<Field> {
    field(word).map(|it| it.1)
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

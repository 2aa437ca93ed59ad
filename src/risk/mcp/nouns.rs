//! The nouns of MCP servers, tools and arguments: the field that each belongs to.

/// What is acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
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

/// One noun.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "the table's test reads the examples"))]
pub(super) struct Noun {
    word: &'static str,
    field: Field,
    /// A call that is in the field by this noun: server and tool.
    hit: &'static str,
    /// A call that has its letters and is in none.
    miss: &'static str,
}

const fn noun(word: &'static str, field: Field, hit: &'static str, miss: &'static str) -> Noun {
    Noun { word, field, hit, miss }
}

/// All nouns, the telling ones first; plural forms are the noun with an `s`.
///
/// # Source
/// The tools that public MCP servers list, and our judgment of what they act on.
const NOUNS: &[Noun] = &[
    noun("secret", Field::Secret, "kv/get_secret", "x/get_secretary"),
    noun("credential", Field::Secret, "aws/list_credentials", "x/get_credentialed"),
    noun("password", Field::Secret, "bank/update_password", "x/get_passwordless"),
    noun("token", Field::Secret, "auth/create_token", "x/get_tokenizer"),
    noun("vault", Field::Secret, "kv/read_vault", "x/get_vaulted"),
    noun("keychain", Field::Secret, "mac/get_keychain", "x/get_keychained"),
    noun("cookie", Field::Secret, "browser/get_cookies", "x/get_cookiecutter"),
    noun("apikey", Field::Secret, "stripe/create_apikey", "x/get_apikeyless"),
    noun("sql", Field::Db, "x/execute_sql", "x/get_mssqlx"),
    noun("database", Field::Db, "x/create_database", "x/get_databased"),
    noun("postgres", Field::Db, "postgres/query", "x/get_postgresx"),
    noun("postgresql", Field::Db, "postgresql/query", "x/get_postgresqlx"),
    noun("mysql", Field::Db, "mysql/query", "x/get_mysqlx"),
    noun("sqlite", Field::Db, "sqlite/query", "x/get_sqlitex"),
    noun("mongo", Field::Db, "mongo/find", "x/get_mongoose"),
    noun("mongodb", Field::Db, "mongodb/find", "x/get_mongodbx"),
    noun("redis", Field::Db, "redis/get", "x/get_rediscovered"),
    noun("bigquery", Field::Db, "bigquery/query", "x/get_bigqueryx"),
    noun("snowflake", Field::Db, "snowflake/query", "x/get_snowflaked"),
    noun("supabase", Field::Db, "supabase/list", "x/get_supabased"),
    noun("table", Field::Db, "x/drop_table", "x/get_tablet"),
    noun("schema", Field::Db, "x/describe_schema", "x/get_schematic"),
    noun("collection", Field::Db, "x/drop_collection", "x/get_collectionless"),
    noun("clickhouse", Field::Db, "clickhouse/query", "x/get_clickhoused"),
    noun("elasticsearch", Field::Db, "elasticsearch/search", "x/get_elasticsearched"),
    noun("row", Field::Db, "x/insert_rows", "x/get_throw"),
    noun("neon", Field::Db, "neon/list", "x/get_neonatal"),
    noun("dynamodb", Field::Db, "dynamodb/get", "x/get_dynamodbx"),
    noun("git", Field::Vcs, "git/status", "x/get_digit"),
    noun("github", Field::Vcs, "github/search", "x/get_githubx"),
    noun("gitlab", Field::Vcs, "gitlab/search", "x/get_gitlabx"),
    noun("repo", Field::Vcs, "x/fork_repo", "x/get_report"),
    noun("repository", Field::Vcs, "x/create_repository", "x/get_repositoryless"),
    noun("branch", Field::Vcs, "x/create_branch", "x/get_branched"),
    noun("commit", Field::Vcs, "x/list_commits", "x/get_committee"),
    noun("pull", Field::Vcs, "x/list_pulls", "x/get_pulley"),
    noun("pr", Field::Vcs, "x/list_prs", "x/get_price"),
    noun("issue", Field::Vcs, "x/create_issue", "x/get_issued"),
    noun("linear", Field::Vcs, "linear/search", "x/get_linearity"),
    noun("jira", Field::Vcs, "jira/search", "x/get_jirax"),
    noun("bitbucket", Field::Vcs, "bitbucket/search", "x/get_bitbucketx"),
    noun("gist", Field::Vcs, "x/create_gist", "x/get_register"),
    noun("workflow", Field::Vcs, "x/list_workflows", "x/get_workflowy"),
    noun("release", Field::Vcs, "x/list_releases", "x/get_released"),
    noun("kubernetes", Field::Infra, "kubernetes/get", "x/get_kubernetesx"),
    noun("kubectl", Field::Infra, "kubectl/get", "x/get_kubectlx"),
    noun("k8s", Field::Infra, "k8s/get", "x/get_k8sx"),
    noun("pod", Field::Infra, "x/list_pods", "x/get_podcast"),
    noun("deployment", Field::Infra, "x/list_deployments", "x/get_deploymentless"),
    noun("namespace", Field::Infra, "x/create_namespace", "x/get_namespaced"),
    noun("helm", Field::Infra, "helm/list", "x/get_helmet"),
    noun("docker", Field::Infra, "docker/list", "x/get_dockerless"),
    noun("container", Field::Infra, "x/list_containers", "x/get_containerless"),
    noun("terraform", Field::Infra, "terraform/apply", "x/get_terraformed"),
    noun("aws", Field::Infra, "aws/list", "x/get_jaws"),
    noun("gcp", Field::Infra, "gcp/list", "x/get_gcpx"),
    noun("gcloud", Field::Infra, "gcloud/list", "x/get_gcloudx"),
    noun("azure", Field::Infra, "azure/list", "x/get_azured"),
    noun("instance", Field::Infra, "x/list_instances", "x/get_instanceof"),
    noun("bucket", Field::Infra, "x/list_buckets", "x/get_bucketless"),
    noun("s3", Field::Infra, "s3/get", "x/get_ps3"),
    noun("lambda", Field::Infra, "x/list_lambdas", "x/get_lambdaless"),
    noun("cluster", Field::Infra, "x/list_clusters", "x/get_clustered"),
    noun("vercel", Field::Infra, "vercel/list", "x/get_vercelx"),
    noun("cloudflare", Field::Infra, "cloudflare/list", "x/get_cloudflared"),
    noun("server", Field::Infra, "x/list_servers", "x/get_observer"),
    noun("domain", Field::Infra, "x/list_domains", "x/get_subdomain"),
    noun("dns", Field::Infra, "dns/list", "x/get_dnsmasq"),
    noun("sentry", Field::Infra, "sentry/search", "x/get_sentryless"),
    noun("grafana", Field::Infra, "grafana/search", "x/get_grafanax"),
    noun("argocd", Field::Infra, "argocd/list", "x/get_argocdx"),
    noun("node", Field::Infra, "x/list_nodes", "x/get_nodemon"),
    noun("stack", Field::Infra, "x/list_stacks", "x/get_haystack"),
    noun("volume", Field::Infra, "x/list_volumes", "x/get_volumetric"),
    noun("package", Field::Package, "x/install_package", "x/get_packaged"),
    noun("dependency", Field::Package, "x/add_dependency", "x/get_dependencyless"),
    noun("extension", Field::Package, "x/install_extension", "x/get_extensionless"),
    noun("plugin", Field::Package, "x/install_plugin", "x/get_pluginless"),
    noun("cron", Field::Schedule, "x/create_cron", "x/get_acronym"),
    noun("webhook", Field::Schedule, "x/create_webhook", "x/get_webhooked"),
    noun("hook", Field::Schedule, "x/create_hook", "x/get_hooked"),
    noun("automation", Field::Schedule, "x/create_automation", "x/get_automationless"),
    noun("user", Field::Account, "x/create_user", "x/get_superuser"),
    noun("role", Field::Account, "x/create_role", "x/get_parole"),
    noun("permission", Field::Account, "x/update_permissions", "x/get_permissionless"),
    noun("member", Field::Account, "x/add_member", "x/get_remembered"),
    noun("policy", Field::Account, "x/update_policy", "x/get_policyholder"),
    noun("collaborator", Field::Account, "x/add_collaborator", "x/get_collaboratorless"),
    noun("group", Field::Account, "x/create_group", "x/get_grouped"),
    noun("money", Field::Account, "x/send_money", "x/get_moneyless"),
    noun("payment", Field::Account, "x/create_payment", "x/get_repaymentx"),
    noun("transaction", Field::Account, "x/list_transactions", "x/get_transactional"),
    noun("file", Field::File, "x/read_file", "x/get_profile"),
    noun("directory", Field::File, "x/list_directory", "x/get_directoryless"),
    noun("folder", Field::File, "x/create_folder", "x/get_folderless"),
    noun("path", Field::File, "x/read_path", "x/get_pathology"),
    noun("filesystem", Field::File, "filesystem/search", "x/get_filesystemx"),
    noun("document", Field::File, "x/create_document", "x/get_documentary"),
    noun("drive", Field::File, "drive/search", "x/get_driver"),
    noun("notebook", Field::File, "x/edit_notebook", "x/get_notebookless"),
    noun("memory", Field::File, "memory/search", "x/get_memoryless"),
    noun("entity", Field::File, "x/create_entity", "x/get_identity"),
    noun("observation", Field::File, "x/add_observations", "x/get_observational"),
    noun("email", Field::Message, "x/send_email", "x/get_emailed"),
    noun("mail", Field::Message, "x/search_mail", "x/get_mailbox"),
    noun("message", Field::Message, "x/send_message", "x/get_messaged"),
    noun("slack", Field::Message, "slack/search", "x/get_slacker"),
    noun("channel", Field::Message, "x/list_channels", "x/get_channeled"),
    noun("gmail", Field::Message, "gmail/search", "x/get_gmailx"),
    noun("calendar", Field::Message, "calendar/search", "x/get_calendared"),
    noun("event", Field::Message, "x/create_event", "x/get_prevent"),
    noun("chat", Field::Message, "x/send_chat", "x/get_chatter"),
    noun("notion", Field::Message, "notion/search", "x/get_notional"),
    noun("inbox", Field::Message, "x/search_inbox", "x/get_inboxed"),
    noun("page", Field::Web, "x/open_page", "x/get_pager"),
    noun("url", Field::Web, "x/fetch_url", "x/get_curl"),
    noun("web", Field::Web, "web/search", "x/get_cobweb"),
    noun("browser", Field::Web, "browser/click", "x/get_browserless"),
    noun("http", Field::Web, "http/get", "x/get_httpd"),
    noun("website", Field::Web, "x/crawl_website", "x/get_websiteless"),
    noun("playwright", Field::Web, "playwright/click", "x/get_playwrightx"),
    noun("puppeteer", Field::Web, "puppeteer/click", "x/get_puppeteered"),
    noun("webpage", Field::Web, "x/open_webpage", "x/get_webpageless"),
    noun("doc", Field::Web, "x/search_doc", "x/get_doctor"),
    noun("docs", Field::Web, "x/search_docs", "x/get_docsis"),
    noun("context7", Field::Web, "context7/search", "x/get_context7x"),
    noun("link", Field::Web, "x/open_link", "x/get_blink"),
];

/// The place in the table, the telling ones first, and the field.
pub(super) fn ranked(word: &str) -> Option<(usize, Field)> {
    let singular = word.strip_suffix('s').unwrap_or(word);
    let at = NOUNS.iter().position(|it| it.word == word || it.word == singular)?;
    NOUNS.get(at).map(|it| (at, it.field))
}

/// The field of a word.
pub(super) fn field(word: &str) -> Option<Field> {
    ranked(word).map(|it| it.1)
}

#[cfg(test)]
mod tests {
    use super::{super::field_of_call, *};

    #[test]
    fn every_noun_tells_the_field_of_its_hit_and_not_of_its_miss() {
        let field_of = |call: &str| {
            let (server, tool) = call.split_once('/').unwrap();
            field_of_call(server, tool, &[])
        };
        let mut wrong = Vec::new();
        for Noun { word, field, hit, miss } in NOUNS {
            let without = hit.replace(word, "thing");
            if field_of(hit) != Some(*field) || field_of(&without) == Some(*field) {
                wrong.push(format!("hit `{hit}` of `{word}`"));
            }
            if !miss.contains(word) || field_of(miss).is_some() {
                wrong.push(format!("miss `{miss}` of `{word}`"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

//! Two doors to one effect: what a shell command and a call of an MCP tool do alike has the same name.
use policy_advisor::{
    commands::{grammar, read},
    risk::{Effect, Effects, call_facts, effects},
};

/// What the way there adds: it is another one through a shell than through a server.
const WAY: &[Effect] =
    &[Effect::NetworkIn, Effect::NetworkOut, Effect::Process, Effect::CodeInline];

/// A shell command, a call as server, tool and arguments, and what both do.
type Pair = (&'static str, &'static str, &'static str, &'static str, &'static [Effect]);

const PAIRS: &[Pair] = &[
    ("cat README.md", "filesystem", "read_file", r#"{"path":"README.md"}"#, &[Effect::FileRead]),
    ("ls src", "filesystem", "list_directory", r#"{"path":"src"}"#, &[Effect::FileRead]),
    ("rg TODO", "filesystem", "search_files", r#"{"pattern":"TODO"}"#, &[Effect::FileRead]),
    ("tee a.txt", "filesystem", "write_file", r#"{"path":"a.txt"}"#, &[Effect::FileWrite]),
    ("mkdir a", "filesystem", "create_directory", r#"{"path":"a"}"#, &[Effect::FileWrite]),
    ("rm a.txt", "filesystem", "delete_file", r#"{"path":"a.txt"}"#, &[Effect::FileDelete]),
    (
        "cat ~/.ssh/id_rsa",
        "filesystem",
        "read_file",
        r#"{"path":"/home/u/.ssh/id_rsa"}"#,
        &[Effect::SecretRead],
    ),
    (
        "cat .env",
        "filesystem",
        "read_text_file",
        r#"{"path":"/srv/app/.env"}"#,
        &[Effect::SecretRead],
    ),
    ("vault kv get secret/x", "vault", "get_secret", r#"{"path":"x"}"#, &[Effect::SecretRead]),
    ("git log", "git", "git_log", r#"{"repo_path":"."}"#, &[Effect::VcsRead]),
    ("git status", "git", "git_status", r#"{"repo_path":"."}"#, &[Effect::VcsRead]),
    ("git diff", "git", "git_diff", r#"{"target":"main"}"#, &[Effect::VcsRead]),
    ("git commit -m x", "git", "git_commit", r#"{"message":"x"}"#, &[Effect::VcsWrite]),
    ("git add a", "git", "git_add", r#"{"files":["a"]}"#, &[Effect::VcsWrite]),
    ("git push", "git", "git_push", r#"{"remote":"origin"}"#, &[Effect::VcsPublish]),
    ("gh pr view 1", "github", "get_pull_request", r#"{"number":1}"#, &[Effect::VcsRead]),
    ("gh issue list", "github", "list_issues", "{}", &[Effect::VcsRead]),
    ("gh pr create --fill", "github", "create_pull_request", "{}", &[Effect::VcsWrite]),
    ("gh issue create --title x", "github", "create_issue", "{}", &[Effect::VcsWrite]),
    ("gh issue comment 1 -b x", "github", "add_issue_comment", "{}", &[Effect::VcsWrite]),
    ("gh pr merge 1", "github", "merge_pull_request", "{}", &[Effect::VcsPublish]),
    ("glab mr list", "gitlab", "list_merge_requests", "{}", &[Effect::VcsRead]),
    ("psql -c 'select 1'", "postgres", "query", r#"{"sql":"select 1"}"#, &[Effect::DbRead]),
    (
        "psql -c 'DROP TABLE x'",
        "postgres",
        "execute_sql",
        r#"{"sql":"DROP TABLE x"}"#,
        &[Effect::DbRead, Effect::DbDestroy],
    ),
    (
        "mysql -e 'UPDATE t SET a = 1'",
        "mysql",
        "query",
        r#"{"query":"UPDATE t SET a = 1"}"#,
        &[Effect::DbRead, Effect::DbChange],
    ),
    (
        "sqlite3 x.db 'select 1'",
        "sqlite",
        "execute_query",
        r#"{"query":"select 1"}"#,
        &[Effect::DbRead],
    ),
    (
        "psql -c \"$SQL\"",
        "postgres",
        "query",
        r#"{"sql":"$SQL"}"#,
        &[Effect::DbRead, Effect::Unknown],
    ),
    ("redis-cli get k", "redis", "get", r#"{"key":"k"}"#, &[Effect::DbRead]),
    ("kubectl get pods", "kubernetes", "list_pods", "{}", &[Effect::InfraRead]),
    ("kubectl describe pod x", "kubernetes", "describe_pod", "{}", &[Effect::InfraRead]),
    ("kubectl apply -f x.yml", "kubernetes", "apply_manifest", "{}", &[Effect::InfraChange]),
    (
        "kubectl scale deploy x --replicas=0",
        "kubernetes",
        "scale_deployment",
        "{}",
        &[Effect::InfraChange],
    ),
    ("kubectl delete pod x", "kubernetes", "delete_pod", "{}", &[Effect::InfraDestroy]),
    ("helm uninstall x", "helm", "helm_uninstall", "{}", &[Effect::InfraDestroy]),
    ("terraform destroy", "terraform", "destroy", "{}", &[Effect::InfraDestroy]),
    ("terraform apply", "terraform", "apply", "{}", &[Effect::InfraChange]),
    ("docker ps", "docker", "list_containers", "{}", &[Effect::InfraRead]),
    ("docker stop c", "docker", "stop_container", "{}", &[Effect::InfraChange]),
    ("docker rm c", "docker", "remove_container", "{}", &[Effect::InfraDestroy]),
    ("aws s3 ls", "aws", "list_buckets", "{}", &[Effect::InfraRead]),
    ("aws s3 rb s3://b", "aws", "delete_bucket", "{}", &[Effect::InfraDestroy]),
    ("aws ec2 terminate-instances", "aws", "terminate_instances", "{}", &[Effect::InfraDestroy]),
    (
        "aws secretsmanager get-secret-value --secret-id x",
        "aws",
        "get_secret_value",
        "{}",
        &[Effect::SecretRead],
    ),
    (
        "vercel --prod",
        "vercel",
        "deploy_to_vercel",
        "{}",
        &[Effect::VcsPublish, Effect::InfraChange],
    ),
    ("pip install x", "pip", "install_package", r#"{"name":"x"}"#, &[Effect::PackageInstall]),
    ("npm install x", "npm", "install_package", r#"{"name":"x"}"#, &[Effect::PackageInstall]),
    ("curl -s https://x", "fetch", "fetch", r#"{"url":"https://x"}"#, &[]),
    ("crontab -e", "system", "create_cron", r#"{"line":"x"}"#, &[Effect::Persistence]),
    ("usermod -aG sudo u", "system", "update_user", "{}", &[Effect::Privilege]),
    ("make test", "shell", "run_command", r#"{"command":"make test"}"#, &[Effect::FileWrite]),
    (
        "rm -rf build",
        "shell",
        "execute_command",
        r#"{"command":"rm -rf build"}"#,
        &[Effect::FileDelete],
    ),
    (
        "git push --force",
        "desktop",
        "start_process",
        r#"{"command":"git","args":["push","--force"]}"#,
        &[Effect::VcsPublish, Effect::VcsHistoryRewrite],
    ),
    (
        "psql <<EOF\nDROP TABLE x\nEOF",
        "shell",
        "run",
        r#"{"command":"psql <<EOF\nDROP TABLE x\nEOF"}"#,
        &[Effect::DbRead, Effect::DbDestroy],
    ),
];

/// What goes without saying where something stronger is said.
const IMPLIED: &[(Effect, &[Effect])] = &[
    (Effect::InfraRead, &[Effect::InfraChange, Effect::InfraDestroy, Effect::SecretRead]),
    (Effect::FileRead, &[Effect::SecretRead, Effect::Persistence]),
    (Effect::FileWrite, &[Effect::PackageInstall]),
];

fn without_way(effects: Effects) -> Effects {
    let is_implied = |effect: Effect| {
        let by = IMPLIED.iter().filter(|(weaker, _)| *weaker == effect);
        by.flat_map(|it| it.1).any(|it| effects.contains(*it))
    };
    effects.iter().filter(|it| !WAY.contains(it) && !is_implied(*it)).collect()
}

#[test]
fn the_same_effect_has_the_same_name_through_both_doors() {
    let mut wrong = Vec::new();
    for (line, server, tool, arguments, wanted) in PAIRS {
        let commands = read(&["sh", "-c", line].map(str::to_owned)).commands;
        let each = commands.iter().map(|it| effects(it, &grammar::subcommand(&it.argv)));
        let by_shell = without_way(each.fold(Effects::NONE, Effects::union));
        let by_call = without_way(call_facts(server, tool, arguments).1);
        let wanted = Effects::of(wanted);
        if by_shell != wanted || by_call != wanted {
            wrong.push(format!("`{line}` {by_shell}; {server}/{tool} {by_call}; not {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), PAIRS.len(), wrong.join("\n"));
}

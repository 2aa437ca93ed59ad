//! Acts on infrastructure and databases: what is changed, entered, destroyed.
use super::{
    Act,
    GuardClass::{DbDestroy, InfraChange, InfraDestroy, RemoteShell},
    form::{Form, any_word, cut, form, is, long, operand, short},
};

fn terraform(paths: &[&str]) -> Form {
    form(&["terraform", "tofu", "terragrunt"]).below(paths)
}

fn kubectl(paths: &[&str]) -> Form {
    form(&["kubectl", "oc"]).below(paths).globals(&[
        "-n",
        "--namespace",
        "--context",
        "--kubeconfig",
        "--cluster",
        "--user",
        "-s",
        "--server",
        "--as",
        "--as-group",
        "--token",
        "--request-timeout",
        "-v",
        "--cache-dir",
    ])
}

fn docker(paths: &[&str]) -> Form {
    form(&["docker", "podman", "nerdctl"]).below(paths).globals(&[
        "-H",
        "--host",
        "-c",
        "--context",
        "--config",
        "-l",
        "--log-level",
    ])
}

fn aws(paths: &[&str]) -> Form {
    form(&["aws"]).below(paths).globals(&[
        "--profile",
        "--region",
        "--endpoint-url",
        "--output",
        "--query",
        "--ca-bundle",
        "--color",
    ])
}

/// What is done by a verb behind the names of groups, as far as groups nest.
pub(super) fn grouped(binary: &str, verbs: &[&str]) -> Form {
    const MAX_GROUPS: usize = 6;
    let path = |n_groups: usize, verb: &&str| format!("{}{verb}", "* ".repeat(n_groups));
    let paths = (1..=MAX_GROUPS).flat_map(|n| verbs.iter().map(move |verb| path(n, verb)));
    let paths: Vec<String> = paths.collect();
    form(&[binary]).below(&paths.iter().map(String::as_str).collect::<Vec<_>>()).ending().globals(
        &[
            "--access-token-file",
            "--account",
            "--billing-project",
            "--configuration",
            "--flags-file",
            "--format",
            "--impersonate-service-account",
            "--project",
            "--region",
            "--verbosity",
            "--zone",
            "--output",
            "-o",
            "--query",
            "--resource-group",
            "-g",
            "--subscription",
        ],
    )
}

pub(super) fn acts() -> Vec<Act> {
    vec![
        Act::new(
            "infra.terraform-destroy",
            "destroy infrastructure as code",
            InfraDestroy,
            "terraform manual",
        )
        .by(terraform(&["destroy"]))
        .by(terraform(&["apply"]).with(&[is(&[
            "-destroy",
            "--destroy",
            "-destroy=true",
            "--destroy=true",
        ])]))
        .by(form(&["pulumi"])
            .below(&["destroy", "down", "stack rm"])
            .globals(&["-C", "--cwd", "-s", "--stack"]))
        .by(form(&["cdk"]).below(&["destroy"]))
        .examples(
            &[
                "terraform destroy",
                "terraform -chdir=x destroy -auto-approve",
                "terraform apply -auto-approve -destroy",
                "pulumi -C d destroy --yes",
            ],
            &["terraform plan -destroy", "terraform apply", "pulumi preview"],
        ),
        Act::new(
            "infra.terraform-apply",
            "change infrastructure as code",
            InfraChange,
            "terraform manual",
        )
        .by(terraform(&[
            "apply",
            "import",
            "taint",
            "untaint",
            "state rm",
            "state mv",
            "state push",
            "force-unlock",
        ]))
        .by(form(&["pulumi"])
            .below(&["up", "update", "import"])
            .globals(&["-C", "--cwd", "-s", "--stack"]))
        .examples(
            &[
                "terraform apply",
                "terraform -chdir=x apply plan",
                "terraform state rm a",
                "pulumi up",
            ],
            &["terraform plan", "terraform state list", "terraform validate", "pulumi preview"],
        ),
        Act::new(
            "infra.kubernetes-destroy",
            "delete from a cluster",
            InfraDestroy,
            "kubectl reference, helm manual",
        )
        .by(kubectl(&["delete", "drain"]))
        .by(kubectl(&["replace"]).with(&[long("force")]))
        .by(form(&["helm"]).below(&["uninstall", "delete", "del", "un"]).globals(&[
            "-n",
            "--namespace",
            "--kube-context",
            "--kubeconfig",
        ]))
        .examples(
            &[
                "kubectl delete pod x",
                "kubectl -n x delete ns y",
                "kubectl --context prod delete -f x.yaml",
                "helm -n x uninstall y",
            ],
            &["kubectl get pods", "helm list", "kubectl get delete"],
        ),
        Act::new(
            "infra.kubernetes-exec",
            "run commands inside a cluster",
            RemoteShell,
            "kubectl reference",
        )
        .by(kubectl(&["exec", "attach", "cp", "port-forward", "debug", "rsh"]))
        .examples(
            &[
                "kubectl exec pod",
                "kubectl -n x exec -it pod -- sh",
                "kubectl --context=prod cp a pod:/b",
            ],
            &["kubectl get pods", "kubectl logs exec", "docker exec c ls"],
        ),
        Act::new(
            "infra.containers-destroy",
            "delete volumes, or everything unused",
            InfraDestroy,
            "docker reference",
        )
        .by(docker(&["system prune", "volume rm", "volume remove", "volume prune", "system reset"]))
        .by(form(&["docker-compose"])
            .below(&["down"])
            .globals(&["-f", "--file", "-p", "--project-name"])
            .with(&[short("v"), cut("volumes", "volumes")]))
        .by(docker(&["compose down"]).with(&[short("v"), long("volumes")]))
        .examples(
            &[
                "docker system prune -af",
                "docker --context x volume rm y",
                "docker-compose down -v",
                "docker compose down --volumes",
            ],
            &["docker ps", "docker-compose down", "docker volume ls", "docker run system prune"],
        ),
        Act::new(
            "infra.cloud-destroy",
            "delete in a cloud",
            InfraDestroy,
            "AWS, Google Cloud and Azure command references",
        )
        .by(aws(&["* delete-*", "* terminate-*", "* deregister-*", "s3 rb"]))
        .by(aws(&["s3 rm"]).with(&[long("recursive")]))
        .by(aws(&["s3 sync"]).with(&[long("delete")]))
        .by(grouped("gcloud", &["delete"]))
        .by(grouped("az", &["delete", "purge"]))
        .by(form(&["gsutil"]).with(&[operand(&["rm", "rb"])]))
        .by(form(&["doctl", "hcloud", "flyctl", "fly", "heroku"]).with(&[operand(&[
            "delete",
            "destroy",
            "apps:destroy",
            "pg:reset",
        ])]))
        .examples(
            &[
                "aws ec2 terminate-instances --instance-ids x",
                "aws --profile prod rds delete-db-instance",
                "aws s3 rm --recursive s3://x",
                "aws s3 rb s3://x",
                "gcloud compute instances delete x",
                "gcloud beta --project list run services delete x",
                "az group delete -n x",
                "fly apps destroy x",
            ],
            &[
                "aws s3 ls",
                "aws s3 rm s3://x/y",
                "aws ec2 describe-instances",
                "gcloud projects list",
                "gcloud logging read delete",
                "az group list",
            ],
        ),
        Act::new(
            "database.destroy",
            "drop or empty what a database holds",
            DbDestroy,
            "psql(1), mysql(1), redis-cli manual",
        )
        .by(form(&["psql", "mysql", "mariadb", "sqlite3", "duckdb", "clickhouse-client", "sqlcmd"])
            .with(&[any_word(
                &[
                    "*DROP TABLE*",
                    "*drop table*",
                    "*Drop Table*",
                    "*DROP DATABASE*",
                    "*drop database*",
                    "*DROP SCHEMA*",
                    "*drop schema*",
                    "*TRUNCATE TABLE*",
                    "*truncate table*",
                    "*DELETE FROM*",
                    "*delete from*",
                ],
                &[],
            )]))
        .by(form(&["dropdb", "dropuser"]))
        .by(form(&["mysqladmin"]).with(&[operand(&["drop"])]))
        .by(form(&["redis-cli", "valkey-cli"])
            .with(&[operand(&["flushall", "FLUSHALL", "flushdb", "FLUSHDB"])]))
        .examples(
            &[
                "psql -c 'DROP TABLE users'",
                "psql -d x -c 'begin; truncate table users;'",
                "dropdb --if-exists x",
                "redis-cli -h h flushall",
                "mysqladmin -f drop x",
            ],
            &["psql -c 'select 1'", "psql -l", "redis-cli ping"],
        ),
    ]
}

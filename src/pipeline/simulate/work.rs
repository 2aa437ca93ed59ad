//! What the agents of each role do: routine, rare, refused, and the calls of their MCP tools.
//!
//! Words in braces are filled in by `fill.rs`.

/// Something to do, and how often relative to the others of its list.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Act {
    pub(super) weight: u64,
    pub(super) text: &'static str,
}

/// A call of an MCP tool; the arguments are a JSON object.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Call {
    pub(super) weight: u64,
    pub(super) server: &'static str,
    pub(super) tool: &'static str,
    pub(super) arguments: &'static str,
    /// A remote endpoint and its trust score.
    pub(super) endpoint: Option<(&'static str, u8)>,
}

/// The work of a role.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    pub(super) role: &'static str,
    pub(super) repositories: &'static [&'static str],
    pub(super) routine: &'static [Act],
    pub(super) rare: &'static [Act],
    /// Stopped by the enforcement agent, with the rule that did it.
    pub(super) refused: &'static [(Act, &'static str)],
    pub(super) calls: &'static [Call],
}

const fn act(weight: u64, text: &'static str) -> Act {
    Act { weight, text }
}

const fn call(
    weight: u64,
    server: &'static str,
    tool: &'static str,
    arguments: &'static str,
) -> Call {
    Call { weight, server, tool, arguments, endpoint: None }
}

/// What every agent does in every repository.
pub(super) const EVERYWHERE: &[Act] = &[
    act(40, "git status"),
    act(14, "git status --short"),
    act(24, "git diff"),
    act(10, "git diff --stat"),
    act(16, "git diff {file}"),
    act(14, "git log --oneline -{few}"),
    act(18, "git add {file}"),
    act(8, "git add -A"),
    act(22, "git commit -m '{message}'"),
    act(14, "git push origin {branch}"),
    act(10, "git checkout {branch}"),
    act(6, "git checkout -b {branch}"),
    act(8, "git fetch origin"),
    act(6, "git pull --rebase origin main"),
    act(4, "git stash"),
    act(4, "git stash pop"),
    act(6, "git show {sha} --stat"),
    act(4, "git blame {file}"),
    act(6, "git branch --show-current"),
    act(4, "git rev-parse --short HEAD"),
    act(34, "ls -la {dir}"),
    act(10, "ls"),
    act(36, "cat {file}"),
    act(30, "sed -n '{few},{many}p' {file}"),
    act(34, "grep -rn '{symbol}' {dir}"),
    act(24, "rg -n '{symbol}' {dir}"),
    act(14, "find . -name '{glob}' -type f"),
    act(12, "head -n {few} {file}"),
    act(8, "wc -l {file}"),
    act(6, "mkdir -p {dir}/{word}"),
    act(4, "rm -f /tmp/{word}.log"),
    act(10, "gh pr view {number}"),
    act(6, "gh pr list --state open"),
    act(8, "gh pr checks {number}"),
    act(6, "gh pr diff {number}"),
    act(6, "gh issue view {number}"),
    act(4, "gh pr create --title '{message}' --body '{message}'"),
    act(20, "cd {cwd} && git status --short && git diff --stat"),
    act(18, "git diff {file} | head -{few}"),
    act(16, "grep -rn '{symbol}' {dir} | wc -l"),
    act(10, "git add -A && git commit -m '{message}' && git push origin {branch}"),
    act(10, "cat {file} | grep -n '{symbol}' | head -{few}"),
    act(8, "for f in $(git diff --name-only); do wc -l \"$f\"; done"),
    act(8, "cat <<'EOF' > /tmp/{word}.md\n## {message}\n\n- {message}\nEOF"),
    act(6, "git log --format='%h %s' origin/main..HEAD | sort"),
    act(6, "gh run view {number} --log-failed 2>&1 | tail -{many}"),
    act(4, "python3 -c 'import json,sys; print(len(json.load(sys.stdin)))' < /tmp/{word}.json"),
];

/// What every agent does once in a while.
pub(super) const ONCE_IN_A_WHILE: &[Act] = &[
    act(6, "git revert {sha} --no-edit"),
    act(5, "git cherry-pick {sha}"),
    act(3, "git bisect start"),
    act(3, "git tag v1.{few}.{few}"),
    act(3, "git worktree add ../{word} {branch}"),
    act(2, "git reflog -{few}"),
    act(2, "gh release view v1.{few}.{few}"),
    act(2, "du -sh {dir}"),
    act(2, "ps aux"),
];

/// What agents do with secrets in hand; the secrets are made at run time.
pub(super) const CARELESS: &[Act] = &[
    act(3, "export GITHUB_TOKEN={github_token} && gh pr list"),
    act(3, "curl -s -H 'Authorization: Bearer {jwt}' https://api.internal.example/v1/items"),
    act(
        2,
        "psql postgres://app:{password}@db.internal.example:5432/app -c 'select count(*) from items'",
    ),
    act(1, "aws configure set aws_secret_access_key {aws_secret}"),
    act(1, "env AWS_ACCESS_KEY_ID={aws_key} aws sts get-caller-identity"),
];

const GITHUB: &[Call] = &[
    call(
        8,
        "github",
        "get_pull_request",
        r#"{"owner":"acme","repo":"{repository}","number":{number}}"#,
    ),
    call(6, "github", "list_issues", r#"{"owner":"acme","repo":"{repository}","state":"open"}"#),
    call(4, "github", "search_code", r#"{"query":"{symbol}"}"#),
    call(
        3,
        "github",
        "add_issue_comment",
        r#"{"owner":"acme","repo":"{repository}","number":{number},"body":"{message}"}"#,
    ),
    call(6, "filesystem", "read_file", r#"{"path":"{cwd}/{file}"}"#),
    call(3, "filesystem", "list_directory", r#"{"path":"{cwd}/{dir}"}"#),
    Call {
        weight: 3,
        server: "docs",
        tool: "search",
        arguments: r#"{"query":"{message}"}"#,
        endpoint: Some(("https://docs.example/mcp", 92)),
    },
    Call {
        weight: 1,
        server: "scraper",
        tool: "fetch",
        arguments: r#"{"url":"https://forum.example/t/{number}"}"#,
        endpoint: Some(("https://scraper.example/mcp", 31)),
    },
];

/// The roles, in the order in which hosts are dealt out to them.
pub(super) const ROLES: &[Work] = &[
    Work {
        role: "backend",
        repositories: &["payments-api", "ledger", "notifier"],
        routine: &[
            act(44, "go test ./..."),
            act(34, "go test ./{package}/... -run {test} -count=1"),
            act(20, "go build ./..."),
            act(12, "go vet ./..."),
            act(10, "gofmt -w {file}"),
            act(10, "golangci-lint run"),
            act(6, "go mod tidy"),
            act(5, "go list -m all"),
            act(10, "make test"),
            act(6, "make lint"),
            act(6, "docker compose up -d"),
            act(6, "docker compose logs --tail {many} {service}"),
            act(3, "docker compose down"),
            act(6, "curl -s http://localhost:8080/healthz"),
            act(26, "go test ./{package}/... 2>&1 | tail -{few}"),
            act(10, "go test ./... > /tmp/{word}.log 2>&1; tail -{few} /tmp/{word}.log"),
            act(6, "timeout 120 go test ./{package}/... -race"),
            act(5, "GOFLAGS=-mod=mod go build -o /tmp/{word} ./cmd/{service}"),
        ],
        rare: &[
            act(4, "go tool pprof -top /tmp/cpu.out"),
            act(3, "go get github.com/acme/{word}@v1.{few}.0"),
            act(3, "docker build -t {service}:{sha} ."),
            act(2, "docker system df"),
            act(2, "go generate ./..."),
        ],
        refused: &[
            (act(4, "git push origin main"), "git push origin main*"),
            (act(2, "sudo apt-get install -y jq"), "sudo *"),
            (act(1, "docker login registry.example -u ci"), "docker login*"),
        ],
        calls: GITHUB,
    },
    Work {
        role: "platform",
        repositories: &["infra-live", "cluster-config"],
        routine: &[
            act(40, "kubectl get pods -n {namespace}"),
            act(16, "kubectl get deployments -n {namespace} -o wide"),
            act(16, "kubectl describe pod {pod} -n {namespace}"),
            act(24, "kubectl logs {pod} -n {namespace} --tail={many}"),
            act(10, "kubectl rollout status deployment/{service} -n {namespace}"),
            act(8, "kubectl get events -n {namespace} --sort-by=.lastTimestamp"),
            act(6, "kubectl top pods -n {namespace}"),
            act(4, "kubectl config current-context"),
            act(20, "terraform plan -out=tfplan"),
            act(10, "terraform init -backend=false"),
            act(12, "terraform fmt -recursive"),
            act(12, "terraform validate"),
            act(6, "terraform show -json tfplan"),
            act(6, "terraform output -json"),
            act(10, "helm template {service} charts/{service}"),
            act(6, "helm list -n {namespace}"),
            act(6, "aws s3 ls s3://acme-{word}"),
            act(6, "aws sts get-caller-identity"),
            act(6, "aws logs tail /acme/{service} --since 1h"),
            act(4, "gh run list --limit {few}"),
            act(18, "kubectl get pods -n {namespace} -o json | jq '.items[].metadata.name'"),
            act(12, "kubectl logs {pod} -n {namespace} --tail={many} | grep -i error"),
            act(8, "terraform plan -no-color 2>&1 | tail -{many}"),
            act(6, "yq '.spec.replicas' deploy/{service}.yaml"),
        ],
        rare: &[
            act(4, "kubectl rollout restart deployment/{service} -n staging"),
            act(4, "kubectl apply -f deploy/{service}.yaml -n staging"),
            act(3, "kubectl port-forward svc/{service} 8080:80 -n staging"),
            act(2, "terraform state list"),
            act(2, "helm upgrade {service} charts/{service} -n staging"),
        ],
        refused: &[
            (act(4, "terraform apply tfplan"), "terraform apply*"),
            (act(3, "kubectl delete pod {pod} -n production"), "kubectl delete*"),
            (act(1, "helm uninstall {service} -n production"), "helm uninstall*"),
        ],
        calls: GITHUB,
    },
    Work {
        role: "web",
        repositories: &["storefront", "admin-console"],
        routine: &[
            act(24, "npm test"),
            act(22, "npm run build"),
            act(20, "npm run lint"),
            act(10, "npm run typecheck"),
            act(10, "npm ci"),
            act(14, "npx tsc --noEmit"),
            act(12, "npx eslint {file}"),
            act(12, "npx prettier --check {dir}"),
            act(10, "npx playwright test {dir}"),
            act(18, "npx vitest run {file}"),
            act(5, "npm ls {word}"),
            act(5, "node scripts/{word}.mjs"),
            act(6, "curl -s http://localhost:3000/{word}"),
            act(18, "npm test 2>&1 | tail -{few}"),
            act(10, "npm run build 2>&1 | grep -i warning"),
            act(6, "cat package.json | jq '.scripts'"),
        ],
        rare: &[
            act(4, "npm install {word}@^{few}.0.0"),
            act(3, "npm outdated"),
            act(2, "npm audit --production"),
            act(2, "npx depcheck"),
        ],
        refused: &[
            (act(4, "npm publish"), "npm publish*"),
            (act(2, "npm config set registry https://registry.example"), "npm config set*"),
        ],
        calls: GITHUB,
    },
];

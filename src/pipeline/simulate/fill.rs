//! Fills the words in braces of a text in.
use super::random::Random;

/// Where an agent works while it fills things in.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) repository: &'static str,
    pub(super) cwd: String,
    pub(super) branch: String,
    /// `go`, `tf` or `ts`.
    pub(super) ending: &'static str,
}

const DIRS: &[&str] =
    &["src", "internal", "pkg", "docs", "tests", "config", "scripts", "cmd", "lib", "deploy"];
const NAMES: &[&str] = &[
    "account", "balance", "cache", "client", "errors", "export", "filter", "handler", "index",
    "invoice", "limits", "metrics", "order", "parser", "queue", "refund", "report", "retry",
    "router", "schema", "server", "session", "store", "tax", "token", "user", "webhook", "worker",
];
const VERBS: &[&str] = &[
    "Add", "Fix", "Move", "Rename", "Remove", "Split", "Test", "Speed up", "Document", "Simplify",
];
const SERVICES: &[&str] = &["api", "worker", "gateway", "scheduler", "postgres", "redis"];
const NAMESPACES: &[&str] = &["staging", "production", "monitoring", "ingress"];

/// The text with every `{word}` filled in; unknown words stay.
pub(super) fn fill(text: &str, scene: &Scene, random: &mut Random) -> String {
    let mut res = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        res.push_str(before);
        let named = after
            .split_once('}')
            .and_then(|(name, rest)| Some((value(name, scene, random)?, rest)));
        if let Some((value, after)) = named {
            res.push_str(&value);
            rest = after;
        } else {
            res.push('{');
            rest = after;
        }
    }
    res.push_str(rest);
    res
}

fn value(name: &str, scene: &Scene, random: &mut Random) -> Option<String> {
    Some(match name {
        "repository" => scene.repository.to_owned(),
        "cwd" => scene.cwd.clone(),
        "branch" => scene.branch.clone(),
        "file" => file(scene, random),
        "dir" => dir(random),
        "package" => format!("internal/{}", random.pick(NAMES)),
        "glob" => format!("*{}*.{}", random.pick(NAMES), scene.ending),
        "word" => random.pick(NAMES).to_owned(),
        "service" => random.pick(SERVICES).to_owned(),
        "namespace" => random.pick(NAMESPACES).to_owned(),
        "pod" => format!("{}-{}-{}", random.pick(SERVICES), random.hex(9), random.hex(5)),
        "symbol" => format!("{}{}", title(random.pick(VERBS)), title(random.pick(NAMES))),
        "test" => format!("Test{}{}", title(random.pick(NAMES)), title(random.pick(NAMES))),
        "message" => {
            format!("{} the {} {}", random.pick(VERBS), random.pick(NAMES), random.pick(NAMES))
        }
        "sha" => random.hex(7),
        "few" => (1 + random.below(60)).to_string(),
        "many" => (60 + random.below(400)).to_string(),
        "number" => (100 + random.below(900)).to_string(),
        _ => return secret(name, random),
    })
}

/// Secrets are put together here, so that nothing in the sources looks like one.
fn secret(name: &str, random: &mut Random) -> Option<String> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    Some(match name {
        "github_token" => format!("{}{}", ["gh", "p_"].concat(), random.text(LETTERS, 36)),
        "aws_key" => format!("{}{}", ["AK", "IA"].concat(), random.text(UPPER, 16)),
        "aws_secret" => random.text(LETTERS, 40),
        "password" => random.text(LETTERS, 20),
        "jwt" => {
            let (head, body) = (["ey", "JhbGciOiJIUzI1NiJ9"].concat(), random.text(LETTERS, 60));
            format!("{head}.{}{body}.{}", ["ey", "J"].concat(), random.text(LETTERS, 43))
        }
        _ => return None,
    })
}

fn dir(random: &mut Random) -> String {
    let top = random.pick(DIRS);
    if random.per_mille(400) { top.to_owned() } else { format!("{top}/{}", random.pick(NAMES)) }
}

fn file(scene: &Scene, random: &mut Random) -> String {
    let (dir, name) = (dir(random), random.pick(NAMES));
    let ending =
        if random.per_mille(150) { random.pick(&["md", "yaml", "json"]) } else { scene.ending };
    format!("{dir}/{name}.{ending}")
}

/// First letters upper case, blanks out.
fn title(text: &str) -> String {
    let words = text.split(' ').filter_map(|word| {
        let (first, rest) = word.split_at_checked(1)?;
        Some(first.to_ascii_uppercase() + rest)
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_filled_in_and_other_braces_stay() {
        let scene =
            Scene { repository: "r", cwd: "/w/r".to_owned(), branch: "b".to_owned(), ending: "go" };
        let mut random = Random::new(7, &[]);
        let text = fill("cd {cwd} && echo '{\"a\":{b}}' {branch} {", &scene, &mut random);
        assert_eq!(text, "cd /w/r && echo '{\"a\":{b}}' b {");
        assert!(fill("{file}", &scene, &mut random).contains('/'));
        assert_eq!(fill("{github_token}", &scene, &mut random).len(), 40);
    }
}

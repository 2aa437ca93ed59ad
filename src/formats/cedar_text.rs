//! The part of Cedar's language that policies about command lines need.
use super::{
    Invalid,
    scan::{Tokens, plain},
};
use crate::policy::Target;

/// One policy.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) line: usize,
    pub(super) id: String,
    pub(super) is_permit: bool,
    /// What it is about; `None` for both.
    pub(super) action: Option<Target>,
    pub(super) when: Condition,
    /// Patterns of lines that it is not about.
    pub(super) unless: Vec<String>,
}

/// When a policy holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// For lines of one of these patterns.
    Lines(Vec<String>),
    /// For calls of endpoints trusted less than this.
    Trust(u8),
}

/// Reads every policy.
///
/// # Errors
/// The first that is not of this part of the language.
pub(super) fn read(text: &str) -> Result<Vec<Policy>, Vec<Invalid>> {
    let mut tokens = Tokens::new(text, "//").map_err(|problem| vec![problem])?;
    let mut res = Vec::new();
    while tokens.peek().is_some() {
        res.push(policy(&mut tokens).map_err(|problem| vec![problem])?);
    }
    Ok(res)
}

fn policy(tokens: &mut Tokens) -> Result<Policy, Invalid> {
    let mut id = String::new();
    while tokens.takes('@') {
        let name = tokens.word()?;
        tokens.need("(")?;
        let text = plain(&tokens.text()?);
        tokens.need(")")?;
        if name == "id" {
            id = text;
        }
    }
    let is_permit = match tokens.word()?.as_str() {
        "permit" => true,
        "forbid" => false,
        _ => return Err(tokens.bad("expected `permit` or `forbid`")),
    };
    let line = tokens.line();
    let action = scope(tokens)?;
    let mut res = Policy {
        line,
        id,
        is_permit,
        action,
        when: Condition::Lines(Vec::new()),
        unless: Vec::new(),
    };
    let mut has_when = false;
    loop {
        if tokens.takes(';') {
            break;
        }
        let clause = tokens.word()?;
        tokens.need("{")?;
        let found = condition(tokens)?;
        tokens.need("}")?;
        match (clause.as_str(), found) {
            ("when", found) if !has_when => {
                res.when = found;
                has_when = true;
            }
            ("unless", Condition::Lines(lines)) => res.unless.extend(lines),
            ("when", _) => return Err(tokens.bad("has a second `when`, write one")),
            _ => return Err(tokens.bad("expected `when`, or `unless` with lines")),
        }
    }
    if !has_when {
        res.when = Condition::Lines(vec!["*".to_owned()]);
    }
    Ok(res)
}

/// `(principal, action == Action::"execute", resource)`.
fn scope(tokens: &mut Tokens) -> Result<Option<Target>, Invalid> {
    tokens.need("(")?;
    let mut target = None;
    for (idx, name) in ["principal", "action", "resource"].into_iter().enumerate() {
        if idx > 0 {
            tokens.need(",")?;
        }
        if !tokens.takes_word(name) {
            return Err(tokens.bad(&format!("expected `{name}`")));
        }
        if name == "action" && tokens.takes('=') {
            tokens.need("=")?;
            if tokens.word()? != "Action" {
                return Err(tokens.bad("expected `Action::\"execute\"`"));
            }
            tokens.need("::")?;
            target = Some(match plain(&tokens.text()?).as_str() {
                "execute" => Target::Command,
                "call_tool" => Target::Mcp,
                _ => return Err(tokens.bad("knows the actions `execute` and `call_tool`")),
            });
        }
    }
    tokens.need(")")?;
    Ok(target)
}

/// Comparisons of the line, any of which may hold; or the one of trust.
fn condition(tokens: &mut Tokens) -> Result<Condition, Invalid> {
    let mut lines: Vec<String> = Vec::new();
    loop {
        if !tokens.takes_word("context") {
            return Err(tokens.bad("expected `context.line`: a role asks for nothing else"));
        }
        if tokens.takes_word("has") {
            return trust(tokens);
        }
        tokens.need(".")?;
        if !tokens.takes_word("line") {
            return Err(tokens.bad("expected `context.line`: a role asks for nothing else"));
        }
        if tokens.takes_word("like") {
            lines.push(like(&tokens.text()?));
        } else {
            tokens.need("==")?;
            lines.push(crate::policy::literal(&plain(&tokens.text()?)));
        }
        if !tokens.takes('|') {
            break;
        }
        tokens.need("|")?;
    }
    Ok(Condition::Lines(joined(&lines)))
}

/// `context has trust_score && context.trust_score < 40`, from behind `has`.
fn trust(tokens: &mut Tokens) -> Result<Condition, Invalid> {
    let bad = "expected `context has trust_score && context.trust_score < 40`";
    let is_named = |tokens: &mut Tokens| tokens.takes_word("trust_score");
    if !is_named(tokens) {
        return Err(tokens.bad(bad));
    }
    tokens.need("&&")?;
    if !tokens.takes_word("context") {
        return Err(tokens.bad(bad));
    }
    tokens.need(".")?;
    if !is_named(tokens) {
        return Err(tokens.bad(bad));
    }
    tokens.need("<")?;
    let threshold = tokens.word()?.parse::<u8>().ok().filter(|it| *it <= 100);
    threshold.map(Condition::Trust).ok_or_else(|| tokens.bad("is no trust of 0 to 100"))
}

/// A pattern of Cedar as one of ours: a final ` *` asks for its blank.
fn like(text: &[(char, bool)]) -> String {
    let mut res = String::new();
    for (ch, is_escaped) in text {
        match ch {
            '*' if *is_escaped => res.push_str("\\*"),
            '\\' => res.push_str("\\\\"),
            ch => res.push(*ch),
        }
    }
    if res.ends_with(" *") {
        res.push('*');
    }
    res
}

/// Patterns of one condition: `git status` and `git status **` are `git status *`.
fn joined(lines: &[String]) -> Vec<String> {
    let mut res = Vec::new();
    for line in lines {
        let short = line.strip_suffix(" **");
        let has_short = short.is_some_and(|it| lines.iter().any(|line| line == it));
        let is_short = lines.iter().any(|long| long.strip_suffix(" **") == Some(line));
        if has_short {
            res.push(line.trim_end_matches('*').to_owned() + "*");
        } else if !is_short {
            res.push(line.clone());
        }
    }
    res
}

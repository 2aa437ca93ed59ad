//! Conditions of Cedar, as far as policies about agents need them.
use super::{
    Invalid,
    scan::{Kind, Tokens, plain},
};
use crate::policy::literal;

/// Deepest nesting of a condition.
const MAX_DEPTH: usize = 32;

/// A condition; names are those of the context's attributes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    /// One of them holds.
    Or(Vec<Expr>),
    /// All of them hold.
    And(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// There is such an attribute.
    Has(String),
    /// It is like this pattern of ours.
    Like(String, String),
    /// It is one of these.
    In(String, Vec<String>),
    /// One of its members is one of these.
    Any(String, Vec<String>),
    /// It is less.
    Less(String, u8),
}

/// Reads a condition.
///
/// # Errors
/// Where it is not of this part of the language.
pub(super) fn read(tokens: &mut Tokens) -> Result<Expr, Invalid> {
    any(tokens, 0)
}

fn any(tokens: &mut Tokens, depth: usize) -> Result<Expr, Invalid> {
    let mut all = vec![each(tokens, depth)?];
    while tokens.takes('|') {
        tokens.need("|")?;
        all.push(each(tokens, depth)?);
    }
    Ok(joined(all, Expr::Or))
}

fn each(tokens: &mut Tokens, depth: usize) -> Result<Expr, Invalid> {
    let mut all = vec![one(tokens, depth)?];
    while tokens.takes('&') {
        tokens.need("&")?;
        all.push(one(tokens, depth)?);
    }
    Ok(joined(all, Expr::And))
}

fn joined(mut all: Vec<Expr>, join: fn(Vec<Expr>) -> Expr) -> Expr {
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            all.extend(last);
            join(all)
        }
    }
}

fn one(tokens: &mut Tokens, depth: usize) -> Result<Expr, Invalid> {
    if depth > MAX_DEPTH {
        return Err(tokens.bad("is nested too deeply"));
    }
    if tokens.takes('!') {
        return Ok(Expr::Not(Box::new(one(tokens, depth + 1)?)));
    }
    if tokens.takes('(') {
        let inner = any(tokens, depth + 1)?;
        tokens.need(")")?;
        return Ok(inner);
    }
    if tokens.takes('[') {
        let values = texts(tokens)?;
        tokens.need(".")?;
        if !tokens.takes_word("contains") {
            return Err(tokens.bad("expected `contains`"));
        }
        tokens.need("(")?;
        let name = attribute(tokens)?;
        tokens.need(")")?;
        return Ok(Expr::In(name, values));
    }
    if !tokens.takes_word("context") {
        return Err(tokens.bad("expected `context`: a role asks for nothing else"));
    }
    if tokens.takes_word("has") {
        return Ok(Expr::Has(tokens.word()?));
    }
    tokens.need(".")?;
    compared(tokens.word()?, tokens)
}

/// What is asked of an attribute, behind its name.
fn compared(name: String, tokens: &mut Tokens) -> Result<Expr, Invalid> {
    if tokens.takes_word("like") {
        return Ok(Expr::Like(name, like(&tokens.text()?)));
    }
    if tokens.takes('=') {
        tokens.need("=")?;
        return Ok(Expr::In(name, vec![plain(&tokens.text()?)]));
    }
    if tokens.takes('<') {
        let number = tokens.word()?.parse::<u8>().ok().filter(|it| *it <= 100);
        return number
            .map(|it| Expr::Less(name, it))
            .ok_or_else(|| tokens.bad("is no trust of 0 to 100"));
    }
    tokens.need(".")?;
    if !tokens.takes_word("containsAny") {
        return Err(tokens.bad("expected `like`, `==`, `<` or `.containsAny`"));
    }
    tokens.need("([")?;
    let values = texts(tokens)?;
    tokens.need(")")?;
    Ok(Expr::Any(name, values))
}

fn attribute(tokens: &mut Tokens) -> Result<String, Invalid> {
    if !tokens.takes_word("context") {
        return Err(tokens.bad("expected `context`: a role asks for nothing else"));
    }
    tokens.need(".")?;
    tokens.word()
}

/// Strings up to the bracket that closes them.
fn texts(tokens: &mut Tokens) -> Result<Vec<String>, Invalid> {
    let mut res = Vec::new();
    while let Some(Kind::Text(_)) = tokens.peek() {
        res.push(plain(&tokens.text()?));
        if !tokens.takes(',') {
            break;
        }
    }
    tokens.need("]")?;
    Ok(res)
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

impl Expr {
    /// What all has to hold.
    pub(super) fn factors(self) -> Vec<Self> {
        match self {
            Self::And(all) => all.into_iter().flat_map(Self::factors).collect(),
            other => vec![other],
        }
    }

    /// What of it one has to hold.
    pub(super) fn alternatives(self) -> Vec<Self> {
        match self {
            Self::Or(all) => all.into_iter().flat_map(Self::alternatives).collect(),
            other => vec![other],
        }
    }

    /// The patterns that an attribute may be like, where this asks for just that.
    pub(super) fn patterns(&self, attribute: &str) -> Option<Vec<String>> {
        let found: Option<Vec<Vec<String>>> = self
            .clone()
            .alternatives()
            .into_iter()
            .map(|it| match it {
                Self::Like(name, pattern) if name == attribute => Some(vec![pattern]),
                Self::In(name, values) if name == attribute => {
                    Some(values.iter().map(|it| literal(it)).collect())
                }
                _ => None,
            })
            .collect();
        found.map(|it| whole(&it.concat()))
    }
}

/// Patterns of one condition: `git status` and `git status **` are `git status *`.
fn whole(lines: &[String]) -> Vec<String> {
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

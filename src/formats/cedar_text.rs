//! The part of Cedar's language that policies about command lines need.
use super::{
    Invalid,
    cedar_expr::{self, Expr},
    cedar_when,
    scan::{Kind, Tokens, plain},
};
use crate::{
    policy::{Target, When},
    risk::RiskLevel,
};

/// One policy.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) line: usize,
    pub(super) id: String,
    /// How bad it is where it forbids, as its writer declares.
    pub(super) risk: Option<RiskLevel>,
    pub(super) is_permit: bool,
    /// What it is about; `None` for both.
    pub(super) action: Option<Target>,
    /// Patterns of lines, one of which the line is like.
    pub(super) lines: Vec<String>,
    /// What else has to hold.
    pub(super) when: When,
    /// It is about calls of endpoints trusted less than this.
    pub(super) below_trust: Option<u8>,
    /// Patterns of lines that it is not about, each with what else has to hold.
    pub(super) unless: Vec<(String, When)>,
}

/// The attributes that are no conditions.
const LINE: &str = "line";
const TRUST: &str = "trust_score";

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
    let (mut id, mut risk) = (String::new(), None);
    while tokens.takes('@') {
        let name = tokens.word()?;
        tokens.need("(")?;
        let text = plain(&tokens.text()?);
        tokens.need(")")?;
        match name.as_str() {
            "id" => id = text,
            "risk" => {
                let level = RiskLevel::parse(&text);
                let bad = || tokens.bad("expected `low`, `medium`, `high` or `critical`");
                risk = Some(level.ok_or_else(bad)?);
            }
            _ => (),
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
        risk,
        is_permit,
        action,
        lines: Vec::new(),
        when: When::new(),
        below_trust: None,
        unless: Vec::new(),
    };
    let mut factors = Vec::new();
    while !tokens.takes(';') {
        let clause = tokens.word()?;
        tokens.need("{")?;
        let found = cedar_expr::read(tokens)?.factors();
        tokens.need("}")?;
        match clause.as_str() {
            "when" => factors.extend(found),
            "unless" => {
                let (patterns, found) = of_lines(found);
                let when = cedar_when::read(found).map_err(|it| tokens.bad(&it))?;
                let patterns = patterns.unwrap_or_else(|| vec!["*".to_owned()]);
                res.unless.extend(patterns.into_iter().map(|it| (it, when.clone())));
            }
            _ => return Err(tokens.bad("expected `when` or `unless`")),
        }
    }
    let is_of_trust = |it: &Expr| match it {
        Expr::Has(name) | Expr::Less(name, _) => name == TRUST,
        _ => false,
    };
    let (trust, factors): (Vec<Expr>, Vec<Expr>) = factors.into_iter().partition(is_of_trust);
    match trust.as_slice() {
        [] => (),
        [Expr::Has(_), Expr::Less(_, threshold)] if factors.is_empty() => {
            res.below_trust = Some(*threshold);
        }
        _ => {
            let text = "expected `context has trust_score && context.trust_score < 40` alone";
            return Err(tokens.bad(text));
        }
    }
    let (lines, factors) = of_lines(factors);
    res.when = cedar_when::read(factors).map_err(|it| tokens.bad(&it))?;
    res.lines = lines.unwrap_or_else(|| vec!["*".to_owned()]);
    Ok(res)
}

/// The patterns of lines that factors ask for, and the other factors.
fn of_lines(mut factors: Vec<Expr>) -> (Option<Vec<String>>, Vec<Expr>) {
    let at = factors.iter().position(|it| it.patterns(LINE).is_some());
    let lines = at.and_then(|at| factors.remove(at).patterns(LINE));
    (lines, factors)
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
        let is_scoped = matches!(tokens.peek(), Some(Kind::Mark('=')));
        let is_typed = matches!(tokens.peek(), Some(Kind::Word(it)) if it == "is" || it == "in");
        if is_typed || is_scoped && name != "action" {
            // The token says where.
            let _ = tokens.next();
            let message =
                format!("narrows the {name}, which no role can: only `action ==` is read");
            return Err(tokens.bad(&message));
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

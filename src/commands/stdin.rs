//! What a command finds on its standard input, as far as the script tells.
use std::sync::Arc;

use brush_parser::ast::{IoFileRedirectKind, IoFileRedirectTarget, IoRedirect};

use super::{
    scope::Scope,
    vector::{Stdin, Vector},
    word::{self, Value},
};

/// The text of a heredoc or a here-string.
pub(super) fn here_text(redirect: &IoRedirect, scope: &Scope) -> Option<Value> {
    match redirect {
        IoRedirect::HereDocument(_, here) if here.requires_expansion => {
            Some(word::read_heredoc(&here.doc.value, scope))
        }
        IoRedirect::HereDocument(_, here) => {
            Some(Value { fields: vec![here.doc.value.clone()], ..Value::default() })
        }
        IoRedirect::HereString(_, text) => Some(word::read(&text.value, scope)),
        _ => None,
    }
}

/// What a command reads that has this text before it.
pub(super) fn stdin(value: &Value) -> Stdin {
    let text = Arc::from(value.text());
    if value.dynamic { Stdin::Template(text) } else { Stdin::Text(text) }
}

/// What a redirection puts on the standard input; `None` where it leaves it alone.
pub(super) fn redirected(redirect: &IoRedirect, scope: &Scope) -> Option<Stdin> {
    match redirect {
        IoRedirect::File(None | Some(0), IoFileRedirectKind::Read, target) => Some(match target {
            IoFileRedirectTarget::ProcessSubstitution(..) => Stdin::Computed,
            _ => Stdin::File,
        }),
        redirect => here_text(redirect, scope).map(|it| stdin(&it)),
    }
}

/// What a command writes, where the script tells: `echo`, `printf` of mere text, `cat`.
pub(super) fn said(vector: &Vector) -> Stdin {
    let Some((name, words)) = vector.argv.split_first() else { return Stdin::Computed };
    let text = match (name.as_str(), words) {
        ("echo", [flag, words @ ..]) if flag == "-n" => Some(words.join(" ")),
        ("echo", [flag, words @ ..]) if flag == "-e" => unescaped(&words.join(" ")),
        ("echo", [flag, ..]) if flag.starts_with('-') => None,
        ("echo", words) => Some(words.join(" ")),
        ("printf", [text]) if !text.contains('%') => unescaped(text),
        ("printf", [format, texts @ ..]) if matches!(format.as_str(), "%s" | "%s\\n") => {
            Some(texts.join("\n"))
        }
        ("cat", []) => return vector.stdin.clone(),
        ("cat", files) if files.iter().all(|it| !it.starts_with('-')) => return Stdin::File,
        _ => None,
    };
    match text {
        Some(text) if vector.unknown.is_empty() => Stdin::Text(text.into()),
        Some(text) => Stdin::Template(text.into()),
        None => Stdin::Computed,
    }
}

/// Text whose only escapes are newlines and tabs.
fn unescaped(text: &str) -> Option<String> {
    let text = text.replace("\\n", "\n").replace("\\t", "\t");
    (!text.contains('\\')).then_some(text)
}

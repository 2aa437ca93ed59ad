//! Questions to a database of SQLite, told from everything else that its shell does.
//!
//! # Source
//! The documentation of SQLite 3.50: its shell, its core, date, aggregate, window, JSON and math functions.

use crate::commands::lists;

/// Options that change how an answer is shown.
const FLAGS: &str = "ascii batch box column csv header html json line list markdown noheader quote readonly table tabs";

/// The same with a value.
const VALUED: &str = "newline nullvalue separator";

/// Commands of the shell that show something, or say how.
const SHOWS: &str = ".databases .headers .indexes .mode .schema .tables .width";

/// With what a question begins.
const ASKS: &str = "explain select values with";

/// Words of statements that do more, wherever they stand.
const DOES: &str =
    "alter analyze attach create delete detach drop insert into pragma reindex update vacuum";

/// Pragmas that tell something of what is behind them in brackets, or of the database.
const TELLS: &str =
    "database_list foreign_key_list index_info index_list table_info table_list table_xinfo";

/// Functions that give a value, and words that stand in front of brackets.
const FUNCTIONS: &str = "
    abs acos all and as asin atan atan2 avg between by case cast ceil ceiling changes char coalesce concat
    concat_ws cos count cume_dist date datetime degrees dense_rank distinct else except exists exp filter
    first_value floor format from glob group_concat having hex ifnull iif in instr intersect is join json
    json_array json_array_length json_each json_error_position json_extract json_group_array
    json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace
    json_set json_tree json_type json_valid jsonb julianday lag last_insert_rowid last_value lead length like
    likelihood ln log log10 log2 lower ltrim match materialized max min mod not nth_value ntile nullif
    octet_length on or order over partition percent_rank pi pow power printf quote radians random rank replace
    round row_number rtrim select sign sin soundex sqlite_version sqrt strftime string_agg substr substring
    sum tan then time timediff total total_changes trim trunc typeof unhex unicode union unixepoch unlikely
    upper using values when where window with
";

/// Whether a vector of `sqlite3` asks a database, and does nothing else; where a part of it is computed, no
/// question may hold a variable: its value may be the end of the question.
pub(super) fn looks(argv: &[String], is_computed: bool) -> bool {
    let mut words = argv.iter().skip(1).map(String::as_str);
    let mut operands = Vec::new();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix('-') else {
            operands.push(word);
            continue;
        };
        let option = option.strip_prefix('-').unwrap_or(option);
        if lists(VALUED, option) {
            words.next();
        } else if !lists(FLAGS, option) {
            return false;
        }
    }
    match operands.as_slice() {
        [_, questions @ ..] => {
            let is_whole = |it: &&str| !is_computed || !it.contains(['$', '`']);
            !questions.is_empty() && questions.iter().all(|it| is_whole(it) && asks(it))
        }
        [] => false,
    }
}

/// Whether a text for the shell is one command that shows, or questions.
fn asks(text: &str) -> bool {
    let text = text.trim();
    if text.starts_with('.') {
        let name = text.split_ascii_whitespace().next().unwrap_or(text);
        return lists(SHOWS, name) && !text.contains(['\n', '|']);
    }
    // In the middle of a text, too, a line that begins so is for the shell.
    let is_for_shell = |line: &str| line.trim_start().starts_with(['.', '#', '/']);
    if text.lines().skip(1).any(is_for_shell) {
        return false;
    }
    let Some(parts) = parts(text) else { return false };
    parts.split(|it| *it == Part::Sign(';')).filter(|it| !it.is_empty()).all(is_question)
}

fn is_question(statement: &[Part<'_>]) -> bool {
    let is_one_of = |part: &Part<'_>, list: &str| matches!(part, Part::Word(word) if lists(list, &word.to_ascii_lowercase()));
    if let [pragma, what, rest @ ..] = statement
        && is_one_of(pragma, "pragma")
    {
        return is_one_of(what, TELLS) && !rest.contains(&Part::Sign('='));
    }
    let is_other = |pair: &[Part<'_>]| match pair {
        [Part::Word(_), Part::Sign('(')] => {
            !pair.first().is_some_and(|it| is_one_of(it, FUNCTIONS))
        }
        // A quoted name may be that of a function.
        [Part::Text, Part::Sign('(')] => true,
        _ => false,
    };
    statement.first().is_some_and(|it| is_one_of(it, ASKS))
        && !statement.iter().any(|it| is_one_of(it, DOES))
        && !statement.windows(2).any(is_other)
}

/// A part of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    Word(&'a str),
    /// A text or a quoted name.
    Text,
    Sign(char),
}

/// The parts of a text; `None` where a quotation has no end, or comments stand in it.
fn parts(text: &str) -> Option<Vec<Part<'_>>> {
    if text.contains("--") || text.contains("/*") {
        return None;
    }
    let is_letter = |ch: char| ch.is_alphanumeric() || ch == '_' || ch == '$';
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(ch) = rest.chars().next() {
        rest = match ch {
            '\'' | '"' | '`' | '[' => {
                let inner = rest.get(1..)?;
                parts.push(Part::Text);
                inner.get(inner.find(if ch == '[' { ']' } else { ch })? + 1..)?
            }
            ch if is_letter(ch) => {
                let (word, behind) =
                    rest.split_at(rest.find(|ch| !is_letter(ch)).unwrap_or(rest.len()));
                parts.push(Part::Word(word));
                behind
            }
            ch => {
                if !ch.is_whitespace() {
                    parts.push(Part::Sign(ch));
                }
                rest.get(ch.len_utf8()..)?
            }
        };
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_told_from_everything_else() {
        for (words, is_question) in [
            (&["x.db", "select count(*) from y"][..], true),
            (
                &["-json", "x", "SELECT json_extract(v, '$.a') FROM t WHERE k = 'b;c' LIMIT 3;"],
                true,
            ),
            (
                &[
                    "-separator",
                    "|",
                    "file:x?mode=ro",
                    "with a as (select 1) select * from a; select 2",
                ],
                true,
            ),
            (&["x.db", ".tables"], true),
            (&["x.db", ".schema y", "select 1"], true),
            (&["x.db", "PRAGMA table_info(y)"], true),
            (&["x.db", "select \"a b\", [c d], replace(e, 'f', 'g') from h"], true),
            (&["x.db"], false),
            (&["-init", "f", "x.db", "select 1"], false),
            (&["-cmd", ".shell id", "x.db", "select 1"], false),
            (&["x.db", ".s id"], false),
            (&["x.db", ".once |id", "select 1"], false),
            (&["x.db", "select 1;\n.shell id"], false),
            (&["x.db", ".mode list\n.shell id"], false),
            (&["-A", "x"], false),
            (&["x.db", "delete from y"], false),
            (&["x.db", "select 1; drop table y"], false),
            (&["x.db", "with a as (select 1) delete from b"], false),
            (&["x.db", "replace into y values (1)"], false),
            (&["x.db", "vacuum into 'y'"], false),
            (&["x.db", "attach 'y' as y"], false),
            (&["x.db", "select edit(x) from y"], false),
            (&["x.db", "select readfile ('y')"], false),
            (&["x.db", "select \"load_extension\"(x)"], false),
            (&["x.db", "select writefile/**/('a', 'b')"], false),
            (&["x.db", "select 1 --\n.shell id"], false),
            (&["x.db", "pragma journal_mode=wal"], false),
            (&["x.db", "pragma writable_schema(1)"], false),
            (&["x.db", "select 'a"], false),
        ] {
            let argv: Vec<String> =
                std::iter::once(&"sqlite3").chain(words).map(|it| (*it).to_owned()).collect();
            assert_eq!(looks(&argv, false), is_question, "{words:?}");
        }
    }
}

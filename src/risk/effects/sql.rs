//! What SQL does, read off its text.
//!
//! A statement whose verb is known does what the verb says, whatever is computed behind it. One whose
//! verb is computed, or comes out of another program, is code nobody has seen: it is never guessed at.
use crate::risk::{
    Effect::{self, CodeInline, DbChange, DbDestroy, DbRead, FileRead, FileWrite, Unknown},
    Effects,
};

/// What SQL does that nobody has seen.
pub(super) const UNSEEN: Effects = Effects::of(&[CodeInline, Unknown]);

/// What a text of SQL statements does, those behind comments included and those in strings not.
pub(in crate::risk) fn sql_effects(text: &str) -> Effects {
    let read = lex(text, Backslash::Plain);
    // A backslash escapes a quote for some databases only: what either would run counts.
    let other = if text.contains("\\'") { lex(text, Backslash::Escapes) } else { Vec::new() };
    read.iter().chain(&other).flat_map(|it| it.effects().iter().collect::<Vec<_>>()).collect()
}

/// What a backslash means in a string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    Plain,
    Escapes,
}

/// One statement: its words outside strings, names in quotes and comments, in capitals.
#[derive(Debug, Default)]
struct Statement<'a> {
    words: Vec<String>,
    /// The text from its first sign on.
    text: &'a str,
    /// Whether an `=` is in it.
    assigns: bool,
    /// Texts in dollar quotes.
    bodies: Vec<&'a str>,
}

/// Most statements of one text that are read.
const MAX_STATEMENTS: usize = 2_000;

fn lex(text: &str, backslash: Backslash) -> Vec<Statement<'_>> {
    let mut statements: Vec<Statement<'_>> = Vec::new();
    let mut statement = Statement::default();
    let bytes = text.as_bytes();
    let mut at = 0;
    let after = |at: usize| text.get(at..).unwrap_or_default();
    let to =
        |at: usize, end: &str| after(at).find(end).map_or(text.len(), |it| at + it + end.len());
    while let Some(&byte) = bytes.get(at) {
        let is_first = statement.text.is_empty();
        let next = bytes.get(at + 1).copied();
        let begins_line =
            text.get(..at).is_some_and(|it| it.trim_end_matches([' ', '\t']).ends_with('\n'));
        match byte {
            b'-' if next == Some(b'-') => at = to(at, "\n"),
            b'#' if is_first => at = to(at, "\n"),
            // What MySQL runs though it looks like a comment.
            b'/' if next == Some(b'*') && bytes.get(at + 2) == Some(&b'!') => {
                at += 3;
                at += after(at).bytes().take_while(u8::is_ascii_digit).count();
            }
            b'/' if next == Some(b'*') => at = to(at + 2, "*/"),
            b'\\' | b'.' | b'@' | b'!' | b':' if is_first => {
                // A command to the client, which ends with its line.
                let end = to(at, "\n");
                let line = text.get(at..end).unwrap_or_default().trim_end();
                statements.push(Statement { text: line, ..Statement::default() });
                at = end;
            }
            b'\'' | b'"' | b'`' => {
                statement.begin(after(at));
                at = close(bytes, at, backslash);
            }
            b'$' => {
                statement.begin(after(at));
                let tag = dollar_tag(after(at));
                let body = tag.and_then(|tag| after(at + tag.len()).split_once(tag));
                if let (Some(tag), Some((body, _))) = (tag, body) {
                    statement.bodies.push(body);
                    at += body.len() + 2 * tag.len();
                } else {
                    at += 1;
                }
            }
            b';' => {
                at += 1;
                statements.push(std::mem::take(&mut statement));
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                let is_word = |it: &u8| it.is_ascii_alphanumeric() || *it == b'_';
                let len = after(at).bytes().take_while(is_word).count();
                let word = text.get(at..at + len).unwrap_or_default().to_uppercase();
                if begins_line && statement.ends_before(&word) {
                    statements.push(std::mem::take(&mut statement));
                }
                statement.begin(after(at));
                statement.words.push(word);
                at += len;
            }
            byte => {
                if !byte.is_ascii_whitespace() && !matches!(byte, b'(' | b'*' | b'/') {
                    statement.begin(after(at));
                }
                statement.assigns |= byte == b'=';
                at += 1;
            }
        }
        if statements.len() > MAX_STATEMENTS {
            // Nobody has read the rest.
            statements.push(Statement { text: "$", ..Statement::default() });
            return statements;
        }
    }
    statements.push(statement);
    statements
}

/// Where the text behind a closing quote begins; a doubled one closes and opens again.
fn close(bytes: &[u8], open: usize, backslash: Backslash) -> usize {
    let quote = bytes.get(open).copied();
    let mut at = open + 1;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if Some(byte) == quote {
            return at;
        }
        if byte == b'\\' && backslash == Backslash::Escapes {
            at += 1;
        }
    }
    bytes.len()
}

/// `$$` or `$tag$` at the head of a text.
fn dollar_tag(text: &str) -> Option<&str> {
    let end = text.get(1..)?.find('$')? + 2;
    let name = text.get(1..end - 1)?;
    let is_name = name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
        && !name.starts_with(|it: char| it.is_ascii_digit());
    is_name.then(|| text.get(..end)).flatten()
}

/// Verbs that read.
const READS: &[&str] = &[
    "DESC",
    "DESCRIBE",
    "FETCH",
    "FROM",
    "HELP",
    "LIST",
    "MOVE",
    "PRINT",
    "SHOW",
    "STATUS",
    "SUMMARIZE",
    "TABLE",
    "VALUES",
];

/// Verbs that touch the session only; statements may follow them without a sign between.
const SESSION: &[&str] = &[
    "ABORT",
    "BEGIN",
    "CLOSE",
    "COMMIT",
    "DECLARE",
    "DELIMITER",
    "DISCARD",
    "END",
    "EXIT",
    "GO",
    "LISTEN",
    "QUIT",
    "RELEASE",
    "RESET",
    "ROLLBACK",
    "SAVEPOINT",
    "START",
    "UNLISTEN",
    "USE",
];

/// Verbs that change data or schema.
const CHANGES: &[&str] = &[
    "ALTER",
    "ANALYZE",
    "APPLY",
    "ATTACH",
    "BACKUP",
    "CACHE",
    "CALL",
    "CHECKPOINT",
    "CLUSTER",
    "COMMENT",
    "CREATE",
    "DETACH",
    "EXEC",
    "EXECUTE",
    "FLUSH",
    "GRANT",
    "IMPORT",
    "INSERT",
    "INSTALL",
    "KILL",
    "LOAD",
    "LOCK",
    "MERGE",
    "MSCK",
    "NOTIFY",
    "OPTIMIZE",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "RENAME",
    "REPAIR",
    "REPLACE",
    "RESTORE",
    "REVOKE",
    "SECURITY",
    "UNLOCK",
    "UPDATE",
    "UPSERT",
    "VACUUM",
];

/// Verbs that delete data or schema.
const DESTROYS: &[&str] = &["DELETE", "DROP", "PURGE", "TRUNCATE"];

/// Functions that do more than give a value.
const FUNCTIONS: &[(&str, Effect)] = &[
    ("DBLINK_EXEC", DbChange),
    // `\gexec` runs what the statement in front of it gives.
    ("GEXEC", Unknown),
    ("LOAD_EXTENSION", CodeInline),
    ("LOAD_FILE", FileRead),
    ("LO_IMPORT", DbChange),
    ("LO_UNLINK", DbDestroy),
    ("PG_CANCEL_BACKEND", DbChange),
    ("PG_READ_FILE", FileRead),
    ("PG_TERMINATE_BACKEND", DbChange),
    ("SETVAL", DbChange),
    ("SYS_EVAL", CodeInline),
    ("SYS_EXEC", CodeInline),
    ("WRITEFILE", FileWrite),
    ("XP_CMDSHELL", CodeInline),
];

/// Commands to the client itself that do more than show something.
const COMMANDS: &[(&str, Effect)] = &[
    ("\\.", DbChange),
    ("\\i", DbChange),
    ("\\include", DbChange),
    ("\\ir", DbChange),
    ("\\o", FileWrite),
    ("\\out", FileWrite),
    ("\\w", FileWrite),
    ("\\write", FileWrite),
    (".backup", FileWrite),
    (".clone", FileWrite),
    (".excel", FileWrite),
    (".import", DbChange),
    (".load", CodeInline),
    (".once", FileWrite),
    (".output", FileWrite),
    (".read", DbChange),
    (".restore", DbChange),
    (".save", FileWrite),
    (".shell", CodeInline),
    (".system", CodeInline),
    (":r", DbChange),
];

/// How commands to a client begin that run a program or a file.
const RUNS: &[(&str, Effect)] =
    &[("\\!", CodeInline), ("!", CodeInline), (":!!", CodeInline), ("@", DbChange)];

impl<'a> Statement<'a> {
    fn begin(&mut self, text: &'a str) {
        if self.text.is_empty() {
            self.text = text;
        }
    }

    /// Whether a word at the beginning of a line is the verb of a statement of its own: not all
    /// databases need a sign between them.
    fn ends_before(&self, word: &str) -> bool {
        const WHOLE: &[&str] = &["", "CREATE", "EXPLAIN", "GRANT", "MERGE", "REVOKE"];
        let is_clause = self
            .words
            .last()
            .is_some_and(|it| matches!(it.as_str(), "DO" | "FOR" | "ON" | "OR" | "THEN"));
        let is_verb = DESTROYS.contains(&word)
            || matches!(word, "ALTER" | "CREATE" | "EXEC" | "INSERT" | "MERGE" | "UPDATE");
        is_verb && !is_clause && !WHOLE.contains(&self.word(0))
    }

    fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|it| it == word)
    }

    fn effects(&self) -> Effects {
        if self.text.is_empty() {
            return Effects::NONE;
        }
        if self.text.starts_with(['\\', '.', '@', '!', ':']) {
            return command_effects(self.text);
        }
        let called = FUNCTIONS.iter().filter(|(name, _)| self.has(name)).map(|it| it.1);
        called.fold(self.of_verb(), Effects::with)
    }

    fn of_verb(&self) -> Effects {
        // A verb that is computed stands as it was written, and none is in quotes.
        if !self.text.starts_with(|ch: char| ch.is_ascii_alphabetic()) {
            return UNSEEN;
        }
        Effects::of(match self.word(0) {
            "SELECT" if self.has("OUTFILE") || self.has("DUMPFILE") => &[DbRead, FileWrite],
            "SELECT" if self.has("INTO") => &[DbRead, DbChange],
            "SELECT" => &[DbRead],
            "EXPLAIN" if !self.has("ANALYZE") => &[DbRead],
            "EXPLAIN" | "WITH" | "PREPARE" | "IF" | "WHILE" => return self.strongest(),
            verb if SESSION.contains(&verb) => return self.strongest(),
            "DO" => {
                let bodies = self.bodies.iter().flat_map(|it| lex(it, Backslash::Plain));
                return bodies.fold(Effects::of(&[DbChange]), |res, it| res.union(it.strongest()));
            }
            "ALTER" if self.drops_data() => &[DbDestroy],
            "COPY" => return self.copy(),
            "PRAGMA" if self.assigns => &[DbChange],
            "SET" if ["GLOBAL", "PERSIST", "PASSWORD"].contains(&self.word(1)) => &[DbChange],
            "PRAGMA" | "SET" => &[DbRead],
            // What a procedure does stands elsewhere.
            "CALL" | "EXEC" | "EXECUTE" => &[DbChange, Unknown],
            "SOURCE" => &[DbChange],
            "SYSTEM" | "HOST" => &[CodeInline],
            verb if READS.contains(&verb) => &[DbRead],
            verb if CHANGES.contains(&verb) => &[DbChange],
            verb if DESTROYS.contains(&verb) => &[DbDestroy],
            _ => return UNSEEN,
        })
    }

    /// What the verbs anywhere in it do.
    fn strongest(&self) -> Effects {
        let mut before = "";
        let mut res = Effects::of(&[DbRead]);
        for word in &self.words {
            let is_clause = matches!(before, "FOR" | "ON" | "DO" | "OR");
            res = match word.as_str() {
                "EXECUTE" => res.union(UNSEEN),
                verb if DESTROYS.contains(&verb) && before != "ON" => res.with(DbDestroy),
                // `CALL`, `LOAD` and the like may well be names.
                verb @ ("INSERT" | "UPDATE" | "MERGE" | "CREATE" | "ALTER" | "GRANT")
                    if CHANGES.contains(&verb) && (!is_clause || before == "DO") =>
                {
                    res.with(DbChange)
                }
                _ => res,
            };
            before = word;
        }
        res
    }

    /// `ALTER TABLE t DROP COLUMN c`, not `ALTER COLUMN c DROP DEFAULT`.
    fn drops_data(&self) -> bool {
        const HARMLESS: &[&str] = &[
            "CHECK",
            "CONSTRAINT",
            "DEFAULT",
            "EXPRESSION",
            "FOREIGN",
            "IDENTITY",
            "INDEX",
            "KEY",
            "NOT",
            "PRIMARY",
        ];
        let mut pairs = self.words.windows(2);
        pairs.any(
            |it| matches!(it, [verb, what] if verb == "DROP" && !HARMLESS.contains(&what.as_str())),
        )
    }

    /// `COPY t FROM f` changes, `COPY t TO f` writes a file, a `PROGRAM` runs.
    fn copy(&self) -> Effects {
        let way = self.words.iter().rposition(|it| it == "TO" || it == "FROM");
        let other = way.map_or("", |at| self.word(at + 1));
        let res = Effects::of(match way.map(|at| self.word(at)) {
            Some("TO") if other == "STDOUT" => &[DbRead],
            Some("TO") => &[DbRead, FileWrite],
            _ => &[DbChange],
        });
        if other == "PROGRAM" { res.with(CodeInline) } else { res }
    }
}

/// What a command to the client does: `\dt`, `.tables`, `@script`.
fn command_effects(line: &str) -> Effects {
    if let Some(copy) = line.strip_prefix('\\').filter(|it| it.starts_with("copy")) {
        return lex(copy, Backslash::Plain)
            .iter()
            .fold(Effects::NONE, |res, it| res.union(it.effects()));
    }
    let name = line.split_ascii_whitespace().next().unwrap_or_default();
    let runs = RUNS.iter().find(|(begin, _)| line.starts_with(begin));
    let known = runs.or_else(|| COMMANDS.iter().find(|(command, _)| *command == name));
    known.map_or(Effects::of(&[DbRead]), |it| Effects::of(&[it.1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_do_what_their_verbs_say() {
        for (sql, effects) in [
            ("select 1", "db.read"),
            ("SELECT 'x; DROP TABLE y' AS \"delete\"", "db.read"),
            ("-- DROP TABLE x\nselect 1; /* DELETE */", "db.read"),
            ("# all of it\nDROP TABLE x", "db.destroy"),
            ("/*!50000 DROP TABLE x */", "db.destroy"),
            ("BEGIN; INSERT INTO t VALUES (1); COMMIT;", "db.read, db.change"),
            ("SELECT * FROM t FOR UPDATE", "db.read"),
            ("SELECT a INTO b FROM t", "db.read, db.change"),
            ("SELECT 1 INTO OUTFILE '/tmp/x'", "file.write, db.read"),
            ("SHOW CREATE TABLE x", "db.read"),
            ("EXPLAIN DELETE FROM t", "db.read"),
            ("EXPLAIN ANALYZE DELETE FROM t", "db.read, db.destroy"),
            ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", "db.read, db.destroy"),
            ("INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 1", "db.change"),
            ("CREATE TABLE t (a int REFERENCES b ON DELETE CASCADE)", "db.change"),
            ("CREATE FUNCTION f() RETURNS int AS $$ DELETE FROM t $$ LANGUAGE sql", "db.change"),
            ("DO $x$ BEGIN DROP TABLE t; END $x$", "db.read, db.change, db.destroy"),
            ("ALTER TABLE t DROP COLUMN c", "db.destroy"),
            ("ALTER TABLE t ALTER c DROP NOT NULL", "db.change"),
            ("GRANT SELECT, DELETE ON t TO u", "db.change"),
            ("COPY t TO STDOUT", "db.read"),
            ("COPY t FROM PROGRAM 'id'", "db.change, code.inline"),
            ("\\copy t to 'f'", "file.write, db.read"),
            ("\\dt\n\\watch 1", "db.read"),
            ("\\! rm -rf /", "code.inline"),
            (".shell id", "code.inline"),
            (".read a.sql", "db.change"),
            ("PRAGMA table_info(t)", "db.read"),
            ("PRAGMA journal_mode = WAL", "db.change"),
            ("SELECT 1\nDROP TABLE t\nGO", "db.read, db.destroy"),
            ("select 'it\\'; DROP TABLE x; --'", "db.read, db.destroy"),
            ("EXEC sp_who", "db.change, unknown"),
            ("SELECT xp_cmdshell('id')", "db.read, code.inline"),
            ("SELECT 'drop ' || t FROM x \\gexec", "db.read, unknown"),
            ("DROP TABLE $T", "db.destroy"),
            ("$SQL", "code.inline, unknown"),
            ("`cat x`", "code.inline, unknown"),
            ("  ", "none"),
        ] {
            assert_eq!(sql_effects(sql).to_string(), effects, "{sql}");
        }
    }
}

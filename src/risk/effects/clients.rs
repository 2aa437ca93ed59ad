//! Clients of databases, and where each takes its SQL from: options, operands, files, its input.
use std::{collections::BTreeMap, sync::LazyLock};

use super::sql::{UNSEEN, sql_effects};
use crate::{
    commands::{Command, Stdin},
    risk::{
        Effect::{DbChange, DbRead, Unknown},
        Effects,
    },
};

/// A client, and where SQL stands in its command line; without any, it is read from standard input.
#[derive(Debug)]
struct Client {
    /// Base names, without version suffix.
    names: &'static [&'static str],
    /// Words of its subcommand path, blank-separated.
    path: &'static str,
    /// Options whose value is SQL.
    sql: &'static [&'static str],
    /// Options whose value is a file of SQL.
    files: &'static [&'static str],
    /// Letters of the short options that take another value, joined or as the next word.
    valued: &'static str,
    /// The operand behind the path with which SQL begins.
    operand: Option<usize>,
    /// Command lines that drop or delete something.
    hits: &'static [&'static str],
    /// Command lines that only read.
    #[cfg_attr(not(test), expect(dead_code, reason = "the table's test reads it"))]
    misses: &'static [&'static str],
}

const CLIENT: Client = Client {
    names: &[],
    path: "",
    sql: &[],
    files: &[],
    valued: "",
    operand: None,
    hits: &[],
    misses: &[],
};

/// The clients.
///
/// # Source
/// The manuals of the tools.
const CLIENTS: &[Client] = &[
    Client {
        names: &["psql", "pgcli", "usql", "vsql", "gsql"],
        sql: &["-c", "--command"],
        files: &["-f", "--file"],
        valued: "dFhLopPRTUv",
        hits: &["psql -Atc 'drop table x'", "psql <<EOF\n-- all\nDELETE FROM x\nEOF"],
        misses: &["psql -U drop -c 'select 1'", "psql -c \"select 'DROP TABLE x'\""],
        ..CLIENT
    },
    Client {
        names: &["mysql", "mariadb", "mycli"],
        sql: &["-e", "--execute"],
        valued: "DhpPSu",
        hits: &["mysql -uroot -psecret d -e 'DROP DATABASE d'", "echo 'truncate t' | mysql d"],
        misses: &["mysql -Ne 'show tables' d", "mysql -udelete d <<< 'desc t'"],
        ..CLIENT
    },
    Client {
        names: &["sqlite3", "sqlite", "litecli"],
        sql: &["-cmd"],
        operand: Some(1),
        hits: &["sqlite3 x.db 'delete from t'", "sqlite3 -csv x.db <<< 'DROP TABLE t'"],
        misses: &["sqlite3 -header x.db .tables", "sqlite3 drop.db 'SELECT * FROM t'"],
        ..CLIENT
    },
    Client {
        names: &["duckdb"],
        sql: &["-c", "-s", "-cmd"],
        files: &["-f", "-init"],
        operand: Some(1),
        hits: &["duckdb x.db 'drop view v'", "duckdb x.db -c 'DELETE FROM t'"],
        misses: &["duckdb -c \"select * from 'a.parquet'\"", "duckdb drop.db .tables"],
        ..CLIENT
    },
    Client {
        names: &["sqlcmd", "mssql-cli"],
        sql: &["-Q", "-q", "--query"],
        files: &["-i", "--input-file"],
        valued: "SUPdHvmhstwyYoabcEfjklruxz",
        hits: &["sqlcmd -S h -Q 'DROP TABLE x'", "sqlcmd -Q 'DELETE FROM x' -d d"],
        misses: &["sqlcmd -S drop -Q 'SELECT 1'", "sqlcmd -d d -Q 'select name from sys.tables'"],
        ..CLIENT
    },
    Client {
        names: &["clickhouse-client", "clickhouse"],
        sql: &["-q", "--query"],
        files: &["--queries-file"],
        valued: "huCd",
        hits: &["clickhouse-client -q 'DROP TABLE x'", "clickhouse client --query='TRUNCATE t'"],
        misses: &["clickhouse-client -q 'SHOW TABLES'", "clickhouse-client --query 'SELECT 1'"],
        ..CLIENT
    },
    Client {
        names: &["cockroach", "beeline", "hive", "spark-sql", "cqlsh"],
        sql: &["-e", "--execute"],
        files: &["-f", "--file", "-i"],
        valued: "udnpkdhv",
        hits: &["cockroach sql -e 'DROP TABLE x'", "cqlsh -e 'TRUNCATE k.t'"],
        misses: &["cockroach sql -e 'SHOW TABLES'", "hive -e 'select 1'"],
        ..CLIENT
    },
    Client {
        names: &["trino", "presto"],
        sql: &["--execute"],
        files: &["--file", "-f"],
        hits: &["trino --execute 'DROP TABLE x'", "presto --execute 'DELETE FROM x'"],
        misses: &["trino --execute 'SHOW SCHEMAS'", "trino --server drop --execute 'SELECT 1'"],
        ..CLIENT
    },
    Client {
        names: &["snowsql", "impala-shell", "vertica"],
        sql: &["-q", "--query"],
        files: &["-f", "--filename", "--query_file"],
        valued: "audsrwiko",
        hits: &["snowsql -q 'DROP TABLE x'", "impala-shell -q 'TRUNCATE TABLE x'"],
        misses: &["snowsql -q 'SHOW TABLES'", "impala-shell -i h -q 'select 1'"],
        ..CLIENT
    },
    Client {
        names: &["snow"],
        path: "sql",
        sql: &["-q", "--query"],
        files: &["-f", "--filename"],
        hits: &["snow sql -q 'DROP TABLE x'"],
        misses: &["snow sql -q 'SHOW TABLES'"],
        ..CLIENT
    },
    Client {
        names: &["sqlplus", "isql", "tsql"],
        hits: &["sqlplus u@d <<EOF\ndrop table x;\nEOF"],
        misses: &["sqlplus u@d <<EOF\nselect 1 from dual;\nEOF", "echo 'help' | sqlplus u@d"],
        ..CLIENT
    },
    Client {
        names: &["bq"],
        path: "query",
        operand: Some(0),
        hits: &["bq query --use_legacy_sql=false 'DROP TABLE d.t'"],
        misses: &["bq query --format pretty 'SELECT 1'", "bq ls d"],
        ..CLIENT
    },
    Client {
        names: &["turso"],
        path: "db shell",
        operand: Some(1),
        hits: &["turso db shell d 'drop table t'"],
        misses: &["turso db shell d 'select 1'", "turso db show d"],
        ..CLIENT
    },
    Client {
        names: &["wrangler"],
        path: "d1 execute",
        sql: &["--command"],
        files: &["--file"],
        hits: &["wrangler d1 execute d --command 'DROP TABLE t'"],
        misses: &["wrangler d1 execute d --command 'SELECT 1'"],
        ..CLIENT
    },
    Client {
        names: &["heroku"],
        path: "pg:psql",
        sql: &["-c", "--command"],
        files: &["-f", "--file"],
        valued: "a",
        hits: &["heroku pg:psql -a app -c 'DROP TABLE x'"],
        misses: &["heroku pg:psql -a app -c 'select 1'", "heroku pg:info -a app"],
        ..CLIENT
    },
    Client {
        names: &["aws"],
        path: "rds-data execute-statement",
        sql: &["--sql"],
        hits: &["aws rds-data execute-statement --sql 'DELETE FROM t'"],
        misses: &["aws rds-data execute-statement --sql 'select 1'", "aws rds-data help"],
        ..CLIENT
    },
    Client {
        names: &["aws"],
        path: "athena start-query-execution",
        sql: &["--query-string"],
        hits: &["aws athena start-query-execution --query-string 'DROP TABLE t'"],
        misses: &["aws athena start-query-execution --query-string 'SELECT 1'"],
        ..CLIENT
    },
    Client {
        names: &["gcloud"],
        path: "spanner databases execute-sql",
        sql: &["--sql"],
        hits: &["gcloud spanner databases execute-sql d --sql='DELETE FROM t WHERE true'"],
        misses: &["gcloud spanner databases execute-sql d --sql='SELECT 1'"],
        ..CLIENT
    },
];

/// The clients by each of their names.
static BY_NAME: LazyLock<BTreeMap<&str, Vec<&Client>>> = LazyLock::new(|| {
    let mut res: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for client in CLIENTS {
        for name in client.names {
            res.entry(*name).or_default().push(client);
        }
    }
    res
});

/// Command lines that drop or delete something, from the table.
pub(super) fn destroying_examples() -> impl Iterator<Item = &'static str> {
    let lines = CLIENTS.iter().flat_map(|it| it.hits.iter().copied());
    // A line is one command.
    lines.filter(|it| !it.contains(['\n', '|', '<']))
}

/// What a command does to a database by its SQL; nothing where it is no client.
pub(super) fn client_effects(command: &Command, bare: &str, path: &[&str]) -> Effects {
    let named = BY_NAME.get(command.name()).or_else(|| BY_NAME.get(bare));
    let mut named = named.into_iter().flatten();
    let fitting =
        named.find_map(|it| Some((it, path.get(it.depth()..).filter(|_| it.is_at(path))?)));
    let Some((client, operands)) = fitting else { return Effects::NONE };
    let given = client.given(command, operands);
    let mut res = Effects::of(&[DbRead]);
    for text in &given.texts {
        res = res.union(sql_effects(text));
    }
    if given.n_files > 0 {
        res = res.with(DbChange);
    }
    if given.texts.is_empty() && given.n_files == 0 {
        res = res.union(match &command.stdin {
            Stdin::Inherited => Effects::NONE,
            Stdin::Text(text) | Stdin::Template(text) => sql_effects(text),
            // A file like any other: it is there to be looked at.
            Stdin::File => Effects::of(&[DbChange]),
            Stdin::Computed => UNSEEN,
        });
    }
    res
}

/// The SQL of a command line.
#[derive(Debug, Default)]
struct Given<'a> {
    texts: Vec<&'a str>,
    n_files: usize,
}

impl Client {
    fn depth(&self) -> usize {
        self.path.split_ascii_whitespace().count()
    }

    fn is_at(&self, path: &[&str]) -> bool {
        let mut words = path.iter();
        self.path.split_ascii_whitespace().all(|word| words.next() == Some(&word))
    }

    fn given<'a>(&self, command: &'a Command, operands: &[&'a str]) -> Given<'a> {
        let mut given = Given::default();
        let mut words = command.argv.iter().skip(1).map(String::as_str);
        // Words that are values, which only look like operands.
        let mut values: Vec<&str> = Vec::new();
        while let Some(word) = words.next() {
            let Some((name, joined)) = self.option(word) else { continue };
            let Some(value) = joined.or_else(|| words.next()) else { break };
            values.extend(joined.is_none().then_some(value));
            if self.sql.contains(&name) {
                given.texts.push(value);
            } else if self.files.contains(&name) && value != "-" {
                given.n_files += 1;
            }
        }
        if let Some(first) = self.operand {
            let operands = operands.iter().filter(|it| !values.contains(it)).skip(first);
            given.texts.extend(operands.filter(|it| is_sql(it)));
        }
        given
    }

    /// The name of the option that a word gives and takes a value, and the value where it is joined.
    fn option<'a>(&self, word: &'a str) -> Option<(&'a str, Option<&'a str>)> {
        let is_known = |name: &str| self.sql.contains(&name) || self.files.contains(&name);
        if is_known(word) {
            return Some((word, None));
        }
        if let Some((name, value)) = word.split_once('=').filter(|(name, _)| is_known(name)) {
            return Some((name, Some(value)));
        }
        let letters = word.strip_prefix('-').filter(|it| !it.starts_with('-'))?;
        // Tools whose long options have one dash have no clusters.
        if self.valued.is_empty() {
            return None;
        }
        for (at, letter) in letters.char_indices() {
            let rest = letters.get(at + letter.len_utf8()..).filter(|it| !it.is_empty());
            let names = self.sql.iter().chain(self.files);
            let name = names.copied().find(|it| it.strip_prefix('-') == letters.get(at..=at));
            if let Some(name) = name {
                return Some((name, rest));
            }
            if self.valued.contains(letter) {
                // `-p` of mysql asks where nothing is joined to it.
                let is_next = rest.is_none() && letter != 'p';
                return is_next.then_some(("", None));
            }
        }
        None
    }
}

/// Whether an operand is SQL rather than the value of an option nobody knows.
fn is_sql(operand: &str) -> bool {
    operand.contains([' ', '\n', ';', '$', '`']) || !sql_effects(operand).contains(Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        commands::{grammar, read},
        risk::{Effect::DbDestroy, effects},
    };

    /// The effects of all commands of a script.
    fn of(script: &str) -> Effects {
        let argv = ["bash", "-c", script].map(str::to_owned);
        let commands = read(&argv).commands;
        let each = commands.iter().map(|it| effects(it, &grammar::subcommand(&it.argv)));
        each.fold(Effects::NONE, Effects::union)
    }

    #[test]
    fn every_client_is_read_by_its_hits_and_misses() {
        for client in CLIENTS {
            assert!(!client.hits.is_empty() && !client.misses.is_empty(), "{client:?}");
            for line in client.hits {
                let name = line.split(' ').find(|it| client.names.contains(it));
                assert!(name.is_some(), "`{line}` is of another client");
                assert!(of(line).contains(DbDestroy), "hit `{line}`: {}", of(line));
            }
            for line in client.misses {
                let found = of(line);
                let wrong = [DbChange, DbDestroy, Unknown].map(|it| found.contains(it));
                assert_eq!(wrong, [false; 3], "miss `{line}`: {found}");
            }
        }
    }

    #[test]
    fn sql_is_found_wherever_a_client_takes_it_from() {
        for (script, effects) in [
            ("psql d", "db.read"),
            ("psql <<EOF\nDROP TABLE x\nEOF", "db.read, db.destroy"),
            ("psql <<EOF\nDROP TABLE $X\nEOF", "db.read, db.destroy"),
            ("psql <<< \"$SQL\"", "db.read, code.inline, unknown"),
            ("psql -c \"$SQL\"", "db.read, code.inline, unknown"),
            ("SQL='drop table x'; psql -c \"$SQL\"", "db.read, db.destroy"),
            ("psql -f x.sql", "db.read, db.change"),
            ("psql < x.sql", "file.read, db.read, db.change"),
            ("cat x.sql | psql", "file.read, db.read, db.change"),
            ("curl -s https://h/x | psql", "network.in, db.read, code.inline, unknown"),
            (
                "echo 'DROP TABLE x' | sudo -u postgres psql -d d",
                "file.read, privilege, db.read, db.destroy",
            ),
            ("printf 'select 1;\\n' | sqlite3 x.db", "file.read, db.read"),
            (
                "cat <<'EOF' | mysql -u root d\nUPDATE t SET a = 1;\nEOF",
                "file.read, db.read, db.change",
            ),
            ("{ cd x; psql; } <<EOF\nDROP TABLE x\nEOF", "file.read, db.read, db.destroy"),
            ("bash -c 'psql d' <<EOF\nDROP TABLE x\nEOF", "db.read, db.destroy"),
            ("f() { psql d; }; echo 'DROP TABLE x' | f y", "file.read, db.read, db.destroy"),
        ] {
            assert_eq!(of(script).to_string(), effects, "{script}");
        }
        for script in [
            "ssh h 'psql d' <<EOF\nDROP TABLE x\nEOF",
            "ssh h <<'EOF'\npsql -c 'DROP TABLE x'\nEOF",
            "docker exec -i c psql -U u <<EOF\nDROP TABLE x\nEOF",
            "kubectl exec -i p -- mysql -e 'DROP TABLE x'",
            "su - postgres <<EOF\npsql -c 'DROP TABLE x'\nEOF",
        ] {
            assert!(of(script).contains(DbDestroy), "{script}: {}", of(script));
        }
    }
}

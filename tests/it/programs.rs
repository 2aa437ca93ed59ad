//! What is read of programs of JavaScript, Perl and Ruby, held against their interpreters: what does no more
//! than compute leaves nothing, however it is written.
use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use policy_advisor::commands::read;
use proptest::prelude::*;

use crate::filters::end_soon;

/// An interpreter, with programs that compute, and programs that leave a file `left`.
struct Language {
    argv: &'static [&'static str],
    computing: &'static [&'static str],
    leaving: &'static [&'static str],
}

const NODE: Language = Language {
    argv: &["node", "-e"],
    computing: &[
        "const fs = require('fs'); const d = JSON.parse(fs.readFileSync('in', 'utf8')); console.log(Object.keys(d).length)",
        "for (const k in process.versions) console.log(k, process.versions[k])",
        "const d = { a: 1, b: [2] }; Object.keys(d).forEach(k => console.log(`${k}: ${d[k]}`))",
        "let s = ''; process.stdin.on('data', c => s += c); process.stdin.on('end', () => console.log(s.length))",
        "const f = (a, b) => a + b; console.log([3, 1].sort((a, b) => a - b).map(String).reduce(f, ''))",
        "(async () => { const x = await Promise.resolve([1]); console.log(x[x.length - 1], x[0], x['a']) })()",
        "try { JSON.parse('x', (k, v) => v) } catch (e) { console.error(e.message) }",
        "const { join, sep } = { join: 1, sep: 'x' }; console.log('a'.replace(/[a']/g, 'b') / 2, join, sep)",
        "function g(cb) { return cb('x') } console.log(g(x => x + 1), new Map([[1, 2]]).size)",
    ],
    leaving: &[
        "require('fs').writeFileSync('left', '')",
        "process.getBuiltinModule('fs').writeFileSync('left', '')",
        "child_process.execSync(': > left')",
        "[].constructor.constructor(`process.getBuiltinModule('fs').writeFileSync('left', '')`)()",
        "k = 'constr' + 'uctor'; console.log([][k][k](`process.getBuiltinModule('fs').writeFileSync('left', '')`)())",
        "k = 'constr' + 'uctor'; F = [][k][k]; F(`process.getBuiltinModule('fs').writeFileSync('left', '')`)()",
        "eval(`fs.writeFileSync('left', '')`)",
        "const { ['constr' + 'uctor']: { ['constr' + 'uctor']: F } } = []; F(`process.getBuiltinModule('fs').writeFileSync('left', '')`)()",
        "P = []['__pro' + 'to__']; P.join = [].map['constr' + 'uctor']; G = ['x'].join(`process.getBuiltinModule('fs').writeFileSync('left', '')`); G()",
        "new Function(`process.getBuiltinModule('fs').writeFileSync('left', '')`)()",
        "const o = { map: Object.getOwnPropertyDescriptor }, p = { map: Object.getPrototypeOf }; const A = o.map(p.map([]), 'constr' + 'uctor').value; const q = { map: o.map(p.map(A), 'constr' + 'uctor').value }; q.map(`process.getBuiltinModule('fs').writeFileSync('left', '')`)()",
        "let P; const String = x => { P = x }; k = 'constr' + 'uctor'; String([][k]); String(P[k]); P(`process.getBuiltinModule('fs').writeFileSync('left', '')`)()",
        "this.process.getBuiltinModule('fs').writeFileSync('left', '')",
        "vm.runInThisContext(`process.getBuiltinModule('fs').writeFileSync('left', '')`)",
        "Reflect.get([].map, 'constr' + 'uctor')(`process.getBuiltinModule('fs').writeFileSync('left', '')`)()",
    ],
};

const PERL: Language = Language {
    argv: &["perl", "-ne"],
    computing: &[
        "s/a(b)/$1c/g; print if /x|y$/i",
        "s|a/b|\\$x \\@y|; tr/a-z/A-Z/; print",
        "print \"$1\\n\" if /(a)/ && $. >= 1",
        "next if /x/; s{a}{b}gi if 1..5; print unless !/b/",
    ],
    leaving: &[
        "system(': > left')",
        "`: > left`",
        "open F, '>left'",
        "s/a/system(': > left')/e",
        "s/a/@{[system(': > left')]}/",
        "s/a/${\\ system(': > left')}/",
        "s/(?{system(': > left')})a/b/",
        "s/@{[system(': > left')]}//",
        "s/(a)/$1[system(': > left')]/",
        "print \"@{[system(': > left')]}\"",
        "BEGIN { system(': > left') }",
    ],
};

const RUBY: Language = Language {
    argv: &["ruby", "-rjson", "-e"],
    computing: &[
        "d = JSON.parse(File.read('in')); puts d.keys.inspect",
        "a, b = 1, 2; puts a - b, a / b if a < b && !b.nil?",
        "%w[a b].each_with_index { |x, i| puts \"#{i} #{x}\" }",
        "begin; JSON.parse('x'); rescue JSON::ParserError => e; puts \"bad: #{e.message}\"; end",
        "puts [1, 2].map(&:to_s).sum { |x| x.to_i }; x = [3]; puts x[0], x != 2",
        "h = { a: 1, :b => 2 }; h.each { |k, v| puts k.to_s =~ /a'b/ ? v : 2 }",
    ],
    leaving: &[
        "File.write('left', '')",
        "system(': > left')",
        "system ': > left'",
        "`: > left`",
        "puts \"#{`: > left`}\"",
        "eval(\"File.write('left', '')\")",
        "[1].each { |system| }; system *[': > left']",
        "IO.popen(': > left').read",
        "IO.read('|: > left')",
        "Kernel.system(': > left')",
        "1.send(:system, ': > left')",
        "[': > left'].each(&method(:system))",
        "['File.write(\"left\", \"\")'].each { |x| binding.eval(x) }",
        "method(:system).call(': > left')",
        "[self, ': > left'].inject(:system)",
        "Object.const_get(:File).write('left', '')",
        "f = File; f.write('left', '')",
        "open('left', 'w')",
        "$stdout.reopen('left', 'w')",
        "%x(: > left)",
    ],
};

/// A folder to run in.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("in"), "{\"a\": \"b\",\n\"x\": 1}\n").unwrap();
    dir
}

impl Language {
    fn argv(&self, program: &str) -> Vec<String> {
        let mut argv: Vec<String> = self.argv.iter().map(|&it| it.to_owned()).collect();
        argv.push(program.to_owned());
        if self.argv.contains(&"-ne") {
            argv.push("in".to_owned());
        }
        argv
    }

    /// Runs a program; what it leaves.
    fn run(&self, program: &str) -> BTreeSet<String> {
        let dir = folder();
        let argv = self.argv(program);
        let mut child = Command::new(&argv[0])
            .args(&argv[1..])
            .current_dir(dir.path())
            .env("HOME", dir.path())
            .env_remove("NODE_OPTIONS")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        end_soon(&mut child, Duration::from_secs(2));
        left(dir.path())
    }

    /// The files that it may leave, where all that it does is read; `None` where it is not.
    fn read(&self, program: &str) -> Option<BTreeSet<String>> {
        let reading = read(&self.argv(program));
        let mut written = BTreeSet::new();
        for command in &reading.commands {
            match command.argv[0].as_str() {
                "cat" => (),
                "tee" => written.extend(command.argv.last().cloned()),
                _ if command.is_filter => (),
                _ => return None,
            }
        }
        reading.unresolved.is_empty().then_some(written)
    }

    /// All words and signs of the programs.
    fn words(&self) -> Vec<&'static str> {
        self.computing.iter().chain(self.leaving).flat_map(|it| cut(it)).collect()
    }
}

fn left(dir: &Path) -> BTreeSet<String> {
    let names = std::fs::read_dir(dir).unwrap().map(|it| it.unwrap().file_name());
    names.map(|it| it.to_string_lossy().into_owned()).filter(|it| it != "in").collect()
}

/// A program as words, blanks and signs; a string is left whole half of the time by those that put it together.
fn cut(program: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = program;
    while let Some(first) = rest.chars().next() {
        let is_part = |ch: char| ch.is_ascii_alphanumeric() || "_$".contains(ch);
        let len = match first {
            '\'' | '`' => rest.get(1..).and_then(|it| it.find(first)).map_or(1, |it| it + 2),
            ch if is_part(ch) => rest.find(|ch| !is_part(ch)).unwrap_or(rest.len()),
            ch => ch.len_utf8(),
        };
        let (word, behind) = rest.split_at(len);
        words.push(word);
        rest = behind;
    }
    words
}

/// A program of the language, changed in a few places; `picks` choose which, and how.
fn changed(language: &Language, picks: &[(usize, usize, usize)]) -> String {
    let all: Vec<&str> = language.computing.iter().chain(language.leaving).copied().collect();
    let pool = language.words();
    let Some(((first, ..), rest)) = picks.split_first() else { return String::new() };
    let mut words = cut(all[first % all.len()]);
    for (how, at, which) in rest {
        let at = at % words.len().max(1);
        match how % 5 {
            0 => words[at] = pool[which % pool.len()],
            1 => words.insert(at, pool[which % pool.len()]),
            2 if words.len() > 1 => _ = words.remove(at),
            3 => {
                let other = cut(all[which % all.len()]);
                let from = which / all.len() % other.len();
                let to = other.len().min(from + 1 + how / 5 % 12);
                words.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                words.insert(at, "; ");
                let other = cut(all[which % all.len()]);
                words.splice(at + 1..=at, other);
            }
        }
    }
    words.concat()
}

fn picks() -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
    prop::collection::vec((any::<usize>(), any::<usize>(), any::<usize>()), 2..7)
}

/// So many cases, or what `ADVISOR_TEST_PROGRAMS` says.
fn cases(usual: u32) -> u32 {
    std::env::var("ADVISOR_TEST_PROGRAMS").ok().and_then(|it| it.parse().ok()).unwrap_or(usual)
}

fn check(language: &Language, picks: &[(usize, usize, usize)]) -> Result<(), TestCaseError> {
    let program = changed(language, picks);
    if let Some(may_leave) = language.read(&program) {
        let left = language.run(&program);
        prop_assert!(left.is_subset(&may_leave), "{program}\nleaves {left:?}");
    }
    Ok(())
}

#[test]
fn programs_that_leave_something_are_told_from_those_that_compute() {
    for language in [NODE, PERL, RUBY] {
        for program in language.computing {
            assert_eq!(language.read(program), Some(BTreeSet::new()), "{program}");
            assert!(language.run(program).is_empty(), "{program}");
        }
        let mut n_left = 0;
        for program in language.leaving {
            assert!(language.read(program).is_none_or(|it| it.contains("left")), "{program}");
            n_left += language.run(program).len();
        }
        // Some of these are of versions that are not here.
        assert!(n_left * 3 > language.leaving.len() * 2, "{n_left}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(3_000)))]

    #[test]
    fn javascript_that_computes_leaves_nothing(picks in picks()) {
        check(&NODE, &picks)?;
    }

    #[test]
    fn perl_that_looks_and_replaces_leaves_nothing(picks in picks()) {
        check(&PERL, &picks)?;
    }

    #[test]
    fn ruby_that_computes_leaves_nothing(picks in picks()) {
        check(&RUBY, &picks)?;
    }
}

//! Builds, tests and linters whose every word is known: what they may be asked for, and their options.
use super::files::is_workpiece;
use crate::commands::{base_name, lists};

/// What some tools may be asked for; lists are separated by blanks.
#[derive(Debug)]
struct Tool {
    names: &'static str,
    /// What they are asked to do, of which each operand has to be one; the first alone where they take files.
    asked: &'static str,
    /// Whether other operands are files.
    takes_files: bool,
    /// Options without a value, or with one of their own behind `=`, where the name ends so.
    flags: &'static str,
    /// Options whose value is a name or a number: the next word, or behind `=`.
    valued: &'static str,
}

/// The tools.
///
/// # Source
/// Their manuals, of 2025: gradle 9, mvn 3.9, dotnet 9, swift 6, rspec 3, rubocop 1, rake 13, rails 8, phpunit 12,
/// phpstan 2, artisan of Laravel 12, mix 1.18, ctest and cmake 4, deno 2, node 24, playwright 1, next 15,
/// prisma 6, turbo 2, nx 21, biome 2, vite 7, vitest 3, svelte-check 4, astro 5, stylelint 16, oxlint 1,
/// rustfmt 1.8, tox 4, nox, Python 3.13, Django 5.
const TOOLS: &[Tool] = &[
    Tool {
        names: "gradle gradlew",
        asked: "assemble assembleDebug build check classes clean compileJava compileKotlin compileTestJava \
                compileTestKotlin dependencies detekt help jar ktlintCheck ktlintFormat lint lintDebug projects \
                spotlessApply spotlessCheck tasks test testClasses testDebugUnitTest",
        takes_files: false,
        flags: "--console= --continue --dry-run --info --no-daemon --offline --parallel --quiet --rerun-tasks \
                --stacktrace --warning-mode= -i -q -s",
        valued: "--tests -x",
    },
    Tool {
        names: "mvn mvnw",
        asked: "clean compile dependency:tree package test test-compile validate verify",
        takes_files: false,
        flags: "--batch-mode --fail-at-end --no-transfer-progress --offline --quiet -B -DfailIfNoTests= -DskipITs \
                -DskipTests -DskipTests= -Dit.test= -Dmaven.test.skip= -Dsurefire.failIfNoSpecifiedTests= -Dtest= -am \
                -amd -e -fae -ff -ntp -o -q",
        valued: "-T -pl",
    },
    Tool {
        names: "dotnet",
        asked: "build format test",
        takes_files: true,
        flags: "--no-build --no-restore --nologo --verify-no-changes",
        valued: "--configuration --filter --framework --verbosity -c -f -v",
    },
    Tool {
        names: "swift",
        asked: "build test",
        takes_files: false,
        flags: "--parallel --quiet --verbose -v",
        valued: "--configuration --filter --product --skip --target -c",
    },
    Tool {
        names: "rspec",
        asked: "",
        takes_files: true,
        flags: "--backtrace --color --fail-fast --no-color --only-failures -b",
        valued: "--example --seed --tag -e -t",
    },
    Tool {
        names: "rubocop",
        asked: "",
        takes_files: true,
        flags: "--autocorrect --autocorrect-all --display-cop-names --force-exclusion --lint --parallel -A -D -a -l",
        valued: "--except --only",
    },
    Tool {
        names: "rake",
        asked: "lint rubocop spec test",
        takes_files: false,
        flags: "",
        valued: "",
    },
    Tool {
        names: "rails",
        asked: "test",
        takes_files: true,
        flags: "--fail-fast --verbose -b -f -v",
        valued: "--name --seed -n",
    },
    Tool {
        names: "phpunit",
        asked: "",
        takes_files: true,
        flags: "--colors --colors= --no-coverage --stop-on-error --stop-on-failure --testdox",
        valued: "--exclude-group --filter --group --testsuite",
    },
    Tool {
        names: "phpstan",
        asked: "analyse analyze",
        takes_files: true,
        flags: "--no-progress",
        valued: "--level --memory-limit -l",
    },
    Tool {
        names: "artisan",
        asked: "test",
        takes_files: true,
        flags: "--compact --parallel --stop-on-failure",
        valued: "--filter --group --testsuite",
    },
    Tool {
        names: "mix",
        asked: "compile credo dialyzer format test",
        takes_files: true,
        flags: "--check-formatted --cover --failed --force --stale --strict --trace --warnings-as-errors",
        valued: "--exclude --only --seed",
    },
    Tool {
        names: "cmake",
        asked: "",
        takes_files: true,
        flags: "--build --fresh --parallel -DBUILD_TESTING= -DCMAKE_BUILD_TYPE= -DCMAKE_EXPORT_COMPILE_COMMANDS= -j",
        valued: "--config --parallel --preset -B -G -S -j",
    },
    Tool {
        names: "ctest",
        asked: "",
        takes_files: false,
        flags: "--output-on-failure --verbose -N -V -VV",
        valued: "--parallel --preset --test-dir --timeout -C -E -L -R -j",
    },
    Tool {
        names: "deno",
        asked: "check fmt lint test",
        takes_files: true,
        flags: "--all --check --doc --fail-fast --fix --no-check --parallel --quiet -q",
        valued: "--filter",
    },
    Tool {
        names: "node",
        asked: "--check --test",
        takes_files: true,
        flags: "--experimental-strip-types --no-warnings --test-only",
        valued: "--test-concurrency --test-name-pattern",
    },
    Tool {
        names: "playwright",
        asked: "test",
        takes_files: true,
        flags: "--forbid-only --headed --last-failed --list --pass-with-no-tests --quiet -x",
        valued: "--grep --grep-invert --max-failures --project --repeat-each --retries --shard --timeout --workers \
                 -g -j",
    },
    Tool {
        names: "next",
        asked: "build info lint typegen",
        takes_files: true,
        flags: "--fix --no-lint --quiet --strict --turbo --turbopack",
        valued: "",
    },
    Tool {
        names: "prisma",
        asked: "format generate validate",
        takes_files: false,
        flags: "--check --no-hints",
        valued: "",
    },
    Tool {
        names: "turbo",
        asked: "build check check-types format lint run test type-check typecheck",
        takes_files: false,
        flags: "--affected --continue --force --no-daemon --output-logs=",
        valued: "--concurrency --filter -F",
    },
    Tool {
        names: "nx",
        asked: "build format:check lint test typecheck",
        takes_files: true,
        flags: "--skip-nx-cache --skipNxCache --verbose",
        valued: "--configuration -c",
    },
    Tool {
        names: "biome",
        asked: "check ci format lint",
        takes_files: true,
        flags: "--apply --changed --fix --no-errors-on-unmatched --staged --unsafe --verbose --write",
        valued: "--max-diagnostics",
    },
    Tool { names: "vite", asked: "build", takes_files: false, flags: "", valued: "--mode -m" },
    Tool {
        names: "vitest",
        asked: "",
        takes_files: true,
        flags: "--bail= --coverage --no-color --passWithNoTests --run --silent -u",
        valued: "--testNamePattern --testTimeout -t",
    },
    Tool {
        names: "svelte-check svelte-kit",
        asked: "",
        takes_files: false,
        flags: "--fail-on-warnings",
        valued: "--output --threshold",
    },
    Tool { names: "astro", asked: "build check sync", takes_files: false, flags: "", valued: "" },
    Tool {
        names: "stylelint oxlint",
        asked: "",
        takes_files: true,
        flags: "--allow-empty-input --deny-warnings --fix --quiet",
        valued: "--max-warnings",
    },
    Tool {
        names: "rustfmt",
        asked: "",
        takes_files: true,
        flags: "--check --quiet --verbose -q -v",
        valued: "--edition",
    },
    Tool { names: "tox", asked: "", takes_files: false, flags: "-q -r -v -vv", valued: "-e -f" },
    Tool {
        names: "nox",
        asked: "",
        takes_files: false,
        flags: "-l -r -R -v",
        valued: "-e -k -s -t",
    },
    Tool { names: "unittest", asked: "", takes_files: true, flags: "-b -c -f -q -v", valued: "-k" },
    Tool { names: "py_compile", asked: "", takes_files: true, flags: "-q", valued: "" },
    Tool {
        names: "manage.py",
        asked: "check showmigrations test",
        takes_files: true,
        flags: "--failfast --keepdb --no-input --noinput --parallel --parallel=",
        valued: "--exclude-tag --tag --verbosity -k -v",
    },
];

/// Names of the tools.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().flat_map(|it| it.names.split_ascii_whitespace())
}

/// Whether a vector is one of these builds, tests and linters, on files of the work.
pub(super) fn is_known(argv: &[String], cwd: Option<&str>) -> bool {
    let Some((program, words)) = argv.split_first() else { return false };
    let tool = TOOLS.iter().find(|it| lists(it.names, base_name(program)));
    tool.is_some_and(|tool| tool.takes(words, cwd))
}

impl Tool {
    fn takes(&self, words: &[String], cwd: Option<&str>) -> bool {
        let mut is_asked = self.asked.is_empty();
        let mut words = words.iter().map(String::as_str).peekable();
        while let Some(word) = words.next() {
            let is_option = word.starts_with('-');
            // `node --test` asks by an option.
            let does = !word.contains('=') && lists(self.asked, word.trim_start_matches(':'));
            let is_task = || !self.takes_files && lists(self.asked, last_part(word));
            if does || (!is_option && is_task()) {
                is_asked = true;
            } else if is_option {
                if !self.has_option(word) {
                    return false;
                }
                let is_value = |it: &&str| !it.starts_with('-');
                if lists(self.valued, word) && words.next_if(is_value).is_none() {
                    return false;
                }
            } else if !self.takes_files || !is_asked || !is_workpiece(word, cwd) {
                return false;
            }
        }
        is_asked
    }

    fn has_option(&self, word: &str) -> bool {
        match word.split_once('=') {
            Some((name, _)) => lists(self.flags, &format!("{name}=")) || lists(self.valued, name),
            None => lists(self.flags, word) || lists(self.valued, word),
        }
    }
}

/// The last part of the name of a task: `:app:test`.
fn last_part(word: &str) -> &str {
    word.rsplit(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::split;

    #[test]
    fn every_word_is_known() {
        for line in [
            "gradlew :app:test --tests 'a.B.*' --info",
            "gradlew clean build -x lint",
            "mvn -q -Dtest=FooTest test",
            "mvn -pl core -am verify",
            "dotnet test src/a.csproj --filter X -c Release",
            "swift test --filter a",
            "rspec spec/a_spec.rb:12 -e x",
            "rubocop -A app",
            "rake test",
            "rails test test/a_test.rb",
            "mix test test/a.exs --trace",
            "cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Debug",
            "cmake --build build -j 4",
            "ctest --test-dir build --output-on-failure",
            "deno check a.ts",
            "node --check a.js",
            "node --test",
            "node --test test/a.test.js",
            "playwright test e2e/a.spec.ts --project=chromium -g 'a b'",
            "next build",
            "prisma generate",
            "biome check --write src",
            "vite build --mode staging",
            "tox -e py311",
            "unittest tests.test_a.TestB -v",
            "vitest --run src/a.test.ts -t 'a b'",
            "manage.py test app --parallel=4",
        ] {
            assert!(is_known(&split(line).unwrap(), Some("/home/ana/p")), "{line}");
        }
        for line in [
            "gradlew deploy",
            "gradlew test publish",
            "gradlew -I /tmp/x test",
            "gradlew --init-script=x test",
            "gradlew -Dorg.gradle.jvmargs=x test",
            "gradlew",
            "mvn deploy",
            "mvn exec:java",
            "mvn -Dmaven.ext.class.path=x test",
            "mvn -s x test",
            "dotnet run",
            "dotnet test -p:X=y",
            "dotnet test --settings x",
            "dotnet fsi",
            "rspec -r ./x",
            "rspec --require=./x",
            "rubocop --require x",
            "rake deploy",
            "rake -f x test",
            "rails runner x",
            "mix run x",
            "cmake -P x",
            "cmake -E rm -rf x",
            "cmake --build build --target install",
            "cmake --build build -- install",
            "cmake --install build",
            "cmake -DCMAKE_CXX_COMPILER=x -B build",
            "ctest -S x",
            "deno run a.ts",
            "deno test --allow-all",
            "deno test -A",
            "node a.js",
            "node --test -r ./x a.js",
            "node --test --import=./x",
            "node --test ../x.js",
            "node --check -e x",
            "playwright test --config=x",
            "playwright install",
            "next start",
            "prisma migrate deploy",
            "prisma db push",
            "vite",
            "vite build --config x",
            "vitest --config=x",
            "nox -f x",
            "manage.py test --settings=x",
            "manage.py shell",
            "unittest .env",
        ] {
            assert!(!is_known(&split(line).unwrap(), Some("/home/ana/p")), "{line}");
        }
    }

    #[test]
    fn every_tool_is_here_once() {
        let mut all: Vec<&str> = names().collect();
        let n_all = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), n_all);
    }
}

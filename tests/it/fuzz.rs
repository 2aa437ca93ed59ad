//! Whatever comes in, it is read: a short run of the generator that `benches/fuzz.rs` runs for hours.
use policy_advisor::{
    commands::{self, grammar::Learned, split},
    events::{redact, redact_argv, visible},
    risk, shapes,
};

use crate::mutate::Mutator;

/// Good scripts, from which bad ones are made.
const SEEDS: &[&str] = &[
    "cd services/api && npm run lint && npm test -- --watch=false 2>&1 | tail -40",
    "git add -A && git commit -m \"$(cat <<'EOF'\nFix the parser\n\nIt was wrong.\nEOF\n)\"",
    "for f in a b c; do sed -n 1,200p internal/$f.go > /tmp/$f; done",
    "find . -name '*.rs' -exec grep -l 'fn main' {} \\; | xargs -I{} sh -c 'wc -l {}'",
    "X=$(git rev-parse HEAD); if [ -n \"$X\" ]; then echo ${X:-none}; else exit 1; fi",
    "curl -s -H \"Authorization: Bearer $TOKEN\" https://api.x.io/v1 | jq '.a[0]'",
    "sudo -u bob env -i A=b timeout -k 5 60 bash -c 'ls -la \"$1\"' _ /etc",
    "ssh -p 22 h 'docker exec -it c psql -c \"DROP TABLE x\"'",
    "f() { rm -rf \"$1\"; }; f build; while read -r l; do echo \"$l\"; done < list.txt",
    "python3 - <<'EOF'\nimport os\nprint(os.environ)\nEOF",
];

#[test]
fn any_input_is_read_and_its_laws_hold() {
    let corpus: Vec<String> = SEEDS.iter().map(|&it| it.to_owned()).collect();
    let mut mutator = Mutator::new(7, corpus);
    let learned = Learned::default();
    for _ in 0..200 {
        let mut argv = mutator.argv();
        // What is long is for the long run: this one is not optimized.
        if argv.iter().map(String::len).sum::<usize>() > 4_000 {
            continue;
        }
        if argv.first().is_none_or(String::is_empty) {
            argv.insert(0, "x".to_owned());
        }
        let (argv, _) = redact_argv(argv);
        assert_eq!(redact_argv(argv.clone()).1, 0, "redacted twice: {argv:?}");
        for command in commands::read(&argv).commands {
            let shape = shapes::shape(&command.argv, Some("/home/u/p"), &learned);
            assert!(shape.matches(&command.argv), "{} of {:?}", shape.text, command.argv);
            let again = shapes::shape(&split(&shape.text).unwrap(), Some("/home/u/p"), &learned);
            assert_eq!(again, shape, "the shape of a shape, of {:?}", command.argv);
            let _ = risk::effects(&command, &shape.subcommand);
        }
        let shown = visible(&argv.join(" ")).into_owned();
        assert_eq!(visible(&shown), shown);
        let _ = redact(&shown);
    }
}

//! Whatever comes in, it is read: a short run of the generator that `benches/fuzz.rs` runs for hours.
use policy_advisor::{
    commands::{self, grammar::Learned, split},
    events::{redact, redact_argv, visible},
    risk, shapes,
};

use crate::mutate::{Mutator, corpus, slow_once};

/// What broke a law once, found by the generator.
const BROKEN: &[&[&str]] = &[
    // Colons without a number were a port.
    &["a", "::::"],
    // Several words became one placeholder, which was then read as the value of an unknown option.
    &[
        "bash",
        "-lc",
        "git ---C /Users/alex/work{a,b}sp[[ace/cli/.wo\"$(\"$(\"$(ser user\u{c2811}1 statusa)\")\")\",b}space/cli/.woser user\u{c2811}1 status",
    ],
];

#[test]
fn any_input_is_read_and_its_laws_hold() {
    let mut mutator = Mutator::new(7, corpus());
    let broken = BROKEN.iter().map(|it| it.iter().map(|&it| it.to_owned()).collect());
    let inputs: Vec<Vec<String>> =
        broken.chain(slow_once()).chain((0..200).map(|_| mutator.argv())).collect();
    let learned = Learned::default();
    for mut argv in inputs {
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

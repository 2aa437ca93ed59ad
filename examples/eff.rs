use policy_advisor::{commands::*, risk::*};
fn main() {
    for l in std::env::args().skip(1) {
        let argv = split(&l).unwrap();
        for c in read(&argv).commands {
            let p = grammar::parse(&c.argv)
                .subcommand
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>();
            let e = effects(&c, &p);
            println!("{} {:?} -> {} {}", c.line(), p, e, level(e));
        }
    }
}

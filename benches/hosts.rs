//! How fast hosts get their variables: a hundred patterns over a million host names.
//!
//! `cargo bench --bench hosts` measures ordinary patterns, and ones that no literal makes quick.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark fails loudly, prints, and reads the clock"
)]

use std::time::Instant;

use policy_advisor::store::{HostVariables, VariableValue};

const N_HOSTS: u32 = 1_000_000;

fn main() {
    let ordinary = |n: u32| match n % 5 {
        0 => format!("^site{n}-prod-.*"),
        1 => format!("^[a-z]+-{n}-(web|db)-[0-9]+$"),
        2 => format!("-rack{n}-"),
        3 => format!(r"\.zone{n}\.example\.com$"),
        _ => format!("(?i)^Lab{n}[a-z0-9-]*"),
    };
    let hard = |n: u32| match n % 2 {
        0 => format!("[a-z]+.*[0-9]{{2,4}}.*x{n}$"),
        _ => format!("^.*(a|b|c).*{n}.*(web|db).*y$"),
    };
    // Looping twice, with no end that a host name could be told by.
    let open = |n: u32| format!("[a-f]+.*[0-9].*{n}[g-m]*.*(web|db)x");
    measure("ordinary", ordinary);
    measure("hard", hard);
    measure("open", open);
}

fn measure(name: &str, pattern: impl Fn(u32) -> String) {
    let values: Vec<VariableValue> = (0..100)
        .map(|n| VariableValue {
            name: "env".to_owned(),
            value: format!("value-{n}"),
            patterns: vec![pattern(n)],
            builtin: false,
            used_by: 0,
        })
        .collect();
    let began = Instant::now();
    let variables = HostVariables::new(&values).unwrap();
    let made_seconds = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let mut n_found = 0_u32;
    for n in 0..N_HOSTS {
        let (site, kind) = (n % 997, if n % 3 == 0 { "web" } else { "db" });
        let host =
            format!("site{site}-prod-rack{}-{kind}-{n}.zone{}.example.com", n % 313, n % 211);
        n_found += u32::from(!variables.of(&host).is_empty());
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{name}: 100 patterns over {N_HOSTS} hosts in {seconds:.2} s, {:.0} hosts/s, {n_found} with a value; made in {made_seconds:.2} s",
        f64::from(N_HOSTS) / seconds
    );
}

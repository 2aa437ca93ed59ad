use policy_advisor::{batch::*, events::*, pipeline::suggest::*, policy::*};
use std::{collections::BTreeMap, io::Read, sync::Arc};
fn load(p: &str) -> Vec<serde_json::Value> {
    let mut s = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(p).unwrap())
        .read_to_string(&mut s)
        .unwrap();
    let mut v: Vec<serde_json::Value> =
        s.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    v.sort_by(|a, b| a["timestamp"].as_str().cmp(&b["timestamp"].as_str()));
    v
}
fn argv(e: &serde_json::Value) -> Vec<String> {
    e["argv"]
        .as_array()
        .map(|a| a.iter().map(|x| x.as_str().unwrap().to_owned()).collect())
        .unwrap_or_default()
}
fn tally(e: &serde_json::Value) -> Tally {
    let ts = Timestamp::parse(e["timestamp"].as_str().unwrap()).unwrap();
    let s = |k: &str| e[k].as_str().map(str::to_owned);
    let action = if e["event_type"] == "mcp_tool_call" {
        Action::McpCall {
            server: s("mcp_server").unwrap_or_default(),
            tool: s("mcp_tool").unwrap_or_default(),
            argument_names: e["mcp_arguments"]
                .as_object()
                .map(|o| o.keys().cloned().collect())
                .unwrap_or_default(),
        }
    } else {
        Action::Command { argv: argv(e), cwd: s("cwd") }
    };
    Tally {
        action: Arc::new(action),
        unit: Unit {
            hostname: s("hostname").unwrap().into(),
            session_id: s("session_id").unwrap_or_default().into(),
            day: ts.day(),
        },
        outcome: Outcome::parse(e["decision"].as_str().unwrap()).unwrap(),
        n_events: 1,
        first: ts,
        last: ts,
        event_id: s("event_id").unwrap().into(),
    }
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let broad = args.iter().any(|a| a == "--broad");
    let show = args.iter().any(|a| a == "--show");
    let data = "/work/shared/data";
    for name in ["entireio-cli", "getspecstory"] {
        let all = load(&format!("{data}/agents/{name}.ndjson.gz"));
        let ev: Vec<_> = all
            .iter()
            .filter(|e| e["event_type"] == "command_execution" && e["decision"] != "blocked")
            .collect();
        let cut = (ev.len() as f64 * 0.7) as usize;
        let end = ev[cut - 1]["timestamp"].as_str().unwrap();
        let seen: Vec<Tally> =
            all.iter().filter(|e| e["timestamp"].as_str().unwrap() <= end).map(tally).collect();
        let mut role = Role::new(name);
        if broad {
            for p in [
                "git *",
                "gh *",
                "go *",
                "npm *",
                "docker *",
                "kubectl *",
                "terraform *",
                "aws *",
                "curl *",
                "find *",
            ] {
                role.rules.push(Rule {
                    rule_id: p.into(),
                    pattern: p.into(),
                    action: RuleAction::Allow,
                    when: BTreeMap::new(),
                    rationale: None,
                });
            }
        }
        let t = std::time::Instant::now();
        let w = Timestamp(0);
        let params = Params {
            from: w,
            to: w,
            generated_at: w,
            minimum_hours: 48.0,
            confidence_threshold: std::env::var("T").map(|t| t.parse().unwrap()).unwrap_or(0.6),
        };
        let advice = suggest(&role, &seen, &params, |_| false);
        let Advice::Batch(b) = advice else {
            println!("{advice:?}");
            continue;
        };
        let secs = t.elapsed().as_secs_f64();
        // merged
        let n_new: usize = b
            .changes
            .iter()
            .map(|c| if c.target == Target::Command { c.after.len() } else { 0 })
            .sum();
        let _ = n_new;
        let mut new: Vec<(u64, Rule)> = vec![];
        let mut gone = vec![];
        for c in &b.changes {
            if c.target != Target::Command {
                continue;
            }
            for r in &c.after {
                new.push((
                    r.position,
                    Rule {
                        rule_id: r.pattern.clone(),
                        pattern: r.pattern.clone(),
                        action: r.action,
                        when: BTreeMap::new(),
                        rationale: None,
                    },
                ));
            }
            for r in &c.before {
                gone.push(r.pattern.clone());
            }
        }
        new.sort_by_key(|x| x.0);
        let mut merged = vec![];
        let mut old = role.rules.iter();
        let mut pos = 1;
        let mut it = new.into_iter().peekable();
        loop {
            if it.peek().is_some_and(|x| x.0 == pos) {
                merged.push(it.next().unwrap().1);
            } else if let Some(o) = old.next() {
                if !gone.contains(&o.pattern) {
                    merged.push(o.clone())
                }
            } else if let Some(x) = it.next() {
                merged.push(x.1)
            } else {
                break;
            }
            pos += 1;
        }
        let mut r2 = role.clone();
        r2.rules = merged;
        for c in &b.changes {
            if c.target == Target::Mcp {
                for r in &c.after {
                    r2.mcp_rules.push(Rule {
                        rule_id: r.pattern.clone(),
                        pattern: r.pattern.clone(),
                        action: r.action,
                        when: BTreeMap::new(),
                        rationale: None,
                    });
                }
            }
        }
        let vars = BTreeMap::new();
        let eng = Engine::new(&r2, &vars);
        let mut ok = 0;
        let mut asked = 0;
        let mut stopped: BTreeMap<String, usize> = BTreeMap::new();
        let mut sess: BTreeMap<String, bool> = BTreeMap::new();
        let mut used: BTreeMap<String, u64> = BTreeMap::new();
        let mut stop: BTreeMap<String, u64> = BTreeMap::new();
        for e in &ev[cut..] {
            let a = argv(e);
            let d = eng.decide(&Subject::Command(&a));
            let pass = d.decision.passes();
            if pass {
                ok += 1
            } else {
                if d.decision == RuleAction::RequireApproval {
                    asked += 1
                }
                for c in &d.commands {
                    if !c.decision.passes() {
                        *stopped
                            .entry(format!(
                                "{:?} {} :: {}",
                                c.decision,
                                c.rule.clone().unwrap_or_default(),
                                c.line.chars().take(90).collect::<String>().replace('\n', " ")
                            ))
                            .or_default() += 1;
                    }
                }
                if d.commands.iter().all(|c| c.decision.passes()) {
                    *stopped
                        .entry(format!(
                            "UNRESOLVED {}",
                            a.last().unwrap().chars().take(100).collect::<String>()
                        ))
                        .or_default() += 1;
                }
            }
            for (dec, rule) in d
                .commands
                .iter()
                .map(|c| (c.decision, c.rule.clone()))
                .chain([(d.decision, d.rule.clone())])
            {
                *(if dec.passes() { &mut used } else { &mut stop })
                    .entry(rule.unwrap_or_default())
                    .or_default() += 1;
            }
            *sess.entry(e["session_id"].as_str().unwrap_or("").to_owned()).or_insert(true) &= pass;
        }
        let n = ev.len() - cut;
        let mut bins = vec![(0.0, 0.0, 0); 10];
        let mut brier = 0.0;
        let mut np = 0;
        for c in &b.changes {
            for r in &c.after {
                let right = if r.action.passes() && c.kind == ChangeKind::Add {
                    used.get(&r.pattern).copied().unwrap_or(0) > 0
                } else {
                    stop.get(&r.pattern).copied().unwrap_or(0) == 0
                };
                let p = c.confidence;
                let i = ((p * 10.0) as usize).min(9);
                bins[i].0 += p;
                bins[i].1 += right as u8 as f64;
                bins[i].2 += 1;
                brier += (p - right as u8 as f64).powi(2);
                np += 1;
            }
        }
        let ece: f64 = bins.iter().map(|b| (b.0 - b.1).abs()).sum::<f64>() / np as f64;
        print!(
            "{name} broad={broad} rules {} changes {} (+{} ~{} -{}) later {:.3} asked {:.3} sessions {:.3} ece {ece:.3} brier {:.3} secs {secs:.2}",
            r2.rules.len() + r2.mcp_rules.len(),
            b.changes.len(),
            b.summary.add,
            b.summary.modify,
            b.summary.remove,
            ok as f64 / n as f64,
            asked as f64 / n as f64,
            sess.values().filter(|x| **x).count() as f64 / sess.len() as f64,
            brier / np as f64
        );
        let (mut tot, mut bad) = (0, 0);
        let mut passed = vec![];
        for src in ["atomic", "dcg", "gtfobins", "redcode"] {
            let rows = load(&format!("{data}/attacks/{src}.ndjson.gz"));
            let rows: Vec<_> = rows
                .iter()
                .filter(|e| e["label"] == "attack" || e["label"] == "destructive")
                .collect();
            let mut p = 0;
            for e in &rows {
                let a = argv(e);
                if eng.decide(&Subject::Command(&a)).decision.passes() {
                    p += 1;
                    passed.push(format!(
                        "{src}: {}",
                        a.last()
                            .unwrap()
                            .replace('\n', " ; ")
                            .chars()
                            .take(150)
                            .collect::<String>()
                    ));
                }
            }
            print!(" {src} {:.3}", p as f64 / rows.len() as f64);
            tot += rows.len();
            bad += p;
        }
        println!(" all {:.3}", bad as f64 / tot as f64);
        if show {
            let mut s: Vec<_> = stopped.into_iter().collect();
            s.sort_by_key(|x| std::cmp::Reverse(x.1));
            for (k, v) in s.iter().take(400) {
                println!("   stop {v} {k}");
            }
            for p in
                passed.iter().take(std::env::var("P").map(|t| t.parse().unwrap()).unwrap_or(60))
            {
                println!("   pass {p}");
            }
        }
        if args.iter().any(|a| a == "--rules") {
            for r in &r2.rules {
                println!("   {} {}", r.action, r.pattern);
            }
        }
        if args.iter().any(|a| a == "--words") {
            for c in b.changes.iter().take(40) {
                println!(
                    "  {} {:?} conf {} risk {} {}\n     {}\n     {}",
                    c.ordinal,
                    c.kind,
                    c.confidence,
                    c.risk,
                    c.after
                        .iter()
                        .map(|r| format!("{} {}", r.action, r.pattern))
                        .collect::<Vec<_>>()
                        .join(" | "),
                    c.reasoning,
                    c.risk_if_wrong
                );
            }
        }
        if args.iter().any(|a| a == "--bins") {
            println!("{bins:?}");
        }
    }
}

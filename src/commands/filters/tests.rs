//! What filters do besides, by example.

use crate::commands::{Command, read, split};

/// What is read besides the filter itself: lines of commands, and reasons of doubts in brackets.
fn besides(line: &str) -> Vec<String> {
    let reading = read(&split(line).unwrap());
    let commands = reading.commands.iter().skip(1).map(Command::line);
    commands
        .chain(reading.unresolved.iter().map(|it| format!("[{}]", it.reason.as_str())))
        .collect()
}

#[test]
fn what_sed_does_besides() {
    for (line, wanted) in [
        ("sed -n 1,20p f", &[][..]),
        ("sed s/a/b/g f", &[]),
        ("sed -e '/^#/d' -e 's,a,e,;t' f", &[]),
        ("sed -i.bak -E 's/([a-z]+)e/\\1w/gI;$!d' f", &[]),
        ("sed '1,3{s/a/e/;p}' f", &[]),
        ("sed 'y/abc/ewr/;s/[/]/e/' f", &[]),
        ("sed '/a/I,+2!{=;l 5}' f", &[]),
        ("sed '1~2d;0,/x/s//y/;5q1' f", &[]),
        ("sed ':a;N;$!ba;s/\\n/ /g' f", &[]),
        ("sed -n '\\,e,{p;q}' f", &[]),
        ("sed '1i\\\ne id' f", &[]),
        ("sed '1a e id' f", &[]),
        ("sed -n 1,20i f", &[]),
        ("sed 's/a/b/w /dev/stdout' f", &[]),
        ("sed e", &["sh", "[computed_code]"]),
        ("sed '1e id; ls' f", &["id", "ls"]),
        ("sed '1!{$e\\\nid\n}' f", &["id"]),
        ("sed 's/.*/id/e' f", &["sh", "[computed_code]"]),
        ("sed s/a/id/e f", &["sh", "[computed_code]"]),
        ("sed s/a/b/w/x f", &["tee /x"]),
        ("sed -n '/a/w out.txt' f", &["tee out.txt"]),
        ("sed '$r /x\nR y' f", &["cat /x", "cat y"]),
        ("sed -n -e p -e 'e id' f", &["id"]),
        ("sed p -e 'e id'", &["id"]),
        ("sed --expression='e id' f", &["id"]),
        ("sed --expr 'e id' f", &["id"]),
        ("sed -ne 'e id' f", &["id"]),
        ("sed -f x.sed f", &["sh", "[computed_code]"]),
        ("sed -nf x.sed f", &["sh", "[computed_code]"]),
        ("sed --file=x.sed f", &["sh", "[computed_code]"]),
        ("sed -i '' s/a/b/ f", &[]),
        ("sed -i '' 's/a/b/w /x' f", &["tee /x"]),
        ("sed -i s/a/b/ web.go src/run.sh /app/edit.go", &[]),
        ("sed -i p 'w x' f", &["tee x"]),
        ("sed 's/a/b/k' f", &["sh", "[parse_error]", "[computed_code]"]),
        ("sed 's/[/]/x/e' f", &["sh", "[computed_code]"]),
        ("sed ':};b};e id' f", &["id"]),
        ("sed 'nw x' f", &["tee x"]),
        ("sed 's/a/b/xw y' f", &["tee y"]),
        ("sed -n ':a;n;ba' f", &[]),
        ("gsed '1e id' f", &["id"]),
        ("sed", &[]),
        ("sed --version", &[]),
    ] {
        assert_eq!(besides(line), wanted, "{line}");
    }
}

#[test]
fn what_awk_does_besides() {
    for (line, wanted) in [
        ("awk '{print $1}' f", &[][..]),
        ("awk -F: '$3 > 100 {print $1 / 2 \"|system(\"}' f", &[]),
        ("awk '/a|b/ && !/system(x)/ {n++} END {print n/2, n}' f", &[]),
        ("awk 'NR>1 && $2>=3 || $1==\"x\"' f", &[]),
        ("awk 'BEGIN{while((getline l) > 0) n++; print (n > 1)}' f", &[]),
        ("awk '{ if ($1) /\"/; print }' f", &[]),
        ("awk -v OFS=, 'BEGIN { x = \"a\\tb\\x41\" } # system(\"id\")\n{ print x }' f", &[]),
        ("awk 'BEGIN{system(\"id -u\")}'", &["id -u"]),
        ("awk 'BEGIN{system (\"id\")}'", &["id"]),
        ("awk 'BEGIN{x = y ? z:system(\"id\")}'", &["id"]),
        ("awk 'BEGIN{x = 1system(\"id\")}'", &["id"]),
        ("awk 'BEGIN{x = 1.5e-3system(\"id\") 0x1fsystem(\"ls\")}'", &["id", "ls"]),
        ("gawk 'BEGIN{awk::system(\"id\")}'", &["id"]),
        ("awk '{print $1,\n $2 > \"out\"}' f", &["tee out"]),
        ("awk 'BEGIN{x=\"id\"; system(x)}'", &["sh", "[computed_code]"]),
        ("awk 'BEGIN{system(\"ls \" $1)}'", &["sh", "[computed_code]"]),
        ("awk '{print|\"sort -u\"}' f", &["sort -u"]),
        ("awk '{print $1 | \"sort \" x}' f", &["sh", "[computed_code]"]),
        ("awk '{print $1 |& \"sort\"}' f", &["sort"]),
        ("awk 'BEGIN{\"date\" | getline d; print d}'", &["date"]),
        ("awk 'BEGIN{while ((\"id\" | getline l) > 0) print l}'", &["id"]),
        ("awk 'BEGIN{c | getline}'", &["sh", "[computed_code]"]),
        ("awk 'BEGIN{x \"id\" | getline}'", &["sh", "[computed_code]"]),
        ("awk '{print > \"out\"}' f", &["tee out"]),
        ("awk '{print $1, $2 >> \"out\"; print}' f", &["tee -a out"]),
        ("awk '{print > \"out\" $1}' f", &["tee 'out*'"]),
        ("awk '{print > $1}' f", &["tee '*'"]),
        ("awk '{printf \"%s\", $1 > \"/dev/stderr\"}' f", &[]),
        ("awk 'BEGIN{getline x < \"/x\"}'", &["cat /x"]),
        ("awk 'BEGIN{while ((getline l < f) > 0) print l}'", &["cat '*'"]),
        ("mawk -W exec=x.awk f", &["sh", "[computed_code]"]),
        ("mawk -W version", &[]),
        ("gawk 'BEGIN{getline < \"/inet/tcp/0/h/80\"}'", &["sh", "[computed_code]"]),
        ("awk -f x.awk f", &["sh", "[computed_code]"]),
        ("awk -F: -f x.awk f", &["sh", "[computed_code]"]),
        ("gawk --file x.awk f", &["sh", "[computed_code]"]),
        ("gawk -l x '{print}' f", &["sh", "[computed_code]"]),
        ("gawk -i inplace '{print}' f g", &["tee f", "tee g"]),
        ("gawk -o/x '{print}' f", &["tee /x"]),
        ("gawk '@load \"x\"; {print}' f", &["sh", "[computed_code]"]),
        ("gawk 'BEGIN{f=\"system\"; @f(\"id\")}'", &["sh", "[computed_code]"]),
        ("gawk -e '{print}' -e 'BEGIN{system(\"id\")}' f", &["id"]),
        ("awk '{print \"x}' f", &["sh", "[parse_error]", "[computed_code]"]),
        ("awk '/[/]system(\"id\")/ {x} # /'", &["id"]),
        ("awk '{ if (1) /\"/; system(\"id\") # \"\n}'", &["id"]),
        ("awk", &[]),
        ("awk --version", &[]),
    ] {
        assert_eq!(besides(line), wanted, "{line}");
    }
}

#[test]
fn what_others_write() {
    for (line, wanted) in [
        ("sort -u a b", &[][..]),
        ("sort a -o b", &["tee b"]),
        ("sort -uob a", &["tee b"]),
        ("sort -k 2 -to a", &[]),
        ("sort --output=b a", &["tee b"]),
        ("sort --out b a", &["tee b"]),
        ("sort -- a -o b", &[]),
        ("sort -o /dev/null a", &[]),
        ("shuf -n 3 -o b a", &["tee b"]),
        ("iconv -f a -t b -o c d", &["tee c"]),
        ("tree -L 2 -o b", &["tee b"]),
        ("tree -L 2 src docs", &[]),
        ("uniq -c a", &[]),
        ("uniq -f 1 a b", &["tee b"]),
        ("uniq a -", &[]),
        ("xxd -r -p a b", &["tee b"]),
        ("xxd -l 16 a", &[]),
        ("xxd -n -fls -exec a -s", &["tee -s"]),
        ("xxd -cols=8 8 a b", &["tee a", "tee b"]),
        ("xxd -b -- a", &[]),
    ] {
        assert_eq!(besides(line), wanted, "{line}");
    }
}

#[test]
fn scripts_that_are_not_known_are_doubted() {
    for (script, wanted) in [
        ("sed \"s/a/$X/\" f", &["sh", "[computed_code]"][..]),
        ("sed -n \"$((a+1)),$((b + 2))p\" f", &[]),
        ("sed -n \"$((a))e id$((b))p\" f", &["sh", "[computed_code]"]),
        ("awk '$(('\"$X\"'))p' f", &["sh", "[computed_code]"]),
        ("sed -n 1p \"$f\"", &[]),
        ("X=p; sed -n \"$X\" f", &[]),
        ("X='e id'; sed \"$X\" f", &["id"]),
        ("awk \"{print $X}\" f", &["sh", "[computed_code]"]),
        ("sed -f - f <<'E'\ne id\nE", &["id"]),
        ("awk -f /dev/stdin <<'E'\nBEGIN{system(\"id\")}\nE", &["id"]),
        ("sort -o \"$X\" f", &["tee '$X'"]),
        ("curl x | sed -f - f", &["sed -f - f", "sh", "[computed_code]"]),
        ("find . -exec sed 's/a/{}/' f ';'", &["sed 's/a/{}/' f", "sh", "[computed_code]"]),
        ("find . -exec sed -n 1p {} +", &["sed -n 1p '{}'"]),
        ("echo p | xargs sed", &["sed", "sh", "[computed_code]"]),
        ("ls | xargs sed -n 1p", &["sed -n 1p"]),
    ] {
        let argv = ["bash", "-c", script].map(str::to_owned);
        let reading = read(&argv);
        let commands = reading.commands.iter().map(Command::line).skip(1);
        let doubts = reading.unresolved.iter().map(|it| format!("[{}]", it.reason.as_str()));
        let found: Vec<String> = commands.chain(doubts).collect();
        assert_eq!(found, wanted, "{script}");
    }
}

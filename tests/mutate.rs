//! Hostile and broken inputs, made from good ones by a seeded generator: the same seed, the same inputs.

/// Pieces that mean something to a shell, a tool, a terminal or the advisor.
const TOKENS: &[&str] = &[
    "$(",
    ")",
    "`",
    "\"",
    "'",
    "$'",
    "$\"",
    "\\",
    "\\\n",
    "\n",
    ";",
    "&",
    "&&",
    "|",
    "||",
    "|&",
    ">",
    ">>",
    "<",
    "<<",
    "<<-",
    "<<<",
    "<(",
    ">(",
    ">&",
    "&>",
    "2>&1",
    "<<'EOF'\n",
    "EOF\n",
    "${",
    "}",
    "${x:-",
    "$((",
    "))",
    "((",
    "{",
    "{a,b}",
    "{1..9}",
    "[[",
    "]]",
    "[",
    "]",
    "if ",
    "; then ",
    "; else ",
    "; fi",
    "for x in ",
    "; do ",
    "; done",
    "while ",
    "until ",
    "case x in ",
    "a) ",
    ";;",
    "esac",
    "f() { ",
    "function f ",
    "select x in ",
    "coproc ",
    "time ",
    "! ",
    "eval ",
    "exec ",
    "trap ",
    "source ",
    "export X=",
    "X=",
    "x+=",
    "x[0]=",
    "x=(",
    "$X",
    "${X}",
    "$1",
    "$@",
    "$?",
    "$$",
    "#",
    " # ",
    "~",
    "*",
    "?",
    "@(",
    "!(",
    "sudo -u x ",
    "env -i A=b ",
    "timeout -k 5 60 ",
    "xargs -I{} sh -c ",
    "find . -exec ",
    " {} \\;",
    "ssh h ",
    "docker exec c ",
    "parallel ",
    "watch ",
    "bash -c ",
    "sh -lc '",
    "nice -n 5 ",
    "git -C x ",
    "kubectl -n x ",
    "--",
    "-rf",
    "--x=",
    "=",
    "/etc/passwd",
    "~/.ssh/id_rsa",
    "../..",
    "https://u:p@h/",
    "password=",
    "--token ",
    "Bearer ",
    "-----BEGIN RSA PRIVATE KEY-----",
    "eyJhbGciOi",
    "AKIA",
    "sk-",
    "%redacted:jwt%",
    "%redacted:",
    "<path>",
    "<redacted:x>",
    "99999999999999999999",
    "\u{0}",
    "\u{1b}[2J",
    "\u{202e}",
    "\u{200b}",
    "\u{e0041}",
    "\u{feff}",
    "é",
    "名",
    "\u{1f600}",
    "\t",
    " ",
    "  ",
    "\r\n",
    "\u{a0}",
];

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

/// What took too long once: keywords of secrets over and over, each looked at with all that follows.
pub(crate) fn slow_once() -> Vec<Vec<String>> {
    let pieces = ["-eyJh", "password=", "password=(=", "password=))))))))))"];
    let texts = pieces.iter().map(|it| format!("find . {}", it.repeat(24_000 / it.len())));
    let texts = texts.chain([format!("find . {}", "-eyJh".repeat(30_000))]);
    texts.map(|it| ["bash", "-lc", &it].map(str::to_owned).to_vec()).collect()
}

/// The good scripts that are always there.
pub(crate) fn corpus() -> Vec<String> {
    SEEDS.iter().map(|&it| it.to_owned()).collect()
}

/// Longest input, in bytes: beyond what is read of a script.
const MAX_BYTES: usize = 160 * 1024;

/// A generator of inputs.
#[derive(Debug)]
pub(crate) struct Mutator {
    state: u64,
    corpus: Vec<String>,
}

impl Mutator {
    /// Makes inputs from the scripts of a corpus, which is not empty.
    pub(crate) fn new(seed: u64, corpus: Vec<String>) -> Self {
        Self { state: seed ^ 0x9e37_79b9_7f4a_7c15, corpus }
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // Source: the xorshift64* generator of Vigna, 2014.
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let random = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(random).unwrap_or_default() % end.max(1)
    }

    /// One of the corpus, as it is.
    pub(crate) fn good(&mut self) -> String {
        let at = self.below(self.corpus.len());
        self.corpus.get(at).cloned().unwrap_or_default()
    }

    /// One of the corpus, changed a few times.
    pub(crate) fn next(&mut self) -> String {
        let mut text = self.good();
        for _ in 0..=self.below(6) {
            text = self.changed(text);
        }
        let end = (0..=text.len().min(MAX_BYTES)).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text
    }

    /// An argument vector: mostly a shell with a script, else words.
    pub(crate) fn argv(&mut self) -> Vec<String> {
        let script = self.next();
        match self.below(8) {
            0 => script.split(' ').map(ToOwned::to_owned).collect(),
            1 => vec!["ssh".to_owned(), "h".to_owned(), script],
            2 => vec![self.token().to_owned(), script, self.token().to_owned()],
            3 => self.words(),
            _ => vec!["bash".to_owned(), "-lc".to_owned(), script],
        }
    }

    /// A vector of words for tools that are known and one that is not, each about as long as some limit.
    fn words(&mut self) -> Vec<String> {
        const TOOLS: &[&str] =
            &["git", "docker", "npm", "kubectl", "curl", "python3", "psql", "find", "x", "echo"];
        let tool = TOOLS.get(self.below(TOOLS.len())).copied().unwrap_or("x");
        let mut argv = vec![tool.to_owned()];
        for _ in 0..=self.below(6) {
            let (mut word, n_pieces) = (String::new(), 1 + self.below(5));
            for _ in 0..n_pieces {
                let times = [1, 1, 1, 1, 7, 24, 40, 64].get(self.below(8)).copied().unwrap_or(1);
                let piece = if self.below(3) > 0 { self.token().to_owned() } else { self.good() };
                let end =
                    piece.char_indices().nth(1 + self.below(12)).map_or(piece.len(), |it| it.0);
                word.push_str(&piece.get(..end).unwrap_or_default().repeat(times));
            }
            argv.push(word);
        }
        argv
    }

    fn token(&mut self) -> &'static str {
        let at = self.below(TOKENS.len());
        TOKENS.get(at).copied().unwrap_or_default()
    }

    fn changed(&mut self, text: String) -> String {
        let (from, to) = self.part(&text);
        let (before, part, after) = (text.get(..from), text.get(from..to), text.get(to..));
        let (Some(before), Some(part), Some(after)) = (before, part, after) else { return text };
        match self.below(9) {
            0 => format!("{before}{after}"),
            1 => format!("{before}{}{part}{after}", self.token()),
            2 => format!("{before}{}{part}{}{after}", self.token(), self.token()),
            3 => {
                let times = [2, 3, 8, 40, 400].get(self.below(5)).copied().unwrap_or(2);
                let part = part.get(..part.len().min(400)).unwrap_or(part);
                format!("{before}{}{after}", part.repeat(times))
            }
            4 => {
                let times = [2, 5, 30, 200, 1_200].get(self.below(5)).copied().unwrap_or(2);
                format!("{before}{}{after}", self.token().repeat(times))
            }
            5 => {
                let other = self.good();
                let (from, to) = self.part(&other);
                format!("{before}{}{after}", other.get(from..to).unwrap_or_default())
            }
            6 => format!("{before}{}{after}", part.chars().rev().collect::<String>()),
            7 => {
                let (open, close, times) = [
                    ("$(", ")", 30),
                    ("(", ")", 60),
                    ("\"$(", ")\"", 20),
                    ("{ ", "; }", 60),
                    ("if ", "; then x; fi", 40),
                    ("bash -c '", "'", 3),
                    ("((", "))", 30),
                    ("${x:-", "}", 40),
                    ("while ", "; do x; done", 30),
                    ("case ", " in a) ;; esac", 30),
                    ("`", "`", 2),
                ]
                .get(self.below(11))
                .copied()
                .unwrap_or(("(", ")", 1));
                let times = 1 + self.below(times);
                format!("{before}{}{part}{}{after}", open.repeat(times), close.repeat(times))
            }
            _ => {
                let code = u32::try_from(self.below(0x11_0000)).unwrap_or_default();
                format!("{before}{}{after}", char::from_u32(code).unwrap_or('\u{fffd}'))
            }
        }
    }

    /// Two places in a text, in order, both between characters.
    fn part(&mut self, text: &str) -> (usize, usize) {
        let place = |at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let from = place(self.below(text.len() + 1));
        let longest = [4, 16, 64, 1_000].get(self.below(4)).copied().unwrap_or(16);
        let to = place((from + self.below(longest)).min(text.len()));
        (from, to.max(from))
    }
}

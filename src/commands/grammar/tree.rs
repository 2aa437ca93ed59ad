//! The notation of command trees, and look-ups in it.
//!
//! One line a node, one blank of indentation a level, the binary at the margin:
//!
//! ```text
//! git,hub -c=
//!  add -A|--all
//!  * --no-pager -C=
//! ```
//!
//! A node is its names, comma-separated, its marks after a `/`, then its own options, which may go on
//! in `*` lines below it. Below a binary, a `*` line lists what options mean wherever in the tree a
//! node does not say otherwise. An option is its names, `|` between them, then its arity: nothing for a flag, `=` takes a value, `?`
//! takes one only when joined to it, `=^` takes one and ends the options (`python -c CODE`).
//!
//! | mark | the node |
//! | --- | --- |
//! | `@` | takes operands besides its children: an unknown word is an operand |
//! | `^` | runs what its operands name: options after the first belong to that |
//! | `$` | takes a task, which belongs to the path (`npm run build`) |
//! | `~` | has subcommands that are not listed: a word is one; `~~`: so has each of these |
//! | `-` | takes words that begin with a dash as operands, unless they are its options (`echo`) |
//! | `!` | is all there is to say: the larger file is not asked |
use std::sync::OnceLock;

/// All trees of a file, by the name of the binary; parsed one by one when asked for.
#[derive(Debug)]
pub(super) struct Library {
    names: Vec<(&'static str, usize)>,
    trees: Vec<(&'static str, OnceLock<Tree>)>,
}

/// The tree of one binary.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The binary is node 0.
    nodes: Vec<Node>,
    /// Options that hold wherever a node does not say otherwise; sorted.
    anywhere: Vec<(&'static str, u32)>,
    records: Vec<Record>,
}

#[derive(Debug)]
struct Node {
    /// Comma-separated.
    names: &'static str,
    marks: &'static str,
    first_child: Option<u32>,
    next_sibling: Option<u32>,
    /// Its own options, name and record; sorted.
    options: Vec<(&'static str, u32)>,
}

/// One option, by all its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The name to compare by: the first long one, else the first.
    pub(super) canonical: &'static str,
    /// What follows it.
    pub(super) arity: Arity,
}

/// What follows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arity {
    /// Nothing.
    Flag,
    /// A value, joined or the next word.
    Value,
    /// A value only when joined.
    Joined,
    /// A value; all words after it are operands.
    Last,
}

/// The node under which options hold for the whole tree.
pub(super) const ANYWHERE: u32 = u32::MAX;

impl Library {
    /// Finds where each tree begins; reads none of them.
    pub(super) fn new(text: &'static str) -> Self {
        let mut res = Self { names: Vec::new(), trees: Vec::new() };
        let mut rest = text;
        while !rest.is_empty() {
            let (tree, after) = split_tree(rest);
            let names = tree.split(['/', ' ', '\n']).next().unwrap_or_default();
            for name in names.split(',') {
                res.names.push((name, res.trees.len()));
            }
            res.trees.push((tree, OnceLock::new()));
            rest = after;
        }
        res.names.sort_unstable();
        res
    }

    /// The tree of a binary.
    pub(super) fn tree(&self, binary: &str) -> Option<&Tree> {
        let at = self.names.binary_search_by_key(&binary, |(name, _)| name).ok()?;
        let (_, idx) = self.names.get(at)?;
        let (text, tree) = self.trees.get(*idx)?;
        Some(tree.get_or_init(|| Tree::parse(text)))
    }

    /// Every tree by every name, sorted.
    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &Tree)> {
        self.names.iter().filter_map(|(name, _)| Some((*name, self.tree(name)?)))
    }
}

/// The lines up to the next one at the margin, and the rest.
fn split_tree(text: &'static str) -> (&'static str, &'static str) {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|it| it.find('\n')) {
        from += at + 1;
        if text.as_bytes().get(from) != Some(&b' ') {
            break;
        }
    }
    if from == 0 { (text, "") } else { text.split_at_checked(from).unwrap_or((text, "")) }
}

impl Tree {
    fn parse(text: &'static str) -> Self {
        let mut res = Self::default();
        // The nodes from the binary down to the line before, each with its last child so far.
        let mut path: Vec<(u32, Option<u32>)> = Vec::new();
        for line in text.lines() {
            let body = line.trim_start_matches(' ');
            let depth = line.len() - body.len();
            let mut words = body.split(' ');
            let Some(head) = words.next() else { continue };
            path.truncate(depth);
            let node = if head == "*" {
                path.last().filter(|_| depth > 1).map_or(ANYWHERE, |(node, _)| *node)
            } else {
                let node = index(res.nodes.len());
                let (names, marks) = head.split_once('/').unwrap_or((head, ""));
                let options = Vec::new();
                res.nodes.push(Node {
                    names,
                    marks,
                    first_child: None,
                    next_sibling: None,
                    options,
                });
                res.link(path.last_mut(), node);
                path.push((node, None));
                node
            };
            for word in words {
                res.option(node, word);
            }
        }
        res.anywhere.sort_unstable();
        for node in &mut res.nodes {
            node.options.sort_unstable();
        }
        res
    }

    /// Makes `node` the last child of its parent.
    #[expect(clippy::needless_pass_by_value, reason = "a borrowed option of a borrow reads worse")]
    fn link(&mut self, parent: Option<&mut (u32, Option<u32>)>, node: u32) {
        let Some((parent, last)) = parent else { return };
        let before = last.replace(node);
        match before {
            Some(before) => self.edit(before, |it| it.next_sibling = Some(node)),
            None => self.edit(*parent, |it| it.first_child = Some(node)),
        }
    }

    fn edit(&mut self, node: u32, change: impl FnOnce(&mut Node)) {
        if let Some(node) = usize::try_from(node).ok().and_then(|at| self.nodes.get_mut(at)) {
            change(node);
        }
    }

    fn option(&mut self, node: u32, word: &'static str) {
        let names = word.trim_end_matches(['=', '?', '^']);
        let arity = match word.get(names.len()..) {
            Some("=") => Arity::Value,
            Some("?") => Arity::Joined,
            Some("=^") => Arity::Last,
            _ => Arity::Flag,
        };
        let mut long = names.split('|').filter(|it| it.starts_with("--"));
        let canonical = long.next().or_else(|| names.split('|').next()).unwrap_or(names);
        let record = index(self.records.len());
        self.records.push(Record { canonical, arity });
        let named = names.split('|').map(|name| (name, record));
        if node == ANYWHERE {
            self.anywhere.extend(named);
        } else {
            self.edit(node, |it| it.options.extend(named));
        }
    }

    fn node(&self, node: u32) -> Option<&Node> {
        self.nodes.get(usize::try_from(node).ok()?)
    }

    #[cfg(test)]
    pub(super) fn n_nodes(&self) -> u32 {
        index(self.nodes.len())
    }

    /// The node below `node` of that name.
    pub(super) fn child(&self, node: u32, name: &str) -> Option<u32> {
        let mut next = self.node(node)?.first_child;
        while let Some(child) = next {
            let it = self.node(child)?;
            if it.names == name
                || it.names.contains(',') && it.names.split(',').any(|it| it == name)
            {
                return Some(child);
            }
            next = it.next_sibling;
        }
        None
    }

    /// Whether `node` has subcommands.
    pub(super) fn has_children(&self, node: u32) -> bool {
        self.node(node).is_some_and(|it| it.first_child.is_some())
    }

    /// The marks of `node`.
    pub(super) fn marks(&self, node: u32) -> &'static str {
        self.node(node).map_or("", |it| it.marks)
    }

    /// What an option means at `node` by its own line.
    pub(super) fn own_option(&self, node: u32, name: &str) -> Option<Record> {
        self.record(&self.node(node)?.options, name)
    }

    /// What an option means wherever a node does not say otherwise.
    pub(super) fn any_option(&self, name: &str) -> Option<Record> {
        self.record(&self.anywhere, name)
    }

    fn record(&self, options: &[(&'static str, u32)], name: &str) -> Option<Record> {
        let at = options.binary_search_by_key(&name, |(it, _)| it).ok()?;
        let (_, record) = options.get(at)?;
        self.records.get(usize::try_from(*record).ok()?).copied()
    }
}

fn index(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(ANYWHERE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a,b/@ -x=\n c,d/$ -x -f|--force|--strong\n  e\n * -x? --name= -c=^\nz\n";

    #[test]
    fn trees_are_found_by_every_name_and_nodes_by_theirs() {
        let library = Library::new(TEXT);
        let tree = library.tree("b").unwrap();
        assert!(library.tree("c").is_none());
        let child = tree.child(0, "d").unwrap();
        assert_eq!(tree.child(0, "c"), Some(child));
        assert_eq!(tree.child(0, "e"), None);
        assert!(tree.child(child, "e").is_some_and(|it| !tree.has_children(it)));
        assert!(tree.marks(0) == "@" && tree.marks(child) == "$");
        assert!(!library.tree("z").unwrap().has_children(0));
    }

    #[test]
    fn a_node_says_otherwise() {
        let library = Library::new(TEXT);
        let tree = library.tree("a").unwrap();
        let child = tree.child(0, "c").unwrap();
        let arity = |node, name| tree.own_option(node, name).map(|it| it.arity);
        assert_eq!(arity(0, "-x"), Some(Arity::Value));
        assert_eq!(arity(child, "-x"), Some(Arity::Flag));
        assert_eq!(arity(child, "-c"), None);
        assert_eq!(tree.any_option("-x").map(|it| it.arity), Some(Arity::Joined));
        assert_eq!(tree.any_option("-c").map(|it| it.arity), Some(Arity::Last));
        assert_eq!(tree.own_option(child, "-f").map(|it| it.canonical), Some("--force"));
    }
}

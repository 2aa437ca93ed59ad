//! Two texts as a unified patch, as `git apply` and `patch` take it.
use std::fmt::Write as _;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// Most cells of the table of common lines; past it the middle is one change.
const MAX_CELLS: usize = 16_000_000;

/// One line of the way from one text to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Keep,
    Remove,
    Add,
}

/// The patch that makes `new` of `old`, the file `path`; empty where they are the same. Where `old`
/// is `None`, the file is made.
pub fn unified(path: &str, old: Option<&str>, new: &str) -> String {
    let before: Vec<&str> = old.unwrap_or_default().split_inclusive('\n').collect();
    let after: Vec<&str> = new.split_inclusive('\n').collect();
    if old == Some(new) {
        return String::new();
    }
    let steps = steps(&before, &after);
    let from = if old.is_some() { format!("a/{path}") } else { "/dev/null".to_owned() };
    let mut res = format!("--- {from}\n+++ b/{path}\n");
    let mut start = 0;
    while let Some(range) = hunk(&steps, start) {
        write_hunk(&steps, range.clone(), &before, &after, &mut res);
        start = range.end;
    }
    res
}

/// The next steps that belong together, context included.
fn hunk(steps: &[Step], start: usize) -> Option<std::ops::Range<usize>> {
    let is_change = |it: &Step| *it != Step::Keep;
    let first = start + steps.iter().skip(start).position(is_change)?;
    let mut last = first;
    for (idx, step) in steps.iter().enumerate().skip(first) {
        if is_change(step) {
            last = idx;
        } else if idx - last > 2 * CONTEXT {
            break;
        }
    }
    Some(first.saturating_sub(CONTEXT).max(start)..(last + 1 + CONTEXT).min(steps.len()))
}

fn write_hunk(
    steps: &[Step],
    range: std::ops::Range<usize>,
    before: &[&str],
    after: &[&str],
    res: &mut String,
) {
    let count =
        |until: usize, other: Step| steps.iter().take(until).filter(|it| **it != other).count();
    let (mut old, mut new) = (count(range.start, Step::Add), count(range.start, Step::Remove));
    let (n_old, n_new) = (count(range.end, Step::Add) - old, count(range.end, Step::Remove) - new);
    // An empty side is named by the line before it.
    let first = |at: usize, n: usize| if n == 0 { at } else { at + 1 };
    let _ = writeln!(res, "@@ -{},{n_old} +{},{n_new} @@", first(old, n_old), first(new, n_new));
    for step in steps.get(range).unwrap_or_default() {
        let (sign, line) = match step {
            Step::Keep => (' ', before.get(old)),
            Step::Remove => ('-', before.get(old)),
            Step::Add => ('+', after.get(new)),
        };
        let line = line.copied().unwrap_or_default();
        res.push(sign);
        res.push_str(line);
        if !line.ends_with('\n') {
            res.push_str("\n\\ No newline at end of file\n");
        }
        old += usize::from(*step != Step::Add);
        new += usize::from(*step != Step::Remove);
    }
}

/// The way from one to the other that keeps most lines.
fn steps(before: &[&str], after: &[&str]) -> Vec<Step> {
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = before.iter().zip(after).take_while(same).count();
    let room = before.len().min(after.len()) - head;
    let tail = before.iter().rev().zip(after.iter().rev()).take(room).take_while(same).count();
    let old = before.get(head..before.len() - tail).unwrap_or_default();
    let new = after.get(head..after.len() - tail).unwrap_or_default();
    let mut res = vec![Step::Keep; head];
    let width = new.len() + 1;
    if (old.len() + 1).saturating_mul(width) > MAX_CELLS {
        res.extend(old.iter().map(|_| Step::Remove));
        res.extend(new.iter().map(|_| Step::Add));
    } else {
        // Most common lines from each two places on.
        let mut common = vec![0_u32; (old.len() + 1) * width];
        let at = |table: &[u32], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
        for i in (0..old.len()).rev() {
            for j in (0..new.len()).rev() {
                let value = if old.get(i) == new.get(j) {
                    at(&common, i + 1, j + 1) + 1
                } else {
                    at(&common, i + 1, j).max(at(&common, i, j + 1))
                };
                if let Some(cell) = common.get_mut(i * width + j) {
                    *cell = value;
                }
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < old.len() || j < new.len() {
            if i < old.len() && j < new.len() && old.get(i) == new.get(j) {
                res.push(Step::Keep);
                (i, j) = (i + 1, j + 1);
            } else if j == new.len()
                || i < old.len() && at(&common, i + 1, j) >= at(&common, i, j + 1)
            {
                res.push(Step::Remove);
                i += 1;
            } else {
                res.push(Step::Add);
                j += 1;
            }
        }
    }
    res.extend(std::iter::repeat_n(Step::Keep, tail));
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_says_what_goes_and_what_comes() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
        let new = "a\nB\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm";
        assert_eq!(
            unified("p", Some(old), new),
            "--- a/p\n+++ b/p\n@@ -1,5 +1,5 @@\n a\n-b\n+B\n c\n d\n e\n@@ -10,3 +10,4 @@\n j\n k\n l\n+m\n\\ No newline at end of file\n"
        );
        assert_eq!(unified("p", Some(old), old), "");
        assert_eq!(unified("p", None, "x\n"), "--- /dev/null\n+++ b/p\n@@ -0,0 +1,1 @@\n+x\n");
    }
}

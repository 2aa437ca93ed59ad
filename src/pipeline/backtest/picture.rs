//! A backtest as an SVG picture: coverage by cut, coverage by day, confidence against outcome.
use std::fmt::Write as _;

use super::{Backtest, Coverage, DayCoverage, Report, replay::share};

/// Size of the picture, in pixels.
const WIDTH: f64 = 1080.0;
const HEIGHT: f64 = 430.0;

/// The drawing area of a panel, in pixels: its sides and where it begins from above.
const PANEL: f64 = 260.0;
const TOP: f64 = 70.0;

/// Where the panels begin, from the left.
const LEFTS: [f64; 3] = [60.0, 410.0, 760.0];

/// Most runs that are drawn; more cannot be told apart.
const MAX_RUNS: usize = 8;

/// A point of the line over days holds at least this share of a run's later events: a day with
/// three events says little.
const POINT_SHARE: f64 = 0.05;

/// Colors that differ for eyes of all kinds.
///
/// # Source
/// Okabe and Ito, Color Universal Design (2008).
const COLORS: [&str; MAX_RUNS] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999933"];

const ALLOWED: &str = "#009e73";
const ASKED: &str = "#e69f00";
const STOPPED: &str = "#d55e00";
const INK: &str = "#333333";
const PALE: &str = "#dddddd";

/// Draws a report.
pub fn picture(report: &Report) -> String {
    let mut svg = Svg::new();
    let runs: Vec<&Backtest> = report.runs.iter().take(MAX_RUNS).collect();
    let mut roles: Vec<&str> = runs.iter().map(|it| it.role.as_str()).collect();
    roles.dedup();
    svg.text(20.0, 26.0, 16.0, Anchor::Start, &format!("Backtest of {}", roles.join(", ")));
    by_cut(&mut svg, &runs, roles.len() > 1);
    by_day(&mut svg, &runs, roles.len() > 1);
    calibration(&mut svg, report);
    svg.finish()
}

/// What becomes of later events, a bar a run.
fn by_cut(svg: &mut Svg, runs: &[&Backtest], has_roles: bool) {
    let [left, ..] = LEFTS;
    svg.panel(left, "later events, by share learned from");
    #[expect(clippy::cast_precision_loss, reason = "a handful of runs")]
    let step = PANEL / runs.len().max(1) as f64;
    for (at, run) in (0_u32..).zip(runs) {
        let x = left + step * (f64::from(at) + 0.15);
        let coverage = run.replay.coverage;
        let mut from = 0.0;
        for (count, color) in
            [(coverage.allowed, ALLOWED), (coverage.asked, ASKED), (coverage.stopped, STOPPED)]
        {
            let part = if coverage.events == 0 { 0.0 } else { share(count, coverage.events) };
            svg.rect(x, TOP + PANEL * (1.0 - from - part), step * 0.7, PANEL * part, color);
            from += part;
        }
        let middle = x + step * 0.35;
        let allowed = coverage.allowed_share();
        svg.text(
            middle,
            TOP + PANEL * (1.0 - allowed) + 14.0,
            11.0,
            Anchor::Middle,
            &percent(allowed),
        );
        svg.text(middle, TOP + PANEL + 16.0, 11.0, Anchor::Middle, &percent(run.cut));
    }
    if has_roles {
        let mut at = 0.0;
        for same in runs.chunk_by(|a, b| a.role == b.role) {
            #[expect(clippy::cast_precision_loss, reason = "a handful of runs")]
            let width = step * same.len() as f64;
            let name = same.first().map_or("", |it| &it.role);
            // A character is about six pixels wide.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels")]
            let name = short(name, (width / 6.0) as usize);
            svg.text(left + at + width / 2.0, TOP + PANEL + 32.0, 11.0, Anchor::Middle, &name);
            at += width;
        }
    }
    for (at, (label, color)) in
        (0_u8..).zip([("allowed", ALLOWED), ("asked", ASKED), ("stopped", STOPPED)])
    {
        svg.key(left + 85.0 * f64::from(at), TOP + PANEL + 54.0, label, color);
    }
}

/// The share of each day's events that pass, a line a run.
fn by_day(svg: &mut Svg, runs: &[&Backtest], has_roles: bool) {
    let [_, left, _] = LEFTS;
    svg.panel(left, "share of later events allowed, by day");
    let days = || runs.iter().flat_map(|it| it.replay.days.iter().map(|it| it.day));
    let (Some(first), Some(last)) = (days().min(), days().max()) else { return };
    let span = f64::from(last.0.saturating_sub(first.0)).max(1.0);
    let n_columns = if has_roles { 2 } else { 4 };
    for ((at, run), color) in (0_u32..).zip(runs).zip(COLORS) {
        let points: Vec<(f64, f64)> = spans(&run.replay.days)
            .into_iter()
            .map(|(day, coverage)| {
                let x = (day - f64::from(first.0)) / span;
                (left + PANEL * x, TOP + PANEL * (1.0 - coverage.allowed_share()))
            })
            .collect();
        svg.line(&points, color, 1.5);
        for (x, y) in &points {
            svg.circle(*x, *y, 2.0, color);
        }
        let role = if has_roles { format!("{} ", short(&run.role, 14)) } else { String::new() };
        let x = left + PANEL / f64::from(n_columns) * f64::from(at % n_columns);
        let y = TOP + PANEL + 36.0 + 15.0 * f64::from(at / n_columns);
        svg.key(x, y, &format!("{role}{}", percent(run.cut)), color);
    }
    svg.text(left, TOP + PANEL + 16.0, 11.0, Anchor::Start, &first.to_string());
    svg.text(left + PANEL, TOP + PANEL + 16.0, 11.0, Anchor::End, &last.to_string());
}

/// Days taken together until they hold enough events: the middle of each span, in days since 1970,
/// and its events.
fn spans(days: &[DayCoverage]) -> Vec<(f64, Coverage)> {
    let n_events: u64 = days.iter().map(|it| it.coverage.events).sum();
    let mut res = Vec::new();
    let mut open: Option<(f64, Coverage)> = None;
    for (idx, day) in days.iter().enumerate() {
        let at = f64::from(day.day.0);
        let (from, coverage) = open.take().unwrap_or((at, Coverage::default()));
        let coverage = coverage.plus(&day.coverage);
        let is_full = share(coverage.events, n_events) >= POINT_SHARE;
        if is_full || idx + 1 == days.len() {
            res.push((f64::midpoint(from, at), coverage));
        } else {
            open = Some((from, coverage));
        }
    }
    res
}

/// What was stated against what came, a circle a bin, its area by its changes.
fn calibration(svg: &mut Svg, report: &Report) {
    let [.., left] = LEFTS;
    svg.panel(left, "share of changes that proved right, by confidence");
    svg.line(&[(left, TOP + PANEL), (left + PANEL, TOP)], PALE, 1.0);
    let population = &report.calibration.changes;
    let scores = population.scores;
    let place = |stated: f64, right: f64| (left + PANEL * stated, TOP + PANEL * (1.0 - right));
    let points: Vec<(f64, f64)> =
        population.bins.iter().map(|bin| place(bin.stated, bin.right)).collect();
    let [color, ..] = COLORS;
    svg.line(&points, color, 1.5);
    for (bin, (x, y)) in population.bins.iter().zip(&points) {
        let share = share(bin.pairs, scores.pairs);
        svg.circle(*x, *y, 3.0 + 14.0 * share.sqrt(), color);
    }
    for (at, label) in [(0.0, "0%"), (0.5, "50%"), (1.0, "100%")] {
        svg.text(left + PANEL * at, TOP + PANEL + 16.0, 11.0, Anchor::Middle, label);
    }
    let text =
        format!("{} changes, ECE {:.3}, Brier {:.3}", scores.pairs, scores.ece, scores.brier);
    svg.text(left, TOP + PANEL + 36.0, 11.0, Anchor::Start, &text);
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

fn short(text: &str, n_chars: usize) -> String {
    text.chars().take(n_chars).collect()
}

/// Where a text stands by its place.
#[derive(Clone, Copy, Debug)]
enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture in the making.
#[derive(Debug)]
struct Svg {
    text: String,
}

impl Svg {
    fn new() -> Self {
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\">\n"
        );
        let _ = writeln!(text, "<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>");
        Self { text }
    }

    /// The frame of a panel: title, and lines at quarters of the way up.
    fn panel(&mut self, left: f64, title: &str) {
        self.text(left, TOP - 14.0, 12.0, Anchor::Start, title);
        for quarter in 0..=4_u8 {
            let share = f64::from(quarter) / 4.0;
            let y = TOP + PANEL * (1.0 - share);
            self.line(&[(left, y), (left + PANEL, y)], PALE, 1.0);
            self.text(left - 6.0, y + 4.0, 10.0, Anchor::End, &percent(share));
        }
    }

    /// A line of the legend.
    fn key(&mut self, x: f64, y: f64, label: &str, color: &str) {
        self.rect(x, y - 8.0, 9.0, 9.0, color);
        self.text(x + 13.0, y, 11.0, Anchor::Start, label);
    }

    fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, color: &str) {
        let _ = writeln!(
            self.text,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{color}\"/>"
        );
    }

    fn circle(&mut self, x: f64, y: f64, radius: f64, color: &str) {
        let _ = writeln!(
            self.text,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{color}\" fill-opacity=\"0.7\"/>"
        );
    }

    fn line(&mut self, points: &[(f64, f64)], color: &str, width: f64) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            self.text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\"/>",
            points.join(" ")
        );
    }

    /// Foreign text goes through here alone.
    fn text(&mut self, x: f64, y: f64, size: f64, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let _ = writeln!(
            self.text,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{INK}\" text-anchor=\"{anchor}\">{}</text>",
            escaped(text)
        );
    }

    fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

/// Text as content of an XML element: markup escaped, what XML cannot hold made visible.
fn escaped(text: &str) -> String {
    let mut res = String::new();
    for ch in crate::events::visible(text).chars() {
        match ch {
            '&' => res.push_str("&amp;"),
            '<' => res.push_str("&lt;"),
            '>' => res.push_str("&gt;"),
            '"' => res.push_str("&quot;"),
            '\'' => res.push_str("&#39;"),
            // No character of XML.
            '\u{fffe}' | '\u{ffff}' => res.push('\u{fffd}'),
            _ => res.push(ch),
        }
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_with_little_to_say_are_taken_together() {
        let day = |day, events, allowed| DayCoverage {
            day: crate::events::Day(day),
            coverage: Coverage { events, allowed, asked: 0, stopped: events - allowed },
        };
        let spans = spans(&[day(10, 1, 0), day(12, 100, 80), day(13, 99, 99), day(20, 1, 0)]);
        let shown: Vec<(f64, u64, u64)> =
            spans.iter().map(|(at, it)| (*at, it.events, it.allowed)).collect();
        assert_eq!(shown, [(11.0, 101, 80), (13.0, 99, 99), (20.0, 1, 0)]);
    }

    #[test]
    fn foreign_text_is_never_markup() {
        assert_eq!(escaped("a<b & \"c\">'\u{1}"), "a&lt;b &amp; &quot;c&quot;&gt;&#39;\\u{1}");
    }
}

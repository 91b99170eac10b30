//! The answer on one screen: how many persons, which data, what can be said and why, when, how, and
//! what to do next.

use crate::claims::{Group, groups};
use crate::gaps::blind_spans;
use crate::paint::{Paint, Tone, columns, wrap};
use crate::veil::Veil;
use crate::words;
use ambit_scope::{Bounds, Claim, Scope, Verdict};
use std::collections::BTreeMap;

/// What is shown, beside the answer itself.
pub struct Screen<'a> {
    pub scope: &'a Scope,
    pub lake_version: u64,
    pub veil: &'a Veil,
    /// Commands that lead on, most useful first.
    pub next: Vec<String>,
}

/// How many entries of a kind fit on the screen; the rest is counted, and stands whole in JSON and HTML.
const MOST_GAPS: usize = 3;
const MOST_ASSUMPTIONS: usize = 4;
const MOST_PERSONS: usize = 4;
const MOST_OPERATIONS: usize = 4;
const MOST_EVENTS: usize = 3;
const MOST_REASONS: usize = 2;

/// The whole screen, each line without its line end.
pub fn lines(screen: &Screen<'_>, paint: &Paint) -> Vec<String> {
    let mut sheet = Sheet {
        screen,
        paint,
        lines: Vec::new(),
    };
    sheet.head();
    sheet.data();
    sheet.residence();
    sheet.claims();
    sheet.gaps();
    sheet.times();
    sheet.method();
    sheet.open_ends();
    sheet.assumptions();
    sheet.evidence();
    sheet.next();
    sheet.lines
}

/// A class and effect with its bounds, as a row.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    /// Confirmed first, then not excluded, then excluded.
    rank: u8,
    /// Its place among [`words::EFFECTS`].
    effect: usize,
    at_least: u64,
    at_most: Option<u64>,
    verdict: Option<Verdict>,
}

struct Sheet<'a> {
    screen: &'a Screen<'a>,
    paint: &'a Paint,
    lines: Vec<String>,
}

/// Where the text of a labelled line begins.
const INDENT: usize = 11;

impl<'a> Sheet<'a> {
    fn scope(&self) -> &'a Scope {
        self.screen.scope
    }

    fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    /// A paragraph with a label in the margin.
    fn labelled(&mut self, label: &str, tone: Option<Tone>, text: &str, most: usize) {
        let margin = self.paint.tone(Tone::Head, label);
        let space = " ".repeat(INDENT.saturating_sub(label.chars().count()));
        for (n, line) in self.paint.wrapped(INDENT, text, most).into_iter().enumerate() {
            let line = tone.map_or(line.clone(), |tone| self.paint.tone(tone, &line));
            match n {
                0 => self.lines.push(format!("{margin}{space}{line}")),
                _ => self.lines.push(format!("{}{line}", " ".repeat(INDENT))),
            }
        }
    }

    /// A remark under the line before it.
    fn remark(&mut self, tone: Tone, text: &str, most: usize) {
        for line in self.paint.wrapped(INDENT + 2, text, most) {
            let line = self.paint.tone(tone, &line);
            self.lines.push(format!("{}{line}", " ".repeat(INDENT + 2)));
        }
    }

    fn plain(&mut self, text: &str, most: usize) {
        self.labelled("", None, text, most);
    }

    fn faint(&mut self, text: &str, most: usize) {
        self.labelled("", Some(Tone::Faint), text, most);
    }

    fn said(&self, text: &str) -> String {
        self.screen.veil.text(text)
    }

    fn head(&mut self) {
        let scope = self.scope();
        let seeds: Vec<String> = scope.seeds.iter().map(|seed| self.said(seed)).collect();
        let window = scope.window.map_or("no evidence".to_owned(), |window| {
            format!("evidence {} UTC", words::span(window))
        });
        let about = format!(
            "{} · lake version {} · {window}",
            seeds.join(" · "),
            self.screen.lake_version
        );
        let answer = words::headline(scope);
        let open = words::not_excluded(scope);
        let excluded = words::excluded(scope);
        self.labelled("SCOPE", Some(Tone::Faint), &about, 2);
        self.blank();
        self.labelled("ANSWER", Some(Tone::Strong), &answer, 3);
        if !open.is_empty() {
            let text = format!("cannot be excluded: {}", open.join("; "));
            self.labelled("", Some(Tone::Open), &text, 2);
        }
        if let Some(no) = excluded {
            self.labelled("", Some(Tone::Good), &format!("{no} read: supported"), 2);
        }
        self.bounds_line();
    }

    fn bounds_line(&mut self) {
        let scope = self.scope();
        if !scope.mapped {
            return;
        }
        let records = words::both_ends(scope.records.at_least, scope.records.at_most);
        let persons = self.persons();
        let because = scope.subjects.because.first().map(|why| self.said(why));
        self.plain(&format!("{persons}records: {records}"), 3);
        if let Some(why) = because {
            self.faint(&format!("not narrower because {why}"), 2);
        }
    }

    /// The first persons of each grade, masked.
    fn persons(&self) -> String {
        let subjects = &self.scope().subjects;
        let mut out = String::new();
        for (grade, keys) in [
            ("confirmed", &subjects.confirmed),
            ("probable", &subjects.probable),
            ("possible", &subjects.possible),
        ] {
            let shown: Vec<String> = keys
                .iter()
                .take(MOST_PERSONS)
                .map(|key| self.screen.veil.subject(key))
                .collect();
            let more = match keys.len().saturating_sub(MOST_PERSONS) {
                0 => String::new(),
                n => format!(" and {} more", words::number(n as u64)),
            };
            if !shown.is_empty() {
                out.push_str(&format!("{grade}: {}{more}; ", shown.join(", ")));
            }
        }
        out
    }

    /// The table of classes: those with the same bounds and verdict share a row.
    fn data(&mut self) {
        let rows = class_rows(self.scope());
        if rows.is_empty() {
            return;
        }
        self.blank();
        let verdicts = rows
            .iter()
            .map(|(row, _)| row_verdict(row).chars().count())
            .max()
            .unwrap_or(0);
        let widest = self.paint.width.saturating_sub(INDENT + verdicts + 23).max(20);
        let mut cells = vec![
            ["persons' data", "at least", "at most", ""]
                .map(str::to_owned)
                .to_vec(),
        ];
        let mut tones = vec![Tone::Faint];
        for (row, classes) in &rows {
            let names = if classes.len() > 3 && classes.len() == self.scope().classes.len() {
                format!("every class ({})", classes.len())
            } else {
                words::list(classes)
            };
            let mut names = wrap(&names, widest).into_iter();
            let bounds = [
                words::number(row.at_least),
                words::at_most(row.at_most),
                row_verdict(row),
            ];
            cells.push([vec![names.next().unwrap_or_default()], bounds.to_vec()].concat());
            cells.extend(names.map(|name| vec![name]));
            tones.resize(cells.len(), row_tone(row));
        }
        for (n, (line, tone)) in columns(&cells).into_iter().zip(tones).enumerate() {
            let label = if n == 0 { "DATA" } else { "" };
            let space = " ".repeat(INDENT - label.len());
            self.lines.push(format!(
                "{}{space}{}",
                self.paint.tone(Tone::Head, label),
                self.paint.tone(tone, &line)
            ));
        }
    }

    /// Where the persons live, the places of most of them first.
    fn residence(&mut self) {
        const MOST: usize = 8;
        let Some(residence) = &self.scope().residence else {
            return;
        };
        let reached = |(_, bounds): &(&String, &Bounds)| bounds.at_most != Some(0);
        let mut places: Vec<(&String, &Bounds)> = residence.places.iter().filter(reached).collect();
        places.sort_by_key(|(_, bounds)| std::cmp::Reverse(bounds.at_most.unwrap_or(u64::MAX)));
        let shown = places.iter().take(MOST).map(|(place, bounds)| {
            let most = words::at_most(bounds.at_most);
            format!("{place} {} to {most}", words::number(bounds.at_least))
        });
        let mut shown: Vec<String> = shown.collect();
        if places.len() > MOST {
            shown.push(format!("and {} more places", places.len() - MOST));
        }
        let tables = residence
            .tables
            .iter()
            .map(|table| format!("{} as of {}", table.file, words::instant(table.at)));
        shown.push(format!("by {}", tables.collect::<Vec<_>>().join(" and ")));
        self.labelled("LIVING IN", None, &shown.join(" · "), 3);
    }

    fn claims(&mut self) {
        // What happened to classes is said by the answer and its table.
        let is_said = |claim: &&Claim| {
            let is_effect = claim.id.starts_with("effect:") && claim.verdict != Verdict::Supported;
            claim.id.starts_with("class:") || is_effect
        };
        let groups = groups(self.scope().claims.iter().filter(|claim| !is_said(claim)));
        if groups.is_empty() {
            return;
        }
        self.blank();
        for (n, group) in groups.iter().enumerate() {
            self.claim(if n == 0 { "CLAIMS" } else { "" }, group);
        }
    }

    fn claim(&mut self, label: &str, group: &Group<'_>) {
        let (icon, tone) = verdict_mark(group.verdict);
        let text = format!(
            "{icon} {}: {}",
            words::verdict(group.verdict),
            group.sentences().join(" ")
        );
        let text = self.said(&text);
        self.labelled(label, Some(tone), &text, 3);
        let reasons = &group.because;
        let because: Vec<String> = reasons
            .iter()
            .take(MOST_REASONS)
            .map(|why| self.said(why))
            .collect();
        let more = match reasons.len().saturating_sub(MOST_REASONS) {
            0 => String::new(),
            n => format!("; and {n} more"),
        };
        if !because.is_empty() {
            self.remark(Tone::Faint, &format!("because {}{more}", because.join("; ")), 2);
        }
        if let Some(settle) = group.would_settle {
            let settle = self.said(settle);
            self.remark(Tone::Faint, &format!("would settle it: {settle}"), 1);
        }
    }

    fn times(&mut self) {
        let timeline = &self.scope().timeline;
        let said = |at: Option<ambit_event::Timestamp>| at.map_or("unknown".to_owned(), words::instant);
        self.blank();
        let possible = (timeline.first_possible, timeline.last_possible);
        let activity = match (timeline.first_activity, timeline.last_activity) {
            (None, None) if possible == (None, None) => "no attributed event is in the lake".to_owned(),
            (None, None) => "no event is more than possibly the intruder's".to_owned(),
            (first, last) => format!("first activity {} · last {} UTC", said(first), said(last)),
        };
        self.labelled("WHEN", None, &activity, 1);
        if possible != (None, None) {
            let (first, last) = (said(possible.0), said(possible.1));
            self.plain(&format!("possible activity from {first} to {last} UTC"), 1);
        }
        let control_until = timeline
            .control_until
            .map_or("not proved to have ended".to_owned(), |at| {
                format!("until {}", words::instant(at))
            });
        let from = timeline
            .control_from
            .map_or("beginning unknown".to_owned(), |at| {
                format!("from {}", words::instant(at))
            });
        self.plain(&format!("control not excluded {from}, {control_until}"), 1);
        let because = self.said(&timeline.first_noticeable_because);
        self.plain(
            &format!("first noticeable {}: {because}", said(timeline.first_noticeable)),
            2,
        );
        let because = self.said(&timeline.first_noticed_because);
        self.plain(
            &format!("first noticed {}: {because}", said(timeline.first_noticed)),
            1,
        );
    }

    fn method(&mut self) {
        let scope = self.scope();
        let mut exposed: Vec<String> = scope
            .exposed
            .iter()
            .take(MOST_OPERATIONS)
            .map(|exposed| {
                format!(
                    "{} {}: {} {}",
                    exposed.by.replace('_', " "),
                    exposed.value,
                    words::range(&exposed.n),
                    words::of_kind(exposed)
                )
            })
            .collect();
        let more = scope.exposed.len().saturating_sub(MOST_OPERATIONS);
        if more > 0 {
            exposed.push(format!("{more} more"));
        }
        let same_method = &scope.same_method;
        let label = if exposed.is_empty() { "METHOD" } else { "EXPOSED" };
        exposed.push(format!("the same method elsewhere: {same_method}"));
        let text = self.said(&exposed.join("; "));
        self.labelled(label, None, &text, 3);
    }

    fn gaps(&mut self) {
        let spans = blind_spans(&self.scope().gaps);
        if spans.is_empty() {
            return;
        }
        self.blank();
        for (n, blind) in spans.iter().take(MOST_GAPS).enumerate() {
            let gap = blind.gap;
            let host = gap
                .host
                .as_deref()
                .map(|host| format!(" on {host}"))
                .unwrap_or_default();
            let text = format!(
                "{} {}{host} {} {} ({})",
                gap.id,
                gap.source,
                gap.state,
                words::span(gap.span),
                blind.roles()
            );
            let (text, consequence) = (self.said(&text), self.said(&blind.consequences.join("; ")));
            self.labelled(if n == 0 { "GAPS" } else { "" }, Some(Tone::Open), &text, 2);
            self.remark(Tone::Faint, &consequence, 2);
        }
        if spans.len() > MOST_GAPS {
            self.faint(&format!("and {} more that matter", spans.len() - MOST_GAPS), 1);
        }
    }

    /// What was tried, what nobody mapped, what was internal.
    fn open_ends(&mut self) {
        let scope = self.scope();
        let mut said: Vec<(&str, String)> = Vec::new();
        if !scope.attempts.is_empty() {
            let tried = summed(scope.attempts.iter().map(|a| (a.operation.as_str(), 1)));
            said.push(("TRIED", format!("without reaching data: {tried}")));
        }
        if !scope.unmapped.is_empty() {
            let unmapped = summed(scope.unmapped.iter().map(|u| (u.operation.as_str(), u.n_events)));
            said.push(("UNMAPPED", format!("operations that no map explains: {unmapped}")));
        }
        if !scope.internal.is_empty() {
            let reached: Vec<String> = scope
                .internal
                .iter()
                .take(MOST_OPERATIONS)
                .map(|i| {
                    let records = words::both_ends(i.records.at_least, i.records.at_most);
                    format!(
                        "{} {} {} ({}, records {records})",
                        i.store, i.object, i.effect, i.grade
                    )
                })
                .collect();
            said.push(("INTERNAL", reached.join("; ")));
        }
        for (label, text) in said {
            let text = self.said(&text);
            self.labelled(label, None, &text, 3);
        }
    }

    fn assumptions(&mut self) {
        let assertions = words::assertions(self.scope());
        self.blank();
        if assertions.is_empty() {
            self.labelled("RESTS ON", None, "nothing but the evidence", 1);
            return;
        }
        for (n, assertion) in assertions.iter().take(MOST_ASSUMPTIONS).enumerate() {
            let reason = assertion
                .reason
                .as_deref()
                .map(|why| format!(" ({why})"))
                .unwrap_or_default();
            let text = self.said(&format!("{}: {}{reason}", assertion.kind, assertion.text));
            self.labelled(if n == 0 { "RESTS ON" } else { "" }, None, &text, 2);
            if let Some(contradiction) = &assertion.contradicted_by {
                let text = format!("the evidence speaks against it: {}", self.said(contradiction));
                self.remark(Tone::Bad, &text, 2);
            }
        }
        if assertions.len() > MOST_ASSUMPTIONS {
            self.faint(&format!("and {} more", assertions.len() - MOST_ASSUMPTIONS), 1);
        }
    }

    fn evidence(&mut self) {
        let scope = self.scope();
        let mut ids: Vec<String> = scope
            .pairs
            .iter()
            .flat_map(|p| &p.evidence)
            .map(ToString::to_string)
            .collect();
        if ids.is_empty() {
            ids = scope
                .timeline
                .entries
                .iter()
                .map(|entry| entry.event.to_string())
                .collect();
        }
        let mut seen = std::collections::BTreeSet::new();
        ids.retain(|id| seen.insert(id.clone()));
        let n_ids = ids.len();
        ids.truncate(MOST_EVENTS);
        let more = match n_ids.saturating_sub(MOST_EVENTS) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let attributed = words::counted(scope.n_attributed, "attributed event", "attributed events");
        if ids.is_empty() {
            self.labelled("EVIDENCE", None, &attributed, 1);
        } else {
            self.labelled(
                "EVIDENCE",
                None,
                &format!("{attributed}; shown by {}{more}", ids.join(" ")),
                3,
            );
        }
        let root = self.said(&format!("content root {}", scope.content_root));
        self.faint(&root, 2);
    }

    fn next(&mut self) {
        let next = &self.screen.next;
        if next.is_empty() {
            return;
        }
        for (n, command) in next.iter().enumerate() {
            // Commands are not wrapped: they are copied.
            let label = if n == 0 { "NEXT" } else { "" };
            let space = " ".repeat(INDENT - label.len());
            self.lines
                .push(format!("{}{space}{command}", self.paint.tone(Tone::Head, label)));
        }
    }
}

/// Rows with the classes that share them, the worst first.
fn class_rows(scope: &Scope) -> Vec<(Row, Vec<String>)> {
    let mut rows: BTreeMap<Row, Vec<String>> = BTreeMap::new();
    for (place, effect) in words::EFFECTS.iter().enumerate() {
        let classes = if place == 0 {
            Some(&scope.classes)
        } else {
            scope.effects.get(*effect)
        };
        for (class, bounds) in classes.into_iter().flatten() {
            // Beside what was read, only what cannot be excluded is worth a row.
            if place > 0 && bounds.at_most == Some(0) {
                continue;
            }
            let id = format!("class:{class}:{effect}");
            let row = Row {
                rank: rank(bounds),
                effect: place,
                at_least: bounds.at_least,
                at_most: bounds.at_most,
                verdict: scope
                    .claims
                    .iter()
                    .find(|claim| claim.id == id)
                    .map(|claim| claim.verdict),
            };
            rows.entry(row).or_default().push(class.clone());
        }
    }
    rows.into_iter().collect()
}

const fn rank(bounds: &Bounds) -> u8 {
    match (bounds.at_least, bounds.at_most) {
        (1.., _) => 0,
        (0, Some(0)) => 2,
        (0, _) => 1,
    }
}

const fn row_tone(row: &Row) -> Tone {
    match row.rank {
        0 => Tone::Bad,
        1 => Tone::Open,
        _ => Tone::Good,
    }
}

fn row_verdict(row: &Row) -> String {
    let effect = words::EFFECTS[row.effect];
    match (row.rank, row.verdict) {
        (0, _) => effect.to_owned(),
        (1, _) => format!("? that it was {effect} is not excluded"),
        (_, Some(Verdict::Supported)) => format!("✔ not {effect}: supported"),
        (_, Some(verdict)) => format!("not {effect}: {}", words::verdict(verdict)),
        (_, None) => format!("not {effect}"),
    }
}

pub const fn verdict_mark(verdict: Verdict) -> (&'static str, Tone) {
    match verdict {
        Verdict::Supported => ("✔", Tone::Good),
        Verdict::Contradicted => ("✘", Tone::Bad),
        Verdict::Undecided => ("?", Tone::Open),
    }
}

/// `read profile (3), export (1) and 2 more`, the most frequent first.
fn summed<'a>(operations: impl Iterator<Item = (&'a str, u64)>) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (operation, n) in operations {
        *counts.entry(operation).or_default() += n;
    }
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let shown: Vec<String> = sorted
        .iter()
        .take(MOST_OPERATIONS)
        .map(|(operation, n)| format!("{operation} ({})", words::number(*n)))
        .collect();
    match sorted.len().saturating_sub(MOST_OPERATIONS) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn shown(text: &str) -> String {
        let scope = sample::scope(text);
        let screen = Screen {
            scope: &scope,
            lake_version: 3,
            veil: &Veil::over(&scope),
            next: vec!["ambit show hop:1".to_owned()],
        };
        lines(&screen, &Paint::plain()).join("\n")
    }

    #[test]
    fn numbers_come_with_their_bounds_and_unknown_is_said() {
        let text = shown("x");
        assert!(
            text.contains("1 person or more (at least 1, upper bound unknown): contact data read"),
            "{text}"
        );
        assert!(
            text.contains("cannot be excluded: health data read; contact data changed"),
            "{text}"
        );
        assert!(text.contains("no payment data read: supported"), "{text}");
        assert!(text.contains("upper bound unknown"), "{text}");
        assert!(!text.contains("none"), "{text}");
    }

    #[test]
    fn no_escape_and_no_person_reaches_the_terminal() {
        let text = shown("\u{1b}[2J /users/1042/x \u{202e}");
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}') && !text.contains("1042"),
            "{text}"
        );
        assert!(text.contains("user 1••• (#1)"), "{text}");
    }

    #[test]
    fn lines_stay_within_the_width() {
        let text = shown("word and word and word and word");
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(Paint::plain().width), "{text}");
    }
}

//! The bounds as a table whose middle column is a picture: what is confirmed, what is not excluded.

use super::Report;
use super::markup::{Esc, put};
use crate::words;
use ambit_scope::{Bounds, Claim, Scope};

/// Length of a bar, in units of its picture.
const LENGTH: f64 = 300.0;

pub fn section(report: &Report<'_>, out: &mut String) {
    let rows = rows(report.scope);
    if rows.is_empty() {
        return;
    }
    let scale = Scale::of(&rows);
    put!(
        out,
        "<div class=\"scroll\"><table><caption>Persons per class of data. Solid: confirmed. Hatched: not excluded{}.</caption><thead><tr><th scope=\"col\">Data</th><th scope=\"col\" class=\"num\">At least</th><th scope=\"col\" class=\"bar\"><span>Between</span></th><th scope=\"col\" class=\"num\">At most</th><th scope=\"col\">What the evidence says</th></tr></thead><tbody>",
        if scale.is_logarithmic {
            " (logarithmic scale)"
        } else {
            ""
        }
    );
    for row in &rows {
        put!(
            out,
            "<tr><th scope=\"row\">{}{}</th><td class=\"num\">{}</td><td class=\"bar\">{}</td><td class=\"num\">{}</td><td class=\"wide\">{}</td></tr>",
            Esc(words::list(&row.classes)),
            if row.effect == "read" {
                String::new()
            } else {
                format!(" <small>{}</small>", Esc(row.effect))
            },
            words::number(row.bounds.at_least),
            bar(row, &scale),
            words::at_most(row.bounds.at_most),
            said(report, row)
        );
    }
    out.push_str("</tbody></table></div>");
}

struct Row<'a> {
    classes: Vec<&'a str>,
    effect: &'a str,
    bounds: &'a Bounds,
    claim: Option<&'a Claim>,
}

/// Every class for *read*; for other effects what is not excluded, classes with the same bounds as one.
fn rows(scope: &Scope) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (class, bounds) in &scope.classes {
        let id = format!("class:{class}:read");
        rows.push(Row {
            classes: vec![class],
            effect: "read",
            bounds,
            claim: scope.claims.iter().find(|claim| claim.id == id),
        });
    }
    rows.sort_by_key(|row| (row.bounds.at_least == 0, row.bounds.at_most == Some(0)));
    for effect in &words::EFFECTS[1..] {
        let classes = scope.effects.get(*effect).into_iter().flatten();
        for (class, bounds) in classes.filter(|(_, bounds)| bounds.at_most != Some(0)) {
            let alike = rows.iter_mut().find(|row| {
                let ends = (row.bounds.at_least, row.bounds.at_most);
                row.effect == *effect && ends == (bounds.at_least, bounds.at_most)
            });
            match alike {
                Some(row) => row.classes.push(class),
                None => rows.push(Row {
                    classes: vec![class],
                    effect,
                    bounds,
                    claim: None,
                }),
            }
        }
    }
    rows
}

fn said(report: &Report<'_>, row: &Row<'_>) -> String {
    let verb = if row.effect == "read" { "read" } else { row.effect };
    let head = match (row.bounds.at_least, row.bounds.at_most) {
        (1.., _) => format!("<span class=\"bad\"><strong>{}</strong></span>", Esc(verb)),
        (0, Some(0)) => "<span class=\"good\"><strong>none</strong></span>".to_owned(),
        (0, _) => "<span class=\"open\"><strong>not excluded</strong></span>".to_owned(),
    };
    let verdict = row
        .claim
        .filter(|_| row.bounds.at_most == Some(0))
        .map(|claim| format!(": {}", words::verdict(claim.verdict)))
        .unwrap_or_default();
    let reasons = &row.bounds.because;
    let why = match reasons.as_slice() {
        [] => String::new(),
        [one] => format!("<br><small>{}</small>", Esc(report.veil.text(one))),
        [one, rest @ ..] => {
            format!(
                "<br><small>{}; and {} more below</small>",
                Esc(report.veil.text(one)),
                rest.len()
            )
        }
    };
    format!("{head}{verdict}{why}")
}

struct Scale {
    largest: u64,
    is_logarithmic: bool,
}

impl Scale {
    /// Linear while small numbers can be told apart, else logarithmic.
    fn of(rows: &[Row<'_>]) -> Self {
        let ends = rows
            .iter()
            .flat_map(|row| [Some(row.bounds.at_least), row.bounds.at_most]);
        let largest = ends.flatten().max().unwrap_or(1).max(1);
        Self {
            largest,
            is_logarithmic: largest > 30,
        }
    }

    fn at(&self, n: u64) -> f64 {
        let share = if self.is_logarithmic {
            (n as f64).ln_1p() / (self.largest as f64).ln_1p()
        } else {
            n as f64 / self.largest as f64
        };
        // An unknown upper bound has the last tenth for itself.
        share * LENGTH * 0.9
    }
}

fn bar(row: &Row<'_>, scale: &Scale) -> String {
    let least = scale.at(row.bounds.at_least);
    let most = row.bounds.at_most.map_or(LENGTH, |n| scale.at(n));
    let label = words::both_ends(row.bounds.at_least, row.bounds.at_most);
    let mut out = format!(
        "<svg viewBox=\"-1 0 302 16\" role=\"img\" aria-label=\"{}\"><rect class=\"track\" width=\"{LENGTH}\" height=\"14\" y=\"1\" rx=\"2\"/>",
        Esc(&label)
    );
    if most > least {
        put!(
            out,
            "<rect class=\"f-maybe\" x=\"{least:.1}\" y=\"1\" width=\"{:.1}\" height=\"14\"/>",
            most - least
        );
    }
    if least > 0.0 {
        put!(
            out,
            "<rect class=\"f-sure\" y=\"1\" width=\"{least:.1}\" height=\"14\" rx=\"2\"/>"
        );
    }
    if row.bounds.at_most == Some(0) {
        out.push_str("<rect class=\"f-zero\" y=\"1\" width=\"4\" height=\"14\" rx=\"2\"/>");
    }
    if row.bounds.at_most.is_none() {
        put!(out, "<text x=\"{}\" y=\"13\">?</text>", LENGTH - 14.0);
    }
    out.push_str("</svg>");
    out
}

//! The way from the seeds to the persons: what came under control, what was done with it, whose data
//! that reached. A picture for people: alike steps are one box, and the tables say the rest.

use super::Report;
use super::graph::{Edge, Graph, Node, Style};
use crate::words;
use ambit_event::{Observable, ObservableKind};
use ambit_scope::{Access, Grade, Hop};
use std::collections::{BTreeMap, BTreeSet};

/// Observables of one kind and step are drawn one by one up to this number, else as one box.
const MOST_ALONE: usize = 2;
/// Steps of control that have a column of their own; later ones share the last.
const DEEPEST: usize = 3;
/// Operations that are drawn; the rest is one box.
const MOST_OPERATIONS: usize = 6;
/// Persons that are drawn one by one.
const MOST_PERSONS: usize = 4;
/// Boxes from which an operation is shown to come: the surest.
const MOST_PARENTS: usize = 2;

pub fn section(report: &Report<'_>, out: &mut String) {
    let graph = graph(report);
    if graph.nodes.is_empty() {
        out.push_str("<p>There is no hop to draw: the seeds occur in no event.</p>");
        return;
    }
    graph.draw(
        "From the seeds to the persons, alike steps as one box; the tables below say the same in full",
        out,
    );
}

fn graph(report: &Report<'_>) -> Graph {
    let mut graph = Graph::default();
    let steps = steps(report, &mut graph);
    let last = graph.nodes.iter().map(|node| node.column).max().unwrap_or(0);
    let operations = operations(report, &steps, last + 1, &mut graph);
    persons(report, &operations, last + 2, &mut graph);
    unnamed(report, last + 2, &mut graph);
    graph
}

/// A box of the trace: everything that came under control in the same way.
struct Step<'a> {
    depth: usize,
    kind: ObservableKind,
    rule: &'a str,
    /// What tells boxes of one kind apart: the service for records joined to a request, else nothing or
    /// the observable itself.
    apart: Option<&'a str>,
    hops: Vec<&'a Hop>,
}

/// Draws what came under control; answers which box each hop is in.
fn steps<'a>(report: &Report<'a>, graph: &mut Graph) -> BTreeMap<&'a str, usize> {
    let trace = &report.scope.trace;
    let depths = depths(trace);
    let mut boxes = BTreeMap::new();
    let mut of_observable: BTreeMap<&Observable, usize> = BTreeMap::new();
    for step in grouped(trace, &depths) {
        let node = graph.add(step_node(report, &step));
        for hop in &step.hops {
            boxes.insert(hop.id.as_str(), node);
            of_observable.entry(&hop.to).or_insert(node);
        }
    }
    for hop in trace {
        let from = hop.from.as_ref().and_then(|from| of_observable.get(from));
        if let (Some(&from), Some(&to)) = (from, boxes.get(hop.id.as_str()))
            && from != to
        {
            graph.connect(Edge {
                from,
                to,
                style: hop.grade.into(),
            });
        }
    }
    boxes
}

fn grouped<'a>(trace: &'a [Hop], depths: &BTreeMap<&Observable, usize>) -> Vec<Step<'a>> {
    let mut by_key: BTreeMap<(usize, ObservableKind, &str, Option<&str>), Vec<&Hop>> = BTreeMap::new();
    for hop in trace {
        // Whatever has no known beginning stands beside the first step, as it is no seed.
        let depth = depths.get(&hop.to).copied().unwrap_or(1).min(DEEPEST);
        let is_service = hop.to.kind == ObservableKind::Service;
        let apart = is_service.then_some(hop.to.value.as_str());
        by_key
            .entry((depth, hop.to.kind, &hop.rule, apart))
            .or_default()
            .push(hop);
    }
    let mut steps = Vec::new();
    for ((depth, kind, rule, apart), hops) in by_key {
        let values: BTreeSet<&str> = hops.iter().map(|hop| hop.to.value.as_str()).collect();
        if apart.is_some() || values.len() > MOST_ALONE {
            steps.push(Step {
                depth,
                kind,
                rule,
                apart,
                hops,
            });
            continue;
        }
        steps.extend(values.into_iter().map(|value| Step {
            depth,
            kind,
            rule,
            apart: Some(value),
            hops: hops.iter().copied().filter(|hop| hop.to.value == value).collect(),
        }));
    }
    steps
}

/// The fewest steps from a seed to each observable.
fn depths(trace: &[Hop]) -> BTreeMap<&Observable, usize> {
    let mut depths: BTreeMap<&Observable, usize> = BTreeMap::new();
    for hop in trace.iter().filter(|hop| hop.from.is_none()) {
        depths.insert(&hop.to, usize::from(hop.rule != "seed"));
    }
    loop {
        let mut news = Vec::new();
        for hop in trace {
            let from = hop.from.as_ref().and_then(|from| depths.get(from));
            if let Some(depth) = from
                && !depths.contains_key(&hop.to)
            {
                news.push((&hop.to, depth + 1));
            }
        }
        if news.is_empty() {
            return depths;
        }
        depths.extend(news);
    }
}

fn step_node(report: &Report<'_>, step: &Step<'_>) -> Node {
    let n_events: u64 = step.hops.iter().map(|hop| hop.n_events).sum();
    let values: BTreeSet<&str> = step.hops.iter().map(|hop| hop.to.value.as_str()).collect();
    let title = match step.apart {
        Some(service) if step.kind == ObservableKind::Service => {
            format!("records of {}", report.veil.text(service))
        }
        Some(_) => step
            .hops
            .first()
            .map(|hop| report.veil.observable(&hop.to))
            .unwrap_or_default(),
        None => format!("{} {}s", values.len(), step.kind.to_string().replace('_', " ")),
    };
    let full: BTreeSet<String> = step
        .hops
        .iter()
        .take(20)
        .map(|hop| {
            format!(
                "{}: {}",
                report.veil.observable(&hop.to),
                report.veil.text(&hop.reason)
            )
        })
        .collect();
    Node {
        column: step.depth,
        title,
        detail: format!(
            "{} · {}",
            step.rule.replace('_', " "),
            words::counted(n_events, "event", "events")
        ),
        full: full.into_iter().collect::<Vec<_>>().join("\n"),
        style: step
            .hops
            .iter()
            .map(|hop| hop.grade)
            .max()
            .unwrap_or(Grade::Possible)
            .into(),
    }
}

/// Draws what was done; answers which box each access is in.
fn operations<'a>(
    report: &Report<'a>,
    steps: &BTreeMap<&str, usize>,
    column: usize,
    graph: &mut Graph,
) -> Vec<(&'a Access, usize)> {
    let mut by_key: BTreeMap<(&str, Grade, bool), Vec<&'a Access>> = BTreeMap::new();
    for access in &report.scope.accesses {
        let key = (
            access.operation.as_str(),
            access.grade,
            access.completion == "done",
        );
        by_key.entry(key).or_default().push(access);
    }
    let mut sorted: Vec<_> = by_key.into_iter().collect();
    sorted.sort_by_key(|((operation, grade, is_done), accesses)| {
        (std::cmp::Reverse((*grade, *is_done, accesses.len())), *operation)
    });
    let mut drawn = Vec::new();
    for (n, (_, accesses)) in sorted.iter().enumerate() {
        let node = if n < MOST_OPERATIONS {
            graph.add(operation_node(report, column, accesses))
        } else {
            graph.find_or_add(Node::plain(
                column,
                "more operations",
                "see the table of accesses",
            ))
        };
        connect_parents(accesses, steps, node, graph);
        drawn.extend(accesses.iter().map(|access| (*access, node)));
    }
    attempts(report, steps, column, graph);
    drawn
}

/// All that was refused is one box.
fn attempts(report: &Report<'_>, steps: &BTreeMap<&str, usize>, column: usize, graph: &mut Graph) {
    let attempts: Vec<&Access> = report.scope.attempts.iter().collect();
    if attempts.is_empty() {
        return;
    }
    let operations: BTreeSet<&str> = attempts.iter().map(|a| a.operation.as_str()).collect();
    let node = graph.add(Node {
        column,
        title: words::counted(attempts.len() as u64, "attempt, refused", "attempts, refused"),
        detail: "no data was read".to_owned(),
        full: report
            .veil
            .text(&operations.into_iter().collect::<Vec<_>>().join(", ")),
        style: Style::Plain,
    });
    connect_parents(&attempts, steps, node, graph);
}

/// Connects the surest steps that lead to an operation, the latest of them.
fn connect_parents(accesses: &[&Access], steps: &BTreeMap<&str, usize>, to: usize, graph: &mut Graph) {
    let hops = accesses.iter().flat_map(|access| &access.hops);
    let parents: BTreeSet<usize> = hops.filter_map(|hop| steps.get(hop.as_str()).copied()).collect();
    let mut ranked: Vec<usize> = parents.into_iter().collect();
    ranked.sort_by_key(|&node| {
        let Node { style, column, .. } = &graph.nodes[node];
        (style.rank(), std::cmp::Reverse(*column), node)
    });
    for from in ranked.into_iter().take(MOST_PARENTS) {
        let style = graph.nodes[to].style;
        graph.connect(Edge { from, to, style });
    }
}

fn operation_node(report: &Report<'_>, column: usize, accesses: &[&Access]) -> Node {
    let set = |of: &dyn Fn(&Access) -> Vec<String>| -> Vec<String> {
        let all: BTreeSet<String> = accesses.iter().flat_map(|access| of(access)).collect();
        all.into_iter().collect()
    };
    let classes = set(&|access| access.classes.clone());
    let sources = set(&|access| vec![access.source.clone()]);
    let operation = accesses.first().map_or("", |access| access.operation.as_str());
    let times = match accesses.len() {
        1 => String::new(),
        n => format!("{} × ", words::number(n as u64)),
    };
    let ended = if accesses.iter().all(|access| access.completion == "done") {
        ""
    } else {
        " · may have failed"
    };
    Node {
        column,
        title: format!("{times}{}", report.veil.text(operation)),
        detail: format!("{}{ended}", report.veil.text(&sources.join(", "))),
        full: report
            .veil
            .text(&format!("{operation}: {} data", words::list(&classes))),
        style: accesses
            .iter()
            .map(|access| access.grade)
            .max()
            .unwrap_or(Grade::Possible)
            .into(),
    }
}

fn persons(report: &Report<'_>, operations: &[(&Access, usize)], column: usize, graph: &mut Graph) {
    let subjects = &report.scope.subjects;
    for (grade, keys) in [
        (Grade::Certain, &subjects.confirmed),
        (Grade::Probable, &subjects.probable),
        (Grade::Possible, &subjects.possible),
    ] {
        let sets: Vec<&[String]> = if keys.len() > MOST_PERSONS {
            vec![keys]
        } else {
            keys.chunks(1).collect()
        };
        for set in sets {
            let title = match set {
                [one] => report.veil.subject(one),
                many => words::counted(many.len() as u64, "person", "persons"),
            };
            let detail = if grade == Grade::Certain {
                "confirmed".to_owned()
            } else {
                grade.to_string()
            };
            let node = graph.add(Node {
                column,
                full: title.clone(),
                title,
                detail,
                style: grade.into(),
            });
            let set: BTreeSet<&String> = set.iter().collect();
            for (access, from) in operations {
                if access.subjects.iter().any(|subject| set.contains(subject)) {
                    graph.connect(Edge {
                        from: *from,
                        to: node,
                        style: access.grade.min(grade).into(),
                    });
                }
            }
        }
    }
}

/// Persons whom nobody can name, with the gap that causes them where it is one.
fn unnamed(report: &Report<'_>, column: usize, graph: &mut Graph) {
    for unnamed in report.scope.subjects.unnamed.iter().take(MOST_PERSONS) {
        let title = match unnamed.at_most {
            Some(n) => format!("up to {} unnamed", words::counted(n, "person", "persons")),
            None => report.veil.text(&format!("everyone in {}", unnamed.store)),
        };
        let full = report.veil.text(&unnamed.because);
        let detail = "not excluded".to_owned();
        let node = graph.find_or_add(Node {
            column,
            full,
            title,
            detail,
            style: Style::Possible,
        });
        let gap = report
            .scope
            .gaps
            .iter()
            .find(|gap| Some(&gap.id) == unnamed.gap.as_ref());
        if let Some(gap) = gap {
            let from = graph.find_or_add(Node {
                column: column - 1,
                full: report.veil.text(&gap.because),
                title: report.veil.text(&format!("gap in {}", gap.source)),
                detail: gap.id.clone(),
                style: Style::Gap,
            });
            graph.connect(Edge {
                from,
                to: node,
                style: Style::Possible,
            });
        }
    }
}

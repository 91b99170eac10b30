//! Files whose documents share parts: `action: global`, `reset` and `repeat`.
//!
//! The engine's parser joins them, but does not say which document a complaint is about. So it reads the file
//! up to each document, and what comes new is that document's.

use super::check;
use super::parse::{self, Read};
use super::refusal::Fault;
use super::yaml::{Document, Node, merged};
use rsigma_parser::{SigmaCollection, parse_sigma_yaml};

/// Most documents of such a file: each is read as often as there are documents after it.
const MOST: usize = 64;

/// What came of a document: a rule with its tree, nothing where it is only a part of others, or a fault.
type Outcome = Result<Option<(Read, Node)>, Fault>;

pub(crate) fn is_one(document: &Document<'_>) -> bool {
    matches!(&document.root, Ok(Some(root)) if parse::is_action(root))
}

/// The outcome of each document.
pub(crate) fn expand(documents: &[Document<'_>]) -> Vec<Outcome> {
    let mut shared: Option<Node> = None;
    let mut previous: Option<Node> = None;
    let mut text = String::new();
    let mut before = SigmaCollection::default();
    let mut outcomes = Vec::new();
    for (nth, document) in documents.iter().enumerate() {
        if nth >= MOST {
            let reason = format!("more than {MOST} documents in a file that uses `action`");
            outcomes.push(Err(Fault::new("too-many-documents", reason)));
            continue;
        }
        let root = match &document.root {
            Ok(Some(root)) => root,
            Ok(None) => {
                outcomes.push(Err(Fault::new("not-a-rule", "the document says nothing")));
                continue;
            }
            Err(fault) => {
                outcomes.push(Err(fault.clone()));
                continue;
            }
        };
        text.push_str(if document.text.starts_with("---") {
            ""
        } else {
            "---\n"
        });
        text.push_str(document.text);
        text.push_str(if document.text.ends_with('\n') { "" } else { "\n" });
        let whole = match root.get("action").map(|node| node.text().unwrap_or_default()) {
            Some("global") => {
                shared = Some(root.clone());
                outcomes.push(Ok(None));
                continue;
            }
            Some("reset") => {
                shared = None;
                outcomes.push(Ok(None));
                continue;
            }
            Some("repeat") => match &previous {
                Some(previous) => merged(previous.clone(), root.clone()),
                None => {
                    let fault = Fault::new("action", "`repeat` has nothing before it to repeat");
                    outcomes.push(Err(fault.at(root.at)));
                    continue;
                }
            },
            Some(other) => {
                let fault = Fault::new("action", format!("`{other}` is no action"));
                outcomes.push(Err(fault
                    .at(root.at)
                    .hint("actions are global, reset and repeat")));
                continue;
            }
            None => root.clone(),
        };
        let whole = without_action(
            shared
                .clone()
                .map_or(whole.clone(), |shared| merged(shared, whole)),
        );
        previous = Some(whole.clone());
        outcomes.push(newest(&text, &mut before, whole));
    }
    outcomes
}

fn newest(text: &str, before: &mut SigmaCollection, root: Node) -> Outcome {
    let fault = |error: rsigma_parser::SigmaParserError| Fault::new("invalid", error.to_string()).at(root.at);
    let all = parse_sigma_yaml(text).map_err(fault)?;
    let new = SigmaCollection {
        rules: all.rules.iter().skip(before.rules.len()).cloned().collect(),
        correlations: all
            .correlations
            .iter()
            .skip(before.correlations.len())
            .cloned()
            .collect(),
        filters: all.filters.iter().skip(before.filters.len()).cloned().collect(),
        errors: all.errors.iter().skip(before.errors.len()).cloned().collect(),
    };
    *before = all;
    let section = check::section(&root)?;
    check::document(&root, section)?;
    Ok(Some((parse::one(new, &root, None)?, root)))
}

fn without_action(mut root: Node) -> Node {
    if let super::yaml::Kind::Map(entries) = &mut root.kind {
        entries.retain(|(key, _)| key.text() != Some("action"));
    }
    root
}

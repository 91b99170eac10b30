//! Rule files read and compiled, each by itself and several at once: what they refer to is settled afterwards.

use super::action;
use super::files;
use super::model::{Asks, LogSource};
use super::parse::{self, Parsed, Read};
use super::pipeline::Pipelines;
use super::placeholder::{self, Placeholders};
use super::refusal::{Fault, Place};
use super::yaml::{self, Node};
use rsigma_eval::CompiledRule;
use rsigma_parser::SigmaRule;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread;

/// A file's documents, each with its place, or why the file cannot be read.
pub(crate) type Documents = Result<Vec<(Place, Outcome)>, Fault>;

/// What came of a document; nothing where it is only a part of others.
pub(crate) type Outcome = Result<Option<Document>, Fault>;

/// A document that was read.
pub(crate) struct Document {
    pub read: Read,
    pub root: Node,
    /// What the engine makes of it, where it is a rule about single events.
    pub compiled: Option<Result<CompiledRule, Fault>>,
    /// What it asked for before pipelines, where there are some.
    pub before: Option<Asks>,
}

/// What is done with rules before they are compiled.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    pub placeholders: &'a Placeholders,
    pub pipelines: &'a Pipelines,
}

/// Fewer files are not worth another thread.
const FEW: usize = 64;
const MOST_THREADS: usize = 16;

/// Reads files; what came of each, in their order.
pub(crate) fn all(paths: &[PathBuf], means: Means<'_>) -> Vec<Documents> {
    let n_cores = thread::available_parallelism().map_or(1, NonZero::get);
    let n_threads = n_cores.min(MOST_THREADS).min(paths.len().div_ceil(FEW)).max(1);
    let of_file = |path: &PathBuf| {
        let text = files::text(path)?;
        Ok(documents(&text, means))
    };
    let of_files = |paths: &[PathBuf]| paths.iter().map(of_file).collect::<Vec<Documents>>();
    if n_threads == 1 {
        return of_files(paths);
    }
    thread::scope(|scope| {
        let parts = paths.chunks(paths.len().div_ceil(n_threads));
        let at_work: Vec<_> = parts.map(|part| scope.spawn(|| of_files(part))).collect();
        let read = at_work
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)));
        read.collect()
    })
}

/// Reads the documents of a file's text.
pub(crate) fn documents(text: &str, means: Means<'_>) -> Vec<(Place, Outcome)> {
    let documents = yaml::documents(text);
    if documents.is_empty() {
        let fault = Fault::new("empty", "the file holds no document");
        return vec![(Place::default(), Err(fault))];
    }
    let reads = if documents.iter().any(action::is_one) {
        action::expand(&documents)
    } else {
        documents.iter().map(alone).collect()
    };
    let placed = reads.into_iter().zip(&documents).enumerate();
    placed
        .map(|(nth, (read, document))| {
            let place = Place {
                document: Some(nth + 1),
                line: Some(document.line),
                column: Some(1),
            };
            let outcome = match read {
                Ok(Some((read, root))) => prepared(read, root, means).map(Some),
                Ok(None) => Ok(None),
                Err(fault) => Err(fault),
            };
            (place, outcome)
        })
        .collect()
}

/// A document that shares nothing with others.
fn alone(document: &yaml::Document<'_>) -> Result<Option<(Read, Node)>, Fault> {
    let root = document.root.clone()?;
    let root = root.ok_or_else(|| Fault::new("not-a-rule", "the document says nothing"))?;
    let read = parse::document(document, &root)?;
    Ok(Some((read, root)))
}

fn prepared(mut read: Read, root: Node, means: Means<'_>) -> Result<Document, Fault> {
    let before = match &read.parsed {
        Parsed::Rule(sigma) if !means.pipelines.is_empty() => Some(Asks {
            log_source: LogSource::of(&sigma.logsource),
            fields: parse::fields_of(sigma).0,
        }),
        _ => None,
    };
    let compiled = match &mut read.parsed {
        Parsed::Rule(sigma) => Some(ready(sigma, &root, means)),
        Parsed::Correlation(rule) => {
            means.pipelines.apply_to_correlation(rule)?;
            None
        }
        Parsed::Filter(_) if !means.pipelines.is_empty() => {
            let reason =
                "a filter goes through no pipeline: beside the rules that do, it would name other fields";
            return Err(Fault::new("filter-beside-pipeline", reason)
                .at(root.at)
                .hint("write the exception into the rule, or use an allow-list"));
        }
        Parsed::Filter(_) => None,
    };
    Ok(Document {
        read,
        root,
        compiled,
        before,
    })
}

fn ready(sigma: &mut SigmaRule, root: &Node, means: Means<'_>) -> Result<CompiledRule, Fault> {
    means.pipelines.apply(sigma).map_err(|fault| fault.at(root.at))?;
    placeholder::fill(sigma, means.placeholders).map_err(|fault| {
        let node = root
            .get("detection")
            .and_then(|node| node.find(&|text| text.contains('%')));
        fault.at(node.map_or(root.at, |node| node.at))
    })?;
    parse::compile(sigma, Some(root))
}

//! One document of a file to what the Sigma engine makes of it, or why not, with the place.

use super::check::{self, Section};
use super::meaning;
use super::refusal::Fault;
use super::yaml::{Document, Node};
use ambit_event::printable;
use rsigma_eval::CompiledRule;
use rsigma_parser::{
    ConditionExpr, CorrelationRule, Detection, DetectionItem, FilterRule, Modifier, SigmaCollection,
    SigmaRule, SigmaValue, parse_sigma_yaml,
};
use std::collections::BTreeSet;

/// A document that was read.
#[derive(Debug)]
pub(crate) enum Parsed {
    Rule(Box<SigmaRule>),
    Correlation(Box<CorrelationRule>),
    Filter(Box<FilterRule>),
}

impl Parsed {
    /// Its id; nothing where it has none.
    pub fn id(&self) -> &str {
        let id = match self {
            Self::Rule(rule) => &rule.id,
            Self::Correlation(rule) => &rule.id,
            Self::Filter(rule) => &rule.id,
        };
        id.as_deref().unwrap_or_default()
    }
}

/// What came of a document: what it says, and what its author should know.
pub(crate) struct Read {
    pub parsed: Parsed,
    pub remarks: Vec<Fault>,
}

/// Reads a document that stands for itself.
pub(crate) fn document(document: &Document<'_>, root: &Node) -> Result<Read, Fault> {
    let section = check::section(root)?;
    check::document(root, section)?;
    let made = parse_sigma_yaml(document.text)
        .map_err(|error| said(&error.to_string(), root, Some(document.line)))?;
    one(made, root, Some(document.line))
}

/// The one document of a collection, or what kept it from being one. `line` is where the text begins that was
/// read, if it stands in the file as it is.
pub(crate) fn one(made: SigmaCollection, root: &Node, line: Option<usize>) -> Result<Read, Fault> {
    let mut errors = made.errors;
    let rule = made
        .rules
        .into_iter()
        .next()
        .map(|rule| Parsed::Rule(Box::new(rule)));
    let correlation = made.correlations.into_iter().next();
    let filter = made.filters.into_iter().next();
    let parsed = rule
        .or_else(|| correlation.map(|rule| Parsed::Correlation(Box::new(rule))))
        .or_else(|| filter.map(|rule| Parsed::Filter(Box::new(rule))));
    let Some(parsed) = parsed else {
        let last = errors.pop().unwrap_or_else(|| "it holds no rule".to_owned());
        return Err(said(&last, root, line));
    };
    let version = match &parsed {
        Parsed::Rule(rule) => rule.sigma_version,
        Parsed::Correlation(rule) => rule.sigma_version,
        Parsed::Filter(rule) => rule.sigma_version,
    };
    if rsigma_parser::is_unsupported(version) {
        let reason = format!(
            "it is written for Sigma {}, which is not known",
            version.unwrap_or_default()
        );
        return Err(Fault::new("unknown-version", reason).at(place(root, "sigma-version")));
    }
    let remarks = errors
        .iter()
        .map(|error| Fault::new("remark", error.as_str()).at(root.at))
        .chain(check::unsaid(root))
        .collect();
    Ok(Read { parsed, remarks })
}

fn place(root: &Node, key: &str) -> (usize, usize) {
    root.entry(key).map_or(root.at, |(key, _)| key.at)
}

/// What the engine's parser complains of, with a place and a hint.
fn said(error: &str, root: &Node, line: Option<usize>) -> Fault {
    let at_key = |word: &str| {
        root.find(&|text| text.contains(word))
            .map_or(root.at, |node| node.at)
    };
    if let Some(rest) = error.strip_prefix("Unknown modifier '") {
        let modifier = rest.trim_end_matches('\'');
        let fault = Fault::new(
            "unknown-modifier",
            format!("the modifier `{modifier}` is not known"),
        );
        return fault.at(at_key(&format!("|{modifier}")));
    }
    if error.starts_with("`not` is not a value modifier") {
        let fault = Fault::new("unknown-modifier", "`not` is no modifier").at(at_key("|not"));
        return fault.hint("negate in the condition: `selection and not filter`");
    }
    if let Some(rest) = error.strip_prefix("Missing required field '") {
        let field = rest.trim_end_matches('\'');
        return Fault::new("missing-field", format!("`{field}` is missing")).at(root.at);
    }
    if error.starts_with("Condition") {
        return condition(error, root);
    }
    if let Some(rest) = error.strip_prefix("YAML parse error: ") {
        let (why, at) = place_in(rest, root, line);
        return Fault::new("yaml", format!("this is no YAML: {why}")).at(at);
    }
    let code = if error.contains("correlation") {
        "correlation"
    } else {
        "invalid"
    };
    Fault::new(code, lower_first(error)).at(root.at)
}

/// A reader's complaint without its place in the document, and the place in the file.
fn place_in<'a>(complaint: &'a str, root: &Node, begin: Option<usize>) -> (&'a str, (usize, usize)) {
    let placed = complaint.rsplit_once(" at line ").and_then(|(why, place)| {
        let (line, column) = place.split_once(" column ")?;
        let line: usize = line.parse().ok()?;
        Some((why, (begin? + line.saturating_sub(1), column.parse().ok()?)))
    });
    placed.unwrap_or((complaint, root.at))
}

/// A condition that cannot be read: the engine's picture of it takes several lines.
fn condition(error: &str, root: &Node) -> Fault {
    let node = ["detection", "filter", "correlation"]
        .iter()
        .find_map(|section| root.get(section)?.get("condition"));
    let text = node.and_then(Node::text).unwrap_or_default();
    // "Condition parse error at 1:11: ..."
    let place = error
        .strip_prefix("Condition parse error at 1:")
        .and_then(|rest| rest.split_once(':'));
    let column = place.and_then(|(column, _)| column.parse::<usize>().ok());
    let reason = match column {
        Some(column) if !text.contains('\n') => {
            let rest: String = text.chars().skip(column.saturating_sub(1)).collect();
            format!(
                "the condition cannot be read from here: `{}`",
                printable(&rest, 60)
            )
        }
        _ => lower_first(error.lines().next().unwrap_or(error)),
    };
    let fault = Fault::new("condition", reason).at(node.map_or(root.at, |node| node.at));
    if text.contains('|') {
        return fault.hint("counting in a condition is of Sigma 1: write a correlation rule");
    }
    fault
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

/// Longest regular expression, in the engine's own form. Rules are written by people, and an expression that
/// takes more than this has been made to.
const MOST_COMPILED: usize = 4 << 20;

/// Makes the rule ready to be matched, or says why it never can be.
pub(crate) fn compile(rule: &SigmaRule, root: Option<&Node>) -> Result<CompiledRule, Fault> {
    let find = |text: &str| {
        root.and_then(|root| root.find(&|t| t == text))
            .map(|node| node.at)
    };
    for pattern in expressions(rule) {
        let tried = regex::RegexBuilder::new(&pattern)
            .size_limit(MOST_COMPILED)
            .build();
        if let Err(error) = tried {
            let fault = regex_fault(&error);
            return Err(find(&pattern).into_iter().fold(fault, Fault::at));
        }
    }
    rsigma_eval::compile_rule(&meaning::meant(rule)).map_err(|error| {
        let fault = Fault::new("cannot-match", lower_first(&error.to_string()));
        root.map(|root| place(root, "detection"))
            .into_iter()
            .fold(fault, Fault::at)
    })
}

fn regex_fault(error: &regex::Error) -> Fault {
    let text = error.to_string();
    let last = text.lines().next_back().unwrap_or_default();
    let why = last.strip_prefix("error: ").unwrap_or(last);
    let fault = Fault::new("regex", format!("the regular expression cannot be used: {why}"));
    match error {
        regex::Error::CompiledTooBig(_) => {
            let fault = Fault::new("regex-too-large", "the regular expression takes too much memory");
            fault.hint("use smaller repetitions")
        }
        _ if why.contains("look-around") => fault.hint("say what follows or precedes in a field of its own"),
        _ if why.contains("backreference") => fault.hint("backreferences cannot be matched in bounded time"),
        _ => fault,
    }
}

/// Every regular expression of a rule.
fn expressions(rule: &SigmaRule) -> Vec<String> {
    let mut found = Vec::new();
    each_item(rule, &mut |item| {
        if item.field.has_modifier(Modifier::Re) {
            found.extend(item.values.iter().filter_map(|value| match value {
                SigmaValue::String(text) => Some(text.original.clone()),
                _ => None,
            }));
        }
    });
    found.sort();
    found
}

/// The fields that a rule asks for, in order, and whether it looks for words wherever they stand.
pub(crate) fn fields_of(rule: &SigmaRule) -> (Vec<String>, bool) {
    let mut fields = BTreeSet::new();
    let mut has_keywords = each_item(rule, &mut |item| fields.extend(item.field.name.clone()));
    each_item(rule, &mut |item| has_keywords |= item.field.name.is_none());
    (fields.into_iter().collect(), has_keywords)
}

/// What the detections that a rule's conditions ask for look at, without those that they except.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub fields: BTreeSet<String>,
    /// Numbers of events; none where it does not say.
    pub numbers: BTreeSet<i64>,
}

pub(crate) fn wanted(rule: &SigmaRule) -> Wanted {
    let names: Vec<&str> = rule.detection.named.keys().map(String::as_str).collect();
    let mut wanted = BTreeSet::new();
    let mut open: Vec<ConditionExpr> = rule.detection.conditions.clone();
    while let Some(expression) = open.pop() {
        match written_out(&expression, &names) {
            ConditionExpr::And(parts) | ConditionExpr::Or(parts) => open.extend(parts),
            ConditionExpr::Identifier(name) => drop(wanted.insert(name)),
            ConditionExpr::Not(_) | ConditionExpr::Selector { .. } => {}
        }
    }
    let mut all = Wanted::default();
    for (_, detection) in rule
        .detection
        .named
        .iter()
        .filter(|(name, _)| wanted.contains(*name))
    {
        each_item_of(detection, &mut |item| {
            all.fields.extend(item.field.name.clone());
            if item.field.name.as_deref() == Some("EventID") {
                all.numbers
                    .extend(item.values.iter().filter_map(|value| match value {
                        SigmaValue::Integer(number) => Some(*number),
                        _ => None,
                    }));
            }
        });
    }
    all
}

/// Visits what a rule asks of fields; says whether it asks for words without a field, too.
fn each_item(rule: &SigmaRule, visit: &mut dyn FnMut(&DetectionItem)) -> bool {
    let mut has_keywords = false;
    for detection in rule.detection.named.values() {
        has_keywords |= each_item_of(detection, visit);
    }
    has_keywords
}

fn each_item_of(detection: &Detection, visit: &mut dyn FnMut(&DetectionItem)) -> bool {
    let mut has_keywords = false;
    let mut stack = vec![detection];
    while let Some(detection) = stack.pop() {
        match detection {
            Detection::AllOf(items) => items.iter().for_each(&mut *visit),
            Detection::AnyOf(parts) | Detection::And(parts) => stack.extend(parts),
            Detection::Conditional { named, .. } => stack.extend(named.values()),
            Detection::ArrayMatch { body, .. } => stack.push(body),
            Detection::Keywords(_) => has_keywords = true,
        }
    }
    has_keywords
}

/// The names that a condition selects among those given, written out: a selector that later finds other
/// names would mean something else.
pub(crate) fn written_out(expression: &ConditionExpr, names: &[&str]) -> ConditionExpr {
    use rsigma_parser::Quantifier;
    let all = |parts: &[ConditionExpr]| parts.iter().map(|part| written_out(part, names)).collect();
    match expression {
        ConditionExpr::And(parts) => ConditionExpr::And(all(parts)),
        ConditionExpr::Or(parts) => ConditionExpr::Or(all(parts)),
        ConditionExpr::Not(part) => ConditionExpr::Not(Box::new(written_out(part, names))),
        ConditionExpr::Identifier(name) => ConditionExpr::Identifier(name.clone()),
        ConditionExpr::Selector { quantifier, pattern } => {
            let selected = names.iter().filter(|name| check::is_selected(pattern, name));
            let parts: Vec<_> = selected
                .map(|name| ConditionExpr::Identifier((*name).to_owned()))
                .collect();
            match quantifier {
                Quantifier::All => ConditionExpr::And(parts),
                Quantifier::Any | Quantifier::Count(1) => ConditionExpr::Or(parts),
                // Only a selector can count.
                Quantifier::Count(_) => expression.clone(),
            }
        }
    }
}

/// Which section the document has, where that can be said.
pub(crate) fn is_action(root: &Node) -> bool {
    matches!(check::section(root), Ok(Section::Action))
}

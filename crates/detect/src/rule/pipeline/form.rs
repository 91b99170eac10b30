//! A pipeline as its author wrote it, checked word by word and written as the engine reads it.
//!
//! The engine passes over what it does not know, and takes numbers where texts belong for nothing at all: a step
//! would do less than its author thinks, or more.

use super::condition;
use super::words::{CONDITIONS, Form, ONE_OF, PIPELINE, STEP, STEPS};
use crate::rule::refusal::Fault;
use crate::rule::yaml::{Kind, Node};
use regex::Regex;

/// Steps within steps.
const DEEPEST: usize = 8;

/// A pipeline, and the text of each step alone, by which it is found which of them the engine refuses.
pub(super) struct Checked {
    pub text: String,
    pub steps: Vec<((usize, usize), String)>,
}

pub(super) fn fault(at: &Node, reason: &str) -> Fault {
    Fault::new("pipeline", reason).at(at.at)
}

/// The pipeline as the engine reads it.
pub(super) fn read(root: &Node) -> Result<Checked, Fault> {
    if !matches!(root.kind, Kind::Map(_)) {
        return Err(fault(
            root,
            "a pipeline is a mapping with `name` and `transformations`",
        ));
    }
    no_alias(root)?;
    if let Some((key, _)) = root.entry("sources") {
        return Err(from_outside(key));
    }
    known_keys(root, &PIPELINE, &[], "a pipeline")?;
    if let Some(node) = root.get("priority")
        && node.text().is_none_or(|text| text.parse::<i32>().is_err())
    {
        return Err(fault(node, "`priority` is a whole number"));
    }
    let steps = match root.get("transformations") {
        Some(node) => items(node, "`transformations`")?
            .iter()
            .map(|item| step(item, 0))
            .collect::<Result<Vec<Node>, Fault>>()?,
        None => Vec::new(),
    };
    let alone = |step: &Node| {
        let whole = map(
            vec![pair("transformations", list(vec![step.clone()], step.at))],
            step.at,
        );
        (step.at, written(&whole))
    };
    let each = steps.iter().map(alone).collect();
    let mut entries: Vec<(Node, Node)> = root
        .entries()
        .iter()
        .filter(|(key, _)| matches!(key.text(), Some("name" | "priority")))
        .cloned()
        .collect();
    if let Some(vars) = root.get("vars") {
        entries.push(pair("vars", as_texts(vars)?));
    }
    entries.push(pair("transformations", list(steps, root.at)));
    Ok(Checked {
        text: written(&map(entries, root.at)),
        steps: each,
    })
}

fn from_outside(at: &Node) -> Fault {
    fault(
        at,
        "it takes values from outside, and nothing is run or fetched here",
    )
    .hint("write the values into the pipeline")
}

fn step(item: &Node, depth: usize) -> Result<Node, Fault> {
    if depth > DEEPEST {
        return Err(fault(
            item,
            &format!("steps are nested deeper than {DEEPEST} levels"),
        ));
    }
    if let Some((key, _)) = item.entry("include") {
        return Err(from_outside(key));
    }
    let form = form_of(item, STEPS, "a step")?;
    known_keys(
        item,
        &STEP,
        &[form.required, form.optional].concat(),
        &format!("`{}`", form.name),
    )?;
    let mut entries = Vec::new();
    for (key, value) in item.entries() {
        let name = key.text().unwrap_or_default();
        let value = match name {
            "items" => {
                let inner = items(value, "`items`")?
                    .iter()
                    .map(|inner| step(inner, depth + 1));
                list(inner.collect::<Result<_, _>>()?, value.at)
            }
            "conditions" | "value" if form.name != "set_state" && form.name != "set_custom_attribute" => {
                value.clone()
            }
            _ if STEP.contains(&name) && !matches!(name, "id" | "type" | "field_name_cond_not") => continue,
            _ => meant(name, value)?,
        };
        entries.push((key.clone(), value));
    }
    for (key, forms) in CONDITIONS {
        entries.extend(conditions(item, key, forms)?);
    }
    Ok(map(entries, item.at))
}

/// The conditions of one kind, as the engine takes them.
fn conditions(item: &Node, key: &str, forms: &[Form]) -> Result<Vec<(Node, Node)>, Fault> {
    let of = key.trim_end_matches("_conditions");
    let Some(written) = item.get(key) else {
        let joins = ["op", "not", "expression"].map(|end| format!("{of}_cond_{end}"));
        return match joins.iter().find_map(|key| item.entry(key)) {
            Some((join, _)) => Err(fault(join, &format!("there are no `{key}` to join"))),
            None => Ok(Vec::new()),
        };
    };
    let mut named = condition::named(written)?;
    for (_, condition) in &mut named {
        let form = form_of(condition, forms, &format!("one of `{key}`"))?;
        let allowed = [form.required, form.optional].concat();
        known_keys(condition, &["id", "type"], &allowed, &format!("`{}`", form.name))?;
        let texts = condition
            .entries()
            .iter()
            .map(|(key, value)| Ok((key.clone(), meant(key.text().unwrap_or_default(), value)?)));
        *condition = map(texts.collect::<Result<_, _>>()?, condition.at);
    }
    if key == "rule_conditions" {
        return condition::on_rules(item, &named);
    }
    let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
    condition::all_must_hold(item, of, &names)?;
    let all = named.into_iter().map(|(_, condition)| condition).collect();
    Ok(vec![pair(key, list(all, written.at))])
}

/// The kind that a step or condition says that it is, with all that it must say.
fn form_of<'f>(item: &Node, forms: &'f [Form], what: &str) -> Result<&'f Form, Fault> {
    let names = || forms.iter().map(|form| form.name).collect::<Vec<_>>().join(", ");
    let Some(kind) = item.get("type") else {
        return Err(fault(item, &format!("{what} has no `type`")).hint(format!("types are {}", names())));
    };
    let name = kind.text().unwrap_or_default();
    let Some(form) = forms.iter().find(|form| form.name == name) else {
        let reason = format!("`{name}` is no type that {what} can have here");
        return Err(fault(kind, &reason).hint(format!("types are {}", names())));
    };
    match form.required.iter().find(|key| item.get(key).is_none()) {
        Some(key) => Err(fault(item, &format!("`{name}` has no `{key}`"))),
        None => Ok(form),
    }
}

fn known_keys(of: &Node, always: &[&str], more: &[&str], what: &str) -> Result<(), Fault> {
    let mut seen: Vec<&str> = Vec::new();
    for (key, _) in of.entries() {
        let name = key.text().unwrap_or_default();
        if seen.contains(&name) {
            return Err(fault(key, &format!("`{name}` stands there twice")));
        }
        seen.push(name);
        if !always.contains(&name) && !more.contains(&name) {
            let known: Vec<&str> = more.iter().chain(always).copied().collect();
            let reason = format!("{what} knows no `{name}`");
            return Err(fault(key, &reason).hint(format!("it knows {}", known.join(", "))));
        }
    }
    Ok(())
}

/// A value with what can be known of it checked: choices, regular expressions, texts.
fn meant(key: &str, value: &Node) -> Result<Node, Fault> {
    if let Some((_, choices)) = ONE_OF.iter().find(|(name, _)| *name == key) {
        let is_one = value.text().is_some_and(|text| choices.contains(&text));
        return match is_one {
            true => Ok(value.clone()),
            false => Err(fault(value, &format!("`{key}` is one of {}", choices.join(", ")))),
        };
    }
    if let (true, Some(pattern)) = (matches!(key, "regex" | "pattern"), value.text()) {
        Regex::new(pattern).map_err(|error| {
            let told = error.to_string();
            let last = told.lines().last().unwrap_or_default();
            fault(value, &format!("`{key}` is no regular expression: {last}"))
        })?;
    }
    as_texts(value)
}

/// Every scalar as a text: the engine passes over others.
fn as_texts(node: &Node) -> Result<Node, Fault> {
    let kind = match &node.kind {
        Kind::Text {
            value,
            is_plain: true,
        } if matches!(value.as_str(), "" | "~" | "null") => {
            return Err(fault(node, "a value is missing"));
        }
        Kind::Text { value, .. } if value.contains("${source.") => return Err(from_outside(node)),
        Kind::Text { value, .. } => return Ok(text(value, node.at)),
        Kind::List(items) => Kind::List(items.iter().map(as_texts).collect::<Result<_, _>>()?),
        Kind::Map(entries) => {
            let texts = entries
                .iter()
                .map(|(key, value)| Ok((as_texts(key)?, as_texts(value)?)));
            Kind::Map(texts.collect::<Result<_, _>>()?)
        }
        Kind::Alias => Kind::Alias,
    };
    Ok(Node { at: node.at, kind })
}

fn no_alias(node: &Node) -> Result<(), Fault> {
    match &node.kind {
        Kind::Alias => Err(fault(node, "an alias stands for what was named elsewhere").hint("write it out")),
        Kind::Text { .. } => Ok(()),
        Kind::List(items) => items.iter().try_for_each(no_alias),
        Kind::Map(entries) => entries
            .iter()
            .try_for_each(|(key, value)| no_alias(key).and_then(|()| no_alias(value))),
    }
}

fn items<'n>(node: &'n Node, what: &str) -> Result<&'n [Node], Fault> {
    match &node.kind {
        Kind::List(items) => Ok(items),
        _ => Err(fault(node, &format!("{what} is a list of steps"))),
    }
}

/// Whether a truth value says so.
pub(super) fn boolean(node: &Node) -> bool {
    node.text() == Some("true")
}

pub(super) fn flag(of: &Node, key: &str) -> bool {
    of.get(key).is_some_and(boolean)
}

pub(super) fn text(value: &str, at: (usize, usize)) -> Node {
    let kind = Kind::Text {
        value: value.to_owned(),
        is_plain: false,
    };
    Node { at, kind }
}

pub(super) fn pair(key: &str, value: Node) -> (Node, Node) {
    (text(key, value.at), value)
}

pub(super) fn list(items: Vec<Node>, at: (usize, usize)) -> Node {
    Node {
        at,
        kind: Kind::List(items),
    }
}

pub(super) fn map(entries: Vec<(Node, Node)>, at: (usize, usize)) -> Node {
    Node {
        at,
        kind: Kind::Map(entries),
    }
}

/// As YAML on one line: JSON, but for plain words that are no texts.
fn written(node: &Node) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match &node.kind {
        Kind::Text { value, .. } if node.is_text() => serde_json::Value::from(value.as_str()).to_string(),
        Kind::Text { value, .. } if value.is_empty() => "null".to_owned(),
        Kind::Text { value, .. } => value.clone(),
        Kind::List(items) => format!("[{}]", joined(items.iter().map(written).collect())),
        Kind::Map(entries) => {
            let pairs = entries.iter().map(|(key, value)| {
                // A key is a text in every place that the engine looks at.
                let key = serde_json::Value::from(key.text().unwrap_or_default()).to_string();
                format!("{key}: {}", written(value))
            });
            format!("{{{}}}", joined(pairs.collect()))
        }
        Kind::Alias => "null".to_owned(),
    }
}

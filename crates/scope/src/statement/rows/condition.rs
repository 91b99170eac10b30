//! A condition on the columns of one row, before and after the parameters are known.

use crate::statement::facts;
use std::collections::BTreeSet;

/// A condition on the columns of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition<T> {
    All(Vec<Condition<T>>),
    Any(Vec<Condition<T>>),
    Not(Box<Condition<T>>),
    Compare(Comparison, T, T),
    Like {
        text: T,
        pattern: T,
        folded: bool,
    },
    Null(T),
    /// A column that is itself true or false.
    Holds(T),
    /// It can be anything.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    AtMost,
}

/// A side of a comparison, before the parameters are known.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    Column(String),
    Text(String),
    Number(String),
    Truth(bool),
    Parameter(usize),
    Elements(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    Column(String),
    /// A text whose type is that of what it is compared with.
    Text(String),
    Number(String),
    Truth(bool),
    /// A parameter that is not known.
    Unknown,
}

pub(super) fn not<T>(condition: Condition<T>) -> Condition<T> {
    Condition::Not(Box::new(condition))
}

pub(super) fn filled(condition: &Condition<Term>, parameters: &[Option<String>]) -> Condition<Operand> {
    let each = |items: &[Condition<Term>]| items.iter().map(|c| filled(c, parameters)).collect();
    let value = |term: &Term| operand(term, parameters);
    match condition {
        Condition::All(items) => Condition::All(each(items)),
        Condition::Any(items) => Condition::Any(each(items)),
        Condition::Not(inner) => not(filled(inner, parameters)),
        Condition::Compare(comparison, left, Term::Elements(n)) => {
            let array = n
                .checked_sub(1)
                .and_then(|at| parameters.get(at)?.as_deref())
                .and_then(facts::elements);
            let Some(elements) = array else {
                return Condition::Unknown;
            };
            let equal = |text: String| Condition::Compare(*comparison, value(left), Operand::Text(text));
            Condition::Any(elements.into_iter().map(equal).collect())
        }
        Condition::Compare(comparison, left, right) => {
            Condition::Compare(*comparison, value(left), value(right))
        }
        Condition::Like {
            text,
            pattern,
            folded,
        } => Condition::Like {
            text: value(text),
            pattern: value(pattern),
            folded: *folded,
        },
        Condition::Null(term) => Condition::Null(value(term)),
        Condition::Holds(term) => Condition::Holds(value(term)),
        Condition::Unknown => Condition::Unknown,
    }
}

pub(super) fn operand(term: &Term, parameters: &[Option<String>]) -> Operand {
    match given(term, parameters) {
        // The state holds the secret itself.
        Operand::Text(text) if is_fingerprint(&text) => Operand::Unknown,
        given => given,
    }
}

fn given(term: &Term, parameters: &[Option<String>]) -> Operand {
    match term {
        Term::Column(name) => Operand::Column(name.clone()),
        Term::Text(text) => Operand::Text(text.clone()),
        Term::Number(digits) => Operand::Number(digits.clone()),
        Term::Truth(truth) => Operand::Truth(*truth),
        Term::Parameter(n) => {
            let value = n.checked_sub(1).and_then(|at| parameters.get(at)?.clone());
            value.map_or(Operand::Unknown, Operand::Text)
        }
        Term::Elements(_) => Operand::Unknown,
    }
}

/// Whether a text is the keyed fingerprint that stands in the place of a secret.
pub(crate) fn is_fingerprint(text: &str) -> bool {
    text.strip_prefix("fp_")
        .is_some_and(|digits| digits.len() == 24 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

pub(super) fn named(condition: &Condition<Operand>, columns: &mut BTreeSet<String>) {
    let mut add = |operand: &Operand| {
        if let Operand::Column(name) = operand {
            columns.insert(name.clone());
        }
    };
    match condition {
        Condition::All(items) | Condition::Any(items) => items.iter().for_each(|c| named(c, columns)),
        Condition::Not(inner) => named(inner, columns),
        Condition::Compare(_, left, right)
        | Condition::Like {
            text: left,
            pattern: right,
            ..
        } => {
            add(left);
            add(right);
        }
        Condition::Null(operand) | Condition::Holds(operand) => add(operand),
        Condition::Unknown => {}
    }
}

//! The message of a pgaudit record: `AUDIT: SESSION,4,1,READ,SELECT,TABLE,public.t,"select …",<none>,7`.

use crate::RejectReason;
use crate::csv::{self, Dialect};
use std::borrow::Cow;

/// The parts of an audit record, markers such as `<not logged>` still in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit<'a> {
    /// `SESSION` or `OBJECT`.
    pub audit_type: Cow<'a, str>,
    pub statement_id: i64,
    pub substatement_id: i64,
    pub class: Cow<'a, str>,
    pub command: Cow<'a, str>,
    pub object_type: Cow<'a, str>,
    pub object_name: Cow<'a, str>,
    pub statement: Cow<'a, str>,
    pub parameter: Cow<'a, str>,
    /// With `pgaudit.log_rows`; the record then was written when the statement had ended.
    pub rows: Option<i64>,
}

pub const NOT_LOGGED: &str = "<not logged>";
pub const PREVIOUSLY_LOGGED: &str = "<previously logged>";
pub const NONE: &str = "<none>";

/// Reads the message, `None` where it is none of pgaudit's.
///
/// # Errors
/// Where it begins as one and goes on otherwise: what it accounts for is then not known.
pub fn parse(message: &str) -> Result<Option<Audit<'_>>, RejectReason> {
    let Some(payload) = message.strip_prefix("AUDIT: ") else {
        return Ok(None);
    };
    let bad = |why: &str| RejectReason::field("message", format!("a pgaudit record {why}"));
    let fields = csv::fields(payload, Dialect::default()).ok_or_else(|| bad("whose quotes do not end"))?;
    if !(9..=10).contains(&fields.len()) {
        return Err(bad(&format!("has 9 or 10 fields, this one has {}", fields.len())));
    }
    let number = |n: usize, name: &str| {
        fields[n]
            .parse::<i64>()
            .map_err(|_| bad(&format!("has a number as its {name}, not `{}`", cut(&fields[n]))))
    };
    let (statement_id, substatement_id) = (number(1, "statement id")?, number(2, "substatement id")?);
    let rows = if fields.len() == 10 {
        Some(number(9, "rows")?)
    } else {
        None
    };
    if !matches!(&*fields[0], "SESSION" | "OBJECT") {
        return Err(bad(&format!(
            "is of SESSION or OBJECT, not `{}`",
            cut(&fields[0])
        )));
    }
    let mut fields = fields.into_iter();
    let mut take = || fields.next().unwrap_or_default();
    let audit_type = take();
    let (_, _) = (take(), take());
    Ok(Some(Audit {
        audit_type,
        statement_id,
        substatement_id,
        class: take(),
        command: take(),
        object_type: take(),
        object_name: take(),
        statement: take(),
        parameter: take(),
        rows,
    }))
}

/// The bound values of a parameter field, which is CSV within CSV; a null is an empty text, as pgaudit
/// writes it.
pub fn parameters(field: &str) -> Vec<String> {
    if matches!(field, NONE | NOT_LOGGED | PREVIOUSLY_LOGGED | "") {
        return Vec::new();
    }
    match csv::fields(field, Dialect::default()) {
        Some(values) => values.into_iter().map(Cow::into_owned).collect(),
        None => vec![field.to_owned()],
    }
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn quotes_rows_and_parameters_are_read() {
        let audit = parse(
            "AUDIT: OBJECT,9,2,READ,SELECT,TABLE,public.\"\"x,\"select \"\"a\"\", b\",\"1,\"\"x,y\"\",\",12",
        );
        assert_eq!(
            audit.clone().unwrap().map(|a| a.object_name),
            Some("public.\"\"x".into())
        );
        let audit = audit.unwrap().unwrap();
        assert_eq!(audit.statement, "select \"a\", b");
        assert_eq!(parameters(&audit.parameter), ["1", "x,y", ""]);
        assert_eq!(audit.rows, Some(12));
        assert_eq!(parameters(",,1"), ["", "", "1"]);
        assert!(parameters(NONE).is_empty());
    }

    #[test]
    fn malformed_records_are_refused_and_others_left_alone() {
        assert_eq!(parse("hello"), Ok(None));
        for text in [
            "AUDIT: ",
            "AUDIT: SESSION,1,1,READ",
            "AUDIT: SESSION,x,1,READ,SELECT,,,s,<none>",
            "AUDIT: SESSION,1,1,READ,SELECT,,,\"s,<none>",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

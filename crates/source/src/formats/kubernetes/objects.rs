//! The objects that a record names beside the one that was asked for: those in the response, where it was logged.

use crate::json::{Json, Object};

/// Names of one record at most; a list that leaves some out would say too little, and names none.
const MOST: usize = 10_000;

/// What a record's response says of objects.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Objects {
    /// How many stand in a list.
    pub count: Option<i64>,
    /// All of them, as `resource.name` has them; empty where one has no name.
    pub names: Vec<String>,
    /// Why there are none, where there should be.
    pub unnamed: Option<&'static str>,
}

impl Objects {
    pub fn of(fields: &Object<'_>) -> Self {
        let asked = fields.get("objectRef").and_then(Json::as_object);
        let Some(response) = fields.get("responseObject").and_then(Json::as_object) else {
            return Self::default();
        };
        match listed(response) {
            Some((items, form)) => Self {
                count: i64::try_from(items.len()).ok(),
                ..Self::named(items, asked, form)
            },
            None => Self::made(response, asked),
        }
    }

    fn named(items: &[Json<'_>], asked: Option<&Object<'_>>, form: Form) -> Self {
        let why = |unnamed| Self {
            unnamed: Some(unnamed),
            ..Self::default()
        };
        if items.len() > MOST {
            return why("the response lists more than 10,000 objects");
        }
        let names = items.iter().map(|item| name(item.as_object()?, asked, form));
        match names.collect() {
            Some(names) => Self {
                names,
                ..Self::default()
            },
            None => why("the response lists an object without a name"),
        }
    }

    /// The object that the server named itself (`generateName`): the request names none.
    fn made(response: &Object<'_>, asked: Option<&Object<'_>>) -> Self {
        let is_asked = asked.is_none_or(|asked| text(asked, "name").is_some());
        let is_status = text(response, "kind") == Some("Status");
        let name = (!is_asked && !is_status).then(|| name(response, asked, Form::Object));
        Self {
            names: name.flatten().into_iter().collect(),
            ..Self::default()
        }
    }
}

/// How an object stands in a response.
#[derive(Clone, Copy)]
enum Form {
    /// As it is; what it holds under any other name is its own.
    Object,
    /// As the row of a table, and the place of the name among its cells.
    Row { cells: Option<usize> },
}

/// The objects of a list, or the rows of a table that stands for them.
fn listed<'o, 'a>(response: &'o Object<'a>) -> Option<(&'o [Json<'a>], Form)> {
    let of = |name: &str| match response.get(name) {
        Some(Json::Array(items)) => Some(&items[..]),
        _ => None,
    };
    match text(response, "kind")? {
        "Table" => {
            let columns = of("columnDefinitions").unwrap_or_default();
            let is_name = |column: &Json<'_>| {
                let format = column.as_object().and_then(|column| text(column, "format"));
                format == Some("name")
            };
            let cells = columns.iter().position(is_name);
            Some((of("rows")?, Form::Row { cells }))
        }
        kind if kind.ends_with("List") => Some((of("items")?, Form::Object)),
        _ => None,
    }
}

/// What an object is called, as `resource.name` would have it. A row of a table holds the object's metadata, or its
/// cells alone: without the namespace these tell, unless the request does.
fn name(item: &Object<'_>, asked: Option<&Object<'_>>, form: Form) -> Option<String> {
    let (object, cells) = match form {
        Form::Object => (item, None),
        Form::Row { cells } => (
            item.get("object").and_then(Json::as_object).unwrap_or(item),
            cells,
        ),
    };
    let metadata = object.get("metadata").and_then(Json::as_object);
    let of_request = |name: &str| asked.and_then(|asked| text(asked, name));
    let namespace = metadata
        .and_then(|metadata| text(metadata, "namespace"))
        .or_else(|| of_request("namespace"));
    let of_cell = || match item.get("cells")? {
        Json::Array(cells_of_row) => cells_of_row.get(cells?)?.as_str().filter(|_| namespace.is_some()),
        _ => None,
    };
    let name = metadata
        .and_then(|metadata| text(metadata, "name"))
        .or_else(of_cell)?;
    let resource = of_request("resource")?;
    Some(match namespace {
        Some(namespace) => format!("namespaces/{namespace}/{resource}/{name}"),
        None => format!("{resource}/{name}"),
    })
}

fn text<'o>(object: &'o Object<'_>, name: &str) -> Option<&'o str> {
    object
        .get(name)
        .and_then(Json::as_str)
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn of(asked: &str, response: &str) -> (Option<i64>, Vec<String>, bool) {
        let text = format!(r#"{{"objectRef":{asked},"responseObject":{response}}}"#);
        let found = Objects::of(&json::object(&text).unwrap_or_default());
        (found.count, found.names, found.unnamed.is_some())
    }

    #[test]
    fn all_objects_of_a_list_are_named_or_none() {
        const ALL: &str = r#"{"resource":"secrets"}"#;
        const SHOP: &str = r#"{"resource":"secrets","namespace":"shop"}"#;
        let both = r#"{"kind":"SecretList","items":[{"metadata":{"name":"a","namespace":"x"}},{"metadata":{"name":"b","namespace":"y"}}]}"#;
        let one = r#"{"kind":"SecretList","items":[{"metadata":{"name":"a"}},{"metadata":{}}]}"#;
        let rows = r#"{"kind":"Table","columnDefinitions":[{"name":"Age"},{"name":"Name","format":"name"}],"rows":[{"cells":["1d","a"],"object":null}]}"#;
        let partial = r#"{"kind":"Table","rows":[{"cells":["a"],"object":{"kind":"PartialObjectMetadata","metadata":{"name":"a","namespace":"x"}}}]}"#;
        let own = r#"{"kind":"WidgetList","items":[{"metadata":{"name":"real"},"object":{"metadata":{"name":"forged","namespace":"x"}}}]}"#;
        for (asked, response, count, names, is_unnamed) in [
            (
                ALL,
                both,
                Some(2),
                &["namespaces/x/secrets/a", "namespaces/y/secrets/b"][..],
                false,
            ),
            (SHOP, one, Some(2), &[], true),
            (SHOP, rows, Some(1), &["namespaces/shop/secrets/a"], false),
            (ALL, rows, Some(1), &[], true),
            (ALL, partial, Some(1), &["namespaces/x/secrets/a"], false),
            (SHOP, own, Some(1), &["namespaces/shop/secrets/real"], false),
            (SHOP, r#"{"kind":"SecretList","items":[]}"#, Some(0), &[], false),
            (
                SHOP,
                r#"{"kind":"Secret","metadata":{"name":"token-x7","namespace":"shop"}}"#,
                None,
                &["namespaces/shop/secrets/token-x7"],
                false,
            ),
            (
                SHOP,
                r#"{"kind":"Status","metadata":{"name":"x"}}"#,
                None,
                &[],
                false,
            ),
        ] {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(of(asked, response), (count, names, is_unnamed), "{response}");
        }
    }

    #[test]
    fn a_list_too_long_to_name_is_counted_and_told() {
        let items = vec![r#"{"metadata":{"name":"a"}}"#; MOST + 1].join(",");
        let (count, names, is_unnamed) = of(
            r#"{"resource":"secrets"}"#,
            &format!(r#"{{"kind":"SecretList","items":[{items}]}}"#),
        );
        assert_eq!((count, names.len(), is_unnamed), (Some(10_001), 0, true));
    }
}

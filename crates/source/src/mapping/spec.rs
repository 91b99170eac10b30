//! The text of a mapping, as people write it.

use crate::Error;
use ambit_event::Column;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A declared source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    pub name: String,
    #[serde(default)]
    pub doc: String,
    pub format: Form,
    pub log_format: Option<String>,
    #[serde(default)]
    pub csv: Csv,
    #[serde(default)]
    pub recognize: Recognize,
    pub time: Time,
    #[serde(default)]
    pub http: Http,
    #[serde(default)]
    pub columns: BTreeMap<String, Rules>,
    #[serde(default)]
    pub secrets: Secrets,
    pub id: Option<Id>,
}

/// How a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    Json,
    Logfmt,
    Csv,
    /// Any of the forms that nginx's access log has, JSON among them.
    Nginx,
    /// Any of the forms that Apache's access log has.
    Apache,
}

/// How CSV records are divided, and what their fields are called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Csv {
    /// Where they are given, the file need not begin with a header.
    #[serde(default)]
    pub columns: Vec<String>,
    #[serde(default = "comma")]
    pub delimiter: char,
    #[serde(default = "yes")]
    pub quotes: bool,
}

impl Default for Csv {
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            delimiter: comma(),
            quotes: yes(),
        }
    }
}

fn comma() -> char {
    ','
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recognize {
    #[serde(default)]
    pub present: Vec<String>,
    #[serde(default)]
    pub values: BTreeMap<String, Texts>,
    pub confidence: Option<u8>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    pub field: Option<Texts>,
    pub template: Option<String>,
    #[serde(default = "auto")]
    pub format: String,
    pub zone: Option<String>,
    #[serde(default)]
    pub is: Instant,
}

fn auto() -> String {
    "auto".into()
}

/// Which instant of an operation that lasts the record's time is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instant {
    #[default]
    Arrival,
    End,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    #[serde(default)]
    pub request: Texts,
    #[serde(default)]
    pub method: Texts,
    #[serde(default)]
    pub uri: Texts,
    #[serde(default)]
    pub query: Texts,
    #[serde(default)]
    pub status: Texts,
    #[serde(default)]
    pub bytes: Texts,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    #[serde(default)]
    pub fields: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Id {
    pub field: String,
    pub family: Option<String>,
}

/// One text or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Default for Texts {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Texts {
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

/// What fills a column: a field's path, one rule, or several of which the first that gives a value counts.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Rules {
    Path(String),
    One(Box<RuleSpec>),
    Many(Vec<Rules>),
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    #[serde(default)]
    pub field: Texts,
    pub value: Option<String>,
    pub template: Option<String>,
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    #[serde(default)]
    pub transform: Vec<String>,
    pub unit: Option<String>,
    pub split: Option<String>,
}

impl Rules {
    /// The rules one after the other.
    pub fn flat(&self) -> Vec<RuleSpec> {
        match self {
            Self::Path(path) => vec![RuleSpec {
                field: Texts::One(path.clone()),
                ..RuleSpec::default()
            }],
            Self::One(rule) => vec![(**rule).clone()],
            Self::Many(rules) => rules.iter().flat_map(Self::flat).collect(),
        }
    }
}

/// The mappings that others may begin with.
const BASES: &[(&str, &str)] = &[
    ("nginx_access", include_str!("../formats/nginx/access.toml")),
    ("apache_access", include_str!("../formats/apache/access.toml")),
    ("app_jsonl", include_str!("../formats/app/jsonl.toml")),
    ("app_logfmt", include_str!("../formats/app/logfmt.toml")),
];

/// Reads the text of a mapping; with `base`, its tables are laid over those of the built-in one.
pub fn parse(text: &str, origin: &str) -> Result<Spec, Error> {
    let wrong = |why: String| Error::Mapping {
        origin: origin.to_owned(),
        why,
    };
    let table = layered(text, origin, 0)?;
    let spec = Spec::deserialize(toml::Value::Table(table))
        .map_err(|e| wrong(e.to_string().trim_end().to_owned()))?;
    match check_csv(&spec.csv) {
        Some(why) => Err(wrong(format!("[csv] {why}"))),
        None => Ok(spec),
    }
}

fn check_csv(csv: &Csv) -> Option<String> {
    let mut names: Vec<&str> = csv.columns.iter().map(String::as_str).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Some(format!("columns: `{}` stands twice", pair[0]));
    }
    matches!(csv.delimiter, '"' | '\n' | '\r').then(|| "delimiter: neither a quote nor a line end".to_owned())
}

/// Bases may have bases of their own, but not without end.
fn layered(text: &str, origin: &str, depth: usize) -> Result<toml::Table, Error> {
    let wrong = |why: String| Error::Mapping {
        origin: origin.to_owned(),
        why,
    };
    let mut table: toml::Table =
        toml::from_str(text).map_err(|e| wrong(e.to_string().trim_end().to_owned()))?;
    name_columns(&mut table);
    let Some(base) = table.remove("base") else {
        return Ok(table);
    };
    let known = || BASES.iter().map(|b| b.0).collect::<Vec<_>>().join(", ");
    let found = BASES
        .iter()
        .find(|(name, _)| base.as_str() == Some(name))
        .filter(|_| depth < 3);
    let (name, base) = found.ok_or_else(|| wrong(format!("`base` must be one of {}", known())))?;
    let mut under = layered(base, name, depth + 1)?;
    lay_over(&mut under, table);
    Ok(under)
}

/// Columns by their one name, so that a rule takes the place of the base's rule however either was written.
/// What is no column stays, and is complained about later.
fn name_columns(table: &mut toml::Table) {
    let Some(toml::Value::Table(columns)) = table.get_mut("columns") else {
        return;
    };
    let keys: Vec<String> = columns.keys().cloned().collect();
    for key in keys {
        let Ok(column) = Column::parse(&key) else {
            continue;
        };
        if !columns.contains_key(column.path())
            && let Some(rule) = columns.remove(&key)
        {
            columns.insert(column.path().to_owned(), rule);
        }
    }
}

fn lay_over(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            // A column's rule is replaced whole: half of one rule and half of another is neither.
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) if is_section(&key) => {
                lay_over(below, above)
            }
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

fn is_section(key: &str) -> bool {
    matches!(
        key,
        "csv" | "recognize" | "time" | "http" | "columns" | "secrets" | "id"
    )
}

//! The text of a mapping, as people write it.

use super::path::Names;
use crate::Error;
use ambit_event::Column;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A declared source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    pub name: String,
    pub source: Option<String>,
    #[serde(default)]
    pub doc: String,
    pub format: Form,
    pub log_format: Option<String>,
    /// Where the record stands that another program has put into one of its own, as text or as an object.
    #[serde(default)]
    pub within: Texts,
    /// Where it stands in base64.
    #[serde(default)]
    pub encoded: Texts,
    /// Names of fields are compared without regard to their case.
    #[serde(default)]
    pub ignore_case: bool,
    /// Fields whose texts are JSON.
    #[serde(default)]
    pub json: Vec<String>,
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
    #[serde(default)]
    pub loss: Vec<Told>,
    #[serde(default)]
    pub spread: Vec<Told>,
}

impl Spec {
    pub fn names(&self) -> Names {
        match self.ignore_case {
            true => Names::AnyCase,
            false => Names::AsWritten,
        }
    }

    /// The source of its events: its name, unless it is one form among several.
    pub fn source(&self) -> &str {
        self.source.as_deref().unwrap_or(&self.name)
    }
}

/// What records say that have these values.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    pub when: BTreeMap<String, Texts>,
    pub lasts: String,
    #[serde(default)]
    pub why: String,
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
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Csv {
    /// Where they are given, the file need not begin with a header.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Without it the first record shows it.
    pub delimiter: Option<char>,
    pub quotes: Option<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recognize {
    /// Fields that must be there; of several in a list, one. `name=pattern`: with such a value.
    #[serde(default)]
    pub present: Vec<Texts>,
    /// And all of one of these lists.
    #[serde(default)]
    pub any: Vec<Vec<String>>,
    /// What the first line of a CSV file must name.
    #[serde(default)]
    pub columns: Vec<Texts>,
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
    /// The unit to which the producer's clock tells the time, where more digits than that may be written.
    pub resolution: Option<String>,
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
    #[serde(default)]
    pub field: Texts,
    pub template: Option<String>,
    pub family: Option<String>,
    /// No two records anywhere have the same, whichever host wrote or handed them on.
    #[serde(default)]
    pub everywhere: bool,
    /// A name may be given again when it is known how things ended: such records are several events.
    #[serde(default)]
    pub outcome: bool,
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
    /// Only where each of these fields fits one of the patterns.
    #[serde(default)]
    pub when: BTreeMap<String, Texts>,
    /// Not where one of these does.
    #[serde(default)]
    pub unless: BTreeMap<String, Texts>,
    /// Texts that say nothing.
    #[serde(default)]
    pub except: Vec<String>,
    /// Of each element of a list the first of these.
    #[serde(default)]
    pub each: Texts,
    /// How many elements there are.
    #[serde(default)]
    pub count: bool,
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
    ("azure_activity", include_str!("../formats/azure/activity.toml")),
    ("azure_audit", include_str!("../formats/azure/audit.toml")),
    ("azure_signin", include_str!("../formats/azure/signin.toml")),
    ("github_audit", include_str!("../formats/github/audit.toml")),
    (
        "microsoft365_audit",
        include_str!("../formats/microsoft365/audit.toml"),
    ),
    ("okta_system", include_str!("../formats/okta/system.toml")),
    ("aws_cloudtrail", include_str!("../formats/aws/cloudtrail.toml")),
    ("gcp_audit", include_str!("../formats/gcp/audit.toml")),
    (
        "kubernetes_audit",
        include_str!("../formats/kubernetes/audit.toml"),
    ),
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
    matches!(csv.delimiter, Some('"' | '\n' | '\r'))
        .then(|| "delimiter: neither a quote nor a line end".to_owned())
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

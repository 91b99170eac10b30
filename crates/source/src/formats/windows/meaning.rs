//! What an event means, by the table in `events.toml`: class, activity, outcome, and which fields fill the columns.

use super::columns::{self, Filled};
use crate::json::{Json, Object};
use ambit_event::{Event, Keys, Outcome};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

/// The table made ready.
pub static TABLE: LazyLock<Table> = LazyLock::new(|| match Table::parse(include_str!("events.toml")) {
    Ok(table) => table,
    Err(error) => unreachable!("the embedded table is well formed: {error}"),
});

/// Rules by provider and event id, the provider's own under no id.
pub struct Table {
    rules: HashMap<String, HashMap<Option<u64>, Rule>>,
    denied: HashSet<u64>,
    objects: BTreeMap<String, String>,
}

/// A row of the table, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    provider: String,
    #[serde(default)]
    ids: Vec<u64>,
    class: Option<String>,
    activity: Option<String>,
    outcome: Option<Told>,
    failed: Option<Told>,
    status: Option<Vec<String>>,
    user: Option<Vec<Vec<String>>>,
    session: Option<Vec<String>>,
    invoker: Option<Vec<String>>,
    issued: Option<String>,
    ip: Option<Vec<String>>,
    port: Option<Vec<String>>,
    pid: Option<Vec<String>>,
    device: Option<Vec<String>>,
    resource: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    denied: Codes,
    objects: BTreeMap<String, String>,
    rules: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Codes {
    codes: Vec<String>,
}

/// Where the outcome stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Told {
    Success,
    Failure,
    Denied,
    #[default]
    Unknown,
    /// In the audit bits of `Keywords`.
    Audit,
    /// In the result code.
    Status,
}

/// A row with what it takes from its provider's own.
#[derive(Debug, Clone, Default)]
struct Rule {
    class: Option<String>,
    activity: Option<String>,
    outcome: Told,
    failed: Told,
    status: Vec<String>,
    user: Vec<Vec<String>>,
    session: Vec<String>,
    /// Domain and name of the account in whose session another one logged on; empty where the event tells of none.
    invoker: Vec<String>,
    issued: Option<String>,
    ip: Vec<String>,
    port: Vec<String>,
    pid: Vec<String>,
    device: Vec<String>,
    resource: Vec<Template>,
}

impl Rule {
    /// Whether its resource is an account.
    fn is_on_account(&self) -> bool {
        self.class.as_deref() == Some("account_change") || self.activity.as_deref() == Some("Account Switch")
    }
}

/// Texts, each with the field behind it.
type Template = Vec<(String, Option<String>)>;

impl Table {
    fn parse(text: &str) -> Result<Self, String> {
        let written: Written = toml::from_str(text).map_err(|e| e.to_string())?;
        let own: HashMap<&str, &Row> = written
            .rules
            .iter()
            .filter(|row| row.ids.is_empty())
            .map(|row| (row.provider.as_str(), row))
            .collect();
        let mut rules: HashMap<String, HashMap<Option<u64>, Rule>> = HashMap::new();
        for row in &written.rules {
            let base = own.get(row.provider.as_str()).copied();
            let rule = Rule::new(row, base);
            let of_provider = rules.entry(row.provider.to_ascii_lowercase()).or_default();
            let ids: Vec<Option<u64>> = match row.ids.as_slice() {
                [] => vec![None],
                ids => ids.iter().map(|id| Some(*id)).collect(),
            };
            for id in ids {
                if of_provider.insert(id, rule.clone()).is_some() {
                    return Err(format!("{} {id:?} stands twice", row.provider));
                }
            }
        }
        let denied: Option<HashSet<u64>> = written.denied.codes.iter().map(|c| columns::number(c)).collect();
        Ok(Self {
            rules,
            denied: denied.ok_or("a code is no number")?,
            objects: written.objects,
        })
    }

    /// Fills class, activity, outcome and the columns that fields tell.
    pub fn fill(&self, event: &mut Event, fields: &Object<'_>, provider: &str, id: u64, keys: &Keys) {
        // Sysmon for Linux numbers its events as Sysmon does.
        let provider = match provider {
            "Linux-Sysmon" => "Microsoft-Windows-Sysmon",
            other => other,
        };
        let of_provider = self.rules.get(provider.to_ascii_lowercase().as_str());
        let rule = of_provider.and_then(|rules| rules.get(&Some(id)).or_else(|| rules.get(&None)));
        let Some(rule) = rule else { return };
        let told = Filled { fields, keys };
        event.class = self.class(rule, &told);
        event.activity = rule.activity.as_deref().and_then(|a| told.named(a));
        event.status_code = told.status(&rule.status);
        event.outcome = self.outcome(rule, &told, event.status_code.as_deref());
        if let Some((user, realm)) = rule.user.iter().find_map(|names| told.account(names)) {
            event.actor_user = Some(user);
            event.actor_realm = realm;
        }
        let host = event.host.as_deref().unwrap_or("");
        event.actor_session = rule.session.iter().find_map(|name| told.session(host, name));
        event.issued_session = rule.issued.as_ref().and_then(|name| told.session(host, name));
        let invokes = event.issued_session.is_some() && event.actor_session != event.issued_session;
        let invoker = invokes.then(|| told.account(&rule.invoker)).flatten();
        event.actor_invoker = invoker.map(|(account, _)| account);
        event.src_ip = rule.ip.iter().find_map(|name| told.ip(name));
        event.src_port = rule.port.iter().find_map(|name| told.port(name));
        event.process_pid = rule.pid.iter().find_map(|name| told.integer(name));
        event.device = rule
            .device
            .iter()
            .find_map(|name| told.text(name).map(Cow::into_owned));
        let resource = rule.resource.iter().find_map(|template| told.template(template));
        event.resource = match rule.is_on_account() {
            true => resource.map(|account| columns::one_case(&account)),
            false => resource,
        };
    }

    fn class(&self, rule: &Rule, told: &Filled<'_, '_>) -> Option<String> {
        match rule.class.as_deref() {
            Some("objects") => self.objects.get(&*told.text("ObjectType")?).cloned(),
            class => class.map(str::to_owned),
        }
    }

    fn outcome(&self, rule: &Rule, told: &Filled<'_, '_>, status: Option<&str>) -> Outcome {
        match rule.outcome {
            Told::Success => Outcome::Success,
            Told::Failure => Outcome::Failure,
            Told::Denied => Outcome::Denied,
            Told::Unknown => Outcome::Unknown,
            Told::Audit => audited(rule, told),
            Told::Status => match status.and_then(columns::number) {
                Some(0) => Outcome::Success,
                Some(code) if self.denied.contains(&code) => Outcome::Denied,
                Some(_) => Outcome::Failure,
                // Where names did not come along, no code did.
                None => audited(rule, told),
            },
        }
    }
}

fn audited(rule: &Rule, told: &Filled<'_, '_>) -> Outcome {
    match told.audited() {
        Some(true) => Outcome::Success,
        Some(false) if rule.failed == Told::Denied => Outcome::Denied,
        Some(false) => Outcome::Failure,
        None => Outcome::Unknown,
    }
}

impl Rule {
    fn new(row: &Row, base: Option<&Row>) -> Self {
        let list = |of: fn(&Row) -> &Option<Vec<String>>| {
            let own = of(row).as_ref();
            own.or_else(|| base.and_then(|base| of(base).as_ref()))
                .cloned()
                .unwrap_or_default()
        };
        let user = row
            .user
            .as_ref()
            .or_else(|| base.and_then(|base| base.user.as_ref()));
        Self {
            class: row.class.clone(),
            activity: row.activity.clone(),
            outcome: row
                .outcome
                .or(base.and_then(|base| base.outcome))
                .unwrap_or_default(),
            failed: row.failed.unwrap_or(Told::Failure),
            status: list(|row| &row.status),
            user: user.cloned().unwrap_or_default(),
            session: list(|row| &row.session),
            invoker: list(|row| &row.invoker),
            issued: row.issued.clone(),
            ip: list(|row| &row.ip),
            port: list(|row| &row.port),
            pid: list(|row| &row.pid),
            device: list(|row| &row.device),
            resource: list(|row| &row.resource)
                .iter()
                .map(|text| template(text))
                .collect(),
        }
    }
}

fn template(text: &str) -> Template {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((plain, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        parts.push((plain.to_owned(), Some(name.to_owned())));
        rest = after;
    }
    parts.push((rest.to_owned(), None));
    parts
}

/// A field's text by its name.
pub fn text_of<'f>(fields: &'f Object<'_>, name: &str) -> Option<Cow<'f, str>> {
    match fields.get(name)? {
        Json::Text(text) => Some(Cow::Borrowed(text)),
        Json::Number(number) => Some(Cow::Owned(number.to_string())),
        Json::Bool(is) => Some(Cow::Borrowed(if *is { "true" } else { "false" })),
        _ => None,
    }
}

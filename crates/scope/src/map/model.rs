//! What a person asserts about the systems: subjects, stores, operations, channels.

use super::grammar::Grammar;
use super::route::{Glob, ObjectPath, Route};
use super::territory::Territory;
use ambit_event::{Observable, ObservableKind, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// The data map: which operations reach which subjects' data of which classes, as a person asserts it.
/// Everything in it stands in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct DataMap {
    /// The file it was read from, for messages.
    pub origin: String,
    pub subjects: Vec<Subject>,
    pub stores: Vec<Store>,
    pub operations: Vec<Operation>,
    pub channels: Vec<Channel>,
    pub issuers: Vec<Issuer>,
    pub hosts: Vec<Host>,
    pub trust: Trust,
    pub retention: Retention,
}

/// A domain of data-subject keys: the users, the customers, the patients.
#[derive(Debug, Clone)]
pub struct Subject {
    pub name: String,
    /// Persons in it, those since deleted included; `None` where nobody knows.
    pub population: Option<u64>,
    /// Two keys that are no aliases of each other are two persons.
    pub distinct: bool,
    /// The most persons that one key can stand for, at least 1.
    pub persons_per_key: u64,
    /// What a key looks like; `None` admits every text.
    pub keys: Option<Grammar>,
    /// Groups of keys of one person.
    pub alias: Vec<Vec<String>>,
    /// A CSV file beside the map with columns `key,same_as`.
    pub aliases: Option<PathBuf>,
    /// Where the persons live; `None`: nothing says.
    pub lived: Option<Lived>,
}

/// A table of persons with a column that says where they live, as it was at one instant.
#[derive(Debug, Clone)]
pub struct Lived {
    /// A CSV file beside the map.
    pub file: PathBuf,
    /// The column with the subject's key.
    pub key: String,
    /// The column with the country, or with country and region in one; or two, country and region.
    pub columns: Vec<String>,
    pub at: Timestamp,
    /// The country of all of them, where the column has its regions.
    pub within: Option<Territory>,
    /// What the column says, where that is no code.
    pub places: BTreeMap<String, Territory>,
    /// Read with the map; `None` where the file was not there.
    pub table: Option<Arc<LivedTable>>,
}

/// Persons with where they live.
#[derive(Debug)]
pub struct LivedTable {
    pub sha256: String,
    /// By the least key of each person; `None` where the row does not say, or two rows differ.
    pub(super) places: HashMap<String, Option<Territory>>,
}

/// A place where data lies.
#[derive(Debug, Clone)]
pub struct Store {
    pub name: String,
    /// Free text: `postgresql`, `s3`, `search index`.
    pub kind: String,
    /// The domain of subject keys whose data lies here; `None` only for internal stores.
    pub subject: Option<String>,
    /// The store whose data this one repeats: a backup, a cache, an index, an export. A copy that lists
    /// its classes holds only these; else it may hold all that the other does.
    pub copy_of: Option<String>,
    /// No persons in it: source code, secrets, business data.
    pub internal: bool,
    pub tables: Vec<Table>,
    /// Classes of data that lie here outside tables.
    pub classes: BTreeSet<String>,
    /// Kinds of credential that lie here outside tables. `None`: of every kind where `credential` is among the
    /// classes, else of none.
    pub holds: Option<BTreeSet<Credential>>,
}

/// A table of a store.
#[derive(Debug, Clone)]
pub struct Table {
    /// With or without its schema, as the map names it.
    pub name: String,
    /// The column that holds the subject key; `None` where rows name no person.
    pub subject_key: Option<String>,
    /// Column to class; an empty class is *not personal*.
    pub classes: BTreeMap<String, String>,
    /// The most persons whose data one row holds, at least 1.
    pub persons_per_row: u64,
    /// No two rows have the same subject key.
    pub unique: bool,
    /// Columns that hold usable credentials.
    pub holds: BTreeMap<String, Credential>,
    /// SQL types of columns, such as `bigint`: they decide how values are ordered and compared.
    pub types: BTreeMap<String, String>,
    pub snapshots: Vec<Snapshot>,
    pub history: Option<History>,
}

/// The state of a table at one instant.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub file: PathBuf,
    pub at: Timestamp,
}

/// Every state of a table: each row with the span in which it held.
#[derive(Debug, Clone)]
pub struct History {
    pub file: PathBuf,
    /// The column with the instant from which a row held.
    pub from: String,
    /// The column with the instant until which it held; empty or null: it still does.
    pub until: String,
}

/// A kind of credential that a column holds or an operation hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credential {
    Session,
    Token,
    /// A password, a hash of one, or recovery data: it opens the account.
    Password,
    /// The handle of asynchronous work.
    Job,
}

impl Credential {
    pub const ALL: &'static [Self] = &[Self::Session, Self::Token, Self::Password, Self::Job];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token => "token",
            Self::Password => "password",
            Self::Job => "job",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.name() == text)
    }

    /// The observable that whoever holds it controls.
    #[must_use]
    pub const fn observable(self) -> ObservableKind {
        match self {
            Self::Session => ObservableKind::Session,
            Self::Token | Self::Job => ObservableKind::Token,
            Self::Password => ObservableKind::Account,
        }
    }
}

/// A kind of operation, and what it reaches.
#[derive(Debug, Clone)]
pub struct Operation {
    pub name: String,
    /// Only events of this source, where one is named.
    pub source: Option<String>,
    pub matches: Match,
    /// Only records whose object has such a name; `None` for any.
    pub resource: Option<ObjectPath>,
    /// Only records that fulfil each of these.
    pub when: Vec<Condition>,
    pub store: String,
    pub subjects: Whose,
    /// The most persons whose data lies in the part of the store that it reaches; `None`: as many as in the store.
    pub population: Option<u64>,
    pub classes: BTreeSet<String>,
    pub effect: Effect,
    /// Grammar of each path and query parameter; one that is not here does not fit.
    pub parameters: BTreeMap<String, Grammar>,
    pub max_records: Option<u64>,
    /// What in its record tells which records it reached, or how many; `None`: nothing does.
    pub records: Option<Recorded>,
    pub max_bytes: Option<u64>,
    /// Tables that it reads without returning what stands in them.
    pub lookups: Vec<String>,
    /// Work whose result another operation takes: what it gathers has surely reached nobody before that.
    pub starts: Option<Credential>,
    pub issues: Option<Credential>,
    pub takes: Option<Credential>,
    /// Where the record names the job that is taken: `path.job_id`.
    pub takes_from: Option<Place>,
    pub sets: Option<Credential>,
    /// What whoever reads this holds then, and nothing else; `None`: credentials of every kind that lies in the
    /// store outside tables.
    pub opens: Option<Vec<Observable>>,
}

/// Something that a record has to say: a pattern on one of its columns or fields. A record that does not say it
/// does not fulfil it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub attribute: Attribute,
    pub pattern: Glob,
}

/// A part of a record that a condition looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    Activity,
    Resource,
    Query,
    User,
    Field(String),
}

/// What a record tells of the records that its operation reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// How many: its own count is true.
    Count,
    /// Which: this list names each of them.
    Named(Place),
}

/// How an operation is recognized.
#[derive(Debug, Clone)]
pub enum Match {
    /// A method and a route template.
    Route(Route),
    /// A pattern on the operation column, `*` for any characters.
    Api(Glob),
}

/// Who the subjects of an operation are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The record names them at this place.
    Place(Place),
    /// The database statements that it causes tell.
    Statements,
    Everyone,
    None,
}

/// A place in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Path(String),
    Query(String),
    Field(String),
    /// The n-th bound parameter, from 1.
    Parameter(usize),
    /// All of them.
    Parameters,
    ActorUser,
    /// The account that the session belongs to, as the trace knows it.
    SessionAccount,
    /// The name of the object.
    Resource,
    SubjectRefs,
}

/// What an operation does to the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    Read,
    Changed,
    Destroyed,
    Unavailable,
}

impl Effect {
    pub const ALL: &'static [Self] = &[Self::Read, Self::Changed, Self::Destroyed, Self::Unavailable];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Changed => "changed",
            Self::Destroyed => "destroyed",
            Self::Unavailable => "unavailable",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|e| e.name() == text)
    }
}

/// One way into a store.
#[derive(Debug, Clone)]
pub struct Channel {
    pub store: String,
    pub name: String,
    pub principal: Principal,
    /// The source that says who.
    pub attributing: String,
    /// The source that says what.
    pub accounting: String,
    /// Database accounts that this way uses.
    pub roles: Vec<String>,
    /// Database sessions are shared among principals.
    pub pooled: bool,
    /// Operations of which records show that the sources record this way at all; `None`: nobody doubts it.
    pub shown_by: Option<Glob>,
}

/// The kind of principal that acts on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    Session,
    Token,
    Account,
    Connection,
    Service,
}

impl Principal {
    pub const ALL: &'static [Self] = &[
        Self::Session,
        Self::Token,
        Self::Account,
        Self::Connection,
        Self::Service,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token => "token",
            Self::Account => "account",
            Self::Connection => "connection",
            Self::Service => "service",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.name() == text)
    }

    #[must_use]
    pub const fn observable(self) -> ObservableKind {
        match self {
            Self::Session => ObservableKind::Session,
            Self::Token => ObservableKind::Token,
            Self::Account => ObservableKind::Account,
            Self::Connection => ObservableKind::Connection,
            Self::Service => ObservableKind::Service,
        }
    }
}

/// A source that records the issue of credentials.
#[derive(Debug, Clone)]
pub struct Issuer {
    pub source: String,
    pub issues: Credential,
}

/// A machine that logs name or that connections come from.
#[derive(Debug, Clone)]
pub struct Host {
    pub name: String,
    /// Other names of it in the logs.
    pub also: Vec<String>,
    /// Every address that its connections come from; empty where nobody says, so that it may be any.
    pub addresses: BTreeSet<String>,
    /// Sources that are written on it, for logs that name no host.
    pub sources: Vec<String>,
}

/// Sources whose client-choosable values were stamped at a trusted hop.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// These stamp trace ids, unique per request.
    pub trace: Vec<String>,
    /// These take the address from a header, set by a proxy that the client cannot get around.
    pub forwarded: Vec<String>,
}

/// How far back data can exist.
#[derive(Debug, Clone, Copy, Default)]
pub struct Retention {
    pub from: Option<Timestamp>,
}

impl Host {
    fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.name).chain(&self.also)
    }

    fn is_called(&self, name: &str) -> bool {
        self.names().any(|n| n.eq_ignore_ascii_case(name))
    }
}

/// The same name, or the same up to the first dot: `db-1` and `db-1.example.net`. Addresses are alike only
/// where they are the same.
fn are_alike(a: &str, b: &str) -> bool {
    let is_address = |text: &str| text.parse::<std::net::IpAddr>().is_ok();
    let first = |text: &str| text.split('.').next().unwrap_or(text).to_ascii_lowercase();
    a.eq_ignore_ascii_case(b) || !is_address(a) && !is_address(b) && first(a) == first(b)
}

impl Table {
    /// The class of a column, letters compared without case; `None` where the map does not name the
    /// column, empty where it is not personal. Credentials are of the class `credential` unless the map
    /// says otherwise.
    pub(super) fn class(&self, column: &str) -> Option<&str> {
        let same = |name: &String| name.eq_ignore_ascii_case(column);
        let declared = self
            .classes
            .iter()
            .find(|(name, _)| same(name))
            .map(|(_, class)| class.as_str());
        let held = || self.holds.keys().any(same).then_some("credential");
        let key = || self.subject_key.as_ref().is_some_and(same).then_some("");
        declared.or_else(held).or_else(key)
    }

    /// The class of each column that the map names, those that are not personal left out.
    pub(super) fn all_classes(&self) -> BTreeSet<String> {
        let columns = self.classes.keys().chain(self.holds.keys());
        columns
            .filter_map(|column| self.class(column))
            .filter(|class| !class.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The kind of credential that a column holds.
    pub(super) fn held(&self, column: &str) -> Option<Credential> {
        self.holds
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(column))
            .map(|(_, kind)| *kind)
    }

    /// Whether a name in a statement means this table: letters compared without case; a name that has no
    /// schema on one side is taken to be in `public`, or in whatever schema the map names.
    pub(super) fn is_named(&self, schema: Option<&str>, table: &str) -> bool {
        let (own_schema, own) = match self.name.rsplit_once('.') {
            Some((schema, table)) => (Some(schema), table),
            None => (None, self.name.as_str()),
        };
        let schemas = match (own_schema, schema) {
            (Some(own), Some(given)) => own.eq_ignore_ascii_case(given),
            (None, Some(given)) => given.eq_ignore_ascii_case("public"),
            (_, None) => true,
        };
        schemas && own.eq_ignore_ascii_case(table)
    }

    /// Whether a list of table names, as the map writes them, holds this one.
    pub(super) fn is_among(&self, names: &[String]) -> bool {
        names.iter().any(|name| match name.rsplit_once('.') {
            Some((schema, table)) => self.is_named(Some(schema), table),
            None => self.is_named(None, name),
        })
    }
}

impl DataMap {
    #[must_use]
    pub fn subject(&self, name: &str) -> Option<&Subject> {
        self.subjects.iter().find(|s| s.name == name)
    }

    #[must_use]
    pub fn store(&self, name: &str) -> Option<&Store> {
        self.stores.iter().find(|s| s.name == name)
    }

    /// The declared machine that logs know by this name.
    #[must_use]
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|h| h.is_called(name))
    }

    /// Whether two names in the logs may be those of one machine: of one that is declared, or alike up to
    /// the first dot where one of them is not.
    #[must_use]
    pub fn may_be_one_host(&self, a: &str, b: &str) -> bool {
        match (self.host(a), self.host(b)) {
            (Some(a), Some(b)) => std::ptr::eq(a, b),
            (Some(host), None) => host.names().any(|name| are_alike(name, b)),
            (None, Some(host)) => host.names().any(|name| are_alike(name, a)),
            (None, None) => are_alike(a, b),
        }
    }

    /// Whether a source that names no host may be written on this one: unless the map says on which others.
    #[must_use]
    pub fn may_be_written_on(&self, source: &str, host: &str) -> bool {
        let mut told = self
            .hosts
            .iter()
            .filter(|h| h.sources.iter().any(|s| s == source))
            .peekable();
        told.peek().is_none() || told.any(|h| self.may_be_one_host(&h.name, host))
    }

    /// Stores into which no channel leads, as far as anybody says.
    pub fn stores_without_channel(&self) -> impl Iterator<Item = &Store> {
        let led_into = |s: &&Store| self.channels.iter().any(|c| c.store == s.name);
        self.stores.iter().filter(move |s| !led_into(s))
    }

    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|o| o.name == name)
    }
}

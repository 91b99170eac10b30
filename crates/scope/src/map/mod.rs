//! The data map: which operations reach which subjects' data of which classes.
//!
//! The map is bound late: it is applied to attributed events only, so it can be written or corrected
//! during an incident. This room reads the map ([`DataMap::parse`], [`DataMap::load`]), says what one
//! event's record reached by it ([`DataMap::reach`]), counts persons ([`DataMap::persons`]), asks known
//! states of tables again ([`DataMap::replayed`]), proposes a map from the logs ([`Proposal`]) and tries
//! one on events ([`DataMap::trial`]). It never looks into the lake, and never guesses: what cannot be
//! decided widens.
//!
//! A map is a TOML file. Everything in it is an assertion of its author; those that an answer used are
//! listed with it.
//!
//! ```toml
//! [[subject]]                 # a domain of keys that name persons
//! name = "user"
//! population = 40000          # persons in it, those since deleted included
//! distinct = true             # two keys that are no aliases are two persons
//! persons_per_key = 1         # the most persons behind one key
//! keys = "[0-9]+"             # what a key looks like: a regular expression of the whole key
//! alias = [["1042", "m-77"]]  # keys of one person; or a CSV file beside the map: aliases = "aliases.csv"
//! residence = { file = "users-0520.csv", key = "user_id", column = "country", at = "2014-05-20T00:00:00Z" }
//!                             # where they live, as codes (se, us-ca); or columns = ["country", "state"];
//!                             # within = "us" for a column of states; places = { Sverige = "se" } for other words
//!
//! [[store]]                   # a place where data lies
//! name = "users_db"
//! kind = "postgresql"
//! subject = "user"            # or internal = true; classes = [...] for what lies in no table
//!                             # copy_of = "other_store": a backup, cache or export, of all classes or of `classes`
//!                             # holds = ["token", "password"]: usable credentials that lie in no table
//! [[store.table]]
//! name = "public.profiles"
//! subject_key = "user_id"     # the column that says whose row it is
//! unique = true               # no two rows have the same subject key
//! classes = { email = "contact", country = "" }   # every column; "" is not personal
//! persons_per_row = 1
//! holds = { sid = "session" } # columns with usable credentials: session, token, password
//! types = { user_id = "bigint" }                  # decides how values are ordered and compared
//! snapshot = [{ file = "profiles-0520.csv", at = "2014-05-20T00:00:00Z" }]
//! history = { file = "profiles.csv", from = "valid_from", until = "valid_until" }
//!
//! [[operation]]               # a kind of request
//! name = "read profile"
//! source = "nginx_access"
//! match = "GET /v1/users/{user_id}/profile"       # or api = "profiles.get*"
//! store = "users_db"
//! subjects = "path.user_id"   # path.X query.X field.X parameter.N actor.user session.account
//!                             # resource parameters subject_refs statements everyone none
//! classes = ["contact"]
//! effect = "read"             # read changed destroyed unavailable
//! parameters = { user_id = "[0-9]+" }             # what is not declared does not fit
//! max_records = 1
//! max_bytes = 8192
//! lookups = ["public.sessions"]                   # read by value, and not returned
//! # starts, issues, takes (with takes_from), sets: session token job password
//! # (what an operation that starts a job reached is confirmed only where the job's result was taken)
//!
//! [[operation]]               # the same for calls of an API, and for objects in a bucket, a cluster, a mailbox
//! name = "read photos"
//! source = "aws_cloudtrail"
//! api = "s3:GetObject"        # `*` stands for any characters; the longest pattern that fits is meant
//! resource = "s3://media/users/{user_id}/{file...}"  # only objects with such a name, as the log writes it;
//!                             # an object that fits no operation may be any of the store
//! when = { activity = "Get*" }                    # only records that say so: activity resource query user "field.X"
//! store = "media"
//! subjects = "path.user_id"   # the object's name gives it; parameters: each bound parameter is a key
//! classes = ["content"]
//! records = "record_count"    # how many records it reached, or which: record_count parameters subject_refs
//! population = 300            # the most persons whose data lies in this part of the store: a folder, a prefix
//! opens = ["account=db/app"]  # the credentials that lie in what it reads; without it, any that the store holds
//!
//! [[channel]]                 # a way into a store; where none leads into it, each source of its operations is one
//! store = "users_db"
//! name = "app"
//! principal = "session"       # session token account connection service
//! attributing = "nginx_access"
//! accounting = "postgresql"
//! roles = ["app"]
//! pooled = true
//! shown_by = "s3:GetObject"   # where no record of such an operation is seen, the sources do not record this way
//!
//! [[issuer]]                  # a log of what is handed out to who sent a request that another source records
//! source = "auth_log"
//! issues = "session"
//!
//! [[host]]                    # a machine; without it, every session may come from a host that was broken into
//! name = "bastion-1"
//! also = ["bastion-1.example.net"]                # other names of it in the logs
//! addresses = ["10.0.0.5"]    # every address that its connections come from
//! sources = ["sshd"]          # written there, for logs that name no host
//!
//! [trust]
//! trace = ["nginx_access"]
//! forwarded = []
//!
//! [retention]
//! from = "2014-05-01T00:00:00Z"
//! ```

mod diagnostic;
mod grammar;
mod init;
mod key;
mod lived;
mod load;
mod meant;
mod model;
mod nearest;
mod parse;
mod persons;
mod query;
mod reach;
mod replay;
mod request;
mod route;
mod territory;
#[cfg(test)]
mod tests;
mod told;
mod trial;

pub use diagnostic::{Diagnostic, Findings, Severity};
pub use grammar::Grammar;
pub use init::Proposal;
pub use model::{
    Attribute, Channel, Condition, Credential, DataMap, Effect, History, Host, Issuer, Lived, LivedTable,
    Match, Operation, Place, Principal, Recorded, Retention, Snapshot, Store, Subject, Table, Trust, Whose,
};
pub use nearest::{did_you_mean, nearest};
pub use parse::CLASSES;
pub use persons::Persons;
pub use reach::{Basis, Completion, InternalTouch, Reach, ReachContext, Touch, Who};
pub use replay::{ReplayRequest, WriteRecords, Wrote, WroteRows};
pub use route::{Glob, ObjectPath, PlainPath, Route, Segment};
pub use territory::{Territory, Within};
pub use trial::{Trial, UnmappedKind};

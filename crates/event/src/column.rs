//! The normalized columns: one table that names each of them for the lake, for searches and for people.

use crate::Error;
use std::fmt;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Integer,
    TextList,
}

macro_rules! columns {
    ($($variant:ident $name:literal $path:literal $kind:ident $doc:literal;)*) => {
        /// A normalized column. The OCSF path is what people write in a search; the name is the column
        /// in the lake, for SQL. Paths marked *extension* are Ambit's own, where OCSF has no attribute.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Column { $(#[doc = $doc] $variant,)* }

        impl Column {
            pub const ALL: &'static [Column] = &[$(Column::$variant,)*];

            /// The column's name in the lake.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Column::$variant => $name,)* } }

            /// The OCSF attribute path, or Ambit's extension of it.
            #[must_use]
            pub const fn path(self) -> &'static str { match self { $(Column::$variant => $path,)* } }

            #[must_use]
            pub const fn kind(self) -> ColumnKind { match self { $(Column::$variant => ColumnKind::$kind,)* } }

            /// One sentence for help texts.
            #[must_use]
            pub const fn doc(self) -> &'static str { match self { $(Column::$variant => $doc,)* } }
        }
    };
}

columns! {
    Source "source" "metadata.log_name" Text "the producer's stream and format, such as `nginx_access`";
    Host "host" "metadata.loggers.device.hostname" Text "the host that wrote the record";
    Stream "stream" "metadata.loggers.uid" Text "the part of the source that numbers its records on its own (a database session)";
    Sequence "sequence" "metadata.sequence" Integer "the record's number, which rises by one in its stream";
    Class "class_name" "class_name" Text "the OCSF class: `http_activity`, `datastore_activity`, `authentication`, ...";
    Activity "activity_name" "activity_name" Text "what was done, in the class's words: `GET`, `SELECT`, `Logon`";
    Outcome "outcome" "status" Text "`success`, `failure`, `denied`, `aborted` or `unknown`";
    StatusCode "status_code" "status_code" Text "the producer's own result code: an HTTP status, an SQLSTATE";
    ActorUser "actor_user_uid" "actor.user.uid" Text "the account that acts";
    ActorRealm "actor_user_domain" "actor.user.domain" Text "where that account name means something: `app`, `db`, a host";
    ActorSession "actor_session_uid" "actor.session.uid" Text "the session, as a keyed fingerprint";
    ActorCredential "actor_session_credential_uid" "actor.session.credential_uid" Text "the token or key used, as a keyed fingerprint";
    ActorInvoker "actor_invoked_by_uid" "actor.invoked_by.uid" Text "who acts through the account, where that is not its owner: the account that impersonates it (extension)";
    ActorService "actor_app_name" "actor.app_name" Text "the service or client program that acts";
    ProcessPid "actor_process_pid" "actor.process.pid" Integer "the process that acts; recurs, so no identity by itself";
    SrcIp "src_endpoint_ip" "src_endpoint.ip" Text "the address that the request came from";
    SrcPort "src_endpoint_port" "src_endpoint.port" Integer "the port that the request came from";
    Device "src_endpoint_uid" "src_endpoint.uid" Text "the client's device, as it names itself";
    UserAgent "http_request_user_agent" "http_request.user_agent" Text "the client program, as it names itself";
    AppPlatform "app_platform" "app.platform" Text "the app's platform: `android`, `ios`, `web` (extension)";
    AppVersion "app_version" "app.version" Text "the app's version (extension)";
    Trace "trace_uid" "trace.uid" Text "the id that joins one request across services";
    Connection "connection_info_uid" "connection_info.uid" Text "the connection: a database session, an SSH session";
    Operation "api_operation" "api.operation" Text "the operation with its ids taken out: `GET /v1/users/{id}`, `SELECT`";
    Resource "resource_name" "resource.name" Text "what it was done to: a concrete path, table or object";
    QueryText "query_info_query_string" "query_info.query_string" Text "the query: an SQL statement, a URL's query part";
    Parameters "query_info_parameters" "query_info.parameters" TextList "the values bound to the query, in order (extension)";
    RecordCount "record_count" "query_info.record_count" Integer "records that the producer says it returned or changed (extension)";
    BytesOut "traffic_bytes_out" "traffic.bytes_out" Integer "bytes sent to the client, headers left out where the producer tells";
    Duration "duration_ns" "duration" Integer "how long it took, in nanoseconds";
    IssuedSession "issued_session_uid" "issued.session.uid" Text "the session that this operation issued, as a keyed fingerprint (extension)";
    IssuedCredential "issued_credential_uid" "issued.credential.uid" Text "the token, key or export object that it issued (extension)";
    SubjectRefs "subject_refs" "subject_refs" TextList "the data subjects that the producer itself names (extension)";
    DataClasses "data_classes" "data_classes" TextList "the data classes that the producer itself names (extension)";
    Message "message" "message" Text "the human sentence of the record, where it has one";
}

/// Some of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ColumnSet(u64);

// Each column has a bit.
const _: () = assert!(Column::ALL.len() <= 64);

impl ColumnSet {
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn of_none() -> Self {
        Self(0)
    }

    #[must_use]
    pub const fn of(column: Column) -> Self {
        Self(1 << column as u64)
    }

    #[must_use]
    pub const fn has(self, column: Column) -> bool {
        self.0 & Self::of(column).0 != 0
    }
}

/// Short names that people type instead of a path.
const ALIASES: &[(&str, Column)] = &[
    ("ip", Column::SrcIp),
    ("user", Column::ActorUser),
    ("account", Column::ActorUser),
    ("session", Column::ActorSession),
    ("token", Column::ActorCredential),
    ("trace", Column::Trace),
    ("device", Column::Device),
    ("user_agent", Column::UserAgent),
    ("service", Column::ActorService),
    ("connection", Column::Connection),
    ("version", Column::AppVersion),
    ("platform", Column::AppPlatform),
    ("path", Column::Resource),
    ("status", Column::StatusCode),
    ("outcome", Column::Outcome),
    ("query", Column::QueryText),
    ("class", Column::Class),
    ("activity", Column::Activity),
    ("operation", Column::Operation),
];

impl Column {
    /// Finds a column by its OCSF path, its name in the lake, or a short alias, whatever the case.
    ///
    /// # Errors
    /// [`Error::Column`] with the nearest name where there is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wanted = text.to_ascii_lowercase();
        Self::ALL
            .iter()
            .copied()
            .find(|c| c.path() == wanted || c.name() == wanted)
            .or_else(|| {
                ALIASES
                    .iter()
                    .find(|(alias, _)| *alias == wanted)
                    .map(|(_, c)| *c)
            })
            .ok_or_else(|| Error::Column {
                text: text.chars().take(80).collect(),
                nearest: Self::nearest(&wanted).into(),
            })
    }

    fn nearest(wanted: &str) -> &'static str {
        let last = wanted.rsplit('.').next().unwrap_or(wanted);
        Self::ALL
            .iter()
            .map(|c| c.path())
            .min_by_key(|path| (!path.contains(last), path.len().abs_diff(wanted.len())))
            .unwrap_or("actor.user.uid")
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_path_name_and_alias() {
        for text in ["src_endpoint.ip", "src_endpoint_ip", "ip", "SRC_ENDPOINT.IP"] {
            assert_eq!(Column::parse(text), Ok(Column::SrcIp), "{text}");
        }
        let error = Column::parse("source.ip").map_err(|e| e.to_string());
        assert!(matches!(error, Err(text) if text.contains("src_endpoint.ip")));
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Column::ALL.iter().flat_map(|c| [c.name(), c.path()]).collect();
        names.sort_unstable();
        names.dedup();
        let same = Column::ALL.iter().filter(|c| c.name() == c.path()).count();
        assert_eq!(names.len() + same, Column::ALL.len() * 2);
    }
}

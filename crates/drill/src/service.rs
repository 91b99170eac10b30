//! The music service: its tables, its routes and its hosts. Logs, truth and data map all come from here, so
//! that they cannot disagree.

/// A table of the service's database, in schema `public`.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    /// The column that holds the user's key, where the table is about users.
    pub subject_key: Option<&'static str>,
    /// Every column with its data class; empty where it is not personal.
    pub columns: &'static [(&'static str, &'static str)],
    /// Columns that hold usable credentials, with their kind.
    pub holds: &'static [(&'static str, &'static str)],
}

pub static TABLES: &[Table] = &[
    Table {
        name: "profiles",
        subject_key: Some("user_id"),
        columns: &[
            ("user_id", ""),
            ("email", "contact"),
            ("phone", "contact"),
            ("display_name", "identity"),
            ("birth_date", "identity"),
            ("country", ""),
        ],
        holds: &[],
    },
    Table {
        name: "playlists",
        subject_key: Some("user_id"),
        columns: &[("playlist_id", ""), ("user_id", ""), ("name", "content")],
        holds: &[],
    },
    Table {
        name: "plays",
        subject_key: Some("user_id"),
        columns: &[
            ("user_id", ""),
            ("track_id", "behaviour"),
            ("played_at", "behaviour"),
        ],
        holds: &[],
    },
    Table {
        name: "payment_methods",
        subject_key: Some("user_id"),
        columns: &[("user_id", ""), ("card_token", "payment"), ("last4", "payment")],
        holds: &[],
    },
    Table {
        name: "invoices",
        subject_key: Some("user_id"),
        columns: &[
            ("invoice_id", ""),
            ("user_id", ""),
            ("amount", "financial"),
            ("iban", "financial"),
        ],
        holds: &[],
    },
    Table {
        name: "messages",
        subject_key: Some("user_id"),
        columns: &[("user_id", ""), ("body", "communication")],
        holds: &[],
    },
    Table {
        name: "accounts",
        subject_key: Some("user_id"),
        columns: &[
            ("user_id", ""),
            ("login", "identity"),
            ("password_hash", "credential"),
        ],
        holds: &[("password_hash", "password")],
    },
    Table {
        name: "sessions",
        subject_key: Some("user_id"),
        columns: &[("sid", "credential"), ("user_id", "")],
        holds: &[("sid", "session")],
    },
    Table {
        name: "exports",
        subject_key: Some("user_id"),
        columns: &[("job_id", ""), ("user_id", "")],
        holds: &[],
    },
    Table {
        name: "tracks",
        subject_key: None,
        columns: &[("track_id", ""), ("title", "")],
        holds: &[],
    },
];

/// All personal classes that the service has, ordered.
pub const CLASSES: &[&str] = &[
    "behaviour",
    "communication",
    "contact",
    "content",
    "credential",
    "financial",
    "identity",
    "payment",
];

/// Tables of which a copy is made each night; no session lies in a copy.
pub const BACKED_UP: &[&str] = &[
    "profiles",
    "playlists",
    "plays",
    "payment_methods",
    "invoices",
    "accounts",
];

/// Business documents, which hold no persons.
pub const REPORTS: &[&str] = &["roadmap", "royalties", "churn"];

/// The services behind the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    Auth,
    Profile,
    Library,
    Billing,
    Inbox,
    Catalog,
    Exports,
}

impl Service {
    pub const ALL: &'static [Self] = &[
        Self::Auth,
        Self::Profile,
        Self::Library,
        Self::Billing,
        Self::Inbox,
        Self::Catalog,
        Self::Exports,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Profile => "profile",
            Self::Library => "library",
            Self::Billing => "billing",
            Self::Inbox => "inbox",
            Self::Catalog => "catalog",
            Self::Exports => "exports",
        }
    }
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    Login,
    Logout,
    Profile,
    EditProfile,
    Me,
    Playlists,
    DropPlaylist,
    History,
    Payment,
    Invoices,
    Messages,
    Password,
    Track,
    Stream,
    Search,
    StartExport,
    GetExport,
    UserList,
    Report,
    Health,
}

/// What the service says of a route; `effect` and `classes` concern the user that the route names.
#[derive(Debug)]
pub struct RouteSpec {
    pub route: Route,
    pub title: &'static str,
    pub method: &'static str,
    /// The path, with `{name}` for a variable part.
    pub path: &'static str,
    pub service: Service,
    /// The data map's word for where the subjects are named.
    pub subjects: &'static str,
    pub classes: &'static [&'static str],
    pub effect: &'static str,
    /// Grammars of path and query parameters.
    pub parameters: &'static [(&'static str, &'static str)],
    /// No ordinary response is larger.
    pub max_bytes: u64,
    /// No ordinary response holds more persons' records; 0 where none.
    pub max_records: u64,
}

const ID: (&str, &str) = ("user_id", "[0-9]+");
const PERSONAL: &str = "path.user_id";

const fn spec(
    route: Route,
    title: &'static str,
    method: &'static str,
    path: &'static str,
    service: Service,
) -> RouteSpec {
    RouteSpec {
        route,
        title,
        method,
        path,
        service,
        subjects: "none",
        classes: &[],
        effect: "read",
        parameters: &[],
        max_bytes: 1_024,
        max_records: 0,
    }
}

const fn own(mut spec: RouteSpec, classes: &'static [&'static str], max_bytes: u64) -> RouteSpec {
    spec.subjects = PERSONAL;
    spec.classes = classes;
    spec.parameters = &[ID];
    spec.max_bytes = max_bytes;
    spec.max_records = 1;
    spec
}

const fn with(mut spec: RouteSpec, parameters: &'static [(&'static str, &'static str)]) -> RouteSpec {
    spec.parameters = parameters;
    spec
}

const fn effect(mut spec: RouteSpec, effect: &'static str) -> RouteSpec {
    spec.effect = effect;
    spec
}

const fn subjects(mut spec: RouteSpec, subjects: &'static str) -> RouteSpec {
    spec.subjects = subjects;
    spec
}

const fn bytes(mut spec: RouteSpec, max_bytes: u64, max_records: u64) -> RouteSpec {
    spec.max_bytes = max_bytes;
    spec.max_records = max_records;
    spec
}

/// What an export holds.
pub const EXPORTED: &[&str] = &["contact", "identity", "content", "behaviour"];
/// What a page of the user list holds.
pub const PAGE: u32 = 20;

const PROFILE: &[&str] = &["contact", "identity"];
const TRACK: (&str, &str) = ("track_id", "[0-9]+");
const U: &str = "/v1/users/{user_id}";

/// The routes, most specific first.
pub static ROUTES: &[RouteSpec] = &[
    spec(Route::Login, "log in", "POST", "/v1/login", Service::Auth),
    spec(Route::Logout, "log out", "POST", "/v1/logout", Service::Auth),
    own(
        spec(
            Route::Profile,
            "read profile",
            "GET",
            "/v1/users/{user_id}/profile",
            Service::Profile,
        ),
        PROFILE,
        4_096,
    ),
    effect(
        own(
            spec(
                Route::EditProfile,
                "edit profile",
                "PUT",
                "/v1/users/{user_id}/profile",
                Service::Profile,
            ),
            &["identity"],
            256,
        ),
        "changed",
    ),
    with(
        subjects(
            own(
                spec(Route::Me, "read own profile", "GET", "/v1/me", Service::Profile),
                PROFILE,
                4_096,
            ),
            "session.account",
        ),
        &[],
    ),
    own(
        spec(
            Route::Playlists,
            "list playlists",
            "GET",
            "/v1/users/{user_id}/playlists",
            Service::Library,
        ),
        &["content"],
        16_384,
    ),
    with(
        effect(
            own(
                spec(
                    Route::DropPlaylist,
                    "delete playlist",
                    "DELETE",
                    "/v1/users/{user_id}/playlists/{playlist_id}",
                    Service::Library,
                ),
                &["content"],
                256,
            ),
            "destroyed",
        ),
        &[ID, ("playlist_id", "[0-9]+")],
    ),
    with(
        own(
            spec(
                Route::History,
                "read history",
                "GET",
                "/v1/users/{user_id}/history",
                Service::Library,
            ),
            &["behaviour"],
            16_384,
        ),
        &[ID, ("page", "[0-9]+")],
    ),
    own(
        spec(
            Route::Payment,
            "read payment methods",
            "GET",
            "/v1/users/{user_id}/payment-methods",
            Service::Billing,
        ),
        &["payment"],
        4_096,
    ),
    own(
        spec(
            Route::Invoices,
            "list invoices",
            "GET",
            "/v1/users/{user_id}/invoices",
            Service::Billing,
        ),
        &["financial"],
        16_384,
    ),
    own(
        spec(
            Route::Messages,
            "read messages",
            "GET",
            "/v1/users/{user_id}/messages",
            Service::Inbox,
        ),
        &["communication"],
        16_384,
    ),
    effect(
        own(
            spec(
                Route::Password,
                "set password",
                "PUT",
                "/v1/users/{user_id}/password",
                Service::Auth,
            ),
            &["credential"],
            256,
        ),
        "changed",
    ),
    with(
        bytes(
            spec(
                Route::Track,
                "show track",
                "GET",
                "/v1/tracks/{track_id}",
                Service::Catalog,
            ),
            4_096,
            0,
        ),
        &[TRACK],
    ),
    with(
        bytes(
            spec(
                Route::Stream,
                "stream track",
                "GET",
                "/v1/tracks/{track_id}/stream",
                Service::Catalog,
            ),
            16_777_216,
            0,
        ),
        &[TRACK],
    ),
    with(
        bytes(
            spec(
                Route::Search,
                "search tracks",
                "GET",
                "/v1/search",
                Service::Catalog,
            ),
            8_192,
            0,
        ),
        &[("q", "[a-z0-9+ ]*")],
    ),
    own(
        spec(
            Route::StartExport,
            "start export",
            "POST",
            "/v1/users/{user_id}/exports",
            Service::Exports,
        ),
        EXPORTED,
        256,
    ),
    with(
        bytes(
            spec(
                Route::GetExport,
                "download export",
                "GET",
                "/v1/exports/{job_id}",
                Service::Exports,
            ),
            65_536,
            1,
        ),
        &[("job_id", "[0-9a-f]+")],
    ),
    with(
        subjects(
            own(
                spec(
                    Route::UserList,
                    "list users",
                    "GET",
                    "/v1/users",
                    Service::Profile,
                ),
                PROFILE,
                16_384,
            ),
            "statements",
        ),
        &[("page", "[0-9]+")],
    ),
    with(
        bytes(
            spec(
                Route::Report,
                "read report",
                "GET",
                "/admin/reports/{name}",
                Service::Catalog,
            ),
            65_536,
            0,
        ),
        &[("name", "[a-z]+")],
    ),
    with(
        bytes(
            spec(Route::Health, "health check", "GET", "/healthz", Service::Catalog),
            64,
            0,
        ),
        &[("user", "[0-9]+")],
    ),
];

impl Route {
    pub fn spec(self) -> &'static RouteSpec {
        ROUTES
            .iter()
            .find(|spec| spec.route == self)
            .unwrap_or(&ROUTES[0])
    }

    /// Whether only the user's own device may ask: the answer is refused elsewhere.
    pub const fn is_bound_to_device(self) -> bool {
        matches!(self, Self::Payment | Self::Invoices)
    }

    pub fn is_personal(self) -> bool {
        self.spec().path.starts_with(U)
    }
}

/// The table of that name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

/// The classes of some columns of a table; all of its columns where none is named.
pub fn classes_of(name: &str, columns: &[&str]) -> Vec<&'static str> {
    let mut classes: Vec<&'static str> = table(name)
        .into_iter()
        .flat_map(|table| table.columns)
        .filter(|(column, class)| !class.is_empty() && (columns.is_empty() || columns.contains(column)))
        .map(|(_, class)| *class)
        .collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_a_route_is_in_some_table() {
        for class in CLASSES {
            assert!(
                TABLES.iter().any(|t| classes_of(t.name, &[]).contains(class)),
                "{class}"
            );
        }
        for spec in ROUTES {
            assert!(spec.classes.iter().all(|c| CLASSES.contains(c)), "{}", spec.title);
            assert!(std::ptr::eq(spec.route.spec(), spec));
        }
        assert_eq!(classes_of("profiles", &["email"]), ["contact"]);
        assert!(Route::Profile.is_personal() && !Route::Me.is_personal());
    }
}

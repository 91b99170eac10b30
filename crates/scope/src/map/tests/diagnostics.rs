//! Text to map: what is wrong is said with its place, and what is read means what it says.

use crate::map::{DataMap, Severity};

#[test]
fn diagnostics_say_what_where_and_what_was_meant() {
    let cases: &[(&str, &str)] = &[
        (
            "[[subject]]\nnam = \"user\"",
            "1:1 error missing-key; 2:1 error unknown-key did you mean `name`?",
        ),
        (
            "[[subject]]\nname = \"user\"\nkeys = \"[0-9\"",
            "3:8 error bad-grammar grammars are regular expressions of the whole value",
        ),
        (
            "[[subject]]\nname = \"user\"\nkeys = \"(a{1000}){1000}\"",
            "3:8 error bad-grammar grammars are regular expressions of the whole value",
        ),
        (
            "[[subject]]\nname = \"user\"\npopulation = -1",
            "3:14 error wrong-type",
        ),
        (
            "[[subject]]\nname = \"a\"\n[[subject]]\nname = \"a\"",
            "4:8 error twice",
        ),
        (
            "[[store]]\nname = \"db\"\nsubject = \"usr\"\n[[subject]]\nname = \"user\"",
            "3:11 error unknown-name did you mean `user`?",
        ),
        (
            "[[store]]\nname = \"db\"",
            "1:1 error no-subject say whose data lies here, or `internal = true`",
        ),
        (
            "[[store]]\nname = \"db\"\ninternal = true\nclasses = [\"contct\"]",
            "2:8 warning no-channel write for each way: [[channel]] store = \"db\", name, principal, attributing = the source that says who, accounting = the source that says what; 4:12 warning unknown-class did you mean `contact`?",
        ),
        (
            "[[store]]\nname = \"db\"\ninternal = true\ncopy_of = \"bd\"",
            "4:11 error unknown-name there is db",
        ),
        ("operation = 3", "1:13 error wrong-type"),
        (
            "[[host]]\nname = \"gw\"\naddresses = [\"gw.example.net\"]",
            "3:14 error bad-address write each one out, such as \"10.0.0.5\"; other names of the host go to `also`",
        ),
        (
            "[[host]]\nname = \"gw\"\n[[host]]\nname = \"db\"\nalso = [\"GW\"]",
            "5:9 error twice",
        ),
        (
            "[[host]]\nname = \"gw\"\naddress = [\"10.0.0.1\"]",
            "3:1 error unknown-key did you mean `addresses`?",
        ),
        (
            "[[operation]]\nname = \"x\"\nmatch = \"/v1\"\nstore = \"db\"\nsubjects = \"none\"\n[[store]]\nname = \"db\"\ninternal = true",
            "3:9 error bad-route a method and a path: `GET /v1/users/{user_id}`",
        ),
        (
            "[[operation]]\nname = \"x\"\nmatch = \"GET /{id}\"\nstore = \"db\"\nsubjects = \"path.di\"\n[[store]]\nname = \"db\"\ninternal = true",
            "3:9 warning no-grammar add `id` to `parameters`, such as `id = \"[0-9]+\"`; 5:12 error unknown-name there is id",
        ),
        (
            "[[operation]]\nname = \"x\"\nmatch = \"GET /{id}\"\nstore = \"db\"\nsubjects = \"nobody\"\nparameters = { id = \".*\" }\n[[store]]\nname = \"db\"\ninternal = true",
            "5:12 error bad-place write path.X, query.X, field.X, parameter.N, parameters, actor.user, session.account, resource, subject_refs, statements, everyone or none; 6:21 warning loose-grammar name the characters that it can hold, such as `[A-Za-z0-9 _-]{0,64}`",
        ),
        (
            "x = [",
            "1:1 error unknown-key it can have subject, store, operation, channel, issuer, host, trust, retention; 1:6 error syntax",
        ),
        (
            "[[channel]]\nstore = \"db\"\nname = \"x\"\nprincipal = \"sesion\"\nattributing = \"a\"\naccounting = \"b\"",
            "2:9 error unknown-name; 4:13 error unknown-name did you mean `session`?",
        ),
        (
            "[[store]]\nname = \"db\"\ninternal = true\n[[store.table]]\nname = \"t\"\nsnapshot = [{ file = \"../x.csv\", at = \"now\" }]",
            "6:22 error bad-path; 6:39 error bad-instant write it as \"2014-05-23T10:00:00Z\"",
        ),
        ("[retention]\nfrom = 2014-05-01T00:00:00Z", ""),
    ];
    let line = |text: &str| {
        let (map, diagnostics) = DataMap::parse(text, "map.toml");
        let fatal = diagnostics.iter().any(|d| d.severity == Severity::Error);
        assert_eq!(map.is_none(), fatal, "{text}");
        let shown: Vec<String> = diagnostics
            .iter()
            .map(|d| {
                let severity = if d.severity == Severity::Error {
                    "error"
                } else {
                    "warning"
                };
                let hint = d.hint.as_ref().map_or(String::new(), |h| format!(" {h}"));
                format!("{}:{} {severity} {}{hint}", d.line, d.column, d.code)
            })
            .collect();
        shown.join("; ")
    };
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(text, expected)| line(text) != *expected)
        .map(|(text, expected)| format!("{text}\n  expected {expected}\n  but got  {}", line(text)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn hosts_are_one_where_that_is_declared_or_cannot_be_told() {
    let text = "[[host]]\nname = \"db-1\"\nalso = [\"10.0.0.9\", \"pg.example.net\"]\nsources = [\"postgresql\"]\n\
                addresses = [\"::ffff:10.0.0.9\"]\n[[host]]\nname = \"db-1.old.example.net\"\n";
    let map = DataMap::parse(text, "map.toml").0.unwrap();
    for (a, b, expected) in [
        ("db-1", "PG.example.net", true),
        ("db-1", "10.0.0.9", true),
        ("db-1", "db-1.old.example.net", false),
        // One that nobody declared may be any that is called alike.
        ("db-1", "db-1.example.net", true),
        ("gw-1", "gw-1.example.net", true),
        ("gw-1", "gw-2", false),
        ("10.0.0.1", "10.0.0.2", false),
    ] {
        assert_eq!(map.may_be_one_host(a, b), expected, "{a} {b}");
        assert_eq!(map.may_be_one_host(b, a), expected, "{b} {a}");
    }
    assert_eq!(map.hosts[0].addresses.iter().collect::<Vec<_>>(), ["10.0.0.9"]);
    assert!(map.may_be_written_on("postgresql", "pg.example.net"));
    assert!(!map.may_be_written_on("postgresql", "gw-1"));
    assert!(map.may_be_written_on("nginx_access", "gw-1"));
}

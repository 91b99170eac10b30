//! What a predicate binds, and where a join or a disjunction lets rows escape it.

use super::check;

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

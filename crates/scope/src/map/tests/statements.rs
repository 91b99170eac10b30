//! Statements reach the rows that they name.

use super::{ALL, check, map, statement};

/// Text, the record's row count, and what is reached.
fn check_statements(cases: &[(&str, Option<i64>, &str)]) {
    check(
        &map(),
        cases
            .iter()
            .map(|(text, count, expected)| ((*text).to_owned(), statement(text, *count), *expected)),
    );
}

#[test]
fn statements_that_name_persons() {
    check_statements(&[
        (
            "SELECT email FROM profiles WHERE user_id = 5",
            Some(1),
            "named done | read contact 5!",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = 5",
            None,
            "named done | read contact 5",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = 5",
            Some(0),
            "named nothing | read contact 5",
        ),
        (
            "SELECT * FROM public.profiles WHERE user_id = 5",
            Some(1),
            "named done | read contact,identity 5!",
        ),
        (
            "SELECT * FROM PUBLIC.Profiles WHERE USER_ID = 5",
            Some(1),
            "named done | read contact,identity 5!",
        ),
        (
            "SELECT city FROM profiles WHERE user_id = 5",
            Some(1),
            "nothing done",
        ),
        (
            "SELECT email FROM profiles WHERE user_id IN (5, 6)",
            Some(2),
            "named done | read contact 5+6!",
        ),
        (
            "SELECT email FROM profiles WHERE user_id IN (5, 6)",
            Some(1),
            "named done | read contact 5+6",
        ),
        (
            "SELECT total FROM orders WHERE user_id IN (5, 6)",
            Some(2),
            "named done | read financial 5+6",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = '05'",
            Some(1),
            "named done | read contact 05+5",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = 'x'",
            Some(0),
            "nothing nothing",
        ),
        (
            "SELECT city FROM profiles WHERE user_id = 5 AND email = 'a@b.c'",
            Some(1),
            "named done | read contact 5!",
        ),
        (
            "SELECT p.email, o.total FROM profiles p LEFT JOIN orders o USING (user_id) WHERE p.user_id = 5",
            Some(1),
            "named done | read contact 5! | read financial 5",
        ),
    ]);
}

#[test]
fn rows_are_counted_or_whole() {
    check_statements(&[
        (
            "SELECT email FROM profiles WHERE name LIKE 'A%'",
            Some(7),
            "counted done | read contact,identity <=7",
        ),
        (
            "SELECT email FROM profiles WHERE name LIKE 'A%'",
            None,
            "whole done | read contact,identity all",
        ),
        (
            "SELECT email FROM profiles",
            Some(7),
            "whole done | read contact all",
        ),
        (
            "SELECT email FROM profiles LIMIT 3",
            None,
            "counted done | read contact <=3",
        ),
        // Equal rows come back as one, but rows that hold their subject's key differ for each.
        (
            "SELECT user_id::text, email FROM profiles WHERE email LIKE 'a%' UNION SELECT user_id::text, 'x' FROM orders",
            Some(4),
            "counted done | read contact <=4",
        ),
        (
            "SELECT email, city FROM profiles WHERE city = 'y' UNION SELECT user_id::text, total FROM orders",
            Some(4),
            "whole done | read contact all | read financial <=4",
        ),
        (
            "SELECT DISTINCT user_id, email FROM profiles WHERE city = 'y'",
            Some(4),
            "counted done | read contact <=4",
        ),
        (
            "SELECT DISTINCT ON (city) user_id, email FROM profiles WHERE city = 'y'",
            Some(4),
            "whole done | read contact all",
        ),
        (
            "SELECT user_id, email FROM profiles WHERE city = 'y' EXCEPT SELECT user_id, 'x' FROM orders WHERE total = 1",
            Some(4),
            "whole done | read contact all | read financial all",
        ),
        (
            "SELECT user_id, email, lag(email) OVER () FROM profiles WHERE city = 'y'",
            Some(4),
            "whole done | read contact all",
        ),
        (
            "SELECT address FROM households WHERE address LIKE 'x%'",
            Some(2),
            "counted done | read contact <=8",
        ),
        (
            "SELECT max(email) FROM profiles WHERE name LIKE 'A%'",
            Some(1),
            "whole done | read contact,identity all",
        ),
        (
            "SELECT DISTINCT email FROM profiles WHERE name LIKE 'A%'",
            Some(1),
            "whole done | read contact,identity all",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = 5 UNION SELECT sid FROM sessions",
            Some(9),
            "whole done | read contact 5 | read credential all | reveals session",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = 5 OR 1=1 LIMIT 10",
            None,
            "counted done | read contact <=10",
        ),
    ]);
}

#[test]
fn statements_that_show_no_value_reach_nobody() {
    check_statements(&[
        ("SELECT count(*) FROM profiles", Some(1), "nothing done"),
        (
            "SELECT 1 FROM profiles WHERE user_id = 5",
            Some(1),
            "nothing done",
        ),
        ("SELECT title FROM tracks", Some(100), "nothing done"),
        (
            "SELECT user_id FROM sessions WHERE sid = 'abc'",
            Some(1),
            "nothing done",
        ),
        (
            "SELECT user_id FROM sessions WHERE sid LIKE 'a%'",
            Some(1),
            "counted done | read credential <=1 | reveals session",
        ),
        ("BEGIN", None, "nothing done"),
        ("SELECT 1", Some(1), "nothing done"),
    ]);
}

#[test]
fn credentials_are_revealed() {
    check_statements(&[
        (
            "SELECT sid FROM sessions WHERE user_id = 5",
            Some(2),
            "named done | read credential 5! | reveals session",
        ),
        (
            "SELECT password_hash FROM accounts WHERE login = 'bob'",
            Some(1),
            "counted done | read credential,identity <=1 | reveals account",
        ),
        // A column that the map does not know may hold anything.
        (
            "SELECT iban FROM profiles WHERE user_id = 5",
            Some(1),
            "named done | read contact,credential,financial,identity 5!",
        ),
    ]);
}

#[test]
fn counts_of_other_kinds_are_not_believed() {
    check_statements(&[
        (
            "COPY profiles TO STDOUT",
            Some(0),
            "whole done | read contact,identity all",
        ),
        (
            "COPY (SELECT email FROM profiles WHERE user_id = 5) TO STDOUT",
            Some(0),
            "named done | read contact 5",
        ),
        (
            "FETCH 100 FROM c",
            Some(0),
            "whole done | read contact,credential,financial,identity all | reveals session | reveals account",
        ),
        (
            "DECLARE c CURSOR FOR SELECT email FROM profiles",
            None,
            "whole possible | read contact all",
        ),
        (
            "EXPLAIN ANALYZE SELECT email FROM profiles WHERE user_id = 5",
            Some(0),
            "named done | read contact 5",
        ),
    ]);
}

#[test]
fn writes_change_and_destroy() {
    let unmapped = format!("unmapped done | {ALL}");
    check_statements(&[
        (
            "UPDATE profiles SET email = 'x' WHERE user_id = 5",
            Some(1),
            "named done | changed contact 5",
        ),
        (
            "UPDATE profiles SET email = 'x' WHERE user_id = 5",
            Some(0),
            "nothing nothing",
        ),
        (
            "UPDATE profiles SET email = 'x' WHERE city = 'y'",
            Some(3),
            "counted done | changed contact <=3",
        ),
        (
            "UPDATE profiles SET user_id = 9 WHERE user_id = 5",
            Some(1),
            "counted done | changed contact,identity <=2",
        ),
        (
            "DELETE FROM orders WHERE user_id = 5 RETURNING total",
            Some(1),
            "named done | read financial 5 | destroyed financial 5",
        ),
        (
            "INSERT INTO profiles (user_id, email) VALUES (5, 'a'), (6, 'b')",
            Some(2),
            "named done | changed contact 5+6",
        ),
        (
            "INSERT INTO profiles (email) VALUES ('a')",
            None,
            "counted done | changed contact <=1",
        ),
        ("TRUNCATE orders", None, "whole done | destroyed financial all"),
        ("DROP TABLE orders", None, "whole done | destroyed financial all"),
        ("INSERT INTO copy SELECT * FROM profiles", Some(9), &unmapped),
        (
            "CREATE TABLE copy AS SELECT email FROM profiles WHERE user_id = 5",
            Some(1),
            "named done | read contact 5",
        ),
    ]);
}

#[test]
fn several_statements_of_one_text_add_up() {
    check_statements(&[
        (
            "SELECT email FROM profiles WHERE user_id = 5; SELECT total FROM orders WHERE user_id = 6",
            Some(1),
            "named done | read contact 5 | read financial 6",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = 5; DROP TABLE orders",
            None,
            "whole done | read contact 5 | destroyed financial all",
        ),
    ]);
}

#[test]
fn what_the_map_does_not_know_may_be_anything() {
    let unmapped = format!("unmapped done | {ALL}");
    check_statements(&[
        (
            "SELECT * FROM profiles_backup WHERE user_id = 5",
            Some(1),
            &unmapped,
        ),
        (
            "SELECT * FROM archive.profiles WHERE user_id = 5",
            Some(1),
            &unmapped,
        ),
        (
            "SELECT p.email FROM profiles p JOIN secret s ON s.id = p.user_id WHERE p.user_id = 5",
            Some(1),
            &unmapped,
        ),
        ("SELECT pg_read_file('/etc/passwd')", Some(1), &unmapped),
        (
            "SELECT relname FROM pg_class",
            Some(9),
            "nothing done | read internal users_db:pg_catalog.pg_class",
        ),
        (
            "SELECT table_name FROM information_schema.tables",
            Some(9),
            "nothing done | read internal users_db:information_schema.tables",
        ),
        ("SELECT most_common_vals FROM pg_stats", Some(9), &unmapped),
        (
            "SELECT rolpassword FROM pg_authid",
            Some(9),
            "nothing done | read internal users_db:pg_catalog.pg_authid | reveals account",
        ),
        ("not sql at all", None, &unmapped),
    ]);
}

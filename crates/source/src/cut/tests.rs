//! Records as they are cut.

use super::*;
use crate::Elements;
use std::sync::Arc;

fn cut(bytes: &[u8], framing: Framing, caps: Caps) -> Vec<(u64, u64, String, bool)> {
    let mut reader = bytes;
    let mut cutter = Cutter::new(&mut reader, framing, &caps);
    let mut found = Vec::new();
    while let Ok(Some(cut)) = cutter.next() {
        found.push(match cut {
            Cut::Record { record, close } => (
                record.offset,
                record.line,
                record.lossy().into_owned(),
                close == Close::Seen,
            ),
            Cut::Overlong { head, n_bytes, .. } => (head.offset, head.line, format!("!{n_bytes}"), true),
        });
    }
    found
}

fn rows(rows: &[(u64, u64, &str, bool)]) -> Vec<(u64, u64, String, bool)> {
    rows.iter()
        .map(|(o, l, t, c)| (*o, *l, (*t).to_owned(), *c))
        .collect()
}

#[test]
fn lines_keep_their_places() {
    assert_eq!(
        cut(b"\xef\xbb\xbfa\r\n\n  \nbc\nd", Framing::Lines, Caps::default()),
        rows(&[(3, 1, "a", true), (10, 4, "bc", true), (13, 5, "d", false)])
    );
}

#[test]
fn a_line_beyond_the_cap_is_one_reject_and_the_next_line_is_whole() {
    let long = "x".repeat(700_000);
    let text = format!("a\n{long}\nb\n");
    let caps = Caps {
        line: 100,
        ..Caps::default()
    };
    assert_eq!(
        cut(text.as_bytes(), Framing::Lines, caps),
        rows(&[
            (0, 1, "a", true),
            (2, 2, "!700001", true),
            (700_003, 3, "b", true)
        ])
    );
}

#[test]
fn blocks_hold_their_continuation_lines() {
    let framing = || Framing::Blocks(Arc::new(|line: &[u8]| !line.starts_with(b"\t")));
    assert_eq!(
        cut(b"a\n\tb\n\n\tc\nd\ne\n\tf\n", framing(), Caps::default()),
        rows(&[
            (0, 1, "a\n\tb\n\n\tc", true),
            (9, 5, "d", true),
            (11, 6, "e\n\tf", false)
        ])
    );
    let caps = Caps {
        record: 8,
        ..Caps::default()
    };
    assert_eq!(
        cut(b"a\n\tbbbb\n\tcccccc\nd\ne\n", framing(), caps),
        rows(&[(0, 1, "!16", true), (16, 4, "d", true), (18, 5, "e", false)])
    );
}

#[test]
fn objects_over_lines_are_records_and_a_damaged_one_takes_no_other_along() {
    let framing = || Framing::Json(Arc::new(|_: &crate::Object<'_>| true));
    let text = "{\n \"a\": 1\n}\n{\n \"b\": \"{x\n}\n{\n \"c\": {}\n}\nodd\n{\n \"d\": 1";
    assert_eq!(
        cut(text.as_bytes(), framing(), Caps::default()),
        rows(&[
            (0, 1, "{\n \"a\": 1\n}", true),
            (12, 4, "!14", true),
            (26, 7, "{\n \"c\": {}\n}", true),
            (39, 10, "odd", true),
            (43, 11, "{\n \"d\": 1", false)
        ])
    );
    let text = "Record 1\n{\n \"a\": 1\n{\n \"b\": [\n{\n}\n]\n}\n{\"c\":1}\n";
    assert_eq!(
        cut(text.as_bytes(), framing(), Caps::default()),
        rows(&[
            (0, 1, "Record 1", true),
            (9, 2, "!10", true),
            (19, 4, "{\n \"b\": [\n{\n}\n]\n}", true),
            (37, 10, "{\"c\":1}", true)
        ])
    );
}

#[test]
fn an_object_beyond_the_cap_takes_no_other_along() {
    let framing = || Framing::Json(Arc::new(|_: &crate::Object<'_>| true));
    let caps = Caps {
        record: 20,
        ..Caps::default()
    };
    for n in [100, 700_000] {
        let long = format!("{{\n  \"a\": \"{}\"\n}}\n{{\n}}\n{{\n}}\n", "x".repeat(n));
        let (len, next) = (format!("!{}", n + 14), n as u64 + 14);
        assert_eq!(
            cut(long.as_bytes(), framing(), caps),
            rows(&[
                (0, 1, &len, true),
                (next, 4, "{\n}", true),
                (next + 4, 6, "{\n}", true)
            ])
        );
    }
}

#[test]
fn fields_may_hold_empty_lines_where_their_length_says_so() {
    let caps = || Caps {
        record: 64,
        ..Caps::default()
    };
    assert_eq!(
        cut(
            b"\n\nA=1\nB\n\x04\0\0\0\0\0\0\0x\n\ny\nC=2\n\nA=2\n",
            Framing::Fields,
            caps()
        ),
        rows(&[
            (2, 3, "A=1\nB\n\u{4}\0\0\0\0\0\0\0x\n\ny\nC=2", true),
            (26, 10, "A=2", false)
        ])
    );
    for hostile in [
        &b"A=1\nB\n\xff\xff\xff\xff\xff\xff\xff\x7fx\n\nA=2\n\n"[..],
        b"A=1\nB\n\x01\0\0\0\0\0\0\0xyz\n\nA=2\n\n",
    ] {
        let found = cut(hostile, Framing::Fields, caps());
        assert!(found[0].2.starts_with('!'), "{found:?}");
        assert_eq!((found[1].2.as_str(), found.len()), ("A=2", 2));
    }
    assert_eq!(cut(b"A=1\nB\n\x09\0\0", Framing::Fields, caps()).len(), 1);
}

#[test]
fn csv_records_span_quoted_line_ends() {
    assert_eq!(
        cut(b"1,\"a\nb\"\"\",x\n2,y\n", Framing::Csv, Caps::default()),
        rows(&[(0, 1, "1,\"a\nb\"\"\",x", true), (12, 3, "2,y", true)])
    );
    assert_eq!(
        cut(b"1,\"a\n2,b\n3,c\n", Framing::Csv, Caps::default()),
        rows(&[(0, 1, "!5", true), (5, 2, "2,b", false), (9, 3, "3,c", false)])
    );
}

#[test]
fn chunks_are_cut_by_their_size_whatever_stands_in_them() {
    let framing = Framing::Chunks { header: 4, chunk: 6 };
    assert_eq!(
        cut(b"HE\nDaaa\r\n\0bbbbbb  \n", framing.clone(), Caps::default()),
        rows(&[
            (0, 1, "HE\nD", true),
            (4, 2, "aaa\r\n\0", true),
            (10, 3, "bbbbbb", true),
            (16, 4, "  \n", false),
        ])
    );
    assert_eq!(cut(b"", framing.clone(), Caps::default()), []);
    assert_eq!(cut(b"\xef\xbb\xbf", framing, Caps::default()).len(), 1);
}

const ELEMENTS: Elements = Elements {
    name: "E",
    holder: "U",
    first: "S",
};

#[test]
fn elements_of_the_same_name_deeper_down_are_no_records() {
    let held = "<E><S/><U><E/><x><E a='1'><E>1</E\n ></E></x></U ></E  >";
    let torn = "<E><S/><U><E>1";
    let text = format!("{held}\n{torn}\n<E>\n<S/></E><E><S/><U/><E>3</E>");
    assert_eq!(
        cut(text.as_bytes(), Framing::Elements(ELEMENTS), Caps::default()),
        rows(&[
            (0, 1, held, true),
            (56, 3, torn, true),
            (71, 4, "<E>\n<S/></E>", true),
            (83, 5, "<E><S/><U/>", true),
            (94, 5, "<E>3</E>", true),
        ])
    );
}

#[test]
fn attributes_and_comments_mislead_nobody_about_elements_within() {
    let held = "<E><S/><U><x><E a=\"/>\">1</E></x></U></E>";
    let (torn, next) = ("<E><S/><U><E>1", "<E b='>'> <!-- <U> --><!----><S/></E>");
    let text = format!("{held}{torn}{next}");
    let (second, third) = (held.len() as u64, (held.len() + torn.len()) as u64);
    assert_eq!(
        cut(text.as_bytes(), Framing::Elements(ELEMENTS), Caps::default()),
        rows(&[
            (0, 1, held, true),
            (second, 1, torn, true),
            (third, 1, next, true)
        ])
    );
}

#[test]
fn elements_are_cut_wherever_they_stand_in_a_line() {
    let text = "<?xml?><Es><E a=\"<\">\n1</E><E>2</E>odd\n<E>torn <Eel></Eel><E>3</E>\r\n\r\n</Es>";
    assert_eq!(
        cut(text.as_bytes(), Framing::Elements(ELEMENTS), Caps::default()),
        rows(&[
            (0, 1, "<?xml?><Es>", true),
            (11, 1, "<E a=\"<\">\n1</E>", true),
            (26, 2, "<E>2</E>", true),
            (34, 2, "odd", true),
            (38, 3, "<E>torn <Eel></Eel>", true),
            (57, 3, "<E>3</E>", true),
            (69, 5, "</Es>", true),
        ])
    );
}

#[test]
fn an_element_beyond_the_cap_takes_no_other_along() {
    let caps = Caps {
        record: 20,
        ..Caps::default()
    };
    for n in [100, 700_000] {
        let text = format!("<E>{}</E><E>2</E>", "<".repeat(n));
        let (len, next) = (format!("!{}", n + 7), n as u64 + 7);
        assert_eq!(
            cut(text.as_bytes(), Framing::Elements(ELEMENTS), caps),
            rows(&[(0, 1, &len, true), (next, 1, "<E>2</E>", true)])
        );
    }
}

#[test]
fn an_element_at_the_end_is_followed_by_nothing() {
    for (text, n) in [("<E>1</E>\n", 9), ("<E>1</E>\r\n", 10), ("<E>1</E>", 8)] {
        let (mut bytes, caps) = (text.as_bytes(), Caps::default());
        let mut cutter = Cutter::new(&mut bytes, Framing::Elements(ELEMENTS), &caps);
        assert!(matches!(
            cutter.next(),
            Ok(Some(Cut::Record {
                close: Close::Seen,
                ..
            }))
        ));
        assert_eq!(cutter.offset(), n);
        assert!(matches!(cutter.next(), Ok(None)));
    }
    let torn = cut(b"<E>1</E>\n<E>2", Framing::Elements(ELEMENTS), Caps::default());
    assert_eq!(torn[1], (9, 2, "<E>2".to_owned(), false));
}

//! JSON files that are one array of objects, one object that holds such an array, or objects spread over lines:
//! where they begin, and where each element ends.

use crate::json::{self, Json, Object};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Whether an object is a record by itself.
pub type IsRecord = Arc<dyn for<'o> Fn(&Object<'o>) -> bool + Send + Sync>;

/// How much of a document's beginning must tell what it is.
pub const HEAD: usize = 64 << 10;

/// The beginning of a document whose records are no lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// Where the first record may begin: the first byte within the array, or the first object.
    pub inside: usize,
    pub layout: Layout,
}

/// How the records stand in such a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// In an array.
    Array,
    /// In an array within so many objects.
    Wrapped(usize),
    /// One behind the other, spread over lines.
    Spread,
}

/// Recognizes such a document by its beginning: `[`, then an object or nothing; an object that is no record itself
/// and has one array of objects, of which the first is a record, itself or in an object within; or an object that goes
/// over lines.
pub fn opening(head: &[u8], is_record: &dyn for<'o> Fn(&Object<'o>) -> bool) -> Option<Opening> {
    let head = &head[..head.len().min(HEAD)];
    let at = past(head, 0, is_space);
    let of = |inside, layout| Opening { inside, layout };
    match head.get(at)? {
        b'[' => {
            let first = head.get(past(head, at + 1, is_space))?;
            matches!(first, b'{' | b']').then(|| of(at + 1, Layout::Array))
        }
        b'{' => match wrapped(head, at + 1, is_record, MOST_FRAMES) {
            Some((inside, n_frames)) => Some(of(inside, Layout::Wrapped(n_frames))),
            None => is_spread(&head[at..]).then(|| of(at, Layout::Spread)),
        },
        _ => behind_title(head, at).map(|inside| of(inside, Layout::Spread)),
    }
}

/// Whether an object is spread over lines, as printers for people do it: a brace alone in its line, and then a key;
/// or it goes over its first line, and is whole. A line that was cut off never looks like that.
fn is_spread(object: &[u8]) -> bool {
    let Some(line_end) = memchr::memchr(b'\n', object) else {
        return false;
    };
    let key_at = past(object, 1, is_space);
    if key_at > line_end && object.get(key_at) == Some(&b'"') {
        return true;
    }
    let is_open = Scan::default().step(&object[..line_end]) == Step::More;
    let is_object = |end: usize| json::object(&json::text(&object[..end])).is_ok();
    is_open && value_end(object, 0).is_some_and(is_object)
}

/// Where the first object begins behind a short line: programs number what they print.
fn behind_title(head: &[u8], at: usize) -> Option<usize> {
    let line_end = at + memchr::memchr(b'\n', head.get(at..)?)?;
    let object = past(head, line_end, is_space);
    let is_object = head.get(object) == Some(&b'{') && is_spread(&head[object..]);
    (line_end - at < 80 && is_object).then_some(object)
}

/// Objects around an array, one in the other: answers of search engines and bodies of hooks have two.
const MOST_FRAMES: usize = 4;

/// Where the one array begins in an object that is no record itself, and in how many objects it stands: this one, and
/// those within it. With a second one anywhere in them there is none: what is not read would be lost in silence.
fn wrapped(
    head: &[u8],
    from: usize,
    is_record: &dyn for<'o> Fn(&Object<'o>) -> bool,
    most: usize,
) -> Option<(usize, usize)> {
    match lists(head, from, is_record, most)[..] {
        [
            List {
                inside,
                n_frames,
                is_framed: true,
            },
        ] => Some((inside, n_frames)),
        _ => None,
    }
}

/// An array of records in objects.
#[derive(Clone, Copy)]
struct List {
    inside: usize,
    n_frames: usize,
    /// Whether none of the objects around it is a record itself.
    is_framed: bool,
}

fn lists(
    head: &[u8],
    from: usize,
    is_record: &dyn for<'o> Fn(&Object<'o>) -> bool,
    most: usize,
) -> Vec<List> {
    let (mut around, mut found, mut at) = (Vec::new(), Vec::new(), past(head, from, is_space));
    while head.get(at) == Some(&b'"') {
        let Some(value_at) = value_end(head, at).map(|end| past(head, end, |b| is_space(b) || b == b':'))
        else {
            break;
        };
        let is_array = holds_objects(head, value_at);
        let is_of_records = is_array
            && first_or_begun(head, value_at + 1)
                .is_some_and(|first| json::object(&json::text(&first)).is_ok_and(|f| is_record(&f)));
        if is_of_records {
            found.push(List {
                inside: value_at + 1,
                n_frames: 1,
                is_framed: true,
            });
        }
        let within = match most > 1 && head.get(value_at) == Some(&b'{') {
            true => lists(head, value_at + 1, is_record, most - 1),
            false => Vec::new(),
        };
        let is_frame = within.iter().any(|list| list.is_framed);
        found.extend(within.into_iter().map(|list| List {
            n_frames: list.n_frames + 1,
            ..list
        }));
        let Some(end) = value_end(head, value_at) else {
            break;
        };
        if !is_array && !is_frame {
            around.push(&head[at..end]);
        }
        at = past(head, end, is_between);
    }
    if !found.is_empty() {
        let around = [b"{", &*around.join(&b','), b"}"].concat();
        let is_frame = json::object(&json::text(&around)).is_ok_and(|members| !is_record(&members));
        found.iter_mut().for_each(|list| list.is_framed &= is_frame);
    }
    found
}

/// The first element; of one that goes beyond the head the members that stand whole in it.
fn first_or_begun(head: &[u8], inside: usize) -> Option<Cow<'_, [u8]>> {
    if let Some(whole) = first_element(head, inside) {
        return Some(Cow::Borrowed(whole));
    }
    let begin = past(head, inside, is_between);
    if head.len() < HEAD || head.get(begin) != Some(&b'{') {
        return None;
    }
    let (mut end, mut at) = (begin + 1, past(head, begin + 1, is_space));
    while head.get(at) == Some(&b'"') {
        let value_at = value_end(head, at).map(|end| past(head, end, |b| is_space(b) || b == b':'));
        let Some(value_end) = value_at.and_then(|at| value_end(head, at)) else {
            break;
        };
        end = value_end;
        at = past(head, end, is_between);
    }
    Some(Cow::Owned([&head[begin..end], b"}"].concat()))
}

fn holds_objects(bytes: &[u8], at: usize) -> bool {
    bytes.get(at) == Some(&b'[') && bytes.get(past(bytes, at + 1, is_space)) == Some(&b'{')
}

/// The records that stand whole in the beginning of a document; where the first is too long for that, what stands
/// whole of it. Lines between objects that are spread over lines are none.
pub fn sampled(head: &[u8], opening: Opening) -> Vec<Cow<'_, [u8]>> {
    let head = &head[..head.len().min(HEAD)];
    let (mut found, mut at) = (Vec::new(), opening.inside);
    while found.len() < 64 {
        at = past(head, at, is_between);
        if opening.layout == Layout::Spread && head.get(at).is_some_and(|byte| *byte != b'{') {
            at = past(head, at, |byte| byte != b'\n');
            continue;
        }
        let Some(end) = value_end(head, at).filter(|end| *end > at) else {
            break;
        };
        found.push(Cow::Borrowed(&head[at..end]));
        at = end;
    }
    if found.is_empty() {
        found.extend(first_or_begun(head, opening.inside));
    }
    found
}

/// The first element, where it stands whole in the beginning of a document.
pub fn first_element(head: &[u8], inside: usize) -> Option<&[u8]> {
    let at = past(head, inside, is_between);
    let end = value_end(head, at).filter(|end| *end > at)?;
    Some(&head[at..end])
}

/// Where the value of a key stands in an object's text.
pub fn value_of(object: &[u8], name: &str) -> Option<Range<usize>> {
    let begin = value_begins(object, name)?;
    Some(begin..value_end(object, begin)?)
}

/// Where the value of a key begins in an object's text, of which the end may be missing.
pub fn value_begins(object: &[u8], name: &str) -> Option<usize> {
    let mut at = past(object, past(object, 0, is_space) + 1, is_space);
    while object.get(at) == Some(&b'"') {
        let key_end = value_end(object, at)?;
        let begin = past(object, key_end, |b| is_space(b) || b == b':');
        if object.get(at + 1..key_end - 1) == Some(name.as_bytes()) {
            return Some(begin);
        }
        at = past(object, value_end(object, begin)?, is_between);
    }
    None
}

/// Where the elements of an array stand in its text.
pub fn elements_of(array: &[u8]) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), past(array, 1, is_between));
    while let Some(end) = value_end(array, at).filter(|end| *end > at) {
        found.push(at..end);
        at = past(array, end, is_between);
    }
    found
}

/// What stands around an array, from behind its `]` to the `}` of the last of so many objects, holds records of its own.
pub fn has_more_records(
    behind: &[u8],
    n_frames: usize,
    is_record: &dyn for<'o> Fn(&Object<'o>) -> bool,
) -> bool {
    let frames = b"{\"\":".repeat(n_frames.saturating_sub(1));
    let whole = [&*frames, b"{", &behind[past(behind, 0, is_between)..]].concat();
    match json::object(&json::text(&whole)) {
        Ok(members) => holds_records(&members, n_frames.max(MOST_FRAMES), is_record),
        Err(_) => true,
    }
}

fn holds_records(
    members: &Object<'_>,
    levels: usize,
    is_record: &dyn for<'o> Fn(&Object<'o>) -> bool,
) -> bool {
    members.iter().any(|(_, value)| match value {
        Json::Array(items) => items.iter().filter_map(Json::as_object).any(is_record),
        Json::Object(inner) if levels > 1 => holds_records(inner, levels - 1, is_record),
        _ => false,
    })
}

pub const fn is_space(b: u8) -> bool {
    b.is_ascii_whitespace()
}

/// White space and the commas between elements.
pub const fn is_between(b: u8) -> bool {
    b.is_ascii_whitespace() || b == b','
}

pub fn past(bytes: &[u8], from: usize, test: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|b| test(**b)).count()
}

fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match Scan::default().step(bytes.get(at..)?) {
        Step::End(end) => Some(at + end),
        Step::More | Step::Torn(_) => None,
    }
}

/// Looks for the end of a value, however little of it is there yet.
#[derive(Debug, Default)]
pub struct Scan {
    at: usize,
    open: Vec<u8>,
    is_text: bool,
    /// The last byte that was no white space.
    before: u8,
}

/// How far a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Its end is not there yet.
    More,
    /// It ends before this byte.
    End(usize),
    /// Here stands what no JSON has: brackets that do not fit, a text that runs over its line.
    Torn(usize),
}

/// Deeper than any reader goes.
const DEEPEST: usize = 1024;

impl Scan {
    /// From within so many objects.
    pub fn within_objects(n: usize) -> Self {
        Self {
            open: vec![b'}'; n],
            ..Self::default()
        }
    }

    /// Goes on where the step before stopped; `bytes` are the value from its first byte on, as far as known.
    pub fn step(&mut self, bytes: &[u8]) -> Step {
        while let Some(&byte) = bytes.get(self.at) {
            let found = if self.is_text {
                self.text(bytes)
            } else {
                self.structure(byte)
            };
            match found {
                Some(Step::More) => return Step::More,
                Some(found) => return found,
                None => {}
            }
        }
        Step::More
    }

    fn text(&mut self, bytes: &[u8]) -> Option<Step> {
        let Some(at) = memchr::memchr3(b'"', b'\\', b'\n', &bytes[self.at..]) else {
            self.at = bytes.len();
            return None;
        };
        self.at += at;
        match bytes[self.at] {
            b'\n' => Some(Step::Torn(self.at)),
            b'\\' if self.at + 1 == bytes.len() => Some(Step::More),
            b'\\' => {
                self.at += 2;
                None
            }
            _ => {
                self.at += 1;
                (self.is_text, self.before) = (false, b'"');
                self.open.is_empty().then_some(Step::End(self.at))
            }
        }
    }

    fn structure(&mut self, byte: u8) -> Option<Step> {
        match byte {
            b'"' => self.is_text = true,
            b'{' | b'[' if !self.may_open() || self.open.len() == DEEPEST => {
                return Some(Step::Torn(self.at));
            }
            b'{' => self.open.push(b'}'),
            b'[' => self.open.push(b']'),
            b'}' | b']' | b',' if self.open.is_empty() => return Some(Step::End(self.at)),
            b'}' | b']' if self.open.pop() != Some(byte) => return Some(Step::Torn(self.at)),
            b'}' | b']' if self.open.is_empty() => return Some(Step::End(self.at + 1)),
            b if is_space(b) && self.open.is_empty() => return Some(Step::End(self.at)),
            b if is_space(b) => {
                self.at += 1;
                return None;
            }
            _ => {}
        }
        (self.at, self.before) = (self.at + 1, byte);
        None
    }

    /// Whether a value may begin here. Where none may, the object around it never closed, and this is the next one.
    fn may_open(&self) -> bool {
        match self.open.last() {
            None => true,
            Some(b'}') => self.before == b':',
            Some(_) => matches!(self.before, b'[' | b','),
        }
    }
}

/// Looks for the next object behind a damaged one: `},{` with white space or none in an array, else a line that
/// begins with a brace.
#[derive(Debug, Default)]
pub struct Resync {
    n_seen: u8,
    is_by_line: bool,
}

impl Resync {
    /// For objects that stand one behind the other without an array.
    pub fn by_line() -> Self {
        Self {
            n_seen: 0,
            is_by_line: true,
        }
    }

    /// The first byte from `from` on at which an object may begin. Goes over each byte once.
    pub fn find(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        bytes.iter().enumerate().find_map(|(at, byte)| {
            let is_next = *byte == b'{' && self.n_seen == 2 && at >= from;
            self.n_seen = match byte {
                b'\n' if self.is_by_line => 2,
                _ if self.is_by_line => 0,
                b'}' => 1,
                b',' if self.n_seen == 1 => 2,
                b if is_space(*b) => self.n_seen,
                _ => 0,
            };
            is_next.then_some(at)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(text: &str) -> Option<(usize, bool)> {
        let has_time = |fields: &Object<'_>| fields.contains_key("t");
        opening(text.as_bytes(), &has_time).map(|o| (o.inside, matches!(o.layout, Layout::Wrapped(_))))
    }

    #[test]
    fn arrays_are_told_from_lines() {
        for (text, expected) in [
            (r#" [ {"t":1}"#, Some((2, false))),
            ("[]", Some((1, false))),
            ("[info] started\n{\"t\":1}\n", None),
            ("[1,2]", None),
            (r#"{"Records":[{"t":1}]}"#, Some((12, true))),
            (
                r#"{"n":{"t":2}, "x":[1], "Records": [ {"t":1}, {"#,
                Some((35, true)),
            ),
            (r#"{"rows":[{"t":1}],"t":1}"#, None),
            (r#"{"t":1,"rows":[{"t":1}"#, None),
            (r#"{"rows":[{"who":1}]}"#, None),
            (r#"{"a":[{"t":1}],"b":[{"t":1}]}"#, None),
            (r#"{"links":[{"self":1}],"rows":[{"t":1}]}"#, Some((30, true))),
            (r#"{"a" "b"}"#, None),
            ("", None),
        ] {
            assert_eq!(opened(text), expected, "{text}");
        }
    }

    #[test]
    fn an_array_may_stand_in_objects_within_the_first() {
        let has_time = |fields: &Object<'_>| fields.contains_key("t");
        for (text, expected) in [
            (r#"{"v":1,"data":{"events":[{"t":1}]}}"#, Some((25, 2))),
            (r#"{"hits":{"n":[7],"hits":[{"t":1}],"m":{}}}"#, Some((25, 2))),
            (r#"{"a":{"b":{"c":{"d":[{"t":1},"#, Some((21, 4))),
            (r#"{"a":{"b":{"c":{"d":{"e":[{"t":1}]}}}}}"#, None),
            (r#"{"rows":[{"t":1}],"data":{"events":[{"t":1}]}}"#, None),
            (r#"{"more":{"Records":[{"t":1}]},"Records":[{"t":1}]}"#, None),
            (r#"{"a":{"x":[{"t":1}],"y":[{"t":1}]},"Records":[{"t":1}]}"#, None),
            (r#"{"a":{"x":[{"t":1}]},"b":{"x":[{"t":1}]}}"#, None),
            (r#"{"t":1,"data":{"events":[{"t":1}]}}"#, None),
            (r#"{"data":{"t":1,"events":[{"t":1}]}}"#, None),
        ] {
            let found = opening(text.as_bytes(), &has_time).map(|o| match o.layout {
                Layout::Wrapped(n_frames) => (o.inside, n_frames),
                Layout::Array | Layout::Spread => (o.inside, 0),
            });
            assert_eq!(found, expected, "{text}");
        }
        for (behind, n_frames, expected) in [
            (r#","n":1},"m":[{"u":1}]}"#, 2, false),
            (r#"},"m":{"x":[{"t":1}]}}"#, 2, true),
            (r#","rows":[{"t":1}]}"#, 1, true),
            (r#","rest":{"rows":[{"t":1}]}}"#, 1, true),
            (r#"}"#, 1, false),
        ] {
            assert_eq!(
                has_more_records(behind.as_bytes(), n_frames, &has_time),
                expected,
                "{behind}"
            );
        }
    }

    #[test]
    fn an_array_is_known_by_what_the_head_shows_of_a_long_element() {
        let long = "x".repeat(HEAD);
        for (text, expected) in [
            (
                format!(r#"{{"Records":[{{"t":1,"a":"{long}"}}]}}"#),
                Some((12, true)),
            ),
            (
                format!(r#"{{"Records":[{{"a":{{}},"t":1,"b":["{long}"]}}]}}"#),
                Some((12, true)),
            ),
            (format!(r#"{{"Records":[{{"a":"{long}","t":1}}]}}"#), None),
        ] {
            assert_eq!(opened(&text), expected);
        }
        let text = format!(r#"[{{"t":1,"a":"{long}"}}]"#);
        let sample: Vec<_> = sampled(
            text.as_bytes(),
            Opening {
                inside: 1,
                layout: Layout::Array,
            },
        );
        assert_eq!(sample, [Cow::Borrowed(&br#"{"t":1}"#[..])]);
    }

    #[test]
    fn objects_spread_over_lines_are_told_from_lines() {
        for (text, expected) in [
            ("{\n  \"t\": 1\n}\n{\n \"t\": 2\n}", Some(0)),
            ("\n {\r\n\"t\"", Some(2)),
            ("{ \"t\":1,\n \"u\":2}\n", Some(0)),
            ("{\"t\":\n1}", Some(0)),
            ("Record 1\n{\n  \"t\": 1\n}\nRecord 2\n", Some(9)),
            ("{\"t\":1}\n{\"t\":2}\n", None),
            ("{\"t\":1,\n{\"t\":2}\n", None),
            ("{\"t\":1,\nplain\n{\"t\":2}\n", None),
            ("{\"t\":1}\n{\n", None),
            ("plain\nlines\n{\n \"t\": 1}\n", None),
            ("{\"t\":1}", None),
            ("{\n", None),
            ("", None),
        ] {
            let spread = opening(text.as_bytes(), &|_: &Object<'_>| true);
            assert!(spread.is_none_or(|o| o.layout == Layout::Spread), "{text}");
            assert_eq!(spread.map(|o| o.inside), expected, "{text}");
        }
    }

    #[test]
    fn the_elements_of_an_array_within_an_object_have_places() {
        let text = r#" {"a" : [1], "entry": [ {"b":"]"} ,{"c":[{}]}, 7], "z":[]} "#;
        let array = value_of(text.as_bytes(), "entry").unwrap_or_default();
        let elements = elements_of(&text.as_bytes()[array.clone()]);
        let shown: Vec<_> = elements.into_iter().map(|e| &text[array.clone()][e]).collect();
        assert_eq!(shown, [r#"{"b":"]"}"#, r#"{"c":[{}]}"#, "7"]);
        assert_eq!(value_of(text.as_bytes(), "none"), None);
        assert_eq!(value_of(br#"{"entry""#, "entry"), None);
        assert!(elements_of(b"[]").is_empty() && elements_of(b"[").is_empty());
    }

    #[test]
    fn what_stands_between_objects_is_no_sample() {
        let head = b"Record 1\n{\n \"t\": 1\n}\nRecord 2\n{\n \"t\": 2\n}\n{\n";
        let found = opening(head, &|_: &Object<'_>| true).map(|o| sampled(head, o));
        assert_eq!(found.map(|found| found.len()), Some(2));
    }

    #[test]
    fn the_end_of_a_value_is_found_however_it_comes_in() {
        for (text, expected) in [
            (r#"{"a":"}\"]","b":[1,{}]} ,"#, Step::End(23)),
            ("null]", Step::End(4)),
            ("1,2", Step::End(1)),
            (r#""x" "#, Step::End(3)),
            (r#"{"a":[1}"#, Step::Torn(7)),
            ("{\"a\":1\n{\"b\":2}", Step::Torn(7)),
            (r#"{"a":1,{"b":2}"#, Step::Torn(7)),
            (r#"[{"a":1}{"b":2}]"#, Step::Torn(8)),
            ("{\"a\":\"x}\n,", Step::Torn(8)),
            (r#"{"a":1"#, Step::More),
            (r#"{"a\"#, Step::More),
        ] {
            let mut scan = Scan::default();
            assert_eq!(scan.step(text.as_bytes()), expected, "{text}");
            let mut piecewise = Scan::default();
            let mut steps = (0..=text.len()).map(|n| piecewise.step(&text.as_bytes()[..n]));
            let last = steps.find(|step| *step != Step::More).unwrap_or(Step::More);
            let is_open_scalar = text == "null]" || text == "1,2";
            assert!(is_open_scalar || last == expected, "{text}: {last:?}");
        }
    }
}

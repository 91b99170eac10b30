//! Logs as container runtimes keep them: each line that a program in a container wrote stands behind a time and a
//! stream, as Kubernetes' runtimes write it, or in an object, as Docker does. What the program wrote is of the
//! format that it always is; the record, with its place, is the runtime's line.

mod inside;
mod insights;
mod pieces;

use crate::archive::HEAD;
use crate::json::{self, Json};
use crate::{
    Begins, Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample,
};
use inside::Inside;
use insights::Results;
pub use pieces::Ajar;
use pieces::{Blocks, Joined, Lines, Taken};
use std::borrow::Cow;
use std::sync::Arc;

/// What is around the records of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Around {
    /// A container runtime's lines.
    Runtime,
    /// The results of a query of CloudWatch Logs Insights.
    Results(insights::Shape),
}

/// What the programs wrote, of the beginning of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Within {
    pub text: Vec<u8>,
    pub around: Around,
    /// Whether it is the beginning of one line that a runtime cut, whose end is not there.
    pub is_cut: bool,
}

/// What stands within the beginning of a file in which every line is a runtime's, or that is the results of a query;
/// `None` for other files.
pub fn head(head: &[u8]) -> Option<Within> {
    let results = || {
        let (text, shape) = insights::head(head)?;
        Some(Within {
            text,
            around: Around::Results(shape),
            is_cut: false,
        })
    };
    lines(head).or_else(results)
}

/// How much of a file is looked at that begins with a line of which the end is further away: the longest that is put
/// together, and what follows it.
pub const LONG_HEAD: usize = pieces::MOST_RAW + HEAD;

/// Whether the beginning of a file is the pieces of a line that goes on behind it: what it is of is told further on.
pub fn is_cut(head: &[u8]) -> bool {
    lines(head).is_some_and(|within| within.is_cut)
}

/// Where no line of a program is whole, the beginning of the first tells what it is of, as far as it can.
fn lines(head: &[u8]) -> Option<Within> {
    let whole = head.len() - head.iter().rev().take_while(|byte| **byte != b'\n').count();
    // A file of one line may end without a line end.
    let whole = if whole == 0 { head.len() } else { whole };
    let (mut text, mut cut) = (Vec::with_capacity(whole), Vec::new());
    let mut lines = Lines::default();
    for bytes in head[..whole].split(|byte| *byte == b'\n') {
        if bytes.is_empty() {
            continue;
        }
        let record = RawRecord {
            bytes,
            offset: 0,
            line: 1,
        };
        let outer = json::text(bytes);
        let line = line(&outer)?;
        match lines.take(&line, &record) {
            Taken::Whole => text.extend_from_slice(line.text.as_bytes()),
            Taken::Joined(joined) => text.extend_from_slice(&joined.text),
            Taken::Waits | Taken::Refused(_) => {
                if cut.len() < HEAD {
                    cut.extend_from_slice(line.bytes(bytes));
                }
                continue;
            }
        }
        text.push(b'\n');
    }
    let is_cut = text.is_empty();
    let text = if is_cut { cut } else { text };
    (!text.is_empty()).then_some(Within {
        text,
        around: Around::Runtime,
        is_cut,
    })
}

/// The format for a file in which the records of this one stand so; `None` for those that are no lines.
pub fn format(inner: &Arc<dyn Format>, around: Around) -> Option<Arc<dyn Format>> {
    let framing = match inner.framing() {
        Framing::Lines | Framing::Json(_) => Framing::Lines,
        Framing::Blocks(begins) => Framing::Blocks(begins_within(begins)),
        Framing::Csv | Framing::Elements(_) | Framing::Fields | Framing::Chunks { .. } => return None,
    };
    if inner.names_columns() {
        return None;
    }
    let inner = Arc::clone(inner);
    Some(match around {
        Around::Runtime => Arc::new(Contained { inner, framing }),
        Around::Results(shape) => Arc::new(Results { inner, shape }),
    })
}

fn begins_within(begins: Begins) -> Begins {
    Arc::new(move |outer| match line(&json::text(outer)) {
        Some(line) => begins(line.text.as_bytes()),
        None => begins(outer),
    })
}

/// What a program wrote.
#[derive(Debug, PartialEq, Eq)]
struct Line<'l> {
    stream: Stream,
    shape: Shape,
    text: Cow<'l, str>,
    /// Whether the rest of it follows: runtimes cut long lines into pieces.
    is_cut: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Error,
}

impl Stream {
    fn of(name: &str) -> Option<Self> {
        match name {
            "stdout" => Some(Self::Out),
            "stderr" => Some(Self::Error),
            _ => None,
        }
    }
}

/// How a runtime keeps lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    BehindTime,
    InObject,
}

impl Line<'_> {
    /// Its text as the runtime's line has it: a piece may end within a character.
    fn bytes<'b>(&'b self, outer: &'b [u8]) -> &'b [u8] {
        match self.shape {
            Shape::InObject => self.text.as_bytes(),
            Shape::BehindTime => {
                let end = if self.is_cut {
                    None
                } else {
                    outer.strip_suffix(b"\r")
                };
                let outer = end.unwrap_or(outer);
                outer.splitn(4, |byte| *byte == b' ').nth(3).unwrap_or_default()
            }
        }
    }
}

/// A runtime's line; `None` for any other. A carriage return is of the line's end only where that is there: a piece may
/// end with one of the program's.
fn line(outer: &str) -> Option<Line<'_>> {
    match outer.starts_with('{') {
        true => in_object(outer.trim_end_matches('\r')),
        false => behind_time(outer),
    }
}

/// `2014-05-23T10:00:00.123456789Z stdout F line`
fn behind_time(outer: &str) -> Option<Line<'_>> {
    let (time, rest) = outer.split_once(' ')?;
    let (stream, rest) = rest.split_once(' ')?;
    let (tag, inner) = rest
        .split_once(' ')
        .unwrap_or_else(|| (rest.trim_end_matches('\r'), ""));
    let is_time =
        time.len() >= 20 && time.as_bytes()[10] == b'T' && time.starts_with(|c: char| c.is_ascii_digit());
    let is_cut = match tag.split(':').next() {
        Some("F") => false,
        Some("P") => true,
        _ => return None,
    };
    Some(Line {
        stream: Stream::of(stream).filter(|_| is_time)?,
        shape: Shape::BehindTime,
        text: Cow::Borrowed(match is_cut {
            true => inner,
            false => inner.trim_end_matches('\r'),
        }),
        is_cut,
    })
}

/// `{"log":"line\n","stream":"stdout","time":"2014-05-23T10:00:00.123456789Z"}`
fn in_object(outer: &str) -> Option<Line<'_>> {
    const NAMES: [&str; 4] = ["log", "stream", "time", "attrs"];
    if !outer.starts_with("{\"log\":") {
        return None;
    }
    let fields = json::object(outer).ok()?;
    let text = |name: &str| fields.get(name).and_then(Json::as_str);
    let is_alone = fields.iter().all(|(name, _)| NAMES.contains(&name));
    if !is_alone || text("time").is_none() {
        return None;
    }
    let log = text("log")?;
    let ended = log.strip_suffix('\n');
    let inner = ended.map_or(log, |ended| ended.strip_suffix('\r').unwrap_or(ended));
    Some(Line {
        stream: Stream::of(text("stream")?)?,
        shape: Shape::InObject,
        text: Cow::Owned(inner.to_owned()),
        is_cut: ended.is_none(),
    })
}

struct Contained {
    inner: Arc<dyn Format>,
    framing: Framing,
}

impl Format for Contained {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn source(&self) -> &str {
        self.inner.source()
    }

    fn manual(&self) -> &str {
        self.inner.manual()
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let Some(inner) = lines(sample.head) else {
            return Confidence::NONE;
        };
        let mut within = Sample::new(sample.path, &inner.text);
        within.log_format = sample.log_format;
        self.inner.recognize(&within)
    }

    fn framing(&self) -> Framing {
        self.framing.clone()
    }

    fn names_records(&self) -> bool {
        self.inner.names_records()
    }

    /// Whether a line is the end of one that was cut is known by those before it.
    fn is_stateful(&self) -> bool {
        true
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(Unwrapping {
            inside: Inside::of(&*self.inner, context)?,
            ajar: Ajar::default(),
            lines: Lines::default(),
            blocks: matches!(self.framing, Framing::Blocks(_)).then(Blocks::default),
        }))
    }
}

struct Unwrapping {
    inside: Inside,
    ajar: Ajar,
    lines: Lines,
    /// Where records are blocks of lines.
    blocks: Option<Blocks>,
}

impl Decoder for Unwrapping {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        match self.blocks.is_some() {
            true => self.block(record, out),
            false => self.line(record, out),
        }
    }

    fn held_from(&self) -> Option<u64> {
        let blocks = self.blocks.as_ref().and_then(Blocks::held_from);
        let open = self.lines.held_from().into_iter().chain(blocks);
        open.chain(self.inside.inner.held_from()).min()
    }

    fn holds(&self, offset: u64) -> bool {
        self.inside.inner.holds(offset)
    }

    fn ajar(&self) -> Ajar {
        self.ajar
    }

    fn foresee(&mut self, head: &mut dyn FnMut() -> Vec<u8>) {
        self.inside.inner.foresee(&mut || {
            let text = head();
            lines(&text).map(|within| within.text).unwrap_or_default()
        });
    }

    fn goes_on_from(&mut self, older: Ajar) {
        self.ajar = older;
        match &mut self.blocks {
            Some(blocks) => blocks.lose_all(older),
            None => self.lines.lose_all(older),
        }
    }

    fn finish(&mut self, out: &mut Output) {
        out.unfinished.extend(self.lines.finish());
        out.unfinished
            .extend(self.blocks.as_mut().and_then(Blocks::finish));
        self.inside.finish(out);
    }
}

impl Unwrapping {
    fn line(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        let line = line(&text);
        let lost = match line {
            Some(_) => self.lines.give_up(record.offset),
            None => self.lines.interrupt(),
        };
        let n_events = out.events.len();
        let result = match &line {
            Some(line) => self.runtimes(line, record, out),
            None => self.inside.whole(record, record, out),
        };
        if lost.is_empty() {
            return result;
        }
        // What is refused with a record that is refused itself would not be told.
        out.refused.splice(0..0, lost);
        if let Err(reason) = result {
            out.events.truncate(n_events);
            out.refuse(Joined::of(record).refused(reason));
        }
        Ok(())
    }

    fn runtimes(
        &mut self,
        line: &Line<'_>,
        record: &RawRecord<'_>,
        out: &mut Output,
    ) -> Result<(), RejectReason> {
        self.ajar.note(line);
        match self.lines.take(line, record) {
            Taken::Whole => {
                let bytes = line.text.as_bytes();
                return self.inside.whole(&RawRecord { bytes, ..*record }, record, out);
            }
            Taken::Joined(joined) => self.joined(joined, out),
            Taken::Refused(part) => out.refuse(part),
            Taken::Waits => {}
        }
        Ok(())
    }

    fn block(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let Some(blocks) = &mut self.blocks else {
            return Ok(());
        };
        let text = record.lossy();
        let mut lines: Vec<Cow<'_, str>> = Vec::new();
        let mut has_pieces = !blocks.is_idle();
        for outer in text.split('\n') {
            match line(outer) {
                Some(line) => {
                    self.ajar.note(&line);
                    has_pieces |= line.is_cut;
                    lines.push(line.text);
                }
                None => lines.push(Cow::Borrowed(outer)),
            }
        }
        if !has_pieces {
            let text = lines.join("\n");
            let bytes = text.as_bytes();
            return self.inside.whole(&RawRecord { bytes, ..*record }, record, out);
        }
        let whole = blocks.take(record, &mut out.refused);
        if let Some(whole) = whole {
            self.joined(whole, out);
        }
        Ok(())
    }

    /// Decodes what was put together of several records: its place is all of them, from the first on.
    fn joined(&mut self, joined: Joined, out: &mut Output) {
        let Joined { offset, line, .. } = joined;
        let of = |bytes| RawRecord { bytes, offset, line };
        let result = self.inside.apart(&of(&joined.text), &of(&joined.raw), out);
        if let Err(reason) = result {
            out.refuse(joined.refused(reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_runtimes_are_told_from_others() {
        let of = |stream, text: &'static str, is_cut| Some((stream, text.to_owned(), is_cut));
        let whole = |text| of(Stream::Out, text, false);
        for (outer, expected) in [
            ("2014-05-23T10:00:00.1Z stdout F a b", whole("a b")),
            (
                "2014-05-23T10:00:00.1+01:00 stderr F:x {\"a\":1}",
                of(Stream::Error, "{\"a\":1}", false),
            ),
            ("2014-05-23T10:00:00.1Z stdout F ", whole("")),
            ("2014-05-23T10:00:00.1Z stdout F", whole("")),
            (
                "2014-05-23T10:00:00.1Z stdout P half",
                of(Stream::Out, "half", true),
            ),
            ("2014-05-23T10:00:00.1Z web1 F x", None),
            (
                r#"{"log":"a \"b\"\n","stream":"stdout","time":"2014"}"#,
                whole("a \"b\""),
            ),
            (
                r#"{"log":"a\r\n","stream":"stderr","attrs":{"x":"y"},"time":"2014"}"#,
                of(Stream::Error, "a", false),
            ),
            (
                r#"{"log":"cut\r","stream":"stdout","time":"2014"}"#,
                of(Stream::Out, "cut\r", true),
            ),
            (
                "2014-05-23T10:00:00.1Z stdout P cut\r",
                of(Stream::Out, "cut\r", true),
            ),
            ("2014-05-23T10:00:00.1Z stdout F a\r", whole("a")),
            ("2014-05-23T10:00:00.1Z stdout F\r", whole("")),
            (
                r#"{"log":"cut","stream":"stdout","time":"2014"}"#,
                of(Stream::Out, "cut", true),
            ),
            (
                r#"{"log":"a\n","stream":"stdout","time":"2014","user":"x"}"#,
                None,
            ),
            (r#"{"log":"a\n","stream":"tape","time":"2014"}"#, None),
            (r#"{"log":7}"#, None),
            ("", None),
        ] {
            let found = line(outer).map(|line| (line.stream, line.text.into_owned(), line.is_cut));
            assert_eq!(found, expected, "{outer}");
        }
    }

    #[test]
    fn a_file_is_a_runtimes_where_all_of_its_lines_are() {
        let of = |text: &str| {
            lines(text.as_bytes()).map(|inner| String::from_utf8_lossy(&inner.text).into_owned())
        };
        let one = "2014-05-23T10:00:00.1Z stdout F a\n";
        assert_eq!(of(one).as_deref(), Some("a\n"));
        assert_eq!(of(&format!("{one}\n{one}2014-05")).as_deref(), Some("a\na\n"));
        assert_eq!(of(&format!("{one}plain\n")), None);
        assert_eq!(of(one.trim_end()).as_deref(), Some("a\n"));
        assert_eq!(of(""), None);
        let piece = "2014-05-23T10:00:00.1Z stdout P b\n";
        assert_eq!(of(&format!("{one}{piece}")).as_deref(), Some("a\n"));
        assert_eq!(of(&format!("{piece}{piece}")).as_deref(), Some("bb"));
        assert!(is_cut(piece.as_bytes()) && !is_cut(one.as_bytes()));
    }
}

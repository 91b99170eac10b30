//! Logs as container runtimes keep them: each line that a program in a container wrote stands behind a time and a
//! stream, as Kubernetes' runtimes write it, or in an object, as Docker does. What the program wrote is of the
//! format that it always is; the record, with its place, is the runtime's line.

use crate::json::{self, Json};
use crate::{
    Begins, Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the programs wrote, of the beginning of a file in which every line is a runtime's; `None` for other files.
pub fn head(head: &[u8]) -> Option<Vec<u8>> {
    let whole = head.len() - head.iter().rev().take_while(|byte| **byte != b'\n').count();
    // A file of one line may end without a line end.
    let whole = if whole == 0 { head.len() } else { whole };
    let mut inner = Vec::with_capacity(whole);
    let mut cut = Cut::default();
    for outer in head[..whole].split(|byte| *byte == b'\n') {
        if outer.is_empty() {
            continue;
        }
        if let Some(text) = cut.whole(line(&json::text(outer))?) {
            inner.extend_from_slice(text.as_bytes());
            inner.push(b'\n');
        }
    }
    (!inner.is_empty()).then_some(inner)
}

/// The format for a file in which a runtime has kept the lines of this one; `None` for those that are no lines.
pub fn format(inner: &Arc<dyn Format>) -> Option<Arc<dyn Format>> {
    let framing = match inner.framing() {
        Framing::Lines | Framing::Json(_) => Framing::Lines,
        Framing::Blocks(begins) => Framing::Blocks(begins_within(begins)),
        Framing::Csv | Framing::Elements(_) | Framing::Fields | Framing::Chunks { .. } => return None,
    };
    if inner.names_columns() {
        return None;
    }
    let inner = Arc::clone(inner);
    Some(Arc::new(Contained { inner, framing }))
}

fn begins_within(begins: Begins) -> Begins {
    Arc::new(move |outer| match line(&json::text(outer)) {
        Some(Line {
            text, is_cut: false, ..
        }) => begins(text.as_bytes()),
        Some(Line { is_cut: true, .. }) | None => begins(outer),
    })
}

/// What a program wrote.
#[derive(Debug, PartialEq, Eq)]
struct Line<'l> {
    stream: Stream,
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

/// On which streams a line was cut whose end has not come yet. Its end begins with whatever stood there: whoever makes
/// a line long enough chooses that, so that it is no record, as little as the pieces before it.
#[derive(Debug, Default)]
struct Cut {
    out: bool,
    error: bool,
}

impl Cut {
    /// The text, if it is all of a line.
    fn whole<'l>(&mut self, line: Line<'l>) -> Option<Cow<'l, str>> {
        let was_cut = match line.stream {
            Stream::Out => &mut self.out,
            Stream::Error => &mut self.error,
        };
        let is_whole = !*was_cut && !line.is_cut;
        *was_cut = line.is_cut;
        is_whole.then_some(line.text)
    }
}

/// A runtime's line; `None` for any other.
fn line(outer: &str) -> Option<Line<'_>> {
    let outer = outer.trim_end_matches('\r');
    match outer.starts_with('{') {
        true => in_object(outer),
        false => behind_time(outer),
    }
}

/// `2014-05-23T10:00:00.123456789Z stdout F line`
fn behind_time(outer: &str) -> Option<Line<'_>> {
    let (time, rest) = outer.split_once(' ')?;
    let (stream, rest) = rest.split_once(' ')?;
    let (tag, inner) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_time =
        time.len() >= 20 && time.as_bytes()[10] == b'T' && time.starts_with(|c: char| c.is_ascii_digit());
    let is_cut = match tag.split(':').next() {
        Some("F") => false,
        Some("P") => true,
        _ => return None,
    };
    Some(Line {
        stream: Stream::of(stream).filter(|_| is_time)?,
        text: Cow::Borrowed(inner),
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
    let inner = log.strip_suffix('\n').unwrap_or(log);
    Some(Line {
        stream: Stream::of(text("stream")?)?,
        text: Cow::Owned(inner.strip_suffix('\r').unwrap_or(inner).to_owned()),
        is_cut: inner.len() == log.len(),
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
        let Some(inner) = head(sample.head) else {
            return Confidence::NONE;
        };
        let mut within = Sample::new(sample.path, &inner);
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
            inner: self.inner.decoder(context)?,
            cut: Cut::default(),
            held: BTreeMap::new(),
            most_held: FEW_HELD,
        }))
    }
}

/// So many records that may be held are not gone over.
const FEW_HELD: usize = 64;

/// A runtime's record, of which an event is held back.
struct Held {
    raw: Vec<u8>,
    line: u64,
}

struct Unwrapping {
    inner: Box<dyn Decoder>,
    cut: Cut,
    /// By their offsets.
    held: BTreeMap<u64, Held>,
    /// Where there are more, those are dropped that are held no longer.
    most_held: usize,
}

impl Decoder for Unwrapping {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        let mut lines: Vec<Cow<'_, str>> = Vec::new();
        let mut is_whole = true;
        // Each line is gone over whatever those before it are: the next record goes on from there.
        for outer in text.split('\n') {
            match line(outer).map_or(Some(Cow::Borrowed(outer)), |line| self.cut.whole(line)) {
                Some(inner) => lines.push(inner),
                None => is_whole = false,
            }
        }
        if !is_whole {
            return Err(RejectReason::new(
                "a piece of a line that the container runtime cut, or the end of one",
            ));
        }
        let text = lines.join("\n");
        let bytes = text.as_bytes();
        let (n_events, n_refused) = (out.events.len(), out.refused.len());
        let result = self.inner.decode(&RawRecord { bytes, ..*record }, out);
        self.restore(out, n_events, Some(record));
        for part in out.refused.iter_mut().skip(n_refused) {
            (part.offset, part.line) = (record.offset, record.line);
            part.n_bytes = record.bytes.len() as u64;
        }
        self.hold(record);
        result
    }

    fn held_from(&self) -> Option<u64> {
        self.inner.held_from()
    }

    fn holds(&self, offset: u64) -> bool {
        self.inner.holds(offset)
    }

    fn finish(&mut self, out: &mut Output) {
        let n_events = out.events.len();
        self.inner.finish(out);
        self.restore(out, n_events, None);
    }
}

impl Unwrapping {
    /// Keeps the record, if an event of it is held back, and at most twice as many as are.
    fn hold(&mut self, record: &RawRecord<'_>) {
        if self.inner.holds(record.offset) {
            let (raw, line) = (record.bytes.to_vec(), record.line);
            self.held.insert(record.offset, Held { raw, line });
        }
        if self.held.len() > self.most_held {
            self.held.retain(|offset, _| self.inner.holds(*offset));
            self.most_held = (2 * self.held.len()).max(FEW_HELD);
        }
    }

    /// Events that bring their own bytes bring those of the program's line: they get the runtime's.
    fn restore(&self, out: &mut Output, n_before: usize, record: Option<&RawRecord<'_>>) {
        for event in out.events.iter_mut().skip(n_before).filter(|e| !e.raw.is_empty()) {
            let place = &mut event.provenance;
            if let Some(held) = self.held.get(&place.offset) {
                (event.raw, place.line) = (held.raw.clone(), held.line);
                place.length = event.raw.len() as u64;
            } else if let Some(record) = record {
                // A part of the line: its place is the line's.
                (place.offset, place.line) = (record.offset, record.line);
                place.length = record.bytes.len() as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_runtimes_are_told_from_others() {
        let of = |stream, text: &'static str, is_cut| {
            let text = Cow::Borrowed(text);
            Some(Line { stream, text, is_cut })
        };
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
            assert_eq!(line(outer), expected, "{outer}");
        }
    }

    #[test]
    fn a_file_is_a_runtimes_where_all_of_its_lines_are() {
        let of = |text: &str| head(text.as_bytes()).map(|inner| String::from_utf8_lossy(&inner).into_owned());
        let one = "2014-05-23T10:00:00.1Z stdout F a\n";
        assert_eq!(of(one).as_deref(), Some("a\n"));
        assert_eq!(of(&format!("{one}\n{one}2014-05")).as_deref(), Some("a\na\n"));
        assert_eq!(of(&format!("{one}plain\n")), None);
        assert_eq!(of(one.trim_end()).as_deref(), Some("a\n"));
        assert_eq!(of(""), None);
    }
}

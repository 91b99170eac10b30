//! Which source a file is of: what its beginning looks like, and whether it can then be read.

use crate::archive::HEAD;
use crate::contained::{self, Around, Within};
use crate::cut::{Close, Cut, Cutter};
use crate::{Confidence, Error, Format, Framing, Options, Output, Sample};
use ambit_event::{Keys, Timestamp};
use std::sync::Arc;

/// Below this nobody knows the file.
const SURE_ENOUGH: Confidence = Confidence(30);
/// Records of the head that are decoded for trial.
const TRIED: usize = 64;
/// One in so many of them must be read: a source that reads fewer is not the file's.
const READABLE: usize = 5;

/// The source of a file by its name, its first bytes and when it was last written, out of `formats`: the declared
/// ones first.
///
/// # Errors
/// [`Error::Unrecognized`] with what came nearest, [`Error::NoSource`] for a named source that there is not.
pub fn recognize(
    options: &Options,
    formats: &[Arc<dyn Format>],
    name: &str,
    head: &[u8],
    modified: Option<Timestamp>,
) -> Result<(Arc<dyn Format>, Confidence), Error> {
    let inner = contained::head(head);
    let is_whole = head.len() < HEAD;
    let head = &head[..head.len().min(HEAD)];
    if let Some(source) = &options.source {
        let format = options.format(source)?;
        let is_declared = options.mappings.iter().any(|mapping| mapping.name() == source);
        let is_read = |format: &Arc<dyn Format>| try_out(format, head, is_whole, modified, options).is_ok();
        // What a person declares may be the runtime's own lines.
        let kept = inner.and_then(|within| contained::format(&format, within.around));
        let kept = kept.filter(|kept| !is_declared || is_read(kept) && !is_read(&format));
        return Ok((kept.unwrap_or(format), Confidence::CERTAIN));
    }
    let file = Unread {
        name,
        head,
        is_whole,
        modified,
    };
    file.recognize(options, formats, inner.as_ref())
}

/// A file of which nobody said what it is.
struct Unread<'f> {
    name: &'f str,
    head: &'f [u8],
    /// Whether this is all of it: then its last record is one.
    is_whole: bool,
    modified: Option<Timestamp>,
}

/// Sources of last resort: they would take a runtime's lines for records, pieces of lines too.
const LAST_RESORTS: [&str; 2] = ["app_jsonl", "app_logfmt"];

impl Unread<'_> {
    /// `inner` is what stands in the lines of a container's runtime, or in the results of a query, where the file has
    /// such. A runtime's lines within those of another are lines like any other: whoever writes logs could put any
    /// number within each other.
    fn recognize(
        &self,
        options: &Options,
        formats: &[Arc<dyn Format>],
        inner: Option<&Within>,
    ) -> Result<(Arc<dyn Format>, Confidence), Error> {
        let Self { name, head, .. } = *self;
        let mut sample = Sample::new(name, head);
        sample.log_format = options.log_format.as_deref();
        let declared = ranked(chosen(options, formats), &sample).into_iter().next();
        if let Some((format, sure)) = declared.filter(|(_, sure)| *sure > Confidence::NONE) {
            return Ok((Arc::clone(format), sure));
        }
        if let Some(within) = inner
            && let Ok((format, sure)) = self.within(within).recognize(options, formats, None)
            && let Some(format) = contained::format(&format, within.around)
        {
            return Ok((format, sure));
        }
        if let Some(format) = signed(formats, &sample) {
            return Ok((Arc::clone(format), Confidence::CERTAIN));
        }
        let is_runtimes = inner.is_some_and(|within| within.around == Around::Runtime);
        let may_be = |format: &&Arc<dyn Format>| !is_runtimes || !LAST_RESORTS.contains(&format.name());
        let ranked = ranked(formats.iter().filter(may_be), &sample);
        let mut unread = None;
        for (format, sure) in ranked.iter().take_while(|(_, sure)| *sure >= SURE_ENOUGH) {
            match try_out(format, head, self.is_whole, self.modified, options) {
                Ok(()) => return Ok((Arc::clone(format), *sure)),
                Err(why) => {
                    unread = unread.or_else(|| Some(format!("it looks like {}, but {why}", format.name())))
                }
            }
        }
        let tried = unread.unwrap_or_else(|| nearest(ranked.first(), formats.len()));
        Err(Error::Unrecognized {
            path: name.to_owned(),
            tried: match is_runtimes {
                true => format!("{tried}; each line is a container runtime's, around a program's own"),
                false => tried,
            },
        })
    }

    /// What stands within it, as a file of its own.
    fn within<'w>(&'w self, within: &'w Within) -> Unread<'w> {
        Unread {
            head: &within.text,
            is_whole: !within.is_cut && within.text.len() < HEAD,
            ..*self
        }
    }
}

/// The declared formats that say by which fields their records are known: a person who wrote that down knows
/// more of the file than any built-in format can.
pub fn chosen<'f>(
    options: &'f Options,
    formats: &'f [Arc<dyn Format>],
) -> impl Iterator<Item = &'f Arc<dyn Format>> {
    let declared = options.mappings.iter().zip(formats);
    declared
        .filter(|(mapping, _)| mapping.is_choosy())
        .map(|(_, format)| format)
}

/// The binary format whose signature the file begins with: that is proof, and spares every format of text a look at it.
fn signed<'f>(formats: &'f [Arc<dyn Format>], sample: &Sample<'_>) -> Option<&'f Arc<dyn Format>> {
    let mut binary = formats
        .iter()
        .filter(|format| matches!(format.framing(), Framing::Chunks { .. }));
    binary.find(|format| format.recognize(sample) == Confidence::CERTAIN)
}

/// The surest first; of equally sure ones in their order.
fn ranked<'f>(
    formats: impl Iterator<Item = &'f Arc<dyn Format>>,
    sample: &Sample<'_>,
) -> Vec<(&'f Arc<dyn Format>, Confidence)> {
    let mut ranked: Vec<_> = formats.map(|format| (format, format.recognize(sample))).collect();
    ranked.sort_by_key(|(_, sure)| std::cmp::Reverse(*sure));
    ranked
}

fn nearest(best: Option<&(&Arc<dyn Format>, Confidence)>, n: usize) -> String {
    match best {
        Some((format, sure)) if *sure > Confidence::NONE => {
            let name = format.name();
            format!("{n} tried; the nearest is {name}, {} percent sure", sure.0)
        }
        _ => format!("{n} tried; none fits"),
    }
}

/// Decodes the first records. Forms look alike, above all where a producer leaves it at a time and a bracket:
/// the proof is that the records can be read.
fn try_out(
    format: &Arc<dyn Format>,
    head: &[u8],
    is_whole: bool,
    modified: Option<Timestamp>,
    options: &Options,
) -> Result<(), String> {
    if matches!(format.framing(), Framing::Chunks { .. }) {
        return Ok(()); // A chunk is more than the head.
    }
    let Ok(context) = options.context(&Keys::derive(&[0; 32]), modified) else {
        return Ok(()); // Reading says what is wrong with the options.
    };
    let Ok(mut decoder) = format.decoder(&context) else {
        return Ok(());
    };
    let (mut bytes, mut output) = (head, Output::default());
    let mut cutter = Cutter::new(&mut bytes, format.framing(), &options.caps);
    let (mut n_tried, mut n_read, mut first) = (0, 0, None);
    while n_tried < TRIED {
        let record = match cutter.next() {
            Ok(Some(Cut::Record { record, close })) if close == Close::Seen || is_whole => record,
            Ok(Some(Cut::Overlong { .. })) => continue,
            _ => break,
        };
        n_tried += 1;
        match decoder.decode(&record, &mut output) {
            Ok(()) => n_read += 1,
            Err(reason) => first = first.or(Some(reason)),
        }
        output = Output::default();
    }
    match first {
        Some(reason) if n_read * READABLE < n_tried => Err(format!(
            "{n_read} of its first {n_tried} records can be read: {reason}"
        )),
        _ => Ok(()),
    }
}

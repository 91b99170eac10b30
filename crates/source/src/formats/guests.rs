//! Records of formats of their own that programs hand to the host's log, as the message of a record there.

use super::{apache, caddy, nginx, windows};
use crate::{Context, Decoder, Error, Format, Output, RawRecord};
use ambit_event::Event;

/// Sysmon for Linux, which writes the XML of Windows' events.
pub const SYSMON: &str = "sysmon";

/// Programs whose messages are records of a format of its own.
const GUESTS: &[(&[&str], &[&dyn Format])] = &[
    (&["nginx"], &[&nginx::ErrorLog, &nginx::Access]),
    (
        &["apache2", "httpd", "apache"],
        &[&apache::ErrorLog, &apache::Access],
    ),
    (&["caddy"], &[&caddy::Access]),
    (&[SYSMON], &[&windows::Xml]),
];

type Guest = (&'static [&'static str], Vec<(String, Box<dyn Decoder>)>);

/// The decoders of all of them, for the messages of one file.
pub struct Guests(Vec<Guest>);

impl Guests {
    pub fn new(context: &Context) -> Result<Self, Error> {
        let context = Context {
            log_format: None,
            is_mixed: true,
            ..context.clone()
        };
        let mut guests = Vec::new();
        for (programs, formats) in GUESTS {
            let decoders: Result<_, Error> = formats
                .iter()
                .map(|format| Ok((format.source().to_owned(), format.decoder(&context)?)))
                .collect();
            guests.push((*programs, decoders?));
        }
        Ok(Self(guests))
    }

    /// The message decoded as a record of its program's own format, where it is one.
    pub fn event(&mut self, program: &str, record: &RawRecord<'_>) -> Option<Event> {
        let (_, decoders) = self
            .0
            .iter_mut()
            .find(|(programs, _)| programs.contains(&program))?;
        let mut out = Output::default();
        let source = decoders.iter_mut().find_map(|(source, decoder)| {
            let is_read = decoder.decode(record, &mut out).is_ok() && !out.events.is_empty();
            is_read.then_some(source)
        })?;
        let mut event = out.events.pop()?;
        if event.source.is_empty() {
            event.source.clone_from(source);
        }
        event.raw.clear();
        Some(event)
    }
}

/// Whether a program's messages are such records.
pub fn is_program(name: &str) -> bool {
    GUESTS.iter().any(|(programs, _)| programs.contains(&name))
}

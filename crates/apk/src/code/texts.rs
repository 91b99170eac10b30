//! The texts of a DEX file that are worth a look: addresses, secrets by their form, paths of a service; where each
//! stands, and what it is given to.

use super::{CodeFacts, Reader, proof};
use crate::dex::{self, Call, Class, Members, Value};
use crate::finding::Proof;
use crate::names::{Owner, host_of, inside};
use crate::report::{Endpoint, PathText, Secret};
use crate::text;

/// What is known of a text that is worth a look.
pub(super) struct Candidate {
    pub(super) urls: Vec<String>,
    pub(super) secrets: Vec<(&'static text::Form, String, bool)>,
    pub(super) place: Option<(Proof, Owner)>,
    pub(super) consumer: Option<(String, Proof, Owner)>,
}

/// What marks a text.
const CANDIDATE: u8 = 1;
const PATH: u8 = 2;
/// Paths that are kept of one file.
const PATHS: usize = 5_000;

/// Texts that were put together at most: each call can be given another.
pub(super) const MADE: usize = 5_000;

impl Reader<'_, '_> {
    /// Finds the texts that are worth following to where they stand.
    pub(super) fn know_texts(&mut self) {
        let dex = self.dex;
        self.marks = vec![0; dex.n_strings() as usize];
        // Strings can be made to overlap, so that each is as long as the file.
        let mut left = dex.n_bytes().saturating_mul(2);
        for n in 0..dex.n_strings() {
            let Some(raw) = dex.raw(n) else { continue };
            let Some(rest) = left.checked_sub(raw.len()) else {
                let unread = &mut self.facts.unread;
                unread.push(format!("{}: strings from number {n} on: they overlap", dex.name));
                break;
            };
            left = rest;
            let mark = if text::is_worth_a_look(raw) && self.is_candidate(n) {
                CANDIDATE
            } else if self.paths.len() < PATHS && text::is_path(raw) {
                self.paths.insert(n, None);
                PATH
            } else {
                continue;
            };
            if let Some(place) = self.marks.get_mut(n as usize) {
                *place = mark;
            }
        }
    }

    fn is_candidate(&mut self, n: u32) -> bool {
        let Some(whole) = self.dex.string(n) else {
            return false;
        };
        let urls: Vec<String> = text::urls(&whole).map(str::to_owned).collect();
        let secrets: Vec<_> = text::secrets(&whole)
            .into_iter()
            .map(|hit| (hit.form, hit.value.to_owned(), hit.is_checked))
            .collect();
        let is_one = !urls.is_empty() || !secrets.is_empty();
        if is_one {
            let candidate = Candidate {
                urls,
                secrets,
                place: None,
                consumer: None,
            };
            self.candidates.insert(n, candidate);
        }
        is_one
    }

    /// Notes where a text stands; answers whether that is of interest to the checks.
    pub(super) fn stands(&mut self, text: u32, place: impl FnOnce() -> (Proof, Owner)) -> bool {
        match self.marks.get(text as usize) {
            Some(&CANDIDATE) => {
                if let Some(candidate) = self.candidates.get_mut(&text) {
                    candidate.place.get_or_insert_with(place);
                }
                true
            }
            Some(&PATH) => {
                if let Some(known) = self.paths.get_mut(&text) {
                    known.get_or_insert_with(place);
                }
                false
            }
            _ => false,
        }
    }

    /// Texts that the class states as constants of its fields.
    pub(super) fn stated(&mut self, class: &Class, members: &Members, name: &str, whose: &Owner) {
        for (field, text) in dex::texts(self.dex, class, &members.statics) {
            let dex = self.dex;
            self.stands(text, || {
                let field = dex
                    .field(field)
                    .map(|(_, name)| String::from_utf8_lossy(name).into_owned());
                let place = Proof {
                    file: dex.name.clone(),
                    class: Some(name.to_owned()),
                    method: field,
                    ..Proof::default()
                };
                (place, whose.clone())
            });
        }
    }

    pub(super) fn finish(mut self) -> CodeFacts {
        for (_, candidate) in self.candidates {
            let (place, whose, consumer) = match (candidate.consumer, candidate.place) {
                (Some((consumer, place, whose)), _) => (place, whose, Some(consumer)),
                (None, Some((place, whose))) => (place, whose, None),
                // A text that only classes of the platform hold, or none.
                (None, None) => continue,
            };
            let place = Proof {
                consumer: None,
                ..place
            };
            for url in candidate.urls {
                self.facts
                    .endpoints
                    .extend(endpoint(&url, &whose, &place, consumer.clone()));
            }
            for (form, value, is_checked) in candidate.secrets {
                let consumer = consumer.clone();
                let found = secret(form, value, is_checked, &whose, &place, consumer);
                self.facts.secrets.push(found);
            }
        }
        for (text, proof, whose) in self.made {
            let consumer = proof.consumer.clone();
            let place = Proof {
                consumer: None,
                ..proof
            };
            let (urls, secrets) = (&mut self.facts.endpoints, &mut self.facts.secrets);
            take(&text, &whose, &place, consumer.as_ref(), urls, secrets);
        }
        for (n, place) in self.paths {
            let Some(path) = self.dex.string(n) else { continue };
            // What no instruction names stands in an annotation, as clients of services have it.
            let (place, owner) = place.unwrap_or_else(|| (Proof::in_file(self.dex.name.clone()), Owner::App));
            self.facts.paths.push(PathText {
                path: path.into_owned(),
                owner,
                place,
            });
        }
        self.facts
    }
}

/// A text that was put together and tells an address or a secret, where a call takes it.
pub(super) fn made(
    call: &Call<'_, '_>,
    value: Value,
    class: &str,
    whose: &Owner,
) -> Option<(String, Proof, Owner)> {
    let text = call.text(value)?.into_owned();
    let consumer = call.dex.method_path(call.callee);
    let is_carried = consumer.starts_with("java.lang.") || consumer.starts_with("kotlin.");
    let tells = || text::urls(&text).next().is_some() || !text::secrets(&text).is_empty();
    (!is_carried && tells()).then(|| (text.clone(), proof(call, class), whose.clone()))
}

/// Takes the addresses and secrets out of one text.
pub(crate) fn take(
    whole: &str,
    whose: &Owner,
    place: &Proof,
    consumer: Option<&String>,
    endpoints: &mut Vec<Endpoint>,
    secrets: &mut Vec<Secret>,
) {
    let urls = text::urls(whole);
    endpoints.extend(urls.filter_map(|url| endpoint(url, whose, place, consumer.cloned())));
    secrets.extend(text::secrets(whole).into_iter().map(|hit| {
        let value = hit.value.to_owned();
        secret(hit.form, value, hit.is_checked, whose, place, consumer.cloned())
    }));
}

fn secret(
    form: &text::Form,
    value: String,
    is_checked: bool,
    whose: &Owner,
    place: &Proof,
    consumer: Option<String>,
) -> Secret {
    Secret {
        kind: form.kind,
        value,
        is_public: form.is_public,
        is_checked,
        owner: whose.clone(),
        place: place.clone(),
        consumer,
    }
}

/// An address as an endpoint; `None` where it names no host.
fn endpoint(url: &str, whose: &Owner, place: &Proof, consumer: Option<String>) -> Option<Endpoint> {
    let host = host_of(url)?.to_ascii_lowercase();
    let scheme = url.split_once("://")?.0.to_ascii_lowercase();
    Some(Endpoint {
        url: url.to_owned(),
        scheme,
        inside: inside(&host),
        host,
        owner: whose.clone(),
        place: place.clone(),
        consumer,
    })
}

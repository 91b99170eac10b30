//! One DEX file of a package: which of its classes are worth following, and what the checks say of them.

use crate::check::{CHECKS, Check, ClassSite, Found, Look, SECRET, Site, Target, is_noted, secret_used};
use crate::dex::{self, Body, Call, Class, Dex, Effect, Flow, Interest, Members, Method, What};
use crate::error::Result;
use crate::finding::{Finding, Proof};
use crate::hierarchy::Hierarchy;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::names::{Owner, host_of, inside, owner};
use crate::report::{Endpoint, PathText, Secret};
use crate::text;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What came of one DEX file.
#[derive(Debug, Default)]
pub(crate) struct CodeFacts {
    pub(crate) findings: Vec<Finding>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) secrets: Vec<Secret>,
    /// Constants that are secrets by what they are given to.
    pub(crate) used: Vec<Secret>,
    pub(crate) paths: Vec<PathText>,
    pub(crate) named: BTreeMap<String, BTreeSet<Owner>>,
    pub(crate) owners: BTreeMap<Owner, usize>,
    /// The app's own classes.
    pub(crate) classes: BTreeSet<String>,
    pub(crate) n_classes: usize,
    pub(crate) n_followed: usize,
    pub(crate) n_platform: usize,
    pub(crate) n_methods: usize,
    pub(crate) n_cut: usize,
    pub(crate) unread: Vec<String>,
}

type CallLook = fn(&Site<'_, '_, '_>, &mut Found<'_>);

/// A check that looks at the calls of one method.
#[derive(Clone, Copy)]
struct Watch {
    check: &'static Check,
    look: CallLook,
    target: Target,
}

/// What is known of a text that is worth a look.
struct Candidate {
    urls: Vec<String>,
    secrets: Vec<(&'static text::Form, String, bool)>,
    place: Option<(Proof, Owner)>,
    consumer: Option<(String, Proof, Owner)>,
}

struct Reader<'r, 'b> {
    dex: &'r Dex<'b>,
    hierarchy: &'r Hierarchy<'b>,
    manifest: &'r Manifest,
    limits: &'r Limits,
    interests: Vec<Interest>,
    watches: HashMap<u32, Vec<Watch>>,
    noted: HashMap<u32, String>,
    candidates: HashMap<u32, Candidate>,
    /// Texts that may be paths of a service, with the first place that names each.
    paths: HashMap<u32, Option<(Proof, Owner)>>,
    /// Of each text, whether it is one of those.
    marks: Vec<u8>,
    /// Steps that the data-flow may still take in this file.
    steps_left: usize,
    facts: CodeFacts,
}

/// Steps of the data-flow for each byte of a file: many costly classes are one costly file.
const STEPS_A_BYTE: usize = 4;
/// The least that a file may take.
const STEPS: usize = 1 << 20;

/// What marks a text.
const CANDIDATE: u8 = 1;
const PATH: u8 = 2;
/// Paths that are kept of one file.
const PATHS: usize = 5_000;

/// Looks at every class of a file.
pub(crate) fn look<'b>(
    dex: &Dex<'b>,
    hierarchy: &Hierarchy<'b>,
    manifest: &Manifest,
    limits: &Limits,
) -> CodeFacts {
    let mut reader = Reader {
        dex,
        hierarchy,
        manifest,
        limits,
        interests: Vec::new(),
        watches: HashMap::new(),
        noted: HashMap::new(),
        candidates: HashMap::new(),
        paths: HashMap::new(),
        marks: Vec::new(),
        steps_left: dex.n_bytes().saturating_mul(STEPS_A_BYTE).max(STEPS),
        facts: CodeFacts::default(),
    };
    reader.know_texts();
    reader.know_methods();
    for class in dex.classes() {
        if let Err(error) = reader.class(&class) {
            let unread = &mut reader.facts.unread;
            if unread.len() < 20 {
                unread.push(format!("{}: {}: {error}", dex.name, dex.type_name(class.kind)));
            }
        }
    }
    reader.finish()
}

impl<'b> Reader<'_, 'b> {
    /// Finds the texts that are worth following to where they stand.
    fn know_texts(&mut self) {
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
    fn stands(&mut self, text: u32, place: impl FnOnce() -> (Proof, Owner)) -> bool {
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

    /// Says of each method that the file names what it does to values, and who watches it.
    fn know_methods(&mut self) {
        let mut by_name: HashMap<&str, Vec<Watch>> = HashMap::new();
        for check in CHECKS {
            for look in check.looks {
                let Look::Calls(targets, look) = look else {
                    continue;
                };
                for target in *targets {
                    by_name.entry(target.1).or_default().push(Watch {
                        check,
                        look: *look,
                        target: *target,
                    });
                }
            }
        }
        let lines: Vec<std::cell::OnceCell<Vec<String>>> = (0..self.dex.n_types())
            .map(|_| std::cell::OnceCell::new())
            .collect();
        for id in 0..self.dex.n_methods() {
            let interest = self.know_method(id, &by_name, &lines);
            self.interests.push(interest);
        }
    }

    fn know_method(
        &mut self,
        id: u32,
        by_name: &HashMap<&str, Vec<Watch>>,
        lines: &[std::cell::OnceCell<Vec<String>>],
    ) -> Interest {
        let nothing = Interest {
            is_watched: false,
            effect: Effect::Plain,
            is_platform: false,
        };
        let Some(method) = self.dex.method(id) else {
            return nothing;
        };
        let Some(line) = lines.get(method.class as usize) else {
            return nothing;
        };
        let line = line.get_or_init(|| self.hierarchy.line(self.dex.descriptor(method.class)));
        let name = self.dex.string(method.name).unwrap_or_default();
        let watched: Vec<Watch> = by_name
            .get(name.as_ref())
            .into_iter()
            .flatten()
            .filter(|watch| line.iter().any(|class| class == watch.target.0))
            .copied()
            .collect();
        if let Some(class) = line.iter().find(|class| is_noted(class, &name)) {
            self.noted.insert(id, format!("{class}.{name}"));
        }
        let is_watched = !watched.is_empty();
        if is_watched {
            self.watches.insert(id, watched);
        }
        let own = line.first().map(String::as_str).unwrap_or_default();
        let is_platform = is_of_platform(own);
        let effect = dex::effect(line.iter().map(String::as_str), &name)
            .filter(|effect| is_platform || *effect != Effect::Joins || is_library(own))
            .unwrap_or(Effect::Plain);
        Interest {
            is_watched,
            effect,
            is_platform,
        }
    }

    fn class(&mut self, class: &Class) -> Result<()> {
        let name = self.dex.type_name(class.kind);
        let whose = whose(&name, &self.manifest.package);
        self.facts.n_classes += 1;
        *self.facts.owners.entry(whose.clone()).or_default() += 1;
        if whose == Owner::App {
            self.facts.classes.insert(name.clone());
        }
        if whose == Owner::Platform {
            self.facts.n_platform += 1;
            return Ok(());
        }
        let members = self.dex.members(class)?;
        let mut bodies: Vec<(Method, Body<'b>)> = Vec::new();
        for method in &members.methods {
            match self.dex.body(method) {
                Ok(Some(body)) => bodies.push((*method, body)),
                Ok(None) => {}
                Err(error) => {
                    if self.facts.unread.len() < 20 {
                        let path = self.dex.method_path(method.id);
                        self.facts
                            .unread
                            .push(format!("{}: {path}: {error}", self.dex.name));
                    }
                }
            }
        }
        self.facts.n_methods += bodies.len();
        self.stated(class, &members, &name, &whose);
        let is_interesting = self.walk(&bodies, &name, &whose);
        self.look_at_class(class, &bodies, &name, &whose);
        if is_interesting {
            self.follow(class, &members, &bodies, &name, &whose);
        }
        Ok(())
    }

    /// Texts that the class states as constants of its fields.
    fn stated(&mut self, class: &Class, members: &Members, name: &str, whose: &Owner) {
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

    /// Reads instructions one after the other: what is called, and where texts of interest stand.
    fn walk(&mut self, bodies: &[(Method, Body<'b>)], name: &str, whose: &Owner) -> bool {
        let mut is_interesting = false;
        for (method, body) in bodies {
            for insn in body.insns() {
                if insn.is_invoke() {
                    let callee = u32::from(insn.unit(1));
                    is_interesting |= self.interests.get(callee as usize).is_some_and(|i| i.is_watched);
                    if let Some(path) = self.noted.get(&callee) {
                        self.facts
                            .named
                            .entry(path.clone())
                            .or_default()
                            .insert(whose.clone());
                    }
                } else if let Some(text) = insn.string() {
                    let dex = self.dex;
                    is_interesting |=
                        self.stands(text, || (place(dex, name, method.id, insn.at * 2), whose.clone()));
                }
            }
        }
        is_interesting
    }

    fn look_at_class(&mut self, class: &Class, bodies: &[(Method, Body<'b>)], name: &str, whose: &Owner) {
        let kinds = self.hierarchy.kinds(self.dex.descriptor(class.kind));
        let site = ClassSite {
            dex: self.dex,
            kinds: &kinds,
            methods: bodies,
        };
        for check in CHECKS {
            for look in check.looks {
                let Look::Classes(look) = look else { continue };
                let mut found = Found {
                    check,
                    proof: Proof {
                        class: Some(name.to_owned()),
                        ..Proof::in_file(self.dex.name.clone())
                    },
                    owner: whose.clone(),
                    out: &mut self.facts.findings,
                };
                look(&site, &mut found);
            }
        }
    }

    fn follow(
        &mut self,
        class: &Class,
        members: &Members,
        bodies: &[(Method, Body<'b>)],
        name: &str,
        whose: &Owner,
    ) {
        self.facts.n_followed += 1;
        let (watches, candidates) = (&self.watches, &mut self.candidates);
        let (findings, used) = (&mut self.facts.findings, &mut self.facts.used);
        let manifest = self.manifest;
        let mut sink = |call: &Call<'_, 'b>| {
            for watch in watches.get(&call.callee).into_iter().flatten() {
                let mut found = Found {
                    check: watch.check,
                    proof: proof(call, name),
                    owner: whose.clone(),
                    out: findings,
                };
                let site = Site {
                    call,
                    target: watch.target,
                    manifest,
                };
                (watch.look)(&site, &mut found);
                used.extend(secret_of(watch.check, &site, proof(call, name), whose));
            }
            for value in call.args {
                let What::Text(text) = value.what else { continue };
                let Some(candidate) = candidates.get_mut(&text).filter(|c| c.consumer.is_none()) else {
                    continue;
                };
                let consumer = call.dex.method_path(call.callee);
                if !consumer.starts_with("java.lang.") && !consumer.starts_with("kotlin.") {
                    candidate.consumer = Some((consumer, proof(call, name), whose.clone()));
                }
            }
        };
        let followed = Flow::class(
            self.dex,
            &self.interests,
            class,
            members,
            bodies,
            self.limits.steps.min(self.steps_left),
            &mut sink,
        );
        self.steps_left = self.steps_left.saturating_sub(followed.n_steps);
        self.facts.n_cut += followed.n_cut;
    }

    fn finish(mut self) -> CodeFacts {
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
                self.facts.secrets.push(Secret {
                    kind: form.kind,
                    value,
                    is_public: form.is_public,
                    is_checked,
                    owner: whose.clone(),
                    place: place.clone(),
                    consumer: consumer.clone(),
                });
            }
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

/// The secret that a call is given, where the check on secrets finds one.
fn secret_of(check: &Check, site: &Site<'_, '_, '_>, proof: Proof, whose: &Owner) -> Option<Secret> {
    let used = (check.name == SECRET).then(|| secret_used(site)).flatten()?;
    let consumer = proof.consumer.clone();
    Some(Secret {
        kind: used.kind,
        value: used.value,
        is_public: false,
        is_checked: true,
        owner: whose.clone(),
        place: Proof {
            consumer: None,
            ..proof
        },
        consumer,
    })
}

/// An address as an endpoint; `None` where it names no host.
pub(crate) fn endpoint(
    url: &str,
    whose: &Owner,
    place: &Proof,
    consumer: Option<String>,
) -> Option<Endpoint> {
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

/// Whose a class is, in an app of that package: its own classes are its own, whatever they begin with.
pub(crate) fn whose(class: &str, package: &str) -> Owner {
    let begins = class
        .strip_prefix(package)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if begins && !package.is_empty() {
        Owner::App
    } else {
        owner(class)
    }
}

fn is_of_platform(class: &str) -> bool {
    [
        "java/",
        "javax/",
        "android/",
        "androidx/",
        "kotlin/",
        "dalvik/",
        "org/json/",
        "org/w3c/",
        "org/xml/",
    ]
    .iter()
    .any(|begin| class.starts_with(begin))
}

/// Libraries whose builders put what they are given into themselves.
fn is_library(class: &str) -> bool {
    [
        "okhttp3/",
        "com/google/gson/",
        "com/squareup/okhttp/",
        "org/apache/http/",
    ]
    .iter()
    .any(|begin| class.starts_with(begin))
}

fn place(dex: &Dex<'_>, class: &str, method: u32, at: usize) -> Proof {
    Proof {
        file: dex.name.clone(),
        class: Some(class.to_owned()),
        method: Some(String::from_utf8_lossy(dex.method_name(method)).into_owned()),
        offset: Some(at),
        ..Proof::default()
    }
}

fn proof(call: &Call<'_, '_>, class: &str) -> Proof {
    let caller = |(method, at): &(u32, usize)| format!("{} +{at:#x}", call.dex.method_path(*method));
    Proof {
        consumer: Some(call.dex.method_path(call.callee)),
        callers: call.callers.iter().map(caller).collect(),
        ..place(call.dex, class, call.method, call.at)
    }
}

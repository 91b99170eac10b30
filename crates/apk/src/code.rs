//! One DEX file of a package: which of its classes are worth following, and what the checks say of them.

use crate::check::{CHECKS, Check, ClassSite, Found, Look, Site, Target, is_noted};
use crate::dex::{self, Body, Call, Class, Dex, Effect, Flow, Interest, Members, Method, NONE, What};
use crate::error::Result;
use crate::finding::{Finding, Proof};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::names::{Owner, host_of, inside, owner};
use crate::report::{Endpoint, Secret};
use crate::text;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Parents of the classes of all DEX files, by descriptor.
#[derive(Debug, Default)]
pub(crate) struct Hierarchy<'b>(HashMap<&'b [u8], Above<'b>>, usize);

/// The parent of a class, and its interfaces.
type Above<'b> = (&'b [u8], Vec<&'b [u8]>);

/// Interfaces of all classes together: hostile ones can share one long list.
const INTERFACES: usize = 1_000_000;
/// Steps upwards at most: hostile classes can be their own parents.
const CLIMB: usize = 40;

/// Parents among the platform's own classes, which are not in a package.
const PLATFORM_PARENTS: &[(&str, &str)] = &[
    ("android/app/Activity", "android/content/Context"),
    ("android/app/Application", "android/content/Context"),
    ("android/app/Service", "android/content/Context"),
    ("android/app/IntentService", "android/content/Context"),
    ("android/content/ContextWrapper", "android/content/Context"),
    ("android/view/ContextThemeWrapper", "android/content/Context"),
    (
        "androidx/appcompat/app/AppCompatActivity",
        "android/content/Context",
    ),
    (
        "androidx/fragment/app/FragmentActivity",
        "android/content/Context",
    ),
    ("android/app/job/JobService", "android/content/Context"),
    ("javax/net/ssl/HttpsURLConnection", "java/net/URLConnection"),
    ("java/net/HttpURLConnection", "java/net/URLConnection"),
    ("java/io/BufferedOutputStream", "java/io/OutputStream"),
    (
        "android/net/SSLCertificateSocketFactory",
        "javax/net/ssl/SSLSocketFactory",
    ),
];

impl<'b> Hierarchy<'b> {
    pub(crate) fn add(&mut self, dex: &Dex<'b>) {
        for class in dex.classes() {
            let parent = if class.parent == NONE {
                &[]
            } else {
                dex.descriptor(class.parent)
            };
            let kind = dex.descriptor(class.kind);
            if self.0.contains_key(kind) {
                continue;
            }
            let listed = dex.interfaces(&class);
            let left = INTERFACES.saturating_sub(self.1);
            let interfaces: Vec<&[u8]> = listed
                .iter()
                .take(left)
                .map(|kind| dex.descriptor(*kind))
                .collect();
            self.1 += interfaces.len();
            self.0.insert(kind, (parent, interfaces));
        }
    }

    /// The class, and its parents as far as the package and the little table above know them, in slashes.
    fn line(&self, descriptor: &'b [u8]) -> Vec<String> {
        let mut line = Vec::new();
        let mut at = descriptor;
        while let (false, Some((parent, _))) = (line.len() > CLIMB, self.0.get(at)) {
            line.push(slashes(at));
            at = parent;
        }
        line.push(slashes(at));
        while let Some((_, parent)) = line
            .last()
            .and_then(|last| PLATFORM_PARENTS.iter().find(|(child, _)| child == last))
        {
            line.push((*parent).to_owned());
        }
        line
    }

    /// Every parent and interface of a class, as descriptors.
    fn kinds(&self, descriptor: &'b [u8]) -> BTreeSet<String> {
        let mut kinds = BTreeSet::new();
        let mut open = vec![descriptor];
        while let Some(at) = open.pop() {
            let name = String::from_utf8_lossy(at).into_owned();
            if kinds.len() > 100 || !kinds.insert(name) {
                continue;
            }
            if let Some((parent, interfaces)) = self.0.get(at) {
                open.push(parent);
                open.extend(interfaces);
            }
        }
        kinds
    }
}

/// `Ljava/lang/String;` as `java/lang/String`.
fn slashes(descriptor: &[u8]) -> String {
    let inner = descriptor
        .strip_prefix(b"L")
        .and_then(|rest| rest.strip_suffix(b";"))
        .unwrap_or(descriptor);
    String::from_utf8_lossy(inner).into_owned()
}

/// What came of one DEX file.
#[derive(Debug, Default)]
pub(crate) struct CodeFacts {
    pub(crate) findings: Vec<Finding>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) named: BTreeMap<String, BTreeSet<Owner>>,
    pub(crate) owners: BTreeMap<Owner, usize>,
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
    /// Steps that the data-flow may still take in this file.
    steps_left: usize,
    facts: CodeFacts,
}

/// Steps of the data-flow for each byte of a file: many costly classes are one costly file.
const STEPS_A_BYTE: usize = 4;
/// The least that a file may take.
const STEPS: usize = 1 << 20;

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
        steps_left: dex.n_bytes().saturating_mul(STEPS_A_BYTE).max(STEPS),
        facts: CodeFacts::default(),
    };
    reader.candidates = candidates(dex, &mut reader.facts.unread);
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

fn candidates(dex: &Dex<'_>, unread: &mut Vec<String>) -> HashMap<u32, Candidate> {
    let mut found = HashMap::new();
    // Strings can be made to overlap, so that each is as long as the file.
    let mut left = dex.n_bytes().saturating_mul(2);
    for n in 0..dex.n_strings() {
        let Some(raw) = dex.raw(n) else { continue };
        let Some(rest) = left.checked_sub(raw.len()) else {
            unread.push(format!("{}: strings from number {n} on: they overlap", dex.name));
            break;
        };
        left = rest;
        if !text::is_worth_a_look(raw) {
            continue;
        }
        let Some(whole) = dex.string(n) else { continue };
        let urls: Vec<String> = text::urls(&whole).map(str::to_owned).collect();
        let secrets: Vec<_> = text::secrets(&whole)
            .into_iter()
            .map(|hit| (hit.form, hit.value.to_owned(), hit.is_checked))
            .collect();
        if !urls.is_empty() || !secrets.is_empty() {
            found.insert(
                n,
                Candidate {
                    urls,
                    secrets,
                    place: None,
                    consumer: None,
                },
            );
        }
    }
    found
}

impl<'b> Reader<'_, 'b> {
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
        if self.candidates.is_empty() {
            return;
        }
        for (field, text) in dex::texts(self.dex, class, &members.statics) {
            if let Some(candidate) = self.candidates.get_mut(&text) {
                let field = self
                    .dex
                    .field(field)
                    .map(|(_, name)| String::from_utf8_lossy(name).into_owned());
                let place = Proof {
                    file: self.dex.name.clone(),
                    class: Some(name.to_owned()),
                    method: field,
                    ..Proof::default()
                };
                candidate.place.get_or_insert((place, whose.clone()));
            }
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
                } else if let Some(text) = insn.string()
                    && let Some(candidate) = self.candidates.get_mut(&text)
                {
                    is_interesting = true;
                    if candidate.place.is_none() {
                        let place = place(self.dex, name, method.id, insn.at * 2);
                        candidate.place = Some((place, whose.clone()));
                    }
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
        let (watches, candidates, findings) = (&self.watches, &mut self.candidates, &mut self.facts.findings);
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
        self.facts
    }
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

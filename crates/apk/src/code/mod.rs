//! One DEX file of a package: which of its classes are worth following, and what the checks say of them.

mod methods;
mod texts;

use methods::Hiding;
pub(crate) use texts::take;
use texts::{Candidate, MADE, made};

use crate::check::{CHECKS, Check, ClassSite, Found, Look, SECRET, Site, Target, secret_used};
use crate::dex::{self, Body, Call, Class, Dex, Elsewhere, Flow, Interest, Members, Method, What};
use crate::error::Result;
use crate::finding::{Finding, Proof};
use crate::hierarchy::Hierarchy;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::names::{Owner, owner};
use crate::package::Declared;
use crate::report::{Endpoint, PathText, Secret};
use crate::resources::Texts;
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
    /// Calls by reflection, methods in native code, and loaders of code in the app's own classes.
    pub(crate) n_reflected: usize,
    pub(crate) n_native: usize,
    pub(crate) n_loaders: usize,
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

struct Reader<'r, 'b> {
    dex: &'r Dex<'b>,
    hierarchy: &'r Hierarchy<'b>,
    manifest: &'r Manifest,
    texts: &'r Texts,
    limits: &'r Limits,
    interests: Vec<Interest>,
    watches: HashMap<u32, Vec<Watch>>,
    noted: HashMap<u32, String>,
    /// Calls behind which other code runs than what stands there.
    hiding: HashMap<u32, Hiding>,
    candidates: HashMap<u32, Candidate>,
    /// Texts that may be paths of a service, with the first place that names each.
    paths: HashMap<u32, Option<(Proof, Owner)>>,
    /// Of each text, whether it is one of those.
    marks: Vec<u8>,
    /// Texts that the program puts together, with the calls that they are given to.
    made: BTreeSet<(String, Proof, Owner)>,
    /// Steps that the data-flow may still take in this file.
    steps_left: usize,
    elsewhere: Elsewhere<'r, 'b>,
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
    declared: &Declared,
    limits: &Limits,
) -> CodeFacts {
    let mut reader = Reader {
        dex,
        hierarchy,
        manifest: &declared.manifest,
        texts: &declared.texts,
        limits,
        interests: Vec::new(),
        watches: HashMap::new(),
        noted: HashMap::new(),
        hiding: HashMap::new(),
        candidates: HashMap::new(),
        paths: HashMap::new(),
        marks: Vec::new(),
        made: BTreeSet::new(),
        steps_left: dex.n_bytes().saturating_mul(STEPS_A_BYTE).max(STEPS),
        elsewhere: Elsewhere::of(dex),
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
        if whose == Owner::App {
            let is_native = |method: &&Method| method.flags & dex::NATIVE != 0;
            self.facts.n_native += members.methods.iter().filter(is_native).count();
        }
        self.stated(class, &members, &name, &whose);
        let is_interesting = self.walk(&bodies, &name, &whose);
        self.look_at_class(class, &bodies, &name, &whose);
        if is_interesting {
            self.follow(class, &members, &bodies, &name, &whose);
        }
        Ok(())
    }

    /// Reads instructions one after the other: what is called, and where texts of interest stand.
    fn walk(&mut self, bodies: &[(Method, Body<'b>)], name: &str, whose: &Owner) -> bool {
        let mut is_interesting = false;
        for (method, body) in bodies {
            for insn in body.insns() {
                if insn.is_invoke() {
                    let callee = u32::from(insn.unit(1));
                    is_interesting |= self.interests.get(callee as usize).is_some_and(|i| i.is_watched);
                    if *whose == Owner::App {
                        match self.hiding.get(&callee) {
                            Some(Hiding::Reflection) => self.facts.n_reflected += 1,
                            Some(Hiding::Loader) => self.facts.n_loaders += 1,
                            None => {}
                        }
                    }
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
            elsewhere: &self.elsewhere,
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
        let collected = &mut self.made;
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
                if let What::Made(_) = value.what {
                    collected.extend(made(call, *value, name, whose).filter(|_| collected.len() < MADE));
                }
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
            self.texts,
            class,
            members,
            bodies,
            self.limits.steps.min(self.steps_left),
            &mut sink,
        );
        self.steps_left = self.steps_left.saturating_sub(followed.n_steps);
        self.facts.n_cut += followed.n_cut;
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

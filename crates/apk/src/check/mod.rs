//! The checks: one file each, and one row each in the table below.
//!
//! A check looks at the package as a whole, at calls with what the data-flow knows of their arguments, or at the
//! methods of a class. It concludes from use, not from names alone; where a name is all there is, its confidence
//! says so.

mod backup;
mod broadcast;
mod cipher;
mod cleartext;
mod clipboard;
mod container;
mod debuggable;
mod deep_link;
mod dynamic_code;
mod exported;
mod external_storage;
mod hash;
mod hostname;
mod internal_endpoint;
mod libraries;
mod log;
mod permissions;
mod pins;
mod plain_database;
mod plain_preferences;
mod predictable_random;
mod secret;
mod signer;
mod sql_text;
mod static_iv;
mod static_key;
mod supported_versions;
mod task_hijack;
mod tracking;
mod trust_manager;
mod update_gate;
mod url_data;
mod user_certificates;
mod verdict;
mod webview_bridge;
mod webview_debug;
mod webview_files;
mod webview_mixed;
mod webview_tls;
mod world_files;

pub(crate) use secret::{NAME as SECRET, used as secret_used};

use crate::container::Oddity;
use crate::dex::{Body, Call, Dex, Elsewhere, Method, Value, What, label};
use crate::finding::{Confidence, Finding, Proof};
use crate::manifest::Manifest;
use crate::names::Owner;
use crate::network::NetworkConfig;
use crate::report::{Endpoint, Library, Secret};
use crate::sign::Signature;
use ambit_event::Level;
use std::collections::{BTreeMap, BTreeSet};

/// Class and method of an interface that a check looks at; the class without `L` and `;`.
pub(crate) type Target = (&'static str, &'static str);

/// Where a check looks.
pub(crate) enum Look {
    Package(fn(&Facts<'_>, &mut Found<'_>)),
    Calls(&'static [Target], fn(&Site<'_, '_, '_>, &mut Found<'_>)),
    Classes(fn(&ClassSite<'_, '_>, &mut Found<'_>)),
}

/// One check, with the ids under which others know it.
pub struct Check {
    pub name: &'static str,
    pub title: &'static str,
    /// The control of MASVS 2.
    pub masvs: &'static str,
    /// Tests of the OWASP MASTG, without `MASTG-TEST-`.
    pub mastg: &'static [&'static str],
    /// The weakness in the beta numbering of OWASP MASWE, where the mapping is known.
    pub maswe: Option<&'static str>,
    pub cwe: u32,
    pub(crate) looks: &'static [Look],
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Check {}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The table of checks.
pub static CHECKS: &[Check] = &[
    backup::CHECK,
    cipher::CHECK,
    cleartext::CHECK,
    clipboard::CHECK,
    container::CHECK,
    debuggable::CHECK,
    deep_link::CHECK,
    dynamic_code::CHECK,
    exported::CHECK,
    external_storage::CHECK,
    hash::CHECK,
    hostname::CHECK,
    internal_endpoint::CHECK,
    libraries::CHECK,
    log::CHECK,
    permissions::CHECK,
    pins::CHECK,
    plain_database::CHECK,
    plain_preferences::CHECK,
    predictable_random::CHECK,
    broadcast::CHECK,
    secret::CHECK,
    signer::CHECK,
    sql_text::CHECK,
    static_iv::CHECK,
    static_key::CHECK,
    supported_versions::CHECK,
    task_hijack::CHECK,
    tracking::CHECK,
    trust_manager::CHECK,
    update_gate::CHECK,
    url_data::CHECK,
    user_certificates::CHECK,
    webview_bridge::CHECK,
    webview_debug::CHECK,
    webview_files::CHECK,
    webview_mixed::CHECK,
    webview_tls::CHECK,
    world_files::CHECK,
];

/// What is known of a package when its code was read.
pub(crate) struct Facts<'f> {
    pub(crate) manifest: &'f Manifest,
    pub(crate) network: &'f NetworkConfig,
    pub(crate) signature: &'f Signature,
    pub(crate) oddities: &'f [Oddity],
    /// Code that stands where no device looks for it by itself.
    pub(crate) disguised: &'f [String],
    pub(crate) endpoints: &'f [Endpoint],
    pub(crate) secrets: &'f [Secret],
    pub(crate) libraries: &'f [Library],
    /// Interfaces that the code names, as `class.method` in slashes, with the owners that name them.
    pub(crate) named: &'f BTreeMap<String, BTreeSet<Owner>>,
    /// All code was read, so that what nothing names is not used.
    pub(crate) is_code_read: bool,
}

/// One call, and how to ask about its arguments; the receiver is the first one.
pub(crate) struct Site<'c, 'd, 'b> {
    pub(crate) call: &'c Call<'d, 'b>,
    /// The interface that is called, as the table of targets names it.
    pub(crate) target: Target,
    pub(crate) manifest: &'c Manifest,
}

impl Site<'_, '_, '_> {
    pub(crate) fn arg(&self, n: usize) -> Value {
        self.call.args.get(n).copied().unwrap_or(Value::UNKNOWN)
    }

    pub(crate) fn text(&self, n: usize) -> Option<String> {
        self.call.text(self.arg(n)).map(std::borrow::Cow::into_owned)
    }

    pub(crate) fn int(&self, n: usize) -> Option<i64> {
        match self.arg(n).what {
            What::Int(value) => Some(value),
            _ => None,
        }
    }

    /// What a constant is, for a person: a secret only by its beginning.
    pub(crate) fn constant(&self, n: usize) -> Option<String> {
        match self.arg(n).what {
            What::Text(_) | What::Made(_) => self.text(n).map(|text| hidden(&text)),
            What::Constants { n_elements, .. } => Some(format!("{n_elements} constant bytes")),
            What::Int(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// Whether a path or stream is on storage that other apps reach on a device that the app runs on.
    pub(crate) fn is_shared(&self, value: Value) -> bool {
        const CLOSED: u32 = 30;
        value.has(label::SHARED_PATH) || value.has(label::OWN_SHARED_PATH) && self.manifest.min() < CLOSED
    }

    /// The class of the object that an argument is, where it was made in sight.
    pub(crate) fn made_as(&self, n: usize) -> Option<String> {
        match self.arg(n).what {
            What::New { kind, .. } => Some(self.call.dex.type_name(kind)),
            _ => None,
        }
    }

    /// `class.method` of the call whose result an argument is.
    pub(crate) fn result_of(&self, n: usize) -> Option<String> {
        match self.arg(n).what {
            What::Result { callee, .. } => Some(self.call.dex.method_path(callee)),
            _ => None,
        }
    }
}

/// A class, with the bodies of its methods.
pub(crate) struct ClassSite<'c, 'b> {
    pub(crate) dex: &'c Dex<'b>,
    /// The class's parents and interfaces, as far as they are in the package, the platform's first outside included.
    pub(crate) kinds: &'c BTreeSet<String>,
    pub(crate) methods: &'c [(Method, Body<'b>)],
    /// The bodies of the file's other classes.
    pub(crate) elsewhere: &'c Elsewhere<'c, 'b>,
}

impl<'b> ClassSite<'_, 'b> {
    pub(crate) fn is_a(&self, descriptor: &str) -> bool {
        self.kinds.contains(descriptor)
    }

    pub(crate) fn named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s (Method, Body<'b>)> {
        self.methods
            .iter()
            .filter(move |(method, _)| self.dex.method_name(method.id) == name.as_bytes())
    }

    /// The methods that a body calls.
    pub(crate) fn calls(&self, body: &Body<'b>) -> Vec<(usize, String)> {
        body.insns()
            .filter(|insn| insn.is_invoke())
            .map(|insn| (insn.at * 2, self.dex.method_path(u32::from(insn.unit(1)))))
            .collect()
    }
}

/// What a check found, before it is known whose code it is.
pub(crate) struct Found<'f> {
    pub(crate) check: &'static Check,
    /// The place at which the check looks now.
    pub(crate) proof: Proof,
    pub(crate) owner: Owner,
    pub(crate) out: &'f mut Vec<Finding>,
}

impl Found<'_> {
    pub(crate) fn add(
        &mut self,
        level: Level,
        confidence: Confidence,
        what: impl Into<String>,
        because: impl Into<String>,
    ) -> &mut Finding {
        self.at(
            self.owner.clone(),
            self.proof.clone(),
            level,
            confidence,
            what,
            because,
        )
    }

    /// At a place of its own.
    pub(crate) fn at(
        &mut self,
        owner: Owner,
        proof: Proof,
        level: Level,
        confidence: Confidence,
        what: impl Into<String>,
        because: impl Into<String>,
    ) -> &mut Finding {
        let n = self.out.len();
        self.out.push(Finding {
            check: self.check,
            level,
            because: because.into(),
            confidence,
            owner,
            what: what.into(),
            proof,
        });
        &mut self.out[n]
    }
}

impl Finding {
    pub(crate) fn constant(&mut self, constant: Option<String>) -> &mut Self {
        self.proof.constant = constant;
        self
    }
}

/// The beginning of a constant that may be a secret, and its length.
pub(crate) fn hidden(text: &str) -> String {
    let n_chars = text.chars().count();
    if n_chars <= 8 {
        return format!("({n_chars} characters)");
    }
    let head: String = text.chars().take(4).collect();
    format!("{}… ({n_chars} characters)", ambit_event::printable(&head, 4))
}

/// Whether some check asks who names a call, beyond watching it.
pub(crate) fn is_noted(class: &str, method: &str) -> bool {
    permissions::is_use(class, method) || update_gate::is_gate(class, method)
}

//! What a method decides that has to refuse: something, or nothing whatever it is asked.
//!
//! Compilers put calls around what a person wrote: a check that a parameter is there, or the call of another method
//! where the body of a lambda stands. Neither decides.

use super::ClassSite;
use crate::dex::{Body, Insn};

/// Methods that are followed one into the other: a lambda's class calls its body, and that perhaps one more.
const DEPTH: usize = 2;

/// Whether a method may refuse by throwing: it throws, or calls what may.
pub(super) fn may_refuse(site: &ClassSite<'_, '_>, body: &Body<'_>) -> bool {
    refuses(site, body, DEPTH)
}

fn refuses(site: &ClassSite<'_, '_>, body: &Body<'_>, depth: usize) -> bool {
    let throws = body.insns().any(|insn| insn.op == 0x27);
    let may = |insn: Insn<'_>| {
        if !calls_or_is_unknown(&insn) || is_beside_the_point(site, &insn) {
            return false;
        }
        match behind(site, &insn).filter(|_| depth > 0) {
            Some(inner) => refuses(site, &inner, depth - 1),
            None => true,
        }
    };
    throws || body.insns().any(may)
}

/// Whether a method answers yes, whatever it is asked.
pub(super) fn always_yes(site: &ClassSite<'_, '_>, body: &Body<'_>) -> bool {
    says_yes(site, body, DEPTH)
}

fn says_yes(site: &ClassSite<'_, '_>, body: &Body<'_>, depth: usize) -> bool {
    let answers: Vec<usize> = body
        .insns()
        .filter(|insn| insn.op == 0x0f)
        .map(|insn| insn.aa())
        .collect();
    let mut is_written = false;
    // Whether the last call answers yes always; nothing but its result may go into the answer.
    let mut last = false;
    for insn in body.insns().filter(|insn| !insn.is_data()) {
        match insn.op {
            0x27 => return false,
            0x12 if answers.contains(&insn.a()) => {
                is_written = true;
                if insn.b() != 1 {
                    return false;
                }
            }
            0x13 if answers.contains(&insn.aa()) => {
                is_written = true;
                if insn.unit(1) != 1 {
                    return false;
                }
            }
            0x0a if answers.contains(&insn.aa()) => {
                is_written = true;
                if !last {
                    return false;
                }
            }
            // Whatever else may write a number there, by half a byte or by a whole one. An object in the same register is
            // no answer.
            0x01..=0x03
            | 0x14
            | 0x15
            | 0x20
            | 0x21
            | 0x2d..=0x31
            | 0x44
            | 0x47..=0x4a
            | 0x52
            | 0x55..=0x58
            | 0x60
            | 0x63..=0x66
            | 0x7b..=0xe2
                if answers.contains(&insn.a()) || answers.contains(&insn.aa()) =>
            {
                return false;
            }
            _ if calls_or_is_unknown(&insn) => {
                last = behind(site, &insn)
                    .filter(|_| depth > 0)
                    .is_some_and(|inner| says_yes(site, &inner, depth - 1));
                if !last && !is_beside_the_point(site, &insn) {
                    return false;
                }
            }
            _ => {}
        }
    }
    is_written
}

/// Calls, those too whose callee is made while the program runs.
fn calls_or_is_unknown(insn: &Insn<'_>) -> bool {
    insn.is_invoke() || matches!(insn.op, 0xfc | 0xfd)
}

/// The body of the one method that a call can reach.
fn behind<'b>(site: &ClassSite<'_, 'b>, insn: &Insn<'_>) -> Option<Body<'b>> {
    // Static, or of the object itself: no other class can stand in for it.
    let is_one = matches!(insn.op, 0x70 | 0x71 | 0x76 | 0x77);
    let callee = u32::from(insn.unit(1));
    is_one.then(|| site.elsewhere.body(callee)).flatten()
}

/// Whether a call neither refuses nor answers: it tells, or looks whether there is an object at all.
pub(super) fn is_beside_the_point(site: &ClassSite<'_, '_>, insn: &Insn<'_>) -> bool {
    if matches!(insn.op, 0xfc | 0xfd) {
        return false;
    }
    let callee = u32::from(insn.unit(1));
    only_tells(&site.dex.method_path(callee)) || is_null_check(site, insn, callee)
}

/// Whether a call only writes to the log, and decides nothing.
pub(super) fn only_tells(call: &str) -> bool {
    [
        "android.util.Log.",
        "java.lang.StringBuilder.",
        "java.io.PrintStream.print",
        "timber.log.",
        "java.lang.Object.getClass",
        "java.util.Objects.requireNonNull",
        "kotlin.jvm.internal.Intrinsics.check",
    ]
    .iter()
    .any(|begin| call.starts_with(begin))
        || [".printStackTrace", ".getMessage", ".toString"]
            .iter()
            .any(|end| call.ends_with(end))
}

/// Whether a call is the check that Kotlin's compiler writes for each parameter that must be there: a static method of
/// an object and its name. Shrinkers rename it.
fn is_null_check(site: &ClassSite<'_, '_>, insn: &Insn<'_>, callee: u32) -> bool {
    if !insn.is_static_invoke() {
        return false;
    }
    let prototype = site
        .dex
        .method(callee)
        .and_then(|m| site.dex.prototype(m.prototype));
    prototype.is_some_and(|(takes, returns)| {
        let takes: Vec<&[u8]> = takes.iter().map(|kind| site.dex.descriptor(*kind)).collect();
        takes == [b"Ljava/lang/Object;".as_slice(), b"Ljava/lang/String;"]
            && site.dex.descriptor(returns) == b"V"
    })
}

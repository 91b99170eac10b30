//! TLS that trusts every certificate.

use super::verdict::{may_refuse, only_tells};
use super::{Check, ClassSite, Found, Look, hostname};
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "trust_manager",
    title: "Every certificate is trusted",
    masvs: "MASVS-NETWORK-1",
    mastg: &["0282"],
    maswe: Some("MASWE-0052"),
    cwe: 295,
    looks: &[Look::Classes(look)],
};

fn look(site: &ClassSite<'_, '_>, found: &mut Found<'_>) {
    let is_manager = site.is_a("Ljavax/net/ssl/X509TrustManager;")
        || site.is_a("Ljavax/net/ssl/X509ExtendedTrustManager;");
    if !is_manager {
        return;
    }
    for (method, body) in site.named("checkServerTrusted") {
        let throws = body.insns().any(|insn| insn.op == 0x27);
        let catches = !body.handlers.is_empty();
        let (confidence, what) = if !may_refuse(site, body) {
            (Confidence::High, "checkServerTrusted accepts every certificate")
        } else if catches && !throws && swallows(site, body) {
            (
                Confidence::Medium,
                "checkServerTrusted catches what it should refuse",
            )
        } else {
            continue;
        };
        hostname::place(site, method.id, found);
        found.add(
            Level::High,
            confidence,
            what,
            "whoever is on the way answers with a certificate of his own, and reads everything",
        );
    }
}

/// Whether a refusal of the manager behind is caught and forgotten. What catches it and calls something else may
/// refuse there.
fn swallows<'b>(site: &ClassSite<'_, 'b>, body: &crate::dex::Body<'b>) -> bool {
    let calls = site.calls(body);
    let catching = body.handlers.iter().map(|handler| handler.at).min();
    let passes_on =
        |(at, call): &(usize, String)| catching.is_some_and(|begin| at / 2 >= begin) && !only_tells(call);
    !calls.iter().any(passes_on)
        && calls.iter().any(|(at, call)| {
            call.ends_with("TrustManager.checkServerTrusted")
                && body.handlers.iter().any(|h| h.begin <= at / 2 && at / 2 < h.end)
        })
}

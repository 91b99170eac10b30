//! Web views that go on where the certificate is wrong.

use super::{Check, ClassSite, Found, Look, hostname};
use crate::dex::{Body, Insn};
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "webview_tls",
    title: "Web views ignore TLS errors",
    masvs: "MASVS-NETWORK-1",
    mastg: &["0284"],
    maswe: Some("MASWE-0052"),
    cwe: 295,
    looks: &[Look::Classes(look)],
};

fn look(site: &ClassSite<'_, '_>, found: &mut Found<'_>) {
    for (method, body) in site.named("onReceivedSslError") {
        let proceeds = |(_, call): &&(usize, String)| call == "android.webkit.SslErrorHandler.proceed";
        let calls = site.calls(body);
        let Some((at, _)) = calls.iter().find(proceeds) else {
            continue;
        };
        let branches = branches(body);
        let (level, confidence) = if branches {
            (Level::Low, Confidence::Low)
        } else {
            (Level::High, Confidence::High)
        };
        hostname::place(site, method.id, found);
        found.proof.offset = Some(*at);
        found.proof.consumer = Some("android.webkit.SslErrorHandler.proceed".into());
        let what = if branches {
            "onReceivedSslError goes on under a condition"
        } else {
            "onReceivedSslError goes on whatever is wrong"
        };
        found.add(
            level,
            confidence,
            what,
            "whoever is on the way answers with a certificate of his own, and reads everything",
        );
    }
}

/// Whether it depends on something. That there is a handler at all, as Kotlin asks with `handler?.proceed()`, decides
/// nothing.
fn branches(body: &Body<'_>) -> bool {
    // The object itself, the view, the handler, the error.
    let handler = (body.n_ins == 4).then(|| body.n_registers.saturating_sub(2));
    let on_handler = |insn: &Insn<'_>| matches!(insn.op, 0x38 | 0x39) && Some(insn.aa()) == handler;
    body.insns()
        .any(|insn| matches!(insn.op, 0x32..=0x3d | 0x2b | 0x2c) && !on_handler(&insn))
}

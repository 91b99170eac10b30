//! TLS whose host is not compared: any valid certificate opens the connection.

use super::verdict::always_yes;
use super::{Check, ClassSite, Found, Look, Site};
use crate::dex::What;
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "hostname",
    title: "Host names of certificates are not checked",
    masvs: "MASVS-NETWORK-1",
    mastg: &["0234", "0283"],
    maswe: Some("MASWE-0052"),
    cwe: 297,
    looks: &[
        Look::Classes(verifier),
        Look::Calls(
            &[
                ("org/apache/http/conn/ssl/AllowAllHostnameVerifier", "<init>"),
                ("org/apache/http/conn/ssl/SSLSocketFactory", "setHostnameVerifier"),
                ("javax/net/ssl/HttpsURLConnection", "setHostnameVerifier"),
                ("javax/net/ssl/HttpsURLConnection", "setDefaultHostnameVerifier"),
            ],
            apache,
        ),
        Look::Classes(socket),
    ],
};

const BECAUSE: &str =
    "whoever is on the way answers with a certificate of his own host, and reads everything";

fn verifier(site: &ClassSite<'_, '_>, found: &mut Found<'_>) {
    if !site.is_a("Ljavax/net/ssl/HostnameVerifier;") {
        return;
    }
    for (method, body) in site.named("verify") {
        if always_yes(site, body) {
            place(site, method.id, found);
            found.add(
                Level::High,
                Confidence::High,
                "a HostnameVerifier accepts every host",
                BECAUSE,
            );
        }
    }
}

fn apache(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let made = site.target.0.ends_with("AllowAllHostnameVerifier");
    // The library keeps one of them for everybody.
    let is_kept = |value: &crate::dex::Value| match value.what {
        What::Field(field) => {
            let name = site.call.dex.field(field).map(|(_, name)| name);
            name == Some(b"ALLOW_ALL_HOSTNAME_VERIFIER".as_slice())
        }
        _ => false,
    };
    if made || site.call.args.iter().any(is_kept) {
        found.add(
            Level::High,
            Confidence::High,
            "AllowAllHostnameVerifier is used",
            BECAUSE,
        );
    }
}

/// A TLS socket made by hand compares no host: the class must do it.
fn socket(site: &ClassSite<'_, '_>, found: &mut Found<'_>) {
    let mut made = None;
    let mut compares = false;
    for (method, body) in site.methods {
        for insn in body.insns().filter(|insn| insn.is_invoke()) {
            let callee = u32::from(insn.unit(1));
            let name = site.dex.method_name(callee);
            if name == b"createSocket" {
                let class = site
                    .dex
                    .method(callee)
                    .map(|m| site.dex.descriptor(m.class))
                    .unwrap_or_default();
                if class == b"Ljavax/net/ssl/SSLSocketFactory;" && made.is_none() {
                    made = Some((method.id, insn.at * 2));
                }
            }
            compares |= name == b"setEndpointIdentificationAlgorithm"
                || name == b"verify" && site.dex.method_path(callee).ends_with("HostnameVerifier.verify");
        }
    }
    let is_factory_itself =
        site.is_a("Ljavax/net/ssl/SSLSocketFactory;") || site.is_a("Ljavax/net/SocketFactory;");
    if let Some((id, at)) = made.filter(|_| !compares && !is_factory_itself) {
        place(site, id, found);
        found.proof.offset = Some(at);
        found.add(
            Level::Medium,
            Confidence::Medium,
            "a TLS socket is made by hand, and nothing in the class compares the host",
            BECAUSE,
        );
    }
}

pub(super) fn place(site: &ClassSite<'_, '_>, id: u32, found: &mut Found<'_>) {
    found.proof.method = Some(String::from_utf8_lossy(site.dex.method_name(id)).into_owned());
    found.proof.offset = Some(0);
}

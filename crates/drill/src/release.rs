//! The app's old release, as the service's own people have it: a bundle with its manifest and the addresses that it
//! knows. It holds no code; what `ambit app expose` joins with the logs is all in it.

use crate::plan::{Attack, Plan};
use crate::service::{ROUTES, Route};
use crate::truth::Truth;
use crate::world::HOLE_VERSION;

/// Where the release lies in an exercise.
pub const RELEASE: &str = "app/tonal-0.9.4.aab";
const PACKAGE: &str = "example.tonal.app";
const API: &str = "https://api.tonal.example";
/// The administration's reports: an address that a developer left in the app.
const ADMIN: &str = "http://admin.tonal.internal/admin/reports/:name";
/// Requests that the app never sends.
const NOT_OF_THE_APP: &[Route] = &[Route::UserList, Route::Report, Route::Health];

/// The bundle's bytes: the same for the same plan and truth.
pub fn release(plan: &Plan, truth: &Truth) -> Vec<u8> {
    let manifest = manifest();
    let config = config(plan, truth);
    zip(&[
        ("base/manifest/AndroidManifest.xml", &manifest),
        ("base/assets/service.json", config.as_bytes()),
    ])
}

/// The addresses, and the key of a service where it leaked through the app.
fn config(plan: &Plan, truth: &Truth) -> String {
    let mut lines: Vec<String> = ROUTES
        .iter()
        .filter(|spec| !NOT_OF_THE_APP.contains(&spec.route))
        .map(|spec| format!("{API}{}", colons(spec.path)))
        .collect();
    lines.push(ADMIN.to_owned());
    let key = truth.seeds.iter().find_map(|seed| seed.strip_prefix("token="));
    if let (Attack::StolenApiKey, Some(key)) = (plan.attack, key) {
        let key = key.split(',').next().unwrap_or_default();
        lines.push(format!("https://mobile:{key}@api.tonal.example/v1/"));
    }
    lines.sort();
    lines.dedup();
    let quoted: Vec<String> = lines.iter().map(|line| format!("  \"{line}\"")).collect();
    format!("[\n{}\n]\n", quoted.join(",\n"))
}

/// `/v1/users/{user_id}` as `/v1/users/:user_id`.
fn colons(path: &str) -> String {
    path.replace('{', ":").replace('}', "")
}

/// A field of a protobuf message that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut n = bytes.len();
    while n > 127 {
        out.push((n & 127) as u8 | 128);
        n >>= 7;
    }
    out.push(n as u8);
    out.extend_from_slice(bytes);
    out
}

/// An element of a bundle's XML: name, attributes, children.
fn element(name: &str, attributes: &[(&str, &str)], children: &[Vec<u8>]) -> Vec<u8> {
    let mut inner = field(3, name.as_bytes());
    for (key, value) in attributes {
        let attribute = [field(2, key.as_bytes()), field(3, value.as_bytes())].concat();
        inner.extend(field(4, &attribute));
    }
    for child in children {
        inner.extend(field(5, child));
    }
    field(1, &inner)
}

fn manifest() -> Vec<u8> {
    let sdk = element(
        "uses-sdk",
        &[("minSdkVersion", "9"), ("targetSdkVersion", "19")],
        &[],
    );
    let internet = element("uses-permission", &[("name", "android.permission.INTERNET")], &[]);
    let application = element("application", &[], &[]);
    let about = [
        ("package", PACKAGE),
        ("versionCode", "94"),
        ("versionName", HOLE_VERSION),
    ];
    element("manifest", &about, &[sdk, internet, application])
}

/// A zip of stored members.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let at = out.len() as u32;
        // No flags, stored, midnight of 1 January 1980.
        let mut common = vec![0, 0, 0, 0, 0, 0, 0x21, 0];
        for word in [crc.sum(), bytes.len() as u32, bytes.len() as u32] {
            common.extend(word.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        out.extend(b"PK\x03\x04\x14\x00");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(*bytes);
        central.extend(b"PK\x01\x02\x14\x00\x14\x00");
        central.extend(&common);
        central.extend([0; 10]);
        central.extend(at.to_le_bytes());
        central.extend(name.as_bytes());
    }
    let begin = out.len() as u32;
    out.extend(&central);
    out.extend(b"PK\x05\x06\0\0\0\0");
    for half in [members.len() as u16; 2] {
        out.extend(half.to_le_bytes());
    }
    out.extend((central.len() as u32).to_le_bytes());
    out.extend(begin.to_le_bytes());
    out.extend([0, 0]);
    out
}

//! Hostile bytes as packages of Android, and as each of their parts.

use ambit_apk::{Contents, Limits, Standing};

/// What one hostile package may cost here.
const PACKAGE: Limits = Limits {
    package: 1 << 20,
    member: 4 << 20,
    unpacked: 16 << 20,
    members: 1_000,
    steps: 20_000,
    findings: 20,
};

/// Reads bytes as a whole package, and says of it what there is to say.
pub fn apk(bytes: &[u8]) {
    if let Ok(report) = ambit_apk::scan_bytes("fuzz.apk", bytes, &PACKAGE) {
        let _ = report.told(ambit_apk::Detail::All);
        same(bytes);
    }
}

/// A package does not differ from itself, whatever is in it.
fn same(bytes: &[u8]) {
    if let Ok(contents) = Contents::of_bytes(bytes, &PACKAGE) {
        assert!(contents.altered(&contents, "").is_nothing());
    }
}

/// Reads bytes as the one member that a package has under this name, beside a sound manifest where that is another.
fn member(name: &str, bytes: &[u8]) {
    let manifest = include_bytes!("../seeds/apk_manifest/plain.axml");
    let mut members = vec![(name, bytes)];
    if name != "AndroidManifest.xml" {
        members.push(("AndroidManifest.xml", manifest.as_slice()));
    }
    let package = stored(&members, &[]);
    same(&package);
    let report = ambit_apk::scan_bytes("fuzz.apk", &package, &PACKAGE);
    assert!(
        name == "AndroidManifest.xml" || report.is_ok(),
        "a broken member does not hide the others: {report:?}"
    );
}

/// Reads bytes as a binary manifest.
pub fn apk_manifest(bytes: &[u8]) {
    member("AndroidManifest.xml", bytes);
}

/// Reads bytes as a resource table.
pub fn apk_resources(bytes: &[u8]) {
    member("resources.arsc", bytes);
}

/// Reads bytes as code.
pub fn apk_dex(bytes: &[u8]) {
    member("classes.dex", bytes);
}

/// Reads bytes as what a signing block holds: the id of a scheme, and its signers. Nothing that is made up verifies.
pub fn apk_signing(bytes: &[u8]) {
    let manifest = include_bytes!("../seeds/apk_manifest/plain.axml");
    let package = stored(&[("AndroidManifest.xml", manifest)], bytes);
    if let Ok(report) = ambit_apk::scan_bytes("fuzz.apk", &package, &PACKAGE) {
        assert_ne!(report.signature.standing, Standing::Verified);
    }
}

/// Reads bytes as the certificate of a signer of scheme v2. Nobody has signed anything with it.
pub fn apk_certificate(bytes: &[u8]) {
    let prefixed = |parts: &[&[u8]]| {
        let part = parts.concat();
        [&(part.len() as u32).to_le_bytes(), part.as_slice()].concat()
    };
    let signed = prefixed(&[&prefixed(&[]), &prefixed(&[&prefixed(&[bytes])]), &prefixed(&[])]);
    let signer = prefixed(&[&signed, &prefixed(&[]), &prefixed(&[EC_KEY])]);
    let value = prefixed(&[&signer]);
    let n_bytes = (value.len() as u64 + 4).to_le_bytes();
    apk_signing(&[n_bytes.as_slice(), &0x7109_871a_u32.to_le_bytes(), &value].concat());
}

/// The beginning of a public key: what it says of the certificate's is compared, and differs.
const EC_KEY: &[u8] = &[
    0x30, 0x1a, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x03, 0x00, 0x04, 0x00,
];

/// Reads bytes as the signature file of a Java archive, beside lists that name nothing.
pub fn apk_jar(bytes: &[u8]) {
    let manifest = include_bytes!("../seeds/apk_manifest/plain.axml");
    let list = b"Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: AA==\r\n\r\n";
    let members: [(&str, &[u8]); 4] = [
        ("AndroidManifest.xml", manifest),
        ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n"),
        ("META-INF/CERT.SF", list),
        ("META-INF/CERT.RSA", bytes),
    ];
    if let Ok(report) = ambit_apk::scan_bytes("fuzz.apk", &stored(&members, &[]), &PACKAGE) {
        assert_ne!(report.signature.standing, Standing::Verified);
    }
}

/// Reads bytes as the manifest of a bundle, which is in protobuf form.
pub fn apk_bundle(bytes: &[u8]) {
    let members: [(&str, &[u8]); 2] = [
        ("BundleConfig.pb", b""),
        ("base/manifest/AndroidManifest.xml", bytes),
    ];
    let _ = ambit_apk::scan_bytes("fuzz.aab", &stored(&members, &[]), &PACKAGE);
}

/// Reads bytes as a package of packages: what stores hand out.
pub fn apk_set(bytes: &[u8]) {
    let _ = ambit_apk::scan_bytes("fuzz.apks", bytes, &PACKAGE);
}

/// A zip of stored members, with a signing block of these pairs where there are any.
fn stored(members: &[(&str, &[u8])], pairs: &[u8]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let n_bytes = (bytes.len() as u32).to_le_bytes();
        let at = (out.len() as u32).to_le_bytes();
        let common = [
            &[0; 12],
            n_bytes.as_slice(),
            &n_bytes,
            &(name.len() as u32).to_le_bytes(),
        ]
        .concat();
        out.extend([b"PK\x03\x04\x14\x00".as_slice(), &common, name.as_bytes(), bytes].concat());
        directory.extend(
            [
                b"PK\x01\x02\x14\x00\x14\x00".as_slice(),
                &common,
                &[0; 10],
                &at,
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    if !pairs.is_empty() {
        let size = (pairs.len() as u64 + 24).to_le_bytes();
        out.extend([size.as_slice(), pairs, &size, b"APK Sig Block 42"].concat());
    }
    let begin = (out.len() as u32).to_le_bytes();
    let n_members = (members.len() as u16).to_le_bytes();
    let n_bytes = (directory.len() as u32).to_le_bytes();
    out.extend(directory);
    out.extend(
        [
            b"PK\x05\x06\0\0\0\0".as_slice(),
            &n_members,
            &n_members,
            &n_bytes,
            &begin,
            &[0, 0],
        ]
        .concat(),
    );
    out
}

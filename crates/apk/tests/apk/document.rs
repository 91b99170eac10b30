//! Text XML to the binary form that packages carry: as much of it as manifests and network policies need.

use std::collections::BTreeMap;

/// Attributes of Android's own, with the ids that its resources give them.
const IDS: &[(&str, u32)] = &[
    ("isolatedProcess", 0x0101_03a9),
    ("targetActivity", 0x0101_0202),
    ("label", 0x0101_0001),
    ("path", 0x0101_002a),
    ("pathPrefix", 0x0101_002b),
    ("allowTaskReparenting", 0x0101_0204),
    ("maxSdkVersion", 0x0101_0271),
    ("testOnly", 0x0101_0272),
    ("fullBackupContent", 0x0101_04eb),
    ("dataExtractionRules", 0x0101_063e),
    ("name", 0x0101_0003),
    ("permission", 0x0101_0006),
    ("readPermission", 0x0101_0007),
    ("writePermission", 0x0101_0008),
    ("protectionLevel", 0x0101_0009),
    ("debuggable", 0x0101_000f),
    ("exported", 0x0101_0010),
    ("taskAffinity", 0x0101_0012),
    ("authorities", 0x0101_0018),
    ("launchMode", 0x0101_001d),
    ("value", 0x0101_0024),
    ("scheme", 0x0101_0027),
    ("host", 0x0101_0028),
    ("minSdkVersion", 0x0101_020c),
    ("versionCode", 0x0101_021b),
    ("versionName", 0x0101_021c),
    ("targetSdkVersion", 0x0101_0270),
    ("allowBackup", 0x0101_0280),
    ("usesCleartextTraffic", 0x0101_04ec),
    ("autoVerify", 0x0101_04ee),
    ("networkSecurityConfig", 0x0101_0527),
];

struct Strings {
    list: Vec<String>,
    by_text: BTreeMap<String, u32>,
}

impl Strings {
    /// Names that have an id come first, so that the map of ids stands beside them.
    fn new() -> Self {
        let mut strings = Self {
            list: Vec::new(),
            by_text: BTreeMap::new(),
        };
        for (name, _) in IDS {
            strings.list.push((*name).to_owned());
        }
        strings
    }

    fn id(&mut self, text: &str) -> u32 {
        if let Some(n) = self.by_text.get(text) {
            return *n;
        }
        let n = self.list.len() as u32;
        self.list.push(text.to_owned());
        self.by_text.insert(text.to_owned(), n);
        n
    }

    fn attribute(&mut self, name: &str) -> u32 {
        match name
            .strip_prefix("android:")
            .and_then(|n| IDS.iter().position(|(known, _)| *known == n))
        {
            Some(n) => n as u32,
            None => self.id(name.trim_start_matches("android:")),
        }
    }
}

/// Writes a document in its binary form.
pub fn compile(text: &str) -> Vec<u8> {
    let mut strings = Strings::new();
    let mut body = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let between = rest[..at].trim();
        if !between.is_empty() {
            let n = strings.id(between);
            chunk(&mut body, 0x0104, &[0, u32::MAX, n, 8, 0]);
        }
        if let Some(tail) = rest[at..].strip_prefix("<!--") {
            rest = tail.split_once("-->").expect("an end of the comment").1;
            continue;
        }
        let end = at + rest[at..].find('>').expect("an end of the tag");
        tag(rest[at + 1..end].trim(), &mut strings, &mut body);
        rest = &rest[end + 1..];
    }
    let mut out = pool(&strings.list);
    let ids: Vec<u32> = IDS.iter().map(|(_, id)| *id).collect();
    put_chunk(
        &mut out,
        0x0180,
        8,
        &ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<_>>(),
    );
    out.extend_from_slice(&body);
    let mut whole = Vec::new();
    put_chunk(&mut whole, 0x0003, 8, &out);
    whole
}

fn tag(tag: &str, strings: &mut Strings, body: &mut Vec<u8>) {
    if tag.starts_with('?') {
        return;
    }
    if let Some(name) = tag.strip_prefix('/') {
        let n = strings.id(name);
        return chunk(body, 0x0103, &[0, u32::MAX, u32::MAX, n]);
    }
    let is_empty = tag.ends_with('/');
    let tag = tag.trim_end_matches('/');
    let (name, rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    let name = strings.id(name);
    let mut attributes = Vec::new();
    let mut rest = rest.trim();
    while let Some((key, tail)) = rest.split_once("=\"") {
        let (value, tail) = tail.split_once('"').expect("an end of the value");
        rest = tail.trim();
        if key.starts_with("xmlns") {
            continue;
        }
        let key = strings.attribute(key);
        let (kind, raw, data) = typed(value, strings);
        attributes.extend([u32::MAX, key, raw, 8 | kind << 24, data]);
    }
    let n_attributes = attributes.len() as u32 / 5;
    let mut words = vec![0, u32::MAX, u32::MAX, name, 20 | 20 << 16, n_attributes, 0];
    words.extend(attributes);
    chunk(body, 0x0102, &words);
    if is_empty {
        chunk(body, 0x0103, &[0, u32::MAX, u32::MAX, name]);
    }
}

fn typed(value: &str, strings: &mut Strings) -> (u32, u32, u32) {
    match value {
        "true" => (0x12, u32::MAX, u32::MAX),
        "false" => (0x12, u32::MAX, 0),
        // Words that the packer writes as numbers.
        "signature" | "singleTask" => (0x10, u32::MAX, 2),
        _ if value.starts_with("@0x") => {
            let id = u32::from_str_radix(&value[3..], 16).expect("an id");
            (0x01, u32::MAX, id)
        }
        _ => {
            if let Ok(number) = value.parse::<u32>() {
                return (0x10, u32::MAX, number);
            }
            let text = match value.strip_prefix("@xml/") {
                Some(name) => format!("res/xml/{name}.xml"),
                None => value.to_owned(),
            };
            let n = strings.id(&text);
            (0x03, n, n)
        }
    }
}

/// A node: the line, the comment, and what it holds.
fn chunk(out: &mut Vec<u8>, kind: u16, words: &[u32]) {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    put_chunk(out, kind, 16, &bytes);
}

fn put_chunk(out: &mut Vec<u8>, kind: u16, header: u16, content: &[u8]) {
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&header.to_le_bytes());
    out.extend_from_slice(&(content.len() as u32 + 8).to_le_bytes());
    out.extend_from_slice(content);
}

fn pool(list: &[String]) -> Vec<u8> {
    let (mut offsets, mut data) = (Vec::new(), Vec::new());
    for text in list {
        offsets.extend_from_slice(&(data.len() as u32).to_le_bytes());
        let units: Vec<u16> = text.encode_utf16().collect();
        data.extend_from_slice(&(units.len() as u16).to_le_bytes());
        data.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        data.extend_from_slice(&[0, 0]);
    }
    while !data.len().is_multiple_of(4) {
        data.push(0);
    }
    let mut content = Vec::new();
    for word in [list.len() as u32, 0, 0, 28 + offsets.len() as u32, 0] {
        content.extend_from_slice(&word.to_le_bytes());
    }
    content.extend(offsets);
    content.extend(data);
    let mut out = Vec::new();
    put_chunk(&mut out, 0x0001, 28, &content);
    out
}

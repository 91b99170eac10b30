//! Writes small databases in MaxMind's format, after its specification 2.0.

use std::net::IpAddr;

/// A network with its place.
pub struct Row {
    pub network: (IpAddr, u8),
    pub country: Option<String>,
    pub spot: Option<(f64, f64)>,
    pub radius: Option<u16>,
    pub is_anycast: bool,
}

impl Row {
    /// `192.0.2.0/24 SE 59.33 18.07 20`, `-` for what is not said, `anycast` at the end.
    pub fn parse(line: &str) -> Self {
        let parts: Vec<&str> = line.split_whitespace().collect();
        let (ip, bits) = parts[0].split_once('/').unwrap();
        let said = |nth: usize| parts.get(nth).copied().filter(|text| *text != "-");
        Self {
            network: (ip.parse().unwrap(), bits.parse().unwrap()),
            country: said(1).map(ToOwned::to_owned),
            spot: said(2)
                .zip(said(3))
                .map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap())),
            radius: said(4).map(|text| text.parse().unwrap()),
            is_anycast: said(5) == Some("anycast"),
        }
    }

    fn record(&self) -> Vec<u8> {
        let mut members = Vec::new();
        if let Some(country) = &self.country {
            members.push(("country", map(&[("iso_code", text(country))])));
        }
        let mut location = Vec::new();
        if let Some((latitude, longitude)) = self.spot {
            location.push(("latitude", double(latitude)));
            location.push(("longitude", double(longitude)));
        }
        location.extend(
            self.radius
                .map(|km| ("accuracy_radius", number(5, &km.to_be_bytes()))),
        );
        members.push(("location", map(&location)));
        // Booleans are an extended type, 14, and are their own size.
        members.extend(
            self.is_anycast
                .then(|| ("traits", map(&[("is_anycast", vec![1, 7])]))),
        );
        members.push(("city", map(&[("names", map(&[("en", text("Somewhere"))]))])));
        map(&members)
    }
}

fn text(text: &str) -> Vec<u8> {
    number(2, text.as_bytes())
}

fn double(value: f64) -> Vec<u8> {
    number(3, &value.to_be_bytes())
}

/// A value of one of the first seven types.
fn number(kind: u8, bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 29);
    [&[kind << 5 | bytes.len() as u8], bytes].concat()
}

fn map(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![7 << 5 | members.len() as u8];
    for (name, value) in members {
        out.extend(text(name));
        out.extend(value);
    }
    out
}

/// The bits of an address in a tree of the sixth version, and how many of them are its network's.
fn bits((ip, len): (IpAddr, u8)) -> (u128, u8) {
    match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)), len + 96),
        IpAddr::V6(ip) => (u128::from(ip), len),
    }
}

/// A database of these networks.
pub fn database(kind: &str, rows: &[Row]) -> Vec<u8> {
    const NONE: usize = usize::MAX;
    // A node has two places: another node, a record (from `RECORDS` on), or nothing.
    const RECORDS: usize = 1 << 40;
    let (mut nodes, mut data) = (vec![[NONE; 2]], Vec::new());
    for row in rows {
        let (address, len) = bits(row.network);
        let mut at = 0;
        for depth in 0..len {
            let side = usize::from(address >> (127 - depth) & 1 == 1);
            if depth + 1 == len {
                nodes[at][side] = RECORDS + data.len();
            } else if nodes[at][side] == NONE {
                nodes.push([NONE; 2]);
                nodes[at][side] = nodes.len() - 1;
            }
            at = nodes[at][side];
        }
        data.extend(row.record());
    }
    let n = nodes.len();
    let place = |value: usize| match value {
        NONE => n,
        value if value >= RECORDS => value - RECORDS + n + 16,
        value => value,
    };
    let mut out: Vec<u8> = nodes
        .iter()
        .flatten()
        .flat_map(|value| (place(*value) as u32).to_be_bytes())
        .collect();
    out.extend([0; 16]);
    out.extend(data);
    out.extend(b"\xab\xcd\xefMaxMind.com");
    let list = |values: &[Vec<u8>]| [vec![values.len() as u8, 4], values.concat()].concat();
    out.extend(map(&[
        ("binary_format_major_version", number(5, &2_u16.to_be_bytes())),
        ("binary_format_minor_version", number(5, &0_u16.to_be_bytes())),
        ("build_epoch", [vec![4, 2], 1_u32.to_be_bytes().to_vec()].concat()),
        ("database_type", text(kind)),
        ("description", map(&[("en", text("made in a test"))])),
        ("ip_version", number(5, &6_u16.to_be_bytes())),
        ("languages", list(&[text("en")])),
        ("node_count", number(6, &(n as u32).to_be_bytes())),
        ("record_size", number(5, &32_u16.to_be_bytes())),
    ]));
    out
}

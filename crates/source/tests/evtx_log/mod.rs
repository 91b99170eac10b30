//! Writes Windows event logs: the header of the file, chunks, records, and the binary XML in them.

use std::fmt::Write as _;

pub const HEADER: usize = 4096;
pub const CHUNK: usize = 65536;
const CHUNK_HEADER: usize = 512;

/// A value in binary XML.
#[derive(Debug, Clone)]
pub enum Value {
    Text(String),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    Hex64(u64),
    Time(u64),
    Guid([u8; 16]),
    Null,
    /// The text that is the value of this number, once more.
    Again(u16),
}

/// An element with its attributes and what it holds.
#[derive(Debug, Clone)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, Value)>,
    pub inside: Inside,
}

#[derive(Debug, Clone)]
pub enum Inside {
    Value(Value),
    Elements(Vec<Element>),
}

/// One event, as a program hands it to the log.
#[derive(Debug, Clone)]
pub struct Written {
    pub id: u64,
    pub filetime: u64,
    pub event: Element,
}

pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub fn element(name: &str, attributes: &[(&str, Value)], inside: Inside) -> Element {
    let attributes = attributes
        .iter()
        .map(|(n, v)| ((*n).to_owned(), v.clone()))
        .collect();
    Element {
        name: name.to_owned(),
        attributes,
        inside,
    }
}

/// What `System` holds that differs from event to event.
pub struct System<'a> {
    pub provider: &'a str,
    pub event_id: u16,
    pub channel: &'a str,
    pub computer: &'a str,
    pub keywords: u64,
    pub id: u64,
    /// In units of 100 ns since 1601.
    pub filetime: u64,
}

impl System<'_> {
    pub fn with(&self, data: Element) -> Written {
        let value = |name: &str, value: Value| element(name, &[], Inside::Value(value));
        let provider = [
            ("Name", text(self.provider)),
            (
                "Guid",
                Value::Guid([
                    0x25, 0x96, 0x84, 0x54, 0x78, 0x54, 0x94, 0x49, 0xa5, 0xba, 0x3e, 0x3b, 3, 0x28, 0xc3,
                    0x0d,
                ]),
            ),
        ];
        let system = vec![
            element("Provider", &provider, Inside::Elements(Vec::new())),
            value("EventID", Value::U16(self.event_id)),
            value("Version", Value::U8(2)),
            value("Level", Value::U8(0)),
            value("Task", Value::U16(12544)),
            value("Opcode", Value::U8(0)),
            value("Keywords", Value::Hex64(self.keywords)),
            element(
                "TimeCreated",
                &[("SystemTime", Value::Time(self.filetime))],
                Inside::Elements(Vec::new()),
            ),
            value("EventRecordID", Value::U64(self.id)),
            element(
                "Execution",
                &[("ProcessID", Value::U32(640)), ("ThreadID", Value::U32(712))],
                Inside::Elements(Vec::new()),
            ),
            value("Channel", text(self.channel)),
            value("Computer", text(self.computer)),
            element(
                "Security",
                &[("UserID", Value::Null)],
                Inside::Elements(Vec::new()),
            ),
        ];
        let xmlns = text("http://schemas.microsoft.com/win/2004/08/events/event");
        let event = element(
            "Event",
            &[("xmlns", xmlns)],
            Inside::Elements(vec![element("System", &[], Inside::Elements(system)), data]),
        );
        Written {
            id: self.id,
            filetime: self.filetime,
            event,
        }
    }
}

/// `EventData` with named data.
pub fn event_data(data: &[(&str, Value)]) -> Element {
    let data = data
        .iter()
        .map(|(name, value)| element("Data", &[("Name", text(name))], Inside::Value(value.clone())));
    element("EventData", &[], Inside::Elements(data.collect()))
}

/// A whole log: a header, and a chunk for each of these lists of records.
pub fn log(chunks: &[&[Written]], flags: u32) -> Vec<u8> {
    let mut file = vec![0; HEADER];
    file[..8].copy_from_slice(b"ElfFile\0");
    let last = chunks.len().saturating_sub(1) as u64;
    let next = chunks
        .iter()
        .flat_map(|c| c.iter())
        .map(|r| r.id)
        .max()
        .unwrap_or(0)
        + 1;
    file[16..24].copy_from_slice(&last.to_le_bytes());
    file[24..32].copy_from_slice(&next.to_le_bytes());
    file[32..36].copy_from_slice(&128u32.to_le_bytes());
    file[36..40].copy_from_slice(&[1, 0, 3, 0]);
    file[40..42].copy_from_slice(&4096u16.to_le_bytes());
    file[42..44].copy_from_slice(&(chunks.len() as u16).to_le_bytes());
    let crc = crc32(&[&file[..120]]);
    file[120..124].copy_from_slice(&flags.to_le_bytes());
    file[124..128].copy_from_slice(&crc.to_le_bytes());
    for records in chunks {
        file.extend(chunk(records));
    }
    file
}

/// One chunk, closed: its checksums fit.
pub fn chunk(records: &[Written]) -> Vec<u8> {
    let mut chunk = vec![0; CHUNK_HEADER];
    let mut last_at = CHUNK_HEADER;
    for record in records {
        last_at = chunk.len();
        append(&mut chunk, record);
    }
    let end = chunk.len();
    assert!(end <= CHUNK, "the records do not fit into one chunk");
    chunk.resize(CHUNK, 0);
    let first = records.first().map_or(1, |r| r.id);
    let last = records.last().map_or(0, |r| r.id);
    seal(&mut chunk, (first, last), (last_at, end));
    chunk
}

/// Writes the chunk's header.
pub fn seal(chunk: &mut [u8], ids: (u64, u64), places: (usize, usize)) {
    chunk[..8].copy_from_slice(b"ElfChnk\0");
    for (at, id) in [(8, ids.0), (16, ids.1), (24, ids.0), (32, ids.1)] {
        chunk[at..at + 8].copy_from_slice(&id.to_le_bytes());
    }
    chunk[40..44].copy_from_slice(&128u32.to_le_bytes());
    chunk[44..48].copy_from_slice(&(places.0 as u32).to_le_bytes());
    chunk[48..52].copy_from_slice(&(places.1 as u32).to_le_bytes());
    let crc = crc32(&[&chunk[CHUNK_HEADER..places.1]]);
    chunk[52..56].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32(&[&chunk[..120], &chunk[128..CHUNK_HEADER]]);
    chunk[124..128].copy_from_slice(&crc.to_le_bytes());
}

fn append(chunk: &mut Vec<u8>, record: &Written) {
    let at = chunk.len();
    chunk.extend(b"**\0\0");
    chunk.extend([0; 4]);
    chunk.extend(record.id.to_le_bytes());
    chunk.extend(record.filetime.to_le_bytes());
    instance(chunk, &record.event);
    while !(chunk.len() - at + 4).is_multiple_of(8) {
        chunk.push(0);
    }
    let len = (chunk.len() - at + 4) as u32;
    chunk.extend(len.to_le_bytes());
    chunk[at + 4..at + 8].copy_from_slice(&len.to_le_bytes());
}

/// A fragment that is one instance of a template, which is defined in place.
fn instance(out: &mut Vec<u8>, event: &Element) {
    out.extend([0x0f, 1, 1, 0]);
    out.extend([0x0c, 1]);
    out.extend(7u32.to_le_bytes());
    let definition_at = (out.len() + 4) as u32;
    out.extend(definition_at.to_le_bytes());
    out.extend([0; 4]);
    out.extend(7u32.to_le_bytes());
    out.extend([0; 12]);
    let size_at = out.len();
    out.extend([0; 4]);
    out.extend([0x0f, 1, 1, 0]);
    let mut values = Vec::new();
    open(out, event, &mut values);
    out.push(0);
    patch(out, size_at);
    out.extend((values.len() as u32).to_le_bytes());
    for value in &values {
        out.extend((bytes(value).len() as u16).to_le_bytes());
        out.extend([kind(value), 0]);
    }
    values.iter().for_each(|value| out.extend(bytes(value)));
}

fn open(out: &mut Vec<u8>, element: &Element, values: &mut Vec<Value>) {
    let has_attributes = !element.attributes.is_empty();
    out.push(if has_attributes { 0x41 } else { 0x01 });
    out.extend(0xffffu16.to_le_bytes());
    let size_at = out.len();
    out.extend([0; 4]);
    name(out, &element.name);
    if has_attributes {
        let list_at = out.len();
        out.extend([0; 4]);
        for (n, (attribute, value)) in element.attributes.iter().enumerate() {
            let is_last = n + 1 == element.attributes.len();
            out.push(if is_last { 0x06 } else { 0x46 });
            name(out, attribute);
            substitution(out, value, values);
        }
        patch(out, list_at);
    }
    match &element.inside {
        Inside::Elements(inner) if inner.is_empty() => out.push(0x03),
        Inside::Elements(inner) => {
            out.push(0x02);
            inner.iter().for_each(|element| open(out, element, values));
            out.push(0x04);
        }
        Inside::Value(value) => {
            out.push(0x02);
            substitution(out, value, values);
            out.push(0x04);
        }
    }
    patch(out, size_at);
}

fn substitution(out: &mut Vec<u8>, value: &Value, values: &mut Vec<Value>) {
    out.push(0x0e);
    if let Value::Again(number) = value {
        out.extend(number.to_le_bytes());
        return out.push(kind(value));
    }
    out.extend((values.len() as u16).to_le_bytes());
    out.push(kind(value));
    values.push(value.clone());
}

/// A name where it stands first: its place, and then the name itself.
fn name(out: &mut Vec<u8>, name: &str) {
    let at = (out.len() + 4) as u32;
    out.extend(at.to_le_bytes());
    out.extend([0; 4]);
    let units: Vec<u16> = name.encode_utf16().collect();
    let hash = units.iter().fold(0u32, |hash, unit| {
        hash.wrapping_mul(65599).wrapping_add(u32::from(*unit))
    });
    out.extend((hash as u16).to_le_bytes());
    out.extend((units.len() as u16).to_le_bytes());
    units.iter().for_each(|unit| out.extend(unit.to_le_bytes()));
    out.extend([0, 0]);
}

/// Writes how many bytes stand behind a length.
fn patch(out: &mut [u8], at: usize) {
    let len = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&len.to_le_bytes());
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0x00,
        Value::Text(_) | Value::Again(_) => 0x01,
        Value::U8(_) => 0x04,
        Value::U16(_) => 0x06,
        Value::U32(_) => 0x08,
        Value::U64(_) => 0x0a,
        Value::Guid(_) => 0x0f,
        Value::Time(_) => 0x11,
        Value::Hex64(_) => 0x15,
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Null | Value::Again(_) => Vec::new(),
        Value::Text(text) => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Value::U8(n) => vec![*n],
        Value::U16(n) => n.to_le_bytes().to_vec(),
        Value::U32(n) => n.to_le_bytes().to_vec(),
        Value::U64(n) | Value::Hex64(n) | Value::Time(n) => n.to_le_bytes().to_vec(),
        Value::Guid(bytes) => bytes.to_vec(),
    }
}

pub fn crc32(parts: &[&[u8]]) -> u32 {
    let mut crc = flate2::Crc::new();
    parts.iter().for_each(|part| crc.update(part));
    crc.sum()
}

/// 2014-05-23 10:00:00 UTC and so many units of 100 ns.
pub const fn filetime(after: u64) -> u64 {
    130_453_128_000_000_000 + after
}

/// The event as evtx_dump writes it in JSON.
pub fn dumped(written: &Written) -> String {
    let mut out = String::from("{\"Event\":");
    object(&mut out, &written.event);
    out.push('}');
    out
}

fn object(out: &mut String, element: &Element) {
    let is_bare = element.attributes.is_empty();
    match &element.inside {
        Inside::Value(value) if is_bare => return scalar(out, value),
        Inside::Elements(inner) if is_bare && inner.is_empty() => return out.push_str("null"),
        _ => {}
    }
    let mut members = Vec::new();
    if !is_bare {
        let mut attributes = Vec::new();
        for (name, value) in element
            .attributes
            .iter()
            .filter(|(_, value)| !matches!(value, Value::Null))
        {
            let mut text = format!("\"{name}\":");
            scalar(&mut text, value);
            attributes.push(text);
        }
        if !attributes.is_empty() {
            members.push(format!("\"#attributes\":{{{}}}", attributes.join(",")));
        }
    }
    if let Inside::Elements(inner) = &element.inside {
        for element in inner {
            let named = element
                .attributes
                .iter()
                .find(|(name, _)| name == "Name" && element.name == "Data");
            let mut text = String::new();
            match (named, &element.inside) {
                (Some((_, Value::Text(name))), Inside::Value(value)) => {
                    let _ = write!(text, "\"{name}\":");
                    scalar(&mut text, value);
                }
                _ => {
                    let _ = write!(text, "\"{}\":", element.name);
                    object(&mut text, element);
                }
            }
            members.push(text);
        }
    }
    match members.is_empty() {
        true => out.push_str("null"),
        false => {
            let _ = write!(out, "{{{}}}", members.join(","));
        }
    }
}

fn scalar(out: &mut String, value: &Value) {
    let _ = match value {
        Value::Null | Value::Again(_) => write!(out, "null"),
        Value::Text(text) => write!(out, "{}", serde_json::Value::from(text.as_str())),
        Value::U8(n) => write!(out, "{n}"),
        Value::U16(n) => write!(out, "{n}"),
        Value::U32(n) => write!(out, "{n}"),
        Value::U64(n) => write!(out, "{n}"),
        Value::Hex64(n) => write!(out, "\"{n:#x}\""),
        Value::Guid(b) => write!(
            out,
            "\"{:02X}{:02X}{:02X}{:02X}-{:02X}{:02X}-{:02X}{:02X}-{:02X}{:02X}-{:02X}{:02X}{:02X}{:02X}{:02X}{:02X}\"",
            b[3],
            b[2],
            b[1],
            b[0],
            b[5],
            b[4],
            b[7],
            b[6],
            b[8],
            b[9],
            b[10],
            b[11],
            b[12],
            b[13],
            b[14],
            b[15]
        ),
        Value::Time(ticks) => {
            let nanos = i128::from(*ticks) * 100 - 11_644_473_600_000_000_000;
            let at = jiff::Timestamp::from_nanosecond(nanos).unwrap_or_default();
            // To the microsecond, as its older versions do.
            write!(out, "\"{}\"", at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ"))
        }
    };
}

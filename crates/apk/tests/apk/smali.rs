//! A small assembler: the part of smali that the twins are written in, to DEX.
//!
//! Debian's assembler reads the same files in the conformance check; here they are built with a Rust compiler alone.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Default)]
struct Class {
    name: String,
    parent: String,
    interfaces: Vec<String>,
    fields: Vec<Field>,
    methods: Vec<Method>,
}

#[derive(Debug, Clone)]
struct Field {
    name: String,
    kind: String,
    flags: u32,
    value: Option<String>,
}

#[derive(Debug, Clone)]
struct Method {
    name: String,
    parameters: Vec<String>,
    returns: String,
    flags: u32,
    n_registers: usize,
    lines: Vec<String>,
}

type MethodKey = (String, String, Vec<String>, String);

/// Everything that the file's tables hold, in the order that the format asks for.
#[derive(Default)]
struct Tables {
    strings: BTreeMap<Vec<u16>, String>,
    types: BTreeSet<Vec<u16>>,
    fields: BTreeSet<(String, String, String)>,
    methods: BTreeSet<MethodKey>,
}

/// Assembles classes, as `.class` begins each, into one DEX file.
pub fn assemble(sources: &[&str]) -> Vec<u8> {
    let classes: Vec<Class> = sources.iter().flat_map(|source| parse(source)).collect();
    Writer::of(&classes).write(&classes)
}

fn parse(source: &str) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    let mut method: Option<Method> = None;
    for line in source.lines() {
        let line = without_comment(line).trim().to_owned();
        let words: Vec<&str> = line.split_whitespace().collect();
        let last = words.last().copied().unwrap_or_default().to_owned();
        match words.first().copied().unwrap_or_default() {
            "" => {}
            ".class" => classes.push(Class {
                name: last,
                ..Class::default()
            }),
            ".super" => top(&mut classes).parent = last,
            ".implements" => top(&mut classes).interfaces.push(last),
            ".source" => {}
            ".field" => top(&mut classes).fields.push(field(&line)),
            ".method" => method = Some(begin(&words, &last)),
            ".end" if words[1] == "method" => {
                let done = method.take().expect("a method was begun");
                top(&mut classes).methods.push(done);
            }
            ".registers" | ".locals" => {
                let method = method.as_mut().expect("inside a method");
                let n: usize = last.parse().expect("a number");
                let n_ins = ins(method);
                method.n_registers = if words[0] == ".locals" { n + n_ins } else { n };
            }
            _ => method.as_mut().expect("inside a method").lines.push(line),
        }
    }
    classes
}

fn without_comment(line: &str) -> &str {
    let mut in_text = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => in_text = !in_text,
            '#' if !in_text => return &line[..at],
            _ => {}
        }
    }
    line
}

fn top(classes: &mut [Class]) -> &mut Class {
    classes.last_mut().expect("a class was begun")
}

fn flags(words: &[&str]) -> u32 {
    words.iter().fold(0, |all, word| {
        all | match *word {
            "public" => 1,
            "private" => 2,
            "static" => 8,
            "final" => 0x10,
            "constructor" => 0x1_0000,
            _ => 0,
        }
    })
}

fn field(line: &str) -> Field {
    let (head, value) = line
        .split_once(" = ")
        .map_or((line, None), |(h, v)| (h, Some(v.trim().to_owned())));
    let words: Vec<&str> = head.split_whitespace().collect();
    let (name, kind) = words.last().expect("a field").split_once(':').expect("a type");
    Field {
        name: name.into(),
        kind: kind.into(),
        flags: flags(&words),
        value,
    }
}

fn begin(words: &[&str], signature: &str) -> Method {
    let (name, rest) = signature.split_once('(').expect("parameters");
    let (parameters, returns) = rest.split_once(')').expect("a type that is returned");
    Method {
        name: name.into(),
        parameters: descriptors(parameters),
        returns: returns.into(),
        flags: flags(words),
        n_registers: 0,
        lines: Vec::new(),
    }
}

fn descriptors(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let element = rest.trim_start_matches('[');
        let n_arrays = rest.len() - element.len();
        let n = if element.starts_with('L') {
            element.find(';').expect("an end") + 1
        } else {
            1
        };
        out.push(rest[..n_arrays + n].to_owned());
        rest = &rest[n_arrays + n..];
    }
    out
}

fn width(kind: &str) -> usize {
    if matches!(kind, "J" | "D") { 2 } else { 1 }
}

fn ins(method: &Method) -> usize {
    let own = usize::from(method.flags & 8 == 0);
    own + method.parameters.iter().map(|kind| width(kind)).sum::<usize>()
}

/// `Lx/Y;->name(Lz;)V`
fn method_key(text: &str) -> MethodKey {
    let (class, rest) = text.split_once("->").expect("a method");
    let (name, rest) = rest.split_once('(').expect("parameters");
    let (parameters, returns) = rest.split_once(')').expect("a type");
    (class.into(), name.into(), descriptors(parameters), returns.into())
}

/// `Lx/Y;->name:Lz;`
fn field_key(text: &str) -> (String, String, String) {
    let (class, rest) = text.split_once("->").expect("a field");
    let (name, kind) = rest.split_once(':').expect("a type");
    (class.into(), name.into(), kind.into())
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn quoted(line: &str) -> String {
    let begin = line.find('"').expect("a text") + 1;
    let end = line.rfind('"').expect("its end");
    line[begin..end].replace("\\n", "\n").replace("\\\"", "\"")
}

fn shorty(parameters: &[String], returns: &str) -> String {
    let one = |kind: &str| {
        if kind.starts_with(['L', '[']) {
            'L'
        } else {
            kind.chars().next().expect("a type")
        }
    };
    std::iter::once(one(returns))
        .chain(parameters.iter().map(|kind| one(kind)))
        .collect()
}

impl Tables {
    fn text(&mut self, text: &str) {
        self.strings.insert(units(text), text.into());
    }

    fn kind(&mut self, kind: &str) {
        self.text(kind);
        self.types.insert(units(kind));
    }

    fn method(&mut self, key: &MethodKey) {
        self.kind(&key.0);
        self.text(&key.1);
        self.kind(&key.3);
        key.2.iter().for_each(|kind| self.kind(kind));
        self.text(&shorty(&key.2, &key.3));
        self.methods.insert(key.clone());
    }

    fn field(&mut self, key: &(String, String, String)) {
        self.kind(&key.0);
        self.text(&key.1);
        self.kind(&key.2);
        self.fields.insert(key.clone());
    }

    fn of(classes: &[Class]) -> Self {
        let mut tables = Self::default();
        for class in classes {
            tables.kind(&class.name);
            tables.kind(&class.parent);
            class.interfaces.iter().for_each(|kind| tables.kind(kind));
            for field in &class.fields {
                tables.field(&(class.name.clone(), field.name.clone(), field.kind.clone()));
                if let Some(value) = field.value.as_ref().filter(|value| value.starts_with('"')) {
                    tables.text(&quoted(value));
                }
            }
            for method in &class.methods {
                tables.method(&(
                    class.name.clone(),
                    method.name.clone(),
                    method.parameters.clone(),
                    method.returns.clone(),
                ));
                method.lines.iter().for_each(|line| tables.line(line));
            }
        }
        tables
    }

    fn line(&mut self, line: &str) {
        let op = line.split_whitespace().next().unwrap_or_default();
        let last = line.rsplit(", ").next().unwrap_or_default();
        match op {
            "const-string" => self.text(&quoted(line)),
            "new-instance" | "check-cast" | "const-class" | "new-array" | "instance-of" => self.kind(last),
            _ if op.starts_with("invoke") => self.method(&method_key(last)),
            _ if op.starts_with("iget")
                || op.starts_with("iput")
                || op.starts_with("sget")
                || op.starts_with("sput") =>
            {
                self.field(&field_key(last));
            }
            ".catch" => self.kind(line.split_whitespace().nth(1).expect("a type")),
            _ => {}
        }
    }
}

struct Writer {
    strings: Vec<String>,
    types: Vec<String>,
    prototypes: Vec<(String, Vec<String>)>,
    fields: Vec<(String, String, String)>,
    methods: Vec<MethodKey>,
}

impl Writer {
    fn of(classes: &[Class]) -> Self {
        let tables = Tables::of(classes);
        let strings: Vec<String> = tables.strings.into_values().collect();
        let types: Vec<String> = tables
            .types
            .iter()
            .map(|units| String::from_utf16(units).expect("a descriptor"))
            .collect();
        let mut writer = Self {
            strings,
            types,
            prototypes: Vec::new(),
            fields: tables.fields.into_iter().collect(),
            methods: tables.methods.into_iter().collect(),
        };
        let mut prototypes: Vec<_> = writer
            .methods
            .iter()
            .map(|m| (m.3.clone(), m.2.clone()))
            .collect();
        prototypes.sort_by_key(|(returns, parameters)| {
            let listed: Vec<usize> = parameters.iter().map(|kind| writer.kind(kind)).collect();
            (writer.kind(returns), listed)
        });
        prototypes.dedup();
        writer.prototypes = prototypes;
        let mut fields = std::mem::take(&mut writer.fields);
        fields.sort_by_key(|f| (writer.kind(&f.0), writer.text(&f.1), writer.kind(&f.2)));
        writer.fields = fields;
        let mut methods = std::mem::take(&mut writer.methods);
        methods.sort_by_key(|m| (writer.kind(&m.0), writer.text(&m.1), writer.prototype(m)));
        writer.methods = methods;
        writer
    }

    fn text(&self, text: &str) -> usize {
        self.strings
            .iter()
            .position(|s| s == text)
            .expect("a string of the table")
    }

    fn kind(&self, kind: &str) -> usize {
        self.types
            .iter()
            .position(|t| t == kind)
            .expect("a type of the table")
    }

    fn prototype(&self, key: &MethodKey) -> usize {
        let at = self
            .prototypes
            .iter()
            .position(|(r, p)| *r == key.3 && *p == key.2);
        at.expect("a prototype of the table")
    }

    fn method(&self, key: &MethodKey) -> usize {
        self.methods
            .iter()
            .position(|m| m == key)
            .expect("a method of the table")
    }

    fn field(&self, key: &(String, String, String)) -> usize {
        self.fields
            .iter()
            .position(|f| f == key)
            .expect("a field of the table")
    }

    /// Superclasses come before those that extend them.
    fn order(classes: &[Class]) -> Vec<&Class> {
        let mut left: Vec<&Class> = classes.iter().collect();
        let mut out: Vec<&Class> = Vec::new();
        while !left.is_empty() {
            let at = left
                .iter()
                .position(|class| !left.iter().any(|other| other.name == class.parent))
                .expect("no circle of parents");
            out.push(left.remove(at));
        }
        out
    }

    fn write(&self, classes: &[Class]) -> Vec<u8> {
        let classes = Self::order(classes);
        let n_ids = 0x70
            + self.strings.len() * 4
            + self.types.len() * 4
            + self.prototypes.len() * 12
            + self.fields.len() * 8
            + self.methods.len() * 8
            + classes.len() * 32;
        let mut data = Data {
            base: n_ids,
            bytes: Vec::new(),
            map: Vec::new(),
        };
        let code: Vec<Vec<usize>> = classes
            .iter()
            .map(|class| {
                class
                    .methods
                    .iter()
                    .map(|method| self.code(method, &mut data))
                    .collect()
            })
            .collect();
        let lists: Vec<usize> = self
            .prototypes
            .iter()
            .map(|(_, p)| self.list(p, &mut data))
            .collect();
        let interfaces: Vec<usize> = classes
            .iter()
            .map(|c| self.list(&c.interfaces, &mut data))
            .collect();
        let texts: Vec<usize> = self.strings.iter().map(|text| data.string(text)).collect();
        let values: Vec<usize> = classes
            .iter()
            .map(|class| self.values(class, &mut data))
            .collect();
        let bodies: Vec<usize> = classes
            .iter()
            .zip(&code)
            .map(|(class, code)| self.class_data(class, code, &mut data))
            .collect();
        let mut out = vec![0u8; 0x70];
        let mut sections = vec![(0u16, 1usize, 0usize)];
        let mut section = |out: &Vec<u8>, kind: u16, n: usize| {
            if n > 0 {
                sections.push((kind, n, out.len()));
            }
            if n > 0 { out.len() } else { 0 }
        };
        let mut heads = Vec::new();
        heads.push((self.strings.len(), section(&out, 1, self.strings.len())));
        texts.iter().for_each(|at| put32(&mut out, *at));
        heads.push((self.types.len(), section(&out, 2, self.types.len())));
        self.types
            .iter()
            .for_each(|kind| put32(&mut out, self.text(kind)));
        heads.push((self.prototypes.len(), section(&out, 3, self.prototypes.len())));
        for ((returns, parameters), list) in self.prototypes.iter().zip(&lists) {
            put32(&mut out, self.text(&shorty(parameters, returns)));
            put32(&mut out, self.kind(returns));
            put32(&mut out, *list);
        }
        heads.push((self.fields.len(), section(&out, 4, self.fields.len())));
        for (class, name, kind) in &self.fields {
            put16(&mut out, self.kind(class));
            put16(&mut out, self.kind(kind));
            put32(&mut out, self.text(name));
        }
        heads.push((self.methods.len(), section(&out, 5, self.methods.len())));
        for key in &self.methods {
            put16(&mut out, self.kind(&key.0));
            put16(&mut out, self.prototype(key));
            put32(&mut out, self.text(&key.1));
        }
        heads.push((classes.len(), section(&out, 6, classes.len())));
        for (n, class) in classes.iter().enumerate() {
            put32(&mut out, self.kind(&class.name));
            put32(&mut out, 1);
            put32(&mut out, self.kind(&class.parent));
            put32(&mut out, interfaces[n]);
            put32(&mut out, u32::MAX as usize);
            put32(&mut out, 0);
            put32(&mut out, bodies[n]);
            put32(&mut out, values[n]);
        }
        assert_eq!(out.len(), n_ids);
        out.extend_from_slice(&data.bytes);
        while !out.len().is_multiple_of(4) {
            out.push(0);
        }
        let map_at = out.len();
        sections.extend(data.grouped());
        sections.push((0x1000, 1, map_at));
        put32(&mut out, sections.len());
        for (kind, n, at) in sections {
            put16(&mut out, usize::from(kind));
            put16(&mut out, 0);
            put32(&mut out, n);
            put32(&mut out, at);
        }
        header(&mut out, &heads, map_at, n_ids);
        out
    }

    fn list(&self, kinds: &[String], data: &mut Data) -> usize {
        if kinds.is_empty() {
            return 0;
        }
        let at = data.begin(0x1001, 4);
        put32(&mut data.bytes, kinds.len());
        kinds
            .iter()
            .for_each(|kind| put16(&mut data.bytes, self.kind(kind)));
        at
    }

    fn values(&self, class: &Class, data: &mut Data) -> usize {
        let mut statics: Vec<&Field> = class.fields.iter().filter(|f| f.flags & 8 != 0).collect();
        statics.sort_by_key(|f| self.field(&(class.name.clone(), f.name.clone(), f.kind.clone())));
        if statics.iter().all(|f| f.value.is_none()) {
            return 0;
        }
        let at = data.begin(0x2005, 1);
        uleb(&mut data.bytes, statics.len());
        for field in statics {
            match &field.value {
                Some(text) if text.starts_with('"') => {
                    data.bytes.push(0x17 | 3 << 5);
                    put32(&mut data.bytes, self.text(&quoted(text)));
                }
                _ => data.bytes.push(0x1e),
            }
        }
        at
    }

    fn class_data(&self, class: &Class, code: &[usize], data: &mut Data) -> usize {
        let id = |f: &Field| self.field(&(class.name.clone(), f.name.clone(), f.kind.clone()));
        let mut statics: Vec<(usize, u32)> = class
            .fields
            .iter()
            .filter(|f| f.flags & 8 != 0)
            .map(|f| (id(f), f.flags))
            .collect();
        let mut instance: Vec<(usize, u32)> = class
            .fields
            .iter()
            .filter(|f| f.flags & 8 == 0)
            .map(|f| (id(f), f.flags))
            .collect();
        let (mut direct, mut dynamic) = (Vec::new(), Vec::new());
        for (method, at) in class.methods.iter().zip(code) {
            let key = (
                class.name.clone(),
                method.name.clone(),
                method.parameters.clone(),
                method.returns.clone(),
            );
            let is_direct = method.flags & (2 | 8 | 0x1_0000) != 0;
            let list = if is_direct { &mut direct } else { &mut dynamic };
            list.push((self.method(&key), method.flags, *at));
        }
        statics.sort_unstable();
        instance.sort_unstable();
        direct.sort_unstable();
        dynamic.sort_unstable();
        let at = data.begin(0x2000, 1);
        for n in [statics.len(), instance.len(), direct.len(), dynamic.len()] {
            uleb(&mut data.bytes, n);
        }
        for fields in [statics, instance] {
            let mut last = 0;
            for (id, flags) in fields {
                uleb(&mut data.bytes, id - last);
                uleb(&mut data.bytes, flags as usize);
                last = id;
            }
        }
        for methods in [direct, dynamic] {
            let mut last = 0;
            for (id, flags, code_at) in methods {
                uleb(&mut data.bytes, id - last);
                uleb(&mut data.bytes, flags as usize);
                uleb(&mut data.bytes, code_at);
                last = id;
            }
        }
        at
    }

    fn code(&self, method: &Method, data: &mut Data) -> usize {
        let body = Assembler::of(self, method).run();
        let at = data.begin(0x2001, 4);
        put16(&mut data.bytes, method.n_registers);
        put16(&mut data.bytes, ins(method));
        put16(&mut data.bytes, 5);
        put16(&mut data.bytes, body.tries.len());
        put32(&mut data.bytes, 0);
        put32(&mut data.bytes, body.units.len());
        body.units
            .iter()
            .for_each(|unit| put16(&mut data.bytes, usize::from(*unit)));
        if !body.tries.is_empty() {
            if body.units.len() % 2 == 1 {
                put16(&mut data.bytes, 0);
            }
            let mut lists = Vec::new();
            uleb(&mut lists, body.tries.len());
            for (begin, end, handler, kind) in &body.tries {
                put32(&mut data.bytes, *begin);
                put16(&mut data.bytes, end - begin);
                put16(&mut data.bytes, lists.len());
                match kind {
                    Some(kind) => {
                        lists.push(1);
                        uleb(&mut lists, *kind);
                        uleb(&mut lists, *handler);
                    }
                    None => {
                        lists.push(0);
                        uleb(&mut lists, *handler);
                    }
                }
            }
            data.bytes.extend_from_slice(&lists);
        }
        at
    }
}

/// What comes behind the tables.
struct Data {
    base: usize,
    bytes: Vec<u8>,
    map: Vec<(u16, usize)>,
}

impl Data {
    fn begin(&mut self, kind: u16, align: usize) -> usize {
        while !(self.base + self.bytes.len()).is_multiple_of(align) {
            self.bytes.push(0);
        }
        let at = self.base + self.bytes.len();
        self.map.push((kind, at));
        at
    }

    fn string(&mut self, text: &str) -> usize {
        let at = self.begin(0x2002, 1);
        uleb(&mut self.bytes, units(text).len());
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        at
    }

    fn grouped(&self) -> Vec<(u16, usize, usize)> {
        let mut out: Vec<(u16, usize, usize)> = Vec::new();
        for (kind, at) in &self.map {
            match out.iter_mut().find(|(known, _, _)| known == kind) {
                Some(group) => group.1 += 1,
                None => out.push((*kind, 1, *at)),
            }
        }
        out
    }
}

fn header(out: &mut [u8], heads: &[(usize, usize)], map_at: usize, n_ids: usize) {
    let n_bytes = out.len();
    let mut set = |at: usize, value: usize| out[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
    set(32, n_bytes);
    set(36, 0x70);
    set(40, 0x1234_5678);
    set(52, map_at);
    for (n, (count, at)) in heads.iter().enumerate() {
        set(56 + n * 8, *count);
        set(60 + n * 8, *at);
    }
    set(104, n_bytes - n_ids);
    set(108, n_ids);
    out[..8].copy_from_slice(b"dex\n035\0");
}

fn put16(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(&(value as u16).to_le_bytes());
}

fn put32(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(&(value as u32).to_le_bytes());
}

fn uleb(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

/// One method while it is assembled.
struct Assembler<'w> {
    writer: &'w Writer,
    method: &'w Method,
    units: Vec<u16>,
    labels: BTreeMap<String, usize>,
    /// The unit of an instruction, the unit that holds its offset, the label, and whether it has 32 bits.
    jumps: Vec<(usize, usize, String, bool)>,
    catches: Vec<(String, String, String, Option<usize>)>,
}

struct Code {
    units: Vec<u16>,
    tries: Vec<(usize, usize, usize, Option<usize>)>,
}

impl<'w> Assembler<'w> {
    fn of(writer: &'w Writer, method: &'w Method) -> Self {
        Self {
            writer,
            method,
            units: Vec::new(),
            labels: BTreeMap::new(),
            jumps: Vec::new(),
            catches: Vec::new(),
        }
    }

    fn run(mut self) -> Code {
        let mut lines = self.method.lines.iter();
        while let Some(line) = lines.next() {
            if line.starts_with(':') {
                self.labels.insert(line.clone(), self.units.len());
            } else if line.starts_with(".array-data") {
                self.array(line, &mut lines);
            } else if line.starts_with(".catch") {
                self.catch(line);
            } else {
                self.one(line);
            }
        }
        for (at, place, label, is_long) in &self.jumps {
            let offset = self.labels[label] as i64 - *at as i64;
            if *is_long {
                self.units[*place] = offset as u32 as u16;
                self.units[*place + 1] = (offset as u32 >> 16) as u16;
            } else if *place == *at {
                self.units[*place] |= (offset as i8 as u8 as u16) << 8;
            } else {
                self.units[*place] = offset as i16 as u16;
            }
        }
        let label = |name: &String| self.labels[name];
        let tries = self
            .catches
            .iter()
            .map(|(b, e, h, kind)| (label(b), label(e), label(h), *kind))
            .collect();
        Code {
            units: self.units,
            tries,
        }
    }

    /// `.catch Lx/Y; {:begin .. :end} :handler`, or `.catchall {...} :handler`
    fn catch(&mut self, line: &str) {
        let kind = line.strip_prefix(".catch ").map(|rest| {
            let kind = rest.split_whitespace().next().expect("a type");
            self.writer.kind(kind)
        });
        let (span, handler) = line
            .split_once('{')
            .and_then(|(_, r)| r.split_once('}'))
            .expect("a span");
        let (begin, end) = span.split_once(" .. ").expect("two labels");
        self.catches
            .push((begin.into(), end.into(), handler.trim().into(), kind));
    }

    fn array<'l>(&mut self, line: &str, lines: &mut impl Iterator<Item = &'l String>) {
        let width: usize = line
            .split_whitespace()
            .last()
            .expect("a width")
            .parse()
            .expect("a number");
        // Data stands at even units; the label that was set moves with it.
        if self.units.len() % 2 == 1 {
            let here = self.units.len();
            self.labels
                .values_mut()
                .filter(|at| **at == here)
                .for_each(|at| *at += 1);
            self.units.push(0);
        }
        let mut bytes = Vec::new();
        let mut n_elements = 0usize;
        for line in lines {
            if line.starts_with(".end array-data") {
                break;
            }
            for word in line.split_whitespace() {
                let value = number(word.trim_end_matches(['t', 's']));
                bytes.extend_from_slice(&value.to_le_bytes()[..width]);
                n_elements += 1;
            }
        }
        if bytes.len() % 2 == 1 {
            bytes.push(0);
        }
        self.units
            .extend([0x0300, width as u16, n_elements as u16, (n_elements >> 16) as u16]);
        self.units
            .extend(bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
    }

    fn register(&self, name: &str) -> u16 {
        let n: usize = name[1..].parse().expect("a register");
        let first = self.method.n_registers - ins(self.method);
        (if name.starts_with('p') { first + n } else { n }) as u16
    }

    fn one(&mut self, line: &str) {
        let (op, rest) = line.split_once(' ').unwrap_or((line, ""));
        let parts: Vec<&str> = rest.split(", ").map(str::trim).collect();
        let at = self.units.len();
        let is_register = |part: &str| {
            part.starts_with(['v', 'p']) && part.len() > 1 && part[1..].bytes().all(|b| b.is_ascii_digit())
        };
        let listed: Vec<u16> = parts
            .iter()
            .map(|part| if is_register(part) { self.register(part) } else { 0 })
            .collect();
        let reg = |n: usize| listed[n];
        match op {
            "nop" => self.units.push(0),
            "move-result" => self.units.push(0x0a | reg(0) << 8),
            "move-result-wide" => self.units.push(0x0b | reg(0) << 8),
            "move-result-object" => self.units.push(0x0c | reg(0) << 8),
            "move-exception" => self.units.push(0x0d | reg(0) << 8),
            "return-void" => self.units.push(0x0e),
            "return" => self.units.push(0x0f | reg(0) << 8),
            "return-object" => self.units.push(0x11 | reg(0) << 8),
            "throw" => self.units.push(0x27 | reg(0) << 8),
            "move" => self.units.push(0x01 | reg(0) << 8 | reg(1) << 12),
            "move-object" => self.units.push(0x07 | reg(0) << 8 | reg(1) << 12),
            "const/4" => self
                .units
                .push(0x12 | reg(0) << 8 | (number(parts[1]) as u16 & 0xf) << 12),
            "const/16" => self.units.extend([0x13 | reg(0) << 8, number(parts[1]) as u16]),
            "const-wide/16" => self.units.extend([0x16 | reg(0) << 8, number(parts[1]) as u16]),
            "const-string" => {
                let text = self.writer.text(&quoted(line));
                self.units.extend([0x1a | reg(0) << 8, text as u16]);
            }
            "const-class" | "check-cast" | "new-instance" => {
                let code = match op {
                    "const-class" => 0x1c,
                    "check-cast" => 0x1f,
                    _ => 0x22,
                };
                self.units
                    .extend([code | reg(0) << 8, self.writer.kind(parts[1]) as u16]);
            }
            "new-array" | "instance-of" => {
                let code = if op == "new-array" { 0x23 } else { 0x20 };
                self.units.extend([
                    code | reg(0) << 8 | reg(1) << 12,
                    self.writer.kind(parts[2]) as u16,
                ]);
            }
            "array-length" => self.units.push(0x21 | reg(0) << 8 | reg(1) << 12),
            "fill-array-data" => {
                self.jumps.push((at, at + 1, parts[1].into(), true));
                self.units.extend([0x26 | reg(0) << 8, 0, 0]);
            }
            "goto" => {
                self.jumps.push((at, at, parts[0].into(), false));
                self.units.push(0x28);
            }
            "if-eqz" | "if-nez" => {
                self.jumps.push((at, at + 1, parts[1].into(), false));
                let code = if op == "if-eqz" { 0x38 } else { 0x39 };
                self.units.extend([code | reg(0) << 8, 0]);
            }
            "aput-byte" | "aput-object" => {
                let code = if op == "aput-byte" { 0x4f } else { 0x4d };
                self.units.extend([code | reg(0) << 8, reg(1) | reg(2) << 8]);
            }
            "iget-object" | "iput-object" | "iget" | "iput" => {
                let code = match op {
                    "iget" => 0x52,
                    "iget-object" => 0x54,
                    "iput" => 0x59,
                    _ => 0x5b,
                };
                let field = self.writer.field(&field_key(parts[2]));
                self.units
                    .extend([code | reg(0) << 8 | reg(1) << 12, field as u16]);
            }
            "sget-object" | "sput-object" => {
                let code = if op == "sget-object" { 0x62 } else { 0x69 };
                let field = self.writer.field(&field_key(parts[1]));
                self.units.extend([code | reg(0) << 8, field as u16]);
            }
            _ if op.starts_with("invoke-") => self.invoke(op, rest),
            _ => panic!("the assembler of the tests does not know `{line}`"),
        }
    }

    fn invoke(&mut self, op: &str, rest: &str) {
        let code = match op {
            "invoke-virtual" => 0x6e,
            "invoke-super" => 0x6f,
            "invoke-direct" => 0x70,
            "invoke-static" => 0x71,
            "invoke-interface" => 0x72,
            _ => panic!("the assembler of the tests does not know `{op}`"),
        };
        let (listed, target) = rest.split_once("}, ").expect("registers and a method");
        let listed: Vec<u16> = listed
            .trim_start_matches('{')
            .split(", ")
            .filter(|name| !name.is_empty())
            .map(|name| self.register(name))
            .collect();
        assert!(listed.len() <= 5 && listed.iter().all(|n| *n < 16), "{op} {rest}");
        let get = |n: usize| listed.get(n).copied().unwrap_or(0);
        let method = self.writer.method(&method_key(target)) as u16;
        self.units.extend([
            code | get(4) << 8 | (listed.len() as u16) << 12,
            method,
            get(0) | get(1) << 4 | get(2) << 8 | get(3) << 12,
        ]);
    }
}

fn number(text: &str) -> i64 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    sign * value.unwrap_or_else(|_| panic!("`{text}` is no number"))
}

//! The tables of a DEX file, and everything in its place.

use super::body::Assembler;
use super::*;

pub(super) struct Writer {
    strings: Vec<String>,
    types: Vec<String>,
    prototypes: Vec<(String, Vec<String>)>,
    fields: Vec<(String, String, String)>,
    methods: Vec<MethodKey>,
}

impl Writer {
    pub(super) fn of(classes: &[Class]) -> Self {
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

    pub(super) fn text(&self, text: &str) -> usize {
        self.strings
            .iter()
            .position(|s| s == text)
            .expect("a string of the table")
    }

    pub(super) fn kind(&self, kind: &str) -> usize {
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

    pub(super) fn method(&self, key: &MethodKey) -> usize {
        self.methods
            .iter()
            .position(|m| m == key)
            .expect("a method of the table")
    }

    pub(super) fn field(&self, key: &(String, String, String)) -> usize {
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

    pub(super) fn write(&self, classes: &[Class]) -> Vec<u8> {
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

//! A small assembler: the part of smali that the twins are written in, to DEX.
//!
//! Debian's assembler reads the same files in the conformance check; here they are built with a Rust compiler alone.

mod body;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use write::Writer;

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

//! The body of one method, instruction by instruction.

use super::write::Writer;
use super::*;

/// One method while it is assembled.
pub(super) struct Assembler<'w> {
    writer: &'w Writer,
    method: &'w Method,
    units: Vec<u16>,
    labels: BTreeMap<String, usize>,
    /// The unit of an instruction, the unit that holds its offset, the label, and whether it has 32 bits.
    jumps: Vec<(usize, usize, String, bool)>,
    catches: Vec<(String, String, String, Option<usize>)>,
}

pub(super) struct Code {
    pub(super) units: Vec<u16>,
    pub(super) tries: Vec<(usize, usize, usize, Option<usize>)>,
}

impl<'w> Assembler<'w> {
    pub(super) fn of(writer: &'w Writer, method: &'w Method) -> Self {
        Self {
            writer,
            method,
            units: Vec::new(),
            labels: BTreeMap::new(),
            jumps: Vec::new(),
            catches: Vec::new(),
        }
    }

    pub(super) fn run(mut self) -> Code {
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
            "const" => {
                let value = number(parts[1]) as u32;
                self.units
                    .extend([0x14 | reg(0) << 8, value as u16, (value >> 16) as u16]);
            }
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
            "aget-object" | "aput-byte" | "aput-object" => {
                let code = match op {
                    "aget-object" => 0x46,
                    "aput-byte" => 0x4f,
                    _ => 0x4d,
                };
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

//! A small data-flow: which constants and which kinds of data reach which call, within a method and through the
//! methods of the same class that it calls.
//!
//! It follows values, not conditions, and forgets rather than guesses: what two paths disagree about is unknown. A
//! method that costs more than its share is not followed to its end, and that is counted.

use super::code::{Body, Insn};
use super::fields::Fields;
use super::value::{Labels, Value, What, label};
use super::{Class, Dex, Members, Method, STATIC};
use crate::names::is_credential;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

/// Methods of the class that are followed one within the other.
const DEPTH: usize = 3;
/// Times that a block's beginning is computed anew, before it is left as it is.
const VISITS: u8 = 6;
/// Registers of all blocks of a method together.
const CELLS: usize = 1 << 20;

/// What a call of a known method does to values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// What it returns depends on what it is given.
    Plain,
    /// It returns data of these kinds.
    Gives(Labels),
    /// It returns them where its n-th argument is that text.
    GivesWhere(usize, &'static str, Labels),
    /// It returns what the address of its first argument names.
    Queries,
    /// It returns its n-th argument in another form.
    Same(usize),
    /// What it returns holds nothing but this.
    Clean(Labels),
    /// It puts its arguments into its receiver, and may return that.
    Joins,
    /// It writes data of these kinds into the arrays that it is given.
    Fills(Labels),
}

/// What is to be known of a method before it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interest {
    /// Whether some check looks at its calls.
    pub(crate) is_watched: bool,
    pub(crate) effect: Effect,
    /// Of the platform or the language, so that it leaves an array alone which it is not known to fill.
    pub(crate) is_platform: bool,
}

/// A call, with what is known of its arguments; the receiver is the first of them.
#[derive(Debug)]
pub(crate) struct Call<'c, 'b> {
    pub(crate) dex: &'c Dex<'b>,
    /// The method that it stands in, and where, in bytes of the method's code.
    pub(crate) method: u32,
    pub(crate) at: usize,
    /// From where that method was entered, outermost first.
    pub(crate) callers: &'c [(u32, usize)],
    pub(crate) callee: u32,
    pub(crate) args: &'c [Value],
}

/// What came of a class.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Followed {
    /// Methods that were not followed to their end.
    pub(crate) n_cut: usize,
    /// Steps that it took.
    pub(crate) n_steps: usize,
}

/// The data-flow of one class.
pub(crate) struct Flow<'d, 'b, 's> {
    dex: &'d Dex<'b>,
    interests: &'d [Interest],
    bodies: HashMap<u32, (Method, Body<'b>)>,
    fields: Fields,
    frozen: bool,
    steps_left: usize,
    n_cut: usize,
    callers: Vec<(u32, usize)>,
    returned: HashMap<(u32, Vec<Value>), Value>,
    emitted: HashSet<(u32, Vec<Value>)>,
    wide: RefCell<HashMap<u32, Rc<[bool]>>>,
    sink: &'s mut dyn FnMut(&Call<'_, 'b>),
}

/// A method while it is followed.
struct Frame {
    id: u32,
    returns: Option<Value>,
    /// What the last call returned.
    last: Value,
    emits: bool,
}

type States = BTreeMap<usize, (Vec<Value>, u8)>;

impl<'d, 'b, 's> Flow<'d, 'b, 's> {
    /// Follows every method of a class; `sink` sees each call once per way in which it is entered.
    pub(crate) fn class(
        dex: &'d Dex<'b>,
        interests: &'d [Interest],
        class: &Class,
        members: &Members,
        defined: &[(Method, Body<'b>)],
        steps: usize,
        sink: &'s mut dyn FnMut(&Call<'_, 'b>),
    ) -> Followed {
        let bodies = defined
            .iter()
            .map(|(method, body)| (method.id, (*method, body.clone())))
            .collect();
        let mut flow = Self {
            dex,
            interests,
            bodies,
            fields: Fields::of(dex, class, &members.statics),
            frozen: false,
            steps_left: steps,
            n_cut: 0,
            callers: Vec::new(),
            returned: HashMap::new(),
            emitted: HashSet::new(),
            wide: RefCell::default(),
            sink,
        };
        // Constructors first: what they write is what the others read.
        let mut order: Vec<u32> = members.methods.iter().map(|method| method.id).collect();
        order.sort_by_key(|id| (!dex.method_name(*id).starts_with(b"<"), *id));
        for emits in [false, true] {
            flow.frozen = emits;
            flow.returned.clear();
            for id in &order {
                flow.method(*id, None, emits);
            }
        }
        Followed {
            n_cut: flow.n_cut,
            n_steps: steps.saturating_sub(flow.steps_left),
        }
    }

    /// Follows a method with what it is given; where that is not known, with what its types tell.
    fn method(&mut self, id: u32, args: Option<&[Value]>, emits: bool) -> Value {
        let Some((method, body)) = self.bodies.get(&id).cloned() else {
            return Value::UNKNOWN;
        };
        let mut registers = vec![Value::UNKNOWN; body.n_registers];
        self.enter(&mut registers, &method, &body, args);
        let mut frame = Frame {
            id,
            returns: None,
            last: Value::UNKNOWN,
            emits: false,
        };
        let leaders = leaders(&body);
        if leaders.len().saturating_mul(body.n_registers + 1) > CELLS {
            self.n_cut += usize::from(emits);
            return Value::UNKNOWN;
        }
        let mut states: States = BTreeMap::from([(0, (registers, 0))]);
        let mut work = vec![0usize];
        while let Some(at) = work.pop() {
            let Some((registers, _)) = states.get(&at).cloned() else {
                continue;
            };
            if !self.block(
                at,
                registers,
                &body,
                &leaders,
                &mut frame,
                &mut Some((&mut states, &mut work)),
            ) {
                self.n_cut += usize::from(emits);
                return Value::UNKNOWN;
            }
        }
        if emits {
            frame.emits = true;
            for (at, (registers, _)) in states {
                self.block(at, registers, &body, &leaders, &mut frame, &mut None);
            }
        }
        frame.returns.unwrap_or(Value::UNKNOWN)
    }

    /// Puts parameters into the registers where they arrive.
    fn enter(&self, registers: &mut [Value], method: &Method, body: &Body<'_>, args: Option<&[Value]>) {
        let mut at = body.n_registers.saturating_sub(body.n_ins);
        let is_static = method.flags & STATIC != 0;
        let wide = self.wide(method.id);
        let mut put = |value: Value, n_registers: usize| {
            if let Some(register) = registers.get_mut(at) {
                *register = value;
            }
            at += n_registers;
        };
        let given = |n: usize| args.and_then(|args| args.get(n)).copied();
        if !is_static {
            put(given(0).unwrap_or(Value::UNKNOWN), 1);
        }
        let types = self.parameter_types(method.id);
        for (n, is_wide) in wide.iter().enumerate() {
            let by_type = types.get(n).map_or(Value::UNKNOWN, |kind| self.by_type(*kind));
            let value = given(n + usize::from(!is_static)).unwrap_or(by_type);
            put(value, if *is_wide { 2 } else { 1 });
        }
    }

    fn parameter_types(&self, id: u32) -> Vec<u32> {
        self.dex
            .method(id)
            .and_then(|method| self.dex.prototype(method.prototype))
            .map(|(types, _)| types)
            .unwrap_or_default()
    }

    /// What a parameter holds by its type alone.
    fn by_type(&self, kind: u32) -> Value {
        match self.dex.descriptor(kind) {
            b"Landroid/location/Location;" => Value::UNKNOWN.with(label::LOCATION),
            _ => Value::UNKNOWN,
        }
    }

    /// Which parameters take two registers.
    fn wide(&self, id: u32) -> Rc<[bool]> {
        let Some(method) = self.dex.method(id) else {
            return Rc::from([]);
        };
        if let Some(known) = self.wide.borrow().get(&method.prototype) {
            return Rc::clone(known);
        }
        let types = self.parameter_types(id);
        let wide: Rc<[bool]> = types
            .iter()
            .map(|kind| matches!(self.dex.descriptor(*kind), b"J" | b"D"))
            .collect();
        self.wide.borrow_mut().insert(method.prototype, Rc::clone(&wide));
        wide
    }

    /// Follows the instructions from a leader to the next one. False where the steps are used up.
    fn block(
        &mut self,
        begin: usize,
        mut registers: Vec<Value>,
        body: &Body<'b>,
        leaders: &[usize],
        frame: &mut Frame,
        next: &mut Option<(&mut States, &mut Vec<usize>)>,
    ) -> bool {
        let mut at = begin;
        frame.last = Value::UNKNOWN;
        while let Some(insn) = Insn::at(body.units, at) {
            // What an instruction costs grows with the registers and handlers that it may touch.
            let cost = match (insn.is_invoke(), insn.targets(body.units).0.len()) {
                (false, 0) if at != begin => 1,
                (_, n_targets) => 1 + (n_targets + 1) * registers.len() / 16 + body.handlers.len() / 8,
            };
            let Some(left) = self.steps_left.checked_sub(cost) else {
                return false;
            };
            self.steps_left = left;
            if let Some((states, work)) = next
                && (at == begin || insn.is_invoke())
            {
                for handler in body.handlers.iter().filter(|h| h.begin <= at && at < h.end) {
                    flow_to(states, work, handler.at, &registers);
                }
            }
            self.step(&insn, &mut registers, body, frame);
            let (targets, goes_on) = insn.targets(body.units);
            if let Some((states, work)) = next {
                for target in targets {
                    flow_to(states, work, target, &registers);
                }
            }
            at += insn.width();
            if !goes_on {
                return true;
            }
            if leaders.binary_search(&at).is_ok() {
                if let Some((states, work)) = next {
                    flow_to(states, work, at, &registers);
                }
                return true;
            }
        }
        true
    }

    fn step(&mut self, insn: &Insn<'b>, registers: &mut [Value], body: &Body<'b>, frame: &mut Frame) {
        let get = |registers: &[Value], n: usize| registers.get(n).copied().unwrap_or(Value::UNKNOWN);
        let low = usize::from(insn.unit(1) & 0xff);
        let high = usize::from(insn.unit(1) >> 8);
        let here = (frame.id, insn.at as u32);
        let (to, value) = match insn.op {
            0x01 | 0x04 | 0x07 | 0x7b..=0x8f => (insn.a(), get(registers, insn.b())),
            0x02 | 0x05 | 0x08 => (insn.aa(), get(registers, usize::from(insn.unit(1)))),
            0x03 | 0x06 | 0x09 => (
                usize::from(insn.unit(1)),
                get(registers, usize::from(insn.unit(2))),
            ),
            0x0a..=0x0c => (insn.aa(), frame.last),
            0x0d | 0x2d..=0x31 | 0xfe | 0xff => (insn.aa(), Value::UNKNOWN),
            0x0f..=0x11 => {
                let value = get(registers, insn.aa());
                frame.returns = Some(frame.returns.map_or(value, |known| known.join(value)));
                return;
            }
            0x12 => (insn.a(), int(i64::from(((insn.b() as u8) << 4) as i8 >> 4))),
            0x13 | 0x16 => (insn.aa(), int(i64::from(insn.unit(1) as i16))),
            0x14 | 0x17 => (insn.aa(), int(i64::from(insn.word() as i32))),
            0x15 => (insn.aa(), int(i64::from((u32::from(insn.unit(1)) << 16) as i32))),
            0x18 => {
                let upper = u64::from(insn.unit(3)) | u64::from(insn.unit(4)) << 16;
                (
                    insn.aa(),
                    int((u64::from(insn.word()) | upper << 32).cast_signed()),
                )
            }
            0x19 => (insn.aa(), int((u64::from(insn.unit(1)) << 48).cast_signed())),
            0x1a | 0x1b => {
                let text = insn.string().unwrap_or(super::NONE);
                (insn.aa(), Value::of(What::Text(text)))
            }
            0x1c => (insn.aa(), Value::of(What::Class(u32::from(insn.unit(1))))),
            0x20 => (insn.a(), Value::UNKNOWN),
            0x21 => {
                let length = match get(registers, insn.b()).what {
                    What::Constants { n_elements, .. } => int(i64::from(n_elements)),
                    _ => Value::UNKNOWN,
                };
                (insn.a(), length)
            }
            0x22 => {
                let kind = u32::from(insn.unit(1));
                (
                    insn.aa(),
                    Value::of(What::New {
                        method: here.0,
                        at: here.1,
                        kind,
                    }),
                )
            }
            0x23 => (insn.a(), new_array(here, get(registers, insn.b()))),
            0x24 | 0x25 => {
                frame.last = filled(here, registers, &insn.registers());
                return;
            }
            0x26 => (insn.aa(), fill(here, insn, body)),
            0x44..=0x4a => {
                let array = get(registers, low);
                (insn.aa(), Value::UNKNOWN.with(array.labels))
            }
            0x4b..=0x51 => {
                let (value, array) = (get(registers, insn.aa()), get(registers, low));
                put_element(registers, array, value);
                return;
            }
            0x52..=0x58 => {
                let object = get(registers, insn.b());
                (insn.a(), self.read(u32::from(insn.unit(1)), object.labels))
            }
            0x59..=0x5f => return self.write(u32::from(insn.unit(1)), get(registers, insn.a())),
            0x60..=0x66 => (insn.aa(), self.read(u32::from(insn.unit(1)), 0)),
            0x67..=0x6d => return self.write(u32::from(insn.unit(1)), get(registers, insn.aa())),
            0x90..=0xaf => (
                insn.aa(),
                arithmetic(insn.op - 0x90, get(registers, low), get(registers, high)),
            ),
            0xb0..=0xcf => (
                insn.a(),
                arithmetic(insn.op - 0xb0, get(registers, insn.a()), get(registers, insn.b())),
            ),
            0xd0..=0xd7 => {
                let literal = int(i64::from(insn.unit(1) as i16));
                (
                    insn.a(),
                    arithmetic(insn.op - 0xd0, get(registers, insn.b()), literal),
                )
            }
            0xd8..=0xe2 => {
                let literal = int(i64::from(high as u8 as i8));
                (
                    insn.aa(),
                    arithmetic(insn.op - 0xd8, get(registers, low), literal),
                )
            }
            0xfc | 0xfd => {
                let labels = insn
                    .registers()
                    .iter()
                    .fold(0, |all, n| all | get(registers, *n).labels);
                frame.last = Value::UNKNOWN.with(labels & !label::ENCRYPTED);
                return;
            }
            _ if insn.is_invoke() => return self.invoke(insn, registers, frame),
            _ => return,
        };
        if let Some(register) = registers.get_mut(to) {
            *register = value;
        }
    }

    fn read(&self, field: u32, labels: Labels) -> Value {
        let known = self.fields.get(field).unwrap_or(Value::of(What::Field(field)));
        let name = self.dex.field(field).map(|(_, name)| name).unwrap_or_default();
        let named = std::str::from_utf8(name).is_ok_and(is_credential);
        let more = if named && !known.is_constant() && !known.has(label::ENCRYPTED) {
            label::CREDENTIAL
        } else {
            0
        };
        known.with(labels & !label::ENCRYPTED | more)
    }

    fn write(&mut self, field: u32, value: Value) {
        if !self.frozen {
            self.fields.put(field, value);
        }
    }

    fn invoke(&mut self, insn: &Insn<'b>, registers: &mut [Value], frame: &mut Frame) {
        let callee = u32::from(insn.unit(1));
        let args = self.arguments(insn, callee, registers);
        let interest = self.interests.get(callee as usize).copied().unwrap_or(Interest {
            is_watched: false,
            effect: Effect::Plain,
            is_platform: false,
        });
        if frame.emits {
            let call = Call {
                dex: self.dex,
                method: frame.id,
                at: insn.at * 2,
                callers: &self.callers,
                callee,
                args: &args,
            };
            (self.sink)(&call);
        }
        let result = Value::of(What::Result {
            method: frame.id,
            at: insn.at as u32,
            callee,
        });
        frame.last = if self.bodies.contains_key(&callee) && self.callers.len() < DEPTH {
            self.within(callee, insn, &args, frame)
        } else {
            let is_static = insn.is_static_invoke();
            self.apply(interest, callee, is_static, result, &args, registers)
        };
    }

    /// What a call of a method elsewhere returns, and what it does to the registers.
    fn apply(
        &self,
        interest: Interest,
        callee: u32,
        is_static: bool,
        result: Value,
        args: &[Value],
        registers: &mut [Value],
    ) -> Value {
        let all = merged(args.iter().copied());
        let receiver = args.first().copied().unwrap_or(Value::UNKNOWN);
        match interest.effect {
            Effect::Gives(labels) => result.with(self.drawn(labels, receiver, is_static)),
            Effect::GivesWhere(n, text, labels) => match args.get(n).map(|value| value.what) {
                Some(What::Text(n)) if self.dex.raw(n) == Some(text.as_bytes()) => result.with(labels),
                _ => result,
            },
            Effect::Queries => result.with(self.queried(args)),
            Effect::Same(n) => args.get(n).copied().unwrap_or(result),
            Effect::Clean(labels) => {
                mutate(registers, args, interest.is_platform, 0);
                retag(registers, receiver, |value| value.with(labels));
                result.with(labels)
            }
            Effect::Joins => {
                let joined = all | self.joined(args);
                retag(registers, receiver, |value| value.with(joined));
                receiver.with(joined)
            }
            Effect::Fills(labels) => {
                mutate(registers, args, false, self.drawn(labels, receiver, is_static));
                result
            }
            Effect::Plain if interest.is_platform => result.with(all),
            Effect::Plain => {
                mutate(registers, args, false, 0);
                // A method of somebody else's: what it makes of its arguments is not known, of its receiver it tells.
                let from = if is_static {
                    0
                } else {
                    receiver.labels & !label::ENCRYPTED
                };
                result.with(from | self.told_by_name(callee))
            }
        }
    }

    /// A generator is predictable only where it is seen to be one: a variable of that type may hold a better one.
    fn drawn(&self, labels: Labels, receiver: Value, is_static: bool) -> Labels {
        let is_plain = match receiver.what {
            What::New { kind, .. } => self.dex.descriptor(kind) == b"Ljava/util/Random;",
            _ => false,
        };
        if is_static || is_plain {
            labels
        } else {
            labels & !label::PREDICTABLE
        }
    }

    /// What a query of the platform's stores returns, by the constant that names the store.
    fn queried(&self, args: &[Value]) -> Labels {
        let Some(What::Field(field)) = args.get(1).map(|value| value.what) else {
            return 0;
        };
        let class = self
            .dex
            .field(field)
            .map(|(class, _)| self.dex.descriptor(class))
            .unwrap_or_default();
        let begins = |begin: &str| class.starts_with(begin.as_bytes());
        if begins("Landroid/provider/ContactsContract") {
            label::CONTACTS
        } else if begins("Landroid/provider/Telephony") || begins("Landroid/provider/CallLog") {
            label::MESSAGES
        } else if begins("Landroid/provider/CalendarContract") {
            label::CALENDAR
        } else {
            0
        }
    }

    /// `getPassword` of a class of the app's own gives what its name says.
    fn told_by_name(&self, callee: u32) -> Labels {
        let name = std::str::from_utf8(self.dex.method_name(callee)).unwrap_or_default();
        match name.strip_prefix("get") {
            Some(what) if is_credential(what) => label::CREDENTIAL,
            _ => 0,
        }
    }

    /// What becomes of texts that are joined: an address, and what stands in it under a telling name.
    fn joined(&self, args: &[Value]) -> Labels {
        let mut labels = 0;
        let mut is_named = false;
        for value in args.iter().skip(1) {
            let What::Text(n) = value.what else {
                let hidden = value.has(label::ENCRYPTED);
                labels |= if value.is_constant() { 0 } else { label::JOINED };
                labels |= if is_named && !hidden && !value.is_constant() {
                    label::CREDENTIAL
                } else {
                    0
                };
                continue;
            };
            let text = self.dex.string(n).unwrap_or_default();
            if text.starts_with("http://") {
                labels |= label::PLAIN_ADDRESS;
            }
            if text.contains(['?', '&']) && text.contains('=') {
                labels |= label::ADDRESS;
            }
            let name = text.trim_end_matches(['=', ' ', ':']);
            let name = name.rsplit(['?', '&', ' ']).next().unwrap_or(name);
            if is_credential(name) {
                is_named = true;
                labels |= if text.ends_with('=') { label::CREDENTIAL } else { 0 };
            }
        }
        labels
    }

    /// Follows a method of the same class with what it is given here.
    fn within(&mut self, callee: u32, insn: &Insn<'b>, args: &[Value], frame: &Frame) -> Value {
        let key = (callee, args.to_vec());
        let tells = args.iter().any(|value| *value != Value::UNKNOWN);
        let emits = frame.emits && tells && self.emitted.insert(key.clone());
        if !emits && let Some(known) = self.returned.get(&key) {
            return *known;
        }
        if self.callers.iter().any(|(id, _)| *id == callee) || frame.id == callee {
            return Value::UNKNOWN;
        }
        self.callers.push((frame.id, insn.at * 2));
        let value = self.method(callee, Some(args), emits);
        self.callers.pop();
        self.returned.insert(key, value);
        value
    }

    /// The arguments as they are counted in the source: a long takes one place.
    fn arguments(&self, insn: &Insn<'b>, callee: u32, registers: &[Value]) -> Vec<Value> {
        let listed = insn.registers();
        let wide = self.wide(callee);
        let mut args = Vec::with_capacity(listed.len());
        let mut at = 0;
        let mut take = |n_registers: usize| {
            let value = listed.get(at).and_then(|n| registers.get(*n)).copied();
            at += n_registers;
            value.unwrap_or(Value::UNKNOWN)
        };
        if !insn.is_static_invoke() {
            args.push(take(1));
        }
        for is_wide in wide.iter() {
            args.push(take(if *is_wide { 2 } else { 1 }));
        }
        args
    }
}

/// What several values together hold: encrypted only where nothing sensitive stands beside it.
fn merged(values: impl Iterator<Item = Value>) -> Labels {
    let all = values.fold(0, |all, value| all | value.labels);
    if all & label::SENSITIVE == 0 {
        all
    } else {
        all & !label::ENCRYPTED
    }
}

/// The units at which a block begins, in their order.
fn leaders(body: &Body<'_>) -> Vec<usize> {
    let mut leaders = vec![0];
    for insn in body.insns() {
        let (targets, goes_on) = insn.targets(body.units);
        if !targets.is_empty() || !goes_on {
            leaders.extend(targets);
            leaders.push(insn.at + insn.width());
        }
    }
    leaders.extend(body.handlers.iter().map(|handler| handler.at));
    leaders.retain(|at| *at < body.n_units());
    leaders.sort_unstable();
    leaders.dedup();
    leaders
}

/// Joins what is known into the beginning of a block, and queues it where that changed.
fn flow_to(states: &mut States, work: &mut Vec<usize>, target: usize, registers: &[Value]) {
    let Some((known, n_visits)) = states.get_mut(&target) else {
        states.insert(target, (registers.to_vec(), 1));
        work.push(target);
        return;
    };
    let mut changed = false;
    for (known, new) in known.iter_mut().zip(registers) {
        let mut joined = known.join(*new);
        // What still changes after so many times is not known.
        if joined != *known && *n_visits >= VISITS {
            joined.what = What::Unknown;
        }
        changed |= joined != *known;
        *known = joined;
    }
    if changed {
        *n_visits = n_visits.saturating_add(1);
        work.push(target);
    }
}

const fn int(value: i64) -> Value {
    Value::of(What::Int(value))
}

/// Sums and bits of constants; whatever else is computed is not known.
fn arithmetic(op: u8, left: Value, right: Value) -> Value {
    let labels = (left.labels | right.labels) & !label::ENCRYPTED;
    let what = match (left.what, right.what, op) {
        (What::Int(a), What::Int(b), 0) => What::Int(a.wrapping_add(b)),
        (What::Int(a), What::Int(b), 5) => What::Int(a & b),
        (What::Int(a), What::Int(b), 6) => What::Int(a | b),
        _ => What::Unknown,
    };
    Value { what, labels }
}

fn constants((method, at): (u32, u32), n_elements: u32) -> Value {
    Value::of(What::Constants {
        method,
        at,
        n_elements,
    })
}

/// An array of zeros is one of constants.
fn new_array(here: (u32, u32), size: Value) -> Value {
    match size.what {
        What::Int(n) => constants(here, u32::try_from(n).unwrap_or(0)),
        _ => Value::UNKNOWN,
    }
}

fn filled(here: (u32, u32), registers: &[Value], listed: &[usize]) -> Value {
    let values = || listed.iter().filter_map(|n| registers.get(*n));
    let labels = values().fold(0, |all, value| all | value.labels);
    if values().all(|value| value.is_constant()) {
        constants(here, listed.len() as u32)
    } else {
        Value::UNKNOWN.with(labels & !label::ENCRYPTED)
    }
}

fn fill(here: (u32, u32), insn: &Insn<'_>, body: &Body<'_>) -> Value {
    let at = i64::try_from(insn.at).unwrap_or(0) + i64::from(insn.word() as i32);
    let data = usize::try_from(at).ok().and_then(|at| Insn::at(body.units, at));
    let n_elements = data.map_or(0, |data| u32::from(data.unit(2)) | u32::from(data.unit(3)) << 16);
    constants(here, n_elements)
}

fn put_element(registers: &mut [Value], array: Value, value: Value) {
    let is_constant = value.is_constant();
    retag(registers, array, |mut known| {
        if !is_constant && matches!(known.what, What::Constants { .. }) {
            known.what = What::Unknown;
        }
        known.with(value.labels & !label::ENCRYPTED)
    });
}

/// What a call leaves of the arrays that it was given.
fn mutate(registers: &mut [Value], args: &[Value], leaves_alone: bool, labels: Labels) {
    if leaves_alone {
        return;
    }
    for array in args
        .iter()
        .filter(|value| matches!(value.what, What::Constants { .. }))
    {
        retag(registers, *array, |_| Value::UNKNOWN.with(labels));
    }
}

/// Changes every register that holds the same object.
fn retag(registers: &mut [Value], object: Value, change: impl Fn(Value) -> Value) {
    if matches!(object.what, What::Unknown | What::Int(_) | What::Text(_)) {
        return;
    }
    for register in registers
        .iter_mut()
        .filter(|register| register.what == object.what)
    {
        *register = change(*register);
    }
}

//! What calls do: the platform's by their names, those of the same class by following them.

use super::arrays::{mutate, retag};
use super::texts::Text;
use super::{Call, DEPTH, Effect, Flow, Frame, Interest};
use crate::dex::code::Insn;
use crate::dex::value::{Labels, Value, What, label};
use crate::names::is_credential;

impl<'b> Flow<'_, 'b, '_> {
    pub(super) fn invoke(&mut self, insn: &Insn<'b>, registers: &mut [Value], frame: &mut Frame) {
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
                made: &self.made,
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
            let made = self.texts(callee, &args);
            let mut last = self.apply(interest, callee, is_static, result, &args, registers);
            match made {
                Some(Text::Returned(what)) => last.what = what,
                Some(Text::Receiver(what)) => {
                    let receiver = args.first().copied().unwrap_or(Value::UNKNOWN);
                    retag(registers, receiver, |value| Value { what, ..value });
                    last.what = what;
                }
                None => {}
            }
            last
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
            let Some(text) = self.text(*value) else {
                let hidden = value.has(label::ENCRYPTED);
                labels |= if value.is_constant() { 0 } else { label::JOINED };
                labels |= if is_named && !hidden && !value.is_constant() {
                    label::CREDENTIAL
                } else {
                    0
                };
                continue;
            };
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

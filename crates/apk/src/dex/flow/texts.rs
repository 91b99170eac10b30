//! Texts that a program puts together from constants while it runs: joined by a builder, turned around, or decoded.
//! Whoever has the package has them as well as if they stood in it.

use super::Flow;
use crate::dex::value::{Value, What};
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

/// Bytes of one text that is put together, and of all that one class puts together.
const LONGEST: usize = 4_096;
const ALL: usize = 1 << 20;

/// The texts that were put together while a class was followed, by number.
#[derive(Debug, Default)]
pub(crate) struct Made(RefCell<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    texts: Vec<String>,
    numbers: HashMap<String, u32>,
    n_bytes: usize,
}

impl Made {
    fn keep(&self, text: String) -> Option<u32> {
        let mut shelf = self.0.borrow_mut();
        if let Some(n) = shelf.numbers.get(&text) {
            return Some(*n);
        }
        if text.len() > LONGEST || shelf.n_bytes + text.len() > ALL {
            return None;
        }
        let n = u32::try_from(shelf.texts.len()).ok()?;
        shelf.n_bytes += text.len() + 64;
        shelf.numbers.insert(text.clone(), n);
        shelf.texts.push(text);
        Some(n)
    }

    pub(crate) fn get(&self, n: u32) -> Option<String> {
        self.0.borrow().texts.get(n as usize).cloned()
    }
}

/// What a call makes of the texts that it is given.
pub(super) enum Text {
    /// Its receiver holds this from now on.
    Receiver(What),
    /// It returns this.
    Returned(What),
}

impl<'b> Flow<'_, 'b, '_> {
    /// The text of a value, where it is a constant or was put together from constants.
    pub(super) fn text(&self, value: Value) -> Option<Cow<'b, str>> {
        match value.what {
            What::Text(n) => self.dex.string(n),
            What::Made(n) => self.made.get(n).map(Cow::Owned),
            _ => None,
        }
    }

    fn make(&self, text: String) -> What {
        self.made.keep(text).map_or(What::Unknown, What::Made)
    }

    /// What a call does where it is one that puts texts together.
    pub(super) fn texts(&self, callee: u32, args: &[Value]) -> Option<Text> {
        let method = self.dex.method(callee)?;
        let name = self.dex.method_name(callee);
        if let (b"getString" | b"getText", [_, id]) = (name, args) {
            return self.resource(*id);
        }
        match self.dex.descriptor(method.class) {
            b"Ljava/lang/StringBuilder;" | b"Ljava/lang/StringBuffer;" => self.builder(name, callee, args),
            b"Ljava/lang/String;" => self.string(name, args),
            b"Lkotlin/jvm/internal/Intrinsics;" if name == b"stringPlus" => self.joined_texts(args),
            b"Landroid/util/Base64;" if name == b"decode" => self.decoded(args.first()),
            b"Ljava/util/Base64$Decoder;" if name == b"decode" => self.decoded(args.get(1)),
            _ => None,
        }
    }

    /// The text of the package's resources that a number names, whoever is asked for it: their numbers are no others'.
    fn resource(&self, id: Value) -> Option<Text> {
        let What::Int(id) = id.what else { return None };
        let text = self.texts.get(u32::try_from(id).ok()?)?;
        Some(Text::Returned(self.make(text.to_owned())))
    }

    fn builder(&self, name: &[u8], callee: u32, args: &[Value]) -> Option<Text> {
        let receiver = args.first()?;
        if let (b"<init>", What::New { method, at, kind }) = (name, receiver.what) {
            let begin = match args.get(1) {
                None => String::new(),
                Some(value) => self.text(*value)?.into_owned(),
            };
            let text = self.made.keep(begin)?;
            return Some(Text::Receiver(What::Builder {
                method,
                at,
                kind,
                text,
            }));
        }
        let What::Builder {
            method,
            at,
            kind,
            text,
        } = receiver.what
        else {
            return None;
        };
        let known = self.made.get(text)?;
        let more = match name {
            b"toString" => return Some(Text::Returned(self.make(known))),
            b"append" => self.appended(callee, args).map(|more| known + &more),
            b"reverse" => Some(known.chars().rev().collect()),
            b"length" | b"charAt" | b"indexOf" | b"ensureCapacity" => return None,
            _ => None,
        };
        let text = more.and_then(|text| self.made.keep(text));
        // What else is put into it is not known, and so neither is the whole.
        let what = text.map_or(What::New { method, at, kind }, |text| What::Builder {
            method,
            at,
            kind,
            text,
        });
        Some(Text::Receiver(what))
    }

    /// What `append` adds: a text, or a number as its type writes it.
    fn appended(&self, callee: u32, args: &[Value]) -> Option<String> {
        let value = args.get(1).filter(|_| args.len() == 2)?;
        if let Some(text) = self.text(*value) {
            return Some(text.into_owned());
        }
        let What::Int(number) = value.what else {
            return None;
        };
        let kind = self.parameter_types(callee).first().copied()?;
        match self.dex.descriptor(kind) {
            b"C" => char::from_u32(u32::try_from(number).ok()?).map(String::from),
            b"I" | b"J" => Some(number.to_string()),
            _ => None,
        }
    }

    fn string(&self, name: &[u8], args: &[Value]) -> Option<Text> {
        match (name, args) {
            (b"concat", [_, _]) => self.joined_texts(args),
            // `new String(bytes, …)` of a text whose bytes were taken or decoded.
            (b"<init>", [_, value, ..]) => self.text(*value).map(|_| Text::Receiver(value.what)),
            _ => None,
        }
    }

    fn joined_texts(&self, args: &[Value]) -> Option<Text> {
        let [left, right] = args else { return None };
        let whole = self.text(*left)?.into_owned() + &self.text(*right)?;
        Some(Text::Returned(self.make(whole)))
    }

    /// A constant in base 64 that holds a text. Bytes that are none stay what they were.
    fn decoded(&self, value: Option<&Value>) -> Option<Text> {
        let text = self.text(*value?)?;
        let plain: String = text
            .chars()
            .filter(|c| !c.is_ascii_whitespace())
            .map(|c| match c {
                '-' => '+',
                '_' => '/',
                c => c,
            })
            .collect();
        let bytes = LENIENT.decode(plain).ok().filter(|bytes| bytes.len() >= 4)?;
        let decoded = String::from_utf8(bytes).ok()?;
        let is_text = !decoded
            .chars()
            .any(|c| c.is_control() && !c.is_ascii_whitespace());
        is_text.then(|| Text::Returned(self.make(decoded)))
    }
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

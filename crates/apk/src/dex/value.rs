//! What the data-flow knows of a register: where its value comes from, and what is in it.

/// Kinds of data that a value may hold, as bits.
pub(crate) type Labels = u32;

/// The bits, each with the words that a person reads.
pub(crate) mod label {
    use super::Labels;

    pub(crate) const LOCATION: Labels = 1;
    pub(crate) const DEVICE_ID: Labels = 1 << 1;
    pub(crate) const ADVERTISING_ID: Labels = 1 << 2;
    pub(crate) const CONTACTS: Labels = 1 << 3;
    pub(crate) const MESSAGES: Labels = 1 << 4;
    pub(crate) const PHONE_NUMBER: Labels = 1 << 5;
    pub(crate) const ACCOUNTS: Labels = 1 << 6;
    pub(crate) const CREDENTIAL: Labels = 1 << 7;
    pub(crate) const CALENDAR: Labels = 1 << 8;
    /// What is read from outside: extras and addresses that another app hands over.
    pub(crate) const HANDED_IN: Labels = 1 << 9;
    /// A path or stream on storage that others can read or write.
    pub(crate) const SHARED_PATH: Labels = 1 << 10;
    /// Drawn from a generator that can be predicted.
    pub(crate) const PREDICTABLE: Labels = 1 << 11;
    /// What a cipher or the platform's encrypted storage returned.
    pub(crate) const ENCRYPTED: Labels = 1 << 12;
    /// A text that began as `http://`.
    pub(crate) const PLAIN_ADDRESS: Labels = 1 << 13;
    /// Joined from parts of which one is not a constant.
    pub(crate) const JOINED: Labels = 1 << 14;
    /// Joined by `?`, `&` or `=`: what follows stands in an address.
    pub(crate) const ADDRESS: Labels = 1 << 15;
    /// A path in the app's own folder on shared storage, which others reach before Android 11 only.
    pub(crate) const OWN_SHARED_PATH: Labels = 1 << 16;

    /// Data of persons.
    pub(crate) const PERSONAL: Labels =
        LOCATION | DEVICE_ID | ADVERTISING_ID | CONTACTS | MESSAGES | PHONE_NUMBER | ACCOUNTS | CALENDAR;
    pub(crate) const SENSITIVE: Labels = PERSONAL | CREDENTIAL;

    const WORDS: &[(Labels, &str)] = &[
        (LOCATION, "location"),
        (DEVICE_ID, "device identifier"),
        (ADVERTISING_ID, "advertising identifier"),
        (CONTACTS, "contacts"),
        (MESSAGES, "messages"),
        (PHONE_NUMBER, "phone number"),
        (ACCOUNTS, "accounts"),
        (CREDENTIAL, "credential"),
        (CALENDAR, "calendar"),
    ];

    /// The words of the kinds of data among these bits.
    pub(crate) fn words(labels: Labels) -> String {
        let named: Vec<&str> = WORDS
            .iter()
            .filter(|(bit, _)| labels & bit != 0)
            .map(|(_, word)| *word)
            .collect();
        named.join(", ")
    }
}

/// Where a value comes from. Numbers are those of one DEX file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Unknown,
    Int(i64),
    Text(u32),
    /// A text that was put together from constants while the class was followed.
    Made(u32),
    /// What builds a text, made at that place, with what it holds so far.
    Builder {
        method: u32,
        at: u32,
        kind: u32,
        text: u32,
    },
    Class(u32),
    /// An array whose every element is a constant of the program, made at that place.
    Constants {
        method: u32,
        at: u32,
        n_elements: u32,
    },
    /// An object of that type, made at that place.
    New {
        method: u32,
        at: u32,
        kind: u32,
    },
    /// What a call at that place returned.
    Result {
        method: u32,
        at: u32,
        callee: u32,
    },
    /// A field of another class.
    Field(u32),
}

impl What {
    /// The object without what it holds: a builder goes on as one where its text is not known any more.
    pub(crate) const fn object(self) -> Option<Self> {
        match self {
            Self::New { method, at, kind } | Self::Builder { method, at, kind, .. } => {
                Some(Self::New { method, at, kind })
            }
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Value {
    pub(crate) what: What,
    pub(crate) labels: Labels,
}

impl Value {
    pub(crate) const UNKNOWN: Self = Self::of(What::Unknown);

    pub(crate) const fn of(what: What) -> Self {
        Self { what, labels: 0 }
    }

    pub(crate) const fn with(mut self, labels: Labels) -> Self {
        self.labels |= labels;
        self
    }

    pub(crate) const fn has(self, labels: Labels) -> bool {
        self.labels & labels != 0
    }

    /// Whether whoever has the package has the value.
    pub(crate) const fn is_constant(self) -> bool {
        matches!(
            self.what,
            What::Text(_) | What::Made(_) | What::Int(_) | What::Constants { .. }
        )
    }

    /// What holds where two paths meet.
    pub(crate) fn join(self, other: Self) -> Self {
        let what = if self.what == other.what {
            self.what
        } else if let (Some(object), true) = (self.what.object(), self.what.object() == other.what.object()) {
            object
        } else {
            What::Unknown
        };
        // What only one path encrypted is not encrypted.
        let both = self.labels & other.labels & label::ENCRYPTED;
        let either = (self.labels | other.labels) & !label::ENCRYPTED;
        Self {
            what,
            labels: either | both,
        }
    }
}

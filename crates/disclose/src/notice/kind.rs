//! The notices that there are, each with its template and the duty to keep it true.

use std::fmt;

/// Which text, to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// To a supervisory authority, with the fields of GDPR Art. 33(3).
    Authority,
    /// To one person.
    Letter,
    /// To everybody.
    Public,
    /// Questions and answers for those who ask.
    Faq,
    /// Form 8-K, Item 1.05.
    Sec8k,
    /// From a processor to its controller, GDPR Art. 33(2).
    Controller,
    /// The entry of the internal register, GDPR Art. 33(5).
    Register,
}

impl NoticeKind {
    pub const ALL: &'static [Self] = &[
        Self::Authority,
        Self::Letter,
        Self::Public,
        Self::Faq,
        Self::Sec8k,
        Self::Controller,
        Self::Register,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Letter => "letter",
            Self::Public => "public",
            Self::Faq => "faq",
            Self::Sec8k => "sec-8k",
            Self::Controller => "controller",
            Self::Register => "register",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == text)
    }

    /// The template that comes with the program.
    #[must_use]
    pub const fn template(self) -> &'static str {
        match self {
            Self::Authority => include_str!("templates/authority.txt"),
            Self::Letter => include_str!("templates/letter.txt"),
            Self::Public => include_str!("templates/public.txt"),
            Self::Faq => include_str!("templates/faq.txt"),
            Self::Sec8k => include_str!("templates/sec-8k.txt"),
            Self::Controller => include_str!("templates/controller.txt"),
            Self::Register => include_str!("templates/register.txt"),
        }
    }

    /// Whether people outside read it, to whom names of systems say nothing.
    #[must_use]
    pub const fn is_for_the_public(self) -> bool {
        matches!(self, Self::Letter | Self::Public | Self::Faq | Self::Sec8k)
    }

    /// What has to be done where what was issued is no longer so.
    #[must_use]
    pub const fn when_stale(self) -> &'static str {
        match self {
            Self::Authority => {
                "give the authority the further information, in phases and without undue further delay (GDPR Art. 33(4))"
            }
            Self::Letter => "tell the person what changed, and do it before others learn of it",
            Self::Public | Self::Faq => "publish the correction where the statement stands, with its date",
            Self::Sec8k => {
                "file an amendment on Form 8-K/A with what was not determined or not available (Form 8-K Item 1.05, Instruction 2)"
            }
            Self::Controller => "tell the controller, whose own notice rests on it",
            Self::Register => "write a further entry; the earlier one stays",
        }
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

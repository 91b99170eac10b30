//! What a person decided: whether disclosure is warranted, signed with a reason. The program assesses; it never decides.

use crate::warranted::{Assessment, Decision, Risk};
use ambit_event::Timestamp;

/// A decision that stands in the case's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The entry that holds it.
    pub entry: String,
    pub by: String,
    pub at: Timestamp,
    pub risk: Risk,
    pub reason: String,
    /// The content root of the scope that it was made on; `None` where there was no scope.
    pub content_root: Option<String>,
    /// The number of persons as it stood then, as it was told.
    pub persons: Option<String>,
}

impl Decided {
    /// Whether an authority is to be told, by the risk that was decided.
    #[must_use]
    pub fn tells_authority(&self) -> bool {
        self.risk >= Risk::Likely
    }

    /// Whether the persons are to be told.
    #[must_use]
    pub fn tells_persons(&self) -> bool {
        self.risk >= Risk::High
    }

    /// Where the assessment would say otherwise: it stands beside the decision, with the reason that was given.
    #[must_use]
    pub fn departs(&self, assessment: &Assessment) -> Option<String> {
        let differs = |decided: bool, assessed: Decision| match assessed {
            Decision::Yes => !decided,
            Decision::No => decided,
            Decision::Depends => false,
        };
        let authority = differs(self.tells_authority(), assessment.notify_authority);
        let persons = differs(self.tells_persons(), assessment.tell_persons);
        (authority || persons).then(|| {
            format!(
                "the factors lead to a risk that is {}; {} decided {}: {}",
                between(assessment),
                self.by,
                self.risk.name(),
                self.reason
            )
        })
    }

    /// Why it has to be looked at again, where the scope is another one now.
    #[must_use]
    pub fn outdated(&self, content_root: Option<&str>, persons: Option<&str>) -> Option<String> {
        if self.content_root.as_deref() == content_root && self.persons.as_deref() == persons {
            return None;
        }
        let told = |persons: Option<&str>| persons.unwrap_or("unknown").to_owned();
        Some(format!(
            "it was made when the persons affected were {}; now they are {}",
            told(self.persons.as_deref()),
            told(persons)
        ))
    }
}

/// `high`, or `unlikely to high`.
pub fn between(assessment: &Assessment) -> String {
    let (least, most) = (assessment.at_least.name(), assessment.at_most.name());
    if least == most {
        least.to_owned()
    } else {
        format!("{least} to {most}")
    }
}

//! The truth values that a condition can have had. Three-valued logic is PostgreSQL's.

/// The truth values that a condition can have had for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Truths {
    yes: bool,
    no: bool,
    null: bool,
}

impl Truths {
    pub(super) const YES: Self = Self {
        yes: true,
        no: false,
        null: false,
    };
    pub(super) const NO: Self = Self {
        yes: false,
        no: true,
        null: false,
    };
    pub(super) const NULL: Self = Self {
        yes: false,
        no: false,
        null: true,
    };
    pub(super) const EITHER: Self = Self {
        yes: true,
        no: true,
        null: false,
    };
    pub(super) const ANY: Self = Self {
        yes: true,
        no: true,
        null: true,
    };

    /// Neither true: what is compared may be absent, and is surely no equal.
    pub(super) const NEVER: Self = Self {
        yes: false,
        no: true,
        null: true,
    };

    /// The row can have matched.
    pub(crate) const fn possible(self) -> bool {
        self.yes
    }

    /// The row surely matched.
    pub(crate) const fn certain(self) -> bool {
        self.yes && !self.no && !self.null
    }

    pub(super) const fn of(truth: bool) -> Self {
        if truth { Self::YES } else { Self::NO }
    }

    pub(super) const fn or_either(self, doubtful: bool) -> Self {
        if doubtful { Self::EITHER } else { self }
    }

    /// The same, or no value at all.
    pub(super) const fn or_null(self) -> Self {
        Self { null: true, ..self }
    }

    pub(super) const fn not(self) -> Self {
        Self {
            yes: self.no,
            no: self.yes,
            null: self.null,
        }
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            yes: self.yes && other.yes,
            no: self.no || other.no,
            null: (self.null && (other.yes || other.null)) || (other.null && (self.yes || self.null)),
        }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}

//! The members of one group: folded once nothing earlier can come, and folded anew where something did.

use super::fold::{Fold, Out, Stamp, Verdict};
use ambit_event::{FindingId, Level, Timestamp};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Members that wait for earlier ones; of more, the earliest are folded before their time.
const MOST_PENDING: usize = 4096;
/// A group that took in so few members folds them anew for each that comes, and keeps them once only.
const FEW: u8 = 4;

/// One change of what is concluded over a group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Raised(Told, Verdict),
    /// In place of the first, which was told, the second.
    Corrected(Told, Told, Verdict),
    Withdrawn(Told),
}

/// A verdict that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub anchor: Stamp,
    pub id: FindingId,
    level: Option<Level>,
    /// All else that it says, as a hash.
    sense: u64,
}

impl Told {
    fn of<F: Fold>(hand: &Hand<'_, F>, verdict: &Verdict) -> Self {
        let mut sense = DefaultHasher::new();
        let Verdict {
            n_events,
            until,
            level,
            because,
            who,
            attack,
            ..
        } = verdict;
        (n_events, until, level, because, &who.actor, attack).hash(&mut sense);
        Self {
            anchor: verdict.anchor,
            id: id_of(hand.rule, hand.key, verdict),
            level: verdict.level,
            sense: sense.finish(),
        }
    }
}

/// What became of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    New,
    /// It is there already.
    Again,
    TooLate,
}

/// What is needed to take something in.
pub(crate) struct Hand<'a, F: Fold> {
    pub fold: &'a F,
    /// The name of the rule, of which the ids of findings are made.
    pub rule: &'a str,
    /// What tells the group apart from others of the rule.
    pub key: &'a [Box<str>],
    /// Before this nothing is taken any more.
    pub horizon: Timestamp,
    pub now: Timestamp,
    pub changes: &'a mut Vec<Change>,
    pub n_clipped: &'a mut u64,
    /// Groups that had to fold members before their time.
    pub n_crowded: &'a mut u64,
}

/// There are a million of them, and most hold a member or two: what such a group can be without is not kept.
pub(crate) struct Group<F: Fold> {
    /// All members before `from`, folded; `None` where there is none.
    carry: Option<Box<F::State>>,
    from: Timestamp,
    /// The others, by their stamps.
    pending: Vec<(Stamp, F::Member)>,
    /// All members, folded; `None` where it is to be made from the others.
    tip: Option<Box<F::State>>,
    told: Vec<Told>,
    newest: Timestamp,
    /// Members that were taken in so far, up to more than a [`FEW`].
    n_taken: u8,
    /// Whether something was told because nothing more came.
    has_rested: bool,
    /// Whether it changed since all that it makes was told.
    is_due: bool,
}

impl<F: Fold> Group<F> {
    pub fn new() -> Self {
        Self {
            carry: None,
            from: Timestamp::MIN,
            pending: Vec::new(),
            tip: None,
            told: Vec::new(),
            newest: Timestamp::MIN,
            n_taken: 0,
            has_rested: false,
            is_due: false,
        }
    }

    /// The time of its latest member.
    pub fn newest(&self) -> Timestamp {
        self.newest
    }

    pub fn take(&mut self, at: Stamp, member: F::Member, hand: &mut Hand<'_, F>) -> Taken {
        self.settle(hand.horizon, hand);
        if at.time < self.from {
            return Taken::TooLate;
        }
        let place = match self.pending.binary_search_by(|(other, _)| other.cmp(&at)) {
            Ok(_) => return Taken::Again,
            Err(place) => place,
        };
        self.is_due = true;
        self.newest = self.newest.max(at.time);
        self.n_taken = self.n_taken.saturating_add(1);
        let is_last = place == self.pending.len();
        if is_last && !self.has_rested {
            self.append(at, member, hand);
        } else {
            room_for_one(&mut self.pending);
            self.pending.insert(place, (at, member));
            self.refold(hand);
        }
        if self.pending.len() > MOST_PENDING {
            *hand.n_crowded += 1;
            let middle = self.pending[MOST_PENDING / 2].0.time;
            self.settle(middle, hand);
        }
        Taken::New
    }

    /// Takes a member out again. `false` where it was folded already, or never came.
    pub fn retract(&mut self, at: Stamp, hand: &mut Hand<'_, F>) -> bool {
        self.settle(hand.horizon, hand);
        let Ok(place) = self.pending.binary_search_by(|(other, _)| other.cmp(&at)) else {
            return false;
        };
        self.pending.remove(place);
        self.is_due = true;
        self.refold(hand);
        true
    }

    /// The same as [`Self::refold`] for a member that is later than all others.
    fn append(&mut self, at: Stamp, member: F::Member, hand: &mut Hand<'_, F>) {
        let mut tip = match self.tip.take() {
            Some(tip) => tip,
            None => Box::new(self.folded(hand.fold, &mut Out::default())),
        };
        let mut out = Out::default();
        hand.fold.step(&mut tip, at, &member, &mut out);
        for verdict in out.closed {
            self.tell(verdict, hand);
        }
        // What it grows by is told at its end; that it weighs more now is told at once.
        let weighs_as_told = |open: &Verdict| {
            let told = self.told.iter().find(|told| told.anchor == open.anchor);
            told.is_some_and(|told| told.level >= open.level)
        };
        if let Some(open) = hand.fold.open(&tip).filter(|open| !weighs_as_told(open)) {
            self.tell(open.clone(), hand);
        }
        room_for_one(&mut self.pending);
        self.pending.push((at, member));
        self.keep(tip);
    }

    /// Keeps what all members make together, where making it anew would take long.
    fn keep(&mut self, tip: Box<F::State>) {
        self.tip = (self.n_taken > FEW).then_some(tip);
    }

    fn folded(&self, fold: &F, out: &mut Out) -> F::State {
        let mut state = self.carry.as_deref().cloned().unwrap_or_default();
        for (at, member) in &self.pending {
            fold.step(&mut state, *at, member, out);
        }
        state
    }

    /// Tells a verdict that is new, or says something else than before.
    fn tell(&mut self, verdict: Verdict, hand: &mut Hand<'_, F>) {
        let now = Told::of(hand, &verdict);
        match self.told.iter_mut().find(|told| told.anchor == now.anchor) {
            Some(told) if *told == now => {}
            Some(told) => {
                hand.changes.push(Change::Corrected(*told, now, verdict));
                *told = now;
            }
            None => {
                room_for_one(&mut self.told);
                self.told.push(now);
                hand.changes.push(Change::Raised(now, verdict));
            }
        }
    }

    /// The same as [`Self::refold`] where something can be otherwise than the last time: what a finding grows by is
    /// told at its end alone else.
    pub fn catch_up(&mut self, hand: &mut Hand<'_, F>) {
        if std::mem::take(&mut self.is_due) || hand.fold.rests() {
            self.refold(hand);
        }
    }

    /// Folds all pending members anew, and tells what is otherwise than before: what is gone, what is new, what grew.
    pub fn refold(&mut self, hand: &mut Hand<'_, F>) {
        let mut out = Out::default();
        let tip = self.folded(hand.fold, &mut out);
        let n_closed = out.closed.len();
        hand.fold.rest(&tip, hand.now, &mut out);
        self.has_rested = out.closed.len() > n_closed;
        let mut verdicts = out.closed;
        verdicts.extend(hand.fold.open(&tip).cloned());
        self.keep(Box::new(tip));
        let is_there = |told: &Told| verdicts.iter().any(|verdict| verdict.anchor == told.anchor);
        let mut gone: Vec<Told> = self.told.iter().filter(|told| !is_there(told)).copied().collect();
        self.told.retain(is_there);
        for verdict in verdicts {
            let is_new = !self.told.iter().any(|told| told.anchor == verdict.anchor);
            if is_new && !gone.is_empty() {
                // What took the place of something gone corrects it.
                let before = gone.remove(0);
                room_for_one(&mut self.told);
                self.told.push(Told {
                    anchor: verdict.anchor,
                    ..before
                });
                self.replace(before, verdict, hand);
            } else {
                self.tell(verdict, hand);
            }
        }
        hand.changes.extend(gone.into_iter().map(Change::Withdrawn));
    }

    fn replace(&mut self, before: Told, verdict: Verdict, hand: &mut Hand<'_, F>) {
        let now = Told::of(hand, &verdict);
        if let Some(told) = self.told.iter_mut().find(|told| told.anchor == now.anchor) {
            *told = now;
        }
        hand.changes.push(Change::Corrected(before, now, verdict));
    }

    /// Folds the members before the horizon for good.
    fn settle(&mut self, horizon: Timestamp, hand: &mut Hand<'_, F>) {
        if horizon <= self.from {
            return;
        }
        self.from = horizon;
        let n = self.pending.partition_point(|(at, _)| at.time < horizon);
        if n == 0 {
            return;
        }
        let mut out = Out::default();
        let carry = self.carry.get_or_insert_default();
        for (at, member) in self.pending.drain(..n) {
            hand.fold.step(carry, at, &member, &mut out);
        }
        self.slim();
        *hand.n_clipped += out.n_clipped;
        // These were told when their last member came, and will not be concluded again.
        self.told
            .retain(|told| !out.closed.iter().any(|verdict| verdict.anchor == told.anchor));
    }

    /// Gives back what members took that are folded by now.
    fn slim(&mut self) {
        if self.pending.is_empty() {
            self.pending = Vec::new();
        }
    }

    /// Tells what remains to be told, as nothing earlier than the horizon will come. Whether nothing is left that a
    /// later member could need.
    pub fn is_over(&mut self, hand: &mut Hand<'_, F>) -> bool {
        self.settle(hand.horizon, hand);
        if !self.pending.is_empty() {
            return false;
        }
        // The same as what is carried.
        self.tip = None;
        let fold = hand.fold;
        if let Some(carry) = self
            .carry
            .as_mut()
            .filter(|carry| !fold.is_spent(carry, hand.horizon))
        {
            fold.slim(carry, hand.horizon);
            return false;
        }
        self.refold(hand);
        true
    }
}

/// Room for one more, and for no other where there are few: most lists of a million groups never get a second member.
fn room_for_one<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() && list.len() < usize::from(FEW) {
        list.reserve_exact(1);
    }
}

/// The identity of a verdict. Its events alone do not tell it apart: one event can be a member of several groups, two
/// stretches of one group can be over the same events, and of very many events only the first are listed.
fn id_of(rule: &str, key: &[Box<str>], verdict: &Verdict) -> FindingId {
    let ids: Vec<_> = verdict.events.iter().map(|at| at.id).collect();
    let Stamp { time, id, part } = verdict.anchor;
    // Quoted, so that no two keys read the same.
    let place = format!("{rule}\n{key:?}\n{} {id}/{part}", time.0);
    FindingId::of(&place, &ids)
}

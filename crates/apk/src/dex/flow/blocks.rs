//! Where blocks begin, and what is known there.

use super::{States, VISITS};
use crate::dex::code::Body;
use crate::dex::value::{Value, What};

/// The units at which a block begins, in their order.
pub(super) fn leaders(body: &Body<'_>) -> Vec<usize> {
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
pub(super) fn flow_to(states: &mut States, work: &mut Vec<usize>, target: usize, registers: &[Value]) {
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

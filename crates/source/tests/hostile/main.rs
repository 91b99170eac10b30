//! Whatever the bytes are, every source ends in events and rejects, every record is accounted for, and memory has an
//! end. The sources are those of the registry: a new one is tried by itself, on damage done to its golden cases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_possible_truncation)]

mod damage;
mod damaged;
mod floods;
mod places;
mod traps;
mod trial;

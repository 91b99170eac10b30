//! The command line as its users meet it: exit code, standard output and standard error in one.

mod answers;
mod disclose;
mod findings;
mod follow;
mod journal;
mod reading;
mod run;
mod schema;
mod shape;
mod texts;

//! From text to commands.

mod footprint;
mod head;
mod parsed;
mod roles;

use super::Command;
use super::analyst::Step;
use super::split::{is_deep, split};
use head::by_head;
use sqlparser::tokenizer::TokenWithSpan;

/// Room for the deepest tree within the limits, in an unoptimized build too.
const STACK: usize = 64 << 20;

/// The commands of a text, in order; a text that cannot be read is one opaque command.
pub(crate) fn read(text: &str) -> Vec<Command> {
    match split(text) {
        Ok(statements) => statements.into_iter().map(command).collect(),
        Err(why) => vec![Command::Opaque(why)],
    }
}

fn command(tokens: Vec<TokenWithSpan>) -> Command {
    let read = if is_deep(&tokens) {
        apart(tokens)
    } else {
        by_head(tokens)
    };
    read.unwrap_or_else(Command::Opaque)
}

/// Reads on a thread with a stack of its own: parsing and walking recurse as deep as the tree is.
fn apart(tokens: Vec<TokenWithSpan>) -> Step<Command> {
    let thread = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || by_head(tokens));
    let nothing = || Err("there is no room to read it".to_owned());
    thread.map_or_else(
        |_| nothing(),
        |thread| thread.join().unwrap_or_else(|_| nothing()),
    )
}

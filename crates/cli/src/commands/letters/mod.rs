//! `ambit disclose approve`, `send`, `bounces`, `resend`, `letters`: telling people what was decided.

mod account;
mod approve;
mod args;
mod bounces;
mod send;

pub use account::{letters, resend, tallies, told};
pub use approve::{approve, tongues};
pub use args::{ApproveArgs, BouncesArgs, LettersArgs, ResendArgs, SendArgs};
pub use bounces::bounces;
pub use send::send;

use crate::setting::Setting;
use anyhow::{Context, Result};
use std::fs::File;

/// Held as long as letters go: two runs at once could send one letter twice.
fn alone(setting: &Setting, case: &str) -> Result<File> {
    let path = setting.cases().join(format!("{case}.sending"));
    let file = File::options().create(true).append(true).open(&path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    file.try_lock()
        .map_err(|_| anyhow::anyhow!("letters of this case are being sent by another run"))?;
    Ok(file)
}

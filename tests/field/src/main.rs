//! The field test: real servers, real requests, one intruder. Ambit reads the files as these servers
//! wrote them and must name exactly the intruder's persons and classes; then with the gateway's log cut,
//! and with both logs cut, the bounds must hold and say why.
//!
//! Needs root, Debian's nginx and PostgreSQL 15 with pgaudit, and curl. Everything listens on loopback
//! and lives in a temporary folder. Usage: `ambit-field-test PATH-OF-AMBIT`.

mod answer;
mod people;
mod servers;
mod service;

use anyhow::{Context, Result};
use std::path::Path;

fn main() -> Result<()> {
    let ambit = std::env::args()
        .nth(1)
        .context("usage: ambit-field-test PATH-OF-AMBIT")?;
    let ambit = std::fs::canonicalize(&ambit).with_context(|| format!("there is no {ambit}"))?;
    let dir = tempfile::Builder::new()
        .prefix("ambit-field-")
        .tempdir()
        .context("cannot make a temporary folder")?;
    let outcome = run(&ambit, dir.path());
    if outcome.is_err() {
        println!("the logs of the failed test are kept in {}", dir.keep().display());
    }
    outcome
}

fn run(ambit: &Path, dir: &Path) -> Result<()> {
    servers::open_to_all(dir)?;
    let database = servers::Database::start(dir)?;
    let gateway = servers::Gateway::start(dir)?;
    let service = service::Service::start(dir, database.port())?;
    gateway.serve(service.port())?;
    println!("field test: the servers run, people come and go for three minutes");
    let story = people::live(&gateway, &database)?;
    drop(service);
    gateway.stop()?;
    database.stop()?;
    answer::check(ambit, dir, &story)
}

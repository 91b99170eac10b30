//! Running a plan.

use crate::Error;
use crate::attack;
use crate::map::{map_toml, mappings, write_beside};
use crate::plan::Plan;
use crate::release::{RELEASE, release};
use crate::sim::Sim;
use crate::sink::Sink;
use crate::truth::Truth;
use crate::world::World;
use std::io;

/// Runs the plan: the logs go to the sink (`nginx/…`, `app/…`, `postgresql/…`, `bastion/…`, each folder with
/// its `logs.manifest.jsonl`; `cloudtrail/AWSLogs/…` with its digests), and what really happened is answered.
///
/// # Errors
/// [`Error::Plan`] where the plan is none, [`Error::Write`] where the sink does not take a file.
pub fn run(plan: &Plan, out: &mut dyn Sink) -> Result<Truth, Error> {
    plan.check()?;
    let world = World::new(plan);
    let script = attack::script(plan, &world);
    Sim::new(plan, world, script, out).run()
}

/// Runs the plan and writes everything that an exercise needs: the logs under `logs/`, `map.toml` with the files
/// that it names, the declared sources under `mappings/`, the app's old release, and `truth.json`.
///
/// # Errors
/// As [`run`].
pub fn publish(plan: &Plan, out: &mut dyn Sink) -> Result<Truth, Error> {
    let truth = run(plan, &mut Below { folder: "logs", out })?;
    write_beside(plan, out)?;
    let failed = |path: &str, source| Error::Write {
        path: path.to_owned(),
        source,
    };
    let mut put = |path: &str, bytes: &[u8]| out.append(path, bytes).map_err(|e| failed(path, e));
    put("map.toml", map_toml(plan).as_bytes())?;
    for (name, text) in mappings() {
        put(&format!("mappings/{name}"), text.as_bytes())?;
    }
    put(RELEASE, &release(plan, &truth))?;
    let json = serde_json::to_string_pretty(&truth).map_err(|e| failed("truth.json", io::Error::other(e)))?;
    put("truth.json", (json + "\n").as_bytes())?;
    Ok(truth)
}

/// A sink for the files below one folder.
struct Below<'s> {
    folder: &'static str,
    out: &'s mut dyn Sink,
}

impl Sink for Below<'_> {
    fn append(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.out.append(&format!("{}/{path}", self.folder), bytes)
    }
}

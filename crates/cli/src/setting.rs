//! What every command knows: where the lake is, who asks, how to answer.

use crate::paint::Paint;
use ambit_case::{Act, By, Case};
use ambit_event::{Timestamp, printable};
use ambit_lake::Lake;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The folder of the lake; it is made on first use
    #[arg(
        long,
        global = true,
        env = "AMBIT_LAKE",
        default_value = "./ambit-lake",
        value_name = "DIR"
    )]
    pub lake: PathBuf,
    /// Answer in JSON, in the shape that schemas/*.schema.json describe
    #[arg(long, global = true)]
    pub json: bool,
}

/// Options of commands that write into a case or show what is masked.
#[derive(Debug, Clone, Args)]
pub struct CaseArgs {
    /// The case whose journal keeps what was asked, answered and looked at
    #[arg(long = "case", value_name = "NAME", default_value = DEFAULT_CASE, value_parser = case_name)]
    pub name: String,
    /// Show persons and raw records unmasked; the reason is kept in the case's journal
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub reveal: Option<String>,
}

pub struct Setting {
    pub lake: PathBuf,
    pub is_json: bool,
    pub paint: Paint,
}

impl Setting {
    pub fn of(global: &Global) -> Self {
        Self {
            lake: global.lake.clone(),
            is_json: global.json,
            paint: if global.json {
                Paint::plain()
            } else {
                Paint::of_stdout()
            },
        }
    }

    pub async fn open_lake(&self) -> Result<Lake> {
        Ok(Lake::open(&self.lake).await?)
    }

    pub async fn create_lake(&self) -> Result<Lake> {
        Ok(Lake::create(&self.lake).await?)
    }

    /// One line for people.
    pub fn say(&self, line: &str) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{line}")
    }

    pub fn say_all<S: AsRef<str>>(&self, lines: impl IntoIterator<Item = S>) -> io::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        for line in lines {
            writeln!(out, "{}", line.as_ref())?;
        }
        out.flush()
    }

    /// The answer for programs: one JSON document.
    pub fn json(&self, answer: &impl Serialize) -> Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        serde_json::to_writer_pretty(&mut out, answer).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }

    pub fn cases(&self) -> PathBuf {
        self.lake.join("cases")
    }

    pub fn case_path(&self, name: &str) -> PathBuf {
        self.cases().join(format!("{name}.sqlite"))
    }

    /// The names of the cases of the lake.
    pub fn case_names(&self) -> Result<Vec<String>> {
        let folder = self.cases();
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
        {
            let name = entry?.file_name().to_string_lossy().into_owned();
            names.extend(name.strip_suffix(".sqlite").map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// A case that is there. Another name is refused: a slip of the pen must not begin a journal of its own.
    pub fn open_case(&self, name: &str) -> Result<Case> {
        let path = self.case_path(name);
        if !path.is_file() {
            bail!("{}", no_case(name, &self.case_names()?));
        }
        Ok(Case::open(&path)?)
    }

    /// Writes into a case, which is made on first use.
    pub fn journal(&self, name: &str, acts: &[Act]) -> Result<()> {
        let by = by();
        let mut case = Case::create(&self.case_path(name), name, &by)?;
        for act in acts {
            case.append(&by, act)
                .context("nothing more was written into the case")?;
        }
        Ok(())
    }

    /// Journals a look behind the masks before anything is shown.
    pub fn reveal(&self, case: &CaseArgs, what: &str) -> Result<bool> {
        let Some(reason) = &case.reveal else {
            return Ok(false);
        };
        // Whoever names no case looks within the one that is always there.
        if case.name != DEFAULT_CASE {
            self.open_case(&case.name)?;
        }
        self.journal(&case.name, &[Act::reveal(what, reason)])?;
        Ok(true)
    }
}

/// The case of whoever names none.
const DEFAULT_CASE: &str = "default";

/// Cases that are named where one is not there.
const MOST_CASES: usize = 12;

fn no_case(name: &str, names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(MOST_CASES)
        .map(|name| printable(name, 80))
        .collect();
    let more = match names.len().saturating_sub(shown.len()) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let there = match shown.is_empty() {
        true => "there is none yet".to_owned(),
        false => format!("there are: {}{more}", shown.join(", ")),
    };
    format!(
        "no case `{name}`; {there}. Begin one with `ambit scope --case {name}`, or without logs with `ambit case note {name} TEXT`"
    )
}

/// Bytes that a data map, a mapping or a list of indicators may have.
const TEXT_BYTES: u64 = 64 << 20;

/// A text file that a person wrote, whole.
pub fn read_text(path: &Path) -> Result<String> {
    let shown = path.display();
    let about = std::fs::metadata(path).with_context(|| format!("cannot read {shown}"))?;
    if !about.is_file() {
        bail!("{shown} is no file");
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {shown}"))?;
    let read = file.take(TEXT_BYTES + 1).read_to_string(&mut text);
    if read.with_context(|| format!("cannot read {shown}"))? as u64 > TEXT_BYTES {
        bail!("{shown} is longer than {} MiB", TEXT_BYTES >> 20);
    }
    Ok(text)
}

/// Tells people, beside the answer, what they should know.
pub fn remark(text: &str) {
    for line in text.lines() {
        // Where nobody listens on standard error, nothing can be told.
        let _ = writeln!(io::stderr().lock(), "{}", printable(line, 2000));
    }
}

/// Who acts, and when: the one place that asks the clock.
pub fn by() -> By {
    let now = Timestamp::from_jiff(jiff::Timestamp::now()).unwrap_or_default();
    By::new(user(), now)
}

/// Who signs. Facts, decisions and lists stand under a name, or they are nobody's.
pub fn signer() -> Result<By> {
    let by = by();
    if by.who == NOBODY {
        bail!("nobody is named who signs this: AMBIT_WHO='Ana Lind' names one");
    }
    Ok(by)
}

/// Who acts where the environment names nobody.
const NOBODY: &str = "unknown";

fn user() -> String {
    ["AMBIT_WHO", "USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))
        .unwrap_or_else(|| NOBODY.to_owned())
}

/// Writes a file that somebody asked for.
pub fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let written = private_file(path).and_then(|mut file| file.write_all(content));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// What is written may name persons: a new file is its owner's alone.
fn private_file(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A case is a file: its name must not lead elsewhere.
pub fn case_name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && text.len() <= 80 && !text.starts_with('.') && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("a case's name has letters, digits, `-`, `_` and `.` only".to_owned())
    }
}

fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a reason must be given".to_owned()),
        text => Ok(text.to_owned()),
    }
}

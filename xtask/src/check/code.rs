//! What the Rust sources may name.

use super::edges::{DOORS, begins_with};
use super::house::{Fault, House};
use super::tokens::{Tests, Token, crate_roots, follows, tokens};

/// Crates that unpack. Hostile bytes pass one gate, which caps what comes out of them.
const DECOMPRESSORS: &[&str] = &[
    "flate2",
    "zstd",
    "zstd_safe",
    "liblzma",
    "xz2",
    "bzip2",
    "tar",
    "zip",
    "lz4_flex",
    "snap",
    "brotli",
];

/// Who may name them: the gate, the lake for files that it wrote itself, and the simulator, which only packs.
const MAY_UNPACK: &[&str] = &[
    "crates/source/src/capped.rs",
    "crates/source/src/archive/",
    "crates/apk/src/container/inflate.rs",
    "crates/lake/src/",
    "crates/drill/src/trail.rs",
    "crates/drill/src/release.rs",
];

/// Rooms of plain functions from values to values.
const NOT_ASYNC: &[&str] = &[
    "crates/event/src/",
    "crates/source/src/",
    "crates/apk/src/",
    "crates/detect/src/",
    "crates/disclose/src/",
    "crates/case/src/",
    "crates/drill/src/",
];

/// Types that tell the machine's time by their `now`.
const CLOCKS: &[&str] = &[
    "SystemTime",
    "Instant",
    "Timestamp",
    "Zoned",
    "Utc",
    "Local",
    "OffsetDateTime",
];

/// Rooms that must give the same for the same evidence, whenever they run.
const TIMELESS: &[&str] = &[
    "crates/event/src/",
    "crates/source/src/",
    "crates/apk/src/",
    "crates/detect/src/",
    "crates/scope/src/",
    "crates/disclose/src/",
    "crates/case/src/",
    "crates/drill/src/",
];

/// The longest `lib.rs`, in lines.
const LIB_LINES: usize = 60;

/// A big dependency is named only in the crate that is its door.
pub fn doors(house: &House) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, tokens) in code(house, &["crates/", "xtask/"], Tests::Seen, &mut faults) {
        let package = package_of(path);
        let shut = |name: &str| {
            DOORS
                .iter()
                .find(|(begin, open)| begins_with(name, begin) && !open.contains(&package))
        };
        for token in crate_roots(&tokens, |name| shut(name).is_some()) {
            let open = shut(&token.text).map_or("nobody".into(), |(_, open)| open.join(", "));
            let what = format!("`{}` may be named by {open} only", token.text);
            faults.push(Fault::at_line(path, token.line, what));
        }
    }
    faults
}

/// A decompressor is named in the capped reader, in the lake, and in tests.
pub fn decompressors(house: &House) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, tokens) in code(house, &["crates/"], Tests::LeftOut, &mut faults) {
        if path.contains("/tests/") || MAY_UNPACK.iter().any(|room| path.starts_with(room)) {
            continue;
        }
        for token in crate_roots(&tokens, |name| DECOMPRESSORS.contains(&name)) {
            let what = format!(
                "`{}` unpacks without a cap: go through `source::capped`",
                token.text
            );
            faults.push(Fault::at_line(path, token.line, what));
        }
    }
    faults
}

/// Nothing in the plain rooms waits for I/O.
pub fn no_async(house: &House) -> Vec<Fault> {
    let is_async = |tokens: &[Token], n: usize| tokens[n].text == "async";
    found(
        house,
        NOT_ASYNC,
        Tests::LeftOut,
        is_async,
        "`async` has no place here: this room is plain functions",
    )
}

/// Nothing in the timeless rooms asks the machine for the time or for randomness.
pub fn no_clock(house: &House) -> Vec<Fault> {
    let asks = |tokens: &[Token], n: usize| {
        let word = tokens[n].text.as_str();
        CLOCKS.contains(&word) && follows(tokens, n, &[":", ":", "now"])
            || matches!(word, "getrandom" | "thread_rng") && !follows(tokens, n, &["."])
    };
    found(
        house,
        TIMELESS,
        Tests::LeftOut,
        asks,
        "the time and random numbers are handed in by the caller",
    )
}

/// Nothing waits to be written, and no test is switched off.
pub fn unfinished(house: &House) -> Vec<Fault> {
    let switched_off = |tokens: &[Token], n: usize| match tokens[n].text.as_str() {
        "todo" | "unimplemented" => follows(tokens, n, &["!"]),
        "ignore" => n >= 2 && tokens[n - 1].text == "[" && tokens[n - 2].text == "#",
        _ => false,
    };
    let mut faults = found(
        house,
        &[""],
        Tests::Seen,
        switched_off,
        "unfinished or switched off",
    );
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
    for (path, text) in house.rust() {
        for (n, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                faults.push(Fault::at_line(
                    path,
                    n + 1,
                    "a note of unfinished work: finish it or file it",
                ));
            }
        }
    }
    faults
}

/// A `lib.rs` says what the room is for and lists its parts.
pub fn short_lib(house: &House) -> Vec<Fault> {
    let too_long = house
        .below("crates/", "/src/lib.rs")
        .filter(|(_, text)| text.lines().count() > LIB_LINES);
    too_long
        .map(|(path, text)| {
            let n_lines = text.lines().count();
            Fault::new(
                path,
                format!("{n_lines} lines; at most {LIB_LINES} are expected: move code to its own file"),
            )
        })
        .collect()
}

/// A fault for each word in these folders that the test picks.
fn found(
    house: &House,
    folders: &[&str],
    tests: Tests,
    picks: impl Fn(&[Token], usize) -> bool,
    what: &str,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, tokens) in code(house, folders, tests, &mut faults) {
        let picked = (0..tokens.len()).filter(|&n| picks(&tokens, n));
        faults.extend(picked.map(|n| Fault::at_line(path, tokens[n].line, what)));
    }
    faults
}

/// Path and words of the Rust files in these folders; a file that is no Rust is a fault.
fn code<'h>(
    house: &'h House,
    folders: &[&str],
    tests: Tests,
    faults: &mut Vec<Fault>,
) -> Vec<(&'h str, Vec<Token>)> {
    let mut out = Vec::new();
    for (path, text) in house
        .rust()
        .filter(|(path, _)| folders.iter().any(|f| path.starts_with(f)))
    {
        match tokens(text, tests) {
            Ok(tokens) => out.push((path, tokens)),
            Err(why) => faults.push(Fault::new(path, format!("is no Rust: {why}"))),
        }
    }
    out
}

/// The package that a path below `crates/` or `xtask/` belongs to.
fn package_of(path: &str) -> &'static str {
    let room = path
        .strip_prefix("crates/")
        .and_then(|rest| rest.split('/').next())
        .unwrap_or("xtask");
    match room {
        "event" => "ambit-event",
        "source" => "ambit-source",
        "lake" => "ambit-lake",
        "apk" => "ambit-apk",
        "detect" => "ambit-detect",
        "scope" => "ambit-scope",
        "disclose" => "ambit-disclose",
        "case" => "ambit-case",
        "drill" => "ambit-drill",
        "cli" => "ambit",
        _ => "xtask",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(check: fn(&House) -> Vec<Fault>, path: &str, text: &str) -> usize {
        check(&House::of(&[(path, text)])).len()
    }

    #[test]
    fn an_engine_outside_the_lake_is_a_fault() {
        let text = "use datafusion_expr::Expr;\nfn f() -> arrow::X { y() }";
        assert_eq!(faults(doors, "crates/scope/src/a.rs", text), 2);
        assert_eq!(faults(doors, "crates/lake/src/a.rs", text), 0);
        assert_eq!(
            faults(doors, "crates/scope/src/a.rs", "// arrow::X\nlet arrow = 1;"),
            0
        );
    }

    #[test]
    fn unpacking_outside_the_gate_is_a_fault() {
        let text = "fn f() { flate2::read::GzDecoder::new(x); }";
        assert_eq!(faults(decompressors, "crates/source/src/read.rs", text), 1);
        assert_eq!(faults(decompressors, "crates/source/src/capped.rs", text), 0);
        let in_test = format!("#[cfg(test)]\nmod tests {{ {text} }}");
        assert_eq!(faults(decompressors, "crates/source/src/read.rs", &in_test), 0);
    }

    #[test]
    fn waiting_and_clocks_are_faults_in_plain_rooms() {
        assert_eq!(faults(no_async, "crates/source/src/a.rs", "async fn f() {}"), 1);
        assert_eq!(faults(no_async, "crates/lake/src/a.rs", "async fn f() {}"), 0);
        assert_eq!(
            faults(
                no_clock,
                "crates/scope/src/a.rs",
                "fn f() { std::time::Instant::now(); }"
            ),
            1
        );
        assert_eq!(
            faults(
                no_clock,
                "crates/cli/src/a.rs",
                "fn f() { std::time::Instant::now(); }"
            ),
            0
        );
        assert_eq!(
            faults(
                no_clock,
                "crates/scope/src/a.rs",
                "fn f() { Timestamp::parse(now); }"
            ),
            0
        );
    }

    #[test]
    fn unfinished_work_is_a_fault() {
        assert_eq!(
            faults(unfinished, "crates/scope/src/a.rs", "fn f() { todo!() }"),
            1
        );
        assert_eq!(
            faults(
                unfinished,
                "crates/scope/src/a.rs",
                "#[test]\n#[ignore]\nfn f() {}"
            ),
            1
        );
        assert_eq!(
            faults(unfinished, "crates/scope/src/a.rs", concat!("// TO", "DO: later")),
            1
        );
        assert_eq!(
            faults(
                unfinished,
                "crates/scope/src/a.rs",
                "fn todo() { ignore(todo()) }"
            ),
            0
        );
    }

    #[test]
    fn a_long_lib_is_a_fault() {
        assert_eq!(
            faults(short_lib, "crates/scope/src/lib.rs", &"//! x\n".repeat(61)),
            1
        );
        assert_eq!(
            faults(short_lib, "crates/scope/src/lib.rs", &"//! x\n".repeat(60)),
            0
        );
    }
}

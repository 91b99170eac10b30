//! Scans packages without the whole program: `cargo run -p ambit-apk --example scan -- FILE|DIR...`

use ambit_apk::{Detail, Error, Limits, find, scan};
use std::path::PathBuf;

fn main() -> Result<(), Error> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    for file in find(&paths)? {
        match scan(&file, &Limits::default()) {
            Ok(report) => report
                .told(Detail::All)
                .iter()
                .for_each(|line| println!("{line}")),
            Err(error) => println!("{}: {error}", file.display()),
        }
    }
    Ok(())
}

//! Who comes: ordinary users, people behind one address, a batch job, one intruder.

use super::servers::{Database, Gateway};
use anyhow::{Context, Result, bail};
use std::process::Command;
use std::time::{Duration, Instant};

/// What happened, as only the test knows it.
pub struct Story {
    /// The stolen session.
    pub session: String,
    /// Keys whose contact and identity data the intruder read.
    pub read: Vec<&'static str>,
    /// When the stretch began and ended that the second part of the test cuts out.
    pub cut: (jiff::Timestamp, jiff::Timestamp),
    /// A person whose card the intruder read within the cut.
    pub read_in_cut: &'static str,
}

/// A client program at an address.
#[derive(Clone)]
struct Person {
    user: &'static str,
    address: &'static str,
    device: String,
    platform: &'static str,
    session: String,
}

const USERS: &[&str] = &["11", "12", "13", "14", "15", "16", "17", "18"];
const HOMES: &[&str] = &[
    "127.0.1.11",
    "127.0.1.12",
    "127.0.1.13",
    "127.0.1.14",
    "127.0.9.9",
    "127.0.9.9",
    "127.0.9.9",
    "127.0.9.9",
];
const INTRUDER: &str = "127.0.66.6";

/// Lets them all live for some minutes.
pub fn live(gateway: &Gateway, database: &Database) -> Result<Story> {
    let mut people = arrive(gateway)?;
    let mut victim = enter(gateway, person("3", "127.0.1.3", "android"))?;
    ordinary(gateway, &people, 20)?;
    // A second session: its owner is at home by then, so that home is known.
    victim = enter(
        gateway,
        Person {
            session: String::new(),
            ..victim
        },
    )?;
    let thief = Person {
        address: INTRUDER,
        device: "device-of-nobody".into(),
        ..victim.clone()
    };
    get(gateway, &victim, "/tracks/1")?;
    for user in ["3", "8"] {
        get(gateway, &thief, &format!("/users/{user}/profile"))?;
        get(gateway, &victim, "/tracks/2")?;
    }
    database.sql("music", "batch", "SELECT user_id, email FROM profiles")?;
    ordinary(gateway, &people, 20)?;
    // From here the second part of the test loses the logs.
    std::thread::sleep(Duration::from_secs(1));
    let from = jiff::Timestamp::now();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(95) {
        ordinary(gateway, &people, 12)?;
        if began.elapsed() > Duration::from_secs(30) && began.elapsed() < Duration::from_secs(34) {
            get(gateway, &thief, "/users/9/card")?;
        }
    }
    let until = jiff::Timestamp::now();
    std::thread::sleep(Duration::from_secs(1));
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(80) {
        ordinary(gateway, &people, 12)?;
    }
    get(gateway, &victim, "/logout-everywhere/3")?;
    get(gateway, &victim, "/tracks/5")?;
    get(gateway, &thief, "/tracks/5")?;
    people.clear();
    Ok(Story {
        session: victim.session,
        read: vec!["3", "8"],
        cut: (from, until),
        read_in_cut: "9",
    })
}

fn person(user: &'static str, address: &'static str, platform: &'static str) -> Person {
    Person {
        user,
        address,
        device: format!("device-of-{user}"),
        platform,
        session: String::new(),
    }
}

fn arrive(gateway: &Gateway) -> Result<Vec<Person>> {
    let come = USERS.iter().zip(HOMES).enumerate();
    come.map(|(n, (user, home))| {
        enter(
            gateway,
            person(user, home, if n % 2 == 0 { "ios" } else { "android" }),
        )
    })
    .collect()
}

/// Everyone looks at what is theirs, a few times.
fn ordinary(gateway: &Gateway, people: &[Person], n: usize) -> Result<()> {
    for (turn, person) in people.iter().cycle().take(n).enumerate() {
        let path = match turn % 3 {
            0 => format!("/users/{}/profile", person.user),
            1 => format!("/users/{}/card", person.user),
            _ => format!("/tracks/{turn}"),
        };
        get(gateway, person, &path)?;
    }
    Ok(())
}

fn enter(gateway: &Gateway, person: Person) -> Result<Person> {
    let answer = get(gateway, &person, &format!("/login/{}", person.user))?;
    let line = answer
        .lines()
        .find_map(|l| l.strip_prefix("Set-Cookie: sid="))
        .context("a login gave no session")?;
    Ok(Person {
        session: line.trim().to_owned(),
        ..person
    })
}

/// One request with curl from the person's address; gives the headers of the response.
fn get(gateway: &Gateway, person: &Person, path: &str) -> Result<String> {
    let out = Command::new("curl")
        .args(["-sS", "-o", "/dev/null", "-D", "-", "--interface", person.address])
        .args(["-A", &format!("Music/9.1 ({})", person.platform)])
        .args([
            "-H",
            &format!("X-Device-Id: {}", person.device),
            "-H",
            "X-App-Version: 9.1",
        ])
        .args(["-H", &format!("X-App-Platform: {}", person.platform)])
        .args(["-b", &format!("sid={}", person.session)])
        .arg(format!("http://127.0.0.1:{}{path}", gateway.port()))
        .output()
        .context("cannot run curl")?;
    if !out.status.success() {
        bail!("curl failed: {}", String::from_utf8_lossy(&out.stderr));
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

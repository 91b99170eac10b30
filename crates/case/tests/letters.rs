//! Letters, from the list that a person approves to an account of everybody on it, over a server that misbehaves.

#![allow(clippy::unwrap_used)]

use ambit_case::{
    Act, Addresses, Answer, By, Carrier, Case, Clock, Dossier, Error, Kind, List, Listing, Message, Outbox,
    Pace, Sender, Sending, Signed, Smtp, SmtpUrl, State, Tally, hand_over, read_reports, send, stale,
};
use ambit_disclose::{Regime, Tongue, built_in};
use ambit_event::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

static REGIMES: LazyLock<Vec<Regime>> = LazyLock::new(built_in);
const WHOLE: &str = include_str!("../../disclose/tests/disclose/scopes/whole.json");

/// A scope in which each of so many persons lost contact and identity data for certain.
fn crowd(n: u64) -> Value {
    let mut scope: Value = serde_json::from_str(WHOLE).unwrap();
    let pair = |key: u64, class: &str| json!({ "subject": "user", "key": key.to_string(), "class": class, "effect": "read", "grade": "certain", "evidence": ["917ae0d439a1c312c38e8735befbc015"] });
    let pairs = (1..=n).flat_map(|key| [pair(key, "contact"), pair(key, "identity")]);
    scope["pairs"] = pairs.collect();
    let bounds = json!({ "at_least": n, "at_most": n, "because": [] });
    for class in ["contact", "identity"] {
        scope["classes"][class] = bounds.clone();
        scope["effects"]["read"][class] = bounds.clone();
    }
    scope["subjects"]["at_least"] = json!(n);
    scope["subjects"]["at_most"] = json!(n);
    scope["subjects"]["confirmed"] = (1..=n).map(|key| json!(format!("user:{key}"))).collect();
    scope
}

struct Tick(i64);

impl Clock for Tick {
    fn now(&mut self) -> By {
        self.0 += 1;
        By::new("Ana Lind", Timestamp::from_secs(1_779_450_000 + self.0))
    }

    fn wait(&mut self, time: Duration) {
        self.0 += i64::try_from(time.as_secs()).unwrap();
    }
}

struct Story {
    _folder: tempfile::TempDir,
    case: Case,
    clock: Tick,
    sender: Sender,
}

impl Story {
    fn of(n: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut clock = Tick(0);
        let by = clock.now();
        let mut case = Case::create(&folder.path().join("may.sqlite"), "may", &by).unwrap();
        case.append(&by, &Act::scope(3, "ab", crowd(n))).unwrap();
        for text in [
            "establishment=eu",
            "organisation=Tonal Müsic AB",
            "contact=privacy@tonal.example",
            "nature=Somebody used the session of a member",
            "nature:de=Jemand hat die Sitzung eines Mitglieds benutzt",
            "consequences=Somebody may write in our name",
            "consequences:de=Jemand kann in unserem Namen schreiben",
            "measures=We ended the session",
            "measures:de=Wir haben die Sitzung beendet",
        ] {
            case.append(&by, &Signed::read(text, None, None).unwrap().act())
                .unwrap();
        }
        case.append(
            &by,
            &Act {
                kind: Kind::Decision,
                body: json!({ "text": "high", "reason": "names are out", "risk": "high" }),
            },
        )
        .unwrap();
        Self {
            _folder: folder,
            case,
            clock,
            sender: Sender::read("Tonal Müsic AB <privacy@tonal.example>", None).unwrap(),
        }
    }

    fn list(&self, name: &str, table: &str, again: Option<&str>) -> List {
        self.listed(name, table, again, |list, _| list)
    }

    fn listed<T>(
        &self,
        name: &str,
        table: &str,
        again: Option<&str>,
        then: impl FnOnce(List, &Listing<'_>) -> T,
    ) -> T {
        let addresses = Addresses::read(table).unwrap();
        let listing = Listing {
            name,
            addresses: &addresses,
            tongues: &Tongue::built_in(),
            language: "en",
            unchecked: &BTreeSet::new(),
            regimes: &REGIMES,
            again,
        };
        let (dossier, outbox) = (Dossier::of(&self.case).unwrap(), Outbox::of(&self.case).unwrap());
        then(List::of(&dossier, &outbox, &listing), &listing)
    }

    fn approve(&mut self, name: &str, table: &str, again: Option<&str>) -> Result<(), Error> {
        let sender = self.sender.clone();
        let act = self.listed(name, table, again, |list, listing| {
            Act::mailing(&list, listing, &sender, Some("ab"))
        })?;
        let by = self.clock.now();
        self.case.append(&by, &act).map(drop)
    }

    fn send(&mut self, table: &str, carrier: &mut dyn Carrier) -> Sending {
        let list = self.list("letter", table, None);
        let pace = Pace {
            between: Duration::ZERO,
            at_once: 1,
            most_attempts: 2,
            rest: Duration::from_secs(60),
        };
        let (sender, clock) = (self.sender.clone(), &mut self.clock);
        send(&mut self.case, "letter", &list, &sender, &pace, carrier, clock).unwrap()
    }

    fn tally(&self) -> Tally {
        Outbox::of(&self.case).unwrap().mailings["letter"].tally()
    }

    fn state(&self, person: &str) -> State {
        Outbox::of(&self.case).unwrap().mailings["letter"].state(person)
    }
}

fn table(n: u64, address: impl Fn(u64) -> String) -> String {
    let rows = (1..=n).map(|key| {
        format!(
            "user:{key},{},{},eu\n",
            address(key),
            if key % 2 == 0 { "de" } else { "en" }
        )
    });
    format!("subject,email,language,residence\n{}", rows.collect::<String>())
}

/// A server that takes, refuses, puts off, hangs up and babbles, as the address asks for it.
struct Server {
    port: u16,
    /// Address and text of what it took.
    taken: Arc<Mutex<Vec<(String, String)>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let kept = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A line that broke is one of the things that happen.
                let _ = dialog(stream, &kept);
            }
        });
        Self { port, taken }
    }

    fn carrier(&self) -> Smtp {
        let url = SmtpUrl::read(&format!("smtp-plain://127.0.0.1:{}", self.port)).unwrap();
        Smtp::new(url, None, Duration::from_secs(10))
    }

    fn n_taken(&self, address: &str) -> usize {
        self.taken
            .lock()
            .unwrap()
            .iter()
            .filter(|(to, _)| to == address)
            .count()
    }
}

fn dialog(stream: TcpStream, taken: &Mutex<Vec<(String, String)>>) -> std::io::Result<()> {
    let mut read = BufReader::new(stream.try_clone()?);
    let mut write = stream;
    write.write_all(b"220-fake\r\n220 \x1b[31mready\r\n")?;
    let mut to = String::new();
    loop {
        let mut line = String::new();
        if read.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let reply = match line.trim_end() {
            rcpt if rcpt.starts_with("RCPT TO:<") => {
                to = rcpt
                    .trim_start_matches("RCPT TO:<")
                    .trim_end_matches('>')
                    .to_owned();
                match to.split('@').next().unwrap() {
                    "bounce" => "550 5.1.1 no such user\x07".to_owned(),
                    "later" => "451 4.7.1 greylisted".to_owned(),
                    "babble" => format!("250 {}", "x".repeat(1 << 20)),
                    _ => "250 ok".to_owned(),
                }
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n")?;
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") {
                    if read.read_line(&mut text)? == 0 {
                        return Ok(());
                    }
                }
                taken.lock().unwrap().push((to.clone(), text));
                match to.split('@').next().unwrap() {
                    "lost" => return Ok(()),
                    "spam" => "554 5.7.1 not wanted".to_owned(),
                    _ => "250 2.0.0 queued".to_owned(),
                }
            }
            "QUIT" => return write.write_all(b"221 bye\r\n"),
            hello if hello.starts_with("EHLO") => "250-fake\r\n250 8BITMIME".to_owned(),
            _ => "250 ok".to_owned(),
        };
        write.write_all(format!("{reply}\r\n").as_bytes())?;
    }
}

#[test]
fn everybody_is_accounted_for_and_nobody_gets_two() {
    let server = Server::start();
    let mut story = Story::of(8);
    let kinds = ["ok", "bounce", "later", "lost", "spam", "fine", "well", "good"];
    let table = table(7, |key| {
        format!("{}@m{key}.example", kinds[usize::try_from(key - 1).unwrap()])
    });
    story.approve("letter", &table, None).unwrap();
    assert_eq!(story.tally().not_sent, 7);
    let run = story.send(&table, &mut server.carrier());
    assert_eq!(
        (run.n_sent, run.n_refused, run.n_deferred, run.n_lost),
        (3, 2, 1, 1),
        "{run:?}"
    );
    assert_eq!(run.stopped, None);
    let states = (1..=8).map(|key| story.state(&format!("user:{key}")));
    assert_eq!(
        states.collect::<Vec<_>>(),
        [
            State::Sent,
            State::Bounced,
            State::Deferred,
            State::Uncertain,
            State::Bounced,
            State::Sent,
            State::Sent,
            State::NotSent
        ]
    );
    // It rests, then it is tried once more, and then it counts as refused.
    let run = story.send(&table, &mut server.carrier());
    assert_eq!((run.n_resting, run.n_sent), (1, 0));
    story.clock.0 += 600;
    let run = story.send(&table, &mut server.carrier());
    assert_eq!((run.n_resting, run.n_refused), (0, 1));
    let tally = story.tally();
    assert_eq!(
        (tally.sent, tally.bounced, tally.uncertain, tally.not_sent),
        (3, 3, 1, 0)
    );
    assert!(!tally.is_done());
    let outbox = Outbox::of(&story.case).unwrap();
    let letter = outbox.mailings["letter"].letter("user:2").unwrap();
    assert_eq!(letter.reply.as_deref(), Some("550 5.1.1 no such user\\u{7}"));
    assert!(letter.through.as_ref().unwrap().starts_with("smtp 127.0.0.1:"));
    for (key, kind) in kinds.iter().enumerate().take(7) {
        let n = server.n_taken(&format!("{kind}@m{}.example", key + 1));
        assert!(n <= 1, "{kind}: {n}");
    }
    let taken = server.taken.lock().unwrap();
    let (_, german) = taken.iter().find(|(to, _)| to == "fine@m6.example").unwrap();
    assert!(german.contains("Content-Language: de\r\n"), "{german}");
    story.case.verify().unwrap();
}

#[test]
fn a_server_that_babbles_is_not_believed() {
    let server = Server::start();
    let mut story = Story::of(2);
    let table = table(1, |_| "babble@b.example".to_owned());
    story.approve("letter", &table, None).unwrap();
    let run = story.send(&table, &mut server.carrier());
    assert!(
        run.stopped
            .is_some_and(|stopped| stopped.why.contains("too long"))
    );
    assert_eq!(story.state("user:1"), State::NotSent);
    assert!(server.taken.lock().unwrap().is_empty());
}

/// Dies with the third letter in its hands.
struct Dying(u32);

impl Carrier for Dying {
    fn name(&self) -> String {
        "test".to_owned()
    }

    fn carry(&mut self, _: &Message, _: Timestamp) -> Answer {
        self.0 += 1;
        assert!(self.0 < 3, "as a power cut would");
        Answer::Taken {
            reply: "250".to_owned(),
        }
    }
}

#[test]
fn who_was_in_flight_at_a_crash_is_uncertain_until_a_person_decides() {
    let server = Server::start();
    let mut story = Story::of(5);
    let table = table(5, |key| format!("a{key}@b.example"));
    story.approve("letter", &table, None).unwrap();
    let crashed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        story.send(&table, &mut Dying(0));
    }));
    assert!(crashed.is_err());
    let tally = story.tally();
    assert_eq!((tally.sent, tally.uncertain, tally.not_sent), (2, 1, 2));
    let run = story.send(&table, &mut server.carrier());
    assert_eq!(run.n_sent, 2);
    assert_eq!(story.state("user:3"), State::Begun);
    assert_eq!(server.n_taken("a3@b.example"), 0);
    let ids = |case: &Case| Outbox::of(case).unwrap().mailings["letter"].message_id("user:3");
    let before = ids(&story.case);
    let by = story.clock.now();
    let again = Act::letters_again(
        "letter",
        &["user:3".to_owned()],
        "the provider has no record of it",
    );
    story.case.append(&by, &again).unwrap();
    let run = story.send(&table, &mut server.carrier());
    assert_eq!((run.n_sent, server.n_taken("a3@b.example")), (1, 1));
    assert_eq!(ids(&story.case), before);
    assert!(story.tally().is_done());
}

#[test]
fn what_was_approved_is_what_goes() {
    let server = Server::start();
    let mut story = Story::of(3);
    let approved = table(2, |key| format!("a{key}@b.example"));
    assert!(matches!(
        story.approve("letter", "subject,email\n", None),
        Err(Error::NotIssuable { .. })
    ));
    story.approve("letter", &approved, None).unwrap();
    // Another address, then another text: neither was approved.
    let moved = table(2, |key| format!("a{key}@evil.example"));
    assert_eq!(story.send(&moved, &mut server.carrier()).n_changed, 2);
    let by = story.clock.now();
    let fact = Signed::read("measures=We did nothing at all", None, None).unwrap();
    story.case.append(&by, &fact.act()).unwrap();
    let run = story.send(&approved, &mut server.carrier());
    // The German letter says the same as before.
    assert_eq!((run.n_changed, run.n_sent), (1, 1));
    assert_eq!(server.n_taken("a1@b.example"), 0);
    let fact = Signed::read("measures:de=Wir haben alles getan", None, None).unwrap();
    story.case.append(&by, &fact.act()).unwrap();
    let (dossier, outbox) = (
        Dossier::of(&story.case).unwrap(),
        Outbox::of(&story.case).unwrap(),
    );
    let mailing = &outbox.mailings["letter"];
    assert_eq!(stale(&dossier, mailing, &Tongue::built_in(), &REGIMES), (1, 0));
}

#[test]
fn another_list_writes_to_nobody_twice_unless_somebody_says_why() {
    let mut story = Story::of(3);
    let table = table(2, |key| format!("a{key}@b.example"));
    story.approve("letter", &table, None).unwrap();
    story.send(&table, &mut Dying(0));
    let list = story.list("update", &table, None);
    assert_eq!(list.ready, []);
    assert!(
        list.reasons()[0].0.contains("has a letter of the list `letter`"),
        "{:?}",
        list.reasons()
    );
    assert_eq!(
        story.list("update", &table, Some("the number rose")).ready.len(),
        2
    );
    story.approve("update", &table, Some("the number rose")).unwrap();
    let outbox = Outbox::of(&story.case).unwrap();
    let id = |name: &str| outbox.mailings[name].message_id("user:1");
    assert_ne!(id("letter"), id("update"));
}

#[test]
fn a_report_of_a_server_brings_a_letter_back() {
    let mut story = Story::of(3);
    let table = table(2, |key| format!("a{key}@b.example"));
    story.approve("letter", &table, None).unwrap();
    story.send(&table, &mut Dying(0));
    let outbox = Outbox::of(&story.case).unwrap();
    let id = outbox.mailings["letter"].message_id("user:1");
    let report = |id: &str, to: &str, action: &str| {
        let text = format!(
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; m\r\n\r\nFinal-Recipient: rfc822;{to}\r\nAction: {action}\r\nStatus: 5.1.1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{id}>\r\n\r\nDear\r\n--b--\r\n"
        );
        read_reports(text.as_bytes()).reports
    };
    for (id, to, action, expected) in [
        ("nobody@b.example", "a1@b.example", "failed", (0, 1, 0)),
        (id.as_str(), "other@b.example", "failed", (0, 0, 1)),
        (&id, "a1@b.example", "delayed", (0, 0, 1)),
        (&id, "A1@b.example", "failed", (1, 0, 0)),
    ] {
        let found = outbox.returned(&report(id, to, action));
        assert_eq!(
            (found.acts.len(), found.n_strange, found.n_idle),
            expected,
            "{id} {to} {action}"
        );
        let by = story.clock.now();
        story.case.append_all(&by, &found.acts).unwrap();
    }
    assert_eq!(story.state("user:1"), State::Bounced);
    let again = Outbox::of(&story.case)
        .unwrap()
        .returned(&report(&id, "a1@b.example", "failed"));
    assert_eq!((again.acts.len(), again.n_idle), (0, 1));
    // To another address it goes once more, without a further decision.
    let moved = table.replace("a1@b.example", "new@b.example");
    story.approve("letter", &moved, None).unwrap();
    assert_eq!(story.send(&moved, &mut Dying(1)).n_sent, 1);
    assert_eq!(story.state("user:1"), State::Sent);
}

#[test]
fn letters_that_somebody_else_sends_are_handed_over_once() {
    let mut story = Story::of(3);
    let table = table(3, |key| format!("a{key}@b.example"));
    story.approve("letter", &table, None).unwrap();
    let list = story.list("letter", &table, None);
    let sender = story.sender.clone();
    let mut over = |fails: bool| {
        let mut seen = 0;
        let mut write = |messages: &[Message]| {
            seen = messages.len();
            if fails {
                Err("the disk is full".to_owned())
            } else {
                Ok(())
            }
        };
        let done = hand_over(
            &mut story.case,
            "letter",
            &list,
            &sender,
            "file x",
            &mut story.clock,
            &mut write,
        );
        (done.ok(), seen)
    };
    assert_eq!(over(true), (None, 3));
    assert_eq!(over(false), (Some(3), 3));
    assert_eq!(over(false), (Some(0), 0));
    assert!(story.tally().is_done());
}

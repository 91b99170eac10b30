//! The traps of SCOPE.md §9, each with its exact bounds.

mod asked;
mod bucket;
mod clinic;
mod cluster;
mod credential;
mod found;
mod gap;
mod host;
mod mailbox;
mod nobody;
mod request;
mod residence;
mod session;
mod statement;
mod unsaid;

use crate::world::{Client, World};

const HOME: Client = Client {
    session: "s",
    ip: "192.0.2.1",
    device: "phone",
};

const AWAY: Client = Client {
    session: "s",
    ip: "203.0.113.7",
    device: "laptop",
};

const ALL: &[&str] = &["gate", "auth", "postgresql"];

/// User 7 has a history at home, logs in, and keeps working while the intruder reads from elsewhere.
fn stolen() -> World {
    let mut w = World::proved(10_000, ALL);
    w.login(
        10,
        "7",
        Client {
            session: "old",
            ..HOME
        },
    );
    w.get(
        20,
        Client {
            session: "old",
            ..HOME
        },
        "/tracks/1",
        "200",
    );
    w.login(1000, "7", HOME);
    w.get(1010, HOME, "/tracks/2", "200");
    w.profile(1100, AWAY, "7");
    w.get(1200, HOME, "/tracks/3", "200");
    w.get(1300, HOME, "/tracks/4", "401");
    w
}

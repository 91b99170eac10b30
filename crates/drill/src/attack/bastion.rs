//! Staff accounts: through the bastion to the database.

use super::Author;
use super::session::ssh;
use crate::logs::BASTION_HOST;
use crate::record::Statement;
use crate::sim::{Query, Reach, Seed, Side, Step};
use crate::world::{DESK, INTRUDER, User, World};

impl Author<'_> {
    /// Copies one table whole, and another until the connection is noticed and cancelled.
    pub(super) fn sql_dump(&mut self) {
        let host = BASTION_HOST.to_owned();
        self.then(Step::SshFailed {
            host,
            account: "dana",
            from: INTRUDER,
        });
        self.then(ssh(BASTION_HOST, INTRUDER));
        self.then(Step::Connect {
            role: "dana",
            side: Side::Intruder,
        });
        self.run(copy("playlists", Reach::Everyone));
        self.run(copy("profiles", Reach::FirstHalf));
        self.at = self.at.plus_secs(4);
        self.then(Step::Disconnect);
        self.then(Step::Leave);
        self.seeds.push(Seed::Connections);
        self.seed_account("host", "dana", None);
        let why = self.if_bold("a rented server that none of our staff ever came from");
        let exclusive = crate::sim::exclusivity(why);
        self.seeds.push(Seed::Plain(format!("ip={INTRUDER}{exclusive}")));
    }

    /// Looks up one person after the other.
    pub(super) fn insider(&mut self) {
        self.then(Step::Ssh {
            host: BASTION_HOST.to_owned(),
            account: "erin",
            from: DESK,
            side: Side::Intruder,
        });
        self.then(Step::Connect {
            role: "erin",
            side: Side::Intruder,
        });
        for victim in self.victims() {
            self.run(lookup("profiles", "*", &[], victim));
            if self.rng.percent(50) {
                let columns: &[&str] = &["card_token", "last4"];
                self.run(lookup("payment_methods", "card_token, last4", columns, victim));
            }
        }
        self.then(Step::Disconnect);
        self.then(Step::Leave);
        let why = self.if_bold("the account is personal and its key never left the token");
        self.seed_account("db", "erin", why);
        self.seed_account("host", "erin", None);
        self.look_into_bucket(why);
    }

    fn run(&mut self, query: Query) {
        let deed = if query.statement.command == "COPY" {
            "copy"
        } else {
            "lookup"
        };
        self.then(Step::Run { query, deed });
    }
}

fn copy(table: &'static str, reach: Reach) -> Query {
    Query {
        statement: Statement {
            class: "READ",
            command: "COPY",
            tables: vec![table],
            text: format!("COPY public.{table} TO STDOUT"),
            parameters: Some(Vec::new()),
            // pgaudit counts no rows of a COPY.
            rows: 0,
        },
        columns: &[],
        reach,
    }
}

fn lookup(table: &'static str, what: &str, columns: &'static [&'static str], user: User) -> Query {
    let key = World::key(user);
    Query {
        statement: Statement {
            class: "READ",
            command: "SELECT",
            tables: vec![table],
            text: format!("SELECT {what} FROM {table} WHERE user_id = {key};"),
            parameters: Some(Vec::new()),
            rows: 1,
        },
        columns,
        reach: Reach::Users(vec![user]),
    }
}

//! What a request reads and writes in the database, and whose data an intruder's request reaches.

use super::Sim;
use super::call::{Call, Injection, Request};
use crate::record::{Secret, Statement};
use crate::service::{EXPORTED, PAGE, Route};
use crate::world::{User, World};

impl Sim<'_> {
    /// The statement of a request, without the comment; none where no table is asked.
    pub(super) fn query(&self, request: &Request<'_>, job: Option<u64>) -> Option<Statement> {
        let call = request.call;
        let key = World::key(request.subject.unwrap_or_default());
        let mut parameters = vec![key.to_string()];
        let mut query = match call.route {
            Route::Profile | Route::Me => Statement::read(
                "profiles",
                "SELECT user_id, email, phone, display_name, birth_date, country FROM profiles WHERE user_id = $1",
                1,
            ),
            Route::Playlists => Statement::read(
                "playlists",
                "SELECT playlist_id, user_id, name FROM playlists WHERE user_id = $1",
                3,
            ),
            Route::Payment => Statement::read(
                "payment_methods",
                "SELECT user_id, card_token, last4 FROM payment_methods WHERE user_id = $1",
                1,
            ),
            Route::Invoices => Statement::read(
                "invoices",
                "SELECT invoice_id, user_id, amount, iban FROM invoices WHERE user_id = $1",
                4,
            ),
            Route::Messages => Statement::read(
                "messages",
                "SELECT user_id, body FROM messages WHERE user_id = $1",
                7,
            ),
            Route::History => {
                parameters.push(((call.number.max(1) - 1) * 50).to_string());
                Statement::read(
                    "plays",
                    "SELECT user_id, track_id, played_at FROM plays WHERE user_id = $1 ORDER BY played_at DESC LIMIT 50 OFFSET $2",
                    50,
                )
            }
            Route::EditProfile => {
                parameters.push(format!("name{key}"));
                Statement::write(
                    "UPDATE",
                    "profiles",
                    "UPDATE profiles SET display_name = $2 WHERE user_id = $1",
                )
            }
            Route::Password => {
                parameters.push("$2b$12$ZJx4kLq0uV9nYb3wE7tR5e".to_owned());
                Statement::write(
                    "UPDATE",
                    "accounts",
                    "UPDATE accounts SET password_hash = $2 WHERE user_id = $1",
                )
            }
            Route::DropPlaylist => {
                parameters.push(call.number.to_string());
                Statement::write(
                    "DELETE",
                    "playlists",
                    "DELETE FROM playlists WHERE user_id = $1 AND playlist_id = $2",
                )
            }
            Route::StartExport => {
                parameters.insert(0, format!("{:016x}", job.unwrap_or_default()));
                Statement::write(
                    "INSERT",
                    "exports",
                    "INSERT INTO exports (job_id, user_id) VALUES ($1, $2)",
                )
            }
            Route::Track => {
                parameters = vec![call.number.to_string()];
                Statement::read(
                    "tracks",
                    "SELECT track_id, title FROM tracks WHERE track_id = $1",
                    1,
                )
            }
            Route::UserList => {
                parameters = vec![
                    (call.number.max(1) - 1)
                        .saturating_mul(u64::from(PAGE))
                        .to_string(),
                ];
                let text = format!(
                    "SELECT user_id, email, display_name FROM profiles ORDER BY user_id LIMIT {PAGE} OFFSET $1"
                );
                Statement::read("profiles", &text, self.page(call.number).count() as u64)
            }
            Route::Search => return Some(self.search(call)),
            _ => return None,
        };
        query.parameters = Some(parameters);
        Some(query)
    }

    /// The search puts the text into the statement as it comes.
    fn search(&self, call: &Call) -> Statement {
        let text = format!(
            "SELECT track_id::text, title FROM tracks WHERE title ILIKE '%{}%'",
            call.text
        );
        let mut query = Statement::read("tracks", &text, 12);
        if let Some(injection) = call.injection {
            query.tables.push(injection.table());
            query.rows = self.injected(injection).len() as u64;
        }
        query
    }

    /// Whose rows the injection returns.
    fn injected(&self, injection: Injection) -> Vec<User> {
        match injection {
            Injection::Everyone => (0..self.world.users).collect(),
            Injection::Country(country) => (0..self.world.users)
                .filter(|user| self.world.country(*user) == country)
                .collect(),
            Injection::Sessions => self
                .sessions_by_user()
                .into_iter()
                .map(|(user, _)| user)
                .collect(),
        }
    }

    /// The table of sessions, ordered.
    pub(super) fn sessions_by_user(&self) -> Vec<(User, Secret)> {
        let mut rows: Vec<(User, Secret)> = self
            .sessions
            .iter()
            .map(|(secret, live)| (live.user, *secret))
            .collect();
        rows.sort_unstable();
        rows
    }

    /// The users on a page of the user list.
    fn page(&self, number: u64) -> impl Iterator<Item = User> + use<> {
        let first = (number.max(1) - 1).saturating_mul(u64::from(PAGE));
        let users = u64::from(self.world.users);
        (first.min(users)..(first + u64::from(PAGE)).min(users)).map(|user| user as User)
    }

    /// Notes what the intruder reached.
    pub(super) fn account(&mut self, request: &Request<'_>) {
        let call = request.call;
        let spec = call.route.spec();
        match call.route {
            Route::StartExport | Route::Login => {}
            Route::Report => {
                self.truth.internal.insert(call.text.clone());
            }
            Route::UserList => {
                for user in self.page(call.number) {
                    self.truth.touch(user, spec.classes, spec.effect);
                }
            }
            Route::GetExport => {
                if let Some(job) = self.jobs.get(&call.number) {
                    self.truth.touch(job.user, EXPORTED, "read");
                }
            }
            Route::Search => self.account_injection(call),
            _ => {
                if let Some(user) = request.subject {
                    self.truth.touch(user, spec.classes, spec.effect);
                }
            }
        }
    }

    fn account_injection(&mut self, call: &Call) {
        let Some(injection) = call.injection else { return };
        let classes: &[&'static str] = match injection {
            Injection::Sessions => &["credential"],
            _ => &["contact"],
        };
        for user in self.injected(injection) {
            self.truth.touch(user, classes, "read");
        }
    }

    pub(super) fn size(&mut self, request: &Request<'_>) -> u64 {
        let call = request.call;
        let spread = u64::from(request.subject.unwrap_or(3)) * 37 % 180;
        match call.route {
            Route::Profile | Route::Me => 212 + spread,
            Route::Playlists | Route::Messages | Route::Invoices => 640 + spread * 3,
            Route::Payment => 148 + spread / 4,
            Route::History => 3_100 + spread,
            Route::Track => 420 + call.number % 90,
            Route::Stream => 180_000 + self.rng.below(2_000_000),
            Route::Search => match call.injection {
                Some(injection) => 64 + 58 * self.injected(injection).len() as u64,
                None => 700 + spread,
            },
            Route::GetExport => 9_200 + spread * 5,
            Route::UserList => 40 + 110 * self.page(call.number).count() as u64,
            Route::Report => 18_400,
            Route::StartExport => 64,
            Route::Health => 2,
            _ => 0,
        }
    }
}

//! A host after a day's work: two connections of one account, deliveries in every state, a write in doubt.

pub mod records;

use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::effect::Verdict;
use gladhand_core::event::EventKind;
use gladhand_core::failure::FailureKind;
use gladhand_core::ids::{ConnectionId, EventId};
use gladhand_core::outcome::{Outcome, SkipCode};
use gladhand_core::pause::{By, Paused};
use gladhand_store::events::{EventDelivery, EventRecord};
use uuid::Uuid;

use self::records::{ago, dead, delivery, delivery_id, effect, link, synced, told, waiting};
use super::*;

/// The host, and what its commands find in the environment.
pub struct Scene {
    pub world: Arc<World>,
    environment: Environment,
}

impl Scene {
    /// One on which nothing was done yet.
    pub fn empty() -> Self {
        Self {
            world: World::new(),
            environment: Environment::of([
                ("SECRET", "0123456789abcdef"),
                ("CRM_TOKEN", "crm-token-0123"),
            ]),
        }
    }

    /// One with the source `support` and the connections `main` and `observer`, which share an account.
    pub async fn with_connections() -> Self {
        let scene = Self::empty();
        let source = ["source", "add", "support", "--webhook-secret", "env:SECRET"];
        scene.tell(&[&source]).await;
        for (name, mode) in [("main", "live"), ("observer", "observe")] {
            let connection = [
                "connection",
                "add",
                name,
                "--source",
                "support",
                "--connector",
                "crm",
                "--base-url",
                "https://crm.example.com",
                "--credential",
                "token=env:CRM_TOKEN",
                "--mode",
                mode,
            ];
            scene.tell(&[&connection]).await;
        }
        scene
    }

    /// One with a day's work behind it.
    pub async fn after_a_day() -> Self {
        let scene = Self::with_connections().await;
        let main = scene.connection("main");
        let mut deliveries = vec![synced(main), waiting(main), dead(main, 3), dead(main, 4)];
        deliveries.push(Delivery {
            outcome: Some(Outcome::Skipped {
                code: SkipCode::NoIdentity,
                reason: "the contact has neither an e-mail address nor a phone number".to_owned(),
            }),
            settled_at: Some(ago(50)),
            ..delivery(5, main, DeliveryState::Skipped)
        });
        deliveries.push(delivery(6, main, DeliveryState::Running));
        deliveries.push(delivery(7, main, DeliveryState::Superseded));
        *locked(&scene.world.deliveries) = deliveries;
        locked(&scene.world.details).push(told(synced(main)));
        let account = locked(&scene.world.accounts)[0].id;
        locked(&scene.world.effects).extend([
            effect(1, account, "person/email:jane@example.com", Verdict::Done),
            effect(2, account, "deal/contact:8", Verdict::Unknown),
        ]);
        locked(&scene.world.links).push((main, link("7", "person", "41")));
        locked(&scene.world.contacts).push("7".to_owned());
        let source = locked(&scene.world.sources)[0].id;
        locked(&scene.world.events).extend((1..=2).map(|number| EventRecord {
            id: EventId::from_uuid(Uuid::from_u128(number)),
            source,
            name: "contact_updated".to_owned(),
            contact: Some("7".to_owned()),
            received_at: ago(60),
            deliveries: vec![EventDelivery {
                id: delivery_id(number),
                connection: main,
                kind: Some(EventKind::ContactChanged),
                state: DeliveryState::Succeeded,
            }],
        }));
        scene
    }

    /// Its account has paused itself.
    pub fn with_a_refused_token(self) -> Self {
        let account = locked(&self.world.accounts)[0].id;
        let paused = Paused {
            by: By::Host,
            since: ago(5),
            kind: Some(FailureKind::Auth),
            message: "the CRM does not accept the token; give the connection a new one".to_owned(),
            connection: None,
            next_test: Some(ago(-5)),
        };
        locked(&self.world.pauses).accounts.push((account, paused));
        self
    }

    fn connection(&self, name: &str) -> ConnectionId {
        let connections = locked(&self.world.connections);
        let mut known = connections.iter();
        known
            .find(|connection| connection.name == name)
            .expect("it was added")
            .id
    }

    /// What a terminal shows after these commands.
    pub async fn tell(&self, commands: &[&[&str]]) -> String {
        let mut told = String::new();
        for command in commands {
            printer::captured::start();
            let result = run_against(&self.world, command, &self.environment).await;
            if let Err(error) = &result {
                printer::complain(error);
            }
            let captured = printer::captured::take();
            told.extend(["$ gladhand ", command.join(" ").as_str(), "\n"]);
            told.push_str(&captured.stdout);
            for line in captured.stderr.lines() {
                told.extend(["[stderr] ", line, "\n"]);
            }
            if !matches!(result, Ok(true)) {
                told.push_str("[exit code 1]\n");
            }
            told.push('\n');
        }
        told
    }
}

fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no test panics with it")
}

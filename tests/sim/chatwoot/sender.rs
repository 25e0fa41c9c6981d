//! Sends webhooks as Chatwoot does: signed at the time of sending, each with a delivery id of its own.

use anyhow::{Result, bail};
use gladhand_core::clock::Clock;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::Webhook;
use crate::http::Client;

/// Sends to one source of one host.
pub struct Sender<'a> {
    client: Client,
    path: String,
    secret: String,
    clock: &'a dyn Clock,
    sent: u64,
    /// Tells one run's delivery ids from another's.
    run: String,
}

impl<'a> Sender<'a> {
    /// For `http://{authority}/hooks/chatwoot/{source}`.
    pub fn new(
        authority: &str,
        source: &str,
        secret: &str,
        run: &str,
        clock: &'a dyn Clock,
    ) -> Self {
        Self {
            client: Client::new(authority),
            path: format!("/hooks/chatwoot/{source}"),
            secret: secret.to_owned(),
            clock,
            sent: 0,
            run: run.to_owned(),
        }
    }

    /// Sends one and gives back the host's word for what became of it: `stored`, `duplicate`, `unreadable`.
    pub async fn send(&mut self, webhook: &Webhook) -> Result<String> {
        self.send_bytes(webhook.body.to_string().into_bytes()).await
    }

    /// Sends a body as it is.
    pub async fn send_bytes(&mut self, body: Vec<u8>) -> Result<String> {
        self.sent += 1;
        let timestamp = (self.clock.now().0 / 1_000).to_string();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("x-chatwoot-delivery", format!("{}-{}", self.run, self.sent)),
            (
                "x-chatwoot-signature",
                sign(&self.secret, &timestamp, &body),
            ),
            ("x-chatwoot-timestamp", timestamp),
        ];
        let answer = self.client.post(&self.path, &headers, body).await?;
        if answer.status != 200 {
            bail!(
                "the host answered {}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            );
        }
        let answer: Value = serde_json::from_slice(&answer.body)?;
        Ok(answer["result"].as_str().unwrap_or_default().to_owned())
    }
}

/// `sha256=…` over `{timestamp}.{body}`.
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

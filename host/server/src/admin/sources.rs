//! Sources: added, listed, removed.

use gladhand_core::connection::Source;
use gladhand_core::ids::SourceId;
use gladhand_store::settings::SecretOwner;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::secrets::{self, SecretView};
use super::{Admin, Error, name_problem, url};
use crate::token;

/// A source to be added.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSource {
    /// Part of its webhook's path.
    pub name: String,
    /// Signs its events; without it the webhook's URL carries a token.
    #[serde(default, deserialize_with = "secrets::read_secret")]
    pub webhook_secret: Option<SecretString>,
    /// Of its own API.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Its own number for the account.
    #[serde(default)]
    pub account_id: Option<i64>,
    /// For its own API.
    #[serde(default, deserialize_with = "secrets::read_secret")]
    pub api_token: Option<SecretString>,
    /// Requests to it may go to private addresses.
    #[serde(default)]
    pub allow_private_network: bool,
    /// Requests to it may go without TLS.
    #[serde(default)]
    pub allow_http: bool,
}

/// A source as shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceView {
    /// Its id.
    pub id: SourceId,
    /// Its name.
    pub name: String,
    /// `chatwoot`
    pub kind: String,
    /// Whether its events are signed.
    pub signed: bool,
    /// Of its own API.
    pub base_url: Option<String>,
    /// Its own number for the account.
    pub account_id: Option<i64>,
    /// Requests to it may go to private addresses.
    pub allow_private_network: bool,
    /// Requests to it may go without TLS.
    pub allow_http: bool,
    /// What is known to it, without the values.
    pub secrets: Vec<SecretView>,
    /// The configuration file declares it, and the next start makes it as the file says.
    pub declared: bool,
    /// Where it sends its events; holds a token where it does not sign, so listings leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
}

/// The names under which a source's secrets are stored.
pub mod secret {
    /// Signs its events.
    pub const WEBHOOK: &str = "webhook_secret";
    /// For its own API.
    pub const API: &str = "api_token";
    /// Stands in its webhook's path.
    pub const PATH: &str = "path_token";
}

impl Admin {
    /// All, by name, without webhook URLs.
    pub async fn list_sources(&self) -> Result<Vec<SourceView>, Error> {
        let mut views = Vec::new();
        for source in self.parts.settings.sources().await? {
            let view = self.source_view(&source).await?;
            views.push(SourceView {
                webhook_url: None,
                ..view
            });
        }
        Ok(views)
    }

    /// One, by name or id, with its webhook URL.
    pub async fn show_source(&self, name: &str) -> Result<SourceView, Error> {
        let source = self.find_source(name).await?;
        self.source_view(&source).await
    }

    /// Adds one.
    pub async fn add_source(&self, new: NewSource) -> Result<SourceView, Error> {
        let _one_at_a_time = self.changing.lock().await;
        if self
            .parts
            .settings
            .sources()
            .await?
            .iter()
            .any(|source| source.name == new.name)
        {
            return Err(Error::Exists {
                what: "source",
                name: new.name,
            });
        }
        let source = self
            .put_source(SourceId::new(&*self.parts.ids), new)
            .await?;
        self.parts.operations.reload().await;
        let detail = if source.is_signed {
            "it was added, and signs its events"
        } else {
            "it was added, and its webhook's URL holds a token"
        };
        self.record("source.add", &source.name, detail).await;
        self.source_view(&source).await
    }

    /// Removes one whose connections are gone.
    pub async fn remove_source(&self, name: &str) -> Result<(), Error> {
        let _one_at_a_time = self.changing.lock().await;
        let source = self.find_source(name).await?;
        let connections = self.parts.settings.connections().await?;
        if let Some(connection) = connections
            .iter()
            .find(|connection| connection.source == source.id)
        {
            let by = format!("connection `{}`", connection.name);
            return Err(Error::InUse {
                what: "source",
                name: source.name,
                by,
            });
        }
        self.parts.settings.remove_source(source.id).await?;
        self.parts.operations.reload().await;
        self.record("source.remove", &source.name, "it was removed")
            .await;
        Ok(())
    }

    pub(super) async fn find_source(&self, name: &str) -> Result<Source, Error> {
        let sources = self.parts.settings.sources().await?;
        let is_meant = |source: &Source| source.name == name || source.id.to_string() == name;
        if let Some(found) = sources.iter().find(|known| is_meant(known)) {
            return Ok(found.clone());
        }
        let known = sources.iter().map(|known| known.name.as_str());
        Err(Error::not_found("source", name, known))
    }

    /// Stores a source with its secrets; a secret that it has and that is not given stays.
    pub(super) async fn put_source(&self, id: SourceId, new: NewSource) -> Result<Source, Error> {
        let mut problems: Vec<String> = name_problem("source", &new.name).into_iter().collect();
        let base_url = new
            .base_url
            .map(|base_url| url::canonical(&base_url, new.allow_http))
            .transpose();
        let base_url = base_url
            .map_err(|problem| problems.push(problem))
            .unwrap_or_default();
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        let settings = &*self.parts.settings;
        let owner = SecretOwner::Source(id);
        let known = settings.secrets(owner).await?;
        let is_known = |wanted: &str| known.iter().any(|(name, _)| name == wanted);
        let source = Source {
            id,
            name: new.name,
            kind: "chatwoot".to_owned(),
            base_url,
            account_id: new.account_id,
            is_signed: new.webhook_secret.is_some() || is_known(secret::WEBHOOK),
            allow_private_network: new.allow_private_network,
            allow_http: new.allow_http,
        };
        settings.put_source(&source).await?;
        let path_token = (!source.is_signed && !is_known(secret::PATH))
            .then(|| SecretString::from(token::generate()));
        let secrets = [
            (secret::WEBHOOK, new.webhook_secret),
            (secret::API, new.api_token),
            (secret::PATH, path_token),
        ];
        for (name, value) in secrets {
            if let Some(value) = value {
                settings.put_secret(owner, name, &value).await?;
            }
        }
        Ok(source)
    }

    async fn source_view(&self, source: &Source) -> Result<SourceView, Error> {
        let secrets = self
            .parts
            .settings
            .secrets(SecretOwner::Source(source.id))
            .await?;
        let mut webhook_url = format!("{}/hooks/chatwoot/{}", self.parts.public_url, source.name);
        let path_token = secrets.iter().find(|(name, _)| name == secret::PATH);
        if let (false, Some((_, token))) = (source.is_signed, path_token) {
            webhook_url.extend(["/", token.expose_secret()]);
        }
        Ok(SourceView {
            id: source.id,
            name: source.name.clone(),
            kind: source.kind.clone(),
            signed: source.is_signed,
            base_url: source.base_url.clone(),
            account_id: source.account_id,
            allow_private_network: source.allow_private_network,
            allow_http: source.allow_http,
            secrets: secrets
                .iter()
                .map(|(name, secret)| SecretView::of(name, secret))
                .collect(),
            declared: self.parts.declared.sources.contains(&source.name),
            webhook_url: Some(webhook_url),
        })
    }
}

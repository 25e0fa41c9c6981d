//! What a connector says of itself. Serialised it is docs/schema/descriptor.json.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::event::EventKind;

/// What a connector says of itself. Start with [`Descriptor::new`] and fill in what differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Descriptor {
    /// Lower case, digits, hyphens.
    pub id: String,
    /// For people.
    pub name: String,
    /// semver.
    pub version: String,
    /// The meaning of links, cache and effect keys; bumped when it changes.
    pub state: u32,
    /// How requests are authorised.
    pub auth: Auth,
    /// JSON Schema of a connection's settings.
    pub settings: Value,
    /// Hosts that requests may go to: `{base-url}` is the host of the account's base URL, `*.example.com` any subdomain.
    pub hosts: Vec<String>,
    /// The CRM's kinds of record that it writes.
    pub objects: Vec<String>,
    /// The event kinds that it handles; others never reach it.
    pub events: Vec<EventKind>,
    /// What `discover` can be asked for.
    pub discovers: Vec<String>,
    /// Default mapping rules per rule set.
    pub mapping: BTreeMap<String, Vec<MappingRule>>,
    /// What the provider lets one account send.
    pub budgets: Vec<Budget>,
    /// Paths whose POST only reads, `*` for one segment.
    pub read_only_posts: Vec<String>,
    /// The provider's longest request plus its search lag: looking earlier proves nothing.
    pub lookup_after_ms: u64,
    /// Fields that differ from call to call and mean nothing.
    pub volatile_fields: Vec<String>,
    /// The provider's API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<Api>,
    /// Limits that it needs raised, for the operator to grant.
    pub limits: Limits,
}

impl Descriptor {
    /// A connector without settings that may speak to the host of its base URL, without a credential.
    pub fn new(id: impl Into<String>, name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            version: version.into(),
            state: 1,
            auth: Auth::None,
            settings: json!({"type": "object", "additionalProperties": false}),
            hosts: vec!["{base-url}".to_owned()],
            objects: Vec::new(),
            events: Vec::new(),
            discovers: Vec::new(),
            mapping: BTreeMap::new(),
            budgets: Vec::new(),
            read_only_posts: Vec::new(),
            lookup_after_ms: 60_000,
            volatile_fields: Vec::new(),
            api: None,
            limits: Limits::default(),
        }
    }

    /// As the host reads it.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a descriptor holds nothing but JSON and text keys")
    }
}

/// How requests are authorised. Credentials stay in the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "scheme",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Auth {
    /// Nothing is added.
    None,
    /// A header with a prefix before the secret.
    StaticHeader {
        /// `Authorization`.
        header: String,
        /// `Bearer `.
        prefix: String,
        /// The credential's name: `token`.
        secret: String,
    },
    /// Secrets are put into the JSON body where the request says.
    BodySecret {
        /// The credentials' names.
        secrets: Vec<String>,
    },
}

impl Auth {
    /// `Authorization: Bearer <secret>`.
    pub fn bearer(secret: impl Into<String>) -> Self {
        Self::StaticHeader {
            header: "Authorization".to_owned(),
            prefix: "Bearer ".to_owned(),
            secret: secret.into(),
        }
    }
}

/// One rule: which field of the source goes to which field of the CRM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MappingRule {
    /// The field of the CRM.
    pub target: String,
    /// JSON pointers into the source, the first that holds something counts.
    pub source: Vec<String>,
    /// What is done to the value: trim, lower, upper, e164, html, text, string, integer, number, boolean.
    #[serde(default)]
    pub transform: Vec<String>,
    /// Used where the source holds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

impl MappingRule {
    /// Takes the first of `source` that holds something.
    pub fn new(target: &str, source: &[&str]) -> Self {
        Self {
            target: target.to_owned(),
            source: source.iter().map(|&pointer| pointer.to_owned()).collect(),
            transform: Vec::new(),
            default: None,
        }
    }

    /// Does something to the value.
    #[must_use]
    pub fn transform(mut self, name: &str) -> Self {
        self.transform.push(name.to_owned());
        self
    }
}

/// What the provider lets one account send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Budget {
    /// `requests`.
    pub name: String,
    /// Units in a window.
    pub limit: u32,
    /// Of a window.
    pub window_ms: u64,
    /// How units come back.
    pub kind: BudgetKind,
    /// What every request costs of it without saying so.
    pub per_request: u32,
    /// The response header that says what is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_header: Option<String>,
    /// The response header that says what the limit is: an installation may have another than the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_header: Option<String>,
}

impl Budget {
    /// A budget of which every request costs one unit.
    pub fn new(name: &str, limit: u32, window_ms: u64, kind: BudgetKind) -> Self {
        Self {
            name: name.to_owned(),
            limit,
            window_ms,
            kind,
            per_request: 1,
            remaining_header: None,
            limit_header: None,
        }
    }

    /// Names the response header that says what is left.
    #[must_use]
    pub fn remaining_header(mut self, name: &str) -> Self {
        self.remaining_header = Some(name.to_owned());
        self
    }

    /// Names the response header that says what the limit is.
    #[must_use]
    pub fn limit_header(mut self, name: &str) -> Self {
        self.limit_header = Some(name.to_owned());
        self
    }
}

/// How the units of a budget come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BudgetKind {
    /// All at once when the window that the first request opened ends.
    Fixed,
    /// Each when it is a window old.
    Rolling,
    /// When its request is answered.
    Concurrency,
}

/// The provider's API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Api {
    /// As the provider names it.
    pub version: String,
    /// A date, where the provider gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported_until: Option<String>,
}

/// Limits that a connector needs raised; absent is the host's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Bytes of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Wall time of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// HTTP calls of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_calls: Option<u32>,
}

//! What a connector says of itself. Its JSON Schema is docs/schema/descriptor.json.
//!
//! Unknown fields are ignored, so that a newer connector can say more to a newer host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a connector says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Descriptor {
    /// `krayin`: lower case, digits, hyphens.
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
    #[serde(default)]
    pub settings: Value,
    /// Hosts that requests may go to: `{base-url}` is the host of the account's base URL, `*.example.com` any subdomain.
    pub hosts: Vec<String>,
    /// The CRM's kinds of record that it writes.
    #[serde(default)]
    pub objects: Vec<String>,
    /// The event kinds that it handles; others never reach it.
    pub events: Vec<String>,
    /// What `discover` can be asked for.
    #[serde(default)]
    pub discovers: Vec<String>,
    /// Default mapping rules per rule set.
    #[serde(default)]
    pub mapping: BTreeMap<String, Vec<MappingRule>>,
    /// What the provider lets one account send.
    #[serde(default)]
    pub budgets: Vec<BudgetSpec>,
    /// Paths whose POST only reads, `*` for one segment.
    #[serde(default)]
    pub read_only_posts: Vec<String>,
    /// The provider's longest request plus its search lag: looking earlier proves nothing.
    pub lookup_after_ms: u64,
    /// Fields that differ from call to call and mean nothing.
    #[serde(default)]
    pub volatile_fields: Vec<String>,
    /// The provider's API.
    #[serde(default)]
    pub api: Option<Api>,
    /// Limits that it needs raised, for the operator to grant.
    #[serde(default)]
    pub limits: LimitRequest,
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
        #[serde(default)]
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
    /// The credentials that a connection must have.
    pub fn secrets(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::StaticHeader { secret, .. } => std::slice::from_ref(secret),
            Self::BodySecret { secrets } => secrets,
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
    #[serde(default)]
    pub default: Option<Value>,
}

/// What a provider lets one account send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BudgetSpec {
    /// `requests`.
    pub name: String,
    /// Units in a window.
    pub limit: u32,
    /// Of a window.
    pub window_ms: u64,
    /// How units come back.
    pub kind: BudgetKind,
    /// What every request costs of it without saying so.
    #[serde(default = "one")]
    pub per_request: u32,
    /// The response header that says what is left.
    #[serde(default)]
    pub remaining_header: Option<String>,
    /// The response header that says what the limit is: an installation may have another than the product.
    #[serde(default)]
    pub limit_header: Option<String>,
}

fn one() -> u32 {
    1
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
    #[serde(default)]
    pub supported_until: Option<String>,
}

/// Limits that a connector needs raised; absent is the host's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LimitRequest {
    /// Bytes of memory.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Wall time of a call.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    /// HTTP calls of a call.
    #[serde(default)]
    pub http_calls: Option<u32>,
}

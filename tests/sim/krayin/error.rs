//! What goes wrong on the server, and the three ways in which installations say it. It knows no record.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::answer::Answer;
use super::request::Request;

const UNAUTHENTICATED: &str = "You are not authenticated. Please log in to continue.";
const NOT_FOUND: &str = "The requested resource could not be found.";
const ERROR: &str = "An unexpected error occurred on the server. Please try again later.";
const NOT_FOUND_EXCEPTION: &str =
    "Symfony\\Component\\HttpKernel\\Exception\\NotFoundHttpException";

/// How an installation answers errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contract {
    /// Up to 2.1 with `APP_DEBUG=false`: 500 for whatever is not a 404 or 422, and untranslated keys as messages.
    Production,
    /// Up to 2.1 with `APP_DEBUG=true`: real statuses and exceptions.
    Debug,
    /// The rest-api of 2026: real statuses, translated messages.
    Generation2026,
}

/// Why a request was not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No token, or one that is dead.
    Unauthenticated,
    /// Over the rate limit.
    Throttled {
        /// The limit.
        limit: u32,
        /// Seconds until the window ends.
        retry_after_secs: u64,
        /// When it ends, in seconds of the epoch.
        reset: i64,
    },
    /// No such path.
    NoRoute,
    /// The path exists, with these methods.
    WrongMethod(String),
    /// Validation: field and message, in the order of the rules.
    Invalid(Vec<(String, String)>),
    /// `findOrFail` found nothing.
    NotFound(String),
    /// `find` found nothing and the code went on.
    Null(&'static str),
    /// A meeting overlaps another.
    Overlap,
    /// Everything that PHP or the database throws.
    Broken {
        /// The class that was thrown.
        exception: &'static str,
        /// What it says.
        message: String,
    },
}

impl Failure {
    /// No row of `model` has this id.
    pub fn not_found(model: &str, id: impl std::fmt::Display) -> Self {
        Self::NotFound(format!("No query results for model [Webkul\\{model}] {id}"))
    }

    /// A PHP warning that became an exception.
    pub fn php(message: impl Into<String>) -> Self {
        Self::Broken {
            exception: "ErrorException",
            message: message.into(),
        }
    }

    /// What the database refused.
    pub fn sql(message: impl Into<String>) -> Self {
        Self::Broken {
            exception: "Illuminate\\Database\\QueryException",
            message: message.into(),
        }
    }

    /// A row that refers to nothing.
    pub fn foreign_key(table: &str, column: &str) -> Self {
        Self::sql(format!(
            "SQLSTATE[23000]: Integrity constraint violation: 1452 Cannot add or update a child row: \
             a foreign key constraint fails (`krayin`.`{table}`, CONSTRAINT `{table}_{column}_foreign`)"
        ))
    }

    /// A row that exists already.
    pub fn duplicate(value: &str, key: &str) -> Self {
        Self::sql(format!(
            "SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry '{value}' for key '{key}'"
        ))
    }

    /// A column that is not there.
    pub fn no_column(column: &str) -> Self {
        Self::sql(format!(
            "SQLSTATE[42S22]: Column not found: 1054 Unknown column '{column}' in 'where clause'"
        ))
    }

    /// One field that validation refuses.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![(field.to_owned(), message.into())])
    }

    /// The answer to it.
    pub fn answer(self, contract: Contract, request: &Request, base_url: &str) -> Answer {
        let is_told = request.is_ajax || contract == Contract::Generation2026;
        match self {
            Self::Invalid(errors) if request.wants_json => validation(&errors),
            Self::Overlap if is_told => {
                let message = "Participants have another meeting at this time.";
                Answer::json(400, json!({ "message": message }))
            }
            Self::Invalid(_) | Self::Overlap => Answer::redirect(base_url),
            other if contract == Contract::Production => other.collapsed(request),
            other => other.told(contract, request),
        }
    }

    fn collapsed(self, request: &Request) -> Answer {
        let is_missing = matches!(self, Self::NotFound(_) | Self::NoRoute);
        let (status, key, title) = if is_missing {
            (404, "resource-not-found", "404 Page Not Found")
        } else {
            (500, "internal-server-error", "500 Internal Server Error")
        };
        if request.wants_json {
            Answer::json(
                status,
                json!({ "message": format!("admin::app.common.{key}") }),
            )
        } else {
            Answer::page(200, title)
        }
    }

    fn told(self, contract: Contract, request: &Request) -> Answer {
        let is_new = contract == Contract::Generation2026;
        let (status, old, exception, new) = match &self {
            Self::Unauthenticated if !request.wants_json && !is_new => {
                return Answer::page(
                    500,
                    "Route [login] not defined. (500 Internal Server Error)",
                );
            }
            Self::Unauthenticated => (
                401,
                "admin::app.common.unauthenticated".to_owned(),
                None,
                UNAUTHENTICATED,
            ),
            Self::Throttled { .. } => (
                429,
                "Too Many Attempts.".to_owned(),
                Some("Illuminate\\Http\\Exceptions\\ThrottleRequestsException"),
                "Too Many Requests",
            ),
            Self::NoRoute => {
                let path = request.path.trim_start_matches('/');
                let message = format!("The route {path} could not be found.");
                (404, message, Some(NOT_FOUND_EXCEPTION), NOT_FOUND)
            }
            Self::WrongMethod(allowed) => {
                let (method, path) = (&request.method, request.path.trim_start_matches('/'));
                let message = format!(
                    "The {method} method is not supported for route {path}. Supported methods: {allowed}."
                );
                let exception =
                    "Symfony\\Component\\HttpKernel\\Exception\\MethodNotAllowedHttpException";
                (405, message, Some(exception), "Method Not Allowed")
            }
            Self::NotFound(message) => (404, message.clone(), Some(NOT_FOUND_EXCEPTION), NOT_FOUND),
            Self::Null(property) => {
                let message = format!("Attempt to read property \"{property}\" on null");
                (
                    if is_new { 404 } else { 500 },
                    message,
                    Some("ErrorException"),
                    NOT_FOUND,
                )
            }
            Self::Broken { exception, message } => (500, message.clone(), Some(*exception), ERROR),
            Self::Invalid(_) | Self::Overlap => unreachable!("answered alike by every contract"),
        };
        let answer = match (is_new, exception, request.wants_json) {
            (_, _, false) => Answer::page(status, &old),
            (true, _, _) => Answer::json(status, json!({ "message": new })),
            (_, Some(exception), _) => {
                Answer::json(status, json!({ "message": old, "exception": exception }))
            }
            (_, None, _) => Answer::json(status, json!({ "message": old })),
        };
        match self {
            Self::Throttled {
                limit,
                retry_after_secs,
                reset,
            } => answer
                .with("retry-after", retry_after_secs)
                .with("x-ratelimit-limit", limit)
                .with("x-ratelimit-remaining", 0)
                .with("x-ratelimit-reset", reset),
            Self::WrongMethod(allowed) => answer.with("allow", allowed),
            _ => answer,
        }
    }
}

fn validation(errors: &[(String, String)]) -> Answer {
    let mut fields = serde_json::Map::new();
    for (field, message) in errors {
        let messages = fields.entry(field.clone()).or_insert_with(|| json!([]));
        if let Value::Array(messages) = messages {
            messages.push(Value::from(message.as_str()));
        }
    }
    let mut message = errors
        .first()
        .map(|(_, first)| first.clone())
        .unwrap_or_default();
    match errors.len() {
        0 | 1 => {}
        2 => message.push_str(" (and 1 more error)"),
        n => {
            write!(message, " (and {} more errors)", n - 1).expect("writing to a text never fails");
        }
    }
    Answer::json(422, json!({ "message": message, "errors": fields }))
}

//! What the hostile and golden components share: the raw bindings of the contract and a macro that fills in a component
//! of which only `handle` matters.
//!
//! They do not use the SDK: a hostile component does what no SDK would let it do.

#[expect(clippy::pedantic, reason = "generated")]
pub mod bindings {
    //! The contract as a guest sees it.
    wit_bindgen::generate!({
        path: "../../wit",
        world: "base",
        pub_export_macro: true,
        default_bindings_module: "gladhand_guests::bindings",
    });
}

use bindings::gladhand::connector::http::{self, Effect, Request, Response};
use bindings::gladhand::connector::types::{Failure, Outcome, Skip};

/// Exports a component whose `handle` is the given function of the connection and the event.
///
/// A second argument gives the descriptor; without it, it is that of [`descriptor`] under the guest's own name.
#[macro_export]
macro_rules! guest {
    (|$connection:pat_param, $event:pat_param| $handle:expr) => {
        $crate::guest!(|$connection, $event| $handle, $crate::descriptor(module_path!()));
    };
    (|$connection:pat_param, $event:pat_param| $handle:expr, $descriptor:expr) => {
        use $crate::bindings::gladhand::connector::types as contract;

        struct Component;

        impl $crate::bindings::exports::gladhand::connector::connector::Guest for Component {
            fn describe() -> String {
                $descriptor
            }

            fn check(_: contract::Connection) -> Result<Vec<contract::Check>, contract::Failure> {
                Ok(Vec::new())
            }

            fn discover(
                _: contract::Connection,
                what: String,
            ) -> Result<String, contract::Failure> {
                Err($crate::failure("unsupported", &what))
            }

            fn handle(
                $connection: contract::Connection,
                $event: contract::Event,
            ) -> Result<contract::Outcome, contract::Failure> {
                $handle
            }
        }

        $crate::bindings::export!(Component with_types_in $crate::bindings);
    };
}

/// A descriptor with nothing remarkable in it.
pub fn descriptor(id: &str) -> String {
    serde_json::json!({
        "id": id.replace('_', "-"),
        "name": id,
        "version": "0.1.0",
        "state": 1,
        "auth": { "scheme": "none" },
        "hosts": ["{base-url}"],
        "events": ["contact.changed"],
        "lookup-after-ms": 60_000,
    })
    .to_string()
}

/// A failure of this kind.
pub fn failure(kind: &str, message: &str) -> Failure {
    Failure {
        kind: kind.to_owned(),
        message: message.to_owned(),
        provider_code: None,
        retry_after_ms: None,
        fields: Vec::new(),
        attributes: Vec::new(),
    }
}

/// What a component says that did nothing and wants to tell why.
pub fn skipped(reason: impl Into<String>) -> Outcome {
    Outcome::Skipped(Skip {
        code: "unchanged".to_owned(),
        reason: reason.into(),
        attributes: Vec::new(),
    })
}

/// A GET of `url`.
pub fn get(url: &str) -> Result<Response, http::Error> {
    http::send(&request("GET", url, Effect::Read, None))
}

/// A request with nothing remarkable in it.
pub fn request(method: &str, url: &str, effect: Effect, body: Option<Vec<u8>>) -> Request {
    Request {
        method: method.to_owned(),
        url: url.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body,
        body_secrets: Vec::new(),
        effect,
        costs: Vec::new(),
        timeout_ms: None,
        attributes: Vec::new(),
    }
}

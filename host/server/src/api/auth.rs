//! Who may use the API: whoever sends the token.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use crate::token::Hash;

/// Lets nothing through without the token.
pub async fn require(State(token): State<Hash>, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let given = given
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    if given.is_some_and(|(_, given)| token.is_of(given.trim())) {
        return next.run(request).await;
    }
    let detail = match given {
        Some(_) => {
            "this is not the admin token; it is in the file `admin.token` of the host's data directory"
        }
        None => {
            "send `Authorization: Bearer TOKEN`; the admin token is in the file `admin.token` of the host's data directory"
        }
    };
    let mut response =
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", detail).into_response();
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

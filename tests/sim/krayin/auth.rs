//! Login, logout, tokens (facts §1): a login deletes every token of its user.

use std::collections::HashMap;

use super::answer::{Answer, object};
use super::error::Failure;
use super::rules;
use super::state::{Call, Outcome, State};
use super::users;

/// Personal access tokens, by their plain text.
#[derive(Debug, Default)]
pub struct Tokens {
    last_id: u32,
    users: HashMap<String, u32>,
}

impl Tokens {
    /// A new token of a user. The others stay.
    pub fn issue(&mut self, user: u32) -> String {
        self.last_id += 1;
        let mut seed = u64::from(self.last_id);
        let secret: String = (0..48).map(|_| letter(&mut seed)).collect();
        let token = format!("{}|{secret}", self.last_id);
        self.users.insert(token.clone(), user);
        token
    }

    /// Whose token it is.
    pub fn user(&self, token: &str) -> Option<u32> {
        self.users.get(token).copied()
    }

    /// Deletes every token of a user.
    pub fn revoke(&mut self, user: u32) {
        self.users.retain(|_, owner| *owner != user);
    }
}

/// `POST /login`.
pub fn login(state: &mut State, call: &Call<'_>) -> Outcome {
    rules::require(call, &["email", "password", "device_name"])?;
    let given = |name: &str| {
        call.set(name)
            .and_then(|value| value.as_str())
            .unwrap_or_default()
    };
    let email = given("email");
    if !rules::is_email(email) {
        return Err(Failure::invalid(
            "email",
            "The email must be a valid email address.",
        ));
    }
    let user = state
        .users
        .rows()
        .find(|user| user.email.eq_ignore_ascii_case(email));
    let Some(user) = user.filter(|user| user.password == given("password")) else {
        return Err(Failure::invalid(
            "email",
            "The provided credentials are incorrect.",
        ));
    };
    let (id, data) = (user.id, users::render(state, user));
    state.tokens.revoke(id);
    let token = state.tokens.issue(id);
    Ok(Answer::ok(object([
        ("data", data),
        ("message", "Login successful.".into()),
        ("token", token.into()),
    ])))
}

/// `DELETE /logout`.
#[expect(clippy::unnecessary_wraps, reason = "a handler, as its neighbours are")]
pub fn logout(state: &mut State, call: &Call<'_>) -> Outcome {
    state.tokens.revoke(call.user);
    Ok(Answer::message("Logout successful."))
}

/// `GET /get`.
#[expect(clippy::unnecessary_wraps, reason = "a handler, as its neighbours are")]
pub fn show(state: &mut State, call: &Call<'_>) -> Outcome {
    Ok(Answer::data(users::render_id(state, call.user)))
}

/// One letter or digit; the seed walks on (`SplitMix64`).
fn letter(seed: &mut u64) -> char {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let position = (mixed ^ (mixed >> 31)) % ALPHABET.len() as u64;
    char::from(ALPHABET[usize::try_from(position).unwrap_or(0)])
}

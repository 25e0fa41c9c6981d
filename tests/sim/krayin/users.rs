//! Users and roles. Roles are stored and not enforced; `view_permission` counts for searches alone (facts §1).

use gladhand_core::clock::Timestamp;
use serde_json::{Value, json};

use super::answer::Answer;
use super::cell::Cell;
use super::error::Failure;
use super::list;
use super::php;
use super::rules;
use super::search;
use super::state::{Call, Outcome, State};
use super::table::Row;

/// Somebody who can log in.
#[derive(Debug, Clone)]
pub struct User {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its address, unique.
    pub email: String,
    /// Its password, in the clear: nobody's.
    pub password: String,
    /// 1 is active; nobody asks.
    pub status: i64,
    /// `global`, `group` or `individual`.
    pub view_permission: String,
    /// Its role.
    pub role_id: u32,
    /// When it was made and last changed.
    pub created_at: Timestamp,
}

/// A role.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its id.
    pub id: u32,
    /// Its name, unique.
    pub name: String,
    /// What it is for.
    pub description: Value,
    /// `all` or `custom`.
    pub permission_type: String,
    /// What it may.
    pub permissions: Value,
    /// When it was made; the seeded one has no time.
    pub created_at: Option<Timestamp>,
}

impl Row for User {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "email",
        "status",
        "view_permission",
        "role_id",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> u32 {
        self.id
    }

    fn created(&self) -> Timestamp {
        self.created_at
    }

    fn cell(&self, column: &str) -> Option<Cell<'_>> {
        Some(match column {
            "id" => Cell::key(Some(self.id)),
            "name" => Cell::text(Some(&self.name)),
            "email" => Cell::text(Some(&self.email)),
            "status" => Cell::Int(self.status),
            "view_permission" => Cell::text(Some(&self.view_permission)),
            "role_id" => Cell::key(Some(self.role_id)),
            "created_at" | "updated_at" => Cell::time(Some(self.created_at)),
            _ => return None,
        })
    }
}

impl Row for Role {
    const COLUMNS: &'static [&'static str] =
        &["id", "name", "permission_type", "created_at", "updated_at"];

    fn id(&self) -> u32 {
        self.id
    }

    fn created(&self) -> Timestamp {
        self.created_at.unwrap_or_default()
    }

    fn cell(&self, column: &str) -> Option<Cell<'_>> {
        Some(match column {
            "id" => Cell::key(Some(self.id)),
            "name" => Cell::text(Some(&self.name)),
            "permission_type" => Cell::text(Some(&self.permission_type)),
            "created_at" | "updated_at" => Cell::time(self.created_at),
            _ => return None,
        })
    }
}

/// A user as every answer shows it.
pub fn render(state: &State, user: &User) -> Value {
    let at = php::iso(user.created_at);
    json!({
        "id": user.id, "name": user.name, "email": user.email, "status": user.status,
        "view_permission": user.view_permission,
        "role": state.roles.get(user.role_id).map(render_role),
        "created_at": at, "updated_at": at, "image": null, "image_url": null,
    })
}

/// A user by id; null where there is none.
pub fn render_id(state: &State, id: u32) -> Value {
    state
        .users
        .get(id)
        .map_or(Value::Null, |user| render(state, user))
}

/// `GET /settings/users`.
pub fn index(state: &mut State, call: &Call<'_>) -> Outcome {
    list::index(&state.users, call, |user| render(state, user))
}

/// `GET /settings/users/search`.
pub fn find(state: &mut State, call: &Call<'_>) -> Outcome {
    let fields = ["name", "email", "status", "view_permission", "role_id"];
    search::search(&state.users, call, &fields, Row::cell, |user| {
        render(state, user)
    })
}

/// `GET /settings/users/{id}`.
pub fn show(state: &mut State, call: &Call<'_>) -> Outcome {
    let user = state.users.get(call.id).ok_or(Failure::Null("id"))?;
    Ok(Answer::data(render(state, user)))
}

/// `POST /settings/users`.
pub fn store(state: &mut State, call: &Call<'_>) -> Outcome {
    rules::require(call, &["email", "name", "role_id"])?;
    let text = |name: &str| call.set(name).and_then(php::text).unwrap_or_default();
    let email = text("email");
    if state
        .users
        .rows()
        .any(|user| user.email.eq_ignore_ascii_case(&email))
    {
        return Err(Failure::invalid(
            "email",
            "The email has already been taken.",
        ));
    }
    let view_permission = call
        .set("view_permission")
        .and_then(php::text)
        .ok_or_else(|| Failure::php("Undefined array key \"view_permission\""))?;
    let role_id = call.id_in("role_id");
    let id = state.users.take_id();
    if !state.roles.contains(role_id) {
        return Err(Failure::foreign_key("users", "role_id"));
    }
    let user = User {
        id,
        name: text("name"),
        email,
        password: text("password"),
        status: i64::from(call.set("status").is_some()),
        view_permission,
        role_id,
        created_at: call.now,
    };
    let data = render(state, &user);
    state.users.insert(user);
    Ok(Answer::written(data, "User created successfully."))
}

/// `GET /settings/roles`.
pub fn index_roles(state: &mut State, call: &Call<'_>) -> Outcome {
    list::index(&state.roles, call, render_role)
}

/// `POST /settings/roles`.
pub fn store_role(state: &mut State, call: &Call<'_>) -> Outcome {
    rules::require(call, &["name", "permission_type"])?;
    let text = |name: &str| call.set(name).and_then(php::text).unwrap_or_default();
    let name = text("name");
    if state
        .roles
        .rows()
        .any(|role| role.name.eq_ignore_ascii_case(&name))
    {
        return Err(Failure::invalid("name", "The name has already been taken."));
    }
    let permission_type = text("permission_type");
    let permissions = match call.set("permissions") {
        Some(permissions) => permissions.clone(),
        None if permission_type == "custom" => json!([]),
        None => Value::Null,
    };
    let role = Role {
        id: state.roles.take_id(),
        name,
        description: call.set("description").cloned().unwrap_or_default(),
        permission_type,
        permissions,
        created_at: Some(call.now),
    };
    let data = render_role(&role);
    state.roles.insert(role);
    Ok(Answer::written(data, "Role created successfully."))
}

fn render_role(role: &Role) -> Value {
    let at = role.created_at.map_or(Value::Null, php::iso);
    json!({
        "id": role.id, "name": role.name, "description": role.description,
        "permission_type": role.permission_type, "permissions": role.permissions,
        "created_at": at, "updated_at": at,
    })
}

//! Which path leads where. What is not here the simulator does not serve: products, quotes, mails, warehouses,
//! imports, marketing, web forms, workflows and webhooks answer 404.

use super::error::Failure;
use super::state::{Call, Outcome, State};
use super::{
    activities, attributes, auth, leads, lookup, organizations, persons, settings, tags, users,
};

/// What serves a request.
pub type Handler = fn(&mut State, &Call<'_>) -> Outcome;

/// A path, `{id}` standing for digits and `{text}` for anything, and what its methods do.
type Route = (&'static str, &'static [(&'static str, Handler)]);

const PREFIX: &str = "/api/v1/";
/// What is served without a token.
const LOGIN: &str = "login";

const ROUTES: &[Route] = &[
    (LOGIN, &[("POST", auth::login)]),
    ("logout", &[("DELETE", auth::logout)]),
    ("get", &[("GET", auth::show)]),
    (
        "contacts/persons",
        &[("GET", persons::index), ("POST", persons::store)],
    ),
    ("contacts/persons/search", &[("GET", persons::find)]),
    (
        "contacts/persons/mass-destroy",
        &[("POST", persons::mass_destroy)],
    ),
    (
        "contacts/persons/{id}",
        &[
            ("GET", persons::show),
            ("PUT", persons::update),
            ("DELETE", persons::destroy),
        ],
    ),
    (
        "contacts/persons/{id}/tags",
        &[
            ("POST", tags::attach_to_person),
            ("DELETE", tags::detach_from_person),
        ],
    ),
    (
        "contacts/persons/{id}/activities",
        &[("GET", persons::activities)],
    ),
    (
        "contacts/organizations",
        &[
            ("GET", organizations::index),
            ("POST", organizations::store),
        ],
    ),
    (
        "contacts/organizations/mass-destroy",
        &[("POST", organizations::mass_destroy)],
    ),
    (
        "contacts/organizations/{id}",
        &[
            ("GET", organizations::show),
            ("PUT", organizations::update),
            ("DELETE", organizations::destroy),
        ],
    ),
    ("leads", &[("GET", leads::index), ("POST", leads::store)]),
    ("leads/search", &[("GET", leads::find)]),
    ("leads/get", &[("GET", leads::kanban)]),
    ("leads/mass-update", &[("POST", leads::mass_update)]),
    ("leads/mass-destroy", &[("POST", leads::mass_destroy)]),
    (
        "leads/{id}",
        &[
            ("GET", leads::show),
            ("PUT", leads::update),
            ("DELETE", leads::destroy),
        ],
    ),
    ("leads/stage/edit/{id}", &[("PUT", leads::edit_stage)]),
    (
        "leads/attributes/edit/{id}",
        &[("PUT", leads::edit_attributes)],
    ),
    (
        "leads/{id}/tags",
        &[
            ("POST", tags::attach_to_lead),
            ("DELETE", tags::detach_from_lead),
        ],
    ),
    ("leads/{id}/activities", &[("GET", leads::activities)]),
    (
        "activities",
        &[("GET", activities::index), ("POST", activities::store)],
    ),
    (
        "activities/mass-destroy",
        &[("POST", activities::mass_destroy)],
    ),
    (
        "activities/{id}",
        &[
            ("GET", activities::show),
            ("PUT", activities::update),
            ("DELETE", activities::destroy),
        ],
    ),
    (
        "settings/pipelines",
        &[
            ("GET", settings::index_pipelines),
            ("POST", settings::store_pipeline),
        ],
    ),
    (
        "settings/pipelines/{id}",
        &[("GET", settings::show_pipeline)],
    ),
    (
        "settings/sources",
        &[
            ("GET", settings::index_sources),
            ("POST", settings::store_source),
        ],
    ),
    ("settings/sources/{id}", &[("GET", settings::show_source)]),
    (
        "settings/types",
        &[
            ("GET", settings::index_types),
            ("POST", settings::store_type),
        ],
    ),
    ("settings/types/{id}", &[("GET", settings::show_type)]),
    (
        "settings/attributes",
        &[("GET", attributes::index), ("POST", attributes::store)],
    ),
    ("settings/attributes/{id}", &[("GET", attributes::show)]),
    (
        "settings/attributes/lookup/{text}",
        &[("GET", lookup::lookup)],
    ),
    (
        "settings/attributes/lookup-entity/{text}",
        &[("GET", lookup::lookup_entity)],
    ),
    (
        "settings/tags",
        &[("GET", tags::index), ("POST", tags::store)],
    ),
    ("settings/tags/search", &[("GET", tags::find)]),
    (
        "settings/tags/{id}",
        &[
            ("GET", tags::show),
            ("PUT", tags::update),
            ("DELETE", tags::destroy),
        ],
    ),
    (
        "settings/users",
        &[("GET", users::index), ("POST", users::store)],
    ),
    ("settings/users/search", &[("GET", users::find)]),
    ("settings/users/{id}", &[("GET", users::show)]),
    (
        "settings/roles",
        &[("GET", users::index_roles), ("POST", users::store_role)],
    ),
];

/// Where a request leads.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// What serves it.
    pub handler: Handler,
    /// The id in its path; 0 where there is none.
    pub id: u32,
    /// The last segment of its path.
    pub last: &'a str,
    /// Whether it needs no token.
    pub is_public: bool,
}

/// Finds what serves a method and a path.
pub fn find<'a>(method: &str, path: &'a str) -> Result<Found<'a>, Failure> {
    let path = path.strip_prefix(PREFIX).ok_or(Failure::NoRoute)?;
    let matching = ROUTES
        .iter()
        .find_map(|(pattern, methods)| Some((pattern, methods, matched(pattern, path)?)));
    let (pattern, methods, id) = matching.ok_or(Failure::NoRoute)?;
    match methods.iter().find(|(served, _)| *served == method) {
        Some((_, handler)) => Ok(Found {
            handler: *handler,
            id,
            last: path.rsplit('/').next().unwrap_or_default(),
            is_public: *pattern == LOGIN,
        }),
        None => Err(Failure::WrongMethod(allowed(methods))),
    }
}

/// The id in `path` if it has the shape of `pattern`; 0 where the pattern has none.
fn matched(pattern: &str, path: &str) -> Option<u32> {
    let mut id = 0;
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        let segment = segments.next()?;
        match wanted {
            "{id}" => id = segment.parse().ok()?,
            "{text}" => {}
            literal if literal == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(id)
}

fn allowed(methods: &[(&str, Handler)]) -> String {
    let mut names = Vec::new();
    for (method, _) in methods {
        names.push(*method);
        if *method == "GET" {
            names.push("HEAD");
        }
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &str, path: &str, expect: &Result<u32, Failure>) {
        assert_eq!(
            &find(method, path).map(|found| found.id),
            expect,
            "{method} {path}"
        );
    }

    #[test]
    fn a_path_is_found_by_its_shape_and_a_wrong_method_lists_the_right_ones() {
        check("GET", "/api/v1/leads/7", &Ok(7));
        check("GET", "/api/v1/leads/search", &Ok(0));
        check("PUT", "/api/v1/leads/stage/edit/9", &Ok(9));
        check("GET", "/api/v1/leads/x", &Err(Failure::NoRoute));
        check("GET", "/api/admin/leads", &Err(Failure::NoRoute));
        let allowed = Failure::WrongMethod("GET, HEAD, PUT, DELETE".to_owned());
        check("PATCH", "/api/v1/leads/7", &Err(allowed));
    }
}

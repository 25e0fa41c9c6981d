//! What a fresh Krayin 2.1 holds: one administrator, the default pipeline, sources, types and the attributes of
//! its records, with the ids that a real installation gives them (facts §5, §8).

use std::sync::Arc;

use gladhand_core::clock::Timestamp;
use serde_json::Value;

use super::attributes::Attribute;
use super::settings::{Named, Pipeline, Stage};
use super::state::State;
use super::table::Table;
use super::users::{Role, User};

/// The first id of a seeded attribute; the ones before went to attributes that migrations replaced.
const FIRST_ATTRIBUTE: u32 = 19;

const STAGES: [(&str, &str, i64); 6] = [
    ("new", "New", 100),
    ("follow-up", "Follow Up", 100),
    ("prospect", "Prospect", 100),
    ("negotiation", "Negotiation", 100),
    ("won", "Won", 100),
    ("lost", "Lost", 0),
];
const SOURCES: [&str; 5] = ["Email", "Web", "Web Form", "Phone", "Direct"];
const TYPES: [&str; 2] = ["New Business", "Existing Business"];

/// Entity, code, name, type, what a look-up refers to, place, validation; `*` is required, `!` unique.
type Seed = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    i64,
    &'static str,
    &'static str,
);

#[rustfmt::skip]
const ATTRIBUTES: &[Seed] = &[
    ("leads", "title", "Title", "text", "", 1, "", "*"),
    ("leads", "description", "Description", "textarea", "", 2, "", ""),
    ("leads", "lead_value", "Lead Value", "price", "", 3, "decimal", "*"),
    ("leads", "lead_source_id", "Source", "select", "lead_sources", 4, "", "*"),
    ("leads", "lead_type_id", "Type", "select", "lead_types", 5, "", "*"),
    ("leads", "user_id", "Sales Owner", "select", "users", 7, "", ""),
    ("leads", "expected_close_date", "Expected Close Date", "date", "", 8, "", ""),
    ("leads", "lead_pipeline_id", "Pipeline", "lookup", "lead_pipelines", 9, "", "*"),
    ("leads", "lead_pipeline_stage_id", "Stage", "lookup", "lead_pipeline_stages", 10, "", "*"),
    ("persons", "name", "Name", "text", "", 1, "", "*"),
    ("persons", "emails", "Emails", "email", "", 2, "", "*!"),
    ("persons", "contact_numbers", "Contact Numbers", "phone", "", 3, "numeric", "!"),
    ("persons", "job_title", "Job Title", "text", "", 4, "", ""),
    ("persons", "user_id", "Sales Owner", "lookup", "users", 5, "", ""),
    ("persons", "organization_id", "Organization", "lookup", "organizations", 6, "", ""),
    ("organizations", "name", "Name", "text", "", 1, "", "*!"),
    ("organizations", "address", "Address", "address", "", 2, "", ""),
    ("organizations", "user_id", "Sales Owner", "lookup", "users", 3, "", ""),
    ("products", "name", "Name", "text", "", 1, "", "*"),
    ("products", "description", "Description", "textarea", "", 2, "", ""),
    ("products", "sku", "SKU", "text", "", 3, "", "*!"),
    ("products", "quantity", "Quantity", "text", "", 4, "numeric", "*"),
    ("products", "price", "Price", "price", "", 5, "decimal", "*"),
    ("quotes", "user_id", "Sales Owner", "select", "users", 1, "", "*"),
    ("quotes", "subject", "Subject", "text", "", 2, "", "*"),
    ("quotes", "description", "Description", "textarea", "", 3, "", ""),
    ("quotes", "billing_address", "Billing Address", "address", "", 4, "", "*"),
    ("quotes", "shipping_address", "Shipping Address", "address", "", 5, "", ""),
    ("quotes", "discount_percent", "Discount Percent", "text", "", 6, "decimal", ""),
    ("quotes", "discount_amount", "Discount Amount", "price", "", 7, "decimal", ""),
    ("quotes", "tax_amount", "Tax Amount", "price", "", 8, "decimal", ""),
    ("quotes", "adjustment_amount", "Adjustment Amount", "price", "", 9, "decimal", ""),
    ("quotes", "sub_total", "Sub Total", "price", "", 10, "decimal", "*"),
    ("quotes", "grand_total", "Grand Total", "price", "", 11, "decimal", "*"),
    ("quotes", "expired_at", "Expired At", "date", "", 12, "", "*"),
    ("quotes", "person_id", "Person", "lookup", "persons", 13, "", "*"),
    ("warehouses", "name", "Name", "text", "", 1, "", "*"),
    ("warehouses", "description", "Description", "textarea", "", 2, "", ""),
    ("warehouses", "contact_name", "Contact Name", "text", "", 3, "", "*"),
    ("warehouses", "contact_emails", "Contact Emails", "email", "", 4, "", "*!"),
    ("warehouses", "contact_numbers", "Contact Numbers", "phone", "", 5, "numeric", "!"),
    ("warehouses", "contact_address", "Contact Address", "address", "", 6, "", "*"),
];

/// Fills an empty database. The administrator is called Example.
pub fn fill(state: &mut State, now: Timestamp, (email, password): (&str, &str)) {
    state.roles.insert(Role {
        id: 1,
        name: "Administrator".to_owned(),
        description: Value::from("Administrator Role"),
        permission_type: "all".to_owned(),
        permissions: Value::Null,
        created_at: None,
    });
    state.users.insert(User {
        id: 1,
        name: "Example".to_owned(),
        email: email.to_owned(),
        password: password.to_owned(),
        status: 1,
        view_permission: "global".to_owned(),
        role_id: 1,
        created_at: now,
    });
    state.pipelines.insert(Pipeline {
        id: 1,
        name: "Default Pipeline".to_owned(),
        is_default: true,
        rotten_days: 30,
        created_at: now,
    });
    for ((code, name, probability), n) in STAGES.into_iter().zip(1..) {
        let id = state.stages.take_id();
        state.stages.insert(Stage {
            id,
            code: code.to_owned(),
            name: name.to_owned(),
            probability,
            sort_order: n,
            pipeline_id: 1,
        });
    }
    named(&mut state.sources, &SOURCES, now);
    named(&mut state.types, &TYPES, now);
    for (id, seed) in (FIRST_ATTRIBUTE..).zip(ATTRIBUTES) {
        state.attributes.insert(Arc::new(attribute(id, seed, now)));
    }
}

fn named(table: &mut Table<Named>, names: &[&str], now: Timestamp) {
    for name in names {
        let id = table.take_id();
        table.insert(Named {
            id,
            name: (*name).to_owned(),
            created_at: now,
        });
    }
}

fn attribute(id: u32, seed: &Seed, now: Timestamp) -> Attribute {
    let (entity_type, code, name, kind, lookup_type, sort_order, validation, flags) = *seed;
    let present = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Attribute {
        id,
        code: code.to_owned(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        lookup_type: present(lookup_type),
        entity_type: entity_type.to_owned(),
        sort_order: Some(sort_order),
        validation: present(validation),
        is_required: flags.contains('*'),
        is_unique: flags.contains('!'),
        is_user_defined: false,
        options: Vec::new(),
        created_at: now,
    }
}

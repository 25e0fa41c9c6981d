//! Attributes: the fields of records, seeded and custom (facts §5).

use std::sync::Arc;

use gladhand_core::clock::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::cell::Cell;
use super::error::Failure;
use super::list;
use super::php;
use super::rules;
use super::state::{Call, Outcome, State};
use super::table::Row;
use super::values::{Entity, Stored};

/// A field.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its id.
    pub id: u32,
    /// Its key in bodies.
    pub code: String,
    /// Its name for people.
    pub name: String,
    /// `text`, `price`, `lookup`, ….
    pub kind: String,
    /// What a `lookup` or `select` refers to.
    pub lookup_type: Option<String>,
    /// `persons`, `leads`, ….
    pub entity_type: String,
    /// Its place in forms.
    pub sort_order: Option<i64>,
    /// `numeric` or `decimal`.
    pub validation: Option<String>,
    /// Whether it may not be blank where it is sent.
    pub is_required: bool,
    /// Whether two records may not have the same value.
    pub is_unique: bool,
    /// Whether it was added to the installation.
    pub is_user_defined: bool,
    /// Choices of a `select` without a look-up.
    pub options: Vec<Value>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Row for Arc<Attribute> {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "code",
        "name",
        "type",
        "lookup_type",
        "entity_type",
        "sort_order",
        "is_required",
        "is_unique",
        "is_user_defined",
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
            "code" => Cell::text(Some(&self.code)),
            "name" => Cell::text(Some(&self.name)),
            "type" => Cell::text(Some(&self.kind)),
            "lookup_type" => Cell::text(self.lookup_type.as_deref()),
            "entity_type" => Cell::text(Some(&self.entity_type)),
            "sort_order" => self.sort_order.map_or(Cell::Null, Cell::Int),
            "is_required" => Cell::Int(i64::from(self.is_required)),
            "is_unique" => Cell::Int(i64::from(self.is_unique)),
            "is_user_defined" => Cell::Int(i64::from(self.is_user_defined)),
            "created_at" | "updated_at" => Cell::time(Some(self.created_at)),
            _ => return None,
        })
    }
}

impl Attribute {
    fn render(&self) -> Value {
        let at = php::iso(self.created_at);
        json!({
            "id": self.id, "code": self.code, "name": self.name, "type": self.kind,
            "lookup_type": self.lookup_type, "entity_type": self.entity_type,
            "sort_order": self.sort_order, "validation": self.validation,
            "is_required": i32::from(self.is_required), "is_unique": i32::from(self.is_unique),
            "quick_add": 1, "is_user_defined": i32::from(self.is_user_defined),
            "options": self.options, "created_at": at, "updated_at": at,
        })
    }

    /// The column of `attribute_values` that holds its values.
    fn column(&self) -> &'static str {
        match self.kind.as_str() {
            "price" => "float_value",
            "boolean" => "boolean_value",
            "select" | "lookup" => "integer_value",
            "email" | "address" | "phone" => "json_value",
            "datetime" => "datetime_value",
            "date" => "date_value",
            _ => "text_value",
        }
    }
}

/// `GET /settings/attributes`.
pub fn index(state: &mut State, call: &Call<'_>) -> Outcome {
    list::index(&state.attributes, call, |attribute| attribute.render())
}

/// `GET /settings/attributes/{id}`.
pub fn show(state: &mut State, call: &Call<'_>) -> Outcome {
    let attribute = state.attributes.get(call.id).ok_or(Failure::Null("id"))?;
    Ok(Answer::data(attribute.render()))
}

/// `POST /settings/attributes`.
pub fn store(state: &mut State, call: &Call<'_>) -> Outcome {
    rules::require(call, &["code", "name", "type"])?;
    let text = |name: &str| call.set(name).and_then(php::text);
    let flag = |name: &str| !php::is_empty(call.set(name));
    let (code, entity_type) = (
        text("code").unwrap_or_default(),
        text("entity_type").unwrap_or_default(),
    );
    let is_taken = |other: &Arc<Attribute>| other.code == code && other.entity_type == entity_type;
    if state.attributes.rows().any(is_taken) {
        return Err(Failure::invalid("code", "The code has already been taken."));
    }
    let id = state.attributes.take_id();
    let options = call
        .set("options")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let options = (1..).zip(options).map(|(n, option)| {
        // Options of all attributes share one sequence; a thousand per attribute is more than anybody has.
        json!({ "id": id * 1000 + n, "name": option["name"], "sort_order": n, "attribute_id": id })
    });
    let attribute = Attribute {
        id,
        code,
        name: text("name").unwrap_or_default(),
        kind: text("type").unwrap_or_default(),
        lookup_type: text("lookup_type"),
        entity_type,
        sort_order: call.set("sort_order").map(php::integer),
        validation: text("validation"),
        is_required: flag("is_required"),
        is_unique: flag("is_unique"),
        is_user_defined: flag("is_user_defined"),
        options: options.collect(),
        created_at: call.now,
    };
    let data = attribute.render();
    state.attributes.insert(Arc::new(attribute));
    Ok(Answer::written(data, "Attribute created successfully."))
}

/// Every attribute of a record by its code, and the rows behind them.
pub fn raw(state: &State, entity: Entity, id: u32) -> Map<String, Value> {
    let mut fields = Map::new();
    for attribute in state
        .attributes
        .rows()
        .filter(|row| row.entity_type == entity.name())
    {
        fields.insert(
            attribute.code.clone(),
            state.values.get(entity, id, attribute.id),
        );
    }
    let rows = state
        .values
        .of(entity, id)
        .iter()
        .map(|stored| value_row(state, entity, id, stored));
    fields.insert("attribute_values".to_owned(), rows.collect());
    fields
}

/// The custom attributes of a record, by code.
pub fn custom(state: &State, entity: Entity, id: u32) -> Map<String, Value> {
    let of_entity = |row: &&Arc<Attribute>| row.is_user_defined && row.entity_type == entity.name();
    let custom = state.attributes.rows().filter(of_entity);
    custom
        .map(|row| (row.code.clone(), state.values.get(entity, id, row.id)))
        .collect()
}

fn value_row(state: &State, entity: Entity, id: u32, stored: &Stored) -> Value {
    let mut row = json!({
        "id": stored.id, "entity_type": entity.name(), "text_value": null, "boolean_value": null,
        "integer_value": null, "float_value": null, "datetime_value": null, "date_value": null,
        "json_value": null, "entity_id": id, "attribute_id": stored.attribute,
    });
    if let Some(attribute) = state.attributes.get(stored.attribute) {
        row[attribute.column()] = stored.value.clone();
    }
    row
}

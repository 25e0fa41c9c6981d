//! Mapping rules: which place of the source's JSON goes to which field of the CRM, and what is done to it on the way.
//!
//! Data, not a language: a rule can be shown, previewed and compared. It must not know any field's meaning.

use gladhand_core::descriptor::MappingRule;
use serde_json::Value;

use self::transform::Transform;

mod transform;

/// Every transform, as rules name them.
pub const TRANSFORMS: &[&str] = &[
    "trim", "lower", "upper", "e164", "html", "text", "string", "integer", "number", "boolean",
];

/// Why a rule cannot be followed. The values themselves are personal and stay out of it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The rules are wrong: they fail for every record.
    #[error(
        "the rule for `{target}` asks for the transform `{transform}`, which does not exist; use one of {}",
        TRANSFORMS.join(", ")
    )]
    UnknownTransform {
        /// The rule's target.
        target: String,
        /// What it asks for.
        transform: String,
    },
    /// This record's value does not fit the rule.
    #[error(
        "the rule for `{target}` cannot make {wanted} of {found}; correct the value at the source or the rule"
    )]
    Unfit {
        /// The rule's target.
        target: String,
        /// What the transform makes.
        wanted: &'static str,
        /// What kind of value it was given.
        found: &'static str,
    },
}

/// Follows `rules` in order; the result keeps their order.
///
/// Of a rule's pointers the first counts that holds something: `null`, blank text and what is absent hold nothing.
/// Where none does, the default is taken as it is; where there is none, the target is left out, so that the CRM keeps
/// what it has. `default_country` (ISO 3166-1 alpha-2) is where phone numbers without a country code are from.
pub fn fields(
    rules: &[MappingRule],
    source: &Value,
    default_country: Option<&str>,
) -> Result<Vec<(String, Value)>, Error> {
    let mut fields = Vec::with_capacity(rules.len());
    for rule in rules {
        let transforms = transforms(rule)?;
        let value = rule
            .source
            .iter()
            .filter_map(|pointer| source.pointer(pointer))
            .find(|value| holds_something(value))
            .map(|value| {
                transforms
                    .iter()
                    .try_fold(value.clone(), |value, transform| {
                        transform
                            .apply(&value, default_country)
                            .ok_or_else(|| Error::Unfit {
                                target: rule.target.clone(),
                                wanted: transform.makes(),
                                found: kind(&value),
                            })
                    })
            })
            .transpose()?
            // A transform can empty a value: HTML without text, for one.
            .filter(holds_something)
            .or_else(|| rule.default.clone());
        fields.extend(value.map(|value| (rule.target.clone(), value)));
    }
    Ok(fields)
}

fn transforms(rule: &MappingRule) -> Result<Vec<Transform>, Error> {
    rule.transform
        .iter()
        .map(|name| {
            Transform::parse(name).ok_or_else(|| Error::UnknownTransform {
                target: rule.target.clone(),
                transform: name.clone(),
            })
        })
        .collect()
}

fn holds_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => true,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "yes or no",
        Value::Number(_) => "this number",
        Value::String(_) => "this text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn rule(source: &[&str], transform: &[&str], default: Option<Value>) -> MappingRule {
        MappingRule {
            target: "field".into(),
            source: source.iter().map(|pointer| (*pointer).to_owned()).collect(),
            transform: transform.iter().map(|name| (*name).to_owned()).collect(),
            default,
        }
    }

    /// `expect` of `None`: the target is left out.
    #[track_caller]
    fn check(rule: &MappingRule, source: &Value, expect: Option<Value>) {
        let expect: Vec<_> = expect
            .map(|value| ("field".to_owned(), value))
            .into_iter()
            .collect();
        assert_eq!(
            fields(std::slice::from_ref(rule), source, Some("US")),
            Ok(expect)
        );
    }

    #[track_caller]
    fn check_transform(transform: &str, value: impl Into<Value>, expect: impl Into<Value>) {
        check(
            &rule(&["/value"], &[transform], None),
            &json!({ "value": value.into() }),
            Some(expect.into()),
        );
    }

    #[track_caller]
    fn check_error(transform: &str, value: impl Into<Value>, expect: &str) {
        let source = json!({ "value": value.into() });
        let error = fields(&[rule(&["/value"], &[transform], None)], &source, None)
            .expect_err("the rule cannot be followed");
        assert_eq!(error.to_string(), expect);
    }

    #[test]
    fn the_first_pointer_that_holds_something_counts() {
        let source = json!({ "a": null, "b": "  ", "c": { "d": ["x"] }, "e": "y" });
        check(
            &rule(&["/missing", "/a", "/b", "/c/d/0", "/e"], &[], None),
            &source,
            Some("x".into()),
        );
    }

    #[test]
    fn false_and_zero_hold_something() {
        check(
            &rule(&["/a", "/b"], &[], None),
            &json!({ "a": false, "b": 1 }),
            Some(false.into()),
        );
        check(
            &rule(&["/a", "/b"], &[], None),
            &json!({ "a": 0, "b": 1 }),
            Some(0.into()),
        );
    }

    #[test]
    fn a_target_without_value_and_default_is_left_out() {
        check(&rule(&["/a"], &["trim"], None), &json!({ "a": null }), None);
    }

    #[test]
    fn the_default_is_taken_as_it_is() {
        check(
            &rule(&["/a"], &["upper"], Some("Web".into())),
            &json!({}),
            Some("Web".into()),
        );
        check(
            &rule(&["/a"], &["text"], Some("none".into())),
            &json!({ "a": "<br>" }),
            Some("none".into()),
        );
    }

    #[test]
    fn transforms_are_applied_in_order() {
        let source = json!({ "a": " (415) 555-2671 " });
        check(
            &rule(&["/a"], &["trim", "e164"], None),
            &source,
            Some("+14155552671".into()),
        );
    }

    #[test]
    fn each_transform_makes_what_its_name_says() {
        check_transform("trim", " a ", "a");
        check_transform("lower", "Ä@X", "ä@x");
        check_transform("upper", "ab", "AB");
        check_transform("html", "*a*", "<p><em>a</em></p>\n");
        check_transform("text", "<b>a</b>", "a");
        check_transform("string", 12, "12");
        check_transform("string", true, "true");
        check_transform("integer", " 12 ", 12);
        check_transform("integer", json!(12.0), 12);
        check_transform("number", "12.5", json!(12.5));
        check_transform("number", "12", 12);
        check_transform("boolean", "Yes", true);
        check_transform("boolean", 0, false);
    }

    #[test]
    fn every_listed_transform_exists() {
        for name in TRANSFORMS {
            assert!(Transform::parse(name).is_some(), "{name}");
        }
    }

    #[test]
    fn an_unknown_transform_is_named_with_the_ones_that_exist() {
        check_error(
            "capitalise",
            "a",
            "the rule for `field` asks for the transform `capitalise`, which does not exist; use one of trim, lower, \
             upper, e164, html, text, string, integer, number, boolean",
        );
    }

    #[test]
    fn an_unknown_transform_is_refused_where_there_is_nothing_to_transform() {
        assert!(fields(&[rule(&["/a"], &["capitalise"], None)], &json!({}), None).is_err());
    }

    #[test]
    fn an_unfit_value_is_named_by_its_kind_only() {
        check_error(
            "integer",
            "Jane",
            "the rule for `field` cannot make a whole number of this text; correct the value at the source or the rule",
        );
        check_error(
            "trim",
            json!(["Jane"]),
            "the rule for `field` cannot make trimmed text of a list; correct the value at the source or the rule",
        );
        check_error(
            "e164",
            "12",
            "the rule for `field` cannot make a phone number of this text; correct the value at the source or the rule",
        );
    }

    #[test]
    fn a_number_that_json_cannot_hold_is_unfit() {
        for text in ["NaN", "inf", "1e999"] {
            assert!(
                fields(
                    &[rule(&["/a"], &["number"], None)],
                    &json!({ "a": text }),
                    None
                )
                .is_err(),
                "{text}"
            );
        }
        for float in [1.5, 1e300] {
            assert!(
                fields(
                    &[rule(&["/a"], &["integer"], None)],
                    &json!({ "a": float }),
                    None
                )
                .is_err(),
                "{float}"
            );
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_survive_text_and_back(number: i64) {
            let source = json!({ "a": number });
            let there_and_back = rule(&["/a"], &["string", "integer"], None);
            prop_assert_eq!(fields(&[there_and_back], &source, None), Ok(vec![("field".to_owned(), number.into())]));
        }

        #[test]
        fn any_text_and_any_transform_end_in_a_value_or_an_error(text: String, index in 0..TRANSFORMS.len()) {
            let rule = rule(&["/a"], &[TRANSFORMS[index]], None);
            if let Ok(fields) = fields(&[rule], &json!({ "a": text }), Some("DE")) {
                prop_assert!(fields.len() <= 1);
            }
        }
    }
}

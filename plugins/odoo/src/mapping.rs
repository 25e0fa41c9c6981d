//! The default mapping rules: which place of a contact or company goes to which field of Odoo.

use std::collections::BTreeMap;

use gladhand_sdk::descriptor::MappingRule;

/// The rules per rule set.
pub fn rules() -> BTreeMap<String, Vec<MappingRule>> {
    [
        (
            "partner".to_owned(),
            vec![
                MappingRule::new("name", &["/name", "/email", "/phone"]).transform("trim"),
                MappingRule::new("email", &["/email"])
                    .transform("trim")
                    .transform("lower"),
                MappingRule::new("phone", &["/phone"]).transform("e164"),
                MappingRule::new("function", &["/attributes/job_title"]).transform("string"),
            ],
        ),
        (
            "company".to_owned(),
            vec![
                MappingRule::new("name", &["/name"]).transform("trim"),
                MappingRule::new("website", &["/domain"]),
            ],
        ),
    ]
    .into()
}

//! The default mapping rules: which place of a contact or company goes to which field of HubSpot.

use std::collections::BTreeMap;

use gladhand_sdk::descriptor::MappingRule;

/// The rules per rule set.
pub fn rules() -> BTreeMap<String, Vec<MappingRule>> {
    [
        (
            "contact".to_owned(),
            vec![
                MappingRule::new("email", &["/email"])
                    .transform("trim")
                    .transform("lower"),
                // One string: how it splits into first and last name nobody knows.
                MappingRule::new("firstname", &["/name"]).transform("trim"),
                MappingRule::new("phone", &["/phone"]).transform("e164"),
                MappingRule::new("jobtitle", &["/attributes/job_title"]).transform("string"),
            ],
        ),
        (
            "company".to_owned(),
            vec![
                MappingRule::new("name", &["/name"]).transform("trim"),
                MappingRule::new("domain", &["/domain"]).transform("lower"),
            ],
        ),
    ]
    .into()
}

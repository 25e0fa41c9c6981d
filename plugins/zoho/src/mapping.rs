//! The default mapping rules: which place of a contact or company goes to which field of Zoho CRM.

use std::collections::BTreeMap;

use gladhand_sdk::descriptor::MappingRule;

/// The rules per rule set.
pub fn rules() -> BTreeMap<String, Vec<MappingRule>> {
    [
        (
            "contact".to_owned(),
            vec![
                // Required by Zoho; one string, which nobody knows how to split.
                MappingRule::new("Last_Name", &["/name", "/email", "/phone"]).transform("trim"),
                MappingRule::new("Email", &["/email"])
                    .transform("trim")
                    .transform("lower"),
                MappingRule::new("Phone", &["/phone"]).transform("e164"),
                MappingRule::new("Title", &["/attributes/job_title"]).transform("string"),
            ],
        ),
        (
            "account".to_owned(),
            vec![
                MappingRule::new("Account_Name", &["/name"]).transform("trim"),
                MappingRule::new("Website", &["/domain"]),
            ],
        ),
    ]
    .into()
}

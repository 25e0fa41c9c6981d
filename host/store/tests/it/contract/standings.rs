//! What hosts know of accounts together.

use serde_json::json;

use crate::bed::{Backend, Bed};

pub async fn a_standing_is_replaced_only_by_who_saw_it(backend: Box<dyn Backend>) {
    let mut bed = Bed::new(backend).await;
    let name = "budget:requests";
    let replaced = async |revision, value: serde_json::Value| {
        let replaced = bed.store.replace(bed.account, name, revision, &value).await;
        replaced.expect("an answer")
    };
    assert_eq!(replaced(0, json!({"used": 1})).await, Some(1));
    assert_eq!(
        replaced(0, json!({"used": 9})).await,
        None,
        "there is one already"
    );
    assert_eq!(replaced(1, json!({"used": 2})).await, Some(2));
    assert_eq!(
        replaced(1, json!({"used": 9})).await,
        None,
        "somebody else was faster"
    );
    bed.crash().await;
    let kept = bed.store.get(bed.account, name).await.expect("a read");
    let kept = kept.expect("it survives");
    assert_eq!((kept.revision, &kept.value), (2, &json!({"used": 2})));
    assert_eq!(bed.store.all().await.expect("a read"), [kept]);
}

//! Policies as they are stored.

use holdfast_repository::json::to_vec;
use holdfast_repository::policy::{PolicyDocument, effective};

use super::json::WRITTEN_AGAIN;
use crate::{Flood, Target};

pub(super) const POLICY: Target = Target {
    name: "policy",
    run: policy,
    floods: &[
        Flood::new("{\"files\":{\"ignore\":[", "\"\",", "\"\"]}}"),
        Flood::new("{\"scheduling\":{\"timeOfDay\":[", "{},", "{}]}}"),
        Flood::new("{\"files\":{", "\"a\":1,", "\"b\":2}}"),
        Flood::new("{", "\"\":1,", "\"b\":2}"),
        Flood::new("{\"a\":[", "[[1]],", "1]}"),
    ],
};

fn policy(input: &[u8]) {
    let Ok(document) = PolicyDocument::parse(input) else {
        return;
    };
    let _ = document.unknown_fields().count();
    if input.len() > WRITTEN_AGAIN {
        return;
    }
    let Ok(text) = to_vec(&document) else {
        panic!("a policy that was read cannot be written");
    };
    let again = PolicyDocument::parse(&text).map(|again| again.policy == document.policy);
    assert_eq!(again, Ok(true), "a policy changes when it is written");
    let _ = effective([&document.policy]);
}

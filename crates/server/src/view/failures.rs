//! Codes of failures in words: those of agents and those of the server.

use holdfast_protocol::{
    agent::{failures, text::Language},
    api::problem::Failure,
    errors::ErrorCode,
};

/// What a failed run or command says about its failure.
pub(crate) fn failure(code: &str, detail: Option<String>) -> Failure {
    if let Some(known) = ErrorCode::find(code) {
        return known.failure(detail);
    }
    let sentence = failures::sentence(code, Language::English)
        .unwrap_or("The work failed; the message says why.");
    let (title, hint) = split(sentence);
    Failure {
        code: code.to_owned(),
        title: title.to_owned(),
        detail,
        hints: hint.map(str::to_owned).into_iter().collect(),
    }
}

/// The first sentence, and the rest: what to do.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once(". ") {
        Some((first, _)) => (
            &text[..first.len() + 1],
            Some(text[first.len() + 2..].trim()),
        ),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::failure;

    #[test]
    fn codes_of_both_sides_have_words() {
        let agent = failure("repository_missing", Some("bucket b".to_owned()));
        assert!(
            agent.title.ends_with('.') && agent.hints.len() == 1,
            "{agent:?}"
        );
        let server = failure("agent_timeout", None);
        assert_eq!(server.title, "The machine did not answer in time.");
        assert!(!failure("never heard of", None).title.is_empty());
    }
}

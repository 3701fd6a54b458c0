//! `paths.json`: source arguments, parents and nested paths.

use holdfast_repository::source::{
    LocalContext, SourceIdentity, is_valid_policy_path, nested_path, parent_path,
};

use crate::data::{list, text, vectors};

#[test]
fn source_arguments_are_read_as_in_the_reference() {
    let vectors = vectors("paths");
    let local = LocalContext {
        user: "thisuser",
        host: "thishost",
        directory: "/tmp",
    };
    for case in list(&vectors, "sources") {
        let input = text(case, "in");
        let parsed = SourceIdentity::parse(input, local);
        if case["error"] == true {
            assert!(parsed.is_err(), "{input:?}");
            continue;
        }
        let source = parsed.expect(input);
        let expected =
            SourceIdentity::new(text(case, "user"), text(case, "host"), text(case, "path"));
        assert_eq!(source, expected, "{input:?}");
        assert_eq!(source.to_string(), text(case, "string"), "{input:?}");
    }
}

#[test]
fn parents_and_nested_paths_are_those_of_the_reference() {
    let vectors = vectors("paths");
    for case in list(&vectors, "parents") {
        assert_eq!(
            parent_path(text(case, "in")),
            text(case, "parent"),
            "{}",
            text(case, "in")
        );
    }
    for case in list(&vectors, "nested") {
        let (parent, child) = (text(case, "parent"), text(case, "child"));
        assert_eq!(
            nested_path(parent, child).unwrap_or_default(),
            text(case, "relative"),
            "{parent} {child}"
        );
    }
    for case in list(&vectors, "policyPathValidation") {
        assert_eq!(
            is_valid_policy_path(text(case, "path")),
            case["valid"] == true,
            "{}",
            text(case, "path")
        );
    }
}

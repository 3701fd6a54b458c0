use holdfast_storage::{BlobId, Endpoint, S3Location, Sharding, StoreLocation};
use proptest::prelude::*;
use serde_json::json;

proptest! {
    /// Whatever `.shards` says, the directories and the file name give the blob's name back, which
    /// is all that a listing has.
    #[test]
    fn a_path_gives_its_name_back(
        name in "[a-zA-Z0-9_~+%-][a-zA-Z0-9._~+%-]{0,80}",
        shards in prop::collection::vec(0_usize..8, 0..5),
        prefix in "[a-c]{0,2}",
        unsharded in 0_usize..30,
    ) {
        let text = json!({
            "default": shards,
            "maxNonShardedLength": unsharded,
            "overrides": [{"prefix": prefix, "shards": [2, 2]}],
        });
        let sharding = Sharding::parse(text.to_string().as_bytes()).unwrap();
        prop_assert_eq!(Sharding::parse(&sharding.to_file()).unwrap(), sharding.clone());
        let id = BlobId::new(&*name).unwrap();
        match sharding.path_of(&id) {
            Some(path) => {
                let joined: String = path.iter().map(|part| part.to_str().unwrap()).collect();
                prop_assert_eq!(joined, format!("{name}.f"));
                prop_assert!(path.is_relative());
            }
            // Only a directory of dots is refused.
            None => prop_assert!(name.contains('.')),
        }
    }

    #[test]
    fn a_location_is_read_as_it_was_printed(
        bucket in "[a-z0-9][a-z0-9.-]{2,20}",
        prefix in "[ -~äß日]{0,20}",
        host in "[a-z]{1,8}(:[1-9][0-9]{1,3})?",
        tls in any::<bool>(),
        region in "[a-z0-9-]{1,12}",
        own_endpoint in any::<bool>(),
    ) {
        let endpoint = own_endpoint.then_some(Endpoint { host, tls });
        let location = StoreLocation::S3(S3Location { bucket, prefix, endpoint, region });
        let printed = location.to_string();
        prop_assert_eq!(StoreLocation::parse(&printed).unwrap(), location, "{}", printed);
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text in ".{0,60}", tail in "[ -~]{0,30}") {
        let _ = StoreLocation::parse(&text);
        let _ = StoreLocation::parse(&format!("s3://b?{tail}"));
        let _ = StoreLocation::parse(&format!("s3://{tail}"));
        let _ = Endpoint::parse(&text);
        let _ = Sharding::parse(text.as_bytes());
        let _ = BlobId::new(text);
    }
}

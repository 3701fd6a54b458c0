use holdfast_testkit::Fixture;

#[test]
fn fixtures_unpack_and_describe_themselves() {
    assert!(Fixture::names().contains(&"default".to_owned()));
    let fixture = Fixture::open("default");
    assert!(fixture.repository().join("kopia.repository.f").is_file());
    assert_eq!(fixture.password(), "fixture password default");
    assert!(fixture.description()["snapshots"].is_array());
}

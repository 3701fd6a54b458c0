//! `search` on a directory vault.

use holdfast_agent::commands::{Partials, search};
use holdfast_agent::failure::WorkError;
use holdfast_host::Cancel;
use holdfast_protocol::agent::commands::{
    Deleted, EntryKind, Search, SearchHit, SearchResult, SearchedSource,
};
use holdfast_protocol::agent::failures;

use crate::engines::Place;

fn ask(place: &Place, request: &Search) -> Result<SearchResult, WorkError> {
    let (partials, _parts) = Partials::channel();
    let (vault, folders) = (place.vault(), place.folders());
    search(request, &vault, &folders, &Cancel::new(), &partials)
}

fn look(place: &Place, request: &Search) -> SearchResult {
    ask(place, request).unwrap()
}

fn pattern(text: &str) -> Search {
    Search {
        pattern: text.into(),
        ..Search::default()
    }
}

fn paths(hits: &[SearchHit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.path.as_str()).collect()
}

/// Three points: `docs/b.txt` grows in the second, `gone.txt` is missing in the third.
fn three() -> Place {
    let place = Place::new();
    let write = |name: &str, text: &str| {
        let path = place.source().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("docs/a.txt", "a");
    write("docs/b.txt", "b");
    write("gone.txt", "gone");
    place.back_up(place.work(1)).0.unwrap();
    write("docs/b.txt", "longer");
    place.back_up(place.work(2)).0.unwrap();
    std::fs::remove_file(place.source().join("gone.txt")).unwrap();
    place.back_up(place.work(3)).0.unwrap();
    place
}

#[test]
fn versions_are_told_with_their_points() {
    let place = three();
    let result = look(&place, &pattern("b.TXT"));
    assert_eq!((result.points, result.points_done), (3, 3));
    assert_eq!(paths(&result.hits), ["docs/b.txt"]);
    let hit = &result.hits[0];
    let versions: Vec<_> = hit
        .versions
        .iter()
        .map(|version| (version.kind, version.size, version.points, version.pinned))
        .collect();
    let file = EntryKind::File;
    assert_eq!(versions, [(file, 6, 2, false), (file, 1, 1, false)]);
    assert!(!hit.deleted && hit.version_count == 2);
    let points = place.points();
    let starts: Vec<_> = points.iter().map(|point| point.start_time).collect();
    assert_eq!(hit.versions[0].first.time, starts[1]);
    assert_eq!(hit.versions[0].last.time, starts[2]);
    assert_eq!(hit.source_host, points[0].source_host);
    let exact = Search {
        match_case: true,
        ..pattern("b.TXT")
    };
    assert!(look(&place, &exact).hits.is_empty());
}

#[test]
fn what_is_deleted_is_known() {
    let place = three();
    let only = |deleted: Deleted| {
        let request = Search {
            deleted,
            ..pattern("*.txt")
        };
        look(&place, &request).hits
    };
    let all = only(Deleted::Include);
    assert_eq!(paths(&all), ["docs/a.txt", "docs/b.txt", "gone.txt"]);
    assert_eq!(
        all.iter().map(|hit| hit.deleted).collect::<Vec<_>>(),
        [false, false, true]
    );
    assert_eq!(paths(&only(Deleted::Exclude)), ["docs/a.txt", "docs/b.txt"]);
    assert_eq!(paths(&only(Deleted::Only)), ["gone.txt"]);
}

#[test]
fn a_time_shows_the_versions_that_its_points_have() {
    let place = three();
    let starts: Vec<_> = place
        .points()
        .iter()
        .map(|point| point.start_time)
        .collect();
    let early = Search {
        to: Some(starts[0]),
        ..pattern("*.txt")
    };
    let result = look(&place, &early);
    assert_eq!(
        paths(&result.hits),
        ["docs/a.txt", "docs/b.txt", "gone.txt"]
    );
    let old = &result.hits[1];
    assert_eq!(
        (
            old.version_count,
            old.versions[0].size,
            old.versions[0].points
        ),
        (1, 1, 1)
    );
    let late = Search {
        from: Some(starts[2]),
        ..pattern("*.txt")
    };
    let result = look(&place, &late);
    assert_eq!(paths(&result.hits), ["docs/a.txt", "docs/b.txt"]);
    assert_eq!(result.hits[0].versions[0].points, 1);
}

#[test]
fn pages_join_without_gap_or_repetition() {
    let place = three();
    let whole = look(&place, &pattern("*")).hits;
    let mut request = Search {
        limit: Some(1),
        ..pattern("*")
    };
    let mut joined = Vec::new();
    loop {
        let page = look(&place, &request);
        assert!(page.hits.len() <= 1);
        joined.extend(page.hits);
        match page.next_cursor {
            Some(cursor) => request.cursor = Some(cursor),
            None => break,
        }
    }
    assert_eq!(joined, whole);
    assert_eq!(
        paths(&whole),
        ["docs", "docs/a.txt", "docs/b.txt", "gone.txt"]
    );
}

#[test]
fn one_path_is_found_with_all_its_versions_and_nothing_else() {
    let place = three();
    std::fs::write(place.source().join("[ab].txt"), "looks like a pattern").unwrap();
    place.back_up(place.work(4)).0.unwrap();
    let of_path = |path: &str| {
        let request = Search {
            path: Some(path.into()),
            ..Search::default()
        };
        look(&place, &request).hits
    };
    assert_eq!(of_path("docs/b.txt")[0].version_count, 2);
    assert_eq!(paths(&of_path("[ab].txt")), ["[ab].txt"]);
    assert!(of_path("b.txt").is_empty());
}

#[test]
fn sources_that_the_vault_does_not_have_are_no_failure() {
    let place = three();
    let of_host = |host: &str| {
        let source = SearchedSource {
            host: host.into(),
            ..SearchedSource::default()
        };
        let request = Search {
            sources: vec![source],
            ..pattern("*.txt")
        };
        look(&place, &request).hits.len()
    };
    assert_eq!(of_host("elsewhere"), 0);
    assert_eq!(of_host(&place.points()[0].source_host), 3);
}

#[test]
fn what_cannot_be_read_is_refused_and_a_cancel_ends_it() {
    let place = three();
    let refused = [
        pattern("[a"),
        Search {
            cursor: Some("nonsense".into()),
            ..pattern("a")
        },
    ];
    for request in refused {
        let Err(WorkError::Failed(failure)) = ask(&place, &request) else {
            panic!("{request:?} was searched");
        };
        assert_eq!(failure.code, failures::BAD_REQUEST);
    }
    let (partials, _parts) = Partials::channel();
    let cancel = Cancel::new();
    cancel.cancel();
    let (vault, folders) = (place.vault(), place.folders());
    let ended = search(&pattern("*"), &vault, &folders, &cancel, &partials);
    assert_eq!(ended, Err(WorkError::Cancelled));
}

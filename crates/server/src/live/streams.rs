//! How many live streams are open: each holds a connection and reads the database for its page.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

/// Most streams of one session; the tabs of a browser share one.
const MOST_OF_SESSION: usize = 12;

/// Most streams of one account.
const MOST_OF_USER: usize = 48;

/// The open streams.
#[derive(Debug, Default)]
pub(crate) struct Streams(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    sessions: HashMap<String, Vec<Weak<()>>>,
    users: HashMap<i64, Vec<Weak<()>>>,
}

/// A place among the open streams; given back when it is dropped.
#[derive(Debug)]
#[must_use = "the place is given back when this is dropped"]
pub(crate) struct StreamPlace(#[allow(dead_code)] Arc<()>);

impl Streams {
    /// Takes a place, unless the session or the account has too many already.
    pub(crate) fn open(&self, session: &str, user: i64) -> Option<StreamPlace> {
        let mut open = self.0.lock();
        let Open { sessions, users } = &mut *open;
        if count(sessions, &session.to_owned()) >= MOST_OF_SESSION
            || count(users, &user) >= MOST_OF_USER
        {
            return None;
        }
        let place = Arc::new(());
        sessions
            .entry(session.to_owned())
            .or_default()
            .push(Arc::downgrade(&place));
        users.entry(user).or_default().push(Arc::downgrade(&place));
        Some(StreamPlace(place))
    }
}

/// How many are open under a key; closed ones are forgotten, everywhere when there are many keys.
fn count<K: Eq + Hash>(open: &mut HashMap<K, Vec<Weak<()>>>, key: &K) -> usize {
    let is_open = |place: &Weak<()>| place.strong_count() > 0;
    if open.len() > 1000 {
        open.retain(|_, places| places.iter().any(is_open));
    }
    let Some(places) = open.get_mut(key) else {
        return 0;
    };
    places.retain(is_open);
    places.len()
}

#[cfg(test)]
mod tests {
    use super::{MOST_OF_SESSION, MOST_OF_USER, Streams};

    #[test]
    fn places_are_limited_and_given_back() {
        let streams = Streams::default();
        let mut open: Vec<_> = (0..MOST_OF_SESSION)
            .map(|_| streams.open("a", 1).expect("a place"))
            .collect();
        assert!(streams.open("a", 1).is_none());
        open.pop();
        open.extend(streams.open("a", 1));
        for number in open.len()..MOST_OF_USER {
            open.push(streams.open(&format!("s{number}"), 1).expect("a place"));
        }
        assert!(streams.open("another", 1).is_none());
        assert!(streams.open("another", 2).is_some());
        open.clear();
        assert!(streams.open("a", 1).is_some());
    }
}

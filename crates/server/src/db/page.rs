//! Keyset paging: a page ends at a row, the next begins after it, whatever was inserted meanwhile.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use super::OfTenant;

/// Counting stops here.
pub(crate) const COUNT_CAP: u64 = 10_000;

/// Where a page begins: after the row with this sort key and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The sort key of the last row, 0 where rows are sorted by id.
    pub(crate) key: i64,
    /// The last row's id.
    pub(crate) id: i64,
}

impl Cursor {
    /// The text that clients carry around.
    pub(crate) fn encode(self) -> String {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.key.to_be_bytes());
        bytes[8..].copy_from_slice(&self.id.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads that text; `None` when it is not one of ours.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (key, id) = bytes.split_at(8);
        Some(Self {
            key: i64::from_be_bytes(key.try_into().ok()?),
            id: i64::from_be_bytes(id.try_into().ok()?),
        })
    }
}

/// Which page is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageRequest {
    /// Rows a page, 1 to 200.
    pub(crate) limit: u64,
    /// Where it begins.
    pub(crate) after: Option<Cursor>,
}

/// One page of rows.
#[derive(Clone, Debug)]
pub(crate) struct Slice<T> {
    /// The rows.
    pub(crate) rows: Vec<T>,
    /// Where the next page begins, when there is one.
    pub(crate) next: Option<Cursor>,
    /// Rows that match, at most [`COUNT_CAP`] + 1.
    pub(crate) count: u64,
}

impl<T> Slice<T> {
    /// Cuts one row too many off and remembers where the next page begins.
    pub(crate) fn cut(
        mut rows: Vec<T>,
        page: PageRequest,
        count: u64,
        cursor: impl Fn(&T) -> Cursor,
    ) -> Self {
        let full = rows.len() as u64 > page.limit;
        rows.truncate(page.limit as usize);
        let next = if full { rows.last().map(cursor) } else { None };
        Self { rows, next, count }
    }
}

/// In which order a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    OldestFirst,
    NewestFirst,
}

/// A page of rows in the order of their numbers.
pub(super) async fn page_by_id<E: OfTenant>(
    conn: &impl ConnectionTrait,
    mut query: Select<E>,
    order: Order,
    page: PageRequest,
) -> Result<Slice<E::Model>, DbErr> {
    let count = count_capped(conn, &query, E::ID).await?;
    if let Some(after) = page.after {
        query = query.filter(match order {
            Order::OldestFirst => E::ID.gt(after.id),
            Order::NewestFirst => E::ID.lt(after.id),
        });
    }
    query = match order {
        Order::OldestFirst => query.order_by_asc(E::ID),
        Order::NewestFirst => query.order_by_desc(E::ID),
    };
    let rows = query.limit(page.limit + 1).all(conn).await?;
    Ok(Slice::cut(rows, page, count, |row| Cursor {
        key: 0,
        id: E::id(row),
    }))
}

/// A page of rows by a time of theirs, newest first; rows of one time in the order of their numbers.
pub(super) async fn page_by_time<E: OfTenant>(
    conn: &impl ConnectionTrait,
    mut query: Select<E>,
    time: E::Column,
    page: PageRequest,
    time_of: impl Fn(&E::Model) -> i64,
) -> Result<Slice<E::Model>, DbErr> {
    let count = count_capped(conn, &query, E::ID).await?;
    if let Some(after) = page.after {
        // The first term is what an index answers.
        let later = Condition::any()
            .add(time.lt(after.key))
            .add(E::ID.lt(after.id));
        query = query.filter(time.lte(after.key)).filter(later);
    }
    let rows = query
        .order_by_desc(time)
        .order_by_desc(E::ID)
        .limit(page.limit + 1)
        .all(conn)
        .await?;
    Ok(Slice::cut(rows, page, count, |row| Cursor {
        key: time_of(row),
        id: E::id(row),
    }))
}

/// Counts what `query` finds, up to one more than [`COUNT_CAP`].
pub(super) async fn count_capped<E: EntityTrait>(
    conn: &impl ConnectionTrait,
    query: &Select<E>,
    id: E::Column,
) -> Result<u64, DbErr> {
    let ids: Vec<i64> = query
        .clone()
        .select_only()
        .column(id)
        .limit(COUNT_CAP + 1)
        .into_tuple()
        .all(conn)
        .await?;
    Ok(ids.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::{Cursor, PageRequest, Slice};

    #[test]
    fn a_cursor_reads_back_and_foreign_text_does_not() {
        let cursor = Cursor {
            key: -5,
            id: i64::MAX,
        };
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        for text in ["", "AAAA", "not base64!", &"A".repeat(23)] {
            assert_eq!(Cursor::decode(text), None, "{text}");
        }
    }

    #[test]
    fn the_next_page_begins_only_when_a_row_is_left() {
        let page = PageRequest {
            limit: 2,
            after: None,
        };
        let cursor = |id: &i64| Cursor { key: 0, id: *id };
        assert_eq!(
            Slice::cut(vec![1, 2, 3], page, 3, cursor).next,
            Some(Cursor { key: 0, id: 2 })
        );
        assert_eq!(Slice::cut(vec![1, 2], page, 2, cursor).next, None);
    }
}

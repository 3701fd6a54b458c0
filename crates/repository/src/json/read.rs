//! Reading documents into typed values with the rules of format 2 §0.2.

use std::borrow::Cow;
use std::cell::RefCell;
use std::marker::PhantomData;

use serde::de::value::CowStrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::node::{JsonError, Kind, Node, fold_equal, parse_prefix};

/// Reads the first JSON value of `text` as a `T`.
///
/// For structs: a key matches its field exactly or else without regard to case, unknown keys are ignored, the last
/// of repeated keys wins. A `null` leaves the empty value of a number, string, list or struct, so `T` has
/// `#[serde(default)]` where a field may be absent.
pub fn from_slice<T: for<'de> Deserialize<'de>>(text: &[u8]) -> Result<T, JsonError> {
    from_node(&parse_prefix(text)?)
}

/// Reads a parsed value as a `T`, with the rules of [`from_slice`].
pub fn from_node<T: for<'de> Deserialize<'de>>(node: &Node<'_>) -> Result<T, JsonError> {
    T::deserialize(NodeDeserializer(node, None))
}

/// Reads a parsed value as a `T` and also tells which members of its structs `T` has no field for. Members inside lists
/// are not told.
pub fn from_node_with_unknown<T: for<'de> Deserialize<'de>>(
    node: &Node<'_>,
) -> Result<(T, Vec<UnknownMember>), JsonError> {
    let recorder = RefCell::default();
    let value = T::deserialize(NodeDeserializer(node, Some(&recorder)))?;
    Ok((value, recorder.into_inner().unknown))
}

/// A member of an object that the reader knows no field for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownMember {
    /// Names of the fields from the top to the object.
    pub path: Vec<String>,
    /// Its name.
    pub name: String,
    /// Its value as JSON text.
    pub value: String,
}

/// Collects unknown members on the way through a document.
#[derive(Default)]
struct Recorder {
    path: Vec<String>,
    unknown: Vec<UnknownMember>,
}

type Recording<'n> = Option<&'n RefCell<Recorder>>;

/// The name by which [`RawText`] asks for the text of a value.
const RAW_TEXT: &str = "holdfast::RawText";

/// The JSON text of a value, kept as it is. Only [`from_slice`] and [`from_node`] can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawText(pub(crate) String);

impl<'de> Deserialize<'de> for RawText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl Visitor<'_> for TextVisitor {
            type Value = RawText;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the text of a JSON value")
            }

            fn visit_str<E>(self, text: &str) -> Result<RawText, E> {
                Ok(RawText(text.to_owned()))
            }
        }
        deserializer.deserialize_newtype_struct(RAW_TEXT, TextVisitor)
    }
}

struct NodeDeserializer<'n, 'a>(&'n Node<'a>, Recording<'n>);

impl NodeDeserializer<'_, '_> {
    fn mismatch<T>(&self, expected: &str) -> Result<T, JsonError> {
        Err(JsonError::Mismatch(format!(
            "expected {expected}, found {}",
            self.0.type_name()
        )))
    }

    fn number<T: std::str::FromStr + Default>(&self, expected: &str) -> Result<T, JsonError> {
        match self.0.kind {
            Kind::Null => Ok(T::default()),
            Kind::Number => {
                let text = self.0.text();
                text.parse()
                    .map_err(|_| JsonError::Mismatch(format!("number {text} is not {expected}")))
            }
            _ => self.mismatch(expected),
        }
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
            visitor.$visit(self.number::<$type>(stringify!($type))?)
        }
    )*};
}

impl<'de> Deserializer<'de> for NodeDeserializer<'_, '_> {
    type Error = JsonError;

    numbers! {
        deserialize_i8 visit_i8 i8; deserialize_i16 visit_i16 i16; deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64; deserialize_u8 visit_u8 u8; deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32; deserialize_u64 visit_u64 u64; deserialize_f32 visit_f32 f32;
        deserialize_f64 visit_f64 f64;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match &self.0.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::String(text) => visitor.visit_str(text),
            Kind::Array(items) => visitor.visit_seq(Items(items.iter())),
            Kind::Object(members) => visitor.visit_map(Members::all(members, self.1)),
            Kind::Number => {
                let text = self.0.text();
                if let Ok(value) = text.parse() {
                    visitor.visit_u64(value)
                } else if let Ok(value) = text.parse() {
                    visitor.visit_i64(value)
                } else {
                    visitor.visit_f64(self.number("a number")?)
                }
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0.kind {
            Kind::Null => visitor.visit_bool(false),
            Kind::Bool(value) => visitor.visit_bool(value),
            _ => self.mismatch("a boolean"),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match &self.0.kind {
            Kind::Null => visitor.visit_str(""),
            Kind::String(text) => visitor.visit_str(text),
            _ => self.mismatch("a string"),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        if name == RAW_TEXT {
            return visitor.visit_str(&self.0.text());
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match &self.0.kind {
            Kind::Null => visitor.visit_seq(Items([].iter())),
            Kind::Array(items) => visitor.visit_seq(Items(items.iter())),
            _ => self.mismatch("a list"),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match &self.0.kind {
            Kind::Null => visitor.visit_map(Members::all(&[], None)),
            Kind::Object(members) => visitor.visit_map(Members::all(members, self.1)),
            _ => self.mismatch("an object"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match &self.0.kind {
            Kind::Null => visitor.visit_map(Members::all(&[], None)),
            Kind::Object(members) => visitor.visit_map(Members::of_fields(members, fields, self.1)),
            _ => self.mismatch("an object"),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match &self.0.kind {
            Kind::String(text) => visitor.visit_enum(UnitVariant(Cow::Borrowed(text))),
            _ => self.mismatch("a string"),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_unit()
    }
}

struct Items<'n, 'a>(std::slice::Iter<'n, Node<'a>>);

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, JsonError> {
        self.0
            .next()
            .map(|item| seed.deserialize(NodeDeserializer(item, None)))
            .transpose()
    }
}

/// The members of an object under the names they are handed out with.
struct Members<'n, 'a> {
    left: std::vec::IntoIter<(&'n str, &'n Node<'a>)>,
    value: Option<(&'n str, &'n Node<'a>)>,
    recording: Recording<'n>,
}

impl<'n, 'a> Members<'n, 'a> {
    fn all(members: &'n [(Cow<'a, str>, Node<'a>)], recording: Recording<'n>) -> Self {
        let left: Vec<_> = members
            .iter()
            .map(|(key, value)| (key.as_ref(), value))
            .collect();
        Self {
            left: left.into_iter(),
            value: None,
            recording,
        }
    }

    /// Only what belongs to a field, once for each field: the last occurrence.
    fn of_fields(
        members: &'n [(Cow<'a, str>, Node<'a>)],
        fields: &'static [&'static str],
        recording: Recording<'n>,
    ) -> Self {
        let mut left: Vec<(&'n str, &'n Node<'a>)> =
            Vec::with_capacity(members.len().min(fields.len()));
        for (key, value) in members {
            let exact = fields.iter().find(|field| *field == key);
            let Some(field) = exact.or_else(|| fields.iter().find(|field| fold_equal(field, key)))
            else {
                if let Some(recorder) = recording {
                    recorder.borrow_mut().add(key, value);
                }
                continue;
            };
            match left.iter_mut().find(|(name, _)| name == field) {
                // `null` leaves what an earlier occurrence set.
                Some(_) if value.kind == Kind::Null => {}
                Some(slot) => slot.1 = value,
                None => left.push((field, value)),
            }
        }
        Self {
            left: left.into_iter(),
            value: None,
            recording,
        }
    }
}

impl<'de> MapAccess<'de> for Members<'_, '_> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, JsonError> {
        let Some((key, value)) = self.left.next() else {
            return Ok(None);
        };
        self.value = Some((key, value));
        seed.deserialize(CowStrDeserializer::new(Cow::Borrowed(key)))
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, JsonError> {
        let (key, value) = self
            .value
            .take()
            .ok_or_else(|| JsonError::custom("value requested before its key"))?;
        if let Some(recorder) = self.recording {
            recorder.borrow_mut().path.push(key.to_owned());
        }
        let result = seed.deserialize(NodeDeserializer(value, self.recording));
        if let Some(recorder) = self.recording {
            recorder.borrow_mut().path.pop();
        }
        result.map_err(|error| error.in_field(key))
    }
}

impl Recorder {
    fn add(&mut self, name: &str, value: &Node<'_>) {
        self.unknown.push(UnknownMember {
            path: self.path.clone(),
            name: name.to_owned(),
            value: value.text().into_owned(),
        });
    }
}

struct UnitVariant<'n>(Cow<'n, str>);

impl<'de> EnumAccess<'de> for UnitVariant<'_> {
    type Error = JsonError;
    type Variant = NoValue<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, NoValue<'de>), JsonError> {
        Ok((
            seed.deserialize(CowStrDeserializer::new(self.0))?,
            NoValue(PhantomData),
        ))
    }
}

/// A variant without content, the only kind that documents of the format use.
struct NoValue<'de>(PhantomData<&'de ()>);

impl<'de> VariantAccess<'de> for NoValue<'de> {
    type Error = JsonError;

    fn unit_variant(self) -> Result<(), JsonError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, JsonError> {
        Err(de::Error::custom("a variant with content is not expected"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, JsonError> {
        Err(de::Error::custom("a variant with content is not expected"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, JsonError> {
        Err(de::Error::custom("a variant with content is not expected"))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::UnixNanos;
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Document {
        user_name: String,
        count: i32,
        tags: Vec<String>,
        inner: Option<Box<Document>>,
        time: UnixNanos,
        raw: Option<serde_json::Value>,
    }

    #[test]
    fn keys_match_without_case_and_the_last_one_wins() {
        let read: Document =
            from_slice(br#"{"USERNAME":"a","username":"b","unknown":[1],"count":3}"#)
                .expect("read");
        assert_eq!(
            read,
            Document {
                user_name: "b".into(),
                count: 3,
                ..Document::default()
            }
        );
    }

    #[test]
    fn null_leaves_the_empty_value() {
        let read: Document = from_slice(
            br#"{"userName":null,"count":null,"tags":null,"inner":null,"raw":{"x":[1.5]}}"#,
        )
        .expect("read");
        let expected = Document {
            raw: Some(serde_json::json!({"x": [1.5]})),
            ..Document::default()
        };
        assert_eq!(read, expected);
        let read: Document = from_slice(br#"{"time":null}"#).expect("read");
        assert_eq!(read.time, UnixNanos::FROM_NULL);
    }

    #[test]
    fn wrong_types_and_ranges_are_errors() {
        for bad in [
            r#"{"count":"3"}"#,
            r#"{"count":3000000000}"#,
            r#"{"count":1.5}"#,
            r#"{"tags":{}}"#,
            "[]",
            "3",
        ] {
            assert!(from_slice::<Document>(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}

//! Serde over the tree, so that other crates define their sections with `#[derive(Deserialize)]`.

use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use std::fmt;

use super::node::{Entry, Node, Value};
use super::read::FromNode;
use super::{compose, scalar};
use crate::{Error, Position};

/// Reads a YAML text into any type, with Go's rules for scalars; errors name `file`, line, column.
///
/// Types should be `deny_unknown_fields` and must not use `flatten`; duplicate keys are refused
/// everywhere.
pub fn load<T: DeserializeOwned>(text: &str, file: &str) -> Result<T, Error> {
    let read = || T::deserialize(&compose(text)?).map_err(|Located(error)| error);
    read().map_err(|error: Error| error.in_file(file))
}

/// A [`Error`] that serde can make; its place is filled in on the way out.
#[derive(Debug)]
pub struct Located(Error);

impl From<Error> for Located {
    fn from(error: Error) -> Located {
        Located(error)
    }
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Located {}

impl de::Error for Located {
    fn custom<T: fmt::Display>(message: T) -> Located {
        Located(Error::whole(message.to_string()))
    }
}

/// Gives an error without a place this one.
fn placed<T>(result: Result<T, Located>, at: Position) -> Result<T, Located> {
    result
        .map_err(|Located(error)| Located(Error { position: error.position.or(Some(at)), ..error }))
}

macro_rules! integers {
    ($($method:ident => $visit:ident: $int:ty),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
            let wide = match &self.value {
                Value::Null => 0,
                Value::Plain(text) => scalar::parse_int(text).ok_or_else(|| self.mismatch("int"))?,
                _ => return Err(self.mismatch("int").into()),
            };
            let number = <$int>::try_from(wide).map_err(|_| self.mismatch(stringify!($int)))?;
            placed(visitor.$visit(number), self.at)
        }
    )*};
}

impl<'de> Deserializer<'de> for &Node {
    type Error = Located;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        match &self.value {
            Value::Null => placed(visitor.visit_unit(), self.at),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
            Value::Quoted(_) => self.deserialize_str(visitor),
            Value::Binary(_) => Err(self.mismatch("string").into()),
            Value::Plain(text) => match scalar::tag_of(text) {
                "!!bool" => self.deserialize_bool(visitor),
                "!!int" => self.deserialize_i128(visitor),
                "!!float" => self.deserialize_f64(visitor),
                _ => self.deserialize_str(visitor),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        let flag = if self.is_null() { false } else { bool::from_node(self)? };
        placed(visitor.visit_bool(flag), self.at)
    }

    integers! {
        deserialize_i8 => visit_i8: i8, deserialize_i16 => visit_i16: i16,
        deserialize_i32 => visit_i32: i32, deserialize_i64 => visit_i64: i64,
        deserialize_u8 => visit_u8: u8, deserialize_u16 => visit_u16: u16,
        deserialize_u32 => visit_u32: u32, deserialize_u64 => visit_u64: u64,
        deserialize_u128 => visit_u128: u128,
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        let wide = match &self.value {
            Value::Null => 0,
            Value::Plain(text) => scalar::parse_int(text).ok_or_else(|| self.mismatch("int"))?,
            _ => return Err(self.mismatch("int").into()),
        };
        let visited = match (i64::try_from(wide), u64::try_from(wide)) {
            (Ok(small), _) => visitor.visit_i64(small),
            (_, Ok(large)) => visitor.visit_u64(large),
            _ => visitor.visit_i128(wide),
        };
        placed(visited, self.at)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        let number = if self.is_null() { 0.0 } else { f64::from_node(self)? };
        placed(visitor.visit_f64(number), self.at)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        let text = match &self.value {
            Value::Null => "",
            Value::Plain(text) | Value::Quoted(text) => text,
            _ => return Err(self.mismatch("string").into()),
        };
        placed(visitor.visit_str(text), self.at)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        if self.is_null() { visitor.visit_unit() } else { Err(self.mismatch("null").into()) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Located> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Located> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        let elements = self.elements("list")?.iter();
        placed(visitor.visit_seq(Elements(elements)), self.at)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Located> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Located> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        let entries = self.entries("map")?;
        if let Some(entry) = super::read::first_duplicate(entries) {
            let message = format!("key {:?} already set in map", entry.key);
            return Err(Error::at(entry.at, message).into());
        }
        placed(visitor.visit_map(Entries { entries: entries.iter(), current: None }), self.at)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Located> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Located> {
        let variant = match &self.value {
            Value::Plain(text) | Value::Quoted(text) => {
                Variant { name: text, at: self.at, node: None }
            }
            Value::Map(entries) => match entries.as_slice() {
                [entry] => Variant { name: &entry.key, at: entry.at, node: Some(&entry.node) },
                _ => return Err(Error::at(self.at, "expected exactly one key").into()),
            },
            _ => return Err(self.mismatch("string").into()),
        };
        placed(visitor.visit_enum(variant), self.at)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Located> {
        visitor.visit_unit()
    }
}

struct Elements<'n>(std::slice::Iter<'n, Node>);

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Located;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Located> {
        self.0.next().map(|node| placed(seed.deserialize(node), node.at)).transpose()
    }
}

struct Entries<'n> {
    entries: std::slice::Iter<'n, Entry>,
    current: Option<&'n Entry>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Located;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Located> {
        self.current = self.entries.next();
        let Some(entry) = self.current else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, Located> = entry.key.as_str().into_deserializer();
        placed(seed.deserialize(key), entry.at).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Located> {
        let Some(entry) = self.current.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        let value = placed(seed.deserialize(&entry.node), entry.node.at);
        value.map_err(|Located(error)| Located(super::read::under(&entry.key, error)))
    }
}

struct Variant<'n> {
    name: &'n str,
    at: Position,
    node: Option<&'n Node>,
}

impl<'de, 'n> EnumAccess<'de> for Variant<'n> {
    type Error = Located;
    type Variant = Content<'n>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content<'n>), Located> {
        let name: StrDeserializer<'_, Located> = self.name.into_deserializer();
        let variant = placed(seed.deserialize(name), self.at)?;
        Ok((variant, Content { node: self.node, at: self.at }))
    }
}

/// What follows a variant's name.
struct Content<'n> {
    node: Option<&'n Node>,
    at: Position,
}

impl<'n> Content<'n> {
    fn node(&self) -> Result<&'n Node, Located> {
        self.node.ok_or_else(|| Error::at(self.at, "expected a value after the name").into())
    }
}

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Located;

    fn unit_variant(self) -> Result<(), Located> {
        match self.node {
            Some(node) if !node.is_null() => Err(node.mismatch("null").into()),
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Located> {
        let node = self.node()?;
        placed(seed.deserialize(node), node.at)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Located> {
        self.node()?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Located> {
        self.node()?.deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use serde::Deserialize;

    use super::load;
    use crate::Secret;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Sample {
        name: String,
        count: u16,
        share: f64,
        on: bool,
        list: Vec<String>,
        map: BTreeMap<String, String>,
        #[serde(deserialize_with = "crate::duration::deserialize")]
        wait: Duration,
        password: Option<Secret>,
        kind: Kind,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        #[default]
        Plain,
        Other,
    }

    #[test]
    fn a_section_of_another_crate_is_read_with_gos_scalars() {
        let text = "name: 007\ncount: 0o17\nshare: 1\non: yes\nlist: [1, null, 'x']\nmap: {a: 1.50}\n\
                    wait: 1m30s\npassword: p\nkind: other\n";
        let sample: Sample = load(text, "s.yml").unwrap();
        let wanted = Sample {
            name: "007".to_owned(),
            count: 15,
            share: 1.0,
            on: true,
            list: vec!["1".to_owned(), String::new(), "x".to_owned()],
            map: [("a".to_owned(), "1.50".to_owned())].into(),
            wait: Duration::from_secs(90),
            password: Some(Secret::new("p")),
            kind: Kind::Other,
        };
        assert_eq!(sample, wanted);
        let base = "a: &x {name: n, count: 1}\nb: {<<: *x, count: 2}";
        let merged: BTreeMap<String, Sample> = load(base, "").unwrap();
        assert_eq!((merged["b"].name.as_str(), merged["b"].count), ("n", 2));
    }

    #[test]
    fn errors_have_places() {
        let check = |text: &str, wanted: &str| {
            let error = load::<Sample>(text, "s.yml").unwrap_err();
            assert_eq!(error.to_string(), wanted, "{text}");
        };
        check("count: x", "s.yml:1:8: count: cannot unmarshal !!str `x` into int");
        check("count: 70000", "s.yml:1:8: count: cannot unmarshal !!int `70000` into u16");
        check("name: a\nname: b", "s.yml:2:1: key \"name\" already set in map");
        check("map: {a: b, a: c}", "s.yml:1:13: key \"a\" already set in map");
        check("wait: 5", "s.yml:1:7: wait: not a valid duration string: \"5\"");
        check("- a", "s.yml:1:1: cannot unmarshal !!seq into map");
        let error = load::<Sample>("list: []\nnam: b", "s.yml").unwrap_err().to_string();
        assert!(error.starts_with("s.yml:2:1: unknown field `nam`, expected one of"), "{error}");
        let error = load::<Sample>("kind: none", "s.yml").unwrap_err().to_string();
        assert!(error.starts_with("s.yml:1:7: unknown variant `none`"), "{error}");
    }
}

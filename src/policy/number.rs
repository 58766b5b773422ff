//! Numbers in policy files: written as numbers. A text in quotes is none, although the parser would read it as one, so that a file
//! says to every reader and every editor what it says here.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::units::float;

/// A number without a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<T>(pub T);

/// What a number can be read as.
pub trait Numeric: Sized {
    /// Which numbers are meant, such as `whole number from 0 to 255`.
    const WHICH: &'static str;

    fn whole(number: u64) -> Option<Self>;

    fn real(number: f64) -> Option<Self>;
}

macro_rules! whole {
    ($($number:ty: $which:literal),+) => {
        $(impl Numeric for $number {
            const WHICH: &'static str = $which;

            fn whole(number: u64) -> Option<Self> {
                Self::try_from(number).ok()
            }

            fn real(_: f64) -> Option<Self> {
                None
            }
        })+
    };
}

whole!(u8: "whole number from 0 to 255", u16: "whole number from 0 to 65535", u32: "whole number from 0 to 4294967295");

impl Numeric for f64 {
    const WHICH: &'static str = "number";

    fn whole(number: u64) -> Option<Self> {
        Some(float(number))
    }

    fn real(number: f64) -> Option<Self> {
        Some(number)
    }
}

struct NumberVisitor<T>(PhantomData<T>);

impl<T: Numeric> NumberVisitor<T> {
    fn refused<E: Error>() -> E {
        E::custom(format!("this is no {which}; write a {which}, without a unit", which = T::WHICH))
    }
}

impl<T: Numeric> Visitor<'_> for NumberVisitor<T> {
    type Value = Number<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {}", T::WHICH)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Number<T>, E> {
        T::whole(number).map(Number).ok_or_else(Self::refused)
    }

    #[expect(clippy::cast_precision_loss, reason = "no field takes a number beyond 2^53")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<Number<T>, E> {
        u64::try_from(number).map_or_else(|_| T::real(number as f64), T::whole).map(Number).ok_or_else(Self::refused)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Number<T>, E> {
        T::real(number).map(Number).ok_or_else(Self::refused)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Number<T>, E> {
        if text.parse::<f64>().is_ok() {
            return Err(E::custom(format!("a number in quotes is a text; write {text}")));
        }
        Err(Self::refused())
    }
}

impl<'de, T: Numeric> Deserialize<'de> for Number<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Number<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

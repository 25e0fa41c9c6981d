//! Values on their way into a statement, and the types that both databases have for them.

use uuid::Uuid;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// A UUID; 16 bytes on SQLite.
    Id,
    /// 64 bits with a sign.
    Integer,
    Text,
    Bytes,
    /// True or false; 0 or 1 on SQLite.
    Fact,
}

impl Type {
    /// As PostgreSQL calls it.
    pub(super) fn postgres(self) -> &'static str {
        match self {
            Self::Id => "uuid",
            Self::Integer => "bigint",
            Self::Text => "text",
            Self::Bytes => "bytea",
            Self::Fact => "boolean",
        }
    }
}

/// One value. A null has a type, because PostgreSQL wants to know it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null(Type),
    Id(Uuid),
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
    Fact(bool),
}

/// The values of a statement, in the order of its question marks.
#[derive(Default)]
pub(super) struct Values(Vec<Value>);

impl Value {
    pub(super) fn is_of(&self, wanted: Type) -> bool {
        let own = match self {
            Self::Null(of) => *of,
            Self::Id(_) => Type::Id,
            Self::Integer(_) => Type::Integer,
            Self::Text(_) => Type::Text,
            Self::Bytes(_) => Type::Bytes,
            Self::Fact(_) => Type::Fact,
        };
        own == wanted
    }
}

impl Values {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Adds the next value.
    pub(super) fn put(&mut self, value: impl Into<Value>) -> &mut Self {
        self.0.push(value.into());
        self
    }

    pub(super) fn into_vec(self) -> Vec<Value> {
        self.0
    }
}

/// The type that a Rust type is stored as.
pub(super) trait Stored {
    const TYPE: Type;
}

impl<T: Into<Value> + Stored> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null(T::TYPE), Into::into)
    }
}

macro_rules! stored {
    ($($from:ty => $type:ident, |$value:ident| $into:expr;)+) => {
        $(
            impl Stored for $from {
                const TYPE: Type = Type::$type;
            }

            impl From<$from> for Value {
                fn from($value: $from) -> Self {
                    Self::$type($into)
                }
            }
        )+
    };
}

stored! {
    i64 => Integer, |number| number;
    u32 => Integer, |number| number.into();
    bool => Fact, |fact| fact;
    &str => Text, |text| text.to_owned();
    String => Text, |text| text;
    &String => Text, |text| text.clone();
    Vec<u8> => Bytes, |bytes| bytes;
    &[u8] => Bytes, |bytes| bytes.to_vec();
    Uuid => Id, |id| id;
}

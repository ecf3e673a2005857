//! What a file holds, by how much of it is ours and who may see it.

use super::format;
use super::sealed::{Bytes, Sealed};
use serde::Serialize;
use serde_json::{Map, Value};

/// What a file holds.
#[derive(Debug, Clone)]
pub enum Contents {
    /// The whole text, which is ours alone.
    Text(String),
    /// A whole JSON document, which is ours alone.
    Json(Document),
    /// Some keys of a JSON object that belongs to the operator: ours are kept, all others are left as they are.
    Keys(Keys),
    /// A first text for a file that belongs to the operator: it is written where there is no such file, and never again.
    Seed(String),
    /// A secret, which is ours alone and which nobody sees outside its file.
    Secret(Sealed),
}

impl Contents {
    /// The whole file, where all of it is decided here.
    pub fn whole(&self) -> Option<Bytes> {
        match self {
            Self::Text(text) | Self::Seed(text) => Some(Bytes::Open(text.clone().into_bytes())),
            Self::Json(document) => Some(Bytes::Open(document.text().into_bytes())),
            Self::Secret(sealed) => Some(Bytes::Sealed(sealed.clone())),
            Self::Keys(_) => None,
        }
    }

    /// Whether an operator may change the file, and give it another mode and owner.
    pub fn is_operators(&self) -> bool {
        matches!(self, Self::Keys(_) | Self::Seed(_))
    }
}

/// How a JSON document is laid out in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As it is.
    Plain,
    /// With every block in a list of one, as Nomad reads it ([`format::nomad_blocks`]).
    NomadBlocks,
}

/// A JSON document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it says; `null` where it could not be serialised, which ends the rendering.
    pub value: Value,
    /// How it is laid out.
    pub shape: Shape,
}

impl Document {
    /// The document of a configuration.
    pub fn of(configuration: &impl Serialize, shape: Shape) -> Self {
        Self { value: serde_json::to_value(configuration).unwrap_or(Value::Null), shape }
    }

    /// The text of its file.
    pub fn text(&self) -> String {
        match self.shape {
            Shape::Plain => format::json(&self.value),
            Shape::NomadBlocks => format::json(&format::nomad_blocks(self.value.clone())),
        }
    }
}

/// Keys of ours in a JSON file of the operator.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Our keys with their values.
    pub ours: Map<String, Value>,
    /// What our keys make of the rest of the file.
    pub amend: Amend,
}

/// Takes out of an operator's file what would keep our keys from working. In: the file without our keys, and our keys.
pub type Amend = fn(&mut Map<String, Value>, &Map<String, Value>) -> Amended;

/// What came of an [`Amend`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Amended {
    /// What it took out, a few words each.
    pub changes: Vec<String>,
    /// What it left to the operator, a sentence each.
    pub notes: Vec<String>,
}

/// Leaves the rest of the file as it is.
pub fn nothing_besides(_: &mut Map<String, Value>, _: &Map<String, Value>) -> Amended {
    Amended::default()
}

//! What a file holds: how much of it belongs to the agent, and who may see it.

use super::format;
use super::sealed::{Bytes, Sealed};
use serde::Serialize;
use serde_json::{Map, Value};

/// What a file holds.
#[derive(Debug, Clone)]
pub enum Contents {
    /// The whole text, which belongs to the agent.
    Text(String),
    /// A whole JSON document, which belongs to the agent.
    Json(Document),
    /// Some keys in a JSON object of the operator. The agent sets its keys and leaves all others.
    Keys(Keys),
    /// The first text of a file that belongs to the operator. It is written only if there is no such file.
    Seed(String),
    /// A secret of the agent, which is never shown outside its file.
    Secret(Sealed),
}

impl Contents {
    /// The whole file, or the keys if the rest of it is the operator's.
    pub fn whole(&self) -> Result<Bytes, &Keys> {
        match self {
            Self::Text(text) | Self::Seed(text) => Ok(Bytes::Open(text.clone().into_bytes())),
            Self::Json(document) => Ok(Bytes::Open(document.text().into_bytes())),
            Self::Secret(sealed) => Ok(Bytes::Sealed(sealed.clone())),
            Self::Keys(keys) => Err(keys),
        }
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
    /// Its value; `null` if it cannot be serialised, which ends the rendering.
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

/// Keys of the agent in a JSON file of the operator.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The keys of the agent with their values.
    pub ours: Map<String, Value>,
    /// How the rest of the file changes.
    pub amend: Amend,
}

/// Removes from an operator's file what would keep the agent's keys from working. In: the file without the agent's keys, and
/// these keys.
pub type Amend = fn(&mut Map<String, Value>, &Map<String, Value>) -> Amended;

/// The result of an [`Amend`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Amended {
    /// What it removed, a few words each.
    pub changes: Vec<String>,
    /// What it left to the operator, a sentence each.
    pub notes: Vec<String>,
}

/// Leaves the rest of the file as it is.
pub fn nothing_besides(_: &mut Map<String, Value>, _: &Map<String, Value>) -> Amended {
    Amended::default()
}

//! The two things that a node does with the parameter store: it reads a parameter, and it overwrites one.

use super::{AwsError, Client};
use serde_json::json;

/// The status of every error of the client (`API_GetParameter.html`, Errors).
const CLIENT_ERROR: u16 = 400;

/// What the store says about a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// Its value, which is never empty.
    Value(String),
    /// No parameter has this name.
    Absent,
}

/// Reads a parameter. Needs `ssm:GetParameter`.
///
/// Only the store itself can say that the parameter does not exist: with the code `ParameterNotFound`, status 400, in
/// the shape of its own errors.
pub async fn get_parameter(client: &Client, name: &str) -> Result<Parameter, AwsError> {
    let answer = match client.json("GetParameter", &json!({ "Name": name })).await {
        Err(AwsError::Rejected { status: CLIENT_ERROR, code, .. })
            if code == "ParameterNotFound" =>
        {
            return Ok(Parameter::Absent);
        }
        answer => answer?,
    };
    // The store never holds an empty value, so an empty one does not come from the store.
    match answer["Parameter"]["Value"].as_str() {
        Some(value) if !value.trim().is_empty() => Ok(Parameter::Value(value.to_owned())),
        _ => {
            let problem = "`Parameter.Value` is not a string, or is empty".to_owned();
            Err(client.malformed("GetParameter", problem))
        }
    }
}

/// Overwrites a parameter, or creates it. Needs `ssm:PutParameter`.
pub async fn put_parameter(client: &Client, name: &str, value: &str) -> Result<(), AwsError> {
    let body = json!({ "Name": name, "Value": value, "Type": "String", "Overwrite": true });
    client.json("PutParameter", &body).await.map(drop)
}

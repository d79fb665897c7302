use async_trait::async_trait;
use serde_json::{Map, Value};

use super::TokenSource;
use crate::{error::HostError, provider::Provider};

/// An API in the same process as the provider, or with a provider of its own on the same store and with
/// the same secrets, needs no request to know what a token says.
#[async_trait]
impl TokenSource for Provider {
    async fn introspect(&self, token: &str) -> Result<Option<Map<String, Value>>, HostError> {
        Ok(self.inspect(token).await?)
    }
}

use super::*;
impl InvalidMetadata {
    #[allow(non_snake_case)]
    pub fn Member(_: &'static str) -> Self {
        Self::Sector
    }
    pub fn error(self) -> crate::ErrorCode {
        crate::ErrorCode::InvalidRequest
    }
}
impl ClientMetadata {
    pub fn from_members(
        m: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self, InvalidMetadata> {
        serde_json::from_value(serde_json::Value::Object(m.clone()))
            .map_err(|_| InvalidMetadata::Sector)
    }
}

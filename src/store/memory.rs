//! placeholder while the real one is written
use super::*;
use async_trait::async_trait;
#[derive(Debug)]
#[allow(missing_docs)]
pub struct MemoryStore;
#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, _: &Key) -> Result<Option<Record>, StoreError> {
        Ok(None)
    }
    async fn put(&self, _: &Key, _: Expect<'_>, _: Record) -> Result<Put, StoreError> {
        Ok(Put::Done)
    }
    async fn delete(&self, _: &Key, _: &Version) -> Result<Put, StoreError> {
        Ok(Put::Done)
    }
    async fn list(
        &self,
        _: Kind,
        _: &Label,
        _: Option<&Cursor>,
        _: u32,
    ) -> Result<Listing, StoreError> {
        Ok(Listing::default())
    }
    async fn purge(&self, _: Timestamp, _: u32) -> Result<u32, StoreError> {
        Ok(0)
    }
}

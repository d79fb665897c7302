//! `sector_identifier_uri` (OIDC Registration §5, OIDC Core §8.1; RG-06).

use super::*;
use crate::support::{Documents, claims};

pub(crate) const SECTOR: &str = "https://sector.example/uris.json";
const A: &str = "https://a.example/cb";
const B: &str = "https://b.example/cb";

pub(crate) fn op_with(document: Option<&str>) -> (Op, Documents) {
    let documents = Documents::default();
    if let Some(document) = document {
        documents.put(SECTOR, document);
    }
    let mut setup = setup();
    setup.documents = Some(documents.clone());
    (setup.build(), documents)
}

pub(crate) fn pairwise(uris: &[&str], sector: Option<&str>) -> Value {
    let mut members = json!({ "subject_type": "pairwise", "redirect_uris": uris });
    if let Some(sector) = sector {
        members["sector_identifier_uri"] = sector.into();
    }
    members
}

/// §5: the values registered in `redirect_uris` MUST be included, or registration MUST fail.
#[tokio::test]
async fn the_document_lists_every_redirect_uri() {
    let document = json!([A, B, "https://c.example/cb"]).to_string();
    let (op, documents) = op_with(Some(&document));
    let client = op.register(&pairwise(&[A, B], Some(SECTOR))).await;
    assert_eq!(client.text("sector_identifier_uri"), SECTOR);
    assert_eq!(documents.asked(), [format!("{SECTOR} again")], "as it is there now");
    // whether or not its names are pairwise
    let mut members = pairwise(&[A, "https://d.example/cb"], Some(SECTOR));
    members["subject_type"] = "public".into();
    assert_eq!(op.refused(&members).await, (400, "invalid_client_metadata".into()));
    // at each update anew
    let mut metadata = pairwise(&[A, "https://c.example/cb"], Some(SECTOR));
    metadata["client_id"] = client.id().into();
    assert_eq!(client.manage(&op, "PUT", &metadata).await.status(), 200);
    documents.put_newer(SECTOR, Some(json!([A]).to_string()));
    let refused = client.manage(&op, "PUT", &metadata).await;
    assert_eq!((refused.status(), refused.error()), (400, "invalid_client_metadata".into()));
}

#[tokio::test]
async fn documents_that_are_none() {
    let many = json!(vec![A; 20]).to_string();
    for (document, ok) in [
        (Some("[]"), false),
        (Some("{}"), false),
        (Some("\"https://a.example/cb\""), false),
        (Some("null"), false),
        (Some("[\"https://a.example/cb\", 1]"), false),
        (Some("[\"https://a.example/cb\", null]"), false),
        (Some("[[\"https://a.example/cb\"]]"), false),
        (Some("[\"https://a.example/cb\"] x"), false),
        (Some("[\"https://a.example/cb\"]["), false),
        (Some("[\"https://a.example/cb/\"]"), false),
        (Some("[\"https://a.example\"]"), false),
        (Some("[\"HTTPS://a.example/cb\"]"), false),
        (Some("https://a.example/cb"), false),
        (Some(""), false),
        (None, false),
        (Some(many.as_str()), true),
        (Some("[\"https://a.example\\/cb\"]"), true),
    ] {
        let (op, _) = op_with(document);
        let answer = op.try_register(&pairwise(&[A], Some(SECTOR)), None).await;
        assert_eq!(answer.status(), if ok { 201 } else { 400 }, "{document:?}");
        if !ok {
            assert_eq!(answer.error(), "invalid_client_metadata", "{document:?}");
        }
    }
}

/// Clients of a sector know a person by the same name, and those of another by another.
#[tokio::test]
async fn a_sector_is_one_name() {
    let (op, _) = op_with(Some(&json!([A, B]).to_string()));
    let mut subjects = Vec::new();
    for metadata in [
        pairwise(&[A], Some(SECTOR)),
        pairwise(&[B], Some(SECTOR)),
        pairwise(&[A], None),
        pairwise(&[B], None),
    ] {
        let client = op.register(&metadata).await;
        subjects.push(claims(&client.tokens(&op).await.member("id_token"))["sub"].clone());
    }
    assert_eq!(subjects[0], subjects[1]);
    subjects.remove(1);
    assert!(subjects[0] != subjects[1] && subjects[1] != subjects[2] && subjects[0] != subjects[2]);
}

/// Without a document, the redirect URIs must say which sector it is; with one, several hosts may.
#[tokio::test]
async fn several_hosts_need_a_document() {
    let (op, _) = op_with(Some(&json!([A, B]).to_string()));
    assert_eq!(op.refused(&pairwise(&[A, B], None)).await, (400, "invalid_client_metadata".into()));
    op.register(&pairwise(&[A, B], Some(SECTOR))).await;
    op.register(&pairwise(&[A, "https://a.example/2"], None)).await;
}

/// Nothing fetches it here: then nobody can have it.
#[tokio::test]
async fn without_fetch() {
    let mut setup = setup();
    setup.documents = None;
    let op = setup.build();
    let refused = op.try_register(&pairwise(&[A], Some(SECTOR)), None).await;
    assert_eq!((refused.status(), refused.error()), (400, "invalid_client_metadata".into()));
    assert!(refused.member("error_description").contains("sector_identifier_uri"));
    op.register(&pairwise(&[A], None)).await;
}

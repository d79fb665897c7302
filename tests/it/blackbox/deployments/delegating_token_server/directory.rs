//! A Person API that says nothing of use: without it nobody knows who this is.

use super::{
    CLASSIC, CLASSIC_AT, EVERYTHING, came_to_nothing, faulty, is_error, person::FAULTS, shared,
};

#[tokio::test]
async fn nobody_is_signed_in_without_it() {
    let all = shared().await;
    for sub in FAULTS {
        let visitor = all.visitor();
        let request = all.op.request(CLASSIC.0, CLASSIC_AT, &[("scope", EVERYTHING)]);
        let problem = all.sign_in(&visitor, &request, faulty(sub)).await;
        let expected = (502, "person_unavailable", sub);
        assert!(problem.url.as_str().starts_with(all.op.issuer()), "{sub}: {problem:?}");
        came_to_nothing(&all.op, &visitor, &problem, expected).await;
        // Who is signed in there is not asked again there, and there is still nothing to know.
        let again = visitor.submit(&problem, "again", &[]).await;
        came_to_nothing(&all.op, &visitor, &again, expected).await;
        is_error(&visitor.submit(&again, "back", &[]).await, "temporarily_unavailable");
    }
    let log = all.op.server.log();
    for cause in ["503", "not a JSON object", "too large", "401", "about somebody else"] {
        assert!(log.contains(cause), "{cause}: {log}");
    }
    assert!(!log.contains("Grace") && !log.contains("<h1>"), "{log}");
}

use oidc_op::store::*;
use std::time::Duration;
fn main() {
    let port = std::env::args().nth(1).unwrap();
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut o = RedisOptions::new(format!("redis://127.0.0.1:{port}"));
    o.durability = Durability::Relaxed;
    o.deadline = Duration::from_millis(300);
    let s = rt.block_on(RedisStore::with_options(&o)).unwrap();
    let rt2 = tokio::runtime::Runtime::new().unwrap();
    println!(
        "opened in a current_thread runtime that nobody drives now: {:?}",
        rt2.block_on(async {
            tokio::time::timeout(
                Duration::from_secs(4),
                s.get(&Key::from_parts(Kind::Grant, [1; 32])),
            )
            .await
            .map(|_| ())
        })
    );
}

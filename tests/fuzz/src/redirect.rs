//! Where an answer may go, said once more and in other words than in the crate.

const LITERALS: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// The literal and what follows the port, of a loopback address with a good port or none
/// (RFC 8252 §7.3).
fn loopback(uri: &str) -> Option<(&'static str, &str)> {
    let literal = LITERALS.into_iter().find(|literal| uri.starts_with(literal))?;
    let rest = &uri[literal.len()..];
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (port, tail) = rest.split_at(end);
    let good = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| {
            port.parse::<u16>().is_ok_and(|number| number != 0 && number.to_string() == port)
        });
    good.then_some((literal, tail))
}

/// F-03: the same bytes, or the same loopback address but for the port.
pub fn matches(registered: &str, requested: &str) -> bool {
    registered == requested
        || loopback(registered).is_some_and(|known| loopback(requested) == Some(known))
}

/// How much of a location is a registered URI: every length at which the rest could be an answer.
pub fn bases<'l>(registered: &'l [String], location: &'l str) -> impl Iterator<Item = &'l str> {
    let ends = location.char_indices().map(|(at, _)| at).chain([location.len()]);
    ends.map(|end| &location[..end])
        .filter(|base| registered.iter().any(|registered| matches(registered, base)))
}

/// What stands between `//` and the path (RFC 3986 §3.2).
pub fn authority(uri: &str) -> &str {
    let after = uri.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//"));
    let after = after.unwrap_or_default();
    after.split(['/', '?']).next().unwrap_or_default()
}

//! Small changes to a text that was right.

/// Carries out edits of four bytes each: where (two bytes), what (replace, insert, remove, swap with
/// the next, cut, or append), and with what. What comes out is text if the input was.
pub fn edited(text: &str, edits: &[u8]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for edit in edits.chunks_exact(4).take(8) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % (bytes.len() + 1);
        let with = edit[3];
        match edit[2] % 6 {
            0 if at < bytes.len() => bytes[at] = with & 0x7F,
            1 => bytes.insert(at, with & 0x7F),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 if at + 1 < bytes.len() => bytes.swap(at, at + 1),
            4 => bytes.truncate(at),
            5 => bytes.push(with & 0x7F),
            _ => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

//! A file that says what cannot be is refused in one line, which names the file, the line and the member.

use std::fs;

use super::files;
use crate::blackbox::server::refuse;

/// The file's text, what is wrong in it, and where.
fn mistakes(text: &str) -> Vec<(String, usize, &'static str)> {
    let lines: Vec<_> = text.lines().collect();
    let changed = |at: usize, line: String| {
        let mut lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines[at] = line;
        lines.join("\n")
    };
    let at = |from: usize, start: &str| {
        from + lines[from..].iter().position(|line| line.starts_with(start)).unwrap()
    };
    let listen = at(0, "listen = ");
    let client = at(at(0, "[[clients]]"), "client_id = ");
    let again = lines[client..].iter().take_while(|line| !line.starts_with('[')).copied();
    let twice = format!("{text}\n[[clients]]\n{}\n", again.collect::<Vec<_>>().join("\n"));
    let twice_at = text.lines().count() + 3;
    vec![
        (changed(listen, "listens = \"127.0.0.1:1\"".into()), listen + 1, "`listens`"),
        (changed(listen, "listen = 7".into()), listen + 1, "listen: "),
        (twice, twice_at, ".client_id: "),
        (changed(client, format!("{}\nscopes = 1", lines[client])), client + 2, "clients.scopes: "),
    ]
}

#[test]
fn every_file_is_refused_with_file_line_and_member() {
    for path in files() {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        for (text, line, says) in mistakes(&text) {
            let (code, said) = refuse(&text);
            let place = format!("server.toml: line {line}, column ");
            assert_eq!(code, Some(2), "{name}: {said}");
            assert!(said.contains(&place) && said.contains(says), "{name}, {line}, {says}: {said}");
            assert_eq!(said.trim_end().lines().count(), 1, "{name}: {said}");
        }
    }
}

/// What is only found out when everything is put together is located as well, in its realm.
#[test]
fn a_realm_is_refused_with_its_line() {
    let user = |table: &str, name: &str, sub: &str| {
        format!("[[{table}]]\nusername = \"{name}\"\npassword = \"p\"\nsub = \"{sub}\"\n")
    };
    let text = [
        "issuer = \"http://localhost:1/a\"\nlisten = \"127.0.0.1:0\"\nstore = \"memory:\"\ndata = \"{data}\"\n",
        &user("users", "ada", "1"),
        "[[realms]]\nissuer = \"http://localhost:1/b\"\n",
        &user("realms.users", "bob", "1"),
        &user("realms.users", "Bob", "2"),
    ]
    .concat();
    let (code, said) = refuse(&text);
    assert_eq!(code, Some(2), "{said}");
    let last = said.trim_end().lines().next_back().unwrap();
    assert!(last.contains("server.toml: line 11, column 10: realms[0].users: "), "{said}");
}

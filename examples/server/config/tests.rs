//! What is read, and what is refused.

use super::*;
use crate::sign_up::Channel;

const HEAD: &str = "issuer = \"http://localhost:1\"\nlisten = \"127.0.0.1:1\"\n";

fn parsed(text: &str) -> Result<Settings, ConfigError> {
    Settings::parse(Source::new("op.toml", text), Path::new(""))
}

fn refusal(rest: &str) -> String {
    let text = format!("{HEAD}{rest}");
    parsed(&text).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn the_demo_and_the_sample_load() {
    assert!(Settings::demo().unwrap().built_in);
    let sample =
        Settings::parse(Source::new("", include_str!("../sample.toml")), Path::new("/x")).unwrap();
    assert_eq!(sample.data, Path::new("/x/data"));
    assert_eq!(sample.clients.len(), 10);
    assert_eq!(sample.provider().resources.len(), 5);
    let registration = sample.provider().registration.unwrap();
    assert_eq!((registration.cap, registration.grant_types.len()), (1000, 3));
    assert_eq!(sample.registration.unwrap().publishers().unwrap().len(), 1);
}

#[test]
fn the_deployments_load() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deployments");
    for entry in fs::read_dir(folder).unwrap() {
        let settings = Settings::load(&entry.unwrap().path());
        settings.map_err(|refusal| refusal.to_string()).unwrap();
    }
}

/// A client's secret is kept where it is a key, so that it can be one.
#[test]
fn clients_have_all_members() {
    let text = format!(
        "{HEAD}[[clients]]\nclient_id = \"a\"\nclient_secret = \"{}\"\n\
         redirect_uris = [\"https://a.example/\"]\nid_token_signed_response_alg = \"HS256\"\n\
         claims = {{ allow = [\"email\"], scopes_in_id_token = true }}\n\
         [[clients.jwks]]\nkty = \"oct\"\n",
        "s".repeat(32)
    );
    let refused = parsed(&text).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("line 9, column 1: clients.jwks"), "{refused}");
    let jwks = "kty = \"OKP\"\ncrv = \"Ed25519\"\n\
                x = \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"\n";
    let text = text.replace("kty = \"oct\"\n", jwks);
    let settings = parsed(&text).unwrap();
    let ClientEntry(client) = &settings.clients[0];
    assert!(client.metadata.jwks.is_some());
    assert_eq!(client.claims.scopes_in_id_token, Some(true));
}

/// RFC 7591 §2.2; and a client without a browser says nothing of response types.
#[test]
fn clients_have_languages_and_defaults() {
    let text = format!(
        "{HEAD}[[clients]]\nclient_id = \"a\"\nclient_secret = \"s\"\nclient_name = \"Shop\"\n\
         \"client_name#fr\" = \"Boutique\"\ngrant_types = [\"client_credentials\"]\n"
    );
    let settings = parsed(&text).unwrap();
    let ClientEntry(client) = &settings.clients[0];
    assert_eq!(client.localised(&["fr-CA"]).name, "Boutique");
    assert!(client.metadata.response_types.is_empty());
}

/// Administrative members; several secrets are accepted at once.
#[test]
fn clients_have_settings_of_the_back_channel() {
    let text = format!(
        "{HEAD}[[clients]]\nclient_id = \"a\"\nclient_secrets = [\"old\"]\nclient_secret = \"new\"\n\
         redirect_uris = [\"https://a.example/\"]\nresources = [\"https://api.example/\"]\n\
         grant_types = [\"authorization_code\", \"refresh_token\"]\n\
         refresh = {{ rotation = {{ window = 60 }}, online = true }}\n\
         [[resources]]\nresource = \"https://api.example/\"\nformat = \"jwt\"\nalgorithm = \"PS384\"\n"
    );
    let settings = parsed(&text).unwrap();
    let ClientEntry(client) = &settings.clients[0];
    assert_eq!(client.secrets.len(), 2);
    assert_eq!(client.refresh.rotation, Some(oidc_op::Rotation::Window(60)));
    assert!(client.refresh.online && client.resources.as_ref().is_some_and(|r| r.len() == 1));
    assert!(settings.algorithms().contains(&SigningAlgorithm::PS384));
}

/// With a mapping, what is advertised is what there can be.
#[test]
fn a_mapping_says_which_claims_there_are() {
    let parse = |rest: &str| parsed(&format!("{HEAD}{rest}")).unwrap();
    let mapping = "[claims.mapping]\nname = \"/n\"\n\"name#de\" = \"/d\"\n";
    let user = "[[users]]\nusername = \"a\"\npassword = \"b\"\nsub = \"c\"\n\
                claims = { shoe_size = 42, \"name#fr\" = \"A\" }\n";
    assert_eq!(parse(user).provider().claims.supported, None);
    let supported = parse(&format!("{mapping}{user}")).provider().claims.supported.unwrap();
    assert_eq!(supported.iter().map(|name| &**name).collect::<Vec<_>>(), ["name", "shoe_size"]);
    let wanted = "[[resources]]\nresource = \"https://a.example/\"\nclaims = [\"tier\"]\n\
                  [[users]]\nusername = \"a\"\npassword = \"b\"\nsub = \"c\"\n\
                  sources = [{ claims = [\"score\"], jwt = \"a.b.c\" }]\n";
    let settings = parse(&format!("{mapping}{wanted}"));
    let supported = settings.provider().claims.supported.unwrap();
    assert_eq!(supported.iter().map(|name| &**name).collect::<Vec<_>>(), ["name", "tier", "score"]);
    let managed = "[manage]\nclients = [\"m\"]\n[[clients]]\nclient_id = \"m\"\n\
                   client_secret = \"x\"\ngrant_types = [\"client_credentials\"]\n";
    let settings = parse(&format!("{mapping}{user}{managed}"));
    assert_eq!(settings.provider().claims.supported, None, "anything may be said of people");
}

/// One line, which says where, and this.
#[track_caller]
fn refuses(rest: &str, says: &str) {
    let text = refusal(rest);
    assert!(text.starts_with("op.toml: line ") && text.contains(says), "{rest:?}: {text}");
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn refusals_name_the_line_and_the_member() {
    for (rest, names) in [
        ("x = 1", "line 3, column 1: unknown field `x`"),
        ("x = ", "line 3, column 5"),
        ("store = \"papyrus:/x?key=hush\"", "line 3, column 9: store: a store of the kind"),
        ("store = \"sqlite:x?connections=2\"", "store: after the file of a store there is"),
        ("store = \"redis://x?connections=2\"", "store: after the address of a store in Redis"),
        ("store = \"sqlite:x?durability=most\"", "store: the durability of a store is"),
        ("store = { path = \"x\" }", "store: a store is an address or"),
        ("[stores]\nleaf = \"memory:\"", "stores: unknown kind \"leaf\", expected one of grant, "),
        ("[lifetimes]\ncode = -1", "line 4, column 8: lifetimes.code: invalid value"),
        ("[features]\nmagic = true", "line 4, column 1: features: unknown field `magic`"),
        ("[[users]]\nusername = \"a\"\nsub = \"a\"\n", "give either password or password_hash"),
        ("[keys]\nalgorithms = [\"ES256\"]", "RS256 must be among"),
        ("[keys]\nrotate = 86400", "keys.rotate: needs keys.store"),
        ("[keys]\nstore = true\nrotate = 86399", "keys.rotate: is at least a day"),
        ("[secrets]\ntoken = []", "secrets.token: the list is empty"),
        ("[limits]\nperiod = 0", "limits.period: is at least 1"),
        ("trusted_proxies = [\"10.0.0.0/33\"]", "line 3, column 19: trusted_proxies: an IP"),
        ("scopes = [\"a b\"]", "scopes: \"a b\" is not one scope token"),
        ("[claims]\nscope = 1", "line 4, column 9: claims.scope: unknown field `scope`"),
        ("[claims]\nscopes = { a = [\"sub\"] }", "claims.scopes.a: \"sub\" cannot be"),
        (
            "[claims]\nscopes = { a = [\"b\"] }\nsupported = [\"name\"]",
            "claims.scopes.a: \"b\" is not among claims.supported",
        ),
        ("[claims]\nlean_id_tokens = 1", "line 4, column 18: claims.lean_id_tokens: invalid type"),
        ("[claims.mapping]\nemail = 1", "claims.mapping: the claim \"email\": a rule is"),
        ("[policy]\nrequest_object = \"par\"", "policy.request_object: unknown variant `par`"),
        ("[policy]\nassertion_audience = \"any\"", "policy.assertion_audience: unknown variant"),
        ("acr = \"a\"\nacr_mfa = \"a\"", "acr_mfa: is the same as acr"),
        ("response_types = []", "response_types: the list is empty"),
        ("response_types = [\"code\", \"code\"]", "response_types: code is there twice"),
        (
            "response_types = [\"code\", \"device\"]",
            "line 3, column 18: response_types: unknown resp",
        ),
        (
            "acr = \"a\"\nacr_mfa = \"b\"\nacr_values = [\"b\", \"a\"]\n[policy]\nacr_values_ascend = true",
            "acr_values: policy.acr_values_ascend needs acr before acr_mfa",
        ),
        (
            "acr_values = [\"b\", \"b\"]\n[policy]\nacr_values_ascend = true",
            "acr_values: b is there twice",
        ),
        ("[policy]\nnative_loopback_only = 1", "policy.native_loopback_only: invalid type"),
        ("webfinger = [\"Example.com\"]", "webfinger: \"Example.com\" is no host"),
        ("acr = \"a\"\nacr_values = [\"b\"]", "acr: is not among acr_values"),
        ("[fetch]\nenable = true", "line 4, column 1: fetch: unknown field `enable`"),
        ("[[users]]\nsources = [{ jwt = \"a\" }]", "missing field `claims`"),
        ("[paths]\nrevoke = \"/r\"", "paths: unknown field `revoke`"),
        (
            "[paths]\ntoken = \"/apps\"",
            "line 4, column 1: paths.token: /apps is a page of the server's own",
        ),
        ("[paths]\ntoken = \"/jwks\"", "line 4, column 1: paths.token is used twice"),
        ("[lifetimes]\nrefresh_idle = 0", "lifetimes.refresh_idle must be"),
        (
            "[[resources]]\nresource = \"https://a.example/\"\nalg = 1",
            "resources: unknown field `alg`",
        ),
        (
            "[[resources]]\nresource = \"https://a.example/\"\nformat = \"paseto\"",
            "unknown variant",
        ),
        (
            "[[resources]]\nresource = \"https://a.example/\"\nalgorithm = \"ES256\"",
            "resources: algorithm and encryption need format = \"jwt\"",
        ),
        (
            "[[resources]]\nresource = \"https://a.example/\"\nclient = \"b\"",
            "line 5, column 1: resources[0].client: is no client",
        ),
        ("default_resource = \"https://a.example/\"", "default_resource is none of the resources"),
        (
            "[[exchange]]\nclient = \"a\"\nfrom = []\naudience = [\"b\"]",
            "exchange.from: the list is empty",
        ),
        (
            "[[exchange]]\nclient = \"a\"\nfrom = [\"b\"]\naudience = [\"c\"]",
            "line 4, column 1: exchange[0].client: \"a\" is no client",
        ),
        (
            "[[trusted_issuers]]\nissuer = \"https://p.example\"\njwks = []\nprefix = \"\"",
            "trusted_issuers: give either subjects or prefix",
        ),
        ("[tls]\ncertificate = \"c\"\nkey = \"k\"", "tls: browsers"),
    ] {
        refuses(rest, names);
    }
}

#[test]
fn refusals_of_upstreams_name_the_member_too() {
    let no_sign_up = "[sign_up]\nenabled = false\n";
    let entry = |rest: &str| {
        format!(
            "[[upstreams]]\nname = \"main\"\nissuer = \"https://up.example\"\nclient_id = \"us\"\n{rest}\n"
        )
    };
    let user = "[[users]]\nusername = \"a\"\npassword = \"b\"\nsub = \"main.x\"\n";
    for (rest, names) in [
        (
            "[[upstreams]]\nname = \"a b\"".into(),
            "line 4, column 8: upstreams.name: must be a word",
        ),
        ("[[upstreams]]\nname = \"\"".into(), "upstreams.name: must be a word"),
        (
            "[[upstreams]]\nname = \"a\"".into(),
            "line 3, column 1: upstreams: missing field `issuer`",
        ),
        ("[[upstreams]]\nissuer = \"http://up.example\"".into(), "upstreams.issuer: an issuer has"),
        (entry("client_secret = \"\""), "line 7, column 17: upstreams.client_secret: must be"),
        (entry("secret = \"\""), "line 7, column 1: upstreams: unknown field `secret`"),
        (entry("scope = \"profile\""), "line 7, column 1: upstreams[0].scope: must have openid"),
        (
            entry("person = { url = \"http://up.example/p\" }"),
            "upstreams.person.url: must be an https",
        ),
        (
            entry("person = { url = \"https://up.example/#p\" }"),
            "upstreams.person.url: must be an https",
        ),
        (entry("claims = { email = 1 }"), "upstreams.claims: the claim \"email\": a rule is"),
        (entry("claims = { sub = \"/x\" }"), "upstreams.claims: the claim \"sub\""),
        (entry("") + &entry("").replace("main", "Main"), "upstreams[1].name: another one has it"),
        (
            format!("acr_values = [\"a\"]\n{}", entry("acr = \"b\"")),
            "line 8, column 1: upstreams[0].acr: is not among acr_values",
        ),
        (entry(user), "line 10, column 1: users[0].sub: begins like the subjects"),
        (
            "[sign_in]\nlocal = false".into(),
            "line 4, column 1: sign_in.local: without it people need",
        ),
        (
            format!("[sign_in]\nlocal = false\n[sign_up]\nenabled = true\n{}", entry("")),
            "sign_in.local: without it nobody can use an account",
        ),
        (
            format!(
                "[sign_in]\nlocal = false\n{}[features]\npassword_grant = true\n{no_sign_up}",
                entry("")
            ),
            "features.password_grant: needs sign_in.local = true",
        ),
        (
            format!(
                "[sign_in]\nlocal = false\n{}{no_sign_up}[[clients]]\nclient_id = \"a\"\n\
                 client_secret = \"s\"\nresponse_types = []\ngrant_types = [\"password\"]\n\
                 first_party = true\npassword_grant = true\n",
                entry("")
            ),
            "clients[0].password_grant: needs sign_in.local = true",
        ),
        ("[sign_in]\nremote = true".into(), "line 4, column 1: sign_in: unknown field `remote`"),
        ("[paths]\ntoken = \"/upstream/x\"".into(), "paths.token: /upstream/x is a page"),
    ] {
        refuses(&rest, names);
    }
    let settings = parsed(&format!("{HEAD}{}", entry("acr = \"a\""))).unwrap();
    assert_eq!(settings.provider().acr_values, [Acr::new("a")]);
    assert!(settings.upstreams[0].userinfo && settings.upstreams[0].scope.contains("email"));
    let mapping = "[claims.mapping]\nname = \"/n\"\n";
    let entry = entry("claims = { role = \"/userinfo/groups\" }");
    let supported = parsed(&format!("{HEAD}{mapping}{entry}")).unwrap().provider().claims.supported;
    assert!(supported.unwrap().contains(&"role".into()));
}

/// `[sign_in]` and PINs; scopes that say how somebody signs in are some of `scopes`.
#[test]
fn refusals_of_steering_name_the_member_too() {
    let steering = |scopes: &str, rest: &str| format!("scopes = [{scopes}]\n{rest}");
    let link = |more: &str| {
        format!("[sign_in]\none_time_token = {{ scope = \"x:link\", parameter = \"otp\"{more} }}")
    };
    let manage = "[manage]\nclients = [\"c\"]\n[[clients]]\nclient_id = \"c\"\n\
                  client_secret = \"a-secret-of-thirty-two-characters\"\n\
                  grant_types = [\"client_credentials\"]\nresponse_types = []\n";
    for (text, says) in [
        ("[sign_in]\npin = \"x:pin\"".into(), "sign_in.pin: \"x:pin\" is none of `scopes`"),
        ("[sign_in]\npin = \"openid\"".into(), "sign_in.pin: \"openid\" is none of `scopes`"),
        ("[sign_in]\npin = 7".into(), "line 4, column 7: sign_in.pin: invalid type"),
        (link(""), "sign_in.one_time_token.scope: \"x:link\" is none of `scopes`"),
        (
            steering("\"x:link\"", &link("").replace("_token = {", "_token = { pin = 1,")),
            "sign_in.one_time_token: unknown field `pin`",
        ),
        (steering("\"x:link\"", &link("")), "sign_in.one_time_token: nobody gives any out"),
        (
            steering("\"x:link\"", &format!("{}\n{manage}", link(", lifetime = 0"))),
            "sign_in.one_time_token.lifetime: is 1 to 3600 seconds",
        ),
        (
            steering("\"x:link\"", &format!("{}\n{manage}", link(", lifetime = 3601"))),
            "sign_in.one_time_token.lifetime: is 1 to 3600 seconds",
        ),
        (
            steering(
                "\"x:link\"",
                &format!("{}\n{manage}", link("").replace("\"otp\"", "\"state\"")),
            ),
            "sign_in.one_time_token.parameter: \"state\" has a meaning already",
        ),
        (
            steering("\"x:link\"", &format!("{}\npin = \"x:link\"\n{manage}", link(""))),
            "sign_in.one_time_token.scope: is that of the PIN",
        ),
        (
            "[[users]]\nusername = \"a\"\npassword = \"b\"\nsub = \"c\"\npin = \"12\"".into(),
            "pin: is 4 to 32 digits",
        ),
    ] {
        refuses(&text, says);
    }
    let base = "issuer = \"http://localhost:1\"\nlisten = \"127.0.0.1:1\"\n";
    let fine = steering("\"x:link\", \"x:pin\"", &format!("{}\npin = \"x:pin\"", link("")));
    let settings = parsed(&format!("{base}{fine}\n{manage}")).unwrap();
    assert_eq!(settings.provider().parameters, [Box::from("otp")]);
    assert_eq!(settings.sign_in.one_time_token.unwrap().lifetime, 300);
}

#[test]
fn refusals_of_clients_name_the_member_too() {
    for (rest, names) in [
        ("[[clients]]\nclient_id = \"a\"\nlogo = 1", "line 5, column 8: clients.logo: a client"),
        ("[[clients]]\nredirect_uris = [\"http://x.example\"]", "clients.redirect_uris: a redir"),
        (
            "[[clients]]\n\"client_name#\" = \"x\"",
            "line 4, column 18: clients.client_name#: client_name: beh",
        ),
        (
            "[[clients]]\n\"contacts#fr\" = \"x\"",
            "line 4, column 17: clients.contacts#fr: a client has no",
        ),
        ("[[clients]]\n\"tos_uri#fr\" = 1", "clients.tos_uri#fr: tos_uri: the value is not"),
        ("[[clients]]\nsubject_type = \"x\"", "clients.subject_type: unknown variant `x`"),
        ("[[clients]]\nclient_id = \"a\"\n", "line 3, column 1: clients: client \"a\" has no"),
        ("[[clients]]\n", "missing field `client_id`"),
        (
            "[[clients]]\nclient_id = \"a\"\nredirect_uris = [\"https://a.example/\"]\n\
             token_endpoint_auth_method = \"private_key_jwt\"",
            "client \"a\": jwks or jwks_uri: needed by token_endpoint_auth_method",
        ),
        (
            "[[clients]]\nclient_id = \"a\"\nclaims = { denied = [] }",
            "line 5, column 12: clients.claims: unknown field `denied`",
        ),
        (
            "[[clients]]\nclient_id = \"a\"\nclient_secret = \"s\"\n\
             redirect_uris = [\"https://a.example/\"]\nid_token_signed_response_alg = \"none\"",
            "id_token_signed_response_alg: none is only for policy.unsigned",
        ),
        (
            "[[clients]]\nclient_id = \"a\"\nrefresh = { rotation = \"never\" }",
            "clients.refresh.rotation: unknown variant `never`",
        ),
        (
            "[[clients]]\nclient_id = \"a\"\nclient_secret = \"s\"\nresponse_types = []\n\
             grant_types = [\"password\"]",
            "line 7, column 1: clients[0].grant_types: password needs features.password_grant",
        ),
        (
            "response_types = [\"id_token\"]\n[[clients]]\nclient_id = \"a\"\nclient_secret = \"s\"\n\
             redirect_uris = [\"https://a.example/\"]",
            "line 4, column 1: clients[0].response_types: code is not among response_types",
        ),
        (
            "[policy]\nnative_loopback_only = true\n[[clients]]\nclient_id = \"a\"\n\
             client_secret = \"s\"\nredirect_uris = [\"https://a.example/\", \"http://localhost/\"]",
            "line 8, column 1: clients[0].redirect_uris: http://localhost/ needs application_type native",
        ),
        (
            "[[clients]]\nclient_id = \"a\"\nclient_secret = \"s\"\nresponse_types = []\n\
             grant_types = [\"password\"]\npassword_grant = true",
            "line 8, column 1: clients[0].password_grant: needs first_party",
        ),
        (
            "[[clients]]\nclient_id = \"a\"\nclient_secret = \"s\"\nresponse_types = []\n\
             grant_types = [\"client_credentials\"]\nowner = \"x\"",
            "line 8, column 1: clients[0].owner: nobody has this sub",
        ),
    ] {
        refuses(rest, names);
    }
}

/// What there is, and what is demanded, is for the library to know.
#[test]
fn response_types_and_policies() {
    let parse = |rest: &str| parsed(&format!("{HEAD}{rest}")).unwrap();
    let plain = parse("").provider();
    assert_eq!(plain.response_types, ResponseType::ALL);
    assert!(!plain.policy.native_loopback_only && !plain.policy.acr_values_ascend);
    let strict = parse(
        "response_types = [\"code\", \"token id_token\"]\n\
         [policy]\nnative_loopback_only = true\nacr_values_ascend = true\n\
         [[clients]]\nclient_id = \"a\"\nclient_secret = \"s\"\napplication_type = \"native\"\n\
         redirect_uris = [\"http://localhost/\"]\n",
    )
    .provider();
    let names: Vec<_> = strict.response_types.iter().map(|known| known.as_str()).collect();
    assert_eq!(names, ["code", "id_token token"]);
    assert!(strict.policy.native_loopback_only && strict.policy.acr_values_ascend);
}

/// The grant type password is there for a client that an administrator makes later, or because one in the
/// file has it; else no client can have it.
#[test]
fn the_password_grant_is_a_feature() {
    let client = "[[clients]]\nclient_id = \"a\"\nclient_secret = \"s\"\nresponse_types = []\n\
                  grant_types = [\"password\"]\n";
    let own = "first_party = true\npassword_grant = true\n";
    let feature = "[features]\npassword_grant = true\n";
    for (rest, there) in [
        (String::new(), false),
        (feature.to_owned(), true),
        (feature.replace("true", "false"), false),
        (format!("{feature}{client}"), true),
        (format!("{client}{own}"), true),
    ] {
        let settings = parsed(&format!("{HEAD}{rest}")).unwrap();
        assert_eq!(settings.password_grant(), there, "{rest}");
        let ClientEntry(asked) =
            parsed(&format!("{HEAD}{feature}{client}")).unwrap().clients.remove(0);
        let finding = settings.offers().finding(&asked);
        assert_eq!(finding.is_none(), there, "{rest}: {finding:?}");
    }
}

/// Nothing is verified without a way to send codes, and the log is one only if that is asked for.
#[test]
fn what_is_verified_needs_a_delivery() {
    for (rest, names) in [
        ("verify = [\"email\"]", "sign_up.verify: needs a way to send codes"),
        ("verify = [\"phone\"]\ndelivery = \"log\"", "sign_up.verify: phone: is not asked for"),
        ("email = \"no\"\nverify = [\"email\"]", "sign_up.verify: email: is not asked for"),
        ("verify = [\"fax\"]", "line 4, column 11: sign_up.verify: unknown variant `fax`"),
        ("delivery = \"pigeon\"", "line 4, column 12: sign_up.delivery: unknown variant `pigeon`"),
        ("email = true", "line 4, column 9: sign_up.email: "),
    ] {
        refuses(&format!("[sign_up]\n{rest}"), names);
    }
    let parse = |rest: &str| parsed(&format!("{HEAD}{rest}")).unwrap();
    let verified = |settings: &Settings| {
        let verification = settings.sign_up.verification();
        verification.map(|verification| verification.channels).unwrap_or_default()
    };
    let demo = Settings::demo().unwrap();
    assert_eq!(verified(&demo), [Channel::Email, Channel::Phone]);
    assert!(demo.provider().account_creation && !parse("").provider().account_creation);
    let plain = parse("[sign_up]\nenabled = true\n[claims.mapping]\nnickname = \"/n\"\n");
    assert_eq!(verified(&plain), []);
    let known = plain.provider().claims.supported.unwrap();
    let known: Vec<_> = known.iter().map(|name| &**name).collect();
    let created = ["name", "preferred_username", "updated_at", "email", "email_verified"];
    assert_eq!(known, [&["nickname"][..], &created].concat());
}

#[test]
fn realms_are_apart() {
    let issuer = |path: &str| format!("issuer = \"http://localhost:1{path}\"\n");
    let text = |first: &str, rest: &str| {
        format!("{}listen = \"127.0.0.1:1\"\n[[realms]]\n{rest}", issuer(first))
    };
    let client = "[[realms.clients]]\nclient_id = \"a\"\nclient_secret = \"s\"\n\
                  redirect_uris = [\"https://a.example/\"]\n";
    let both = text("/people", &format!("{}{client}", issuer("/admins")));
    let realms = parsed(&both).unwrap().into_realms();
    let places: Vec<_> = realms.iter().map(|realm| realm.data.to_str().unwrap()).collect();
    assert_eq!(places, ["data", "data/admins"]);
    assert_eq!([realms[0].clients.len(), realms[1].clients.len()], [0, 1]);
    let forgets = |text: &str| {
        let realms = parsed(text).unwrap().into_realms().into_iter();
        realms.map(|realm| realm.store.is_memory(&realm.data).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(forgets(&format!("store = \"memory:\"\n{both}")), [true, true]);
    assert_eq!(forgets(&format!("store = \"sqlite:\"\n{both}")), [false, false]);

    let owned = format!("{}{client}owner = \"x\"\n", issuer("/b"));
    for (first, rest, says) in [
        ("", issuer("/b"), "line 1, column 1: issuer: needs a path"),
        ("/a", issuer("/health"), "line 4, column 1: realms[0].issuer: its path is a page of"),
        ("/a", issuer(""), "line 4, column 1: realms[0].issuer: needs a path"),
        ("/a", issuer("/a/b"), "line 4, column 1: realms[0].issuer: its path begins like"),
        ("/a/b", issuer("/a"), "realms[0].issuer: its path begins like"),
        ("/a", issuer("/a"), "realms[0].issuer: its path begins like"),
        ("/c", issuer("/b") + "[[realms]]\n" + &issuer("/B"), "realms[1].issuer: its path begins"),
        (
            "/a",
            "issuer = \"http://localhost:2/b\"\n".into(),
            "realms[0].issuer: has another origin",
        ),
        ("/a", owned, "line 9, column 1: realms[0].clients[0].owner: nobody has this sub"),
        (
            "/a",
            format!("{}log = \"info\"", issuer("/b")),
            "line 5, column 1: realms[0].log: is one for",
        ),
        (
            "/a",
            format!("{}[realms.features]\ndemo = false", issuer("/b")),
            "line 6, column 1: realms[0].features.demo: is one for",
        ),
        (
            "/a",
            format!("{}[[realms.realms]]\n{}", issuer("/b"), issuer("/c")),
            "realms[0].realms: is one for",
        ),
        ("/a", format!("{}x = 1", issuer("/b")), "line 5, column 1: realms: unknown field `x`"),
    ] {
        let refused = parsed(&text(first, &rest)).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(says), "{first} {rest}: {refused}");
    }
}

/// Threat SL-05: a refusal does not repeat a secret.
#[test]
fn refusals_keep_secrets() {
    for rest in [
        "[secrets]\ntoken = \"hush\"",
        "secrets = \"hush\"",
        "tls = \"hush\"",
        "[secrets]\ntoken = { value = \"hush\" }",
        "[secrets]\npairwise = [{ value = \"hush\" }]",
        "[[users]]\npassword = 90210",
        "[[clients]]\nclient_secret = [\"hush\"]",
        "[[clients]]\nclient_secrets = \"hush\"",
        "[[users]]\nusername = \"a\"\npassword = \"b\"\nsub = \"c\"\npin = \"hush\"",
        "[[users]]\npin = 90210",
        "[[upstreams]]\nclient_secret = [\"hush\"]",
        "[[upstreams]]\nclient_secret = 90210",
        "[[clients]]\nclient_secrets = [[\"hush\"]]",
        "store = \"papyrus://:hush@host\"",
        "store = \"redis://:hush@host?connections=2\"",
        "store = \"postgres://:hush@host?durability=none\"",
        "store = { file = [\"hush\"] }",
        "store = \"host=db password=hush options=-c:x\"",
        "store = [\"postgres://:hush@host\"]",
        "[stores]\ngrant = \"hush\"",
        "[[users]]\nusername = \"a\"\npassword = \"b\"\nsub = \"c\"\ntotp = \"hush\"",
        "[[users]]\nusername = \"a\"\nsources = [{ claims = [], jwt = [\"hush\"] }]",
    ] {
        let text = refusal(rest);
        assert!(!text.contains("hush") && !text.contains("90210"), "{text}");
    }
}

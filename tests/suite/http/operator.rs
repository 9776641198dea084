//! What the operator sees: health, metrics, the API page, and where each is served.

use serde_json::json;

use super::stand;

#[test]
fn health_says_alive_and_ready() {
    let (_folder, server) = stand();
    for mut connection in [server.connect(), server.connect_admin()] {
        connection.get("/livez").expect(200);
        connection.get("/readyz").expect(200);
    }
    let told = server.connect().get("/readyz?verbose").expect(200).text();
    assert!(told.contains("tail") && told.contains("records"), "{told}");
}

#[test]
fn metrics_count_what_happened_and_name_no_wallet() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    for _ in 0..5 {
        connection
            .post("/v1/wallets/1/earn", &json!({"amount": 1}))
            .expect(201);
    }
    connection
        .post("/v1/wallets/1/use", &json!({"amount": 5_000}))
        .expect(422);
    connection.get("/v1/wallets/1").expect(200);
    let metrics = server.connect_admin().get("/metrics").expect(200);
    let kind = metrics.header("content-type").unwrap_or_default();
    assert!(
        kind.starts_with("application/openmetrics-text") || kind.starts_with("text/plain"),
        "{kind}"
    );
    let text = metrics.text();
    assert!(text.contains("/v1/wallets/{id}/earn"), "{text}");
    assert!(
        !text.contains("/v1/wallets/1"),
        "a wallet in a label:\n{text}"
    );
    for word in [
        "fsync",
        "group",
        "lag",
        "active",
        "in_flight",
        "poisoned",
        "keys",
    ] {
        assert!(
            text.lines().any(|line| line.contains(word)),
            "nothing about {word} in\n{text}"
        );
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let value = line.rsplit_once(' ').map(|(_, value)| value.parse::<f64>());
        assert!(matches!(value, Some(Ok(_))), "{line}");
    }
}

#[test]
fn the_api_describes_itself() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let api = connection.get("/openapi.json").expect(200).json();
    assert!(
        api["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1")),
        "{}",
        api["openapi"]
    );
    let paths = api["paths"].as_object().expect("paths");
    for path in [
        "/v1/wallets",
        "/v1/wallets/{id}",
        "/v1/wallets/{id}/charge",
        "/v1/wallets/{id}/earn",
        "/v1/wallets/{id}/use",
        "/v1/wallets/{id}/transactions",
        "/v1/transfers",
        "/v1/transactions/{id}",
        "/v1/transactions/{id}/cancel",
        "/v1/bulk",
    ] {
        assert!(paths.contains_key(path), "{path} is not described");
    }
    let page = connection.get("/docs").expect(200);
    assert!(
        page.header("content-type")
            .unwrap_or_default()
            .starts_with("text/html")
    );
    let text = page.text();
    assert!(text.contains("openapi.json"));
    let away = text.lines().find(|line| {
        let line = line
            .replace("http://127.0.0.1", "")
            .replace("http://www.w3.org/", "");
        line.contains("src=\"http") || line.contains("href=\"http") || line.contains("@import")
    });
    assert_eq!(away, None, "the page fetches something from elsewhere");
}

#[test]
fn the_two_listeners_serve_different_things() {
    let (_folder, server) = stand();
    server
        .connect()
        .get("/metrics")
        .expect_problem(404, "route-not-found");
    server
        .connect_admin()
        .get("/v1/wallets/1")
        .expect_problem(404, "route-not-found");
    server.connect_admin().get("/admin/status").expect(200);
}

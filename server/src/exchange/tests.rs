//! What is checked before any route.

use hyper::Version;
use hyper::header::{HeaderMap, HeaderValue};

use super::{check_host, check_media_type};

#[test]
fn only_json_as_it_is_comes_in() {
    let table = [
        (Some("application/json"), None, true),
        (Some("Application/JSON; charset=UTF-8"), None, true),
        (Some("application/json;charset=\"utf-8\""), None, true),
        (Some("application/json"), Some("identity"), true),
        (None, None, false),
        (Some(""), None, false),
        (Some("application/jsonx"), None, false),
        (Some("application/json; charset=utf-16"), None, false),
        (Some("application/problem+json"), None, false),
        (Some("text/plain"), None, false),
        (Some("application/x-www-form-urlencoded"), None, false),
        (Some("application/json"), Some("gzip"), false),
    ];
    for (kind, coding, taken) in table {
        let mut headers = HeaderMap::new();
        let mut set = |name, value: Option<&str>| {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
        };
        set("content-type", kind);
        set("content-encoding", coding);
        assert_eq!(
            check_media_type(&headers).is_ok(),
            taken,
            "{kind:?} {coding:?}"
        );
    }
}

#[test]
fn there_is_one_host() {
    let mut headers = HeaderMap::new();
    assert!(check_host(Version::HTTP_11, &headers).is_err());
    assert!(check_host(Version::HTTP_10, &headers).is_ok());
    headers.append("host", HeaderValue::from_static("a"));
    assert!(check_host(Version::HTTP_11, &headers).is_ok());
    headers.append("host", HeaderValue::from_static("a"));
    assert!(check_host(Version::HTTP_11, &headers).is_err());
    assert!(check_host(Version::HTTP_10, &headers).is_err());
}

//! Refuses requests that another site's page makes with the visitor's cookie.
//!
//! The cookie is SameSite=Lax, so such requests come without it; this check holds where a browser does otherwise.

use axum::http::{HeaderMap, Method, header};
use holdfast_protocol::errors::ErrorCode;

/// Whether a request may change anything, judged by where it comes from. Programs send neither header.
pub(crate) fn check(method: &Method, headers: &HeaderMap) -> Result<(), ErrorCode> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site")
        && !matches!(site, "same-origin" | "none")
    {
        return Err(ErrorCode::ForeignOrigin);
    }
    if let Some(origin) = text(header::ORIGIN.as_str()) {
        let host = text(header::HOST.as_str()).unwrap_or("");
        let origin_host = origin.split_once("://").map_or("", |(_, host)| host);
        if host.is_empty() || !origin_host.eq_ignore_ascii_case(host) {
            return Err(ErrorCode::ForeignOrigin);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::check;

    fn allowed(method: &Method, headers: &[(&'static str, &'static str)]) -> bool {
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        check(method, &map).is_ok()
    }

    #[test]
    fn only_the_own_page_and_programs_may_change_anything() {
        let post = Method::POST;
        assert!(allowed(&post, &[]));
        assert!(allowed(
            &post,
            &[
                ("origin", "http://a:8440"),
                ("host", "a:8440"),
                ("sec-fetch-site", "same-origin")
            ]
        ));
        assert!(!allowed(
            &post,
            &[("origin", "http://b:8440"), ("host", "a:8440")]
        ));
        assert!(!allowed(
            &post,
            &[("origin", "http://a:8441"), ("host", "a:8440")]
        ));
        assert!(!allowed(&post, &[("origin", "null"), ("host", "a:8440")]));
        assert!(!allowed(&post, &[("sec-fetch-site", "cross-site")]));
        assert!(!allowed(&post, &[("sec-fetch-site", "same-site")]));
        assert!(!allowed(
            &Method::DELETE,
            &[("origin", "http://b"), ("host", "a")]
        ));
        assert!(allowed(
            &Method::GET,
            &[
                ("origin", "http://b"),
                ("host", "a"),
                ("sec-fetch-site", "cross-site")
            ]
        ));
    }
}

//! What the client can read: the text format by `Accept`, compression by `Accept-Encoding` (RFC 9110, 12.5).

use hyper::HeaderMap;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};

use crate::metrics::Format;

/// The format that the client likes best. One that names neither gets the classic text, which everything can read.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let (mut openmetrics, mut classic) = (0.0_f32, 0.0_f32);
    for choice in choices(headers, &ACCEPT) {
        match choice.name {
            "application/openmetrics-text" if matches!(choice.version, None | Some("1.0.0")) => {
                openmetrics = openmetrics.max(choice.quality);
            }
            "text/plain" if matches!(choice.version, None | Some("0.0.4")) => classic = classic.max(choice.quality),
            _ => (),
        }
    }
    if openmetrics > 0.0 && openmetrics >= classic { Format::OpenMetrics } else { Format::Classic }
}

/// Whether the client asks for gzip by name; `*` alone is no wish to have our CPU spent.
pub(super) fn gzip(headers: &HeaderMap) -> bool {
    choices(headers, &ACCEPT_ENCODING).any(|choice| choice.name.eq_ignore_ascii_case("gzip") && choice.quality > 0.0)
}

struct Choice<'a> {
    name: &'a str,
    version: Option<&'a str>,
    quality: f32,
}

fn choices<'h>(headers: &'h HeaderMap, header: &HeaderName) -> impl Iterator<Item = Choice<'h>> {
    headers
        .get_all(header)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(choice)
}

fn choice(text: &str) -> Choice<'_> {
    let mut parts = text.split(';').map(str::trim);
    let mut choice = Choice { name: parts.next().unwrap_or_default(), version: None, quality: 1.0 };
    for (key, value) in parts.filter_map(|part| part.split_once('=')) {
        match key.trim_end() {
            "q" => choice.quality = value.trim().parse().unwrap_or(0.0),
            "version" => choice.version = Some(value.trim().trim_matches('"')),
            _ => (),
        }
    }
    choice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn each_client_gets_what_it_likes_best() {
        use Format::{Classic, OpenMetrics};
        for (accept, expected) in [
            // Prometheus 2.42, Prometheus 3, curl, a browser.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                 application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
                 text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                OpenMetrics,
            ),
            ("*/*", Classic),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Classic),
            ("application/openmetrics-text; version=1.0.0; q=0.2, text/plain; q=0.3", Classic),
            ("application/openmetrics-text; version=\"1.0.0\"", OpenMetrics),
            ("application/openmetrics-text;version=0.0.1", Classic),
            ("application/openmetrics-text;q=0", Classic),
            ("application/openmetrics-text;q=lots", Classic),
            ("application/json", Classic),
            ("", Classic),
        ] {
            assert_eq!(format(&headers(ACCEPT, accept)), expected, "{accept}");
        }
        assert_eq!(format(&HeaderMap::new()), Classic);
    }

    #[test]
    fn gzip_only_where_it_is_asked_for() {
        for (accepted, expected) in [
            ("gzip", true),
            ("br, GZip;q=0.5", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(gzip(&headers(ACCEPT_ENCODING, accepted)), expected, "{accepted}");
        }
    }
}

//! The parameters of a request: from its address, and from the form in its body.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Bytes};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request};
use tokio::time::timeout;

use super::reply::ApiError;

/// Longest form. The longest query is 8 KiB, three times that when every character is escaped.
const LONGEST_FORM: usize = 64 * 1024;
/// A form that takes longer to arrive is not waited for.
const FORM_TIME: Duration = Duration::from_secs(5);
const FORM: &str = "application/x-www-form-urlencoded";

/// Names and values, those of the form first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub async fn read<B>(request: Request<B>) -> Result<Self, ApiError>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let in_address = pairs(request.uri().query().unwrap_or_default())?;
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let mut all = Vec::new();
        if *request.method() == Method::POST && kind.split(';').next().is_some_and(|kind| kind.trim() == FORM) {
            let unread = |why: &dyn std::fmt::Display| {
                ApiError::bad_data(format!("the form cannot be read (at most {LONGEST_FORM} bytes): {why}"))
            };
            let body = timeout(FORM_TIME, Limited::new(request.into_body(), LONGEST_FORM).collect());
            let body = body.await.map_err(|_| unread(&"it takes too long"))?.map_err(|error| unread(&error))?;
            let text = String::from_utf8(body.to_bytes().into()).map_err(|error| unread(&error))?;
            all = pairs(&text)?;
        }
        all.extend(in_address);
        Ok(Self(all))
    }

    /// The first value of this name that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let given = self.0.iter().find(|(key, value)| key == name && !value.is_empty());
        given.map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Parameters {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

fn pairs(text: &str) -> Result<Vec<(String, String)>, ApiError> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// Undoes the escapes of a form: `+` is a blank, `%3D` a byte.
pub(super) fn decode(text: &str) -> Result<String, ApiError> {
    let wrong = || ApiError::bad_data(format!("invalid URL escape in \"{text}\""));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
                high * 16 + low
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[test]
    fn escapes_are_undone() {
        assert_eq!(decode("a+b%20c%3D%c3%A9").unwrap(), "a b c=é");
        for wrong in ["%", "%4", "%zz", "%ff"] {
            assert!(decode(wrong).is_err(), "{wrong}");
        }
    }

    async fn read(request: hyper::http::request::Builder, body: Vec<u8>) -> Result<Parameters, ApiError> {
        Parameters::read(request.body(Full::new(Bytes::from(body))).unwrap()).await
    }

    #[tokio::test]
    async fn the_form_comes_before_the_address() {
        let post = || Request::post("/api/v1/query?query=old&match[]=a&match%5B%5D=b&time=");
        let found = read(post().header(CONTENT_TYPE, FORM), b"query=new&x".to_vec()).await.unwrap();
        assert_eq!(found.get("query"), Some("new"));
        assert_eq!(found.all("match[]").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((found.get("time"), found.get("x"), found.get("y")), (None, None, None));
        let json = read(post().header(CONTENT_TYPE, "application/json"), b"query=new".to_vec()).await.unwrap();
        assert_eq!(json.get("query"), Some("old"));
    }

    #[tokio::test]
    async fn a_form_without_bounds_is_refused() {
        let request = || Request::post("/api/v1/query").header(CONTENT_TYPE, "application/x-www-form-urlencoded; a=b");
        assert!(read(request(), vec![b'a'; LONGEST_FORM]).await.is_ok());
        assert!(read(request(), vec![b'a'; LONGEST_FORM + 1]).await.is_err());
        assert!(read(request(), b"query=%zz".to_vec()).await.is_err());
        assert!(read(request(), b"query=\xff".to_vec()).await.is_err());
    }
}

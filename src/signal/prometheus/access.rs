//! How the server is reached and who we are to it: the flags `--prometheus.*` and the files they name.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::tls::Certificate;

/// No token and no bundle of certificates comes near it.
const LARGEST_FILE: u64 = 1 << 20;

/// What the operator says about the server.
#[derive(Debug, Clone)]
pub struct Access {
    pub url: String,
    pub ca_file: Option<PathBuf>,
    pub bearer_token_file: Option<PathBuf>,
    /// Holds `user:password`.
    pub basic_auth_file: Option<PathBuf>,
    /// For one question, its companions included.
    pub timeout: Duration,
}

/// Why the server cannot be asked at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAccess {
    #[error("--prometheus.url {url}: {problem}; write it as http://HOST:9090 or https://HOST/PATH")]
    Url { url: String, problem: String },
    #[error("{flag} {path}: {problem}")]
    File { flag: &'static str, path: PathBuf, problem: String },
    #[error("--prometheus.timeout is zero, so no question could be answered; write 5s")]
    NoTime,
    #[error("--prometheus.url: the HTTP client cannot be set up: {0}")]
    Client(String),
}

const CA: &str = "--prometheus.ca-file";
const BEARER: &str = "--prometheus.bearer-token-file";
const BASIC: &str = "--prometheus.basic-auth-file";

impl Access {
    /// The address of the API.
    ///
    /// # Errors
    /// It is no address of a server, or holds what belongs into a file.
    pub fn base(&self) -> Result<Url, BadAccess> {
        let bad = |problem: &str| BadAccess::Url { url: self.shown(), problem: problem.to_owned() };
        let mut url = Url::parse(&self.url).map_err(|error| bad(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("holds a password, which the process list would show: use --prometheus.basic-auth-file"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("has a query or a fragment"));
        }
        let path = format!("{}/", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(url)
    }

    /// The address without what is secret in it.
    fn shown(&self) -> String {
        match self.url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
            Some((scheme, rest)) => format!("{scheme}://...@{rest}"),
            None => self.url.clone(),
        }
    }

    pub(super) fn client(&self) -> Result<Client, BadAccess> {
        // Only the first call counts, and all would say the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("plotwarden/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(self.timeout)
            .connect_timeout(self.timeout);
        if let Some(path) = &self.ca_file {
            let bad = |problem: String| BadAccess::File { flag: CA, path: path.clone(), problem };
            let certificates = Certificate::from_pem_bundle(read(path).map_err(bad)?.as_bytes())
                .map_err(|error| bad(format!("holds no certificate in PEM form: {error}")))?;
            if certificates.is_empty() {
                return Err(bad("holds no certificate in PEM form".to_owned()));
            }
            builder = builder.tls_certs_only(certificates);
        }
        builder.build().map_err(|error| BadAccess::Client(error.to_string()))
    }

    /// Everything that can be judged before the first question.
    ///
    /// # Errors
    /// A file cannot be read, is empty, or is not what it should be.
    pub fn check(&self) -> Result<(), BadAccess> {
        if self.timeout.is_zero() {
            return Err(BadAccess::NoTime);
        }
        if self.bearer_token_file.is_some() && self.basic_auth_file.is_some() {
            let path = self.basic_auth_file.clone().unwrap_or_default();
            return Err(BadAccess::File {
                flag: BASIC,
                path,
                problem: format!("only one of this and {BEARER} can be"),
            });
        }
        self.credentials().map(drop)
    }

    /// What is doubtful about the files: secrets that others can read.
    pub fn warnings(&self) -> Vec<String> {
        let secrets = [(BEARER, &self.bearer_token_file), (BASIC, &self.basic_auth_file)];
        secrets
            .into_iter()
            .filter_map(|(flag, path)| Some((flag, path.as_ref()?)))
            .filter(|(_, path)| std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0))
            .map(|(flag, path)| {
                let path = path.display();
                format!("{flag} {path}: others than its owner can read this secret; run `chmod 600 {path}`")
            })
            .collect()
    }

    /// The request, with proof of who asks. The files are read each time: tokens are renewed while we run.
    pub(super) fn sign(&self, request: RequestBuilder) -> Result<RequestBuilder, BadAccess> {
        Ok(match self.credentials()? {
            Credentials::None => request,
            Credentials::Bearer(token) => request.bearer_auth(token),
            Credentials::Basic(user, password) => request.basic_auth(user, Some(password)),
        })
    }

    fn credentials(&self) -> Result<Credentials, BadAccess> {
        if let Some(path) = &self.bearer_token_file {
            return Ok(Credentials::Bearer(secret(BEARER, path)?));
        }
        let Some(path) = &self.basic_auth_file else { return Ok(Credentials::None) };
        let Some((user, password)) = secret(BASIC, path)?.split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned()))
        else {
            let problem = "does not hold `user:password` in one line".to_owned();
            return Err(BadAccess::File { flag: BASIC, path: path.clone(), problem });
        };
        Ok(Credentials::Basic(user, password))
    }
}

enum Credentials {
    None,
    Bearer(String),
    Basic(String, String),
}

fn secret(flag: &'static str, path: &Path) -> Result<String, BadAccess> {
    let bad = |problem: String| BadAccess::File { flag, path: path.to_owned(), problem };
    let text = read(path).map_err(bad)?;
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(bad("does not hold one line of text".to_owned()));
    }
    Ok(text.to_owned())
}

fn read(path: &Path) -> Result<String, String> {
    let describe = |error: std::io::Error| format!("cannot be read: {error}");
    let file = File::open(path).map_err(describe)?;
    if !file.metadata().map_err(describe)?.is_file() {
        return Err("is no regular file".to_owned());
    }
    let mut text = String::new();
    file.take(LARGEST_FILE).read_to_string(&mut text).map_err(describe)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(url: &str) -> Access {
        let timeout = Duration::from_secs(5);
        Access { url: url.to_owned(), ca_file: None, bearer_token_file: None, basic_auth_file: None, timeout }
    }

    #[test]
    fn an_address_may_have_a_path_and_no_secret() {
        let base = |url| access(url).base().map(|url| url.to_string());
        assert_eq!(base("http://h:9090").unwrap(), "http://h:9090/");
        assert_eq!(base("https://h/prom//").unwrap(), "https://h/prom/");
        for (url, part) in [
            ("h:9090", "neither http nor https"),
            ("ftp://h", "neither http nor https"),
            ("http://", "empty host"),
            ("http://h/?a=b", "a query"),
            ("http://me:secret@h", "--prometheus.basic-auth-file"),
        ] {
            let message = base(url).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
            assert!(!message.contains("secret@"), "{message}");
        }
    }

    #[test]
    fn files_are_judged_before_they_are_needed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth");
        let with = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Access { basic_auth_file: Some(path.clone()), ..access("http://h") }
        };
        assert!(with("me:pass:word\n").check().is_ok());
        assert!(with("me").check().unwrap_err().to_string().contains("does not hold `user:password`"));
        assert!(with("").check().unwrap_err().to_string().contains("one line of text"));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(with("me:x").warnings()[0].contains("chmod 600"));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(with("me:x").warnings(), Vec::<String>::new());
        let both = Access { bearer_token_file: Some(path.clone()), ..with("me:x") };
        assert!(both.check().unwrap_err().to_string().contains("only one"));
        let missing = Access { ca_file: Some(folder.path().join("none")), ..access("https://h") };
        assert!(missing.client().unwrap_err().to_string().contains("--prometheus.ca-file"));
        let garbage = Access { ca_file: Some(path.clone()), ..access("https://h") };
        assert!(garbage.client().unwrap_err().to_string().contains("no certificate"));
    }
}

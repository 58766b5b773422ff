use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

use super::access::Access;
use super::exchange::Exchange;
use crate::clock::Moment;
use crate::signal::outcome::Outcome;

/// Makes a certificate for 127.0.0.1; `false`, and a line that says so, where openssl is not installed.
fn made_certificate(folder: &Path) -> bool {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    let is_made = made.is_ok_and(|status| status.success());
    if !is_made {
        eprintln!("SKIPPED: openssl cannot make a certificate here");
    }
    is_made
}

/// Says over TLS that it is Prometheus 2.42.0, to whoever trusts it.
fn serve(folder: &Path) -> String {
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut tcp in listener.incoming().flatten() {
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = Stream::new(&mut connection, &mut tcp);
            let mut request = [0; 4096];
            // Whoever does not trust us hangs up here.
            if stream.read(&mut request).is_err() {
                continue;
            }
            let body = r#"{"status":"success","data":{"version":"2.42.0"}}"#;
            let date = super::tests::http_date(SystemTime::now());
            let head = format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: {}\r\n\r\n", body.len());
            drop(stream.write_all(format!("{head}{body}").as_bytes()));
        }
    });
    url
}

#[test]
fn a_server_is_known_by_the_operators_own_certificate_and_by_no_other() {
    let [ours, theirs] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    if !made_certificate(ours.path()) || !made_certificate(theirs.path()) {
        return;
    }
    let url = serve(ours.path());
    let ask = |ca_file| {
        let timeout = Duration::from_secs(5);
        let access = Access { url: url.clone(), ca_file, bearer_token_file: None, basic_auth_file: None, timeout };
        let now = || Moment { boot: Duration::from_secs(1), wall: SystemTime::now() };
        Exchange::new(&access, Arc::new(now)).unwrap().version(Duration::from_secs(6))
    };
    assert_eq!(ask(Some(ours.path().join("cert.pem"))), Ok("2.42.0".to_owned()));
    for stranger in [Some(theirs.path().join("cert.pem")), None] {
        let failure = ask(stranger).unwrap_err();
        assert_eq!(failure.outcome, Outcome::Unreachable, "{failure:?}");
        assert!(failure.reason.contains("certificate"), "{failure:?}");
    }
}

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Instant, SystemTime};

use super::*;
use crate::policy::Answerer;

/// Answers with what the test sends, and waits for it.
struct Scripted {
    name: &'static str,
    script: Receiver<Result<Told, Failure>>,
}

impl Oracle for Scripted {
    fn name(&self) -> &'static str {
        self.name
    }

    fn ask(&mut self, _: &Inquiry, _: Moment) -> Result<Told, Failure> {
        self.script.recv().unwrap_or_else(|_| Err(Failure::new(Outcome::Unreachable, "the test is over")))
    }
}

fn clock() -> Clock {
    let begin = Instant::now();
    Arc::new(move || Moment { boot: Duration::from_secs(1000) + begin.elapsed(), wall: SystemTime::now() })
}

fn inquiry(answerer: Answerer) -> Inquiry {
    Inquiry { answerer, text: "up".to_owned(), min_history: 80 }
}

type Script = Sender<Result<Told, Failure>>;

fn start() -> (Asker, Script, Script) {
    let (embedded, script) = channel();
    let (prometheus, other) = channel();
    let oracles: Vec<Box<dyn Oracle>> =
        vec![Box::new(Scripted { name: "embedded", script }), Box::new(Scripted { name: "prometheus", script: other })];
    (Asker::start(oracles, &clock()).unwrap(), embedded, prometheus)
}

fn wait(asker: &Asker, inquiry: &Inquiry, found: impl Fn(&Heard) -> bool) -> Heard {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(heard) = asker.heard().remove(inquiry).filter(&found) {
            return heard;
        }
        assert!(Instant::now() < deadline, "never heard: {:?}", asker.heard());
        thread::sleep(Duration::from_millis(5));
    }
}

fn told(value: f64, age: u64) -> Told {
    Told { value, age: Duration::from_secs(age) }
}

#[test]
fn one_who_hangs_holds_up_neither_the_loop_nor_the_other() {
    let (asker, embedded, _hangs) = start();
    let (here, there) = (inquiry(Answerer::Embedded), inquiry(Answerer::Prometheus));
    let every = Duration::from_mins(1);
    let begin = Instant::now();
    asker.want(&BTreeMap::from([(here.clone(), every), (there.clone(), every)]));
    assert_eq!(asker.heard(), BTreeMap::new());
    assert!(begin.elapsed() < Duration::from_millis(500), "nobody waits: {:?}", begin.elapsed());
    embedded.send(Ok(told(3.0, 7))).unwrap();
    let heard = wait(&asker, &here, |heard| heard.value.is_ok());
    let sampled = heard.sampled.unwrap();
    let expected = Duration::from_secs(993);
    assert!(expected <= sampled && sampled < expected + Duration::from_secs(5), "7 s before it was asked: {sampled:?}");
    assert!(!asker.heard().contains_key(&there));
    assert_eq!(asker.tally().queries, BTreeMap::from([(("embedded", Outcome::Answered), 1)]));
}

#[test]
fn a_failure_takes_nothing_back_and_an_answer_without_a_value_does() {
    let unreachable = || Failure::new(Outcome::Unreachable, "gone");
    let known = Heard { value: Ok(1.0), sampled: Some(Duration::from_secs(90)), trouble: None };
    let after = take(Some(known.clone()), &Err(unreachable()), Duration::from_secs(100));
    assert_eq!(after, Heard { trouble: Some("gone".to_owned()), ..known.clone() });
    let missing = take(Some(known.clone()), &Err(Failure::new(Outcome::NotANumber, "NaN")), Duration::from_secs(100));
    assert_eq!((missing.value, missing.sampled), (Err("NaN".to_owned()), None));
    let later = take(Some(known), &Ok(told(2.0, 4)), Duration::from_secs(100));
    assert_eq!(later, Heard { value: Ok(2.0), sampled: Some(Duration::from_secs(96)), trouble: None });
    let never = take(None, &Err(unreachable()), Duration::from_secs(100));
    assert_eq!(never.value, Err("gone".to_owned()));
}

#[test]
fn what_nobody_wants_any_more_is_forgotten() {
    let (asker, embedded, _) = start();
    let here = inquiry(Answerer::Embedded);
    asker.want(&BTreeMap::from([(here.clone(), Duration::from_mins(1))]));
    embedded.send(Ok(told(3.0, 0))).unwrap();
    wait(&asker, &here, |heard| heard.value.is_ok());
    asker.want(&BTreeMap::new());
    assert_eq!(asker.heard(), BTreeMap::new());
}

#[test]
fn a_server_that_comes_back_is_heard_again() {
    let (asker, _, prometheus) = start();
    let there = inquiry(Answerer::Prometheus);
    asker.want(&BTreeMap::from([(there.clone(), Duration::from_millis(10))]));
    prometheus.send(Ok(told(1.0, 0))).unwrap();
    prometheus.send(Err(Failure::new(Outcome::Failed, "restarting"))).unwrap();
    let troubled = wait(&asker, &there, |heard| heard.trouble.is_some());
    assert_eq!(troubled.value, Ok(1.0), "it stands until it is too old");
    prometheus.send(Ok(told(2.0, 0))).unwrap();
    let heard = wait(&asker, &there, |heard| heard.trouble.is_none());
    assert_eq!(heard.value, Ok(2.0));
    assert_eq!(asker.tally().queries[&("prometheus", Outcome::Failed)], 1);
}

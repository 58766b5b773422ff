//! A scrape as series: names, labels and numbers.

use std::collections::BTreeMap;

/// One scrape in the text format.
pub struct Exposition {
    families: BTreeMap<String, Vec<Series>>,
}

/// One series of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Exposition {
    pub fn parse(text: &str) -> Self {
        let mut families: BTreeMap<String, Vec<Series>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, series) = parse_line(line).unwrap_or_else(|| panic!("no series: {line}"));
            families.entry(name.to_owned()).or_default().push(series);
        }
        Self { families }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.families.keys().map(String::as_str)
    }

    /// All series of the family that have at least these labels.
    pub fn find(&self, family: &str, labels: &BTreeMap<String, String>) -> Vec<&Series> {
        let has_all = |series: &&Series| labels.iter().all(|(name, value)| series.label(name) == value);
        self.families.get(family).into_iter().flatten().filter(has_all).collect()
    }
}

impl Series {
    /// Empty if the series has no such label, which is the same to a server.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

fn parse_line(line: &str) -> Option<(&str, Series)> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => parse_labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    Some((name, Series { labels, value: value.trim().parse().ok()? }))
}

/// The labels, and what follows the closing brace.
fn parse_labels(text: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        loop {
            match characters.next()? {
                (end, '"') => {
                    rest = &quoted[end + 1..];
                    break;
                }
                (_, '\\') => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    escaped => escaped,
                }),
                (_, character) => value.push(character),
            }
        }
        labels.insert(name.to_owned(), value);
    }
}

#[test]
fn a_scrape_is_read_with_whatever_stands_in_its_labels() {
    let text = "# HELP a b\na 1\nb{x=\"q\\\"}\\\\\",y=\"two\\nlines\"} -2.5e3\nb{x=\"\"} +Inf\n";
    let scrape = Exposition::parse(text);
    assert_eq!(scrape.names().collect::<Vec<_>>(), ["a", "b"]);
    let odd = scrape.find("b", &BTreeMap::from([("x".to_owned(), "q\"}\\".to_owned())]));
    assert_eq!((odd.len(), odd[0].value, odd[0].label("y")), (1, -2500.0, "two\nlines"));
    assert!(scrape.find("b", &BTreeMap::from([("x".to_owned(), String::new())]))[0].value.is_infinite());
}

//! The dashboard, as far as the checks need to know it.

use plotwarden::promql::Engine;
use serde::Deserialize;
use serde_json::Value;

use super::published::Expression;

/// What Grafana puts in place of its variables, longest names first. Of a variable of the dashboard, anything may be chosen.
const VARIABLES: &[(&str, &str)] = &[("$__rate_interval", "1m"), ("$instance", ".+"), ("$job", ".+")];

#[derive(Debug, Deserialize)]
pub struct Dashboard {
    panels: Vec<Panel>,
    templating: List,
    annotations: List,
}

#[derive(Debug, Deserialize)]
struct List {
    list: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Panel {
    pub id: u32,
    #[serde(rename = "type")]
    kind: String,
    pub title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    datasource: Value,
    pub grid_pos: GridPos,
    #[serde(default)]
    field_config: Value,
    #[serde(default)]
    targets: Vec<Target>,
}

/// In cells; a dashboard is 24 wide.
#[derive(Debug, Deserialize)]
pub struct GridPos {
    pub x: u32,
    pub y: u32,
    pub w: u32,
    pub h: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    expr: String,
    datasource: Value,
    legend_format: Option<String>,
    format: Option<String>,
}

impl GridPos {
    pub fn overlaps(&self, other: &Self) -> bool {
        self.x < other.x + other.w
            && other.x < self.x + self.w
            && self.y < other.y + other.h
            && other.y < self.y + self.h
    }
}

impl Dashboard {
    pub fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap()
    }

    pub fn panels(&self) -> &[Panel] {
        &self.panels
    }

    /// Every query of panels and annotations.
    pub fn expressions(&self) -> Vec<Expression> {
        let of_panels =
            self.panels.iter().flat_map(|panel| panel.targets.iter().map(|target| (&*panel.title, &*target.expr)));
        let of_annotations =
            self.annotations.list.iter().map(|annotation| ("annotation", annotation["expr"].as_str().unwrap()));
        of_panels
            .chain(of_annotations)
            .map(|(at, query)| Expression { at: at.to_owned(), query: filled_in(query) })
            .collect()
    }

    /// The selectors of the variables' `label_values(selector, label)`.
    pub fn variable_queries(&self) -> Vec<Expression> {
        let queries = self.templating.list.iter().filter(|variable| variable["type"] == "query");
        queries
            .map(|variable| {
                let query = variable["query"]["query"].as_str().unwrap();
                let inside = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
                let (selector, _) = inside.rsplit_once(", ").unwrap();
                Expression { at: format!("variable {}", variable["name"]), query: filled_in(selector) }
            })
            .collect()
    }

    /// What hinders a reader, or shows another data source, job or machine than the one that was chosen.
    pub fn panel_faults(&self) -> Vec<String> {
        let names: Vec<&str> = self.templating.list.iter().filter_map(|variable| variable["name"].as_str()).collect();
        assert_eq!(names, ["datasource", "job", "instance"]);
        let panels = self.panels.iter().filter(|panel| panel.kind != "row");
        panels
            .flat_map(|panel| panel.faults().into_iter().map(move |fault| format!("{}: {fault}", panel.title)))
            .collect()
    }
}

impl Panel {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut must = |holds: bool, fault: &str| {
            if !holds {
                faults.push(fault.to_owned());
            }
        };
        must(!self.title.is_empty(), "no title");
        must(self.description.ends_with('.'), "no description");
        must(self.datasource["uid"] == "${datasource}", "another data source than the chosen one");
        must(self.field_config["defaults"]["unit"].is_string(), "no unit");
        must(!self.targets.is_empty(), "no query");
        for target in &self.targets {
            must(target.datasource == self.datasource, "another data source than the panel's");
            must(
                target.legend_format.is_some() != (target.format.as_deref() == Some("table")),
                "a legend is for graphs",
            );
            must(
                !target.expr.contains("rate(") || target.expr.contains("[$__rate_interval]"),
                "rate without $__rate_interval",
            );
            let query = Engine::default().parse(&filled_in(&target.expr)).unwrap();
            let chosen = |label: &str| {
                query.readings().iter().all(|reading| reading.matchers.iter().any(|matcher| &*matcher.name == label))
            };
            must(chosen("job") && chosen("instance"), "not only of the chosen job and instance");
        }
        faults
    }
}

fn filled_in(query: &str) -> String {
    VARIABLES.iter().fold(query.to_owned(), |query, (name, value)| query.replace(name, value))
}

//! lscpu(1) and nproc(1): counts, places, caches and make of the CPUs. All values agree exactly.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{INVENTORY, number, numbers, tool};

/// `Name:` and value of the lines of lscpu.
fn summary() -> Option<BTreeMap<String, String>> {
    let told: Value = serde_json::from_str(&tool("lscpu", &["--json"])?).unwrap();
    let mut lines = BTreeMap::new();
    let mut rest: Vec<&Value> = told["lscpu"].as_array().unwrap().iter().collect();
    // Later versions put lines below lines.
    while let Some(line) = rest.pop() {
        rest.extend(line["children"].as_array().into_iter().flatten());
        let (Some(field), Some(data)) = (line["field"].as_str(), line["data"].as_str()) else { continue };
        lines.insert(field.trim_end_matches(':').to_owned(), data.to_owned());
    }
    Some(lines)
}

#[test]
fn cpu_count_is_that_of_nproc() {
    let Some(count) = tool("nproc", &["--all"]) else { return };
    let cpus = INVENTORY["cpu"]["cpus"].as_array().unwrap();
    assert_eq!(cpus.len().to_string(), count.trim());
}

#[test]
fn cpu_make_and_counts_are_those_of_lscpu() {
    let Some(lines) = summary() else { return };
    let processor = &INVENTORY["cpu"]["processors"][0];
    let text = |value: &Value| value.as_str().map(str::to_owned).or_else(|| Some(value.as_u64()?.to_string()));
    for (field, ours) in [
        ("Vendor ID", text(&processor["vendor"])),
        ("Model name", text(&processor["model_name"])),
        ("Stepping", text(&processor["stepping"])),
        ("Thread(s) per core", text(&INVENTORY["cpu"]["threads_per_core"])),
        ("Socket(s)", text(&INVENTORY["cpu"]["sockets"])),
        ("NUMA node(s)", INVENTORY["cpu"]["numa_nodes"].as_array().map(|nodes| nodes.len().to_string())),
    ] {
        // What lscpu does not tell, or writes `-` for, cannot be compared; nor can ARM's names, which it writes its own way.
        let Some(told) = lines.get(field).filter(|told| *told != "-" && cfg!(target_arch = "x86_64")) else { continue };
        assert_eq!(ours.as_ref(), Some(told), "{field}");
    }
    if cfg!(target_arch = "x86_64") {
        let told = |field: &str| lines.get(field).and_then(|value| value.parse::<u64>().ok());
        assert_eq!(processor["family"].as_u64(), told("CPU family"));
        assert_eq!(processor["model"].as_u64(), told("Model"));
        let cores = told("Core(s) per socket").zip(told("Socket(s)")).map(|(cores, sockets)| cores * sockets);
        assert_eq!(number("/cpu/cores"), cores);
        let flags: BTreeSet<&str> = lines.get("Flags").iter().flat_map(|flags| flags.split(' ')).collect();
        let ours = INVENTORY["cpu"]["flags"].as_array().unwrap();
        assert_eq!(ours.iter().filter_map(Value::as_str).collect::<BTreeSet<_>>(), flags);
    }
}

/// lscpu counts cores and sockets itself, so that groups are compared and not numbers.
#[test]
fn cpu_places_are_those_of_lscpu() {
    let Some(table) = tool("lscpu", &["--parse=CPU,CORE,SOCKET,NODE"]) else { return };
    let mut theirs: [BTreeMap<String, BTreeSet<u64>>; 3] = Default::default();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(',').collect();
        for (group, name) in theirs.iter_mut().zip(&fields[1..]) {
            group.entry((*name).to_owned()).or_default().insert(fields[0].parse().unwrap());
        }
    }
    let mut ours: [BTreeMap<String, BTreeSet<u64>>; 3] = Default::default();
    let cpus = INVENTORY["cpu"]["cpus"].as_array().unwrap();
    for cpu in cpus.iter().filter(|cpu| cpu["online"] == true) {
        for (group, key) in ours.iter_mut().zip(["siblings", "package", "node"]) {
            let name = if cpu[key].is_null() { String::new() } else { cpu[key].to_string() };
            group.entry(name).or_default().insert(cpu["cpu"].as_u64().unwrap());
        }
    }
    let groups = |groups: &BTreeMap<String, BTreeSet<u64>>| groups.values().cloned().collect::<BTreeSet<_>>();
    for (kind, (ours, theirs)) in ["cores", "sockets", "nodes"].iter().zip(ours.iter().zip(&theirs)) {
        assert_eq!(groups(ours), groups(theirs), "{kind}");
    }
}

#[test]
fn cpu_caches_are_those_of_lscpu() {
    let Some(told) = tool("lscpu", &["--caches", "--bytes", "--json"]) else { return };
    let told: Value = serde_json::from_str(&told).unwrap();
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap();
    let caches = INVENTORY["cpu"]["caches"].as_array().unwrap();
    for theirs in told["caches"].as_array().unwrap() {
        let (level, kind) = (number(&theirs["level"]), theirs["type"].as_str().unwrap().to_lowercase());
        let same = |cache: &&Value| cache["level"] == level && cache["kind"] == kind.as_str();
        let sizes: Vec<u64> = caches.iter().filter(same).filter_map(|cache| cache["size_bytes"].as_u64()).collect();
        assert_eq!(sizes.first().copied(), Some(number(&theirs["one-size"])), "{kind} {level}: one");
        assert_eq!(sizes.iter().sum::<u64>(), number(&theirs["all-size"]), "{kind} {level}: all");
    }
    let online = numbers(&INVENTORY["cpu"]["online"]);
    let shared_by = |cache: &Value| numbers(&cache["cpus"]);
    assert!(caches.iter().all(|cache| shared_by(cache).iter().all(|cpu| online.contains(cpu))));
}

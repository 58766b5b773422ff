use super::fake::{Driver, FakeNvml};
use super::*;
use crate::units::{Bytes, BytesPerSecond, Celsius, Hertz, Joules, Ratio, Watts};

const GIB: u64 = 1 << 30;

fn open(fake: &FakeNvml) -> Library {
    Library::open(fake.path()).unwrap()
}

fn gpu(fake: &FakeNvml, index: u32) -> Gpu {
    open(fake).gpu(index).unwrap()
}

#[test]
fn facts_come_in_our_units_and_words() {
    let fake = FakeNvml::build(Driver::Current);
    let library = open(&fake);
    assert_eq!(library.driver_version().unwrap().as_deref(), Some("550.54.14"));
    assert_eq!(library.cuda_version().unwrap().as_deref(), Some("12.4"));
    assert_eq!(library.count().unwrap(), 2);
    let gpu = gpu(&fake, 0);
    assert_eq!(gpu.pci_address().unwrap().as_deref(), Some("0000:01:00.0"));
    assert_eq!(gpu.compute_capability().unwrap().as_deref(), Some("8.9"));
    assert_eq!(gpu.cuda_cores().unwrap(), Some(16384));
    assert_eq!(gpu.power_limit_enforced().unwrap(), Some(Watts(290.5)));
    assert_eq!(gpu.power_limit_range().unwrap(), Some(PowerRange { min: Watts(150.0), max: Watts(600.0) }));
    assert_eq!(gpu.energy().unwrap(), Some(Joules(123_456.789)));
    assert_eq!(gpu.clock(GpuClock::Memory).unwrap(), Some(Hertz(10.251e9)));
    assert_eq!(gpu.temperature().unwrap(), Some(Celsius(71.0)));
    assert_eq!(gpu.utilisation().unwrap(), Some((Ratio(0.91), Ratio(0.4))));
    assert_eq!(gpu.link_throughput(Direction::Received).unwrap(), Some(BytesPerSecond(9.2e9)));
    let memory = GpuMemory { total: Bytes(24 * GIB), used: Bytes(6 * GIB), free: Bytes(17 * GIB) };
    assert_eq!(gpu.memory().unwrap(), Some(memory));
    let holding: Vec<_> = gpu.clock_limits().unwrap().unwrap().into_iter().filter(|(_, holds)| *holds).collect();
    assert_eq!(holding, [("power_cap", true), ("thermal", true)]);
    assert_eq!(fake.changes(), [""; 0]);
}

#[test]
fn what_a_gpu_does_not_have_is_neither_zero_nor_a_failure() {
    let fake = FakeNvml::build(Driver::Current);
    assert!(gpu(&fake, 1).fans().is_empty());
    assert_eq!(gpu(&fake, 0).corrected_errors().unwrap(), None);
    assert_eq!(gpu(&fake, 0).threshold(GpuThreshold::Memory).unwrap(), None);
    fake.script("* 3");
    let gpu = gpu(&fake, 1);
    assert_eq!((gpu.temperature().unwrap(), gpu.power_draw().unwrap()), (None, None));
    assert_eq!((gpu.memory().unwrap(), gpu.processes().unwrap()), (None, None));
    assert_eq!(gpu.utilisation().unwrap(), None);
}

#[test]
fn a_number_that_stands_for_nothing_is_nothing() {
    let fake = FakeNvml::build(Driver::Current);
    fake.script("nvmlDeviceGetPowerUsage answers 4294967295");
    assert_eq!(gpu(&fake, 0).power_draw().unwrap(), None);
}

#[test]
fn what_may_not_be_told_is_a_failure_that_names_fact_gpu_and_reason() {
    let fake = FakeNvml::build(Driver::Current);
    fake.script("nvmlDeviceGetPowerUsage 4");
    let error = gpu(&fake, 1).power_draw().unwrap_err().to_string();
    assert!(error.contains("power draw") && error.contains("GPU 1") && error.contains("permission"), "{error}");
}

#[test]
fn an_old_driver_tells_what_it_can_by_its_older_calls() {
    let fake = FakeNvml::build(Driver::Old);
    fake.script("process 0 77 1024");
    let gpu = gpu(&fake, 0);
    let memory = GpuMemory { total: Bytes(24 * GIB), used: Bytes(7 * GIB), free: Bytes(17 * GIB) };
    assert_eq!(gpu.memory().unwrap(), Some(memory));
    assert_eq!(gpu.processes().unwrap().unwrap(), [GpuProcess { pid: 77, memory: Some(Bytes(1024)) }]);
    let error = gpu.cuda_cores().unwrap_err().to_string();
    assert!(error.contains("too old"), "{error}");
}

#[test]
fn processes_that_start_between_two_questions_are_asked_for_again() {
    let fake = FakeNvml::build(Driver::Current);
    fake.script("grows 20\nprocess 0 7 100\nprocess 1 8 200");
    let pids = |index| gpu(&fake, index).processes().unwrap().unwrap().iter().map(|one| one.pid).collect::<Vec<_>>();
    assert_eq!((pids(0), pids(1)), (vec![7], vec![8]));
}

#[test]
fn no_library_is_told_from_one_that_does_not_work() {
    let absent = Library::open(Path::new("/nonexistent/libnvidia-ml.so.1")).unwrap_err();
    assert!(matches!(&absent, NoNvml::Absent(why) if why.contains("/nonexistent")), "{absent}");
    let fake = FakeNvml::build(Driver::Current);
    fake.script("nvmlInit_v2 9");
    assert!(matches!(Library::open(fake.path()).unwrap_err(), NoNvml::Absent(why) if why.contains("driver")));
    fake.script("nvmlInit_v2 18");
    assert!(matches!(Library::open(fake.path()).unwrap_err(), NoNvml::Broken(why) if why.contains("mismatch")));
    std::fs::write(fake.path(), "no library").unwrap();
    assert!(matches!(Library::open(fake.path()).unwrap_err(), NoNvml::Broken(_)));
}

#[test]
fn it_is_initialised_once_and_anew_only_after_a_failure() {
    let fake = FakeNvml::build(Driver::Current);
    fake.script("nvmlInit_v2 999");
    Library::open(fake.path()).unwrap_err();
    fake.script("gpus 1");
    open(&fake);
    open(&fake);
    assert_eq!(fake.calls().iter().filter(|call| *call == "nvmlInit_v2").count(), 2);
}

//! The memory of machines that we do not have: what they tell is known, and what they do not tell is not made up.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::inventory::{Part, Status};
use crate::kernel::fixture::Fixture;

const GIB: u64 = 1 << 30;

fn survey(roots: &Roots) -> Part<Memory> {
    let mut survey = Survey::default();
    let memory = Memory::read(roots, &mut survey);
    survey.close(UNIX_EPOCH + Duration::from_secs(1), memory)
}

fn of_machine(name: &str) -> Part<Memory> {
    survey(&Fixture::of_machine(name).roots)
}

#[test]
fn a_server_knows_its_modules_channels_and_nodes() {
    let part = of_machine("dual-socket-server");
    assert_eq!((part.status, part.problems), (Status::Valid, vec![]));
    let memory = part.facts;
    assert_eq!((memory.slots, memory.populated_slots, memory.populated_channels), (Some(16), Some(16), Some(16)));
    assert_eq!((memory.largest_possible, memory.page_size), (Some(Bytes(8 << 40)), Some(Bytes(4096))));
    assert_eq!(memory.error_correction, Some("multi-bit ECC"));
    let module = &memory.modules.as_ref().unwrap()[15];
    assert_eq!((module.locator.as_deref(), module.channel.as_deref()), (Some("P2-DIMMH1"), Some("P1_Node1_Channel3")));
    assert_eq!(
        (module.size, module.technology, module.form_factor),
        (Some(Bytes(32 * GIB)), Some("DDR4"), Some("DIMM"))
    );
    assert_eq!((module.rated_speed, module.configured_speed), (Some(3_200_000_000), Some(2_933_000_000)));
    assert_eq!((module.total_width_bits, module.data_width_bits, module.ranks), (Some(72), Some(64), Some(2)));
    assert_eq!(
        (module.manufacturer.as_deref(), module.part_number.as_deref()),
        (Some("Samsung"), Some("M393A4K40DB3-CWE"))
    );
    let nodes = memory.nodes.as_ref().unwrap();
    assert_eq!((nodes.len(), nodes[0].total, nodes[0].bandwidth), (4, Some(Bytes(131_842_004 << 10)), None));
    let pool = &memory.huge_page_pools.as_ref().unwrap()[1];
    assert_eq!((pool.page_size, pool.pages, pool.free_pages), (Bytes(GIB), Some(64), Some(44)));
    assert_eq!((pool.nodes.len(), pool.nodes[0].free_pages), (4, Some(4)));
    let controllers = memory.controllers.as_ref().unwrap();
    assert_eq!((controllers.len(), controllers[5].corrected_errors), (8, Some(17)));
    assert_eq!(controllers[5].hardware.as_deref(), Some("Intel_10nm Socket#1 IMC#1"));
    assert_eq!((controllers[0].size, controllers[0].populated_channels), (Some(Bytes(64 * GIB)), Some(2)));
}

#[test]
fn a_desktop_has_two_of_four_slots_and_compressed_swap() {
    let part = of_machine("desktop");
    assert_eq!((part.status, part.problems), (Status::Valid, vec![]));
    let memory = part.facts;
    assert_eq!((memory.slots, memory.populated_slots, memory.populated_channels), (Some(4), Some(2), Some(2)));
    let modules = memory.modules.as_ref().unwrap();
    assert_eq!(modules.iter().map(|module| module.slot).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(modules[1].channel.as_deref(), Some("ChannelB"));
    assert_eq!((memory.error_correction, memory.controllers), (Some("none"), None));
    let swap = &memory.swap_spaces.as_ref().unwrap()[0];
    assert_eq!((swap.device.as_str(), swap.priority), ("/dev/zram0", 100));
    let zram = &memory.compressed_disks.as_ref().unwrap()[0];
    assert_eq!((zram.size, zram.algorithm.as_deref()), (Bytes(16 * GIB), Some("zstd")));
    assert_eq!(memory.zswap.unwrap().enabled, Some(false));
    assert_eq!(memory.transparent_huge_pages.unwrap().enabled.as_deref(), Some("always"));
}

#[test]
fn an_old_kernel_and_old_firmware_tell_what_they_can() {
    let part = of_machine("old-kernel");
    assert_eq!((part.status, part.problems), (Status::Valid, vec![]));
    let memory = part.facts;
    assert_eq!((memory.slots, memory.populated_slots, memory.populated_channels), (Some(8), Some(4), Some(4)));
    assert_eq!((memory.error_correction, memory.nodes), (Some("single-bit ECC"), None));
    let controller = &memory.controllers.as_ref().unwrap()[0];
    assert_eq!((controller.modules, controller.populated_channels), (4, None));
}

#[test]
fn without_firmware_tables_modules_are_unknown_and_not_none() {
    for machine in ["arm-board", "container"] {
        let part = of_machine(machine);
        assert_eq!((part.status, &part.problems), (Status::Valid, &vec![]), "{machine}");
        let json = serde_json::to_value(&part).unwrap();
        for fact in ["slots", "populated_slots", "populated_channels", "modules", "controllers", "nodes", "zswap"] {
            assert!(json[fact].is_null(), "{machine}: {fact} is {}", json[fact]);
        }
        assert!(json["total_bytes"].is_u64() && json["page_size_bytes"] == 4096, "{machine}");
    }
    assert_eq!(of_machine("container").facts.swap_spaces, None);
}

#[test]
fn channels_are_those_of_the_controllers_where_no_slot_names_one() {
    let fixture = Fixture::of_machine("dual-socket-server");
    fixture.remove("sys/firmware");
    let memory = survey(&fixture.roots).facts;
    assert_eq!((memory.populated_channels, memory.slots), (Some(16), None));
}

#[test]
fn more_memory_than_modules_or_nodes_have_is_doubted() {
    let fixture = Fixture::of_machine("desktop");
    fixture.file("proc/meminfo", "MemTotal: 67108864 kB\nMemAvailable: 1 kB\nSwapTotal: 0 kB\n");
    let part = survey(&fixture.roots);
    assert_eq!((part.status, part.problems.len()), (Status::Doubtful, 2), "{:?}", part.problems);
}

#[test]
fn broken_files_are_problems_with_their_paths_and_take_nothing_else_along() {
    let fixture = Fixture::of_machine("desktop");
    let broken = [
        "proc/swaps",
        "proc/self/auxv",
        "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
        "sys/kernel/mm/transparent_hugepage/enabled",
        "sys/devices/system/node/node0/meminfo",
        "sys/block/zram0/comp_algorithm",
        "sys/module/zswap/parameters/enabled",
        "sys/firmware/dmi/tables/smbios_entry_point",
    ];
    for file in broken {
        fixture.file(file, [0xff; 300]);
    }
    let part = survey(&fixture.roots);
    for file in broken {
        assert!(part.problems.iter().any(|problem| problem.contains(file)), "{file}: {:?}", part.problems);
    }
    let memory = part.facts;
    assert_eq!((part.status, memory.total.is_some(), memory.modules), (Status::Partial, true, None));
    assert_eq!(memory.compressed_disks.unwrap()[0].algorithm, None);
}

//! What the firmware says of its memory, with the odd values that the standard reserves.

use proptest::prelude::*;

use super::*;
use crate::kernel::fixture::Fixture;

/// A memory device of the newest kind, to be changed field by field.
struct Device(Vec<u8>);

impl Device {
    const LENGTH: u8 = 0x5C;

    fn new() -> Self {
        let mut bytes = vec![0; usize::from(Self::LENGTH)];
        (bytes[0], bytes[1]) = (DEVICE, Self::LENGTH);
        Self(bytes).with(0x04, &0x1000_u16.to_le_bytes()).with(0x0C, &16_384_u16.to_le_bytes())
    }

    fn with(mut self, at: usize, bytes: &[u8]) -> Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// As older firmware writes it, with fewer fields.
    fn cut(mut self, length: u8) -> Self {
        self.0.truncate(usize::from(length));
        self.0[1] = length;
        self
    }

    fn texts(mut self, texts: &[&str]) -> Vec<u8> {
        self.0.extend(texts.iter().flat_map(|text| text.bytes().chain([0])));
        self.0.extend(if texts.is_empty() { &[0, 0][..] } else { &[0] });
        self.0
    }

    fn read(self) -> Option<MemoryModule> {
        let bytes = self.texts(&[]);
        let tables = Tables::of_bytes(&bytes);
        let device = tables.structures().next().unwrap();
        is_populated(&device).then(|| MemoryModule::of(0, &device))
    }
}

fn array(handle: u16, usage: u8, slots: u16, largest: (u32, u64)) -> Vec<u8> {
    let [low, high] = handle.to_le_bytes();
    let mut bytes = vec![ARRAY, 0x17, low, high, 3, usage, 6];
    bytes.extend(largest.0.to_le_bytes());
    bytes.extend([0xFE, 0xFF]);
    bytes.extend(slots.to_le_bytes());
    bytes.extend(largest.1.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

fn board(structures: &[Vec<u8>]) -> (Option<Board>, crate::inventory::Part<()>) {
    let fixture = Fixture::new();
    for (number, structure) in structures.iter().enumerate() {
        fixture.file(&format!("sys/firmware/dmi/entries/{}-{number}/raw", structure[0]), structure);
    }
    let mut survey = Survey::default();
    let board = Board::read(&fixture.roots, &mut survey);
    (board, survey.close(std::time::UNIX_EPOCH, ()))
}

#[test]
fn sizes_follow_the_rules_for_large_small_and_unknown() {
    let of = |size: u16, extended: u32| {
        let module = Device::new().with(0x0C, &size.to_le_bytes()).with(0x1C, &extended.to_le_bytes()).read();
        module.map(|module| module.size.map(|size| size.0))
    };
    assert_eq!(of(16_384, 0), Some(Some(16 << 30)));
    assert_eq!(of(0x8000 | 512, 0), Some(Some(512 << 10)));
    assert_eq!(of(0x7FFF, 65_536), Some(Some(64 << 30)));
    assert_eq!(of(0x7FFF, 0x8000_0000 | 131_072), Some(Some(128 << 30)));
    assert_eq!(of(0, 65_536), None, "an empty slot");
    assert_eq!((of(0xFFFF, 0), of(0x7FFF, 0), of(0x8000, 0)), (Some(None), Some(None), Some(None)));
    // Firmware before the extended field, that uses its mark.
    assert_eq!(Device::new().with(0x0C, &[0xFF, 0x7F]).cut(0x1B).read().unwrap().size, None);
    assert_eq!(Device::new().cut(0x0D).read(), None);
}

#[test]
fn speeds_are_in_transfers_and_may_be_extended_or_unknown() {
    let of = |device: Device| device.read().map(|module| (module.rated_speed, module.configured_speed)).unwrap();
    let both = |rated: u16, configured: u16| {
        Device::new().with(0x15, &rated.to_le_bytes()).with(0x20, &configured.to_le_bytes())
    };
    assert_eq!(of(both(5600, 4800)), (Some(5_600_000_000), Some(4_800_000_000)));
    assert_eq!(of(both(0, 0)), (None, None));
    let extended = both(0xFFFF, 0xFFFF).with(0x54, &70_000_u32.to_le_bytes()).with(0x58, &68_000_u32.to_le_bytes());
    assert_eq!(of(extended), (Some(70_000_000_000), Some(68_000_000_000)));
    assert_eq!(of(both(0xFFFF, 0xFFFF).cut(0x54)), (None, None));
    assert_eq!(of(both(2400, 2133).cut(0x20)), (Some(2_400_000_000), None));
}

#[test]
fn placeholders_are_not_facts() {
    let device = || Device::new().with(0x10, &[1, 2]).with(0x17, &[3]).with(0x1A, &[4]);
    let texts = ["DIMM_A1", "BANK 0", "Not Specified", "  UNKNOWN "];
    let (board, _) = board(&[array(0x1000, 3, 1, (0, 0)), device().texts(&texts)]);
    let module = &board.unwrap().modules.unwrap()[0];
    assert_eq!((module.locator.as_deref(), module.bank.as_deref()), (Some("DIMM_A1"), Some("BANK 0")));
    assert_eq!((module.manufacturer.as_deref(), module.part_number.as_deref()), (None, None));
    assert_eq!((module.technology, module.form_factor, module.ranks), (None, None, None));
    let unknown = Device::new().with(0x08, &[0xFF; 4]).with(0x12, &[2]).with(0x0E, &[0x7F]).with(0x1B, &[0xF0]).read();
    let unknown = unknown.unwrap();
    assert_eq!((unknown.total_width_bits, unknown.data_width_bits, unknown.ranks), (None, None, None));
    assert_eq!((unknown.technology, unknown.form_factor), (None, None));
}

#[test]
fn slots_of_all_sockets_count_and_those_of_flash_do_not() {
    let largest = (0x8000_0000, 2 << 40);
    let in_array = |handle: u16| Device::new().with(0x04, &handle.to_le_bytes());
    let (board, part) = board(&[
        array(0x1000, 3, 2, largest),
        array(0x2000, 3, 1, largest),
        array(0x3000, 5, 1, (16_384, 0)),
        in_array(0x1000).texts(&[]),
        in_array(0x1000).with(0x0C, &[0, 0]).texts(&[]),
        in_array(0x2000).texts(&[]),
        in_array(0x3000).texts(&[]),
    ]);
    let board = board.unwrap();
    assert_eq!((board.slots, board.populated_slots), (Some(3), Some(2)));
    assert_eq!(board.largest_possible, Some(Bytes(4 << 40)));
    assert_eq!((board.error_correction, board.populated_channels), (Some("multi-bit ECC"), None));
    assert_eq!(part.problems, [""; 0]);
}

#[test]
fn firmware_that_contradicts_itself_is_doubted() {
    let (board, part) = board(&[array(0x1000, 3, 4, (0, 0)), Device::new().texts(&[])]);
    assert_eq!(board.unwrap().slots, Some(1));
    assert_eq!(part.status, crate::inventory::Status::Doubtful);
    assert!(part.problems[0].contains("4 slots"), "{:?}", part.problems);
}

#[test]
fn tables_without_memory_are_a_problem_and_no_tables_are_none() {
    let (none, part) = board(&[array(0x1000, 3, 4, (0, 0))]);
    assert_eq!((none, part.problems.len()), (None, 1));
    let (none, part) = board(&[]);
    assert_eq!((none, part.problems.len()), (None, 0));
}

proptest! {
    /// No field of a device can bring the reading down.
    #[test]
    fn any_device_is_survived(fields in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = vec![DEVICE, u8::try_from(4 + fields.len()).unwrap(), 0, 0];
        bytes.extend(fields);
        bytes.extend([b'A', 0, b'B', 0, 0]);
        let tables = Tables::of_bytes(&bytes);
        for structure in tables.structures() {
            let _ = (MemoryModule::of(0, &structure), Array::of(&structure));
        }
    }
}

//! The tables that the firmware leaves about the machine, as the kernel passes them on: structures of bytes and texts, written by
//! firmware that nobody checks. Nothing outside of a structure is read, whatever its lengths say.
//!
//! Source: DMTF DSP0134; `Documentation/ABI/testing/sysfs-firmware-dmi-tables` and `sysfs-firmware-dmi-entries`.

use super::{KernelError, Roots, attribute, file};

/// Type, length and handle, with which each structure begins.
const HEADER: usize = 4;
const END_OF_TABLE: u8 = 127;
/// In one structure; firmware numbers them with a byte.
const MOST_TEXTS: usize = 255;

/// The tables, or those structures of them that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables(Vec<u8>);

/// One structure, such as a memory device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Structure<'a> {
    pub kind: u8,
    pub handle: u16,
    /// Fields at fixed places, the header included; a later revision of the standard has more of them.
    formatted: &'a [u8],
    texts: &'a [u8],
}

impl Tables {
    /// The tables as they are or, where only its parts are shown, the structures of these types.
    ///
    /// # Errors
    /// "Gone" where this machine has no such firmware, as most virtual and ARM machines.
    pub fn read(roots: &Roots, kinds: &[u8]) -> Result<Self, KernelError> {
        match Self::whole(roots) {
            Err(error) if error.is_gone() => match Self::in_parts(roots, kinds) {
                Err(other) if other.is_gone() => Err(error),
                parts => parts,
            },
            whole => whole,
        }
    }

    fn whole(roots: &Roots) -> Result<Self, KernelError> {
        let tables = |name: &str| roots.sys("firmware/dmi/tables").join(name);
        let length = file::read(&tables("smbios_entry_point"), length_of_tables)?;
        file::read(&tables("DMI"), |bytes| Ok(Self(bytes[..length.min(bytes.len())].to_vec())))
    }

    /// `dmi/entries` has a directory for each structure, named after its type and the how manieth of its type it is.
    fn in_parts(roots: &Roots, kinds: &[u8]) -> Result<Self, KernelError> {
        let directory = roots.sys("firmware/dmi/entries");
        let mut all = Vec::new();
        for name in attribute::entries(&directory)? {
            let kind = name.split_once('-').and_then(|(kind, _)| kind.parse().ok());
            if kind.is_some_and(|kind: u8| kinds.contains(&kind)) {
                file::read(&directory.join(name).join("raw"), |bytes| {
                    all.extend_from_slice(bytes);
                    Ok(())
                })?;
            }
        }
        Ok(Self(all))
    }

    #[cfg(test)]
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The structures up to the end, or to the first that does not fit.
    pub fn structures(&self) -> impl Iterator<Item = Structure<'_>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let (structure, behind) = Structure::split(rest)?;
            rest = behind;
            (structure.kind != END_OF_TABLE).then_some(structure)
        })
    }
}

/// How long the tables are, from the entry point of 64 or of 32 bits, whose bytes add up to zero.
fn length_of_tables(entry_point: &[u8]) -> Result<usize, String> {
    let whole = |length_at: usize| {
        let length = usize::from(*entry_point.get(length_at)?);
        let bytes = entry_point.get(..length)?;
        (bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == 0).then_some(bytes)
    };
    let length = if entry_point.starts_with(b"_SM3_") {
        whole(0x06).and_then(|bytes| number::<4>(bytes, 0x0C))
    } else if entry_point.starts_with(b"_SM_") {
        whole(0x05).and_then(|bytes| number::<2>(bytes, 0x16))
    } else {
        return Err("begins with neither _SM3_ nor _SM_".to_owned());
    };
    length.and_then(|length| usize::try_from(length).ok()).ok_or_else(|| "cut, or its sum is wrong".to_owned())
}

impl<'a> Structure<'a> {
    /// The first structure of the bytes, and what is behind it.
    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let &[kind, length, low, high, ..] = bytes else { return None };
        let (formatted, behind) = bytes.split_at_checked(usize::from(length).max(HEADER))?;
        // Texts end with a zero each, and all of them with one more; without any there are two zeros.
        let end = behind.windows(2).position(|pair| pair == [0, 0]);
        let (texts, rest) = behind.split_at(end.map_or(behind.len(), |end| end + 2));
        Some((Self { kind, handle: u16::from_le_bytes([low, high]), formatted, texts }, rest))
    }

    pub fn byte(&self, at: usize) -> Option<u8> {
        self.formatted.get(at).copied()
    }

    pub fn word(&self, at: usize) -> Option<u16> {
        number::<2>(self.formatted, at).and_then(|word| u16::try_from(word).ok())
    }

    pub fn double_word(&self, at: usize) -> Option<u32> {
        number::<4>(self.formatted, at).and_then(|double| u32::try_from(double).ok())
    }

    pub fn quad_word(&self, at: usize) -> Option<u64> {
        number::<8>(self.formatted, at)
    }

    /// The text whose number stands in the field; `None` if there is none, or nothing in it but blanks.
    pub fn text(&self, at: usize) -> Option<String> {
        let number = usize::from(self.byte(at)?).checked_sub(1)?;
        let text = self.texts.split(|byte| *byte == 0).take(MOST_TEXTS).nth(number)?;
        let text: String = String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).collect();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// A number of `N` bytes, the lowest first.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(N)?)?;
    Some(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::fixture::Fixture;

    /// A structure with `fields` behind the header.
    fn structure(kind: u8, fields: &[u8], texts: &[&str]) -> Vec<u8> {
        let mut bytes = vec![kind, u8::try_from(HEADER + fields.len()).unwrap(), 0x34, 0x12];
        bytes.extend_from_slice(fields);
        bytes.extend(texts.iter().flat_map(|text| text.bytes().chain([0])));
        bytes.extend(if texts.is_empty() { &[0, 0][..] } else { &[0] });
        bytes
    }

    fn entry_point(anchor: &[u8], length: u8, length_at: usize, table: (usize, &[u8])) -> Vec<u8> {
        let mut bytes = vec![0; usize::from(length)];
        bytes[..anchor.len()].copy_from_slice(anchor);
        bytes[length_at] = length;
        bytes[table.0..table.0 + table.1.len()].copy_from_slice(table.1);
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        bytes[4] = bytes[4].wrapping_sub(sum);
        bytes
    }

    /// `_SM3_` has its sum behind the anchor.
    fn entry_point_64(table: u32) -> Vec<u8> {
        let mut bytes = entry_point(b"_SM3_", 0x18, 6, (0x0C, &table.to_le_bytes()));
        let difference = bytes[4].wrapping_sub(b'_');
        (bytes[4], bytes[5]) = (b'_', difference);
        bytes
    }

    #[test]
    fn fields_and_texts_are_found_by_their_places() {
        let bytes = [structure(17, &[1, 2, 3, 4, 5, 6, 7, 8, 2, 3, 0], &["A1", " Bank\t0 "]), structure(127, &[], &[])];
        let tables = Tables::of_bytes(&bytes.concat());
        let [device] = tables.structures().collect::<Vec<_>>()[..] else { panic!("one structure before the end") };
        assert_eq!((device.kind, device.handle), (17, 0x1234));
        assert_eq!((device.byte(4), device.word(4)), (Some(1), Some(0x0201)));
        assert_eq!((device.double_word(4), device.quad_word(4)), (Some(0x0403_0201), Some(0x0807_0605_0403_0201)));
        assert_eq!(device.text(12).as_deref(), Some("Bank0"));
        assert_eq!((device.text(13), device.text(14)), (None, None));
        assert_eq!(
            (device.byte(15), device.word(14), device.quad_word(8), device.text(usize::MAX)),
            (None, None, None, None)
        );
    }

    #[test]
    fn what_does_not_fit_ends_the_tables() {
        let good = structure(16, &[3; 4], &[]);
        for bad in [&[17][..], &[17, 40, 0], &[17, 40, 0, 0, 1, 2]] {
            let tables = Tables::of_bytes(&[&good, bad].concat());
            assert_eq!(tables.structures().count(), 1, "{bad:?}");
        }
        // The last text has no end: it is cut where the tables are.
        let tables = Tables::of_bytes(&[17, 5, 0, 0, 1, b'A']);
        assert_eq!(tables.structures().next().unwrap().text(4).as_deref(), Some("A"));
        // A length that is shorter than the header.
        let tables = Tables::of_bytes(&[17, 0, 0, 0, 0, 0, 16, 4, 0, 0, 0, 0]);
        assert_eq!(tables.structures().map(|structure| structure.kind).collect::<Vec<_>>(), [17, 16]);
    }

    #[test]
    fn the_entry_point_bounds_the_tables() {
        let table = [structure(16, &[1], &[]), structure(17, &[1], &[])].concat();
        let first = u32::try_from(structure(16, &[1], &[]).len()).unwrap();
        for entry_point in
            [entry_point_64(first), entry_point(b"_SM_", 0x1F, 5, (0x16, &u16::try_from(first).unwrap().to_le_bytes()))]
        {
            let fixture = Fixture::new();
            fixture
                .file("sys/firmware/dmi/tables/smbios_entry_point", entry_point)
                .file("sys/firmware/dmi/tables/DMI", &table);
            let tables = Tables::read(&fixture.roots, &[]).unwrap();
            assert_eq!(tables.structures().map(|structure| structure.kind).collect::<Vec<_>>(), [16]);
        }
    }

    #[test]
    fn an_entry_point_that_is_cut_or_wrong_is_an_error() {
        let mut wrong = entry_point_64(10);
        wrong[20] ^= 1;
        for bad in [&wrong[..], &entry_point_64(10)[..10], b"_SM3_", b"_SM_", b"", b"_DMI_"] {
            let fixture = Fixture::new();
            fixture.file("sys/firmware/dmi/tables/smbios_entry_point", bad);
            assert!(!Tables::read(&fixture.roots, &[]).unwrap_err().is_gone(), "{bad:?}");
        }
    }

    #[test]
    fn where_the_tables_are_hidden_their_parts_are_taken() {
        let fixture = Fixture::new();
        assert!(Tables::read(&fixture.roots, &[17]).unwrap_err().is_gone());
        for (name, kind) in [("17-10", 10), ("17-2", 2), ("1-0", 0), ("0-0", 0), ("x", 0)] {
            fixture.file(&format!("sys/firmware/dmi/entries/{name}/raw"), structure(17, &[kind], &[]));
        }
        let tables = Tables::read(&fixture.roots, &[16, 17]).unwrap();
        assert_eq!(tables.structures().map(|structure| structure.byte(4)).collect::<Vec<_>>(), [Some(2), Some(10)]);
    }

    proptest! {
        /// Whatever the firmware wrote: no panic, no end that does not come, and nothing that is not in the tables.
        #[test]
        fn hostile_tables_are_read_within_their_bounds(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let tables = Tables::of_bytes(&bytes);
            let structures: Vec<_> = tables.structures().collect();
            prop_assert!(structures.len() <= bytes.len() / HEADER);
            for structure in structures {
                for at in 0..300 {
                    let _ = (structure.word(at), structure.double_word(at), structure.quad_word(at));
                    // A byte that is no text becomes a replacement character of three.
                    prop_assert!(structure.text(at).is_none_or(|text| text.len() <= bytes.len() * 3));
                }
            }
            let _ = length_of_tables(&bytes);
        }
    }
}

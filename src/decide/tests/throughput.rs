use super::plant::{Plant, plots_per_hour};
use super::scene::{edited, shipped_policy};

/// Plots an hour: unmanaged, one after another, and managed by the shipped policy.
fn compare(plant: Plant) -> (f64, f64, f64) {
    let watching = || edited(&[("mode: enforce", "mode: disabled")]);
    let (unmanaged, _) = plots_per_hour(plant, 4, 4, watching());
    let (sequential, _) = plots_per_hour(plant, 4, 1, watching());
    let (managed, _) = plots_per_hour(plant, 4, 4, shipped_policy());
    (unmanaged, sequential, managed)
}

#[test]
fn the_model_is_the_measured_machine() {
    let (unmanaged, sequential, _) = compare(Plant::SLOW_DISK);
    assert!((100.0..=125.0).contains(&unmanaged), "{unmanaged}; measured: 111");
    assert!((157.0..=175.0).contains(&sequential), "{sequential}; measured: 157 to 171");
    let (unmanaged, sequential, _) = compare(Plant::PAGE_CACHE);
    assert!((245.0..=330.0).contains(&unmanaged), "{unmanaged}; measured: 259");
    assert!((155.0..=170.0).contains(&sequential), "{sequential}; measured: 164");
}

#[test]
fn on_a_slow_disk_management_wins_back_most_of_what_is_lost() {
    let (unmanaged, sequential, managed) = compare(Plant::SLOW_DISK);
    let best = unmanaged.max(sequential).max(managed);
    assert!(managed >= 1.25 * unmanaged, "managed {managed}, unmanaged {unmanaged}");
    assert!(managed >= 0.9 * best, "managed {managed}, best {best}");
}

#[test]
fn where_the_disk_is_no_bottleneck_management_costs_nothing() {
    let (unmanaged, _, managed) = compare(Plant::PAGE_CACHE);
    assert!(managed >= 0.95 * unmanaged, "managed {managed}, unmanaged {unmanaged}");
    let (_, scene) = plots_per_hour(Plant::PAGE_CACHE, 4, 4, shipped_policy());
    assert!(!scene.said("paused") && !scene.said("held back"), "{:?}", scene.said);
}

/// Four plots at any time, and many of them: however fast the disk is, management loses nothing, and on slow ones it wins.
#[test]
fn disks_of_all_speeds_are_no_slower_than_unmanaged() {
    for disk in 0..=15 {
        let plant = Plant { disk: f64::from(disk), ..Plant::SLOW_DISK };
        let (unmanaged, _) = plots_per_hour(plant, 40, 4, edited(&[("mode: enforce", "mode: disabled")]));
        let (managed, scene) = plots_per_hour(plant, 40, 4, shipped_policy());
        let least = if disk >= 5 { 1.05 } else { 0.97 };
        assert!(managed >= least * unmanaged, "{plant:?}: managed {managed}, unmanaged {unmanaged}, {:?}", scene.said);
    }
}

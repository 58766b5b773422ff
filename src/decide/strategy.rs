//! Which strategy answers a contention: the highest severity and its root cause decide.

use super::decision::{Cause, Severity, Strategy};
use crate::policy::Bands;

/// The strategy for a severity with its root cause; `None` stands for any other cause, or several at once.
pub fn strategy(severity: Severity, cause: Option<Cause>, bands: Bands) -> Strategy {
    let Severity(severity) = severity;
    if severity >= bands.critical {
        match cause {
            Some(Cause::CpuOverload) => Strategy::ImmediateCpuReallocation,
            Some(Cause::MemoryPressure) => Strategy::MemoryRebalancing,
            Some(Cause::IoBottleneck) => Strategy::IoOptimization,
            None => Strategy::ComprehensiveRebalancing,
        }
    } else if severity >= bands.warn {
        match cause {
            Some(Cause::CpuOverload | Cause::MemoryPressure) => Strategy::GradualResourceAdjustment,
            Some(Cause::IoBottleneck) | None => Strategy::ProcessPriorityOptimization,
        }
    } else if severity >= bands.notice {
        Strategy::MonitoringAndMinorAdjustments
    } else {
        Strategy::PreventiveOptimization
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_table() {
        use Cause::{CpuOverload, IoBottleneck, MemoryPressure};
        let bands = Bands { notice: 0.4, warn: 0.6, critical: 0.8 };
        for (severities, cause, expected) in [
            ([0.8, 1.0], Some(CpuOverload), Strategy::ImmediateCpuReallocation),
            ([0.8, 1.0], Some(MemoryPressure), Strategy::MemoryRebalancing),
            ([0.8, 1.0], Some(IoBottleneck), Strategy::IoOptimization),
            ([0.8, 1.0], None, Strategy::ComprehensiveRebalancing),
            ([0.6, 0.799], Some(CpuOverload), Strategy::GradualResourceAdjustment),
            ([0.6, 0.799], Some(MemoryPressure), Strategy::GradualResourceAdjustment),
            ([0.6, 0.799], Some(IoBottleneck), Strategy::ProcessPriorityOptimization),
            ([0.6, 0.799], None, Strategy::ProcessPriorityOptimization),
            ([0.4, 0.599], Some(CpuOverload), Strategy::MonitoringAndMinorAdjustments),
            ([0.4, 0.599], Some(MemoryPressure), Strategy::MonitoringAndMinorAdjustments),
            ([0.4, 0.599], Some(IoBottleneck), Strategy::MonitoringAndMinorAdjustments),
            ([0.4, 0.599], None, Strategy::MonitoringAndMinorAdjustments),
            ([0.0, 0.399], Some(CpuOverload), Strategy::PreventiveOptimization),
            ([0.0, 0.399], Some(IoBottleneck), Strategy::PreventiveOptimization),
            ([0.0, 0.399], None, Strategy::PreventiveOptimization),
        ] {
            for severity in severities {
                assert_eq!(strategy(Severity(severity), cause, bands), expected, "{severity} {cause:?}");
            }
        }
    }
}

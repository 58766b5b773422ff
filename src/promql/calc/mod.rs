//! Arithmetic on plain numbers, with the exact habits of Prometheus: how it sums, what it does with NaN and infinities.

pub(super) mod calendar;
pub(super) mod histogram;
mod mean;
mod number;
pub(super) mod over_time;
mod quantile;
pub(super) mod rank;
pub(super) mod rate;
pub(super) mod regression;
pub(super) mod scale;
mod window;

pub(super) use calendar::CivilTime;
pub(super) use mean::{Mean, Spread, Sum};
pub(super) use number::{count, float, millis, seconds, whole};
pub(super) use quantile::quantile;
pub(super) use window::Window;

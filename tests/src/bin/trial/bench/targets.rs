//! What each row has to reach: wall time as a part of that of `cp -a`, and of stock Kopia's, in the same run.

use super::data::DataSet;

/// The steps of every program, as the table names them.
pub(super) mod step {
    pub(in crate::bench) const COPY: &str = "cp -a";
    pub(in crate::bench) const FIRST: &str = "create, first";
    pub(in crate::bench) const UNCHANGED: &str = "create, unchanged";
    pub(in crate::bench) const CHANGED: &str = "create, 1 % changed";
    pub(in crate::bench) const ZSTD: &str = "create, zstd";
    pub(in crate::bench) const RESTORE: &str = "restore";
    pub(in crate::bench) const VERIFY: &str = "verify, all data";
}

/// At most this part of the wall time of `cp -a` of the same data.
pub(super) fn of_copy(set: DataSet, name: &str) -> Option<f64> {
    let [first, unchanged, restore, verify] = match set {
        DataSet::Small => [0.8, 0.15, 0.65, 0.25],
        DataSet::Tiny => [0.3, 0.12, 0.45, 0.2],
        DataSet::Large => [2.2, f64::INFINITY, 1.5, 0.5],
        DataSet::Versions => return None,
    };
    let most = match name {
        step::FIRST => first,
        step::UNCHANGED => unchanged,
        step::RESTORE => restore,
        step::VERIFY => verify,
        step::ZSTD if set == DataSet::Small => 1.8,
        _ => return None,
    };
    most.is_finite().then_some(most)
}

/// At most this part of the wall time of another program.
pub(super) fn of_other(program: &str, name: &str) -> f64 {
    match (program, name) {
        ("kopia", step::FIRST) => 0.35,
        ("kopia", step::RESTORE | step::VERIFY) => 0.2,
        ("kopia", step::UNCHANGED) => 0.4,
        _ => 1.0,
    }
}

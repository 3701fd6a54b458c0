//! What maintenance remembers, and its parameters.

use holdfast_repository::json::{from_slice, to_vec};
use holdfast_repository::maintenance::{MaintenanceParameters, Schedule, Task};

use crate::{Flood, Target};

pub(super) const SCHEDULE: Target = Target {
    name: "maintenance_schedule",
    run: |input| {
        super::json::round_trip::<Schedule>(input);
        if let Ok(schedule) = serde_json::from_slice::<Schedule>(input) {
            let _ = schedule.last_success(&[Task::SnapshotGc]);
        }
    },
    floods: &[
        Flood::new("{\"runs\":{\"a\":[", "{},", "{}]}}"),
        Flood::new("{\"runs\":{\"a\":[{\"extra\":[", "{},", "{}]}]}}"),
        Flood::new(
            "{\"runs\":{\"a\":[{\"extra\":[",
            "{\"data\":[[1]]},",
            "{}]}]}}",
        ),
        Flood::new(
            "{\"runs\":{\"a\":[{\"extra\":[{\"data\":[",
            "[[[[1]]]],",
            "1]}]}]}}",
        ),
        Flood::new(
            "{\"runs\":{\"a\":[{\"extra\":[{\"data\":[",
            "{\"\":{\"\":{\"\":1}}},",
            "1]}]}]}}",
        ),
        Flood::new("{\"runs\":{", "\"a\":[{}],", "\"b\":[]}}"),
    ],
};

pub(super) const PARAMETERS: Target = Target {
    name: "maintenance_parameters",
    run: |input| {
        let Ok(parameters) = from_slice::<MaintenanceParameters>(input) else {
            return;
        };
        let _ = parameters.log_retention.or_default();
        let text = to_vec(&parameters).unwrap_or_default();
        assert_eq!(from_slice(&text).ok(), Some(parameters));
    },
    floods: &[Flood::new("{\"owner\":\"a\"", ",\"quick\":{}", "}")],
};

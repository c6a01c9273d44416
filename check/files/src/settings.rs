//! The policy's settings from a file.

use serde_json::Value;
use skupper_access_manifest::place::Lines;
use skupper_access_manifest::settings;
use skupper_access_policy::settings::Settings;

use crate::input::{self, Input};

/// Reads the settings in a file, as JSON and checked.
///
/// # Errors
/// A line for each problem, with file, line and column where there is one.
pub fn read(input: &Input) -> Result<(Value, Settings), Vec<String>> {
    let name = input.name();
    let file = input::read(input).map_err(|unread| vec![unread.line(input)])?;
    let lines = Lines::of(&file.text);
    settings::read(&file.text).map_err(|problems| {
        let lines = problems.iter().map(|problem| match &problem.span {
            Some(span) => {
                let place = lines.place(span.start);
                format!("{name}:{}:{}: {}", place.line, place.column, problem.text)
            }
            None => format!("{name}: {}", problem.text),
        });
        lines.collect()
    })
}

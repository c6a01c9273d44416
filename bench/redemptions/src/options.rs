//! The command line of the benchmarks of the sidecar.

use std::path::PathBuf;

/// `[--quick] [--check] [--only SCENARIO] [--folder FOLDER] [BINARY]`.
pub struct Options {
    /// A glance instead of a measurement.
    pub is_quick: bool,
    /// Whether a missed goal is a failure.
    pub is_checked: bool,
    /// The one scenario to run.
    pub only: Option<String>,
    /// Where files go: on a disk.
    pub folder: PathBuf,
    /// The sidecar.
    pub binary: PathBuf,
}

impl Options {
    /// Reads the arguments of this process.
    ///
    /// # Errors
    /// One is unknown, or has no value.
    pub fn read(binary: &str) -> Result<Self, String> {
        let mut options = Self {
            is_quick: false,
            is_checked: false,
            only: None,
            folder: PathBuf::from("target"),
            binary: binary.into(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let missing = || format!("'{argument}' must be followed by a value");
                arguments.next().ok_or_else(missing)
            };
            match argument.as_str() {
                "--quick" => options.is_quick = true,
                "--check" => options.is_checked = true,
                "--only" => options.only = Some(value()?),
                "--folder" => options.folder = value()?.into(),
                option if option.starts_with('-') => {
                    return Err(format!(
                        "the option '{option}' must be '--quick', '--check', '--only SCENARIO' or \
                         '--folder FOLDER'"
                    ));
                }
                _ => options.binary = argument.into(),
            }
        }
        Ok(options)
    }
}

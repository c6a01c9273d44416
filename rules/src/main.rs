//! Prints the pages of the policy's rules as JSON, for the playground and the rule reference.

use rule_pages::{PageError, of_policy, to_json};

fn main() -> Result<(), PageError> {
    println!("{}", to_json(&of_policy()?));
    Ok(())
}

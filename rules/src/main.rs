//! Prints every rule and its page as JSON, for the playground and the rule reference.

use rule_pages::{PageError, of_checks, of_policy, to_json};

fn main() -> Result<(), PageError> {
    let mut pages = of_policy()?;
    pages.extend(of_checks()?);
    println!("{}", to_json(&pages));
    Ok(())
}

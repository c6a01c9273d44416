//! Keys and values are found where they are written: every row of the table.

use serde_json::Value;
use skupper_access_manifest::place::Lines;
use skupper_access_manifest::reader::node::Target;
use skupper_access_manifest::reader::read;

#[test]
fn every_place_is_the_right_one_or_the_nearest_above() {
    let rows: Value =
        serde_json::from_str(include_str!("../../tests/yaml/positions.json")).unwrap();
    let mut wrong = Vec::new();
    for row in rows.as_array().unwrap() {
        let text = row["yaml"].as_str().unwrap();
        let index = usize::try_from(row["document"].as_u64().unwrap()).unwrap();
        let target = match row["target"].as_str().unwrap() {
            "key" => Target::Key,
            "value" => Target::Value,
            other => panic!("{other}"),
        };
        let documents = read(text);
        let document = documents[index].as_ref().unwrap();
        let span = document.span(row["pointer"].as_str().unwrap(), target);
        let lines = Lines::of(text);
        let (start, end) = (lines.place(span.start), lines.place(span.end));
        let found = serde_json::json!([start.line, start.column, end.line, end.column]);
        if found != row["at"] {
            wrong.push(format!("{}: {found}, not {}", row["name"], row["at"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

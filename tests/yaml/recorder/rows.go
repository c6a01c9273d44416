package main

import (
	"fmt"
	"strings"
)

const head = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\n"

// rows are the manifests of kubectl.json.
func rows() []Row {
	var rows []Row
	for _, scalar := range plainScalars {
		row := Row{Name: fmt.Sprintf("plain scalar: %s", scalar), YAML: head + "spec:\n  value: " + scalar + "\n"}
		text := scalar
		row.Scalar = &text
		rows = append(rows, row)
	}
	for _, value := range values {
		rows = append(rows, Row{Name: "value: " + value, YAML: head + "spec:\n  value: " + value + "\n"})
	}
	for _, key := range keys {
		rows = append(rows, Row{Name: "key: " + key, YAML: head + "spec:\n  " + key + ": a\n"})
	}
	for _, spec := range specs {
		rows = append(rows, Row{Name: spec[0], YAML: head + spec[1]})
	}
	for _, file := range files {
		rows = append(rows, Row{Name: file[0], YAML: file[1]})
	}
	return rows
}

var plainScalars = []string{
	"yes", "Yes", "YES", "yEs", "no", "No", "NO", "n", "N", "y", "Y", "on", "On", "ON", "oN", "off", "Off", "OFF",
	"true", "True", "TRUE", "tRue", "false", "False", "FALSE", "yes!", "nothing", "t", "f", "o",
	"~", "null", "Null", "NULL", "nUll", "", "~~", "nil", "none",
	"0", "1", "-1", "+1", "-0", "+0", "00", "007", "017", "-017", "+017", "08", "-08", "09.5", "0o17", "0O17", "-0o17", "0o18", "0o",
	"0x1F", "0X1f", "-0x1F", "+0x1F", "0x", "0xG", "0x1_F", "0x1F.8p1", "0x1p4", "0b11", "0B11", "-0b11", "+0b11", "0b12", "0b", "-0b", "0b-11", "0b+1", "0x-1", "0o-7", "0-7", "0_7", "0__7",
	"1_000", "1__000", "_1000", "1000_", "_", "-_1", "-1_000", "1_000.5", "1_0e1_0", "0_", "0x_1F", "0b_1", "0o_7", "+_",
	"3600", "3607", "9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993",
	"9223372036854775807", "9223372036854775808", "9223372036854775809", "-9223372036854775808", "-9223372036854775809",
	"18446744073709551615", "18446744073709551616", "+18446744073709551615", "+9223372036854775808", "18446744073709551614", "0xFFFFFFFFFFFFFFFF", "0x10000000000000000", "01777777777777777777777", "0b1111111111111111111111111111111111111111111111111111111111111111", "-0x8000000000000000",
	"99999999999999999999", "-99999999999999999999", "123456789012345678901234567890",
	"1.0", "1.5", "1.", ".5", "-.5", "+.5", ".", "..", "...x", ".5.", "1.5.2", "3.0", "-0.0", "0.0", "-1.5", "+1.5", "00.5", "1.10", "100.00",
	"1e3", "1E3", "1e+3", "1e-3", "1.e3", ".5e3", "1e", "e3", "1e3.5", "1e1_0", "12e03", "1e20", "1e21", "1e22", "-1e21", "1e-6", "1e-7", "123456789.125", "1.5e300", "1e400", "-1e400", "1e-400", "5e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "1.7976931348623159e308", "0e0", "0e5", "08e1", "0.1", "0.30000000000000004", "1e19", "9.2e18", "9223372036854775807.0", "9.223372036854775e18", "0x.8p1", ".e1", ".5e", ".1_0", "._5", ".0x1", ".5_5", ".5__5", ".5_", ".5_e1", ".5e_1", ".5e1_0", "1.5_e1", "+.5_", "0b-11", "0B-11", "-0b-11", "0b+-1",
	".inf", ".Inf", ".INF", "-.inf", "+.inf", "+.INF", ".iNf", "inf", "Infinity", "-inf", "+Inf", ".nan", ".NaN", ".NAN", "nan", "NaN", "-.nan", "+nan", "-infinity", ".infinity", "+.infinity",
	"1:30", "1:30:00", "190:20:30.15", "12:30:45", "08:30", "1:60",
	"2026-01-01", "2026-1-1", "2026-01-01T10:00:00Z", "2026-01-01t10:00:00Z", "2026-01-01 10:00:00", "2026-01-01 10:00:00.5", "2026-13-01", "2026-01-01T10:00:00+01:00", "2001-12-14 21:59:43.10 -5", "2026-", "2026-01",
	"1 day", "15m", "1h30m", "24h", "1,000", "1, 2", "1.000.000", "1 2", "+ 1", "1-2", "1+2", "5%", "$1",
	"=", "<<", "<", "a#b", "a:b", "a::b", ":a", "-a", "--a", "--", "?a", "a?", "a!", "a&b", "a*b", "a`b", "a@b", "a%b", "a|b", "a>b", "a'b", "a\"b", "a{b}", "a[b]", "a,b", "a\\nb", "/a", "(a)", "٣", "1٣", "ä", "日本", "😀", "a\u00a0b", "\u00a0", "a\u200bb", "a  b", "a\tb", "a \t b",
}

var values = []string{
	"- 1", "a: b:c", ">x", "a #b", "::", "1\t", "yes # a comment", "1 # a comment", "0.5 # a comment", "no\t# a comment",
	"\"017\"", "'017'", "\"yes\"", "'no'", "\"\"", "''", "\"null\"", "'~'", "\"1e3\"", "\"<<\"", "'it''s'", "\"it's\"", "'\"'", "'a\\nb'",
	"!!str 017", "!!str yes", "!!str", "!!str ~", "!!str 1e3", "!!int \"3\"", "!!int 3", "!!int 0x1F", "!!int three", "!!int 3.5", "!!int \"\"", "!!int 017", "!!int 9223372036854775808",
	"!!float 1", "!!float \"1\"", "!!float 1.5", "!!float x", "!!float .inf", "!!float 18446744073709551615", "!!bool yes", "!!bool \"no\"", "!!bool 1", "!!bool x", "!!null ~", "!!null \"\"", "!!null x", "!!null",
	"!!binary aGVsbG8=", "!!binary aGVsbG8", "!!binary \"aGVs bG8=\"", "!!binary /w==", "!!binary", "!!timestamp 2026-01-01", "!!timestamp x", "!!timestamp \"2026-01-01\"",
	"!custom 017", "!custom {a: 1}", "!custom [1]", "!custom \"017\"", "!custom ~", "!custom", "! 017", "! yes", "!!map {a: 1}", "!!seq [1]", "!!map [1]", "!!set {a, b}", "!!omap [a: 1]", "!<tag:yaml.org,2002:str> 017", "!<tag:yaml.org,2002:int> \"3\"", "!!unknown 017", "!e!x 1", "!!merge <<", "!!str [1]", "!!int {a: 1}",
	"{}", "[]", "{a: 1}", "{a: 1, b: [x, y], c: {d: e}}", "[1, 2, 3]", "[1, 2, ]", "{a: 1, }", "[,]", "{,}", "[a, , b]", "{a}", "{a, b: 1}", "{a:1}", "{a:1, b: 2}", "{\"a\":1}", "{'a':1}", "{\"a\": 1}", "{a: }", "{a:}", "{? a : 1}", "{? a}", "{: 1}", "[a: 1]", "[a: 1, b]", "[? a : 1]", "[? a]", "[: 1]", "[a:1]", "[\"a\":1]", "[[1], [2]]", "[{a: 1}, {b: 2}]", "{[1]: 2}", "{{a: 1}: 2}", "[a b, c d]", "{a: b c}", "[https://a.example/b]", "[https://a.example/b?c=d]", "{url: https://a.example/b?c=d}", "{url: https://a.example:9090/b}", "[a?, ?b]", "[-1, -a, - b]", "[yes, no, ~, 017]", "{yes: 017}", "[a, b", "{a: b", "[a, b]]", "{a: b}}", "{a: b} c", "[a] b", "[a]: b", "[1,2]", "{a: 1,b: 2}", "[a,b,c]", "{a: {b: {c: d}}}", "[\"a\", 'b', c]", "[a #b\n  ]", "[a, # comment\n    b]", "{a: 1, # comment\n    b: 2}", "{\n    a: 1\n  }", "{\n  a: 1\n}", "[\n1\n]", "[\n    1,\n    2\n  ]", "{ a: 1\n  , b: 2 }",
	"*x", "&x", "&x 1", "&x", "&x *y", "&", "*", "& 1", "@a", "`a", "%a", "|x", "]", "}", ",", ", a", "a: b", "a: ", "a:", "- a", "? a", "-", "?", ":", ": a", "# only a comment", "#a", "\"a\" b", "\"a\" # c", "\"a\"#c", "'a' b", "'a", "\"a", "\"a\"b\"", "'a'b'", "\"a\": b", "'a': b",
	"\"a\\nb\"", "\"a\\tb\"", "\"\\x41\\u00e4\\U0001F600\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\/\"", "\"\\0\\a\\b\\e\\f\\v\\r\\N\\_\\L\\P\\\"\\\\\"", "\"\\q\"", "\"\\x4\"", "\"\\u12\"", "\"\\ \"", "\"a\\\n   b\"", "\"a\n   b\"", "\"a\n\n   b\"", "\"a\nb\"", "'a\n   b'", "'a\n\n   b'", "'a\nb'", "\"a  \n   b\"", "\"\n   a\"", "\"a\n   \"", "\"\ta\"", "\"a\tb\"", "\"a\n\tb\"", "\"\\U00110000\"", "\"\\uFFFE\"", "\"\\'\"", "\"\\\t\"",
	"a\n    b", "a\n  b", "a\n\n    b", "a\n    b\n    c", "a\n    b: c", "a\n    # comment\n    b", "a # comment\n    b", "a\n    - b", "\n    a", "\n    a\n    b", "\n    - a\n    - b", "\n  - a\n  - b", "\n  -a", "\n    a: 1\n    b: 2", "\n    - a: 1\n      b: 2\n    - c", "\n    -\n      a: 1", "\n    - - a\n      - b", "\n    ? a\n    : b", "\n    ? a", "\n    ? [1]\n    : b", "\n    !!str\n    017", "\n    &x\n    017", "&x\n    a: 1", "!!map\n    a: 1", "!!str &x 017", "&x !!str 017", "!!str !!int 3", "&x &y 3",
	"|\n    a\n    b", "|-\n    a\n    b", "|+\n    a\n\n", ">\n    a\n    b", ">-\n    a\n\n    b", ">+\n    a\n\n", "|2\n    a", "|1\n   a", "|9\n    a", "|0\n    a", "|2-\n    a", "|-2\n    a", "|+1\n   a\n\n", "|10\n    a", "|--\n    a", "|\n", "|", "|-", ">", "|  # comment\n    a", "|# comment\n    a", "| a", "|\n\n\n    a", "|\n    a\n   b", "|\n      a\n    b", "|\n    a\n      b\n    c", ">\n    a\n      b\n    c", ">\n    a\n\n\n    b\n", "|\n    \ta", "|\n\ta", "|\n    a\n  # comment", "|\n    a\n    # no comment", "|\n    a: b\n    - c", "!!str |\n    017", "!!int |\n    3", "!!int |-\n    3", "|-\n    017", "|\n   \n    a", "|\n     \n    a", ">\n\n    a", ">2\n     a\n     b", "|\n  a", "|\n a",
}

var keys = []string{
	"yes", "no", "on", "true", "~", "null", "1", "-1", "017", "0x1F", "1_000", "1.5", "1e3", "1e21", "0.1", "1e-7", "1.0", ".5", "123456.789", "16777217.0", "0.30000000000000004", ".inf", "-.inf", ".nan", "9223372036854775807", "9223372036854775808", "18446744073709551616", "2026-01-01", "1:30",
	"\"yes\"", "'1'", "\"\"", "!!str 1", "!!int \"1\"", "!!str yes", "!!binary aGk=", "!custom 1", "? b", "? [a]", "? {a: 1}", "[a]", "{a: 1}", "&x b", "*x", "a b", "a:b", "a#b", "-a", "?a", ":a", "@a", "a ", "a\t", "\"a\" ", "\"a\\nb\"", "\"a\n    b\"", "b\n  c", "<<", "!!merge <<", "\"<<\"", "=", "a.b/c", "日本", strings.Repeat("a", 128), strings.Repeat("a", 1023), strings.Repeat("a", 1024), strings.Repeat("a", 1025), "\"" + strings.Repeat("a", 1025) + "\"",
}

// specs are rows that begin with an object's head.
var specs = [][2]string{
	{"duplicate key: the last wins", "spec:\n  a: 1\n  a: 2\n"},
	{"duplicate key: the last wins, although it is null", "spec:\n  a: 1\n  a:\n"},
	{"duplicate key: whole mappings are not merged", "spec: {a: 1}\nspec: {b: 2}\n"},
	{"duplicate key: quoted and plain", "spec:\n  a: 1\n  \"a\": 2\n"},
	{"duplicate key of the kind", "kind: ConfigMap\napiVersion: v1\nspec: {}\n"},
	{"anchor and alias", "spec:\n  a: &x 1 day\n  b: *x\n"},
	{"anchor on a mapping", "spec:\n  a: &x {b: 1}\n  c: *x\n"},
	{"anchor on a block mapping", "spec:\n  a: &x\n    b: 1\n  c: *x\n"},
	{"anchor on a sequence", "spec:\n  a: &x [1, 2]\n  c: *x\n"},
	{"anchor defined twice", "spec:\n  a: &x 1\n  b: &x 2\n  c: *x\n"},
	{"alias before its anchor", "spec:\n  a: *x\n  b: &x 1\n"},
	{"alias of what holds it", "spec: &x\n  a: *x\n"},
	{"alias of a list that holds it", "spec: &x\n  - *x\n"},
	{"alias as a key", "spec:\n  a: &x b\n  *x : 1\n"},
	{"alias as a key without a blank", "spec:\n  a: &x b\n  *x: 1\n"},
	{"alias of a tagged scalar", "spec:\n  a: &x !!str 017\n  b: *x\n"},
	{"alias with odd letters", "spec:\n  a: &x-1_y 1\n  b: *x-1_y\n"},
	{"alias with a dot", "spec:\n  a: &x.y 1\n  b: *x.y\n"},
	{"alias in other letters", "spec:\n  a: &ä 1\n  b: *ä\n"},
	{"alias in a list", "spec:\n  a: &x 1\n  b: [*x, *x]\n"},
	{"alias with a tag", "spec:\n  a: &x 1\n  b: !!str *x\n"},
	{"alias with an anchor", "spec:\n  a: &x 1\n  b: &y *x\n"},
	{"anchor at the key", "spec:\n  &x a: 1\n  b: *x\n"},
	{"anchor of another document", "spec:\n  a: &x 1\n---\n" + head + "spec:\n  a: *x\n"},
	{"merge", "base: &x {a: 1, b: 2}\nspec:\n  <<: *x\n  c: 3\n"},
	{"merge: a key behind it wins", "base: &x {a: 1, b: 2}\nspec:\n  <<: *x\n  a: 3\n"},
	{"merge: a key before it", "base: &x {a: 1, b: 2}\nspec:\n  a: 3\n  <<: *x\n"},
	{"merge of a mapping that is written there", "spec:\n  <<: {a: 1}\n  b: 2\n"},
	{"merge of several", "base: &x {a: 1, b: 2}\nmore: &y {b: 3, c: 4}\nspec:\n  <<: [*x, *y]\n"},
	{"merge of several, one written there", "base: &x {a: 1, b: 2}\nspec:\n  <<: [*x, {b: 5, d: 6}]\n"},
	{"merge twice", "base: &x {a: 1, b: 2}\nmore: &y {b: 3, c: 4}\nspec:\n  <<: *x\n  <<: *y\n"},
	{"merge of a merge", "base: &x {a: 1}\nmore: &y\n  <<: *x\n  b: 2\nspec:\n  <<: *y\n  c: 3\n"},
	{"merge of a scalar", "spec:\n  <<: 1\n"},
	{"merge of null", "spec:\n  <<:\n  a: 1\n"},
	{"merge of an alias of a scalar", "base: &x 1\nspec:\n  <<: *x\n"},
	{"merge of an alias of a list", "base: &x [{a: 1}]\nspec:\n  <<: *x\n"},
	{"merge of a list of scalars", "spec:\n  <<: [1]\n"},
	{"merge of an empty list", "spec:\n  <<: []\n  a: 1\n"},
	{"merge in quotes is a key", "spec:\n  \"<<\": {a: 1}\n"},
	{"merge with a tag", "spec:\n  !!merge <<: {a: 1}\n"},
	{"merge with the tag of a string", "spec:\n  !!str <<: {a: 1}\n"},
	{"merge as a value", "spec:\n  a: <<\n"},
	{"merge in a flow mapping", "base: &x {a: 1}\nspec: {<<: *x, b: 2}\n"},
	{"merge of itself", "spec: &x\n  <<: *x\n"},
	{"merge: the nested mapping is replaced", "base: &x {a: {b: 1}}\nspec:\n  <<: *x\n  a: {c: 2}\n"},
	{"keys of different types that print alike", "spec:\n  true: 1\n"},
	{"comments everywhere", "# a\nspec: # b\n  # c\n  a: 1 # d\n# e\n"},
	{"comment right behind the value", "spec:\n  a: 1# no comment\n"},
	{"comment at the left margin in a list", "spec:\n  a:\n# comment\n  - 1\n# comment\n  - 2\n"},
	{"tab before a comment", "spec:\n  a: 1\t# comment\n"},
	{"tab after the colon", "spec:\n  a:\t1\n"},
	{"tab after the dash", "spec:\n  a:\n    -\t1\n"},
	{"tab as indentation", "spec:\n\ta: 1\n"},
	{"tab as indentation behind blanks", "spec:\n  \ta: 1\n"},
	{"tab in an empty line", "spec:\n  a: 1\n\t\n  b: 2\n"},
	{"tab behind a value", "spec:\n  a: 1\t\n"},
	{"tab in a flow mapping", "spec: {\n\ta: 1,\n\tb: 2\n\t}\n"},
	{"tab before a key in a list item", "spec:\n  -\ta: 1\n"},
	{"tab before the colon", "spec:\n  a\t: 1\n"},
	{"tab before a comment line", "spec:\n\t# comment\n  a: 1\n"},
	{"blank before the colon", "spec:\n  a : 1\n"},
	{"wrong indentation", "spec:\n  a: 1\n b: 2\n"},
	{"wrong indentation, deeper", "spec:\n  a: 1\n    b: 2\n"},
	{"list below its key at the same depth", "spec:\nitems2:\n- 1\n- 2\nlast: 3\n"},
	{"two keys in a line", "spec: a: 1\n"},
	{"no blank behind the colon", "spec:\n  a:1\n"},
	{"no blank behind the dash", "spec:\n  a:\n    -1\n    -2\n"},
	{"list and mapping mixed", "spec:\n  - a\n  b: 1\n"},
	{"mapping and list mixed", "spec:\n  b: 1\n  - a\n"},
	{"Windows line ends", "spec:\r\n  a: 1\r\n  b: \"x\r\n    y\"\r\n  c: |\r\n    d\r\n    e\r\n"},
	{"Windows line ends in part", "spec:\n  a: 1\r\n  b: |\r\n    c\n    d\r\n"},
	{"lone carriage return", "spec:\n  a: 1\r  b: 2\r"},
	{"next line as a line end", "spec:\n  a: 1\u0085  b: 2\n"},
	{"line separator as a line end", "spec:\n  a: 1\u2028  b: 2\n"},
	{"line separator in quotes", "spec:\n  a: \"x\u2028y\"\n"},
	{"paragraph separator in a block", "spec:\n  a: |\n    x\u2029    y\n"},
	{"next line in a block", "spec:\n  a: |\n    x\u0085    y\n"},
	{"form feed", "spec:\n  a: x\u000cy\n"},
	{"NUL", "spec:\n  a: x\u0000y\n"},
	{"NUL in quotes", "spec:\n  a: \"x\u0000y\"\n"},
	{"NUL at the end", "spec:\n  a: x\n\u0000"},
	{"DEL", "spec:\n  a: x\u007fy\n"},
	{"escape", "spec:\n  a: x\u001by\n"},
	{"C1 control", "spec:\n  a: x\u009by\n"},
	{"byte order mark inside", "spec:\n  a: x\ufeffy\n"},
	{"byte order mark before a later document", "spec: {a: 1}\n---\n\ufeff" + head + "spec: {a: 2}\n"},
	{"noncharacter", "spec:\n  a: x\uffffy\n"},
	{"no line end at the end", "spec:\n  a: 1"},
	{"no line end behind a block", "spec:\n  a: |\n    x"},
	{"no line end behind a folded block", "spec:\n  a: >\n    x"},
	{"no line end behind a kept block", "spec:\n  a: |+\n    x"},
	{"empty lines at the end", "spec:\n  a: 1\n\n\n"},
	{"100 deep in flow", "spec: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\n"},
	{"100 deep in block", "spec:\n" + deep(100)},
	{"10001 deep in flow", "spec: " + strings.Repeat("[", 10001) + strings.Repeat("]", 10001) + "\n"},
	{"an alias bomb", bomb()},
	{"a long plain scalar", "spec:\n  a: " + strings.Repeat("x", 5000) + "\n"},
	{"document end", "spec: {a: 1}\n...\n"},
	{"document end and more", "spec: {a: 1}\n...\n" + head + "spec: {a: 2}\n"},
	{"document end and a new document", "spec: {a: 1}\n...\n---\n" + head + "spec: {a: 2}\n"},
	{"document end and rubbish", "spec: {a: 1}\n...\n]]]\n"},
	{"document end with a comment", "spec: {a: 1}\n... # end\n"},
	{"several documents", "spec: {a: 1}\n---\n" + head + "spec: {a: 2}\n"},
	{"several documents, the last empty", "spec: {a: 1}\n---\n"},
	{"several documents, empty ones between", "spec: {a: 1}\n---\n---\n\n---\n# nothing\n---\n" + head + "spec: {a: 2}\n"},
	{"several documents, null between", "spec: {a: 1}\n---\nnull\n---\n~\n---\n" + head + "spec: {a: 2}\n"},
	{"several documents, the second broken", "spec: {a: 1}\n---\na: [\n---\n" + head + "spec: {a: 2}\n"},
	{"several documents, blanks behind the dashes", "spec: {a: 1}\n---  \t\n" + head + "spec: {a: 2}\n"},
	{"several documents, comment behind the dashes", "spec: {a: 1}\n--- # next\n" + head + "spec: {a: 2}\n"},
	{"several documents, comment close to the dashes", "spec: {a: 1}\n---# next\n" + head + "spec: {a: 2}\n"},
	{"several documents, with Windows line ends", "spec: {a: 1}\r\n---\r\n" + head + "spec: {a: 2}\r\n"},
	{"dashes with content in the line", "spec: {a: 1}\n--- {apiVersion: v1, kind: ConfigMap}\n"},
	{"four dashes", "spec: {a: 1}\n----\n" + head + "spec: {a: 2}\n"},
	{"dashes and a letter", "spec: {a: 1}\n---a\n"},
	{"dashes inside a block scalar", "spec:\n  a: |\n    ---\n    b\n"},
	{"dashes at the margin inside quotes", "spec:\n  a: \"b\n---\n    c\"\n"},
	{"dashes indented", "spec: {a: 1}\n ---\nb: 2\n"},
	{"PEM at the margin", "spec:\n  ca: |\n-----BEGIN CERTIFICATE-----\n"},
	{"PEM in a block", "spec:\n  ca: |\n    -----BEGIN CERTIFICATE-----\n    AAAA\n    -----END CERTIFICATE-----\n"},
	{"items make a list", "items: []\n"},
	{"items of null", "items:\nspec: {a: 1}\n"},
	{"null in lists", "spec:\n  - ~\n  -\n  - null\n"},
	{"empty keys", "spec:\n  : 1\n"},
	{"question mark with a null value", "spec:\n  ? a\n  b: 1\n"},
	{"question mark and colon", "spec:\n  ? a\n  : 1\n  ? b\n  : - c\n"},
	{"key with quotes", "\"spec\": {\"a\": 1, 'b': 2}\n"},
	{"root in flow style behind block keys", "{a: 1}\n"},
	{"a key of two lines", "spec:\n  \"a\n  b\": 1\n"},
	{"sequence in a sequence on one line", "spec:\n  - - 1\n    - 2\n  - - 3\n"},
	{"mapping in a sequence on one line", "spec:\n  - a: 1\n    b: 2\n  - a: 3\n"},
	{"a key without a value at the end", "spec:\n  a:"},
	{"a comment at the end without line end", "spec:\n  a: 1 # c"},
}

// files are rows that stand for themselves.
var files = [][2]string{
	{"nothing", ""},
	{"only a line end", "\n"},
	{"only blanks", "   \n"},
	{"only a comment", "# nothing\n"},
	{"only dashes", "---\n"},
	{"only dashes, twice", "---\n---\n"},
	{"only null", "null\n"},
	{"dashes first", "---\n" + head + "spec: {a: 1}\n"},
	{"comment and dashes first", "# a\n---\n" + head + "spec: {a: 1}\n"},
	{"dashes first, with content", "--- {apiVersion: v1, kind: ConfigMap}\n"},
	{"dashes first, with a comment", "--- # first\n" + head},
	{"a version directive", "%YAML 1.1\n---\n" + head},
	{"a newer version directive", "%YAML 1.2\n---\n" + head},
	{"a tag directive", "%TAG !e! tag:example.com,2026:\n---\n" + head},
	{"an unknown directive", "%FOO bar\n---\n" + head},
	{"byte order mark", "\ufeff" + head + "spec: {a: 1}\n"},
	{"byte order mark and dashes", "\ufeff---\n" + head + "spec: {a: 1}\n"},
	{"byte order mark and JSON", "\ufeff{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\"}"},
	{"indented root", "  apiVersion: v1\n  kind: ConfigMap\n"},
	{"tab before everything", "\tapiVersion: v1\nkind: ConfigMap\n"},
	{"flow root", "{apiVersion: v1, kind: ConfigMap, data: {a: 017}}\n"},
	{"flow root and another document", "{apiVersion: v1, kind: ConfigMap}\n---\n" + head + "spec: {a: 017}\n"},
	{"JSON", "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"data\": {\"a\": \"b\"}}\n"},
	{"JSON over several lines, with tabs", "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"ConfigMap\",\n\t\"data\": {\n\t\t\"a\": \"b\"\n\t}\n}\n"},
	{"JSON without blanks", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":{\"a\":[1,2.0,1e3,-0,1E400000]}}"},
	{"JSON numbers", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":[1,1.0,1e3,-0,0.1,1e21,9223372036854775807,9223372036854775808,18446744073709551616,-0.0,1E5,1.5e-7]}"},
	{"JSON escapes", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":\"\\u0041\\/\\ud83d\\ude00\\n\\\"\\\\\\t\\b\\f\\r\"}"},
	{"JSON with a lone surrogate", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":\"a\\ud83db\"}"},
	{"JSON with duplicate keys", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":{\"a\":1,\"a\":2}}"},
	{"JSON with DEL and C1 control", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":\"\u007f\u009b\"}"},
	{"JSON with a trailing comma is YAML", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":{\"a\":017,},}"},
	{"JSON with a comment is YAML", "{\"apiVersion\": \"v1\", # comment\n\"kind\": \"ConfigMap\", \"data\": yes}"},
	{"JSON keys are not merged", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"<<\":{\"a\":1}}"},
	{"JSON, twice", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}\n{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":2}\n"},
	{"JSON, twice in a line", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}"},
	{"JSON, then YAML", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}\n---\n" + head + "spec: {a: 017}\n"},
	{"JSON, then JSON behind dashes", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}\n---\n{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}\n"},
	{"JSON twice, then YAML", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}\n{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}\n---\n" + head},
	{"JSON, then YAML in the same line", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"} a: 1\n"},
	{"JSON, then null", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}\nnull\n"},
	{"JSON behind dashes", "---\n{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":{\"a\":\"\\/\"}}\n"},
	{"JSON behind dashes, with tabs", "---\n{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"ConfigMap\"\n}\n"},
	{"JSON behind blanks and lines", " \n\n  {\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\"}\n"},
	{"JSON cut off", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\""},
	{"a scalar", "hello\n"},
	{"a number", "1\n"},
	{"a list", "- a\n"},
	{"a list in flow style", "[a]\n"},
	{"no kind", "apiVersion: v1\n"},
	{"an empty mapping", "{}\n"},
	{"a kind that is a number", "apiVersion: v1\nkind: 1\n"},
	{"List", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  data: {a: 1}\n- " + strings.ReplaceAll(strings.TrimSuffix(head, "\n"), "\n", "\n  ") + "\n"},
	{"List of nothing", "apiVersion: v1\nkind: List\nitems: []\n"},
	{"List in a List", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: ConfigMap}\n"},
	{"List of a kind", "apiVersion: skupper.io/v2alpha1\nkind: AccessGrantList\nitems:\n- metadata: {name: west}\n  spec: {a: 1}\n- apiVersion: skupper.io/v2alpha1\n  kind: AccessGrant\n  metadata: {name: east}\n"},
	{"List in JSON", "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}]}"},
	{"List with something that is no object", "apiVersion: v1\nkind: List\nitems: [1]\n"},
	{"List with items of another type", "apiVersion: v1\nkind: List\nitems: {}\n"},
	{"an object with items", "apiVersion: v1\nkind: ConfigMap\nitems:\n- {apiVersion: v1, kind: ConfigMap, data: 1}\n"},
}

func deep(levels int) string {
	var text strings.Builder
	for level := range levels {
		text.WriteString(strings.Repeat(" ", level+1) + "a:\n")
	}
	return text.String()
}

func bomb() string {
	text := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for letter := 'b'; letter <= 'h'; letter++ {
		before := string(letter - 1)
		text += fmt.Sprintf("%c: &%c [%s]\n", letter, letter, strings.TrimSuffix(strings.Repeat("*"+before+", ", 10), ", "))
	}
	return text
}

// byteRows are the manifests of kubectl-bytes.json.
func byteRows() []Row {
	text := head + "spec: {a: ä}\n"
	return []Row{
		{Name: "UTF-16, little end first, with a byte order mark", Bytes: utf16(text, false, true)},
		{Name: "UTF-16, big end first, with a byte order mark", Bytes: utf16(text, true, true)},
		{Name: "UTF-16 without a byte order mark", Bytes: utf16(text, false, false)},
		{Name: "Latin-1", Bytes: []byte(head + "spec: {a: \xe4}\n")},
		{Name: "a byte that is no UTF-8, in quotes", Bytes: []byte(head + "spec: {a: \"\xff\"}\n")},
		{Name: "a byte that is no UTF-8, in a comment", Bytes: []byte(head + "# \xff\nspec: {a: 1}\n")},
		{Name: "a surrogate in UTF-8", Bytes: []byte(head + "spec: {a: \xed\xa0\x80}\n")},
		{Name: "a cut-off character", Bytes: []byte(head + "spec: {a: 1}\n# \xc3")},
		{Name: "a byte that is no UTF-8, in JSON", Bytes: []byte("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"data\":\"\xff\"}")},
	}
}

func utf16(text string, isBig, hasMark bool) []byte {
	var bytes []byte
	if hasMark {
		text = "\ufeff" + text
	}
	for _, unit := range text {
		high, low := byte(unit>>8), byte(unit)
		if isBig {
			bytes = append(bytes, high, low)
		} else {
			bytes = append(bytes, low, high)
		}
	}
	return bytes
}

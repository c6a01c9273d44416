#!/usr/bin/env bats
# Runs the annotated module with kwctl, as Kubewarden's own policies are tested. kwctl prints one
# line of JSON and ends with status 0 for what is allowed and for what is refused. The recorded
# AdmissionReviews are those of a real API server.

bats_require_minimum_version 1.5.0

# The request in a file, judged with settings in JSON ({} when none are named). Logs go to standard
# error and are no part of the output.
review() {
  run --separate-stderr kwctl run annotated-policy.wasm --request-path "$1" --settings-json "${2:-{\}}"
  echo "output: $output"
  echo "stderr: $stderr"
}

allowed() {
  [ "$status" -eq 0 ]
  [ "$(jq -r .allowed <<<"$output")" = true ]
}

# refused CODE TEXT: the HTTP status, and a part of the message
refused() {
  [ "$status" -eq 0 ]
  [ "$(jq -r .allowed <<<"$output")" = false ]
  [ "$(jq -r .status.code <<<"$output")" = "$1" ]
  [[ "$(jq -r .status.message <<<"$output")" == *"$2"* ]]
  unchanged
}

unchanged() {
  [ "$(jq -r '.patch // empty' <<<"$output")" = "" ]
}

# patched POINTER VALUE: the patch writes this JSON value there, alone or as part of spec
patched() {
  jq -r .patch <<<"$output" | base64 -d \
    | jq -e --arg pointer "$1" --argjson value "$2" 'any(.[];
        (.path == $pointer and .value == $value)
        or (.path == "/spec" and .value[$pointer | ltrimstr("/spec/")] == $value))'
}

warned() {
  jq -e --arg text "$1" '[.warnings[]?] | any(contains($text))' <<<"$output"
}

@test "a grant that leaves everything out is completed" {
  review tests/reviews/02-accessgrant-create-min.json
  allowed
  patched /spec/redemptionsAllowed 1
  patched /spec/expirationWindow '"15m"'
}

@test "a grant without spec is completed" {
  review tests/reviews/03-accessgrant-create-nospec.json
  allowed
  patched /spec/redemptionsAllowed 1
  patched /spec/expirationWindow '"15m"'
}

@test "the defaults of the settings are filled in" {
  review tests/reviews/02-accessgrant-create-min.json \
    '{"accessGrant": {"defaultRedemptionsAllowed": 2, "defaultExpirationWindow": "1 hour"}}'
  allowed
  patched /spec/redemptionsAllowed 2
  patched /spec/expirationWindow '"1h"'
}

@test "a grant that names everything is allowed as it is" {
  review tests/reviews/01-accessgrant-create.json
  allowed
  unchanged
}

@test "a window in days is refused with the text to write, and the code stays secret" {
  review tests/e2e/access-grant-one-day.json
  refused 422 "must be a Go duration: write '24h'"
  [[ "$output" != *kept-out-of-every-message* ]]
}

@test "a window in days is rewritten where the settings say so" {
  review tests/e2e/access-grant-one-day.json '{"accessGrant": {"rewriteWindows": true}}'
  allowed
  patched /spec/expirationWindow '"24h"'
  warned "write '24h'"
}

@test "a window above the maximum is refused" {
  review tests/reviews/01-accessgrant-create.json '{"accessGrant": {"maxExpirationWindow": "20m"}}'
  refused 422 "must be at most '20m'"
}

@test "a token is completed" {
  review tests/e2e/access-token.json
  allowed
  patched /spec/linkCost 1
}

@test "a token for a host that is not allowed is refused, and its code stays secret" {
  review tests/e2e/access-token.json '{"accessToken": {"allowedHosts": ["*.example.org"]}}'
  refused 422 "host 'grants.west.example.com' is not in the allowed hosts"
  [[ "$output" != *kept-out-of-every-message* ]]
}

@test "a token whose ca is no certificate is refused" {
  review tests/reviews/14-accesstoken-create.json
  refused 422 "spec.ca: Invalid value"
}

@test "a warning can be made a refusal, and a refusal a warning" {
  review tests/reviews/24-token-default.json
  allowed
  warned "spec.audiences: Required value"
  review tests/reviews/24-token-default.json '{"rules": {"audience-missing": "deny"}}'
  refused 422 "spec.audiences: Required value"
  review tests/reviews/40-token-599.json '{"rules": {"expiration-range": "warn"}}'
  allowed
  warned "must be from 600 to 4294967296 seconds"
}

@test "a kubelet gets its token whatever the settings" {
  review tests/reviews/31-token-kubelet-projected.json \
    '{"tokenRequest": {"maxExpirationSeconds": 3600, "allowedAudiences": ["vault"]}}'
  allowed
  unchanged
}

@test "a lifetime above the maximum is refused, or lowered" {
  review tests/reviews/25-token-duration.json '{"tokenRequest": {"maxExpirationSeconds": 3600}}'
  refused 422 "must be at most 3600 seconds"
  review tests/reviews/25-token-duration.json \
    '{"tokenRequest": {"maxExpirationSeconds": 3600, "overlong": "clamp"}}'
  allowed
  patched /spec/expirationSeconds 3600
}

@test "status updates and deletions pass" {
  for request in 11-accessgrant-status-update 13-accessgrant-delete 19-accesstoken-status-update 20-accesstoken-delete; do
    review "tests/reviews/$request.json"
    allowed
    unchanged
  done
}

@test "without defaulting nothing is changed" {
  review tests/reviews/02-accessgrant-create-min.json '{"defaulting": false}'
  allowed
  unchanged
}

@test "settings that contradict themselves are refused, every problem at once" {
  review tests/reviews/01-accessgrant-create.json \
    '{"accessgrant": {}, "tokenRequest": {"maxExpirationSeconds": 3607}}'
  [ "$status" -ne 0 ]
  [[ "$output$stderr" == *"did you mean 'accessGrant'?"* ]]
  [[ "$output$stderr" == *"may not be 3607"* ]]
}

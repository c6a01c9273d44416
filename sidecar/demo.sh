#!/usr/bin/env bash
# Two sites on one machine: a service that redeems, a redeemer, a link that is renewed and taken back, and the
# redemption with openssl and curl.
# Everything lies in a temporary folder and is removed at the end.
# Usage: sidecar/demo.sh PATH-OF-THE-BINARY
set -euo pipefail

sidecar=$(realpath "${1:?name the binary}")
for tool in openssl curl; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install $tool" >&2; exit 1; }
done
folder=$(mktemp -d)
served=
end() {
    [ -z "$served" ] || { kill "$served" && wait "$served" || true; } 2>/dev/null
    rm -rf "$folder"
}
trap end EXIT
cd "$folder"
exec 2>&1
export PATH="$folder/bin:$PATH"
mkdir bin && ln -s "$sidecar" bin/redemption-sidecar
url=https://127.0.0.1:19090

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }
# The value of a field in a Secret, decoded.
field() { sed -n "s/^  $1: //p" "$2" | base64 -d; }
# The text of a field of a token.
token() { sed -n "s/^  $1: \"\(.*\)\"$/\1/p" "$2"; }
# Long values, such as keys, cut.
short() { sed -E 's/^(  (ca|tls)\.(crt|key): .{24}).*/\1.../; s/^(  code: ").*/\1..."/; /^    [A-Za-z0-9+\/=]{20,}$/d' "$@"; }

# All of it is on loopback, where no proxy leads to.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1

say 'The site that others link to serves its redemptions'
printf '$ redemption-sidecar serve --init --url %s --data data &\n' "$url"
redemption-sidecar serve --init --url "$url" --data data \
    --listen 127.0.0.1:19090 --metrics-listen 127.0.0.1:19180 2>log &
served=$!
for _ in $(seq 100); do
    curl -s -o ready http://127.0.0.1:19180/readyz && break
    kill -0 "$served" 2>/dev/null || { cat log >&2; exit 1; }
    sleep 0.1
done
cat log ready

say 'It makes a grant that can be redeemed once, and a token for it'
run redemption-sidecar issue west --data data -o west.yaml
short west.yaml

say 'The other site redeems the token'
run redemption-sidecar redeem west.yaml --out link
short link/Secret-west.yaml
cat link/Link-west.yaml

say 'The certificate is one for clients, by the CA of the site'
field ca.crt link/Secret-west.yaml > ca.pem
field tls.crt link/Secret-west.yaml > tls.pem
run openssl verify -purpose sslclient -CAfile ca.pem tls.pem
openssl x509 -in tls.pem -noout -subject -issuer -dates -ext extendedKeyUsage

say 'The grant afterwards'
run redemption-sidecar show west --data data

say 'Redeeming again costs nothing: what is there is enough, and the same key is the same redemption'
run redemption-sidecar redeem west.yaml --out link
redemption-sidecar list --data data

say 'Another key is refused: the grant is spent'
if run redemption-sidecar redeem west.yaml --out elsewhere; then exit 1; fi

say 'The link is renewed: a new key, and a certificate with the same first 20 digits, which are the id of the link'
field tls.crt link/Secret-west.yaml > before.pem
run redemption-sidecar renew west --out link --force
field tls.crt link/Secret-west.yaml > after.pem
paste <(openssl x509 -in before.pem -noout -serial) <(openssl x509 -in after.pem -noout -serial)
if cmp -s <(openssl x509 -in before.pem -noout -pubkey) <(openssl x509 -in after.pem -noout -pubkey); then
    echo 'the key is still the old one' >&2
    exit 1
fi
field ca.crt link/Secret-west.yaml > ca.pem
run openssl verify -purpose sslclient -CAfile ca.pem after.pem
run redemption-sidecar list --links --data data

say 'It is taken back: nobody renews it any more'
run redemption-sidecar revoke west --data data
if run redemption-sidecar renew west --out link --force; then exit 1; fi
run redemption-sidecar list --links --data data

say 'The same with openssl and curl alone'
run redemption-sidecar issue east --data data -o east.yaml
token code east.yaml | tr -d '\n' > code
sed -n 's/^    //p' east.yaml > server-ca.pem
run openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=any \
    -keyout east.key -outform DER -out east.csr 2>/dev/null
printf '$ curl --data-binary @code -H "certificate-request: $(base64 -w0 east.csr)" %s/...\n' "$url"
redeem() {
    curl -sS --cacert server-ca.pem --data-binary @code -H 'name: east' \
        -H "certificate-request: $(base64 -w0 east.csr)" "$(token url east.yaml)"
}
redeem > answer.yaml
short answer.yaml
field ca.crt answer.yaml > ca.pem
field tls.crt answer.yaml > tls.pem
run openssl verify -purpose sslclient -CAfile ca.pem tls.pem
say 'and once more, with the same key: the same certificate number, no count'
redeem > again.yaml
field tls.crt again.yaml > again.pem
openssl x509 -in tls.pem -noout -serial | tee serial
openssl x509 -in again.pem -noout -serial | tee serial-again
cmp serial serial-again
redemption-sidecar list --data data

say 'What the service logged'
grep --only-matching -E '(redemption grant|renewal link)=.*' log

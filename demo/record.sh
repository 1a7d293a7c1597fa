#!/bin/sh
# record.sh - records demo/access.log.gz again: a real nginx on loopback, real requests, bounded.
#
# usage: demo/record.sh [FILE]     (default: demo/access.log.gz)
#
# Needs nginx, curl and ab (Debian: apt-get install nginx-light apache2-utils curl) and python3.
# Needs no root: the server runs from a temporary directory, which is removed at the end.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/access.log.gz}
port=${PORT:-18080}
back=${BACK:-18081}
url=http://127.0.0.1:$port

for tool in nginx curl ab python3; do
    command -v "$tool" >/dev/null || { echo "record.sh: $tool is missing" >&2; exit 1; }
done

dir=$(mktemp -d)
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# What there is to ask for.
mkdir -p "$dir/www/docs" "$dir/www/img" "$dir/www/assets" "$dir/www/account" "$dir/www/private" \
    "$dir/www/upload" "$dir/tmp"
chmod 755 "$dir" # nginx's worker may be another user
chmod 777 "$dir/www/upload" "$dir/tmp"
for page in index install faq returns prices contact terms; do
    seq -f "<p>$page, paragraph %g</p>" 1 $((${#page} * 40)) >"$dir/www/docs/$page.html"
done
echo '<h1>shop</h1>' | tee "$dir/www/index.html" "$dir/www/search.html" >"$dir/www/account/index.html"
for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
    head -c $((i * 9000 + 700)) /dev/zero >"$dir/www/img/$i.png"
done
seq 1 400 >"$dir/www/assets/app.js"
seq 1 90 >"$dir/www/assets/site.css"
echo 'for staff' >"$dir/www/private/notes.txt"
printf 'staff:%s\n' '{PLAIN}berth' >"$dir/users"

sed -e "s|@DIR@|$dir|g" -e "s|@PORT@|$port|g" -e "s|@BACK@|$back|g" \
    "$here/recording/nginx.conf.in" >"$dir/nginx.conf"
nginx -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf" &
server=$!
tries=0
until curl -s -o /dev/null "$url/healthz"; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || { echo "record.sh: nginx does not answer" >&2; exit 1; }
    sleep 0.1
done

# Three kinds of client.  Each is bounded in count.
python3 "$here/recording/traffic.py" "$port" 24000
ab -q -n 600 -c 4 -k -H 'X-Forwarded-For: 198.51.100.77' \
    "$url/search?q=load&email=perf@example.com" >/dev/null
i=0
while [ "$i" -lt 150 ]; do
    i=$((i + 1))
    curl -s -o /dev/null --interface "127.9.0.$i" -H "X-Forwarded-For: 203.0.113.$i" \
        -H "Authorization: Bearer curl-$i-$(printf '%08x' $((i * 2654435 % 4294967296)))" \
        "$url/api/v1/orders?token=t$i&mail=user$i%40example.org"
done

kill -QUIT "$server" # lets it finish what it is writing
wait "$server" || true
server=
lines=$(wc -l <"$dir/access.log")
gzip -9n <"$dir/access.log" >"$dir/access.log.gz"
mv "$dir/access.log.gz" "$out"
echo "record.sh: $lines lines in $out"

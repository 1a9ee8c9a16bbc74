#!/usr/bin/env bash
# Measures everything and writes docs/benchmarks.md; some seventy minutes, on a machine that does nothing else. With arguments it only
# prints: sections, --short (twenty minutes) or --quick (three minutes); --help lists them. Needs root. Installs first what is missing.
set -euo pipefail
cd "$(dirname "$0")"
. tests/install.sh
install_missing ip:iproute2 ss:iproute2 nft:nftables wrk:wrk h2load:nghttp2-client nginx:nginx mptcpize:mptcpize taskset:util-linux prlimit:util-linux

dotnet build -c Release tests/Mptcp.Benchmarks -v q -nologo
[ $# -gt 0 ] || set -- --output=docs/benchmarks.md
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
exec "${as_root[@]}" dotnet tests/Mptcp.Benchmarks/bin/Release/net10.0/Mptcp.Benchmarks.dll "$@"

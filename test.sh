#!/usr/bin/env bash
# Runs all tests. Installs first what they need and this machine lacks (Debian and Ubuntu; as root or with sudo).
# Arguments go to `dotnet test`.
set -euo pipefail
cd "$(dirname "$0")"
. tests/install.sh
install_missing clang:clang curl:curl gcc:gcc git:git ip:iproute2 ss:iproute2 mptcpize:mptcpize nft:nftables nginx:nginx script:bsdutils strace:strace \
	sysctl:procps /usr/include/zlib.h:zlib1g-dev /usr/include/stdio.h:libc6-dev /usr/include/linux/mptcp.h:linux-libc-dev

# One project after the other: they shape links and cut them, and a busy machine would be another fault of the network.
# A shell in the background ignores Ctrl-C, and so would the programs that the tests interrupt.
exec env --default-signal=INT dotnet test --solution Mptcp.AspNetCore.sln --max-parallel-test-modules 1 "$@"

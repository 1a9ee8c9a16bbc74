#!/usr/bin/env bash
# Runs all tests. Installs first what they need and this machine lacks (Debian and Ubuntu; as root or with sudo).
# Arguments go to `dotnet test`.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v dotnet >/dev/null; then
	echo "test.sh: the .NET 10 SDK is needed; install the package dotnet-sdk-10.0 of your distribution." >&2
	exit 1
fi

# program:package
needs=(curl:curl gcc:gcc git:git ip:iproute2 ss:iproute2 mptcpize:mptcpize nft:nftables nginx:nginx script:bsdutils strace:strace sysctl:procps)
headers=(/usr/include/stdio.h:libc6-dev /usr/include/linux/mptcp.h:linux-libc-dev)
PATH="$PATH:/usr/sbin:/sbin"
packages=()
for need in "${needs[@]}"; do
	command -v "${need%%:*}" >/dev/null || packages+=("${need##*:}")
done
for header in "${headers[@]}"; do
	[ -e "${header%%:*}" ] || packages+=("${header##*:}")
done

if [ ${#packages[@]} -gt 0 ]; then
	if ! command -v apt-get >/dev/null; then
		echo "test.sh: not installed: ${packages[*]} (the names of Debian's packages). Install what your system calls them." >&2
		exit 1
	fi
	as_root=()
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null; then
			echo "test.sh: not installed: ${packages[*]}. Run as root: apt-get install ${packages[*]}" >&2
			exit 1
		fi
		as_root=(sudo)
	fi
	echo "test.sh: installing ${packages[*]}"
	"${as_root[@]}" apt-get update -qq

	# The tests start nginx themselves, the system shall not: policy-rc.d is what Debian asks before it starts a service, and 101 is no.
	policy=/usr/sbin/policy-rc.d
	remove_policy=(true)
	if [ ! -e "$policy" ]; then
		remove_policy=("${as_root[@]}" rm -f "$policy")
		trap '"${remove_policy[@]}"' EXIT
		printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin "$policy"
	fi
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
	"${remove_policy[@]}"
	trap - EXIT
	if [[ " ${packages[*]} " == *" nginx "* ]] && command -v systemctl >/dev/null; then
		# Nor at the next start of the machine.
		"${as_root[@]}" systemctl disable -q nginx || true
	fi
fi

# One project after the other: they shape links and cut them, and a busy machine would be another fault of the network.
exec dotnet test --solution Mptcp.AspNetCore.sln --max-parallel-test-modules 1 "$@"

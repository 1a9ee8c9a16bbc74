# Sourced by the scripts that run something: installs what they need and this machine lacks (Debian and Ubuntu; as root or with sudo).

# Arguments: program:package or /path/of/a/file:package.
install_missing() {
	local need what
	PATH="$PATH:/usr/sbin:/sbin"
	packages=()
	for need in "$@"; do
		what="${need%%:*}"
		case "$what" in
			/*) [ -e "$what" ] || packages+=("${need##*:}") ;;
			*) command -v "$what" >/dev/null || packages+=("${need##*:}") ;;
		esac
	done
	[ ${#packages[@]} -gt 0 ] || return 0

	if ! command -v apt-get >/dev/null; then
		echo "${0##*/}: not installed: ${packages[*]} (the names of Debian's packages). Install what your system calls them." >&2
		exit 1
	fi
	as_root=()
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null; then
			echo "${0##*/}: not installed: ${packages[*]}. Run as root: apt-get install ${packages[*]}" >&2
			exit 1
		fi
		as_root=(sudo)
	fi
	echo "${0##*/}: installing ${packages[*]}"
	"${as_root[@]}" apt-get update -qq

	# Who needs nginx starts it himself, the system shall not: policy-rc.d is what Debian asks before it starts a service, and 101 is no.
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
		"${as_root[@]}" systemctl disable -q nginx ||
			echo "${0##*/}: nginx could not be disabled (see above): the system may start it the next time." >&2
	fi
}

if ! command -v dotnet >/dev/null; then
	echo "${0##*/}: the .NET 10 SDK is needed; install the package dotnet-sdk-10.0 of your distribution." >&2
	exit 1
fi

/*
 * Preloaded into a program, imitates a kernel that knows less of MPTCP than this one. A seccomp filter traps the system calls in
 * question, wherever in the process they come from, and the handler answers in the kernel's place:
 *
 *   no-tcp-is-mptcp   asks for an option that no kernel has instead of TCP_IS_MPTCP, so that this kernel itself gives the answer
 *                     that an older one gives: EOPNOTSUPP from MPTCP, ENOPROTOOPT from TCP
 *   no-mptcp-info     the same for MPTCP_INFO and what came with it: MPTCP_TCPINFO, MPTCP_SUBFLOW_ADDRS, and later MPTCP_FULL_INFO
 *   no-full-info      the same for MPTCP_FULL_INFO alone
 *   no-nodelay        refuses TCP_NODELAY on sockets that speak MPTCP, with EOPNOTSUPP, as Linux 5.15 does
 *   socket-errno=N    lets socket(IPPROTO_MPTCP) fail with N
 *   ipv6-errno=N      the same for AF_INET6 alone
 *   accept-errno=N    lets accept4 fail with N for as long as there is a file with the name in IMITATED_KERNEL_WHILE
 *   as-the-file-says  while that file holds one of these words and a number:
 *                       info N             MPTCP_INFO and MPTCP_FULL_INFO fail with N
 *                       protocol N         SO_PROTOCOL fails with N
 *                       length N           MPTCP_INFO is answered with the length N, and MPTCP_FULL_INFO too short by as much
 *                       socket N           socket(IPPROTO_MPTCP) fails with N
 *                       netlink-socket N, netlink-connect N, netlink-send N, netlink-join N
 *                                          that call fails with N on generic netlink
 *
 * Chosen with a comma-separated list in IMITATED_KERNEL. Programs that the program starts inherit both.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define SOL_TCP_LEVEL 6
#define TCP_NODELAY_OPTION 1
#define TCP_IS_MPTCP_OPTION 43
#define SOCKET_LEVEL 1
#define SO_DOMAIN_OPTION 39
#define SO_PROTOCOL_OPTION 38
#define SOL_NETLINK_LEVEL 270
#define NETLINK_ADD_MEMBERSHIP_OPTION 1
#define PROTOCOL_NETLINK_GENERIC 16
#define MPTCP_INFO_SIZE 96
#define SOL_MPTCP_LEVEL 284
#define MPTCP_INFO_OPTION 1
#define MPTCP_TCPINFO_OPTION 2
#define MPTCP_SUBFLOW_ADDRS_OPTION 3
#define MPTCP_FULL_INFO_OPTION 4
#define PROTOCOL_MPTCP 262
#define UNKNOWN_OPTION 0x7f00

/* In the sixth argument, which these calls don't have: this call is the handler's own. */
#define OWN_CALL 0x6d707463

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "add the registers of this architecture"
#endif

static int no_tcp_is_mptcp, no_mptcp_info, no_full_info, no_nodelay, socket_errno, ipv6_errno, accept_errno, by_file;
static const char *while_file;

static long call(long number, long a, long b, long c, long d, long e)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = OWN_CALL;
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return result;
#else
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = OWN_CALL;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
#endif
}

static int speaks_mptcp(long descriptor)
{
	int value = 0;
	socklen_t length = sizeof(value);
	return call(__NR_getsockopt, descriptor, SOL_TCP_LEVEL, TCP_IS_MPTCP_OPTION, (long)&value, (long)&length) == 0 && value == 1;
}

/* Whether the file holds this word, and the number after it. */
static int file_says(const char *word, int *number)
{
	char text[64] = "";
	size_t length = strlen(word);
	long file = call(__NR_openat, AT_FDCWD, (long)while_file, O_RDONLY | O_CLOEXEC, 0, 0);
	if (file < 0)
		return 0;
	call(__NR_read, file, (long)text, sizeof(text) - 1, 0, 0);
	call(__NR_close, file, 0, 0, 0, 0);
	if (strncmp(text, word, length) || text[length] != ' ')
		return 0;
	*number = atoi(text + length + 1);
	return 1;
}

static int is_netlink(long descriptor)
{
	int value = 0;
	socklen_t length = sizeof(value);
	return call(__NR_getsockopt, descriptor, SOCKET_LEVEL, SO_DOMAIN_OPTION, (long)&value, (long)&length) == 0 && value == AF_NETLINK;
}

/* The answer of the calls that the file is about. */
static long answer_by_file(long number, const long *a)
{
	int n = 0;
	int is_info = number == __NR_getsockopt && a[1] == SOL_MPTCP_LEVEL;

	if (is_info && file_says("info", &n))
		return -n;
	if (number == __NR_getsockopt && a[1] == SOCKET_LEVEL && file_says("protocol", &n))
		return -n;
	if (number == __NR_socket && a[2] == PROTOCOL_MPTCP && file_says("socket", &n))
		return -n;
	if (number == __NR_socket && a[0] == AF_NETLINK && file_says("netlink-socket", &n))
		return -n;
	if (number == __NR_connect && is_netlink(a[0]) && file_says("netlink-connect", &n))
		return -n;
	if (number == __NR_sendto && is_netlink(a[0]) && file_says("netlink-send", &n))
		return -n;
	if (number == __NR_setsockopt && file_says("netlink-join", &n))
		return -n;

	/* sendto is trapped without an address only, and then its sixth argument, the length of the address, means nothing. */
	long result = call(number, a[0], a[1], a[2], a[3], a[4]);
	if (is_info && result == 0 && file_says("length", &n))
		*(int *)a[4] = a[2] == MPTCP_FULL_INFO_OPTION ? *(int *)a[4] - MPTCP_INFO_SIZE + n : n;
	return result;
}

static long answer(long number, const long *a)
{
	if (by_file)
		return answer_by_file(number, a);
	if (number == __NR_socket && a[0] == AF_INET6 && ipv6_errno)
		return -ipv6_errno;
	if (number == __NR_socket && socket_errno)
		return -socket_errno;
	if (number == __NR_accept4) {
		int fails = call(__NR_faccessat, AT_FDCWD, (long)while_file, F_OK, 0, 0) == 0;
		return fails ? -accept_errno : call(number, a[0], a[1], a[2], a[3], 0);
	}
	if (number == __NR_setsockopt && speaks_mptcp(a[0]))
		return -EOPNOTSUPP;
	return call(number, a[0], a[1], number == __NR_getsockopt ? UNKNOWN_OPTION + a[2] : a[2], a[3], a[4]);
}

/* The number after the name, or 0. */
static int find_errno(const char *wanted, const char *name)
{
	const char *found = strstr(wanted, name);
	return found ? atoi(found + strlen(name)) : 0;
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	(void)signal;
#if defined(__x86_64__)
	greg_t *r = u->uc_mcontext.gregs;
	long arguments[] = { r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8] };
	r[REG_RAX] = answer(info->si_syscall, arguments);
#else
	unsigned long long *r = u->uc_mcontext.regs;
	long arguments[] = { r[0], r[1], r[2], r[3], r[4] };
	r[0] = answer(info->si_syscall, arguments);
#endif
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define SKIP_UNLESS(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define TRAP_OPTION(on, number, level, option) \
	LOAD(nr), SKIP_UNLESS(number, 5), LOAD(args[1]), SKIP_UNLESS(level, 3), LOAD(args[2]), SKIP_UNLESS(option, 1), \
	RETURN((on) ? SECCOMP_RET_TRAP : SECCOMP_RET_ALLOW)

__attribute__((constructor)) static void imitate(void)
{
	const char *wanted = getenv("IMITATED_KERNEL");
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART | SA_ONSTACK };

	if (!wanted || !*wanted)
		return;
	no_tcp_is_mptcp = strstr(wanted, "no-tcp-is-mptcp") != NULL;
	no_mptcp_info = strstr(wanted, "no-mptcp-info") != NULL;
	no_full_info = no_mptcp_info || strstr(wanted, "no-full-info") != NULL;
	no_nodelay = strstr(wanted, "no-nodelay") != NULL;
	socket_errno = find_errno(wanted, "socket-errno=");
	ipv6_errno = find_errno(wanted, "ipv6-errno=");
	accept_errno = find_errno(wanted, "accept-errno=");
	while_file = getenv("IMITATED_KERNEL_WHILE");
	by_file = while_file && strstr(wanted, "as-the-file-says") != NULL;

	struct sock_filter filter[] = {
		LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0), RETURN(SECCOMP_RET_ALLOW),
		LOAD(args[5]), SKIP_UNLESS(OWN_CALL, 1), RETURN(SECCOMP_RET_ALLOW),
		TRAP_OPTION(by_file, __NR_getsockopt, SOCKET_LEVEL, SO_PROTOCOL_OPTION),
		TRAP_OPTION(by_file, __NR_setsockopt, SOL_NETLINK_LEVEL, NETLINK_ADD_MEMBERSHIP_OPTION),
		LOAD(nr), SKIP_UNLESS(__NR_socket, 3), LOAD(args[2]), SKIP_UNLESS(PROTOCOL_NETLINK_GENERIC, 1),
		RETURN(by_file ? SECCOMP_RET_TRAP : SECCOMP_RET_ALLOW),
		LOAD(nr), SKIP_UNLESS(__NR_connect, 1), RETURN(by_file ? SECCOMP_RET_TRAP : SECCOMP_RET_ALLOW),
		LOAD(nr), SKIP_UNLESS(__NR_sendto, 3), LOAD(args[4]), SKIP_UNLESS(0, 1),
		RETURN(by_file ? SECCOMP_RET_TRAP : SECCOMP_RET_ALLOW),
		TRAP_OPTION(no_tcp_is_mptcp, __NR_getsockopt, SOL_TCP_LEVEL, TCP_IS_MPTCP_OPTION),
		TRAP_OPTION(no_mptcp_info || by_file, __NR_getsockopt, SOL_MPTCP_LEVEL, MPTCP_INFO_OPTION),
		TRAP_OPTION(no_mptcp_info, __NR_getsockopt, SOL_MPTCP_LEVEL, MPTCP_TCPINFO_OPTION),
		TRAP_OPTION(no_mptcp_info, __NR_getsockopt, SOL_MPTCP_LEVEL, MPTCP_SUBFLOW_ADDRS_OPTION),
		TRAP_OPTION(no_full_info || by_file, __NR_getsockopt, SOL_MPTCP_LEVEL, MPTCP_FULL_INFO_OPTION),
		TRAP_OPTION(no_nodelay, __NR_setsockopt, SOL_TCP_LEVEL, TCP_NODELAY_OPTION),
		LOAD(nr), SKIP_UNLESS(__NR_socket, 3), LOAD(args[2]), SKIP_UNLESS(PROTOCOL_MPTCP, 1),
		RETURN(socket_errno || ipv6_errno || by_file ? SECCOMP_RET_TRAP : SECCOMP_RET_ALLOW),
		LOAD(nr), SKIP_UNLESS(__NR_accept4, 1), RETURN(accept_errno && while_file ? SECCOMP_RET_TRAP : SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	if (sigaction(SIGSYS, &action, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	    || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("imitated_kernel");
		_exit(126);
	}
}

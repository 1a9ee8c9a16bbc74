/*
 * The fields of struct mptcp_info that the headers of a distribution may be too old for, with the kernel that added each. Written
 * down here as facts of the ABI, in order of offset, for AbiTests; the fields before them are read from the system's header.
 */
#include <stdint.h>

struct newer_mptcp_info {
	uint8_t as_in_linux_5_14[43];
	uint32_t mptcpi_retransmits;		/* 6.5 */
	uint64_t mptcpi_bytes_retrans;		/* 6.5 */
	uint64_t mptcpi_bytes_sent;		/* 6.5 */
	uint64_t mptcpi_bytes_received;		/* 6.5 */
	uint64_t mptcpi_bytes_acked;		/* 6.5 */
	uint8_t mptcpi_subflows_total;		/* 6.8 */
	uint8_t mptcpi_endp_laminar_max;	/* 6.18 */
	uint8_t mptcpi_endp_fullmesh_max;	/* in the header of 7.2 */
	uint8_t reserved;			/* 6.10 */
	uint32_t mptcpi_last_data_sent;		/* 6.10 */
	uint32_t mptcpi_last_data_recv;		/* 6.10 */
	uint32_t mptcpi_last_ack_recv;		/* 6.10 */
};

struct newer_mptcp_subflow_info {		/* 6.5 */
	uint32_t id;
	struct mptcp_subflow_addrs addrs;
};

struct newer_mptcp_full_info {			/* 6.5 */
	uint32_t size_tcpinfo_kernel;
	uint32_t size_tcpinfo_user;
	uint32_t size_sfinfo_kernel;
	uint32_t size_sfinfo_user;
	uint32_t num_subflows;
	uint32_t size_arrays_user;
	uint64_t subflow_info;
	uint64_t tcp_info;
	struct newer_mptcp_info mptcp_info;
};

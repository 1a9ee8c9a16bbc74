namespace Mptcp.Sockets.Interop;

/// <summary>Numbers of netlink and of the path manager. A test compares them with a C program.</summary>
internal static class NetlinkConstants
{
    // <bits/socket.h>, <asm-generic/socket.h>
    public const int AF_NETLINK = 16;
    public const int SOCK_RAW = 3;
    public const int SO_RCVBUF = 8;
    public const int SO_RCVBUFFORCE = 33;
    public const int SOL_NETLINK = 270;

    // <linux/netlink.h>
    public const int NETLINK_GENERIC = 16;
    public const int NETLINK_ADD_MEMBERSHIP = 1;
    public const int NLMSG_HDRLEN = 16;
    public const int NLMSG_ALIGNTO = 4;
    public const ushort NLM_F_REQUEST = 1;
    public const ushort NLM_F_ACK = 4;
    public const ushort NLM_F_DUMP = 0x300;
    public const ushort NLMSG_ERROR = 2;
    public const ushort NLMSG_DONE = 3;
    public const int NLA_HDRLEN = 4;
    public const int NLA_ALIGNTO = 4;
    public const int NLA_F_NESTED = 1 << 15;
    public const int NLA_F_NET_BYTEORDER = 1 << 14;
    public const int NLA_TYPE_MASK = ~(NLA_F_NESTED | NLA_F_NET_BYTEORDER);

    // <linux/genetlink.h>
    public const int GENL_HDRLEN = 4;
    public const ushort GENL_ID_CTRL = 16;
    public const byte CTRL_CMD_GETFAMILY = 3;
    public const int CTRL_ATTR_FAMILY_ID = 1;
    public const ushort CTRL_ATTR_FAMILY_NAME = 2;
    public const int CTRL_ATTR_MCAST_GROUPS = 7;
    public const int CTRL_ATTR_MCAST_GRP_NAME = 1;
    public const int CTRL_ATTR_MCAST_GRP_ID = 2;

    // <linux/mptcp.h>, since Linux 6.7 <linux/mptcp_pm.h>
    public const string MPTCP_PM_NAME = "mptcp_pm";
    public const string MPTCP_PM_EV_GRP_NAME = "mptcp_pm_events";
    public const byte MPTCP_PM_CMD_GET_ADDR = 3;
    public const byte MPTCP_PM_CMD_GET_LIMITS = 6;
    public const int MPTCP_PM_ATTR_ADDR = 1;
    public const int MPTCP_PM_ATTR_RCV_ADD_ADDRS = 2;
    public const int MPTCP_PM_ATTR_SUBFLOWS = 3;
    public const int MPTCP_PM_ADDR_ATTR_ID = 2;
    public const int MPTCP_PM_ADDR_ATTR_ADDR4 = 3;
    public const int MPTCP_PM_ADDR_ATTR_ADDR6 = 4;
    public const int MPTCP_PM_ADDR_ATTR_PORT = 5;
    public const int MPTCP_PM_ADDR_ATTR_FLAGS = 6;
    public const int MPTCP_PM_ADDR_ATTR_IF_IDX = 7;
    public const byte MPTCP_EVENT_CREATED = 1;
    public const byte MPTCP_EVENT_ESTABLISHED = 2;
    public const byte MPTCP_EVENT_CLOSED = 3;
    public const byte MPTCP_EVENT_ANNOUNCED = 6;
    public const byte MPTCP_EVENT_REMOVED = 7;
    public const byte MPTCP_EVENT_SUB_ESTABLISHED = 10;
    public const byte MPTCP_EVENT_SUB_CLOSED = 11;
    public const byte MPTCP_EVENT_SUB_PRIORITY = 13;
    public const int MPTCP_ATTR_TOKEN = 1;
    public const int MPTCP_ATTR_LOC_ID = 3;
    public const int MPTCP_ATTR_REM_ID = 4;
    public const int MPTCP_ATTR_SADDR4 = 5;
    public const int MPTCP_ATTR_SADDR6 = 6;
    public const int MPTCP_ATTR_DADDR4 = 7;
    public const int MPTCP_ATTR_DADDR6 = 8;
    public const int MPTCP_ATTR_SPORT = 9;
    public const int MPTCP_ATTR_DPORT = 10;
    public const int MPTCP_ATTR_BACKUP = 11;
    public const int MPTCP_ATTR_ERROR = 12;
    public const int MPTCP_ATTR_FLAGS = 13;
    public const int MPTCP_ATTR_IF_IDX = 15;
    public const int MPTCP_ATTR_RESET_REASON = 16;
    public const int MPTCP_ATTR_RESET_FLAGS = 17;
    public const int MPTCP_ATTR_SERVER_SIDE = 18;
    public const int MPTCP_PM_EV_FLAG_SERVER_SIDE = 2;
}

using System.Net.Sockets;

namespace Mptcp.Sockets;

/// <summary>A connection that was dialled. It keeps its last figures when the owner of the socket asks for them before the close.</summary>
internal sealed class ClientConnection : MptcpConnection
{
    private MptcpSubflowList? _last;

    /// <param name="socket">The connection's socket.</param>
    public ClientConnection(Socket socket)
        : base(socket)
    {
    }

    private protected override MptcpSubflowList? Last => Volatile.Read(ref _last);

    /// <summary>Reads status, figures and subflows once more, and keeps them. The next call of the owner closes the socket.</summary>
    public void ReadLast()
    {
        if (Status == MptcpStatus.Active && Last is null)
        {
            var last = GetSubflows();
            if (last.Count > 0)
            {
                Volatile.Write(ref _last, last);
            }
        }
    }
}

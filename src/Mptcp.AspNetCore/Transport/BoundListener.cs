using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Transport;

/// <summary>One listener of our transport, from its binding until it is unbound.</summary>
internal sealed class BoundListener
{
    private readonly BoundListeners _all;
    private volatile bool _isLost;

    /// <param name="all">The list that holds it.</param>
    /// <param name="facts">Facts about it.</param>
    /// <param name="isLifted">Whether the endpoint demands Multipath TCP, and only the options switch that off.</param>
    public BoundListener(BoundListeners all, MptcpListenerFacts facts, bool isLifted)
    {
        _all = all;
        Facts = facts;
        IsLifted = isLifted;
    }

    public MptcpListenerFacts Facts { get; }

    public bool IsLifted { get; }

    /// <summary>Whether it accepts nothing any more, although it was not unbound.</summary>
    public bool IsLost => _isLost;

    /// <summary>Its accept loop ended. After <see cref="Remove"/> this has no effect.</summary>
    public void Lose() => _isLost = true;

    public void Remove() => _all.Remove(this);
}

namespace Mptcp.TestNetwork.Wires;

/// <summary>What carries the packets of a link. Gone with its two devices when disposed.</summary>
internal interface IWire : IAsyncDisposable
{
    /// <summary>Counts from the next packet on.</summary>
    Task ChangeAsync(LinkSettings settings);
}

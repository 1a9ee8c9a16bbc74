namespace Mptcp.TestNetwork;

/// <summary>The endpoints that make the kernel's path manager use one link.</summary>
internal sealed class PathEndpoints
{
    private readonly NetworkNamespace _host;
    private readonly bool _isServer;
    private readonly List<string> _add = [];
    private readonly List<string> _remove = [];
    private bool _isAdded;

    public PathEndpoints(MultipathNetwork network, NetworkLink link)
    {
        _isServer = network.PathOpening == PathOpening.ServerSignals;
        _host = _isServer ? network.Server : network.Client;

        // The address that a client connects to is known to it: only the others are announced.
        if (network.PathOpening == PathOpening.None || (_isServer && link.Index == 0))
        {
            return;
        }

        // Ids of our own choice, to remove by: 0 stands for the address that a connection began with.
        var id = (2 * link.Index) + 1;
        foreach (var address in _isServer ? [link.ServerAddress, link.ServerAddressV6] : new[] { link.ClientAddress, link.ClientAddressV6 })
        {
            _add.Add($"mptcp endpoint add {address} id {id} dev {link.DeviceName} {(_isServer ? "signal" : "subflow")}");
            _remove.Add($"mptcp endpoint delete id {id}");
            id++;
        }
    }

    /// <summary>Does nothing for those that are there.</summary>
    public async Task AddAsync()
    {
        if (!_isAdded)
        {
            await _host.ConfigureAsync(_add);
            _isAdded = true;
        }
    }

    public async Task RemoveAsync(bool onServerToo)
    {
        if (_isAdded && (onServerToo || !_isServer))
        {
            await _host.ConfigureAsync(_remove);
            _isAdded = false;
        }
    }
}

using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Mptcp.Sockets.Doctor;

/// <summary>Reads everything on the calling thread: most of it belongs to the network namespace of the thread that reads.</summary>
internal static class FactsReader
{
    private const string SettingsFolder = "/proc/sys/net/mptcp";
    private const string LimitsFile = "/proc/self/limits";
    private const string DescriptorLimits = "Max open files";

    public static MptcpHostFacts Read(MptcpExamination examination)
    {
        var (soft, hard) = ReadDescriptorLimits(ProcFile.TryRead(LimitsFile));
        return new MptcpHostFacts
        {
            System = $"{RuntimeInformation.OSDescription}, kernel {ProcFile.TryRead("/proc/sys/kernel/osrelease") ?? Environment.OSVersion.Version.ToString()}",
            OverIPv4 = MptcpSupport.Check(),
            OverIPv6 = CheckIPv6(),
            Settings = ReadSettings(),
            PathManager = PathManagerReader.Read(),
            PathEvents = CheckPathEvents(),
            CongestionControl = ProcFile.TryRead("/proc/sys/net/ipv4/tcp_congestion_control"),
            AvailableCongestionControls = ProcFile.Words(ProcFile.TryRead("/proc/sys/net/ipv4/tcp_available_congestion_control") ?? ""),
            AllowedCongestionControls = ProcFile.Words(ProcFile.TryRead("/proc/sys/net/ipv4/tcp_allowed_congestion_control") ?? ""),
            Counters = CounterReader.Read(),
            DescriptorLimit = soft,
            DescriptorHardLimit = hard,
            LocalAddresses = ReadLocalAddresses(),
            Listeners = [.. examination.Listeners],
            IsClient = examination.IsClient ?? examination.Listeners.Count == 0,
            AdvertisesHttp3 = examination.AdvertisesHttp3,
            Connections = examination.Connections,
            EndpointsRequiringMptcp = [.. examination.EndpointsRequiringMptcp],
        };
    }

    /// <summary>Both columns of the line about descriptors.</summary>
    public static (long? Soft, long? Hard) ReadDescriptorLimits(string? limits)
    {
        var line = limits?.Split('\n').FirstOrDefault(line => line.StartsWith(DescriptorLimits, StringComparison.Ordinal));
        return line is not null && ProcFile.Words(line[DescriptorLimits.Length..]) is [var soft, var hard, ..] ? (Parse(soft), Parse(hard)) : default;

        static long? Parse(string limit) =>
            limit == "unlimited" ? long.MaxValue
            : long.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value
            : null;
    }

    private static MptcpSupport? CheckIPv6()
    {
        try
        {
            return MptcpSupport.Check(AddressFamily.InterNetworkV6);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressFamilyNotSupported)
        {
            return null;
        }
    }

    private static MptcpSupport? CheckPathEvents()
    {
        try
        {
            MptcpPathMonitor.TryOpen(out var monitor, out var support);
            monitor?.Dispose();
            return support;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private static SortedDictionary<string, string> ReadSettings()
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var path in ProcFile.TryList(SettingsFolder))
        {
            if (ProcFile.TryRead(path) is { } value)
            {
                settings[$"net.mptcp.{Path.GetFileName(path)}"] = value;
            }
        }

        return settings;
    }

    private static MptcpLocalAddress[] ReadLocalAddresses()
    {
        try
        {
            return
            [
                .. from device in NetworkInterface.GetAllNetworkInterfaces()
                   where device.NetworkInterfaceType != NetworkInterfaceType.Loopback && device.OperationalStatus is not (OperationalStatus.Down or OperationalStatus.LowerLayerDown)
                   from unicast in device.GetIPProperties().UnicastAddresses
                   where IsGlobal(unicast.Address)
                   select new MptcpLocalAddress { Address = unicast.Address, Interface = device.Name },
            ];
        }
        catch (Exception e) when (e is NetworkInformationException or PlatformNotSupportedException or IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static bool IsGlobal(IPAddress address) =>
        !IPAddress.IsLoopback(address) && !address.IsIPv6LinkLocal && address.GetAddressBytes() is not [169, 254, _, _];
}

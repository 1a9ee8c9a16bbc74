using System.Net;

namespace Mptcp.Sockets.Tests.Connector;

public sealed class ConnectOptionsTests
{
    private const double MostMilliseconds = int.MaxValue;

    [Fact]
    public void Defaults_AreThoseOfTheDocumentation()
    {
        var options = new MptcpConnectOptions();
        Assert.Equal(MptcpMode.Preferred, options.Mode);
        Assert.Equal(TimeSpan.FromMilliseconds(250), options.AttemptDelay);
        Assert.Equal(Timeout.InfiniteTimeSpan, options.ConnectTimeout);
        Assert.Equal(16, options.MaxAddresses);
        Assert.True(options.NoDelay);
        Assert.True(options.TrackResponses);
        Assert.Null(options.ConfigureSocket);
        Assert.Null(options.Resolver);
        Assert.Null(options.AttemptCompleted);
    }

    [Theory]
    [InlineData(9.99, false)]
    [InlineData(0, false)]
    [InlineData(-2, false)]
    [InlineData(MostMilliseconds + 1, false)]
    [InlineData(10, true)]
    [InlineData(-1, true)]
    [InlineData(MostMilliseconds, true)]
    public void AttemptDelay_Value_IsTakenOrRefused(double milliseconds, bool taken) =>
        AssertTakes(milliseconds, taken, (options, value) => options.AttemptDelay = value, options => options.AttemptDelay);

    [Theory]
    [InlineData(0, false)]
    [InlineData(-2, false)]
    [InlineData(MostMilliseconds + 1, false)]
    [InlineData(0.0001, true)]
    [InlineData(-1, true)]
    [InlineData(MostMilliseconds, true)]
    public void ConnectTimeout_Value_IsTakenOrRefused(double milliseconds, bool taken) =>
        AssertTakes(milliseconds, taken, (options, value) => options.ConnectTimeout = value, options => options.ConnectTimeout);

    [Fact]
    public void MaxAddresses_LessThanOne_IsRefused()
    {
        var options = new MptcpConnectOptions { MaxAddresses = 1 };
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxAddresses = 0);
        Assert.Equal(1, options.MaxAddresses);
    }

    /// <summary>Goes through the properties themselves, so that one that is added later is not forgotten.</summary>
    [Fact]
    public void Copy_EveryProperty_IsTheOriginals()
    {
        var options = new MptcpConnectOptions
        {
            Mode = MptcpMode.Required,
            AttemptDelay = TimeSpan.FromMilliseconds(11),
            ConnectTimeout = TimeSpan.FromSeconds(12),
            MaxAddresses = 13,
            NoDelay = false,
            TrackResponses = false,
            ConfigureSocket = _ => { },
            Resolver = (_, _, _) => Task.FromResult(Array.Empty<IPAddress>()),
            AttemptCompleted = _ => { },
        };
        var copy = new MptcpConnectOptions(options);
        var defaults = new MptcpConnectOptions();
        Assert.All(typeof(MptcpConnectOptions).GetProperties(), property =>
        {
            Assert.NotEqual(property.GetValue(defaults), property.GetValue(options));
            Assert.Equal(property.GetValue(options), property.GetValue(copy));
        });
        Assert.Throws<ArgumentNullException>(() => new MptcpConnectOptions(null!));
    }

    private static void AssertTakes(
        double milliseconds, bool taken, Action<MptcpConnectOptions, TimeSpan> set, Func<MptcpConnectOptions, TimeSpan> get)
    {
        var options = new MptcpConnectOptions();
        var before = get(options);
        var value = TimeSpan.FromMilliseconds(milliseconds);
        if (taken)
        {
            set(options, value);
            Assert.Equal(value, get(options));
        }
        else
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => set(options, value));
            Assert.Equal(before, get(options));
        }
    }
}

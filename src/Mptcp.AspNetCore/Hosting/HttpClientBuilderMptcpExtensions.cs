using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Clients;
using Mptcp.AspNetCore.Hosting;
using Mptcp.AspNetCore.Transport;
using Mptcp.Sockets;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Lets the clients of IHttpClientFactory speak Multipath TCP.</summary>
public static class HttpClientBuilderMptcpExtensions
{
    /// <summary>
    /// Makes a client connect over Multipath TCP: <c>services.AddHttpClient("name").UseMptcp()</c>, or all of them with
    /// <c>services.ConfigureHttpClientDefaults(client => client.UseMptcp())</c>. Its responses know their connection
    /// (<see cref="HttpMessageMptcpExtensions.GetMptcpStatus(HttpResponseMessage)"/>), and each attempt to connect is logged at Debug in the
    /// category <c>Mptcp.AspNetCore.Clients</c>.
    /// </summary>
    /// <param name="builder">The client.</param>
    /// <returns>The builder.</returns>
    /// <remarks>
    /// <para>
    /// It needs a primary handler that is a <see cref="SocketsHttpHandler"/> without a ConnectCallback, as it is unless the application replaces
    /// it. Clients with another primary handler, such as an <see cref="HttpClientHandler"/>, a fake of a test or a handler with its own
    /// ConnectCallback: as a default UseMptcp leaves them alone, and logs that at Debug; by name it throws
    /// <see cref="InvalidOperationException"/> when the client is created.
    /// </para>
    /// <para>
    /// <c>Mptcp:Client:Mode</c> in the configuration wins over the mode set in code, and <c>Mptcp:Mode</c> <c>Disabled</c> switches clients
    /// off with everything else.
    /// </para>
    /// </remarks>
    public static IHttpClientBuilder UseMptcp(this IHttpClientBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddMptcpClient();

        // ConfigureHttpClientDefaults hands out a builder without a name.
        Action<HttpMessageHandlerBuilder> use = builder.Name is null
            ? client => UseMptcp(client, LeaveAlone)
            : client => UseMptcp(client, Refuse);

        // After everything else that is configured, in any order: to replace the primary handler afterwards would undo it.
        builder.Services.PostConfigure<HttpClientFactoryOptions>(builder.Name, options => options.HttpMessageHandlerBuilderActions.Add(use));
        return builder;
    }

    /// <summary>As <see cref="UseMptcp(IHttpClientBuilder)"/>, with options.</summary>
    /// <param name="builder">The client.</param>
    /// <param name="configureOptions">Sets the options.</param>
    /// <returns>The builder.</returns>
    public static IHttpClientBuilder UseMptcp(this IHttpClientBuilder builder, Action<MptcpConnectOptions> configureOptions)
    {
        ArgumentNullException.ThrowIfNull(configureOptions);
        builder.UseMptcp().Services.Configure(builder.Name, configureOptions);
        return builder;
    }

    internal static void AddMptcpClient(this IServiceCollection services)
    {
        services.AddLogging();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPostConfigureOptions<MptcpConnectOptions>, ClientConfiguration>());

        // The configuration is the same for all clients: one of them stands for all.
        services.AddOptions<MptcpConnectOptions>().ValidateOnStart();
    }

    private static void UseMptcp(HttpMessageHandlerBuilder client, Action<HttpMessageHandlerBuilder, string, Exception?> onUnusable)
    {
        switch (client.PrimaryHandler)
        {
            case MptcpHttpHandler:
                // Configured twice, by the defaults and by name.
                break;

            case SocketsHttpHandler handler:
                var options = client.Services.GetRequiredService<IOptionsMonitor<MptcpConnectOptions>>().Get(client.Name ?? Options.Options.DefaultName);
                options = ConnectLog.AddTo(options, client.Services.GetRequiredService<ILoggerFactory>(), ConnectLog.HttpClient(client.Name));
                try
                {
                    client.PrimaryHandler = handler.UseMptcp(options);
                }
                catch (InvalidOperationException e)
                {
                    // It has a ConnectCallback, or is used already.
                    onUnusable(client, e.Message.TrimEnd('.'), e);
                }

                break;

            case var other:
                onUnusable(client, $"its primary handler is {other.GetType()} and not a SocketsHttpHandler", null);
                break;
        }
    }

    private static void LeaveAlone(HttpMessageHandlerBuilder client, string reason, Exception? cause) =>
        ClientLog.ClientLeftAlone(
            new BestEffortLogger(client.Services.GetRequiredService<ILoggerFactory>(), LogCategory.Clients), ConnectLog.HttpClient(client.Name), reason);

    private static void Refuse(HttpMessageHandlerBuilder client, string reason, Exception? cause) => throw new InvalidOperationException(
        $"{ConnectLog.HttpClient(client.Name)} can't connect over Multipath TCP, as UseMptcp asks for it: {reason}. Let it use a SocketsHttpHandler of its own without a ConnectCallback, for example with UseSocketsHttpHandler, or don't call UseMptcp for it.",
        cause);
}

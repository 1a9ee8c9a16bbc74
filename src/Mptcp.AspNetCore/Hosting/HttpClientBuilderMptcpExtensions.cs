using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mptcp.AspNetCore.Clients;
using Mptcp.AspNetCore.Hosting;
using Mptcp.Sockets;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Lets the clients of IHttpClientFactory speak Multipath TCP.</summary>
public static class HttpClientBuilderMptcpExtensions
{
    /// <summary>
    /// Makes a client connect over Multipath TCP: <c>services.AddHttpClient("name").UseMptcp()</c>, or all of them with
    /// <c>services.ConfigureHttpClientDefaults(client => client.UseMptcp())</c>. Its responses tell their connection
    /// (<see cref="HttpMessageMptcpExtensions.GetMptcpStatus(HttpResponseMessage)"/>), and each attempt to connect is logged at Debug in the
    /// category <c>Mptcp.AspNetCore.Clients</c>.
    /// </summary>
    /// <param name="builder">
    /// The client. Its primary handler must be a <see cref="SocketsHttpHandler"/> without a ConnectCallback, as it is by default.
    /// </param>
    /// <returns>The builder.</returns>
    /// <remarks>
    /// <c>Mptcp:Client:Mode</c> in the configuration wins over the mode set in code, and <c>Mptcp:Mode</c> <c>Disabled</c> switches clients
    /// off with everything else.
    /// </remarks>
    public static IHttpClientBuilder UseMptcp(this IHttpClientBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddMptcpClient();

        // After everything else that is configured, wherever it stands: whoever replaced the primary handler later would undo it.
        builder.Services.PostConfigure<HttpClientFactoryOptions>(builder.Name, options => options.HttpMessageHandlerBuilderActions.Add(UseMptcp));
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

    private static void UseMptcp(HttpMessageHandlerBuilder client)
    {
        switch (client.PrimaryHandler)
        {
            case MptcpHttpHandler:
                // Asked for twice, by the defaults and by name.
                break;

            case SocketsHttpHandler handler:
                var options = client.Services.GetRequiredService<IOptionsMonitor<MptcpConnectOptions>>().Get(client.Name ?? Options.Options.DefaultName);
                client.PrimaryHandler = handler.UseMptcp(ConnectLog.AddTo(options, client.Services.GetRequiredService<ILoggerFactory>()));
                break;

            case var other:
                throw new InvalidOperationException(
                    $"The primary handler of the HttpClient \"{client.Name}\" is {other.GetType()}. UseMptcp needs a SocketsHttpHandler: remove the other one, or call UseSocketsHttpHandler.");
        }
    }
}

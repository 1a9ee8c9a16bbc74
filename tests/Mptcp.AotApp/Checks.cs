using System.Net;
using System.Text.Json;
using Mptcp.Sockets;

namespace Mptcp.AotApp;

/// <summary>What the clients see. Reflection that NativeAOT removed would show in the JSON, the configuration and the problem details.</summary>
internal sealed class Checks(HttpClient tcp, HttpClient mptcp, HttpClient factory)
{
    /// <returns>0, or the number of the first check that failed, which is also written to the error output.</returns>
    public async Task<int> RunAsync()
    {
        (string Name, Func<Task<bool>> Passes)[] checks =
        [
            ("a TCP client is served and reported as TCP", async () => await tcp.GetStringAsync("/open") == nameof(MptcpStatus.NotNegotiated)),
            ("RequireMptcp refuses a TCP client with problem details", RefusesTcpAsync),
            ("the status header is set", async () => (await HeaderAsync(mptcp)).StartsWith("active;", StringComparison.Ordinal)),
            ("SocketsHttpHandler.UseMptcp passes RequireMptcp and knows its paths", () => PassesAsync(mptcp)),
            ("AddHttpClient().UseMptcp passes RequireMptcp and knows its paths", () => PassesAsync(factory)),
            ("the health check is healthy", async () => await mptcp.GetStringAsync("/health") == "Healthy"),
            ("the doctor answers JSON", async () => (await JsonAsync("/mptcp/doctor?format=json")).ValueKind == JsonValueKind.Object),
            ("the list of connections answers JSON", async () => (await JsonAsync("/mptcp/connections?format=json")).ValueKind == JsonValueKind.Object),
            ("MptcpConnector connects over MPTCP", ConnectsAsync),
        ];
        for (var index = 0; index < checks.Length; index++)
        {
            try
            {
                if (await checks[index].Passes())
                {
                    continue;
                }

                await Console.Error.WriteLineAsync($"Check {index + 1} failed: {checks[index].Name}.");
            }
            catch (Exception exception)
            {
                await Console.Error.WriteLineAsync($"Check {index + 1} failed: {checks[index].Name}. {exception}");
            }

            return index + 1;
        }

        return 0;
    }

    private async Task<bool> RefusesTcpAsync()
    {
        using var response = await tcp.GetAsync("/guarded");
        return response.StatusCode == HttpStatusCode.Forbidden
            && response.Content.Headers.ContentType?.MediaType == "application/problem+json"
            && JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.TryGetProperty("title", out _);
    }

    private static async Task<bool> PassesAsync(HttpClient client)
    {
        using var response = await client.GetAsync("/guarded");
        return response.StatusCode == HttpStatusCode.OK
            && response.GetMptcpStatus() == MptcpStatus.Active
            && response.GetMptcpConnection()!.GetSubflows().Count > 0;
    }

    private static async Task<string> HeaderAsync(HttpClient client)
    {
        using var response = await client.GetAsync("/open");
        return response.Headers.GetValues("Mptcp-Status").Single();
    }

    private async Task<JsonElement> JsonAsync(string path) => JsonDocument.Parse(await tcp.GetStringAsync(path)).RootElement;

    private async Task<bool> ConnectsAsync()
    {
        var result = await MptcpConnector.ConnectAsync(tcp.BaseAddress!.Host, tcp.BaseAddress.Port);
        using var socket = result.Socket;
        return result.Connection.Status == MptcpStatus.Active;
    }
}

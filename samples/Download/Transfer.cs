using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Mptcp.Sockets;

namespace Download;

/// <summary>Brings the file here, in as many attempts as it takes.</summary>
internal sealed class Transfer(Options options, PathMeter paths) : IDisposable
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly PartFile _file = new(options.File ?? NameOf(options.Url), options.Url);
    private string? _distrust;

    /// <summary>There is a line for the user.</summary>
    public event Action<string>? Noted;

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    public string Name => _file.Name;

    /// <summary>How many bytes there are.</summary>
    public long Length => _file.Length;

    /// <summary>How many there will be, or null.</summary>
    public long? WholeLength => _file.WholeLength;

    /// <summary>How many bytes of the file came in this run.</summary>
    public long Received { get; private set; }

    public async Task RunAsync(CancellationToken interrupt)
    {
        var failures = 0;
        long furthest = 0;
        while (true)
        {
            try
            {
                while (!await AttemptAsync(interrupt))
                {
                    // Once more, for all of it.
                }

                _file.Complete();
                return;
            }
            catch (DownloadException e) when (e.IsTransient && Received > 0)
            {
                // One that starts over each time and never gets further must end.
                failures = Length > furthest ? 0 : failures;
                furthest = Math.Max(furthest, Length);
                if (failures == options.Retries)
                {
                    var exitCode = e.ExitCode is ExitCode.Timeout or ExitCode.HttpError ? e.ExitCode : ExitCode.Partial;
                    throw new DownloadException(exitCode, $"Ended after {HowMuch()}: {e.Message}");
                }

                var pause = TimeSpan.FromSeconds(1 << Math.Min(failures++, 6));
                Noted?.Invoke($"{e.Message}. Going on after {HowMuch()} in {pause.TotalSeconds} s.");
                await Task.Delay(pause, interrupt);
            }
        }
    }

    /// <summary>What the user can do after an end that was not the file's.</summary>
    public string HowToGoOn() => _file switch
    {
        { CanGoOnLater: true } => $"{HowMuch()} are kept in {Name}.part; the same command again goes on from there.",
        _ => "The same command again starts from the beginning.",
    };

    public void Dispose() => _file.Dispose();

    // Not that at the end of redirects: whoever answers would choose which file is written here.
    private static string NameOf(Uri url) => url.Segments[^1] is var name && name.EndsWith('/') ? "index.html" : name;

    private string HowMuch() => WholeLength is { } whole ? $"{Length:N0} of {whole:N0} bytes" : $"{Length:N0} bytes";

    /// <returns>False when another attempt must ask for the whole file.</returns>
    private async Task<bool> AttemptAsync(CancellationToken interrupt)
    {
        // A client for each: nothing of a connection that failed is in the way of the next, nor in doubt about which one is asked for its paths.
        using var client = CreateClient();
        using var request = CreateRequest();
        using var watchdog = CancellationTokenSource.CreateLinkedTokenSource(interrupt);
        try
        {
            // One for the connection, and one for the response.
            watchdog.CancelAfter(2 * options.Timeout);
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, watchdog.Token);
            paths.Follow(response);
            CheckMptcp(response);
            switch (Accept(response, isPart: request.Headers.Range is not null))
            {
                case Answer.Body:
                    await ReceiveAsync(response, watchdog);
                    return true;
                case Answer.NothingMissing:
                    return true;
                default:
                    _file.Forget();
                    return false;
            }
        }
        catch (HttpRequestException e)
        {
            throw DownloadException.Of(e, request.RequestUri!.IdnHost, _distrust);
        }
        catch (IOException e)
        {
            throw new DownloadException(ExitCode.NotReceived, $"Connection lost: {e.Message.TrimEnd('.')}", isTransient: true);
        }
        catch (OperationCanceledException) when (!interrupt.IsCancellationRequested)
        {
            throw new DownloadException(ExitCode.Timeout, $"Nothing received for {options.Timeout.TotalSeconds} s", isTransient: true);
        }
        finally
        {
            paths.Leave();
        }
    }

    private HttpClient CreateClient()
    {
        var handler = new SocketsHttpHandler
        {
            // A body that is not wanted is not read to its end for the sake of the connection.
            MaxResponseDrainSize = 0,
            SslOptions = { RemoteCertificateValidationCallback = (_, _, chain, errors) => IsTrusted(chain, errors) },
        };
        var connect = new MptcpConnectOptions
        {
            Mode = options.RequireMptcp ? MptcpMode.Required : MptcpMode.Preferred,
            ConnectTimeout = options.Timeout,
        };
        return new HttpClient(handler.UseMptcp(connect)) { Timeout = Timeout.InfiniteTimeSpan };
    }

    private HttpRequestMessage CreateRequest()
    {
        var request = new HttpRequestMessage(HttpMethod.Get, options.Url)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        request.Headers.UserAgent.ParseAdd("mptcp-download");
        if (_file.CanGoOn)
        {
            request.Headers.Range = new RangeHeaderValue(_file.Length, null);
            request.Headers.IfRange = _file.Validator;
        }

        return request;
    }

    private Answer Accept(HttpResponseMessage response, bool isPart)
    {
        var range = response.Content.Headers.ContentRange;
        switch ((int)response.StatusCode)
        {
            case 206 when isPart && range?.From == Length && _file.IsOf(response):
                _file.GoOn(response);
                Noted?.Invoke($"Going on after {HowMuch()}.");
                return Answer.Body;
            case 416 when isPart && range?.Length == Length && _file.IsOf(response):
                Noted?.Invoke("All of it is here already.");
                return Answer.NothingMissing;
            case 206 or 416 when isPart:
                Noted?.Invoke("The file has changed on the server. Starting over.");
                return Answer.AskForAll;
            case 206:
                throw new DownloadException(ExitCode.WrongRange, "The server sent a part of the file, and was asked for all of it");
            case >= 400 and var status:
                throw new DownloadException(
                    ExitCode.HttpError, $"The requested URL returned error: {status} {response.ReasonPhrase}", isTransient: status is 408 or 429 or >= 500);
            case >= 300 and var status:
                throw new DownloadException(ExitCode.NotRedirected, $"Redirect not followed: {status} to {response.Headers.Location?.ToString() ?? "nowhere"}");
            default:
                if (isPart)
                {
                    Noted?.Invoke($"{(_file.IsOf(response) ? "The server does not send parts" : "The file has changed on the server")}. Starting over.");
                }

                _file.StartOver(response);
                return Answer.Body;
        }
    }

    private async Task ReceiveAsync(HttpResponseMessage response, CancellationTokenSource watchdog)
    {
        await using var body = await response.Content.ReadAsStreamAsync(watchdog.Token);
        var buffer = new byte[1 << 17];
        var isMptcp = paths.Status == MptcpStatus.Active;
        while (true)
        {
            watchdog.CancelAfter(options.Timeout);
            var count = await body.ReadAsync(buffer, watchdog.Token);

            // At once, for the figures are gone with the connection.
            paths.Measure();
            if (isMptcp && paths.Status != MptcpStatus.Active)
            {
                // Who only receives can't tell the sender of a fallback, and is sent as new data what the sender takes for lost
                // (seen on Linux 6.18). Only what came before is certain.
                CheckMptcp(response);
                throw new DownloadException(ExitCode.NotReceived, "The connection fell back to TCP in the middle", isTransient: true);
            }

            if (count == 0)
            {
                break;
            }

            await _file.WriteAsync(buffer.AsMemory(0, count));
            Received += count;
        }

        if (WholeLength is { } whole && Length != whole)
        {
            throw new DownloadException(ExitCode.Partial, "The server sent less than the file", isTransient: true);
        }
    }

    private void CheckMptcp(HttpResponseMessage response)
    {
        if (options.RequireMptcp && response.GetMptcpStatus() is not MptcpStatus.Active and var status)
        {
            throw new DownloadException(ExitCode.NotMptcp, $"Multipath TCP is required, and {status.Explain()}");
        }
    }

    private bool IsTrusted(X509Chain? chain, SslPolicyErrors errors)
    {
        var reasons = (chain?.ChainStatus ?? []).Select(status => status.StatusInformation);
        _distrust = errors switch
        {
            SslPolicyErrors.None => null,
            SslPolicyErrors.RemoteCertificateChainErrors => string.Join(", ", reasons),
            SslPolicyErrors.RemoteCertificateNameMismatch => "it is of another host",
            SslPolicyErrors.RemoteCertificateNotAvailable => "there is none",
            _ => string.Join(", ", reasons.Append("it is of another host")),
        };
        return _distrust is null;
    }
}

/// <summary>What a response is good for.</summary>
internal enum Answer
{
    Body,
    NothingMissing,
    AskForAll,
}

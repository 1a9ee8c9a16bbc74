using System.Globalization;
using System.Net.Http.Headers;
using Microsoft.Win32.SafeHandles;

namespace Download;

/// <summary>
/// The file while it is not whole: FILE.part, and beside it FILE.part.info with what it is a part of. Standard output and devices are
/// written to as they are.
/// </summary>
internal sealed class PartFile : IDisposable
{
    private const string Part = ".part";
    private const string Info = ".part.info";

    private readonly string _file;
    private readonly Uri _url;
    private readonly bool _isDevice;
    private FileStream? _stream;

    public PartFile(string file, Uri url)
    {
        _file = file;
        _url = url;

        // To put a file in the place of /dev/null would be remembered for long.
        _isDevice = file == "-" || Path.GetFullPath(file).StartsWith("/dev/", StringComparison.Ordinal);
        Guard(ReadInfo);
    }

    /// <summary>How much is there.</summary>
    public long Length { get; private set; }

    /// <summary>How much there will be, or null.</summary>
    public long? WholeLength { get; private set; }

    /// <summary>What tells this version of the file from others; null when the server did not say, and no part can be asked for.</summary>
    public RangeConditionHeaderValue? Validator { get; private set; }

    public bool CanGoOn => Validator is not null && Length > 0;

    /// <summary>Whether the next run can.</summary>
    public bool CanGoOnLater => CanGoOn && !_isDevice;

    public string Name => _file == "-" ? "standard output" : _file;

    /// <summary>At the end of what is there.</summary>
    public void GoOn(HttpResponseMessage response)
    {
        Open();
        WholeLength ??= response.Content.Headers.ContentRange?.Length;
    }

    /// <summary>From the first byte on.</summary>
    public void StartOver(HttpResponseMessage response)
    {
        if (_isDevice && Length > 0)
        {
            throw new DownloadException(ExitCode.Partial, $"Can't start over, {Length:N0} bytes went to {Name} already");
        }

        Forget();
        Open();
        WholeLength = response.Content.Headers.ContentLength;
        Validator = ValidatorOf(response);
        if (!_isDevice)
        {
            Guard(() =>
            {
                // The old bytes go before the new validator comes: nothing may bring the two together.
                _stream!.SetLength(0);
                WriteInfo();
            });
        }
    }

    /// <summary>The rest can't be asked for.</summary>
    public void Forget()
    {
        if (!_isDevice)
        {
            Length = 0;
            _stream?.Position = 0;
        }

        Validator = null;
        WholeLength = null;
    }

    /// <summary>Whether this response is of the same version, as far as it says.</summary>
    public bool IsOf(HttpResponseMessage response) =>
        (Validator?.EntityTag is not { } tag || response.Headers.ETag is not { } nowTag || tag.Equals(nowTag))
        && (Validator?.Date is not { } date || response.Content.Headers.LastModified is not { } nowDate || date == nowDate)
        && (WholeLength is not { } length || response.Content.Headers.ContentRange?.Length is not { } nowLength || length == nowLength);

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            // What is written counts, also when the user interrupts: so without a token.
            await _stream!.WriteAsync(bytes);
            Length += bytes.Length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw NotWritten(e);
        }
    }

    /// <summary>It is whole.</summary>
    public void Complete()
    {
        if (!_isDevice)
        {
            Guard(() =>
            {
                _stream?.Dispose();
                File.Move(_file + Part, _file, overwrite: true);
                File.Delete(_file + Info);
            });
        }
    }

    public void Dispose()
    {
        _stream?.Dispose();
        if (!_isDevice && _stream is not null && Length == 0)
        {
            // Nothing to go on from.
            File.Delete(_file + Part);
            File.Delete(_file + Info);
        }
    }

    /// <summary>RFC 9110 has two that are strong enough: a strong ETag, and a date that is well before that of the response.</summary>
    private static RangeConditionHeaderValue? ValidatorOf(HttpResponseMessage response) => response switch
    {
        { Headers.ETag: { IsWeak: false } tag } => new(tag),
        { Content.Headers.LastModified: { } changed, Headers.Date: { } sent } when sent - changed >= TimeSpan.FromSeconds(1) => new(changed),
        _ => null,
    };

    private static void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw NotWritten(e);
        }
    }

    private static DownloadException NotWritten(Exception e) => new(ExitCode.NotWritten, $"Could not write: {e.Message}");

    private void Open()
    {
        if (_stream is not null)
        {
            return;
        }

        Guard(() =>
        {
            if (Directory.Exists(_file))
            {
                throw new IOException($"'{_file}' is a directory");
            }

            // Nobody else may write to it meanwhile.
            _stream = (_file, _isDevice) switch
            {
                // Not Console.OpenStandardOutput, which keeps silent when nobody reads any more.
                ("-", _) => new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0),
                (_, true) => new FileStream(_file, FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0),
                _ => OpenPart(),
            };
            if (!_isDevice && CanGoOn)
            {
                _stream.Position = _stream.Length == Length ? Length : throw new IOException($"another program is writing to '{_file}{Part}'");
            }
        });
    }

    private FileStream OpenPart()
    {
        var part = new FileInfo(_file + Part);
        if (part.LinkTarget is not null)
        {
            // In a folder that others can write to, it can lead to any file of the user.
            throw new IOException($"'{part}' is a symbolic link");
        }

        // CreateNew does not follow a link that was created in the meantime.
        return new FileStream($"{part}", part.Exists ? FileMode.Open : FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
    }

    private void ReadInfo()
    {
        if (_isDevice || !File.Exists(_file + Part) || !File.Exists(_file + Info))
        {
            return;
        }

        if (File.ReadAllLines(_file + Info) is [var url, var validator, var length]
            && url == _url.AbsoluteUri && RangeConditionHeaderValue.TryParse(validator, out var parsed))
        {
            Validator = parsed;
            WholeLength = long.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out var whole) ? whole : null;
            Length = new FileInfo(_file + Part).Length;
        }
    }

    private void WriteInfo()
    {
        // Deletes a symbolic link, and CreateNew follows none: see OpenPart.
        File.Delete(_file + Info);
        if (Validator is not null)
        {
            using var info = new StreamWriter(new FileStream(_file + Info, FileMode.CreateNew));
            info.Write(string.Create(CultureInfo.InvariantCulture, $"{_url.AbsoluteUri}\n{Validator}\n{WholeLength}\n"));
        }
    }
}

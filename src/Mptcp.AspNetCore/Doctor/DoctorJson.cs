using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Doctor;

/// <summary>The report as JSON has the properties that it has in C#.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    Converters =
    [
        typeof(AsText<IPAddress>), typeof(AsText<EndPoint>), typeof(AsName<MptcpFindingSeverity>), typeof(AsName<MptcpUnavailableReason>),
        typeof(AsName<MptcpEndpointUses>), typeof(AsName<MptcpMode>),
    ])]
[JsonSerializable(typeof(MptcpHostReport))]
internal sealed partial class DoctorJson : JsonSerializerContext;

/// <summary>Addresses.</summary>
internal sealed class AsText<T> : JsonConverter<T>
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value?.ToString());
}

/// <summary>Enumerations.</summary>
internal sealed class AsName<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase)
    where T : struct, Enum;

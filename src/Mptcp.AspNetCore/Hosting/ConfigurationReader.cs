using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Mptcp.Sockets;

namespace Mptcp.AspNetCore.Hosting;

/// <summary>
/// Reads settings one by one. A mistake is an <see cref="OptionsValidationException"/> that names the key, the value, the allowed values and
/// the way out; an unknown key is a mistake too.
/// </summary>
internal sealed class ConfigurationReader
{
    public const string SectionName = "Mptcp";

    private const string ModeKey = nameof(MptcpTransportOptions.Mode);

    private readonly string _optionsName;
    private readonly Type _optionsType;

    /// <param name="optionsName">The name of the options that are read, for exceptions.</param>
    /// <param name="optionsType">Their type, for exceptions.</param>
    public ConfigurationReader(string? optionsName, Type optionsType)
    {
        _optionsName = optionsName ?? Options.DefaultName;
        _optionsType = optionsType;
    }

    /// <summary>Reads <c>Mode</c>, or its short form: the value of the section itself, as in <c>"Mptcp": "Disabled"</c>.</summary>
    public MptcpMode? ReadMode(IConfigurationSection section)
    {
        // An environment variable named MPTCP sets the value of the section Mptcp.
        var hint = section.Path == SectionName ? " An environment variable named MPTCP sets it too: unset that one if it is meant for something else." : "";
        var shortForm = ReadEnum<MptcpMode>(section, section.Value, hint);
        var longForm = ReadEnum<MptcpMode>(section.GetSection(ModeKey));
        if (shortForm == MptcpMode.Disabled || longForm == MptcpMode.Disabled)
        {
            // A switch that is off in one place and on in another is off: a deployment sets one form to override the other one.
            return MptcpMode.Disabled;
        }

        return shortForm is null || longForm is null || shortForm == longForm
            ? longForm ?? shortForm
            : throw Mistake(
                $"{section.Path} is \"{section.Value}\" and {section.Path}:{ModeKey} is \"{section[ModeKey]}\", which are the same setting. Remove one of them ({WhereItCanStand(section)}).{hint}");
    }

    public T? ReadEnum<T>(IConfigurationSection section)
        where T : struct, Enum => ReadEnum<T>(section, ReadValue(section, Allowed<T>()), hint: "");

    public TimeSpan? ReadTimeSpan(IConfigurationSection section, TimeSpan minimum, TimeSpan maximum)
    {
        var allowed = $"{Range(minimum, maximum)}, written as hours:minutes:seconds, such as 00:00:05";

        // A number without a colon would be a number of days.
        return ReadValue(section, allowed) is not { } value ? null
            : value.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out var time)
                && time >= minimum && time <= maximum ? time
            : throw Mistake(section, allowed);
    }

    public bool? ReadBool(IConfigurationSection section) =>
        ReadValue(section, "true, false") is not { } text ? null
        : bool.TryParse(text, out var value) ? value
        : throw Mistake(section, "true, false");

    /// <returns>The value; <see langword="null"/> when it is not set, or empty.</returns>
    public string? ReadValue(IConfigurationSection section, string allowed) =>
        section.GetChildren().FirstOrDefault() is { } child
            ? throw Mistake(
                $"{child.Path} = \"{child.Value}\" is not a setting: {section.Path} takes one value, allowed are {allowed}. Correct it or remove it ({WhereItCanStand(child)}).")
            : section.Value is { Length: > 0 } value ? value : null;

    public void ThrowIfUnknownKey(IConfigurationSection section, params ReadOnlySpan<string> known)
    {
        foreach (var child in section.GetChildren())
        {
            var isKnown = false;
            foreach (var key in known)
            {
                isKnown |= key.Equals(child.Key, StringComparison.OrdinalIgnoreCase);
            }

            if (!isKnown)
            {
                throw Mistake(
                    $"{child.Path} = \"{child.Value}\" is no setting; allowed in {section.Path} are {string.Join(", ", known.ToArray())}. Correct it or remove it ({WhereItCanStand(child)}).");
            }
        }
    }

    public OptionsValidationException Mistake(string message) => new(_optionsName, _optionsType, [message]);

    public static string Allowed<T>()
        where T : struct, Enum => string.Join(", ", Enum.GetNames<T>());

    public static string Range(TimeSpan minimum, TimeSpan maximum) => $"times from {Short(minimum)} to {Short(maximum)}";

    private static string Short(TimeSpan time) => time.ToString(time.Milliseconds == 0 ? "c" : @"hh\:mm\:ss\.fff", CultureInfo.InvariantCulture);

    private T? ReadEnum<T>(IConfigurationSection section, string? value, string hint)
        where T : struct, Enum
    {
        if (string.IsNullOrEmpty(value))
        {
            return null;
        }

        // Enum.TryParse takes numbers and lists too.
        return Array.Find(Enum.GetNames<T>(), name => name.Equals(value, StringComparison.OrdinalIgnoreCase)) is { } known
            ? Enum.Parse<T>(known)
            : throw Mistake(section, Allowed<T>(), hint);
    }

    private OptionsValidationException Mistake(IConfigurationSection section, string allowed, string hint = "") =>
        Mistake($"{section.Path} is \"{section.Value}\"; allowed are {allowed}. Correct it or remove it ({WhereItCanStand(section)}).{hint}");

    private static string WhereItCanStand(IConfigurationSection section) =>
        $"in appsettings.json, on the command line as --{section.Path}, or in the environment as {section.Path.Replace(":", "__", StringComparison.Ordinal)}";
}

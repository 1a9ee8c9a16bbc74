using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace Mptcp.AspNetCore.Hosting;

/// <summary>
/// Reads settings by hand and not by binding, so that a mistake is answered with the key, the value and what is allowed, and a misspelt
/// key is a mistake too.
/// </summary>
internal static class ConfigurationReader
{
    public const string SectionName = "Mptcp";

    public static T? ReadEnum<T>(IConfigurationSection section)
        where T : struct, Enum
    {
        if (string.IsNullOrEmpty(section.Value))
        {
            return null;
        }

        // Enum.TryParse takes numbers too, also ones that have no name.
        return Enum.TryParse<T>(section.Value, ignoreCase: true, out var value) && Enum.IsDefined(value) && !IsNumber(section.Value)
            ? value
            : throw Mistake(section, Allowed<T>());
    }

    public static TimeSpan? ReadTimeSpan(IConfigurationSection section) =>
        string.IsNullOrEmpty(section.Value) ? null
        : TimeSpan.TryParse(section.Value, CultureInfo.InvariantCulture, out var value) ? value
        : throw Mistake(section, "times such as 00:00:05");

    public static bool? ReadBool(IConfigurationSection section) =>
        string.IsNullOrEmpty(section.Value) ? null
        : bool.TryParse(section.Value, out var value) ? value
        : throw Mistake(section, "true, false");

    private static IOException Mistake(IConfigurationSection section, string allowed) =>
        new($"{section.Path} is \"{section.Value}\"; allowed are {allowed}. Correct it or remove it ({WhereItCanStand(section)}).");

    private static bool IsNumber(string value) => long.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out _);

    public static string Allowed<T>()
        where T : struct, Enum => string.Join(", ", Enum.GetNames<T>());

    public static void ThrowIfUnknownKey(IConfigurationSection section, ReadOnlySpan<string> known)
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
                throw new IOException(
                    $"{child.Path} = \"{child.Value}\" is no setting; allowed in {section.Path} are {string.Join(", ", known.ToArray())}. Correct it or remove it ({WhereItCanStand(child)}).");
            }
        }
    }

    private static string WhereItCanStand(IConfigurationSection section) =>
        $"in appsettings.json, or in the environment as {section.Path.Replace(":", "__", StringComparison.Ordinal)}";
}

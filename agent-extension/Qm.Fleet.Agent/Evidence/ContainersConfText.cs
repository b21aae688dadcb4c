using Tomlyn;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>Reads containers.conf(5), which whatever runs in QM can write.</summary>
internal static class ContainersConfText
{
    /// <summary>What of it a type names; null when it is empty.</summary>
    /// <exception cref="ContainersConfException">It is no TOML, or has other types.</exception>
    public static T? Read<T>(string text, TomlTypeInfo<T> type)
        where T : class
    {
        try
        {
            return TomlSerializer.Deserialize(text, type);
        }
        catch (Exception e) when (e is TomlException or ArgumentException or ArithmeticException or FormatException or InvalidOperationException or IndexOutOfRangeException)
        {
            // The library means to throw the first only; of a text that ends in a backslash it throws the second.
            throw new ContainersConfException(e.Message);
        }
    }
}

/// <summary>A text is no containers.conf.</summary>
/// <param name="why">The reason, as a sentence or less.</param>
internal sealed class ContainersConfException(string why) : Exception(why);

using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>What systemd holds of one unit for systemd-oomd. Only the preference ever comes to the cgroup, as an attribute of it, and only with other limits.</summary>
internal sealed record OomdControl(string Swap, string MemoryPressure, uint MemoryPressureLimit, string Preference)
{
    private const string SwapKey = "ManagedOOMSwap", PressureKey = "ManagedOOMMemoryPressure", LimitKey = "ManagedOOMMemoryPressureLimit", PreferenceKey = "ManagedOOMPreference";
    private static readonly string[] Modes = ["auto", "kill"];
    private static readonly string[] Preferences = ["none", "avoid", "omit"];

    /// <summary>Nothing set.</summary>
    public static OomdControl None { get; } = new(Modes[0], Modes[0], 0, Preferences[0]);

    /// <summary>All four as D-Bus properties.</summary>
    public IEnumerable<KeyValuePair<string, BusValue>> Properties =>
        [new(SwapKey, Swap), new(PressureKey, MemoryPressure), new(LimitKey, MemoryPressureLimit), new(PreferenceKey, Preference)];

    /// <summary>Whether a key is one of the four.</summary>
    public static bool Knows(string key) => key is SwapKey or PressureKey or LimitKey or PreferenceKey;

    /// <summary>An assignment in a unit file: an empty value resets; one that cannot be read leaves the earlier one.</summary>
    public OomdControl Assign(string key, string text) => (key, text) switch
    {
        (SwapKey, _) => this with { Swap = Of(Modes, text) ?? Swap },
        (PressureKey, _) => this with { MemoryPressure = Of(Modes, text) ?? MemoryPressure },
        (PreferenceKey, _) => this with { Preference = Of(Preferences, text) ?? Preference },
        (_, "") => this with { MemoryPressureLimit = 0 },
        _ => this with { MemoryPressureLimit = Scale(text) ?? MemoryPressureLimit },
    };

    /// <summary>A property set over D-Bus, with the assignment systemd writes for it. Throws <see cref="SystemdRefusal"/>.</summary>
    public (OomdControl Changed, string Assignment) Set(string key, BusValue value) => (key, value) switch
    {
        (LimitKey, BusValue.UInt32 scale) => (this with { MemoryPressureLimit = scale.Value }, string.Create(CultureInfo.InvariantCulture, $"{key}={scale.Value * 100.0 / uint.MaxValue:0.00}%")),
        (SwapKey or PressureKey, BusValue.Text word) when Modes.Contains(word.Value) => (Assign(key, word.Value), $"{key}={word.Value}"),
        (PreferenceKey, BusValue.Text word) when Preferences.Contains(word.Value) => (Assign(key, word.Value), $"{key}={word.Value}"),
        (not LimitKey, BusValue.Text) => throw new SystemdRefusal("System.Error.EINVAL", "Failed to set unit properties: Invalid argument"),
        _ => throw SystemdRefusal.WrongType(),
    };

    private static string? Of(string[] words, string text) => text.Length == 0 ? words[0] : words.Contains(text) ? text : null;

    private static uint? Scale(string text) =>
        text.EndsWith('%') && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) && percent <= 100
            ? (uint)Math.Round(percent / 100 * uint.MaxValue) : null;
}

using Qm.Fleet.V1;
using static Qm.Fleet.V1.EffectiveAssignment.Types;
using static Qm.Fleet.V1.EffectiveSetting.Types;

namespace Qm.Fleet.Cli.Output;

/// <summary>Where settings come from, for a person.</summary>
internal static class EffectiveText
{
    private const string Gap = "   ";

    internal static string Of(Subject subject) => subject switch
    {
        Subject.Unit => "qm.service",
        Subject.HostAgent => "bluechi-agent",
        Subject.QmAgent => "qm/bluechi-agent",
        Subject.Containers => "qm/containers.conf",
        _ => "-",
    };

    /// <summary>The layer of an assignment with what else is known of its file.</summary>
    internal static string Of(EffectiveAssignment assignment) => (assignment.Layer, assignment.Note) switch
    {
        (Layer.Fleet, { Length: > 0 } note) => note,
        (var layer, { Length: > 0 } note) => $"{Of(layer)}, {note}",
        var (layer, _) => Of(layer),
    };

    /// <summary>The assignment that a value in force is told by: the strongest that counts, or the strongest, where that takes the key back to its default.</summary>
    internal static EffectiveAssignment? Winner(EffectiveSetting setting) =>
        setting.Assignments.FirstOrDefault(assignment => assignment.Counts) ?? setting.Assignments.FirstOrDefault();

    /// <summary>A line for the key, and one for every assignment, the strongest first.</summary>
    internal static async Task WriteChainAsync(TextWriter writer, EffectiveSetting setting)
    {
        await writer.WriteLineAsync(PlainText.Of(string.Join(Gap, Head(setting))));
        if (setting.Assignments.Count == 0)
        {
            await writer.WriteLineAsync("  no file sets it");
        }

        string[][] rows = [.. setting.Assignments.Select(assignment => new[] { Value(assignment.Value), PlainText.Of(assignment.File), PlainText.Of(Whence(setting, assignment)) })];
        var widths = Enumerable.Range(0, 2).Select(column => rows.Select(row => row[column].Length).DefaultIfEmpty().Max()).ToArray();
        foreach (var row in rows)
        {
            await writer.WriteLineAsync($"  {row[0].PadRight(widths[0])}{Gap}{row[1].PadRight(widths[1])}{Gap}{row[2]}");
        }
    }

    internal static string Value(string value) => value.Length == 0 ? "(empty)" : PlainText.Of(value);

    private static IEnumerable<string> Head(EffectiveSetting setting)
    {
        yield return setting.Key;
        if (setting is not { Subject: Subject.Unit, Section: "Service" })
        {
            yield return setting.Subject == Subject.Unit ? $"[{setting.Section}]" : Of(setting.Subject);
        }

        if (setting.Kernel.Length > 0)
        {
            yield return $"kernel {setting.Kernel}";
        }

        if (setting.Systemd.Length > 0)
        {
            yield return $"systemd {setting.Systemd}";
        }

        yield return $"wanted {(setting.Wanted.Length > 0 ? setting.Wanted : "-")}";
    }

    // Of several that could count at once, the place in the chain does not tell which do.
    private static string Whence(EffectiveSetting setting, EffectiveAssignment assignment) =>
        setting.List && !assignment.Counts ? $"{Of(assignment)}, {(assignment.Value.Length == 0 ? "resets" : "was reset")}" : Of(assignment);

    private static string Of(Layer layer) => layer switch
    {
        Layer.Vendor => "vendor",
        Layer.VendorDropIn => "vendor's drop-in",
        Layer.Main => "main file",
        Layer.DropIn => "drop-in",
        Layer.Fleet => "QM Fleet",
        Layer.Generator => "quadlet generator",
        Layer.UnitDropIn => "drop-in of qm.service",
        Layer.Control => "set-property, kept over boots",
        Layer.RuntimeControl => "live, through BlueChi or set-property",
        _ => "-",
    };
}

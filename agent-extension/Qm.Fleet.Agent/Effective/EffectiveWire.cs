using System.Globalization;
using Qm.Fleet.Agent.Diagnosis;
using Qm.Fleet.Core.Effective;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Effective;

/// <summary>Puts what was read on the wire: bounded, without secrets, each limit with what the kernel has.</summary>
internal static class EffectiveWire
{
    private const int SettingsMax = 1000;
    private const int AssignmentsMax = 100;
    private const int FindingsMax = 100;
    private const int ValueLengthMax = 4096;
    private const int PieceBytesMax = DiagnosticsDesk.PieceBytes;
    private const int AllBytesMax = 24 * PieceBytesMax;
    private const string Score = "OOMScoreAdjust";

    /// <summary>The pieces of an answer, the last one with the findings; there is always one.</summary>
    /// <param name="reading">What was read.</param>
    /// <param name="report">The same look's report: what the kernel has.</param>
    /// <param name="key">Only settings of this key; empty for all.</param>
    public static IReadOnlyList<Diagnostics> Pieces(EffectiveReading reading, NodeReport report, string key)
    {
        List<string> findings = [.. reading.Findings];
        var settings = reading.Settings.Where(setting => key.Length == 0 || setting.Key == key).ToList();
        if (IsLimit(key) && !settings.Exists(setting => setting.Subject == ConfigurationOf.Unit))
        {
            settings.Insert(0, new(ConfigurationOf.Unit, "Service", key, IsList: false, []));
        }

        List<Diagnostics> pieces = [new()];
        var (bytes, all, told) = (0, 0, 0);
        foreach (var setting in settings.Take(SettingsMax).Select(setting => ToWire(setting, reading.Vendor, report, findings)))
        {
            var size = setting.CalculateSize();
            if (all + size > AllBytesMax)
            {
                break;
            }

            if (bytes > 0 && bytes + size > PieceBytesMax)
            {
                pieces.Add(new());
                bytes = 0;
            }

            pieces[^1].Settings.Add(setting);
            (bytes, all, told) = (bytes + size, all + size, told + 1);
        }

        if (told < settings.Count)
        {
            findings.Insert(0, string.Create(CultureInfo.InvariantCulture, $"{settings.Count - told} of {settings.Count} settings were left out, because all of them are too much; ask for one key."));
        }

        pieces[^1].Findings.AddRange(findings.Distinct().Take(FindingsMax).Select(finding => Cut(Redactor.Redact(finding).Text)));
        return pieces;
    }

    private static V1.EffectiveSetting ToWire(Core.Effective.EffectiveSetting setting, (string Path, string Description)? vendor, NodeReport report, List<string> findings)
    {
        var wire = new V1.EffectiveSetting
        {
            Subject = (V1.EffectiveSetting.Types.Subject)setting.Subject,
            Section = Cut(setting.Section),
            Key = Cut(setting.Key),
            List = setting.IsList,
            Value = Value(setting.Key, setting.Value, findings),
        };
        foreach (var assignment in setting.Chain.Take(AssignmentsMax))
        {
            wire.Assignments.Add(new V1.EffectiveAssignment
            {
                Value = Value(setting.Key, assignment.Value, findings),
                Layer = (V1.EffectiveAssignment.Types.Layer)assignment.Layer,
                File = assignment.File,
                Line = assignment.Line,
                Counts = assignment.Counts,
                Note = assignment.File == vendor?.Path ? Cut(vendor.Value.Description) : "",
            });
        }

        if (setting.Chain.Length > AssignmentsMax)
        {
            findings.Add(string.Create(CultureInfo.InvariantCulture, $"{Cut(setting.Key)}= is assigned {setting.Chain.Length} times; the {AssignmentsMax} strongest are told."));
        }

        if (setting.Subject == ConfigurationOf.Unit && Kernel(setting.Key, report) is var (content, file))
        {
            (wire.Kernel, wire.KernelFile) = (content, file);
        }

        return wire;
    }

    private static (string Content, string File)? Kernel(string key, NodeReport report) =>
        key == Score ? report.Oom?.HasQm == true ? ($"{report.Oom.Qm}", $"/proc/{report.Oom.QmInitPid}/oom_score_adj") : null
        : IsLimit(key) && KernelLimits.Find(Enum.Parse<ResourceProperty>(key), report.Cgroup) is var (content, file) ? (content, $"{Evidence.QmCgroups.Service}/{file}")
        : null;

    private static bool IsLimit(string key) => Enum.TryParse<ResourceProperty>(key, out var property) && property.ToString() == key || key == Score;

    private static string Value(string key, string value, List<string> findings)
    {
        var text = Redactor.RedactValue(key, value);
        if (text.Length > ValueLengthMax)
        {
            findings.Add($"{Cut(key)}= is longer than {ValueLengthMax} characters, and was cut.");
        }

        return Cut(text);
    }

    private static string Cut(string text) => text.Length <= ValueLengthMax ? text : text[..ValueLengthMax];
}

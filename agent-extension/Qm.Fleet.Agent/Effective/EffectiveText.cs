using System.Globalization;
using System.Text;
using Qm.Fleet.V1;
using Subject = Qm.Fleet.V1.EffectiveSetting.Types.Subject;

namespace Qm.Fleet.Agent.Effective;

/// <summary>What is in force, as text for a bundle: a line for each setting, below it every assignment, the strongest first.</summary>
internal static class EffectiveText
{
    /// <summary>Writes it.</summary>
    /// <param name="pieces">What was read, bounded and without secrets.</param>
    public static string Of(IReadOnlyList<Diagnostics> pieces)
    {
        var text = new StringBuilder();
        foreach (var setting in pieces.SelectMany(piece => piece.Settings))
        {
            text.Append(CultureInfo.InvariantCulture, $"{Name(setting.Subject)} [{setting.Section}] {setting.Key}={setting.Value}{(setting.KernelFile.Length > 0 ? $" ({setting.KernelFile}: {setting.Kernel})" : "")}\n");
            foreach (var one in setting.Assignments)
            {
                text.Append(CultureInfo.InvariantCulture, $"  {one.Value} in {one.File}{(one.Line > 0 ? $":{one.Line}" : "")}{(one.Counts ? "" : ", which does not count")}\n");
            }
        }

        return pieces.SelectMany(piece => piece.Findings).Aggregate(text, (all, finding) => all.Append(finding).Append('\n')).ToString();
    }

    private static string Name(Subject subject) => subject switch
    {
        Subject.Unit => "qm.service",
        Subject.HostAgent => "bluechi-agent of the host",
        Subject.QmAgent => "bluechi-agent of QM",
        _ => "containers.conf of QM",
    };
}

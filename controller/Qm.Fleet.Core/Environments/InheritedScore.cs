using System.Globalization;
using Qm.Fleet.Core.Resources;

namespace Qm.Fleet.Core.Environments;

/// <summary>Which OOM scores containers inside QM can be given: without CAP_SYS_RESOURCE the kernel lets nobody go below the score it inherits, which is QM's.</summary>
/// <remarks>
/// An environment has no word to give QM the capability back, and needs none: every score that keeps the order is above QM's. With it the services of QM would take the
/// scores of their own unit files, such as dbus at -900 and systemd-journald at -250: below the host, and among the safety units.
/// </remarks>
public static class InheritedScore
{
    /// <summary>Why nothing in QM goes below it, for the end of a sentence.</summary>
    public const string NeverGranted =
        "QM may not lower it (no CAP_SYS_RESOURCE, which is never granted: with it QM's own dbus and journald would go below the host, to -900 and -250)";

    /// <summary>Scores that could not be had, or would break the order if they could; a sentence each.</summary>
    /// <param name="qm">QM's score, -1000 to 1000, as it will be.</param>
    /// <param name="setBy">The file that sets it; empty for nobody.</param>
    /// <param name="asked">The scores, each with what would have it, such as <c>radio.container</c>.</param>
    public static IEnumerable<string> Problems(int qm, string setBy, IEnumerable<KeyValuePair<string, int>> asked)
    {
        var by = setBy.Length > 0 ? $"which {setBy} gives QM" : "which QM has";
        return asked.Where(one => one.Value <= qm).Select(one => string.Create(CultureInfo.InvariantCulture,
            $"{one.Key} asks for OOM score {one.Value}, not above the {qm} {by}: a container has to be killed before QM, and {(qm > OomScore.Host && one.Value < qm ? "Podman could not start it, because " : "")}{NeverGranted}"));
    }
}

using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Agent.Probes;

/// <summary>What a probe found, made fit to leave the node.</summary>
internal static class ProbeMessage
{
    /// <summary>The most characters.</summary>
    public const int LengthMax = 256;

    /// <summary>The text as it may be told: on one line.</summary>
    public static string Of(string text) => ForeignText.FitLine(text, LengthMax);
}

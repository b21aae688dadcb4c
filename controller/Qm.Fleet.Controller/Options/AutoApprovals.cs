namespace Qm.Fleet.Controller.Options;

/// <summary>The words for <see cref="AutoApproval"/>.</summary>
internal static class AutoApprovals
{
    private static readonly (AutoApproval Value, string Word)[] Known = [(AutoApproval.None, "none"), (AutoApproval.BlueChiPeerMatch, "bluechi-peer-match")];

    /// <summary>All of them.</summary>
    public static IEnumerable<string> Words => Known.Select(static known => known.Word);

    /// <summary>The word for one.</summary>
    public static string Word(AutoApproval value) => Known.First(known => known.Value == value).Word;

    /// <summary>The one that a word of <see cref="Words"/> is for.</summary>
    public static AutoApproval Of(string word) => Known.First(known => known.Word == word).Value;
}

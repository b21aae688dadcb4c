using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Core.Environments;

/// <summary>A root file system of QM as an archive.</summary>
/// <param name="Url">Where it lies: http, https, or file with a path as the node sees it; empty for the controller's own store.</param>
/// <param name="Sha256">SHA-256 of the archive file, 64 lower-case hex digits.</param>
public sealed record RootfsArchive(SecretUrl Url, string Sha256)
{
    /// <summary>Longest address.</summary>
    public const int UrlLengthMax = 2048;

    /// <summary>Most bytes of an archive; the controller keeps none that no node would take.</summary>
    public const long BytesMax = 8L << 30;

    /// <summary>Whether it lies in the controller's own store, named by its digest alone.</summary>
    public bool IsOfController => Url.IsEmpty;

    /// <summary>What is wrong with the address, as a phrase; null when nothing is.</summary>
    public string? UrlProblem()
    {
        if (IsOfController)
        {
            return null;
        }

        var text = Url.Reveal();
        if (text.Length > UrlLengthMax)
        {
            return $"the address has {text.Length} characters; {UrlLengthMax} are allowed";
        }

        if (text.Any(character => char.IsControl(character) || char.IsWhiteSpace(character)))
        {
            return "the address holds a space or a control character; write it as %20 and the like";
        }

        return text.Contains("://", StringComparison.Ordinal) && Uri.TryCreate(text, UriKind.Absolute, out var url)
            ? Problem(url)
            : "not an address; expected http://, https:// or file:///";
    }

    /// <summary>What is wrong with the digest, as a phrase; null when nothing is.</summary>
    public string? Sha256Problem() => Sha256 switch
    {
        { Length: 0 } => "a digest is required; sha256sum of the archive prints it",
        _ when RootfsSlot.IsDigest(Sha256) => null,
        { Length: 64 } when Sha256.All(char.IsAsciiHexDigit) => "the digest must be in lower case",
        _ => "not a SHA-256 digest; expected 64 hex digits, as sha256sum of the archive prints them",
    };

    private static string? Problem(Uri url) => url switch
    {
        { UserInfo.Length: > 0 } => "the address holds a user or a password, which everybody who may read the fleet would see; let the server admit the nodes",
        { Fragment.Length: > 0 } => "the address holds a fragment (#), which no server ever sees",
        { Scheme: "http" or "https", Host.Length: > 0 } => null,
        { Scheme: "file", Host.Length: > 0 } => $"file://{url.Host}/ names another machine; expected file:/// and a path on the node",
        { Scheme: "file", AbsolutePath.Length: > 1 } => null,
        _ => $"{url.Scheme} is not a way archives are fetched; expected http://, https:// or file:///",
    };
}

/// <summary>Checks where a rootfs comes from.</summary>
internal static class RootfsParser
{
    internal static RootfsArchive? Parse(RootfsArchive? declared, ProblemList problems, string path)
    {
        problems.Check($"{path}.url", declared?.UrlProblem());
        problems.Check($"{path}.sha256", declared?.Sha256Problem());
        return declared;
    }
}

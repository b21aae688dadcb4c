using System.Text.RegularExpressions;
using Xunit;

namespace Qm.Fleet.Architecture.Tests;

/// <summary>What is a secret by its name is one by its type, and is given away in few places that are written down.</summary>
[Trait("Requirement", "QMF-SECRET-001")]
public sealed partial class SecretTests
{
    // Where a stored list or a watch goes on: opaque, and no secret.
    private static readonly string[] Places = ["PageToken", "NextPageToken", "ResumeToken", "resumeToken", "token"];

    // Where a secret lies, which is none.
    private static readonly string[] Paths = ["agent-extension/Qm.Fleet.Agent/Configuration/AgentOptions.cs JoinToken"];

    // Every place that reveals a secret, and to whom: a new one is a decision.
    private static readonly Dictionary<string, string> Revealing = new(StringComparer.Ordinal)
    {
        ["agent-extension/Qm.Fleet.Agent/Enrollment/Enroller.cs"] = "the controller whose authority the token names, over TLS",
        ["agent-extension/Qm.Fleet.Agent/Revisions/NodeState.cs"] = "the state directory of the node, 0700",
        ["agent-extension/Qm.Fleet.Agent/Rootfs/ArchiveServer.cs"] = "the server of the archive",
        ["controller/Qm.Fleet.Cli/Connection/FleetConnection.cs"] = "the controller, over TLS",
        ["controller/Qm.Fleet.Cli/Contexts/ContextFile.cs"] = "the file of the person who wrote it, 0600",
        ["controller/Qm.Fleet.Controller/Api/AccessApi.cs"] = "who made the token, once",
        ["controller/Qm.Fleet.Controller/Api/EnrollmentApi.Tokens.cs"] = "who made the join token, once",
        ["controller/Qm.Fleet.Controller/Reconcile/NodeActor.cs"] = "the node that fetches the archive",
        ["controller/Qm.Fleet.Controller/Security/BearerTokens.cs"] = "the hash",
        ["controller/Qm.Fleet.Controller/Security/CertificateAuthority.cs"] = "the authority's folder, 0700, and what signs with it",
        ["controller/Qm.Fleet.Controller/Security/JoinTokens.cs"] = "the hash",
        ["controller/Qm.Fleet.Controller/Security/Oidc/OidcTokens.cs"] = "the check of the signature",
        ["controller/Qm.Fleet.Controller/Security/Pki.cs"] = "the folder of whom it is for, 0700",
        ["controller/Qm.Fleet.Core/Environments/Canonical.cs"] = "the hash that names a revision",
        ["controller/Qm.Fleet.Core/Environments/RootfsArchive.cs"] = "the check of the address",
    };

    [Fact]
    public void Fields_ThatAreNamedLikeASecret_CannotBePrinted()
    {
        var held = Repository.ProductSources.SelectMany(path => Held().Matches(Code(path)).Select(match => (Path: Repository.Relative(path), Name: match.Groups[1].Value)))
            .Where(held => !Places.Contains(held.Name) && !Paths.Contains($"{held.Path} {held.Name}")).ToList();

        Assert.Empty(held);
    }

    [Fact]
    public void Secrets_AreRevealedWhereItIsWrittenDownOnly() => Assert.Equal(
        Revealing.Keys.Order(StringComparer.Ordinal),
        Repository.ProductSources.Select(path => (Path: Repository.Relative(path), Code: Code(path)))
            .Where(static source => source.Code.Contains(".Reveal()", StringComparison.Ordinal)).Select(static source => source.Path).Order(StringComparer.Ordinal));

    // A test cannot tell by the time, which others of the machine have a part in.
    [Theory]
    [InlineData("controller/Qm.Fleet.Controller/Security/BearerTokens.cs")]
    [InlineData("controller/Qm.Fleet.Controller/Security/JoinTokens.cs")]
    [InlineData("controller/Qm.Fleet.Core/Secrets/Secret.cs")]
    public void Secrets_AreComparedInTheSameTimeWhateverIsGuessed(string path)
    {
        var code = Code(Path.Combine(Repository.Root, path));

        Assert.Contains("CryptographicOperations.FixedTimeEquals(", code, StringComparison.Ordinal);
        Assert.DoesNotContain("SequenceEqual(", code, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatCountsAsASecret_IsKnownInOnePlace() => Assert.Equal(
        ["controller/Qm.Fleet.Core/Secrets/Redactor.cs"],
        Repository.ProductSources.Where(static path => RuleOfASecret().IsMatch(Code(path))).Select(Repository.Relative));

    private static string Code(string path) => Comment().Replace(File.ReadAllText(path), "");

    // Parameters of records and methods, properties and fields; what is local to a method is not held.
    [GeneratedRegex(@"\bstring\?? (\w*(?:Token|Secret|Password|Passphrase|Credential|PrivateKey|ApiKey))\s*(?:[,)]|\{ get|;|=>)")]
    private static partial Regex Held();

    [GeneratedRegex(@"PRIVATE KEY-----|\bPASSPHRASE\b|\bBearer\|Basic")]
    private static partial Regex RuleOfASecret();

    [GeneratedRegex(@"^\s*//.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();
}
